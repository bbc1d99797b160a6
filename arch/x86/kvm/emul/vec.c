// SPDX-License-Identifier: GPL-2.0-only
/*
 * SSE and AVX moves between vector registers and memory.
 *
 * There is no vector arithmetic here: drivers move data to devices with wide
 * stores, and that is what has to be understood.
 */
#include "vec.h"

#define XCR0_SSE_AVX	6

static bool vex_fields_ok(const struct emul_ctxt *c, unsigned int form)
{
	const struct insn *insn = &c->insn;

	if (!(form & VEC_VVVV) && insn->vvvv)
		return false;
	if (form & VEC_L1 ? !insn->vex_l : !(form & VEC_ANY_L) && insn->vex_l)
		return false;
	return !(form & VEC_W0) || !(insn->rex & INSN_REX_W);
}

enum emul_rc emul_check_vec(struct emul_ctxt *c, unsigned int form)
{
	u64 cr0, cr4, xcr0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	if (rc == EMUL_OK)
		rc = c->env->reg_get(c, EMUL_CR4, &cr4);
	if (rc != EMUL_OK)
		return rc;
	if (is_vex(c)) {
		if (!emul_has(c, EMUL_F_AVX) || !(cr4 & X86_CR4_OSXSAVE) ||
		    !vex_fields_ok(c, form))
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

/* Whole registers: MOVUPS and its kin; @arg 1: 256 bits take AVX2. */
enum emul_rc emul_op_vec_load(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	enum emul_rc rc = emul_check_vec(c, VEC_ANY_L);
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
	enum emul_rc rc = emul_check_vec(c, VEC_ANY_L);
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
	enum emul_rc rc = emul_check_vec(c, VEC_ANY_L | (insn->is_mem ? 0 : VEC_VVVV));
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
	enum emul_rc rc = emul_check_vec(c, store ? 0 : VEC_VVVV);
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
	enum emul_rc rc = emul_check_vec(c, 0);
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
	enum emul_rc rc = emul_check_vec(c, 0);
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
	enum emul_rc rc = emul_check_vec(c, 0);
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
