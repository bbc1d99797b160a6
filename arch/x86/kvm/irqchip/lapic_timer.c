// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer on an hrtimer, or on a timer of the vendor's.
 *
 * The vCPU's thread arms and cancels; the callback posts the vector of the LVT
 * as any other sender would. A periodic timer is moved on by its callback from
 * where it should have expired, so it does not drift; what was missed while the
 * host was busy is skipped. The count that the guest reads is computed from the
 * time of expiry; a guest that reads there that the time has come finds the
 * interrupt requested, as on hardware, even if the callback has yet to run.
 *
 * Waking the vCPU and entering the guest take time. So the callback of a TSC
 * deadline comes earlier by about as much, and the vCPU's thread waits for the
 * rest before it hands over the interrupt (lapic_timer_wait()).
 *
 * While the vCPU runs nobody else has to hear of a TSC deadline: where the
 * processor can count down in the guest (guest_timer_set()), no hrtimer is
 * started, and no interrupt of the host is needed. Out of the guest that timer
 * stands still, and its deadline is found to be over by whoever looks, the next
 * entry at the latest; a vCPU that is about to wait goes back to the hrtimer
 * (lapic_timer_block()).
 */
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>
#include <asm/tsc.h>
#include "../exit.h"
#include "../mp_state.h"
#include "../regs.h"
#include "../vendor.h"
#include "chips.h"
#include "lapic.h"

static unsigned int min_timer_period_us = 200;
module_param(min_timer_period_us, uint, 0644);
MODULE_PARM_DESC(min_timer_period_us, "Shortest period that a guest's periodic timer can have");

static int lapic_timer_advance_ns;
module_param(lapic_timer_advance_ns, int, 0644);
MODULE_PARM_DESC(lapic_timer_advance_ns,
		 "A TSC deadline is served so much (ns) in advance; -1: each vCPU finds out, 0 (default): never");

/* What is found out begins with, and goes no further than */
#define ADVANCE_FIRST_NS	1000
#define ADVANCE_MOST_NS		5000
/* Further away than that it is for the hrtimer. */
#define GUEST_TIMER_MOST_NS	NSEC_PER_SEC
/* Over sooner than an hrtimer can be started and its interrupt be taken: the thread waits for that. */
#define SHORT_NS		500
/* Served so late, the thread did not have the CPU, or the guest had closed interrupts. */
#define STRAY_NS		10000

static u32 bus_ns(const struct lapic *l)
{
	return l->vcpu->vm->apic_bus_ns ?: 1;
}

static enum hrtimer_restart expired(struct hrtimer *hr)
{
	struct lapic *l = container_of(hr, struct lapic, timer.hr);
	u32 lvt = lapic_model_peek(&l->m, LAPIC_LVT_TIMER);
	u64 period = READ_ONCE(l->timer.period_ns);

	WRITE_ONCE(l->timer.due, l->timer.next_due);
	if (!(lvt & LAPIC_LVT_MASKED))
		lapic_post(l->vcpu, &(struct irq_msg){ .mode = IRQ_MODE_FIXED, .vector = lvt });
	if (lapic_model_timer_mode(&l->m) == LAPIC_TIMER_PERIODIC && period) {
		hrtimer_forward_now(hr, ns_to_ktime(period));
		return HRTIMER_RESTART;
	}
	WRITE_ONCE(l->timer.deadline, 0);
	return HRTIMER_NORESTART;
}

void lapic_timer_init(struct lapic *l)
{
	hrtimer_init(&l->timer.hr, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	l->timer.hr.function = expired;
}

/* --- in advance --- */

static u32 advance_ns(struct lapic *l)
{
	int fixed = READ_ONCE(lapic_timer_advance_ns);

	if (fixed >= 0)
		return min(fixed, ADVANCE_MOST_NS);
	if (!l->timer.advance_ns)
		l->timer.advance_ns = ADVANCE_FIRST_NS;
	return l->timer.advance_ns;
}

static u64 ns_of_ticks(u64 ticks, u32 khz)
{
	return mul_u64_u32_div(ticks, NSEC_PER_MSEC, khz);
}

/* Half the way to where neither the guest nor the thread would have to wait. */
static void learn(struct lapic *l, u64 ns, bool late)
{
	u32 now = l->timer.advance_ns;

	if (READ_ONCE(lapic_timer_advance_ns) >= 0 || ns > STRAY_NS)
		return;
	if (late)
		now = min_t(u64, now + ns / 2, ADVANCE_MOST_NS);
	else
		now -= min_t(u64, ns / 2, now - 1);
	l->timer.advance_ns = now;
}

/* The callback came before its time: the interrupt is not handed over before that. */
void lapic_timer_wait(struct lapic *l)
{
	u64 due = l->timer.due, now = tsc_read(l->vcpu), ns;
	u32 khz = l->vcpu->tsc.khz;

	l->timer.due = 0;
	if (now >= due) {
		learn(l, ns_of_ticks(now - due, khz), true);
		return;
	}
	ns = ns_of_ticks(due - now, khz);
	/* Somebody has changed the TSC. */
	if (ns > STRAY_NS)
		return;
	learn(l, ns, false);
	while (tsc_read(l->vcpu) < due)
		cpu_relax();
}

/* The callback does not run any more, nor will it. It is short: interrupts may be off. */
static bool cancel(struct lapic *l)
{
	bool was_armed = hrtimer_cancel(&l->timer.hr) || l->timer.in_guest;

	if (l->timer.in_guest) {
		l->timer.in_guest = false;
		vendor_call_opt(guest_timer_cancel, l->vcpu);
	}
	l->timer.next_due = 0;
	return was_armed;
}

/* It has expired already: as if the callback had run. */
static void fire(struct lapic *l)
{
	if (lapic_model_local(&l->m, LAPIC_LVT_TIMER) != LAPIC_LOCAL_NONE)
		req_event(l->vcpu);
}

static void arm(struct lapic *l, u64 ns)
{
	ktime_t end = ktime_add_safe(ktime_get(), min_t(u64, ns, KTIME_MAX));

	if (ns <= SHORT_NS && lapic_model_timer_mode(&l->m) != LAPIC_TIMER_PERIODIC) {
		while (ktime_before(ktime_get(), end))
			cpu_relax();
		WRITE_ONCE(l->timer.due, l->timer.next_due);
		WRITE_ONCE(l->timer.deadline, 0);
		fire(l);
		return;
	}
	l->timer.cpu = raw_smp_processor_id();
	hrtimer_start(&l->timer.hr, end, HRTIMER_MODE_ABS_HARD);
}

void lapic_timer_stop(struct lapic *l)
{
	cancel(l);
	l->timer.due = 0;
	WRITE_ONCE(l->timer.period_ns, 0);
	WRITE_ONCE(l->timer.deadline, 0);
}

/* Periods shorter than that would keep the host busy with nothing else. */
static u64 period_of(const struct lapic *l)
{
	u64 shortest = (u64)READ_ONCE(min_timer_period_us) * NSEC_PER_USEC, ns;

	ns = lapic_model_timer_ns(&l->m, lapic_reg(&l->m, LAPIC_TIMER_INITIAL), bus_ns(l));
	if (!ns || lapic_model_timer_mode(&l->m) != LAPIC_TIMER_PERIODIC)
		return ns;
	return max(ns, shortest);
}

void lapic_timer_start(struct lapic *l)
{
	u64 period = period_of(l);

	cancel(l);
	WRITE_ONCE(l->timer.period_ns, period);
	if (period)
		arm(l, period);
}

static s64 until_expiry(const struct lapic *l)
{
	return ktime_to_ns(ktime_sub(hrtimer_get_expires(&l->timer.hr), ktime_get()));
}

/* Nanoseconds until it expires, at most a period; 0: it does not run. */
static u64 remaining(struct lapic *l)
{
	struct hrtimer *hr = &l->timer.hr;
	u64 period = l->timer.period_ns;
	s64 left;

	if (!period || !hrtimer_active(hr))
		return 0;
	left = until_expiry(l);
	if (likely(left > 0))
		return left;
	/* The time has come, and the callback not yet: this is as good a place. */
	if (cancel(l)) {
		fire(l);
		if (lapic_model_timer_mode(&l->m) == LAPIC_TIMER_PERIODIC) {
			hrtimer_forward_now(hr, ns_to_ktime(period));
			hrtimer_start_expires(hr, HRTIMER_MODE_ABS_HARD);
		}
	}
	return hrtimer_active(hr) ? max_t(s64, until_expiry(l), 1) : 0;
}

/* The deadline is over, and its timer has not got to it: this is as good a place. */
static void settle_deadline(struct lapic *l)
{
	if (l->timer.deadline && l->timer.deadline <= tsc_read(l->vcpu) && cancel(l)) {
		WRITE_ONCE(l->timer.deadline, 0);
		fire(l);
	}
}

u32 lapic_timer_current(struct lapic *l)
{
	u64 left;

	if (lapic_model_timer_mode(&l->m) >= LAPIC_TIMER_DEADLINE) {
		settle_deadline(l);
		return 0;
	}
	left = remaining(l);
	if (!left)
		return 0;
	return min(lapic_model_timer_count(&l->m, left, bus_ns(l)),
		   lapic_reg(&l->m, LAPIC_TIMER_INITIAL));
}

/* The count stays what it was, but goes at another rate from now on. */
void lapic_timer_rate(struct lapic *l)
{
	u64 old = l->timer.period_ns, left = remaining(l), period = period_of(l);

	if (!left || period == old)
		return;
	cancel(l);
	WRITE_ONCE(l->timer.period_ns, period);
	arm(l, mul_u64_u64_div_u64(left, period, old));
}

/* --- TSC deadline --- */

/* What runs a guest without entering it, or lets it stop by itself, is no place for such a timer. */
static bool guest_timer_usable(const struct x86_vcpu *vcpu, u64 ns)
{
	return ns <= GUEST_TIMER_MOST_NS && !vendor_caps.restricted && !check_tsc_unstable() &&
	       !static_branch_unlikely(&emul_interpret) &&
	       !(vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_MWAIT);
}

/* @ticks of the guest's TSC from now. False: it takes the hrtimer. */
static bool arm_in_guest(struct lapic *l, u64 ticks)
{
	const struct x86_tsc *tsc = &l->vcpu->tsc;

	if (tsc->ratio)
		ticks = mul_u64_u64_div_u64(ticks, 1ull << vendor_caps.tsc_frac_bits, tsc->ratio);
	l->timer.in_guest = vendor_call(guest_timer_set, l->vcpu, rdtsc() + ticks);
	return l->timer.in_guest;
}

static void arm_deadline(struct lapic *l, bool in_guest)
{
	struct x86_vcpu *vcpu = l->vcpu;
	u64 ns, now;
	u32 early;

	l->timer.due = 0;
	if (!l->timer.deadline || lapic_model_timer_mode(&l->m) != LAPIC_TIMER_DEADLINE)
		return;
	now = tsc_read(vcpu);
	ns = lapic_deadline_ns(l->timer.deadline, now, vcpu->tsc.khz);
	if (ns) {
		/* Nobody has to be woken: in the guest it needs no advance. */
		if (in_guest && guest_timer_usable(vcpu, ns) &&
		    arm_in_guest(l, l->timer.deadline - now))
			return;
		early = advance_ns(l);
		l->timer.next_due = early ? l->timer.deadline : 0;
		arm(l, ns > early ? ns - early : 0);
	} else {
		WRITE_ONCE(l->timer.deadline, 0);
		fire(l);
	}
}

u64 lapic_deadline_get(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;

	if (!l || lapic_model_timer_mode(&l->m) != LAPIC_TIMER_DEADLINE)
		return 0;
	settle_deadline(l);
	return READ_ONCE(l->timer.deadline);
}

/* User space may restore it before the LVT that says what it means. */
void lapic_deadline_set(struct x86_vcpu *vcpu, u64 deadline, bool host)
{
	struct lapic *l = vcpu->lapic;

	if (!l || (!host && lapic_model_timer_mode(&l->m) != LAPIC_TIMER_DEADLINE))
		return;
	if (lapic_model_timer_mode(&l->m) == LAPIC_TIMER_DEADLINE)
		cancel(l);
	WRITE_ONCE(l->timer.deadline, deadline);
	arm_deadline(l, true);
}

void lapic_timer_tsc_changed(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;

	if (!l || lapic_model_timer_mode(&l->m) != LAPIC_TIMER_DEADLINE)
		return;
	cancel(l);
	arm_deadline(l, true);
}

/* The guest has run up to there: the deadline is over, or (another TSC) not yet. */
void lapic_timer_guest_expired(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;

	cancel(l);
	arm_deadline(l, true);
}
EXPORT_SYMBOL_GPL(lapic_timer_guest_expired);

void lapic_timer_block(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;

	if (!l || !l->timer.in_guest)
		return;
	cancel(l);
	arm_deadline(l, false);
}

/* --- state of user space, and CPUs --- */

void lapic_timer_restore(struct lapic *l, u32 count)
{
	u64 period = period_of(l), left;

	cancel(l);
	WRITE_ONCE(l->timer.period_ns, 0);
	if (lapic_model_timer_mode(&l->m) >= LAPIC_TIMER_DEADLINE) {
		arm_deadline(l, true);
		return;
	}
	WRITE_ONCE(l->timer.deadline, 0);
	if (!period)
		return;
	left = lapic_model_timer_ns(&l->m, count, bus_ns(l));
	/* A one-shot timer without count has expired before it was saved. */
	if (!left && lapic_model_timer_mode(&l->m) == LAPIC_TIMER_ONESHOT)
		return;
	WRITE_ONCE(l->timer.period_ns, period);
	arm(l, left && left < period ? left : period);
}

void lapic_timer_migrate(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;
	int cpu = raw_smp_processor_id();

	if (l->timer.cpu == cpu)
		return;
	l->timer.cpu = cpu;
	if (mp_is_boot_cpu(vcpu) && READ_ONCE(vcpu->vm->pit))
		pit_migrate(vcpu->vm->pit);
	if (hrtimer_cancel(&l->timer.hr))
		hrtimer_start_expires(&l->timer.hr, HRTIMER_MODE_ABS_HARD);
}
