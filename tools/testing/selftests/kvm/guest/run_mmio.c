// SPDX-License-Identifier: GPL-2.0-only
/* MMIO exits: address, length, data; accesses that are cut into parts. */
#include "box.h"

static GUEST void widths(void)
{
	g_write8(LAY_MMIO, 0x11);
	g_write16(LAY_MMIO + 2, 0x2233);
	g_write32(LAY_MMIO + 4, 0x44556677);
	g_write64(LAY_MMIO + 8, 0x8899aabbccddeeffull);
	G_CHECK_EQ(g_read8(LAY_MMIO), 0x5a);
	G_CHECK_EQ(g_read16(LAY_MMIO), 0x5a5a);
	G_CHECK_EQ(g_read32(LAY_MMIO), 0x5a5a5a5a);
	G_CHECK_EQ(g_read64(LAY_MMIO), 0x5a5a5a5a5a5a5a5aull);
	g_done();
}

CASE(each_width)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	int i;

	cpu_long(c, widths);
	cpu_expect_mmio(c, true, LAY_MMIO, 1);
	CHECK_EQ(c->run->mmio.data[0], 0x11);
	cpu_expect_mmio(c, true, LAY_MMIO + 2, 2);
	CHECK_EQ(*(u16 *)c->run->mmio.data, 0x2233);
	cpu_expect_mmio(c, true, LAY_MMIO + 4, 4);
	CHECK_EQ(*(u32 *)c->run->mmio.data, 0x44556677);
	cpu_expect_mmio(c, true, LAY_MMIO + 8, 8);
	CHECK_EQ(*(u64 *)c->run->mmio.data, 0x8899aabbccddeeffull);
	for (i = 0; i < 4; i++) {
		cpu_expect_mmio(c, false, LAY_MMIO, 1 << i);
		memset(c->run->mmio.data, 0x5a, 8);
	}
	cpu_expect_done(c);
}

static GUEST void vector(void)
{
	u64 lo, hi;

	asm volatile("movq %2, %%xmm1\n\t"
		     "movq %3, %%xmm0\n\t"
		     "punpcklqdq %%xmm0, %%xmm1\n\t"
		     "movdqu %%xmm1, (%4)\n\t"
		     "movdqu 16(%4), %%xmm2\n\t"
		     "movq %%xmm2, %0\n\t"
		     "psrldq $8, %%xmm2\n\t"
		     "movq %%xmm2, %1"
		     : "=&r"(lo), "=&r"(hi)
		     : "r"(0x1111222233334444ull), "r"(0x5555666677778888ull),
		       "r"(LAY_MMIO) : "memory");
	G_CHECK_EQ(lo, 0xa1a1a1a1a1a1a1a1ull);
	G_CHECK_EQ(hi, 0xb2b2b2b2b2b2b2b2ull);
	g_done();
}

CASE(sixteen_bytes_come_as_two_exits)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, vector);
	cpu_expect_mmio(c, true, LAY_MMIO, 8);
	CHECK_EQ(*(u64 *)c->run->mmio.data, 0x1111222233334444ull);
	cpu_expect_mmio(c, true, LAY_MMIO + 8, 8);
	CHECK_EQ(*(u64 *)c->run->mmio.data, 0x5555666677778888ull);
	cpu_expect_mmio(c, false, LAY_MMIO + 16, 8);
	memset(c->run->mmio.data, 0xa1, 8);
	cpu_expect_mmio(c, false, LAY_MMIO + 24, 8);
	memset(c->run->mmio.data, 0xb2, 8);
	cpu_expect_done(c);
}

static GUEST void crossing(void)
{
	g_write64(LAY_MMIO + 0xffd, 0x0807060504030201ull);
	G_CHECK_EQ(g_read32(LAY_MMIO + 0xffe), 0x22221111);
	g_done();
}

CASE(an_access_over_two_pages_comes_in_two_parts)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, crossing);
	cpu_expect_mmio(c, true, LAY_MMIO + 0xffd, 3);
	CHECK_EQ(c->run->mmio.data[2], 3);
	cpu_expect_mmio(c, true, LAY_MMIO + 0x1000, 5);
	CHECK_EQ(c->run->mmio.data[0], 4);
	CHECK_EQ(c->run->mmio.data[4], 8);
	cpu_expect_mmio(c, false, LAY_MMIO + 0xffe, 2);
	memset(c->run->mmio.data, 0x11, 8);
	cpu_expect_mmio(c, false, LAY_MMIO + 0x1000, 2);
	memset(c->run->mmio.data, 0x22, 8);
	cpu_expect_done(c);
}

static volatile u64 stores GUEST_DATA;

static GUEST void store_often(void)
{
	u64 i;

	for (i = 0; i < 100; i++) {
		g_write32(LAY_MMIO + i * 4, i);
		stores++;
	}
	g_done();
}

/*
 * The guest goes on behind a store that user space has seen, also when the state is
 * read and written meanwhile, or goes to another vCPU without KVM_RUN in between.
 */
CASE(a_store_that_was_seen_is_over)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0), *other = cpu_new(b, 1), *now = c;
	struct kvm_regs r;
	struct kvm_sregs s;
	u32 i;

	cpu_long(c, store_often);
	for (i = 0; i < 100; i++) {
		cpu_expect_mmio(now, true, LAY_MMIO + i * 4, 4);
		CHECK_EQ(*(u32 *)now->run->mmio.data, i);
		CHECK_EQ(GV(b, stores), i);
		r = cpu_get_regs(now);
		cpu_set_regs(now, &r);
		if (i % 10 != 9)
			continue;
		s = cpu_get_sregs(now);
		now = now == c ? other : c;
		cpu_set_sregs(now, &s);
		cpu_set_regs(now, &r);
	}
	cpu_expect_done(now);
}

#define EDGE 0x10001000ul	/* memory below, nothing above */

static GUEST void half_memory(void)
{
	g_write64(EDGE - 4, 0x0807060504030201ull);
	G_CHECK_EQ(g_read32(EDGE - 4), 0x04030201);
	G_CHECK_EQ(g_read64(EDGE - 4), 0x3333333304030201ull);
	g_done();
}

CASE(an_access_half_in_memory_exits_for_the_other_half)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	box_memory(b, 5, 0, EDGE - PAGE, PAGE);
	cpu_long(c, half_memory);
	cpu_expect_mmio(c, true, EDGE, 4);
	CHECK_EQ(*(u32 *)c->run->mmio.data, 0x08070605);
	cpu_expect_mmio(c, false, EDGE, 4);
	memset(c->run->mmio.data, 0x33, 8);
	cpu_expect_done(c);
}

static GUEST void fetch_there(void)
{
	((void (*)(void))LAY_MMIO)();
	g_done();
}

CASE(code_in_mmio_is_an_internal_error)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, fetch_there);
	cpu_expect_exit(c, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(c->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK_EQ(cpu_get_regs(c).rip, LAY_MMIO);
}

static GUEST void wide_vector(void)
{
	/* vmovdqu (%rax), %ymm0: MMIO of 32 bytes, not emulated */
	asm volatile(".byte 0xc5, 0xfe, 0x6f, 0x00"
		     : : "a"(LAY_MMIO) : "memory");
	g_done();
}

/*
 * A kernel that emulates it may make MMIO exits of it instead; one that does
 * not must tell user space the bytes.
 */
CASE(instruction_that_cannot_be_emulated_is_reported_with_its_bytes)
{
	static const u8 bytes[] = { 0xc5, 0xfe, 0x6f, 0x00 };
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_xcrs x = cpu_get_xcrs(c);
	struct kvm_sregs s;

	x.nr_xcrs = 1;
	x.xcrs[0].xcr = 0;
	x.xcrs[0].value = 7;
	if (ioctl(c->fd, KVM_SET_XCRS, &x))
		tap_skip("no AVX");
	cpu_long(c, wide_vector);
	s = cpu_get_sregs(c);
	s.cr4 |= CR4_OSXSAVE;
	cpu_set_sregs(c, &s);
	CHECK_EQ(cpu_go(c), HEARD_EXIT);
	if (c->run->exit_reason == KVM_EXIT_MMIO)
		return;
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(c->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK(c->run->emulation_failure.flags &
	      KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	CHECK(c->run->emulation_failure.ndata >= 3);
	CHECK(c->run->emulation_failure.insn_size >= sizeof(bytes));
	CHECK_MEM_EQ(c->run->emulation_failure.insn_bytes, bytes,
		     sizeof(bytes));
}
