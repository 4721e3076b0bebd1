// SPDX-License-Identifier: GPL-2.0-only
/* Many clients, many threads, many forks, and clients that mean no good. */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=240
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "upager_test.h"

static const struct way { const char *name; } ways[] = {
	{ "copy" }, { "pool" }, { "pte" },
};

#define CLIENTS	64

TEST_EACH(many_clients, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name), pids[CLIENTS];
	int i, status;

	fflush(stdout);
	for (i = 0; i < CLIENTS; i++) {
		pids[i] = fork();
		ASSERT_TRUE(pids[i] >= 0);
		if (!pids[i])
			_exit(wrong_pages(paged(PAGES), PAGES) ? 1 : 0);
	}
	for (i = 0; i < CLIENTS; i++) {
		ASSERT_EQ(waitpid(pids[i], &status, 0), pids[i]);
		EXPECT_EQ(status, 0);
	}
	await_clients(0);
	EXPECT_EQ(counted("pages"), CLIENTS * PAGES);
	stop_pager(pager);
}

/*
 * 1,000 forks in a tree: each process reads a page that its parent has not, then
 * has two children, one after the other.
 */
#define DEPTH	9

static int grow(const unsigned char *at, unsigned int depth)
{
	int i, status;
	pid_t pid;

	if (!is_page(at + depth * page_len, letter_of(depth)))
		return 1;
	for (i = 0; i < 2 && depth < DEPTH; i++) {
		pid = fork();
		if (pid < 0)
			return 2;
		if (!pid)
			_exit(grow(at, depth + 1));
		if (waitpid(pid, &status, 0) != pid || status)
			return 3;
	}
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
		EXPECT_TRUE(strstr(line, " 64 "));
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

/*
 * Hostile clients, each in a process of its own. What they do must not harm the
 * pager, nor anybody else's pages.
 */
static int call(void)
{
	int sock = wire_connect(path);

	ASSERT_TRUE(sock >= 0);
	return sock;
}

static void send_junk(void)
{
	static unsigned char junk[4096];
	size_t size;
	unsigned int i;

	for (i = 0; i < sizeof(junk); i++)
		junk[i] = i * 151 + 7;
	for (size = 1; size < sizeof(junk); size += 13) {
		int sock = call();

		send(sock, junk, size, MSG_NOSIGNAL);
		send(sock, junk, size, MSG_NOSIGNAL);
		close(sock);
	}
}

static void send_wrong_types(void)
{
	struct wire wire = {.magic = WIRE_MAGIC};

	for (wire.type = 5; wire.type < 500; wire.type++) {
		int sock = call();

		wire_send(sock, &wire, -1);
		close(sock);
	}
}

static void send_wrong_descriptors(void)
{
	struct wire wire = {.magic = WIRE_MAGIC, .type = WIRE_HELLO}, answer;
	int fds[5], i, sock;

	fds[0] = open("/dev/zero", O_RDWR);
	fds[1] = epoll_create1(0);
	fds[2] = call();
	ASSERT_OK(pipe(fds + 3));
	for (i = 0; i < 5; i++) {
		sock = call();
		ASSERT_EQ(wire_send(sock, &wire, fds[i]), 0);
		ASSERT_EQ(wire_receive(sock, &answer, NULL), 1);
		EXPECT_EQ((int64_t)answer.a, -EINVAL);
		/* none at all, and one where none belongs */
		ASSERT_EQ(wire_send(sock, &wire, -1), 0);
		ASSERT_EQ(wire_receive(sock, &answer, NULL), 1);
		EXPECT_EQ((int64_t)answer.a, -EINVAL);
		wire.type = WIRE_STAT;
		wire_send(sock, &wire, fds[i]);
		wire.type = WIRE_HELLO;
		EXPECT_EQ(wire_receive(sock, &answer, NULL), 0);
		close(sock);
	}
}

static void send_raw_userfaultfd(void)
{
	struct wire wire = {.magic = WIRE_MAGIC, .type = WIRE_HELLO}, answer;
	int sock = call();

	/* it has not shaken hands */
	ASSERT_EQ(wire_send(sock, &wire, syscall(SYS_userfaultfd, O_CLOEXEC)), 0);
	ASSERT_EQ(wire_receive(sock, &answer, NULL), 1);
	/* once more, unless the pager has noticed and hung up */
	if (!wire_send(sock, &wire, syscall(SYS_userfaultfd, O_CLOEXEC)) &&
	    wire_receive(sock, &answer, NULL) == 1)
		EXPECT_EQ((int64_t)answer.a, -EINVAL);
}

static void send_wrong_regions(void)
{
	const uint64_t page = page_len;
	const struct { uint64_t a, b, c, d; } wrong[] = {
		{ 0, 0, 0, page }, { 2 * page, page, 0, page }, { 1, page, 0, page },
		{ 0, page + 1, 0, page }, { 0, page, 4, page }, { 0, page, 0, 0 },
		{ 0, page, 0, 1 }, { 0, 3 * page, 0, 3 * page }, { 0, page, 0, page << 32 },
		{ 0, page, 0, 2 * page },
	};
	struct attach attach;
	struct wire wire, answer;
	unsigned int i;

	ASSERT_EQ(attach_open(&attach, path), 0);
	for (i = 0; i < KTAP_ARRAY_SIZE(wrong); i++) {
		wire = (struct wire){WIRE_MAGIC, WIRE_REGION, wrong[i].a, wrong[i].b, wrong[i].c,
				     wrong[i].d};
		ASSERT_EQ(wire_send(attach.sock, &wire, -1), 0);
		ASSERT_EQ(wire_receive(attach.sock, &answer, NULL), 1);
		EXPECT_EQ((int64_t)answer.a, -EINVAL);
	}
	/* all there is, twice */
	wire = (struct wire){WIRE_MAGIC, WIRE_REGION, 0, -page, 0, page};
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(wire_send(attach.sock, &wire, -1), 0);
		ASSERT_EQ(wire_receive(attach.sock, &answer, NULL), 1);
		EXPECT_EQ((int64_t)answer.a, 0);
	}
}

static void steal_events(void)
{
	unsigned char *at = anon(PAGES);
	struct uffd_msg msg;
	struct attach attach;
	int i;

	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), 0);
	/* it is the same open file: this would have the pager wait in read() */
	ASSERT_OK(fcntl(attach.uffd.fd, F_SETFL, 0));
	fflush(stdout);
	if (!fork()) {
		alarm(2);
		(void)*(volatile unsigned char *)at;
		_exit(0);
	}
	for (i = 0; i < 100; i++) {
		struct pollfd poll_it = {attach.uffd.fd, POLLIN, 0};

		if (poll(&poll_it, 1, 0) == 1 && (poll_it.revents & POLLIN))
			if (read(attach.uffd.fd, &msg, sizeof(msg)) < 0)
				break;
	}
}

static void flood(void)
{
	struct wire wire = {.magic = WIRE_MAGIC, .type = WIRE_STAT};
	int i, k, socks[300];

	for (i = 0; i < 300; i++) {
		socks[i] = call();
		fcntl(socks[i], F_SETFL, O_NONBLOCK);
		/* who asks and asks, and listens to no answer */
		for (k = 0; k < (i % 10 ? 3 : 200); k++)
			wire_send(socks[i], &wire, -1);
	}
}

static void close_everything(void)
{
	unsigned char *at = anon(PAGES);
	struct attach attach;

	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), 0);
	close(attach.uffd.fd);
	close(attach.sock);
	/* it is the pager's all the same */
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
}

static const struct hostile { const char *name; void (*act)(void); } hostiles[] = {
	{ "junk", send_junk }, { "wrong_types", send_wrong_types },
	{ "wrong_descriptors", send_wrong_descriptors },
	{ "raw_userfaultfd", send_raw_userfaultfd }, { "wrong_regions", send_wrong_regions },
	{ "steals_events", steal_events }, { "flood", flood },
	{ "closes_everything", close_everything },
};

TEST_EACH(hostile, const struct hostile *, hostiles)
{
	pid_t pager = plain_pager("copy"), pid;
	unsigned char *at = paged(PAGES);
	unsigned int i;

	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		each->act();
		_exit(0);
	}
	for (i = 0; i < PAGES; i++)
		EXPECT_TRUE(is_page(at + i * page_len, letter_of(i)));
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	EXPECT_EQ(wrong_pages(paged(PAGES), PAGES), 0);
	EXPECT_EQ(waitpid(pager, NULL, WNOHANG), 0);
	kill(pager, SIGTERM);
}
