// SPDX-License-Identifier: GPL-2.0
/*
 * UPDATE and FLUSH: entries of page tables, changed on behalf of users.
 *
 * Harmless changes (the bits that the CPU sets by itself, and less rights) are
 * open to whoever may edit. All others need unsafe_write=1, and are kept away
 * from the kernel by undo.c.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "ioctl.h"
#include "edit.h"

/**
 * struct change - an edit to be made
 * @addr: address that the entry describes
 * @old: what it must be
 * @new: what it shall be
 * @frame: page that is held for a dangerous change, or NULL
 * @made: room to remember it
 * @dangerous: the kernel would lose count
 */
struct change {
	unsigned long addr;
	pteval_t old;
	pteval_t new;
	struct page *frame;
	struct pgtbl_made *made;
	bool dangerous;
};

/* same_page() - both map the same frame, and in the same way for the kernel */
static bool same_page(pteval_t old, pteval_t new)
{
	return pgtbl_kind(PGTBL_PTE, old) == PGTBL_KIND_LEAF &&
		pgtbl_kind(PGTBL_PTE, new) == PGTBL_KIND_LEAF &&
		pgtbl_pfn(PGTBL_PTE, old) == pgtbl_pfn(PGTBL_PTE, new) &&
		!((old ^ new) & (PGTBL_PRESENT | PGTBL_KEY_SPECIAL));
}

/* hold_frame() - a page that user space has already, and nothing else */
static struct page *hold_frame(pteval_t entry)
{
	unsigned long pfn = pgtbl_pfn(PGTBL_PTE, entry);
	struct page *page;

	if (!pfn_valid(pfn))
		return ERR_PTR(-EINVAL);
	page = pfn_to_page(pfn);
	if (PageReserved(page) || !get_page_unless_zero(compound_head(page)))
		return ERR_PTR(-EINVAL);
	/* Below, page types and slabs share words with the map count. */
	if (PageSlab(page) || page_has_type(page) || !page_mapped(page)) {
		put_page(page);
		return ERR_PTR(-EINVAL);
	}
	return page;
}

/* judge() - may this change be made? Its class goes to @change. */
static int judge(struct change *change)
{
	pteval_t old = change->old, new = change->new;

	if (old == new)
		return 0;
	if (same_page(old, new)) {
		if (pgtbl_harmless(old, new))
			return 0;
		if (!pgtbl_unsafe_write)
			return -EPERM;
		/* Never: everyone reads from the page of zeros. */
		if (is_zero_pfn(pgtbl_pfn(PGTBL_PTE, new)) &&
		    pgtbl_lets_write(new))
			return -EPERM;
		change->dangerous = true;
		return 0;
	}
	if (!pgtbl_unsafe_write)
		return -EPERM;
	change->dangerous = true;
	return 0;
}

/*
 * judge_dangerous() - a change of what is mapped
 *
 * Under the locks, with what was made before at hand: taking such an edit back
 * is allowed. A page that the kernel has counted there may be exchanged, but
 * not taken away: a fault would then fill the place.
 */
static int judge_dangerous(const struct change *change,
			   const struct pgtbl_made *before)
{
	pteval_t new = change->new;

	if (before && before->dangerous && pgtbl_same(new, before->orig))
		return 0;
	if (same_page(change->old, new))
		return 0;
	if (pgtbl_kind(PGTBL_PTE, change->old) == PGTBL_KIND_SWAP ||
	    pgtbl_kind(PGTBL_PTE, new) != PGTBL_KIND_LEAF ||
	    pgtbl_special((unsigned long)new))
		return -EOPNOTSUPP;
	/* do_numa_page() would give access to another page by itself. */
	if (!(new & PGTBL_VALID) &&
	    (pgtbl_kind(PGTBL_PTE, change->old) != PGTBL_KIND_LEAF ||
	     pgtbl_pfn(PGTBL_PTE, change->old) != pgtbl_pfn(PGTBL_PTE, new)))
		return -EOPNOTSUPP;
	return change->frame ? 0 : -EINVAL;
}

/* remember() - returns a frame that is no longer mapped, or NULL */
static struct page *remember(struct pgtbl_space *space, struct change *change,
			     struct pgtbl_made *before)
{
	struct page *gone = NULL;

	if (before) {
		/* The kernel may have put another page there since. */
		if (!before->dangerous &&
		    (change->dangerous ||
		     !same_page(before->now, change->old)))
			before->orig = change->old;
		gone = before->frame;
		before->frame = change->frame;
		change->frame = NULL;
		before->now = change->new;
		if (change->dangerous && !before->dangerous) {
			before->dangerous = true;
			pgtbl_count_dangerous(space, 1);
		}
		/* Taken back. What lacks the accessed bit only is to get it again. */
		if (before->dangerous ? pgtbl_same(before->now, before->orig) :
					before->now == before->orig) {
			pgtbl_made_erase(space, before);
			if (before->frame) {
				change->frame = before->frame;
				before->frame = NULL;
			}
			kfree(before);
		}
		return gone;
	}
	*change->made = (struct pgtbl_made){
		.addr = change->addr,
		.orig = change->old,
		.now = change->new,
		.frame = change->frame,
		.dangerous = change->dangerous,
	};
	pgtbl_made_insert(space, change->made);
	change->made = NULL;
	change->frame = NULL;
	return NULL;
}

static struct vm_area_struct *find_editable(struct mm_struct *mm,
					    unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	if (!vma || vma->vm_start > addr)
		return ERR_PTR(-ENXIO);
	/* No pages that the kernel counts, or shared tables. */
	if (vma->vm_flags & (VM_PFNMAP | VM_IO | VM_HUGETLB))
		return ERR_PTR(-EOPNOTSUPP);
	return vma;
}

/*
 * make() - compare and set, flush, remember
 *
 * Context: mmap_lock, the lock of the edits. Faults may go on: they and this
 * change the entry under the table's lock.
 */
static int make(struct pgtbl_space *space, struct change *change)
{
	struct vm_area_struct *vma = find_editable(space->mm, change->addr);
	struct pgtbl_made *before = pgtbl_made_find(space, change->addr);
	struct page *gone;
	spinlock_t *ptl; /* of the table */
	pmd_t *pmd;
	pte_t *pte;
	pteval_t now;
	int err = 0;

	if (IS_ERR(vma))
		return PTR_ERR(vma);
	if (change->dangerous)
		err = judge_dangerous(change, before);
	if (err)
		return err;
	pmd = pgtbl_pmd(space->mm, change->addr);
	if (!pmd)
		return -ENXIO;

	pte = pf_pte_lock(space->mm, pmd, change->addr, &ptl);
	if (!pte)
		return -ENXIO;
	now = pgtbl_read(pte);
	if (now != change->old) {
		err = -EAGAIN;
	} else {
		/* Nothing is lost with the bit: the page remembers. */
		if (pte_present(__pte(now)) && pte_dirty(__pte(now)) &&
		    !pte_dirty(__pte(change->new)) &&
		    !pgtbl_special((unsigned long)now) &&
		    pfn_valid(pgtbl_pfn(PGTBL_PTE, now)))
			set_page_dirty(pfn_to_page(pgtbl_pfn(PGTBL_PTE, now)));
		/* A CPU may set bits in it just now. */
		if (!pgtbl_cmpxchg(pte, now, change->new)) {
			now = pgtbl_read(pte);
			err = -EAGAIN;
		}
	}
	pte_unmap_unlock(pte, ptl);
	change->old = now;
	if (err)
		return err;

	pgtbl_arch_flush(space->mm, vma, change->addr,
			 change->addr + PAGE_SIZE);
	gone = remember(space, change, before);
	if (gone)
		put_page(gone);
	return 0;
}

/* prepare() - all that may sleep or allocate */
static int prepare(const struct pgtbl_edit *edit, struct change *change)
{
	int err;

	*change = (struct change){
		.addr = edit->addr,
		.old = edit->old_entry,
		.new = edit->new_entry,
	};
	if (edit->addr >= PGTBL_USER_END ||
	    !IS_ALIGNED(edit->addr, PAGE_SIZE) ||
	    change->old != edit->old_entry || change->new != edit->new_entry)
		return -EINVAL;
	if (edit->level != PGTBL_PTE)
		return -EOPNOTSUPP;
	err = judge(change);
	if (err)
		return err;
	if (change->dangerous && !same_page(change->old, change->new) &&
	    pgtbl_kind(PGTBL_PTE, change->new) == PGTBL_KIND_LEAF) {
		struct page *frame = hold_frame(change->new);

		/* Perhaps the old page comes back: see judge_dangerous(). */
		if (!IS_ERR(frame))
			change->frame = frame;
	}
	change->made = kzalloc(sizeof(*change->made), GFP_KERNEL_ACCOUNT);
	return change->made ? 0 : -ENOMEM;
}

static void finish(struct change *change)
{
	if (change->frame)
		put_page(change->frame);
	kfree(change->made);
}

/**
 * pgtbl_edit_locked() - make an edit for a user who wrote it into a table
 * @space: whose; prepared for dangerous edits
 * @addr: the address
 * @old: what the entry must be
 * @new: what it shall become
 *
 * Context: mmap_lock held. Return: 0 or a negative errno.
 */
int pgtbl_edit_locked(struct pgtbl_space *space, unsigned long addr,
		      pteval_t old, pteval_t new)
{
	const struct pgtbl_edit edit = {
		.addr = addr,
		.old_entry = old,
		.new_entry = new,
		.level = PGTBL_PTE,
	};
	struct change change;
	int err = prepare(&edit, &change);

	if (!err) {
		mutex_lock(&space->edits->lock);
		err = make(space, &change);
		mutex_unlock(&space->edits->lock);
	}
	finish(&change);
	return err;
}

static int edit_one(struct pgtbl_edits *edits, struct mm_struct *mm,
		    struct pgtbl_edit *edit)
{
	struct pgtbl_space *space;
	struct change change;
	int err = prepare(edit, &change);

	if (err)
		goto out;
	space = pgtbl_space_get(edits, mm, change.dangerous);
	if (IS_ERR(space)) {
		err = PTR_ERR(space);
		goto out;
	}
	if (mmap_write_lock_killable(mm)) {
		err = -EINTR;
		goto out;
	}
	mutex_lock(&edits->lock);
	err = make(space, &change);
	mutex_unlock(&edits->lock);
	mmap_write_unlock(mm);
	if (err == -EAGAIN)
		edit->old_entry = change.old;
out:
	finish(&change);
	return err;
}

/**
 * pgtbl_ioc_update() - PGTBL_IOC_UPDATE
 * @file: the device
 * @arg: struct pgtbl_update
 *
 * Return: 0 or a negative errno; edits may have been made then.
 */
long pgtbl_ioc_update(struct file *file, void *arg)
{
	struct pgtbl_file *pf = file->private_data;
	struct pgtbl_update *args = arg;
	struct pgtbl_edit __user *at = pf_user_ptr(args->edits);
	struct mm_struct *mm;
	long err;

	if (args->flags || args->reserved || !args->count ||
	    args->count > PGTBL_EDITS_MAX)
		return -EINVAL;
	args->done = 0;
	err = pgtbl_may_edit();
	if (err)
		return err;
	mm = pgtbl_mm_get(args->pid);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	for (; args->done < args->count && !err; at++) {
		struct pgtbl_edit edit;

		if (copy_from_user(&edit, at, sizeof(edit))) {
			err = -EFAULT;
			break;
		}
		err = edit_one(pf->edits, mm, &edit);
		edit.error = -err;
		if (copy_to_user(at, &edit, sizeof(edit)) && !err)
			err = -EFAULT;
		args->done += !err;
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	mmput(mm);
	return err;
}

/**
 * pgtbl_ioc_flush() - PGTBL_IOC_FLUSH
 * @file: the device
 * @arg: struct pgtbl_flush
 *
 * Return: 0 or a negative errno.
 */
long pgtbl_ioc_flush(struct file *file, void *arg)
{
	const struct pgtbl_flush *args = arg;
	struct vm_area_struct *vma;
	struct mm_struct *mm;

	if (args->flags || args->reserved ||
	    !IS_ALIGNED(args->start, PAGE_SIZE) ||
	    !IS_ALIGNED(args->end, PAGE_SIZE) || args->start >= args->end ||
	    args->end > PGTBL_USER_END)
		return -EINVAL;
	mm = pgtbl_mm_get(args->pid);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	if (mmap_read_lock_killable(mm)) {
		mmput(mm);
		return -EINTR;
	}
	vma = find_vma(mm, args->start);
	if (vma && (vma->vm_start > args->start || vma->vm_end < args->end))
		vma = NULL;
	pgtbl_arch_flush(mm, vma, args->start, args->end);
	mmap_read_unlock(mm);
	mmput(mm);
	return 0;
}
