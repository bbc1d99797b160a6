// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which instructions and events end the guest's run.
 *
 * All control words are computed from the state of the vCPU: first what has to
 * be set whatever that state is, because the host depends on it, then what is
 * added for this guest. Each is written if it differs from what the VMCS holds.
 */
#include <asm/trapnr.h>
#include <linux/mm.h>
#include "../cpuid.h"
#include "../exit.h"
#include "vmx.h"

/*
 * #DB and #AC: a guest that makes their delivery fault again with the same
 * exception would keep this CPU in microcode for ever. #MC is the host's.
 */
#define MANDATORY_EXCEPTIONS (BIT(DB_VECTOR) | BIT(AC_VECTOR) | BIT(MC_VECTOR))

static const u32 mandatory[NR_WORDS] = {
	[WORD_PIN] = PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING,
	[WORD_CPU] = CPU_BASED_RDPMC_EXITING | CPU_BASED_UNCOND_IO_EXITING |
		    CPU_BASED_USE_TSC_OFFSETTING | CPU_BASED_USE_MSR_BITMAPS |
		    CPU_BASED_ACTIVATE_SECONDARY_CONTROLS,
	[WORD_CPU2] = SECONDARY_EXEC_ENABLE_EPT,
	[WORD_EXIT] = VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_SAVE_DEBUG_CONTROLS |
		     VM_EXIT_LOAD_IA32_PAT | VM_EXIT_LOAD_IA32_EFER,
	[WORD_ENTRY] = VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_LOAD_IA32_PAT |
		      VM_ENTRY_LOAD_IA32_EFER,
};

static const u16 ctl_fields[NR_WORDS] = {
	[WORD_PIN] = PIN_BASED_VM_EXEC_CONTROL,
	[WORD_CPU] = CPU_BASED_VM_EXEC_CONTROL,
	[WORD_CPU2] = SECONDARY_VM_EXEC_CONTROL,
	[WORD_EXIT] = VM_EXIT_CONTROLS,
	[WORD_ENTRY] = VM_ENTRY_CONTROLS,
};

/* A control word has a new value: written only if it is one. */
void vmx_ctl_set(struct vmx_vcpu *vmx, enum vmx_ctl word, u32 val)
{
	if (vmx->ctl[word] == val)
		return;
	vmx->ctl[word] = val;
	vmcs_write32(ctl_fields[word], val);
}

/*
 * Switch one of the controls that vmx_update_controls() derives from state
 * which the caller has just changed.
 */
void vmx_ctl_bit(struct vmx_vcpu *vmx, enum vmx_ctl word, u32 bit, bool on)
{
	vmx_ctl_set(vmx, word, on ? vmx->ctl[word] | bit : vmx->ctl[word] & ~bit);
}

static u32 cpu_wanted(const struct vmx_vcpu *vmx)
{
	const struct x86_vcpu *vcpu = &vmx->x86;
	u32 disabled = vcpu->vm->disabled_exits;
	u32 want = CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING;

	if (vmx->vtpr)
		want = CPU_BASED_TPR_SHADOW;
	if (!(disabled & KVM_X86_DISABLE_EXITS_HLT))
		want |= CPU_BASED_HLT_EXITING;
	if (!(disabled & KVM_X86_DISABLE_EXITS_MWAIT))
		want |= CPU_BASED_MONITOR_EXITING | CPU_BASED_MWAIT_EXITING;
	if (!vmx->dr_live)
		want |= CPU_BASED_MOV_DR_EXITING;
	if (vmx_mapped(vmx))
		want |= CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING;
	if (vmx->irq_window)
		want |= CPU_BASED_INTR_WINDOW_EXITING;
	if (vmx->nmi_window)
		want |= CPU_BASED_NMI_WINDOW_EXITING;
	return want;
}

/* What the guest is told it has not shall be #UD, as on such a processor. */
static u32 cpu2_wanted(const struct vmx_vcpu *vmx)
{
	const struct x86_vcpu *vcpu = &vmx->x86;
	u32 want = SECONDARY_EXEC_UNRESTRICTED_GUEST | SECONDARY_EXEC_ENCLS_EXITING |
		   SECONDARY_EXEC_WBINVD_EXITING;

	if (vmx->apic >= APIC_HW_XAPIC)
		want |= VMX_APIC_DELIVERY;
	if (vmx->apic == APIC_HW_X2APIC)
		want |= SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	else if (vmx->apic != APIC_HW_NONE)
		want |= SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
	if (READ_ONCE(vcpu->vm->bus_lock_exits))
		want |= SECONDARY_EXEC_BUS_LOCK_DETECTION;
	if (READ_ONCE(vcpu->vm->notify_window) != NOTIFY_OFF)
		want |= SECONDARY_EXEC_NOTIFY_VM_EXITING;
	if (vmx_hides_tables(vmx))
		want |= SECONDARY_EXEC_DESC;
	if (READ_ONCE(vcpu->vm->logged_slots))
		want |= SECONDARY_EXEC_ENABLE_PML;
	if (vmx->vpid)
		want |= SECONDARY_EXEC_ENABLE_VPID;
	if (guest_has(vcpu, GF_RDTSCP) || guest_has(vcpu, GF_RDPID))
		want |= SECONDARY_EXEC_ENABLE_RDTSCP;
	if (guest_has(vcpu, GF_INVPCID))
		want |= SECONDARY_EXEC_ENABLE_INVPCID;
	if (guest_has(vcpu, GF_XSAVES))
		want |= SECONDARY_EXEC_ENABLE_XSAVES;
	if (vcpu->tsc.ratio)
		want |= SECONDARY_EXEC_TSC_SCALING;
	if (!(vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_PAUSE))
		want |= SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	return want;
}

/* What the state asks for, as far as the processor has it. */
static void set_word(struct vmx_vcpu *vmx, enum vmx_ctl word, u32 want)
{
	want &= vmx_ctls.may[word];
	vmx_ctl_set(vmx, word, want | mandatory[word] | vmx_ctls.must[word]);
}

/**
 * vmx_update_controls - recompute all from the state of the vCPU
 * @vcpu: its thread, loaded, not in the guest
 */
void vmx_update_controls(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 exceptions = vmx_v86(vmx) ? ~0u : MANDATORY_EXCEPTIONS | exit_exceptions(vcpu);

	vcpu->intercepts_stale = false;
	set_word(vmx, WORD_PIN, PIN_BASED_VIRTUAL_NMIS |
		 (vmx->timer_tsc ? PIN_BASED_VMX_PREEMPTION_TIMER : 0) |
		 (vmx->pid ? PIN_BASED_POSTED_INTR : 0));
	set_word(vmx, WORD_CPU, cpu_wanted(vmx));
	set_word(vmx, WORD_CPU2, cpu2_wanted(vmx));
	if (vmx->ctl[WORD_CPU2] & SECONDARY_EXEC_ENABLE_PML)
		vmx->work |= WORK_PML;
	else
		vmx->work &= ~WORK_PML;
	if (vmx->ctl[WORD_CPU2] & SECONDARY_EXEC_NOTIFY_VM_EXITING)
		vmcs_write32(NOTIFY_WINDOW, READ_ONCE(vcpu->vm->notify_window));
	/* VM entry wants both or none. */
	set_word(vmx, WORD_EXIT, vmx->pid ? VM_EXIT_ACK_INTR_ON_EXIT : 0);
	set_word(vmx, WORD_ENTRY, vcpu->regs.efer & EFER_LMA ? VM_ENTRY_IA32E_MODE : 0);
	if (vmx->exceptions != exceptions) {
		vmx->exceptions = exceptions;
		vmcs_write32(EXCEPTION_BITMAP, exceptions);
	}
	vmcs_write64(MSR_BITMAP, __pa(vmx->msr_bitmap));
}

/* Whatever the host depends on is in force. */
bool vmx_controls_safe(const struct vmx_vcpu *vmx)
{
	unsigned int i;

	for (i = 0; i < NR_WORDS; i++)
		if (mandatory[i] & ~vmx->ctl[i])
			return false;
	/* The x2APIC that the guest would reach is the host's. */
	if (vmx_msr_bitmap_passes_x2apic(vmx) &&
	    !(vmx->ctl[WORD_CPU2] & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE))
		return false;
	/* What is meant for its APIC would be memory to the guest. */
	if (mmu_page_shown(&vmx->x86.vm->mmu, MMU_PAGE_APIC) &&
	    !(vmx->ctl[WORD_CPU2] & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES))
		return false;
	return !(MANDATORY_EXCEPTIONS & ~vmx->exceptions) && vmx->eptp;
}
