# SPDX-License-Identifier: GPL-2.0
# Sourced by cases in which the machine restarts while guests run on all CPUs. The script runs twice;
# $LIFE says which time it is.
. /testbed/ktap.sh

start_guests()
{
	run-guests /dev/minihv >/tmp/guests 2>&1 &
	guests=$!
	until [ -s /tmp/guests ]; do sleep 0.1; done
	grep -x "$(nproc) guests" /tmp/guests
}

# restarts_by COMMAND...: that is not expected to return
restarts_by()
{
	restart_follows
	"$@"
	sleep 20
	echo "not ok $((number + 1)) the machine did not restart"
	exit 1
}

# In bochs 2.7 time stands still while a CPU that has reset the machine executes as many instructions as it had
# before: the BIOS waits for the keyboard in vain. So it is the second CPU that does it, and the kernel that comes
# leaves that one alone. Cases in which the machine is reset have "-a maxcpus=1 -a reboot=smp1"; the second CPU
# is there in the first life only. Nor does the reset give the BIOS back the timer interrupts that Linux has the
# HPET send: "-a hpet=disable".
start_cpus()
{
	for online in /sys/devices/system/cpu/cpu[1-9]/online; do
		[ "$(cat "$online")" -eq 1 ] || echo 1 >"$online"
	done
}

# sysrq LETTER
sysrq()
{
	taskset 2 sh -c "echo $1 >/proc/sysrq-trigger"
}

# The kernel that is to come: this one. Its initramfs has what this one has, less what is big.
pack_kernel()
{
	(cd / && find . -xdev ! -path './boot/*' ! -path './selftests/*' ! -path './tmp/*' |
		cpio -o -H newc) >/tmp/initramfs
}

# load_kernel [-p]: the kernel computes a checksum of it all, some 20 s in the emulator without a pause
load_kernel()
{
	echo 0 >/proc/sys/kernel/soft_watchdog
	pack_kernel && kexec-load "$@" /boot/vmlinuz /tmp/initramfs \
		"$(sed 's/BOOT_IMAGE=[^ ]*//; s/initrd=[^ ]*//; s/crashkernel=[^ ]*//' /proc/cmdline)" || return 1
	echo 1 >/proc/sys/kernel/soft_watchdog
}

cpus_are()
{
	grep -x "$1" /sys/devices/system/cpu/online
}

guests_on_both()
{
	cpus_are 0-1 && start_guests
}

# first_life TESTS [-p]: two of so many tests; three with a kernel to load, -p: for kdump
first_life()
{
	plan "$1"
	shift
	# All that the kernel says from here on has to reach testbed/boot: nobody will ask this kernel for its log.
	dmesg -n 8
	start_cpus
	[ ! -e /boot/vmlinuz ] || test_that 'the next kernel is loaded' load_kernel "$@"
	test_that 'minihv loads' insmod /minihv.ko
	test_that 'guests run on both CPUs' guests_on_both
}

# second_life DONE CPUS: what a machine that has restarted can do: three tests, after DONE in the first life
second_life()
{
	number=$1
	failed=0
	test_that "the machine has restarted, with CPUs $2" cpus_are "$2"
	test_that 'minihv loads again' insmod /minihv.ko
	test_that 'guests run on all CPUs again' start_guests
}

# resets COMMAND...: what resets the machine in its first life
resets()
{
	if [ "$LIFE" -eq 1 ]; then
		first_life 5
		restarts_by "$@"
	fi
	second_life 2 0
	finish
}
