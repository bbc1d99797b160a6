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
 * Read sections: slots, buses and the like are replaced as a whole, and what was
 * replaced is freed when nobody can have it any more. kvm_synchronize() waits
 * for that. It plays the part of SRCU, which could not wait for a vCPU: that one
 * stays in a section for many exits, so that an exit costs no barrier, and
 * renews it when it is told to. A grace period of SRCU may begin after the
 * reader has renewed its section, and then waits for the new one, which nobody
 * asks to end. So a vCPU counts its sections, and the writer waits until each
 * one that was open has been left:
 *
 *	reader			writer
 *	read_seq becomes odd	publish
 *	full barrier		full barrier
 *	read what is published	look at read_seq
 *
 * Either the writer sees the section or the reader sees the new version. Other
 * readers are few and short: they are counted under a lock, in one of two
 * phases. The writer begins a new phase and waits for the old one to run empty;
 * the one before it is empty since the last time, as there is one writer.
 */
#include <linux/cpumask.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/rcuwait.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
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

void kvm_vcpu_wake(struct kvm_vcpu *vcpu)
{
	/* What the vCPU is to see was written before; also orders it before what is read then. */
	smp_mb();
	if (rcuwait_wake_up(&vcpu->wait))
		WRITE_ONCE(vcpu->ready, true);
}

void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
	int cpu;

	kvm_vcpu_wake(vcpu);
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

#ifdef CONFIG_LOCKDEP
static struct lock_class_key read_key;
struct lockdep_map kvm_read_map = STATIC_LOCKDEP_MAP_INIT("kvm_read", &read_key);
#else
struct lockdep_map kvm_read_map;
#endif
EXPORT_SYMBOL_GPL(kvm_read_map);

static void wake_writer(struct kvm *kvm)
{
	if (unlikely(rcuwait_active(&kvm->sync_wait)))
		rcuwait_wake_up(&kvm->sync_wait);
}

void kvm_vcpu_srcu_lock(struct kvm_vcpu *vcpu)
{
	KVM_BUG_ON_VM(vcpu->read_seq & 1, vcpu->kvm);
	lock_map_acquire_read(&kvm_read_map);
	/* Full barrier, see above. */
	smp_store_mb(vcpu->read_seq, vcpu->read_seq + 1);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_srcu_lock);

void kvm_vcpu_srcu_unlock(struct kvm_vcpu *vcpu)
{
	lock_map_release(&kvm_read_map);
	/* The section's reads come before, the look for a writer after: he sees one or the other. */
	smp_store_mb(vcpu->read_seq, vcpu->read_seq + 1);
	wake_writer(vcpu->kvm);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_srcu_unlock);

int kvm_read_lock(struct kvm *kvm)
{
	unsigned long flags;
	int phase;

	spin_lock_irqsave(&kvm->readers_lock, flags);
	phase = kvm->readers_phase;
	kvm->readers[phase]++;
	spin_unlock_irqrestore(&kvm->readers_lock, flags);
	lock_map_acquire_read(&kvm_read_map);
	return phase;
}
EXPORT_SYMBOL_GPL(kvm_read_lock);

void kvm_read_unlock(struct kvm *kvm, int phase)
{
	unsigned long flags;

	lock_map_release(&kvm_read_map);
	spin_lock_irqsave(&kvm->readers_lock, flags);
	if (!--kvm->readers[phase])
		wake_writer(kvm);
	spin_unlock_irqrestore(&kvm->readers_lock, flags);
}
EXPORT_SYMBOL_GPL(kvm_read_unlock);

/* Under the lock: nobody reads any more in that phase, and his reads came before. */
static bool phase_is_empty(struct kvm *kvm, int phase)
{
	bool empty;

	spin_lock_irq(&kvm->readers_lock);
	empty = !kvm->readers[phase];
	spin_unlock_irq(&kvm->readers_lock);
	return empty;
}

static void wait_for_others(struct kvm *kvm)
{
	int phase;

	spin_lock_irq(&kvm->readers_lock);
	phase = kvm->readers_phase;
	kvm->readers_phase = !phase;
	spin_unlock_irq(&kvm->readers_lock);
	if (!phase_is_empty(kvm, phase))
		rcuwait_wait_event(&kvm->sync_wait, phase_is_empty(kvm, phase),
				   TASK_UNINTERRUPTIBLE);
}

/* Every section of a vCPU that is open now has ended when this returns. */
static void wait_for_vcpus(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	smp_mb();	/* see the head of this file */
	kvm_for_each_vcpu(i, vcpu, kvm) {
		vcpu->sync_seq = READ_ONCE(vcpu->read_seq);
		if (vcpu->sync_seq & 1) {
			kvm_make_request(KVM_REQ_QUIESCE, vcpu);
			kvm_vcpu_kick(vcpu);
		}
	}
	/* A vCPU that appears in between has a sync_seq of 0. */
	kvm_for_each_vcpu(i, vcpu, kvm)
		if (vcpu->sync_seq & 1)
			rcuwait_wait_event(&kvm->sync_wait,
					   READ_ONCE(vcpu->read_seq) != vcpu->sync_seq,
					   TASK_UNINTERRUPTIBLE);
	smp_mb();	/* what is freed now is not read by them any more */
}

void kvm_synchronize(struct kvm *kvm)
{
	struct kvm_retired *obj, *next;
	int i;

	lockdep_assert_held(&kvm->slots_lock);
	/* For lockdep: who waits here must not hold what a reader might wait for. */
	lock_map_acquire(&kvm_read_map);
	lock_map_release(&kvm_read_map);

	wait_for_vcpus(kvm);
	wait_for_others(kvm);

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
