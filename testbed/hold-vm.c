// SPDX-License-Identifier: GPL-2.0
/*
 * Creates a VM, says so, and keeps it until killed. The exit status is the
 * errno of what failed.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int device;

	if (argc != 2)
		errx(EINVAL, "usage: hold-vm DEVICE");
	device = open(argv[1], O_RDWR);
	if (device < 0)
		err(errno, "%s", argv[1]);
	if (ioctl(device, KVM_CREATE_VM, 0) < 0)
		err(errno, "KVM_CREATE_VM");
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
