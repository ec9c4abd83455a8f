// SPDX-License-Identifier: GPL-2.0
/* SDM vol. 3, "Machine-Check Architecture". */
#include "guest.h"

#define MSR_MCG_CAP	0x179
#define MSR_MCG_STATUS	0x17a
#define MSR_MCG_CTL	0x17b
#define MSR_MC0_CTL2	0x280
#define MSR_MC0_CTL	0x400
#define MSR_MC0_STATUS	0x401

#define CAP_COUNT	0xff
#define CAP_CTL_P	BIT(8)
#define CAP_CMCI_P	BIT(10)

const char *test_mcg(void)
{
	uint64_t cap = read_msr(MSR_MCG_CAP);

	CHECK_EQ(cap & CAP_COUNT, 10);	/* QEMU's choice */
	CHECK_EQ(cap & CAP_CTL_P, CAP_CTL_P);
	expects_gp(MSR_MCG_CAP, cap);
	CHECK_EQ(read_msr(MSR_MCG_STATUS), 0);
	takes(MSR_MCG_STATUS, 0);
	takes(MSR_MCG_CTL, 0);
	takes(MSR_MCG_CTL, ~0ull);
	return NULL;
}

const char *test_mc_banks(void)
{
	uint64_t cap = read_msr(MSR_MCG_CAP), value;
	uint32_t banks = cap & CAP_COUNT;

	for (uint32_t i = 0; i < banks; i++) {
		takes(MSR_MC0_CTL + 4 * i, 0);
		takes(MSR_MC0_CTL + 4 * i, ~0ull);
		takes(MSR_MC0_STATUS + 4 * i, 0);
		expects_gp(MSR_MC0_STATUS + 4 * i, BIT(63));
	}
	CHECK_EQ(rdmsr_safe(MSR_MC0_CTL + 4 * banks, &value), GENERAL_PROTECTION);
	CHECK_EQ(wrmsr_safe(MSR_MC0_CTL + 4 * banks, 0), GENERAL_PROTECTION);
	if (!(cap & CAP_CMCI_P))
		CHECK_EQ(wrmsr_safe(MSR_MC0_CTL2, 1), GENERAL_PROTECTION);
	return NULL;
}
