// SPDX-License-Identifier: GPL-2.0-only
/* KVM_SET_VAPIC_ADDR: the guest has its task priority in memory. */
#include "apic.h"

#define VEC 0x61
#define WORD LAY_SCRATCH	/* bytes: TPR, class in service, 0, vector requested */

static volatile u32 taken GUEST_DATA, in_handler GUEST_DATA;

static GUEST void handler(struct trap *t)
{
	taken++;
	g_sync(9, 0);
	in_handler = g_read32(WORD);
	g_set_xapic(APIC_EOI, 0);
}

static struct cpu *vapic_cpu(struct box *b)
{
	struct kvm_vapic_addr va = { WORD };
	struct cpu *c;

	NEED_CAP(KVM_CAP_VAPIC);
	if (stock_has_apicv())
		tap_skip("stock lets the hardware have the task priority");
	c = cpu_new(b, 0);
	CHECK_OK(ioctl(c->fd, KVM_SET_VAPIC_ADDR, &va));
	return c;
}

static GUEST void priorities(void)
{
	g_handlers[VEC] = handler;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_write8(WORD, 0x80);
	g_sti();
	g_sync(1, 0);
	G_CHECK_EQ(g_xapic(APIC_TPR), 0x80);
	G_CHECK_EQ(g_read32(WORD), 0x80);
	g_ipi(0, ICR_SELF | VEC);
	g_sync(2, 0);
	/* It waits for the priority, and the guest can see that. */
	G_CHECK_EQ(taken, 0);
	G_CHECK_EQ(g_read32(WORD), 0x80 | VEC << 24);
	/* Not enough */
	g_write8(WORD, 0x70);
	g_sync(3, 0);
	G_CHECK_EQ(taken, 0);
	G_CHECK_EQ(g_xapic(APIC_TPR), 0x70);
	G_CHECK_EQ(g_xapic(APIC_PPR), 0x70);
	/* Enough: any exit will do. */
	g_write8(WORD, 0x20);
	g_sync(4, 0);
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(in_handler, 0x20 | (VEC & 0xf0) << 8);
	g_sync(5, 0);
	G_CHECK_EQ(g_read32(WORD), 0x20);
	g_done();
}

CASE(what_the_guest_writes_is_its_priority)
{
	struct cpu *c = vapic_cpu(apic_box());
	struct kvm_lapic_state s;

	cpu_long(c, priorities);
	cpu_expect_sync(c, 1);
	cpu_expect_sync(c, 2);
	cpu_expect_sync(c, 3);
	s = cpu_get_lapic_state(c);
	CHECK_EQ(lapic_reg(&s, APIC_TPR), 0x70);
	CHECK_EQ(c->run->cr8, 7);
	cpu_expect_sync(c, 4);
	cpu_expect_sync(c, 9);
	cpu_expect_sync(c, 5);
	cpu_expect_done(c);
}

/* Instructions that nobody has patched write to the register. */
static GUEST void by_register(void)
{
	g_handlers[VEC] = handler;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_sti();
	g_set_xapic(APIC_TPR, 0x90);
	G_CHECK_EQ(g_xapic(APIC_TPR), 0x90);
	g_sync(1, 0);
	G_CHECK_EQ(g_read32(WORD), 0x90);
	g_ipi(0, ICR_SELF | VEC);
	g_sync(2, 0);
	G_CHECK_EQ(g_read32(WORD), 0x90 | VEC << 24);
	g_set_xapic(APIC_TPR, 0);
	g_sync(3, 0);
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(g_read32(WORD), 0);
	g_done();
}

/* # stock: expected fail because what the register is told is lost */
CASE_STOCK_FAILS(the_register_works_as_before, "what the register is told is lost")
{
	struct cpu *c = vapic_cpu(apic_box());

	cpu_long(c, by_register);
	cpu_expect_sync(c, 1);
	cpu_expect_sync(c, 2);
	cpu_expect_sync(c, 9);
	cpu_expect_sync(c, 3);
	cpu_expect_done(c);
}

#define HC_VAPIC_POLL_IRQ 1

/* VMCALL or VMMCALL: whichever is not the processor's own is replaced. */
static GUEST u64 hypercall(u64 nr)
{
	u64 ret = nr;

	asm volatile("vmcall" : "+a"(ret) : : "memory");
	return ret;
}

static GUEST void poll(void)
{
	g_handlers[VEC] = handler;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_write8(WORD, 0x80);
	hypercall(HC_VAPIC_POLL_IRQ);
	g_sti();
	g_ipi(0, ICR_SELF | VEC);
	g_write8(WORD, 0);
	G_CHECK_EQ(taken, 0);
	G_CHECK_EQ(hypercall(HC_VAPIC_POLL_IRQ), 0);
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(polling_delivers_what_waited)
{
	struct cpu *c = vapic_cpu(apic_box());

	cpu_long(c, poll);
	cpu_expect_sync(c, 9);
	cpu_expect_done(c);
}

static GUEST void halting(void)
{
	g_handlers[VEC] = handler;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_write8(WORD, 0x80);
	g_sync(1, 0);
	g_ipi(0, ICR_SELF | VEC);
	g_write8(WORD, 0x10);
	g_sti_hlt();
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(a_halted_guest_wakes_up)
{
	struct cpu *c = vapic_cpu(apic_box());

	cpu_long(c, halting);
	cpu_expect_sync(c, 1);
	cpu_expect_sync(c, 9);
	cpu_expect_done(c);
}

static GUEST void set_once(u64 word)
{
	g_set_xapic(APIC_SVR, 0x1ff);
	g_write8(word, 0x40);
	for (;;)
		g_sync(1, g_xapic(APIC_TPR));
}

CASE(switched_off_memory_stays_as_it_is)
{
	struct box *b = apic_box();
	struct cpu *c = vapic_cpu(b);
	struct kvm_vapic_addr none = { 0 };
	u32 *word = box_hva(b, WORD);

	cpu_long_arg(c, set_once, WORD);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x40);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x40);
	CHECK_EQ(*word, 0x40);
	CHECK_OK(ioctl(c->fd, KVM_SET_VAPIC_ADDR, &none));
	*word = 0x20;
	CHECK_EQ(cpu_expect_sync(c, 1), 0x40);
	CHECK_EQ(*word, 0x20);
}

/* The memory goes away under it: nothing happens to the priority. */
CASE(moved_and_deleted_under_it)
{
	struct box *b = apic_box();
	struct kvm_vapic_addr va = { LAY_MMIO + 0x10 };
	u8 *mem = box_memory(b, 1, 0, LAY_MMIO, PAGE);
	struct cpu *c = vapic_cpu(b);

	CHECK_OK(ioctl(c->fd, KVM_SET_VAPIC_ADDR, &va));
	cpu_long_arg(c, set_once, va.vapic_addr);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x40);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x40);
	CHECK_EQ(mem[0x10], 0x40);
	box_slot(b, 1, 0, 0, 0, mem);
	mem[0x10] = 0x20;
	CHECK_EQ(cpu_expect_sync(c, 1), 0x40);
	CHECK_EQ(mem[0x10], 0x20);
	mem[0x10] = 0x40;
	box_slot(b, 1, 0, LAY_MMIO, PAGE, mem);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x40);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x40);
	CHECK_EQ(mem[0x10], 0x40);
}
