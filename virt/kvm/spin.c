// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU spins, most likely for a lock whose holder does not run: give the
 * holder the CPU.
 *
 * Nobody says which one that is. A vCPU that the scheduler took off its CPU, or that
 * was woken and has not got one yet, may be; one that is halted, or that runs, is
 * not. The candidates get their turn one after the other. One that spins itself
 * waits, too, and is passed over every other time.
 */
#include <linux/export.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <kvm/arch.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>

/* The scheduler refuses now and then: look for another one so often. */
#define MAX_REFUSALS	3

static struct task_struct *task_of(struct kvm_vcpu *vcpu)
{
	struct task_struct *task;

	read_lock(&vcpu->pid_lock);
	task = get_pid_task(rcu_dereference_protected(vcpu->pid, lockdep_is_held(&vcpu->pid_lock)),
			    PIDTYPE_PID);
	read_unlock(&vcpu->pid_lock);
	return task;
}

int kvm_vcpu_yield_to(struct kvm_vcpu *vcpu, struct kvm_vcpu *target)
{
	struct task_struct *task = task_of(target);
	int ret;

	vcpu->stat.directed_yield_attempted++;
	if (!task)
		return 0;
	ret = yield_to(task, true);
	put_task_struct(task);
	if (ret > 0)
		vcpu->stat.directed_yield_successful++;
	return ret;
}
EXPORT_SYMBOL_GPL(kvm_vcpu_yield_to);

/* It spins itself: every other time it is taken nevertheless, should all of them spin. */
static bool has_its_turn(struct kvm_vcpu *vcpu)
{
	bool turn = !READ_ONCE(vcpu->spinning) || READ_ONCE(vcpu->spin_turn);

	if (READ_ONCE(vcpu->spinning))
		WRITE_ONCE(vcpu->spin_turn, !turn);
	return turn;
}

static bool may_hold_the_lock(struct kvm_vcpu *vcpu, bool kernel_only)
{
	if (READ_ONCE(vcpu->ready))
		return has_its_turn(vcpu);
	if (!READ_ONCE(vcpu->preempted))
		return false;
	if (kernel_only && !READ_ONCE(vcpu->preempted_in_kernel))
		return false;
	return has_its_turn(vcpu);
}

void kvm_vcpu_on_spin(struct kvm_vcpu *vcpu, bool kernel_only)
{
	struct kvm *kvm = vcpu->kvm;
	struct kvm_vcpu *other;
	int refusals = 0;
	int n, nr, at, ret;

	/* pairs with the release in vCPU creation */
	nr = smp_load_acquire(&kvm->nr_vcpus);
	at = READ_ONCE(kvm->last_boosted);

	WRITE_ONCE(vcpu->spinning, true);
	for (n = 0; n < nr && refusals < MAX_REFUSALS; n++) {
		at = at + 1 < nr ? at + 1 : 0;
		other = kvm_vcpu_at(kvm, at);
		if (!other || other == vcpu || !may_hold_the_lock(other, kernel_only))
			continue;
		ret = kvm_vcpu_yield_to(vcpu, other);
		if (ret > 0) {
			WRITE_ONCE(kvm->last_boosted, at);
			break;
		}
		/* -ESRCH: there is nothing to give away, nobody else is on this CPU or that one. */
		if (ret < 0)
			refusals++;
	}
	WRITE_ONCE(vcpu->spinning, false);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_on_spin);
