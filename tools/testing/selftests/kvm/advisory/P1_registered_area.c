// SPDX-License-Identifier: GPL-2.0-only
/*
 * P1 (CVE-2013-1796, CVE-2013-1797) and P3 (CVE-2021-4095): an area that the guest
 * registered crosses a page, or its slot is moved or deleted under it, or is
 * logged while nobody runs the vCPU.
 */
#include "box.h"
#include "pvclock.h"

#define MSR_STEAL 0x4b564d03
#define AT LAY_MMIO
#define ENABLED 1

static GUEST void stay(void)
{
	for (;;)
		g_sync(1, 0);
}

static void check_page(const u8 *mem, u64 offset)
{
	const struct pvclock *p = (const struct pvclock *)(mem + offset);
	u32 version;

	/* nobody has to write there, but half of it is not allowed */
	memcpy(&version, &p->version, sizeof(version));
	CHECK(!(version & 1));
	if (version)
		CHECK(p->mul);
}

CASE_SLOW(clock_at_every_offset_around_a_page_end, 40, NULL)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *mem = box_memory(b, 1, 0, AT, 4 * PAGE);
	u64 offset;

	cpu_long(c, stay);
	for (offset = PAGE - 36; offset <= PAGE; offset++) {
		memset(mem, 0, 4 * PAGE);
		cpu_set_msr(c, MSR_SYSTEM_TIME, 0);
		/* bit 0 of the address is the switch */
		if (!cpu_try_set_msr(c, MSR_SYSTEM_TIME, (AT + offset) | ENABLED))
			continue;
		cpu_try_set_msr(c, MSR_WALL_CLOCK, AT + 2 * PAGE + offset);
		cpu_expect_sync(c, 1);
		check_page(mem, offset & ~1ull);
		CHECK_EQ(mem[(offset & ~1ull) - 1], 0);
		CHECK_EQ(mem[(offset & ~1ull) + sizeof(struct pvclock)], 0);
	}
}

CASE(clock_at_the_end_of_its_slot)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *mem = box_memory(b, 1, 0, AT, PAGE), *next;
	u64 offset;

	cpu_long(c, stay);
	for (offset = PAGE - 32; offset < PAGE; offset += 2) {
		cpu_try_set_msr(c, MSR_SYSTEM_TIME, (AT + offset) | ENABLED);
		cpu_try_set_msr(c, MSR_WALL_CLOCK, AT + offset);
		cpu_expect_sync(c, 1);
	}
	/* two slots that meet */
	next = box_memory(b, 2, 0, AT + PAGE, PAGE);
	memset(mem, 0, PAGE);
	for (offset = PAGE - 32; offset < PAGE; offset += 2) {
		cpu_try_set_msr(c, MSR_SYSTEM_TIME, (AT + offset) | ENABLED);
		cpu_expect_sync(c, 1);
	}
	CHECK_EQ(next[PAGE - 1], 0);
}

CASE(slot_moved_and_deleted_under_the_clock)
{
	struct kvm_clock_data d = { .clock = 1 };
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *mem = box_memory(b, 1, 0, AT, PAGE), *other = host_pages(PAGE);
	struct pvclock *p = (struct pvclock *)mem, old;

	cpu_long(c, stay);
	cpu_set_msr(c, MSR_SYSTEM_TIME, AT | ENABLED);
	cpu_expect_sync(c, 1);
	CHECK(p->version);
	box_slot(b, 1, 0, AT + GIG, PAGE, mem);
	old = *p;
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	cpu_expect_sync(c, 1);
	CHECK_MEM_EQ(&old, p, sizeof(old));
	box_slot(b, 1, 0, 0, 0, mem);
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	cpu_expect_sync(c, 1);
	/* other memory at that address: there it goes on */
	box_slot(b, 1, 0, AT, PAGE, other);
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	cpu_expect_sync(c, 1);
	CHECK(((struct pvclock *)other)->version);
	CHECK_MEM_EQ(&old, p, sizeof(old));
	/* memory that is gone from the process */
	munmap(other, PAGE);
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	cpu_expect_sync(c, 1);
	/* read only */
	box_slot(b, 1, 0, 0, 0, mem);
	box_slot(b, 1, KVM_MEM_READONLY, AT, PAGE, mem);
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	cpu_expect_sync(c, 1);
	CHECK_MEM_EQ(&old, p, sizeof(old));
}

CASE(writes_are_logged_also_those_of_ioctls)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *mem = box_memory(b, 1, KVM_MEM_LOG_DIRTY_PAGES, AT, 4 * PAGE);
	u64 bitmap = 0;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &bitmap };

	CHECK(mem);
	cpu_long(c, stay);
	CHECK_OK(ioctl(b->fd, KVM_GET_DIRTY_LOG, &log));
	/* no KVM_RUN has been called on this vCPU */
	cpu_set_msr(c, MSR_WALL_CLOCK, AT + PAGE);
	CHECK_OK(ioctl(b->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(bitmap, 2);
	cpu_set_msr(c, MSR_SYSTEM_TIME, (AT + 2 * PAGE) | ENABLED);
	cpu_set_msr(c, MSR_STEAL, (AT + 3 * PAGE) | ENABLED);
	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(b->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(bitmap, 0xc);
}
