// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's environment: the one file that knows both emul/ and the vCPU.
 *
 * emul_insn() is the way in from every exit that needs an instruction
 * interpreted. What it returns is final: whatever fails in here is turned into
 * an exception for the guest or an exit to user space, see fail().
 *
 * The context of an instruction is a part of the vCPU, allocated when it is
 * first needed, because an instruction can wait for user space: its KVM_RUN
 * may be continued by another thread. User space answers through kvm_run, which
 * is read once, into that context.
 */
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/debugreg.h>
#include <kvm/arch.h>
#include <kvm/memslot.h>
#include "cpuid.h"
#include "event.h"
#include "exit.h"
#include "msr.h"
#include "regs.h"
#include "trace.h"
#include "vendor.h"
#include "mmu/perm.h"
#include "emul/emul.h"
#include "emul/opcodes.h"

static_assert((int)INSN_RDI == GPR_RDI && (int)INSN_NR_GPRS == NR_GPRS);
static_assert((int)INSN_GS == SEG_GS && (int)INSN_TR == SEG_TR &&
	      (int)INSN_LDTR == SEG_LDTR);
static_assert(EMUL_SEG_P == SEG_ATTR_P && EMUL_SEG_G == SEG_ATTR_G);
static_assert((int)EMUL_SHADOW_STI == SHADOW_STI &&
	      (int)EMUL_SHADOW_MOVSS == SHADOW_MOVSS);

static int force_emulation_prefix;
module_param(force_emulation_prefix, int, 0644);
MODULE_PARM_DESC(force_emulation_prefix,
		 "Emulate instructions that follow the bytes ud2, 'kvm'");

/**
 * struct emul_vcpu - emulation state of a vCPU
 * @c:       the instruction
 * @vcpu:    whose
 * @flags:   EMUL_* that it was begun with
 * @rflags:  RFLAGS when it began
 * @counted: it has been counted as an MMIO exit
 * @answer:  RUN_* of the exit handler that took the instruction over
 * @atomic:  interrupts are off: callbacks do what they can without sleeping
 * @decoded: the fast path has decoded the instruction that faulted at this
 *           address, and left it at that; INVALID_GPA: it has not
 */
struct emul_vcpu {
	struct emul_ctxt c;
	struct x86_vcpu *vcpu;
	unsigned int flags;
	u64 rflags;
	bool counted;
	bool atomic;
	int answer;
	gpa_t decoded;
};

/* These two are named by the manuals: DR7.GD and DR6.BD. */
#define DR_GENERAL_DETECT	BIT(13)
#define DR_ACCESS_TRAPPED	BIT(13)
/* The enable bits of the four breakpoints. */
#define DR7_ENABLES		0xff

static inline struct x86_vcpu *owner(struct emul_ctxt *c)
{
	return c->owner;
}

static inline struct emul_vcpu *emul_of(struct emul_ctxt *c)
{
	return container_of(c, struct emul_vcpu, c);
}

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

#define CMPXCHG_USER(type, hva, old, new, fault)			\
({									\
	type __user *ptr = (type __user *)(hva);			\
	bool done;							\
									\
	if (!user_access_begin(ptr, sizeof(type)))			\
		return -EFAULT;						\
	done = unsafe_try_cmpxchg_user(ptr, (type *)(old),		\
				       *(const type *)(new), fault);	\
	user_access_end();						\
	!done;								\
})

/* 0: exchanged, 1: memory held something else, which is in @old now. */
static int cmpxchg_user(hva_t hva, void *old, const void *new, unsigned int len)
{
	switch (len) {
	case 1:
		return CMPXCHG_USER(u8, hva, old, new, fault);
	case 2:
		return CMPXCHG_USER(u16, hva, old, new, fault);
	case 4:
		return CMPXCHG_USER(u32, hva, old, new, fault);
	case 8:
		return CMPXCHG_USER(u64, hva, old, new, fault);
	default:
		return -EFAULT;
	}
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

static enum emul_rc env_mmio(struct emul_ctxt *c, bool write, u64 gpa,
			     void *data, unsigned int len)
{
	struct kvm_vcpu *vcpu = &owner(c)->base;
	bool served;

	if (emul_of(c)->atomic) {
		if (!write ||
		    !kvm_iobus_write_atomic(vcpu, KVM_BUS_MMIO, gpa, len, data))
			return EMUL_UNHANDLED;
		trace_kvm_mmio(TRACE_MMIO_WRITE, len, gpa, data);
		return EMUL_OK;
	}
	if (write) {
		trace_kvm_mmio(TRACE_MMIO_WRITE, len, gpa, data);
		served = kvm_iobus_write(vcpu, KVM_BUS_MMIO, gpa, len, data);
	} else {
		served = kvm_iobus_read(vcpu, KVM_BUS_MMIO, gpa, len, data);
		trace_kvm_mmio(served ? TRACE_MMIO_READ
				      : TRACE_MMIO_READ_UNSATISFIED,
			       len, gpa, served ? data : NULL);
	}
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
	*regs_seg(owner(c), seg) = (struct x86_seg){
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
	default:
		rc = check_dr_access(c);
		if (rc != EMUL_OK)
			return rc;
		return dr_read(vcpu, reg - EMUL_DR0, val)
			? EMUL_OK : emul_raise_plain(c, X86_TRAP_UD);
	}
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
	default:
		rc = check_dr_access(c);
		if (rc != EMUL_OK)
			return rc;
		ok = dr_write(vcpu, reg - EMUL_DR0, val);
		break;
	}
	return ok ? EMUL_OK : emul_raise(c, X86_TRAP_GP, 0);
}

static enum emul_rc msr_rc(struct emul_ctxt *c, enum msr_result res)
{
	return res == MSR_OK ? EMUL_OK : emul_raise(c, X86_TRAP_GP, 0);
}

static enum emul_rc env_msr_get(struct emul_ctxt *c, u32 index, u64 *val)
{
	return msr_rc(c, msr_read(owner(c), index, val, false));
}

static enum emul_rc env_msr_set(struct emul_ctxt *c, u32 index, u64 val)
{
	return msr_rc(c, msr_write(owner(c), index, val, false));
}

static enum emul_rc env_cpuid(struct emul_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx,
			      u32 *edx)
{
	cpuid_emulate(owner(c), eax, ebx, ecx, edx);
	return EMUL_OK;
}

static enum emul_rc env_counter(struct emul_ctxt *c, enum emul_counter which,
				u32 index, u64 *val)
{
	if (which != EMUL_CNT_TSC)
		return emul_raise(c, X86_TRAP_GP, 0);
	*val = tsc_read(owner(c));
	return EMUL_OK;
}

static enum emul_rc env_vec(struct emul_ctxt *c, bool write, unsigned int reg,
			    void *data, unsigned int len, bool zext)
{
	fpu_vec(write, reg, data, len, zext);
	return EMUL_OK;
}

static enum emul_rc env_intercept(struct emul_ctxt *c)
{
	return EMUL_OK;		/* nothing is nested yet */
}

/* The exit handler of the same instruction does the rest, the skip included. */
static enum emul_rc hand_over(struct emul_ctxt *c,
			      int (*handler)(struct x86_vcpu *vcpu))
{
	emul_of(c)->answer = handler(owner(c));
	return EMUL_INTERCEPTED;
}

static enum emul_rc env_action(struct emul_ctxt *c, enum emul_action what,
			       u64 arg)
{
	struct x86_vcpu *vcpu = owner(c);

	switch (what) {
	case EMUL_ACT_HALT:
		return hand_over(c, exit_hlt);
	case EMUL_ACT_HYPERCALL:
		return hand_over(c, exit_hypercall);
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
	case EMUL_ACT_SOFT_INT:
	case EMUL_ACT_ICEBP:
		break;
	}
	return EMUL_UNHANDLED;
}

static const struct emul_env env = {
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
	.intercept = env_intercept,
	.action = env_action,
};

/* ---- how an instruction ends ---- */

static void trace_insn(struct emul_vcpu *e, bool failed)
{
	const struct emul_ctxt *c = &e->c;
	u8 flags = 0;

	if (!trace_kvm_emulate_insn_enabled())
		return;
	if (c->mode != EMUL_MODE_REAL)
		flags |= BIT(0);
	if (c->mode == EMUL_MODE_V86)
		flags |= BIT(1);
	if (c->mode == EMUL_MODE_PROT32)
		flags |= BIT(2);
	if (c->mode == EMUL_MODE_LONG64)
		flags |= BIT(3);
	trace_kvm_emulate_insn(e->vcpu->regs.rip,
			       regs_seg(e->vcpu, SEG_CS)->base, c->bytes,
			       failed ? c->nr_bytes : c->insn.len, flags,
			       failed);
}

/**
 * insn_done - an instruction was completed by software
 * @vcpu:   vCPU; RIP is behind the instruction already
 * @rflags: RFLAGS before it
 * @shadow: interrupt shadow that it leaves (enum x86_shadow)
 *
 * Return: RUN_*; to user space if that is single-stepping the guest.
 */
int insn_done(struct x86_vcpu *vcpu, u64 rflags, u8 shadow)
{
	regs_need(vcpu, RG_SHADOW);
	if (unlikely(vcpu->regs.shadow != shadow)) {
		vcpu->regs.shadow = shadow;
		regs_changed(vcpu, RG_SHADOW);
		req_event(vcpu);
	}
	if (unlikely((rflags & X86_EFLAGS_TF) || vcpu->debug.guest_debug))
		return debug_insn_done(vcpu, rflags);
	return RUN_RESUME;
}
EXPORT_SYMBOL_GPL(insn_done);

static int commit(struct emul_vcpu *e)
{
	struct x86_vcpu *vcpu = e->vcpu;
	struct emul_ctxt *c = &e->c;

	vcpu->regs.rip = c->rip;
	if (c->rflags != e->rflags) {
		regs_set_rflags(vcpu, c->rflags);
		if ((c->rflags ^ e->rflags) & X86_EFLAGS_IF)
			req_event(vcpu);
	}
	return insn_done(vcpu, e->rflags, c->shadow);
}

static int deliver(struct emul_vcpu *e)
{
	const struct emul_fault *f = &e->c.fault;
	struct x86_exception exc = {
		.vector = f->vector,
		.has_error = f->has_error,
		.error_code = f->error_code,
		.has_payload = f->vector == X86_TRAP_PF ||
			       f->vector == X86_TRAP_DB,
		.payload = f->address,
	};

	/* Without protection no error code is pushed. */
	if (e->c.mode == EMUL_MODE_REAL)
		exc.has_error = false;
	event_raise(e->vcpu, &exc);
	return RUN_RESUME;
}

/* KVM_EXIT_INTERNAL_ERROR with the bytes of the instruction, if there are any. */
static int failure_exit(struct x86_vcpu *vcpu, const u8 *bytes, unsigned int n)
{
	struct kvm_run *run = vcpu->run;

	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 1;	/* the flags */
	if (n) {
		run->emulation_failure.ndata = 3;
		run->emulation_failure.flags =
			KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		n = min_t(unsigned int, n, INSN_MAX_LEN);
		run->emulation_failure.insn_size = n;
		memset(run->emulation_failure.insn_bytes, 0x90,
		       sizeof(run->emulation_failure.insn_bytes));
		memcpy(run->emulation_failure.insn_bytes, bytes, n);
	}
	return RUN_TO_USER;
}

/*
 * What to do about an instruction that cannot be emulated. User space is told
 * if it wants to know, or if the guest's kernel is stuck; a user program of the
 * guest must not be able to end its VM, and gets #UD.
 */
static int fail(struct emul_vcpu *e)
{
	struct x86_vcpu *vcpu = e->vcpu;

	vcpu->base.stat.insn_emulation_fail++;
	trace_insn(e, true);
	if (e->flags & EMUL_VMWARE_GP) {
		event_raise_gp(vcpu, 0);
		return RUN_RESUME;
	}
	if (!vcpu->vm->exit_on_emul_error && !(e->flags & EMUL_SKIP) &&
	    (e->c.cpl == 3 || (e->flags & EMUL_TRAP_UD))) {
		event_raise_ud(vcpu);
		return RUN_RESUME;
	}
	return failure_exit(vcpu, e->c.bytes, e->c.nr_bytes);
}

static int complete_user_io(struct x86_vcpu *vcpu);

/* Ask user space for what the instruction waits for. */
static int ask_user(struct emul_vcpu *e)
{
	struct x86_vcpu *vcpu = e->vcpu;
	const struct emul_io *io = &e->c.io;
	struct kvm_run *run = vcpu->run;

	vcpu->io.complete = complete_user_io;
	if (io->kind == EMUL_IO_PORT_IN || io->kind == EMUL_IO_PORT_OUT) {
		vcpu->base.stat.io_exits++;
		run->exit_reason = KVM_EXIT_IO;
		run->io.direction = io->kind == EMUL_IO_PORT_IN ? KVM_EXIT_IO_IN
							      : KVM_EXIT_IO_OUT;
		run->io.size = io->size;
		run->io.port = io->addr;
		run->io.count = io->count;
		run->io.data_offset = ARCH_PIO_PAGE_OFFSET * PAGE_SIZE;
		if (io->kind == EMUL_IO_PORT_OUT && io->count == 1)
			memcpy(vcpu->io.pio_data, io->data, io->size);
		return RUN_TO_USER;
	}
	if (!e->counted) {
		e->counted = true;
		vcpu->base.stat.mmio_exits++;
	}
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = io->addr;
	run->mmio.len = io->size;
	run->mmio.is_write = io->kind == EMUL_IO_MMIO_WRITE;
	memcpy(run->mmio.data, io->data, sizeof(run->mmio.data));
	return RUN_TO_USER;
}

static int finish(struct emul_vcpu *e, enum emul_rc rc)
{
	switch (rc) {
	case EMUL_OK:
		return commit(e);
	case EMUL_PENDING:
		return ask_user(e);
	case EMUL_FAULT:
		return deliver(e);
	case EMUL_RETRY:
		return RUN_RESUME;
	case EMUL_INTERCEPTED:
		return e->answer;
	default:
		return fail(e);
	}
}

/* KVM_RUN is called again: take the answer and go on. */
static int complete_user_io(struct x86_vcpu *vcpu)
{
	struct emul_vcpu *e = vcpu->emul;
	struct emul_ctxt *c = &e->c;

	/* User space may have sent the guest elsewhere meanwhile. */
	if (c->phase != EMUL_PHASE_PENDING_IO || vcpu->regs.rip != c->rip) {
		c->phase = EMUL_PHASE_IDLE;
		return RUN_RESUME;
	}
	if (c->io.kind == EMUL_IO_PORT_IN)
		trace_kvm_pio(0, c->io.addr, c->io.size, c->io.count,
			      vcpu->io.pio_data);
	if (c->io.kind == EMUL_IO_MMIO_READ) {
		memcpy(c->io.data, vcpu->run->mmio.data, sizeof(c->io.data));
		trace_kvm_mmio(TRACE_MMIO_READ, c->io.size, c->io.addr,
			       c->io.data);
	} else if (c->io.kind == EMUL_IO_PORT_IN && c->io.count == 1) {
		memcpy(c->io.data, vcpu->io.pio_data, c->io.size);
	}
	c->seg_known = 0;
	emul_complete_io(c);
	return finish(e, emul_run(c));
}

/* ---- how it begins ---- */

static struct emul_vcpu *get_emul(struct x86_vcpu *vcpu)
{
	struct emul_vcpu *e = vcpu->emul;

	if (likely(e))
		return e;
	e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return NULL;
	e->vcpu = vcpu;
	e->c.env = &env;
	e->c.owner = vcpu;
	e->c.gpr = vcpu->regs.gpr;
	e->c.pio_buf = vcpu->io.pio_data;
	e->c.pio_buf_len = PAGE_SIZE;
	e->c.phase = EMUL_PHASE_IDLE;
	e->decoded = INVALID_GPA;
	vcpu->emul = e;
	return e;
}

static enum emul_mode cpu_mode(const struct x86_regs *r)
{
	u16 attr = r->seg[SEG_CS].attr;

	if (!(r->cr0 & X86_CR0_PE))
		return EMUL_MODE_REAL;
	if ((r->efer & EFER_LMA) && (attr & SEG_ATTR_L))
		return EMUL_MODE_LONG64;
	if (r->rflags & X86_EFLAGS_VM)
		return EMUL_MODE_V86;
	return attr & SEG_ATTR_DB ? EMUL_MODE_PROT32 : EMUL_MODE_PROT16;
}

/* Tell the emulator the state of the vCPU, at the beginning of an instruction. */
static void begin(struct emul_vcpu *e, unsigned int flags)
{
	struct x86_vcpu *vcpu = e->vcpu;
	const struct x86_regs *r = &vcpu->regs;
	struct emul_ctxt *c = &e->c;

	regs_need(vcpu, RG_SEG | RG_CR | RG_EFER);
	emul_begin(c);
	e->flags = flags;
	e->counted = false;
	e->decoded = INVALID_GPA;
	c->rip = r->rip;
	c->rflags = vcpu->debug.guest_debug ? regs_rflags(vcpu) : r->rflags;
	e->rflags = c->rflags;
	c->mode = cpu_mode(r);
	c->cpl = r->cpl;
	c->lma = r->efer & EFER_LMA;
	c->la57 = c->lma && (r->cr4 & X86_CR4_LA57);
	c->guest_mode = vcpu->guest_mode;
	c->features = vcpu->cpuid.emul_features;
}

/*
 * Hand on what the hardware knows of the access that faulted. A store to a slot
 * that is read-only has memory behind it for whoever reads first.
 */
static void give_hint(struct emul_ctxt *c, gpa_t gpa, unsigned int flags)
{
	c->hint_valid = true;
	c->hint_gpa = gpa;
	c->hint_write = flags & EMUL_PF_WRITE;
	c->hint_mmio = (flags & EMUL_MMIO) &&
		       !(c->hint_write && (c->insn.op->form & INSN_DST_RD));
}

/*
 * #UD was intercepted. Emulated is the hypercall of the other vendor and what
 * stands behind the forced-emulation prefix; anything else is the guest's #UD.
 */
static bool wanted_after_ud(struct emul_vcpu *e)
{
	static const u8 prefix[] = { 0x0f, 0x0b, 'k', 'v', 'm' };
	struct emul_ctxt *c = &e->c;
	unsigned int got;

	if (force_emulation_prefix && !(e->flags & EMUL_TRAP_UD_FORCED)) {
		if (env_fetch(c, regs_linear_rip(e->vcpu), c->bytes,
			      sizeof(prefix), &got) == EMUL_OK &&
		    got == sizeof(prefix) &&
		    !memcmp(c->bytes, prefix, sizeof(prefix))) {
			e->vcpu->regs.rip += sizeof(prefix);
			c->rip = e->vcpu->regs.rip;
			e->flags |= EMUL_TRAP_UD_FORCED;
		}
	}
	if (emul_decode(c) != EMUL_OK)
		return e->flags & EMUL_TRAP_UD_FORCED;
	return (e->flags & EMUL_TRAP_UD_FORCED) ||
	       c->insn.op->fn == EMUL_FN_hypercall;
}

/* Does somebody watch single instructions of the guest? */
static inline bool watched(const struct x86_vcpu *vcpu)
{
	return (vcpu->regs.rflags & X86_EFLAGS_TF) || vcpu->debug.guest_debug ||
	       (vcpu->debug.eff_dr7 & DR7_ENABLES);
}

/**
 * emul_fast_mmio_write - emulate a store that faulted, if a device takes it at once
 * @vcpu: has just left the guest
 * @gpa:  where no memory is
 *
 * Context: interrupts may be off. What was decoded is kept for emul_insn(),
 * which handles the same exit if the answer is no.
 * Return: true if RIP is behind the instruction.
 */
bool emul_fast_mmio_write(struct x86_vcpu *vcpu, gpa_t gpa)
{
	struct emul_vcpu *e = vcpu->emul;
	struct emul_ctxt *c;
	enum emul_rc rc;

	if (unlikely(!e || watched(vcpu)))
		return false;
	c = &e->c;
	begin(e, EMUL_PF | EMUL_MMIO | EMUL_PF_WRITE);
	c->nr_bytes = min_t(unsigned int, INSN_MAX_LEN,
			    mmu_fetch_gva_atomic(vcpu, regs_linear_rip(vcpu),
						 c->bytes, sizeof(c->bytes),
						 c->cpl == 3 ? ACC_USER : 0));
	if (!c->nr_bytes)
		return false;
	e->atomic = true;
	rc = emul_decode(c);
	if (rc == EMUL_OK) {
		give_hint(c, gpa, e->flags);
		rc = emul_run_simple(c);
		if (rc != EMUL_OK)
			e->decoded = gpa;
	}
	e->atomic = false;
	if (rc != EMUL_OK)
		return false;
	vcpu->base.stat.insn_emulation++;
	trace_insn(e, false);
	commit(e);
	return true;
}

int emul_insn(struct x86_vcpu *vcpu, gpa_t gpa, unsigned int flags,
	      const u8 *insn, int len)
{
	struct emul_vcpu *e = get_emul(vcpu);
	enum emul_rc rc;
	int run;

	if (unlikely(!e))
		return -ENOMEM;
	if (unlikely(vendor_call(cannot_emulate, vcpu, flags)))
		return RUN_RESUME;
	vcpu->base.stat.insn_emulation++;
	if (flags & EMUL_NO_DECODE)
		return finish(e, emul_run(&e->c));
	if ((flags & EMUL_PF) && e->decoded == gpa &&
	    e->c.rip == vcpu->regs.rip) {
		e->decoded = INVALID_GPA;
		trace_insn(e, false);
		return finish(e, emul_run(&e->c));
	}

	begin(e, flags);
	if (insn && len > 0)
		emul_give_bytes(&e->c, insn, len);
	if (unlikely(vcpu->debug.eff_dr7 & DR7_ENABLES) &&
	    !(flags & EMUL_SKIP) && !(e->rflags & X86_EFLAGS_RF) &&
	    debug_code_breakpoint(vcpu, regs_linear_rip(vcpu), &run))
		return run;
	if (unlikely(flags & EMUL_TRAP_UD)) {
		if (!wanted_after_ud(e)) {
			event_raise_ud(vcpu);
			return RUN_RESUME;
		}
	}
	if (e->c.phase == EMUL_PHASE_FETCH) {
		rc = emul_decode(&e->c);
		if (rc != EMUL_OK)
			return finish(e, rc);
	}
	if (unlikely(flags & EMUL_SKIP)) {
		e->c.rip = emul_skip_rip(&e->c);
		e->c.shadow = EMUL_SHADOW_NONE;
		e->c.phase = EMUL_PHASE_IDLE;
		return commit(e);
	}
	trace_insn(e, false);
	if (flags & EMUL_PF)
		give_hint(&e->c, gpa, flags);
	return finish(e, emul_run(&e->c));
}
EXPORT_SYMBOL_GPL(emul_insn);

/* ---- skipping ---- */

static enum insn_mode code_mode(struct x86_vcpu *vcpu)
{
	regs_need(vcpu, RG_SEG | RG_CR | RG_EFER);
	switch (cpu_mode(&vcpu->regs)) {
	case EMUL_MODE_LONG64:
		return INSN_MODE_64;
	case EMUL_MODE_PROT32:
		return INSN_MODE_32;
	default:
		return INSN_MODE_16;
	}
}

int emul_skip(struct x86_vcpu *vcpu)
{
	enum insn_mode mode = code_mode(vcpu);
	unsigned int got = 0, n;
	struct x86_exception e;
	u8 bytes[16];
	u64 rip;

	switch (mmu_fetch_gva(vcpu, regs_linear_rip(vcpu), bytes, INSN_MAX_LEN,
			      regs_cpl(vcpu) == 3 ? ACC_USER : 0, &got, &e)) {
	case MMU_GVA_FAULT:
		event_raise(vcpu, &e);
		return RUN_RESUME;
	case MMU_GVA_OK:
		n = insn_length(bytes, got, mode);
		break;
	default:
		n = 0;
		break;
	}
	if (!n)
		return failure_exit(vcpu, bytes, got);
	rip = vcpu->regs.rip + n;
	vcpu->regs.rip = mode == INSN_MODE_64 ? rip : (u32)rip;
	return insn_done(vcpu, vcpu->regs.rflags, SHADOW_NONE);
}
EXPORT_SYMBOL_GPL(emul_skip);

unsigned int emul_fast_length(struct x86_vcpu *vcpu, u32 opcode,
			      unsigned int opcode_len)
{
	u8 bytes[8];
	unsigned int got;

	got = mmu_fetch_gva_atomic(vcpu, regs_linear_rip(vcpu), bytes,
				   sizeof(bytes),
				   regs_cpl(vcpu) == 3 ? ACC_USER : 0);
	if (got < opcode_len || memcmp(bytes, &opcode, opcode_len))
		return 0;
	return opcode_len;
}
EXPORT_SYMBOL_GPL(emul_fast_length);

int emul_failure_exit(struct x86_vcpu *vcpu)
{
	vcpu->base.stat.insn_emulation_fail++;
	return failure_exit(vcpu, NULL, 0);
}
EXPORT_SYMBOL_GPL(emul_failure_exit);

void emul_forget(struct x86_vcpu *vcpu)
{
	if (vcpu->emul)
		vcpu->emul->c.phase = EMUL_PHASE_IDLE;
}

void emul_vcpu_free(struct x86_vcpu *vcpu)
{
	kfree(vcpu->emul);
	vcpu->emul = NULL;
}
