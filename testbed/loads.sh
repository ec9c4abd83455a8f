# SPDX-License-Identifier: GPL-2.0
# Sourced by cases that load and unload the module many times: nothing is left behind. The first ten
# fill the kernel's caches; of the others, what grows by one object, or one page, with every second load shows.
. /testbed/ktap.sh
. /testbed/growth.sh

warm_up=10

load_and_unload()
{
	i=0
	while [ $i -lt "$1" ]; do
		insmod /minihv.ko && rmmod minihv || return 1
		i=$((i + 1))
		[ $((i % every)) -ne 0 ] || echo "# $i of $1" >&3
	done
}

# loads_leave_nothing LOADS EVERY: LOADS of them after the first ten, with a word of it after EVERY so many
loads_leave_nothing()
{
	every=$2
	exec 3>&1 # for the progress of a test whose output is kept back
	plan 6
	test_that "$warm_up loads and unloads" load_and_unload $warm_up
	settle /tmp/before
	test_that "$1 more" load_and_unload "$1"
	settle /tmp/after
	paste /tmp/before /tmp/after | sed 's/^/# /'
	test_that 'no slab object is left of each' no_growth objects $(($1 / 2))
	test_that 'no page' no_growth pages $(($1 / 2))
	test_that 'no KiB of vmalloc space' no_growth vmallocused: $(($1 / 2))
	test_that 'no KiB of per-CPU memory' no_growth percpu: $(($1 / 2))
	finish
}
