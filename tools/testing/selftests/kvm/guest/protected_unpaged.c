// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protected mode without paging, on processors that can have it for guests only by
 * an identity map, and what of the map may not be seen.
 */
/* modules: kvm-intel.unrestricted_guest=0 */
#include <pthread.h>

#include "box.h"

#define MAP_ADDR 0xfffbc000ul	/* of the map, if user space says nothing */
#define ROUNDS 20000

#define CODE32(name, body) GUEST_CODE(32, name, body)

static struct cpu *start_on(struct cpu *c, const u8 *from, const u8 *to)
{
	u64 at = LAY_SCRATCH + 0x1000 * c->id;

	if (!on_intel())
		tap_skip("SVM runs each mode as it is");
	memcpy(box_hva(c->box, at), from, to - from);
	cpu_prot32(c, at);
	return c;
}

static struct cpu *start(const u8 *from, const u8 *to)
{
	return start_on(cpu_new(box_new(), 0), from, to);
}

CODE32(registers32,
	"	mov %cr0, %eax\n"
	"	mov %cr3, %ebx\n"
	"	mov %cr4, %ecx\n"
	"	smsw %edx\n"
	"	hlt\n"
	"	mov $0x456000, %eax\n"
	"	mov %eax, %cr3\n"
	"	xor %eax, %eax\n"
	"	mov %eax, %cr4\n"
	"	mov %cr3, %ebx\n"
	"	mov %cr4, %ecx\n"
	"	hlt\n"
	"	mov %cr0, %eax\n"
	"	or $0x50008, %eax\n"		/* AM, WP, TS */
	"	mov %eax, %cr0\n"
	"	mov %cr0, %edx\n"
	"	clts\n"
	"	mov %cr0, %eax\n"
	"	mov $0xc0000080, %ecx\n"
	"	push %eax\n"
	"	push %edx\n"
	"	rdmsr\n"
	"	mov %eax, %ebx\n"
	"	pop %edx\n"
	"	pop %eax\n"
	"	hlt\n")

CASE(control_registers_are_the_guests_own)
{
	struct cpu *c = start(registers32, registers32_end);
	struct kvm_sregs s = cpu_get_sregs(c);
	struct kvm_regs r;

	s.cr3 = 0x123000;
	s.cr4 = CR4_PAE | CR4_PGE;
	s.efer = EFER_LME | EFER_NX;
	cpu_set_sregs(c, &s);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	r = cpu_get_regs(c);
	CHECK_EQ(r.rax, CR0_PE | CR0_ET | CR0_NE);
	CHECK_EQ(r.rbx, 0x123000);
	CHECK_EQ(r.rcx, CR4_PAE | CR4_PGE);
	CHECK_EQ((u32)r.rdx, CR0_PE | CR0_ET | CR0_NE);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.cr0, CR0_PE | CR0_ET | CR0_NE);
	CHECK_EQ(s.cr3, 0x123000);
	CHECK_EQ(s.cr4, CR4_PAE | CR4_PGE);
	CHECK_EQ(s.efer, EFER_LME | EFER_NX);
	/* and back, as a VMM does that migrates it */
	cpu_set_sregs(c, &s);

	cpu_expect_exit(c, KVM_EXIT_HLT);
	r = cpu_get_regs(c);
	CHECK_EQ(r.rbx, 0x456000);
	CHECK_EQ(r.rcx, 0);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.cr3, 0x456000);
	CHECK_EQ(s.cr4, 0);

	cpu_expect_exit(c, KVM_EXIT_HLT);
	r = cpu_get_regs(c);
	CHECK_EQ((u32)r.rdx, CR0_PE | CR0_ET | CR0_NE | 0x50008);
	CHECK_EQ((u32)r.rax, CR0_PE | CR0_ET | CR0_NE | 0x50000);
	CHECK_EQ((u32)r.rbx, EFER_LME | EFER_NX);
	CHECK_EQ(cpu_get_sregs(c).cr0, (u32)r.rax);
}

CODE32(loop32,
	"	mov $20000, %ecx\n"
	"1:	incl 0x180000\n"
	"	loop 1b\n"
	"	hlt\n")

CASE(it_runs_on_the_processor)
{
	struct cpu *c = start(loop32, loop32_end);

	cpu_hlt_natively(c, ROUNDS);
	CHECK_EQ(*(u32 *)box_hva(c->box, 0x180000), ROUNDS);
}

/* Rights of tables are nothing to a guest without tables. */
CODE32(rights32,
	"	mov %cr4, %eax\n"
	"	hlt\n"
	"	mov $2000, %ecx\n"
	"1:	incl 0x180000\n"
	"	loop 1b\n"
	"	hlt\n")

CASE(smep_and_smap_have_no_effect)
{
	struct cpu *c = cpu_new(box_new(), 0);
	struct kvm_sregs s;

	cpu_try_cpuid(c, cpuid_supported());
	start_on(c, rights32, rights32_end);
	s = cpu_get_sregs(c);
	s.cr4 = CR4_SMEP;
	if (ioctl(c->fd, KVM_SET_SREGS, &s) < 0)
		tap_skip("no SMEP");
	s.cr4 |= CR4_SMAP;
	if (ioctl(c->fd, KVM_SET_SREGS, &s) < 0)
		s.cr4 &= ~CR4_SMAP;
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ((u32)cpu_get_regs(c).rax, s.cr4);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(*(u32 *)box_hva(c->box, 0x180000), 2000);
}

CODE32(mmio32,
	"	movl $0x11223344, 0x40000010\n"
	"	movl 0x40000020, %ebx\n"
	"	movl $0x55667788, 0xe0000010\n"
	"	outb %al, $0x80\n"
	"	movb $1, 0xfffffff0\n"
	"	hlt\n")

CASE(each_address_leads_to_itself)
{
	struct cpu *c = start(mmio32, mmio32_end);

	cpu_expect_mmio(c, true, 0x40000010, 4);
	CHECK_EQ(*(u32 *)c->run->mmio.data, 0x11223344);
	cpu_expect_mmio(c, false, 0x40000020, 4);
	*(u32 *)c->run->mmio.data = 0xabcdef01;
	cpu_expect_mmio(c, true, 0xe0000010, 4);
	CHECK_EQ((u32)cpu_get_regs(c).rbx, 0xabcdef01);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	cpu_expect_mmio(c, true, 0xfffffff0, 1);
	cpu_expect_exit(c, KVM_EXIT_HLT);
}

/* Exceptions and interrupts through the guest's IDT; event delivery may be the first access to a page. */
CODE32(events32,
	"	movl $(handler32 - events32 + 0x100000), %eax\n"
	"	mov $0x180000, %edi\n"
	"	mov $0x50, %ecx\n"
	"1:	mov %ax, (%edi)\n"
	"	movw $0x18, 2(%edi)\n"
	"	movw $0x8e00, 4(%edi)\n"
	"	mov %eax, %edx\n"
	"	shr $16, %edx\n"
	"	mov %dx, 6(%edi)\n"
	"	add $8, %edi\n"
	"	loop 1b\n"
	"	lidt idtr32 - events32 + 0x100000\n"
	"	xor %esi, %esi\n"
	"	int $0x30\n"
	"	int3\n"
	"	sti\n"
	"	hlt\n"
	"	hlt\n"
	"handler32:\n"
	"	inc %esi\n"
	"	iretl\n"
	"idtr32:	.word 0x27f\n"
	"	.long 0x180000\n")

CASE(interrupts_come_through_the_idt)
{
	struct cpu *c = start(events32, events32_end);
	struct kvm_interrupt irq = { .irq = 0x40 };

	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ((u32)cpu_get_regs(c).rsi, 2);
	CHECK_OK(ioctl(c->fd, KVM_INTERRUPT, &irq));
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ((u32)cpu_get_regs(c).rsi, 3);
}

static void debug(struct cpu *c, u32 control, u64 address)
{
	struct kvm_guest_debug d = { .control = control };

	d.arch.debugreg[0] = address;
	d.arch.debugreg[7] = DR7_ONE | 2;
	CHECK_OK(ioctl(c->fd, KVM_SET_GUEST_DEBUG, &d));
}

CODE32(steps32,
	"	mov %cr3, %eax\n"
	"	mov %eax, %cr3\n"
	"	outb %al, $0x80\n"
	"	nop\n"
	"	nop\n"
	"	hlt\n")

CASE(a_debugger_steps_and_breaks)
{
	static const u8 length[] = { 3, 3, 2, 1 };
	struct cpu *c = start(steps32, steps32_end);
	u64 pc = LAY_SCRATCH;
	u32 i;

	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0);
	for (i = 0; i < ARRAY_LEN(length); i++) {
		pc += length[i];
		cpu_go(c);
		if (c->run->exit_reason == KVM_EXIT_IO)
			cpu_go(c);
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_DEBUG);
		CHECK_EQ(c->run->debug.arch.pc, pc);
	}
	start_on(c, steps32, steps32_end);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, LAY_SCRATCH + 9);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	cpu_expect_exit(c, KVM_EXIT_DEBUG);
	CHECK_EQ(c->run->debug.arch.pc, LAY_SCRATCH + 9);
	debug(c, 0, 0);
	cpu_expect_exit(c, KVM_EXIT_HLT);
}

/* Tables of the guest's at 0x190000: 4 MiB at 4 MiB are those at 0. */
CODE32(toggle32,
	"	mov $0x190000, %edi\n"
	"	movl $0x83, (%edi)\n"
	"	movl $0x83, 4(%edi)\n"
	"	mov %edi, %cr3\n"
	"	mov $0x10, %eax\n"
	"	mov %eax, %cr4\n"
	"	mov $200, %ecx\n"
	"1:	mov %cr0, %eax\n"
	"	or $0x80000000, %eax\n"
	"	mov %eax, %cr0\n"
	"	jmp 2f\n"
	"2:	incl 0x580000\n"		/* 0x180000 */
	"	mov %cr0, %eax\n"
	"	and $0x7fffffff, %eax\n"
	"	mov %eax, %cr0\n"
	"	incl 0x580000\n"		/* itself */
	"	mov %cr3, %ebx\n"
	"	loop 1b\n"
	"	hlt\n")

CASE(paging_on_and_off)
{
	struct cpu *c = start(toggle32, toggle32_end);
	u32 *high = box_memory(c->box, 1, 0, 0x580000, PAGE);

	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(*(u32 *)box_hva(c->box, 0x180000), 200);
	CHECK_EQ(*high, 200);
	CHECK_EQ((u32)cpu_get_regs(c).rbx, 0x190000);
	CHECK_EQ(cpu_get_sregs(c).cr3, 0x190000);
}

static void run_loop(struct cpu *c)
{
	start_on(c, loop32, loop32_end);
	*(u32 *)box_hva(c->box, 0x180000) = 0;
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(*(u32 *)box_hva(c->box, 0x180000), ROUNDS);
}

/* The ABI forbids it; who does it anyway gets a guest that works, or an error for the slot. */
CASE(a_slot_where_the_map_is)
{
	struct cpu *c = cpu_new(box_new(), 0);
	void *mem = host_pages(PAGE);

	run_loop(c);
	if (box_try_slot(c->box, 1, 0, MAP_ADDR, PAGE, mem)) {
		CHECK_EQ(errno, EEXIST);
		return;
	}
	memset(mem, 0xee, PAGE);
	run_loop(c);
	CHECK_EQ(*(u8 *)mem, 0xee);
	box_try_slot(c->box, 1, 0, MAP_ADDR, 0, mem);
	run_loop(c);
}

CASE(the_address_is_set_before_vcpus)
{
	struct box *b = box_new();
	u64 addr = 0x50000000;
	struct cpu *c;

	CHECK_ERR(ioctl(b->fd, KVM_SET_IDENTITY_MAP_ADDR, 1), EFAULT);
	CHECK_OK(ioctl(b->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr));
	CHECK_OK(ioctl(b->fd, KVM_SET_TSS_ADDR, 0x50001000));
	CHECK_ERR(ioctl(b->fd, KVM_SET_TSS_ADDR, 0xfffff000), EINVAL);
	c = cpu_new(b, 0);
	CHECK_ERR(ioctl(b->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr), EINVAL);
	run_loop(c);
	run_loop(c);
}

static void *loop_in_thread(void *cpu)
{
	cpu_expect_exit(cpu, KVM_EXIT_HLT);
	return NULL;
}

CODE32(two32,
	"	mov $20000, %ecx\n"
	"1:	lock incl 0x180000\n"
	"	mov %cr3, %eax\n"
	"	loop 1b\n"
	"	hlt\n")

CASE(two_vcpus_share_the_map)
{
	struct box *b = box_new();
	struct cpu *c[2];
	pthread_t t[2];
	u32 i;

	for (i = 0; i < 2; i++)
		c[i] = start_on(cpu_new(b, i), two32, two32_end);
	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, loop_in_thread, c[i]);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(*(u32 *)box_hva(b, 0x180000), 2 * ROUNDS);
}

CODE32(dirty32,
	"	movl $1, 0x680000\n"
	"	hlt\n"
	"	movl $1, 0x682000\n"
	"	hlt\n")

CASE(dirty_pages_are_logged)
{
	struct cpu *c = start(dirty32, dirty32_end);
	u64 bits = 0;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &bits };

	box_memory(c->box, 1, KVM_MEM_LOG_DIRTY_PAGES, 0x680000, 16 * PAGE);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_OK(ioctl(c->box->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(bits, 1);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_OK(ioctl(c->box->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(bits, 4);
}
