// SPDX-License-Identifier: GPL-2.0-only
/*
 * System management mode: KVM_SMI and messages, the state-save area, its own address
 * space, what is masked and latched meanwhile, and RSM.
 */
#include <pthread.h>
#include <stdlib.h>
#include "apic.h"
#include "irqs.h"

#define SMBASE		0x30000ul
#define MOVED		0x50000ul
#define SMRAM_SLOT	(1u << 16)
#define HANDLER		0x8000
/* SDM and APM: offsets in the state-save area of a processor with long mode */
#define SAVED_AREA	0xfe00
#define SAVED_HALT	0xfec9
#define SAVED_REVISION	0xfefc
#define SAVED_BASE	0xff00
#define SAVED_EFER	0xfed0
#define SAVED_SHADOW	0xfef0
#define SAVED_CR4	0xff48
#define SAVED_CR0	0xff58
#define SAVED_RFLAGS	0xff70
#define SAVED_RAX	0xfff8
#define IA32_SMBASE	0x9e
#define PORT		0x80
#define VEC		0x51

#define HANDLER_CODE(name, body) GUEST_CODE(16, name, body "	rsm\n")

HANDLER_CODE(says_so, "	mov $0x5a, %al\n	out %al, $0x80\n")
HANDLER_CODE(says_it_twice, "	out %al, $0x80\n	out %al, $0x80\n")
HANDLER_CODE(moves, "	movl $0x50000, %cs:0xff00\n	out %al, $0x80\n")
HANDLER_CODE(breaks_cr0, "	movl $0x80000000, %cs:0xff58\n")
HANDLER_CODE(forgets_the_halt, "	movb $0, %cs:0xfec9\n	out %al, $0x80\n")
/* An IRET to where it stands, on a stack of its own */
HANDLER_CODE(irets,
	"	mov $0x3000, %ax\n"
	"	mov %ax, %ss\n"
	"	mov $0x9000, %sp\n"
	"	pushf\n"
	"	push %cs\n"
	"	push $1f - irets + 0x8000\n"
	"	iret\n"
	"1:	out %al, $0x80\n")
HANDLER_CODE(big_segments,
	"	mov $0x12345678, %ebx\n"
	"	mov $0x39000, %edi\n"
	"	addr32 mov %ebx, %es:(%edi)\n"
	"	out %al, $0x80\n")

static volatile u64 go GUEST_DATA, ticks GUEST_DATA, got GUEST_DATA;

/* A handler in SMRAM, which nobody else sees. */
static u8 *smram_at(struct box *b, u32 slot, u64 base, const u8 *from, const u8 *to)
{
	u8 *p = box_memory(b, SMRAM_SLOT | slot, 0, base, 0x10000);

	memcpy(p + HANDLER, from, to - from);
	return p;
}

#define SMRAM(b, name) smram_at(b, 1, SMBASE, name, name##_end)

static void smi(struct cpu *c)
{
	CHECK_OK(ioctl(c->fd, KVM_SMI, 0));
}

static void send(struct box *b, u32 data)
{
	CHECK_OK(ioctl(b->fd, KVM_SIGNAL_MSI, &(struct kvm_msi){ .address_lo = IRQS_APIC, .data = data }));
}

/* With that handler the guest has come to its first step. Returns SMRAM. */
static u8 *begin(struct cpu *c, const u8 *from, const u8 *to, void (*entry)(void))
{
	u8 *ram = smram_at(c->box, 1, SMBASE, from, to);

	cpu_long(c, entry);
	cpu_expect_sync(c, 1);
	return ram;
}

#define BEGIN(c, name, entry) begin(c, name, name##_end, entry)

static void expect_handler(struct cpu *c)
{
	cpu_expect_io(c, KVM_EXIT_IO_OUT, PORT, 1, 1);
	CHECK(c->run->flags & KVM_RUN_X86_SMM);
}

static volatile u64 kept[15] GUEST_DATA;
static u64 values[15] GUEST_DATA = {
	0x1111222233334444, 0x2222333344445555, 3, 4, 0x5555666677778888, 6, 7,
	8, 9, 10, 0xbbbbccccddddeeee, 12, 13, 14, 15,
};

#define LOAD(reg, i) "	mov values+8*" #i ", %%" #reg "\n"
#define KEEP(reg, i) "	mov %%" #reg ", kept+8*" #i "\n"
#define ALL(X) X(rax, 0) X(rbx, 1) X(rcx, 2) X(rdx, 3) X(rsi, 4) X(rdi, 5) X(rbp, 6) X(r8, 7) \
	X(r9, 8) X(r10, 9) X(r11, 10) X(r12, 11) X(r13, 12) X(r14, 13) X(r15, 14)

/* The SMI comes behind the OUT, between the registers' being loaded and kept. */
static GUEST void registers(void)
{
	u32 i;

	g_sync(1, 0);
	asm volatile("push %%rbp\n"
		     ALL(LOAD)
		     "	out %%al, $0x81\n"
		     ALL(KEEP)
		     "	pop %%rbp\n"
		     : : : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
			   "r13", "r14", "r15", "memory");
	for (i = 0; i < 15; i++)
		G_CHECK_EQ(kept[i], values[i]);
	g_sync(2, 0);
	g_done();
}

CASE(the_handler_runs_and_rsm_comes_back)
{
	struct cpu *c = cpu_new(box_new(), 0);
	u8 *ram;
	struct kvm_regs r;
	struct kvm_sregs s, before;

	NEED_CAP(KVM_CAP_X86_SMM);
	CHECK_EQ(kvm_cap(KVM_CAP_MULTI_ADDRESS_SPACE), 2);
	ram = BEGIN(c, says_so, registers);
	CHECK(!(c->run->flags & KVM_RUN_X86_SMM));
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x81, 1, 1);
	before = cpu_get_sregs(c);
	smi(c);
	CHECK_EQ(cpu_get_vcpu_events(c).smi.pending, 1);
	expect_handler(c);
	CHECK_EQ(*(u8 *)cpu_io_data(c), 0x5a);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.cs.base, SMBASE);
	CHECK_EQ(s.cs.selector, SMBASE >> 4);
	CHECK_EQ(s.ds.limit, 0xffffffff);
	CHECK_EQ(s.ss.base, 0);
	CHECK_EQ(s.cr0 & (CR0_PE | CR0_PG), 0);
	CHECK_EQ(s.cr4, 0);
	CHECK_EQ(s.efer, 0);
	CHECK_EQ(s.cr3, before.cr3);
	CHECK_EQ(cpu_get_debugregs(c).dr7, 0x400);
	r = cpu_get_regs(c);
	CHECK_EQ(r.rip & ~7ul, HANDLER);
	CHECK_EQ(r.rflags, 2);
	CHECK_EQ(*(u32 *)(ram + SAVED_BASE), SMBASE);
	CHECK_EQ(*(u32 *)(ram + SAVED_REVISION), 0x20064);
	CHECK_EQ(*(u64 *)(ram + SAVED_CR0), before.cr0);
	CHECK_EQ(*(u64 *)(ram + SAVED_RAX), 0x1111222233334444);
	CHECK(cpu_get_vcpu_events(c).smi.smm);
	CHECK(!cpu_get_vcpu_events(c).smi.pending);
	cpu_expect_sync(c, 2);
	CHECK(!(c->run->flags & KVM_RUN_X86_SMM));
	CHECK(!cpu_get_vcpu_events(c).smi.smm);
	s = cpu_get_sregs(c);
	CHECK(!memcmp(&s, &before, sizeof(s)));
	cpu_expect_done(c);
}

static GUEST void steps(void)
{
	u64 i;

	for (i = 1; ; i++)
		g_sync(i, 0);
}

CASE(it_has_segments_of_four_gigabytes_and_its_own_memory)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *ram;

	*(u32 *)box_hva(b, SMBASE + 0x9000) = 0x77;
	ram = BEGIN(c, big_segments, steps);
	smi(c);
	expect_handler(c);
	CHECK_EQ(*(u32 *)(ram + 0x9000), 0x12345678);
	CHECK_EQ(*(u32 *)box_hva(b, SMBASE + 0x9000), 0x77);
	cpu_expect_sync(c, 2);
}

#define SMI_COUNT	0x34

CASE(the_base_moves)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	SMRAM(b, moves);
	smram_at(b, 2, MOVED, says_so, says_so_end);
	cpu_long(c, steps);
	cpu_expect_sync(c, 1);
	CHECK_EQ(cpu_get_msr(c, IA32_SMBASE), SMBASE);
	CHECK_EQ(cpu_get_msr(c, SMI_COUNT), 0);
	smi(c);
	expect_handler(c);
	CHECK_EQ(cpu_get_sregs(c).cs.base, SMBASE);
	cpu_expect_sync(c, 2);
	CHECK_EQ(cpu_get_msr(c, IA32_SMBASE), MOVED);
	smi(c);
	expect_handler(c);
	CHECK_EQ(cpu_get_sregs(c).cs.base, MOVED);
	cpu_expect_sync(c, 3);
	CHECK_EQ(cpu_get_msr(c, SMI_COUNT), 2);
	cpu_set_msr(c, IA32_SMBASE, SMBASE);
	cpu_set_msr(c, SMI_COUNT, 7);
	smi(c);
	expect_handler(c);
	CHECK_EQ(cpu_get_sregs(c).cs.base, SMBASE);
	CHECK_EQ(cpu_get_msr(c, SMI_COUNT), 8);
}

static GUEST void rsm_here(void)
{
	G_CHECK_EQ(G_TRY("rsm", G_NONE, G_NONE), VEC_UD);
	g_done();
}

CASE(rsm_is_undefined_elsewhere)
{
	struct cpu *c = cpu_new(box_new(), 0);

	cpu_long(c, rsm_here);
	cpu_expect_done(c);
}

CASE(an_illegal_state_shuts_down)
{
	struct cpu *c = cpu_new(box_new(), 0);

	BEGIN(c, breaks_cr0, steps);
	smi(c);
	cpu_expect_exit(c, KVM_EXIT_SHUTDOWN);
}

static void step(struct cpu *c, u32 control)
{
	struct kvm_guest_debug debug = { .control = control };

	CHECK_OK(ioctl(c->fd, KVM_SET_GUEST_DEBUG, &debug));
}

/* One instruction of whatever RSM has made of the area, or its end. */
static void expect_no_failed_entry(struct cpu *c, u64 offset, u64 val)
{
	unsigned int i;

	step(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
	for (i = 0; i < 3; i++) {
		CHECK_OK(cpu_run(c));
		if (c->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
			DIE("offset %#lx, value %#lx: the entry failed", offset, val);
		if (c->run->exit_reason != KVM_EXIT_DEBUG)
			break;
	}
	step(c, 0);
}

struct write {
	u16 at;
	u8 size;
	u64 val;
};

/* Each set of writes to the area, from the same state */
static void spoil(struct cpu *c, const struct write *sets, unsigned int nr, unsigned int per_set)
{
	u8 *ram = BEGIN(c, says_so, steps);
	struct kvm_vcpu_events events = cpu_get_vcpu_events(c);
	struct kvm_sregs sregs = cpu_get_sregs(c);
	struct kvm_regs regs = cpu_get_regs(c);
	unsigned int i, k;

	events.flags |= KVM_VCPUEVENT_VALID_SMM | KVM_VCPUEVENT_VALID_SHADOW;
	for (i = 0; i < nr; i++, sets += per_set) {
		smi(c);
		expect_handler(c);
		for (k = 0; k < per_set; k++)
			memcpy(ram + sets[k].at, &sets[k].val, sets[k].size);
		expect_no_failed_entry(c, sets->at, sets->val);
		cpu_set_vcpu_events(c, &events);
		cpu_set_sregs(c, &sregs);
		cpu_set_regs(c, &regs);
		cpu_set_msr(c, IA32_SMBASE, SMBASE);
	}
}

CASE_STOCK_FAILS(no_area_makes_an_entry_fail, "RSM takes what no processor can hold")
{
	static const u64 values[] = {
		0, ~0ull, 1ull << 62, 1ull << 47, 0x8000000080000000, 0x20002, 0x0f0f0f0f0f0f0f0f,
	};
	static struct write writes[(SAVED_RAX - SAVED_AREA) / 8 * ARRAY_LEN(values)];
	unsigned int i, nr = 0;
	u64 at;

	for (at = SAVED_AREA; at < SAVED_RAX; at += 8)
		for (i = 0; i < ARRAY_LEN(values); i++)
			writes[nr++] = (struct write){ at, 8, values[i] };
	spoil(cpu_new(box_new(), 0), writes, nr, 1);
}

/* Of segments: selector, attributes, limit, base */
#define SAVED_SEG(n)	(SAVED_AREA + 16 * (n))
#define REAL_MODE	{ SAVED_CR0, 8, CR0_ET }, { SAVED_EFER, 8, 0 }, { SAVED_SEG(1) + 2, 2, 0x9b }

CASE_STOCK_FAILS(nor_do_fields_that_do_not_go_together, "RSM takes what no processor can hold")
{
	static const struct write sets[][5] = {
		{ { SAVED_SEG(3) + 2, 2, 0xc93 }, { SAVED_SEG(3) + 4, 4, 0x100000 } },
		{ { SAVED_SEG(9) + 4, 4, 0x100000 } },
		{ { SAVED_SHADOW, 1, 1 }, { SAVED_RFLAGS, 8, RFLAGS_ONE } },
		{ { SAVED_SEG(1) + 2, 2, 0xa93 } },
		{ { SAVED_SEG(1) + 2, 2, 0xeff } },
		{ { SAVED_SEG(2) + 2, 2, 0xcf3 } },
		{ REAL_MODE, { SAVED_CR4, 8, CR4_PCIDE } },
		{ REAL_MODE, { SAVED_SEG(2) + 2, 2, 0xf3 } },
		{ REAL_MODE, { SAVED_RFLAGS, 8, RFLAGS_ONE | RFLAGS_VM } },
		{ REAL_MODE, { SAVED_SEG(8), 2, 4 }, { SAVED_SEG(9), 2, 4 } },
	};

	spoil(cpu_new(box_new(), 0), sets[0], ARRAY_LEN(sets), ARRAY_LEN(sets[0]));
}

/* --- what waits --- */

static GUEST void on_nmi(struct trap *t)
{
	got++;
}

static GUEST void nmi_steps(void)
{
	u64 i;

	g_handlers[VEC_NMI] = on_nmi;
	for (i = 1; ; i++)
		g_sync(i, got);
}

CASE(nmi_and_another_smi_wait_for_its_end)
{
	struct cpu *c = cpu_new(box_new(), 0);

	BEGIN(c, says_so, nmi_steps);
	smi(c);
	expect_handler(c);
	CHECK(cpu_get_vcpu_events(c).nmi.masked);
	CHECK(!cpu_get_vcpu_events(c).smi.smm_inside_nmi);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	smi(c);
	smi(c);
	CHECK_EQ(cpu_get_vcpu_events(c).smi.pending, 1);
	/* Of two SMIs one is kept. */
	expect_handler(c);
	CHECK_EQ(cpu_expect_sync(c, 2), 1);
	CHECK(!cpu_get_vcpu_events(c).nmi.masked);
	CHECK_EQ(cpu_expect_sync(c, 3), 1);
}

static GUEST void on_nmi_that_waits(struct trap *t)
{
	got++;
	g_sync(100, 0);
	g_sync(101, 0);
}

static GUEST void in_nmi(void)
{
	g_handlers[VEC_NMI] = on_nmi_that_waits;
	g_sync(1, 0);
	g_sync(2, got);
	g_done();
}

static void within_an_nmi(struct box *b)
{
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, in_nmi);
	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	cpu_expect_sync(c, 100);
	smi(c);
	expect_handler(c);
	CHECK(cpu_get_vcpu_events(c).smi.smm_inside_nmi);
	cpu_expect_sync(c, 101);
	CHECK(cpu_get_vcpu_events(c).nmi.masked);
	CHECK_EQ(cpu_expect_sync(c, 2), 1);
	CHECK(!cpu_get_vcpu_events(c).nmi.masked);
	cpu_expect_done(c);
}

CASE(one_within_an_nmi_leaves_that_masked)
{
	struct box *b = box_new();

	SMRAM(b, says_so);
	within_an_nmi(b);
}

/* # stock: expected fail because the handler's IRET ends the NMI's masking, too */
CASE_STOCK_FAILS(also_if_the_handler_has_an_iret, "the handler's IRET ends the NMI's masking, too")
{
	struct box *b = box_new();

	SMRAM(b, irets);
	within_an_nmi(b);
}

static GUEST void apic_steps(void)
{
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	steps();
}

CASE(an_init_is_latched)
{
	struct box *b = apic_box();
	struct cpu *c = apic_cpu(b, 0);
	struct kvm_mp_state wait;

	BEGIN(c, says_it_twice, apic_steps);
	smi(c);
	expect_handler(c);
	send(b, 5 << 8 | 1 << 14);
	CHECK(cpu_get_vcpu_events(c).smi.latched_init);
	wait = cpu_get_mp_state(c);
	wait.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	CHECK_ERR(cpu_try_mp_state(c, &wait), EINVAL);
	expect_handler(c);
	CHECK_EQ(cpu_get_regs(c).rip & ~7ul, HANDLER);
	/* The boot CPU goes on at its reset vector, where no memory is. */
	CHECK_EQ(cpu_go(c), HEARD_EXIT);
	CHECK_EQ(cpu_get_sregs(c).cs.selector, 0xf000);
	CHECK(!cpu_get_vcpu_events(c).smi.latched_init);
	CHECK_EQ(cpu_get_msr(c, IA32_SMBASE), SMBASE);
}

/* --- messages, and HLT --- */

CASE(it_comes_as_a_message)
{
	struct box *b = apic_box();
	struct cpu *c = apic_cpu(b, 0);

	BEGIN(c, says_so, apic_steps);
	send(b, 2 << 8);
	expect_handler(c);
	cpu_expect_sync(c, 2);
}

static GUEST void send_to_itself(void)
{
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	g_sync(1, 0);
	g_set_x2apic(APIC_ICR, 2 << 8);
	g_sync(2, 0);
	g_done();
}

CASE(a_processor_sends_it)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	BEGIN(c, says_so, send_to_itself);
	expect_handler(c);
	cpu_expect_sync(c, 2);
	cpu_expect_done(c);
}

static GUEST void count(struct trap *t)
{
	ticks++;
	g_set_x2apic(APIC_EOI, 0);
}

static GUEST void halts(void)
{
	g_handlers[VEC] = count;
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	g_cli();
	g_sync(1, 0);
	g_sti_hlt();
	g_sync(2, ticks);
	g_done();
}

static void *smi_later(void *cpu)
{
	struct cpu *c = cpu;

	usleep(50000);
	send(c->box, 2 << 8);
	return NULL;
}

static void *irq_later(void *cpu)
{
	struct cpu *c = cpu;

	usleep(50000);
	send(c->box, VEC);
	return NULL;
}

/* # stock: expected fail because RSM does not look at the field */
CASE_STOCK_FAILS(a_halted_one_goes_back_to_its_hlt, "RSM does not look at the field")
{
	struct cpu *c = apic_cpu(apic_box(), 0);
	u8 *ram;
	pthread_t t;

	ram = BEGIN(c, says_so, halts);
	CHECK(!pthread_create(&t, NULL, smi_later, c));
	expect_handler(c);
	CHECK_EQ(ram[SAVED_HALT] & 1, 1);
	CHECK(!pthread_join(t, NULL));
	CHECK(!pthread_create(&t, NULL, irq_later, c));
	CHECK_EQ(cpu_expect_sync(c, 2), 1);
	CHECK(!pthread_join(t, NULL));
	cpu_expect_done(c);
}

CASE(a_handler_may_end_the_halt)
{
	struct cpu *c = apic_cpu(apic_box(), 0);
	pthread_t t;

	BEGIN(c, forgets_the_halt, halts);
	CHECK(!pthread_create(&t, NULL, smi_later, c));
	expect_handler(c);
	CHECK(!pthread_join(t, NULL));
	CHECK_EQ(cpu_expect_sync(c, 2), 0);
	cpu_expect_done(c);
}

/* A HLT that does not exit may end by itself. */
static GUEST void halts_often(void)
{
	g_handlers[VEC] = count;
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	g_cli();
	g_sync(1, 0);
	while (!go) {
		g_sti_hlt();
		g_cli();
	}
	g_done();
}

CASE(a_halt_without_exits_does_not_go_on_in_the_handler)
{
	struct box *b = apic_box();
	struct cpu *c;
	pthread_t t;

	if (box_enable(b, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT))
		tap_skip("HLT always exits");
	c = apic_cpu(b, 0);
	BEGIN(c, says_so, halts_often);
	CHECK(!pthread_create(&t, NULL, smi_later, c));
	expect_handler(c);
	CHECK(!pthread_join(t, NULL));
	GV(b, go) = 1;
	send(b, VEC);
	cpu_expect_done(c);
}

/* --- user space --- */

CASE(a_vcpu_in_the_handler_can_be_moved)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);
	struct kvm_vcpu_events e;
	struct kvm_sregs s;
	struct kvm_regs r;

	SMRAM(b, says_it_twice);
	cpu_long(c, steps);
	cpu_long(d, steps);
	cpu_expect_sync(c, 1);
	smi(c);
	expect_handler(c);
	e = cpu_get_vcpu_events(c);
	CHECK(e.flags & KVM_VCPUEVENT_VALID_SMM);
	/* The first access is over when KVM_RUN was called again. */
	expect_handler(c);
	r = cpu_get_regs(c);
	s = cpu_get_sregs(c);
	r.rip = HANDLER;
	cpu_set_sregs(d, &s);
	cpu_set_regs(d, &r);
	cpu_set_vcpu_events(d, &e);
	expect_handler(d);
	expect_handler(d);
	cpu_expect_sync(d, 2);
	CHECK(!cpu_get_vcpu_events(d).smi.smm);

	/* And one that waits */
	e = cpu_get_vcpu_events(d);
	e.flags |= KVM_VCPUEVENT_VALID_SMM;
	e.smi.pending = 1;
	cpu_set_vcpu_events(d, &e);
	expect_handler(d);
	expect_handler(d);
	cpu_expect_sync(d, 3);
}

HANDLER_CODE(real_halts, "	out %al, $0x80\n")
REAL_CODE(real_guest,
	"	mov $0x1234, %ax\n"
	"	mov %ax, %ds\n"
	"	mov $0x1111, %bx\n"
	"	mov $0x2222, %cx\n"
	"	mov $0x3333, %dx\n"
	"	mov $0x4444, %si\n"
	"	mov $0x5555, %di\n"
	"	mov $0x6666, %bp\n"
	"	mov $0x7777, %sp\n"
	"	out %al, $0x70\n"
	"	hlt\n")

static void real_round(struct box *b, struct cpu *c)
{
	struct kvm_regs r;

	box_real_code(b, real_guest, real_guest_end);
	cpu_real(c, LAY_REAL);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x70, 1, 1);
	smi(c);
	expect_handler(c);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	r = cpu_get_regs(c);
	CHECK_EQ(r.rax & 0xffff, 0x1234);
	CHECK_EQ(r.rbx & 0xffff, 0x1111);
	CHECK_EQ(r.rcx & 0xffff, 0x2222);
	CHECK_EQ(r.rdx & 0xffff, 0x3333);
	CHECK_EQ(r.rsi & 0xffff, 0x4444);
	CHECK_EQ(r.rdi & 0xffff, 0x5555);
	CHECK_EQ(r.rbp & 0xffff, 0x6666);
	CHECK_EQ(r.rsp & 0xffff, 0x7777);
	CHECK_EQ(cpu_get_sregs(c).ds.selector, 0x1234);
	CHECK_EQ(cpu_get_sregs(c).ds.base, 0x12340);
}

CASE(from_real_mode)
{
	struct box *b = box_new();

	SMRAM(b, real_halts);
	real_round(b, cpu_new(b, 0));
}

/* SDM: offsets in the area of a processor without long mode */
#define LEGACY_BASE	0xfef8
#define LEGACY_REVISION	0xfefc
#define LEGACY_DS	0xffb4
#define LEGACY_CS	0xffac
#define LEGACY_EIP	0xfff0
#define LEGACY_EFLAGS	0xfff4
#define LEGACY_CR0	0xfffc
#define V86_CS		0x2000

/* A vCPU that has none, in a box with that handler */
static struct cpu *legacy_cpu(struct box *b)
{
	struct kvm_cpuid2 *l = cpuid_supported();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs s;

	cpuid_find(l, 0x80000001, 0)->edx &= ~(1u << 29);
	CHECK_OK(cpu_try_cpuid(c, l));
	free(l);
	s = cpu_get_sregs(c);
	s.efer = EFER_NX;
	cpu_set_sregs(c, &s);
	return c;
}

CASE(without_long_mode)
{
	struct box *b = box_new();
	u8 *ram = SMRAM(b, real_halts);
	struct cpu *c = legacy_cpu(b);

	real_round(b, c);
	CHECK_EQ(cpu_get_sregs(c).efer, EFER_NX);
	CHECK_EQ(*(u32 *)(ram + LEGACY_BASE), SMBASE);
	CHECK_EQ(*(u32 *)(ram + LEGACY_REVISION), 0x20000);
	CHECK_EQ(*(u32 *)(ram + LEGACY_DS), 0x1234);
	CHECK_EQ(*(u32 *)(ram + LEGACY_CR0) & (CR0_PE | CR0_PG), 0);
}

GUEST_CODE(32, protected_guest, "	out %al, $0x70\n	hlt\n	nop\n")

/* The attributes that the protected mode has left in the area are not those of this one. */
CASE_STOCK_FAILS(into_virtual_8086_mode_with_selectors_alone, "it takes the attributes of the area")
{
	struct box *b = box_new();
	u8 *ram = SMRAM(b, says_so);
	struct cpu *c = legacy_cpu(b);
	struct kvm_sregs s;

	memcpy(box_hva(b, LAY_SCRATCH), protected_guest, protected_guest_end - protected_guest);
	cpu_prot32(c, LAY_SCRATCH);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x70, 1, 1);
	smi(c);
	expect_handler(c);
	*(u32 *)(ram + LEGACY_CS) = V86_CS;
	*(u32 *)(ram + LEGACY_EIP) = 0x10;
	*(u32 *)(ram + LEGACY_EFLAGS) = RFLAGS_ONE | RFLAGS_VM;
	memset(box_hva(b, V86_CS * 16), 0x90, 0x20);
	step(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
	/* The OUT of the handler, RSM, which may trap or not, and a NOP */
	do
		cpu_expect_exit(c, KVM_EXIT_DEBUG);
	while (cpu_get_regs(c).rip > 0x11);
	if (cpu_get_regs(c).rip == 0x10)
		cpu_expect_exit(c, KVM_EXIT_DEBUG);
	CHECK_EQ(cpu_get_regs(c).rip, 0x11);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.cs.base, V86_CS * 16);
	CHECK_EQ(s.cs.limit, 0xffff);
	CHECK_EQ(s.ss.dpl, 3);
}
