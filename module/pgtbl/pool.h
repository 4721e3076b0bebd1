/* SPDX-License-Identifier: GPL-2.0 */
/* The pool, for pool.c and install.c. */
#ifndef _PGTBL_POOL_H
#define _PGTBL_POOL_H

#include <linux/mutex.h>

#include "pgtbl.h"

/**
 * struct pgtbl_pool_pages - the pool of a file
 * @lock: protects @exclusive, and makes "nobody has it, so I give it away" one
 *	step; inside a client's mmap_lock
 * @exclusive: bit per page: a client got it writable, and may still have it
 * @count: how many pages
 * @pages: each with a reference
 *
 * A page gets into clients only through the pool, under @lock. So while that
 * is held, a reference count of 1 stays.
 */
struct pgtbl_pool_pages {
	struct mutex lock; /* see above */
	unsigned long *exclusive;
	unsigned int count;
	struct page *pages[];
};

/* pgtbl_pool_of() - the pool of a file, or NULL */
static inline struct pgtbl_pool_pages *pgtbl_pool_of(const struct file *file)
{
	struct pgtbl_file *pf = file->private_data;

	/* pairs with pgtbl_ioc_pool(), which sets it once */
	return smp_load_acquire(&pf->pool);
}

#endif /* _PGTBL_POOL_H */
