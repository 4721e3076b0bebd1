// SPDX-License-Identifier: GPL-2.0
/*
 * What the hooks on the fault path do.
 *
 * A write fault on a write-protected page goes through one of three functions
 * that know the fault's flags but not how it ends: mm/memory.c:do_wp_page(),
 * mm/huge_memory.c:do_huge_pmd_wp_page(), mm/hugetlb.c:hugetlb_fault(). That is
 * where a fault begins here (pf_fault_begin()). It ends at one of two places,
 * both under the page-table lock and on the path of success only:
 *
 *   ptep_clear_flush()    called by wp_page_copy() and hugetlb_wp() once they
 *                         have seen, with the lock taken again, that the entry
 *                         is still the one that was copied
 *   page_move_anon_rmap() called when the last sharer keeps the page
 *
 * So a fault that is retried, or that loses the race against another thread,
 * is not counted, and neither are faults that such pages take for other
 * reasons: soft-dirty, userfaultfd-wp and mprotect() leave the page exclusive
 * (PageAnonExclusive()), and shared mappings never get to these two.
 *
 * Between begin and end the task may sleep and move to another CPU: what is
 * known from the begin is kept in a table by task.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "fast.h"
#include "pfstat.h"
#define CREATE_TRACE_POINTS
#include "trace.h"

#define PF_FLIGHT_BITS	12
#define PF_FLIGHT_PROBE	8	/* places looked at for a task */

/* Low bits of pf_flight.info; the rest is the address of the page. */
#define PF_INFO_CLASS	0x3
#define PF_INFO_USER	BIT(2)
#define PF_INFO_UNSHARE	BIT(3)

/**
 * struct pf_flight - a fault that has begun
 * @task: who owns this place, or NULL; set by cmpxchg, cleared by the owner
 * @mm: whose page table; only the owner looks at this and the next
 * @info: address and PF_INFO_*
 *
 * A fault that is not counted in the end leaves its place to the task's next.
 */
struct pf_flight {
	struct task_struct *task;
	struct mm_struct *mm;
	unsigned long info;
};

static struct pf_flight *pf_flights;
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

static __always_inline struct pf_flight *
pf_flight_home(const struct task_struct *task)
{
	return &pf_flights[hash_ptr(task, PF_FLIGHT_BITS)];
}

/* The first place that is @task's or free: what is found first is the newest. */
static __always_inline struct pf_flight *
pf_flight_claim(struct task_struct *task)
{
	struct pf_flight *flight = pf_flight_home(task);
	struct task_struct *owner;
	int i;

	for (i = 0; i < PF_FLIGHT_PROBE; i++, flight++) {
		owner = READ_ONCE(flight->task);
		if (owner == task)
			return flight;
		if (!owner && !cmpxchg(&flight->task, NULL, task))
			return flight;
	}
	return NULL;
}

static __always_inline struct pf_flight *
pf_flight_find(const struct task_struct *task)
{
	struct pf_flight *flight = pf_flight_home(task);
	int i;

	for (i = 0; i < PF_FLIGHT_PROBE; i++, flight++) {
		if (READ_ONCE(flight->task) == task)
			return flight;
	}
	return NULL;
}

static __always_inline void pf_flight_end(struct pf_flight *flight)
{
	flight->mm = NULL;
	/* Whoever claims the place next must not have its mm overwritten. */
	smp_store_release(&flight->task, NULL);
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
 * pf_fault_begin() - a write fault on a write-protected page begins
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
	struct pf_flight *flight = pf_flight_claim(current);
	unsigned long info;

	if (unlikely(!flight)) {
		pf_lost(1);
		return;
	}
	info = (address & PAGE_MASK) | class;
	if (flags & FAULT_FLAG_USER)
		info |= PF_INFO_USER;
	if (flags & FAULT_FLAG_UNSHARE)
		info |= PF_INFO_UNSHARE;
	flight->mm = mm;
	flight->info = info;
}

/* Count for @space and all other spaces of its mm. */
static __always_inline void pf_record(struct pf_space *space,
				      const struct vm_area_struct *vma,
				      unsigned long address, unsigned int kind,
				      bool user)
{
	for (; space; space = pf_space_next(space)) {
		pf_count(space, address >> PAGE_SHIFT, kind, user);
		trace_cow_fault(space, address, vma->vm_start, kind, user);
	}
}

/* The end of @flight's fault: @kind if it is a user's write. */
static __always_inline void pf_flight_record(struct pf_flight *flight,
					     struct pf_space *space,
					     const struct vm_area_struct *vma,
					     unsigned int kind)
{
	unsigned long info = flight->info;
	bool user = info & PF_INFO_USER;

	pf_flight_end(flight);
	if (unlikely(info & PF_INFO_UNSHARE))
		kind = PFSTAT_UNSHARE;
	else if (!user)
		kind = PFSTAT_KERNEL;
	pf_record(space, vma, info & PAGE_MASK, kind, user);
}

/*
 * The current task's fault in the mm of @space, if it is one that @caller may
 * be the end of. Reclaim, migration and KSM use the same functions, perhaps in
 * a task that left a fault of this very address unfinished.
 */
static __always_inline struct pf_flight *
pf_flight_landing(const struct pf_space *space, unsigned long caller)
{
	struct pf_flight *flight = pf_flight_find(current);

	if (!flight || flight->mm != space->mm || !pf_on_fault_path(caller))
		return NULL;
	return flight;
}

/**
 * pf_fault_replaced() - ptep_clear_flush() is called
 * @space: the first of the mm
 * @vma: its first argument
 * @address: its second
 * @ptep: its third, the entry still unchanged and its lock held
 * @caller: its return address
 *
 * Context: probe handler, preemption off.
 */
void pf_fault_replaced(struct pf_space *space,
		       const struct vm_area_struct *vma, unsigned long address,
		       pte_t *ptep, unsigned long caller)
{
	struct pf_flight *flight = pf_flight_landing(space, caller);
	unsigned int kind;

	if (!flight)
		return;

	switch (flight->info & PF_INFO_CLASS) {
	case PF_CLASS_WP:
		if ((flight->info & PAGE_MASK) != (address & PAGE_MASK))
			return;
		kind = is_zero_pfn(pte_pfn(*ptep)) ? PFSTAT_ZERO : PFSTAT_COPY;
		break;
	case PF_CLASS_HUGETLB:
		kind = PFSTAT_HUGE;
		break;
	default:
		return;
	}
	pf_flight_record(flight, space, vma, kind);
}

/**
 * pf_fault_kept() - page_move_anon_rmap() is called
 * @space: the first of the mm
 * @vma: its second argument
 * @caller: its return address
 *
 * Context: probe handler, preemption off.
 */
void pf_fault_kept(struct pf_space *space, const struct vm_area_struct *vma,
		   unsigned long caller)
{
	struct pf_flight *flight = pf_flight_landing(space, caller);

	if (!flight)
		return;
	pf_flight_record(flight, space, vma,
			 (flight->info & PF_INFO_CLASS) == PF_CLASS_WP ?
			 PFSTAT_REUSE : PFSTAT_HUGE);
}

/**
 * pf_fault_file() - a private file page was copied on its first access
 * @vma: where
 * @address: of the fault
 * @user: it came from user mode
 *
 * Context: probe handler, preemption off.
 */
void pf_fault_file(const struct vm_area_struct *vma, unsigned long address,
		   bool user)
{
	pf_record(pf_space_first(vma->vm_mm), vma, address & PAGE_MASK,
		  user ? PFSTAT_FILE : PFSTAT_KERNEL, user);
}

/**
 * pf_fault_prepare() - get ready for probes to run
 *
 * Return: 0 or -ENOMEM.
 */
int pf_fault_prepare(void)
{
	/* The last places are looked at from those before them. */
	pf_flights = kvcalloc((1 << PF_FLIGHT_BITS) + PF_FLIGHT_PROBE,
			      sizeof(*pf_flights), GFP_KERNEL);
	return pf_flights ? 0 : -ENOMEM;
}

/**
 * pf_fault_release() - undo pf_fault_prepare()
 *
 * Context: no probe runs.
 */
void pf_fault_release(void)
{
	kvfree(pf_flights);
	pf_flights = NULL;
}
