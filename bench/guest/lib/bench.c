// SPDX-License-Identifier: GPL-2.0-only
/* The clock, and what can go wrong before it is started. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/**
 * bench_die - end the program: nothing that it measured is worth anything
 * @format: what failed; errno is added if it is set
 */
void bench_die(const char *format, ...)
{
	int err = errno;
	va_list args;

	fflush(stdout);
	fprintf(stderr, "bench: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (err)
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
	fflush(stderr);
	_exit(EXIT_FAILURE);
}

/**
 * bench_now - the guest's clock
 *
 * Return: nanoseconds.
 */
uint64_t bench_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts))
		bench_die("clock_gettime");
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/**
 * bench_since - what passed between a call of bench_now() and this one
 * @begin: what that returned
 *
 * Return: nanoseconds, those of reading the clock taken off.
 */
uint64_t bench_since(uint64_t begin)
{
	static uint64_t clock;
	uint64_t now = bench_now(), a, b;
	int i;

	for (i = 0; !clock && i < 8; i++)
		(void)bench_now();
	if (!clock) {
		a = bench_now();
		b = bench_now();
		clock = b - a;
	}
	return now - begin > clock ? now - begin - clock : 0;
}

/**
 * bench_pin - stay on one CPU, and so do children
 * @cpu: which
 */
void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("cannot pin to CPU %d", cpu);
}

size_t bench_page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/**
 * bench_map - map memory of small pages, or die
 * @at: where exactly, NULL: anywhere
 * @size: bytes
 * @prot: PROT_*
 * @flags: MAP_*
 * @fd: file or -1
 *
 * Return: the address.
 */
void *bench_map(void *at, size_t size, int prot, int flags, int fd)
{
	void *memory = mmap(at, size, prot, flags |
			    (at ? MAP_FIXED_NOREPLACE : 0), fd, 0);

	if (memory == MAP_FAILED || (at && memory != at))
		bench_die("cannot map %zu bytes at %p", size, at);
	/* EINVAL: this kernel has no huge pages */
	if (madvise(memory, size, MADV_NOHUGEPAGE) && errno != EINVAL)
		bench_die("madvise");
	errno = 0;
	return memory;
}

/**
 * bench_shared - memory that children share with us
 * @size: bytes
 *
 * Return: its address; all zeros.
 */
void *bench_shared(size_t size)
{
	return bench_map(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1);
}

/**
 * bench_write - write a byte to each page
 * @memory: the first page
 * @pages: how many
 */
void bench_write(char *memory, size_t pages)
{
	size_t page = bench_page_size();
	char *end = memory + pages * page;

	for (; memory < end; memory += page)
		*(volatile char *)memory = 1;
}

/**
 * bench_file - make a file with something in every page, all in the page cache
 * @path: where
 * @pages: how many
 *
 * Return: its descriptor.
 */
int bench_file(const char *path, size_t pages)
{
	size_t size = bench_page_size(), i;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *page = malloc(size);

	if (fd < 0 || !page)
		bench_die("cannot make %s", path);
	memset(page, 'f', size);
	for (i = 0; i < pages; i++) {
		if (write(fd, page, size) != (ssize_t)size)
			bench_die("cannot write %s", path);
	}
	free(page);
	return fd;
}

/**
 * bench_wait - wait for a child, which must succeed
 * @pid: which
 */
void bench_wait(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		bench_die("waitpid");
	if (status) {
		errno = 0;
		bench_die("a child failed (wait status %#x)", status);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t bench_median(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static void put_text(const char *path, int flags, const char *format,
		     va_list args)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	char text[512];
	int len = vsnprintf(text, sizeof(text), format, args);

	if (fd < 0 || write(fd, text, len) != len)
		bench_die("cannot write '%s' to %s", text, path);
	close(fd);
}

/**
 * bench_write_text - write to a file of the kernel's
 * @path: which
 * @format: what
 */
void bench_write_text(const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_text(path, O_TRUNC, format, args);
	va_end(args);
}

/**
 * bench_append_text - the same for those where O_TRUNC means "forget all"
 * @path: which
 * @format: what
 */
void bench_append_text(const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_text(path, O_APPEND, format, args);
	va_end(args);
}
