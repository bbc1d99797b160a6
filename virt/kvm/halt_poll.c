// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU has nothing to do: wait for what wakes it.
 *
 * Sleeping and being woken costs more than many halts last, so the thread looks
 * for a while before it sleeps, as long as nobody else wants its CPU. halt_poll.h
 * says for how long, and learns.
 */
#include <linux/bitops.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <kvm/arch.h>
#include <kvm/core.h>
#include <kvm/trace.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>
#include "halt_poll.h"

static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "a halted vCPU looks at most so long (ns) before it sleeps");

static unsigned int halt_poll_ns_grow = 2;
module_param(halt_poll_ns_grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow, "factor by which that time grows; 0: it does not");

static unsigned int halt_poll_ns_grow_start = 10000;
module_param(halt_poll_ns_grow_start, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "what it begins with (ns)");

static unsigned int halt_poll_ns_shrink = 2;
module_param(halt_poll_ns_shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink, "divisor by which it shrinks; 0: to nothing at once");

static bool wait_is_over(struct kvm_vcpu *vcpu)
{
	return kvm_take_request(KVM_REQ_UNBLOCK, vcpu) ||
	       kvm_test_request(KVM_REQ_VM_DEAD, vcpu) ||
	       arch_vcpu_runnable(vcpu) || signal_pending(current);
}

bool kvm_vcpu_block(struct kvm_vcpu *vcpu)
{
	bool slept = false;

	prepare_to_rcuwait(&vcpu->wait);
	vcpu->stat.blocking = 1;
	for (;;) {
		/* Full barrier: a kick after this is seen in the state, one before it below. */
		set_current_state(TASK_INTERRUPTIBLE);
		if (wait_is_over(vcpu))
			break;
		slept = true;
		schedule();
	}
	vcpu->stat.blocking = 0;
	finish_rcuwait(&vcpu->wait);
	if (slept && !signal_pending(current))
		vcpu->stat.halt_wakeup++;
	return slept;
}
EXPORT_SYMBOL_GPL(kvm_vcpu_block);

static void rules_of(const struct kvm *kvm, struct halt_poll_rules *rules)
{
	rules->max = READ_ONCE(halt_poll_ns);
	if (READ_ONCE(kvm->own_halt_poll))
		rules->max = READ_ONCE(kvm->max_halt_poll_ns);
	rules->grow = READ_ONCE(halt_poll_ns_grow);
	rules->grow_start = READ_ONCE(halt_poll_ns_grow_start);
	rules->shrink = READ_ONCE(halt_poll_ns_shrink);
}

/* Bucket n is for what is below 2^n, the last one for all else. */
static void count_in(u64 *hist, unsigned int buckets, u64 value)
{
	hist[min_t(unsigned int, fls64(value), buckets - 1)]++;
}

/* Look until @end. Return: whether the wait is over. */
static bool look(struct kvm_vcpu *vcpu, u64 end)
{
	do {
		if (wait_is_over(vcpu))
			return true;
		cpu_relax();
	} while (!need_resched() && single_task_running() && ktime_get_ns() < end);
	return false;
}

static void count_look(struct kvm_vcpu *vcpu, bool caught, u64 ns)
{
	struct kvm_vcpu_stats *s = &vcpu->stat;

	s->halt_attempted_poll++;
	if (caught) {
		s->halt_successful_poll++;
		s->halt_poll_success_ns += ns;
		count_in(s->halt_poll_success_hist, ARRAY_SIZE(s->halt_poll_success_hist), ns);
	} else {
		s->halt_poll_fail_ns += ns;
		count_in(s->halt_poll_fail_hist, ARRAY_SIZE(s->halt_poll_fail_hist), ns);
	}
}

void kvm_vcpu_halt(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_stats *s = &vcpu->stat;
	struct halt_poll_rules rules;
	u64 begin, asleep, now;
	unsigned int before;
	bool over = false;

	rules_of(vcpu->kvm, &rules);
	begin = ktime_get_ns();
	asleep = begin;
	if (vcpu->halt_poll_ns > rules.max)
		vcpu->halt_poll_ns = rules.max;

	if (vcpu->halt_poll_ns && !vcpu->no_halt_poll) {
		over = look(vcpu, begin + vcpu->halt_poll_ns);
		asleep = ktime_get_ns();
		count_look(vcpu, over, asleep - begin);
	}
	now = asleep;
	if (!over && kvm_vcpu_block(vcpu)) {
		now = ktime_get_ns();
		s->halt_wait_ns += now - asleep;
		count_in(s->halt_wait_hist, ARRAY_SIZE(s->halt_wait_hist), now - asleep);
	}
	trace_kvm_vcpu_wakeup(now - begin, now != asleep, true);
	before = vcpu->halt_poll_ns;
	vcpu->halt_poll_ns = halt_poll_next(vcpu->halt_poll_ns, now - begin, &rules);
	if (vcpu->halt_poll_ns != before)
		trace_kvm_halt_poll_ns(vcpu->halt_poll_ns > before, vcpu->id, vcpu->halt_poll_ns,
				       before);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_halt);

/**
 * kvm_set_halt_poll - KVM_CAP_HALT_POLL: this VM's own limit
 * @kvm: VM
 * @ns: as the module parameter halt_poll_ns, for this VM alone
 */
void kvm_set_halt_poll(struct kvm *kvm, unsigned int ns)
{
	WRITE_ONCE(kvm->max_halt_poll_ns, ns);
	/* Who sees that there is a limit should see which: a mix lasts one halt. */
	WRITE_ONCE(kvm->own_halt_poll, true);
}
