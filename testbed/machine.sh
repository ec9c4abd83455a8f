# SPDX-License-Identifier: GPL-2.0
# Sourced by testbed/boot: what the emulator gets to see. Uses boot's variables: run (directory of
# this run's files), kernel, debugger, script, files, cpus, memory, words, and what testbed/cpus/NAME sets.

# What all boots share.
prepare()
{
	"$top/testbed/install"
	# Several boots may start at once; one of them prepares.
	exec 9>"$build/testbed/lock"
	flock 9
	if ! make -s -C "$top/testbed" -q 2>/dev/null; then
		stage 'preparing the kernel and the initramfs'
		if ! make -C "$top/testbed" >"$build/testbed/make.log" 2>&1; then
			tail -n 20 "$build/testbed/make.log" >&2
			die 126 'testbed/Makefile failed'
		fi
	fi
	exec 9>&-
}

# libraries PATH: the shared libraries of the executables at PATH and below, one a line
libraries()
{
	find -L "$1" -type f -perm /111 -print0 | xargs -0 -r ldd 2>/dev/null |
		sed -n 's/^.*=> \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | sort -u
}

# What this run adds to the initramfs: the kernel unpacks one archive over the other. Programs leave their debug
# information here: it is most of what would have to be loaded.
pack()
{
	local file from to library

	[ -f "$kernel/vmlinuz" ] || die 126 "$kernel: no vmlinuz in it"
	cp "$script" "$run/root/testbed/script"
	mkdir -p "$run/root/lib/modules/kvm"
	find "$kernel/modules/" -name '*.ko' -exec cp -t "$run/root/lib/modules/kvm" {} +
	for file in ${files[@]+"${files[@]}"}; do
		from=${file%%:*}
		to=$run/root${file#*:}
		[ -e "$from" ] || die 126 "$from: no such file"
		mkdir -p "$(dirname "$to")" "$run/root/lib"
		cp -rLT "$from" "$to"
		find "$to" -type f -perm /111 -exec strip --strip-debug {} + 2>/dev/null || :
		for library in $(libraries "$from"); do
			cp -L "$library" "$run/root/lib/"
		done
	done
	(cd "$run/root" && find . | cpio --quiet -o -H newc -R 0:0) >"$run/run.cpio"

	# idle=halt: bochs 2.7 does not always see that a CPU in MWAIT is to be woken.
	# panic=-1 and oops=panic: a dead kernel says so and resets the machine. The self-tests of the
	# kernel's ciphers would be half of the boot. reboot=pci resets all of the machine; after a reset of
	# the CPUs alone the BIOS faults where it writes IA32_FEATURE_CONTROL, which is locked then.
	cat >"$run/isolinux.cfg" <<-END
	DEFAULT linux
	LABEL linux
	KERNEL /vmlinuz
	INITRD /base,/run
	APPEND console=ttyS0 quiet panic=-1 oops=panic reboot=pci clocksource=tsc tsc=reliable idle=halt cryptomgr.notests $cmdline $words
	END
	xorriso -as mkisofs -quiet -o "$run/boot.iso" -b isolinux.bin -c boot.cat -no-emul-boot \
		-boot-load-size 4 -boot-info-table -graft-points \
		isolinux.bin=/usr/lib/ISOLINUX/isolinux.bin \
		ldlinux.c32=/usr/lib/syslinux/modules/bios/ldlinux.c32 \
		isolinux.cfg="$run/isolinux.cfg" vmlinuz="$kernel/vmlinuz" \
		base="$build/testbed/base.cpio" run="$run/run.cpio" >"$run/iso.log" 2>&1 ||
		die 126 "xorriso failed: $(cat "$run/iso.log")"
}

# configure COM1: writes the emulator's configuration, with COM1 as the serial line's
#
# ips is the emulator's real speed, so that a second in the machine lasts about one outside: with a
# higher figure the machine's time runs slower and each wait in it costs more. quantum, in
# instructions, is how often the emulator goes from one CPU to the next.
configure()
{
	{ cat "$top/testbed/msrs"; echo "$msrs"; } >"$run/msrs"
	cat >"$run/bochsrc" <<-END
	display_library: rfb, options="timeout=0"
	memory: guest=$memory, host=$memory
	romimage: file=/usr/share/bochs/BIOS-bochs-$bios, options=fastboot
	vgaromimage: file=/usr/share/vgabios/vgabios.bin
	ata0-master: type=cdrom, path="$run/boot.iso", status=inserted
	boot: cdrom
	cpu: $cpu, count=$cpus, ips=100000000, quantum=32, reset_on_triple_fault=0
	cpu: ignore_bad_msrs=0, msrs="$run/msrs"
	clock: sync=none
	com1: enabled=1, $1
	port_e9_hack: enabled=1
	log: $run/bochs.log
	panic: action=fatal
	error: action=ignore
	info: action=ignore
	END
	[ -z "$cpuid" ] || echo "cpuid: $cpuid" >>"$run/bochsrc"
	# Debian's bochs has its debugger built in and stops at its prompt unless told to continue.
	if [ "$debugger" ]; then
		echo 'magic_break: enabled=1' >>"$run/bochsrc"
		cp "$debugger" "$run/debugger"
	fi
	echo c >>"$run/debugger"
}
