# SPDX-License-Identifier: GPL-2.0
# Sourced by scripts in the test machine that see whether something leaves memory behind. With
# slub_debug=Z on the kernel's command line the allocator counts objects; without, it takes a whole
# slab for used while a CPU holds it.

# let_go: of files' pages and names, of what kfree_rcu() has yet to free (its shrinker does), and of empty slabs
let_go()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache"
	done 2>/dev/null
}

# usage FILE [CACHE]...: writes what is in use now: slab objects (of each cache in FILE.slabs), pages, KiB of
# vmalloc space and of per-CPU memory, pages pinned by get_user_pages(), and the kernel's threads. The CACHEs, regular
# expressions, are not counted.
usage()
{
	file=$1
	shift
	# Areas of vmalloc space are kept for a while; VmallocUsed has those in use.
	others=vmap_area
	for cache in "$@"; do others="$others|$cache"; done
	awk -v others="^($others)\$" 'NR > 2 && $1 !~ others { print $1, $2 }' /proc/slabinfo >"$file.slabs"
	{
		awk '{ objects += $2 } END { print "objects", objects }' "$file.slabs"
		# Pages in use are those that are neither free nor kept in hand by a CPU.
		awk '$1 == "managed" { used += $2 }
			$1 == "pages" && $2 == "free" { used -= $3 }
			$1 == "count:" { used -= $2 }
			END { print "pages", used }' /proc/zoneinfo
		awk '/^(VmallocUsed|Percpu):/ { print tolower($1), $2 }' /proc/meminfo
		awk '$1 == "nr_foll_pin_acquired" { pinned += $2 }
			$1 == "nr_foll_pin_released" { pinned -= $2 }
			END { print "pinned", pinned }' /proc/vmstat
		# The children of kthreadd
		cat /proc/[0-9]*/stat 2>/dev/null | awk '$4 == 2 { n++ } END { print "kthreads", n + 0 }'
	} >"$file"
}

# settle FILE [CACHE]...: usage, when what takes its time has been freed, too
settle()
{
	let_go
	sleep 8 # kfree_rcu() may take some 5 s
	let_go
	usage "$@"
}

# growth NAME: from /tmp/before to /tmp/after
growth()
{
	awk -v name="$1" '$1 == name { growth = $2 - growth } END { print growth }' /tmp/before /tmp/after
}

# no_growth NAME TIMES: it is less than TIMES; tells of the caches that have grown
no_growth()
{
	echo "$1: $(growth "$1") more"
	awk 'NR == FNR { before[$1] = $2; next }
		$2 > before[$1] { print $1, "+" $2 - before[$1] }' /tmp/before.slabs /tmp/after.slabs
	[ "$(growth "$1")" -lt "$2" ]
}
