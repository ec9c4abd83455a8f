# SPDX-License-Identifier: GPL-2.0
# KVM and minihv: who has VMX first keeps it.
# boot: -c 2
. /testbed/refusal.sh
. /testbed/kvm.sh

load_kvm

plan 8
start_kvm
test_that 'KVM has a VM' grep ready /tmp/held
refused 'Device or resource busy' 'VMX is in use'
stop_kvm
rmmod kvm_intel
test_that 'minihv loads when KVM has gone' insmod /minihv.ko
insmod /lib/modules/kvm/kvm-intel.ko
test_that 'KVM gets no VM beside minihv' kvm_gets_no_vm
test_that 'minihv unloads' rmmod minihv
finish
