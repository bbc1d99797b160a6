/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_X86_H
#define DKVM_X86_H
/*
 * struct x86_vcpu and struct x86_vm: one sub-struct per file that owns it.
 *
 * Legend: (c) constant after creation, (v) vCPU thread only (vcpu->mutex),
 * (l:NAME) under that lock, (a) atomic, (r) cleared by reset.
 *
 * Register state is kept in groups. Two bits per group say where the truth is:
 *
 *   avail dirty   truth
 *     0     0     in the VMCB/VMCS: regs_need() fetches the group
 *     1     0     in both
 *     1     1     in regs: the vendor flushes it before the next entry
 *     0     1     impossible
 *
 * Outside the inner loop every group may be in either place; after an exit the
 * vendor sets avail to those it copies each time. GPRs, RIP and RFLAGS are
 * always in regs.
 */
#include <linux/kvm.h>
#include <asm/fpu/api.h>
#include <asm/kvm.h>
#include <kvm/gfn_cache.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>
#include "clock_line.h"
#include "cpuid_lookup.h"
#include "mmu/types.h"

struct x86_vcpu;
struct x86_vm;

/* --- requests of x86, above those of virt/kvm --- */
enum {
	REQ_EVENT = KVM_REQ_ARCH_BASE,	/* look for events to inject, recompute windows */
	REQ_TRIPLE_FAULT,
	REQ_NMI,			/* x86_events.nmi_queued moved */
	REQ_SMI,			/* one was sent (smm.c) */
	REQ_MMU_RELOAD,			/* the root is invalid */
	REQ_CONTROLS,			/* what the VM wants of intercepts and the like is other now */
	REQ_MSR_FILTER,			/* the MSR filter changed: msr_filter_refresh() */
	REQ_SCAN_EOI,			/* which EOIs leave the local APIC: lapic_scan_eoi() */
	REQ_LAPIC_EXIT,			/* user space has to hear of an EOI or TPR access: lapic_exit_to_user() */
	REQ_CLOCK_UPDATE,		/* the guest's clock page is out of date (clock.c) */
	REQ_MASTERCLOCK,		/* the VM's common clock has to be made anew (clock.c) */
	REQ_STEAL_UPDATE,		/* steal time is to be written (steal.c) */
	REQ_ASYNC_PF,			/* a page has arrived: tell the guest (async_pf.c) */
};

/* --- registers (regs.c, cr.c, seg.c) --- */
enum x86_gpr {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RBP,
	GPR_RSI,
	GPR_RDI,
	GPR_R8,
	GPR_R9,
	GPR_R10,
	GPR_R11,
	GPR_R12,
	GPR_R13,
	GPR_R14,
	GPR_R15,
	NR_GPRS
};

enum x86_seg_reg {
	SEG_ES,
	SEG_CS,
	SEG_SS,
	SEG_DS,
	SEG_FS,
	SEG_GS,
	SEG_LDTR,
	SEG_TR,
	NR_SEGS
};

/* Groups: bits of x86_vcpu.avail and .dirty */
#define RG_CODE		BIT(0)	/* CS and cpl */
#define RG_DATA		BIT(13)	/* the other seven; changed together with RG_CODE alone */
#define RG_SEG		(RG_CODE | RG_DATA)
#define RG_DTABLE	BIT(1)	/* gdt, idt */
#define RG_CR		BIT(2)	/* cr0, cr2, cr4 */
#define RG_CR3		BIT(3)
#define RG_PDPTR	BIT(4)
#define RG_DR		BIT(5)	/* dr6, dr7; db[] belongs to debug.c */
#define RG_SYSCALL	BIT(6)	/* star, lstar, cstar, sfmask, kernel_gs_base */
#define RG_SYSENTER	BIT(7)
#define RG_EFER		BIT(8)
#define RG_PAT		BIT(9)
#define RG_SHADOW	BIT(10)	/* interrupt shadow */
#define RG_CR8		BIT(11)	/* task priority; user-space irqchip */
#define RG_DEBUGCTL	BIT(12)	/* debugctl */
#define RG_ALL		(BIT(14) - 1)

/* attr: descriptor bits 40-47 and 52-55 put together, as in the VMCB and in emul.h. */
#define SEG_ATTR_TYPE	0x000f
#define SEG_ATTR_S	BIT(4)
#define SEG_ATTR_DPL	5
#define SEG_ATTR_P	BIT(7)
#define SEG_ATTR_AVL	BIT(8)
#define SEG_ATTR_L	BIT(9)
#define SEG_ATTR_DB	BIT(10)
#define SEG_ATTR_G	BIT(11)

struct x86_seg {
	u16 selector;
	u16 attr;
	u32 limit;	/* bytes, granularity applied */
	u64 base;
};

struct x86_dtable {
	u64 base;
	u16 limit;
};

enum x86_shadow { SHADOW_NONE = 0, SHADOW_STI = 1, SHADOW_MOVSS = 2 };	/* not KVM_X86_SHADOW_INT_*: event.c converts */

struct x86_regs {
	u64 gpr[NR_GPRS];
	u64 rip;
	u64 rflags;		/* as the guest sees it: see regs_rflags() for guest debug's TF */
	u64 cr0, cr2, cr3, cr4, cr8;
	u8 tpr_low;		/* of the local APIC's TPR, the half that a write of CR8 clears */
	u64 efer;
	u64 pdptr[4];
	u64 dr6, dr7;
	struct x86_seg seg[NR_SEGS];
	u8 cpl;
	u8 shadow;		/* enum x86_shadow bits */
	struct x86_dtable gdt, idt;
	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 pat;
	u64 debugctl;
};

/* --- events (event.c) --- */
struct x86_exception {
	u8 vector;
	bool has_error;
	u32 error_code;
	bool has_payload;
	u64 payload;		/* #PF: CR2; #DB: DR6 bits */
};

/* Where an exception is on its way into the guest. */
enum x86_exc_state {
	EXC_NONE,
	EXC_PENDING,		/* raised; payload not in CR2/DR6 yet; may still be merged */
	EXC_INJECTED,		/* handed to the hardware; payload delivered */
};

enum x86_irq_state { IRQ_EVENT_NONE, IRQ_EVENT_INJECTED, IRQ_EVENT_SOFT };

struct x86_events {
	u8 exc_state;			/* (v)(r) enum x86_exc_state */
	struct x86_exception exc;	/* (v)(r) */
	u8 irq_state;			/* (v)(r) enum x86_irq_state */
	u8 irq_vector;			/* (v)(r) */
	bool irq_queued;		/* (v)(r) KVM_INTERRUPT gave irq_vector, not injected yet */
	bool nmi_injected;		/* (v)(r) */
	u8 nmi_pending;			/* (v)(r) 0..2 */
	atomic_t nmi_queued;		/* (a) KVM_NMI since REQ_NMI was taken */
	bool triple_fault;		/* (v)(r) as KVM_VCPUEVENT_VALID_TRIPLE_FAULT */
	bool armed;			/* (v) the vendor was handed an event for the next entry */
	bool exit_soon;			/* (v) one more waits: leave the guest right after that entry */
	u8 insn_len;			/* (v) of the software event being re-injected */
};

/* --- system management mode (smm.c) --- */
struct x86_smi {
	u32 base;		/* (v) SMBASE */
	u64 count;		/* (v) MSR_SMI_COUNT */
	bool pending;		/* (v) */
	bool in_nmi;		/* (v) NMI was masked when the handler began */
	bool from_halt;		/* (v) the pending one ended a HLT */
};

/* --- CPUID (cpuid.c) --- */
struct x86_cpuid {
	struct cpuid_view view;			/* (v) what user space gave, and how to find in it */
	u32 words[24];				/* (v) enum cpuid_word: guest feature bits, host support ANDed */
	u64 emul_features;			/* (v) BIT_ULL(enum emul_feature) for the emulator */
	u64 cr4_valid;				/* (v) CR4 bits that this guest may set */
	u64 efer_valid;				/* (v) likewise */
	u64 xcr0_valid;				/* (v) likewise */
	u64 xss_valid;				/* (v) */
	u8 phys_bits;				/* (v) MAXPHYADDR */
	u64 reserved_gpa_bits;			/* (v) */
	u8 virt_bits;				/* (v) width of canonical addresses in MSRs: 48 or 57 */
	bool ran;				/* (v) KVM_RUN was called: CPUID is frozen */
	bool enforce_pv;			/* (v) KVM_CAP_ENFORCE_PV_FEATURE_CPUID */
};

/* --- MSRs (msr.c) --- */
struct x86_msrs {
	u64 tsc_aux;		/* (v)(r) */
	u64 misc_enable;	/* (v)(r) */
	u64 feat_ctl;		/* (v)(r) */
	u64 spec_ctrl;		/* (v)(r) while not in hardware */
	u64 virt_spec_ctrl;	/* (v)(r) */
	u64 arch_capabilities;	/* (v) */
	u64 platform_info;	/* (v) */
	u64 misc_features;	/* (v)(r) */
	u64 ucode_rev;		/* (v) */
	u64 xss;		/* (v)(r) */
	u64 tsc_adjust;		/* (v) */
	u64 hwcr;		/* (v)(r) */
	u64 mtrr[32];		/* (v)(r) mtrr.c: def, fixed, variable */
	u64 apic_base;		/* (v) user-space irqchip: value alone */
	u64 de_cfg;		/* (v) */
	u64 vm_hsave_pa;	/* (v) */
	u64 power_ctl;		/* (v)(r) */
	u64 osvw_length;	/* (v) */
	u64 osvw_status;	/* (v) */
	u64 mcg_cap;		/* (v) */
	u64 mcg_status;		/* (v)(r) */
	u64 mcg_ctl;		/* (v) */
	u64 *mce_banks;		/* (v) made on the first write; NULL: zeros (mce.c) */
	u64 poll_control;	/* (v)(r) MSR_KVM_POLL_CONTROL */
};

/* --- FPU (fpu.c) --- */
struct x86_fpu {
	struct fpu_guest guest;	/* (v) */
	u64 xcr0;		/* (v)(r) */
	u32 pkru;		/* (v) guest's, while the guest's is not loaded */
	u32 host_pkru;		/* (v) */
	bool switch_pkru;	/* (v) CR4.PKE and XCR0.PKRU: the guest has its own */
	bool switch_xcr0;	/* (v) xcr0 != host, or xss != host */
	bool switch_any;	/* (v) either of the two: fpu_enter() has work on each entry */
};

/* --- debug registers (debug.c) --- */
struct x86_debug {
	u64 db[4];		/* (v)(r) guest's DR0-3 */
	u64 eff_db[4];		/* (v) in force: guest's or KVM_SET_GUEST_DEBUG's */
	u64 eff_dr7;		/* (v) */
	u32 guest_debug;	/* (v) KVM_GUESTDBG_* */
	u64 guest_debug_dr7;	/* (v) */
	u64 guest_dr6;		/* (v) with guest_debug: DR6 when the guest was entered */
	bool db_loaded;		/* (v) the guest owns the hardware's DRs until the next put */
	bool active;		/* (v) debug_enter() has work: breakpoints in force, db_loaded, a debugger */
};

/* --- time (tsc.c) --- */
struct x86_tsc {
	u64 offset;		/* (v) guest TSC = host TSC * ratio + offset; read by anybody */
	u64 ratio;		/* (v) vendor fixed point, 0: none; read by anybody */
	u32 khz;		/* (v) virtual frequency */
	u64 last_host;		/* (v) host TSC at put, if the TSC is unstable */
};

/* --- kvmclock (clock.c) --- */

/* Time as a function of the host's TSC: through a guest's TSC, with its offset and ratio. */
struct x86_clock_map {
	struct clock_line line;
	u64 offset, ratio;
	bool valid;
};

struct x86_clock {
	u64 msr;			/* (v)(r) MSR_KVM_SYSTEM_TIME; read by anybody */
	struct kvm_gfn_cache page;	/* (v)(r) */
	bool stopped;			/* (v)(r) the guest is to be told that it was stopped */
	struct x86_clock_map map;	/* (l:clock.lock) what the page says */
	int cpu;			/* (v) not shared: where that was made */
	unsigned long old_at;		/* (v) not shared: in jiffies */
};

struct x86_vm_clock {
	struct mutex lock;
	bool stale;			/* (a) shared and map may not be right any more */
	bool shared;			/* (l:lock) all vCPUs have the line of map; hint for others */
	struct x86_clock_map map;	/* (l:lock) */
	u64 ahead;			/* (l:lock) ns between the host's clock and this one */
	u64 wall_msr;			/* (a) MSR_KVM_WALL_CLOCK */
};

/* --- steal time (steal.c) --- */
struct x86_steal {
	u64 msr;			/* (v)(r) MSR_KVM_STEAL_TIME */
	struct kvm_gfn_cache area;	/* (v)(r) */
	u64 waited;			/* (v) run_delay of thread that the guest was told of */
	u64 generation;			/* (v) of the slots when it was told */
	const struct task_struct *thread; /* (v) compared only */
	bool told_preempted;		/* (v) the guest's flag is set */
};

struct x86_pv_eoi {
	u64 msr;			/* (v)(r) MSR_KVM_PV_EOI_EN */
	struct kvm_gfn_cache area;	/* (v)(r) */
};

/*
 * What the guest does to its local APIC in memory alone, so that it need not exit:
 * bits of x86_vcpu.offers (it does that) and .unsettled (it may have done so since
 * we looked last; never outside KVM_RUN).
 */
#define IN_MEMORY_EOI	BIT(0)		/* pv_eoi.c */
#define IN_MEMORY_TPR	BIT(1)		/* irqchip/vapic.c */

struct x86_vapic {
	struct kvm_gfn_cache area;	/* (v) KVM_SET_VAPIC_ADDR */
	u8 tpr;				/* (v) that we wrote there last */
};

/* --- asynchronous page faults (async_pf.c) --- */
struct x86_apf {
	u64 msr;			/* (v)(r) MSR_KVM_ASYNC_PF_EN */
	u8 vector;			/* (v)(r) MSR_KVM_ASYNC_PF_INT */
	struct kvm_gfn_cache area;	/* (v)(r) without one nothing is asynchronous */
	bool unacked;			/* (v)(r) MSR_KVM_ASYNC_PF_ACK will say when to look again */
	bool wake_all;			/* (v)(r) the guest is to wake whoever waits for any page */
	bool halted;			/* (v) waits for halted_gfn, or for an event */
	gfn_t halted_gfn;		/* (v) */
};

/* --- I/O towards user space (io.c, emul_env.c) --- */
struct x86_io {
	/* Called by KVM_RUN with what user space answered; RUN_* or -errno. */
	int (*complete)(struct x86_vcpu *vcpu);	/* (v) */
	void *pio_data;		/* (c) the page at ARCH_PIO_PAGE_OFFSET */
	struct page *pio_page;	/* (c) */
	u64 pio_next_rip;	/* (v) fast port I/O: where the instruction ends */
	u16 pio_port;		/* (v) */
	u8 pio_size;		/* (v) */
	bool pio_in;		/* (v) */
	u64 pio_rip;		/* (v) of the instruction: finished only if RIP is still there */
};

struct lapic;			/* irqchip/lapic.c */
struct ioapic;
struct pic;
struct pit;
struct apic_map;
struct emul_vcpu;		/* emul_env.c: struct emul_ctxt and its glue, made on first use */

struct x86_vcpu {
	struct kvm_vcpu base;			/* first */
	struct kvm_run *run;			/* (c) = base.run */
	struct x86_vm *vm;			/* (c) */
	u32 avail, dirty;			/* (v) RG_* */
	struct x86_regs regs;			/* (v) */
	struct x86_events ev;
	struct x86_smi smi;
	struct mmu_vcpu mmu;
	struct x86_debug debug;
	struct x86_io io;
	struct x86_fpu fpu;
	struct x86_tsc tsc;
	struct x86_clock clock;
	struct x86_steal steal;
	struct x86_pv_eoi pv_eoi;
	struct x86_vapic vapic;
	struct x86_apf apf;
	struct x86_msrs msr;
	struct x86_cpuid cpuid;
	struct lapic *lapic;			/* (c) NULL: user space has the interrupt controllers */
	struct emul_vcpu *emul;			/* (v) NULL until first used */
	u64 tlb_gen;				/* (v) acknowledged generation of vm->mmu.tlb_gen */
	u8 mp_state;				/* (v) KVM_MP_STATE_* */
	bool pv_unhalted;			/* (v) KVM_HC_KICK_CPU came: the next HLT does not wait */
	bool guest_mode;			/* (v) L2 runs: always false until nesting exists */
	bool smm;				/* (v)(r) but not by INIT, which waits for its end */
	bool bus_lock;				/* (v) user space is to hear of one with this exit */
	bool intercepts_stale;			/* (v) vendor recomputes intercepts before entry */
	u8 offers, unsettled;			/* (v) IN_MEMORY_* */
	union {
		struct {
			bool irq_window;	/* (v) user space asked, window open exit is armed */
			bool has_vapic;		/* (v) its task priority is in memory */
		};
		u16 after_exit;			/* (v) either: run_loop() looks after each exit */
	};
	u32 sync_valid;				/* kvm_run.kvm_valid_regs that were accepted */
	unsigned long qs_jiffies;		/* (v) when RCU was last told of a quiescent state */
};

#define NOTIFY_OFF	(-1)

struct x86_vm {
	struct kvm base;			/* first */
	struct mmu_vm mmu;
	u32 disabled_exits;			/* (l:lock, before vCPUs) KVM_X86_DISABLE_EXITS_* */
	u64 disabled_quirks;			/* KVM_CAP_DISABLE_QUIRKS2 */
	u32 default_tsc_khz;			/* KVM_SET_TSC_KHZ on the VM, 0: host's */
	unsigned int logged_slots;		/* (l:slots_lock) with mmu_hw.logs_dirty; read by vCPUs: mmu/dirty.c */
	bool bus_lock_exits;			/* KVM_CAP_X86_BUS_LOCK_EXIT; read by vCPUs, as the next two */
	bool notify_to_user;			/* KVM_CAP_X86_NOTIFY_VMEXIT: user space hears of each */
	s64 notify_window;			/* the window, or NOTIFY_OFF */
	u32 hypercall_exits;			/* KVM_CAP_EXIT_HYPERCALL: bits of KVM_HC_* */
	u32 msr_exit_mask;			/* KVM_CAP_X86_USER_SPACE_MSR: KVM_MSR_EXIT_REASON_* */
	bool exit_on_emul_error;		/* KVM_CAP_EXIT_ON_EMULATION_FAILURE */
	bool exception_payload;			/* KVM_CAP_EXCEPTION_PAYLOAD */
	bool triple_fault_event;		/* KVM_CAP_X86_TRIPLE_FAULT_EVENT */
	bool guest_can_read_platform_info;	/* KVM_CAP_MSR_PLATFORM_INFO */
	u32 max_vcpu_ids;			/* KVM_CAP_MAX_VCPU_ID, 0: default */
	u32 bsp_id;				/* (l:lock) KVM_SET_BOOT_CPU_ID */
	hva_t tss_addr;				/* KVM_SET_TSS_ADDR */
	gpa_t identity_map_addr;		/* KVM_SET_IDENTITY_MAP_ADDR */
	spinlock_t tsc_lock;			/* of the tsc_* below (tsc.c) */
	u64 tsc_last_write, tsc_last_host_ns, tsc_last_offset;
	u32 tsc_last_khz;			/* 0: nothing was written yet */
	bool tsc_chosen;			/* user space wrote a time, not zero */
	struct x86_vm_clock clock;
	struct msr_filter __rcu *msr_filter;	/* (l:lock) read in a read section: msr_filter.c */
	u8 irqchip_kind;			/* (l:lock, before vCPUs) enum irqchip_kind */
	u16 split_pins;				/* (c) with a split irqchip: pins of user space's IOAPIC */
	bool x2apic_ids;			/* (l:lock) KVM_X2APIC_API_USE_32BIT_IDS */
	bool x2apic_no_bcast_quirk;		/* (l:lock) KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK */
	u32 apic_bus_ns;			/* (l:lock, before vCPUs) KVM_CAP_X86_APIC_BUS_CYCLES_NS */
	struct ioapic *ioapic;			/* (c) with a full irqchip, as pic */
	struct pic *pic;
	struct pit *pit;			/* (l:lock) made by KVM_CREATE_PIT2, then (c) */
	struct apic_map __rcu *apic_map;	/* (l:apic_map_lock) read under RCU: irqchip/apic_map.c */
	struct mutex apic_map_lock;
	bool apic_map_stale;			/* (a) what the map is made from has changed */
	atomic_t lowest_turn;			/* (a) whose turn it is among equals, lowest priority */
	atomic_t apf_token;			/* (a) last name of a page: async_pf.c */
	atomic_t lint0_nmi;			/* (a) vCPUs whose LINT0 is an NMI: lapic_pit_tick() */
};

static inline struct x86_vcpu *to_x86_vcpu(struct kvm_vcpu *vcpu)
{
	return container_of(vcpu, struct x86_vcpu, base);
}

static inline struct x86_vm *to_x86_vm(struct kvm *kvm)
{
	return container_of(kvm, struct x86_vm, base);
}

/* --- module.c / setup: what the host has, constant after a vendor module loaded --- */
struct x86_host {
	u64 xcr0;		/* XCR0 of this kernel */
	u64 xss;
	u64 arch_capabilities;
	u32 tsc_khz;
};
extern struct x86_host x86_host;

#define req_event(vcpu)	kvm_make_request(REQ_EVENT, &(vcpu)->base)

#endif
