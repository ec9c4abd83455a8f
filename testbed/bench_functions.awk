# SPDX-License-Identifier: GPL-2.0
# usage: awk -f bench_functions.awk LIST LIST
# Where minihv's instructions of each operation are, by function, from the same list as for bench_trace.awk, which
# is read twice: the module's symbols, "symbol ADDRESS NAME", come last. What is not the module's is the kernel's
# or the client's. The guest's own instruction is not counted.

BEGIN { rounds = 3 } # of each operation; the shortest counts

FNR == NR {
	if ($1 == "symbol") {
		address[++symbols] = $2
		symbol[symbols] = $3
	}
	if ($1 == "minihv")
		operation[++operations] = $2
	next
}

# Addresses have sixteen digits: they compare as text.
function function_at(rip,	low, high, middle)
{
	if (rip !~ /^f/)
		return "(client)"
	if (rip < address[1]) # modules are above the kernel
		return "(kernel)"
	low = 1
	high = symbols
	while (low < high) {
		middle = int((low + high + 1) / 2)
		if (address[middle] <= rip)
			low = middle
		else
			high = middle - 1
	}
	return symbol[low]
}

/^\(0\) Magic breakpoint/ {
	inside = !inside
	if (inside && ++segments > operations * rounds)
		exit
	next
}

inside && /^\(0\)\.\[/ {
	if (!total[segments]++)
		next
	match($0, /[0-9a-f]+ \(/)
	name = function_at(substr($0, RSTART, RLENGTH - 2))
	if (!count[segments, name]++)
		names[segments] = names[segments] " " name
}

END {
	if (!symbols || !operations || segments < operations * rounds) {
		printf "%d symbols, %d marked, for %d operations\n", symbols, segments, operations >"/dev/stderr"
		exit 1
	}
	for (i = 1; i <= operations; i++) {
		best = (i - 1) * rounds + 1
		for (j = best; j <= i * rounds; j++)
			if (total[j] < total[best])
				best = j
		printf "%s %d:", operation[i], total[best] - 1
		n = split(names[best], part, " ")
		for (j = 1; j <= n; j++)
			printf " %s %d", part[j], count[best, part[j]]
		print ""
	}
}
