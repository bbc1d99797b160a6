// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest page table in a read-only slot: the processor cannot set the accessed
 * bit there and faults on the entry, not on the data. What is emulated then
 * must still find the data, and must not take the entry for it; both have page offset 0.
 */
#include "box.h"

#define TABLE	0x50000000ul
#define VA	0x60000000ul
#define VALUE	0x1122334455667788ull

static GUEST void look(void)
{
	G_CHECK_EQ(g_read64(VA), VALUE);
	g_write64(VA + 16, VALUE + 1);
	G_CHECK_EQ(g_read64(LAY_SCRATCH + 16), VALUE + 1);
	g_done();
}

/* # stock: expected fail because it takes the address of the entry for that of the operand */
CASE_STOCK_FAILS(the_data_is_found_behind_it, "takes the entry's address for the operand's")
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *table = box_memory(b, 7, KVM_MEM_READONLY, TABLE, PAGE);

	table[0] = LAY_SCRATCH | PT_P | PT_W;
	((u64 *)box_hva(b, LAY_PD))[VA >> 21] = TABLE | PT_P | PT_W;
	*(u64 *)box_hva(b, LAY_SCRATCH) = VALUE;
	cpu_long(c, look);
	cpu_expect_done(c);
	CHECK_EQ(table[0], LAY_SCRATCH | PT_P | PT_W);
}
