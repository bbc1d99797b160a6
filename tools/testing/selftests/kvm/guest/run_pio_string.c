// SPDX-License-Identifier: GPL-2.0-only
/* INS and OUTS, with and without REP: data, counts and registers. */
#include "box.h"

#define PORT 0x510
#define BUF LAY_SCRATCH

/* Executes one string instruction with registers that the host chose. */
static GUEST void string_insn(u64 which)
{
	u64 cx = 0, si = 0, di = 0;

	for (;;) {
		/* rax comes back as what to do, the others from the host */
		asm volatile("outl %%eax, $0xe1"
			     : "=c"(cx), "=S"(si), "=D"(di), "+a"(which)
			     : : "rdx", "memory");
		g_done();
	}
}

static const struct form {
	const char *name;
	u8 code[4];
	u8 size;
	bool in;
	bool rep;
} forms[] = {
	{ "outsb", { 0x6e, 0xf4 }, 1, false, false },
	{ "outsw", { 0x66, 0x6f, 0xf4 }, 2, false, false },
	{ "outsl", { 0x6f, 0xf4 }, 4, false, false },
	{ "rep outsb", { 0xf3, 0x6e, 0xf4 }, 1, false, true },
	{ "rep outsl", { 0xf3, 0x6f, 0xf4 }, 4, false, true },
	{ "insb", { 0x6c, 0xf4 }, 1, true, false },
	{ "insw", { 0x66, 0x6d, 0xf4 }, 2, true, false },
	{ "insl", { 0x6d, 0xf4 }, 4, true, false },
	{ "rep insb", { 0xf3, 0x6c, 0xf4 }, 1, true, true },
	{ "rep insw", { 0xf3, 0x66, 0x6d, 0xf4 }, 2, true, true },
	{ "rep insl", { 0xf3, 0x6d, 0xf4 }, 4, true, true },
};

/*
 * Runs a form over @n elements at @at (forwards or backwards) and answers its
 * exits; the bytes that went over the port are compared with a pattern.
 */
static void run_form(struct cpu *c, const struct form *f, u64 at, u64 n,
		     bool down)
{
	struct kvm_regs r;
	struct kvm_run *run = c->run;
	u8 *mem = box_hva(c->box, 0);
	u64 bytes = 0, total = n * f->size, i, low;

	cpu_long_arg(c, string_insn, 0);
	memcpy(mem + LAY_STACKS + 0x40000, f->code, sizeof(f->code));
	r = cpu_get_regs(c);
	r.rip = LAY_STACKS + 0x40000;
	r.rdx = PORT;
	r.rcx = f->rep ? n : 77;
	r.rsi = r.rdi = at;
	if (down)
		r.rflags |= RFLAGS_DF;
	cpu_set_regs(c, &r);
	low = down ? at - (n - 1) * f->size : at;
	for (i = 0; i < total; i++)
		mem[low + i] = f->in ? 0 : i * 7 + 1;
	for (;;) {
		u64 part, k;

		cpu_go(c);
		if (run->exit_reason == KVM_EXIT_HLT)
			break;
		CHECK_EQ(run->exit_reason, KVM_EXIT_IO);
		CHECK_EQ(run->io.port, PORT);
		CHECK_EQ(run->io.size, f->size);
		CHECK_EQ(run->io.direction, f->in ? KVM_EXIT_IO_IN :
						    KVM_EXIT_IO_OUT);
		part = (u64)run->io.size * run->io.count;
		CHECK(part && bytes + part <= total);
		for (k = 0; k < part; k++) {
			u64 element = (bytes + k) / f->size;
			u64 offset = down ? (n - 1 - element) * f->size +
					    (bytes + k) % f->size : bytes + k;
			u8 want = offset * 7 + 1;
			u8 *p = (u8 *)cpu_io_data(c) + k;

			if (f->in)
				*p = want;
			else if (*p != want)
				DIE("%s: byte %llu is %#x, not %#x", f->name,
				    (unsigned long long)(bytes + k), *p, want);
		}
		bytes += part;
	}
	CHECK_EQ(bytes, total);
	r = cpu_get_regs(c);
	CHECK_EQ(r.rcx, f->rep ? 0 : 77);
	CHECK_EQ(f->in ? r.rdi : r.rsi, down ? at - total : at + total);
	CHECK_EQ(f->in ? r.rsi : r.rdi, at);
	for (i = 0; i < total; i++)
		if (mem[low + i] != (u8)(i * 7 + 1))
			DIE("%s: memory byte %llu is %#x", f->name,
			    (unsigned long long)i, mem[low + i]);
}

CASE(each_form_forwards)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(forms); i++)
		run_form(c, &forms[i], BUF + 0x10, forms[i].rep ? 5 : 1, false);
}

CASE(each_form_backwards)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(forms); i++)
		run_form(c, &forms[i], BUF + 0x100, forms[i].rep ? 5 : 1, true);
}

CASE(long_strings_over_page_ends)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(forms); i++)
		if (forms[i].rep)
			run_form(c, &forms[i], BUF + 0xff3,
				 9000 / forms[i].size, false);
}

CASE(elements_that_cross_a_page)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(forms); i++)
		run_form(c, &forms[i], BUF + 0xfff, forms[i].rep ? 3 : 1, false);
}

CASE(zero_elements_do_not_exit)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(forms); i++)
		if (forms[i].rep)
			run_form(c, &forms[i], BUF, 0, false);
}

static GUEST void faults(void)
{
	u64 cx, at;

	/* no page there: fault with nothing done */
	cx = 4;
	at = 0x12ull << 40;
	G_CHECK_EQ(G_TRY("rep insb", G_LIST("+c"(cx), "+D"(at)),
			 G_LIST("d"(PORT))), VEC_PF);
	G_CHECK_EQ(g_percpu()->cr2, 0x12ull << 40);
	G_CHECK_EQ(g_percpu()->err & 3, 2);
	G_CHECK_EQ(cx, 4);
	G_CHECK_EQ(at, 0x12ull << 40);
	G_CHECK_EQ(G_TRY("rep outsb", G_LIST("+c"(cx), "+S"(at)),
			 G_LIST("d"(PORT))), VEC_PF);
	G_CHECK_EQ(g_percpu()->err & 3, 0);
	G_CHECK_EQ(cx, 4);
	g_sync(1, 0);
	/* the address is not canonical */
	at = 1ull << 62;
	G_CHECK_EQ(G_TRY("outsb", G_LIST("+S"(at)), G_LIST("d"(PORT))), VEC_GP);
	g_done();
}

CASE(faults_come_instead_of_io)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, faults);
	/* IN data may be fetched before the store that faults */
	for (;;) {
		enum heard h = cpu_go(c);

		if (h == HEARD_SYNC)
			break;
		CHECK_EQ(h, HEARD_EXIT);
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_IO);
		CHECK_EQ(c->run->io.direction, KVM_EXIT_IO_IN);
	}
	cpu_expect_done(c);
}
