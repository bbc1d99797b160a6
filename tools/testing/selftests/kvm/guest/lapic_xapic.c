// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's page: registers, priorities, errors, interrupts to itself. */
#include "apic.h"

#define V1 0x41
#define V2 0x62
#define V3 0x93
#define VERR 0xfe

static volatile u64 order[8] GUEST_DATA, taken GUEST_DATA, errors GUEST_DATA;

static GUEST void note(struct trap *t)
{
	order[taken++ & 7] = t->vec;
	g_set_apic(APIC_EOI, 0);
}

static GUEST void note_error(struct trap *t)
{
	errors++;
	g_set_apic(APIC_EOI, 0);
}

static GUEST void at_power_up(void)
{
	u32 i;

	G_CHECK_EQ(g_rdmsr(MSR_APICBASE), APIC_PAGE | APICBASE_ENABLE | APICBASE_BSP);
	G_CHECK_EQ(g_xapic(APIC_ID), 0);
	G_CHECK_EQ(g_xapic(APIC_VERSION) & 0xff, 0x14);
	G_CHECK_EQ(g_xapic(APIC_TPR), 0);
	G_CHECK_EQ(g_xapic(APIC_PPR), 0);
	G_CHECK_EQ(g_xapic(APIC_LDR), 0);
	G_CHECK_EQ(g_xapic(APIC_DFR), 0xffffffff);
	G_CHECK_EQ(g_xapic(APIC_SVR), 0xff);
	G_CHECK_EQ(g_xapic(APIC_ESR), 0);
	for (i = 0; i < 8; i++)
		G_CHECK_EQ(g_xapic(APIC_ISR + i * 16) | g_xapic(APIC_TMR + i * 16) |
			   g_xapic(APIC_IRR + i * 16), 0);
	G_CHECK_EQ(g_xapic(APIC_LVTT), APIC_MASKED);
	/* As if firmware had let the 8259 through */
	G_CHECK_EQ(g_xapic(APIC_LVT0), 0x700);
	G_CHECK_EQ(g_xapic(APIC_LVT1), APIC_MASKED);
	G_CHECK_EQ(g_xapic(APIC_LVTERR), APIC_MASKED);
	G_CHECK_EQ(g_xapic(APIC_TMICT), 0);
	G_CHECK_EQ(g_xapic(APIC_TDCR), 0);
	g_done();
}

CASE(registers_at_power_up)
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, at_power_up);
	cpu_expect_done(c);
}

static GUEST void write_registers(void)
{
	g_set_xapic(APIC_SVR, 0x1ff);
	g_set_xapic(APIC_TPR, 0xffffff20);
	G_CHECK_EQ(g_xapic(APIC_TPR), 0x20);
	G_CHECK_EQ(g_cr8(), 2);
	g_set_cr8(5);
	G_CHECK_EQ(g_xapic(APIC_TPR), 0x50);
	G_CHECK_EQ(g_xapic(APIC_PPR), 0x50);
	g_set_cr8(0);
	g_set_xapic(APIC_LDR, 0xffffffff);
	G_CHECK_EQ(g_xapic(APIC_LDR), 0xff000000);
	g_set_xapic(APIC_DFR, 0);
	G_CHECK_EQ(g_xapic(APIC_DFR), 0x0fffffff);
	g_set_xapic(APIC_TDCR, 0xffffffff);
	G_CHECK_EQ(g_xapic(APIC_TDCR), 0xb);
	g_set_xapic(APIC_ICR2, 0x12345678);
	G_CHECK_EQ(g_xapic(APIC_ICR2), 0x12000000);
	g_set_xapic(APIC_LVT1, 0xffffffff);
	G_CHECK_EQ(g_xapic(APIC_LVT1) & ~0x5000u, 0x1a7ff);
	g_set_xapic(APIC_LVTPC, 0x400);
	G_CHECK_EQ(g_xapic(APIC_LVTPC), 0x400);
	g_set_xapic(APIC_SVR, 0xff);
	G_CHECK_EQ(g_xapic(APIC_LVTPC), 0x10400);
	g_set_xapic(APIC_LVTPC, 0x400);
	G_CHECK_EQ(g_xapic(APIC_LVTPC), 0x10400);
	/* Read-only */
	g_set_xapic(APIC_VERSION, 0);
	G_CHECK_EQ(g_xapic(APIC_VERSION) & 0xff, 0x14);
	g_set_xapic(APIC_TMCCT, 77);
	G_CHECK_EQ(g_xapic(APIC_TMCCT), 0);
	/* Parts of a register can be read. */
	g_set_xapic(APIC_TMICT, 0x11223344);
	G_CHECK_EQ(g_read8(APIC_PAGE + APIC_TMICT + 1), 0x33);
	G_CHECK_EQ(g_read16(APIC_PAGE + APIC_TMICT + 2), 0x1122);
	g_done();
}

CASE(registers_keep_what_they_have_bits_for)
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, write_registers);
	cpu_expect_done(c);
}

static GUEST void self_ipis(void)
{
	g_handlers[V1] = note;
	g_handlers[V2] = note;
	g_handlers[V3] = note;
	g_cli();
	g_set_apic(APIC_SVR, 0x1ff);
	g_ipi(0, ICR_SELF | V1);
	g_ipi(0, ICR_SELF | V3);
	g_ipi(0, V2);				/* by its id */
	G_CHECK_EQ(g_apic(APIC_IRR + V1 / 32 * 16), 1u << V1 % 32);
	G_CHECK_EQ(g_apic(APIC_IRR + V3 / 32 * 16), 1u << V3 % 32);
	G_CHECK_EQ(taken, 0);
	/* Not by CR8: the L1's emulator dies of such a write while an interrupt waits. */
	g_set_apic(APIC_TPR, 0x90);		/* class 9 and below wait */
	g_window();
	G_CHECK_EQ(taken, 0);
	g_set_apic(APIC_TPR, 0x8f);
	g_window();
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(order[0], V3);
	g_sti();
	g_set_apic(APIC_TPR, 0x4f);
	g_pause();
	G_CHECK_EQ(taken, 2);
	G_CHECK_EQ(order[1], V2);
	g_set_apic(APIC_TPR, 0);
	g_pause();
	G_CHECK_EQ(taken, 3);
	G_CHECK_EQ(order[2], V1);
	G_CHECK_EQ(g_apic(APIC_ISR + V1 / 32 * 16), 0);
	g_done();
}

CASE(interrupts_come_by_priority_and_tpr_holds_them)
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, self_ipis);
	cpu_expect_done(c);
}

static GUEST void self_ipis_x2(void)
{
	g_enter_x2apic();
	self_ipis();
}

CASE(the_same_in_x2apic_mode)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, self_ipis_x2);
	cpu_expect_done(c);
}

/* A higher one interrupts the handler of a lower one, a lower one does not. */
static GUEST void in_service(struct trap *t)
{
	order[taken++ & 7] = t->vec;
	if (t->vec == V2) {
		G_CHECK_EQ(g_apic(APIC_PPR), V2 & 0xf0);
		g_ipi(0, ICR_SELF | V1);
		g_ipi(0, ICR_SELF | V3);
		g_window();
		G_CHECK_EQ(taken, 2);
	}
	g_set_apic(APIC_EOI, 0);
}

static GUEST void nested(void)
{
	g_handlers[V1] = in_service;
	g_handlers[V2] = in_service;
	g_handlers[V3] = in_service;
	g_cli();
	g_set_apic(APIC_SVR, 0x1ff);
	g_ipi(0, ICR_SELF | V2);
	g_sti();
	g_pause();
	G_CHECK_EQ(taken, 3);
	G_CHECK_EQ(order[0], V2);
	G_CHECK_EQ(order[1], V3);
	G_CHECK_EQ(order[2], V1);
	g_done();
}

CASE(handlers_nest_by_priority)
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, nested);
	cpu_expect_done(c);
}

static GUEST void find_errors(void)
{
	g_handlers[VERR] = note_error;
	g_cli();
	g_set_xapic(APIC_SVR, 0x1ff);
	g_set_xapic(APIC_LVTERR, VERR);
	g_set_xapic(APIC_ESR, 0);
	G_CHECK_EQ(g_xapic(APIC_ESR), 0);
	g_ipi(0, ICR_SELF | 0x0e);
	G_CHECK_EQ(g_xapic(APIC_ESR), 0);
	g_window();
	G_CHECK_EQ(errors, 1);
	g_set_xapic(APIC_ESR, 0);
	G_CHECK_EQ(g_xapic(APIC_ESR), 0x20);
	g_set_xapic(APIC_ESR, 0);
	G_CHECK_EQ(g_xapic(APIC_ESR), 0);
	g_set_xapic(0x40, 0);
	g_window();
	G_CHECK_EQ(errors, 2);
	g_set_xapic(APIC_ESR, 0);
	G_CHECK_EQ(g_xapic(APIC_ESR), 0x80);
	g_done();
}

/* # stock: expected fail because it keeps no error status */
CASE_STOCK_FAILS(errors_are_noted_and_reported, "keeps no error status")
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, find_errors);
	cpu_expect_done(c);
}

static GUEST void disabled(void)
{
	g_handlers[V1] = note;
	g_cli();
	g_set_xapic(APIC_SVR, 0xff);
	g_ipi(0, ICR_SELF | V1);
	g_window();
	G_CHECK_EQ(taken, 0);
	g_set_xapic(APIC_SVR, 0x1ff);
	g_window();
	G_CHECK_EQ(taken, 0);
	/* What it had before it was disabled is still delivered. */
	g_ipi(0, ICR_SELF | V1);
	g_set_xapic(APIC_SVR, 0xff);
	g_window();
	G_CHECK_EQ(taken, 1);
	g_done();
}

/* # stock: expected fail because the processor's local APIC takes it in Bochs */
CASE_STOCK_FAILS(disabled_by_software_it_takes_nothing,
		 "the processor's local APIC takes it in Bochs")
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, disabled);
	cpu_expect_done(c);
}

/* Where APICBASE says. */
#define OTHER_PAGE 0xfed40000ul

static GUEST void moved(void)
{
	g_wrmsr(MSR_APICBASE, OTHER_PAGE | APICBASE_ENABLE | APICBASE_BSP);
	G_CHECK_EQ(g_read32(OTHER_PAGE + APIC_VERSION) & 0xff, 0x14);
	g_write32(OTHER_PAGE + APIC_TPR, 0x30);
	G_CHECK_EQ(g_cr8(), 3);
	g_read32(APIC_PAGE + APIC_TPR);
	g_done();
}

CASE(the_page_can_be_moved)
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, moved);
	cpu_expect_mmio(c, false, APIC_PAGE + APIC_TPR, 4);
	cpu_expect_done(c);
}

static volatile u64 by_processor GUEST_DATA;

static GUEST void odd_accesses(void)
{
	u64 a;

	g_set_xapic(APIC_SVR, 0x1ff);
	g_set_xapic(APIC_TPR, 0x20);
	/* Neither narrow nor misaligned writes count, except to a processor that virtualizes TPR. */
	if (!by_processor) {
		g_write8(APIC_PAGE + APIC_TPR, 0x30);
		g_write16(APIC_PAGE + APIC_TPR, 0x30);
	}
	g_write64(APIC_PAGE + APIC_TPR, 0x30);
	g_write32(APIC_PAGE + APIC_TPR + 4, 0x30);
	G_CHECK_EQ(g_xapic(APIC_TPR), 0x20);
	/* All of the page is this APIC's, registers or not. */
	for (a = 0; a < 0x1000; a += 4) {
		g_read32(APIC_PAGE + a);
		g_read64(APIC_PAGE + (a & 0xff8));
		if (a != APIC_ICR)
			g_write32(APIC_PAGE + a, 0);
	}
	g_done();
}

/* # stock: expected fail because the processor's local APIC answers otherwise */
CASE_STOCK_FAILS(odd_accesses_do_nothing_and_do_not_exit,
		 "the processor's local APIC answers otherwise")
{
	struct cpu *c = cpu_new(apic_box(), 0);

	GV(c->box, by_processor) = has_apic_page();
	cpu_long(c, odd_accesses);
	cpu_expect_done(c);
}
