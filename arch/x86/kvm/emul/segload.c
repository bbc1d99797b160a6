// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading segment registers.
 *
 * In protected mode a selector is checked against CPL, RPL and descriptor
 * before anything is changed; the register is set last, with everything it is
 * going to hold. SDM Vol. 3 "Protection", APM Vol. 2 "Segmented Virtual
 * Memory".
 */
#include "segload.h"

#define DESC_ACCESSED	1

void emul_unpack_desc(const struct emul_desc *d, u16 sel, struct emul_seg *s)
{
	u32 limit = (d->raw & 0xffff) | ((d->raw >> 32) & 0xf0000);

	s->selector = sel;
	s->attr = ((d->raw >> 40) & 0xff) | ((d->raw >> 44) & 0xf00);
	s->limit = s->attr & EMUL_SEG_G ? limit << 12 | 0xfff : limit;
	s->base = ((d->raw >> 16) & 0xffffff) | ((d->raw >> 32) & 0xff000000);
	if (!(s->attr & EMUL_SEG_S))
		s->base |= d->high << 32;
}

enum emul_rc emul_read_desc(struct emul_ctxt *c, u16 sel, bool wide,
			    struct emul_desc *d)
{
	unsigned int len = wide ? 16 : 8;
	u64 base, val[2] = { 0, 0 };
	u32 limit;
	enum emul_rc rc;

	if (sel & SEL_LDT) {
		const struct emul_seg *ldt = emul_seg(c, INSN_LDTR);

		if (!(ldt->attr & EMUL_SEG_P))
			return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
		base = ldt->base;
		limit = ldt->limit;
	} else {
		u16 gdt_limit;

		c->env->dtr_get(c, EMUL_GDTR, &base, &gdt_limit);
		limit = gdt_limit;
	}
	if ((sel & ~7U) + len - 1 > limit)
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	d->addr = base + (sel & ~7U);
	if (!c->lma)
		d->addr = (u32)d->addr;
	rc = emul_read_system(c, d->addr, val, len);
	d->raw = val[0];
	d->high = val[1];
	return rc;
}

enum emul_rc emul_mark_desc(struct emul_ctxt *c, struct emul_desc *d, u8 bits)
{
	u8 old = d->raw >> 40, new = old | bits;
	struct emul_span span;
	enum emul_rc rc;

	if (old == new)
		return EMUL_OK;
	rc = emul_map(c, d->addr + 5, 1, EMUL_ACC_WRITE | EMUL_ACC_IMPLICIT,
		      &span);
	if (rc == EMUL_OK)
		rc = emul_exchange(c, &span, &old, &new);
	if (rc == EMUL_OK)
		d->raw |= (u64)bits << 40;
	return rc;
}

struct emul_seg emul_v86_seg(u16 sel)
{
	return (struct emul_seg){
		.selector = sel,
		.base = (u32)sel << 4,
		.limit = 0xffff,
		.attr = EMUL_SEG_P | 3 << EMUL_SEG_DPL_SHIFT | EMUL_SEG_S |
			EMUL_SEG_WRITABLE | EMUL_SEG_ACCESSED,
	};
}

/*
 * Without protection a selector is a paragraph number. Real mode leaves limit
 * and type: that is what unreal mode lives on.
 */
static struct emul_seg paragraph(struct emul_ctxt *c, enum insn_seg seg, u16 sel)
{
	struct emul_seg s;

	if (c->mode == EMUL_MODE_V86)
		return emul_v86_seg(sel);
	s = *emul_seg(c, seg);
	s.selector = sel;
	s.base = (u32)sel << 4;
	return s;
}

struct emul_seg emul_real_code(struct emul_ctxt *c, u16 sel)
{
	return paragraph(c, INSN_CS, sel);
}

bool emul_null_ss_ok(const struct emul_ctxt *c, u16 sel, unsigned int cpl)
{
	return cpl < 3 && (SEL_RPL(sel) == cpl || emul_has(c, EMUL_F_AMD));
}

/*
 * A null selector makes a data segment unusable. In SS it is for 64-bit code;
 * the register then keeps the privilege level, which some CPUs take from there.
 */
static enum emul_rc load_null(struct emul_ctxt *c, enum insn_seg seg, u16 sel)
{
	struct emul_seg s = { .selector = sel };

	if (seg == INSN_SS) {
		if (c->mode != EMUL_MODE_LONG64 ||
		    !emul_null_ss_ok(c, sel, c->cpl))
			return emul_gp0(c);
		s.attr = c->cpl << EMUL_SEG_DPL_SHIFT;
	}
	emul_set_seg(c, seg, &s);
	return EMUL_OK;
}

static bool stack_segment_ok(u16 sel, u16 attr, unsigned int cpl)
{
	return SEL_RPL(sel) == cpl && EMUL_SEG_DPL(attr) == cpl &&
	       !(attr & EMUL_SEG_CODE) && (attr & EMUL_SEG_WRITABLE);
}

static bool data_segment_ok(u16 sel, u16 attr, unsigned int cpl)
{
	if ((attr & EMUL_SEG_CODE) && !(attr & EMUL_SEG_READABLE))
		return false;
	if ((attr & EMUL_SEG_CODE) && (attr & EMUL_SEG_CONFORMING))
		return true;
	return EMUL_SEG_DPL(attr) >= max_t(unsigned int, cpl, SEL_RPL(sel));
}

enum emul_rc emul_check_data(struct emul_ctxt *c, enum insn_seg seg, u16 sel,
			     unsigned int cpl, struct emul_seg *s)
{
	struct emul_desc d;
	enum emul_rc rc;
	bool ok;

	rc = emul_read_desc(c, sel, false, &d);
	if (rc != EMUL_OK)
		return rc;
	emul_unpack_desc(&d, sel, s);
	ok = seg == INSN_SS ? stack_segment_ok(sel, s->attr, cpl)
			    : data_segment_ok(sel, s->attr, cpl);
	if (!(s->attr & EMUL_SEG_S) || !ok)
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	if (!(s->attr & EMUL_SEG_P))
		return emul_raise(c, seg == INSN_SS ? X86_TRAP_SS : X86_TRAP_NP,
				  SEL_ERR(sel));
	s->attr |= EMUL_SEG_ACCESSED;
	return emul_mark_desc(c, &d, DESC_ACCESSED);
}

enum emul_rc emul_load_seg(struct emul_ctxt *c, enum insn_seg seg, u16 sel)
{
	struct emul_seg s;
	enum emul_rc rc;

	if (emul_protected(c)) {
		if (emul_null_selector(sel))
			return load_null(c, seg, sel);
		rc = emul_check_data(c, seg, sel, c->cpl, &s);
		if (rc != EMUL_OK)
			return rc;
	} else {
		s = paragraph(c, seg, sel);
	}
	emul_set_seg(c, seg, &s);
	return EMUL_OK;
}

static bool transfer_ok(const struct emul_ctxt *c, u16 sel, u16 attr,
			enum emul_transfer by)
{
	bool conforming = attr & EMUL_SEG_CONFORMING;
	unsigned int dpl = EMUL_SEG_DPL(attr), rpl = SEL_RPL(sel);

	switch (by) {
	case EMUL_BY_JUMP:
		return conforming ? dpl <= c->cpl
				  : dpl == c->cpl && rpl <= c->cpl;
	case EMUL_BY_GATE_JUMP:
		return conforming ? dpl <= c->cpl : dpl == c->cpl;
	case EMUL_BY_GATE:
		return dpl <= c->cpl;
	case EMUL_BY_RETURN:
		return rpl >= c->cpl && (conforming ? dpl <= rpl : dpl == rpl);
	}
	return false;
}

static unsigned int new_level(const struct emul_ctxt *c, u16 sel, u16 attr,
			      enum emul_transfer by)
{
	if (by == EMUL_BY_RETURN)
		return SEL_RPL(sel);
	if (by == EMUL_BY_GATE && !(attr & EMUL_SEG_CONFORMING))
		return EMUL_SEG_DPL(attr);
	return c->cpl;
}

enum emul_rc emul_check_code(struct emul_ctxt *c, u16 sel, struct emul_desc *d,
			     enum emul_transfer by, struct emul_seg *s)
{
	enum emul_rc rc;

	emul_unpack_desc(d, sel, s);
	if (!(s->attr & EMUL_SEG_S) || !(s->attr & EMUL_SEG_CODE))
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	/* L and D together are reserved in long mode; its gates lead to L. */
	if (c->lma && (s->attr & EMUL_SEG_L) && (s->attr & EMUL_SEG_DB))
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	if (c->lma && !(s->attr & EMUL_SEG_L) &&
	    (by == EMUL_BY_GATE || by == EMUL_BY_GATE_JUMP))
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	if (!transfer_ok(c, sel, s->attr, by))
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	if (!(s->attr & EMUL_SEG_P))
		return emul_raise(c, X86_TRAP_NP, SEL_ERR(sel));
	rc = emul_mark_desc(c, d, DESC_ACCESSED);
	s->attr |= EMUL_SEG_ACCESSED;
	s->selector = SEL_ERR(sel) | new_level(c, sel, s->attr, by);
	return rc;
}

enum emul_rc emul_find_code(struct emul_ctxt *c, u16 sel,
			    enum emul_transfer by, struct emul_seg *s)
{
	struct emul_desc d;
	enum emul_rc rc;

	if (emul_null_selector(sel))
		return emul_gp0(c);
	rc = emul_read_desc(c, sel, false, &d);
	return rc == EMUL_OK ? emul_check_code(c, sel, &d, by, s) : rc;
}

enum emul_rc emul_op_mov_to_seg(struct emul_ctxt *c)
{
	enum insn_seg seg = c->insn.reg & 7;
	enum emul_rc rc;

	if (seg == INSN_CS || seg >= INSN_NR_SEGS)
		return emul_ud(c);
	rc = emul_load_seg(c, seg, c->src);
	if (rc == EMUL_OK && seg == INSN_SS)
		c->shadow = EMUL_SHADOW_MOVSS;
	return rc;
}

/* A selector to a register of the operand size, or to two bytes of memory. */
static enum emul_rc put_selector(struct emul_ctxt *c, u16 sel)
{
	if (c->insn.is_mem)
		return emul_store_operand(c, &sel, 2);
	emul_put(c, c->insn.rm, c->insn.opsize, sel);
	return EMUL_OK;
}

enum emul_rc emul_op_mov_from_seg(struct emul_ctxt *c)
{
	enum insn_seg seg = c->insn.reg & 7;

	if (seg >= INSN_NR_SEGS)
		return emul_ud(c);
	return put_selector(c, emul_seg(c, seg)->selector);
}

/* LES, LDS, LSS, LFS, LGS: @arg is the segment register. */
enum emul_rc emul_op_lseg(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	unsigned int size = insn->opsize;
	u64 offset = 0;
	u8 buf[10];
	u16 sel;
	enum emul_rc rc = emul_load_operand(c, buf, size + 2);

	if (rc != EMUL_OK)
		return rc;
	memcpy(&offset, buf, size);
	memcpy(&sel, buf + size, 2);
	rc = emul_load_seg(c, insn->op->arg, sel);
	if (rc == EMUL_OK)
		emul_put(c, insn->reg, size, offset);
	return rc;
}

/* The upper half of a system descriptor in long mode has no type. */
static bool upper_half_ok(const struct emul_desc *d)
{
	return !((d->high >> 40) & 0x1f);
}

enum emul_rc emul_check_ldt(struct emul_ctxt *c, u16 sel, struct emul_seg *s)
{
	struct emul_desc d;
	enum emul_rc rc;

	*s = (struct emul_seg){ .selector = sel };
	if (emul_null_selector(sel))
		return EMUL_OK;
	if (sel & SEL_LDT)
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	rc = emul_read_desc(c, sel, c->lma, &d);
	if (rc != EMUL_OK)
		return rc;
	emul_unpack_desc(&d, sel, s);
	if ((s->attr & (EMUL_SEG_S | EMUL_SEG_TYPE)) != TYPE_LDT ||
	    !upper_half_ok(&d))
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	if (!(s->attr & EMUL_SEG_P))
		return emul_raise(c, X86_TRAP_NP, SEL_ERR(sel));
	if (c->lma && !emul_canonical(c, s->base))
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	return EMUL_OK;
}

enum emul_rc emul_op_lldt(struct emul_ctxt *c)
{
	struct emul_seg s;
	enum emul_rc rc = emul_check_ldt(c, c->src, &s);

	if (rc == EMUL_OK)
		emul_set_seg(c, INSN_LDTR, &s);
	return rc;
}

enum emul_rc emul_op_ltr(struct emul_ctxt *c)
{
	u16 sel = c->src, type;
	struct emul_seg s;
	struct emul_desc d;
	enum emul_rc rc;

	if (emul_null_selector(sel))
		return emul_gp0(c);
	if (sel & SEL_LDT)
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	rc = emul_read_desc(c, sel, c->lma, &d);
	if (rc != EMUL_OK)
		return rc;
	emul_unpack_desc(&d, sel, &s);
	type = s.attr & (EMUL_SEG_S | EMUL_SEG_TYPE);
	/* An available TSS; a 16-bit one does not exist in long mode. */
	if ((type != TYPE_TSS32 && (c->lma || type != TYPE_TSS16)) ||
	    !upper_half_ok(&d))
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	if (!(s.attr & EMUL_SEG_P))
		return emul_raise(c, X86_TRAP_NP, SEL_ERR(sel));
	if (!emul_canonical(c, s.base))
		return emul_raise(c, X86_TRAP_GP, SEL_ERR(sel));
	rc = emul_mark_desc(c, &d, TYPE_BUSY);
	if (rc != EMUL_OK)
		return rc;
	s.attr |= TYPE_BUSY;
	emul_set_seg(c, INSN_TR, &s);
	return EMUL_OK;
}

/* SLDT, STR (@arg 1) */
enum emul_rc emul_op_sldt(struct emul_ctxt *c)
{
	enum emul_rc rc = emul_check_umip(c);

	if (rc != EMUL_OK)
		return rc;
	return put_selector(c, emul_seg(c, c->insn.op->arg ? INSN_TR
							   : INSN_LDTR)->selector);
}
