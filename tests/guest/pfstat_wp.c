// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are write-protected to be watched, not because they are shared:
 * by soft-dirty tracking and by userfaultfd. The write faults go the same way
 * through the kernel as those of copy-on-write, and must not be counted.
 *
 * Of Debian's kernels only amd64's can do either.
 *
 * vm: smp=4 mem=1024 guests=amd64*
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/oracle.h"

#define NAME	"pf-wp"
#define PAGES	256

BEFORE_EACH()
{
	cow_begin();
}

static void clear_soft_dirty(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (fd < 0 || write(fd, "4", 1) != 1)
		workload_give_up("clear_refs");
	close(fd);
}

WORKLOAD(soft_dirty)
{
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	clear_soft_dirty();
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

/* Watched and shared at once: these are copies. */
WORKLOAD(soft_dirty_shared)
{
	pid_t pid;
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	pid = fork_sleeper();
	clear_soft_dirty();
	workload_at(p);
	write_pages(p, PAGES);
	end_sleeper(pid);
	return workload_done();
}

static void protect(int uffd, unsigned long start, size_t len, int on)
{
	struct uffdio_writeprotect wp = {
		.range = { start, len },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
		workload_give_up("UFFDIO_WRITEPROTECT");
}

/* Lets each page that is written go on. */
static void *resolve(void *arg)
{
	int uffd = *(int *)arg, i;
	struct uffd_msg msg;

	for (i = 0; i < PAGES; i++) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			workload_give_up("read of userfaultfd");
		protect(uffd, msg.arg.pagefault.address & -page_size(), page_size(), 0);
	}
	return NULL;
}

static int watch(char *p)
{
	struct uffdio_register reg = {
		.range = { (unsigned long)p, PAGES * page_size() },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &reg))
		workload_give_up("userfaultfd");
	protect(uffd, (unsigned long)p, PAGES * page_size(), 1);
	return uffd;
}

static int write_watched(char *p)
{
	int uffd = watch(p);
	pthread_t thread;

	if (pthread_create(&thread, NULL, resolve, &uffd))
		workload_give_up("pthread_create");
	workload_at(p);
	write_pages(p, PAGES);
	pthread_join(thread, NULL);
	return workload_done();
}

WORKLOAD(uffd_wp)
{
	only_small_pages();
	return write_watched(map_written(PAGES));
}

WORKLOAD(uffd_wp_shared)
{
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	fork_sleeper();		/* ends when we do */
	return write_watched(p);
}

static const struct wp_case {
	const char *name;
	__u64 copy;
	struct hits hits;
} wp_cases[] = {
	{ "soft_dirty", 0, { PAGES, 0, 0 } },
	{ "soft_dirty_shared", PAGES, { PAGES, PAGES, 0 } },
	/* Once to ask the handler; once more when it has said yes, before 6.2. */
	{ "uffd_wp", 0, { 2 * PAGES, 0, 0 } },
	{ "uffd_wp_shared", PAGES, { 2 * PAGES, PAGES, 0 } },
};

/*
 * From 6.2 on UFFDIO_WRITEPROTECT makes entries of exclusive pages writable when
 * it takes the protection away (mm/mprotect.c:can_change_pte_writable()), so that
 * these are not written a second time.
 */
static int unprotecting_allows_writes(void)
{
	struct utsname name;
	int major, minor, parsed;

	ASSERT_OK(uname(&name));
	parsed = sscanf(name.release, "%d.%d", &major, &minor);
	ASSERT_EQ(parsed, 2);
	return major > 6 || (major == 6 && minor >= 2);
}

static long expected_wp(const struct wp_case *c)
{
	if (!strcmp(c->name, "uffd_wp") && unprotecting_allows_writes())
		return PAGES;
	return c->hits.do_wp_page;
}

TEST_EACH(watched, const struct wp_case *, wp_cases)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	unsigned long at;
	struct hits hits;

	w = workload_start(each->name, NAME, NULL);
	at = address_in(workload_wait(&w));
	oracle_start(at, at + PAGES * page_size());
	workload_go(&w);
	ASSERT_STR_EQ(workload_wait(&w), "done");
	oracle_stop(&hits);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = each->copy);
	EXPECT_EQ(hits.do_wp_page, expected_wp(each));
	EXPECT_COPIES(&hits, each->hits.wp_page_copy);
	EXPECT_EQ(hits.finish_fault, each->hits.finish_fault);
}
