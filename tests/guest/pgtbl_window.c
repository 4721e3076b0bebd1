// SPDX-License-Identifier: GPL-2.0-only
/* Windows as mappings: what other calls do with them, and to them. */
// vm: smp=4 mem=512 append=page_poison=1 timeout=120
#include <sys/uio.h>

#include "lib/storm.h"
#include "pgtbl_test.h"

#define PAGES	8u

static unsigned char *window;

static void show(unsigned int page, pid_t pid, const void *at)
{
	ASSERT_OK(pgtbl_remap_table(dev, pid, PGTBL_PTE,
				    table_of(pid, (uintptr_t)at, PGTBL_PTE),
				    (uintptr_t)at,
				    window + page * page_size()));
}

static bool all_zero(const unsigned char *page)
{
	const uint32_t *word = (const void *)page;
	size_t i;

	for (i = 0; i < page_size() / sizeof(*word); i++)
		if (__atomic_load_n(word + i, __ATOMIC_RELAXED))
			return false;
	return true;
}

static unsigned char *setup(void)
{
	unsigned char *at = anon(4);

	memset(at, 1, 4 * page_size());
	window = pgtbl_window(dev, PAGES, PROT_READ);
	ASSERT_TRUE(window);
	return at;
}

TEST(empty_reads_as_zeros)
{
	unsigned int i;

	setup();
	for (i = 0; i < PAGES; i++)
		EXPECT_TRUE(all_zero(window + i * page_size()));
}

TEST(replaced_at_once)
{
	unsigned char *at = setup();
	unsigned int i;

	for (i = 0; i < 100; i++) {
		show(0, 0, at);
		EXPECT_TRUE(shows(window, at));
		ASSERT_OK(pgtbl_remap_table(dev, 0, PGTBL_PGD, 0, 0, window));
		EXPECT_TRUE(!all_zero(window));
	}
}

TEST(not_inherited)
{
	unsigned char *at = setup(), vec;
	int status;
	pid_t pid;

	show(0, 0, at);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid)
		_exit(mincore(window, page_size(), &vec) == -1 &&
		      errno == ENOMEM ? 0 : 1);
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
	EXPECT_EQ(status, 0);
	EXPECT_TRUE(shows(window, at));
}

TEST(does_not_move)
{
	unsigned char *at = setup();
	unsigned int i;

	show(0, 0, at);
	show(5, 0, at);
	for (i = 0; i < 20; i++) {
		EXPECT_TRUE(mremap(window, PAGES * page_size(),
				   PAGES * page_size(),
				   MREMAP_MAYMOVE | MREMAP_FIXED,
				   anon(PAGES)) == MAP_FAILED);
		EXPECT_EQ(errno, EINVAL);
		EXPECT_TRUE(mremap(window + 4 * page_size(), 2 * page_size(),
				   2 * page_size(), MREMAP_MAYMOVE | MREMAP_FIXED,
				   anon(2)) == MAP_FAILED);
		EXPECT_TRUE(mremap(window, page_size(), page_size(),
				   MREMAP_MAYMOVE | MREMAP_DONTUNMAP) ==
			    MAP_FAILED);
	}
	EXPECT_TRUE(shows(window, at));
	EXPECT_TRUE(shows(window + 5 * page_size(), at));
	EXPECT_TRUE(all_zero(window + 4 * page_size()));
}

TEST(does_not_grow)
{
	unsigned char *at = setup();

	show(0, 0, at);
	EXPECT_TRUE(mremap(window, PAGES * page_size(), 2 * PAGES * page_size(),
			   MREMAP_MAYMOVE) == MAP_FAILED);
	EXPECT_TRUE(shows(window, at));
	EXPECT_TRUE(mremap(window, PAGES * page_size(), 2 * page_size(), 0) ==
		    window);
	EXPECT_TRUE(shows(window, at));
}

TEST(parts_go_alone)
{
	unsigned char *at = setup();
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		show(i, 0, at);
	ASSERT_OK(munmap(window + 2 * page_size(), 2 * page_size()));
	ASSERT_OK(mprotect(window + 6 * page_size(), page_size(), PROT_NONE));
	ASSERT_OK(munmap(window, page_size()));
	EXPECT_TRUE(shows(window + page_size(), at));
	EXPECT_TRUE(shows(window + 4 * page_size(), at));
	EXPECT_TRUE(shows(window + 7 * page_size(), at));
	ASSERT_OK(mprotect(window + 6 * page_size(), page_size(), PROT_READ));
	EXPECT_TRUE(shows(window + 6 * page_size(), at));
	show(7, 0, at);
	EXPECT_ERRNO(pgtbl_remap_table(dev, 0, PGTBL_PGD, 0, 0,
				       window + 2 * page_size()), ENXIO);
	EXPECT_TRUE(shows(window + 7 * page_size(), at));
}

TEST(rights)
{
	unsigned char *at = setup();

	show(0, 0, at);
	EXPECT_ERRNO(mprotect(window, page_size(), PROT_READ | PROT_WRITE),
		     EACCES);
	EXPECT_ERRNO(mprotect(window, page_size(), PROT_READ | PROT_EXEC),
		     EACCES);
	EXPECT_TRUE(mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE,
			 pgtbl_fd(dev), 0) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_TRUE(mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE,
			 pgtbl_fd(dev), 0) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_TRUE(mmap(NULL, page_size(), PROT_READ, MAP_SHARED,
			 pgtbl_fd(dev), page_size()) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_TRUE(!pgtbl_window(dev, (size_t)pgtbl_get_info(dev)
				  ->window_pages + 1, PROT_READ));
	EXPECT_EQ(errno, EINVAL);
}

TEST(closed_file)
{
	unsigned char *at = setup();

	show(0, 0, at);
	close(pgtbl_fd(dev));
	dev = pgtbl_open();
	EXPECT_TRUE(shows(window, at));
	EXPECT_ERRNO(pgtbl_remap_table(dev, 0, PGTBL_PGD, 0, 0, window), ENXIO);
}

TEST(for_other_calls)
{
	unsigned char *at = setup(), *copy = anon(1);
	struct iovec local = { copy, page_size() }, remote = { window, page_size() };
	int pipes[2], mem = open("/proc/self/mem", O_RDWR);

	show(0, 0, at);
	ASSERT_OK(pipe(pipes));
	EXPECT_EQ(write(pipes[1], window, page_size()), (ssize_t)page_size());
	EXPECT_EQ(read(pipes[0], copy, page_size()), (ssize_t)page_size());
	EXPECT_TRUE(shows(copy, at));
	ASSERT_EQ(write(pipes[1], copy, 16), 16);
	EXPECT_ERRNO(read(pipes[0], window, 16), EFAULT);
	/* What takes references to pages gets none. */
	EXPECT_ERRNO(process_vm_readv(getpid(), &local, 1, &remote, 1, 0),
		     EFAULT);
	EXPECT_ERRNO(pread(mem, copy, page_size(), (uintptr_t)window), EIO);
	EXPECT_ERRNO(vmsplice(pipes[1], &remote, 1, 0), EFAULT);
	EXPECT_TRUE(shows(window, at));
}

TEST(core_dump_leaves_it_out)
{
	int status;
	pid_t pid = fork();

	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		dev = pgtbl_open();
		show(0, 0, setup());
		abort();
	}
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
	EXPECT_EQ(WTERMSIG(status), SIGABRT);
}

TEST(many_and_large)
{
	unsigned char *at = anon(1), *big;
	unsigned int i, count = pgtbl_get_info(dev)->window_pages, small = how_often(2000, 200);

	*at = 1;
	big = pgtbl_window(dev, count, PROT_READ);
	ASSERT_TRUE(big);
	for (i = 0; i < count; i += 1000)
		ASSERT_OK(pgtbl_remap_table(dev, 0, PGTBL_PTE,
					    table_of(0, (uintptr_t)at,
						     PGTBL_PTE),
					    (uintptr_t)at,
					    big + (size_t)i * page_size()));
	for (i = 0; i < count; i += 1000)
		EXPECT_TRUE(shows(big + (size_t)i * page_size(), at));
	ASSERT_OK(munmap(big, (size_t)count * page_size()));
	for (i = 0; i < small; i++) {
		window = pgtbl_window(dev, 1, PROT_READ);
		ASSERT_TRUE(window);
		if (i % 2)
			ASSERT_OK(munmap(window, page_size()));
	}
}
