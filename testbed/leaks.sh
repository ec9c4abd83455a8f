# SPDX-License-Identifier: GPL-2.0
# Sourced in the test machine, on a kernel with kmemleak: what a test has left behind.

kmemleak=/sys/kernel/debug/kmemleak

# What comes and goes without anybody's doing.
objects_noise=100
pages_noise=200

# What is in use now, by slab objects (each cache's in FILE.slabs), pages, vmalloc space, per-CPU memory, and
# pages pinned by get_user_pages(). What debugging itself keeps is not counted.
usage()
{
	awk 'NR > 2 && $1 !~ /^(kmemleak|debug_objects|vmap_area|kasan)/ { print $1, $2 }' \
		/proc/slabinfo >"$1.slabs"
	{
		awk '{ objects += $2 } END { print "objects", objects }' "$1.slabs"
		awk '$1 == "managed" { used += $2 }
			$1 == "pages" && $2 == "free" { used -= $3 }
			$1 == "count:" { used -= $2 }
			END { print "pages", used }' /proc/zoneinfo
		awk '/^(VmallocUsed|Percpu):/ { print tolower($1), $2 }' /proc/meminfo
		awk '$1 == "nr_foll_pin_acquired" { pinned += $2 }
			$1 == "nr_foll_pin_released" { pinned -= $2 }
			END { print "pinned", pinned }' /proc/vmstat
	} >"$1"
}

# The slab caches that have grown from /tmp/before to /tmp/after, and by how much.
grown_caches()
{
	awk 'NR == FNR { before[$1] = $2; next }
		$2 > before[$1] { print $1, "+" $2 - before[$1] }' /tmp/before.slabs /tmp/after.slabs
}

# let_go: of files' pages and names, of what kfree_rcu() has yet to free (its shrinker does), and of empty slabs
let_go()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache"
	done 2>/dev/null
}

# remember: what is in use now, for nothing_left
remember()
{
	let_go
	usage /tmp/before
}

# grown NAME TIMES: is more in use in /tmp/after than in /tmp/before, by more than TIMES?
grown()
{
	awk -v name="$1" -v most="$2" '
		NR == FNR { before[$1] = $2; next }
		$1 == name && $2 - before[$1] > most { exit 1 }' /tmp/before /tmp/after && return 1
	return 0
}

# nothing_left: since the last time. Waits for it: some things are freed only a while later.
nothing_left()
{
	attempt=0
	let_go
	while usage /tmp/after && { grown objects "$objects_noise" || grown pages "$pages_noise" ||
	      grown percpu: 64 || grown pinned 0; }; do
		attempt=$((attempt + 1))
		if [ $attempt -eq 12 ]; then
			paste /tmp/before /tmp/after
			grown_caches
			break
		fi
		sleep 1
		let_go
	done
	mv /tmp/after /tmp/before
	mv /tmp/after.slabs /tmp/before.slabs
	[ $attempt -lt 12 ] && no_leaks
}

# kmemleak only speaks of what is older than five seconds and was the same in the scan before, and is wrong at
# times: not twice.
no_leaks()
{
	sleep 5
	echo scan >$kmemleak
	for scan in 1 2 3; do
		echo scan >$kmemleak
		[ "$(head -c 1 $kmemleak)" ] || return 0
		sleep 1
	done
	head -n 100 $kmemleak
	echo clear >$kmemleak
	return 1
}
