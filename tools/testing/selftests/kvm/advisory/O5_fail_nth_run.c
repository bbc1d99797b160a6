// SPDX-License-Identifier: GPL-2.0-only
/*
 * O5: CVE-2021-4032, CVE-2020-36312, CVE-2021-47060, CVE-2021-47061. Whichever
 * allocation fails, a call about memory or a vCPU says ENOMEM
 * and leaves all as it was, or does without it.
 */
#include "fail_nth.h"
#include "uffd.h"

#define SLOT		7
#define SLOT_GPA	0x40000000ul
#define SLOT_PTE	((SLOT_GPA + PAGE) | PT_P | PT_W)
#define MSR_APF_EN	0x4b564d02
#define MSR_APF_INT	0x4b564d06
#define MSR_APF_ACK	0x4b564d07

/* --- memory --- */

static long slot(struct round *r, u32 flags, u64 gpa, u64 size)
{
	return box_try_slot(r->b, SLOT, flags, gpa, size, r->hva);
}

static GUEST void writes(void)
{
	g_write64(SLOT_GPA + PAGE, 1);
	g_done();
}

static void slot_is_memory(struct round *r)
{
	box_map(r->b, SLOT_GPA + PAGE, SLOT_PTE);
	cpu_long(r->c, writes);
	cpu_expect_done(r->c);
	CHECK_EQ(*(volatile u64 *)(r->hva + PAGE), 1);
}

static void has_slot(struct round *r)
{
	CHECK_OK(slot(r, 0, SLOT_GPA, SLOT_SIZE));
	slot_is_memory(r);
}

static void has_logged_slot(struct round *r)
{
	CHECK_OK(slot(r, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, SLOT_SIZE));
	slot_is_memory(r);
}

static u64 dirty[SLOT_SIZE / PAGE / 64];

static long get_log(struct round *r)
{
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = dirty };

	return ioctl(r->b->fd, KVM_GET_DIRTY_LOG, &log);
}

static void write_is_logged(struct round *r)
{
	CHECK_OK(get_log(r));
	slot_is_memory(r);
	CHECK_OK(get_log(r));
	CHECK_EQ(dirty[0], 2);
}

static void place_is_free(struct round *r)
{
	CHECK_OK(box_try_slot(r->b, SLOT + 1, 0, SLOT_GPA, SLOT_SIZE, r->hva));
	slot_is_memory(r);
}

EACH_FAULT(slot_create, PLAIN_CPU, NULL, slot_is_memory)
{
	return slot(r, 0, SLOT_GPA, SLOT_SIZE);
}

EACH_FAULT(slot_create_logged, PLAIN_CPU, NULL, write_is_logged)
{
	return slot(r, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, SLOT_SIZE);
}

EACH_FAULT(slot_delete, PLAIN_CPU, has_slot, place_is_free)
{
	return slot(r, 0, SLOT_GPA, 0);
}

EACH_FAULT(slot_delete_logged, PLAIN_CPU, has_logged_slot, place_is_free)
{
	return slot(r, 0, SLOT_GPA, 0);
}

EACH_FAULT(slot_move, PLAIN_CPU, has_logged_slot, place_is_free)
{
	return slot(r, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA + 16 * MEG, SLOT_SIZE) ?:
	       box_try_slot(r->b, SLOT, 0, SLOT_GPA + 16 * MEG, 0, r->hva);
}

EACH_FAULT(slot_log_on, PLAIN_CPU, has_slot, write_is_logged)
{
	return slot(r, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, SLOT_SIZE);
}

EACH_FAULT(slot_log_off, PLAIN_CPU, has_logged_slot, slot_is_memory)
{
	return slot(r, 0, SLOT_GPA, SLOT_SIZE);
}

EACH_FAULT(dirty_log, PLAIN_CPU, has_logged_slot, write_is_logged)
{
	return get_log(r);
}

static void manual_log(struct round *r)
{
	CHECK_OK(box_enable(r->b, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 1));
	has_logged_slot(r);
}

EACH_FAULT(dirty_log_clear, PLAIN_CPU, manual_log, NULL)
{
	struct kvm_clear_dirty_log log = {
		.slot = SLOT, .num_pages = SLOT_SIZE / PAGE, .dirty_bitmap = dirty,
	};

	dirty[0] = ~0ull;
	return ioctl(r->b->fd, KVM_CLEAR_DIRTY_LOG, &log);
}

/* --- vCPU state --- */

static struct kvm_cpuid2 *supported;

static void know_cpuid(struct round *r)
{
	if (!supported)
		supported = cpuid_supported();
}

EACH_FAULT(supported_cpuid, NO_VM, know_cpuid, NULL)
{
	supported->nent = 256;
	return ioctl(r->kvm, KVM_GET_SUPPORTED_CPUID, supported);
}

static void raw_cpu(struct round *r)
{
	know_cpuid(r);
	r->c = cpu_raw(r->b, 0);
}

EACH_FAULT(set_cpuid, VM, raw_cpu, NULL)
{
	return cpu_try_cpuid(r->c, supported);
}

static struct kvm_xsave xsave;

EACH_FAULT(get_xsave, PLAIN_CPU, NULL, NULL)
{
	return ioctl(r->c->fd, KVM_GET_XSAVE, &xsave);
}

EACH_FAULT(set_xsave, PLAIN_CPU, NULL, NULL)
{
	long ret = ioctl(r->c->fd, KVM_GET_XSAVE, &xsave);

	return ret ?: ioctl(r->c->fd, KVM_SET_XSAVE, &xsave);
}

EACH_FAULT(fpu, PLAIN_CPU, NULL, NULL)
{
	struct kvm_fpu fpu;

	return ioctl(r->c->fd, KVM_GET_FPU, &fpu) ?: ioctl(r->c->fd, KVM_SET_FPU, &fpu);
}

EACH_FAULT(msrs, PLAIN_CPU, NULL, NULL)
{
	static struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e[64];
	} m;
	u32 i;

	m.head.nmsrs = ARRAY_LEN(m.e);
	for (i = 0; i < ARRAY_LEN(m.e); i++)
		m.e[i] = (struct kvm_msr_entry){ .index = 0x174 };
	return ioctl(r->c->fd, KVM_GET_MSRS, &m) < 0 ? -1 : ioctl(r->c->fd, KVM_SET_MSRS, &m);
}

static GUEST void reads_msr(void)
{
	u64 v;

	G_CHECK_EQ(g_try_rdmsr(0x174, &v), 13);
	G_CHECK_EQ(g_try_rdmsr(0x175, &v), G_NO_TRAP);
	g_done();
}

static void filter_filters(struct round *r)
{
	cpu_long(r->c, reads_msr);
	cpu_expect_done(r->c);
}

EACH_FAULT(msr_filter, PLAIN_CPU, NULL, filter_filters)
{
	static u8 bits[2][16];
	struct kvm_msr_filter f = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW, .ranges = {
		{ .flags = KVM_MSR_FILTER_READ, .base = 0x174, .nmsrs = 1, .bitmap = bits[0] },
		{ .flags = KVM_MSR_FILTER_WRITE, .base = 0x174, .nmsrs = 2, .bitmap = bits[1] },
	} };

	return ioctl(r->b->fd, KVM_X86_SET_MSR_FILTER, &f);
}

EACH_FAULT(device_attributes, PLAIN_CPU, NULL, NULL)
{
	u64 offset;
	struct kvm_device_attr a = { .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
				     .addr = (u64)&offset };

	return ioctl(r->c->fd, KVM_GET_DEVICE_ATTR, &a) ?: ioctl(r->c->fd, KVM_SET_DEVICE_ATTR, &a);
}

EACH_FAULT(machine_checks, PLAIN_CPU, NULL, NULL)
{
	u64 cap = 10;

	return ioctl(r->c->fd, KVM_X86_SETUP_MCE, &cap);
}

/* --- running --- */

/* KVM_RUN until the guest is done; what fails for want of memory is repeated by each_fault(). */
static long run_to_done(struct round *r)
{
	int ret;

	do {
		ret = ioctl(r->c->fd, KVM_RUN, 0);
		if (ret < 0)
			return ret;
		CHECK_EQ(r->c->run->exit_reason, KVM_EXIT_IO);
	} while (r->c->run->io.port != SAY_DONE);
	return 0;
}

static void at_done(struct round *r)
{
	cpu_long(r->c, say_done);
}

EACH_FAULT(first_run, PLAIN_CPU, at_done, NULL)
{
	return run_to_done(r);
}

static void at_writes(struct round *r)
{
	CHECK_OK(slot(r, 0, SLOT_GPA, SLOT_SIZE));
	box_map(r->b, SLOT_GPA + PAGE, SLOT_PTE);
	cpu_long(r->c, say_done);
	cpu_expect_done(r->c);
	cpu_long(r->c, writes);
}

EACH_FAULT(run_on_new_memory, PLAIN_CPU, at_writes, slot_is_memory)
{
	return run_to_done(r);
}

static GUEST void emulated(void)
{
	g_write32(DOORBELL, 1);
	g_done();
}

static void at_emulated(struct round *r)
{
	CHECK_OK(ring_at(r, DOORBELL, 0));
	box_map(r->b, DOORBELL, MMIO_PTE);
	cpu_long(r->c, emulated);
}

EACH_FAULT(run_with_emulation, PLAIN_CPU, at_emulated, bell_rings)
{
	return run_to_done(r);
}

static GUEST void page_ready(struct trap *t)
{
	g_write32(LAY_SCRATCH + 4, 0);
	g_set_xapic(APIC_EOI, 0);
	g_wrmsr(MSR_APF_ACK, 1);
}

/* Looks at a page that comes later: it is told so, or waits without knowing. */
static GUEST void wants_page(void)
{
	g_handlers[VECTOR] = page_ready;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_wrmsr(MSR_APF_INT, VECTOR);
	g_wrmsr(MSR_APF_EN, LAY_SCRATCH | 0xb);
	g_sti();
	while (G_TRY("movb (%0), %%al", G_NONE, G_LIST("r"(SLOT_GPA + PAGE), "a"(0))) == VEC_PF)
		g_write32(LAY_SCRATCH, 0);
	g_done();
}

static void *provide(void *arg)
{
	struct round *r = arg;

	uffd_wanted(r->uffd);
	usleep(1000);
	uffd_provide(r->uffd, r->hva + PAGE, 1);
	return NULL;
}

static void at_wants_page(struct round *r)
{
	NEED_CAP(KVM_CAP_ASYNC_PF_INT);
	r->b = irqs_box_full();
	r->c = cpu_new(r->b, 0);
	touch_run(r);
	CHECK_OK(slot(r, 0, SLOT_GPA, SLOT_SIZE));
	box_map(r->b, SLOT_GPA + PAGE, SLOT_PTE);
	r->uffd = uffd_open();
	uffd_hold(r->uffd, r->hva, SLOT_SIZE);
	CHECK(!pthread_create(&r->thread, NULL, provide, r));
	cpu_long(r->c, wants_page);
}

static void page_came(struct round *r)
{
	pthread_join(r->thread, NULL);
	close(r->uffd);
}

EACH_FAULT(async_pf, NO_VM, at_wants_page, page_came)
{
	return run_to_done(r);
}

EACH_FAULT(pre_fault, PLAIN_CPU, at_writes, slot_is_memory)
{
	struct kvm_pre_fault_memory range = { .gpa = SLOT_GPA, .size = SLOT_SIZE };

	return ioctl(r->c->fd, KVM_PRE_FAULT_MEMORY, &range);
}
