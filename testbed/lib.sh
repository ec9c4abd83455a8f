# SPDX-License-Identifier: GPL-2.0
# Sourced by the testbed's scripts: where things are, how the scripts speak, what they build.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
label=
PATH=$PATH:/usr/sbin:/sbin # dkms, modinfo: not everybody has them in the PATH

stage()
{
	printf '[%3d s] %s%s\n' "$SECONDS" "${label:+$label: }" "$*" >&2
}

# die STATUS MESSAGE...
die()
{
	local status=$1

	shift
	stage "$*"
	exit "$status"
}

# quietly LOG COMMAND...: shows what COMMAND said only when it failed
quietly()
{
	local log=$1

	shift
	mkdir -p "$(dirname "$log")"
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		die 126 "failed: $* (all it said is in $log)"
	fi
}

# mirror_module DIRECTORY: a directory in which kbuild can build the module, with links to its
# sources. Kernels, and sets of warnings, that each have one don't undo each other's builds.
mirror_module()
{
	local file

	mkdir -p "$1/module" "$1/uapi/linux"
	find "$1" -xtype l -delete
	for file in Kbuild VERSION module/*.[chS] uapi/linux/*.h; do
		[ "$file" -ef "$1/$file" ] || ln -sf "$top/$file" "$1/$file"
	done
}

# build_module: the module for the test machine's kernel, at $module; without the debug information,
# which is most of it and would be loaded at the speed of the emulator
build_module()
{
	local kernel

	kernel=$("$top/testbed/kernel")
	module=$build/module-$kernel/stripped/minihv.ko
	stage "building the module for $kernel"
	(cd "$top" && mirror_module "$build/module-$kernel")
	quietly "$build/module.log" make -j"$(nproc)" -C "/lib/modules/$kernel/build" \
		M="$build/module-$kernel" modules
	mkdir -p "$(dirname "$module")"
	strip --strip-debug -o "$module" "$build/module-$kernel/minihv.ko"
}

build_client()
{
	stage 'building the client'
	quietly "$build/client.log" make -j"$(nproc)" -C "$top/client" all test-programs
}

# build_selftests: the selftests as they are installed, at $selftests
build_selftests()
{
	selftests=$build/kselftest-installed
	stage 'building the selftests'
	quietly "$build/selftests.log" make -j"$(nproc)" -C "$top/selftests" install INSTALL_PATH="$selftests"
}

# What the kernel prints when something is wrong with it.
trouble='BUG:|WARNING: |Oops|Call Trace|general protection fault,|unchecked MSR|Bad page|refcount_t|corruption'
trouble+='|UBSAN|KASAN|soft lockup|hard LOCKUP|self-detected stall|blocked for more'

# clean_log FILE: prints what it finds as diagnostics
clean_log()
{
	[ -s "$1" ] || { echo '# no kernel log'; return 1; }
	! grep -n -E "$trouble" "$1" | grep -v 'RETBleed: WARNING' | sed 's/^/# /' | grep .
}
