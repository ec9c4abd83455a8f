# SPDX-License-Identifier: GPL-2.0
# All selftests on the host of the case corei7_skylake_x.
# boot: -m corei7_skylake_x -c 2
. /testbed/selftests.sh
run_selftests ""
