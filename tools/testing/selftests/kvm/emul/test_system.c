// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gates, task switches, interrupts and the instructions that enter and leave a
 * kernel, on the small machine.
 */
#include "machine.h"
#include "tap.h"

static struct machine m;

#define IDT	0x800
#define TSS_A	0x3000
#define TSS_B	0x3200
#define RING0	0x6000		/* where the TSS has the inner stack */

enum {
	C0 = 0x08, D0 = 0x10, C3 = 0x18, D3 = 0x20, GATE = 0x28,
	SEL_A = 0x30, SEL_B = 0x38, TASK_GATE = 0x40, C64 = 0x48,
	GATE64 = 0x50, LDT = 0x60, GATE16 = 0x70, C16 = 0x78, SEL_B16 = 0x80,
	ABSENT_GATE = 0x88, CONF = 0x90, GDT_END = 0x98,
};

#define P	EMUL_SEG_P
#define DATA_	(P | EMUL_SEG_S | EMUL_SEG_WRITABLE)
#define CODE_	(P | EMUL_SEG_S | EMUL_SEG_CODE | EMUL_SEG_READABLE)
#define FLAT	(EMUL_SEG_G | EMUL_SEG_DB)
#define DPL3	(3 << EMUL_SEG_DPL_SHIFT)

static void put_desc(unsigned int sel, u32 base, u32 limit, u16 attr)
{
	u64 d = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 |
		(u64)(attr & 0xff) << 40 | (u64)(limit >> 16 & 15) << 48 |
		(u64)(attr >> 8 & 15) << 52 | (u64)(base >> 24) << 56;

	ram_put(&m, GDT + sel, d, 8);
}

static void put_gate(u64 at, u16 sel, u64 offset, u8 type, u8 low)
{
	u64 d = (offset & 0xffff) | (u64)sel << 16 | (u64)low << 32 |
		(u64)type << 40 | (offset >> 16 & 0xffff) << 48;

	ram_put(&m, at, d, 8);
}

static void segment(enum insn_seg seg, u16 sel, u16 attr)
{
	m.seg[seg].selector = sel;
	m.seg[seg].attr = attr | EMUL_SEG_ACCESSED;
}

static void start(enum emul_mode mode, unsigned int cpl)
{
	bool long64 = mode == EMUL_MODE_LONG64;
	u16 dpl = cpl << EMUL_SEG_DPL_SHIFT;

	machine_init(&m);
	machine_mode(&m, mode);
	m.c.cpl = cpl;
	m.dtr_base[EMUL_GDTR] = GDT;
	m.dtr_limit[EMUL_GDTR] = GDT_END - 1;
	m.dtr_base[EMUL_IDTR] = IDT;
	m.dtr_limit[EMUL_IDTR] = 0x3ff;
	put_desc(C0, 0, 0xfffff, CODE_ | FLAT);
	put_desc(D0, 0, 0xfffff, DATA_ | FLAT);
	put_desc(C3, 0, 0xfffff, CODE_ | FLAT | DPL3);
	put_desc(D3, 0, 0xfffff, DATA_ | FLAT | DPL3);
	put_desc(SEL_A, TSS_A, 0x87, P | 11);
	put_desc(SEL_B, TSS_B, 0x67, P | 9);
	put_desc(C64, 0, 0xfffff, CODE_ | EMUL_SEG_G | EMUL_SEG_L);
	put_desc(LDT, 0x2800, 0xff, P | 2);
	put_desc(C16, 0, 0xffff, CODE_);
	put_desc(SEL_B16, TSS_B, 0x2b, P | 1);
	put_desc(CONF, 0, 0xfffff, CODE_ | FLAT | EMUL_SEG_CONFORMING);
	put_gate(GDT + GATE, C0, 0x2000, 0xec, 1);
	put_gate(GDT + GATE16, C16, 0x2000, 0xe4, 1);
	put_gate(GDT + TASK_GATE, SEL_B, 0, 0xe5, 0);
	put_gate(GDT + ABSENT_GATE, C0, 0x2000, 0x8c, 0);
	put_gate(GDT + GATE64, C64, 0x2000, 0xec, 0);
	ram_put(&m, GDT + GATE64 + 8, 0, 8);
	if (mode < EMUL_MODE_PROT16)
		return;
	segment(INSN_CS, (long64 ? C64 : cpl ? C3 : C0) | cpl, CODE_ | dpl |
		EMUL_SEG_G | (long64 ? EMUL_SEG_L : EMUL_SEG_DB));
	segment(INSN_SS, (cpl ? D3 : D0) | cpl, DATA_ | FLAT | dpl);
	segment(INSN_DS, (cpl ? D3 : D0) | cpl, DATA_ | FLAT | dpl);
	segment(INSN_ES, (cpl ? D3 : D0) | cpl, DATA_ | FLAT | dpl);
	m.seg[INSN_TR] = (struct emul_seg){
		.base = TSS_A, .limit = 0x87, .selector = SEL_A, .attr = P | 11,
	};
	ram_put(&m, TSS_A + 4, RING0, long64 ? 8 : 4);
	if (!long64)
		ram_put(&m, TSS_A + 8, D0, 2);
}

/* The state of a task that is ready to run at CPL 0. */
static void task_b(void)
{
	unsigned int i;

	ram_put(&m, TSS_B + 32, 0x2100, 4);
	ram_put(&m, TSS_B + 36, X86_EFLAGS_FIXED | X86_EFLAGS_ZF, 4);
	for (i = 0; i < 8; i++)
		ram_put(&m, TSS_B + 40 + 4 * i, 0x7000 + i, 4);
	for (i = 0; i < 6; i++)
		ram_put(&m, TSS_B + 72 + 4 * i, i == INSN_CS ? C0 : D0, 2);
	ram_put(&m, TSS_B + 96, 0, 2);
}

#define OK(what, ...) tap_result(RUN(&m, __VA_ARGS__) == EMUL_OK, what)
#define IS(cond, what) tap_result(cond, what)
#define FAULT(vec, err, what, ...)					\
({									\
	enum emul_rc rc_ = RUN(&m, __VA_ARGS__);			\
	tap_result(rc_ == EMUL_FAULT && m.c.fault.vector == (vec) &&	\
		   m.c.fault.error_code == (err), what);		\
})

/* A fault that follows when the instruction has done its work. */
static bool follows(u8 vector, u32 err)
{
	return (m.c.effects & EMUL_FX_FAULT) && m.c.fault.vector == vector &&
	       m.c.fault.error_code == err;
}

static u64 stacked(unsigned int n, unsigned int size)
{
	return ram_get(&m, m.gpr[INSN_RSP] + n * size, size);
}

static void call_gates(void)
{
	start(EMUL_MODE_PROT32, 3);
	ram_put(&m, STACK, 0x11223344, 4);
	OK("CALL through a gate", 0x9a, 0, 0, 0, 0, GATE | 3, 0);
	IS(m.c.rip == 0x2000 && m.cpl == 0 && m.seg[INSN_CS].selector == C0 &&
	   m.seg[INSN_SS].selector == D0 && m.gpr[INSN_RSP] == RING0 - 20,
	   "arrives at CPL 0 on the stack of the TSS");
	IS(stacked(0, 4) == CODE + 7 && stacked(1, 4) == (C3 | 3) &&
	   stacked(2, 4) == 0x11223344 && stacked(3, 4) == STACK &&
	   stacked(4, 4) == (D3 | 3), "with the parameter and both pointers");
	m.c.cpl = 0;
	segment(INSN_DS, D0, DATA_ | FLAT);
	OK("RET far with four bytes of parameters", 0xca, 4, 0);
	IS(m.c.rip == CODE + 7 && m.cpl == 3 && m.gpr[INSN_RSP] == STACK + 4 &&
	   m.seg[INSN_SS].selector == (D3 | 3), "comes back to CPL 3");
	IS(m.seg[INSN_DS].selector == 0 && m.seg[INSN_ES].selector == (D3 | 3),
	   "without the segments of CPL 0");

	start(EMUL_MODE_PROT32, 3);
	FAULT(X86_TRAP_GP, C0, "JMP through it would change CPL",
	      0xea, 0, 0, 0, 0, GATE | 3, 0);
	FAULT(X86_TRAP_GP, ABSENT_GATE, "a gate of CPL 0", 0x9a, 0, 0, 0, 0,
	      ABSENT_GATE | 3, 0);
	start(EMUL_MODE_PROT32, 0);
	FAULT(X86_TRAP_GP, ABSENT_GATE, "RPL counts", 0x9a, 0, 0, 0, 0,
	      ABSENT_GATE | 3, 0);
	put_gate(GDT + ABSENT_GATE, C0, 0x2000, 0x0c, 0);
	FAULT(X86_TRAP_NP, ABSENT_GATE, "an absent gate", 0x9a, 0, 0, 0, 0,
	      ABSENT_GATE, 0);
	OK("JMP through a gate at the same level", 0xea, 0, 0, 0, 0, GATE, 0);
	OK("CALL likewise", 0x9a, 0, 0, 0, 0, GATE, 0);
	IS(m.gpr[INSN_RSP] == STACK - 8, "without another stack");
	put_gate(GDT + GATE, CONF, 0x2000, 0xec, 0);
	OK("JMP through a gate to conforming code", 0xea, 0, 0, 0, 0, GATE, 0);
	put_gate(GDT + GATE, D0, 0x2000, 0xec, 0);
	FAULT(X86_TRAP_GP, D0, "a gate to data", 0xea, 0, 0, 0, 0, GATE, 0);
	FAULT(X86_TRAP_GP, LDT, "an LDT is no gate", 0xea, 0, 0, 0, 0, LDT, 0);

	start(EMUL_MODE_PROT32, 3);
	OK("CALL through a 16-bit gate", 0x9a, 0, 0, 0, 0, GATE16 | 3, 0);
	IS(m.gpr[INSN_RSP] == RING0 - 10 && stacked(1, 2) == (C3 | 3),
	   "pushes words");
	start(EMUL_MODE_PROT32, 3);
	ram_put(&m, TSS_A + 8, 0, 2);
	FAULT(X86_TRAP_TS, 0, "no inner stack segment", 0x9a, 0, 0, 0, 0,
	      GATE | 3, 0);
	ram_put(&m, TSS_A + 8, D3, 2);
	FAULT(X86_TRAP_TS, D3, "an inner stack of CPL 3", 0x9a, 0, 0, 0, 0,
	      GATE | 3, 0);
	m.seg[INSN_TR].limit = 8;
	FAULT(X86_TRAP_TS, SEL_A, "a TSS without one", 0x9a, 0, 0, 0, 0,
	      GATE | 3, 0);
	start(EMUL_MODE_PROT32, 3);
	put_desc(D0, 0x10000000, 0xf, DATA_ | EMUL_SEG_DB);
	FAULT(X86_TRAP_SS, D0, "a push beyond it", 0x9a, 0, 0, 0, 0, GATE | 3, 0);

	start(EMUL_MODE_LONG64, 3);
	m.gpr[INSN_RBX] = DATA;
	ram_put(&m, DATA + 4, GATE64 | 3, 2);
	OK("CALL through a 64-bit gate", 0xff, 0x1b);
	IS(m.c.rip == 0x2000 && m.cpl == 0 && m.gpr[INSN_RSP] == RING0 - 32 &&
	   m.seg[INSN_SS].selector == 0 && stacked(2, 8) == STACK,
	   "has a null SS and four quadwords");
	ram_put(&m, DATA + 4, GATE16 | 3, 2);
	start(EMUL_MODE_LONG64, 0);
	m.gpr[INSN_RBX] = DATA;
	ram_put(&m, DATA + 4, GATE16, 2);
	FAULT(X86_TRAP_GP, GATE16, "there are no 16-bit gates", 0xff, 0x1b);
	ram_put(&m, DATA + 4, GATE64, 2);
	ram_put(&m, GDT + GATE64 + 8, 0x0c0000000000ULL, 8);
	FAULT(X86_TRAP_GP, GATE64, "a gate has a null type above", 0xff, 0x1b);
	put_gate(GDT + GATE64, C0, 0x2000, 0x8c, 0);
	ram_put(&m, GDT + GATE64 + 8, 0, 8);
	FAULT(X86_TRAP_GP, C0, "a gate to 32-bit code", 0xff, 0x1b);
}

static void task_switches(void)
{
	struct emul_task t = { .sel = SEL_B, .reason = EMUL_TASK_GATE,
			       .event = true, .has_error = true, .error = 5 };

	start(EMUL_MODE_PROT32, 0);
	task_b();
	OK("JMP to a task", 0xea, 0, 0, 0, 0, SEL_B, 0);
	IS(m.c.rip == 0x2100 && m.gpr[INSN_RSP] == 0x7004 &&
	   m.seg[INSN_TR].selector == SEL_B && (m.c.rflags & X86_EFLAGS_ZF) &&
	   m.seg[INSN_SS].selector == D0, "has its registers");
	IS(ram_get(&m, TSS_A + 32, 4) == CODE + 7 &&
	   ram_get(&m, TSS_A + 76, 2) == C0 &&
	   m.ram[GDT + SEL_A + 5] == 0x89 && m.ram[GDT + SEL_B + 5] == 0x8b,
	   "the old one is saved and not busy any more");

	start(EMUL_MODE_PROT32, 0);
	task_b();
	OK("CALL of a task", 0x9a, 0, 0, 0, 0, SEL_B, 0);
	IS((m.c.rflags & X86_EFLAGS_NT) && ram_get(&m, TSS_B, 2) == SEL_A &&
	   m.ram[GDT + SEL_A + 5] == 0x8b, "is nested");
	OK("IRET of it", 0xcf);
	IS(m.c.rip == CODE + 7 && !(m.c.rflags & X86_EFLAGS_NT) &&
	   m.seg[INSN_TR].selector == SEL_A && m.ram[GDT + SEL_B + 5] == 0x89,
	   "returns to the first");
	start(EMUL_MODE_PROT32, 0);
	task_b();
	m.reg[EMUL_CR0] |= X86_CR0_PG;
	ram_put(&m, TSS_B + 28, 0x5000, 4);
	OK("JMP through a task gate", 0xea, 0, 0, 0, 0, TASK_GATE, 0);
	IS(m.reg[EMUL_CR3] == 0x5000 && m.seg[INSN_TR].selector == SEL_B,
	   "changes CR3");
	FAULT(X86_TRAP_GP, SEL_B, "it is busy now", 0xea, 0, 0, 0, 0, SEL_B, 0);

	start(EMUL_MODE_PROT32, 0);
	put_desc(SEL_B, TSS_B, 0x66, P | 9);
	FAULT(X86_TRAP_TS, SEL_B, "a TSS that is too small", 0xea, 0, 0, 0, 0,
	      SEL_B, 0);
	put_desc(SEL_B, TSS_B, 0x67, 9);
	FAULT(X86_TRAP_NP, SEL_B, "an absent TSS", 0xea, 0, 0, 0, 0, SEL_B, 0);
	put_gate(GDT + TASK_GATE, 0, 0, 0x85, 0);
	FAULT(X86_TRAP_GP, 0, "a gate to no TSS", 0xea, 0, 0, 0, 0, TASK_GATE, 0);
	put_gate(GDT + TASK_GATE, C0, 0, 0x85, 0);
	FAULT(X86_TRAP_GP, C0, "a gate to code", 0xea, 0, 0, 0, 0, TASK_GATE, 0);
	m.c.rflags |= X86_EFLAGS_NT;
	ram_put(&m, TSS_A, SEL_B, 2);
	FAULT(X86_TRAP_TS, SEL_B, "IRET to a task that is not busy", 0xcf);
	ram_put(&m, TSS_A, GDT_END, 2);
	FAULT(X86_TRAP_TS, GDT_END, "IRET to what is beyond the table", 0xcf);

	/* What is wrong with the new task is a fault of its own. */
	start(EMUL_MODE_PROT32, 0);
	task_b();
	ram_put(&m, TSS_B + 80, 0, 2);
	OK("a task without a stack segment", 0xea, 0, 0, 0, 0, SEL_B, 0);
	IS(follows(X86_TRAP_TS, 0) && m.c.rip == 0x2100, "faults when it is there");
	start(EMUL_MODE_PROT32, 0);
	task_b();
	ram_put(&m, TSS_B + 96, D0, 2);
	OK("a task whose LDT is none", 0xea, 0, 0, 0, 0, SEL_B, 0);
	IS(follows(X86_TRAP_TS, D0), "likewise");
	start(EMUL_MODE_PROT32, 0);
	task_b();
	ram_put(&m, TSS_B + 96, LDT, 2);
	ram_put(&m, TSS_B + 76, D0, 2);
	OK("a task whose code is data", 0xea, 0, 0, 0, 0, SEL_B, 0);
	IS(follows(X86_TRAP_TS, D0) && m.seg[INSN_LDTR].base == 0x2800, "likewise");
	start(EMUL_MODE_PROT32, 0);
	task_b();
	m.ram[TSS_B + 100] = 1;
	OK("a task with the T bit", 0xea, 0, 0, 0, 0, SEL_B, 0);
	IS((m.c.effects & EMUL_FX_FAULT) && m.c.fault.vector == X86_TRAP_DB &&
	   m.c.fault.address == BIT(15), "traps");
	start(EMUL_MODE_PROT32, 0);
	task_b();
	ram_put(&m, TSS_B + 36, X86_EFLAGS_FIXED | X86_EFLAGS_VM, 4);
	ram_put(&m, TSS_B + 76, 0x123, 2);
	OK("a task in virtual-8086 mode", 0xea, 0, 0, 0, 0, SEL_B, 0);
	IS(m.seg[INSN_CS].base == 0x1230 && m.cpl == 3 &&
	   m.seg[INSN_CS].limit == 0xffff, "has paragraphs");
	start(EMUL_MODE_PROT32, 0);
	put_desc(D0, 0, 0xfffff, DATA_ | FLAT);
	ram_put(&m, TSS_B + 14, 0x2100, 2);
	ram_put(&m, TSS_B + 16, 2, 2);
	ram_put(&m, TSS_B + 34, D0, 2);
	ram_put(&m, TSS_B + 36, C0, 2);
	ram_put(&m, TSS_B + 38, D0, 2);
	ram_put(&m, TSS_B + 40, D0, 2);
	ram_put(&m, TSS_B + 42, 0, 2);
	ram_put(&m, TSS_B + 18, 0x4321, 2);
	OK("a 16-bit task", 0xea, 0, 0, 0, 0, SEL_B16, 0);
	IS((u16)m.gpr[INSN_RAX] == 0x4321 && m.c.rip == 0x2100, "has words");

	start(EMUL_MODE_PROT32, 0);
	task_b();
	emul_begin(&m.c);
	m.c.rip = CODE;
	IS(emul_switch_task(&m.c, &t) == EMUL_OK && m.gpr[INSN_RSP] == 0x7000 &&
	   ram_get(&m, 0x7000, 4) == 5, "a switch by an exception pushes its code");
	emul_begin(&m.c);
	m.c.rip = CODE;
	IS(emul_switch_task(&m.c, &t) == EMUL_FAULT &&
	   m.c.fault.error_code == (SEL_B | 1), "and faults with EXT");
}

static enum emul_rc deliver(u8 vector, u8 kind, bool has_error)
{
	struct emul_event ev = { .vector = vector, .kind = kind,
				 .has_error = has_error, .error = 0x99 };

	emul_begin(&m.c);
	m.c.rip = CODE;
	return emul_deliver(&m.c, &ev);
}

static bool refused(u8 vector, u8 kind, u8 fault, u32 err)
{
	return deliver(vector, kind, false) == EMUL_FAULT &&
	       m.c.fault.vector == fault && m.c.fault.error_code == err;
}

static void interrupts(void)
{
	start(EMUL_MODE_PROT32, 3);
	m.c.rflags |= X86_EFLAGS_IF | X86_EFLAGS_TF;
	put_gate(IDT + 8 * 14, C0, 0x2200, 0x8e, 0);
	IS(deliver(14, EMUL_EVENT_HARD, true) == EMUL_OK && m.cpl == 0 &&
	   m.c.rip == 0x2200 && m.gpr[INSN_RSP] == RING0 - 24 &&
	   stacked(0, 4) == 0x99 && stacked(1, 4) == CODE &&
	   stacked(4, 4) == STACK && !(m.c.rflags & (X86_EFLAGS_IF | X86_EFLAGS_TF)),
	   "an exception through an interrupt gate");
	start(EMUL_MODE_PROT32, 0);
	m.c.rflags |= X86_EFLAGS_IF;
	put_gate(IDT + 8 * 3, C0, 0x2300, 0x8f, 0);
	IS(deliver(3, EMUL_EVENT_SOFT, false) == EMUL_OK &&
	   m.gpr[INSN_RSP] == STACK - 12 && (m.c.rflags & X86_EFLAGS_IF),
	   "a trap gate at the same level leaves IF");
	put_gate(IDT + 8 * 4, C16, 0x2300, 0x86, 0);
	IS(deliver(4, EMUL_EVENT_HARD, false) == EMUL_OK, "a 16-bit gate");
	task_b();
	put_gate(IDT + 8 * 8, SEL_B, 0, 0x85, 0);
	IS(deliver(8, EMUL_EVENT_HARD, true) == EMUL_OK &&
	   m.seg[INSN_TR].selector == SEL_B, "a task gate");

	start(EMUL_MODE_PROT32, 3);
	IS(refused(5, EMUL_EVENT_HARD, X86_TRAP_GP, 5 * 8 + 3), "no gate");
	IS(refused(128, EMUL_EVENT_SOFT, X86_TRAP_GP, 128 * 8 + 2),
	   "beyond the table");
	put_gate(IDT + 8 * 5, C0, 0x2000, 0x0e, 0);
	IS(refused(5, EMUL_EVENT_SOFT, X86_TRAP_GP, 5 * 8 + 2),
	   "INT n needs the DPL");
	IS(refused(5, EMUL_EVENT_HARD, X86_TRAP_NP, 5 * 8 + 3), "an absent gate");

	start(EMUL_MODE_LONG64, 3);
	m.gpr[INSN_RSP] = STACK - 4;
	put_gate(IDT + 16 * 14, C64, 0x2200, 0x8e, 1);
	ram_put(&m, TSS_A + 36, 0x6800, 8);
	IS(deliver(14, EMUL_EVENT_HARD, true) == EMUL_OK && m.cpl == 0 &&
	   m.gpr[INSN_RSP] == 0x6800 - 48 && stacked(4, 8) == STACK - 4,
	   "64-bit code: on the stack of the interrupt stack table");
	start(EMUL_MODE_LONG64, 0);
	m.gpr[INSN_RSP] = STACK - 4;
	put_gate(IDT + 16 * 14, C64, 0x2200, 0x8f, 0);
	IS(deliver(14, EMUL_EVENT_HARD, false) == EMUL_OK &&
	   m.gpr[INSN_RSP] == STACK - 16 - 40, "aligned on the same stack");
	put_gate(IDT + 16 * 14, C64, 0x2200, 0x86, 0);
	IS(refused(14, EMUL_EVENT_HARD, X86_TRAP_GP, 14 * 8 + 3),
	   "there are no 16-bit gates");

	start(EMUL_MODE_V86, 3);
	m.c.rflags |= X86_EFLAGS_VM | X86_EFLAGS_IOPL;
	m.seg[INSN_TR] = (struct emul_seg){ TSS_A, 0x87, SEL_A, P | 11 };
	ram_put(&m, TSS_A + 4, RING0, 4);
	ram_put(&m, TSS_A + 8, D0, 2);
	put_gate(IDT + 8 * 13, C0, 0x2200, 0x8e, 0);
	IS(deliver(13, EMUL_EVENT_HARD, false) == EMUL_OK &&
	   m.gpr[INSN_RSP] == RING0 - 36 && stacked(5, 4) == 16 &&
	   m.seg[INSN_DS].selector == 0 && !(m.c.rflags & X86_EFLAGS_VM),
	   "out of virtual-8086 mode");
	put_gate(IDT + 8 * 13, C3, 0x2200, 0x8e, 0);
	start(EMUL_MODE_V86, 3);
	put_gate(IDT + 8 * 13, C3, 0x2200, 0x8e, 0);
	IS(refused(13, EMUL_EVENT_HARD, X86_TRAP_GP, C3 | 1), "not to CPL 3");
}

static void vme(void)
{
	start(EMUL_MODE_V86, 3);
	m.c.rflags |= X86_EFLAGS_VM;
	m.reg[EMUL_CR4] |= X86_CR4_VME;
	m.seg[INSN_TR] = (struct emul_seg){ TSS_A, 0xff, SEL_A, P | 11 };
	ram_put(&m, TSS_A + 102, 0x88, 2);
	ram_put(&m, 0x21 * 4, 0x01000200, 4);
	OK("STI", 0xfb);
	IS(m.c.rflags & X86_EFLAGS_VIF && !(m.c.rflags & X86_EFLAGS_IF), "sets VIF");
	OK("PUSHF", 0x9c);
	IS((ram_get(&m, STACK - 2, 2) & (X86_EFLAGS_IF | X86_EFLAGS_IOPL)) ==
	   (X86_EFLAGS_IF | X86_EFLAGS_IOPL), "shows it as IF");
	OK("POPF", 0x9d);
	OK("INT 21h", 0xcd, 0x21);
	IS(m.c.rip == 0x200 && m.seg[INSN_CS].base == 0x1000 &&
	   !(m.c.rflags & X86_EFLAGS_VIF), "stays in the task");
	OK("IRET", 0xcf);
	IS(m.c.rip == CODE + 2 && (m.c.rflags & X86_EFLAGS_VIF), "comes back");
	ram_put(&m, TSS_A + 0x88 - 32 + 4, 2, 1);
	FAULT(X86_TRAP_GP, 0, "a redirected INT without IOPL", 0xcd, 0x21);
	m.c.rflags |= X86_EFLAGS_VIP;
	OK("CLI", 0xfa);
	FAULT(X86_TRAP_GP, 0, "STI with an interrupt waiting", 0xfb);
	FAULT(X86_TRAP_GP, 0, "PUSHFD", 0x66, 0x9c);
	ram_put(&m, STACK, X86_EFLAGS_TF, 2);
	m.gpr[INSN_RSP] = STACK;
	FAULT(X86_TRAP_GP, 0, "POPF of TF", 0x9d);
	m.seg[INSN_TR].limit = 100;
	FAULT(X86_TRAP_GP, 0, "a TSS without the bitmap", 0xcd, 0x21);
}

static void kernel_entries(void)
{
	start(EMUL_MODE_LONG64, 3);
	m.reg[EMUL_EFER] = 1;
	m.reg[EMUL_STAR] = 0x001b000800001234ULL;
	m.reg[EMUL_LSTAR] = 0x2000;
	m.reg[EMUL_SFMASK] = X86_EFLAGS_IF;
	m.c.rflags |= X86_EFLAGS_IF;
	OK("SYSCALL", 0x0f, 0x05);
	IS(m.c.rip == 0x2000 && m.cpl == 0 && m.gpr[INSN_RCX] == CODE + 2 &&
	   m.seg[INSN_CS].selector == 8 && !(m.c.rflags & X86_EFLAGS_IF),
	   "enters");
	m.c.cpl = 0;
	OK("SYSRET", 0x48, 0x0f, 0x07);
	IS(m.c.rip == CODE + 2 && m.cpl == 3 && m.seg[INSN_CS].selector == 0x2b &&
	   (m.c.rflags & X86_EFLAGS_IF), "leaves");
	OK("SYSRET to 32-bit code", 0x0f, 0x07);
	IS(m.seg[INSN_CS].selector == 0x1b && (m.seg[INSN_CS].attr & EMUL_SEG_DB),
	   "likewise");
	m.c.cpl = 3;
	FAULT(X86_TRAP_GP, 0, "SYSRET at CPL 3", 0x0f, 0x07);
	m.c.features &= ~BIT_ULL(EMUL_F_AMD);
	m.c.cpl = 0;
	m.gpr[INSN_RCX] = 0x800000000000ULL;
	FAULT(X86_TRAP_GP, 0, "Intel's looks at its target", 0x48, 0x0f, 0x07);
	m.reg[EMUL_EFER] = 0;
	tap_result(RUN(&m, 0x0f, 0x05) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "SYSCALL without SCE");
	start(EMUL_MODE_PROT32, 3);
	m.reg[EMUL_EFER] = 1;
	m.reg[EMUL_STAR] = 0x001b000800001234ULL;
	OK("SYSCALL in 32-bit code (AMD)", 0x0f, 0x05);
	IS(m.c.rip == 0x1234, "goes to EIP of STAR");
	m.c.cpl = 0;
	OK("SYSRET from there", 0x0f, 0x07);
	m.c.features &= ~BIT_ULL(EMUL_F_AMD);
	tap_result(RUN(&m, 0x0f, 0x05) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "not on Intel");

	start(EMUL_MODE_PROT32, 3);
	m.reg[EMUL_SYSENTER_EIP] = 0x2000;
	m.reg[EMUL_SYSENTER_ESP] = 0x6000;
	FAULT(X86_TRAP_GP, 0, "SYSENTER with a null selector", 0x0f, 0x34);
	m.reg[EMUL_SYSENTER_CS] = C0;
	OK("SYSENTER", 0x0f, 0x34);
	IS(m.c.rip == 0x2000 && m.gpr[INSN_RSP] == 0x6000 && m.cpl == 0, "enters");
	m.c.cpl = 0;
	m.gpr[INSN_RDX] = 0x2100;
	m.gpr[INSN_RCX] = 0x6100;
	OK("SYSEXIT", 0x0f, 0x35);
	IS(m.c.rip == 0x2100 && m.gpr[INSN_RSP] == 0x6100 && m.cpl == 3, "leaves");
	m.c.cpl = 3;
	FAULT(X86_TRAP_GP, 0, "SYSEXIT at CPL 3", 0x0f, 0x35);
	start(EMUL_MODE_LONG64, 0);
	tap_result(RUN(&m, 0x0f, 0x34) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "not in long mode on AMD");
	tap_result(RUN(&m, 0x0f, 0x35) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "SYSEXIT likewise");
	m.c.features &= ~BIT_ULL(EMUL_F_AMD);
	m.reg[EMUL_SYSENTER_CS] = C0;
	m.gpr[INSN_RDX] = 0x800000000000ULL;
	FAULT(X86_TRAP_GP, 0, "SYSEXIT to a non-canonical address",
	      0x48, 0x0f, 0x35);
	start(EMUL_MODE_REAL, 0);
	FAULT(X86_TRAP_GP, 0, "SYSENTER in real mode", 0x0f, 0x34);
}

static bool zf(void)
{
	return m.c.rflags & X86_EFLAGS_ZF;
}

static void looks(void)
{
	start(EMUL_MODE_PROT32, 3);
	m.gpr[INSN_RCX] = D3 | 3;
	ram_put(&m, STACK - 4, ~0ull, 4);
	OK("PUSH of FS", 0x0f, 0xa0);
	IS(m.gpr[INSN_RSP] == STACK - 4 && ram_get(&m, STACK - 4, 4) < 0x10000, "writes all of it");
	m.gpr[INSN_RSP] = STACK;
	ram_put(&m, STACK - 4, ~0ull, 4);
	m.c.features &= ~BIT_ULL(EMUL_F_AMD);
	OK("PUSH of FS, Intel", 0x0f, 0xa0);
	IS(m.gpr[INSN_RSP] == STACK - 4 && ram_get(&m, STACK - 4, 4) >> 16 == 0xffff, "writes 16 bits");
	m.c.features |= BIT_ULL(EMUL_F_AMD);
	m.gpr[INSN_RSP] = STACK;
	OK("LAR of data", 0x0f, 0x02, 0xc1);
	IS(zf() && (u32)m.gpr[INSN_RAX] == 0xcff200, "tells the access rights");
	OK("LSL", 0x0f, 0x03, 0xc1);
	IS(zf() && (u32)m.gpr[INSN_RAX] == 0xffffffff, "tells the limit");
	OK("VERW", 0x0f, 0x00, 0xe9);
	IS(zf(), "may write");
	m.gpr[INSN_RCX] = C3 | 3;
	OK("VERR of code", 0x0f, 0x00, 0xe1);
	IS(zf(), "may read");
	OK("VERW of code", 0x0f, 0x00, 0xe9);
	IS(!zf(), "may not write");
	m.gpr[INSN_RCX] = D0 | 3;
	OK("LAR of kernel data", 0x0f, 0x02, 0xc1);
	IS(!zf(), "does not");
	m.gpr[INSN_RCX] = CONF | 3;
	OK("LSL of conforming code", 0x0f, 0x03, 0xc1);
	IS(zf(), "does");
	m.gpr[INSN_RCX] = GDT_END;
	OK("VERR of nothing", 0x0f, 0x00, 0xe1);
	IS(!zf(), "says no");
	m.gpr[INSN_RCX] = 0;
	OK("LAR of null", 0x0f, 0x02, 0xc1);
	IS(!zf(), "says no");
	m.c.cpl = 0;
	m.gpr[INSN_RCX] = SEL_A;
	OK("LAR of a TSS", 0x0f, 0x02, 0xc1);
	IS(zf(), "does");
	OK("VERR of a TSS", 0x0f, 0x00, 0xe1);
	IS(!zf(), "does not");
	m.gpr[INSN_RCX] = GATE;
	OK("LSL of a gate", 0x0f, 0x03, 0xc1);
	IS(!zf(), "has no limit");
}

int main(void)
{
	call_gates();
	task_switches();
	interrupts();
	vme();
	kernel_entries();
	looks();
	return tap_end();
}
