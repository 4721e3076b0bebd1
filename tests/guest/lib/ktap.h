/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktap: what a test program in a guest is written with.
 *
 * A program is a file tests/guest/NAME.c that includes this header and defines
 * tests; main() comes from here. Each test is one behaviour and becomes one
 * KTAP line. It runs in a child process (and process group) of its own, so it
 * may crash, hang, leak or change its process as it likes. Tests run in the
 * order of the file.
 *
 *	// vm: smp=2 mem=2048            (the boot that it needs, docs/testing.md)
 *	#include "lib/ktap.h"
 *
 *	TEST(untracked_name_is_esrch)
 *	{
 *		struct pf_stat pf;
 *
 *		EXPECT_ERRNO(pf_get_info("nobody", 6, &pf), ESRCH);
 *	}
 *
 *	static const struct bad { const char *name; size_t len; int err; } bads[] = {
 *		{ "empty", 0, EINVAL },
 *		{ "too_long", 256, ENAMETOOLONG },
 *	};
 *
 *	TEST_EACH(bad_name, const struct bad *, bads)
 *	{
 *		EXPECT_ERRNO(pf_set_param(text, each->len), each->err);
 *	}
 *
 * The last gives two tests, bad_name/empty and bad_name/too_long: the first
 * member of an element is its name.
 *
 * EXPECT_... notes a failure and goes on; ASSERT_... ends the process that it
 * is in, which should be the test's own. Both may be used in every process and
 * thread that a test forks: a failure there fails the test. Arguments are
 * evaluated once.
 *
 * Run by hand in a guest: NAME [-l] [PATTERN]..., tests that match a shell
 * pattern only; -l lists them.
 */
#ifndef KTAP_H
#define KTAP_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>

#define KTAP_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define KTAP_PRINTF(f, a)	__attribute__((format(printf, f, a)))

/*
 * Defining tests
 */

/* struct ktap_test - a test, or one for each element of a table */
struct ktap_test {
	const char *name;
	void (*run)(const void *each);
	const void *table;	/* NULL: a single test */
	size_t count;
	size_t stride;
	int timeout;		/* seconds, 0: the default of 20 */
	int line;
	struct ktap_test *next;
};

void ktap_register(struct ktap_test *test);

#define KTAP_DEFINE(name_, body, table_, count_, stride_, timeout_)	\
	static __attribute__((constructor)) void ktap_add_##name_(void)	\
	{								\
		static struct ktap_test test = {			\
			.name = #name_, .run = body, .table = table_,	\
			.count = count_, .stride = stride_,		\
			.timeout = timeout_, .line = __LINE__,		\
		};							\
		ktap_register(&test);					\
	}

/* TEST(name) { ... } */
#define TEST(name)		TEST_SECONDS(name, 0)

/* TEST_SECONDS(name, seconds) { ... }: a test that may take longer than 20 s */
#define TEST_SECONDS(name, seconds)					\
	static void name(void);						\
	static void ktap_run_##name(const void *each)			\
	{								\
		(void)each;						\
		name();							\
	}								\
	KTAP_DEFINE(name, ktap_run_##name, NULL, 1, 0, seconds)		\
	static void name(void)

/* TEST_EACH(name, const struct x *, table) { ... each->... } */
#define TEST_EACH(name, type, table)					\
	static void name(type each);					\
	static void ktap_run_##name(const void *each)			\
	{								\
		name(each);						\
	}								\
	KTAP_DEFINE(name, ktap_run_##name, table, KTAP_ARRAY_SIZE(table), \
		    sizeof((table)[0]), 0)				\
	static void name(type each)

/*
 * Runs before every test of the file, in the test's process; at most one:
 * BEFORE_EACH() { pf_cleanup(); }
 */
extern void (*ktap_before_each)(void);
#define BEFORE_EACH()							\
	static void ktap_before(void);					\
	static __attribute__((constructor)) void ktap_add_before(void)	\
	{								\
		ktap_before_each = ktap_before;				\
	}								\
	static void ktap_before(void)

/*
 * What a test says
 */

/* A line of diagnostics, shown when the test fails. */
void ktap_note(const char *format, ...) KTAP_PRINTF(1, 2);

/*
 * Ends the test as skipped, with the reason. A skip fails the run unless
 * tests/skips lists it: for what this kernel cannot do, never for convenience.
 */
void ktap_skip(const char *format, ...) KTAP_PRINTF(1, 2) __attribute__((noreturn));

/* The test failed; with @fatal the process ends here. */
void ktap_fail(const char *file, int line, int fatal, const char *format, ...)
	KTAP_PRINTF(4, 5);
void ktap_fail_errno(const char *file, int line, int fatal, const char *expr,
		     int want, long long got, int error);
void ktap_fail_compare(const char *file, int line, int fatal, const char *left,
		       const char *op, const char *right, long long a,
		       long long b);
void ktap_check_str(const char *file, int line, int fatal, const char *left,
		    const char *right, const char *a, const char *b);

#define KTAP_COMPARE(a, op, b, fatal)					\
do {									\
	long long ktap_a = (long long)(a), ktap_b = (long long)(b);	\
									\
	if (!(ktap_a op ktap_b))					\
		ktap_fail_compare(__FILE__, __LINE__, fatal, #a, #op, #b, \
				  ktap_a, ktap_b);			\
} while (0)

#define KTAP_TRUE(cond, fatal)						\
do {									\
	if (!(cond))							\
		ktap_fail(__FILE__, __LINE__, fatal, "not true: %s", #cond); \
} while (0)

/* @call must return -1 and set errno to @want; @want 0: not -1 */
#define KTAP_ERRNO(call, want, fatal)					\
do {									\
	int ktap_want = (want), ktap_error;				\
	long long ktap_got;						\
									\
	errno = 0;							\
	ktap_got = (long long)(call);					\
	ktap_error = errno;						\
	if (ktap_want ? ktap_got != -1 || ktap_error != ktap_want	\
		      : ktap_got == -1)					\
		ktap_fail_errno(__FILE__, __LINE__, fatal, #call,	\
				ktap_want, ktap_got, ktap_error);	\
} while (0)

/* Integers (and pointers cast to unsigned long) are compared as long long. */
#define EXPECT_EQ(a, b)		KTAP_COMPARE(a, ==, b, 0)
#define EXPECT_NE(a, b)		KTAP_COMPARE(a, !=, b, 0)
#define EXPECT_LT(a, b)		KTAP_COMPARE(a, <, b, 0)
#define EXPECT_LE(a, b)		KTAP_COMPARE(a, <=, b, 0)
#define EXPECT_GT(a, b)		KTAP_COMPARE(a, >, b, 0)
#define EXPECT_GE(a, b)		KTAP_COMPARE(a, >=, b, 0)
#define ASSERT_EQ(a, b)		KTAP_COMPARE(a, ==, b, 1)
#define ASSERT_NE(a, b)		KTAP_COMPARE(a, !=, b, 1)
#define ASSERT_LT(a, b)		KTAP_COMPARE(a, <, b, 1)
#define ASSERT_LE(a, b)		KTAP_COMPARE(a, <=, b, 1)
#define ASSERT_GT(a, b)		KTAP_COMPARE(a, >, b, 1)
#define ASSERT_GE(a, b)		KTAP_COMPARE(a, >=, b, 1)

#define EXPECT_TRUE(cond)	KTAP_TRUE(cond, 0)
#define ASSERT_TRUE(cond)	KTAP_TRUE(cond, 1)

/* A call that returns -1 and errno: it must succeed, or fail with this one. */
#define EXPECT_OK(call)		KTAP_ERRNO(call, 0, 0)
#define ASSERT_OK(call)		KTAP_ERRNO(call, 0, 1)
#define EXPECT_ERRNO(call, e)	KTAP_ERRNO(call, e, 0)
#define ASSERT_ERRNO(call, e)	KTAP_ERRNO(call, e, 1)

#define EXPECT_STR_EQ(a, b)	ktap_check_str(__FILE__, __LINE__, 0, #a, #b, a, b)
#define ASSERT_STR_EQ(a, b)	ktap_check_str(__FILE__, __LINE__, 1, #a, #b, a, b)

#endif
