// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that a user program cannot compare with its CPU (difftest.c does
 * the others): segments and privilege, control registers, far transfers, modes.
 */
#include "machine.h"
#include "tap.h"

static struct machine m;

#define OK(what, ...) \
	tap_result(RUN(&m, __VA_ARGS__) == EMUL_OK, what)
#define FAULT(vec, err, what, ...)					\
({									\
	enum emul_rc rc_ = RUN(&m, __VA_ARGS__);			\
	tap_result(rc_ == EMUL_FAULT && m.c.fault.vector == (vec) &&	\
		   m.c.fault.error_code == (err), what);		\
})
#define IS(cond, what) tap_result(cond, what)

/* A descriptor from its fields; limit in pages or bytes as @flags says. */
static void put_desc(unsigned int sel, u32 base, u32 limit, u16 attr)
{
	u64 d = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 |
		(u64)(attr & 0xff) << 40 | (u64)(limit >> 16 & 15) << 48 |
		(u64)(attr >> 8 & 15) << 52 | (u64)(base >> 24) << 56;

	ram_put(&m, GDT + sel, d, 8);
}

#define A_DATA	(EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_WRITABLE)
#define A_CODE	(EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_CODE | EMUL_SEG_READABLE)
#define DPL(n)	((n) << EMUL_SEG_DPL_SHIFT)
#define ATTR(sel) m.ram[GDT + (sel) + 5]

enum {
	SEL_CODE0 = 0x08, SEL_DATA0 = 0x10, SEL_CODE3 = 0x18, SEL_DATA3 = 0x20,
	SEL_ABSENT = 0x28, SEL_RO = 0x30, SEL_XO = 0x38, SEL_CONF = 0x40,
	SEL_TSS = 0x48, SEL_LDT = 0x58, SEL_CODE64 = 0x68, SEL_BAD64 = 0x70,
	SEL_ABSENT_CODE = 0x78, SEL_SMALL = 0x80, SEL_END = 0x88,
};

static void start(enum emul_mode mode, u8 cpl)
{
	machine_init(&m);
	machine_mode(&m, mode);
	m.c.cpl = cpl;
	m.dtr_base[EMUL_GDTR] = GDT;
	m.dtr_limit[EMUL_GDTR] = SEL_END - 1;
	m.dtr_limit[EMUL_IDTR] = 0x3ff;
	put_desc(SEL_CODE0, 0, 0xfffff, A_CODE | EMUL_SEG_G | EMUL_SEG_DB);
	put_desc(SEL_DATA0, 0x100, 0xfffff, A_DATA | EMUL_SEG_G | EMUL_SEG_DB);
	put_desc(SEL_CODE3, 0, 0xfffff, A_CODE | DPL(3) | EMUL_SEG_G | EMUL_SEG_DB);
	put_desc(SEL_DATA3, 0, 0xfffff, A_DATA | DPL(3) | EMUL_SEG_G | EMUL_SEG_DB);
	put_desc(SEL_ABSENT, 0, 0xfffff, (A_DATA | DPL(3)) & ~EMUL_SEG_P);
	put_desc(SEL_RO, 0, 0xff, (A_DATA | DPL(3)) & ~EMUL_SEG_WRITABLE);
	put_desc(SEL_XO, 0, 0xff, (A_CODE | DPL(3)) & ~EMUL_SEG_READABLE);
	put_desc(SEL_CONF, 0, 0xfffff, A_CODE | EMUL_SEG_CONFORMING | EMUL_SEG_G |
		 EMUL_SEG_DB);
	put_desc(SEL_TSS, 0x3000, 0x67, EMUL_SEG_P | 9);
	ram_put(&m, GDT + SEL_TSS + 8, 0, 8);
	put_desc(SEL_LDT, 0x2000, 0xff, EMUL_SEG_P | 2);
	ram_put(&m, GDT + SEL_LDT + 8, 0, 8);
	put_desc(SEL_CODE64, 0, 0xfffff, A_CODE | EMUL_SEG_G | EMUL_SEG_L);
	put_desc(SEL_BAD64, 0, 0xfffff, A_CODE | EMUL_SEG_G | EMUL_SEG_L |
		 EMUL_SEG_DB);
	put_desc(SEL_ABSENT_CODE, 0, 0xfffff, A_CODE & ~EMUL_SEG_P);
	put_desc(SEL_SMALL, 0, 0xff, A_CODE | EMUL_SEG_DB);
}

static void with_ax(enum emul_mode mode, u8 cpl, u16 sel)
{
	start(mode, cpl);
	m.gpr[INSN_RAX] = sel;
}

/* Every segment load is checked (E1). */
static void segment_loads(void)
{
	with_ax(EMUL_MODE_PROT32, 0, SEL_DATA0);
	OK("MOV DS", 0x8e, 0xd8);
	IS(m.seg[INSN_DS].selector == SEL_DATA0 && m.seg[INSN_DS].base == 0x100 &&
	   m.seg[INSN_DS].limit == 0xffffffff &&
	   (m.seg[INSN_DS].attr & EMUL_SEG_ACCESSED), "DS is what the table says");
	IS(ATTR(SEL_DATA0) & EMUL_SEG_ACCESSED, "and the descriptor accessed");

	with_ax(EMUL_MODE_PROT32, 3, SEL_DATA0);
	FAULT(X86_TRAP_GP, SEL_DATA0, "CPL 3 gets no kernel data", 0x8e, 0xd8);
	IS(m.seg[INSN_DS].selector == 16 && m.seg[INSN_DS].base == 0,
	   "and DS stays");
	with_ax(EMUL_MODE_PROT32, 0, SEL_DATA0 | 3);
	FAULT(X86_TRAP_GP, SEL_DATA0, "RPL 3 gets no kernel data", 0x8e, 0xd8);
	with_ax(EMUL_MODE_PROT32, 3, SEL_CODE0);
	FAULT(X86_TRAP_GP, SEL_CODE0, "nor kernel code", 0x8e, 0xd8);
	with_ax(EMUL_MODE_PROT32, 3, SEL_CONF | 3);
	OK("but conforming code", 0x8e, 0xd8);
	with_ax(EMUL_MODE_PROT32, 0, SEL_XO);
	FAULT(X86_TRAP_GP, SEL_XO, "execute-only code is no data", 0x8e, 0xd8);
	with_ax(EMUL_MODE_PROT32, 0, SEL_ABSENT);
	FAULT(X86_TRAP_NP, SEL_ABSENT, "absent data is #NP", 0x8e, 0xd8);
	with_ax(EMUL_MODE_PROT32, 0, SEL_END);
	FAULT(X86_TRAP_GP, SEL_END, "beyond the table", 0x8e, 0xd8);
	with_ax(EMUL_MODE_PROT32, 0, SEL_TSS);
	FAULT(X86_TRAP_GP, SEL_TSS, "a system descriptor", 0x8e, 0xd8);
	with_ax(EMUL_MODE_PROT32, 0, SEL_DATA0 | 4);
	FAULT(X86_TRAP_GP, SEL_DATA0 | 4, "no LDT", 0x8e, 0xd8);
	with_ax(EMUL_MODE_PROT32, 0, 3);
	OK("a null DS is allowed", 0x8e, 0xd8);
	FAULT(X86_TRAP_GP, 0, "until it is used", 0x8b, 0x03);
	with_ax(EMUL_MODE_PROT32, 0, SEL_DATA0);
	tap_result(RUN(&m, 0x8e, 0xc8) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "MOV CS is undefined");
	tap_result(RUN(&m, 0x8e, 0xf0) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "there is no segment 6");

	/* SS (E7) */
	with_ax(EMUL_MODE_PROT32, 0, SEL_DATA0);
	OK("MOV SS", 0x8e, 0xd0);
	IS(m.c.shadow == EMUL_SHADOW_MOVSS, "casts a shadow");
	with_ax(EMUL_MODE_PROT32, 0, SEL_DATA3);
	FAULT(X86_TRAP_GP, SEL_DATA3, "SS of another DPL", 0x8e, 0xd0);
	with_ax(EMUL_MODE_PROT32, 0, SEL_DATA0 | 1);
	FAULT(X86_TRAP_GP, SEL_DATA0, "SS of another RPL", 0x8e, 0xd0);
	with_ax(EMUL_MODE_PROT32, 3, SEL_RO | 3);
	FAULT(X86_TRAP_GP, SEL_RO, "SS has to be writable", 0x8e, 0xd0);
	with_ax(EMUL_MODE_PROT32, 3, SEL_ABSENT | 3);
	FAULT(X86_TRAP_SS, SEL_ABSENT, "absent SS is #SS", 0x8e, 0xd0);
	with_ax(EMUL_MODE_PROT32, 0, 0);
	FAULT(X86_TRAP_GP, 0, "no null SS in 32-bit code", 0x8e, 0xd0);
	with_ax(EMUL_MODE_LONG64, 0, 0);
	OK("a null SS in 64-bit code", 0x8e, 0xd0);
	IS(EMUL_SEG_DPL(m.seg[INSN_SS].attr) == 0, "has the DPL of CPL 0");
	with_ax(EMUL_MODE_LONG64, 2, 2);
	OK("a null SS at CPL 2", 0x8e, 0xd0);
	IS(EMUL_SEG_DPL(m.seg[INSN_SS].attr) == 2, "has the DPL of CPL 2");
	with_ax(EMUL_MODE_LONG64, 0, 1);
	m.c.features &= ~BIT_ULL(EMUL_F_AMD);
	FAULT(X86_TRAP_GP, 0, "not with another RPL", 0x8e, 0xd0);
	with_ax(EMUL_MODE_LONG64, 3, 3);
	FAULT(X86_TRAP_GP, 0, "not at CPL 3", 0x8e, 0xd0);

	start(EMUL_MODE_PROT32, 0);
	m.gpr[INSN_RBX] = DATA;
	ram_put(&m, DATA, 0x11223344, 4);
	ram_put(&m, DATA + 4, SEL_DATA3, 2);
	OK("LES", 0xc4, 0x03);
	IS(m.gpr[INSN_RAX] == 0x11223344 && m.seg[INSN_ES].selector == SEL_DATA3,
	   "has both halves");
	ram_put(&m, DATA + 4, SEL_XO, 2);
	m.gpr[INSN_RAX] = 5;
	FAULT(X86_TRAP_GP, SEL_XO, "LES of a bad selector", 0xc4, 0x03);
	IS(m.gpr[INSN_RAX] == 5 && m.seg[INSN_ES].selector == SEL_DATA3,
	   "has neither");
	m.ram[STACK] = SEL_DATA0;
	m.gpr[INSN_RSP] = STACK;
	OK("POP DS", 0x1f);
	IS(m.gpr[INSN_RSP] == STACK + 4 && m.seg[INSN_DS].selector == SEL_DATA0,
	   "pops four bytes");

	with_ax(EMUL_MODE_REAL, 0, 0x1234);
	m.seg[INSN_DS].limit = 0xffffffff;
	OK("MOV DS in real mode", 0x8e, 0xd8);
	IS(m.seg[INSN_DS].base == 0x12340 && m.seg[INSN_DS].limit == 0xffffffff,
	   "sets the base and leaves the limit");

	with_ax(EMUL_MODE_PROT32, 0, SEL_TSS);
	OK("LTR", 0x0f, 0x00, 0xd8);
	IS(m.seg[INSN_TR].base == 0x3000 && (ATTR(SEL_TSS) & 2), "marks it busy");
	FAULT(X86_TRAP_GP, SEL_TSS, "LTR of a busy TSS", 0x0f, 0x00, 0xd8);
	with_ax(EMUL_MODE_PROT32, 0, SEL_LDT);
	OK("LLDT", 0x0f, 0x00, 0xd0);
	IS(m.seg[INSN_LDTR].base == 0x2000, "has the base");
	with_ax(EMUL_MODE_PROT32, 3, SEL_LDT);
	FAULT(X86_TRAP_GP, 0, "LLDT is privileged", 0x0f, 0x00, 0xd0);
	with_ax(EMUL_MODE_REAL, 0, SEL_LDT);
	tap_result(RUN(&m, 0x0f, 0x00, 0xd0) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "and not for real mode");
}

/* A far transfer that fails leaves CS alone (E7), a near one RIP (E2). */
static void transfers(void)
{
	struct emul_seg cs;

	start(EMUL_MODE_PROT32, 0);
	OK("JMP far", 0xea, 0x00, 0x20, 0, 0, SEL_CODE0, 0);
	IS(m.c.rip == 0x2000 && m.seg[INSN_CS].selector == SEL_CODE0 &&
	   m.seg[INSN_CS].limit == 0xffffffff, "arrives");
	cs = m.seg[INSN_CS];
	FAULT(X86_TRAP_GP, 0, "JMP far beyond the limit",
	      0xea, 0x00, 0x20, 0, 0, SEL_SMALL, 0);
	IS(!memcmp(&cs, &m.seg[INSN_CS], sizeof(cs)), "leaves CS");
	FAULT(X86_TRAP_NP, SEL_ABSENT_CODE, "JMP far to absent code",
	      0xea, 0x00, 0x20, 0, 0, SEL_ABSENT_CODE, 0);
	FAULT(X86_TRAP_GP, SEL_CODE3, "JMP far to another DPL",
	      0xea, 0x00, 0x20, 0, 0, SEL_CODE3, 0);
	FAULT(X86_TRAP_GP, 0, "JMP far to null", 0xea, 0x00, 0x20, 0, 0, 0, 0);
	FAULT(X86_TRAP_GP, SEL_DATA0, "JMP far to data",
	      0xea, 0x00, 0x20, 0, 0, SEL_DATA0, 0);
	IS(!memcmp(&cs, &m.seg[INSN_CS], sizeof(cs)), "CS is what it was");

	OK("CALL far", 0x9a, 0x00, 0x20, 0, 0, SEL_CODE0, 0);
	IS(m.c.rip == 0x2000 && m.gpr[INSN_RSP] == STACK - 8 &&
	   ram_get(&m, STACK - 8, 4) == CODE + 7 &&
	   ram_get(&m, STACK - 4, 4) == SEL_CODE0, "pushes CS:EIP");
	OK("RET far", 0xcb);
	IS(m.c.rip == CODE + 7 && m.gpr[INSN_RSP] == STACK, "comes back");

	start(EMUL_MODE_PROT32, 0);
	m.gpr[INSN_RSP] = DATA;
	m.ro_page = (DATA - 8) >> 12;
	cs = m.seg[INSN_CS];
	FAULT(X86_TRAP_PF, 3, "CALL far with a bad stack",
	      0x9a, 0x00, 0x20, 0, 0, SEL_CODE0, 0);
	IS(!memcmp(&cs, &m.seg[INSN_CS], sizeof(cs)) &&
	   m.gpr[INSN_RSP] == DATA, "leaves CS and ESP");

	start(EMUL_MODE_LONG64, 0);
	m.gpr[INSN_RBX] = DATA;
	ram_put(&m, DATA, 0x3000, 4);
	ram_put(&m, DATA + 4, SEL_BAD64, 2);
	FAULT(X86_TRAP_GP, SEL_BAD64, "L and D together", 0xff, 0x2b);
	ram_put(&m, DATA + 4, SEL_CODE64, 2);
	OK("JMP far in 64-bit code", 0xff, 0x2b);
	IS(m.c.rip == 0x3000, "arrives");
	ram_put(&m, STACK, 0x800000000000ULL, 8);
	ram_put(&m, STACK + 8, SEL_CODE64, 8);
	FAULT(X86_TRAP_GP, 0, "RET far to a non-canonical address", 0x48, 0xcb);
	IS(m.gpr[INSN_RSP] == STACK, "leaves RSP");

	m.gpr[INSN_RAX] = 0x800000000000ULL;
	FAULT(X86_TRAP_GP, 0, "JMP to a non-canonical address", 0xff, 0xe0);
	FAULT(X86_TRAP_GP, 0, "CALL likewise", 0xff, 0xd0);
	IS(m.gpr[INSN_RSP] == STACK, "leaves RSP");
	FAULT(X86_TRAP_GP, 0, "RET likewise", 0xc3);
	m.c.la57 = true;
	OK("with 57 bits it is canonical", 0xff, 0xe0);

	/* IRETQ pops five words. */
	start(EMUL_MODE_LONG64, 0);
	ram_put(&m, STACK, 0x2000, 8);
	ram_put(&m, STACK + 8, SEL_CODE64, 8);
	ram_put(&m, STACK + 16, 0x247, 8);
	ram_put(&m, STACK + 24, 0x7000, 8);
	ram_put(&m, STACK + 32, 0, 8);
	OK("IRETQ", 0x48, 0xcf);
	IS(m.c.rip == 0x2000 && m.gpr[INSN_RSP] == 0x7000 &&
	   m.c.rflags == 0x247 && m.seg[INSN_CS].selector == SEL_CODE64,
	   "has all of its frame");
	IS(m.nr_ev == 1 && m.ev[0].addr == EMUL_ACT_IRET, "opens NMIs");
	m.c.rflags |= X86_EFLAGS_NT;
	FAULT(X86_TRAP_GP, 0, "IRET with NT in long mode", 0x48, 0xcf);

	/* Real mode: interrupts and back. */
	start(EMUL_MODE_REAL, 0);
	m.c.rflags |= X86_EFLAGS_IF;
	m.seg[INSN_CS].selector = 0;
	ram_put(&m, 0x13 * 4, 0x01000200, 4);
	OK("INT 13h", 0xcd, 0x13);
	IS(m.c.rip == 0x200 && m.seg[INSN_CS].selector == 0x100 &&
	   m.seg[INSN_CS].base == 0x1000 && !(m.c.rflags & X86_EFLAGS_IF) &&
	   ram_get(&m, STACK - 6, 2) == CODE + 2 &&
	   (ram_get(&m, STACK - 2, 2) & X86_EFLAGS_IF), "vectors");
	OK("IRET", 0xcf);
	IS(m.c.rip == CODE + 2 && m.seg[INSN_CS].selector == 0 &&
	   (m.c.rflags & X86_EFLAGS_IF) && (u16)m.gpr[INSN_RSP] == STACK,
	   "returns");
	start(EMUL_MODE_LONG64, 0);
	FAULT(X86_TRAP_GP, 0x80 * 8 + 2, "INT 80h beyond the IDT", 0xcd, 0x80);
}

static void cpl_checks(void)
{
	static const u8 insns[][4] = {
		{ 2, 0x0f, 0x30 }, { 2, 0x0f, 0x32 }, { 1, 0xf4 },
		{ 2, 0x0f, 0x06 }, { 2, 0x0f, 0x08 }, { 2, 0x0f, 0x09 },
		{ 3, 0x0f, 0x20, 0xc0 }, { 3, 0x0f, 0x22, 0xc0 },
		{ 3, 0x0f, 0x21, 0xc0 }, { 3, 0x0f, 0x23, 0xc0 },
		{ 3, 0x0f, 0x01, 0x13 }, { 3, 0x0f, 0x01, 0x1b },
		{ 3, 0x0f, 0x01, 0xf0 }, { 3, 0x0f, 0x01, 0x3b },
		{ 3, 0x0f, 0x01, 0xf8 }, { 3, 0x0f, 0x01, 0xd1 },
		{ 1, 0xfa }, { 1, 0xfb }, { 1, 0xec }, { 1, 0xee },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		start(EMUL_MODE_LONG64, 3);
		m.gpr[INSN_RBX] = DATA;
		tap_result(machine_run(&m, insns[i] + 1, insns[i][0], NULL) ==
			   EMUL_FAULT && m.c.fault.vector == X86_TRAP_GP &&
			   m.c.fault.error_code == 0 && m.nr_ev == 0,
			   "%02x %02x %02x is privileged", insns[i][1],
			   insns[i][2], insns[i][3]);
	}
	start(EMUL_MODE_LONG64, 3);
	m.gpr[INSN_RBX] = DATA;
	OK("SGDT at CPL 3", 0x0f, 0x01, 0x03);
	IS(ram_get(&m, DATA, 2) == SEL_END - 1 && ram_get(&m, DATA + 2, 8) == GDT,
	   "tells the table");
	m.reg[EMUL_CR4] |= X86_CR4_UMIP;
	FAULT(X86_TRAP_GP, 0, "unless UMIP hides it", 0x0f, 0x01, 0x03);
	FAULT(X86_TRAP_GP, 0, "SMSW likewise", 0x0f, 0x01, 0xe0);
	m.reg[EMUL_CR4] |= X86_CR4_TSD;
	FAULT(X86_TRAP_GP, 0, "RDTSC with TSD", 0x0f, 0x31);
	m.c.guest_mode = true;
	tap_result(RUN(&m, 0x0f, 0xa2) == EMUL_INTERCEPTED,
		   "a nested hypervisor is asked");
	FAULT(X86_TRAP_GP, 0, "after privilege", 0x0f, 0x30);
}

static void system_regs(void)
{
	start(EMUL_MODE_LONG64, 0);
	m.gpr[INSN_RAX] = 0x80000011;
	OK("MOV CR0", 0x0f, 0x22, 0xc0);
	IS(m.reg[EMUL_CR0] == 0x80000011, "writes it");
	OK("MOV from CR0", 0x0f, 0x20, 0xc1);
	IS(m.gpr[INSN_RCX] == 0x80000011, "reads it");
	m.gpr[INSN_RAX] = 0xe;
	OK("LMSW", 0x0f, 0x01, 0xf0);
	IS(m.reg[EMUL_CR0] == 0x8000001f, "cannot clear PE");
	OK("CLTS", 0x0f, 0x06);
	IS(m.reg[EMUL_CR0] == 0x80000017, "clears TS");
	OK("STAC", 0x0f, 0x01, 0xcb);
	IS(m.c.rflags & X86_EFLAGS_AC, "sets AC");
	OK("CLAC", 0x0f, 0x01, 0xca);
	IS(!(m.c.rflags & X86_EFLAGS_AC), "clears it");
	m.c.cpl = 3;
	tap_result(RUN(&m, 0x0f, 0x01, 0xcb) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "STAC is not there at CPL 3");
	m.c.cpl = 0;
	tap_result(RUN(&m, 0x0f, 0x22, 0xc8) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "there is no CR1");
	m.gpr[INSN_RAX] = 7;
	OK("MOV DR4 is DR6", 0x0f, 0x23, 0xe0);
	IS(m.reg[EMUL_DR6] == 7, "without CR4.DE");
	m.reg[EMUL_CR4] |= X86_CR4_DE;
	tap_result(RUN(&m, 0x0f, 0x23, 0xe0) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "and nothing with it");

	m.gpr[INSN_RBX] = DATA;
	ram_put(&m, DATA, 0x7f, 2);
	ram_put(&m, DATA + 2, 0x800000000000ULL, 8);
	FAULT(X86_TRAP_GP, 0, "LGDT of a non-canonical base", 0x0f, 0x01, 0x13);
	IS(m.dtr_base[EMUL_GDTR] == GDT, "leaves GDTR");
	ram_put(&m, DATA + 2, 0x7fff00000000ULL, 8);
	OK("LIDT", 0x0f, 0x01, 0x1b);
	IS(m.dtr_base[EMUL_IDTR] == 0x7fff00000000ULL &&
	   m.dtr_limit[EMUL_IDTR] == 0x7f, "loads both");
	start(EMUL_MODE_REAL, 0);
	m.gpr[INSN_RBX] = DATA;
	ram_put(&m, DATA, 0x12345678007f, 8);
	OK("LGDT, 16 bits", 0x0f, 0x01, 0x17);
	IS(m.dtr_base[EMUL_GDTR] == 0x345678, "takes 24 bits of the base");

	start(EMUL_MODE_LONG64, 0);
	m.gpr[INSN_RCX] = 0x10;
	m.gpr[INSN_RAX] = 0x1111111122222222;
	m.gpr[INSN_RDX] = 0x3333333344444444;
	OK("WRMSR", 0x0f, 0x30);
	IS(m.msr == 0x4444444422222222, "takes EDX:EAX");
	OK("RDMSR", 0x0f, 0x32);
	IS(m.gpr[INSN_RAX] == 0x22222222 && m.gpr[INSN_RDX] == 0x44444444,
	   "clears the upper halves");
	m.gpr[INSN_RAX] = 7;
	m.gpr[INSN_RCX] = 2;
	OK("CPUID", 0x0f, 0xa2);
	IS(m.gpr[INSN_RAX] == 4 && m.gpr[INSN_RBX] == 8 &&
	   m.gpr[INSN_RCX] == 3 && m.gpr[INSN_RDX] == 3, "gives four registers");
	m.reg[EMUL_KERNEL_GS_BASE] = 0x4444444422222222;
	OK("SWAPGS", 0x0f, 0x01, 0xf8);
	IS(m.seg[INSN_GS].base == 0x4444444422222222 &&
	   m.reg[EMUL_KERNEL_GS_BASE] == 0, "swaps");
	m.seg[INSN_FS].base = 0x4000;
	m.gpr[INSN_RBX] = 8;
	ram_put(&m, 0x4008, 0x77, 1);
	OK("MOV from FS:", 0x64, 0x8a, 0x03);
	IS((u8)m.gpr[INSN_RAX] == 0x77, "adds the base in 64-bit code");
	m.c.rflags &= ~(u64)X86_EFLAGS_IF;
	OK("STI", 0xfb);
	IS(m.c.shadow == EMUL_SHADOW_STI && (m.c.rflags & X86_EFLAGS_IF),
	   "casts a shadow");
	OK("STI again", 0xfb);
	IS(m.c.shadow == EMUL_SHADOW_NONE, "casts none");
	OK("HLT", 0xf4);
	IS(m.nr_ev == 1 && m.ev[0].addr == EMUL_ACT_HALT, "halts");
	m.gpr[INSN_RBX] = 0x123456;
	OK("INVLPG", 0x0f, 0x01, 0x3b);
	IS(m.nr_ev == 1 && m.ev[0].addr == EMUL_ACT_INVLPG &&
	   m.ev[0].data == 0x123456, "needs no page");
	m.gpr[INSN_RCX] = 0;
	m.gpr[INSN_RAX] = 7;
	m.gpr[INSN_RDX] = 0;
	OK("XSETBV", 0x0f, 0x01, 0xd1);
	m.gpr[INSN_RCX] = 1;
	FAULT(X86_TRAP_GP, 0, "XSETBV of another register", 0x0f, 0x01, 0xd1);
	m.c.features = 0;
	tap_result(RUN(&m, 0x0f, 0x01, 0xd1) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "is undefined without XSAVE");
}

static void segmentation(void)
{
	start(EMUL_MODE_PROT32, 0);
	m.gpr[INSN_RBX] = 0x1ffe;
	m.seg[INSN_DS].limit = 0x1fff;
	OK("two bytes up to the limit", 0x66, 0x8b, 0x03);
	FAULT(X86_TRAP_GP, 0, "four are beyond", 0x8b, 0x03);
	m.seg[INSN_SS].limit = 0x1fff;
	FAULT(X86_TRAP_SS, 0, "#SS for the stack", 0x36, 0x8b, 0x03);
	m.seg[INSN_DS].attr |= EMUL_SEG_DOWN;
	FAULT(X86_TRAP_GP, 0, "expand-down: below the limit", 0x8b, 0x03);
	m.gpr[INSN_RBX] = 0x2000;
	OK("expand-down: above", 0x8b, 0x03);
	m.seg[INSN_DS].attr &= ~EMUL_SEG_DB;
	m.gpr[INSN_RBX] = 0xfffe;
	FAULT(X86_TRAP_GP, 0, "expand-down: the top is at 64K", 0x8b, 0x03);
	FAULT(X86_TRAP_GP, 0, "no store to code", 0x2e, 0x89, 0x03);
	m.seg[INSN_ES].attr &= ~EMUL_SEG_WRITABLE;
	m.gpr[INSN_RBX] = DATA;
	FAULT(X86_TRAP_GP, 0, "no store to read-only data", 0x26, 0x89, 0x03);
	OK("a load is fine", 0x26, 0x8b, 0x03);
	start(EMUL_MODE_REAL, 0);
	m.gpr[INSN_RBX] = 0xffff;
	FAULT(X86_TRAP_GP, 0, "a word at FFFF in real mode", 0x8b, 0x07);
	m.gpr[INSN_RSI] = 1;
	OK("16-bit addresses wrap", 0x8a, 0x00);
	m.gpr[INSN_RSP] = 0x10000;
	m.gpr[INSN_RAX] = 0x101;
	OK("PUSH at SP 0", 0x50);
	IS(m.gpr[INSN_RSP] == 0x1fffe && ram_get(&m, 0xfffe, 2) == 0x101,
	   "wraps SP alone");
	start(EMUL_MODE_LONG64, 0);
	m.gpr[INSN_RBX] = 0x800000000000ULL;
	m.gpr[INSN_RBP] = 0x800000000000ULL;
	FAULT(X86_TRAP_GP, 0, "non-canonical data", 0x8b, 0x03);
	FAULT(X86_TRAP_SS, 0, "non-canonical stack", 0x8b, 0x45, 0x00);
	m.gpr[INSN_RBX] = 0x7ffffffffffcULL;
	FAULT(X86_TRAP_GP, 0, "half canonical", 0x48, 0x8b, 0x03);
	m.gpr[INSN_RBX] = DATA + 4;
	FAULT(X86_TRAP_GP, 0, "MOVAPS has to be aligned", 0x0f, 0x28, 0x03);
	OK("MOVUPS has not", 0x0f, 0x10, 0x03);
	m.reg[EMUL_CR0] |= X86_CR0_TS;
	tap_result(RUN(&m, 0x0f, 0x10, 0x03) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_NM, "#NM with TS");
	m.reg[EMUL_CR0] = X86_CR0_EM | 1;
	tap_result(RUN(&m, 0x0f, 0x10, 0x03) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_UD, "#UD with EM");
}

int main(void)
{
	segment_loads();
	transfers();
	cpl_checks();
	system_regs();
	segmentation();
	return tap_end();
}
