# SPDX-License-Identifier: GPL-2.0
# Runs the bench on minihv, then on KVM; each line begins with the name of the device.
on_minihv()
{
	load-module /minihv.ko && bench /dev/minihv >/tmp/minihv && rmmod minihv
}

on_kvm()
{
	insmod /lib/modules/kvm/irqbypass.ko && insmod /lib/modules/kvm/kvm.ko &&
		insmod /lib/modules/kvm/kvm-intel.ko && bench /dev/kvm >/tmp/kvm
}

on_minihv && on_kvm || exit 1
sed 's/^/minihv /' /tmp/minihv
sed 's/^/kvm /' /tmp/kvm
