// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctls of a vCPU, but KVM_RUN.
 *
 * Those that pass one structure of fixed size are rows of a table: the ioctl
 * number says how large it is and which way it is copied. The copy in the
 * kernel is what is checked and used; it is zero where a function leaves
 * something out. The rest is a function each.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <kvm/arch.h>
#include "cpuid.h"
#include "event.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "mce.h"
#include "module.h"
#include "mp_state.h"
#include "msr.h"
#include "pv.h"
#include "regs.h"
#include "smm.h"
#include "vendor.h"

/* --- one structure, vCPU loaded, in a read section --- */

/*
 * Each row of the table below calls one of these. The result of a function
 * that cannot fail is 0.
 */
static int do_get_regs(struct x86_vcpu *vcpu, void *arg)
{
	regs_get(vcpu, arg);
	return 0;
}

static int do_set_regs(struct x86_vcpu *vcpu, void *arg)
{
	regs_set(vcpu, arg);
	return 0;
}

static int do_get_sregs(struct x86_vcpu *vcpu, void *arg)
{
	sregs_get(vcpu, arg);
	return 0;
}

static int do_set_sregs(struct x86_vcpu *vcpu, void *arg)
{
	return sregs_set(vcpu, arg);
}

static int do_get_sregs2(struct x86_vcpu *vcpu, void *arg)
{
	return sregs2_get(vcpu, arg);
}

static int do_set_sregs2(struct x86_vcpu *vcpu, void *arg)
{
	return sregs2_set(vcpu, arg);
}

static int do_get_fpu(struct x86_vcpu *vcpu, void *arg)
{
	return fpu_get(vcpu, arg);
}

static int do_set_fpu(struct x86_vcpu *vcpu, void *arg)
{
	return fpu_set(vcpu, arg);
}

static int do_get_xcrs(struct x86_vcpu *vcpu, void *arg)
{
	fpu_get_xcrs(vcpu, arg);
	return 0;
}

static int do_set_xcrs(struct x86_vcpu *vcpu, void *arg)
{
	return fpu_set_xcrs(vcpu, arg);
}

static int do_get_dregs(struct x86_vcpu *vcpu, void *arg)
{
	return debugregs_get(vcpu, arg);
}

static int do_set_dregs(struct x86_vcpu *vcpu, void *arg)
{
	return debugregs_set(vcpu, arg);
}

static int do_get_events(struct x86_vcpu *vcpu, void *arg)
{
	return event_get(vcpu, arg);
}

static int do_set_events(struct x86_vcpu *vcpu, void *arg)
{
	return event_set(vcpu, arg);
}

static int do_translate(struct x86_vcpu *vcpu, void *arg)
{
	return regs_translate(vcpu, arg);
}

static int do_guest_debug(struct x86_vcpu *vcpu, void *arg)
{
	return debug_set_guest_debug(vcpu, arg);
}

static int do_interrupt(struct x86_vcpu *vcpu, void *arg)
{
	return event_queue_irq(vcpu, arg);
}

static int do_enable_cap(struct x86_vcpu *vcpu, void *arg)
{
	return x86_vcpu_enable_cap(vcpu, arg);
}

static int do_has_attr(struct x86_vcpu *vcpu, void *arg)
{
	return tsc_attr(vcpu, KVM_HAS_DEVICE_ATTR, arg);
}

static int do_get_attr(struct x86_vcpu *vcpu, void *arg)
{
	return tsc_attr(vcpu, KVM_GET_DEVICE_ATTR, arg);
}

static int do_set_attr(struct x86_vcpu *vcpu, void *arg)
{
	return tsc_attr(vcpu, KVM_SET_DEVICE_ATTR, arg);
}

static int do_get_mp_state(struct x86_vcpu *vcpu, void *arg)
{
	return mp_state_get(vcpu, arg);
}

static int do_set_mp_state(struct x86_vcpu *vcpu, void *arg)
{
	return mp_state_set(vcpu, arg);
}

static int do_tpr_reporting(struct x86_vcpu *vcpu, void *arg)
{
	return lapic_set_tpr_reporting(vcpu, arg);
}

static int do_set_vapic(struct x86_vcpu *vcpu, void *arg)
{
	return lapic_set_vapic(vcpu, arg);
}

static int do_setup_mce(struct x86_vcpu *vcpu, void *arg)
{
	return mce_setup(vcpu, *(u64 *)arg);
}

static int do_set_mce(struct x86_vcpu *vcpu, void *arg)
{
	return mce_set(vcpu, arg);
}

struct simple_ioctl {
	unsigned int cmd;
	int (*fn)(struct x86_vcpu *vcpu, void *arg);
};

static const struct simple_ioctl simple[] = {
	{ KVM_GET_REGS,		do_get_regs },
	{ KVM_SET_REGS,		do_set_regs },
	{ KVM_GET_SREGS,	do_get_sregs },
	{ KVM_SET_SREGS,	do_set_sregs },
	{ KVM_GET_SREGS2,	do_get_sregs2 },
	{ KVM_SET_SREGS2,	do_set_sregs2 },
	{ KVM_GET_FPU,		do_get_fpu },
	{ KVM_SET_FPU,		do_set_fpu },
	{ KVM_GET_XCRS,		do_get_xcrs },
	{ KVM_SET_XCRS,		do_set_xcrs },
	{ KVM_GET_DEBUGREGS,	do_get_dregs },
	{ KVM_SET_DEBUGREGS,	do_set_dregs },
	{ KVM_GET_VCPU_EVENTS,	do_get_events },
	{ KVM_SET_VCPU_EVENTS,	do_set_events },
	{ KVM_GET_MP_STATE,	do_get_mp_state },
	{ KVM_SET_MP_STATE,	do_set_mp_state },
	{ KVM_TRANSLATE,	do_translate },
	{ KVM_SET_GUEST_DEBUG,	do_guest_debug },
	{ KVM_INTERRUPT,	do_interrupt },
	{ KVM_TPR_ACCESS_REPORTING, do_tpr_reporting },
	{ KVM_SET_VAPIC_ADDR,	do_set_vapic },
	{ KVM_ENABLE_CAP,	do_enable_cap },
	{ KVM_HAS_DEVICE_ATTR,	do_has_attr },
	{ KVM_GET_DEVICE_ATTR,	do_get_attr },
	{ KVM_SET_DEVICE_ATTR,	do_set_attr },
	{ KVM_X86_SETUP_MCE,	do_setup_mce },
	{ KVM_X86_SET_MCE,	do_set_mce },
};

#define LARGEST_SIMPLE	512
static_assert(sizeof(struct kvm_fpu) <= LARGEST_SIMPLE);
static_assert(sizeof(struct kvm_xcrs) <= LARGEST_SIMPLE);

static void enter(struct x86_vcpu *vcpu)
{
	kvm_vcpu_load(&vcpu->base);
	kvm_vcpu_srcu_lock(&vcpu->base);
}

static void leave(struct x86_vcpu *vcpu)
{
	kvm_vcpu_srcu_unlock(&vcpu->base);
	kvm_vcpu_put(&vcpu->base);
}

static noinline long ioctl_simple(struct x86_vcpu *vcpu, const struct simple_ioctl *row,
				  void __user *argp)
{
	u64 buf[LARGEST_SIMPLE / sizeof(u64)] = {};
	size_t size = _IOC_SIZE(row->cmd);
	int ret;

	if ((_IOC_DIR(row->cmd) & _IOC_WRITE) && copy_from_user(buf, argp, size))
		return -EFAULT;
	enter(vcpu);
	ret = row->fn(vcpu, buf);
	leave(vcpu);
	if (!ret && (_IOC_DIR(row->cmd) & _IOC_READ) && copy_to_user(argp, buf, size))
		return -EFAULT;
	return ret;
}

/* --- buffers of other sizes --- */

static long ioctl_get_xsave(struct x86_vcpu *vcpu, void __user *argp, bool whole)
{
	unsigned int size = whole ? fpu_xsave_size(vcpu->vm) : sizeof(struct kvm_xsave);
	void *buf;
	long ret;

	buf = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	enter(vcpu);
	ret = fpu_get_xsave(vcpu, buf, size);
	leave(vcpu);
	if (!ret && copy_to_user(argp, buf, size))
		ret = -EFAULT;
	kvfree(buf);
	return ret;
}

static long ioctl_set_xsave(struct x86_vcpu *vcpu, void __user *argp)
{
	void *buf = vmemdup_user(argp, fpu_xsave_size(vcpu->vm));
	long ret;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	enter(vcpu);
	ret = fpu_set_xsave(vcpu, buf);
	leave(vcpu);
	kvfree(buf);
	return ret;
}

static long ioctl_get_lapic(struct x86_vcpu *vcpu, void __user *argp)
{
	struct kvm_lapic_state *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	long ret;

	if (!s)
		return -ENOMEM;
	enter(vcpu);
	ret = lapic_get_state(vcpu, s);
	leave(vcpu);
	if (!ret && copy_to_user(argp, s, sizeof(*s)))
		ret = -EFAULT;
	kfree(s);
	return ret;
}

static long ioctl_set_lapic(struct x86_vcpu *vcpu, void __user *argp)
{
	struct kvm_lapic_state *s = memdup_user(argp, sizeof(*s));
	long ret;

	if (IS_ERR(s))
		return PTR_ERR(s);
	enter(vcpu);
	ret = lapic_set_state(vcpu, s);
	leave(vcpu);
	kfree(s);
	return ret;
}

static bool pre_fault_valid(const struct kvm_pre_fault_memory *range)
{
	if (range->flags || !range->size || (range->gpa | range->size) & ~PAGE_MASK)
		return false;
	return range->gpa + range->size > range->gpa;
}

/* Map what the guest will need. The range that is left is told to user space. */
static long ioctl_pre_fault(struct x86_vcpu *vcpu, void __user *argp)
{
	struct kvm_pre_fault_memory range;
	bool progress = false;
	long ret = 0;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	if (!pre_fault_valid(&range))
		return -EINVAL;

	enter(vcpu);
	while (range.size) {
		ret = signal_pending(current) ? -EINTR : mmu_populate(vcpu, range.gpa, 0);
		if (ret < 0)
			break;
		ret = min_t(u64, ret, range.size);
		range.gpa += ret;
		range.size -= ret;
		ret = 0;
		progress = true;
		/* A writer waits for this read section: end it, as the run loop would. */
		if (kvm_take_request(KVM_REQ_QUIESCE, &vcpu->base)) {
			kvm_vcpu_srcu_unlock(&vcpu->base);
			kvm_vcpu_srcu_lock(&vcpu->base);
		}
		cond_resched();
	}
	leave(vcpu);
	if (copy_to_user(argp, &range, sizeof(range)))
		return -EFAULT;
	return progress ? 0 : ret;
}

static long ioctl_set_tsc_khz(struct x86_vcpu *vcpu, unsigned long khz)
{
	long ret;

	if (khz > U32_MAX)
		return -EINVAL;
	enter(vcpu);
	ret = tsc_set_khz(vcpu, khz ?: x86_host.tsc_khz);
	leave(vcpu);
	return ret;
}

/* These copy from and to user space themselves. */
static long ioctl_loaded(struct x86_vcpu *vcpu, unsigned int ioctl, void __user *argp)
{
	long ret = -EINVAL;

	enter(vcpu);
	switch (ioctl) {
	case KVM_SET_CPUID:
		ret = cpuid_ioctl_set(vcpu, argp);
		break;
	case KVM_SET_CPUID2:
		ret = cpuid_ioctl_set2(vcpu, argp);
		break;
	case KVM_GET_CPUID2:
		ret = cpuid_ioctl_get2(vcpu, argp);
		break;
	case KVM_GET_MSRS:
		ret = msr_ioctl_get(vcpu, argp);
		break;
	case KVM_SET_MSRS:
		ret = msr_ioctl_set(vcpu, argp);
		break;
	}
	leave(vcpu);
	return ret;
}

/* vcpu->mutex held. -EINVAL is what user space knows for an ioctl that vCPUs have not. */
long arch_vcpu_ioctl(struct kvm_vcpu *kvcpu, unsigned int ioctl, unsigned long arg)
{
	struct x86_vcpu *vcpu = to_x86_vcpu(kvcpu);
	void __user *argp = (void __user *)arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(simple); i++)
		if (simple[i].cmd == ioctl)
			return ioctl_simple(vcpu, &simple[i], argp);

	switch (ioctl) {
	case KVM_SET_CPUID:
	case KVM_SET_CPUID2:
	case KVM_GET_CPUID2:
	case KVM_GET_MSRS:
	case KVM_SET_MSRS:
		return ioctl_loaded(vcpu, ioctl, argp);
	case KVM_GET_XSAVE:
		return ioctl_get_xsave(vcpu, argp, false);
	case KVM_GET_XSAVE2:
		return ioctl_get_xsave(vcpu, argp, true);
	case KVM_SET_XSAVE:
		return ioctl_set_xsave(vcpu, argp);
	case KVM_GET_LAPIC:
		return ioctl_get_lapic(vcpu, argp);
	case KVM_SET_LAPIC:
		return ioctl_set_lapic(vcpu, argp);
	case KVM_PRE_FAULT_MEMORY:
		return ioctl_pre_fault(vcpu, argp);
	case KVM_SET_TSC_KHZ:
		return ioctl_set_tsc_khz(vcpu, arg);
	case KVM_GET_TSC_KHZ:
		return vcpu->tsc.khz;
	case KVM_KVMCLOCK_CTRL:
		return clock_guest_stopped(vcpu);
	}
	return -EINVAL;
}

/* Another thread's KVM_RUN may go on for long: these do not wait for it. */
long arch_vcpu_ioctl_unlocked(struct kvm_vcpu *kvcpu, unsigned int ioctl, unsigned long arg)
{
	switch (ioctl) {
	case KVM_NMI:
		event_queue_nmi(to_x86_vcpu(kvcpu));
		return 0;
	case KVM_SMI:
		smm_queue(to_x86_vcpu(kvcpu));
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}
