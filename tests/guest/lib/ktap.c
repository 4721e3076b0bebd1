// SPDX-License-Identifier: GPL-2.0-only
/*
 * ktap: runs the tests of a program, one child process each, and prints KTAP.
 *
 * What a test's processes share is one page: whether the test failed or was
 * skipped. The plan is printed first, so a program that dies early is seen.
 */
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"
#include "stuck.h"
#include "workload.h"

#define DEFAULT_SECONDS		20
#define FATAL_STATUS		99	/* an ASSERT_ ended the process */

static struct shared {
	int failed;
	int skipped;
	char reason[256];
} *shared;

static struct ktap_test *tests;
void (*ktap_before_each)(void);

/* Keeps the order of the file, which that of constructors need not be. */
void ktap_register(struct ktap_test *test)
{
	struct ktap_test **at = &tests;

	while (*at && (*at)->line <= test->line)
		at = &(*at)->next;
	test->next = *at;
	*at = test;
}

/* One write a line, so that lines of several processes do not mix. */
static void say(const char *prefix, const char *format, va_list args)
{
	char line[1024];
	int len;

	len = snprintf(line, sizeof(line), "%s", prefix);
	len += vsnprintf(line + len, sizeof(line) - len, format, args);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	fflush(stdout);
	if (write(STDOUT_FILENO, line, len) != len)
		_exit(FATAL_STATUS);
}

static void KTAP_PRINTF(1, 2) result(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
}

void ktap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("# ", format, args);
	va_end(args);
}

void ktap_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(shared->reason, sizeof(shared->reason), format, args);
	va_end(args);
	shared->skipped = 1;
	_exit(0);
}

void ktap_fail(const char *file, int line, int fatal, const char *format, ...)
{
	const char *base = strrchr(file, '/');
	char prefix[160];
	va_list args;

	shared->failed = 1;
	snprintf(prefix, sizeof(prefix), "# %s:%d: ", base ? base + 1 : file, line);
	va_start(args, format);
	say(prefix, format, args);
	va_end(args);
	if (fatal)
		_exit(FATAL_STATUS);
}

/* Addresses are easier to read in hexadecimal, counts are not. */
static const char *number(char *buf, size_t len, long long value)
{
	if (value > -4096 && value < 65536)
		snprintf(buf, len, "%lld", value);
	else
		snprintf(buf, len, "%lld (0x%llx)", value, value);
	return buf;
}

void ktap_fail_compare(const char *file, int line, int fatal, const char *left,
		       const char *op, const char *right, long long a,
		       long long b)
{
	char buf_a[64], buf_b[64];

	ktap_fail(file, line, fatal, "expected %s %s %s, but it is %s and %s",
		  left, op, right, number(buf_a, sizeof(buf_a), a),
		  number(buf_b, sizeof(buf_b), b));
}

static const char *error_name(int error)
{
	return error ? strerrorname_np(error) : "-1 without errno";
}

void ktap_fail_errno(const char *file, int line, int fatal, const char *expr,
		     int want, long long got, int error)
{
	char buf[64];

	if (got != -1)
		ktap_fail(file, line, fatal, "%s: expected %s, but it returned %s",
			  expr, strerrorname_np(want), number(buf, sizeof(buf), got));
	else if (want)
		ktap_fail(file, line, fatal, "%s: expected %s, but got %s", expr,
			  strerrorname_np(want), error_name(error));
	else
		ktap_fail(file, line, fatal, "%s: %s (%s)", expr, strerror(error),
			  error_name(error));
}

void ktap_check_str(const char *file, int line, int fatal, const char *left,
		    const char *right, const char *a, const char *b)
{
	if (a && b && !strcmp(a, b))
		return;
	ktap_fail(file, line, fatal, "expected %s == %s, but it is \"%s\" and \"%s\"",
		  left, right, a ? a : "(null)", b ? b : "(null)");
}

static const void *element(const struct ktap_test *test, size_t i)
{
	return (const char *)test->table + i * test->stride;
}

static void full_name(char *buf, size_t len, const struct ktap_test *test, size_t i)
{
	if (test->table)
		snprintf(buf, len, "%s/%s", test->name,
			 *(const char * const *)element(test, i));
	else
		snprintf(buf, len, "%s", test->name);
}

static int wanted(const char *name, char **patterns)
{
	if (!*patterns)
		return 1;
	for (; *patterns; patterns++)
		if (!fnmatch(*patterns, name, 0))
			return 1;
	return 0;
}

/* A debug kernel is slower: the runner says how many times. */
static int seconds_for(const struct ktap_test *test)
{
	const char *slow = getenv("KTAP_SLOW");
	int factor = slow ? atoi(slow) : 1;

	return (test->timeout ? test->timeout : DEFAULT_SECONDS) *
	       (factor > 0 ? factor : 1);
}

static void __attribute__((noreturn)) child(const struct ktap_test *test, size_t i)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ktap_before_each)
		ktap_before_each();
	test->run(test->table ? element(test, i) : NULL);
	fflush(stdout);
	_exit(0);
}

/* Waits without signals of our own, which a test could inherit. */
static int wait_for(pid_t pid, int seconds, int *status)
{
	struct pollfd end = { .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int ready;

	if (end.fd < 0) {
		perror("# pidfd_open");
		exit(1);
	}
	ready = poll(&end, 1, seconds * 1000);
	close(end.fd);
	if (!ready)
		stuck_tell(pid);
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	if (waitpid(pid, status, 0) != pid) {
		perror("# waitpid");
		exit(1);
	}
	return ready > 0;
}

/* Returns whether the test did not fail. */
static int run(const struct ktap_test *test, size_t i, int number, const char *name)
{
	int seconds = seconds_for(test), in_time, status;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("# fork");
		exit(1);
	}
	if (!pid)
		child(test, i);
	in_time = wait_for(pid, seconds, &status);
	workload_remove_files(pid);

	if (!in_time) {
		ktap_note("not done after %d seconds, killed", seconds);
		shared->failed = 1;
	} else if (WIFSIGNALED(status)) {
		ktap_note("died by signal %d (%s)", WTERMSIG(status),
			  strsignal(WTERMSIG(status)));
		shared->failed = 1;
	} else if (status && !shared->failed) {
		ktap_note("exited with status %d", WEXITSTATUS(status));
		shared->failed = 1;
	}

	if (shared->failed)
		result("not ok %d %s", number, name);
	else if (shared->skipped)
		result("ok %d %s # SKIP %s", number, name, shared->reason);
	else
		result("ok %d %s", number, name);
	return !shared->failed;
}

/* Goes through the tests that are wanted; @act 0 counts them, 1 lists, 2 runs. */
static int each_test(char **patterns, int act, int *failed)
{
	const struct ktap_test *test;
	char name[256];
	int number = 0;
	size_t i;

	for (test = tests; test; test = test->next) {
		for (i = 0; i < test->count; i++) {
			full_name(name, sizeof(name), test, i);
			if (!wanted(name, patterns))
				continue;
			number++;
			if (act == 1)
				puts(name);
			else if (act == 2 && !run(test, i, number, name))
				++*failed;
		}
	}
	return number;
}

/* Weak: a program of this directory may have a main() of its own. */
int __attribute__((weak)) main(int argc, char **argv)
{
	int failed = 0, list;

	workload_main(argc, argv);

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	list = argc > 1 && !strcmp(argv[1], "-l");
	argv += 1 + list;
	if (list) {
		each_test(argv, 1, NULL);
		return 0;
	}
	result("KTAP version 1");
	result("1..%d", each_test(argv, 0, NULL));
	each_test(argv, 2, &failed);
	return failed != 0;
}
