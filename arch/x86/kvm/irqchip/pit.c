// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 of a VM: its lock, its ports, its timer, its interrupt.
 *
 * The timer is set for the next rise of counter 0's output, computed from when
 * the count began, so that it does not drift against what the guest reads. A
 * rise is a tick; a tick is a pulse on GSI 0.
 *
 * A tick that comes while the one before has not been served is lost on a
 * machine, where a CPU is never away for longer than a tick. Here it may be, so
 * that ticks which were not delivered are kept (KVM_REINJECT_CONTROL): the next
 * acknowledgement or the next tick tries again. What nobody can hear, because
 * all that GSI 0 leads to is masked, is dropped.
 *
 * The lock is never held while the timer is waited for, nor while the interrupt
 * is raised. Whoever sets the timer does so under the lock; a callback that was
 * under way sees in due_ns that its time has not come.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <kvm/irq.h>
#include "chips.h"
#include "model/pit.h"

#define PIT_GSI		0

/* A guest may ask for a million ticks a second. It does not get them. */
#define MIN_TICK_NS	(200 * NSEC_PER_USEC)
#define MAX_BACKLOG	(1u << 20)

struct pit {
	raw_spinlock_t lock;		/* leaf, interrupts off */
	struct pit_model m;		/* (l:lock) */
	s64 due_ns;			/* (l:lock) what the timer is set to, or PIT_NEVER */
	s64 counted_ns;			/* (l:lock) ticks up to then are in the backlog */
	u32 backlog;			/* (l:lock) ticks to be delivered */
	bool reinject;			/* (l:lock) keep what could not be delivered */
	bool hpet;			/* (l:lock) the HPET has the interrupt instead */
	bool stopped;			/* (l:lock) the VM ends */
	struct hrtimer timer;
	struct kvm_irq_ack_notifier ack;
	bool hears_acks;		/* (l:kvm->lock) ack is registered */
	struct x86_vm *vm;		/* (c) */
	struct kvm_iodev counters, speaker;
};

/* One attempt to deliver a tick, if there is one. No lock is held. */
static void raise_irq(struct pit *pit)
{
	struct kvm *kvm = &pit->vm->base;
	unsigned long flags;
	int fate;

	raw_spin_lock_irqsave(&pit->lock, flags);
	if (!pit->backlog || pit->stopped) {
		raw_spin_unlock_irqrestore(&pit->lock, flags);
		return;
	}
	pit->backlog = pit->reinject ? pit->backlog - 1 : 0;
	raw_spin_unlock_irqrestore(&pit->lock, flags);

	fate = kvm_set_irq(kvm, KVM_IRQ_SOURCE_ARCH, PIT_GSI, true);
	kvm_set_irq(kvm, KVM_IRQ_SOURCE_ARCH, PIT_GSI, false);
	lapic_pit_tick(pit->vm);
	if (fate > 0)
		return;

	raw_spin_lock_irqsave(&pit->lock, flags);
	if (fate < 0)
		pit->backlog = 0;
	else if (pit->reinject)
		pit->backlog++;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

static void tick_acked(struct kvm_irq_ack_notifier *n)
{
	raise_irq(container_of(n, struct pit, ack));
}

/* Sets the timer for the first tick after @now. pit->lock held. */
static void set_timer(struct pit *pit, s64 now)
{
	s64 due = pit->hpet || pit->stopped ? PIT_NEVER : pit_model_next_tick(&pit->m, now);

	if (due == PIT_NEVER) {
		pit->due_ns = PIT_NEVER;
		hrtimer_try_to_cancel(&pit->timer);
		return;
	}
	pit->due_ns = max(due, pit->counted_ns + (s64)MIN_TICK_NS);
	hrtimer_start(&pit->timer, ns_to_ktime(pit->due_ns), HRTIMER_MODE_ABS);
}

static void count_ticks(struct pit *pit, s64 now)
{
	u64 ticks = pit_model_ticks(&pit->m, pit->counted_ns, now);
	u64 most = 1 + (u64)(now - pit->counted_ns) / MIN_TICK_NS;

	pit->backlog = min(pit->backlog + min(ticks, most), (u64)MAX_BACKLOG);
	pit->counted_ns = now;
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct pit *pit = container_of(timer, struct pit, timer);
	s64 now = ktime_get_ns();
	unsigned long flags;
	bool due;

	raw_spin_lock_irqsave(&pit->lock, flags);
	due = now >= pit->due_ns;
	if (due) {
		count_ticks(pit, now);
		set_timer(pit, now);
	}
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	if (due)
		raise_irq(pit);
	return HRTIMER_NORESTART;
}

/* Counter 0 begins anew: what it did before is over. pit->lock held. */
static void restart(struct pit *pit, s64 now)
{
	pit->backlog = 0;
	pit->counted_ns = now;
	set_timer(pit, now);
}

/* --- ports: as on the bus, a wide access is one to each of the ports --- */

static void read_ports(struct pit *pit, gpa_t addr, int len, u8 *bytes)
{
	unsigned long flags;
	s64 now;
	int i;

	raw_spin_lock_irqsave(&pit->lock, flags);
	now = ktime_get_ns();
	for (i = 0; i < len; i++)
		bytes[i] = pit_model_read(&pit->m, addr + i, now);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

static void write_ports(struct pit *pit, gpa_t addr, int len, const u8 *bytes)
{
	bool restarted = false;
	unsigned long flags;
	s64 now;
	int i;

	raw_spin_lock_irqsave(&pit->lock, flags);
	now = ktime_get_ns();
	for (i = 0; i < len; i++)
		restarted |= pit_model_write(&pit->m, addr + i, bytes[i], now);
	if (restarted)
		restart(pit, now);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

static bool counters_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			  void *val)
{
	read_ports(container_of(dev, struct pit, counters), addr, len, val);
	return true;
}

static bool counters_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			   const void *val)
{
	write_ports(container_of(dev, struct pit, counters), addr, len, val);
	return true;
}

static bool speaker_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			 void *val)
{
	read_ports(container_of(dev, struct pit, speaker), addr, len, val);
	return true;
}

static bool speaker_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			  const void *val)
{
	write_ports(container_of(dev, struct pit, speaker), addr, len, val);
	return true;
}

static void pit_dev_destroy(struct kvm_iodev *dev)
{
}

static const struct kvm_iodev_ops counters_ops = {
	.read = counters_read,
	.write = counters_write,
	.destroy = pit_dev_destroy,
	.atomic = true,
	.unlimited = true,
};

static const struct kvm_iodev_ops speaker_ops = {
	.read = speaker_read,
	.write = speaker_write,
	.destroy = pit_dev_destroy,
	.atomic = true,
	.unlimited = true,
};

/* --- state --- */

static void save_channel(struct pit *pit, unsigned int i, struct kvm_pit_channel_state *s, s64 now)
{
	struct pit_channel c;

	pit_model_save(&pit->m, i, &c, now);
	*s = (struct kvm_pit_channel_state){
		.count = c.count,
		.latched_count = c.latched_count,
		.count_latched = c.count_latched,
		.status_latched = c.status_latched,
		.status = c.status,
		.read_state = c.read_state,
		.write_state = c.write_state,
		.write_latch = c.write_latch,
		.rw_mode = c.rw_mode,
		.mode = c.mode,
		.bcd = c.bcd,
		.gate = c.gate,
		.count_load_time = c.load_ns,
	};
}

static void load_channel(struct pit *pit, unsigned int i, const struct kvm_pit_channel_state *s,
			 s64 now)
{
	const struct pit_channel c = {
		.count = s->count,
		.latched_count = s->latched_count,
		.count_latched = s->count_latched,
		.status_latched = s->status_latched,
		.status = s->status,
		.read_state = s->read_state,
		.write_state = s->write_state,
		.write_latch = s->write_latch,
		.rw_mode = s->rw_mode,
		.mode = s->mode,
		.bcd = s->bcd,
		.gate = s->gate,
		.load_ns = s->count_load_time,
	};

	pit_model_load(&pit->m, i, &c, now);
}

void pit_get_state(struct pit *pit, struct kvm_pit_state2 *s)
{
	unsigned int i;
	s64 now;

	raw_spin_lock_irq(&pit->lock);
	now = ktime_get_ns();
	for (i = 0; i < PIT_CHANNELS; i++)
		save_channel(pit, i, &s->channels[i], now);
	s->flags = (pit->hpet ? KVM_PIT_FLAGS_HPET_LEGACY : 0) |
		   (pit->m.speaker ? KVM_PIT_FLAGS_SPEAKER_DATA_ON : 0);
	raw_spin_unlock_irq(&pit->lock);
}

void pit_set_state(struct pit *pit, const struct kvm_pit_state2 *s, bool flags)
{
	unsigned int i;
	s64 now;

	raw_spin_lock_irq(&pit->lock);
	now = ktime_get_ns();
	for (i = 0; i < PIT_CHANNELS; i++)
		load_channel(pit, i, &s->channels[i], now);
	if (flags) {
		pit->hpet = s->flags & KVM_PIT_FLAGS_HPET_LEGACY;
		pit->m.speaker = s->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	}
	restart(pit, now);
	raw_spin_unlock_irq(&pit->lock);
}

/* Only who keeps ticks has to hear of acknowledgements, which make EOIs dearer. */
void pit_set_reinject(struct pit *pit, bool on)
{
	struct kvm *kvm = &pit->vm->base;

	lockdep_assert_held(&kvm->lock);
	raw_spin_lock_irq(&pit->lock);
	pit->reinject = on;
	raw_spin_unlock_irq(&pit->lock);

	if (on == pit->hears_acks)
		return;
	pit->hears_acks = on;
	if (on)
		kvm_irq_ack_register(kvm, &pit->ack);
	else
		kvm_irq_ack_unregister(kvm, &pit->ack);
}

/* --- life --- */

/* vCPUs may run by now: the counters, which set the timer, are the last to come. */
static int add_devs(struct pit *pit, bool speaker)
{
	struct kvm *kvm = &pit->vm->base;
	int err;

	pit->counters.ops = &counters_ops;
	pit->speaker.ops = &speaker_ops;
	if (speaker) {
		err = kvm_iobus_add(kvm, KVM_BUS_PIO, PIT_SPEAKER, 1, &pit->speaker);
		if (err)
			return err;
	}
	err = kvm_iobus_add(kvm, KVM_BUS_PIO, PIT_COUNTERS, PIT_CONTROL - PIT_COUNTERS + 1,
			    &pit->counters);
	if (err && speaker)
		kvm_iobus_del(kvm, KVM_BUS_PIO, &pit->speaker);
	return err;
}

int pit_create(struct x86_vm *vm, u32 flags)
{
	struct pit *pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	int err;

	if (!pit)
		return -ENOMEM;
	raw_spin_lock_init(&pit->lock);
	pit_model_reset(&pit->m);
	pit->due_ns = PIT_NEVER;
	pit->ack.gsi = PIT_GSI;
	pit->ack.acked = tick_acked;
	pit->vm = vm;
	hrtimer_init(&pit->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	pit->timer.function = timer_fired;

	err = add_devs(pit, flags & KVM_PIT_SPEAKER_DUMMY);
	if (err) {
		kfree(pit);
		return err;
	}
	pit_set_reinject(pit, true);
	/* vCPUs may look already. */
	smp_store_release(&vm->pit, pit);
	return 0;
}

/*
 * A callback that is under way sets the timer itself, wherever it runs: it comes along
 * next time.
 */
void pit_migrate(struct pit *pit)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	if (hrtimer_try_to_cancel(&pit->timer) > 0)
		hrtimer_start_expires(&pit->timer, HRTIMER_MODE_ABS);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

void pit_stop(struct pit *pit)
{
	raw_spin_lock_irq(&pit->lock);
	pit->stopped = true;
	pit->due_ns = PIT_NEVER;
	raw_spin_unlock_irq(&pit->lock);
	hrtimer_cancel(&pit->timer);
	if (pit->hears_acks)
		kvm_irq_ack_unregister(&pit->vm->base, &pit->ack);
	pit->hears_acks = false;
}
