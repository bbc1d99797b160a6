// SPDX-License-Identifier: GPL-2.0-only
/*
 * When is the virtualization hardware on, and when may a module go?
 *
 * The hardware is on from the first VM to the last, on every online CPU.
 * kvm_usage counts VMs. It changes from and to zero only inside
 * cpus_read_lock(), so a CPU that comes or goes sees a count that does not
 * move, and its callbacks need no lock of ours. Suspend and shutdown run with
 * one CPU, or with all others stopped from coming and going.
 *
 * Modules: every file (device, VM, vCPU, statistics) keeps kvm.ko, and the VFS
 * drops that reference after the release function. The vendor module is kept by
 * each open /dev/kvm and by each VM, to the end of its destruction. The memory
 * of struct kvm alone is freed later, when the mmu notifiers' grace period is
 * over, by code of kvm.ko, whose exit waits for that.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/miscdevice.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <kvm/arch.h>
#include <kvm/async_pf.h>
#include <kvm/core.h>
#include <kvm/irq.h>
#include <kvm/vm.h>
#include "dev.h"

DEFINE_MUTEX(kvm_vms_lock);
LIST_HEAD(kvm_vms);

bool kvm_rebooting __read_mostly;
EXPORT_SYMBOL_GPL(kvm_rebooting);

static DEFINE_MUTEX(kvm_usage_lock);	/* kvm_usage, vendor */
static unsigned int kvm_usage;		/* (l:kvm_usage_lock), 0 <-> 1 in cpus_read_lock() */
static struct module *vendor;		/* (l:kvm_usage_lock), constant while /dev/kvm exists */

static void cpu_on_ipi(void *failed)
{
	if (arch_cpu_on())
		atomic_inc(failed);
}

static void cpu_off_ipi(void *unused)
{
	arch_cpu_off();
}

static int hardware_on(void)
{
	atomic_t failed = ATOMIC_INIT(0);
	int err = 0;

	cpus_read_lock();
	on_each_cpu(cpu_on_ipi, &failed, 1);
	if (atomic_read(&failed)) {
		on_each_cpu(cpu_off_ipi, NULL, 1);
		err = -EBUSY;
	} else {
		kvm_usage = 1;
	}
	cpus_read_unlock();
	return err;
}

static void hardware_off(void)
{
	cpus_read_lock();
	kvm_usage = 0;
	on_each_cpu(cpu_off_ipi, NULL, 1);
	cpus_read_unlock();
}

bool kvm_vendor_get(void)
{
	return try_module_get(vendor);
}

void kvm_vendor_put(void)
{
	module_put(vendor);
}

/**
 * kvm_usage_get - one more VM
 *
 * Return: 0; -EBUSY when a CPU refuses (firmware, another hypervisor) or the
 * machine goes down, or an error of arch_usage_begin().
 */
int kvm_usage_get(void)
{
	int err = 0;

	mutex_lock(&kvm_usage_lock);
	if (READ_ONCE(kvm_rebooting)) {
		err = -EBUSY;
	} else if (kvm_usage) {
		kvm_usage++;
	} else {
		err = hardware_on();
		if (!err) {
			err = arch_usage_begin();
			if (err)
				hardware_off();
		}
	}
	mutex_unlock(&kvm_usage_lock);
	return err;
}

/**
 * kvm_usage_put - a VM is gone
 */
void kvm_usage_put(void)
{
	mutex_lock(&kvm_usage_lock);
	if (kvm_usage > 1) {
		kvm_usage--;
	} else {
		arch_usage_end();
		hardware_off();
	}
	mutex_unlock(&kvm_usage_lock);
}

static int cpu_comes(unsigned int cpu)
{
	unsigned long flags;
	int err = 0;

	if (READ_ONCE(kvm_usage)) {
		local_irq_save(flags);
		err = arch_cpu_on();
		local_irq_restore(flags);
	}
	return err;
}

static int cpu_goes(unsigned int cpu)
{
	unsigned long flags;

	if (READ_ONCE(kvm_usage)) {
		local_irq_save(flags);
		arch_cpu_off();
		local_irq_restore(flags);
	}
	return 0;
}

static int last_cpu_suspends(void)
{
	if (READ_ONCE(kvm_usage))
		arch_cpu_off();
	return 0;
}

static void last_cpu_resumes(void)
{
	/* A failure shows at the next guest entry, which fails, too. */
	if (READ_ONCE(kvm_usage) && arch_cpu_on())
		pr_err("kvm: virtualization cannot be switched on after resume\n");
}

/*
 * Processes may still run. No vCPU enters its guest any more before the
 * hardware goes off under it, so entry code need not expect that.
 */
static void machine_goes_down(void)
{
	struct kvm *kvm;

	WRITE_ONCE(kvm_rebooting, true);
	mutex_lock(&kvm_vms_lock);
	list_for_each_entry(kvm, &kvm_vms, link) {
		kvm_vm_bugged(kvm);
		kvm_kick_all(kvm);
	}
	mutex_unlock(&kvm_vms_lock);
	on_each_cpu(cpu_off_ipi, NULL, 1);
}

static struct syscore_ops kvm_syscore = {
	.suspend	= last_cpu_suspends,
	.resume		= last_cpu_resumes,
	.shutdown	= machine_goes_down,
};

static int hooks_register(void)
{
	int err;

	/* While no VM exists the callbacks have nothing to do: none is called. */
	err = cpuhp_setup_state_nocalls(CPUHP_AP_KVM_ONLINE, "kvm/cpu:online",
					cpu_comes, cpu_goes);
	if (err)
		return err;
	register_syscore_ops(&kvm_syscore);
	return 0;
}

static void hooks_unregister(void)
{
	unregister_syscore_ops(&kvm_syscore);
	cpuhp_remove_state_nocalls(CPUHP_AP_KVM_ONLINE);
}

int kvm_core_register_vendor(struct module *owner)
{
	int err;

	mutex_lock(&kvm_usage_lock);
	err = -EEXIST;
	if (vendor)
		goto out;
	err = hooks_register();
	if (err)
		goto out;

	vendor = owner;
	/* Here and not per VM: switching the scheduler's branch patches code. */
	preempt_notifier_inc();

	err = kvm_dev_register();
	if (err) {
		preempt_notifier_dec();
		hooks_unregister();
		vendor = NULL;
	}
out:
	mutex_unlock(&kvm_usage_lock);
	return err;
}
EXPORT_SYMBOL_GPL(kvm_core_register_vendor);

void kvm_core_unregister_vendor(void)
{
	kvm_dev_unregister();

	mutex_lock(&kvm_usage_lock);
	preempt_notifier_dec();
	hooks_unregister();
	vendor = NULL;
	mutex_unlock(&kvm_usage_lock);
}
EXPORT_SYMBOL_GPL(kvm_core_unregister_vendor);

int kvm_core_init(void)
{
	int err;

	err = kvm_vcpu_request_init();
	if (err)
		return err;
	err = kvm_irqfd_module_init();
	if (err)
		goto request;
	err = kvm_apf_module_init();
	if (err)
		goto irqfd;
	err = kvm_debugfs_init();
	if (err)
		goto apf;
	return 0;

apf:
	kvm_apf_module_exit();
irqfd:
	kvm_irqfd_module_exit();
request:
	kvm_vcpu_request_exit();
	return err;
}

void kvm_core_exit(void)
{
	/* free_notifier() of VMs that were closed a moment ago */
	mmu_notifier_synchronize();
	kvm_debugfs_exit();
	kvm_apf_module_exit();
	kvm_irqfd_module_exit();
	kvm_vcpu_request_exit();
}

MODULE_ALIAS("devname:kvm");
MODULE_ALIAS_MISCDEV(KVM_MINOR);
