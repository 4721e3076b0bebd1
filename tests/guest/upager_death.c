// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who dies when: the pager at any moment, its keeper, clients at every step of
 * the hand-over. Nobody ever reads zeros where there was a page.
 */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=180
#include "upager_test.h"

#define MANY	2048u

static const struct way { const char *name; } ways[] = {
	{ "copy" }, { "pool" }, { "pte" },
};

/* struct shared - what the test sees of its clients */
struct shared {
	volatile unsigned int pages;	/* read so far, by all */
	volatile unsigned int wrong;
};

static struct shared *shared_memory(void)
{
	void *at = mmap(NULL, page_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);

	ASSERT_TRUE(at != MAP_FAILED);
	return at;
}

/* read_on() - page after page, for ever; says when one is wrong */
static void read_on(struct shared *shared, const unsigned char *at, size_t first)
{
	size_t i;

	for (i = first; i < MANY; i++) {
		if (!is_page(at + i * page_len, letter_of(i)))
			__atomic_add_fetch(&shared->wrong, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&shared->pages, 1, __ATOMIC_RELAXED);
	}
	for (;;)
		pause();
}

/* read_with_children() - the same, and children that do it, too */
static void read_with_children(struct shared *shared)
{
	unsigned char *at = paged(MANY);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (!is_page(at + i * page_len, letter_of(i)))
			__atomic_add_fetch(&shared->wrong, 1, __ATOMIC_RELAXED);
		if (!fork())
			read_on(shared, at, i + 1);
	}
	read_on(shared, at, 4);
}

static void await_pages(const struct shared *shared, unsigned int pages)
{
	int tries;

	for (tries = 0; tries < PATIENCE * 1000 && shared->pages < pages; tries++)
		usleep(1000);
	ASSERT_GE(shared->pages, pages);
}

/* All who have the other end of the pipe are gone. */
static void await_end(int fd)
{
	struct pollfd end = {.fd = fd};

	EXPECT_EQ(poll(&end, 1, PATIENCE * 1000), 1);
	EXPECT_TRUE(end.revents & POLLHUP);
}

/* 7. The pager is killed, early, later, in the middle of forks. */
static void kill_pager_after(const char *resolver, unsigned int pages)
{
	struct shared *shared = shared_memory();
	pid_t pager = plain_pager(resolver), pid;
	int alive[2], status;

	ASSERT_OK(pipe(alive));
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		close(alive[0]);
		read_with_children(shared);
	}
	close(alive[1]);
	await_pages(shared, pages);
	ASSERT_OK(kill(pager, SIGKILL));
	ASSERT_EQ(waitpid(pager, &status, 0), pager);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	await_end(alive[0]);
	EXPECT_EQ(shared->wrong, 0);
	close(alive[0]);
	unlink(path);
}

TEST_EACH(pager_is_killed, const struct way *, ways)
{
	static const unsigned int moments[] = { 1, 2, 5, 40, 300, 1500 };
	/* of the ways that are rarely used every second one */
	unsigned int i, step = strcmp(each->name, "copy") ? 2 : 1;

	for (i = step - 1; i < KTAP_ARRAY_SIZE(moments); i += step)
		kill_pager_after(each->name, moments[i]);
}

/* Where the fork is being reported, there is no moment in which nobody has it. */
static void fork_on(struct shared *shared)
{
	unsigned char *at = paged(MANY);
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		__atomic_add_fetch(&shared->pages, 1, __ATOMIC_RELAXED);
		if (fork())
			continue;
		if (!is_page(at + i * page_len, letter_of(i)))
			__atomic_add_fetch(&shared->wrong, 1, __ATOMIC_RELAXED);
		_exit(0);
	}
	for (;;)
		pause();
}

TEST(pager_is_killed_among_forks)
{
	struct shared *shared = shared_memory();
	unsigned int round;

	for (round = 0; round < 6; round++) {
		pid_t pager = plain_pager("copy"), pid;
		int alive[2], status;

		shared->pages = 0;
		ASSERT_OK(pipe(alive));
		fflush(stdout);
		pid = fork();
		ASSERT_TRUE(pid >= 0);
		if (!pid) {
			signal(SIGCHLD, SIG_IGN);
			close(alive[0]);
			fork_on(shared);
		}
		close(alive[1]);
		await_pages(shared, 1 + round * 3);
		ASSERT_OK(kill(pager, SIGKILL));
		ASSERT_EQ(waitpid(pager, &status, 0), pager);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		await_end(alive[0]);
		close(alive[0]);
		unlink(path);
	}
	EXPECT_EQ(shared->wrong, 0);
}

/* keeper_of() - the process called upager-keeper whose parent is that */
static pid_t keeper_of(pid_t pager)
{
	char name[64], line[128], found[32] = "";
	FILE *file;
	int pid = 0;

	snprintf(name, sizeof(name), "/proc/%d/task/%d/children", (int)pager, (int)pager);
	file = fopen(name, "r");
	ASSERT_TRUE(file);
	while (fscanf(file, "%d", &pid) == 1) {
		FILE *comm;

		snprintf(line, sizeof(line), "/proc/%d/comm", pid);
		comm = fopen(line, "r");
		if (comm && fscanf(comm, "%31s", found) == 1 && !strcmp(found, "upager-keeper")) {
			fclose(comm);
			break;
		}
		if (comm)
			fclose(comm);
		pid = 0;
	}
	fclose(file);
	return pid;
}

/* await_keeper() - wait until it has one, other than that */
static pid_t await_keeper(pid_t pager, pid_t other)
{
	pid_t keeper = 0;
	int tries;

	for (tries = 0; tries < PATIENCE * 100 && (!keeper || keeper == other); tries++) {
		usleep(10000);
		keeper = keeper_of(pager);
	}
	ASSERT_TRUE(keeper > 0 && keeper != other);
	return keeper;
}

/* A keeper that is killed is replaced, and the new one does what it is for. */
TEST(keeper_is_killed)
{
	struct shared *shared = shared_memory();
	pid_t pager = plain_pager("copy"), keeper = await_keeper(pager, 0), pid;
	int status;

	ASSERT_OK(kill(keeper, SIGKILL));
	await_keeper(pager, keeper);
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid)
		read_with_children(shared);
	await_pages(shared, 10);
	ASSERT_OK(kill(pager, SIGKILL));
	ASSERT_EQ(waitpid(pager, &status, 0), pager);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_EQ(shared->wrong, 0);
}

/* Who has only asked for numbers lives on. */
static void ask_and_wait(int *pipes)
{
	struct wire wire = {.magic = WIRE_MAGIC, .type = WIRE_STAT};
	int sock = wire_connect(path);
	char byte;

	ASSERT_TRUE(sock >= 0);
	ASSERT_EQ(wire_send(sock, &wire, -1), 0);
	ASSERT_EQ(wire_receive(sock, &wire, NULL), 1);
	ASSERT_EQ(write(pipes[1], "", 1), 1);
	ASSERT_EQ(read(pipes[2], &byte, 1), 1);
}

TEST(who_only_asks_lives_on)
{
	pid_t pager = plain_pager("copy"), client, other;
	int pipes[4], status;
	char byte;

	ASSERT_OK(pipe(pipes));
	ASSERT_OK(pipe(pipes + 2));
	fflush(stdout);
	other = fork();
	ASSERT_TRUE(other >= 0);
	if (!other) {
		ask_and_wait(pipes);
		_exit(0);
	}
	client = fork();
	ASSERT_TRUE(client >= 0);
	if (!client) {
		ASSERT_TRUE(is_page(paged(PAGES), 'A'));
		ASSERT_EQ(write(pipes[1], "", 1), 1);
		pause();
	}
	ASSERT_EQ(read(pipes[0], &byte, 1), 1);
	ASSERT_EQ(read(pipes[0], &byte, 1), 1);
	ASSERT_OK(kill(pager, SIGKILL));
	ASSERT_EQ(waitpid(pager, &status, 0), pager);
	ASSERT_EQ(waitpid(client, &status, 0), client);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ASSERT_EQ(write(pipes[3], "", 1), 1);
	ASSERT_EQ(waitpid(other, &status, 0), other);
	EXPECT_EQ(status, 0);
}

/* Clients that end at each step of the hand-over, and in the middle of a fault */
enum step { CONNECTED, SENT_JUNK, GREETED, IN_HELLO, HAS_REGION, REGISTERED, FAULTED };

static const struct dying { const char *name; enum step step; } dying[] = {
	{ "connected", CONNECTED }, { "sent_junk", SENT_JUNK }, { "in_hello", IN_HELLO },
	{ "greeted", GREETED }, { "has_region", HAS_REGION }, { "registered", REGISTERED },
	{ "faulted", FAULTED },
};

static void die_at(void *arg)
{
	struct wire region = {.magic = WIRE_MAGIC, .type = WIRE_REGION, .d = page_len};
	struct wire hello = {.magic = WIRE_MAGIC, .type = WIRE_HELLO};
	enum step step = *(enum step *)arg;
	unsigned char *at = anon(PAGES);
	struct attach attach;

	if (step <= IN_HELLO && step != GREETED) {
		int sock = wire_connect(path);

		ASSERT_TRUE(sock >= 0);
		if (step == SENT_JUNK)
			ASSERT_EQ(send(sock, "junk", 4, 0), 4);
		if (step == IN_HELLO) {
			ASSERT_EQ(uffd_open(UFFD_WANTED, &attach.uffd), 0);
			ASSERT_EQ(wire_send(sock, &hello, attach.uffd.fd), 0);
		}
		_exit(0);
	}
	ASSERT_EQ(attach_open(&attach, path), 0);
	if (step == GREETED)
		_exit(0);
	if (step == HAS_REGION) {
		region.a = (uintptr_t)at;
		region.b = (uintptr_t)at + PAGES * page_len;
		ASSERT_EQ(wire_send(attach.sock, &region, -1), 0);
		_exit(0);
	}
	ASSERT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), 0);
	if (step == FAULTED) {
		fflush(stdout);
		/* its death, while its thread waits or has just got the page */
		if (!vfork())
			_exit(0);
		alarm(1);
		for (;;)
			ASSERT_EQ(wrong_pages(at, PAGES), 0);
	}
	_exit(0);
}

TEST_EACH(client_dies, const struct dying *, dying)
{
	pid_t pager = plain_pager("copy");
	unsigned char *at = paged(PAGES);
	int status;

	EXPECT_TRUE(is_page(at, 'A'));
	status = in_child(die_at, (void *)&each->step);
	EXPECT_TRUE(each->step == FAULTED ? WIFSIGNALED(status) : !status);
	/* with its pages nobody else's have gone */
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	await_clients(1);
	stop_pager(pager);
}

/* A client that becomes another program is none any more, though its pid lives. */
TEST(client_execs)
{
	pid_t pager = plain_pager("copy"), pid;
	char *const argv[] = { "sleep", "1000", NULL };

	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		ASSERT_TRUE(is_page(paged(PAGES), 'A'));
		execvp(argv[0], argv);
		_exit(1);
	}
	while (!counted("pages"))
		usleep(1000);
	await_clients(0);
	EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	stop_pager(pager);
	kill(pid, SIGKILL);
}
