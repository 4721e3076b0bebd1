// SPDX-License-Identifier: GPL-2.0-only
/* Memory whose faults are known, and the counts of exactly that memory. */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cow.h"

#define DIE(...)	ktap_fail(__FILE__, __LINE__, 1, __VA_ARGS__)

struct pfstat *pf;
static struct pfstat_result *last;

/* ---- in workloads --------------------------------------------------------- */

size_t page_size(void)
{
	static size_t size;

	if (!size)
		size = sysconf(_SC_PAGESIZE);
	return size;
}

void only_small_pages(void)
{
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		workload_give_up("PR_SET_THP_DISABLE");
}

void stay_on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		workload_give_up("sched_setaffinity");
}

char *map_pages(size_t n, int prot, int flags, int fd)
{
	size_t size = n * page_size(), guard = page_size();
	char *p;

	p = mmap(NULL, size + 2 * guard, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		workload_give_up("mmap of a place");
	p = mmap(p + guard, size, prot,
		 flags | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	if (p == MAP_FAILED)
		workload_give_up("mmap");
	return p;
}

char *map_stripes(size_t n)
{
	char *p = map_pages(n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	size_t i;

	for (i = 1; i < n; i += 2)
		if (mprotect(p + i * page_size(), page_size(), PROT_READ))
			workload_give_up("mprotect");
	return p;
}

char *map_written(size_t n)
{
	char *p = map_pages(n, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);

	write_pages(p, n);
	return p;
}

char *map_fixed(size_t n)
{
	char *p = mmap((void *)FIXED, n * page_size(), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != (char *)FIXED)
		workload_give_up("mmap at a fixed address");
	only_small_pages();
	write_pages(p, n);
	return p;
}

/* Stores only: to read a page first would map the zero page, or the file's. */
void write_pages(char *p, size_t n)
{
	for (; n; n--, p += page_size())
		*(volatile char *)p = 'w';
}

void write_every(char *p, size_t n, size_t every)
{
	size_t i;

	for (i = 0; i < n; i += every)
		write_pages(p + i * page_size(), 1);
}

void read_pages(const char *p, size_t n)
{
	for (; n; n--, p += page_size())
		(void)*(const volatile char *)p;
}

int file_of_pages(size_t n)
{
	char name[] = "/tmp/pages.XXXXXX", *page;
	int fd = mkstemp(name);

	page = malloc(page_size());
	if (fd < 0 || !page || unlink(name))
		workload_give_up(name);
	memset(page, 'f', page_size());
	while (n--)
		if (write(fd, page, page_size()) != (ssize_t)page_size())
			workload_give_up(name);
	free(page);
	return fd;
}

pid_t fork_sleeper(void)
{
	pid_t pid = fork();

	if (pid < 0)
		workload_give_up("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

void end_sleeper(pid_t pid)
{
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		workload_give_up("end of a child");
}

void wait_for_child(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		workload_give_up("wait for a child");
	if (status) {
		fprintf(stderr, "# workload: child failed, status 0x%x\n", status);
		exit(125);
	}
}

void spawn_and_wait(const char *path)
{
	const char *slash = strrchr(path, '/');
	pid_t pid = vfork();

	if (!pid) {
		execl(path, slash ? slash + 1 : path, NULL);
		_exit(127);
	}
	wait_for_child(pid);
}

void copy_pages(char *p, size_t n)
{
	pid_t pid = fork_sleeper();

	write_pages(p, n);
	end_sleeper(pid);
}

void copy_in_child(char *p, size_t n)
{
	pid_t pid = fork();

	if (!pid) {
		write_pages(p, n);
		_exit(0);
	}
	wait_for_child(pid);
}

void copy_and_step(size_t n)
{
	char *p;

	only_small_pages();
	p = map_written(n);
	copy_pages(p, n);
	workload_at(p);
}

void copy_at_each_step(size_t n)
{
	char *p;

	only_small_pages();
	p = map_written(n);
	for (;;) {
		pid_t pid = fork_sleeper();

		workload_at(p);
		write_pages(p, n);
		end_sleeper(pid);
	}
}

/* ---- in tests ----------------------------------------------------------------- */

void cow_begin(void)
{
	pf = pfstat_open();
	if (!pf)
		DIE("pfstat_open: %m");
	ASSERT_OK(pfstat_cleanup(pf));
}

unsigned long address_in(const char *text)
{
	unsigned long address = strtoul(text, NULL, 16);

	if (!address)
		DIE("a workload should say an address, it says \"%s\"", text);
	return address;
}

static void add(__u64 *sum, const __u64 *kinds)
{
	int i;

	for (i = 0; i < PFSTAT_KIND_SLOTS; i++)
		sum[i] += kinds[i];
}

/* VMAs are sorted and apart, and make up the total; processes do as well. */
static void check_sums(const struct pfstat_result *r, pid_t process)
{
	__u64 vmas[PFSTAT_KIND_SLOTS] = {}, processes[PFSTAT_KIND_SLOTS] = {};
	__u64 pages = 0;
	__u32 i;

	for (i = 0; i < r->nr_vmas; i++) {
		EXPECT_LT(r->vmas[i].start, r->vmas[i].end);
		if (i)
			EXPECT_GE(r->vmas[i].start, r->vmas[i - 1].end);
		EXPECT_LT(r->vmas[i].path, r->paths_len ? r->paths_len : 1);
		add(vmas, r->vmas[i].kinds);
		pages += r->vmas[i].pages;
	}
	for (i = 0; i < r->nr_processes; i++)
		add(processes, r->processes[i].kinds);
	for (i = 0; i < PFSTAT_KIND_SLOTS; i++) {
		if (vmas[i] == r->kinds[i] && processes[i] == r->kinds[i])
			continue;
		ktap_fail(__FILE__, __LINE__, 0,
			  "process %d, kind %u: %" PRIu64 " in VMAs, %" PRIu64
			  " in processes, %" PRIu64 " in all", process, i,
			  (uint64_t)vmas[i], (uint64_t)processes[i],
			  (uint64_t)r->kinds[i]);
	}
	EXPECT_EQ(pages, r->pages);
}

const struct pfstat_result *query(const struct pfstat_id *id, pid_t process)
{
	if (pfstat_query(pf, id, process, &last))
		DIE("pfstat_query: %m");
	check_sums(last, process);
	return last;
}

const struct pfstat_result *query_name(const char *name)
{
	struct pfstat_id id = pfstat_by_name(name);

	return query(&id, 0);
}

const struct pfstat_vma *vma_at(const struct pfstat_result *result, unsigned long address)
{
	__u32 i;

	for (i = 0; i < result->nr_vmas; i++)
		if (address >= result->vmas[i].start && address < result->vmas[i].end)
			return &result->vmas[i];
	return NULL;
}

const struct pfstat_process *process_of(const struct pfstat_result *result, pid_t pid)
{
	__u32 i;

	for (i = 0; i < result->nr_processes; i++)
		if (result->processes[i].pid == (__u32)pid)
			return &result->processes[i];
	return NULL;
}

struct pfstat_id track_name(const char *name)
{
	struct pfstat_id id = pfstat_by_name(name);

	if (pfstat_track(pf, &id))
		DIE("pfstat_track %s: %m", name);
	return id;
}

struct pfstat_id track_pid(pid_t pid)
{
	struct pfstat_id id = pfstat_by_pid(pid);

	if (pfstat_track(pf, &id))
		DIE("pfstat_track pid %d: %m", pid);
	return id;
}

unsigned int sum_range(const struct pfstat_result *result, unsigned long start,
		       unsigned long end, struct kinds *sum)
{
	__u64 kinds[PFSTAT_KIND_SLOTS] = {};
	unsigned int n = 0;
	__u32 i;

	for (i = 0; i < result->nr_vmas; i++) {
		const struct pfstat_vma *vma = &result->vmas[i];

		if (vma->end <= start || vma->start >= end)
			continue;
		if (vma->start < start || vma->end > end)
			ktap_fail(__FILE__, __LINE__, 0,
				  "VMA %#" PRIx64 "-%#" PRIx64 " is not inside %#lx-%#lx",
				  (uint64_t)vma->start, (uint64_t)vma->end, start, end);
		add(kinds, vma->kinds);
		n++;
	}
	memcpy(sum, kinds, sizeof(*sum));
	return n;
}

static const char *text_of(const struct kinds *k, char *buf, size_t len)
{
	snprintf(buf, len, "copy %" PRIu64 ", reuse %" PRIu64 ", zero %" PRIu64
		 ", file %" PRIu64 ", huge %" PRIu64 ", kernel %" PRIu64
		 ", unshare %" PRIu64, (uint64_t)k->copy, (uint64_t)k->reuse,
		 (uint64_t)k->zero, (uint64_t)k->file, (uint64_t)k->huge,
		 (uint64_t)k->kernel, (uint64_t)k->unshare);
	return buf;
}

void cow_expect(const char *file, int line, const struct pfstat_id *id,
		pid_t process, unsigned long start, size_t pages,
		const struct kinds *want)
{
	const struct pfstat_result *r = query(id, process);
	struct pfstat_info info;
	char a[160], b[160];
	struct kinds got;

	if (!sum_range(r, start, start + pages * page_size(), &got))
		ktap_fail(file, line, 0, "no VMA at %#lx", start);
	if (memcmp(&got, want, sizeof(got)))
		ktap_fail(file, line, 0, "expected %s, but got %s",
			  text_of(want, a, sizeof(a)), text_of(&got, b, sizeof(b)));
	ASSERT_OK(pfstat_get_info(pf, &info));
	EXPECT_EQ(info.lost, 0);
	EXPECT_EQ(info.missed, 0);
}

long read_number(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	close(fd);
	return *text ? strtol(text, NULL, 0) : -1;
}

void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != len)
		DIE("cannot write \"%s\" to %s: %m", text, path);
	close(fd);
}
