// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer on an hrtimer.
 *
 * The vCPU's thread arms and cancels; the callback posts the vector of the LVT
 * as any other sender would. A periodic timer is moved on by its callback from
 * where it should have expired, so it does not drift; what was missed while the
 * host was busy is skipped. The count that the guest reads is computed from the
 * time of expiry.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>
#include "../regs.h"
#include "../vendor.h"
#include "lapic.h"

static unsigned int min_timer_period_us = 200;
module_param(min_timer_period_us, uint, 0644);
MODULE_PARM_DESC(min_timer_period_us, "Shortest period that a guest's periodic timer can have");

static u32 bus_ns(const struct lapic *l)
{
	return l->vcpu->vm->apic_bus_ns ?: 1;
}

static enum hrtimer_restart expired(struct hrtimer *hr)
{
	struct lapic *l = container_of(hr, struct lapic, timer.hr);
	u32 lvt = lapic_model_peek(&l->m, LAPIC_LVT_TIMER);
	u64 period = READ_ONCE(l->timer.period_ns);

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

/* The callback does not run any more, nor will it. It is short: interrupts may be off. */
static void cancel(struct lapic *l)
{
	hrtimer_cancel(&l->timer.hr);
}

static void arm(struct lapic *l, u64 ns)
{
	ktime_t delta = min_t(u64, ns, KTIME_MAX);

	l->timer.cpu = raw_smp_processor_id();
	hrtimer_start(&l->timer.hr, ktime_add_safe(ktime_get(), delta), HRTIMER_MODE_ABS_HARD);
}

/* It has expired already: as if the callback had run. */
static void fire(struct lapic *l)
{
	if (lapic_model_local(&l->m, LAPIC_LVT_TIMER) != LAPIC_LOCAL_NONE)
		req_event(l->vcpu);
}

void lapic_timer_stop(struct lapic *l)
{
	cancel(l);
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

/* Nanoseconds until it expires, at most a period; 0: it does not run. */
static u64 remaining(const struct lapic *l)
{
	u64 period = l->timer.period_ns;
	s64 left;

	if (!period || !hrtimer_active(&l->timer.hr))
		return 0;
	left = ktime_to_ns(ktime_sub(hrtimer_get_expires(&l->timer.hr), ktime_get()));
	if (left > 0)
		return left;
	/* The callback is late; the count has gone on. */
	if (lapic_model_timer_mode(&l->m) != LAPIC_TIMER_PERIODIC)
		return 0;
	return period - (u64)-left % period;
}

u32 lapic_timer_current(struct lapic *l)
{
	u64 left;

	if (lapic_model_timer_mode(&l->m) >= LAPIC_TIMER_DEADLINE)
		return 0;
	left = remaining(l);
	if (!left)
		return 0;
	return min(lapic_model_timer_count(&l->m, left, bus_ns(l)),
		   lapic_reg(&l->m, LAPIC_TIMER_INITIAL));
}

/* The count stays what it was, but goes at another rate from now on. */
void lapic_timer_rate(struct lapic *l)
{
	u64 old = l->timer.period_ns, left = remaining(l), period;

	if (!left)
		return;
	cancel(l);
	period = period_of(l);
	WRITE_ONCE(l->timer.period_ns, period);
	arm(l, mul_u64_u64_div_u64(left, period, old));
}

/* --- TSC deadline --- */

static void arm_deadline(struct lapic *l)
{
	struct x86_vcpu *vcpu = l->vcpu;
	u64 ns;

	if (!l->timer.deadline || lapic_model_timer_mode(&l->m) != LAPIC_TIMER_DEADLINE)
		return;
	ns = lapic_deadline_ns(l->timer.deadline, tsc_read(vcpu), vcpu->tsc.khz);
	if (ns) {
		arm(l, ns);
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
	arm_deadline(l);
}

void lapic_timer_tsc_changed(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;

	if (!l || lapic_model_timer_mode(&l->m) != LAPIC_TIMER_DEADLINE)
		return;
	cancel(l);
	arm_deadline(l);
}

/* --- state of user space, and CPUs --- */

void lapic_timer_restore(struct lapic *l, u32 count)
{
	u64 period = period_of(l), left;

	cancel(l);
	WRITE_ONCE(l->timer.period_ns, 0);
	if (lapic_model_timer_mode(&l->m) >= LAPIC_TIMER_DEADLINE) {
		arm_deadline(l);
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
	if (hrtimer_cancel(&l->timer.hr))
		hrtimer_start_expires(&l->timer.hr, HRTIMER_MODE_ABS_HARD);
}
