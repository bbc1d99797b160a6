// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual-8086 mode extensions: VIF stands in for the interrupt flag that
 * IOPL withholds, and the TSS says which INT n stay in the task.
 *
 * SDM Vol. 3 "Interrupt and Exception Handling in Virtual-8086 Mode"; APM
 * Vol. 2 "Virtual Interrupts".
 */
#include "far.h"

static bool vme_enabled(struct emul_ctxt *c)
{
	u64 cr4;

	return c->env->reg_get(c, EMUL_CR4, &cr4) == EMUL_OK &&
	       (cr4 & X86_CR4_VME);
}

enum emul_rc emul_vme_allowed(struct emul_ctxt *c, unsigned int size)
{
	return size == 2 && vme_enabled(c) ? EMUL_OK : emul_gp0(c);
}

u64 emul_vme_image(const struct emul_ctxt *c)
{
	u64 image = c->rflags | X86_EFLAGS_IOPL;

	image &= ~(u64)X86_EFLAGS_IF;
	return c->rflags & X86_EFLAGS_VIF ? image | X86_EFLAGS_IF : image;
}

enum emul_rc emul_vme_set_flags(struct emul_ctxt *c, u64 image)
{
	bool vif = image & X86_EFLAGS_IF;

	if ((image & X86_EFLAGS_TF) || (vif && (c->rflags & X86_EFLAGS_VIP)))
		return emul_gp0(c);
	emul_set_flags(c, FLAGS_ARITH | X86_EFLAGS_DF | X86_EFLAGS_NT |
			  X86_EFLAGS_TF, image);
	emul_set_flags(c, X86_EFLAGS_VIF, vif ? X86_EFLAGS_VIF : 0);
	return EMUL_OK;
}

/* Is the bit of @vector in the TSS's redirection bitmap clear? */
static enum emul_rc redirected(struct emul_ctxt *c, unsigned int vector,
			       bool *yes)
{
	const struct emul_seg *tr = emul_seg(c, INSN_TR);
	enum emul_rc rc;
	u16 iomap;
	u32 at;
	u8 bits;

	if (tr->limit < 103)
		return emul_gp0(c);
	rc = emul_read_system(c, (u32)(tr->base + 102), &iomap, 2);
	if (rc != EMUL_OK)
		return rc;
	/* The 32 bytes below the I/O permission bitmap. */
	at = (u32)iomap - 32 + vector / 8;
	if (at > tr->limit)
		return emul_gp0(c);
	rc = emul_read_system(c, (u32)(tr->base + at), &bits, 1);
	*yes = !(bits & BIT(vector & 7));
	return rc;
}

/* As an 8086 would do it, with the table at linear address 0. */
static enum emul_rc deliver_in_task(struct emul_ctxt *c, unsigned int vector)
{
	bool own_if = emul_iopl(c) == 3;
	struct emul_stack st;
	struct emul_seg cs;
	u16 entry[2];
	enum emul_rc rc;

	c->effects |= EMUL_FX_NO_TF;
	emul_stack_here(c, &st);
	rc = emul_read_system(c, 4 * vector, entry, 4);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, &st,
				     own_if ? c->rflags : emul_vme_image(c), 2);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, &st, emul_seg(c, INSN_CS)->selector, 2);
	if (rc == EMUL_OK)
		rc = emul_stack_push(c, &st, c->next_rip, 2);
	if (rc != EMUL_OK)
		return rc;
	cs = emul_v86_seg(entry[1]);
	emul_set_flags(c, X86_EFLAGS_TF | (own_if ? X86_EFLAGS_IF
						  : X86_EFLAGS_VIF), 0);
	emul_stack_adopt(c, &st);
	emul_enter_code(c, &cs, entry[0], c->cpl);
	return EMUL_OK;
}

enum emul_rc emul_vme_int(struct emul_ctxt *c, unsigned int vector, bool *done)
{
	enum emul_rc rc = EMUL_OK;

	*done = false;
	if (vme_enabled(c)) {
		rc = redirected(c, vector, done);
		if (rc != EMUL_OK)
			return rc;
		if (*done)
			return deliver_in_task(c, vector);
	}
	return emul_iopl(c) == 3 ? EMUL_OK : emul_gp0(c);
}
