# SPDX-License-Identifier: GPL-2.0
# All selftests on the default host, with two CPUs.
# boot: -m broadwell_ult -c 2
. /testbed/selftests.sh
run_selftests ""
