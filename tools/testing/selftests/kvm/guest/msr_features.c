// SPDX-License-Identifier: GPL-2.0-only
/* IA32_FEATURE_CONTROL and IA32_MISC_ENABLE: what firmware and user space decide with them. */
#include "box.h"

#define MSR_FEAT_CTL 0x3a
#define FEAT_LOCKED 1ul
#define FEAT_VMX 4ul
#define FEAT_LMCE (1ul << 20)
#define GF_VMX_ECX (1u << 5)
#define GF_MWAIT_ECX (1u << 3)

#define MISC_FAST_STRING 1ul
#define MISC_EMON (1ul << 7)
#define MISC_BTS_UNAVAIL (1ul << 11)
#define MISC_PEBS_UNAVAIL (1ul << 12)
#define MISC_MWAIT (1ul << 18)

static volatile u64 value GUEST_DATA;
static volatile u32 number GUEST_DATA;

/* Reads and writes an MSR as the host asks: stage 1: vector of the read, 2: its value, 3: vector of the write */
static GUEST void accesses(void)
{
	for (;;) {
		u64 v = 0, vec;

		vec = g_try_rdmsr(number, &v);
		g_sync(1, vec);
		g_sync(2, v);
		vec = g_try_wrmsr(number, value);
		g_sync(3, vec);
	}
}

static struct cpu *scene(u32 msr)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	GV(b, number) = msr;
	cpu_long(c, accesses);
	return c;
}

/* What the guest reads, and the vectors of both accesses */
static u64 guest_does(struct cpu *c, u64 write, u64 *read_vec, u64 *write_vec)
{
	u64 v;

	GV(c->box, value) = write;
	*read_vec = cpu_expect_sync(c, 1);
	v = cpu_expect_sync(c, 2);
	*write_vec = cpu_expect_sync(c, 3);
	return v;
}

/* # stock: expected fail because it takes bits of VMX that the guest's CPUID lacks */
CASE_STOCK_FAILS(feature_control_of_a_guest_that_has_none_of_the_features, "takes bits of VMX without VMX")
{
	struct kvm_cpuid2 *l = cpuid_supported();
	struct cpu *c;
	u64 r, w;

	cpuid_find(l, 1, 0)->ecx &= ~GF_VMX_ECX;
	c = scene(MSR_FEAT_CTL);
	CHECK_OK(cpu_try_cpuid(c, l));
	CHECK_EQ(cpu_get_msr(c, MSR_FEAT_CTL), 0);
	CHECK(!cpu_try_set_msr(c, MSR_FEAT_CTL, FEAT_LOCKED | FEAT_VMX));
	CHECK(!cpu_try_set_msr(c, MSR_FEAT_CTL, FEAT_LMCE));
	CHECK(!cpu_try_set_msr(c, MSR_FEAT_CTL, 1ul << 40));
	CHECK_EQ(cpu_get_msr(c, MSR_FEAT_CTL), 0);
	cpu_set_msr(c, MSR_FEAT_CTL, 0);
	guest_does(c, FEAT_LOCKED | FEAT_VMX, &r, &w);
	CHECK_EQ(w, VEC_GP);
	CHECK_EQ(cpu_get_msr(c, MSR_FEAT_CTL), 0);
}

/* Firmware's lock, as user space sets and finds it */
CASE(the_lock_of_feature_control)
{
	struct cpu *c = scene(MSR_FEAT_CTL);
	u64 r, w;

	if (!cpu_try_set_msr(c, MSR_FEAT_CTL, FEAT_LOCKED))
		tap_skip("no feature control");
	CHECK_EQ(cpu_get_msr(c, MSR_FEAT_CTL), FEAT_LOCKED);
	guest_does(c, 0, &r, &w);
	CHECK_EQ(w, VEC_GP);
	CHECK_EQ(cpu_get_msr(c, MSR_FEAT_CTL), FEAT_LOCKED);
	/* User space is not bound by it. */
	cpu_set_msr(c, MSR_FEAT_CTL, 0);
	CHECK_EQ(cpu_get_msr(c, MSR_FEAT_CTL), 0);
}

CASE(misc_enable)
{
	struct cpu *c = scene(MSR_MISC_ENABLE);
	u64 first = cpu_get_msr(c, MSR_MISC_ENABLE), r, w;

	CHECK_EQ(first & (MISC_BTS_UNAVAIL | MISC_PEBS_UNAVAIL),
		 MISC_BTS_UNAVAIL | MISC_PEBS_UNAVAIL);
	/* What tells that something is not there is not the guest's to change. */
	CHECK_EQ(guest_does(c, first & ~MISC_BTS_UNAVAIL, &r, &w), first);
	CHECK_EQ(r, G_NO_TRAP);
	CHECK_EQ(w, VEC_GP);
	guest_does(c, first & ~MISC_PEBS_UNAVAIL, &r, &w);
	CHECK_EQ(w, VEC_GP);
	CHECK_EQ(cpu_get_msr(c, MSR_MISC_ENABLE), first);
	/* The rest is kept. */
	CHECK_EQ(guest_does(c, first ^ MISC_FAST_STRING, &r, &w), first);
	CHECK_EQ(w, G_NO_TRAP);
	CHECK_EQ(cpu_get_msr(c, MSR_MISC_ENABLE), first ^ MISC_FAST_STRING);
	cpu_set_msr(c, MSR_MISC_ENABLE, first ^ MISC_EMON);
	CHECK_EQ(guest_does(c, first ^ MISC_EMON, &r, &w), first ^ MISC_EMON);
	CHECK_EQ(w, G_NO_TRAP);
}

/* # stock: expected fail because the guest may change the bit that tells of performance counters */
CASE_STOCK_FAILS(misc_enable_tells_of_counters, "the guest may change EMON")
{
	struct cpu *c = scene(MSR_MISC_ENABLE);
	u64 first = cpu_get_msr(c, MSR_MISC_ENABLE), r, w;

	guest_does(c, first ^ MISC_EMON, &r, &w);
	CHECK_EQ(w, VEC_GP);
	CHECK_EQ(cpu_get_msr(c, MSR_MISC_ENABLE), first);
}

static GUEST void asks_for_mwait(void)
{
	for (;;) {
		u32 a, b, c, d;

		g_cpuid(1, 0, &a, &b, &c, &d);
		g_sync(1, c & GF_MWAIT_ECX);
	}
}

/* With the quirk off, the bit of MISC_ENABLE is that of CPUID. */
CASE(misc_enable_moves_mwait_in_cpuid)
{
	struct box *b = box_new();
	struct cpu *c;
	u64 v;

	if (!(kvm_cap(KVM_CAP_DISABLE_QUIRKS2) & KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))
		tap_skip("no such quirk");
	CHECK_OK(box_enable(b, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT));
	c = cpu_new(b, 0);
	cpu_long(c, asks_for_mwait);
	v = cpu_get_msr(c, MSR_MISC_ENABLE);
	cpu_set_msr(c, MSR_MISC_ENABLE, v | MISC_MWAIT);
	CHECK_EQ(cpu_expect_sync(c, 1), GF_MWAIT_ECX);
	cpu_set_msr(c, MSR_MISC_ENABLE, v & ~MISC_MWAIT);
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
}
