# SPDX-License-Identifier: GPL-2.0
# Runs the bench on minihv, then on KVM; each line begins with the name of the device. With a file
# /testbed/mark it only marks the operations, for testbed/bench_trace.awk.
mark=
[ ! -e /testbed/mark ] || mark=mark

on_minihv()
{
	load-module /minihv.ko && bench /dev/minihv $mark >/tmp/minihv && rmmod minihv
}

on_kvm()
{
	insmod /lib/modules/kvm/irqbypass.ko && insmod /lib/modules/kvm/kvm.ko &&
		insmod /lib/modules/kvm/kvm-intel.ko && bench /dev/kvm $mark >/tmp/kvm
}

on_minihv && on_kvm || exit 1
sed 's/^/minihv /' /tmp/minihv
sed 's/^/kvm /' /tmp/kvm
