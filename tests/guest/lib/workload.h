/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workloads: parts of a test program that run as programs of their own, under
 * a name of the test's choice, in step with the test.
 *
 *	WORKLOAD(writes)
 *	{
 *		char *p = map_pages(8);		// argv[1]... are the test's
 *
 *		workload_at(p);			// says where, and waits
 *		write_pages(p, 8);
 *		return workload_done();		// says so, and waits
 *	}
 *
 *	TEST(counts)
 *	{
 *		struct workload w = workload_start("writes", "myname", NULL);
 *		unsigned long p = strtoul(workload_wait(&w), NULL, 16);
 *
 *		workload_go(&w);
 *		EXPECT_EQ(workload_end(&w), 0);
 *	}
 *
 * The name is that of the executable file, so also the comm (15 characters).
 * What goes wrong in these functions fails the test and ends it.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <sys/types.h>

#include "ktap.h"

/* A workload that runs; one at a time waits or goes. */
struct workload {
	pid_t pid;
	int to;			/* "go" */
	int from;		/* its steps, lines of text */
	char path[300];		/* of the executable */
	char text[512];		/* what its last step said */
};

/**
 * workload_start() - run a workload as a program
 * @function: the name that WORKLOAD() gave it
 * @name: of the program, up to 255 characters
 *
 * Then its arguments, argv[1] and so on, and NULL. It has the environment of
 * the test, and no descriptors of it but 0 to 2.
 */
struct workload workload_start(const char *function, const char *name, ...)
	__attribute__((sentinel));

/**
 * workload_wait() - wait until it is at its next step
 * @w: from workload_start()
 *
 * Return: what the step says, valid until the next wait.
 */
const char *workload_wait(struct workload *w);

/* workload_go() - let it go on from the step where it waits */
void workload_go(struct workload *w);

/**
 * workload_end() - wait for its end, without a step before it
 * @w: from workload_start()
 *
 * Return: its exit status, or 128 + n if signal n killed it.
 */
int workload_end(struct workload *w);

/* workload_run() - start it, let it go at every step, return its end */
int workload_run(const char *function, const char *name, ...)
	__attribute__((sentinel));

/* In a workload: says that it is here, and waits until the test says go. */
void workload_step(const char *format, ...) KTAP_PRINTF(1, 2);

/* In a workload: a step that says an address, for address_in(). */
void workload_at(const void *where);

/* In a workload, its last step: all is done. Return: 0, its exit status. */
int workload_done(void);

/* In a workload: says what failed, and errno, and ends it with status 125. */
void workload_give_up(const char *what) __attribute__((noreturn));

/* In a workload, before it executes itself again under another function. */
void workload_next(const char *function);

/* For ktap.c */
struct workload_function {
	const char *name;
	int (*run)(int argc, char **argv);
	struct workload_function *next;
};

void workload_register(struct workload_function *function);
void workload_main(int argc, char **argv);
void workload_remove_files(pid_t test);

#define WORKLOAD(function)						\
	static int function(int argc, char **argv);			\
	static __attribute__((constructor)) void workload_add_##function(void) \
	{								\
		static struct workload_function self = {		\
			.name = #function, .run = function,		\
		};							\
		workload_register(&self);				\
	}								\
	static int function(int argc __attribute__((unused)),		\
			    char **argv __attribute__((unused)))

#endif
