# SPDX-License-Identifier: GPL-2.0
# usage: awk -f kvm_matrix.awk differences.rst minihv kvm
# Compares two outputs of msr_matrix. A difference is explained by a row of the tables in
# differences.rst: MSRs, access, KVM's outcome, minihv's, reason. The first four are patterns: "*"
# stands for anything, and alternatives have commas between. Prints counts, then a line for each
# group of unexplained differences, cell that one device lacks, and row that explains nothing.

# pattern(text): the regular expression for a list of patterns
function pattern(text)
{
	gsub(/[][\\.+^$(){}|?]/, "\\\\&", text)
	gsub(/\*/, ".*", text)
	gsub(/, */, "|", text)
	return "^(" text ")$"
}

function number(text,    i, value)
{
	text = tolower(text)
	for (i = 3; i <= length(text); i++)
		value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
	return value
}

# covers(row, msr): is the MSR in a range of the row's first column?
function covers(row, msr,    ranges, ends, n, i)
{
	n = split(msrs[row], ranges, /, */)
	for (i = 1; i <= n; i++) {
		split(ranges[i] "-" ranges[i], ends, "-")
		if (msr >= number(ends[1]) && msr <= number(ends[2]))
			return 1
	}
	return 0
}

function explained(msr, access, kvm, minihv,    row)
{
	for (row = 1; row <= rows; row++) {
		if (covers(row, number(msr)) && access ~ accesses[row] && kvm ~ kvms[row] &&
		    minihv ~ minihvs[row]) {
			used[row]++
			return 1
		}
	}
	return 0
}

# The column that was begun is complete.
function end_column()
{
	gsub(/``/, "", text)
	if (column == 1)
		msrs[rows] = text
	else if (column == 2)
		accesses[rows] = pattern(text)
	else if (column == 3)
		kvms[rows] = pattern(text)
	else if (column == 4)
		minihvs[rows] = pattern(text)
	column = 0
}

function begin_column(n)
{
	end_column()
	column = n
	last = n
	text = substr($0, 8)
}

FNR == 1 {
	file++
}

file == 1 && /^   \* - ``0x/ {
	end_column()
	rows++
	begin_column(1)
	next
}

file == 1 && /^     - / && last {
	begin_column(last + 1)
	next
}

file == 1 && /^       [^ ]/ && column {
	text = text " " substr($0, 8)
	next
}

file == 1 {
	end_column()
	last = 0
	next
}

# The key of a cell is all but its last word.
{
	match($0, / [^ ]+$/)
	key = substr($0, 1, RSTART - 1)
	outcome = substr($0, RSTART + 1)
}

file == 2 {
	minihv[key] = outcome
	next
}

!(key in minihv) {
	problem[++problems] = "only KVM has: " key
	next
}

{
	cells++
	of_minihv = minihv[key]
	delete minihv[key]
	if (outcome == of_minihv)
		next
	match(key, / /)
	msr = substr(key, 1, RSTART - 1)
	access = substr(key, RSTART + 1)
	if (explained(msr, access, outcome, of_minihv)) {
		explained_cells++
		next
	}
	unexplained_cells++
	value = sub(/ .*/, "", access) ? substr(key, length(msr " " access " ") + 1) : ""
	group = msr " " access ": KVM " outcome ", minihv " of_minihv
	if (!(group in values))
		groups[++group_count] = group
	values[group] = values[group] " " value
}

END {
	for (key in minihv)
		problem[++problems] = "only minihv has: " key
	for (i = 1; i <= rows; i++)
		if (!used[i])
			problem[++problems] = "seen nowhere: " msrs[i] " " accesses[i] " " kvms[i] " " minihvs[i]
	printf "cells %d\n", cells
	printf "agreed %d\n", cells - explained_cells - unexplained_cells
	printf "explained %d\n", explained_cells
	printf "unexplained %d\n", unexplained_cells
	for (i = 1; i <= group_count; i++)
		printf "difference: %s;%s\n", groups[i], values[groups[i]]
	for (i = 1; i <= problems; i++)
		print problem[i]
}
