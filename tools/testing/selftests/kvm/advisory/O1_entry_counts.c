// SPDX-License-Identifier: GPL-2.0-only
/*
 * O1: CVE-2009-3638, CVE-2019-19332. Entry counts from user space: neither an
 * overflow when the kernel allocates, nor one entry past the array. Behind the
 * array there is a page that nobody may touch.
 */
#include <stdlib.h>

#include "box.h"

static const u32 absurd[] = {
	257, 1000, 0x7fff, 0xffff, 0x10000, 0x06666667, 0x08000001, 0x0ccccccd,
	0x10000001, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
};

/* Memory of @size bytes that ends at a page without access. */
static void *guarded(size_t size)
{
	size_t pages = (size + PAGE - 1) / PAGE + 1;
	u8 *p = host_pages((pages + 1) * PAGE);

	CHECK_OK(mprotect(p + pages * PAGE, PAGE, PROT_NONE));
	return p + pages * PAGE - size;
}

static const struct list {
	const char *name;
	unsigned long request;
	bool system;		/* else a vCPU's */
	size_t head;
	size_t entry;
} lists[] = {
	{ "GET_SUPPORTED_CPUID", KVM_GET_SUPPORTED_CPUID, true, 8, 40 },
	{ "GET_EMULATED_CPUID", KVM_GET_EMULATED_CPUID, true, 8, 40 },
	{ "GET_SUPPORTED_HV_CPUID", KVM_GET_SUPPORTED_HV_CPUID, true, 8, 40 },
	{ "GET_MSR_INDEX_LIST", KVM_GET_MSR_INDEX_LIST, true, 4, 4 },
	{ "GET_MSR_FEATURE_INDEX_LIST", KVM_GET_MSR_FEATURE_INDEX_LIST, true,
	  4, 4 },
	{ "GET_CPUID2", KVM_GET_CPUID2, false, 8, 40 },
};

/* One request; the count comes back in *count. */
static int ask(int fd, const struct list *l, u32 *count, u32 room)
{
	u32 *p = guarded(l->head + room * l->entry);
	int r;

	*p = *count;
	r = ioctl(fd, l->request, p);
	if (r)
		r = -errno;
	*count = *p;
	return r;
}

CASE(lists_that_kvm_fills)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i, k, n, need;

	for (i = 0; i < ARRAY_LEN(lists); i++) {
		const struct list *l = &lists[i];
		int fd = l->system ? b->kvm : c->fd, r;

		for (need = 0; need < 4096; need++) {
			n = need;
			r = ask(fd, l, &n, need);
			if (r == -EINVAL || r == -ENOTTY)
				break;		/* not there */
			if (!r)
				break;
			CHECK_EQ(r, -E2BIG);
		}
		if (r)
			continue;
		tap_note("%s: %u entries", l->name, need);
		CHECK(n <= need);
		/* one fewer does not do */
		if (need) {
			n = need - 1;
			CHECK_EQ(ask(fd, l, &n, need - 1), -E2BIG);
		}
		/* counts without the memory for them: an error, never a crash */
		for (k = 0; k < ARRAY_LEN(absurd); k++) {
			n = absurd[k];
			r = ask(fd, l, &n, need);
			if (r && r != -E2BIG && r != -EFAULT && r != -ENOMEM &&
			    r != -EINVAL)
				DIE("%s with %#x entries: %d", l->name,
				    absurd[k], r);
		}
	}
}

CASE(cpuid_entries_that_kvm_reads)
{
	static const u32 sizes[] = { 0, 1, 2, 79, 80, 81, 255, 256 };
	struct box *b = box_new();
	struct cpu *c = cpu_raw(b, 0);
	struct kvm_cpuid2 *l;
	u32 i;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		l = guarded(sizeof(*l) + sizes[i] * sizeof(l->entries[0]));
		l->nent = sizes[i];
		CHECK_OK(ioctl(c->fd, KVM_SET_CPUID2, l));
		CHECK_EQ(cpuid_list(c->fd, KVM_GET_CPUID2, 256)->nent, sizes[i]);
		/* one entry more than there is memory for */
		l->nent = sizes[i] + 1;
		CHECK(ioctl(c->fd, KVM_SET_CPUID2, l) == -1);
		CHECK(errno == (sizes[i] == 256 ? E2BIG : EFAULT));
		CHECK_EQ(cpuid_list(c->fd, KVM_GET_CPUID2, 256)->nent, sizes[i]);
	}
	for (i = 0; i < ARRAY_LEN(absurd); i++) {
		l->nent = absurd[i];
		CHECK_ERR(ioctl(c->fd, KVM_SET_CPUID2, l), E2BIG);
	}
}

CASE(msr_entries)
{
	static const u32 sizes[] = { 0, 1, 2, 254, 255 };
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_msrs *m;
	u32 i, k;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		m = guarded(sizeof(*m) + sizes[i] * sizeof(m->entries[0]));
		m->nmsrs = sizes[i];
		for (k = 0; k < sizes[i]; k++)
			m->entries[k].index = MSR_LSTAR;
		CHECK_EQ(ioctl(c->fd, KVM_GET_MSRS, m), sizes[i]);
		CHECK_EQ(ioctl(c->fd, KVM_SET_MSRS, m), sizes[i]);
		m->nmsrs = sizes[i] + 1;
		CHECK(ioctl(c->fd, KVM_GET_MSRS, m) == -1);
		CHECK(errno == EFAULT || errno == E2BIG);
		CHECK(ioctl(c->fd, KVM_SET_MSRS, m) == -1);
		CHECK(errno == EFAULT || errno == E2BIG);
	}
	for (i = 0; i < ARRAY_LEN(absurd); i++) {
		m->nmsrs = absurd[i];
		CHECK_ERR(ioctl(c->fd, KVM_GET_MSRS, m), E2BIG);
		CHECK_ERR(ioctl(c->fd, KVM_SET_MSRS, m), E2BIG);
		CHECK(ioctl(b->kvm, KVM_GET_MSRS, m) == -1);
	}
}

CASE(the_old_cpuid_ioctl)
{
	struct box *b = box_new();
	struct cpu *c = cpu_raw(b, 0);
	struct kvm_cpuid *l = guarded(sizeof(*l));
	u32 i;

	for (i = 0; i < ARRAY_LEN(absurd); i++) {
		l->nent = absurd[i];
		CHECK_ERR(ioctl(c->fd, KVM_SET_CPUID, l), E2BIG);
	}
	l->nent = 1;
	CHECK_ERR(ioctl(c->fd, KVM_SET_CPUID, l), EFAULT);
}
