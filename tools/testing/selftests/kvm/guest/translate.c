// SPDX-License-Identifier: GPL-2.0-only
/* KVM_TRANSLATE walks the guest's tables. */
#include "box.h"

static struct kvm_translation ask(struct cpu *c, u64 va)
{
	struct kvm_translation t = { .linear_address = va };

	CHECK_OK(ioctl(c->fd, KVM_TRANSLATE, &t));
	return t;
}

static GUEST void idle(void)
{
	g_done();
}

CASE(four_levels)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_translation t;

	box_map(b, 0x123456789000ull, LAY_SCRATCH | PT_P | PT_W);
	cpu_long(c, idle);
	t = ask(c, 0x200123);
	CHECK_EQ(t.valid, 1);
	CHECK_EQ(t.physical_address, 0x200123);
	t = ask(c, 0x123456789abcull);
	CHECK_EQ(t.valid, 1);
	CHECK_EQ(t.physical_address, LAY_SCRATCH + 0xabc);
	CHECK_EQ(ask(c, 0x12345678a000ull).valid, 0);
	CHECK_EQ(ask(c, 0x12ull << 40).valid, 0);
	/* behind the end of memory there is an address all the same */
	CHECK_EQ(ask(c, LAY_MMIO + 5).physical_address, LAY_MMIO + 5);
	cpu_expect_done(c);
}

CASE(no_paging)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_translation t;

	t = ask(c, 0x12345);
	CHECK_EQ(t.valid, 1);
	CHECK_EQ(t.physical_address, 0x12345);
}

CASE(two_levels)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 *pd = box_hva(b, LAY_SCRATCH), *pt = box_hva(b, LAY_SCRATCH + PAGE);
	struct kvm_sregs s;

	pd[1] = (LAY_SCRATCH + PAGE) | PT_P | PT_W;
	pd[2] = 0x800000 | PT_P | PT_PS;
	pt[3] = 0x5000 | PT_P;
	cpu_prot32(c, 0);
	s = cpu_get_sregs(c);
	s.cr3 = LAY_SCRATCH;
	s.cr0 |= CR0_PG;
	s.cr4 |= CR4_PSE;
	cpu_set_sregs(c, &s);
	CHECK_EQ(ask(c, 0x403456).physical_address, 0x5456);
	CHECK_EQ(ask(c, 0x400000).valid, 0);
	CHECK_EQ(ask(c, 0x812345).physical_address, 0x812345);
	CHECK_EQ(ask(c, 0xc12345).valid, 0);
	CHECK_ERR(ioctl(c->fd, KVM_TRANSLATE, 8), EFAULT);
}
