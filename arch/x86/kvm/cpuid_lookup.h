/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_CPUID_LOOKUP_H
#define DKVM_CPUID_LOOKUP_H
/*
 * Finding a leaf in a CPUID table: a pure library, also built in user space.
 *
 * Guests ask for few leaves, of three small ranges. Each of these has a slot
 * that names the first entry of the leaf; whatever is outside is searched for.
 * The table itself stays in the order that user space chose.
 */
#include <asm/kvm.h>
#include "mmu/port.h"

#define CPUID_SLOTS_BASIC	64	/* 0 and up */
#define CPUID_SLOTS_HV		16	/* 0x40000000 and up */
#define CPUID_SLOTS_EXT		64	/* 0x80000000 and up */
#define CPUID_SLOTS		(CPUID_SLOTS_BASIC + CPUID_SLOTS_HV + CPUID_SLOTS_EXT)

struct cpuid_view {
	struct kvm_cpuid_entry2 *ent;
	int nent;
	bool grouped;			/* entries of a leaf stand together */
	bool guest_is_amd;		/* AMD or Hygon: leaves out of range are zero */
	u16 first[CPUID_SLOTS];		/* index of the first entry, plus one; 0: none */
};

/* Where an answer of cpuid_query() came from */
enum cpuid_match {
	CPUID_MATCH,		/* the entry that was asked for */
	CPUID_MATCH_LAST_BASIC,	/* out of range: the highest basic leaf */
	CPUID_MATCH_NONE,	/* zeros, but for what topology leaves always tell */
};

/**
 * cpuid_view_index - prepare the look-up, after @view->ent, nent and guest_is_amd are set
 * @view: table; entries may be changed later, but not their function and index
 */
void cpuid_view_index(struct cpuid_view *view);

/** cpuid_find - the entry that answers @leaf and @subleaf, or NULL */
struct kvm_cpuid_entry2 *cpuid_find(const struct cpuid_view *view, u32 leaf, u32 subleaf);

/**
 * cpuid_query - what the CPUID instruction returns
 * @regs: EAX, EBX, ECX, EDX
 *
 * SDM Vol. 2 "CPUID—CPU Identification", "Input out of range"; APM Vol. 3 "CPUID".
 */
enum cpuid_match cpuid_query(const struct cpuid_view *view, u32 leaf, u32 subleaf, u32 regs[4]);

#endif
