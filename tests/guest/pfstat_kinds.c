// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each fault is counted as. Every case is a workload that takes PAGES
 * faults of one sort in memory that it names; the counts of that memory must
 * be exactly the expected ones while the program runs and after its exit, and
 * kprobe events on the kernel's own functions must agree (see lib/oracle.h).
 *
 * vm: smp=4 mem=1024 timeout=300
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/oracle.h"

#define NAME	"pf-kinds"
#define PAGES	256
#define RW	(PROT_READ | PROT_WRITE)

BEFORE_EACH()
{
	cow_begin();
}

/* ---- workloads: prepare, say where, do it, say that it is done ----------------- */

/* Huge pages have a file of their own, pfstat_huge.c. */
static void begin(void)
{
	only_small_pages();
	stay_on_cpu(0);
}

WORKLOAD(first_write)
{
	char *p;

	begin();
	p = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(child_writes)
{
	char *p;

	begin();
	p = map_written(PAGES);
	workload_at(p);
	copy_in_child(p, PAGES);
	return workload_done();
}

WORKLOAD(parent_writes)
{
	pid_t pid;
	char *p;

	begin();
	p = map_written(PAGES);
	pid = fork_sleeper();
	workload_at(p);
	write_pages(p, PAGES);
	end_sleeper(pid);
	return workload_done();
}

WORKLOAD(last_sharer)
{
	pid_t pid;
	char *p;

	begin();
	p = map_written(PAGES);
	pid = fork_sleeper();
	end_sleeper(pid);
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

/* Both write: who comes first copies, who comes last keeps. */
WORKLOAD(child_then_parent)
{
	char *p;

	begin();
	p = map_written(PAGES);
	workload_at(p);
	copy_in_child(p, PAGES);
	write_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(zero_page)
{
	char *p;

	begin();
	p = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	read_pages(p, PAGES);
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(file_write_first)
{
	char *p;

	begin();
	p = map_pages(PAGES, RW, MAP_PRIVATE, file_of_pages(PAGES));
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(file_read_first)
{
	char *p;

	begin();
	p = map_pages(PAGES, RW, MAP_PRIVATE, file_of_pages(PAGES));
	read_pages(p, PAGES);
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

/* Thrown away, the page comes from the file again. */
WORKLOAD(file_written_twice)
{
	char *p;

	begin();
	p = map_pages(PAGES, RW, MAP_PRIVATE, file_of_pages(PAGES));
	workload_at(p);
	write_pages(p, PAGES);
	if (madvise(p, PAGES * page_size(), MADV_DONTNEED))
		return 1;
	write_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(shared_file)
{
	char *p;

	begin();
	p = map_pages(PAGES, RW, MAP_SHARED, file_of_pages(PAGES));
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(shared_anonymous)
{
	pid_t pid;
	char *p;

	begin();
	p = map_pages(PAGES, RW, MAP_SHARED, -1);
	pid = fork_sleeper();
	workload_at(p);
	write_pages(p, PAGES);
	end_sleeper(pid);
	return workload_done();
}

WORKLOAD(kernel_read)
{
	int fd = open("/dev/zero", O_RDONLY);
	pid_t pid;
	char *p;

	begin();
	p = map_written(PAGES);
	pid = fork_sleeper();
	workload_at(p);
	if (read(fd, p, PAGES * page_size()) != (ssize_t)(PAGES * page_size()))
		return 1;
	end_sleeper(pid);
	return workload_done();
}

/* On memory that was never touched: no sharing that could be undone. */
WORKLOAD(kernel_read_first)
{
	int fd = open("/dev/zero", O_RDONLY);
	char *p;

	begin();
	p = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	workload_at(p);
	if (read(fd, p, PAGES * page_size()) != (ssize_t)(PAGES * page_size()))
		return 1;
	return workload_done();
}

WORKLOAD(kernel_read_file_pages)
{
	int fd = open("/dev/zero", O_RDONLY);
	char *p;

	begin();
	p = map_pages(PAGES, RW, MAP_PRIVATE, file_of_pages(PAGES));
	workload_at(p);
	if (read(fd, p, PAGES * page_size()) != (ssize_t)(PAGES * page_size()))
		return 1;
	return workload_done();
}

/* Memory for another process to write, or read, while it is shared. */
WORKLOAD(shared_with_child)
{
	pid_t pid;
	char *p;

	begin();
	p = map_written(PAGES);
	pid = fork_sleeper();
	workload_at(p);
	workload_step("done");
	end_sleeper(pid);
	return 0;
}

WORKLOAD(read_only_file)
{
	char *p;

	begin();
	p = map_pages(PAGES, PROT_READ, MAP_PRIVATE, file_of_pages(PAGES));
	workload_at(p);
	return workload_done();
}

WORKLOAD(protect_and_back)
{
	size_t size = PAGES * page_size();
	char *p;

	begin();
	p = map_written(PAGES);
	workload_at(p);
	if (mprotect(p, size, PROT_READ) || mprotect(p, size, RW))
		return 1;
	write_pages(p, PAGES);
	return workload_done();
}

/* Protected and back in a child that shares: that is a copy, as without. */
WORKLOAD(protect_while_shared)
{
	size_t size = PAGES * page_size();
	pid_t pid;
	char *p;

	begin();
	p = map_written(PAGES);
	pid = fork_sleeper();
	workload_at(p);
	if (mprotect(p, size, PROT_READ) || mprotect(p, size, RW))
		return 1;
	write_pages(p, PAGES);
	end_sleeper(pid);
	return workload_done();
}

/* Every page again and again: it is ours after the first time. */
WORKLOAD(write_many_times)
{
	pid_t pid;
	char *p;
	int i;

	begin();
	p = map_written(PAGES);
	pid = fork_sleeper();
	workload_at(p);
	for (i = 0; i < 10; i++)
		write_pages(p, PAGES);
	end_sleeper(pid);
	return workload_done();
}

/* Shared anew by every fork: each page takes as many faults. */
WORKLOAD(fork_five_times)
{
	char *p;
	int i;

	begin();
	p = map_written(PAGES);
	workload_at(p);
	for (i = 0; i < 5; i++)
		copy_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(merged)
{
	char *p;
	int i;

	begin();
	p = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	memset(p, 'k', PAGES * page_size());
	if (madvise(p, PAGES * page_size(), MADV_MERGEABLE))
		return 1;
	for (i = 0; i < 1500; i++) {
		if (read_number("/sys/kernel/mm/ksm/pages_shared") +
		    read_number("/sys/kernel/mm/ksm/pages_sharing") >= PAGES)
			break;
		usleep(10000);
	}
	if (i == 1500) {
		fprintf(stderr, "# ksmd did not merge the pages\n");
		return 1;
	}
	/* What is written now would be merged again. */
	write_text("/sys/kernel/mm/ksm/run", "0");
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

/* ---- what other processes do to it ---------------------------------------------- */

static void with_vm_writev(pid_t pid, unsigned long at)
{
	size_t size = PAGES * page_size();
	struct iovec from = { calloc(1, size), size };
	struct iovec to = { (void *)at, size };

	ASSERT_EQ(process_vm_writev(pid, &from, 1, &to, 1, 0), size);
}

static void with_vm_readv(pid_t pid, unsigned long at)
{
	size_t size = PAGES * page_size();
	struct iovec to = { calloc(1, size), size };
	struct iovec from = { (void *)at, size };

	ASSERT_EQ(process_vm_readv(pid, &to, 1, &from, 1, 0), size);
}

static void with_proc_mem(pid_t pid, unsigned long at)
{
	size_t size = PAGES * page_size();
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	ASSERT_OK(fd);
	ASSERT_EQ(pwrite64(fd, calloc(1, size), size, at), size);
}

static void with_ptrace(pid_t pid, unsigned long at)
{
	int i;

	ASSERT_OK(ptrace(PTRACE_ATTACH, pid, 0, 0));
	ASSERT_EQ(waitpid(pid, NULL, __WALL), pid);
	for (i = 0; i < PAGES; i++)
		ASSERT_OK(ptrace(PTRACE_POKEDATA, pid, at + i * page_size(), 42));
	ASSERT_OK(ptrace(PTRACE_DETACH, pid, 0, 0));
}

/* ---- the cases ------------------------------------------------------------------- */

#define ANY	(-1L)

static const struct kind_case {
	const char *name;
	const char *function;
	void (*other)(pid_t pid, unsigned long at);
	struct kinds want;
	struct hits hits;
	__u64 pages;
} kind_cases[] = {
	{ "anonymous_first_write", "first_write", NULL, {}, {}, 0 },
	{ "child_writes", "child_writes", NULL,
	  { .copy = PAGES }, { PAGES, PAGES, 0 }, PAGES },
	{ "parent_writes_child_alive", "parent_writes", NULL,
	  { .copy = PAGES }, { PAGES, PAGES, 0 }, PAGES },
	{ "last_sharer_writes", "last_sharer", NULL,
	  { .reuse = PAGES }, { PAGES, 0, 0 }, PAGES },
	{ "child_then_parent", "child_then_parent", NULL,
	  { .copy = PAGES, .reuse = PAGES }, { 2 * PAGES, PAGES, 0 }, PAGES },
	{ "zero_page_then_write", "zero_page", NULL,
	  { .zero = PAGES }, { PAGES, PAGES, 0 }, PAGES },
	{ "private_file_write_first", "file_write_first", NULL,
	  { .file = PAGES }, { 0, 0, PAGES }, PAGES },
	{ "private_file_read_first", "file_read_first", NULL,
	  { .copy = PAGES }, { PAGES, PAGES, 0 }, PAGES },
	{ "private_file_twice", "file_written_twice", NULL,
	  { .file = 2 * PAGES }, { 0, 0, 2 * PAGES }, PAGES },
	{ "shared_tmpfs", "shared_file", NULL, {}, { 0, 0, PAGES }, 0 },
	{ "shared_anonymous", "shared_anonymous", NULL, {}, { 0, 0, PAGES }, 0 },
	{ "kernel_read", "kernel_read", NULL,
	  { .kernel = PAGES }, { PAGES, PAGES, 0 }, 0 },
	{ "kernel_read_untouched", "kernel_read_first", NULL, {}, {}, 0 },
	{ "kernel_read_private_file", "kernel_read_file_pages", NULL,
	  { .kernel = PAGES }, { 0, 0, PAGES }, 0 },
	{ "process_vm_writev", "shared_with_child", with_vm_writev,
	  { .kernel = PAGES }, { PAGES, PAGES, 0 }, 0 },
	{ "proc_pid_mem", "shared_with_child", with_proc_mem,
	  { .kernel = PAGES }, { PAGES, PAGES, 0 }, 0 },
	{ "ptrace_poke", "shared_with_child", with_ptrace,
	  { .kernel = PAGES }, { PAGES, PAGES, 0 }, 0 },
	{ "ptrace_poke_read_only_file", "read_only_file", with_ptrace,
	  { .kernel = PAGES }, { 0, 0, PAGES }, 0 },
	{ "process_vm_readv_unshares", "shared_with_child", with_vm_readv,
	  { .unshare = PAGES }, { PAGES, PAGES, 0 }, 0 },
	{ "mprotect_and_back", "protect_and_back", NULL, {}, { ANY, 0, 0 }, 0 },
	{ "mprotect_while_shared", "protect_while_shared", NULL,
	  { .copy = PAGES }, { PAGES, PAGES, 0 }, PAGES },
	{ "write_many_times", "write_many_times", NULL,
	  { .copy = PAGES }, { PAGES, PAGES, 0 }, PAGES },
	{ "fork_five_times", "fork_five_times", NULL,
	  { .copy = 5 * PAGES }, { 5 * PAGES, 5 * PAGES, 0 }, PAGES },
};

static void expect_hits(const struct hits *got, const struct hits *want)
{
	if (want->do_wp_page != ANY)
		EXPECT_EQ(got->do_wp_page, want->do_wp_page);
	EXPECT_COPIES(got, want->wp_page_copy);
	EXPECT_EQ(got->finish_fault, want->finish_fault);
}

/* Runs a case up to its end, @hits: with the oracle. */
static void run_case(const struct kind_case *c, struct hits *hits)
{
	struct pfstat_id id = track_name(NAME);
	const struct pfstat_result *r;
	struct workload w;
	unsigned long at;

	w = workload_start(c->function, NAME, NULL);
	at = address_in(workload_wait(&w));
	EXPECT_COUNTS(&id, 0, at, PAGES);
	if (hits)
		oracle_start(at, at + PAGES * page_size());
	if (c->other)
		c->other(w.pid, at);
	workload_go(&w);
	ASSERT_STR_EQ(workload_wait(&w), "done");
	if (hits)
		oracle_stop(hits);
	cow_expect(__FILE__, __LINE__, &id, 0, at, PAGES, &c->want);
	r = query(&id, 0);
	ASSERT_TRUE(vma_at(r, at));
	EXPECT_EQ(vma_at(r, at)->pages, c->pages);

	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	cow_expect(__FILE__, __LINE__, &id, 0, at, PAGES, &c->want);
}

TEST_EACH(counts, const struct kind_case *, kind_cases)
{
	run_case(each, NULL);
}

TEST_EACH(oracle, const struct kind_case *, kind_cases)
{
	struct hits hits;

	run_case(each, &hits);
	expect_hits(&hits, &each->hits);
}

/* ---- KSM, whose daemon takes its time ----------------------------------------------- */

static void start_ksmd(void)
{
	write_text("/sys/kernel/mm/ksm/pages_to_scan", "4096");
	write_text("/sys/kernel/mm/ksm/sleep_millisecs", "10");
	write_text("/sys/kernel/mm/ksm/run", "1");
}

static const struct kind_case ksm_case = {
	"merged", "merged", NULL, { .copy = PAGES }, { PAGES, PAGES, 0 }, PAGES,
};

TEST_SECONDS(merged_by_ksm, 40)
{
	struct hits hits;

	start_ksmd();
	run_case(&ksm_case, &hits);
	expect_hits(&hits, &ksm_case.hits);
}
