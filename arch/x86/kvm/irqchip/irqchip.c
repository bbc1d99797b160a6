// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who makes and ends the interrupt controllers of a VM, and their ioctls.
 *
 * KVM_CREATE_IRQCHIP comes before the first vCPU, because a vCPU gets its local
 * APIC when it is made. Devices are on the buses, and routes lead to pins, a
 * moment before irqchip_kind says so: no vCPU exists that could see it.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <kvm/irq.h>
#include "chips.h"

static int create_chips(struct x86_vm *vm)
{
	int err;

	mutex_lock(&vm->base.slots_lock);
	err = ioapic_create(vm);
	if (!err) {
		err = pic_create(vm);
		if (err)
			ioapic_remove(vm);
	}
	mutex_unlock(&vm->base.slots_lock);
	return err;
}

static void remove_chips(struct x86_vm *vm)
{
	mutex_lock(&vm->base.slots_lock);
	pic_remove(vm);
	ioapic_remove(vm);
	mutex_unlock(&vm->base.slots_lock);
}

static int create_irqchip_locked(struct x86_vm *vm)
{
	int err;

	if (irqchip_kind(vm) != IRQCHIP_NONE)
		return -EEXIST;
	if (vm->base.created_vcpus)
		return -EINVAL;
	err = create_chips(vm);
	if (err)
		return err;
	err = route_default(vm);
	if (err) {
		remove_chips(vm);
		return err;
	}
	/* pairs with irqchip_kind() */
	smp_store_release(&vm->irqchip_kind, IRQCHIP_FULL);
	return 0;
}

static long create_irqchip(struct x86_vm *vm)
{
	int err;

	mutex_lock(&vm->base.lock);
	err = create_irqchip_locked(vm);
	mutex_unlock(&vm->base.lock);
	return err;
}

static long get_irqchip(struct x86_vm *vm, struct kvm_irqchip __user *argp)
{
	struct kvm_irqchip chip = {};

	if (copy_from_user(&chip.chip_id, &argp->chip_id, sizeof(chip.chip_id)))
		return -EFAULT;
	if (irqchip_kind(vm) != IRQCHIP_FULL)
		return -ENXIO;
	switch (chip.chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pic_get_state(vm, chip.chip_id == KVM_IRQCHIP_PIC_SLAVE, &chip.chip.pic);
		break;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_get_state(vm, &chip.chip.ioapic);
		break;
	default:
		return -EINVAL;
	}
	return copy_to_user(argp, &chip, sizeof(chip)) ? -EFAULT : 0;
}

/* Bits that a chip does not have are dropped: callers pass on what an older one had. */
static long set_irqchip(struct x86_vm *vm, const struct kvm_irqchip __user *argp)
{
	struct kvm_irqchip chip;

	if (copy_from_user(&chip, argp, sizeof(chip)))
		return -EFAULT;
	if (irqchip_kind(vm) != IRQCHIP_FULL)
		return -ENXIO;
	switch (chip.chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pic_set_state(vm, chip.chip_id == KVM_IRQCHIP_PIC_SLAVE, &chip.chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_set_state(vm, &chip.chip.ioapic);
		return 0;
	}
	return -EINVAL;
}

/* --- interval timer --- */

static long create_pit(struct x86_vm *vm, u32 flags)
{
	long err;

	mutex_lock(&vm->base.lock);
	if (vm->pit) {
		err = -EEXIST;
	} else if (irqchip_kind(vm) != IRQCHIP_FULL) {
		err = -ENOENT;
	} else {
		mutex_lock(&vm->base.slots_lock);
		err = pit_create(vm, flags);
		mutex_unlock(&vm->base.slots_lock);
	}
	mutex_unlock(&vm->base.lock);
	return err;
}

static long create_pit2(struct x86_vm *vm, const void __user *argp)
{
	struct kvm_pit_config config;

	if (copy_from_user(&config, argp, sizeof(config)))
		return -EFAULT;
	if (config.flags & ~KVM_PIT_SPEAKER_DUMMY)
		return -EINVAL;
	return create_pit(vm, config.flags);
}

/* KVM_GET_PIT gives the beginning of what KVM_GET_PIT2 gives. */
static_assert(offsetof(struct kvm_pit_state2, channels) == 0 &&
	      sizeof(struct kvm_pit_state) == offsetof(struct kvm_pit_state2, flags));

static long get_pit(struct x86_vm *vm, void __user *argp, size_t size)
{
	struct kvm_pit_state2 state = {};
	long err = -ENXIO;

	mutex_lock(&vm->base.lock);
	if (vm->pit) {
		pit_get_state(vm->pit, &state);
		err = 0;
	}
	mutex_unlock(&vm->base.lock);
	if (err)
		return err;
	return copy_to_user(argp, &state, size) ? -EFAULT : 0;
}

static long set_pit(struct x86_vm *vm, const void __user *argp, size_t size)
{
	struct kvm_pit_state2 state = {};
	long err = -ENXIO;

	if (copy_from_user(&state, argp, size))
		return -EFAULT;
	if (state.flags & ~(KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON))
		return -EINVAL;
	mutex_lock(&vm->base.lock);
	if (vm->pit) {
		pit_set_state(vm->pit, &state, size == sizeof(state));
		err = 0;
	}
	mutex_unlock(&vm->base.lock);
	return err;
}

static long reinject_control(struct x86_vm *vm, const void __user *argp)
{
	struct kvm_reinject_control control;
	long err = -ENXIO;

	if (copy_from_user(&control, argp, sizeof(control)))
		return -EFAULT;
	mutex_lock(&vm->base.lock);
	if (vm->pit) {
		pit_set_reinject(vm->pit, control.pit_reinject);
		err = 0;
	}
	mutex_unlock(&vm->base.lock);
	return err;
}

/**
 * irqchip_vm_ioctl - ioctls of a VM about its interrupt controllers and its PIT
 * @vm: any
 * @ioctl: number
 * @argp: in user space
 *
 * Takes kvm->lock itself. Return: 0, -ENOTTY for others, -EEXIST, -EINVAL,
 * -ENOENT (no irqchip for a PIT), -ENXIO (no such chip here), -EFAULT, -ENOMEM.
 */
long irqchip_vm_ioctl(struct x86_vm *vm, unsigned int ioctl, void __user *argp)
{
	switch (ioctl) {
	case KVM_CREATE_IRQCHIP:
		return create_irqchip(vm);
	case KVM_GET_IRQCHIP:
		return get_irqchip(vm, argp);
	case KVM_SET_IRQCHIP:
		return set_irqchip(vm, argp);
	case KVM_CREATE_PIT:
		return create_pit(vm, KVM_PIT_SPEAKER_DUMMY);
	case KVM_CREATE_PIT2:
		return create_pit2(vm, argp);
	case KVM_GET_PIT:
		return get_pit(vm, argp, sizeof(struct kvm_pit_state));
	case KVM_GET_PIT2:
		return get_pit(vm, argp, sizeof(struct kvm_pit_state2));
	case KVM_SET_PIT:
		return set_pit(vm, argp, sizeof(struct kvm_pit_state));
	case KVM_SET_PIT2:
		return set_pit(vm, argp, sizeof(struct kvm_pit_state2));
	case KVM_REINJECT_CONTROL:
		return reinject_control(vm, argp);
	}
	return -ENOTTY;
}

void irqchip_stop(struct x86_vm *vm)
{
	if (vm->pit)
		pit_stop(vm->pit);
	ioapic_stop(vm);
}

void irqchip_free(struct x86_vm *vm)
{
	kfree(vm->pit);
	kfree(vm->pic);
	kfree(vm->ioapic);
	vm->pit = NULL;
	vm->pic = NULL;
	vm->ioapic = NULL;
}
