// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves, exchanges, conversions: what copies operands without arithmetic.
 */
#include "access.h"

enum emul_rc emul_op_mov(struct emul_ctxt *c)
{
	c->dst = c->src;
	return EMUL_OK;
}

enum emul_rc emul_op_movzx(struct emul_ctxt *c)
{
	emul_put(c, c->insn.reg, c->insn.opsize, c->src);
	return EMUL_OK;
}

/* MOVSX, and MOVSXD, whose 16-bit form takes the low half of its source. */
enum emul_rc emul_op_movsx(struct emul_ctxt *c)
{
	emul_put(c, c->insn.reg, c->insn.opsize,
		 sign_extend(c->src, c->insn.width));
	return EMUL_OK;
}

enum emul_rc emul_op_lea(struct emul_ctxt *c)
{
	emul_put(c, c->insn.reg, c->insn.opsize, emul_ea(c));
	return EMUL_OK;
}

/* @arg 1: with the accumulator, where 90 alone is NOP and F3 90 is PAUSE. */
enum emul_rc emul_op_xchg(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;

	if (!insn->op->arg) {
		c->dst = c->src;
		emul_put(c, insn->reg, insn->width, c->old);
		return EMUL_OK;
	}
	/* PAUSE is that even where REX would name another register. */
	if (insn->opcode == 0x90 && (insn->prefixes & INSN_PFX_REP))
		return emul_op_pause(c);
	/* Nothing is written: in 64-bit mode EAX keeps its upper half. */
	if (insn->reg == INSN_RAX)
		return EMUL_OK;
	emul_put(c, insn->reg, insn->width, c->gpr[INSN_RAX]);
	emul_put(c, INSN_RAX, insn->width, c->old);
	return EMUL_OK;
}

enum emul_rc emul_op_xadd(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u64 sum = (c->dst + c->src) & width_mask(w);

	emul_set_flags(c, FLAGS_ARITH, flags_add(c->dst, c->src, sum, w));
	c->dst = sum;
	/* The destination wins when both are the same register. */
	emul_put(c, c->insn.reg, w, c->old);
	return EMUL_OK;
}

enum emul_rc emul_op_cmpxchg(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	unsigned int w = insn->width;
	u64 acc = c->gpr[INSN_RAX] & width_mask(w);
	u64 diff = (acc - c->dst) & width_mask(w);

	emul_set_flags(c, FLAGS_ARITH, flags_sub(acc, c->dst, diff, w));
	if (!diff) {
		c->dst = c->src;
		return EMUL_OK;
	}
	/* Memory is written back as it was; a register keeps its upper half. */
	c->no_write = !insn->is_mem;
	emul_put(c, INSN_RAX, w, c->old);
	return EMUL_OK;
}

/* CMPXCHG8B and, with REX.W, CMPXCHG16B. */
enum emul_rc emul_op_cmpxchg8b(struct emul_ctxt *c)
{
	bool wide = c->insn.rex & INSN_REX_W;
	unsigned int half = wide ? 8 : 4;
	u64 old[2] = { 0, 0 }, new[2];
	u8 oldb[16], newb[16];
	enum emul_rc rc;
	bool equal;

	if (wide && !emul_has(c, EMUL_F_CX16))
		return emul_ud(c);
	rc = emul_map_aligned(c, 2 * half, wide ? 16 : 1, true);
	if (rc == EMUL_OK)
		rc = emul_load(c, &c->mem, oldb);
	if (rc != EMUL_OK)
		return rc;
	memcpy(&old[0], oldb, half);
	memcpy(&old[1], oldb + half, half);
	equal = old[0] == emul_get(c, INSN_RAX, half) &&
		old[1] == emul_get(c, INSN_RDX, half);
	new[0] = equal ? c->gpr[INSN_RBX] : old[0];
	new[1] = equal ? c->gpr[INSN_RCX] : old[1];
	memcpy(newb, &new[0], half);
	memcpy(newb + half, &new[1], half);

	emul_set_flags(c, X86_EFLAGS_ZF, equal ? X86_EFLAGS_ZF : 0);
	if (!equal) {
		emul_put(c, INSN_RAX, half, old[0]);
		emul_put(c, INSN_RDX, half, old[1]);
	}
	return emul_exchange(c, &c->mem, oldb, newb);
}

/* 64 bytes from ModRM.rm to where the register points, in ES or flat. */
enum emul_rc emul_op_movdir64b(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	u64 to = c->gpr[insn->reg] & width_mask(insn->adsize), linear;
	struct emul_span span;
	enum emul_rc rc;
	u8 buf[64];

	rc = emul_map_operand(c, 64, false);
	if (rc == EMUL_OK)
		rc = emul_load(c, &c->mem, buf);
	if (rc == EMUL_OK)
		rc = emul_linear(c, INSN_ES, to, 64, true, &linear);
	if (rc != EMUL_OK)
		return rc;
	if (linear & 63)
		return emul_gp0(c);
	rc = emul_map(c, linear, 64, EMUL_ACC_WRITE, &span);
	return rc == EMUL_OK ? emul_store(c, &span, buf) : rc;
}

enum emul_rc emul_op_bswap(struct emul_ctxt *c)
{
	if (c->insn.width == 8)
		c->dst = __builtin_bswap64(c->dst);
	else if (c->insn.width == 4)
		c->dst = __builtin_bswap32(c->dst);
	else
		c->dst = 0;	/* undefined, and CPUs give zero */
	return EMUL_OK;
}

enum emul_rc emul_op_movbe(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	u64 val = __builtin_bswap64(c->src) >> (64 - 8 * insn->width);

	if (insn->op->arg)
		c->dst = val;
	else
		emul_put(c, insn->reg, insn->width, val);
	return EMUL_OK;
}

/* The destination is written in any case: 32 bits clear the upper half. */
enum emul_rc emul_op_cmov(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	u64 val = flags_condition(c->rflags, insn->op->arg)
		? c->src : emul_get(c, insn->reg, insn->width);

	emul_put(c, insn->reg, insn->width, val);
	return EMUL_OK;
}

enum emul_rc emul_op_setcc(struct emul_ctxt *c)
{
	c->dst = flags_condition(c->rflags, c->insn.op->arg);
	return EMUL_OK;
}

enum emul_rc emul_op_xlat(struct emul_ctxt *c)
{
	u64 ea = c->gpr[INSN_RBX] + (u8)c->gpr[INSN_RAX];
	enum emul_rc rc;
	u8 val;

	rc = emul_read(c, c->insn.seg, ea & width_mask(c->insn.adsize), &val, 1);
	if (rc == EMUL_OK)
		emul_put(c, INSN_RAX, 1, val);
	return rc;
}

/* CBW, CWDE, CDQE */
enum emul_rc emul_op_cbw(struct emul_ctxt *c)
{
	unsigned int w = c->insn.opsize;

	emul_put(c, INSN_RAX, w, sign_extend(c->gpr[INSN_RAX], w / 2));
	return EMUL_OK;
}

/* CWD, CDQ, CQO */
enum emul_rc emul_op_cwd(struct emul_ctxt *c)
{
	unsigned int w = c->insn.opsize;

	emul_put(c, INSN_RDX, w, top_bit(c->gpr[INSN_RAX], w) ? ~0ULL : 0);
	return EMUL_OK;
}
