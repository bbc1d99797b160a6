// SPDX-License-Identifier: GPL-2.0-only
/*
 * CR4.UMIP hides the system tables from code at CPL 3, also on a processor that
 * lacks it where KVM can make up for that.
 */
#include "user_try.h"

#define GF_UMIP_ECX (1u << 2)

static bool has_umip(void)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid_supported(), 7, 0);

	return e && (e->ecx & GF_UMIP_ECX);
}

static volatile u16 table[8] GUEST_DATA;

/* Faults of the instructions that tell: vector and error code, a bit each that was neither */
static GUEST void tell_me(void)
{
	u64 odd;

	for (;;) {
		odd = 0;
#define TELL(n, insn) do {						\
	u64 r_ = U_TRY(insn, G_NONE, G_LIST("r"(table)));		\
									\
	odd |= (u64)(r_ == VEC_GP && !err) << (n) |			\
	       (u64)(r_ != VEC_GP && r_ != G_NO_TRAP) << ((n) + 32);	\
} while (0)
		TELL(0, "sgdt (%1)");
		TELL(1, "sidt (%1)");
		TELL(2, "sldt (%1)");
		TELL(3, "str (%1)");
		TELL(4, "smsw (%1)");
		TELL(5, "sldt %%r11d");
		TELL(6, "str %%r11w");
		U_SAY(1, odd);
	}
}

static struct cpu *scene(void)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	if (!has_umip())
		tap_skip("no UMIP");
	cpu_long_arg(c, to_user, (u64)tell_me);
	return c;
}

static void set_umip(struct cpu *c, bool on)
{
	struct kvm_sregs s = cpu_get_sregs(c);

	s.cr4 = on ? s.cr4 | CR4_UMIP : s.cr4 & ~CR4_UMIP;
	cpu_set_sregs(c, &s);
}

CASE(user_code_faults_while_it_is_on)
{
	/* SMSW does not exit: where the processor has no UMIP it goes on telling. */
	u64 all = processor_has_umip() ? 0x7f : 0x6f;
	struct cpu *c = scene();
	int i;

	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	for (i = 0; i < 3; i++) {
		set_umip(c, true);
		CHECK_EQ(cpu_expect_sync(c, 1), all);
		CHECK_EQ(cpu_expect_sync(c, 1), all);
		set_umip(c, false);
		CHECK_EQ(cpu_expect_sync(c, 1), 0);
	}
}

static volatile u64 seen[8] GUEST_DATA;

G_INLINE u64 cr4(u64 set, u64 clear)
{
	u64 v;

	asm volatile("mov %%cr4, %0" : "=r"(v));
	asm volatile("mov %0, %%cr4" : : "r"((v | set) & ~clear) : "memory");
	asm volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

/* Everything at CPL 0, where UMIP means nothing */
static GUEST void supervisor(void)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) gdt, idt;
	u16 ldt, tr, msw;

	G_CHECK(cr4(CR4_UMIP, 0) & CR4_UMIP);
	asm volatile("sgdt %0" : "=m"(gdt));
	asm volatile("sidt %0" : "=m"(idt));
	asm volatile("sldt %0" : "=m"(ldt));
	asm volatile("smsw %0" : "=r"(msw));
	G_CHECK_EQ(gdt.base, LAY_GDT);
	G_CHECK_EQ(idt.base, LAY_IDT);
	G_CHECK_EQ(ldt, 0);
	G_CHECK_EQ(msw & 1, 1);
	/* The instructions that load exit likewise. */
	gdt.limit -= 8;
	asm volatile("lgdt %0" : : "m"(gdt));
	gdt.limit = 0;
	asm volatile("sgdt %0" : "=m"(gdt));
	seen[0] = gdt.limit;
	idt.limit -= 16;
	asm volatile("lidt %0" : : "m"(idt));
	idt.limit = 0;
	asm volatile("sidt %0" : "=m"(idt));
	seen[1] = idt.limit;
	*(volatile u64 *)(LAY_GDT + SEL_TSS) &= ~(2ull << 40);
	asm volatile("ltr %0" : : "r"((u16)SEL_TSS));
	asm volatile("str %0" : "=r"(tr));
	G_CHECK_EQ(tr, SEL_TSS);
	asm volatile("lldt %0" : : "r"((u16)0));
	/* A load that faults, faults with its own code. */
	G_CHECK_EQ(G_TRY("ltr %%ax", G_NONE, G_LIST("a"((u16)SEL_CODE64))), VEC_GP);
	G_CHECK_EQ(g_percpu()->err, SEL_CODE64);
	G_CHECK(!(cr4(0, CR4_UMIP) & CR4_UMIP));
	g_sync(1, 0);
	g_done();
}

CASE(the_supervisor_is_not_hindered)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs s;
	u16 gdt, idt;

	if (!has_umip())
		tap_skip("no UMIP");
	cpu_long(c, supervisor);
	s = cpu_get_sregs(c);
	gdt = s.gdt.limit;
	idt = s.idt.limit;
	cpu_expect_sync(c, 1);
	CHECK_EQ(GV(b, seen[0]), gdt - 8);
	CHECK_EQ(GV(b, seen[1]), idt - 16);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.gdt.limit, gdt - 8);
	CHECK_EQ(s.tr.selector, SEL_TSS);
	cpu_expect_done(c);
}
