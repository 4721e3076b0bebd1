// SPDX-License-Identifier: GPL-2.0-only
/*
 * Edits that only unsafe_write=1 allows: frames put into page tables by hand.
 * They work, and whoever ends or unmaps first, the kernel never finds them.
 */
// vm: smp=4 mem=512 module-args=unsafe_write=1 append=page_poison=1
#include <linux/userfaultfd.h>
#include <pthread.h>

#include "pgtbl_test.h"

#define PAGES	16u

TEST(frame_is_exchanged_and_comes_back)
{
	unsigned char *at = filled(1, 'a'), *donor = filled(1, 'x');

	need_unsafe();
	EXPECT_EQ(edit(0, at, entry_of(0, at), entry_of(0, donor)), 1);
	EXPECT_EQ(*at, 'x');
	*at = 'y';
	EXPECT_EQ(*donor, 'y');
	reopen_dev();
	EXPECT_EQ(*at, 'a');
	EXPECT_EQ(*donor, 'y');
}

TEST(frame_stays_after_its_donor)
{
	unsigned char *at = filled(2, 'a'), *donor = filled(1, 'x');

	need_unsafe();
	EXPECT_EQ(edit(0, at, entry_of(0, at), entry_of(0, donor)), 1);
	ASSERT_OK(munmap(donor, page_size()));
	memset(anon(512), 0x5a, 512 * page_size());
	EXPECT_EQ(at[100], 'x');
	reopen_dev();
	EXPECT_EQ(at[100], 'a');
}

TEST(taken_back_by_hand)
{
	unsigned char *at = filled(1, 'a'), *donor = filled(1, 'x');
	uint64_t old = entry_of(0, at);

	need_unsafe();
	EXPECT_EQ(edit(0, at, old, entry_of(0, donor)), 1);
	EXPECT_EQ(edit(0, at, entry_of(0, at), old), 1);
	EXPECT_EQ(*at, 'a');
	EXPECT_EQ(entry_of(0, donor) != 0, 1);
}

static bool dies_when_it_writes(volatile unsigned char *at)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		*at = 'b';
		_exit(0);
	}
	ASSERT_TRUE(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/* More than mprotect() has left it, until the file is closed. */
TEST(more_rights_to_the_same_page)
{
	volatile unsigned char *at = filled(1, 'a');
	uint64_t writable = entry_of(0, (void *)at), entry;

	need_unsafe();
	ASSERT_OK(mprotect((void *)at, page_size(), PROT_READ));
	entry = entry_of(0, (void *)at);
	EXPECT_EQ(edit(0, (void *)at, entry, writable), 1);
	*at = 'b';
	reopen_dev();
	EXPECT_EQ(read_only(entry_of(0, (void *)at)), read_only(entry));
	EXPECT_TRUE(dies_when_it_writes(at));
	EXPECT_EQ(*at, 'b');
}

/* Close undoes both: the page is the first one, whatever of it was changed before. */
TEST(frame_is_exchanged_behind_a_harmless_edit)
{
	unsigned char *at = filled(1, 'a'), *donor = filled(1, 'x');
	uint64_t entry = entry_of(0, at), idle = with(entry, "accessed", false);

	need_unsafe();
	EXPECT_EQ(edit(0, at, entry, idle), 1);
	EXPECT_EQ(edit(0, at, idle, entry_of(0, donor)), 1);
	EXPECT_EQ(*at, 'x');
	reopen_dev();
	EXPECT_EQ(*at, 'a');
	EXPECT_EQ(*donor, 'x');
}

/* The kernel would give access to such an entry's page by itself. */
TEST(invalid_entry_of_another_page_is_refused)
{
	unsigned char *at = filled(1, 'a'), *donor = filled(1, 'x');
	uint64_t entry = entry_of(0, at);

	need_unsafe();
	ASSERT_OK(mprotect(donor, page_size(), PROT_NONE));
	EXPECT_ERRNO(edit(0, at, entry, entry_of(0, donor)), EOPNOTSUPP);
	EXPECT_EQ(entry_of(0, at), entry);
	EXPECT_EQ(*at, 'a');
}

/* What the kernel is about to take away must be what it put there. */
static const struct happening {
	const char *name;
	int kind;
} happenings[] = {
	{ "munmap", 0 }, { "dontneed", 1 }, { "mprotect", 2 },
	{ "mremap", 3 }, { "fork", 4 }, { "exit", 5 },
};

TEST_EACH(kernel_never_finds_it, const struct happening *, happenings)
{
	unsigned char *at = filled(4, 'a'), *donor = filled(4, 'w');
	unsigned char *to;
	unsigned int i;
	int status;
	pid_t pid;

	need_unsafe();
	for (i = 0; i < 4; i++)
		EXPECT_EQ(edit(0, at + i * page_size(),
			       entry_of(0, at + i * page_size()),
			       entry_of(0, donor + i * page_size())), 1);
	EXPECT_EQ(at[page_size()], 'x');
	switch (each->kind) {
	case 0:
		ASSERT_OK(munmap(at, 2 * page_size()));
		EXPECT_EQ(at[2 * page_size()], 'y');
		break;
	case 1:
		ASSERT_OK(madvise(at, 2 * page_size(), MADV_DONTNEED));
		EXPECT_EQ(at[0], 0);
		EXPECT_EQ(at[2 * page_size()], 'y');
		break;
	case 2:
		ASSERT_OK(mprotect(at, 2 * page_size(), PROT_READ));
		EXPECT_EQ(at[0], 'a');
		EXPECT_EQ(at[page_size()], 'b');
		break;
	case 3:
		to = mremap(at, 4 * page_size(), 4 * page_size(),
			    MREMAP_MAYMOVE | MREMAP_FIXED, anon(4));
		ASSERT_TRUE(to != MAP_FAILED);
		EXPECT_EQ(to[0], 'a');
		break;
	case 4:
		pid = fork();
		ASSERT_TRUE(pid >= 0);
		if (!pid)
			_exit(at[0] == 'a' && at[3 * page_size()] == 'd' ? 0 : 1);
		ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
		EXPECT_EQ(status, 0);
		EXPECT_EQ(at[0], 'a');
		break;
	}
	for (i = 0; i < 4; i++)
		EXPECT_EQ(donor[i * page_size()], 'w' + i);
}

/* Either process ends first; the other has what it is entitled to. */
TEST(target_is_killed)
{
	unsigned char *at = filled(4, 'a'), *donor = filled(4, 'w');
	pid_t pid = start_child(NULL, NULL);
	unsigned int i;

	need_unsafe();
	for (i = 0; i < 4; i++)
		EXPECT_EQ(edit(pid, at + i * page_size(),
			       entry_of(pid, at + i * page_size()),
			       entry_of(0, donor + i * page_size())), 1);
	stop_child(pid);
	EXPECT_EQ(donor[0], 'w');
}

TEST(editor_is_killed)
{
	unsigned char *at = filled(4, 'a');
	int status;
	pid_t pid;

	need_unsafe();
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		unsigned char *donor = filled(4, 'w');
		pid_t parent = getppid();

		dev = pgtbl_open();
		if (edit(parent, at, entry_of(parent, at), entry_of(0, donor)) != 1)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
	EXPECT_EQ(WTERMSIG(status), SIGKILL);
	EXPECT_EQ(*at, 'a');
}

TEST(frames_that_are_refused)
{
	unsigned char *at = filled(1, 'a'), *zero = anon(1);
	uint64_t entry = entry_of(0, at), pfn, table;
	volatile unsigned char sink = *zero;

	(void)sink;
	need_unsafe();
	pgtbl_decode(dev, PGTBL_PTE, entry, (__u64 *)&pfn);
	table = table_of(0, (uintptr_t)at, PGTBL_PTE);
	/* A table, frame 0, beyond memory. */
	EXPECT_ERRNO(edit(0, at, entry, entry - pfn * page_size() +
			  table * page_size()), EINVAL);
	EXPECT_ERRNO(edit(0, at, entry, entry - pfn * page_size()), EINVAL);
	EXPECT_ERRNO(edit(0, at, entry, entry - pfn * page_size() +
			  0xfffffull * page_size()), EINVAL);
	/* Counted there: may be exchanged, not taken away. */
	EXPECT_ERRNO(edit(0, at, entry, 0), EOPNOTSUPP);
	/* The page of zeros is everyone's. */
	EXPECT_ERRNO(edit(0, at, entry, entry_of(0, zero)), EOPNOTSUPP);
	EXPECT_EQ(entry_of(0, at), entry);
	EXPECT_EQ(*at, 'a');
}

/* Not even then does anyone get to write to the page of zeros. */
TEST(page_of_zeros_is_never_writable)
{
	unsigned char *zero = anon(1);
	volatile unsigned char sink = *zero;
	uint64_t entry = entry_of(0, zero);

	(void)sink;
	need_unsafe();
	EXPECT_ERRNO(edit(0, zero, entry, with(entry, "write", true)), EPERM);
	EXPECT_EQ(entry_of(0, zero), entry);
	*zero = 'a';
	EXPECT_EQ(*zero, 'a');
	EXPECT_NE(entry_of(0, zero), entry);
	EXPECT_EQ(*(volatile unsigned char *)anon(1), 0);
}

/*
 * The original pager: tables mapped with the classic call, the donor's frame
 * found by walking them, the entry of the faulting address written by hand.
 */
static void *map_table(pid_t pid, unsigned int level, unsigned long pfn)
{
	void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(page != MAP_FAILED);
	ASSERT_OK(remap_page_table(pid, (unsigned long)page, pfn, level));
	return page;
}

/* pte_table() - the mapped PTE table of an address */
static void *pte_table(pid_t pid, const void *at)
{
	unsigned int level = PGTBL_PGD;
	__u64 pfn = 0;

	for (;;) {
		void *table = map_table(pid, level, pfn);

		if (level == PGTBL_PTE)
			return table;
		pgtbl_decode(dev, level,
			     pgtbl_entry(dev, table,
					 pgtbl_index(dev, level,
						     (uintptr_t)at)), &pfn);
		munmap(table, page_size());
		ASSERT_NE(pfn, 0);
		level = pgtbl_next_level(dev, level);
	}
}

static void write_pte(pid_t pid, const void *at, const void *donor)
{
	void *from = pte_table(getpid(), donor), *to = pte_table(pid, at);
	uint64_t entry = pgtbl_entry(dev, from,
				     pgtbl_index(dev, PGTBL_PTE,
						 (uintptr_t)donor));

	write_entry(to, at, entry);
	munmap(from, page_size());
	munmap(to, page_size());
}

static unsigned int faults;

static void *classic_pager(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		uintptr_t addr = msg.arg.pagefault.address & -page_size();
		struct uffdio_range range = { addr, page_size() };

		write_pte(getpid(), (void *)addr,
			  filled(1, 'A' + addr / page_size() % PAGES));
		faults++;
		ASSERT_OK(ioctl(fd, UFFDIO_WAKE, &range));
	}
	return NULL;
}

static void *serve(unsigned char *at)
{
	static pthread_t thread;
	static int fd;
	unsigned int i;

	fd = uffd_for(at, PAGES);
	ASSERT_EQ(pthread_create(&thread, NULL, classic_pager, &fd), 0);
	for (i = 0; i < PAGES; i++) {
		unsigned int nr = ((uintptr_t)at / page_size() + i) % PAGES;

		EXPECT_EQ(at[i * page_size()], 'A' + nr);
		at[i * page_size()] = 'z';
		EXPECT_EQ(at[i * page_size()], 'z');
	}
	EXPECT_EQ(faults, PAGES);
	return NULL;
}

TEST(classic_pager_ends_without_cleaning_up)
{
	need_unsafe();
	serve(anon(PAGES));
	/* That is all: no entry is taken back by hand. */
}

TEST(classic_pager_unmaps_without_cleaning_up)
{
	unsigned char *at = anon(PAGES);

	need_unsafe();
	serve(at);
	ASSERT_OK(munmap(at, PAGES * page_size()));
}

TEST(classic_pager_of_another_process)
{
	unsigned char *at = anon(PAGES);
	int sync[2], i;
	char byte;
	pid_t pid;

	need_unsafe();
	ASSERT_OK(pipe(sync));
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		unsigned char *got;

		/* A neighbour makes the table; then wait for the entries. */
		at[0] = 1;
		if (write(sync[1], "r", 1) != 1)
			_exit(1);
		for (got = at + page_size(); ; ) {
			volatile unsigned char *probe = got;

			usleep(1000);
			if (kill(getppid(), 0))
				_exit(2);
			(void)probe;
		}
	}
	ASSERT_EQ(read(sync[0], &byte, 1), 1);
	for (i = 1; i < 8; i++) {
		write_pte(pid, at + i * page_size(), filled(1, 'A' + i));
		EXPECT_TRUE(pagemap_of(pid, (uintptr_t)at + i * page_size()) &
			    PAGEMAP_PRESENT);
	}
	stop_child(pid);
}

/* With a cache of mapped tables, nothing is unmapped after the store. */
TEST(store_in_a_kept_window)
{
	unsigned char *at = anon(2), *donor = filled(1, 'd');
	void *table;
	unsigned int tries;

	need_unsafe();
	at[page_size()] = 1;
	table = pte_table(getpid(), at);
	write_entry(table, at, entry_of(0, donor));
	for (tries = 0; tries < 1000 && !entry_of(0, at); tries++)
		usleep(1000);
	EXPECT_EQ(*at, 'd');
	/* And the window is live again. */
	ASSERT_OK(madvise(at, page_size(), MADV_DONTNEED));
	EXPECT_EQ(pgtbl_entry(dev, table, pgtbl_index(dev, PGTBL_PTE,
						      (uintptr_t)at)), 0);
}

/* What ends a store after a moment meets what ends it at munmap(). */
TEST(unmapped_when_the_moment_is_over)
{
	unsigned char *at = anon(2), *donor = filled(1, 'd');
	unsigned int round;

	need_unsafe();
	at[page_size()] = 1;
	for (round = 0; round < 50; round++) {
		void *table = pte_table(getpid(), at);

		write_entry(table, at, entry_of(0, donor));
		usleep(9000 + round % 10 * 500);
		ASSERT_OK(munmap(table, page_size()));
		EXPECT_EQ(*at, 'd');
		ASSERT_OK(madvise(at, page_size(), MADV_DONTNEED));
	}
}

TEST(top_level_is_never_written_to)
{
	void *table;
	int status;
	pid_t pid;

	need_unsafe();
	table = map_table(0, PGTBL_PGD, 0);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		table = map_table(0, PGTBL_PGD, 0);
		*(volatile uint32_t *)table = 0;
		_exit(0);
	}
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	munmap(table, page_size());
}
