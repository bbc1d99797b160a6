// SPDX-License-Identifier: GPL-2.0-only
/*
 * An eventfd that raises an interrupt when it is signalled.
 *
 * The irqfd waits in the eventfd's wait queue. Its callback runs with that
 * queue's lock held and interrupts off, in whatever context signalled. A message
 * is delivered right there; a line of a chip is raised by a work item, because
 * the chip may find that an interrupt is acknowledged, ack notifiers signal
 * eventfds, and no eventfd may be signalled from the callback of another.
 *
 * The callback looks the route up each time and keeps none: what
 * KVM_SET_GSI_ROUTING has replaced cannot be used again.
 *
 * Level-triggered interrupts: such an irqfd ("resample") raises the line and
 * leaves it up. When the guest acknowledges the interrupt, the line goes down and
 * a second eventfd is signalled, whereupon the device says if it still wants to
 * interrupt. All irqfds of a GSI that do so share the line and one ack notifier
 * (struct resampler).
 *
 * An irqfd ends in one of three ways: user space takes it back, the eventfd's
 * last descriptor is closed (the callback hears of it, and a work item does the
 * rest), or the VM goes. Whoever takes it out of kvm->irqfds shuts it down. Locks:
 *
 *   irqfds_mutex		irqfds are made and taken down one at a time
 *   wait queue > irqfds_lock	the list, also for the callback
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/irqbypass.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <kvm/arch.h>
#include <kvm/irq.h>
#include <kvm/vm.h>

#define SERVED_FLAGS (KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE)

struct resampler {
	struct kvm_irq_ack_notifier ack;	/* and the GSI */
	struct kvm *kvm;			/* (c) */
	struct list_head link;			/* (l:irqfds_mutex) in kvm->irq_resamplers */
	struct list_head irqfds;		/* (l:irqfds_mutex) read under RCU; never empty */
};

struct irqfd {
	struct kvm *kvm;			/* (c) */
	u32 gsi;				/* (c) */
	struct list_head link;			/* (l:irqfds_lock) empty: being shut down */
	struct eventfd_ctx *ctx;		/* (c) reference held */
	wait_queue_head_t *queue;		/* (c) of ctx */
	wait_queue_entry_t wait;		/* in queue */
	struct work_struct inject;
	struct work_struct hangup;		/* the eventfd was closed */
	struct resampler *resampler;		/* (c) NULL: edge-triggered, or a message */
	struct eventfd_ctx *resample;		/* (c) with resampler; reference held */
	struct list_head resampler_link;	/* (l:irqfds_mutex) read under RCU */
	struct irq_bypass_consumer bypass;
	int bypass_irq;				/* (under the bypass manager's lock) */
};

static struct workqueue_struct *hangup_wq;

/* --- resampling --- */

/* The guest is done with the interrupt: the line goes down, and the devices are asked. */
static void resampler_acked(struct kvm_irq_ack_notifier *n)
{
	struct resampler *r = container_of(n, struct resampler, ack);
	struct irqfd *irqfd;

	kvm_set_irq(r->kvm, KVM_IRQ_SOURCE_RESAMPLE, n->gsi, false);
	list_for_each_entry_rcu(irqfd, &r->irqfds, resampler_link)
		eventfd_signal(irqfd->resample);
}

static struct resampler *resampler_find(struct kvm *kvm, u32 gsi)
{
	struct resampler *r;

	list_for_each_entry(r, &kvm->irq_resamplers, link)
		if (r->ack.gsi == gsi)
			return r;
	return NULL;
}

/* irqfds_mutex held. 0 or -ENOMEM. */
static int resampler_join(struct irqfd *irqfd)
{
	struct kvm *kvm = irqfd->kvm;
	struct resampler *r = resampler_find(kvm, irqfd->gsi);

	if (r) {
		list_add_rcu(&irqfd->resampler_link, &r->irqfds);
	} else {
		r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
		if (!r)
			return -ENOMEM;
		r->kvm = kvm;
		r->ack.gsi = irqfd->gsi;
		r->ack.acked = resampler_acked;
		INIT_LIST_HEAD(&r->irqfds);
		list_add_rcu(&irqfd->resampler_link, &r->irqfds);
		list_add(&r->link, &kvm->irq_resamplers);
		kvm_irq_ack_register(kvm, &r->ack);
	}
	irqfd->resampler = r;
	return 0;
}

/* irqfds_mutex held. Nobody signals irqfd->resample any more when this returns. */
static void resampler_leave(struct irqfd *irqfd)
{
	struct resampler *r = irqfd->resampler;

	list_del_rcu(&irqfd->resampler_link);
	if (!list_empty(&r->irqfds)) {
		synchronize_rcu_expedited();
		return;
	}
	list_del(&r->link);
	kvm_irq_ack_unregister(irqfd->kvm, &r->ack);
	/* Nobody would take the line down any more. */
	kvm_set_irq(irqfd->kvm, KVM_IRQ_SOURCE_RESAMPLE, irqfd->gsi, false);
	kfree(r);
}

/* --- the event --- */

static void inject_work(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, inject);

	if (irqfd->resampler) {
		kvm_set_irq(irqfd->kvm, KVM_IRQ_SOURCE_RESAMPLE, irqfd->gsi, true);
		return;
	}
	kvm_set_irq(irqfd->kvm, KVM_IRQ_SOURCE_USER, irqfd->gsi, true);
	kvm_set_irq(irqfd->kvm, KVM_IRQ_SOURCE_USER, irqfd->gsi, false);
}

/* Any context. Delivers a message at once, leaves all else to the work item. */
static void inject(struct irqfd *irqfd)
{
	const struct kvm_irq_route *route;
	unsigned int nr;

	rcu_read_lock();
	route = kvm_irq_routes_of(irqfd->kvm, irqfd->gsi, &nr);
	if (nr && route->type == KVM_IRQ_ROUTING_IRQCHIP)
		schedule_work(&irqfd->inject);
	else if (nr)
		route->set(irqfd->kvm, route, KVM_IRQ_SOURCE_USER, true);
	rcu_read_unlock();
}

/* The lock of the eventfd's wait queue is held. Was it signalled? */
static bool consume(struct irqfd *irqfd)
{
	u64 count;

	eventfd_ctx_do_read(irqfd->ctx, &count);
	return count;
}

/* Takes it out of the VM's list: true for the one who has to shut it down. */
static bool claim(struct irqfd *irqfd)
{
	bool mine;

	lockdep_assert_held(&irqfd->kvm->irqfds_lock);
	mine = !list_empty(&irqfd->link);
	list_del_init(&irqfd->link);
	return mine;
}

static void hung_up(struct irqfd *irqfd)
{
	struct kvm *kvm = irqfd->kvm;
	unsigned long flags;

	spin_lock_irqsave(&kvm->irqfds_lock, flags);
	if (claim(irqfd))
		queue_work(hangup_wq, &irqfd->hangup);
	spin_unlock_irqrestore(&kvm->irqfds_lock, flags);
}

/*
 * The eventfd's callback. Return: whether the event is used up, which ends the
 * search for others who wait for it.
 */
static int irqfd_event(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	int used = 0;

	if (events & EPOLLIN && consume(irqfd)) {
		inject(irqfd);
		used = 1;
	}
	if (events & EPOLLHUP)
		hung_up(irqfd);
	return used;
}

/* --- irq bypass: a device's interrupt may reach the guest without the eventfd --- */

static int bypass_add(struct irq_bypass_consumer *c, struct irq_bypass_producer *p)
{
	struct irqfd *irqfd = container_of(c, struct irqfd, bypass);
	int err = arch_irq_bypass_add(irqfd->kvm, irqfd->gsi, p->irq);

	if (!err)
		irqfd->bypass_irq = p->irq;
	return err;
}

static void bypass_del(struct irq_bypass_consumer *c, struct irq_bypass_producer *p)
{
	struct irqfd *irqfd = container_of(c, struct irqfd, bypass);

	arch_irq_bypass_del(irqfd->kvm, irqfd->gsi, irqfd->bypass_irq);
}

static void bypass_register(struct irqfd *irqfd)
{
	irqfd->bypass.token = irqfd->ctx;
	irqfd->bypass.add_producer = bypass_add;
	irqfd->bypass.del_producer = bypass_del;
	/* Refused, or without memory: the eventfd does its work all the same. */
	if (irq_bypass_register_consumer(&irqfd->bypass))
		irqfd->bypass.token = NULL;
}

static void bypass_unregister(struct irqfd *irqfd)
{
	if (irqfd->bypass.token)
		irq_bypass_unregister_consumer(&irqfd->bypass);
}

/* --- life --- */

static void irqfd_free(struct irqfd *irqfd)
{
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	eventfd_ctx_put(irqfd->ctx);
	kfree(irqfd);
}

/* irqfds_mutex held; the caller has claimed it. */
static void irqfd_shutdown(struct irqfd *irqfd)
{
	u64 count;

	lockdep_assert_held(&irqfd->kvm->irqfds_mutex);

	/* No callback is running any more after this, so none queues work. */
	eventfd_ctx_remove_wait_queue(irqfd->ctx, &irqfd->wait, &count);
	bypass_unregister(irqfd);
	flush_work(&irqfd->inject);
	if (irqfd->resampler)
		resampler_leave(irqfd);
	irqfd_free(irqfd);
}

static void hangup_work(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, hangup);
	struct kvm *kvm = irqfd->kvm;

	mutex_lock(&kvm->irqfds_mutex);
	irqfd_shutdown(irqfd);
	mutex_unlock(&kvm->irqfds_mutex);
}

static struct irqfd *irqfd_find(struct kvm *kvm, const struct eventfd_ctx *ctx)
{
	struct irqfd *irqfd;

	lockdep_assert_held(&kvm->irqfds_lock);
	list_for_each_entry(irqfd, &kvm->irqfds, link)
		if (irqfd->ctx == ctx)
			return irqfd;
	return NULL;
}

/* An eventfd interrupts a VM in one way. */
static int irqfd_link(struct irqfd *irqfd)
{
	struct kvm *kvm = irqfd->kvm;
	int err = 0;

	spin_lock_irq(&kvm->irqfds_lock);
	if (irqfd_find(kvm, irqfd->ctx))
		err = -EBUSY;
	else
		list_add(&irqfd->link, &kvm->irqfds);
	spin_unlock_irq(&kvm->irqfds_lock);
	return err;
}

static void irqfd_unlink(struct irqfd *irqfd)
{
	spin_lock_irq(&irqfd->kvm->irqfds_lock);
	claim(irqfd);
	spin_unlock_irq(&irqfd->kvm->irqfds_lock);
}

/* Called back by the eventfd's poll. */
struct irqfd_poll {
	poll_table table;
	struct irqfd *irqfd;
};

static void enter_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct irqfd *irqfd = container_of(table, struct irqfd_poll, table)->irqfd;

	irqfd->queue = queue;
	/* Before everybody else: who reads the eventfd, too, does not take the event away. */
	add_wait_queue_priority(queue, &irqfd->wait);
}

/* From here on events interrupt; what was signalled before does so now. */
static void irqfd_listen(struct irqfd *irqfd, struct file *file)
{
	struct irqfd_poll poll = { .irqfd = irqfd };
	bool signalled;

	init_waitqueue_func_entry(&irqfd->wait, irqfd_event);
	init_poll_funcptr(&poll.table, enter_queue);
	vfs_poll(file, &poll.table);

	spin_lock_irq(&irqfd->queue->lock);
	signalled = consume(irqfd);
	spin_unlock_irq(&irqfd->queue->lock);
	if (signalled)
		inject(irqfd);
}

/* Holds references of what the argument names, and is known to nobody yet. */
static struct irqfd *irqfd_alloc(struct kvm *kvm, const struct kvm_irqfd *args, struct file *file)
{
	struct irqfd *irqfd;
	int err;

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return ERR_PTR(-ENOMEM);
	irqfd->kvm = kvm;
	irqfd->gsi = args->gsi;
	INIT_LIST_HEAD(&irqfd->link);
	INIT_WORK(&irqfd->inject, inject_work);
	INIT_WORK(&irqfd->hangup, hangup_work);

	irqfd->ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(irqfd->ctx)) {
		err = PTR_ERR(irqfd->ctx);
		goto free;
	}
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		irqfd->resample = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(irqfd->resample)) {
			err = PTR_ERR(irqfd->resample);
			goto put;
		}
	}
	return irqfd;

put:
	eventfd_ctx_put(irqfd->ctx);
free:
	kfree(irqfd);
	return ERR_PTR(err);
}

static int assign_file(struct kvm *kvm, const struct kvm_irqfd *args, struct file *file)
{
	struct irqfd *irqfd;
	int err;

	irqfd = irqfd_alloc(kvm, args, file);
	if (IS_ERR(irqfd))
		return PTR_ERR(irqfd);

	mutex_lock(&kvm->irqfds_mutex);
	err = irqfd_link(irqfd);
	if (err)
		goto free;
	if (irqfd->resample) {
		err = resampler_join(irqfd);
		if (err)
			goto unlink;
	}
	kvm->had_irqfds = true;
	irqfd_listen(irqfd, file);
	bypass_register(irqfd);
	mutex_unlock(&kvm->irqfds_mutex);
	return 0;

unlink:
	irqfd_unlink(irqfd);
free:
	mutex_unlock(&kvm->irqfds_mutex);
	irqfd_free(irqfd);
	return err;
}

/* The file stays open meanwhile, so the eventfd does not hang up before all is done. */
static int assign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct fd f = fdget(args->fd);
	int err;

	if (!fd_file(f))
		return -EBADF;
	err = assign_file(kvm, args, fd_file(f));
	fdput(f);
	return err;
}

/* No event of it raises an interrupt any more when this returns. */
static int deassign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct irqfd *irqfd;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);

	mutex_lock(&kvm->irqfds_mutex);
	spin_lock_irq(&kvm->irqfds_lock);
	irqfd = irqfd_find(kvm, ctx);
	if (irqfd && irqfd->gsi != args->gsi)
		irqfd = NULL;
	if (irqfd)
		claim(irqfd);
	spin_unlock_irq(&kvm->irqfds_lock);
	if (irqfd)
		irqfd_shutdown(irqfd);
	mutex_unlock(&kvm->irqfds_mutex);

	eventfd_ctx_put(ctx);
	return 0;
}

/**
 * kvm_irqfd - KVM_IRQFD
 * @kvm: VM of the calling process
 * @args: copied from user space
 *
 * Taking back what is not there succeeds.
 * Return: 0; -EINVAL (flags; not an eventfd; no interrupt controllers in the
 * kernel that would serve it), -EBADF, -EBUSY (the eventfd interrupts this VM
 * already), -ENOMEM.
 */
int kvm_irqfd(struct kvm *kvm, const struct kvm_irqfd *args)
{
	if (args->flags & ~SERVED_FLAGS)
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return deassign(kvm, args);
	if (!arch_irqfd_allowed(kvm, args->flags & KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	return assign(kvm, args);
}

/**
 * kvm_irqfd_release_all - the VM goes: its irqfds go first
 * @kvm: VM without files
 *
 * No event, no work item and no acknowledgement of theirs is under way when
 * this returns.
 */
void kvm_irqfd_release_all(struct kvm *kvm)
{
	struct irqfd *irqfd;

	if (!kvm->had_irqfds)
		return;

	mutex_lock(&kvm->irqfds_mutex);
	for (;;) {
		spin_lock_irq(&kvm->irqfds_lock);
		irqfd = list_first_entry_or_null(&kvm->irqfds, struct irqfd, link);
		if (irqfd)
			claim(irqfd);
		spin_unlock_irq(&kvm->irqfds_lock);
		if (!irqfd)
			break;
		irqfd_shutdown(irqfd);
	}
	mutex_unlock(&kvm->irqfds_mutex);
	/* Those whose eventfd was closed a moment ago. */
	flush_workqueue(hangup_wq);
}

int kvm_irqfd_module_init(void)
{
	hangup_wq = alloc_workqueue("kvm-irqfd-hangup", WQ_UNBOUND, 0);
	return hangup_wq ? 0 : -ENOMEM;
}

void kvm_irqfd_module_exit(void)
{
	destroy_workqueue(hangup_wq);
}
