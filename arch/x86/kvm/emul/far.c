// SPDX-License-Identifier: GPL-2.0-only
/*
 * Far transfers at the same privilege level.
 *
 * The new CS is checked whole, then the target against it, then the stack is
 * used, and CS is set at the end: a fault anywhere leaves the old one. Gates,
 * task switches and changes of privilege are EMUL_UNHANDLED.
 */
#include "segload.h"

/* Is @rip within the new code segment? */
static enum emul_rc check_target(struct emul_ctxt *c, const struct emul_seg *cs,
				 u64 rip)
{
	if (c->lma && (cs->attr & EMUL_SEG_L) && emul_protected(c))
		return emul_canonical(c, rip) ? EMUL_OK : emul_gp0(c);
	return (u32)rip == rip && rip <= cs->limit ? EMUL_OK : emul_gp0(c);
}

static enum emul_rc arrive(struct emul_ctxt *c, const struct emul_seg *cs,
			   u64 rip)
{
	emul_set_seg(c, INSN_CS, cs);
	c->next_rip = rip;
	c->branched = true;
	return EMUL_OK;
}

/* The far pointer: immediate, or (@arg 1) in memory. */
static enum emul_rc far_pointer(struct emul_ctxt *c, u64 *rip, u16 *sel)
{
	const struct insn *insn = &c->insn;
	enum emul_rc rc;
	u8 buf[10];

	*rip = insn->imm;
	*sel = insn->imm2;
	if (!insn->op->arg)
		return EMUL_OK;
	rc = emul_load_operand(c, buf, insn->opsize + 2);
	if (rc != EMUL_OK)
		return rc;
	*rip = 0;
	memcpy(rip, buf, insn->opsize);
	memcpy(sel, buf + insn->opsize, 2);
	return EMUL_OK;
}

enum emul_rc emul_op_jmp_far(struct emul_ctxt *c)
{
	struct emul_seg cs;
	enum emul_rc rc;
	u64 rip;
	u16 sel;

	rc = far_pointer(c, &rip, &sel);
	if (rc == EMUL_OK)
		rc = emul_check_code(c, sel, EMUL_BY_JUMP, &cs);
	if (rc == EMUL_OK)
		rc = check_target(c, &cs, rip);
	return rc == EMUL_OK ? arrive(c, &cs, rip) : rc;
}

enum emul_rc emul_op_call_far(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize;
	u64 back = c->next_rip, rip;
	struct emul_seg cs;
	enum emul_rc rc;
	u16 sel;

	rc = far_pointer(c, &rip, &sel);
	if (rc == EMUL_OK)
		rc = emul_check_code(c, sel, EMUL_BY_JUMP, &cs);
	if (rc == EMUL_OK)
		rc = check_target(c, &cs, rip);
	if (rc == EMUL_OK)
		rc = emul_push(c, emul_seg(c, INSN_CS)->selector, size);
	if (rc == EMUL_OK)
		rc = emul_push(c, back, size);
	return rc == EMUL_OK ? arrive(c, &cs, rip) : rc;
}

enum emul_rc emul_op_ret_far(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize, w = emul_stack_width(c);
	struct emul_seg cs;
	u64 rip, sel;
	enum emul_rc rc;

	rc = emul_pop(c, &rip, size);
	if (rc == EMUL_OK)
		rc = emul_pop(c, &sel, size);
	if (rc == EMUL_OK)
		rc = emul_check_code(c, sel, EMUL_BY_RETURN, &cs);
	if (rc == EMUL_OK)
		rc = check_target(c, &cs, rip);
	if (rc != EMUL_OK)
		return rc;
	emul_merge(c, INSN_RSP, w, c->gpr[INSN_RSP] + c->insn.imm);
	return arrive(c, &cs, rip);
}

/* Real mode: flags, CS and IP from the stack and nothing to check. */
static enum emul_rc iret_real(struct emul_ctxt *c, u64 rip, u16 sel, u64 flags)
{
	struct emul_seg cs;
	enum emul_rc rc = emul_check_code(c, sel, EMUL_BY_RETURN, &cs);

	if (rc == EMUL_OK)
		rc = check_target(c, &cs, rip);
	if (rc == EMUL_OK)
		rc = c->env->action(c, EMUL_ACT_IRET, 0);
	if (rc != EMUL_OK)
		return rc;
	emul_set_flags(c, emul_writable_flags(c, c->insn.opsize), flags);
	return arrive(c, &cs, rip);
}

enum emul_rc emul_op_iret(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize;
	u64 rip, sel, flags, rsp = 0, ss = 0, mask;
	struct emul_seg cs;
	enum emul_rc rc;

	if (c->mode == EMUL_MODE_V86)
		return emul_iopl(c) == 3 ? EMUL_UNHANDLED : emul_gp0(c);
	/* A nested task returns by switching tasks. */
	if (emul_protected(c) && (c->rflags & X86_EFLAGS_NT))
		return c->lma ? emul_gp0(c) : EMUL_UNHANDLED;

	rc = emul_pop(c, &rip, size);
	if (rc == EMUL_OK)
		rc = emul_pop(c, &sel, size);
	if (rc == EMUL_OK)
		rc = emul_pop(c, &flags, size);
	if (rc != EMUL_OK)
		return rc;
	if (c->mode == EMUL_MODE_REAL)
		return iret_real(c, rip, sel, flags);
	if (!c->lma && size == 4 && (flags & X86_EFLAGS_VM) && c->cpl == 0)
		return EMUL_UNHANDLED;

	/* 64-bit code always has the stack pointer in its frame. */
	if (c->mode == EMUL_MODE_LONG64) {
		rc = emul_pop(c, &rsp, size);
		if (rc == EMUL_OK)
			rc = emul_pop(c, &ss, size);
		if (rc != EMUL_OK)
			return rc;
	}
	rc = emul_check_code(c, sel, EMUL_BY_RETURN, &cs);
	if (rc == EMUL_OK)
		rc = check_target(c, &cs, rip);
	if (rc != EMUL_OK)
		return rc;
	if (c->mode == EMUL_MODE_LONG64) {
		/* A null SS is only for 64-bit code to return to. */
		if (!(ss & 0xfffc) && !(cs.attr & EMUL_SEG_L))
			return emul_gp0(c);
		rc = emul_load_seg(c, INSN_SS, ss);
		if (rc != EMUL_OK)
			return rc;
		emul_put64(c, INSN_RSP, rsp);
	}
	rc = c->env->action(c, EMUL_ACT_IRET, 0);
	if (rc != EMUL_OK)
		return rc;
	mask = emul_writable_flags(c, size);
	if (size > 2)
		mask |= X86_EFLAGS_RF;
	emul_set_flags(c, mask, flags);
	return arrive(c, &cs, rip);
}
