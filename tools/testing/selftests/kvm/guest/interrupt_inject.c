// SPDX-License-Identifier: GPL-2.0-only
/* KVM_INTERRUPT without an irqchip in the kernel, and the interrupt window. */
#include "box.h"

#define VEC 0x41

static volatile u64 taken GUEST_DATA;
static volatile u64 taken_vec GUEST_DATA;

static GUEST void count_irq(struct trap *t)
{
	taken++;
	taken_vec = t->vec;
}

static int inject(struct cpu *c, u32 irq)
{
	struct kvm_interrupt i = { .irq = irq };

	return ioctl(c->fd, KVM_INTERRUPT, &i);
}

static GUEST void enabled(void)
{
	g_handlers[VEC] = count_irq;
	g_sti();
	asm volatile("nop");
	g_sync(1, 0);
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(taken_vec, VEC);
	g_sync(2, 0);
	G_CHECK_EQ(taken, 2);
	g_done();
}

CASE(an_open_guest_takes_it_at_once)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, enabled);
	cpu_expect_sync(c, 1);
	CHECK_EQ(c->run->if_flag, 1);
	CHECK_EQ(c->run->ready_for_interrupt_injection, 1);
	CHECK_OK(inject(c, VEC));
	cpu_expect_sync(c, 2);
	CHECK_OK(inject(c, VEC));
	cpu_expect_done(c);
}

/* The second is refused with EEXIST or takes the place of the first. */
CASE(one_at_a_time)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, enabled);
	cpu_expect_sync(c, 1);
	CHECK_OK(inject(c, VEC + 1));
	if (inject(c, VEC)) {
		CHECK_EQ(errno, EEXIST);
		return;
	}
	cpu_expect_sync(c, 2);
	CHECK_OK(inject(c, VEC));
	cpu_expect_done(c);
}

CASE(vectors_end_at_255)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, enabled);
	cpu_expect_sync(c, 1);
	CHECK_ERR(inject(c, 256), EINVAL);
	CHECK_ERR(inject(c, 0xffffffff), EINVAL);
	CHECK_ERR(ioctl(c->fd, KVM_INTERRUPT, 8), EFAULT);
	CHECK_OK(inject(c, VEC));
	cpu_expect_sync(c, 2);
}

static GUEST void all_vectors(void)
{
	u64 v;

	for (v = 32; v < 256; v++)
		g_handlers[v] = count_irq;
	g_sti();
	for (v = 32; v < 256; v++) {
		g_sync(v, 0);
		G_CHECK_EQ(taken_vec, v);
		G_CHECK_EQ(taken, v - 31);
	}
	g_done();
}

CASE(every_vector_arrives_as_itself)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 v;

	cpu_long(c, all_vectors);
	for (v = 32; v < 256; v++) {
		cpu_expect_sync(c, v);
		CHECK_OK(inject(c, v));
	}
	cpu_expect_done(c);
}

static GUEST void closed_then_open(void)
{
	g_handlers[VEC] = count_irq;
	g_cli();
	g_sync(1, 0);
	g_sync(2, 0);
	g_sti();
	asm volatile("nop; nop; nop");
	g_sync(3, 0);
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(the_window_exit_comes_when_the_guest_opens)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, closed_then_open);
	cpu_expect_sync(c, 1);
	CHECK_EQ(c->run->if_flag, 0);
	CHECK_EQ(c->run->ready_for_interrupt_injection, 0);
	c->run->request_interrupt_window = 1;
	cpu_expect_sync(c, 2);
	cpu_expect_exit(c, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(c->run->if_flag, 1);
	CHECK_EQ(c->run->ready_for_interrupt_injection, 1);
	c->run->request_interrupt_window = 0;
	CHECK_OK(inject(c, VEC));
	cpu_expect_sync(c, 3);
	cpu_expect_done(c);
}

CASE(the_window_is_open_at_once_in_an_open_guest)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, enabled);
	cpu_expect_sync(c, 1);
	c->run->request_interrupt_window = 1;
	cpu_expect_exit(c, KVM_EXIT_IRQ_WINDOW_OPEN);
	cpu_expect_exit(c, KVM_EXIT_IRQ_WINDOW_OPEN);
	c->run->request_interrupt_window = 0;
	CHECK_OK(inject(c, VEC));
	cpu_expect_sync(c, 2);
}

static GUEST void sti_shadow(void)
{
	g_handlers[VEC] = count_irq;
	g_sync(1, 0);
	asm volatile("sti; xor %%ecx, %%ecx; 1: outl %%eax, $0xe1; nop"
		     : : "D"(2ul), "S"(0ul), "a"(0) : "rcx", "memory");
	g_done();
}

CASE(no_window_in_the_shadow_of_sti)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 rip;

	cpu_long(c, sti_shadow);
	cpu_expect_sync(c, 1);
	c->run->request_interrupt_window = 1;
	cpu_expect_exit(c, KVM_EXIT_IRQ_WINDOW_OPEN);
	rip = cpu_get_regs(c).rip;
	/* behind the instruction that follows STI (xor, two bytes), not at it */
	CHECK_EQ(*(u8 *)box_hva(b, rip - 3), 0xfb);
}

static GUEST void halted(void)
{
	g_handlers[VEC] = count_irq;
	g_sti_hlt();
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(it_wakes_from_hlt)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, halted);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_OK(inject(c, VEC));
	cpu_expect_done(c);
}

static GUEST void io_between(void)
{
	g_handlers[VEC] = count_irq;
	g_sti();
	asm volatile("nop");
	G_CHECK_EQ(g_in8(0x510), 0x42);
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(g_read32(LAY_MMIO), 0x4242);
	G_CHECK_EQ(taken, 2);
	g_done();
}

CASE(it_waits_for_the_io_in_progress)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, io_between);
	cpu_expect_io(c, KVM_EXIT_IO_IN, 0x510, 1, 1);
	*(u8 *)cpu_io_data(c) = 0x42;
	CHECK_OK(inject(c, VEC));
	cpu_expect_mmio(c, false, LAY_MMIO, 4);
	*(u32 *)c->run->mmio.data = 0x4242;
	CHECK_OK(inject(c, VEC));
	cpu_expect_done(c);
}

/* Stack in a page that is not mapped yet: the delivery itself faults first. */
static GUEST void stack_elsewhere(void)
{
	g_handlers[VEC] = count_irq;
	asm volatile("mov %%rsp, %%rbx\n\t"
		     "mov %0, %%rsp\n\t"
		     "sti\n\t"
		     "nop\n\t"
		     "outl %%eax, $0xe1\n\t"
		     "nop\n\t"
		     "cli\n\t"
		     "mov %%rbx, %%rsp"
		     : : "r"(0x10001000ul), "D"(1ul), "S"(0ul), "a"(0)
		     : "rbx", "memory");
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(it_survives_a_host_fault_in_its_delivery)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *m = box_memory(b, 5, 0, 0x10000000, PAGE);

	cpu_long(c, stack_elsewhere);
	cpu_expect_sync(c, 1);
	CHECK_OK(madvise(m, PAGE, MADV_DONTNEED));
	CHECK_OK(inject(c, VEC));
	cpu_expect_done(c);
}
