/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a payload may use: everything here is inline or in the payload
 * sections.  A payload function calls nothing else and uses no constant that
 * the compiler would put into the host's read-only data.
 */
#ifndef LIB_GUEST_H
#define LIB_GUEST_H

#include <stddef.h>

#include "layout.h"
#include "tap.h"
#include "x86.h"

#define __section(name) __attribute__((section(name)))
#define GUEST __section("payload_text") __attribute__((noinline, noclone, used))
#define GUEST_DATA __section("payload_data")
#define G_INLINE static inline __attribute__((always_inline))

/**
 * struct trap - the stack when an exception or interrupt handler runs
 *
 * Handlers may change any of it; IRET takes it back.
 */
struct trap {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vec, err;
	u64 rip, cs, rflags, rsp, ss;
};

/**
 * struct percpu - at GS:0 of each vCPU
 * @self: its address
 * @resume: where to go on when the instruction that G_TRY runs faults
 * @vec: vector of the last fault under G_TRY, G_NO_TRAP if none
 * @err: its error code
 * @rip: its instruction
 * @cr2: CR2 then
 * @id: number of the vCPU
 */
struct percpu {
	u64 self;
	u64 resume;
	u64 vec;
	u64 err;
	u64 rip;
	u64 cr2;
	u64 id;
};

#define G_NO_TRAP 0x1000

typedef void (*trap_fn)(struct trap *t);

/* Handlers by vector; a vector without one fails the test or ends a G_TRY. */
extern trap_fn volatile g_handlers[256];
extern const u8 g_trap_stubs[];
#define G_STUB_SIZE 16

G_INLINE struct percpu *g_percpu(void)
{
	struct percpu *p;

	asm volatile("movq %%gs:0, %0" : "=r"(p));
	return p;
}

G_INLINE void g_say(u16 port, u64 di, u64 si, u64 dx, u64 cx)
{
	asm volatile("movl $0, %%eax\n\t"
		     "outl %%eax, %[port]"
		     : : [port] "i"(port), "D"(di), "S"(si), "d"(dx), "c"(cx)
		     : "rax", "memory");
}

G_INLINE void g_done(void)
{
	for (;;)
		g_say(SAY_DONE, 0, 0, 0, 0);
}

G_INLINE void g_sync(u64 stage, u64 value)
{
	g_say(SAY_SYNC, stage, value, 0, 0);
}

G_INLINE void g_fail(u64 line, u64 found, u64 wanted)
{
	for (;;)
		g_say(SAY_FAIL, line, found, wanted, 0);
}

#define G_TEXT(text) do {						\
	static char say_[] GUEST_DATA = text;				\
	g_say(SAY_TEXT, 0, (u64)say_, 0, 0);				\
} while (0)

#define G_CHECK(cond) do {						\
	if (!(cond))							\
		g_fail(__LINE__, 0, 1);					\
} while (0)

#define G_CHECK_EQ(got, want) do {					\
	u64 got_ = (u64)(got), want_ = (u64)(want);			\
	if (got_ != want_)						\
		g_fail(__LINE__, got_, want_);				\
} while (0)

/*
 * Runs one instruction that may fault and gives the vector, or G_NO_TRAP.
 * Operands are written G_LIST("=a"(x)), G_LIST("c"(y)), or G_NONE. r11 is lost.
 */
#define G_LIST(...) __VA_ARGS__
#define G_NONE
#define G_TRY(insn, outs, ins) ({					\
	g_percpu()->vec = G_NO_TRAP;					\
	asm volatile("leaq 771f(%%rip), %%r11\n\t"			\
		     "movq %%r11, %%gs:8\n\t"				\
		     insn "\n"						\
		     "771:\tmovq $0, %%gs:8"				\
		     : outs : ins : "r11", "memory", "cc");		\
	g_percpu()->vec;						\
})

G_INLINE u64 g_rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (u64)hi << 32;
}

G_INLINE void g_wrmsr(u32 msr, u64 v)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32))
		     : "memory");
}

G_INLINE u64 g_try_rdmsr(u32 msr, u64 *v)
{
	u32 lo = 0, hi = 0;
	u64 vec = G_TRY("rdmsr", G_LIST("+a"(lo), "+d"(hi)), G_LIST("c"(msr)));

	*v = lo | (u64)hi << 32;
	return vec;
}

G_INLINE u64 g_try_wrmsr(u32 msr, u64 v)
{
	return G_TRY("wrmsr", G_NONE, G_LIST("c"(msr), "a"((u32)v),
				       "d"((u32)(v >> 32))));
}

G_INLINE u64 g_rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (u64)hi << 32;
}

G_INLINE void g_cpuid(u32 leaf, u32 sub, u32 *a, u32 *b, u32 *c, u32 *d)
{
	asm volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d)
		     : "a"(leaf), "c"(sub) : "memory");
}

#define G_PORT(width, reg, type)					\
G_INLINE void g_out##width(u16 port, type v)				\
{									\
	asm volatile("out %" reg "0, %w1" : : "a"(v), "Nd"(port) : "memory"); \
}									\
G_INLINE type g_in##width(u16 port)					\
{									\
	type v;								\
									\
	asm volatile("in %w1, %" reg "0" : "=a"(v) : "Nd"(port) : "memory"); \
	return v;							\
}
G_PORT(8, "b", u8)
G_PORT(16, "w", u16)
G_PORT(32, "k", u32)

#define G_MEM(width)							\
G_INLINE u##width g_read##width(u64 a)					\
{									\
	return *(volatile u##width *)a;					\
}									\
G_INLINE void g_write##width(u64 a, u##width v)				\
{									\
	*(volatile u##width *)a = v;					\
}
G_MEM(8)
G_MEM(16)
G_MEM(32)
G_MEM(64)

#define G_CR(n)								\
G_INLINE u64 g_cr##n(void)						\
{									\
	u64 v;								\
									\
	asm volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory");	\
	return v;							\
}									\
G_INLINE void g_set_cr##n(u64 v)					\
{									\
	asm volatile("mov %0, %%cr" #n : : "r"(v) : "memory");		\
}
G_CR(0)
G_CR(2)
G_CR(3)
G_CR(4)
G_CR(8)

G_INLINE void g_sti(void) { asm volatile("sti" : : : "memory"); }
G_INLINE void g_cli(void) { asm volatile("cli" : : : "memory"); }
G_INLINE void g_hlt(void) { asm volatile("hlt" : : : "memory"); }
/* Interrupts get in only at the HLT, so that none is lost before it. */
G_INLINE void g_sti_hlt(void) { asm volatile("sti; hlt" : : : "memory"); }
G_INLINE void g_pause(void) { asm volatile("pause" : : : "memory"); }

G_INLINE void g_invlpg(u64 a)
{
	asm volatile("invlpg (%0)" : : "r"(a) : "memory");
}

G_INLINE u64 g_rflags(void)
{
	u64 f;

	asm volatile("pushfq; popq %0" : "=r"(f) : : "memory");
	return f;
}

#endif
