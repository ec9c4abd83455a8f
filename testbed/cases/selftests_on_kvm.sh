# SPDX-License-Identifier: GPL-2.0
# All selftests on the kernel's own KVM: is it so what they expect? What KVM does otherwise they skip there, and say why.
# boot: -m broadwell_ult -c 2
# lacks: KVM asks the client first
# lacks: KVM counts KVM_INTERRUPT as under way
# lacks: KVM does not log its CPUs
# lacks: KVM does not look at the deadline again
# lacks: KVM emulates VMX
# lacks: KVM extends the sign instead, as AMD needs it
# lacks: KVM gives the guest a page fault or #GP
# lacks: KVM has VMX for guests
# lacks: KVM has had it since Linux 6.8
# lacks: KVM has other counters
# lacks: KVM has other trace events
# lacks: KVM lets feature MSRs change before Linux 6.3
# lacks: KVM loses INIT and SIPI that are messages; why has not been found out
# lacks: KVM loses the #MC
# lacks: KVM may take the second SIPI for the first
# lacks: KVM of before 6.6 reads them twice
# lacks: KVM relies on the client to wait
# lacks: KVM runs hypervisors in guests, minihv does not
# lacks: KVM steps as much as it does at once
# lacks: KVM's timer of a vCPU that halts goes by the other clock
# lacks: KVM's timer sets no bit in IRR before KVM_RUN
# lacks: VM entry fails
# lacks: from 6.3 on 257 is heard as 1, too
# lacks: this is about minihv.ko
. /testbed/selftests.sh
. /testbed/kvm.sh
plan 3
test_that 'msr loads' insmod /lib/modules/kvm/msr.ko
test_that 'KVM loads' load_kvm
export MINIHV_DEVICE=/dev/kvm
nested 'selftests' /selftests/run.sh
finish
