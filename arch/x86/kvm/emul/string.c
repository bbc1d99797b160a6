// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions on memory: each call is one iteration.
 */
#include "stringop.h"

static enum emul_rc read_source(struct emul_ctxt *c, u64 *val)
{
	*val = 0;
	return emul_read(c, c->insn.seg, string_ea(c, INSN_RSI), val,
			 c->insn.width);
}

static enum emul_rc write_dest(struct emul_ctxt *c, u64 val)
{
	return emul_write(c, INSN_ES, string_ea(c, INSN_RDI), &val,
			  c->insn.width);
}

static enum emul_rc read_dest(struct emul_ctxt *c, u64 *val)
{
	*val = 0;
	return emul_read(c, INSN_ES, string_ea(c, INSN_RDI), val,
			 c->insn.width);
}

enum emul_rc emul_op_movs(struct emul_ctxt *c)
{
	enum emul_rc rc;
	u64 val;

	if (!string_more(c))
		return EMUL_OK;
	rc = read_source(c, &val);
	if (rc == EMUL_OK)
		rc = write_dest(c, val);
	if (rc != EMUL_OK)
		return rc;
	string_step(c, INSN_RSI, 1);
	string_step(c, INSN_RDI, 1);
	string_count(c, 1);
	return EMUL_OK;
}

enum emul_rc emul_op_stos(struct emul_ctxt *c)
{
	enum emul_rc rc;

	if (!string_more(c))
		return EMUL_OK;
	rc = write_dest(c, c->gpr[INSN_RAX]);
	if (rc != EMUL_OK)
		return rc;
	string_step(c, INSN_RDI, 1);
	string_count(c, 1);
	return EMUL_OK;
}

enum emul_rc emul_op_lods(struct emul_ctxt *c)
{
	enum emul_rc rc;
	u64 val;

	if (!string_more(c))
		return EMUL_OK;
	rc = read_source(c, &val);
	if (rc != EMUL_OK)
		return rc;
	emul_put(c, INSN_RAX, c->insn.width, val);
	string_step(c, INSN_RSI, 1);
	string_count(c, 1);
	return EMUL_OK;
}

/* Flags of a comparison; REPE ends on difference, REPNE on equality. */
static void compare(struct emul_ctxt *c, u64 a, u64 b)
{
	unsigned int w = c->insn.width;
	u64 res = (a - b) & width_mask(w);

	emul_set_flags(c, FLAGS_ARITH, flags_sub(a, b, res, w));
	string_count(c, 1);
	if (c->again)
		c->again = c->insn.prefixes & INSN_PFX_REP ? !res : !!res;
}

enum emul_rc emul_op_cmps(struct emul_ctxt *c)
{
	enum emul_rc rc;
	u64 a, b;

	if (!string_more(c))
		return EMUL_OK;
	rc = read_dest(c, &b);
	if (rc == EMUL_OK)
		rc = read_source(c, &a);
	if (rc != EMUL_OK)
		return rc;
	string_step(c, INSN_RSI, 1);
	string_step(c, INSN_RDI, 1);
	compare(c, a, b);
	return EMUL_OK;
}

enum emul_rc emul_op_scas(struct emul_ctxt *c)
{
	enum emul_rc rc;
	u64 b;

	if (!string_more(c))
		return EMUL_OK;
	rc = read_dest(c, &b);
	if (rc != EMUL_OK)
		return rc;
	string_step(c, INSN_RDI, 1);
	compare(c, c->gpr[INSN_RAX] & width_mask(c->insn.width), b);
	return EMUL_OK;
}
