// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stores that need nobody else: mem:, zmem:, file:. What comes back is what
 * was put last, or an error; order, limits, statistics, what is left behind. Runs
 * on this machine as well (tests/host/upager-store.sh).
 *
 * vm: module=no timeout=180
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../user/upager/store.h"
#include "lib/ktap.h"

#define PAGE		4096
#define MANY		400
#define STEPS		1500

struct page {
	struct store_req req;	/* must be the first */
	void *expected;		/* of a get, NULL: it is absent */
	bool over;
};

static const struct kind {
	const char *name;
	const char *url;
} kinds[] = {
	{ "mem", "mem:" },
	{ "lz4", "zmem:" },
	{ "zstd", "zmem:?algo=zstd&level=3" },
	{ "uring", "file:/tmp?engine=uring" },
	{ "threads", "file:/tmp?engine=threads" },
	{ "buffered", "file:/tmp?direct=0" },
	{ "shallow", "file:/tmp?depth=3" },
};

static struct store *open_store(const char *url)
{
	const struct store_options options = {.page_size = PAGE};
	struct store *store;
	int status = store_open(url, &options, &store);

	if (status)
		ktap_fail(__FILE__, __LINE__, 1, "store_open(%s): %s", url, store_open_error());
	return store;
}

static void *new_pages(size_t n)
{
	void *pages = NULL;

	ASSERT_EQ(posix_memalign(&pages, PAGE, n * PAGE), 0);
	memset(pages, 0, n * PAGE);
	return pages;
}

/* Contents that only this key and version have: some random, some text, some one word. */
static void fill(void *page, uint64_t key, uint64_t version)
{
	uint64_t x = key * 0x9e3779b97f4a7c15ULL + version * 0xbf58476d1ce4e5b9ULL + 1, *word = page;
	size_t i;

	for (i = 0; i < PAGE / sizeof(*word); i++) {
		if (version % 3 == 0) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		} else if (version % 3 == 1) {
			x += i % 16 == 0;
		}
		word[i] = x;
	}
}

static int run(struct store *store, enum store_op op, uint64_t key, void *page)
{
	struct store_req req = {.op = op, .key = key, .page = page};

	return store_run(store, &req);
}

static void put(struct store *store, uint64_t key, uint64_t version)
{
	static _Alignas(PAGE) char page[PAGE];

	fill(page, key, version);
	ASSERT_EQ(run(store, STORE_PUT, key, page), 0);
}

static void expect(struct store *store, uint64_t key, uint64_t version)
{
	static _Alignas(PAGE) char got[PAGE], want[PAGE];

	fill(want, key, version);
	memset(got, 0xee, PAGE);
	ASSERT_EQ(run(store, STORE_GET, key, got), 0);
	EXPECT_TRUE(!memcmp(got, want, PAGE));
}

static struct store_stats stats_of(struct store *store)
{
	struct store_stats stats;

	store_stats(store, &stats);
	return stats;
}

static void set_over(struct store_req *req)
{
	((struct page *)req)->over = true;
}

TEST_EACH(pages_come_back, const struct kind *, kinds)
{
	struct store *store = open_store(each->url);
	uint64_t key;

	for (key = 0; key < 100; key++)
		put(store, key << 12, key);
	for (key = 100; key--;)
		expect(store, key << 12, key);
	for (key = 0; key < 100; key += 2)
		put(store, key << 12, key + 1);
	for (key = 0; key < 100; key++)
		expect(store, key << 12, key | !(key & 1));
	EXPECT_EQ(stats_of(store).pages, 100);
	EXPECT_EQ(stats_of(store).failed, 0);
	EXPECT_EQ(store_close(store), 0);
}

TEST_EACH(extreme_keys_are_keys, const struct kind *, kinds)
{
	struct store *store = open_store(each->url);

	put(store, 0, 3);
	put(store, UINT64_MAX, 4);
	put(store, 1ULL << 63, 6);
	expect(store, 0, 3);
	expect(store, UINT64_MAX, 4);
	expect(store, 1ULL << 63, 6);
	store_close(store);
}

TEST_EACH(absent_is_enoent, const struct kind *, kinds)
{
	struct store *store = open_store(each->url);
	char *page = new_pages(1);

	EXPECT_EQ(run(store, STORE_GET, 1, page), -ENOENT);
	EXPECT_EQ(run(store, STORE_DEL, 1, NULL), 0);
	put(store, 1, 3);
	EXPECT_TRUE(store_has(store, 1));
	EXPECT_EQ(run(store, STORE_DEL, 1, NULL), 0);
	EXPECT_TRUE(!store_has(store, 1));
	EXPECT_EQ(run(store, STORE_GET, 1, page), -ENOENT);
	EXPECT_EQ(stats_of(store).pages, 0);
	EXPECT_EQ(stats_of(store).failed, 0);
	store_close(store);
}

/* All submitted before anything is dispatched */
TEST_EACH(one_key_keeps_its_order, const struct kind *, kinds)
{
	static const struct { enum store_op op; int version, status; } script[] = {
		{ STORE_GET, 0, -ENOENT }, { STORE_PUT, 3, 0 }, { STORE_GET, 3, 0 },
		{ STORE_PUT, 4, 0 }, { STORE_PUT, 6, 0 }, { STORE_GET, 6, 0 },
		{ STORE_DEL, 0, 0 }, { STORE_GET, 0, -ENOENT }, { STORE_PUT, 2, 0 },
		{ STORE_PUT, 7, 0 }, { STORE_GET, 7, 0 }, { STORE_GET, 7, 0 },
	};
	const size_t n = KTAP_ARRAY_SIZE(script);
	struct page pages[KTAP_ARRAY_SIZE(script)] = {};
	struct store *store = open_store(each->url);
	char *memory = new_pages(n), want[PAGE];
	size_t i;

	for (i = 0; i < n; i++) {
		pages[i].req = (struct store_req){.op = script[i].op, .key = 5,
			.page = memory + i * PAGE, .done = set_over};
		if (script[i].op == STORE_PUT)
			fill(pages[i].req.page, 5, script[i].version);
		store_submit(store, &pages[i].req);
	}
	EXPECT_EQ(stats_of(store).busy, n);
	ASSERT_EQ(store_wait(store, 10000), 0);
	for (i = 0; i < n; i++) {
		EXPECT_TRUE(pages[i].over);
		EXPECT_EQ(pages[i].req.status, script[i].status);
		fill(want, 5, script[i].version);
		if (script[i].op == STORE_GET && !script[i].status)
			EXPECT_TRUE(!memcmp(pages[i].req.page, want, PAGE));
	}
	expect(store, 5, 7);
	store_close(store);
}

/*
 * A model beside the store: any number of requests under way, each key as it
 * must be when its request's turn comes.
 */
static struct store *racer;
static uint64_t version[MANY];
static unsigned int steps, wrong;
static uint64_t seed = 1;

static unsigned int draw(unsigned int below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

static void step(struct store_req *req)
{
	struct page *page = (struct page *)req;
	char want[PAGE];

	if (page->over) {
		if (req->op == STORE_GET && !page->expected) {
			wrong += req->status != -ENOENT;
		} else if (req->op == STORE_GET) {
			fill(want, req->key, (uintptr_t)page->expected);
			wrong += req->status || memcmp(req->page, want, PAGE);
		} else {
			wrong += !!req->status;
		}
	}
	page->over = true;
	if (!steps)
		return;
	steps--;
	req->key = draw(MANY);
	req->op = draw(20) < 9 ? STORE_GET : draw(11) ? STORE_PUT : STORE_DEL;
	if (req->op == STORE_PUT) {
		version[req->key] = steps + 1;
		fill(req->page, req->key, steps + 1);
	} else if (req->op == STORE_DEL) {
		version[req->key] = 0;
	}
	page->expected = (void *)(uintptr_t)version[req->key];
	store_submit(racer, req);
}

TEST_EACH(many_at_once, const struct kind *, kinds)
{
	struct page *pages = calloc(200, sizeof(*pages));
	char *memory = new_pages(200);
	uint64_t key;
	int i;

	racer = open_store(each->url);
	steps = STEPS;
	for (i = 0; i < 200; i++) {
		pages[i].req.page = memory + i * PAGE;
		pages[i].req.done = step;
		step(&pages[i].req);
	}
	EXPECT_EQ(store_wait(racer, -1), 0);
	EXPECT_EQ(steps, 0);
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(stats_of(racer).busy, 0);
	EXPECT_EQ(stats_of(racer).gets + stats_of(racer).puts + stats_of(racer).dels, STEPS);
	for (key = 0; key < MANY; key++)
		if (version[key])
			expect(racer, key, version[key]);
	store_close(racer);
}

TEST_EACH(descriptor_tells, const struct kind *, kinds)
{
	struct store *store = open_store(each->url);
	struct pollfd fd = {.fd = store_fd(store), .events = POLLIN};
	struct page page = {.req = {.op = STORE_PUT, .key = 1, .page = new_pages(1),
				    .done = set_over}};

	fill(page.req.page, 1, 3);
	EXPECT_EQ(poll(&fd, 1, 0), 0);
	store_submit(store, &page.req);
	EXPECT_TRUE(!page.over);
	store_dispatch(store);
	while (!page.over) {
		ASSERT_EQ(poll(&fd, 1, 10000), 1);
		store_dispatch(store);
	}
	EXPECT_EQ(page.req.status, 0);
	EXPECT_EQ(store_dispatch(store), 0);
	store_close(store);
}

TEST_EACH(same_filled_pages_stay_here, const struct kind *, kinds)
{
	struct store *store = open_store(each->url);
	uint64_t key;

	for (key = 1; key <= 50; key++)
		put(store, key, 2);
	EXPECT_EQ(stats_of(store).same, 50);
	EXPECT_EQ(stats_of(store).bytes, 0);
	put(store, 7, 3);	/* random in its place, and one word again */
	put(store, 8, 3);
	put(store, 8, 5);
	EXPECT_EQ(stats_of(store).same, 49);
	EXPECT_EQ(stats_of(store).pages, 50);
	expect(store, 7, 3);
	expect(store, 8, 5);
	expect(store, 9, 2);
	store_close(store);
}

static const struct kind limited[] = {
	{ "mem", "mem:?size=64K" },
	{ "lz4", "zmem:?size=64K" },
	{ "file", "file:/tmp?size=64K" },
};

TEST_EACH(full_is_enospc, const struct kind *, limited)
{
	struct store *store = open_store(each->url);
	char *page = new_pages(1);
	uint64_t key, fits = 0;

	for (key = 0; key < 20; key++) {
		fill(page, key, 3);
		if (!run(store, STORE_PUT, key, page))
			fits++;
		else
			EXPECT_EQ(run(store, STORE_PUT, key, page), -ENOSPC);
	}
	EXPECT_LE(fits, 16);
	EXPECT_GE(fits, 14);
	EXPECT_EQ(stats_of(store).pages, fits);
	EXPECT_NE(strlen(store_why(store)), 0);
	EXPECT_EQ(run(store, STORE_GET, 19, page), -ENOENT);
	for (key = 0; key < fits; key++)
		expect(store, key, 3);
	ASSERT_EQ(run(store, STORE_DEL, 0, NULL), 0);
	put(store, 19, 3);
	expect(store, 19, 3);
	store_close(store);
}

TEST_EACH(unaligned_pages, const struct kind *, kinds)
{
	struct store *store = open_store(each->url);
	char *memory = new_pages(10), want[PAGE];
	struct page pages[8] = {};
	int i;

	for (i = 0; i < 8; i++) {
		pages[i].req = (struct store_req){.op = STORE_PUT, .key = i,
			.page = memory + i * PAGE + 8, .done = set_over};
		fill(pages[i].req.page, i, 3);
		store_submit(store, &pages[i].req);
	}
	ASSERT_EQ(store_wait(store, -1), 0);
	memset(memory, 0, 10 * PAGE);
	for (i = 0; i < 8; i++) {
		pages[i].req.op = STORE_GET;
		store_submit(store, &pages[i].req);
	}
	ASSERT_EQ(store_wait(store, -1), 0);
	for (i = 0; i < 8; i++) {
		fill(want, i, 3);
		EXPECT_EQ(pages[i].req.status, 0);
		EXPECT_TRUE(!memcmp(pages[i].req.page, want, PAGE));
	}
	store_close(store);
}

/* The descriptor of the one file without a name that is open, but for our output */
static int deleted_file(void)
{
	char path[300], target[300];
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	ssize_t n;
	int found = -1;

	while ((entry = readdir(dir))) {
		if (atoi(entry->d_name) <= STDERR_FILENO)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (!strncmp(target, "/tmp/", 5) && strstr(target, " (deleted)")) {
			EXPECT_EQ(found, -1);
			found = open(path, O_RDWR);
		}
	}
	closedir(dir);
	ASSERT_GE(found, 0);
	return found;
}

static const struct kind files[] = {
	{ "uring", "file:/tmp?engine=uring" },
	{ "threads", "file:/tmp?engine=threads" },
};

TEST_EACH(damaged_page_is_an_error, const struct kind *, files)
{
	struct store *store = open_store(each->url);
	char *page = new_pages(1), junk = 1;
	uint64_t key;
	int fd;

	for (key = 0; key < 8; key++)
		put(store, key, 3);
	fd = deleted_file();
	ASSERT_EQ(pwrite(fd, &junk, 1, 3 * PAGE + 100), 1);
	EXPECT_EQ(run(store, STORE_GET, 3, page), -EBADMSG);
	EXPECT_EQ(stats_of(store).corrupt, 1);
	expect(store, 2, 3);
	put(store, 3, 4);
	expect(store, 3, 4);
	close(fd);
	store_close(store);
}

/* Whole pages of the file in each other's place: right contents, wrong key */
TEST_EACH(exchanged_page_is_an_error, const struct kind *, files)
{
	struct store *store = open_store(each->url);
	char *page = new_pages(1);
	int fd;

	put(store, 1, 3);
	put(store, 2, 3);
	fd = deleted_file();
	ASSERT_EQ(pread(fd, page, PAGE, 0), PAGE);
	ASSERT_EQ(pwrite(fd, page, PAGE, PAGE), PAGE);
	expect(store, 1, 3);
	EXPECT_EQ(run(store, STORE_GET, 2, page), -EBADMSG);
	close(fd);
	store_close(store);
}

TEST_EACH(truncated_file_is_an_error, const struct kind *, files)
{
	struct store *store = open_store(each->url);
	struct page pages[8] = {};
	char *memory = new_pages(8);
	uint64_t key;
	int fd;

	for (key = 0; key < 8; key++)
		put(store, key, 3);
	fd = deleted_file();
	ASSERT_OK(ftruncate(fd, 5 * PAGE));
	for (key = 0; key < 8; key++) {	/* as one transfer */
		pages[key].req = (struct store_req){.op = STORE_GET, .key = key,
			.page = memory + key * PAGE, .done = set_over};
		store_submit(store, &pages[key].req);
	}
	ASSERT_EQ(store_wait(store, -1), 0);
	for (key = 0; key < 8; key++)
		EXPECT_EQ(pages[key].req.status, key < 5 ? 0 : -ENODATA);
	EXPECT_EQ(stats_of(store).lost, 3);
	close(fd);
	store_close(store);
}

TEST_EACH(holes_are_punched, const struct kind *, files)
{
	struct store *store = open_store(each->url);
	struct stat st;
	uint64_t key;
	int fd, i;

	for (key = 0; key < 1000; key++)
		put(store, key, 3);
	fd = deleted_file();
	for (key = 0; key < 1000; key++)
		if (key % 100)
			ASSERT_EQ(run(store, STORE_DEL, key, NULL), 0);
	/* Holes are made in the background: until they are there. */
	for (i = 0; i < 1000; i++) {
		store_dispatch(store);
		ASSERT_OK(fstat(fd, &st));
		if (st.st_blocks * 512 < 300 * PAGE)
			break;
		usleep(10000);
	}
	EXPECT_LT(st.st_blocks * 512, 300 * PAGE);
	for (key = 0; key < 1000; key += 100)
		expect(store, key, 3);
	for (key = 0; key < 500; key++)		/* and are used again */
		put(store, key, 4);
	ASSERT_OK(fstat(fd, &st));
	EXPECT_LE(st.st_size, 1000 * PAGE);
	for (key = 0; key < 500; key++)
		expect(store, key, 4);
	close(fd);
	store_close(store);
}

TEST(file_is_gone_when_it_is_open)
{
	struct store *store = open_store("file:/tmp/upager-store-test");

	EXPECT_ERRNO(access("/tmp/upager-store-test", F_OK), ENOENT);
	put(store, 1, 3);
	expect(store, 1, 3);
	EXPECT_EQ(store_close(store), 0);
}

TEST(file_with_contents_is_not_touched)
{
	char path[] = "/tmp/upager-store-XXXXXX", url[64];
	int fd = mkstemp(path);
	struct store *store;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(write(fd, "mine", 4), 4);
	snprintf(url, sizeof(url), "file:%s", path);
	EXPECT_EQ(store_open(url, NULL, &store), -EEXIST);
	EXPECT_TRUE(strstr(store_open_error(), path));
	EXPECT_EQ(lseek(fd, 0, SEEK_END), 4);
	unlink(path);
}

TEST(empty_file_is_used_and_left_empty)
{
	char path[] = "/tmp/upager-store-XXXXXX", url[64];
	int fd = mkstemp(path);
	struct store *store;

	snprintf(url, sizeof(url), "file:%s", path);
	store = open_store(url);
	put(store, 1, 3);
	expect(store, 1, 3);
	EXPECT_EQ(store_close(store), 0);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), 0);
	EXPECT_OK(unlink(path));
}

/* What a child does with its copy is nothing to the parent. */
TEST_EACH(child_abandons, const struct kind *, kinds)
{
	struct store *store = open_store(each->url);
	uint64_t key;
	int status;
	pid_t pid;

	for (key = 0; key < 20; key++)
		put(store, key, 3);
	pid = fork();
	if (!pid) {
		store_abandon(store);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	for (key = 0; key < 20; key++)
		expect(store, key, 3);
	put(store, 21, 3);
	expect(store, 21, 3);
	EXPECT_EQ(store_close(store), 0);
}

TEST_EACH(close_ends_what_is_under_way, const struct kind *, kinds)
{
	struct page *pages = calloc(500, sizeof(*pages));
	struct store *store = open_store(each->url);
	char *memory = new_pages(500);
	int i;

	for (i = 0; i < 500; i++) {
		pages[i].req = (struct store_req){.op = STORE_PUT, .key = i / 2,
			.page = memory + i * PAGE, .done = set_over};
		fill(pages[i].req.page, i, 3);
		store_submit(store, &pages[i].req);
	}
	EXPECT_EQ(store_close(store), 0);
	for (i = 0; i < 500; i++) {
		EXPECT_TRUE(pages[i].over);
		EXPECT_TRUE(pages[i].req.status == 0 || pages[i].req.status == -ECANCELED);
	}
}

static const struct bad {
	const char *name;
	const char *url;
	int error;
	const char *words;
} bads[] = {
	{ "empty", "", EINVAL, "no such kind" },
	{ "no_scheme", "/tmp/x", EINVAL, "no such kind" },
	{ "unknown", "nfs://x", EINVAL, "no such kind" },
	{ "half_a_scheme", "me:", EINVAL, "no such kind" },
	{ "mem_path", "mem:/tmp", EINVAL, "options" },
	{ "unknown_option", "mem:?colour=red", EINVAL, "no such option" },
	{ "option_without_value", "mem:?size", EINVAL, "NAME=VALUE" },
	{ "bad_size", "mem:?size=12X", EINVAL, "size" },
	{ "no_size", "mem:?size=0", EINVAL, "size" },
	{ "huge_size", "mem:?size=99999999999T", EINVAL, "size" },
	{ "bad_algo", "zmem:?algo=zip", EINVAL, "lz4 and zstd" },
	{ "bad_level", "zmem:?algo=zstd&level=100", EINVAL, "level" },
	{ "no_path", "file:", EINVAL, "path" },
	{ "no_directory", "file:/nowhere/x", ENOENT, "/nowhere/x" },
	{ "bad_engine", "file:/tmp?engine=steam", EINVAL, "uring" },
	{ "bad_depth", "mem:?depth=0", EINVAL, "depth" },
	{ "redis_no_host", "redis://", EINVAL, "host" },
	{ "redis_no_slashes", "redis:localhost", EINVAL, "//" },
	{ "redis_port", "redis://localhost:99999", EINVAL, "port" },
	{ "redis_many", "redis://a,b", EINVAL, "redis+cluster" },
	{ "redis_db", "redis://localhost/x", EINVAL, "database" },
	{ "redis_login", "redis://user@localhost", EINVAL, "PASSWORD" },
	{ "redis_refused", "redis://127.0.0.1:1", ECONNREFUSED, "127.0.0.1:1" },
	{ "cluster_db", "redis+cluster://localhost/3", EINVAL, "databases" },
	{ "unix_relative", "redis+unix://x", EINVAL, "absolute" },
	{ "unix_nobody", "redis+unix:///nowhere/sock", ECONNREFUSED, "/nowhere/sock" },
	{ "tls", "rediss://localhost", EINVAL, "TLS" },
};

TEST_EACH(bad_url, const struct bad *, bads)
{
	struct store *store = (struct store *)&store;

	EXPECT_EQ(store_open(each->url, NULL, &store), -each->error);
	EXPECT_EQ((uintptr_t)store, 0);
	if (!strstr(store_open_error(), each->words))
		ktap_fail(__FILE__, __LINE__, 0, "'%s' does not say '%s'", store_open_error(),
			  each->words);
}

TEST(password_is_not_shown)
{
	struct store *store;

	EXPECT_EQ(store_open("redis://me:secret@127.0.0.1:1", NULL, &store), -ECONNREFUSED);
	EXPECT_TRUE(!strstr(store_open_error(), "secret"));
	EXPECT_TRUE(strstr(store_open_error(), "redis://me:***@127.0.0.1:1"));
}
