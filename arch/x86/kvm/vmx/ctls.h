/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VMX_CTLS_H
#define DKVM_VMX_CTLS_H
/*
 * Which VMX controls this processor has and which of them are used: pure
 * functions of the capability MSRs and of the module parameters. The unit tests
 * call them with the MSRs of processors of many generations.
 */
#include <linux/types.h>
#include <asm/vmx.h>

/* The control words of a VMCS that VM entry checks against capability MSRs. */
enum vmx_ctl {
	WORD_PIN,
	WORD_CPU,
	WORD_CPU2,
	WORD_EXIT,
	WORD_ENTRY,
	NR_WORDS
};

/* An APIC in hardware: a processor has all of these; each mode has its own way to the registers. */
#define VMX_APIC_DELIVERY (SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
#define VMX_APICV	(VMX_APIC_DELIVERY | SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | \
			 SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)

/*
 * Raw values of the MSRs. A control word is described by 64 bits: the lower
 * half has the controls that must be 1, the upper half those that may be 1 (SDM
 * Vol. 3 "VMX Capability Reporting Facility").
 */
struct vmx_cap_msrs {
	u64 basic;
	u64 misc;
	u64 ctl[NR_WORDS];	/* the "true" ones where they exist; WORD_CPU2: 0 without */
	u64 ept_vpid;		/* 0 without */
	u64 cr0_fixed0, cr0_fixed1;
	u64 cr4_fixed0, cr4_fixed1;
};

/* What module parameters can turn off. */
struct vmx_wishes {
	bool vpid;
	bool unrestricted;
	bool ept_ad;
	bool flexpriority;
	bool apicv;
	bool pml;
	bool preemption_timer;
	bool vnmi;
	bool ple;
};

struct vmx_ctls {
	u32 may[NR_WORDS];	/* controls that may be set for a guest */
	u32 must[NR_WORDS];	/* controls that are set for every guest */
	u64 ept_vpid;
	u64 cr0_fixed0;		/* bits of CR0 that are 1 in VMX operation, for guests */
	u64 cr4_fixed0;
	u8 ept_levels;		/* of the tables: 4 or 5 */
	u8 ept_leaf_level;	/* largest page: 1 4K, 2 2M, 3 1G */
	bool ept_ad;
	bool invept_context;	/* otherwise only all contexts at once */
	bool invvpid_context;
	bool invvpid_address;
	u8 preemption_shift;	/* the timer counts at TSC >> shift */
};

/**
 * vmx_ctls_compute - decide about all controls
 * @msrs: of the processor
 * @wish: what the administrator wants
 * @levels: depth of the host's own page tables; the guest's memory needs no more
 * @out: result
 *
 * Return: NULL, or the name of what the processor lacks and nothing works without.
 */
const char *vmx_ctls_compute(const struct vmx_cap_msrs *msrs, const struct vmx_wishes *wish,
			     unsigned int levels, struct vmx_ctls *out);

/**
 * vmx_timer_broken - does the VMX-preemption timer count as the manual says?
 * @vfm: vendor, family and model of the processor
 *
 * Return: true where specification updates list that it does not.
 */
bool vmx_timer_broken(u32 vfm);

/* The window of PAUSE-loop exiting: parameters, in cycles or as factors */
struct vmx_ple {
	unsigned int window;	/* at the beginning, and at least */
	unsigned int grow;	/* with each exit; below @window: a factor, 0: back to @window */
	unsigned int shrink;	/* with each load; below @window: a divisor, 0: back to @window */
	unsigned int max;
};

/* The window after another PAUSE exit, and after the vCPU was away. */
u32 vmx_ple_grow(const struct vmx_ple *ple, u32 window);
u32 vmx_ple_shrink(const struct vmx_ple *ple, u32 window);

static inline bool vmx_may(const struct vmx_ctls *c, enum vmx_ctl word, u32 bit)
{
	return (c->may[word] & bit) == bit;
}

#endif
