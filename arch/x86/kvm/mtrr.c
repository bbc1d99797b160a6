// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory-type range registers: kept for the guest, checked as the processor
 * checks them (SDM Vol. 3 "MTRRs", APM Vol. 2 "Memory-Type Range Registers").
 * With nested paging they have no effect on how guest memory is cached.
 */
#include <linux/nospec.h>
#include <asm/mtrr.h>
#include "msr.h"
#include "msr_table.h"

#define MTRR_VARIABLE	8	/* pairs of base and mask */

/* Fixed ranges, variable ranges, write-combining */
#define MTRRCAP		(MTRR_VARIABLE | BIT(8) | BIT(10))

/* Places in x86_msrs.mtrr[] */
#define AT_DEFTYPE	0
#define AT_FIXED	1	/* 1 of 64K, 2 of 16K, 8 of 4K */
#define AT_VARIABLE	12
static_assert(AT_VARIABLE + 2 * MTRR_VARIABLE <= ARRAY_SIZE(((struct x86_msrs *)NULL)->mtrr));

enum { TYPE_UC = 0, TYPE_WC = 1, TYPE_WT = 4, TYPE_WP = 5, TYPE_WB = 6 };

#define MTRR_TYPES	(BIT(TYPE_UC) | BIT(TYPE_WC) | BIT(TYPE_WT) | BIT(TYPE_WP) | BIT(TYPE_WB))

static bool type_in(u8 type, u32 types)
{
	return type < 8 && (types & BIT(type));
}

static bool all_types_in(u64 val, u32 types)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (!type_in(val >> (8 * i), types))
			return false;
	return true;
}

#define EVERY_BYTE(b)	((b) * 0x0101010101010101ull)

/* The PAT has UC- (7), too: all of 0 to 7 but 2 and 3, which have bit 1 and not bit 2. */
bool pat_valid(u64 pat)
{
	return !(pat & EVERY_BYTE(0xf8ull)) && !((pat & EVERY_BYTE(2ull)) << 1 & ~pat);
}

/* Index into mtrr[], or -1: not one of ours. */
static int place_of(u32 msr)
{
	int at = -1;

	if (msr == MSR_MTRRdefType)
		at = AT_DEFTYPE;
	else if (msr == MSR_MTRRfix64K_00000)
		at = AT_FIXED;
	else if (msr == MSR_MTRRfix16K_80000 || msr == MSR_MTRRfix16K_A0000)
		at = AT_FIXED + 1 + (msr - MSR_MTRRfix16K_80000);
	else if (msr >= MSR_MTRRfix4K_C0000 && msr <= MSR_MTRRfix4K_F8000)
		at = AT_FIXED + 3 + (msr - MSR_MTRRfix4K_C0000);
	else if (msr >= MTRRphysBase_MSR(0) && msr <= MTRRphysMask_MSR(MTRR_VARIABLE - 1))
		at = AT_VARIABLE + (msr - MTRRphysBase_MSR(0));
	if (at < 0)
		return -1;
	return array_index_nospec(at, AT_VARIABLE + 2 * MTRR_VARIABLE);
}

static bool value_valid(const struct x86_vcpu *vcpu, int at, u64 val)
{
	u64 reserved = vcpu->cpuid.reserved_gpa_bits;

	if (at == AT_DEFTYPE)	/* type, FE, E */
		return !(val & ~0xcffull) && type_in(val, MTRR_TYPES);
	if (at < AT_VARIABLE)
		return all_types_in(val, MTRR_TYPES);
	if ((at - AT_VARIABLE) & 1)	/* mask and valid bit */
		return !(val & (reserved | 0x7ff));
	return !(val & (reserved | 0xf00)) && type_in(val, MTRR_TYPES);
}

bool mtrr_read(struct x86_vcpu *vcpu, u32 msr, u64 *val)
{
	int at;

	if (msr == MSR_MTRRcap) {
		*val = MTRRCAP;
		return true;
	}
	at = place_of(msr);
	if (at < 0)
		return false;
	*val = vcpu->msr.mtrr[at];
	return true;
}

bool mtrr_write(struct x86_vcpu *vcpu, u32 msr, u64 val)
{
	int at = place_of(msr);

	if (at < 0 || !value_valid(vcpu, at, val))
		return false;
	vcpu->msr.mtrr[at] = val;
	return true;
}
