// SPDX-License-Identifier: GPL-2.0-only
/* What is fetched before it is asked for: how much, exactly, and after whom. */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=180
#include "../../user/upager/stream.h"
#include "upager_test.h"

/* Addresses are counted in pages here. */
static struct ahead fault(struct stream_set *set, int64_t page, unsigned int limit)
{
	struct ahead ahead = stream_fault(set, page * 4096, 4096, limit);

	ahead.addr /= 4096;
	ahead.stride /= 4096;
	return ahead;
}

static void expect(const char *file, int line, struct ahead got, int64_t page, int stride,
		   unsigned int count, unsigned int hits)
{
	if ((int64_t)got.addr == page && got.stride == stride && got.count == count &&
	    got.hits == hits)
		return;
	ktap_fail(file, line, 0, "%u pages from %lld in steps of %lld, %u hits", got.count,
		  (long long)got.addr, (long long)got.stride, got.hits);
}

#define EXPECT_AHEAD(...)	expect(__FILE__, __LINE__, __VA_ARGS__)
#define EXPECT_NOTHING(ahead)	EXPECT_EQ((ahead).count, 0)

static const struct walk { const char *name; int stride; } walks[] = {
	{ "sequential", 1 }, { "backwards", -1 }, { "strided", 7 }, { "far_backwards", -64 },
};

/* Two equal steps begin with 8 pages; each window used to its end doubles, up to 64. */
TEST_EACH(window_grows, const struct walk *, walks)
{
	static const unsigned int windows[] = { 8, 16, 32, 64, 64, 64 };
	int64_t at = 100000;
	struct stream_set set = {};
	unsigned int i;

	EXPECT_NOTHING(fault(&set, at, STREAM_WINDOW));
	at += each->stride;
	EXPECT_NOTHING(fault(&set, at, STREAM_WINDOW));
	at += each->stride;
	for (i = 0; i < KTAP_ARRAY_SIZE(windows); i++) {
		EXPECT_AHEAD(fault(&set, at, STREAM_WINDOW), at + each->stride, each->stride,
			     windows[i], i ? windows[i - 1] : 0);
		at += each->stride * (int)(windows[i] + 1);
	}
}

TEST(window_has_its_limit)
{
	struct stream_set set = {};

	fault(&set, 0, 10);
	fault(&set, 1, 10);
	EXPECT_AHEAD(fault(&set, 2, 10), 3, 1, 8, 0);
	EXPECT_AHEAD(fault(&set, 11, 10), 12, 1, 10, 8);
	EXPECT_AHEAD(fault(&set, 22, 10), 23, 1, 10, 10);
}

/* What is on its way is no sign that more is wanted, nor that the stream has ended. */
TEST(too_slow_is_not_wrong)
{
	struct stream_set set = {};

	fault(&set, 0, STREAM_WINDOW);
	fault(&set, 1, STREAM_WINDOW);
	EXPECT_AHEAD(fault(&set, 2, STREAM_WINDOW), 3, 1, 8, 0);
	EXPECT_NOTHING(fault(&set, 3, STREAM_WINDOW));
	EXPECT_NOTHING(fault(&set, 9, STREAM_WINDOW));
	EXPECT_AHEAD(fault(&set, 11, STREAM_WINDOW), 12, 1, 16, 8);
}

/* A stream that breaks off: the next one begins with half as many pages. */
TEST(window_shrinks)
{
	static const unsigned int windows[] = { 8, 4, 4 };
	struct stream_set set = {};
	unsigned int i;

	for (i = 0; i < KTAP_ARRAY_SIZE(windows); i++) {
		int64_t at = i * 10000;
		int k;

		fault(&set, at, STREAM_WINDOW);
		fault(&set, at + 1, STREAM_WINDOW);
		EXPECT_AHEAD(fault(&set, at + 2, STREAM_WINDOW), at + 3, 1, windows[i], 0);
		/* elsewhere, so often that the stream is forgotten */
		for (k = 1; k <= STREAMS; k++)
			EXPECT_NOTHING(fault(&set, at + k * 1000, STREAM_WINDOW));
	}
}

/* Four streams at a time, whatever the order of their faults */
TEST(streams_side_by_side)
{
	struct stream_set set = {};
	int i, k;

	for (i = 0; i < 2; i++)
		for (k = 0; k < STREAMS; k++)
			EXPECT_NOTHING(fault(&set, k * 1000 + i * (k + 1), STREAM_WINDOW));
	for (k = STREAMS - 1; k >= 0; k--)
		EXPECT_AHEAD(fault(&set, k * 1000 + 2 * (k + 1), STREAM_WINDOW),
			     k * 1000 + 3 * (k + 1), k + 1, 8, 0);
}

TEST(steps_too_far_are_no_stream)
{
	struct stream_set set = {};
	int i;

	for (i = 0; i < 20; i++)
		EXPECT_NOTHING(fault(&set, i * 65, STREAM_WINDOW));
}

TEST(no_limit_no_pages)
{
	struct stream_set set = {};
	int i;

	for (i = 0; i < 20; i++)
		EXPECT_NOTHING(fault(&set, i, 0));
}

/*
 * Filling in the background yields to faults. The source gives none of the pages
 * of a client that is let go until another client's fault has come to it.
 */
#define WANTED	(1ull << 20)

struct held {
	volatile unsigned int count;
	unsigned int at_fault;
};

static struct held *held;
static struct store_req *held_reqs;

static void done(struct store_req *req)
{
	memset(req->page, letter_of(req->key % WANTED), page_len);
	req->status = 0;
	req->done(req);
}

static void hold(struct source *source, struct store_req *req)
{
	struct store_req *next;

	(void)source;
	if (held->at_fault) {
		done(req);
	} else if (req->key < WANTED) {
		req->private.next = held_reqs;
		held_reqs = req;
		held->count++;
	} else {
		held->at_fault = held->count;
		done(req);
		for (; held_reqs; held_reqs = next) {
			next = held_reqs->private.next;
			done(held_reqs);
		}
	}
}

static const struct source_ops hold_ops = {.get = hold};
static struct source holding = {&hold_ops};

static int by_size(void *ctx, struct client *client, struct region *region)
{
	(void)ctx;
	(void)client;
	region->flags &= ~REGION_ZERO;
	region->key = region->end - region->start > page_len ? 0 : WANTED;
	return 0;
}

static void be_let_go(void *arg)
{
	unsigned char *at = anon(8 * PAGES);
	struct attach attach;

	(void)arg;
	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, at, 8 * PAGES * page_len, 0, page_len), 0);
	ASSERT_EQ(attach_detach(&attach), 0);
	EXPECT_EQ(wrong_pages(at, 8 * PAGES), 0);
}

TEST(filling_yields_to_faults)
{
	unsigned char *at;
	pid_t pager, pid;
	int status, tries;

	held = mmap(NULL, page_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(held != MAP_FAILED);
	pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .source = &holding, .region = by_size,
	});
	at = paged(1);
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		be_let_go(NULL);
		_exit(0);
	}
	for (tries = 0; tries < PATIENCE * 1000 && held->count < STREAM_WINDOW; tries++)
		usleep(1000);
	EXPECT_TRUE(is_page(at, 'A'));
	EXPECT_EQ(held->at_fault, STREAM_WINDOW);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	stop_pager(pager);
}
