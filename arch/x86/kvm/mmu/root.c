// SPDX-License-Identifier: GPL-2.0-only
/*
 * Roots, and the beginning and end of everything: modules, VMs, vCPUs.
 *
 * A root belongs to an address space of the VM. The VM holds one reference
 * while the root is current, each vCPU on it another. A root that was declared
 * invalid is emptied at once, under mmu_lock; its top table lives on until the
 * last vCPU has moved to another.
 */
#include <linux/export.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../cpuid.h"
#include "../vendor.h"
#include "fmt_ept.h"
#include "fmt_npt.h"
#include "tdp.h"

/**
 * mmu_setup() - take over what the hardware can do
 * @hw: from the vendor module
 *
 * Context: before any VM exists.
 *
 * Return: 0, or -EINVAL for hardware that we cannot drive.
 */
int mmu_setup(const struct mmu_hw *hw)
{
	struct npt_caps npt = { .raw_phys_bits = hw->raw_phys_bits, .me_mask = hw->me_mask };
	struct ept_caps ept = { .ad = hw->has_ad };

	if (hw->root_level < 4 || hw->root_level > PT_MAX_LEVEL ||
	    hw->max_leaf_level < 1 || hw->max_leaf_level > 3)
		return -EINVAL;
	tdp_hw = *hw;
	switch (hw->format) {
	case MMU_FORMAT_NPT:
		npt_format_init(&tdp_fmt, &npt);
		break;
	case MMU_FORMAT_EPT:
		ept_format_init(&tdp_fmt, &ept);
		break;
	default:
		return -EINVAL;
	}
	tdp_fmt.map_base = PAGE_OFFSET;
	return 0;
}

int mmu_module_init(void)
{
	return 0;
}

void mmu_module_exit(void)
{
	/* Tables on their way through RCU use a function of this module. */
	rcu_barrier();
}

static struct mmu_root *root_new(struct x86_vm *vm, unsigned int as_id)
{
	struct mmu_root *root = kzalloc(sizeof(*root), GFP_KERNEL_ACCOUNT);

	if (!root)
		return NULL;
	root->table = tdp_table_alloc(vm);
	if (!root->table) {
		kfree(root);
		return NULL;
	}
	root->pa = virt_to_phys(root->table) | tdp_fmt.me_mask;
	root->level = tdp_hw.root_level;
	root->as_id = as_id;
	atomic_set(&root->refs, 1);
	return root;
}

/**
 * tdp_root_put() - drop a reference
 * @vm: VM
 * @root: root
 *
 * The last one frees the tree. Nobody can be inside any more: a walker is a
 * vCPU with a reference, or holds mmu_lock and found the root in the VM.
 */
void tdp_root_put(struct x86_vm *vm, struct mmu_root *root)
{
	struct zap_debt debt;
	unsigned int i;

	if (!atomic_dec_and_test(&root->refs))
		return;
	zap_debt_init(&debt);
	for (i = 0; i < PT_ENTRIES; i++)
		if (root->table[i])
			tdp_zap_entry(vm, &root->table[i], root->level, &debt);
	zap_settle(vm, &debt);
	tdp_table_free_rcu(vm, virt_to_page(root->table));
	kfree(root);
}

/*
 * A reference on the current root of the address space, made now if need be.
 * An invalid root that is still current is being emptied: the VM dies.
 */
static struct mmu_root *root_get(struct x86_vm *vm, unsigned int as_id)
{
	rwlock_t *lock = &vm->base.mmu_lock;
	struct mmu_root *fresh = NULL;
	struct mmu_root *root;

	for (;;) {
		write_lock(lock);
		if (!vm->mmu.root[as_id] && fresh) {
			vm->mmu.root[as_id] = fresh;
			fresh = NULL;
		}
		root = vm->mmu.root[as_id];
		if (root && root->invalid)
			root = ERR_PTR(-EIO);
		else if (root)
			atomic_inc(&root->refs);
		write_unlock(lock);
		if (root)
			break;
		fresh = root_new(vm, as_id);
		if (!fresh)
			return ERR_PTR(-ENOMEM);
	}
	if (fresh)
		tdp_root_put(vm, fresh);
	return root;
}

/**
 * mmu_load_slow() - get a root to enter the guest with
 * @vcpu: vCPU, loaded
 *
 * Context: vCPU thread, may sleep.
 *
 * Return: 0, -ENOMEM, or -EIO when the VM is being torn down.
 */
int mmu_load_slow(struct x86_vcpu *vcpu)
{
	struct mmu_root *root;

	mmu_unload(vcpu);
	root = root_get(vcpu->vm, vcpu->mmu.as_id);
	if (IS_ERR(root))
		return PTR_ERR(root);
	vcpu->mmu.root = root;
	vendor_call(load_root, vcpu, root->pa, root->level);
	return 0;
}
EXPORT_SYMBOL_GPL(mmu_load_slow);

/**
 * mmu_unload() - let go of the root
 * @vcpu: vCPU outside the guest
 */
void mmu_unload(struct x86_vcpu *vcpu)
{
	struct mmu_root *root = vcpu->mmu.root;

	if (!root)
		return;
	vcpu->mmu.root = NULL;
	tdp_root_put(vcpu->vm, root);
}
EXPORT_SYMBOL_GPL(mmu_unload);

/**
 * mmu_flush_remote_tlbs() - no CPU may use a translation made before this call
 * @vm: VM
 *
 * vCPUs in the guest are kicked out and waited for; all others see the new
 * generation when they enter. The atomic orders it behind the change of the
 * entries and before the look at the vCPUs' modes.
 *
 * Context: interrupts on; may be called under mmu_lock.
 */
void mmu_flush_remote_tlbs(struct x86_vm *vm)
{
	atomic64_inc_return(&vm->mmu.tlb_gen);
	atomic64_inc((atomic64_t *)&vm->base.stat.remote_tlb_flush_requests);
	atomic64_inc((atomic64_t *)&vm->base.stat.remote_tlb_flush);
	kvm_kick_all(&vm->base);
}
EXPORT_SYMBOL_GPL(mmu_flush_remote_tlbs);

/**
 * mmu_reset_context() - CR0, CR4, EFER, CPUID or SMM changed
 * @vcpu: vCPU
 *
 * Context: vCPU thread. Does not sleep, unless the address space changes.
 */
void mmu_reset_context(struct x86_vcpu *vcpu)
{
	struct guest_mode_in in = {
		.cr0 = regs_cr0(vcpu),
		.cr4 = regs_cr4(vcpu),
		.efer = regs_efer(vcpu),
		.phys_bits = vcpu->cpuid.phys_bits,
		.page1g = guest_has(vcpu, GF_GBPAGES),
		.pse36 = guest_has(vcpu, GF_PSE36),
		.upper_g_rsvd = vcpu->cpuid.view.guest_is_amd,
	};

	guest_mode_init(&vcpu->mmu.walk, &in);
	vcpu->mmu.fetch.page = ~0ull;
	if (vcpu->mmu.as_id != vcpu->smm) {
		mmu_unload(vcpu);
		vcpu->mmu.as_id = vcpu->smm;
	}
}
EXPORT_SYMBOL_GPL(mmu_reset_context);

int mmu_vm_init(struct x86_vm *vm)
{
	return tdp_pages_alloc(vm);
}

/**
 * mmu_vm_destroy() - the VM dies
 * @vm: VM without vCPUs and without notifier
 */
void mmu_vm_destroy(struct x86_vm *vm)
{
	mmu_flush_all(vm);
	KVM_BUG_ON_VM(atomic_long_read(&vm->mmu.table_pages), &vm->base);
	tdp_pages_free(vm);
}

int mmu_vcpu_init(struct x86_vcpu *vcpu)
{
	return 0;
}

void mmu_vcpu_free(struct x86_vcpu *vcpu)
{
	mmu_unload(vcpu);
	tdp_cache_free(&vcpu->mmu);
}
