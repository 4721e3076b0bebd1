// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of the pool in the address spaces of clients: INSTALL and TAKE.
 *
 * vm_insert_pages() maps a page of ours into anonymous memory like one of a
 * file: with a reference, counted in the client's RssFile, and unmapped by
 * whatever unmaps such pages. A client's mapping is private, so its protection
 * makes a write a copy, unless the entry itself is made writable.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd_k.h>

#include "compat.h"
#include "ioctl.h"
#include "pool.h"

/* Pages per hold of the client's lock by TAKE; also its buffer's size. */
#define TAKE_BATCH	256

static int check_run(const struct pgtbl_pool_pages *pool,
		     const struct pgtbl_run *run)
{
	u64 size = (u64)run->count << PAGE_SHIFT;

	if (!run->count || !IS_ALIGNED(run->addr, PAGE_SIZE))
		return -EINVAL;
	if (run->addr >= PGTBL_USER_END || size > PGTBL_USER_END - run->addr)
		return -EINVAL;
	if (run->page >= pool->count || run->count > pool->count - run->page)
		return -EINVAL;
	return 0;
}

/* get_runs() - the user's runs, checked; @one is used for a single one */
static struct pgtbl_run *get_runs(const struct pgtbl_pool_pages *pool,
				  u64 uptr, u32 count, struct pgtbl_run *one)
{
	const struct pgtbl_run __user *from = pf_user_ptr(uptr);
	struct pgtbl_run *runs = one;
	u32 i;

	if (!count || count > PGTBL_RUNS_MAX)
		return ERR_PTR(-EINVAL);
	if (count > 1) {
		runs = memdup_user(from, count * sizeof(*from));
		if (IS_ERR(runs))
			return runs;
	} else if (copy_from_user(one, from, sizeof(*one))) {
		return ERR_PTR(-EFAULT);
	}
	for (i = 0; i < count; i++) {
		int err = check_run(pool, runs + i);

		if (!err)
			continue;
		if (runs != one)
			kfree(runs);
		return ERR_PTR(err);
	}
	return runs;
}

/**
 * struct client - what INSTALL and TAKE work on
 * @pool: the file's pool
 * @mm: the client's address space
 * @runs: the user's runs, checked
 * @one: room for a single one
 */
struct client {
	struct pgtbl_pool_pages *pool;
	struct mm_struct *mm;
	struct pgtbl_run *runs;
	struct pgtbl_run one;
};

static void put_client(struct client *client)
{
	mmput(client->mm);
	if (client->runs != &client->one)
		kfree(client->runs);
}

/* get_client() - returns 0, for put_client(), or a negative errno */
static int get_client(struct client *client, const struct file *file, s32 pid,
		      u64 runs, u32 count)
{
	client->pool = pgtbl_pool_of(file);
	if (!client->pool)
		return -ENXIO;
	client->runs = get_runs(client->pool, runs, count, &client->one);
	if (IS_ERR(client->runs))
		return PTR_ERR(client->runs);
	client->mm = pgtbl_mm_get(pid);
	if (IS_ERR(client->mm)) {
		if (client->runs != &client->one)
			kfree(client->runs);
		return PTR_ERR(client->mm);
	}
	return 0;
}

static int check_client(struct vm_area_struct *vma, u32 flags)
{
	if (!vma_is_anonymous(vma) || !userfaultfd_missing(vma) ||
	    (vma->vm_flags & (VM_SHARED | VM_PFNMAP | VM_HUGETLB)))
		return -ENXIO;
	if ((flags & PGTBL_INSTALL_WRITE) && !(vma->vm_flags & VM_WRITE))
		return -ENXIO;
	/*
	 * vm_insert_pages() makes it VM_MIXEDMAP, whose pages the kernel does
	 * not munlock (munlock_vma_page()), though it has mlocked some.
	 */
	if (vma->vm_flags & VM_LOCKED)
		return -EOPNOTSUPP;
	return 0;
}

/*
 * check_hole() - a PTE table can be at an address
 *
 * vm_insert_pages() relies on its caller for that (walk_to_pmd()).
 */
static int check_hole(struct mm_struct *mm, unsigned long addr)
{
	struct pgtbl_path path;

	pgtbl_descend(mm, addr, PGTBL_PTE, &path);
	if (path.last == PGTBL_PTE || path.kind == PGTBL_KIND_NONE)
		return 0;
	return -EBUSY;
}

/* make_writable() - the entries of pages that were just installed */
static int make_writable(struct vm_area_struct *vma, unsigned long addr,
			 unsigned long count)
{
	struct mm_struct *mm = vma->vm_mm;
	pmd_t *pmd = pgtbl_pmd(mm, addr);
	spinlock_t *ptl; /* of the table */
	pte_t *pte, *first;

	if (!pmd)
		return -EAGAIN;
	first = pf_pte_lock(mm, pmd, addr, &ptl);
	if (!first)
		return -EAGAIN;
	/*
	 * More rights need no flush: a CPU that lacks them faults. The page is
	 * the same, so arm64's set_pte_at() has nothing more to do (and needs
	 * mte_sync_tags(), which is not exported).
	 */
	for (pte = first; count--; pte++)
		set_pte(pte, pte_mkwrite_novma(*pte));
	pte_unmap_unlock(first, ptl);
	return 0;
}

/* own_pages() - how many of these can be given to one client for itself */
static unsigned long own_pages(struct pgtbl_pool_pages *pool,
			       unsigned int page, unsigned long count)
{
	unsigned long i;

	for (i = 0; i < count; i++) {
		if (page_count(pool->pages[page + i]) != 1)
			break;
		__set_bit(page + i, pool->exclusive);
	}
	return i;
}

/* shared_pages() - how many of these no client writes to */
static unsigned long shared_pages(struct pgtbl_pool_pages *pool,
				  unsigned int page, unsigned long count)
{
	unsigned long end = page + count, i = page;

	for (; (i = find_next_bit(pool->exclusive, end, i)) < end; i++) {
		if (page_count(pool->pages[i]) != 1)
			break;
		__clear_bit(i, pool->exclusive);
	}
	return i - page;
}

/*
 * install_some() - a part of a run that is in one PTE table and one mapping
 *
 * Context: the client's mmap_lock for writing, the pool's lock.
 */
static long install_some(struct mm_struct *mm, struct pgtbl_pool_pages *pool,
			 unsigned long addr, unsigned int page,
			 unsigned long count, u32 flags)
{
	unsigned long table_end = (addr | (PAGE_SIZE * PTRS_PER_PTE - 1)) + 1;
	struct vm_area_struct *vma = find_vma(mm, addr);
	unsigned long left, ready;
	int err;

	if (!vma || vma->vm_start > addr)
		return -ENXIO;
	err = check_client(vma, flags) ?: check_hole(mm, addr);
	if (err)
		return err;
	count = min3(count, (vma->vm_end - addr) >> PAGE_SHIFT,
		     (table_end - addr) >> PAGE_SHIFT);
	if (flags & PGTBL_INSTALL_WRITE)
		ready = own_pages(pool, page, count);
	else
		ready = shared_pages(pool, page, count);
	if (!ready)
		return -EBUSY;

	left = ready;
	err = vm_insert_pages(vma, addr, pool->pages + page, &left);
	if (ready == left)
		return err;
	if (flags & PGTBL_INSTALL_WRITE)
		err = make_writable(vma, addr, ready - left);
	return ready - left;
}

static int install_run(struct mm_struct *mm, struct pgtbl_pool_pages *pool,
		       const struct pgtbl_run *run, u32 flags, u32 *done)
{
	unsigned long addr = run->addr;
	unsigned int page = run->page, end = run->page + run->count;

	while (page < end) {
		long some = install_some(mm, pool, addr, page, end - page,
					 flags);

		if (some < 0)
			return some;
		page += some;
		addr += some << PAGE_SHIFT;
		*done += some;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/**
 * pgtbl_ioc_install() - PGTBL_IOC_INSTALL
 * @file: the device
 * @arg: struct pgtbl_install
 *
 * Return: 0 or a negative errno; pages may have been installed then.
 */
long pgtbl_ioc_install(struct file *file, void *arg)
{
	struct pgtbl_install *args = arg;
	struct client client;
	long err;
	u32 i;

	if ((args->flags & ~PGTBL_INSTALL_WRITE) || args->reserved)
		return -EINVAL;
	args->done = 0;
	err = get_client(&client, file, args->pid, args->runs, args->nr_runs);
	if (err)
		return err;
	/* vm_insert_pages() marks the mapping, so for writing. */
	if (mmap_write_lock_killable(client.mm)) {
		err = -EINTR;
	} else {
		mutex_lock(&client.pool->lock);
		for (i = 0; i < args->nr_runs && !err; i++)
			err = install_run(client.mm, client.pool,
					  client.runs + i, args->flags,
					  &args->done);
		mutex_unlock(&client.pool->lock);
		mmap_write_unlock(client.mm);
	}
	put_client(&client);
	return err;
}

/* is_there() - PGTBL_TAKEN* for a page of the pool, 0 if it is not there */
static u8 is_there(struct mm_struct *mm, unsigned long addr,
		   const struct page *page)
{
	pmd_t *pmd = pgtbl_pmd(mm, addr);
	spinlock_t *ptl; /* of the table */
	pte_t *pte;
	u8 ret = 0;

	if (!pmd)
		return 0;
	pte = pf_pte_lock(mm, pmd, addr, &ptl);
	if (!pte)
		return 0;
	if (pte_present(*pte) && pte_pfn(*pte) == page_to_pfn(page))
		ret = PGTBL_TAKEN | (pte_dirty(*pte) ? PGTBL_TAKEN_DIRTY : 0);
	pte_unmap_unlock(pte, ptl);
	return ret;
}

/*
 * take_some() - unmap a part of a run
 *
 * zap_page_range_single() does all that unmapping a page asks for: rmap, RSS,
 * and the flush on every CPU before it returns.
 *
 * Context: the client's mmap_lock for writing; with the VMAs' own, no entry
 * changes between is_there() and that. The pool's lock.
 */
static void take_some(struct mm_struct *mm, struct pgtbl_pool_pages *pool,
		      unsigned long addr, unsigned int page,
		      unsigned int count, u8 *result)
{
	VMA_ITERATOR(vmi, mm, addr);
	struct vm_area_struct *vma;
	unsigned int i, first;

	for_each_vma_range(vmi, vma, addr + ((unsigned long)count << PAGE_SHIFT))
		vma_start_write(vma);
	for (i = 0; i < count; i++)
		result[i] = is_there(mm, addr + ((unsigned long)i <<
						 PAGE_SHIFT),
				     pool->pages[page + i]);

	for (first = 0; first < count; first = i) {
		unsigned long from = addr + ((unsigned long)first <<
					     PAGE_SHIFT);

		i = first + 1;
		if (!result[first])
			continue;
		vma = find_vma(mm, from);
		while (i < count && result[i] &&
		       addr + ((unsigned long)i << PAGE_SHIFT) < vma->vm_end)
			i++;
		zap_page_range_single(vma, from,
				      (unsigned long)(i - first) << PAGE_SHIFT,
				      NULL);
	}
	for (i = 0; i < count; i++) {
		if (!result[i])
			continue;
		if (page_count(pool->pages[page + i]) == 1)
			__clear_bit(page + i, pool->exclusive);
		else
			result[i] |= PGTBL_TAKEN_SHARED;
	}
}

static int take_run(struct mm_struct *mm, struct pgtbl_pool_pages *pool,
		    const struct pgtbl_run *run, u8 *buf, u8 __user **to,
		    u32 *done)
{
	unsigned int pos, i, count;

	for (pos = 0; pos < run->count; pos += count) {
		count = min_t(unsigned int, run->count - pos, TAKE_BATCH);
		if (mmap_write_lock_killable(mm))
			return -EINTR;
		mutex_lock(&pool->lock);
		take_some(mm, pool,
			  run->addr + ((unsigned long)pos << PAGE_SHIFT),
			  run->page + pos, count, buf);
		mutex_unlock(&pool->lock);
		mmap_write_unlock(mm);

		for (i = 0; i < count; i++)
			*done += !!buf[i];
		if (*to) {
			if (copy_to_user(*to, buf, count))
				return -EFAULT;
			*to += count;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/**
 * pgtbl_ioc_take() - PGTBL_IOC_TAKE
 * @file: the device
 * @arg: struct pgtbl_take
 *
 * Return: 0 or a negative errno; pages may have been taken then.
 */
long pgtbl_ioc_take(struct file *file, void *arg)
{
	struct pgtbl_take *args = arg;
	u8 __user *to = pf_user_ptr(args->result);
	struct client client;
	u8 buf[TAKE_BATCH];
	long err;
	u32 i;

	if (args->flags || args->reserved)
		return -EINVAL;
	args->done = 0;
	err = get_client(&client, file, args->pid, args->runs, args->nr_runs);
	if (err)
		return err;
	for (i = 0; i < args->nr_runs && !err; i++)
		err = take_run(client.mm, client.pool, client.runs + i, buf,
			       &to, &args->done);
	put_client(&client);
	return err;
}
