// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two vCPUs use memory at full speed while the host replaces, copies and moves
 * it. What the guest finds must always be a state that the host allowed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "box.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define GPA 0x10000000ul
#define SLOT 5
#define CPUS 2
#define RUN_MS 2500

static volatile u32 stop GUEST_DATA;
static volatile u64 rounds[CPUS] GUEST_DATA;

struct runner {
	struct cpu *c;
	pthread_t thread;
	u64 mmio;
};

static struct runner runner[CPUS];

/* Run until the payload is done; accesses to a slot that is away go nowhere. */
static void *run_until_done(void *arg)
{
	struct runner *r = arg;

	for (;;) {
		switch (cpu_go(r->c)) {
		case HEARD_DONE:
			return NULL;
		case HEARD_SYNC:
			break;
		case HEARD_EXIT:
			CHECK_EQ(r->c->run->exit_reason, KVM_EXIT_MMIO);
			memset(r->c->run->mmio.data, 0, 8);
			r->mmio++;
			break;
		}
	}
}

static void start(struct box *b, void (*payload)(u64))
{
	unsigned int i;

	for (i = 0; i < CPUS; i++) {
		runner[i].c = cpu_new(b, i);
		cpu_long_arg(runner[i].c, payload, i);
	}
	for (i = 0; i < CPUS; i++)
		CHECK(!pthread_create(&runner[i].thread, NULL, run_until_done, &runner[i]));
}

static void finish(struct box *b)
{
	unsigned int i;

	GV(b, stop) = 1;
	for (i = 0; i < CPUS; i++) {
		CHECK(!pthread_join(runner[i].thread, NULL));
		CHECK(GV(b, rounds[i]));
	}
}

static bool time_is_up(void)
{
	static struct timespec begin;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!begin.tv_sec)
		begin = now;
	return (now.tv_sec - begin.tv_sec) * 1000 +
	       (now.tv_nsec - begin.tv_nsec) / 1000000 > RUN_MS;
}

G_INLINE u64 next_random(u64 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* --- pages that are replaced behind the guest's back --- */

#define STAMPED 16
static volatile u64 promised[STAMPED] GUEST_DATA;

/* A page that was replaced before its stamp was promised must not be seen again. */
GUEST static void reader(u64 me)
{
	u64 i = 0;

	while (!stop) {
		u64 least = promised[i];

		G_CHECK(g_read64(GPA + i * PAGE) >= least);
		i = (i + 1) % STAMPED;
		rounds[me]++;
	}
	g_done();
}

CASE(a_page_that_was_replaced_is_never_seen_again)
{
	struct box *b = box_new();
	u8 *mem = box_memory(b, SLOT, 0, GPA, STAMPED * PAGE);
	u64 stamp, swaps = 0;

	memset(mem, 0, STAMPED * PAGE);
	start(b, reader);
	for (stamp = 1; !time_is_up(); stamp++) {
		u64 *fresh = host_pages(PAGE);
		unsigned int i = stamp % STAMPED;

		fresh[0] = stamp;
		CHECK(mremap(fresh, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     mem + i * PAGE) != MAP_FAILED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		GV(b, promised[i]) = stamp;
		swaps++;
	}
	finish(b);
	tap_note("%lu pages replaced, %lu and %lu reads", swaps,
		 GV(b, rounds[0]), GV(b, rounds[1]));
}

/* --- writes under dirty logging --- */

#define LOGGED 1024
#define LOG_WORDS (LOGGED / 64)

/* Each vCPU counts in a word of its own in every page, and knows what stands there. */
static volatile u32 expected[CPUS][LOGGED] GUEST_DATA;

GUEST static void counter(u64 me)
{
	u64 x = 88172645463325252ull + me;

	while (!stop) {
		u64 i = next_random(&x) % LOGGED;
		u64 at = GPA + i * PAGE + 64 * me;

		G_CHECK_EQ(g_read32(at), expected[me][i]);
		expected[me][i]++;
		g_write32(at, expected[me][i]);
		rounds[me]++;
	}
	g_done();
}

/* Copy what the log names, as a migration would. */
static u64 copy_dirty(struct box *b, const u8 *mem, u8 *copy)
{
	u64 map[LOG_WORDS], n = 0;
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = map };
	unsigned int i;

	CHECK_OK(ioctl(b->fd, KVM_GET_DIRTY_LOG, &log));
	for (i = 0; i < LOGGED; i++) {
		if (!(map[i / 64] >> i % 64 & 1))
			continue;
		memcpy(copy + i * PAGE, mem + i * PAGE, PAGE);
		n++;
	}
	return n;
}

static void migrate(struct box *b, u8 *mem, int advice)
{
	u8 *copy = host_pages(LOGGED * PAGE);
	u64 copied = 0, passes = 0;

	start(b, counter);
	box_slot(b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, LOGGED * PAGE, mem);
	/* what was written before logging began is copied whole */
	memcpy(copy, mem, LOGGED * PAGE);
	for (; !time_is_up(); passes++) {
		if (advice)
			madvise(mem + passes % 2 * 2 * MEG, 2 * MEG, advice);
		copied += copy_dirty(b, mem, copy);
	}
	finish(b);
	copied += copy_dirty(b, mem, copy);
	CHECK_MEM_EQ(copy, mem, LOGGED * PAGE);
	tap_note("%lu passes, %lu pages copied, %lu and %lu writes", passes, copied,
		 GV(b, rounds[0]), GV(b, rounds[1]));
}

CASE(no_write_escapes_the_dirty_log)
{
	struct box *b = box_new();
	u8 *mem = box_memory(b, SLOT, 0, GPA, LOGGED * PAGE);

	madvise(mem, LOGGED * PAGE, MADV_NOHUGEPAGE);
	memset(mem, 0, LOGGED * PAGE);
	migrate(b, mem, 0);
}

CASE(no_write_escapes_the_dirty_log_of_huge_pages)
{
	struct box *b = box_new();
	u8 *mem = box_memory(b, SLOT, 0, GPA, LOGGED * PAGE);

	madvise(mem, LOGGED * PAGE, MADV_HUGEPAGE);
	memset(mem, 0, LOGGED * PAGE);
	migrate(b, mem, MADV_COLLAPSE);
}

/* --- logging switched, pages split, collapsed and copied on write --- */

static void fork_and_forget(void)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
}

CASE(contents_survive_all_that_the_host_does_to_pages)
{
	struct box *b = box_new();
	u8 *mem = box_memory(b, SLOT, 0, GPA, LOGGED * PAGE);
	unsigned int turn;

	madvise(mem, LOGGED * PAGE, MADV_HUGEPAGE);
	memset(mem, 0, LOGGED * PAGE);
	start(b, counter);
	for (turn = 0; !time_is_up(); turn++) {
		switch (turn % 6) {
		case 0:
			box_slot(b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, LOGGED * PAGE, mem);
			break;
		case 1:
			fork_and_forget();
			break;
		case 2:
			box_slot(b, SLOT, 0, GPA, LOGGED * PAGE, mem);
			break;
		case 3:
			/* splits the huge page that a protection change cuts */
			mprotect(mem + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
			mprotect(mem + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE);
			break;
		case 4:
			madvise(mem, 2 * MEG, MADV_COLLAPSE);
			break;
		case 5:
			madvise(mem + 2 * MEG, 2 * MEG, MADV_COLD);
			break;
		}
	}
	finish(b);
	tap_note("%u turns, %lu and %lu writes", turn, GV(b, rounds[0]), GV(b, rounds[1]));
}

/* --- a slot that comes and goes --- */

GUEST static void toucher(u64 me)
{
	u64 x = 88172645463325252ull + me;

	while (!stop) {
		u64 at = GPA + next_random(&x) % LOGGED * PAGE + 64 * me;

		g_write32(at, rounds[me]);
		g_read32(at);
		rounds[me]++;
	}
	g_done();
}

CASE(a_slot_comes_and_goes_under_running_vcpus)
{
	struct box *b = box_new();
	u8 *mem = box_memory(b, SLOT, 0, GPA, LOGGED * PAGE);
	u64 turns;

	start(b, toucher);
	for (turns = 0; !time_is_up(); turns++) {
		box_slot(b, SLOT, 0, GPA, 0, mem);
		madvise(mem, LOGGED * PAGE, MADV_DONTNEED);
		box_slot(b, SLOT, 0, turns & 1 ? GPA : GPA + MEG, LOGGED / 2 * PAGE, mem);
		madvise(mem, LOGGED / 4 * PAGE, MADV_DONTNEED);
	}
	finish(b);
	tap_note("%lu turns, %lu and %lu accesses, %lu of them without memory", turns,
		 GV(b, rounds[0]), GV(b, rounds[1]), runner[0].mmio + runner[1].mmio);
}

/* The host's memory comes back at once: nothing of the guest keeps a page. */
CASE(memory_given_back_reads_as_zero)
{
	struct box *b = box_new();
	u8 *mem = box_memory(b, SLOT, 0, GPA, LOGGED * PAGE);
	u64 turns;

	start(b, toucher);
	for (turns = 0; !time_is_up(); turns++)
		madvise(mem + turns % LOGGED * PAGE, PAGE, MADV_DONTNEED);
	finish(b);
	madvise(mem, LOGGED * PAGE, MADV_DONTNEED);
	CHECK_EQ(mem[0] | mem[64] | mem[PAGE] | mem[PAGE + 64], 0);
}
