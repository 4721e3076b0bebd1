/* SPDX-License-Identifier: GPL-2.0-only */
/* What a page fault costs here and now. */
#ifndef COST_H
#define COST_H

#include <linux/types.h>

/**
 * fault_cost - the time of a page fault of this process
 *
 * First writes to anonymous memory, the least of several rounds.
 *
 * Return: nanoseconds, 0 if it can't be told.
 */
__u64 fault_cost(void);

#endif /* COST_H */
