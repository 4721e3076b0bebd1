// SPDX-License-Identifier: GPL-2.0
/*
 * The first write to a page of a private file mapping: copied by
 * mm/memory.c:do_cow_fault(), which compilers merge into its caller, and which
 * calls nothing that other faults do not call as well. A hook on any of these
 * functions would be paid by faults that copy nothing.
 *
 * But its call of finish_fault() returns to a place that only these faults
 * pass: there a kprobe sits, and sees the return value (the fault may have lost
 * a race). Where that place is, and where the vm_fault is then, is learned from
 * one such fault, which the loading task takes on purpose. The vm_fault is in
 * a register that calls preserve or, if the compiler merged the function that
 * owns it too, at a fixed place of the frame.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>

#include "arch/regs.h"
#include "fast.h"
#include "pfstat.h"

#define PF_FRAME_MAX	1024	/* bytes; a vm_fault farther off is another's */

/* What was learned; constant while the probe is registered. */
static struct {
	unsigned long addr;	/* behind the call */
	int reg;		/* with the vm_fault, or -1: it is in the frame, */
	unsigned long offset;	/* this far from the stack pointer */
} pf_filecow;

static struct task_struct *pf_filecow_pupil;

/* finish_fault(vmf), while learning */
static int pf_filecow_learn(struct kprobe *kp, struct pt_regs *regs)
{
	const struct vm_fault *vmf = (void *)pf_arg(regs, 0);
	int reg;

	if (current != READ_ONCE(pf_filecow_pupil) || pf_filecow.addr ||
	    !(vmf->flags & FAULT_FLAG_WRITE) ||
	    (vmf->vma->vm_flags & VM_SHARED))
		return 0;
	for (reg = 0; reg < PF_KEPT_REGS; reg++) {
		if (pf_kept_reg(regs, reg) == (unsigned long)vmf) {
			pf_filecow.reg = reg;
			pf_filecow.addr = pf_caller(regs);
			return 0;
		}
	}
	pf_filecow.reg = -1;
	pf_filecow.offset = (unsigned long)vmf - pf_caller_sp(regs);
	if (pf_filecow.offset < PF_FRAME_MAX)
		pf_filecow.addr = pf_caller(regs);
	return 0;
}

NOKPROBE_SYMBOL(pf_filecow_learn);

static const struct vm_fault *pf_filecow_vmf(struct pt_regs *regs)
{
	if (pf_filecow.reg >= 0)
		return (void *)pf_kept_reg(regs, pf_filecow.reg);
	return (void *)(kernel_stack_pointer(regs) + pf_filecow.offset);
}

static int pf_filecow_done(struct kprobe *kp, struct pt_regs *regs)
{
	const struct vm_fault *vmf = pf_filecow_vmf(regs);
	vm_fault_t ret = (__force vm_fault_t)regs_return_value(regs);
	struct pf_space *space = pf_space_first(vmf->vma->vm_mm);

	if (space &&
	    !(ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)))
		pf_fault_file(space, vmf);
	return 0;
}

NOKPROBE_SYMBOL(pf_filecow_done);

static struct kprobe pf_filecow_probe = {
	.pre_handler = pf_filecow_done,
};

/* Write to a page of a private mapping of a file, before it is ever read. */
static int pf_filecow_fault(void)
{
	unsigned long addr;
	struct file *file;
	int err;

	file = shmem_file_setup("pfstat", PAGE_SIZE, VM_NORESERVE);
	if (IS_ERR(file))
		return PTR_ERR(file);
	addr = vm_mmap(file, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		       0);
	fput(file);
	if (IS_ERR_VALUE(addr))
		return addr;
	err = put_user(1, (char __user *)addr);
	vm_munmap(addr, PAGE_SIZE);
	return err;
}

static int pf_filecow_find(void)
{
	struct kprobe lesson = {
		.addr = (void *)pf_symbol_address("finish_fault"),
		.pre_handler = pf_filecow_learn,
	};
	int err;

	if (!current->mm)
		return -ESRCH;
	if (!lesson.addr)
		return -ENOENT;
	err = register_kprobe(&lesson);
	if (err)
		return err;
	/* The probe is there: others who fault compare it with themselves. */
	WRITE_ONCE(pf_filecow_pupil, current);
	err = pf_filecow_fault();
	unregister_kprobe(&lesson);
	pf_filecow_pupil = NULL;
	if (!err && !pf_filecow.addr)
		err = -ENOENT;
	return err;
}

/**
 * pf_filecow_arm() - put the probe in place
 *
 * Return: 0 or a negative errno.
 */
int pf_filecow_arm(void)
{
	return pf_filecow.addr ? enable_kprobe(&pf_filecow_probe) : 0;
}

/**
 * pf_filecow_disarm() - take the probe away
 */
void pf_filecow_disarm(void)
{
	if (pf_filecow.addr)
		disable_kprobe(&pf_filecow_probe);
}

/**
 * pf_filecow_missed() - events whose handler could not run
 *
 * Return: their number since the module was loaded.
 */
u64 pf_filecow_missed(void)
{
	return READ_ONCE(pf_filecow_probe.nmissed);
}

/**
 * pf_filecow_init() - find the place and register the probe, disabled
 *
 * Context: may sleep; a task with an address space.
 * Return: 0, or a negative errno: the kind file can't be counted.
 */
int pf_filecow_init(void)
{
	int err;

	err = pf_filecow_find();
	if (err)
		return err;
	pf_filecow_probe.addr = (void *)pf_filecow.addr;
	pf_filecow_probe.flags = KPROBE_FLAG_DISABLED;
	err = register_kprobe(&pf_filecow_probe);
	if (err)
		pf_filecow.addr = 0;
	return err;
}

/**
 * pf_filecow_exit() - undo pf_filecow_init(), if it succeeded
 */
void pf_filecow_exit(void)
{
	if (pf_filecow.addr)
		unregister_kprobe(&pf_filecow_probe);
}
