// SPDX-License-Identifier: GPL-2.0-only
/*
 * System instructions, by the processor and by KVM's emulator from the same
 * state, in each mode that has them and at CPL 0 and 3.
 *
 * What QEMU's processor does not do as the manuals say is not here, and has to
 * be seen to by the unit tests: limits of segments on plain accesses; accessed
 * bits of code and stack segments; L and D set together; MOV to CS and to
 * segment registers that do not exist (it dies); VIF for CLI, STI, PUSHF, POPF
 * and IRET; #SS of a return to a stack that is absent; the CPL of IRET to
 * virtual-8086 mode; INTO in 64-bit code; null selectors of LTR and LLDT; system
 * types that long mode has not, for LTR, LAR and LSL; privilege of INVD and
 * WBINVD before their intercept; arithmetic flags over SYSCALL, VIF and VIP over
 * SYSRET; SYSENTER in compatibility mode of AMD; the table of a virtual-8086
 * task's own interrupts; SS of an interrupt stack without a change of CPL.
 *
 * What Bochs' processor does not, or in another order, is left out in Bochs alone: IRET with
 * a 32-bit operand in 64-bit code pops SS:RSP only if CPL changes; #UD of DR5 comes before
 * #GP of CPL 3.
 */
#include <stdlib.h>

#include "twin.h"

/* What follows the opcode bytes. */
enum form {
	PLAIN,
	MEMORY,		/* ModRM with /reg, the operand at TW_DATA */
	REGISTER,	/* ModRM with /reg, rm is reg2 */
	FAR_MEMORY,	/* MEMORY with a far pointer: the target in sel */
	FAR_RETURN,	/* the stack has IP, CS sel, SP, SS sel2 */
	IRET_FRAME,	/* the stack has IP, CS sel, flags, SP, SS sel2 */
	STACK_FLAGS,	/* the stack has flags */
};

struct row {
	const char *name;
	u8 op[4];
	u8 len;
	u8 form;
	u8 reg, reg2;
	u8 imm[2];
	u8 nr_imm;
	u16 sel, sel2;
	u64 data[2];
	u64 rax, rcx, rdx;
	u64 flags, flags2;	/* RFLAGS to begin with; of a frame */
	u64 cr4;
	u32 modes;
	u32 not_in_bochs;	/* of these modes */
	bool needs_umip;	/* of the processor */
	u32 ignore;
};

#define OP1(a) .op = { a }, .len = 1
#define OP2(a, b) .op = { a, b }, .len = 2
#define OP3(a, b, c) .op = { a, b, c }, .len = 3
#define IF RFLAGS_IF
#define IOPL (3ul << 12)
#define NT (1ul << 14)
#define VM RFLAGS_VM
#define CR4_VME 1ul
#define CR4_TSD 4ul
#define CR4_PCE (1ul << 8)

static u8 code[32];

static unsigned int put(u8 *to, u64 v, unsigned int size)
{
	memcpy(to, &v, size);
	return size;
}

/* ModRM for an absolute address. */
static unsigned int modrm_memory(u8 *to, enum twin_mode mode, u8 reg, u16 at)
{
	if (twin_size(mode) == 2) {
		to[0] = reg << 3 | 6;
		return 1 + put(to + 1, at, 2);
	}
	if (mode < TW_L64) {
		to[0] = reg << 3 | 5;
		return 1 + put(to + 1, at, 4);
	}
	to[0] = reg << 3 | 4;
	to[1] = 0x25;
	return 2 + put(to + 2, at, 4);
}

static void put_frame(struct twin *t, const struct row *r, unsigned int size)
{
	u8 *sp = t->mem + TW_STACK;

	if (r->form == STACK_FLAGS) {
		put(sp, r->flags2, size);
		return;
	}
	sp += put(sp, TW_TARGET, size);
	sp += put(sp, r->sel, size);
	if (r->form == IRET_FRAME)
		sp += put(sp, r->flags2 | RFLAGS_ONE, size);
	sp += put(sp, TW_STACK - 0x100, size);
	sp += put(sp, r->sel2, size);
	/* Of virtual-8086 mode: ES DS FS GS. */
	if (r->flags2 & VM) {
		sp += put(sp, 0x111, 4);
		sp += put(sp, 0x222, 4);
		sp += put(sp, 0x333, 4);
		put(sp, 0x444, 4);
	}
}

/* Operand size in bytes, with the prefixes among the opcode bytes. */
static unsigned int operand_size(const struct row *r, enum twin_mode mode)
{
	unsigned int size = twin_size(mode);

	if (r->op[0] == 0x66)
		return size == 4 ? 2 : 4;
	if (r->op[0] == 0x48)
		return 8;
	return size;
}

static unsigned int build(struct twin *t, const struct row *r)
{
	unsigned int n = r->len, size = operand_size(r, t->mode);

	memcpy(code, r->op, n);
	memcpy(t->mem + TW_DATA, r->data, 16);
	switch (r->form) {
	case FAR_MEMORY:
		put(t->mem + TW_DATA, TW_TARGET, size);
		put(t->mem + TW_DATA + size, r->sel, 2);
		/* fall through */
	case MEMORY:
		n += modrm_memory(code + n, t->mode, r->reg, TW_DATA);
		break;
	case REGISTER:
		code[n++] = 0xc0 | r->reg << 3 | r->reg2;
		break;
	case FAR_RETURN:
	case IRET_FRAME:
	case STACK_FLAGS:
		/* PUSHF and POPF have 64 bits there without being told. */
		if (r->form == STACK_FLAGS && t->mode >= TW_L64 && size == 4)
			size = 8;
		put_frame(t, r, size);
		break;
	}
	memcpy(code + n, r->imm, r->nr_imm);
	return n + r->nr_imm;
}

static bool run_row(struct twin *t, const struct row *r)
{
	const char *why;

	if (getenv("TWIN_VERBOSE"))
		tap_note("%s, %s", twin_mode_names[t->mode], r->name);
	twin_mode(t, t->mode);
	t->regs.rflags |= r->flags;
	if (t->mode == TW_V86 && (r->flags & 2))
		t->regs.rflags &= ~IOPL;	/* RFLAGS_ONE: IOPL 0 is meant */
	if (r->rax)
		t->regs.rax = r->rax;
	if (r->rcx)
		t->regs.rcx = r->rcx;
	if (r->rdx)
		t->regs.rdx = r->rdx;
	t->sregs.cr4 |= r->cr4;
	why = twin_run(t, code, build(t, r), r->ignore);
	if (!why)
		return true;
	tap_note("%s, %s: %s", twin_mode_names[t->mode], r->name, why);
	return false;
}

static void run_rows(const struct row *rows, unsigned int nr)
{
	unsigned int i, mode, bad = 0, done = 0;
	bool bochs = twin_in_bochs(), umip = processor_has_umip();
	struct twin *t;

	twin_need_prefix();
	t = twin_new();
	for (mode = 0; mode < TW_NR_MODES; mode++) {
		t->mode = mode;
		for (i = 0; i < nr; i++) {
			if (!(rows[i].modes & 1u << mode) ||
			    (bochs && (rows[i].not_in_bochs & 1u << mode)) ||
			    (rows[i].needs_umip && !umip))
				continue;
			bad += !run_row(t, &rows[i]);
			done++;
		}
	}
	tap_note("%u comparisons", done);
	CHECK_EQ(bad, 0);
}

#define ROWS_STOCK(id, why, ...)					\
	static const struct row rows_##id[] = { __VA_ARGS__ };		\
	CASE_SLOW(id, 60, why)						\
	{								\
		run_rows(rows_##id, ARRAY_LEN(rows_##id));		\
	}
#define ROWS(id, ...) ROWS_STOCK(id, NULL, __VA_ARGS__)

/*
 * # stock: expected fail because its emulator has no gates, no task switches by
 * instructions and no LAR, LSL, VERR, VERW, and is lax about some checks
 */
#define ROWS_OURS(id, ...) \
	ROWS_STOCK(id, "its emulator leaves out gates, tasks and some checks", __VA_ARGS__)

#define LOAD(name_, sel_) \
	{ name_ " to DS", OP1(0x8e), .form = REGISTER, .reg = 3, .rax = sel_, .modes = TWM_PROT }, \
	{ name_ " to SS", OP1(0x8e), .form = REGISTER, .reg = 2, .rax = sel_, .modes = TWM_PROT }, \
	{ name_ " to FS", OP1(0x8e), .form = REGISTER, .reg = 4, .rax = sel_, .modes = TWM_PROT }

ROWS_OURS(segment_loads,
	LOAD("null", 0x10000), LOAD("null, RPL 1", 0x10001), LOAD("null, RPL 3", 0x10003),
	LOAD("data", TWS_DATA32), LOAD("data, RPL 3", TWS_DATA32 | 3), LOAD("data16", TWS_DATA16),
	LOAD("user data", TWS_UDATA32), LOAD("user data, RPL 0", TWS_UDATA32 & ~3),
	LOAD("code", TWS_CODE32), LOAD("user code", TWS_UCODE32),
	LOAD("conforming", TWS_CONFORMING), LOAD("conforming, RPL 3", TWS_CONFORMING | 3),
	LOAD("absent", TWS_ABSENT_DATA | 3), LOAD("execute only", TWS_EXEC_ONLY | 3),
	LOAD("read only", TWS_READ_ONLY | 3), LOAD("read only, RPL 0", TWS_READ_ONLY),
	LOAD("LDT descriptor", TWS_LDT), LOAD("TSS", TWS_TSS), LOAD("call gate", TWS_CALL_GATE | 3),
	LOAD("in the LDT", TWS_IN_LDT), LOAD("beyond the LDT", 0x1f), LOAD("beyond the GDT", TWS_BEYOND | 3),
	{ "real to DS", OP1(0x8e), .form = REGISTER, .reg = 3, .rax = 0x1234, .modes = TWM_REALS },
	{ "real to SS", OP1(0x8e), .form = REGISTER, .reg = 2, .rax = 0x1234, .modes = TWM_REALS },
	{ "MOV from DS", OP1(0x8c), .form = REGISTER, .reg = 3, .modes = TWM_ALL },
	{ "MOV from SS to memory", OP1(0x8c), .form = MEMORY, .reg = 2, .data = { -1 }, .modes = TWM_ALL },
	{ "LDS", OP1(0xc5), .form = FAR_MEMORY, .reg = 1, .sel = TWS_UDATA32, .modes = TWM_LEGACY | TWM_REALS | TWM(C32) | TWM(C32U) },
	{ "LDS null", OP1(0xc5), .form = FAR_MEMORY, .reg = 1, .sel = 0, .modes = TWM_LEGACY },
	{ "LSS", OP2(0x0f, 0xb2), .form = FAR_MEMORY, .reg = 1, .sel = TWS_DATA32, .modes = TWM_ALL },
	{ "LGS", OP2(0x0f, 0xb5), .form = FAR_MEMORY, .reg = 1, .sel = TWS_READ_ONLY | 3, .modes = TWM_ALL },
	{ "POP DS", OP1(0x1f), .form = STACK_FLAGS, .flags2 = TWS_UDATA32, .modes = TWM_LEGACY | TWM_REALS },
	{ "POP SS", OP1(0x17), .form = STACK_FLAGS, .flags2 = TWS_DATA32, .modes = TWM_LEGACY | TWM_REALS },
	{ "POP FS", OP2(0x0f, 0xa1), .form = STACK_FLAGS, .flags2 = TWS_UDATA32, .modes = TWM_ALL },
	{ "PUSH GS", OP2(0x0f, 0xa8), .modes = TWM_ALL },
)

#define TRANSFER(name_, sel_, modes_) \
	{ "JMP to " name_, OP1(0xff), .form = FAR_MEMORY, .reg = 5, .sel = sel_, .modes = modes_ }, \
	{ "CALL to " name_, OP1(0xff), .form = FAR_MEMORY, .reg = 3, .sel = sel_, .modes = modes_ }

ROWS_OURS(far_jumps_and_calls,
	TRANSFER("null", 0, TWM_PROT), TRANSFER("code", TWS_CODE32, TWM_PROT),
	TRANSFER("code, RPL 3", TWS_CODE32 | 3, TWM_PROT),
	TRANSFER("code16", TWS_CODE16, TWM_PROT), TRANSFER("code64", TWS_CODE64, TWM_LONG),
	TRANSFER("user code", TWS_UCODE32, TWM_PROT), TRANSFER("user code16", TWS_UCODE16, TWM_PROT),
	TRANSFER("user code64", TWS_UCODE64, TWM_LONG),
	TRANSFER("conforming code", TWS_CONFORMING, TWM_PROT),
	TRANSFER("conforming code, RPL 3", TWS_CONFORMING | 3, TWM_PROT),
	TRANSFER("code of DPL 1", TWS_CODE_DPL1 | 1, TWM_PROT),
	TRANSFER("absent code", TWS_ABSENT_CODE | 3, TWM_PROT),
	TRANSFER("data", TWS_DATA32, TWM_PROT), TRANSFER("the LDT", TWS_LDT, TWM_PROT),
	TRANSFER("beyond the GDT", TWS_BEYOND, TWM_PROT),
	TRANSFER("a paragraph", 0x10, TWM_REALS),
	TRANSFER("a busy TSS", TWS_TSS, TWM_PROT),
	{ "JMP far with REX.W", OP2(0x48, 0xff), .form = FAR_MEMORY, .reg = 5, .sel = TWS_CODE32, .modes = TWM_64 },
	{ "CALL far with REX.W", OP2(0x48, 0xff), .form = FAR_MEMORY, .reg = 3, .sel = TWS_CODE64, .modes = TWM_64 },
	{ "CALL far with 66", OP2(0x66, 0xff), .form = FAR_MEMORY, .reg = 3, .sel = TWS_CODE32, .modes = TWM_KERNEL & TWM_PROT },
)

ROWS_OURS(gates,
	TRANSFER("a call gate", TWS_CALL_GATE | 3, TWM_PROT),
	TRANSFER("a call gate, RPL 0", TWS_CALL_GATE, TWM_PROT),
	TRANSFER("a call gate of DPL 0", TWS_CALL_GATE_DPL0, TWM_PROT),
	TRANSFER("an absent gate", TWS_ABSENT_GATE | 3, TWM_PROT),
	TRANSFER("a gate to data", TWS_GATE_TO_DATA | 3, TWM_PROT),
	TRANSFER("a 16-bit gate", TWS_CALL_GATE16 | 3, TWM_PROT),
	TRANSFER("a task gate, in long mode", TWS_TASK_GATE | 3, TWM_LONG),
)

ROWS_OURS(tasks,
	TRANSFER("a TSS", TWS_TSS2, TWM_LEGACY),
	TRANSFER("a task gate", TWS_TASK_GATE | 3, TWM_LEGACY),
	{ "JMP to a 16-bit TSS", OP1(0xff), .form = FAR_MEMORY, .reg = 5, .sel = TWS_TSS16,
	  .modes = TWM(P16) | TWM(P32), .ignore = TWI_HIGH },
	{ "CALL to a 16-bit TSS", OP1(0xff), .form = FAR_MEMORY, .reg = 3, .sel = TWS_TSS16,
	  .modes = TWM(P16) | TWM(P32), .ignore = TWI_HIGH },
	{ "INT to a task gate", OP1(0xcd), .imm = { TWV_TASK }, .nr_imm = 1, .modes = TWM_LEGACY },
)

#define RETF(name_, sel_, ss, modes_) \
	{ "RETF to " name_, OP1(0xcb), .form = FAR_RETURN, .sel = sel_, .sel2 = ss, .modes = modes_ }, \
	{ "RETF n to " name_, OP1(0xca), .form = FAR_RETURN, .sel = sel_, .sel2 = ss, .imm = { 4, 0 }, .nr_imm = 2, .modes = modes_ }

ROWS_OURS(far_returns,
	RETF("null", 0, 0, TWM_PROT), RETF("code", TWS_CODE32, TWS_DATA32, TWM_PROT),
	RETF("code16", TWS_CODE16, TWS_DATA16, TWM_PROT),
	RETF("conforming", TWS_CONFORMING, TWS_DATA32, TWM_PROT),
	RETF("conforming, RPL 3", TWS_CONFORMING | 3, TWS_UDATA32, TWM_PROT),
	RETF("user code, null SS", TWS_UCODE32, 0, TWM_PROT),
	RETF("user code, kernel SS", TWS_UCODE32, TWS_DATA32, TWM_PROT),
	RETF("user code, read-only SS", TWS_UCODE32, TWS_READ_ONLY | 3, TWM_PROT),
	RETF("code of DPL 1, RPL 3", TWS_CODE_DPL1 | 3, TWS_UDATA32, TWM_PROT),
	RETF("absent code", TWS_ABSENT_CODE | 3, TWS_UDATA32, TWM_PROT),
	RETF("a gate", TWS_CALL_GATE | 3, TWS_UDATA32, TWM_PROT),
	RETF("user code", TWS_UCODE32, TWS_UDATA32, TWM_PROT),
	RETF("user code64", TWS_UCODE64, TWS_UDATA32, TWM_LONG),
	RETF("a paragraph", 0x10, 0x20, TWM_REALS),
	{ "RETF 64", OP2(0x48, 0xcb), .form = FAR_RETURN, .sel = TWS_UCODE64, .sel2 = TWS_UDATA32, .modes = TWM_64 },
)

#define IRET(name_, sel_, ss, fl, modes_) \
	{ "IRET to " name_, OP1(0xcf), .form = IRET_FRAME, .sel = sel_, .sel2 = ss, .flags2 = fl, .modes = modes_, \
	  .not_in_bochs = TWM_64 }

ROWS_OURS(iret,
	IRET("null", 0, 0, 0, TWM_PROT), IRET("code", TWS_CODE32, TWS_DATA32, IF | IOPL, TWM_PROT),
	IRET("code, all flags", TWS_CODE32, TWS_DATA32, 0x247fd5 & ~RFLAGS_TF, TWM_PROT),
	IRET("user code", TWS_UCODE32, TWS_UDATA32, IF | IOPL, TWM_PROT),
	IRET("user code, kernel SS", TWS_UCODE32, TWS_DATA32, 0, TWM_PROT),
	IRET("user code, null SS", TWS_UCODE32, 0, 0, TWM_PROT),
	IRET("user code16", TWS_UCODE16, TWS_UDATA16, 0, TWM_PROT),
	IRET("absent code", TWS_ABSENT_CODE | 3, TWS_UDATA32, 0, TWM_PROT),
	IRET("data", TWS_DATA32, TWS_DATA32, 0, TWM_PROT),
	IRET("a paragraph", 0x10, 0, 0xfd5 & ~RFLAGS_TF, TWM_REALS),
	{ "IRETQ to user code", OP2(0x48, 0xcf), .form = IRET_FRAME, .sel = TWS_UCODE64, .sel2 = TWS_UDATA32, .flags2 = IF, .modes = TWM_64 },
	{ "IRETQ to user code32", OP2(0x48, 0xcf), .form = IRET_FRAME, .sel = TWS_UCODE32, .sel2 = TWS_UDATA32, .modes = TWM_64 },
	{ "IRETQ to user code, null SS", OP2(0x48, 0xcf), .form = IRET_FRAME, .sel = TWS_UCODE64, .sel2 = 3, .modes = TWM_64 },
	{ "IRETQ to code, null SS", OP2(0x48, 0xcf), .form = IRET_FRAME, .sel = TWS_CODE64, .sel2 = 0, .modes = TWM_64, .ignore = TWI_SS_HIDDEN },
	{ "IRETQ to code", OP2(0x48, 0xcf), .form = IRET_FRAME, .sel = TWS_CODE64, .sel2 = TWS_DATA32, .flags2 = NT, .modes = TWM_64 },
	{ "IRETQ with NT", OP2(0x48, 0xcf), .form = IRET_FRAME, .sel = TWS_CODE64, .flags = NT, .modes = TWM_64 },
	{ "IRETD to v86", OP1(0xcf), .form = IRET_FRAME, .sel = 0x10, .sel2 = 0x20, .flags2 = VM | IOPL, .modes = TWM(P32) },
	{ "IRETW", OP2(0x66, 0xcf), .form = IRET_FRAME, .sel = TWS_CODE32, .sel2 = TWS_DATA32, .flags2 = IF, .modes = TWM(P32) | TWM(C32) },
	{ "IRET in v86 without IOPL", OP1(0xcf), .form = IRET_FRAME, .sel = 0x10, .flags = 2, .modes = TWM(V86) },
)

#define INTN(name_, v, modes_) \
	{ "INT " name_, OP1(0xcd), .imm = { v }, .nr_imm = 1, .modes = modes_ }

ROWS_OURS(interrupts,
	INTN("gate", TWV_INT, TWM_ALL), INTN("trap gate", TWV_TRAP, TWM_ALL),
	INTN("16-bit gate or IST", TWV_OTHER, TWM_ALL & ~(TWM(C32) | TWM(L64))), INTN("task gate in long mode", TWV_TASK, TWM_LONG),
	INTN("absent gate", TWV_ABSENT, TWM_PROT), INTN("of DPL 0", TWV_DPL0, TWM_PROT),
	INTN("to user code", TWV_TO_USER, TWM_PROT), INTN("beyond the IDT", 0x60, TWM_PROT),
	{ "INT with all flags", OP1(0xcd), .imm = { TWV_INT }, .nr_imm = 1, .flags = 0x240cd5 | IF | NT, .modes = TWM_PROT },
	{ "INT in v86 without IOPL", OP1(0xcd), .imm = { TWV_INT }, .nr_imm = 1, .flags = 2, .modes = TWM(V86) },
	{ "INT in v86, IDT", OP1(0xcd), .imm = { TWV_TRAP }, .nr_imm = 1, .cr4 = CR4_VME, .modes = TWM(V86) },
	{ "INT in v86, IDT, without IOPL", OP1(0xcd), .imm = { TWV_TRAP }, .nr_imm = 1, .flags = 2, .cr4 = CR4_VME, .modes = TWM(V86) },
	{ "INT3", OP1(0xcc), .modes = TWM_ALL }, { "INT1", OP1(0xf1), .modes = TWM_ALL },
	{ "INTO without OF", OP1(0xce), .modes = TWM_ALL & ~TWM_64 },
	{ "INTO with OF", OP1(0xce), .flags = 0x800, .modes = TWM_ALL & ~TWM_64 },
	{ "BOUND", OP1(0x62), .form = MEMORY, .reg = 3, .data = { 0x0 }, .modes = TWM_ALL & ~TWM_64 },
)

#define BOTH(name_, op_, flags_, cr4_) \
	{ name_, OP1(op_), .form = op_ == 0x9d ? STACK_FLAGS : PLAIN, .flags = flags_, .flags2 = 0x247ad5, .cr4 = cr4_, .modes = TWM_ALL }, \
	{ name_ " with 66", OP2(0x66, op_), .form = op_ == 0x9d ? STACK_FLAGS : PLAIN, .flags = flags_, .flags2 = 0x247ad5, .cr4 = cr4_, .modes = TWM_ALL }

ROWS_OURS(flags,
	BOTH("PUSHF", 0x9c, 0, 0), BOTH("PUSHF with IF", 0x9c, IF, 0), BOTH("PUSHF with IOPL", 0x9c, IOPL, 0),
	BOTH("PUSHF, IOPL 0", 0x9c, 2, 0),
	BOTH("POPF", 0x9d, 0, 0), BOTH("POPF with IOPL", 0x9d, IOPL, 0), BOTH("POPF, IOPL 0", 0x9d, 2, 0),
	BOTH("CLI", 0xfa, IF, 0), BOTH("CLI with IOPL", 0xfa, IF | IOPL, 0),
	BOTH("CLI, IOPL 0", 0xfa, 2 | IF, 0),
	BOTH("STI", 0xfb, 0, 0), BOTH("STI with IF", 0xfb, IF, 0), BOTH("STI with IOPL", 0xfb, IOPL, 0),
	BOTH("STI, IOPL 0", 0xfb, 2, 0),
)

#define TABLE(name_, n) \
	{ name_, OP2(0x0f, 0x01), .form = MEMORY, .reg = n, .data = { 0x12345678abcd01ff, 0x0000 }, .modes = TWM_ALL }
#define SYS(name_, n, sel_) \
	{ name_, OP2(0x0f, 0x00), .form = REGISTER, .reg = n, .rax = sel_, .modes = TWM_ALL }, \
	{ name_ " in memory", OP2(0x0f, 0x00), .form = MEMORY, .reg = n, .data = { sel_ }, .modes = TWM_ALL }

ROWS_OURS(descriptor_tables,
	TABLE("SGDT", 0), TABLE("SIDT", 1), TABLE("LGDT", 2), TABLE("LIDT", 3),
	{ "SGDT, UMIP", OP2(0x0f, 0x01), .form = MEMORY, .reg = 0, .cr4 = CR4_UMIP, .modes = TWM_ALL },
	{ "SMSW, UMIP", OP2(0x0f, 0x01), .form = REGISTER, .reg = 4, .cr4 = CR4_UMIP, .modes = TWM_ALL,
	  .needs_umip = true },
	{ "STR, UMIP", OP2(0x0f, 0x00), .form = REGISTER, .reg = 1, .cr4 = CR4_UMIP, .modes = TWM_ALL },
	SYS("SLDT", 0, 0x1234), SYS("STR", 1, 0x1234),
	SYS("LLDT", 2, TWS_LDT), SYS("LLDT of data", 2, TWS_DATA32),
	SYS("LLDT in the LDT", 2, TWS_IN_LDT), SYS("LLDT beyond", 2, TWS_BEYOND),
	SYS("LTR", 3, TWS_TSS2), SYS("LTR of a busy one", 3, TWS_TSS),
	SYS("LTR of data", 3, TWS_DATA32), SYS("LTR in the LDT", 3, TWS_IN_LDT),
)

#define ASK(name_, sel_) \
	{ "VERR " name_, OP2(0x0f, 0x00), .form = REGISTER, .reg = 4, .rax = sel_, .modes = TWM_ALL }, \
	{ "VERW " name_, OP2(0x0f, 0x00), .form = REGISTER, .reg = 5, .rax = sel_, .modes = TWM_ALL }, \
	{ "LAR " name_, OP2(0x0f, 0x02), .form = REGISTER, .reg = 1, .rax = sel_, .modes = TWM_ALL, \
	  .ignore = TWI_LAR }, \
	{ "LSL " name_, OP2(0x0f, 0x03), .form = REGISTER, .reg = 1, .rax = sel_, .modes = TWM_ALL }

ROWS_OURS(questions,
	ASK("null", 0x10000), ASK("data", TWS_DATA32), ASK("user data", TWS_UDATA32), ASK("code", TWS_CODE32),
	ASK("execute only", TWS_EXEC_ONLY | 3), ASK("read only", TWS_READ_ONLY | 3), ASK("conforming", TWS_CONFORMING | 3),
	ASK("absent data", TWS_ABSENT_DATA | 3), ASK("LDT", TWS_LDT), ASK("TSS", TWS_TSS), ASK("TSS2", TWS_TSS2),
	ASK("call gate", TWS_CALL_GATE | 3),
	ASK("beyond", TWS_BEYOND), ASK("in the LDT", TWS_IN_LDT), ASK("code64", TWS_CODE64),
	{ "ARPL up", OP1(0x63), .form = REGISTER, .reg = 1, .rax = 0x10, .rcx = 0x3, .modes = TWM_ALL & ~TWM_64 },
	{ "ARPL not", OP1(0x63), .form = REGISTER, .reg = 1, .rax = 0x13, .rcx = 0x1, .modes = TWM_ALL & ~TWM_64 },
	{ "ARPL memory", OP1(0x63), .form = MEMORY, .reg = 1, .data = { 0x20 }, .rcx = 0x2, .modes = TWM_ALL & ~TWM_64 },
)

#define CR(name_, op_, n, val) \
	{ name_, OP2(0x0f, op_), .form = REGISTER, .reg = n, .rax = val, .modes = TWM_ALL }

ROWS_OURS(control_registers,
	CR("MOV from CR0", 0x20, 0, 0), CR("MOV from CR2", 0x20, 2, 0), CR("MOV from CR3", 0x20, 3, 0),
	CR("MOV from CR4", 0x20, 4, 0), CR("MOV from CR1", 0x20, 1, 0), CR("MOV from CR5", 0x20, 5, 0),
	CR("MOV to CR2", 0x22, 2, 0x12345678), CR("MOV to CR7", 0x22, 7, 0),
	CR("MOV to CR3", 0x22, 3, LAY_PML4), CR("MOV from DR6", 0x21, 6, 0), CR("MOV from DR7", 0x21, 7, 0),
	CR("MOV from DR4", 0x21, 4, 0), CR("MOV from DR0", 0x21, 0, 0), CR("MOV to DR1", 0x23, 1, 0x4321),
	CR("MOV to DR7", 0x23, 7, 0x400),
	{ "MOV from DR5, DE", OP2(0x0f, 0x21), .form = REGISTER, .reg = 5, .cr4 = CR4_DE, .modes = TWM_ALL, .not_in_bochs = TWM_ALL },
	{ "MOV from CR8", OP3(0x44, 0x0f, 0x20), .form = REGISTER, .reg = 0, .modes = TWM_64 },
	{ "MOV to CR8", OP3(0x44, 0x0f, 0x22), .form = REGISTER, .reg = 0, .rax = 5, .modes = TWM_64 },
	{ "SMSW", OP2(0x0f, 0x01), .form = REGISTER, .reg = 4, .modes = TWM_ALL },
	{ "SMSW memory", OP2(0x0f, 0x01), .form = MEMORY, .reg = 4, .data = { -1 }, .modes = TWM_ALL },
	{ "LMSW", OP2(0x0f, 0x01), .form = REGISTER, .reg = 6, .rax = 0x1b, .modes = TWM_PROT },
	{ "LMSW without PE", OP2(0x0f, 0x01), .form = REGISTER, .reg = 6, .rax = 0xa, .modes = TWM_ALL },
	{ "CLTS", OP2(0x0f, 0x06), .modes = TWM_ALL },
	{ "INVLPG", OP2(0x0f, 0x01), .form = MEMORY, .reg = 7, .modes = TWM_ALL },
	{ "INVD", OP2(0x0f, 0x08), .modes = TWM_KERNEL }, { "WBINVD", OP2(0x0f, 0x09), .modes = TWM_KERNEL },
	{ "HLT", OP1(0xf4), .modes = TWM_ALL },
	{ "SWAPGS", OP3(0x0f, 0x01, 0xf8), .modes = TWM_64 },
)

#define MSR(name_, op_, n) \
	{ name_, OP2(0x0f, op_), .rax = 0x12340, .rcx = n, .rdx = 0x1ffffff00000000, .modes = TWM_ALL }

ROWS(msrs_and_counters,
	MSR("RDMSR STAR", 0x32, MSR_STAR), MSR("RDMSR of none", 0x32, 0x12345), MSR("WRMSR STAR", 0x30, MSR_STAR),
	MSR("WRMSR of none", 0x30, 0x12345), MSR("WRMSR SYSENTER_CS", 0x30, MSR_SYSENTER_CS),
	{ "RDTSC", OP2(0x0f, 0x31), .modes = TWM_ALL, .ignore = TWI_RAX | TWI_RDX },
	{ "RDTSC, TSD", OP2(0x0f, 0x31), .cr4 = CR4_TSD, .modes = TWM_ALL, .ignore = TWI_RAX | TWI_RDX },
	{ "RDPMC", OP2(0x0f, 0x33), .rcx = 0x7ffff, .modes = TWM_USER },
	{ "CPUID", OP2(0x0f, 0xa2), .rax = 0x10000, .rcx = 1, .modes = TWM_ALL },
	{ "CPUID 1", OP2(0x0f, 0xa2), .rax = 1, .rcx = 1, .modes = TWM_ALL },
	{ "XGETBV", OP3(0x0f, 0x01, 0xd0), .modes = TWM_ALL },
	{ "XSETBV", OP3(0x0f, 0x01, 0xd1), .cr4 = CR4_OSXSAVE, .modes = TWM_ALL },
)

ROWS_OURS(syscalls,
	{ "SYSCALL", OP2(0x0f, 0x05), .flags = IF, .modes = TWM_PROT },
	{ "SYSRET", OP2(0x0f, 0x07), .rcx = TW_TARGET, .modes = TWM_LONG | TWM(P16) | TWM(P32) },
	{ "SYSRETQ", OP3(0x48, 0x0f, 0x07), .rcx = TW_TARGET, .modes = TWM_64 },
	{ "SYSENTER", OP2(0x0f, 0x34), .modes = TWM_ALL & ~(TWM(C32) | TWM(C32U)) },
	{ "SYSEXIT", OP2(0x0f, 0x35), .rcx = TW_STACK, .rdx = TW_TARGET, .modes = TWM_ALL & ~(TWM(C32) | TWM(C32U)) },
)

#define PORT(name_, op_, flags_) \
	{ name_ " 80", OP1(op_), .imm = { 0x80 }, .nr_imm = 1, .flags = flags_, .modes = TWM_ALL }, \
	{ name_ " 81", OP1(op_), .imm = { 0x81 }, .nr_imm = 1, .flags = flags_, .modes = TWM_ALL }

ROWS(ports,
	PORT("IN AL", 0xe4, 0), PORT("OUT AL", 0xe6, 0), PORT("IN AX", 0xe5, 0), PORT("OUT AX", 0xe7, 0),
	PORT("IN AL with IOPL,", 0xe4, IOPL), PORT("OUT AL with IOPL,", 0xe6, IOPL),
	{ "IN DX", OP1(0xec), .rdx = 0x80, .modes = TWM_ALL }, { "OUT DX", OP1(0xef), .rdx = 0x81, .modes = TWM_ALL },
	{ "INSB", OP1(0x6c), .rdx = 0x80, .modes = TWM_ALL }, { "OUTSB", OP1(0x6e), .rdx = 0x80, .modes = TWM_ALL },
)
