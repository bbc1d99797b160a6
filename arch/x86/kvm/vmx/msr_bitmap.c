// SPDX-License-Identifier: GPL-2.0-only
/* The MSR bitmaps: which MSRs the guest accesses without an exit. */
#include <linux/mm.h>
#include <asm/apicdef.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include "../cpuid.h"
#include "vmx.h"

enum pass_if {
	PASS_ALWAYS,
	PASS_SPEC_CTRL,		/* it is switched around the entry */
	PASS_IBPB,
	PASS_FLUSH,
	PASS_X2APIC,		/* only while the processor virtualizes it: else these are the host's */
};

#define X2APIC(reg)		(0x800 + (reg) / 16)
#define X2APIC_READ(reg)	{ X2APIC(reg), PASS_X2APIC, .read_only = true }
#define X2APIC_READ_8(reg)	X2APIC_READ(reg), X2APIC_READ((reg) + 0x10), \
				X2APIC_READ((reg) + 0x20), X2APIC_READ((reg) + 0x30), \
				X2APIC_READ((reg) + 0x40), X2APIC_READ((reg) + 0x50), \
				X2APIC_READ((reg) + 0x60), X2APIC_READ((reg) + 0x70)

/* The MSRs of SYSCALL are not here: they are in the processor only part of the time. */
static const struct msr_pass_row pass_table[] = {
	{ MSR_FS_BASE,			PASS_ALWAYS },
	{ MSR_GS_BASE,			PASS_ALWAYS },
	{ MSR_KERNEL_GS_BASE,		PASS_ALWAYS },
	{ MSR_IA32_SYSENTER_CS,		PASS_ALWAYS },
	{ MSR_IA32_SYSENTER_ESP,	PASS_ALWAYS },
	{ MSR_IA32_SYSENTER_EIP,	PASS_ALWAYS },
	{ MSR_IA32_SPEC_CTRL,		PASS_SPEC_CTRL },
	{ MSR_IA32_PRED_CMD,		PASS_IBPB,	.write_only = true },
	{ MSR_IA32_FLUSH_CMD,		PASS_FLUSH,	.write_only = true },
	/* Not the ICR, whose halves are apart in the model's page, nor the current count. */
	{ X2APIC(APIC_TASKPRI),		PASS_X2APIC },
	{ X2APIC(APIC_EOI),		PASS_X2APIC,	.write_only = true },
	{ X2APIC(APIC_SELF_IPI),	PASS_X2APIC,	.write_only = true },
	X2APIC_READ(APIC_ID), X2APIC_READ(APIC_LVR), X2APIC_READ(APIC_PROCPRI),
	X2APIC_READ(APIC_LDR), X2APIC_READ(APIC_SPIV), X2APIC_READ(APIC_ESR),
	X2APIC_READ_8(APIC_ISR), X2APIC_READ_8(APIC_TMR), X2APIC_READ_8(APIC_IRR),
	X2APIC_READ(APIC_LVTT), X2APIC_READ(APIC_LVTTHMR), X2APIC_READ(APIC_LVTPC),
	X2APIC_READ(APIC_LVT0), X2APIC_READ(APIC_LVT1), X2APIC_READ(APIC_LVTERR),
	X2APIC_READ(APIC_TMICT), X2APIC_READ(APIC_TDCR),
};

/*
 * Four bitmaps of 1 KiB: reads of the low and of the high MSRs, writes of both
 * (SDM Vol. 3 "MSR-Bitmap Address").
 */
#define BITMAP_SIZE	4096
#define BITMAP_HIGH	(1024 * 8)
#define BITMAP_WRITE	(2048 * 8)

static void bitmap_allow(void *map, u32 msr, bool read, bool write)
{
	unsigned int bit = msr & 0x1fff;

	if (msr >= 0xc0000000)
		bit += BITMAP_HIGH;
	if (read)
		__clear_bit(bit, map);
	if (write)
		__clear_bit(bit + BITMAP_WRITE, map);
}

static struct msr_pass msr_pass = {
	.rows = pass_table,
	.nr = ARRAY_SIZE(pass_table),
	.size = BITMAP_SIZE,
	.allow = bitmap_allow,
};

static u32 pass_usual(void)
{
	return BIT(PASS_ALWAYS) | (vmx_has.ibpb ? BIT(PASS_IBPB) : 0) |
	       (vmx_has.flush_l1d ? BIT(PASS_FLUSH) : 0);
}

static u32 pass_wanted(const struct vmx_vcpu *vmx)
{
	const struct x86_vcpu *vcpu = &vmx->x86;
	u32 pass = BIT(PASS_ALWAYS);

	if (vmx->sw.spec_live)
		pass |= BIT(PASS_SPEC_CTRL);
	if (vmx_has.ibpb && (guest_has(vcpu, GF_IBPB) || guest_has(vcpu, GF_SPEC_CTRL)))
		pass |= BIT(PASS_IBPB);
	if (vmx_has.flush_l1d && guest_has(vcpu, GF(CW_7_0_EDX, 28)))
		pass |= BIT(PASS_FLUSH);
	if (vmx->apic == APIC_HW_X2APIC)
		pass |= BIT(PASS_X2APIC);
	return pass;
}

/* Does the guest reach registers of an x2APIC without an exit? */
bool vmx_msr_bitmap_passes_x2apic(const struct vmx_vcpu *vmx)
{
	return !test_bit(X2APIC(APIC_TASKPRI), vmx->msr_bitmap);
}

/* The VMCS may not be loaded: the field is written with the controls. */
static void bitmap_use(struct vmx_vcpu *vmx, void *map)
{
	vmx->msr_bitmap = map;
	vmx->x86.intercepts_stale = true;
}

/**
 * vmx_msr_bitmap_update - recompute the bitmap from CPUID, filter and state
 * @vmx: not in the guest; may sleep
 */
void vmx_msr_bitmap_update(struct vmx_vcpu *vmx)
{
	bitmap_use(vmx, msr_pass_map(&vmx->x86, &msr_pass, pass_wanted(vmx),
				     &vmx->msr_bitmap_own));
}

/**
 * vmx_msr_access - the filter's answer for an MSR may have changed
 * @vcpu: its thread
 * @msr: which; the bitmap is recomputed as a whole
 * @read: unused
 * @write: unused
 */
void vmx_msr_access(struct x86_vcpu *vcpu, u32 msr, bool read, bool write)
{
	if (msr_pass_covers(&msr_pass, msr))
		vmx_msr_bitmap_update(to_vmx(vcpu));
}

/* Before the first entry and the first filter: nothing passes. */
void vmx_msr_bitmap_init(struct vmx_vcpu *vmx)
{
	bitmap_use(vmx, msr_pass.none);
}

void vmx_msr_bitmap_release(struct vmx_vcpu *vmx)
{
	msr_pass_release(&msr_pass, &vmx->msr_bitmap_own);
}

/* Context: module load. */
int vmx_msr_bitmaps_alloc(void)
{
	msr_pass.usual_if = pass_usual();
	return msr_pass_alloc(&msr_pass);
}

void vmx_msr_bitmaps_free(void)
{
	msr_pass_free(&msr_pass);
}
