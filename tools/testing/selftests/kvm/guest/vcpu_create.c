// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CREATE_VCPU: ids, limits and the mapping of the run pages. */
#include <setjmp.h>
#include <signal.h>

#include "box.h"

CASE(limits_are_consistent)
{
	struct box *b = box_bare();
	long soft = box_cap(b, KVM_CAP_NR_VCPUS);
	long max = box_cap(b, KVM_CAP_MAX_VCPUS);
	long ids = box_cap(b, KVM_CAP_MAX_VCPU_ID);

	CHECK(soft >= 1 && soft <= max && max <= ids);
	CHECK(max >= 288);
}

CASE(an_id_is_given_once)
{
	struct box *b = box_bare();

	CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, 3));
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, 3), EEXIST);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, 0));
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, 0), EEXIST);
}

CASE(an_id_stays_taken_after_close)
{
	struct box *b = box_bare();

	close(CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, 5)));
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, 5), EEXIST);
}

CASE(ids_end_at_the_limit)
{
	struct box *b = box_bare();
	u64 max = box_cap(b, KVM_CAP_MAX_VCPU_ID);

	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, max), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, max + 1), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, 0x7fffffff), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, 0xffffffff), EINVAL);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, max - 1));
}

CASE(run_pages_are_mapped_and_no_more)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	unsigned char vec[3];

	CHECK_EQ(c->run_size, 3 * PAGE);
	/* touch each page */
	c->run->request_interrupt_window = 0;
	((volatile u8 *)c->run)[PAGE] = 1;
	((volatile u8 *)c->run)[2 * PAGE] = 0;
	CHECK_OK(mincore(c->run, 3 * PAGE, vec));
}

static sigjmp_buf faulted;

static void on_bus(int sig)
{
	siglongjmp(faulted, 1);
}

CASE(a_page_behind_the_run_pages_faults)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	volatile u8 *p;

	signal(SIGBUS, on_bus);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, c->fd, 3 * PAGE);
	if (p == MAP_FAILED)
		return;
	if (sigsetjmp(faulted, 1) == 0) {
		(void)*p;
		DIE("page 3 can be read");
	}
}

CASE(run_page_shows_reset_state)
{
	struct box *b = box_bare();
	struct cpu *c = cpu_raw(b, 0);
	struct kvm_regs r = cpu_get_regs(c);
	struct kvm_sregs s = cpu_get_sregs(c);

	CHECK_EQ(r.rip, 0xfff0);
	CHECK_EQ(r.rflags, RFLAGS_ONE);
	CHECK_EQ(s.cs.selector, 0xf000);
	CHECK_EQ(s.cs.base, 0xffff0000);
	CHECK_EQ(s.cs.limit, 0xffff);
	/* the accessed bit at reset differs between the vendors */
	CHECK_EQ(s.cs.type | 1, 11);
	CHECK_EQ(s.ds.limit, 0xffff);
	CHECK_EQ(s.ds.type | 1, 3);
	CHECK_EQ(s.tr.limit, 0xffff);
	/* a busy TSS, of 16 or of 32 bits */
	CHECK_EQ(s.tr.type & 7, 3);
	CHECK_EQ(s.ldt.type, 2);
	CHECK_EQ(s.idt.limit, 0xffff);
	CHECK_EQ(s.gdt.limit, 0xffff);
	CHECK_EQ(s.cr0, CR0_ET | CR0_NW | CR0_CD);
	CHECK_EQ(s.cr4, 0);
	CHECK_EQ(s.efer, 0);
	CHECK_EQ(s.apic_base & 0xfffff000, 0xfee00000);
}
