// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a client does with its memory while a pager fills it: no page is ever
 * lost, by any way of filling it. Ways in which pagers lose data are each a test.
 */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=180
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "upager_test.h"

static const struct way { const char *name; } ways[] = {
	{ "copy" }, { "pool" }, { "pte" },
};

/* 1. Without EVENT_FORK the child would read zeros. */
TEST_EACH(fork_child_reads_pages, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	unsigned char *at = paged(PAGES);
	int status;
	pid_t pid;

	EXPECT_TRUE(is_page(at, 'A'));
	memset(at + page_len, 'x', page_len);
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		EXPECT_TRUE(is_page(at, 'A'));
		EXPECT_TRUE(is_page(at + page_len, 'x'));
		memset(at, 'c', page_len);
		EXPECT_EQ(wrong_pages(at + 26 * page_len, PAGES - 26), 0);
		EXPECT_TRUE(is_page(at, 'c'));
		_exit(0);
	}
	memset(at + 2 * page_len, 'p', page_len);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_TRUE(is_page(at, 'A'));
	EXPECT_TRUE(is_page(at + page_len, 'x'));
	EXPECT_TRUE(is_page(at + 2 * page_len, 'p'));
	EXPECT_TRUE(is_page(at + 3 * page_len, 'D'));
	EXPECT_EQ(counted("forks"), 1);
	stop_pager(pager);
}

/* Writes of parent and child after the fork stay apart. */
TEST_EACH(fork_child_has_its_own, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	unsigned char *at = paged(PAGES);
	int status, go[2];
	char byte;
	pid_t pid;

	memset(at, 'x', page_len);
	ASSERT_OK(pipe(go));
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		/* until the parent has overwritten it */
		ASSERT_EQ(read(go[0], &byte, 1), 1);
		EXPECT_TRUE(is_page(at, 'x'));
		EXPECT_TRUE(is_page(at + page_len, 'B'));
		_exit(0);
	}
	memset(at, 'y', page_len);
	memset(at + page_len, 'z', page_len);
	ASSERT_EQ(write(go[1], "", 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_TRUE(is_page(at, 'y'));
	stop_pager(pager);
}

/* 2. Without EVENT_REMAP the registration is dropped, and zeros are read. */
TEST_EACH(moved_by_mremap, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	unsigned char *at = paged(PAGES), *to = anon(PAGES);

	EXPECT_TRUE(is_page(at, 'A'));
	at[5 * page_len] = '!';
	ASSERT_TRUE(mremap(at, PAGES * page_len, PAGES * page_len,
			   MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	EXPECT_EQ(to[5 * page_len], '!');
	EXPECT_EQ(to[5 * page_len + 1], 'F');
	to[5 * page_len] = 'F';
	EXPECT_EQ(wrong_pages(to, PAGES), 0);
	EXPECT_EQ(counted("remaps"), 1);
	stop_pager(pager);
}

TEST_EACH(moved_and_left_empty, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	unsigned char *at = paged(PAGES), *to;

	EXPECT_TRUE(is_page(at, 'A'));
	to = mremap(at, PAGES * page_len, PAGES * page_len, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	ASSERT_TRUE(to != MAP_FAILED);
	EXPECT_EQ(wrong_pages(to, PAGES), 0);
	EXPECT_TRUE(is_page(at, 0));
	EXPECT_TRUE(is_page(at + (PAGES - 1) * page_len, 0));
	stop_pager(pager);
}

/* What is new at the end of memory that has grown is zeros. */
TEST(grown_by_mremap)
{
	pid_t pager = plain_pager("copy");
	unsigned char *at = paged(PAGES), *to;

	to = mremap(at, PAGES * page_len, 2 * PAGES * page_len, MREMAP_MAYMOVE);
	ASSERT_TRUE(to != MAP_FAILED);
	EXPECT_EQ(wrong_pages(to, PAGES), 0);
	EXPECT_TRUE(is_page(to + PAGES * page_len, 0));
	EXPECT_TRUE(is_page(to + (2 * PAGES - 1) * page_len, 0));
	stop_pager(pager);
}

/* 3. What was thrown away is zeros, not what the pager had for it. */
TEST_EACH(removed_pages_are_zeros, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	unsigned char *at = paged(PAGES);

	EXPECT_TRUE(is_page(at, 'A'));
	ASSERT_OK(madvise(at, 4 * page_len, MADV_DONTNEED));
	EXPECT_TRUE(is_page(at, 0));
	EXPECT_TRUE(is_page(at + 3 * page_len, 0));
	EXPECT_TRUE(is_page(at + 4 * page_len, 'E'));
	at[0] = 'x';
	EXPECT_EQ(at[0], 'x');
	EXPECT_EQ(counted("removes"), 1);
	stop_pager(pager);
}

TEST_EACH(unmapped_parts, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	unsigned char *at = paged(PAGES);

	EXPECT_TRUE(is_page(at + 9 * page_len, 'J'));
	ASSERT_OK(munmap(at + 8 * page_len, 8 * page_len));
	EXPECT_TRUE(is_page(at + 7 * page_len, 'H'));
	EXPECT_TRUE(is_page(at + 16 * page_len, 'Q'));
	/* new memory in the gap is none of the pager's business */
	ASSERT_TRUE(mmap(at + 8 * page_len, page_len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	EXPECT_TRUE(is_page(at + 8 * page_len, 0));
	EXPECT_EQ(wrong_pages(at + 26 * page_len, PAGES - 26), 0);
	stop_pager(pager);
}

TEST_EACH(protected_and_back, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	unsigned char *at = paged(PAGES);

	memset(at, 'x', page_len);
	ASSERT_OK(mprotect(at, PAGES * page_len, PROT_READ));
	EXPECT_TRUE(is_page(at, 'x'));
	EXPECT_TRUE(is_page(at + page_len, 'B'));
	ASSERT_OK(mprotect(at, PAGES * page_len, PROT_READ | PROT_WRITE));
	at[1] = 'y';
	EXPECT_EQ(at[0], 'x');
	EXPECT_EQ(at[1], 'y');
	stop_pager(pager);
}

/* 4. and racing: threads on the same pages, one of which throws them away */
#define ROUNDS	8

struct race {
	unsigned char *at;
	pthread_barrier_t barrier;
	unsigned int bad;
};

static void *race_reader(void *arg)
{
	struct race *race = arg;
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race->barrier);
		for (i = 0; i < PAGES; i++) {
			volatile unsigned char *byte = race->at + i * page_len;
			unsigned char got = *byte;

			if (got && got != letter_of(i))
				__atomic_add_fetch(&race->bad, 1, __ATOMIC_RELAXED);
			if (round && i % 4 == 0 && got)
				__atomic_add_fetch(&race->bad, 1, __ATOMIC_RELAXED);
		}
		pthread_barrier_wait(&race->barrier);
	}
	return NULL;
}

TEST_EACH(racing_with_madvise, const struct way *, ways)
{
	pid_t pager = run_pager((struct pager_config){
		.resolver = each->name, .keeper = true, .prefetch = 16,
	});
	struct race race = {.at = paged(PAGES)};
	pthread_t threads[3];
	unsigned int round, i;

	pthread_barrier_init(&race.barrier, NULL, 4);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, race_reader, &race), 0);
	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race.barrier);
		for (i = 0; i < PAGES; i += 4)
			ASSERT_OK(madvise(race.at + i * page_len, page_len, MADV_DONTNEED));
		pthread_barrier_wait(&race.barrier);
	}
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(race.bad, 0);
	for (i = 0; i < PAGES; i++)
		EXPECT_TRUE(is_page(race.at + i * page_len, i % 4 ? letter_of(i) : 0));
	stop_pager(pager);
}

/* 5. The owner is gone: poll() says nothing, but the pager lets go of it. */
static void fault_and_die(void *arg)
{
	unsigned char *at = paged(PAGES);

	(void)arg;
	ASSERT_TRUE(is_page(at, 'A'));
	fflush(stdout);
	if (!fork()) {
		ASSERT_TRUE(is_page(at + page_len, 'B'));
		kill(getpid(), SIGKILL);
	}
	wait(NULL);
	kill(getpid(), SIGKILL);
}

TEST_EACH(clients_that_are_gone, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	int status = in_child(fault_and_die, NULL);

	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	await_clients(0);
	stop_pager(pager);
}

/*
 * 6. and 10. Without privilege: faults of user mode only, no EVENT_FORK. A child
 * does not get the memory, instead of zeros in it.
 */
static void touch(void *at)
{
	/* a fault, by the signal, is what shall happen */
	(void)*(volatile unsigned char *)at;
}

static void unprivileged(void *arg)
{
	struct attach attach;
	unsigned char *at;
	int status, zero;

	(void)arg;
	ASSERT_OK(setresgid(65534, 65534, 65534));
	ASSERT_OK(setresuid(65534, 65534, 65534));
	plain_pager("copy");
	at = anon(PAGES);
	ASSERT_EQ(attach_open(&attach, path), 0);
	EXPECT_TRUE(attach.uffd.user_only);
	EXPECT_EQ(attach.uffd.features & UFFD_FEATURE_EVENT_FORK, 0);
	ASSERT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), 0);
	zero = open("/dev/zero", O_RDONLY);
	EXPECT_ERRNO(read(zero, at + page_len, 1), EFAULT);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	EXPECT_EQ(read(zero, at, 1), 1);
	status = in_child(touch, at + 2 * page_len);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(without_privilege)
{
	ASSERT_OK(chmod("/tmp", 01777));
	EXPECT_EQ(in_child(unprivileged, NULL), 0);
}

/* 8. A page that can't be had is SIGBUS for who needs it; the others go on. */
static sigjmp_buf after_bus;

static void on_bus(int signal)
{
	(void)signal;
	siglongjmp(after_bus, 1);
}

static void broken_get(struct source *source, struct store_req *req)
{
	(void)source;
	memset(req->page, letter_of(req->key), page_len);
	req->status = req->key == 3 ? -EIO : 0;
	req->done(req);
}

static const struct source_ops broken_ops = {.get = broken_get};
static struct source broken = {&broken_ops};

TEST_EACH(page_that_is_lost, const struct way *, ways)
{
	pid_t pager = run_pager((struct pager_config){
		.resolver = each->name, .keeper = true, .source = &broken, .tries = 2,
	});
	unsigned char *at = paged(PAGES);
	volatile bool bus = false;

	signal(SIGBUS, on_bus);
	if (!sigsetjmp(after_bus, 1))
		(void)*(volatile unsigned char *)(at + 3 * page_len);
	else
		bus = true;
	EXPECT_TRUE(bus);
	EXPECT_TRUE(is_page(at + 2 * page_len, 'C'));
	EXPECT_TRUE(is_page(at + 4 * page_len, 'E'));
	EXPECT_EQ(counted("failures"), 1);
	EXPECT_EQ(counted("retries"), 1);
	/* not asked to let go of us: it could not (stop_with_a_page_lost) */
	ASSERT_TRUE(pager > 0);
}

/* When the pager ends, a page that it could not have is no page of zeros. */
static void need_it_later(void *arg)
{
	unsigned char *at = paged(PAGES);
	int *pipes = arg;
	char byte;

	ASSERT_TRUE(is_page(at, 'A'));
	ASSERT_EQ(write(pipes[1], "", 1), 1);
	ASSERT_EQ(read(pipes[2], &byte, 1), 1);
	touch(at + 3 * page_len);
}

TEST(stop_with_a_page_lost)
{
	pid_t pid, pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .source = &broken, .tries = 1,
	});
	int pipes[4], status;
	char byte;

	ASSERT_OK(pipe(pipes));
	ASSERT_OK(pipe(pipes + 2));
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		need_it_later(pipes);
		_exit(0);
	}
	ASSERT_EQ(read(pipes[0], &byte, 1), 1);
	stop_pager(pager);
	ASSERT_EQ(write(pipes[3], "", 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(WTERMSIG(status) == SIGBUS || WTERMSIG(status) == SIGKILL);
}

static void ignore_bus(void *arg)
{
	unsigned char *at = paged(PAGES);

	(void)arg;
	signal(SIGBUS, SIG_IGN);
	(void)*(volatile unsigned char *)(at + 3 * page_len);
}

TEST(page_that_is_lost_cant_be_ignored)
{
	pid_t pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .source = &broken, .tries = 1,
	});

	EXPECT_TRUE(WIFSIGNALED(in_child(ignore_bus, NULL)));
	await_clients(0);
	stop_pager(pager);
}

static void slow_get(struct source *source, struct store_req *req)
{
	static unsigned int tries;

	(void)source;
	memset(req->page, letter_of(req->key), page_len);
	req->status = req->key == 3 && tries++ < 3 ? -ETIMEDOUT : 0;
	req->done(req);
}

static const struct source_ops slow_ops = {.get = slow_get};
static struct source slow = {&slow_ops};

TEST(page_that_comes_late)
{
	pid_t pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .source = &slow,
	});
	unsigned char *at = paged(PAGES);

	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	EXPECT_EQ(counted("retries"), 3);
	EXPECT_EQ(counted("failures"), 0);
	stop_pager(pager);
}

/* 9. A second userfaultfd on a range */
TEST(second_userfaultfd)
{
	pid_t pager = plain_pager("copy");
	unsigned char *at = paged(PAGES);
	struct attach attach;

	ASSERT_EQ(attach_open(&attach, path), 0);
	EXPECT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), -EBUSY);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	stop_pager(pager);
}

/* A system call that touches missing memory waits as a thread does. */
TEST_EACH(system_calls, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	unsigned char *at = paged(PAGES), byte;
	int pipes[2];

	ASSERT_OK(pipe(pipes));
	EXPECT_EQ(write(pipes[1], at + 7 * page_len, 1), 1);
	EXPECT_EQ(read(pipes[0], &byte, 1), 1);
	EXPECT_EQ(byte, 'H');
	EXPECT_EQ(write(pipes[1], "!", 1), 1);
	EXPECT_EQ(read(pipes[0], at + 8 * page_len, 1), 1);
	EXPECT_EQ(at[8 * page_len], '!');
	EXPECT_EQ(at[8 * page_len + 1], 'I');
	stop_pager(pager);
}

/* A clean end: all is filled in, and the client lives on without the pager. */
TEST_EACH(detached_by_the_client, const struct way *, ways)
{
	pid_t pager = plain_pager(each->name);
	unsigned char *at = anon(PAGES);
	struct attach attach;

	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), 0);
	memset(at + 5 * page_len, 'x', page_len);
	ASSERT_OK(madvise(at + 6 * page_len, page_len, MADV_DONTNEED));
	ASSERT_EQ(attach_detach(&attach), 0);
	stop_pager(pager);
	EXPECT_TRUE(is_page(at + 5 * page_len, 'x'));
	EXPECT_TRUE(is_page(at + 6 * page_len, 0));
	memset(at + 5 * page_len, 'F', page_len);
	memset(at + 6 * page_len, 'G', page_len);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
}

TEST_EACH(detached_by_the_pager, const struct way *, ways)
{
	unsigned char *at, *to;
	pid_t pager;

	if (!strcmp(each->name, "pool") && resolver_pool_holds())
		ktap_skip("the kernel keeps what is VM_MIXEDMAP registered");
	pager = plain_pager(each->name);
	at = paged(PAGES);
	memset(at + 5 * page_len, 'x', page_len);
	/* registered, but known to nobody */
	to = mremap(at, PAGES * page_len, 2 * PAGES * page_len, MREMAP_MAYMOVE);
	ASSERT_TRUE(to != MAP_FAILED);
	stop_pager(pager);
	EXPECT_TRUE(is_page(to + 5 * page_len, 'x'));
	memset(to + 5 * page_len, 'F', page_len);
	EXPECT_EQ(wrong_pages(to, PAGES), 0);
	EXPECT_TRUE(is_page(to + PAGES * page_len, 0));
}

static void detach_in_vain(void *arg)
{
	unsigned char *at = anon(PAGES);
	struct attach attach;

	(void)arg;
	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), 0);
	EXPECT_EQ(attach_detach(&attach), -EIO);
	/* and the pager is still in charge */
	EXPECT_TRUE(is_page(at + 40 * page_len, letter_of(40)));
	EXPECT_EQ(clients_left(), 1);
}

TEST(detach_fails_with_the_source)
{
	pid_t pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .source = &broken, .tries = 2,
	});

	EXPECT_EQ(in_child(detach_in_vain, NULL), 0);
	await_clients(0);
	stop_pager(pager);
}
