// SPDX-License-Identifier: GPL-2.0-only
/* Exits with interrupts on: dispatch, and the handlers that know this hardware. */
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fred.h>
#include <asm/trapnr.h>
#include "../emul/emul.h"
#include "vmx.h"
#include "exit_handlers.h"

/* DR6 bits that tell what happened; their place in the qualification is the same. */
#define DB_CAUSES	(DR_TRAP_BITS | BIT(13) | DR_STEP)
#define DB_BUS_LOCK	BIT(11)
#define DB_RTM		BIT(16)

/* --- dispatch --- */

/* The handler of an interrupt that the exit has acknowledged, by the gate that the processor would take */
static void host_irq(u32 intr_info)
{
	u8 vector = intr_info & INTR_INFO_VECTOR_MASK;
	struct desc_ptr idt;

	if (!(intr_info & INTR_INFO_VALID_MASK))
		return;
	if (cpu_feature_enabled(X86_FEATURE_FRED)) {
		fred_entry_from_kvm(EVENT_TYPE_EXTINT, vector);
		return;
	}
	store_idt(&idt);
	vmx_call_gate((void *)gate_offset((gate_desc *)idt.address + vector));
}

/**
 * vmx_exit_irqoff - what cannot wait until interrupts are on
 * @vcpu: has just left the guest
 *
 * An interrupt was left pending and comes by itself, unless the exit took it from
 * the local APIC, as it has to with posted interrupts. An NMI was handed on in
 * vmx_enter(). A machine check was not: the exit replaced its delivery.
 */
void vmx_exit_irqoff(struct x86_vcpu *vcpu)
{
	const struct vmx_vcpu *vmx = to_vmx(vcpu);
	const u32 mc = INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | MC_VECTOR;
	const u32 mask = INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK;

	if (vmx->exit.basic == EXIT_REASON_EXTERNAL_INTERRUPT && vmx->pid)
		host_irq(vmcs_read32(VM_EXIT_INTR_INFO));
	if (unlikely(vmx->exit.basic == EXIT_REASON_MCE_DURING_VMENTRY) ||
	    (unlikely(vmx->exit.basic == EXIT_REASON_EXCEPTION_NMI) &&
	     (vmx->info.intr_info & mask) == mc))
		exit_host_machine_check();
}

/* The processor did not enter the guest. */
static int entry_failed(struct vmx_vcpu *vmx)
{
	if (vmx->exit.full == VMX_EXIT_VMFAIL) {
		vmcs_dump(vmx_insn_error_name(vmx->insn_error));
		return exit_fail_entry(&vmx->x86, vmx->insn_error);
	}
	/* After the machine check was handled there is nothing wrong with the guest. */
	if (vmx->exit.basic == EXIT_REASON_MCE_DURING_VMENTRY)
		return RUN_RESUME;
	vmcs_dump(vmx->exit.basic == EXIT_REASON_INVALID_STATE ? "invalid guest state" :
		  vmx->exit.basic == EXIT_REASON_MSR_LOAD_FAIL ? "MSR loading" : "?");
	return exit_fail_entry(&vmx->x86, vmx->exit.full);
}

/**
 * vmx_handle_exit - the exit that vmx_exit_fast() did not settle
 * @vcpu: loaded, interrupts on, in a read section
 *
 * Return: RUN_* or -errno.
 */
int vmx_handle_exit(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	const struct vmx_exit *row;
	u64 data[2];

	if (unlikely(vmx->exit.failed_vmentry))
		return entry_failed(vmx);

	row = vmx_exit_row(vmx->exit);
	if (unlikely(!row || !row->handle)) {
		data[0] = vmx->exit.full;
		data[1] = raw_smp_processor_id();
		return exit_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, 2, data);
	}
	if (row->needs)
		regs_need(vcpu, row->needs);
	if (unlikely(vmx->exit.bus_lock))
		return exit_bus_lock(vcpu, row->handle(vcpu));
	return row->handle(vcpu);
}

void vmx_describe_exit(struct x86_vcpu *vcpu, struct x86_exit_info *info)
{
	const struct vmx_vcpu *vmx = to_vmx(vcpu);

	info->reason = vmx->exit.full;
	if (vmx->exit.failed_vmentry)
		return;
	info->info1 = vmcs_readl(EXIT_QUALIFICATION);
	info->info2 = vmcs_read32(IDT_VECTORING_INFO_FIELD);
	info->intr_info = vmcs_read32(VM_EXIT_INTR_INFO);
	if ((info->intr_info & INTR_INFO_VALID_MASK) &&
	    (info->intr_info & INTR_INFO_DELIVER_CODE_MASK))
		info->error_code = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);
}

/**
 * vmx_skip - step over the instruction that exited
 * @vcpu: its thread, loaded
 *
 * Return: RUN_*; a failure is dealt with by the emulator.
 */
int vmx_skip(struct x86_vcpu *vcpu)
{
	vcpu->regs.rip = vmx_next_rip(to_vmx(vcpu));
	vcpu->regs.rflags &= ~(u64)X86_EFLAGS_RF;
	return insn_done(vcpu, vcpu->regs.rflags, SHADOW_NONE);
}

/* --- exits on behalf of the host --- */

int vmx_exit_host(struct x86_vcpu *vcpu)
{
	return RUN_RESUME;
}

int vmx_exit_host_irq(struct x86_vcpu *vcpu)
{
	vcpu->base.stat.irq_exits++;
	return RUN_RESUME;
}

/* --- exceptions --- */

static int exit_db(struct x86_vcpu *vcpu)
{
	const struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 dr6 = vmx->info.qual & (DB_CAUSES | DB_BUS_LOCK | DB_RTM);

	/* INT1 ends behind the instruction, and no condition is reported. */
	if ((vmx->info.intr_info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION) {
		vcpu->regs.rip = vmx_next_rip(vmx);
		insn_done(vcpu, 0, SHADOW_NONE);
	}
	return debug_exit_db(vcpu, dr6);
}

/* Faults of the delivery itself, and NMI and machine check, which the host has had. */
int vmx_exit_exception(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 info = vmx->info.intr_info;
	u64 data[2] = { vmx->exit.full, info };

	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		return RUN_RESUME;
	if (unlikely(info & INTR_INFO_UNBLOCK_NMI) && (info & INTR_INFO_VECTOR_MASK) != DF_VECTOR &&
	    vcpu->ev.exc_state != EXC_INJECTED && !vcpu->ev.nmi_injected)
		vmx_nmi_mask_again(vmx);

	if (vmx_v86(vmx) && (info & INTR_INFO_VECTOR_MASK) != DB_VECTOR)
		return vmx_v86_exception(vcpu);
	switch (info & INTR_INFO_VECTOR_MASK) {
	case DB_VECTOR:
		return exit_db(vcpu);
	case BP_VECTOR:
		return debug_exit_bp(vcpu);
	case UD_VECTOR:
		return emul_insn(vcpu, 0, EMUL_TRAP_UD, NULL, 0);
	case GP_VECTOR:
		return exit_gp(vcpu, vmx->info.intr_info & INTR_INFO_DELIVER_CODE_MASK ?
				     vmx->info.intr_error : 0);
	case AC_VECTOR:
		event_raise_error(vcpu, AC_VECTOR, vmx->info.intr_error);
		return RUN_RESUME;
	case MC_VECTOR:
		return RUN_RESUME;
	}
	return exit_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, 2, data);
}

/* --- instructions --- */

/* SDM Vol. 3 "Exit Qualification for Control-Register Accesses" */
#define CR_NUMBER(qual)	((qual) & 15)
#define CR_TYPE(qual)	((qual) >> 4 & 3)
#define CR_GPR(qual)	((qual) >> 8 & 15)
enum { CR_TO, CR_FROM, CR_CLTS, CR_LMSW };

int vmx_exit_cr(struct x86_vcpu *vcpu)
{
	u64 qual = to_vmx(vcpu)->info.qual;
	unsigned int cr = CR_NUMBER(qual), gpr = CR_GPR(qual);

	switch (CR_TYPE(qual)) {
	case CR_TO:
		return exit_cr_write(vcpu, cr, regs_gpr(vcpu, gpr));
	case CR_FROM:
		if (cr == 3 || cr == 8) {
			vcpu->regs.gpr[gpr] = cr == 3 ? regs_cr3(vcpu) : cr8_read(vcpu);
			return vmx_skip(vcpu);
		}
		break;
	}
	return emul_insn(vcpu, 0, 0, NULL, 0);
}

/* The first access since the vCPU was loaded: no other will exit. */
int vmx_exit_dr(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (debug_lend(vcpu)) {
		vmx->dr_live = true;
		vmx->work |= WORK_DR6;
		regs_changed(vcpu, RG_DR);
		vcpu->intercepts_stale = true;
		return RUN_RESUME;
	}
	return emul_insn(vcpu, 0, 0, NULL, 0);
}

/*
 * The processor has checked privilege and leaves the rest to us (SDM Vol. 3
 * "Exit Qualification for Task Switches"). An event that got here through a
 * task gate is delivered by the switch.
 */
int vmx_exit_task_switch(struct x86_vcpu *vcpu)
{
	static const u8 reasons[] = {
		EMUL_TASK_CALL, EMUL_TASK_IRET, EMUL_TASK_JUMP, EMUL_TASK_GATE,
	};
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 vectoring = vmcs_read32(IDT_VECTORING_INFO_FIELD);
	u32 type = vectoring & VECTORING_INFO_TYPE_MASK;
	struct emul_task task = {
		.sel = vmx->info.qual,
		.reason = reasons[vmx->info.qual >> 30 & 3],
	};

	if (task.reason != EMUL_TASK_GATE || !(vectoring & VECTORING_INFO_VALID_MASK)) {
		vcpu->regs.rip = vmx_next_rip(vmx);
		return emul_task_switch(vcpu, &task);
	}

	event_delivered(vcpu);
	if (type == INTR_TYPE_SOFT_INTR || type == INTR_TYPE_SOFT_EXCEPTION ||
	    type == INTR_TYPE_PRIV_SW_EXCEPTION) {
		vcpu->regs.rip = vmx_next_rip(vmx);
	} else {
		task.event = true;
		task.has_error = vectoring & VECTORING_INFO_DELIVER_CODE_MASK;
		task.error = task.has_error ? vmcs_read32(IDT_VECTORING_ERROR_CODE) : 0;
	}
	if (type == INTR_TYPE_NMI_INTR)
		vmx_nmi_masked_set(vcpu, true);
	return emul_task_switch(vcpu, &task);
}

/* Spinning a bit longer each time costs less than asking who else could run. */
int vmx_exit_pause(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_ple_set(vmx, vmx_ple_grow(&vmx_param_ple, vmx->ple_window));
	return exit_pause(vcpu);
}

/* Nothing was wrong with the instruction, which is behind us. */
int vmx_exit_bus_lock(struct x86_vcpu *vcpu)
{
	return exit_bus_lock(vcpu, RUN_RESUME);
}

/*
 * The guest has kept events from being taken for longer than its VM may. What is
 * left of a state that the processor could not save is not entered again.
 */
int vmx_exit_notify(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool lost = vmx->info.qual & NOTIFY_VM_CONTEXT_INVALID;

	vcpu->base.stat.notify_window_exits++;
	vmx_iret_faulted(vmx);
	return exit_notify(vcpu, lost);
}

/* Whatever it is exactly, the emulator finds out. */
int vmx_exit_decode(struct x86_vcpu *vcpu)
{
	return emul_insn(vcpu, 0, 0, NULL, 0);
}

int vmx_exit_no_insn(struct x86_vcpu *vcpu)
{
	event_raise_ud(vcpu);
	return RUN_RESUME;
}
