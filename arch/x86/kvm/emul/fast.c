// SPDX-License-Identifier: GPL-2.0-only
/*
 * MOV, MOVZX and MOVSX between a register and a device.
 *
 * Nearly every emulated instruction is one of these, and the CPU has told where
 * it went: segmentation, page walk and permissions were passed by the access
 * that made the instruction exit. What is left is to make sure that it was this
 * access, to move the data, and to leave the rest to the usual way as soon as
 * anything is not as usual.
 */
#include "access.h"

/* The page offset of the operand decides whether it is what was reported. */
static inline bool reported(struct emul_ctxt *c, unsigned int w)
{
	u64 linear = emul_ea(c);

	if (c->mode != EMUL_MODE_LONG64 || c->insn.seg >= INSN_FS)
		linear += emul_seg(c, c->insn.seg)->base;
	return !((linear ^ c->hint_gpa) & 4095) && (linear & 4095) + w <= 4096;
}

/* Whatever happens to the registers, the answer is all that it waits for. */
static inline enum emul_rc wait_for(struct emul_ctxt *c, enum emul_io_kind kind, u64 data)
{
	c->io.kind = kind;
	c->io.size = c->insn.width;
	c->io.count = 1;
	c->io.addr = c->hint_gpa;
	memcpy(c->io.data, &data, sizeof(data));
	c->plain = true;
	c->resume = EMUL_PHASE_EXECUTE;
	return EMUL_PENDING;
}

static inline enum emul_rc store(struct emul_ctxt *c, enum insn_where from)
{
	unsigned int w = c->insn.width;
	u64 val;
	enum emul_rc rc;

	if (from == INSN_AT_REG)
		val = emul_get(c, c->insn.reg, w);
	else if (from == INSN_AT_IMM)
		val = c->insn.imm & width_mask(w);
	else
		val = c->gpr[INSN_RAX] & width_mask(w);
	rc = c->env->mmio(c, true, c->hint_gpa, &val, w);
	return rc == EMUL_PENDING ? wait_for(c, EMUL_IO_MMIO_WRITE, val) : rc;
}

static void loaded(struct emul_ctxt *c, u64 val)
{
	const struct insn *insn = &c->insn;
	unsigned int reg = insn->reg, w = insn->width, fn = insn->op->fn;

	if (fn == EMUL_FN_mov) {
		if (INSN_FORM_DST(insn->op->form) == INSN_AT_ACC)
			reg = INSN_RAX;
	} else {
		if (fn == EMUL_FN_movsx)
			val = sign_extend(val, w);
		w = insn->opsize;
	}
	emul_put(c, reg, w, val);
}

static inline enum emul_rc load(struct emul_ctxt *c)
{
	u64 val = 0;
	enum emul_rc rc = c->env->mmio(c, false, c->hint_gpa, &val,
				       c->insn.width);

	if (rc == EMUL_PENDING)
		return wait_for(c, EMUL_IO_MMIO_READ, 0);
	if (rc == EMUL_OK)
		loaded(c, val);
	return rc;
}

void emul_finish_mov(struct emul_ctxt *c)
{
	u64 answer;

	if (c->io.kind != EMUL_IO_MMIO_READ)
		return;
	memcpy(&answer, c->io.data, sizeof(answer));
	loaded(c, answer & width_mask(c->insn.width));
}

enum emul_rc emul_fast_mov(struct emul_ctxt *c)
{
	const struct insn_op *op = c->insn.op;
	u32 form = op->form;
	enum insn_where dst = INSN_FORM_DST(form);

	if (op->fn != EMUL_FN_mov && op->fn != EMUL_FN_movzx &&
	    op->fn != EMUL_FN_movsx)
		return EMUL_UNHANDLED;
	if (!c->insn.is_mem || !c->hint_mmio ||
	    (c->cpl == 3 && (c->rflags & X86_EFLAGS_AC)) ||
	    !reported(c, c->insn.width))
		return EMUL_UNHANDLED;
	if (dst != INSN_AT_RM && dst != INSN_AT_MEM)
		return load(c);
	return c->hint_write ? store(c, INSN_FORM_SRC(form)) : EMUL_UNHANDLED;
}
