# SPDX-License-Identifier: GPL-2.0
# All selftests on a third host: a younger CPU, and no XSAVE.
# boot: -m tigerlake -c 2
. /testbed/selftests.sh
run_selftests ""
