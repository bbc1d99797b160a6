// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOAPIC of a VM: its lock, its page, what it sends.
 *
 * The model decides under the lock; the message is sent after it was let go.
 * Remote IRR is set by then, so that no second message of a level-triggered pin
 * can overtake the first. A local APIC signals the end of an interrupt only
 * after it had the message.
 *
 * Nothing here calls back into itself: who is told of an acknowledgement may
 * change the level of any pin, and that sends messages and tells nobody.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <kvm/irq.h>
#include "../trace.h"
#include "chips.h"
#include "model/ioapic.h"

#define IOAPIC_BASE	0xfec00000ULL
#define IOAPIC_SIZE	0x100

static_assert(IOAPIC_PINS == IRQCHIP_PINS && IOAPIC_PINS == KVM_IOAPIC_NUM_PINS);
static_assert(KVM_NR_IRQ_SOURCES <= 8);

/* The clock of a PC. User space counts what was lost of its ticks, see rtc_busy. */
#define RTC_PIN		8

#define STORM_DELAY	msecs_to_jiffies(10)

struct ioapic {
	raw_spinlock_t lock;		/* leaf, interrupts off */
	struct ioapic_model m;		/* (l:lock) entries are also read without */
	/*
	 * (l:lock) the last tick of the RTC was sent and its EOI has not come
	 * yet: the next one would be lost, and user space is told so.
	 */
	bool rtc_busy;
	struct x86_vm *vm;		/* (c) */
	struct kvm_iodev dev;
	struct delayed_work storm;	/* sends what a storm of EOIs put off */
};

static void msg_from_rte(u64 rte, struct irq_msg *msg)
{
	*msg = (struct irq_msg){
		.dest = rte >> IOAPIC_RTE_DEST_SHIFT,
		.vector = rte & IOAPIC_RTE_VECTOR,
		.mode = (rte & IOAPIC_RTE_MODE) >> IOAPIC_RTE_MODE_SHIFT,
		.logical = rte & IOAPIC_RTE_LOGICAL,
		.level = ioapic_rte_level(rte),
		.assert = true,
	};
}

/* Interrupts with an EOI at their end; the other modes have none. */
static bool has_eoi(u64 rte)
{
	return (rte & IOAPIC_RTE_MODE) >> IOAPIC_RTE_MODE_SHIFT <= IRQ_MODE_LOWEST;
}

static enum irq_fate send(struct ioapic *ioapic, unsigned int pin, u64 rte)
{
	struct irq_msg msg;
	enum irq_fate fate;
	unsigned long flags;

	msg_from_rte(rte, &msg);
	fate = irq_deliver(ioapic->vm, NULL, &msg);
	if (fate != IRQ_IGNORED)
		return fate;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	ioapic_model_unsent(&ioapic->m, pin, rte);
	if (pin == RTC_PIN)
		ioapic->rtc_busy = false;
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	return fate;
}

/* What the model wants to be done for @pin, whose entry was @rte. No lock is held. */
static enum irq_fate carry_out(struct ioapic *ioapic, unsigned int pin, u64 rte,
			       enum ioapic_next next)
{
	switch (next) {
	case IOAPIC_SEND:
		return send(ioapic, pin, rte);
	case IOAPIC_SEND_LATER:
		schedule_delayed_work(&ioapic->storm, STORM_DELAY);
		return IRQ_COALESCED;
	case IOAPIC_COALESCED:
		return IRQ_COALESCED;
	case IOAPIC_HELD_BACK:
		return IRQ_IGNORED;
	case IOAPIC_IDLE:
		break;
	}
	return IRQ_DELIVERED;
}

/* The same for the RTC's tick, which is lost if the one before is still being served. */
static enum ioapic_next rtc_tick(struct ioapic *ioapic, enum ioapic_next next)
{
	u64 rte = ioapic->m.rte[RTC_PIN];

	if (next != IOAPIC_SEND || ioapic_rte_level(rte) || !has_eoi(rte))
		return next;
	if (ioapic->rtc_busy)
		return IOAPIC_COALESCED;
	ioapic->rtc_busy = true;
	return next;
}

enum irq_fate ioapic_set_pin(struct x86_vm *vm, unsigned int pin, int source, bool level)
{
	struct ioapic *ioapic = vm->ioapic;
	enum ioapic_next next;
	enum irq_fate fate;
	unsigned long flags;
	u64 rte;

	if (!ioapic || pin >= IOAPIC_PINS)
		return IRQ_IGNORED;
	pin = array_index_nospec(pin, IOAPIC_PINS);

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	next = ioapic_model_set_pin(&ioapic->m, pin, source, level);
	if (pin == RTC_PIN && source == KVM_IRQ_SOURCE_USER)
		next = rtc_tick(ioapic, next);
	rte = ioapic->m.rte[pin];
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	fate = carry_out(ioapic, pin, rte, next);
	if (level)
		trace_kvm_ioapic_set_irq(rte, pin, fate == IRQ_COALESCED);
	return fate;
}

/*
 * Whoever waits for the acknowledgement hears of it first: it takes its line
 * down, and the pin does not send again what is over.
 */
void ioapic_eoi(struct x86_vm *vm, struct x86_vcpu *vcpu, u8 vector)
{
	struct ioapic *ioapic = vm->ioapic;
	enum ioapic_next next;
	unsigned long flags;
	unsigned int pin;
	u64 rte;

	if (!ioapic)
		return;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if ((u8)READ_ONCE(ioapic->m.rte[pin]) != vector)
			continue;
		trace_kvm_ack_irq(KVM_IRQCHIP_IOAPIC, pin);
		kvm_irq_acked(&vm->base, KVM_IRQCHIP_IOAPIC, pin);

		raw_spin_lock_irqsave(&ioapic->lock, flags);
		next = ioapic_model_eoi(&ioapic->m, pin, vector);
		if (pin == RTC_PIN)
			ioapic->rtc_busy = false;
		rte = ioapic->m.rte[pin];
		raw_spin_unlock_irqrestore(&ioapic->lock, flags);
		carry_out(ioapic, pin, rte, next);
	}
}

/*
 * An interrupt that is under way has its EOI forwarded, wherever it goes by now:
 * the guest may have turned the entry to another vCPU meanwhile.
 */
void ioapic_scan_eoi(struct x86_vcpu *vcpu, unsigned long *vectors)
{
	struct x86_vm *vm = vcpu->vm;
	struct ioapic *ioapic = vm->ioapic;
	struct irq_msg msg;
	unsigned int pin;

	if (!ioapic)
		return;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		u64 rte = READ_ONCE(ioapic->m.rte[pin]);

		if (!has_eoi(rte) ||
		    (!ioapic_rte_level(rte) && pin != RTC_PIN &&
		     !kvm_irq_ack_wanted(&vm->base, KVM_IRQCHIP_IOAPIC, pin)))
			continue;
		msg_from_rte(rte, &msg);
		if (rte & IOAPIC_RTE_REMOTE_IRR || irq_msg_targets(&msg, vcpu))
			__set_bit(msg.vector, vectors);
	}
}

static void storm_work(struct work_struct *work)
{
	struct ioapic *ioapic = container_of(work, struct ioapic, storm.work);
	enum ioapic_next next;
	unsigned int pin;
	u64 rte;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		raw_spin_lock_irq(&ioapic->lock);
		next = ioapic_model_retry(&ioapic->m, pin);
		rte = ioapic->m.rte[pin];
		raw_spin_unlock_irq(&ioapic->lock);
		if (next == IOAPIC_SEND)
			trace_kvm_ioapic_delayed_eoi_inj(rte);
		carry_out(ioapic, pin, rte, next);
	}
}

/* --- its page --- */

static bool ioapic_mmio_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			     void *val)
{
	struct ioapic *ioapic = container_of(dev, struct ioapic, dev);
	unsigned long flags;
	u64 data;

	if (len > sizeof(data))
		return false;
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	data = ioapic_model_read(&ioapic->m, addr - IOAPIC_BASE);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	memcpy(val, &data, len);
	return true;
}

/* vCPUs learn whose EOI they have to report before the first interrupt comes. */
static bool ioapic_mmio_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			      const void *val)
{
	struct ioapic *ioapic = container_of(dev, struct ioapic, dev);
	u64 was[IOAPIC_PINS], rte = 0;
	enum ioapic_next next;
	unsigned long flags;
	u32 data = 0;
	int pin;

	memcpy(&data, val, min_t(int, len, sizeof(data)));
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	memcpy(was, ioapic->m.rte, sizeof(was));
	next = ioapic_model_write(&ioapic->m, addr - IOAPIC_BASE, data, &pin);
	if (pin >= 0)
		rte = ioapic->m.rte[pin];
	if (pin == RTC_PIN)
		ioapic->rtc_busy = false;
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);

	if (pin < 0)
		return true;
	if ((rte ^ was[pin]) & IOAPIC_RTE_ROUTE)
		irqchip_eoi_changed(ioapic->vm);
	carry_out(ioapic, pin, rte, next);
	return true;
}

/* Its memory is the VM's: irqchip_free(). */
static void ioapic_dev_destroy(struct kvm_iodev *dev)
{
}

static const struct kvm_iodev_ops ioapic_ops = {
	.read = ioapic_mmio_read,
	.write = ioapic_mmio_write,
	.destroy = ioapic_dev_destroy,
	.atomic = true,
	.unlimited = true,
};

/* --- state and life --- */

void ioapic_get_state(struct x86_vm *vm, struct kvm_ioapic_state *s)
{
	struct ioapic *ioapic = vm->ioapic;

	raw_spin_lock_irq(&ioapic->lock);
	s->base_address = IOAPIC_BASE;
	s->ioregsel = ioapic->m.regsel;
	s->id = ioapic->m.id;
	s->irr = ioapic_model_get_irr(&ioapic->m);
	memcpy(s->redirtbl, ioapic->m.rte, sizeof(s->redirtbl));
	raw_spin_unlock_irq(&ioapic->lock);
}

void ioapic_set_state(struct x86_vm *vm, const struct kvm_ioapic_state *s)
{
	struct ioapic *ioapic = vm->ioapic;
	enum ioapic_next next;
	u64 rte[IOAPIC_PINS];
	unsigned int pin;

	memcpy(rte, s->redirtbl, sizeof(rte));
	raw_spin_lock_irq(&ioapic->lock);
	ioapic_model_load(&ioapic->m, s->ioregsel, s->id, rte);
	ioapic->rtc_busy = false;
	raw_spin_unlock_irq(&ioapic->lock);

	irqchip_eoi_changed(vm);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if (!(s->irr & BIT(pin)))
			continue;
		raw_spin_lock_irq(&ioapic->lock);
		next = ioapic_model_set_irr(&ioapic->m, pin);
		rte[pin] = ioapic->m.rte[pin];
		raw_spin_unlock_irq(&ioapic->lock);
		carry_out(ioapic, pin, rte[pin], next);
	}
}

int ioapic_create(struct x86_vm *vm)
{
	struct ioapic *ioapic = kzalloc(sizeof(*ioapic), GFP_KERNEL_ACCOUNT);
	int err;

	if (!ioapic)
		return -ENOMEM;
	raw_spin_lock_init(&ioapic->lock);
	ioapic_model_reset(&ioapic->m);
	INIT_DELAYED_WORK(&ioapic->storm, storm_work);
	ioapic->vm = vm;
	ioapic->dev.ops = &ioapic_ops;
	vm->ioapic = ioapic;
	err = kvm_iobus_add(&vm->base, KVM_BUS_MMIO, IOAPIC_BASE, IOAPIC_SIZE, &ioapic->dev);
	if (err) {
		vm->ioapic = NULL;
		kfree(ioapic);
	}
	return err;
}

void ioapic_remove(struct x86_vm *vm)
{
	kvm_iobus_del(&vm->base, KVM_BUS_MMIO, &vm->ioapic->dev);
	kfree(vm->ioapic);
	vm->ioapic = NULL;
}

void ioapic_stop(struct x86_vm *vm)
{
	if (vm->ioapic)
		cancel_delayed_work_sync(&vm->ioapic->storm);
}
