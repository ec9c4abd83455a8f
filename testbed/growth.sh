# SPDX-License-Identifier: GPL-2.0
# Sourced by scripts in the test machine that see whether something leaves memory behind. With
# slub_debug=Z on the kernel's command line the allocator counts objects; without, it takes a whole
# slab for used while a CPU holds it.

# settle FILE [CACHE]...: lets go of what the kernel only caches, and writes what is in use then; in
# FILE.slabs of each slab cache. The CACHEs are not counted.
settle()
{
	file=$1
	shift
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 8 # kfree_rcu() may take its time, some 5 s
	for cache in /sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done 2>/dev/null
	# Areas of vmalloc space are kept for a while; VmallocUsed has those in use.
	awk -v others=" vmap_area $* " 'NR > 2 && !index(others, " " $1 " ") { print $1, $2 }' \
		/proc/slabinfo >"$file.slabs"
	{
		awk '{ objects += $2 } END { print "objects", objects }' "$file.slabs"
		# Pages in use are those that are neither free nor kept in hand by a CPU.
		awk '$1 == "managed" { used += $2 }
			$1 == "pages" && $2 == "free" { used -= $3 }
			$1 == "count:" { used -= $2 }
			END { print "pages", used }' /proc/zoneinfo
		awk '/^(VmallocUsed|Percpu):/ { print tolower($1), $2 }' /proc/meminfo
	} >"$file"
}

# no_growth NAME TIMES: from /tmp/before to /tmp/after, by less than TIMES
no_growth()
{
	before=$(awk -v name="$1" '$1 == name { print $2 }' /tmp/before)
	after=$(awk -v name="$1" '$1 == name { print $2 }' /tmp/after)
	echo "$1: $before before, $after after"
	awk 'NR == FNR { before[$1] = $2; next }
		$2 > before[$1] { print $1, "+" $2 - before[$1] }' /tmp/before.slabs /tmp/after.slabs
	[ $((after - before)) -lt "$2" ]
}
