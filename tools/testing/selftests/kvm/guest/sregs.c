// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET/SET_SREGS and SREGS2: round trips, the guest's view, and every
 * reserved bit: refused, and the state afterwards as it was.
 */
#include "box.h"

#ifndef KVM_GET_SREGS2
#define KVM_GET_SREGS2 _IOR(KVMIO, 0xcc, struct kvm_sregs2)
#define KVM_SET_SREGS2 _IOW(KVMIO, 0xcd, struct kvm_sregs2)
#endif

CPU_STRUCT(sregs2, SREGS2)

static GUEST void idle(void)
{
	for (;;)
		g_sync(1, g_cr0());
}

static struct cpu *scene(void)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, idle);
	cpu_expect_sync(c, 1);
	return c;
}

CASE(what_was_got_can_be_set)
{
	struct cpu *c = scene();
	struct kvm_sregs s = cpu_get_sregs(c), t;

	cpu_set_sregs(c, &s);
	t = cpu_get_sregs(c);
	CHECK_MEM_EQ(&s, &t, sizeof(s));
	cpu_expect_sync(c, 1);
}

CASE(segments_keep_all_their_fields)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs s = cpu_get_sregs(c), t;

	cpu_long(c, idle);
	s = cpu_get_sregs(c);
	s.ds = (struct kvm_segment) {
		.base = 0x12345000, .limit = 0xabcde, .selector = 0x3b,
		.type = 3, .present = 1, .dpl = 3, .db = 1, .s = 1, .avl = 1,
	};
	s.es = (struct kvm_segment) {
		.base = 0, .limit = 0xfffff, .selector = 0x23,
		.type = 1, .present = 1, .s = 1,
	};
	s.fs.base = 0xffff800012345678ull;
	s.gs.base = 0x7fff87654321ull;
	s.ldt = (struct kvm_segment) {
		.base = 0xffff800000001000ull, .limit = 0xff, .selector = 0x60,
		.type = 2, .present = 1,
	};
	s.gdt.base = 0xffff900000000000ull;
	s.gdt.limit = 0x1234;
	s.idt.base = 0x7ffff0000000ull;
	s.idt.limit = 0x4321;
	cpu_set_sregs(c, &s);
	t = cpu_get_sregs(c);
	CHECK_MEM_EQ(&s.ds, &t.ds, sizeof(s.ds));
	CHECK_MEM_EQ(&s.es, &t.es, sizeof(s.es));
	CHECK_MEM_EQ(&s.fs, &t.fs, sizeof(s.fs));
	CHECK_MEM_EQ(&s.gs, &t.gs, sizeof(s.gs));
	CHECK_MEM_EQ(&s.ldt, &t.ldt, sizeof(s.ldt));
	CHECK_EQ(t.gdt.base, s.gdt.base);
	CHECK_EQ(t.gdt.limit, s.gdt.limit);
	CHECK_EQ(t.idt.base, s.idt.base);
	CHECK_EQ(t.idt.limit, s.idt.limit);
}

CASE(an_unusable_segment_stays_so)
{
	struct cpu *c = scene();
	struct kvm_sregs s = cpu_get_sregs(c);

	memset(&s.fs, 0, sizeof(s.fs));
	s.fs.unusable = 1;
	cpu_set_sregs(c, &s);
	CHECK_EQ(cpu_get_sregs(c).fs.unusable, 1);
	CHECK_EQ(cpu_get_sregs(c).fs.present, 0);
	cpu_expect_sync(c, 1);
}

/* Sets through the old and the new ioctl; both must refuse and change nothing. */
static void refused(struct cpu *c, const struct kvm_sregs *s, const char *what,
		    u32 bit)
{
	struct kvm_sregs before = cpu_get_sregs(c), after;
	bool both = kvm_cap(KVM_CAP_SREGS2) > 0;
	struct kvm_sregs2 s2;

	if (cpu_try_sregs(c, s) != -1 || errno != EINVAL)
		DIE("%s bit %u was not refused", what, bit);
	after = cpu_get_sregs(c);
	CHECK_MEM_EQ(&before, &after, sizeof(before));
	if (!both)
		return;
	s2 = cpu_get_sregs2(c);
	s2.cr0 = s->cr0;
	s2.cr3 = s->cr3;
	s2.cr4 = s->cr4;
	s2.efer = s->efer;
	s2.apic_base = s->apic_base;
	if (cpu_try_sregs2(c, &s2) != -1 || errno != EINVAL)
		DIE("SREGS2: %s bit %u was not refused", what, bit);
	after = cpu_get_sregs(c);
	CHECK_MEM_EQ(&before, &after, sizeof(before));
}

/* The bits that no processor defines. */
#define CR0_RESERVED (0xffffffffull << 32)
#define CR4_RESERVED (~0ull << 33)
#define EFER_RESERVED (~0ull << 22 | 0x200 | 0xfe)

#define EACH_BIT(c, field, mask) do {					\
	u64 mask_ = (mask);						\
	u32 bit_;							\
									\
	for (bit_ = 0; bit_ < 64; bit_++) {				\
		struct kvm_sregs s_ = cpu_get_sregs(c);			\
									\
		if (!(mask_ >> bit_ & 1))				\
			continue;					\
		s_.field |= 1ull << bit_;				\
		refused(c, &s_, #field, bit_);				\
	}								\
	cpu_expect_sync(c, 1);						\
} while (0)

CASE(reserved_bits_of_cr0)
{
	struct cpu *c = scene();

	EACH_BIT(c, cr0, CR0_RESERVED);
}

CASE(reserved_bits_of_cr4)
{
	struct cpu *c = scene();

	EACH_BIT(c, cr4, CR4_RESERVED);
}

CASE(bits_of_cr4_that_the_guests_cpuid_lacks)
{
	static const struct { u32 leaf, reg, bit; u64 cr4; } dep[] = {
		{ 7, 1, 7, CR4_SMEP }, { 7, 1, 20, CR4_SMAP },
		{ 7, 1, 0, CR4_FSGSBASE }, { 7, 2, 2, CR4_UMIP },
		{ 7, 2, 3, CR4_PKE }, { 1, 2, 26, CR4_OSXSAVE },
		{ 1, 2, 17, CR4_PCIDE }, { 7, 2, 16, CR4_LA57 },
	};
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_cpuid2 *l = cpuid_supported();
	struct kvm_cpuid_entry2 *e;
	u32 i;

	for (i = 0; i < ARRAY_LEN(dep); i++) {
		e = cpuid_find(l, dep[i].leaf, 0);
		if (!e)
			continue;
		*(&e->eax + dep[i].reg) &= ~(1u << dep[i].bit);
	}
	CHECK_OK(cpu_try_cpuid(c, l));
	cpu_long(c, idle);
	for (i = 0; i < ARRAY_LEN(dep); i++) {
		struct kvm_sregs s = cpu_get_sregs(c);

		if (dep[i].cr4 == CR4_LA57)
			continue;	/* may not change under paging anyway */
		s.cr4 |= dep[i].cr4;
		refused(c, &s, "cr4 dependent", i);
	}
	cpu_expect_sync(c, 1);
}

/* # stock: expected fail because it does not look at the reserved bits of EFER */
CASE_STOCK_FAILS(reserved_bits_of_efer, "takes reserved bits of EFER")
{
	struct cpu *c = scene();

	EACH_BIT(c, efer, EFER_RESERVED);
}

CASE(reserved_bits_of_cr3)
{
	struct cpu *c = scene();
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid_supported(), 0x80000008, 0);
	u32 width = e ? e->eax & 0xff : 36;

	EACH_BIT(c, cr3, ~0ull << width);
}

CASE(reserved_bits_of_apic_base)
{
	struct cpu *c = scene();
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid_supported(), 0x80000008, 0);
	u32 width = e ? e->eax & 0xff : 36;

	EACH_BIT(c, apic_base, ~0ull << width | 0x2ff);
}

CASE(impossible_combinations)
{
	struct cpu *c = scene();
	struct kvm_sregs s;

	s = cpu_get_sregs(c);
	s.cr0 &= ~CR0_PE;		/* paging without protection */
	refused(c, &s, "PG without PE", 0);
	s = cpu_get_sregs(c);
	s.cr0 |= CR0_NW;		/* without CD */
	refused(c, &s, "NW without CD", 0);
	s = cpu_get_sregs(c);
	s.cr4 &= ~CR4_PAE;		/* long mode without PAE */
	refused(c, &s, "LMA without PAE", 0);
	s = cpu_get_sregs(c);
	s.efer &= ~EFER_LMA;		/* LME and PG, but not active */
	refused(c, &s, "LME without LMA", 0);
	s = cpu_get_sregs(c);
	s.efer &= ~(EFER_LME | EFER_LMA);	/* 64-bit code segment stays */
	refused(c, &s, "CS.L outside of long mode", 0);
	cpu_expect_sync(c, 1);
}

CASE(an_interrupt_bitmap_queues_the_interrupt)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs s;

	cpu_long(c, idle);
	cpu_expect_sync(c, 1);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.interrupt_bitmap[0] | s.interrupt_bitmap[1] |
		 s.interrupt_bitmap[2] | s.interrupt_bitmap[3], 0);
	s.interrupt_bitmap[1] = 1;
	cpu_set_sregs(c, &s);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.interrupt_bitmap[1], 1);
	CHECK_EQ(cpu_get_vcpu_events(c).interrupt.injected, 1);
	CHECK_EQ(cpu_get_vcpu_events(c).interrupt.nr, 64);
}

static GUEST void report_crs(void)
{
	g_sync(1, g_cr0());
	g_sync(2, g_cr2());
	g_sync(3, g_cr3());
	g_sync(4, g_cr4());
	g_sync(5, g_rdmsr(MSR_EFER));
	g_sync(6, g_rdmsr(MSR_FS_BASE));
	g_done();
}

CASE(the_guest_sees_what_was_set)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs s;

	cpu_long(c, report_crs);
	s = cpu_get_sregs(c);
	s.cr0 |= CR0_AM;
	s.cr2 = 0x1234567890ull;
	s.cr3 |= 0x18;
	s.cr4 |= CR4_PGE | CR4_DE;
	s.fs.base = 0x1122334455ull;
	cpu_set_sregs(c, &s);
	CHECK_EQ(cpu_expect_sync(c, 1), s.cr0);
	CHECK_EQ(cpu_expect_sync(c, 2), s.cr2);
	CHECK_EQ(cpu_expect_sync(c, 3), s.cr3);
	/* MCE is the host's on some processors */
	CHECK_EQ(cpu_expect_sync(c, 4) & ~CR4_MCE, s.cr4);
	CHECK_EQ(cpu_expect_sync(c, 5), s.efer);
	CHECK_EQ(cpu_expect_sync(c, 6), s.fs.base);
	cpu_expect_done(c);
}

CASE(sregs2_is_sregs_and_flags)
{
	struct cpu *c = scene();
	struct kvm_sregs s = cpu_get_sregs(c);
	struct kvm_sregs2 t;

	NEED_CAP(KVM_CAP_SREGS2);
	t = cpu_get_sregs2(c);
	CHECK_MEM_EQ(&s, &t, offsetof(struct kvm_sregs2, flags));
	CHECK_EQ(t.flags, 0);
	cpu_set_sregs2(c, &t);
	cpu_expect_sync(c, 1);
}

CASE(sregs2_flags)
{
	struct cpu *c = scene();
	u32 bit;

	NEED_CAP(KVM_CAP_SREGS2);
	for (bit = 1; bit < 64; bit++) {
		struct kvm_sregs2 t = cpu_get_sregs2(c);

		t.flags |= 1ull << bit;
		CHECK_ERR(cpu_try_sregs2(c, &t), EINVAL);
	}
	cpu_expect_sync(c, 1);
}

/* PAE paging: the four entries are a part of the state of their own. */
CASE(sregs2_has_the_pdptrs_under_pae)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs s;
	struct kvm_sregs2 t;
	u64 *pdpt = box_hva(b, LAY_PDPT);
	int i;

	NEED_CAP(KVM_CAP_SREGS2);
	/* in PAE entries W and U are reserved */
	for (i = 0; i < 4; i++)
		pdpt[i] &= ~(PT_W | PT_U);
	cpu_prot32(c, LAY_SCRATCH);
	*(u8 *)box_hva(b, LAY_SCRATCH) = 0xf4;
	s = cpu_get_sregs(c);
	s.cr3 = LAY_PDPT;
	s.cr4 |= CR4_PAE;
	s.cr0 |= CR0_PG;
	cpu_set_sregs(c, &s);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	t = cpu_get_sregs2(c);
	CHECK_EQ(t.flags, KVM_SREGS2_FLAGS_PDPTRS_VALID);
	/* the processor may have marked the ones in memory as accessed */
	for (i = 0; i < 4; i++)
		CHECK_EQ(t.pdptrs[i], pdpt[i] & ~PT_A);
	cpu_set_sregs2(c, &t);
	for (i = 0; i < 4; i++)
		CHECK_EQ(cpu_get_sregs2(c).pdptrs[i], t.pdptrs[i]);
	/* the flag outside of PAE paging is refused */
	cpu_long(c, idle);
	t = cpu_get_sregs2(c);
	t.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	CHECK_ERR(cpu_try_sregs2(c, &t), EINVAL);
}
