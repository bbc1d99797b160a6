// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT.
 *
 * The vendors differ, and the guest's CPUID says whose rules apply: on AMD
 * SYSENTER and SYSEXIT do not exist in long mode, SYSCALL and SYSRET do in all
 * of protected mode, and SYSRET neither checks its target nor loads more of SS
 * than the selector. On Intel SYSCALL and SYSRET are for 64-bit code alone.
 * SDM Vol. 2, APM Vol. 3, at these names.
 */
#include "far.h"

#define EFER_BIT_SCE	BIT_ULL(0)

/* Flat segments as these instructions load them. */
static struct emul_seg flat(u16 sel, unsigned int dpl, u16 attr)
{
	return (struct emul_seg){
		.selector = sel,
		.limit = 0xffffffff,
		.attr = EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_G |
			EMUL_SEG_ACCESSED | EMUL_SEG_WRITABLE |
			dpl << EMUL_SEG_DPL_SHIFT | attr,
	};
}

static struct emul_seg flat_code(u16 sel, unsigned int dpl, bool long64)
{
	return flat(sel, dpl, EMUL_SEG_CODE |
			      (long64 ? EMUL_SEG_L : EMUL_SEG_DB));
}

static struct emul_seg flat_stack(u16 sel, unsigned int dpl)
{
	return flat(sel, dpl, EMUL_SEG_DB);
}

static void enter(struct emul_ctxt *c, u16 cs_sel, u16 ss_sel, bool long64,
		  u64 rip, unsigned int cpl)
{
	struct emul_seg cs = flat_code(cs_sel, cpl, long64);
	struct emul_seg ss = flat_stack(ss_sel, cpl);

	emul_set_seg(c, INSN_SS, &ss);
	emul_enter_code(c, &cs, rip, cpl);
}

/* Is there such an instruction in this mode, and is it enabled? */
static enum emul_rc syscall_exists(struct emul_ctxt *c)
{
	u64 efer;
	enum emul_rc rc = c->env->reg_get(c, EMUL_EFER, &efer);

	if (rc != EMUL_OK)
		return rc;
	if (!(efer & EFER_BIT_SCE) || !emul_protected(c))
		return emul_ud(c);
	if (!emul_has(c, EMUL_F_AMD) && c->mode != EMUL_MODE_LONG64)
		return emul_ud(c);
	return EMUL_OK;
}

static enum emul_rc get2(struct emul_ctxt *c, enum emul_sysreg a, u64 *va,
			 enum emul_sysreg b, u64 *vb)
{
	enum emul_rc rc = c->env->reg_get(c, a, va);

	return rc == EMUL_OK ? c->env->reg_get(c, b, vb) : rc;
}

enum emul_rc emul_op_syscall(struct emul_ctxt *c)
{
	bool long64 = c->mode == EMUL_MODE_LONG64;
	u64 star, rip, mask;
	enum emul_rc rc = syscall_exists(c);
	u16 sel;

	if (rc == EMUL_OK)
		rc = get2(c, EMUL_STAR, &star, EMUL_SFMASK, &mask);
	if (rc == EMUL_OK)
		rc = c->env->reg_get(c, long64 ? EMUL_LSTAR : EMUL_CSTAR, &rip);
	if (rc != EMUL_OK)
		return rc;
	sel = (star >> 32) & 0xfffc;
	if (c->lma) {
		emul_put64(c, INSN_RCX, c->next_rip);
		emul_put64(c, INSN_R11, c->rflags & ~(u64)X86_EFLAGS_RF);
		emul_set_flags(c, mask | X86_EFLAGS_RF, 0);
	} else {
		emul_put(c, INSN_RCX, 4, c->next_rip);
		rip = (u32)star;
		emul_set_flags(c, X86_EFLAGS_IF | X86_EFLAGS_VM |
				  X86_EFLAGS_RF, 0);
	}
	c->next_flags |= X86_EFLAGS_FIXED;
	/* A mask with TF in it keeps the step out of the kernel. */
	c->effects |= EMUL_FX_TF_AFTER;
	enter(c, sel, sel + 8, c->lma, rip, 0);
	return EMUL_OK;
}

#define SYSRET_FLAGS	(FLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_IF |		\
			 X86_EFLAGS_DF | X86_EFLAGS_IOPL | X86_EFLAGS_NT |	\
			 X86_EFLAGS_AC | X86_EFLAGS_VIF | X86_EFLAGS_VIP |	\
			 X86_EFLAGS_ID)

enum emul_rc emul_op_sysret(struct emul_ctxt *c)
{
	bool to64 = c->mode == EMUL_MODE_LONG64 && c->insn.opsize == 8;
	u64 star, rip = c->gpr[INSN_RCX];
	enum emul_rc rc = syscall_exists(c);
	struct emul_seg ss;
	u16 sel;

	if (rc != EMUL_OK)
		return rc;
	if (c->cpl)
		return emul_gp0(c);
	rc = c->env->reg_get(c, EMUL_STAR, &star);
	if (rc != EMUL_OK)
		return rc;
	if (!to64)
		rip = (u32)rip;
	else if (!emul_has(c, EMUL_F_AMD) && !emul_canonical(c, rip))
		return emul_gp0(c);
	ss = *emul_seg(c, INSN_SS);
	sel = (star >> 48) | 3;
	enter(c, to64 ? sel + 16 : sel, sel + 8, to64, rip, 3);
	if (emul_has(c, EMUL_F_AMD)) {
		ss.selector = sel + 8;
		ss.attr |= 3 << EMUL_SEG_DPL_SHIFT;
		emul_set_seg(c, INSN_SS, &ss);
	}
	/* As if the SYSCALL had just been stepped over. */
	c->effects |= EMUL_FX_TF_AFTER;
	if (c->lma)
		emul_set_flags(c, SYSRET_FLAGS, c->gpr[INSN_R11]);
	else
		emul_set_flags(c, X86_EFLAGS_IF, X86_EFLAGS_IF);
	return EMUL_OK;
}

/* SYSENTER_CS, whose null value turns both instructions off. */
static enum emul_rc sysenter_cs(struct emul_ctxt *c, u16 *sel)
{
	enum emul_rc rc;
	u64 cs;

	if (c->lma && emul_has(c, EMUL_F_AMD))
		return emul_ud(c);
	if (c->mode == EMUL_MODE_REAL)
		return emul_gp0(c);
	rc = c->env->reg_get(c, EMUL_SYSENTER_CS, &cs);
	if (rc != EMUL_OK)
		return rc;
	*sel = SEL_ERR(cs);
	return emul_null_selector(cs) ? emul_gp0(c) : EMUL_OK;
}

enum emul_rc emul_op_sysenter(struct emul_ctxt *c)
{
	enum emul_rc rc;
	u64 rip, rsp;
	u16 sel;

	rc = sysenter_cs(c, &sel);
	if (rc == EMUL_OK)
		rc = get2(c, EMUL_SYSENTER_EIP, &rip, EMUL_SYSENTER_ESP, &rsp);
	if (rc != EMUL_OK)
		return rc;
	emul_set_flags(c, X86_EFLAGS_VM | X86_EFLAGS_IF | X86_EFLAGS_RF, 0);
	emul_put64(c, INSN_RSP, c->lma ? rsp : (u32)rsp);
	enter(c, sel, sel + 8, c->lma, c->lma ? rip : (u32)rip, 0);
	return EMUL_OK;
}

enum emul_rc emul_op_sysexit(struct emul_ctxt *c)
{
	bool to64 = c->mode == EMUL_MODE_LONG64 && c->insn.opsize == 8;
	u64 rip = c->gpr[INSN_RDX], rsp = c->gpr[INSN_RCX];
	enum emul_rc rc;
	u16 sel;

	if (c->lma && emul_has(c, EMUL_F_AMD))
		return emul_ud(c);
	if (!emul_protected(c) || c->cpl)
		return emul_gp0(c);
	rc = sysenter_cs(c, &sel);
	if (rc != EMUL_OK)
		return rc;
	if (to64 && (!emul_canonical(c, rip) || !emul_canonical(c, rsp)))
		return emul_gp0(c);
	sel += to64 ? 32 : 16;
	emul_put64(c, INSN_RSP, to64 ? rsp : (u32)rsp);
	enter(c, sel | 3, (sel + 8) | 3, to64, to64 ? rip : (u32)rip, 3);
	return EMUL_OK;
}
