# SPDX-License-Identifier: GPL-2.0
# On a second host, with TSC scaling, PML and no XSAVE, what has to do with that. All: all_corei7_skylake_x.
# boot: -m corei7_skylake_x -c 2
. /testbed/selftests.sh
msrctl=
cd /selftests || exit 1
run_selftests "" ./caps ./cpuid ./fpu ./fpu_state ./host ./msr_hw ./tsc ./vcpu_state ./xcrs
