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

int __weak route_default(struct x86_vm *vm)
{
	return 0;
}

int __weak kvm_set_irq(struct kvm *kvm, enum kvm_irq_source source, u32 gsi, bool level)
{
	return pic_set_pin(to_x86_vm(kvm), gsi, source, level);
}

void __weak kvm_irq_ack_register(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
}

void __weak kvm_irq_ack_unregister(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
}

void __weak kvm_irq_acked(struct kvm *kvm, u32 irqchip, u32 pin)
{
}

bool __weak kvm_irq_ack_wanted(struct kvm *kvm, u32 irqchip, u32 pin)
{
	return false;
}
