/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VCPU_H
#define DKVM_VCPU_H
/*
 * struct kvm_vcpu: what a virtual CPU is on any architecture.
 *
 * Field legend: (c) constant after creation, (v) vCPU thread only, that is
 * under vcpu->mutex, (l:NAME) under that lock, (a) atomic.
 *
 * Talking to a vCPU from elsewhere is done with requests: kvm_make_request()
 * and then kvm_vcpu_kick(). The vCPU looks at its requests after it has
 * published VCPU_IN_GUEST with interrupts off, so either the sender sees that
 * mode and sends an IPI, or the vCPU sees the request (run.c).
 */
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/signal_types.h>
#include <linux/spinlock.h>
#include <kvm/stats.h>
#include <kvm/types.h>

/*
 * Requests that virt/kvm knows. Numbers up to 7 are taken here, the
 * architecture counts on from KVM_REQ_ARCH_BASE.
 */
enum {
	KVM_REQ_QUIESCE,	/* drop and retake the read section: a writer waits */
	KVM_REQ_VM_DEAD,	/* the VM is bugged: leave KVM_RUN with -EIO */
	KVM_REQ_UNBLOCK,	/* wake from a halt without any other reason */
	KVM_REQ_TLB_FLUSH,	/* flush all of the guest's translations */
	KVM_REQ_ARCH_BASE = 8,
};

enum kvm_vcpu_mode {
	VCPU_OUTSIDE,		/* requests are seen before the next entry */
	VCPU_IN_GUEST,		/* interrupts off, entering or in the guest: IPI needed */
};

struct kvm_vcpu {
	/* first line: what the run loop reads on each entry */
	unsigned long requests ____cacheline_aligned;	/* (a) */
	int mode;				/* (v) written, read by anybody */
	int cpu;				/* (v) CPU it is loaded on, or -1; read by anybody */
	struct kvm *kvm;			/* (c) */
	struct kvm_run *run;			/* (c) shared page: never trusted */
	unsigned long read_seq;			/* (v) odd in a read section, see kvm_vcpu_srcu_lock() */
	unsigned long sync_seq;			/* (l:slots_lock) read_seq as the waiting writer saw it */
	const struct kvm_memslot *last_slot[2];	/* (v) in a read section: last hit per address space */
	u64 last_slot_gen[2];			/* (v) generation that last_slot belongs to */

	int id;					/* (c) number that user space chose */
	int idx;				/* (c) position in kvm->vcpus */
	struct mutex mutex;			/* one ioctl at a time */
	struct preempt_notifier preempt;	/* (v) */
	struct pid __rcu *pid;			/* thread that ran it last */
	rwlock_t pid_lock;			/* of pid */
	bool sigset_active;			/* (v) */
	sigset_t sigset;			/* (v) mask during KVM_RUN */
	struct rcuwait wait;			/* a halted vCPU sleeps here */
	bool preempted;				/* scheduled out while runnable */
	bool preempted_in_kernel;		/* in supervisor mode, with preempted */
	bool ready;				/* woken, and not on a CPU yet */
	bool spinning;				/* looks for somebody to give the CPU to */
	bool spin_turn;				/* was passed over last time because it spins */
	bool no_halt_poll;			/* (v) the guest has looked itself */
	unsigned int halt_poll_ns;		/* (v) for how long it looks before it sleeps */
	struct kvm_apf_queue *apf;		/* (v) made on first use: async_pf.c */
	struct dentry *debugfs;			/* (l:kvm_vms_lock) made when somebody looks */
	struct kvm_vcpu_stats stat;		/* (v) */
	char stats_id[KVM_STATS_ID_SIZE];	/* (c) */
};

static inline void kvm_make_request(unsigned int req, struct kvm_vcpu *vcpu)
{
	/* What the request is about is written before it: pairs with kvm_take_request(). */
	smp_mb__before_atomic();	/* with the one in kvm_take_request() */
	set_bit(req, &vcpu->requests);
}

static inline bool kvm_request_pending(const struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests);
}

static inline bool kvm_test_request(unsigned int req, const struct kvm_vcpu *vcpu)
{
	return test_bit(req, &vcpu->requests);
}

/* Consume a request: true once for each time it was made. */
static inline bool kvm_take_request(unsigned int req, struct kvm_vcpu *vcpu)
{
	if (!test_bit(req, &vcpu->requests))
		return false;
	clear_bit(req, &vcpu->requests);
	smp_mb__after_atomic();	/* with the one in kvm_make_request() */
	return true;
}

/**
 * kvm_vcpu_wake - end the wait of a halted vCPU that has something to run for
 * @vcpu: any vCPU
 *
 * For what each entry looks for without a request. Any context but NMI.
 */
void kvm_vcpu_wake(struct kvm_vcpu *vcpu);

/**
 * kvm_vcpu_kick - make a vCPU look at its requests soon
 * @vcpu: any vCPU
 *
 * Wakes it when it is halted, sends an IPI when it is in guest mode on another
 * CPU. Any context but NMI.
 */
void kvm_vcpu_kick(struct kvm_vcpu *vcpu);

/**
 * kvm_vcpu_load - make @vcpu the one that runs on this CPU
 * @vcpu: vCPU whose mutex is held
 *
 * Registers the preempt notifier and calls arch_vcpu_load(). May be nested in
 * nothing. kvm_vcpu_put() undoes it.
 */
void kvm_vcpu_load(struct kvm_vcpu *vcpu);
void kvm_vcpu_put(struct kvm_vcpu *vcpu);

/** kvm_running_vcpu - the vCPU loaded on this CPU, or NULL; preemption off or for comparison only */
struct kvm_vcpu *kvm_running_vcpu(void);

/*
 * The vCPU thread enters and leaves its read section: what slots, buses and the
 * like point to stays, see kvm_synchronize(). Not nested. vcpu->mutex is held,
 * the vCPU need not be loaded.
 */
void kvm_vcpu_srcu_lock(struct kvm_vcpu *vcpu);
void kvm_vcpu_srcu_unlock(struct kvm_vcpu *vcpu);

/* Signal mask of KVM_SET_SIGNAL_MASK around KVM_RUN. */
void kvm_sigset_enter(struct kvm_vcpu *vcpu);
void kvm_sigset_leave(struct kvm_vcpu *vcpu);

/**
 * kvm_vcpu_block - sleep until there is a reason not to
 * @vcpu: the caller's own, loaded, in no read section
 *
 * Reasons are arch_vcpu_runnable(), KVM_REQ_UNBLOCK, KVM_REQ_VM_DEAD and a
 * signal. A kick makes it look for them again; other requests wait for the vCPU,
 * and do not wake it.
 * Return: whether it slept.
 */
bool kvm_vcpu_block(struct kvm_vcpu *vcpu);

/**
 * kvm_vcpu_halt - the same, but look for a while before sleeping
 * @vcpu: as above
 */
void kvm_vcpu_halt(struct kvm_vcpu *vcpu);

/**
 * kvm_vcpu_on_spin - @vcpu spins: let another one have the CPU that may end that
 * @vcpu: the caller's own
 * @kernel_only: it spins in supervisor mode, where those in user mode hold no lock
 *
 * Context: may schedule; in a read section, or in none.
 */
void kvm_vcpu_on_spin(struct kvm_vcpu *vcpu, bool kernel_only);

/**
 * kvm_vcpu_yield_to - give the CPU to another vCPU
 * @vcpu: the caller's own
 * @target: the other
 *
 * Return: > 0 when it got it, 0 when it runs or cannot, -ESRCH when there is
 * nobody to take the CPU from.
 */
int kvm_vcpu_yield_to(struct kvm_vcpu *vcpu, struct kvm_vcpu *target);

#endif
