// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time: the guest learns how long its vCPU was ready to run and did not,
 * and whether it is off its CPU right now.
 *
 * The second is also what paravirtual TLB flushes live on: a vCPU of which the
 * guest reads "preempted" need not be interrupted, the guest asks for a flush in
 * the same byte instead, and we do it before the vCPU enters the guest again.
 * That is right only as long as the vCPU uses no translation while it says so.
 * So it says so where it is between two instructions and about to wait or to let
 * others run (steal_leave()), never when the scheduler takes it away in the
 * middle of handling an exit.
 */
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>
#include <kvm/memslot.h>
#include "pv.h"
#include "vendor.h"

#define PREEMPTED_AT	offsetof(struct kvm_steal_time, preempted)
/* What goes before: time, version, flags */
#define HEAD_SIZE	PREEMPTED_AT

bool steal_set_area(struct x86_vcpu *vcpu, u64 val)
{
	struct x86_steal *steal = &vcpu->steal;

	if (val & KVM_STEAL_RESERVED_MASK)
		return false;
	/* A flush may have been asked for in the area that is left. */
	if (steal->told_preempted)
		kvm_make_request(KVM_REQ_TLB_FLUSH, &vcpu->base);
	if (val & KVM_MSR_ENABLED)
		kvm_gfn_cache_set(&steal->area, val & KVM_STEAL_VALID_BITS,
				  sizeof(struct kvm_steal_time));
	else
		kvm_gfn_cache_clear(&steal->area);
	steal->msr = val;
	/* Memory that user space restored may say so: what is there is looked at first. */
	steal->told_preempted = val & KVM_MSR_ENABLED;
	steal->thread = NULL;
	kvm_make_request(REQ_STEAL_UPDATE, &vcpu->base);
	return true;
}

void steal_tell_preempted(struct x86_vcpu *vcpu)
{
	struct x86_steal *steal = &vcpu->steal;
	u8 preempted = KVM_VCPU_PREEMPTED;

	if (steal->told_preempted)
		return;
	/* Whatever becomes of the write, the byte is looked at before the next entry. */
	kvm_make_request(REQ_STEAL_UPDATE, &vcpu->base);
	steal->told_preempted = true;
	kvm_gfn_cache_write(&vcpu->vm->base, &steal->area, PREEMPTED_AT, &preempted,
			    sizeof(preempted));
}

/*
 * The byte becomes zero. Return: whether the guest asked for a flush; when it
 * cannot be read any more, it may have.
 */
static bool take_preempted(u8 __user *byte)
{
	u8 old = 0;
	int err;

	if (!byte || __get_user(old, byte))
		return true;
	/* Until nobody changes it in between. */
	while (old) {
		err = __try_cmpxchg_user(byte, &old, 0, Efault);
		if (err < 0)
			return true;
		if (!err)
			break;
	}
	return old & KVM_VCPU_FLUSH_TLB;
}

static void back_in_guest(struct x86_vcpu *vcpu)
{
	struct x86_steal *steal = &vcpu->steal;
	u8 __user *area;

	if (!steal->told_preempted)
		return;
	area = kvm_gfn_cache_user(&vcpu->vm->base, &steal->area);
	steal->told_preempted = false;
	if (take_preempted(area ? area + PREEMPTED_AT : NULL)) {
		vcpu->base.stat.tlb_flush++;
		vendor_call(tlb_flush, vcpu, TLB_GUEST, 0);
	}
	kvm_gfn_cache_dirty(&vcpu->vm->base, &steal->area);
}

void steal_update(struct x86_vcpu *vcpu)
{
	struct x86_steal *steal = &vcpu->steal;
	u64 waited = current->sched_info.run_delay;
	struct kvm_steal_time record = {};
	u64 generation = kvm_memslots(&vcpu->vm->base, 0)->generation;
	u64 more = 0;

	if (!kvm_gfn_cache_active(&steal->area))
		return;
	back_in_guest(vcpu);

	/* Another thread's delays are no continuation of this one's, nor are those of one at the same address. */
	if (steal->thread == current && waited >= steal->waited) {
		more = waited - steal->waited;
		if (!more && steal->generation == generation)
			return;
	}
	if (kvm_gfn_cache_read(&vcpu->vm->base, &steal->area, 0, &record, HEAD_SIZE))
		return;
	record.steal += more;
	record.flags = 0;
	steal->thread = current;
	steal->waited = waited;
	steal->generation = generation;
	pv_publish(vcpu->vm, &steal->area, &record, HEAD_SIZE,
		   offsetof(struct kvm_steal_time, version));
}
