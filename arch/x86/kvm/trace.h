/* SPDX-License-Identifier: GPL-2.0-only */
#if !defined(DKVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DKVM_TRACE_H
/*
 * Tracepoints of the system "kvm". Names, fields and formats are an interface:
 * perf kvm, trace-cmd and kvm_stat know them. What a tracepoint needs beyond
 * registers at hand is fetched only when it is on (kvm_exit: run.c).
 */
#include <linux/kvm.h>
#include <linux/tracepoint.h>
#include <kvm/trace_words.h>
#include <kvm/types.h>
#include <asm/pvclock-abi.h>
#include <asm/svm.h>
#include <asm/vmx.h>

struct x86_exit_info;

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#ifndef DKVM_TRACE_TABLES
#define DKVM_TRACE_TABLES
#define TRACE_ISA_VMX	1	/* KVM_ISA_* of user space's perf */

enum { TRACE_MMIO_READ_UNSATISFIED, TRACE_MMIO_READ, TRACE_MMIO_WRITE };

#define TRACE_EXIT_NAMES						\
	{ KVM_EXIT_UNKNOWN, "KVM_EXIT_UNKNOWN" },			\
	{ KVM_EXIT_EXCEPTION, "KVM_EXIT_EXCEPTION" },			\
	{ KVM_EXIT_IO, "KVM_EXIT_IO" },					\
	{ KVM_EXIT_HYPERCALL, "KVM_EXIT_HYPERCALL" },			\
	{ KVM_EXIT_DEBUG, "KVM_EXIT_DEBUG" },				\
	{ KVM_EXIT_HLT, "KVM_EXIT_HLT" },				\
	{ KVM_EXIT_MMIO, "KVM_EXIT_MMIO" },				\
	{ KVM_EXIT_IRQ_WINDOW_OPEN, "KVM_EXIT_IRQ_WINDOW_OPEN" },	\
	{ KVM_EXIT_SHUTDOWN, "KVM_EXIT_SHUTDOWN" },			\
	{ KVM_EXIT_FAIL_ENTRY, "KVM_EXIT_FAIL_ENTRY" },			\
	{ KVM_EXIT_INTR, "KVM_EXIT_INTR" },				\
	{ KVM_EXIT_SET_TPR, "KVM_EXIT_SET_TPR" },			\
	{ KVM_EXIT_INTERNAL_ERROR, "KVM_EXIT_INTERNAL_ERROR" },		\
	{ KVM_EXIT_X86_RDMSR, "KVM_EXIT_X86_RDMSR" },			\
	{ KVM_EXIT_X86_WRMSR, "KVM_EXIT_X86_WRMSR" },			\
	{ KVM_EXIT_MEMORY_FAULT, "KVM_EXIT_MEMORY_FAULT" }

#define TRACE_EXCEPTION_NAMES						\
	{ DE_VECTOR, "#DE" }, { DB_VECTOR, "#DB" }, { BP_VECTOR, "#BP" }, \
	{ OF_VECTOR, "#OF" }, { BR_VECTOR, "#BR" }, { UD_VECTOR, "#UD" }, \
	{ NM_VECTOR, "#NM" }, { DF_VECTOR, "#DF" }, { TS_VECTOR, "#TS" }, \
	{ NP_VECTOR, "#NP" }, { SS_VECTOR, "#SS" }, { GP_VECTOR, "#GP" }, \
	{ PF_VECTOR, "#PF" }, { MF_VECTOR, "#MF" }, { AC_VECTOR, "#AC" }, \
	{ MC_VECTOR, "#MC" }

#define TRACE_DELIVERY_NAMES						\
	{ 0, "Fixed" }, { 1, "LowPrio" }, { 2, "SMI" }, { 3, "Res3" },	\
	{ 4, "NMI" }, { 5, "INIT" }, { 6, "SIPI" }, { 7, "ExtINT" }

#define TRACE_APIC_NAMES						\
	{ 0x02, "APIC_ID" }, { 0x03, "APIC_LVR" }, { 0x08, "APIC_TASKPRI" }, \
	{ 0x09, "APIC_ARBPRI" }, { 0x0a, "APIC_PROCPRI" }, { 0x0b, "APIC_EOI" }, \
	{ 0x0c, "APIC_RRR" }, { 0x0d, "APIC_LDR" }, { 0x0e, "APIC_DFR" }, \
	{ 0x0f, "APIC_SPIV" }, { 0x10, "APIC_ISR" }, { 0x18, "APIC_TMR" }, \
	{ 0x20, "APIC_IRR" }, { 0x28, "APIC_ESR" }, { 0x2f, "APIC_LVTCMCI" }, \
	{ 0x30, "APIC_ICR" }, { 0x31, "APIC_ICR2" }, { 0x32, "APIC_LVTT" }, \
	{ 0x33, "APIC_LVTTHMR" }, { 0x34, "APIC_LVTPC" }, { 0x35, "APIC_LVT0" }, \
	{ 0x36, "APIC_LVT1" }, { 0x37, "APIC_LVTERR" }, { 0x38, "APIC_TMICT" }, \
	{ 0x39, "APIC_TMCCT" }, { 0x3e, "APIC_TDCR" }, { 0x3f, "APIC_SELF_IPI" }

/* One of the tracepoints of the local APIC goes on or off: irqchip/lapic_trace.c */
int lapic_trace_reg(void);
void lapic_trace_unreg(void);

#define TRACE_REASON(reason, isa)					\
	((isa) == TRACE_ISA_VMX ?					\
	 __print_symbolic((reason) & 0xffff, VMX_EXIT_REASONS) :	\
	 __print_symbolic(reason, SVM_EXIT_REASONS))
#endif

TRACE_EVENT(kvm_entry,
	TP_PROTO(unsigned int vcpu_id, unsigned long rip, bool immediate_exit),
	TP_ARGS(vcpu_id, rip, immediate_exit),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id) __field(unsigned long, rip)
		__field(bool, immediate_exit)
	),
	TP_fast_assign(
		KEEP(vcpu_id) KEEP(rip) KEEP(immediate_exit)
	),
	TP_printk("vcpu %u, rip 0x%lx%s", ENT(vcpu_id), ENT(rip),
		  ENT(immediate_exit) ? "[immediate exit]" : "")
);

TRACE_EVENT(kvm_exit,
	TP_PROTO(unsigned int vcpu_id, unsigned long rip, u32 isa, const struct x86_exit_info *info),
	TP_ARGS(vcpu_id, rip, isa, info),
	TP_STRUCT__entry(
		__field(unsigned int, exit_reason) __field(unsigned long, guest_rip)
		__field(u32, isa) __field(u64, info1) __field(u64, info2)
		__field(u32, intr_info) __field(u32, error_code) __field(unsigned int, vcpu_id)
	),
	TP_fast_assign(
		__entry->exit_reason = info->reason;
		__entry->guest_rip = rip;
		KEEP(isa) KEEP(vcpu_id)
		KEEP_OF(info, info1) KEEP_OF(info, info2)
		KEEP_OF(info, intr_info) KEEP_OF(info, error_code)
	),
	TP_printk("vcpu %u reason %s rip 0x%lx info1 0x%016llx info2 0x%016llx intr_info 0x%08x error_code 0x%08x",
		  ENT(vcpu_id), TRACE_REASON(ENT(exit_reason), ENT(isa)),
		  ENT(guest_rip), ENT(info1), ENT(info2),
		  ENT(intr_info), ENT(error_code))
);

TRACE_EVENT(kvm_userspace_exit,
	TP_PROTO(__u32 reason, int errno),
	TP_ARGS(reason, errno),
	TP_STRUCT__entry(
		__field(__u32, reason) __field(int, errno)
	),
	TP_fast_assign(
		KEEP(reason) KEEP(errno)
	),
	TP_printk("reason %s (%d)",
		  ENT(errno) >= 0 ? __print_symbolic(ENT(reason), TRACE_EXIT_NAMES) :
		  ENT(errno) == -EINTR ? "restart" : "error",
		  ENT(errno) < 0 ? -ENT(errno) : ENT(reason))
);

TRACE_EVENT(kvm_hypercall,
	TP_PROTO(unsigned long nr, const u64 *arg),
	TP_ARGS(nr, arg),
	TP_STRUCT__entry(
		__field(unsigned long, nr) __field(unsigned long, a0)
		__field(unsigned long, a1) __field(unsigned long, a2)
		__field(unsigned long, a3)
	),
	TP_fast_assign(
		KEEP(nr) KEEP_ARG(a0, 0) KEEP_ARG(a1, 1) KEEP_ARG(a2, 2) KEEP_ARG(a3, 3)
	),
	TP_printk("nr 0x%lx a0 0x%lx a1 0x%lx a2 0x%lx a3 0x%lx", ENT(nr),
		  ENT(a0), ENT(a1), ENT(a2), ENT(a3))
);

/* @data: what is transferred, @count items of @size bytes; the first one is shown */
TRACE_EVENT(kvm_pio,
	TP_PROTO(u32 rw, u32 port, u32 size, u32 count, const void *data),
	TP_ARGS(rw, port, size, count, data),
	TP_STRUCT__entry(
		__field(unsigned int, rw) __field(unsigned int, port)
		__field(unsigned int, size) __field(unsigned int, count)
		__field(unsigned int, val)
	),
	TP_fast_assign(
		KEEP(rw) KEEP(port) KEEP(size) KEEP(count)
		__entry->val = 0;
		memcpy(&__entry->val, data, min_t(unsigned int, size, 4));
	),
	TP_printk("pio_%s at 0x%x size %d count %d val 0x%x %s",
		  ENT(rw) ? "write" : "read", ENT(port), ENT(size),
		  ENT(count), ENT(val), ENT(count) > 1 ? "(...)" : "")
);

/* @val: the data, or NULL for a read that user space has yet to answer */
TRACE_EVENT(kvm_mmio,
	TP_PROTO(int type, int len, u64 gpa, const void *val),
	TP_ARGS(type, len, gpa, val),
	TP_STRUCT__entry(
		__field(u32, type) __field(u32, len) __field(u64, gpa) __field(u64, val)
	),
	TP_fast_assign(
		KEEP(type) KEEP(len) KEEP(gpa)
		__entry->val = 0;
		if (val)
			memcpy(&__entry->val, val, min_t(u32, len, 8));
	),
	TP_printk("mmio %s len %u gpa 0x%llx val 0x%llx",
		  __print_symbolic(ENT(type),
				   { TRACE_MMIO_READ_UNSATISFIED, "unsatisfied-read" },
				   { TRACE_MMIO_READ, "read" },
				   { TRACE_MMIO_WRITE, "write" }),
		  ENT(len), ENT(gpa), ENT(val))
);

TRACE_EVENT(kvm_fast_mmio,
	TP_PROTO(u64 gpa),
	TP_ARGS(gpa),
	TP_STRUCT__entry(__field(u64, gpa)),
	TP_fast_assign(KEEP(gpa)),
	TP_printk("fast mmio at gpa 0x%llx", ENT(gpa))
);

TRACE_EVENT(vcpu_match_mmio,
	TP_PROTO(gva_t gva, gpa_t gpa, bool write, bool gpa_match),
	TP_ARGS(gva, gpa, write, gpa_match),
	TP_STRUCT__entry(
		__field(gva_t, gva) __field(gpa_t, gpa) __field(bool, write)
		__field(bool, gpa_match)
	),
	TP_fast_assign(
		KEEP(gva) KEEP(gpa) KEEP(write) KEEP(gpa_match)
	),
	TP_printk("gva %#lx gpa %#llx %s %s", ENT(gva), ENT(gpa),
		  ENT(write) ? "Write" : "Read", ENT(gpa_match) ? "GPA" : "GVA")
);

/* @r: RAX, RBX, RCX, RDX as the guest sees them */
TRACE_EVENT(kvm_cpuid,
	TP_PROTO(unsigned int function, unsigned int index, const u32 *r,
		 bool found, bool used_max_basic),
	TP_ARGS(function, index, r, found, used_max_basic),
	TP_STRUCT__entry(
		__field(unsigned int, function) __field(unsigned int, index)
		__field(unsigned long, rax) __field(unsigned long, rbx)
		__field(unsigned long, rcx) __field(unsigned long, rdx) __field(bool, found)
		__field(bool, used_max_basic)
	),
	TP_fast_assign(
		KEEP(function) KEEP(index)
		__entry->rax = r[0];
		__entry->rbx = r[1];
		__entry->rcx = r[2];
		__entry->rdx = r[3];
		KEEP(found) KEEP(used_max_basic)
	),
	TP_printk("func %x idx %x rax %lx rbx %lx rcx %lx rdx %lx, cpuid entry %s%s",
		  ENT(function), ENT(index), ENT(rax), ENT(rbx),
		  ENT(rcx), ENT(rdx), ENT(found) ? "found" : "not found",
		  ENT(used_max_basic) ? ", used max basic" : "")
);

TRACE_EVENT(kvm_msr,
	TP_PROTO(unsigned int write, u32 ecx, u64 data, bool exception),
	TP_ARGS(write, ecx, data, exception),
	TP_STRUCT__entry(
		__field(unsigned int, write) __field(u32, ecx) __field(u64, data)
		__field(u8, exception)
	),
	TP_fast_assign(
		KEEP(write) KEEP(ecx) KEEP(data) KEEP(exception)
	),
	TP_printk("msr_%s %x = 0x%llx%s", ENT(write) ? "write" : "read",
		  ENT(ecx), ENT(data), ENT(exception) ? " (#GP)" : "")
);

TRACE_EVENT(kvm_cr,
	TP_PROTO(unsigned int rw, unsigned int cr, unsigned long val),
	TP_ARGS(rw, cr, val),
	TP_STRUCT__entry(
		__field(unsigned int, rw) __field(unsigned int, cr) __field(unsigned long, val)
	),
	TP_fast_assign(
		KEEP(rw) KEEP(cr) KEEP(val)
	),
	TP_printk("cr_%s %x = 0x%lx", ENT(rw) ? "write" : "read",
		  ENT(cr), ENT(val))
);

TRACE_EVENT(kvm_inj_virq,
	TP_PROTO(unsigned int vector, bool soft, bool reinjected),
	TP_ARGS(vector, soft, reinjected),
	TP_STRUCT__entry(
		__field(unsigned int, vector) __field(bool, soft) __field(bool, reinjected)
	),
	TP_fast_assign(
		KEEP(vector) KEEP(soft) KEEP(reinjected)
	),
	TP_printk("%s 0x%x%s", ENT(soft) ? "Soft/INTn" : "IRQ", ENT(vector),
		  ENT(reinjected) ? " [reinjected]" : "")
);

TRACE_EVENT(kvm_inj_exception,
	TP_PROTO(unsigned int exception, bool has_error, unsigned int error_code, bool reinjected),
	TP_ARGS(exception, has_error, error_code, reinjected),
	TP_STRUCT__entry(
		__field(u8, exception) __field(u8, has_error) __field(u32, error_code)
		__field(bool, reinjected)
	),
	TP_fast_assign(
		KEEP(exception) KEEP(has_error) KEEP(error_code) KEEP(reinjected)
	),
	TP_printk("%s (0x%x)%s",
		  __print_symbolic(ENT(exception), TRACE_EXCEPTION_NAMES),
		  ENT(has_error) ? ENT(error_code) : 0,
		  ENT(reinjected) ? " [reinjected]" : "")
);

TRACE_EVENT(kvm_page_fault,
	TP_PROTO(unsigned int vcpu_id, unsigned long rip, u64 fault_address, u64 error_code),
	TP_ARGS(vcpu_id, rip, fault_address, error_code),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id) __field(unsigned long, guest_rip)
		__field(u64, fault_address) __field(u64, error_code)
	),
	TP_fast_assign(
		KEEP(vcpu_id)
		__entry->guest_rip = rip;
		KEEP(fault_address) KEEP(error_code)
	),
	TP_printk("vcpu %u rip 0x%lx address 0x%016llx error_code 0x%llx",
		  ENT(vcpu_id), ENT(guest_rip), ENT(fault_address),
		  ENT(error_code))
);

/* @flags: 0 real, 1 protected; 2 vm86 or 16-bit, 4 32-bit, 8 64-bit */
TRACE_EVENT(kvm_emulate_insn,
	TP_PROTO(u64 rip, u32 csbase, const u8 *insn, u8 len, u8 flags, bool failed),
	TP_ARGS(rip, csbase, insn, len, flags, failed),
	TP_STRUCT__entry(
		__field(__u64, rip) __field(__u32, csbase) __field(__u8, len)
		__array(__u8, insn, 15) __field(__u8, flags) __field(__u8, failed)
	),
	TP_fast_assign(
		KEEP(rip) KEEP(csbase)
		__entry->len = min_t(u8, len, 15);
		memset(__entry->insn, 0, 15);
		memcpy(__entry->insn, insn, __entry->len);
		KEEP(flags) KEEP(failed)
	),
	TP_printk("%x:%llx:%s (%s)%s", ENT(csbase), ENT(rip),
		  __print_hex(ENT(insn), ENT(len)),
		  __print_symbolic(ENT(flags), { 0, "real" }, { 3, "vm16" }, { 1, "prot16" },
				   { 5, "prot32" }, { 9, "prot64" }),
		  ENT(failed) ? " failed" : "")
);

TRACE_EVENT(kvm_write_tsc_offset,
	TP_PROTO(unsigned int vcpu_id, __u64 previous, __u64 next),
	TP_ARGS(vcpu_id, previous, next),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id) __field(__u64, previous_tsc_offset)
		__field(__u64, next_tsc_offset)
	),
	TP_fast_assign(
		KEEP(vcpu_id)
		__entry->previous_tsc_offset = previous;
		__entry->next_tsc_offset = next;
	),
	TP_printk("vcpu=%u prev=%llu next=%llu", ENT(vcpu_id),
		  ENT(previous_tsc_offset), ENT(next_tsc_offset))
);

/* --- interrupt controllers --- */

#define TRACE_RTE_ARGS(e)						\
	(u8)((e) >> 56), (u8)(e),					\
	__print_symbolic((e) >> 8 & 7, TRACE_DELIVERY_NAMES),		\
	(e) & BIT_ULL(11) ? "logical" : "physical",			\
	(e) & BIT_ULL(15) ? "level" : "edge",				\
	(e) & BIT_ULL(16) ? "|masked" : ""

TRACE_EVENT(kvm_ioapic_set_irq,
	TP_PROTO(__u64 e, int pin, bool coalesced),
	TP_ARGS(e, pin, coalesced),
	TP_STRUCT__entry(__field(__u64, e) __field(int, pin) __field(bool, coalesced)),
	TP_fast_assign(KEEP(e) KEEP(pin) KEEP(coalesced)),
	TP_printk("pin %u dst %x vec %u (%s|%s|%s%s)%s", ENT(pin), TRACE_RTE_ARGS(ENT(e)),
		  ENT(coalesced) ? " (coalesced)" : "")
);

TRACE_EVENT(kvm_ioapic_delayed_eoi_inj,
	TP_PROTO(__u64 e),
	TP_ARGS(e),
	TP_STRUCT__entry(__field(__u64, e)),
	TP_fast_assign(KEEP(e)),
	TP_printk("dst %x vec %u (%s|%s|%s%s)", TRACE_RTE_ARGS(ENT(e)))
);

TRACE_EVENT(kvm_msi_set_irq,
	TP_PROTO(__u64 address, __u64 data),
	TP_ARGS(address, data),
	TP_STRUCT__entry(__field(__u64, address) __field(__u64, data)),
	TP_fast_assign(KEEP(address) KEEP(data)),
	TP_printk("dst %llx vec %u (%s|%s|%s%s)",
		  (u8)(ENT(address) >> 12) | (ENT(address) >> 32 & 0xffffff00), (u8)ENT(data),
		  __print_symbolic(ENT(data) >> 8 & 7, TRACE_DELIVERY_NAMES),
		  ENT(address) & BIT_ULL(2) ? "logical" : "physical",
		  ENT(data) & BIT_ULL(15) ? "level" : "edge",
		  ENT(address) & BIT_ULL(3) ? "|rh" : "")
);

TRACE_EVENT(kvm_ack_irq,
	TP_PROTO(unsigned int irqchip, unsigned int pin),
	TP_ARGS(irqchip, pin),
	TP_STRUCT__entry(__field(unsigned int, irqchip) __field(unsigned int, pin)),
	TP_fast_assign(KEEP(irqchip) KEEP(pin)),
	TP_printk("irqchip %s pin %u",
		  __print_symbolic(ENT(irqchip), { KVM_IRQCHIP_PIC_MASTER, "PIC master" },
				   { KVM_IRQCHIP_PIC_SLAVE, "PIC slave" },
				   { KVM_IRQCHIP_IOAPIC, "IOAPIC" }), ENT(pin))
);

TRACE_EVENT(kvm_pic_set_irq,
	TP_PROTO(__u8 chip, __u8 pin, __u8 elcr, __u8 imr, bool coalesced),
	TP_ARGS(chip, pin, elcr, imr, coalesced),
	TP_STRUCT__entry(
		__field(__u8, chip) __field(__u8, pin) __field(__u8, elcr) __field(__u8, imr)
		__field(bool, coalesced)
	),
	TP_fast_assign(KEEP(chip) KEEP(pin) KEEP(elcr) KEEP(imr) KEEP(coalesced)),
	TP_printk("chip %u pin %u (%s%s)%s", ENT(chip), ENT(pin),
		  ENT(elcr) & 1 << ENT(pin) ? "level" : "edge",
		  ENT(imr) & 1 << ENT(pin) ? "|masked" : "", ENT(coalesced) ? " (coalesced)" : "")
);

/* @rw: 0 read, 1 write; @reg: its number as an x2APIC MSR */
TRACE_EVENT_FN(kvm_apic,
	TP_PROTO(unsigned int rw, unsigned int reg, u64 val),
	TP_ARGS(rw, reg, val),
	TP_STRUCT__entry(__field(unsigned int, rw) __field(unsigned int, reg) __field(u64, val)),
	TP_fast_assign(KEEP(rw) KEEP(reg) KEEP(val)),
	TP_printk("apic_%s %s = 0x%llx", ENT(rw) ? "write" : "read",
		  __print_symbolic(ENT(reg), TRACE_APIC_NAMES), ENT(val)),
	lapic_trace_reg, lapic_trace_unreg
);

TRACE_EVENT_FN(kvm_apic_ipi,
	TP_PROTO(__u32 icr_low, __u32 dest_id),
	TP_ARGS(icr_low, dest_id),
	TP_STRUCT__entry(__field(__u32, icr_low) __field(__u32, dest_id)),
	TP_fast_assign(KEEP(icr_low) KEEP(dest_id)),
	TP_printk("dst %x vec %u (%s|%s|%s|%s|%s)", ENT(dest_id), (u8)ENT(icr_low),
		  __print_symbolic(ENT(icr_low) >> 8 & 7, TRACE_DELIVERY_NAMES),
		  ENT(icr_low) & BIT(11) ? "logical" : "physical",
		  ENT(icr_low) & BIT(14) ? "assert" : "de-assert",
		  ENT(icr_low) & BIT(15) ? "level" : "edge",
		  __print_symbolic(ENT(icr_low) >> 18 & 3, { 0, "dst" }, { 1, "self" },
				   { 2, "all" }, { 3, "all-but-self" })),
	lapic_trace_reg, lapic_trace_unreg
);

TRACE_EVENT_FN(kvm_apic_accept_irq,
	TP_PROTO(__u32 apicid, __u16 dm, __u16 tm, __u8 vec),
	TP_ARGS(apicid, dm, tm, vec),
	TP_STRUCT__entry(
		__field(__u32, apicid) __field(__u16, dm) __field(__u16, tm) __field(__u8, vec)
	),
	TP_fast_assign(KEEP(apicid) KEEP(dm) KEEP(tm) KEEP(vec)),
	TP_printk("apicid %x vec %u (%s|%s)", ENT(apicid), ENT(vec),
		  __print_symbolic(ENT(dm), TRACE_DELIVERY_NAMES), ENT(tm) ? "level" : "edge"),
	lapic_trace_reg, lapic_trace_unreg
);

DECLARE_EVENT_CLASS(kvm_apic_eoi,
	TP_PROTO(__u32 apicid, int vector),
	TP_ARGS(apicid, vector),
	TP_STRUCT__entry(__field(__u32, apicid) __field(int, vector)),
	TP_fast_assign(KEEP(apicid) KEEP(vector)),
	TP_printk("apicid %x vector %d", ENT(apicid), ENT(vector))
);

DEFINE_EVENT(kvm_apic_eoi, kvm_eoi,
	TP_PROTO(__u32 apicid, int vector), TP_ARGS(apicid, vector));
DEFINE_EVENT(kvm_apic_eoi, kvm_pv_eoi,
	TP_PROTO(__u32 apicid, int vector), TP_ARGS(apicid, vector));

/* --- time --- */

#define TRACE_CLOCK_NAMES	{ 0, "none" }, { 1, "tsc" }

TRACE_EVENT(kvm_pvclock_update,
	TP_PROTO(unsigned int vcpu_id, const struct pvclock_vcpu_time_info *page),
	TP_ARGS(vcpu_id, page),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id) __field(__u32, version)
		__field(__u64, tsc_timestamp) __field(__u64, system_time)
		__field(__u32, tsc_to_system_mul) __field(__s8, tsc_shift) __field(__u8, flags)
	),
	TP_fast_assign(
		KEEP(vcpu_id) KEEP_OF(page, version) KEEP_OF(page, tsc_timestamp)
		KEEP_OF(page, system_time) KEEP_OF(page, tsc_to_system_mul)
		KEEP_OF(page, tsc_shift) KEEP_OF(page, flags)
	),
	TP_printk("vcpu_id %u, pvclock { version %u, tsc_timestamp 0x%llx, system_time 0x%llx, tsc_to_system_mul 0x%x, tsc_shift %d, flags 0x%x }",
		  ENT(vcpu_id), ENT(version), ENT(tsc_timestamp), ENT(system_time),
		  ENT(tsc_to_system_mul), ENT(tsc_shift), ENT(flags))
);

TRACE_EVENT(kvm_update_master_clock,
	TP_PROTO(bool use_master_clock, unsigned int host_clock, bool offset_matched),
	TP_ARGS(use_master_clock, host_clock, offset_matched),
	TP_STRUCT__entry(
		__field(bool, use_master_clock) __field(unsigned int, host_clock)
		__field(bool, offset_matched)
	),
	TP_fast_assign(KEEP(use_master_clock) KEEP(host_clock) KEEP(offset_matched)),
	TP_printk("masterclock %d hostclock %s offsetmatched %u", ENT(use_master_clock),
		  __print_symbolic(ENT(host_clock), TRACE_CLOCK_NAMES), ENT(offset_matched))
);

TRACE_EVENT(kvm_track_tsc,
	TP_PROTO(unsigned int vcpu_id, unsigned int nr_vcpus_matched_tsc,
		 unsigned int online_vcpus, bool use_master_clock, unsigned int host_clock),
	TP_ARGS(vcpu_id, nr_vcpus_matched_tsc, online_vcpus, use_master_clock, host_clock),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id) __field(unsigned int, nr_vcpus_matched_tsc)
		__field(unsigned int, online_vcpus) __field(bool, use_master_clock)
		__field(unsigned int, host_clock)
	),
	TP_fast_assign(
		KEEP(vcpu_id) KEEP(nr_vcpus_matched_tsc) KEEP(online_vcpus)
		KEEP(use_master_clock) KEEP(host_clock)
	),
	TP_printk("vcpu_id %u masterclock %u offsetmatched %u nr_online %u hostclock %s",
		  ENT(vcpu_id), ENT(use_master_clock), ENT(nr_vcpus_matched_tsc),
		  ENT(online_vcpus), __print_symbolic(ENT(host_clock), TRACE_CLOCK_NAMES))
);

TRACE_EVENT(kvm_smm_transition,
	TP_PROTO(unsigned int vcpu_id, u64 smbase, bool entering),
	TP_ARGS(vcpu_id, smbase, entering),
	TP_STRUCT__entry(__field(unsigned int, vcpu_id) __field(u64, smbase) __field(bool, entering)),
	TP_fast_assign(KEEP(vcpu_id) KEEP(smbase) KEEP(entering)),
	TP_printk("vcpu %u: %s SMM, smbase 0x%llx", ENT(vcpu_id),
		  ENT(entering) ? "entering" : "leaving", ENT(smbase))
);

TRACE_EVENT(kvm_fpu,
	TP_PROTO(int load),
	TP_ARGS(load),
	TP_STRUCT__entry(__field(u32, load)),
	TP_fast_assign(KEEP(load)),
	TP_printk("%s", ENT(load) ? "load" : "unload")
);

#endif /* DKVM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
