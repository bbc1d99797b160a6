// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvmclock: the guest reads the time from a page and its TSC, without an exit.
 *
 * The page of a vCPU holds a line, time as a function of the TSC (clock_line.h).
 * The time is the host's monotonic raw time, sleep included, plus an offset per
 * VM: it begins with zero and is set by KVM_SET_CLOCK.
 *
 * Shared: where the host's own clock is the TSC and the vCPUs' TSCs are all the
 * same function of it, all vCPUs have one line. Times read on different vCPUs
 * then compare, which PVCLOCK_TSC_STABLE_BIT tells the guest. A new line (a TSC
 * was written, a vCPU came, the host changed its clock, KVM_SET_CLOCK) is made
 * while no vCPU with a clock is in the guest, so that nobody reads the old one
 * while somebody else has the new one: clock.lock is held from the moment on at
 * which they were all kicked out with REQ_CLOCK_UPDATE, and they need it to do
 * that request. A line never begins before the time that the old one had
 * reached: the host's clock is not exactly the TSC with its nominal frequency.
 *
 * Otherwise: each vCPU has a line of its own, made where it runs, and made anew
 * when it comes to another CPU or the line has become old.
 */
#include <linux/clocksource_ids.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/pvclock_gtod.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <asm/kvm_para.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>
#include "pv.h"
#include "regs.h"
#include "trace.h"

#define LINE_JIFFIES	HZ	/* after that a line that is not shared is old */

/* --- the host's clock --- */

struct host_time {
	u64 ns;		/* of the clock that guests' clocks follow */
	u64 real;	/* ns since 1970 */
	u64 tsc;
	bool from_tsc;	/* the three are from one reading of the TSC */
};

/* Interrupts off when the TSC has to belong to the time even if it is not the clock. */
static void host_time(struct host_time *t)
{
	struct system_time_snapshot now;

	ktime_get_snapshot(&now);
	t->from_tsc = now.cs_id == CSID_X86_TSC;
	t->tsc = t->from_tsc ? now.cycles : rdtsc();
	t->real = ktime_to_ns(now.real);
	t->ns = ktime_to_ns(now.raw) + ktime_to_ns(ktime_mono_to_any(0, TK_OFFS_BOOT));
}

/* --- lines --- */

static u64 guest_tsc(const struct x86_clock_map *map, u64 host_tsc)
{
	return tsc_scale(map->ratio, host_tsc) + map->offset;
}

static u64 map_at(const struct x86_clock_map *map, u64 host_tsc)
{
	return clock_line_at(&map->line, guest_tsc(map, host_tsc));
}

/* A line for TSCs with that offset and ratio, which says @ns at @host_tsc. */
static void map_make(struct x86_clock_map *map, u64 offset, u64 ratio, u64 host_tsc, u64 ns)
{
	map->offset = offset;
	map->ratio = ratio;
	map->line.tsc = guest_tsc(map, host_tsc);
	map->line.ns = ns;
	clock_slope(&map->line, tsc_hz(ratio));
	map->valid = true;
}

/* Do all TSCs tick alike? */
static bool same_tscs(struct x86_vm *vm, u64 *offset, u64 *ratio)
{
	struct kvm_vcpu *base;
	unsigned long i;

	kvm_for_each_vcpu(i, base, &vm->base) {
		struct x86_vcpu *vcpu = to_x86_vcpu(base);

		if (!i) {
			*offset = READ_ONCE(vcpu->tsc.offset);
			*ratio = READ_ONCE(vcpu->tsc.ratio);
		} else if (READ_ONCE(vcpu->tsc.offset) != *offset ||
			   READ_ONCE(vcpu->tsc.ratio) != *ratio) {
			return false;
		}
	}
	return i;
}

/* The latest time that any vCPU can have read by now; @ns if that is later. */
static u64 latest(struct x86_vm *vm, const struct host_time *now, u64 ns)
{
	struct kvm_vcpu *base;
	unsigned long i;

	/* Lines that were made on other CPUs say nothing if these have other TSCs. */
	if (!now->from_tsc)
		return ns;
	kvm_for_each_vcpu(i, base, &vm->base) {
		const struct x86_clock *clock = &to_x86_vcpu(base)->clock;

		if (clock->map.valid)
			ns = max(ns, map_at(&clock->map, now->tsc));
	}
	if (vm->clock.shared)
		ns = max(ns, map_at(&vm->clock.map, now->tsc));
	return ns;
}

static void forget_maps(struct x86_vm *vm)
{
	struct kvm_vcpu *base;
	unsigned long i;

	kvm_for_each_vcpu(i, base, &vm->base)
		to_x86_vcpu(base)->clock.map.valid = false;
	vm->clock.shared = false;
}

/* vCPUs with a clock leave the guest, and come back only through clock_update(). */
static void expel(struct x86_vm *vm)
{
	struct kvm_vcpu *base;
	bool any = false;
	unsigned long i;

	lockdep_assert_held(&vm->clock.lock);
	kvm_for_each_vcpu(i, base, &vm->base) {
		if (READ_ONCE(to_x86_vcpu(base)->clock.msr) & KVM_MSR_ENABLED) {
			kvm_make_request(REQ_CLOCK_UPDATE, base);
			any = true;
		}
	}
	if (any)
		kvm_kick_all(&vm->base);
}

/* @back: the time may go back, user space has set it. vm->clock.lock is held. */
static void renew(struct x86_vm *vm, bool back)
{
	struct host_time now;
	u64 offset, ratio, ns;
	bool same;

	/* From here on a change of a TSC asks for another renewal. */
	xchg(&vm->clock.stale, false);
	expel(vm);
	same = same_tscs(vm, &offset, &ratio);
	host_time(&now);
	if (back)
		forget_maps(vm);
	ns = latest(vm, &now, now.ns + vm->clock.ahead);
	vm->clock.ahead = ns - now.ns;
	WRITE_ONCE(vm->clock.shared, same && now.from_tsc);
	if (vm->clock.shared)
		map_make(&vm->clock.map, offset, ratio, now.tsc, ns);
	trace_kvm_update_master_clock(vm->clock.shared, now.from_tsc, same);
}

static void renew_if_stale(struct x86_vm *vm)
{
	if (READ_ONCE(vm->clock.stale))
		renew(vm, false);
}

void clock_renew(struct x86_vcpu *vcpu)
{
	struct x86_vm *vm = vcpu->vm;

	mutex_lock(&vm->clock.lock);
	renew_if_stale(vm);
	mutex_unlock(&vm->clock.lock);
}

static void make_stale(struct x86_vm *vm)
{
	/* Pairs with the xchg() of renew(): it sees the change, or the flag is set again. */
	smp_store_mb(vm->clock.stale, true);
}

void clock_tsc_changed(struct x86_vcpu *vcpu)
{
	smp_wmb();	/* who sees the flag sees the TSC */
	make_stale(vcpu->vm);
	kvm_make_request(REQ_MASTERCLOCK, &vcpu->base);
	kvm_make_request(REQ_CLOCK_UPDATE, &vcpu->base);
}

/* --- the page --- */

/* vm->clock.lock is held. */
static void own_line(struct x86_vcpu *vcpu)
{
	struct x86_clock *clock = &vcpu->clock;
	struct x86_vm *vm = vcpu->vm;
	struct host_time now;
	u64 ns;

	local_irq_disable();
	host_time(&now);
	clock->cpu = smp_processor_id();
	local_irq_enable();
	ns = now.ns + vm->clock.ahead;
	if (now.from_tsc && clock->map.valid)
		ns = max(ns, map_at(&clock->map, now.tsc));
	map_make(&clock->map, vcpu->tsc.offset, vcpu->tsc.ratio, now.tsc, ns);
	clock->old_at = jiffies + LINE_JIFFIES;
}

void clock_update(struct x86_vcpu *vcpu)
{
	struct x86_clock *clock = &vcpu->clock;
	struct pvclock_vcpu_time_info page, old;
	struct x86_vm *vm = vcpu->vm;
	struct clock_line line;
	bool shared;

	if (!kvm_gfn_cache_active(&clock->page))
		return;

	mutex_lock(&vm->clock.lock);
	shared = vm->clock.shared && vm->clock.map.offset == vcpu->tsc.offset &&
		 vm->clock.map.ratio == vcpu->tsc.ratio;
	if (shared)
		clock->map = vm->clock.map;
	else
		own_line(vcpu);
	line = clock->map.line;
	mutex_unlock(&vm->clock.lock);

	if (kvm_gfn_cache_read(&vm->base, &clock->page, 0, &old, sizeof(old)))
		return;
	page = (struct pvclock_vcpu_time_info){
		.tsc_timestamp = line.tsc,
		.system_time = line.ns,
		.tsc_to_system_mul = line.mul,
		.tsc_shift = line.shift,
		/* The guest takes this bit away when it has seen it. */
		.flags = old.flags & PVCLOCK_GUEST_STOPPED,
	};
	if (shared)
		page.flags |= PVCLOCK_TSC_STABLE_BIT;
	if (clock->stopped)
		page.flags |= PVCLOCK_GUEST_STOPPED;
	clock->stopped = false;
	pv_publish(vm, &clock->page, &page, sizeof(page),
		   offsetof(struct pvclock_vcpu_time_info, version));
	page.version = (old.version | 1) + 1;
	trace_kvm_pvclock_update(vcpu->base.id, &page);
}

void clock_load(struct x86_vcpu *vcpu, int cpu)
{
	const struct x86_clock *clock = &vcpu->clock;

	if (likely(READ_ONCE(vcpu->vm->clock.shared) || !(clock->msr & KVM_MSR_ENABLED)))
		return;
	if (clock->cpu != cpu || time_after(jiffies, clock->old_at))
		kvm_make_request(REQ_CLOCK_UPDATE, &vcpu->base);
}

void clock_set_page(struct x86_vcpu *vcpu, u64 val)
{
	struct x86_clock *clock = &vcpu->clock;

	if (val & KVM_MSR_ENABLED)
		kvm_gfn_cache_set(&clock->page, val & ~(u64)KVM_MSR_ENABLED,
				  sizeof(struct pvclock_vcpu_time_info));
	else
		kvm_gfn_cache_clear(&clock->page);
	WRITE_ONCE(clock->msr, val);
	clock->stopped = false;
	kvm_make_request(REQ_CLOCK_UPDATE, &vcpu->base);
}

int clock_guest_stopped(struct x86_vcpu *vcpu)
{
	if (!kvm_gfn_cache_active(&vcpu->clock.page))
		return -EINVAL;
	vcpu->clock.stopped = true;
	kvm_make_request(REQ_CLOCK_UPDATE, &vcpu->base);
	return 0;
}

/* --- wall clock and user space --- */

/* Time of the guest's clock at @now. vm->clock.lock is held. */
static u64 time_at(struct x86_vm *vm, const struct host_time *now)
{
	if (vm->clock.shared && now->from_tsc)
		return map_at(&vm->clock.map, now->tsc);
	return now->ns + vm->clock.ahead;
}

u64 clock_now(struct x86_vm *vm)
{
	struct host_time now;
	u64 ns;

	mutex_lock(&vm->clock.lock);
	host_time(&now);
	ns = time_at(vm, &now);
	mutex_unlock(&vm->clock.lock);
	return ns;
}

/* The guest is told once when its clock was zero. */
void clock_set_wall(struct x86_vcpu *vcpu, u64 val)
{
	struct x86_vm *vm = vcpu->vm;
	struct pvclock_wall_clock wall;
	struct kvm_gfn_cache area;
	struct host_time now;
	u64 zero;
	u32 nsec;

	WRITE_ONCE(vm->clock.wall_msr, val);
	if (!val)
		return;
	mutex_lock(&vm->clock.lock);
	renew_if_stale(vm);
	host_time(&now);
	zero = now.real - time_at(vm, &now);
	mutex_unlock(&vm->clock.lock);

	wall.sec = div_u64_rem(zero, NSEC_PER_SEC, &nsec);
	wall.nsec = nsec;
	kvm_gfn_cache_set(&area, val, sizeof(wall));
	pv_publish(vm, &area, &wall, sizeof(wall), offsetof(struct pvclock_wall_clock, version));
}

bool clock_pair(struct x86_vcpu *vcpu, struct kvm_clock_pairing *pairing)
{
	struct host_time now;

	host_time(&now);
	if (!now.from_tsc)
		return false;
	*pairing = (struct kvm_clock_pairing){
		.sec = div_u64(now.real, NSEC_PER_SEC),
		.nsec = now.real % NSEC_PER_SEC,
		.tsc = tsc_scale(vcpu->tsc.ratio, now.tsc) + vcpu->tsc.offset,
	};
	return true;
}

void clock_get(struct x86_vm *vm, struct kvm_clock_data *data)
{
	struct host_time now;

	mutex_lock(&vm->clock.lock);
	renew_if_stale(vm);
	host_time(&now);
	*data = (struct kvm_clock_data){
		.clock = time_at(vm, &now),
		.realtime = now.real,
		.flags = KVM_CLOCK_REALTIME,
	};
	if (vm->clock.shared)
		data->flags |= KVM_CLOCK_TSC_STABLE;
	if (now.from_tsc) {
		data->flags |= KVM_CLOCK_HOST_TSC;
		data->host_tsc = now.tsc;
	}
	mutex_unlock(&vm->clock.lock);
}

int clock_set(struct x86_vm *vm, const struct kvm_clock_data *data)
{
	struct host_time now;
	u64 ns = data->clock;

	if (data->flags & ~(KVM_CLOCK_REALTIME | KVM_CLOCK_TSC_STABLE | KVM_CLOCK_HOST_TSC))
		return -EINVAL;

	mutex_lock(&vm->clock.lock);
	host_time(&now);
	/* Time went on while the guest was on its way. */
	if ((data->flags & KVM_CLOCK_REALTIME) && now.real > data->realtime)
		ns += now.real - data->realtime;
	vm->clock.ahead = ns - now.ns;
	renew(vm, true);
	mutex_unlock(&vm->clock.lock);
	return 0;
}

void clock_vm_init(struct x86_vm *vm)
{
	struct host_time now;

	mutex_init(&vm->clock.lock);
	host_time(&now);
	vm->clock.ahead = -now.ns;
	vm->clock.stale = true;
}

/* --- the host changes its clock --- */

static void clocksource_changed(struct work_struct *work)
{
	struct kvm *kvm;

	mutex_lock(&kvm_vms_lock);
	list_for_each_entry(kvm, &kvm_vms, link) {
		make_stale(to_x86_vm(kvm));
		kvm_request_all(kvm, REQ_MASTERCLOCK, false);
	}
	mutex_unlock(&kvm_vms_lock);
}
static DECLARE_WORK(clocksource_work, clocksource_changed);

/* The notifier runs inside the timekeeper: nothing there may look at the time or take locks. */
static void clocksource_later(struct irq_work *work)
{
	schedule_work(&clocksource_work);
}
static DEFINE_IRQ_WORK(clocksource_irq_work, clocksource_later);

static int timekeeper_updated(struct notifier_block *nb, unsigned long stepped, void *data)
{
	const struct timekeeper *tk = data;
	static u8 seen;

	if (tk->cs_was_changed_seq != seen) {
		seen = tk->cs_was_changed_seq;
		irq_work_queue(&clocksource_irq_work);
	}
	return 0;
}

static struct notifier_block timekeeper_nb = { .notifier_call = timekeeper_updated };

int clock_host_begin(void)
{
	return pvclock_gtod_register_notifier(&timekeeper_nb);
}

void clock_host_end(void)
{
	pvclock_gtod_unregister_notifier(&timekeeper_nb);
	irq_work_sync(&clocksource_irq_work);
	cancel_work_sync(&clocksource_work);
}
