# SPDX-License-Identifier: GPL-2.0
# Runs in the test machine: minihv's life from insmod to rmmod, with guests that read and write MSRs.
. /testbed/trouble.sh

heading()
{
	printf '\n==== %s\n\n' "$*"
}

# Shows a command, runs it, and ends the demo when it does not end with STATUS.
run()
{
	wanted=$1
	shift
	echo "# $*"
	"$@"
	status=$?
	echo
	[ $status -eq "$wanted" ] || { echo "status $status instead of $wanted"; exit 1; }
}

heading 'minihv enters VMX root on each CPU'
run 0 insmod /minihv.ko
dmesg | grep -o 'minihv: CPU.*'

heading 'the MSRs that it knows'
run 0 msrctl list

heading 'a guest reads and writes MSRs'
run 0 msrctl guest rdmsr IA32_PAT rdmsr IA32_APIC_BASE rdmsr IA32_MISC_ENABLE rdmsr IA32_EFER \
	wrmsr IA32_LSTAR 0xffffffff81000000 rdmsr IA32_LSTAR \
	wrmsr IA32_KERNEL_GS_BASE 0xffff888000000000 wrmsr IA32_SYSENTER_EIP 0x401000 \
	wrmsr IA32_TSC_AUX 0x1234 rdmsr IA32_TSC_AUX
echo 'What the guest may not write ends in #GP(0), and the MSR keeps its value:'
run 1 msrctl guest wrmsr IA32_LSTAR 0x8000000000000000
run 1 msrctl guest rdmsr 0xdead

heading 'minihv leaves'
run 0 rmmod minihv
dmesg | grep -o 'minihv: CPU.*left'
if dmesg | grep -E "$trouble" | grep -v "$no_trouble"; then
	exit 1
fi
echo 'The kernel log has no warning.'
