# SPDX-License-Identifier: GPL-2.0
# KVM and minihv: who has VMX first keeps it.
# boot: -c 2
. /testbed/refusal.sh

# Keeps a VM of KVM's open; KVM holds VMX as long as there is one.
start_kvm()
{
	hold-vm /dev/kvm >/tmp/held 2>&1 &
	holder=$!
	until [ -s /tmp/held ]; do sleep 0.1; done
}

stop_kvm()
{
	kill "$holder"
	wait "$holder" 2>/dev/null
	rmmod kvm_intel
}

kvm_gets_no_vm()
{
	hold-vm /dev/kvm && return 1
	[ $? -eq 16 ] # EBUSY
}

insmod /lib/modules/kvm/irqbypass.ko
insmod /lib/modules/kvm/kvm.ko
insmod /lib/modules/kvm/kvm-intel.ko

plan 8
start_kvm
test_that 'KVM has a VM' grep ready /tmp/held
refused 'Device or resource busy' 'VMX is in use'
stop_kvm
test_that 'minihv loads when KVM has gone' insmod /minihv.ko
insmod /lib/modules/kvm/kvm-intel.ko
test_that 'KVM gets no VM beside minihv' kvm_gets_no_vm
test_that 'minihv unloads' rmmod minihv
finish
