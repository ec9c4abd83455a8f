# SPDX-License-Identifier: GPL-2.0
# What each operation of "bench DEVICE mark" consists of, from the emulator's list of all
# instructions between two marks: how many of those that take long on silicon, "minihv/kvm_intel".
# With -v json=1 as JSON. The guest's own instruction is not counted among them.

BEGIN {
	columns = split("vmread vmwrite rdmsr wrmsr invept invvpid xsave atomic pointer", name)
	rounds = 3 # of each operation; the shortest counts, the others had a cold cache or an interrupt
}

/^\(0\) Magic breakpoint/ {
	inside = !inside
	if (inside)
		total[++segments] = 0
	next
}

inside && /^\(0\)\.\[/ {
	if (!total[segments]++)
		next
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

$1 == "minihv" || $1 == "kvm" { operation[++operations] = $2 }

# The shortest round of operation i
function best(i,	j, b)
{
	b = (i - 1) * rounds + 1
	for (j = b; j <= i * rounds; j++)
		if (total[j] < total[b])
			b = j
	return b
}

END {
	half = operations / 2
	if (!operations || segments != operations * rounds || inside) {
		printf "%d marked, for %d operations\n", segments, operations >"/dev/stderr"
		exit 1
	}
	if (!json) {
		printf "%-24s", "minihv/kvm_intel"
		for (c = 1; c <= columns; c++)
			printf " %8s", name[c]
		print ""
	}
	for (i = 1; i <= half; i++) {
		if (operation[i] != operation[i + half]) {
			print "KVM's operations are not minihv's" >"/dev/stderr"
			exit 1
		}
		ours = best(i)
		theirs = best(i + half)
		if (json)
			printf "%s{\"operation\": \"%s\"", (i > 1) ? ",\n" : "[\n", operation[i]
		else
			printf "%-24s", operation[i]
		for (c = 1; c <= columns; c++)
			if (json)
				printf ", \"%s\": {\"minihv\": %d, \"kvm_intel\": %d}", name[c],
					count[ours, name[c]], count[theirs, name[c]]
			else
				printf " %8s", sprintf("%d/%d", count[ours, name[c]],
					count[theirs, name[c]])
		printf "%s", json ? "}" : "\n"
	}
	if (json)
		print "\n]"
}
