// SPDX-License-Identifier: GPL-2.0-only
/* VMX controls from capability MSRs: processors of several generations, and each feature missing. */
#include "tap.h"
#include "ctls.h"

#define WORD(zeros, ones)	((u64)(ones) << 32 | (zeros))

static const struct vmx_wishes all = {
	.vpid = true, .unrestricted = true, .ept_ad = true, .flexpriority = true, .apicv = true,
	.pml = true, .preemption_timer = true, .vnmi = true, .ple = true,
};

/* Capability MSRs, as far as the computation looks at them. */
static const struct cpu {
	const char *name;
	struct vmx_cap_msrs m;
} nehalem = {
	"Nehalem", {
		.basic = 0xda04000000000eull, .misc = 0x401c5,
		.ctl = { WORD(0x16, 0x7f), WORD(0x401e172, 0xf7f9fffe), WORD(0, 0x2f),
			 WORD(0x36dff, 0x7fffff), WORD(0x11ff, 0xffff) },
		.ept_vpid = 0xf0106114141ull, .cr0_fixed0 = 0x80000021, .cr0_fixed1 = ~0u,
		.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x27ff,
	}
}, haswell = {
	"Haswell", {
		.basic = 0xda040000000012ull | 1ull << 55, .misc = 0x300481e5,
		.ctl = { WORD(0x16, 0x7f), WORD(0x4006172, 0xfff9fffe), WORD(0, 0x7cff),
			 WORD(0x36dfb, 0x7fffff), WORD(0x11fb, 0xffff) },
		.ept_vpid = 0xf0106334141ull, .cr0_fixed0 = 0x80000021, .cr0_fixed1 = ~0u,
		.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x1767ff,
	}
}, icelake = {
	"Ice Lake", {
		.basic = 0xda040000000004ull | 1ull << 55, .misc = 0x7004c1e7,
		.ctl = { WORD(0x16, 0xff), WORD(0x4006172, 0xfff9fffe), WORD(0, 0x235f7fff),
			 WORD(0x36dfb, 0x3ffffff), WORD(0x11fb, 0x3ffff) },
		.ept_vpid = 0xf0106f341c1ull, .cr0_fixed0 = 0x80000021, .cr0_fixed1 = ~0u,
		.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x777fff,
	}
}, sapphire_rapids = {
	"Sapphire Rapids", {
		.basic = 0xda040000000004ull | 1ull << 55, .misc = 0x7004c1e7,
		.ctl = { WORD(0x16, 0xff), WORD(0x4006172, 0xfff9fffe), WORD(0, 0xf77fffff),
			 WORD(0x36dfb, 0x3ffffff), WORD(0x11fb, 0x3ffff) },
		.ept_vpid = 0xf0106f341c1ull, .cr0_fixed0 = 0x80000021, .cr0_fixed1 = ~0u,
		.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x1ff7fff,
	}
};

static const struct cpu *const cpus[] = { &nehalem, &haswell, &icelake, &sapphire_rapids };

static const char *compute(const struct cpu *cpu, struct vmx_ctls *out)
{
	return vmx_ctls_compute(&cpu->m, &all, 4, out);
}

static void every_generation_is_accepted(void)
{
	struct vmx_ctls c;
	unsigned int i, w;

	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		const char *missing = compute(cpus[i], &c);

		CHECK(!missing, "%s lacks %s", cpus[i]->name, missing);
		for (w = 0; w < NR_WORDS; w++) {
			u64 cap = cpus[i]->m.ctl[w];

			/* Never what the processor forbids, always what it forces. */
			CHECK(!(c.may[w] & ~(u32)(cap >> 32)), "%s word %u", cpus[i]->name, w);
			CHECK(!((u32)cap & ~c.may[w]));
			CHECK_EQ(c.must[w], (u32)cap);
		}
	}
}

static void features_follow_the_generation(void)
{
	struct vmx_ctls c;

	compute(&nehalem, &c);
	CHECK(vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_ENABLE_VPID));
	CHECK(!vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_UNRESTRICTED_GUEST));
	CHECK(!c.ept_ad);
	CHECK_EQ(c.ept_leaf_level, 2);
	CHECK(!vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_ENABLE_INVPCID));

	compute(&haswell, &c);
	CHECK(vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_UNRESTRICTED_GUEST));
	CHECK(c.ept_ad);
	CHECK_EQ(c.ept_leaf_level, 3);
	CHECK(!vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_ENABLE_PML));
	CHECK(!vmx_may(&c, WORD_PIN, PIN_BASED_POSTED_INTR));
	CHECK(vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES));

	compute(&icelake, &c);
	CHECK(vmx_may(&c, WORD_CPU2, VMX_APICV));
	CHECK(vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_ENABLE_PML));
	CHECK(vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_ENABLE_XSAVES));
	CHECK(vmx_may(&c, WORD_PIN, PIN_BASED_POSTED_INTR));
	CHECK_EQ(c.ept_levels, 4);
	CHECK(!vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_BUS_LOCK_DETECTION));
	CHECK(!vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_NOTIFY_VM_EXITING));
	vmx_ctls_compute(&icelake.m, &all, 5, &c);
	CHECK_EQ(c.ept_levels, 5);
	vmx_ctls_compute(&haswell.m, &all, 5, &c);
	CHECK_EQ(c.ept_levels, 4);
}

/* Each can be there without the other, and nobody is forced to have it. */
static void bus_lock_and_notify(void)
{
	static const u32 bits[] = {
		SECONDARY_EXEC_BUS_LOCK_DETECTION, SECONDARY_EXEC_NOTIFY_VM_EXITING,
	};
	struct cpu cpu = sapphire_rapids;
	struct vmx_ctls c;
	unsigned int i;

	CHECK(!compute(&sapphire_rapids, &c));
	CHECK(vmx_may(&c, WORD_CPU2, bits[0] | bits[1]));
	CHECK(!(c.must[WORD_CPU2] & (bits[0] | bits[1])));
	for (i = 0; i < 2; i++) {
		cpu.m.ctl[WORD_CPU2] = sapphire_rapids.m.ctl[WORD_CPU2] & ~((u64)bits[i] << 32);
		CHECK(!compute(&cpu, &c));
		CHECK(!vmx_may(&c, WORD_CPU2, bits[i]));
		CHECK(vmx_may(&c, WORD_CPU2, bits[!i]));
	}
}

static void timers_that_do_not_keep_time(void)
{
	static const u32 broken[] = {
		0x61a, 0x61e, 0x61f, 0x62e, 0x625, 0x62c, 0x62f,
	};
	static const u32 fine[] = {
		0x617, 0x62a, 0x62d, 0x63a, 0x63c, 0x64f, 0x655, 0x66a, 0x68c, 0x68f, 0xf06,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(broken); i++)
		CHECK(vmx_timer_broken(broken[i]), "row %u", i);
	for (i = 0; i < ARRAY_SIZE(fine); i++)
		CHECK(!vmx_timer_broken(fine[i]), "row %u", i);
	/* The same numbers of another vendor */
	CHECK(!vmx_timer_broken(2 << 16 | 0x61a));
}

/* Take away each control that may be 1, alone: a named refusal, or all goes on without it. */
static void each_missing_control(void)
{
	unsigned int w, bit, refused = 0;

	for (w = 0; w < NR_WORDS; w++) {
		for (bit = 0; bit < 32; bit++) {
			struct cpu cpu = icelake;
			struct vmx_ctls c;
			const char *missing;

			if (!(cpu.m.ctl[w] >> 32 & 1u << bit) || (cpu.m.ctl[w] & 1u << bit))
				continue;
			cpu.m.ctl[w] &= ~(1ull << (32 + bit));
			missing = compute(&cpu, &c);
			if (missing) {
				refused++;
				CHECK(missing[0]);
			} else {
				CHECK(!(c.may[w] & 1u << bit), "word %u bit %u", w, bit);
			}
		}
	}
	CHECK(refused > 15 && refused < 40, "%u refusals", refused);
}

static void parameters_take_away(void)
{
	static const struct {
		size_t wish;
		enum vmx_ctl word;
		u32 bit;
	} rows[] = {
#define ROW(field, word, bit) { offsetof(struct vmx_wishes, field), word, bit }
		ROW(vpid, WORD_CPU2, SECONDARY_EXEC_ENABLE_VPID),
		ROW(unrestricted, WORD_CPU2, SECONDARY_EXEC_UNRESTRICTED_GUEST),
		ROW(pml, WORD_CPU2, SECONDARY_EXEC_ENABLE_PML),
		ROW(ept_ad, WORD_CPU2, SECONDARY_EXEC_ENABLE_PML),
		ROW(ple, WORD_CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING),
		ROW(flexpriority, WORD_CPU2, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES),
		ROW(flexpriority, WORD_CPU, CPU_BASED_TPR_SHADOW),
		ROW(flexpriority, WORD_CPU2, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY),
		ROW(apicv, WORD_CPU2, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY),
		ROW(apicv, WORD_CPU2, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE),
		ROW(apicv, WORD_PIN, PIN_BASED_POSTED_INTR),
		ROW(vnmi, WORD_PIN, PIN_BASED_VIRTUAL_NMIS),
		ROW(vnmi, WORD_CPU, CPU_BASED_NMI_WINDOW_EXITING),
		ROW(preemption_timer, WORD_PIN, PIN_BASED_VMX_PREEMPTION_TIMER),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vmx_wishes wish = all;
		struct vmx_ctls c;

		vmx_ctls_compute(&icelake.m, &wish, 4, &c);
		CHECK(vmx_may(&c, rows[i].word, rows[i].bit), "row %u", i);
		*((bool *)&wish + rows[i].wish) = false;
		vmx_ctls_compute(&icelake.m, &wish, 4, &c);
		CHECK(!(c.may[rows[i].word] & rows[i].bit), "row %u", i);
	}
}

/* What the processor does for a local APIC: the page needs the TPR shadow, all the rest the page. */
static void parts_of_an_apic(void)
{
	const u32 page = SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
	struct vmx_wishes wish = all;
	struct cpu cpu = icelake;
	struct vmx_ctls c;

	wish.apicv = false;
	vmx_ctls_compute(&icelake.m, &wish, 4, &c);
	CHECK_EQ(c.may[WORD_CPU2] & VMX_APICV, page);
	CHECK(vmx_may(&c, WORD_CPU, CPU_BASED_TPR_SHADOW));

	cpu.m.ctl[WORD_CPU] &= ~((u64)CPU_BASED_TPR_SHADOW << 32);
	compute(&cpu, &c);
	CHECK_EQ(c.may[WORD_CPU2] & VMX_APICV, 0);

	cpu = icelake;
	cpu.m.ctl[WORD_CPU2] &= ~((u64)page << 32);
	compute(&cpu, &c);
	CHECK_EQ(c.may[WORD_CPU2] & VMX_APICV, 0);
	CHECK(!vmx_may(&c, WORD_PIN, PIN_BASED_POSTED_INTR));

	cpu = icelake;
	cpu.m.ctl[WORD_CPU2] &= ~((u64)SECONDARY_EXEC_APIC_REGISTER_VIRT << 32);
	compute(&cpu, &c);
	CHECK_EQ(c.may[WORD_CPU2] & VMX_APICV, page);
}

static void bad_memory_is_refused(void)
{
	struct vmx_ctls c;
	struct cpu cpu = haswell;

	cpu.m.basic = (cpu.m.basic & ~(0x1fffull << 32)) | 0x1800ull << 32;
	CHECK(compute(&cpu, &c));
	cpu = haswell;
	cpu.m.basic &= ~(15ull << 50);
	CHECK(compute(&cpu, &c));
	cpu = haswell;
	cpu.m.ept_vpid &= ~VMX_EPTP_WB_BIT;
	CHECK(compute(&cpu, &c));
	cpu = haswell;
	cpu.m.ept_vpid &= ~VMX_EPT_INVEPT_BIT;
	CHECK(compute(&cpu, &c));
	/* A VPID that nothing can flush is not used. */
	cpu = haswell;
	cpu.m.ept_vpid &= 0xffffffff;
	CHECK(!compute(&cpu, &c));
	CHECK(!vmx_may(&c, WORD_CPU2, SECONDARY_EXEC_ENABLE_VPID));
}

static void the_pause_window(void)
{
	static const struct {
		struct vmx_ple ple;
		u32 window, grown, shrunk;
	} rows[] = {
		{ { 4096, 2, 0, ~0u }, 4096, 8192, 4096 },
		{ { 4096, 2, 0, ~0u }, 0x80000001, ~0u, 4096 },
		{ { 4096, 2, 0, 10000 }, 8192, 10000, 4096 },
		{ { 4096, 0, 0, ~0u }, 8192, 4096, 4096 },
		{ { 4096, 5000, 5000, ~0u }, 10000, 15000, 5000 },
		{ { 4096, 5000, 5000, ~0u }, 9000, 14000, 4096 },
		{ { 4096, 5000, 5000, ~0u }, 4096, 9096, 4096 },
		{ { 4096, 3, 2, ~0u }, 20000, 60000, 10000 },
		{ { 4096, 3, 2, ~0u }, 5000, 15000, 4096 },
		{ { 0, 1, 1, ~0u }, 7, 8, 6 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(vmx_ple_grow(&rows[i].ple, rows[i].window) == rows[i].grown, "row %u", i);
		CHECK(vmx_ple_shrink(&rows[i].ple, rows[i].window) == rows[i].shrunk, "row %u", i);
	}
}

int main(void)
{
	RUN(every_generation_is_accepted);
	RUN(features_follow_the_generation);
	RUN(bus_lock_and_notify);
	RUN(timers_that_do_not_keep_time);
	RUN(each_missing_control);
	RUN(parameters_take_away);
	RUN(parts_of_an_apic);
	RUN(bad_memory_is_refused);
	RUN(the_pause_window);
	return tap_done();
}
