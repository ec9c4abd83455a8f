/* SPDX-License-Identifier: GPL-2.0-only */
/* Trace events: one for each MSR access of a guest. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM minihv

#if !defined(MINIHV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MINIHV_TRACE_H

#include <linux/tracepoint.h>

#include "msr.h"

#define show_msr_result(result)						\
	__print_symbolic(result,					\
			 { MSR_OK, "ok" },				\
			 { MSR_FILTERED, "filtered" },			\
			 { MSR_UNKNOWN, "unknown" },			\
			 { MSR_ABSENT, "absent" },			\
			 { MSR_READ_ONLY, "read-only" },		\
			 { MSR_RESERVED, "reserved" },			\
			 { MSR_INVALID, "invalid" })

DECLARE_EVENT_CLASS(minihv_msr,
	TP_PROTO(u32 index, u64 data, enum msr_result result),
	TP_ARGS(index, data, result),
	TP_STRUCT__entry(
		__field(u32, index)
		__field(u64, data)
		__field(int, result)
		__field(bool, fault)
	),
	TP_fast_assign(
		__entry->index = index;
		__entry->data = data;
		__entry->result = result;
		__entry->fault = result != MSR_OK;
	),
	TP_printk("index=0x%x data=0x%llx fault=%d (%s)", __entry->index, __entry->data,
		  __entry->fault, show_msr_result(__entry->result))
);

DEFINE_EVENT(minihv_msr, minihv_msr_read,
	TP_PROTO(u32 index, u64 data, enum msr_result result),
	TP_ARGS(index, data, result)
);

DEFINE_EVENT(minihv_msr, minihv_msr_write,
	TP_PROTO(u32 index, u64 data, enum msr_result result),
	TP_ARGS(index, data, result)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
