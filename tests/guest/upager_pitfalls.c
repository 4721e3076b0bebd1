// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moments that races would hit now and then, made to happen: the source stops the
 * pager in the middle of a fault until the client has done something.
 */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=180
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "lib/stuck.h"
#include "upager_test.h"

static const struct way { const char *name; } ways[] = {
	{ "copy" }, { "pool" }, { "pte" },
};

/* The page at which the pager stops */
#define STOP_AT	5

static struct stop {
	volatile bool reached;
	volatile bool go_on;
} *stop;

static void stopping_get(struct source *source, struct store_req *req)
{
	int tries;

	(void)source;
	if (req->key == STOP_AT && !stop->reached) {
		stop->reached = true;
		for (tries = 0; tries < PATIENCE * 1000 && !stop->go_on; tries++)
			usleep(1000);
	}
	memset(req->page, letter_of(req->key), page_len);
	req->status = 0;
	req->done(req);
}

static const struct source_ops stopping_ops = {.get = stopping_get};
static struct source stopping = {&stopping_ops};

static struct attach attach;
static unsigned char *at;

static pid_t stopping_pager(const char *resolver)
{
	pid_t pager;

	stop = mmap(NULL, page_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(stop != MAP_FAILED);
	pager = run_pager((struct pager_config){
		.resolver = resolver, .keeper = true, .source = &stopping,
	});
	at = anon(PAGES);
	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), 0);
	return pager;
}

static void *touch(void *byte)
{
	return (void *)(uintptr_t)*(volatile unsigned char *)byte;
}

static void *throw_away(void *page)
{
	ASSERT_OK(madvise(page, page_len, MADV_DONTNEED));
	return NULL;
}

static pthread_t touch_and_stop(void)
{
	pthread_t thread;
	int tries;

	ASSERT_EQ(pthread_create(&thread, NULL, touch, at + STOP_AT * page_len), 0);
	for (tries = 0; tries < PATIENCE * 1000 && !stop->reached; tries++)
		usleep(1000);
	ASSERT_TRUE(stop->reached);
	return thread;
}

/* 3. A page is filled while a REMOVE is unread. */
TEST_EACH(fill_before_remove_is_read, const struct way *, ways)
{
	pid_t pager = stopping_pager(each->name);
	pthread_t reader = touch_and_stop(), remover;
	struct pollfd event = {.fd = attach.uffd.fd, .events = POLLIN};
	void *got;

	ASSERT_EQ(pthread_create(&remover, NULL, throw_away, at + STOP_AT * page_len), 0);
	/* the event is there, and madvise() waits until it is read */
	ASSERT_EQ(poll(&event, 1, PATIENCE * 1000), 1);
	ASSERT_EQ(event.revents, POLLIN);
	stop->go_on = true;
	pthread_join(reader, &got);
	pthread_join(remover, NULL);
	/* before or after */
	EXPECT_TRUE(!got || (char)(uintptr_t)got == letter_of(STOP_AT));
	EXPECT_TRUE(is_page(at + STOP_AT * page_len, 0));
	if (!strcmp(each->name, "copy")) {
		/* it is refused, and then it is no longer what it was */
		EXPECT_EQ((uintptr_t)got, 0);
		EXPECT_GE(counted("again"), 1);
		EXPECT_EQ(counted("stale"), 1);
	}
	EXPECT_EQ(counted("removes"), 1);
	EXPECT_TRUE(is_page(at + 6 * page_len, 'G'));
	stop_pager(pager);
}

static void fill_myself(unsigned int page)
{
	unsigned char *buffer = malloc(page_len);

	ASSERT_TRUE(buffer);
	memset(buffer, '!', page_len);
	ASSERT_EQ(uffd_copy(attach.uffd.fd, (uintptr_t)at + page * page_len, buffer, page_len,
			    true), (long)page_len);
	free(buffer);
}

/* 4. A page has come from elsewhere before it is filled: it stays as it is. */
TEST_EACH(filled_already, const struct way *, ways)
{
	pid_t pager = stopping_pager(each->name);
	pthread_t reader = touch_and_stop();
	void *got;

	fill_myself(STOP_AT);
	stop->go_on = true;
	pthread_join(reader, &got);
	EXPECT_EQ((uintptr_t)got, '!');
	EXPECT_TRUE(is_page(at + 6 * page_len, 'G'));
	EXPECT_TRUE(is_page(at + STOP_AT * page_len, '!'));
	EXPECT_EQ(counted("present"), 1);
	EXPECT_EQ(counted("pages"), 1);
	stop_pager(pager);
}

/* 4. The same in the middle of a batch: what is behind it is filled all the same. */
TEST_EACH(filled_by_half, const struct way *, ways)
{
	pid_t pager = stopping_pager(each->name);

	stop->go_on = true;
	fill_myself(20);
	fill_myself(21);
	fill_myself(40);
	ASSERT_EQ(attach_detach(&attach), 0);
	EXPECT_EQ(counted("present"), 3);
	EXPECT_EQ(counted("pages"), PAGES - 3);
	stop_pager(pager);
	EXPECT_TRUE(is_page(at + 20 * page_len, '!'));
	EXPECT_TRUE(is_page(at + 21 * page_len, '!'));
	EXPECT_TRUE(is_page(at + 40 * page_len, '!'));
	EXPECT_EQ(wrong_pages(at, PAGES), 3);
}

/*
 * What has come while the pager was busy is read at once: a page for which several
 * threads wait is fetched once, neighbours are filled by one command.
 */
#define BATCH	16

struct toucher {
	unsigned int page;
	volatile pid_t tid;
};

static void *touch_page(void *arg)
{
	struct toucher *toucher = arg;

	toucher->tid = gettid();
	return touch(at + toucher->page * page_len);
}

/* It has nothing to sleep for but the fault. */
static bool sleeps(const struct toucher *toucher)
{
	char state;

	if (!toucher->tid)
		return false;
	state = state_of(toucher->tid);
	ASSERT_TRUE(state);
	return state == 'S' || state == 'D';
}

TEST(faults_in_a_batch)
{
	pid_t pager = stopping_pager("copy");
	pthread_t reader = touch_and_stop(), threads[2 * BATCH];
	struct toucher touchers[2 * BATCH] = {};
	int i, tries;
	void *got;

	for (i = 0; i < 2 * BATCH; i++) {
		/* in no order */
		touchers[i].page = 20 + i * 7 % BATCH;
		ASSERT_EQ(pthread_create(&threads[i], NULL, touch_page, &touchers[i]), 0);
	}
	for (i = 0; i < 2 * BATCH; i++) {
		for (tries = 0; tries < PATIENCE * 1000 && !sleeps(&touchers[i]); tries++)
			usleep(1000);
		ASSERT_TRUE(sleeps(&touchers[i]));
	}
	stop->go_on = true;
	pthread_join(reader, NULL);
	for (i = 0; i < 2 * BATCH; i++) {
		pthread_join(threads[i], &got);
		EXPECT_EQ((char)(uintptr_t)got, letter_of(touchers[i].page));
	}
	EXPECT_EQ(counted("faults"), 1 + 2 * BATCH);
	EXPECT_EQ(counted("doubled"), BATCH);
	EXPECT_EQ(counted("batches"), 2);
	EXPECT_EQ(counted("fills"), 2);
	EXPECT_EQ(counted("pages"), 1 + BATCH);
	stop_pager(pager);
}

/*
 * 6. Who may open /dev/userfaultfd sees faults of the kernel as well, without any
 * other privilege; but forks are not told.
 */
static void by_the_device(void *arg)
{
	struct attach mine;
	unsigned char *memory;
	pid_t pager;
	int zero;

	(void)arg;
	ASSERT_OK(setresgid(65534, 65534, 65534));
	ASSERT_OK(setresuid(65534, 65534, 65534));
	pager = plain_pager("copy");
	memory = anon(PAGES);
	ASSERT_EQ(attach_open(&mine, path), 0);
	EXPECT_TRUE(!mine.uffd.user_only);
	EXPECT_EQ(mine.uffd.features & UFFD_FEATURE_EVENT_FORK, 0);
	ASSERT_EQ(attach_region(&mine, memory, PAGES * page_len, 0, page_len), 0);
	zero = open("/dev/zero", O_RDONLY);
	EXPECT_EQ(read(zero, memory + page_len, 1), 1);
	EXPECT_EQ(memory[page_len], 0);
	EXPECT_EQ(memory[page_len + 1], 'B');
	EXPECT_TRUE(is_page(memory, 'A'));
	stop_pager(pager);
}

TEST(unprivileged_by_the_device)
{
	struct stat before;

	ASSERT_OK(chmod("/tmp", 01777));
	ASSERT_OK(stat("/dev/userfaultfd", &before));
	ASSERT_OK(chmod("/dev/userfaultfd", 0666));
	EXPECT_EQ(in_child(by_the_device, NULL), 0);
	ASSERT_OK(chmod("/dev/userfaultfd", before.st_mode & 0777));
}
