// SPDX-License-Identifier: GPL-2.0-only
/* Large mappings follow the host's; what the host takes away is gone. */
#include <sys/mman.h>

#include "box.h"

#define GPA 0x40000000ul
#define SLOT 4

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

static volatile u64 first GUEST_DATA;
static volatile u64 last GUEST_DATA;
static volatile u64 step GUEST_DATA;

static GUEST void touch(void)
{
	u64 a, sum;

	for (;;) {
		for (a = first, sum = 0; a < last; a += step) {
			g_write64(a, a + 1);
			sum += g_read64(a) == a + 1;
		}
		g_sync(1, sum);
	}
}

static u64 stat(struct box *b, const char *name)
{
	bool found;
	u64 v = cpu_stat(b->fd, name, &found);

	if (!found)
		tap_skip("no statistic %s", name);
	return v;
}

static void range(struct box *b, u64 from, u64 to, u64 by)
{
	GV(b, first) = from;
	GV(b, last) = to;
	GV(b, step) = by;
}

CASE(small_pages)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *m = host_pages_aligned(4 * MEG, 2 * MEG);
	u64 before;

	madvise(m, 4 * MEG, MADV_NOHUGEPAGE);
	box_slot(b, SLOT, 0, GPA, 4 * MEG, m);
	range(b, GPA, GPA + 4 * MEG, PAGE);
	cpu_long(c, touch);
	before = stat(b, "pages_4k");
	CHECK_EQ(cpu_expect_sync(c, 1), 1024);
	CHECK(stat(b, "pages_4k") >= before + 1024);
	CHECK_EQ(stat(b, "pages_2m"), 0);
}

CASE(two_megabyte_pages)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *m = host_pages_aligned(8 * MEG, 2 * MEG);
	bool f;
	u64 faults;

	madvise(m, 8 * MEG, MADV_HUGEPAGE);
	memset(m, 0, 8 * MEG);
	box_slot(b, SLOT, 0, GPA, 8 * MEG, m);
	range(b, GPA, GPA + 8 * MEG, PAGE);
	cpu_long(c, touch);
	CHECK_EQ(cpu_expect_sync(c, 1), 2048);
	if (!stat(b, "pages_2m"))
		tap_skip("the host gave no huge pages");
	CHECK_EQ(stat(b, "pages_2m"), 4);
	faults = cpu_stat(c->fd, "pf_taken", &f);
	CHECK(faults < 100);
	CHECK_EQ(cpu_expect_sync(c, 1), 2048);
	CHECK(cpu_stat(c->fd, "pf_taken", &f) - faults < 10);
}

CASE(offsets_that_do_not_fit_stay_small)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *m = host_pages_aligned(8 * MEG, 2 * MEG);

	madvise(m, 8 * MEG, MADV_HUGEPAGE);
	memset(m, 0, 8 * MEG);
	/* guest and host addresses differ modulo 2 MiB */
	box_slot(b, SLOT, 0, GPA, 4 * MEG, m + PAGE);
	range(b, GPA, GPA + 4 * MEG, PAGE);
	cpu_long(c, touch);
	CHECK_EQ(cpu_expect_sync(c, 1), 1024);
	CHECK_EQ(stat(b, "pages_2m"), 0);
	CHECK_EQ(*(u64 *)(m + PAGE + 17 * PAGE), GPA + 17 * PAGE + 1);
}

CASE(the_ends_of_a_slot_stay_small)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *m = host_pages_aligned(8 * MEG, 2 * MEG);

	madvise(m, 8 * MEG, MADV_HUGEPAGE);
	memset(m, 0, 8 * MEG);
	box_slot(b, SLOT, 0, GPA + MEG, 4 * MEG, m + MEG);
	range(b, GPA + MEG, GPA + 5 * MEG, PAGE);
	cpu_long(c, touch);
	CHECK_EQ(cpu_expect_sync(c, 1), 1024);
	CHECK(stat(b, "pages_2m") <= 1);
	/* nothing beyond the slot was mapped along */
	range(b, GPA, GPA + PAGE, PAGE);
	cpu_expect_mmio(c, true, GPA, 8);
}

CASE(one_gigabyte_pages)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *m = mmap(NULL, GIG, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		     30 << MAP_HUGE_SHIFT, -1, 0);

	if (m == MAP_FAILED)
		tap_skip("no 1 GiB page to be had");
	box_slot(b, SLOT, 0, GPA, GIG, m);
	range(b, GPA, GPA + GIG, 64 * MEG);
	cpu_long(c, touch);
	CHECK_EQ(cpu_expect_sync(c, 1), 16);
	if (!(cpuid_find(cpuid_supported(), 0x80000001, 0)->edx >> 26 & 1))
		return;
	CHECK_EQ(stat(b, "pages_1g"), 1);
}

static GUEST void peek(void)
{
	for (;;)
		g_sync(1, g_read64(GPA));
}

static GUEST void poke(void)
{
	for (;;) {
		g_write64(GPA, 0x77);
		g_sync(1, 0);
	}
}

CASE(discarded_memory_reads_zero)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = box_memory(b, SLOT, 0, GPA, 2 * MEG);

	m[0] = 5;
	cpu_long(c, peek);
	CHECK_EQ(cpu_expect_sync(c, 1), 5);
	CHECK_OK(madvise(m, 2 * MEG, MADV_DONTNEED));
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	m[0] = 6;
	CHECK_EQ(cpu_expect_sync(c, 1), 6);
}

CASE(replaced_memory_is_seen)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = box_memory(b, SLOT, 0, GPA, PAGE), *n = host_pages(PAGE);

	m[0] = 5;
	n[0] = 9;
	cpu_long(c, peek);
	CHECK_EQ(cpu_expect_sync(c, 1), 5);
	CHECK(mremap(n, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, m) == m);
	CHECK_EQ(cpu_expect_sync(c, 1), 9);
}

CASE(unmapped_memory_fails_the_run)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = box_memory(b, SLOT, 0, GPA, PAGE);

	m[0] = 5;
	cpu_long(c, peek);
	CHECK_EQ(cpu_expect_sync(c, 1), 5);
	CHECK_OK(munmap(m, PAGE));
	CHECK_EQ(cpu_run(c), -EFAULT);
	/* with memory there again the guest goes on where it was */
	CHECK(mmap(m, PAGE, PROT_READ | PROT_WRITE,
		   MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == m);
	m[0] = 8;
	CHECK_EQ(cpu_expect_sync(c, 1), 8);
}

CASE(memory_made_read_only_by_the_host_fails_writes)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = box_memory(b, SLOT, 0, GPA, PAGE);

	cpu_long(c, poke);
	cpu_expect_sync(c, 1);
	CHECK_EQ(m[0], 0x77);
	m[0] = 1;
	CHECK_OK(mprotect(m, PAGE, PROT_READ));
	CHECK_EQ(cpu_run(c), -EFAULT);
	CHECK_EQ(m[0], 1);
	CHECK_OK(mprotect(m, PAGE, PROT_READ | PROT_WRITE));
	cpu_expect_sync(c, 1);
	CHECK_EQ(m[0], 0x77);
}

CASE(file_memory_is_shared)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	int fd = CHECK_OK(memfd_create("ram", 0));
	u64 *m, *other;

	CHECK_OK(ftruncate(fd, PAGE));
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	box_slot(b, SLOT, 0, GPA, PAGE, m);
	cpu_long(c, poke);
	cpu_expect_sync(c, 1);
	CHECK_EQ(other[0], 0x77);
	/* the page goes out of the file: the run fails, and lives on after */
	other[0] = 3;
	CHECK_OK(ftruncate(fd, 0));
	CHECK_EQ(cpu_run(c), -EFAULT);
	CHECK_OK(ftruncate(fd, PAGE));
	cpu_expect_sync(c, 1);
	CHECK_EQ(other[0], 0x77);
}

CASE(copy_on_write_after_fork_keeps_parent_and_child_apart)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = box_memory(b, SLOT, 0, GPA, PAGE);
	int to_child[2], to_parent[2];
	u64 v = 0;

	m[0] = 1;
	cpu_long(c, poke);
	CHECK_OK(pipe(to_child));
	CHECK_OK(pipe(to_parent));
	m[0] = 1;
	if (!fork()) {
		CHECK_EQ(read(to_child[0], &v, 1), 1);
		CHECK_EQ(write(to_parent[1], m, 8), 8);
		_exit(0);
	}
	cpu_expect_sync(c, 1);
	CHECK_EQ(m[0], 0x77);
	CHECK_EQ(write(to_child[1], "x", 1), 1);
	CHECK_EQ(read(to_parent[0], &v, 8), 8);
	CHECK_EQ(v, 1);
}

CASE(the_zero_page_is_not_written)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = box_memory(b, SLOT, 0, GPA, PAGE), *n = host_pages(PAGE);

	/* both map the shared page of zeros, the guest reads it first */
	(void)*(volatile u64 *)m;
	(void)*(volatile u64 *)n;
	cpu_long(c, peek);
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	cpu_long(c, poke);
	cpu_expect_sync(c, 1);
	CHECK_EQ(m[0], 0x77);
	CHECK_EQ(n[0], 0);
}
