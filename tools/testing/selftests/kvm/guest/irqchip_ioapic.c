// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts through the IOAPIC in the kernel, from KVM_IRQ_LINE to the guest's handler. */
#include "box.h"

#define APIC_EOI 0xfee000b0ul
#define APIC_LDR 0xfee000d0ul
#define APIC_DFR 0xfee000e0ul
#define APIC_SVR 0xfee000f0ul
#define IOAPIC 0xfec00000ul

#define PIN 19
#define VEC 0x51
#define LEVEL 0x8000
#define MASKED 0x10000
#define REMOTE_IRR 0x4000

static volatile u64 taken GUEST_DATA;
static volatile u64 keep GUEST_DATA;	/* no EOI in the handler */

static GUEST void handler(struct trap *t)
{
	taken++;
	if (t->vec != 2 && !keep)
		g_write32(APIC_EOI, 0);
}

G_INLINE void wr(u8 reg, u32 val)
{
	g_write32(IOAPIC, reg);
	g_write32(IOAPIC + 0x10, val);
}

G_INLINE u32 rd(u8 reg)
{
	g_write32(IOAPIC, reg);
	return g_read32(IOAPIC + 0x10);
}

G_INLINE void rte(u32 pin, u32 low, u32 dest)
{
	wr(0x11 + 2 * pin, dest << 24);
	wr(0x10 + 2 * pin, low);
}

G_INLINE void set_up(void)
{
	g_handlers[VEC] = handler;
	g_handlers[2] = handler;
	g_write32(APIC_SVR, 0x1ff);
	g_sti();
}

static struct box *chips(void)
{
	struct box *b = box_new();

	NEED_CAP(KVM_CAP_IRQCHIP);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	return b;
}

static int line(struct box *b, u32 level)
{
	struct kvm_irq_level l = { .irq = PIN, .level = level };

	CHECK_OK(ioctl(b->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

static GUEST void registers(void)
{
	u32 i;

	G_CHECK_EQ(rd(1), 0x170011);
	wr(0, ~0u);
	G_CHECK_EQ(rd(0), 0x0f000000);
	G_CHECK_EQ(rd(2), 0x0f000000);
	for (i = 0; i < 24; i++) {
		G_CHECK_EQ(rd(0x10 + 2 * i), MASKED);
		wr(0x10 + 2 * i, 0xffffffff & ~REMOTE_IRR);
		wr(0x11 + 2 * i, 0x12ffffff);
		G_CHECK_EQ(rd(0x10 + 2 * i) & 0x1ffff & ~0x1000, 0x1afff);
		G_CHECK_EQ(rd(0x11 + 2 * i) >> 24, 0x12);
	}
	g_done();
}

CASE(its_registers)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, registers);
	cpu_expect_done(c);
}

static GUEST void edges(void)
{
	set_up();
	rte(PIN, VEC, 0);
	g_sync(1, 0);
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(rd(0x10 + 2 * PIN), VEC);
	g_cli();
	g_sync(2, 0);
	g_sti();
	asm volatile("nop");
	G_CHECK_EQ(taken, 2);
	rte(PIN, VEC | MASKED, 0);
	g_sync(3, 0);
	rte(PIN, VEC, 0);
	asm volatile("nop");
	G_CHECK_EQ(taken, 2);
	g_done();
}

CASE(an_edge_counts_once)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, edges);
	cpu_expect_sync(c, 1);
	CHECK_EQ(line(b, 1), 1);
	CHECK_EQ(line(b, 1), 0);
	line(b, 0);
	cpu_expect_sync(c, 2);
	CHECK_EQ(line(b, 1), 1);
	line(b, 0);
	cpu_expect_sync(c, 3);
	CHECK(line(b, 1) < 0);
	line(b, 0);
	cpu_expect_done(c);
}

static GUEST void pending(void)
{
	set_up();
	g_cli();
	rte(PIN, VEC, 0);
	g_sync(1, 0);
	g_sti();
	asm volatile("nop");
	G_CHECK_EQ(taken, 1);
	g_done();
}

/* # stock: expected fail because it does not look into the local APIC */
CASE_STOCK_FAILS(an_edge_that_finds_one_pending_is_coalesced,
		 "does not look into the local APIC")
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, pending);
	cpu_expect_sync(c, 1);
	CHECK_EQ(line(b, 1), 1);
	line(b, 0);
	CHECK_EQ(line(b, 1), 0);
	line(b, 0);
	cpu_expect_done(c);
}

static GUEST void levels(void)
{
	set_up();
	keep = 1;
	rte(PIN, VEC | LEVEL, 0);
	g_sync(1, 0);
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(rd(0x10 + 2 * PIN), VEC | LEVEL | REMOTE_IRR);
	/* the line is still up */
	g_write32(APIC_EOI, 0);
	asm volatile("nop");
	G_CHECK_EQ(taken, 2);
	g_sync(2, 0);
	g_write32(APIC_EOI, 0);
	asm volatile("nop");
	G_CHECK_EQ(taken, 2);
	G_CHECK_EQ(rd(0x10 + 2 * PIN), VEC | LEVEL);
	/* what comes while it is masked comes when it no longer is */
	rte(PIN, VEC | LEVEL | MASKED, 0);
	g_sync(3, 0);
	G_CHECK_EQ(taken, 2);
	rte(PIN, VEC | LEVEL, 0);
	asm volatile("nop");
	G_CHECK_EQ(taken, 3);
	/* an entry that is edge-triggered for a moment waits for no EOI */
	g_sync(4, 0);
	rte(PIN, VEC | MASKED, 0);
	G_CHECK_EQ(rd(0x10 + 2 * PIN), VEC | MASKED);
	g_done();
}

CASE(a_level_lasts_until_it_is_down)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, levels);
	cpu_expect_sync(c, 1);
	CHECK_EQ(line(b, 1), 1);
	cpu_expect_sync(c, 2);
	line(b, 0);
	cpu_expect_sync(c, 3);
	CHECK(line(b, 1) < 0);
	cpu_expect_sync(c, 4);
	line(b, 0);
	cpu_expect_done(c);
}

static GUEST void nmi(void)
{
	set_up();
	g_cli();
	rte(PIN, 0x400, 0);
	g_sync(1, 0);
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(it_delivers_an_nmi)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, nmi);
	cpu_expect_sync(c, 1);
	line(b, 1);
	line(b, 0);
	cpu_expect_done(c);
}

static GUEST void logical(void)
{
	set_up();
	g_write32(APIC_DFR, 0xffffffff);
	g_write32(APIC_LDR, 0x04000000);
	rte(PIN, VEC | 0x800, 0x0c);
	g_sync(1, 0);
	G_CHECK_EQ(taken, 1);
	rte(PIN, VEC | 0x900, 0x04);
	g_sync(2, 0);
	G_CHECK_EQ(taken, 2);
	/* nobody there */
	rte(PIN, VEC | 0x800, 0x08);
	g_sync(3, 0);
	G_CHECK_EQ(taken, 2);
	rte(PIN, VEC | 0x800 | LEVEL, 0x08);
	g_sync(4, 0);
	G_CHECK_EQ(rd(0x10 + 2 * PIN), VEC | 0x800 | LEVEL);
	g_done();
}

CASE(logical_destinations_and_lowest_priority)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);
	u32 i;

	cpu_long(c, logical);
	for (i = 1; i <= 4; i++) {
		cpu_expect_sync(c, i);
		CHECK_EQ(line(b, 1) > 0, i <= 2);
		line(b, 0);
	}
	cpu_expect_done(c);
}

static GUEST void first(void)
{
	set_up();
	rte(PIN, VEC | LEVEL, 1);
	g_sync(1, 0);
	G_CHECK_EQ(taken, 0);
	g_sync(2, 0);
	G_CHECK_EQ(rd(0x10 + 2 * PIN), VEC | LEVEL);
	g_done();
}

static GUEST void second(void)
{
	set_up();
	g_sync(1, 0);
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(another_vcpu_takes_it_and_its_eoi_counts)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);
	struct kvm_mp_state s = { .mp_state = KVM_MP_STATE_RUNNABLE };

	cpu_set_mp_state(d, &s);
	cpu_long(c, first);
	cpu_long(d, second);
	cpu_expect_sync(d, 1);
	cpu_expect_sync(c, 1);
	CHECK_EQ(line(b, 1), 1);
	line(b, 0);
	cpu_expect_sync(c, 2);
	cpu_expect_done(d);
	cpu_expect_done(c);
}

static volatile u64 progress GUEST_DATA;

static GUEST void storm(void)
{
	set_up();
	rte(PIN, VEC | LEVEL, 0);
	g_sync(1, 0);
	for (progress = 0; progress < 100000; progress++)
		;
	g_done();
}

CASE_SLOW(a_guest_lives_with_a_line_that_never_falls, 60, NULL)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, storm);
	cpu_expect_sync(c, 1);
	line(b, 1);
	cpu_expect_done(c);
	CHECK(GV(b, taken) >= 100);
}

static GUEST void moved(void)
{
	set_up();
	rte(PIN, VEC | LEVEL | MASKED, 0);
	g_sync(1, 0);
	g_sync(2, 0);
	G_CHECK_EQ(taken, 0);
	rte(PIN, VEC | LEVEL, 0);
	asm volatile("nop");
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(an_asserted_line_is_part_of_the_state)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_irqchip s = { .chip_id = KVM_IRQCHIP_IOAPIC };

	cpu_long(c, moved);
	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(b->fd, KVM_GET_IRQCHIP, &s));
	CHECK_EQ(s.chip.ioapic.irr, 0);
	s.chip.ioapic.irr = 1u << PIN;
	CHECK_OK(ioctl(b->fd, KVM_SET_IRQCHIP, &s));
	CHECK_OK(ioctl(b->fd, KVM_GET_IRQCHIP, &s));
	CHECK_EQ(s.chip.ioapic.irr, 1u << PIN);
	cpu_expect_sync(c, 2);
	/* one interrupt, and nobody holds the line down for the EOI: it is sent again */
	GV(b, keep) = 1;
	cpu_expect_done(c);
}
