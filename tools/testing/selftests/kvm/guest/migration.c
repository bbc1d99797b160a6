// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest moves to another VM: everything that there is to be saved is saved and
 * put into a new VM, in the order that VMMs use. There it goes on: its time
 * never goes back, timers that were armed fire, interrupts that waited come once.
 */
#include <stdlib.h>

#include "apic.h"
#include "cpus.h"
#include "pvclock.h"

#define VEC_TIMER 0x51
#define VEC_PIT 0x52
#define VEC_IPI 0x53
#define IOAPIC 0xfec00000ul
#define PIT_PIN 0	/* of the default routes */
#define CLOCK_PAGE LAY_SCRATCH
#define KEPT (LAY_SCRATCH + 0x1000)	/* memory that the guest looks at afterwards */
#define MAX_CPUS 2
#define MSR_TSC 0x10
#define MSR_HV_RUN_TIME 0x40000010
#define MSR_HV_TIME 0x40000020

struct saved_cpu {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
	struct kvm_lapic_state lapic;
	struct kvm_msr_list *list;
	u64 *msrs;
	bool *readable;
};

struct saved {
	void *ram;
	struct kvm_irqchip chips[3];
	struct kvm_pit_state2 pit;
	struct kvm_clock_data clock;
	unsigned int nr;
	struct saved_cpu cpus[MAX_CPUS];
};

/* On one CPU: those of an emulated machine need not agree on the TSC. */
static struct box *full_box(void)
{
	struct kvm_pit_config pit = { 0 };
	struct box *b = apic_box();

	cpus_stay_here();
	CHECK_OK(ioctl(b->fd, KVM_CREATE_PIT2, &pit));
	return b;
}

static struct kvm_msr_list *msr_list(struct box *b)
{
	struct kvm_msr_list none = { 0 }, *l;

	CHECK_ERR(ioctl(b->kvm, KVM_GET_MSR_INDEX_LIST, &none), E2BIG);
	l = calloc(1, sizeof(*l) + none.nmsrs * sizeof(l->indices[0]));
	CHECK(l);
	l->nmsrs = none.nmsrs;
	CHECK_OK(ioctl(b->kvm, KVM_GET_MSR_INDEX_LIST, l));
	return l;
}

static void save_cpu(struct cpu *c, struct saved_cpu *s)
{
	u32 i;

	/* The exit that it stopped with is over only when KVM_RUN was called again. */
	c->run->immediate_exit = 1;
	CHECK_ERR(ioctl(c->fd, KVM_RUN, 0), EINTR);
	c->run->immediate_exit = 0;
	/* Then: asking may settle what INIT and SIPI have left to do. */
	s->mp = cpu_get_mp_state(c);
	s->events = cpu_get_vcpu_events(c);
	s->regs = cpu_get_regs(c);
	s->sregs = cpu_get_sregs(c);
	s->xsave = cpu_get_xsave(c);
	s->xcrs = cpu_get_xcrs(c);
	s->debug = cpu_get_debugregs(c);
	s->lapic = cpu_get_lapic_state(c);
	s->list = msr_list(c->box);
	s->msrs = calloc(s->list->nmsrs, sizeof(*s->msrs));
	s->readable = calloc(s->list->nmsrs, sizeof(*s->readable));
	CHECK(s->msrs && s->readable);
	for (i = 0; i < s->list->nmsrs; i++)
		s->readable[i] = cpu_try_get_msr(c, s->list->indices[i], &s->msrs[i]);
}

static struct saved *save(struct cpu **cpus, unsigned int nr)
{
	struct saved *s = calloc(1, sizeof(*s));
	struct box *b = cpus[0]->box;
	unsigned int i;

	CHECK(s);
	s->nr = nr;
	for (i = 0; i < nr; i++)
		save_cpu(cpus[i], &s->cpus[i]);
	for (i = 0; i < 3; i++) {
		s->chips[i].chip_id = i;
		CHECK_OK(ioctl(b->fd, KVM_GET_IRQCHIP, &s->chips[i]));
	}
	CHECK_OK(ioctl(b->fd, KVM_GET_PIT2, &s->pit));
	CHECK_OK(ioctl(b->fd, KVM_GET_CLOCK, &s->clock));
	s->ram = malloc(LAY_RAM);
	CHECK(s->ram);
	memcpy(s->ram, b->ram, LAY_RAM);
	return s;
}

/* An MSR that can be read can be given back what it had. */
static void put_msr(struct cpu *c, const struct saved_cpu *s, u32 i)
{
	if (s->readable[i] && !cpu_try_set_msr(c, s->list->indices[i], s->msrs[i]) && s->msrs[i])
		tap_note("MSR %#x does not take %#llx back", s->list->indices[i],
			 (unsigned long long)s->msrs[i]);
}

static void put_cpu(struct cpu *c, const struct saved_cpu *s)
{
	u32 i;

	cpu_set_sregs(c, &s->sregs);
	cpu_set_xcrs(c, &s->xcrs);
	cpu_set_xsave(c, &s->xsave);
	cpu_set_regs(c, &s->regs);
	for (i = 0; i < s->list->nmsrs; i++)
		if (s->list->indices[i] != MSR_DEADLINE)
			put_msr(c, s, i);
	cpu_set_lapic_state(c, &s->lapic);
	/* It means something once the APIC's timer is in its mode. */
	for (i = 0; i < s->list->nmsrs; i++)
		if (s->list->indices[i] == MSR_DEADLINE)
			put_msr(c, s, i);
	cpu_set_debugregs(c, &s->debug);
	cpu_set_mp_state(c, &s->mp);
	cpu_set_vcpu_events(c, &s->events);
}

/* Makes a new VM of what was saved, with its vCPUs in @cpus. */
static void restore(const struct saved *s, struct cpu **cpus)
{
	struct kvm_clock_data clock = { .clock = s->clock.clock };
	struct box *b = full_box();
	unsigned int i;

	memcpy(b->ram, s->ram, LAY_RAM);
	for (i = 0; i < s->nr; i++)
		cpus[i] = apic_cpu(b, i);
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &clock));
	for (i = 0; i < 3; i++)
		CHECK_OK(ioctl(b->fd, KVM_SET_IRQCHIP, &s->chips[i]));
	CHECK_OK(ioctl(b->fd, KVM_SET_PIT2, &s->pit));
	for (i = 0; i < s->nr; i++)
		put_cpu(cpus[i], &s->cpus[i]);
}

/* The old VM is gone before the new one exists, as on another machine. */
static void move(struct cpu **cpus, unsigned int nr)
{
	struct saved *s = save(cpus, nr);
	struct box *old = cpus[0]->box;
	unsigned int i;

	for (i = 0; i < nr; i++)
		cpu_free(cpus[i]);
	box_free(old);
	restore(s, cpus);
}

/* --- payload --- */

static volatile u64 timers GUEST_DATA, pits GUEST_DATA, ipis GUEST_DATA;
static volatile u64 last_tsc GUEST_DATA, last_ns GUEST_DATA;

static GUEST void on_timer(struct trap *t)
{
	timers++;
	g_set_apic(APIC_EOI, 0);
}

static GUEST void on_pit(struct trap *t)
{
	pits++;
	g_set_apic(APIC_EOI, 0);
}

static GUEST void on_ipi(struct trap *t)
{
	ipis++;
	g_set_apic(APIC_EOI, 0);
}

G_INLINE void g_controllers(void)
{
	g_out8(0x21, 0xff);
	g_out8(0xa1, 0xff);
	g_handlers[VEC_TIMER] = on_timer;
	g_handlers[VEC_PIT] = on_pit;
	g_handlers[VEC_IPI] = on_ipi;
	g_set_apic(APIC_SVR, 0x1ff);
	g_set_apic(APIC_TDCR, 0xb);
}

G_INLINE void g_look_at_clocks(void)
{
	u64 tsc = g_rdtsc(), ns = g_pvclock((struct pvclock *)CLOCK_PAGE);

	G_CHECK(tsc >= last_tsc);
	G_CHECK(ns >= last_ns);
	last_tsc = tsc;
	last_ns = ns;
}

static GUEST void tick(u64 x2apic)
{
	if (x2apic)
		g_enter_x2apic();
	g_controllers();
	g_wrmsr(MSR_SYSTEM_TIME, CLOCK_PAGE | 1);
	g_write32(IOAPIC, 0x10 + 2 * PIT_PIN);
	g_write32(IOAPIC + 0x10, VEC_PIT);
	g_out8(0x43, 0x34);
	g_out8(0x40, 20000 & 0xff);
	g_out8(0x40, 20000 >> 8);
	g_set_apic(APIC_LVTT, LVTT_PERIODIC | VEC_TIMER);
	g_set_apic(APIC_TMICT, 20000000);
	for (;;) {
		u64 t = timers, p = pits;

		g_sti();
		while (timers < t + 3 || pits < p + 3)
			g_look_at_clocks();
		g_cli();
		g_sync(1, last_ns);
	}
}

static void ticks_go_on(u64 x2apic)
{
	struct cpu *c = apic_cpu(full_box(), 0);
	u64 before, i;

	cpu_long_arg(c, (void (*)(u64))tick, x2apic);
	before = cpu_expect_sync(c, 1);
	for (i = 0; i < 3; i++) {
		u64 now;

		move(&c, 1);
		now = cpu_expect_sync(c, 1);
		CHECK(now > before);
		before = now;
	}
}

CASE_SLOW(periodic_timers_and_clocks_go_on_in_xapic_mode, 60, NULL)
{
	ticks_go_on(false);
}

CASE_SLOW(periodic_timers_and_clocks_go_on_in_x2apic_mode, 60, NULL)
{
	ticks_go_on(true);
}

static GUEST void shoot(u64 deadline)
{
	g_controllers();
	if (deadline) {
		g_set_apic(APIC_LVTT, LVTT_DEADLINE | VEC_TIMER);
		g_wrmsr(MSR_DEADLINE, g_rdtsc() + 300000000);
	} else {
		g_set_apic(APIC_LVTT, VEC_TIMER);
		g_set_apic(APIC_TMICT, 200000000);
	}
	g_sync(1, 0);
	/* It may have come before the move, and waits then. */
	while (!timers)
		g_sti_hlt();
	g_cli();
	G_CHECK_EQ(timers, 1);
	g_done();
}

CASE_SLOW(a_one_shot_timer_fires_once, 30, NULL)
{
	struct cpu *c = apic_cpu(full_box(), 0);

	cpu_long_arg(c, shoot, 0);
	cpu_expect_sync(c, 1);
	move(&c, 1);
	cpu_expect_done(c);
}

CASE_SLOW(a_tsc_deadline_fires_once, 30, NULL)
{
	struct cpu *c;

	NEED_CAP(KVM_CAP_TSC_DEADLINE_TIMER);
	c = apic_cpu(full_box(), 0);
	cpu_long_arg(c, shoot, 1);
	cpu_expect_sync(c, 1);
	move(&c, 1);
	cpu_expect_done(c);
}

static GUEST void wait_with_irqs_off(void)
{
	u64 i;

	g_controllers();
	g_ipi(0, VEC_IPI | ICR_SELF);
	for (i = 0; i < 512; i++)
		g_write64(KEPT + 8 * i, i * 0x9e3779b97f4a7c15);
	g_sync(1, 0);
	G_CHECK_EQ(ipis, 0);
	for (i = 0; i < 512; i++)
		G_CHECK_EQ(g_read64(KEPT + 8 * i), i * 0x9e3779b97f4a7c15);
	g_window();
	G_CHECK_EQ(ipis, 1);
	g_window();
	G_CHECK_EQ(ipis, 1);
	g_done();
}

CASE(an_interrupt_that_waits_comes_once)
{
	struct cpu *c = apic_cpu(full_box(), 0);

	cpu_long(c, wait_with_irqs_off);
	cpu_expect_sync(c, 1);
	move(&c, 1);
	CHECK_EQ(GV(c->box, ipis), 0);
	cpu_expect_done(c);
}

/* vCPU 1 has the logical id 2 and waits; vCPU 0 sends to it after the move. */
static GUEST void sender(void)
{
	g_controllers();
	g_set_xapic(APIC_LDR, 1u << 24);
	g_sync(1, 0);
	g_ipi(2, VEC_IPI | ICR_LOGICAL);
	g_sync(2, 0);
	for (;;)
		g_hlt();
}

static GUEST void receiver(void)
{
	g_controllers();
	g_set_xapic(APIC_LDR, 2u << 24);
	g_sync(1, 0);
	while (!ipis)
		g_sti_hlt();
	g_done();
}

CASE(ipis_find_their_way_by_logical_ids)
{
	struct box *b = full_box();
	struct cpu *cpus[2] = { apic_cpu(b, 0), apic_cpu(b, 1) };
	struct kvm_mp_state run = { KVM_MP_STATE_RUNNABLE };

	cpu_set_mp_state(cpus[1], &run);
	cpu_long(cpus[0], sender);
	cpu_long(cpus[1], receiver);
	cpu_expect_sync(cpus[0], 1);
	cpu_expect_sync(cpus[1], 1);
	move(cpus, 2);
	cpu_expect_sync(cpus[0], 2);
	move(cpus, 2);
	cpu_expect_done(cpus[1]);
}

CASE(a_cpu_that_waits_for_sipi_still_does)
{
	struct box *b = full_box();
	struct cpu *cpus[2] = { apic_cpu(b, 0), apic_cpu(b, 1) };

	CHECK_EQ(cpu_get_mp_state(cpus[1]).mp_state, KVM_MP_STATE_UNINITIALIZED);
	cpu_long(cpus[0], wait_with_irqs_off);
	cpu_expect_sync(cpus[0], 1);
	move(cpus, 2);
	CHECK_EQ(cpu_get_mp_state(cpus[1]).mp_state, KVM_MP_STATE_UNINITIALIZED);
	CHECK_EQ(cpu_get_mp_state(cpus[0]).mp_state, KVM_MP_STATE_RUNNABLE);
	cpu_expect_done(cpus[0]);
}

/* What is read from the new VM before it ran is what was read from the old one. */
CASE(nothing_that_was_saved_is_lost)
{
	struct cpu *c = apic_cpu(full_box(), 0), *new;
	struct saved *s, *again;
	u32 i;

	cpu_long(c, wait_with_irqs_off);
	cpu_expect_sync(c, 1);
	s = save(&c, 1);
	restore(s, &new);
	again = save(&new, 1);
	CHECK_MEM_EQ(&again->cpus[0].regs, &s->cpus[0].regs, sizeof(s->cpus[0].regs));
	CHECK_MEM_EQ(&again->cpus[0].sregs, &s->cpus[0].sregs, sizeof(s->cpus[0].sregs));
	CHECK_MEM_EQ(&again->cpus[0].lapic, &s->cpus[0].lapic, sizeof(s->cpus[0].lapic));
	CHECK_MEM_EQ(&again->cpus[0].xcrs, &s->cpus[0].xcrs, sizeof(s->cpus[0].xcrs));
	CHECK_MEM_EQ(&again->cpus[0].debug, &s->cpus[0].debug, sizeof(s->cpus[0].debug));
	CHECK_EQ(again->cpus[0].mp.mp_state, s->cpus[0].mp.mp_state);
	for (i = 0; i < 3; i++)
		CHECK_MEM_EQ(&again->chips[i].chip, &s->chips[i].chip, sizeof(s->chips[i].chip));
	CHECK(again->clock.clock >= s->clock.clock);
	for (i = 0; i < s->cpus[0].list->nmsrs; i++) {
		u32 msr = s->cpus[0].list->indices[i];

		if (!s->cpus[0].readable[i])
			continue;
		CHECK(again->cpus[0].readable[i]);
		if (msr == MSR_TSC || msr == MSR_HV_TIME || msr == MSR_HV_RUN_TIME)
			CHECK(again->cpus[0].msrs[i] >= s->cpus[0].msrs[i]);
		else if (again->cpus[0].msrs[i] != s->cpus[0].msrs[i])
			DIE("MSR %#x was %#llx and is %#llx", msr,
			    (unsigned long long)s->cpus[0].msrs[i],
			    (unsigned long long)again->cpus[0].msrs[i]);
	}
}
