// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TSC deadline while the guest runs, halts, is in user space, or is moved:
 * whatever timer serves it meanwhile, there is one interrupt for each.
 */
#include <pthread.h>
#include <time.h>
#include "apic.h"

#define VEC 0x51
#define VEC_OTHER 0x61
/* TSC ticks: so early a timer may be started off, on stock, and so late its interrupt may come. */
#define MOST_ADVANCE 50000
#define LATE 20000000

static volatile u64 taken GUEST_DATA, others GUEST_DATA;

static GUEST void count(struct trap *t)
{
	taken++;
	g_set_x2apic(APIC_EOI, 0);
}

static GUEST void count_other(struct trap *t)
{
	others++;
	g_set_x2apic(APIC_EOI, 0);
}

G_INLINE void start(void)
{
	g_handlers[VEC] = count;
	g_handlers[VEC_OTHER] = count_other;
	g_cli();
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	g_set_x2apic(APIC_LVTT, LVTT_DEADLINE | VEC);
}

G_INLINE void g_until(u64 when)
{
	while (g_rdtsc() < when)
		g_pause();
}

/* Host's side */
static void sleep_ms(unsigned int ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000l };

	nanosleep(&t, NULL);
}

/* --- taken back --- */

static GUEST void taken_back(void)
{
	u64 i, when, in_time;

	start();
	g_sti();
	for (i = 0; i < 20; i++) {
		when = g_rdtsc() + 300000;
		g_wrmsr(MSR_DEADLINE, when);
		switch (i & 3) {
		case 0:
			g_wrmsr(MSR_DEADLINE, 0);
			break;
		case 1:
			g_set_x2apic(APIC_LVTT, VEC);
			break;
		case 2:
			g_wrmsr(MSR_DEADLINE, when + (1ull << 40));
			break;
		case 3:
			g_set_x2apic(APIC_LVTT, LVTT_DEADLINE | APIC_MASKED | VEC);
			break;
		}
		/* On a busy machine it may have been over before, or under way, and come late. */
		in_time = g_rdtsc() + MOST_ADVANCE < when;
		g_until(when + (in_time ? 300000 : LATE));
		if (in_time)
			G_CHECK_EQ(taken, 0);
		taken = 0;
		g_set_x2apic(APIC_LVTT, LVTT_DEADLINE | VEC);
	}
	/* And one that is not. */
	g_wrmsr(MSR_DEADLINE, g_rdtsc() + 300000);
	while (!taken)
		g_pause();
	G_CHECK_EQ(taken, 1);
	g_done();
}

/* # stock: expected fail because on a busy machine it does come, or a second one */
CASE_STOCK_FAILS(one_that_is_taken_back_does_not_come,
		 "on a busy machine it does come, or a second one")
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, taken_back);
	cpu_expect_done(c);
}

/* --- between guest and halt --- */

static volatile int stop_others;

static void *send_others(void *vm)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = VEC_OTHER };

	while (!stop_others) {
		CHECK(ioctl((int)(long)vm, KVM_SIGNAL_MSI, &msi) >= 0);
		sleep_ms(1);
	}
	return NULL;
}

/* Other interrupts end halts before the time has come; the guest halts again, or runs on. */
static GUEST void halts_and_runs(void)
{
	u64 i, when;

	start();
	while (!others)
		g_window();
	for (i = 0; i < 40; i++) {
		when = g_rdtsc() + 400000 + i * 7777;
		g_wrmsr(MSR_DEADLINE, when);
		if (i % 3 != 2)
			g_sti_hlt();
		g_sti();
		while (taken == i) {
			if (i % 3 == 1) {
				g_cli();
				/* In between it may have come. */
				if (taken == i)
					g_sti_hlt();
			}
		}
		G_CHECK(g_rdtsc() >= when);
		g_cli();
		g_window();
		G_CHECK_EQ(taken, i + 1);
	}
	g_done();
}

CASE_SLOW(other_interrupts_end_halts_before_it, 30, NULL)
{
	struct box *b = apic_box();
	struct cpu *c = apic_cpu(b, 0);
	pthread_t sender;

	cpu_long(c, halts_and_runs);
	CHECK(!pthread_create(&sender, NULL, send_others, (void *)(long)b->fd));
	cpu_expect_done(c);
	stop_others = 1;
	pthread_join(sender, NULL);
}

/* Nothing else ends these halts. */
static GUEST void only_halts(void)
{
	u64 i, when;

	start();
	for (i = 0; i < 20; i++) {
		when = g_rdtsc() + 400000;
		g_wrmsr(MSR_DEADLINE, when);
		while (taken == i)
			g_sti_hlt();
		g_cli();
		G_CHECK(g_rdtsc() >= when);
		G_CHECK_EQ(taken, i + 1);
	}
	g_done();
}

CASE(it_ends_a_halt)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, only_halts);
	cpu_expect_done(c);
}

/* --- in user space --- */

static GUEST void out_and_back(void)
{
	u64 i;

	start();
	for (i = 0; i < 10; i++) {
		g_wrmsr(MSR_DEADLINE, g_rdtsc() + 100000);
		g_sync(1, 0);
		/* It is long over. */
		g_window();
		G_CHECK_EQ(taken, i + 1);
		G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
	}
	g_done();
}

/* User space looks in each round whose bit @rounds has, at the MSR first if @at_msr. */
static void look_from_outside(u32 rounds, bool at_msr)
{
	struct cpu *c = apic_cpu(apic_box(), 0);
	u32 i;

	cpu_long(c, out_and_back);
	for (i = 0; i < 10; i++) {
		cpu_expect_sync(c, 1);
		sleep_ms(3);
		if (at_msr)
			CHECK_EQ(cpu_get_msr(c, MSR_DEADLINE), 0);
		if (rounds >> i & 1)
			CHECK(lapic_requested(c, VEC));
	}
	cpu_expect_done(c);
}

/* # stock: expected fail because nobody looks at the preemption timer of a guest that does not run */
CASE_STOCK_FAILS(user_space_finds_it_requested,
		 "nobody looks at the preemption timer of a guest that does not run")
{
	look_from_outside(0x2aa, false);
}

/* # stock: expected fail because the deadline stays until its own timer has run */
CASE_STOCK_FAILS(user_space_reads_zero_when_it_is_over,
		 "the deadline stays until its own timer has run")
{
	look_from_outside(0x3ff, true);
}

/* --- another frequency --- */

static GUEST void never_early(void)
{
	u64 i, when;

	start();
	g_sti();
	for (i = 1; i <= 50; i++) {
		when = g_rdtsc() + 20000 + i * 9973;
		g_wrmsr(MSR_DEADLINE, when);
		while (taken < i)
			;
		G_CHECK(g_rdtsc() >= when);
		G_CHECK_EQ(taken, i);
	}
	g_done();
}

CASE_SLOW(another_tsc_frequency, 30, NULL)
{
	static const u32 parts[] = { 1, 3, 17 };	/* eighths of the host's */
	u32 i;

	for (i = 0; i < ARRAY_LEN(parts); i++) {
		struct cpu *c = apic_cpu(apic_box(), 0);
		u64 khz = CHECK_OK(ioctl(c->fd, KVM_GET_TSC_KHZ, 0));

		if (ioctl(c->fd, KVM_SET_TSC_KHZ, khz * parts[i] / 8) < 0)
			tap_skip("no TSC scaling");
		cpu_long(c, never_early);
		cpu_expect_done(c);
		cpu_free(c);
	}
}

/* The TSC moves while the guest has a deadline: sooner, and later. */
static GUEST void moved(void)
{
	u64 when, early;

	start();
	g_sti();
	g_wrmsr(0x10, 1ull << 40);
	when = g_rdtsc() + (1 << 20);
	g_wrmsr(MSR_DEADLINE, when);
	g_wrmsr(0x10, when - (1 << 28));
	g_until(when - (1 << 28) + (1 << 22));
	early = taken;
	if (g_rdtsc() < when)
		G_CHECK_EQ(early, 0);
	g_wrmsr(0x10, when - (1 << 20));
	while (!taken)
		g_pause();
	G_CHECK(g_rdtsc() >= when);
	G_CHECK_EQ(taken, 1);
	g_done();
}

/* # stock: expected fail because the interrupt comes when the old TSC would have got there */
CASE_STOCK_FAILS(it_follows_a_tsc_that_the_guest_writes,
		 "the interrupt comes when the old TSC would have got there")
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, moved);
	cpu_expect_done(c);
}

/* --- to another VM --- */

static GUEST void will_move(void)
{
	u64 when;

	start();
	when = g_rdtsc() + 10000000;
	g_wrmsr(MSR_DEADLINE, when);
	g_sync(1, 0);
	g_sti();
	while (!taken)
		g_pause();
	G_CHECK(g_rdtsc() >= when);
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(g_rdmsr(MSR_DEADLINE), 0);
	g_done();
}

/* Its state is written back: at once, or when the time has come. */
static void set_back(u32 ms)
{
	struct cpu *c = apic_cpu(apic_box(), 0);
	struct kvm_lapic_state s;
	u64 deadline;

	cpu_long(c, will_move);
	cpu_expect_sync(c, 1);
	/* 0 on a machine so busy that it is over: the state has its interrupt then. */
	deadline = cpu_get_msr(c, MSR_DEADLINE);
	s = cpu_get_lapic_state(c);
	sleep_ms(ms);
	cpu_set_lapic_state(c, &s);
	cpu_set_msr(c, MSR_DEADLINE, deadline);
	cpu_expect_done(c);
}

CASE(state_that_is_written_back)
{
	set_back(0);
	set_back(150);
}
