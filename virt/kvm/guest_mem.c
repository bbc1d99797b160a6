// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying from and to guest-physical memory, through the process' own mapping
 * of it: what the copy needs (faulting in, accessed and dirty bits, breaking
 * of copy-on-write) happens as if the process itself had done it.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <kvm/memslot.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>

/* Slot of @gfn, through the vCPU's last hit where there is a vCPU. */
static const struct kvm_memslot *slot_for(struct kvm *kvm, struct kvm_vcpu *vcpu, int as_id,
					  gfn_t gfn)
{
	return vcpu ? kvm_vcpu_slot(vcpu, as_id, gfn) : kvm_slot_find(kvm, as_id, gfn);
}

static void __user *user_address(const struct kvm_memslot *slot, gpa_t gpa)
{
	return (void __user *)(kvm_slot_hva(slot, gpa_to_gfn(gpa)) + offset_in_page(gpa));
}

/* Bytes of the copy that lie in the page of @gpa. */
static unsigned int this_page(gpa_t gpa, unsigned long len)
{
	return min_t(unsigned long, len, PAGE_SIZE - offset_in_page(gpa));
}

static int read_pages(struct kvm *kvm, struct kvm_vcpu *vcpu, int as_id, gpa_t gpa,
		      void *dst, unsigned long len)
{
	while (len) {
		const struct kvm_memslot *slot = slot_for(kvm, vcpu, as_id, gpa_to_gfn(gpa));
		unsigned int n = this_page(gpa, len);

		if (!kvm_slot_readable(slot) || __copy_from_user(dst, user_address(slot, gpa), n))
			return -EFAULT;
		gpa += n;
		dst += n;
		len -= n;
	}
	return 0;
}

static int write_pages(struct kvm *kvm, struct kvm_vcpu *vcpu, int as_id, gpa_t gpa,
		       const void *src, unsigned long len)
{
	while (len) {
		const struct kvm_memslot *slot = slot_for(kvm, vcpu, as_id, gpa_to_gfn(gpa));
		unsigned int n = this_page(gpa, len);

		if (!kvm_slot_writable(slot) || __copy_to_user(user_address(slot, gpa), src, n))
			return -EFAULT;
		kvm_mark_dirty(kvm, slot, gpa_to_gfn(gpa));
		gpa += n;
		src += n;
		len -= n;
	}
	return 0;
}

int kvm_vcpu_read_gpa(struct kvm_vcpu *vcpu, int as_id, gpa_t gpa, void *dst, unsigned long len)
{
	return read_pages(vcpu->kvm, vcpu, as_id, gpa, dst, len);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_read_gpa);

int kvm_vcpu_write_gpa(struct kvm_vcpu *vcpu, int as_id, gpa_t gpa, const void *src,
		       unsigned long len)
{
	return write_pages(vcpu->kvm, vcpu, as_id, gpa, src, len);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_write_gpa);

int kvm_read_gpa(struct kvm *kvm, gpa_t gpa, void *dst, unsigned long len)
{
	return read_pages(kvm, NULL, 0, gpa, dst, len);
}
EXPORT_SYMBOL_GPL(kvm_read_gpa);

int kvm_write_gpa(struct kvm *kvm, gpa_t gpa, const void *src, unsigned long len)
{
	return write_pages(kvm, NULL, 0, gpa, src, len);
}
EXPORT_SYMBOL_GPL(kvm_write_gpa);
