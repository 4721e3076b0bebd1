/* SPDX-License-Identifier: GPL-2.0-only */
/* Asks the module what is mapped, as often as it takes. */
#ifndef SCAN_H
#define SCAN_H

#include "cmd.h"

/**
 * struct scan - what to look for
 * @report: PGTBL_IS_* that are reported and tell extents apart
 * @mask: with @value: only memory with (categories & @mask) == @value
 * @value: see @mask
 * @extent: what to do with an extent; they come sorted
 * @arg: for @extent
 * @pages: out: base pages in all of them
 */
struct scan {
	__u32 report;
	__u32 mask;
	__u32 value;
	void (*extent)(void *arg, const struct pgtbl_extent *extent);
	void *arg;
	__u64 pages;
};

/**
 * scan_range - go through a range
 * @p: handle
 * @pid: whose
 * @range: which addresses
 * @scan: what to look for and what to do with it
 *
 * Return: 0, or -1 and errno.
 */
int scan_range(const struct pgtbl *p, pid_t pid, const struct range *range,
	       struct scan *scan);

#endif /* SCAN_H */
