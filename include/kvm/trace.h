/* SPDX-License-Identifier: GPL-2.0-only */
#if !defined(DKVM_CORE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DKVM_CORE_TRACE_H
/*
 * Tracepoints of the system "kvm" that are not the architecture's. Names, fields and
 * formats are an interface.
 */
#include <linux/tracepoint.h>
#include <kvm/trace_words.h>
#include <kvm/types.h>

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

/* --- asynchronous page faults --- */

DECLARE_EVENT_CLASS(kvm_apf_page,
	TP_PROTO(u64 gva, u64 gfn),
	TP_ARGS(gva, gfn),
	TP_STRUCT__entry(__field(__u64, gva) __field(u64, gfn)),
	TP_fast_assign(KEEP(gva) KEEP(gfn)),
	TP_printk("gva = %#llx, gfn = %#llx", ENT(gva), ENT(gfn))
);

DEFINE_EVENT(kvm_apf_page, kvm_try_async_get_page,
	TP_PROTO(u64 gva, u64 gfn), TP_ARGS(gva, gfn));
DEFINE_EVENT(kvm_apf_page, kvm_async_pf_repeated_fault,
	TP_PROTO(u64 gva, u64 gfn), TP_ARGS(gva, gfn));

DECLARE_EVENT_CLASS(kvm_apf_token,
	TP_PROTO(u64 token, u64 gva),
	TP_ARGS(token, gva),
	TP_STRUCT__entry(__field(__u64, token) __field(__u64, gva)),
	TP_fast_assign(KEEP(token) KEEP(gva)),
	TP_printk("token %#llx gva %#llx", ENT(token), ENT(gva))
);

DEFINE_EVENT(kvm_apf_token, kvm_async_pf_not_present,
	TP_PROTO(u64 token, u64 gva), TP_ARGS(token, gva));
DEFINE_EVENT(kvm_apf_token, kvm_async_pf_ready,
	TP_PROTO(u64 token, u64 gva), TP_ARGS(token, gva));

TRACE_EVENT(kvm_async_pf_completed,
	TP_PROTO(unsigned long address, u64 gva),
	TP_ARGS(address, gva),
	TP_STRUCT__entry(__field(unsigned long, address) __field(u64, gva)),
	TP_fast_assign(KEEP(address) KEEP(gva)),
	TP_printk("gva %#llx address %#lx", ENT(gva), ENT(address))
);

/* --- waiting --- */

TRACE_EVENT(kvm_vcpu_wakeup,
	TP_PROTO(__u64 ns, bool waited, bool valid),
	TP_ARGS(ns, waited, valid),
	TP_STRUCT__entry(__field(__u64, ns) __field(bool, waited) __field(bool, valid)),
	TP_fast_assign(KEEP(ns) KEEP(waited) KEEP(valid)),
	TP_printk("%s time %lld ns, polling %s", ENT(waited) ? "wait" : "poll", ENT(ns),
		  ENT(valid) ? "valid" : "invalid")
);

TRACE_EVENT(kvm_halt_poll_ns,
	TP_PROTO(bool grow, unsigned int vcpu_id, unsigned int new, unsigned int old),
	TP_ARGS(grow, vcpu_id, new, old),
	TP_STRUCT__entry(
		__field(bool, grow) __field(unsigned int, vcpu_id)
		__field(unsigned int, new) __field(unsigned int, old)
	),
	TP_fast_assign(KEEP(grow) KEEP(vcpu_id) KEEP(new) KEEP(old)),
	TP_printk("vcpu %u: halt_poll_ns %u (%s %u)", ENT(vcpu_id), ENT(new),
		  ENT(grow) ? "grow" : "shrink", ENT(old))
);

/* --- interrupts --- */

TRACE_EVENT(kvm_set_irq,
	TP_PROTO(unsigned int gsi, int level, int irq_source_id),
	TP_ARGS(gsi, level, irq_source_id),
	TP_STRUCT__entry(
		__field(unsigned int, gsi) __field(int, level) __field(int, irq_source_id)
	),
	TP_fast_assign(KEEP(gsi) KEEP(level) KEEP(irq_source_id)),
	TP_printk("gsi %u level %d source %d", ENT(gsi), ENT(level), ENT(irq_source_id))
);

#endif /* DKVM_CORE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kvm
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
