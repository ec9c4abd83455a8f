#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests of msrctl's command line on a device, by default /dev/minihv; prints KTAP. What the MSRs
# must hold is the SDM's word. DEVICE, MSRCTL and JSON_GET may be set in the environment.

# Lists of words are split into words on purpose:
# shellcheck disable=SC2086

DEVICE=${DEVICE:-/dev/minihv}
MSRCTL=${MSRCTL:-msrctl}
JSON_GET=${JSON_GET:-json-get}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# IA32_PAT at reset: SDM volume 3, "Memory Type Selection with the PAT"
pat_reset=0x0007040600070406
canonical=0xffff800000001234
not_canonical=0x8000000000000000
no_msr=0x0000dead

# run STATUS ARGUMENT...: msrctl must end with STATUS
run()
{
	wanted=$1
	shift
	command="msrctl $*"
	"$MSRCTL" --device "$DEVICE" "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ $status -eq "$wanted" ] || fail "status $status, not $wanted"
}

fail()
{
	echo "$command: $1" | cut -c 1-200
	sed 's/^/  stdout: /' "$work/out"
	sed 's/^/  stderr: /' "$work/err"
	exit 1
}

out_has()
{
	grep -q -- "$1" "$work/out" || fail "no '$1' in the answer"
}

err_has()
{
	grep -q -- "$1" "$work/err" || fail "no '$1' in the message"
}

out_empty()
{
	[ ! -s "$work/out" ] || fail "an answer where none should be"
}

err_empty()
{
	[ ! -s "$work/err" ] || fail "a message where none should be"
}

# json POINTER: prints what is there in the answer, or how long the array there is
json()
{
	"$JSON_GET" "$1" <"$work/out"
}

json_is()
{
	got=$(json "$1") || fail "the answer is no JSON, or has nothing at $1"
	[ "$got" = "$2" ] || fail "$1 is $got, not $2"
}

json_lacks()
{
	json "$1" >/dev/null
	[ $? -eq 2 ] || fail "$1 should not be there"
}

# misuse MESSAGE ARGUMENT...: refused as a wrong command line, without an answer
misuse()
{
	message=$1
	shift
	run 2 "$@"
	err_has "$message"
	err_has "Try 'msrctl --help'"
	out_empty
}

misuse_of_commands()
{
	misuse 'a command is missing'
	misuse "'frob' is not a command" frob
	misuse 'too many arguments' list pat
	misuse 'too few arguments' get
	misuse 'too few arguments' set
	misuse 'too few arguments' guest
	misuse 'option' --frob list
	misuse 'argument' list --device
}

misuse_of_numbers()
{
	misuse 'too large.*32 bits' get 0x100000000
	misuse 'too large.*32 bits' get 4294967296
	misuse 'too large.*32 bits' get 99999999999999999999999
	misuse 'not a number' get 12x
	misuse 'not a number' get 0x
	misuse 'not a number' get 0xg
	misuse 'not a number' get 0x0x277
	misuse 'too large.*64 bits' set pat=0x10000000000000000
	misuse 'not a number' set pat=
	misuse 'not a number' set pat=-1
	misuse 'not a number' set pat=0x1,
	misuse 'not a number' guest wrmsr pat -- -1
}

misuse_of_names()
{
	misuse "no MSR is called 'xyzzy'" get xyzzy
	misuse "no MSR is called ''" get ''
	misuse 'perhaps IA32_LSTAR' get lstra
	misuse 'perhaps IA32_PAT' guest rdmsr IA32_PATT
	misuse '0xc0000082' get c0000082
	misuse "no MSR is called 'pat+1'" get pat+1
}

misuse_of_set_and_guest()
{
	misuse 'should be MSR=VALUE' set pat
	misuse 'should be MSR=VALUE' set pat=0 lstar
	misuse 'needs an MSR' guest rdmsr
	misuse 'needs an MSR and a value' guest wrmsr pat
	misuse "not 'frob'" guest frob pat
	misuse 'needs an MSR' guest rdmsr pat rdmsr
}

# A wrong word at the end must keep the words before it from having an effect.
misuse_is_found_before_the_device_is_opened()
{
	run 2 --device "$work/missing" set pat=0 lstar=x
	run 2 --device "$work/missing" guest rdmsr pat frob
}

bad_devices()
{
	run 1 --device "$work/missing" list
	err_has 'does not exist: is the module loaded'
	run 1 --device /dev/null list
	err_has '/dev/null is not a device that answers'
	run 1 --device "$work" get pat
	err_has "$work: Is a directory"
	run 1 --device /dev/null guest rdmsr pat
	out_empty
}

# sysfs does not even let root write what has mode 0444.
no_permission()
{
	run 1 --device /sys/kernel/uevent_seqnum list
	err_has 'permission denied'
}

help_and_version()
{
	run 0 --help
	out_has 'Usage: msrctl'
	err_empty
	run 0 --version
	out_has '^msrctl [0-9]*\.[0-9]*\.[0-9]*$'
	err_empty
}

unwritable_answer()
{
	for words in --help --version list 'get pat'; do
		command="msrctl $words >/dev/full"
		"$MSRCTL" --device "$DEVICE" $words >/dev/full 2>"$work/err"
		[ $? -eq 1 ] || fail 'status is not 1'
		err_has 'cannot write'
	done
}

list_text()
{
	run 0 list
	err_empty
	out_has 'KVM_GET_MSR_INDEX_LIST), [1-9]'
	out_has 'KVM_GET_MSR_FEATURE_INDEX_LIST), [1-9]'
	for msr in '0x00000174  IA32_SYSENTER_CS' '0x00000277  IA32_PAT' \
		   '0xc0000081  IA32_STAR' '0xc0000082  IA32_LSTAR' \
		   '0x00000480  IA32_VMX_BASIC' '0x00000485  IA32_VMX_MISC'; do
		out_has "^  $msr\$"
	done
}

list_json()
{
	run 0 --json list
	err_empty
	json_is /device "$DEVICE"
	indices=$(grep -c '"index"' "$work/out")
	[ "$indices" -eq $(($(json /msrs) + $(json /feature_msrs))) ] || fail 'MSRs are missing'
	run 0 list
	[ "$indices" -eq "$(grep -c '^  0x' "$work/out")" ] || fail 'text and JSON differ'
}

# minihv lists no MSR without a row in its table, and each row has a name.
list_names_all()
{
	run 0 list
	grep '^  0x.*  -$' "$work/out" >"$work/nameless" && fail "$(cat "$work/nameless")"
	:
}

names_in_all_forms()
{
	for name in 0x277 631 0X277 00631 IA32_PAT ia32_pat MSR_IA32_PAT msr_pat pat Pat; do
		run 0 get "$name"
		out_has "^0x00000277  IA32_PAT  *$pat_reset\$"
	done
	run 0 get tsc MSR_SYSCALL_MASK IA32_UCODE_REV
	out_has '^0x00000010  IA32_TIME_STAMP_COUNTER '
	out_has '^0xc0000084  IA32_FMASK '
	out_has '^0x0000008b  IA32_BIOS_SIGN_ID '
}

get_text()
{
	run 1 get pat $no_msr lstar
	out_has "^0x00000277  IA32_PAT  *$pat_reset\$"
	out_has "^$no_msr  -  *refused\$"
	out_has '^0xc0000082  IA32_LSTAR  *0x0000000000000000$'
}

get_json()
{
	run 1 get pat $no_msr lstar --json
	json_is /msrs 3
	json_is /msrs/0/index 0x00000277
	json_is /msrs/0/name IA32_PAT
	json_is /msrs/0/refused false
	json_is /msrs/0/value $pat_reset
	json_is /msrs/1/index $no_msr
	json_is /msrs/1/name null
	json_is /msrs/1/refused true
	json_lacks /msrs/1/value
	json_is /msrs/2/value 0x0000000000000000
}

set_and_read_back()
{
	run 0 set lstar=$canonical pat=0x0606060606060606 0xc0000081=18446744073709551615
	err_empty
	out_has "^0xc0000082  IA32_LSTAR  *wrote $canonical  reads $canonical\$"
	out_has '^0x00000277  IA32_PAT .* reads 0x0606060606060606$'
	out_has '^0xc0000081  IA32_STAR .* reads 0xffffffffffffffff$'
}

set_starts_afresh()
{
	run 0 set lstar=$canonical
	run 0 get lstar
	out_has '0x0000000000000000$'
}

set_refused()
{
	run 1 set star=1 lstar=$not_canonical cstar=2
	err_has "stopped at entry 2 of 3: it refused IA32_LSTAR 0xc0000082 = $not_canonical"
	out_has '^0xc0000081  IA32_STAR'
	[ "$(wc -l <"$work/out")" -eq 1 ] || fail 'more than the first was taken'
}

set_refused_json()
{
	run 1 --json set star=1 lstar=$not_canonical cstar=2
	json_is /taken 1
	json_is /msrs 3
	json_is /msrs/0/taken true
	json_is /msrs/0/written 0x0000000000000001
	json_is /msrs/0/value 0x0000000000000001
	json_is /msrs/1/taken false
	json_is /msrs/1/written $not_canonical
	json_lacks /msrs/1/value
	json_is /msrs/2/taken false
}

set_255_but_not_256()
{
	words=
	for i in $(seq 255); do
		words="$words star=$i"
	done
	run 0 set $words
	out_has 'wrote 0x00000000000000ff  reads'
	misuse 'too many arguments' set $words star=0
}

guest_reads()
{
	run 0 guest rdmsr pat
	err_empty
	out_has "^rdmsr  0x00000277  IA32_PAT  *$pat_reset\$"
	run 0 guest rdmsr 0x277 --json
	json_is /instructions/0/instruction rdmsr
	json_is /instructions/0/index 0x00000277
	json_is /instructions/0/exception null
	json_is /instructions/0/value $pat_reset
}

guest_reads_what_is_not_there()
{
	run 1 guest rdmsr $no_msr
	err_empty
	out_has "^rdmsr  $no_msr  -  *#GP(0)\$"
	run 1 guest rdmsr $no_msr --json
	json_is /instructions/0/exception '#GP(0)'
	json_lacks /instructions/0/value
}

guest_writes()
{
	run 0 guest wrmsr lstar $canonical
	out_has "^wrmsr  0xc0000082  IA32_LSTAR  *$canonical  host reads $canonical\$"
	run 1 guest wrmsr lstar $not_canonical
	out_has "IA32_LSTAR  *$not_canonical  #GP(0)  host reads 0x0000000000000000\$"
}

guest_goes_on()
{
	run 1 --json guest wrmsr lstar $canonical rdmsr $no_msr wrmsr lstar $not_canonical \
		rdmsr lstar
	json_is /instructions 4
	json_is /instructions/0/exception null
	json_is /instructions/0/written $canonical
	json_is /instructions/0/host_value $canonical
	json_is /instructions/1/exception '#GP(0)'
	json_is /instructions/2/exception '#GP(0)'
	json_is /instructions/2/written $not_canonical
	json_is /instructions/2/host_value $canonical
	json_is /instructions/3/exception null
	json_is /instructions/3/value $canonical
}

# Each field, taken from the value by hand, must be the one that is shown.
features_fields()
{
	run 0 --json features 0x480
	value=$(json /features/0/value)
	json_is /features/0/name IA32_VMX_BASIC
	json_is /features/0/fields/0/name 'VMCS revision identifier'
	json_is /features/0/fields/0/low 0
	json_is /features/0/fields/0/width 31
	json_is /features/0/fields/0/value "$(printf 0x%016x $((value & 0x7fffffff)))"
	json_is /features/0/fields/1/value "$(printf 0x%016x $((value >> 32 & 0x1fff)))"
	run 0 features 0x480
	out_has "^0x00000480  IA32_VMX_BASIC  *$value\$"
	out_has "^   53:50  Memory type of VMX structures  *$((value >> 50 & 15))\$"
}

features_controls()
{
	run 0 --json features vmx_pinbased_ctls
	value=$(json /features/0/value)
	checked=0
	i=0
	while [ $i -lt "$(json /features/0/controls)" ]; do
		bit=$(json /features/0/controls/$i/bit)
		must=$((value >> bit & 1))
		may=$((value >> (32 + bit) & 1))
		json_is /features/0/controls/$i/may_be_0 "$([ $must = 0 ] && echo true || echo false)"
		json_is /features/0/controls/$i/may_be_1 "$([ $may = 1 ] && echo true || echo false)"
		checked=$((checked + 1))
		i=$((i + 1))
	done
	# 32-bit pin-based controls: five have names, and bits 1, 2 and 4 are default1
	[ $checked -ge 8 ] || fail "only $checked controls"
	run 0 features vmx_pinbased_ctls
	out_has '^       3  NMI exiting  *0 or 1$'
	out_has '^       1  -  *1$'
}

features_all()
{
	run 0 --json list
	listed=$(json /feature_msrs)
	run 0 --json features
	err_empty
	[ "$(json /features)" -eq "$listed" ] || fail 'not all that are listed'
	run 0 features
	out_has '^       1  Enable EPT  *'
	out_has '^      20  INVEPT  *[01]$'
	out_has '^       0  RDCL_NO  *[01]$'
}

features_refused()
{
	run 1 features $no_msr vmx_misc
	err_has "feature MSR $no_msr: refused"
	out_has '^0x00000485  IA32_VMX_MISC'
}

tests='misuse_of_commands misuse_of_numbers misuse_of_names misuse_of_set_and_guest
	misuse_is_found_before_the_device_is_opened bad_devices no_permission help_and_version
	unwritable_answer list_text list_json names_in_all_forms get_text get_json
	set_and_read_back set_starts_afresh set_refused set_refused_json set_255_but_not_256
	guest_reads guest_reads_what_is_not_there guest_writes guest_goes_on
	features_fields features_controls features_all features_refused'

[ "$DEVICE" != /dev/minihv ] || tests="$tests list_names_all"

set -- $tests
echo 'KTAP version 1'
echo "1..$#"
n=0
failed=0
for test; do
	n=$((n + 1))
	if why=$("$test"); then
		echo "ok $n $test"
	else
		failed=$((failed + 1))
		echo "not ok $n $test"
		echo "$why" | sed 's/^/# /'
	fi
done
[ $failed -eq 0 ]
