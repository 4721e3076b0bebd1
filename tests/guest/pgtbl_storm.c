// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows that outlive what they show: targets that unmap, exec, exit and are
 * killed while their tables are mapped, by the thousand in all guests together,
 * on four CPUs. Nothing foreign is ever readable, and nothing is left behind.
 * Freed memory is poisoned. STORM=N in the environment: N times as many.
 */
// vm: smp=4 mem=512 append=page_poison=1 timeout=400
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/storm.h"
#include "pgtbl_test.h"

/* What targets write to their pages, freed pages, and freed objects hold. */
static const uint32_t foreign[] = { 0x5a5a5a5a, 0xaaaaaaaa, 0x6b6b6b6b };

/* all_zero() - nothing in a page */
static bool all_zero(const unsigned char *page)
{
	const uint32_t *word = (const void *)page;
	size_t i;

	for (i = 0; i < page_size() / sizeof(*word); i++)
		if (__atomic_load_n(word + i, __ATOMIC_RELAXED))
			return false;
	return true;
}

/* looks_right() - no word of a page is what a table never holds */
static bool looks_right(const unsigned char *page)
{
	const uint32_t *word = (const void *)page;
	size_t i, k;

	for (i = 0; i < page_size() / sizeof(*word); i++) {
		uint32_t now = __atomic_load_n(word + i, __ATOMIC_RELAXED);

		for (k = 0; now && k < KTAP_ARRAY_SIZE(foreign); k++)
			if (now == foreign[k]) {
				ktap_note("word %zu is %#x", i, now);
				return false;
			}
	}
	return true;
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
				       pages + count * page_size()))
			count++;
	}
	return count;
}

static unsigned int nr_levels(void)
{
	return __builtin_popcount(pgtbl_get_info(dev)->levels);
}

/*
 * What is left of a dead process: no entries in the tables below the top (the
 * kernel clears them before it frees a table), and none of other processes
 * later, however much memory is used for other things.
 */
TEST_SECONDS(dead_tables_stay_empty, 120)
{
	unsigned char *at = anon(4), *junk, *window;
	unsigned int i, level, round, levels = nr_levels(), targets = how_often(50, 15);
	size_t size = (size_t)48 << 20;

	memset(at, 1, 4 * page_size());
	window = pgtbl_window(dev, targets * PGTBL_NR_LEVELS, PROT_READ);
	ASSERT_TRUE(window);
	for (i = 0; i < targets; i++) {
		pid_t pid = start_child(NULL, NULL);

		EXPECT_EQ(show_all_levels(pid, (uintptr_t)at,
					  window + i * PGTBL_NR_LEVELS *
					  page_size()), levels);
		stop_child(pid);
	}
	for (round = 0; round < 2; round++) {
		junk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		ASSERT_TRUE(junk != MAP_FAILED);
		memset(junk, 0x5a, size);
		ASSERT_OK(munmap(junk, size));
		for (i = 0; i < targets; i++)
			for (level = 1; level < levels; level++)
				if (!all_zero(window +
					      (i * PGTBL_NR_LEVELS + level) *
					      page_size()))
					ktap_fail(__FILE__, __LINE__, 0,
						  "target %u level %u: not empty",
						  i, level);
	}
}

enum end { BY_EXIT, BY_EXEC, BY_KILL, BY_SIGNAL, NR_ENDS };

#define SLOTS	4u

/**
 * struct slot - a place where one target after another lives
 * @target: its pid, 0: none
 * @shown: the pid of the last target of which tables are mapped
 */
struct slot {
	_Atomic pid_t target;
	_Atomic pid_t shown;
};

/**
 * struct shared - what breeders, targets and mappers have in common
 * @enough: how many ends of each kind are wanted
 * @done: there were
 * @unmaps: tables taken away by munmap() from targets while they were shown
 * @ends: targets that ended while tables of theirs were shown, by kind
 * @tables: tables mapped
 * @bad: something was seen that must not be
 * @slots: one for each breeder
 */
static struct shared {
	unsigned int enough;
	atomic_int done;
	atomic_uint unmaps;
	atomic_uint ends[NR_ENDS];
	atomic_uint tables;
	atomic_int bad;
	struct slot slots[SLOTS];
} *shared;

static unsigned char *ground;
static size_t ground_size;

/* make_and_unmake() - a table comes, has entries, and goes */
static void make_and_unmake(void)
{
	unsigned char *at = mmap(ground, ground_size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	size_t pos;

	for (pos = 0; pos < ground_size; pos += ground_size / 4)
		memset(at + pos, 0x5a, 64);
	munmap(at, ground_size);
}

/* churn() - a target: lives until its tables are shown, then a bit longer */
static void churn(struct slot *slot, enum end end)
{
	pid_t self = getpid();
	unsigned int i, last = 0;

	for (i = 0; last < 3; i++) {
		bool shown = atomic_load(&slot->shown) == self;

		make_and_unmake();
		if (shown)
			atomic_fetch_add(&shared->unmaps, 1);
		last += shown || atomic_load(&shared->done);
	}
	switch (end) {
	case BY_EXEC:
		execl("/bin/true", "true", NULL);
		_exit(1);
	case BY_KILL:
		kill(self, SIGKILL);
		break;
	case BY_SIGNAL:
		/* The breeder's comes at any moment. */
		for (;;)
			make_and_unmake();
	default:
		break;
	}
	_exit(0);
}

/* breed() - targets one after the other, until there were enough */
static void breed(struct slot *slot, unsigned int seed)
{
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!atomic_load(&shared->done)) {
		enum end end = seed++ % NR_ENDS;

		pid = fork();
		if (!pid)
			churn(slot, end);
		if (pid < 0)
			_exit(1);
		atomic_store(&slot->target, pid);
		if (end == BY_SIGNAL) {
			while (atomic_load(&slot->shown) != pid &&
			       !atomic_load(&shared->done))
				sched_yield();
			kill(pid, SIGKILL);
		}
		if (waitpid(pid, NULL, 0) != pid)
			_exit(1);
		if (atomic_load(&slot->shown) == pid)
			atomic_fetch_add(&shared->ends[end], 1);
	}
	_exit(0);
}

/* A window has room for one target of each slot, whose tables stay in it. */
static void *mapper(void *arg)
{
	unsigned char *window = pgtbl_window(dev, SLOTS * PGTBL_NR_LEVELS,
					     PROT_READ);
	unsigned int nr = (uintptr_t)arg, i, counts[SLOTS] = { 0 };
	pid_t last[SLOTS] = { 0 };

	ASSERT_TRUE(window);
	while (!atomic_load(&shared->done)) {
		struct slot *slot = &shared->slots[++nr % SLOTS];
		unsigned char *pages = window + nr % SLOTS * PGTBL_NR_LEVELS *
			page_size();
		unsigned int *count = &counts[nr % SLOTS];
		pid_t pid = atomic_load(&slot->target);

		if (pid != last[nr % SLOTS]) {
			*count = show_all_levels(pid, (uintptr_t)ground, pages);
			atomic_fetch_add(&shared->tables, *count);
			if (*count) {
				last[nr % SLOTS] = pid;
				atomic_store(&slot->shown, pid);
			}
		}
		for (i = 0; i < *count; i++)
			if (!looks_right(pages + i * page_size()))
				atomic_store(&shared->bad, 1);
		sched_yield();
	}
	return NULL;
}

/* enough() - of all kinds of ends */
static bool enough(void)
{
	unsigned int end;

	for (end = 0; end < NR_ENDS; end++)
		if (atomic_load(&shared->ends[end]) < shared->enough)
			return false;
	return true;
}

TEST_SECONDS(targets_that_end, 180)
{
	pthread_t mappers[SLOTS];
	pid_t breeders[SLOTS];
	uintptr_t i;
	int status;

	/* Two tables, so that one of them is the target's alone. */
	ground_size = (size_t)8 << 20;
	ground = mmap(NULL, 2 * ground_size, PROT_NONE, MAP_PRIVATE |
		      MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(ground != MAP_FAILED);
	ground += -(uintptr_t)ground & (ground_size - 1);
	only_small_pages();
	shared = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED |
		      MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(shared != MAP_FAILED);
	shared->enough = how_often(40, 8);
	for (i = 0; i < SLOTS; i++) {
		breeders[i] = fork();
		ASSERT_TRUE(breeders[i] >= 0);
		if (!breeders[i])
			breed(&shared->slots[i], i);
	}
	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(pthread_create(&mappers[i], NULL, mapper, (void *)i),
			  0);
	/* If it never is, this test's time ends. */
	while (!enough() && !atomic_load(&shared->bad))
		usleep(50000);
	atomic_store(&shared->done, 1);
	for (i = 0; i < SLOTS; i++) {
		pthread_join(mappers[i], NULL);
		ASSERT_TRUE(waitpid(breeders[i], &status, 0) == breeders[i]);
		EXPECT_EQ(status, 0);
	}
	EXPECT_TRUE(!atomic_load(&shared->bad));
	for (i = 0; i < NR_ENDS; i++)
		EXPECT_GE(atomic_load(&shared->ends[i]), shared->enough);
	EXPECT_GE(atomic_load(&shared->unmaps), shared->enough);
	EXPECT_GE(atomic_load(&shared->tables), NR_ENDS * shared->enough);
	ktap_note("%u tables mapped, %u unmapped, ends %u %u %u %u",
		  atomic_load(&shared->tables), atomic_load(&shared->unmaps),
		  atomic_load(&shared->ends[0]), atomic_load(&shared->ends[1]),
		  atomic_load(&shared->ends[2]), atomic_load(&shared->ends[3]));
}

#define GROUP	"/sys/fs/cgroup/pgtbl_test"

/* join_group() - false: no memory cgroups here */
static bool join_group(void)
{
	int fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY);
	bool there = fd >= 0 && write(fd, "+memory", 7) == 7 &&
		(!mkdir(GROUP, 0755) || errno == EEXIST);

	close(fd);
	if (there)
		write_text(GROUP "/cgroup.procs", "0");
	return there;
}

/* charged_targets() - a process for every byte that is asked for */
static void charged_targets(unsigned char *at, int ask, int tell)
{
	char byte;

	if (!join_group())
		_exit(1);
	/* From here on, what is allocated is charged to the group. */
	while (read(ask, &byte, 1) == 1) {
		pid_t pid = fork();

		if (!pid) {
			memset(at, 2, page_size());
			pid = getpid();
			if (write(tell, &pid, sizeof(pid)) != sizeof(pid))
				_exit(1);
			for (;;)
				pause();
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			_exit(1);
		if (write(tell, &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
	}
	_exit(0);
}

/* Dead targets leave no charge: a page of each would be 4 MiB, or 1.5. */
TEST_SECONDS(no_charge_is_left, 180)
{
	unsigned char *at = filled(1, 1), *window;
	unsigned int i, tables = 0, levels = nr_levels(), charged = how_often(1000, 384);
	long before = 0, after = 0;
	int ask[2], tell[2], tries;
	pid_t zygote, pid;

	ASSERT_OK(pipe2(ask, O_CLOEXEC));
	ASSERT_OK(pipe2(tell, O_CLOEXEC));
	zygote = fork();
	ASSERT_TRUE(zygote >= 0);
	if (!zygote) {
		close(ask[1]);
		charged_targets(at, ask[0], tell[1]);
	}
	close(tell[1]);
	window = pgtbl_window(dev, PGTBL_NR_LEVELS, PROT_READ);
	ASSERT_TRUE(window);
	for (i = 0; i < charged + 20; i++) {
		if (i == 20)
			before = read_number(GROUP "/memory.current");
		ASSERT_EQ(write(ask[1], "", 1), 1);
		ASSERT_EQ(read(tell[0], &pid, sizeof(pid)), sizeof(pid));
		tables += show_all_levels(pid, (uintptr_t)at, window);
		kill(pid, SIGKILL);
		ASSERT_EQ(read(tell[0], &pid, sizeof(pid)), sizeof(pid));
	}
	EXPECT_EQ(tables, (charged + 20) * levels);
	ASSERT_OK(munmap(window, PGTBL_NR_LEVELS * page_size()));
	EXPECT_GT(before, 0);
	for (tries = 0; tries < 100; tries++) {
		after = read_number(GROUP "/memory.current");
		if (after < before + (1 << 20))
			break;
		usleep(50000);
	}
	EXPECT_LT(after, before + (1 << 20));
	close(ask[1]);
	ASSERT_TRUE(waitpid(zygote, NULL, 0) == zygote);
	for (tries = 0; tries < 100 && rmdir(GROUP); tries++)
		usleep(10000);
}
