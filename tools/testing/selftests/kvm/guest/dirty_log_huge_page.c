// SPDX-License-Identifier: GPL-2.0-only
/* Memory mapped by large pages is logged in 4 KiB pages all the same. */
#include "box.h"

#define GPA 0x10000000ul
#define SLOT 5
#define SIZE (4 * MEG)
#define PAGES (SIZE / PAGE)

static GUEST void touch(void)
{
	u64 a;

	for (a = 0; a < SIZE; a += PAGE)
		g_write64(GPA + a, a);
	g_sync(1, 0);
	for (;;) {
		g_write64(GPA + 5 * PAGE, 5);
		g_write64(GPA + 2 * MEG + 7 * PAGE, 7);
		g_sync(2, g_read64(GPA + 9 * PAGE));
	}
}

static void same_log(struct box *b)
{
	u64 map[PAGES / 64];
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = map };
	u32 i;

	CHECK_OK(ioctl(b->fd, KVM_GET_DIRTY_LOG, &log));
	for (i = 0; i < ARRAY_LEN(map); i++)
		CHECK_EQ(map[i], i == 0 ? 1 << 5 : i == 8 ? 1 << 7 : 0);
}

CASE(large_pages_are_split_and_come_back)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *mem = host_pages_aligned(SIZE, 2 * MEG);
	bool known;
	u64 before;

	madvise(mem, SIZE, MADV_HUGEPAGE);
	memset(mem, 0, SIZE);
	box_slot(b, SLOT, 0, GPA, SIZE, mem);
	cpu_long(c, touch);
	cpu_expect_sync(c, 1);
	before = cpu_stat(b->fd, "pages_2m", &known);
	if (known && before < 2)
		tap_skip("the host gave no huge pages");
	box_slot(b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, mem);
	cpu_expect_sync(c, 2);
	same_log(b);
	CHECK_EQ(cpu_expect_sync(c, 2), 9 * PAGE);
	same_log(b);
	box_slot(b, SLOT, 0, GPA, SIZE, mem);
	cpu_expect_sync(c, 2);
	cpu_expect_sync(c, 2);
	if (known)
		CHECK_EQ(cpu_stat(b->fd, "pages_2m", &known), before);
}
