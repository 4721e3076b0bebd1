/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fail: allocations and copies from and to user space that fail on purpose. For
 * kernels with fault injection, that is, the debug guests.
 *
 * What goes wrong in these functions fails the test and ends it.
 */
#ifndef FAIL_H
#define FAIL_H

#include <stdbool.h>

/* Before anything else: all kinds of allocations may fail, without a word. */
void fail_begin(void);

/* The @n-th allocation or copy of this thread fails from now on; 0: none. */
void fail_nth(int n);

/*
 * Which to let fail after the @n-th: of the first ones each, then every second
 * and so on, as many are alike. With FAIL_ALL=1 in the environment each.
 */
int fail_next(int n);

/* How many of the @n are still to come; nothing fails any more. */
int fail_left(void);

/* Whether one has; nothing fails any more. */
bool fail_happened(void);

/*
 * From now on each allocation fails that the module makes, whoever runs it; or
 * none again. Copies don't.
 */
void fail_module(bool on);

/*
 * Loads the module anew: what was lost is counted from then on, and other tests
 * expect nothing to be. Closes pf.
 */
void fail_forget(void);

#endif
