// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87, MMX and vector moves with a memory operand in MMIO give the same memory
 * and registers as with one in RAM, where the processor does the work. Each
 * form ends with what it has loaded in memory or in general registers.
 */
#include "box.h"

#define OPERAND 0x80		/* offset of the operand in its page */
#define COMPARED 1024		/* bytes of the page */
#define RAM_PAGE (LAY_SCRATCH + 0x10000)
#define CODE LAY_SCRATCH

#define WHY_STOCK "it does not emulate most of these"

struct form {
	const char *name;
	u8 len;
	u8 code[31];
	u32 reserved;	/* bytes of the operand that are the CPU's own affair */
};

/* The operand is at (%rbx); rax, rcx, rdx, rsi are free operands. */
#define FR(text, mask, ...) \
	{ text, sizeof((u8[]) { __VA_ARGS__ }), { __VA_ARGS__ }, mask }
#define F(text, ...) FR(text, 0, __VA_ARGS__)

/*
 * Upper halves of environments' fields, which are ones, but zero in QEMU; and the
 * pointers behind them, of which QEMU has none in FXSAVE's image.
 */
#define ENV_RESERVED	0x0ffffccc
#define ENV16_POINTERS	0x00003fc0

#define FNINIT		0xdb, 0xe3
#define FLD1		0xd9, 0xe8
#define FSTP_RCX	0xdd, 0x5c, 0x24, 0xf8, 0x48, 0x8b, 0x4c, 0x24, 0xf8
#define MOVQ_RAX_XMM0	0x66, 0x48, 0x0f, 0x6e, 0xc0
#define MOVQ_XMM0_RCX	0x66, 0x48, 0x0f, 0x7e, 0xc1
#define PXOR_XMM0	0x66, 0x0f, 0xef, 0xc0

static const struct form forms[] = {
	F("fxsave, fxrstor", FNINIT, MOVQ_RAX_XMM0, 0x0f, 0xae, 0x03, PXOR_XMM0,
	  0x0f, 0xae, 0x0b, MOVQ_XMM0_RCX),
	F("fxsaveq with a register in x87", FNINIT, FLD1, PXOR_XMM0,
	  0x48, 0x0f, 0xae, 0x03),
	F("stmxcsr", 0x0f, 0xae, 0x1b),
	F("ldmxcsr", 0xc7, 0x03, 0xa0, 0x1f, 0, 0, 0x0f, 0xae, 0x13,
	  0x0f, 0xae, 0x5b, 0x08, 0xc7, 0x03, 0x80, 0x1f, 0, 0, 0x0f, 0xae, 0x13),
	F("fnstcw", FNINIT, 0xd9, 0x3b),
	F("fldcw", 0x66, 0xc7, 0x03, 0x7f, 0x02, 0xd9, 0x2b, 0xd9, 0x7b, 0x08,
	  FNINIT),
	F("fnstsw", FNINIT, FLD1, 0xdd, 0x3b, FNINIT),
	FR("fnstenv, fldenv", ENV_RESERVED, FNINIT, FLD1, 0xd9, 0x33, FNINIT,
	   0xd9, 0x23, 0xdf, 0xe0, FNINIT),
	FR("fnsave, frstor", ENV_RESERVED, FNINIT, FLD1, 0xdd, 0x33, 0xdd, 0x23,
	   0xdf, 0xe0, FSTP_RCX, FNINIT),
	FR("fnsave of 16 bits", ENV16_POINTERS, FNINIT, FLD1, 0x66, 0xdd, 0x33),
	F("movq of MMX", 0x48, 0x0f, 0x6e, 0xc8, 0x0f, 0x7f, 0x0b,
	  0x0f, 0x6f, 0x53, 0x08, 0x48, 0x0f, 0x7e, 0xd1, 0x0f, 0x77),
	F("movntq", 0x48, 0x0f, 0x6e, 0xc8, 0x0f, 0xe7, 0x0b, 0x0f, 0x77),
	F("lddqu", 0xf2, 0x0f, 0xf0, 0x03, MOVQ_XMM0_RCX),
	F("movddup", 0xf2, 0x0f, 0x12, 0x03, MOVQ_XMM0_RCX),
	F("movshdup", 0xf3, 0x0f, 0x16, 0x03, MOVQ_XMM0_RCX),
	F("movlps, movhps", MOVQ_RAX_XMM0, 0x0f, 0x13, 0x03, 0x0f, 0x16, 0x43, 0x08,
	  0x0f, 0x17, 0x43, 0x10),
	F("movntdq", MOVQ_RAX_XMM0, 0x66, 0x0f, 0xe7, 0x03),
	F("pinsrw", MOVQ_RAX_XMM0, 0x66, 0x0f, 0xc4, 0x03, 0x02, MOVQ_XMM0_RCX),
	F("pextrd", MOVQ_RAX_XMM0, 0x66, 0x0f, 0x3a, 0x16, 0x03, 0x01),
	F("insertps", MOVQ_RAX_XMM0, 0x66, 0x0f, 0x3a, 0x21, 0x03, 0x10,
	  MOVQ_XMM0_RCX),
	F("maskmovdqu", MOVQ_RAX_XMM0, 0x48, 0x89, 0xdf, 0x66, 0x0f, 0xf7, 0xc0),
	F("crc32 byte", 0xf2, 0x0f, 0x38, 0xf0, 0x03),
	F("crc32 quad", 0xf2, 0x48, 0x0f, 0x38, 0xf1, 0x03),
	F("popcnt", 0xf3, 0x0f, 0xb8, 0x03),
};

struct result {
	struct kvm_regs regs;
	u8 page[COMPARED];
	u32 exits;
};

/* What FXSAVE has no value for is zero before: not all CPUs write that. */
static void fill(u8 *page, bool image)
{
	u32 i, seed = 3;

	for (i = 0; i < COMPARED; i++) {
		seed = seed * 1103515245 + 12345;
		page[i] = seed >> 16;
	}
	if (image)
		memset(page + OPERAND, 0, 512);
}

static void run_form(struct cpu *c, const struct form *f, u64 base, u8 *bytes,
		     struct result *out)
{
	u8 *code = box_hva(c->box, CODE);
	struct kvm_regs r;

	memset(out, 0, sizeof(*out));
	memcpy(code, f->code, f->len);
	code[f->len] = 0xf4;
	fill(bytes, !strncmp(f->name, "fxsave", 6));
	r = (struct kvm_regs) {
		.rip = CODE, .rsp = LAY_STACKS + LAY_STACK_SIZE - 0xc0,
		.rax = 0x8182838485868788ull, .rcx = 3,
		.rdx = 0x1122334455667788ull, .rsi = 0x99aabbccddeeff00ull,
		.rbx = base + OPERAND, .rflags = RFLAGS_ONE,
	};
	cpu_set_regs(c, &r);
	out->exits = cpu_run_on_mmio(c, f->name, base, bytes, COMPARED);
	out->regs = cpu_get_regs(c);
	memcpy(out->page, bytes, COMPARED);
}

static void each(struct cpu *c)
{
	static u8 bytes[PAGE];
	struct result ram, mmio;
	u32 i, at;

	for (i = 0; i < ARRAY_LEN(forms); i++) {
		const struct form *f = &forms[i];

		run_form(c, f, RAM_PAGE, box_hva(c->box, RAM_PAGE), &ram);
		run_form(c, f, LAY_MMIO, bytes, &mmio);
		if (ram.exits || !mmio.exits)
			DIE("%s: %u exits, %u from RAM", f->name, mmio.exits,
			    ram.exits);
		for (at = 0; at < 32; at++)
			if (f->reserved & (1u << at))
				mmio.page[OPERAND + at] = ram.page[OPERAND + at];
		/* These hold the address. */
		ram.regs.rbx = mmio.regs.rbx;
		ram.regs.rdi = mmio.regs.rdi;
		if (memcmp(&ram.regs, &mmio.regs, sizeof(ram.regs)))
			DIE("%s: registers differ at byte %zu, rax %#llx and %#llx, rcx %#llx and %#llx",
			    f->name,
			    tap_first_difference(&ram.regs, &mmio.regs,
						 sizeof(ram.regs)),
			    ram.regs.rax, mmio.regs.rax, ram.regs.rcx,
			    mmio.regs.rcx);
		if (memcmp(ram.page, mmio.page, COMPARED))
			DIE("%s: memory differs at byte %zu", f->name,
			    tap_first_difference(ram.page, mmio.page, COMPARED));
	}
}

static GUEST void nothing(void)
{
	g_done();
}

/* # stock: expected fail because it does not emulate most of these */
CASE_SLOW(vector_moves_work_like_in_memory, 30, WHY_STOCK)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, nothing);
	each(c);
}
