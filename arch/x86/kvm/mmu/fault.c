// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest-physical access was refused: find out what it should have met and
 * make it so.
 *
 *   mmu_page_fault     the exit handler; the one place where RET_PF_* becomes
 *                      RUN_*, and where MMIO goes to the emulator
 *     fault_fast       no lock, no sleep: an MMIO entry that is still true, a
 *                      write right that may be given back, a race already won
 *     mmu_fault_handle slot, host page, entry
 *
 * Order of mmu_fault_handle(), which is what makes it safe to map pages without
 * holding references on them: the invalidation sequence is read first; then the
 * host is asked for the page; then, under mmu_lock, the sequence is compared and
 * the entry made before the lock is dropped. An invalidation in between makes
 * the fault start over, an invalidation afterwards finds the entry and removes
 * it.
 */
#include <linux/export.h>
#include <linux/sched/signal.h>

#include "../exit.h"
#include "../irqchip/irqchip.h"
#include "../pv.h"
#include "../trace.h"
#include "mmu_trace.h"
#include "tdp.h"

#define FAULT_INIT(g, code, no_sleep)				\
	{							\
		.gpa = (g),					\
		.gfn = gpa_to_gfn(g),				\
		.error_code = (code),				\
		.present = (code) & ACC_PRESENT,		\
		.write = (code) & ACC_WRITE,			\
		.rsvd = (code) & ACC_RSVD,			\
		.exec = (code) & ACC_FETCH,			\
		.atomic = (no_sleep),				\
	}

/*
 * An MMIO entry speaks for the slots of its generation alone. Drivers stay on one
 * page of a device for a while, so what it says is kept.
 */
static enum ret_pf check_mmio(struct x86_vcpu *vcpu, gfn_t gfn, u64 e)
{
	u64 gen = tdp_slots_generation(vcpu);

	if (tdp_mmio_gen(e) != (gen & TDP_GEN_MASK))
		return RET_PF_INVALID;
	vcpu->mmu.mmio_gfn = gfn;
	vcpu->mmu.mmio_gen = gen;
	return RET_PF_EMULATE;
}

/*
 * Does the fault, which is that of an MMIO entry, repeat what the last one said?
 * Each set of slots that is published, of whatever address space, has a
 * generation of its own.
 */
static bool same_mmio(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code)
{
	return (error_code & ACC_RSVD) && vcpu->mmu.mmio_gfn == gpa_to_gfn(gpa) &&
	       vcpu->mmu.mmio_gen == tdp_slots_generation(vcpu);
}

/*
 * Give the write right back to a page of a logged slot. The page is dirty from
 * now on: it is marked before the guest runs again and writes.
 */
static enum ret_pf restore_write(struct x86_vcpu *vcpu, struct mmu_fault *fault,
				 u64 *entry, u64 old)
{
	const struct kvm_memslot *slot = kvm_vcpu_slot(&vcpu->base, vcpu->mmu.as_id, fault->gfn);

	if (!kvm_slot_writable(slot))
		return RET_PF_INVALID;
	if (!try_cmpxchg64(entry, &old, old | tdp_fmt.write | tdp_fmt.dirty))
		return RET_PF_RETRY;
	kvm_mark_dirty(&vcpu->vm->base, slot, fault->gfn);
	return RET_PF_FIXED;
}

/* Without lock and without sleeping; tables are kept alive by RCU. */
static enum ret_pf fault_fast(struct x86_vcpu *vcpu, struct mmu_fault *fault)
{
	const struct mmu_root *root = vcpu->mmu.root;
	enum ret_pf ret = RET_PF_INVALID;
	unsigned int level = root->level;
	u64 *entry;
	u64 e;

	rcu_read_lock();
	entry = pt_walk_to(&tdp_fmt, root->table, &level, fault->gfn, 1, &e);
	fault->level = level;
	if (tdp_is_mmio(&tdp_fmt, e))
		ret = check_mmio(vcpu, fault->gfn, e);
	else if (!tdp_is_leaf(e, level))
		ret = RET_PF_INVALID;
	else if (tdp_allows(e, fault->write, fault->exec))
		ret = RET_PF_SPURIOUS;
	else if (level == 1 && fault->write && tdp_write_restorable(&tdp_fmt, e))
		ret = restore_write(vcpu, fault, entry, e);
	rcu_read_unlock();
	return ret;
}

/* Addresses that the tables cannot hold are no memory, and are not walked. */
static bool beyond_tables(const struct x86_vcpu *vcpu, const struct mmu_fault *fault)
{
	return unlikely(fault->gfn >= pt_limit(vcpu->mmu.root->level));
}

/*
 * Is the fast path worth a walk? An absent entry has nothing to tell, unless
 * MMIO entries look absent on this hardware. Not all CPUs say that an entry with
 * reserved bits is present.
 */
static bool fast_applies(const struct mmu_fault *fault)
{
	return fault->present || fault->rsvd || !(tdp_fmt.mmio & ACC_PRESENT);
}

/* Find the slot. CONTINUE: it is there and allows the access. */
static enum ret_pf find_slot(struct x86_vcpu *vcpu, struct mmu_fault *fault)
{
	if (beyond_tables(vcpu, fault))
		return RET_PF_EMULATE;
	fault->slots_gen = tdp_slots_generation(vcpu);
	fault->slot = kvm_vcpu_slot(&vcpu->base, vcpu->mmu.as_id, fault->gfn);
	if (!fault->slot && fault->atomic)
		return RET_PF_INVALID;
	if (!fault->slot)
		return fault->prefetch ? RET_PF_EMULATE : tdp_map_mmio(vcpu, fault);
	/* Its writer waits for us to leave the read section; the run loop sees to that. */
	if (fault->slot->flags & KVM_SLOT_INVALID)
		return RET_PF_RETRY;
	if (fault->write && (fault->slot->flags & KVM_MEM_READONLY))
		return RET_PF_EMULATE;
	return RET_PF_CONTINUE;
}

/* The page is not mapped in the process: get it, or have it fetched while the guest goes on. */
static noinline enum kvm_pfn_status get_page_slow(struct x86_vcpu *vcpu, struct mmu_fault *fault,
						  bool want_writable)
{
	enum kvm_pfn_status status;

	if (!fault->prefetch && async_pf_enabled(vcpu)) {
		status = kvm_hva_to_pfn(fault->hva, fault->write, want_writable, KVM_PFN_NO_IO,
					&fault->host);
		if (status != KVM_PFN_NOWAIT)
			return status;
		if (async_pf_begin(vcpu, fault->gpa, fault->hva, fault->write))
			return KVM_PFN_RETRY;
	}
	return kvm_hva_to_pfn(fault->hva, fault->write, want_writable, KVM_PFN_WAIT,
			      &fault->host);
}

/* Ask the host for the page. CONTINUE: fault->host is valid. */
static enum ret_pf find_page(struct x86_vcpu *vcpu, struct mmu_fault *fault)
{
	bool want_writable = kvm_slot_writable(fault->slot);
	enum kvm_pfn_status status;

	fault->inval_seq = kvm_invalidation_seq(&vcpu->vm->base);
	fault->hva = kvm_slot_hva(fault->slot, fault->gfn);

	status = kvm_hva_to_pfn(fault->hva, fault->write, want_writable, KVM_PFN_MAPPED,
				&fault->host);
	if (unlikely(status == KVM_PFN_NOWAIT) && !fault->atomic)
		status = get_page_slow(vcpu, fault, want_writable);
	switch (status) {
	case KVM_PFN_OK:
		return RET_PF_CONTINUE;
	case KVM_PFN_NOWAIT:
		return RET_PF_INVALID;
	case KVM_PFN_RETRY:
		return RET_PF_RETRY;
	case KVM_PFN_HWPOISON:
		/* The VMM decides what the guest gets to see; it has a handler or dies. */
		if (!fault->prefetch)
			send_sig_mceerr(BUS_MCEERR_AR, (void __user *)fault->hva, PAGE_SHIFT,
					current);
		else
			fault->error = -EHWPOISON;
		return RET_PF_RETRY;
	case KVM_PFN_NOMEM:
		fault->error = -ENOMEM;
		return RET_PF_RETRY;
	case KVM_PFN_FAULT:
		break;
	}
	fault->error = -EFAULT;
	return RET_PF_RETRY;
}

/**
 * mmu_fault_handle() - make the entry that a fault asks for
 * @vcpu: vCPU with a root
 * @fault: given part filled in
 *
 * Context: vCPU thread, in a read section; may sleep unless @fault->atomic.
 *
 * Return: never CONTINUE; INVALID when an atomic fault has to be handled again
 * without that. With @fault->error set the value does not matter.
 */
enum ret_pf mmu_fault_handle(struct x86_vcpu *vcpu, struct mmu_fault *fault)
{
	struct kvm *kvm = &vcpu->vm->base;
	enum ret_pf ret;

	if (unlikely(!tdp_cache_full(vcpu))) {
		if (fault->atomic)
			return RET_PF_INVALID;
		fault->error = tdp_cache_fill(vcpu);
		if (fault->error)
			return RET_PF_RETRY;
	}

	ret = find_slot(vcpu, fault);
	if (ret != RET_PF_CONTINUE)
		return ret;
	ret = find_page(vcpu, fault);
	if (ret != RET_PF_CONTINUE)
		return ret;

	/*
	 * A writer of mmu_lock may be waiting for this very CPU to take
	 * interrupts: with them off the lock is tried, not waited for.
	 */
	if (!fault->atomic)
		read_lock(&kvm->mmu_lock);
	else if (!read_trylock(&kvm->mmu_lock))
		return RET_PF_INVALID;
	if (unlikely(vcpu->mmu.root->invalid) ||
	    kvm_invalidation_retry(kvm, fault->inval_seq, fault->hva))
		ret = RET_PF_RETRY;
	else
		ret = tdp_map(vcpu, fault);
	read_unlock(&kvm->mmu_lock);
	MMU_PROVE(vcpu->vm, ret != RET_PF_CONTINUE &&
		  (ret != RET_PF_INVALID || fault->atomic));
	return ret;
}

/*
 * Did the processor fault on an entry of the guest's own page tables? The
 * address is the entry's then, and tells nothing about the operand.
 */
static bool of_table_walk(u64 error_code)
{
	return error_code & ACC_GUEST_TABLE;
}

/* The access was the delivery's of an event, not that of the instruction at RIP. */
static bool of_delivery(const struct x86_vcpu *vcpu)
{
	return vcpu->ev.exc_state == EXC_INJECTED || vcpu->ev.nmi_injected ||
	       vcpu->ev.irq_state != IRQ_EVENT_NONE;
}

/* The fault is that of the instruction's operand, and there is no memory. */
static bool device_fast(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code)
{
	return !of_table_walk(error_code) && !of_delivery(vcpu) &&
	       emul_fast_mmio(vcpu, gpa, error_code & ACC_WRITE);
}

/* With a look at the entry; @device: if there is none of memory, emulate. */
static noinline bool settle_fast(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code, bool device)
{
	struct mmu_fault fault = FAULT_INIT(gpa, error_code, true);
	enum ret_pf ret = RET_PF_INVALID;

	if (!mmu_root_ready(&vcpu->mmu) || beyond_tables(vcpu, &fault))
		return false;
	if (fault.present || ((fault.rsvd || device) && fast_applies(&fault)))
		ret = fault_fast(vcpu, &fault);
	if (ret == RET_PF_INVALID && !fault.present && !fault.rsvd)
		ret = mmu_fault_handle(vcpu, &fault);
	if (ret == RET_PF_EMULATE && device)
		return device_fast(vcpu, gpa, error_code);
	if (ret != RET_PF_FIXED && ret != RET_PF_SPURIOUS)
		return false;

	vcpu->base.stat.pf_taken++;
	vcpu->base.stat.pf_fast++;
	trace_kvm_page_fault(vcpu->base.id, vcpu->regs.rip, gpa, error_code);
	trace_kvm_mmu_fault_done(vcpu->base.id, gpa, error_code, fault.level, ret);
	return true;
}

/**
 * mmu_fault_fast() - settle a fault without sleeping, if that is possible
 * @vcpu: vCPU
 * @gpa: address
 * @error_code: ACC_* bits of the fault
 *
 * Write-protection faults on logged pages, pages that the host has mapped and
 * nobody keeps us from mapping, what another CPU has settled, and accesses to
 * devices that answer at once: stores, and of all loads those of the local APIC.
 *
 * Context: vCPU thread, in a read section, interrupts may be off.
 *
 * Return: true when the guest may go on.
 */
bool mmu_fault_fast(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code)
{
	bool device = (error_code & ACC_WRITE) || lapic_at(vcpu, gpa);

	emul_fault_begins(vcpu);
	if ((error_code & ACC_RSVD) && !device)
		return false;
	if (same_mmio(vcpu, gpa, error_code))
		return device_fast(vcpu, gpa, error_code);
	return settle_fast(vcpu, gpa, error_code, device);
}
EXPORT_SYMBOL_GPL(mmu_fault_fast);

/* The same exit has been through device_fast(), and nobody in the kernel serves it. */
static bool for_user(struct x86_vcpu *vcpu, gpa_t gpa)
{
	if (!emul_ask_user(vcpu, gpa))
		return false;
	vcpu->base.stat.pf_emulate++;
	return true;
}

static int emulate(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code, const u8 *insn, int insn_len)
{
	u64 data[] = { error_code, gpa };
	unsigned int flags = 0;

	vcpu->base.stat.pf_emulate++;
	if (unlikely(of_delivery(vcpu)))
		return exit_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV,
					   ARRAY_SIZE(data), data);
	if (!of_table_walk(error_code))
		flags = EMUL_PF | EMUL_MMIO | (error_code & ACC_WRITE ? EMUL_PF_WRITE : 0);
	return emul_insn(vcpu, gpa, flags, insn, insn_len);
}

/**
 * mmu_device_access_fast() - a device that answers at once, if this is one
 * @vcpu: vCPU
 * @gpa: address
 * @error_code: ACC_* bits
 *
 * Context: as mmu_fault_fast(). Return: true when the guest may go on.
 */
bool mmu_device_access_fast(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code)
{
	emul_fault_begins(vcpu);
	return device_fast(vcpu, gpa, error_code);
}
EXPORT_SYMBOL_GPL(mmu_device_access_fast);

/**
 * mmu_device_access() - exit handler of accesses to a device that the processor knows
 * @vcpu: vCPU
 * @gpa: address
 * @error_code: ACC_* bits
 *
 * Context and result: as mmu_page_fault().
 */
int mmu_device_access(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code)
{
	if (for_user(vcpu, gpa))
		return RUN_TO_USER;
	return emulate(vcpu, gpa, error_code, NULL, 0);
}
EXPORT_SYMBOL_GPL(mmu_device_access);

static noinline int settle(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code,
			   const u8 *insn, int insn_len)
{
	struct mmu_fault fault = FAULT_INIT(gpa, error_code, false);
	enum ret_pf ret = RET_PF_INVALID;

	if (fast_applies(&fault) && !beyond_tables(vcpu, &fault))
		ret = fault_fast(vcpu, &fault);
	if (ret == RET_PF_INVALID)
		ret = mmu_fault_handle(vcpu, &fault);
	trace_kvm_mmu_fault_done(vcpu->base.id, gpa, error_code, fault.level, ret);
	if (unlikely(fault.error))
		return fault.error;

	switch (ret) {
	case RET_PF_FIXED:
		vcpu->base.stat.pf_fixed++;
		return RUN_RESUME;
	case RET_PF_SPURIOUS:
		vcpu->base.stat.pf_spurious++;
		return RUN_RESUME;
	case RET_PF_RETRY:
		return RUN_RESUME;
	case RET_PF_EMULATE:
		return emulate(vcpu, gpa, error_code, insn, insn_len);
	case RET_PF_CONTINUE:
	case RET_PF_INVALID:
		break;
	}
	KVM_BUG_ON_VM(true, &vcpu->vm->base);
	return -EIO;
}

/**
 * mmu_page_fault() - exit handler of guest-physical faults
 * @vcpu: vCPU
 * @gpa: address
 * @error_code: ACC_* bits
 * @insn: instruction bytes from the hardware, or NULL
 * @insn_len: number of these
 *
 * Context: vCPU thread, in a read section, may sleep.
 *
 * Return: RUN_RESUME, RUN_TO_USER or a negative errno.
 */
int mmu_page_fault(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code,
		   const u8 *insn, int insn_len)
{
	/* The root was declared invalid since the exit: load the next one first. */
	if (unlikely(!mmu_root_ready(&vcpu->mmu)))
		return RUN_RESUME;

	trace_kvm_page_fault(vcpu->base.id, vcpu->regs.rip, gpa, error_code);
	vcpu->base.stat.pf_taken++;
	if (for_user(vcpu, gpa)) {
		trace_kvm_mmu_fault_done(vcpu->base.id, gpa, error_code, 1, RET_PF_EMULATE);
		return RUN_TO_USER;
	}
	if (!same_mmio(vcpu, gpa, error_code))
		return settle(vcpu, gpa, error_code, insn, insn_len);
	trace_kvm_mmu_fault_done(vcpu->base.id, gpa, error_code, 1, RET_PF_EMULATE);
	return emulate(vcpu, gpa, error_code, insn, insn_len);
}
EXPORT_SYMBOL_GPL(mmu_page_fault);

/**
 * mmu_populate() - map a page before the guest asks for it
 * @vcpu: vCPU, loaded, in a read section
 * @gpa: address
 * @error_code: ACC_WRITE when it is to be writable
 *
 * Context: vCPU thread, may sleep.
 *
 * Return: bytes from @gpa to the end of the mapping that covers it, -ENOENT
 * without memory there, -EAGAIN when it should be tried again, other errno.
 */
long mmu_populate(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code)
{
	struct mmu_fault fault = {
		.gpa = gpa,
		.gfn = gpa_to_gfn(gpa),
		.error_code = error_code,
		.write = error_code & ACC_WRITE,
		.prefetch = true,
	};
	u64 size;
	int r;

	if (!mmu_root_ready(&vcpu->mmu)) {
		r = mmu_load_slow(vcpu);
		if (r)
			return r;
	}

	switch (mmu_fault_handle(vcpu, &fault)) {
	case RET_PF_FIXED:
	case RET_PF_SPURIOUS:
		size = pt_span(fault.level) << PAGE_SHIFT;
		return size - (gpa & (size - 1));
	case RET_PF_EMULATE:
		return -ENOENT;
	default:
		return fault.error ?: -EAGAIN;
	}
}
