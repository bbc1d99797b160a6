// SPDX-License-Identifier: GPL-2.0-only
/*
 * How others get the attention of vCPUs.
 *
 * The sender writes a request, then reads vcpu->mode. The vCPU writes
 * VCPU_IN_GUEST, then reads its requests, with interrupts off. Full barriers
 * stand between on both sides, so one of them sees the other; the IPI of a
 * sender that saw VCPU_IN_GUEST is pending when the guest is entered and
 * ends that at once.
 *
 * kvm_synchronize() is the writers' end of the VM's SRCU: vCPUs in KVM_RUN stay
 * in one read section for many exits and are told to renew it.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/rcuwait.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <trace/events/ipi.h>
#include <kvm/arch.h>
#include <kvm/core.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>

/* More of them than this are not kept: what is unpublished must not add up. */
#define MAX_RETIRED	64

/* For senders that wait; preemption is off while one is in use. */
static DEFINE_PER_CPU(cpumask_var_t, ipi_mask);

int kvm_vcpu_request_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (!zalloc_cpumask_var_node(&per_cpu(ipi_mask, cpu), GFP_KERNEL,
					     cpu_to_node(cpu))) {
			kvm_vcpu_request_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

void kvm_vcpu_request_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		free_cpumask_var(per_cpu(ipi_mask, cpu));
}

/* CPU that @vcpu is in guest mode on, other than @self; or -1. */
static int guest_cpu(const struct kvm_vcpu *vcpu, int self)
{
	int cpu;

	if (READ_ONCE(vcpu->mode) != VCPU_IN_GUEST)
		return -1;
	cpu = READ_ONCE(vcpu->cpu);
	return cpu == self ? -1 : cpu;
}

void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
	int cpu;

	/* What the vCPU is to see was written before; also orders it before the reads below. */
	smp_mb();
	rcuwait_wake_up(&vcpu->wait);

	cpu = guest_cpu(vcpu, get_cpu());
	if (cpu >= 0 && cpu_online(cpu))
		smp_send_reschedule(cpu);
	put_cpu();
}
EXPORT_SYMBOL_GPL(kvm_vcpu_kick);

static void ipi_received(void *unused)
{
	/* The interrupt itself is the message: the CPU has left the guest. */
}

/* All CPUs with a vCPU in guest mode have left it once when this returns. */
static bool kick_and_wait(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	struct cpumask *mask;
	unsigned long i;
	int cpu, self;
	bool any;

	self = get_cpu();
	mask = this_cpu_cpumask_var_ptr(ipi_mask);
	cpumask_clear(mask);
	kvm_for_each_vcpu(i, vcpu, kvm) {
		cpu = guest_cpu(vcpu, self);
		if (cpu >= 0)
			__cpumask_set_cpu(cpu, mask);
	}
	any = !cpumask_empty(mask);
	if (any)
		smp_call_function_many(mask, ipi_received, NULL, true);
	put_cpu();
	return any;
}

bool kvm_request_all(struct kvm *kvm, unsigned int req, bool wait)
{
	struct kvm_vcpu *vcpu;
	bool sent = false;
	unsigned long i;
	int cpu;

	kvm_for_each_vcpu(i, vcpu, kvm)
		kvm_make_request(req, vcpu);
	/* Between the requests and the modes, for all vCPUs at once. */
	smp_mb__after_atomic();

	if (wait) {
		sent = kick_and_wait(kvm);
	} else {
		int self = get_cpu();

		kvm_for_each_vcpu(i, vcpu, kvm) {
			cpu = guest_cpu(vcpu, self);
			if (cpu >= 0 && cpu_online(cpu)) {
				smp_send_reschedule(cpu);
				sent = true;
			}
		}
		put_cpu();
	}
	return sent;
}
EXPORT_SYMBOL_GPL(kvm_request_all);

void kvm_kick_all(struct kvm *kvm)
{
	smp_mb();	/* as in kvm_vcpu_kick() */
	kick_and_wait(kvm);
}
EXPORT_SYMBOL_GPL(kvm_kick_all);

void kvm_vcpu_srcu_lock(struct kvm_vcpu *vcpu)
	__acquires(&vcpu->kvm->srcu)
{
	KVM_BUG_ON_VM(vcpu->srcu_held, vcpu->kvm);
	vcpu->srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);
	vcpu->srcu_held = true;
}
EXPORT_SYMBOL_GPL(kvm_vcpu_srcu_lock);

void kvm_vcpu_srcu_unlock(struct kvm_vcpu *vcpu)
	__releases(&vcpu->kvm->srcu)
{
	vcpu->srcu_held = false;
	srcu_read_unlock(&vcpu->kvm->srcu, vcpu->srcu_idx);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_srcu_unlock);

void kvm_synchronize(struct kvm *kvm)
{
	struct kvm_retired *obj, *next;
	int i;

	lockdep_assert_held(&kvm->slots_lock);

	kvm_request_all(kvm, KVM_REQ_QUIESCE, false);
	synchronize_srcu_expedited(&kvm->srcu);

	for (obj = kvm->retired; obj; obj = next) {
		next = obj->next;
		kvfree(obj);
	}
	kvm->retired = NULL;
	kvm->nr_retired = 0;
	for (i = 0; i < KVM_ADDRESS_SPACES; i++)
		kvm->slots_busy[i] = false;
}
EXPORT_SYMBOL_GPL(kvm_synchronize);

void kvm_retire(struct kvm *kvm, struct kvm_retired *obj)
{
	lockdep_assert_held(&kvm->slots_lock);

	obj->next = kvm->retired;
	kvm->retired = obj;
	if (++kvm->nr_retired >= MAX_RETIRED)
		kvm_synchronize(kvm);
}
EXPORT_SYMBOL_GPL(kvm_retire);
