/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How handlers reach registers, segments, memory and devices.
 */
#ifndef DKVM_EMUL_ACCESS_H
#define DKVM_EMUL_ACCESS_H

#include "emul.h"
#include "flags.h"
#include "opcodes.h"

/* What a queued store goes to. */
enum emul_store_kind {
	EMUL_STORE_RAM,		/* memory, or a device if none is there */
	EMUL_STORE_BUF,		/* likewise, @data bytes of c->pio_buf */
	EMUL_STORE_BUF_MMIO,	/* the same found to be a device */
	EMUL_STORE_MMIO,
	EMUL_STORE_PORT,	/* @data */
	EMUL_STORE_PORT_STRING,	/* c->pio_count elements in c->pio_buf */
};

/* ---- registers ---- */

/* Set all 64 bits of a general register; the old value is kept for undoing. */
static inline void emul_put64(struct emul_ctxt *c, unsigned int r, u64 val)
{
	if (!(c->undo_mask & BIT(r))) {
		c->undo[r] = c->gpr[r];
		c->undo_mask |= BIT(r);
	}
	c->gpr[r] = val;
}

/* Does an 8-bit operand @r mean AH, CH, DH, BH? */
static inline bool emul_high_byte(const struct emul_ctxt *c, unsigned int r)
{
	return (r & ~3U) == 4 &&
	       !(c->insn.prefixes & (INSN_PFX_REX | INSN_PFX_VEX));
}

static inline u64 emul_get(const struct emul_ctxt *c, unsigned int r,
			   unsigned int w)
{
	if (w == 1 && emul_high_byte(c, r))
		return (c->gpr[r & 3] >> 8) & 0xff;
	return c->gpr[r] & width_mask(w);
}

/* Writing 32 bits clears the upper half, writing fewer leaves the rest. */
static inline void emul_put(struct emul_ctxt *c, unsigned int r,
			    unsigned int w, u64 val)
{
	if (w >= 4)
		emul_put64(c, r, w == 4 ? (u32)val : val);
	else if (w == 2)
		emul_put64(c, r, (c->gpr[r] & ~0xffffULL) | (u16)val);
	else if (emul_high_byte(c, r))
		emul_put64(c, r & 3, (c->gpr[r & 3] & ~0xff00ULL) |
				     (val & 0xff) << 8);
	else
		emul_put64(c, r, (c->gpr[r] & ~0xffULL) | (u8)val);
}

/* Write the low @w bytes of a register and nothing else, also for w == 4. */
static inline void emul_merge(struct emul_ctxt *c, unsigned int r,
			      unsigned int w, u64 val)
{
	u64 mask = width_mask(w);

	emul_put64(c, r, (c->gpr[r] & ~mask) | (val & mask));
}

static inline void emul_set_flags(struct emul_ctxt *c, u64 mask, u64 val)
{
	c->next_flags = (c->next_flags & ~mask) | (val & mask);
}

/* Do registers wider than address size @w keep their upper part? */
static inline void emul_put_addr(struct emul_ctxt *c, unsigned int r,
				 unsigned int w, u64 val)
{
	if (w == 2)
		emul_merge(c, r, 2, val);
	else
		emul_put64(c, r, w == 4 ? (u32)val : val);
}

static inline bool emul_has(const struct emul_ctxt *c, enum emul_feature f)
{
	return c->features & BIT_ULL(f);
}

/* Protected mode with its descriptors: neither real nor virtual-8086. */
static inline bool emul_protected(const struct emul_ctxt *c)
{
	return c->mode >= EMUL_MODE_PROT16;
}

static inline unsigned int emul_iopl(const struct emul_ctxt *c)
{
	return (c->rflags & X86_EFLAGS_IOPL) >> X86_EFLAGS_IOPL_BIT;
}

static inline bool emul_canonical(const struct emul_ctxt *c, u64 addr)
{
	unsigned int shift = c->la57 ? 7 : 16;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

static inline enum emul_rc emul_gp0(struct emul_ctxt *c)
{
	return emul_raise(c, X86_TRAP_GP, 0);
}

static inline enum emul_rc emul_ud(struct emul_ctxt *c)
{
	return emul_raise_plain(c, X86_TRAP_UD);
}

/* ---- segments ---- */

/* The segment register, read from the vCPU once per instruction. */
static inline const struct emul_seg *emul_seg(struct emul_ctxt *c,
					      enum insn_seg seg)
{
	if (!(c->seg_known & BIT(seg))) {
		c->env->seg_get(c, seg, &c->seg[seg]);
		c->seg_known |= BIT(seg);
	}
	return &c->seg[seg];
}

/* Load a segment register when the instruction arrives; emul_seg() has it now. */
static inline void emul_set_seg(struct emul_ctxt *c, enum insn_seg seg,
				const struct emul_seg *val)
{
	if (!(c->effects & EMUL_FX_SEGS))
		c->seg_new = 0;
	c->effects |= EMUL_FX_SEGS;
	c->seg_new |= BIT(seg);
	c->seg_known |= BIT(seg);
	c->seg[seg] = *val;
}

/* Change the privilege level when the instruction arrives. */
static inline void emul_set_cpl(struct emul_ctxt *c, unsigned int cpl)
{
	c->effects |= EMUL_FX_CPL;
	c->next_cpl = cpl;
}

/* c->fault is to be delivered when the instruction has arrived. */
static inline void emul_fault_follows(struct emul_ctxt *c)
{
	c->effects |= EMUL_FX_FAULT | EMUL_FX_NO_TF;
}

/**
 * emul_linear - segmentation
 * @c:      context
 * @seg:    segment register
 * @ea:     effective address, truncated to the address size
 * @len:    bytes to be accessed
 * @write:  for writing
 * @linear: result
 *
 * Checks limit, type and canonical form.
 * Return: EMUL_OK, or EMUL_FAULT with #GP(0) or #SS(0).
 */
enum emul_rc emul_linear(struct emul_ctxt *c, enum insn_seg seg, u64 ea,
			 unsigned int len, bool write, u64 *linear);

/* The same outside 64-bit mode for a segment that need not be loaded, as @seg. */
enum emul_rc emul_linear_in(struct emul_ctxt *c, const struct emul_seg *s,
			    enum insn_seg seg, u64 ea, unsigned int len,
			    bool write, u64 *linear);

/* Effective address of the instruction's memory operand. */
static inline u64 emul_ea(const struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	u64 ea = insn->disp;

	if (insn->base < INSN_NR_GPRS)
		ea += c->gpr[insn->base];
	else if (insn->base == INSN_RIP)
		ea += c->rip + insn->len;
	if (insn->index < INSN_NR_GPRS)
		ea += c->gpr[insn->index] << insn->scale;
	return ea & width_mask(insn->adsize);
}

/* ---- memory ---- */

/**
 * emul_map - translate an operand of up to two pages
 * @c:      context
 * @linear: its linear address
 * @len:    1 to 64 bytes
 * @access: EMUL_ACC_WRITE, EMUL_ACC_IMPLICIT, EMUL_ACC_ANY_ALIGN; user rights
 *          follow from c->cpl
 * @span:   result
 */
enum emul_rc emul_map(struct emul_ctxt *c, u64 linear, unsigned int len,
		      unsigned int access, struct emul_span *span);

/* Read a translated operand, from memory or a device. */
enum emul_rc emul_load(struct emul_ctxt *c, struct emul_span *span, void *buf);

/* Queue a store to a translated operand. */
enum emul_rc emul_store(struct emul_ctxt *c, struct emul_span *span,
			const void *buf);

/*
 * Atomically replace @old by @new in a translated operand; EMUL_RETRY if it has
 * changed meanwhile. On a device, and across pages, it is a plain store. Must
 * be the last thing of a handler that can fail.
 */
enum emul_rc emul_exchange(struct emul_ctxt *c, struct emul_span *span,
			   const void *old, const void *new);

/* Segmentation, translation and access in one. */
enum emul_rc emul_read(struct emul_ctxt *c, enum insn_seg seg, u64 ea,
		       void *buf, unsigned int len);
enum emul_rc emul_write(struct emul_ctxt *c, enum insn_seg seg, u64 ea,
			const void *buf, unsigned int len);
/* Read a descriptor table or a TSS: linear address, supervisor rights. */
enum emul_rc emul_read_system(struct emul_ctxt *c, u64 linear, void *buf,
			      unsigned int len);
/* Queue a store to one of these. */
enum emul_rc emul_write_system(struct emul_ctxt *c, u64 linear, const void *buf,
			       unsigned int len);

/* Translate the instruction's memory operand of @len bytes into c->mem. */
enum emul_rc emul_map_operand(struct emul_ctxt *c, unsigned int len, bool write);

/*
 * Likewise for an operand that has to be aligned to @align bytes, a power of
 * two: #GP(0) if it is not, which counts before not being canonical.
 */
enum emul_rc emul_map_aligned(struct emul_ctxt *c, unsigned int len,
			      unsigned int align, bool write);

/* Load or store @len bytes of the memory operand, translated here. */
enum emul_rc emul_load_operand(struct emul_ctxt *c, void *buf,
			       unsigned int len);
enum emul_rc emul_store_operand(struct emul_ctxt *c, const void *buf,
				unsigned int len);

/*
 * MASKMOVDQU and MASKMOVQ: queue those of @len bytes whose @mask has bit 7 set,
 * for where rDI points, a run of them at a time.
 */
enum emul_rc emul_store_masked(struct emul_ctxt *c, const u8 *data, const u8 *mask,
			       unsigned int len);

/* ---- ports ---- */

/* Read a port; the answer is remembered for replay like that of a device. */
enum emul_rc emul_port_in(struct emul_ctxt *c, u16 port, unsigned int size,
			  u64 *val);
/* Queue a write to a port. */
enum emul_rc emul_port_out(struct emul_ctxt *c, u16 port, unsigned int size,
			   u64 val);
/* Queue c->pio_count elements of c->pio_buf. */
enum emul_rc emul_port_out_string(struct emul_ctxt *c, u16 port,
				  unsigned int size);

/* Read *@n elements to c->pio_buf; *@n is how many there are then. */
enum emul_rc emul_port_in_string(struct emul_ctxt *c, u16 port,
				 unsigned int size, u32 *n);
/* Queue a store of @len bytes of c->pio_buf within a page. */
enum emul_rc emul_store_buf(struct emul_ctxt *c, const struct emul_frag *frag,
			    u32 len);

/*
 * Keys of the load log: address, width, and whether it is a port. An address
 * has at most 52 bits.
 */
#define LOAD_KEY(addr, len)	((addr) | (u64)(len) << 56)
#define LOAD_PORT		BIT_ULL(63)

/* Send queued stores; EMUL_PENDING when user space must take one. */
enum emul_rc emul_flush(struct emul_ctxt *c);

/* The stores of an instruction with EMUL_FX_X87 are done: change x87 state. */
void emul_x87_stored(struct emul_ctxt *c);

/* ---- the stack ---- */

/* Width of the stack pointer in bytes. */
static inline unsigned int emul_stack_width(struct emul_ctxt *c)
{
	if (c->mode == EMUL_MODE_LONG64)
		return 8;
	return emul_seg(c, INSN_SS)->attr & EMUL_SEG_DB ? 4 : 2;
}

/* Make room for @size bytes, and write the low @bytes of @val there. */
enum emul_rc emul_push_low(struct emul_ctxt *c, u64 val, unsigned int size, unsigned int bytes);
static inline enum emul_rc emul_push(struct emul_ctxt *c, u64 val, unsigned int size)
{
	return emul_push_low(c, val, size, size);
}

enum emul_rc emul_pop(struct emul_ctxt *c, u64 *val, unsigned int size);

/* #GP(0) if CR4.UMIP hides system registers from CPL 3 (ctrl.c). */
enum emul_rc emul_check_umip(struct emul_ctxt *c);

/* ---- control flow ---- */

/**
 * emul_jump - set the next RIP of a near branch
 * @c:    context
 * @rip:  target, truncated here to @size
 * @size: operand size in bytes
 *
 * Return: EMUL_OK, or #GP(0) if the target is not canonical or beyond CS.
 */
enum emul_rc emul_jump(struct emul_ctxt *c, u64 rip, unsigned int size);

/**
 * emul_fast_mov - the whole of a plain move from or to a device, if it is one
 * @c: context, checked, with a hint
 *
 * Return: EMUL_OK, EMUL_PENDING with c->plain set, or EMUL_UNHANDLED: it is
 * not that simple, nothing was done.
 */
enum emul_rc emul_fast_mov(struct emul_ctxt *c);
/* User space has answered: what a load has brought goes to its register. */
void emul_finish_mov(struct emul_ctxt *c);

/* One handler per name in handlers.def. */
#define FN(name) enum emul_rc emul_op_##name(struct emul_ctxt *c);
#include "handlers.def"
#undef FN

#endif /* DKVM_EMUL_ACCESS_H */
