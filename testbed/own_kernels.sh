# SPDX-License-Identifier: GPL-2.0
# Sourced by the cases that run the selftests on a kernel of the testbed's own.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$top/testbed/ktap.sh"

selftests=$build/kselftest-installed

# boot_own NAME [OPTION]...: the script in the machine with kernel NAME, what it says to build/NAME/output
boot_own()
{
	local name=$1 status=0

	shift
	SILENCE=900 "$top/testbed/boot" -c 2 -g 1024 -t 10800 -n "$name" -k "$build/kernels/$name" \
		-i "$module:/minihv.ko" -i "$build/faulty-$name/faulty.ko:/faulty.ko" \
		-i "$selftests:/selftests" -i "$build/$name/env:/testbed/debug.env" \
		-i "$top/testbed/leaks.sh:/testbed/leaks.sh" -i "$top/client/msrctl:/bin/msrctl" \
		-i "$build/client/json-get:/bin/json-get" \
		-i "$top/client/test-msrctl.sh:/client/test-msrctl.sh" "$@" "$top/testbed/debug.sh" |
		tee "$build/$name/output" || status=${PIPESTATUS[0]}
	return "$status"
}

# build_faulty NAME [ARGUMENT...]: the module that has faults on purpose, with ARGUMENTs for make
build_faulty()
{
	local name=$1 dir=$build/faulty-$1

	shift
	mkdir -p "$dir"
	ln -sf "$top/testbed/faulty.c" "$dir/"
	echo 'obj-m := faulty.o' >"$dir/Kbuild"
	quietly "$dir.log" make -C "$build/kernels/$name/build" M="$dir" "$@" modules
}

# report_lines NAME: each line of a report as it comes, and results also where they are seen
report_lines()
{
	local line

	while IFS= read -r line; do
		case $line in
		gcda:*) continue ;;
		ok\ * | not\ ok\ * | '#'*) echo "$1: $line" >&2 ;;
		esac
		echo "    $line"
	done
}

# run_on NAME [OPTION]...: builds the kernel that testbed/own_kernels/NAME.config describes, boots it with
# OPTIONs for boot, and reports three tests. $module_args are words for the make of modules,
# $lacks is why a test may be skipped there.
run_on()
{
	local name=$1 out=$build/$1 status=0

	shift
	rm -rf "$out"
	mkdir -p "$out"
	"$top/testbed/install" debug
	"$top/testbed/own_kernels/build" "$name"
	build_module "$build/kernels/$name" ${module_args-}
	build_faulty "$name" ${module_args-}
	printf 'kernel=%s\nDEBUG_TESTS="%s"\n' "$name" "${DEBUG_TESTS-}" >"$out/env"

	boot_own "$name" "$@" | report_lines "$name" || status=${PIPESTATUS[0]}
	test_that 'the selftests' test "$status" -eq 0
	LOG_TO='faults on purpose' test_that 'no report in the kernel log' clean_log "$build/testbed/$name/dmesg"
	test_that 'no test was skipped but for what CPU and kernel lack' only_skips "$out/output" \
		"$top/testbed/cpus/broadwell_ult" <(echo "# lacks: ${lacks-}")
}
