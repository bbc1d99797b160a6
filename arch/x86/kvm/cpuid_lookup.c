// SPDX-License-Identifier: GPL-2.0-only
/* Finding a leaf in a CPUID table; see cpuid_lookup.h. */
#include "cpuid_lookup.h"

#define NO_SLOT		CPUID_SLOTS
#define BASE_HV		0x40000000u
#define BASE_EXT	0x80000000u
#define BASE_CENTAUR	0xc0000000u

/* Masking bounds the slot on mispredicted paths, too: @leaf is the guest's. */
static unsigned int slot_of(u32 leaf)
{
	if (leaf < CPUID_SLOTS_BASIC)
		return leaf & (CPUID_SLOTS_BASIC - 1);
	if (leaf - BASE_EXT < CPUID_SLOTS_EXT)
		return CPUID_SLOTS_BASIC + CPUID_SLOTS_HV +
		       ((leaf - BASE_EXT) & (CPUID_SLOTS_EXT - 1));
	if (leaf - BASE_HV < CPUID_SLOTS_HV)
		return CPUID_SLOTS_BASIC + ((leaf - BASE_HV) & (CPUID_SLOTS_HV - 1));
	return NO_SLOT;
}

/* Does each leaf have its entries in one row? Quadratic in the few hundred entries there can be. */
static bool leaves_grouped(const struct cpuid_view *view)
{
	int i, j;

	for (i = 1; i < view->nent; i++) {
		if (view->ent[i].function == view->ent[i - 1].function)
			continue;
		for (j = 0; j < i - 1; j++)
			if (view->ent[j].function == view->ent[i].function)
				return false;
	}
	return true;
}

void cpuid_view_index(struct cpuid_view *view)
{
	unsigned int slot;
	int i;

	for (i = 0; i < CPUID_SLOTS; i++)
		view->first[i] = 0;
	for (i = view->nent - 1; i >= 0; i--) {
		slot = slot_of(view->ent[i].function);
		if (slot != NO_SLOT)
			view->first[slot] = i + 1;
	}
	view->grouped = leaves_grouped(view);
}

struct kvm_cpuid_entry2 *cpuid_find(const struct cpuid_view *view, u32 leaf, u32 subleaf)
{
	unsigned int slot = slot_of(leaf);
	struct kvm_cpuid_entry2 *e = view->ent, *end = e + view->nent;
	bool grouped = false;

	if (slot != NO_SLOT) {
		if (!view->first[slot])
			return NULL;
		e += view->first[slot] - 1;
		grouped = view->grouped;
	}
	for (; e < end; e++) {
		if (e->function == leaf) {
			if (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == subleaf)
				return e;
		} else if (grouped) {
			break;
		}
	}
	return NULL;
}

/* Is @leaf within the limit that the first leaf of its range announces? */
static bool in_range(const struct cpuid_view *view, u32 leaf)
{
	const struct kvm_cpuid_entry2 *e;
	u32 base = 0;

	/* Hypervisors stack their ranges at distances of 0x100. */
	if (leaf >= BASE_HV && leaf < BASE_HV + 0x10000)
		base = leaf & ~0xffu;
	else if (leaf >= BASE_CENTAUR)
		base = BASE_CENTAUR;
	else if (leaf >= BASE_EXT)
		base = BASE_EXT;

	e = cpuid_find(view, base, 0);
	return e && leaf <= e->eax;
}

enum cpuid_match cpuid_query(const struct cpuid_view *view, u32 leaf, u32 subleaf, u32 regs[4])
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(view, leaf, subleaf);
	enum cpuid_match match = CPUID_MATCH;

	if (!e && !view->guest_is_amd && !in_range(view, leaf)) {
		e = cpuid_find(view, 0, 0);
		leaf = e ? e->eax : 0;
		e = cpuid_find(view, leaf, subleaf);
		match = CPUID_MATCH_LAST_BASIC;
	}
	if (e) {
		regs[0] = e->eax;
		regs[1] = e->ebx;
		regs[2] = e->ecx;
		regs[3] = e->edx;
		return match;
	}

	regs[0] = regs[1] = regs[2] = regs[3] = 0;
	if (leaf == 0xb || leaf == 0x1f) {
		/* Any subleaf of a topology leaf tells its number and the x2APIC id. */
		e = cpuid_find(view, leaf, 1);
		if (e) {
			regs[2] = subleaf & 0xff;
			regs[3] = e->edx;
		}
	}
	return CPUID_MATCH_NONE;
}
