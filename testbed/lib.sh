# SPDX-License-Identifier: GPL-2.0
# Sourced by the testbed's scripts: where things are, and how they speak.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
label=

stage()
{
	printf '[%3d s] %s%s\n' "$SECONDS" "${label:+$label: }" "$*" >&2
}

# die STATUS MESSAGE...
die()
{
	local status=$1

	shift
	stage "$*"
	exit "$status"
}
