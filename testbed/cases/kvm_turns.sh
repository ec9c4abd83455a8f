# SPDX-License-Identifier: GPL-2.0
# KVM's module comes and goes under guests of minihv; and the two take turns.
# boot: -c 2
. /testbed/refusal.sh
. /testbed/kvm.sh

rounds=5

# start_guests DEVICE: on all CPUs
start_guests()
{
	: >/tmp/guests
	run-guests "$1" >/tmp/guests 2>&1 &
	guests=$!
	until [ -s /tmp/guests ]; do sleep 0.1; done
	grep -qx "$(nproc) guests" /tmp/guests || { cat /tmp/guests; return 1; }
}

guests_run()
{
	kill -0 $guests && [ "$(wc -l </tmp/guests)" -eq 1 ]
}

stop_guests()
{
	guests_run || { cat /tmp/guests; return 1; }
	kill $guests
	wait $guests 2>/dev/null
	:
}

# Soon after the files of a process that was killed have been closed.
unload()
{
	for i in 1 2 3 4 5 6 7 8 9; do rmmod "$1" 2>/dev/null && return; sleep 0.2; done
	rmmod "$1"
}

loads_again()
{
	until insmod "$1" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 10 ] || return 1
		sleep 0.2
	done
}

kvm_comes_and_goes()
{
	for round in $(seq $rounds); do
		insmod /lib/modules/kvm/kvm-intel.ko && kvm_gets_no_vm && guests_run && unload kvm_intel ||
			return 1
	done
}

# KVM's module is loaded all the time.
take_turns()
{
	for round in $(seq $rounds); do
		tries=0
		loads_again /minihv.ko && start_guests /dev/minihv && kvm_gets_no_vm && stop_guests &&
			unload minihv || return 1
		start_guests /dev/kvm || return 1
		load_says 'Device or resource busy' && stop_guests || return 1
	done
}

insmod /lib/modules/kvm/irqbypass.ko
# 6.1 does not know that word.
insmod /lib/modules/kvm/kvm.ko enable_virt_at_load=0

plan 6
test_that 'minihv loads' insmod /minihv.ko
start_guests /dev/minihv
test_that "KVM's module comes and goes $rounds times while guests of minihv run" kvm_comes_and_goes
test_that 'they still do' stop_guests
test_that 'minihv unloads' unload minihv
insmod /lib/modules/kvm/kvm-intel.ko
test_that "guests of minihv's and of KVM's take turns, $rounds times" take_turns
test_that "KVM's module unloads" unload kvm_intel
finish
