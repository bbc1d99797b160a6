// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction that is emulated is the one that the guest's tables lead to now,
 * though the last one came from the same address: entries change at each level,
 * CR3 changes, and so does the memory behind it all.
 */
#include "box.h"

#define WHERE (LAY_SCRATCH + 0x10000)	/* the address that code is called at */
#define PAGE_A (LAY_SCRATCH + 0x20000)
#define PAGE_B (LAY_SCRATCH + 0x30000)
#define TABLES (LAY_SCRATCH + 0x40000)	/* copies: PML4, PDPT, PD, PT */

static GUEST void caller(void)
{
	for (;;) {
		g_invlpg(WHERE);
		asm volatile("call *%0" : : "r"((u64)WHERE), "b"(LAY_MMIO), "a"(1), "c"(2), "d"(3)
			     : "memory");
	}
}

/* mov %eax, %ecx or %edx to (%rbx); ret. The rest of 16 bytes is the same. */
static void put_code(void *at, u8 reg)
{
	static const u8 code[16] = { 0x89, 0x03, 0xc3 };

	memcpy(at, code, sizeof(code));
	((u8 *)at)[1] |= reg << 3;
}

static void expect_store(struct cpu *c, u32 want)
{
	u32 i, got;

	/* The second one finds what the first has kept. */
	for (i = 0; i < 2; i++) {
		cpu_expect_mmio(c, true, LAY_MMIO, 4);
		memcpy(&got, c->run->mmio.data, 4);
		CHECK_EQ(got, want);
	}
}

static struct cpu *scene(void)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	put_code(box_hva(b, PAGE_A), 0);
	put_code(box_hva(b, PAGE_B), 1);
	box_map(b, WHERE, PAGE_A | PT_P | PT_W);
	cpu_long(c, caller);
	expect_store(c, 1);
	return c;
}

/* The tables of @c once more, in which the last one leads to the other page. Returns the copy's level @n. */
static u64 copy_tables(struct box *b, u32 n)
{
	static const u64 from[] = { LAY_PML4, LAY_PDPT, LAY_PD };
	u64 *pt, i;

	for (i = 0; i < 3; i++)
		memcpy(box_hva(b, TABLES + i * PAGE), box_hva(b, from[i]), PAGE);
	pt = box_hva(b, TABLES + 3 * PAGE);
	memcpy(pt, (void *)((u64)box_pte(b, WHERE) & ~(PAGE - 1)), PAGE);
	pt[WHERE >> 12 & 511] = PAGE_B | PT_P | PT_W | PT_A;
	for (i = 0; i < 3; i++) {
		u64 *entry = box_hva(b, TABLES + i * PAGE);

		*entry = (*entry & (PAGE - 1)) | (TABLES + (i + 1) * PAGE);
	}
	return TABLES + n * PAGE;
}

CASE(the_last_entry_changes)
{
	struct cpu *c = scene();

	box_map(c->box, WHERE, PAGE_B | PT_P | PT_W);
	expect_store(c, 2);
	box_map(c->box, WHERE, PAGE_A | PT_P | PT_W);
	expect_store(c, 1);
}

CASE(an_upper_entry_changes)
{
	static const u64 tables[] = { LAY_PML4, LAY_PDPT, LAY_PD };
	struct cpu *c = scene();
	u32 i;

	for (i = 0; i < ARRAY_LEN(tables); i++) {
		u64 *entry = box_hva(c->box, tables[i]), old = *entry;

		*entry = (old & (PAGE - 1)) | copy_tables(c->box, i + 1);
		expect_store(c, 2);
		*entry = old;
		expect_store(c, 1);
	}
}

CASE(cr3_changes)
{
	struct cpu *c = scene();
	struct kvm_sregs s = cpu_get_sregs(c);

	s.cr3 = copy_tables(c->box, 0);
	cpu_set_sregs(c, &s);
	expect_store(c, 2);
	s.cr3 = LAY_PML4;
	cpu_set_sregs(c, &s);
	expect_store(c, 1);
}

CASE(the_bytes_change)
{
	struct cpu *c = scene();
	u8 reg;

	for (reg = 0; reg < 3; reg++) {
		put_code(box_hva(c->box, PAGE_A), reg);
		expect_store(c, reg + 1);
	}
}

CASE(the_memory_is_another)
{
	struct cpu *c = scene();
	u8 *other = host_pages(LAY_RAM);

	memcpy(other, box_hva(c->box, 0), LAY_RAM);
	put_code(other + PAGE_A, 2);
	box_slot(c->box, 0, 0, 0, 0, NULL);
	box_slot(c->box, 0, 0, 0, LAY_RAM, other);
	expect_store(c, 3);
}
