// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vector instructions that rearrange what they load or store: broadcasts,
 * duplicates, masked moves, and single lanes.
 */
#include "vec.h"

/* ModRM.rm, @len bytes, the same from memory or a vector register. */
static enum emul_rc get_rm(struct emul_ctxt *c, union vec *v, unsigned int len)
{
	enum emul_rc rc;

	if (!c->insn.is_mem)
		return get_vec(c, c->insn.rm, v, max_t(unsigned int, len, 16));
	rc = emul_map_aligned(c, len, 1, false);
	return rc == EMUL_OK ? emul_load(c, &c->mem, v) : rc;
}

/* Fill the register with copies; @arg 1: only all of 256 bits. */
enum emul_rc emul_op_vec_bcast(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	unsigned int w = insn->width, len = insn->vex_l ? 32 : 16, i;
	enum emul_rc rc = emul_check_vec(c, VEC_W0 |
					 (insn->op->arg ? VEC_L1 : VEC_ANY_L));
	union vec from, v = { .q = { 0 } };

	if (rc == EMUL_OK && !insn->is_mem && !emul_has(c, EMUL_F_AVX2))
		return emul_ud(c);
	if (rc == EMUL_OK)
		rc = get_rm(c, &from, w);
	if (rc != EMUL_OK)
		return rc;
	for (i = 0; i < len; i += w)
		memcpy(v.b + i, from.b, w);
	return put_vec(c, insn->reg, &v, len);
}

/* MOVDDUP (@arg 2), MOVSLDUP (0), MOVSHDUP (1) */
enum emul_rc emul_op_vec_dup(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	unsigned int len = insn->vex_l ? 32 : 16, i, arg = insn->op->arg;
	enum emul_rc rc = emul_check_vec(c, VEC_ANY_L);
	union vec v;

	if (rc == EMUL_OK && arg == 2) {
		/* 128 bits take only half of that. */
		rc = get_rm(c, &v, insn->vex_l ? 32 : 8);
	} else if (rc == EMUL_OK && insn->is_mem) {
		rc = emul_map_aligned(c, len, is_vex(c) ? 1 : 16, false);
		if (rc == EMUL_OK)
			rc = emul_load(c, &c->mem, &v);
	} else if (rc == EMUL_OK) {
		rc = get_vec(c, insn->rm, &v, len);
	}
	if (rc != EMUL_OK)
		return rc;
	for (i = 0; arg == 2 && i < len / 8; i += 2)
		v.q[i + 1] = v.q[i];
	for (i = 0; arg != 2 && i < len / 4; i += 2)
		v.d[i + !arg] = v.d[i + arg];
	return put_vec(c, insn->reg, &v, len);
}

static inline bool lane_wanted(const union vec *mask, unsigned int i,
			       unsigned int w)
{
	return mask->b[(i + 1) * w - 1] & 0x80;
}

/*
 * VMASKMOVPS, VMASKMOVPD, VPMASKMOVD and -Q. A lane that is masked out is not
 * accessed. @arg bit 0: store; bits 1 and 2: bytes of a lane, 0 is as W says.
 */
enum emul_rc emul_op_vec_maskmov(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	bool store = insn->op->arg & 1;
	unsigned int form = VEC_VVVV | VEC_ANY_L, len = insn->width, w, i;
	union vec mask, v = { .q = { 0 } };
	struct emul_span span;
	enum emul_rc rc;
	u64 linear;

	w = (insn->op->arg >> 1) * 4;
	if (w)
		form |= VEC_W0;
	else
		w = insn->rex & INSN_REX_W ? 8 : 4;
	rc = emul_check_vec(c, form);
	if (rc == EMUL_OK)
		rc = get_vec(c, vvvv_reg(c), &mask, len);
	if (rc == EMUL_OK && store)
		rc = get_vec(c, insn->reg, &v, len);
	for (i = 0; rc == EMUL_OK && i < len / w; i++) {
		u64 ea = (emul_ea(c) + i * w) & width_mask(insn->adsize);

		if (!lane_wanted(&mask, i, w))
			continue;
		rc = emul_linear(c, insn->seg, ea, w, store, &linear);
		if (rc == EMUL_OK)
			rc = emul_map(c, linear, w, EMUL_ACC_ANY_ALIGN |
				      (store ? EMUL_ACC_WRITE : 0), &span);
		if (rc == EMUL_OK)
			rc = store ? emul_store(c, &span, v.b + i * w)
				   : emul_load(c, &span, v.b + i * w);
	}
	if (rc != EMUL_OK || store)
		return rc;
	return put_vec(c, insn->reg, &v, len);
}

enum emul_rc emul_store_masked(struct emul_ctxt *c, const u8 *data, const u8 *mask,
			       unsigned int len)
{
	const struct insn *insn = &c->insn;
	u64 ea = c->gpr[INSN_RDI], linear;
	enum emul_rc rc = EMUL_OK;
	struct emul_span span;
	unsigned int i, n;

	for (i = 0; rc == EMUL_OK && i < len; i += n) {
		for (n = 0; i + n < len && (mask[i + n] & 0x80); n++)
			;
		if (!n) {
			n = 1;
			continue;
		}
		rc = emul_linear(c, insn->seg, (ea + i) &
				 width_mask(insn->adsize), n, true, &linear);
		if (rc == EMUL_OK)
			rc = emul_map(c, linear, n, EMUL_ACC_WRITE |
				      EMUL_ACC_ANY_ALIGN, &span);
		if (rc == EMUL_OK)
			rc = emul_store(c, &span, data + i);
	}
	return rc;
}

enum emul_rc emul_op_vec_maskmovdqu(struct emul_ctxt *c)
{
	enum emul_rc rc = emul_check_vec(c, 0);
	union vec v, mask;

	if (rc == EMUL_OK)
		rc = get_vec(c, c->insn.reg, &v, 16);
	if (rc == EMUL_OK)
		rc = get_vec(c, c->insn.rm, &mask, 16);
	return rc == EMUL_OK ? emul_store_masked(c, v.b, mask.b, 16) : rc;
}

/* PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS: a lane to ModRM.rm. */
enum emul_rc emul_op_vec_extract(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	unsigned int w = insn->width, lane = insn->imm & (16 / w - 1);
	enum emul_rc rc = emul_check_vec(c, 0);
	union vec v;
	u64 val = 0;

	if (rc == EMUL_OK)
		rc = get_vec(c, insn->reg, &v, 16);
	if (rc != EMUL_OK)
		return rc;
	memcpy(&val, v.b + lane * w, w);
	if (insn->is_mem)
		return emul_store_operand(c, &val, w);
	emul_put64(c, insn->rm, val);
	return EMUL_OK;
}

/* PINSRB, PINSRW, PINSRD, PINSRQ: a lane from ModRM.rm, the rest from vvvv. */
enum emul_rc emul_op_vec_insert(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	unsigned int w = insn->width, lane = insn->imm & (16 / w - 1);
	enum emul_rc rc = emul_check_vec(c, VEC_VVVV);
	union vec v;
	u64 val = 0;

	if (rc == EMUL_OK && insn->is_mem)
		rc = emul_load_operand(c, &val, w);
	else
		val = c->gpr[insn->rm];
	if (rc == EMUL_OK)
		rc = get_vec(c, is_vex(c) ? vvvv_reg(c) : insn->reg, &v, 16);
	if (rc != EMUL_OK)
		return rc;
	memcpy(v.b + lane * w, &val, w);
	return put_vec(c, insn->reg, &v, 16);
}

/* INSERTPS: source lane in imm[7:6], destination [5:4], lanes to clear [3:0]. */
enum emul_rc emul_op_vec_insertps(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	enum emul_rc rc = emul_check_vec(c, VEC_VVVV);
	union vec from, v;
	unsigned int i;

	if (rc == EMUL_OK)
		rc = get_rm(c, &from, 4);
	if (rc == EMUL_OK)
		rc = get_vec(c, is_vex(c) ? vvvv_reg(c) : insn->reg, &v, 16);
	if (rc != EMUL_OK)
		return rc;
	v.d[(insn->imm >> 4) & 3] = from.d[insn->is_mem ? 0 : insn->imm >> 6];
	for (i = 0; i < 4; i++)
		if (insn->imm & BIT(i))
			v.d[i] = 0;
	return put_vec(c, insn->reg, &v, 16);
}

/* VINSERTF128, VINSERTI128: into one half of what vvvv has. */
enum emul_rc emul_op_vec_insert128(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	enum emul_rc rc = emul_check_vec(c, VEC_VVVV | VEC_L1 | VEC_W0);
	union vec from, v;

	if (rc == EMUL_OK)
		rc = get_rm(c, &from, 16);
	if (rc == EMUL_OK)
		rc = get_vec(c, vvvv_reg(c), &v, 32);
	if (rc != EMUL_OK)
		return rc;
	memcpy(v.b + 16 * (insn->imm & 1), from.b, 16);
	return put_vec(c, insn->reg, &v, 32);
}

/* VEXTRACTF128, VEXTRACTI128 */
enum emul_rc emul_op_vec_extract128(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	enum emul_rc rc = emul_check_vec(c, VEC_L1 | VEC_W0);
	union vec v;

	if (rc == EMUL_OK)
		rc = get_vec(c, insn->reg, &v, 32);
	if (rc != EMUL_OK)
		return rc;
	if (insn->imm & 1)
		memcpy(v.b, v.b + 16, 16);
	if (!insn->is_mem)
		return put_vec(c, insn->rm, &v, 16);
	rc = emul_map_aligned(c, 16, 1, true);
	return rc == EMUL_OK ? emul_store(c, &c->mem, &v) : rc;
}
