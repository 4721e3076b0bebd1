// SPDX-License-Identifier: GPL-2.0
/*
 * The VMAs of an mm at one moment.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/slab.h>

#include "compat.h"
#include "pfstat.h"

/* How many VMAs are listed between two chances for others to run */
#define PF_LAYOUT_BREATH	64

/* What file_path() needs, and the file it was last asked about. */
struct pf_paths {
	struct pf_strings strings;
	char *page;
	const struct file *file;
	u32 at;
};

/**
 * pf_strings_init() - begin with the empty string
 * @s: what to set up
 */
void pf_strings_init(struct pf_strings *s)
{
	s->buf = NULL;
	s->len = 1;
	s->room = 0;
}

/**
 * pf_strings_at() - a string
 * @s: where
 * @at: its offset
 *
 * Return: it, to be read before another is added.
 */
const char *pf_strings_at(const struct pf_strings *s, u32 at)
{
	return at ? s->buf + at : "";
}

/**
 * pf_strings_add() - append a string
 * @s: where
 * @string: which
 *
 * Return: its offset; 0, that of the empty string, if there is no memory.
 */
u32 pf_strings_add(struct pf_strings *s, const char *string)
{
	u32 len = strlen(string) + 1, at = s->len, room;
	char *buf;

	if (len == 1)
		return 0;
	if (at + len > s->room) {
		room = max_t(u32, 256, roundup_pow_of_two(at + len));
		buf = kvmalloc(room, GFP_KERNEL | __GFP_NOWARN);
		if (!buf)
			return 0;
		if (s->buf)
			memcpy(buf, s->buf, at);
		else
			buf[0] = 0;
		kvfree(s->buf);
		s->buf = buf;
		s->room = room;
	}
	memcpy(s->buf + at, string, len);
	s->len += len;
	return at;
}

/*
 * The name that the program gave it by prctl(2), PR_SET_VMA_ANON_NAME, or NULL.
 * It is valid without a file only; anon_vma_name() is not exported.
 */
static const char *pf_area_name(const struct vm_area_struct *vma, char *page)
{
#ifdef CONFIG_ANON_VMA_NAME
	if (vma->anon_name) {
		snprintf(page, PAGE_SIZE, "[anon:%s]", vma->anon_name->name);
		return page;
	}
#endif
	return NULL;
}

/* The label of a VMA without a file, as fs/proc/task_mmu.c has it. */
static const char *pf_area_label(struct vm_area_struct *vma, char *page)
{
	const struct mm_struct *mm = vma->vm_mm;

	if (vma->vm_ops && vma->vm_ops->name)
		return vma->vm_ops->name(vma);
	if (vma->vm_start <= mm->brk && vma->vm_end >= mm->start_brk)
		return "[heap]";
	if (vma->vm_start <= mm->start_stack &&
	    vma->vm_end >= mm->start_stack)
		return "[stack]";
	return pf_area_name(vma, page);
}

static u32 pf_area_path(struct pf_paths *paths, struct vm_area_struct *vma)
{
	const char *string;

	if (!vma->vm_file) {
		string = pf_area_label(vma, paths->page);
		return string ? pf_strings_add(&paths->strings, string) : 0;
	}
	if (vma->vm_file == paths->file)
		return paths->at;
	string = file_path(vma->vm_file, paths->page, PAGE_SIZE);
	if (IS_ERR(string))
		return 0;
	paths->file = vma->vm_file;
	paths->at = pf_strings_add(&paths->strings, string);
	return paths->at;
}

static void pf_area_fill(struct pf_area *area, struct vm_area_struct *vma)
{
	unsigned long flags = vma->vm_flags;

	area->start = vma->vm_start;
	area->end = vma->vm_end;
	area->offset = vma->vm_file ? (u64)vma->vm_pgoff << PAGE_SHIFT : 0;
	BUILD_BUG_ON(PFSTAT_VMA_READ != VM_READ);
	BUILD_BUG_ON(PFSTAT_VMA_WRITE != VM_WRITE);
	BUILD_BUG_ON(PFSTAT_VMA_EXEC != VM_EXEC);
	area->flags = (flags & (VM_READ | VM_WRITE | VM_EXEC)) |
		      (flags & VM_MAYSHARE ? PFSTAT_VMA_SHARED : 0);
	area->path = 0;
}

/* mmap_lock is held, for reading at least. */
static struct pf_layout *pf_layout_list(struct mm_struct *mm,
					struct pf_paths *paths)
{
	struct pf_layout *layout;
	struct vm_area_struct *vma;
	u32 room = mm->map_count;

	VMA_ITERATOR(vmi, mm, 0);

	layout = kvmalloc(struct_size(layout, areas, room),
			  GFP_KERNEL | __GFP_NOWARN);
	if (!layout)
		return NULL;
	refcount_set(&layout->refs, 1);
	layout->nr = 0;
	for_each_vma(vmi, vma) {
		struct pf_area *area = &layout->areas[layout->nr];

		if (WARN_ON_ONCE(layout->nr == room))
			break;
		pf_area_fill(area, vma);
		if (paths->page)
			area->path = pf_area_path(paths, vma);
		if (!(++layout->nr & (PF_LAYOUT_BREATH - 1)))
			cond_resched();
	}
	return layout;
}

/**
 * pf_layout_take() - list the VMAs of an mm
 * @mm: mm_users is held
 * @want_paths: also their paths and labels
 *
 * Context: may sleep, takes mmap_lock for read. With @want_paths current->fs
 * must exist (file_path()).
 * Return: a layout, or ERR_PTR: -ENOMEM, -EINTR for a fatal signal.
 */
struct pf_layout *pf_layout_take(struct mm_struct *mm, bool want_paths)
{
	struct pf_paths paths = {};
	struct pf_layout *layout;
	int err = -ENOMEM;

	pf_strings_init(&paths.strings);
	if (want_paths) {
		paths.page = (char *)__get_free_page(GFP_KERNEL | __GFP_NOWARN);
		if (!paths.page)
			return ERR_PTR(err);
	}
	if (mmap_read_lock_killable(mm)) {
		err = -EINTR;
		goto free;
	}
	layout = pf_layout_list(mm, &paths);
	mmap_read_unlock(mm);
	if (!layout)
		goto free;

	layout->strings = paths.strings;
	free_page((unsigned long)paths.page);
	return layout;

free:
	free_page((unsigned long)paths.page);
	kvfree(paths.strings.buf);
	return ERR_PTR(err);
}

/**
 * pf_layout_get() - take a reference
 * @layout: or NULL
 *
 * Return: @layout.
 */
struct pf_layout *pf_layout_get(struct pf_layout *layout)
{
	if (layout)
		refcount_inc(&layout->refs);
	return layout;
}

/**
 * pf_layout_put() - drop a reference
 * @layout: or NULL
 *
 * Context: may sleep (kvfree() of the last one).
 */
void pf_layout_put(struct pf_layout *layout)
{
	if (layout && refcount_dec_and_test(&layout->refs)) {
		kvfree(layout->strings.buf);
		kvfree(layout);
	}
}
