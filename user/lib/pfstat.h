/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libpfstat: copy-on-write faults and page tables for programs.
 *
 * This is the library's one public header. It includes the ABI of the kernel
 * module, whose constants and result structures are used as they are.
 *
 * Unless a function says otherwise it returns 0, or -1 with errno set, and
 * pfstat_last_error() then knows what failed, on what, why, and what to do.
 * The errno values are those of <uapi/pfstat.h>; a module that is not loaded
 * shows as ENOENT from pfstat_open().
 *
 * All functions may be called from several threads. A handle may be shared by
 * them, but for pfstat_watch() and pfstat_wait(), which know one target each.
 * After fork() parent and child share the handle like any open file; it is
 * closed by exec.
 */
#ifndef LIBPFSTAT_H
#define LIBPFSTAT_H

#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#include <uapi/pfstat.h>
#include <uapi/pgtbl.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PFSTAT_VERSION		"0.1.0"

/*
 * The classic calls: three system calls of old, with their names, arguments,
 * structure and results.
 */

#define MAX_SIZE_PF		128

/**
 * struct pf_stat - the answer of pf_get_info()
 * @nb_vma: how many VMAs there are, which may be more than MAX_SIZE_PF
 * @cow_page_faults: CoW faults of all of them
 * @vma_fault: CoW faults of each of the first MAX_SIZE_PF
 * @vma_list_start: first address of each
 * @vma_list_end: first address behind each
 */
struct pf_stat {
	int nb_vma;
	long cow_page_faults;
	long vma_fault[MAX_SIZE_PF];
	unsigned long vma_list_start[MAX_SIZE_PF];
	unsigned long vma_list_end[MAX_SIZE_PF];
};

/**
 * pf_set_param - track the programs of a name
 * @process_name: the name, need not end in a NUL
 * @name_len: its length in bytes, without a NUL
 *
 * Like the other two classic calls it opens the device, asks, and closes it
 * again: no state stays in the library, so nothing can go wrong in threads,
 * after fork(), or when a program closes descriptors that it does not know.
 * Pointers are the kernel's to check: a bad one gives EFAULT.
 *
 * Return: 0, or -1 and errno as in <uapi/pfstat.h>; ENOSYS if the module is
 * not loaded, EPERM also if the device may not be opened.
 */
long pf_set_param(const char *process_name, size_t name_len);

/**
 * pf_get_info - the values of a name's current run
 * @process_name: the name, need not end in a NUL
 * @name_len: its length in bytes, without a NUL
 * @pf: filled in on success
 *
 * Return: 0, or -1 and errno: also ESRCH if the name is not tracked, ENODATA
 * if nothing of that name has run yet.
 */
long pf_get_info(const char *process_name, size_t name_len, struct pf_stat *pf);

/**
 * pf_cleanup - track nothing any more, and forget all results
 *
 * Return: 0, also when nothing was tracked, or -1 and errno.
 */
long pf_cleanup(void);

/*
 * Errors
 */

/**
 * struct pfstat_error - why a call of this library failed
 * @code: the errno value
 * @what: what was tried, a word such as "track"
 * @subject: on what: a name, "pid 123", the device; may be ""
 * @why: strerror(@code)
 * @hint: what it means here and what to do next, or ""
 */
struct pfstat_error {
	int code;
	const char *what;
	const char *subject;
	const char *why;
	const char *hint;
};

/**
 * pfstat_last_error - the error of this thread's last failed call
 *
 * Return: never NULL; valid until the thread's next call that fails.
 */
const struct pfstat_error *pfstat_last_error(void);

/**
 * pfstat_error_text - an error as one line of text, without a newline
 * @error: from pfstat_last_error()
 * @buf: where to, always terminated if @len is not 0
 * @len: bytes at @buf
 *
 * Return: the length of the whole text, as snprintf() does.
 */
int pfstat_error_text(const struct pfstat_error *error, char *buf, size_t len);

/*
 * The handle
 */

struct pfstat;

/**
 * pfstat_open - open the device and check that the module is not too old
 *
 * Return: a handle, or NULL and errno: ENOENT no module, EACCES no privilege,
 * EPROTONOSUPPORT the module's ABI is older than this library's.
 */
struct pfstat *pfstat_open(void);

/**
 * pfstat_close - close a handle; what is tracked stays tracked
 * @p: from pfstat_open(), or NULL
 */
void pfstat_close(struct pfstat *p);

/**
 * pfstat_fd - the handle's file, for an event loop of your own
 * @p: from pfstat_open()
 *
 * See pfstat_watch(). Don't close it.
 *
 * Return: a file descriptor.
 */
int pfstat_fd(const struct pfstat *p);

/**
 * pfstat_get_info - what the module is and how it fares
 * @p: from pfstat_open()
 * @info: filled in on success
 *
 * Return: 0, or -1 and errno.
 */
int pfstat_get_info(struct pfstat *p, struct pfstat_info *info);

/*
 * Targets: what is tracked
 */

/**
 * struct pfstat_id - says which target is meant
 * @type: by name, by pid or by cgroup
 * @pid: with PFSTAT_TARGET_PID
 * @name: with PFSTAT_TARGET_NAME, and the path with PFSTAT_TARGET_CGROUP; need
 *	not end in a NUL
 * @name_len: its length in bytes
 */
struct pfstat_id {
	enum pfstat_target_type type;
	pid_t pid;
	const char *name;
	size_t name_len;
};

/**
 * pfstat_by_name - the programs of a name
 * @name: with a terminating NUL
 *
 * Return: what the functions below take a pointer to.
 */
static inline struct pfstat_id pfstat_by_name(const char *name)
{
	struct pfstat_id id = {PFSTAT_TARGET_NAME, 0, name, strlen(name)};

	return id;
}

/**
 * pfstat_by_pid - a process
 * @pid: as this process numbers it
 *
 * Return: what the functions below take a pointer to.
 */
static inline struct pfstat_id pfstat_by_pid(pid_t pid)
{
	struct pfstat_id id = {PFSTAT_TARGET_PID, pid, NULL, 0};

	return id;
}

/**
 * pfstat_by_cgroup - the processes of a cgroup of version 2
 * @path: as in /proc/PID/cgroup, with a terminating NUL
 *
 * Return: what the functions below take a pointer to.
 */
static inline struct pfstat_id pfstat_by_cgroup(const char *path)
{
	struct pfstat_id id = {PFSTAT_TARGET_CGROUP, 0, path, strlen(path)};

	return id;
}

/**
 * pfstat_track - count the faults of a target from now on
 * @p: from pfstat_open()
 * @id: which; if it is tracked already nothing changes
 *
 * Return: 0, or -1 and errno.
 */
int pfstat_track(struct pfstat *p, const struct pfstat_id *id);

/**
 * pfstat_track_flags - the same in a certain way
 * @p: from pfstat_open()
 * @id: which; if it is tracked already nothing changes
 * @flags: PFSTAT_TRACK_*
 *
 * Return: 0, or -1 and errno: EINVAL also for a flag that the module does not
 * know.
 */
int pfstat_track_flags(struct pfstat *p, const struct pfstat_id *id,
		       __u32 flags);

/**
 * pfstat_untrack - track a target no longer, and forget its results
 * @p: from pfstat_open()
 * @id: which
 *
 * Return: 0, or -1 and errno.
 */
int pfstat_untrack(struct pfstat *p, const struct pfstat_id *id);

/**
 * pfstat_reset - let the counts of a target's current run start from zero
 * @p: from pfstat_open()
 * @id: which
 *
 * Return: 0, or -1 and errno.
 */
int pfstat_reset(struct pfstat *p, const struct pfstat_id *id);

/**
 * pfstat_cleanup - track nothing any more, and forget all results
 * @p: from pfstat_open()
 *
 * Return: 0, also when nothing was tracked, or -1 and errno.
 */
int pfstat_cleanup(struct pfstat *p);

/**
 * pfstat_list_targets - everything that is tracked and that the caller may see
 * @p: from pfstat_open()
 * @targets: gets an array, to be given to free(); NULL if there are none
 * @count: gets how many they are
 *
 * Return: 0, or -1 and errno.
 */
int pfstat_list_targets(struct pfstat *p, struct pfstat_target **targets,
			size_t *count);

/**
 * pfstat_watch - let the handle's file report a target's end
 * @p: from pfstat_open()
 * @id: which; it replaces the one that this handle watched before
 *
 * From now on poll() of pfstat_fd() reports POLLIN while the target's current
 * run has ended, and POLLHUP when it is no longer tracked.
 *
 * Return: 0, or -1 and errno.
 */
int pfstat_watch(struct pfstat *p, const struct pfstat_id *id);

/**
 * pfstat_wait - wait for the end of the run of the target that is watched
 * @p: a handle with a target, see pfstat_watch()
 * @timeout: in milliseconds, negative: without end
 *
 * Return: 1 the run has ended, 0 the time is over, -1 and errno: EINTR for a
 * signal, ESRCH when the target is no longer tracked.
 */
int pfstat_wait(struct pfstat *p, int timeout);

/*
 * Results
 */

/**
 * struct pfstat_result - the values of a target's current run
 * @run: number of the run, counted from 1
 * @pages: distinct pages that took CoW faults
 * @kinds: counts by enum pfstat_kind; see pfstat_cow_faults()
 * @alive: how many processes of the run still exist
 * @nr_vmas: length of @vmas
 * @nr_processes: length of @processes
 * @paths_len: length of @paths, a NUL follows
 * @vmas: mappings and unmapped ranges, sorted by address
 * @processes: the address spaces of the run
 * @paths: strings, see pfstat_vma_path()
 *
 * Made by pfstat_query(); later versions of the library may append to it.
 */
struct pfstat_result {
	__u64 run;
	__u64 pages;
	__u64 kinds[PFSTAT_KIND_SLOTS];
	__u32 alive;
	__u32 nr_vmas;
	__u32 nr_processes;
	__u32 paths_len;
	struct pfstat_vma *vmas;
	struct pfstat_process *processes;
	char *paths;
};

/**
 * pfstat_query - read the values of a target's current run
 * @p: from pfstat_open()
 * @id: which
 * @process: 0: all processes of the run, summed by address; else only this one
 * @result: in: NULL or what an earlier call gave, whose memory is used again;
 *	out: the result, to be given to pfstat_result_free() in the end, also
 *	when the call failed
 *
 * Buffers grow as needed, also while the target maps more and more.
 *
 * Return: 0, or -1 and errno: also EAGAIN if the target grew faster than this
 * could read.
 */
int pfstat_query(struct pfstat *p, const struct pfstat_id *id, pid_t process,
		 struct pfstat_result **result);

/**
 * pfstat_result_free - free a result
 * @result: from pfstat_query(), or NULL
 */
void pfstat_result_free(struct pfstat_result *result);

/**
 * pfstat_vma_path - path or label of a mapping
 * @result: it belongs to this
 * @vma: one of its vmas
 *
 * Return: a string as in /proc/PID/maps, "" for anonymous memory; valid as
 * long as @result is.
 */
const char *pfstat_vma_path(const struct pfstat_result *result,
			    const struct pfstat_vma *vma);

/**
 * pfstat_vma_perm - permissions of a mapping
 * @vma: which
 * @buf: gets a string such as "rw-p"
 *
 * Return: @buf.
 */
const char *pfstat_vma_perm(const struct pfstat_vma *vma, char buf[5]);

/**
 * pfstat_cow_faults - how many CoW faults counts by kind come to
 * @kinds: of a result, a VMA or a process
 *
 * Return: the sum of the first PFSTAT_NR_COW_KINDS.
 */
__u64 pfstat_cow_faults(const __u64 *kinds);

/**
 * pfstat_kind_name - name of a kind of faults
 * @kind: enum pfstat_kind
 *
 * Return: a word such as "copy", NULL if this library does not know the kind.
 */
const char *pfstat_kind_name(unsigned int kind);

/* ---- page tables: /dev/pgtbl ------------------------------------------- */

/*
 * These return 0, or -1 with errno set to a value of <uapi/pgtbl.h>. A pid of
 * 0 is the caller. What a structure of the ABI calls @size and @pid is filled
 * in here.
 */

/**
 * struct expose_pgtbl_args - arguments of remap_page_table_args()
 * @pid: whose table, 0: the caller's
 * @remap_vaddr: page aligned address in the caller where it shall appear
 * @pfn: its frame, from an entry of the level above; not used for level 0
 * @level: 0 PGD, 1 PUD, 2 PMD, 3 PTE
 */
struct expose_pgtbl_args {
	pid_t pid;
	unsigned long remap_vaddr;
	unsigned long pfn;
	unsigned int level;
};

/**
 * remap_page_table - the classic call: map a table into the caller
 * @pid: see struct expose_pgtbl_args
 * @remap_vaddr: a page that is mapped (ENXIO), usually anonymous and shared;
 *	it is replaced
 * @pfn: EINVAL unless it is a table of that process at that level
 * @level: EOPNOTSUPP if this machine has no such level
 *
 * The page can be written to only where the module allows it.
 *
 * Return: 0, or -1 and errno; the page at @remap_vaddr is then as it was.
 */
long remap_page_table(pid_t pid, unsigned long remap_vaddr, unsigned long pfn,
		      unsigned int level);

/**
 * remap_page_table_args - the same with its arguments in a structure
 * @args: the arguments, NULL: EFAULT
 *
 * Return: 0, or -1 and errno.
 */
long remap_page_table_args(struct expose_pgtbl_args *args);

struct pgtbl;

/**
 * pgtbl_open - open /dev/pgtbl and learn the shape of page tables here
 *
 * Return: a handle, or NULL and errno.
 */
struct pgtbl *pgtbl_open(void);

/**
 * pgtbl_close - close it; edits are undone, windows stay as long as mapped
 * @p: handle or NULL
 */
void pgtbl_close(struct pgtbl *p);

/**
 * pgtbl_fd - the device's file descriptor, for mmap() and ioctl()
 * @p: handle
 *
 * Return: the descriptor.
 */
int pgtbl_fd(const struct pgtbl *p);

/**
 * pgtbl_get_info - levels, their geometry, features
 * @p: handle
 *
 * Return: INFO's answer, valid until pgtbl_close().
 */
const struct pgtbl_info *pgtbl_get_info(const struct pgtbl *p);

/**
 * pgtbl_get_flags - the names of bits
 * @p: handle
 * @count: gets how many there are
 *
 * Return: an array, valid until pgtbl_close().
 */
const struct pgtbl_flag *pgtbl_get_flags(const struct pgtbl *p,
					 unsigned int *count);

/**
 * pgtbl_decode - what an entry is
 * @p: handle
 * @level: the entry's level
 * @entry: the entry
 * @pfn: gets the frame in it, 0 if there is none; or NULL
 *
 * Return: its kind.
 */
enum pgtbl_kind pgtbl_decode(const struct pgtbl *p, unsigned int level,
			     __u64 entry, __u64 *pfn);

/**
 * pgtbl_has_flag - does an entry have a property?
 * @p: handle
 * @level: the entry's level
 * @entry: the entry
 * @name: a name of pgtbl_get_flags()
 *
 * Return: 1, 0, or -1 if there is no such property at that level.
 */
int pgtbl_has_flag(const struct pgtbl *p, unsigned int level, __u64 entry,
		   const char *name);

/**
 * pgtbl_next_level - the level below, on this machine
 * @p: handle
 * @level: a level
 *
 * Return: a level, PGTBL_NO_LEVEL below the last.
 */
unsigned int pgtbl_next_level(const struct pgtbl *p, unsigned int level);

/**
 * pgtbl_index - index of the entry for an address
 * @p: handle
 * @level: a level
 * @addr: an address
 *
 * Return: the index in the table of that level.
 */
unsigned int pgtbl_index(const struct pgtbl *p, unsigned int level,
			 __u64 addr);

/**
 * pgtbl_entry - read an entry of a mapped table, whole
 * @p: handle
 * @table: where the table is mapped
 * @index: which entry
 *
 * Entries may be wider than what the CPU reads at once, and change meanwhile.
 *
 * Return: the entry.
 */
__u64 pgtbl_entry(const struct pgtbl *p, const void *table,
		  unsigned int index);

/**
 * pgtbl_window - map pages for pgtbl_remap_table() to put tables in
 * @p: handle
 * @pages: how many
 * @prot: PROT_READ, or PROT_READ | PROT_WRITE (EPERM unless allowed)
 *
 * Return: the first page's address for munmap(), or NULL and errno.
 */
void *pgtbl_window(const struct pgtbl *p, size_t pages, int prot);

/**
 * pgtbl_remap_table - put a table into a page of a window
 * @p: handle
 * @pid: whose
 * @level: its level
 * @pfn: its frame; not used for PGTBL_PGD
 * @addr: an address that it describes, 0 if not known
 * @page: the page
 *
 * Return: 0, or -1 and errno.
 */
int pgtbl_remap_table(const struct pgtbl *p, pid_t pid, unsigned int level,
		      __u64 pfn, __u64 addr, void *page);

/**
 * pgtbl_walk_addr - all entries that describe an address
 * @p: handle
 * @pid: whose
 * @addr: the address
 * @walk: gets the answer
 *
 * Return: 0, or -1 and errno. An address without memory is no error.
 */
int pgtbl_walk_addr(const struct pgtbl *p, pid_t pid, __u64 addr,
		    struct pgtbl_walk *walk);

/**
 * pgtbl_scan_range - what is mapped in a range
 * @p: handle
 * @pid: whose
 * @scan: the question, and gets the answer
 *
 * Return: 0, or -1 and errno.
 */
int pgtbl_scan_range(const struct pgtbl *p, pid_t pid,
		     struct pgtbl_scan *scan);

/**
 * pgtbl_update_entries - compare and set entries
 * @p: handle
 * @pid: whose
 * @edits: what to do; each gets its result
 * @count: how many
 *
 * Return: how many were made, or -1 and errno if the first failed.
 */
int pgtbl_update_entries(const struct pgtbl *p, pid_t pid,
			 struct pgtbl_edit *edits, unsigned int count);

/**
 * pgtbl_flush_range - drop cached translations on every CPU
 * @p: handle
 * @pid: whose
 * @start: first address, page aligned
 * @end: first address behind the range
 *
 * Return: 0, or -1 and errno.
 */
int pgtbl_flush_range(const struct pgtbl *p, pid_t pid, __u64 start,
		      __u64 end);

/**
 * pgtbl_pool_create - make the handle's pool of pages and map it
 * @p: handle
 * @pages: how many
 *
 * Return: the first page's address for munmap(), or NULL and errno.
 */
void *pgtbl_pool_create(const struct pgtbl *p, unsigned int pages);

/**
 * pgtbl_install_runs - pages of the pool into a client
 * @p: handle
 * @pid: the client
 * @runs: which and where
 * @count: how many runs
 * @flags: PGTBL_INSTALL_*
 *
 * Return: how many pages were installed (less than all: errno says why), or
 * -1 and errno if none was.
 */
int pgtbl_install_runs(const struct pgtbl *p, pid_t pid,
		       const struct pgtbl_run *runs, unsigned int count,
		       unsigned int flags);

/**
 * pgtbl_take_runs - take pages of the pool back
 * @p: handle
 * @pid: the client
 * @runs: which and where
 * @count: how many runs
 * @result: gets a byte per page, PGTBL_TAKEN*; or NULL
 *
 * Return: how many pages were taken (if it failed in the middle: until then,
 * errno says why), or -1 and errno if none was.
 */
int pgtbl_take_runs(const struct pgtbl *p, pid_t pid,
		    const struct pgtbl_run *runs, unsigned int count,
		    unsigned char *result);

/**
 * pgtbl_pool_refs - who else uses pages of the pool
 * @p: handle
 * @page: the first page's number
 * @count: how many
 * @refs: gets a number per page
 *
 * Return: 0, or -1 and errno.
 */
int pgtbl_pool_refs(const struct pgtbl *p, unsigned int page,
		    unsigned int count, __u32 *refs);

/* ---- end of page tables ------------------------------------------------ */

#ifdef __cplusplus
}
#endif

#endif /* LIBPFSTAT_H */
