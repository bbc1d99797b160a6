// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which vCPU is on this CPU: load, put and the scheduler in between.
 *
 * Between kvm_vcpu_load() and kvm_vcpu_put() the vCPU's state may be in the
 * registers of the CPU. When the scheduler takes the thread away, the preempt
 * notifier puts it; when the thread comes back, maybe elsewhere, it loads it.
 */
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <kvm/arch.h>
#include <kvm/compat/host.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>
#include "preempt.h"

static DEFINE_PER_CPU(struct kvm_vcpu *, running);

/* Preemption off. */
static void put_on(struct kvm_vcpu *vcpu, int cpu)
{
	__this_cpu_write(running, vcpu);
	WRITE_ONCE(vcpu->cpu, cpu);
	arch_vcpu_load(vcpu, cpu);
}

static void take_off(struct kvm_vcpu *vcpu)
{
	arch_vcpu_put(vcpu);
	WRITE_ONCE(vcpu->cpu, -1);
	__this_cpu_write(running, NULL);
}

static void switched_in(struct preempt_notifier *pn, int cpu)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, preempt);

	WRITE_ONCE(vcpu->preempted, false);
	WRITE_ONCE(vcpu->ready, false);
	put_on(vcpu, cpu);
}

static void switched_out(struct preempt_notifier *pn, struct task_struct *next)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, preempt);

	if (task_is_runnable(current)) {
		WRITE_ONCE(vcpu->preempted_in_kernel, arch_vcpu_in_kernel(vcpu));
		WRITE_ONCE(vcpu->preempted, true);
	}
	take_off(vcpu);
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in	= switched_in,
	.sched_out	= switched_out,
};

void kvm_preempt_init(struct kvm_vcpu *vcpu)
{
	preempt_notifier_init(&vcpu->preempt, &vcpu_preempt_ops);
}

void kvm_vcpu_load(struct kvm_vcpu *vcpu)
{
	int cpu = get_cpu();

	preempt_notifier_register(&vcpu->preempt);
	put_on(vcpu, cpu);
	put_cpu();
}
EXPORT_SYMBOL_GPL(kvm_vcpu_load);

void kvm_vcpu_put(struct kvm_vcpu *vcpu)
{
	preempt_disable();
	take_off(vcpu);
	preempt_notifier_unregister(&vcpu->preempt);
	preempt_enable();
}
EXPORT_SYMBOL_GPL(kvm_vcpu_put);

struct kvm_vcpu *kvm_running_vcpu(void)
{
	return this_cpu_read(running);
}
EXPORT_SYMBOL_GPL(kvm_running_vcpu);
