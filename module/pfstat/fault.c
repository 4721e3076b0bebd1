// SPDX-License-Identifier: GPL-2.0
/*
 * What the hooks on the fault path do.
 *
 * A fault is counted where it ends, at one of two places, both under the
 * page-table lock and on the path of success only:
 *
 *   ptep_clear_flush()    called by mm/memory.c:wp_page_copy() and
 *                         mm/hugetlb.c:hugetlb_wp() once they have seen, with
 *                         the lock taken again, that the entry is still the
 *                         one that was copied
 *   page_move_anon_rmap() called when the last sharer keeps the page
 *
 * So a fault that is retried, or that loses the race against another thread,
 * is not counted, and neither are faults that such pages take for other
 * reasons: soft-dirty, userfaultfd-wp and mprotect() leave the page exclusive
 * (PageAnonExclusive()), and shared mappings never get to these two.
 *
 * The fault's flags are in its vm_fault, which live.c finds. Faults on huge
 * pages have none, or none that can be told by what these two are given: for
 * these, a fault begins where mm/huge_memory.c:do_huge_pmd_wp_page() or
 * mm/hugetlb.c:hugetlb_fault() is entered (pf_fault_begin()). In between the
 * task may sleep and move to another CPU: what is known from the begin is kept
 * in a table by task.
 */
#include <linux/mm.h>

#include "fast.h"
#include "pfstat.h"
#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * struct pf_flight - a fault on a huge page that has begun
 * @place: of the task
 * @mm: whose page table
 * @address: of the page
 * @flags: FAULT_FLAG_*
 * @class: PF_CLASS_*
 *
 * A fault that is not counted in the end leaves its place to the task's next.
 */
struct pf_flight {
	struct pf_place place;
	struct mm_struct *mm;
	unsigned long address;
	unsigned int flags;
	unsigned int class;
};

static struct pf_places pf_flights;
static DEFINE_PER_CPU(u64, pf_lost_events);

/**
 * pf_lost() - say that an event could not be recorded
 * @n: how many
 *
 * Context: preemption off.
 */
void pf_lost(unsigned int n)
{
	this_cpu_add(pf_lost_events, n);
}

/**
 * pf_lost_sum() - events that could not be recorded
 *
 * Return: how many since the module was loaded.
 */
u64 pf_lost_sum(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(&pf_lost_events, cpu));
	return sum;
}

static struct pf_flight *pf_flight_find(const struct task_struct *task)
{
	struct pf_place *place = pf_place_find(&pf_flights, task);

	return place ? container_of(place, struct pf_flight, place) : NULL;
}

static void pf_flight_end(struct pf_flight *flight)
{
	flight->mm = NULL;
	pf_place_release(&flight->place);
}

/**
 * pf_fault_task_exit() - forget a task that will not fault again
 * @task: current
 *
 * Context: any.
 */
void pf_fault_task_exit(struct task_struct *task)
{
	struct pf_flight *flight;

	while ((flight = pf_flight_find(task)))
		pf_flight_end(flight);
}

/**
 * pf_fault_begin() - a write fault on a write-protected huge page begins
 * @mm: whose page table; tracked
 * @address: faulting address
 * @flags: FAULT_FLAG_*
 * @class: PF_CLASS_*
 *
 * Context: probe handler, preemption off.
 */
void pf_fault_begin(struct mm_struct *mm, unsigned long address,
		    unsigned int flags, unsigned int class)
{
	struct pf_place *place = pf_place_claim(&pf_flights, current);
	struct pf_flight *flight;

	if (unlikely(!place)) {
		pf_lost(1);
		return;
	}
	flight = container_of(place, struct pf_flight, place);
	flight->mm = mm;
	flight->address = address & PAGE_MASK;
	flight->flags = flags;
	flight->class = class;
}

/* Count for @space and all other spaces of its mm. */
static __always_inline void pf_record(struct pf_space *space,
				      const struct vm_area_struct *vma,
				      unsigned long address, unsigned int kind,
				      unsigned int flags)
{
	bool user = flags & FAULT_FLAG_USER;
	u64 duration = 0;

	if (static_branch_unlikely(&pf_latency_key))
		duration = pf_latency_since();
	if (unlikely(flags & FAULT_FLAG_UNSHARE))
		kind = PFSTAT_UNSHARE;
	else if (unlikely(!user))
		kind = PFSTAT_KERNEL;
	do {
		pf_count(space, address >> PAGE_SHIFT, kind, user);
		trace_cow_fault(space, address, vma->vm_start, kind, user,
				duration);
		space = pf_space_next(space);
	} while (unlikely(space));
}

/*
 * The end of the current task's fault on a huge page, if it is one of @class.
 * Such a task may have left a fault unfinished: @class is where this call
 * comes from.
 */
static noinline void pf_flight_land(struct pf_space *space,
				    const struct vm_area_struct *vma,
				    unsigned int class)
{
	struct pf_flight *flight = pf_flight_find(current);
	unsigned long address;
	unsigned int flags;

	if (!flight || flight->mm != space->mm || flight->class != class)
		return;
	address = flight->address;
	flags = flight->flags;
	pf_flight_end(flight);
	pf_record(space, vma, address, PFSTAT_HUGE, flags);
}

static struct pf_site pf_site_copy, pf_site_reuse;

static __always_inline void pf_copied(struct pf_space *space,
				      const struct vm_fault *vmf,
				      const pte_t *ptep)
{
	/* The zero page is special: do_wp_page() sees no page there. */
	unsigned int kind = !vmf->page && is_zero_pfn(pte_pfn(*ptep)) ?
			    PFSTAT_ZERO : PFSTAT_COPY;

	pf_record(space, vmf->vma, vmf->address, kind, vmf->flags);
}

/* Not where it was last time, or not the fault path's call. */
static noinline void pf_replaced_slow(struct pf_space *space,
				      const struct vm_area_struct *vma,
				      unsigned long address, pte_t *ptep,
				      const struct pt_regs *regs,
				      unsigned long caller)
{
	const struct pf_live_key key = {
		.vma = vma, .address = address, .pte = ptep,
	};
	const struct vm_fault *vmf;
	unsigned int class;

	caller = pf_real_caller(regs, caller);
	class = pf_fault_class(caller);
	if (class == PF_CLASS_HUGETLB)
		pf_flight_land(space, vma, class);
	if (class != PF_CLASS_WP)
		return;
	vmf = pf_live_find(&pf_site_copy, regs, caller, &key);
	if (vmf)
		pf_copied(space, vmf, ptep);
	else
		pf_lost(1);
}

/**
 * pf_fault_replaced() - ptep_clear_flush() is called
 * @space: the first of the mm
 * @vma: its first argument
 * @address: its second
 * @ptep: its third, the entry still unchanged and its lock held
 * @regs: registers of the hook
 * @caller: its return address
 *
 * Reclaim, migration and KSM call it as well, perhaps in the middle of a fault
 * on the very same page: only what the fault path itself calls is counted.
 * Context: probe handler, preemption off.
 */
void pf_fault_replaced(struct pf_space *space,
		       const struct vm_area_struct *vma, unsigned long address,
		       pte_t *ptep, const struct pt_regs *regs,
		       unsigned long caller)
{
	const struct vm_fault *vmf = pf_live_guess(&pf_site_copy, regs, caller);

	if (likely(vmf && pf_live_copies(vmf, vma, address, ptep)))
		pf_copied(space, vmf, ptep);
	else
		pf_replaced_slow(space, vma, address, ptep, regs, caller);
}

static noinline void pf_kept_slow(struct pf_space *space,
				  const struct page *page,
				  const struct vm_area_struct *vma,
				  const struct pt_regs *regs,
				  unsigned long caller)
{
	const struct pf_live_key key = { .vma = vma, .page = page };
	const struct vm_fault *vmf;
	unsigned int class;

	caller = pf_real_caller(regs, caller);
	class = pf_fault_class(caller);
	if (class == PF_CLASS_HUGE || class == PF_CLASS_HUGETLB)
		pf_flight_land(space, vma, class);
	if (class != PF_CLASS_WP)
		return;
	vmf = pf_live_find(&pf_site_reuse, regs, caller, &key);
	if (vmf)
		pf_record(space, vma, vmf->address, PFSTAT_REUSE, vmf->flags);
	else
		pf_lost(1);
}

/**
 * pf_fault_kept() - page_move_anon_rmap() is called
 * @space: the first of the mm
 * @page: its first argument
 * @vma: its second
 * @regs: registers of the hook
 * @caller: its return address
 *
 * Context: probe handler, preemption off.
 */
void pf_fault_kept(struct pf_space *space, const struct page *page,
		   const struct vm_area_struct *vma,
		   const struct pt_regs *regs, unsigned long caller)
{
	const struct vm_fault *vmf = pf_live_guess(&pf_site_reuse, regs, caller);

	if (likely(vmf && pf_live_keeps(vmf, vma, page)))
		pf_record(space, vma, vmf->address, PFSTAT_REUSE, vmf->flags);
	else
		pf_kept_slow(space, page, vma, regs, caller);
}

/**
 * pf_fault_file() - a private file page was copied on its first access
 * @space: the first of the mm
 * @vmf: the fault
 *
 * Context: probe handler, preemption off.
 */
void pf_fault_file(struct pf_space *space, const struct vm_fault *vmf)
{
	pf_record(space, vmf->vma, vmf->address, PFSTAT_FILE, vmf->flags);
}

/**
 * pf_fault_prepare() - get ready for probes to run
 *
 * Return: 0 or -ENOMEM.
 */
int pf_fault_prepare(void)
{
	return pf_places_alloc(&pf_flights, sizeof(struct pf_flight));
}

/**
 * pf_fault_release() - undo pf_fault_prepare()
 *
 * Context: no probe runs.
 */
void pf_fault_release(void)
{
	pf_places_free(&pf_flights);
}
