// SPDX-License-Identifier: GPL-2.0
/*
 * msrctl: looks at the MSRs of minihv's guests, from the host and from inside.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <linux/minihv.h>

#include "msrctl.h"

static const struct command {
	const char *name;
	const char *args;
	const char *does;
	int min_args;
	int max_args;
	enum status (*run)(struct session *s, int argc, char **argv);
} commands[] = {
	{ "list", "", "both index lists, with names", 0, 0, cmd_list },
	{ "features", "[MSR...]", "feature MSRs, bit by bit", 0, ARGS_MAX, cmd_features },
	{ "get", "MSR...", "read MSRs of a fresh vCPU", 1, ARGS_MAX, cmd_get },
	{ "set", "MSR=VALUE...", "write MSRs of a fresh vCPU and read them back", 1, ARGS_MAX,
	  cmd_set },
	{ "guest", "rdmsr MSR | wrmsr MSR VALUE ...", "have a guest execute that", 1, ARGS_MAX,
	  cmd_guest },
};

static void print_help(void)
{
	size_t i;

	puts("Usage: msrctl [OPTION]... COMMAND [ARGUMENT]...\n"
	     "Looks at the MSRs of guests through a device that speaks KVM's ioctls.\n\n"
	     "Commands:");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %s %s\n        %s\n", commands[i].name, commands[i].args,
		       commands[i].does);
	puts("\nMSR is an index or a name: 0x277, 631, IA32_PAT, pat. Numbers are decimal, or\n"
	     "hexadecimal with 0x.\n\n"
	     "Options:\n"
	     "  -d, --device PATH  instead of " MINIHV_DEVICE "\n"
	     "  -j, --json         answer in JSON\n"
	     "  -h, --help         this text\n"
	     "  -V, --version      the version\n\n"
	     "The exit status is 0 when all was done, 1 when an MSR was refused or the device\n"
	     "failed, 2 when the command line was wrong.");
}

static enum status misuse(void)
{
	fputs("Try 'msrctl --help'.\n", stderr);
	return STATUS_MISUSE;
}

static enum status run_command(struct session *s, int argc, char **argv)
{
	const struct command *command = commands;
	enum status status;

	if (!argc) {
		complain("a command is missing");
		return misuse();
	}
	while (strcmp(command->name, argv[0]) != 0) {
		if (++command == commands + ARRAY_SIZE(commands)) {
			complain("'%s' is not a command", argv[0]);
			return misuse();
		}
	}
	argc--;
	argv++;
	if (argc < command->min_args || argc > command->max_args) {
		complain("too %s arguments: msrctl %s %s",
			 argc < command->min_args ? "few" : "many", command->name, command->args);
		return misuse();
	}
	status = command->run(s, argc, argv);
	session_close(s);
	return status == STATUS_MISUSE ? misuse() : status;
}

/* An answer that did not get through is no answer. */
static int finish(enum status status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return (int)status;
	complain("cannot write the answer");
	return STATUS_REFUSED;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct session s = {
		.path = MINIHV_DEVICE, .dev = -1, .vm.fd = -1, .vcpu.fd = -1,
	};
	int option;

	while ((option = getopt_long(argc, argv, "d:jhV", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			s.path = optarg;
			break;
		case 'j':
			s.json = true;
			break;
		case 'h':
			print_help();
			return finish(STATUS_DONE);
		case 'V':
			puts("msrctl " MSRCTL_VERSION);
			return finish(STATUS_DONE);
		default:
			return finish(misuse());
		}
	}
	return finish(run_command(&s, argc - optind, argv + optind));
}
