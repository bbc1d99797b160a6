// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions about selectors: ARPL, VERR, VERW, LAR, LSL. The answer is ZF.
 */
#include "segload.h"

static enum emul_rc answer(struct emul_ctxt *c, bool yes)
{
	emul_set_flags(c, X86_EFLAGS_ZF, yes ? X86_EFLAGS_ZF : 0);
	return EMUL_OK;
}

enum emul_rc emul_op_arpl(struct emul_ctxt *c)
{
	bool raise = (c->dst & 3) < (c->src & 3);
	enum emul_rc rc = EMUL_OK;

	/* Only what changes has to be writable. */
	if (raise) {
		c->dst = (c->dst & ~3ULL) | (c->src & 3);
		if (c->insn.is_mem)
			rc = emul_store_operand(c, &c->dst, 2);
		else
			emul_put(c, c->insn.rm, 2, c->dst);
	}
	return rc == EMUL_OK ? answer(c, raise) : rc;
}

/*
 * Find the descriptor of a selector; *@found is false when it is null or beyond
 * its table, which is no fault for these instructions.
 */
static enum emul_rc look_up(struct emul_ctxt *c, u16 sel, struct emul_desc *d,
			    struct emul_seg *s, bool *found)
{
	enum emul_rc rc;

	*found = false;
	if (!(sel & 0xfffc))
		return EMUL_OK;
	rc = emul_read_desc(c, sel, false, d);
	if (rc == EMUL_FAULT && c->fault.vector == X86_TRAP_GP)
		return EMUL_OK;
	if (rc != EMUL_OK)
		return rc;
	emul_unpack_desc(d, sel, s);
	*found = true;
	return EMUL_OK;
}

static bool visible(const struct emul_ctxt *c, u16 sel, u16 attr)
{
	return EMUL_SEG_DPL(attr) >= max_t(u8, c->cpl, sel & 3);
}

static bool conforming_code(u16 attr)
{
	return (attr & EMUL_SEG_S) && (attr & EMUL_SEG_CODE) &&
	       (attr & EMUL_SEG_CONFORMING);
}

/* VERR, VERW (@arg 1) */
enum emul_rc emul_op_verrw(struct emul_ctxt *c)
{
	struct emul_desc d;
	struct emul_seg s;
	bool ok, code;
	enum emul_rc rc = look_up(c, c->src, &d, &s, &ok);

	if (rc != EMUL_OK || !ok)
		return rc == EMUL_OK ? answer(c, false) : rc;
	code = s.attr & EMUL_SEG_CODE;
	ok = (s.attr & EMUL_SEG_S) &&
	     (conforming_code(s.attr) || visible(c, c->src, s.attr));
	if (c->insn.op->arg)
		ok = ok && !code && (s.attr & EMUL_SEG_WRITABLE);
	else
		ok = ok && (!code || (s.attr & EMUL_SEG_READABLE));
	return answer(c, ok);
}

/* System types that LAR and LSL (second line) accept, legacy and long mode. */
static const u16 types_lar[2] = { 0x1a3e, 0x1a04 };
static const u16 types_lsl[2] = { 0x0a0e, 0x0a04 };

/*
 * LAR, LSL (@arg 1). The upper bits of the limit, which LAR may leave undefined, come along
 * as they do with processors.
 */
enum emul_rc emul_op_larlsl(struct emul_ctxt *c)
{
	bool lsl = c->insn.op->arg, ok;
	struct emul_desc d;
	struct emul_seg s;
	enum emul_rc rc = look_up(c, c->src, &d, &s, &ok);

	if (rc != EMUL_OK || !ok)
		return rc == EMUL_OK ? answer(c, false) : rc;
	if (!(s.attr & EMUL_SEG_S)) {
		u16 types = (lsl ? types_lsl : types_lar)[c->lma];

		ok = types & BIT(s.attr & EMUL_SEG_TYPE);
	}
	ok = ok && (conforming_code(s.attr) || visible(c, c->src, s.attr));
	if (ok)
		emul_put(c, c->insn.reg, c->insn.opsize,
			 lsl ? s.limit : (d.raw >> 32) & 0x00ffff00);
	return answer(c, ok);
}
