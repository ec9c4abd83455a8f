# SPDX-License-Identifier: GPL-2.0
# The CPU has no VMX.
# boot: -m p4_prescott_celeron_336 -c 1
. /testbed/refusal.sh
plan 4
refused 'No such device' 'no VMX'
finish
