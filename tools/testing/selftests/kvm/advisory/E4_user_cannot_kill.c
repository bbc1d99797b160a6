// SPDX-License-Identifier: GPL-2.0-only
/*
 * E4: CVE-2014-7842, CVE-2010-5313. A program of the guest that makes emulation
 * fail gets #UD, and its VM lives on; its kernel that does so is told of to user
 * space, with the bytes, and so is everything if user space has asked for that.
 */
#include "user.h"

/* A vector comparison is beyond what any emulator of MMIO does. */
#define BEYOND "cmpps $0, (%%rbx), %%xmm0"
static const u8 bytes[] = { 0x0f, 0xc2, 0x03, 0x00 };

static GUEST void on_ud(struct trap *t)
{
	g_sync(1, t->cs & 3);
	t->rip += sizeof(bytes);
}

static GUEST void to_user(u64 entry)
{
	g_handlers[VEC_UD] = on_ud;
	g_open_user_gate();
	g_enter_user(entry);
}

static GUEST void user(void)
{
	asm volatile(BEYOND : : "b"(LAY_MMIO) : "memory");
	U_SAY(2, 0);
	for (;;)
		;
}

static GUEST void kernel(void)
{
	asm volatile(BEYOND : : "b"(LAY_MMIO) : "memory");
	for (;;)
		;
}

CASE(user_code_gets_an_undefined_instruction)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long_arg(c, to_user, (u64)user);
	CHECK_EQ(cpu_expect_sync(c, 1), 3);
	cpu_expect_sync(c, 2);
}

static void expect_failure(struct cpu *c)
{
	cpu_expect_exit(c, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(c->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK(c->run->emulation_failure.ndata >= 3);
	CHECK(c->run->emulation_failure.flags &
	      KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	CHECK(c->run->emulation_failure.insn_size >= sizeof(bytes));
	CHECK_MEM_EQ(c->run->emulation_failure.insn_bytes, bytes, sizeof(bytes));
}

CASE(the_kernel_stops_the_guest_with_its_bytes)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, kernel);
	expect_failure(c);
}

CASE(user_space_may_ask_for_all_failures)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 1 },
	};
	struct box *b = box_new();
	struct cpu *c;

	if (box_cap(b, KVM_CAP_EXIT_ON_EMULATION_FAILURE) <= 0)
		tap_skip("no KVM_CAP_EXIT_ON_EMULATION_FAILURE");
	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &cap));
	c = cpu_new(b, 0);
	cpu_long_arg(c, to_user, (u64)user);
	expect_failure(c);
}
