// SPDX-License-Identifier: GPL-2.0-only
/* Takes faults of one kind after the other, and times them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "subject.h"

#define SUBJECT_PATH	"/tmp/" SUBJECT
#define FILE_PATH	"/tmp/subject-file"
#define FILE_FD		101	/* FAULTS pages */
#define AROUND		16	/* pages that a read fault of a file maps */
#define READ_MAPS	8	/* mappings that are read */
#define READ_AT		0x70000000ul
#define VMAS_AT		0x60000000ul
#define FAULT_AROUND	"/sys/kernel/debug/fault_around_bytes"

const char *const fault_names[NR_FAULTS] = {
	"copy", "reuse", "zero", "file", "anon", "file-read",
	"file-miss", "shared",
};

static size_t page;

static void read_pages(const char *memory, size_t pages, size_t stride)
{
	const char *end = memory + pages * page;

	for (; memory < end; memory += stride * page)
		*(const volatile char *)memory;
}

/*
 * The allocator hands out pages in one of several states, which cost up to 200
 * instructions more or less a page, and keeps to it for long. So let it always
 * be the one after as many pages as will be needed were freed.
 */
static void settle_allocator(void)
{
	size_t size = 2 * FAULTS * page;
	char *memory = bench_map(NULL, size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1);

	bench_write(memory, 2 * FAULTS);
	munmap(memory, size);
}

/* Instructions of writing FAULTS pages; those of the loop itself are taken off. */
static uint64_t timed_write(char *memory)
{
	uint64_t begin, faulting, present;

	settle_allocator();
	begin = bench_now();
	bench_write(memory, FAULTS);
	faulting = bench_since(begin);
	begin = bench_now();
	bench_write(memory, FAULTS);
	present = bench_since(begin);
	if (present >= faulting)
		bench_die("a second write took %llu, the first %llu",
			  (unsigned long long)present,
			  (unsigned long long)faulting);
	return (faulting - present) * 256 / FAULTS;
}

static char *region(enum fault fault, int flags, int fd)
{
	return bench_map((void *)subject_region(fault), FAULTS * page,
			 PROT_READ | PROT_WRITE, flags, fd);
}

static char *anonymous(enum fault fault)
{
	return region(fault, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static uint64_t measure_copy(struct subject *subject)
{
	char *memory = anonymous(FAULT_COPY);
	pid_t pid;

	bench_write(memory, FAULTS);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid) {
		subject->cost[FAULT_COPY] = timed_write(memory);
		_exit(EXIT_SUCCESS);
	}
	bench_wait(pid);
	return subject->cost[FAULT_COPY];
}

static uint64_t measure_reuse(void)
{
	char *memory = anonymous(FAULT_REUSE);
	pid_t pid;

	bench_write(memory, FAULTS);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid)
		_exit(EXIT_SUCCESS);
	bench_wait(pid);
	return timed_write(memory);
}

static uint64_t measure_zero(void)
{
	char *memory = anonymous(FAULT_ZERO);

	read_pages(memory, FAULTS, 1);
	return timed_write(memory);
}

/* Fault-around maps AROUND pages at a time, so only every AROUNDth read faults. */
static uint64_t measure_file_read(void)
{
	size_t size = FAULTS * page;
	char *at = (char *)READ_AT;
	uint64_t begin, cost;
	int i;

	for (i = 0; i < READ_MAPS; i++)
		bench_map(at + i * size, size, PROT_READ, MAP_PRIVATE, FILE_FD);
	begin = bench_now();
	read_pages(at, READ_MAPS * FAULTS, AROUND);
	cost = bench_since(begin);
	munmap(at, READ_MAPS * size);
	return cost * 256 / (READ_MAPS * FAULTS / AROUND);
}

/* The same where fault-around finds nothing: a page per fault. */
static uint64_t measure_file_miss(void)
{
	char *memory = region(FAULT_FILE_MISS, MAP_PRIVATE, FILE_FD);
	uint64_t begin;

	bench_write_text(FAULT_AROUND, "%zu", page);
	begin = bench_now();
	read_pages(memory, FAULTS, 1);
	begin = bench_since(begin);
	bench_write_text(FAULT_AROUND, "%zu", AROUND * page);
	return begin * 256 / FAULTS;
}

static uint64_t measure(enum fault fault, struct subject *subject)
{
	switch (fault) {
	case FAULT_COPY:
		return measure_copy(subject);
	case FAULT_REUSE:
		return measure_reuse();
	case FAULT_ZERO:
		return measure_zero();
	case FAULT_FILE:
		return timed_write(region(fault, MAP_PRIVATE, FILE_FD));
	case FAULT_ANON:
		return timed_write(anonymous(fault));
	case FAULT_FILE_READ:
		return measure_file_read();
	case FAULT_FILE_MISS:
		return measure_file_miss();
	default:
		return timed_write(region(fault, MAP_SHARED, FILE_FD));
	}
}

/**
 * subject_cost - take FAULTS faults of a kind
 * @fault: which
 * @subject: as subject_main() has it
 *
 * Return: instructions per fault, in 1/256.
 */
uint64_t subject_cost(enum fault fault, struct subject *subject)
{
	page = bench_page_size();
	return measure(fault, subject);
}

/* One mapping whose pages differ in protection is a VMA per page. */
static void add_vmas(uint32_t n)
{
	char *at = (char *)VMAS_AT;
	uint32_t i;

	bench_map(at, n * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (i = 1; i < n; i += 2) {
		if (mprotect(at + i * page, page, PROT_READ | PROT_WRITE))
			bench_die("mprotect");
	}
}

/**
 * subject_main - be the subject
 *
 * Return: exit status.
 */
int subject_main(void)
{
	struct subject *subject;
	enum fault fault;

	page = bench_page_size();
	subject = bench_map(NULL, sizeof(*subject), PROT_READ | PROT_WRITE,
			    MAP_SHARED, SUBJECT_SHARE_FD);
	if (subject->extra_vmas)
		add_vmas(subject->extra_vmas);
	for (fault = 0; fault < NR_FAULTS; fault++) {
		if (subject->wanted & FAULT_BIT(fault))
			subject->cost[fault] = measure(fault, subject);
	}
	return EXIT_SUCCESS;
}

/**
 * subject_install - get ready for subject_run()
 *
 * Return: what subject_run() gives and takes.
 */
struct subject *subject_install(void)
{
	char self[256];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd;

	if (len < 0)
		bench_die("readlink");
	self[len] = 0;
	page = bench_page_size();
	unlink(SUBJECT_PATH);
	if (symlink(self, SUBJECT_PATH))
		bench_die("cannot make %s", SUBJECT_PATH);
	fd = bench_file(FILE_PATH, FAULTS);
	if (dup2(fd, FILE_FD) < 0)
		bench_die("dup2");
	close(fd);
	fd = memfd_create("subject", 0);
	if (fd < 0 || ftruncate(fd, page) || dup2(fd, SUBJECT_SHARE_FD) < 0)
		bench_die("cannot make shared memory");
	close(fd);
	return bench_map(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
			 SUBJECT_SHARE_FD);
}

/**
 * subject_exec - become the subject
 * @how: its argument
 */
void subject_exec(const char *how)
{
	execl(SUBJECT_PATH, SUBJECT, how, NULL);
	bench_die("cannot run %s", SUBJECT_PATH);
}

/**
 * subject_start - start the subject
 * @how: its argument
 * @before_exec: called in the process that becomes it, or NULL
 *
 * Return: its pid.
 */
pid_t subject_start(const char *how, void (*before_exec)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid) {
		if (before_exec)
			before_exec();
		subject_exec(how);
	}
	return pid;
}

/**
 * subject_stop - end a subject that does not end by itself
 * @pid: from subject_start()
 */
void subject_stop(pid_t pid)
{
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		bench_die("cannot end " SUBJECT);
}

/**
 * subject_run - run the subject once, to its end
 * @subject: gets what was measured
 * @how: its argument
 * @before_exec: called in the process that becomes it, or NULL
 */
void subject_run(struct subject *subject, const char *how,
		 void (*before_exec)(void))
{
	memset(subject->cost, 0, sizeof(subject->cost));
	bench_wait(subject_start(how, before_exec));
}
