# SPDX-License-Identifier: GPL-2.0
# Sourced in the test machine: the kernel's own KVM, whose modules testbed/boot has put there.

load_kvm()
{
	insmod /lib/modules/kvm/irqbypass.ko && insmod /lib/modules/kvm/kvm.ko &&
		insmod /lib/modules/kvm/kvm-intel.ko
}

# Keeps a VM of KVM's open: KVM holds VMX as long as there is one.
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
}

kvm_gets_no_vm()
{
	hold-vm /dev/kvm
	[ $? -eq 16 ] # EBUSY
}
