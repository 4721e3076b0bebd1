// SPDX-License-Identifier: GPL-2.0-only
/* Fault injection: Documentation/fault-injection of the kernel. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cow.h"
#include "fail.h"

#define DEBUGFS		"/sys/kernel/debug"

static int nth = -1;

static void set(const char *kind, const char *what, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", kind, what);
	write_text(path, value);
}

/* A stack that cannot grow is death by SIGSEGV, and nothing to be told of. */
static void __attribute__((noinline)) grow_stack(void)
{
	volatile char deep[256 << 10];
	size_t i;

	for (i = 0; i < sizeof(deep); i += 1024)
		deep[i] = 0;
}

/*
 * Nor is a copy that fails while the kernel tells the C library on which CPU it
 * is (kernel/rseq.c:__rseq_handle_notify_resume()): it need not.
 */
static void leave_rseq(void)
{
	struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);

	if (__rseq_size)
		syscall(SYS_rseq, area, sizeof(*area), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

void fail_begin(void)
{
	grow_stack();
	leave_rseq();
	fail_module(false);
	/* The kernel tells of each failure, unless it is asked not to. */
	set("failslab", "verbose", "0");
	set("fail_page_alloc", "verbose", "0");
	set("fail_usercopy", "verbose", "0");
	set("failslab", "ignore-gfp-wait", "N");
	set("fail_page_alloc", "ignore-gfp-wait", "N");
	set("fail_page_alloc", "ignore-gfp-highmem", "N");
	set("fail_page_alloc", "min-order", "0");
}

/* Each thread has its own. */
static void open_nth(void)
{
	static pid_t whose;

	if (nth >= 0 && whose == gettid())
		return;
	if (nth >= 0)
		close(nth);
	whose = gettid();
	/* In a program that was just executed this may be what fails. */
	do {
		nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	} while (nth < 0 && (errno == ENOMEM || errno == EFAULT));
	ASSERT_OK(nth);
}

void fail_nth(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n), ret;

	open_nth();
	/* What fails may be the copy of this very text. */
	do {
		ret = pwrite(nth, text, len, 0);
	} while (ret < 0 && errno == EFAULT);
	ASSERT_EQ(ret, len);
}

int fail_next(int n)
{
	return getenv("FAIL_ALL") ? n + 1 : n + 1 + n / 16;
}

int fail_left(void)
{
	char text[16] = "";

	/* This very read may be what fails. */
	while (pread(nth, text, sizeof(text) - 1, 0) < 0)
		ASSERT_TRUE(errno == EFAULT || errno == ENOMEM);
	fail_nth(0);
	return atoi(text);
}

bool fail_happened(void)
{
	return !fail_left();
}

#define MOST	5000	/* failures of one call; there are some tens */

int fail_returned;

void fail_one_by_one(const struct fail_call *call)
{
	int n, error, failures = 0;

	for (n = 1; n < MOST; n = fail_next(n)) {
		call->before();
		fail_nth(n);
		fail_returned = call->call();
		error = errno;
		if (!fail_happened()) {
			EXPECT_EQ(fail_returned, 0);
			call->after();
			break;
		}
		failures++;
		if (fail_returned && error != ENOMEM && error != EFAULT)
			ktap_fail(__FILE__, __LINE__, 0, "failure %d: returns %d: %s", n,
				  fail_returned, strerror(error));
		call->after();
	}
	EXPECT_LT(n, MOST);
	EXPECT_GT(failures, 0);
	ktap_note("%d failures", failures);
}

/* ---- by kind ---------------------------------------------------------------------- */

#define TRIES		100000

static const char disarms[] = "__disarm_kprobe_ftrace";
static const char * const kinds[FAIL_NR_KINDS] = {
	NULL, "failslab", "fail_page_alloc", "fail_usercopy",
};

/* Where a function of the kernel lies: up to the next symbol. */
static bool function_range(const char *name, unsigned long *start, unsigned long *end)
{
	static struct {
		const char *name;
		unsigned long start, end;
	} last[2];
	static int next;
	unsigned long at;
	char symbol[300];
	int pass;
	FILE *f;

	for (pass = 0; pass < 2; pass++) {
		if (last[pass].name == name) {
			*start = last[pass].start;
			*end = last[pass].end;
			return *start;
		}
	}
	f = fopen("/proc/kallsyms", "re");
	ASSERT_TRUE(f);
	*start = 0;
	*end = ~0ul;
	for (pass = 0; pass < 2; pass++) {
		rewind(f);
		while (fscanf(f, "%lx %*c %299s%*[^\n]", &at, symbol) == 2) {
			if (!pass && !strcmp(symbol, name))
				*start = at;
			if (pass && at > *start && at < *end)
				*end = at;
		}
	}
	fclose(f);
	last[next].name = name;
	last[next].start = *start;
	last[next].end = *end;
	next = !next;
	return *start;
}

bool fail_by_kind(void)
{
	static int cached = -1;
	unsigned long start, end;

	if (cached < 0)
		cached = function_range(disarms, &start, &end);
	return cached;
}

static void set_range(const char *kind, const char *what, unsigned long start,
		      unsigned long end)
{
	char name[20], text[24];

	snprintf(name, sizeof(name), "%s-start", what);
	snprintf(text, sizeof(text), "0x%lx", start);
	set(kind, name, text);
	snprintf(name, sizeof(name), "%s-end", what);
	snprintf(text, sizeof(text), "0x%lx", end);
	set(kind, name, text);
}

static const char *only_in;

void fail_only_in(const char *function)
{
	only_in = function;
}

/* An allocation or copy, and few others. Whether it failed */
static bool allocate(enum fail_kind kind)
{
	static int file = -1;
	struct utsname name;
	static off_t at;
	int fd;

	if (kind == FAIL_COPIES)
		return uname(&name);

	if (kind == FAIL_SLAB) {
		fd = eventfd(0, EFD_CLOEXEC);
		if (fd >= 0)
			close(fd);
		return fd < 0;
	}
	if (file < 0)
		file = memfd_create("fail", MFD_CLOEXEC);
	ASSERT_OK(file);
	if (at == 100 * (off_t)page_size()) {
		ASSERT_OK(ftruncate(file, 0));
		at = 0;
	}
	at += page_size();
	return pwrite(file, "", 1, at) != 1;
}

/*
 * From now on this thread's are counted, and fail, or no longer. Returns whether
 * all went well: what fails may be the copy of this very text.
 */
static bool count_mine(bool on)
{
	static int fd = -1;
	bool well = true;

	if (fd < 0)
		fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	ASSERT_OK(fd);
	while (pwrite(fd, on ? "1" : "0", 1, 0) != 1) {
		ASSERT_EQ(errno, EFAULT);
		well = false;
	}
	return well;
}

/*
 * The kernel counts allocations, and lets each fail whose number the interval
 * divides. Nobody is told the number, so first one has to fail; with an interval
 * of 1 nothing is counted.
 */
void fail_kind_nth(enum fail_kind kind, int n)
{
	unsigned long start, end;
	char text[16];
	int tries = 0;

	if (kind == FAIL_ANY) {
		fail_nth(n);
		return;
	}
	count_mine(false);
	snprintf(text, sizeof(text), "%d", n);
	set_range(kinds[kind], "require", 0, ~0ul);
	set_range(kinds[kind], "reject", 0, 0);
	set(kinds[kind], "task-filter", "Y");
	set(kinds[kind], "times", "-1");
	set(kinds[kind], "interval", text);
	set(kinds[kind], "probability", "100");
	if (n > 1) {
		count_mine(true);
		while (!allocate(kind) && ++tries < TRIES)
			;
		count_mine(false);
		ASSERT_LT(tries, TRIES);
	}
	ASSERT_TRUE(function_range(disarms, &start, &end));
	set_range(kinds[kind], "reject", start, end);
	if (only_in) {
		ASSERT_TRUE(function_range(only_in, &start, &end));
		set_range(kinds[kind], "require", start, end);
	}
	set(kinds[kind], "times", "1");
	count_mine(true);
}

bool fail_kind_happened(enum fail_kind kind)
{
	char path[80];
	bool well;

	if (kind == FAIL_ANY)
		return fail_happened();
	well = count_mine(false);
	set(kinds[kind], "probability", "0");
	set(kinds[kind], "task-filter", "N");
	snprintf(path, sizeof(path), DEBUGFS "/%s/times", kinds[kind]);
	return well && !read_number(path);
}

/* ---- of the module ---------------------------------------------------------------- */

/* Where the module's code lies, in the way that the kernel wants to read it. */
static void module_range(char *start, char *end, size_t len)
{
	unsigned long text = 0;
	FILE *f = fopen("/sys/module/pfstat/sections/.text", "re");

	ASSERT_TRUE(f);
	ASSERT_EQ(fscanf(f, "%lx", &text), 1);
	fclose(f);
	snprintf(start, len, "0x%lx", text);
	snprintf(end, len, "0x%lx", text + read_number("/sys/module/pfstat/coresize"));
}

/* Every @n-th allocation from there, or none */
static void fail_range(const char *start, const char *end, int n)
{
	char every[16];
	int i;

	snprintf(every, sizeof(every), "%d", n);
	for (i = FAIL_SLAB; i <= FAIL_PAGES; i++) {
		set(kinds[i], "probability", "0");
		if (!n)
			continue;
		set(kinds[i], "require-start", start);
		set(kinds[i], "require-end", end);
		set(kinds[i], "reject-start", "0");
		set(kinds[i], "reject-end", "0");
		set(kinds[i], "task-filter", "N");
		set(kinds[i], "interval", every);
		set(kinds[i], "times", "-1");
		set(kinds[i], "probability", "100");
	}
}

void fail_module(bool on)
{
	char start[24] = "0", end[24] = "0xffffffff";

	if (on)
		module_range(start, end, sizeof(start));
	fail_range(start, end, on);
}

void fail_below(const char *function, int n)
{
	unsigned long from = 0, to = 0;
	char start[24], end[24];

	if (function)
		ASSERT_TRUE(function_range(function, &from, &to));
	snprintf(start, sizeof(start), "0x%lx", from);
	snprintf(end, sizeof(end), "0x%lx", to);
	fail_range(start, end, function ? n : 0);
}

void fail_forget(void)
{
	int fd = open(getenv("PFSTAT_KO"), O_RDONLY | O_CLOEXEC);

	ASSERT_OK(fd);
	pfstat_close(pf);
	ASSERT_OK(syscall(SYS_delete_module, "pfstat", O_NONBLOCK));
	ASSERT_OK(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
}
