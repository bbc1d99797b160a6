// SPDX-License-Identifier: GPL-2.0-only
/*
 * The xAPIC page where the processor may answer accesses to it: what that spares,
 * and when it must not, because an APIC is elsewhere, or memory is there.
 */
#include <sys/mman.h>
#include "apic.h"

#define OTHER_PAGE 0xfed40000ul
#define SLOT 7

/* --- without exits --- */

static GUEST void task_priority(void)
{
	u64 i;

	g_set_xapic(APIC_SVR, 0x1ff);
	g_set_xapic(APIC_TPR, 0);
	g_sync(1, 0);
	for (i = 0; i < 1000; i++) {
		g_set_xapic(APIC_TPR, i & 0xff);
		G_CHECK_EQ(g_xapic(APIC_TPR), i & 0xff);
	}
	g_sync(2, 0);
	G_CHECK_EQ(g_cr8(), (999 & 0xff) >> 4);
	G_CHECK_EQ(g_xapic(APIC_PPR), 999 & 0xff);
	g_done();
}

CASE(the_task_priority_costs_no_exits)
{
	struct cpu *c = cpu_new(apic_box(), 0);
	u64 before;

	if (!has_apic_page())
		tap_skip("the page is KVM's here");
	cpu_long(c, task_priority);
	cpu_expect_sync(c, 1);
	before = cpu_exits(c);
	cpu_expect_sync(c, 2);
	CHECK(cpu_exits(c) - before < 200);
	cpu_expect_done(c);
}

/* --- registers that the processor writes and leaves the rest to us --- */

static volatile u64 taken GUEST_DATA;

static GUEST void count(struct trap *t)
{
	taken++;
	g_set_xapic(APIC_EOI, 0);
}

static GUEST void what_follows(void)
{
	u64 i;

	g_handlers[0x41] = count;
	g_set_xapic(APIC_SVR, 0x1ff);
	/* The divider changes a count that runs; the mode ends it. */
	g_set_xapic(APIC_TDCR, 0xb);
	g_set_xapic(APIC_LVTT, APIC_MASKED | 0x41);
	g_set_xapic(APIC_TMICT, 0xffffffff);
	G_CHECK(g_xapic(APIC_TMCCT) > 0x80000000);
	g_set_xapic(APIC_TDCR, 0xa);
	G_CHECK(g_xapic(APIC_TMCCT) > 0x80000000);
	G_CHECK_EQ(g_xapic(APIC_TDCR), 0xa);
	g_set_xapic(APIC_LVTT, LVTT_DEADLINE | APIC_MASKED | 0x41);
	G_CHECK_EQ(g_xapic(APIC_TMICT), 0);
	G_CHECK_EQ(g_xapic(APIC_TMCCT), 0);
	g_set_xapic(APIC_TMICT, 77);
	G_CHECK_EQ(g_xapic(APIC_TMICT), 0);
	g_set_xapic(APIC_LVTT, APIC_MASKED | 0x41);
	G_CHECK_EQ(g_xapic(APIC_TMICT), 0);
	/* By its own address; by another it does not come. */
	g_sti();
	g_set_xapic(APIC_LDR, 4 << 24);
	for (i = 0; i < 4; i++) {
		g_ipi(4, ICR_LOGICAL | 0x41);
		g_pause();
		G_CHECK_EQ(taken, i + 1);
		g_ipi(2, ICR_LOGICAL | 0x41);
		g_pause();
		G_CHECK_EQ(taken, i + 1);
	}
	g_set_xapic(APIC_ID, 9 << 24);
	g_ipi(9, 0x41);
	g_pause();
	G_CHECK_EQ(taken, 5);
	/* Off and on again: nothing was masked twice, and nothing stays open. */
	g_set_xapic(APIC_LVTPC, 0x400);
	g_set_xapic(APIC_SVR, 0xff);
	g_set_xapic(APIC_SVR, 0x1ff);
	G_CHECK_EQ(g_xapic(APIC_LVTPC), APIC_MASKED | 0x400);
	g_set_xapic(APIC_LVTPC, 0x400);
	g_set_xapic(APIC_SVR, 0x1ff);
	G_CHECK_EQ(g_xapic(APIC_LVTPC), 0x400);
	/* Errors show after they were asked for. */
	g_set_xapic(APIC_ICR, ICR_SELF | 5);
	G_CHECK_EQ(g_xapic(APIC_ESR), 0);
	g_set_xapic(APIC_ESR, 0xff);
	G_CHECK_EQ(g_xapic(APIC_ESR), 0x20);
	g_done();
}

/* # stock: expected fail because it does not note an error in a vector that is sent */
CASE_STOCK_FAILS(what_is_written_has_its_effect, "it does not note an error in a vector that is sent")
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, what_follows);
	cpu_expect_done(c);
}

/* --- another vCPU's APIC is not there --- */

static GUEST void first(void)
{
	g_set_xapic(APIC_SVR, 0x1ff);
	for (;;) {
		g_set_xapic(APIC_TPR, 0x30);
		G_CHECK_EQ(g_xapic(APIC_TPR), 0x30);
		G_CHECK_EQ(g_xapic(APIC_VERSION) & 0xff, 0x14);
		G_CHECK_EQ(g_cr8(), 3);
		g_sync(1, 0);
	}
}

static GUEST void second(void)
{
	const u64 base = APICBASE_ENABLE | APIC_PAGE;
	u64 i;

	for (i = 0; i < 3; i++) {
		g_set_xapic(APIC_TPR, 0x50);
		G_CHECK_EQ(g_xapic(APIC_TPR), 0x50);
		g_sync(1, 0);
		g_wrmsr(MSR_APICBASE, OTHER_PAGE | APICBASE_ENABLE);
		g_sync(2, 0);
		G_CHECK_EQ(g_read32(OTHER_PAGE + APIC_VERSION) & 0xff, 0x14);
		g_write32(APIC_PAGE + APIC_TPR, 0x77);
		G_CHECK_EQ(g_read32(OTHER_PAGE + APIC_TPR), 0x50);
		g_sync(3, 0);
		g_wrmsr(MSR_APICBASE, base);
	}
	g_set_xapic(APIC_TPR, 0x60);
	g_sync(4, 0);
	g_enter_x2apic();
	g_sync(5, 0);
	g_write32(APIC_PAGE + APIC_TPR, 0x77);
	G_CHECK_EQ(g_x2apic(APIC_TPR), 0x60);
	g_done();
}

CASE(each_has_it_where_its_own_base_says)
{
	struct box *b = apic_box();
	struct cpu *a = apic_cpu(b, 0), *c = apic_cpu(b, 1);
	struct kvm_mp_state run = { KVM_MP_STATE_RUNNABLE };
	u64 i;

	CHECK_OK(ioctl(c->fd, KVM_SET_MP_STATE, &run));
	cpu_long(a, first);
	cpu_long(c, second);
	for (i = 0; i < 3; i++) {
		cpu_expect_sync(a, 1);
		cpu_expect_sync(c, 1);
		cpu_expect_sync(a, 1);
		cpu_expect_sync(c, 2);
		/* Its APIC stays where it is, whatever the other does. */
		cpu_expect_sync(a, 1);
		cpu_expect_mmio(c, true, APIC_PAGE + APIC_TPR, 4);
		cpu_expect_sync(c, 3);
		cpu_expect_sync(a, 1);
	}
	cpu_expect_sync(c, 4);
	cpu_expect_sync(a, 1);
	cpu_expect_sync(c, 5);
	cpu_expect_sync(a, 1);
	/* In x2APIC mode the page answers with nothing (KVM_X86_QUIRK_LAPIC_MMIO_HOLE). */
	cpu_expect_done(c);
	cpu_expect_sync(a, 1);
}

/* --- memory there --- */

static GUEST void memory_comes_and_goes(void)
{
	u64 i;

	g_set_xapic(APIC_SVR, 0x1ff);
	for (i = 0; i < 3; i++) {
		g_set_cr8(3);
		G_CHECK_EQ(g_xapic(APIC_TPR), 0x30);
		g_set_xapic(APIC_TPR, 0x40);
		g_sync(1, 0);
		G_CHECK_EQ(g_xapic(APIC_TPR), 0x12345600 + i);
		g_set_xapic(APIC_TPR, 0x77);
		G_CHECK_EQ(g_cr8(), 4);
		g_sync(2, 0);
	}
	G_CHECK_EQ(g_xapic(APIC_TPR), 0x40);
	g_done();
}

/* # stock: expected fail because its own memory is in that place */
CASE_STOCK_FAILS(memory_in_its_place_wins, "its own memory is in that place")
{
	struct box *b = apic_box();
	struct cpu *c = cpu_new(b, 0);
	u32 *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u64 i;

	CHECK(mem != MAP_FAILED);
	cpu_long(c, memory_comes_and_goes);
	for (i = 0; i < 3; i++) {
		mem[APIC_TPR / 4] = 0x12345600 + i;
		cpu_expect_sync(c, 1);
		box_slot(b, SLOT, i & 1 ? KVM_MEM_LOG_DIRTY_PAGES : 0, APIC_PAGE, 4096, mem);
		cpu_expect_sync(c, 2);
		CHECK_EQ(mem[APIC_TPR / 4], 0x77);
		box_slot(b, SLOT, 0, APIC_PAGE, 0, mem);
	}
	cpu_expect_done(c);
}
