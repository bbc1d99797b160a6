// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user mode cannot do natively: segment loads by all privileges, gates,
 * returns, tasks, interrupts, system calls.
 */
#include "machine.h"
#include "tap.h"

static struct machine m;

/* Selectors of the GDT at GDT; descriptors of tests are put at SEL_T. */
#define SEL_CODE	0x08
#define SEL_DATA	0x10
#define SEL_UCODE	0x1b
#define SEL_UDATA	0x23
#define SEL_CODE64	0x28
#define SEL_T		0x30
#define SEL_TSS		0x40
#define SEL_TSS2	0x50
#define SEL_TSS16	0x60
#define SEL_GATE	0x70
#define SEL_GATE16	0x80
#define GDT_LIMIT	0x8f
#define IDT		0x800
#define TSS		0xa00
#define TSS2		0xb00
#define TSS16		0xc00
#define INNER		0x7000		/* stack of CPL 0 */
#define TARGET		0x2000

#define RUNS(want, what, ...)						\
	tap_result(RUN(&m, __VA_ARGS__) == (want), what)
#define IS(cond, what) tap_result(cond, what)

static u64 desc(u8 access, u8 size)
{
	return 0xffff | (u64)access << 40 | 0xfULL << 48 | (u64)size << 52;
}

static void put_desc(u16 sel, u64 raw)
{
	ram_put(&m, GDT + (sel & ~7), raw, 8);
}

static void put_gate(u64 at, u8 access, u16 sel, u8 low)
{
	ram_put(&m, at, TARGET | (u64)sel << 16 | (u64)low << 32 |
			(u64)access << 40, 8);
}

static void set_seg(enum insn_seg seg, u16 sel)
{
	u64 raw = ram_get(&m, GDT + (sel & ~7), 8);

	m.seg[seg] = (struct emul_seg){
		.selector = sel, .limit = 0xffffffff,
		.attr = ((raw >> 40) & 0xff) | ((raw >> 44) & 0xf00),
	};
}

static void start(enum emul_mode mode, unsigned int cpl)
{
	bool in_long = mode == EMUL_MODE_LONG64;
	u16 code = in_long ? SEL_CODE64 : SEL_CODE;
	unsigned int v;

	machine_init(&m);
	machine_mode(&m, mode);
	m.c.cpl = m.cpl = cpl;
	m.dtr_base[EMUL_GDTR] = GDT;
	m.dtr_limit[EMUL_GDTR] = GDT_LIMIT;
	m.dtr_base[EMUL_IDTR] = IDT;
	m.dtr_limit[EMUL_IDTR] = 0x1ff;
	put_desc(SEL_CODE, desc(0x9a, 0xc));
	put_desc(SEL_DATA, desc(0x92, 0xc));
	put_desc(SEL_UCODE, desc(0xfa, 0xc));
	put_desc(SEL_UDATA, desc(0xf2, 0xc));
	put_desc(SEL_CODE64, desc(0x9a, 0xa));
	put_desc(SEL_TSS, 0x67 | (u64)TSS << 16 | 0x8bULL << 40);
	put_desc(SEL_TSS2, 0x67 | (u64)TSS2 << 16 | 0x89ULL << 40);
	put_desc(SEL_TSS16, 0x2b | (u64)TSS16 << 16 | 0x81ULL << 40);
	put_gate(GDT + SEL_GATE, 0xec, code, in_long ? 0 : 2);
	put_gate(GDT + SEL_GATE16, 0xe4, SEL_CODE, 0);
	for (v = 0; v < 0x20; v++)
		put_gate(IDT + v * (in_long ? 16 : 8), v == 3 ? 0xee : 0x8e,
			 code, 0);
	ram_put(&m, TSS + 4, INNER, in_long ? 8 : 4);
	if (!in_long)
		ram_put(&m, TSS + 8, SEL_DATA, 2);
	m.seg[INSN_TR] = (struct emul_seg){
		.selector = SEL_TSS, .base = TSS, .limit = 0x67,
		.attr = EMUL_SEG_P | 11,
	};
	if (mode >= EMUL_MODE_PROT32) {
		set_seg(INSN_CS, cpl ? SEL_UCODE : code);
		set_seg(INSN_SS, cpl ? SEL_UDATA : SEL_DATA);
		if (in_long)
			m.seg[INSN_CS].attr |= EMUL_SEG_L;
	}
}

static bool fault(u8 vector, u32 error)
{
	return m.c.fault.vector == vector && m.c.fault.error_code == error;
}

/* ---- segment loads: CPL x DPL x RPL x type ---- */

static bool load_allowed(bool ss, unsigned int type, unsigned int cpl,
			 unsigned int dpl, unsigned int rpl)
{
	bool code = type & 8, conforming = code && (type & 4);
	bool readable = !code || (type & 2), writable = !code && (type & 2);

	if (ss)
		return writable && rpl == cpl && dpl == cpl;
	return readable && (conforming || (dpl >= cpl && dpl >= rpl));
}

static bool one_load(bool ss, unsigned int type, unsigned int cpl,
		     unsigned int dpl, unsigned int rpl, bool present)
{
	enum insn_seg seg = ss ? INSN_SS : INSN_DS;
	u16 sel = SEL_T | rpl;
	u8 absent = ss ? X86_TRAP_SS : X86_TRAP_NP;
	struct emul_seg before;
	enum emul_rc rc;

	put_desc(SEL_T, desc(type | 0x10 | dpl << 5 | present << 7, 0xc));
	m.c.cpl = cpl;
	m.gpr[INSN_RAX] = sel;
	before = m.seg[seg];
	rc = ss ? RUN(&m, 0x8e, 0xd0) : RUN(&m, 0x8e, 0xd8);
	if (load_allowed(ss, type, cpl, dpl, rpl) && present)
		return rc == EMUL_OK && m.seg[seg].selector == sel &&
		       (m.seg[seg].attr & EMUL_SEG_ACCESSED) &&
		       (ram_get(&m, GDT + SEL_T + 5, 1) & 1);
	if (rc != EMUL_FAULT || memcmp(&before, &m.seg[seg], sizeof(before)))
		return false;
	return load_allowed(ss, type, cpl, dpl, rpl) ? fault(absent, SEL_T)
						     : fault(X86_TRAP_GP, SEL_T);
}

static void segment_loads(void)
{
	unsigned int type, n, bad = 0, count = 0;

	start(EMUL_MODE_PROT32, 0);
	for (type = 0; type < 16; type++) {
		for (n = 0; n < 256; n++, count++)
			bad += !one_load(n & 1, type, n >> 1 & 3, n >> 3 & 3,
					 n >> 5 & 3, n >> 7 & 1);
	}
	tap_result(!bad, "segment loads of each type, DPL, RPL, CPL (%u)", count);
}

/* ---- gates and returns ---- */

static void gates(void)
{
	start(EMUL_MODE_PROT32, 3);
	ram_put(&m, STACK, 0xaaaa5555, 4);
	ram_put(&m, STACK + 4, 0x12345678, 4);
	RUNS(EMUL_OK, "CALL through a gate to CPL 0",
	     0x9a, 0, 0, 0, 0, SEL_GATE | 3, 0);
	IS(m.c.rip == TARGET && m.cpl == 0 && m.seg[INSN_CS].selector == SEL_CODE &&
	   m.seg[INSN_SS].selector == SEL_DATA && m.gpr[INSN_RSP] == INNER - 24,
	   "arrives with the stack of the TSS");
	IS(ram_get(&m, INNER - 4, 4) == SEL_UDATA && ram_get(&m, INNER - 8, 4) == STACK &&
	   ram_get(&m, INNER - 12, 4) == 0x12345678 &&
	   ram_get(&m, INNER - 16, 4) == 0xaaaa5555 &&
	   ram_get(&m, INNER - 20, 4) == SEL_UCODE &&
	   ram_get(&m, INNER - 24, 4) == CODE + 7, "with parameters and return address");
	m.c.cpl = 0;
	RUNS(EMUL_OK, "RETF 8 goes back", 0xca, 8, 0);
	IS(m.c.rip == CODE + 7 && m.cpl == 3 && m.gpr[INSN_RSP] == STACK + 8 &&
	   m.seg[INSN_CS].selector == SEL_UCODE && m.seg[INSN_SS].selector == SEL_UDATA,
	   "to where it was called");
	IS(m.seg[INSN_DS].selector == 0 && !(m.seg[INSN_DS].attr & EMUL_SEG_P),
	   "without the kernel's data segments");

	start(EMUL_MODE_PROT32, 3);
	RUNS(EMUL_FAULT, "JMP through it is refused",
	     0xea, 0, 0, 0, 0, SEL_GATE | 3, 0);
	IS(fault(X86_TRAP_GP, SEL_CODE), "with the code segment's selector");
	ram_put(&m, TSS + 8, SEL_UDATA, 2);
	RUNS(EMUL_FAULT, "a TSS with a user's SS", 0x9a, 0, 0, 0, 0, SEL_GATE | 3, 0);
	IS(fault(X86_TRAP_TS, SEL_UDATA & ~3) && m.cpl == 3, "is #TS");
	ram_put(&m, TSS + 8, SEL_DATA, 2);
	m.seg[INSN_TR].limit = 7;
	RUNS(EMUL_FAULT, "a TSS that is too small", 0x9a, 0, 0, 0, 0, SEL_GATE | 3, 0);
	IS(fault(X86_TRAP_TS, SEL_TSS), "is #TS with its selector");
	m.seg[INSN_TR].limit = 0x67;
	m.fault_page = (INNER - 1) >> 12;
	RUNS(EMUL_FAULT, "an inner stack that is not there", 0x9a, 0, 0, 0, 0, SEL_GATE | 3, 0);
	IS(m.c.fault.vector == X86_TRAP_PF && !(m.c.fault.error_code & 4) &&
	   m.gpr[INSN_RSP] == STACK && m.seg[INSN_CS].selector == SEL_UCODE,
	   "is a supervisor's page fault, and nothing has changed");

	start(EMUL_MODE_PROT32, 0);
	ram_put(&m, DATA, 0, 4);
	ram_put(&m, DATA + 4, SEL_GATE16, 2);
	m.gpr[INSN_RBX] = DATA;
	RUNS(EMUL_OK, "a 16-bit gate at the same level", 0xff, 0x1b);
	IS((u16)m.gpr[INSN_RSP] == STACK - 4 && ram_get(&m, STACK - 2, 2) == SEL_CODE,
	   "pushes words");

	start(EMUL_MODE_LONG64, 3);
	ram_put(&m, DATA, 0, 4);
	ram_put(&m, DATA + 4, SEL_GATE | 3, 2);
	ram_put(&m, GDT + SEL_GATE + 8, 0, 8);
	m.gpr[INSN_RBX] = DATA;
	RUNS(EMUL_OK, "a 64-bit gate", 0xff, 0x1b);
	IS(m.c.rip == TARGET && m.cpl == 0 && m.seg[INSN_SS].selector == 0 &&
	   m.gpr[INSN_RSP] == INNER - 32 && ram_get(&m, INNER - 16, 8) == STACK,
	   "has a null SS and four words");
	ram_put(&m, GDT + SEL_GATE + 13, 0x1f, 1);
	m.c.cpl = 3;
	m.gpr[INSN_RBX] = DATA;
	RUNS(EMUL_FAULT, "a type in its upper half", 0xff, 0x1b);
	IS(fault(X86_TRAP_GP, SEL_GATE), "is #GP");
}

/* ---- tasks ---- */

static void put_task32(u32 cs, u32 ss, u32 ds)
{
	unsigned int i;

	for (i = 0; i < 0x68; i += 4)
		ram_put(&m, TSS2 + i, 0, 4);
	ram_put(&m, TSS2 + 32, TARGET, 4);
	ram_put(&m, TSS2 + 36, X86_EFLAGS_FIXED, 4);
	for (i = 0; i < 8; i++)
		ram_put(&m, TSS2 + 40 + 4 * i, 0x100 + i, 4);
	ram_put(&m, TSS2 + 56, 0x7800, 4);
	ram_put(&m, TSS2 + 76, cs, 4);
	ram_put(&m, TSS2 + 80, ss, 4);
	ram_put(&m, TSS2 + 84, ds, 4);
}

static void tasks(void)
{
	struct emul_task t = {
		.sel = SEL_TSS2, .reason = EMUL_TASK_GATE, .event = true,
		.has_error = true, .error = 0x1234,
	};

	start(EMUL_MODE_PROT32, 0);
	put_task32(SEL_CODE, SEL_DATA, SEL_UDATA);
	m.gpr[INSN_RAX] = 0xabcdef;
	RUNS(EMUL_OK, "CALL to a TSS", 0x9a, 0, 0, 0, 0, SEL_TSS2, 0);
	IS(m.c.rip == TARGET && m.gpr[INSN_RBX] == 0x103 && m.gpr[INSN_RSP] == 0x7800 &&
	   m.seg[INSN_DS].selector == SEL_UDATA && m.seg[INSN_TR].selector == SEL_TSS2 &&
	   m.seg[INSN_TR].base == TSS2 && (m.c.rflags & X86_EFLAGS_NT), "runs the new task");
	IS(ram_get(&m, TSS2, 2) == SEL_TSS && ram_get(&m, GDT + SEL_TSS2 + 5, 1) == 0x8b &&
	   ram_get(&m, GDT + SEL_TSS + 5, 1) == 0x8b, "linked, both busy");
	IS(ram_get(&m, TSS + 32, 4) == CODE + 7 && ram_get(&m, TSS + 40, 4) == 0xabcdef &&
	   ram_get(&m, TSS + 76, 2) == SEL_CODE, "the old one is saved");
	RUNS(EMUL_OK, "IRET with NT", 0xcf);
	IS(m.c.rip == CODE + 7 && m.gpr[INSN_RAX] == 0xabcdef &&
	   m.seg[INSN_TR].selector == SEL_TSS && !(m.c.rflags & X86_EFLAGS_NT) &&
	   ram_get(&m, GDT + SEL_TSS2 + 5, 1) == 0x89, "returns and frees it");

	start(EMUL_MODE_PROT32, 0);
	put_task32(SEL_CODE, SEL_DATA, SEL_DATA);
	RUNS(EMUL_OK, "JMP to a TSS", 0xea, 0, 0, 0, 0, SEL_TSS2, 0);
	IS(ram_get(&m, GDT + SEL_TSS + 5, 1) == 0x89 && !(m.c.rflags & X86_EFLAGS_NT),
	   "frees the old one");
	RUNS(EMUL_FAULT, "to itself, which is busy", 0xea, 0, 0, 0, 0, SEL_TSS2, 0);
	IS(fault(X86_TRAP_GP, SEL_TSS2), "is #GP");

	start(EMUL_MODE_PROT32, 0);
	put_task32(SEL_CODE, SEL_UDATA, SEL_DATA);
	RUNS(EMUL_OK, "a task with a bad SS is switched to", 0xea, 0, 0, 0, 0, SEL_TSS2, 0);
	IS((m.c.effects & EMUL_FX_FAULT) && fault(X86_TRAP_TS, SEL_UDATA & ~3) &&
	   m.seg[INSN_TR].selector == SEL_TSS2 && m.c.rip == TARGET,
	   "and faults there");
	start(EMUL_MODE_PROT32, 0);
	put_task32(SEL_CODE, SEL_DATA, SEL_DATA);
	ram_put(&m, TSS2 + 100, 1, 1);
	RUNS(EMUL_OK, "a task that is traced", 0xea, 0, 0, 0, 0, SEL_TSS2, 0);
	IS((m.c.effects & EMUL_FX_FAULT) && m.c.fault.vector == X86_TRAP_DB &&
	   m.c.fault.address == 0x8000, "traps with BT");
	start(EMUL_MODE_PROT32, 0);
	put_task32(0x10, 0x20, 0x30);
	ram_put(&m, TSS2 + 36, X86_EFLAGS_VM | 2, 4);
	RUNS(EMUL_OK, "a virtual-8086 task", 0xea, 0, 0, 0, 0, SEL_TSS2, 0);
	IS(m.cpl == 3 && m.seg[INSN_CS].base == 0x100 && m.seg[INSN_DS].base == 0x300 &&
	   (m.c.rflags & X86_EFLAGS_VM), "has paragraphs");

	start(EMUL_MODE_PROT32, 0);
	put_task32(SEL_CODE, SEL_DATA, SEL_DATA);
	emul_begin(&m.c);
	m.c.rip = CODE;
	IS(emul_switch_task(&m.c, &t) == EMUL_OK && m.gpr[INSN_RSP] == 0x77fc &&
	   ram_get(&m, 0x77fc, 4) == 0x1234 && ram_get(&m, TSS + 32, 4) == CODE,
	   "an exception's task has the error code on its stack");
	start(EMUL_MODE_PROT32, 0);
	ram_put(&m, GDT + SEL_TSS2, 0x20, 2);
	emul_begin(&m.c);
	m.c.rip = CODE;
	IS(emul_switch_task(&m.c, &t) == EMUL_FAULT && fault(X86_TRAP_TS, SEL_TSS2 | 1) &&
	   m.seg[INSN_TR].selector == SEL_TSS, "a small TSS is #TS with EXT");

	start(EMUL_MODE_PROT32, 0);
	ram_put(&m, TSS16 + 14, TARGET, 2);
	ram_put(&m, TSS16 + 16, 2, 2);
	ram_put(&m, TSS16 + 26, 0x7800, 2);
	ram_put(&m, TSS16 + 34, SEL_DATA, 2);
	ram_put(&m, TSS16 + 36, SEL_CODE, 2);
	ram_put(&m, TSS16 + 38, SEL_DATA, 2);
	ram_put(&m, TSS16 + 40, SEL_DATA, 2);
	ram_put(&m, TSS16 + 42, 0, 2);
	RUNS(EMUL_OK, "a 16-bit TSS", 0xea, 0, 0, 0, 0, SEL_TSS16, 0);
	IS(m.c.rip == TARGET && (u16)m.gpr[INSN_RSP] == 0x7800 &&
	   m.seg[INSN_FS].selector == 0, "is a task as well");
	start(EMUL_MODE_PROT32, 0);
	put_task32(SEL_CODE, SEL_DATA, SEL_DATA);
	m.seg[INSN_TR].base = MMIO_BASE;
	emul_begin(&m.c);
	m.c.rip = CODE;
	IS(emul_switch_task(&m.c, &t) == EMUL_UNHANDLED && m.c.rip == CODE &&
	   m.seg[INSN_TR].selector == SEL_TSS, "a TSS in a device is left alone");
}

/* ---- interrupts ---- */

static void interrupts(void)
{
	struct emul_event ev = { .vector = 14, .has_error = true, .error = 6 };

	start(EMUL_MODE_PROT32, 3);
	RUNS(EMUL_OK, "INT3 at CPL 3", 0xcc);
	IS(m.cpl == 0 && m.c.rip == TARGET && m.gpr[INSN_RSP] == INNER - 20 &&
	   ram_get(&m, INNER - 20, 4) == CODE + 1 && (m.c.effects & EMUL_FX_NO_TF),
	   "goes to CPL 0, behind it");
	m.c.cpl = 3;
	set_seg(INSN_CS, SEL_UCODE);
	set_seg(INSN_SS, SEL_UDATA);
	RUNS(EMUL_FAULT, "INT to a gate of DPL 0", 0xcd, 0x10);
	IS(fault(X86_TRAP_GP, 0x10 * 8 + 2), "is #GP");
	emul_begin(&m.c);
	m.c.rip = CODE;
	m.gpr[INSN_RSP] = STACK;
	IS(emul_deliver(&m.c, &ev) == EMUL_OK && ram_get(&m, INNER - 24, 4) == 6 &&
	   ram_get(&m, INNER - 20, 4) == CODE, "an exception goes through it");
	start(EMUL_MODE_PROT32, 3);
	put_gate(IDT + 8 * 14, 0x8e, SEL_DATA, 0);
	emul_begin(&m.c);
	m.c.rip = CODE;
	IS(emul_deliver(&m.c, &ev) == EMUL_FAULT && fault(X86_TRAP_GP, SEL_DATA | 1) &&
	   m.cpl == 3 && m.c.rip == CODE, "a gate to data is #GP with EXT");

	start(EMUL_MODE_V86, 3);
	set_seg(INSN_SS, SEL_DATA);
	m.seg[INSN_SS] = (struct emul_seg){ .limit = 0xffff, .attr = 0xf3 };
	m.seg[INSN_DS].selector = 0x123;
	m.c.rflags |= X86_EFLAGS_VM;
	RUNS(EMUL_OK, "INT3 in virtual-8086 mode", 0xcc);
	IS(m.cpl == 0 && m.gpr[INSN_RSP] == INNER - 36 && ram_get(&m, INNER - 12, 4) == 0x123 &&
	   !(m.c.rflags & X86_EFLAGS_VM) && m.seg[INSN_DS].selector == 0,
	   "leaves it, with its segments on the stack");

	start(EMUL_MODE_LONG64, 3);
	ram_put(&m, IDT + 3 * 16 + 4, 1, 1);
	ram_put(&m, TSS + 36, 0x6ff8, 8);
	RUNS(EMUL_OK, "INT3 with an interrupt stack", 0xcc);
	IS(m.gpr[INSN_RSP] == 0x6ff0 - 40 && ram_get(&m, 0x6ff0 - 8, 8) == SEL_UDATA,
	   "has it aligned");
	ram_put(&m, TSS + 36, 0x900000000000ULL, 8);
	m.c.cpl = 3;
	RUNS(EMUL_FAULT, "one that is not canonical", 0xcc);
	IS(m.c.fault.vector == X86_TRAP_SS, "is #SS");

	start(EMUL_MODE_REAL, 0);
	m.dtr_base[EMUL_IDTR] = 0;
	ram_put(&m, 14 * 4, 0x01000200, 4);
	emul_begin(&m.c);
	m.c.rip = CODE;
	IS(emul_deliver(&m.c, &ev) == EMUL_OK && m.c.rip == 0x200 &&
	   m.seg[INSN_CS].base == 0x1000 && (u16)m.gpr[INSN_RSP] == STACK - 6,
	   "real mode has no error codes");
	m.dtr_limit[EMUL_IDTR] = 0x10;
	emul_begin(&m.c);
	IS(emul_deliver(&m.c, &ev) == EMUL_FAULT, "and its table a limit");
	m.dtr_limit[EMUL_IDTR] = 0x3ff;
	m.gpr[INSN_RSP] = 0x100;
	m.seg[INSN_SS].base = MMIO_BASE;
	m.seg[INSN_SS].limit = 0xffff;
	emul_begin(&m.c);
	IS(emul_deliver(&m.c, &ev) == EMUL_UNHANDLED && m.gpr[INSN_RSP] == 0x100,
	   "a stack in user space's device is not for this");
}

/* ---- system calls ---- */

static void system_calls(void)
{
	start(EMUL_MODE_LONG64, 3);
	m.reg[EMUL_EFER] = 1;
	m.reg[EMUL_STAR] = 0x0023000800000000ULL;
	m.reg[EMUL_LSTAR] = 0x123456;
	m.reg[EMUL_SFMASK] = X86_EFLAGS_TF | X86_EFLAGS_IF;
	m.c.rflags |= X86_EFLAGS_TF | X86_EFLAGS_IF;
	RUNS(EMUL_OK, "SYSCALL", 0x0f, 0x05);
	IS(m.c.rip == 0x123456 && m.cpl == 0 && m.gpr[INSN_RCX] == CODE + 2 &&
	   m.gpr[INSN_R11] == (X86_EFLAGS_TF | X86_EFLAGS_IF | 2) && m.c.rflags == 2 &&
	   m.seg[INSN_CS].selector == 8 && (m.seg[INSN_CS].attr & EMUL_SEG_L) &&
	   m.seg[INSN_SS].selector == 16 && (m.c.effects & EMUL_FX_TF_AFTER), "enters");
	m.c.cpl = 0;
	RUNS(EMUL_OK, "SYSRETQ", 0x48, 0x0f, 0x07);
	IS(m.c.rip == CODE + 2 && m.cpl == 3 && m.seg[INSN_CS].selector == 0x33 &&
	   m.seg[INSN_SS].selector == 0x2b && (m.c.rflags & X86_EFLAGS_TF), "returns");
	m.gpr[INSN_RCX] = 1ULL << 63;
	RUNS(EMUL_OK, "AMD's goes anywhere", 0x48, 0x0f, 0x07);
	m.c.features &= ~BIT_ULL(EMUL_F_AMD);
	RUNS(EMUL_FAULT, "Intel's does not", 0x48, 0x0f, 0x07);
	IS(fault(X86_TRAP_GP, 0), "#GP");
	m.reg[EMUL_EFER] = 0;
	RUNS(EMUL_FAULT, "SYSCALL without SCE", 0x0f, 0x05);
	IS(m.c.fault.vector == X86_TRAP_UD, "#UD");

	RUNS(EMUL_FAULT, "SYSENTER with a null CS", 0x0f, 0x34);
	IS(fault(X86_TRAP_GP, 0), "#GP");
	m.reg[EMUL_SYSENTER_CS] = 3;
	RUNS(EMUL_FAULT, "with RPL as well", 0x0f, 0x34);
	m.reg[EMUL_SYSENTER_CS] = SEL_CODE64;
	m.reg[EMUL_SYSENTER_EIP] = 0x4321;
	m.reg[EMUL_SYSENTER_ESP] = 0x9876;
	m.c.cpl = 3;
	RUNS(EMUL_OK, "SYSENTER", 0x0f, 0x34);
	IS(m.c.rip == 0x4321 && m.gpr[INSN_RSP] == 0x9876 && m.cpl == 0, "enters");
	m.c.cpl = 3;
	RUNS(EMUL_FAULT, "SYSEXIT at CPL 3", 0x0f, 0x35);
	IS(fault(X86_TRAP_GP, 0), "#GP");
	m.c.features |= BIT_ULL(EMUL_F_AMD);
	RUNS(EMUL_FAULT, "SYSENTER of AMD in long mode", 0x0f, 0x34);
	IS(m.c.fault.vector == X86_TRAP_UD, "#UD");
	start(EMUL_MODE_REAL, 0);
	RUNS(EMUL_FAULT, "SYSENTER in real mode", 0x0f, 0x34);
	IS(fault(X86_TRAP_GP, 0), "#GP");
}

/* ---- virtual-8086 extensions, the backdoor ---- */

static void odds(void)
{
	start(EMUL_MODE_V86, 3);
	m.reg[EMUL_CR4] = X86_CR4_VME;
	m.c.rflags |= X86_EFLAGS_VM | X86_EFLAGS_VIF;
	RUNS(EMUL_OK, "PUSHF with VME", 0x9c);
	IS(ram_get(&m, STACK - 2, 2) == (X86_EFLAGS_IOPL | X86_EFLAGS_IF | 2),
	   "shows VIF as IF and IOPL 3");
	RUNS(EMUL_OK, "CLI with VME", 0xfa);
	IS(!(m.c.rflags & X86_EFLAGS_VIF), "clears VIF");
	m.c.rflags |= X86_EFLAGS_VIP;
	RUNS(EMUL_FAULT, "STI with VIP", 0xfb);
	IS(fault(X86_TRAP_GP, 0), "#GP");
	RUNS(EMUL_FAULT, "PUSHFD with VME", 0x66, 0x9c);
	m.reg[EMUL_CR4] = 0;
	RUNS(EMUL_FAULT, "PUSHF without VME", 0x9c);

	start(EMUL_MODE_PROT32, 3);
	m.port_in_kernel = true;
	m.c.features &= ~BIT_ULL(EMUL_F_BACKDOOR);
	m.gpr[INSN_RDX] = 0x5658;
	RUNS(EMUL_FAULT, "VMware's port without the backdoor", 0xed);
	m.c.features |= BIT_ULL(EMUL_F_BACKDOOR);
	RUNS(EMUL_OK, "and with it", 0xed);
	m.gpr[INSN_RDX] = 0x5657;
	RUNS(EMUL_FAULT, "its neighbour", 0xed);
	m.gpr[INSN_RCX] = EMUL_BACKDOOR_REAL;
	RUNS(EMUL_OK, "VMware's counter", 0x0f, 0x33);
	m.gpr[INSN_RCX] = 0;
	RUNS(EMUL_FAULT, "another one", 0x0f, 0x33);
	RUNS(EMUL_OK, "INT1", 0xf1);
	IS((m.c.effects & EMUL_FX_FAULT) && m.c.fault.vector == X86_TRAP_DB &&
	   !m.c.fault.address, "is a trap without DR6");
}

int main(void)
{
	segment_loads();
	gates();
	tasks();
	interrupts();
	system_calls();
	odds();
	return tap_end();
}
