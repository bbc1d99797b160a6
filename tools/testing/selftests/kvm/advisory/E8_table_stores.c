// SPDX-License-Identifier: GPL-2.0-only
/*
 * E8: CVE-2017-2584, CVE-2018-10853. SGDT and SIDT at CPL 3 that are emulated
 * store with the rights of CPL 3, leak nothing to a device, and obey UMIP.
 */
#include "twin.h"

static const u8 sgdt[] = { 0x0f, 0x01, 0x03 }, sidt[] = { 0x0f, 0x01, 0x0b };

static const u8 *const insns[] = { sgdt, sidt };

static struct twin *scene(void)
{
	struct twin *t;

	twin_need_prefix();
	t = twin_new();
	box_map(t->b, TW_SUPER_VA, TW_SUPER | PT_P | PT_W | PT_A | PT_D);
	twin_take_page_tables(t);
	twin_mode(t, TW_L64U);
	t->regs.rbx = TW_SUPER_VA + 0x100;
	return t;
}

CASE(a_supervisor_page_is_a_page_fault_of_a_user)
{
	struct twin *t = scene();
	const char *why;
	u64 *frame;
	u32 i;

	for (i = 0; i < ARRAY_LEN(insns); i++) {
		why = twin_run(t, insns[i], 3, 0);
		if (why)
			DIE("%s", why);
		CHECK_EQ(t->forced.regs.rip, TW_HANDLERS + VEC_PF + 1);
		frame = (u64 *)(t->forced.mem + t->forced.regs.rsp);
		CHECK_EQ(frame[0], 7);		/* user, write, present */
		CHECK_EQ(t->forced.sregs.cr2, TW_SUPER_VA + 0x100);
		CHECK_EQ(*(u64 *)(t->forced.mem + TW_SUPER + 0x100), 0);
	}
}

CASE(umip_hides_them)
{
	struct twin *t = scene();
	u32 i;

	t->regs.rbx = TW_DATA;
	t->sregs.cr4 |= CR4_UMIP;
	for (i = 0; i < ARRAY_LEN(insns); i++) {
		twin_go(t, insns[i], 3, true, &t->forced);
		CHECK_EQ(t->forced.regs.rip, TW_HANDLERS + VEC_GP + 1);
	}
}

CASE(a_device_gets_the_table_and_no_more)
{
	u8 got[16] = { 0 }, want[10];
	struct kvm_run *run;
	struct twin *t;
	u32 n = 0;

	if (tap_on_stock())
		tap_skip("KVM_RUN does not come back");
	t = scene();
	run = t->c->run;

	memset(want, 0, sizeof(want));
	*(u16 *)want = t->sregs.gdt.limit;
	*(u64 *)(want + 2) = t->sregs.gdt.base;
	t->regs.rbx = LAY_MMIO;
	twin_go(t, sgdt, 3, false, &t->native);
	while (run->exit_reason == KVM_EXIT_MMIO && n < sizeof(got)) {
		CHECK_EQ(run->mmio.is_write, 1);
		CHECK_EQ(run->mmio.phys_addr, LAY_MMIO + n);
		CHECK(n + run->mmio.len <= sizeof(want));
		memcpy(got + n, run->mmio.data, run->mmio.len);
		n += run->mmio.len;
		CHECK_OK(cpu_run(t->c));
	}
	CHECK_EQ(n, sizeof(want));
	CHECK_MEM_EQ(got, want, sizeof(want));
	CHECK_EQ(run->exit_reason, KVM_EXIT_HLT);
}
