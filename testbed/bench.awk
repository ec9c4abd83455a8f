# SPDX-License-Identifier: GPL-2.0
# The figures of testbed/bench.sh, a file for each boot, as tables; with -v json=1 as JSON.

function finish(	i, op, ratio)
{
	for (op in theirs) {
		if (!("minihv " op in median)) {
			print "no figure of minihv's for " op > "/dev/stderr"
			exit 1
		}
	}
	split("", theirs)
	if (!n)
		return
	if (!json) {
		printf "%s\n", boot
		printf "%-24s %26s %26s %6s\n", "instructions", "minihv (least-most)",
			"kvm_intel (least-most)", "ratio"
	}
	for (i = 1; i <= n; i++) {
		op = order[i]
		if (!("kvm " op in median)) {
			print "no figure of KVM's for " op > "/dev/stderr"
			exit 1
		}
		ratio = median["minihv " op] / median["kvm " op]
		if (json)
			printf "%s{\"boot\": \"%s\", \"operation\": \"%s\", \"minihv\": %d, " \
				"\"kvm_intel\": %d, \"ratio\": %.3f}", started++ ? ",\n" : "[\n",
				boot, op, median["minihv " op], median["kvm " op], ratio
		else
			printf "%-24s %10d (%d-%d) %10d (%d-%d) %6.3f\n", op,
				median["minihv " op], least["minihv " op], most["minihv " op],
				median["kvm " op], least["kvm " op], most["kvm " op], ratio
	}
	n = 0
	split("", median)
}

FNR == 1 {
	finish()
	boot = FILENAME
	sub(/.*\//, "", boot)
}

$1 == "minihv" { order[++n] = $2 }
$1 == "kvm" { theirs[$2] }

{
	median[$1 " " $2] = $3
	least[$1 " " $2] = $4
	most[$1 " " $2] = $5
}

END {
	finish()
	if (json)
		print "\n]"
}
