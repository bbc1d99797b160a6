/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VMX_H
#define DKVM_VMX_H
/* struct vmx_vcpu, and what the files of vmx/ offer each other. */
#include <linux/kvm.h>
#include "../exit.h"
#include "../msr_pass.h"
#include "../regs.h"
#include "../vendor.h"
#include "ctls.h"
#include "exit.h"
#include "vmcs.h"

/* --- hw.c: each CPU's part --- */
struct vmx_cpu {
	bool on;			/* in VMX operation */
	bool list_busy;			/* @active is being changed: an NMI must not walk it */
	struct list_head active;	/* of struct vmx_vmcs: not cleared since they were loaded here */
	struct vmx_vmcs *current_vmcs;	/* VMREAD and VMWRITE mean this one */
	struct vmcs_page *vmxon;	/* (c) region for VMXON */
	u64 vmxon_pa;			/* (c) */
	u64 star, lstar, sfmask;	/* (c) the host's */
	u32 tsc_aux;			/* (c) the host's */
	unsigned long sysenter_esp;	/* (c) the host's */
	unsigned long sysenter_eip;	/* (c) the host's */
	struct vmx_vcpu *last;		/* whose code the branch predictors have seen last */
};

extern struct vmx_ctls vmx_ctls;	/* constant after setup, as all below */
extern struct x86_vendor_caps vmx_caps;

/* What is not in vmx_ctls */
struct vmx_features {
	bool spec_ctrl;
	bool ibpb;
	bool flush_l1d;		/* IA32_FLUSH_CMD */
	bool tsc_aux;		/* RDTSCP or RDPID */
	bool umip_by_exits;	/* no UMIP, but exits of the instructions that it is about */
};
extern struct vmx_features vmx_has;

/* module parameters */
extern bool vmx_param_dump_invalid, vmx_param_emulate_invalid;
extern unsigned int vmx_param_ple_gap;
extern struct vmx_ple vmx_param_ple;

static inline bool vmx_has_vpid(void)
{
	return vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_ENABLE_VPID);
}

static inline bool vmx_has_preemption_timer(void)
{
	return vmx_may(&vmx_ctls, WORD_PIN, PIN_BASED_VMX_PREEMPTION_TIMER);
}

static inline bool vmx_has_tpr_shadow(void)
{
	return vmx_may(&vmx_ctls, WORD_CPU, CPU_BASED_TPR_SHADOW);
}

static inline bool vmx_has_apic_page(void)
{
	return vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
}

static inline bool vmx_has_apicv(void)
{
	return vmx_may(&vmx_ctls, WORD_CPU2, VMX_APICV);
}

static inline bool vmx_has_posted(void)
{
	return vmx_may(&vmx_ctls, WORD_PIN, PIN_BASED_POSTED_INTR);
}

static inline bool vmx_has_vnmi(void)
{
	return vmx_may(&vmx_ctls, WORD_PIN, PIN_BASED_VIRTUAL_NMIS);
}

static inline bool vmx_has_pml(void)
{
	return vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_ENABLE_PML);
}

static inline bool vmx_has_unrestricted(void)
{
	return vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_UNRESTRICTED_GUEST);
}

/* vmx_vcpu.work: rare things that vmx_enter() has to do, most of them once */
#define WORK_EPT	BIT(0)	/* flush translations of its guest-physical addresses */
#define WORK_VPID	BIT(1)	/* those of its linear addresses */
#define WORK_TLB	(WORK_EPT | WORK_VPID)
#define WORK_ROOT	BIT(3)	/* another EPT pointer */
#define WORK_TSC	BIT(4)	/* another TSC offset or ratio */
#define WORK_DR6	BIT(2)	/* debug registers are lent: DR6 around each entry */
#define WORK_PLE	BIT(5)	/* another window of PAUSE-loop exiting */
#define WORK_TIMER	BIT(6)	/* the preemption timer counts, or has to be switched off */
#define WORK_PML	BIT(7)	/* the processor logs dirty pages */

/* What vmenter.S uses; it knows the layout. */
struct vmx_switch {
	u64 spec_guest;		/* (v) with spec_live */
	u64 spec_host;
	u64 host_rsp;		/* what HOST_RSP in the VMCS is */
	u32 spec_live;		/* the guest accesses SPEC_CTRL itself */
};
static_assert(offsetof(struct vmx_switch, spec_guest) == 0);
static_assert(offsetof(struct vmx_switch, spec_host) == 8);
static_assert(offsetof(struct vmx_switch, host_rsp) == 16);
static_assert(offsetof(struct vmx_switch, spec_live) == 24);

/* host.c: what the host had in registers that only user space needs; valid while live */
struct vmx_host {
	bool live;		/* the guest's MSRs are in the processor */
	bool syscall_live;	/* among them those of SYSCALL */
	u16 fs, gs, ds, es;
	u32 tsc_aux_hw;		/* what MSR_TSC_AUX holds */
	unsigned long fs_base, gs_base;
	u64 debugctl;
};

/* restricted.c: in what way the processor runs the guest's state, without unrestricted guest */
enum vmx_mode {
	MODE_NONE,	/* not at all: the emulator's turn */
	MODE_AS_IS,	/* protected mode with paging, or any state of an unrestricted guest */
	MODE_MAPPED,	/* protected mode without paging: with an identity map */
	MODE_V86,	/* real mode: as virtual-8086 mode, with an identity map */
};

struct vmx_vcpu {
	struct x86_vcpu x86;		/* first */
	struct vmx_vmcs vmcs;
	struct vmx_cpu *cpu;		/* (v) the CPU it is loaded on */
	union vmx_exit_reason exit;	/* (v) of the last exit */
	u32 work;			/* (v) WORK_* */
	struct vmx_exit_info info;	/* (v) what the row of that exit asked for */
	u32 insn_error;			/* (v) with VMX_EXIT_VMFAIL */
	struct vmx_switch sw;		/* (v) */
	/* What the VMCS holds: written only on change */
	u32 ctl[NR_WORDS];		/* (v) */
	u32 exceptions;			/* (v) EXCEPTION_BITMAP */
	u64 cr0_owned, cr4_owned;	/* (v) bits that the guest changes without exits */
	u64 rip, rsp, rflags;		/* (v) */
	unsigned long host_cr3, host_cr4;	/* (v) */
	u64 eptp;			/* (v) */
	u8 mode;			/* (v) enum vmx_mode, without unrestricted guest: see vmx_mapped() */
	u64 mode_gen;			/* (v) of the slots that it was found with */
	bool injected;			/* (v) an event was armed for the entry */
	bool dr_live;			/* (v) MOV DR does not exit until put */
	bool l1d_dirty;			/* (v) the host ran more than the inner loop since the flush */
	const u8 *vtpr;			/* (c) with TPR shadow: TPR in the local APIC's page, or NULL */
	u8 tpr_seen;			/* (v) what the local APIC's model knows of it */
	u8 tpr_threshold;		/* (v) */
	u8 apic;			/* (v) enum apic_hw: what the processor does for the local APIC */
	struct lapic_pid *pid;		/* (v) from there the processor takes interrupts, or NULL */
	bool irq_window, nmi_window;	/* (v) */
	bool soft_nmi_masked;		/* (v)(r) without virtual NMIs: taken for masked */
	u16 vpid;			/* (c) 0: none */
	u64 *pml;			/* (c) with PML: its notes */
	u32 ple_window;			/* (v) */
	u64 timer_tsc;			/* (v) the guest leaves when the host's TSC is there; 0: no timer */
	struct vmx_host host;		/* (v) */
	u64 kernel_gs_base;		/* (v) the guest's, while not live */
	void *msr_bitmap;		/* (v) in force: own or shared */
	void *msr_bitmap_own;		/* (v) NULL until it has to differ from the shared ones */
};

/* CR3 leads to our identity map, not to tables of the guest's. */
static __always_inline bool vmx_mapped(const struct vmx_vcpu *vmx)
{
	return static_branch_unlikely(&emul_restricted) && vmx->mode >= MODE_MAPPED;
}

/* Besides, segments, RFLAGS, IDT, TR and LDTR are what v86.c makes of them. */
static __always_inline bool vmx_v86(const struct vmx_vcpu *vmx)
{
	return static_branch_unlikely(&emul_restricted) && vmx->mode == MODE_V86;
}

static inline struct vmx_vcpu *to_vmx(struct x86_vcpu *vcpu)
{
	return container_of(vcpu, struct vmx_vcpu, x86);
}

/* --- hw.c --- */
int vmx_hw_probe(const struct vmx_wishes *wish);	/* fills vmx_ctls, vmx_has; -EOPNOTSUPP with a message */
int vmx_hw_alloc(void);
void vmx_hw_free(void);
int vmx_cpu_on(void);
void vmx_cpu_off(void);
void vmx_cpu_emergency(void);
struct vmx_cpu *vmx_this_cpu(void);	/* preemption off */
u32 vmx_this_revision(void);		/* of the VMCS format */
void vmx_cpu_forget(const struct vmx_vcpu *vmx);	/* it is about to be freed */
u16 vmx_vpid_alloc(void);
void vmx_vpid_free(u16 vpid);

/* --- state.c --- */
/*
 * Groups that change with intercepted writes alone: regs has them at any time.
 * CR2 is nowhere else.
 */
#define VMX_AVAIL_ALWAYS (RG_EFER | RG_PAT | RG_CR8)
void vmx_fetch(struct x86_vcpu *vcpu, u32 groups);
void vmx_restart(struct x86_vcpu *vcpu);
#define VMX_AR_UNUSABLE	BIT(16)
void vmx_write_seg(unsigned int nr, const struct x86_seg *seg, u32 rights);

/*
 * Instructions of the descriptor tables exit: CR4.UMIP that the processor does not have is on
 * (regs.cr4 has it at any time), or it has no table of the guest's.
 */
static inline bool vmx_hides_tables(const struct vmx_vcpu *vmx)
{
	return (vmx_has.umip_by_exits && (vmx->x86.regs.cr4 & X86_CR4_UMIP)) || vmx_v86(vmx);
}

void vmx_flush(struct vmx_vcpu *vmx);
void vmx_vmcs_init(struct vmx_vcpu *vmx);	/* loaded: what stays as it is */

/* 64-bit code at the last exit, without fetching anything else */
static inline bool vmx_long64(const struct vmx_vcpu *vmx)
{
	return (vmx->x86.regs.efer & EFER_LMA) && (vmcs_read32(GUEST_CS_AR_BYTES) & BIT(13));
}

/* --- host.c --- */
void vmx_host_init(struct vmx_vcpu *vmx);	/* host-state fields that are the same on all CPUs */
void vmx_vcpu_load(struct x86_vcpu *vcpu, int cpu);
void vmx_vcpu_put(struct x86_vcpu *vcpu);
void vmx_vcpu_prepare(struct x86_vcpu *vcpu);
void vmx_load_syscall(struct vmx_vcpu *vmx);	/* interrupts off: the guest's MSRs changed */
u64 vmx_kernel_gs_base(struct vmx_vcpu *vmx);
void vmx_set_kernel_gs_base(struct vmx_vcpu *vmx, u64 base);

/* --- controls.c --- */
void vmx_update_controls(struct x86_vcpu *vcpu);
void vmx_ctl_set(struct vmx_vcpu *vmx, enum vmx_ctl word, u32 val);
void vmx_ctl_bit(struct vmx_vcpu *vmx, enum vmx_ctl word, u32 bit, bool on);
bool vmx_controls_safe(const struct vmx_vcpu *vmx);

/* --- msr_bitmap.c --- */
int vmx_msr_bitmaps_alloc(void);
void vmx_msr_bitmaps_free(void);
void vmx_msr_bitmap_init(struct vmx_vcpu *vmx);
void vmx_msr_bitmap_release(struct vmx_vcpu *vmx);
void vmx_msr_bitmap_update(struct vmx_vcpu *vmx);
bool vmx_msr_bitmap_passes_x2apic(const struct vmx_vcpu *vmx);
void vmx_msr_access(struct x86_vcpu *vcpu, u32 msr, bool read, bool write);

/* --- msr.c --- */
enum msr_result vmx_msr_read(struct x86_vcpu *vcpu, u32 msr, u64 *val, bool host);
enum msr_result vmx_msr_write(struct x86_vcpu *vcpu, u32 msr, u64 val, bool host);
void vmx_vcpu_reset(struct x86_vcpu *vcpu, bool init);

/* --- apic.c --- */
void vmx_apic_init(struct vmx_vcpu *vmx);	/* its VMCS is loaded */
void vmx_tpr_threshold(struct x86_vcpu *vcpu, int class);
void vmx_apic_hardware(struct x86_vcpu *vcpu, enum apic_hw how);
bool vmx_apic_notify(struct x86_vcpu *vcpu);
void vmx_apic_status(struct x86_vcpu *vcpu, u8 requested, u8 in_service);
void vmx_apic_eoi_exits(struct x86_vcpu *vcpu, const unsigned long *vectors);

/* --- inject.c --- */
void vmx_inject(struct x86_vcpu *vcpu, enum x86_event_kind kind, const struct x86_inject *ev);
void vmx_cancel_injection(struct x86_vcpu *vcpu);
void vmx_events_after_exit(struct vmx_vcpu *vmx, u32 vectoring);
bool vmx_event_blocked(struct x86_vcpu *vcpu, enum x86_event_kind kind);
void vmx_open_window(struct x86_vcpu *vcpu, enum x86_event_kind kind);
bool vmx_nmi_masked_get(struct x86_vcpu *vcpu);
void vmx_nmi_masked_set(struct x86_vcpu *vcpu, bool masked);
void vmx_nmi_mask_again(struct vmx_vcpu *vmx);	/* an IRET had unmasked NMIs and will run again */
void vmx_fix_pending_debug(struct vmx_vcpu *vmx);

/*
 * Bit 12 of a qualification that has it: an IRET had unmasked NMIs and did not
 * complete; not with an event on its way, whose delivery it was then.
 */
static __always_inline void vmx_iret_faulted(struct vmx_vcpu *vmx)
{
	if (unlikely(vmx->info.qual & INTR_INFO_UNBLOCK_NMI) && !vmx->x86.ev.nmi_injected &&
	    vmx->x86.ev.irq_state == IRQ_EVENT_NONE && vmx->x86.ev.exc_state != EXC_INJECTED)
		vmx_nmi_mask_again(vmx);
}

/* --- enter.c, vmenter.S --- */
int vmx_vmenter(u64 *gpr, struct vmx_switch *sw, unsigned int resume);
void vmx_call_gate(void *entry);
void vmx_enter(struct x86_vcpu *vcpu);
void vmx_tlb_flush(struct x86_vcpu *vcpu, enum x86_tlb_scope scope, u64 addr);
void vmx_load_root(struct x86_vcpu *vcpu, u64 root_pa, int level);
void vmx_tsc_write_offset(struct x86_vcpu *vcpu, u64 offset);
void vmx_tsc_write_ratio(struct x86_vcpu *vcpu, u64 ratio);
bool vmx_guest_timer_set(struct x86_vcpu *vcpu, u64 when);
void vmx_guest_timer_cancel(struct x86_vcpu *vcpu);

/* The window of PAUSE-loop exiting from the next entry on */
static inline void vmx_ple_set(struct vmx_vcpu *vmx, u32 window)
{
	if (vmx->ple_window == window)
		return;
	vmx->ple_window = window;
	vmx->work |= WORK_PLE;
}

/* --- pml.c --- */
int vmx_pml_alloc(struct vmx_vcpu *vmx);
void vmx_pml_free(struct vmx_vcpu *vmx);
void vmx_pml_init(struct vmx_vcpu *vmx);
void vmx_pml_drain(struct vmx_vcpu *vmx);

/* --- restricted.c --- */
int vmx_vm_init(struct x86_vm *vm);
void vmx_show_identity_map(struct x86_vm *vm);
bool vmx_can_run(struct x86_vcpu *vcpu);
u64 vmx_mapped_cr4(const struct vmx_vcpu *vmx, u64 cr4);
u64 vmx_identity_map(const struct x86_vm *vm);	/* for CR3 */

/* --- v86.c --- */
#define V86_FLAGS	((u64)(X86_EFLAGS_VM | X86_EFLAGS_IOPL))
bool vmx_has_v86(void);
void vmx_v86_flush_segs(const struct x86_regs *regs);
int vmx_v86_exception(struct x86_vcpu *vcpu);

/* --- l1d.c --- */
int vmx_l1d_setup(void);
void vmx_l1d_cleanup(void);
void vmx_l1d_flush(struct vmx_vcpu *vmx);	/* noinstr, interrupts off */
DECLARE_STATIC_KEY_FALSE(vmx_l1d_key);

/* --- exit.c, exit_fast.c, exit_table.c --- */
bool vmx_exit_fast(struct x86_vcpu *vcpu);
void vmx_exit_irqoff(struct x86_vcpu *vcpu);
int vmx_handle_exit(struct x86_vcpu *vcpu);
void vmx_describe_exit(struct x86_vcpu *vcpu, struct x86_exit_info *info);
int vmx_skip(struct x86_vcpu *vcpu);

/* Where the instruction that exited ends: the processor tells its length. */
static inline u64 vmx_next_rip(const struct vmx_vcpu *vmx)
{
	u64 rip = vmx->x86.regs.rip, next = rip + vmcs_read32(VM_EXIT_INSTRUCTION_LEN);

	/* Only code of 32 bits wraps around there. */
	if (unlikely((next ^ rip) >> 32) && !vmx_long64(vmx))
		next = (u32)next;
	return next;
}

#endif
