// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy from or to user space of a call fails once:
 * the Nth, for each N until none is left (of many the later ones in steps, see
 * fail_next()). The call says ENOMEM or EFAULT, or does without; what it leaves
 * is the runner's to find, and that it works afterwards is seen at once, by what
 * takes the call back, and at the end.
 *
 * vm: guests=*-debug mem=1024 timeout=300
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/fail.h"
#include "lib/tables.h"

#define NAME	"pf-failing"
#define OTHER	"pf-other"
#define PAGES	16
#define MOST	5000	/* failures of one call; there are some tens */

static unsigned char *area;

BEFORE_EACH()
{
	fail_begin();
	cow_begin();
	open_dev();
	area = filled(PAGES, 1);
}

static int on_pfstat(unsigned int cmd, void *arg)
{
	return ioctl(pfstat_fd(pf), cmd, arg);
}

static int on_pgtbl(unsigned int cmd, void *arg)
{
	return ioctl(pgtbl_fd(dev), cmd, arg);
}

/* ---- /dev/pfstat --------------------------------------------------------------- */

static int do_open(void)
{
	int fd = open(PGTBL_DEVICE, O_RDWR | O_CLOEXEC);
	int other = fd < 0 ? -1 : open(PFSTAT_DEVICE, O_RDWR | O_CLOEXEC);
	int error = errno;

	if (other >= 0)
		close(other);
	if (fd >= 0)
		close(fd);
	errno = error;
	return other < 0 ? -1 : 0;
}

static int do_info(void)
{
	struct pfstat_info info = { .size = sizeof(info) };

	return on_pfstat(PFSTAT_IOC_INFO, &info);
}

static int by_name(unsigned int cmd)
{
	struct pfstat_track t = {
		.size = sizeof(t), .type = PFSTAT_TARGET_NAME,
		.name = (uintptr_t)NAME, .name_len = strlen(NAME),
	};

	return on_pfstat(cmd, &t);
}

static int by_pid(unsigned int cmd, __u32 flags)
{
	struct pfstat_track t = {
		.size = sizeof(t), .type = PFSTAT_TARGET_PID, .pid = getpid(),
		.flags = flags,
	};

	return on_pfstat(cmd, &t);
}

static int do_track(void)
{
	return by_name(PFSTAT_IOC_TRACK);
}

static int do_untrack(void)
{
	return by_name(PFSTAT_IOC_UNTRACK);
}

static int do_watch(void)
{
	return by_name(PFSTAT_IOC_WATCH);
}

static int do_track_self(void)
{
	return by_pid(PFSTAT_IOC_TRACK, 0);
}

static int do_follow_self(void)
{
	return by_pid(PFSTAT_IOC_TRACK, PFSTAT_TRACK_FOLLOW | PFSTAT_TRACK_LATENCY);
}

static int do_reset(void)
{
	return by_pid(PFSTAT_IOC_RESET, 0);
}

static int do_query(void)
{
	static struct pfstat_vma vmas[64];
	static struct pfstat_process processes[4];
	static char paths[4096];
	struct pfstat_query q = {
		.size = sizeof(q), .type = PFSTAT_TARGET_PID, .pid = getpid(),
		.vmas = (uintptr_t)vmas, .processes = (uintptr_t)processes,
		.paths = (uintptr_t)paths, .nr_vmas = 64, .nr_processes = 4,
		.paths_len = sizeof(paths), .vma_size = sizeof(*vmas),
		.process_size = sizeof(*processes),
	};

	return on_pfstat(PFSTAT_IOC_QUERY, &q);
}

static int do_list(void)
{
	static struct pfstat_target targets[4];
	struct pfstat_list list = {
		.size = sizeof(list), .targets = (uintptr_t)targets, .count = 4,
		.target_size = sizeof(*targets),
	};

	return on_pfstat(PFSTAT_IOC_LIST, &list);
}

static int do_set_param(void)
{
	return pf_set_param(NAME, strlen(NAME));
}

/* Tracked under the name that this process has. */
static int do_get_info(void)
{
	static struct pf_stat stat;

	return pf_get_info(NAME, strlen(NAME), &stat);
}

/* ---- /dev/pgtbl ---------------------------------------------------------------- */

static int remap(unsigned int level, __u64 pfn)
{
	int fd = pgtbl_fd(dev), ret, error;
	struct pgtbl_remap remap = {
		.size = sizeof(remap), .level = level, .pfn = pfn, .addr = (uintptr_t)area,
	};
	void *at = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, PGTBL_WINDOW_OFFSET);

	if (at == MAP_FAILED)
		return -1;
	remap.remap_vaddr = (uintptr_t)at;
	ret = ioctl(fd, PGTBL_IOC_REMAP, &remap);
	error = errno;
	munmap(at, page_size());
	errno = error;
	return ret;
}

static __u64 table;

static void find_table(void)
{
	table = table_of(0, (uintptr_t)area, PGTBL_PTE);
}

static int do_window_pgd(void)
{
	return remap(PGTBL_PGD, 0);
}

static int do_window_pte(void)
{
	return remap(PGTBL_PTE, table);
}

static int do_walk(void)
{
	struct pgtbl_walk walk = { .size = sizeof(walk), .addr = (uintptr_t)area };

	return on_pgtbl(PGTBL_IOC_WALK, &walk);
}

static int do_scan(void)
{
	static struct pgtbl_extent extents[16];
	struct pgtbl_scan scan = {
		.size = sizeof(scan), .start = (uintptr_t)area,
		.end = (uintptr_t)area + PAGES * page_size(), .report = PGTBL_IS_ALL,
		.extents = (uintptr_t)extents, .count = 16,
	};

	return on_pgtbl(PGTBL_IOC_SCAN, &scan);
}

static __u64 entry;

static void find_entry(void)
{
	entry = entry_of(0, area);
}

static int do_update(void)
{
	struct pgtbl_edit edit = {
		.addr = (uintptr_t)area, .level = PGTBL_PTE, .old_entry = entry,
		.new_entry = with(entry, "accessed", false),
	};
	struct pgtbl_update update = {
		.size = sizeof(update), .count = 1, .edits = (uintptr_t)&edit,
	};

	return on_pgtbl(PGTBL_IOC_UPDATE, &update);
}

static int do_flush(void)
{
	struct pgtbl_flush flush = {
		.size = sizeof(flush), .start = (uintptr_t)area,
		.end = (uintptr_t)area + PAGES * page_size(),
	};

	return on_pgtbl(PGTBL_IOC_FLUSH, &flush);
}

/* A file of its own: a file has one pool. */
static int do_pool(void)
{
	struct pgtbl_pool pool = { .size = sizeof(pool), .pages = PAGES };
	int fd = open(PGTBL_DEVICE, O_RDWR | O_CLOEXEC), ret, error;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, PGTBL_IOC_POOL, &pool);
	error = errno;
	close(fd);
	errno = error;
	return ret;
}

static unsigned char *hole;
static struct pgtbl_run runs[2];

static void make_pool(void)
{
	if (hole)
		return;
	ASSERT_TRUE(pgtbl_pool_create(dev, 2 * PAGES));
	hole = anon(2 * PAGES);
	uffd_for(hole, 2 * PAGES);
	runs[0] = (struct pgtbl_run){ .addr = (uintptr_t)hole, .page = 0, .count = PAGES };
	runs[1] = (struct pgtbl_run){ .addr = (uintptr_t)hole + PAGES * page_size(),
				      .page = PAGES, .count = PAGES };
}

static int do_install(void)
{
	struct pgtbl_install install = {
		.size = sizeof(install), .runs = (uintptr_t)runs, .nr_runs = 2,
		.flags = PGTBL_INSTALL_WRITE,
	};

	return on_pgtbl(PGTBL_IOC_INSTALL, &install);
}

static int do_take(void)
{
	static unsigned char result[2 * PAGES];
	struct pgtbl_take take = {
		.size = sizeof(take), .runs = (uintptr_t)runs, .nr_runs = 2,
		.result = (uintptr_t)result,
	};

	return on_pgtbl(PGTBL_IOC_TAKE, &take);
}

static int do_refs(void)
{
	static __u32 numbers[2 * PAGES];
	struct pgtbl_refs refs = {
		.size = sizeof(refs), .count = 2 * PAGES, .refs = (uintptr_t)numbers,
	};

	return on_pgtbl(PGTBL_IOC_REFS, &refs);
}

static void take_back(void)
{
	ASSERT_OK(do_take());
}

static void install_all(void)
{
	make_pool();
	ASSERT_OK(do_install());
}

static void nothing(void)
{
}

/* The first target puts the probes in place, the last one takes them away. */
static void be_first(void)
{
	ASSERT_OK(pf_cleanup());
}

static void untrack(void)
{
	struct pfstat_id name = pfstat_by_name(NAME), self = pfstat_by_pid(getpid());

	if (pfstat_untrack(pf, &name))
		ASSERT_EQ(errno, ESRCH);
	if (pfstat_untrack(pf, &self))
		ASSERT_EQ(errno, ESRCH);
}

/* ---- a tracked process ---------------------------------------------------------- */

/* It forks; the child writes, and ends. */
static int do_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (!pid) {
		write_pages((char *)area, PAGES);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EFAULT)
		;
	return 0;
}

static pid_t sleeper;

static void share(void)
{
	ASSERT_OK(do_track_self());
	sleeper = fork_sleeper();
}

/* It copies: the hooks and what they leave to the way back to user mode. */
static int do_write(void)
{
	write_pages((char *)area, PAGES);
	return 0;
}

static void unshare(void)
{
	end_sleeper(sleeper);
	untrack();
}

static void track(void)
{
	ASSERT_OK(do_track());
}

static void track_self(void)
{
	ASSERT_OK(do_track_self());
}

static void run_as_name(void)
{
	write_text("/proc/self/comm", NAME);
	track();
}

static const struct call {
	const char *name;
	int (*call)(void);
	void (*before)(void);
	void (*after)(void);
} calls[] = {
	{ "open", do_open, nothing, nothing },
	{ "info", do_info, nothing, nothing },
	{ "track_the_first", do_track, be_first, be_first },
	{ "track", do_track, nothing, untrack },
	{ "track_a_process", do_track_self, nothing, untrack },
	{ "follow", do_follow_self, nothing, untrack },
	{ "untrack", do_untrack, track, untrack },
	{ "watch", do_watch, track, untrack },
	{ "reset", do_reset, track_self, untrack },
	{ "list", do_list, track_self, untrack },
	{ "query", do_query, track_self, untrack },
	{ "set_param", do_set_param, nothing, untrack },
	{ "get_info", do_get_info, run_as_name, untrack },
	{ "fork", do_fork, track_self, untrack },
	{ "write", do_write, share, unshare },
	{ "window_pgd", do_window_pgd, nothing, nothing },
	{ "window_pte", do_window_pte, find_table, nothing },
	{ "walk", do_walk, nothing, nothing },
	{ "scan", do_scan, nothing, nothing },
	{ "update", do_update, find_entry, nothing },
	{ "flush", do_flush, nothing, nothing },
	{ "pool", do_pool, nothing, nothing },
	{ "install", do_install, make_pool, take_back },
	{ "take", do_take, install_all, take_back },
	{ "refs", do_refs, make_pool, nothing },
};

TEST_EACH(each_fails_once, const struct call *, calls)
{
	int n, ret, error, failures = 0;

	track_name(OTHER);
	for (n = 1; n < MOST; n = fail_next(n)) {
		each->before();
		fail_nth(n);
		errno = 0;
		ret = each->call();
		error = errno;
		if (!fail_happened()) {
			EXPECT_EQ(ret, 0);
			each->after();
			break;
		}
		failures++;
		if (ret && error != ENOMEM && error != EFAULT)
			ktap_fail(__FILE__, __LINE__, 0, "failure %d: returns %d: %s", n, ret,
				  strerror(error));
		each->after();
	}
	EXPECT_LT(n, MOST);
	EXPECT_GT(failures, 0);
	ktap_note("%d failures", failures);
}

WORKLOAD(child_writes)
{
	char *p = map_pages(PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	write_pages(p, PAGES);
	workload_at(p);
	if (!fork()) {
		write_pages(p, PAGES);
		_exit(0);
	}
	wait(NULL);
	return 0;
}

TEST(counts_are_right_afterwards)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("child_writes", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
}
