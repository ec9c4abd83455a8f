# SPDX-License-Identifier: GPL-2.0
# Sourced in the test machine, on a kernel with kmemleak: what a test has left behind.
. /testbed/growth.sh

kmemleak=/sys/kernel/debug/kmemleak

# remember: what is in use now, for nothing_left
remember()
{
	let_go
	usage_now /tmp/before
}

# usage_now FILE: without what debugging itself keeps
usage_now()
{
	usage "$1" 'kmemleak.*' 'debug_objects.*' 'kasan.*'
}

# as_before: but for what comes and goes without anybody's doing; the kernel's worker threads do, each with some fifteen
# objects and its stack
as_before()
{
	threads=$(growth kthreads)
	[ "$threads" -gt 0 ] || threads=0
	no_growth objects $((101 + 15 * threads)) && no_growth pages $((201 + 8 * threads)) &&
		no_growth percpu: 65 && no_growth pinned 1
}

# nothing_left: since the last time. Waits for it: some things are freed only a while later.
nothing_left()
{
	attempt=0
	let_go
	while usage_now /tmp/after && ! as_before >/tmp/grown; do
		attempt=$((attempt + 1))
		if [ $attempt -eq 12 ]; then
			paste /tmp/before /tmp/after
			cat /tmp/grown
			break
		fi
		sleep 1
		let_go
	done
	mv /tmp/after /tmp/before
	mv /tmp/after.slabs /tmp/before.slabs
	[ $attempt -lt 12 ] && none_seen
}

# none_seen: one scan. A leak that is younger than five seconds, or that no scan has met before, kmemleak keeps to
# itself until a later one; then it names the program that has made it. All in all that is four seconds instead of
# twelve.
none_seen()
{
	echo scan >$kmemleak
	[ ! "$(head -c 1 $kmemleak)" ] || no_leaks
}

# no_leaks: the last word of kmemleak. It is wrong at times: not twice.
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
