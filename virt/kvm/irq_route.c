// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the global system interrupts of a VM lead.
 *
 * One table holds all routes, those of a GSI side by side, and an index says
 * where each GSI begins. The table never changes: user space gives a new one,
 * which is checked and built beside the old one, published, and the old one is
 * freed when an RCU grace period has passed. Interrupts are raised inside of RCU
 * read sections, from any context, and nobody keeps a copy of a route; so when
 * the ioctl returns, every event takes the new way.
 *
 * Ack notifiers are few: one per GSI that somebody resamples, and the PIT's. The
 * chip that saw the acknowledgement says which pin it was, and each notifier is
 * asked whether its GSI leads there. That needs no table from pins to GSIs, and
 * is right for any number of GSIs that share a pin.
 */
#include <linux/array_size.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <kvm/arch.h>
#include <kvm/irq.h>
#include <kvm/trace.h>
#include <kvm/vm.h>

struct kvm_irq_routes {
	u32 nr;				/* routes */
	u32 nr_gsi;			/* GSIs that the index knows */
	u16 *first;			/* of nr_gsi + 1: first[g] .. first[g + 1] - 1 are those of g */
	struct kvm_irq_route route[];	/* ordered by GSI; the index stands behind */
};

/* --- readers --- */

static struct kvm_irq_routes *routes_get(struct kvm *kvm)
{
	return rcu_dereference_check(kvm->irq_routes, lockdep_is_held(&kvm->irq_lock));
}

unsigned int kvm_irq_routes_nr_gsi(struct kvm *kvm)
{
	const struct kvm_irq_routes *t = routes_get(kvm);

	return t ? t->nr_gsi : 0;
}

const struct kvm_irq_route *kvm_irq_routes_of(struct kvm *kvm, u32 gsi, unsigned int *nr)
{
	const struct kvm_irq_routes *t = routes_get(kvm);

	*nr = 0;
	if (!t || gsi >= t->nr_gsi)
		return NULL;
	gsi = array_index_nospec(gsi, t->nr_gsi);
	*nr = t->first[gsi + 1] - t->first[gsi];
	return &t->route[t->first[gsi]];
}

int kvm_set_irq(struct kvm *kvm, enum kvm_irq_source source, u32 gsi, bool level)
{
	const struct kvm_irq_route *route;
	unsigned int i, nr;
	int ret = -1;

	trace_kvm_set_irq(gsi, level, source);
	rcu_read_lock();
	route = kvm_irq_routes_of(kvm, gsi, &nr);
	for (i = 0; i < nr; i++)
		ret = max(ret, route[i].set(kvm, &route[i], source, level));
	rcu_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(kvm_set_irq);

/* --- acknowledgement --- */

static bool leads_to(struct kvm *kvm, u32 gsi, u32 irqchip, u32 pin)
{
	const struct kvm_irq_route *route;
	unsigned int i, nr;

	route = kvm_irq_routes_of(kvm, gsi, &nr);
	for (i = 0; i < nr; i++)
		if (route[i].type == KVM_IRQ_ROUTING_IRQCHIP &&
		    route[i].chip.irqchip == irqchip && route[i].chip.pin == pin)
			return true;
	return false;
}

void kvm_irq_acked(struct kvm *kvm, u32 irqchip, u32 pin)
{
	struct kvm_irq_ack_notifier *n;

	rcu_read_lock();
	hlist_for_each_entry_rcu(n, &kvm->irq_acks, link)
		if (leads_to(kvm, n->gsi, irqchip, pin))
			n->acked(n);
	rcu_read_unlock();
}

bool kvm_irq_ack_wanted(struct kvm *kvm, u32 irqchip, u32 pin)
{
	struct kvm_irq_ack_notifier *n;
	bool wanted = false;

	rcu_read_lock();
	hlist_for_each_entry_rcu(n, &kvm->irq_acks, link) {
		wanted = leads_to(kvm, n->gsi, irqchip, pin);
		if (wanted)
			break;
	}
	rcu_read_unlock();
	return wanted;
}

void kvm_irq_ack_register(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	mutex_lock(&kvm->irq_lock);
	hlist_add_head_rcu(&n->link, &kvm->irq_acks);
	arch_irq_routes_changed(kvm);
	mutex_unlock(&kvm->irq_lock);
}

void kvm_irq_ack_unregister(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	mutex_lock(&kvm->irq_lock);
	hlist_del_rcu(&n->link);
	arch_irq_routes_changed(kvm);
	mutex_unlock(&kvm->irq_lock);
	synchronize_rcu_expedited();
}

/* --- a new table --- */

static struct kvm_irq_routes *table_alloc(u32 nr, u32 nr_gsi)
{
	struct kvm_irq_routes *t;
	size_t routes = struct_size(t, route, nr);

	t = kvzalloc(routes + array_size(nr_gsi + 1, sizeof(*t->first)), GFP_KERNEL_ACCOUNT);
	if (!t)
		return NULL;
	t->nr = nr;
	t->nr_gsi = nr_gsi;
	t->first = (void *)t + routes;
	return t;
}

/*
 * Two routes of one GSI: different chips see a line at the same time, and a line
 * is a pin of a chip at most once; a message comes alone.
 */
static bool routes_conflict(const struct kvm_irq_route *a, const struct kvm_irq_route *b)
{
	return a->type != KVM_IRQ_ROUTING_IRQCHIP || b->type != KVM_IRQ_ROUTING_IRQCHIP ||
	       a->chip.irqchip == b->chip.irqchip;
}

/* Those of the same GSI that have their place already stand right behind @at. */
static bool fits(const struct kvm_irq_routes *t, u32 at)
{
	const struct kvm_irq_route *new = &t->route[at];
	u32 i;

	for (i = at + 1; i < t->nr && t->route[i].set && t->route[i].gsi == new->gsi; i++)
		if (routes_conflict(new, &t->route[i]))
			return false;
	return true;
}

/*
 * Counting sort: first[g] begins as the end of g's routes and is moved down for
 * each that finds its place, from the last to the first.
 */
static int table_fill(struct kvm *kvm, struct kvm_irq_routes *t,
		      const struct kvm_irq_routing_entry *entries)
{
	u32 i, at, end = 0;
	int err;

	for (i = 0; i < t->nr; i++)
		t->first[entries[i].gsi]++;
	for (i = 0; i <= t->nr_gsi; i++) {
		end += t->first[i];
		t->first[i] = end;
	}
	for (i = t->nr; i-- > 0; ) {
		at = --t->first[entries[i].gsi];
		t->route[at].gsi = entries[i].gsi;
		t->route[at].type = entries[i].type;
		err = arch_irq_route(kvm, &entries[i], &t->route[at]);
		if (err)
			return err;
		if (!fits(t, at))
			return -EINVAL;
	}
	return 0;
}

/* NULL for an empty one. */
static struct kvm_irq_routes *table_build(struct kvm *kvm, u32 nr,
					  const struct kvm_irq_routing_entry *entries)
{
	struct kvm_irq_routes *t;
	u32 i, nr_gsi = 0;
	int err;

	if (!nr)
		return NULL;
	for (i = 0; i < nr; i++) {
		if (entries[i].gsi >= KVM_MAX_IRQ_ROUTES)
			return ERR_PTR(-EINVAL);
		nr_gsi = max(nr_gsi, entries[i].gsi + 1);
	}
	t = table_alloc(nr, nr_gsi);
	if (!t)
		return ERR_PTR(-ENOMEM);
	err = table_fill(kvm, t, entries);
	if (err) {
		kvfree(t);
		return ERR_PTR(err);
	}
	return t;
}

int kvm_set_irq_routing(struct kvm *kvm, const struct kvm_irq_routing_entry *entries,
			unsigned int nr, unsigned int flags)
{
	struct kvm_irq_routes *old, *new;

	if (flags || nr > KVM_MAX_IRQ_ROUTES)
		return -EINVAL;

	mutex_lock(&kvm->irq_lock);
	new = table_build(kvm, nr, entries);
	if (IS_ERR(new)) {
		mutex_unlock(&kvm->irq_lock);
		return PTR_ERR(new);
	}
	old = rcu_replace_pointer(kvm->irq_routes, new, lockdep_is_held(&kvm->irq_lock));
	arch_irq_routes_changed(kvm);
	mutex_unlock(&kvm->irq_lock);

	if (old) {
		/* User space waits: an event that is under way is over when it gets its answer. */
		synchronize_rcu_expedited();
		kvfree(old);
	}
	return 0;
}

/* --- ioctls --- */

long kvm_ioctl_set_gsi_routing(struct kvm *kvm, void __user *argp)
{
	struct kvm_irq_routing_entry *entries = NULL;
	struct kvm_irq_routing __user *user = argp;
	struct kvm_irq_routing head;
	int ret;

	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	if (!arch_has_irqchip(kvm) || head.flags || head.nr > KVM_MAX_IRQ_ROUTES)
		return -EINVAL;
	if (head.nr) {
		entries = vmemdup_user(user->entries, array_size(head.nr, sizeof(*entries)));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	ret = kvm_set_irq_routing(kvm, entries, head.nr, head.flags);
	kvfree(entries);
	return ret;
}

/**
 * kvm_ioctl_irq_line - KVM_IRQ_LINE and KVM_IRQ_LINE_STATUS
 * @kvm: VM of the calling process
 * @argp: struct kvm_irq_level
 * @status: user space wants to know what became of it
 *
 * Return: 0, -EFAULT, -ENXIO without interrupt controllers in the kernel.
 */
long kvm_ioctl_irq_line(struct kvm *kvm, void __user *argp, bool status)
{
	struct kvm_irq_level line;

	if (copy_from_user(&line, argp, sizeof(line)))
		return -EFAULT;
	if (!arch_has_irqchip(kvm))
		return -ENXIO;
	line.status = kvm_set_irq(kvm, KVM_IRQ_SOURCE_USER, line.irq, line.level);
	if (status && copy_to_user(argp, &line, sizeof(line)))
		return -EFAULT;
	return 0;
}

/**
 * kvm_ioctl_signal_msi - KVM_SIGNAL_MSI
 * @kvm: VM of the calling process
 * @argp: struct kvm_msi
 *
 * Return: how many vCPUs have it, 0 when the guest wants none, -EFAULT,
 * -EINVAL (flags, address, no interrupt controllers in the kernel).
 */
long kvm_ioctl_signal_msi(struct kvm *kvm, void __user *argp)
{
	struct kvm_irq_routing_entry entry = { .type = KVM_IRQ_ROUTING_MSI };
	struct kvm_irq_route route = { .type = KVM_IRQ_ROUTING_MSI };
	struct kvm_msi msi;
	int ret;

	if (copy_from_user(&msi, argp, sizeof(msi)))
		return -EFAULT;
	if (!arch_has_irqchip(kvm))
		return -EINVAL;

	/* A route of its own, for this one time. */
	entry.flags = msi.flags;
	entry.u.msi.address_lo = msi.address_lo;
	entry.u.msi.address_hi = msi.address_hi;
	entry.u.msi.data = msi.data;
	entry.u.msi.devid = msi.devid;
	ret = arch_irq_route(kvm, &entry, &route);
	if (ret)
		return ret;
	ret = route.set(kvm, &route, KVM_IRQ_SOURCE_USER, true);
	return max(ret, 0);
}

/* --- life --- */

void kvm_irq_init(struct kvm *kvm)
{
	mutex_init(&kvm->irq_lock);
	INIT_HLIST_HEAD(&kvm->irq_acks);
	mutex_init(&kvm->irqfds_mutex);
	spin_lock_init(&kvm->irqfds_lock);
	INIT_LIST_HEAD(&kvm->irqfds);
	INIT_LIST_HEAD(&kvm->irq_resamplers);
}

void kvm_irq_destroy(struct kvm *kvm)
{
	/* Nobody is left who could read it. */
	kvfree(rcu_dereference_protected(kvm->irq_routes, true));
	RCU_INIT_POINTER(kvm->irq_routes, NULL);
}
