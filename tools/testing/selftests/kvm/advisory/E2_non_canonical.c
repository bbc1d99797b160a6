// SPDX-License-Identifier: GPL-2.0-only
/*
 * E2: CVE-2014-3647, CVE-2014-3610. A branch that KVM emulates never takes the
 * guest to an address that is not canonical, and no such value reaches the
 * host's own WRMSR.
 */
#include <fcntl.h>

#include "box.h"

#define BAD 0x8000000000000000ull
#define FORCED "/sys/module/kvm/parameters/force_emulation_prefix"

/* Branches whose target comes from MMIO are emulated. */
static GUEST void branches(void)
{
	u64 sp;

	G_CHECK_EQ(G_TRY("jmp *(%0)", G_NONE, G_LIST("r"(LAY_MMIO))), VEC_GP);
	G_CHECK_EQ(g_percpu()->err, 0);
	g_sync(1, g_percpu()->rip);
	asm volatile("mov %%rsp, %0" : "=r"(sp));
	G_CHECK_EQ(G_TRY("call *(%0)", G_NONE, G_LIST("r"(LAY_MMIO))), VEC_GP);
	g_sync(2, g_percpu()->rip);
	/* the same with a good target */
	asm volatile("call *(%0)" : : "r"(LAY_MMIO + 8)
		     : "rax", "memory");
	g_sync(3, 0);
	g_done();
}

asm(".pushsection payload_text, \"ax\"\n"
	"just_return: ret\n"
	".popsection\n");
extern u8 just_return[];

static u64 serve(struct cpu *c, u64 stage)
{
	while (cpu_go(c) == HEARD_EXIT) {
		struct kvm_run *r = c->run;

		CHECK_EQ(r->exit_reason, KVM_EXIT_MMIO);
		CHECK_EQ(r->mmio.is_write, 0);
		*(u64 *)r->mmio.data = r->mmio.phys_addr == LAY_MMIO ? BAD :
				       (u64)just_return;
	}
	CHECK_EQ(c->stage, stage);
	return c->value;
}

CASE(near_branches_through_mmio)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 rip;

	cpu_long(c, branches);
	/* the fault is that of the branch: its RIP is in the payload */
	rip = serve(c, 1);
	CHECK(rip >= LAY_TEXT && rip < LAY_DATA);
	rip = serve(c, 2);
	CHECK(rip >= LAY_TEXT && rip < LAY_DATA);
	serve(c, 3);
	cpu_expect_done(c);
}

/*
 * A return through the frame that @push makes, emulated by force, with the vector
 * of its fault. The stack is as before, wherever it has gone.
 */
#define TRY_RETURN(push, insn, to) ({					\
	g_percpu()->vec = G_NO_TRAP;					\
	asm volatile("movq %%rsp, %%r12\n\t"				\
		     "leaq 775f(%%rip), %%r11\n\t"			\
		     "movq %%r11, %%gs:8\n\t"				\
		     "movl %%cs, %%ecx\n\t"				\
		     "movq %0, %%rax\n\t"				\
		     "testq %%rax, %%rax\n\t"				\
		     "cmovz %%r11, %%rax\n\t"				\
		     push "pushq %%rcx; pushq %%rax\n\t"		\
		     "ud2; .ascii \"kvm\"; " insn "\n"			\
		     "775:\tmovq %%r12, %%rsp; movq $0, %%gs:8"		\
		     : : "r"(to)					\
		     : "rax", "rcx", "rdx", "r11", "r12", "memory", "cc");	\
	g_percpu()->vec;						\
})
#define IRET_FRAME "movl %%ss, %%edx; pushq %%rdx; pushq %%r12; pushfq\n\t"

static GUEST void far_return(void)
{
	G_CHECK_EQ(TRY_RETURN("", "lretq", 0ull), G_NO_TRAP);
	G_CHECK_EQ(TRY_RETURN("", "lretq", BAD), VEC_GP);
	G_CHECK_EQ(g_percpu()->err, 0);
	g_sync(1, g_percpu()->rip);
}

static GUEST void interrupt_return(void)
{
	G_CHECK_EQ(TRY_RETURN(IRET_FRAME, "iretq", 0ull), G_NO_TRAP);
	G_CHECK_EQ(TRY_RETURN(IRET_FRAME, "iretq", BAD), VEC_GP);
	G_CHECK_EQ(g_percpu()->err, 0);
	g_sync(1, g_percpu()->rip);
}

static void far_branch(void (*payload)(void))
{
	int fd = open(FORCED, O_WRONLY);
	struct cpu *c;
	u64 rip;

	if (fd < 0 || write(fd, "1", 1) != 1)
		tap_skip("no forced emulation");
	close(fd);
	c = cpu_new(box_new(), 0);
	cpu_long(c, payload);
	rip = cpu_expect_sync(c, 1);
	CHECK(rip >= LAY_TEXT && rip < LAY_DATA);
}

/* # stock: expected fail because it gives up on a far return that faults */
CASE_STOCK_FAILS(far_returns, "it gives up on a far return that faults")
{
	far_branch(far_return);
}

/* # stock: expected fail because its emulator has no IRET in long mode */
CASE_STOCK_FAILS(interrupt_returns, "its emulator has no IRET in long mode")
{
	far_branch(interrupt_return);
}

static const u32 msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_LSTAR, MSR_CSTAR,
	MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};

static GUEST void write_msr(void)
{
	u64 msr, v, old, got;

	for (;;) {
		g_sync(1, 0);
		msr = g_read64(LAY_SCRATCH);
		v = g_read64(LAY_SCRATCH + 8);
		old = g_rdmsr(msr);
		got = g_try_wrmsr(msr, v);
		/* GS is what the library stands on */
		if (got == G_NO_TRAP)
			g_wrmsr(msr, old);
		g_sync(2, got);
	}
}

CASE(wrmsr_by_the_guest)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *s = box_hva(b, LAY_SCRATCH);
	u32 i;

	cpu_long(c, write_msr);
	for (i = 0; i < ARRAY_LEN(msrs); i++) {
		/* a GS base of rubbish takes the guest's own data away */
		if (msrs[i] == MSR_GS_BASE)
			continue;
		cpu_expect_sync(c, 1);
		s[0] = msrs[i];
		s[1] = 0xaaaaaaaaaaaaaaaaull;
		/* #GP on a processor that checks; here it is enough to live */
		cpu_expect_sync(c, 2);
	}
}

CASE(set_msrs_by_the_vmm)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i;

	cpu_long(c, write_msr);
	cpu_expect_sync(c, 1);
	for (i = 0; i < ARRAY_LEN(msrs); i++) {
		u64 was = cpu_get_msr(c, msrs[i]);

		cpu_try_set_msr(c, msrs[i], 0xaaaaaaaaaaaaaaaaull);
		cpu_set_msr(c, msrs[i], was);
	}
	/* an entry with the values in place, too */
	for (i = 0; i < ARRAY_LEN(msrs); i++)
		if (msrs[i] != MSR_GS_BASE)
			cpu_try_set_msr(c, msrs[i], 0xaaaaaaaaaaaaaaaaull);
	*(u64 *)box_hva(b, LAY_SCRATCH) = MSR_PAT;
	*(u64 *)box_hva(b, LAY_SCRATCH + 8) = 0x0007040600070406ull;
	CHECK_EQ(cpu_expect_sync(c, 2), G_NO_TRAP);
}

static GUEST void nothing(void)
{
	g_done();
}

static void survives(struct cpu *c, const struct kvm_sregs *good)
{
	int r = cpu_run(c);

	/* whatever it is, it is an answer, and a good state runs again */
	CHECK(r == 0 || r == -EFAULT || r == -EINVAL);
	cpu_set_sregs(c, good);
	cpu_long(c, nothing);
	if (cpu_get_vcpu_events(c).exception.injected) {
		struct kvm_vcpu_events e = cpu_get_vcpu_events(c);

		e.exception.injected = e.exception.pending = 0;
		cpu_set_vcpu_events(c, &e);
	}
	cpu_expect_done(c);
}

CASE(rip_and_segment_bases_set_by_the_vmm)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs s, good;
	struct kvm_regs r;

	cpu_long(c, nothing);
	good = cpu_get_sregs(c);
	r = cpu_get_regs(c);
	r.rip = BAD;
	if (!cpu_try_regs(c, &r))
		survives(c, &good);
	cpu_long(c, nothing);
	s = good;
	s.fs.base = s.ldt.base = s.idt.base = 0xaaaaaaaaaaaaaaaaull;
	if (!cpu_try_sregs(c, &s))
		survives(c, &good);
}
