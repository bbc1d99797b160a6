// SPDX-License-Identifier: GPL-2.0-only
/*
 * Into the guest and back.
 *
 * The cost of an exit that is settled in the inner loop is decided here, so
 * the way in does only what changed: one word of dirty register groups, one
 * word of rare work, two generation numbers (translations of the VM, ASIDs of
 * the CPU) are compared, everything else stays in the VMCB from the last time.
 *
 * Host state that VMLOAD brings back after each exit is saved once per load of
 * the vCPU, as none of it changes while this thread stays on this CPU in the
 * kernel; but LDTR does, when another thread of a process with an LDT replaces
 * it.
 */
#include <linux/cpu.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include "../guest_state.h"
#include "svm.h"

void svm_vmrun(u64 *gpr, u64 vmcb_pa, u64 host_pa, struct svm_spec *spec);

static noinstr void svm_world_switch(struct svm_vcpu *svm, struct svm_spec *spec)
{
	guest_state_begin();
	svm_vmrun(svm->x86.regs.gpr, svm->vmcb_pa, svm->cpu->host_pa, spec);
	guest_state_end();
}

/* TLB_CONTROL or a fresh ASID: whichever the processor can do with less loss. */
static void svm_flush_asid(struct svm_vcpu *svm)
{
	if (svm_has.flush_by_asid)
		svm->vmcb->control.tlb_ctl = TLB_CONTROL_FLUSH_ASID;
	else
		svm->asid_gen = 0;
}

static void svm_save_host(struct svm_vcpu *svm)
{
	if (likely(svm->cpu->on))
		asm volatile("vmsave %0" : : "a" (svm->cpu->host_pa) : "memory");
}

/*
 * The kernel does not depend on TSC_AUX, user space does: the guest's stays
 * until the vCPU is put.
 */
static void svm_load_tsc_aux(struct svm_vcpu *svm)
{
	svm->tsc_aux_hw = svm->x86.msr.tsc_aux;
	if (svm_has.tsc_aux)
		wrmsrl(MSR_TSC_AUX, svm->tsc_aux_hw);
}

/* Whatever of svm->work concerns the way in. */
static void svm_work_before(struct svm_vcpu *svm)
{
	struct x86_vcpu *vcpu = &svm->x86;
	u32 work = svm->work;

	if (work & WORK_TLB)
		svm_flush_asid(svm);
	if (work & WORK_SAVE_HOST)
		svm_save_host(svm);
	if (work & WORK_SOFT)
		svm_inject_arm_soft(svm);
	svm->added_rflags = 0;
	if (work & WORK_STEP) {
		svm->step_rip = vcpu->regs.rip;
		svm->step_dr6 = svm->vmcb->save.dr6;
		if (!(vcpu->regs.rflags & X86_EFLAGS_TF))
			svm->added_rflags = X86_EFLAGS_TF;
	}
	svm->work = work & (WORK_STEP | WORK_SOFT | WORK_IRET);
}

static void svm_work_after(struct svm_vcpu *svm)
{
	if (svm->work & (WORK_STEP | WORK_IRET))
		svm_nmi_after_exit(svm);
	svm->added_rflags = 0;
}

/*
 * This CPU's virtualization was switched off under us (the machine goes down),
 * or a debug build has found that the guest would not be contained.
 */
static void svm_enter_refused(struct svm_vcpu *svm)
{
	svm->exit.full = (u64)SVM_EXIT_ERR;
	svm->vmcb->control.exit_int_info = 0;
	svm->x86.avail |= SVM_AVAIL_ALWAYS;
}

/**
 * svm_enter - run the guest until something ends it
 * @vcpu: loaded, interrupts off, root loaded, seen by others as in guest mode
 *
 * On return regs has GPRs, RIP and RFLAGS; avail is what never needs fetching.
 * Events that were interrupted on their way are pending again.
 */
void svm_enter(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	struct x86_regs *regs = &vcpu->regs;
	struct svm_spec *spec = NULL;
	u64 tlb_gen = mmu_tlb_gen(&vcpu->vm->mmu);

	if (unlikely(vcpu->intercepts_stale))
		svm_update_intercepts(vcpu);
	if (vcpu->dirty)
		svm_flush(svm);
	if (unlikely(tlb_gen != vcpu->tlb_gen)) {
		vcpu->tlb_gen = tlb_gen;
		svm->work |= WORK_TLB;
	}
	if (unlikely(svm->work))
		svm_work_before(svm);
	if (unlikely(svm->asid_gen != svm->cpu->asid_gen) && !svm_asid_new(svm)) {
		svm_enter_refused(svm);
		return;
	}
	if (unlikely(READ_ONCE(current->mm->context.ldt)))
		svm_save_host(svm);
	if (unlikely(svm->tsc_aux_hw != (u32)vcpu->msr.tsc_aux))
		svm_load_tsc_aux(svm);
	if (unlikely(svm->spec_live)) {
		svm->spec.host = this_cpu_read(x86_spec_ctrl_current);
		spec = &svm->spec;
	}

	if (IS_ENABLED(CONFIG_KVM_PROVE_MMU) &&
	    KVM_BUG_ON_VM(!svm_intercepts_safe(svm), &vcpu->vm->base)) {
		svm_enter_refused(svm);
		return;
	}

	vmcb->save.rip = regs->rip + svm->soft_advance;
	vmcb->save.rflags = regs->rflags | svm->added_rflags;
	vmcb->save.rax = regs->gpr[GPR_RAX];
	vmcb->save.rsp = regs->gpr[GPR_RSP];
	vmcb->control.clean = svm->clean;
	svm->clean = svm_has.clean_bits ? VC_ALL : 0;

	svm_world_switch(svm, spec);

	regs->rip = vmcb->save.rip;
	regs->rflags = vmcb->save.rflags;
	regs->gpr[GPR_RAX] = vmcb->save.rax;
	regs->gpr[GPR_RSP] = vmcb->save.rsp;
	regs->cr3 = vmcb->save.cr3;
	/* One kind of shadow here, two in the ABI: it is told as both. */
	regs->shadow = (vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK) *
		       (SHADOW_STI | SHADOW_MOVSS);
	vcpu->avail = SVM_AVAIL_ALWAYS;
	if (unlikely((vmcb->control.int_ctl & V_TPR_MASK) != regs->cr8))
		cr8_write(vcpu, vmcb->control.int_ctl & V_TPR_MASK);
	svm->exit.low = vmcb->control.exit_code;
	svm->exit.high = vmcb->control.exit_code_hi;
	vmcb->control.tlb_ctl = TLB_CONTROL_DO_NOTHING;

	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
	if (unlikely(svm->work))
		svm_work_after(svm);
	if (unlikely(svm->injected || (vmcb->control.exit_int_info & EVENT_VALID)))
		svm_events_after_exit(svm);
}

/**
 * svm_vcpu_load - the vCPU runs on this CPU from now on
 * @vcpu: its mutex is held
 * @cpu: this one
 */
void svm_vcpu_load(struct x86_vcpu *vcpu, int cpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_cpu *here = svm_this_cpu();

	svm->cpu = here;
	svm->work |= WORK_SAVE_HOST;
	if (svm->last_cpu != cpu) {
		/* What that CPU caches of the VMCB and of translations is not valid here. */
		svm->last_cpu = cpu;
		svm->asid_gen = 0;
		svm->clean = 0;
	}
	if (here->last != svm) {
		here->last = svm;
		indirect_branch_prediction_barrier();
	}
	svm_tsc_ratio_load(here, svm->tsc_ratio);
	svm->tsc_aux_hw = here->tsc_aux;
}

/**
 * svm_vcpu_put - undo svm_vcpu_load()
 * @vcpu: loaded; preemption off
 */
void svm_vcpu_put(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (svm_has.tsc_aux && svm->tsc_aux_hw != svm->cpu->tsc_aux)
		wrmsrl(MSR_TSC_AUX, svm->cpu->tsc_aux);
	/* Exits leave the guest's DR6 in the register; the host's #DB would take it for its own. */
	set_debugreg(DR6_RESERVED, 6);
	if (svm->dr_live) {
		regs_need(vcpu, RG_DR);
		svm->dr_live = false;
		regs_changed(vcpu, RG_DR);
		vcpu->intercepts_stale = true;
	}
}

/**
 * svm_tlb_flush - before the next entry, forget cached translations
 * @vcpu: its thread
 * @scope: which; all are flushed, global ones of the guest included, for
 *	there is no narrower request that also covers these
 * @addr: with TLB_ADDRESS the guest-virtual address
 */
void svm_tlb_flush(struct x86_vcpu *vcpu, enum x86_tlb_scope scope, u64 addr)
{
	to_svm(vcpu)->work |= WORK_TLB;
}

/**
 * svm_load_root - the nested page tables to walk from the next entry on
 * @vcpu: its thread
 * @root_pa: physical address, encryption bits included
 * @level: levels; the processor takes the host's paging mode
 */
void svm_load_root(struct x86_vcpu *vcpu, u64 root_pa, int level)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (svm->vmcb->control.nested_cr3 == root_pa)
		return;
	svm->vmcb->control.nested_cr3 = root_pa;
	svm->clean &= ~VC_NP;
	svm->work |= WORK_TLB;
}

void svm_tsc_write_offset(struct x86_vcpu *vcpu, u64 offset)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->control.tsc_offset = offset;
	svm->clean &= ~VC_INTERCEPTS;
}

void svm_tsc_write_ratio(struct x86_vcpu *vcpu, u64 ratio)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->tsc_ratio = ratio ?: SVM_TSC_RATIO_DEFAULT;
	preempt_disable();
	if (kvm_running_vcpu() == &vcpu->base)
		svm_tsc_ratio_load(svm->cpu, svm->tsc_ratio);
	preempt_enable();
}
