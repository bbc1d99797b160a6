// SPDX-License-Identifier: GPL-2.0-only
/* CPUID lists, single MSRs and statistics by name. */
#include <stdlib.h>

#include "box.h"

/**
 * cpuid_list() - what a CPUID ioctl gives
 * @fd: system or vCPU descriptor
 * @request: KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID or KVM_GET_CPUID2
 * @room: entries to make room for
 *
 * Return: the list, from malloc.
 */
struct kvm_cpuid2 *cpuid_list(int fd, unsigned long request, u32 room)
{
	struct kvm_cpuid2 *l;

	l = calloc(1, sizeof(*l) + room * sizeof(l->entries[0]));
	CHECK(l);
	l->nent = room;
	CHECK_OK(ioctl(fd, request, l));
	CHECK(l->nent <= room);
	return l;
}

/**
 * cpuid_supported() - KVM_GET_SUPPORTED_CPUID, asked once a case
 */
struct kvm_cpuid2 *cpuid_supported(void)
{
	static struct kvm_cpuid2 *l;

	if (!l) {
		int fd = kvm_dev();

		l = cpuid_list(fd, KVM_GET_SUPPORTED_CPUID, 256);
		close(fd);
	}
	return l;
}

/**
 * cpuid_find() - the entry of a leaf
 * @l: the list
 * @leaf: EAX
 * @sub: ECX, looked at where the entry says that it counts
 *
 * Return: the entry or NULL.
 */
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *l, u32 leaf, u32 sub)
{
	struct kvm_cpuid_entry2 *e;

	for (e = l->entries; e < l->entries + l->nent; e++) {
		bool indexed = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

		if (e->function == leaf && (!indexed || e->index == sub))
			return e;
	}
	return NULL;
}

int cpu_try_cpuid(struct cpu *c, const struct kvm_cpuid2 *l)
{
	return ioctl(c->fd, KVM_SET_CPUID2, l);
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

bool cpu_try_get_msr(struct cpu *c, u32 msr, u64 *v)
{
	struct one_msr m = { .head.nmsrs = 1, .entry.index = msr };
	long n = CHECK_OK(ioctl(c->fd, KVM_GET_MSRS, &m));

	*v = m.entry.data;
	return n == 1;
}

bool cpu_try_set_msr(struct cpu *c, u32 msr, u64 v)
{
	struct one_msr m = {
		.head.nmsrs = 1, .entry.index = msr, .entry.data = v,
	};

	return CHECK_OK(ioctl(c->fd, KVM_SET_MSRS, &m)) == 1;
}

u64 cpu_get_msr(struct cpu *c, u32 msr)
{
	u64 v;

	if (!cpu_try_get_msr(c, msr, &v))
		DIE("cannot read MSR %#x", msr);
	return v;
}

void cpu_set_msr(struct cpu *c, u32 msr, u64 v)
{
	if (!cpu_try_set_msr(c, msr, v))
		DIE("cannot set MSR %#x to %#llx", msr, (unsigned long long)v);
}

/**
 * cpu_stat() - one statistic from a VM's or vCPU's stats descriptor
 * @fd: VM or vCPU
 * @name: its name
 * @found: set to whether there is one of that name
 *
 * Return: its first value.
 */
u64 cpu_stat(int fd, const char *name, bool *found)
{
	struct kvm_stats_header h;
	struct kvm_stats_desc *d;
	int sfd = CHECK_OK(ioctl(fd, KVM_GET_STATS_FD, 0));
	size_t each;
	u64 v = 0;
	u32 i;

	CHECK_EQ(pread(sfd, &h, sizeof(h), 0), sizeof(h));
	each = sizeof(*d) + h.name_size;
	d = malloc(each);
	*found = false;
	for (i = 0; i < h.num_desc && !*found; i++) {
		CHECK_EQ(pread(sfd, d, each, h.desc_offset + i * each), each);
		if (strcmp((char *)d + sizeof(*d), name))
			continue;
		CHECK_EQ(pread(sfd, &v, 8, h.data_offset + d->offset), 8);
		*found = true;
	}
	free(d);
	close(sfd);
	return v;
}

static u64 counter(struct cpu *c, const char *name)
{
	bool found;
	u64 n = cpu_stat(c->fd, name, &found);

	CHECK(found);
	return n;
}

/* How often the vCPU has left the guest. */
u64 cpu_exits(struct cpu *c)
{
	return counter(c, "exits");
}

void cpu_hlt_natively(struct cpu *c, u64 most)
{
	u64 before = counter(c, "insn_emulation"), emulated;

	cpu_expect_exit(c, KVM_EXIT_HLT);
	emulated = counter(c, "insn_emulation") - before;
	if (emulated >= most)
		DIE("%llu instructions were emulated", (unsigned long long)emulated);
}
