// SPDX-License-Identifier: GPL-2.0
/*
 * Which MSRs the matrix looks at closely.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "matrix.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct range {
	uint32_t first;
	uint32_t last;
};

/*
 * MSRs that KVM has something to say about on Intel, or that a guest's kernel
 * touches there. Each range stands for its neighbours, too.
 */
static const struct range full[] = {
	{ 0x0, 0x1 },			/* P5_MC_ADDR, P5_MC_TYPE */
	{ 0x10, 0x10 },			/* TSC */
	{ 0x17, 0x17 },			/* PLATFORM_ID */
	{ 0x1b, 0x1b },			/* APIC_BASE */
	{ 0x2a, 0x2a },			/* EBL_CR_POWERON */
	{ 0x2c, 0x2c },			/* EBC_FREQUENCY_ID */
	{ 0x33, 0x34 },			/* TEST_CTRL, SMI_COUNT */
	{ 0x3a, 0x3b },			/* FEATURE_CONTROL, TSC_ADJUST */
	{ 0x48, 0x49 },			/* SPEC_CTRL, PRED_CMD */
	{ 0x79, 0x79 },			/* BIOS_UPDT_TRIG */
	{ 0x8b, 0x8f },			/* BIOS_SIGN_ID, SGXLEPUBKEYHASH */
	{ 0x9e, 0x9e },			/* SMBASE */
	{ 0xc1, 0xc2 },			/* PMC0, PMC1 */
	{ 0xcd, 0xcf },			/* FSB_FREQ, PLATFORM_INFO, CORE_CAPABILITIES */
	{ 0xe1, 0xe1 },			/* UMWAIT_CONTROL */
	{ 0xe7, 0xe8 },			/* MPERF, APERF */
	{ 0xfe, 0xfe },			/* MTRRCAP */
	{ 0x10a, 0x10b },		/* ARCH_CAPABILITIES, FLUSH_CMD */
	{ 0x11e, 0x11e },		/* BBL_CR_CTL3 */
	{ 0x122, 0x122 },		/* TSX_CTRL */
	{ 0x140, 0x140 },		/* MISC_FEATURES_ENABLES */
	{ 0x174, 0x176 },		/* SYSENTER_CS, ESP, EIP */
	{ 0x179, 0x17b },		/* MCG_CAP, STATUS, CTL */
	{ 0x186, 0x187 },		/* PERFEVTSEL0, 1 */
	{ 0x198, 0x19d },		/* PERF_STATUS to THERM2_CTL */
	{ 0x1a0, 0x1a0 },		/* MISC_ENABLE */
	{ 0x1b0, 0x1b2 },		/* ENERGY_PERF_BIAS, PACKAGE_THERM_* */
	{ 0x1c4, 0x1c5 },		/* XFD, XFD_ERR */
	{ 0x1c8, 0x1c9 },		/* LBR_SELECT, LASTBRANCH_TOS */
	{ 0x1d9, 0x1d9 },		/* DEBUGCTL */
	{ 0x1db, 0x1de },		/* LASTBRANCH*, LASTINT* */
	{ 0x1fc, 0x1fc },		/* POWER_CTL */
	{ 0x200, 0x20f },		/* MTRR_PHYSBASE, PHYSMASK */
	{ 0x250, 0x250 },		/* MTRR_FIX64K */
	{ 0x258, 0x259 },		/* MTRR_FIX16K */
	{ 0x268, 0x26f },		/* MTRR_FIX4K */
	{ 0x277, 0x277 },		/* PAT */
	{ 0x280, 0x281 },		/* MC0_CTL2, MC1_CTL2 */
	{ 0x29f, 0x29f },		/* MC31_CTL2, the last of KVM's */
	{ 0x2f8, 0x2f8 },		/* a hole: once an index beyond KVM's MTRRs */
	{ 0x2ff, 0x2ff },		/* MTRR_DEF_TYPE */
	{ 0x345, 0x345 },		/* PERF_CAPABILITIES */
	{ 0x38d, 0x390 },		/* FIXED_CTR_CTRL, PERF_GLOBAL_* */
	{ 0x3f1, 0x3f2 },		/* PEBS_ENABLE, PEBS_DATA_CFG */
	{ 0x400, 0x407 },		/* machine check banks 0, 1 */
	{ 0x47c, 0x47f },		/* bank 31, the last of KVM's */
	{ 0x480, 0x493 },		/* VMX_*, and what came after VMFUNC */
	{ 0x4d0, 0x4d0 },		/* MCG_EXT_CTL */
	{ 0x600, 0x600 },		/* DS_AREA */
	{ 0x606, 0x606 },		/* RAPL_POWER_UNIT */
	{ 0x611, 0x611 },		/* PKG_ENERGY_STATUS */
	{ 0x619, 0x619 },		/* DRAM_ENERGY_STATUS */
	{ 0x639, 0x639 },		/* PP0_ENERGY_STATUS */
	{ 0x641, 0x641 },		/* PP1_ENERGY_STATUS */
	{ 0x6e0, 0x6e0 },		/* TSC_DEADLINE */
	{ 0xd90, 0xd90 },		/* BNDCFGS */
	{ 0xda0, 0xda0 },		/* XSS */
	{ 0xc0000080, 0xc0000084 },	/* EFER, STAR, LSTAR, CSTAR, FMASK */
	{ 0xc0000100, 0xc0000103 },	/* FS_BASE, GS_BASE, KERNEL_GS_BASE, TSC_AUX */
	{ 0xc0010015, 0xc0010015 },	/* HWCR */
};

/* Alike to others, absent, or another vendor's. */
static const struct range brief[] = {
	{ 0xc3, 0xc8 },			/* more PMCs */
	{ 0x188, 0x18d },		/* more PERFEVTSELs */
	{ 0x282, 0x29e },		/* MC2_CTL2 to MC30_CTL2 */
	{ 0x309, 0x30c },		/* FIXED_CTRs */
	{ 0x408, 0x47b },		/* banks 2 to 30 */
	{ 0x4c1, 0x4c8 },		/* PMCs in full width */
	{ 0x560, 0x561 },		/* RTIT_OUTPUT_* */
	{ 0x570, 0x572 },		/* RTIT_CTL, STATUS, CR3_MATCH */
	{ 0x580, 0x587 },		/* RTIT_ADDR* */
	{ 0x680, 0x69f },		/* LASTBRANCH_*_FROM_IP */
	{ 0x6c0, 0x6df },		/* LASTBRANCH_*_TO_IP */
	{ 0x800, 0x83f },		/* x2APIC */
	{ 0x8ff, 0x900 },		/* its end; beyond, once out of KVM's bounds */
	{ 0xbff, 0xbff },
	{ 0x14ce, 0x14cf },		/* LBR_CTL, LBR_DEPTH */
	{ 0xc0000104, 0xc0000104 },	/* TSC_RATIO */
	{ 0xc0010000, 0xc0010007 },	/* K7 performance counters */
	{ 0xc0010010, 0xc0010010 },	/* SYSCFG */
	{ 0xc001001b, 0xc001001b },	/* K7 CLK_CTL */
	{ 0xc001001f, 0xc0010020 },	/* NB_CFG, PATCH_LOADER */
	{ 0xc0010055, 0xc0010055 },	/* INT_PENDING_MSG */
	{ 0xc0010058, 0xc0010058 },	/* MMIO_CONF_BASE */
	{ 0xc0010112, 0xc0010114 },	/* TSEG_ADDR, TSEG_MASK, VM_CR */
	{ 0xc0010117, 0xc0010117 },	/* VM_HSAVE_PA */
	{ 0xc001011f, 0xc001011f },	/* VIRT_SPEC_CTRL */
	{ 0xc0010140, 0xc0010141 },	/* OSVW */
	{ 0xc0010200, 0xc001020b },	/* F15H performance counters */
	{ 0xc0011022, 0xc0011023 },	/* DC_CFG, TW_CFG */
	{ 0xc0011029, 0xc001102c },	/* DE_CFG, BU_CFG2, EX_CFG */
	{ 0x1fff, 0x2000 },		/* the edges of what MSR bitmaps cover */
	{ 0xbfffffff, 0xc0000000 },
	{ 0xc0001fff, 0xc0002000 },
	{ 0x40000200, 0x40000200 },
	{ 0x12345678, 0x12345678 },
	{ 0x7fffffff, 0x80000000 },
	{ 0xffffffff, 0xffffffff },
};

/* Hypervisors' own, which are no part of a CPU. */
static const struct range left_out[] = {
	{ 0x11, 0x12 },			/* KVM's clock, where it was at first */
	{ 0x40000000, 0x400001ff },	/* Hyper-V */
	{ 0x4b564d00, 0x4b564d08 },	/* KVM */
};

bool matrix_left_out(uint32_t index)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(left_out); i++)
		if (index >= left_out[i].first && index <= left_out[i].last)
			return true;
	return false;
}

struct list {
	struct matrix_msr *msrs;
	size_t n;
};

static void add(struct list *list, uint32_t index, bool all_values)
{
	if (!matrix_left_out(index))
		list->msrs[list->n++] = (struct matrix_msr){ index, all_values };
}

static void add_ranges(struct list *list, const struct range *ranges, size_t n, bool all_values)
{
	uint64_t index;
	size_t i;

	for (i = 0; i < n; i++) {
		if (ranges[i].first)
			add(list, ranges[i].first - 1, false);
		for (index = ranges[i].first; index <= ranges[i].last; index++)
			add(list, (uint32_t)index, all_values);
		if (ranges[i].last != UINT32_MAX)
			add(list, ranges[i].last + 1, false);
	}
}

static size_t room(const struct range *ranges, size_t n)
{
	size_t i, sum = 0;

	for (i = 0; i < n; i++)
		sum += ranges[i].last - ranges[i].first + 3;
	return sum;
}

/* By index; of the same, the one that is asked more comes first. */
static int compare(const void *one, const void *other)
{
	const struct matrix_msr *a = one, *b = other;

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	return b->full - a->full;
}

static void sort_and_merge(struct list *list)
{
	size_t i, n = 0;

	qsort(list->msrs, list->n, sizeof(*list->msrs), compare);
	for (i = 0; i < list->n; i++)
		if (!n || list->msrs[n - 1].index != list->msrs[i].index)
			list->msrs[n++] = list->msrs[i];
	list->n = n;
}

int matrix_msrs(int dev, struct matrix_msr **msrs)
{
	struct kvm_msr_list *saved, *features;
	struct list list = { .n = 0 };
	int err;
	uint32_t i;

	err = vm_msr_list(dev, KVM_GET_MSR_INDEX_LIST, &saved);
	if (err)
		return err;
	err = vm_msr_list(dev, KVM_GET_MSR_FEATURE_INDEX_LIST, &features);
	if (err)
		goto free_saved;

	list.msrs = calloc(room(full, ARRAY_SIZE(full)) + room(brief, ARRAY_SIZE(brief)) +
			   saved->nmsrs + features->nmsrs, sizeof(*list.msrs));
	err = -ENOMEM;
	if (!list.msrs)
		goto free_features;
	add_ranges(&list, full, ARRAY_SIZE(full), true);
	add_ranges(&list, brief, ARRAY_SIZE(brief), false);
	for (i = 0; i < saved->nmsrs; i++)
		add(&list, saved->indices[i], false);
	for (i = 0; i < features->nmsrs; i++)
		add(&list, features->indices[i], false);
	sort_and_merge(&list);
	*msrs = list.msrs;
	err = (int)list.n;

free_features:
	free(features);
free_saved:
	free(saved);
	return err;
}
