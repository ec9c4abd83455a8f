# SPDX-License-Identifier: GPL-2.0
# Sourced by the testbed's scripts: where things are, how the scripts speak, what they build.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
label=
PATH=$PATH:/usr/sbin:/sbin # dkms, modinfo: not everybody has them in the PATH
unset MAKEFLAGS MFLAGS MAKELEVEL # what the outermost make was told is not for those that are started here

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

# as_root COMMAND...: sudo where it is needed. It asks for a password only in the foreground. Says what is wrong where
# COMMAND would, which may be a log.
as_root()
{
	local stat

	[ "$(id -u)" -ne 0 ] || { "$@"; return; }
	command -v sudo >/dev/null || { stage "not root, and no sudo for: $*"; return 126; }
	read -r -a stat </proc/$BASHPID/stat
	# the process group, and the terminal's
	if [ "${stat[4]}" -eq "${stat[7]}" ]; then sudo "$@"; else sudo -n "$@"; fi
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

# build_module [DIRECTORY [ARGUMENT...]]: the module, at $module, for the kernel in DIRECTORY (see
# boot -k) or Debian's, with ARGUMENTs for make, by the make in DIRECTORY if there is one; without the
# debug information, which is most of it and would be loaded at the speed of the emulator
build_module()
{
	local kernel tree make=make

	if [ $# -gt 0 ]; then
		kernel=$(basename "$1")
		tree=$1/build
		[ ! -x "$1/make" ] || make=$1/make
		shift
	else
		kernel=$("$top/testbed/kernel")
		tree=/lib/modules/$kernel/build
	fi
	module=$build/module-$kernel/stripped/minihv.ko
	stage "building the module for $kernel"
	(cd "$top" && mirror_module "$build/module-$kernel")
	quietly "$build/module-$kernel.log" flock "$build/module-$kernel" \
		"$make" -j"$(nproc)" -C "$tree" M="$build/module-$kernel" \
		CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules
	mkdir -p "$(dirname "$module")"
	[ "$module" -nt "$build/module-$kernel/minihv.ko" ] ||
		strip --strip-debug -o "$module" "$build/module-$kernel/minihv.ko"
}

# get_backport: the kernel for clouds in Debian 12's backports, which is newer than the one of the test machine;
# in the directory $backport, see boot -k
get_backport()
{
	backport=$("$top/testbed/kernels") || return
	backport=$(awk '/^6\.12\..*\+deb12-cloud-amd64/ { print $1 }' <<<"$backport")
	[ "$backport" ] || die 126 'Debian has no kernel 6.12 in the backports of bookworm'
	"$top/testbed/kernels" "$backport" || return
	backport=$build/kernels/$backport
}

build_client()
{
	stage 'building the client'
	quietly "$build/client.log" flock "$top/client" make -j"$(nproc)" -C "$top/client" all test-programs
	quietly "$build/client-san.log" flock "$top/client" \
		make -j"$(nproc)" -C "$top/client" SAN=1 CFLAGS='-O1 -g' all
}

# build_selftests: the selftests as they are installed, at $selftests
build_selftests()
{
	selftests=$build/kselftest-installed
	stage 'building the selftests'
	quietly "$build/selftests.log" flock "$top/selftests" \
		make -j"$(nproc)" -C "$top/selftests" install INSTALL_PATH="$selftests"
}

. "$top/testbed/trouble.sh"

# What is in a log whose beginning is there, if not in its first line: kernels with a fault to tell of begin with that.
# Or in its rest, when a script has looked at what was before.
log_begins='Linux version|the log up to here has been looked at'

# clean_log FILE: prints what it finds as diagnostics. LOG_FROM is in the first line that counts, LOG_TO in the
# first one that does not any more.
clean_log()
{
	[ -s "$1" ] || { echo '# no kernel log'; return 1; }
	grep -a -q -E "$log_begins" "$1" || { echo "# the log's beginning is lost"; return 1; }
	grep -q -F -e "${LOG_FROM-}" "$1" || { echo "# nothing in the log from: $LOG_FROM"; return 1; }
	awk -v from="${LOG_FROM-}" -v to="${LOG_TO-}" '
		from == "" || index($0, from) { on = 1 }
		to != "" && index($0, to) { exit }
		on' "$1" | untroubled
}

# clean_lives_before FILE: the same for what testbed/boot has kept of the machine before it restarted. A panic is on
# purpose if SysRq made it, up to the end of its own stack.
clean_lives_before()
{
	sed '/sysrq: Trigger a crash/,/<\/TASK>/d' "$1" | untroubled
}

untroubled()
{
	# A console may have bytes that are no text, for which grep would say nothing else.
	! grep -a -n -E "$trouble" | grep -a -v "$no_trouble" | sed 's/^/# /' | grep -a .
}

indent()
{
	sed 's/^/    /'
}

# only_skips REPORT FILE...: that what was skipped is what the FILEs, of a CPU or a kernel, say it lacks; prints what
# is not. A test program of which all was skipped says so once more, without a reason.
only_skips()
{
	local report=$1

	shift
	awk -v report="$report" 'sub(/^# lacks: /, "") { lacks[$0] }
		FILENAME != report || !/# SKIP/ { next }
		{ reason = $0; sub(/.*# SKIP */, "", reason) }
		reason == "" ? !told : !(reason in lacks) { print "# " $0; bad = 1 }
		{ told = reason != "" }
		END { exit bad }' "$@" "$report"
}

# boot_case NAME RUN [OPTION]...: boots the test machine as its case NAME says, and with more OPTIONs for
# boot, and reports three tests: what the script reports, the kernel's log, and what was skipped. RUN names this run.
# Uses what build_module, build_client and build_selftests have made. $kernel_lacks: a file with what the kernel lacks,
# if it is not the one of make check. What is lacking the case itself may say, too.
boot_case()
{
	local script=$top/testbed/cases/$1.sh run=$2 log=$build/testbed/$2 report=$build/testbed/$2.report
	local cpu options status=0

	shift 2
	read -r -a options < <(sed -n 's/^# boot: *//p' "$script")
	cpu=$(sed -n 's/^# boot: .*-m \([^ ]*\).*/\1/p' "$script")
	# The sanitizers are in it, which take the others' machine its time to unpack.
	! grep -q msrctl-san "$script" || options+=(-i "$build/client-san/msrctl:/bin/msrctl-san")
	printf 'KTAP version 1\n1..3\n'
	mkdir -p "$build/testbed"
	"$top/testbed/boot" "${options[@]}" -n "$run" -i "$module:/minihv.ko" -i "$selftests:/selftests" \
		-i "$top/client/msrctl:/bin/msrctl" -i "$build/client/json-get:/bin/json-get" \
		-i "$top/client/test-msrctl.sh:/client/test-msrctl.sh" "$@" "$script" |
		tee "$report" | indent || status=${PIPESTATUS[0]}
	if [ "$status" -eq 0 ]; then
		echo "ok 1 $run"
	else
		echo "not ok 1 $run # status $status"
	fi
	if clean_log "$log/dmesg" && { [ ! -e "$log/lives_before" ] || clean_lives_before "$log/lives_before"; }; then
		echo 'ok 2 clean kernel log'
	else
		echo 'not ok 2 clean kernel log'
		status=1
	fi
	if only_skips "$report" "$script" "$top/testbed/cpus/${cpu:-broadwell_ult}" \
		"${kernel_lacks:-$top/testbed/kernel}"; then
		echo 'ok 3 no test was skipped but for what CPU and kernel lack'
	else
		echo 'not ok 3 no test was skipped but for what CPU and kernel lack'
		status=1
	fi
	return "$status"
}
