// SPDX-License-Identifier: GPL-2.0-only
/* FPU, XSAVE, XSAVE2 and XCRS: round trips, the guest's view, refusals. */
#include <stdlib.h>

#include "box.h"

#define XSTATE_BV(x) (*(u64 *)((u8 *)(x) + 512))
#define XCOMP_BV(x) (*(u64 *)((u8 *)(x) + 520))
#define MXCSR(x) (*(u32 *)((u8 *)(x) + 24))

static GUEST void add_one(void)
{
	u64 v;

	for (;;) {
		asm volatile("movq %%xmm3, %0" : "=r"(v));
		v++;
		asm volatile("movq %0, %%xmm3" : : "r"(v));
		g_sync(1, v);
	}
}

/*
 * A vCPU whose vector registers have been used: in their initial state stock
 * KVM may forget what KVM_SET_FPU put there.
 */
static struct cpu *used_cpu(void)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, add_one);
	CHECK_EQ(cpu_expect_sync(c, 1), 1);
	return c;
}

CASE(fpu_round_trip)
{
	struct cpu *c = used_cpu();
	struct kvm_fpu f = cpu_get_fpu(c), g;
	u32 i;

	CHECK_EQ(f.fcw, 0x37f);
	CHECK_EQ(f.fsw, 0);
	for (i = 0; i < 16; i++)
		memset(f.xmm[i], 0x10 + i, 16);
	for (i = 0; i < 8; i++)
		memset(f.fpr[i], 0x60 + i, 10);
	f.fcw = 0x27f;
	f.fsw = 0x3800;
	f.ftwx = 0xf0;
	f.last_opcode = 0x123;
	cpu_set_fpu(c, &f);
	g = cpu_get_fpu(c);
	CHECK_MEM_EQ(f.xmm, g.xmm, sizeof(f.xmm));
	for (i = 0; i < 8; i++)
		CHECK_MEM_EQ(f.fpr[i], g.fpr[i], 10);
	CHECK_EQ(g.fcw, f.fcw);
	CHECK_EQ(g.fsw, f.fsw);
	CHECK_EQ(g.ftwx, f.ftwx);
	CHECK_EQ(g.last_opcode, f.last_opcode);
}

CASE(fpu_and_xsave_show_the_same_registers)
{
	struct cpu *c = used_cpu();
	struct kvm_fpu f = cpu_get_fpu(c);
	struct kvm_xsave x;
	u32 i;

	for (i = 0; i < 16; i++)
		memset(f.xmm[i], 0x20 + i, 16);
	cpu_set_fpu(c, &f);
	x = cpu_get_xsave(c);
	for (i = 0; i < 16; i++)
		CHECK_MEM_EQ((u8 *)&x + 160 + 16 * i, f.xmm[i], 16);
}

CASE(the_guest_works_on_what_was_set)
{
	struct cpu *c = used_cpu();
	struct kvm_fpu f = cpu_get_fpu(c);
	u64 v;

	*(u64 *)f.xmm[3] = 41;
	cpu_set_fpu(c, &f);
	CHECK_EQ(cpu_expect_sync(c, 1), 42);
	/* the host's own use of the registers must not show */
	for (v = 43; v < 60; v++) {
		asm volatile("pcmpeqb %%xmm3, %%xmm3" : : : "memory");
		CHECK_EQ(cpu_expect_sync(c, 1), v);
		CHECK_EQ(*(u64 *)cpu_get_fpu(c).xmm[3], v);
	}
}

CASE(two_vcpus_have_their_own)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);
	u64 i;

	cpu_long(c, add_one);
	cpu_long(d, add_one);
	for (i = 1; i < 10; i++) {
		CHECK_EQ(cpu_expect_sync(c, 1), i);
		CHECK_EQ(cpu_expect_sync(d, 1), i);
	}
}

CASE(the_hosts_registers_survive_the_run)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 v;

	cpu_long(c, add_one);
	asm volatile("movq %0, %%xmm3" : : "r"(0x1234567ull));
	CHECK_OK(ioctl(c->fd, KVM_RUN, 0));
	asm volatile("movq %%xmm3, %0" : "=r"(v));
	CHECK_EQ(v, 0x1234567);
}

CASE(xsave_round_trip)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_xsave x, y;
	u32 i;

	cpu_long(c, add_one);
	cpu_expect_sync(c, 1);
	x = cpu_get_xsave(c);
	CHECK(XSTATE_BV(&x) & 2);
	CHECK_EQ(XCOMP_BV(&x), 0);
	for (i = 0; i < 16; i++)
		memset((u8 *)&x + 160 + 16 * i, 0x30 + i, 16);
	XSTATE_BV(&x) |= 3;
	MXCSR(&x) = 0x1fa0;
	cpu_set_xsave(c, &x);
	y = cpu_get_xsave(c);
	CHECK_MEM_EQ((u8 *)&x + 160, (u8 *)&y + 160, 256);
	CHECK_EQ(MXCSR(&y), 0x1fa0);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x3333333333333334ull);
}

static void refused(struct cpu *c, struct kvm_xsave *x)
{
	struct kvm_xsave before = cpu_get_xsave(c), after;

	CHECK_ERR(cpu_try_xsave(c, x), EINVAL);
	after = cpu_get_xsave(c);
	CHECK_MEM_EQ(&before, &after, sizeof(before));
}

CASE(xsave_refuses_what_xrstor_would_fault_on)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_xsave x;
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid_supported(), 0xd, 0);
	u64 known = e ? e->eax | (u64)e->edx << 32 : 3;
	u32 i;

	for (i = 0; i < 64; i++) {
		if (known >> i & 1)
			continue;
		x = cpu_get_xsave(c);
		XSTATE_BV(&x) |= 1ull << i;
		refused(c, &x);
	}
	x = cpu_get_xsave(c);
	XCOMP_BV(&x) = 1ull << 63;
	refused(c, &x);
	x = cpu_get_xsave(c);
	XCOMP_BV(&x) = 1;
	refused(c, &x);
	for (i = 528; i < 576; i += 8) {
		x = cpu_get_xsave(c);
		((u8 *)&x)[i] = 1;
		refused(c, &x);
	}
	for (i = 18; i < 32; i++) {
		x = cpu_get_xsave(c);
		XSTATE_BV(&x) |= 2;
		MXCSR(&x) |= 1u << i;
		refused(c, &x);
	}
}

CASE(xsave2_is_as_long_as_it_says)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	long size = ioctl(b->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	struct kvm_xsave x;
	u8 *buf;

	if (size <= 0)
		tap_skip("no XSAVE2");
	CHECK(size >= 4096);
	buf = malloc(size + 64);
	memset(buf + size, 0xa5, 64);
	CHECK_OK(ioctl(c->fd, KVM_GET_XSAVE2, buf));
	CHECK_EQ(buf[size], 0xa5);
	x = cpu_get_xsave(c);
	CHECK_MEM_EQ(&x, buf, 4096);
	CHECK_OK(ioctl(c->fd, KVM_SET_XSAVE, buf));
}

CASE(xcr0_round_trip_and_refusals)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid_supported(), 0xd, 0);
	u64 known = e ? e->eax | (u64)e->edx << 32 : 0;
	struct kvm_xcrs x = cpu_get_xcrs(c);
	u32 i;

	if (!known)
		tap_skip("no XSAVE");
	CHECK_EQ(x.nr_xcrs, 1);
	CHECK_EQ(x.flags, 0);
	CHECK_EQ(x.xcrs[0].xcr, 0);
	CHECK_EQ(x.xcrs[0].value, 1);
	x.xcrs[0].value = 3;
	cpu_set_xcrs(c, &x);
	CHECK_EQ(cpu_get_xcrs(c).xcrs[0].value, 3);
	x.xcrs[0].value = 2;			/* x87 must be on */
	CHECK_ERR(cpu_try_xcrs(c, &x), EINVAL);
	x.xcrs[0].value = 0;
	CHECK_ERR(cpu_try_xcrs(c, &x), EINVAL);
	x.xcrs[0].value = 5;			/* AVX without SSE */
	CHECK_ERR(cpu_try_xcrs(c, &x), EINVAL);
	for (i = 0; i < 64; i++) {
		if (known >> i & 1)
			continue;
		x.xcrs[0].value = 3 | 1ull << i;
		CHECK_ERR(cpu_try_xcrs(c, &x), EINVAL);
	}
	CHECK_EQ(cpu_get_xcrs(c).xcrs[0].value, 3);
	x.xcrs[0].value = 3;
	x.nr_xcrs = KVM_MAX_XCRS + 1;
	CHECK_ERR(cpu_try_xcrs(c, &x), EINVAL);
	x.nr_xcrs = 1;
	x.flags = 1;
	CHECK_ERR(cpu_try_xcrs(c, &x), EINVAL);
	CHECK_EQ(cpu_get_xcrs(c).xcrs[0].value, 3);
}

static GUEST void use_xcr0(void)
{
	u32 lo, hi;

	g_set_cr4(g_cr4() | CR4_OSXSAVE);
	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	g_sync(1, lo | (u64)hi << 32);
	asm volatile("xsetbv" : : "a"(3), "d"(0), "c"(0));
	g_sync(2, 0);
	G_CHECK_EQ(G_TRY("xsetbv", G_NONE, G_LIST("a"(2), "d"(0), "c"(0))), VEC_GP);
	G_CHECK_EQ(G_TRY("xsetbv", G_NONE, G_LIST("a"(5), "d"(0), "c"(0))), VEC_GP);
	G_CHECK_EQ(G_TRY("xsetbv", G_NONE, G_LIST("a"(3), "d"(1 << 30), "c"(0))),
		   VEC_GP);
	G_CHECK_EQ(G_TRY("xsetbv", G_NONE, G_LIST("a"(3), "d"(0), "c"(1))), VEC_GP);
	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	g_sync(3, lo | (u64)hi << 32);
	g_done();
}

CASE(the_guest_sets_xcr0)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	if (!cpuid_find(cpuid_supported(), 0xd, 0))
		tap_skip("no XSAVE");
	cpu_long(c, use_xcr0);
	CHECK_EQ(cpu_expect_sync(c, 1), 1);
	cpu_expect_sync(c, 2);
	CHECK_EQ(cpu_get_xcrs(c).xcrs[0].value, 3);
	CHECK_EQ(cpu_expect_sync(c, 3), 3);
	cpu_expect_done(c);
}
