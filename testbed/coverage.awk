# SPDX-License-Identifier: GPL-2.0
# Reads gcov's annotated sources of module/: per file and in total, the lines that have run, in per cent of
# those that could.
function report(name, run, all)
{
	printf "%-22s %5.1f %% of %d lines\n", name, all ? 100 * run / all : 0, all
}

FNR == 1 {
	# module-leaks#module#run.c.gcov
	name = FILENAME
	sub(/\.gcov$/, "", name)
	sub(/.*#module#/, "module/", name)
	if (!(name in all))
		names[++count] = name
	all[name] += 0
}

/^ *[0-9]+\*?:/ {
	run[name]++
	all[name]++
}

/^ *[#=]+:/ {
	all[name]++
}

END {
	for (i = 1; i <= count; i++) {
		report(names[i], run[names[i]], all[names[i]])
		total_run += run[names[i]]
		total += all[names[i]]
	}
	printf "coverage: %.1f %% of %d lines of module/\n", total ? 100 * total_run / total : 0, total
	printf "total %.2f\n", total ? 100 * total_run / total : 0
}
