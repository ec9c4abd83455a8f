# SPDX-License-Identifier: GPL-2.0
# minihv: the kernel module is built by Kbuild, the rest from here. "make help" lists the targets.

RUNNING	:= /lib/modules/$(shell uname -r)/build
# In a container the running kernel is somebody else's: take the newest that there are headers for.
NEWEST	:= $(shell ls -d /lib/modules/*/build 2>/dev/null | sort -V | tail -n 1)
KDIR	?= $(if $(wildcard $(RUNNING)),$(RUNNING),$(or $(NEWEST),$(RUNNING)))
SUDO	:= $(if $(filter 0,$(shell id -u)),,sudo)
SOURCE	:= /usr/src/linux-source-6.1.tar.xz

all: module client	## build the module and the client (default); KDIR= picks the kernel

module:			## build minihv.ko
	@test -d $(KDIR)/ || { echo "no kernel headers at $(KDIR): install linux-headers-$$(uname -r)" \
		"or say KDIR=" >&2; exit 1; }
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

client:			## build client/msrctl
	$(MAKE) -C client

demo:			## boot the test machine and show guests reading and writing MSRs
	testbed/demo

check:			## run all tests; CASES="NAME..." runs some of those in testbed/cases
	testbed/check $(CASES)

check-kvm:		## compare with KVM: each access to each MSR, cell by cell; and the selftests, on KVM
	testbed/check selftests_on_kvm kvm_matrix

check-clients:		## run programs made for KVM, on minihv and on KVM
	testbed/check kvm_selftests qemu

check-host:		## CPU hotplug, suspend, reboot, kexec, panic, kdump, OOM, cgroups, KVM's module
	testbed/check suspend memory kvm_turns restart sysrq_b panic panic_612 kexec kdump

check-cpus:		## all selftests on the two other CPUs of make check
	testbed/check all_corei7_skylake_x all_tigerlake

check-loads:		## load and unload the module a thousand times
	testbed/check thousand_loads

check-kernels:		## build for, and boot, each kernel that Debian has; KERNELS="RELEASE..." takes some
	@kernels="$(KERNELS)"; \
	[ "$$kernels" ] || { kernels=$$(testbed/kernels) && kernels=$$(echo "$$kernels" | cut -d ' ' -f 1); } || exit; \
	testbed/check $$(printf 'kernel@%s ' $$kernels)

check-debug:		## run the selftests on kernels built to find what they do wrong
	testbed/check debug leaks kcsan

check-fuzz:		## the fuzzers, a million operations each
	testbed/check fuzz_million@state fuzz_million@guests fuzz_million@ioctls fuzz_million@twins

bench:			## what MSR work costs beside KVM, in instructions
	testbed/check bench

shell:			## an interactive shell in the test machine, with the module loaded
	testbed/shell

load:			## load minihv.ko into this machine's kernel
	$(SUDO) insmod minihv.ko

unload:			## unload it
	$(SUDO) rmmod minihv

lint:			## what compilers and checkers say; headers alone; msrs.rst as the table is
	testbed/check lint

docs:			## regenerate Documentation/msrs.rst from the MSR table
	$(MAKE) -C Documentation KDIR=$(KDIR)

dkms-check:		## add, build and install with DKMS, in a tree of its own
	testbed/check dkms

kselftest-files: build/kselftest/lib.mk build/checkpatch/coccinelle	## the parts of the kernel's source that the tests use

build/kselftest/lib.mk build/checkpatch/coccinelle &: $(SOURCE)
	rm -rf build/kselftest build/checkpatch
	mkdir -p build
	tar -xJf $(SOURCE) -C build --wildcards --no-wildcards-match-slash \
		--transform 's|^linux-source-[^/]*/tools/testing/selftests|kselftest|' \
		--transform 's|^linux-source-[^/]*/scripts|checkpatch|' \
		'*/tools/testing/selftests/lib.mk' '*/tools/testing/selftests/kselftest*.h' \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch' \
		'*/scripts/coccinelle'
	touch build/kselftest/lib.mk build/checkpatch/coccinelle

$(SOURCE):
	testbed/install

clean:			## remove what "make" built
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean
	$(MAKE) -C client clean

distclean: clean	## remove build/ too: downloads, and all that the testbed built
	rm -rf build

help:			## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

.PHONY: all module client demo check check-kvm bench check-clients check-host check-cpus check-loads shell load unload lint docs dkms-check check-kernels check-debug check-fuzz \
	kselftest-files clean distclean help
