// SPDX-License-Identifier: GPL-2.0-only
/*
 * M1: CVE-2013-1943. A memory slot whose user address is not user space would
 * hand kernel memory to the guest.
 */
#include "box.h"

#define GPA 0x10000000ul

static const struct {
	const char *what;
	u64 hva;
	u64 size;
} bad[] = {
	{ "kernel text", 0xffffffff81000000ull, PAGE },
	{ "direct map", 0xffff888000000000ull, PAGE },
	{ "vmalloc", 0xffffc90000000000ull, 2 * MEG },
	{ "fixmap", 0xffffffffff578000ull, PAGE },
	{ "vsyscall", 0xffffffffff600000ull, PAGE },
	{ "last page", 0xfffffffffffff000ull, PAGE },
	{ "wraps to zero", 0xfffffffffffff000ull, 2 * PAGE },
	{ "wraps far", 0xffffffffffe00000ull, 4 * MEG },
	{ "first kernel address", 0xffff800000000000ull, PAGE },
	{ "not canonical", 0x8000000000000000ull, PAGE },
	{ "not canonical, low", 0x0100000000000000ull, PAGE },
	{ "goes on into the hole", 0x00fffffffffff000ull, 2 * PAGE },
	{ "user to kernel", 0x00007ffffffff000ull, 0x700000000000ull },
	{ "unaligned", 0x10001, PAGE },
	{ "unaligned in a page", 0x10800, PAGE },
	{ "size not in pages", 0x10000, PAGE + 8 },
	{ "size in bytes", 0x10000, 1 },
	{ "size of half the address space", 0x10000, 1ull << 63 },
	{ "size that overflows pages", 0x10000, 0xfffffffffffff000ull },
};

static void probe(struct box *b, struct cpu *c);

CASE(set_user_memory_region)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i, flags;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		for (flags = 0; flags < 4; flags++) {
			int r = box_try_slot(b, 7, flags, GPA, bad[i].size,
					     (void *)bad[i].hva);

			if (r != -1 || errno != EINVAL)
				DIE("%s, flags %u: not refused with EINVAL",
				    bad[i].what, flags);
		}
	probe(b, c);
}

CASE(set_user_memory_region2)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i;

	NEED_CAP(KVM_CAP_USER_MEMORY2);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		struct kvm_userspace_memory_region2 r = {
			.slot = 7, .guest_phys_addr = GPA,
			.memory_size = bad[i].size,
			.userspace_addr = bad[i].hva,
		};

		if (ioctl(b->fd, KVM_SET_USER_MEMORY_REGION2, &r) != -1 ||
		    errno != EINVAL)
			DIE("%s: not refused with EINVAL", bad[i].what);
	}
	probe(b, c);
}

CASE(a_good_slot_cannot_be_turned_into_a_bad_one)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 *m = box_memory(b, 7, 0, GPA, PAGE);
	u32 i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_ERR(box_try_slot(b, 7, 0, GPA, bad[i].size,
				       (void *)bad[i].hva), EINVAL);
	m[0] = 1;
	box_slot(b, 7, 0, GPA, 0, NULL);
	probe(b, c);
}

static GUEST void read_it(void)
{
	g_sync(1, g_read64(GPA));
}

/* No slot came into being: the guest finds MMIO there. */
static void probe(struct box *b, struct cpu *c)
{
	cpu_long(c, read_it);
	cpu_expect_mmio(c, false, GPA, 8);
}
