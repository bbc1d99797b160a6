// SPDX-License-Identifier: GPL-2.0-only
/* Slots are made, moved, deleted and made again; the guest sees each step. */
#include "box.h"

#define GPA 0x10000000ul
#define SLOT 5

static GUEST void look(void)
{
	for (;;)
		g_sync(1, g_read64(GPA));
}

/* What the guest reads at GPA: memory, or what user space says for MMIO. */
static u64 guest_reads(struct cpu *c, bool *mmio)
{
	*mmio = false;
	if (cpu_go(c) == HEARD_EXIT) {
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_MMIO);
		CHECK_EQ(c->run->mmio.phys_addr, GPA);
		CHECK_EQ(c->run->mmio.len, 8);
		CHECK(!c->run->mmio.is_write);
		*(u64 *)c->run->mmio.data = 0xabcd;
		*mmio = true;
		cpu_expect_sync(c, 1);
	}
	return c->value;
}

static void expect(struct cpu *c, bool mmio, u64 value)
{
	bool was;

	CHECK_EQ(guest_reads(c, &was), value);
	CHECK_EQ(was, mmio);
}

/* The first access makes an entry, the second uses it, the third what was kept of it. */
static void expect_device(struct cpu *c)
{
	expect(c, true, 0xabcd);
	expect(c, true, 0xabcd);
	expect(c, true, 0xabcd);
}

CASE(create_delete_create)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = host_pages(PAGE), *n = host_pages(PAGE);

	m[0] = 1;
	n[0] = 2;
	cpu_long(c, look);
	expect_device(c);
	box_slot(b, SLOT, 0, GPA, PAGE, m);
	expect(c, false, 1);
	box_slot(b, SLOT, 0, GPA, 0, 0);
	expect_device(c);
	box_slot(b, SLOT + 1, 0, GPA, PAGE, n);
	expect(c, false, 2);
	box_slot(b, SLOT + 1, 0, 0, 0, 0);
	expect_device(c);
	box_slot(b, SLOT, 0, GPA, PAGE, m);
	expect(c, false, 1);
}

CASE(move_away_and_back)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = host_pages(4 * PAGE);

	m[0] = 7;
	m[512] = 8;
	cpu_long(c, look);
	box_slot(b, SLOT, 0, GPA, 2 * PAGE, m);
	expect(c, false, 7);
	box_slot(b, SLOT, 0, GPA + 64 * PAGE, 2 * PAGE, m);
	expect(c, true, 0xabcd);
	/* overlapping its own old place is no overlap */
	box_slot(b, SLOT, 0, GPA - PAGE, 2 * PAGE, m);
	expect(c, false, 8);
	box_slot(b, SLOT, 0, GPA, 2 * PAGE, m);
	expect(c, false, 7);
}

CASE(same_region_again_changes_nothing)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = host_pages(PAGE);

	m[0] = 7;
	cpu_long(c, look);
	box_slot(b, SLOT, 0, GPA, PAGE, m);
	box_slot(b, SLOT, 0, GPA, PAGE, m);
	expect(c, false, 7);
}

CASE(two_slots_on_one_memory)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = host_pages(PAGE);

	m[0] = 7;
	box_slot(b, SLOT, 0, GPA, PAGE, m);
	box_slot(b, SLOT + 1, 0, GPA + PAGE, PAGE, m);
	cpu_long(c, look);
	expect(c, false, 7);
	m[0] = 8;
	expect(c, false, 8);
	box_slot(b, SLOT + 1, 0, 0, 0, NULL);
	expect(c, false, 8);
}

CASE(region2_does_the_same)
{
	struct kvm_userspace_memory_region2 r = {
		.slot = SLOT, .guest_phys_addr = GPA, .memory_size = PAGE,
	};
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = host_pages(PAGE);

	NEED_CAP(KVM_CAP_USER_MEMORY2);
	m[0] = 9;
	r.userspace_addr = (u64)m;
	cpu_long(c, look);
	CHECK_OK(ioctl(b->fd, KVM_SET_USER_MEMORY_REGION2, &r));
	expect(c, false, 9);
	r.flags = KVM_MEM_GUEST_MEMFD;
	CHECK_ERR(ioctl(b->fd, KVM_SET_USER_MEMORY_REGION2, &r), EINVAL);
	r.flags = 1 << 5;
	CHECK_ERR(ioctl(b->fd, KVM_SET_USER_MEMORY_REGION2, &r), EINVAL);
	expect(c, false, 9);
	r.flags = 0;
	r.memory_size = 0;
	CHECK_OK(ioctl(b->fd, KVM_SET_USER_MEMORY_REGION2, &r));
	expect(c, true, 0xabcd);
	CHECK_ERR(ioctl(b->fd, KVM_SET_USER_MEMORY_REGION2, 8), EFAULT);
}

static GUEST void fill(void)
{
	u64 a;

	for (a = 0; a < 64 * PAGE; a += PAGE)
		g_write64(GPA + a, a ^ 0x5555);
	g_done();
}

CASE(what_the_guest_writes_the_host_reads)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *m = box_memory(b, SLOT, 0, GPA, 64 * PAGE);
	u64 a;

	cpu_long(c, fill);
	cpu_expect_done(c);
	for (a = 0; a < 64 * PAGE; a += PAGE)
		CHECK_EQ(*(u64 *)(m + a), a ^ 0x5555);
}
