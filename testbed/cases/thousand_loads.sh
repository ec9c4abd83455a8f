# SPDX-License-Identifier: GPL-2.0
# A thousand loads and unloads leave nothing behind.
# boot: -c 2 -t 5400 -a slub_debug=Z -a log_buf_len=4M
. /testbed/loads.sh

loads_leave_nothing 990 30
