// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/pgtbl: the file and its commands. The ABI is uapi/pgtbl.h.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "ioctl.h"
#include "pgtbl.h"

bool pgtbl_unsafe_write;
module_param_named(unsafe_write, pgtbl_unsafe_write, bool, 0400);
MODULE_PARM_DESC(unsafe_write, "allow edits of page tables that can crash or corrupt processes");

static const struct pf_ioctl commands[] = {
	PF_IOCTL(PGTBL_IOC_INFO, struct pgtbl_info, geometry, pgtbl_ioc_info,
		 0),
	PF_IOCTL(PGTBL_IOC_REMAP, struct pgtbl_remap, reserved,
		 pgtbl_ioc_remap, 0),
	PF_IOCTL(PGTBL_IOC_WALK, struct pgtbl_walk, level, pgtbl_ioc_walk, 0),
	PF_IOCTL(PGTBL_IOC_SCAN, struct pgtbl_scan, pages, pgtbl_ioc_scan, 0),
	PF_IOCTL(PGTBL_IOC_UPDATE, struct pgtbl_update, reserved,
		 pgtbl_ioc_update, PF_IOCTL_OUT_ON_ERROR),
	PF_IOCTL(PGTBL_IOC_FLUSH, struct pgtbl_flush, end, pgtbl_ioc_flush,
		 PF_IOCTL_IN_ONLY),
	PF_IOCTL(PGTBL_IOC_POOL, struct pgtbl_pool, reserved, pgtbl_ioc_pool,
		 PF_IOCTL_IN_ONLY),
	PF_IOCTL(PGTBL_IOC_INSTALL, struct pgtbl_install, reserved,
		 pgtbl_ioc_install, PF_IOCTL_OUT_ON_ERROR),
	PF_IOCTL(PGTBL_IOC_TAKE, struct pgtbl_take, reserved, pgtbl_ioc_take,
		 PF_IOCTL_OUT_ON_ERROR),
	PF_IOCTL(PGTBL_IOC_REFS, struct pgtbl_refs, refs, pgtbl_ioc_refs,
		 PF_IOCTL_IN_ONLY),
};

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return pf_ioctl_dispatch(file, cmd, (void __user *)arg, commands,
				 ARRAY_SIZE(commands));
}

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	/* A private mapping could be written to by copying, BUG in 6.1. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff == PGTBL_WINDOW_OFFSET >> PAGE_SHIFT)
		return pgtbl_window_mmap(file, vma);
	if (vma->vm_pgoff >= PGTBL_POOL_PGOFF &&
	    vma->vm_pgoff < PGTBL_WINDOW_PGOFF)
		return pgtbl_pool_mmap(file, vma);
	return -EINVAL;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct pgtbl_file *pf = kzalloc(sizeof(*pf), GFP_KERNEL_ACCOUNT);

	if (!pf)
		return -ENOMEM;
	pf->edits = pgtbl_edits_new();
	if (!pf->edits) {
		kfree(pf);
		return -ENOMEM;
	}
	mutex_init(&pf->lock);
	pf->next_window = PGTBL_WINDOW_PGOFF;
	address_space_init_once(&pf->mapping);
	pf->mapping.host = inode;
	pf->mapping.a_ops = &empty_aops;
	file->f_mapping = &pf->mapping;
	file->private_data = pf;
	return nonseekable_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct pgtbl_file *pf = file->private_data;

	/* No VMA is left: each holds the file. */
	pgtbl_edits_free(pf->edits);
	pgtbl_pool_free(pf->pool);
	kfree(pf);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = device_mmap,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pgtbl",
	.fops = &device_fops,
	.mode = 0600,
};

/**
 * pgtbl_init() - make /dev/pgtbl
 *
 * Return: 0, -EOPNOTSUPP if this machine's page tables are not known (the log
 *	says why), or another negative errno.
 */
int pgtbl_init(void)
{
	const char *obstacle = pgtbl_arch_supported();
	int err;

	if (obstacle) {
		pr_warn("pfstat: no /dev/pgtbl: not supported: %s\n", obstacle);
		return -EOPNOTSUPP;
	}
	err = pgtbl_window_init();
	if (err)
		return err;
	err = misc_register(&device);
	if (err)
		pgtbl_window_exit();
	return err;
}

/**
 * pgtbl_exit() - remove /dev/pgtbl; no file is open any more
 */
void pgtbl_exit(void)
{
	misc_deregister(&device);
	pgtbl_window_exit();
}
