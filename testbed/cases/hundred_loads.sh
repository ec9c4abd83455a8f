# SPDX-License-Identifier: GPL-2.0
# A hundred loads and unloads leave nothing behind.
# boot: -c 2 -a slub_debug=Z
. /testbed/loads.sh

loads_leave_nothing 90 10
