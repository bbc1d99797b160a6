// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest-virtual memory for software: the guest walk (guest_walk.c) tied to a
 * vCPU. Guest tables and guest data are reached through the VMM's mapping of
 * the slot and the vCPU's slot cache; accessed and dirty bits are set there,
 * too, so no page of the host is ever looked up by address arithmetic.
 *
 * Everything here is for the vCPU thread inside its read section. The
 * atomic variant runs with page faults disabled and reports what is not present
 * in the host as unavailable.
 */
#include <linux/nospec.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "../regs.h"
#include "../vendor.h"
#include "guest_walk_quick.h"
#include "tdp.h"

static const struct kvm_memslot *slot_of(struct x86_vcpu *vcpu, u64 gpa)
{
	return kvm_vcpu_slot(&vcpu->base, vcpu->mmu.as_id, gpa_to_gfn(gpa));
}

static void __user *user_ptr(const struct kvm_memslot *slot, u64 gpa)
{
	return (void __user *)(kvm_slot_hva(slot, gpa_to_gfn(gpa)) + offset_in_page(gpa));
}

static u64 entry_read(void *ctx, u64 gpa, unsigned int size, enum pt_mem *why)
{
	const struct kvm_memslot *slot = slot_of(ctx, gpa);
	void __user *p;
	u64 val;

	if (unlikely(!kvm_slot_readable(slot)))
		goto none;
	p = user_ptr(slot, gpa);
	if (!user_read_access_begin(p, 8))
		goto none;
	if (likely(size == 8))
		unsafe_get_user(val, (u64 __user *)p, fault);
	else
		unsafe_get_user(val, (u32 __user *)p, fault);
	user_read_access_end();
	return val;
fault:
	user_read_access_end();
none:
	*why = PT_MEM_NONE;
	return 0;
}

static enum pt_mem entry_update(void *ctx, u64 gpa, unsigned int size, u64 old, u64 val)
{
	const struct kvm_memslot *slot = slot_of(ctx, gpa);
	struct x86_vcpu *vcpu = ctx;
	u32 old32 = old;
	void __user *p;
	bool done;

	if (!kvm_slot_writable(slot))
		return PT_MEM_NONE;
	p = user_ptr(slot, gpa);
	if (!user_access_begin(p, size))
		return PT_MEM_NONE;
	if (size == 8)
		done = unsafe_try_cmpxchg_user((u64 __user *)p, &old, val, fault);
	else
		done = unsafe_try_cmpxchg_user((u32 __user *)p, &old32, (u32)val, fault);
	user_access_end();
	if (!done)
		return PT_MEM_CHANGED;
	kvm_mark_dirty(&vcpu->vm->base, slot, gpa_to_gfn(gpa));
	return PT_MEM_OK;
fault:
	user_access_end();
	return PT_MEM_NONE;
}

static const struct pt_mem_ops guest_tables = {
	.read = entry_read,
	.update = entry_update,
};

static enum guest_walk_status walk(struct x86_vcpu *vcpu, gva_t gva, u32 access,
				   struct guest_walk *w)
{
	const struct guest_mode *mode = &vcpu->mmu.walk;

	w->cr3 = regs_cr3(vcpu);
	w->va = gva;
	w->access = access;
	if (vcpu->regs.rflags & X86_EFLAGS_AC)
		w->access |= ACC_AC;
	if (unlikely(mode->perm.pku))
		w->pkru = fpu_guest_pkru(vcpu);
	return guest_walk(mode, &guest_tables, vcpu, w);
}

static void to_exception(const struct guest_walk *w, struct x86_exception *e)
{
	*e = (struct x86_exception) {
		.vector = X86_TRAP_PF,
		.has_error = true,
		.error_code = w->error_code,
		.has_payload = true,
		.payload = w->va,
	};
}

/*
 * One slot, opened for reading: the guest's tables, and mostly its code, lie in
 * the same one.
 */
struct window {
	gpa_t base;
	u64 size;
	unsigned long hva;
};

static __always_inline bool window_at(struct x86_vcpu *vcpu, u64 gpa, struct window *win)
{
	const struct kvm_memslot *slot = slot_of(vcpu, gpa);

	if (unlikely(!kvm_slot_readable(slot)))
		return false;
	win->base = gfn_to_gpa(slot->base_gfn);
	win->size = gfn_to_gpa(slot->npages);
	win->hva = slot->userspace_addr;
	return true;
}

static __always_inline bool in_window(const struct window *win, u64 gpa)
{
	return gpa - win->base < win->size;
}

/* Host address of @gpa, which in_window() accepted; within the slot also if that is speculation. */
static __always_inline unsigned long window_hva(const struct window *win, u64 gpa)
{
	return win->hva + array_index_nospec(gpa - win->base, win->size);
}

/* Inside user_read_access_begin(). */
static __always_inline bool window_read(void *ctx, u64 gpa, u64 *val)
{
	const struct window *win = ctx;

	if (!in_window(win, gpa))
		return false;
	unsafe_get_user(*val, (const u64 __user *)window_hva(win, gpa), fault);
	return true;
fault:
	return false;
}

/*
 * Open the slot that holds the guest's tables. Slots were checked to lie in user
 * memory as a whole: one opening does for all of it.
 */
static __always_inline bool window_open(struct x86_vcpu *vcpu, u64 cr3, struct window *win)
{
	return window_at(vcpu, cr3 & X86_PTE_ADDR, win) &&
	       user_read_access_begin((void __user *)win->hva, PAGE_SIZE);
}

/* The walk without side effects; false: take the other one. */
static bool translate_quick(struct x86_vcpu *vcpu, gva_t gva, u32 access, gpa_t *gpa)
{
	u64 cr3 = regs_cr3(vcpu);
	struct window win;
	bool ok;

	if (vcpu->regs.rflags & X86_EFLAGS_AC)
		access |= ACC_AC;
	pagefault_disable();
	ok = window_open(vcpu, cr3, &win);
	if (ok) {
		ok = guest_walk_quick(&vcpu->mmu.walk, cr3, gva, access, window_read, &win, gpa);
		user_read_access_end();
	}
	pagefault_enable();
	return ok;
}

/**
 * mmu_gva_to_gpa() - translate as an access of the guest would
 * @vcpu: vCPU
 * @gva: canonical linear address
 * @access: ACC_WRITE, ACC_USER, ACC_FETCH, ACC_IMPLICIT
 * @gpa: result
 * @fault: the exception, if the answer is false
 *
 * Context: vCPU thread, in a read section, may sleep.
 */
bool mmu_gva_to_gpa(struct x86_vcpu *vcpu, gva_t gva, u32 access, gpa_t *gpa,
		    struct x86_exception *fault)
{
	struct guest_walk w;

	if (likely(translate_quick(vcpu, gva, access, gpa)))
		return true;
	if (walk(vcpu, gva, access, &w) != GUEST_WALK_OK) {
		to_exception(&w, fault);
		return false;
	}
	*gpa = w.gpa;
	return true;
}

bool mmu_gva_to_gpa_probe(struct x86_vcpu *vcpu, gva_t gva, u32 access, gpa_t *gpa,
			  struct x86_exception *fault)
{
	return mmu_gva_to_gpa(vcpu, gva, access | ACC_NO_AD, gpa, fault);
}

/* Bytes of a copy that lie in the page of its first one. */
static unsigned int in_page(gva_t gva, unsigned int len)
{
	return min_t(unsigned int, len, PAGE_SIZE - offset_in_page(gva));
}

/**
 * mmu_read_gva() - read guest-virtual memory
 * @vcpu: vCPU
 * @gva: canonical linear address
 * @dst: where to
 * @len: bytes
 * @access: ACC_*
 * @done: bytes that were read, whatever the result; may be NULL
 * @gpa: with MMU_GVA_UNBACKED: the guest-physical address without memory; may be NULL
 * @fault: with MMU_GVA_FAULT: the exception
 *
 * Context: vCPU thread, in a read section, may sleep.
 */
enum mmu_gva_result mmu_read_gva(struct x86_vcpu *vcpu, gva_t gva, void *dst,
				 unsigned int len, u32 access, unsigned int *done,
				 gpa_t *gpa, struct x86_exception *fault)
{
	enum mmu_gva_result res = MMU_GVA_OK;
	unsigned int at, n;

	for (at = 0; at < len; at += n) {
		gpa_t pa;

		n = in_page(gva + at, len - at);
		if (!mmu_gva_to_gpa(vcpu, gva + at, access, &pa, fault)) {
			res = MMU_GVA_FAULT;
			break;
		}
		if (kvm_vcpu_read_gpa(&vcpu->base, vcpu->mmu.as_id, pa, dst + at, n)) {
			if (gpa)
				*gpa = pa;
			res = MMU_GVA_UNBACKED;
			break;
		}
	}
	if (done)
		*done = min(at, len);
	return res;
}

/*
 * Instruction bytes, up to 16: the first word and the last, which overlap; single
 * bytes only near the end of a page. Inside user_read_access_begin().
 */
static __always_inline bool copy_few(u8 *dst, const u8 __user *src, unsigned int len)
{
	unsigned int i, last = len - 8;

	if (likely(len >= 8)) {
		if (unlikely(len > 16))
			return false;
		unsafe_get_user(*(u64 *)dst, (const u64 __user *)src, fault);
		unsafe_get_user(*(u64 *)(dst + last), (const u64 __user *)(src + last), fault);
		return true;
	}
	for (i = 0; i < len; i++)
		unsafe_get_user(dst[i], src + i, fault);
	return true;
fault:
	return false;
}

/* Inside user_read_access_begin(), and so without indices, for which UBSAN may call out. */
static __always_inline bool same_entries(const struct mmu_fetch_path *path)
{
	const u64 __user *const *entry = path->entry;
	const u64 *was = path->val;
	u64 val;

	for (; entry < path->entry + ARRAY_SIZE(path->entry); entry++, was++) {
		unsafe_get_user(val, *entry, fault);
		if (val != *was)
			return false;
	}
	return true;
fault:
	return false;
}

/*
 * From the page of the last one, on the same way. The entries' values are compared, so
 * what the walk has found out of them (rights, accessed bits) holds, too; paging modes
 * have a path of their own (mmu_reset_context()).
 */
static __always_inline bool fetch_same(struct x86_vcpu *vcpu, gva_t gva, u8 *dst,
				       unsigned int len, u32 access)
{
	const struct mmu_fetch_path *path = &vcpu->mmu.fetch;
	const u8 __user *src = (const u8 __user *)(path->hva + offset_in_page(gva));
	bool ok;

	if (path->page != (gva & PAGE_MASK) || path->cr3 != regs_cr3(vcpu) ||
	    path->access != access || path->slots_gen != tdp_slots_generation(vcpu) ||
	    !user_read_access_begin(src, len))
		return false;
	ok = same_entries(path) && copy_few(dst, src, len);
	user_read_access_end();
	return ok;
}

/* Where in a path the next entry goes; no indices here either */
struct recorder {
	struct window win;
	const u64 __user **entry;
	u64 *val;
};

static __always_inline bool record_read(void *ctx, u64 gpa, u64 *val)
{
	struct recorder *rec = ctx;

	if (!window_read(&rec->win, gpa, val))
		return false;
	*rec->entry++ = (const u64 __user *)window_hva(&rec->win, gpa);
	*rec->val++ = *val;
	return true;
}

/* The walk is over: what it has recorded becomes a path. */
static __always_inline void keep_path(struct x86_vcpu *vcpu, struct mmu_fetch_path *path, u64 gva,
				      u64 cr3, u32 access, unsigned long hva, bool large)
{
	if (large) {
		path->entry[3] = path->entry[2];
		path->val[3] = path->val[2];
	}
	path->cr3 = cr3;
	path->access = access;
	path->slots_gen = tdp_slots_generation(vcpu);
	path->hva = hva & PAGE_MASK;
	path->page = gva & PAGE_MASK;
}

/* Page faults disabled, @len bytes within a page. */
static bool fetch_quick(struct x86_vcpu *vcpu, gva_t gva, u8 *dst, unsigned int len, u32 access)
{
	struct mmu_fetch_path *path = &vcpu->mmu.fetch;
	struct recorder rec = { .entry = path->entry, .val = path->val };
	u64 cr3 = regs_cr3(vcpu);
	unsigned long hva = 0;
	bool ok = false;
	u64 gpa;

	if (likely(fetch_same(vcpu, gva, dst, len, access)))
		return true;
	path->page = ~0ull;
	if (!window_open(vcpu, cr3, &rec.win))
		return false;
	if (guest_walk_quick(&vcpu->mmu.walk, cr3, gva, access, record_read, &rec, &gpa) &&
	    in_window(&rec.win, gpa)) {
		hva = window_hva(&rec.win, gpa);
		ok = copy_few(dst, (const u8 __user *)hva, len);
	}
	user_read_access_end();
	if (ok)
		keep_path(vcpu, path, gva, cr3, access, hva, rec.val == &path->val[3]);
	return ok;
}

/**
 * mmu_fetch_gva() - read instruction bytes
 * @vcpu: vCPU
 * @gva: canonical linear address
 * @dst: where to
 * @len: bytes wanted, up to 16 are cheap
 * @access: 0 or ACC_USER, ACC_FETCH is added
 * @done: bytes that were read
 * @fault: with MMU_GVA_FAULT: the exception
 *
 * Only the page of @gva has to be there. Whether the bytes of the next one are
 * needed is the decoder's to know.
 *
 * Context: vCPU thread, in a read section, may sleep.
 */
enum mmu_gva_result mmu_fetch_gva(struct x86_vcpu *vcpu, gva_t gva, u8 *dst,
				  unsigned int len, u32 access, unsigned int *done,
				  struct x86_exception *fault)
{
	enum mmu_gva_result res;
	bool ok = false;

	if (in_page(gva, len) == len) {
		pagefault_disable();
		ok = fetch_quick(vcpu, gva, dst, len, access | ACC_FETCH);
		pagefault_enable();
	}
	if (likely(ok)) {
		*done = len;
		return MMU_GVA_OK;
	}
	res = mmu_read_gva(vcpu, gva, dst, len, access | ACC_FETCH, done, NULL, fault);
	return *done ? MMU_GVA_OK : res;
}

/* Any paging mode, any slot. */
static noinline bool fetch_any(struct x86_vcpu *vcpu, gva_t gva, u8 *dst, unsigned int len,
			       u32 access)
{
	const struct kvm_memslot *slot;
	const u8 __user *src;
	struct guest_walk w;
	bool ok;

	if (walk(vcpu, gva, access | ACC_NO_AD, &w) != GUEST_WALK_OK)
		return false;
	slot = slot_of(vcpu, w.gpa);
	if (!kvm_slot_readable(slot))
		return false;
	src = user_ptr(slot, w.gpa);
	if (!user_read_access_begin(src, len))
		return false;
	ok = copy_few(dst, src, len);
	user_read_access_end();
	return ok;
}

/**
 * mmu_fetch_gva_atomic() - read instruction bytes without sleeping
 * @vcpu: vCPU
 * @gva: canonical linear address
 * @dst: where to
 * @len: bytes wanted, up to 16
 * @access: 0 or ACC_USER, ACC_FETCH is added
 *
 * Context: vCPU thread, in a read section, interrupts may be off.
 *
 * Return: bytes read, at most up to the end of the page; 0: ask mmu_fetch_gva().
 */
unsigned int mmu_fetch_gva_atomic(struct x86_vcpu *vcpu, gva_t gva, u8 *dst,
				  unsigned int len, u32 access)
{
	unsigned int n = in_page(gva, len);
	bool ok;

	access |= ACC_FETCH;
	pagefault_disable();
	ok = fetch_quick(vcpu, gva, dst, n, access) || fetch_any(vcpu, gva, dst, n, access);
	pagefault_enable();
	return ok ? n : 0;
}
EXPORT_SYMBOL_GPL(mmu_fetch_gva_atomic);
