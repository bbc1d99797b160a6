// SPDX-License-Identifier: GPL-2.0-only
/* x2APIC mode: the ways into it and out of it, its MSRs, and what they refuse. */
#include "apic.h"

#define VEC 0x41
#define GP 13

static GUEST void transitions(void)
{
	const u64 on = APICBASE_ENABLE, x2 = APICBASE_ENABLE | APICBASE_X2APIC;
	const u64 rest = APIC_PAGE | APICBASE_BSP;
	u32 a, b, c, d;

	g_set_xapic(APIC_TPR, 0x30);
	g_set_xapic(APIC_LDR, 0x02000000);
	G_CHECK_EQ(g_try_wrmsr(MSR_APICBASE, rest | APICBASE_X2APIC), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_APICBASE, rest | on | 1), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_APICBASE, rest | on | 1ull << 60), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_APICBASE, rest | x2), G_NO_TRAP);
	/* All but the addresses stays. */
	G_CHECK_EQ(g_x2apic(APIC_TPR), 0x30);
	G_CHECK_EQ(g_x2apic(APIC_ID), 0);
	G_CHECK_EQ(g_x2apic(APIC_LDR), 1);
	G_CHECK_EQ(g_try_wrmsr(MSR_APICBASE, rest | on), GP);
	g_cpuid(1, 0, &a, &b, &c, &d);
	G_CHECK(d & 1 << 9);
	G_CHECK_EQ(g_try_wrmsr(MSR_APICBASE, rest), G_NO_TRAP);
	g_cpuid(1, 0, &a, &b, &c, &d);
	G_CHECK(!(d & 1 << 9));
	G_CHECK_EQ(g_try_wrmsr(MSR_APICBASE, rest | x2), GP);
	G_CHECK_EQ(g_try_rdmsr(MSR_X2APIC + 2, &(u64){ 0 }), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_APICBASE, rest | on), G_NO_TRAP);
	g_cpuid(1, 0, &a, &b, &c, &d);
	G_CHECK(d & 1 << 9);
	G_CHECK_EQ(g_xapic(APIC_ID), 0);
	g_done();
}

CASE(transitions_of_the_mode)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, transitions);
	cpu_expect_done(c);
}

static GUEST void power_up_again(void)
{
	const u64 rest = APIC_PAGE | APICBASE_BSP;

	g_set_xapic(APIC_SVR, 0x1ff);
	g_set_xapic(APIC_LVTPC, 0x44);
	g_wrmsr(MSR_APICBASE, rest);
	g_wrmsr(MSR_APICBASE, rest | APICBASE_ENABLE);
	G_CHECK_EQ(g_xapic(APIC_SVR), 0xff);
	G_CHECK_EQ(g_xapic(APIC_LVTPC), APIC_MASKED);
	g_done();
}

/* # stock: expected fail because the state survives */
CASE_STOCK_FAILS(switched_off_it_loses_its_state, "the state survives")
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, power_up_again);
	cpu_expect_done(c);
}

static GUEST void without_cpuid(void)
{
	G_CHECK_EQ(g_try_wrmsr(MSR_APICBASE, APIC_PAGE | APICBASE_BSP | APICBASE_ENABLE |
			       APICBASE_X2APIC), GP);
	G_CHECK_EQ(g_try_rdmsr(MSR_X2APIC + 2, &(u64){ 0 }), GP);
	g_done();
}

CASE(without_the_cpuid_bit_there_is_no_x2apic)
{
	struct kvm_cpuid2 *l = cpuid_supported();
	struct cpu *c = cpu_new(apic_box(), 0);

	cpuid_find(l, 1, 0)->ecx &= ~(1u << 21);
	CHECK_OK(cpu_try_cpuid(c, l));
	cpu_long(c, without_cpuid);
	cpu_expect_done(c);
}

/* What each of the first 64 MSRs lets do: bit 0 read, bit 1 write of 0 */
static u8 allowed[64] GUEST_DATA = {
	[0x02] = 1, [0x03] = 1, [0x08] = 3, [0x0a] = 1, [0x0b] = 2, [0x0d] = 1, [0x0f] = 3,
	[0x10 ... 0x27] = 1, [0x28] = 3, [0x30] = 3, [0x32 ... 0x38] = 3, [0x39] = 1,
	[0x3e] = 3, [0x3f] = 2,
};

static GUEST void which_registers(void)
{
	u64 i, v;

	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	for (i = 0; i < 0x100; i++) {
		u8 want = i < 64 ? allowed[i] : 0;
		u64 vec = g_try_rdmsr(MSR_X2APIC + i, &v);

		if ((vec == G_NO_TRAP) != (want & 1) || (vec != G_NO_TRAP && vec != GP))
			g_fail(i, vec, want);
		/* An IPI with vector 0 to itself does no harm. */
		vec = g_try_wrmsr(MSR_X2APIC + i, 0);
		if ((vec == G_NO_TRAP) != (want >> 1) || (vec != G_NO_TRAP && vec != GP))
			g_fail(0x1000 + i, vec, want);
	}
	g_done();
}

CASE(which_registers_there_are)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, which_registers);
	cpu_expect_done(c);
}

static GUEST void reserved_high(void)
{
	u64 i;

	g_enter_x2apic();
	for (i = 0; i < 64; i++) {
		if (!(allowed[i] & 2) || i == 0x30)
			continue;
		if (g_try_wrmsr(MSR_X2APIC + i, 1ull << 32) != GP)
			g_fail(i, 0, 0);
	}
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + 0x28, 1), GP);
	for (i = 0; i < 32; i++)
		if (0xfff32000ull >> i & 1 &&
		    g_try_wrmsr(MSR_X2APIC + 0x30, 1ull << i | ICR_SELF | VEC) != GP)
			g_fail(0x3000 + i, 0, 0);
	g_done();
}

CASE(reserved_bits_are_refused)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, reserved_high);
	cpu_expect_done(c);
}

static GUEST void reserved_low(void)
{
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_TPR / 16, 0x100), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_EOI / 16, 1), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_SVR / 16, 0x2000), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_LVTERR / 16, 0x400), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_LVTT / 16, 0x400), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_LVT0 / 16, 0x20000), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_TDCR / 16, 4), GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_SELF / 16, 0x100), GP);
	/* Read-only is not reserved. */
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_LVTERR / 16, 0x110fe), G_NO_TRAP);
	G_CHECK_EQ(g_x2apic(APIC_LVTERR), 0x100fe);
	g_done();
}

/* # stock: expected fail because it ignores reserved bits of the lower half */
CASE_STOCK_FAILS(reserved_bits_of_the_lower_half, "ignores reserved bits of the lower half")
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, reserved_low);
	cpu_expect_done(c);
}

static volatile u64 taken GUEST_DATA;

static GUEST void count(struct trap *t)
{
	taken++;
	g_set_x2apic(APIC_EOI, 0);
}

static GUEST void self_register(void)
{
	u64 i;

	g_handlers[VEC] = count;
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	g_sti();
	for (i = 1; i <= 1000; i++) {
		g_set_x2apic(APIC_SELF, VEC);
		g_pause();
		G_CHECK_EQ(taken, i);
	}
	g_cli();
	g_set_x2apic(APIC_ICR, 0x1234567800000000ull | ICR_LOGICAL | VEC | 0x1000);
	G_CHECK_EQ(g_x2apic(APIC_ICR), 0x1234567800000000ull | ICR_LOGICAL | VEC);
	g_done();
}

CASE(self_ipi_and_the_icr_of_64_bits)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, self_register);
	cpu_expect_done(c);
}

/* --- the page in x2APIC mode --- */

static GUEST void look_at_page(void)
{
	g_enter_x2apic();
	g_set_x2apic(APIC_TPR, 0x40);
	g_write32(APIC_PAGE + APIC_TPR, 0x30);
	G_CHECK_EQ(g_x2apic(APIC_TPR), 0x40);
	g_sync(1, g_read32(APIC_PAGE + APIC_TPR));
	g_done();
}

/* # stock: expected fail because where it uses the processor's local APIC the page stays */
CASE_STOCK_FAILS(the_page_is_a_hole,
		 "where it uses the processor's local APIC the page stays")
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, look_at_page);
	CHECK_EQ(cpu_expect_sync(c, 1), 0xffffffff);
	cpu_expect_done(c);
}

/* # stock: expected fail because where it uses the processor's local APIC the page stays */
CASE_STOCK_FAILS(without_the_quirk_the_page_is_user_spaces,
		 "where it uses the processor's local APIC the page stays")
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DISABLE_QUIRKS2, .args = { KVM_X86_QUIRK_LAPIC_MMIO_HOLE } };
	struct box *b = apic_box();
	struct cpu *c;

	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &cap));
	c = apic_cpu(b, 0);
	cpu_long(c, look_at_page);
	cpu_expect_mmio(c, true, APIC_PAGE + APIC_TPR, 4);
	cpu_expect_mmio(c, false, APIC_PAGE + APIC_TPR, 4);
	*(u32 *)c->run->mmio.data = 0x77;
	CHECK_EQ(cpu_expect_sync(c, 1), 0x77);
	cpu_expect_done(c);
}
