// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts that instructions ask for.
 *
 * In real mode delivery is three pushes and a look into the vector table, and
 * is done here. Protected-mode delivery is the hardware's: the environment gets
 * the vector.
 */
#include "segload.h"

static enum emul_rc deliver_real(struct emul_ctxt *c, unsigned int vector)
{
	struct emul_seg cs = *emul_seg(c, INSN_CS);
	u16 limit, entry[2];
	enum emul_rc rc;
	u64 base;

	c->env->dtr_get(c, EMUL_IDTR, &base, &limit);
	if (4 * vector + 3 > limit)
		return emul_raise(c, X86_TRAP_GP, 8 * vector + 2);
	rc = emul_read_system(c, (u32)(base + 4 * vector), entry, 4);
	if (rc == EMUL_OK)
		rc = emul_push(c, c->rflags, 2);
	if (rc == EMUL_OK)
		rc = emul_push(c, cs.selector, 2);
	if (rc == EMUL_OK)
		rc = emul_push(c, c->next_rip, 2);
	if (rc != EMUL_OK)
		return rc;
	emul_set_flags(c, X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_AC, 0);
	cs.selector = entry[1];
	cs.base = (u32)entry[1] << 4;
	emul_set_seg(c, INSN_CS, &cs);
	c->next_rip = entry[0];
	c->branched = true;
	return EMUL_OK;
}

static enum emul_rc soft_int(struct emul_ctxt *c, unsigned int vector)
{
	if (c->mode == EMUL_MODE_REAL)
		return deliver_real(c, vector);
	return c->env->action(c, EMUL_ACT_SOFT_INT, vector);
}

enum emul_rc emul_op_int3(struct emul_ctxt *c)
{
	return soft_int(c, X86_TRAP_BP);
}

enum emul_rc emul_op_intn(struct emul_ctxt *c)
{
	u64 cr4;

	if (c->mode == EMUL_MODE_V86) {
		/* With VME the TSS decides where it goes. */
		if (c->env->reg_get(c, EMUL_CR4, &cr4) != EMUL_OK ||
		    (cr4 & X86_CR4_VME))
			return EMUL_UNHANDLED;
		if (emul_iopl(c) < 3)
			return emul_gp0(c);
	}
	return soft_int(c, c->insn.imm);
}

enum emul_rc emul_op_into(struct emul_ctxt *c)
{
	if (!(c->rflags & X86_EFLAGS_OF))
		return EMUL_OK;
	return soft_int(c, X86_TRAP_OF);
}

enum emul_rc emul_op_icebp(struct emul_ctxt *c)
{
	return c->env->action(c, EMUL_ACT_ICEBP, 0);
}

enum emul_rc emul_op_bound(struct emul_ctxt *c)
{
	unsigned int w = c->insn.opsize;
	u64 low = 0, high = 0, ea = emul_ea(c);
	s64 index;
	enum emul_rc rc = emul_read(c, c->insn.seg, ea, &low, w);

	if (rc == EMUL_OK)
		rc = emul_read(c, c->insn.seg,
			       (ea + w) & width_mask(c->insn.adsize), &high, w);
	if (rc != EMUL_OK)
		return rc;
	index = sign_extend(emul_get(c, c->insn.reg, w), w);
	if (index < (s64)sign_extend(low, w) || index > (s64)sign_extend(high, w))
		return emul_raise_plain(c, X86_TRAP_BR);
	return EMUL_OK;
}
