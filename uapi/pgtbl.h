/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ABI of /dev/pgtbl: the page tables of processes, to look at and to edit.
 *
 * Every structure begins with its own size. A caller built against a shorter
 * structure than the kernel's gets zeros for what it does not know; a longer
 * one is accepted while its unknown tail is zero (E2BIG otherwise). Structures
 * are laid out alike for 32-bit and 64-bit callers. Entries of page tables are
 * always 64 bits wide here, whatever the hardware's width.
 *
 * A pid is the caller's number for a process (or thread), 0 is the caller.
 * Processes other than the caller need CAP_SYS_PTRACE in their user namespace.
 *
 * errno, the same for every command:
 *   EFAULT     a pointer (of the structure or in it) can't be read or written
 *   EINVAL     size below the first version's, an unknown flag, a reserved
 *              field that is not zero, an unaligned or wrapped range, a pfn
 *              that is not a table of that process at that level
 *   ESRCH      no such process, or it has no address space
 *   EACCES     not allowed to look at that process
 *   EPERM      no privilege to edit, or an edit that only the module parameter
 *              unsafe_write=1 allows, or the kernel is locked down
 *   EAGAIN     lost a race: look again, then try again
 *   EBUSY      something else is there already
 *   ENXIO      nothing (of the kind needed) is mapped there
 *   EINTR      a signal came first
 *   E2BIG      a tail that this kernel module does not know is not zero
 *   EOPNOTSUPP a value that this kernel module or this machine does not know:
 *              a level that it folds, an entry of a kind that can't be edited
 *   ENOTTY     unknown command
 */
#ifndef _UAPI_PGTBL_H
#define _UAPI_PGTBL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PGTBL_DEVICE		"/dev/pgtbl"
#define PGTBL_ABI_VERSION	1

/* Levels, as users number them. Which exist is in pgtbl_info.levels. */
enum pgtbl_level {
	PGTBL_PGD,
	PGTBL_PUD,
	PGTBL_PMD,
	PGTBL_PTE,
	PGTBL_NR_LEVELS
};

#define PGTBL_NO_LEVEL		(~0u)

/* What an entry is. */
enum pgtbl_kind {
	PGTBL_KIND_NONE,	/* empty */
	PGTBL_KIND_TABLE,	/* points to a table of the next level */
	PGTBL_KIND_LEAF,	/* maps memory */
	PGTBL_KIND_SWAP		/* not present, and the kernel keeps a note there */
};

/**
 * struct pgtbl_geometry - the shape of one level
 * @shift: an entry describes 1 << @shift bytes
 * @entries: entries in a table; index = (address >> @shift) & (@entries - 1)
 * @entry_size: bytes of one entry in a table, 4 or 8
 * @user_entries: of the top level, how many describe user addresses
 *
 * All zero for a level that does not exist.
 */
struct pgtbl_geometry {
	__u32 shift;
	__u32 entries;
	__u32 entry_size;
	__u32 user_entries;
};

/**
 * struct pgtbl_rule - tells what an entry is, and which frame is in it
 * @mask: with @value: the rule fits if (entry & @mask) == @value
 * @value: see @mask
 * @pfn_mask: pfn = ((entry ^ @pfn_xor) & @pfn_mask) >> page_shift
 * @pfn_xor: see @pfn_mask; both 0: there is no frame in it
 * @levels: bit mask of 1 << enum pgtbl_level to which the rule applies
 * @kind: enum pgtbl_kind
 *
 * The first rule that fits decides. The last one for each level fits all.
 */
struct pgtbl_rule {
	__aligned_u64 mask;
	__aligned_u64 value;
	__aligned_u64 pfn_mask;
	__aligned_u64 pfn_xor;
	__u32 levels;
	__u32 kind;
};

/* pgtbl_flag.attrs */
#define PGTBL_FLAG_EDIT_SET	(1u << 0) /* UPDATE may make it true */
#define PGTBL_FLAG_EDIT_CLEAR	(1u << 1) /* UPDATE may make it false */

#define PGTBL_FLAG_NAME_MAX	24

/**
 * struct pgtbl_flag - the name of a property of an entry
 * @mask: with @value: an entry has it if (entry & @mask) == @value
 * @value: see @mask
 * @name: lower case, with a terminating NUL
 * @levels: bit mask of 1 << enum pgtbl_level where it means this
 * @kinds: bit mask of 1 << enum pgtbl_kind where it means this
 * @attrs: PGTBL_FLAG_*; without EDIT only unsafe_write=1 lets it be changed
 * @reserved: 0
 */
struct pgtbl_flag {
	__aligned_u64 mask;
	__aligned_u64 value;
	char name[PGTBL_FLAG_NAME_MAX];
	__u32 levels;
	__u32 kinds;
	__u32 attrs;
	__u32 reserved;
};

/* pgtbl_info.features */
#define PGTBL_FEATURE_UNSAFE_WRITE (1u << 0) /* loaded with unsafe_write=1 */
#define PGTBL_FEATURE_PGD_COPY	(1u << 1) /* REMAP of a PGD gives a copy */
#define PGTBL_FEATURE_SOFT_DIRTY (1u << 2) /* the kernel keeps soft-dirty bits */
#define PGTBL_FEATURE_HIGHPTE	(1u << 3) /* PTE tables may lie in highmem */

/**
 * struct pgtbl_info - PGTBL_IOC_INFO: the page tables of the running kernel
 * @size: in: sizeof(struct pgtbl_info) of the caller
 * @flags: 0
 * @abi: PGTBL_ABI_VERSION of the module
 * @features: PGTBL_FEATURE_*
 * @levels: bit mask of 1 << enum pgtbl_level that exist
 * @page_shift: a page (and a table) has 1 << @page_shift bytes
 * @flag_table: user pointer to an array of struct pgtbl_flag, or 0
 * @rule_table: user pointer to an array of struct pgtbl_rule, or 0
 * @nr_flags: in: room in @flag_table; out: how many there are
 * @nr_rules: in: room in @rule_table; out: how many there are
 * @user_end: first address behind user space (of the largest process)
 * @window_pages: most pages of one window
 * @pool_pages: most pages of a pool
 * @geometry: by enum pgtbl_level
 */
struct pgtbl_info {
	__u32 size;
	__u32 flags;
	__u32 abi;
	__u32 features;
	__u32 levels;
	__u32 page_shift;
	__aligned_u64 flag_table;
	__aligned_u64 rule_table;
	__u32 nr_flags;
	__u32 nr_rules;
	__aligned_u64 user_end;
	__u32 window_pages;
	__u32 pool_pages;
	struct pgtbl_geometry geometry[PGTBL_NR_LEVELS];
};

/* pgtbl_remap.flags */
#define PGTBL_REMAP_CHECK	(1u << 0) /* check all but remap_vaddr, map nothing */
/* pgtbl_remap.result */
#define PGTBL_REMAP_COPY	(1u << 0) /* what is mapped is a copy, not live */

/**
 * struct pgtbl_remap - PGTBL_IOC_REMAP: put a table into a window
 * @size: in: sizeof(struct pgtbl_remap) of the caller
 * @flags: PGTBL_REMAP_*
 * @pid: whose table
 * @level: enum pgtbl_level of the table
 * @remap_vaddr: a page of a window: of a mapping of this file at offset
 *	PGTBL_WINDOW_OFFSET, shared; ENXIO if there is none
 * @pfn: the table's frame, as found in an entry of the level above; not used
 *	for PGTBL_PGD; out: the frame that is mapped
 * @addr: in: an address that the table describes, or where to begin to look
 *	for it (saves time, never decides); out: the first address it describes
 * @result: out: PGTBL_REMAP_*
 * @reserved: 0
 *
 * The window shows the table itself, so what the kernel changes is seen at
 * once. When the process gives the table up, the page stays with the window
 * and reads as zeros, or as it was left.
 */
struct pgtbl_remap {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 level;
	__aligned_u64 remap_vaddr;
	__aligned_u64 pfn;
	__aligned_u64 addr;
	__u32 result;
	__u32 reserved;
};

/* What memory is, by its entry. Of an extent or of an address. */
#define PGTBL_IS_PRESENT	(1u << 0)
#define PGTBL_IS_WRITABLE	(1u << 1)
#define PGTBL_IS_ACCESSED	(1u << 2)
#define PGTBL_IS_DIRTY		(1u << 3) /* written, by the entry's dirty bit */
#define PGTBL_IS_SOFT_DIRTY	(1u << 4) /* written since clear_refs */
#define PGTBL_IS_HUGE		(1u << 5) /* mapped above the PTE level */
#define PGTBL_IS_SWAP		(1u << 6) /* swapped, migrating or marked */
#define PGTBL_IS_FILE		(1u << 7) /* a page of a file or of a device */
#define PGTBL_IS_ZERO		(1u << 8) /* the shared page of zeros */
#define PGTBL_IS_PROT_NONE	(1u << 9) /* present, but no access allowed */
#define PGTBL_IS_SPECIAL	(1u << 10) /* no page that the kernel counts */
#define PGTBL_IS_UNMAPPED	(1u << 11) /* no mapping (VMA) is there */
#define PGTBL_IS_ALL		((1u << 12) - 1)

/**
 * struct pgtbl_walk_level - one level of a walk
 * @entry: the entry
 * @table: frame of the table in which it is
 * @index: its index there
 * @kind: enum pgtbl_kind
 */
struct pgtbl_walk_level {
	__aligned_u64 entry;
	__aligned_u64 table;
	__u32 index;
	__u32 kind;
};

/**
 * struct pgtbl_walk - PGTBL_IOC_WALK: all entries that describe an address
 * @size: in: sizeof(struct pgtbl_walk) of the caller
 * @flags: 0
 * @pid: whose
 * @levels: out: bit mask of 1 << enum pgtbl_level that were reached
 * @addr: any user address
 * @pfn: out: the frame of the page at @addr, if @leaf is not PGTBL_NO_LEVEL
 * @leaf: out: enum pgtbl_level of the entry that maps @addr, PGTBL_NO_LEVEL if
 *	none does
 * @categories: out: PGTBL_IS_*
 * @level: out: by enum pgtbl_level
 *
 * An address at which nothing is mapped is no error.
 */
struct pgtbl_walk {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 levels;
	__aligned_u64 addr;
	__aligned_u64 pfn;
	__u32 leaf;
	__u32 categories;
	struct pgtbl_walk_level level[PGTBL_NR_LEVELS];
};

/**
 * struct pgtbl_extent - a range of addresses whose categories are the same
 * @start: first address
 * @end: first address behind it
 * @categories: PGTBL_IS_*, those asked for
 * @reserved: 0
 */
struct pgtbl_extent {
	__aligned_u64 start;
	__aligned_u64 end;
	__u32 categories;
	__u32 reserved;
};

/**
 * struct pgtbl_scan - PGTBL_IOC_SCAN: what is mapped in a range
 * @size: in: sizeof(struct pgtbl_scan) of the caller
 * @flags: 0
 * @pid: whose
 * @report: PGTBL_IS_* that are reported and that tell extents apart
 * @start: first address, page aligned
 * @end: first address behind the range, page aligned, at most @user_end of
 *	struct pgtbl_info is looked at
 * @extents: user pointer to an array of struct pgtbl_extent, sorted
 * @count: in: room in @extents, at least 1; out: how many were written
 * @mask: with @value: only memory with (categories & @mask) == @value
 * @value: see @mask
 * @reserved: 0
 * @next: out: where to go on; equal to @end when all was looked at
 * @pages: out: base pages in the extents written
 *
 * Fewer extents than there is room for do not mean that the end was reached:
 * look at @next. Each moment's answer is right for that moment only.
 */
struct pgtbl_scan {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 report;
	__aligned_u64 start;
	__aligned_u64 end;
	__aligned_u64 extents;
	__u32 count;
	__u32 mask;
	__u32 value;
	__u32 reserved;
	__aligned_u64 next;
	__aligned_u64 pages;
};

/**
 * struct pgtbl_edit - one entry to change
 * @addr: the address that it describes
 * @old_entry: in: what it must be; out, if that failed with EAGAIN: what it is
 * @new_entry: what it shall become
 * @level: enum pgtbl_level of the entry
 * @error: out: 0, or the errno of this edit as a positive number
 */
struct pgtbl_edit {
	__aligned_u64 addr;
	__aligned_u64 old_entry;
	__aligned_u64 new_entry;
	__u32 level;
	__u32 error;
};

/**
 * struct pgtbl_update - PGTBL_IOC_UPDATE: compare and set entries
 * @size: in: sizeof(struct pgtbl_update) of the caller
 * @flags: 0
 * @pid: whose
 * @count: how many edits, at most PGTBL_EDITS_MAX
 * @edits: user pointer to an array of struct pgtbl_edit
 * @done: out: how many were made
 * @reserved: 0
 *
 * Needs CAP_SYS_RAWIO. Edits are made in order, up to the first that fails;
 * its errno is the command's. When the command returns, no CPU uses an old
 * entry any more. Only entries at PGTBL_PTE can be edited (EOPNOTSUPP). Changes
 * that the flag table marks as editable are allowed; others only with
 * unsafe_write=1: other flags, and a frame that user space has mapped somewhere
 * (EINVAL), in an empty place or in exchange. A page that the kernel counts
 * there can't be taken away, nor swap entries be touched (EOPNOTSUPP).
 *
 * Edits are undone when this file is closed. Those that need unsafe_write=1 are
 * undone earlier if the kernel is about to change that part of the address
 * space (unmap, fork, move, protect, copy on write, exit or exec); until then
 * their frames are held.
 *
 * With unsafe_write=1 a PTE table may be written to through a window that was
 * mapped with PROT_WRITE. What was stored becomes such edits when the page of
 * the window is unmapped or gets another table, or after a moment (some 10 ms);
 * what UPDATE would refuse has no effect.
 */
struct pgtbl_update {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 count;
	__aligned_u64 edits;
	__u32 done;
	__u32 reserved;
};

#define PGTBL_EDITS_MAX		1024

/**
 * struct pgtbl_flush - PGTBL_IOC_FLUSH: drop cached translations everywhere
 * @size: in: sizeof(struct pgtbl_flush) of the caller
 * @flags: 0
 * @pid: whose
 * @reserved: 0
 * @start: first address, page aligned
 * @end: first address behind the range, page aligned
 */
struct pgtbl_flush {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 reserved;
	__aligned_u64 start;
	__aligned_u64 end;
};

/* Where to mmap() this file: windows, and the pool. Both MAP_SHARED. */
#define PGTBL_WINDOW_OFFSET	0
#define PGTBL_POOL_OFFSET	0x40000000

/**
 * struct pgtbl_pool - PGTBL_IOC_POOL: make this file's pool of pages
 * @size: in: sizeof(struct pgtbl_pool) of the caller
 * @flags: 0
 * @pages: how many, all zeros at first
 * @reserved: 0
 *
 * One pool per open file (EBUSY), for as long as it is open. Its pages are
 * mapped, to be filled, from offset PGTBL_POOL_OFFSET on.
 */
struct pgtbl_pool {
	__u32 size;
	__u32 flags;
	__u32 pages;
	__u32 reserved;
};

/**
 * struct pgtbl_run - consecutive pages of the pool and where they go
 * @addr: address in the client, page aligned
 * @page: the first page's number in the pool
 * @count: how many
 */
struct pgtbl_run {
	__aligned_u64 addr;
	__u32 page;
	__u32 count;
};

/* pgtbl_install.flags */
#define PGTBL_INSTALL_WRITE	(1u << 0) /* writable, for this client alone */

#define PGTBL_RUNS_MAX		256

/**
 * struct pgtbl_install - PGTBL_IOC_INSTALL: pages of the pool into a client
 * @size: in: sizeof(struct pgtbl_install) of the caller
 * @flags: PGTBL_INSTALL_*
 * @pid: the client
 * @nr_runs: how many runs, at most PGTBL_RUNS_MAX
 * @runs: user pointer to an array of struct pgtbl_run
 * @done: out: pages installed, in the order of the runs, also if it failed
 * @reserved: 0
 *
 * Goes into private anonymous memory that is registered with a userfaultfd for
 * missing pages (ENXIO elsewhere), where nothing is present yet (EBUSY). Wake
 * the waiting threads with UFFDIO_WAKE afterwards. Without flags the pages are
 * mapped read-only, into as many clients as you like, and a client that writes
 * gets its own copy. With PGTBL_INSTALL_WRITE the client writes into the
 * pool's page, which must not be in use by another client (EBUSY).
 */
struct pgtbl_install {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 nr_runs;
	__aligned_u64 runs;
	__u32 done;
	__u32 reserved;
};

/* One byte of pgtbl_take.result; 0: that page is not there (any more). */
#define PGTBL_TAKEN		(1u << 0)
#define PGTBL_TAKEN_DIRTY	(1u << 1) /* the client wrote to it */
#define PGTBL_TAKEN_SHARED	(1u << 2) /* others still use the pool's page */

/**
 * struct pgtbl_take - PGTBL_IOC_TAKE: take the pool's pages back from a client
 * @size: in: sizeof(struct pgtbl_take) of the caller
 * @flags: 0
 * @pid: the client
 * @nr_runs: how many runs, at most PGTBL_RUNS_MAX
 * @runs: user pointer to an array of struct pgtbl_run
 * @result: user pointer to a byte per page, in the order of the runs, or 0
 * @done: out: pages taken, also if it failed
 * @reserved: 0
 *
 * Pages that are not where they were installed (unmapped, replaced by a copy)
 * are passed over. When the command returns, the client can no longer reach
 * the others, and faults when it tries.
 */
struct pgtbl_take {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 nr_runs;
	__aligned_u64 runs;
	__aligned_u64 result;
	__u32 done;
	__u32 reserved;
};

/**
 * struct pgtbl_refs - PGTBL_IOC_REFS: who else uses pages of the pool
 * @size: in: sizeof(struct pgtbl_refs) of the caller
 * @flags: 0
 * @page: first page's number
 * @count: how many
 * @refs: user pointer to an array of __u32: references other than the pool's
 */
struct pgtbl_refs {
	__u32 size;
	__u32 flags;
	__u32 page;
	__u32 count;
	__aligned_u64 refs;
};

#define PGTBL_IOC_MAGIC		0xf5

#define PGTBL_IOC_INFO		_IO(PGTBL_IOC_MAGIC, 0x80)
#define PGTBL_IOC_REMAP		_IO(PGTBL_IOC_MAGIC, 0x81)
#define PGTBL_IOC_WALK		_IO(PGTBL_IOC_MAGIC, 0x82)
#define PGTBL_IOC_SCAN		_IO(PGTBL_IOC_MAGIC, 0x83)
#define PGTBL_IOC_UPDATE	_IO(PGTBL_IOC_MAGIC, 0x84)
#define PGTBL_IOC_FLUSH		_IO(PGTBL_IOC_MAGIC, 0x85)
#define PGTBL_IOC_POOL		_IO(PGTBL_IOC_MAGIC, 0x90)
#define PGTBL_IOC_INSTALL	_IO(PGTBL_IOC_MAGIC, 0x91)
#define PGTBL_IOC_TAKE		_IO(PGTBL_IOC_MAGIC, 0x92)
#define PGTBL_IOC_REFS		_IO(PGTBL_IOC_MAGIC, 0x93)

#endif /* _UAPI_PGTBL_H */
