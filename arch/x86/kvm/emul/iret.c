// SPDX-License-Identifier: GPL-2.0-only
/*
 * IRET: to the same or less privilege, to virtual-8086 mode, to another task.
 *
 * SDM Vol. 2 "IRET/IRETD/IRETQ"; APM Vol. 3 "IRETx".
 */
#include "far.h"

u64 emul_iret_flags(const struct emul_ctxt *c, unsigned int size)
{
	u64 mask = emul_writable_flags(c, size);

	if (size > 2) {
		mask |= X86_EFLAGS_RF;
		if (!c->cpl && emul_protected(c))
			mask |= X86_EFLAGS_VIF | X86_EFLAGS_VIP;
	}
	return mask;
}

/* All of it is done but for the last. */
static enum emul_rc done(struct emul_ctxt *c)
{
	return c->env->action(c, EMUL_ACT_IRET, 0);
}

/* Real and virtual-8086 mode: nothing to check but the target. */
static enum emul_rc iret_real(struct emul_ctxt *c, struct emul_stack *st,
			      u64 rip, u16 sel, u64 flags, bool vme)
{
	struct emul_seg cs = emul_real_code(c, sel);
	enum emul_rc rc = emul_check_target(c, &cs, rip);

	if (rc == EMUL_OK && vme)
		rc = emul_vme_set_flags(c, flags);
	if (rc == EMUL_OK)
		rc = done(c);
	if (rc != EMUL_OK)
		return rc;
	if (!vme)
		emul_set_flags(c, emul_iret_flags(c, c->insn.opsize), flags);
	emul_stack_adopt(c, st);
	emul_enter_code(c, &cs, rip, c->cpl);
	return EMUL_OK;
}

/* The kernel of a virtual-8086 monitor returns to its task. */
static enum emul_rc iret_to_v86(struct emul_ctxt *c, struct emul_stack *st,
				u64 rip, u16 sel, u64 flags)
{
	static const u8 order[] = {
		INSN_SS, INSN_ES, INSN_DS, INSN_FS, INSN_GS,
	};
	struct emul_seg seg[ARRAY_SIZE(order)], cs = emul_v86_seg(sel);
	enum emul_rc rc;
	unsigned int i;
	u64 sp, val;

	rc = emul_stack_pop(c, st, &sp, 4);
	for (i = 0; rc == EMUL_OK && i < ARRAY_SIZE(order); i++) {
		rc = emul_stack_pop(c, st, &val, 4);
		seg[i] = emul_v86_seg(val);
	}
	if (rc == EMUL_OK)
		rc = emul_check_target(c, &cs, rip);
	if (rc == EMUL_OK)
		rc = done(c);
	if (rc != EMUL_OK)
		return rc;
	for (i = 0; i < ARRAY_SIZE(order); i++)
		emul_set_seg(c, order[i], &seg[i]);
	emul_put(c, INSN_RSP, 4, sp);
	emul_set_flags(c, emul_iret_flags(c, 4) | X86_EFLAGS_VM, flags);
	emul_enter_code(c, &cs, rip, 3);
	return EMUL_OK;
}

/* The back link of the TSS says whom this task has interrupted. */
static enum emul_rc iret_to_task(struct emul_ctxt *c)
{
	struct emul_task t = { .reason = EMUL_TASK_IRET };
	enum emul_rc rc;

	if (c->lma)
		return emul_gp0(c);
	rc = emul_read_system(c, (u32)emul_seg(c, INSN_TR)->base, &t.sel, 2);
	if (rc == EMUL_OK)
		rc = emul_do_task(c, &t);
	return rc == EMUL_OK ? done(c) : rc;
}

static enum emul_rc iret_protected(struct emul_ctxt *c, struct emul_stack *st,
				   u64 rip, u16 sel, u64 flags)
{
	unsigned int size = c->insn.opsize;
	struct emul_seg cs;
	enum emul_rc rc;

	rc = emul_find_code(c, sel, EMUL_BY_RETURN, &cs);
	if (rc != EMUL_OK)
		return rc;
	/* 64-bit code always has a stack pointer in its frame. */
	if (SEL_RPL(cs.selector) != c->cpl || c->mode == EMUL_MODE_LONG64) {
		rc = emul_return_outer(c, st, &cs, rip, size, 0);
	} else {
		rc = emul_check_target(c, &cs, rip);
		if (rc == EMUL_OK) {
			emul_stack_adopt(c, st);
			emul_enter_code(c, &cs, rip, c->cpl);
		}
	}
	if (rc == EMUL_OK)
		rc = done(c);
	if (rc == EMUL_OK)
		emul_set_flags(c, emul_iret_flags(c, size), flags);
	return rc;
}

enum emul_rc emul_op_iret(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize;
	struct emul_stack st;
	u64 rip, sel, flags;
	bool vme = false;
	enum emul_rc rc;

	if (c->mode == EMUL_MODE_V86 && emul_iopl(c) < 3) {
		rc = emul_vme_allowed(c, size);
		if (rc != EMUL_OK)
			return rc;
		vme = true;
	}
	if (emul_protected(c) && (c->rflags & X86_EFLAGS_NT))
		return iret_to_task(c);

	emul_stack_here(c, &st);
	rc = emul_stack_pop(c, &st, &rip, size);
	if (rc == EMUL_OK)
		rc = emul_stack_pop(c, &st, &sel, size);
	if (rc == EMUL_OK)
		rc = emul_stack_pop(c, &st, &flags, size);
	if (rc != EMUL_OK)
		return rc;
	if (!emul_protected(c))
		return iret_real(c, &st, rip, sel, flags, vme);
	if (!c->lma && size == 4 && (flags & X86_EFLAGS_VM) && !c->cpl)
		return iret_to_v86(c, &st, rip, sel, flags);
	return iret_protected(c, &st, rip, sel, flags);
}
