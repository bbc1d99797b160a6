// SPDX-License-Identifier: GPL-2.0-only
/* KVM_SET/GET_CPUID2, the supported and emulated lists, and CPUID itself. */
#include <stdlib.h>

#include "box.h"

static struct kvm_cpuid2 *copy_of(const struct kvm_cpuid2 *l, u32 room)
{
	struct kvm_cpuid2 *m = calloc(1, sizeof(*m) +
				      (l->nent + room) * sizeof(m->entries[0]));

	memcpy(m, l, sizeof(*l) + l->nent * sizeof(l->entries[0]));
	return m;
}

CASE(the_supported_list_has_the_basics)
{
	struct kvm_cpuid2 *l = cpuid_supported();
	struct kvm_cpuid_entry2 *e;
	u32 i;

	CHECK(l->nent > 4);
	CHECK((e = cpuid_find(l, 0, 0)));
	CHECK(e->eax >= 1);
	CHECK((e = cpuid_find(l, 1, 0)));
	CHECK(e->edx & 1);			/* FPU */
	CHECK((e = cpuid_find(l, 0x80000001, 0)));
	CHECK(e->edx >> 29 & 1);		/* long mode */
	CHECK((e = cpuid_find(l, 0x40000000, 0)));
	CHECK(!memcmp(&e->ebx, "KVMKVMKVM\0\0\0", 12));
	CHECK((e = cpuid_find(l, 0x40000001, 0)));
	for (i = 0; i < l->nent; i++) {
		e = &l->entries[i];
		CHECK_EQ(e->padding[0] | e->padding[1] | e->padding[2], 0);
		CHECK(!(e->flags & ~KVM_CPUID_FLAG_SIGNIFCANT_INDEX));
	}
}

CASE(leaves_with_sub_leaves_say_so)
{
	static const u32 indexed[] = { 4, 7, 0xb, 0xd, 0x8000001d };
	struct kvm_cpuid2 *l = cpuid_supported();
	u32 i, k;

	for (i = 0; i < l->nent; i++)
		for (k = 0; k < ARRAY_LEN(indexed); k++)
			if (l->entries[i].function == indexed[k])
				CHECK(l->entries[i].flags &
				      KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
}

CASE(no_entry_twice)
{
	struct kvm_cpuid2 *l = cpuid_supported();
	u32 i, k;

	for (i = 0; i < l->nent; i++)
		for (k = 0; k < i; k++)
			if (l->entries[i].function == l->entries[k].function &&
			    l->entries[i].index == l->entries[k].index)
				DIE("leaf %#x.%u is there twice",
				    l->entries[i].function,
				    l->entries[i].index);
}

CASE(room_for_too_few_entries)
{
	int kvm = kvm_dev();
	struct kvm_cpuid2 *l = copy_of(cpuid_supported(), 0);
	u32 n = l->nent;

	l->nent = n - 1;
	CHECK_ERR(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, l), E2BIG);
	l->nent = 0;
	CHECK_ERR(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, l), E2BIG);
	l->nent = 0;
	CHECK_ERR(ioctl(kvm, KVM_GET_EMULATED_CPUID, l), E2BIG);
	l->nent = n;
	CHECK_OK(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, l));
	CHECK_EQ(l->nent, n);
	CHECK_ERR(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, 8), EFAULT);
}

CASE(the_emulated_list_is_short_and_harmless)
{
	struct kvm_cpuid2 *l = cpuid_list(kvm_dev(), KVM_GET_EMULATED_CPUID, 64);

	CHECK(l->nent >= 1 && l->nent < 16);
	CHECK(cpuid_find(l, 0, 0));
}

CASE(what_was_set_is_got)
{
	struct box *b = box_new();
	struct cpu *c = cpu_raw(b, 0);
	struct kvm_cpuid2 *l = cpuid_supported(), *m;
	u32 i;

	m = cpuid_list(c->fd, KVM_GET_CPUID2, 64);
	CHECK_EQ(m->nent, 0);
	CHECK_OK(cpu_try_cpuid(c, l));
	m = cpuid_list(c->fd, KVM_GET_CPUID2, 256);
	CHECK_EQ(m->nent, l->nent);
	for (i = 0; i < l->nent; i++) {
		CHECK_EQ(m->entries[i].function, l->entries[i].function);
		CHECK_EQ(m->entries[i].index, l->entries[i].index);
		CHECK_EQ(m->entries[i].eax, l->entries[i].eax);
	}
	m->nent = l->nent - 1;
	CHECK_ERR(ioctl(c->fd, KVM_GET_CPUID2, m), E2BIG);
}

static volatile u32 ask_leaf GUEST_DATA;
static volatile u32 ask_sub GUEST_DATA;
static volatile u32 answer[4] GUEST_DATA;

static GUEST void ask(void)
{
	u32 a, b, c, d;

	for (;;) {
		g_cpuid(ask_leaf, ask_sub, &a, &b, &c, &d);
		answer[0] = a;
		answer[1] = b;
		answer[2] = c;
		answer[3] = d;
		g_sync(1, 0);
	}
}

static void guest_cpuid(struct cpu *c, u32 leaf, u32 sub, u32 *out)
{
	u32 i;

	GV(c->box, ask_leaf) = leaf;
	GV(c->box, ask_sub) = sub;
	cpu_expect_sync(c, 1);
	for (i = 0; i < 4; i++)
		out[i] = GV(c->box, answer[i]);
}

/* Bits of these leaves mirror the guest's control registers and state. */
static bool is_dynamic(const struct kvm_cpuid_entry2 *e)
{
	return e->function == 1 || e->function == 7 || e->function == 0xd ||
	       e->function == 0x80000001 || e->function == 0x15 ||
	       e->function == 0x40000001;
}

CASE(the_guest_sees_each_entry)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_cpuid2 *l = cpuid_supported();
	u32 i, got[4];

	cpu_long(c, ask);
	for (i = 0; i < l->nent; i++) {
		struct kvm_cpuid_entry2 *e = &l->entries[i];

		if (is_dynamic(e))
			continue;
		guest_cpuid(c, e->function, e->index, got);
		if (got[0] != e->eax || got[1] != e->ebx || got[2] != e->ecx ||
		    got[3] != e->edx)
			DIE("leaf %#x.%u differs", e->function, e->index);
	}
}

CASE(values_of_user_space_are_shown_as_they_are)
{
	struct box *b = box_new();
	struct cpu *c = cpu_raw(b, 0);
	struct kvm_cpuid2 *l = copy_of(cpuid_supported(), 4);
	struct kvm_cpuid_entry2 *e = cpuid_find(l, 0x80000002, 0);
	u32 got[4];

	CHECK(e);
	e->eax = 0x11111111;
	e->ebx = 0x22222222;
	e->ecx = 0x33333333;
	e->edx = 0x44444444;
	e = &l->entries[l->nent++];
	e->function = 0x40000100;
	e->eax = 0x40000101;
	e->ebx = 0x78787878;
	CHECK_OK(cpu_try_cpuid(c, l));
	cpu_long(c, ask);
	guest_cpuid(c, 0x80000002, 5, got);
	CHECK_EQ(got[0], 0x11111111);
	CHECK_EQ(got[3], 0x44444444);
	guest_cpuid(c, 0x40000100, 0, got);
	CHECK_EQ(got[1], 0x78787878);
}

CASE(osxsave_follows_cr4)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs s;
	u32 got[4];

	if (!cpuid_find(cpuid_supported(), 0xd, 0))
		tap_skip("no XSAVE");
	cpu_long(c, ask);
	guest_cpuid(c, 1, 0, got);
	CHECK_EQ(got[2] >> 27 & 1, 0);
	s = cpu_get_sregs(c);
	s.cr4 |= CR4_OSXSAVE;
	cpu_set_sregs(c, &s);
	guest_cpuid(c, 1, 0, got);
	CHECK_EQ(got[2] >> 27 & 1, 1);
}

static GUEST void high_registers(void)
{
	u64 a = 0xffffffff00000000ull, c = 0xffffffff00000000ull, b, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	G_CHECK_EQ((a | b | c | d) >> 32, 0);
	g_done();
}

CASE(the_upper_halves_are_cleared)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, high_registers);
	cpu_expect_done(c);
}

CASE(leaves_out_of_range)
{
	struct box *b = box_new();
	struct cpu *c = cpu_raw(b, 0);
	struct kvm_cpuid2 *l = copy_of(cpuid_supported(), 0);
	struct kvm_cpuid_entry2 *e = cpuid_find(l, 0, 0);
	u32 got[4];

	/* AMD: zeros above the last basic leaf */
	e->ebx = 0x68747541;
	e->edx = 0x69746e65;
	e->ecx = 0x444d4163;
	CHECK_OK(cpu_try_cpuid(c, l));
	cpu_long(c, ask);
	guest_cpuid(c, 0x7fffffff, 0, got);
	CHECK_EQ(got[0] | got[1] | got[2] | got[3], 0);
	guest_cpuid(c, 0x8fffffff, 0, got);
	CHECK_EQ(got[0] | got[1] | got[2] | got[3], 0);
}

CASE(it_cannot_change_once_the_vcpu_has_run)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_cpuid2 *l = copy_of(cpuid_supported(), 0), *m;
	struct kvm_cpuid_entry2 *e = cpuid_find(l, 0x80000002, 0);
	u32 was = e->eax;

	cpu_long(c, ask);
	cpu_expect_sync(c, 1);
	/* the same once more is no change */
	CHECK_OK(cpu_try_cpuid(c, l));
	e->eax ^= 1;
	CHECK_ERR(cpu_try_cpuid(c, l), EINVAL);
	m = cpuid_list(c->fd, KVM_GET_CPUID2, 256);
	CHECK_EQ(cpuid_find(m, 0x80000002, 0)->eax, was);
}

CASE(counts_and_pointers)
{
	struct box *b = box_new();
	struct cpu *c = cpu_raw(b, 0);
	struct kvm_cpuid2 *l = calloc(1, sizeof(*l) + 257 * sizeof(*l->entries));

	l->nent = 257;
	CHECK_ERR(cpu_try_cpuid(c, l), E2BIG);
	l->nent = 0xffffffff;
	CHECK_ERR(cpu_try_cpuid(c, l), E2BIG);
	CHECK_ERR(ioctl(c->fd, KVM_SET_CPUID2, 8), EFAULT);
	l->nent = 0;
	CHECK_OK(cpu_try_cpuid(c, l));
}

CASE(the_old_ioctl_works_too)
{
	struct box *b = box_new();
	struct cpu *c = cpu_raw(b, 0);
	struct {
		struct kvm_cpuid head;
		struct kvm_cpuid_entry e[2];
	} old = { .head.nent = 2 };
	struct kvm_cpuid2 *m;

	old.e[0].function = 0;
	old.e[0].eax = 1;
	old.e[1].function = 1;
	old.e[1].eax = 0x663;
	CHECK_OK(ioctl(c->fd, KVM_SET_CPUID, &old));
	m = cpuid_list(c->fd, KVM_GET_CPUID2, 16);
	CHECK_EQ(m->nent, 2);
	CHECK_EQ(cpuid_find(m, 1, 0)->eax, 0x663);
}
