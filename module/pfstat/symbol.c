// SPDX-License-Identifier: GPL-2.0
/*
 * Functions of the kernel by name, and which of them a return address is in:
 * ptep_clear_flush() and page_move_anon_rmap() have callers that are no faults.
 */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/string.h>

#include "fast.h"
#include "pfstat.h"

/* Which of them exist on their own is the compiler's choice. */
static const struct {
	const char *name;
	unsigned int class;
} pf_fault_functions[] = {
	{ "wp_page_copy", PF_CLASS_WP },
	{ "do_wp_page", PF_CLASS_WP },
	{ "wp_can_reuse_anon_folio", PF_CLASS_WP },
	{ "do_huge_pmd_wp_page", PF_CLASS_HUGE },
	{ "hugetlb_wp", PF_CLASS_HUGETLB },
	{ "hugetlb_fault", PF_CLASS_HUGETLB },
	{ "hugetlb_no_page", PF_CLASS_HUGETLB },
	{ "huge_ptep_clear_flush", PF_CLASS_HUGETLB },
};

struct pf_range pf_fault_ranges[PF_FAULT_RANGES];
unsigned int pf_fault_range_nr;

/**
 * pf_symbol_address() - where a function of the kernel is
 * @symbol: its name
 *
 * kallsyms_lookup_name() is not exported, but a kprobe resolves its symbol.
 * Return: its address, or 0 if it is not there, or not to be probed.
 */
unsigned long pf_symbol_address(const char *symbol)
{
	struct kprobe kp = {
		.symbol_name = symbol,
		.flags = KPROBE_FLAG_DISABLED,
	};
	unsigned long addr;

	if (register_kprobe(&kp))
		return 0;
	addr = (unsigned long)kp.addr;
	unregister_kprobe(&kp);
	return addr;
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
 *
 * Return: the classes of faults that were found, a mask of BIT(PF_CLASS_*).
 */
u32 pf_symbol_init(void)
{
	struct pf_range *range;
	u32 classes = 0;
	int i;

	BUILD_BUG_ON(ARRAY_SIZE(pf_fault_functions) > PF_FAULT_RANGES);
	pf_fault_range_nr = 0;
	for (i = 0; i < ARRAY_SIZE(pf_fault_functions); i++) {
		unsigned long addr = pf_symbol_address(pf_fault_functions[i].name);

		range = &pf_fault_ranges[pf_fault_range_nr];
		if (!addr || !pf_symbol_range(addr, range))
			continue;
		range->class = pf_fault_functions[i].class;
		classes |= BIT(range->class);
		pf_fault_range_nr++;
	}
	return classes;
}
