# SPDX-License-Identifier: GPL-2.0
# usage: make -f kvm_selftests.mk TESTS="NAME..."
# Builds tests of the kernel's KVM selftests, as they are, from Debian's linux-source. They are static:
# they load their own ELF file into the guest, and find their code there at the addresses it says.

SOURCE	:= /usr/src/linux-source-6.1.tar.xz
OUT	:= $(abspath ../build/kvm_selftests)
TREE	:= $(OUT)/linux
KVM	:= $(TREE)/tools/testing/selftests/kvm
# What is unpacked: the tests, the headers of the kernel that they are written for, and what makes those.
PARTS	:= Makefile scripts include/uapi include/asm-generic arch/x86/Makefile* arch/x86/include \
	   arch/x86/entry/syscalls arch/x86/tools tools/arch/x86/include tools/include tools/lib \
	   tools/build tools/testing/selftests/kvm tools/testing/selftests/rseq \
	   tools/testing/selftests/lib.mk tools/testing/selftests/kselftest*.h
# One test says TEST_ASSERT_EQ() where the library of 6.1 has ASSERT_EQ(). Debian's user space headers
# lack the kernel's struct_group(), which the tests' copy of a header wants.
FLAGS	:= -static -DTEST_ASSERT_EQ=ASSERT_EQ -include linux/stddef.h

all: $(TREE)/usr/include/linux/kvm.h
	mkdir -p $(OUT)/bin
	$(MAKE) -C $(KVM) ARCH=x86_64 OUTPUT=$(OUT)/bin KHDR_INCLUDES="-isystem $(TREE)/usr/include" \
		EXTRA_CFLAGS="$(FLAGS)" \
		$(foreach test,$(TESTS),$(OUT)/bin/$(if $(wildcard $(KVM)/x86_64/$(test).c),x86_64/)$(test))

$(TREE)/usr/include/linux/kvm.h: $(SOURCE)
	rm -rf $(TREE)
	mkdir -p $(TREE)
	tar -xJf $(SOURCE) -C $(TREE) --strip-components=1 --wildcards --no-wildcards-match-slash \
		$(foreach part,$(PARTS),'*/$(part)' --anchored)
	$(MAKE) -C $(TREE) ARCH=x86 headers
	touch $@

.PHONY: all
