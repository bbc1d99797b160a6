// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's timer in its modes, and the TSC deadline. */
#include "apic.h"

#define VEC 0x51

static volatile u64 taken GUEST_DATA;

static GUEST void count(struct trap *t)
{
	taken++;
	g_set_apic(APIC_EOI, 0);
}

G_INLINE void start(u32 lvtt, u32 divide)
{
	g_handlers[VEC] = count;
	g_cli();
	g_set_apic(APIC_SVR, 0x1ff);
	g_set_apic(APIC_TDCR, divide);
	g_set_apic(APIC_LVTT, lvtt);
}

static GUEST void one_shot(void)
{
	u32 i, last, now;

	start(VEC, 0xb);
	g_set_apic(APIC_TMICT, 20000000);
	last = g_apic(APIC_TMCCT);
	G_CHECK(last <= 20000000 && last > 0);
	for (i = 0; i < 10; i++) {
		now = g_apic(APIC_TMCCT);
		G_CHECK(now <= last);
		last = now;
	}
	g_sti_hlt();
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(g_apic(APIC_TMCCT), 0);
	G_CHECK_EQ(g_apic(APIC_TMICT), 20000000);
	/* Zero stops it. */
	g_cli();
	g_set_apic(APIC_TMICT, 100000000);
	g_set_apic(APIC_TMICT, 0);
	G_CHECK_EQ(g_apic(APIC_TMCCT), 0);
	G_CHECK_EQ(taken, 1);
	/* Masked it counts, and says nothing. */
	g_set_apic(APIC_LVTT, APIC_MASKED | VEC);
	g_set_apic(APIC_TMICT, 1000);
	while (g_apic(APIC_TMCCT))
		g_pause();
	g_window();
	G_CHECK_EQ(taken, 1);
	g_done();
}

CASE(one_shot_in_xapic_mode)
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, one_shot);
	cpu_expect_done(c);
}

static GUEST void one_shot_x2(void)
{
	g_enter_x2apic();
	one_shot();
}

CASE(one_shot_in_x2apic_mode)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, one_shot_x2);
	cpu_expect_done(c);
}

static GUEST void periodic(void)
{
	u64 i, before;

	start(LVTT_PERIODIC | VEC, 0xb);
	g_set_apic(APIC_TMICT, 10000000);
	for (i = 0; i < 10; i++) {
		/* On a busy host there may be more than one by now. */
		before = taken;
		g_sti_hlt();
		g_cli();
		G_CHECK(taken > before);
		G_CHECK(g_apic(APIC_TMCCT) <= 10000000);
	}
	/* One-shot from now on: the period that runs is the last. */
	before = taken;
	g_set_apic(APIC_LVTT, VEC);
	while (g_apic(APIC_TMCCT))
		g_pause();
	/* A count of zero does not say that the host's timer has fired: wait, and let a late one in. */
	while (taken == before)
		g_window();
	for (i = 0; i < 1000; i++) {
		G_CHECK_EQ(g_apic(APIC_TMCCT), 0);
		g_window();
	}
	before = taken;
	for (i = 0; i < 1000; i++) {
		G_CHECK_EQ(g_apic(APIC_TMCCT), 0);
		g_window();
	}
	G_CHECK_EQ(taken, before);
	g_done();
}

CASE(periodic_until_it_is_made_one_shot)
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, periodic);
	cpu_expect_done(c);
}

/* Time by the TSC that a count takes must grow with the divider. */
static GUEST void dividers(void)
{
	static u8 codes[8] GUEST_DATA = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };
	u64 begin, took, i;

	start(APIC_MASKED | VEC, 0xb);
	for (i = 0; i < 8; i++) {
		g_set_apic(APIC_TDCR, codes[i]);
		begin = g_rdtsc();
		g_set_apic(APIC_TMICT, 100000);
		while (g_apic(APIC_TMCCT))
			g_pause();
		took = g_rdtsc() - begin;
		g_sync(i, took);
	}
	g_done();
}

CASE_SLOW(a_count_takes_as_long_as_the_divider_says, 30, NULL)
{
	struct cpu *c = cpu_new(apic_box(), 0);
	u64 khz = CHECK_OK(ioctl(c->fd, KVM_GET_TSC_KHZ, 0)), i, took, least;

	cpu_long(c, dividers);
	for (i = 0; i < 8; i++) {
		took = cpu_expect_sync(c, i);
		/* 100000 bus cycles of a nanosecond, times 1, 2, 4 ... */
		least = (100000ull << i) * khz / 1000000;
		/* How much longer is up to how busy the host is. */
		if (took + took / 50 < least)
			DIE("divider %llu: %llu ticks, at least %llu are due",
			    1ull << i, (unsigned long long)took, (unsigned long long)least);
	}
	cpu_expect_done(c);
}

static GUEST void change_divider(void)
{
	u64 before, after;

	start(APIC_MASKED | VEC, 0xb);
	g_set_apic(APIC_TMICT, 0xf0000000);
	before = g_apic(APIC_TMCCT);
	g_set_apic(APIC_TDCR, 0xa);		/* 128 times as slow */
	after = g_apic(APIC_TMCCT);
	G_CHECK(after <= before);
	G_CHECK(after > before - before / 8);
	g_done();
}

CASE(another_divider_goes_on_from_the_same_count)
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, change_divider);
	cpu_expect_done(c);
}

/* --- TSC deadline --- */

static GUEST void deadline(void)
{
	u64 i, when;

	start(LVTT_DEADLINE | VEC, 0xb);
	G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
	for (i = 1; i <= 20; i++) {
		g_cli();
		when = g_rdtsc() + 1000000;
		g_wrmsr(MSR_DEADLINE, when);
		g_sti_hlt();
		G_CHECK_EQ(taken, i);
		G_CHECK(g_rdtsc() >= when);
		G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
	}
	/* One that has passed fires at once, zero disarms. */
	g_wrmsr(MSR_DEADLINE, 1);
	g_pause();
	G_CHECK_EQ(taken, i);
	g_cli();
	when = g_rdtsc() + (1ull << 40);
	g_wrmsr(MSR_DEADLINE, when);
	G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), when);
	g_wrmsr(MSR_DEADLINE, 0);
	G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
	/* Counts do not exist in this mode. */
	g_set_apic(APIC_TMICT, 1000);
	G_CHECK_EQ(g_apic(APIC_TMCCT), 0);
	/* Leaving the mode disarms; outside of it the MSR is not there for writes. */
	g_wrmsr(MSR_DEADLINE, when);
	g_set_apic(APIC_LVTT, VEC);
	G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
	g_wrmsr(MSR_DEADLINE, 1);
	G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
	g_window();
	G_CHECK_EQ(taken, i);
	g_set_apic(APIC_LVTT, LVTT_DEADLINE | VEC);
	G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
	g_done();
}

CASE(tsc_deadline)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, deadline);
	cpu_expect_done(c);
}

static GUEST void deadline_x2(void)
{
	g_enter_x2apic();
	deadline();
}

CASE(tsc_deadline_in_x2apic_mode)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, deadline_x2);
	cpu_expect_done(c);
}

static GUEST void no_deadline(void)
{
	G_CHECK_EQ(g_try_wrmsr(MSR_DEADLINE, 1), 13);
	start(LVTT_DEADLINE | VEC, 0xb);
	G_CHECK_EQ(g_apic(APIC_LVTT), VEC);
	g_done();
}

/* # stock: expected fail because the MSR is there all the same */
CASE_STOCK_FAILS(without_the_cpuid_bit_there_is_no_deadline, "the MSR is there all the same")
{
	struct kvm_cpuid2 *l = cpuid_supported();
	struct cpu *c = cpu_new(apic_box(), 0);

	cpuid_find(l, 1, 0)->ecx &= ~(1u << 24);
	CHECK_OK(cpu_try_cpuid(c, l));
	cpu_long(c, no_deadline);
	cpu_expect_done(c);
}

/* The guest's TSC jumps: the deadline is where it was, and comes sooner. */
static GUEST void jump(void)
{
	u64 when;

	start(LVTT_DEADLINE | VEC, 0xb);
	when = g_rdtsc() + (1ull << 44);
	g_wrmsr(MSR_DEADLINE, when);
	g_sync(1, when);
	g_sti_hlt();
	G_CHECK_EQ(taken, 1);
	g_done();
}

/* # stock: expected fail because it does not look at the deadline again */
CASE_SLOW(a_deadline_follows_the_tsc, 3, "does not look at the deadline again")
{
	struct cpu *c = apic_cpu(apic_box(), 0);
	u64 when;

	cpu_long(c, jump);
	when = cpu_expect_sync(c, 1);
	cpu_set_msr(c, 0x10, when - 1000000);
	cpu_expect_done(c);
}

/* --- the guest looks at the time, and the interrupt is there --- */

/* Interrupts are closed; the window after the look is as short as it can be. */
static GUEST void count_to_zero(void)
{
	u64 round;

	start(VEC, 0xb);
	for (round = 1; round <= 300; round++) {
		g_set_apic(APIC_TMICT, 20000 + round * 777);
		while (g_apic(APIC_TMCCT))
			;
		g_window();
		G_CHECK_EQ(taken, round);
	}
	g_done();
}

static GUEST void count_to_zero_x2(void)
{
	g_enter_x2apic();
	count_to_zero();
}

/* # stock: expected fail because its count is zero before the interrupt is requested */
CASE_SLOW(a_count_of_zero_has_requested_the_interrupt, 30,
	  "its count is zero before the interrupt is requested")
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, count_to_zero);
	cpu_expect_done(c);
}

/* # stock: expected fail because its count is zero before the interrupt is requested */
CASE_SLOW(a_count_of_zero_in_x2apic_mode, 30,
	  "its count is zero before the interrupt is requested")
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, count_to_zero_x2);
	cpu_expect_done(c);
}

/* The count begins anew: an interrupt for each time it was seen to do so. */
static GUEST void count_around(void)
{
	u64 round, before;
	u32 last, now;

	start(LVTT_PERIODIC | VEC, 0xb);
	g_set_apic(APIC_TMICT, 2000000);
	for (round = 0; round < 30; round++) {
		/* What began before this look is known, or will be taken below. */
		before = taken;
		last = g_apic(APIC_TMCCT);
		while ((now = g_apic(APIC_TMCCT)) <= last)
			last = now;
		g_window();
		G_CHECK(taken > before);
	}
	g_done();
}

/* # stock: expected fail because its count begins anew before the interrupt is requested */
CASE_SLOW(a_period_that_is_over_has_requested_the_interrupt, 30,
	  "its count begins anew before the interrupt is requested")
{
	struct cpu *c = cpu_new(apic_box(), 0);

	cpu_long(c, count_around);
	cpu_expect_done(c);
}

static GUEST void deadline_passes(void)
{
	u64 round;

	start(LVTT_DEADLINE | VEC, 0xb);
	for (round = 1; round <= 300; round++) {
		g_wrmsr(MSR_DEADLINE, g_rdtsc() + 50000 + round * 777);
		while (g_rdmsr(MSR_DEADLINE))
			;
		g_window();
		G_CHECK_EQ(taken, round);
	}
	g_done();
}

CASE_SLOW(a_deadline_of_zero_has_requested_the_interrupt, 30, NULL)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, deadline_passes);
	cpu_expect_done(c);
}

/* A deadline that has passed is not there any more. */
static GUEST void deadline_is_over(void)
{
	u64 round, when;

	start(LVTT_DEADLINE | VEC, 0xb);
	for (round = 1; round <= 100; round++) {
		when = g_rdtsc() + 50000 + round * 777;
		g_wrmsr(MSR_DEADLINE, when);
		while (g_rdtsc() < when)
			;
		G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
		g_window();
		G_CHECK_EQ(taken, round);
	}
	g_done();
}

/* # stock: expected fail because the deadline stays until its own timer has run */
CASE_SLOW(a_deadline_that_is_over_reads_as_zero, 30,
	  "the deadline stays until its own timer has run")
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, deadline_is_over);
	cpu_expect_done(c);
}

/* Served in advance or not, the interrupt never comes before its time. */
static GUEST void never_early(void)
{
	u64 i, when, before;

	start(LVTT_DEADLINE | VEC, 0xb);
	for (i = 1; i <= 300; i++) {
		g_window();
		before = taken;
		when = g_rdtsc() + 20000 + i * 997;
		g_wrmsr(MSR_DEADLINE, when);
		if (i & 1) {
			g_sti_hlt();
		} else {
			g_sti();
			while (taken == before)
				;
		}
		g_cli();
		G_CHECK(g_rdtsc() >= when);
		G_CHECK(taken > before);
	}
	g_done();
}

CASE_SLOW(a_deadline_is_never_early, 30, NULL)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, never_early);
	cpu_expect_done(c);
}

/* Over before a timer of the host could be started, or a bit later: it comes all the same, and once. */
static GUEST void short_ones(void)
{
	u64 i, when;

	start(VEC, 0xb);
	for (i = 1; i <= 300; i++) {
		g_set_apic(APIC_TMICT, i * 7);
		g_sti_hlt();
		g_cli();
		G_CHECK_EQ(taken, i);
		G_CHECK_EQ(g_apic(APIC_TMCCT), 0);
	}
	g_set_apic(APIC_LVTT, LVTT_DEADLINE | VEC);
	for (i = 301; i <= 600; i++) {
		when = g_rdtsc() + (i - 300) * 31;
		g_wrmsr(MSR_DEADLINE, when);
		g_sti_hlt();
		g_cli();
		G_CHECK_EQ(taken, i);
		G_CHECK(g_rdtsc() >= when);
		G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
	}
	g_set_apic(APIC_LVTT, APIC_MASKED | VEC);
	g_set_apic(APIC_TMICT, 1);
	while (g_apic(APIC_TMCCT))
		g_pause();
	g_window();
	G_CHECK_EQ(taken, 600);
	g_done();
}

CASE_SLOW(a_short_time_is_a_time, 30, NULL)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, short_ones);
	cpu_expect_done(c);
}

static void advance_by(const char *ns)
{
	FILE *f = fopen("/sys/module/kvm/parameters/lapic_timer_advance_ns", "w");

	if (!f)
		tap_skip("no parameter lapic_timer_advance_ns");
	fputs(ns, f);
	CHECK(fclose(f) == 0);
}

CASE_SLOW(nor_with_any_advance, 90, NULL)
{
	static const char * const values[] = { "-1", "1", "5000", "100000", "0" };
	struct cpu *c;
	u32 i;

	for (i = 0; i < ARRAY_LEN(values); i++) {
		advance_by(values[i]);
		c = apic_cpu(apic_box(), 0);
		cpu_long(c, never_early);
		cpu_expect_done(c);
		cpu_free(c);
	}
}

/* --- frequency of the bus --- */

CASE(the_bus_can_be_slower)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_APIC_BUS_CYCLES_NS };
	struct box *b = box_new();
	struct cpu *c;
	u64 khz, took;

	NEED_CAP(KVM_CAP_X86_APIC_BUS_CYCLES_NS);
	cap.args[0] = 40;
	CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, &cap), ENXIO);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	cap.args[0] = 0;
	CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 1ull << 32;
	CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 40;
	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &cap));
	c = cpu_new(b, 0);
	CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	khz = CHECK_OK(ioctl(c->fd, KVM_GET_TSC_KHZ, 0));
	cpu_long(c, dividers);
	took = cpu_expect_sync(c, 0);
	CHECK(took + took / 50 >= 100000ull * 40 * khz / 1000000);
}
