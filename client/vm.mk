# SPDX-License-Identifier: GPL-2.0
# The library of vm.h, for whoever links it: file names relative to client/.
VM_SOURCES := vm.c vm_mode.c vm_msr.c vm_ops.c guest.S
VM_HEADERS := vm.h vm_mode.h guest.h
