// SPDX-License-Identifier: GPL-2.0-only
/* Life of a vCPU's x86 part, and its loading onto a CPU. */
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <kvm/arch.h>
#include "cpuid.h"
#include "exit.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "module.h"
#include "mp_state.h"
#include "msr.h"
#include "pv.h"
#include "regs.h"
#include "vendor.h"

struct kvm_vcpu *arch_vcpu_alloc(struct kvm *kvm)
{
	struct x86_vcpu *vcpu = kmem_cache_zalloc(x86_vcpu_cache, GFP_KERNEL_ACCOUNT);

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->vm = to_x86_vm(kvm);
	return &vcpu->base;
}

void arch_vcpu_free(struct kvm_vcpu *kvcpu)
{
	kmem_cache_free(x86_vcpu_cache, to_x86_vcpu(kvcpu));
}

/* kvm->lock held. With the first vCPU the limit of their ids is settled. */
int arch_vcpu_precreate(struct kvm *kvm, unsigned int id)
{
	struct x86_vm *vm = to_x86_vm(kvm);

	if (!vm->max_vcpu_ids)
		vm->max_vcpu_ids = arch_max_vcpu_id(kvm);
	return id < vm->max_vcpu_ids ? 0 : -EINVAL;
}

static int pio_page_init(struct x86_vcpu *vcpu)
{
	vcpu->io.pio_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!vcpu->io.pio_page)
		return -ENOMEM;
	vcpu->io.pio_data = page_address(vcpu->io.pio_page);
	return 0;
}

/* The run page, id and idx are there. Undone by arch_vcpu_destroy(), failures undo themselves. */
int arch_vcpu_init(struct kvm_vcpu *kvcpu)
{
	struct x86_vcpu *vcpu = to_x86_vcpu(kvcpu);
	int err;

	vcpu->run = kvcpu->run;
	mp_state_init(vcpu);

	err = pio_page_init(vcpu);
	if (err)
		return err;
	err = fpu_vcpu_init(vcpu);
	if (err)
		goto free_page;
	err = mmu_vcpu_init(vcpu);
	if (err)
		goto free_fpu;
	err = msr_vcpu_init(vcpu);
	if (err)
		goto free_mmu;
	err = vendor_call(vcpu_init, vcpu);
	if (err)
		goto free_msr;
	err = tsc_vcpu_init(vcpu);
	if (err)
		goto free_vendor;
	if (irqchip_kind(vcpu->vm) != IRQCHIP_NONE) {
		err = lapic_create(vcpu);
		if (err)
			goto free_vendor;
	}

	cpuid_derive(vcpu);
	kvm_vcpu_load(kvcpu);
	kvm_vcpu_srcu_lock(kvcpu);
	vcpu_reset(vcpu, false);
	kvm_vcpu_srcu_unlock(kvcpu);
	kvm_vcpu_put(kvcpu);
	return 0;

free_vendor:
	vendor_call(vcpu_free, vcpu);
free_msr:
	msr_vcpu_free(vcpu);
free_mmu:
	mmu_vcpu_free(vcpu);
free_fpu:
	fpu_vcpu_free(vcpu);
free_page:
	__free_page(vcpu->io.pio_page);
	return err;
}

/* It is visible: its TSC begins, together with that of the other vCPUs. */
void arch_vcpu_postcreate(struct kvm_vcpu *kvcpu)
{
	mutex_lock(&kvcpu->mutex);
	kvm_vcpu_load(kvcpu);
	tsc_write(to_x86_vcpu(kvcpu), 0, true);
	kvm_vcpu_put(kvcpu);
	mutex_unlock(&kvcpu->mutex);
	if (lapic_present(to_x86_vcpu(kvcpu)))
		apic_map_update(to_x86_vm(kvcpu->kvm));
}

void arch_vcpu_destroy(struct kvm_vcpu *kvcpu)
{
	struct x86_vcpu *vcpu = to_x86_vcpu(kvcpu);

	lapic_free(vcpu);
	emul_vcpu_free(vcpu);
	vendor_call(vcpu_free, vcpu);
	cpuid_vcpu_free(vcpu);
	msr_vcpu_free(vcpu);
	mmu_vcpu_free(vcpu);
	fpu_vcpu_free(vcpu);
	__free_page(vcpu->io.pio_page);
}

/* Preemption off. */
void arch_vcpu_load(struct kvm_vcpu *kvcpu, int cpu)
{
	struct x86_vcpu *vcpu = to_x86_vcpu(kvcpu);

	vendor_call(vcpu_load, vcpu, cpu);
	tsc_load(vcpu, cpu);
	if (lapic_present(vcpu))
		lapic_timer_migrate(vcpu);
	clock_load(vcpu, cpu);
	steal_load(vcpu);
}

void arch_vcpu_put(struct kvm_vcpu *kvcpu)
{
	struct x86_vcpu *vcpu = to_x86_vcpu(kvcpu);

	tsc_put(vcpu);
	debug_put(vcpu);
	vendor_call(vcpu_put, vcpu);
}

/* --- pages of the vCPU mapping --- */

unsigned int arch_vcpu_mmap_pages(void)
{
	return 1;
}

struct page *arch_vcpu_mmap_page(struct kvm_vcpu *kvcpu, unsigned long pgoff)
{
	return pgoff == ARCH_PIO_PAGE_OFFSET ? to_x86_vcpu(kvcpu)->io.pio_page : NULL;
}

/* --- debugfs --- */

static int tsc_offset_get(void *data, u64 *val)
{
	struct x86_vcpu *vcpu = to_x86_vcpu(data);

	*val = vcpu->tsc.offset;
	return 0;
}
DEFINE_SIMPLE_ATTRIBUTE(tsc_offset_fops, tsc_offset_get, NULL, "%lld\n");

void arch_vcpu_debugfs(struct kvm_vcpu *kvcpu, struct dentry *dir)
{
	debugfs_create_file("tsc-offset", 0444, dir, kvcpu, &tsc_offset_fops);
}
