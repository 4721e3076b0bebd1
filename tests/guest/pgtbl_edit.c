// SPDX-License-Identifier: GPL-2.0-only
/* UPDATE and FLUSH: entries change, on every CPU, and change back. */
// vm: smp=4 mem=512 append=page_poison=1 timeout=120
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "lib/storm.h"
#include "pgtbl_test.h"

TEST(accessed_is_set_again_by_use)
{
	unsigned char *at = anon(1);
	uint64_t entry;
	volatile unsigned char sink;

	*at = 1;
	entry = entry_of(0, at);
	ASSERT_TRUE(has(at, "accessed"));
	EXPECT_EQ(edit(0, at, entry, with(entry, "accessed", false)), 1);
	EXPECT_TRUE(!has(at, "accessed"));
	sink = *at;
	(void)sink;
	EXPECT_TRUE(has(at, "accessed"));
}

TEST(write_right_comes_back_when_needed)
{
	unsigned char *at = anon(1);
	uint64_t entry, pfn = 0;

	*at = 1;
	entry = entry_of(0, at);
	pgtbl_decode(dev, PGTBL_PTE, entry, (__u64 *)&pfn);
	EXPECT_EQ(edit(0, at, entry, read_only(entry)), 1);
	EXPECT_TRUE(!has(at, "write"));
	*at = 2;
	EXPECT_EQ(*at, 2);
	EXPECT_TRUE(has(at, "write"));
	EXPECT_EQ(PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at)), pfn);
}

TEST(compare_fails_with_the_entry_as_it_is)
{
	unsigned char *at = anon(1);
	struct pgtbl_edit one = { .level = PGTBL_PTE };
	uint64_t entry;

	*at = 1;
	entry = entry_of(0, at);
	one.addr = (uintptr_t)at;
	one.old_entry = with(entry, "accessed", false);
	one.new_entry = read_only(one.old_entry);
	EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EAGAIN);
	EXPECT_EQ(one.error, EAGAIN);
	EXPECT_EQ(one.old_entry, entry);
	EXPECT_EQ(entry_of(0, at), entry);
}

TEST(batch_stops_at_the_first_failure)
{
	unsigned char *at = anon(4);
	struct pgtbl_edit edits[4];
	unsigned int i;

	memset(at, 1, 4 * page_size());
	for (i = 0; i < 4; i++) {
		uint64_t entry = entry_of(0, at + i * page_size());

		edits[i] = (struct pgtbl_edit){
			.addr = (uintptr_t)at + i * page_size(),
			.old_entry = i == 2 ? 0x123456 : entry,
			.new_entry = i == 2 ? 0x123456 :
				with(entry, "accessed", false),
			.level = PGTBL_PTE,
		};
	}
	EXPECT_EQ(pgtbl_update_entries(dev, 0, edits, 4), 2);
	EXPECT_EQ(errno, EAGAIN);
	EXPECT_TRUE(!has(at + page_size(), "accessed"));
	EXPECT_TRUE(has(at + 3 * page_size(), "accessed"));
}

TEST(undone_at_close)
{
	unsigned char *at = anon(1);
	uint64_t entry;

	*at = 1;
	entry = entry_of(0, at);
	EXPECT_EQ(edit(0, at, entry,
		       with(read_only(entry), "accessed", false)), 1);
	EXPECT_TRUE(entry_of(0, at) != entry);
	reopen_dev();
	EXPECT_TRUE(has(at, "accessed"));
	EXPECT_TRUE(has(at, "write"));
	EXPECT_EQ(*at, 1);
}

/* An edit of what was edited before does not make the first one forgotten. */
TEST(undone_after_a_second_edit)
{
	unsigned char *at = anon(1);
	uint64_t entry, idle;

	*at = 1;
	entry = entry_of(0, at);
	idle = with(entry, "accessed", false);
	ASSERT_TRUE(idle != entry);
	EXPECT_EQ(edit(0, at, entry, idle), 1);
	EXPECT_EQ(edit(0, at, idle, idle), 1);
	EXPECT_EQ(entry_of(0, at), idle);
	reopen_dev();
	EXPECT_EQ(entry_of(0, at), entry);
}

/* After a fork the page is shared: writing must not be given back. */
TEST(undo_respects_sharing)
{
	unsigned char *at = anon(1);
	uint64_t entry;
	int go[2], done[2], status;
	char byte;
	pid_t pid;

	*at = 1;
	entry = entry_of(0, at);
	EXPECT_EQ(edit(0, at, entry, read_only(entry)), 1);
	ASSERT_OK(pipe(go));
	ASSERT_OK(pipe(done));
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		/* The device is open here too; let the parent close last. */
		pgtbl_close(dev);
		if (read(go[0], &byte, 1) != 1)
			_exit(9);
		_exit(*at);
	}
	reopen_dev();
	*at = 2;
	ASSERT_EQ(write(go[1], "", 1), 1);
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
	EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(target_dies_before_close)
{
	unsigned char *at = anon(1);
	uint64_t entry;
	pid_t pid;

	*at = 1;
	pid = start_child(NULL, NULL);
	entry = entry_of(pid, at);
	EXPECT_EQ(edit(pid, at, entry, with(entry, "accessed", false)), 1);
	stop_child(pid);
	reopen_dev();
}

static atomic_int stop_readers;
static unsigned char *watched;

static void *reader(void *arg)
{
	unsigned long sum = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((long)arg, &set);
	sched_setaffinity(0, sizeof(set), &set);
	while (!atomic_load(&stop_readers))
		sum += *(volatile unsigned char *)watched;
	return (void *)sum;
}

/* With readers on every CPU: whoever reads after the edit sets the bit anew. */
TEST_SECONDS(flushed_on_every_cpu, 120)
{
	pthread_t threads[8];
	long i, count = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int round, rounds = how_often(60, 12), seen = 0;

	watched = anon(1);
	*watched = 1;
	for (i = 0; i < count && i < 8; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, reader,
					 (void *)i), 0);
	for (round = 0; round < rounds; round++) {
		uint64_t entry = entry_of(0, watched);
		unsigned int tries;

		if (edit(0, watched, entry,
			 with(entry, "accessed", false)) != 1)
			continue;
		for (tries = 0; tries < 1000 && !has(watched, "accessed"); tries++)
			usleep(50);
		seen += tries < 1000;
		EXPECT_LT(tries, 1000);
	}
	EXPECT_GT(seen, rounds / 2);
	atomic_store(&stop_readers, 1);
	for (i = 0; i < count && i < 8; i++)
		pthread_join(threads[i], NULL);
}

static const struct { const char *name; const char *flag; bool set; } unsafe[] = {
	{ "present", "present", false },
	{ "user", "user", false },
	{ "special", "special", true },
	{ "prot_none", "prot-none", true },
};

TEST_EACH(needs_unsafe_write, const void *, unsafe)
{
	const __typeof__(unsafe[0]) *change = each;
	unsigned char *at = anon(1);
	uint64_t entry;

	if (pgtbl_get_info(dev)->features & PGTBL_FEATURE_UNSAFE_WRITE)
		ktap_skip("loaded with unsafe_write=1");
	*at = 1;
	entry = entry_of(0, at);
	EXPECT_ERRNO(edit(0, at, entry, with(entry, change->flag,
					     change->set)), EPERM);
	EXPECT_EQ(entry_of(0, at), entry);
}

TEST(needs_unsafe_write_for_frames)
{
	unsigned char *at = anon(2);
	uint64_t entry;

	if (pgtbl_get_info(dev)->features & PGTBL_FEATURE_UNSAFE_WRITE)
		ktap_skip("loaded with unsafe_write=1");
	memset(at, 1, 2 * page_size());
	entry = entry_of(0, at);
	EXPECT_ERRNO(edit(0, at, entry, entry_of(0, at + page_size())), EPERM);
	EXPECT_ERRNO(edit(0, at, entry, 0), EPERM);
	EXPECT_TRUE(mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
			 pgtbl_fd(dev), 0) == MAP_FAILED);
	EXPECT_EQ(errno, EPERM);
}

/* Without the right to write in the mapping, or with shared pages. */
TEST(no_right_to_write_can_be_added)
{
	unsigned char *at = anon(1);
	volatile unsigned char sink = *at;
	uint64_t entry = entry_of(0, at);

	(void)sink;
	if (pgtbl_get_info(dev)->features & PGTBL_FEATURE_UNSAFE_WRITE)
		ktap_skip("loaded with unsafe_write=1");
	EXPECT_ERRNO(edit(0, at, entry, with(entry, "write", true)), EPERM);
	EXPECT_ERRNO(edit(0, at, entry, with(with(entry, "write", true),
					     "read-only", false)), EPERM);
}

TEST(bad_arguments)
{
	unsigned char *at = anon(2);
	struct pgtbl_edit one = { .level = PGTBL_PTE };
	struct pgtbl_update args = {
		.size = sizeof(args),
		.edits = (uintptr_t)&one,
	};

	*at = 1;
	one.addr = (uintptr_t)at;
	one.old_entry = entry_of(0, at);
	one.new_entry = with(one.old_entry, "accessed", false);
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_UPDATE, &args), EINVAL);
	args.count = PGTBL_EDITS_MAX + 1;
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_UPDATE, &args), EINVAL);
	args.count = ~0u;
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_UPDATE, &args), EINVAL);
	args.count = 1;
	args.reserved = 1;
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_UPDATE, &args), EINVAL);
	args.reserved = 0;
	args.edits = 0;
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_UPDATE, &args), EFAULT);

	one.addr++;
	EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EINVAL);
	one.addr = pgtbl_get_info(dev)->user_end;
	EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EINVAL);
	one.addr = -page_size();
	EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EINVAL);
	one.addr = (uintptr_t)at;
	one.level = PGTBL_PGD;
	EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EOPNOTSUPP);
	one.level = 77;
	EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EOPNOTSUPP);
	one.level = PGTBL_PTE;
	ASSERT_OK(munmap(at, page_size()));
	EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), ENXIO);
}

TEST(editing_needs_rawio)
{
	unsigned char *at = anon(1);
	uint64_t entry;

	*at = 1;
	entry = entry_of(0, at);
	ASSERT_OK(setuid(65534));
	EXPECT_ERRNO(edit(0, at, entry, with(entry, "accessed", false)), EPERM);
	EXPECT_EQ(entry_of(0, at), entry);
}

TEST(flush_arguments)
{
	unsigned char *at = anon(1);
	uintptr_t addr = (uintptr_t)at;
	uint64_t end = pgtbl_get_info(dev)->user_end;

	EXPECT_OK(pgtbl_flush_range(dev, 0, addr, addr + page_size()));
	EXPECT_OK(pgtbl_flush_range(dev, 0, 0, end & -page_size()));
	EXPECT_ERRNO(pgtbl_flush_range(dev, 0, addr, addr), EINVAL);
	EXPECT_ERRNO(pgtbl_flush_range(dev, 0, addr + page_size(), addr), EINVAL);
	EXPECT_ERRNO(pgtbl_flush_range(dev, 0, addr + 1, addr + page_size()),
		     EINVAL);
	EXPECT_ERRNO(pgtbl_flush_range(dev, 0, addr, ~0ull << 12), EINVAL);
	EXPECT_ERRNO(pgtbl_flush_range(dev, 2, addr, addr + page_size()), ESRCH);
}
