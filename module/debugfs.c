// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/minihv/msrs: the MSR table as this host has it. */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "debugfs.h"
#include "msr.h"

static struct dentry *dir;

static const char *const kind_names[] = {
	[MSR_CONST] = "const",
	[MSR_STORED] = "stored",
	[MSR_VMCS] = "vmcs",
	[MSR_HW_SWITCHED] = "hw-switched",
	[MSR_SPECIAL] = "special",
};

static const struct {
	u32 flag;
	const char *name;
} flag_names[] = {
	{ MSR_SAVE, "save" },
	{ MSR_EMULATED, "emulated" },
	{ MSR_FEATURE, "feature" },
	{ MSR_IMMUTABLE, "immutable" },
	{ MSR_GUEST_RO, "guest-ro" },
	{ MSR_HOST_ANY, "host-any" },
	{ MSR_PASS_READ, "pass-read" },
	{ MSR_PASS_WRITE, "pass-write" },
	{ MSR_PROBE_HOST, "probe-host" },
	{ MSR_SLOW, "slow" },
	{ MSR_SYSCALL, "syscall" },
	{ MSR_HOST_ONLY, "host-only" },
	{ MSR_NO_WRITE, "no-write" },
	{ MSR_NO_READ, "no-read" },
};

static int msrs_show(struct seq_file *file, void *unused)
{
	const struct msr_row *row;
	unsigned int n, i;

	for (n = 0; n < msr_table_rows; n++) {
		row = &msr_table[n];
		seq_printf(file, "%08x %4u %-28s %-11s reset=%llx gp=%llx ro=%llx ignore=%llx ask=%llx",
			   row->first, msr_row_count(row), row->name, kind_names[row->kind],
			   msr_reset_value(row, row->first), row->gp_mask, row->ro_mask,
			   row->ignore_mask, row->ask_mask);
		for (i = 0; i < ARRAY_SIZE(flag_names); i++)
			if (row->flags & flag_names[i].flag)
				seq_printf(file, " %s", flag_names[i].name);
		seq_printf(file, "%s | %s\n", msr_row_exists(row) ? "" : " (not on this host)",
			   row->sdm);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(msrs);

void __init minihv_debugfs_init(void)
{
	dir = debugfs_create_dir("minihv", NULL);
	debugfs_create_file("msrs", 0444, dir, NULL, &msrs_fops);
}

void minihv_debugfs_exit(void)
{
	debugfs_remove(dir);
}
