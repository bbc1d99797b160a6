// SPDX-License-Identifier: GPL-2.0-only
/* Random CPUID tables against a search that only walks them, and the rules for leaves that are not there. */
#include <stdlib.h>
#include "cpuid_lookup.h"
#include "tap.h"

#define MAX	256

static struct kvm_cpuid_entry2 table[MAX];
static struct cpuid_view view;

static void use(int nent, bool amd)
{
	memset(&view, 0xa5, sizeof(view));
	view.ent = table;
	view.nent = nent;
	view.guest_is_amd = amd;
	cpuid_view_index(&view);
}

static int add(int n, u32 leaf, u32 subleaf, u32 flags, u32 eax)
{
	table[n] = (struct kvm_cpuid_entry2){
		.function = leaf, .index = subleaf, .flags = flags,
		.eax = eax, .ebx = n, .ecx = 3 * n, .edx = 5 * n,
	};
	return n + 1;
}

static const struct kvm_cpuid_entry2 *walk(u32 leaf, u32 subleaf)
{
	int i;

	for (i = 0; i < view.nent; i++)
		if (table[i].function == leaf &&
		    (!(table[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		     table[i].index == subleaf))
			return &table[i];
	return NULL;
}

/* Leaves of and around every range, few enough that tables repeat them. */
static u32 some_leaf(void)
{
	static const u32 base[] = {
		0, 0x20, 62, 0x3ffffffe, 0x40000000, 0x4000000e, 0x40000100,
		0x7ffffffe, 0x80000000, 0x8000003e, 0xc0000000, 0xfffffffc,
	};

	return base[below(ARRAY_SIZE(base))] + below(4);
}

static void random_tables_are_searched_right(void)
{
	int round, i;

	for (round = 0; round < 3000; round++) {
		int nent = below(one_in(8) ? MAX + 1 : 24);
		bool sorted = one_in(2);
		u32 leaf = 0;

		for (i = 0; i < nent; i++) {
			leaf = sorted ? leaf + (one_in(2) ? 1 : 0) : some_leaf();
			add(i, leaf, below(3), below(2), some_leaf());
		}
		use(nent, one_in(2));
		for (i = 0; i < 200; i++) {
			u32 ask = sorted && one_in(2) ? below(MAX) : some_leaf(), sub = below(4);

			CHECK(cpuid_find(&view, ask, sub) == walk(ask, sub), "leaf %#x.%u", ask, sub);
		}
	}
}

static int small_table(void)
{
	int n = 0;

	n = add(n, 0, 0, 0, 0xd);
	n = add(n, 1, 0, 0, 0x663);
	n = add(n, 0xb, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 1);
	n = add(n, 0xb, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 4);
	n = add(n, 0xd, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 7);
	n = add(n, 0x40000000, 0, 0, 0x40000001);
	n = add(n, 0x80000000, 0, 0, 0x80000008);
	n = add(n, 0x80000008, 0, 0, 0x3028);
	return n;
}

static enum cpuid_match ask(u32 leaf, u32 subleaf, u32 regs[4])
{
	memset(regs, 0x5a, 4 * sizeof(u32));
	return cpuid_query(&view, leaf, subleaf, regs);
}

static void intel_repeats_the_last_basic_leaf(void)
{
	static const u32 beyond[] = { 0xe, 0x1000, 0x40000002, 0x40000100, 0x80000009, 0xc0000000, ~0u };
	unsigned int i;
	u32 r[4];

	use(small_table(), false);
	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		CHECK_EQ(ask(beyond[i], 0, r), CPUID_MATCH_LAST_BASIC);
		CHECK_EQ(r[0], 7);
		CHECK_EQ(r[1], 4);
	}
	/* the last basic leaf with the subleaf that was asked for */
	CHECK_EQ(ask(0x1000, 9, r), CPUID_MATCH_NONE);
	CHECK_EQ(r[0] | r[1] | r[2] | r[3], 0);
	/* within its range a leaf that is not there is zero */
	CHECK_EQ(ask(5, 0, r), CPUID_MATCH_NONE);
	CHECK_EQ(r[0] | r[1] | r[2] | r[3], 0);
}

static void amd_answers_with_zeros(void)
{
	static const u32 beyond[] = { 0xe, 0x1000, 0x40000002, 0x80000009, 0xc0000000, ~0u };
	unsigned int i;
	u32 r[4];

	use(small_table(), true);
	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		CHECK_EQ(ask(beyond[i], 0, r), CPUID_MATCH_NONE);
		CHECK_EQ(r[0] | r[1] | r[2] | r[3], 0);
	}
}

static void topology_tells_its_id_for_any_subleaf(void)
{
	u32 r[4];

	use(small_table(), true);
	CHECK_EQ(ask(0xb, 1, r), CPUID_MATCH);
	CHECK_EQ(r[0], 4);
	CHECK_EQ(ask(0xb, 0x107, r), CPUID_MATCH_NONE);
	CHECK_EQ(r[0] | r[1], 0);
	CHECK_EQ(r[2], 7);
	CHECK_EQ(r[3], table[3].edx);
}

static void an_empty_table_is_zero(void)
{
	u32 r[4];

	use(0, false);
	CHECK_EQ(ask(0, 0, r), CPUID_MATCH_NONE);
	CHECK_EQ(r[0] | r[1] | r[2] | r[3], 0);
	CHECK_EQ(ask(0x80000000, 0, r), CPUID_MATCH_NONE);
}

int main(void)
{
	RUN(random_tables_are_searched_right);
	RUN(intel_repeats_the_last_basic_leaf);
	RUN(amd_answers_with_zeros);
	RUN(topology_tells_its_id_for_any_subleaf);
	RUN(an_empty_table_is_zero);
	return tap_done();
}
