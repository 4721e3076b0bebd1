// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients that start from one snapshot: pages that they only read are one page for
 * all of them, what one writes is its own, and pfstat counts each copy.
 */
// vm: smp=4 mem=512 timeout=180
#include <errno.h>
#include <fcntl.h>

#include "../../user/client/upager.h"
#include "../../user/upager/evict.h"
#include "../../user/upager/image.h"
#include "../../user/upager/order.h"
#include "../../user/upager/snapshot.h"
#include "lib/cow.h"
#include "upager_test.h"

#define NAME		"data"
#define START		0x70000000ul
#define CLIENTS		4u
/* of PAGES: the last ones are zeros, and not in the file */
#define ZEROS		8u
/* Client I writes to page I * 8 and the I + 2 behind, and to as many zeros */
#define FIRST(client)	((client) * 8)
#define WRITTEN(client)	((client) + 3)
/* of /proc/PID/pagemap */
#define PRESENT		(1ull << 63)
#define FRAME		((1ull << 55) - 1)

static char image_path[64], order_path[64 + sizeof(ORDER_SUFFIX)];

static uint32_t word_of(size_t page)
{
	return page * 0x10001 + 1;
}

/* A snapshot of a region; the last ZEROS of its pages are zeros. */
static struct snapshot *make_snapshot_of(size_t pointer, size_t pages, const uint64_t *order,
					 size_t count)
{
	uint32_t *page = malloc(page_len);
	struct image_writer *writer;
	struct snapshot *snapshot;
	struct image *image;
	size_t i, k;

	snprintf(image_path, sizeof(image_path), "/tmp/upager-image-%d", (int)getpid());
	snprintf(order_path, sizeof(order_path), "%s" ORDER_SUFFIX, image_path);
	ASSERT_TRUE(page);
	ASSERT_EQ(image_create(image_path, page_len, pointer, IMAGE_LZ4, &writer), 0);
	ASSERT_EQ(image_add(writer, NAME, START, pages * page_len), 0);
	for (i = 0; i < pages - ZEROS; i++) {
		for (k = 0; k < page_len / sizeof(*page); k++)
			page[k] = word_of(i);
		ASSERT_EQ(image_put(writer, START + i * page_len, page), 0);
	}
	ASSERT_EQ(image_commit(writer, NULL), 0);
	free(page);
	if (count) {
		ASSERT_EQ(image_open(image_path, &image), 0);
		ASSERT_EQ(order_write(order_path, image, order, count), 0);
		image_close(image);
	}
	ASSERT_EQ(snapshot_open(image_path, false, &snapshot), 0);
	unlink(image_path);
	unlink(order_path);
	setenv(RUN_SOCKET_ENV, path, 1);
	return snapshot;
}

static struct snapshot *make_snapshot(size_t pages, const uint64_t *order, size_t count)
{
	return make_snapshot_of(sizeof(void *), pages, order, count);
}

/* struct client_of - a process that has the region, and does one step at a time */
struct client_of {
	pid_t pid;
	int to;
	int from;
};

/* In a client: says that a step is done, and waits for the next */
static void step(const struct client_of *me)
{
	char byte;

	ASSERT_EQ(write(me->from, "", 1), 1);
	ASSERT_EQ(read(me->to, &byte, 1), 1);
	if (byte == 'q')
		_exit(0);
}

static bool has(const uint32_t *at, size_t page, size_t pages)
{
	const volatile uint32_t *words = at + page * (page_len / sizeof(*at));
	uint32_t want = page < pages - ZEROS ? word_of(page) : 0;

	return words[1] == want && words[page_len / sizeof(*at) - 1] == want;
}

static void map_region(uint32_t **at)
{
	size_t len = 0;
	void *where = NULL;

	ASSERT_EQ(upager_map(NAME, &where, &len), 1);
	ASSERT_EQ((uintptr_t)where, START);
	ASSERT_EQ(len, PAGES * page_len);
	*at = where;
}

static void be_client(const struct client_of *me, unsigned int number)
{
	const size_t words = page_len / sizeof(uint32_t);
	unsigned int i, wrong = 0;
	uint32_t *at;

	only_small_pages();
	map_region(&at);
	step(me);
	for (i = 0; i < PAGES; i++)
		wrong += !has(at, i, PAGES);
	EXPECT_EQ(wrong, 0);
	step(me);
	for (i = 0; i < WRITTEN(number); i++) {
		at[(FIRST(number) + i) * words] = number;
		at[(PAGES - ZEROS + i) * words] = number;
	}
	step(me);
	/* all but what was written is as it was, and that is what was written */
	for (i = 0; i < PAGES; i++)
		wrong += !has(at, i, PAGES);
	for (i = 0; i < WRITTEN(number); i++)
		wrong += at[(FIRST(number) + i) * words] != number ||
			 at[(PAGES - ZEROS + i) * words] != number;
	EXPECT_EQ(wrong, 0);
	step(me);
	_exit(0);
}

static struct client_of start_client(unsigned int number)
{
	struct client_of client, me;
	int there[2], back[2];

	ASSERT_OK(pipe(there));
	ASSERT_OK(pipe(back));
	fflush(stdout);
	client = (struct client_of){.pid = fork(), .to = there[1], .from = back[0]};
	ASSERT_TRUE(client.pid >= 0);
	me = (struct client_of){.to = there[0], .from = back[1]};
	if (!client.pid) {
		close(there[1]);
		close(back[0]);
		be_client(&me, number);
	}
	close(there[0]);
	close(back[1]);
	return client;
}

static void await_step(const struct client_of *client)
{
	char byte;

	ASSERT_EQ(read(client->from, &byte, 1), 1);
}

static void next_step(const struct client_of *client)
{
	ASSERT_EQ(write(client->to, "", 1), 1);
	await_step(client);
}

static void end_client(const struct client_of *client)
{
	int status;

	ASSERT_EQ(write(client->to, "q", 1), 1);
	close(client->to);
	close(client->from);
	ASSERT_EQ(waitpid(client->pid, &status, 0), client->pid);
	EXPECT_EQ(status, 0);
}

/* Which frames a process has for the region */
static void frames_of(pid_t pid, uint64_t frames[PAGES])
{
	char name[40];
	unsigned int i;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/pagemap", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	ASSERT_TRUE(fd >= 0);
	ASSERT_EQ(pread(fd, frames, PAGES * sizeof(frames[0]),
			START / page_len * sizeof(frames[0])),
		  (ssize_t)(PAGES * sizeof(frames[0])));
	close(fd);
	for (i = 0; i < PAGES; i++)
		frames[i] = frames[i] & PRESENT ? frames[i] & FRAME : 0;
}

/* How many of the first pages are the same frame in both, and there at all */
static unsigned int common(const struct client_of *one, const struct client_of *other)
{
	uint64_t left[PAGES], right[PAGES];
	unsigned int i, count = 0;

	frames_of(one->pid, left);
	frames_of(other->pid, right);
	for (i = 0; i < PAGES - ZEROS; i++)
		count += left[i] && left[i] == right[i];
	return count;
}

static const struct how {
	const char *name;
	bool shared;
} hows[] = {
	{ "pool", true },
	{ "copy", false },
};

TEST_EACH(each_copies_what_it_writes, const struct how *, hows)
{
	struct snapshot *snapshot = make_snapshot(PAGES, NULL, 0);
	struct client_of clients[CLIENTS];
	struct pfstat_id ids[CLIENTS];
	unsigned int i, written = 0;
	pid_t pager;

	cow_begin();
	pager = run_pager((struct pager_config){
		.resolver = each->name, .keeper = true, .snapshot = snapshot,
	});
	for (i = 0; i < CLIENTS; i++) {
		clients[i] = start_client(i);
		await_step(&clients[i]);
	}
	/* lazily: nothing has come before it was touched */
	EXPECT_EQ(counted("pages"), 0);
	for (i = 0; i < CLIENTS; i++)
		next_step(&clients[i]);
	EXPECT_EQ(counted("pages"), CLIENTS * (PAGES - ZEROS));
	EXPECT_EQ(counted("zeros"), CLIENTS * ZEROS);
	EXPECT_EQ(counted("faults"), CLIENTS * PAGES);
	EXPECT_EQ(counted("fallbacks"), 0);
	for (i = 1; i < CLIENTS; i++)
		EXPECT_EQ(common(&clients[0], &clients[i]), each->shared ? PAGES - ZEROS : 0);
	for (i = 0; i < CLIENTS; i++)
		ids[i] = track_pid(clients[i].pid);
	for (i = 0; i < CLIENTS; i++)
		next_step(&clients[i]);
	for (i = 0; i < CLIENTS; i++)
		EXPECT_COUNTS(&ids[i], 0, START, PAGES,
			      .copy = each->shared ? WRITTEN(i) : 0, .zero = WRITTEN(i));
	for (i = 1; i < CLIENTS; i++) {
		written = WRITTEN(0) + WRITTEN(i);
		EXPECT_EQ(common(&clients[0], &clients[i]),
			  each->shared ? PAGES - ZEROS - written : 0);
	}
	/* who wrote has it, the others do not see it, and the pager was not asked again */
	for (i = 0; i < CLIENTS; i++)
		next_step(&clients[i]);
	EXPECT_EQ(counted("faults"), CLIENTS * PAGES);
	for (i = 0; i < CLIENTS; i++)
		end_client(&clients[i]);
	stop_pager(pager);
	snapshot_close(snapshot);
}

/* The file is read once for all: the second client has pages of the first. */
TEST(read_once)
{
	struct snapshot *snapshot = make_snapshot(PAGES, NULL, 0);
	pid_t pager = run_pager((struct pager_config){
		.resolver = "pool", .keeper = true, .snapshot = snapshot,
	});
	struct client_of one = start_client(0), other = start_client(1);
	struct json_object *stat, *told, *number;

	await_step(&one);
	await_step(&other);
	next_step(&one);
	next_step(&other);
	stat = pager_stat();
	ASSERT_TRUE(json_object_object_get_ex(stat, "snapshot", &told));
	ASSERT_TRUE(json_object_object_get_ex(told, "read", &number));
	EXPECT_EQ(json_object_get_uint64(number), PAGES - ZEROS);
	json_object_put(stat);
	end_client(&one);
	end_client(&other);
	stop_pager(pager);
	snapshot_close(snapshot);
}

/* What an order names is there before it is touched; the rest faults. */
TEST_EACH(comes_in_order, const struct how *, hows)
{
	uint64_t order[PAGES / 2];
	struct snapshot *snapshot;
	struct client_of client;
	unsigned int i, tries;
	pid_t pager;

	for (i = 0; i < PAGES / 2; i++)
		order[i] = PAGES - 1 - 2 * i;
	snapshot = make_snapshot(PAGES, order, PAGES / 2);
	pager = run_pager((struct pager_config){
		.resolver = each->name, .keeper = true, .snapshot = snapshot,
	});
	client = start_client(0);
	await_step(&client);
	for (tries = 0; tries < PATIENCE * 100; tries++) {
		if (counted("pages") + counted("zeros") == PAGES / 2)
			break;
		usleep(10000);
	}
	EXPECT_EQ(counted("zeros"), ZEROS / 2);
	EXPECT_EQ(counted("faults"), 0);
	next_step(&client);
	EXPECT_EQ(counted("faults"), PAGES / 2);
	end_client(&client);
	stop_pager(pager);
	snapshot_close(snapshot);
}

#define MANY	17000u

static void read_many(void *arg)
{
	size_t i, len = MANY * page_len, wrong = 0;
	void *at = NULL;

	(void)arg;
	ASSERT_EQ(upager_map(NAME, &at, &len), 1);
	for (i = 0; i < MANY; i++)
		wrong += !has(at, i, MANY);
	_exit(wrong ? 1 : 0);
}

/* More than the pool has, twice: what does not fit is copied, and nobody waits for ever. */
TEST_SECONDS(more_than_the_pool, 60)
{
	struct snapshot *snapshot = make_snapshot(MANY, NULL, 0);
	pid_t pager = run_pager((struct pager_config){
		.resolver = "pool", .keeper = true, .snapshot = snapshot, .prefetch = 64,
	});
	uint64_t once;

	EXPECT_EQ(in_child(read_many, NULL), 0);
	once = counted("fallbacks");
	EXPECT_GT(once, 0);
	EXPECT_LT(once, MANY / 2);
	EXPECT_EQ(counted("pages"), MANY - ZEROS);
	EXPECT_EQ(in_child(read_many, NULL), 0);
	EXPECT_EQ(counted("pages"), 2 * (MANY - ZEROS));
	stop_pager(pager);
	snapshot_close(snapshot);
}

/* A program of the other size can't follow its pointers. */
TEST(pointers_of_another_size)
{
	struct snapshot *snapshot = make_snapshot_of(12 - sizeof(void *), PAGES, NULL, 0);
	pid_t pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .snapshot = snapshot,
	});
	void *at = NULL;
	size_t len = 0;

	EXPECT_ERRNO(upager_map(NAME, &at, &len), ENOEXEC);
	stop_pager(pager);
	snapshot_close(snapshot);
}

/* Not where it was, not as long, or something is there: refused */
TEST(not_where_it_was)
{
	struct snapshot *snapshot = make_snapshot(PAGES, NULL, 0);
	pid_t pager = run_pager((struct pager_config){
		.resolver = "copy", .keeper = true, .snapshot = snapshot,
	});
	void *at = (void *)(START + 2 * PAGES * page_len);
	size_t len = 0;

	EXPECT_ERRNO(upager_map(NAME, &at, &len), EINVAL);
	at = NULL;
	len = PAGES * page_len / 2;
	EXPECT_ERRNO(upager_map(NAME, &at, &len), EINVAL);
	at = mmap((void *)START, page_len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		  -1, 0);
	ASSERT_EQ((uintptr_t)at, START);
	at = NULL;
	len = 0;
	EXPECT_ERRNO(upager_map(NAME, &at, &len), EEXIST);
	munmap((void *)START, page_len);
	EXPECT_EQ(upager_map(NAME, &at, &len), 1);
	EXPECT_TRUE(has(at, 3, PAGES));
	stop_pager(pager);
	EXPECT_TRUE(has(at, 4, PAGES));
	snapshot_close(snapshot);
}
