// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults: who fetches the pages.
 *
 * A work item does for the vCPU what the vCPU would do itself: it faults the page
 * in, and that may take for ever (userfaultfd). So nobody ever waits for a work
 * item. It belongs to a queue, and the queue is kept by the vCPU and by each of
 * the items:
 *
 *	waiting		the page is being fetched
 *	done		it is there: the vCPU has been told, and takes it from the list
 *	in no list	forgotten (reset, the end of the vCPU): the item frees itself
 *
 * Items of a queue are counted to their end, the forgotten ones, too, so a guest
 * that resets again and again gets no more of them than any other. Those of all
 * queues are counted as well: fewer than the workqueue runs at once, or a VM whose
 * pages do not come would keep those of others from coming.
 *
 * An item keeps the process' mm from being freed, not from being emptied, except
 * while it faults. It keeps the module, and the end of the module waits for
 * the last instructions of the items.
 */
#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <kvm/arch.h>
#include <kvm/async_pf.h>
#include <kvm/trace.h>

#define AT_ONCE	256

struct kvm_apf_queue {
	refcount_t users;		/* the vCPU, and each item */
	spinlock_t lock;
	struct kvm_vcpu *vcpu;		/* (c) to be looked at while an item is in a list */
	unsigned int nr;		/* (l:lock) items */
	struct list_head waiting;	/* (l:lock) */
	struct list_head done;		/* (l:lock) emptied by the vCPU's thread alone */
};

struct apf_item {
	struct kvm_apf page;
	struct list_head link;		/* (l:lock) */
	struct work_struct work;
	struct kvm_apf_queue *queue;
	struct mm_struct *mm;
	hva_t hva;
	bool write;
};

static struct workqueue_struct *fetchers;
static atomic_t nr_items;

static struct apf_item *item_of(struct kvm_apf *page)
{
	return container_of(page, struct apf_item, page);
}

static void put_queue(struct kvm_apf_queue *q)
{
	if (refcount_dec_and_test(&q->users))
		kfree(q);
}

static void fetch(const struct apf_item *item)
{
	int locked = 1;

	/* A process that is gone needs no page. */
	if (!mmget_not_zero(item->mm))
		return;
	mmap_read_lock(item->mm);
	get_user_pages_remote(item->mm, item->hva, 1, item->write ? FOLL_WRITE : 0, NULL, &locked);
	if (locked)
		mmap_read_unlock(item->mm);
	mmput(item->mm);
}

static void fetch_work(struct work_struct *work)
{
	struct apf_item *item = container_of(work, struct apf_item, work);
	struct kvm_apf_queue *q = item->queue;

	fetch(item);
	trace_kvm_async_pf_completed(item->hva, item->page.gpa);
	mmdrop(item->mm);

	spin_lock(&q->lock);
	if (list_empty(&item->link)) {
		q->nr--;
		kfree(item);
	} else {
		/* From here on it may be freed as soon as the lock is. */
		list_move_tail(&item->link, &q->done);
		arch_apf_ready(q->vcpu);
	}
	spin_unlock(&q->lock);
	put_queue(q);
	atomic_dec(&nr_items);
	module_put(THIS_MODULE);
}

static struct kvm_apf_queue *queue_of(struct kvm_vcpu *vcpu)
{
	struct kvm_apf_queue *q = vcpu->apf;

	if (likely(q))
		return q;
	q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);
	if (!q)
		return NULL;
	refcount_set(&q->users, 1);
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->waiting);
	INIT_LIST_HEAD(&q->done);
	q->vcpu = vcpu;
	vcpu->apf = q;
	return q;
}

static bool enlist(struct kvm_apf_queue *q, struct apf_item *item)
{
	bool room;

	spin_lock(&q->lock);
	room = q->nr < KVM_APF_PER_VCPU;
	if (room) {
		q->nr++;
		list_add_tail(&item->link, &q->waiting);
	}
	spin_unlock(&q->lock);
	return room;
}

struct kvm_apf *kvm_apf_start(struct kvm_vcpu *vcpu, gpa_t gpa, hva_t hva, bool write)
{
	struct kvm_apf_queue *q = queue_of(vcpu);
	struct apf_item *item;

	if (!q)
		return NULL;
	item = kmalloc(sizeof(*item), GFP_KERNEL_ACCOUNT);
	if (!item)
		return NULL;
	*item = (struct apf_item){ .page.gpa = gpa, .queue = q, .mm = vcpu->kvm->mm, .hva = hva,
				   .write = write };
	INIT_WORK(&item->work, fetch_work);
	if (atomic_inc_return(&nr_items) > AT_ONCE || !enlist(q, item)) {
		atomic_dec(&nr_items);
		kfree(item);
		return NULL;
	}
	refcount_inc(&q->users);
	mmgrab(item->mm);
	__module_get(THIS_MODULE);
	queue_work(fetchers, &item->work);
	return &item->page;
}
EXPORT_SYMBOL_GPL(kvm_apf_start);

bool kvm_apf_waits(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	struct kvm_apf_queue *q = vcpu->apf;
	struct apf_item *item;
	bool found = false;

	if (!q)
		return false;
	spin_lock(&q->lock);
	list_for_each_entry(item, &q->waiting, link) {
		found = gpa_to_gfn(item->page.gpa) == gfn;
		if (found)
			break;
	}
	spin_unlock(&q->lock);
	return found;
}
EXPORT_SYMBOL_GPL(kvm_apf_waits);

struct kvm_apf *kvm_apf_first(struct kvm_vcpu *vcpu)
{
	struct kvm_apf_queue *q = vcpu->apf;
	struct apf_item *item;

	/* Items are added to its end alone: the first one stays what it is. */
	if (!q || list_empty_careful(&q->done))
		return NULL;
	spin_lock(&q->lock);
	item = list_first_entry(&q->done, struct apf_item, link);
	spin_unlock(&q->lock);
	return &item->page;
}
EXPORT_SYMBOL_GPL(kvm_apf_first);

static void drop_done(struct kvm_apf_queue *q, struct apf_item *item)
{
	lockdep_assert_held(&q->lock);
	list_del(&item->link);
	q->nr--;
	kfree(item);
}

void kvm_apf_release(struct kvm_vcpu *vcpu, struct kvm_apf *page)
{
	struct kvm_apf_queue *q = vcpu->apf;

	spin_lock(&q->lock);
	drop_done(q, item_of(page));
	spin_unlock(&q->lock);
}
EXPORT_SYMBOL_GPL(kvm_apf_release);

void kvm_apf_forget(struct kvm_vcpu *vcpu)
{
	struct kvm_apf_queue *q = vcpu->apf;
	struct apf_item *item, *next;

	if (!q)
		return;
	spin_lock(&q->lock);
	list_for_each_entry_safe(item, next, &q->waiting, link)
		list_del_init(&item->link);
	list_for_each_entry_safe(item, next, &q->done, link)
		drop_done(q, item);
	spin_unlock(&q->lock);
}
EXPORT_SYMBOL_GPL(kvm_apf_forget);

void kvm_apf_free(struct kvm_vcpu *vcpu)
{
	struct kvm_apf_queue *q = vcpu->apf;

	if (!q)
		return;
	kvm_apf_forget(vcpu);
	vcpu->apf = NULL;
	put_queue(q);
}

int kvm_apf_module_init(void)
{
	fetchers = alloc_workqueue("kvm-async-pf", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return fetchers ? 0 : -ENOMEM;
}

void kvm_apf_module_exit(void)
{
	destroy_workqueue(fetchers);
}
