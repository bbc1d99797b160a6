// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET/SET_MSRS, the index lists, the feature MSRs, and RDMSR/WRMSR. */
#include <stdlib.h>

#include "box.h"

#define NO_SUCH_MSR 0x12345678

static struct kvm_msr_list *list(int kvm, unsigned long request)
{
	struct kvm_msr_list probe = { .nmsrs = 0 }, *l;

	CHECK_ERR(ioctl(kvm, request, &probe), E2BIG);
	CHECK(probe.nmsrs > 0 && probe.nmsrs < 4096);
	l = calloc(1, sizeof(*l) + probe.nmsrs * 4);
	l->nmsrs = probe.nmsrs;
	CHECK_OK(ioctl(kvm, request, l));
	CHECK_EQ(l->nmsrs, probe.nmsrs);
	return l;
}

CASE(the_list_says_how_long_it_is)
{
	int kvm = kvm_dev();
	struct kvm_msr_list *l = list(kvm, KVM_GET_MSR_INDEX_LIST), *m;
	u32 i, n = l->nmsrs;

	/* one too short: refused, the right number told, nothing written */
	m = calloc(1, sizeof(*m) + n * 4);
	m->nmsrs = n - 1;
	CHECK_ERR(ioctl(kvm, KVM_GET_MSR_INDEX_LIST, m), E2BIG);
	CHECK_EQ(m->nmsrs, n);
	CHECK_EQ(m->indices[0], 0);
	for (i = 0; i < n; i++) {
		u32 k;

		for (k = 0; k < i; k++)
			CHECK(l->indices[k] != l->indices[i]);
	}
}

static bool listed(struct kvm_msr_list *l, u32 msr)
{
	u32 i;

	for (i = 0; i < l->nmsrs; i++)
		if (l->indices[i] == msr)
			return true;
	return false;
}

CASE(what_an_operating_system_needs_is_listed)
{
	static const u32 need[] = {
		MSR_TSC, MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
		MSR_PAT, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK,
		MSR_KERNEL_GS_BASE, MSR_MISC_ENABLE,
	};
	struct kvm_msr_list *l = list(kvm_dev(), KVM_GET_MSR_INDEX_LIST);
	u32 i;

	for (i = 0; i < ARRAY_LEN(need); i++)
		if (!listed(l, need[i]))
			DIE("MSR %#x is not listed", need[i]);
}

CASE(each_listed_msr_can_be_read_and_written_back)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_msr_list *l = list(b->kvm, KVM_GET_MSR_INDEX_LIST);
	u32 i;

	for (i = 0; i < l->nmsrs; i++) {
		u64 v;

		if (!cpu_try_get_msr(c, l->indices[i], &v))
			DIE("listed MSR %#x cannot be read", l->indices[i]);
		/* KVM's own may need features that this vCPU does not have */
		if (l->indices[i] >> 8 == 0x4b564d)
			continue;
		if (!cpu_try_set_msr(c, l->indices[i], v))
			DIE("listed MSR %#x does not take its own value %#llx",
			    l->indices[i], (unsigned long long)v);
	}
}

CASE(feature_msrs_are_read_from_the_system_descriptor)
{
	int kvm = kvm_dev();
	struct kvm_msr_list *l;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { .head.nmsrs = 1 };
	u32 i;

	if (kvm_cap(KVM_CAP_GET_MSR_FEATURES) <= 0)
		tap_skip("no feature MSRs");
	l = list(kvm, KVM_GET_MSR_FEATURE_INDEX_LIST);
	for (i = 0; i < l->nmsrs; i++) {
		m.e.index = l->indices[i];
		if (ioctl(kvm, KVM_GET_MSRS, &m) != 1)
			DIE("feature MSR %#x cannot be read", l->indices[i]);
	}
	m.e.index = NO_SUCH_MSR;
	CHECK_EQ(ioctl(kvm, KVM_GET_MSRS, &m), 0);
}

struct three {
	struct kvm_msrs head;
	struct kvm_msr_entry e[3];
};

CASE(a_bad_entry_stops_and_the_count_tells_where)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct three m = { .head.nmsrs = 3 };

	cpu_set_msr(c, MSR_LSTAR, 0x1111);
	m.e[0].index = MSR_LSTAR;
	m.e[1].index = NO_SUCH_MSR;
	m.e[2].index = MSR_CSTAR;
	CHECK_EQ(ioctl(c->fd, KVM_GET_MSRS, &m), 1);
	CHECK_EQ(m.e[0].data, 0x1111);
	m.e[0].data = 0x2222;
	m.e[2].data = 0x3333;
	CHECK_EQ(ioctl(c->fd, KVM_SET_MSRS, &m), 1);
	CHECK_EQ(cpu_get_msr(c, MSR_LSTAR), 0x2222);
	CHECK_EQ(cpu_get_msr(c, MSR_CSTAR), 0);
	m.e[1].index = MSR_LSTAR;
	m.e[1].data = 0x4444;
	CHECK_EQ(ioctl(c->fd, KVM_SET_MSRS, &m), 3);
	CHECK_EQ(cpu_get_msr(c, MSR_LSTAR), 0x4444);
	CHECK_EQ(cpu_get_msr(c, MSR_CSTAR), 0x3333);
}

CASE(counts_and_pointers)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_msrs *m = calloc(1, sizeof(*m) + 300 * sizeof(*m->entries));

	m->nmsrs = 0;
	CHECK_EQ(ioctl(c->fd, KVM_GET_MSRS, m), 0);
	CHECK_EQ(ioctl(c->fd, KVM_SET_MSRS, m), 0);
	m->nmsrs = 300;
	CHECK_ERR(ioctl(c->fd, KVM_GET_MSRS, m), E2BIG);
	CHECK_ERR(ioctl(c->fd, KVM_SET_MSRS, m), E2BIG);
	m->nmsrs = 0xffffffff;
	CHECK_ERR(ioctl(c->fd, KVM_GET_MSRS, m), E2BIG);
	CHECK_ERR(ioctl(c->fd, KVM_GET_MSRS, 8), EFAULT);
	CHECK_ERR(ioctl(c->fd, KVM_SET_MSRS, 8), EFAULT);
	CHECK_ERR(ioctl(b->kvm, KVM_GET_MSR_INDEX_LIST, 8), EFAULT);
}

static const struct {
	u32 msr;
	u64 good;
	u64 bad;
	bool direct;	/* the guest may have it without an exit */
} values[] = {
	{ MSR_PAT, 0x0606060606060606ull, 0x0200000000000000ull },
	{ MSR_PAT, 0x0007040600070406ull, 0x0000000000000008ull },
	{ MSR_PAT, 0x0007040600070406ull, 0x0000000300000000ull },
	{ MSR_LSTAR, 0xffff800000001000ull, 1ull << 63, true },
	{ MSR_CSTAR, 0x00007fffffffffffull, 1ull << 62, true },
	{ MSR_KERNEL_GS_BASE, 0x123456789ull, 0xaaaaaaaaaaaaaaaaull, true },
	{ MSR_FS_BASE, 0x123456789ull, 0xaaaaaaaaaaaaaaaaull, true },
	{ MSR_GS_BASE, LAY_PERCPU, 0xaaaaaaaaaaaaaaaaull, true },
	{ MSR_EFER, EFER_LME | EFER_LMA | EFER_NX | EFER_SCE, 1ull << 33 },
};

static GUEST void write_values(void)
{
	for (;;) {
		u64 v;

		/* the host changes the two words and reads the answer */
		g_sync(1, 0);
		v = g_try_wrmsr(g_read64(LAY_SCRATCH), g_read64(LAY_SCRATCH + 8));
		g_sync(2, v);
		v = g_rdmsr(g_read64(LAY_SCRATCH));
		g_sync(3, v);
	}
}

static u64 guest_write(struct cpu *c, u32 msr, u64 v)
{
	u64 *s = box_hva(c->box, LAY_SCRATCH);

	s[0] = msr;
	s[1] = v;
	cpu_expect_sync(c, 1);
	return cpu_expect_sync(c, 2);
}

CASE(values_are_taken_or_refused_alike_from_guest_and_host)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i;

	cpu_long(c, write_values);
	for (i = 0; i < ARRAY_LEN(values); i++) {
		u32 msr = values[i].msr;
		u64 good = values[i].good, bad = values[i].bad;

		if (guest_write(c, msr, good) != G_NO_TRAP)
			DIE("row %u: guest cannot write %#x", i, msr);
		CHECK_EQ(cpu_expect_sync(c, 3), good);
		CHECK_EQ(cpu_get_msr(c, msr), good);
		if (!values[i].direct) {
			if (guest_write(c, msr, bad) != VEC_GP)
				DIE("row %u: no #GP for %#x", i, msr);
			CHECK_EQ(cpu_expect_sync(c, 3), good);
		}
		CHECK_EQ(cpu_get_msr(c, msr), good);
		if (cpu_try_set_msr(c, msr, bad))
			DIE("row %u: host may write %#x", i, msr);
		CHECK_EQ(cpu_get_msr(c, msr), good);
		CHECK(cpu_try_set_msr(c, msr, good));
	}
}

static GUEST void unknown(void)
{
	u64 v;

	G_CHECK_EQ(g_try_rdmsr(NO_SUCH_MSR, &v), VEC_GP);
	G_CHECK_EQ(g_percpu()->err, 0);
	G_CHECK_EQ(v, 0);
	G_CHECK_EQ(g_try_wrmsr(NO_SUCH_MSR, 0), VEC_GP);
	G_CHECK_EQ(g_try_rdmsr(0xffffffff, &v), VEC_GP);
	/* read-only */
	G_CHECK_EQ(g_try_rdmsr(MSR_MTRRCAP, &v), G_NO_TRAP);
	G_CHECK_EQ(g_try_wrmsr(MSR_MTRRCAP, 0), VEC_GP);
	g_done();
}

CASE(unknown_and_read_only_msrs_fault_in_the_guest)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, unknown);
	cpu_expect_done(c);
}

static GUEST void report(void)
{
	u32 i;

	for (i = 0; ; i++)
		g_sync(1, g_rdmsr(g_read64(LAY_SCRATCH)));
}

CASE(the_guest_reads_what_the_host_set)
{
	static const struct { u32 msr; u64 value; } v[] = {
		{ MSR_SYSENTER_CS, 0x10 },
		{ MSR_SYSENTER_ESP, 0x80001234 },
		{ MSR_SYSENTER_EIP, 0x81001234 },
		{ MSR_STAR, 0x0023001000000000ull },
		{ MSR_LSTAR, 0xffffffff81005678ull },
		{ MSR_CSTAR, 0xffffffff81009abcull },
		{ MSR_SFMASK, 0x47700 },
		{ MSR_KERNEL_GS_BASE, 0xffff888012345000ull },
		{ MSR_FS_BASE, 0x7fff12345678ull },
		{ MSR_PAT, 0x0007010600070106ull },
		{ MSR_TSC_AUX, 0x55 },
	};
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i;

	cpu_long(c, report);
	for (i = 0; i < ARRAY_LEN(v); i++) {
		if (!cpu_try_set_msr(c, v[i].msr, v[i].value)) {
			CHECK_EQ(v[i].msr, MSR_TSC_AUX);
			continue;
		}
		*(u64 *)box_hva(b, LAY_SCRATCH) = v[i].msr;
		CHECK_EQ(cpu_expect_sync(c, 1), v[i].value);
		CHECK_EQ(cpu_get_msr(c, v[i].msr), v[i].value);
	}
}

CASE(efer_of_the_guest_is_that_of_sregs)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, write_values);
	CHECK_EQ(guest_write(c, MSR_EFER,
			     EFER_LME | EFER_LMA | EFER_SCE), G_NO_TRAP);
	CHECK_EQ(cpu_get_sregs(c).efer, EFER_LME | EFER_LMA | EFER_SCE);
	CHECK_EQ(cpu_get_msr(c, MSR_EFER), EFER_LME | EFER_LMA | EFER_SCE);
	cpu_expect_sync(c, 3);
	/* LME may not go while paging is on */
	CHECK_EQ(guest_write(c, MSR_EFER, EFER_SCE), VEC_GP);
}
