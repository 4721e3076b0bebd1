// SPDX-License-Identifier: GPL-2.0
/*
 * The pool: pages of the module that the owner of the file fills in place, and
 * that are installed in the address spaces of clients.
 *
 * The owner's mapping is VM_PFNMAP: it takes no references, so a page's
 * reference count tells exactly who else has it: 1 is nobody.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "ioctl.h"
#include "pool.h"

/* Pages that a fault maps at once. */
#define AROUND		16

static vm_fault_t pool_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct pgtbl_file *pf = vma->vm_file->private_data;
	struct pgtbl_pool_pages *pool = pf->pool;
	unsigned long addr = vmf->address;
	unsigned int page = vmf->pgoff - PGTBL_POOL_PGOFF;
	unsigned int last = min(page + AROUND, pool->count);
	vm_fault_t ret;

	if (page >= pool->count)
		return VM_FAULT_SIGBUS;
	ret = vmf_insert_pfn(vma, addr, page_to_pfn(pool->pages[page]));
	if (ret != VM_FAULT_NOPAGE)
		return ret;
	while (++page < last && (addr += PAGE_SIZE) < vma->vm_end)
		if (vmf_insert_pfn(vma, addr, page_to_pfn(pool->pages[page])) !=
		    VM_FAULT_NOPAGE)
			break;
	return VM_FAULT_NOPAGE;
}

static const struct vm_operations_struct pool_ops = {
	.fault = pool_fault,
};

/**
 * pgtbl_pool_mmap() - a mapping of the device from PGTBL_POOL_OFFSET on
 * @file: the device
 * @vma: the mapping to be; shared
 *
 * Return: 0, or -EINVAL: no pool, or not inside it.
 */
int pgtbl_pool_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pgtbl_pool_pages *pool = pgtbl_pool_of(file);
	unsigned long first = vma->vm_pgoff - PGTBL_POOL_PGOFF;

	if (!pool || first >= pool->count ||
	    vma_pages(vma) > pool->count - first)
		return -EINVAL;
	vm_flags_clear(vma, VM_EXEC | VM_MAYEXEC);
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTCOPY | VM_DONTEXPAND |
			  VM_DONTDUMP);
	vma->vm_ops = &pool_ops;
	return 0;
}

/**
 * pgtbl_pool_free() - let go of a pool; its last mapping is gone
 * @pool: the pool, or NULL
 *
 * Pages that clients have stay with them, and are freed when they let go.
 */
void pgtbl_pool_free(struct pgtbl_pool_pages *pool)
{
	unsigned int i;

	if (!pool)
		return;
	for (i = 0; i < pool->count; i++) {
		put_page(pool->pages[i]);
		cond_resched();
	}
	kvfree(pool->exclusive);
	kvfree(pool);
}

static struct pgtbl_pool_pages *pool_alloc(unsigned int count)
{
	struct pgtbl_pool_pages *pool;

	pool = kvzalloc(struct_size(pool, pages, count), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	mutex_init(&pool->lock);
	pool->exclusive = kvcalloc(BITS_TO_LONGS(count), sizeof(long),
				   GFP_KERNEL_ACCOUNT);
	if (!pool->exclusive)
		goto nomem;
	for (; pool->count < count; pool->count++) {
		struct page *page;

		if (fatal_signal_pending(current)) {
			pgtbl_pool_free(pool);
			return ERR_PTR(-EINTR);
		}
		page = alloc_page(GFP_HIGHUSER | __GFP_ZERO | __GFP_ACCOUNT);
		if (!page)
			goto nomem;
		pool->pages[pool->count] = page;
		cond_resched();
	}
	return pool;

nomem:
	pgtbl_pool_free(pool);
	return ERR_PTR(-ENOMEM);
}

/**
 * pgtbl_ioc_pool() - PGTBL_IOC_POOL
 * @file: the device
 * @arg: struct pgtbl_pool
 *
 * Return: 0 or a negative errno.
 */
long pgtbl_ioc_pool(struct file *file, void *arg)
{
	struct pgtbl_file *pf = file->private_data;
	const struct pgtbl_pool *args = arg;
	struct pgtbl_pool_pages *pool;
	long ret = 0;

	if (args->flags || args->reserved || !args->pages ||
	    args->pages > PGTBL_POOL_MAX)
		return -EINVAL;
	if (mutex_lock_killable(&pf->lock))
		return -EINTR;
	if (pf->pool) {
		ret = -EBUSY;
	} else {
		pool = pool_alloc(args->pages);
		if (IS_ERR(pool))
			ret = PTR_ERR(pool);
		else /* pairs with readers that don't take the lock */
			smp_store_release(&pf->pool, pool);
	}
	mutex_unlock(&pf->lock);
	return ret;
}

/**
 * pgtbl_ioc_refs() - PGTBL_IOC_REFS
 * @file: the device
 * @arg: struct pgtbl_refs
 *
 * Return: 0 or a negative errno.
 */
long pgtbl_ioc_refs(struct file *file, void *arg)
{
	struct pgtbl_pool_pages *pool = pgtbl_pool_of(file);
	const struct pgtbl_refs *args = arg;
	u32 __user *to = pf_user_ptr(args->refs);
	u32 i;

	if (args->flags)
		return -EINVAL;
	if (!pool)
		return -ENXIO;
	if (args->page >= pool->count ||
	    args->count > pool->count - args->page)
		return -EINVAL;
	for (i = 0; i < args->count; i++) {
		u32 refs = page_count(pool->pages[args->page + i]) - 1;

		if (put_user(refs, to + i))
			return -EFAULT;
		if (!(i % 1024)) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	return 0;
}
