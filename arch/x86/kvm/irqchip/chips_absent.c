// SPDX-License-Identifier: GPL-2.0-only
/* What parts that are not there yet would answer. */
#include <kvm/irq.h>
#include "irqchip.h"

enum irq_fate __weak irq_deliver(struct x86_vm *vm, struct x86_vcpu *source,
				 const struct irq_msg *msg)
{
	return IRQ_IGNORED;
}

bool __weak irq_msg_targets(const struct irq_msg *msg, struct x86_vcpu *vcpu)
{
	return false;
}

void __weak irqchip_eoi_changed(struct x86_vm *vm)
{
}

void __weak lapic_pic_changed(struct x86_vm *vm)
{
}

void __weak lapic_pit_tick(struct x86_vm *vm)
{
}

enum irq_fate __weak irq_deliver_msi(struct x86_vm *vm, u64 address, u32 data)
{
	return IRQ_IGNORED;
}

void __weak irq_msg_from_msi(const struct x86_vm *vm, u64 address, u32 data, struct irq_msg *msg)
{
	*msg = (struct irq_msg){};
}
