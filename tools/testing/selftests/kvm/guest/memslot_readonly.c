// SPDX-License-Identifier: GPL-2.0-only
/* A read-only slot: reads and fetches work, writes exit as MMIO. */
#include "box.h"

#define GPA 0x10000000ul
#define SLOT 5

static GUEST void use(void)
{
	G_CHECK_EQ(g_read64(GPA), 0x1122334455667788ull);
	g_write64(GPA, 0xdead);
	G_CHECK_EQ(g_read64(GPA), 0x1122334455667788ull);
	g_write8(GPA + PAGE + 3, 0x77);
	G_CHECK_EQ(g_read8(GPA + PAGE + 3), 0);
	g_sync(1, 0);
	/* read, change, write: the read sees the memory, the write exits */
	asm volatile("addl $1, (%0)" : : "r"(GPA) : "memory");
	G_CHECK_EQ(g_read32(GPA), 0x55667788);
	((void (*)(void))(GPA + 0x100))();
	g_done();
}

CASE(writes_exit_and_change_nothing)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *m = host_pages(2 * PAGE);

	*(u64 *)m = 0x1122334455667788ull;
	m[0x100] = 0xc3;
	box_slot(b, SLOT, KVM_MEM_READONLY, GPA, 2 * PAGE, m);
	cpu_long(c, use);
	cpu_expect_mmio(c, true, GPA, 8);
	CHECK_EQ(*(u64 *)c->run->mmio.data, 0xdead);
	cpu_expect_mmio(c, true, GPA + PAGE + 3, 1);
	CHECK_EQ(c->run->mmio.data[0], 0x77);
	cpu_expect_sync(c, 1);
	cpu_expect_mmio(c, true, GPA, 4);
	CHECK_EQ(*(u32 *)c->run->mmio.data, 0x55667789);
	cpu_expect_done(c);
	CHECK_EQ(*(u64 *)m, 0x1122334455667788ull);
}

CASE(memory_that_the_host_may_not_write_can_be_a_read_only_slot)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *m = host_pages(2 * PAGE);

	*(u64 *)m = 0x1122334455667788ull;
	m[0x100] = 0xc3;
	CHECK_OK(mprotect(m, 2 * PAGE, PROT_READ));
	box_slot(b, SLOT, KVM_MEM_READONLY, GPA, 2 * PAGE, m);
	cpu_long(c, use);
	cpu_expect_mmio(c, true, GPA, 8);
	cpu_expect_mmio(c, true, GPA + PAGE + 3, 1);
	cpu_expect_sync(c, 1);
	cpu_expect_mmio(c, true, GPA, 4);
	cpu_expect_done(c);
}

static GUEST void write_twice(void)
{
	g_write64(GPA, 1);
	g_sync(1, 0);
	g_write64(GPA, 2);
	g_sync(2, 0);
	g_done();
}

CASE(slot_made_anew_read_only)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = host_pages(PAGE);

	box_slot(b, SLOT, 0, GPA, PAGE, m);
	cpu_long(c, write_twice);
	cpu_expect_sync(c, 1);
	CHECK_EQ(m[0], 1);
	box_slot(b, SLOT, 0, GPA, 0, m);
	box_slot(b, SLOT, KVM_MEM_READONLY, GPA, PAGE, m);
	cpu_expect_mmio(c, true, GPA, 8);
	cpu_expect_sync(c, 2);
	CHECK_EQ(m[0], 1);
}

CASE(read_only_and_dirty_log_flags_go_together)
{
	struct box *b = box_new();
	u64 *m = host_pages(PAGE);
	u64 bitmap = ~0ull;
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = &bitmap };

	box_slot(b, SLOT, KVM_MEM_READONLY, GPA, PAGE, m);
	box_slot(b, SLOT, KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGE,
		 m);
	CHECK_OK(ioctl(b->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(bitmap, 0);
}
