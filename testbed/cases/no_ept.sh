# SPDX-License-Identifier: GPL-2.0
# A control that minihv needs is missing: the CPU has VMX, but no EPT.
# boot: -m core2_penryn_t9600 -c 1
. /testbed/refusal.sh
plan 4
refused 'Operation not supported' 'EPT'
finish
