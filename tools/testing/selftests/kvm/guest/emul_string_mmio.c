// SPDX-License-Identifier: GPL-2.0-only
/* MOVS, CMPS and their kin between memory and MMIO. */
#include "box.h"

#define RAM (LAY_SCRATCH + 0x20000ul)
#define LEN 64

static u8 device[256];

static void serve(struct cpu *c)
{
	struct kvm_run *r = c->run;

	for (;;) {
		u64 at;

		if (cpu_go(c) != HEARD_EXIT)
			return;
		CHECK_EQ(r->exit_reason, KVM_EXIT_MMIO);
		at = r->mmio.phys_addr - LAY_MMIO;
		CHECK(at + r->mmio.len <= sizeof(device));
		if (r->mmio.is_write)
			memcpy(device + at, r->mmio.data, r->mmio.len);
		else
			memcpy(r->mmio.data, device + at, r->mmio.len);
	}
}

#define STRING(insn, di, si, n) ({					\
	u64 di_ = (di), si_ = (si), cx_ = (n);				\
									\
	asm volatile(insn : "+D"(di_), "+S"(si_), "+c"(cx_)		\
		     : : "memory", "cc");				\
	cx_;								\
})

static GUEST void moves(void)
{
	G_CHECK_EQ(STRING("rep movsb", LAY_MMIO, RAM, LEN), 0);
	G_CHECK_EQ(STRING("rep movsl", RAM + 0x100, LAY_MMIO, LEN / 4), 0);
	G_CHECK_EQ(STRING("rep movsq", LAY_MMIO + 0x80, RAM, LEN / 8), 0);
	G_CHECK_EQ(STRING("rep movsw", LAY_MMIO + 0x40, LAY_MMIO, LEN / 2), 0);
	/* a backward copy of one quarter */
	G_CHECK_EQ(STRING("std; rep movsb; cld", RAM + 0x200 + 15,
			  LAY_MMIO + 15, 16), 0);
	g_sync(1, 0);
	g_done();
}

CASE(copies_in_all_directions)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *ram = box_hva(b, RAM);
	u32 i;

	for (i = 0; i < LEN; i++)
		ram[i] = i * 5 + 1;
	cpu_long(c, moves);
	serve(c);
	CHECK_EQ(c->stage, 1);
	CHECK_MEM_EQ(device, ram, LEN);
	CHECK_MEM_EQ(ram + 0x100, ram, LEN);
	CHECK_MEM_EQ(device + 0x80, ram, LEN);
	CHECK_MEM_EQ(device + 0x40, ram, LEN);
	CHECK_MEM_EQ(ram + 0x200, ram, 16);
}

static GUEST void compares(void)
{
	u64 left, flags;

	left = STRING("repe cmpsb", RAM, LAY_MMIO, LEN);
	g_sync(1, left);
	asm volatile("mov $0x77, %%al; mov %1, %%rdi; mov $64, %%ecx\n\t"
		     "repne scasb; mov %%rcx, %0"
		     : "=r"(left) : "r"(LAY_MMIO)
		     : "rax", "rcx", "rdi", "memory", "cc");
	g_sync(2, left);
	asm volatile("mov %1, %%rsi; mov %2, %%rdi; cmpsb; pushfq; pop %0"
		     : "=r"(flags) : "r"(RAM), "r"(LAY_MMIO)
		     : "rsi", "rdi", "memory", "cc");
	G_CHECK_EQ(flags & RFLAGS_ZF, RFLAGS_ZF);
	g_sync(3, 0);
	g_done();
}

CASE(compares_and_scans_stop_where_they_should)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *ram = box_hva(b, RAM);

	memset(ram, 1, LEN);
	memset(device, 1, LEN);
	device[10] = 0x77;
	cpu_long(c, compares);
	serve(c);
	CHECK_EQ(c->stage, 1);
	CHECK_EQ(c->value, LEN - 11);
	serve(c);
	CHECK_EQ(c->stage, 2);
	CHECK_EQ(c->value, 64 - 11);
	serve(c);
	CHECK_EQ(c->stage, 3);
}

static u64 steps[8] GUEST_DATA;
static u64 nr_steps GUEST_DATA;

static GUEST void on_step(struct trap *t)
{
	if (nr_steps < ARRAY_LEN(steps))
		steps[nr_steps++] = t->rflags;
}

/* Below, above, below and equal to what the device has; the last step is that of POPF. */
static GUEST void stepped(void)
{
	u64 si = RAM, di = LAY_MMIO, cx = 4;

	g_handlers[VEC_DB] = on_step;
	asm volatile("pushfq\n\t"
		     "orq $0x100, (%%rsp)\n\t"
		     "popfq\n\t"
		     "repne cmpsb\n\t"
		     "pushfq\n\t"
		     "andq $~0x100, (%%rsp)\n\t"
		     "popfq"
		     : "+S"(si), "+D"(di), "+c"(cx) : : "memory", "cc");
	G_CHECK_EQ(cx, 0);
	G_CHECK_EQ(steps[0] & (RFLAGS_CF | RFLAGS_ZF), RFLAGS_CF);
	G_CHECK_EQ(steps[1] & (RFLAGS_CF | RFLAGS_ZF), 0);
	G_CHECK_EQ(steps[2] & (RFLAGS_CF | RFLAGS_ZF), RFLAGS_CF);
	G_CHECK_EQ(steps[3] & (RFLAGS_CF | RFLAGS_ZF), RFLAGS_ZF);
	g_sync(1, 0);
	g_done();
}

CASE_STOCK_FAILS(each_iteration_shows_its_flags, "it writes the flags of the last one alone")
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	memset(device, 5, sizeof(device));
	memcpy(box_hva(b, RAM), (u8[]){ 4, 6, 4, 5 }, 4);
	cpu_long(c, stepped);
	serve(c);
	CHECK_EQ(c->stage, 1);
}

static GUEST void faulting(void)
{
	u64 di = (0x12ull << 40) - 16, si = LAY_MMIO, cx = 32;

	/* the destination ends after 16 bytes */
	G_CHECK_EQ(G_TRY("rep movsb", G_LIST("+D"(di), "+S"(si), "+c"(cx)), G_NONE),
		   VEC_PF);
	G_CHECK_EQ(g_percpu()->cr2, 0x12ull << 40);
	G_CHECK_EQ(cx, 16);
	G_CHECK_EQ(di, 0x12ull << 40);
	G_CHECK_EQ(si, LAY_MMIO + 16);
	g_sync(1, 0);
	g_done();
}

CASE(a_fault_in_the_middle_leaves_exact_registers)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	memset(device, 0x3c, sizeof(device));
	box_map(b, (0x12ull << 40) - PAGE, RAM | PT_P | PT_W);
	cpu_long(c, faulting);
	serve(c);
	CHECK_EQ(c->stage, 1);
	CHECK_MEM_EQ(box_hva(b, RAM + PAGE - 16), device, 16);
}
