// SPDX-License-Identifier: GPL-2.0-only
/*
 * E5: CVE-2015-0239. SYSENTER that is emulated, because the guest's vendor has
 * it in long mode and the processor has not, obeys SYSENTER_CS and the mode.
 */
#include <stdlib.h>

#include "twin.h"

static const u8 sysenter[] = { 0x0f, 0x34 }, sysexit[] = { 0x0f, 0x35 };

static struct twin *of_vendor(const char *name)
{
	struct kvm_cpuid2 *l = cpuid_supported();
	struct kvm_cpuid_entry2 *e;

	for (e = l->entries; e < l->entries + l->nent; e++) {
		if (e->function != 0 && e->function != 0x80000000)
			continue;
		memcpy(&e->ebx, name, 4);
		memcpy(&e->edx, name + 4, 4);
		memcpy(&e->ecx, name + 8, 4);
	}
	return twin_new_cpuid(l);
}

/* Where it ended: a HLT of an exception's handler, or elsewhere. */
static bool trapped(const struct twin_end *e, unsigned int vector)
{
	return e->exit == KVM_EXIT_HLT && e->regs.rip == TW_HANDLERS + vector + 1;
}

static const enum twin_mode modes[] = {
	TW_P16, TW_P16U, TW_P32U, TW_C32, TW_C32U, TW_L64, TW_L64U,
};

/* # stock: expected fail because it does not emulate SYSENTER in 64-bit mode */
CASE_STOCK_FAILS(a_null_code_segment_is_refused, "it does not emulate SYSENTER in 64-bit mode")
{
	struct twin *t = of_vendor("GenuineIntel");
	u32 i, null;

	for (i = 0; i < ARRAY_LEN(modes); i++) {
		/* RPL alone is null as well, where it is not QEMU that looks. */
		for (null = 0; null < (modes[i] < TW_L64 ? 1 : 4); null++) {
			twin_mode(t, modes[i]);
			cpu_set_msr(t->c, MSR_SYSENTER_CS, null);
			cpu_set_msr(t->c, MSR_SYSENTER_EIP, TW_TARGET);
			cpu_set_msr(t->c, MSR_SYSENTER_ESP, TW_KSTACK);
			twin_go(t, sysenter, 2, false, &t->native);
			if (!trapped(&t->native, VEC_GP))
				DIE("%s: stopped at %#llx, exit %s", twin_mode_names[modes[i]],
				    t->native.regs.rip, exit_name(t->native.exit));
			CHECK_EQ(t->native.sregs.cs.dpl, 0);
		}
	}
}

/*
 * QEMU's processor executes it itself in compatibility mode and leaves a code
 * segment with both L and D, which it refuses to enter the guest with: an
 * interrupt of the host before the HLT is the end of that run.
 */
static void go_in_one_entry(struct twin *t, enum twin_mode mode)
{
	u32 tries = 0;

	do
		twin_go(t, sysenter, 2, false, &t->native);
	while (t->native.exit == KVM_EXIT_FAIL_ENTRY &&
	       (mode == TW_C32 || mode == TW_C32U) && ++tries < 100);
}

/* # stock: expected fail because it does not emulate SYSENTER in 64-bit mode */
CASE_STOCK_FAILS(a_good_one_is_entered_in_the_right_mode, "it does not emulate SYSENTER in 64-bit mode")
{
	struct twin *t = of_vendor("GenuineIntel");
	const struct twin_end *e = &t->native;
	u32 i;

	for (i = 0; i < ARRAY_LEN(modes); i++) {
		bool in_long = TWM_LONG & 1u << modes[i];

		twin_mode(t, modes[i]);
		t->regs.rflags |= RFLAGS_IF;
		cpu_set_msr(t->c, MSR_SYSENTER_CS, TWS_CODE32 | 3);
		cpu_set_msr(t->c, MSR_SYSENTER_EIP, TW_TARGET);
		cpu_set_msr(t->c, MSR_SYSENTER_ESP, TW_KSTACK);
		go_in_one_entry(t, modes[i]);
		CHECK_EQ(e->exit, KVM_EXIT_HLT);
		CHECK_EQ(e->regs.rip, TW_TARGET + 1);
		CHECK_EQ(e->regs.rsp, TW_KSTACK);
		CHECK_EQ(e->regs.rflags & RFLAGS_IF, 0);
		CHECK_EQ(e->sregs.cs.selector, TWS_CODE32);
		CHECK_EQ(e->sregs.cs.dpl, 0);
		CHECK_EQ(e->sregs.cs.l, in_long);
		/* QEMU's processor, in compatibility mode, sets both */
		if (modes[i] != TW_C32 && modes[i] != TW_C32U)
			CHECK_EQ(e->sregs.cs.db, !in_long);
		CHECK_EQ(e->sregs.ss.selector, TWS_DATA32);
		CHECK_EQ(e->sregs.ss.limit, 0xffffffff);
	}
}

CASE(sysexit_checks_privilege_and_target)
{
	struct twin *t = of_vendor("GenuineIntel");

	twin_mode(t, TW_L64U);
	cpu_set_msr(t->c, MSR_SYSENTER_CS, TWS_CODE32);
	twin_go(t, sysexit, 2, false, &t->native);
	CHECK(trapped(&t->native, VEC_GP));
	twin_mode(t, TW_L64);
	cpu_set_msr(t->c, MSR_SYSENTER_CS, 3);
	twin_go(t, sysexit, 2, false, &t->native);
	CHECK(trapped(&t->native, VEC_GP));
	/* REX.W, a target that is not canonical */
	twin_mode(t, TW_L64);
	cpu_set_msr(t->c, MSR_SYSENTER_CS, TWS_CODE32);
	t->regs.rcx = TW_STACK;
	t->regs.rdx = 1ull << 63;
	twin_go(t, (const u8 []) { 0x48, 0x0f, 0x35 }, 3, false, &t->native);
	CHECK(trapped(&t->native, VEC_GP));
	CHECK_EQ(t->native.sregs.cs.selector, TWS_CODE64);
}

CASE(amd_has_none_in_long_mode)
{
	struct twin *t;

	if (on_intel())
		tap_skip("Intel's processors have it, whatever CPUID says");
	t = of_vendor("AuthenticAMD");
	twin_mode(t, TW_L64U);
	cpu_set_msr(t->c, MSR_SYSENTER_CS, TWS_CODE32);
	twin_go(t, sysenter, 2, false, &t->native);
	CHECK(trapped(&t->native, VEC_UD));
}
