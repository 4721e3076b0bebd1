// SPDX-License-Identifier: GPL-2.0
/*
 * Functions of the kernel by name, and which of them a return address is in:
 * ptep_clear_flush() and page_move_anon_rmap() have callers that are no faults.
 */
#include <linux/ftrace.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/llist.h>
#include <linux/rethook.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "arch/regs.h"
#include "compat.h"
#include "fast.h"
#include "pfstat.h"

/*
 * Which of them exist on their own is the compiler's choice. A class means that
 * copies made on behalf of the function belong to faults of that class; without
 * one, others only ask where it is.
 */
static const struct {
	const char *name;
	unsigned int class;
} pf_symbols[] = {
	{ "wp_page_copy", PF_CLASS_WP },
	{ "do_wp_page", PF_CLASS_WP },
	{ "wp_can_reuse_anon_folio", PF_CLASS_WP },
	{ "do_huge_pmd_wp_page", PF_CLASS_HUGE },
	{ "hugetlb_wp", PF_CLASS_HUGETLB },
	{ "hugetlb_fault", PF_CLASS_HUGETLB },
	{ "hugetlb_no_page", PF_CLASS_HUGETLB },
	{ "huge_ptep_clear_flush", PF_CLASS_HUGETLB },
	{ "ptep_clear_flush" },
	{ PF_MOVE_ANON_RMAP },
	{ "exit_mm_release" },
	{ "exec_mm_release" },
	{ "finish_fault" },
};

static unsigned long pf_symbol_addresses[ARRAY_SIZE(pf_symbols)];

/* A return address that a kretprobe has replaced by that of its own code. */
#ifdef CONFIG_KRETPROBE_ON_RETHOOK
#define pf_hooked_first()	(current->rethooks.first)
#define pf_hooked(node)		llist_entry(node, struct rethook_node, llist)
#define pf_hooked_frame(hook)	((hook)->frame)
#elif defined(CONFIG_KRETPROBES)
#define pf_hooked_first()	(current->kretprobe_instances.first)
#define pf_hooked(node)		llist_entry(node, struct kretprobe_instance, \
					    llist)
#define pf_hooked_frame(hook)	((unsigned long)(hook)->fp)
#endif

/* The same by the function graph tracer, where it may come before us. */
static unsigned long pf_graph_caller(const struct pt_regs *regs,
				     unsigned long caller)
{
#ifdef PF_GRAPH_STACK
	const struct ftrace_ret_stack *top = current->ret_stack;

	if (!top || current->curr_ret_stack < 0)
		return caller;
	top += current->curr_ret_stack;
	if (top->retp == (unsigned long *)pf_frame(regs))
		return top->ret;
#endif
	return caller;
}

/**
 * pf_real_caller() - the return address of a hooked function
 * @regs: registers of the hook, at the function's entry
 * @caller: the return address there
 *
 * Others may have kretprobes (bpftrace, perf and ftrace have) on the same
 * function, and theirs may come first: then it returns to the kernel's
 * trampoline, and the call is the newest that the task remembers; once for each
 * of them, the address that was there in the first place last.
 * Context: probe handler, preemption off.
 * Return: where the function was called.
 */
unsigned long pf_real_caller(const struct pt_regs *regs, unsigned long caller)
{
#ifdef pf_hooked_first
	struct llist_node *node = pf_hooked_first();

	for (; node; node = node->next) {
		if (pf_hooked_frame(pf_hooked(node)) != pf_frame(regs))
			break;
		caller = (unsigned long)pf_hooked(node)->ret_addr;
	}
#endif
	return pf_fault_class(caller) ? caller : pf_graph_caller(regs, caller);
}

struct pf_range pf_fault_ranges[PF_FAULT_RANGES];
unsigned int pf_fault_range_nr;

/**
 * pf_symbol_address() - where a function of the kernel is
 * @symbol: its name, one of pf_symbols[]
 *
 * Context: after pf_symbol_init().
 * Return: its address, or 0 if it is not there, or not to be probed.
 */
unsigned long pf_symbol_address(const char *symbol)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pf_symbols); i++) {
		if (!strcmp(pf_symbols[i].name, symbol))
			return pf_symbol_addresses[i];
	}
	WARN_ON_ONCE(1);
	return 0;
}

/*
 * kallsyms_lookup_name() is not exported, but a kprobe resolves its symbol. A
 * look-up goes through all symbols until Linux 6.2, and to take a kprobe away
 * means to wait for RCU: so each name is looked for once, and all are taken away
 * together.
 */
static int pf_symbol_find_all(void)
{
	struct kprobe **registered;
	struct kprobe *kps;
	int i, nr = 0;

	kps = kcalloc(ARRAY_SIZE(pf_symbols), sizeof(*kps), GFP_KERNEL);
	registered = kcalloc(ARRAY_SIZE(pf_symbols), sizeof(*registered),
			     GFP_KERNEL);
	if (!kps || !registered) {
		kfree(kps);
		kfree(registered);
		return -ENOMEM;
	}
	for (i = 0; i < ARRAY_SIZE(pf_symbols); i++) {
		kps[i].symbol_name = pf_symbols[i].name;
		kps[i].flags = KPROBE_FLAG_DISABLED;
		pf_symbol_addresses[i] = 0;
		if (register_kprobe(&kps[i]))
			continue;
		pf_symbol_addresses[i] = (unsigned long)kps[i].addr;
		registered[nr++] = &kps[i];
	}
	unregister_kprobes(registered, nr);
	kfree(kps);
	kfree(registered);
	return 0;
}

/* Start and size of the function around @addr, from "name+0x0/0x5c0". */
static bool pf_symbol_range(unsigned long addr, struct pf_range *range)
{
	char buf[KSYM_SYMBOL_LEN];
	unsigned long offset;
	const char *plus;

	sprint_symbol(buf, addr);
	plus = strchr(buf, '+');
	if (!plus || sscanf(plus, "+0x%lx/0x%lx", &offset, &range->size) != 2)
		return false;
	range->start = addr - offset;
	return true;
}

/**
 * pf_symbol_init() - find the functions of the fault path
 * @classes: the classes of faults that were found, a mask of BIT(PF_CLASS_*)
 *
 * Return: 0 or a negative errno.
 */
int pf_symbol_init(u32 *classes)
{
	struct pf_range *range;
	int i, err;

	err = pf_symbol_find_all();
	if (err)
		return err;
	*classes = 0;
	pf_fault_range_nr = 0;
	for (i = 0; i < ARRAY_SIZE(pf_symbols); i++) {
		range = &pf_fault_ranges[pf_fault_range_nr];
		if (!pf_symbols[i].class || !pf_symbol_addresses[i])
			continue;
		if (WARN_ON_ONCE(pf_fault_range_nr == PF_FAULT_RANGES) ||
		    !pf_symbol_range(pf_symbol_addresses[i], range))
			continue;
		range->class = pf_symbols[i].class;
		*classes |= BIT(range->class);
		pf_fault_range_nr++;
	}
	return 0;
}
