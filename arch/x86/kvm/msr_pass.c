// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps that tell the processor which MSRs the guest accesses without an exit.
 *
 * Most vCPUs have the same answer to each row of the vendor's table, and share
 * the map with these answers; one that differs has a map of its own. If memory
 * for that is short it uses the third, which lets nothing through: slower,
 * never wrong.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/string.h>
#include "cpuid.h"
#include "msr.h"
#include "msr_pass.h"

static void *own_map(const struct msr_pass *p, void **own)
{
	if (!*own)
		*own = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT, get_order(p->size));
	return *own;
}

/* Does the filter forbid anything that the conditions allow? */
static bool filter_differs(struct x86_vm *vm, const struct msr_pass *p, u32 conditions)
{
	const struct msr_pass_row *row;

	for (row = p->rows; row < p->rows + p->nr; row++) {
		if (!(conditions & BIT(row->pass_if)))
			continue;
		if ((!row->read_only && !msr_filter_allows(vm, row->msr, true)) ||
		    (!row->write_only && !msr_filter_allows(vm, row->msr, false)))
			return true;
	}
	return false;
}

static void fill(void *map, struct x86_vm *vm, const struct msr_pass *p, u32 conditions)
{
	const struct msr_pass_row *row;

	memset(map, 0xff, p->size);
	for (row = p->rows; row < p->rows + p->nr; row++)
		if (conditions & BIT(row->pass_if))
			p->allow(map, row->msr,
				 !row->write_only && msr_filter_allows(vm, row->msr, false),
				 !row->read_only && msr_filter_allows(vm, row->msr, true));
}

void *msr_pass_map(struct x86_vcpu *vcpu, const struct msr_pass *p, u32 conditions, void **own)
{
	struct x86_vm *vm = vcpu->vm;
	void *map;
	int idx;

	/* Without CPUID nobody knows what guest it will be. */
	if (!vcpu->cpuid.view.nent)
		return p->none;

	idx = kvm_read_lock(&vm->base);
	if (conditions == p->usual_if && !filter_differs(vm, p, conditions)) {
		map = p->usual;
	} else {
		map = own_map(p, own);
		if (map)
			fill(map, vm, p, conditions);
	}
	kvm_read_unlock(&vm->base, idx);
	return map ?: p->none;
}
EXPORT_SYMBOL_GPL(msr_pass_map);

void msr_pass_release(const struct msr_pass *p, void **own)
{
	free_pages((unsigned long)*own, get_order(p->size));
	*own = NULL;
}
EXPORT_SYMBOL_GPL(msr_pass_release);

bool msr_pass_covers(const struct msr_pass *p, u32 msr)
{
	const struct msr_pass_row *row;

	for (row = p->rows; row < p->rows + p->nr; row++)
		if (row->msr == msr)
			return true;
	return false;
}
EXPORT_SYMBOL_GPL(msr_pass_covers);

int msr_pass_alloc(struct msr_pass *p)
{
	const struct msr_pass_row *row;

	p->usual = alloc_pages_exact(p->size, GFP_KERNEL);
	p->none = alloc_pages_exact(p->size, GFP_KERNEL);
	if (!p->usual || !p->none) {
		msr_pass_free(p);
		return -ENOMEM;
	}
	memset(p->usual, 0xff, p->size);
	memset(p->none, 0xff, p->size);
	for (row = p->rows; row < p->rows + p->nr; row++)
		if (p->usual_if & BIT(row->pass_if))
			p->allow(p->usual, row->msr, !row->write_only, !row->read_only);
	return 0;
}
EXPORT_SYMBOL_GPL(msr_pass_alloc);

void msr_pass_free(struct msr_pass *p)
{
	if (p->usual)
		free_pages_exact(p->usual, p->size);
	if (p->none)
		free_pages_exact(p->none, p->size);
	p->usual = NULL;
	p->none = NULL;
}
EXPORT_SYMBOL_GPL(msr_pass_free);
