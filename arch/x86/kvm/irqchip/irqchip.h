/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_IRQCHIP_H
#define DKVM_IRQCHIP_H
/*
 * Interrupt controllers in the kernel: what their parts offer each other and the
 * rest of x86.
 *
 *	gsi --- virt/kvm/irq_route.c --- route.c --+-- pic_set_pin()
 *	                                           +-- ioapic_set_pin() --+
 *	                                           +-- MSI ---------------+-- irq_deliver()
 *	ICR (IPI), PIT, hypercalls ---------------------------------------+      |
 *	                                                                   lapic_post()
 *
 * A local APIC belongs to its vCPU's thread. Everybody else posts to it: a
 * vector into the bitmap of posted interrupts, INIT, SIPI, NMI as pending
 * events, then a request and a kick. The vCPU takes over what was posted when it
 * sees REQ_EVENT.
 *
 * Locks: vm->irqchip locks are leaves, taken with interrupts off, because an
 * eventfd is signalled from any context. Order: ioapic.lock and pic.lock are not
 * held together; no lock is held while irq_deliver() kicks.
 */
#include <linux/jump_label.h>
#include <linux/types.h>
#include "../x86.h"

enum irqchip_kind {
	IRQCHIP_NONE,		/* user space has all of it */
	IRQCHIP_SPLIT,		/* local APICs here, the rest in user space */
	IRQCHIP_FULL,
};

/* Written once under kvm->lock before any vCPU exists; then constant. */
static inline enum irqchip_kind irqchip_kind(const struct x86_vm *vm)
{
	/* pairs with the release of who created it: the chips are complete */
	return smp_load_acquire(&vm->irqchip_kind);
}

static inline bool lapic_present(const struct x86_vcpu *vcpu)
{
	return vcpu->lapic;
}

/* As in the ICR, in MSI data and in redirection entries (SDM Vol. 3 "Interrupt Command Register (ICR)"). */
enum irq_mode {
	IRQ_MODE_FIXED = 0,
	IRQ_MODE_LOWEST = 1,
	IRQ_MODE_SMI = 2,
	IRQ_MODE_NMI = 4,
	IRQ_MODE_INIT = 5,
	IRQ_MODE_STARTUP = 6,
	IRQ_MODE_EXTINT = 7,
};

enum irq_shorthand { IRQ_DEST_FIELD, IRQ_DEST_SELF, IRQ_DEST_ALL, IRQ_DEST_OTHERS };

/* One interrupt message on the bus between the controllers. */
struct irq_msg {
	u32 dest;		/* physical id or logical destination; 8 bits unless x2APIC ids are used */
	u8 vector;
	u8 mode;		/* enum irq_mode */
	u8 shorthand;		/* enum irq_shorthand; needs a source */
	bool logical;
	bool level;		/* trigger mode */
	bool assert;		/* of a level-triggered message; false: de-assert, ignored but for INIT */
	bool lowest_hint;	/* MSI redirection hint: one of the destinations will do */
};

/* What became of an interrupt: for KVM_IRQ_LINE_STATUS and for timers that count. */
enum irq_fate {
	IRQ_IGNORED = -1,	/* masked, or nobody to take it */
	IRQ_COALESCED = 0,	/* the same is pending already */
	IRQ_DELIVERED = 1,	/* at least one vCPU has it */
};

/**
 * irq_deliver - deliver a message to the local APICs that it names
 * @vm: VM with local APICs in the kernel
 * @source: sending vCPU, or NULL for a device
 * @msg: copied, nothing of it needs to stay
 *
 * Context: any but NMI; interrupts may be off; does not sleep. Takes RCU itself.
 * Return: enum irq_fate.
 */
enum irq_fate irq_deliver(struct x86_vm *vm, struct x86_vcpu *source, const struct irq_msg *msg);

/**
 * irq_deliver_msi - the same for an MSI
 * @address: its upper half has the upper 24 bits of the destination (KVM_CAP_X2APIC_API)
 * @data: of the message
 */
enum irq_fate irq_deliver_msi(struct x86_vm *vm, u64 address, u32 data);

/* Does @msg of a device name @vcpu among its destinations? Any context. */
bool irq_msg_targets(const struct irq_msg *msg, struct x86_vcpu *vcpu);
void irq_msg_from_msi(const struct x86_vm *vm, u64 address, u32 data, struct irq_msg *msg);

/* A vCPU has become visible, or ids, modes, LDR, DFR changed: apic_map.c. May sleep. */
void apic_map_update(struct x86_vm *vm);
void apic_map_free(struct x86_vm *vm);		/* no sender is left */

/* --- local APIC, vCPU thread: lapic.c --- */

/**
 * lapic_create - the vCPU that is being made gets a local APIC
 * Return: 0 or -ENOMEM. lapic_free() undoes it, also when there is none.
 */
int lapic_create(struct x86_vcpu *vcpu);
void lapic_free(struct x86_vcpu *vcpu);
void lapic_reset(struct x86_vcpu *vcpu, bool init);

/* Posted interrupts come into the IRR. Called when REQ_EVENT was taken; true: something came. */
bool lapic_sync_posted(struct x86_vcpu *vcpu);
/*
 * Vector that the CPU would be given now (priority above PPR), LAPIC_IRQ_PIC when it is the
 * PIC's (through LINT0; its acknowledge cycle will tell the vector), or -1. Posted ones count.
 */
#define LAPIC_IRQ_PIC	256
int lapic_pending_irq(struct x86_vcpu *vcpu);
/* It is delivered now: IRR to ISR, or the PIC's acknowledge cycle. Returns the vector, -1 if it is gone. */
int lapic_take_irq(struct x86_vcpu *vcpu);

/*
 * An APIC in hardware (vendor_ops.def, apic_hardware): the processor hands interrupts over by
 * itself. choose: before events are chosen, may sleep; to_hardware: tells it what there is.
 * Interrupts of the PIC still need to be injected. eoi_exited: the guest has ended that one.
 */
void lapic_choose_hardware(struct x86_vcpu *vcpu);
bool lapic_in_hardware(const struct x86_vcpu *vcpu);
void lapic_to_hardware(struct x86_vcpu *vcpu);
bool lapic_pic_waits(struct x86_vcpu *vcpu);
/*
 * Hardware that takes posted interrupts from memory by itself (VMX: "posted-interrupt
 * descriptor"), or NULL. take_posted: before an entry, interrupts off, if lapic_has_posted().
 */
struct lapic_pid *lapic_pid(const struct x86_vcpu *vcpu);
void lapic_take_posted(struct x86_vcpu *vcpu);
DECLARE_STATIC_KEY_FALSE(lapic_posts);		/* there is such hardware */

/*
 * Vectors that others posted: laid out as the posted-interrupt descriptor (SDM
 * Vol. 3 "Posted-Interrupt Processing"). Senders set a bit of @pir, then
 * LAPIC_PID_ON; whoever sets that makes the request and kicks. The vCPU clears
 * LAPIC_PID_ON, then takes @pir: a bit set after that comes with another request.
 */
struct lapic_pid {
	unsigned long pir[4];
	unsigned long control;
	unsigned long reserved[3];
} __aligned(64);
static_assert(sizeof(struct lapic_pid) == 64);

#define LAPIC_PID_ON	0	/* bit of control: outstanding notification */

static inline bool lapic_has_posted(const struct lapic_pid *pid)
{
	return READ_ONCE(pid->control) & BIT(LAPIC_PID_ON);
}

void lapic_eoi_exited(struct x86_vcpu *vcpu, u8 vector);
/*
 * It has written a register in the page, and what follows from that is left to us. With @atomic
 * interrupts may be off, and false means: without.
 */
bool lapic_page_written(struct x86_vcpu *vcpu, unsigned int offset, bool atomic);

/* The interrupt in service has ended, as the guest has said in memory (PV EOI). Interrupts may be off. */
void lapic_pv_eoi(struct x86_vcpu *vcpu);
/* Would that change nothing but ISR and PPR? Then nobody needs to hear of it at once. */
bool lapic_eoi_is_silent(const struct x86_vcpu *vcpu);

void lapic_set_cr8(struct x86_vcpu *vcpu, u64 cr8);
/*
 * Its registers, as hardware that virtualizes the APIC wants them: a page (VMX: "virtual-APIC
 * page"), or NULL. Hardware may write TPR there while the guest runs: lapic_tpr_moved() is to
 * be called before anything else looks; interrupts may be off.
 */
const u8 *lapic_page(const struct x86_vcpu *vcpu);
void lapic_tpr_moved(struct x86_vcpu *vcpu);
/* Priority class of the interrupt that waits only for the guest to lower CR8; -1: there is none */
int lapic_tpr_threshold(struct x86_vcpu *vcpu);

/* APICBASE has a new value, which was legal; @old: what it was. May sleep. */
void lapic_base_changed(struct x86_vcpu *vcpu, u64 old, bool host);
/* x2APIC MSRs (0x800-0x8ff); false: #GP(0). May sleep. */
bool lapic_x2apic_read(struct x86_vcpu *vcpu, u32 msr, u64 *val);
bool lapic_x2apic_write(struct x86_vcpu *vcpu, u32 msr, u64 val);
/* The same with interrupts off, where that is possible; false, nothing done: the slow way */
bool lapic_x2apic_read_fast(struct x86_vcpu *vcpu, u32 msr, u64 *val);
bool lapic_x2apic_write_fast(struct x86_vcpu *vcpu, u32 msr, u64 val);
/* Is the APIC an xAPIC in the page where they usually are, so that hardware may answer? Any thread. */
bool lapic_in_usual_page(const struct x86_vcpu *vcpu);
/* Is that address in the page that APICBASE names? */
static inline bool lapic_at(const struct x86_vcpu *vcpu, gpa_t gpa)
{
	return vcpu->lapic && !((gpa ^ vcpu->msr.apic_base) >> PAGE_SHIFT);
}
/* An access to the xAPIC page? True: done. With @atomic interrupts may be off, and false may mean: the slow way. */
bool lapic_mmio_read(struct x86_vcpu *vcpu, gpa_t gpa, int len, void *val, bool atomic);
bool lapic_mmio_write(struct x86_vcpu *vcpu, gpa_t gpa, int len, const void *val, bool atomic);
/* IA32_TSC_DEADLINE; interrupts may be off */
u64 lapic_deadline_get(struct x86_vcpu *vcpu);
void lapic_deadline_set(struct x86_vcpu *vcpu, u64 deadline, bool host);
/* CPUID was set: features of the APIC that follow from it */
void lapic_cpuid_changed(struct x86_vcpu *vcpu);
/* REQ_LAPIC_EXIT was taken: user space has to hear of an EOI or a TPR access. RUN_*. */
int lapic_exit_to_user(struct x86_vcpu *vcpu);

/* Pending INIT and SIPI: bits; consumed by the vCPU's run loop. */
#define LAPIC_INIT_BIT		0
#define LAPIC_SIPI_BIT		1
#define LAPIC_EVENT_INIT	BIT(LAPIC_INIT_BIT)
#define LAPIC_EVENT_SIPI	BIT(LAPIC_SIPI_BIT)
unsigned long lapic_events(const struct x86_vcpu *vcpu);	/* any thread */
void lapic_latch_init(struct x86_vcpu *vcpu, bool set);		/* KVM_SET_VCPU_EVENTS */
unsigned long lapic_take_events(struct x86_vcpu *vcpu, u8 *sipi_vector);
/* KVM_SET_MP_STATE(SIPI_RECEIVED), KVM_SET_VCPU_EVENTS: a SIPI is pending, with the vector it last had; that vector. */
void lapic_post_sipi_again(struct x86_vcpu *vcpu);
void lapic_set_sipi_vector(struct x86_vcpu *vcpu, u8 vector);

/* KVM_GET_LAPIC, KVM_SET_LAPIC; 0, or -EINVAL: no local APIC here, or another's id */
int lapic_get_state(struct x86_vcpu *vcpu, struct kvm_lapic_state *s);
int lapic_set_state(struct x86_vcpu *vcpu, const struct kvm_lapic_state *s);
int lapic_set_tpr_reporting(struct x86_vcpu *vcpu, const struct kvm_tpr_access_ctl *ctl);
/* In a read section. 0, or -EINVAL: no local APIC here, or no memory there */
int lapic_set_vapic(struct x86_vcpu *vcpu, const struct kvm_vapic_addr *va);
/* KVM_CAP_X2APIC_API, KVM_CAP_X86_APIC_BUS_CYCLES_NS; flags have been checked */
int lapic_vm_enable_cap(struct x86_vm *vm, const struct kvm_enable_cap *cap);

/* Timer: moves with the vCPU, and with its TSC (tsc.c calls it when the offset or ratio changed). */
void lapic_timer_tsc_changed(struct x86_vcpu *vcpu);
/* The vendor's timer (guest_timer_set) has expired; interrupts may be off. */
void lapic_timer_guest_expired(struct x86_vcpu *vcpu);
/* The vCPU is about to wait outside of the guest, and the timer shall wake it. */
void lapic_timer_block(struct x86_vcpu *vcpu);
/* SVM/VMX load and put: the hrtimer follows the vCPU's CPU */
void lapic_timer_migrate(struct x86_vcpu *vcpu);

/* The PIC's output changed: wake whoever takes ExtINT. Any context. */
void lapic_pic_changed(struct x86_vm *vm);
/* The PIT ticked: LINT0 programmed as NMI gets one (the old NMI watchdog). */
void lapic_pit_tick(struct x86_vm *vm);
/* May @vcpu take the PIC's interrupt? (LVT0 ExtINT, or APIC off on the boot CPU) */
bool lapic_accepts_pic(const struct x86_vcpu *vcpu);

/* Which vectors' EOI leave this APIC: recomputed from IOAPIC or routes on REQ_SCAN_EOI. */
void lapic_scan_eoi(struct x86_vcpu *vcpu);
/* Makes REQ_SCAN_EOI of all vCPUs; after IOAPIC entries, routes or the APIC map changed. Any context. */
void irqchip_eoi_changed(struct x86_vm *vm);

/* A corrected machine check: the interrupt that its LVT says */
void lapic_cmci(struct x86_vcpu *vcpu);

/* --- IOAPIC, PIC, PIT: ioapic.c, pic.c, pit.c, irqchip.c --- */

#define IRQCHIP_PINS	24	/* of the IOAPIC; GSI n is pin n */

/* Level of a pin from one of its sources; the pin is the OR of all. Any context. */
enum irq_fate ioapic_set_pin(struct x86_vm *vm, unsigned int pin, int source, bool level);
enum irq_fate pic_set_pin(struct x86_vm *vm, unsigned int pin, int source, bool level);
/* EOI of a level-triggered vector reached the IOAPIC: acknowledge, deliver again if the line is still up. */
void ioapic_eoi(struct x86_vm *vm, struct x86_vcpu *vcpu, u8 vector);
/* Adds the vectors whose EOI this VM's IOAPIC wants from @vcpu to @vectors (256 bits). */
void ioapic_scan_eoi(struct x86_vcpu *vcpu, unsigned long *vectors);

bool pic_pending(struct x86_vm *vm);		/* its output is up; lockless */
int pic_ack(struct x86_vm *vm);			/* acknowledge cycle: vector */

/* KVM_CREATE_IRQCHIP, GET/SET_IRQCHIP, PIT ioctls; -ENOTTY for others. */
long irqchip_vm_ioctl(struct x86_vm *vm, unsigned int ioctl, void __user *argp);
/* Timers and workers stop; idempotent; first thing when a VM goes. irqchip_free(): memory, last. */
void irqchip_stop(struct x86_vm *vm);
void irqchip_free(struct x86_vm *vm);

/* --- routes: route.c --- */

/* KVM_CAP_SPLIT_IRQCHIP: @pins of user space's IOAPIC whose EOI exits. */
int irqchip_split(struct x86_vm *vm, u64 pins);
/* The table that KVM_CREATE_IRQCHIP begins with: PIC and IOAPIC, GSI = pin. 0 or -ENOMEM. */
int route_default(struct x86_vm *vm);
/* Split: adds the vectors of level-triggered MSI routes of the first pins that target @vcpu. */
void route_scan_eoi(struct x86_vcpu *vcpu, unsigned long *vectors);

#endif
