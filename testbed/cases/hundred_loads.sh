# SPDX-License-Identifier: GPL-2.0
# A hundred loads and unloads leave nothing behind. The first ten fill the kernel's caches; what
# grows with each of the others, even by one object or one page, shows.
# boot: -c 2
. /testbed/ktap.sh

warm_up=10
loads=90

load_and_unload()
{
	i=0
	while [ $i -lt "$1" ]; do
		insmod /minihv.ko && rmmod minihv || return 1
		i=$((i + 1))
	done
}

# Gives back what the kernel holds only as a cache.
settle()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done 2>/dev/null
	sleep 1
}

slab_objects()
{
	awk 'NR > 2 { sum += $2 } END { print sum }' /proc/slabinfo
}

# Pages that are free, with those that each CPU keeps in hand.
free_pages()
{
	awk '$1 == "pages" && $2 == "free" { sum += $3 } $1 == "count:" { sum += $2 } END { print sum }' \
		/proc/zoneinfo
}

meminfo()
{
	awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo
}

# less_than LIMIT BEFORE AFTER
less_than()
{
	echo "$2 before, $3 after"
	[ $(($3 - $2)) -lt "$1" ]
}

plan 6
test_that "$warm_up loads and unloads" load_and_unload $warm_up
settle
objects=$(slab_objects) pages=$(free_pages) vmalloc=$(meminfo VmallocUsed) percpu=$(meminfo Percpu)
test_that "$loads loads and unloads" load_and_unload $loads
settle
objects_now=$(slab_objects) pages_now=$(free_pages)
echo "# slab objects $objects, then $objects_now; free pages $pages, then $pages_now"
test_that 'less than one slab object a load is left' less_than $loads "$objects" "$objects_now"
test_that 'less than one page a load is left' less_than $loads "$pages_now" "$pages"
test_that 'less than 1 KiB of vmalloc a load is left' less_than $loads "$vmalloc" "$(meminfo VmallocUsed)"
test_that 'less than 1 KiB of per-CPU memory a load is left' less_than $loads "$percpu" "$(meminfo Percpu)"
finish
