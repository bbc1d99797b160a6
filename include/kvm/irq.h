/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_IRQ_H
#define DKVM_IRQ_H
/*
 * Global system interrupts of a VM: where each leads (irq_route.c), who raises
 * them (KVM_IRQ_LINE, KVM_SIGNAL_MSI, irqfd.c), who wants to hear that the guest
 * has acknowledged one.
 *
 * The table of routes is replaced as a whole under kvm->irq_lock and read under
 * RCU: an eventfd is signalled with interrupts off.
 */
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/types.h>
#include <kvm/types.h>

#define KVM_MAX_IRQ_ROUTES	4096	/* what KVM_CAP_IRQ_ROUTING says */

/* Who holds up a line: the level of a pin is the OR of its sources. */
enum kvm_irq_source {
	KVM_IRQ_SOURCE_USER,		/* KVM_IRQ_LINE, and irqfds that resample nothing */
	KVM_IRQ_SOURCE_RESAMPLE,	/* irqfds with a resample eventfd */
	KVM_IRQ_SOURCE_ARCH,		/* the architecture's own devices (PIT) */
	KVM_NR_IRQ_SOURCES
};

struct kvm_irq_route;

/* Result as KVM_IRQ_LINE_STATUS reports it: < 0 ignored, 0 coalesced, > 0 delivered to so many. */
typedef int (*kvm_irq_set_t)(struct kvm *kvm, const struct kvm_irq_route *route,
			     enum kvm_irq_source source, bool level);

struct kvm_irq_route {
	u32 gsi;
	u32 type;			/* KVM_IRQ_ROUTING_* */
	kvm_irq_set_t set;		/* any context; does not sleep */
	union {
		struct {
			u32 irqchip;
			u32 pin;
		} chip;
		struct {
			u64 address;
			u32 data;
			u32 devid;
			u32 flags;
		} msi;
		struct {
			u32 vcpu;
			u32 sint;
		} hv_sint;
		struct kvm_irq_routing_xen_evtchn xen;
	};
};

/**
 * kvm_set_irq - level of a global system interrupt
 * @kvm: VM
 * @source: who says so
 * @gsi: any number; nothing happens where no route begins
 * @level: MSI routes act when it is true, and ignore false
 *
 * Follows every route of @gsi.
 * Context: any but NMI. Return: as kvm_irq_set_t; the largest of all routes.
 */
int kvm_set_irq(struct kvm *kvm, enum kvm_irq_source source, u32 gsi, bool level);

/* Somebody wants to know when the guest acknowledges what a GSI led to. */
struct kvm_irq_ack_notifier {
	struct hlist_node link;
	u32 gsi;
	/*
	 * Any context, RCU read section. Comes back into kvm_set_irq() and signals
	 * eventfds, so the chip holds none of its locks.
	 */
	void (*acked)(struct kvm_irq_ack_notifier *n);
};

/* Both take kvm->irq_lock and may sleep. */
void kvm_irq_ack_register(struct kvm *kvm, struct kvm_irq_ack_notifier *n);
/* Nobody is in @n->acked any more when this returns. */
void kvm_irq_ack_unregister(struct kvm *kvm, struct kvm_irq_ack_notifier *n);

/**
 * kvm_irq_acked - the guest acknowledged an interrupt of a chip: tell who wants to know
 * @kvm: VM
 * @irqchip: number of the chip, as in routes to it
 * @pin: its pin
 *
 * Context: any but NMI; not inside of the callback of an eventfd, because
 * notifiers signal others: kvm_irq_set_t functions of chips do not call it where
 * an irqfd may have called them (irqfd.c calls those from a work item).
 */
void kvm_irq_acked(struct kvm *kvm, u32 irqchip, u32 pin);
/* Is there anybody who wants to know? Any context. */
bool kvm_irq_ack_wanted(struct kvm *kvm, u32 irqchip, u32 pin);

/**
 * kvm_set_irq_routing - replace all routes, as KVM_SET_GSI_ROUTING does
 * @kvm: VM
 * @entries: checked here, all before anything changes
 * @nr: their number
 * @flags: must be 0
 *
 * When this returns, nothing uses a route of before any more. Takes
 * kvm->irq_lock, sleeps. Return: 0, -EINVAL or -ENOMEM.
 */
int kvm_set_irq_routing(struct kvm *kvm, const struct kvm_irq_routing_entry *entries,
			unsigned int nr, unsigned int flags);

/* In an RCU read section: one more than the largest GSI that has a route. */
unsigned int kvm_irq_routes_nr_gsi(struct kvm *kvm);
/* In an RCU read section: the routes of a GSI, as an array, and how many. */
const struct kvm_irq_route *kvm_irq_routes_of(struct kvm *kvm, u32 gsi, unsigned int *nr);

/* ioctls; 0 or -errno, KVM_SIGNAL_MSI: number of vCPUs that have it */
long kvm_ioctl_irq_line(struct kvm *kvm, void __user *argp, bool status);
long kvm_ioctl_signal_msi(struct kvm *kvm, void __user *argp);
long kvm_ioctl_set_gsi_routing(struct kvm *kvm, void __user *argp);

/* KVM_IRQFD; and what closing the VM does with those that are left */
int kvm_irqfd(struct kvm *kvm, const struct kvm_irqfd *args);
void kvm_irqfd_release_all(struct kvm *kvm);
/* once for the module */
int kvm_irqfd_module_init(void);
void kvm_irqfd_module_exit(void);

void kvm_irq_init(struct kvm *kvm);
void kvm_irq_destroy(struct kvm *kvm);	/* irqfds are gone, vCPUs and chips, too */

#endif
