// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's accesses to its local APIC: the xAPIC page and the x2APIC MSRs.
 *
 * Nearly all of them can be settled with interrupts off. Not so what changes the
 * map of destinations, which needs memory, and IPIs to whole VMs, which take
 * their time.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include "../pv.h"
#include "../vendor.h"
#include "lapic.h"

#define X2APIC_FIRST	0x800

/* An access to that register depends on what may be only in the guest's memory so far. */
static bool is_unsettled(const struct x86_vcpu *vcpu, unsigned int offset)
{
	return unlikely(vcpu->unsettled) &&
	       (offset == LAPIC_TPR || offset == LAPIC_PPR || offset == LAPIC_EOI ||
		offset - LAPIC_ISR < 0x80);
}

/*
 * An interrupt that the access itself has requested (IPI to itself, error) asks for
 * REQ_EVENT only if its priority is high enough. Of an EOI on offer we have to hear then.
 */
static void hear_of_eoi(struct lapic *l)
{
	if (unlikely(l->vcpu->unsettled) && l->m.irr_words)
		req_event(l->vcpu);
}

/* --- x2APIC MSRs --- */

static __always_inline bool x2apic_read_register(struct lapic *l, unsigned int index, u64 *val)
{
	if (unlikely(index == LAPIC_TIMER_CURRENT / 16)) {
		*val = lapic_timer_current(l);
		return true;
	}
	return lapic_model_x2apic_read(&l->m, index, val);
}

static noinline bool x2apic_read_traced(struct lapic *l, unsigned int index, u64 *val)
{
	bool ok = x2apic_read_register(l, index, val);

	if (ok)
		lapic_trace_read(index * 16, *val);
	return ok;
}

static __always_inline bool x2apic_read(struct lapic *l, unsigned int index, u64 *val)
{
	if (static_branch_unlikely(&lapic_traced))
		return x2apic_read_traced(l, index, val);
	return x2apic_read_register(l, index, val);
}

/*
 * A timer that is over and was masked when it ended stays unheard, however late its callback comes. (Where
 * the processor writes the page before it exits, the old LVT is gone, and it is heard.)
 */
static __always_inline void before_write(struct lapic *l, unsigned int offset)
{
	if (unlikely(offset == LAPIC_LVT_TIMER))
		lapic_timer_current(l);
}

static __always_inline bool x2apic_write(struct lapic *l, unsigned int index, u64 val)
{
	struct lapic_work work = {};

	before_write(l, index * 16);
	if (!lapic_model_x2apic_write(&l->m, index, val, &work))
		return false;
	if (static_branch_unlikely(&lapic_traced))
		lapic_trace_write(l, index * 16, val);
	if (work.what)
		lapic_do_work(l, &work);
	hear_of_eoi(l);
	return true;
}

static bool x2apic_here(const struct x86_vcpu *vcpu)
{
	return vcpu->lapic && vcpu->lapic->m.mode == LAPIC_MODE_X2APIC;
}

static unsigned int msr_offset(u32 msr)
{
	return (msr - X2APIC_FIRST) * 16;
}

bool lapic_x2apic_read(struct x86_vcpu *vcpu, u32 msr, u64 *val)
{
	if (!x2apic_here(vcpu))
		return false;
	if (is_unsettled(vcpu, msr_offset(msr)))
		lapic_settle(vcpu);
	return x2apic_read(vcpu->lapic, msr - X2APIC_FIRST, val);
}

bool lapic_x2apic_read_fast(struct x86_vcpu *vcpu, u32 msr, u64 *val)
{
	return x2apic_here(vcpu) && !is_unsettled(vcpu, msr_offset(msr)) &&
	       x2apic_read(vcpu->lapic, msr - X2APIC_FIRST, val);
}

bool lapic_x2apic_write(struct x86_vcpu *vcpu, u32 msr, u64 val)
{
	if (!x2apic_here(vcpu))
		return false;
	if (is_unsettled(vcpu, msr_offset(msr)))
		lapic_settle(vcpu);
	return x2apic_write(vcpu->lapic, msr - X2APIC_FIRST, val);
}

/* Does the ICR name more processors than a cluster has? */
static bool is_wide(u32 icr, u32 dest)
{
	return (icr >> 18 & 3) >= LAPIC_ALL || dest == 0xff || dest == U32_MAX;
}

bool lapic_x2apic_write_fast(struct x86_vcpu *vcpu, u32 msr, u64 val)
{
	if (!x2apic_here(vcpu) || is_unsettled(vcpu, msr_offset(msr)))
		return false;
	if (msr == X2APIC_FIRST + LAPIC_ICR / 16 && is_wide(val, val >> 32))
		return false;
	return x2apic_write(vcpu->lapic, msr - X2APIC_FIRST, val);
}

/* --- the xAPIC page --- */

enum page_kind {
	PAGE_ELSEWHERE,		/* not this APIC's page */
	PAGE_XAPIC,
	PAGE_HOLE,		/* in its place, but it does not answer: an old habit of the interface */
};

static enum page_kind page_at(const struct x86_vcpu *vcpu, gpa_t gpa)
{
	if (!lapic_at(vcpu, gpa))
		return PAGE_ELSEWHERE;
	if (likely(vcpu->lapic->m.mode == LAPIC_MODE_XAPIC))
		return PAGE_XAPIC;
	return vcpu->vm->disabled_quirks & KVM_X86_QUIRK_LAPIC_MMIO_HOLE ? PAGE_ELSEWHERE :
									   PAGE_HOLE;
}

static bool reports_tpr(const struct lapic *l, unsigned int offset)
{
	return unlikely(l->tpr_reporting) && offset == LAPIC_TPR;
}

static void report_tpr(struct lapic *l, bool write)
{
	l->tpr_accessed = true;
	l->tpr_written = write;
	l->tpr_rip = l->vcpu->regs.rip;
	kvm_make_request(REQ_LAPIC_EXIT, &l->vcpu->base);
}

static u32 page_read(struct lapic *l, unsigned int offset)
{
	struct lapic_work work = {};
	u32 val;

	if (unlikely(offset == LAPIC_TIMER_CURRENT))
		return lapic_timer_current(l);
	val = lapic_model_read(&l->m, offset, &work);
	if (unlikely(work.what))
		lapic_do_work(l, &work);
	hear_of_eoi(l);
	return val;
}

bool lapic_mmio_read(struct x86_vcpu *vcpu, gpa_t gpa, int len, void *val, bool atomic)
{
	unsigned int offset = offset_in_page(gpa), byte = offset & 0xf;
	struct lapic *l = vcpu->lapic;
	u8 bytes[4];
	u32 reg;

	switch (page_at(vcpu, gpa)) {
	case PAGE_ELSEWHERE:
		return false;
	case PAGE_HOLE:
		memset(val, 0xff, len);
		return true;
	default:
		break;
	}
	offset &= ~0xfu;
	if (is_unsettled(vcpu, offset)) {
		if (atomic)
			return false;
		lapic_settle(vcpu);
	}
	if (reports_tpr(l, offset))
		report_tpr(l, false);
	memset(val, 0, len);
	/* Four bytes of sixteen are the register; what an access gets of the others is undefined. */
	if (byte >= sizeof(reg))
		return true;
	reg = page_read(l, offset);
	if (static_branch_unlikely(&lapic_traced))
		lapic_trace_read(offset, reg);
	memcpy(bytes, &reg, sizeof(bytes));
	memcpy(val, bytes + byte, min_t(unsigned int, len, sizeof(bytes) - byte));
	return true;
}

static bool settled_at_once(const struct lapic *l, unsigned int offset, u32 val)
{
	switch (offset) {
	case LAPIC_ID:
	case LAPIC_LDR:
	case LAPIC_DFR:
		return false;
	case LAPIC_TPR:
		return !l->tpr_reporting;
	case LAPIC_ICR:
		return !is_wide(val, lapic_reg(&l->m, LAPIC_ICR_HIGH) >> 24);
	default:
		return true;
	}
}

bool lapic_mmio_write(struct x86_vcpu *vcpu, gpa_t gpa, int len, const void *val, bool atomic)
{
	unsigned int offset = offset_in_page(gpa);
	struct lapic *l = vcpu->lapic;
	struct lapic_work work = {};
	u32 reg;

	switch (page_at(vcpu, gpa)) {
	case PAGE_ELSEWHERE:
		return false;
	case PAGE_HOLE:
		return true;
	default:
		break;
	}
	/* SDM Vol. 3 "The Local APIC Register Address Map": 32 bits, aligned to 128. */
	if (len != sizeof(reg) || (offset & 0xf))
		return true;
	memcpy(&reg, val, sizeof(reg));
	if (atomic && (!settled_at_once(l, offset, reg) || is_unsettled(vcpu, offset)))
		return false;
	if (is_unsettled(vcpu, offset))
		lapic_settle(vcpu);
	before_write(l, offset);
	lapic_model_write(&l->m, offset, reg, &work);
	if (static_branch_unlikely(&lapic_traced))
		lapic_trace_write(l, offset, reg);
	if (reports_tpr(l, offset))
		report_tpr(l, true);
	if (work.what)
		lapic_do_work(l, &work);
	hear_of_eoi(l);
	return true;
}

/* --- hardware --- */

bool lapic_page_written(struct x86_vcpu *vcpu, unsigned int offset, bool atomic)
{
	struct lapic *l = vcpu->lapic;
	u32 val;

	if (offset >= LAPIC_REGS_SIZE)
		return true;
	val = lapic_reg(&l->m, offset);
	if (l->m.mode != LAPIC_MODE_X2APIC)
		return lapic_mmio_write(vcpu, (vcpu->msr.apic_base & PAGE_MASK) | offset,
					sizeof(val), &val, atomic) || !atomic;
	x2apic_write(l, offset / 16, val);
	return true;
}
EXPORT_SYMBOL_GPL(lapic_page_written);
