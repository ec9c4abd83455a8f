# SPDX-License-Identifier: GPL-2.0
# Runs a bench on minihv, then on KVM; each line begins with the name of the device. /testbed/bench.env
# says which, and with which words. Nothing is printed meanwhile: what the emulator lists comes the same way.
. /testbed/bench.env
. /testbed/kvm.sh

on_minihv()
{
	load-module /minihv.ko $parameters && $bench /dev/minihv $words >/tmp/minihv &&
		awk '$4 == "[minihv]" && $2 ~ /[tT]/ { print "symbol", $1, $3 }' /proc/kallsyms | sort >/tmp/symbols &&
		rmmod minihv
}

on_kvm()
{
	load_kvm && $bench /dev/kvm $words >/tmp/kvm
}

on_minihv && on_kvm || exit 1
cat /tmp/symbols
sed 's/^/minihv /' /tmp/minihv
sed 's/^/kvm /' /tmp/kvm
