// SPDX-License-Identifier: GPL-2.0-only
/*
 * E6: CVE-2016-8630, CVE-2022-1852. The emulator is entered with bytes that
 * are no instruction, or cannot be fetched, and does not run a handler then.
 *
 * With the forced emulation prefix (module parameter force_emulation_prefix)
 * any bytes can be fed to it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "box.h"

#define PARAM "/sys/module/kvm/parameters/force_emulation_prefix"
#define CODE_VA (0x12ull << 40)

/* UD2 and "kvm" */
static const u8 prefix[] = { 0x0f, 0x0b, 'k', 'v', 'm' };

static GUEST void on_any(struct trap *t)
{
	g_sync(100 + t->vec, t->err);
}

static GUEST void install(void)
{
	u64 i;

	for (i = 0; i < 32; i++)
		g_handlers[i] = on_any;
	g_sync(1, 0);
}

static bool want_prefix(void)
{
	int fd = open(PARAM, O_WRONLY);
	bool ok = fd >= 0 && write(fd, "1", 1) == 1;

	close(fd);
	return ok;
}

static struct cpu *scene(void)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, install);
	cpu_expect_sync(c, 1);
	return c;
}

static void at(struct cpu *c, u64 rip)
{
	struct kvm_regs r = {
		.rip = rip, .rsp = LAY_STACKS + LAY_STACK_SIZE - 0x100,
		.rflags = RFLAGS_ONE, .rax = LAY_MMIO, .rbx = LAY_SCRATCH,
		.rcx = 1, .rdx = LAY_SCRATCH + 0x800, .rsi = LAY_MMIO + 0x100,
		.rdi = LAY_SCRATCH + 0x1000, .rbp = LAY_MMIO + 0x200,
	};

	cpu_set_regs(c, &r);
}

/* Group opcodes whose ModRM names no operation, and holes in the maps. */
static const u8 undefined[][8] = {
	{ 0x0f, 0x0b }, { 0xfe, 0x10 }, { 0xff, 0x38 }, { 0xff, 0xff },
	{ 0x8f, 0x08 }, { 0xc6, 0x08, 0 }, { 0xc7, 0x10, 0, 0, 0, 0 },
	{ 0x0f, 0xc7, 0x00 }, { 0x0f, 0xc7, 0x18 }, { 0x0f, 0xae, 0xc0 },
	{ 0x0f, 0x00, 0x38 }, { 0x0f, 0x01, 0x28 }, { 0x0f, 0xba, 0x00, 0 },
	{ 0x0f, 0x04 }, { 0x0f, 0x0a }, { 0x0f, 0x24 }, { 0x0f, 0x36 },
	{ 0x0f, 0x38, 0xff }, { 0x0f, 0x3a, 0xff, 0, 0 }, { 0x06 }, { 0xea },
	{ 0x9a }, { 0xd6 }, { 0x62 }, { 0x82, 0, 0 }, { 0x27 }, { 0xc4 },
	{ 0xc5, 0xf8 }, { 0xf0, 0x90 }, { 0xf0, 0x8b, 0x00 },
	{ 0x0f, 0xb9 }, { 0x0f, 0xff }, { 0x8d, 0xc0 }, { 0x0f, 0xb2, 0xc0 },
};

CASE(undefined_forms_under_the_prefix)
{
	struct cpu *c;
	u8 *code;
	u32 i;

	if (!want_prefix())
		tap_skip("no force_emulation_prefix");
	c = scene();
	code = box_hva(c->box, LAY_SCRATCH + 0x3000);
	for (i = 0; i < ARRAY_LEN(undefined); i++) {
		memset(code, 0xf4, 64);
		memcpy(code, prefix, sizeof(prefix));
		memcpy(code + sizeof(prefix), undefined[i], 8);
		at(c, LAY_SCRATCH + 0x3000);
		/* a trap in the guest or an error to user space, nothing else */
		if (cpu_go(c) == HEARD_SYNC)
			CHECK(c->stage == 100 + VEC_UD ||
			      c->stage == 100 + VEC_GP ||
			      c->stage == 100 + VEC_PF);
		else
			CHECK(c->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
			      c->run->exit_reason == KVM_EXIT_HLT ||
			      c->run->exit_reason == KVM_EXIT_MMIO);
		if (c->run->exit_reason == KVM_EXIT_MMIO) {
			c->run->immediate_exit = 1;
			cpu_run(c);
			c->run->immediate_exit = 0;
		}
	}
}

static void on_tick(int sig)
{
}

#define STREAMS 600

CASE_SLOW(random_bytes_under_the_prefix, 40, NULL)
{
	struct itimerval tick = { { 0, 3000 }, { 0, 3000 } };
	struct sigaction sa = { .sa_handler = on_tick };
	u32 i, k, n, errors = 0, traps = 0;
	struct kvm_vcpu_events idle;
	struct kvm_sregs good;
	struct cpu *c;
	u8 *code, *ram;

	if (!want_prefix())
		tap_skip("no force_emulation_prefix");
	c = scene();
	good = cpu_get_sregs(c);
	idle = cpu_get_vcpu_events(c);
	idle.flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
		     KVM_VCPUEVENT_VALID_SHADOW;
	ram = malloc(LAY_RAM);
	memcpy(ram, box_hva(c->box, 0), LAY_RAM);
	code = box_hva(c->box, LAY_SCRATCH + 0x3000);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	srandom(4711);
	for (i = 0; i < STREAMS; i++) {
		memset(code, 0xf4, 64);
		memcpy(code, prefix, sizeof(prefix));
		for (k = 0; k < 15; k++)
			code[sizeof(prefix) + k] = random() >> 8;
		if (i & 1)
			code[sizeof(prefix)] = 0x0f;
		cpu_set_sregs(c, &good);
		cpu_set_vcpu_events(c, &idle);
		at(c, LAY_SCRATCH + 0x3000);
		for (n = 0; n < 4; n++) {
			int r = cpu_run(c);

			if (r || c->run->exit_reason != KVM_EXIT_MMIO)
				break;
			memset(c->run->mmio.data, 0x33, 8);
		}
		errors += c->run->exit_reason == KVM_EXIT_INTERNAL_ERROR;
		traps += c->run->exit_reason == KVM_EXIT_IO;
		c->run->immediate_exit = 1;
		cpu_run(c);
		c->run->immediate_exit = 0;
		/* the stream may have written anywhere */
		if (memcmp(box_hva(c->box, 0), ram, 0x20000))
			memcpy(box_hva(c->box, 0), ram, 0x20000);
	}
	memset(&tick, 0, sizeof(tick));
	setitimer(ITIMER_REAL, &tick, NULL);
	tap_note("%u internal errors, %u traps", errors, traps);
	memcpy(box_hva(c->box, 0), ram, LAY_RAM);
	cpu_set_sregs(c, &good);
	cpu_set_vcpu_events(c, &idle);
	cpu_long(c, install);
	cpu_expect_sync(c, 1);
}

CASE(prefix_at_the_end_of_the_mapped_page)
{
	struct cpu *c;
	u8 *page;

	if (!want_prefix())
		tap_skip("no force_emulation_prefix");
	c = scene();
	/* the instruction behind the prefix is on a page that is not there */
	box_map(c->box, CODE_VA, (LAY_SCRATCH + 0x5000) | PT_P | PT_W);
	page = box_hva(c->box, LAY_SCRATCH + 0x5000);
	memcpy(page + PAGE - sizeof(prefix), prefix, sizeof(prefix));
	at(c, CODE_VA + PAGE - sizeof(prefix));
	if (cpu_go(c) == HEARD_SYNC) {
		/* with the prefix in force the fetch faults; else it is a UD2 */
		CHECK(c->stage == 100 + VEC_PF || c->stage == 100 + VEC_UD);
		if (c->stage == 100 + VEC_PF)
			CHECK_EQ(cpu_get_sregs(c).cr2, CODE_VA + PAGE);
	} else {
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	}
}

CASE(breakpoint_on_an_instruction_that_cannot_be_fetched)
{
	struct kvm_guest_debug d = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
		.arch.debugreg = { CODE_VA, 0, 0, 0, 0, 0, 0, DR7_ONE | 2 },
	};
	struct cpu *c = scene();
	enum heard h;

	CHECK_OK(ioctl(c->fd, KVM_SET_GUEST_DEBUG, &d));
	at(c, CODE_VA);
	h = cpu_go(c);
	/* the breakpoint comes first, or the fault of the fetch */
	if (h == HEARD_EXIT)
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_DEBUG);
	else
		CHECK_EQ(c->stage, 100 + VEC_PF);
}

CASE(illegal_opcode_over_a_page_end)
{
	struct cpu *c = scene();
	u8 *page = box_hva(c->box, LAY_SCRATCH + 0x5000);

	box_map(c->box, CODE_VA, (LAY_SCRATCH + 0x5000) | PT_P | PT_W);
	/* the second byte decides, and is not there */
	page[PAGE - 1] = 0x0f;
	at(c, CODE_VA + PAGE - 1);
	CHECK_EQ(cpu_go(c), HEARD_SYNC);
	CHECK_EQ(c->stage, 100 + VEC_PF);
	CHECK_EQ(cpu_get_sregs(c).cr2, CODE_VA + PAGE);
}

CASE(mmio_instruction_whose_page_vanishes)
{
	struct cpu *c = scene();
	u8 *page = box_hva(c->box, LAY_SCRATCH + 0x5000);
	u64 *pte = box_pte(c->box, CODE_VA);
	static const u8 load[] = { 0x8b, 0x00, 0xf4 };	/* mov (%rax),%eax */

	*pte = (LAY_SCRATCH + 0x5000) | PT_P | PT_W;
	memcpy(page, load, sizeof(load));
	at(c, CODE_VA);
	cpu_expect_mmio(c, false, LAY_MMIO, 4);
	/* between exit and completion the guest page goes away */
	*pte = 0;
	memset(c->run->mmio.data, 0x11, 8);
	if (cpu_go(c) == HEARD_SYNC)
		CHECK_EQ(c->stage, 100 + VEC_PF);
	else
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_HLT);
}
