// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole emulator: state, instruction, memory and the answers of callbacks
 * come from the input. Whatever happens, an instruction ends, leaves no request
 * behind, and has changed no register unless it has arrived.
 */
#include <stdlib.h>
#include "machine.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define ALWAYS(cond) do { if (!(cond)) abort(); } while (0)

/* The head of the input; code, then the stream of callbacks follow. */
struct head {
	u8 mode;
	u8 cpl;
	u8 flags;		/* FUZZ_* */
	u8 code_len;
	u32 rflags;
	u16 cr0;
	u8 cr4[3];
	u8 fault_page;
	u8 ro_page;
	u8 gdt_limit;
	u16 gpr[8];
	u8 code[INSN_MAX_LEN];
	u8 desc[32];		/* descriptors: selectors 8 to 32 */
} __attribute__((__packed__));

#define FUZZ_MMIO_IN_KERNEL	BIT(0)
#define FUZZ_PORT_IN_KERNEL	BIT(1)
#define FUZZ_GUEST_MODE		BIT(2)
#define FUZZ_HINT		BIT(3)
#define FUZZ_HINT_WRITE		BIT(4)
#define FUZZ_STEAL		BIT(5)
#define FUZZ_FEW_FEATURES	BIT(6)
#define FUZZ_LMA		BIT(7)

static struct machine m;

static void set_up(const struct head *h)
{
	unsigned int i;

	machine_init(&m);
	machine_mode(&m, h->mode % 5);
	if (m.c.mode >= EMUL_MODE_PROT16)
		m.c.cpl = h->cpl & 3;
	m.c.lma |= m.c.mode >= EMUL_MODE_PROT16 && (h->flags & FUZZ_LMA);
	m.c.rflags |= h->rflags & 0x277fd5;
	m.reg[EMUL_CR0] |= h->cr0 | (u64)(h->cr4[2] & 7) << 16;
	m.reg[EMUL_CR4] ^= h->cr4[0] | h->cr4[1] << 8 | (u64)h->cr4[2] << 16;
	m.fault_page = h->fault_page;
	m.ro_page = h->ro_page;
	m.dtr_base[EMUL_GDTR] = GDT;
	m.dtr_limit[EMUL_GDTR] = h->gdt_limit;
	m.dtr_limit[EMUL_IDTR] = 0x3ff;
	m.seg[INSN_TR].base = 0x3000;
	m.seg[INSN_TR].limit = 0x67 + (h->cpl >> 2);
	m.seg[INSN_TR].attr = EMUL_SEG_P | (h->mode & 0x80 ? 11 : 3);
	for (i = 0; i < INSN_NR_GPRS; i++)
		m.gpr[i] = h->gpr[i & 7] + (u64)(h->gpr[(i + 3) & 7] & 1) * 0xfff0;
	memcpy(m.ram + GDT + 8, h->desc, sizeof(h->desc));
	for (i = 0x3000; i < 0x9000; i += sizeof(h->desc))
		memcpy(m.ram + i, h->desc, sizeof(h->desc));
	m.mmio_in_kernel = h->flags & FUZZ_MMIO_IN_KERNEL;
	m.port_in_kernel = h->flags & FUZZ_PORT_IN_KERNEL;
	m.c.guest_mode = h->flags & FUZZ_GUEST_MODE && h->cpl & 0x80;
	m.steal = h->flags & FUZZ_STEAL;
	if (h->flags & FUZZ_FEW_FEATURES)
		m.c.features = BIT_ULL(h->cr4[1] & 31);
}

static void check(enum emul_rc rc, const u64 *gpr, u64 rflags)
{
	ALWAYS(rc == EMUL_OK || rc == EMUL_FAULT || rc == EMUL_UNHANDLED ||
	       rc == EMUL_RETRY || rc == EMUL_INTERCEPTED);
	ALWAYS(m.c.phase == EMUL_PHASE_IDLE);
	if (rc == EMUL_OK)
		return;
	ALWAYS(rc != EMUL_FAULT || m.c.fault.vector < 32);
	ALWAYS(machine_unchanged(&m, gpr, rflags));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct head h;
	u64 gpr[INSN_NR_GPRS], rflags;
	unsigned int answers = 0;
	enum emul_rc rc;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	set_up(&h);
	memcpy(m.ram + CODE, h.code, sizeof(h.code));
	memcpy(gpr, m.gpr, sizeof(gpr));
	rflags = m.c.rflags;
	m.stream = data + sizeof(h);
	m.stream_len = size - sizeof(h);

	m.nr_ev = 0;
	emul_begin(&m.c);
	m.c.rip = CODE;
	emul_give_bytes(&m.c, h.code, h.code_len & 15);
	if (h.flags & FUZZ_HINT) {
		m.c.hint_valid = true;
		m.c.hint_write = h.flags & FUZZ_HINT_WRITE;
		m.c.hint_mmio = true;
		m.c.hint_gpa = MMIO_BASE + (h.gpr[3] & 0xfff);
	}
	rc = emul_run(&m.c);
	while (rc == EMUL_PENDING) {
		ALWAYS(m.c.phase == EMUL_PHASE_PENDING_IO);
		ALWAYS(m.c.io.size >= 1 && m.c.io.size <= 8 && m.c.io.count >= 1);
		ALWAYS(m.c.io.count * m.c.io.size <= m.c.pio_buf_len);
		/* User space may not come back at all. */
		if (++answers > 1000 || (m.stream_len && *m.stream == 0xdf))
			return 0;
		machine_answer(&m);
		rc = emul_run(&m.c);
	}
	check(rc, gpr, rflags);
	return 0;
}
