# SPDX-License-Identifier: GPL-2.0
# All selftests on a third host: IA32_SPEC_CTRL, IA32_ARCH_CAPABILITIES, UMIP, IBT.
# boot: -m tigerlake -c 2
. /testbed/selftests.sh
run_selftests ""
