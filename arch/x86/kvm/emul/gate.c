// SPDX-License-Identifier: GPL-2.0-only
/*
 * JMP and CALL to system descriptors: call gates, task gates, task segments.
 *
 * SDM Vol. 3 "Call Gates", "Accessing a Code Segment Through a Call Gate",
 * "Stack Switching"; APM Vol. 2 "Call Gates". Long mode has 64-bit call gates of
 * sixteen bytes and nothing else.
 */
#include "far.h"

/* What stands in a call gate. */
struct call_gate {
	u64 offset;
	u16 sel;
	u8 params;
	u8 size;	/* of what is pushed */
};

static enum emul_rc read_gate(struct emul_ctxt *c, u16 sel,
			      struct emul_desc *d, struct call_gate *g)
{
	unsigned int type = (d->raw >> 40) & EMUL_SEG_TYPE;
	enum emul_rc rc;

	g->sel = d->raw >> 16;
	g->offset = d->raw & 0xffff;
	g->params = (d->raw >> 32) & 0x1f;
	g->size = 2;
	if (type == TYPE_CALL16)
		return EMUL_OK;
	g->offset |= (d->raw >> 32) & 0xffff0000;
	g->size = 4;
	if (!c->lma)
		return EMUL_OK;
	rc = emul_read_desc(c, sel, true, d);
	if (rc != EMUL_OK)
		return rc;
	if ((d->high >> 40) & 0x1f)
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	g->offset |= d->high << 32;
	g->params = 0;
	g->size = 8;
	return EMUL_OK;
}

/* The caller's stack pointer and parameters go to the callee's stack. */
static enum emul_rc copy_stack(struct emul_ctxt *c, struct emul_stack *st,
			       const struct call_gate *g)
{
	struct emul_stack old;
	unsigned int i;
	enum emul_rc rc;
	u64 sp, val;

	emul_stack_here(c, &old);
	sp = old.sp;
	rc = emul_stack_push(c, st, old.ss.selector, g->size);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, st, sp, g->size);
	for (i = g->params; rc == EMUL_OK && i; i--) {
		old.sp = sp + (u64)(i - 1) * g->size;
		rc = emul_stack_pop(c, &old, &val, g->size);
		if (rc == EMUL_OK)
			rc = emul_stack_push(c, st, val, g->size);
	}
	return rc;
}

static enum emul_rc through_gate(struct emul_ctxt *c, u16 sel,
				 struct emul_desc *d, bool call)
{
	struct call_gate g;
	struct emul_stack st;
	struct emul_seg cs;
	unsigned int cpl;
	enum emul_rc rc;

	rc = read_gate(c, sel, d, &g);
	if (rc == EMUL_OK)
		rc = emul_find_code(c, g.sel,
				    call ? EMUL_BY_GATE : EMUL_BY_GATE_JUMP,
				    &cs);
	if (rc != EMUL_OK)
		return rc;
	cpl = SEL_RPL(cs.selector);
	if (call) {
		if (cpl == c->cpl) {
			emul_stack_here(c, &st);
		} else {
			rc = emul_stack_inner(c, cpl, 0, &st);
			if (rc == EMUL_OK)
				rc = copy_stack(c, &st, &g);
		}
		if (rc == EMUL_OK)
			rc = emul_stack_push(c, &st,
					     emul_seg(c, INSN_CS)->selector,
					     g.size);
		if (rc == EMUL_OK)
			rc = emul_stack_push(c, &st, c->next_rip, g.size);
	}
	if (rc == EMUL_OK)
		rc = emul_check_target(c, &cs, g.offset);
	if (rc != EMUL_OK)
		return rc;
	if (call)
		emul_stack_adopt(c, &st);
	emul_enter_code(c, &cs, g.offset, cpl);
	return EMUL_OK;
}

static enum emul_rc to_task(struct emul_ctxt *c, u16 sel, bool call)
{
	struct emul_task t = {
		.sel = sel, .reason = call ? EMUL_TASK_CALL : EMUL_TASK_JUMP,
	};

	return emul_do_task(c, &t);
}

enum emul_rc emul_far_system(struct emul_ctxt *c, u16 sel, struct emul_desc *d,
			     bool call)
{
	unsigned int attr = (d->raw >> 40) & 0xff;
	unsigned int type = attr & EMUL_SEG_TYPE;
	bool reachable = EMUL_SEG_DPL(attr) >= c->cpl &&
			 EMUL_SEG_DPL(attr) >= SEL_RPL(sel);

	if (c->lma && type != TYPE_CALL32)
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	switch (type) {
	case TYPE_CALL16:
	case TYPE_CALL32:
	case TYPE_TASK_GATE:
	case TYPE_TSS16:
	case TYPE_TSS32:
		break;
	default:
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	}
	if (!reachable)
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	if (!(attr & EMUL_SEG_P))
		return emul_raise(c, X86_TRAP_NP, SEL_ERR(sel));
	if (type == TYPE_CALL16 || type == TYPE_CALL32)
		return through_gate(c, sel, d, call);
	if (type == TYPE_TASK_GATE)
		sel = d->raw >> 16;
	return to_task(c, sel, call);
}
