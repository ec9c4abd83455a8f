# SPDX-License-Identifier: GPL-2.0
# kexec while guests run. The new kernel starts the second CPU with INIT, which a CPU in VMX root would
# ignore.
# boot: -c 2 -K
. /testbed/restart.sh

if [ "$LIFE" -eq 1 ]; then
	first_life 6
	restarts_by kexec-load -e
fi
second_life 3 0-1
finish
