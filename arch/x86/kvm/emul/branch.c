// SPDX-License-Identifier: GPL-2.0-only
/*
 * Near branches.
 */
#include "access.h"

enum emul_rc emul_jump(struct emul_ctxt *c, u64 rip, unsigned int size)
{
	rip &= width_mask(size);
	if (c->mode == EMUL_MODE_LONG64) {
		if (!emul_canonical(c, rip))
			return emul_gp0(c);
	} else if (rip > emul_seg(c, INSN_CS)->limit) {
		return emul_gp0(c);
	}
	c->next_rip = rip;
	c->branched = true;
	return EMUL_OK;
}

/* By the sign-extended immediate. */
static enum emul_rc jump_relative(struct emul_ctxt *c)
{
	return emul_jump(c, c->rip + c->insn.len + c->insn.imm, c->insn.opsize);
}

enum emul_rc emul_op_jcc(struct emul_ctxt *c)
{
	if (!flags_condition(c->rflags, c->insn.op->arg))
		return EMUL_OK;
	return jump_relative(c);
}

/* @arg 1: to an address in register or memory. */
enum emul_rc emul_op_jmp(struct emul_ctxt *c)
{
	if (c->insn.op->arg)
		return emul_jump(c, c->src, c->insn.opsize);
	return jump_relative(c);
}

enum emul_rc emul_op_call(struct emul_ctxt *c)
{
	enum emul_rc rc = emul_push(c, c->next_rip, c->insn.opsize);

	return rc == EMUL_OK ? emul_op_jmp(c) : rc;
}

enum emul_rc emul_op_ret(struct emul_ctxt *c)
{
	unsigned int w = emul_stack_width(c);
	u64 rip;
	enum emul_rc rc = emul_pop(c, &rip, c->insn.opsize);

	if (rc == EMUL_OK)
		rc = emul_jump(c, rip, c->insn.opsize);
	if (rc == EMUL_OK && c->insn.imm)
		emul_merge(c, INSN_RSP, w, c->gpr[INSN_RSP] + c->insn.imm);
	return rc;
}

/* @arg: 0 LOOPNE, 1 LOOPE, 2 LOOP */
enum emul_rc emul_op_loop(struct emul_ctxt *c)
{
	unsigned int w = c->insn.adsize, kind = c->insn.op->arg;
	u64 count = (c->gpr[INSN_RCX] - 1) & width_mask(w);
	bool zf = c->rflags & X86_EFLAGS_ZF;
	enum emul_rc rc = EMUL_OK;

	if (count && (kind == 2 || zf == kind))
		rc = jump_relative(c);
	if (rc == EMUL_OK)
		emul_put_addr(c, INSN_RCX, w, count);
	return rc;
}

enum emul_rc emul_op_jcxz(struct emul_ctxt *c)
{
	if (c->gpr[INSN_RCX] & width_mask(c->insn.adsize))
		return EMUL_OK;
	return jump_relative(c);
}
