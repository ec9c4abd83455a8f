# SPDX-License-Identifier: GPL-2.0
# VMX is locked off in IA32_FEATURE_CONTROL.
# boot: -m locked_off -c 1
. /testbed/refusal.sh
plan 4
refused 'Operation not permitted' 'VMX is locked off'
finish
