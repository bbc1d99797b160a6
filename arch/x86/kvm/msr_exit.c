// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR of the guest: filter, access, and what becomes of a refusal:
 * #GP, nothing (ignore_msrs), or an exit for which user space asked
 * (KVM_CAP_X86_USER_SPACE_MSR).
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include "event.h"
#include "msr_table.h"
#include "trace.h"
#include "vendor.h"

static bool ignore_msrs;
module_param(ignore_msrs, bool, 0644);
MODULE_PARM_DESC(ignore_msrs, "unknown MSRs read as zero and take writes");

static bool report_ignored_msrs = true;
module_param(report_ignored_msrs, bool, 0644);
MODULE_PARM_DESC(report_ignored_msrs, "log accesses that ignore_msrs lets pass");

/* MSR_UNKNOWN becomes MSR_OK when the administrator wants that. */
enum msr_result msr_unknown(u32 msr, bool write, u64 val, enum msr_result res)
{
	if (res != MSR_UNKNOWN || !READ_ONCE(ignore_msrs))
		return res;
	if (READ_ONCE(report_ignored_msrs)) {
		if (write)
			pr_info_ratelimited("kvm: ignored wrmsr 0x%x data 0x%llx\n", msr, val);
		else
			pr_info_ratelimited("kvm: ignored rdmsr 0x%x\n", msr);
	}
	return MSR_OK;
}

static u32 exit_reason_of(enum msr_result res)
{
	switch (res) {
	case MSR_GP:
		return KVM_MSR_EXIT_REASON_INVAL;
	case MSR_UNKNOWN:
		return KVM_MSR_EXIT_REASON_UNKNOWN;
	case MSR_FILTERED:
		return KVM_MSR_EXIT_REASON_FILTER;
	default:
		return 0;
	}
}

/* A refusal goes to user space when it asked for refusals of that kind. */
static enum msr_result refused(struct x86_vcpu *vcpu, u32 msr, bool write, u64 val,
			       enum msr_result res)
{
	u32 reason = exit_reason_of(res);
	struct kvm_run *run = vcpu->run;

	if (!(READ_ONCE(vcpu->vm->msr_exit_mask) & reason))
		return res;
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = reason;
	run->msr.index = msr;
	run->msr.data = write ? val : 0;
	return MSR_TO_USER;
}

enum msr_result msr_guest_read(struct x86_vcpu *vcpu, u32 msr, u64 *val)
{
	enum msr_result res = MSR_FILTERED;

	*val = 0;
	if (msr_filter_allows(vcpu->vm, msr, false))
		res = msr_unknown(msr, false, 0, msr_read(vcpu, msr, val, false));
	if (likely(res == MSR_OK))
		return res;
	return refused(vcpu, msr, false, 0, res);
}

enum msr_result msr_guest_write(struct x86_vcpu *vcpu, u32 msr, u64 val)
{
	enum msr_result res = MSR_FILTERED;

	if (msr_filter_allows(vcpu->vm, msr, true))
		res = msr_unknown(msr, true, val, msr_write(vcpu, msr, val, false));
	if (likely(res == MSR_OK))
		return res;
	return refused(vcpu, msr, true, val, res);
}

static void result_to_gprs(struct x86_vcpu *vcpu, u64 val)
{
	vcpu->regs.gpr[GPR_RAX] = (u32)val;
	vcpu->regs.gpr[GPR_RDX] = val >> 32;
}

/* User space answered KVM_EXIT_X86_RDMSR. */
static int complete_read(struct x86_vcpu *vcpu)
{
	bool error = READ_ONCE(vcpu->run->msr.error);

	if (!error)
		result_to_gprs(vcpu, READ_ONCE(vcpu->run->msr.data));
	return vendor_call(complete_emulated_msr, vcpu, error);
}

static int complete_write(struct x86_vcpu *vcpu)
{
	return vendor_call(complete_emulated_msr, vcpu, READ_ONCE(vcpu->run->msr.error));
}

int msr_emulate_read(struct x86_vcpu *vcpu)
{
	u32 msr = vcpu->regs.gpr[GPR_RCX];
	enum msr_result res;
	u64 val;

	res = msr_guest_read(vcpu, msr, &val);
	if (res == MSR_TO_USER) {
		vcpu->io.complete = complete_read;
		return RUN_TO_USER;
	}
	trace_kvm_msr(0, msr, val, res != MSR_OK);
	if (res == MSR_OK)
		result_to_gprs(vcpu, val);
	return vendor_call(complete_emulated_msr, vcpu, res != MSR_OK);
}
EXPORT_SYMBOL_GPL(msr_emulate_read);

int msr_emulate_write(struct x86_vcpu *vcpu)
{
	u32 msr = vcpu->regs.gpr[GPR_RCX];
	u64 val = (u32)vcpu->regs.gpr[GPR_RAX] | vcpu->regs.gpr[GPR_RDX] << 32;
	enum msr_result res;

	res = msr_guest_write(vcpu, msr, val);
	if (res == MSR_TO_USER) {
		vcpu->io.complete = complete_write;
		return RUN_TO_USER;
	}
	trace_kvm_msr(1, msr, val, res != MSR_OK);
	return vendor_call(complete_emulated_msr, vcpu, res != MSR_OK);
}
EXPORT_SYMBOL_GPL(msr_emulate_write);

int x86_complete_emulated_msr(struct x86_vcpu *vcpu, bool fault)
{
	if (fault) {
		event_raise_gp(vcpu, 0);
		return RUN_RESUME;
	}
	return vendor_call(skip, vcpu);
}
EXPORT_SYMBOL_GPL(x86_complete_emulated_msr);
