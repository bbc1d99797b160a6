// SPDX-License-Identifier: GPL-2.0-only
/*
 * O5: CVE-2021-4032, CVE-2020-36312, CVE-2021-47060, CVE-2021-47061. Whichever
 * allocation fails, a call about VMs, interrupts or eventfds says ENOMEM
 * and leaves all as it was, or does without it.
 */
#include "fail_nth.h"

#define GSI		5

/* --- VMs, vCPUs, statistics --- */

static void made_vm_works(struct round *r)
{
	CHECK_OK(ioctl(r->made, KVM_CREATE_IRQCHIP, 0));
	close(CHECK_OK(ioctl(r->made, KVM_CREATE_VCPU, 0)));
}

EACH_FAULT(create_vm, NO_VM, NULL, made_vm_works)
{
	return made(r, ioctl(r->kvm, KVM_CREATE_VM, 0));
}

static void vcpu_is_there(struct round *r)
{
	CHECK_ERR(ioctl(r->b->fd, KVM_CREATE_VCPU, 3), EEXIST);
}

static long make_vcpu(struct round *r)
{
	return made(r, ioctl(r->b->fd, KVM_CREATE_VCPU, 3));
}

EACH_FAULT(create_vcpu_without_irqchip, VM, NULL, vcpu_is_there)
{
	return make_vcpu(r);
}

EACH_FAULT(create_vcpu, FULL, NULL, vcpu_is_there)
{
	return make_vcpu(r);
}

EACH_FAULT(create_vcpu_split, SPLIT, NULL, vcpu_is_there)
{
	return make_vcpu(r);
}

/* An interrupt for a vCPU that came into being while memory was short */
static void made_vcpu_has_interrupt(struct round *r)
{
	struct kvm_msi msi = { .address_lo = IRQS_APIC | 3 << 12, .data = VECTOR };
	struct kvm_lapic_state s;
	struct kvm_sregs sregs;

	CHECK_OK(ioctl(r->made, KVM_GET_SREGS, &sregs));
	CHECK_OK(ioctl(r->made, KVM_GET_LAPIC, &s));
	lapic_set_reg(&s, APIC_SVR, 0x1ff);
	CHECK_OK(ioctl(r->made, KVM_SET_LAPIC, &s));
	CHECK_EQ(ioctl(r->b->fd, KVM_SIGNAL_MSI, &msi), 1);
	CHECK_OK(ioctl(r->made, KVM_GET_LAPIC, &s));
	CHECK(lapic_bit(&s, APIC_IRR, VECTOR));
}

EACH_FAULT(second_vcpu, FULL_CPU, NULL, made_vcpu_has_interrupt)
{
	return make_vcpu(r);
}

EACH_FAULT(vm_stats_fd, VM, NULL, NULL)
{
	return made(r, ioctl(r->b->fd, KVM_GET_STATS_FD, 0));
}

EACH_FAULT(vcpu_stats_fd, PLAIN_CPU, NULL, NULL)
{
	return made(r, ioctl(r->c->fd, KVM_GET_STATS_FD, 0));
}

/* --- interrupt controllers --- */

static void irqchip_is_there(struct round *r)
{
	CHECK_ERR(ioctl(r->b->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
}

EACH_FAULT(create_irqchip, VM, NULL, irqchip_is_there)
{
	return ioctl(r->b->fd, KVM_CREATE_IRQCHIP, 0);
}

EACH_FAULT(split_irqchip, VM, NULL, irqchip_is_there)
{
	return box_enable(r->b, KVM_CAP_SPLIT_IRQCHIP, 24);
}

static void pit_is_there(struct round *r)
{
	struct kvm_pit_state2 s;

	CHECK_OK(ioctl(r->b->fd, KVM_GET_PIT2, &s));
}

EACH_FAULT(create_pit, FULL, NULL, pit_is_there)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	return ioctl(r->b->fd, KVM_CREATE_PIT2, &config);
}

static void two_routes(struct round *r)
{
	irqs_routes(r->b, MSI_ROUTE(GSI, 0, VECTOR), CHIP_ROUTE(6, KVM_IRQCHIP_IOAPIC, 6));
}

static void route_leads_to_vector(struct round *r)
{
	u64 before = irqs_taken(r->c, VECTOR);

	irqs_pulse(r->b, GSI);
	irqs_round(r->c);
	irqs_round(r->c);
	CHECK_EQ(irqs_taken(r->c, VECTOR), before + 1);
}

EACH_FAULT(routes, FULL_CPU, NULL, route_leads_to_vector)
{
	static struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[200];
	} table;
	u32 i;

	table.head.nr = ARRAY_LEN(table.e);
	for (i = 0; i < ARRAY_LEN(table.e); i++)
		table.e[i] = MSI_ROUTE(i, 0, VECTOR);
	return ioctl(r->b->fd, KVM_SET_GSI_ROUTING, &table);
}

EACH_FAULT(get_lapic, FULL_CPU, NULL, NULL)
{
	struct kvm_lapic_state s;

	return ioctl(r->c->fd, KVM_GET_LAPIC, &s);
}

static struct kvm_lapic_state lapic;

static void know_lapic(struct round *r)
{
	lapic = cpu_get_lapic_state(r->c);
	lapic_set_reg(&lapic, APIC_LDR, 1u << 24);
}

EACH_FAULT(set_lapic, FULL_CPU, know_lapic, NULL)
{
	return ioctl(r->c->fd, KVM_SET_LAPIC, &lapic);
}

/* The map of destinations is made anew by it. */
EACH_FAULT(apic_base, FULL_CPU, know_lapic, NULL)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} off = {
		{ .nmsrs = 1 }, { .index = MSR_APICBASE, .data = APIC_PAGE | APICBASE_BSP }
	}, on = {
		{ .nmsrs = 1 },
		{ .index = MSR_APICBASE, .data = APIC_PAGE | APICBASE_BSP | APICBASE_ENABLE }
	};
	long ret = ioctl(r->c->fd, KVM_SET_MSRS, &off);

	if (ret < 0)
		return ret;
	ret = ioctl(r->c->fd, KVM_SET_MSRS, &on);
	return ret < 0 ? ret : ioctl(r->c->fd, KVM_SET_LAPIC, &lapic);
}

/* --- eventfds --- */

static void event_interrupts(struct round *r)
{
	u64 before = irqs_taken(r->c, VECTOR);

	irqs_signal(r->event);
	irqs_expect(r->c, VECTOR, before + 1);
}

EACH_FAULT(irqfd, FULL_CPU, two_routes, event_interrupts)
{
	return irqs_try_irqfd(r->b, r->event, GSI, 0, 0);
}

static void resampled(struct round *r)
{
	irqs_ioapic(r->b, 6, 0x8000 | VECTOR);
	irqs_signal(r->event);
	irqs_expect(r->c, VECTOR, 1);
	CHECK(irqs_signalled(r->ask, 1000));
}

EACH_FAULT(irqfd_resample, FULL_CPU, two_routes, resampled)
{
	return irqs_try_irqfd(r->b, r->event, 6, KVM_IRQFD_FLAG_RESAMPLE, r->ask);
}

static void with_irqfd(struct round *r)
{
	two_routes(r);
	CHECK_OK(irqs_try_irqfd(r->b, r->event, 6, KVM_IRQFD_FLAG_RESAMPLE, r->ask));
}

static void event_is_free(struct round *r)
{
	CHECK_OK(irqs_try_irqfd(r->b, r->event, GSI, 0, 0));
	event_interrupts(r);
}

EACH_FAULT(irqfd_deassign, FULL_CPU, with_irqfd, event_is_free)
{
	return irqs_try_irqfd(r->b, r->event, 6, KVM_IRQFD_FLAG_DEASSIGN, 0);
}

EACH_FAULT(ioeventfd, PLAIN_CPU, NULL, bell_rings)
{
	return ring_at(r, DOORBELL, 0);
}

static void three_bells(struct round *r)
{
	u32 i;

	for (i = 0; i < 3; i++)
		CHECK_OK(ring_at(r, DOORBELL + 8 * i, 0));
}

static void only_mine_is_gone(struct round *r)
{
	CHECK_ERR(ring_at(r, DOORBELL + 8, KVM_IOEVENTFD_FLAG_DEASSIGN), ENOENT);
	CHECK_OK(ring_at(r, DOORBELL + 16, KVM_IOEVENTFD_FLAG_DEASSIGN));
	bell_rings(r);
}

EACH_FAULT(ioeventfd_deassign, PLAIN_CPU, three_bells, only_mine_is_gone)
{
	return ring_at(r, DOORBELL + 8, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

/* --- coalesced writes --- */

static long coalesce(struct round *r, u64 addr, bool on)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = addr, .size = PAGE };

	return ioctl(r->b->fd, on ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO,
		     &zone);
}

/* The write is in the ring. */
static void is_coalesced(struct round *r)
{
	box_map(r->b, DOORBELL, MMIO_PTE);
	cpu_long(r->c, rings);
	cpu_expect_done(r->c);
}

EACH_FAULT(coalesced, PLAIN_CPU, NULL, is_coalesced)
{
	return coalesce(r, DOORBELL, true);
}

static void three_zones(struct round *r)
{
	u32 i;

	for (i = 0; i < 3; i++)
		CHECK_OK(coalesce(r, DOORBELL + 2 * i * PAGE, true));
}

EACH_FAULT(coalesced_end, PLAIN_CPU, three_zones, is_coalesced)
{
	return coalesce(r, DOORBELL + 2 * PAGE, false);
}

/* --- a bus that is made shorter in place, under the eyes of a vCPU --- */

static volatile u64 hammering GUEST_DATA;

static GUEST void hammers(void)
{
	while (hammering)
		g_write32(DOORBELL, 1);
	g_done();
}

/* While there is no bus the writes go to user space, which need not care. */
static void *hammer(void *arg)
{
	struct round *r = arg;

	for (;;) {
		CHECK_OK(ioctl(r->c->fd, KVM_RUN, 0));
		if (r->c->run->exit_reason != KVM_EXIT_MMIO)
			break;
		CHECK_EQ(r->c->run->mmio.phys_addr, DOORBELL);
	}
	CHECK_EQ(r->c->run->exit_reason, KVM_EXIT_IO);
	CHECK_EQ(r->c->run->io.port, SAY_DONE);
	return NULL;
}

CASE_SLOW(bells_go_under_a_vcpu, 60, NULL)
{
	int fd = faults_init(), ret, err;
	unsigned int turn;
	struct round r;

	begin(&r, PLAIN_CPU);
	CHECK_OK(ring_at(&r, DOORBELL, 0));
	box_map(r.b, DOORBELL, MMIO_PTE);
	GV(r.b, hammering) = 1;
	cpu_long(r.c, hammers);
	CHECK(!pthread_create(&r.thread, NULL, hammer, &r));
	for (turn = 0; turn < 100; turn++) {
		CHECK_OK(ring_at(&r, DOORBELL + 8, 0));
		arm(fd, turn % 4);
		ret = ring_at(&r, DOORBELL + 8, KVM_IOEVENTFD_FLAG_DEASSIGN);
		err = errno;
		disarm(fd);
		if (ret)
			DIE("turn %u: %s", turn, strerror(err));
	}
	GV(r.b, hammering) = 0;
	pthread_join(r.thread, NULL);
	CHECK(irqs_signalled(r.event, 0));
	bell_rings(&r);
	finish(&r);
}
