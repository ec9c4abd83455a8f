# SPDX-License-Identifier: GPL-2.0
# usage: awk -f differences.awk -f kvm_matrix.awk differences.rst minihv kvm
# Compares two outputs of msr_matrix. Prints counts, then a line for each group of unexplained
# differences, cell that one device lacks, and row that explains nothing.

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
		if (!used[i] && accesses[i] !~ /^\^\(fuzzed /)
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
