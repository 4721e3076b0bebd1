/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ABI of /dev/pfstat: which processes are tracked, and how many copy-on-write
 * faults each part of their memory took.
 *
 * Every structure begins with its own size. A caller built against a shorter
 * structure than the kernel's gets zeros for what it does not know; a longer
 * one is accepted while its unknown tail is zero (E2BIG otherwise). Structures
 * are laid out alike for 32-bit and 64-bit callers, so there is no separate
 * compat path.
 *
 * errno, the same for every command:
 *   EFAULT       a pointer (of the structure or in it) can't be read or written
 *   EINVAL       size below the first version's, an unknown flag, a reserved
 *                field that is not zero, an empty name, a NUL or '/' in a name,
 *                a cgroup that does not begin with '/'
 *   ENAMETOOLONG a name of more than PFSTAT_NAME_MAX bytes
 *   ESRCH        that name (or pid, cgroup) is not tracked, or there is no
 *                such process or cgroup
 *   ENODATA      it is tracked, but nothing of that name has run yet
 *   E2BIG        a tail that this kernel module does not know is not zero
 *   EOPNOTSUPP   a value that this kernel module does not know
 *   ENOSPC       PFSTAT_TARGETS_MAX are tracked already
 *   EPERM        no privilege for that process
 *   ENOTTY       unknown command
 */
#ifndef _UAPI_PFSTAT_H
#define _UAPI_PFSTAT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PFSTAT_DEVICE		"/dev/pfstat"
#define PFSTAT_ABI_VERSION	1

/* Longest name, without a terminating NUL. Up to 15 bytes are compared with */
/* the process's comm, longer ones with the basename of its executable. */
#define PFSTAT_NAME_MAX		255
#define PFSTAT_COMM_MAX		15
#define PFSTAT_TARGETS_MAX	4096

/*
 * Kinds of faults. The first five are user-mode write faults in private
 * mappings, and their sum is what "CoW faults" means; the rest stand apart.
 */
enum pfstat_kind {
	PFSTAT_COPY,		/* a page was copied */
	PFSTAT_REUSE,		/* last sharer: kept the page, no copy */
	PFSTAT_ZERO,		/* the zero page was replaced */
	PFSTAT_FILE,		/* first access, a write, to a private file page */
	PFSTAT_HUGE,		/* resolved at PMD level (THP, hugetlb) */
	PFSTAT_KERNEL,		/* any of these, not from user mode */
	PFSTAT_UNSHARE,		/* sharing undone for a pin (GUP), no write */
	PFSTAT_NR_KINDS
};

#define PFSTAT_NR_COW_KINDS	5
#define PFSTAT_KIND_SLOTS	8	/* room in arrays, unused ones are 0 */

/* pfstat_info.hook */
enum pfstat_hook {
	PFSTAT_HOOK_NONE,
	PFSTAT_HOOK_KPROBE,
	PFSTAT_HOOK_FTRACE
};

/* pfstat_info.flags */
#define PFSTAT_INFO_ARMED	0x1 /* probes are in place */
#define PFSTAT_INFO_PRIVILEGED	0x2 /* caller sees every user's processes */

/**
 * struct pfstat_info - PFSTAT_IOC_INFO: what this module is and how it fares
 * @size: in: sizeof(struct pfstat_info) of the caller
 * @flags: in: 0, out: PFSTAT_INFO_*
 * @abi: PFSTAT_ABI_VERSION of the module
 * @kinds: bit mask of enum pfstat_kind that this kernel can tell
 * @hook: enum pfstat_hook in use, or that would be used
 * @targets: names and pids tracked (that the caller may see)
 * @missed: events whose probe did not run (sum of kprobes' nmissed), and one
 *	for each time that probes were found switched off by others
 * @lost: events seen and not recorded, for want of memory
 * @processes: address spaces tracked or kept as results; 0 without
 *	PFSTAT_INFO_PRIVILEGED
 * @chunks: memory held for counts, in chunks of @chunk_bytes; the same
 * @chunk_bytes: size of one
 * @page_size: unit of counting, in bytes
 */
struct pfstat_info {
	__u32 size;
	__u32 flags;
	__u32 abi;
	__u32 kinds;
	__u32 hook;
	__u32 targets;
	__aligned_u64 missed;
	__aligned_u64 lost;
	__u32 processes;
	__u32 chunks;
	__u32 chunk_bytes;
	__u32 page_size;
};

/* pfstat_track.type, pfstat_query.type, ... */
enum pfstat_target_type {
	PFSTAT_TARGET_NAME,
	PFSTAT_TARGET_PID,
	PFSTAT_TARGET_CGROUP
};

/* pfstat_track.flags, of PFSTAT_IOC_TRACK only */
#define PFSTAT_TRACK_FOLLOW	0x100 /* descendants stay, whatever they execute */
#define PFSTAT_TRACK_LATENCY	0x200 /* the trace event has the duration */

/**
 * struct pfstat_track - PFSTAT_IOC_TRACK, _UNTRACK, _RESET, _WATCH: one target
 * @size: in: sizeof(struct pfstat_track) of the caller
 * @flags: PFSTAT_TRACK_*, else 0
 * @type: enum pfstat_target_type
 * @pid: with PFSTAT_TARGET_PID: the process, as the caller numbers it; else 0
 * @name: with PFSTAT_TARGET_NAME and _CGROUP: user pointer; else 0
 * @name_len: bytes at @name, no NUL among them
 * @reserved: 0
 *
 * The @name of a PFSTAT_TARGET_CGROUP is the path of a cgroup of version 2, as
 * in /proc/PID/cgroup, beginning with '/'. Of its run, which is one for ever,
 * are the processes that are in it or below when tracking begins, those that
 * are moved there later, those that execute something there, and what they
 * fork. Who is moved elsewhere leaves when it executes something. The results
 * stay when the cgroup is removed.
 *
 * TRACK: tracking what is tracked changes nothing. With PFSTAT_TRACK_FOLLOW
 * descendants of the target's processes belong to the run, those too that exist
 * already, and none of them leaves it or starts a new one by exec; but for the
 * first exec of a PFSTAT_TARGET_PID itself, which is where its run begins.
 * With PFSTAT_TRACK_LATENCY every page fault of every process becomes dearer, as
 * long as the target is tracked: only for those who may see all processes.
 * RESET: the values of the current run start again from zero.
 * WATCH: from now on poll() of this file reports EPOLLIN while the target's
 * current run has ended, EPOLLHUP when it is no longer tracked.
 */
struct pfstat_track {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 pid;
	__aligned_u64 name;
	__u32 name_len;
	__u32 reserved;
};

/**
 * struct pfstat_target - one element of the answer to PFSTAT_IOC_LIST
 * @type: enum pfstat_target_type
 * @pid: of a PFSTAT_TARGET_PID
 * @run: number of the current run, 0: nothing has run yet
 * @processes: address spaces that belong to the current run
 * @alive: how many of them still exist
 * @uid: the user whose processes it is limited to, or ~0
 * @reserved: 0
 * @name: with a terminating NUL; of a PFSTAT_TARGET_PID its process's name when
 *	tracking began; of a PFSTAT_TARGET_CGROUP its path
 */
struct pfstat_target {
	__u32 type;
	__u32 pid;
	__aligned_u64 run;
	__u32 processes;
	__u32 alive;
	__u32 uid;
	__u32 reserved;
	char name[PFSTAT_NAME_MAX + 1];
};

/**
 * struct pfstat_list - PFSTAT_IOC_LIST: what is tracked
 * @size: in: sizeof(struct pfstat_list) of the caller
 * @flags: 0
 * @targets: user pointer to an array of struct pfstat_target
 * @count: in: room in @targets; out: how many there are, which may be more
 * @target_size: sizeof(struct pfstat_target) of the caller: what it does not
 *	know is left out, what the kernel does not know is filled with zeros
 */
struct pfstat_list {
	__u32 size;
	__u32 flags;
	__aligned_u64 targets;
	__u32 count;
	__u32 target_size;
};

/* pfstat_vma.flags */
#define PFSTAT_VMA_READ		0x1
#define PFSTAT_VMA_WRITE	0x2
#define PFSTAT_VMA_EXEC		0x4
#define PFSTAT_VMA_SHARED	0x8
#define PFSTAT_VMA_UNMAPPED	0x10 /* faults were here, the VMA is gone */

/**
 * struct pfstat_vma - a mapping, or a range where one was, and its counts
 * @start: first address
 * @end: first address behind it
 * @offset: of the file, in bytes
 * @flags: PFSTAT_VMA_*
 * @path: offset of its NUL-terminated path or label in pfstat_query.paths
 * @pages: how many distinct pages took the CoW faults in @kinds
 * @kinds: counts by enum pfstat_kind
 */
struct pfstat_vma {
	__aligned_u64 start;
	__aligned_u64 end;
	__aligned_u64 offset;
	__u32 flags;
	__u32 path;
	__aligned_u64 pages;
	__aligned_u64 kinds[PFSTAT_KIND_SLOTS];
};

/* pfstat_process.flags */
#define PFSTAT_PROCESS_ALIVE	0x1
#define PFSTAT_PROCESS_FORKED	0x2 /* joined the run by fork */
#define PFSTAT_PROCESS_FOLDED	0x4 /* the sum of many that ended, without pid */

/**
 * struct pfstat_process - one address space of a run
 * @pid: its process id as the caller numbers it, 0 if it can't
 * @parent: the @pid of the process of the run that forked it, else 0
 * @flags: PFSTAT_PROCESS_*
 * @nr_vmas: mappings it has, or had at its end
 * @pages: distinct pages that took CoW faults
 * @kinds: counts by enum pfstat_kind
 */
struct pfstat_process {
	__u32 pid;
	__u32 parent;
	__u32 flags;
	__u32 nr_vmas;
	__aligned_u64 pages;
	__aligned_u64 kinds[PFSTAT_KIND_SLOTS];
};

/**
 * struct pfstat_query - PFSTAT_IOC_QUERY: the values of a target's current run
 * @size: in: sizeof(struct pfstat_query) of the caller
 * @flags: 0
 * @type: enum pfstat_target_type
 * @pid: with PFSTAT_TARGET_PID: which; else 0
 * @name: with PFSTAT_TARGET_NAME and _CGROUP: user pointer; else 0
 * @name_len: bytes at @name
 * @process: 0: all processes of the run, summed by address; else only the one
 *	of this pid (ESRCH if the run has none)
 * @vmas: user pointer to an array of struct pfstat_vma, sorted by address
 * @processes: user pointer to an array of struct pfstat_process
 * @paths: user pointer to a buffer of strings; offset 0 is an empty one
 * @nr_vmas: in: room in @vmas; out: how many there are, which may be more
 * @nr_processes: the same for @processes
 * @paths_len: the same for @paths, in bytes; what has no room gets path 0. With
 *	no room at all nothing is looked up, which is cheaper
 * @vma_size: sizeof(struct pfstat_vma) of the caller, see @target_size of
 *	struct pfstat_list
 * @process_size: the same of struct pfstat_process
 * @alive: out: how many processes of the run (or of @process) still exist
 * @run: out: number of the run, counted from 1
 * @pages: out: distinct pages (by address) that took CoW faults
 * @kinds: out: counts by enum pfstat_kind of the run (or of @process), exact at
 *	a moment when no process of it takes faults
 */
struct pfstat_query {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 pid;
	__aligned_u64 name;
	__u32 name_len;
	__u32 process;
	__aligned_u64 vmas;
	__aligned_u64 processes;
	__aligned_u64 paths;
	__u32 nr_vmas;
	__u32 nr_processes;
	__u32 paths_len;
	__u32 vma_size;
	__u32 process_size;
	__u32 alive;
	__aligned_u64 run;
	__aligned_u64 pages;
	__aligned_u64 kinds[PFSTAT_KIND_SLOTS];
};

/**
 * struct pfstat_classic - PFSTAT_IOC_SET_PARAM, _GET_INFO, _CLEANUP
 * @size: in: sizeof(struct pfstat_classic) of the caller
 * @flags: 0
 * @name: user pointer, 0 for CLEANUP
 * @name_len: bytes at @name, 0 for CLEANUP
 * @stat: user pointer to a struct pf_stat for GET_INFO, else 0
 * @stat_size: its size: that of the 32-bit or of the 64-bit layout
 * @reserved: 0
 *
 * The three calls of the system-call interface that this replaces. A failed
 * one leaves a line in the kernel log; see pfstat(4).
 */
struct pfstat_classic {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__aligned_u64 name_len;
	__aligned_u64 stat;
	__u32 stat_size;
	__u32 reserved;
};

#define PFSTAT_IOC_MAGIC	0xf5

#define PFSTAT_IOC_INFO		_IO(PFSTAT_IOC_MAGIC, 0x00)
#define PFSTAT_IOC_TRACK	_IO(PFSTAT_IOC_MAGIC, 0x01)
#define PFSTAT_IOC_UNTRACK	_IO(PFSTAT_IOC_MAGIC, 0x02)
#define PFSTAT_IOC_LIST		_IO(PFSTAT_IOC_MAGIC, 0x03)
#define PFSTAT_IOC_QUERY	_IO(PFSTAT_IOC_MAGIC, 0x04)
#define PFSTAT_IOC_RESET	_IO(PFSTAT_IOC_MAGIC, 0x05)
#define PFSTAT_IOC_WATCH	_IO(PFSTAT_IOC_MAGIC, 0x06)
#define PFSTAT_IOC_SET_PARAM	_IO(PFSTAT_IOC_MAGIC, 0x10)
#define PFSTAT_IOC_GET_INFO	_IO(PFSTAT_IOC_MAGIC, 0x11)
#define PFSTAT_IOC_CLEANUP	_IO(PFSTAT_IOC_MAGIC, 0x12)

#endif /* _UAPI_PFSTAT_H */
