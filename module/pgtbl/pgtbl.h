/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of /dev/pgtbl. What the parts have of each other:
 *
 *   device.c   the file, its commands
 *   target.c   whose page tables, and may the caller
 *   info.c     the shape of page tables here
 *   walk.c     down to an address
 *   find.c     from a frame to the table that is in it
 *   window.c   tables in user space
 *   stage.c    tables that users write to
 *   scan.c     what is mapped in a range
 *   edit.c     changing entries
 *   undo.c     undoing that, in time
 *   pool.c     the module's own pages, mapped by their owner
 *   install.c  those pages in the address spaces of clients
 *
 * Locks, outermost first; never two mmap_locks at once:
 *   pgtbl_edits.spaces_lock
 *   mmap_lock of a target, or of the caller
 *   pgtbl_file.lock, pgtbl_window.lock, pgtbl_pool_pages.lock
 *   pgtbl_edits.lock
 *   i_mmap_rwsem of pgtbl_file.mapping
 *   page table locks
 */
#ifndef _PGTBL_H
#define _PGTBL_H

#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "arch/pgtable.h"
#include "uapi/pgtbl.h"

struct pgtbl_edits;
struct pgtbl_pool_pages;

/* Mapping offsets of the file, in pages. Windows move behind the pool. */
#define PGTBL_POOL_PGOFF	(PGTBL_POOL_OFFSET >> PAGE_SHIFT)
#define PGTBL_POOL_MAX		262144u
#define PGTBL_WINDOW_PGOFF	(PGTBL_POOL_PGOFF + PGTBL_POOL_MAX)
#define PGTBL_WINDOW_MAX	16384u

/**
 * struct pgtbl_file - an open /dev/pgtbl
 * @mapping: of all VMAs of this file (it is the file's f_mapping), so that
 *	they can be unmapped by offset without touching other files'
 * @lock: protects @next_window, and @pool from being made twice
 * @next_window: first page offset that no window had yet
 * @pool: this file's pool or NULL; set once, then constant
 * @edits: what was edited through this file
 * @hint: by level, where the last table was found; read and written without a
 *	lock, as it only says where to look first
 */
struct pgtbl_file {
	struct address_space mapping;
	struct mutex lock; /* see above */
	unsigned long next_window;
	struct pgtbl_pool_pages *pool;
	struct pgtbl_edits *edits;
	unsigned long hint[PGTBL_NR_LEVELS];
};

extern bool pgtbl_unsafe_write;

/* A level that exists: its geometry, in numbers known to the compiler. */
static inline unsigned int pgtbl_shift(unsigned int level)
{
	switch (level) {
	case PGTBL_PTE:
		return PAGE_SHIFT;
	case PGTBL_PMD:
		return PMD_SHIFT;
	case PGTBL_PUD:
		return PUD_SHIFT;
	default:
		return PGTBL_TOP_SHIFT;
	}
}

static inline unsigned int pgtbl_entries(unsigned int level)
{
	switch (level) {
	case PGTBL_PTE:
		return PTRS_PER_PTE;
	case PGTBL_PMD:
		return PTRS_PER_PMD;
	case PGTBL_PUD:
		return PTRS_PER_PUD;
	default:
		return PGTBL_TOP_ENTRIES;
	}
}

static inline bool pgtbl_level_exists(unsigned int level)
{
	return level < PGTBL_NR_LEVELS && (BIT(level) & PGTBL_LEVELS);
}

static inline unsigned int pgtbl_next_level(unsigned int level)
{
	do {
		level++;
	} while (!pgtbl_level_exists(level));
	return level;
}

static inline unsigned int pgtbl_index(unsigned int level, unsigned long addr)
{
	return (addr >> pgtbl_shift(level)) & (pgtbl_entries(level) - 1);
}

/* First address that the table of @level around @addr describes. */
static inline unsigned long pgtbl_table_base(unsigned int level,
					     unsigned long addr)
{
	if (level == PGTBL_PGD)
		return 0;
	return addr & ~(((unsigned long)pgtbl_entries(level) <<
			 pgtbl_shift(level)) - 1);
}

/* target.c */
struct mm_struct *pgtbl_mm_get(s32 pid);
int pgtbl_may_edit(void);

/* info.c */
long pgtbl_ioc_info(struct file *file, void *arg);

/* walk.c */

/**
 * struct pgtbl_path - the entries on the way to an address
 * @levels: bit mask of the levels that were reached
 * @last: the level of the last one
 * @kind: what the last one is
 * @entry: by level
 * @table: by level, the frame of the table
 */
struct pgtbl_path {
	unsigned int levels;
	unsigned int last;
	enum pgtbl_kind kind;
	pteval_t entry[PGTBL_NR_LEVELS];
	unsigned long table[PGTBL_NR_LEVELS];
};

void pgtbl_descend(struct mm_struct *mm, unsigned long addr,
		   unsigned int stop, struct pgtbl_path *path);
u32 pgtbl_page_is(struct vm_area_struct *vma, unsigned int level,
		  pteval_t entry);
long pgtbl_ioc_walk(struct file *file, void *arg);

pmd_t *pgtbl_pmd(struct mm_struct *mm, unsigned long addr);

/* find.c */
struct page *pgtbl_find_table(struct mm_struct *mm, unsigned int level,
			      unsigned long pfn, unsigned long hint,
			      unsigned long *base);

/* window.c */
int pgtbl_window_mmap(struct file *file, struct vm_area_struct *vma);
long pgtbl_ioc_remap(struct file *file, void *arg);
int pgtbl_window_init(void);
void pgtbl_window_exit(void);

/* scan.c */
long pgtbl_ioc_scan(struct file *file, void *arg);

/* edit.c */
long pgtbl_ioc_update(struct file *file, void *arg);
long pgtbl_ioc_flush(struct file *file, void *arg);

/* undo.c */
struct pgtbl_edits *pgtbl_edits_new(void);
void pgtbl_edits_free(struct pgtbl_edits *edits);

/* pool.c */
int pgtbl_pool_mmap(struct file *file, struct vm_area_struct *vma);
void pgtbl_pool_free(struct pgtbl_pool_pages *pool);
long pgtbl_ioc_pool(struct file *file, void *arg);
long pgtbl_ioc_refs(struct file *file, void *arg);

/* install.c */
long pgtbl_ioc_install(struct file *file, void *arg);
long pgtbl_ioc_take(struct file *file, void *arg);

/* device.c */
int pgtbl_init(void);
void pgtbl_exit(void);

#endif /* _PGTBL_H */
