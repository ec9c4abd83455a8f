# SPDX-License-Identifier: GPL-2.0
# The CPU has no VMX.
# boot: -m athlon64_venice -c 1
. /testbed/refusal.sh
plan 4
refused 'No such device' 'no VMX'
finish
