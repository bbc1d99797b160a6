// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control and debug registers, descriptor-table registers, XCR0 and the
 * segment bases that have instructions of their own.
 */
#include "access.h"

static u64 get_cr4(struct emul_ctxt *c)
{
	u64 cr4 = 0;

	return c->env->reg_get(c, EMUL_CR4, &cr4) == EMUL_OK ? cr4 : 0;
}

enum emul_rc emul_check_umip(struct emul_ctxt *c)
{
	if (c->cpl && (get_cr4(c) & X86_CR4_UMIP))
		return emul_gp0(c);
	return EMUL_OK;
}

/* That a register does not exist counts before privilege. */
static enum emul_rc check_cr(struct emul_ctxt *c)
{
	static const u16 known = BIT(0) | BIT(2) | BIT(3) | BIT(4) | BIT(8);

	if (!(known & BIT(c->insn.reg)))
		return emul_ud(c);
	return c->cpl ? emul_gp0(c) : EMUL_OK;
}

enum emul_rc emul_op_mov_from_cr(struct emul_ctxt *c)
{
	enum emul_rc rc = check_cr(c);
	u64 val;

	if (rc == EMUL_OK)
		rc = c->env->reg_get(c, EMUL_CR0 + c->insn.reg, &val);
	if (rc == EMUL_OK)
		emul_put(c, c->insn.rm, c->insn.width, val);
	return rc;
}

enum emul_rc emul_op_mov_to_cr(struct emul_ctxt *c)
{
	enum emul_rc rc = check_cr(c);

	if (rc != EMUL_OK)
		return rc;
	return c->env->reg_set(c, EMUL_CR0 + c->insn.reg,
			       emul_get(c, c->insn.rm, c->insn.width));
}

/*
 * DR4 and DR5 are other names of DR6 and DR7 unless CR4.DE forbids them. The
 * environment knows about DR7.GD.
 */
static enum emul_rc dr_number(struct emul_ctxt *c, enum emul_sysreg *reg)
{
	unsigned int n = c->insn.reg;

	if (n > 7)
		return emul_ud(c);
	if (c->cpl)
		return emul_gp0(c);
	if (n == 4 || n == 5) {
		if (get_cr4(c) & X86_CR4_DE)
			return emul_ud(c);
		n += 2;
	}
	*reg = EMUL_DR0 + n;
	return EMUL_OK;
}

enum emul_rc emul_op_mov_from_dr(struct emul_ctxt *c)
{
	enum emul_sysreg reg;
	enum emul_rc rc = dr_number(c, &reg);
	u64 val;

	if (rc == EMUL_OK)
		rc = c->env->reg_get(c, reg, &val);
	if (rc == EMUL_OK)
		emul_put(c, c->insn.rm, c->insn.width, val);
	return rc;
}

enum emul_rc emul_op_mov_to_dr(struct emul_ctxt *c)
{
	enum emul_sysreg reg;
	enum emul_rc rc = dr_number(c, &reg);

	if (rc != EMUL_OK)
		return rc;
	return c->env->reg_set(c, reg, emul_get(c, c->insn.rm, c->insn.width));
}

enum emul_rc emul_op_smsw(struct emul_ctxt *c)
{
	enum emul_rc rc = emul_check_umip(c);
	u64 cr0;

	if (rc == EMUL_OK)
		rc = c->env->reg_get(c, EMUL_CR0, &cr0);
	if (rc != EMUL_OK)
		return rc;
	if (c->insn.is_mem)
		return emul_store_operand(c, &cr0, 2);
	emul_put(c, c->insn.rm, c->insn.opsize, cr0);
	return EMUL_OK;
}

/* LMSW writes the low four bits of CR0 and cannot clear PE. */
enum emul_rc emul_op_lmsw(struct emul_ctxt *c)
{
	u64 cr0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	if (rc != EMUL_OK)
		return rc;
	cr0 = (cr0 & ~0xeULL) | (c->src & 0xf);
	return c->env->reg_set(c, EMUL_CR0, cr0);
}

enum emul_rc emul_op_clts(struct emul_ctxt *c)
{
	u64 cr0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	if (rc != EMUL_OK)
		return rc;
	return c->env->reg_set(c, EMUL_CR0, cr0 & ~(u64)X86_CR0_TS);
}

/* The operand is not accessed: no limit and no page is checked. */
enum emul_rc emul_op_invlpg(struct emul_ctxt *c)
{
	u64 linear = emul_ea(c);

	if (c->mode != EMUL_MODE_LONG64)
		linear = (u32)(linear + emul_seg(c, c->insn.seg)->base);
	else if (c->insn.seg >= INSN_FS)
		linear += emul_seg(c, c->insn.seg)->base;
	return c->env->action(c, EMUL_ACT_INVLPG, linear);
}

/* LGDT, LIDT (@arg 1) */
enum emul_rc emul_op_lgdt(struct emul_ctxt *c)
{
	unsigned int w = c->mode == EMUL_MODE_LONG64 ? 8 : 4;
	u8 buf[10];
	u64 base = 0;
	u16 limit;
	enum emul_rc rc = emul_load_operand(c, buf, 2 + w);

	if (rc != EMUL_OK)
		return rc;
	memcpy(&limit, buf, 2);
	memcpy(&base, buf + 2, w);
	if (w == 8) {
		if (!emul_canonical(c, base))
			return emul_gp0(c);
	} else if (c->insn.opsize == 2) {
		base &= 0xffffff;
	}
	c->env->dtr_set(c, c->insn.op->arg ? EMUL_IDTR : EMUL_GDTR, base, limit);
	return EMUL_OK;
}

/* SGDT, SIDT (@arg 1) */
enum emul_rc emul_op_sgdt(struct emul_ctxt *c)
{
	unsigned int w = c->mode == EMUL_MODE_LONG64 ? 8 : 4;
	enum emul_rc rc = emul_check_umip(c);
	u8 buf[10];
	u64 base;
	u16 limit;

	if (rc != EMUL_OK)
		return rc;
	c->env->dtr_get(c, c->insn.op->arg ? EMUL_IDTR : EMUL_GDTR, &base,
			&limit);
	memcpy(buf, &limit, 2);
	memcpy(buf + 2, &base, w);
	return emul_store_operand(c, buf, 2 + w);
}

enum emul_rc emul_op_xgetbv(struct emul_ctxt *c)
{
	enum emul_rc rc;
	u64 val;

	if (!(get_cr4(c) & X86_CR4_OSXSAVE))
		return emul_ud(c);
	if ((u32)c->gpr[INSN_RCX])
		return emul_gp0(c);
	rc = c->env->reg_get(c, EMUL_XCR0, &val);
	if (rc != EMUL_OK)
		return rc;
	emul_put64(c, INSN_RAX, (u32)val);
	emul_put64(c, INSN_RDX, val >> 32);
	return EMUL_OK;
}

enum emul_rc emul_op_xsetbv(struct emul_ctxt *c)
{
	if (!(get_cr4(c) & X86_CR4_OSXSAVE))
		return emul_ud(c);
	if (c->cpl || (u32)c->gpr[INSN_RCX])
		return emul_gp0(c);
	return c->env->reg_set(c, EMUL_XCR0, (u32)c->gpr[INSN_RAX] |
			       c->gpr[INSN_RDX] << 32);
}

enum emul_rc emul_op_swapgs(struct emul_ctxt *c)
{
	struct emul_seg gs = *emul_seg(c, INSN_GS);
	u64 kernel;
	enum emul_rc rc = c->env->reg_get(c, EMUL_KERNEL_GS_BASE, &kernel);

	if (rc == EMUL_OK)
		rc = c->env->reg_set(c, EMUL_KERNEL_GS_BASE, gs.base);
	if (rc != EMUL_OK)
		return rc;
	gs.base = kernel;
	emul_set_seg(c, INSN_GS, &gs);
	return EMUL_OK;
}

/* RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE in the order of @arg */
enum emul_rc emul_op_fsgsbase(struct emul_ctxt *c)
{
	enum insn_seg seg = c->insn.op->arg & 1 ? INSN_GS : INSN_FS;
	struct emul_seg s;

	if (!(get_cr4(c) & X86_CR4_FSGSBASE))
		return emul_ud(c);
	s = *emul_seg(c, seg);
	if (c->insn.op->arg < 2) {
		emul_put(c, c->insn.rm, c->insn.width, s.base);
		return EMUL_OK;
	}
	s.base = emul_get(c, c->insn.rm, c->insn.width);
	if (!emul_canonical(c, s.base))
		return emul_gp0(c);
	emul_set_seg(c, seg, &s);
	return EMUL_OK;
}
