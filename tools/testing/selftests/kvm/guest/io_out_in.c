// SPDX-License-Identifier: GPL-2.0-only
/* IN and OUT of each width exit with the port, the width and the data. */
#include "box.h"

#define PORT 0x510

static GUEST void widths(void)
{
	g_out8(PORT, 0x12);
	g_out16(PORT + 2, 0x3456);
	g_out32(PORT + 4, 0x789abcde);
	G_CHECK_EQ(g_in8(PORT), 0xa1);
	G_CHECK_EQ(g_in16(PORT), 0xb2c3);
	G_CHECK_EQ(g_in32(PORT), 0xd4e5f607);
	g_done();
}

CASE(each_width_carries_its_data)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, widths);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, PORT, 1, 1);
	CHECK_EQ(*(u8 *)cpu_io_data(c), 0x12);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, PORT + 2, 2, 1);
	CHECK_EQ(*(u16 *)cpu_io_data(c), 0x3456);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, PORT + 4, 4, 1);
	CHECK_EQ(*(u32 *)cpu_io_data(c), 0x789abcde);
	cpu_expect_io(c, KVM_EXIT_IO_IN, PORT, 1, 1);
	*(u8 *)cpu_io_data(c) = 0xa1;
	cpu_expect_io(c, KVM_EXIT_IO_IN, PORT, 2, 1);
	*(u16 *)cpu_io_data(c) = 0xb2c3;
	cpu_expect_io(c, KVM_EXIT_IO_IN, PORT, 4, 1);
	*(u32 *)cpu_io_data(c) = 0xd4e5f607;
	cpu_expect_done(c);
}

static GUEST void narrow_in(void)
{
	u64 rax;

	asm volatile("mov $-1, %%rax; mov $0x510, %%edx; inb %%dx, %%al"
		     : "=a"(rax) : : "rdx");
	G_CHECK_EQ(rax, 0xffffffffffffff5aull);
	asm volatile("mov $-1, %%rax; mov $0x510, %%edx; inw %%dx, %%ax"
		     : "=a"(rax) : : "rdx");
	G_CHECK_EQ(rax, 0xffffffffffff5a5aull);
	asm volatile("mov $-1, %%rax; mov $0x510, %%edx; inl %%dx, %%eax"
		     : "=a"(rax) : : "rdx");
	G_CHECK_EQ(rax, 0x5a5a5a5a);
	g_done();
}

CASE(in_changes_only_its_part_of_rax)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	int i;

	cpu_long(c, narrow_in);
	for (i = 0; i < 3; i++) {
		cpu_expect_io(c, KVM_EXIT_IO_IN, PORT, 1 << i, 1);
		memset(cpu_io_data(c), 0x5a, 1 << i);
	}
	cpu_expect_done(c);
}

CASE(exit_is_before_completion_of_in_and_after_rip_of_out)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs r;

	cpu_long(c, narrow_in);
	cpu_expect_io(c, KVM_EXIT_IO_IN, PORT, 1, 1);
	r = cpu_get_regs(c);
	/* User space may not be told another value of RAX than the guest's. */
	CHECK_EQ(r.rax, ~0ull);
	CHECK_EQ(r.rdx, PORT);
}
