// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log while the guest goes on: more pages than hardware notes at a
 * time, and a guest that does not exit by itself between its write and the fetch.
 */
#include <pthread.h>

#define PAGES 1500		/* of which hardware notes 512 */

#include "logged.h"
#include "cpus.h"

#define OTHER_GPA 0x20000000ul
#define OTHER_SLOT 6
#define ROUNDS 40
#define ENOUGH ~0ul

static volatile u64 go GUEST_DATA;	/* the host: write to the page of that number */
static volatile u64 done GUEST_DATA;	/* the guest: it is written */

static u32 reported(const struct scene *s)
{
	u32 i, n = 0;

	for (i = 0; i < WORDS; i++)
		n += __builtin_popcountll(s->map[i]);
	return n;
}

/* All pages of the slot, then all even ones, then none, again and again */
static GUEST void all_and_half(void)
{
	u64 i;

	for (;;) {
		for (i = 0; i < PAGES; i++)
			g_write64(GPA + i * PAGE, i);
		g_sync(1, 0);
		for (i = 0; i < PAGES; i += 2)
			g_write64(GPA + i * PAGE + 16, i);
		g_sync(2, 0);
		for (i = 0; i < PAGES; i++)
			g_read64(GPA + i * PAGE);
		g_sync(3, 0);
	}
}

static void all_half_none(struct scene *s)
{
	u32 i;

	cpu_expect_sync(s->c, 1);
	fetch(s);
	CHECK_EQ(reported(s), PAGES);
	cpu_expect_sync(s->c, 2);
	fetch(s);
	for (i = 0; i < PAGES / 64; i++)
		CHECK_EQ(s->map[i], 0x5555555555555555ul);
	CHECK_EQ(reported(s), PAGES / 2);
	cpu_expect_sync(s->c, 3);
	fetch(s);
	CHECK_EQ(reported(s), 0);
}

CASE(more_pages_than_hardware_notes)
{
	struct scene *s = scene(KVM_MEM_LOG_DIRTY_PAGES);

	cpu_long(s->c, all_and_half);
	all_half_none(s);
	all_half_none(s);
}

CASE(logging_begins_and_ends_while_all_is_mapped)
{
	struct scene *s = scene(0);
	int i;

	cpu_long(s->c, all_and_half);
	for (i = 1; i <= 3; i++)
		cpu_expect_sync(s->c, i);
	for (i = 0; i < 3; i++) {
		box_slot(s->b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE, s->mem);
		all_half_none(s);
		box_slot(s->b, SLOT, 0, GPA, PAGES * PAGE, s->mem);
		cpu_expect_sync(s->c, 1);
		cpu_expect_sync(s->c, 2);
		cpu_expect_sync(s->c, 3);
	}
}

/* The log of one slot goes on when another one's ends, or the other one goes. */
CASE(slots_are_logged_each_for_itself)
{
	struct scene *s = scene(KVM_MEM_LOG_DIRTY_PAGES);
	void *other = host_pages(16 * PAGE);

	cpu_long(s->c, all_and_half);
	box_slot(s->b, OTHER_SLOT, KVM_MEM_LOG_DIRTY_PAGES, OTHER_GPA, 16 * PAGE, other);
	all_half_none(s);
	box_slot(s->b, OTHER_SLOT, 0, OTHER_GPA, 16 * PAGE, other);
	all_half_none(s);
	box_slot(s->b, OTHER_SLOT, KVM_MEM_LOG_DIRTY_PAGES, OTHER_GPA, 16 * PAGE, other);
	box_slot(s->b, OTHER_SLOT, 0, OTHER_GPA, 0, NULL);
	all_half_none(s);
}

/* A vCPU made while a slot is logged; and pages that are written by two of them */
CASE(a_later_vcpu_is_logged_too)
{
	struct scene *s = scene(KVM_MEM_LOG_DIRTY_PAGES);

	cpu_long(s->c, all_and_half);
	all_half_none(s);
	s->c = cpu_new(s->b, 1);
	cpu_long(s->c, all_and_half);
	all_half_none(s);
}

static GUEST void writer_without_exits(void)
{
	u64 n;

	/* Mapped they are: no fault tells of the write. */
	for (n = 0; n < PAGES; n++)
		g_read64(GPA + n * PAGE);
	n = 0;
	for (;;) {
		while (go == n)
			asm volatile("pause");
		n = go;
		if (n == ENOUGH)
			g_done();
		g_write64(GPA + n * PAGE, n);
		done = n;
	}
}

static void *runs(void *c)
{
	cpus_stay_on(1);
	cpu_expect_done(c);
	return NULL;
}

static bool fetched(struct scene *s, u64 page)
{
	fetch(s);
	return s->map[page / 64] >> page % 64 & 1;
}

static bool cleared(struct scene *s, u64 page)
{
	struct kvm_clear_dirty_log clear = {
		.slot = SLOT, .num_pages = PAGES, .dirty_bitmap = s->map };
	bool found = fetched(s, page);

	CHECK_OK(ioctl(s->b->fd, KVM_CLEAR_DIRTY_LOG, &clear));
	return found;
}

/* What the guest wrote before the fetch began is in it, though nothing made it exit. */
static void guest_keeps_running(struct scene *s, bool (*look)(struct scene *s, u64 page))
{
	pthread_t t;
	u64 n;

	/* What the host has written to is writable for the guest from its first read on. */
	memset(s->mem, 1, PAGES * PAGE);
	cpus_stay_on(0);
	cpu_long(s->c, writer_without_exits);
	CHECK_EQ(pthread_create(&t, NULL, runs, s->c), 0);
	for (n = 1; n <= ROUNDS; n++) {
		u64 page = n * 37 % PAGES;

		GV(s->b, go) = page;
		while (GV(s->b, done) != page)
			usleep(50);
		CHECK(look(s, page));
	}
	GV(s->b, go) = ENOUGH;
	CHECK_EQ(pthread_join(t, NULL), 0);
}

/* # stock: expected fail because it does not wait until the vCPUs have told what hardware noted (with PML) */
CASE_STOCK_FAILS(a_fetch_finds_the_writes_of_a_guest_that_does_not_exit, "does not wait for the vCPUs")
{
	guest_keeps_running(scene(KVM_MEM_LOG_DIRTY_PAGES), fetched);
}

/* # stock: expected fail because of the same */
CASE_STOCK_FAILS(so_it_does_when_clearing_is_apart, "does not wait for the vCPUs")
{
	struct scene *s = scene(0);

	CHECK_OK(box_enable(s->b, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			    KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE));
	box_slot(s->b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE, s->mem);
	guest_keeps_running(s, cleared);
}

/* Bits that are set from the start, and taken back in parts */
CASE(all_dirty_at_first)
{
	struct scene *s = scene(0);
	struct kvm_clear_dirty_log clear = { .slot = SLOT, .num_pages = 128 };
	u32 i;

	CHECK_OK(box_enable(s->b, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			    KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET));
	cpu_long(s->c, all_and_half);
	cpu_expect_sync(s->c, 1);
	box_slot(s->b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE, s->mem);
	fetch(s);
	CHECK_EQ(reported(s), PAGES);
	clear.dirty_bitmap = s->map;
	CHECK_OK(ioctl(s->b->fd, KVM_CLEAR_DIRTY_LOG, &clear));
	fetch(s);
	for (i = 0; i < 2; i++)
		CHECK_EQ(s->map[i], 0);
	CHECK_EQ(reported(s), PAGES - 128);
	cpu_expect_sync(s->c, 2);
	fetch(s);
	for (i = 0; i < 2; i++)
		CHECK_EQ(s->map[i], 0x5555555555555555ul);
	CHECK_EQ(reported(s), PAGES - 64);
}
