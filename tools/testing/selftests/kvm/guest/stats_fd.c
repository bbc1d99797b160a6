// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_STATS_FD: the binary statistics of VMs and vCPUs. */
#include <stdlib.h>

#include "box.h"

struct stats {
	int fd;
	struct kvm_stats_header h;
	u8 *desc;
	size_t each;
};

static struct stats open_stats(int fd)
{
	struct stats s = { .fd = CHECK_OK(ioctl(fd, KVM_GET_STATS_FD, 0)) };

	CHECK_EQ(pread(s.fd, &s.h, sizeof(s.h), 0), sizeof(s.h));
	s.each = sizeof(struct kvm_stats_desc) + s.h.name_size;
	s.desc = malloc(s.each * s.h.num_desc);
	CHECK_EQ(pread(s.fd, s.desc, s.each * s.h.num_desc, s.h.desc_offset),
		 s.each * s.h.num_desc);
	return s;
}

static struct kvm_stats_desc *nth(struct stats *s, u32 i)
{
	return (void *)(s->desc + i * s->each);
}

static const char *name_of(struct kvm_stats_desc *d)
{
	return (char *)d + sizeof(*d);
}

static void consistent(int fd, const char *id_part)
{
	struct stats s = open_stats(fd);
	char id[256] = { 0 };
	u64 words = 0;
	u32 i, k;
	u64 *data;

	CHECK_EQ(s.h.flags, 0);
	CHECK(s.h.name_size >= 16 && s.h.name_size % 8 == 0);
	CHECK(s.h.num_desc > 3);
	CHECK(s.h.id_offset >= sizeof(s.h));
	CHECK(s.h.desc_offset >= s.h.id_offset + 8);
	CHECK(s.h.data_offset >= s.h.desc_offset + s.each * s.h.num_desc);
	CHECK(pread(s.fd, id, s.h.name_size, s.h.id_offset) > 0);
	CHECK(strstr(id, "kvm-"));
	CHECK(strstr(id, id_part) || !*id_part);
	for (i = 0; i < s.h.num_desc; i++) {
		struct kvm_stats_desc *d = nth(&s, i);

		CHECK(memchr(name_of(d), 0, s.h.name_size));
		CHECK(*name_of(d));
		CHECK((d->flags & KVM_STATS_TYPE_MASK) <= KVM_STATS_TYPE_MAX);
		CHECK((d->flags & KVM_STATS_UNIT_MASK) <= KVM_STATS_UNIT_MAX);
		CHECK((d->flags & KVM_STATS_BASE_MASK) <= KVM_STATS_BASE_MAX);
		CHECK(d->size >= 1);
		CHECK_EQ(d->offset % 8, 0);
		if ((d->flags & KVM_STATS_TYPE_MASK) == KVM_STATS_TYPE_LINEAR_HIST)
			CHECK(d->bucket_size > 0);
		else
			CHECK_EQ(d->bucket_size, 0);
		if (d->offset / 8 + d->size > words)
			words = d->offset / 8 + d->size;
		for (k = 0; k < i; k++) {
			struct kvm_stats_desc *e = nth(&s, k);

			if (!strcmp(name_of(d), name_of(e)))
				DIE("%s is there twice", name_of(d));
			if (d->offset < e->offset + e->size * 8u &&
			    e->offset < d->offset + d->size * 8u)
				DIE("%s overlaps %s", name_of(d), name_of(e));
		}
	}
	data = malloc(words * 8);
	CHECK_EQ(pread(s.fd, data, words * 8, s.h.data_offset), words * 8);
	/* at the very end there is no more */
	CHECK_EQ(pread(s.fd, data, 8, s.h.data_offset + words * 8 + 8 * PAGE), 0);
}

CASE(vm_statistics_are_consistent)
{
	consistent(box_new()->fd, "");
}

CASE(vcpu_statistics_are_consistent)
{
	consistent(cpu_new(box_new(), 3)->fd, "vcpu-3");
}

static void has_all(int fd, const char * const *names, u32 n)
{
	bool found;
	u32 i;

	for (i = 0; i < n; i++) {
		cpu_stat(fd, names[i], &found);
		if (!found)
			DIE("no statistic '%s'", names[i]);
	}
}

CASE(the_established_names_are_there)
{
	static const char * const vm[] = {
		"remote_tlb_flush", "remote_tlb_flush_requests",
		"mmu_shadow_zapped", "mmu_pte_write", "mmu_pde_zapped",
		"mmu_flooded", "mmu_recycled", "mmu_cache_miss", "mmu_unsync",
		"pages_4k", "pages_2m", "pages_1g", "nx_lpage_splits",
		"max_mmu_rmap_size", "max_mmu_page_hash_collisions",
	};
	static const char * const vcpu[] = {
		"halt_successful_poll", "halt_attempted_poll",
		"halt_poll_invalid", "halt_wakeup", "halt_poll_success_ns",
		"halt_poll_fail_ns", "halt_wait_ns", "blocking",
		"halt_poll_success_hist", "halt_poll_fail_hist",
		"halt_wait_hist", "pf_taken", "pf_fixed", "pf_emulate",
		"pf_spurious", "pf_fast", "pf_mmio_spte_created", "pf_guest",
		"tlb_flush", "invlpg", "exits", "io_exits", "mmio_exits",
		"signal_exits", "irq_window_exits", "nmi_window_exits",
		"l1d_flush", "halt_exits", "request_irq_exits", "irq_exits",
		"host_state_reload", "fpu_reload", "insn_emulation",
		"insn_emulation_fail", "hypercalls", "irq_injections",
		"nmi_injections", "req_event", "nested_run",
		"directed_yield_attempted", "directed_yield_successful",
		"preemption_reported", "preemption_other", "guest_mode",
		"notify_window_exits",
	};
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	has_all(b->fd, vm, ARRAY_LEN(vm));
	has_all(c->fd, vcpu, ARRAY_LEN(vcpu));
}

static GUEST void work(void)
{
	u32 i, a, b, c, d;

	for (i = 0; i < 10; i++) {
		g_cpuid(0, 0, &a, &b, &c, &d);
		g_write32(LAY_MMIO, i);
		g_out8(0x510, i);
	}
	g_hlt();
	g_sync(1, 0);
	g_done();
}

CASE(the_counters_count)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 io = 0, mmio = 0;
	bool f;

	cpu_long(c, work);
	while (cpu_go(c) == HEARD_EXIT && c->run->exit_reason != KVM_EXIT_HLT) {
		io += c->run->exit_reason == KVM_EXIT_IO;
		mmio += c->run->exit_reason == KVM_EXIT_MMIO;
	}
	CHECK_EQ(io, 10);
	CHECK_EQ(mmio, 10);
	CHECK(cpu_stat(c->fd, "exits", &f) >= 31);
	CHECK(cpu_stat(c->fd, "io_exits", &f) >= 10);
	CHECK_EQ(cpu_stat(c->fd, "mmio_exits", &f), 10);
	CHECK_EQ(cpu_stat(c->fd, "halt_exits", &f), 1);
	CHECK(cpu_stat(c->fd, "insn_emulation", &f) >= 10);
	CHECK(cpu_stat(c->fd, "pf_taken", &f) > 0);
}

CASE(reads_of_odd_places_are_harmless)
{
	struct box *b = box_new();
	int fd = CHECK_OK(ioctl(b->fd, KVM_GET_STATS_FD, 0));
	u8 one[2 * PAGE];
	u64 all = 0;
	ssize_t n;
	u32 i;

	/* byte by byte gives the same as at once */
	n = pread(fd, one, sizeof(one), 0);
	CHECK(n > 100);
	for (i = 0; i < 100; i++) {
		u8 v;

		CHECK_EQ(pread(fd, &v, 1, i), 1);
		CHECK_EQ(v, one[i]);
	}
	while ((n = read(fd, one, 7)) > 0)
		all += n;
	CHECK_EQ(n, 0);
	CHECK(all > 100);
	CHECK_EQ(pread(fd, one, 8, 1ull << 40), 0);
	CHECK_ERR(write(fd, one, 8), EBADF);
	CHECK_ERR(ioctl(fd, KVM_GET_STATS_FD, 0), ENOTTY);
}
