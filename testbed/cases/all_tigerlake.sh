# SPDX-License-Identifier: GPL-2.0
# All selftests on the host of the case tigerlake.
# boot: -m tigerlake -c 2
. /testbed/selftests.sh
run_selftests ""
