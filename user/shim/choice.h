/* SPDX-License-Identifier: GPL-2.0-only */
/* Which programs of a run are paged. */
#ifndef CHOICE_H
#define CHOICE_H

#include <stdbool.h>

/**
 * chosen - whether this program is one of those that are to be paged
 *
 * By the patterns in the environment (RUN_INCLUDE_ENV, RUN_EXCLUDE_ENV).
 *
 * Return: whether it is.
 */
bool chosen(void);

#endif /* CHOICE_H */
