/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_CPUID_H
#define DKVM_CPUID_H
/* CPUID: cpuid.c and the table cpuid_table.def. */
#include <asm/cpufeatures.h>
#include "x86.h"

/* A feature register of a leaf; indexes x86_cpuid.words[]. */
enum cpuid_word {
	CW_1_ECX, CW_1_EDX, CW_6_EAX, CW_7_0_EBX, CW_7_0_ECX, CW_7_0_EDX,
	CW_7_1_EAX, CW_7_1_EDX, CW_D_1_EAX,
	CW_80000001_ECX, CW_80000001_EDX, CW_80000007_EDX, CW_80000008_EBX,
	CW_8000000A_EDX, CW_80000021_EAX, CW_7_2_EDX,
	CW_KVM_EAX, CW_C0000001_EDX,
	NR_CPUID_FEATURE_WORDS
};
static_assert(ARRAY_SIZE(((struct x86_cpuid *)NULL)->words) >= NR_CPUID_FEATURE_WORDS);

struct cpuid_adjust {
	u8 word;	/* enum cpuid_word */
	u32 set, clear;
};

/* Guest features as WORD and bit: guest_has(vcpu, CW_1_ECX, 26). Names for these: GF_* below. */
#define GF(word, bit)	((word) << 5 | (bit))
static inline bool guest_has(const struct x86_vcpu *vcpu, unsigned int gf)
{
	return vcpu->cpuid.words[gf >> 5] & (1u << (gf & 31));
}

/* Of linear addresses on this processor, whatever CR4.LA57 says */
static inline unsigned int address_bits(const struct x86_vcpu *vcpu)
{
	return vcpu->cpuid.virt_bits ?: 48;
}

/* So many bits of it, and their sign in the others */
static inline u64 canonical_address(const struct x86_vcpu *vcpu, u64 address)
{
	unsigned int unused = 64 - address_bits(vcpu);

	return (s64)(address << unused) >> unused;
}

/* what KVM_GET_SUPPORTED_CPUID reports for that feature; constant after cpuid_setup() */
extern u32 cpuid_supported[NR_CPUID_FEATURE_WORDS];
static inline bool host_offers(unsigned int gf)
{
	return cpuid_supported[gf >> 5] & (1u << (gf & 31));
}

#define GF_MWAIT	GF(CW_1_ECX, 3)
#define GF_VMX		GF(CW_1_ECX, 5)
#define GF_CX16		GF(CW_1_ECX, 13)
#define GF_PCID		GF(CW_1_ECX, 17)
#define GF_X2APIC	GF(CW_1_ECX, 21)
#define GF_MOVBE	GF(CW_1_ECX, 22)
#define GF_TSC_DEADLINE	GF(CW_1_ECX, 24)
#define GF_XSAVE	GF(CW_1_ECX, 26)
#define GF_OSXSAVE	GF(CW_1_ECX, 27)
#define GF_DE		GF(CW_1_EDX, 2)
#define GF_PAT		GF(CW_1_EDX, 16)
#define GF_PSE36	GF(CW_1_EDX, 17)
#define GF_MTRR		GF(CW_1_EDX, 12)
#define GF_MCE		GF(CW_1_EDX, 7)
#define GF_MCA		GF(CW_1_EDX, 14)
#define GF_SEP		GF(CW_1_EDX, 11)
#define GF_FSGSBASE	GF(CW_7_0_EBX, 0)
#define GF_TSC_ADJUST	GF(CW_7_0_EBX, 1)
#define GF_SMEP		GF(CW_7_0_EBX, 7)
#define GF_INVPCID	GF(CW_7_0_EBX, 10)
#define GF_RTM		GF(CW_7_0_EBX, 11)
#define GF_SMAP		GF(CW_7_0_EBX, 20)
#define GF_UMIP		GF(CW_7_0_ECX, 2)
#define GF_PKU		GF(CW_7_0_ECX, 3)
#define GF_LA57		GF(CW_7_0_ECX, 16)
#define GF_RDPID	GF(CW_7_0_ECX, 22)
#define GF_SPEC_CTRL	GF(CW_7_0_EDX, 26)
#define GF_ARCH_CAPS	GF(CW_7_0_EDX, 29)
#define GF_SSBD		GF(CW_7_0_EDX, 31)
#define GF_XSAVES	GF(CW_D_1_EAX, 3)
#define GF_SVM		GF(CW_80000001_ECX, 2)
#define GF_OSVW		GF(CW_80000001_ECX, 9)
#define GF_SYSCALL	GF(CW_80000001_EDX, 11)
#define GF_NX		GF(CW_80000001_EDX, 20)
#define GF_FXSR_OPT	GF(CW_80000001_EDX, 25)
#define GF_GBPAGES	GF(CW_80000001_EDX, 26)
#define GF_RDTSCP	GF(CW_80000001_EDX, 27)
#define GF_LM		GF(CW_80000001_EDX, 29)
#define GF_INVTSC	GF(CW_80000007_EDX, 8)
#define GF_IBPB		GF(CW_80000008_EBX, 12)
#define GF_IBRS		GF(CW_80000008_EBX, 14)
#define GF_STIBP	GF(CW_80000008_EBX, 15)
#define GF_AMD_SSBD	GF(CW_80000008_EBX, 24)
#define GF_VIRT_SSBD	GF(CW_80000008_EBX, 25)

int cpuid_setup(void);		/* computes cpuid_supported[]; after vendor_caps is set */
/* The CPUID instruction: leaf and subleaf in, four registers out. No sleep, interrupts may be off. */
void cpuid_emulate(struct x86_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
int cpuid_exit(struct x86_vcpu *vcpu);	/* the exit handler, skip included: RUN_* */
/* The same with interrupts off, without the skip: writes RAX..RDX. False: take the slow way. */
bool __must_check cpuid_fast(struct x86_vcpu *vcpu);
void cpuid_refresh(struct x86_vcpu *vcpu);	/* OSXSAVE, OSPKE, XCR0-dependent sizes changed */
void cpuid_vcpu_free(struct x86_vcpu *vcpu);

int cpuid_ioctl_set(struct x86_vcpu *vcpu, struct kvm_cpuid __user *user);
int cpuid_ioctl_set2(struct x86_vcpu *vcpu, struct kvm_cpuid2 __user *user);
int cpuid_ioctl_get2(struct x86_vcpu *vcpu, struct kvm_cpuid2 __user *user);
/* The table of guest @ent in view of what is offered: words, CR4, EFER and XCR0 masks ... (cpuid.c) */
void cpuid_derive(struct x86_vcpu *vcpu);
/* What changes with CR4, XCR0, MISC_ENABLE and APICBASE, written into @view (cpuid.c). */
void cpuid_runtime(struct x86_vcpu *vcpu, struct cpuid_view *view);
/* CR4 bits of a guest with these feature words */
u64 cpuid_cr4_valid(const u32 *words);
/* Bytes of an XSAVE area for @xfeatures (cpuid_host.c) */
u32 cpuid_xsave_size(u64 xfeatures, bool compacted);
/* Where the bits of a word are in CPUID */
struct cpuid_word_def {
	u32 leaf, subleaf;
	u8 reg;			/* enum cpuid_regs_idx */
	s8 cap;			/* word of boot_cpu_data.x86_capability, -1: the kernel has none */
	u32 host, raw, soft, emul;	/* cpuid_features.def */
};
extern const struct cpuid_word_def cpuid_words[NR_CPUID_FEATURE_WORDS];
extern u32 cpuid_emulated[NR_CPUID_FEATURE_WORDS];	/* what the emulator adds */
extern u64 cpuid_xcr0, cpuid_xss;		/* state components that are offered; constant after setup */

int cpuid_ioctl_supported(struct kvm_cpuid2 __user *user, bool emulated);

#endif
