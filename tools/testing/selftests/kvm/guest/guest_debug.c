// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_GUEST_DEBUG: single steps, breakpoints in memory and in the debug
 * registers, watchpoints; what the guest sees of it is nothing.
 */
#include "box.h"

static void debug(struct cpu *c, u32 control, const u64 *regs)
{
	struct kvm_guest_debug d = { .control = control };
	int i;

	for (i = 0; regs && i < 8; i++)
		d.arch.debugreg[i] = regs[i];
	CHECK_OK(ioctl(c->fd, KVM_SET_GUEST_DEBUG, &d));
}

#define STEP (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)

asm(".pushsection payload_text, \"ax\"\n"
	"few_steps:\n"
	"	nop\n"
	"	inc %rax\n"
	"	xor %ecx, %ecx\n"
	"	xor %eax, %eax\n"
	"	cpuid\n"
	"step_after_cpuid:\n"
	"	nop\n"
	"	mov $0x277, %ecx\n"
	"	rdmsr\n"
	"step_after_rdmsr:\n"
	"	nop\n"
	"	hlt\n"
	".popsection\n");
extern u8 few_steps[], step_after_cpuid[], step_after_rdmsr[];

CASE(single_steps_stop_after_each_instruction)
{
	static const u8 length[] = { 1, 3, 2, 2, 2, 1, 5, 2, 1 };
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 rip = (u64)few_steps;
	u32 i;

	cpu_long(c, (void (*)(void))few_steps);
	debug(c, STEP, NULL);
	for (i = 0; i < ARRAY_LEN(length); i++) {
		rip += length[i];
		cpu_expect_exit(c, KVM_EXIT_DEBUG);
		CHECK_EQ(c->run->debug.arch.exception, VEC_DB);
		CHECK_EQ(c->run->debug.arch.pc, rip);
		CHECK(c->run->debug.arch.dr6 & DR6_BS);
		CHECK_EQ(cpu_get_regs(c).rip, rip);
		/* the trap flag is the debugger's, not the guest's */
		CHECK_EQ(cpu_get_regs(c).rflags & RFLAGS_TF, 0);
	}
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_debugregs(c).dr6, DR6_IDLE);
}

static GUEST void io_steps(void)
{
	g_out8(0x510, 1);
	g_in8(0x510);
	g_write32(LAY_MMIO, 1);
	g_read32(LAY_MMIO);
	g_done();
}

CASE(single_steps_over_io_and_mmio)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 io = 0, mmio = 0, steps = 0;

	cpu_long(c, io_steps);
	debug(c, STEP, NULL);
	while (cpu_go(c) == HEARD_EXIT) {
		u64 pc;

		switch (c->run->exit_reason) {
		case KVM_EXIT_IO:
			io++;
			break;
		case KVM_EXIT_MMIO:
			mmio++;
			break;
		case KVM_EXIT_DEBUG:
			steps++;
			pc = c->run->debug.arch.pc;
			CHECK_EQ(pc, cpu_get_regs(c).rip);
			break;
		default:
			DIE("exit %s", exit_name(c->run->exit_reason));
		}
	}
	CHECK_EQ(io, 2);
	CHECK_EQ(mmio, 2);
	CHECK(steps >= 4);
}

static GUEST void flags_steps(void)
{
	u64 f;

	asm volatile("nop; nop; nop; nop; nop; nop; nop; nop");
	f = g_rflags();
	G_CHECK_EQ(f & RFLAGS_TF, 0);
	g_done();
}

CASE(the_guest_does_not_see_the_trap_flag_after_stepping)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i;

	cpu_long(c, flags_steps);
	debug(c, STEP, NULL);
	for (i = 0; i < 3; i++)
		cpu_expect_exit(c, KVM_EXIT_DEBUG);
	debug(c, 0, NULL);
	CHECK_EQ(cpu_get_regs(c).rflags & RFLAGS_TF, 0);
	cpu_expect_done(c);
}

asm(".pushsection payload_text, \"ax\"\n"
	"bp_here:\n"
	"	nop\n"
	"	int3\n"
	"bp_after:\n"
	"	nop\n"
	"	mov $1, %eax\n"
	"	hlt\n"
	".popsection\n");
extern u8 bp_here[], bp_after[];

static GUEST void guest_got_it(struct trap *t)
{
	g_sync(1, 0);
}

CASE(int3_stops_at_itself_with_software_breakpoints)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs r;

	cpu_long(c, (void (*)(void))bp_here);
	GV(b, g_handlers[VEC_BP]) = guest_got_it;
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, NULL);
	if (cpu_go(c) == HEARD_SYNC)
		tap_skip("this processor does not intercept INT3 (QEMU)");
	CHECK_EQ(c->run->debug.arch.exception, VEC_BP);
	CHECK_EQ(c->run->debug.arch.pc, (u64)bp_here + 1);
	CHECK_EQ(cpu_get_regs(c).rip, (u64)bp_here + 1);
	r = cpu_get_regs(c);
	r.rip++;
	cpu_set_regs(c, &r);
	cpu_expect_exit(c, KVM_EXIT_HLT);
}

static GUEST void own_int3(void)
{
	G_CHECK_EQ(G_TRY("int3", G_NONE, G_NONE), VEC_BP);
	g_done();
}

CASE(int3_is_the_guests_without_software_breakpoints)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, own_int3);
	cpu_expect_done(c);
	cpu_long(c, own_int3);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
	      (u64[8]) { 0 });
	cpu_expect_done(c);
}

CASE(a_hardware_breakpoint_stops_before_the_instruction)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 regs[8] = { (u64)step_after_cpuid, 0, 0, 0, 0, 0, 0,
			DR7_ONE | 2 };

	cpu_long(c, (void (*)(void))few_steps);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, regs);
	cpu_expect_exit(c, KVM_EXIT_DEBUG);
	CHECK_EQ(c->run->debug.arch.exception, VEC_DB);
	CHECK_EQ(c->run->debug.arch.pc, (u64)step_after_cpuid);
	CHECK_EQ(c->run->debug.arch.dr6 & 0xf, 1);
	/* the guest's own registers do not show it */
	CHECK_EQ(cpu_get_debugregs(c).dr7, DR7_ONE);
	regs[0] = (u64)step_after_rdmsr;
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, regs);
	cpu_expect_exit(c, KVM_EXIT_DEBUG);
	CHECK_EQ(c->run->debug.arch.pc, (u64)step_after_rdmsr);
	debug(c, 0, NULL);
	cpu_expect_exit(c, KVM_EXIT_HLT);
}

static volatile u64 watched GUEST_DATA;

static GUEST void writes(void)
{
	u64 i;

	for (i = 0; i < 10; i++)
		asm volatile("nop");
	asm volatile("movq $7, %0\n\t"
		     ".globl after_write\n\t"
		     "after_write: nop" : "=m"(watched));
	g_done();
}
extern u8 after_write[];

CASE(a_watchpoint_stops_after_the_write)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	/* DR2: write, eight bytes */
	u64 regs[8] = { 0, 0, (u64)&watched, 0, 0, 0, 0,
			DR7_ONE | 1 << 5 | 9ul << 24 };

	cpu_long(c, writes);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, regs);
	cpu_expect_exit(c, KVM_EXIT_DEBUG);
	CHECK_EQ(c->run->debug.arch.exception, VEC_DB);
	CHECK_EQ(c->run->debug.arch.pc, (u64)after_write);
	CHECK_EQ(c->run->debug.arch.dr6 & 0xf, 4);
	CHECK_EQ(GV(b, watched), 7);
	cpu_expect_done(c);
}

static volatile u64 hits GUEST_DATA;

static GUEST void on_hit(struct trap *t)
{
	hits++;
}

static GUEST void wait_for_hit(void)
{
	g_handlers[VEC_DB] = on_hit;
	g_handlers[VEC_BP] = on_hit;
	g_sync(1, hits);
	g_sync(2, hits);
	g_sync(3, hits);
	g_done();
}

CASE(injected_debug_exceptions_reach_the_guest)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, wait_for_hit);
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB, NULL);
	CHECK_EQ(cpu_expect_sync(c, 2), 1);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP, NULL);
	CHECK_EQ(cpu_expect_sync(c, 3), 2);
	debug(c, 0, NULL);
	cpu_expect_done(c);
}

static GUEST void on_nmi(struct trap *t)
{
	hits++;
}

asm(".pushsection payload_text, \"ax\"\n"
	"irq_steps: nop; nop; nop; nop; nop; hlt\n"
	".popsection\n");
extern u8 irq_steps[];

CASE(block_irq_keeps_events_out_while_stepping)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i;

	if (!(box_cap(b, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ))
		tap_skip("no KVM_GUESTDBG_BLOCKIRQ");
	cpu_long(c, (void (*)(void))irq_steps);
	GV(b, g_handlers[VEC_NMI]) = on_nmi;
	debug(c, STEP | KVM_GUESTDBG_BLOCKIRQ, NULL);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	for (i = 1; i <= 3; i++) {
		cpu_expect_exit(c, KVM_EXIT_DEBUG);
		CHECK_EQ(c->run->debug.arch.pc, (u64)irq_steps + i);
	}
	CHECK_EQ(GV(b, hits), 0);
	debug(c, 0, NULL);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(GV(b, hits), 1);
}

CASE(errors)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	CHECK_ERR(ioctl(c->fd, KVM_SET_GUEST_DEBUG, 8), EFAULT);
}
