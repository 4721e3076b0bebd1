// SPDX-License-Identifier: GPL-2.0
/*
 * The vm_fault of the fault that is going on.
 *
 * mm/memory.c:__handle_mm_fault() keeps a struct vm_fault on the stack and all
 * functions of the fault path work on it. What they call, where a hook sits, no
 * longer gets it, but a fault's flags are in there and nowhere else. To hook
 * the functions that do get it as well would double the costs of every fault.
 *
 * Between such a hook and the vm_fault lie the frames of always the same
 * functions, so its place relative to the hook's registers, which are on the
 * same stack, is found once, by a search, and tried first from then on. No
 * guess is trusted: a vm_fault counts only if its members are the hook's
 * arguments, and the hook's caller is a function of the fault path.
 */
#include <linux/mm.h>
#include <linux/sched/task_stack.h>

#include "fast.h"
#include "pfstat.h"

#define PF_LIVE_SEARCH	4096	/* bytes; the frames take a few hundred */

/**
 * pf_live_find() - look for the vm_fault of a fault
 * @site: where to keep what was found
 * @regs: the hook's
 * @caller: the hooked function's, in the fault path
 * @key: what it holds
 *
 * Context: the hook of a function that the fault path called.
 * Return: it, or NULL.
 */
const struct vm_fault *pf_live_find(struct pf_site *site,
				    const struct pt_regs *regs,
				    unsigned long caller,
				    const struct pf_live_key *key)
{
	unsigned long bottom = (unsigned long)task_stack_page(current);
	unsigned long at = ALIGN((unsigned long)regs, sizeof(long));
	unsigned long end;

	if (at - bottom >= THREAD_SIZE)
		return NULL;
	end = min(at + PF_LIVE_SEARCH, bottom + THREAD_SIZE);

	/* From the newest frame on: an older one may hold an older fault. */
	for (; at + sizeof(struct vm_fault) <= end; at += sizeof(long)) {
		const struct vm_fault *vmf = (void *)at;

		if (key->pte ? !pf_live_copies(vmf, key->vma, key->address,
					       key->pte) :
			       !pf_live_keeps(vmf, key->vma, key->page))
			continue;
		/* Both are checked before use, so they may be torn apart. */
		WRITE_ONCE(site->offset, at - (unsigned long)regs);
		WRITE_ONCE(site->caller, caller);
		return vmf;
	}
	return NULL;
}
