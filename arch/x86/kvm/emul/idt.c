// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery of interrupts and exceptions through the interrupt vector table of
 * real mode and the IDT of the other modes.
 *
 * SDM Vol. 3 "Exception and Interrupt Handling in Protected Mode", "... in
 * 64-bit Mode", Vol. 2 "INT n"; APM Vol. 2 "Exceptions and Interrupts".
 */
#include "far.h"

/* A gate of the IDT. */
struct idt_gate {
	u64 offset;
	u16 sel;
	u8 type;
	u8 dpl;
	u8 ist;
	bool present;
};

static enum emul_rc deliver_real(struct emul_ctxt *c, unsigned int vector)
{
	struct emul_seg cs;
	struct emul_stack st;
	u16 limit, entry[2];
	enum emul_rc rc;
	u64 base;

	c->env->dtr_get(c, EMUL_IDTR, &base, &limit);
	if (4 * vector + 3 > limit)
		return emul_raise(c, X86_TRAP_GP, 8 * vector + 2);
	emul_stack_here(c, &st);
	rc = emul_read_system(c, (u32)(base + 4 * vector), entry, 4);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, &st, c->rflags, 2);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, &st, emul_seg(c, INSN_CS)->selector, 2);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, &st, c->next_rip, 2);
	if (rc != EMUL_OK)
		return rc;
	cs = emul_real_code(c, entry[1]);
	emul_set_flags(c, X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_AC, 0);
	emul_stack_adopt(c, &st);
	emul_enter_code(c, &cs, entry[0], c->cpl);
	return EMUL_OK;
}

static bool gate_type_ok(const struct emul_ctxt *c, unsigned int type)
{
	if (c->lma)
		return type == TYPE_INT32 || type == TYPE_TRAP32;
	return type == TYPE_TASK_GATE || type == TYPE_INT16 ||
	       type == TYPE_TRAP16 || type == TYPE_INT32 || type == TYPE_TRAP32;
}

static enum emul_rc read_gate(struct emul_ctxt *c, const struct emul_event *ev,
			      struct idt_gate *g)
{
	unsigned int size = c->lma ? 16 : 8, at = size * ev->vector;
	u32 err = 8 * ev->vector + 2;
	u64 base, raw[2] = { 0, 0 };
	enum emul_rc rc;
	u16 limit;

	c->env->dtr_get(c, EMUL_IDTR, &base, &limit);
	if (at + size - 1 > limit)
		return emul_raise(c, X86_TRAP_GP, err);
	rc = emul_read_system(c, c->lma ? base + at : (u32)(base + at), raw,
			      size);
	if (rc != EMUL_OK)
		return rc;
	g->sel = raw[0] >> 16;
	g->type = (raw[0] >> 40) & 0x1f;
	g->dpl = (raw[0] >> 45) & 3;
	g->present = (raw[0] >> 47) & 1;
	g->ist = c->lma ? (raw[0] >> 32) & 7 : 0;
	g->offset = raw[0] & 0xffff;
	if (g->type & 8)
		g->offset |= (raw[0] >> 32) & 0xffff0000;
	g->offset |= raw[1] << 32;

	if (!gate_type_ok(c, g->type) || ((raw[1] >> 40) & 0x1f))
		return emul_raise(c, X86_TRAP_GP, err);
	if (ev->kind == EMUL_EVENT_SOFT && g->dpl < c->cpl)
		return emul_raise(c, X86_TRAP_GP, err);
	if (!g->present)
		return emul_raise(c, X86_TRAP_NP, err);
	return EMUL_OK;
}

/* The frame; @inner: SS and rSP are in it. */
static enum emul_rc push_frame(struct emul_ctxt *c, struct emul_stack *st,
			       const struct emul_event *ev, unsigned int size,
			       bool inner)
{
	static const u8 v86_segs[] = { INSN_GS, INSN_FS, INSN_DS, INSN_ES };
	u64 flags = c->rflags;
	enum emul_rc rc = EMUL_OK;
	unsigned int i;

	/* A fault is reported with RF set already. */
	if (ev->kind == EMUL_EVENT_SOFT)
		flags &= ~(u64)X86_EFLAGS_RF;
	if (c->mode == EMUL_MODE_V86)
		for (i = 0; rc == EMUL_OK && i < ARRAY_SIZE(v86_segs); i++)
			rc = emul_stack_push(c, st,
					     emul_seg(c, v86_segs[i])->selector,
					     size);
	if (rc == EMUL_OK && inner)
		rc = emul_stack_push(c, st, emul_seg(c, INSN_SS)->selector,
				     size);
	if (rc == EMUL_OK && inner)
		rc = emul_stack_push(c, st, c->gpr[INSN_RSP], size);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, st, flags, size);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, st, emul_seg(c, INSN_CS)->selector,
				     size);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, st, c->next_rip, size);
	if (rc == EMUL_OK && ev->has_error)
		rc = emul_stack_push(c, st, ev->error, size);
	return rc;
}

/* Where the frame goes. Long mode aligns it, whether or not it switches. */
static enum emul_rc choose_stack(struct emul_ctxt *c, const struct idt_gate *g,
				 unsigned int cpl, struct emul_stack *st)
{
	enum emul_rc rc = EMUL_OK;

	if (cpl != c->cpl || g->ist) {
		rc = emul_stack_inner(c, cpl, g->ist, st);
	} else {
		emul_stack_here(c, st);
		if (c->lma) {
			st->width = 8;
			st->mode = EMUL_MODE_LONG64;
		}
	}
	if (c->lma)
		st->sp &= ~0xfULL;
	return rc;
}

static void clear_data_segs(struct emul_ctxt *c)
{
	struct emul_seg none = { 0 };

	emul_set_seg(c, INSN_ES, &none);
	emul_set_seg(c, INSN_DS, &none);
	emul_set_seg(c, INSN_FS, &none);
	emul_set_seg(c, INSN_GS, &none);
}

static enum emul_rc through_gate(struct emul_ctxt *c,
				 const struct emul_event *ev,
				 const struct idt_gate *g)
{
	unsigned int size = c->lma ? 8 : g->type & 8 ? 4 : 2, cpl;
	struct emul_stack st;
	struct emul_seg cs;
	enum emul_rc rc;

	rc = emul_find_code(c, g->sel, EMUL_BY_GATE, &cs);
	if (rc != EMUL_OK)
		return rc;
	cpl = SEL_RPL(cs.selector);
	/* A virtual-8086 task is interrupted by CPL 0 alone. */
	if (c->mode == EMUL_MODE_V86 && cpl)
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(g->sel));
	rc = choose_stack(c, g, cpl, &st);
	if (rc == EMUL_OK)
		rc = push_frame(c, &st, ev, size, cpl != c->cpl || c->lma);
	if (rc == EMUL_OK)
		rc = emul_check_target(c, &cs, g->offset);
	if (rc != EMUL_OK)
		return rc;
	emul_set_flags(c, X86_EFLAGS_TF | X86_EFLAGS_NT | X86_EFLAGS_VM |
			  X86_EFLAGS_RF, 0);
	if (g->type == TYPE_INT16 || g->type == TYPE_INT32)
		emul_set_flags(c, X86_EFLAGS_IF, 0);
	emul_stack_adopt(c, &st);
	emul_enter_code(c, &cs, g->offset, cpl);
	if (c->mode == EMUL_MODE_V86)
		clear_data_segs(c);
	return EMUL_OK;
}

static enum emul_rc deliver_protected(struct emul_ctxt *c,
				      const struct emul_event *ev)
{
	struct idt_gate g;
	enum emul_rc rc = read_gate(c, ev, &g);

	if (rc == EMUL_OK && g.type == TYPE_TASK_GATE) {
		struct emul_task t = {
			.sel = g.sel,
			.reason = EMUL_TASK_GATE,
			.event = ev->kind == EMUL_EVENT_HARD,
			.has_error = ev->has_error,
			.error = ev->error,
		};

		return emul_do_task(c, &t);
	}
	if (rc == EMUL_OK)
		rc = through_gate(c, ev, &g);
	/* EXT: no instruction of the program is to blame. */
	if (rc == EMUL_FAULT && ev->kind == EMUL_EVENT_HARD &&
	    c->fault.has_error && c->fault.vector != X86_TRAP_PF)
		c->fault.error_code |= 1;
	return rc;
}

enum emul_rc emul_do_event(struct emul_ctxt *c, const struct emul_event *ev)
{
	/* The handler begins without TF. */
	c->effects |= EMUL_FX_NO_TF;
	if (c->mode == EMUL_MODE_REAL)
		return deliver_real(c, ev->vector);
	return deliver_protected(c, ev);
}
