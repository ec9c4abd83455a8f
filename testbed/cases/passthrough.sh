# SPDX-License-Identifier: GPL-2.0
# With passthrough=1 the CPU itself does the MSR accesses that it can. Guest and host see the same.
# boot: -c 2
. /testbed/selftests.sh
# Here msrctl is the one with ASan, which looks for leaks too, and UBSan.
msrctl=msrctl-san
cd /selftests || exit 1
run_selftests passthrough=1 ./msr_exits ./msr_filter ./msr_guest ./msr_hw ./msr_insn ./smp ./tsc \
	./host_msrs ./history ./history_lapic
