// SPDX-License-Identifier: GPL-2.0
/*
 * INFO: the shape of page tables on the running kernel.
 */
#include <linux/kernel.h>
#include <linux/uaccess.h>

#include "ioctl.h"
#include "pgtbl.h"

static void describe_levels(struct pgtbl_info *info)
{
	unsigned int level;

	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		struct pgtbl_geometry *geo = &info->geometry[level];

		*geo = (struct pgtbl_geometry){};
		if (!pgtbl_level_exists(level))
			continue;
		geo->shift = pgtbl_shift(level);
		geo->entries = pgtbl_entries(level);
		geo->entry_size = sizeof(pteval_t);
		if (level == PGTBL_PGD)
			geo->user_entries =
				((PGTBL_USER_END - 1) >> geo->shift) + 1;
		else
			geo->user_entries = geo->entries;
	}
}

/* copy_table() - as much of a table as there is room for; *n: how much */
static int copy_table(u64 uptr, u32 *n, const void *table, u32 count,
		      size_t size)
{
	u32 room = min(*n, count);

	*n = count;
	if (!uptr)
		return 0;
	if (copy_to_user(pf_user_ptr(uptr), table, room * size))
		return -EFAULT;
	return 0;
}

/**
 * pgtbl_ioc_info() - PGTBL_IOC_INFO
 * @file: the device
 * @arg: struct pgtbl_info
 *
 * Return: 0 or a negative errno.
 */
long pgtbl_ioc_info(struct file *file, void *arg)
{
	struct pgtbl_info *info = arg;
	int err;

	if (info->flags)
		return -EINVAL;
	err = copy_table(info->flag_table, &info->nr_flags, pgtbl_flags,
			 pgtbl_nr_flags, sizeof(*pgtbl_flags));
	if (!err)
		err = copy_table(info->rule_table, &info->nr_rules,
				 pgtbl_rules, pgtbl_nr_rules,
				 sizeof(*pgtbl_rules));
	if (err)
		return err;

	info->abi = PGTBL_ABI_VERSION;
	info->features = 0;
	if (pgtbl_unsafe_write)
		info->features |= PGTBL_FEATURE_UNSAFE_WRITE;
	if (current->mm && pgtbl_pgd_needs_copy(current->mm))
		info->features |= PGTBL_FEATURE_PGD_COPY;
	if (IS_ENABLED(CONFIG_MEM_SOFT_DIRTY))
		info->features |= PGTBL_FEATURE_SOFT_DIRTY;
	if (IS_ENABLED(CONFIG_HIGHPTE))
		info->features |= PGTBL_FEATURE_HIGHPTE;
	info->levels = PGTBL_LEVELS;
	info->page_shift = PAGE_SHIFT;
	info->user_end = PGTBL_USER_END;
	info->window_pages = PGTBL_WINDOW_MAX;
	info->pool_pages = PGTBL_POOL_MAX;
	describe_levels(info);
	return 0;
}
