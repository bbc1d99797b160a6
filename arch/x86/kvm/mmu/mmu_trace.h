/* SPDX-License-Identifier: GPL-2.0-only */
#if !defined(KVM_MMU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_MMU_TRACE_H

#include <linux/tracepoint.h>
#include "ret_pf.h"

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvmmmu

TRACE_DEFINE_ENUM(RET_PF_FIXED);
TRACE_DEFINE_ENUM(RET_PF_SPURIOUS);
TRACE_DEFINE_ENUM(RET_PF_EMULATE);
TRACE_DEFINE_ENUM(RET_PF_RETRY);
TRACE_DEFINE_ENUM(RET_PF_INVALID);
TRACE_DEFINE_ENUM(RET_PF_CONTINUE);

#define RET_PF_NAMES					\
	{ RET_PF_CONTINUE,	"CONTINUE" },		\
	{ RET_PF_RETRY,		"RETRY" },		\
	{ RET_PF_EMULATE,	"EMULATE" },		\
	{ RET_PF_INVALID,	"INVALID" },		\
	{ RET_PF_FIXED,		"FIXED" },		\
	{ RET_PF_SPURIOUS,	"SPURIOUS" }

/* How a fault ended, whichever path settled it. */
TRACE_EVENT(kvm_mmu_fault_done,
	TP_PROTO(int vcpu_id, u64 gpa, u64 error_code, u8 level, int ret),
	TP_ARGS(vcpu_id, gpa, error_code, level, ret),

	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u64, error_code)
		__field(int, vcpu_id)
		__field(int, ret)
		__field(u8, level)
	),

	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->gpa = gpa;
		__entry->error_code = error_code;
		__entry->level = level;
		__entry->ret = ret;
	),

	TP_printk("vcpu %d gpa %llx error %llx level %u: %s",
		  __entry->vcpu_id, __entry->gpa, __entry->error_code, __entry->level,
		  __print_symbolic(__entry->ret, RET_PF_NAMES))
);

/* A range was zapped; start and end are frame numbers. */
TRACE_EVENT(kvm_mmu_zap_range,
	TP_PROTO(u8 as_id, u64 start, u64 end),
	TP_ARGS(as_id, start, end),

	TP_STRUCT__entry(
		__field(u64, start)
		__field(u64, end)
		__field(u8, as_id)
	),

	TP_fast_assign(
		__entry->as_id = as_id;
		__entry->start = start;
		__entry->end = end;
	),

	TP_printk("as %u gfn %llx-%llx", __entry->as_id, __entry->start, __entry->end)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH mmu
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE mmu_trace
#include <trace/define_trace.h>
