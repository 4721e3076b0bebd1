/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/PID/pagemap, of which the headers of a 6.1 know nothing. The layout of
 * PAGEMAP_SCAN is that of linux/fs.h since Linux 6.7.
 */
#ifndef PAGEMAP_H
#define PAGEMAP_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PAGEMAP_PFN	((1ULL << 55) - 1)

#ifndef PAGEMAP_SCAN
#define PAGE_IS_PRESENT	(1 << 3)

struct page_region {
	__u64 start;
	__u64 end;
	__u64 categories;
};

struct pm_scan_arg {
	__u64 size;
	__u64 flags;
	__u64 start;
	__u64 end;
	__u64 walk_end;
	__u64 vec;
	__u64 vec_len;
	__u64 max_pages;
	__u64 category_inverted;
	__u64 category_mask;
	__u64 category_anyof_mask;
	__u64 return_mask;
};

#define PAGEMAP_SCAN	_IOWR('f', 16, struct pm_scan_arg)
#endif

#endif /* PAGEMAP_H */
