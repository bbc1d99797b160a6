// SPDX-License-Identifier: GPL-2.0-only
/*
 * Far jumps, calls and returns.
 *
 * The new CS is checked whole, then the stack is used, then the target is
 * checked against CS, and everything is set at the end: a fault anywhere leaves
 * the old state. Gates and task segments are in gate.c. SDM Vol. 2 "CALL",
 * "JMP", "RET"; Vol. 3 "Privilege Levels".
 */
#include "far.h"

enum emul_rc emul_check_target(struct emul_ctxt *c, const struct emul_seg *cs,
			       u64 rip)
{
	if (c->lma && (cs->attr & EMUL_SEG_L))
		return emul_canonical(c, rip) ? EMUL_OK : emul_gp0(c);
	return (u32)rip == rip && rip <= cs->limit ? EMUL_OK : emul_gp0(c);
}

void emul_enter_code(struct emul_ctxt *c, const struct emul_seg *cs, u64 rip,
		     unsigned int cpl)
{
	emul_set_seg(c, INSN_CS, cs);
	if (cpl != c->cpl)
		emul_set_cpl(c, cpl);
	c->next_rip = rip;
	c->branched = true;
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

/* JMP, CALL to a segment of code. */
static enum emul_rc far_code(struct emul_ctxt *c, const struct emul_seg *cs,
			     u64 rip, bool call)
{
	unsigned int size = c->insn.opsize;
	enum emul_rc rc = EMUL_OK;
	struct emul_stack st;

	if (call) {
		emul_stack_here(c, &st);
		rc = emul_stack_push(c, &st, emul_seg(c, INSN_CS)->selector,
				     size);
		if (rc == EMUL_OK)
			rc = emul_stack_push(c, &st, c->next_rip, size);
	}
	if (rc == EMUL_OK)
		rc = emul_check_target(c, cs, rip);
	if (rc != EMUL_OK)
		return rc;
	if (call)
		emul_stack_adopt(c, &st);
	emul_enter_code(c, cs, rip, c->cpl);
	return EMUL_OK;
}

static enum emul_rc far_transfer(struct emul_ctxt *c, bool call)
{
	struct emul_desc d;
	struct emul_seg cs;
	enum emul_rc rc;
	u64 rip;
	u16 sel;

	rc = far_pointer(c, &rip, &sel);
	if (rc != EMUL_OK)
		return rc;
	if (!emul_protected(c)) {
		cs = emul_real_code(c, sel);
		return far_code(c, &cs, rip, call);
	}
	if (emul_null_selector(sel))
		return emul_gp0(c);
	rc = emul_read_desc(c, sel, false, &d);
	if (rc != EMUL_OK)
		return rc;
	emul_unpack_desc(&d, sel, &cs);
	if (!(cs.attr & EMUL_SEG_S))
		return emul_far_system(c, sel, &d, call);
	rc = emul_check_code(c, sel, &d, EMUL_BY_JUMP, &cs);
	return rc == EMUL_OK ? far_code(c, &cs, rip, call) : rc;
}

enum emul_rc emul_op_jmp_far(struct emul_ctxt *c)
{
	return far_transfer(c, false);
}

enum emul_rc emul_op_call_far(struct emul_ctxt *c)
{
	return far_transfer(c, true);
}

enum emul_rc emul_op_ret_far(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize;
	struct emul_stack st;
	struct emul_seg cs;
	u64 rip, sel;
	enum emul_rc rc;

	emul_stack_here(c, &st);
	rc = emul_stack_pop(c, &st, &rip, size);
	if (rc == EMUL_OK)
		rc = emul_stack_pop(c, &st, &sel, size);
	if (rc != EMUL_OK)
		return rc;
	if (!emul_protected(c)) {
		cs = emul_real_code(c, sel);
	} else {
		rc = emul_find_code(c, sel, EMUL_BY_RETURN, &cs);
		if (rc != EMUL_OK)
			return rc;
		if (SEL_RPL(cs.selector) != c->cpl)
			return emul_return_outer(c, &st, &cs, rip, size,
						 c->insn.imm);
	}
	rc = emul_check_target(c, &cs, rip);
	if (rc != EMUL_OK)
		return rc;
	st.sp += c->insn.imm;
	emul_stack_adopt(c, &st);
	emul_enter_code(c, &cs, rip, c->cpl);
	return EMUL_OK;
}

/*
 * The stack segment that goes with the code segment @cs. A null one is only for
 * 64-bit code below CPL 3.
 */
static enum emul_rc outer_ss(struct emul_ctxt *c, const struct emul_seg *cs,
			     u16 sel, struct emul_seg *ss)
{
	unsigned int cpl = SEL_RPL(cs->selector);

	if (!emul_null_selector(sel))
		return emul_check_data(c, INSN_SS, sel, cpl, ss);
	if (!c->lma || !(cs->attr & EMUL_SEG_L) ||
	    !emul_null_ss_ok(c, sel, cpl))
		return emul_gp0(c);
	*ss = (struct emul_seg){
		.selector = sel, .attr = cpl << EMUL_SEG_DPL_SHIFT,
	};
	return EMUL_OK;
}

enum emul_rc emul_return_outer(struct emul_ctxt *c, struct emul_stack *st,
			       const struct emul_seg *cs, u64 rip,
			       unsigned int size, unsigned int release)
{
	unsigned int cpl = SEL_RPL(cs->selector);
	struct emul_stack outer = { .load = true };
	enum emul_rc rc;
	u64 sel;

	st->sp += release;
	rc = emul_stack_pop(c, st, &outer.sp, size);
	if (rc == EMUL_OK)
		rc = emul_stack_pop(c, st, &sel, size);
	if (rc == EMUL_OK)
		rc = outer_ss(c, cs, sel, &outer.ss);
	if (rc == EMUL_OK)
		rc = emul_check_target(c, cs, rip);
	if (rc != EMUL_OK)
		return rc;
	outer.sp += release;
	outer.width = outer.ss.attr & EMUL_SEG_DB ? 4 : 2;
	if (c->lma && (cs->attr & EMUL_SEG_L))
		outer.width = 8;
	emul_stack_adopt(c, &outer);
	emul_enter_code(c, cs, rip, cpl);
	if (cpl != c->cpl)
		emul_drop_segs(c, cpl);
	return EMUL_OK;
}

/* Of a segment that is dropped base and limit stay, where nobody uses them. */
void emul_drop_segs(struct emul_ctxt *c, unsigned int cpl)
{
	static const u8 data[] = { INSN_ES, INSN_DS, INSN_FS, INSN_GS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(data); i++) {
		struct emul_seg s = *emul_seg(c, data[i]);
		bool conforming = (s.attr & EMUL_SEG_CODE) &&
				  (s.attr & EMUL_SEG_CONFORMING);

		if (conforming || EMUL_SEG_DPL(s.attr) >= cpl)
			continue;
		s.selector = 0;
		s.attr &= ~EMUL_SEG_P;
		emul_set_seg(c, data[i], &s);
	}
}
