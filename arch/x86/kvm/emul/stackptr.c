// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stacks that are not, or not yet, the CPU's.
 *
 * A transfer that may switch stacks works on a struct emul_stack from its
 * beginning, and need not know which of the two cases it is in.
 */
#include "far.h"

void emul_stack_here(struct emul_ctxt *c, struct emul_stack *st)
{
	*st = (struct emul_stack){
		.ss = *emul_seg(c, INSN_SS),
		.sp = c->gpr[INSN_RSP],
		.width = emul_stack_width(c),
		.mode = c->mode,
		.cpl = c->cpl,
	};
}

/* Where @len bytes at offset @sp are, as if the CPU were using that stack. */
static enum emul_rc stack_map(struct emul_ctxt *c, const struct emul_stack *st,
			      u64 sp, unsigned int len, bool write,
			      struct emul_span *span)
{
	u8 cpl = c->cpl, mode = c->mode;
	enum emul_rc rc = EMUL_OK;
	u64 linear = sp;

	c->cpl = st->cpl;
	c->mode = st->mode;
	sp &= width_mask(st->width);
	if (st->width < 8)
		rc = emul_linear_in(c, &st->ss, INSN_SS, sp, len, write,
				    &linear);
	else if (!emul_canonical(c, sp) || !emul_canonical(c, sp + len - 1))
		rc = emul_raise(c, X86_TRAP_SS, 0);
	if (rc == EMUL_FAULT)
		c->fault.error_code = st->err;
	if (rc == EMUL_OK)
		rc = emul_map(c, linear, len, write ? EMUL_ACC_WRITE : 0, span);
	c->cpl = cpl;
	c->mode = mode;
	return rc;
}

enum emul_rc emul_stack_push(struct emul_ctxt *c, struct emul_stack *st,
			     u64 val, unsigned int size)
{
	struct emul_span span;
	enum emul_rc rc = stack_map(c, st, st->sp - size, size, true, &span);

	if (rc == EMUL_OK)
		rc = emul_store(c, &span, &val);
	if (rc == EMUL_OK)
		st->sp -= size;
	return rc;
}

enum emul_rc emul_stack_pop(struct emul_ctxt *c, struct emul_stack *st,
			    u64 *val, unsigned int size)
{
	struct emul_span span;
	enum emul_rc rc = stack_map(c, st, st->sp, size, false, &span);

	*val = 0;
	if (rc == EMUL_OK)
		rc = emul_load(c, &span, val);
	if (rc == EMUL_OK)
		st->sp += size;
	return rc;
}

void emul_stack_adopt(struct emul_ctxt *c, const struct emul_stack *st)
{
	emul_put_addr(c, INSN_RSP, st->width, st->sp);
	if (st->load)
		emul_set_seg(c, INSN_SS, &st->ss);
}

static enum emul_rc tss_too_small(struct emul_ctxt *c, u16 sel)
{
	return emul_raise(c, X86_TRAP_TS, SEL_ERR(sel));
}

/* 64-bit TSS: SDM Vol. 3 "Task Management in 64-bit Mode". */
static enum emul_rc inner_long(struct emul_ctxt *c, unsigned int cpl,
			       unsigned int ist, struct emul_stack *st)
{
	const struct emul_seg *tr = emul_seg(c, INSN_TR);
	unsigned int at = ist ? 28 + 8 * ist : 4 + 8 * cpl;

	if (at + 7 > tr->limit)
		return tss_too_small(c, tr->selector);
	*st = (struct emul_stack){
		.ss = { .selector = cpl, .attr = cpl << EMUL_SEG_DPL_SHIFT },
		.width = 8,
		.mode = EMUL_MODE_LONG64,
		.cpl = cpl,
		.load = cpl != c->cpl,
	};
	return emul_read_system(c, tr->base + at, &st->sp, 8);
}

enum emul_rc emul_stack_inner(struct emul_ctxt *c, unsigned int cpl,
			      unsigned int ist, struct emul_stack *st)
{
	const struct emul_seg *tr = emul_seg(c, INSN_TR);
	unsigned int w = (tr->attr & EMUL_SEG_TYPE) < TYPE_TSS32 ? 2 : 4;
	unsigned int at = w + 2 * w * cpl;
	enum emul_rc rc;
	u64 sp = 0;
	u16 sel;

	if (c->lma)
		return inner_long(c, cpl, ist, st);
	if (at + w + 1 > tr->limit)
		return tss_too_small(c, tr->selector);
	rc = emul_read_system(c, (u32)(tr->base + at), &sp, w);
	if (rc == EMUL_OK)
		rc = emul_read_system(c, (u32)(tr->base + at + w), &sel, 2);
	if (rc != EMUL_OK)
		return rc;
	if (emul_null_selector(sel))
		return emul_raise(c, X86_TRAP_TS, 0);
	*st = (struct emul_stack){
		.sp = sp,
		.err = SEL_ERR(sel),
		.mode = EMUL_MODE_PROT32,
		.cpl = cpl,
		.load = true,
	};
	rc = emul_as_ts(c, emul_check_data(c, INSN_SS, sel, cpl, &st->ss));
	st->width = st->ss.attr & EMUL_SEG_DB ? 4 : 2;
	return rc;
}
