// SPDX-License-Identifier: GPL-2.0-only
/* A halted vCPU looks for a while before it sleeps: KVM_CAP_HALT_POLL, and what is counted. */
#include <stdlib.h>

#include "irqs.h"

#define APIC_EOI 0xfee000b0ul
#define APIC_SVR 0xfee000f0ul
#define APIC_LVTT 0xfee00320ul
#define APIC_TMICT 0xfee00380ul
#define APIC_TDCR 0xfee003e0ul
#define VEC 0x41

static int try_limit(struct box *b, u64 ns, u32 flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL, .flags = flags, .args = { ns } };

	return ioctl(b->fd, KVM_ENABLE_CAP, &cap);
}

static GUEST void on_timer(struct trap *t)
{
	g_write32(APIC_EOI, 0);
}

/* @times halts, each ended by the timer after @ticks */
static volatile u64 times GUEST_DATA, ticks GUEST_DATA;

static GUEST void halt(void)
{
	u64 i;

	g_handlers[VEC] = on_timer;
	g_write32(APIC_SVR, 0x1ff);
	g_write32(APIC_TDCR, 0xb);
	g_write32(APIC_LVTT, VEC);
	for (;;) {
		for (i = 0; i < times; i++) {
			g_cli();
			g_write32(APIC_TMICT, ticks);
			g_sti_hlt();
		}
		g_sync(1, 0);
	}
}

static u64 stat_of(struct cpu *c, const char *name)
{
	bool found;
	u64 v = cpu_stat(c->fd, name, &found);

	if (!found)
		DIE("no statistic %s", name);
	return v;
}

/* The sum of a histogram's buckets */
static u64 all_of(struct cpu *c, const char *name)
{
	struct kvm_stats_header h;
	struct kvm_stats_desc *d;
	int fd = CHECK_OK(ioctl(c->fd, KVM_GET_STATS_FD, 0));
	u64 *v, sum = 0;
	u32 i, j;

	CHECK_EQ(pread(fd, &h, sizeof(h), 0), sizeof(h));
	d = malloc(sizeof(*d) + h.name_size);
	for (i = 0; i < h.num_desc; i++) {
		size_t each = sizeof(*d) + h.name_size;

		CHECK_EQ(pread(fd, d, each, h.desc_offset + i * each), each);
		if (strcmp((char *)d + sizeof(*d), name))
			continue;
		v = calloc(d->size, 8);
		CHECK_EQ(pread(fd, v, d->size * 8, h.data_offset + d->offset), d->size * 8);
		for (j = 0; j < d->size; j++)
			sum += v[j];
		close(fd);
		return sum;
	}
	DIE("no histogram %s", name);
}

static void halts(struct cpu *c, u64 n, u64 each)
{
	GV(c->box, times) = n;
	GV(c->box, ticks) = each;
	cpu_expect_sync(c, 1);
}

static struct cpu *cpu_that_halts(struct box *b)
{
	struct cpu *c = cpu_new(b, 0);

	NEED_CAP(KVM_CAP_HALT_POLL);
	cpu_long(c, halt);
	return c;
}

CASE(wrong_arguments)
{
	struct box *b = box_new();

	NEED_CAP(KVM_CAP_HALT_POLL);
	CHECK_ERR(try_limit(b, 1ull << 32, 0), EINVAL);
	CHECK_ERR(try_limit(b, 1000, 1), EINVAL);
	CHECK_OK(try_limit(b, 0xffffffff, 0));
	CHECK_OK(try_limit(b, 0, 0));
}

CASE(a_limit_of_nothing_means_sleep)
{
	struct box *b = irqs_box_full();
	struct cpu *c;

	CHECK_OK(try_limit(b, 0, 0));
	c = cpu_that_halts(b);
	halts(c, 10, 5000000);
	CHECK_EQ(stat_of(c, "halt_attempted_poll"), 0);
	CHECK_EQ(stat_of(c, "halt_successful_poll"), 0);
	CHECK_EQ(all_of(c, "halt_poll_fail_hist"), 0);
	CHECK(stat_of(c, "halt_exits") > 0);
	CHECK(stat_of(c, "halt_wakeup") > 0);
	CHECK(stat_of(c, "halt_wait_ns") > 1000000);
	CHECK(all_of(c, "halt_wait_hist") > 0);
}

CASE_SLOW(with_a_limit_it_looks_first, 30, NULL)
{
	struct box *b = irqs_box_full();
	struct cpu *c;
	int i;

	CHECK_OK(try_limit(b, 100000000, 0));
	c = cpu_that_halts(b);
	/* The look grows until it catches such a halt, unless others want this CPU. */
	for (i = 0; i < 50 && !stat_of(c, "halt_successful_poll"); i++)
		halts(c, 20, 5000000);
	CHECK(stat_of(c, "halt_successful_poll") > 0);
	CHECK(stat_of(c, "halt_poll_success_ns") > 0);
	CHECK_EQ(all_of(c, "halt_poll_success_hist"), stat_of(c, "halt_successful_poll"));
	CHECK_EQ(all_of(c, "halt_poll_success_hist") + all_of(c, "halt_poll_fail_hist"),
		 stat_of(c, "halt_attempted_poll"));
	CHECK(stat_of(c, "halt_attempted_poll") <= stat_of(c, "halt_exits"));
	CHECK_EQ(stat_of(c, "halt_poll_invalid"), 0);
	CHECK_EQ(stat_of(c, "blocking"), 0);
}
