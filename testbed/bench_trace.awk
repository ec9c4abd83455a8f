# SPDX-License-Identifier: GPL-2.0
# What each operation of "bench DEVICE mark" consists of, from the emulator's list of all
# instructions between two marks. Operations are done three times; the shortest counts.
# A line: device, operation, instructions, and how many of them cost more than others on silicon.

BEGIN {
	columns = split("vmread vmwrite rdmsr wrmsr invept invvpid xsave atomic pointer", name)
	rounds = 3
}

/^\(0\) Magic breakpoint/ {
	inside = !inside
	if (inside)
		total[++segments] = 0
	next
}

inside && /^\(0\)\.\[/ {
	total[segments]++
	sub(/^.*ctxt\): /, "")
	sub(/ *;[^;]*$/, "")
	kind = ""
	if ($1 ~ /^(vmread|vmwrite|rdmsr|wrmsr|invept|invvpid)$/)
		kind = $1
	else if ($1 ~ /^(xsave|xrstor|fxsave|fxrstor)/)
		kind = "xsave"
	else if ($1 == "lock" || ($1 == "xchg" && /ptr/))
		kind = "atomic"
	else if (($1 == "call" || $1 == "jmp") && $2 ~ /^(r[a-d0-9]|r[sd]i|rbp|qword)/)
		kind = "pointer"
	if (kind)
		count[segments, kind]++
}

$1 == "minihv" || $1 == "kvm" { operation[++operations] = $0 }

END {
	if (segments != operations * rounds || inside) {
		printf "%d marked, for %d operations\n", segments, operations >"/dev/stderr"
		exit 1
	}
	for (i = 1; i <= operations; i++) {
		best = (i - 1) * rounds + 1
		for (j = best; j <= i * rounds; j++)
			if (total[j] < total[best])
				best = j
		# The guest's own instruction, or the client's way to the ioctl, is in it.
		printf "%s %d", operation[i], total[best]
		for (c = 1; c <= columns; c++)
			printf " %d", count[best, name[c]]
		print ""
	}
}
