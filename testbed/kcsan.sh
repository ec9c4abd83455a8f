# SPDX-License-Identifier: GPL-2.0
# The case kcsan in the test machine: all selftests, those about MSRs again with passthrough=1.
. /testbed/selftests.sh

export TIMEOUT_FACTOR=20
about_msrs='msr_exits msr_filter msr_guest msr_hw msr_insn smp stress'

while sleep 30; do echo "# $(cut -d ' ' -f 1 /proc/uptime) s"; done &
alive=$!

run()
{
	cd /selftests || return 1
	nested 'selftests' ./run.sh "$@"
}

insmod /lib/modules/kvm/msr.ko
plan 6
test_that 'load' load-module /minihv.ko
run $DEBUG_TESTS
test_that 'unload' rmmod minihv
test_that 'load passthrough=1' load-module /minihv.ko passthrough=1
run ${DEBUG_TESTS:-$about_msrs}
test_that 'unload' rmmod minihv
kill $alive
finish
