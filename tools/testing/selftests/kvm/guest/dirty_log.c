// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_DIRTY_LOG tells each page written since it was last asked. */
#define PAGES 200		/* not a multiple of 64 */

#include "logged.h"

/* Writes one word to each page whose number the host put into the list. */
static volatile u32 to_write[PAGES] GUEST_DATA;
static volatile u32 how_many GUEST_DATA;

static GUEST void writer(void)
{
	u64 i;

	for (;;) {
		for (i = 0; i < how_many; i++)
			g_write32(GPA + to_write[i] * PAGE + 8, i);
		g_sync(1, 0);
	}
}

static struct scene *writing(u32 flags)
{
	struct scene *s = scene(flags);

	cpu_long(s->c, writer);
	return s;
}

static void write_pages(struct scene *s, const u32 *page, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		GV(s->b, to_write[i]) = page[i];
	GV(s->b, how_many) = n;
	cpu_expect_sync(s->c, 1);
}

static void must_be(struct scene *s, const u32 *page, u32 n)
{
	u64 want[WORDS] = { 0 };
	u32 i;

	fetch(s);
	for (i = 0; i < n; i++)
		want[page[i] / 64] |= 1ull << page[i] % 64;
	for (i = 0; i < WORDS; i++)
		CHECK_EQ(s->map[i], want[i]);
}

static const u32 some[] = { 0, 1, 63, 64, 130, PAGES - 1 };
static const u32 others[] = { 1, 2, 65, 130 };

CASE(written_pages_and_only_they_are_reported)
{
	struct scene *s = writing(KVM_MEM_LOG_DIRTY_PAGES);

	must_be(s, NULL, 0);
	write_pages(s, some, ARRAY_LEN(some));
	must_be(s, some, ARRAY_LEN(some));
	must_be(s, NULL, 0);
	write_pages(s, others, ARRAY_LEN(others));
	write_pages(s, others, ARRAY_LEN(others));
	must_be(s, others, ARRAY_LEN(others));
	write_pages(s, some, ARRAY_LEN(some));
	must_be(s, some, ARRAY_LEN(some));
}

CASE(logging_starts_and_stops_with_the_flag)
{
	struct scene *s = writing(0);
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = s->map };

	write_pages(s, some, ARRAY_LEN(some));
	CHECK_ERR(ioctl(s->b->fd, KVM_GET_DIRTY_LOG, &log), ENOENT);
	box_slot(s->b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE, s->mem);
	must_be(s, NULL, 0);
	write_pages(s, others, ARRAY_LEN(others));
	must_be(s, others, ARRAY_LEN(others));
	write_pages(s, some, ARRAY_LEN(some));
	box_slot(s->b, SLOT, 0, GPA, PAGES * PAGE, s->mem);
	CHECK_ERR(ioctl(s->b->fd, KVM_GET_DIRTY_LOG, &log), ENOENT);
	/* a new log is empty */
	box_slot(s->b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE, s->mem);
	must_be(s, NULL, 0);
	write_pages(s, some, ARRAY_LEN(some));
	must_be(s, some, ARRAY_LEN(some));
}

CASE(a_move_keeps_the_log_going)
{
	struct scene *s = writing(KVM_MEM_LOG_DIRTY_PAGES);

	box_slot(s->b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA * 2, PAGES * PAGE,
		 s->mem);
	box_slot(s->b, SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, PAGES * PAGE,
		 s->mem);
	fetch(s);
	write_pages(s, some, ARRAY_LEN(some));
	must_be(s, some, ARRAY_LEN(some));
}

CASE(wrong_slots_and_pointers)
{
	struct scene *s = writing(KVM_MEM_LOG_DIRTY_PAGES);
	struct kvm_dirty_log log = { .dirty_bitmap = s->map };

	log.slot = SLOT + 1;
	CHECK_ERR(ioctl(s->b->fd, KVM_GET_DIRTY_LOG, &log), ENOENT);
	log.slot = 0xffff;
	CHECK_ERR(ioctl(s->b->fd, KVM_GET_DIRTY_LOG, &log), EINVAL);
	log.slot = 9 << 16 | SLOT;
	CHECK_ERR(ioctl(s->b->fd, KVM_GET_DIRTY_LOG, &log), EINVAL);
	log.slot = SLOT;
	log.dirty_bitmap = (void *)8;
	CHECK_ERR(ioctl(s->b->fd, KVM_GET_DIRTY_LOG, &log), EFAULT);
	CHECK_ERR(ioctl(s->b->fd, KVM_GET_DIRTY_LOG, 8), EFAULT);
	write_pages(s, some, ARRAY_LEN(some));
	must_be(s, some, ARRAY_LEN(some));
}

CASE(reading_does_not_dirty)
{
	struct scene *s = writing(KVM_MEM_LOG_DIRTY_PAGES);
	struct kvm_regs r;

	write_pages(s, some, ARRAY_LEN(some));
	fetch(s);
	/* user space's own writes are its own affair */
	memset(s->mem, 1, PAGES * PAGE);
	must_be(s, NULL, 0);
	r = cpu_get_regs(s->c);
	CHECK(r.rip);
	must_be(s, NULL, 0);
}

CASE(what_kvm_writes_for_the_guest_is_dirty_too)
{
	struct scene *s = writing(KVM_MEM_LOG_DIRTY_PAGES);
	static const u32 page[] = { 3 };
	struct kvm_regs r;

	/* rep insb into page 3: KVM stores the data that user space gave */
	static const u8 insb[] = { 0xf3, 0x6c, 0xf4 };

	memcpy(box_hva(s->b, LAY_SCRATCH), insb, sizeof(insb));
	r = cpu_get_regs(s->c);
	r.rip = LAY_SCRATCH;
	r.rdx = 0x510;
	r.rcx = 16;
	r.rdi = GPA + 3 * PAGE;
	cpu_set_regs(s->c, &r);
	cpu_go(s->c);
	while (s->c->run->exit_reason == KVM_EXIT_IO) {
		memset(cpu_io_data(s->c), 0x42,
		       s->c->run->io.size * s->c->run->io.count);
		cpu_go(s->c);
	}
	CHECK_EQ(s->c->run->exit_reason, KVM_EXIT_HLT);
	CHECK_EQ(s->mem[3 * PAGE + 15], 0x42);
	must_be(s, page, 1);
}
