// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts through the 8259s in the kernel, from KVM_IRQ_LINE to the guest's handler. */
#include "box.h"

#define APIC_SVR 0xfee000f0ul
#define APIC_LVT0 0xfee00350ul
#define BASE 0x40

static volatile u64 taken GUEST_DATA;
static volatile u64 last GUEST_DATA;

static GUEST void handler(struct trap *t)
{
	taken++;
	last = t->vec;
	if (t->vec >= BASE + 8)
		g_out8(0xa0, 0x20);
	g_out8(0x20, 0x20);
}

static GUEST void no_eoi(struct trap *t)
{
	taken++;
	last = t->vec;
}

static GUEST void set_up(u8 icw4)
{
	u64 v;

	for (v = BASE; v < BASE + 16; v++)
		g_handlers[v] = handler;
	g_write32(APIC_SVR, 0x1ff);
	g_write32(APIC_LVT0, 0x700);
	g_out8(0x20, 0x11);
	g_out8(0x21, BASE);
	g_out8(0x21, 4);
	g_out8(0x21, icw4);
	g_out8(0xa0, 0x11);
	g_out8(0xa1, BASE + 8);
	g_out8(0xa1, 2);
	g_out8(0xa1, icw4 & 1);
	g_sti();
}

static struct box *chips(void)
{
	struct box *b = box_new();

	NEED_CAP(KVM_CAP_IRQCHIP);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	return b;
}

static void line(struct box *b, u32 gsi, u32 level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	CHECK_OK(ioctl(b->fd, KVM_IRQ_LINE, &l));
}

static int status(struct box *b, u32 gsi, u32 level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	CHECK_OK(ioctl(b->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

static void pulse(struct box *b, u32 gsi)
{
	line(b, gsi, 1);
	line(b, gsi, 0);
}

static GUEST void each_pin(void)
{
	u64 pin, n = 0;

	set_up(1);
	for (pin = 0; pin < 16; pin++) {
		if (pin == 2)
			continue;
		g_sync(pin, 0);
		G_CHECK_EQ(taken, ++n);
		G_CHECK_EQ(last, BASE + pin);
	}
	g_done();
}

CASE(each_pin_has_its_vector)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);
	u32 pin;

	cpu_long(c, each_pin);
	for (pin = 0; pin < 16; pin++) {
		if (pin == 2)
			continue;
		cpu_expect_sync(c, pin);
		pulse(b, pin);
	}
	cpu_expect_done(c);
}

static GUEST void masked(void)
{
	set_up(1);
	g_out8(0x21, 0x08);
	g_sync(1, 0);
	G_CHECK_EQ(taken, 0);
	G_CHECK_EQ(g_in8(0x20), 0x08);
	g_out8(0x21, 0);
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(g_in8(0x20), 0);
	g_done();
}

CASE(a_masked_edge_waits)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, masked);
	cpu_expect_sync(c, 1);
	CHECK_EQ(status(b, 3, 1) < 0, 1);
	line(b, 3, 0);
	cpu_expect_done(c);
}

static GUEST void in_service(void)
{
	set_up(1);
	g_handlers[BASE + 4] = no_eoi;
	g_sync(1, 0);
	G_CHECK_EQ(taken, 1);
	g_out8(0x20, 0x0b);
	G_CHECK_EQ(g_in8(0x20), 0x10);
	/* a lower one waits, a higher one does not */
	g_sync(2, 0);
	G_CHECK_EQ(taken, 1);
	g_sync(3, 0);
	G_CHECK_EQ(taken, 2);
	G_CHECK_EQ(last, BASE + 1);
	g_out8(0x20, 0x64);
	G_CHECK_EQ(taken, 3);
	G_CHECK_EQ(last, BASE + 5);
	g_done();
}

CASE(priorities_and_a_specific_eoi)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, in_service);
	cpu_expect_sync(c, 1);
	CHECK_EQ(status(b, 4, 1), 1);
	line(b, 4, 0);
	cpu_expect_sync(c, 2);
	CHECK_EQ(status(b, 5, 1), 1);
	line(b, 5, 0);
	CHECK_EQ(status(b, 5, 1), 0);
	line(b, 5, 0);
	cpu_expect_sync(c, 3);
	pulse(b, 1);
	cpu_expect_done(c);
}

static GUEST void levels(void)
{
	set_up(1);
	g_out8(0x4d1, 0x04);
	G_CHECK_EQ(g_in8(0x4d1), 0x04);
	g_handlers[BASE + 10] = no_eoi;
	g_sync(1, 0);
	G_CHECK_EQ(taken, 1);
	/* still up at the EOI: it comes again */
	g_cli();
	g_out8(0xa0, 0x20);
	g_out8(0x20, 0x20);
	g_sti();
	asm volatile("nop; nop");
	G_CHECK_EQ(taken, 2);
	g_sync(2, 0);
	g_out8(0xa0, 0x20);
	g_out8(0x20, 0x20);
	G_CHECK_EQ(taken, 2);
	g_done();
}

CASE(a_level_comes_again_until_it_is_down)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, levels);
	cpu_expect_sync(c, 1);
	line(b, 10, 1);
	cpu_expect_sync(c, 2);
	line(b, 10, 0);
	cpu_expect_done(c);
}

static GUEST void automatic(void)
{
	u64 v;

	set_up(3);
	for (v = BASE; v < BASE + 8; v++)
		g_handlers[v] = no_eoi;
	g_cli();
	g_sync(1, 0);
	g_sti();
	asm volatile("nop; nop; nop");
	G_CHECK_EQ(taken, 2);
	G_CHECK_EQ(last, BASE + 6);
	g_out8(0x20, 0x0b);
	G_CHECK_EQ(g_in8(0x20), 0);
	g_done();
}

CASE(automatic_eoi)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, automatic);
	cpu_expect_sync(c, 1);
	pulse(b, 6);
	pulse(b, 1);
	cpu_expect_done(c);
}

static GUEST void polled(void)
{
	set_up(1);
	g_cli();
	g_sync(1, 0);
	g_out8(0x20, 0x0c);
	G_CHECK_EQ(g_in8(0x20), 0x86);
	g_out8(0x20, 0x0b);
	G_CHECK_EQ(g_in8(0x20), 0x40);
	g_out8(0x20, 0x20);
	g_sti();
	asm volatile("nop; nop; nop");
	G_CHECK_EQ(taken, 0);
	g_done();
}

/* # stock: expected fail because its poll command ends the interrupt, too */
CASE_STOCK_FAILS(polling_takes_the_request, "its poll command ends the interrupt, too")
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, polled);
	cpu_expect_sync(c, 1);
	pulse(b, 6);
	cpu_expect_done(c);
}

static GUEST void halted(void)
{
	set_up(1);
	g_cli();
	g_sync(1, 0);
	g_sti_hlt();
	G_CHECK_EQ(taken, 1);
	/* LINT0 masked: the PIC is not heard */
	g_write32(APIC_LVT0, 0x10700);
	g_sync(2, 0);
	asm volatile("nop; nop; nop");
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(it_wakes_from_hlt_and_lint0_can_be_masked)
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, halted);
	cpu_expect_sync(c, 1);
	pulse(b, 4);
	cpu_expect_sync(c, 2);
	pulse(b, 4);
	cpu_expect_done(c);
}

static GUEST void unmasked(void)
{
	set_up(1);
	g_write32(APIC_LVT0, 0x10700);
	g_sync(1, 0);
	G_CHECK_EQ(taken, 0);
	g_write32(APIC_LVT0, 0x700);
	asm volatile("nop; nop; nop");
	G_CHECK_EQ(taken, 1);
	g_done();
}

/* # stock: expected fail because it looks at the PIC again only when the PIC changes */
CASE_STOCK_FAILS(what_waits_comes_when_lint0_opens,
		 "looks at the PIC again only when the PIC changes")
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, unmasked);
	cpu_expect_sync(c, 1);
	pulse(b, 4);
	cpu_expect_done(c);
}

/* A 16-bit access is two of 8 bits. */
static GUEST void wide(void)
{
	set_up(1);
	g_cli();
	g_out16(0x4d0, 0xffff);
	G_CHECK_EQ(g_in8(0x4d0), 0xf8);
	G_CHECK_EQ(g_in8(0x4d1), 0xde);
	G_CHECK_EQ(g_in16(0x4d0), 0xdef8);
	g_done();
}

/* # stock: expected fail because it ignores wide accesses */
CASE_STOCK_FAILS(wide_accesses_are_split, "ignores wide accesses")
{
	struct box *b = chips();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, wide);
	cpu_expect_done(c);
}
