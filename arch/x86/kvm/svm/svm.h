/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_SVM_H
#define DKVM_SVM_H
/* struct svm_vcpu, and what the files of svm/ offer each other. */
#include <linux/kvm.h>
#include "../regs.h"
#include "../vendor.h"
#include "exit.h"
#include "vmcb.h"

/* --- hw.c: each CPU's part --- */
struct svm_cpu {
	u64 asid_gen;		/* raised when the ASIDs of this CPU are handed out anew */
	u32 asid_next;
	u32 asid_first;		/* (c) lowest number for guests without encryption */
	u32 asid_last;		/* (c) */
	bool on;		/* virtualization is enabled */
	u64 tsc_ratio;		/* what MSR_AMD64_TSC_RATIO holds */
	u32 tsc_aux;		/* (c) the host's */
	struct svm_vcpu *last;	/* whose code the branch predictors have seen last */
	struct vmcb *host;	/* (c) VMSAVE area for the host */
	u64 host_pa;		/* (c) */
	u64 hsave_pa;		/* (c) of the page that VMRUN itself uses */
};

/* What the processor can do and the module parameters leave on; constant after setup */
struct svm_features {
	bool nrips;		/* control.next_rip */
	bool decode_assist;	/* register numbers and instruction bytes */
	bool flush_by_asid;
	bool clean_bits;
	bool tsc_ratio;
	bool pause_filter;
	bool pause_thresh;
	bool lbrv;
	bool v_spec_ctrl;	/* the guest's SPEC_CTRL is in the VMCB */
	bool spec_ctrl;
	bool ibpb;
	bool tsc_aux;		/* RDTSCP or RDPID */
};

extern struct svm_features svm_has;
extern struct x86_vendor_caps svm_caps;

/* module parameters */
extern bool svm_param_nrips, svm_param_tsc_scaling, svm_param_dump_invalid;
extern unsigned short svm_param_pause_count, svm_param_pause_thresh;

enum svm_nmi_state {
	NMI_OPEN,
	NMI_MASKED,		/* one is being handled: IRET is intercepted */
	NMI_IRET,		/* that IRET executes now, from iret_rip */
};

/* svm_vcpu.work: rare things that svm_enter() has to do, most of them once */
#define WORK_STEP	BIT(0)	/* step one instruction with TF to see its end */
#define WORK_SOFT	BIT(1)	/* a software event is in event_inj: soft_len */
#define WORK_IRET	BIT(2)	/* after the exit look whether the IRET has completed */
#define WORK_TLB	BIT(3)	/* flush all of this vCPU's translations */
#define WORK_SAVE_HOST	BIT(4)	/* cpu->host is not yet this thread's */

/* SPEC_CTRL around the entry; vmrun.S knows the layout */
struct svm_spec {
	u64 guest;
	u64 host;
};
static_assert(offsetof(struct svm_spec, guest) == 0 && offsetof(struct svm_spec, host) == 8);

struct svm_vcpu {
	struct x86_vcpu x86;		/* first */
	struct vmcb *vmcb;		/* (c) */
	u64 vmcb_pa;			/* (c) */
	struct svm_cpu *cpu;		/* (v) the CPU it is loaded on */
	u64 asid_gen;			/* (v) valid if equal to cpu->asid_gen */
	union svm_exit_code exit;	/* (v) of the last exit */
	u32 clean;			/* (v) what control.clean may claim at the next entry */
	u32 work;			/* (v) WORK_* */
	u64 added_rflags;		/* (v) TF while stepping for ourselves, else 0 */
	u64 soft_advance;		/* (v) the entry begins so many bytes after regs.rip */
	u32 tsc_aux_hw;			/* (v) while loaded: what MSR_TSC_AUX holds */
	bool injected;			/* (v) event_inj was armed for the entry */
	bool own_step;			/* (v) the #DB at hand is only that of added_rflags */
	bool cr0_hidden;		/* (v) CR0 in the VMCB is not what the guest may see */
	bool spec_live;			/* (v) the guest accesses SPEC_CTRL itself */
	bool cr4_hidden;		/* (v) likewise */
	bool cr8_watched;		/* (v) with a local APIC in the kernel: writes of CR8 exit */
	bool dr_live;			/* (v) debug registers are not intercepted until put */
	u8 nmi_state;			/* (v)(r) enum svm_nmi_state */
	u8 soft_len;			/* (v) with WORK_SOFT */
	u64 soft_rip;			/* (v) RIP of that instruction */
	u64 iret_rip;			/* (v) NMI_IRET: RIP of the IRET */
	u64 step_rip, step_dr6;		/* (v) WORK_STEP: as they were at the entry */
	int last_cpu;			/* (v) */
	struct svm_spec spec;		/* (v) with spec_live */
	void *msrpm;			/* (v) permission map in force: own or shared */
	void *msrpm_own;		/* (v) NULL until it has to differ from the shared ones */
	u64 tsc_ratio;			/* (v) wanted on the CPU */
	u64 vm_cr;			/* (v)(r) MSR_VM_CR as the guest reads it */
};

static inline struct svm_vcpu *to_svm(struct x86_vcpu *vcpu)
{
	return container_of(vcpu, struct svm_vcpu, x86);
}

/* 64-bit code at the last exit, without fetching anything */
static inline bool svm_long64(const struct svm_vcpu *svm)
{
	return (svm->x86.regs.efer & EFER_LMA) && (svm->vmcb->save.cs.attrib & SVM_SELECTOR_L_MASK);
}

/* --- hw.c --- */
int svm_hw_probe(void);			/* fills svm_has; -EOPNOTSUPP with a message */
int svm_hw_alloc(void);
void svm_hw_free(void);
int svm_cpu_on(void);
void svm_cpu_off(void);
void svm_cpu_emergency(void);
struct svm_cpu *svm_this_cpu(void);	/* preemption off */
void svm_tsc_ratio_load(struct svm_cpu *c, u64 ratio);
bool svm_asid_new(struct svm_vcpu *svm);	/* interrupts off; false: the CPU is off */
void svm_cpu_forget(const struct svm_vcpu *svm);	/* it is about to be freed */

/* --- vmcb.c --- */
/*
 * Groups that change with intercepted writes alone: regs has them at any time;
 * and two that are copied at each exit: whatever looks at memory needs CR3,
 * whatever completes an instruction the interrupt shadow.
 */
#define SVM_AVAIL_ALWAYS (RG_EFER | RG_PAT | RG_CR8 | RG_DEBUGCTL | RG_CR3 | RG_SHADOW)
#define SVM_DR6_NOTHING	0xffff0ff0	/* DR6 when no condition is reported */
int svm_vmcb_alloc(struct svm_vcpu *svm);
void svm_vmcb_free(struct svm_vcpu *svm);
void svm_vmcb_reset(struct svm_vcpu *svm);	/* control area as for a vCPU that never ran */
void svm_fetch(struct x86_vcpu *vcpu, u32 groups);
void svm_flush(struct svm_vcpu *svm);
void svm_vmcb_dump(struct svm_vcpu *svm);

/*
 * Guests of the other vendor expect 64-bit SYSENTER MSRs, of which this
 * hardware keeps 32 bits: theirs live in regs.
 */
static inline bool svm_sysenter_native(const struct x86_vcpu *vcpu)
{
	return vcpu->cpuid.view.guest_is_amd;
}

/* --- intercept.c --- */
void svm_update_intercepts(struct x86_vcpu *vcpu);
bool svm_cr8_exits(const struct svm_vcpu *svm);
void svm_intercept_set(struct svm_vcpu *svm, unsigned int bit, bool on);
bool svm_intercepts_safe(const struct svm_vcpu *svm);

/* --- msrpm.c --- */
int svm_perm_maps_alloc(void);
void svm_perm_maps_free(void);
u64 svm_iopm_pa(void);
void svm_msrpm_init(struct svm_vcpu *svm);
void svm_msrpm_free(struct svm_vcpu *svm);
void svm_msrpm_update(struct svm_vcpu *svm);
void svm_msr_access(struct x86_vcpu *vcpu, u32 msr, bool read, bool write);

/* --- msr.c --- */
enum msr_result svm_msr_read(struct x86_vcpu *vcpu, u32 msr, u64 *val, bool host);
enum msr_result svm_msr_write(struct x86_vcpu *vcpu, u32 msr, u64 val, bool host);
u64 svm_msr_feature(u32 msr);
void svm_vcpu_reset(struct x86_vcpu *vcpu, bool init);

/* --- inject.c, nmi.c --- */
void svm_inject(struct x86_vcpu *vcpu, enum x86_event_kind kind, const struct x86_inject *ev);
void svm_cancel_injection(struct x86_vcpu *vcpu);
void svm_inject_arm_soft(struct svm_vcpu *svm);
void svm_events_after_exit(struct svm_vcpu *svm);
bool svm_event_blocked(struct x86_vcpu *vcpu, enum x86_event_kind kind);
void svm_tpr_threshold(struct x86_vcpu *vcpu, int class);
void svm_open_window(struct x86_vcpu *vcpu, enum x86_event_kind kind);

void svm_nmi_entered(struct svm_vcpu *svm);	/* an NMI is being injected */
void svm_nmi_window(struct svm_vcpu *svm);
void svm_nmi_after_exit(struct svm_vcpu *svm);
bool svm_step_done(struct svm_vcpu *svm);	/* #DB: true if it was only our own step */
bool svm_nmi_masked_get(struct x86_vcpu *vcpu);
void svm_nmi_masked_set(struct x86_vcpu *vcpu, bool masked);

/* --- enter.c, vmrun.S --- */
void svm_enter(struct x86_vcpu *vcpu);
void svm_vcpu_load(struct x86_vcpu *vcpu, int cpu);
void svm_vcpu_put(struct x86_vcpu *vcpu);
void svm_tlb_flush(struct x86_vcpu *vcpu, enum x86_tlb_scope scope, u64 addr);
void svm_load_root(struct x86_vcpu *vcpu, u64 root_pa, int level);
void svm_tsc_write_offset(struct x86_vcpu *vcpu, u64 offset);
void svm_tsc_write_ratio(struct x86_vcpu *vcpu, u64 ratio);

/* --- exit.c, exit_fast.c, exit_table.c --- */
bool svm_exit_fast(struct x86_vcpu *vcpu);
void svm_exit_irqoff(struct x86_vcpu *vcpu);
int svm_handle_exit(struct x86_vcpu *vcpu);
void svm_describe_exit(struct x86_vcpu *vcpu, struct x86_exit_info *info);
int svm_skip(struct x86_vcpu *vcpu);

#endif
