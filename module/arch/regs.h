/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registers at the entry of a kernel function: its arguments and its caller.
 * Every architecture that the module runs on has its lines here.
 */
#ifndef _PF_ARCH_REGS_H
#define _PF_ARCH_REGS_H

#include <linux/preempt.h>
#include <linux/ptrace.h>

#include "compat.h"

/*
 * pf_arg() - argument @n of the function at whose entry @regs were taken
 * pf_caller() - the address it returns to
 * pf_caller_sp() - the stack pointer there
 * pf_kept_reg() - register @n of the PF_KEPT_REGS that a call preserves
 * pf_frame() - by what kretprobes know the call again: arch_prepare_kretprobe(),
 *	arch_rethook_prepare()
 */
#if defined(CONFIG_ARM64)

static __always_inline unsigned long pf_arg(const struct pt_regs *regs,
					    unsigned int n)
{
	return regs->regs[n];
}

static __always_inline unsigned long pf_caller(const struct pt_regs *regs)
{
	return regs->regs[30];
}

static __always_inline unsigned long pf_caller_sp(const struct pt_regs *regs)
{
	return regs->sp;
}

static __always_inline unsigned long pf_frame(const struct pt_regs *regs)
{
	return regs->regs[29];
}

#define PF_KEPT_REGS	10	/* x19 to x28 */

static __always_inline unsigned long pf_kept_reg(const struct pt_regs *regs,
						 unsigned int n)
{
	return regs->regs[19 + n];
}

#elif defined(CONFIG_X86)

static __always_inline unsigned long pf_arg(const struct pt_regs *regs,
					    unsigned int n)
{
	/* @n is constant, so one load is left of this. */
	const unsigned long args[] = {
#ifdef CONFIG_X86_64
		regs->di, regs->si, regs->dx, regs->cx,
#else
		/* -mregparm=3, a fourth is above the return address */
		regs->ax, regs->dx, regs->cx, ((unsigned long *)regs->sp)[1],
#endif
	};

	return args[n];
}

static __always_inline unsigned long pf_caller(const struct pt_regs *regs)
{
	return *(unsigned long *)regs->sp;
}

static __always_inline unsigned long pf_caller_sp(const struct pt_regs *regs)
{
	return regs->sp + sizeof(long);
}

static __always_inline unsigned long pf_frame(const struct pt_regs *regs)
{
	return regs->sp;
}

static __always_inline unsigned long pf_kept_reg(const struct pt_regs *regs,
						 unsigned int n)
{
	const unsigned long kept[] = {
#ifdef CONFIG_X86_64
		regs->bx, regs->bp, regs->r12, regs->r13, regs->r14, regs->r15,
#define PF_KEPT_REGS	6
#else
		regs->bx, regs->bp, regs->si, regs->di,
#define PF_KEPT_REGS	4
#endif
	};

	return kept[n];
}

#else
#error "the calling convention of this architecture is missing here"
#endif

/*
 * Arguments in a callback of ftrace. These two save the argument registers for
 * every callback: arch/x86/kernel/ftrace_64.S (save_mcount_regs), and
 * arch/arm64/kernel/entry-ftrace.S (ftrace_regs_entry, while ftrace_regs is
 * pt_regs). Elsewhere a callback must ask for all registers, else it gets NULL.
 */
#if defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS) ? defined(CONFIG_X86_64) : \
	defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS) && defined(CONFIG_ARM64)
#define PF_FTRACE_FLAGS		0
#define pf_ftrace_regs(fregs)	(&arch_ftrace_regs(fregs)->regs)
#elif defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS)
#define PF_FTRACE_FLAGS		FTRACE_OPS_FL_SAVE_REGS
#define pf_ftrace_regs(fregs)	ftrace_get_regs(fregs)
#endif

/*
 * Preemption in a callback: x86 calls it from a trampoline of its own, with
 * preemption as it was. Without such trampolines, as on arm64 so far, the ops of
 * a module are called by kernel/trace/ftrace.c:__ftrace_ops_list_func(), which
 * turns it off.
 */
static __always_inline void pf_ftrace_enter(void)
{
	if (IS_ENABLED(CONFIG_X86) ||
	    IS_ENABLED(CONFIG_DYNAMIC_FTRACE_WITH_ARGS))
		preempt_disable_notrace();
}

static __always_inline void pf_ftrace_leave(void)
{
	if (IS_ENABLED(CONFIG_X86) ||
	    IS_ENABLED(CONFIG_DYNAMIC_FTRACE_WITH_ARGS))
		preempt_enable_notrace();
}

/*
 * The cheaper one, in guest instructions per hit: x86-32 149 (kprobe) against
 * 172 (ftrace), x86-64 156 against 35, arm64, where a kprobe is a BRK, 710
 * against 144.
 */
#if defined(CONFIG_X86_32) || !defined(PF_FTRACE_FLAGS)
#define PF_HOOK_BEST		PFSTAT_HOOK_KPROBE
#else
#define PF_HOOK_BEST		PFSTAT_HOOK_FTRACE
#endif

#endif /* _PF_ARCH_REGS_H */
