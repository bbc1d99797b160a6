// SPDX-License-Identifier: GPL-2.0-only
/* Exits with interrupts on: dispatch, and the handlers that know this hardware. */
#include <linux/smp.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>
#include "svm.h"
#include "exit_handlers.h"

/* DR6 bits that tell what happened; RTM and BLD do so by being 0. */
#define DR6_CAUSES	(DR_TRAP_BITS | BIT(13) | DR_STEP | BIT(15))
#define DR6_INVERTED	(BIT(11) | BIT(16))

/* --- dispatch --- */

/**
 * svm_exit_irqoff - what cannot wait until interrupts are on
 * @vcpu: has just left the guest
 *
 * Interrupts and NMIs were left pending by the intercepts and came, or come,
 * by themselves. A machine check was not: the exit replaced its delivery.
 */
void svm_exit_irqoff(struct x86_vcpu *vcpu)
{
	if (unlikely(to_svm(vcpu)->exit.full == SVM_EXIT_EXCP_BASE + MC_VECTOR))
		exit_host_machine_check();
}

/* The processor did not enter the guest. */
static int entry_failed(struct svm_vcpu *svm)
{
	svm_vmcb_dump(svm);
	/* QEMU's processor has written back an int_ctl that it had not read yet. */
	svm->vmcb->control.int_ctl |= V_INTR_MASKING_MASK;
	return exit_fail_entry(&svm->x86, svm->exit.full);
}

/**
 * svm_handle_exit - the exit that svm_exit_fast() did not settle
 * @vcpu: loaded, interrupts on, in a read section
 *
 * Return: RUN_* or -errno.
 */
int svm_handle_exit(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	const struct svm_exit *row;
	u64 data[2];

	if (unlikely(svm_exit_class(svm->exit) == EXIT_CLASS_ERROR))
		return entry_failed(svm);

	row = svm_exit_row(svm->exit);
	if (unlikely(!row || !row->handle)) {
		data[0] = svm->exit.full;
		data[1] = raw_smp_processor_id();
		return exit_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, 2, data);
	}
	if (row->needs)
		regs_need(vcpu, row->needs);
	return row->handle(vcpu);
}

void svm_describe_exit(struct x86_vcpu *vcpu, struct x86_exit_info *info)
{
	const struct svm_vcpu *svm = to_svm(vcpu);
	const struct vmcb_control_area *control = &svm->vmcb->control;

	info->reason = svm->exit.full;
	info->info1 = control->exit_info_1;
	info->info2 = control->exit_info_2;
	info->intr_info = control->exit_int_info;
	info->error_code = 0;
	if ((control->exit_int_info & EVENT_VALID) && (control->exit_int_info & EVENT_HAS_ERR))
		info->error_code = control->exit_int_info_err;
}

/**
 * svm_skip - step over the instruction that exited
 * @vcpu: its thread
 *
 * Return: RUN_*; a failure is dealt with by the emulator.
 */
int svm_skip(struct x86_vcpu *vcpu)
{
	const struct vmcb_control_area *control = &to_svm(vcpu)->vmcb->control;

	if (!svm_has.nrips || !control->next_rip)
		return emul_skip(vcpu);
	vcpu->regs.rip = control->next_rip;
	vcpu->regs.rflags &= ~(u64)X86_EFLAGS_RF;
	return insn_done(vcpu, vcpu->regs.rflags, SHADOW_NONE);
}

/* --- exits on behalf of the host --- */

int svm_exit_host(struct x86_vcpu *vcpu)
{
	return RUN_RESUME;
}

int svm_exit_host_irq(struct x86_vcpu *vcpu)
{
	vcpu->base.stat.irq_exits++;
	return RUN_RESUME;
}

/* The VMCB is undefined after this; give the vCPU a state that can be saved and run. */
int svm_exit_shutdown(struct x86_vcpu *vcpu)
{
	vcpu_reset(vcpu, true);
	return exit_shutdown(vcpu);
}

/* --- instructions --- */

/* MOV to CR0, CR4 or CR8 with decode assists; the rest (LMSW, CLTS, reads) is decoded. */
int svm_exit_cr(struct x86_vcpu *vcpu)
{
	const struct svm_vcpu *svm = to_svm(vcpu);
	u64 info = svm->vmcb->control.exit_info_1;
	u64 code = svm->exit.full;

	if (svm_has.decode_assist && svm_has.nrips && (info & ACCESS_IS_MOV) &&
	    code >= SVM_EXIT_WRITE_CR0 && code <= SVM_EXIT_WRITE_CR8)
		return exit_cr_write(vcpu, code - SVM_EXIT_WRITE_CR0,
				regs_gpr(vcpu, ACCESS_GPR(info)));
	return emul_insn(vcpu, 0, 0, NULL, 0);
}

int svm_exit_cr8(struct x86_vcpu *vcpu)
{
	u64 old = vcpu->regs.cr8;

	return exit_cr8_written(vcpu, old, svm_exit_cr(vcpu));
}

/* The first access since the vCPU was loaded: no other will exit. */
int svm_exit_dr(struct x86_vcpu *vcpu)
{
	if (debug_lend(vcpu)) {
		to_svm(vcpu)->dr_live = true;
		regs_changed(vcpu, RG_DR);
		vcpu->intercepts_stale = true;
		return RUN_RESUME;
	}
	return emul_insn(vcpu, 0, 0, NULL, 0);
}

int svm_exit_msr(struct x86_vcpu *vcpu)
{
	if (to_svm(vcpu)->vmcb->control.exit_info_1)
		return msr_emulate_write(vcpu);
	return msr_emulate_read(vcpu);
}

int svm_exit_io(struct x86_vcpu *vcpu)
{
	const struct vmcb_control_area *control = &to_svm(vcpu)->vmcb->control;
	u64 info = control->exit_info_1;

	if (info & IOIO_STRING)
		return emul_insn(vcpu, 0, 0, NULL, 0);
	return io_port(vcpu, IOIO_PORT(info), IOIO_SIZE(info), info & IOIO_IN,
		       control->exit_info_2);
}

int svm_exit_no_insn(struct x86_vcpu *vcpu)
{
	event_raise_ud(vcpu);
	return RUN_RESUME;
}

/* --- exceptions --- */

int svm_exit_db(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 dr6 = svm->vmcb->save.dr6;

	if (svm_step_done(svm))
		return RUN_RESUME;
	if (!svm->dr_live) {
		svm->vmcb->save.dr6 = SVM_DR6_NOTHING;
		svm->clean &= ~VC_DR;
	}
	return debug_exit_db(vcpu, (dr6 & DR6_CAUSES) | (~dr6 & DR6_INVERTED));
}

int svm_exit_ud(struct x86_vcpu *vcpu)
{
	return emul_insn(vcpu, 0, EMUL_TRAP_UD, NULL, 0);
}

/* Intercepted for VMware's backdoor, whose #GP has no selector in it. */
int svm_exit_gp(struct x86_vcpu *vcpu)
{
	return exit_gp(vcpu, to_svm(vcpu)->vmcb->control.exit_info_1);
}

int svm_exit_ac(struct x86_vcpu *vcpu)
{
	event_raise_error(vcpu, AC_VECTOR, to_svm(vcpu)->vmcb->control.exit_info_1);
	return RUN_RESUME;
}

/* --- memory --- */

int svm_exit_npf(struct x86_vcpu *vcpu)
{
	const struct vmcb_control_area *control = &to_svm(vcpu)->vmcb->control;
	unsigned int len = 0;

	if (svm_has.decode_assist)
		len = min_t(unsigned int, control->insn_len, sizeof(control->insn_bytes));
	return mmu_page_fault(vcpu, control->exit_info_2, control->exit_info_1,
			      len ? control->insn_bytes : NULL, len);
}
