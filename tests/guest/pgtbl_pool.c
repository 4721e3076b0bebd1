// SPDX-License-Identifier: GPL-2.0-only
/* The pool: pages of the module resolve userfaults without a copy. */
// vm: mem=1024
#include <linux/userfaultfd.h>
#include <pthread.h>

#include "pgtbl_test.h"

#define PAGES	64u

static unsigned char *pool;

static void make_pool(unsigned int pages)
{
	unsigned int i;

	pool = pgtbl_pool_create(dev, pages);
	ASSERT_TRUE(pool);
	for (i = 0; i < pages; i++) {
		ASSERT_EQ(pool[i * page_size()], 0);
		memset(pool + i * page_size(), 'A' + i % 26, page_size());
	}
}

static int install(pid_t pid, const void *at, unsigned int page,
		   unsigned int count, unsigned int flags)
{
	struct pgtbl_run run = {
		.addr = (uintptr_t)at,
		.page = page,
		.count = count,
	};

	return pgtbl_install_runs(dev, pid, &run, 1, flags);
}

static int take(pid_t pid, const void *at, unsigned int page,
		unsigned int count, unsigned char *result)
{
	struct pgtbl_run run = {
		.addr = (uintptr_t)at,
		.page = page,
		.count = count,
	};

	return pgtbl_take_runs(dev, pid, &run, 1, result);
}

static unsigned int refs_of(unsigned int page)
{
	__u32 refs = ~0u;

	ASSERT_OK(pgtbl_pool_refs(dev, page, 1, &refs));
	return refs;
}

static void all_free(unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		ASSERT_EQ(refs_of(i), 0);
}

static void register_in_child(void *at)
{
	uffd_for(at, PAGES);
}

/* rss_file() - RssFile in KiB */
static long rss_file(pid_t pid)
{
	char path[40], line[100];
	long kib = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid ?: getpid());
	status = fopen(path, "r");
	ASSERT_TRUE(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "RssFile: %ld", &kib) == 1)
			break;
	fclose(status);
	return kib;
}

TEST(content_and_frame)
{
	unsigned char *at = anon(PAGES);
	unsigned int i;

	make_pool(PAGES);
	uffd_for(at, PAGES);
	EXPECT_EQ(install(0, at, 0, PAGES, 0), PAGES);
	for (i = 0; i < PAGES; i++) {
		EXPECT_EQ(at[i * page_size()], 'A' + i % 26);
		EXPECT_EQ(at[(i + 1) * page_size() - 1], 'A' + i % 26);
		EXPECT_EQ(refs_of(i), 1);
	}
	/* The owner fills in place, the client sees it. */
	pool[3] = '!';
	EXPECT_EQ(at[3], '!');
}

TEST(first_write_copies)
{
	unsigned char *at = anon(PAGES);

	make_pool(PAGES);
	uffd_for(at, PAGES);
	EXPECT_EQ(install(0, at, 0, PAGES, 0), PAGES);
	at[0] = 'x';
	EXPECT_EQ(pool[0], 'A');
	EXPECT_EQ(at[1], 'A');
	EXPECT_EQ(refs_of(0), 0);
	EXPECT_EQ(refs_of(1), 1);
}

TEST(writable_is_not_copied)
{
	unsigned char *at = anon(PAGES);
	unsigned char result[PAGES];
	unsigned int i;

	make_pool(PAGES);
	uffd_for(at, PAGES);
	EXPECT_EQ(install(0, at, 0, PAGES, PGTBL_INSTALL_WRITE), PAGES);
	for (i = 0; i < PAGES; i += 2)
		at[i * page_size()] = 'x';
	for (i = 0; i < PAGES; i++) {
		EXPECT_EQ(pool[i * page_size()], i & 1 ? 'A' + i % 26 : 'x');
		EXPECT_EQ(refs_of(i), 1);
	}
	EXPECT_EQ(take(0, at, 0, PAGES, result), PAGES);
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(result[i], i & 1 ? PGTBL_TAKEN :
			  PGTBL_TAKEN | PGTBL_TAKEN_DIRTY);
	all_free(PAGES);
}

TEST(writable_is_for_one)
{
	unsigned char *at = anon(4), *other = anon(4);

	make_pool(4);
	uffd_for(at, 4);
	uffd_for(other, 4);
	EXPECT_EQ(install(0, at, 0, 2, PGTBL_INSTALL_WRITE), 2);
	EXPECT_ERRNO(install(0, other, 0, 1, 0), EBUSY);
	EXPECT_ERRNO(install(0, other, 0, 1, PGTBL_INSTALL_WRITE), EBUSY);
	EXPECT_EQ(install(0, at + 2 * page_size(), 2, 1, 0), 1);
	EXPECT_ERRNO(install(0, other, 2, 1, PGTBL_INSTALL_WRITE), EBUSY);
	EXPECT_EQ(install(0, other, 2, 1, 0), 1);
	/* Given up by the client, it can go to the next. */
	ASSERT_OK(madvise(at, page_size(), MADV_DONTNEED));
	EXPECT_EQ(install(0, other + page_size(), 0, 1, 0), 1);
}

/* The client does nothing meanwhile: a task's own changes show up late. */
TEST(rss_is_exact)
{
	unsigned char *at = anon(PAGES);
	long before, kib = page_size() / 1024;
	pid_t pid;

	make_pool(PAGES);
	uffd_for(at, PAGES);
	pid = start_child(register_in_child, at);
	before = rss_file(pid);
	EXPECT_EQ(install(pid, at, 0, PAGES, 0), PAGES);
	EXPECT_EQ(rss_file(pid), before + PAGES * kib);
	EXPECT_EQ(take(pid, at, 0, 33, NULL), 33);
	EXPECT_EQ(rss_file(pid), before + (PAGES - 33) * kib);
	EXPECT_EQ(take(pid, at, 0, PAGES, NULL), PAGES - 33);
	EXPECT_EQ(rss_file(pid), before);
	all_free(PAGES);
	stop_child(pid);
}

static const struct { const char *name; unsigned int flags; } modes[] = {
	{ "shared", 0 },
	{ "writable", PGTBL_INSTALL_WRITE },
};

TEST_EACH(fork_shares, const void *, modes)
{
	const __typeof__(modes[0]) *mode = each;
	unsigned char *at = anon(4);
	int status;
	pid_t pid;

	make_pool(4);
	uffd_for(at, 4);
	EXPECT_EQ(install(0, at, 0, 4, mode->flags), 4);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		if (at[0] != 'A' || at[page_size()] != 'B')
			_exit(1);
		at[0] = 'c';
		at[page_size()] = 'd';
		_exit(at[0] == 'c' && at[1] == 'A' ? 0 : 2);
	}
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(at[0], 'A');
	EXPECT_EQ(at[page_size()], 'B');
	at[0] = 'p';
	EXPECT_EQ(at[0], 'p');
	ASSERT_OK(munmap(at, 4 * page_size()));
	all_free(4);
}

TEST_EACH(client_is_killed, const void *, modes)
{
	const __typeof__(modes[0]) *mode = each;
	unsigned char *at = anon(PAGES);
	int pipes[2], fd;
	pid_t pid;
	char byte;

	make_pool(PAGES);
	ASSERT_OK(pipe(pipes));
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		fd = uffd_for(at, PAGES);
		if (write(pipes[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
		close(fd);
	}
	ASSERT_EQ(read(pipes[0], &byte, 1), 1);
	EXPECT_EQ(install(pid, at, 0, PAGES, mode->flags), PAGES);
	EXPECT_EQ(refs_of(PAGES - 1), 1);
	stop_child(pid);
	all_free(PAGES);
	EXPECT_ERRNO(install(pid, at, 0, PAGES, 0), ESRCH);
}

/* The client reads what the pager installed after the pager is dead. */
TEST_EACH(pager_dies_first, const void *, modes)
{
	const __typeof__(modes[0]) *mode = each;
	unsigned char *at = anon(PAGES);
	pid_t pid;
	unsigned int i;
	int status;

	uffd_for(at, PAGES);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		dev = pgtbl_open();
		make_pool(PAGES);
		_exit(install(getppid(), at, 0, PAGES, mode->flags) == PAGES ?
		      0 : 1);
	}
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
	ASSERT_EQ(status, 0);
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(at[i * page_size()], 'A' + i % 26);
	at[5] = 1;
	ASSERT_OK(munmap(at, PAGES * page_size()));
}

TEST(pool_stays_while_mapped)
{
	make_pool(8);
	pgtbl_close(dev);
	EXPECT_EQ(pool[7 * page_size()], 'H');
	ASSERT_OK(munmap(pool, 8 * page_size()));
}

static void *reader_thread(void *at)
{
	return (void *)(uintptr_t)*(volatile unsigned char *)at;
}

TEST(take_is_seen_by_the_client)
{
	unsigned char *at = anon(4);
	unsigned char result[4];
	struct uffdio_range range = { (uintptr_t)at, page_size() };
	struct uffd_msg msg;
	pthread_t thread;
	void *byte;
	int fd;

	make_pool(4);
	fd = uffd_for(at, 4);
	EXPECT_EQ(install(0, at, 0, 4, 0), 4);
	EXPECT_EQ(at[0], 'A');
	EXPECT_EQ(take(0, at, 0, 4, result), 4);
	EXPECT_EQ(result[0], PGTBL_TAKEN);
	all_free(4);

	/* The next access is a userfault again. */
	ASSERT_EQ(pthread_create(&thread, NULL, reader_thread, at), 0);
	ASSERT_EQ(read(fd, &msg, sizeof(msg)), sizeof(msg));
	EXPECT_EQ(msg.arg.pagefault.address & -page_size(), (uintptr_t)at);
	EXPECT_EQ(install(0, at, 2, 1, 0), 1);
	ASSERT_OK(ioctl(fd, UFFDIO_WAKE, &range));
	ASSERT_EQ(pthread_join(thread, &byte), 0);
	EXPECT_EQ((uintptr_t)byte, 'C');
}

TEST(take_passes_over_what_is_not_there)
{
	unsigned char *at = anon(8);
	unsigned char result[8];
	unsigned int i;
	static const unsigned char expected[8] = {
		0, PGTBL_TAKEN, 0, PGTBL_TAKEN, PGTBL_TAKEN,
		PGTBL_TAKEN | PGTBL_TAKEN_SHARED, 0, PGTBL_TAKEN,
	};
	unsigned char *other = anon(1);

	make_pool(8);
	uffd_for(at, 8);
	uffd_for(other, 1);
	EXPECT_EQ(install(0, at, 0, 8, 0), 8);
	EXPECT_EQ(install(0, other, 5, 1, 0), 1);
	at[0] = 1;
	ASSERT_OK(madvise(at + 2 * page_size(), page_size(), MADV_DONTNEED));
	at[6 * page_size()] = 1;
	EXPECT_EQ(take(0, at, 0, 8, result), 5);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(result[i], expected[i]);
	EXPECT_EQ(at[0], 1);
	EXPECT_EQ(at[1], 'A');
	EXPECT_EQ(at[6 * page_size()], 1);
	/* A page at the wrong place is not taken. */
	EXPECT_EQ(take(0, other, 4, 1, result), 0);
}

/* The kernel takes 256 at a time, then says what became of them. */
TEST(take_tells_what_it_took_before_it_failed)
{
	unsigned char *nowhere = mmap(NULL, page_size(), PROT_NONE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *at = anon(300);

	ASSERT_TRUE(nowhere != MAP_FAILED);
	make_pool(300);
	uffd_for(at, 300);
	EXPECT_EQ(install(0, at, 0, 300, 0), 300);
	errno = 0;
	EXPECT_EQ(take(0, at, 0, 300, nowhere), 256);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(take(0, at, 0, 300, NULL), 300 - 256);
}

TEST(batch_of_runs)
{
	unsigned char *at = anon(PAGES);
	struct pgtbl_run runs[16];
	unsigned int i;

	make_pool(PAGES);
	uffd_for(at, PAGES);
	for (i = 0; i < 16; i++)
		runs[i] = (struct pgtbl_run){
			.addr = (uintptr_t)at + (15 - i) * 4 * page_size(),
			.page = i * 3,
			.count = 3,
		};
	EXPECT_EQ(pgtbl_install_runs(dev, 0, runs, 16, 0), 48);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(at[(15 - i) * 4 * page_size()], 'A' + i * 3 % 26);
	/* Up to the first that can't be done. */
	EXPECT_EQ(pgtbl_take_runs(dev, 0, runs, 3, NULL), 9);
	EXPECT_EQ(pgtbl_install_runs(dev, 0, runs, 16, 0), 9);
	EXPECT_EQ(errno, EBUSY);
}

TEST(wrong_places)
{
	unsigned char *at = anon(8), *shared;

	make_pool(8);
	EXPECT_ERRNO(install(0, at, 0, 1, 0), ENXIO);	/* not registered */
	uffd_for(at, 4);
	EXPECT_ERRNO(install(0, at + 1, 0, 1, 0), EINVAL);
	EXPECT_ERRNO(install(0, at, 8, 1, 0), EINVAL);
	EXPECT_ERRNO(install(0, at, 7, 2, 0), EINVAL);
	EXPECT_ERRNO(install(0, at, ~0u, 2, 0), EINVAL);
	EXPECT_ERRNO(install(0, at, 0, ~0u, 0), EINVAL);
	EXPECT_ERRNO(install(0, at, 0, 0, 0), EINVAL);
	EXPECT_ERRNO(install(0, (void *)-page_size(), 0, 1, 0), EINVAL);
	EXPECT_ERRNO(install(0, at, 0, 1, 2), EINVAL);
	EXPECT_ERRNO(pgtbl_install_runs(dev, 0, NULL, 1, 0), EFAULT);
	EXPECT_ERRNO(pgtbl_install_runs(dev, 0, NULL, 2, 0), EFAULT);
	EXPECT_ERRNO(pgtbl_install_runs(dev, 0, NULL, 0, 0), EINVAL);
	EXPECT_ERRNO(pgtbl_install_runs(dev, 0, NULL, PGTBL_RUNS_MAX + 1, 0),
		     EINVAL);
	/* Over the end of the registered part. */
	EXPECT_EQ(install(0, at + 2 * page_size(), 0, 4, 0), 2);
	EXPECT_ERRNO(install(0, at + 2 * page_size(), 0, 1, 0), EBUSY);
	ASSERT_OK(mprotect(at, page_size(), PROT_READ));
	EXPECT_ERRNO(install(0, at, 4, 1, PGTBL_INSTALL_WRITE), ENXIO);
	EXPECT_EQ(install(0, at, 4, 1, 0), 1);

	shared = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(shared != MAP_FAILED);
	uffd_for(shared, 1);
	EXPECT_ERRNO(install(0, shared, 5, 1, 0), ENXIO);
}

/* The kernel would lock such pages, but not unlock them. */
TEST(locked_memory_is_refused)
{
	unsigned char *at = anon(2);

	make_pool(1);
	uffd_for(at, 2);
	ASSERT_OK(mlock2(at, page_size(), MLOCK_ONFAULT));
	EXPECT_ERRNO(install(0, at, 0, 1, 0), EOPNOTSUPP);
	EXPECT_EQ(refs_of(0), 0);
	ASSERT_OK(munlock(at, page_size()));
	EXPECT_EQ(install(0, at, 0, 1, 0), 1);
	EXPECT_EQ(*at, pool[0]);
}

TEST(wrong_pools)
{
	struct pgtbl_pool args = { .size = sizeof(args) };
	struct pgtbl_run run = { .count = 1 };
	__u32 refs;

	EXPECT_ERRNO(pgtbl_install_runs(dev, 0, &run, 1, 0), ENXIO);
	EXPECT_ERRNO(pgtbl_take_runs(dev, 0, &run, 1, NULL), ENXIO);
	EXPECT_ERRNO(pgtbl_pool_refs(dev, 0, 1, &refs), ENXIO);
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_POOL, &args), EINVAL);
	args.pages = pgtbl_get_info(dev)->pool_pages + 1;
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_POOL, &args), EINVAL);
	args.pages = 4;
	EXPECT_OK(ioctl(pgtbl_fd(dev), PGTBL_IOC_POOL, &args));
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_POOL, &args), EBUSY);
	EXPECT_ERRNO(pgtbl_pool_refs(dev, 4, 1, &refs), EINVAL);
	EXPECT_ERRNO(pgtbl_pool_refs(dev, 0, 5, &refs), EINVAL);
	EXPECT_ERRNO(pgtbl_pool_refs(dev, 0, 1, NULL), EFAULT);
	EXPECT_TRUE(mmap(NULL, 5 * page_size(), PROT_READ, MAP_SHARED,
			 pgtbl_fd(dev), PGTBL_POOL_OFFSET) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_TRUE(mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE,
			 pgtbl_fd(dev), PGTBL_POOL_OFFSET) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
}

/* A huge page is in the way: must be refused, not written over. */
TEST(huge_page_in_the_way)
{
	size_t size = (size_t)4 << 20;
	unsigned char *area = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *at = area + (-(uintptr_t)area & (size - 1));
	struct pgtbl_walk walk;

	ASSERT_TRUE(area != MAP_FAILED);
	make_pool(4);
	if (madvise(at, size, MADV_HUGEPAGE))
		ktap_skip("no transparent huge pages");
	*at = 1;
	ASSERT_OK(pgtbl_walk_addr(dev, 0, (uintptr_t)at, &walk));
	if (walk.leaf == PGTBL_PTE)
		ktap_skip("the kernel gave no huge page");
	uffd_for(at, size / page_size());
	EXPECT_ERRNO(install(0, at + page_size(), 0, 1, 0), EBUSY);
	EXPECT_EQ(*at, 1);
}

TEST(moved_by_mremap)
{
	unsigned char *at = anon(4), *to;

	make_pool(4);
	uffd_for(at, 4);
	EXPECT_EQ(install(0, at, 0, 4, 0), 4);
	to = mremap(at, 4 * page_size(), 4 * page_size(),
		    MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	ASSERT_TRUE(to != MAP_FAILED);
	EXPECT_EQ(to[page_size()], 'B');
	EXPECT_EQ(refs_of(1), 1);
	EXPECT_EQ(take(0, at, 0, 4, NULL), 0);
	EXPECT_EQ(take(0, to, 0, 4, NULL), 4);
}

static void *pager_thread(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		uintptr_t addr = msg.arg.pagefault.address & ~(page_size() - 1);
		struct uffdio_range range = { addr, page_size() };

		if (install(0, (void *)addr, addr / page_size() % PAGES, 1, 0) != 1)
			break;
		ioctl(fd, UFFDIO_WAKE, &range);
	}
	return NULL;
}

TEST(faults_are_resolved)
{
	unsigned char *at = anon(PAGES);
	pthread_t thread;
	unsigned int i;
	int fd;

	make_pool(PAGES);
	fd = uffd_for(at, PAGES);
	ASSERT_EQ(pthread_create(&thread, NULL, pager_thread, &fd), 0);
	for (i = 0; i < PAGES; i++) {
		unsigned int page = ((uintptr_t)at / page_size() + i) % PAGES;

		EXPECT_EQ(at[i * page_size()], 'A' + page % 26);
	}
}
