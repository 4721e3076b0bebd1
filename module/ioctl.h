/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dispatch of ioctls whose argument is a structure that begins with its own
 * size. Both devices use it.
 *
 * The caller's structure may be shorter or longer than ours: a shorter one is
 * filled up with zeros (but not below its first version), a longer one must
 * have a tail of zeros. See copy_struct_from_user().
 */
#ifndef _PF_IOCTL_H
#define _PF_IOCTL_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* Largest structure: it is copied to the stack. */
#define PF_IOCTL_MAX_SIZE	256

/* pf_ioctl.flags; without any, the structure is copied back on success. */
#define PF_IOCTL_IN_ONLY	BIT(0)	/* never copied back: may be read-only */
#define PF_IOCTL_OUT_ON_ERROR	BIT(1)	/* copied back also if fn failed */

/**
 * struct pf_ioctl - one command of a device
 * @cmd: the ioctl number
 * @size: sizeof the structure, at most PF_IOCTL_MAX_SIZE
 * @min_size: sizeof its first version
 * @fn: does it. @arg is the kernel's copy, @size bytes whatever the caller's
 *	size; its first field, the size, is the caller's. May sleep. Returns 0
 *	or a positive value for the caller, or a negative errno.
 * @flags: PF_IOCTL_*
 */
struct pf_ioctl {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	long (*fn)(struct file *file, void *arg);
	unsigned int flags;
};

/* An element of a table; @last is the last member of the first version. */
#define PF_IOCTL(_cmd, _type, _last, _fn, _flags) {			\
	.cmd = (_cmd),							\
	.size = sizeof(_type) +						\
		BUILD_BUG_ON_ZERO(sizeof(_type) > PF_IOCTL_MAX_SIZE),	\
	.min_size = offsetofend(_type, _last),				\
	.fn = (_fn),							\
	.flags = (_flags),						\
}

/**
 * pf_user_ptr() - a pointer out of a structure
 * @value: as user space gave it, 64 bits wide
 *
 * Return: it; where it has more bits than the machine, one that can't be used.
 */
static inline void __user *pf_user_ptr(u64 value)
{
	if (value > ULONG_MAX)
		value = ULONG_MAX;
	return u64_to_user_ptr(value);
}

long pf_ioctl_dispatch(struct file *file, unsigned int cmd, void __user *uarg,
		       const struct pf_ioctl *table, size_t n);

#endif /* _PF_IOCTL_H */
