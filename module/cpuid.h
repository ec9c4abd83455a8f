/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID: what minihv can offer, and what a vCPU was given. */
#ifndef MINIHV_CPUID_H
#define MINIHV_CPUID_H

#include <linux/bits.h>
#include <linux/kvm.h>
#include <linux/types.h>

/* The words of CPUID that decide what a guest may do. */
enum cpuid_word {
	CPUID_WORD_1_ECX,
	CPUID_WORD_1_EDX,
	CPUID_WORD_7_EBX,
	CPUID_WORD_7_ECX,
	CPUID_WORD_7_EDX,
	CPUID_WORD_D_1_EAX,
	CPUID_WORD_80000001_ECX,
	CPUID_WORD_80000001_EDX,
	CPUID_WORD_COUNT
};

/* A feature is a bit of one of these words, plus one: 0 means "none". */
#define CPUID_FEATURE(word, bit)	((word) * 32 + (bit) + 1)

enum cpuid_feature {
	FEATURE_NONE = 0,
	FEATURE_SSE3 = CPUID_FEATURE(CPUID_WORD_1_ECX, 0),
	FEATURE_MONITOR = CPUID_FEATURE(CPUID_WORD_1_ECX, 3),
	FEATURE_VMX = CPUID_FEATURE(CPUID_WORD_1_ECX, 5),
	FEATURE_SMX = CPUID_FEATURE(CPUID_WORD_1_ECX, 6),
	FEATURE_PDCM = CPUID_FEATURE(CPUID_WORD_1_ECX, 15),
	FEATURE_PCID = CPUID_FEATURE(CPUID_WORD_1_ECX, 17),
	FEATURE_X2APIC = CPUID_FEATURE(CPUID_WORD_1_ECX, 21),
	FEATURE_TSC_DEADLINE = CPUID_FEATURE(CPUID_WORD_1_ECX, 24),
	FEATURE_XSAVE = CPUID_FEATURE(CPUID_WORD_1_ECX, 26),
	FEATURE_VME = CPUID_FEATURE(CPUID_WORD_1_EDX, 1),
	FEATURE_DE = CPUID_FEATURE(CPUID_WORD_1_EDX, 2),
	FEATURE_FSGSBASE = CPUID_FEATURE(CPUID_WORD_7_EBX, 0),
	FEATURE_TSC_ADJUST = CPUID_FEATURE(CPUID_WORD_7_EBX, 1),
	FEATURE_SGX = CPUID_FEATURE(CPUID_WORD_7_EBX, 2),
	FEATURE_SMEP = CPUID_FEATURE(CPUID_WORD_7_EBX, 7),
	FEATURE_INVPCID = CPUID_FEATURE(CPUID_WORD_7_EBX, 10),
	FEATURE_RTM = CPUID_FEATURE(CPUID_WORD_7_EBX, 11),
	FEATURE_SMAP = CPUID_FEATURE(CPUID_WORD_7_EBX, 20),
	FEATURE_UMIP = CPUID_FEATURE(CPUID_WORD_7_ECX, 2),
	FEATURE_PKU = CPUID_FEATURE(CPUID_WORD_7_ECX, 3),
	FEATURE_WAITPKG = CPUID_FEATURE(CPUID_WORD_7_ECX, 5),
	FEATURE_LA57 = CPUID_FEATURE(CPUID_WORD_7_ECX, 16),
	FEATURE_RDPID = CPUID_FEATURE(CPUID_WORD_7_ECX, 22),
	FEATURE_SPEC_CTRL = CPUID_FEATURE(CPUID_WORD_7_EDX, 26),
	FEATURE_SGX_LC = CPUID_FEATURE(CPUID_WORD_7_ECX, 30),
	FEATURE_FLUSH_L1D = CPUID_FEATURE(CPUID_WORD_7_EDX, 28),
	FEATURE_ARCH_CAPABILITIES = CPUID_FEATURE(CPUID_WORD_7_EDX, 29),
	FEATURE_CORE_CAPABILITIES = CPUID_FEATURE(CPUID_WORD_7_EDX, 30),
	FEATURE_XSAVES = CPUID_FEATURE(CPUID_WORD_D_1_EAX, 3),
	FEATURE_XFD = CPUID_FEATURE(CPUID_WORD_D_1_EAX, 4),
	FEATURE_SYSCALL = CPUID_FEATURE(CPUID_WORD_80000001_EDX, 11),
	FEATURE_NX = CPUID_FEATURE(CPUID_WORD_80000001_EDX, 20),
	FEATURE_GBPAGES = CPUID_FEATURE(CPUID_WORD_80000001_EDX, 26),
	FEATURE_RDTSCP = CPUID_FEATURE(CPUID_WORD_80000001_EDX, 27),
	FEATURE_LM = CPUID_FEATURE(CPUID_WORD_80000001_EDX, 29),
};

struct vcpu;

/*
 * A leaf's two highest bits are its class: basic, hypervisor's, extended. Rotated to the
 * bottom, they make the first 64 leaves of each class the first 256 places.
 */
#define CPUID_CLASS		GENMASK(31, 30)
#define CPUID_PLACES		256

/**
 * struct vcpu_cpuid - the CPUID that KVM_SET_CPUID2 gave a vCPU
 * @words: the words that gates look at
 * @entries: the client's entries, in its order
 * @nent: how many
 * @first: of the leaf at each place the first entry; @nent if there is none
 * @maxphyaddr: width of a guest-physical address in bits
 * @xcr0: the XCR0 bits that the guest may set
 * @missing: room for the answer of a leaf that has no entry
 */
struct vcpu_cpuid {
	u32 words[CPUID_WORD_COUNT];
	struct kvm_cpuid_entry2 *entries;
	u32 nent;
	u16 first[CPUID_PLACES];
	u8 maxphyaddr;
	u64 xcr0;
	struct kvm_cpuid_entry2 missing;
};

static inline bool cpuid_has(const struct vcpu_cpuid *cpuid, enum cpuid_feature feature)
{
	return cpuid->words[(feature - 1) / 32] & (1u << ((feature - 1) % 32));
}

/* cpuid_host.c */
void cpuid_init(void);
u64 cpuid_host_xcr0(void);
bool cpuid_offers_vmx(void);
u32 cpuid_xsave_size(u64 xcr0, bool compacted);
int cpuid_get_supported(struct kvm_cpuid2 __user *user);

/* cpuid.c */
int cpuid_set(struct vcpu *vcpu, struct kvm_cpuid2 __user *user);
int cpuid_get(struct vcpu *vcpu, struct kvm_cpuid2 __user *user);
void cpuid_reset(struct vcpu_cpuid *cpuid);
u32 cpuid_signature(const struct vcpu_cpuid *cpuid);
void cpuid_free(struct vcpu_cpuid *cpuid);
bool cpuid_monitor_follows_msr(const struct vcpu *vcpu);
bool cpuid_has_monitor(const struct vcpu *vcpu);
void handle_cpuid(struct vcpu *vcpu);

#endif
