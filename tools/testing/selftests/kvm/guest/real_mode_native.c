// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real mode on processors that run it as virtual-8086 mode, or not at all: what
 * that mode has otherwise, is the guest's as in real mode.
 */
/* modules: kvm-intel.unrestricted_guest=0 */
#include "box.h"

#define ROUNDS 20000

static struct cpu *start_in(struct box *b, const u8 *from, const u8 *to)
{
	struct cpu *c = cpu_new(b, 0);

	if (!on_intel())
		tap_skip("SVM runs each mode as it is");
	box_real_code(b, from, to);
	cpu_real(c, LAY_REAL);
	return c;
}

static struct cpu *start(const u8 *from, const u8 *to)
{
	return start_in(box_new(), from, to);
}

static void vector(struct cpu *c, u8 vec, const u8 *from, const u8 *handler)
{
	*(u32 *)box_hva(c->box, 4 * vec) = LAY_REAL + (handler - from);
}

REAL_CODE(loop16,
	"	mov $20000, %cx\n"
	"1:	incw 0x9000\n"
	"	mov %ds, %ax\n"
	"	mov %ax, %es\n"
	"	pushf\n"
	"	popf\n"
	"	cli\n"
	"	call 2f\n"
	"	loop 1b\n"
	"	hlt\n"
	"2:	ret\n")

CASE(it_runs_on_the_processor)
{
	struct cpu *c = start(loop16, loop16_end);

	cpu_hlt_natively(c, ROUNDS);
	CHECK_EQ(*(u16 *)box_hva(c->box, 0x9000), ROUNDS);
}

/* A handler per vector, which notes vector, flags and where it came from, and skips some bytes. */
#define HANDLER(vec, skip)						\
	"trap" #vec ":\n"						\
	"	push %bp\n"						\
	"	mov %sp, %bp\n"						\
	"	movb $" #vec ", %cs:(%di)\n"				\
	"	inc %di\n"						\
	"	addw $" #skip ", 2(%bp)\n"				\
	"	pop %bp\n"						\
	"	iret\n"

REAL_CODE(traps16,
	"	mov $0x9000, %di\n"
	"	xor %cx, %cx\n"
	"	div %cx\n"			/* 2 bytes: 0 */
	"	int3\n"				/* 3 */
	"	mov $0x7f, %al\n"
	"	add %al, %al\n"
	"	into\n"				/* 4 */
	"	mov $9, %ax\n"
	"	movw $1, 0x8f00\n"
	"	movw $5, 0x8f02\n"
	"	bound %ax, 0x8f00\n"		/* 4 bytes: 5 */
	"	ud2\n"				/* 6 */
	"	mov 0xffff, %bx\n"		/* 4 bytes: 13 */
	"	mov $0xffff, %bp\n"
	"	mov (%bp), %bx\n"		/* 3 bytes: 12 */
	"	int $0x21\n"			/* 33 */
	"	sldt %ax\n"			/* 3 bytes: 6 */
	"	pushf\n"
	"	pop %ax\n"
	"	hlt\n"
	HANDLER(0, 2) HANDLER(3, 0) HANDLER(4, 0) HANDLER(5, 4)
	HANDLER(12, 3) HANDLER(13, 4) HANDLER(33, 0)
	"trap6:\n"
	"	push %bp\n"
	"	mov %sp, %bp\n"
	"	mov 2(%bp), %bp\n"
	"	movb $6, %cs:(%di)\n"
	"	inc %di\n"
	"	cmpb $0x0b, %cs:1(%bp)\n"	/* UD2 */
	"	mov %sp, %bp\n"
	"	je 1f\n"
	"	incw 2(%bp)\n"
	"1:	addw $2, 2(%bp)\n"
	"	pop %bp\n"
	"	iret\n")
extern u8 trap0[], trap3[], trap4[], trap5[], trap6[], trap12[], trap13[], trap33[];

CASE(exceptions_and_interrupts)
{
	static const u8 expect[] = { 0, 3, 4, 5, 6, 13, 12, 33, 6 };
	struct cpu *c = start(traps16, traps16_end);
	struct kvm_regs r;

	vector(c, 0, traps16, trap0);
	vector(c, 3, traps16, trap3);
	vector(c, 4, traps16, trap4);
	vector(c, 5, traps16, trap5);
	vector(c, 6, traps16, trap6);
	vector(c, 12, traps16, trap12);
	vector(c, 13, traps16, trap13);
	vector(c, 33, traps16, trap33);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	r = cpu_get_regs(c);
	CHECK_MEM_EQ(box_hva(c->box, 0x9000), expect, sizeof(expect));
	CHECK_EQ(r.rdi & 0xffff, 0x9000 + sizeof(expect));
	CHECK_EQ(r.rsp & 0xffff, 0x7000);
}

REAL_CODE(privileged16,
	"	sgdtl 0x9000\n"
	"	sidtl 0x9008\n"
	"	smsw %ax\n"
	"	mov %ax, 0x9010\n"
	"	mov %cr0, %eax\n"
	"	mov %eax, 0x9014\n"
	"	mov %cr3, %eax\n"
	"	mov %eax, 0x9018\n"
	"	mov %cr4, %eax\n"
	"	mov %eax, 0x901c\n"
	"	outb %al, $0x80\n"
	"	mov %cr0, %eax\n"
	"	or $8, %al\n"			/* TS */
	"	mov %eax, %cr0\n"
	"	mov %cr0, %ebx\n"
	"	clts\n"
	"	mov $0x174, %ecx\n"		/* SYSENTER_CS */
	"	mov $0x18, %eax\n"
	"	xor %edx, %edx\n"
	"	wrmsr\n"
	"	xor %eax, %eax\n"
	"	rdmsr\n"
	"	mov %dr7, %edx\n"
	"	lidtl 0x9008\n"
	"	lgdtl 0x9000\n"
	"	invlpg 0x9000\n"
	"	wbinvd\n"
	"	hlt\n"
	"	sysenter\n"			/* 2 bytes: 13 */
	"	hlt\n"
	"trap_sysenter:\n"
	"	mov $0x5e, %bl\n"
	"	hlt\n")
extern u8 trap_sysenter[];

/* # stock: expected fail because without unrestricted guest SYSENTER works in real mode */
CASE_STOCK_FAILS(privileged_instructions, "SYSENTER works in real mode without unrestricted guest")
{
	struct cpu *c = start(privileged16, privileged16_end);
	struct kvm_sregs s = cpu_get_sregs(c), t;
	u8 *at = box_hva(c->box, 0x9000);

	s.gdt.base = 0x1000;
	s.gdt.limit = 0x77;
	s.idt.base = 0;
	s.idt.limit = 0x3ff;
	s.cr3 = 0x345000;
	s.cr4 = CR4_PAE | CR4_OSFXSR;
	s.efer = EFER_LME;
	cpu_set_sregs(c, &s);
	vector(c, 13, privileged16, trap_sysenter);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	CHECK_EQ(*(u16 *)at, 0x77);
	CHECK_EQ(*(u32 *)(at + 2), 0x1000);
	CHECK_EQ(*(u16 *)(at + 8), 0x3ff);
	CHECK_EQ(*(u32 *)(at + 10), 0);
	CHECK_EQ(*(u16 *)(at + 0x10), s.cr0 & 0xffff);
	CHECK_EQ(*(u32 *)(at + 0x14), s.cr0);
	CHECK_EQ(*(u32 *)(at + 0x18), 0x345000);
	CHECK_EQ(*(u32 *)(at + 0x1c), CR4_PAE | CR4_OSFXSR);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	t = cpu_get_sregs(c);
	CHECK_EQ((u32)cpu_get_regs(c).rbx, s.cr0 | CR0_TS);
	CHECK_EQ((u32)cpu_get_regs(c).rax, 0x18);
	CHECK_EQ((u32)cpu_get_regs(c).rdx, DR7_ONE);
	CHECK_EQ(t.cr0, s.cr0);
	CHECK_EQ(t.efer, s.efer);
	CHECK_EQ(t.idt.limit, 0x3ff);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rbx & 0xff, 0x5e);
}

/* State in the middle of it, and back: the guest's own. */
REAL_CODE(state16,
	"	mov $0x1234, %ax\n"
	"	mov %ax, %es\n"
	"	sti\n"
	"	nop\n"
	"	outb %al, $0x80\n"
	"	nop\n"
	"	outb %al, $0x81\n"
	"	mov %es, %bx\n"
	"	hlt\n")

CASE(user_space_sees_the_guests_state)
{
	struct cpu *c = start(state16, state16_end);
	struct kvm_sregs before = cpu_get_sregs(c), s;
	struct kvm_regs r;

	before.ldt.base = 0x5000;
	before.ldt.limit = 0x1f;
	before.ldt.selector = 0x28;
	before.idt.limit = 0x3ff;
	before.tr.base = 0x3000;
	before.tr.limit = 0x67;
	cpu_set_sregs(c, &before);
	before = cpu_get_sregs(c);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	s = cpu_get_sregs(c);
	r = cpu_get_regs(c);
	CHECK_EQ(r.rflags, RFLAGS_ONE | RFLAGS_IF);
	CHECK_EQ(s.es.selector, 0x1234);
	CHECK_EQ(s.es.base, 0x12340);
	CHECK_EQ(s.es.dpl, before.es.dpl);
	CHECK_EQ(s.es.type, before.es.type);
	before.es = s.es;
	/* a type of code is none that real mode needs: some processors forget it */
	before.cs.type = s.cs.type;
	CHECK_MEM_EQ(&s, &before, offsetof(struct kvm_sregs, interrupt_bitmap));
	cpu_set_sregs(c, &s);
	cpu_set_regs(c, &r);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x81, 1, 1);
	s.es.selector = 0x2000;
	s.es.base = 0x20000;
	cpu_set_sregs(c, &s);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rbx & 0xffff, 0x2000);
	s = cpu_get_sregs(c);
	CHECK_MEM_EQ(&s.ldt, &before.ldt, sizeof(s.ldt));
	CHECK_MEM_EQ(&s.tr, &before.tr, sizeof(s.tr));
}

/* Segments of 4 GiB, as real mode has them that comes from protected mode */
REAL_CODE(big16,
	"	mov $1000, %cx\n"
	"1:	addr32 incl %ds:0x180000\n"
	"	loop 1b\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %ds\n"			/* the limit stays */
	"	addr32 incl %ds:0x180000\n"
	"	hlt\n")

CASE(big_real_mode)
{
	struct cpu *c = start(big16, big16_end);
	struct kvm_sregs s = cpu_get_sregs(c);

	s.ds.limit = 0xffffffff;
	s.ds.g = 1;
	cpu_set_sregs(c, &s);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(*(u32 *)box_hva(c->box, 0x180000), 1001);
	CHECK_EQ(cpu_get_sregs(c).ds.limit, 0xffffffff);
}

/* In through the CPU's pin, by an 8259 of the kernel */
REAL_CODE(pic16,
	"	mov $0x11, %al\n"
	"	out %al, $0x20\n"
	"	mov $0x40, %al\n"
	"	out %al, $0x21\n"
	"	mov $4, %al\n"
	"	out %al, $0x21\n"
	"	mov $3, %al\n"			/* automatic EOI */
	"	out %al, $0x21\n"
	"	mov $0xfe, %al\n"
	"	out %al, $0x21\n"
	"	mov $0x70, %al\n"
	"	sti\n"
	"	outb %al, $0x80\n"
	"1:	cmpw $3, 0x9000\n"
	"	jb 1b\n"
	"	outb %al, $0x81\n"
	"2:	jmp 2b\n"
	"pic_handler:\n"
	"	incw 0x9000\n"
	"	outb %al, $0x82\n"
	"	iret\n")
extern u8 pic_handler[];

static void line(struct box *b, u32 level)
{
	struct kvm_irq_level l = { .irq = 0, .level = level };

	CHECK_OK(ioctl(b->fd, KVM_IRQ_LINE, &l));
}

CASE(interrupts_of_the_8259)
{
	struct box *b = box_new();
	struct cpu *c;
	u32 i;

	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	c = start_in(b, pic16, pic16_end);
	vector(c, 0x40, pic16, pic_handler);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	for (i = 1; i <= 3; i++) {
		line(b, 1);
		line(b, 0);
		cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x82, 1, 1);
		CHECK_EQ(*(u16 *)box_hva(b, 0x9000), i);
	}
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x81, 1, 1);
}

/* One that comes while interrupts are disabled waits for the window. */
REAL_CODE(window16,
	"	cli\n"
	"	outb %al, $0x80\n"
	"	mov $5000, %cx\n"
	"1:	loop 1b\n"
	"	sti\n"
	"	nop\n"
	"2:	jmp 2b\n"
	"window_handler:\n"
	"	pop %bx\n"
	"	pop %dx\n"
	"	pop %si\n"
	"	hlt\n")
extern u8 window_handler[];

CASE(an_interrupt_waits_for_the_window)
{
	struct cpu *c = start(window16, window16_end);
	struct kvm_interrupt irq = { .irq = 0x40 };
	struct kvm_regs r;

	vector(c, 0x40, window16, window_handler);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	c->run->request_interrupt_window = 1;
	cpu_expect_exit(c, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(cpu_get_regs(c).rcx & 0xffff, 0);
	c->run->request_interrupt_window = 0;
	CHECK_OK(ioctl(c->fd, KVM_INTERRUPT, &irq));
	cpu_expect_exit(c, KVM_EXIT_HLT);
	r = cpu_get_regs(c);
	/* what the handler found on its stack, and RFLAGS in it */
	CHECK(r.rbx > LAY_REAL && r.rbx < LAY_REAL + 0x40);
	CHECK_EQ(r.rdx, 0);
	CHECK_EQ(r.rsi & RFLAGS_IF, RFLAGS_IF);
	CHECK_EQ(r.rflags & RFLAGS_IF, 0);
}

/* # stock: expected fail because without unrestricted guest nothing masks the next NMI */
CASE_STOCK_FAILS(an_nmi_is_masked_until_iret, "nothing masks the next NMI without unrestricted guest")
{
	struct cpu *c = start(traps16, traps16_end);

	/* HLT, IRET */
	*(u8 *)box_hva(c->box, 0x7e00) = 0xf4;
	*(u8 *)box_hva(c->box, 0x7e01) = 0xcf;
	*(u32 *)box_hva(c->box, 4 * VEC_NMI) = 0x7e00;
	memset(box_hva(c->box, LAY_REAL), 0x90, 8);
	*(u8 *)box_hva(c->box, LAY_REAL + 8) = 0xf4;
	CHECK_OK(ioctl(c->fd, KVM_NMI));
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rip, 0x7e01);
	CHECK_OK(ioctl(c->fd, KVM_NMI));
	CHECK_EQ(cpu_get_vcpu_events(c).nmi.masked, 1);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	/* the second one came after IRET of the first */
	CHECK_EQ(cpu_get_regs(c).rip, 0x7e01);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rip, LAY_REAL + 9);
	CHECK_EQ(cpu_get_vcpu_events(c).nmi.masked, 0);
}

static void debug(struct cpu *c, u32 control, u64 address)
{
	struct kvm_guest_debug d = { .control = control };

	d.arch.debugreg[0] = address;
	d.arch.debugreg[7] = DR7_ONE | 2;
	CHECK_OK(ioctl(c->fd, KVM_SET_GUEST_DEBUG, &d));
}

REAL_CODE(steps16,
	"	nop\n"
	"	inc %ax\n"
	"	outb %al, $0x80\n"
	"	mov %cr0, %eax\n"
	"	cli\n"
	"	int3\n"
	"	hlt\n")

CASE(a_debugger_steps_and_breaks)
{
	static const u8 length[] = { 1, 1, 2, 3, 1 };
	struct cpu *c = start(steps16, steps16_end);
	u64 pc = LAY_REAL;
	u32 i;

	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0);
	for (i = 0; i < ARRAY_LEN(length); i++) {
		pc += length[i];
		cpu_go(c);
		if (c->run->exit_reason == KVM_EXIT_IO)
			cpu_go(c);
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_DEBUG);
		CHECK_EQ(c->run->debug.arch.pc, pc);
		CHECK_EQ(cpu_get_regs(c).rflags & RFLAGS_TF, 0);
	}
	debug(c, 0, 0);
	cpu_real(c, LAY_REAL);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, LAY_REAL + 1);
	cpu_expect_exit(c, KVM_EXIT_DEBUG);
	CHECK_EQ(c->run->debug.arch.pc, LAY_REAL + 1);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	cpu_expect_exit(c, KVM_EXIT_DEBUG);
	CHECK_EQ(c->run->debug.arch.exception, VEC_BP);
	CHECK_EQ(c->run->debug.arch.pc, pc);
}

/* The guest's own TF: a trap behind each instruction, whoever executed it. */
REAL_CODE(trace16,
	"	xor %di, %di\n"
	"	pushf\n"
	"	pop %ax\n"
	"	or $0x100, %ax\n"
	"	push %ax\n"
	"	popf\n"
	"	nop\n"				/* 1 */
	"	mov %cr0, %eax\n"		/* 2 */
	"	outb %al, $0x80\n"		/* 3 */
	"	pushf\n"			/* 4 */
	"	pop %ax\n"			/* 5 */
	"	and $0xfeff, %ax\n"		/* 6 */
	"	push %ax\n"			/* 7 */
	"	popf\n"				/* 8 */
	"	nop\n"
	"	hlt\n"
	"trace_handler:\n"
	"	inc %di\n"
	"	iret\n")
extern u8 trace_handler[];

CASE(the_guest_steps_itself)
{
	struct cpu *c = start(trace16, trace16_end);

	vector(c, VEC_DB, trace16, trace_handler);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rdi & 0xffff, 8);
}

REAL_CODE(dirty16,
	"	mov $0x9000, %ax\n"
	"	mov %ax, %ds\n"
	"	movb $1, 0x2000\n"
	"	hlt\n")

CASE(dirty_pages_are_logged)
{
	struct cpu *c = start(dirty16, dirty16_end);
	static u64 bits[LAY_RAM / PAGE / 64];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bits };

	box_slot(c->box, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, LAY_RAM, c->box->ram);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_OK(ioctl(c->box->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(bits[2], 1ull << (0x92 - 0x80));
}
