// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include "machine.h"

static struct machine *of(struct emul_ctxt *c)
{
	return c->owner;
}

/* Is it this call's turn to fail? A stream decides for each and says how. */
static bool fails(struct machine *m)
{
	static const enum emul_rc ways[] = {
		EMUL_FAULT, EMUL_UNHANDLED, EMUL_RETRY, EMUL_FAULT,
	};
	u8 b;

	if (!m->stream_len)
		return ++m->calls == m->fail_at;
	b = *m->stream++;
	m->stream_len--;
	m->fail_with = ways[b & 3];
	return b >= 0xe0;
}

static enum emul_rc failure(struct emul_ctxt *c)
{
	struct machine *m = of(c);

	return m->fail_with == EMUL_FAULT ? emul_raise(c, X86_TRAP_PF, 0x77)
					  : m->fail_with;
}

static void note(struct machine *m, enum event_kind kind, u64 addr, u64 data,
		 unsigned int len)
{
	if (m->nr_ev < NR_EVENTS)
		m->ev[m->nr_ev++] = (struct event){ kind, addr, data, len };
}

u64 ram_get(struct machine *m, u64 addr, unsigned int len)
{
	u64 val = 0;

	memcpy(&val, m->ram + addr, len);
	return val;
}

void ram_put(struct machine *m, u64 addr, u64 val, unsigned int len)
{
	memcpy(m->ram + addr, &val, len);
}

u64 mmio_value(u64 addr, unsigned int len)
{
	u64 val = 0x1122334455667788ULL ^ (addr * 0x0101010101010101ULL);

	return len == 8 ? val : val & width_mask(len);
}

static bool in_page(u64 addr, unsigned int len)
{
	return (addr & 4095) + len <= 4096;
}

static enum emul_rc fetch(struct emul_ctxt *c, u64 linear, u8 *buf,
			  unsigned int want, unsigned int *got)
{
	struct machine *m = of(c);

	if (fails(m))
		return failure(c);
	if (!in_page(linear, want))
		abort();
	if (linear >> 12 == m->fault_page || linear >= RAM_SIZE)
		return emul_raise_pf(c, 0x10, linear);
	*got = want;
	memcpy(buf, m->ram + linear, want);
	return EMUL_OK;
}

static enum emul_rc translate(struct emul_ctxt *c, u64 linear, unsigned int len,
			      unsigned int access, struct emul_frag *frag)
{
	struct machine *m = of(c);
	u32 error = (access & EMUL_ACC_WRITE ? 2 : 0) |
		    (access & EMUL_ACC_USER ? 4 : 0);

	if (fails(m))
		return failure(c);
	if (!len || !in_page(linear, len))
		abort();
	if (linear >> 12 == m->fault_page || linear >= MMIO_BASE + MMIO_SIZE)
		return emul_raise_pf(c, error, linear);
	if (linear >> 12 == m->ro_page && (access & EMUL_ACC_WRITE))
		return emul_raise_pf(c, error | 1, linear);
	if (linear >> 12 == m->super_page && (access & EMUL_ACC_USER))
		return emul_raise_pf(c, error | 1, linear);
	frag->gpa = linear;
	return EMUL_OK;
}

static bool is_ram(u64 gpa)
{
	return gpa < RAM_SIZE;
}

static enum emul_rc ram_read(struct emul_ctxt *c, u64 gpa, void *buf,
			     unsigned int len)
{
	struct machine *m = of(c);

	if (fails(m) && m->fail_with != EMUL_FAULT)
		return failure(c);
	if (!in_page(gpa, len))
		abort();
	if (!is_ram(gpa))
		return EMUL_NOT_RAM;
	memcpy(buf, m->ram + gpa, len);
	return EMUL_OK;
}

static enum emul_rc ram_write(struct emul_ctxt *c, u64 gpa, const void *buf,
			      unsigned int len)
{
	struct machine *m = of(c);

	if (fails(m) && m->fail_with != EMUL_FAULT) {
		m->late_failure = true;
		return failure(c);
	}
	if (!in_page(gpa, len))
		abort();
	if (!is_ram(gpa))
		return EMUL_NOT_RAM;
	memcpy(m->ram + gpa, buf, len);
	return EMUL_OK;
}

static enum emul_rc ram_cmpxchg(struct emul_ctxt *c, u64 gpa, void *old,
				const void *new, unsigned int len)
{
	struct machine *m = of(c);

	if (!is_ram(gpa))
		return EMUL_NOT_RAM;
	if (m->steal) {
		m->steal = false;
		m->ram[gpa]++;
	}
	if (memcmp(m->ram + gpa, old, len)) {
		memcpy(old, m->ram + gpa, len);
		return EMUL_RETRY;
	}
	memcpy(m->ram + gpa, new, len);
	return EMUL_OK;
}

static enum emul_rc mmio(struct emul_ctxt *c, bool write, u64 gpa, void *data,
			 unsigned int len)
{
	struct machine *m = of(c);
	u64 val = 0;

	if (len < 1 || len > 8 || !in_page(gpa, len))
		abort();
	if (!m->mmio_in_kernel)
		return EMUL_PENDING;
	if (write) {
		memcpy(&val, data, len);
	} else {
		val = mmio_value(gpa, len);
		memcpy(data, &val, len);
	}
	note(m, write ? EV_MMIO_WRITE : EV_MMIO_READ, gpa, val, len);
	return EMUL_OK;
}

static enum emul_rc port(struct emul_ctxt *c, bool out, u16 nr,
			 unsigned int size, void *data, unsigned int count)
{
	struct machine *m = of(c);
	unsigned int i;
	u64 val;

	if (!m->port_in_kernel)
		return EMUL_PENDING;
	for (i = 0; i < count; i++) {
		val = mmio_value(nr, size);
		if (out) {
			val = 0;
			memcpy(&val, (u8 *)data + i * size, size);
		} else {
			memcpy((u8 *)data + i * size, &val, size);
		}
		note(m, out ? EV_OUT : EV_IN, nr, val, size);
	}
	return EMUL_OK;
}

static void seg_get(struct emul_ctxt *c, enum insn_seg seg, struct emul_seg *val)
{
	*val = of(c)->seg[seg];
}

static void seg_set(struct emul_ctxt *c, enum insn_seg seg,
		    const struct emul_seg *val)
{
	of(c)->seg[seg] = *val;
}

static void dtr_get(struct emul_ctxt *c, enum emul_dtr dtr, u64 *base,
		    u16 *limit)
{
	*base = of(c)->dtr_base[dtr];
	*limit = of(c)->dtr_limit[dtr];
}

static void dtr_set(struct emul_ctxt *c, enum emul_dtr dtr, u64 base, u16 limit)
{
	of(c)->dtr_base[dtr] = base;
	of(c)->dtr_limit[dtr] = limit;
}

static enum emul_rc reg_get(struct emul_ctxt *c, enum emul_sysreg reg, u64 *val)
{
	if (fails(of(c)))
		return failure(c);
	*val = of(c)->reg[reg];
	return EMUL_OK;
}

static enum emul_rc reg_set(struct emul_ctxt *c, enum emul_sysreg reg, u64 val)
{
	if (fails(of(c)))
		return failure(c);
	of(c)->reg[reg] = val;
	return EMUL_OK;
}

static enum emul_rc msr_get(struct emul_ctxt *c, u32 index, u64 *val)
{
	if (fails(of(c)))
		return failure(c);
	*val = of(c)->msr;
	return EMUL_OK;
}

static enum emul_rc msr_set(struct emul_ctxt *c, u32 index, u64 val)
{
	if (fails(of(c)))
		return failure(c);
	of(c)->msr = val;
	return EMUL_OK;
}

static enum emul_rc cpuid(struct emul_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx,
			  u32 *edx)
{
	if (fails(of(c)))
		return failure(c);
	*ebx = *eax + 1;
	*edx = *ecx + 1;
	*ecx = 3;
	*eax = 4;
	return EMUL_OK;
}

static enum emul_rc counter(struct emul_ctxt *c, enum emul_counter which,
			    u32 index, u64 *val)
{
	*val = 0x123456789abcdefULL;
	return EMUL_OK;
}

static enum emul_rc vec(struct emul_ctxt *c, bool write, unsigned int reg,
			void *data, unsigned int len, bool zext)
{
	struct machine *m = of(c);

	if (reg > 15 || (len != 16 && len != 32))
		abort();
	if (!write) {
		memcpy(data, m->vec[reg], len);
		return EMUL_OK;
	}
	memcpy(m->vec[reg], data, len);
	if (len == 16 && zext)
		memset(&m->vec[reg][2], 0, 16);
	return EMUL_OK;
}

static enum emul_rc fx(struct emul_ctxt *c, bool write, void *image)
{
	struct machine *m = of(c);
	u8 *buf = image;
	unsigned int i;

	if (fails(m))
		return failure(c);
	if (!write)
		memcpy(buf, m->fx, sizeof(m->fx));
	for (i = 0; i < 16; i++) {
		if (write)
			memcpy(m->vec[i], buf + 160 + 16 * i, 16);
		else
			memcpy(buf + 160 + 16 * i, m->vec[i], 16);
	}
	if (write)
		memcpy(m->fx, buf, sizeof(m->fx));
	return EMUL_OK;
}

static enum emul_rc intercept(struct emul_ctxt *c)
{
	of(c)->asked++;
	return of(c)->not_intercepted ? EMUL_OK : EMUL_INTERCEPTED;
}

static enum emul_rc action(struct emul_ctxt *c, enum emul_action what, u64 arg)
{
	struct machine *m = of(c);

	if (fails(m))
		return failure(c);
	note(m, EV_ACTION, what, arg, 0);
	return EMUL_OK;
}

static void cpl_set(struct emul_ctxt *c, unsigned int cpl)
{
	of(c)->cpl = cpl;
}

static const struct emul_env env = {
	.fetch = fetch,
	.translate = translate,
	.ram_read = ram_read,
	.ram_write = ram_write,
	.ram_cmpxchg = ram_cmpxchg,
	.mmio = mmio,
	.port = port,
	.seg_get = seg_get,
	.seg_set = seg_set,
	.dtr_get = dtr_get,
	.dtr_set = dtr_set,
	.reg_get = reg_get,
	.reg_set = reg_set,
	.msr_get = msr_get,
	.msr_set = msr_set,
	.cpuid = cpuid,
	.counter = counter,
	.vec = vec,
	.fx = fx,
	.intercept = intercept,
	.action = action,
	.cpl_set = cpl_set,
};

void machine_init(struct machine *m)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->c.env = &env;
	m->c.owner = m;
	m->c.gpr = m->gpr;
	m->c.pio_buf = m->pio_buf;
	m->c.pio_buf_len = sizeof(m->pio_buf);
	m->c.features = ~0ULL;
	m->c.rflags = X86_EFLAGS_FIXED;
	m->fault_page = ~0ULL;
	m->ro_page = ~0ULL;
	m->super_page = ~0ULL;
	for (i = 0; i < INSN_NR_GPRS; i++)
		m->gpr[i] = 0x0101010101010101ULL * (i + 1);
	m->gpr[INSN_RSP] = STACK;
	m->reg[EMUL_CR0] = 1;
	m->reg[EMUL_CR4] = X86_CR4_OSFXSR | X86_CR4_OSXSAVE;
	m->reg[EMUL_XCR0] = 7;
	for (i = 0; i < ARRAY_SIZE(m->vec); i++)
		m->vec[i][0] = m->vec[i][3] = 0x0706050403020100ULL + i,
		m->vec[i][1] = m->vec[i][2] = 0x0f0e0d0c0b0a0908ULL + i;
	m->fx[0] = 0x7f;
	m->fx[1] = 3;
	m->fx[24] = 0x80;
	m->fx[25] = 0x1f;
	m->fx[28] = m->fx[29] = 0xff;
	machine_mode(m, EMUL_MODE_LONG64);
}

void machine_mode(struct machine *m, enum emul_mode mode)
{
	unsigned int i;

	m->c.mode = mode;
	m->c.cpl = mode == EMUL_MODE_V86 ? 3 : 0;
	m->c.lma = mode == EMUL_MODE_LONG64;
	for (i = 0; i < INSN_NR_SEGS; i++) {
		struct emul_seg *s = &m->seg[i];

		s->base = 0;
		s->selector = i == INSN_CS ? 8 : 16;
		s->attr = EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_WRITABLE |
			  EMUL_SEG_ACCESSED;
		s->limit = mode >= EMUL_MODE_PROT32 ? 0xffffffff : 0xffff;
		if (mode == EMUL_MODE_PROT32)
			s->attr |= EMUL_SEG_DB | EMUL_SEG_G;
		if (i == INSN_CS)
			s->attr |= EMUL_SEG_CODE;
		if (i == INSN_CS && mode == EMUL_MODE_LONG64)
			s->attr |= EMUL_SEG_L;
	}
}

void machine_answer(struct machine *m)
{
	struct emul_io *io = &m->c.io;
	unsigned int i;
	u64 val = 0;

	memcpy(&val, io->data, 8);
	switch (io->kind) {
	case EMUL_IO_MMIO_READ:
		val = mmio_value(io->addr, io->size);
		memset(io->data, 0xee, 8);
		memcpy(io->data, &val, io->size);
		note(m, EV_MMIO_READ, io->addr, val, io->size);
		break;
	case EMUL_IO_MMIO_WRITE:
		val &= io->size == 8 ? ~0ULL : width_mask(io->size);
		note(m, EV_MMIO_WRITE, io->addr, val, io->size);
		break;
	case EMUL_IO_PORT_IN:
		val = mmio_value(io->addr, io->size);
		for (i = 0; io->count > 1 && i < io->count; i++)
			memcpy(m->pio_buf + i * io->size, &val, io->size);
		if (io->count == 1)
			memcpy(io->data, &val, io->size);
		note(m, EV_IN, io->addr, io->count, io->size);
		break;
	case EMUL_IO_PORT_OUT:
		if (io->count > 1)
			memcpy(&val, m->pio_buf, 8);
		note(m, EV_OUT, io->addr, val & width_mask(io->size), io->size);
		break;
	}
	emul_complete_io(&m->c);
}

enum emul_rc machine_run(struct machine *m, const void *bytes, unsigned int len,
			 unsigned int *answers)
{
	unsigned int n = 0;
	enum emul_rc rc;

	m->nr_ev = 0;
	m->late_failure = false;
	m->calls = 0;
	emul_begin(&m->c);
	m->c.rip = CODE;
	emul_give_bytes(&m->c, bytes, len);
	rc = emul_run(&m->c);
	while (rc == EMUL_PENDING && n < 1000) {
		/* The context holds everything by value: it may be moved. */
		machine_answer(m);
		rc = emul_run(&m->c);
		n++;
	}
	if (answers)
		*answers = n;
	return rc;
}

bool machine_unchanged(const struct machine *m, const u64 *gpr, u64 rflags)
{
	const struct insn *insn = &m->c.insn;
	bool repeated = insn->op && (insn->op->form & INSN_STRING) &&
			(insn->prefixes & (INSN_PFX_REP | INSN_PFX_REPNE));

	if (repeated)
		rflags = (rflags & ~(u64)FLAGS_ARITH) | (m->c.rflags & FLAGS_ARITH);
	return m->c.rip == CODE && m->c.rflags == rflags &&
	       (repeated || !memcmp(gpr, m->gpr, sizeof(m->gpr)));
}
