// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCALL and VMMCALL: number in RAX, arguments in RBX, RCX, RDX, RSI, result
 * in RAX (Documentation/virt/kvm/x86/hypercalls.rst of the kernel).
 *
 * What needs no more than registers is answered with interrupts off. What a
 * guest names are vCPUs by the ids of their local APICs, memory, and an
 * exit to user space: none of it without checking.
 */
#include <linux/bits.h>
#include <linux/export.h>
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <kvm/memslot.h>
#include "exit.h"
#include "irqchip/lapic.h"
#include "pv.h"
#include "trace.h"
#include "vendor.h"

/* Those that do something; the rest has its answer at once. */
#define WORKING	(BIT(KVM_HC_KICK_CPU) | BIT(KVM_HC_CLOCK_PAIRING) | BIT(KVM_HC_SEND_IPI) | \
		 BIT(KVM_HC_SCHED_YIELD) | BIT(KVM_HC_MAP_GPA_RANGE))

/* SDM Vol. 3 "Interrupt Command Register (ICR)" */
#define ICR_LOGICAL	BIT(11)
#define ICR_ASSERT	BIT(14)
#define ICR_LEVEL	BIT(15)
#define ICR_SHORTHAND	(BIT(18) | BIT(19))

struct hypercall {
	u64 nr, arg[4];
	bool long64;
};

static void read_registers(struct x86_vcpu *vcpu, struct hypercall *hc)
{
	const u64 *gpr = vcpu->regs.gpr;
	u64 mask;

	hc->long64 = regs_long64(vcpu);
	mask = hc->long64 ? ~0ULL : U32_MAX;
	hc->nr = gpr[GPR_RAX] & mask;
	hc->arg[0] = gpr[GPR_RBX] & mask;
	hc->arg[1] = gpr[GPR_RCX] & mask;
	hc->arg[2] = gpr[GPR_RDX] & mask;
	hc->arg[3] = gpr[GPR_RSI] & mask;
}

static void answer(struct x86_vcpu *vcpu, const struct hypercall *hc, long ret)
{
	vcpu->regs.gpr[GPR_RAX] = hc->long64 ? (u64)ret : (u32)ret;
	vcpu->base.stat.hypercalls++;
}

static noinline void trace_call(struct x86_vcpu *vcpu)
{
	struct hypercall hc;

	read_registers(vcpu, &hc);
	trace_kvm_hypercall(hc.nr, hc.arg);
}

/* The guest has lowered its task priority in memory, and something waits for that. */
static long vapic_poll(struct x86_vcpu *vcpu)
{
	req_event(vcpu);
	return 0;
}

/**
 * hypercall_fast - do it with interrupts off, the skip is the caller's
 * @vcpu: vCPU of the calling thread
 *
 * Return: false, and nothing has happened: it needs exit_hypercall().
 */
bool hypercall_fast(struct x86_vcpu *vcpu)
{
	bool long64 = regs_long64(vcpu);
	u64 nr = vcpu->regs.gpr[GPR_RAX];
	long ret = -KVM_ENOSYS;

	if (!long64)
		nr = (u32)nr;
	if (regs_cpl(vcpu))
		ret = -KVM_EPERM;
	else if (nr < BITS_PER_LONG && (WORKING & BIT(nr)))
		return false;
	else if (nr == KVM_HC_VAPIC_POLL_IRQ)
		ret = vapic_poll(vcpu);
	if (trace_kvm_hypercall_enabled())
		trace_call(vcpu);
	vcpu->regs.gpr[GPR_RAX] = long64 ? (u64)ret : (u32)ret;
	vcpu->base.stat.hypercalls++;
	return true;
}
EXPORT_SYMBOL_GPL(hypercall_fast);

/* --- other vCPUs, by the ids of their local APICs --- */

/* The second argument's vCPU was halted by the guest itself, and may go on. */
static long kick_cpu(struct x86_vcpu *vcpu, const struct hypercall *hc)
{
	struct x86_vcpu *target;

	if (!pv_has(vcpu, KVM_FEATURE_PV_UNHALT))
		return -KVM_ENOSYS;
	target = apic_map_vcpu(vcpu->vm, hc->arg[1]);
	if (target) {
		WRITE_ONCE(target->pv_unhalted, true);
		req_event(target);
		kvm_vcpu_kick(&target->base);
	}
	return 0;
}

static long sched_yield_to(struct x86_vcpu *vcpu, const struct hypercall *hc)
{
	struct x86_vcpu *target;

	if (!pv_has(vcpu, KVM_FEATURE_PV_SCHED_YIELD))
		return -KVM_ENOSYS;
	target = apic_map_vcpu(vcpu->vm, hc->arg[0]);
	/* Only one that waits for a CPU gains by it. */
	if (target && target != vcpu &&
	    (READ_ONCE(target->base.ready) || READ_ONCE(target->base.preempted)))
		kvm_vcpu_yield_to(&vcpu->base, &target->base);
	return 0;
}

/*
 * An IPI to each of up to 128 ids (64 for 32-bit code) from the third argument on,
 * those whose bits in the first two are set. The fourth is the lower half of
 * an ICR. Return: how many local APICs took it.
 */
static long send_ipi(struct x86_vcpu *vcpu, const struct hypercall *hc)
{
	unsigned int width = hc->long64 ? 64 : 32, n, i;
	u64 first = hc->arg[2], icr = hc->arg[3], bits;
	struct irq_msg msg = {
		.vector = icr, .mode = icr >> 8 & 7,
		.level = icr & ICR_LEVEL, .assert = icr & ICR_ASSERT,
	};
	struct x86_vcpu *target;
	long sent = 0;

	if (!pv_has(vcpu, KVM_FEATURE_PV_SEND_IPI))
		return -KVM_ENOSYS;
	if (icr & (ICR_LOGICAL | ICR_SHORTHAND))
		return -KVM_EINVAL;
	if (!lapic_present(vcpu))
		return -KVM_EOPNOTSUPP;
	if (first > U32_MAX)
		return 0;

	for (n = 0; n < 2; n++, first += width) {
		for (bits = hc->arg[n]; bits; bits &= bits - 1) {
			i = __ffs64(bits);
			target = apic_map_vcpu(vcpu->vm, first + i);
			if (target && lapic_post(target, &msg) != IRQ_IGNORED)
				sent++;
		}
	}
	return sent;
}

/* --- memory --- */

/* The wall clock and the guest's TSC at one moment, to the address in the first argument. */
static long clock_pairing(struct x86_vcpu *vcpu, const struct hypercall *hc)
{
	struct kvm_clock_pairing pairing;

	if (hc->arg[1] != KVM_CLOCK_PAIRING_WALLCLOCK || !clock_pair(vcpu, &pairing))
		return -KVM_EOPNOTSUPP;
	if (kvm_vcpu_write_gpa(&vcpu->base, 0, hc->arg[0], &pairing, sizeof(pairing)))
		return -KVM_EFAULT;
	return 0;
}

static void take_answer(struct x86_vcpu *vcpu)
{
	u64 ret = READ_ONCE(vcpu->run->hypercall.ret);

	vcpu->regs.gpr[GPR_RAX] = regs_long64(vcpu) ? ret : (u32)ret;
	vcpu->base.stat.hypercalls++;
}

/* User space has answered; RIP is still at the instruction, or behind it. */
static int complete_at(struct x86_vcpu *vcpu)
{
	take_answer(vcpu);
	return vendor_call(skip, vcpu);
}

static int complete_behind(struct x86_vcpu *vcpu)
{
	take_answer(vcpu);
	return RUN_RESUME;
}

/* Memory changes its kind: user space decides. 0: it was asked; or the answer. */
static long map_range(struct x86_vcpu *vcpu, const struct hypercall *hc)
{
	u64 gpa = hc->arg[0], npages = hc->arg[1];
	struct kvm_run *run = vcpu->run;

	if (!(READ_ONCE(vcpu->vm->hypercall_exits) & BIT(KVM_HC_MAP_GPA_RANGE)))
		return -KVM_ENOSYS;
	if (!PAGE_ALIGNED(gpa) || !npages ||
	    gpa_to_gfn(gpa) + npages <= gpa_to_gfn(gpa))
		return -KVM_EINVAL;

	run->exit_reason = KVM_EXIT_HYPERCALL;
	memset(&run->hypercall, 0, sizeof(run->hypercall));
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = npages;
	run->hypercall.args[2] = hc->arg[2];
	run->hypercall.flags = hc->long64 ? KVM_EXIT_HYPERCALL_LONG_MODE : 0;
	return 0;
}

static long work(struct x86_vcpu *vcpu, const struct hypercall *hc)
{
	switch (hc->nr) {
	case KVM_HC_KICK_CPU:
		return kick_cpu(vcpu, hc);
	case KVM_HC_SCHED_YIELD:
		return sched_yield_to(vcpu, hc);
	case KVM_HC_SEND_IPI:
		return send_ipi(vcpu, hc);
	case KVM_HC_CLOCK_PAIRING:
		return clock_pairing(vcpu, hc);
	default:
		return -KVM_ENOSYS;
	}
}

/* Return: whether user space is to answer; the exit is filled in. */
static bool call(struct x86_vcpu *vcpu)
{
	struct hypercall hc;
	long ret;

	if (hypercall_fast(vcpu))
		return false;

	read_registers(vcpu, &hc);
	trace_kvm_hypercall(hc.nr, hc.arg);
	if (hc.nr == KVM_HC_MAP_GPA_RANGE) {
		ret = map_range(vcpu, &hc);
		if (!ret)
			return true;
	} else {
		ret = work(vcpu, &hc);
	}
	answer(vcpu, &hc, ret);
	return false;
}

/* The emulator has found one, and RIP is behind it. */
int hypercall_done(struct x86_vcpu *vcpu, int ret)
{
	if (!call(vcpu))
		return ret;
	vcpu->io.complete = complete_behind;
	return RUN_TO_USER;
}

/**
 * exit_hypercall - VMCALL or VMMCALL exit
 * @vcpu: vCPU of the calling thread, in a read section
 */
int exit_hypercall(struct x86_vcpu *vcpu)
{
	if (!call(vcpu))
		return vendor_call(skip, vcpu);
	vcpu->io.complete = complete_at;
	return RUN_TO_USER;
}
EXPORT_SYMBOL_GPL(exit_hypercall);
