// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions with a memory operand in MMIO give the same registers, flags
 * and memory as with one in RAM. The operand is first in RAM, where the
 * processor does the work; then the same instruction runs with its operand in
 * MMIO that the host backs with the same bytes.
 */
#include "box.h"

#define OPERAND 0x80		/* offset of the operand in its page */
#define RAM_PAGE (LAY_SCRATCH + 0x10000)
#define CODE LAY_SCRATCH

struct form {
	const char *name;
	u8 len;
	u8 code[14];
	u16 undefined;		/* flags that the manual leaves undefined */
};

/* The operand is at (%rbx); rax, rcx, rdx, rsi are free operands. */
#define F(text, ...) \
	{ text, sizeof((u8[]) { __VA_ARGS__ }), { __VA_ARGS__ }, 0 }
#define U(text, flags, ...) \
	{ text, sizeof((u8[]) { __VA_ARGS__ }), { __VA_ARGS__ }, flags }

#define PF 0x004
#define AF 0x010
#define ZF 0x040
#define SF 0x080
#define OF 0x800
#define CF 0x001

static const struct form forms[] = {
	F("mov %al,(%rbx)", 0x88, 0x03),
	F("mov %ax,(%rbx)", 0x66, 0x89, 0x03),
	F("mov %eax,(%rbx)", 0x89, 0x03),
	F("mov %rax,(%rbx)", 0x48, 0x89, 0x03),
	F("mov %ah,(%rbx)", 0x88, 0x23),
	F("mov %sil,(%rbx)", 0x40, 0x88, 0x33),
	F("mov (%rbx),%al", 0x8a, 0x03),
	F("mov (%rbx),%ah", 0x8a, 0x23),
	F("mov (%rbx),%ax", 0x66, 0x8b, 0x03),
	F("mov (%rbx),%eax", 0x8b, 0x03),
	F("mov (%rbx),%rax", 0x48, 0x8b, 0x03),
	F("mov 0x10(%rbx),%r9d", 0x44, 0x8b, 0x4b, 0x10),
	F("mov 0x10(%rbx,%rcx,4),%eax", 0x8b, 0x44, 0x8b, 0x10),
	F("mov -0x10(%rbx),%eax", 0x8b, 0x43, 0xf0),
	F("mov 0x20(%rbx) disp32,%eax", 0x8b, 0x83, 0x20, 0, 0, 0),
	F("movb $0x5a,(%rbx)", 0xc6, 0x03, 0x5a),
	F("movw $0x5aa5,(%rbx)", 0x66, 0xc7, 0x03, 0xa5, 0x5a),
	F("movl $imm,(%rbx)", 0xc7, 0x03, 0x78, 0x56, 0x34, 0x12),
	F("movq $simm,(%rbx)", 0x48, 0xc7, 0x03, 0x78, 0x56, 0x34, 0x92),
	F("movzbl (%rbx),%eax", 0x0f, 0xb6, 0x03),
	F("movzbq (%rbx),%rax", 0x48, 0x0f, 0xb6, 0x03),
	F("movzwl (%rbx),%eax", 0x0f, 0xb7, 0x03),
	F("movsbl (%rbx),%eax", 0x0f, 0xbe, 0x03),
	F("movsbq (%rbx),%rax", 0x48, 0x0f, 0xbe, 0x03),
	F("movswl (%rbx),%eax", 0x0f, 0xbf, 0x03),
	F("movslq (%rbx),%rax", 0x48, 0x63, 0x03),
	F("add %eax,(%rbx)", 0x01, 0x03),
	F("add (%rbx),%eax", 0x03, 0x03),
	F("addb $0x7f,(%rbx)", 0x80, 0x03, 0x7f),
	F("addl $-1,(%rbx)", 0x83, 0x03, 0xff),
	F("adc %rax,(%rbx)", 0x48, 0x11, 0x03),
	F("sbb (%rbx),%al", 0x1a, 0x03),
	F("sub %ecx,(%rbx)", 0x29, 0x0b),
	F("sub (%rbx),%rax", 0x48, 0x2b, 0x03),
	U("and %ax,(%rbx)", AF, 0x66, 0x21, 0x03),
	U("and (%rbx),%eax", AF, 0x23, 0x03),
	U("or %rax,(%rbx)", AF, 0x48, 0x09, 0x03),
	U("orb $0x80,(%rbx)", AF, 0x80, 0x0b, 0x80),
	U("xor %edx,(%rbx)", AF, 0x31, 0x13),
	U("xor (%rbx),%edx", AF, 0x33, 0x13),
	F("cmp %eax,(%rbx)", 0x39, 0x03),
	F("cmp (%rbx),%rax", 0x48, 0x3b, 0x03),
	F("cmpl $imm,(%rbx)", 0x81, 0x3b, 0x11, 0x22, 0x33, 0x44),
	F("cmpw $5,(%rbx)", 0x66, 0x83, 0x3b, 0x05),
	U("test %eax,(%rbx)", AF, 0x85, 0x03),
	U("test %al,(%rbx)", AF, 0x84, 0x03),
	U("testb $0x40,(%rbx)", AF, 0xf6, 0x03, 0x40),
	U("testl $imm,(%rbx)", AF, 0xf7, 0x03, 0, 0, 0, 0x80),
	F("not (%rbx) long", 0xf7, 0x13),
	F("neg (%rbx) quad", 0x48, 0xf7, 0x1b),
	F("inc (%rbx) byte", 0xfe, 0x03),
	F("dec (%rbx) long", 0xff, 0x0b),
	F("xchg %eax,(%rbx)", 0x87, 0x03),
	F("xchg %cl,(%rbx)", 0x86, 0x0b),
	F("lock add %eax,(%rbx)", 0xf0, 0x01, 0x03),
	U("lock or $1,(%rbx)", AF, 0xf0, 0x83, 0x0b, 0x01),
	F("cmpxchg %ecx,(%rbx)", 0x0f, 0xb1, 0x0b),
	F("xadd %eax,(%rbx)", 0x0f, 0xc1, 0x03),
	U("shll $3,(%rbx)", AF | OF, 0xc1, 0x23, 0x03),
	U("shrl $1,(%rbx)", AF, 0xd1, 0x2b),
	U("sarq %cl,(%rbx)", AF | OF, 0x48, 0xd3, 0x3b),
	U("rolw $4,(%rbx)", AF | OF, 0x66, 0xc1, 0x03, 0x04),
	U("rorl $5,(%rbx)", AF | OF, 0xc1, 0x0b, 0x05),
	U("bt %ecx,(%rbx)", PF | AF | SF | OF, 0x0f, 0xa3, 0x0b),
	U("bts $3,(%rbx)", PF | AF | SF | OF, 0x0f, 0xba, 0x2b, 0x03),
	U("btr $2,(%rbx)", PF | AF | SF | OF, 0x0f, 0xba, 0x33, 0x02),
	U("btc $1,(%rbx)", PF | AF | SF | OF, 0x0f, 0xba, 0x3b, 0x01),
	F("sete (%rbx)", 0x0f, 0x94, 0x03),
	F("setb (%rbx)", 0x0f, 0x92, 0x03),
	F("cmovb (%rbx),%eax", 0x0f, 0x42, 0x03),
	F("cmovae (%rbx),%eax", 0x0f, 0x43, 0x03),
	U("bsf (%rbx),%eax", CF | PF | AF | SF | OF, 0x0f, 0xbc, 0x03),
	U("imul (%rbx),%eax", PF | AF | ZF | SF, 0x0f, 0xaf, 0x03),
	U("mull (%rbx)", PF | AF | ZF | SF, 0xf7, 0x23),
	F("push (%rbx)", 0xff, 0x33),
	F("pop (%rbx)", 0x8f, 0x03),
	F("movnti %eax,(%rbx)", 0x0f, 0xc3, 0x03),
	F("movbe (%rbx),%eax", 0x0f, 0x38, 0xf0, 0x03),
	F("lods", 0x48, 0x89, 0xde, 0xad),
	F("stos", 0x48, 0x89, 0xdf, 0xab),
	F("scasb", 0x48, 0x89, 0xdf, 0xae),
	F("rep stosb", 0x48, 0x89, 0xdf, 0xf3, 0xaa),
	F("rep stosq", 0x48, 0x89, 0xdf, 0xf3, 0x48, 0xab),
	F("std; stosl; cld", 0x48, 0x89, 0xdf, 0xfd, 0xab, 0xfc),
	F("movdqu (%rbx),%xmm0; movq", 0xf3, 0x0f, 0x6f, 0x03,
	  0x66, 0x48, 0x0f, 0x7e, 0xc0),
	F("movq; movups %xmm0,(%rbx)", 0x66, 0x48, 0x0f, 0x6e, 0xc0,
	  0x0f, 0x11, 0x03),
};

struct result {
	struct kvm_regs regs;
	u8 page[256];
	u8 stack[64];
	u32 exits;
};

static void fill(u8 *page, u32 seed)
{
	u32 i;

	for (i = 0; i < 256; i++) {
		seed = seed * 1103515245 + 12345;
		page[i] = seed >> 16;
	}
}

static void run_form(struct cpu *c, const struct form *f, u64 base, u8 *bytes,
		     u32 seed, struct result *out)
{
	u8 *code = box_hva(c->box, CODE);
	u8 *stack = box_hva(c->box, LAY_STACKS + LAY_STACK_SIZE - 0x100);
	struct kvm_regs r;

	memset(out, 0, sizeof(*out));
	memcpy(code, f->code, f->len);
	code[f->len] = 0xf4;
	memset(stack, 0x77, 0x80);
	fill(bytes, seed);
	r = (struct kvm_regs) {
		.rip = CODE, .rsp = LAY_STACKS + LAY_STACK_SIZE - 0xc0,
		.rax = 0x8182838485868788ull, .rcx = 3,
		.rdx = 0x1122334455667788ull, .rsi = 0x99aabbccddeeff00ull,
		.rbx = base + OPERAND,
		.rflags = RFLAGS_ONE | (seed & 1 ? RFLAGS_CF : RFLAGS_ZF),
	};
	if (seed & 2)	/* so that CMPXCHG succeeds half of the time */
		memcpy(&r.rax, bytes + OPERAND, 4);
	cpu_set_regs(c, &r);
	out->exits = cpu_run_on_mmio(c, f->name, base, bytes, 256);
	out->regs = cpu_get_regs(c);
	memcpy(out->page, bytes, 256);
	memcpy(out->stack, stack, sizeof(out->stack));
}

/* Registers that hold the address differ by the distance of the two bases. */
static void same_base(struct kvm_regs *r, u64 from, u64 to)
{
	u64 *w = (u64 *)r;
	u32 i;

	for (i = 0; i < 16; i++)
		if (w[i] >= from && w[i] < from + PAGE)
			w[i] += to - from;
}

static void each(struct cpu *c)
{
	static u8 bytes[PAGE];
	struct result ram, mmio;
	u32 i, seed;

	for (i = 0; i < ARRAY_LEN(forms); i++) {
		const struct form *f = &forms[i];

		for (seed = 0; seed < 4; seed++) {
			run_form(c, f, RAM_PAGE, box_hva(c->box, RAM_PAGE), seed,
				 &ram);
			run_form(c, f, LAY_MMIO, bytes, seed, &mmio);
			if (ram.exits || !mmio.exits)
				DIE("%s: %u exits, %u from RAM", f->name,
				    mmio.exits, ram.exits);
			same_base(&ram.regs, RAM_PAGE, LAY_MMIO);
			ram.regs.rflags &= ~(u64)f->undefined;
			mmio.regs.rflags &= ~(u64)f->undefined;
			if (memcmp(&ram.regs, &mmio.regs, sizeof(ram.regs)))
				DIE("%s, seed %u: registers differ at byte %zu, flags %#llx and %#llx, rax %#llx and %#llx",
				    f->name, seed,
				    tap_first_difference(&ram.regs, &mmio.regs,
							 sizeof(ram.regs)),
				    ram.regs.rflags, mmio.regs.rflags,
				    ram.regs.rax, mmio.regs.rax);
			if (memcmp(ram.page, mmio.page, 256))
				DIE("%s, seed %u: memory differs at byte %zu",
				    f->name, seed,
				    tap_first_difference(ram.page, mmio.page,
							 256));
			if (memcmp(ram.stack, mmio.stack, 64))
				DIE("%s, seed %u: stack differs", f->name, seed);
		}
	}
}

static GUEST void nothing(void)
{
	g_done();
}

CASE_SLOW(mmio_operands_work_like_memory_operands, 30, NULL)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, nothing);
	each(c);
}
