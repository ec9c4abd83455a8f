# SPDX-License-Identifier: GPL-2.0
# Debian's QEMU in the test machine: on minihv, under the name /dev/kvm, then on KVM. What it says of
# the CPU that it could offer is printed behind "model DEVICE: ". Files: /qemu (what testbed/cases/qemu
# put there), in it the seed of the random moments.
. /testbed/ktap.sh
. /testbed/growth.sh
. /testbed/kvm.sh

# Of the kills, the first few fill the kernel's caches and are not counted.
warm_up=6
qemu_kills=20
other_kills=30

# What the guest asks of isa-debug-exit when all has passed, and a shell's word for SIGKILL.
passed=33
killed=137

# Some names of files stay in memory for a while. A file that stays open counts elsewhere.
names='dentry inode_cache proc_inode_cache lsm_inode_cache'

# A machine without a local APIC, with our guest. Its MSR 0x4b564d06 asks for an APIC in the kernel.
machine=microvm,kernel-irqchip=off,accel=kvm
options='-cpu host,-apic,-kvm-asyncpf-int -m 64 -L /qemu -display none -nodefaults
	-device isa-debug-exit,iobase=0xf4,iosize=4 -kernel /qemu/guest.elf'
heartbeat='-append heartbeat -serial file:/tmp/beats'

# model NAME: what "-cpu host" would be
model()
{
	timeout -s KILL 60 qemu-system-x86_64 -L /qemu -M none,accel=kvm -nodefaults -display none \
		-qmp unix:/tmp/qmp,server=on,wait=off &
	qmp 50 /tmp/qmp '{"execute": "query-cpu-model-expansion",
		"arguments": {"type": "full", "model": {"name": "host"}}}' >"/tmp/model.$1" &&
		qmp 20 /tmp/qmp quit && wait $!
}

# guest NAME MACHINE: the guest's tests
guest()
{
	number=$((number + 1))
	rm -f /tmp/serial
	timeout -s KILL 60 qemu-system-x86_64 $options -M "$2" -no-reboot -serial file:/tmp/serial \
		>/tmp/said 2>&1
	status=$?
	echo "# Subtest: $1"
	sed 's/^/    /' /tmp/serial
	if [ $status -eq $passed ]; then
		echo "ok $number $1"
	else
		sed 's/^/# QEMU: /' /tmp/said
		echo "not ok $number $1 # status $status"
		failed=1
	fi
}

# The guest whose heart beats; QEMU listens at /tmp/qmp.
start_heart()
{
	rm -f /tmp/beats
	timeout -s KILL 300 qemu-system-x86_64 $options -M $machine $heartbeat \
		-qmp unix:/tmp/qmp,server=on,wait=off >/tmp/said 2>&1 &
	heart=$!
}

beats()
{
	grep -c '^ok' /tmp/beats 2>/dev/null
}

starts()
{
	grep -c '^start' /tmp/beats 2>/dev/null
}

# within SECONDS COMMAND...: it succeeds, sooner or later
within()
{
	tries=$(($1 * 10))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "not so: $*"; tail -n 5 /tmp/beats /tmp/said; return 1; }
		sleep 0.1
	done
}

more_than()
{
	[ "$(beats)" -gt "$1" ]
}

# Two more: the first may have been on its way already.
beats_on()
{
	within 20 more_than $(($(beats) + 1))
}

is_still()
{
	before=$(beats)
	sleep 0.5
	[ "$(beats)" -eq "$before" ]
}

monitor()
{
	qmp 20 /tmp/qmp "$@"
}

stop_and_go_on()
{
	for i in 1 2 3; do
		monitor stop && is_still && monitor cont && beats_on || return 1
	done
}

stop_and_go_on_at_once()
{
	monitor stop cont stop cont stop cont stop cont stop cont stop cont && beats_on
}

# To show them QEMU reads all registers, and writes them back before the guest runs on.
look_at_registers()
{
	for i in 1 2 3 4 5; do
		monitor '{"execute": "human-monitor-command",
			"arguments": {"command-line": "info registers"}}' >/tmp/registers || return 1
		grep -q EFER= /tmp/registers || return 1
	done
	monitor stop '{"execute": "human-monitor-command",
		"arguments": {"command-line": "info registers"}}' cont >/tmp/registers && beats_on
}

started()
{
	[ "$(starts)" -eq "$1" ]
}

reset_it()
{
	for i in 2 3 4; do
		monitor system_reset && within 20 started $i && beats_on || return 1
		echo "# reset $((i - 1))" >&3
	done
	monitor stop system_reset cont && within 20 started 5 && beats_on
}

# From each start on the beats are numbered; the guest says "not ok" of a value that changed. A reset, and
# the end, may cut off a line.
report_is_whole()
{
	awk 'function check_cut(may_be) {
			if (cut != "" && !(may_be && index("ok " beat + 1 " beat", cut) == 1)) {
				print "unexpected: " cut
				failed = 1
			}
			cut = ""
		}
		$0 == "" { next }
		{ check_cut(/^start$/) }
		/^start$/ { beat = 0; next }
		$0 == "ok " beat + 1 " beat" { beat++; next }
		{ cut = $0 }
		END { check_cut(1); exit failed }' /tmp/beats
}

# kill_after SECONDS: the client that was started last, and its children. (killall would look at all of
# /proc, and leave many pages of names.)
kill_after()
{
	pid=$!
	sleep "$1"
	children=
	{ read -r children <"/proc/$pid/task/$pid/children"; } 2>/dev/null
	kill -KILL $pid $children 2>/dev/null
	wait $pid
	[ $? -ne $killed ] || hits=$((hits + 1))
	shots=$((shots + 1))
	[ $((shots % 5)) -ne 0 ] || echo "# $shots killed" >&3
}

# moments COUNT LONGEST...: random times, in seconds, the same for the same seed. The longest ones for
# the first, the second, and so on, and again from the first.
moments()
{
	count=$1
	shift
	awk -v seed="$(cat /qemu/seed)" -v count="$count" -v limits="$*" 'BEGIN {
		n = split(limits, longest)
		srand(seed)
		for (i = 0; i < count; i++)
			printf "%.3f\n", rand() * longest[i % n + 1]
	}'
}

# It runs until it is killed, each time.
kill_qemu()
{
	hits=0
	shots=0
	for moment in $(moments "$1" 2.5); do
		qemu-system-x86_64 $options -M $machine $heartbeat >/tmp/said 2>&1 &
		kill_after "$moment"
	done
	echo "$hits of $1"
	[ $hits -eq "$1" ]
}

# A selftest with threads and changing memory, and single accesses. Some are done before they are hit.
kill_others()
{
	hits=0
	shots=0
	for moment in $(moments "$1" 0.7 0.05); do
		if [ $((shots % 2)) -eq 0 ]; then
			MINIHV_DEVICE=/dev/kvm /selftests/stress >/dev/null 2>&1 &
		else
			msrctl -d /dev/kvm guest $accesses >/dev/null 2>&1 &
		fi
		kill_after "$moment"
	done
	echo "$hits of $1"
	[ $((hits * 3)) -ge "$1" ]
}

not_in_use()
{
	[ "$(cat "/sys/module/$1/refcnt")" -eq 0 ]
}

# tests MODULE: what is the same on both, 18 tests
tests()
{
	guest 'guest, started by SeaBIOS' $machine
	guest 'guest, started by qboot' $machine,acpi=off

	start_heart
	test_that 'a guest that writes MSRs all the time' beats_on
	test_that 'stopped it is still, and goes on when told' stop_and_go_on
	test_that 'stopped and told to go on without a pause' stop_and_go_on_at_once
	test_that 'its registers read, and written back' look_at_registers
	test_that 'reset, it starts again' reset_it
	monitor quit >/dev/null || kill -KILL $heart
	wait $heart
	test_that 'QEMU ends when told' test $? -eq 0
	test_that 'none of its values was lost' report_is_whole

	test_that "$warm_up times QEMU and others killed" kill_both $warm_up $warm_up
	settle /tmp/before $names
	test_that "QEMU killed $qemu_kills times, at any moment" kill_qemu $qemu_kills
	test_that "other clients killed $other_kills times" kill_others $other_kills
	test_that 'nobody holds the module' within 10 not_in_use "$1"
	settle /tmp/after $names
	paste /tmp/before /tmp/after | sed 's/^/# /'
	test_that 'no slab object is left of each' no_growth objects $qemu_kills
	test_that 'no page' no_growth pages $qemu_kills
	test_that 'no KiB of vmalloc space' no_growth vmallocused: $qemu_kills
	test_that 'no KiB of per-CPU memory' no_growth percpu: $qemu_kills
	guest 'the guest once more' $machine
}

kill_both()
{
	kill_qemu "$1" && kill_others "$2"
}

load_minihv()
{
	load-module /minihv.ko "$@" && ln -s minihv /dev/kvm
}

unload_minihv()
{
	rm /dev/kvm && rmmod minihv
}

# With VMX in its CPUID minihv has more to compare.
on_minihv()
{
	plan 24
	test_that 'load with vmx_cpuid=1' load_minihv vmx_cpuid=1
	test_that 'QEMU tells what the CPU could be' model minihv
	guest 'guest with VMX in its CPUID' $machine
	test_that 'unload' unload_minihv
	test_that 'load' load_minihv
	tests minihv
	test_that 'unload again' unload_minihv
	return $failed
}

on_kvm()
{
	plan 21
	test_that 'load' load_kvm
	test_that 'QEMU tells what the CPU could be' model kvm
	tests kvm_intel
	test_that 'unload' rmmod kvm_intel
	return $failed
}

# Line by line: busybox' sed would keep them until there are many, and boot takes silence for death.
indent()
{
	while IFS= read -r line; do
		printf '    %s\n' "$line"
	done
}

accesses=$(yes rdmsr pat wrmsr lstar 0xffffffff81000000 | head -n 50)
devices=$(cat /qemu/devices)

# The serial line would take longer than what KVM says of each MSR that it does not know is worth.
dmesg -n 1
plan "$(echo "$devices" | wc -w)"
for device in $devices; do
	echo "# Subtest: QEMU on $device"
	{ "on_$device" 2>&1 3>&1; echo $? >/tmp/status; } | indent
	test_that "QEMU on $device" grep -q -x 0 /tmp/status
done
for device in $devices; do
	sed "s/^/model $device: /" "/tmp/model.$device"
done
finish
