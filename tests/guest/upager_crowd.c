// SPDX-License-Identifier: GPL-2.0-only
/* Many clients, many threads, many forks. */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=240
#include <pthread.h>
#include <sys/stat.h>

#include "upager_test.h"

static const struct way { const char *name; } ways[] = {
	{ "copy" }, { "pool" }, { "pte" },
};

#define CLIENTS	64
#define EACH	24u

TEST_EACH(many_clients, const struct way *, ways)
{
	/* one way shows what becomes of many, a few will do for the others */
	int clients = strcmp(each->name, "copy") ? CLIENTS / 4 : CLIENTS;
	pid_t pager = plain_pager(each->name), pids[CLIENTS];
	int i, status;

	fflush(stdout);
	for (i = 0; i < clients; i++) {
		pids[i] = fork();
		ASSERT_TRUE(pids[i] >= 0);
		if (!pids[i])
			_exit(wrong_pages(paged(EACH), EACH) ? 1 : 0);
	}
	for (i = 0; i < clients; i++) {
		ASSERT_EQ(waitpid(pids[i], &status, 0), pids[i]);
		EXPECT_EQ(status, 0);
	}
	await_clients(0);
	EXPECT_EQ(counted("pages"), clients * EACH);
	stop_pager(pager);
}

/*
 * 1,000 forks in a tree: each process reads a page that its parent has not, then
 * has two children: at first at the same time, then one after the other.
 */
#define DEPTH	9
#define WIDTH	3

static int grow(const unsigned char *at, unsigned int depth)
{
	int i, status;
	pid_t pids[2];

	if (!is_page(at + depth * page_len, letter_of(depth)))
		return 1;
	for (i = 0; i < 2 && depth < DEPTH; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			return 2;
		if (!pids[i])
			_exit(grow(at, depth + 1));
		if (depth >= WIDTH && (waitpid(pids[i], &status, 0) != pids[i] || status))
			return 3;
	}
	for (i = 0; i < 2 && depth < WIDTH; i++)
		if (waitpid(pids[i], &status, 0) != pids[i] || status)
			return 3;
	return 0;
}

TEST_SECONDS(tree_of_forks, 100)
{
	pid_t pager = plain_pager("copy");
	unsigned char *at = paged(PAGES);

	fflush(stdout);
	EXPECT_EQ(grow(at, 0), 0);
	EXPECT_EQ(counted("forks"), (2 << DEPTH) - 2);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	stop_pager(pager);
}

/* Threads on all CPUs race on the same pages; in the end all bytes are right. */
#define THREADS	8
#define WIDE	512u

struct racer {
	unsigned char *at;
	unsigned int number;
};

static void *race(void *arg)
{
	const struct racer *racer = arg;
	unsigned int i, at = racer->number;

	for (i = 0; i < WIDE; i++) {
		/* each in an order of its own, all on every page */
		at = (at + 2 * racer->number + 1) % WIDE;
		if (racer->number & 1)
			racer->at[at * page_len + racer->number] += racer->number;
		else
			(void)*(volatile unsigned char *)(racer->at + at * page_len);
	}
	return NULL;
}

TEST_EACH(racing_threads, const struct way *, ways)
{
	pid_t pager = run_pager((struct pager_config){
		.resolver = each->name, .keeper = true, .prefetch = 64, .follow = true,
	});
	unsigned char *at = paged(WIDE);
	struct racer racers[THREADS];
	pthread_t threads[THREADS];
	unsigned int i, k, bad = 0;

	for (i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){at, i};
		ASSERT_EQ(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < WIDE; i++)
		for (k = 0; k < page_len; k++)
			bad += at[i * page_len + k] !=
			       (unsigned char)(letter_of(i) + (k < THREADS && k & 1 ? k : 0));
	EXPECT_EQ(bad, 0);
	stop_pager(pager);
}

/*
 * The pager goes where its client's thread is: samples are taken every 32 faults,
 * and but for the first, and the first one after a move, all are local.
 */
static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ASSERT_OK(sched_setaffinity(0, sizeof(set), &set));
}

TEST(pager_follows_its_client)
{
	pid_t pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .follow = true,
	});
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), round;
	unsigned char *at = paged(WIDE);

	ASSERT_GT(cpus, 1);
	for (round = 0; round < 4; round++) {
		unsigned int i, first = round * WIDE / 4;

		run_on(cpus - 1 - round % cpus);
		for (i = first; i < first + WIDE / 4; i++)
			EXPECT_TRUE(is_page(at + i * page_len, letter_of(i)));
	}
	EXPECT_EQ(counted("sampled"), WIDE / 32);
	EXPECT_GE(counted("local"), WIDE / 32 - 4);
	EXPECT_LE(counted("local"), counted("sampled"));
	stop_pager(pager);
}

/*
 * Without fetching ahead each page is a fault; with it most pages have come
 * before they are touched. (Not so many less are faults: a page that is on its
 * way is waited for.)
 */
static uint64_t hits_of(unsigned int prefetch, int first, int step, unsigned int count)
{
	pid_t pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .prefetch = prefetch,
	});
	unsigned char *at = paged(WIDE);
	uint64_t hits;
	unsigned int i;

	for (i = 0; i < count; i++, first += step)
		EXPECT_TRUE(is_page(at + first * page_len, letter_of(first)));
	hits = counted("hits");
	if (!prefetch) {
		EXPECT_EQ(counted("faults"), count);
		EXPECT_EQ(counted("ahead"), 0);
	}
	EXPECT_LE(hits, counted("ahead"));
	stop_pager(pager);
	return hits;
}

static const struct walk { const char *name; int first; int step; unsigned int count; } walks[] = {
	{ "sequential", 0, 1, WIDE }, { "backwards", WIDE - 1, -1, WIDE },
	{ "strided", 0, 3, WIDE / 3 }, { "strided_backwards", WIDE - 1, -2, WIDE / 2 },
};

TEST_EACH(prefetch, const struct walk *, walks)
{
	EXPECT_GT(hits_of(64, each->first, each->step, each->count), each->count / 2);
}

TEST_EACH(prefetch_off, const struct walk *, walks)
{
	EXPECT_EQ(hits_of(0, each->first, each->step, each->count), 0);
}

/* Where nothing follows anything, nothing is fetched ahead. */
TEST(prefetch_of_chance)
{
	pid_t pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .prefetch = 64,
	});
	unsigned char *at = paged(4096);
	unsigned int i, page = 0;

	for (i = 0; i < 256; i++) {
		page = (page * 1103 + 377) % 4096;
		EXPECT_TRUE(is_page(at + page * page_len, letter_of(page)));
	}
	EXPECT_LT(counted("ahead"), 64);
	stop_pager(pager);
}

TEST(stat_of_a_pager)
{
	char command[128], line[256];
	pid_t pager, other;
	unsigned char *at;
	FILE *file;
	int lines = 0;

	ASSERT_OK(setenv("XDG_RUNTIME_DIR", "/tmp", 1));
	mkdir("/tmp/upager", 0700);
	/* the pager's socket has to be called after it, which is not yet there */
	pager = plain_pager("copy");
	snprintf(line, sizeof(line), "/tmp/upager/%d", (int)pager);
	ASSERT_OK(rename(path, line));
	strcpy(path, line);
	at = paged(PAGES);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	snprintf(command, sizeof(command), "upager stat %d", (int)pager);
	file = popen(command, "r");
	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file)) {
		lines++;
		if (strstr(line, "PAGER"))
			continue;
		EXPECT_TRUE(strstr(line, "copy"));
		EXPECT_TRUE(strstr(line, " 64 ") && strchr(line, '%'));
		if (sscanf(line, "%*d %d", &other) == 1)
			EXPECT_EQ(other, getpid());
		else
			EXPECT_TRUE(strstr(line, "all"));
	}
	EXPECT_EQ(pclose(file), 0);
	EXPECT_EQ(lines, 3);
	snprintf(command, sizeof(command), "upager stat --json | grep -q '\"pid\":%d'", getpid());
	EXPECT_EQ(system(command), 0);
	EXPECT_EQ(WEXITSTATUS(system("upager stat 1 2>/tmp/stat.err")), 1);
	EXPECT_EQ(system("grep -q 'no pager of yours' /tmp/stat.err"), 0);
	stop_pager(pager);
}
