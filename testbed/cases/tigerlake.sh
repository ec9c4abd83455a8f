# SPDX-License-Identifier: GPL-2.0
# On a third host, with IA32_SPEC_CTRL, IA32_ARCH_CAPABILITIES, UMIP and IBT, what has to do with that. All:
# all_tigerlake.
# boot: -m tigerlake -c 2
. /testbed/selftests.sh
msrctl=
cd /selftests || exit 1
run_selftests "" ./cpuid ./exceptions ./history ./host_msrs ./msr_guest ./msr_hw ./msr_lists ./msr_values
