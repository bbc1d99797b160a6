/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef USER_H
#define USER_H
/* Guest code at CPL 3, and its way to the host: INT USER_GATE, which says a stage and a value. */
#include "box.h"

#define USER_GATE 0x80

#define U_SAY(stage, value)						\
	asm volatile("int %[gate]" : : [gate] "i"(USER_GATE), "D"((u64)(stage)), \
		     "S"((u64)(value)) : "memory")

static GUEST void user_said(struct trap *t)
{
	g_sync(t->rdi, t->rsi);
}

G_INLINE void g_open_user_gate(void)
{
	g_handlers[USER_GATE] = user_said;
	*(volatile u64 *)(LAY_IDT + 16 * USER_GATE) |= 3ull << 45;
}

/* Go on at @entry, at CPL 3 */
G_INLINE void g_enter_user(u64 entry)
{
	asm volatile("pushq %0; pushq %1; pushq $2; pushq %2; pushq %3; iretq"
		     : : "i"(SEL_UDATA), "r"(LAY_STACKS + 3 * 0x4000ul),
		       "i"(SEL_UCODE64), "r"(entry) : "memory");
	__builtin_unreachable();
}

#endif
