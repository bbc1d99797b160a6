/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_CHIPS_H
#define DKVM_CHIPS_H
/*
 * What IOAPIC, PIC and PIT offer irqchip.c alone, which makes and ends them.
 *
 * create: kvm->lock and slots_lock held; 0, -ENOMEM or -ENOSPC, and nothing is
 * left behind then. remove: undoes it before anybody knew of the chip, same
 * locks. stop: nothing of it runs by itself any more; may sleep. free: memory.
 */
#include "irqchip.h"

int ioapic_create(struct x86_vm *vm);
void ioapic_remove(struct x86_vm *vm);
void ioapic_stop(struct x86_vm *vm);
void ioapic_get_state(struct x86_vm *vm, struct kvm_ioapic_state *s);
void ioapic_set_state(struct x86_vm *vm, const struct kvm_ioapic_state *s);

int pic_create(struct x86_vm *vm);
void pic_remove(struct x86_vm *vm);
void pic_get_state(struct x86_vm *vm, bool slave, struct kvm_pic_state *s);
void pic_set_state(struct x86_vm *vm, bool slave, const struct kvm_pic_state *s);

int pit_create(struct x86_vm *vm, u32 flags);
void pit_stop(struct pit *pit);
/* Its timer comes to this CPU. Preemption or interrupts off. */
void pit_migrate(struct pit *pit);
void pit_get_state(struct pit *pit, struct kvm_pit_state2 *s);
/* @flags: those of @s count, too */
void pit_set_state(struct pit *pit, const struct kvm_pit_state2 *s, bool flags);
void pit_set_reinject(struct pit *pit, bool on);	/* kvm->lock held */

#endif
