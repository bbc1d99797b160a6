// SPDX-License-Identifier: GPL-2.0-only
/* See irqs.h. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#include "irqs.h"

#define STAGE 0x1234
#define APIC_EOI (IRQS_APIC + 0xb0ul)
#define APIC_SVR (IRQS_APIC + 0xf0ul)

static volatile u64 counts[LAY_MAX_CPUS][256] GUEST_DATA;
static volatile u64 mask_pics GUEST_DATA;

static GUEST void on_irq(struct trap *t)
{
	counts[g_percpu()->id][t->vec]++;
	g_write32(APIC_EOI, 0);
}

static GUEST void serve(void)
{
	u64 i;

	if (mask_pics) {
		g_out8(0x21, 0xff);
		g_out8(0xa1, 0xff);
	}
	for (i = 0x20; i < 256; i++)
		g_handlers[i] = on_irq;
	g_write32(APIC_SVR, 0x1ff);
	for (;;) {
		g_sync(STAGE, 0);
		g_sti();
		for (i = 0; i < 10; i++)
			g_pause();
		g_cli();
	}
}

struct box *irqs_box_full(void)
{
	struct box *b = box_new();

	NEED_CAP(KVM_CAP_IRQCHIP);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	GV(b, mask_pics) = 1;
	return b;
}

struct box *irqs_box_split(u64 pins)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { pins } };
	struct box *b = box_new();

	NEED_CAP(KVM_CAP_SPLIT_IRQCHIP);
	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &cap));
	return b;
}

struct cpu *irqs_cpu(struct box *b, unsigned int id)
{
	struct kvm_mp_state run = { KVM_MP_STATE_RUNNABLE };
	struct cpu *c = cpu_new(b, id);

	cpu_set_mp_state(c, &run);
	cpu_long(c, serve);
	irqs_round(c);
	return c;
}

void irqs_round(struct cpu *c)
{
	cpu_expect_sync(c, STAGE);
}

u64 irqs_taken(struct cpu *c, u8 vec)
{
	return GV(c->box, counts)[c->id][vec];
}

static u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void irqs_expect(struct cpu *c, u8 vec, u64 want)
{
	u64 end = now_ms() + 5000;
	int i;

	do {
		irqs_round(c);
	} while (irqs_taken(c, vec) < want && now_ms() < end);
	CHECK_EQ(irqs_taken(c, vec), want);
	/* A work item of the kernel may bring one too many. */
	usleep(2000);
	for (i = 0; i < 3; i++)
		irqs_round(c);
	CHECK_EQ(irqs_taken(c, vec), want);
}

int irqs_try_routes(struct box *b, const struct kvm_irq_routing_entry *e, u32 nr)
{
	struct kvm_irq_routing *r = calloc(1, sizeof(*r) + nr * sizeof(*e));
	int ret, err;

	r->nr = nr;
	if (nr)
		memcpy(r->entries, e, nr * sizeof(*e));
	ret = ioctl(b->fd, KVM_SET_GSI_ROUTING, r);
	err = errno;
	free(r);
	errno = err;
	return ret;
}

int irqs_line(struct box *b, u32 gsi, bool level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	CHECK_OK(ioctl(b->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

int irqs_pulse(struct box *b, u32 gsi)
{
	int status = irqs_line(b, gsi, true);

	irqs_line(b, gsi, false);
	return status;
}

static struct kvm_irqchip ioapic_get(struct box *b)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	CHECK_OK(ioctl(b->fd, KVM_GET_IRQCHIP, &chip));
	return chip;
}

void irqs_ioapic(struct box *b, unsigned int pin, u64 rte)
{
	struct kvm_irqchip chip = ioapic_get(b);

	chip.chip.ioapic.redirtbl[pin].bits = rte;
	CHECK_OK(ioctl(b->fd, KVM_SET_IRQCHIP, &chip));
}

u32 irqs_ioapic_irr(struct box *b)
{
	return ioapic_get(b).chip.ioapic.irr;
}

int irqs_eventfd(void)
{
	return CHECK_OK(eventfd(0, EFD_NONBLOCK));
}

void irqs_signal(int fd)
{
	u64 one = 1;

	CHECK_EQ(write(fd, &one, 8), 8);
}

bool irqs_signalled(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	u64 count;

	if (poll(&p, 1, ms) <= 0)
		return false;
	return read(fd, &count, 8) == 8;
}

int irqs_try_irqfd(struct box *b, int fd, u32 gsi, u32 flags, int resample)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample };

	return ioctl(b->fd, KVM_IRQFD, &args);
}
