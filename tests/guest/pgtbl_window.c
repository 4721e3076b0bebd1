// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows as mappings, and windows that outlive what they show: nothing
 * foreign is ever readable, nothing is left behind.
 */
// vm: smp=4 mem=512 timeout=400
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "pgtbl_test.h"

#define PAGES	8u

static unsigned char *window;

static void show(unsigned int page, pid_t pid, const void *at)
{
	ASSERT_OK(pgtbl_remap_table(dev, pid, PGTBL_PTE,
				    table_of(pid, (uintptr_t)at, PGTBL_PTE),
				    (uintptr_t)at,
				    window + page * page_size));
}

/* shows() - the window's page shows the PTE of an address of ours */
static bool shows(const unsigned char *page, const void *at)
{
	uint64_t pfn;

	pgtbl_decode(dev, PGTBL_PTE,
		     pgtbl_entry(dev, page, pgtbl_index(dev, PGTBL_PTE,
							(uintptr_t)at)),
		     (__u64 *)&pfn);
	return pfn && pfn == PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at));
}

static bool all_zero(const unsigned char *page)
{
	const uint32_t *word = (const void *)page;
	size_t i;

	for (i = 0; i < page_size / sizeof(*word); i++)
		if (__atomic_load_n(word + i, __ATOMIC_RELAXED))
			return false;
	return true;
}

static unsigned char *setup(void)
{
	unsigned char *at = anon(4);

	memset(at, 1, 4 * page_size);
	window = pgtbl_window(dev, PAGES, PROT_READ);
	ASSERT_TRUE(window);
	return at;
}

TEST(empty_reads_as_zeros)
{
	unsigned int i;

	setup();
	for (i = 0; i < PAGES; i++)
		EXPECT_TRUE(all_zero(window + i * page_size));
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
		_exit(mincore(window, page_size, &vec) == -1 &&
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
		EXPECT_TRUE(mremap(window, PAGES * page_size,
				   PAGES * page_size,
				   MREMAP_MAYMOVE | MREMAP_FIXED,
				   anon(PAGES)) == MAP_FAILED);
		EXPECT_EQ(errno, EINVAL);
		EXPECT_TRUE(mremap(window + 4 * page_size, 2 * page_size,
				   2 * page_size, MREMAP_MAYMOVE | MREMAP_FIXED,
				   anon(2)) == MAP_FAILED);
		EXPECT_TRUE(mremap(window, page_size, page_size,
				   MREMAP_MAYMOVE | MREMAP_DONTUNMAP) ==
			    MAP_FAILED);
	}
	EXPECT_TRUE(shows(window, at));
	EXPECT_TRUE(shows(window + 5 * page_size, at));
	EXPECT_TRUE(all_zero(window + 4 * page_size));
}

TEST(does_not_grow)
{
	unsigned char *at = setup();

	show(0, 0, at);
	EXPECT_TRUE(mremap(window, PAGES * page_size, 2 * PAGES * page_size,
			   MREMAP_MAYMOVE) == MAP_FAILED);
	EXPECT_TRUE(shows(window, at));
	EXPECT_TRUE(mremap(window, PAGES * page_size, 2 * page_size, 0) ==
		    window);
	EXPECT_TRUE(shows(window, at));
}

TEST(parts_go_alone)
{
	unsigned char *at = setup();
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		show(i, 0, at);
	ASSERT_OK(munmap(window + 2 * page_size, 2 * page_size));
	ASSERT_OK(mprotect(window + 6 * page_size, page_size, PROT_NONE));
	ASSERT_OK(munmap(window, page_size));
	EXPECT_TRUE(shows(window + page_size, at));
	EXPECT_TRUE(shows(window + 4 * page_size, at));
	EXPECT_TRUE(shows(window + 7 * page_size, at));
	ASSERT_OK(mprotect(window + 6 * page_size, page_size, PROT_READ));
	EXPECT_TRUE(shows(window + 6 * page_size, at));
	show(7, 0, at);
	EXPECT_ERRNO(pgtbl_remap_table(dev, 0, PGTBL_PGD, 0, 0,
				       window + 2 * page_size), ENXIO);
	EXPECT_TRUE(shows(window + 7 * page_size, at));
}

TEST(rights)
{
	unsigned char *at = setup();

	show(0, 0, at);
	EXPECT_ERRNO(mprotect(window, page_size, PROT_READ | PROT_WRITE),
		     EACCES);
	EXPECT_ERRNO(mprotect(window, page_size, PROT_READ | PROT_EXEC),
		     EACCES);
	EXPECT_TRUE(mmap(NULL, page_size, PROT_READ, MAP_PRIVATE,
			 pgtbl_fd(dev), 0) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_TRUE(mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			 pgtbl_fd(dev), 0) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_TRUE(mmap(NULL, page_size, PROT_READ, MAP_SHARED,
			 pgtbl_fd(dev), page_size) == MAP_FAILED);
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
	struct iovec local = { copy, page_size }, remote = { window, page_size };
	int pipes[2], mem = open("/proc/self/mem", O_RDWR);

	show(0, 0, at);
	ASSERT_OK(pipe(pipes));
	EXPECT_EQ(write(pipes[1], window, page_size), (ssize_t)page_size);
	EXPECT_EQ(read(pipes[0], copy, page_size), (ssize_t)page_size);
	EXPECT_TRUE(shows(copy, at));
	ASSERT_EQ(write(pipes[1], copy, 16), 16);
	EXPECT_ERRNO(read(pipes[0], window, 16), EFAULT);
	/* What takes references to pages gets none. */
	EXPECT_ERRNO(process_vm_readv(getpid(), &local, 1, &remote, 1, 0),
		     EFAULT);
	EXPECT_ERRNO(pread(mem, copy, page_size, (uintptr_t)window), EIO);
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
	unsigned int i, count = pgtbl_get_info(dev)->window_pages;

	*at = 1;
	big = pgtbl_window(dev, count, PROT_READ);
	ASSERT_TRUE(big);
	for (i = 0; i < count; i += 1000)
		ASSERT_OK(pgtbl_remap_table(dev, 0, PGTBL_PTE,
					    table_of(0, (uintptr_t)at,
						     PGTBL_PTE),
					    (uintptr_t)at,
					    big + (size_t)i * page_size));
	for (i = 0; i < count; i += 1000)
		EXPECT_TRUE(shows(big + (size_t)i * page_size, at));
	ASSERT_OK(munmap(big, (size_t)count * page_size));
	for (i = 0; i < 2000; i++) {
		window = pgtbl_window(dev, 1, PROT_READ);
		ASSERT_TRUE(window);
		if (i % 2)
			ASSERT_OK(munmap(window, page_size));
	}
}

/* show_all_levels() - all tables of an address; returns how many */
static unsigned int show_all_levels(pid_t pid, uint64_t addr,
				    unsigned char *pages)
{
	struct pgtbl_walk walk;
	unsigned int level, count = 0;

	if (pgtbl_walk_addr(dev, pid, addr, &walk))
		return 0;
	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		if (!(walk.levels & 1u << level))
			continue;
		if (!pgtbl_remap_table(dev, pid, level,
				       walk.level[level].table, addr,
				       pages + count * page_size))
			count++;
	}
	return count;
}

/*
 * What is left of a dead process: no entries in the tables below the top (the
 * kernel clears them before it frees a table), and none of other processes
 * later, however much memory is used for other things.
 */
TEST_SECONDS(dead_tables_stay_empty, 120)
{
	unsigned char *at = anon(4), *junk;
	unsigned int i, level, round;
	size_t size = (size_t)64 << 20;
	unsigned int levels = 0;

	memset(at, 1, 4 * page_size);
	for (level = 0; level < PGTBL_NR_LEVELS; level++)
		levels += !!(pgtbl_get_info(dev)->levels & 1u << level);
	window = pgtbl_window(dev, 50 * PGTBL_NR_LEVELS, PROT_READ);
	ASSERT_TRUE(window);
	for (i = 0; i < 50; i++) {
		pid_t pid = start_child(NULL, NULL);

		EXPECT_EQ(show_all_levels(pid, (uintptr_t)at,
					  window + i * PGTBL_NR_LEVELS *
					  page_size), levels);
		stop_child(pid);
	}
	for (round = 0; round < 3; round++) {
		junk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		ASSERT_TRUE(junk != MAP_FAILED);
		memset(junk, 0x5a, size);
		ASSERT_OK(munmap(junk, size));
		for (i = 0; i < 50; i++)
			for (level = 1; level < levels; level++)
				if (!all_zero(window +
					      (i * PGTBL_NR_LEVELS + level) *
					      page_size))
					ktap_fail(__FILE__, __LINE__, 0,
						  "target %u level %u: not empty",
						  i, level);
	}
}

static atomic_int done;
static atomic_uint mapped;
static unsigned char *ground;

/* A process that makes and unmakes tables, and ends in one of several ways. */
static void churn(unsigned int seed)
{
	size_t size = (size_t)8 << 20;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		unsigned char *at = mmap(ground, size, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS |
					 MAP_FIXED, -1, 0);
		size_t pos;

		for (pos = 0; pos < size; pos += size / 32)
			at[pos] = 0xff;
		munmap(at, size);
	}
	if (seed % 4 == 0)
		kill(getpid(), SIGKILL);
	if (seed % 4 == 1)
		execl("/bin/true", "true", NULL);
	_exit(0);
}

static _Atomic pid_t targets[4];

static void *breeder(void *arg)
{
	unsigned int slot = (uintptr_t)arg, seed = slot;

	while (!atomic_load(&done)) {
		pid_t pid = fork();

		if (!pid)
			churn(seed);
		if (pid < 0)
			break;
		atomic_store(&targets[slot], pid);
		waitpid(pid, NULL, 0);
		seed++;
	}
	return NULL;
}

/* looks_right() - every entry is empty, or has a frame of this machine */
static bool looks_right(const unsigned char *page, uint64_t frames)
{
	unsigned int i, entries = pgtbl_get_info(dev)->geometry[PGTBL_PTE]
		.entries;

	for (i = 0; i < entries; i++) {
		__u64 entry = pgtbl_entry(dev, page, i), pfn;

		pgtbl_decode(dev, PGTBL_PTE, entry, &pfn);
		if (pfn > frames) {
			ktap_note("entry %u is %#llx", i,
				  (unsigned long long)entry);
			return false;
		}
	}
	return true;
}

static void *mapper(void *arg)
{
	unsigned char *pages = pgtbl_window(dev, PGTBL_NR_LEVELS, PROT_READ);
	unsigned int slot = (uintptr_t)arg % 4, i;
	uint64_t frames = 1ull << 22;

	while (pages && !atomic_load(&done)) {
		unsigned int count = show_all_levels(atomic_load(&targets[slot]),
						     (uintptr_t)ground, pages);

		atomic_fetch_add(&mapped, count);
		for (i = 0; i < 20 && count; i++)
			if (!looks_right(pages + (count - 1) * page_size,
					 frames))
				return (void *)1;
		slot = (slot + 1) % 4;
	}
	return NULL;
}

/* Targets unmap, exec, exit and are killed while their tables are mapped. */
TEST_SECONDS(storm, 120)
{
	pthread_t breeders[4], mappers[4];
	unsigned int count;
	uintptr_t i;
	void *bad;

	ground = mmap(NULL, (size_t)16 << 20, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(ground != MAP_FAILED);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(pthread_create(&breeders[i], NULL, breeder,
					 (void *)i), 0);
		ASSERT_EQ(pthread_create(&mappers[i], NULL, mapper,
					 (void *)i), 0);
	}
	sleep(15);
	atomic_store(&done, 1);
	for (i = 0; i < 4; i++) {
		pthread_join(mappers[i], &bad);
		EXPECT_TRUE(!bad);
		pthread_join(breeders[i], NULL);
	}
	count = atomic_load(&mapped);
	ktap_note("%u tables mapped", count);
	EXPECT_GT(count, 20);
}

static long long number_in(const char *path)
{
	long long number = -1;
	FILE *file = fopen(path, "r");

	ASSERT_TRUE(file);
	ASSERT_EQ(fscanf(file, "%lld", &number), 1);
	fclose(file);
	return number;
}

/* charged_target() - a process of the group, with memory charged to it */
static pid_t charged_target(const char *procs, unsigned char *at)
{
	int ready[2], fd;
	pid_t pid;

	ASSERT_OK(pipe(ready));
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		fd = open(procs, O_WRONLY);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(1);
		/* What is charged is allocated from here on. */
		if (fork())
			_exit(0);
		memset(at, 2, page_size);
		pid = getpid();
		if (write(ready[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_TRUE(waitpid(pid, NULL, 0) == pid);
	ASSERT_EQ(read(ready[0], &pid, sizeof(pid)), sizeof(pid));
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* Hundreds of dead targets leave no charge: a page of each would be 1.6 MiB. */
TEST_SECONDS(no_charge_is_left, 180)
{
	static const char group[] = "/sys/fs/cgroup/pgtbl_test";
	static const char current[] = "/sys/fs/cgroup/pgtbl_test/memory.current";
	unsigned char *at = anon(1);
	unsigned int i, levels = 0;
	int fd, tries;

	*at = 1;
	fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY);
	if (fd < 0 || write(fd, "+memory", 7) != 7 ||
	    (mkdir(group, 0755) && errno != EEXIST))
		ktap_skip("no memory cgroups");
	close(fd);
	window = pgtbl_window(dev, PGTBL_NR_LEVELS, PROT_READ);
	ASSERT_TRUE(window);
	/* The targets are grandchildren: what is charged for a zombie shall go. */
	ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (i = 0; i < 400; i++) {
		pid_t pid = charged_target("/sys/fs/cgroup/pgtbl_test/cgroup.procs",
					   at);

		levels += show_all_levels(pid, (uintptr_t)at, window);
		kill(pid, SIGKILL);
		ASSERT_TRUE(waitpid(pid, NULL, 0) == pid);
	}
	EXPECT_GE(levels, 800);
	ASSERT_OK(munmap(window, PGTBL_NR_LEVELS * page_size));
	for (tries = 0; tries < 100 && number_in(current) >= 1 << 20; tries++)
		usleep(50000);
	EXPECT_LT(number_in(current), 1 << 20);
	rmdir(group);
}
