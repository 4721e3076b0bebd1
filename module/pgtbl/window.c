// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: mappings of the device in which REMAP puts tables.
 *
 * A window is a VM_PFNMAP mapping: the kernel neither counts nor frees what is
 * mapped there, so the table's own reference counts, lists and flags are left
 * alone. What is mapped is kept in an array of slots, one per page. Each slot
 * holds what keeps its page from being reused:
 *
 *  - a reference to the page of a PTE, PMD or PUD table. When its process lets
 *    the table go, the page stays with the window.
 *  - a reference to the mm_struct of a top-level table (mmgrab), never to the
 *    page: with page-table isolation that is half of an order-1 pair, which
 *    would be freed by halves. The mm_struct frees it (mm_free_pgd()).
 *  - a copy, where the table shares its page with others.
 *
 * A window stays where it was mapped: mremap() is refused, but only after the
 * kernel has moved the page table entries (move_vma() moves them back), and
 * the copy of the VMA that it made for that is opened and closed. So a VMA
 * speaks for its slots only if it lies at its place in the window.
 */
#include <linux/capability.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/security.h>
#include <linux/slab.h>

#include "compat.h"
#include "edit.h"
#include "stage.h"

/**
 * struct slot - what a page of a window shows
 * @page: the table's page, or NULL: nothing
 * @mm: mm_struct that is held for the sake of the page, or NULL: the page is
 * @mapped: the window's page table has an entry for it, or had one
 * @space: may be written to: whose table it is
 * @target: then the same, mmgrab()ed
 * @base: then the first address that it describes
 * @stage: it is being written to: what the window shows instead
 */
struct slot {
	struct page *page;
	struct mm_struct *mm;
	bool mapped;
	struct pgtbl_space *space;
	struct mm_struct *target;
	unsigned long base;
	struct pgtbl_stage *stage;
};

/**
 * struct pgtbl_window - a window
 * @vmas: VMAs that it consists of, after splits
 * @base: its first address
 * @pgoff: its first page's offset in the file
 * @count: how many pages
 * @mapping: of the file
 * @lock: protects @slots, and that the page table agrees with them
 * @slots: by page
 *
 * @vmas to @mapping change under the mmap_lock (for writing) of the process that
 * mapped it, or are constant.
 */
struct pgtbl_window {
	refcount_t vmas;
	unsigned long base;
	unsigned long pgoff;
	unsigned long count;
	struct address_space *mapping;
	struct mutex lock; /* see above */
	struct slot slots[];
};

/* What a window shows where nothing was put yet: zeros. */
static struct page *nothing;

/*
 * slot_put() - let go of what a slot holds; nothing maps it any more
 *
 * @locked: address space whose mmap_lock is held, or NULL
 */
static void slot_put(const struct slot *slot, const struct mm_struct *locked)
{
	if (slot->stage) {
		cancel_delayed_work_sync(&slot->stage->work);
		pgtbl_stage_commit(slot->stage, locked);
		pgtbl_stage_free(slot->stage);
	}
	if (slot->target)
		mmdrop(slot->target);
	if (slot->mm)
		mmdrop(slot->mm);
	else if (slot->page)
		put_page(slot->page);
}

/* in_place() - the VMA is where its part of the window belongs */
static bool in_place(const struct vm_area_struct *vma)
{
	const struct pgtbl_window *window = vma->vm_private_data;

	return vma->vm_start == window->base +
		((vma->vm_pgoff - window->pgoff) << PAGE_SHIFT);
}

static void window_open(struct vm_area_struct *vma)
{
	struct pgtbl_window *window = vma->vm_private_data;

	refcount_inc(&window->vmas);
}

/*
 * The VMA's page table entries are gone, and no CPU has them cached any more:
 * remove_vma() and exit_mmap() close after that.
 */
static void window_close(struct vm_area_struct *vma)
{
	struct pgtbl_window *window = vma->vm_private_data;
	unsigned long i, first, count;

	if (in_place(vma)) {
		first = vma->vm_pgoff - window->pgoff;
		count = vma_pages(vma);
		for (i = first; i < first + count; i++) {
			struct slot slot = {};

			/* Out of the reach of end_stage(), which may run now. */
			mutex_lock(&window->lock);
			swap(slot, window->slots[i]);
			mutex_unlock(&window->lock);
			slot_put(&slot, vma->vm_mm);
			cond_resched();
		}
	}
	if (refcount_dec_and_test(&window->vmas))
		kvfree(window);
}

static int window_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

/* show_stage() - map the stage of a slot, writable */
static vm_fault_t show_stage(struct vm_area_struct *vma, unsigned long addr,
			     struct slot *slot)
{
	slot->mapped = true;
	return vmf_insert_pfn_prot(vma, addr, page_to_pfn(slot->stage->page),
				   vm_get_page_prot(vma->vm_flags));
}

static vm_fault_t window_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct pgtbl_window *window = vma->vm_private_data;
	struct slot *slot;
	vm_fault_t ret;

	if (!in_place(vma))
		return VM_FAULT_SIGBUS;
	slot = &window->slots[vmf->pgoff - window->pgoff];
	mutex_lock(&window->lock);
	if (!slot->page && (vmf->flags & FAULT_FLAG_WRITE)) {
		ret = VM_FAULT_SIGBUS;
	} else if (slot->stage) {
		ret = show_stage(vma, vmf->address, slot);
	} else {
		slot->mapped = true;
		/*
		 * Read-only, also where writing is allowed: vm_page_prot is,
		 * because there is a pfn_mkwrite (vma_wants_writenotify()).
		 */
		ret = vmf_insert_pfn(vma, vmf->address,
				     page_to_pfn(slot->page ?: nothing));
	}
	mutex_unlock(&window->lock);
	return ret;
}

/*
 * end_stage() - the stage's time is over
 *
 * No store can hit it after unmap_mapping_range(), and faults wait.
 */
static void end_stage(struct pgtbl_stage *stage, bool put_off)
{
	struct pgtbl_window *window = stage->window;
	struct slot *slot = &window->slots[stage->slot];

	/* Whoever holds it may be waiting for this work to end. */
	if (!mutex_trylock(&window->lock)) {
		pgtbl_stage_later(stage);
		return;
	}
	if (slot->stage == stage) {
		loff_t at = (loff_t)(window->pgoff + stage->slot) << PAGE_SHIFT;

		unmap_mapping_range(window->mapping, at, PAGE_SIZE, 1);
		slot->mapped = false;
		if (!pgtbl_stage_commit(stage, NULL) && put_off) {
			pgtbl_stage_later(stage);
		} else {
			slot->stage = NULL;
			pgtbl_stage_free(stage);
		}
	}
	mutex_unlock(&window->lock);
}

/*
 * The first write to a page. Only a PTE table can be written to; a top-level
 * one has the kernel's entries in it on x86.
 */
static vm_fault_t window_pfn_mkwrite(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct pgtbl_window *window = vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct slot *slot;

	if (!in_place(vma))
		return VM_FAULT_SIGBUS;
	mutex_lock(&window->lock);
	slot = &window->slots[vmf->pgoff - window->pgoff];
	if (slot->space && !slot->stage) {
		slot->stage = pgtbl_stage_new(slot->space, slot->target,
					      slot->base, slot->page);
		if (slot->stage) {
			slot->stage->window = window;
			slot->stage->slot = slot - window->slots;
			slot->stage->timeout = end_stage;
			zap_vma_ptes(vma, vmf->address, PAGE_SIZE);
			pgtbl_stage_later(slot->stage);
		} else {
			ret = VM_FAULT_OOM;
		}
	}
	if (slot->stage)
		ret = show_stage(vma, vmf->address, slot);
	mutex_unlock(&window->lock);
	return ret;
}

static const struct vm_operations_struct window_ops = {
	.open = window_open,
	.close = window_close,
	.mremap = window_mremap,
	.fault = window_fault,
	.pfn_mkwrite = window_pfn_mkwrite,
};

/**
 * pgtbl_window_mmap() - a mapping of the device at PGTBL_WINDOW_OFFSET
 * @file: the device
 * @vma: the mapping to be; its offset, size and sharing are not checked yet
 *
 * Return: 0, -EINVAL, -EPERM, or -ENOMEM.
 */
int pgtbl_window_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pgtbl_file *pf = file->private_data;
	unsigned long count = vma_pages(vma);
	struct pgtbl_window *window;

	if (count > PGTBL_WINDOW_MAX)
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE) {
		if (!pgtbl_unsafe_write || pgtbl_may_edit())
			return -EPERM;
	} else {
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	vm_flags_clear(vma, VM_EXEC | VM_MAYEXEC);
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTCOPY | VM_DONTEXPAND |
			  VM_DONTDUMP);

	window = kvzalloc(struct_size(window, slots, count),
			  GFP_KERNEL_ACCOUNT);
	if (!window)
		return -ENOMEM;

	mutex_lock(&pf->lock);
	if (pf->next_window + count < pf->next_window) {
		mutex_unlock(&pf->lock);
		kvfree(window);
		return -ENOMEM;
	}
	window->pgoff = pf->next_window;
	pf->next_window += count;
	mutex_unlock(&pf->lock);

	refcount_set(&window->vmas, 1);
	mutex_init(&window->lock);
	window->base = vma->vm_start;
	window->count = count;
	window->mapping = &pf->mapping;
	vma->vm_pgoff = window->pgoff;
	vma->vm_private_data = window;
	vma->vm_ops = &window_ops;
	return 0;
}

/* copy_pgd() - a page with a copy of the user part of a top-level table */
static struct page *copy_pgd(struct mm_struct *mm)
{
	unsigned int i, count = pgtbl_index(PGTBL_PGD, PGTBL_USER_END - 1) + 1;
	const pteval_t *from = (const pteval_t *)mm->pgd;
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	pteval_t *to;

	if (!page)
		return NULL;
	to = page_address(page);
	for (i = 0; i < count; i++)
		to[i] = pgtbl_read(from + i);
	return page;
}

static int take_pgd(struct mm_struct *mm, struct pgtbl_remap *remap,
		    struct slot *slot)
{
	if (pgtbl_pgd_needs_copy(mm)) {
		slot->page = copy_pgd(mm);
		if (!slot->page)
			return -ENOMEM;
		remap->result = PGTBL_REMAP_COPY;
	} else {
		slot->page = virt_to_page(mm->pgd);
		mmgrab(mm);
		slot->mm = mm;
	}
	remap->addr = 0;
	return 0;
}

static int take_table(struct pgtbl_file *pf, struct mm_struct *mm,
		      struct pgtbl_remap *remap, struct slot *slot)
{
	unsigned long hint = remap->addr ?: READ_ONCE(pf->hint[remap->level]);
	unsigned long pfn = remap->pfn;
	unsigned long base;
	struct page *page;

	if (pfn != remap->pfn)
		return -EINVAL;
	if (remap->level == PGTBL_PTE && pgtbl_unsafe_write &&
	    !pgtbl_may_edit()) {
		slot->space = pgtbl_space_get(pf->edits, mm, true);
		if (IS_ERR(slot->space))
			return PTR_ERR(slot->space);
		mmgrab(mm);
		slot->target = mm;
	}
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	page = pgtbl_find_table(mm, remap->level, pfn, hint, &base);
	mmap_write_unlock(mm);
	if (IS_ERR(page))
		return PTR_ERR(page);
	slot->page = page;
	slot->base = base;
	remap->addr = base;
	WRITE_ONCE(pf->hint[remap->level], base);
	return 0;
}

/*
 * show() - exchange what the caller sees at an address
 *
 * The old entry is gone from every CPU when zap_vma_ptes() returns, so what it
 * showed may be let go afterwards. vmf_insert_pfn() alone would keep it.
 */
static int show(struct file *file, unsigned long addr, struct slot *slot)
{
	struct mm_struct *mm = current->mm;
	struct pgtbl_window *window;
	struct vm_area_struct *vma;
	struct slot *old;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = find_vma(mm, addr);
	if (!vma || vma->vm_start > addr || vma->vm_ops != &window_ops ||
	    vma->vm_file != file || !in_place(vma)) {
		mmap_read_unlock(mm);
		return -ENXIO;
	}
	window = vma->vm_private_data;
	old = &window->slots[(addr - window->base) >> PAGE_SHIFT];

	mutex_lock(&window->lock);
	if (old->mapped)
		zap_vma_ptes(vma, addr, PAGE_SIZE);
	swap(*old, *slot);
	/* It knows the window, which may be unmapped from here on. */
	if (slot->stage)
		cancel_delayed_work_sync(&slot->stage->work);
	/* A failure (no memory for a table) is made up for by a fault. */
	old->mapped = vmf_insert_pfn(vma, addr, page_to_pfn(old->page)) ==
		VM_FAULT_NOPAGE;
	mutex_unlock(&window->lock);
	mmap_read_unlock(mm);
	return 0;
}

/**
 * pgtbl_ioc_remap() - PGTBL_IOC_REMAP
 * @file: the device
 * @arg: struct pgtbl_remap
 *
 * Return: 0 or a negative errno.
 */
long pgtbl_ioc_remap(struct file *file, void *arg)
{
	struct pgtbl_remap *remap = arg;
	struct slot slot = {};
	struct mm_struct *mm;
	long ret;

	if ((remap->flags & ~PGTBL_REMAP_CHECK) || remap->reserved)
		return -EINVAL;
	if (!pgtbl_level_exists(remap->level))
		return -EOPNOTSUPP;
	if (!PAGE_ALIGNED(remap->remap_vaddr) ||
	    remap->remap_vaddr >= PGTBL_USER_END)
		return -EINVAL;

	mm = pgtbl_mm_get(remap->pid);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	remap->result = 0;
	if (remap->level == PGTBL_PGD)
		ret = take_pgd(mm, remap, &slot);
	else
		ret = take_table(file->private_data, mm, remap, &slot);
	mmput(mm);
	if (!ret) {
		remap->pfn = page_to_pfn(slot.page);
		if (!(remap->flags & PGTBL_REMAP_CHECK))
			ret = show(file, remap->remap_vaddr, &slot);
	}
	/* Now what was there before, or what found no place. */
	slot_put(&slot, NULL);
	return ret;
}

/**
 * pgtbl_window_init() - allocate what all windows share
 *
 * Return: 0 or -ENOMEM.
 */
int pgtbl_window_init(void)
{
	nothing = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return nothing ? 0 : -ENOMEM;
}

/**
 * pgtbl_window_exit() - free it; no file is open any more
 */
void pgtbl_window_exit(void)
{
	__free_page(nothing);
}
