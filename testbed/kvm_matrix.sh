# SPDX-License-Identifier: GPL-2.0
# Runs the MSR matrix on minihv, then on KVM, and prints the cells, each behind the name of its
# device.
. /testbed/ktap.sh
. /testbed/kvm.sh

# matrix NAME: the matrix of /dev/NAME in /tmp/NAME; its progress is shown at once
matrix()
{
	msr_matrix "/dev/$1" >"/tmp/$1" 2>&3
}

on_minihv()
{
	load-module /minihv.ko && matrix minihv && rmmod minihv
}

on_kvm()
{
	load_kvm && matrix kvm
}

# What KVM says of each MSR that it does not know takes the serial line longer than the access.
dmesg -n 1
exec 3>&1
plan 2
test_that 'the matrix runs on minihv' on_minihv
test_that 'the matrix runs on KVM' on_kvm
sed 's/^/minihv: /' /tmp/minihv
sed 's/^/kvm: /' /tmp/kvm
finish
