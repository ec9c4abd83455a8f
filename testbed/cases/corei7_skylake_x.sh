# SPDX-License-Identifier: GPL-2.0
# All selftests on a second host: TSC scaling, PML, no XSAVE.
# boot: -m corei7_skylake_x -c 2
. /testbed/selftests.sh
run_selftests ""
