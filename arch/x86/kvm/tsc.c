// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's time stamp counter: the host's, scaled by a ratio (where the
 * hardware can) plus an offset.
 *
 * vCPUs of a VM are to see one time. User space writes their TSCs one after the
 * other, so a write by user space that comes within a second of where an
 * earlier write would have got to by now is taken to mean the same time, and
 * gets the same offset. A guest that writes the TSC means what it says; its
 * write moves IA32_TSC_ADJUST by as much (SDM Vol. 3 "Time-Stamp Counter
 * Adjustment").
 */
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/timekeeping.h>
#include <linux/units.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>
#include "irqchip/irqchip.h"
#include "pv.h"
#include "regs.h"
#include "trace.h"
#include "vendor.h"

static unsigned int tsc_tolerance_ppm = 250;
module_param(tsc_tolerance_ppm, uint, 0644);
MODULE_PARM_DESC(tsc_tolerance_ppm, "TSC frequencies this close to the host's need no scaling");

void tsc_vm_init(struct x86_vm *vm)
{
	spin_lock_init(&vm->tsc_lock);
}

/** tsc_scale - host TSC in units of a guest's with that ratio */
u64 tsc_scale(u64 ratio, u64 tsc)
{
	if (likely(!ratio))
		return tsc;
	return mul_u64_u64_shr(tsc, ratio, vendor_caps.tsc_frac_bits);
}

/** tsc_hz - frequency of a TSC with that ratio */
u64 tsc_hz(u64 ratio)
{
	return tsc_scale(ratio, (u64)x86_host.tsc_khz * HZ_PER_KHZ);
}

static u64 scale(const struct x86_vcpu *vcpu, u64 tsc)
{
	return tsc_scale(vcpu->tsc.ratio, tsc);
}

u64 tsc_read(struct x86_vcpu *vcpu)
{
	return scale(vcpu, rdtsc()) + vcpu->tsc.offset;
}
EXPORT_SYMBOL_GPL(tsc_read);

static void set_offset(struct x86_vcpu *vcpu, u64 offset)
{
	if (vcpu->tsc.offset == offset)
		return;
	trace_kvm_write_tsc_offset(vcpu->base.id, vcpu->tsc.offset, offset);
	WRITE_ONCE(vcpu->tsc.offset, offset);
	vendor_call(tsc_write_offset, vcpu, offset);
	clock_tsc_changed(vcpu);
	lapic_timer_tsc_changed(vcpu);
}

/* Is @val where the VM's TSC is by now, if it went on from the last write? */
static bool continues(const struct x86_vm *vm, u32 khz, u64 val, u64 now_ns)
{
	u64 expected, distance;

	if (vm->tsc_last_khz != khz)
		return false;
	/* Long ago, and too long to be computed */
	if (mul_u64_u64_shr(now_ns - vm->tsc_last_host_ns, khz, 64) >= NSEC_PER_MSEC)
		return false;
	expected = vm->tsc_last_write +
		   mul_u64_u64_div_u64(now_ns - vm->tsc_last_host_ns, khz, NSEC_PER_MSEC);
	distance = val > expected ? val - expected : expected - val;
	return distance < (u64)khz * MSEC_PER_SEC;
}

/* User space wrote @val: the offset that it shall have. */
static u64 synchronized_offset(struct x86_vcpu *vcpu, u64 val)
{
	struct x86_vm *vm = vcpu->vm;
	u64 now_ns, offset;
	unsigned long flags;
	bool join;

	spin_lock_irqsave(&vm->tsc_lock, flags);
	now_ns = ktime_get_boottime_ns();
	offset = val - scale(vcpu, rdtsc());
	/* With an unstable TSC the offsets of CPUs differ anyway. */
	/*
	 * Zero is what creation and reset write: that vCPU joins those that run already. It is no
	 * time that user space has chosen: what it writes first, be it less than a second, holds.
	 */
	join = val ? vm->tsc_chosen && continues(vm, vcpu->tsc.khz, val, now_ns) :
		     vm->tsc_last_khz == vcpu->tsc.khz;
	if (val)
		vm->tsc_chosen = true;
	if (!check_tsc_unstable() && join) {
		offset = vm->tsc_last_offset;
	} else {
		vm->tsc_last_write = val;
		vm->tsc_last_host_ns = now_ns;
		vm->tsc_last_offset = offset;
		vm->tsc_last_khz = vcpu->tsc.khz;
	}
	spin_unlock_irqrestore(&vm->tsc_lock, flags);
	return offset;
}

static noinline void trace_tsc(struct x86_vcpu *vcpu)
{
	unsigned int alike = 0;
	struct kvm_vcpu *other;
	unsigned long i;

	kvm_for_each_vcpu(i, other, &vcpu->vm->base)
		alike += other != &vcpu->base &&
			 READ_ONCE(to_x86_vcpu(other)->tsc.offset) == vcpu->tsc.offset;
	trace_kvm_track_tsc(vcpu->base.id, alike, i, READ_ONCE(vcpu->vm->clock.shared),
			    !check_tsc_unstable());
}

/**
 * tsc_write - a new value for the guest's TSC
 * @host: user space wrote it; the guest's writes count for TSC_ADJUST
 *
 * Context: vCPU thread, vCPU loaded; does not sleep.
 */
void tsc_write(struct x86_vcpu *vcpu, u64 val, bool host)
{
	u64 old = vcpu->tsc.offset;

	if (host) {
		set_offset(vcpu, synchronized_offset(vcpu, val));
		if (trace_kvm_track_tsc_enabled())
			trace_tsc(vcpu);
	} else {
		set_offset(vcpu, val - scale(vcpu, rdtsc()));
		vcpu->msr.tsc_adjust += vcpu->tsc.offset - old;
	}
}

/** tsc_adjust_write - IA32_TSC_ADJUST; the guest's write moves the TSC, user space restores a value */
void tsc_adjust_write(struct x86_vcpu *vcpu, u64 val, bool host)
{
	if (!host)
		set_offset(vcpu, vcpu->tsc.offset + val - vcpu->msr.tsc_adjust);
	vcpu->msr.tsc_adjust = val;
}

static bool within_tolerance(u32 khz, u32 host_khz)
{
	u64 slack = (u64)host_khz * min(READ_ONCE(tsc_tolerance_ppm), 1000000u) / 1000000;

	return khz >= host_khz - slack && khz <= host_khz + slack;
}

/**
 * tsc_set_khz - frequency of the guest's TSC
 * @khz: not 0
 *
 * Return: 0, or -EINVAL: the hardware cannot scale, or not that far.
 */
int tsc_set_khz(struct x86_vcpu *vcpu, u32 khz)
{
	u64 ratio = 0;

	if (!khz)
		return -EINVAL;
	if (!within_tolerance(khz, x86_host.tsc_khz)) {
		if (!vendor_caps.has_tsc_scaling)
			return -EINVAL;
		ratio = mul_u64_u32_div(1ull << vendor_caps.tsc_frac_bits, khz, x86_host.tsc_khz);
		if (!ratio || ratio >= vendor_caps.max_tsc_ratio)
			return -EINVAL;
	}
	vcpu->tsc.khz = khz;
	if (vcpu->tsc.ratio != ratio) {
		WRITE_ONCE(vcpu->tsc.ratio, ratio);
		vendor_call_opt(tsc_write_ratio, vcpu,
				ratio ?: 1ull << vendor_caps.tsc_frac_bits);
		clock_tsc_changed(vcpu);
	}
	lapic_timer_tsc_changed(vcpu);
	return 0;
}

/**
 * tsc_vcpu_init - the VM's frequency, counting from zero with the first vCPU
 *
 * Context: creation, after the vendor's part.
 * Return: 0, or -EINVAL as tsc_set_khz().
 */
int tsc_vcpu_init(struct x86_vcpu *vcpu)
{
	return tsc_set_khz(vcpu, READ_ONCE(vcpu->vm->default_tsc_khz) ?: x86_host.tsc_khz);
}

/**
 * tsc_load - the vCPU comes to a CPU
 *
 * A TSC that jumped back since tsc_put() (another CPU with an unstable TSC, or
 * a machine that slept) must not take the guest's along.
 */
void tsc_load(struct x86_vcpu *vcpu, int cpu)
{
	u64 now = rdtsc(), last = vcpu->tsc.last_host;

	if (likely(now >= last))
		return;
	set_offset(vcpu, vcpu->tsc.offset + scale(vcpu, last) - scale(vcpu, now));
}

void tsc_put(struct x86_vcpu *vcpu)
{
	vcpu->tsc.last_host = rdtsc();
}

/**
 * tsc_attr - KVM_VCPU_TSC_CTRL: KVM_{HAS,GET,SET}_DEVICE_ATTR of a vCPU
 * @ioctl: which of the three
 *
 * Return: 0, -ENXIO for other attributes, -EFAULT.
 */
int tsc_attr(struct x86_vcpu *vcpu, unsigned int ioctl, const struct kvm_device_attr *attr)
{
	u64 __user *user = (u64 __user *)(unsigned long)attr->addr;
	struct x86_vm *vm = vcpu->vm;
	unsigned long flags;
	u64 offset;

	if (attr->group != KVM_VCPU_TSC_CTRL || attr->attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	switch (ioctl) {
	case KVM_HAS_DEVICE_ATTR:
		return 0;
	case KVM_GET_DEVICE_ATTR:
		return put_user(vcpu->tsc.offset, user);
	case KVM_SET_DEVICE_ATTR:
		if (get_user(offset, user))
			return -EFAULT;
		spin_lock_irqsave(&vm->tsc_lock, flags);
		/* The next vCPU whose TSC is written joins this one. */
		vm->tsc_last_write = offset + scale(vcpu, rdtsc());
		vm->tsc_last_host_ns = ktime_get_boottime_ns();
		vm->tsc_last_offset = offset;
		vm->tsc_last_khz = vcpu->tsc.khz;
		spin_unlock_irqrestore(&vm->tsc_lock, flags);
		set_offset(vcpu, offset);
		return 0;
	default:
		return -ENXIO;
	}
}
