// SPDX-License-Identifier: GPL-2.0-only
/* Fault injection: Documentation/fault-injection of the kernel. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
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

void fail_module(bool on)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	char start[24] = "0", end[24] = "0xffffffff";
	size_t i;

	if (on)
		module_range(start, end, sizeof(start));
	for (i = 0; i < KTAP_ARRAY_SIZE(kinds); i++) {
		set(kinds[i], "probability", "0");
		if (!on)
			continue;
		set(kinds[i], "require-start", start);
		set(kinds[i], "require-end", end);
		set(kinds[i], "interval", "1");
		set(kinds[i], "times", "-1");
		set(kinds[i], "probability", "100");
	}
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
