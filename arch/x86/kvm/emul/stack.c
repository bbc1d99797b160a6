// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stack, but for calls and returns.
 */
#include "far.h"

enum emul_rc emul_op_push(struct emul_ctxt *c)
{
	return emul_push(c, c->src, c->insn.opsize);
}

/* @arg 1: to a ModRM operand, whose address is formed after the pop. */
enum emul_rc emul_op_pop(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	u64 val;
	enum emul_rc rc = emul_pop(c, &val, insn->opsize);

	if (rc != EMUL_OK)
		return rc;
	if (!insn->op->arg) {
		c->dst = val;
		return EMUL_OK;
	}
	if (insn->is_mem)
		return emul_store_operand(c, &val, insn->opsize);
	emul_put(c, insn->rm, insn->opsize, val);
	return EMUL_OK;
}

/* "PUSH": with a 32-bit operand Intel's processors write 16 bits, AMD's all of them. */
enum emul_rc emul_op_push_seg(struct emul_ctxt *c)
{
	unsigned int size = c->insn.opsize;
	bool part = size == 4 && !(c->features & BIT_ULL(EMUL_F_AMD));

	return emul_push_low(c, emul_seg(c, c->insn.op->arg)->selector, size, part ? 2 : size);
}

enum emul_rc emul_op_pop_seg(struct emul_ctxt *c)
{
	enum insn_seg seg = c->insn.op->arg;
	unsigned int w = emul_stack_width(c), size = c->insn.opsize;
	enum emul_rc rc;
	u16 sel;

	/* Only the selector is read, whatever the operand size. */
	rc = emul_read(c, INSN_SS, c->gpr[INSN_RSP] & width_mask(w), &sel, 2);
	if (rc == EMUL_OK)
		rc = emul_load_seg(c, seg, sel);
	if (rc != EMUL_OK)
		return rc;
	emul_merge(c, INSN_RSP, w, c->gpr[INSN_RSP] + size);
	if (seg == INSN_SS)
		c->shadow = EMUL_SHADOW_MOVSS;
	return EMUL_OK;
}

enum emul_rc emul_op_pusha(struct emul_ctxt *c)
{
	unsigned int w = emul_stack_width(c), size = c->insn.opsize, r;
	u64 sp = c->gpr[INSN_RSP];
	enum emul_rc rc;

	for (r = INSN_RAX; r <= INSN_RDI; r++) {
		u64 val = c->gpr[r];

		sp = (sp - size) & width_mask(w);
		rc = emul_write(c, INSN_SS, sp, &val, size);
		if (rc != EMUL_OK)
			return rc;
	}
	emul_merge(c, INSN_RSP, w, sp);
	return EMUL_OK;
}

enum emul_rc emul_op_popa(struct emul_ctxt *c)
{
	unsigned int w = emul_stack_width(c), size = c->insn.opsize;
	u64 sp = c->gpr[INSN_RSP], val[8] = { 0 };
	enum emul_rc rc;
	int r;

	for (r = INSN_RDI; r >= INSN_RAX; r--) {
		rc = emul_read(c, INSN_SS, sp & width_mask(w), &val[r], size);
		if (rc != EMUL_OK)
			return rc;
		sp += size;
	}
	for (r = INSN_RAX; r <= INSN_RDI; r++)
		if (r != INSN_RSP)
			emul_put(c, r, size, val[r]);
	emul_merge(c, INSN_RSP, w, sp);
	return EMUL_OK;
}

/* In virtual-8086 mode with IOPL below 3 PUSHF and POPF fault, or VME takes over. */
static bool flags_withheld(const struct emul_ctxt *c)
{
	return c->mode == EMUL_MODE_V86 && emul_iopl(c) < 3;
}

enum emul_rc emul_op_pushf(struct emul_ctxt *c)
{
	u64 image = c->rflags;
	enum emul_rc rc;

	if (flags_withheld(c)) {
		rc = emul_vme_allowed(c, c->insn.opsize);
		if (rc != EMUL_OK)
			return rc;
		image = emul_vme_image(c);
	}
	return emul_push(c, image & ~(u64)(X86_EFLAGS_VM | X86_EFLAGS_RF),
			 c->insn.opsize);
}

/* Which flags may POPF and IRET change here? */
u64 emul_writable_flags(const struct emul_ctxt *c, unsigned int size)
{
	u64 mask = FLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT;

	if (size > 2)
		mask |= X86_EFLAGS_AC | X86_EFLAGS_ID;
	if (c->cpl <= emul_iopl(c))
		mask |= X86_EFLAGS_IF;
	if (c->cpl == 0)
		mask |= X86_EFLAGS_IOPL;
	return mask;
}

enum emul_rc emul_op_popf(struct emul_ctxt *c)
{
	bool withheld = flags_withheld(c);
	enum emul_rc rc = EMUL_OK;
	u64 val;

	if (withheld)
		rc = emul_vme_allowed(c, c->insn.opsize);
	if (rc == EMUL_OK)
		rc = emul_pop(c, &val, c->insn.opsize);
	if (rc != EMUL_OK)
		return rc;
	if (withheld)
		return emul_vme_set_flags(c, val);
	emul_set_flags(c, emul_writable_flags(c, c->insn.opsize), val);
	return EMUL_OK;
}

enum emul_rc emul_op_enter(struct emul_ctxt *c)
{
	unsigned int w = emul_stack_width(c), size = c->insn.opsize;
	unsigned int level = c->insn.imm2 & 31, i;
	u64 frame, bp = c->gpr[INSN_RBP], sp;
	struct emul_span span;
	u64 linear;
	enum emul_rc rc = emul_push(c, bp, size);

	if (rc != EMUL_OK)
		return rc;
	frame = c->gpr[INSN_RSP];
	for (i = 1; i < level; i++) {
		u64 val = 0;

		bp -= size;
		rc = emul_read(c, INSN_SS, bp & width_mask(w), &val, size);
		if (rc == EMUL_OK)
			rc = emul_push(c, val, size);
		if (rc != EMUL_OK)
			return rc;
	}
	if (level) {
		rc = emul_push(c, frame, size);
		if (rc != EMUL_OK)
			return rc;
	}
	sp = (c->gpr[INSN_RSP] - c->insn.imm) & width_mask(w);
	/* The top of the new frame has to be writable, it is not written. */
	rc = emul_linear(c, INSN_SS, sp, size, true, &linear);
	if (rc == EMUL_OK)
		rc = emul_map(c, linear, size, EMUL_ACC_WRITE, &span);
	if (rc != EMUL_OK)
		return rc;
	emul_put(c, INSN_RBP, size, frame);
	emul_merge(c, INSN_RSP, w, sp);
	return EMUL_OK;
}

enum emul_rc emul_op_leave(struct emul_ctxt *c)
{
	unsigned int w = emul_stack_width(c), size = c->insn.opsize;
	u64 bp = c->gpr[INSN_RBP] & width_mask(w), val = 0;
	enum emul_rc rc = emul_read(c, INSN_SS, bp, &val, size);

	if (rc != EMUL_OK)
		return rc;
	emul_merge(c, INSN_RSP, w, bp + size);
	emul_put(c, INSN_RBP, size, val);
	return EMUL_OK;
}
