// SPDX-License-Identifier: GPL-2.0-only
/* Registers carried in kvm_run instead of by ioctls. */
#include "box.h"

static GUEST void count(void)
{
	u64 i;

	for (i = 1; ; i++)
		g_sync(i, i * 3);
}

static struct cpu *scene(void)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, count);
	return c;
}

static void bits_are_refused(u32 from, u32 to)
{
	struct cpu *c = scene();
	u32 bit;

	for (bit = from; bit < to; bit++) {
		c->run->kvm_valid_regs = 1ull << bit;
		if (cpu_run(c) != -EINVAL)
			DIE("valid bit %u is taken", bit);
		c->run->kvm_valid_regs = 0;
		c->run->kvm_dirty_regs = 1ull << bit;
		if (cpu_run(c) != -EINVAL)
			DIE("dirty bit %u is taken", bit);
		c->run->kvm_dirty_regs = 0;
	}
	cpu_expect_sync(c, 1);
}

CASE(unknown_sets_are_refused)
{
	bits_are_refused(3, 32);
}

/* # stock: expected fail because it compares the lower half of the mask only */
CASE_STOCK_FAILS(unknown_sets_of_the_upper_half_are_refused,
		 "compares the lower half of the mask only")
{
	bits_are_refused(32, 64);
}

CASE(valid_sets_are_filled_at_each_exit)
{
	struct cpu *c = scene();
	struct kvm_regs r;
	struct kvm_sregs s;
	struct kvm_vcpu_events e;

	c->run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	cpu_expect_sync(c, 1);
	r = cpu_get_regs(c);
	s = cpu_get_sregs(c);
	e = cpu_get_vcpu_events(c);
	CHECK_MEM_EQ(&r, &c->run->s.regs.regs, sizeof(r));
	CHECK_MEM_EQ(&s, &c->run->s.regs.sregs, sizeof(s));
	CHECK_MEM_EQ(&e, &c->run->s.regs.events, sizeof(e));
	CHECK_EQ(c->run->s.regs.regs.rdi, 1);
	cpu_expect_sync(c, 2);
	CHECK_EQ(c->run->s.regs.regs.rdi, 2);
}

CASE(a_set_that_is_not_asked_for_is_left_alone)
{
	struct cpu *c = scene();

	memset(&c->run->s.regs, 0x5a, sizeof(c->run->s.regs));
	c->run->kvm_valid_regs = KVM_SYNC_X86_SREGS;
	cpu_expect_sync(c, 1);
	CHECK_EQ(c->run->s.regs.regs.rip, 0x5a5a5a5a5a5a5a5aull);
	CHECK_EQ(c->run->s.regs.sregs.cr3, LAY_PML4);
}

static GUEST void echo(void)
{
	for (;;)
		asm volatile("outl %%eax, $0xf4\n\t"
			     "mov %%rbx, %%rcx" : : : "rbx", "rcx", "memory");
}

CASE(dirty_sets_are_taken_at_entry)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, echo);
	c->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	cpu_expect_exit(c, KVM_EXIT_IO);
	c->run->s.regs.regs.rbx = 0xbabe;
	c->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	cpu_expect_exit(c, KVM_EXIT_IO);
	CHECK_EQ(c->run->kvm_dirty_regs, 0);
	CHECK_EQ(c->run->s.regs.regs.rcx, 0xbabe);
	CHECK_EQ(cpu_get_regs(c).rcx, 0xbabe);
	/* without the dirty bit nothing is taken */
	c->run->s.regs.regs.rbx = 0xdead;
	cpu_expect_exit(c, KVM_EXIT_IO);
	CHECK_EQ(c->run->s.regs.regs.rcx, 0xbabe);
	c->run->s.regs.sregs.fs.base = 0x123000;
	c->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	cpu_expect_exit(c, KVM_EXIT_IO);
	CHECK_EQ(cpu_get_sregs(c).fs.base, 0x123000);
}

CASE(bad_dirty_state_is_refused)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs before, after;

	cpu_long(c, echo);
	c->run->kvm_valid_regs = KVM_SYNC_X86_SREGS;
	cpu_expect_exit(c, KVM_EXIT_IO);
	before = cpu_get_sregs(c);
	c->run->s.regs.sregs.cr0 |= 1ull << 40;
	c->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	CHECK_EQ(cpu_run(c), -EINVAL);
	c->run->kvm_dirty_regs = 0;
	after = cpu_get_sregs(c);
	CHECK_MEM_EQ(&before, &after, sizeof(before));
	cpu_expect_exit(c, KVM_EXIT_IO);
}
