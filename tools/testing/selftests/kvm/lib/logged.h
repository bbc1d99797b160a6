/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LOGGED_H
#define LOGGED_H
/* A slot that may be logged, and its log. Who includes this has said how many PAGES it has. */
#include "box.h"

#define GPA 0x10000000ul
#define SLOT 5
#define WORDS ((PAGES + 63) / 64)

struct scene {
	struct box *b;
	struct cpu *c;
	u8 *mem;
	u64 map[WORDS + 1];	/* the last fetch; its last word is nobody's */
};

static struct scene *scene(u32 flags)
{
	static struct scene s;

	s.b = box_new();
	s.c = cpu_new(s.b, 0);
	s.mem = host_pages_aligned(PAGES * PAGE, 2 * MEG);
	box_slot(s.b, SLOT, flags, GPA, PAGES * PAGE, s.mem);
	return &s;
}

static void fetch(struct scene *s)
{
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = s->map };

	memset(s->map, 0xff, sizeof(s->map));
	CHECK_OK(ioctl(s->b->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(s->map[WORDS], ~0ull);
}

#endif
