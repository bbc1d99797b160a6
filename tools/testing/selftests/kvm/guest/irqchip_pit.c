// SPDX-License-Identifier: GPL-2.0-only
/* The 8254 in the kernel: its counters, its interrupt through the PIC, its state. */
#include "box.h"

#define APIC_SVR 0xfee000f0ul
#define APIC_LVT0 0xfee00350ul
#define BASE 0x40
#define HZ 1193182

static volatile u64 taken GUEST_DATA;
static volatile u64 nmis GUEST_DATA;
static volatile u64 khz GUEST_DATA;

static GUEST void tick(struct trap *t)
{
	taken++;
	g_out8(0x20, 0x20);
}

static GUEST void nmi(struct trap *t)
{
	nmis++;
}

static GUEST void set_up(void)
{
	g_handlers[BASE] = tick;
	g_handlers[2] = nmi;
	g_write32(APIC_SVR, 0x1ff);
	g_write32(APIC_LVT0, 0x700);
	g_out8(0x20, 0x11);
	g_out8(0x21, BASE);
	g_out8(0x21, 4);
	g_out8(0x21, 1);
	g_out8(0x21, 0xfe);
}

G_INLINE void program(u8 channel, u8 mode, u16 count)
{
	g_out8(0x43, channel << 6 | 0x30 | mode << 1);
	g_out8(0x40 + channel, count);
	g_out8(0x40 + channel, count >> 8);
}

/* Thousandths of a second by the TSC. */
G_INLINE u64 ms_since(u64 tsc)
{
	return (g_rdtsc() - tsc) / khz;
}

static struct cpu *machine(void (*entry)(void))
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct box *b = box_new();
	struct cpu *c;

	NEED_CAP(KVM_CAP_PIT2);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	CHECK_OK(ioctl(b->fd, KVM_CREATE_PIT2, &config));
	c = cpu_new(b, 0);
	cpu_long(c, entry);
	GV(b, khz) = CHECK_OK(ioctl(c->fd, KVM_GET_TSC_KHZ, 0));
	return c;
}

static GUEST void periodic(void)
{
	u64 begin;

	set_up();
	begin = g_rdtsc();
	program(0, 2, HZ / 1000);
	while (taken < 50)
		g_sti_hlt();
	G_CHECK(ms_since(begin) >= 49);
	G_CHECK(ms_since(begin) < 2000);
	g_done();
}

CASE(a_periodic_tick_keeps_time)
{
	cpu_expect_done(machine(periodic));
}

static GUEST void stopped(void)
{
	u64 begin;

	set_up();
	program(0, 2, HZ / 1000);
	while (taken < 5)
		g_sti_hlt();
	g_cli();
	g_out8(0x43, 0x34);
	g_sti();
	asm volatile("nop");
	taken = 0;
	begin = g_rdtsc();
	while (ms_since(begin) < 20)
		g_pause();
	G_CHECK_EQ(taken, 0);
	g_done();
}

/* # stock: expected fail because it counts on until the new count is there */
CASE_STOCK_FAILS(no_tick_after_a_control_word, "counts on until the new count is there")
{
	cpu_expect_done(machine(stopped));
}

static GUEST void square(void)
{
	set_up();
	program(0, 3, HZ / 1000);
	while (taken < 20)
		g_sti_hlt();
	g_done();
}

CASE(a_square_wave_ticks_too)
{
	cpu_expect_done(machine(square));
}

static GUEST void once(void)
{
	u64 begin = g_rdtsc();

	set_up();
	program(0, 0, HZ / 200);
	g_sti_hlt();
	G_CHECK_EQ(taken, 1);
	G_CHECK(ms_since(begin) >= 4);
	begin = g_rdtsc();
	while (ms_since(begin) < 30)
		g_pause();
	G_CHECK_EQ(taken, 1);
	program(0, 4, HZ / 200);
	g_sti_hlt();
	G_CHECK_EQ(taken, 2);
	g_done();
}

CASE(a_single_count_ticks_once)
{
	cpu_expect_done(machine(once));
}

/* Counts down while the gate of counter 2 is high, and bit 5 of port 0x61 tells of the end. */
static GUEST void speaker(void)
{
	u64 begin = g_rdtsc();

	g_out8(0x61, 1);
	program(2, 0, HZ / 25);
	while (!(g_in8(0x61) & 0x20))
		G_CHECK(ms_since(begin) < 3000);
	G_CHECK(ms_since(begin) >= 39);
	g_out8(0x61, 3);
	G_CHECK_EQ(g_in8(0x61) & 0x23, 0x23);
	g_done();
}

CASE(counter_2_and_its_gate)
{
	cpu_expect_done(machine(speaker));
}

static GUEST void held(void)
{
	u64 begin = g_rdtsc();

	g_out8(0x61, 0);
	program(2, 0, HZ / 200);
	while (ms_since(begin) < 20)
		g_pause();
	G_CHECK_EQ(g_in8(0x61) & 0x23, 0);
	g_out8(0x61, 1);
	while (!(g_in8(0x61) & 0x20))
		G_CHECK(ms_since(begin) < 3000);
	g_done();
}

/* # stock: expected fail because it counts without the gate */
CASE_STOCK_FAILS(a_low_gate_holds_the_count, "counts without the gate")
{
	cpu_expect_done(machine(held));
}

static GUEST void latches(void)
{
	u32 a, b;

	program(0, 2, 0xffff);
	g_out8(0x43, 0x00);
	a = g_in8(0x40);
	a |= g_in8(0x40) << 8;
	g_out8(0x43, 0x00);
	b = g_in8(0x40);
	b |= g_in8(0x40) << 8;
	G_CHECK(b < a);
	/* read back the status of all three: mode, access, output */
	program(2, 3, 1000);
	g_out8(0x43, 0xe0 | 2 | 8);
	G_CHECK_EQ(g_in8(0x40) & 0x3f, 0x34);
	G_CHECK_EQ(g_in8(0x42) & 0x3f, 0x36);
	/* status first, then the count that was latched with it */
	g_out8(0x43, 0xc2);
	a = g_in8(0x40);
	G_CHECK_EQ(a & 0x3f, 0x34);
	a = g_in8(0x40);
	a |= g_in8(0x40) << 8;
	g_out8(0x43, 0x00);
	b = g_in8(0x40);
	b |= g_in8(0x40) << 8;
	G_CHECK(a != b);
	g_done();
}

CASE(latches_and_read_back)
{
	cpu_expect_done(machine(latches));
}

static volatile u64 patience GUEST_DATA;	/* ms */

/* Half a second of ticks, 10 ms each, meets a guest that hears none: are they made up for? */
static GUEST void late(void)
{
	u64 begin, now;

	set_up();
	g_cli();
	begin = g_rdtsc();
	program(0, 2, HZ / 100);
	while (ms_since(begin) < 500)
		g_pause();
	g_sti();
	do {
		now = ms_since(begin);
	} while (taken * 10 + 200 < now && now < patience);
	g_cli();
	g_sync(1, taken * 10 + 200 >= now);
	g_done();
}

static bool made_up_for(u8 reinject)
{
	struct kvm_reinject_control control = { .pit_reinject = reinject };
	struct cpu *c = machine(late);
	u64 all;

	/* On a busy machine a tick takes its time. */
	GV(c->box, patience) = reinject ? 30000 : 3000;
	CHECK_OK(ioctl(c->box->fd, KVM_REINJECT_CONTROL, &control));
	all = cpu_expect_sync(c, 1);
	cpu_expect_done(c);
	return all;
}

CASE(ticks_that_were_missed_are_made_up_for)
{
	CHECK(made_up_for(1));
}

CASE(or_not)
{
	CHECK(!made_up_for(0));
}

static GUEST void watchdog(void)
{
	u64 begin;

	set_up();
	g_write32(APIC_LVT0, 0x400);
	program(0, 2, HZ / 1000);
	begin = g_rdtsc();
	while (nmis < 5)
		G_CHECK(ms_since(begin) < 3000);
	g_done();
}

/* Nobody acknowledges these ticks. */
CASE(lint0_may_be_an_nmi)
{
	struct kvm_reinject_control control = { .pit_reinject = 0 };
	struct cpu *c = machine(watchdog);

	CHECK_OK(ioctl(c->box->fd, KVM_REINJECT_CONTROL, &control));
	cpu_expect_done(c);
}

static GUEST void silent(void)
{
	u64 begin;

	set_up();
	program(0, 2, HZ / 1000);
	g_sync(1, 0);
	g_sti();
	asm volatile("nop");
	g_cli();
	taken = 0;
	g_sti();
	begin = g_rdtsc();
	while (ms_since(begin) < 20)
		g_pause();
	G_CHECK_EQ(taken, 0);
	g_sync(2, 0);
	while (!taken)
		g_sti_hlt();
	g_done();
}

CASE(the_hpet_takes_over_and_gives_back)
{
	/* On a busy machine ticks are missed before the HPET comes: none of them is made up for. */
	struct kvm_reinject_control control = { .pit_reinject = 0 };
	struct cpu *c = machine(silent);
	struct kvm_pit_state2 s;

	CHECK_OK(ioctl(c->box->fd, KVM_REINJECT_CONTROL, &control));
	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(c->box->fd, KVM_GET_PIT2, &s));
	s.flags |= KVM_PIT_FLAGS_HPET_LEGACY;
	CHECK_OK(ioctl(c->box->fd, KVM_SET_PIT2, &s));
	cpu_expect_sync(c, 2);
	s.flags = 0;
	CHECK_OK(ioctl(c->box->fd, KVM_SET_PIT2, &s));
	cpu_expect_done(c);
}

static GUEST void goes_on(void)
{
	set_up();
	program(0, 2, HZ / 100);
	program(2, 3, 0x8000);
	g_sync(1, 0);
	g_sync(2, 0);
	while (taken < 3)
		g_sti_hlt();
	g_out8(0x43, 0xe8);
	G_CHECK_EQ(g_in8(0x42) & 0x3f, 0x36);
	g_done();
}

CASE(the_tick_goes_on_after_its_state_moved)
{
	struct cpu *c = machine(goes_on);
	struct kvm_pit_state2 s, empty;

	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(c->box->fd, KVM_GET_PIT2, &s));
	memset(&empty, 0, sizeof(empty));
	CHECK_OK(ioctl(c->box->fd, KVM_SET_PIT2, &empty));
	cpu_expect_sync(c, 2);
	CHECK_OK(ioctl(c->box->fd, KVM_SET_PIT2, &s));
	cpu_expect_done(c);
}

/* The guest gets no more than a few thousand ticks a second, and lives. */
static GUEST void fastest(void)
{
	u64 begin;

	set_up();
	program(0, 2, 2);
	begin = g_rdtsc();
	g_sti();
	while (ms_since(begin) < 100)
		g_pause();
	g_cli();
	g_done();
}

/* Without what it missed: an emulated processor may be too slow for that many. */
CASE(the_shortest_period_is_survived)
{
	struct kvm_reinject_control control = { .pit_reinject = 0 };
	struct cpu *c = machine(fastest);

	CHECK_OK(ioctl(c->box->fd, KVM_REINJECT_CONTROL, &control));
	cpu_expect_done(c);
}
