# SPDX-License-Identifier: GPL-2.0
# Sourced in the test machine: the kernel's own KVM, whose modules testbed/boot has put there.

load_kvm()
{
	insmod /lib/modules/kvm/irqbypass.ko && insmod /lib/modules/kvm/kvm.ko &&
		insmod /lib/modules/kvm/kvm-intel.ko
}
