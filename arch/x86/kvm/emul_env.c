// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's environment: how the library in emul/ reaches the vCPU.
 *
 * Beside emul_insn.c, which lets it run, this is the only file that knows both.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <kvm/memslot.h>
#include "cpuid.h"
#include "emul_env.h"
#include "event.h"
#include "exit.h"
#include "irqchip/irqchip.h"
#include "msr.h"
#include "regs.h"
#include "smm.h"
#include "trace.h"
#include "vendor.h"
#include "mmu/perm.h"

/* The library and x86.h count alike. */
#define SAME(a, b)	static_assert(!((int)(a) ^ (int)(b)))

SAME(INSN_RDI, GPR_RDI);
SAME(INSN_NR_GPRS, NR_GPRS);
SAME(INSN_GS, SEG_GS);
SAME(INSN_TR, SEG_TR);
SAME(INSN_LDTR, SEG_LDTR);
SAME(EMUL_SEG_P, SEG_ATTR_P);
SAME(EMUL_SEG_G, SEG_ATTR_G);
SAME(EMUL_SHADOW_STI, SHADOW_STI);
SAME(EMUL_SHADOW_MOVSS, SHADOW_MOVSS);

/* These two are named by the manuals: DR7.GD and DR6.BD. */
#define DR_GENERAL_DETECT	BIT(13)
#define DR_ACCESS_TRAPPED	BIT(13)
/* DR7: L0 to L3, LE. */
#define DR_LOCAL_ENABLES	0x155
/* ---- guest memory ---- */

static enum emul_rc raise(struct emul_ctxt *c, const struct x86_exception *e)
{
	c->fault = (struct emul_fault){
		.vector = e->vector,
		.has_error = e->has_error,
		.error_code = e->error_code,
		.address = e->payload,
	};
	return EMUL_FAULT;
}

static enum emul_rc env_fetch(struct emul_ctxt *c, u64 linear, u8 *buf,
			      unsigned int want, unsigned int *got)
{
	struct x86_exception e;

	if (emul_of(c)->atomic)
		return EMUL_UNHANDLED;
	switch (mmu_fetch_gva(owner(c), linear, buf, want,
			      c->cpl == 3 ? ACC_USER : 0, got, &e)) {
	case MMU_GVA_OK:
		return EMUL_OK;
	case MMU_GVA_FAULT:
		return raise(c, &e);
	default:
		return EMUL_UNHANDLED;	/* code in a device */
	}
}

static enum emul_rc env_translate(struct emul_ctxt *c, u64 linear,
				  unsigned int len, unsigned int access,
				  struct emul_frag *frag)
{
	struct x86_exception e;
	u32 acc = 0;

	if (access & EMUL_ACC_WRITE)
		acc |= ACC_WRITE;
	if (access & EMUL_ACC_USER)
		acc |= ACC_USER;
	if (access & EMUL_ACC_IMPLICIT)
		acc |= ACC_IMPLICIT;
	if (!mmu_gva_to_gpa(owner(c), linear, acc, &frag->gpa, &e))
		return raise(c, &e);
	return EMUL_OK;
}

static enum emul_rc env_ram_read(struct emul_ctxt *c, u64 gpa, void *buf,
				 unsigned int len)
{
	struct x86_vcpu *vcpu = owner(c);

	if (kvm_vcpu_read_gpa(&vcpu->base, vcpu->mmu.as_id, gpa, buf, len))
		return EMUL_NOT_RAM;
	return EMUL_OK;
}

static enum emul_rc env_ram_write(struct emul_ctxt *c, u64 gpa,
				  const void *buf, unsigned int len)
{
	struct x86_vcpu *vcpu = owner(c);

	if (kvm_vcpu_write_gpa(&vcpu->base, vcpu->mmu.as_id, gpa, buf, len))
		return EMUL_NOT_RAM;
	return EMUL_OK;
}

/* There is no 16-byte exchange on user addresses: go through the page. */
static int cmpxchg16(hva_t hva, u128 *old, u128 new)
{
	struct page *page;
	bool done;
	void *map;

	if (!boot_cpu_has(X86_FEATURE_CX16) || (hva & 15) ||
	    get_user_pages_fast(hva & PAGE_MASK, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	map = kmap_local_page(page);
	done = try_cmpxchg128((u128 *)(map + offset_in_page(hva)), old, new);
	kunmap_local(map);
	set_page_dirty_lock(page);
	put_page(page);
	return !done;
}

/* 0: exchanged, 1: memory held something else, which is in @old now. */
static int cmpxchg_user(hva_t hva, void *old, const void *new, unsigned int len)
{
	void __user *ptr = (void __user *)hva;
	bool done;

	if (!user_access_begin(ptr, len))
		return -EFAULT;
	switch (len) {
	case 1:
		done = unsafe_try_cmpxchg_user((u8 __user *)ptr, (u8 *)old,
					       *(const u8 *)new, fault);
		break;
	case 2:
		done = unsafe_try_cmpxchg_user((u16 __user *)ptr, (u16 *)old,
					       *(const u16 *)new, fault);
		break;
	case 4:
		done = unsafe_try_cmpxchg_user((u32 __user *)ptr, (u32 *)old,
					       *(const u32 *)new, fault);
		break;
	case 8:
		done = unsafe_try_cmpxchg_user((u64 __user *)ptr, (u64 *)old,
					       *(const u64 *)new, fault);
		break;
	default:
		goto fault;
	}
	user_access_end();
	return !done;

fault:
	user_access_end();
	return -EFAULT;
}

static enum emul_rc env_ram_cmpxchg(struct emul_ctxt *c, u64 gpa, void *old,
				    const void *new, unsigned int len)
{
	struct x86_vcpu *vcpu = owner(c);
	const struct kvm_memslot *slot;
	u128 old16, new16;
	hva_t hva;
	int ret;

	slot = kvm_vcpu_slot(&vcpu->base, vcpu->mmu.as_id, gpa_to_gfn(gpa));
	if (!kvm_slot_writable(slot))
		return EMUL_NOT_RAM;
	hva = kvm_slot_hva(slot, gpa_to_gfn(gpa)) + offset_in_page(gpa);
	if (len == 16) {
		memcpy(&old16, old, 16);
		memcpy(&new16, new, 16);
		ret = cmpxchg16(hva, &old16, new16);
		memcpy(old, &old16, 16);
	} else {
		ret = cmpxchg_user(hva, old, new, len);
	}
	if (ret < 0)
		return EMUL_NOT_RAM;
	kvm_mark_dirty(vcpu->base.kvm, slot, gpa_to_gfn(gpa));
	return ret ? EMUL_RETRY : EMUL_OK;
}

/* ---- devices ---- */

/* For an address that lapic_at() says is its. */
static inline bool lapic_serves(struct x86_vcpu *vcpu, bool write, u64 gpa, void *data,
				unsigned int len, bool atomic)
{
	return write ? lapic_mmio_write(vcpu, gpa, len, data, atomic)
		     : lapic_mmio_read(vcpu, gpa, len, data, atomic);
}

static void trace_access(bool write, unsigned int len, u64 gpa, void *data, bool served)
{
	if (write)
		trace_kvm_mmio(TRACE_MMIO_WRITE, len, gpa, data);
	else if (served)
		trace_kvm_mmio(TRACE_MMIO_READ, len, gpa, data);
	else
		trace_kvm_mmio(TRACE_MMIO_READ_UNSATISFIED, len, gpa, NULL);
}

static enum emul_rc mmio_atomic(struct x86_vcpu *vcpu, bool write, u64 gpa, void *data,
				unsigned int len)
{
	enum kvm_bus_answer answer = KVM_BUS_LATER;

	if (lapic_at(vcpu, gpa)) {
		if (lapic_serves(vcpu, write, gpa, data, len, true))
			answer = KVM_BUS_SERVED;
	} else if (write) {
		answer = kvm_iobus_write_atomic(&vcpu->base, KVM_BUS_MMIO, gpa, len, data);
	} else {
		answer = kvm_iobus_read_atomic(&vcpu->base, KVM_BUS_MMIO, gpa);
	}
	if (answer == KVM_BUS_LATER)
		return EMUL_UNHANDLED;
	trace_access(write, len, gpa, data, answer == KVM_BUS_SERVED);
	return answer == KVM_BUS_SERVED ? EMUL_OK : EMUL_PENDING;
}

static enum emul_rc env_mmio(struct emul_ctxt *c, bool write, u64 gpa,
			     void *data, unsigned int len)
{
	struct x86_vcpu *vcpu = owner(c);
	bool served;

	if (emul_of(c)->atomic)
		return mmio_atomic(vcpu, write, gpa, data, len);
	served = (lapic_at(vcpu, gpa) && lapic_serves(vcpu, write, gpa, data, len, false)) ||
		 (write ? kvm_iobus_write(&vcpu->base, KVM_BUS_MMIO, gpa, len, data)
			: kvm_iobus_read(&vcpu->base, KVM_BUS_MMIO, gpa, len, data));
	trace_access(write, len, gpa, data, served);
	return served ? EMUL_OK : EMUL_PENDING;
}

/*
 * A device may take some elements of a string and not the rest (an ioeventfd
 * that compares data): then the rest moves to the front for user space.
 */
static enum emul_rc env_port(struct emul_ctxt *c, bool out, u16 port,
			     unsigned int size, void *data, unsigned int count)
{
	struct kvm_vcpu *vcpu = &owner(c)->base;
	unsigned int i;
	bool served;
	void *at;

	if (out)
		trace_kvm_pio(1, port, size, count, data);
	for (i = 0; i < count; i++) {
		at = data + i * size;
		served = out ? kvm_iobus_write(vcpu, KVM_BUS_PIO, port, size, at)
			     : kvm_iobus_read(vcpu, KVM_BUS_PIO, port, size, at);
		if (!served)
			break;
	}
	if (i == count)
		return EMUL_OK;
	if (i && out) {
		memmove(data, data + i * size, (count - i) * size);
		c->pio_count = count - i;
	} else if (i) {
		memset(data + i * size, 0xff, (count - i) * size);
		return EMUL_OK;
	}
	return EMUL_PENDING;
}

/* ---- registers ---- */

static void env_seg_get(struct emul_ctxt *c, enum insn_seg seg,
			struct emul_seg *val)
{
	const struct x86_seg *s = regs_seg(owner(c), seg);

	*val = (struct emul_seg){
		.base = s->base, .limit = s->limit,
		.selector = s->selector, .attr = s->attr,
	};
}

static void env_seg_set(struct emul_ctxt *c, enum insn_seg seg,
			const struct emul_seg *val)
{
	regs_need(owner(c), RG_SEG);
	owner(c)->regs.seg[seg] = (struct x86_seg){
		.base = val->base, .limit = val->limit,
		.selector = val->selector, .attr = val->attr,
	};
	regs_changed(owner(c), RG_SEG);
}

static void env_dtr_get(struct emul_ctxt *c, enum emul_dtr dtr, u64 *base,
			u16 *limit)
{
	struct x86_vcpu *vcpu = owner(c);
	const struct x86_dtable *t;

	regs_need(vcpu, RG_DTABLE);
	t = dtr == EMUL_GDTR ? &vcpu->regs.gdt : &vcpu->regs.idt;
	*base = t->base;
	*limit = t->limit;
}

static void env_dtr_set(struct emul_ctxt *c, enum emul_dtr dtr, u64 base,
			u16 limit)
{
	struct x86_vcpu *vcpu = owner(c);
	struct x86_dtable *t;

	regs_need(vcpu, RG_DTABLE);
	t = dtr == EMUL_GDTR ? &vcpu->regs.gdt : &vcpu->regs.idt;
	t->base = base;
	t->limit = limit;
	regs_changed(vcpu, RG_DTABLE);
}

/* DR7.GD: any access to a debug register is trapped. */
static enum emul_rc check_dr_access(struct emul_ctxt *c)
{
	struct x86_vcpu *vcpu = owner(c);

	regs_need(vcpu, RG_DR);
	if (likely(!(vcpu->regs.dr7 & DR_GENERAL_DETECT)))
		return EMUL_OK;
	c->fault = (struct emul_fault){
		.vector = X86_TRAP_DB, .address = DR_ACCESS_TRAPPED,
	};
	return EMUL_FAULT;
}

/* The registers of SYSCALL, SYSENTER and SWAPGS: no MSR filter is asked for these. */
static u64 *syscall_reg(struct x86_vcpu *vcpu, enum emul_sysreg reg)
{
	struct x86_regs *r = &vcpu->regs;

	regs_need(vcpu, RG_SYSCALL | RG_SYSENTER);
	switch (reg) {
	case EMUL_STAR:
		return &r->star;
	case EMUL_LSTAR:
		return &r->lstar;
	case EMUL_CSTAR:
		return &r->cstar;
	case EMUL_SFMASK:
		return &r->sfmask;
	case EMUL_SYSENTER_CS:
		return &r->sysenter_cs;
	case EMUL_SYSENTER_ESP:
		return &r->sysenter_esp;
	case EMUL_SYSENTER_EIP:
		return &r->sysenter_eip;
	default:
		return &r->kernel_gs_base;
	}
}

static enum emul_rc env_reg_get(struct emul_ctxt *c, enum emul_sysreg reg,
				u64 *val)
{
	struct x86_vcpu *vcpu = owner(c);
	enum emul_rc rc;

	switch (reg) {
	case EMUL_CR0:
		*val = regs_cr0(vcpu);
		return EMUL_OK;
	case EMUL_CR2:
		regs_need(vcpu, RG_CR);
		*val = vcpu->regs.cr2;
		return EMUL_OK;
	case EMUL_CR3:
		*val = regs_cr3(vcpu);
		return EMUL_OK;
	case EMUL_CR4:
		*val = regs_cr4(vcpu);
		return EMUL_OK;
	case EMUL_CR8:
		*val = cr8_read(vcpu);
		return EMUL_OK;
	case EMUL_XCR0:
		*val = vcpu->fpu.xcr0;
		return EMUL_OK;
	case EMUL_EFER:
		*val = regs_efer(vcpu);
		return EMUL_OK;
	case EMUL_TSC_AUX:
		*val = vcpu->msr.tsc_aux;
		return EMUL_OK;
	default:
		break;
	}
	if (reg > EMUL_DR7) {
		*val = *syscall_reg(vcpu, reg);
		return EMUL_OK;
	}
	rc = check_dr_access(c);
	if (rc != EMUL_OK)
		return rc;
	return dr_read(vcpu, reg - EMUL_DR0, val) ? EMUL_OK
						  : emul_raise_plain(c, X86_TRAP_UD);
}

static enum emul_rc env_reg_set(struct emul_ctxt *c, enum emul_sysreg reg,
				u64 val)
{
	struct x86_vcpu *vcpu = owner(c);
	enum emul_rc rc;
	bool ok;

	switch (reg) {
	case EMUL_CR0:
		ok = cr0_write(vcpu, val);
		break;
	case EMUL_CR2:
		regs_need(vcpu, RG_CR);
		vcpu->regs.cr2 = val;
		regs_changed(vcpu, RG_CR);
		ok = true;
		break;
	case EMUL_CR3:
		ok = cr3_write(vcpu, val);
		break;
	case EMUL_CR4:
		ok = cr4_write(vcpu, val);
		break;
	case EMUL_CR8:
		ok = cr8_write(vcpu, val);
		break;
	case EMUL_XCR0:
		ok = xcr_write(vcpu, 0, val);
		break;
	case EMUL_KERNEL_GS_BASE:
		*syscall_reg(vcpu, reg) = val;
		regs_changed(vcpu, RG_SYSCALL);
		ok = true;
		break;
	default:
		rc = check_dr_access(c);
		if (rc != EMUL_OK)
			return rc;
		ok = dr_write(vcpu, reg - EMUL_DR0, val);
		break;
	}
	return ok ? EMUL_OK : emul_raise(c, X86_TRAP_GP, 0);
}

/* The exit for user space is filled in by whoever found that out. */
static enum emul_rc msr_rc(struct emul_ctxt *c, enum msr_result res)
{
	if (res == MSR_OK)
		return EMUL_OK;
	if (res != MSR_TO_USER)
		return emul_raise(c, X86_TRAP_GP, 0);
	c->io.kind = EMUL_IO_MSR;
	return EMUL_PENDING;
}

/* When the handler runs again, user space has done what was asked. */
static bool msr_answered(struct emul_ctxt *c)
{
	struct emul_vcpu *e = emul_of(c);
	bool answered = e->msr_answered;

	e->msr_answered = false;
	return answered;
}

static enum emul_rc env_msr_get(struct emul_ctxt *c, u32 index, u64 *val)
{
	if (msr_answered(c)) {
		*val = emul_of(c)->msr_data;
		return EMUL_OK;
	}
	return msr_rc(c, msr_guest_read(owner(c), index, val));
}

static enum emul_rc env_msr_set(struct emul_ctxt *c, u32 index, u64 val)
{
	if (msr_answered(c))
		return EMUL_OK;
	return msr_rc(c, msr_guest_write(owner(c), index, val));
}

static enum emul_rc env_cpuid(struct emul_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx,
			      u32 *edx)
{
	cpuid_emulate(owner(c), eax, ebx, ecx, edx);
	return EMUL_OK;
}

/* VMware's pseudo performance counters, of which only time is of interest. */
static bool vmware_counter(u32 index, u64 *val)
{
	switch (index) {
	case EMUL_BACKDOOR_TSC:
		*val = rdtsc();
		return true;
	case EMUL_BACKDOOR_REAL:
	case EMUL_BACKDOOR_APPARENT:
		*val = ktime_get_boottime_ns();
		return true;
	}
	return false;
}

static enum emul_rc env_counter(struct emul_ctxt *c, enum emul_counter which,
				u32 index, u64 *val)
{
	if (which == EMUL_CNT_TSC) {
		*val = tsc_read(owner(c));
		return EMUL_OK;
	}
	if (enable_vmware_backdoor && vmware_counter(index, val))
		return EMUL_OK;
	return emul_raise(c, X86_TRAP_GP, 0);
}

static enum emul_rc env_vec(struct emul_ctxt *c, bool write, unsigned int reg,
			    void *data, unsigned int len, bool zext)
{
	fpu_vec(write, reg, data, len, zext);
	return EMUL_OK;
}

static enum emul_rc env_fx(struct emul_ctxt *c, bool write, void *image)
{
	fpu_fx(write, image);
	return EMUL_OK;
}

/*
 * The hypercall instruction of the other vendor: from now on it is the right
 * one, if the code can be written at all (KVM_X86_QUIRK_FIX_HYPERCALL_INSN).
 */
static void fix_hypercall(struct emul_ctxt *c)
{
	struct x86_vcpu *vcpu = owner(c);
	u64 linear = regs_linear_rip(vcpu);
	struct x86_exception e;
	gpa_t gpa;

	if (c->insn.len != 3 || offset_in_page(linear) > PAGE_SIZE - 3 ||
	    !mmu_gva_to_gpa(vcpu, linear,
			    ACC_WRITE | (c->cpl == 3 ? ACC_USER : 0), &gpa, &e))
		return;
	kvm_vcpu_write_gpa(&vcpu->base, vcpu->mmu.as_id, gpa,
			   &vendor_caps.hypercall_opcode, 3);
}

/* VMCALL, VMMCALL (@vmmcall) */
static enum emul_rc hypercall(struct emul_ctxt *c, bool vmmcall)
{
	struct emul_vcpu *e = emul_of(c);

	if (!(c->features & BIT_ULL(vmmcall ? EMUL_F_SVM : EMUL_F_VMX))) {
		if (e->vcpu->vm->disabled_quirks & KVM_X86_QUIRK_FIX_HYPERCALL_INSN)
			return emul_raise_plain(c, X86_TRAP_UD);
		fix_hypercall(c);
	}
	e->after = hypercall_done;
	return EMUL_OK;
}

static int rsm_done(struct x86_vcpu *vcpu, int ret)
{
	if (!smm_leave(vcpu))
		event_triple_fault(vcpu);
	return ret;
}

/* INT3 while a debugger wants to have them. */
static enum emul_rc breakpoint(struct emul_ctxt *c)
{
	struct x86_vcpu *vcpu = owner(c);

	if (!(vcpu->debug.guest_debug & KVM_GUESTDBG_USE_SW_BP))
		return EMUL_OK;
	emul_of(c)->answer = debug_exit_bp(vcpu);
	return EMUL_INTERCEPTED;
}

/* CR0.TS is set, breakpoints of the old task are off. */
static enum emul_rc new_task(struct x86_vcpu *vcpu)
{
	cr0_write(vcpu, regs_cr0(vcpu) | X86_CR0_TS);
	regs_need(vcpu, RG_DR);
	if (vcpu->regs.dr7 & DR_LOCAL_ENABLES) {
		vcpu->regs.dr7 &= ~(u64)DR_LOCAL_ENABLES;
		debug_update(vcpu);
	}
	return EMUL_OK;
}

static enum emul_rc env_action(struct emul_ctxt *c, enum emul_action what,
			       u64 arg)
{
	struct x86_vcpu *vcpu = owner(c);

	switch (what) {
	case EMUL_ACT_HALT:
		emul_of(c)->after = exit_halted;
		return EMUL_OK;
	case EMUL_ACT_HYPERCALL:
		return hypercall(c, arg);
	case EMUL_ACT_RSM:
		emul_of(c)->after = rsm_done;
		return EMUL_OK;
	case EMUL_ACT_BREAKPOINT:
		return breakpoint(c);
	case EMUL_ACT_NEW_TASK:
		return new_task(vcpu);
	case EMUL_ACT_INVLPG:
		vendor_call(tlb_flush, vcpu, TLB_ADDRESS, arg);
		return EMUL_OK;
	case EMUL_ACT_IRET:
		if (vendor_call(nmi_masked_get, vcpu)) {
			vendor_call(nmi_masked_set, vcpu, false);
			req_event(vcpu);
		}
		return EMUL_OK;
	case EMUL_ACT_PAUSE:
	case EMUL_ACT_INVD:
	case EMUL_ACT_WBINVD:
	case EMUL_ACT_MONITOR:
	case EMUL_ACT_MWAIT:
		return EMUL_OK;
	}
	return EMUL_UNHANDLED;
}

static void env_cpl_set(struct emul_ctxt *c, unsigned int cpl)
{
	struct x86_vcpu *vcpu = owner(c);

	regs_need(vcpu, RG_SEG);
	vcpu->regs.cpl = cpl;
	regs_changed(vcpu, RG_SEG);
}

const struct emul_env emul_env = {
	.fetch = env_fetch,
	.translate = env_translate,
	.ram_read = env_ram_read,
	.ram_write = env_ram_write,
	.ram_cmpxchg = env_ram_cmpxchg,
	.mmio = env_mmio,
	.port = env_port,
	.seg_get = env_seg_get,
	.seg_set = env_seg_set,
	.dtr_get = env_dtr_get,
	.dtr_set = env_dtr_set,
	.reg_get = env_reg_get,
	.reg_set = env_reg_set,
	.msr_get = env_msr_get,
	.msr_set = env_msr_set,
	.cpuid = env_cpuid,
	.counter = env_counter,
	.vec = env_vec,
	.fx = env_fx,
	.action = env_action,
	.cpl_set = env_cpl_set,
};
