// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rest: what identifies and waits, segment bases, the short way of moves
 * that the CPU has reported, x87 and vectors in modes and on devices, rights.
 */
#include "machine.h"
#include "tap.h"

static struct machine m;

#define OK(what, ...) tap_result(RUN(&m, __VA_ARGS__) == EMUL_OK, what)
#define IS(cond, what) tap_result(cond, what)
#define FAULT(vec, err, what, ...)					\
({									\
	enum emul_rc rc_ = RUN(&m, __VA_ARGS__);			\
	tap_result(rc_ == EMUL_FAULT && m.c.fault.vector == (vec) &&	\
		   m.c.fault.error_code == (err), what);		\
})
#define UD(what, ...) FAULT(X86_TRAP_UD, 0, what, __VA_ARGS__)

static void start(enum emul_mode mode)
{
	machine_init(&m);
	machine_mode(&m, mode);
	m.gpr[INSN_RBX] = DATA;
	m.reg[EMUL_CR0] |= X86_CR0_NE | X86_CR0_MP;
}

static bool action(enum emul_action what)
{
	return m.nr_ev == 1 && m.ev[0].kind == EV_ACTION && m.ev[0].addr == what;
}

static void small_ones(void)
{
	start(EMUL_MODE_LONG64);
	m.reg[EMUL_TSC_AUX] = 0x77;
	OK("RDTSCP", 0x0f, 0x01, 0xf9);
	IS(m.gpr[INSN_RCX] == 0x77, "has TSC_AUX");
	OK("RDPID", 0xf3, 0x0f, 0xc7, 0xf8);
	IS(m.gpr[INSN_RAX] == 0x77, "too");
	m.gpr[INSN_RAX] = DATA;
	m.gpr[INSN_RCX] = 0;
	OK("MONITOR", 0x0f, 0x01, 0xc8);
	IS(action(EMUL_ACT_MONITOR), "tells the address");
	OK("MWAIT", 0x0f, 0x01, 0xc9);
	m.gpr[INSN_RCX] = 2;
	FAULT(X86_TRAP_GP, 0, "MONITOR with an extension", 0x0f, 0x01, 0xc8);
	FAULT(X86_TRAP_GP, 0, "MWAIT with one", 0x0f, 0x01, 0xc9);
	OK("PAUSE", 0xf3, 0x90);
	IS(action(EMUL_ACT_PAUSE), "pauses");
	m.c.features &= ~BIT_ULL(EMUL_F_SMM);
	UD("RSM out of SMM", 0x0f, 0xaa);
	m.c.features |= BIT_ULL(EMUL_F_SMM);
	OK("RSM", 0x0f, 0xaa);
	IS(action(EMUL_ACT_RSM), "leaves SMM");
	OK("VMMCALL", 0x0f, 0x01, 0xd9);
	IS(action(EMUL_ACT_HYPERCALL), "calls");
	m.gpr[INSN_RCX] = 0;
	OK("XGETBV", 0x0f, 0x01, 0xd0);
	IS(m.gpr[INSN_RAX] == 7, "reads XCR0");
	m.gpr[INSN_RCX] = 5;
	FAULT(X86_TRAP_GP, 0, "XGETBV of another", 0x0f, 0x01, 0xd0);
	m.reg[EMUL_CR4] &= ~(u64)X86_CR4_OSXSAVE;
	UD("XSETBV without OSXSAVE", 0x0f, 0x01, 0xd1);
	UD("RDFSBASE without FSGSBASE", 0xf3, 0x0f, 0xae, 0xc0);
	m.reg[EMUL_CR4] |= X86_CR4_FSGSBASE;
	m.gpr[INSN_RCX] = 0x1234567890;
	OK("WRGSBASE", 0xf3, 0x48, 0x0f, 0xae, 0xd9);
	OK("RDGSBASE", 0xf3, 0x48, 0x0f, 0xae, 0xca);
	IS(m.gpr[INSN_RDX] == 0x1234567890, "reads what was written");
	m.gpr[INSN_RCX] = 0x800000000000ULL;
	FAULT(X86_TRAP_GP, 0, "WRFSBASE of a non-canonical address",
	      0xf3, 0x48, 0x0f, 0xae, 0xd1);
	OK("SMSW to a register", 0x0f, 0x01, 0xe1);
	IS((u32)m.gpr[INSN_RCX] == m.reg[EMUL_CR0], "has CR0");
	m.seg[INSN_GS].base = 0x10000;
	OK("INVLPG in GS", 0x65, 0x0f, 0x01, 0x3b);
	IS(m.ev[0].data == DATA + 0x10000, "adds the base");
	m.c.features &= ~BIT_ULL(EMUL_F_LAHF64);
	UD("LAHF that is not there", 0x9f);
	UD("SAHF likewise", 0x9e);
	m.c.features &= ~BIT_ULL(EMUL_F_CX16);
	UD("CMPXCHG16B likewise", 0x48, 0x0f, 0xc7, 0x0b);
	m.gpr[INSN_RSI] = DATA;
	m.gpr[INSN_RAX] = 0x5001;
	FAULT(X86_TRAP_GP, 0, "MOVDIR64B to an odd place", 0x66, 0x0f, 0x38, 0xf8, 0x03);
	m.gpr[INSN_RAX] = 0x5040;
	ram_put(&m, DATA + 56, 0x99, 8);
	OK("MOVDIR64B", 0x66, 0x0f, 0x38, 0xf8, 0x03);
	IS(ram_get(&m, 0x5078, 8) == 0x99, "moves all of it");
	OK("MOVDIRI", 0x0f, 0x38, 0xf9, 0x03);
	IS(ram_get(&m, DATA, 4) == 0x5040, "is a store");
	start(EMUL_MODE_REAL);
	m.c.rip = 0;
	UD("no VEX in real mode", 0xc5, 0xf8, 0x10, 0xc0);
}

/* The CPU has told where a plain move went. */
static enum emul_rc hinted(const u8 *code, unsigned int len, bool write,
			   u64 gpa, bool simple)
{
	enum emul_rc rc;

	m.nr_ev = 0;
	emul_begin(&m.c);
	m.c.rip = CODE;
	emul_give_bytes(&m.c, code, len);
	m.c.hint_valid = true;
	m.c.hint_write = write;
	m.c.hint_mmio = true;
	m.c.hint_gpa = gpa;
	if (simple) {
		rc = emul_decode(&m.c);
		return rc == EMUL_OK ? emul_run_simple(&m.c) : rc;
	}
	rc = emul_run(&m.c);
	while (rc == EMUL_PENDING) {
		machine_answer(&m);
		rc = emul_run(&m.c);
	}
	return rc;
}

#define HINTED(write, gpa, ...)						\
({									\
	static const u8 code_[] = { __VA_ARGS__ };			\
	hinted(code_, sizeof(code_), write, gpa, false);		\
})
#define SIMPLE(write, gpa, ...)						\
({									\
	static const u8 code_[] = { __VA_ARGS__ };			\
	hinted(code_, sizeof(code_), write, gpa, true);			\
})

static void short_ways(void)
{
	u64 dev = MMIO_BASE + 0x10;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		start(EMUL_MODE_LONG64);
		m.mmio_in_kernel = i;
		/* The linear address is elsewhere: only the offset counts. */
		m.gpr[INSN_RBX] = 0x10;
		IS(HINTED(false, dev, 0x8b, 0x03) == EMUL_OK && m.nr_ev == 1 &&
		   m.gpr[INSN_RAX] == mmio_value(dev, 4) && m.c.rip == CODE + 2,
		   "a reported load");
		IS(HINTED(false, dev, 0x0f, 0xbe, 0x03) == EMUL_OK &&
		   (u32)m.gpr[INSN_RAX] == (u32)(s8)mmio_value(dev, 1),
		   "MOVSX of a reported load");
		IS(HINTED(false, dev, 0x8a, 0x23) == EMUL_OK &&
		   (u8)(m.gpr[INSN_RAX] >> 8) == mmio_value(dev, 1),
		   "a load to AH");
		IS(HINTED(true, dev, 0x89, 0x0b) == EMUL_OK && m.nr_ev == 1 &&
		   m.ev[0].data == 0x02020202, "a reported store");
		IS(HINTED(true, dev, 0xc6, 0x03, 0x55) == EMUL_OK &&
		   m.ev[0].data == 0x55, "of an immediate");
		IS(HINTED(true, dev, 0xa2, 0x10, 0, 0, 0, 0, 0, 0, 0) == EMUL_OK &&
		   m.ev[0].data == (u8)m.gpr[INSN_RAX], "of the accumulator");
		IS(HINTED(true, dev, 0x01, 0x0b) == EMUL_OK && m.nr_ev == 2 &&
		   m.ev[0].addr == dev, "of a sum, the long way");
	}
	IS(SIMPLE(false, dev, 0x8b, 0x03) == EMUL_OK && m.nr_ev == 1,
	   "the simple run of a load");
	IS(SIMPLE(false, dev, 0x89, 0x03) == EMUL_UNHANDLED && !m.nr_ev,
	   "a store that was reported as a load is left alone");
	IS(SIMPLE(false, dev, 0x01, 0x03) == EMUL_UNHANDLED, "so is an addition");
	IS(SIMPLE(false, dev, 0x0f, 0x10, 0x03) == EMUL_UNHANDLED,
	   "so is what depends on a feature");
	m.gpr[INSN_RBX] = 0x14;
	IS(HINTED(false, dev, 0x8b, 0x03) == EMUL_OK && !m.nr_ev,
	   "another offset is another access");
	start(EMUL_MODE_PROT32);
	m.seg[INSN_DS].base = 8;
	m.gpr[INSN_RBX] = 8;
	IS(HINTED(false, dev, 0x8b, 0x03) == EMUL_OK && m.ev[0].addr == dev,
	   "a segment's base belongs to the offset");
}

/* Environments of real mode: linear addresses, in pieces. */
static void x87_real_mode(void)
{
	static const u8 pointers[] = { 0x45, 0x07, 0x78, 0x56, 0x34, 0x02 };
	u16 tags = 0xfff4;	/* empty but for a number and a zero */

	start(EMUL_MODE_REAL);
	memcpy(m.fx + 6, pointers, sizeof(pointers));	/* FOP and FIP */
	m.fx[16] = 0x9a;
	m.fx[18] = 0x05;				/* FDP 0x5009a */
	m.fx[2] = 0x41;
	m.fx[4] = 3;
	m.fx[32 + 7] = 0x80;
	m.fx[32 + 8] = 1;
	OK("FNSTENV in real mode", 0xd9, 0x37);
	IS(ram_get(&m, DATA, 8) == (0x037fULL | 0x0041ULL << 16 | (u64)tags << 32 |
				    0x5678ULL << 48) &&
	   ram_get(&m, DATA + 8, 6) == (0x4745ULL | 0x009aULL << 16 | 0x5000ULL << 32),
	   "writes fourteen bytes");
	OK("with 32 bits", 0x66, 0xd9, 0x37);
	IS(ram_get(&m, DATA + 12, 8) == (0xffff5678ULL | 0x00234745ULL << 32) &&
	   ram_get(&m, DATA + 20, 8) == (0xffff009aULL | 0x5000ULL << 32),
	   "twice as many");
	memset(m.fx + 6, 0, 18);
	OK("FLDENV in real mode", 0x66, 0xd9, 0x27);
	IS(!memcmp(m.fx + 6, pointers, sizeof(pointers)) && m.fx[16] == 0x9a &&
	   m.fx[18] == 5, "takes them back");
	memset(m.fx + 6, 0, 18);
	OK("FNSAVE in real mode", 0xdd, 0x37);
	IS(m.fx[0] == 0x7f && m.fx[1] == 3 && !m.fx[2] && !m.fx[4], "starts x87 anew");
	OK("FRSTOR in real mode", 0xdd, 0x27);
	IS(m.fx[2] == 0x41 && m.fx[4] == 3, "takes that back");
	m.fx[2] = 0x81;
	m.fx[0] = 0x7e;
	FAULT(X86_TRAP_MF, 0, "FLDENV with an exception pending", 0xd9, 0x27);
	OK("FNSTENV with one", 0xd9, 0x37);
	IS(m.fx[0] == 0x7f && m.fx[2] == 1, "masks it");
	m.reg[EMUL_CR0] |= X86_CR0_TS;
	FAULT(X86_TRAP_NM, 0, "FNSAVE of another task's", 0xdd, 0x37);
}

/* What a store does to x87 waits until user space has taken all of it. */
static void x87_after_stores(void)
{
	static const struct {
		const char *what;
		u8 code[3];
		u8 fcw, ftw;	/* afterwards */
	} forms[] = {
		{ "MOVQ of MMX to a device", { 0x0f, 0x7f, 0x0b }, 0x70, 0xff },
		{ "MASKMOVQ to a device", { 0x0f, 0xf7, 0xca }, 0x70, 0xff },
		{ "FNSTENV to a device", { 0xd9, 0x33 }, 0x7f, 0x02 },
		{ "FNSAVE to a device", { 0xdd, 0x33 }, 0x7f, 0x00 },
	};
	unsigned int i, early, asked;
	enum emul_rc rc;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		start(EMUL_MODE_LONG64);
		m.gpr[INSN_RBX] = MMIO_BASE;
		m.gpr[INSN_RDI] = MMIO_BASE;
		memset(m.fx + 32, 0xff, 128);
		m.fx[0] = 0x70;
		m.fx[4] = 2;
		memcpy(m.ram + CODE, forms[i].code, sizeof(forms[i].code));
		m.c.rip = CODE;
		emul_begin(&m.c);
		early = asked = 0;
		while ((rc = emul_run(&m.c)) == EMUL_PENDING) {
			early += m.fx[0] != 0x70 || m.fx[4] != 2;
			asked++;
			machine_answer(&m);
			emul_complete_io(&m.c);
		}
		tap_result(rc == EMUL_OK && asked && !early &&
			   m.fx[0] == forms[i].fcw && m.fx[4] == forms[i].ftw,
			   forms[i].what);
	}
}

/* What the last instruction was decoded to holds for the same bytes in the same mode. */
static enum emul_rc run_given(enum emul_mode mode, const u8 *code, unsigned int len)
{
	machine_mode(&m, mode);
	m.c.rip = CODE;
	emul_begin(&m.c);
	emul_give_bytes(&m.c, code, len);
	return emul_run(&m.c);
}

static void decoded_again(void)
{
	/* INC EAX and DEC EAX; in 64-bit mode REX and REX.W, which the 01 C0 behind makes ADD. */
	static const u8 inc[15] = { 0x40, 0x01, 0xc0 }, dec[15] = { 0x48, 0x01, 0xc0 };

	start(EMUL_MODE_PROT32);
	memcpy(m.ram + CODE, dec, sizeof(dec));
	IS(run_given(EMUL_MODE_PROT32, inc, 15) == EMUL_OK && m.c.rip == CODE + 1,
	   "a byte is INC");
	IS(run_given(EMUL_MODE_PROT32, inc, 15) == EMUL_OK && m.c.rip == CODE + 1,
	   "once more");
	IS(run_given(EMUL_MODE_LONG64, inc, 15) == EMUL_OK && m.c.rip == CODE + 3 &&
	   m.c.insn.opsize == 4, "in another mode it is a prefix");
	IS(run_given(EMUL_MODE_LONG64, dec, 15) == EMUL_OK && m.c.insn.opsize == 8,
	   "another byte is another prefix");
	IS(run_given(EMUL_MODE_LONG64, dec, 2) == EMUL_OK && m.c.insn.opsize == 8,
	   "the rest is fetched");
	IS(run_given(EMUL_MODE_LONG64, inc, 15) == EMUL_OK && m.c.insn.opsize == 4,
	   "and all was given again");
}

static void fpu_modes(void)
{
	static const enum emul_mode modes[] = {
		EMUL_MODE_REAL, EMUL_MODE_PROT32, EMUL_MODE_LONG64,
	};
	unsigned int i;
	u64 at;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		start(modes[i]);
		m.vec[7][0] = 0x1234;
		m.vec[15][1] = 0x5678;
		/* [BX] or [EBX], [RBX]: all of them are ModRM 3 or 7. */
		if (modes[i] == EMUL_MODE_REAL)
			OK("FXSAVE in real mode", 0x0f, 0xae, 0x07);
		else
			OK("FXSAVE", 0x0f, 0xae, 0x03);
		IS(ram_get(&m, DATA + 160 + 7 * 16, 8) == 0x1234 &&
		   (ram_get(&m, DATA + 160 + 15 * 16 + 8, 8) == 0x5678) ==
		   (modes[i] == EMUL_MODE_LONG64), "has the registers of the mode");
	}
	ram_put(&m, DATA + 160, 0x4321, 8);
	OK("FXRSTOR", 0x0f, 0xae, 0x0b);
	IS(m.vec[0][0] == 0x4321, "loads them");
	m.reg[EMUL_EFER] = BIT(14);
	m.vec[0][0] = 1;
	OK("FXRSTOR, the fast form", 0x0f, 0xae, 0x0b);
	IS(m.vec[0][0] == 1, "leaves XMM alone");
	m.c.cpl = 3;
	OK("FXRSTOR at CPL 3", 0x0f, 0xae, 0x0b);
	IS(m.vec[0][0] == 0x4321, "has no fast form");
	m.reg[EMUL_CR4] &= ~(u64)X86_CR4_OSFXSR;
	ram_put(&m, DATA + 24, 0x1f00, 4);
	OK("FXRSTOR without OSFXSR", 0x0f, 0xae, 0x0b);
	IS(m.fx[24] == 0x80 && m.fx[25] == 0x1f, "leaves MXCSR");
	UD("LDMXCSR without OSFXSR", 0x0f, 0xae, 0x13);

	/* E8: rights of the program, also of what looks like the system's. */
	start(EMUL_MODE_LONG64);
	m.c.cpl = 3;
	m.super_page = DATA >> 12;
	FAULT(X86_TRAP_PF, 7, "FXSAVE to the kernel's page", 0x0f, 0xae, 0x03);
	FAULT(X86_TRAP_PF, 5, "FXRSTOR from it", 0x0f, 0xae, 0x0b);
	FAULT(X86_TRAP_PF, 7, "SGDT to it", 0x0f, 0x01, 0x03);
	FAULT(X86_TRAP_PF, 7, "SIDT to it", 0x0f, 0x01, 0x0b);
	FAULT(X86_TRAP_PF, 7, "STMXCSR to it", 0x0f, 0xae, 0x1b);
	m.reg[EMUL_CR4] |= X86_CR4_UMIP;
	FAULT(X86_TRAP_GP, 0, "SGDT with UMIP", 0x0f, 0x01, 0x03);

	/* Devices take an image as well, eight bytes at a time. */
	start(EMUL_MODE_LONG64);
	at = MMIO_BASE + 0x40;
	m.gpr[INSN_RBX] = at;
	OK("FXSAVE to a device", 0x0f, 0xae, 0x03);
	IS(m.nr_ev == 52 && m.ev[0].addr == at && m.ev[51].addr == at + 408 &&
	   m.ev[51].len == 8, "writes 416 bytes in order");
	FAULT(X86_TRAP_GP, 0, "FXRSTOR of nonsense", 0x0f, 0xae, 0x0b);
	IS(m.nr_ev == 52, "reads them once, and faults");
	m.c.cpl = 3;
	OK("SGDT to a device", 0x0f, 0x01, 0x03);
	IS(m.nr_ev == 2, "writes ten bytes in two pieces");

	start(EMUL_MODE_LONG64);
	m.fx[2] = 0x80;
	m.fx[3] = 0x80;
	FAULT(X86_TRAP_MF, 0, "FWAIT with an exception waiting", 0x9b);
	FAULT(X86_TRAP_MF, 0, "FLDCW likewise", 0xd9, 0x2b);
	FAULT(X86_TRAP_MF, 0, "MOVQ of MMX likewise", 0x0f, 0x6f, 0x03);
	FAULT(X86_TRAP_MF, 0, "EMMS likewise", 0x0f, 0x77);
	OK("FNSTSW does not wait", 0xdf, 0xe0);
	IS((u16)m.gpr[INSN_RAX] == 0x8080, "and tells");
	m.reg[EMUL_CR0] &= ~(u64)X86_CR0_NE;
	tap_result(RUN(&m, 0x9b) == EMUL_UNHANDLED,
		   "without NE it goes by way of the 8259");
	m.reg[EMUL_CR0] |= X86_CR0_TS;
	FAULT(X86_TRAP_NM, 0, "FWAIT with TS and MP", 0x9b);
	FAULT(X86_TRAP_NM, 0, "FNINIT with TS", 0xdb, 0xe3);
	FAULT(X86_TRAP_NM, 0, "FXSAVE with TS", 0x0f, 0xae, 0x03);
	FAULT(X86_TRAP_NM, 0, "VMOVUPS with TS", 0xc5, 0xf8, 0x10, 0x03);
	m.reg[EMUL_CR0] ^= X86_CR0_TS | X86_CR0_EM;
	UD("MOVQ of MMX with EM", 0x0f, 0x6f, 0x03);
	UD("EMMS with EM", 0x0f, 0x77);
	OK("VMOVUPS does not mind EM", 0xc5, 0xf8, 0x10, 0x03);
	m.reg[EMUL_XCR0] = 3;
	UD("VMOVUPS without AVX in XCR0", 0xc5, 0xf8, 0x10, 0x03);
	m.reg[EMUL_XCR0] = 7;
	m.c.features &= ~BIT_ULL(EMUL_F_AVX2);
	UD("VMOVNTDQA of 256 bits is AVX2", 0xc4, 0xe2, 0x7d, 0x2a, 0x03);
	UD("VBROADCASTSS of a register, too", 0xc4, 0xe2, 0x7d, 0x18, 0xc1);
}

/* E3: fragments of a vector store over two device pages, one at a time. */
static void fragments(void)
{
	u64 edge = MMIO_BASE + 0x1000;
	struct machine moved;
	unsigned int i, n = 0;
	enum emul_rc rc;

	start(EMUL_MODE_LONG64);
	m.gpr[INSN_RBX] = edge - 13;
	emul_begin(&m.c);
	m.c.rip = CODE;
	m.nr_ev = 0;
	emul_give_bytes(&m.c, (const u8[]){ 0xc5, 0xfe, 0x7f, 0x03 }, 4);
	rc = emul_run(&m.c);
	while (rc == EMUL_PENDING && n < 10) {
		/* As if another thread came back, with other registers. */
		moved = m;
		memset(&m.c, 0xa5, sizeof(m.c));
		m.c = moved.c;
		m.vec[0][0] = ~0ULL;
		machine_answer(&m);
		rc = emul_run(&m.c);
		n++;
	}
	IS(rc == EMUL_OK && n == 5 && m.ev[0].len == 8 && m.ev[1].len == 5 &&
	   m.ev[2].addr == edge && m.ev[4].len == 3, "32 bytes: five fragments");
	for (i = 0; i < n; i++)
		if (m.ev[i].len == 8 && m.ev[i].data == ~0ULL)
			break;
	IS(i == n, "of what the register had when it began");
}

int main(void)
{
	small_ones();
	short_ways();
	x87_real_mode();
	x87_after_stores();
	fpu_modes();
	fragments();
	decoded_again();
	return tap_end();
}
