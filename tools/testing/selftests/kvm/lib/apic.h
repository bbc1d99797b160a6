/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC for payloads, in either mode, and boxes that have one in the
 * kernel. Registers are named by their offset in the xAPIC page.
 */
#ifndef LIB_APIC_H
#define LIB_APIC_H

#include <stdio.h>

#include "box.h"

#define APIC_PAGE 0xfee00000ul
#define MSR_APICBASE 0x1b
#define APICBASE_BSP 0x100ul
#define APICBASE_X2APIC 0x400ul
#define APICBASE_ENABLE 0x800ul
#define MSR_X2APIC 0x800
#define MSR_DEADLINE 0x6e0

enum {
	APIC_ID = 0x20, APIC_VERSION = 0x30, APIC_TPR = 0x80, APIC_PPR = 0xa0,
	APIC_EOI = 0xb0, APIC_LDR = 0xd0, APIC_DFR = 0xe0, APIC_SVR = 0xf0,
	APIC_ISR = 0x100, APIC_TMR = 0x180, APIC_IRR = 0x200, APIC_ESR = 0x280,
	APIC_ICR = 0x300, APIC_ICR2 = 0x310, APIC_LVTT = 0x320, APIC_LVTTHMR = 0x330,
	APIC_LVTPC = 0x340, APIC_LVT0 = 0x350, APIC_LVT1 = 0x360, APIC_LVTERR = 0x370,
	APIC_TMICT = 0x380, APIC_TMCCT = 0x390, APIC_TDCR = 0x3e0, APIC_SELF = 0x3f0,
};

#define APIC_MASKED 0x10000u
#define LVTT_PERIODIC 0x20000u
#define LVTT_DEADLINE 0x40000u

#define ICR_LOWEST 0x100
#define ICR_NMI 0x400
#define ICR_INIT 0x500
#define ICR_STARTUP 0x600
#define ICR_LOGICAL 0x800
#define ICR_ASSERT 0x4000
#define ICR_LEVEL 0x8000
#define ICR_SELF 0x40000
#define ICR_ALL 0x80000
#define ICR_OTHERS 0xc0000

/* --- payload --- */

G_INLINE u32 g_xapic(u32 reg)
{
	return g_read32(APIC_PAGE + reg);
}

G_INLINE void g_set_xapic(u32 reg, u32 v)
{
	g_write32(APIC_PAGE + reg, v);
}

G_INLINE u64 g_x2apic(u32 reg)
{
	return g_rdmsr(MSR_X2APIC + reg / 16);
}

G_INLINE void g_set_x2apic(u32 reg, u64 v)
{
	g_wrmsr(MSR_X2APIC + reg / 16, v);
}

G_INLINE void g_enter_x2apic(void)
{
	g_wrmsr(MSR_APICBASE, g_rdmsr(MSR_APICBASE) | APICBASE_X2APIC);
}

/* The same register in the mode that the APIC is in. */
G_INLINE u32 g_apic(u32 reg)
{
	return g_rdmsr(MSR_APICBASE) & APICBASE_X2APIC ? g_x2apic(reg) : g_xapic(reg);
}

G_INLINE void g_set_apic(u32 reg, u32 v)
{
	if (g_rdmsr(MSR_APICBASE) & APICBASE_X2APIC)
		g_set_x2apic(reg, v);
	else
		g_set_xapic(reg, v);
}

/* Sends; @dest is an id of the mode. */
G_INLINE void g_ipi(u32 dest, u32 icr)
{
	if (g_rdmsr(MSR_APICBASE) & APICBASE_X2APIC) {
		g_set_x2apic(APIC_ICR, icr | (u64)dest << 32);
	} else {
		g_set_xapic(APIC_ICR2, dest << 24);
		g_set_xapic(APIC_ICR, icr);
	}
}

/* Lets interrupts in for an instruction. */
G_INLINE void g_window(void)
{
	asm volatile("sti; nop; nop; cli" : : : "memory");
}

/* --- host --- */

static inline bool intel_param(const char *path)
{
	FILE *f = fopen(path, "r");
	int on = 'N';

	if (f) {
		on = fgetc(f);
		fclose(f);
	}
	return on == 'Y';
}

/* Does the processor deliver interrupts of a local APIC? */
static inline bool has_apicv(void)
{
	return intel_param("/sys/module/kvm_intel/parameters/enable_apicv");
}

/* Does it answer accesses to the xAPIC page, to TPR at least? Stock's only together with the rest. */
static inline bool has_apic_page(void)
{
	return tap_on_stock() ? has_apicv() :
	       intel_param("/sys/module/kvm_intel/parameters/flexpriority");
}

static inline bool stock_has_apicv(void)
{
	return tap_on_stock() && has_apicv();
}

/* A box with all interrupt controllers in the kernel, or the case is skipped. */
static inline struct box *apic_box(void)
{
	struct box *b = box_new();

	if (ioctl(b->fd, KVM_CREATE_IRQCHIP, 0) < 0)
		tap_skip("no KVM_CREATE_IRQCHIP");
	return b;
}

/* The same with local APICs alone. */
static inline struct box *apic_split_box(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct box *b = box_new();

	if (ioctl(b->fd, KVM_ENABLE_CAP, &cap) < 0)
		tap_skip("no KVM_CAP_SPLIT_IRQCHIP");
	return b;
}

/* A vCPU whose CPUID has x2APIC and TSC deadline. */
static inline struct cpu *apic_cpu(struct box *b, unsigned int id)
{
	struct kvm_cpuid2 *l = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(l, 1, 0);
	struct cpu *c = cpu_new(b, id);

	e->ecx |= 1u << 21 | 1u << 24;
	CHECK_OK(cpu_try_cpuid(c, l));
	return c;
}

static inline u32 lapic_reg(const struct kvm_lapic_state *s, u32 reg)
{
	u32 v;

	memcpy(&v, s->regs + reg, sizeof(v));
	return v;
}

/* Of IRR, ISR or TMR, which begins at @reg: the bit of @vector */
static inline bool lapic_bit(const struct kvm_lapic_state *s, u32 reg, u32 vector)
{
	return lapic_reg(s, reg + vector / 32 * 16) >> vector % 32 & 1;
}

static inline void lapic_set_reg(struct kvm_lapic_state *s, u32 reg, u32 v)
{
	memcpy(s->regs + reg, &v, sizeof(v));
}

CPU_STRUCT(lapic_state, LAPIC)

/* Is it in IRR? */
static inline bool lapic_requested(struct cpu *c, u32 vector)
{
	struct kvm_lapic_state s = cpu_get_lapic_state(c);

	return lapic_bit(&s, APIC_IRR, vector);
}

#endif
