/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that counts its interrupts, and host code that sends them. The vCPU
 * takes interrupts only between two calls of irqs_round(), so what the host does
 * in between happens while it stands still.
 */
#ifndef LIB_IRQS_H
#define LIB_IRQS_H

#include "box.h"

#define IRQS_APIC 0xfee00000u
#define IRQS_MSI_LEVEL 0x8000u		/* in MSI data: level-triggered */

/* Every route that this header makes names a physical destination. */
#define MSI_ROUTE(g, dest, msg) ((struct kvm_irq_routing_entry){		\
	.gsi = (g), .type = KVM_IRQ_ROUTING_MSI,				\
	.u.msi = { .address_lo = IRQS_APIC | (dest) << 12, .data = (msg) } })
#define CHIP_ROUTE(g, chip, p) ((struct kvm_irq_routing_entry){			\
	.gsi = (g), .type = KVM_IRQ_ROUTING_IRQCHIP,				\
	.u.irqchip = { .irqchip = (chip), .pin = (p) } })

struct box *irqs_box_full(void);
struct box *irqs_box_split(u64 pins);
/* A vCPU whose local APIC is on, before its first round. 8259s are masked. */
struct cpu *irqs_cpu(struct box *b, unsigned int id);

/* The guest takes what is pending and stops again. */
void irqs_round(struct cpu *c);
/* How often it has taken that vector so far. */
u64 irqs_taken(struct cpu *c, u8 vec);
/* Rounds until that is @want, for some seconds; then some more, in which it may not change. */
void irqs_expect(struct cpu *c, u8 vec, u64 want);

int irqs_try_routes(struct box *b, const struct kvm_irq_routing_entry *e, u32 nr);
#define irqs_routes(b, ...) do {						\
	const struct kvm_irq_routing_entry e_[] = { __VA_ARGS__ };		\
	CHECK_OK(irqs_try_routes(b, e_, ARRAY_LEN(e_)));			\
} while (0)

/* KVM_IRQ_LINE_STATUS: the status */
int irqs_line(struct box *b, u32 gsi, bool level);
/* Up and down; the status of up */
int irqs_pulse(struct box *b, u32 gsi);
/* Sets a redirection entry. */
void irqs_ioapic(struct box *b, unsigned int pin, u64 rte);
/* The interrupt request register of the IOAPIC */
u32 irqs_ioapic_irr(struct box *b);

int irqs_eventfd(void);
void irqs_signal(int fd);
/* Has it been signalled? Waits up to @ms; takes the signal. */
bool irqs_signalled(int fd, int ms);
int irqs_try_irqfd(struct box *b, int fd, u32 gsi, u32 flags, int resample);

#endif
