// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processors without unrestricted guest run protected mode with paging and
 * nothing else, and there only with segments that a descriptor could have been
 * the source of. Guests pass through other states: real mode, protected mode
 * before paging, and on the way between them registers that still hold what
 * the old mode had in them. All of that is the emulator's, instruction by
 * instruction, until the state is one that the processor accepts.
 *
 * What the guest can reach without an exit is valid if it was before, so only
 * registers that software has changed are looked at again.
 */
#include <asm/processor-flags.h>
#include "guest_valid.h"
#include "vmx.h"

static_assert(sizeof(struct gv_seg) == sizeof(struct x86_seg));
static_assert(offsetof(struct gv_seg, attr) == offsetof(struct x86_seg, attr));
static_assert(offsetof(struct gv_seg, limit) == offsetof(struct x86_seg, limit));
static_assert(offsetof(struct gv_seg, base) == offsetof(struct x86_seg, base));
static_assert((int)GV_CS == SEG_CS && (int)GV_SS == SEG_SS && (int)GV_TR == SEG_TR && (int)GV_SEGS == NR_SEGS);

static bool state_valid(struct x86_vcpu *vcpu)
{
	const struct x86_regs *regs = &vcpu->regs;
	struct gv_state state = {
		.protected = regs_cr0(vcpu) & X86_CR0_PE,
		.paging = regs->cr0 & X86_CR0_PG,
		.v86 = regs->rflags & X86_EFLAGS_VM,
		.long_mode = regs->efer & EFER_LMA,
	};

	if (!state.protected || !state.paging)
		return false;
	if (!vmx_param_emulate_invalid)
		return true;
	regs_need(vcpu, RG_SEG);
	state.cpl = regs->cpl;
	memcpy(state.seg, regs->seg, sizeof(state.seg));
	return guest_valid(&state);
}

/**
 * vmx_can_run - may the processor be entered, or is it the emulator's turn?
 * @vcpu: its thread, loaded
 */
bool vmx_can_run(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vmx_has_unrestricted())
		return true;
	if (!vmx->state_valid || (vcpu->dirty & (RG_SEG | RG_CR | RG_EFER)))
		vmx->state_valid = state_valid(vcpu);
	return vmx->state_valid;
}
