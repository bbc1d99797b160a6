// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operands in memory and in devices.
 *
 * An access has three steps that stand apart: segmentation makes a linear
 * address, emul_map() translates and checks it, and only then bytes move. A
 * read-modify-write is translated once, for writing, before it reads, so that
 * it cannot fail between the two. See emul.h for why loads are logged and
 * stores are queued.
 */
#include "access.h"

#define EMUL_PAGE_SIZE	4096U

static enum emul_rc seg_fault(struct emul_ctxt *c, enum insn_seg seg)
{
	return emul_raise(c, seg == INSN_SS ? X86_TRAP_SS : X86_TRAP_GP, 0);
}

static bool limit_ok(const struct emul_seg *s, u32 first, unsigned int len)
{
	u64 last = (u64)first + len - 1;

	if (s->limit == 0xffffffff)	/* addresses wrap, nothing is outside */
		return !(s->attr & EMUL_SEG_DOWN) || (s->attr & EMUL_SEG_CODE);

	if ((s->attr & (EMUL_SEG_CODE | EMUL_SEG_DOWN)) == EMUL_SEG_DOWN)
		return first > s->limit &&
		       last <= (s->attr & EMUL_SEG_DB ? 0xffffffffU : 0xffffU);
	return last <= s->limit;
}

enum emul_rc emul_linear_in(struct emul_ctxt *c, const struct emul_seg *s,
			    enum insn_seg seg, u64 ea, unsigned int len,
			    bool write, u64 *linear)
{
	if (emul_protected(c)) {
		if (!(s->attr & EMUL_SEG_P))
			return seg_fault(c, seg);
		/* Code is never written, and read only if it is readable. */
		if (s->attr & EMUL_SEG_CODE
		    ? write || !(s->attr & EMUL_SEG_READABLE)
		    : write && !(s->attr & EMUL_SEG_WRITABLE))
			return seg_fault(c, seg);
	}
	if (!limit_ok(s, ea, len))
		return seg_fault(c, seg);
	*linear = (u32)(s->base + ea);
	return EMUL_OK;
}

enum emul_rc emul_linear(struct emul_ctxt *c, enum insn_seg seg, u64 ea,
			 unsigned int len, bool write, u64 *linear)
{
	if (likely(c->mode == EMUL_MODE_LONG64)) {
		if (unlikely(seg >= INSN_FS))
			ea += emul_seg(c, seg)->base;
		if (!emul_canonical(c, ea) || !emul_canonical(c, ea + len - 1))
			return seg_fault(c, seg);
		*linear = ea;
		return EMUL_OK;
	}

	return emul_linear_in(c, emul_seg(c, seg), seg, ea, len, write, linear);
}

/* Translate what lies within one page. */
static inline enum emul_rc map_piece(struct emul_ctxt *c, u64 linear,
				     unsigned int len, unsigned int access,
				     struct emul_frag *frag)
{
	/*
	 * The CPU has already walked the page tables for the access that made
	 * the instruction exit. It is this one if the instruction makes only
	 * one and the page offsets agree.
	 */
	if (c->hint_valid && !((linear ^ c->hint_gpa) & (EMUL_PAGE_SIZE - 1)) &&
	    (c->insn.op->form & INSN_ONE_MEM) &&
	    !(access & EMUL_ACC_IMPLICIT) &&
	    (!(access & EMUL_ACC_WRITE) || c->hint_write)) {
		frag->gpa = c->hint_gpa;
		frag->mmio = c->hint_mmio;
		return EMUL_OK;
	}
	frag->mmio = false;
	return c->env->translate(c, linear, len, access, frag);
}

/* #AC; wide vectors are left out, as CPUs do. */
static noinline enum emul_rc check_alignment(struct emul_ctxt *c, u64 linear,
					     unsigned int len)
{
	unsigned int align = len >= 16 ? 1 : len & -len;
	u64 cr0;

	if (!(linear & (align - 1)) ||
	    c->env->reg_get(c, EMUL_CR0, &cr0) != EMUL_OK ||
	    !(cr0 & X86_CR0_AM))
		return EMUL_OK;
	return emul_raise(c, X86_TRAP_AC, 0);
}

enum emul_rc emul_map(struct emul_ctxt *c, u64 linear, unsigned int len,
		      unsigned int access, struct emul_span *span)
{
	unsigned int room = EMUL_PAGE_SIZE - (linear & (EMUL_PAGE_SIZE - 1));
	enum emul_rc rc;
	u64 second;

	if (c->cpl == 3 && !(access & EMUL_ACC_IMPLICIT)) {
		access |= EMUL_ACC_USER;
		if (unlikely(c->rflags & X86_EFLAGS_AC) &&
		    !(access & EMUL_ACC_ANY_ALIGN)) {
			rc = check_alignment(c, linear, len);
			if (rc != EMUL_OK)
				return rc;
		}
	}
	span->len = len;
	span->first = len;
	if (likely(len <= room))
		return map_piece(c, linear, len, access, &span->frag[0]);

	span->first = room;
	second = linear + room;
	if (c->mode != EMUL_MODE_LONG64)
		second = (u32)second;
	rc = map_piece(c, linear, room, access, &span->frag[0]);
	if (rc != EMUL_OK)
		return rc;
	return map_piece(c, second, len - room, access, &span->frag[1]);
}

/* Let a load see the stores that the same instruction has queued. */
static noinline void forward_stores(const struct emul_ctxt *c, u64 gpa, u8 *buf,
				    unsigned int len)
{
	unsigned int i, k;

	for (i = 0; i < c->nr_stores; i++) {
		const struct emul_store *s = &c->stores[i];

		if (s->kind != EMUL_STORE_RAM)
			continue;
		for (k = 0; k < s->len; k++) {
			u64 at = s->addr + k - gpa;

			if (at < len)
				buf[at] = s->data >> (8 * k);
		}
	}
}

/* Take the next answer from the log, if it is to this question. */
static inline bool replay(struct emul_ctxt *c, u64 key, u64 *data)
{
	const struct emul_load *l = &c->loads[c->cur_load];

	if (c->cur_load >= c->nr_loads)
		return false;
	if (l->key != key) {
		/* Memory has changed and with it what is asked: start anew. */
		c->nr_loads = c->cur_load;
		return false;
	}
	*data = l->data;
	c->cur_load++;
	return true;
}

static inline void remember(struct emul_ctxt *c, u64 key, u64 data)
{
	c->loads[c->nr_loads++] = (struct emul_load){ .key = key, .data = data };
	c->cur_load = c->nr_loads;
}

static enum emul_rc load_mmio(struct emul_ctxt *c, u64 gpa, void *buf,
			      unsigned int len)
{
	u64 key = LOAD_KEY(gpa, len), data = 0;
	enum emul_rc rc;

	if (!replay(c, key, &data)) {
		if (c->nr_loads == EMUL_LOG_LEN)
			return EMUL_UNHANDLED;
		rc = c->env->mmio(c, false, gpa, &data, len);
		if (rc == EMUL_PENDING) {
			c->io.kind = EMUL_IO_MMIO_READ;
			c->io.size = len;
			c->io.count = 1;
			c->io.addr = gpa;
		}
		if (rc != EMUL_OK)
			return rc;
		remember(c, key, data);
	}
	memcpy(buf, &data, len);
	return EMUL_OK;
}

static enum emul_rc load_piece(struct emul_ctxt *c, struct emul_frag *frag,
			       u8 *buf, unsigned int len)
{
	unsigned int done, n;
	enum emul_rc rc;

	if (!frag->mmio) {
		rc = c->env->ram_read(c, frag->gpa, buf, len);
		if (rc == EMUL_OK && unlikely(c->nr_stores))
			forward_stores(c, frag->gpa, buf, len);
		if (rc != EMUL_NOT_RAM)
			return rc;
		frag->mmio = true;
	}
	for (done = 0; done < len; done += n) {
		n = min_t(unsigned int, len - done, 8);
		rc = load_mmio(c, frag->gpa + done, buf + done, n);
		if (rc != EMUL_OK)
			return rc;
	}
	return EMUL_OK;
}

enum emul_rc emul_load(struct emul_ctxt *c, struct emul_span *span, void *buf)
{
	enum emul_rc rc = load_piece(c, &span->frag[0], buf, span->first);

	if (rc == EMUL_OK && unlikely(span->first < span->len))
		rc = load_piece(c, &span->frag[1], (u8 *)buf + span->first,
				span->len - span->first);
	return rc;
}

static enum emul_rc queue(struct emul_ctxt *c, enum emul_store_kind kind,
			  u64 addr, const void *data, unsigned int len)
{
	struct emul_store *s = &c->stores[c->nr_stores];

	if (c->nr_stores == EMUL_QUEUE_LEN)
		return EMUL_UNHANDLED;
	s->kind = kind;
	s->len = len;
	s->addr = addr;
	s->data = 0;
	memcpy(&s->data, data, len);
	c->nr_stores++;
	return EMUL_OK;
}

static enum emul_rc store_piece(struct emul_ctxt *c,
				const struct emul_frag *frag, const u8 *buf,
				unsigned int len)
{
	unsigned int done, n;
	enum emul_rc rc;

	for (done = 0; done < len; done += n) {
		n = min_t(unsigned int, len - done, 8);
		rc = queue(c, frag->mmio ? EMUL_STORE_MMIO : EMUL_STORE_RAM,
			   frag->gpa + done, buf + done, n);
		if (rc != EMUL_OK)
			return rc;
	}
	return EMUL_OK;
}

enum emul_rc emul_store(struct emul_ctxt *c, struct emul_span *span,
			const void *buf)
{
	enum emul_rc rc = store_piece(c, &span->frag[0], buf, span->first);

	if (rc == EMUL_OK && unlikely(span->first < span->len))
		rc = store_piece(c, &span->frag[1],
				 (const u8 *)buf + span->first,
				 span->len - span->first);
	return rc;
}

enum emul_rc emul_exchange(struct emul_ctxt *c, struct emul_span *span,
			   const void *old, const void *new)
{
	u8 expect[16];
	enum emul_rc rc;

	if (span->first == span->len && !span->frag[0].mmio) {
		/* The callback updates what it is given. */
		memcpy(expect, old, span->len);
		rc = c->env->ram_cmpxchg(c, span->frag[0].gpa, expect, new,
					 span->len);
		if (rc != EMUL_NOT_RAM)
			return rc;
		span->frag[0].mmio = true;
	}
	return emul_store(c, span, new);
}

enum emul_rc emul_read(struct emul_ctxt *c, enum insn_seg seg, u64 ea,
		       void *buf, unsigned int len)
{
	struct emul_span span;
	enum emul_rc rc;
	u64 linear;

	rc = emul_linear(c, seg, ea, len, false, &linear);
	if (rc == EMUL_OK)
		rc = emul_map(c, linear, len, 0, &span);
	if (rc == EMUL_OK)
		rc = emul_load(c, &span, buf);
	return rc;
}

enum emul_rc emul_write(struct emul_ctxt *c, enum insn_seg seg, u64 ea,
			const void *buf, unsigned int len)
{
	struct emul_span span;
	enum emul_rc rc;
	u64 linear;

	rc = emul_linear(c, seg, ea, len, true, &linear);
	if (rc == EMUL_OK)
		rc = emul_map(c, linear, len, EMUL_ACC_WRITE, &span);
	if (rc == EMUL_OK)
		rc = emul_store(c, &span, buf);
	return rc;
}

enum emul_rc emul_read_system(struct emul_ctxt *c, u64 linear, void *buf,
			      unsigned int len)
{
	struct emul_span span;
	enum emul_rc rc = emul_map(c, linear, len, EMUL_ACC_IMPLICIT, &span);

	return rc == EMUL_OK ? emul_load(c, &span, buf) : rc;
}

enum emul_rc emul_write_system(struct emul_ctxt *c, u64 linear, const void *buf,
			       unsigned int len)
{
	struct emul_span span;
	enum emul_rc rc = emul_map(c, linear, len,
				   EMUL_ACC_WRITE | EMUL_ACC_IMPLICIT, &span);

	return rc == EMUL_OK ? emul_store(c, &span, buf) : rc;
}

enum emul_rc emul_map_operand(struct emul_ctxt *c, unsigned int len, bool write)
{
	enum emul_rc rc = emul_linear(c, c->insn.seg, emul_ea(c), len, write,
				      &c->mem_addr);

	if (rc != EMUL_OK)
		return rc;
	return emul_map(c, c->mem_addr, len, write ? EMUL_ACC_WRITE : 0,
			&c->mem);
}

enum emul_rc emul_map_aligned(struct emul_ctxt *c, unsigned int len,
			      unsigned int align, bool write)
{
	u64 ea = emul_ea(c);
	enum emul_rc rc;

	if (c->mode == EMUL_MODE_LONG64 && c->insn.seg < INSN_FS &&
	    (ea & (align - 1)))
		return emul_gp0(c);
	rc = emul_linear(c, c->insn.seg, ea, len, write, &c->mem_addr);
	if (rc != EMUL_OK)
		return rc;
	if (c->mem_addr & (align - 1))
		return emul_gp0(c);
	return emul_map(c, c->mem_addr, len, write ? EMUL_ACC_WRITE : 0,
			&c->mem);
}

enum emul_rc emul_load_operand(struct emul_ctxt *c, void *buf, unsigned int len)
{
	enum emul_rc rc = emul_map_operand(c, len, false);

	return rc == EMUL_OK ? emul_load(c, &c->mem, buf) : rc;
}

enum emul_rc emul_store_operand(struct emul_ctxt *c, const void *buf,
				unsigned int len)
{
	enum emul_rc rc = emul_map_operand(c, len, true);

	return rc == EMUL_OK ? emul_store(c, &c->mem, buf) : rc;
}

enum emul_rc emul_port_in(struct emul_ctxt *c, u16 port, unsigned int size,
			  u64 *val)
{
	u64 key = LOAD_KEY(port, size) | LOAD_PORT;
	enum emul_rc rc;

	if (replay(c, key, val))
		return EMUL_OK;
	*val = 0;
	rc = c->env->port(c, false, port, size, val, 1);
	if (rc == EMUL_OK) {
		remember(c, key, *val);
	} else if (rc == EMUL_PENDING) {
		c->io.kind = EMUL_IO_PORT_IN;
		c->io.size = size;
		c->io.count = 1;
		c->io.addr = port;
	}
	return rc;
}

enum emul_rc emul_port_out(struct emul_ctxt *c, u16 port, unsigned int size,
			   u64 val)
{
	return queue(c, EMUL_STORE_PORT, port, &val, size);
}

enum emul_rc emul_port_out_string(struct emul_ctxt *c, u16 port,
				  unsigned int size)
{
	u64 none = 0;

	return queue(c, EMUL_STORE_PORT_STRING, port, &none, size);
}

enum emul_rc emul_port_in_string(struct emul_ctxt *c, u16 port,
				 unsigned int size, u32 *n)
{
	enum emul_rc rc;

	if (c->pio_count) {		/* user space has filled the buffer */
		*n = min(*n, c->pio_count);
		return EMUL_OK;
	}
	rc = c->env->port(c, false, port, size, c->pio_buf, *n);
	if (rc == EMUL_PENDING) {
		c->io.kind = EMUL_IO_PORT_IN;
		c->io.size = size;
		c->io.count = *n;
		c->io.addr = port;
	}
	return rc;
}

enum emul_rc emul_store_buf(struct emul_ctxt *c, const struct emul_frag *frag,
			    u32 len)
{
	u64 data = len;

	return queue(c, EMUL_STORE_BUF, frag->gpa, &data, sizeof(data));
}

/* Send what INS has read; to a device it goes element by element. */
static enum emul_rc send_buf(struct emul_ctxt *c, struct emul_store *s)
{
	unsigned int w = c->insn.width;
	u8 *from;
	enum emul_rc rc;

	if (s->kind == EMUL_STORE_BUF) {
		rc = c->env->ram_write(c, s->addr, c->pio_buf, s->data);
		if (rc != EMUL_NOT_RAM)
			return rc;
		s->kind = EMUL_STORE_BUF_MMIO;
		c->pio_bytes = 0;
	}
	while (c->pio_bytes < s->data) {
		from = c->pio_buf + c->pio_bytes;
		rc = c->env->mmio(c, true, s->addr + c->pio_bytes, from, w);
		if (rc == EMUL_PENDING) {
			c->io.kind = EMUL_IO_MMIO_WRITE;
			c->io.size = w;
			c->io.count = 1;
			c->io.addr = s->addr + c->pio_bytes;
			memcpy(c->io.data, from, w);
		}
		if (rc != EMUL_OK)
			return rc;
		c->pio_bytes += w;
	}
	return EMUL_OK;
}

/* Send one queued store. */
static enum emul_rc send(struct emul_ctxt *c, struct emul_store *s)
{
	u32 count = 1;
	void *data = &s->data;
	bool port = s->kind >= EMUL_STORE_PORT;
	enum emul_rc rc;

	if (s->kind == EMUL_STORE_BUF || s->kind == EMUL_STORE_BUF_MMIO)
		return send_buf(c, s);
	if (s->kind == EMUL_STORE_RAM) {
		rc = c->env->ram_write(c, s->addr, data, s->len);
		if (rc != EMUL_NOT_RAM)
			return rc;
		s->kind = EMUL_STORE_MMIO;
	}
	if (s->kind == EMUL_STORE_PORT_STRING) {
		count = c->pio_count;
		data = c->pio_buf;
	}
	rc = port ? c->env->port(c, true, s->addr, s->len, data, count)
		  : c->env->mmio(c, true, s->addr, data, s->len);
	if (rc == EMUL_PENDING) {
		c->io.kind = port ? EMUL_IO_PORT_OUT : EMUL_IO_MMIO_WRITE;
		c->io.size = s->len;
		c->io.count = count;
		c->io.addr = s->addr;
		memcpy(c->io.data, &s->data, sizeof(c->io.data));
	}
	return rc;
}

enum emul_rc emul_flush(struct emul_ctxt *c)
{
	while (c->cur_store < c->nr_stores) {
		enum emul_rc rc = send(c, &c->stores[c->cur_store]);

		/* A store that is pending counts as sent once it is answered. */
		if (rc != EMUL_OK)
			return rc;
		c->cur_store++;
	}
	return EMUL_OK;
}

void emul_complete_io(struct emul_ctxt *c)
{
	u64 data = 0, key;

	if (c->phase != EMUL_PHASE_PENDING_IO)
		return;
	c->phase = c->resume;
	if (c->plain)		/* emul_run() takes it from there */
		return;
	switch (c->io.kind) {
	case EMUL_IO_MMIO_READ:
	case EMUL_IO_PORT_IN:
		if (c->io.count > 1) {
			c->pio_count = c->io.count;
			break;
		}
		memcpy(&data, c->io.data, c->io.size);
		key = LOAD_KEY(c->io.addr, c->io.size);
		if (c->io.kind == EMUL_IO_PORT_IN)
			key |= LOAD_PORT;
		remember(c, key, data);
		break;
	case EMUL_IO_MMIO_WRITE:
	case EMUL_IO_PORT_OUT:
		if (c->stores[c->cur_store].kind == EMUL_STORE_BUF_MMIO)
			c->pio_bytes += c->io.size;
		else
			c->cur_store++;
		break;
	}
	c->io.kind = EMUL_IO_NONE;
	c->cur_load = 0;
	/* The vCPU was in the hands of user space. */
	c->seg_known = c->effects & EMUL_FX_SEGS ? c->seg_new : 0;
}

/* Stack pointer after moving it by @delta bytes. */
static inline u64 moved_sp(struct emul_ctxt *c, unsigned int w, s64 delta)
{
	return (c->gpr[INSN_RSP] + delta) & width_mask(w);
}

enum emul_rc emul_push_low(struct emul_ctxt *c, u64 val, unsigned int size, unsigned int bytes)
{
	unsigned int w = emul_stack_width(c);
	u64 sp = moved_sp(c, w, -(s64)size);
	enum emul_rc rc = emul_write(c, INSN_SS, sp, &val, bytes);

	if (rc == EMUL_OK)
		emul_merge(c, INSN_RSP, w, sp);
	return rc;
}

enum emul_rc emul_pop(struct emul_ctxt *c, u64 *val, unsigned int size)
{
	unsigned int w = emul_stack_width(c);
	enum emul_rc rc;

	*val = 0;
	rc = emul_read(c, INSN_SS, c->gpr[INSN_RSP] & width_mask(w), val, size);
	if (rc == EMUL_OK)
		emul_merge(c, INSN_RSP, w, moved_sp(c, w, size));
	return rc;
}
