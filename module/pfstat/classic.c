// SPDX-License-Identifier: GPL-2.0
/*
 * The three calls of the original interface, which were system calls:
 * pf_set_param(), pf_get_info() and pf_cleanup(). A failed one leaves a line
 * in the kernel log that says which call, which name, and why.
 */
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"
#include "pfstat.h"

#define PF_CLASSIC_VMAS	128

/* struct pf_stat of libpfstat, for callers whose long has 32 or 64 bits. */
struct pf_stat_32 {
	s32 nb_vma;
	s32 cow_page_faults;
	s32 vma_fault[PF_CLASSIC_VMAS];
	u32 vma_list_start[PF_CLASSIC_VMAS];
	u32 vma_list_end[PF_CLASSIC_VMAS];
};

struct pf_stat_64 {
	s32 nb_vma;
	s32 pad;
	s64 cow_page_faults;
	s64 vma_fault[PF_CLASSIC_VMAS];
	u64 vma_list_start[PF_CLASSIC_VMAS];
	u64 vma_list_end[PF_CLASSIC_VMAS];
};

static void pf_stat_fill_32(struct pf_stat_32 *stat, const struct pf_result *r)
{
	u32 i;

	stat->nb_vma = r->nr_vmas;
	stat->cow_page_faults = min_t(u64, pf_cow_sum(r->kinds), S32_MAX);
	for (i = 0; i < min_t(u32, r->nr_vmas, PF_CLASSIC_VMAS); i++) {
		stat->vma_fault[i] = min_t(u64, pf_cow_sum(r->vmas[i].kinds),
					   S32_MAX);
		stat->vma_list_start[i] = r->vmas[i].start;
		stat->vma_list_end[i] = r->vmas[i].end;
	}
}

static void pf_stat_fill_64(struct pf_stat_64 *stat, const struct pf_result *r)
{
	u32 i;

	stat->nb_vma = r->nr_vmas;
	stat->cow_page_faults = pf_cow_sum(r->kinds);
	for (i = 0; i < min_t(u32, r->nr_vmas, PF_CLASSIC_VMAS); i++) {
		stat->vma_fault[i] = pf_cow_sum(r->vmas[i].kinds);
		stat->vma_list_start[i] = r->vmas[i].start;
		stat->vma_list_end[i] = r->vmas[i].end;
	}
}

static const char *pf_why(long err)
{
	switch (err) {
	case -EFAULT:
		return "bad pointer";
	case -EINVAL:
		return "empty name, NUL or '/' in it, or a bad field";
	case -ENAMETOOLONG:
		return "name too long";
	case -ESRCH:
		return "not tracked";
	case -ENODATA:
		return "nothing of that name has run";
	case -ENOMEM:
		return "out of memory";
	case -EPERM:
		return "no privilege";
	case -ENOSPC:
		return "too many names are tracked";
	case -E2BIG:
		return "a field that this module does not know is set";
	default:
		return "failed";
	}
}

static const char *pf_classic_call(unsigned int cmd)
{
	switch (cmd) {
	case PFSTAT_IOC_SET_PARAM:
		return "pf_set_param";
	case PFSTAT_IOC_GET_INFO:
		return "pf_get_info";
	case PFSTAT_IOC_CLEANUP:
		return "pf_cleanup";
	default:
		return NULL;
	}
}

/**
 * pf_classic_failed() - tell the log that a classic call failed
 * @file: of the device
 * @cmd: any command; those that are not classic are not told
 * @arg: its argument, perhaps the reason of the failure
 * @err: negative errno
 *
 * Also what failed before the call itself was reached is told, so the name is
 * read once more, as far as it can be.
 */
void pf_classic_failed(struct file *file, unsigned int cmd, void __user *arg,
		       long err)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 50);
	const char *call = pf_classic_call(cmd);
	struct pfstat_classic classic;
	struct pf_key key;

	if (!call || !__ratelimit(&limit))
		return;
	pf_key_init(&key, file);
	if (!copy_from_user(&classic, arg, sizeof(classic)))
		pf_key_name(&key, classic.name, classic.name_len);
	/* No pr_fmt in this file: the line begins with the tag. */
	pr_err("[INFO940][ERROR] %s: '%*pE': %s (%ld)\n", call, (int)key.len,
	       key.name, pf_why(err), err);
}

static long pf_classic_key(struct file *file,
			   const struct pfstat_classic *classic,
			   struct pf_key *key)
{
	pf_key_init(key, file);
	if (classic->flags || classic->reserved)
		return -EINVAL;
	return pf_key_name(key, classic->name, classic->name_len);
}

/**
 * pf_classic_set_param() - PFSTAT_IOC_SET_PARAM: track a name
 * @file: of the device
 * @arg: struct pfstat_classic
 *
 * Return: 0 or a negative errno.
 */
long pf_classic_set_param(struct file *file, void *arg)
{
	const struct pfstat_classic *classic = arg;
	struct pf_key key;
	long err;

	err = pf_classic_key(file, classic, &key);
	if (!err && (classic->stat || classic->stat_size))
		err = -EINVAL;
	if (!err)
		err = pf_target_track(&key, 0);
	return err;
}

static long pf_classic_answer(const struct pfstat_classic *classic,
			      const struct pf_result *result)
{
	union {
		struct pf_stat_32 s32;
		struct pf_stat_64 s64;
	} *stat;
	long err = 0;

	stat = kzalloc(sizeof(*stat), GFP_KERNEL);
	if (!stat)
		return -ENOMEM;
	if (classic->stat_size == sizeof(stat->s32))
		pf_stat_fill_32(&stat->s32, result);
	else
		pf_stat_fill_64(&stat->s64, result);
	if (copy_to_user(pf_user_ptr(classic->stat), stat,
			 classic->stat_size))
		err = -EFAULT;
	kfree(stat);
	return err;
}

/**
 * pf_classic_get_info() - PFSTAT_IOC_GET_INFO: the values of a name's run
 * @file: of the device
 * @arg: struct pfstat_classic
 *
 * Return: 0 or a negative errno.
 */
long pf_classic_get_info(struct file *file, void *arg)
{
	const struct pfstat_classic *classic = arg;
	struct pf_result result;
	struct pf_key key;
	long err;

	err = pf_classic_key(file, classic, &key);
	if (!err && classic->stat_size != sizeof(struct pf_stat_32) &&
	    classic->stat_size != sizeof(struct pf_stat_64))
		err = -EINVAL;
	if (!err)
		err = pf_query(&key, 0, false, &result);
	if (err)
		return err;
	err = pf_classic_answer(classic, &result);
	pf_result_free(&result);
	return err;
}

/**
 * pf_classic_cleanup() - PFSTAT_IOC_CLEANUP: stop tracking, forget everything
 * @file: of the device
 * @arg: struct pfstat_classic
 *
 * Return: 0 or -EINVAL, or -EINTR for a fatal signal.
 */
long pf_classic_cleanup(struct file *file, void *arg)
{
	const struct pfstat_classic *classic = arg;
	struct pf_key key;

	pf_key_init(&key, file);
	if (classic->flags || classic->reserved || classic->name ||
	    classic->name_len || classic->stat || classic->stat_size)
		return -EINVAL;
	return pf_target_cleanup(key.limited, key.uid);
}
