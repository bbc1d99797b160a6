// SPDX-License-Identifier: GPL-2.0-only
/* Code that changes, from inside, from outside, and across page ends. */
#include "box.h"

#define CODE (LAY_SCRATCH + 0x4000ul)

G_INLINE u64 call(u64 at)
{
	u64 r;

	asm volatile("call *%1" : "=a"(r) : "r"(at) : "memory");
	return r;
}

/* mov $n, %eax; ret */
G_INLINE void write_code(u64 at, u8 n)
{
	*(volatile u8 *)at = 0xb8;
	*(volatile u8 *)(at + 1) = n;
	*(volatile u8 *)(at + 2) = 0;
	*(volatile u8 *)(at + 3) = 0;
	*(volatile u8 *)(at + 4) = 0;
	*(volatile u8 *)(at + 5) = 0xc3;
}

static GUEST void rewrite(void)
{
	u64 i;

	for (i = 0; i < 50; i++) {
		write_code(CODE, i);
		G_CHECK_EQ(call(CODE), i);
	}
	/* an instruction over the end of a page */
	for (i = 0; i < 50; i++) {
		write_code(CODE + PAGE - 3, i);
		G_CHECK_EQ(call(CODE + PAGE - 3), i);
	}
	g_done();
}

CASE(the_guest_runs_what_it_wrote)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, rewrite);
	cpu_expect_done(c);
}

static GUEST void run_it(void)
{
	for (;;)
		g_sync(1, call(CODE));
}

CASE(the_guest_runs_what_the_host_wrote)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *code = box_hva(b, CODE);
	u32 i;

	code[0] = 0xb8;
	code[5] = 0xc3;
	cpu_long(c, run_it);
	for (i = 0; i < 50; i++) {
		code[1] = i;
		CHECK_EQ(cpu_expect_sync(c, 1), i);
	}
}

/* An instruction that goes to MMIO is fetched anew by the emulator. */
static GUEST void mmio_loop(void)
{
	u64 i, at = LAY_MMIO, v;

	for (i = 0; i < 20; i++) {
		/* mov imm8(%rbx), %eax; ret, with another displacement */
		*(volatile u32 *)CODE = 0xc300438b | (i * 4) << 16;
		asm volatile("call *%1"
			     : "=a"(v) : "r"(CODE), "b"(at) : "memory");
		G_CHECK_EQ(v, 0x1000 + i * 4);
	}
	g_done();
}

CASE(the_emulator_sees_the_change_too)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i;

	cpu_long(c, mmio_loop);
	for (i = 0; i < 20; i++) {
		cpu_expect_mmio(c, false, LAY_MMIO + i * 4, 4);
		*(u32 *)c->run->mmio.data = 0x1000 + i * 4;
	}
	cpu_expect_done(c);
}

/* The emulated instruction straddles two pages that are not neighbours. */
static GUEST void straddle(u64 va)
{
	u64 v;

	asm volatile("call *%1"
		     : "=a"(v) : "r"(va), "b"(LAY_MMIO) : "memory");
	g_sync(1, v);
	g_done();
}

CASE(an_emulated_instruction_over_two_pages)
{
	static const u8 load[] = { 0x8b, 0x83, 0x10, 0x02, 0x00, 0x00, 0xc3 };
	const u64 va = 0x12ull << 40;
	u32 cut;

	for (cut = 1; cut < sizeof(load) - 1; cut++) {
		struct box *b = box_new();
		struct cpu *c = cpu_new(b, 0);

		box_map(b, va, CODE | PT_P | PT_W);
		box_map(b, va + PAGE, (CODE + 4 * PAGE) | PT_P | PT_W);
		memcpy((u8 *)box_hva(b, CODE) + PAGE - cut, load, cut);
		memcpy(box_hva(b, CODE + 4 * PAGE), load + cut,
		       sizeof(load) - cut);
		cpu_long_arg(c, straddle, va + PAGE - cut);
		cpu_expect_mmio(c, false, LAY_MMIO + 0x210, 4);
		*(u32 *)c->run->mmio.data = 0x600d;
		CHECK_EQ(cpu_expect_sync(c, 1), 0x600d);
		cpu_free(c);
		box_free(b);
	}
}
