// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits that are settled with interrupts off, in the inner loop.
 *
 * The processor tells how long an instruction is that exited, so declining is
 * always possible: then the exit is handled as if this had not been tried.
 * Declined are instructions that are being stepped or watched by a debugger,
 * and whatever needs sleeping or user space.
 */
#include <asm/msr.h>
#include "../cpuid.h"
#include "../irqchip/irqchip.h"
#include "../mmu/perm.h"
#include "vmx.h"
#include "exit_handlers.h"

/* Qualification of an I/O instruction (SDM Vol. 3 "Exit Qualification for I/O Instructions") */
#define IO_IN		BIT(3)
#define IO_STRING	BIT(4)

/* The instruction has completed; so has the interrupt shadow over it. */
static __always_inline void advance(struct vmx_vcpu *vmx)
{
	struct x86_vcpu *vcpu = &vmx->x86;
	u32 state = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	u32 shadow = state & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);

	vcpu->regs.rip = vmx_next_rip(vmx);
	vcpu->regs.rflags &= ~(u64)X86_EFLAGS_RF;
	if (unlikely(shadow)) {
		vcpu->regs.shadow = SHADOW_NONE;
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, state & ~shadow);
		req_event(vcpu);
	}
}

bool vmx_fast_cpuid(struct vmx_vcpu *vmx)
{
	if (!exit_unobserved(&vmx->x86) || !cpuid_fast(&vmx->x86))
		return false;
	advance(vmx);
	return true;
}

bool vmx_fast_rdmsr(struct vmx_vcpu *vmx)
{
	u64 *gpr = vmx->x86.regs.gpr;
	u64 val;

	if (!exit_unobserved(&vmx->x86) || !msr_fast_read(&vmx->x86, gpr[GPR_RCX], &val))
		return false;
	gpr[GPR_RAX] = (u32)val;
	gpr[GPR_RDX] = val >> 32;
	advance(vmx);
	return true;
}

bool vmx_fast_wrmsr(struct vmx_vcpu *vmx)
{
	const u64 *gpr = vmx->x86.regs.gpr;
	u64 val = (u32)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;

	if (!exit_unobserved(&vmx->x86) || !msr_fast_write(&vmx->x86, gpr[GPR_RCX], val))
		return false;
	advance(vmx);
	return true;
}

/* OUT to a device of the kernel */
bool vmx_fast_io(struct vmx_vcpu *vmx)
{
	u32 qual = vmx->info.qual;

	if ((qual & (IO_IN | IO_STRING)) || !exit_unobserved(&vmx->x86) ||
	    !io_port_fast_out(&vmx->x86, qual >> 16, (qual & 7) + 1))
		return false;
	advance(vmx);
	return true;
}

int vmx_exit_io(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 qual = vmx->info.qual;

	if (qual & IO_STRING)
		return emul_insn(vcpu, 0, 0, NULL, 0);
	return io_port(vcpu, qual >> 16, (qual & 7) + 1, qual & IO_IN, vmx_next_rip(vmx));
}

/* The preemption timer: somebody waits for that time, if it has not been told to him yet. */
bool vmx_fast_timer(struct vmx_vcpu *vmx)
{
	if (rdtsc() >= vmx->timer_tsc && vmx->timer_tsc)
		lapic_timer_guest_expired(&vmx->x86);
	return true;
}

bool vmx_fast_vmcall(struct vmx_vcpu *vmx)
{
	if (!exit_unobserved(&vmx->x86) || !hypercall_fast(&vmx->x86))
		return false;
	advance(vmx);
	return true;
}

/* --- memory --- */

/* The MMU's form of an EPT violation's qualification (SDM Vol. 3 "Exit Qualification for EPT Violations"). */
u64 vmx_fault_code(const struct vmx_vcpu *vmx)
{
	u64 qual = vmx->info.qual, code = 0;

	if (qual & EPT_VIOLATION_ACC_WRITE)
		code |= ACC_WRITE;
	if (qual & EPT_VIOLATION_ACC_INSTR)
		code |= ACC_FETCH;
	if (qual & EPT_VIOLATION_RWX_MASK)
		code |= ACC_PRESENT;
	/* Met on the way through the guest's own tables: the address is that of an entry. */
	if ((qual & (EPT_VIOLATION_GVA_IS_VALID | EPT_VIOLATION_GVA_TRANSLATED)) ==
	    EPT_VIOLATION_GVA_IS_VALID)
		code |= ACC_GUEST_TABLE;
	return code;
}

bool vmx_fast_ept_violation(struct vmx_vcpu *vmx)
{
	vmx_iret_faulted(vmx);
	return mmu_fault_fast(&vmx->x86, vmx->info.gpa, vmx_fault_code(vmx));
}

int vmx_exit_ept_violation(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	return mmu_page_fault(vcpu, vmx->info.gpa, vmx_fault_code(vmx), NULL, 0);
}

/*
 * An entry of "no memory here". The processor does not tell what kind of access
 * it was: a store is what can be settled at once, and finds out.
 */
bool vmx_fast_ept_misconfig(struct vmx_vcpu *vmx)
{
	return mmu_fault_fast(&vmx->x86, vmx->info.gpa, ACC_RSVD | ACC_WRITE);
}

int vmx_exit_ept_misconfig(struct x86_vcpu *vcpu)
{
	return mmu_page_fault(vcpu, to_vmx(vcpu)->info.gpa, ACC_RSVD, NULL, 0);
}
