// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done about each exit: a row for every reason that the controls in
 * controls.c can lead to (SDM Vol. 3 "VMX Basic Exit Reasons").
 */
#include <linux/nospec.h>
#include "../cpuid.h"
#include "vmx.h"
#include "exit_handlers.h"

#define READS(fields)	.reads = (fields)

static const struct vmx_exit exit_table[] = {
	[EXIT_REASON_EXCEPTION_NMI]	= { vmx_exit_exception, NULL, READS(READ_INTR | READ_QUAL) },
	[EXIT_REASON_EXTERNAL_INTERRUPT] = { vmx_exit_host_irq },
	[EXIT_REASON_TRIPLE_FAULT]	= { exit_shutdown },
	[EXIT_REASON_INIT_SIGNAL]	= { vmx_exit_host },
	[EXIT_REASON_INTERRUPT_WINDOW]	= { vmx_exit_irq_window },
	[EXIT_REASON_NMI_WINDOW]	= { vmx_exit_nmi_window },
	[EXIT_REASON_MCE_DURING_VMENTRY] = { vmx_exit_host },

	[EXIT_REASON_TASK_SWITCH]	= { vmx_exit_task_switch, NULL, READS(READ_QUAL) },

	[EXIT_REASON_TPR_BELOW_THRESHOLD] = { vmx_exit_host, vmx_fast_tpr },
	[EXIT_REASON_EOI_INDUCED]	= { vmx_exit_host, vmx_fast_eoi, READS(READ_QUAL) },
	[EXIT_REASON_APIC_WRITE]	= { vmx_exit_apic_write, vmx_fast_apic_write, READS(READ_QUAL) },
	[EXIT_REASON_APIC_ACCESS]	= { vmx_exit_apic_access, vmx_fast_apic_access,
					    READS(READ_QUAL) },

	[EXIT_REASON_CPUID]		= { cpuid_exit, vmx_fast_cpuid },
	[EXIT_REASON_MSR_READ]		= { msr_emulate_read, vmx_fast_rdmsr },
	[EXIT_REASON_MSR_WRITE]		= { msr_emulate_write, vmx_fast_wrmsr },
	[EXIT_REASON_IO_INSTRUCTION]	= { vmx_exit_io, vmx_fast_io, READS(READ_QUAL) },
	[EXIT_REASON_VMCALL]		= { exit_hypercall, vmx_fast_vmcall },
	[EXIT_REASON_CR_ACCESS]		= { vmx_exit_cr, NULL, READS(READ_QUAL) },
	[EXIT_REASON_DR_ACCESS]		= { vmx_exit_dr, .needs = RG_DR },
	[EXIT_REASON_HLT]		= { exit_hlt },
	[EXIT_REASON_INVD]		= { exit_invd },
	[EXIT_REASON_WBINVD]		= { exit_invd },
	[EXIT_REASON_RDPMC]		= { exit_rdpmc },
	[EXIT_REASON_XSETBV]		= { xsetbv_exit },
	[EXIT_REASON_PAUSE_INSTRUCTION]	= { vmx_exit_pause },
	[EXIT_REASON_MONITOR_INSTRUCTION] = { exit_nop },
	[EXIT_REASON_MWAIT_INSTRUCTION]	= { exit_nop },
	[EXIT_REASON_GDTR_IDTR]		= { vmx_exit_decode },
	[EXIT_REASON_LDTR_TR]		= { vmx_exit_decode },

	[EXIT_REASON_PREEMPTION_TIMER]	= { vmx_exit_host, vmx_fast_timer },
	[EXIT_REASON_EPT_VIOLATION]	= { vmx_exit_ept_violation, vmx_fast_ept_violation,
					    READS(READ_QUAL | READ_GPA) },
	[EXIT_REASON_EPT_MISCONFIG]	= { vmx_exit_ept_misconfig, vmx_fast_ept_misconfig,
					    READS(READ_GPA) },
	[EXIT_REASON_PML_FULL]		= { vmx_exit_host, vmx_fast_pml_full, READS(READ_QUAL) },
	[EXIT_REASON_BUS_LOCK]		= { vmx_exit_bus_lock },
	[EXIT_REASON_NOTIFY]		= { vmx_exit_notify, NULL, READS(READ_QUAL) },

	/* The guest has been told that it has none of these. */
	[EXIT_REASON_VMCLEAR]		= { vmx_exit_no_insn },
	[EXIT_REASON_VMLAUNCH]		= { vmx_exit_no_insn },
	[EXIT_REASON_VMPTRLD]		= { vmx_exit_no_insn },
	[EXIT_REASON_VMPTRST]		= { vmx_exit_no_insn },
	[EXIT_REASON_VMREAD]		= { vmx_exit_no_insn },
	[EXIT_REASON_VMRESUME]		= { vmx_exit_no_insn },
	[EXIT_REASON_VMWRITE]		= { vmx_exit_no_insn },
	[EXIT_REASON_VMOFF]		= { vmx_exit_no_insn },
	[EXIT_REASON_VMON]		= { vmx_exit_no_insn },
	[EXIT_REASON_INVEPT]		= { vmx_exit_no_insn },
	[EXIT_REASON_INVVPID]		= { vmx_exit_no_insn },
	[EXIT_REASON_ENCLS]		= { vmx_exit_no_insn },
};

static __always_inline const struct vmx_exit *find_row(union vmx_exit_reason reason)
{
	u32 basic = reason.basic;

	if (basic >= ARRAY_SIZE(exit_table) || reason.failed_vmentry)
		return NULL;
	return &exit_table[array_index_nospec(basic, ARRAY_SIZE(exit_table))];
}

const struct vmx_exit *vmx_exit_row(union vmx_exit_reason reason)
{
	return find_row(reason);
}

/* Fields of the last exit that a row wants to see */
static __always_inline void read_info(struct vmx_vcpu *vmx, const struct vmx_exit *row)
{
	struct vmx_exit_info *info = &vmx->info;

	if (row->reads & READ_QUAL)
		info->qual = vmcs_readl(EXIT_QUALIFICATION);
	if (row->reads & READ_GPA)
		info->gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);
	if (row->reads & READ_INTR) {
		info->intr_info = vmcs_read32(VM_EXIT_INTR_INFO);
		info->intr_error = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);
	}
	if (row->reads & READ_INSN)
		info->insn_info = vmcs_read32(VMX_INSTRUCTION_INFO);
}

/**
 * vmx_exit_fast - settle the exit at once, if that is possible
 * @vcpu: has just left the guest; interrupts off
 *
 * Also reads what the row of the exit asks for.
 * Return: true if the guest may be entered again.
 */
bool vmx_exit_fast(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	const struct vmx_exit *row = find_row(vmx->exit);

	if (unlikely(!row))
		return false;
	if (row->reads)
		read_info(vmx, row);
	if (!row->fast || !row->fast(vmx))
		return false;
	if (likely(!vmx->exit.bus_lock))
		return true;
	/* What is left of the exit: user space wants to hear of the lock. */
	vmx->exit.basic = EXIT_REASON_BUS_LOCK;
	return false;
}
