// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that need user space in the middle: each device access is seen
 * once, in order, and the instruction arrives.
 */
#include "machine.h"
#include "tap.h"

static struct machine m;
static unsigned int answers;

static void start(void)
{
	machine_init(&m);
	m.gpr[INSN_RBX] = MMIO_BASE + 0x10;
	m.gpr[INSN_RCX] = 3;
	m.gpr[INSN_RSI] = MMIO_BASE + 0x100;
	m.gpr[INSN_RDI] = DATA;
	m.gpr[INSN_RDX] = 0x70;
}

#define GO(...)								\
({									\
	static const u8 code_[] = { __VA_ARGS__ };			\
	machine_run(&m, code_, sizeof(code_), &answers);		\
})

static bool event(unsigned int i, enum event_kind kind, u64 addr, u64 data,
		  unsigned int len)
{
	const struct event *e = &m.ev[i];

	return i < m.nr_ev && e->kind == kind && e->addr == addr &&
	       e->data == data && e->len == len;
}

static bool read_event(unsigned int i, u64 addr, unsigned int len)
{
	return event(i, EV_MMIO_READ, addr, mmio_value(addr, len), len);
}

static void loads_and_stores(bool in_kernel)
{
	const char *how = in_kernel ? "kernel" : "user space";
	u64 a = MMIO_BASE + 0x10, v;

	start();
	m.mmio_in_kernel = in_kernel;
	tap_result(GO(0x8b, 0x03) == EMUL_OK && m.nr_ev == 1 &&
		   read_event(0, a, 4) && m.gpr[INSN_RAX] == mmio_value(a, 4) &&
		   m.c.rip == CODE + 2 && answers == !in_kernel,
		   "load (%s)", how);

	start();
	m.mmio_in_kernel = in_kernel;
	tap_result(GO(0x48, 0x89, 0x03) == EMUL_OK && m.nr_ev == 1 &&
		   event(0, EV_MMIO_WRITE, a, 0x0101010101010101, 8),
		   "store (%s)", how);

	start();
	m.mmio_in_kernel = in_kernel;
	tap_result(GO(0x0f, 0xb6, 0x03) == EMUL_OK && read_event(0, a, 1) &&
		   m.gpr[INSN_RAX] == mmio_value(a, 1), "MOVZX (%s)", how);

	start();
	m.mmio_in_kernel = in_kernel;
	v = mmio_value(a, 4) | 0x80;
	tap_result(GO(0x81, 0x0b, 0x80, 0, 0, 0) == EMUL_OK && m.nr_ev == 2 &&
		   read_event(0, a, 4) && event(1, EV_MMIO_WRITE, a, v, 4),
		   "read-modify-write (%s)", how);

	start();
	m.mmio_in_kernel = in_kernel;
	tap_result(GO(0xf0, 0x0f, 0xb1, 0x0b) == EMUL_OK && m.nr_ev == 2 &&
		   read_event(0, a, 4) && m.gpr[INSN_RAX] == mmio_value(a, 4) &&
		   event(1, EV_MMIO_WRITE, a, mmio_value(a, 4), 4),
		   "LOCK CMPXCHG (%s)", how);

	start();
	m.mmio_in_kernel = in_kernel;
	tap_result(GO(0x87, 0x0b) == EMUL_OK && m.nr_ev == 2 &&
		   read_event(0, a, 4) && event(1, EV_MMIO_WRITE, a, 3, 4) &&
		   m.gpr[INSN_RCX] == mmio_value(a, 4), "XCHG (%s)", how);

	start();
	m.mmio_in_kernel = in_kernel;
	tap_result(GO(0x0f, 0x11, 0x03) == EMUL_OK && m.nr_ev == 2 &&
		   event(0, EV_MMIO_WRITE, a, m.vec[0][0], 8) &&
		   event(1, EV_MMIO_WRITE, a + 8, m.vec[0][1], 8),
		   "16-byte store (%s)", how);

	start();
	m.mmio_in_kernel = in_kernel;
	tap_result(GO(0xc5, 0xfe, 0x6f, 0x0b) == EMUL_OK && m.nr_ev == 4 &&
		   read_event(3, a + 24, 8) &&
		   m.vec[1][0] == mmio_value(a, 8) &&
		   m.vec[1][3] == mmio_value(a + 24, 8),
		   "32-byte load (%s)", how);
}

static void crossings(void)
{
	u64 edge = MMIO_BASE, v;

	start();
	m.gpr[INSN_RBX] = edge - 3;
	ram_put(&m, edge - 3, 0xccbbaa, 3);
	v = 0xccbbaa | mmio_value(edge, 5) << 24;
	tap_result(GO(0x48, 0x8b, 0x03) == EMUL_OK && m.nr_ev == 1 &&
		   read_event(0, edge, 5) && m.gpr[INSN_RAX] == v,
		   "load from memory into device");

	start();
	m.gpr[INSN_RBX] = edge - 3;
	tap_result(GO(0x48, 0x89, 0x0b) == EMUL_OK && m.nr_ev == 1 &&
		   event(0, EV_MMIO_WRITE, edge, 0, 5) &&
		   ram_get(&m, edge - 3, 3) == 3,
		   "store from memory into device");

	start();
	m.gpr[INSN_RBX] = edge - 3;
	ram_put(&m, edge - 3, 0xffffff, 3);
	v = mmio_value(edge, 5) + 1;
	tap_result(GO(0x48, 0xff, 0x03) == EMUL_OK && m.nr_ev == 2 &&
		   read_event(0, edge, 5) &&
		   event(1, EV_MMIO_WRITE, edge, v, 5) &&
		   ram_get(&m, edge - 3, 3) == 0,
		   "INC from memory into device");

	start();
	m.gpr[INSN_RBX] = edge + 0x1000 - 4;
	tap_result(GO(0x48, 0x89, 0x03) == EMUL_OK && m.nr_ev == 2 &&
		   event(0, EV_MMIO_WRITE, edge + 0xffc, 0x01010101, 4) &&
		   event(1, EV_MMIO_WRITE, edge + 0x1000, 0x01010101, 4),
		   "store across two device pages");

	start();
	m.gpr[INSN_RBX] = DATA + 0xffc;
	m.fault_page = (DATA + 0x1000) >> 12;
	tap_result(GO(0x48, 0x89, 0x03) == EMUL_FAULT &&
		   m.c.fault.address == DATA + 0x1000 &&
		   ram_get(&m, DATA + 0xffc, 4) == 0,
		   "a store that faults on its second page stores nothing");
}

static void pushes_and_pops(void)
{
	u64 edge = MMIO_BASE;
	unsigned int i;
	bool ok;

	/* PUSHA with the stack growing from device into memory (E3). */
	start();
	machine_mode(&m, EMUL_MODE_PROT32);
	m.gpr[INSN_RSP] = edge + 10;
	ok = GO(0x60) == EMUL_OK;
	tap_result(ok && m.nr_ev == 3 &&
		   event(0, EV_MMIO_WRITE, edge + 6, 0x01010101, 4) &&
		   event(1, EV_MMIO_WRITE, edge + 2, 3, 4) &&
		   event(2, EV_MMIO_WRITE, edge, 0, 2) &&
		   ram_get(&m, edge - 2, 2) == 0x70 &&
		   m.gpr[INSN_RSP] == edge + 10 - 32, "PUSHA, device to memory");

	start();
	machine_mode(&m, EMUL_MODE_PROT32);
	m.gpr[INSN_RSP] = edge + 0x1000 + 16;
	ok = GO(0x60) == EMUL_OK;
	tap_result(ok && m.nr_ev == 8 && answers == 8 &&
		   m.gpr[INSN_RSP] == edge + 0x1000 - 16,
		   "PUSHA across two device pages");

	start();
	machine_mode(&m, EMUL_MODE_PROT32);
	m.gpr[INSN_RSP] = edge + 2;
	for (i = 0; i < 8; i++)
		m.gpr[i == INSN_RSP ? INSN_RAX : i] = i;
	ok = GO(0x61) == EMUL_OK;
	tap_result(ok && m.nr_ev == 8 && m.gpr[INSN_RDI] == mmio_value(edge + 2, 4) &&
		   m.gpr[INSN_RAX] == mmio_value(edge + 30, 4) &&
		   m.gpr[INSN_RSP] == edge + 34, "POPA from a device");

	start();
	m.gpr[INSN_RSP] = edge + 0x20;
	tap_result(GO(0xff, 0x33) == EMUL_OK && m.nr_ev == 2 &&
		   read_event(0, edge + 0x10, 8) &&
		   event(1, EV_MMIO_WRITE, edge + 0x18,
			 mmio_value(edge + 0x10, 8), 8),
		   "PUSH from device to device");

	start();
	m.gpr[INSN_RSP] = edge + 0x1000;
	ok = GO(0xe8, 0, 1, 0, 0) == EMUL_OK;
	tap_result(ok && event(0, EV_MMIO_WRITE, edge + 0xff8, CODE + 5, 8) &&
		   m.c.rip == CODE + 5 + 0x100, "CALL with its stack in a device");
}

static void strings(void)
{
	u64 s = MMIO_BASE + 0x100;
	unsigned int i;
	bool ok;

	start();
	ok = GO(0xf3, 0xa5) == EMUL_OK && m.nr_ev == 3;
	for (i = 0; i < 3; i++)
		ok = ok && read_event(i, s + 4 * i, 4) &&
		     ram_get(&m, DATA + 4 * i, 4) == mmio_value(s + 4 * i, 4);
	tap_result(ok && m.gpr[INSN_RCX] == 0 && m.gpr[INSN_RSI] == s + 12 &&
		   m.gpr[INSN_RDI] == DATA + 12, "REP MOVS device to memory");

	start();
	m.gpr[INSN_RDI] = MMIO_BASE + 0x200;
	ok = GO(0xf3, 0xa5) == EMUL_OK && m.nr_ev == 6;
	for (i = 0; i < 3; i++)
		ok = ok && read_event(2 * i, s + 4 * i, 4) &&
		     event(2 * i + 1, EV_MMIO_WRITE, MMIO_BASE + 0x200 + 4 * i,
			   mmio_value(s + 4 * i, 4), 4);
	tap_result(ok, "REP MOVS device to device");

	start();
	m.gpr[INSN_RDI] = MMIO_BASE - 4;
	ok = GO(0xf3, 0xab) == EMUL_OK && m.nr_ev == 2 &&
	     ram_get(&m, MMIO_BASE - 4, 4) == 0x01010101;
	tap_result(ok && event(1, EV_MMIO_WRITE, MMIO_BASE + 4, 0x01010101, 4),
		   "REP STOS from memory into a device");

	start();
	m.gpr[INSN_RDI] = s;		/* compare the device with itself */
	ok = GO(0xf3, 0xa6) == EMUL_OK;
	tap_result(ok && m.nr_ev == 6 && m.gpr[INSN_RCX] == 0,
		   "REPE CMPS reads a device twice per element");

	start();
	m.gpr[INSN_RCX] = 1000;
	m.gpr[INSN_RSI] = DATA + 0x1000;
	ok = GO(0xf3, 0xa4) == EMUL_RETRY;
	tap_result(ok && m.gpr[INSN_RCX] > 0 && m.gpr[INSN_RCX] < 1000 &&
		   m.c.rip == CODE &&
		   m.gpr[INSN_RSI] - DATA - 0x1000 == 1000 - m.gpr[INSN_RCX],
		   "a long REP MOVS pauses with its registers settled");

	start();
	m.gpr[INSN_RCX] = 5;
	m.gpr[INSN_RSI] = DATA + 0x1000 - 3;
	m.fault_page = (DATA + 0x1000) >> 12;
	ok = GO(0xf3, 0xac) == EMUL_FAULT;
	tap_result(ok && m.gpr[INSN_RCX] == 2 &&
		   m.gpr[INSN_RSI] == DATA + 0x1000 && m.c.rip == CODE,
		   "REP LODS faults with three elements done");

	start();
	m.gpr[INSN_RCX] = 5;
	m.gpr[INSN_RAX] = 1;
	m.gpr[INSN_RDI] = DATA + 0x1000 - 3;
	ram_put(&m, DATA + 0x1000 - 3, 0x020202, 3);
	m.fault_page = (DATA + 0x1000) >> 12;
	ok = GO(0xf2, 0xae) == EMUL_FAULT;
	tap_result(ok && m.gpr[INSN_RCX] == 2 && (m.c.rflags & FLAGS_ARITH) ==
		   (X86_EFLAGS_CF | X86_EFLAGS_SF | X86_EFLAGS_AF | X86_EFLAGS_PF),
		   "REPNE SCAS faults with the flags of the third element");
}

/* CVE-2025-40026: what the nested hypervisor intercepts changes while user space has the access. */
static void intercept_changes(void)
{
	start();
	m.c.guest_mode = true;
	m.not_intercepted = true;
	emul_begin(&m.c);
	m.c.rip = CODE;
	emul_give_bytes(&m.c, (const u8[]){ 0xed }, 1);
	tap_result(emul_run(&m.c) == EMUL_PENDING && m.asked == 1,
		   "IN that is not intercepted goes to user space");
	m.not_intercepted = false;
	machine_answer(&m);
	tap_result(emul_run(&m.c) == EMUL_OK && m.asked == 1 && m.nr_ev == 1 &&
		   m.c.rip == CODE + 1 && m.gpr[INSN_RAX] == mmio_value(0x70, 4),
		   "its completion asks nobody");
	tap_result(GO(0xed) == EMUL_INTERCEPTED && m.asked == 2,
		   "the next one is");
}

static void ports(void)
{
	u64 v = mmio_value(0x70, 4);
	unsigned int i;
	bool ok;

	start();
	tap_result(GO(0xec) == EMUL_OK && event(0, EV_IN, 0x70, 1, 1) &&
		   (u8)m.gpr[INSN_RAX] == (u8)v &&
		   m.gpr[INSN_RAX] >> 8 == 0x01010101010101, "IN AL");
	start();
	tap_result(GO(0xed) == EMUL_OK && m.gpr[INSN_RAX] == v, "IN EAX");
	start();
	tap_result(GO(0x66, 0xe7, 0x80) == EMUL_OK && answers == 1 &&
		   event(0, EV_OUT, 0x80, 0x0101, 2), "OUT AX");
	start();
	ok = GO(0xf3, 0x6d) == EMUL_OK && m.nr_ev == 1 &&
	     event(0, EV_IN, 0x70, 3, 4);
	for (i = 0; i < 3; i++)
		ok = ok && ram_get(&m, DATA + 4 * i, 4) == v;
	tap_result(ok && m.gpr[INSN_RDI] == DATA + 12 && !m.gpr[INSN_RCX] &&
		   ram_get(&m, DATA + 12, 4) == 0, "REP INS asks once");
	start();
	m.gpr[INSN_RSI] = DATA;
	ram_put(&m, DATA, 0x030201, 3);
	ok = GO(0xf3, 0x6e) == EMUL_OK;
	tap_result(ok && m.nr_ev == 1 && answers == 1 && !m.gpr[INSN_RCX] &&
		   event(0, EV_OUT, 0x70, 0x01, 1), "REP OUTS asks once");
	start();
	ok = GO(0xf3, 0x6e) == EMUL_OK;
	tap_result(ok && m.nr_ev == 6 && answers == 6 &&
		   event(1, EV_OUT, 0x70, mmio_value(MMIO_BASE + 0x100, 1), 1),
		   "REP OUTS from a device");
	start();
	m.gpr[INSN_RDI] = MMIO_BASE + 8;
	ok = GO(0xf3, 0x6d) == EMUL_OK;
	tap_result(ok && m.nr_ev == 4 &&
		   event(3, EV_MMIO_WRITE, MMIO_BASE + 16, v, 4),
		   "REP INS into a device");
	start();
	m.gpr[INSN_RDI] = DATA + 0xff8;
	m.gpr[INSN_RCX] = 4;
	ok = GO(0xf3, 0x6d) == EMUL_OK;
	tap_result(ok && m.nr_ev == 2 && m.gpr[INSN_RDI] == DATA + 0x1008 &&
		   ram_get(&m, DATA + 0x1004, 4) == v,
		   "REP INS stops at the end of a page and goes on");
	start();
	m.c.rflags |= X86_EFLAGS_DF;
	ok = GO(0xf3, 0x6c) == EMUL_OK;
	tap_result(ok && m.nr_ev == 3 && m.gpr[INSN_RDI] == DATA - 3,
		   "REP INS downwards");
	start();
	m.fault_page = DATA >> 12;
	tap_result(GO(0xf3, 0x6d) == EMUL_FAULT && m.nr_ev == 0,
		   "INS to a page that faults reads no port");
	start();
	m.c.cpl = 3;
	tap_result(GO(0xec) == EMUL_FAULT && m.c.fault.vector == X86_TRAP_GP &&
		   m.nr_ev == 0, "IN needs permission");
	start();
	m.c.cpl = 3;
	m.seg[INSN_TR] = (struct emul_seg){
		.base = 0x3000, .limit = 0x200, .attr = EMUL_SEG_P | 11,
	};
	ram_put(&m, 0x3000 + 102, 0x68, 2);
	ram_put(&m, 0x3068 + 0x70 / 8, 0xfffe, 2);
	tap_result(GO(0xec) == EMUL_OK && m.nr_ev == 1, "the bitmap gives it");
	m.nr_ev = 0;
	tap_result(GO(0x66, 0xed) == EMUL_FAULT && m.nr_ev == 0,
		   "for one port and not for the next");
}

/* A hint replaces the walk, and only for the access that it is about. */
static void hints(void)
{
	static const u8 load[] = { 0x8b, 0x03 }, push[] = { 0xff, 0x33 };
	enum emul_rc rc;

	start();
	m.mmio_in_kernel = true;
	m.gpr[INSN_RBX] = 0x7fff00010010;	/* nothing is mapped there */
	emul_begin(&m.c);
	m.c.rip = CODE;
	emul_give_bytes(&m.c, load, sizeof(load));
	m.c.hint_valid = m.c.hint_mmio = true;
	m.c.hint_gpa = MMIO_BASE + 0x10;
	rc = emul_run(&m.c);
	tap_result(rc == EMUL_OK && m.gpr[INSN_RAX] ==
		   mmio_value(MMIO_BASE + 0x10, 4), "a hint is used");

	emul_begin(&m.c);
	m.c.rip = CODE;
	emul_give_bytes(&m.c, load, sizeof(load));
	m.c.hint_valid = true;
	m.c.hint_gpa = MMIO_BASE + 0x14;
	tap_result(emul_run(&m.c) == EMUL_FAULT,
		   "not for another offset within the page");

	emul_begin(&m.c);
	m.c.rip = CODE;
	emul_give_bytes(&m.c, push, sizeof(push));
	m.c.hint_valid = true;
	m.c.hint_gpa = MMIO_BASE + 0x10;
	tap_result(emul_run(&m.c) == EMUL_FAULT,
		   "not for an instruction with two accesses");
}

int main(void)
{
	loads_and_stores(false);
	loads_and_stores(true);
	crossings();
	pushes_and_pops();
	strings();
	intercept_changes();
	ports();
	hints();
	return tap_end();
}
