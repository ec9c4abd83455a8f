# SPDX-License-Identifier: GPL-2.0
# usage: awk -f qemu_model.awk clients.rst minihv kvm
# Compares two lists of CPU properties, "NAME VALUE" each. A difference is explained by a row of the
# tables in clients.rst that have the columns property, KVM, minihv: in the first commas separate
# names, and "*" stands for anything. Prints counts, then a line for each unexplained difference, and
# for each row that explains nothing.

# pattern(text): the regular expression for a list of names
function pattern(text)
{
	gsub(/``/, "", text)
	gsub(/[][\\.+^$(){}|?]/, "\\\\&", text)
	gsub(/\*/, ".*", text)
	gsub(/, */, "|", text)
	return "^(" text ")$"
}

function explained(property, kvm, minihv,    row)
{
	for (row = 1; row <= rows; row++) {
		if (property ~ names[row] && kvm == kvms[row] && minihv == minihvs[row]) {
			used[row]++
			return 1
		}
	}
	return 0
}

# What was begun of a row is complete.
function end_column()
{
	if (column == 1) {
		texts[rows] = text
		names[rows] = pattern(text)
	} else if (column == 2) {
		kvms[rows] = text
	} else if (column == 3) {
		minihvs[rows] = text
	}
	column = 0
}

FNR == 1 {
	file++
}

# A table is ours if its header is.
file == 1 && /^   \* - / {
	end_column()
	inside = inside && !/^   \* - Property$/ || /^   \* - Property$/
	heading = /^   \* - Property$/
	if (inside && !heading) {
		rows++
		column = 1
		text = substr($0, 8)
	}
	last = 1
	next
}

file == 1 && /^     - / && inside {
	end_column()
	last++
	if (!heading) {
		column = last
		text = substr($0, 8)
	}
	next
}

file == 1 && /^       [^ ]/ && column {
	text = text " " substr($0, 8)
	next
}

# Where the indentation ends, so does the table.
file == 1 && /^[^ ]/ {
	end_column()
	inside = 0
	next
}

file == 1 {
	next
}

file == 2 {
	minihv[$1] = $2
	next
}

{
	properties++
	of_minihv = $1 in minihv ? minihv[$1] : "-"
	delete minihv[$1]
	if ($2 == of_minihv)
		agreed++
	else if (explained($1, $2, of_minihv))
		explained_ones++
	else
		problem[++problems] = "difference: " $1 ": KVM " $2 ", minihv " of_minihv
}

END {
	for (name in minihv) {
		if (!explained(name, "-", minihv[name]))
			problem[++problems] = "difference: " name ": KVM -, minihv " minihv[name]
	}
	for (row = 1; row <= rows; row++) {
		if (!used[row])
			problem[++problems] = "seen nowhere: " texts[row] ": KVM " kvms[row] ", minihv " minihvs[row]
	}
	printf "properties %d\n", properties
	printf "agreed %d\n", agreed
	printf "explained %d\n", explained_ones
	for (i = 1; i <= problems; i++)
		print problem[i]
}
