# SPDX-License-Identifier: GPL-2.0
# A hundred loads and unloads leave nothing behind. The first ten fill the kernel's caches; of the
# others, what grows by one object, or one page, with each load shows.
# boot: -c 2 -a slub_debug=Z
. /testbed/ktap.sh
. /testbed/growth.sh

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

exec 3>&1 # for the progress of a test whose output is kept back
plan 6
test_that "$warm_up loads and unloads" load_and_unload $warm_up
settle /tmp/before
test_that "$loads more" load_and_unload $loads
settle /tmp/after
paste /tmp/before /tmp/after | sed 's/^/# /'
test_that 'no slab object is left of each' no_growth objects $loads
test_that 'no page' no_growth pages $loads
test_that 'no KiB of vmalloc space' no_growth vmallocused: $loads
test_that 'no KiB of per-CPU memory' no_growth percpu: $loads
finish
