# SPDX-License-Identifier: GPL-2.0
# Runs the MSR matrix on minihv, then on KVM; the cells of each come with its name before them.
# boot: -c 1
. /testbed/ktap.sh

on_minihv()
{
	load-module /minihv.ko && msr_matrix /dev/minihv >/tmp/minihv && rmmod minihv
}

on_kvm()
{
	insmod /lib/modules/kvm/irqbypass.ko && insmod /lib/modules/kvm/kvm.ko &&
		insmod /lib/modules/kvm/kvm-intel.ko && msr_matrix /dev/kvm >/tmp/kvm
}

# What KVM says of each MSR that it does not know takes the serial line longer than the access.
dmesg -n 1
plan 2
test_that 'the matrix runs on minihv' on_minihv
test_that 'the matrix runs on KVM' on_kvm
sed 's/^/minihv: /' /tmp/minihv
sed 's/^/kvm: /' /tmp/kvm
finish
