/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the families of vector instructions share.
 */
#ifndef DKVM_EMUL_VEC_H
#define DKVM_EMUL_VEC_H

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

/* What the fields of a VEX prefix may be; without any: vvvv unused, L clear. */
#define VEC_VVVV	BIT(0)	/* vvvv is an operand */
#define VEC_ANY_L	BIT(1)	/* L says the length, or is ignored */
#define VEC_L1		BIT(2)	/* L is set */
#define VEC_W0		BIT(3)	/* W is clear */

/**
 * emul_check_vec - may vector instructions be used, and this one so
 * @c:    context
 * @form: VEC_*
 *
 * Return: EMUL_OK, or #UD or #NM.
 */
enum emul_rc emul_check_vec(struct emul_ctxt *c, unsigned int form);

static inline enum emul_rc get_vec(struct emul_ctxt *c, unsigned int reg,
				   union vec *v, unsigned int len)
{
	return c->env->vec(c, false, reg, v, len, false);
}

/* VEX clears what is above, legacy SSE leaves it. */
static inline enum emul_rc put_vec(struct emul_ctxt *c, unsigned int reg,
				   union vec *v, unsigned int len)
{
	return c->env->vec(c, true, reg, v, len, is_vex(c));
}

/* The memory operand, aligned if the opcode wants that. */
static inline enum emul_rc map_vec(struct emul_ctxt *c, bool write)
{
	unsigned int w = c->insn.width;

	return emul_map_aligned(c, w, c->insn.op->form & INSN_ALIGNED ? w : 1,
				write);
}

#endif /* DKVM_EMUL_VEC_H */
