/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all string instructions share: counting, and moving of the pointers.
 */
#ifndef DKVM_EMUL_STRINGOP_H
#define DKVM_EMUL_STRINGOP_H

#include "access.h"

#define STRING_REPEATED	(INSN_PFX_REP | INSN_PFX_REPNE)

/* Are iterations to be done? Without a repeat prefix, one. */
static inline bool string_more(const struct emul_ctxt *c)
{
	if (!(c->insn.prefixes & STRING_REPEATED))
		return true;
	return c->gpr[INSN_RCX] & width_mask(c->insn.adsize);
}

/* Count @n iterations; sets c->again if some are left. */
static inline void string_count(struct emul_ctxt *c, u64 n)
{
	unsigned int w = c->insn.adsize;
	u64 left;

	if (!(c->insn.prefixes & STRING_REPEATED))
		return;
	left = (c->gpr[INSN_RCX] - n) & width_mask(w);
	emul_put_addr(c, INSN_RCX, w, left);
	c->again = left != 0;
}

/* Move rSI or rDI behind @n elements. */
static inline void string_step(struct emul_ctxt *c, unsigned int reg, u64 n)
{
	u64 delta = n * c->insn.width;

	if (c->rflags & X86_EFLAGS_DF)
		delta = -delta;
	emul_put_addr(c, reg, c->insn.adsize, c->gpr[reg] + delta);
}

/* The address in rSI or rDI. */
static inline u64 string_ea(const struct emul_ctxt *c, unsigned int reg)
{
	return c->gpr[reg] & width_mask(c->insn.adsize);
}

#endif /* DKVM_EMUL_STRINGOP_H */
