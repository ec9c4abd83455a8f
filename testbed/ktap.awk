# SPDX-License-Identifier: GPL-2.0
# Reads KTAP and prints "N passed, N failed[, N skipped]". What counts are the results that have none
# below them. A result above others counts only when it failed though they passed. A plan that was
# not kept is a failure, and so is a report without results.

# Ends the levels deeper than indent: how many results they had, and how many failures, is left in
# below_seen and below_bad.
function close_below(indent,    level)
{
	below_seen = below_bad = 0
	for (level in seen) {
		if (level + 0 <= indent)
			continue
		if (level in planned && planned[level] != seen[level]) {
			failed++
			bad[level]++
		}
		below_seen += seen[level]
		below_bad += bad[level]
		delete planned[level]
		delete seen[level]
		delete bad[level]
	}
}

{
	match($0, /^ */)
	indent = RLENGTH
	line = substr($0, indent + 1)
}

line ~ /^1\.\.[0-9]+/ {
	planned[indent] = substr(line, 4) + 0
	seen[indent] += 0
}

line ~ /^(not )?ok [0-9]+/ {
	close_below(indent)
	seen[indent]++
	if (line ~ /^not ok/) {
		bad[indent]++
		if (!below_bad)
			failed++
	} else if (!below_seen) {
		if (line ~ /# *[Ss][Kk][Ii][Pp]/)
			skipped++
		else
			passed++
	}
}

END {
	close_below(-1)
	if (passed + failed == 0)
		failed = 1
	printf "%d passed, %d failed", passed, failed
	if (skipped)
		printf ", %d skipped", skipped
	print ""
	exit failed > 0
}
