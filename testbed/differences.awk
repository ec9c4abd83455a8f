# SPDX-License-Identifier: GPL-2.0
# For awk programs that compare minihv and KVM: reads their first file, which is differences.rst, and
# has explained(). A difference is explained by a row of the tables there: MSRs, access, KVM's outcome,
# minihv's, reason. The first four are patterns: "*" stands for anything, and alternatives have commas
# between.

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
