/* SPDX-License-Identifier: GPL-2.0 */
/* What msrctl's commands share. */
#ifndef MINIHV_MSRCTL_H
#define MINIHV_MSRCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vm.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define ARGS_MAX	255	/* of a command; more MSRs than that one ioctl does not take */

/* The exit status. What the device can't do at all counts as refused. */
enum status {
	STATUS_DONE,
	STATUS_REFUSED,
	STATUS_MISUSE,
};

/**
 * struct session - the device and, for most commands, a fresh VM with a vCPU
 * @path:	of the device
 * @json:	JSON is wanted
 * @dev:	its fd, or -1
 */
struct session {
	const char *path;
	bool json;
	int dev;
	struct vm vm;
	struct vcpu vcpu;
};

/*
 * The commands, with at most ARGS_MAX arguments. They see these through before
 * they open the device.
 */
enum status cmd_list(struct session *s, int argc, char **argv);
enum status cmd_features(struct session *s, int argc, char **argv);
enum status cmd_get(struct session *s, int argc, char **argv);
enum status cmd_set(struct session *s, int argc, char **argv);
enum status cmd_guest(struct session *s, int argc, char **argv);

/* complain() - a line on standard error, with the program's name before it */
#define complain(...)							\
	do {								\
		fputs("msrctl: ", stderr);				\
		fprintf(stderr, __VA_ARGS__);				\
		fputc('\n', stderr);					\
	} while (0)

/* session.c: false after a complaint */
bool session_open(struct session *s);
bool session_vcpu(struct session *s, unsigned int mib);
void session_close(struct session *s);

/* args.c: false after a complaint */
bool parse_msr(const char *text, uint32_t *index);
bool parse_value(const char *text, uint64_t *value);

#endif
