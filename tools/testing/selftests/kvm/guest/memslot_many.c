// SPDX-License-Identifier: GPL-2.0-only
/* All 32764 slots at once, each found again by the guest. */
#include "box.h"

#define BASE 0x100000000ul
#define STRIDE (2 * PAGE)
#define STEP 97

static GUEST void visit(u64 count)
{
	u64 i;

	for (i = 1; i < count; i += STEP)
		G_CHECK_EQ(g_read64(BASE + i * STRIDE), i % 64);
	g_read64(BASE + 100 * STRIDE + PAGE);
	g_done();
}

/* Maps 1 GiB pages for the 4 GiB behind the identity map. */
static void map_high(struct box *b, unsigned int gigs)
{
	u64 *pdpt = box_hva(b, LAY_PDPT), *pd;
	unsigned int i, n;

	for (i = 0; i < gigs; i++) {
		u64 table = b->next_pt;

		b->next_pt += PAGE;
		pd = box_hva(b, table);
		for (n = 0; n < 512; n++)
			pd[n] = (BASE + i * GIG + n * 2 * MEG) |
				PT_P | PT_W | PT_PS;
		pdpt[4 + i] = table | PT_P | PT_W;
	}
}

CASE_SLOW(all_slots, 60, NULL)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 count = box_cap(b, KVM_CAP_NR_MEMSLOTS), i;
	u64 *pages = host_pages(64 * PAGE);

	map_high(b, 1);
	for (i = 0; i < 64; i++)
		pages[i * 512] = i;
	/* every other one first, so that later ones go in between */
	for (i = 1; i < count; i += 2)
		box_slot(b, i, 0, BASE + i * STRIDE, PAGE,
			 pages + i % 64 * 512);
	for (i = 2; i < count; i += 2)
		box_slot(b, i, 0, BASE + i * STRIDE, PAGE,
			 pages + i % 64 * 512);
	CHECK_ERR(box_try_slot(b, count, 0, BASE - GIG, PAGE, pages), EINVAL);
	cpu_long_arg(c, visit, count);
	cpu_expect_mmio(c, false, BASE + 100 * STRIDE + PAGE, 8);
	cpu_expect_done(c);
	for (i = 1; i < count; i += 1000)
		box_slot(b, i, 0, 0, 0, NULL);
}
