// SPDX-License-Identifier: GPL-2.0-only
/*
 * E12: CVE-2015-5307, CVE-2015-8104. #AC and #DB that arise while the same is
 * delivered go on for ever in microcode, with the host's CPU. They have to exit,
 * always: nobody debugs this guest, and each one is seen in the count of exits.
 */
#include "user.h"

#define TIMES 200

static volatile u64 traps GUEST_DATA;
static u64 word[2] GUEST_DATA;

static GUEST void count(struct trap *t)
{
	traps++;
}

static GUEST void step(void)
{
	g_handlers[VEC_DB] = count;
	g_sync(1, 0);
	asm volatile("pushfq\n\t"
		     "orq %0, (%%rsp)\n\t"
		     "popfq\n\t"
		     ".rept 200\n\t"
		     "nop\n\t"
		     ".endr\n\t"
		     "pushfq\n\t"
		     "andq %1, (%%rsp)\n\t"
		     "popfq" : : "i"(RFLAGS_TF), "i"(~(int)RFLAGS_TF) : "memory", "cc");
	g_sync(2, traps);
}

/* The load, of four bytes with its ModRM, is stepped over. */
static GUEST void count_ac(struct trap *t)
{
	traps++;
	t->rip += 2;
}

static GUEST __attribute__((noreturn)) void user(void)
{
	unsigned int i;

	U_SAY(1, 0);
	asm volatile("pushfq; orq %0, (%%rsp); popfq" : : "i"(RFLAGS_AC) : "memory", "cc");
	for (i = 0; i < TIMES; i++)
		asm volatile(".byte 0x8b, 0x03" : : "b"((u8 *)word + 1) : "eax", "memory");
	asm volatile("pushfq; andq %0, (%%rsp); popfq"
		     : : "i"(~(int)RFLAGS_AC) : "memory", "cc");
	U_SAY(2, traps);
	for (;;)
		;
}

static GUEST void misalign(void)
{
	u64 cr0;

	g_handlers[VEC_AC] = count_ac;
	g_open_user_gate();
	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	asm volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_AM));
	g_enter_user((u64)user);
}

static u64 all_exit(void (*payload)(void))
{
	struct cpu *c = cpu_new(box_new(), 0);
	u64 before, seen;

	cpu_long(c, payload);
	cpu_expect_sync(c, 1);
	before = cpu_exits(c);
	seen = cpu_expect_sync(c, 2);
	tap_note("%llu exceptions, %llu exits", (unsigned long long)seen,
		 (unsigned long long)(cpu_exits(c) - before));
	CHECK(cpu_exits(c) - before > seen);
	return seen;
}

CASE(each_debug_trap_exits)
{
	CHECK(all_exit(step) >= TIMES);
}

CASE(each_misaligned_access_exits)
{
	if (!all_exit(misalign))
		tap_skip("this processor checks no alignment");
}
