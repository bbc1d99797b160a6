// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCALL and VMMCALL: number in RAX, arguments in RBX, RCX, RDX, RSI, result
 * in RAX.
 *
 * No hypercall that does anything exists without an in-kernel irqchip, so each
 * number has one of two answers, and neither needs more than registers.
 */
#include <linux/export.h>
#include <linux/kvm_para.h>
#include "exit.h"
#include "trace.h"
#include "vendor.h"

static void hypercall(struct x86_vcpu *vcpu)
{
	u64 *gpr = vcpu->regs.gpr;
	u64 mask = regs_long64(vcpu) ? ~0ULL : U32_MAX;
	long ret = -KVM_ENOSYS;

	if (trace_kvm_hypercall_enabled()) {
		u64 arg[4] = { gpr[GPR_RBX] & mask, gpr[GPR_RCX] & mask,
			       gpr[GPR_RDX] & mask, gpr[GPR_RSI] & mask };

		trace_kvm_hypercall(gpr[GPR_RAX] & mask, arg);
	}
	if (regs_cpl(vcpu))
		ret = -KVM_EPERM;
	gpr[GPR_RAX] = (u64)ret & mask;
	vcpu->base.stat.hypercalls++;
}

/**
 * hypercall_fast - do it with interrupts off, the skip is the caller's
 * @vcpu: vCPU of the calling thread
 */
void hypercall_fast(struct x86_vcpu *vcpu)
{
	hypercall(vcpu);
}
EXPORT_SYMBOL_GPL(hypercall_fast);

/* The emulator has found one, and RIP is behind it. */
int hypercall_done(struct x86_vcpu *vcpu, int ret)
{
	hypercall(vcpu);
	return ret;
}

/**
 * exit_hypercall - VMCALL or VMMCALL exit
 * @vcpu: vCPU of the calling thread
 */
int exit_hypercall(struct x86_vcpu *vcpu)
{
	hypercall(vcpu);
	return vendor_call(skip, vcpu);
}
EXPORT_SYMBOL_GPL(exit_hypercall);
