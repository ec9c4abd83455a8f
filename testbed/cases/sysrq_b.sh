# SPDX-License-Identifier: GPL-2.0
# SysRq's b: an emergency restart while guests run; no notifier is called.
# boot: -c 2 -a maxcpus=1 -a reboot=smp1 -a hpet=disable
. /testbed/restart.sh
resets sysrq b
