// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions during exceptions: by class they follow one another, become a
 * double fault, or shut the processor down.
 */
#include "box.h"

#define TEST_STACK (LAY_SCRATCH + 0x8000)

static volatile u64 vec GUEST_DATA;
static volatile u64 err GUEST_DATA;
static volatile u64 gate_to_break GUEST_DATA;
static volatile u64 second_gate GUEST_DATA;

static GUEST void report(struct trap *t)
{
	vec = t->vec;
	err = t->err;
	g_sync(1, t->vec);
	for (;;)
		g_done();
}

static GUEST void break_gate(u64 v)
{
	/* clear the present bit of the gate: its use gives #NP */
	*(volatile u64 *)(LAY_IDT + 16 * v) &= ~(1ull << 47);
}

/*
 * Takes one exception for every page that delivery needs, so that no nested
 * page fault comes in between: what is injected anew after one, QEMU does not
 * merge.
 */
static GUEST void warm_up(void)
{
	G_CHECK_EQ(G_TRY("ud2", G_NONE, G_NONE), VEC_UD);
}

static GUEST void raise_it(u64 which)
{
	u64 i;

	warm_up();
	for (i = 0; i < 32; i++)
		g_handlers[i] = report;
	break_gate(gate_to_break);
	if (second_gate)
		break_gate(second_gate);
	switch (which) {
	case VEC_UD:
		asm volatile("ud2");
		break;
	case VEC_DE:
		asm volatile("divl %0" : : "r"(0), "a"(1), "d"(0));
		break;
	case VEC_PF:
		g_read8(0x12ull << 40);
		break;
	case VEC_GP:
		asm volatile("mov %0, %%ds" : : "r"(0xfff8));
		break;
	}
	g_done();
}

static struct cpu *scene(u64 raise, u64 gate1, u64 gate2)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	GV(b, gate_to_break) = gate1;
	GV(b, second_gate) = gate2;
	cpu_long_arg(c, raise_it, raise);
	return c;
}

CASE(benign_then_contributory_is_the_second)
{
	struct cpu *c = scene(VEC_UD, VEC_UD, 0);

	CHECK_EQ(cpu_expect_sync(c, 1), VEC_NP);
	/* EXT says that an event was being delivered: not all processors count an exception */
	CHECK_EQ(GV(c->box, err) & ~1ul, VEC_UD * 8 + 2);
}

CASE(contributory_twice_is_a_double_fault)
{
	struct cpu *c = scene(VEC_DE, VEC_DE, 0);

	CHECK_EQ(cpu_expect_sync(c, 1), VEC_DF);
	CHECK_EQ(GV(c->box, err), 0);
}

CASE(page_fault_then_contributory_is_a_double_fault)
{
	struct cpu *c = scene(VEC_PF, VEC_PF, 0);

	CHECK_EQ(cpu_expect_sync(c, 1), VEC_DF);
}

CASE(fault_in_a_double_fault_is_a_shutdown)
{
	struct cpu *c = scene(VEC_DE, VEC_DE, VEC_DF);

	cpu_expect_exit(c, KVM_EXIT_SHUTDOWN);
}

/* And where a page that the delivery needs is first made by the host. */
static GUEST void fault_with_far_stack(void)
{
	u64 i;

	for (i = 0; i < 32; i++)
		g_handlers[i] = report;
	asm volatile("mov %0, %%rsp; ud2" : : "r"(0x10001000ul) : "memory");
	g_done();
}

CASE(delivery_goes_on_after_a_nested_page_fault)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	box_memory(b, 5, 0, 0x10000000, PAGE);
	cpu_long(c, fault_with_far_stack);
	CHECK_EQ(cpu_expect_sync(c, 1), VEC_UD);
}
