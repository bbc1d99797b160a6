// SPDX-License-Identifier: GPL-2.0-only
/*
 * SSE and AVX moves between vector registers and memory.
 *
 * There is no vector arithmetic here: drivers move data to devices with wide
 * stores, and that is what has to be understood.
 */
#include "access.h"

union vec {
	u8 b[32];
	u32 d[8];
	u64 q[4];
};

static inline bool is_vex(const struct emul_ctxt *c)
{
	return c->insn.prefixes & INSN_PFX_VEX;
}

/* The register in vvvv; its top bit says something only with sixteen of them. */
static inline unsigned int vvvv_reg(const struct emul_ctxt *c)
{
	return c->insn.vvvv & (c->mode == EMUL_MODE_LONG64 ? 15 : 7);
}

#define XCR0_SSE_AVX	6

/* May vector instructions be used at all; and what VEX asks of its fields. */
static enum emul_rc check_vec(struct emul_ctxt *c, bool vvvv_used)
{
	u64 cr0, cr4, xcr0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	if (rc == EMUL_OK)
		rc = c->env->reg_get(c, EMUL_CR4, &cr4);
	if (rc != EMUL_OK)
		return rc;
	if (is_vex(c)) {
		if (!emul_has(c, EMUL_F_AVX) || !(cr4 & X86_CR4_OSXSAVE) ||
		    (!vvvv_used && c->insn.vvvv) ||
		    (c->insn.vex_l && c->insn.op->width != INSN_W_X &&
		     c->insn.op->fn != EMUL_FN_movss))
			return emul_ud(c);
		rc = c->env->reg_get(c, EMUL_XCR0, &xcr0);
		if (rc != EMUL_OK)
			return rc;
		if ((xcr0 & XCR0_SSE_AVX) != XCR0_SSE_AVX)
			return emul_ud(c);
	} else if ((cr0 & X86_CR0_EM) || !(cr4 & X86_CR4_OSFXSR)) {
		return emul_ud(c);
	}
	if (cr0 & X86_CR0_TS)
		return emul_raise_plain(c, X86_TRAP_NM);
	return EMUL_OK;
}

static enum emul_rc get_vec(struct emul_ctxt *c, unsigned int reg,
			    union vec *v, unsigned int len)
{
	return c->env->vec(c, false, reg, v, len, false);
}

/* VEX clears what is above, legacy SSE leaves it. */
static enum emul_rc put_vec(struct emul_ctxt *c, unsigned int reg,
			    union vec *v, unsigned int len)
{
	return c->env->vec(c, true, reg, v, len, is_vex(c));
}

/* The memory operand, aligned if the opcode wants that. */
static enum emul_rc map_vec(struct emul_ctxt *c, bool write)
{
	unsigned int w = c->insn.width;

	return emul_map_aligned(c, w, c->insn.op->form & INSN_ALIGNED ? w : 1,
				write);
}

/* Whole registers: MOVUPS and its kin; @arg 1: 256 bits take AVX2. */
enum emul_rc emul_op_vec_load(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	enum emul_rc rc = check_vec(c, false);
	union vec v;

	if (rc != EMUL_OK)
		return rc;
	if (insn->op->arg && insn->vex_l && !emul_has(c, EMUL_F_AVX2))
		return emul_ud(c);
	if (insn->is_mem) {
		rc = map_vec(c, false);
		if (rc == EMUL_OK)
			rc = emul_load(c, &c->mem, &v);
	} else {
		rc = get_vec(c, insn->rm, &v, insn->width);
	}
	return rc == EMUL_OK ? put_vec(c, insn->reg, &v, insn->width) : rc;
}

enum emul_rc emul_op_vec_store(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	enum emul_rc rc = check_vec(c, false);
	union vec v;

	if (rc == EMUL_OK)
		rc = get_vec(c, insn->reg, &v, insn->width);
	if (rc != EMUL_OK)
		return rc;
	if (!insn->is_mem)
		return put_vec(c, insn->rm, &v, insn->width);
	rc = map_vec(c, true);
	return rc == EMUL_OK ? emul_store(c, &c->mem, &v) : rc;
}

/* MOVSS and MOVSD; @arg 1: towards ModRM.rm. */
enum emul_rc emul_op_movss(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	bool store = insn->op->arg;
	enum emul_rc rc = check_vec(c, !insn->is_mem);
	union vec from = { .q = { 0 } }, into;

	if (rc != EMUL_OK)
		return rc;
	if (insn->is_mem) {
		rc = map_vec(c, store);
		if (rc == EMUL_OK)
			rc = store ? get_vec(c, insn->reg, &from, 16)
				   : emul_load(c, &c->mem, &from);
		if (rc != EMUL_OK)
			return rc;
		return store ? emul_store(c, &c->mem, &from)
			     : put_vec(c, insn->reg, &from, 16);
	}
	/* Between registers the rest is merged, from vvvv where there is one. */
	rc = get_vec(c, store ? insn->reg : insn->rm, &from, 16);
	if (rc == EMUL_OK)
		rc = get_vec(c, is_vex(c) ? vvvv_reg(c)
					  : store ? insn->rm : insn->reg,
			     &into, 16);
	if (rc != EMUL_OK)
		return rc;
	memcpy(into.b, from.b, insn->width);
	return put_vec(c, store ? insn->rm : insn->reg, &into, 16);
}

/*
 * Halves: @arg 0 loads the low one (from registers: MOVHLPS), 1 stores it,
 * 2 loads the high one (MOVLHPS), 3 stores it.
 */
enum emul_rc emul_op_vec_half(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	bool store = insn->op->arg & 1;
	unsigned int high = insn->op->arg >> 1;
	enum emul_rc rc = check_vec(c, !store);
	union vec v, from;

	if (rc != EMUL_OK)
		return rc;
	if (insn->is_mem) {
		rc = map_vec(c, store);
		if (rc == EMUL_OK && !store)
			rc = emul_load(c, &c->mem, &from);
	} else {
		rc = get_vec(c, insn->rm, &from, 16);
		from.q[0] = from.q[!high];
	}
	if (rc == EMUL_OK)
		rc = get_vec(c, is_vex(c) && !store ? vvvv_reg(c) : insn->reg,
			     &v, 16);
	if (rc != EMUL_OK)
		return rc;
	if (store)
		return emul_store(c, &c->mem, &v.q[high]);
	v.q[high] = from.q[0];
	return put_vec(c, insn->reg, &v, 16);
}

/* MOVD, MOVQ with general registers; @arg 1: towards ModRM.rm. */
enum emul_rc emul_op_movd(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	bool store = insn->op->arg;
	enum emul_rc rc = check_vec(c, false);
	union vec v = { .q = { 0 } };

	if (rc == EMUL_OK && insn->is_mem)
		rc = map_vec(c, store);
	if (rc == EMUL_OK && store)
		rc = get_vec(c, insn->reg, &v, 16);
	if (rc != EMUL_OK)
		return rc;
	if (store) {
		if (insn->is_mem)
			return emul_store(c, &c->mem, &v);
		emul_put(c, insn->rm, insn->width, v.q[0]);
		return EMUL_OK;
	}
	if (insn->is_mem)
		rc = emul_load(c, &c->mem, &v);
	else
		v.q[0] = emul_get(c, insn->rm, insn->width);
	return rc == EMUL_OK ? put_vec(c, insn->reg, &v, 16) : rc;
}

enum emul_rc emul_op_movq_load(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	enum emul_rc rc = check_vec(c, false);
	union vec v = { .q = { 0 } };

	if (rc != EMUL_OK)
		return rc;
	if (insn->is_mem) {
		rc = map_vec(c, false);
		if (rc == EMUL_OK)
			rc = emul_load(c, &c->mem, &v);
	} else {
		rc = get_vec(c, insn->rm, &v, 16);
		v.q[1] = 0;
	}
	return rc == EMUL_OK ? put_vec(c, insn->reg, &v, 16) : rc;
}

enum emul_rc emul_op_movq_store(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	enum emul_rc rc = check_vec(c, false);
	union vec v;

	if (rc == EMUL_OK)
		rc = get_vec(c, insn->reg, &v, 16);
	if (rc != EMUL_OK)
		return rc;
	if (insn->is_mem) {
		rc = map_vec(c, true);
		return rc == EMUL_OK ? emul_store(c, &c->mem, &v) : rc;
	}
	v.q[1] = 0;
	return put_vec(c, insn->rm, &v, 16);
}
