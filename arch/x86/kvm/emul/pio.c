// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O.
 *
 * Repeated INS and OUTS move up to a page of elements between memory and
 * c->pio_buf at a time, so that user space is asked once for many of them. The
 * destination of INS is translated before the device is asked: what a device
 * has given cannot be given back.
 */
#include "stringop.h"

static u64 tss_linear(const struct emul_ctxt *c, u64 addr)
{
	return c->lma ? addr : (u32)addr;
}

/* Consult the TSS: SDM Vol. 1 "I/O Permission Bit Map". */
static noinline enum emul_rc check_bitmap(struct emul_ctxt *c, u16 port,
					  unsigned int size)
{
	const struct emul_seg *tr = emul_seg(c, INSN_TR);
	unsigned int type = tr->attr & EMUL_SEG_TYPE;
	u16 at, bits;
	enum emul_rc rc;

	/* Only a 32- or 64-bit TSS has a map. */
	if (!(tr->attr & EMUL_SEG_P) || (type & ~2U) != 9 || tr->limit < 103)
		return emul_gp0(c);
	rc = emul_read_system(c, tss_linear(c, tr->base + 102), &at, 2);
	if (rc != EMUL_OK)
		return rc;
	/* Two bytes are read always: an access may cross one. */
	if ((u32)at + port / 8 + 1 > tr->limit)
		return emul_gp0(c);
	rc = emul_read_system(c, tss_linear(c, tr->base + at + port / 8), &bits, 2);
	if (rc != EMUL_OK)
		return rc;
	if ((bits >> (port & 7)) & ((1U << size) - 1))
		return emul_gp0(c);
	return EMUL_OK;
}

static inline enum emul_rc check_port(struct emul_ctxt *c, u16 port,
				      unsigned int size)
{
	if (c->mode == EMUL_MODE_REAL ||
	    (c->mode != EMUL_MODE_V86 && c->cpl <= emul_iopl(c)))
		return EMUL_OK;
	if (emul_backdoor_port(c, port))
		return EMUL_OK;
	return check_bitmap(c, port, size);
}

enum emul_rc emul_op_in(struct emul_ctxt *c)
{
	u16 port = emul_port_number(c);
	unsigned int w = c->insn.width;
	enum emul_rc rc = check_port(c, port, w);
	u64 val;

	if (rc == EMUL_OK)
		rc = emul_port_in(c, port, w, &val);
	if (rc == EMUL_OK)
		emul_put(c, INSN_RAX, w, val);
	return rc;
}

enum emul_rc emul_op_out(struct emul_ctxt *c)
{
	u16 port = emul_port_number(c);
	unsigned int w = c->insn.width;
	enum emul_rc rc = check_port(c, port, w);

	if (rc != EMUL_OK)
		return rc;
	return emul_port_out(c, port, w, c->gpr[INSN_RAX]);
}

/*
 * How many elements at @linear are moved at once: as many as the count, the
 * page and the buffer allow. One if the element itself crosses a page or the
 * direction is down.
 */
static u32 batch(const struct emul_ctxt *c, u64 linear)
{
	unsigned int w = c->insn.width;
	u64 left = c->gpr[INSN_RCX] & width_mask(c->insn.adsize);
	u32 room = min_t(u32, 4096 - (linear & 4095), c->pio_buf_len) / w;

	if (!(c->insn.prefixes & STRING_REPEATED) ||
	    (c->rflags & X86_EFLAGS_DF) || room < 2)
		return 1;
	return min_t(u64, left, room);
}

enum emul_rc emul_op_ins(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u16 port = c->gpr[INSN_RDX];
	u64 ea = string_ea(c, INSN_RDI), linear, val;
	struct emul_frag frag;
	u32 n;
	enum emul_rc rc;

	rc = check_port(c, port, w);
	if (rc != EMUL_OK || !string_more(c))
		return rc;
	rc = emul_linear(c, INSN_ES, ea, w, true, &linear);
	if (rc != EMUL_OK)
		return rc;
	n = batch(c, linear);
	/* The whole batch within the segment, or an element at a time. */
	if (n > 1 && (ea + (u64)n * w > width_mask(c->insn.adsize) ||
		      emul_linear(c, INSN_ES, ea, n * w, true, &linear) !=
		      EMUL_OK))
		n = 1;
	if (n == 1) {
		struct emul_span span;

		rc = emul_map(c, linear, w, EMUL_ACC_WRITE, &span);
		if (rc == EMUL_OK)
			rc = emul_port_in(c, port, w, &val);
		if (rc == EMUL_OK)
			rc = emul_store(c, &span, &val);
	} else {
		rc = c->env->translate(c, linear, n * w, EMUL_ACC_WRITE |
				       (c->cpl == 3 ? EMUL_ACC_USER : 0),
				       &frag);
		if (rc == EMUL_OK)
			rc = emul_port_in_string(c, port, w, &n);
		if (rc == EMUL_OK)
			rc = emul_store_buf(c, &frag, n * w);
	}
	if (rc != EMUL_OK)
		return rc;
	string_step(c, INSN_RDI, n);
	string_count(c, n);
	return EMUL_OK;
}

enum emul_rc emul_op_outs(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u16 port = c->gpr[INSN_RDX];
	u64 ea = string_ea(c, INSN_RSI), linear, val = 0;
	enum insn_seg seg = c->insn.seg;
	struct emul_frag frag = { 0 };
	u32 n;
	enum emul_rc rc;

	rc = check_port(c, port, w);
	if (rc != EMUL_OK || !string_more(c))
		return rc;
	rc = emul_linear(c, seg, ea, w, false, &linear);
	if (rc != EMUL_OK)
		return rc;
	n = batch(c, linear);
	if (n > 1 && (ea + (u64)n * w > width_mask(c->insn.adsize) ||
		      emul_linear(c, seg, ea, n * w, false, &linear) != EMUL_OK))
		n = 1;
	if (n > 1) {
		rc = c->env->translate(c, linear, n * w,
				       c->cpl == 3 ? EMUL_ACC_USER : 0, &frag);
		if (rc == EMUL_OK)
			rc = c->env->ram_read(c, frag.gpa, c->pio_buf, n * w);
		if (rc == EMUL_OK) {
			c->pio_count = n;
			rc = emul_port_out_string(c, port, w);
		} else if (rc == EMUL_NOT_RAM) {
			n = 1;	/* a device's elements are read one by one */
		}
	}
	if (n == 1) {
		rc = emul_read(c, seg, ea, &val, w);
		if (rc == EMUL_OK)
			rc = emul_port_out(c, port, w, val);
	}
	if (rc != EMUL_OK)
		return rc;
	string_step(c, INSN_RSI, n);
	string_count(c, n);
	return EMUL_OK;
}
