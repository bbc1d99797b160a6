// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET/SET_REGS: every register comes back and reaches the guest. */
#include "box.h"

static u64 *words(struct kvm_regs *r)
{
	return (u64 *)r;
}

CASE(each_register_keeps_its_value)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs r, got;
	u32 i;

	for (i = 0; i < sizeof(r) / 8; i++)
		words(&r)[i] = 0x0123456789abcdefull * (i + 1);
	r.rflags = RFLAGS_ONE | RFLAGS_CF | RFLAGS_DF | RFLAGS_AC;
	cpu_set_regs(c, &r);
	got = cpu_get_regs(c);
	CHECK_MEM_EQ(&r, &got, sizeof(r));
}

CASE(the_one_bit_of_rflags_is_always_set)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs r = { .rflags = 0 };

	cpu_set_regs(c, &r);
	CHECK_EQ(cpu_get_regs(c).rflags, RFLAGS_ONE);
}

/* Adds the number of the register to each of them and stops. */
asm(".pushsection payload_text, \"ax\"\n"
	"add_to_all:\n"
	"	add $1, %rax; add $2, %rbx; add $3, %rcx; add $4, %rdx\n"
	"	add $5, %rsi; add $6, %rdi; add $7, %rsp; add $8, %rbp\n"
	"	add $9, %r8; add $10, %r9; add $11, %r10; add $12, %r11\n"
	"	add $13, %r12; add $14, %r13; add $15, %r14; add $16, %r15\n"
	"	hlt\n"
	"	jmp add_to_all\n"
	".popsection\n");
extern u8 add_to_all[];

CASE(the_guest_has_them_and_gives_them_back)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs r, got;
	u32 i, round;

	cpu_long(c, (void (*)(void))add_to_all);
	r = cpu_get_regs(c);
	for (i = 0; i < 16; i++)
		words(&r)[i] = 0x1111111111111100ull * (i % 15) + i;
	cpu_set_regs(c, &r);
	for (round = 1; round <= 3; round++) {
		cpu_expect_exit(c, KVM_EXIT_HLT);
		got = cpu_get_regs(c);
		for (i = 0; i < 16; i++)
			CHECK_EQ(words(&got)[i],
				 words(&r)[i] + round * (i + 1));
	}
}

static GUEST void read_flags(void)
{
	for (;;)
		g_sync(1, g_rflags());
}

CASE(flags_reach_the_guest)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs r;

	cpu_long(c, read_flags);
	cpu_expect_sync(c, 1);
	r = cpu_get_regs(c);
	r.rflags = RFLAGS_ONE | RFLAGS_CF | RFLAGS_ZF | RFLAGS_IF;
	cpu_set_regs(c, &r);
	CHECK_EQ(cpu_expect_sync(c, 1) & (RFLAGS_CF | RFLAGS_ZF | RFLAGS_IF),
		 RFLAGS_CF | RFLAGS_ZF | RFLAGS_IF);
}

CASE(bad_pointers)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	CHECK_ERR(ioctl(c->fd, KVM_GET_REGS, 8), EFAULT);
	CHECK_ERR(ioctl(c->fd, KVM_SET_REGS, 8), EFAULT);
}
