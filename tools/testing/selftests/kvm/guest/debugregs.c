// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET/SET_DEBUGREGS, and the guest's own use of its debug registers. */
#include "box.h"

CASE(round_trip)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_debugregs d = cpu_get_debugregs(c), e;
	int i;

	CHECK_EQ(d.dr6, DR6_IDLE);
	CHECK_EQ(d.dr7, DR7_ONE);
	CHECK_EQ(d.flags, 0);
	for (i = 0; i < 4; i++)
		d.db[i] = 0x1000 * (i + 1) + i;
	d.dr6 = DR6_IDLE | DR6_BS | 3;
	d.dr7 = DR7_ONE | 0xf0000ff;
	cpu_set_debugregs(c, &d);
	e = cpu_get_debugregs(c);
	CHECK_MEM_EQ(&d, &e, sizeof(d));
}

CASE(reserved_bits)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_debugregs d, before = cpu_get_debugregs(c), after;
	u32 bit;

	for (bit = 32; bit < 64; bit++) {
		d = before;
		d.dr6 |= 1ull << bit;
		CHECK_ERR(cpu_try_debugregs(c, &d), EINVAL);
		d = before;
		d.dr7 |= 1ull << bit;
		CHECK_ERR(cpu_try_debugregs(c, &d), EINVAL);
	}
	d = before;
	d.flags = 1;
	CHECK_ERR(cpu_try_debugregs(c, &d), EINVAL);
	after = cpu_get_debugregs(c);
	CHECK_MEM_EQ(&before, &after, sizeof(before));
}

#define DR(n)								\
G_INLINE u64 g_dr##n(void)						\
{									\
	u64 v;								\
									\
	asm volatile("mov %%dr" #n ", %0" : "=r"(v));			\
	return v;							\
}									\
G_INLINE void g_set_dr##n(u64 v)					\
{									\
	asm volatile("mov %0, %%dr" #n : : "r"(v) : "memory");		\
}
DR(0) DR(1) DR(2) DR(3) DR(6) DR(7)

static GUEST void moves(void)
{
	G_CHECK_EQ(g_dr0(), 0x1111);
	G_CHECK_EQ(g_dr6(), DR6_IDLE | 1);
	g_set_dr0(0x123400);
	g_set_dr1(0x567800);
	g_set_dr2(0x9abc00);
	g_set_dr3(0xdef000);
	g_set_dr6(DR6_IDLE);
	g_set_dr7(DR7_ONE);
	g_sync(1, 0);
	G_CHECK_EQ(g_dr0(), 0x123400);
	G_CHECK_EQ(g_dr1(), 0x567800);
	G_CHECK_EQ(g_dr2(), 0x9abc00);
	G_CHECK_EQ(g_dr3(), 0xdef000);
	G_CHECK_EQ(g_dr6(), DR6_IDLE);
	G_CHECK_EQ(g_dr7(), DR7_ONE);
	G_CHECK_EQ(G_TRY("mov %0, %%dr6", G_NONE, G_LIST("r"(1ul << 32))), VEC_GP);
	G_CHECK_EQ(G_TRY("mov %0, %%dr7", G_NONE, G_LIST("r"(1ul << 32))), VEC_GP);
	/* 4 and 5 are 6 and 7 while CR4.DE is off, else undefined */
	G_CHECK_EQ(G_TRY("mov %%dr4, %%r11", G_NONE, G_NONE), G_NO_TRAP);
	g_set_cr4(g_cr4() | CR4_DE);
	G_CHECK_EQ(G_TRY("mov %%dr4, %%r11", G_NONE, G_NONE), VEC_UD);
	g_done();
}

CASE(the_guest_moves_to_and_from_them)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_debugregs d;

	cpu_long(c, moves);
	d = cpu_get_debugregs(c);
	d.db[0] = 0x1111;
	d.dr6 = DR6_IDLE | 1;
	cpu_set_debugregs(c, &d);
	cpu_expect_sync(c, 1);
	d = cpu_get_debugregs(c);
	CHECK_EQ(d.db[0], 0x123400);
	CHECK_EQ(d.db[3], 0xdef000);
	cpu_expect_done(c);
}

static volatile u64 db_count GUEST_DATA;
static volatile u64 db_rip GUEST_DATA;
static volatile u64 db_dr6 GUEST_DATA;
static volatile u64 watched GUEST_DATA;

static GUEST void on_db(struct trap *t)
{
	db_count++;
	db_rip = t->rip;
	db_dr6 = g_dr6();
	g_set_dr6(DR6_IDLE);
	t->rflags |= RFLAGS_RF;
	t->rflags &= ~RFLAGS_TF;
}

static GUEST void own_breakpoints(void)
{
	u64 here;

	g_handlers[VEC_DB] = on_db;
	/* execution */
	asm volatile("leaq 1f(%%rip), %0\n\t"
		     "mov %0, %%dr0\n\t"
		     "mov %1, %%dr7\n\t"
		     "1: nop" : "=&r"(here) : "r"(DR7_ONE | 2ul) : "memory");
	G_CHECK_EQ(db_count, 1);
	G_CHECK_EQ(db_rip, here);
	G_CHECK_EQ(db_dr6 & 0xf, 1);
	/* write of eight bytes */
	g_set_dr7(DR7_ONE);
	g_set_dr1((u64)&watched);
	g_set_dr7(DR7_ONE | 8 | 9ul << 20);
	watched = 5;
	G_CHECK_EQ(db_count, 2);
	G_CHECK_EQ(db_dr6 & 0xf, 2);
	g_set_dr7(DR7_ONE);
	watched = 6;
	G_CHECK_EQ(db_count, 2);
	/* single step over one instruction */
	asm volatile("pushfq; orl $0x100, (%%rsp); popfq; nop" : : : "memory");
	G_CHECK_EQ(db_count, 3);
	G_CHECK_EQ(db_dr6 & DR6_BS, DR6_BS);
	g_done();
}

CASE(the_guests_own_breakpoints_work)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, own_breakpoints);
	cpu_expect_done(c);
}

static GUEST void step_over_exits(void)
{
	g_handlers[VEC_DB] = on_db;
	asm volatile("xor %%ecx, %%ecx; xor %%eax, %%eax\n\t"
		     "pushfq; orl $0x100, (%%rsp); popfq; cpuid; nop"
		     : : : "rax", "rbx", "rcx", "rdx", "memory");
	G_CHECK_EQ(db_count, 1);
	G_CHECK_EQ(db_dr6 & DR6_BS, DR6_BS);
	g_sync(1, 0);
	asm volatile("pushfq; orl $0x100, (%%rsp); popfq; outb %%al, $0xf0; nop"
		     : : : "memory");
	G_CHECK_EQ(db_count, 2);
	asm volatile("mov %0, %%rdx\n\t"
		     "pushfq; orl $0x100, (%%rsp); popfq; movl %%eax, (%%rdx)"
		     "\n\tnop" : : "r"(LAY_MMIO) : "rdx", "memory");
	G_CHECK_EQ(db_count, 3);
	g_done();
}

CASE(the_guest_single_steps_over_instructions_that_exit)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, step_over_exits);
	cpu_expect_sync(c, 1);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0xf0, 1, 1);
	cpu_expect_mmio(c, true, LAY_MMIO, 4);
	cpu_expect_done(c);
}

static GUEST void general_detect(void)
{
	u64 v;

	g_set_dr7(DR7_ONE | DR7_GD);
	G_CHECK_EQ(G_TRY("mov %%dr0, %0", G_LIST("=r"(v)), G_NONE), VEC_DB);
	/* the fault itself switches the protection off */
	G_CHECK_EQ(g_dr6() & DR6_BD, DR6_BD);
	g_done();
}

CASE(general_detect_faults)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, general_detect);
	cpu_expect_done(c);
}
