# SPDX-License-Identifier: GPL-2.0
# usage: awk -v list=1 -f kvm_selftests.awk clients.rst
#        awk -f kvm_selftests.awk clients.rst output
# Reads the tables of "KVM selftests" in clients.rst. With list it prints a line for each test: its name,
# and minihv's module parameters for it. Without, it compares how the tests ended on minihv and on KVM,
# in the output of testbed/kvm_selftests.sh, and prints a line for each, with tabs between: a verdict,
# the test, its end on minihv and on KVM, a remark. The verdict is ok, skip, except (there is a row for
# it) or bad. Rows that explain nothing have the verdict unused.

function end_of(code)
{
	if (code == "")
		return "not run"
	if (code == 0)
		return "pass"
	if (code == 4)
		return "SKIP"
	# What busybox' timeout makes of a program that it has ended, by TERM or KILL.
	return code == 143 || code == 137 ? "timeout" : "fail"
}

function row_for(test, minihv, kvm,    row)
{
	for (row = 1; row <= exceptions; row++)
		if (test == except[row, 1] && minihv == except[row, 2] && kvm == except[row, 3])
			return row
	return 0
}

function compare(test,    minihv, kvm, row, verdict, why)
{
	minihv = end_of(status["minihv", test])
	kvm = end_of(status["kvm_intel", test])
	if (minihv != "pass")
		why = remark["minihv", test]
	else if (kvm != "pass")
		why = "KVM: " remark["kvm_intel", test]
	row = row_for(test, minihv, kvm)
	if (minihv == "pass") {
		verdict = "ok"
	} else if (minihv == "SKIP" && kvm == "SKIP") {
		verdict = "skip"
	} else if (row) {
		verdict = "except"
		why = except[row, 4]
		used[row] = 1
	} else {
		verdict = "bad"
	}
	print verdict, test, minihv, kvm, why
}

BEGIN {
	OFS = "\t"
}

FNR == 1 {
	file++
}

file == 1 && /^===/ {
	chapter = before
}

file == 1 && /^---/ {
	section = chapter == "KVM selftests" ? before : ""
}

file == 1 {
	before = $0
}

# A row begins with "   * - ", its other columns with "     - "; what belongs to a column is indented as
# far. The first column of a row that counts is in ``.
file == 1 && !/^     / {
	row = 0
	if (/^   \* - ``/ && section == "Tests")
		row = ++tests
	if (/^   \* - ``/ && section == "Exceptions")
		row = ++exceptions
	column = 0
}

file == 1 && row {
	if (/^.....-/)
		column++
	text = substr($0, /^.....-/ ? 8 : 7)
	gsub(/``/, "", text)
	if (section == "Tests")
		wanted[row, column] = wanted[row, column] text
	else
		except[row, column] = except[row, column] text
}

file == 1 {
	next
}

# What was said.

$3 == "exit" && NF == 4 {
	status[$1, $2] = $4
	next
}

# The reason to skip; of an assertion that failed its place, and the message that follows it.
$2 ~ /:$/ {
	test = substr($2, 1, length($2) - 1)
	text = substr($0, length($1 " " $2 " ") + 1)
	gsub(/\t/, " ", text)
	if (text ~ /# SKIP - /) {
		sub(/^.*# SKIP - (Requirement not met: )?/, "", text)
		remark[$1, test] = text
	} else if (text ~ /^  [a-z0-9_\/]+\.[ch]:[0-9]+: /) {
		match(text, /\.[ch]:[0-9]+: /)
		remark[$1, test] = substr(text, 3, RSTART + RLENGTH - 3)
		place[$1, test] = 1
	} else if (place[$1, test] && text !~ /^  pid=|addr2line|^ +[0-9]+ |^ *$/) {
		sub(/^ +/, "", text)
		remark[$1, test] = remark[$1, test] text
		place[$1, test] = 0
	}
}

END {
	for (row = 1; row <= tests; row++) {
		if (list)
			print wanted[row, 1] " " wanted[row, 2]
		else
			compare(wanted[row, 1])
	}
	for (row = 1; row <= exceptions && !list; row++)
		if (!used[row])
			print "unused", except[row, 1], except[row, 2], except[row, 3], except[row, 4]
}
