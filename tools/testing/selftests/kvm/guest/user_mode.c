// SPDX-License-Identifier: GPL-2.0-only
/* Code at CPL 3: what it may not do faults, also where KVM steps in. */
#include "user_try.h"

#define U_CHECK(insn, want) do {					\
	u64 got_ = U_TRY(insn, G_NONE, G_NONE);					\
									\
	if (got_ != (want))						\
		U_SAY(1000 + __LINE__, got_);				\
} while (0)

static GUEST void privileged(void)
{
	u64 r;

	U_CHECK("cli", VEC_GP);
	U_CHECK("hlt", VEC_GP);
	U_CHECK("mov %%cr0, %%r11", VEC_GP);
	U_CHECK("mov %%r11, %%cr3", VEC_GP);
	U_CHECK("mov %%dr7, %%r11", VEC_GP);
	U_CHECK("clts", VEC_GP);
	U_CHECK("invlpg (%%r11)", VEC_GP);
	U_CHECK("lgdt (%%r11)", VEC_GP);
	U_CHECK("inb $0x70, %%al", VEC_GP);
	U_CHECK("outb %%al, $0x70", VEC_GP);
	r = U_TRY("rdmsr", G_NONE, "c"(MSR_PAT));
	if (r != VEC_GP)
		U_SAY(2000, r);
	r = U_TRY("wrmsr", G_NONE, G_LIST("c"(MSR_PAT), "a"(0), "d"(0)));
	if (r != VEC_GP)
		U_SAY(2001, r);
	r = U_TRY("xsetbv", G_NONE, G_LIST("c"(0), "a"(1), "d"(0)));
	if (r != VEC_GP && r != VEC_UD)
		U_SAY(2002, r);
	U_SAY(1, 0);
	for (;;)
		;
}

static struct cpu *scene(void (*user)(void))
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long_arg(c, to_user, (u64)user);
	return c;
}

CASE(privileged_instructions_fault)
{
	struct cpu *c = scene(privileged);

	if (cpu_go(c) != HEARD_SYNC)
		DIE("exit %s", exit_name(c->run->exit_reason));
	if (c->stage != 1)
		DIE("line or code %llu: vector %llu",
		    (unsigned long long)c->stage,
		    (unsigned long long)c->value);
}

static GUEST void mmio(void)
{
	U_SAY(1, g_read32(LAY_MMIO));
	g_write32(LAY_MMIO + 4, 0x99);
	U_SAY(2, 0);
	for (;;)
		;
}

CASE(mmio_that_user_code_may_access)
{
	struct cpu *c = scene(mmio);

	cpu_expect_mmio(c, false, LAY_MMIO, 4);
	*(u32 *)c->run->mmio.data = 0x4711;
	CHECK_EQ(cpu_expect_sync(c, 1), 0x4711);
	cpu_expect_mmio(c, true, LAY_MMIO + 4, 4);
	cpu_expect_sync(c, 2);
}

#define SUPER (0x12ull << 40)

static GUEST void forbidden_mmio(void)
{
	u64 r;

	r = U_TRY("movl (%1), %%r11d", G_NONE, G_LIST("r"(SUPER)));
	U_SAY(1, r << 8 | err);
	r = U_TRY("movl %%r11d, (%1)", G_NONE, G_LIST("r"(SUPER)));
	U_SAY(2, r << 8 | err);
	for (;;)
		;
}

CASE(mmio_on_a_supervisor_page_is_a_page_fault)
{
	struct cpu *c = scene(forbidden_mmio);

	box_map(c->box, SUPER, LAY_MMIO | PT_P | PT_W);
	/* every level allows user access but the last */
	CHECK_EQ(cpu_expect_sync(c, 1), VEC_PF << 8 | 5);
	CHECK_EQ(cpu_expect_sync(c, 2), VEC_PF << 8 | 7);
}

static GUEST void vmmcall(void)
{
	u64 r = 0x1234;

	asm volatile("vmmcall" : "+a"(r) : : "memory");
	U_SAY(1, r);
	for (;;)
		;
}

CASE(hypercalls_from_user_mode_are_not_permitted)
{
	struct cpu *c = scene(vmmcall);

	/* -EPERM of the hypercall ABI */
	CHECK_EQ(cpu_expect_sync(c, 1), -1ull);
}

static GUEST void allowed(void)
{
	u32 a, b, c, d;

	g_cpuid(0, 0, &a, &b, &c, &d);
	g_rdtsc();
	g_pause();
	U_SAY(1, a);
	for (;;)
		;
}

CASE(cpuid_and_rdtsc_work)
{
	struct cpu *c = scene(allowed);

	CHECK_EQ(cpu_expect_sync(c, 1),
		 cpuid_find(cpuid_supported(), 0, 0)->eax);
}

/* The I/O permission bitmap of the TSS opens single ports. */
static GUEST void ports(void)
{
	u64 r;

	r = U_TRY("outb %%al, %%dx", G_NONE, G_LIST("a"(0x5a), "d"(0x80)));
	U_SAY(1, r);
	r = U_TRY("outb %%al, %%dx", G_NONE, G_LIST("a"(0x5a), "d"(0x81)));
	U_SAY(2, r);
	r = U_TRY("outw %%ax, %%dx", G_NONE, G_LIST("a"(0x5a), "d"(0x80)));
	U_SAY(3, r);
	for (;;)
		;
}

/* LTR, as a kernel does it: QEMU's processor wants the type it leaves. */
static GUEST void load_tr_then_to_user(u64 entry)
{
	*(volatile u64 *)(LAY_GDT + SEL_TSS) &= ~(2ull << 40);
	asm volatile("ltr %0" : : "r"((u16)SEL_TSS));
	to_user(entry);
}

CASE(the_bitmap_opens_ports)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *tss = box_hva(b, LAY_TSS);

	cpu_long_arg(c, load_tr_then_to_user, (u64)ports);
	memset(tss + 0x68, 0xff, 0x20);
	tss[0x68 + 0x10] = 0xfe;		/* port 0x80 only */
	*(u16 *)box_hva(b, LAY_GDT + SEL_TSS) = 0x68 + 0x1f;
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x80, 1, 1);
	CHECK_EQ(cpu_expect_sync(c, 1), G_NO_TRAP);
	CHECK_EQ(cpu_expect_sync(c, 2), VEC_GP);
	CHECK_EQ(cpu_expect_sync(c, 3), VEC_GP);
}
