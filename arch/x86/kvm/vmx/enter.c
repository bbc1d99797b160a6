// SPDX-License-Identifier: GPL-2.0-only
/*
 * Into the guest and back.
 *
 * The way in does only what changed: a word of dirty register groups, a word of
 * rare work, the generation of the VM's translations, and a handful of fields
 * that are compared with what the VMCS holds. The way out reads RIP, RSP and
 * RFLAGS, which software always wants, the reason, and whether an event was
 * interrupted on its way; all else is read when it is asked for.
 */
#include <linux/cpu.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/fred.h>
#include <asm/idtentry.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>
#include "../guest_state.h"
#include "../irqchip/irqchip.h"
#include "vmx.h"

/* --- translations --- */

static void invept(u64 eptp)
{
	const struct { u64 eptp, reserved; } desc = { .eptp = eptp };
	unsigned long type = vmx_ctls.invept_context ? VMX_EPT_EXTENT_CONTEXT :
						       VMX_EPT_EXTENT_GLOBAL;

	asm goto("1: invept %[desc], %[type]\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [desc] "m" (desc), [type] "r" (type) : "cc", "memory" : failed);
failed:
	return;
}

static void invvpid(u16 vpid)
{
	const struct { u64 vpid, linear; } desc = { .vpid = vpid };
	unsigned long type = vmx_ctls.invvpid_context ? VMX_VPID_EXTENT_SINGLE_CONTEXT :
							VMX_VPID_EXTENT_ALL_CONTEXT;

	asm goto("1: invvpid %[desc], %[type]\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [desc] "m" (desc), [type] "r" (type) : "cc", "memory" : failed);
failed:
	return;
}

/**
 * vmx_tlb_flush - before the next entry, forget cached translations
 * @vcpu: its thread
 * @scope: which; a single address is flushed with all others of the guest
 * @addr: with TLB_ADDRESS the guest-virtual address
 *
 * Without a VPID each entry flushes what belongs to linear addresses.
 */
void vmx_tlb_flush(struct x86_vcpu *vcpu, enum x86_tlb_scope scope, u64 addr)
{
	to_vmx(vcpu)->work |= scope == TLB_ALL ? WORK_TLB : WORK_VPID;
}

/**
 * vmx_load_root - the EPT tables to walk from the next entry on
 * @vcpu: its thread
 * @root_pa: physical address
 * @level: 4 or 5
 */
void vmx_load_root(struct x86_vcpu *vcpu, u64 root_pa, int level)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 eptp = root_pa | VMX_EPTP_MT_WB | (level - 1) << 3 |
		   (vmx_ctls.ept_ad ? VMX_EPTP_AD_ENABLE_BIT : 0);

	if (vmx->eptp == eptp)
		return;
	vmx->eptp = eptp;
	vmx->work |= WORK_ROOT | WORK_TLB;
}

/* --- time: the vCPU may not be loaded --- */

void vmx_tsc_write_offset(struct x86_vcpu *vcpu, u64 offset)
{
	to_vmx(vcpu)->work |= WORK_TSC;
}

void vmx_tsc_write_ratio(struct x86_vcpu *vcpu, u64 ratio)
{
	to_vmx(vcpu)->work |= WORK_TSC;
	vcpu->intercepts_stale = true;
}

static void tsc_to_vmcs(const struct x86_vcpu *vcpu)
{
	vmcs_write64(TSC_OFFSET, vcpu->tsc.offset);
	if (vcpu->tsc.ratio)
		vmcs_write64(TSC_MULTIPLIER, vcpu->tsc.ratio);
}

/*
 * The VMX-preemption timer counts down from what the entry loads, one for each
 * change of bit preemption_shift of the TSC, and ends the run at zero (SDM Vol. 3
 * "VMX-Preemption Timer"). It is loaded with each entry, as time goes on outside.
 */
bool vmx_guest_timer_set(struct x86_vcpu *vcpu, u64 when)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->timer_tsc = when;
	vmx->work |= WORK_TIMER;
	return true;
}

void vmx_guest_timer_cancel(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->timer_tsc = 0;
	vmx->work |= WORK_TIMER;
}

static void load_timer(struct vmx_vcpu *vmx)
{
	u64 when = vmx->timer_tsc, now, count = 0;

	vmx_ctl_bit(vmx, WORD_PIN, PIN_BASED_VMX_PREEMPTION_TIMER, when);
	if (!when) {
		vmx->work &= ~WORK_TIMER;
		return;
	}
	now = rdtsc();
	/* The first change may come at once: rounded up. Too far away: it comes early, and again. */
	if (now < when)
		count = min_t(u64, ((when - now) >> vmx_ctls.preemption_shift) + 1, U32_MAX);
	vmcs_write32(VMX_PREEMPTION_TIMER_VALUE, count);
}

/* --- the entry --- */

static __always_inline bool is_nmi(u32 intr_info)
{
	return (intr_info & (INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK)) ==
	       (INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR);
}

/*
 * The exit took the NMI from the processor, and no other comes until IRET: the
 * handler is called before any code that could execute one.
 */
static __always_inline void host_nmi(void)
{
	if (!is_nmi(vmcs_read32(VM_EXIT_INTR_INFO)))
		return;
	if (cpu_feature_enabled(X86_FEATURE_FRED))
		fred_entry_from_kvm(EVENT_TYPE_NMI, NMI_VECTOR);
	else
		vmx_call_gate(asm_exc_nmi_kvm_vmx);
}

static noinstr void world_switch(struct vmx_vcpu *vmx)
{
	struct x86_regs *regs = &vmx->x86.regs;

	guest_state_begin();
	if (static_branch_unlikely(&vmx_l1d_key))
		vmx_l1d_flush(vmx);
	else if (static_branch_unlikely(&mmio_stale_data_clear))
		x86_clear_cpu_buffers();
	if (unlikely(regs->cr2 != native_read_cr2()))
		native_write_cr2(regs->cr2);

	if (likely(!vmx_vmenter(regs->gpr, &vmx->sw, vmx->vmcs.launched))) {
		vmx->exit.full = vmcs_read32(VM_EXIT_REASON);
		/* A launch that fails leaves the VMCS as it was. */
		if (likely(!vmx->exit.failed_vmentry))
			vmx->vmcs.launched = true;
	} else {
		vmx->exit.full = VMX_EXIT_VMFAIL;
	}

	regs->cr2 = native_read_cr2();
	if (unlikely(vmx->exit.basic == EXIT_REASON_EXCEPTION_NMI))
		host_nmi();
	guest_state_end();
}

/* Whatever of vmx->work concerns the way in. */
static void work_before(struct vmx_vcpu *vmx)
{
	u32 work = vmx->work;

	if (work & WORK_ROOT)
		vmcs_write64(EPT_POINTER, vmx->eptp);
	if (work & WORK_TSC)
		tsc_to_vmcs(&vmx->x86);
	if (work & WORK_PLE)
		vmcs_write32(PLE_WINDOW, vmx->ple_window);
	if (work & WORK_EPT)
		invept(vmx->eptp);
	if ((work & WORK_VPID) && vmx->vpid)
		invvpid(vmx->vpid);
	if (work & WORK_DR6)
		set_debugreg(vmx->x86.regs.dr6, 6);
	vmx->work = work & (WORK_DR6 | WORK_TIMER | WORK_PML);
	if (work & WORK_TIMER)
		load_timer(vmx);
}

/* The kernel's #DB must not take the guest's DR6 for its own. */
static void take_dr6(struct x86_vcpu *vcpu)
{
	unsigned long dr6;

	get_debugreg(dr6, 6);
	vcpu->regs.dr6 = dr6;
	set_debugreg(DR6_RESERVED, 6);
}

/* And of what concerns the way out. */
static void work_after(struct vmx_vcpu *vmx)
{
	if (vmx->work & WORK_DR6)
		take_dr6(&vmx->x86);
	if (vmx->work & WORK_PML)
		vmx_pml_drain(vmx);
}

/* Fields of the host state that follow the thread's address space. */
static __always_inline void follow_host(struct vmx_vcpu *vmx)
{
	unsigned long cr3 = __get_current_cr3_fast(), cr4 = cr4_read_shadow();

	if (unlikely(cr3 != vmx->host_cr3)) {
		vmx->host_cr3 = cr3;
		vmcs_writel(HOST_CR3, cr3);
	}
	if (unlikely(cr4 != vmx->host_cr4)) {
		vmx->host_cr4 = cr4;
		vmcs_writel(HOST_CR4, cr4);
	}
}

/*
 * The kernel does not depend on TSC_AUX, user space does: the guest's stays
 * until the vCPU is put.
 */
static void load_tsc_aux(struct vmx_vcpu *vmx)
{
	vmx->host.tsc_aux_hw = vmx->x86.msr.tsc_aux;
	if (vmx_has.tsc_aux)
		wrmsrl(MSR_TSC_AUX, vmx->host.tsc_aux_hw);
}

static __always_inline void ip_to_vmcs(struct vmx_vcpu *vmx)
{
	const struct x86_regs *regs = &vmx->x86.regs;
	u64 rflags = regs->rflags;

	if (regs->rip != vmx->rip) {
		vmx->rip = regs->rip;
		vmcs_writel(GUEST_RIP, regs->rip);
	}
	if (regs->gpr[GPR_RSP] != vmx->rsp) {
		vmx->rsp = regs->gpr[GPR_RSP];
		vmcs_writel(GUEST_RSP, vmx->rsp);
	}
	if (vmx_v86(vmx))
		rflags |= V86_FLAGS;
	if (rflags != vmx->rflags) {
		vmx->rflags = rflags;
		vmcs_writel(GUEST_RFLAGS, rflags);
	}
}

static __always_inline void ip_from_vmcs(struct vmx_vcpu *vmx)
{
	struct x86_regs *regs = &vmx->x86.regs;

	regs->rip = vmx->rip = vmcs_readl(GUEST_RIP);
	regs->gpr[GPR_RSP] = vmx->rsp = vmcs_readl(GUEST_RSP);
	vmx->rflags = vmcs_readl(GUEST_RFLAGS);
	if (vmx_v86(vmx))
		regs->rflags = (regs->rflags & V86_FLAGS) | (vmx->rflags & ~V86_FLAGS);
	else
		regs->rflags = vmx->rflags;
}

/**
 * vmx_enter - run the guest until something ends it
 * @vcpu: loaded, interrupts off, root loaded, seen by others as in guest mode
 *
 * On return regs has GPRs, RIP and RFLAGS; avail is what never needs fetching.
 * Events that were interrupted on their way are pending again.
 */
void vmx_enter(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 tlb_gen = mmu_tlb_gen(&vcpu->vm->mmu);
	u32 vectoring;

	if (unlikely(vcpu->intercepts_stale))
		vmx_update_controls(vcpu);
	if (vmx->pid && unlikely(lapic_has_posted(vmx->pid)))
		lapic_take_posted(vcpu);
	if (vcpu->dirty)
		vmx_flush(vmx);
	if (unlikely(tlb_gen != vcpu->tlb_gen)) {
		vcpu->tlb_gen = tlb_gen;
		vmx->work |= WORK_EPT;
	}
	if (unlikely(vmx->work))
		work_before(vmx);
	follow_host(vmx);
	if (unlikely(vmx->host.tsc_aux_hw != (u32)vcpu->msr.tsc_aux))
		load_tsc_aux(vmx);
	if (unlikely(vmx->sw.spec_live))
		vmx->sw.spec_host = this_cpu_read(x86_spec_ctrl_current);
	ip_to_vmcs(vmx);
	if (unlikely(vcpu->regs.rflags & X86_EFLAGS_TF))
		vmx_fix_pending_debug(vmx);
	if (IS_ENABLED(CONFIG_KVM_PROVE_MMU) &&
	    KVM_BUG_ON_VM(!vmx_controls_safe(vmx), &vcpu->vm->base)) {
		vmx->exit.full = VMX_EXIT_VMFAIL;
		return;
	}

	world_switch(vmx);

	if (unlikely(vmx->host.debugctl))
		update_debugctlmsr(vmx->host.debugctl);
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
	if (unlikely(vmx->work))
		work_after(vmx);
	if (unlikely(vmx->exit.failed_vmentry)) {
		/* The guest did not run: all is as it was, and the VMCS has it. */
		vmx->insn_error = vmcs_read32(VM_INSTRUCTION_ERROR);
		if (vmx->injected) {
			vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
			vmx_events_after_exit(vmx, 0);
		}
		return;
	}

	ip_from_vmcs(vmx);
	vcpu->avail = VMX_AVAIL_ALWAYS;
	if (vmx->vtpr && unlikely(*vmx->vtpr != vmx->tpr_seen))
		lapic_tpr_moved(vcpu);
	vectoring = vmcs_read32(IDT_VECTORING_INFO_FIELD);
	if (unlikely(vmx->injected || (vectoring & VECTORING_INFO_VALID_MASK)))
		vmx_events_after_exit(vmx, vectoring);
}
