// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities: what KVM_CHECK_EXTENSION answers for x86, and KVM_ENABLE_CAP.
 * A capability stands here when what it promises works, and not before.
 */
#include <linux/kvm_para.h>
#include <asm/cpufeature.h>
#include <kvm/arch.h>
#include <kvm/irq.h>
#include "cpuid.h"
#include "irqchip/irqchip.h"
#include "mce.h"
#include "module.h"
#include "regs.h"
#include "vendor.h"

#define QUIRKS	(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED |		\
		 KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP |		\
		 KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_FIX_HYPERCALL_INSN | \
		 KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS | KVM_X86_QUIRK_SLOT_ZAP_ALL |	\
		 KVM_X86_QUIRK_STUFF_FEATURE_MSRS | KVM_X86_QUIRK_IGNORE_GUEST_PAT |	\
		 KVM_X86_QUIRK_VMCS12_ALLOW_FREEZE_IN_SMM)

#define GUEST_DEBUG	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |		\
			 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |		\
			 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP |		\
			 KVM_GUESTDBG_BLOCKIRQ)

#define MAY_NOT_EXIT	(KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE |	\
			 KVM_X86_DISABLE_EXITS_CSTATE)

#define BUS_LOCK_MODES	(KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT)
#define NOTIFY_FLAGS	(KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER)

#define HYPERCALL_EXITS	BIT(KVM_HC_MAP_GPA_RANGE)

struct cap_value {
	int cap;
	int value;
};

/* Answers that depend on nothing. */
static const struct cap_value fixed_caps[] = {
	{ KVM_CAP_IRQCHIP,			1 },
	{ KVM_CAP_HLT,				1 },
	{ KVM_CAP_MMU_SHADOW_CACHE_CONTROL,	1 },
	{ KVM_CAP_SET_TSS_ADDR,			1 },
	{ KVM_CAP_SET_IDENTITY_MAP_ADDR,	1 },
	{ KVM_CAP_SET_BOOT_CPU_ID,		1 },
	{ KVM_CAP_EXT_CPUID,			1 },
	{ KVM_CAP_EXT_EMUL_CPUID,		1 },
	{ KVM_CAP_NOP_IO_DELAY,			1 },
	{ KVM_CAP_PIT,				1 },
	{ KVM_CAP_PIT2,				1 },
	{ KVM_CAP_PIT_STATE2,			1 },
	{ KVM_CAP_REINJECT_CONTROL,		1 },
	{ KVM_CAP_MP_STATE,			1 },
	{ KVM_CAP_USER_NMI,			1 },
	{ KVM_CAP_SET_GUEST_DEBUG,		1 },
	{ KVM_CAP_SET_GUEST_DEBUG2,		GUEST_DEBUG },
	{ KVM_CAP_X86_ROBUST_SINGLESTEP,	1 },
	{ KVM_CAP_VCPU_EVENTS,			1 },
	{ KVM_CAP_DEBUGREGS,			1 },
	{ KVM_CAP_XSAVE,			1 },
	{ KVM_CAP_SREGS2,			1 },
	{ KVM_CAP_SYNC_REGS,			KVM_SYNC_X86_VALID_FIELDS },
	{ KVM_CAP_X2APIC_API,			KVM_X2APIC_API_USE_32BIT_IDS |
						KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	{ KVM_CAP_VAPIC,			1 },
	{ KVM_CAP_TSC_DEADLINE_TIMER,		1 },
	{ KVM_CAP_X86_APIC_BUS_CYCLES_NS,	1 },
	{ KVM_CAP_IMMEDIATE_EXIT,		1 },
	{ KVM_CAP_ENABLE_CAP,			1 },
	{ KVM_CAP_GET_TSC_KHZ,			1 },
	{ KVM_CAP_CLOCKSOURCE,			1 },
	{ KVM_CAP_ASYNC_PF,			1 },
	{ KVM_CAP_ASYNC_PF_INT,			1 },
	{ KVM_CAP_ADJUST_CLOCK,			KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME |
						KVM_CLOCK_HOST_TSC },
	{ KVM_CAP_KVMCLOCK_CTRL,		1 },
	{ KVM_CAP_EXIT_HYPERCALL,		HYPERCALL_EXITS },
	{ KVM_CAP_MCE,				MCE_BANKS },
	{ KVM_CAP_X86_SMM,			1 },
	{ KVM_CAP_MULTI_ADDRESS_SPACE,		MMU_ADDRESS_SPACES },
	{ KVM_CAP_VCPU_ATTRIBUTES,		1 },
	{ KVM_CAP_SYS_ATTRIBUTES,		1 },
	{ KVM_CAP_GET_MSR_FEATURES,		1 },
	{ KVM_CAP_MSR_PLATFORM_INFO,		1 },
	{ KVM_CAP_X86_USER_SPACE_MSR,		1 },
	{ KVM_CAP_X86_MSR_FILTER,		1 },
	{ KVM_CAP_EXCEPTION_PAYLOAD,		1 },
	{ KVM_CAP_X86_TRIPLE_FAULT_EVENT,	1 },
	{ KVM_CAP_EXIT_ON_EMULATION_FAILURE,	1 },
	{ KVM_CAP_ENFORCE_PV_FEATURE_CPUID,	1 },
	{ KVM_CAP_DISABLE_QUIRKS,		1 },
	{ KVM_CAP_DISABLE_QUIRKS2,		QUIRKS },
	{ KVM_CAP_X86_DISABLE_EXITS,		MAY_NOT_EXIT },
	{ KVM_CAP_VM_TYPES,			BIT(0) },
	{ KVM_CAP_PRE_FAULT_MEMORY,		1 },
	{ KVM_CAP_X86_GUEST_MODE,		1 },
	{ KVM_CAP_LAST_CPU,			1 },
	{ KVM_CAP_IRQ_ROUTING,			KVM_MAX_IRQ_ROUTES },
	{ KVM_CAP_IRQ_INJECT_STATUS,		1 },
	{ KVM_CAP_IRQFD,			1 },
	{ KVM_CAP_IRQFD_RESAMPLE,		1 },
	{ KVM_CAP_SIGNAL_MSI,			1 },
	{ KVM_CAP_SPLIT_IRQCHIP,		1 },
};

int arch_check_extension(struct kvm *kvm, long cap)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fixed_caps); i++)
		if (fixed_caps[i].cap == cap)
			return fixed_caps[i].value;

	switch (cap) {
	case KVM_CAP_XCRS:
		return boot_cpu_has(X86_FEATURE_XSAVE);
	case KVM_CAP_XSAVE2:
		return fpu_xsave_size(kvm ? to_x86_vm(kvm) : NULL);
	case KVM_CAP_TSC_CONTROL:
	case KVM_CAP_VM_TSC_CONTROL:
		return vendor_caps.has_tsc_scaling;
	case KVM_CAP_X86_BUS_LOCK_EXIT:
		return vendor_caps.has_bus_lock_exit ? BUS_LOCK_MODES : 0;
	case KVM_CAP_X86_NOTIFY_VMEXIT:
		return vendor_caps.has_notify_exit;
	}
	return 0;
}

/* --- KVM_ENABLE_CAP on a VM --- */

/* vCPUs that exist take it over with the next change of their intercepts. */
static int disable_exits(struct x86_vm *vm, u64 exits)
{
	if (exits & ~(u64)MAY_NOT_EXIT)
		return -EINVAL;
	mutex_lock(&vm->base.lock);
	vm->disabled_exits |= exits;
	mutex_unlock(&vm->base.lock);
	return 0;
}

/* One way or the other. vCPUs that exist do so from their next entry on. */
static int bus_lock_policy(struct x86_vm *vm, u64 mode)
{
	if (!vendor_caps.has_bus_lock_exit || (mode & ~(u64)BUS_LOCK_MODES) ||
	    mode == BUS_LOCK_MODES)
		return -EINVAL;
	WRITE_ONCE(vm->bus_lock_exits, mode & KVM_BUS_LOCK_DETECTION_EXIT);
	kvm_request_all(&vm->base, REQ_CONTROLS, false);
	return 0;
}

/* The upper half is the window, in units of the processor's TSC beyond what it adds itself. */
static int notify_policy(struct x86_vm *vm, u64 arg)
{
	u32 flags = arg, window = arg >> 32;

	if (!vendor_caps.has_notify_exit || (flags & ~(u32)NOTIFY_FLAGS))
		return -EINVAL;
	WRITE_ONCE(vm->notify_to_user, flags & KVM_X86_NOTIFY_VMEXIT_USER);
	WRITE_ONCE(vm->notify_window,
		   flags & KVM_X86_NOTIFY_VMEXIT_ENABLED ? window : NOTIFY_OFF);
	kvm_request_all(&vm->base, REQ_CONTROLS, false);
	return 0;
}

/* Once, unless it is the same again. */
static int limit_vcpu_ids(struct x86_vm *vm, u64 limit)
{
	int ret = -EINVAL;

	if (!limit || limit > arch_max_vcpu_id(&vm->base))
		return -EINVAL;
	mutex_lock(&vm->base.lock);
	if (vm->bsp_id <= limit && (!vm->max_vcpu_ids || vm->max_vcpu_ids == limit)) {
		vm->max_vcpu_ids = limit;
		vm->base.max_vcpu_id = limit;
		ret = 0;
	}
	mutex_unlock(&vm->base.lock);
	return ret;
}

int x86_vm_enable_cap(struct x86_vm *vm, const struct kvm_enable_cap *cap)
{
	u64 arg = cap->args[0];

	if (cap->flags)
		return -EINVAL;

	switch (cap->cap) {
	case KVM_CAP_X2APIC_API:
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
		return lapic_vm_enable_cap(vm, cap);
	case KVM_CAP_DISABLE_QUIRKS2:
		if (arg & ~(u64)QUIRKS)
			return -EINVAL;
		fallthrough;
	case KVM_CAP_DISABLE_QUIRKS:
		vm->disabled_quirks = arg;
		return 0;
	case KVM_CAP_SPLIT_IRQCHIP:
		return irqchip_split(vm, arg);
	case KVM_CAP_X86_DISABLE_EXITS:
		return disable_exits(vm, arg);
	case KVM_CAP_X86_BUS_LOCK_EXIT:
		return bus_lock_policy(vm, arg);
	case KVM_CAP_X86_NOTIFY_VMEXIT:
		return notify_policy(vm, arg);
	case KVM_CAP_MAX_VCPU_ID:
		return limit_vcpu_ids(vm, arg);
	case KVM_CAP_MSR_PLATFORM_INFO:
		vm->guest_can_read_platform_info = arg;
		return 0;
	case KVM_CAP_EXCEPTION_PAYLOAD:
		vm->exception_payload = arg;
		return 0;
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		vm->triple_fault_event = arg;
		return 0;
	case KVM_CAP_X86_USER_SPACE_MSR:
		if (arg & ~(u64)KVM_MSR_EXIT_REASON_VALID_MASK)
			return -EINVAL;
		vm->msr_exit_mask = arg;
		return 0;
	case KVM_CAP_EXIT_HYPERCALL:
		if (arg & ~(u64)HYPERCALL_EXITS)
			return -EINVAL;
		WRITE_ONCE(vm->hypercall_exits, arg);
		return 0;
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		if (arg & ~1ULL)
			return -EINVAL;
		vm->exit_on_emul_error = arg;
		return 0;
	}
	return -EINVAL;
}

int arch_vm_enable_cap(struct kvm *kvm, struct kvm_enable_cap *cap)
{
	return x86_vm_enable_cap(to_x86_vm(kvm), cap);
}

/* --- on a vCPU --- */

int x86_vcpu_enable_cap(struct x86_vcpu *vcpu, const struct kvm_enable_cap *cap)
{
	if (cap->flags)
		return -EINVAL;
	if (cap->cap != KVM_CAP_ENFORCE_PV_FEATURE_CPUID)
		return -EINVAL;
	vcpu->cpuid.enforce_pv = cap->args[0];
	return 0;
}
