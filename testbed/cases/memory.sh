# SPDX-License-Identifier: GPL-2.0
# Memory cgroups and the OOM killer, on minihv and on KVM; minihv leaves nothing behind.
# boot: -c 2 -a slub_debug=Z -a log_buf_len=4M
. /testbed/selftests.sh
. /testbed/growth.sh
. /testbed/trouble.sh
. /testbed/kvm.sh

# The killer's reports have backtraces in them. What else is in the log counts.
only_killers_reports()
{
	dmesg -c >/tmp/log
	echo 'memory.sh: the log up to here has been looked at' >/dev/kmsg
	awk '/invoked oom-killer/ { report = 1 } !report || !/Call Trace/ { print }
		/[Kk]illed process/ { report = 0 }' /tmp/log >/tmp/rest
	grep -E "$trouble" /tmp/rest | grep -v "$no_trouble" && return 1
	echo "$(grep -c 'illed process' /tmp/log) killed"
}

plan 9
test_that 'minihv loads' insmod /minihv.ko
nested 'once, to fill caches' /selftests/run.sh /selftests/memcg
settle /tmp/before
nested 'minihv' /selftests/run.sh /selftests/memcg
settle /tmp/after
paste /tmp/before /tmp/after | sed 's/^/# /'
# Page by page that is history_client's to see.
test_that 'the memory of clients that were killed is free again' no_growth pages 64
test_that "the log has no more than the OOM killer's reports" only_killers_reports
test_that 'minihv unloads' rmmod minihv
test_that 'KVM loads' load_kvm
export MINIHV_DEVICE=/dev/kvm
nested 'KVM' /selftests/run.sh /selftests/memcg
test_that "the log has no more than the OOM killer's reports" only_killers_reports
finish
