# SPDX-License-Identifier: GPL-2.0
# A hundred loads and unloads leave nothing behind. The first ten fill the kernel's caches; of the
# others, what grows by one object, or one page, with each load shows. (slub_debug: with it the
# allocator counts objects; without, it takes a whole slab for used while a CPU holds it.)
# boot: -c 2 -a slub_debug=Z
. /testbed/ktap.sh

warm_up=10
loads=90

load_and_unload()
{
	i=0
	while [ $i -lt "$1" ]; do
		insmod /minihv.ko && rmmod minihv || return 1
		i=$((i + 1))
		[ $((i % 10)) -ne 0 ] || echo "# $i of $1" >&3
	done
}

# settle FILE: lets go of what the kernel only caches, and writes what is in use then
settle()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	for cache in /sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done 2>/dev/null
	{
		awk 'NR > 2 { objects += $2 } END { print "objects", objects }' /proc/slabinfo
		# Pages in use are those that are neither free nor kept in hand by a CPU.
		awk '$1 == "managed" { used += $2 }
			$1 == "pages" && $2 == "free" { used -= $3 }
			$1 == "count:" { used -= $2 }
			END { print "pages", used }' /proc/zoneinfo
		awk '/^(VmallocUsed|Percpu):/ { print tolower($1), $2 }' /proc/meminfo
	} >"$1"
}

# no_growth NAME: by less than one a load
no_growth()
{
	before=$(awk -v name="$1" '$1 == name { print $2 }' /tmp/before)
	after=$(awk -v name="$1" '$1 == name { print $2 }' /tmp/after)
	echo "$1: $before before, $after after"
	[ $((after - before)) -lt $loads ]
}

exec 3>&1 # for the progress of a test whose output is kept back
plan 6
test_that "$warm_up loads and unloads" load_and_unload $warm_up
settle /tmp/before
test_that "$loads more" load_and_unload $loads
settle /tmp/after
paste /tmp/before /tmp/after | sed 's/^/# /'
test_that 'no slab object is left of each' no_growth objects
test_that 'no page' no_growth pages
test_that 'no KiB of vmalloc space' no_growth vmallocused:
test_that 'no KiB of per-CPU memory' no_growth percpu:
finish
