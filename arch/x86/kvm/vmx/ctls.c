// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of VMX controls: what is required, what is welcome, and which
 * depends on which. Each bit that is not in the table stays as the processor
 * forces it.
 */
#include <asm/cpu_device_id.h>
#include "ctls.h"

enum ctl_need {
	NEVER,		/* the end of the table */
	REQUIRED,	/* without it the module does not load */
	WELCOME,	/* may be set for a guest, if the processor has it */
};

static const struct ctl_row {
	u32 bit;
	u8 word;	/* enum vmx_ctl */
	u8 need;	/* enum ctl_need */
	const char *name;
} ctl_table[] = {
	{ PIN_BASED_EXT_INTR_MASK,		WORD_PIN, REQUIRED, "external-interrupt exiting" },
	{ PIN_BASED_NMI_EXITING,		WORD_PIN, REQUIRED, "NMI exiting" },
	{ PIN_BASED_VIRTUAL_NMIS,		WORD_PIN, WELCOME },
	{ PIN_BASED_VMX_PREEMPTION_TIMER,	WORD_PIN, WELCOME },
	{ PIN_BASED_POSTED_INTR,		WORD_PIN, WELCOME },

	{ CPU_BASED_HLT_EXITING,		WORD_CPU, REQUIRED, "HLT exiting" },
	{ CPU_BASED_MWAIT_EXITING,		WORD_CPU, REQUIRED, "MWAIT exiting" },
	{ CPU_BASED_MONITOR_EXITING,		WORD_CPU, REQUIRED, "MONITOR exiting" },
	{ CPU_BASED_RDPMC_EXITING,		WORD_CPU, REQUIRED, "RDPMC exiting" },
	{ CPU_BASED_CR3_LOAD_EXITING,		WORD_CPU, WELCOME },
	{ CPU_BASED_CR3_STORE_EXITING,		WORD_CPU, WELCOME },
	{ CPU_BASED_CR8_LOAD_EXITING,		WORD_CPU, REQUIRED, "CR8-load exiting" },
	{ CPU_BASED_CR8_STORE_EXITING,		WORD_CPU, REQUIRED, "CR8-store exiting" },
	{ CPU_BASED_MOV_DR_EXITING,		WORD_CPU, REQUIRED, "MOV-DR exiting" },
	{ CPU_BASED_UNCOND_IO_EXITING,		WORD_CPU, REQUIRED, "unconditional I/O exiting" },
	{ CPU_BASED_USE_TSC_OFFSETTING,		WORD_CPU, REQUIRED, "TSC offsetting" },
	{ CPU_BASED_USE_MSR_BITMAPS,		WORD_CPU, REQUIRED, "MSR bitmaps" },
	{ CPU_BASED_INTR_WINDOW_EXITING,	WORD_CPU, REQUIRED, "interrupt-window exiting" },
	{ CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, WORD_CPU, REQUIRED, "secondary controls" },
	{ CPU_BASED_NMI_WINDOW_EXITING,		WORD_CPU, WELCOME },
	{ CPU_BASED_TPR_SHADOW,			WORD_CPU, WELCOME },
	{ CPU_BASED_MONITOR_TRAP_FLAG,		WORD_CPU, WELCOME },
	{ CPU_BASED_PAUSE_EXITING,		WORD_CPU, WELCOME },

	{ SECONDARY_EXEC_ENABLE_EPT,		WORD_CPU2, REQUIRED, "EPT" },
	{ SECONDARY_EXEC_WBINVD_EXITING,	WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_ENABLE_VPID,		WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_UNRESTRICTED_GUEST,	WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_ENABLE_RDTSCP,		WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_ENABLE_INVPCID,	WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_ENABLE_XSAVES,		WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_DESC,			WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_TSC_SCALING,		WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_PAUSE_LOOP_EXITING,	WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_ENABLE_PML,		WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES, WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_APIC_REGISTER_VIRT,	WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY,	WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_BUS_LOCK_DETECTION,	WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_NOTIFY_VM_EXITING,	WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_ENCLS_EXITING,		WORD_CPU2, WELCOME },
	{ SECONDARY_EXEC_ENABLE_USR_WAIT_PAUSE,	WORD_CPU2, WELCOME },

	{ VM_EXIT_HOST_ADDR_SPACE_SIZE,		WORD_EXIT, REQUIRED, "64-bit host" },
	{ VM_EXIT_SAVE_DEBUG_CONTROLS,		WORD_EXIT, REQUIRED, "saving of debug controls" },
	{ VM_EXIT_LOAD_IA32_PAT,		WORD_EXIT, REQUIRED, "loading of PAT at exits" },
	{ VM_EXIT_SAVE_IA32_PAT,		WORD_EXIT, REQUIRED, "saving of PAT at exits" },
	{ VM_EXIT_LOAD_IA32_EFER,		WORD_EXIT, REQUIRED, "loading of EFER at exits" },
	{ VM_EXIT_ACK_INTR_ON_EXIT,		WORD_EXIT, WELCOME },
	{ VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL,	WORD_EXIT, WELCOME },

	{ VM_ENTRY_LOAD_DEBUG_CONTROLS,		WORD_ENTRY, REQUIRED, "loading of debug controls" },
	{ VM_ENTRY_LOAD_IA32_PAT,		WORD_ENTRY, REQUIRED, "loading of PAT at entries" },
	{ VM_ENTRY_LOAD_IA32_EFER,		WORD_ENTRY, REQUIRED, "loading of EFER at entries" },
	{ VM_ENTRY_IA32E_MODE,			WORD_ENTRY, REQUIRED, "64-bit guests" },
	{ VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL,	WORD_ENTRY, WELCOME },
	{ .need = NEVER }
};

static const char *collect(const struct vmx_cap_msrs *msrs, struct vmx_ctls *out)
{
	const struct ctl_row *row;
	unsigned int i;

	for (i = 0; i < NR_WORDS; i++) {
		out->must[i] = (u32)msrs->ctl[i];
		out->may[i] = (u32)msrs->ctl[i];
	}
	for (row = ctl_table; row->need != NEVER; row++) {
		if (row->bit & ~(u32)(msrs->ctl[row->word] >> 32)) {
			if (row->need == REQUIRED)
				return row->name;
			continue;
		}
		out->may[row->word] |= row->bit;
	}
	return NULL;
}

static const char *check_ept(const struct vmx_cap_msrs *msrs, const struct vmx_wishes *wish,
			     unsigned int levels, struct vmx_ctls *out)
{
	u64 cap = msrs->ept_vpid;

	if (!(cap & VMX_EPTP_WB_BIT))
		return "write-back EPT tables";
	if (!(cap & VMX_EPT_PAGE_WALK_4_BIT))
		return "EPT tables of four levels";
	if (!(cap & VMX_EPT_INVEPT_BIT) ||
	    !(cap & (VMX_EPT_EXTENT_CONTEXT_BIT | VMX_EPT_EXTENT_GLOBAL_BIT)))
		return "INVEPT";

	out->ept_vpid = cap;
	out->ept_levels = levels == 5 && (cap & VMX_EPT_PAGE_WALK_5_BIT) ? 5 : 4;
	out->ept_leaf_level = 1;
	if (cap & VMX_EPT_2MB_PAGE_BIT)
		out->ept_leaf_level = cap & VMX_EPT_1GB_PAGE_BIT ? 3 : 2;
	out->ept_ad = wish->ept_ad && (cap & VMX_EPT_AD_BIT);
	out->invept_context = cap & VMX_EPT_EXTENT_CONTEXT_BIT;
	return NULL;
}

/* A VPID without an instruction to flush what is tagged with it would be a trap. */
static bool vpid_usable(u64 ept_vpid, struct vmx_ctls *out)
{
	u32 cap = ept_vpid >> 32;

	out->invvpid_context = cap & VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT;
	out->invvpid_address = cap & VMX_VPID_EXTENT_INDIVIDUAL_ADDR_BIT;
	return (cap & VMX_VPID_INVVPID_BIT) &&
	       (cap & (VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT | VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT));
}

static void forbid(struct vmx_ctls *out, enum vmx_ctl word, u32 bits)
{
	out->may[word] &= ~bits | out->must[word];
}

/* Parameters, and controls that VM entry or this module wants in company only. */
static void apply_rules(const struct vmx_cap_msrs *msrs, const struct vmx_wishes *wish,
			struct vmx_ctls *out)
{
	if (!wish->vpid || !vpid_usable(msrs->ept_vpid, out))
		forbid(out, WORD_CPU2, SECONDARY_EXEC_ENABLE_VPID);
	if (!wish->unrestricted)
		forbid(out, WORD_CPU2, SECONDARY_EXEC_UNRESTRICTED_GUEST);
	if (!wish->pml || !out->ept_ad)
		forbid(out, WORD_CPU2, SECONDARY_EXEC_ENABLE_PML);
	if (!wish->ple)
		forbid(out, WORD_CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING);
	if (!wish->preemption_timer)
		forbid(out, WORD_PIN, PIN_BASED_VMX_PREEMPTION_TIMER);

	if (!wish->vnmi || !vmx_may(out, WORD_PIN, PIN_BASED_VIRTUAL_NMIS) ||
	    !vmx_may(out, WORD_CPU, CPU_BASED_NMI_WINDOW_EXITING)) {
		forbid(out, WORD_PIN, PIN_BASED_VIRTUAL_NMIS);
		forbid(out, WORD_CPU, CPU_BASED_NMI_WINDOW_EXITING);
	}

	if (!wish->flexpriority)
		forbid(out, WORD_CPU, CPU_BASED_TPR_SHADOW);
	/* Alone it would only make exits of another kind. */
	if (!vmx_may(out, WORD_CPU, CPU_BASED_TPR_SHADOW))
		forbid(out, WORD_CPU2, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
	if (!wish->apicv || !vmx_may(out, WORD_CPU2, VMX_APICV))
		forbid(out, WORD_CPU2, VMX_APICV & ~SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
	if (!vmx_may(out, WORD_CPU2, VMX_APICV) ||
	    !vmx_may(out, WORD_EXIT, VM_EXIT_ACK_INTR_ON_EXIT))
		forbid(out, WORD_PIN, PIN_BASED_POSTED_INTR);
}

const char *vmx_ctls_compute(const struct vmx_cap_msrs *msrs, const struct vmx_wishes *wish,
			     unsigned int levels, struct vmx_ctls *out)
{
	const char *missing;

	*out = (struct vmx_ctls){
		.cr0_fixed0 = msrs->cr0_fixed0,
		.cr4_fixed0 = msrs->cr4_fixed0,
		.preemption_shift = msrs->misc & 0x1f,
	};
	if (vmx_basic_vmcs_size(msrs->basic) > 4096)
		return "a VMCS of at most one page";
	if (vmx_basic_vmcs_mem_type(msrs->basic) != 6)
		return "write-back access to the VMCS";

	missing = collect(msrs, out);
	if (!missing)
		missing = check_ept(msrs, wish, levels, out);
	if (!missing)
		apply_rules(msrs, wish, out);
	return missing;
}

/*
 * "VMX-Preemption Timer Does Not Count Down at the Rate Specified", of the
 * specification updates of Nehalem and Westmere. Those that name a correction in
 * a later stepping are not told apart: these processors have other timers.
 */
bool vmx_timer_broken(u32 vfm)
{
	switch (vfm) {
	case INTEL_NEHALEM:
	case INTEL_NEHALEM_G:
	case INTEL_NEHALEM_EP:
	case INTEL_NEHALEM_EX:
	case INTEL_WESTMERE:
	case INTEL_WESTMERE_EP:
	case INTEL_WESTMERE_EX:
		return true;
	}
	return false;
}

u32 vmx_ple_grow(const struct vmx_ple *ple, u32 window)
{
	u64 next = window;

	if (!ple->grow)
		return ple->window;
	if (ple->grow < ple->window)
		next *= ple->grow;
	else
		next += ple->grow;
	return next < ple->max ? next : ple->max;
}

u32 vmx_ple_shrink(const struct vmx_ple *ple, u32 window)
{
	u32 next = 0;

	if (!ple->shrink)
		return ple->window;
	if (ple->shrink < ple->window)
		next = window / ple->shrink;
	else if (window > ple->shrink)
		next = window - ple->shrink;
	return next > ple->window ? next : ple->window;
}
