# SPDX-License-Identifier: GPL-2.0
# Reads module/msr_table.c as the preprocessor leaves it (the file's own macros expanded, nothing
# included) and writes the rows of msrctl's table of names: { first, count, name }. A row of the MSR
# table begins with its .first; .count and .name may follow in any order and on other lines.

# The text of .field's initialiser in part, or "".
function initialiser(part, field)
{
	if (!match(part, "\\." field "[ \t]*=[ \t]*(\"[^\"]*\"|[^,}\"]+)"))
		return ""
	part = substr(part, RSTART, RLENGTH)
	sub(/^[^=]*=[ \t]*/, "", part)
	return part
}

function take(part)
{
	if (initialiser(part, "count") != "")
		count = initialiser(part, "count")
	if (initialiser(part, "name") != "")
		name = initialiser(part, "name")
}

function finish_row()
{
	if (first == "")
		return
	if (name == "")
		fail("the row of MSR " first " has no name")
	printf "\t{ %s, %s, %s },\n", first, count, name
	rows++
}

function fail(why)
{
	print "msr-names.awk: " why >"/dev/stderr"
	failed = 1
	exit 1
}

{
	rest = $0
	while (match(rest, /\.first[ \t]*=/)) {
		take(substr(rest, 1, RSTART - 1))
		finish_row()
		rest = substr(rest, RSTART)
		first = initialiser(rest, "first")
		count = 1
		name = ""
		rest = substr(rest, length(".first"))
	}
	take(rest)
}

END {
	if (failed)
		exit 1
	finish_row()
	if (!rows)
		fail("no rows found")
}
