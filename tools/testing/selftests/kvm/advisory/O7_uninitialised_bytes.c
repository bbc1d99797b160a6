// SPDX-License-Identifier: GPL-2.0-only
/*
 * O7: CVE-2023-1513, CVE-2019-7222. Every GET ioctl into a buffer of a known
 * pattern, twice with other things on the kernel's stack in between: bytes
 * that are written are the same both times, and none is a kernel pointer.
 */
#include <stdlib.h>

#include "box.h"

#define ROOM 16384

static const struct get {
	const char *name;
	unsigned long request;
	bool vm;
	size_t size;		/* of the structure that user space gives */
	u32 first;		/* first word: a count that it expects */
} gets[] = {
#define G(what, type) { #what, KVM_GET_##what, false, sizeof(struct type), 0 }
	G(REGS, kvm_regs),
	G(SREGS, kvm_sregs),
	G(FPU, kvm_fpu),
	G(XSAVE, kvm_xsave),
	G(XCRS, kvm_xcrs),
	G(DEBUGREGS, kvm_debugregs),
	G(VCPU_EVENTS, kvm_vcpu_events),
	G(MP_STATE, kvm_mp_state),
#ifdef KVM_GET_SREGS2
	G(SREGS2, kvm_sregs2),
#endif
	{ "LAPIC", KVM_GET_LAPIC, false, sizeof(struct kvm_lapic_state), 0 },
	{ "CPUID2", KVM_GET_CPUID2, false, 8 + 200 * 40, 200 },
	{ "TRANSLATE", KVM_TRANSLATE, false, sizeof(struct kvm_translation), 0 },
	{ "CLOCK", KVM_GET_CLOCK, true, sizeof(struct kvm_clock_data), 0 },
	{ "PIT2", KVM_GET_PIT2, true, sizeof(struct kvm_pit_state2), 0 },
};

static GUEST void once(void)
{
	g_sync(1, 0);
	g_done();
}

/* Makes the kernel use its stack for something else. */
static void stir(struct cpu *c)
{
	struct kvm_cpuid2 *l = cpuid_list(c->box->kvm, KVM_GET_SUPPORTED_CPUID,
					  256);
	char text[200];
	int fds[2];

	free(l);
	CHECK_OK(pipe(fds));
	memset(text, 0xee, sizeof(text));
	CHECK_OK(write(fds[1], text, sizeof(text)));
	CHECK_OK(read(fds[0], text, sizeof(text)));
	close(fds[0]);
	close(fds[1]);
	CHECK(readlink("/proc/self/exe", text, sizeof(text)) > 0);
}

static bool kernel_pointer(u64 v)
{
	/* direct map, vmalloc, vmemmap, kernel and module text; not -1..-4096 */
	return v >= 0xffff800000000000ull && v < 0xfffffffffffff000ull;
}

static void look_for_pointers(const char *name, const u8 *p, size_t n)
{
	size_t i;

	for (i = 0; i + 8 <= n; i += 4) {
		u64 v;

		memcpy(&v, p + i, 8);
		/* 32-bit fields of ones side by side are no pointers */
		if ((u32)v == 0xffffffff || v >> 32 == 0xffffffff)
			continue;
		if (kernel_pointer(v))
			DIE("%s: %#llx at byte %zu looks like a kernel pointer",
			    name, (unsigned long long)v, i);
	}
}

CASE(every_get_ioctl)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *one = malloc(ROOM), *two = malloc(ROOM);
	u32 i, asked = 0;
	size_t k;

	cpu_long(c, once);
	cpu_expect_sync(c, 1);
	for (i = 0; i < ARRAY_LEN(gets); i++) {
		const struct get *g = &gets[i];
		int fd = g->vm ? b->fd : c->fd;
		bool clock = g->request == KVM_GET_CLOCK;

		memset(one, 0x5a, ROOM);
		memset(two, 0xa5, ROOM);
		if (g->first)
			*(u32 *)one = *(u32 *)two = g->first;
		if (g->request == KVM_TRANSLATE)
			*(u64 *)one = *(u64 *)two = 0x200000;
		stir(c);
		if (ioctl(fd, g->request, one))
			continue;
		stir(c);
		stir(c);
		CHECK_OK(ioctl(fd, g->request, two));
		asked++;
		for (k = 0; k < ROOM; k++) {
			if (one[k] == 0x5a && two[k] == 0xa5)
				continue;	/* not written */
			if (k >= g->size)
				DIE("%s wrote byte %zu of %zu", g->name, k,
				    g->size);
			if (one[k] != two[k] && !clock)
				DIE("%s: byte %zu is %#x, then %#x", g->name, k,
				    one[k], two[k]);
		}
		look_for_pointers(g->name, one, g->size);
	}
	CHECK(asked >= 8);
}

CASE(reserved_fields_are_zero)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_sregs s;
	struct kvm_debugregs d;
	struct kvm_vcpu_events e;
	struct kvm_xcrs x;
	u32 i;

	memset(&s, 0x5a, sizeof(s));
	stir(c);
	CHECK_OK(ioctl(c->fd, KVM_GET_SREGS, &s));
	CHECK_EQ(s.cs.padding | s.ds.padding | s.tr.padding | s.ldt.padding, 0);
	CHECK_EQ(s.gdt.padding[0] | s.gdt.padding[1] | s.gdt.padding[2] |
		 s.idt.padding[0] | s.idt.padding[1] | s.idt.padding[2], 0);
	memset(&d, 0x5a, sizeof(d));
	stir(c);
	CHECK_OK(ioctl(c->fd, KVM_GET_DEBUGREGS, &d));
	for (i = 0; i < ARRAY_LEN(d.reserved); i++)
		CHECK_EQ(d.reserved[i], 0);
	memset(&e, 0x5a, sizeof(e));
	stir(c);
	CHECK_OK(ioctl(c->fd, KVM_GET_VCPU_EVENTS, &e));
	for (i = 0; i < ARRAY_LEN(e.reserved); i++)
		CHECK_EQ(e.reserved[i], 0);
	CHECK_EQ(e.nmi.pad, 0);
	memset(&x, 0x5a, sizeof(x));
	stir(c);
	CHECK_OK(ioctl(c->fd, KVM_GET_XCRS, &x));
	look_for_pointers("XCRS", (u8 *)&x, sizeof(x));
}

CASE(the_run_page_holds_no_pointers)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	look_for_pointers("new run page", (u8 *)c->run, c->run_size);
	cpu_long(c, once);
	c->run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	cpu_expect_sync(c, 1);
	look_for_pointers("run page", (u8 *)c->run, c->run_size);
}

CASE(statistics_hold_no_pointers)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	static u8 all[65536];
	int fds[] = { b->fd, c->fd };
	u32 i;

	for (i = 0; i < 2; i++) {
		int fd = CHECK_OK(ioctl(fds[i], KVM_GET_STATS_FD, 0));
		ssize_t n = pread(fd, all, sizeof(all), 0);

		CHECK(n > 0);
		look_for_pointers("stats", all, n);
		close(fd);
	}
}

static GUEST void leak_probe(void)
{
	u64 v = 0, cr2;

	/* MMIO answered with one byte: the rest of the register is not stale */
	asm volatile("movzbl (%1), %k0" : "=r"(v) : "r"(LAY_MMIO) : "memory");
	G_CHECK_EQ(v, 0x42);
	/* a fault while KVM stores port data: the error code is a proper one */
	G_CHECK_EQ(G_TRY("insb", G_NONE, G_LIST("d"(0x510), "D"(0x12ul << 40))),
		   VEC_PF);
	G_CHECK_EQ(g_percpu()->err & ~7ull, 0);
	cr2 = g_percpu()->cr2;
	G_CHECK_EQ(cr2, 0x12ul << 40);
	g_done();
}

CASE(faults_carry_nothing_of_the_host)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, leak_probe);
	cpu_expect_mmio(c, false, LAY_MMIO, 1);
	memset(c->run->mmio.data, 0xff, 8);
	c->run->mmio.data[0] = 0x42;
	while (cpu_go(c) == HEARD_EXIT)
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_IO);
}
