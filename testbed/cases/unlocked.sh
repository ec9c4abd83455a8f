# SPDX-License-Identifier: GPL-2.0
# IA32_FEATURE_CONTROL has been left unlocked: minihv says so, and does not lock it.
# boot: -m unlocked -c 1
. /testbed/refusal.sh

feature_control()
{
	dd if=/dev/cpu/0/msr bs=8 count=1 iflag=skip_bytes skip=$((0x3a)) 2>/dev/null | od -A n -t u8
}

still_unlocked()
{
	[ "$(feature_control)" -eq 0 ]
}

insmod /lib/modules/kvm/msr.ko
plan 6
test_that 'IA32_FEATURE_CONTROL is unlocked' still_unlocked
refused 'Operation not permitted' 'unlocked'
test_that 'IA32_FEATURE_CONTROL is still unlocked' still_unlocked
finish
