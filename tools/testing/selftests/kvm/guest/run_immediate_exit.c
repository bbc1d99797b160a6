// SPDX-License-Identifier: GPL-2.0-only
/* immediate_exit: KVM_RUN completes what is open and returns EINTR. */
#include "box.h"

static GUEST void count_in(void)
{
	u64 i;

	for (i = 0; i < 3; i++)
		G_CHECK_EQ(g_in8(0x510), 0x40 + i);
	g_sync(1, 0);
	g_done();
}

CASE(nothing_runs)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs before, after;

	cpu_long(c, count_in);
	before = cpu_get_regs(c);
	c->run->immediate_exit = 1;
	CHECK_EQ(cpu_run(c), -EINTR);
	CHECK_EQ(cpu_run(c), -EINTR);
	after = cpu_get_regs(c);
	CHECK_MEM_EQ(&before, &after, sizeof(before));
	CHECK_EQ(c->run->immediate_exit, 1);
}

CASE(pending_io_is_completed)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs r;
	u64 rip;
	int i;

	cpu_long(c, count_in);
	for (i = 0; i < 3; i++) {
		cpu_expect_io(c, KVM_EXIT_IO_IN, 0x510, 1, 1);
		rip = cpu_get_regs(c).rip;
		*(u8 *)cpu_io_data(c) = 0x40 + i;
		c->run->immediate_exit = 1;
		CHECK_EQ(cpu_run(c), -EINTR);
		r = cpu_get_regs(c);
		CHECK_EQ(r.rax & 0xff, 0x40 + i);
		CHECK(r.rip != rip);
		c->run->immediate_exit = 0;
	}
	cpu_expect_sync(c, 1);
	cpu_expect_done(c);
}

static GUEST void read_mmio(void)
{
	G_CHECK_EQ(g_read32(LAY_MMIO), 0x12345678);
	g_done();
}

CASE(pending_mmio_is_completed)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 rip;

	cpu_long(c, read_mmio);
	cpu_expect_mmio(c, false, LAY_MMIO, 4);
	rip = cpu_get_regs(c).rip;
	*(u32 *)c->run->mmio.data = 0x12345678;
	c->run->immediate_exit = 1;
	CHECK_EQ(cpu_run(c), -EINTR);
	CHECK(cpu_get_regs(c).rip > rip);
	/* the data is taken already: later changes do not count */
	*(u32 *)c->run->mmio.data = 0;
	c->run->immediate_exit = 0;
	cpu_expect_done(c);
}
