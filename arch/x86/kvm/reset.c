// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU at power-up and after INIT. */
#include <linux/export.h>
#include <asm/msr-index.h>
#include "cpuid.h"
#include "event.h"
#include "exit.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "msr.h"
#include "pv.h"
#include "regs.h"
#include "smm.h"
#include "vendor.h"

#define PAT_AT_RESET	0x0007040600070406ULL
#define CPU_SIGNATURE	0x600	/* family 6: RDX at reset, when CPUID does not say better */

static const struct x86_seg data_at_reset = {
	.limit = 0xffff,
	.attr = 3 | SEG_ATTR_S | SEG_ATTR_P,
};

static void reset_segments(struct x86_regs *r)
{
	int i;

	for (i = SEG_ES; i <= SEG_GS; i++)
		r->seg[i] = data_at_reset;
	r->seg[SEG_CS] = (struct x86_seg){
		.selector = 0xf000, .base = 0xffff0000, .limit = 0xffff,
		.attr = 0xb | SEG_ATTR_S | SEG_ATTR_P,
	};
	r->seg[SEG_LDTR] = (struct x86_seg){ .limit = 0xffff, .attr = 0x2 | SEG_ATTR_P };
	r->seg[SEG_TR] = (struct x86_seg){ .limit = 0xffff, .attr = 0xb | SEG_ATTR_P };
	r->gdt = (struct x86_dtable){ .limit = 0xffff };
	r->idt = (struct x86_dtable){ .limit = 0xffff };
	r->cpl = 0;
}

/* What survives INIT: caching mode and MSRs (SDM Vol. 3 "Processor State After Reset"). */
static void reset_registers(struct x86_vcpu *vcpu, bool init)
{
	const u64 caching = X86_CR0_CD | X86_CR0_NW;
	struct x86_regs *r = &vcpu->regs;
	struct kvm_cpuid_entry2 *signature;

	memset(r->gpr, 0, sizeof(r->gpr));
	signature = cpuid_find(&vcpu->cpuid.view, 1, 0);
	r->gpr[GPR_RDX] = signature ? signature->eax : CPU_SIGNATURE;
	r->rip = 0xfff0;
	regs_set_rflags(vcpu, 0);
	reset_segments(r);
	r->cr0 = X86_CR0_ET | (init ? r->cr0 & caching : caching);
	r->cr2 = 0;
	r->cr3 = 0;
	r->cr4 = 0;
	r->cr8 = 0;
	r->efer = 0;
	r->shadow = SHADOW_NONE;
	memset(r->pdptr, 0, sizeof(r->pdptr));
	if (!init) {
		r->star = r->lstar = r->cstar = r->sfmask = r->kernel_gs_base = 0;
		r->sysenter_cs = r->sysenter_esp = r->sysenter_eip = 0;
		r->pat = PAT_AT_RESET;
		r->debugctl = 0;
	}
}

/**
 * vcpu_reset - RESET or INIT
 * @vcpu: loaded
 * @init: INIT
 */
void vcpu_reset(struct x86_vcpu *vcpu, bool init)
{
	u64 old_cr0, old_cr4, old_efer;

	/* INIT keeps part of some groups: get them whole. A vCPU that was just made has none to fetch. */
	if (init)
		regs_need(vcpu, RG_ALL);
	else
		vcpu->avail = RG_ALL;
	old_cr0 = vcpu->regs.cr0;
	old_cr4 = vcpu->regs.cr4;
	old_efer = vcpu->regs.efer;

	emul_forget(vcpu);
	vcpu->io.complete = NULL;
	vendor_call(vcpu_reset, vcpu, init);
	vendor_call_opt(restart, vcpu);
	event_reset(vcpu, init);
	smm_reset(vcpu, init);
	reset_registers(vcpu, init);
	regs_changed(vcpu, RG_ALL);
	debug_reset(vcpu);
	msr_vcpu_reset(vcpu, init);
	if (lapic_present(vcpu))
		lapic_reset(vcpu, init);
	pv_vcpu_reset(vcpu);
	fpu_vcpu_reset(vcpu, init);
	cr_changed(vcpu, old_cr0, old_cr4, old_efer);
	mmu_reset_context(vcpu);
	vcpu->intercepts_stale = true;
	kvm_make_request(KVM_REQ_TLB_FLUSH, &vcpu->base);
}
EXPORT_SYMBOL_GPL(vcpu_reset);
