// SPDX-License-Identifier: GPL-2.0-only
/* State that the hardware refuses is told by FAIL_ENTRY; the vCPU lives on. */
#include "box.h"

static GUEST void bad_cr3(void)
{
	/* a processor that checks faults, QEMU's takes it and fails the entry */
	g_sync(1, G_TRY("mov %0, %%cr3", G_NONE, G_LIST("r"(1ul << 62))));
	g_done();
}

static GUEST void fine(void)
{
	g_done();
}

CASE(a_reserved_bit_in_cr3)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_run *r = c->run;

	cpu_long(c, bad_cr3);
	if (cpu_go(c) == HEARD_SYNC) {
		CHECK_EQ(c->value, VEC_GP);
		return;
	}
	CHECK_EQ(r->exit_reason, KVM_EXIT_FAIL_ENTRY);
	/* SVM: the code of VMEXIT_INVALID, in its lower half at least */
	CHECK_EQ((u32)r->fail_entry.hardware_entry_failure_reason, 0xffffffff);
	CHECK(r->fail_entry.cpu < 4096);
	/* again and again the same */
	CHECK_EQ(cpu_run(c), 0);
	CHECK_EQ(r->exit_reason, KVM_EXIT_FAIL_ENTRY);
	cpu_long(c, fine);
	cpu_expect_done(c);
}
