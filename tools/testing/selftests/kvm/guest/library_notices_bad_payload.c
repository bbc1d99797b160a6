// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library itself: traps land in the payload's handlers, G_TRY catches
 * them, and a payload that goes wrong is told from one that does not.
 */
#include <sys/wait.h>

#include "box.h"

static GUEST void tries(void)
{
	u64 v;

	G_CHECK_EQ(G_TRY("ud2", G_NONE, G_NONE), VEC_UD);
	G_CHECK_EQ(g_percpu()->err, 0);
	G_CHECK_EQ(G_TRY("nop", G_NONE, G_NONE), G_NO_TRAP);
	G_CHECK_EQ(g_try_rdmsr(0x12345678, &v), VEC_GP);
	G_CHECK_EQ(G_TRY("movb $0, (%0)", G_NONE, G_LIST("r"(0x12ull << 40))),
		   VEC_PF);
	G_CHECK_EQ(g_percpu()->err, 2);
	G_CHECK_EQ(g_percpu()->cr2, 0x12ull << 40);
	G_CHECK_EQ(G_TRY("int3", G_NONE, G_NONE), VEC_BP);
	G_CHECK_EQ(G_TRY("divl %0", G_NONE, G_LIST("r"(0), "a"(1), "d"(0))), VEC_DE);
	g_sync(1, 42);
	g_done();
}

CASE(faults_reach_the_handlers)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, tries);
	CHECK_EQ(cpu_expect_sync(c, 1), 42);
	cpu_expect_done(c);
	cpu_free(c);
	box_free(b);
}

static GUEST void fails(void)
{
	G_CHECK_EQ(1, 2);
	g_done();
}

static GUEST void traps(void)
{
	asm volatile("ud2");
	g_done();
}

static GUEST void strays(void)
{
	g_read8(LAY_MMIO);
	g_done();
}

static void must_fail(void (*payload)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct box *b = box_new();
		struct cpu *c = cpu_new(b, 0);

		fclose(stdout);
		cpu_long(c, payload);
		cpu_expect_done(c);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 1);
}

CASE(failing_payload_fails_the_case)
{
	must_fail(fails);
}

CASE(trapping_payload_fails_the_case)
{
	must_fail(traps);
}

CASE(straying_payload_fails_the_case)
{
	must_fail(strays);
}
