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

/* A call, what makes it possible, and what takes it back and looks at what it left */
struct fail_call {
	const char *name;
	int (*call)(void);
	void (*before)(void);
	void (*after)(void);
};

/* What the call has returned, for after(). */
extern int fail_returned;

/*
 * Each allocation and copy of a call fails once: the Nth, for each N until none is
 * left (see fail_next()). The call says ENOMEM or EFAULT, or does without; what
 * it leaves is the runner's to find, and that it works afterwards is seen at once,
 * by what takes it back.
 */
void fail_one_by_one(const struct fail_call *call);

/*
 * Where kprobes are put in place by ftrace (x86), the kernel allocates to take one
 * away, and warns if it can't (kernel/kprobes.c:__disarm_kprobe_ftrace()). There
 * what takes them away fails by kind, which leaves these alone:
 *
 *	FAIL_KINDS(kind)
 *		for (n = 1; ...; n = fail_next(n)) {
 *			fail_kind_nth(kind, n);
 *			...
 *			if (!fail_kind_happened(kind)) ...
 *
 * Elsewhere there is one kind, as with fail_nth().
 */
enum fail_kind {
	FAIL_ANY,
	FAIL_SLAB,
	FAIL_PAGES,
	FAIL_COPIES,
	FAIL_NR_KINDS,
};

#define FAIL_KINDS(_kind)						\
	for (enum fail_kind _kind = fail_by_kind() ? FAIL_SLAB : FAIL_ANY; \
	     _kind < (fail_by_kind() ? FAIL_NR_KINDS : FAIL_SLAB); _kind++)

bool fail_by_kind(void);
void fail_kind_nth(enum fail_kind kind, int n);
bool fail_kind_happened(enum fail_kind kind);

/* Only what is called by a function of the kernel, NULL: all again. By kind only. */
void fail_only_in(const char *function);

/*
 * From now on each allocation fails that the module makes, whoever runs it; or
 * none again. Copies don't.
 */
void fail_module(bool on);

/*
 * From now on every @n-th allocation of each kind fails that is made by a
 * function, or by those that it calls, whoever runs it; NULL: none again.
 */
void fail_below(const char *function, int n);

/*
 * Loads the module anew: what was lost is counted from then on, and other tests
 * expect nothing to be. Closes pf.
 */
void fail_forget(void);

#endif
