// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults, as the guest sees them.
 *
 * An access meets a page that the host has to fetch. A guest that asked for it
 * is told so by a page fault whose address is a token: it lets something else run.
 * Later an interrupt tells that the page of a token is there. Who fetches is
 * in virt/kvm/async_pf.c. The area that the guest registers has two words:
 *
 *	flags	we set it with such a page fault, the guest clears it when it has
 *		seen that this one is no ordinary one
 *	token	of the page that is there; the guest clears it and writes to the ACK
 *		register, and then we look for the next one
 *
 * Where it cannot take the page fault (supervisor mode that it does not want it
 * in, or the last one is not seen yet) the vCPU is halted till the page comes, but
 * for interrupts: their handlers run, and may switch tasks. With interrupts
 * closed nothing of this is possible, and the vCPU's thread waits.
 *
 * After migration nobody knows which tokens the guest waits for: enabling tells it
 * by token ~0 that they are all there.
 *
 * Documentation/virt/kvm/x86/msr.rst of the kernel.
 */
#include <asm/kvm_para.h>
#include <kvm/arch.h>
#include <kvm/async_pf.h>
#include <kvm/trace.h>
#include "event.h"
#include "irqchip/irqchip.h"
#include "pv.h"
#include "vendor.h"

#define RESERVED_BITS	(BIT_ULL(4) | BIT_ULL(5))
#define ADDRESS_BITS	(~63ull)
#define WORKING_BITS	(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)

#define FLAGS_AT	offsetof(struct kvm_vcpu_pv_apf_data, flags)
#define TOKEN_AT	offsetof(struct kvm_vcpu_pv_apf_data, token)
#define AREA_SIZE	offsetofend(struct kvm_vcpu_pv_apf_data, token)

#define TOKEN_ALL	U32_MAX

/* --- the area --- */

/* A word goes from zero to @val. False: it was not zero, or it is not memory. */
static bool fill_word(struct x86_vcpu *vcpu, u32 at, u32 val)
{
	struct kvm_gfn_cache *area = &vcpu->apf.area;
	u32 old;

	if (kvm_gfn_cache_read(&vcpu->vm->base, area, at, &old, sizeof(old)) || old)
		return false;
	return !kvm_gfn_cache_write(&vcpu->vm->base, area, at, &val, sizeof(val));
}

static void clear_word(struct x86_vcpu *vcpu, u32 at)
{
	u32 zero = 0;

	kvm_gfn_cache_write(&vcpu->vm->base, &vcpu->apf.area, at, &zero, sizeof(zero));
}

/* --- registers --- */

static void forget(struct x86_vcpu *vcpu)
{
	kvm_apf_forget(&vcpu->base);
	vcpu->apf.unacked = false;
	vcpu->apf.wake_all = false;
}

bool async_pf_set(struct x86_vcpu *vcpu, u64 val)
{
	struct kvm_gfn_cache area = {};

	if (val & RESERVED_BITS)
		return false;
	/* A guest without a local APIC cannot be told of a page that came: it never awaits one. */
	if ((val & WORKING_BITS) == WORKING_BITS && lapic_present(vcpu)) {
		kvm_gfn_cache_set(&area, val & ADDRESS_BITS, AREA_SIZE);
		if (!kvm_gfn_cache_user(&vcpu->vm->base, &area))
			return false;
	}
	forget(vcpu);
	vcpu->apf.msr = val;
	vcpu->apf.area = area;
	if (async_pf_enabled(vcpu)) {
		vcpu->apf.wake_all = true;
		kvm_make_request(REQ_ASYNC_PF, &vcpu->base);
	}
	return true;
}

bool async_pf_set_vector(struct x86_vcpu *vcpu, u64 val)
{
	if (val & ~(u64)KVM_ASYNC_PF_VEC_MASK)
		return false;
	vcpu->apf.vector = val;
	return true;
}

/* Is there something that the guest has not heard of, and may it be told? */
static bool may_report(struct x86_vcpu *vcpu)
{
	return !vcpu->apf.unacked && (vcpu->apf.wake_all || kvm_apf_first(&vcpu->base));
}

void async_pf_acknowledge(struct x86_vcpu *vcpu)
{
	vcpu->apf.unacked = false;
	if (may_report(vcpu))
		kvm_make_request(REQ_ASYNC_PF, &vcpu->base);
}

void async_pf_reset(struct x86_vcpu *vcpu)
{
	forget(vcpu);
	vcpu->apf = (struct x86_apf){};
}

/* --- a page is not there --- */

/* Between two instructions, with interrupts open: something else can run. */
static bool can_go_on(struct x86_vcpu *vcpu)
{
	const struct x86_events *ev = &vcpu->ev;

	if (ev->exc_state != EXC_NONE || ev->nmi_injected || ev->irq_state != IRQ_EVENT_NONE ||
	    ev->triple_fault)
		return false;
	if (vcpu->smm || vcpu->guest_mode || vcpu->debug.guest_debug)
		return false;
	return !vendor_call(event_blocked, vcpu, EVENT_IRQ);
}

static u32 next_token(struct x86_vm *vm)
{
	u32 token;

	do {
		token = atomic_inc_return(&vm->apf_token);
	} while (!token || token == TOKEN_ALL);
	return token;
}

static bool tell_not_present(struct x86_vcpu *vcpu, u32 token)
{
	if (!(vcpu->apf.msr & KVM_ASYNC_PF_SEND_ALWAYS) && !regs_cpl(vcpu))
		return false;
	if (!fill_word(vcpu, FLAGS_AT, KVM_PV_REASON_PAGE_NOT_PRESENT))
		return false;
	event_raise(vcpu, &(struct x86_exception){ .vector = PF_VECTOR, .has_error = true,
						   .has_payload = true, .payload = token });
	return true;
}

static void halt_for(struct x86_vcpu *vcpu, gfn_t gfn)
{
	lapic_settle(vcpu);
	lapic_timer_block(vcpu);
	steal_leave(vcpu);
	vcpu->apf.halted_gfn = gfn;
	vcpu->apf.halted = true;
	kvm_vcpu_srcu_unlock(&vcpu->base);
	kvm_vcpu_block(&vcpu->base);
	kvm_vcpu_srcu_lock(&vcpu->base);
	vcpu->apf.halted = false;
}

bool async_pf_halted(struct x86_vcpu *vcpu)
{
	return kvm_apf_waits(&vcpu->base, vcpu->apf.halted_gfn);
}

bool async_pf_begin(struct x86_vcpu *vcpu, gpa_t gpa, hva_t hva, bool write)
{
	gfn_t gfn = gpa_to_gfn(gpa);
	struct kvm_apf *page;

	if (!can_go_on(vcpu))
		return false;
	trace_kvm_try_async_get_page(gpa, gfn);
	if (kvm_apf_waits(&vcpu->base, gfn)) {
		trace_kvm_async_pf_repeated_fault(gpa, gfn);
		halt_for(vcpu, gfn);
		return true;
	}
	page = kvm_apf_start(&vcpu->base, gpa, hva, write);
	if (!page)
		return false;
	page->token = next_token(vcpu->vm);
	trace_kvm_async_pf_not_present(page->token, gpa);
	page->told = tell_not_present(vcpu, page->token);
	if (!page->told)
		halt_for(vcpu, gfn);
	return true;
}

/* --- it is there --- */

void arch_apf_ready(struct kvm_vcpu *vcpu)
{
	kvm_make_request(REQ_ASYNC_PF, vcpu);
	kvm_vcpu_kick(vcpu);
}

/* The request counts, too: the guest may have cleared the token, and not said so. */
bool async_pf_wakes(struct x86_vcpu *vcpu)
{
	return kvm_test_request(REQ_ASYNC_PF, &vcpu->base) || may_report(vcpu);
}

static bool tell_ready(struct x86_vcpu *vcpu, u32 token)
{
	const struct irq_msg msg = { .mode = IRQ_MODE_FIXED, .vector = vcpu->apf.vector,
				     .shorthand = IRQ_DEST_SELF };

	/* Whatever becomes of it, the guest says when to look again, or another page comes. */
	vcpu->apf.unacked = true;
	if (!fill_word(vcpu, TOKEN_AT, token))
		return false;
	if (irq_deliver(vcpu->vm, vcpu, &msg) != IRQ_IGNORED)
		return true;
	clear_word(vcpu, TOKEN_AT);
	return false;
}

void async_pf_report(struct x86_vcpu *vcpu)
{
	struct kvm_apf *page;

	if (vcpu->apf.wake_all && tell_ready(vcpu, TOKEN_ALL))
		vcpu->apf.wake_all = false;
	while ((page = kvm_apf_first(&vcpu->base)) != NULL) {
		if (page->told && !tell_ready(vcpu, page->token))
			break;
		trace_kvm_async_pf_ready(page->token, page->gpa);
		kvm_apf_release(&vcpu->base, page);
	}
}
