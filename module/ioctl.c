// SPDX-License-Identifier: GPL-2.0
/*
 * Dispatch of ioctls with sized structures: the one place where their
 * arguments enter and leave the kernel.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "ioctl.h"

static const struct pf_ioctl *pf_ioctl_find(unsigned int cmd,
					    const struct pf_ioctl *table,
					    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (table[i].cmd == cmd)
			return &table[i];
	return NULL;
}

/**
 * pf_ioctl_dispatch() - run an ioctl by a table of commands
 * @file: the open device, for the command's function
 * @cmd: the ioctl's number
 * @uarg: user pointer to the command's structure
 * @table: the device's commands
 * @n: how many
 *
 * Context: process context, no locks held; may sleep.
 * Return: what the command's function returns, or
 *	-ENOTTY: no such command;
 *	-EFAULT: @uarg can't be read, or the answer can't be written to it (the
 *	command has run then);
 *	-EINVAL: the structure is smaller than its first version;
 *	-E2BIG: it is longer than a page, or has a tail that we don't know and
 *	that is not zero.
 */
long pf_ioctl_dispatch(struct file *file, unsigned int cmd, void __user *uarg,
		       const struct pf_ioctl *table, size_t n)
{
	u64 buf[PF_IOCTL_MAX_SIZE / sizeof(u64)];
	const struct pf_ioctl *ioctl = pf_ioctl_find(cmd, table, n);
	u32 usize;
	long ret;
	int err;

	if (!ioctl)
		return -ENOTTY;
	if (get_user(usize, (u32 __user *)uarg))
		return -EFAULT;
	if (usize < ioctl->min_size)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(buf, ioctl->size, uarg, usize);
	if (err)
		return err;
	/* Another thread may have changed it since it was checked. */
	*(u32 *)buf = usize;

	ret = ioctl->fn(file, buf);

	if (ioctl->flags & PF_IOCTL_IN_ONLY)
		return ret;
	if (ret < 0 && !(ioctl->flags & PF_IOCTL_OUT_ON_ERROR))
		return ret;
	if (copy_to_user(uarg, buf, min(usize, ioctl->size)) && ret >= 0)
		return -EFAULT;
	return ret;
}
