/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef USER_TRY_H
#define USER_TRY_H
/* Single instructions at CPL 3 that may fault. */
#include "user.h"

static volatile u64 vec GUEST_DATA;
static volatile u64 err GUEST_DATA;
static volatile u64 user_rip GUEST_DATA;

/* Any fault of user code is told and stepped over by @user_rip. */
static GUEST void note(struct trap *t)
{
	vec = t->vec;
	err = t->err;
	if ((t->cs & 3) == 3)
		t->rip = user_rip;
}

static GUEST void to_user(u64 entry)
{
	u64 i;

	for (i = 0; i < 32; i++)
		g_handlers[i] = note;
	g_open_user_gate();
	g_enter_user(entry);
}

/* Gives the vector of the fault of one instruction at CPL 3. */
#define U_TRY(insn, outs, ins) ({					\
	vec = G_NO_TRAP;						\
	asm volatile("leaq 772f(%%rip), %%r11; movq %%r11, %[at]\n\t"	\
		     insn "\n772:"					\
		     : [at] "=m"(user_rip) outs : ins			\
		     : "r11", "memory", "cc");				\
	vec;								\
})

#endif
