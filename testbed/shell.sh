# SPDX-License-Identifier: GPL-2.0
# Runs in the test machine: loads minihv and leaves the terminal to a shell.
insmod /minihv.ko
echo 'minihv is loaded; try "msrctl list" and "dmesg". "exit" switches the machine off.'
sh -i
