// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts and exceptions that instructions ask for.
 */
#include "far.h"

static enum emul_rc soft_int(struct emul_ctxt *c, unsigned int vector)
{
	struct emul_event ev = { .vector = vector, .kind = EMUL_EVENT_SOFT };

	return emul_do_event(c, &ev);
}

enum emul_rc emul_op_int3(struct emul_ctxt *c)
{
	enum emul_rc rc = c->env->action(c, EMUL_ACT_BREAKPOINT, 0);

	return rc == EMUL_OK ? soft_int(c, X86_TRAP_BP) : rc;
}

enum emul_rc emul_op_intn(struct emul_ctxt *c)
{
	enum emul_rc rc;
	bool done;

	if (c->mode == EMUL_MODE_V86) {
		rc = emul_vme_int(c, c->insn.imm, &done);
		if (rc != EMUL_OK || done)
			return rc;
	}
	return soft_int(c, c->insn.imm);
}

enum emul_rc emul_op_into(struct emul_ctxt *c)
{
	if (!(c->rflags & X86_EFLAGS_OF))
		return EMUL_OK;
	return soft_int(c, X86_TRAP_OF);
}

/* INT1: #DB as a trap, whatever the DPL of its gate; DR6 tells nothing. */
enum emul_rc emul_op_icebp(struct emul_ctxt *c)
{
	emul_raise_plain(c, X86_TRAP_DB);
	emul_fault_follows(c);
	return EMUL_OK;
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
