// SPDX-License-Identifier: GPL-2.0-only
/* MMIO under each of the guest's paging modes: the walk is KVM's there. */
#include "box.h"

#define TABLES LAY_SCRATCH
#define CODE (LAY_SCRATCH + 0x20000)

/* mov (%ebx), %eax; mov %eax, 4(%ebx); hlt */
static const u8 code32[] = { 0x8b, 0x03, 0x89, 0x43, 0x04, 0xf4 };

static void run_at(struct cpu *c, u64 va, u64 gpa)
{
	struct kvm_regs r = cpu_get_regs(c);

	r.rip = CODE;
	r.rbx = va;
	r.rsp = LAY_STACKS + LAY_STACK_SIZE;
	cpu_set_regs(c, &r);
	cpu_expect_mmio(c, false, gpa, 4);
	*(u32 *)c->run->mmio.data = 0xabcd1234;
	cpu_expect_mmio(c, true, gpa + 4, 4);
	CHECK_EQ(*(u32 *)c->run->mmio.data, 0xabcd1234);
	cpu_expect_exit(c, KVM_EXIT_HLT);
}

static struct cpu *flat32(struct box *b)
{
	struct cpu *c = cpu_new(b, 0);

	memcpy(box_hva(b, CODE), code32, sizeof(code32));
	cpu_prot32(c, CODE);
	return c;
}

CASE(no_paging)
{
	struct box *b = box_new();
	struct cpu *c = flat32(b);

	run_at(c, LAY_MMIO + 0x10, LAY_MMIO + 0x10);
	run_at(c, 0xe0000000, 0xe0000000);
}

CASE(two_levels_with_and_without_large_pages)
{
	struct box *b = box_new();
	struct cpu *c = flat32(b);
	u32 *pd = box_hva(b, TABLES), *pt = box_hva(b, TABLES + PAGE);
	struct kvm_sregs s = cpu_get_sregs(c);

	pd[0] = PT_P | PT_W | PT_PS;
	pd[1] = (TABLES + PAGE) | PT_P | PT_W;
	pd[2] = 0x40000000 | PT_P | PT_W | PT_PS;
	pt[7] = 0xd0001000 | PT_P | PT_W;
	s.cr3 = TABLES;
	s.cr4 |= CR4_PSE;
	s.cr0 |= CR0_PG;
	cpu_set_sregs(c, &s);
	run_at(c, 0x407010, 0xd0001010);
	run_at(c, 0x812340, 0x40012340);
	/* accessed and dirty are marked */
	CHECK_EQ(pt[7] & (PT_A | PT_D), PT_A | PT_D);
	CHECK_EQ(pd[2] & (PT_A | PT_D), PT_A | PT_D);
	CHECK_EQ(pd[1] & PT_A, PT_A);
}

CASE(three_levels)
{
	struct box *b = box_new();
	struct cpu *c = flat32(b);
	u64 *pdpt = box_hva(b, TABLES), *pd = box_hva(b, TABLES + PAGE);
	u64 *pt = box_hva(b, TABLES + 2 * PAGE);
	struct kvm_sregs s = cpu_get_sregs(c);

	pdpt[0] = pdpt[3] = (TABLES + PAGE) | PT_P;
	pd[0] = PT_P | PT_W | PT_PS;
	pd[1] = (TABLES + 2 * PAGE) | PT_P | PT_W;
	pd[2] = 0x40000000 | PT_P | PT_W | PT_PS;
	pt[7] = 0x123450000ull | PT_P | PT_W;
	s.cr3 = TABLES;
	s.cr4 |= CR4_PAE;
	s.cr0 |= CR0_PG;
	cpu_set_sregs(c, &s);
	run_at(c, 0x207010, 0x123450010ull);
	run_at(c, 0x412340, 0x40012340);
	run_at(c, 0xc0207010, 0x123450010ull);
	CHECK_EQ(pt[7] & (PT_A | PT_D), PT_A | PT_D);
}

static GUEST void load_store(u64 va)
{
	u32 v;

	for (;;) {
		va = g_read64(LAY_SCRATCH);
		v = g_read32(va);
		g_write32(va + 4, v);
		g_sync(1, v);
	}
}

CASE(four_levels)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *pdpt = box_hva(b, LAY_PDPT), *target = box_hva(b, LAY_SCRATCH);
	static const u64 va[] = { 0x123456789000ull, 0xffff812345678000ull };
	u32 i;

	for (i = 0; i < 2; i++)
		box_map(b, va[i], 0x234567000ull | PT_P | PT_W);
	/* 1 GiB at 8 GiB */
	pdpt[8] = 0x300000000ull | PT_P | PT_W | PT_PS;
	cpu_long_arg(c, load_store, 0);
	for (i = 0; i < 2; i++) {
		*target = va[i] + 0x20;
		cpu_expect_mmio(c, false, 0x234567020ull, 4);
		*(u32 *)c->run->mmio.data = 5;
		cpu_expect_mmio(c, true, 0x234567024ull, 4);
		CHECK_EQ(cpu_expect_sync(c, 1), 5);
		CHECK_EQ(*box_pte(b, va[i]) & (PT_A | PT_D), PT_A | PT_D);
	}
	*target = 0x200000000ull + 0x1234560;
	cpu_expect_mmio(c, false, 0x301234560ull, 4);
	cpu_expect_mmio(c, true, 0x301234564ull, 4);
	cpu_expect_sync(c, 1);
}

static GUEST void protections(u64 va)
{
	/* read-only page: reads go to MMIO, writes fault, WP decides */
	g_read32(va);
	G_CHECK_EQ(G_TRY("movl %%eax, (%0)", G_NONE, G_LIST("r"(va))), VEC_PF);
	G_CHECK_EQ(g_percpu()->err, 3);
	G_CHECK_EQ(g_percpu()->cr2, va);
	g_set_cr0(g_cr0() & ~CR0_WP);
	g_write32(va, 7);
	g_set_cr0(g_cr0() | CR0_WP);
	/* not present at all */
	G_CHECK_EQ(G_TRY("movl (%0), %%r11d", G_NONE, G_LIST("r"(va + PAGE))),
		   VEC_PF);
	G_CHECK_EQ(g_percpu()->err, 0);
	/* no fetch */
	G_CHECK_EQ(G_TRY("call *%0", G_NONE, G_LIST("r"(va + 2 * PAGE))), VEC_PF);
	G_CHECK_EQ(g_percpu()->err, 0x11);
	/* a reserved bit */
	G_CHECK_EQ(G_TRY("movl (%0), %%r11d", G_NONE, G_LIST("r"(va + 3 * PAGE))),
		   VEC_PF);
	/* QEMU leaves the present bit out */
	G_CHECK_EQ(g_percpu()->err & ~3ull, 8);
	g_done();
}

CASE(protection_faults_come_before_mmio)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	const u64 va = 0x12ull << 40;

	box_map(b, va, LAY_MMIO | PT_P);
	box_map(b, va + PAGE, 0);
	box_map(b, va + 2 * PAGE, LAY_MMIO | PT_P | PT_NX);
	box_map(b, va + 3 * PAGE, LAY_MMIO | PT_P | 1ull << 51);
	cpu_long_arg(c, protections, va);
	cpu_expect_mmio(c, false, LAY_MMIO, 4);
	cpu_expect_mmio(c, true, LAY_MMIO, 4);
	cpu_expect_done(c);
}
