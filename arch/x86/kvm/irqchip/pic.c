// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two 8259 of a VM: their lock, their ports, their output.
 *
 * The output goes to whichever local APICs let it through, and they look at it
 * without the lock. They are told when it rises, and again when it is still up
 * after an acknowledge cycle.
 */
#include <linux/slab.h>
#include <kvm/irq.h>
#include "../trace.h"
#include "chips.h"
#include "model/pic.h"

enum { DEV_MASTER, DEV_SLAVE, DEV_ELCR, NR_DEVS };

static const u16 dev_port[NR_DEVS] = {
	[DEV_MASTER] = PIC_MASTER_CMD,
	[DEV_SLAVE] = PIC_SLAVE_CMD,
	[DEV_ELCR] = PIC_ELCR,
};

/* A device on the bus, and which chip it belongs to. */
struct pic_dev {
	struct kvm_iodev dev;
	struct pic *pic;
};

struct pic {
	raw_spinlock_t lock;		/* leaf, interrupts off */
	struct pic_model m;		/* (l:lock) */
	bool output;			/* (l:lock) m.output, read without */
	struct x86_vm *vm;		/* (c) */
	struct pic_dev dev[NR_DEVS];
};

/* Ends what begins with pic_lock(): others hear what came of it after the lock was let go. */
static void pic_unlock(struct pic *pic, unsigned long flags, bool acked_by_cpu)
	__releases(&pic->lock)
{
	bool tell = pic->m.output && (acked_by_cpu || !pic->output);
	unsigned long acked = pic_model_take_acked(&pic->m);
	unsigned int pin;

	WRITE_ONCE(pic->output, pic->m.output);
	raw_spin_unlock_irqrestore(&pic->lock, flags);

	if (tell)
		lapic_pic_changed(pic->vm);
	for_each_set_bit(pin, &acked, PIC_PINS) {
		u32 chip = pin < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;

		trace_kvm_ack_irq(chip, pin % 8);
		kvm_irq_acked(&pic->vm->base, chip, pin % 8);
	}
}

enum irq_fate pic_set_pin(struct x86_vm *vm, unsigned int pin, int source, bool level)
{
	struct pic *pic = vm->pic;
	const struct pic_chip *chip;
	enum pic_result result;
	unsigned long flags;

	if (!pic || pin >= PIC_PINS)
		return IRQ_IGNORED;
	pin = array_index_nospec(pin, PIC_PINS);

	raw_spin_lock_irqsave(&pic->lock, flags);
	result = pic_model_set_pin(&pic->m, pin, source, level);
	chip = &pic->m.chip[pin / 8];
	trace_kvm_pic_set_irq(pin / 8, pin % 8, chip->elcr, chip->imr, result == PIC_COALESCED);
	pic_unlock(pic, flags, false);
	switch (result) {
	case PIC_LATCHED:
		return IRQ_DELIVERED;
	case PIC_COALESCED:
		return IRQ_COALESCED;
	case PIC_MASKED:
		break;
	}
	return IRQ_IGNORED;
}

bool pic_pending(struct x86_vm *vm)
{
	return vm->pic && READ_ONCE(vm->pic->output);
}

int pic_ack(struct x86_vm *vm)
{
	struct pic *pic = vm->pic;
	unsigned long flags;
	u8 vector;

	raw_spin_lock_irqsave(&pic->lock, flags);
	vector = pic_model_ack(&pic->m);
	pic_unlock(pic, flags, true);
	return vector;
}

/* --- ports: as on the bus, a wide access is one to each of the ports --- */

static bool pic_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len, void *val)
{
	struct pic *pic = container_of(dev, struct pic_dev, dev)->pic;
	unsigned long flags;
	u8 *bytes = val;
	int i;

	raw_spin_lock_irqsave(&pic->lock, flags);
	for (i = 0; i < len; i++)
		bytes[i] = pic_model_read(&pic->m, addr + i);
	pic_unlock(pic, flags, false);
	return true;
}

static bool pic_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
		      const void *val)
{
	struct pic *pic = container_of(dev, struct pic_dev, dev)->pic;
	const u8 *bytes = val;
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&pic->lock, flags);
	for (i = 0; i < len; i++)
		pic_model_write(&pic->m, addr + i, bytes[i]);
	pic_unlock(pic, flags, false);
	return true;
}

static void pic_dev_destroy(struct kvm_iodev *dev)
{
}

static const struct kvm_iodev_ops pic_ops = {
	.read = pic_read,
	.write = pic_write,
	.destroy = pic_dev_destroy,
	.atomic = true,
	.unlimited = true,
};

/* --- state and life --- */

void pic_get_state(struct x86_vm *vm, bool slave, struct kvm_pic_state *s)
{
	struct pic_chip c;

	raw_spin_lock_irq(&vm->pic->lock);
	c = vm->pic->m.chip[slave];
	raw_spin_unlock_irq(&vm->pic->lock);

	*s = (struct kvm_pic_state){
		.last_irr = c.last_irr,
		.irr = c.irr,
		.imr = c.imr,
		.isr = c.isr,
		.priority_add = c.top,
		.irq_base = c.base,
		.read_reg_select = c.read_isr,
		.poll = c.poll,
		.special_mask = c.special_mask,
		.init_state = c.init,
		.auto_eoi = c.auto_eoi,
		.rotate_on_auto_eoi = c.rotate_auto,
		.special_fully_nested_mode = c.fully_nested,
		.init4 = c.icw4,
		.elcr = c.elcr,
		.elcr_mask = slave ? PIC_ELCR_SLAVE : PIC_ELCR_MASTER,
	};
}

void pic_set_state(struct x86_vm *vm, bool slave, const struct kvm_pic_state *s)
{
	const struct pic_chip c = {
		.last_irr = s->last_irr,
		.irr = s->irr,
		.imr = s->imr,
		.isr = s->isr,
		.top = s->priority_add,
		.base = s->irq_base,
		.read_isr = s->read_reg_select,
		.poll = s->poll,
		.special_mask = s->special_mask,
		.init = s->init_state,
		.auto_eoi = s->auto_eoi,
		.rotate_auto = s->rotate_on_auto_eoi,
		.fully_nested = s->special_fully_nested_mode,
		.icw4 = s->init4,
		.elcr = s->elcr,
	};
	struct pic *pic = vm->pic;
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	pic_model_load(&pic->m, slave, &c);
	pic_unlock(pic, flags, false);
}

static void del_devs(struct pic *pic, int nr)
{
	while (nr--)
		kvm_iobus_del(&pic->vm->base, KVM_BUS_PIO, &pic->dev[nr].dev);
}

int pic_create(struct x86_vm *vm)
{
	struct pic *pic = kzalloc(sizeof(*pic), GFP_KERNEL_ACCOUNT);
	int i, err;

	if (!pic)
		return -ENOMEM;
	raw_spin_lock_init(&pic->lock);
	pic_model_reset(&pic->m);
	pic->vm = vm;
	vm->pic = pic;
	for (i = 0; i < NR_DEVS; i++) {
		pic->dev[i].dev.ops = &pic_ops;
		pic->dev[i].pic = pic;
		err = kvm_iobus_add(&vm->base, KVM_BUS_PIO, dev_port[i], 2, &pic->dev[i].dev);
		if (err)
			goto undo;
	}
	return 0;

undo:
	del_devs(pic, i);
	vm->pic = NULL;
	kfree(pic);
	return err;
}

void pic_remove(struct x86_vm *vm)
{
	del_devs(vm->pic, NR_DEVS);
	kfree(vm->pic);
	vm->pic = NULL;
}
