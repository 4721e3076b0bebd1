/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The trace event pfstat:cow_fault: one for every fault that is counted, per
 * target that counts it.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pfstat

#if !defined(_PFSTAT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PFSTAT_TRACE_H

#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/tracepoint.h>

#include "pfstat.h"

/*
 * name      the tracked name; of a pid, its name when tracking began
 * pid       of the process whose memory it is
 * mm        its mm, to tell spaces apart
 * address   of the page, in user space
 * vma       start of its VMA at that time
 * kind      enum pfstat_kind
 * ip        user-mode instruction, 0 if the fault was the kernel's
 * duration  ns in the fault up to this point; 0 unless it is measured
 * run       number of the run of the target that it is counted in
 */
TRACE_EVENT(cow_fault,
	TP_PROTO(const struct pf_space *space, unsigned long address,
		 unsigned long vma, unsigned int kind, bool user, u64 duration),
	TP_ARGS(space, address, vma, kind, user, duration),
	TP_STRUCT__entry(
		__field(u64, mm)
		__field(u64, address)
		__field(u64, vma)
		__field(u64, ip)
		__field(u64, duration)
		__field(u64, run)
		__field(pid_t, pid)
		__field(u32, kind)
		/* as __string(), but the length is known */
		__dynamic_array(char, name, space->target->label_len + 1)
	),
	TP_fast_assign(
		__entry->mm = (unsigned long)space->mm;
		__entry->address = address;
		__entry->vma = vma;
		__entry->ip = user ?
			instruction_pointer(task_pt_regs(current)) : 0;
		__entry->duration = space->target->latency ? duration : 0;
		__entry->run = space->run;
		__entry->pid = pid_nr(space->pid);
		__entry->kind = kind;
		memcpy(__get_dynamic_array(name), space->target->key.name,
		       space->target->label_len + 1);
	),
	TP_printk("name=%s pid=%d mm=%llx address=0x%llx vma=0x%llx kind=%s ip=0x%llx duration=%llu run=%llu",
		  __get_str(name), __entry->pid, __entry->mm,
		  __entry->address, __entry->vma,
		  __print_symbolic(__entry->kind,
				   { PFSTAT_COPY, "copy" },
				   { PFSTAT_REUSE, "reuse" },
				   { PFSTAT_ZERO, "zero" },
				   { PFSTAT_FILE, "file" },
				   { PFSTAT_HUGE, "huge" },
				   { PFSTAT_KERNEL, "kernel" },
				   { PFSTAT_UNSHARE, "unshare" }),
		  __entry->ip, __entry->duration, __entry->run)
);

#endif /* _PFSTAT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH pfstat
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
