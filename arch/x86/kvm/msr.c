// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs: the look-up in msr_table.def and the access proper.
 *
 * A row is data as far as possible (a field, a constant, the vendor's); what
 * remains has a pair of functions in msr_rw.c. Nothing here touches
 * the instruction: whoever asked decides what a refusal means (msr_exit.c for
 * the guest, msr_ioctl.c for user space).
 */
#include <linux/module.h>
#include <asm/apicdef.h>
#include "cpuid.h"
#include "irqchip/irqchip.h"
#include "msr_table.h"
#include "trace.h"
#include "vendor.h"

#define FIELD(number, field, writable, feature_, flags_)			\
	{ .first = (number), .count = 1, .kind = MSR_FIELD, .arg = (writable),	\
	  .offset = offsetof(struct x86_vcpu, field),				\
	  .feature = (feature_), .flags = (flags_) },
#define REGS(number, field, group_, writable, feature_, flags_)			\
	{ .first = (number), .count = 1, .kind = MSR_REGS, .arg = (writable),	\
	  .offset = offsetof(struct x86_vcpu, regs.field), .group = (group_),	\
	  .feature = (feature_), .flags = (flags_) },
#define CALL(number, n, read_, write_, feature_, flags_)			\
	{ .first = (number), .count = (n), .kind = MSR_CALL,			\
	  .read = (read_), .write = (write_),					\
	  .feature = (feature_), .flags = (flags_) },
#define FIXED(number, value, feature_, flags_)					\
	{ .first = (number), .count = 1, .kind = MSR_FIXED, .arg = (value),	\
	  .feature = (feature_), .flags = (flags_) },
#define VENDOR(number, feature_, flags_)					\
	{ .first = (number), .count = 1, .kind = MSR_VENDOR,			\
	  .feature = (feature_), .flags = (flags_) },

const struct msr_desc msr_table[] = {
#include "msr_table.def"
};
const unsigned int msr_table_rows = ARRAY_SIZE(msr_table);

#undef FIELD
#undef REGS
#undef CALL
#undef FIXED
#undef VENDOR

/**
 * msr_find - the row of an MSR
 *
 * Return: the row, or NULL: the vendor is to be asked. Any context.
 */
const struct msr_desc *msr_find(u32 msr)
{
	unsigned int low = 0, high = ARRAY_SIZE(msr_table);

	while (low < high) {
		unsigned int mid = (low + high) / 2;
		const struct msr_desc *d = &msr_table[mid];

		if (msr < d->first)
			high = mid;
		else if (msr - d->first >= d->count)
			low = mid + 1;
		else
			return d;
	}
	return NULL;
}

/* The look-up relies on the order of the rows. */
bool msr_table_sorted(void)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(msr_table); i++)
		if (msr_table[i].first < msr_table[i - 1].first + msr_table[i - 1].count)
			return false;
	return true;
}

static u64 *field_of(struct x86_vcpu *vcpu, const struct msr_desc *d)
{
	return (void *)vcpu + d->offset;
}

/* Is there such an MSR for this guest? */
static enum msr_result visible(const struct x86_vcpu *vcpu, const struct msr_desc *d)
{
	if (d->flags & HOST_ZERO)
		return MSR_UNKNOWN;
	if (d->feature != NEEDS_NOTHING && d->kind != MSR_VENDOR && !guest_has(vcpu, d->feature))
		return MSR_GP;
	return MSR_OK;
}

static enum msr_result read_row(struct x86_vcpu *vcpu, const struct msr_desc *d, u32 msr,
				u64 *val, bool host)
{
	switch (d->kind) {
	case MSR_REGS:
		regs_need(vcpu, d->group);
		fallthrough;
	case MSR_FIELD:
		*val = *field_of(vcpu, d);
		return MSR_OK;
	case MSR_FIXED:
		*val = d->arg;
		return MSR_OK;
	case MSR_CALL:
		return d->read ? d->read(vcpu, msr, val, host) : MSR_GP;
	default:
		return vendor_call(msr_read, vcpu, msr, val, host);
	}
}

static enum msr_result write_row(struct x86_vcpu *vcpu, const struct msr_desc *d, u32 msr,
				 u64 val, bool host)
{
	if ((d->flags & CANONICAL) && canonical_address(vcpu, val) != val)
		return MSR_GP;
	if ((d->flags & (GUEST_RO | GUEST_IGNORE)) && !host)
		return d->flags & GUEST_IGNORE ? MSR_OK : MSR_GP;

	switch (d->kind) {
	case MSR_FIELD:
	case MSR_REGS:
		if (val & ~d->arg)
			return MSR_GP;
		if (d->kind == MSR_REGS) {
			regs_need(vcpu, d->group);
			regs_changed(vcpu, d->group);
		}
		*field_of(vcpu, d) = val;
		return MSR_OK;
	case MSR_FIXED:
		return d->flags & IGNORE_WRITE ? MSR_OK : MSR_GP;
	case MSR_CALL:
		return d->write ? d->write(vcpu, msr, val, host) : MSR_GP;
	default:
		return vendor_call(msr_write, vcpu, msr, val, host);
	}
}

enum msr_result msr_read(struct x86_vcpu *vcpu, u32 msr, u64 *val, bool host)
{
	const struct msr_desc *d = msr_find(msr);
	enum msr_result res;

	*val = 0;
	if (!d)
		return vendor_call(msr_read, vcpu, msr, val, host);
	if (!host) {
		res = visible(vcpu, d);
		if (res != MSR_OK)
			return res;
	}
	return read_row(vcpu, d, msr, val, host);
}

enum msr_result msr_write(struct x86_vcpu *vcpu, u32 msr, u64 val, bool host)
{
	const struct msr_desc *d = msr_find(msr);
	enum msr_result res;

	if (!d)
		return vendor_call(msr_write, vcpu, msr, val, host);
	if (!host) {
		res = visible(vcpu, d);
		if (res != MSR_OK)
			return res;
	}
	return write_row(vcpu, d, msr, val, host);
}

/* The row of an MSR that the inner loop may serve, or NULL. */
static const struct msr_desc *fast_row(struct x86_vcpu *vcpu, u32 msr)
{
	const struct msr_desc *d;

	if (unlikely(rcu_access_pointer(vcpu->vm->msr_filter)))
		return NULL;
	d = msr_find(msr);
	if (!d || !(d->flags & FAST) || visible(vcpu, d) != MSR_OK)
		return NULL;
	return d;
}

/* Guests use it more than all others, and no filter applies to it. */
static bool is_x2apic(u32 msr)
{
	return msr - APIC_BASE_MSR < 0x100;
}

bool msr_fast_read(struct x86_vcpu *vcpu, u32 msr, u64 *val)
{
	const struct msr_desc *d;

	if (is_x2apic(msr)) {
		if (!lapic_x2apic_read_fast(vcpu, msr, val))
			return false;
		trace_kvm_msr(0, msr, *val, false);
		return true;
	}
	d = fast_row(vcpu, msr);
	if (!d || read_row(vcpu, d, msr, val, false) != MSR_OK)
		return false;
	trace_kvm_msr(0, msr, *val, false);
	return true;
}
EXPORT_SYMBOL_GPL(msr_fast_read);

bool msr_fast_write(struct x86_vcpu *vcpu, u32 msr, u64 val)
{
	const struct msr_desc *d;

	if (is_x2apic(msr)) {
		if (!lapic_x2apic_write_fast(vcpu, msr, val))
			return false;
		trace_kvm_msr(1, msr, val, false);
		return true;
	}
	d = fast_row(vcpu, msr);
	if (!d || write_row(vcpu, d, msr, val, false) != MSR_OK)
		return false;
	trace_kvm_msr(1, msr, val, false);
	return true;
}
EXPORT_SYMBOL_GPL(msr_fast_write);

