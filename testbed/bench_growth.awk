# SPDX-License-Identifier: GPL-2.0
# The figures of selftests/bench_growth on both devices, as a table. Fails where minihv's grow: an exit costs
# the same whatever there is beside it, each entry of KVM_GET_MSRS the same as the one before, and a VM and
# a vCPU take less memory than KVM's.

function wrong(what)
{
	print "wrong: " what
	failed = 1
}

# The part of a name before its number, and the number
function name_of(op) { sub(/-[0-9]+$/, "", op); return op }
function number_of(op) { sub(/.*-/, "", op); return op }

$1 == "minihv" { order[++n] = $2 }
{ figure[$1 " " $2] = $3 }

END {
	printf "%-16s %10s %10s\n", "", "minihv", "kvm_intel"
	for (i = 1; i <= n; i++) {
		op = order[i]
		mine = figure["minihv " op]
		printf "%-16s %10d %10d\n", op, mine, figure["kvm " op]
		name = name_of(op)
		if (name ~ /^exit-/) {
			if (name in exit_cost && exit_cost[name] != mine)
				wrong(op ": was " exit_cost[name])
			exit_cost[name] = mine
			exits++
		} else if (name == "get-msrs") {
			each = (mine - last) / (number_of(op) - entries)
			# The first has the way into the kernel, too.
			if (!slope && number_of(op) > 1)
				slope = each
			if (slope && (each > slope * 1.05 || each < slope * 0.95))
				wrong(op ": " each " for each entry more, " slope " for the second")
			last = mine
			entries = number_of(op)
		} else if (name ~ /^memory-/ && mine >= figure["kvm " op]) {
			wrong(op)
		}
	}
	if (exits < 11 || entries != 255)
		wrong("figures are missing")
	exit failed
}
