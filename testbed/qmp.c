// SPDX-License-Identifier: GPL-2.0
/*
 * usage: qmp SECONDS SOCKET COMMAND...
 *
 * Has QEMU carry out commands of its machine protocol, one after the other, and
 * prints what each returns. A COMMAND is a name, or a whole JSON object where it
 * wants arguments. Fails when QEMU refuses one, leaves, or takes longer than
 * SECONDS for all of them, the wait for its socket included.
 */
#include <err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct timespec deadline;
static int sock;

static int milliseconds_left(void)
{
	struct timespec now;
	long left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (deadline.tv_sec - now.tv_sec) * 1000 + (deadline.tv_nsec - now.tv_nsec) / 1000000;
	if (left <= 0)
		errx(2, "no answer in time");
	return left;
}

static void connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		errx(1, "%s: too long", path);
	strcpy(address.sun_path, path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		err(1, "socket");
	while (connect(sock, (struct sockaddr *)&address, sizeof(address))) {
		milliseconds_left();
		usleep(20000);
	}
}

static void send_line(const char *line)
{
	if (dprintf(sock, "%s\n", line) < 0)
		err(1, "write");
}

/* One line without its end; the caller has to free it. */
static char *receive_line(void)
{
	size_t size = 0, used = 0;
	char *line = NULL;

	do {
		struct pollfd poll_sock = { .fd = sock, .events = POLLIN };

		if (used == size) {
			size += 4096;
			line = realloc(line, size);
			if (!line)
				err(1, "realloc");
		}
		if (poll(&poll_sock, 1, milliseconds_left()) != 1)
			continue;
		if (read(sock, line + used, 1) != 1)
			errx(1, "QEMU has gone");
		used++;
	} while (!used || line[used - 1] != '\n');
	line[used - 1] = '\0';
	return line;
}

/* Until QEMU has answered; events come in between. */
static void carry_out(const char *command, bool quietly)
{
	bool answered = false;
	char object[256];

	if (*command != '{') {
		snprintf(object, sizeof(object), "{\"execute\": \"%s\"}", command);
		command = object;
	}
	send_line(command);
	while (!answered) {
		char *line = receive_line();

		if (!strncmp(line, "{\"error\"", 8))
			errx(1, "%s: %s", command, line);
		answered = !strncmp(line, "{\"return\"", 9);
		if (answered && !quietly)
			puts(line);
		free(line);
	}
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 4)
		errx(1, "usage: qmp SECONDS SOCKET COMMAND...");
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += atoi(argv[1]);
	connect_to(argv[2]);
	carry_out("qmp_capabilities", true);
	for (i = 3; i < argc; i++)
		carry_out(argv[i], false);
	return 0;
}
