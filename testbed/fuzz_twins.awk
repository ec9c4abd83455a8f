# SPDX-License-Identifier: GPL-2.0
# usage: awk -f differences.awk -f fuzz_twins.awk differences.rst DIFFERENCES
# Looks up what fuzz_twins found to be different. A line is: MSR, access, for writes the value, what
# KVM did, what minihv did. Prints the first ones that are not explained, and counts; fails if any
# are not. Rows for "fuzzed ..." are for this alone.

file == 2 && NF != 4 && NF != 5 {
	print "not understood: " $0
	unexplained[$0]++
	next
}

file == 2 {
	differences++
	access = NF == 5 ? $2 " " $3 : $2
	if (explained($1, access, $(NF - 1), $NF) || explained($1, "fuzzed " access, $(NF - 1), $NF))
		next
	if (!unexplained[$1 " " $2 ": KVM " $(NF - 1) ", minihv " $NF]++ && ++shown <= 40)
		print "not explained: " $0
}

END {
	for (group in unexplained)
		groups++
	printf "differences %d, kinds of unexplained ones %d\n", differences, groups
	exit groups > 0
}
