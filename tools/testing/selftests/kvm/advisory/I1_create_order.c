// SPDX-License-Identifier: GPL-2.0-only
/*
 * Row I1: interrupt controllers, PIT, vCPUs and routes made in each order. Each
 * call is refused or works by what is there already, and the VM runs then.
 */
#include "box.h"

enum step { IRQCHIP, SPLIT, PIT2, VCPU, SET_LAPIC, ROUTES, NR_STEPS };

static const char *const names[] = { "irqchip", "split", "pit2", "vcpu", "lapic", "routes" };

struct vm {
	struct box *b;
	struct cpu *c;
	bool full, split, pit;
};

static GUEST void hello(void)
{
	g_done();
}

static int set_lapic(struct vm *v)
{
	struct kvm_lapic_state s;

	memset(&s, 0, sizeof(s));
	if (ioctl(v->c->fd, KVM_GET_LAPIC, &s))
		return -1;
	return ioctl(v->c->fd, KVM_SET_LAPIC, &s);
}

static int set_routes(struct vm *v)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} table = {
		.head = { .nr = 1 },
		.entry = { .gsi = 5, .type = KVM_IRQ_ROUTING_MSI,
			   .u.msi = { .address_lo = 0xfee00000, .data = 0x41 } },
	};

	return ioctl(v->b->fd, KVM_SET_GSI_ROUTING, &table);
}

/* 0 or the errno that the call has to give. */
static int expected(const struct vm *v, enum step step)
{
	bool any = v->full || v->split;

	switch (step) {
	case IRQCHIP:
		return any ? EEXIST : v->c ? EINVAL : 0;
	case SPLIT:
		return any || v->c ? EEXIST : 0;
	case PIT2:
		return v->pit ? EEXIST : v->full ? 0 : ENOENT;
	case SET_LAPIC:
	case ROUTES:
		return any ? 0 : EINVAL;
	default:
		return 0;
	}
}

static int take(struct vm *v, enum step step)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	switch (step) {
	case IRQCHIP:
		return ioctl(v->b->fd, KVM_CREATE_IRQCHIP, 0);
	case SPLIT:
		return ioctl(v->b->fd, KVM_ENABLE_CAP, &split);
	case PIT2:
		return ioctl(v->b->fd, KVM_CREATE_PIT2, &config);
	case VCPU:
		v->c = cpu_new(v->b, 0);
		return 0;
	case SET_LAPIC:
		return v->c ? set_lapic(v) : 0;
	case ROUTES:
		return set_routes(v);
	default:
		return -1;
	}
}

static void one_step(struct vm *v, enum step step, const char *done)
{
	int want = expected(v, step);
	int got;

	if (step == SET_LAPIC && !v->c)
		want = 0;
	errno = 0;
	got = take(v, step) ? errno : 0;
	if (got != want)
		DIE("after%s: %s gave %d, should give %d", done, names[step], got, want);
	if (got)
		return;
	v->full |= step == IRQCHIP;
	v->split |= step == SPLIT;
	v->pit |= step == PIT2;
}

static void one_order(const enum step *order)
{
	struct vm v = { .b = box_new() };
	char done[64] = "";
	unsigned int i;

	for (i = 0; i < NR_STEPS; i++) {
		one_step(&v, order[i], done);
		strcat(done, " ");
		strcat(done, names[order[i]]);
	}
	cpu_long(v.c, hello);
	cpu_expect_done(v.c);
	cpu_free(v.c);
	box_free(v.b);
}

/* Those that begin with @first: a sixth of all. */
static void all_orders(enum step first)
{
	enum step order[NR_STEPS];
	unsigned int n, i, j, left, code;

	NEED_CAP(KVM_CAP_SPLIT_IRQCHIP);
	for (n = 0; n < 120; n++) {
		bool used[NR_STEPS] = { false };

		order[0] = first;
		used[first] = true;
		for (i = 1, left = NR_STEPS - 1, code = n; i < NR_STEPS; i++, left--) {
			unsigned int pick = code % left;

			code /= left;
			for (j = 0; used[j] || pick; j++)
				pick -= !used[j];
			used[j] = true;
			order[i] = j;
		}
		one_order(order);
	}
}

CASE_SLOW(orders_that_begin_with_the_irqchip, 60, NULL)
{
	all_orders(IRQCHIP);
}

CASE_SLOW(orders_that_begin_with_the_split_irqchip, 60, NULL)
{
	all_orders(SPLIT);
}

CASE_SLOW(orders_that_begin_with_the_pit, 60, NULL)
{
	all_orders(PIT2);
}

CASE_SLOW(orders_that_begin_with_a_vcpu, 60, NULL)
{
	all_orders(VCPU);
}

CASE_SLOW(orders_that_begin_with_the_lapic, 60, NULL)
{
	all_orders(SET_LAPIC);
}

CASE_SLOW(orders_that_begin_with_routes, 60, NULL)
{
	all_orders(ROUTES);
}
