// SPDX-License-Identifier: GPL-2.0
/*
 * usage: load-module FILE [PARAMETER=VALUE]...
 *
 * Asks the kernel once. Busybox' insmod asks again, in another way, after a
 * refusal, and then each refusal is in the kernel log twice.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char parameters[4096] = "";
	int file, i;

	if (argc < 2)
		errx(EINVAL, "usage: load-module FILE [PARAMETER=VALUE]...");
	for (i = 2; i < argc; i++) {
		size_t used = strlen(parameters);

		snprintf(parameters + used, sizeof(parameters) - used, "%s ", argv[i]);
	}
	file = open(argv[1], O_RDONLY);
	if (file < 0 || syscall(SYS_finit_module, file, parameters, 0))
		err(errno, "%s", argv[1]);
	return 0;
}
