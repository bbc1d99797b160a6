// SPDX-License-Identifier: GPL-2.0-only
/* What KVM_SET_USER_MEMORY_REGION refuses, and that nothing changed then. */
#include "box.h"

#define GPA 0x10000000ul
#define SLOT 5

static GUEST void read_slot(void)
{
	for (;;)
		g_sync(1, g_read64(GPA));
}

/* A slot of two pages that a guest keeps reading its first word from. */
struct scene {
	struct box *b;
	struct cpu *c;
	u64 *mem;
};

static struct scene scene(void)
{
	struct scene s = { .b = box_new() };

	s.c = cpu_new(s.b, 0);
	s.mem = host_pages(4 * PAGE);
	box_slot(s.b, SLOT, 0, GPA, 2 * PAGE, s.mem);
	s.mem[0] = 0x1234;
	cpu_long(s.c, read_slot);
	CHECK_EQ(cpu_expect_sync(s.c, 1), 0x1234);
	return s;
}

static void still_there(struct scene *s)
{
	s->mem[0]++;
	CHECK_EQ(cpu_expect_sync(s->c, 1), s->mem[0]);
	CHECK_ERR(box_try_slot(s->b, SLOT + 1, 0, GPA + PAGE, PAGE, s->mem),
		  EEXIST);
}

CASE(unaligned_values)
{
	struct scene s = scene();
	u8 *m = (u8 *)s.mem;

	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA * 2 + 1, PAGE, m), EINVAL);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA * 2 + 0x800, PAGE, m), EINVAL);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA * 2, PAGE + 1, m), EINVAL);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA * 2, 1, m), EINVAL);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA * 2, PAGE, m + 1), EINVAL);
	CHECK_ERR(box_try_slot(s.b, SLOT, 0, GPA + 1, 2 * PAGE, m), EINVAL);
	still_there(&s);
}

CASE(overlaps)
{
	struct scene s = scene();

	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA, PAGE, s.mem), EEXIST);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA + PAGE, PAGE, s.mem), EEXIST);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA - PAGE, 2 * PAGE, s.mem), EEXIST);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA - PAGE, 4 * PAGE, s.mem), EEXIST);
	CHECK_ERR(box_try_slot(s.b, 6, 0, 0, PAGE, s.mem), EEXIST);
	box_slot(s.b, 6, 0, GPA + 2 * PAGE, PAGE, s.mem);
	box_slot(s.b, 7, 0, GPA - PAGE, PAGE, s.mem);
	/* moving onto another slot is refused, too */
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA, PAGE, s.mem), EEXIST);
	still_there(&s);
}

CASE(changes_other_than_move_and_flags)
{
	struct scene s = scene();

	CHECK_ERR(box_try_slot(s.b, SLOT, 0, GPA, PAGE, s.mem), EINVAL);
	CHECK_ERR(box_try_slot(s.b, SLOT, 0, GPA, 3 * PAGE, s.mem), EINVAL);
	CHECK_ERR(box_try_slot(s.b, SLOT, 0, GPA, 2 * PAGE, s.mem + 512),
		  EINVAL);
	CHECK_ERR(box_try_slot(s.b, SLOT, KVM_MEM_READONLY, GPA, 2 * PAGE,
			       s.mem), EINVAL);
	still_there(&s);
}

CASE(deleting_what_is_not_there)
{
	struct scene s = scene();

	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA, 0, s.mem), EINVAL);
	box_slot(s.b, 6, 0, GPA * 2, PAGE, s.mem);
	box_slot(s.b, 6, 0, GPA * 2, 0, s.mem);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA * 2, 0, s.mem), EINVAL);
	still_there(&s);
}

CASE(unknown_flags)
{
	struct scene s = scene();
	unsigned int bit;

	for (bit = 2; bit < 32; bit++) {
		CHECK_ERR(box_try_slot(s.b, 6, 1u << bit, GPA * 2, PAGE, s.mem),
			  EINVAL);
		CHECK_ERR(box_try_slot(s.b, SLOT, 1u << bit, GPA, 2 * PAGE,
				       s.mem), EINVAL);
	}
	still_there(&s);
}

CASE(slot_numbers_end_at_the_limit)
{
	struct scene s = scene();
	u32 max = box_cap(s.b, KVM_CAP_NR_MEMSLOTS);

	CHECK_EQ(max, 32764);
	CHECK_ERR(box_try_slot(s.b, max, 0, GPA * 2, PAGE, s.mem), EINVAL);
	CHECK_ERR(box_try_slot(s.b, 0xffff, 0, GPA * 2, PAGE, s.mem), EINVAL);
	box_slot(s.b, max - 1, 0, GPA * 2, PAGE, s.mem);
	still_there(&s);
}

CASE(address_spaces_end_at_the_limit)
{
	struct scene s = scene();
	int spaces = ioctl(s.b->fd, KVM_CHECK_EXTENSION,
			   KVM_CAP_MULTI_ADDRESS_SPACE);

	if (spaces < 1)
		spaces = 1;
	CHECK_ERR(box_try_slot(s.b, spaces << 16, 0, GPA * 2, PAGE, s.mem),
		  EINVAL);
	CHECK_ERR(box_try_slot(s.b, 0xffff0000, 0, GPA * 2, PAGE, s.mem),
		  EINVAL);
	still_there(&s);
}

CASE(ranges_that_wrap_or_are_too_long)
{
	struct scene s = scene();

	CHECK_ERR(box_try_slot(s.b, 6, 0, -PAGE, 2 * PAGE, s.mem), EINVAL);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA * 2, (1ul << 31) * PAGE, s.mem),
		  EINVAL);
	CHECK_ERR(box_try_slot(s.b, 6, 0, GPA * 2, -PAGE, s.mem), EINVAL);
	still_there(&s);
}

CASE(bad_pointer)
{
	struct box *b = box_bare();

	CHECK_ERR(ioctl(b->fd, KVM_SET_USER_MEMORY_REGION, 8), EFAULT);
}
