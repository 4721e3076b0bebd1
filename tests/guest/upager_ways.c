// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to fill pages that newer kernels have: shared memory is filled in the
 * client's file (UFFDIO_CONTINUE), pages are moved (UFFDIO_MOVE). Where the kernel
 * has not got them, they are refused, and the same memory is copied. Runs on this
 * machine as well (tests/host/upager-ways.sh).
 */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=180
#include <fcntl.h>
#include <pthread.h>
#include <sys/utsname.h>

#include "upager_test.h"

static bool has(uint64_t feature)
{
	return uffd_features() & feature;
}

/* The best for shared memory: the tests are the same with and without it. */
static const char *way_to_share(void)
{
	return has(UFFD_FEATURE_MINOR_SHMEM) ? "continue" : "copy";
}

static bool kernel_is(int major, int minor)
{
	struct utsname name;
	int at[2], fields;

	ASSERT_OK(uname(&name));
	fields = sscanf(name.release, "%d.%d", &at[0], &at[1]);
	ASSERT_EQ(fields, 2);
	return at[0] > major || (at[0] == major && at[1] >= minor);
}

static int error_of(const char *resolver)
{
	const struct pager_config config = {.resolver = resolver};
	struct pager *pager;
	int err;

	pager = pager_new(&config, &err);
	pager_free(pager);
	return err;
}

TEST(kernel_decides)
{
	bool is_32bit = sizeof(long) == 4;

	EXPECT_EQ(has(UFFD_FEATURE_MINOR_SHMEM), kernel_is(5, 14) && !is_32bit);
	EXPECT_EQ(has(UFFD_FEATURE_MOVE), kernel_is(6, 8));
	EXPECT_EQ(error_of("continue"), has(UFFD_FEATURE_MINOR_SHMEM) ? 0 : -EOPNOTSUPP);
	EXPECT_EQ(error_of("move"), has(UFFD_FEATURE_MOVE) ? 0 : -EOPNOTSUPP);
	EXPECT_EQ(error_of("nonsense"), -EINVAL);
}

/* It says which one it is. */
TEST(auto_is_the_best)
{
	pid_t pager = plain_pager("auto");
	struct json_object *stat = pager_stat(), *name;

	ASSERT_TRUE(json_object_object_get_ex(stat, "resolver", &name));
	EXPECT_STR_EQ(json_object_get_string(name),
		      access("/dev/pgtbl", F_OK) || resolver_pool_holds() ? "copy" : "pool");
	json_object_put(stat);
	stop_pager(pager);
}

/* A source that counts, and does as the tests below want it */
enum mood { GOOD, FAILS_ONCE, FAILS, HOLDS };

static struct told {
	enum mood mood;
	volatile unsigned int asked;
	volatile unsigned int read;
} *told;

static struct store_req *held;

static void give(struct store_req *req, int status)
{
	memset(req->page, letter_of(req->key), page_len);
	req->status = status;
	req->done(req);
}

static void told_get(struct source *source, struct store_req *req)
{
	struct store_req *next;

	(void)source;
	told->asked++;
	if (req->key == 3 && (told->mood == FAILS ||
			      (told->mood == FAILS_ONCE && told->asked == 1))) {
		give(req, -EIO);
		return;
	}
	if (req->key == 3 && told->mood == HOLDS) {
		/* half of it has come */
		memset(req->page, letter_of(3), page_len / 2);
		req->private.next = held;
		held = req;
		return;
	}
	give(req, 0);
	for (; held; held = next) {
		next = held->private.next;
		give(held, 0);
	}
}

static const struct source_ops told_ops = {.get = told_get};
static struct source telling = {&told_ops};

static pid_t sharing_pager(enum mood mood)
{
	told = mmap(NULL, page_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(told != MAP_FAILED);
	told->mood = mood;
	return run_pager((struct pager_config){
		.resolver = way_to_share(), .keeper = true, .source = &telling, .tries = 2,
	});
}

static int new_file(size_t pages, int seals)
{
	int fd = memfd_create("shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ASSERT_TRUE(fd >= 0);
	ASSERT_OK(ftruncate(fd, pages * page_len));
	ASSERT_OK(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static unsigned char *map_file(int fd, size_t pages, off_t first)
{
	void *at = mmap(NULL, pages * page_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			first * page_len);

	ASSERT_TRUE(at != MAP_FAILED);
	return at;
}

static struct attach attach;

/* share() - the file as memory of this process, from that page on */
static unsigned char *share(int fd, size_t pages, off_t first)
{
	unsigned char *at = map_file(fd, pages, first);

	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_shared(&attach, at, pages * page_len, fd, first * page_len), 0);
	return at;
}

/* All that is not done as it is meant to be is copied, which is counted. */
static uint64_t copied(void)
{
	return has(UFFD_FEATURE_MINOR_SHMEM) ? counted("fallbacks") : 0;
}

TEST(shared_pages)
{
	pid_t pager = sharing_pager(GOOD);
	int fd = new_file(PAGES, F_SEAL_SHRINK);
	unsigned char *at = share(fd, PAGES, 0);

	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	EXPECT_EQ(counted("pages"), PAGES);
	EXPECT_EQ(copied(), 0);
	EXPECT_EQ(told->asked, PAGES);
	stop_pager(pager);
	/* it is in the file for everybody */
	EXPECT_EQ(wrong_pages(map_file(fd, PAGES, 0), PAGES), 0);
}

TEST(shared_from_the_middle)
{
	pid_t pager = sharing_pager(GOOD);
	int fd = new_file(PAGES + 7, F_SEAL_SHRINK);
	unsigned char *at = share(fd, PAGES, 7), *all = map_file(fd, PAGES + 7, 0);

	EXPECT_TRUE(is_page(at + 5 * page_len, 'F'));
	EXPECT_TRUE(is_page(all + 12 * page_len, 'F'));
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	EXPECT_EQ(copied(), 0);
	stop_pager(pager);
}

/* What one client has got or changed, another one sees; the source is asked once. */
static void read_the_same(void *arg)
{
	unsigned char *at = share(*(int *)arg, PAGES, 0);

	EXPECT_TRUE(is_page(at, '!'));
	EXPECT_EQ(wrong_pages(at + 26 * page_len, PAGES - 26), 0);
	memset(at + 30 * page_len, '?', page_len);
}

TEST(shared_by_two)
{
	pid_t pager = sharing_pager(GOOD);
	int fd = new_file(PAGES, F_SEAL_SHRINK);
	unsigned char *at = share(fd, PAGES, 0);

	memset(at, '!', page_len);
	EXPECT_TRUE(is_page(at + 30 * page_len, letter_of(30)));
	EXPECT_EQ(in_child(read_the_same, &fd), 0);
	EXPECT_TRUE(is_page(at, '!'));
	EXPECT_TRUE(is_page(at + 30 * page_len, '?'));
	EXPECT_EQ(wrong_pages(at + 52 * page_len, PAGES - 52), 0);
	/* all but those from 1 to 25 */
	EXPECT_EQ(told->asked, PAGES - 25);
	EXPECT_EQ(copied(), 0);
	await_clients(1);
	stop_pager(pager);
}

/* A page that has come by half is nobody's yet, also if the file has it. */
static void read_when_whole(void *arg)
{
	unsigned char *at = share(*(int *)arg, PAGES, 0);

	EXPECT_TRUE(is_page(at + 3 * page_len, 'D'));
	__atomic_add_fetch(&told->read, 1, __ATOMIC_RELAXED);
}

/* Two processes that read the file, and wait for its page. */
static void start_readers(pid_t *pids, int *fd)
{
	int i, tries;

	fflush(stdout);
	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		ASSERT_TRUE(pids[i] >= 0);
		if (!pids[i]) {
			read_when_whole(fd);
			_exit(0);
		}
	}
	for (tries = 0; tries < PATIENCE * 100 && counted("faults") < 2; tries++)
		usleep(10000);
}

TEST(shared_half_a_page)
{
	pid_t pager = sharing_pager(HOLDS), pids[2];
	int fd = new_file(PAGES, F_SEAL_SHRINK), i, status;
	unsigned char *at = share(fd, PAGES, 0);

	start_readers(pids, &fd);
	EXPECT_EQ(told->read, 0);
	/* the source goes on */
	EXPECT_TRUE(is_page(at, 'A'));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(waitpid(pids[i], &status, 0), pids[i]);
		EXPECT_EQ(status, 0);
	}
	EXPECT_EQ(told->read, 2);
	stop_pager(pager);
}

/* Nor does anybody see it when the pager is killed. */
TEST(shared_when_the_pager_is_killed)
{
	pid_t pager = sharing_pager(HOLDS), pids[2];
	int fd = new_file(PAGES, F_SEAL_SHRINK), i, status;

	start_readers(pids, &fd);
	ASSERT_OK(kill(pager, SIGKILL));
	ASSERT_EQ(waitpid(pager, &status, 0), pager);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(waitpid(pids[i], &status, 0), pids[i]);
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	EXPECT_EQ(told->read, 0);
}

TEST(shared_after_a_failure)
{
	pid_t pager = sharing_pager(FAILS_ONCE);
	unsigned char *at = share(new_file(PAGES, F_SEAL_SHRINK), PAGES, 0);

	EXPECT_TRUE(is_page(at + 3 * page_len, 'D'));
	EXPECT_EQ(counted("retries"), 1);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	stop_pager(pager);
}

/* SIGBUS for who needs it, and nothing of it in the file */
static void read_lost(void *arg)
{
	unsigned char *at = share(*(int *)arg, PAGES, 0);

	EXPECT_TRUE(is_page(at + 2 * page_len, 'C'));
	(void)*(volatile unsigned char *)(at + 3 * page_len);
}

TEST(shared_page_that_is_lost)
{
	pid_t pager = sharing_pager(FAILS);
	int fd = new_file(PAGES, F_SEAL_SHRINK);
	int status = in_child(read_lost, &fd);

	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	EXPECT_EQ(lseek(fd, 3 * page_len, SEEK_HOLE), 3 * page_len);
	EXPECT_TRUE(is_page(map_file(fd, PAGES, 0) + 2 * page_len, 'C'));
	await_clients(0);
	stop_pager(pager);
}

/* A file that the client could cut off under the pager's hands is not written to. */
TEST(shared_but_not_sealed)
{
	pid_t pager = sharing_pager(GOOD);
	unsigned char *at = share(new_file(PAGES, F_SEAL_GROW), PAGES, 0);

	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	EXPECT_EQ(copied(), has(UFFD_FEATURE_MINOR_SHMEM) ? PAGES : 0);
	stop_pager(pager);
}

/* Files that are none of memory, or not what they are said to be, are not taken. */
static const struct wrong {
	const char *name;
	const char *file;
	uint64_t page;
	uint64_t more;
} wrongs[] = {
	{ "device", "/dev/zero", 0, 0 }, { "directory", "/", 0, 0 },
	{ "program", "/proc/self/exe", 0, 0 }, { "too_short", NULL, 1, 0 },
	{ "unaligned", NULL, 0, 1 }, { "far_behind", NULL, 1 << 20, 0 },
};

TEST_EACH(wrong_file, const struct wrong *, wrongs)
{
	pid_t pager = sharing_pager(GOOD);
	unsigned char *at = map_file(new_file(PAGES, 0), PAGES, 0);
	struct wire wire = {
		.magic = WIRE_MAGIC, .type = WIRE_REGION, .a = (uintptr_t)at,
		.b = (uintptr_t)at + PAGES * page_len, .c = REGION_FIXED, .d = page_len,
	};
	int fd = each->file ? open(each->file, O_RDONLY) : new_file(PAGES, F_SEAL_SHRINK);

	ASSERT_TRUE(fd >= 0);
	wire.e = each->page * page_len + each->more;
	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(wire_send(attach.sock, &wire, fd), 0);
	ASSERT_EQ(wire_receive(attach.sock, &wire, NULL), 1);
	EXPECT_EQ(wire.a, 0);
	EXPECT_EQ(wire.b, 0);
	ASSERT_EQ(uffd_register(attach.uffd.fd, (uintptr_t)at, PAGES * page_len), 0);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	stop_pager(pager);
}

static void read_rest(void *at)
{
	EXPECT_TRUE(is_page(at, '!'));
	EXPECT_EQ(wrong_pages((unsigned char *)at + 26 * page_len, PAGES - 26), 0);
}

TEST(shared_with_a_child)
{
	pid_t pager = sharing_pager(GOOD);
	unsigned char *at = share(new_file(PAGES, F_SEAL_SHRINK), PAGES, 0);
	int status;

	memset(at, '!', page_len);
	status = in_child(read_rest, at);
	EXPECT_EQ(wrong_pages(at + 26 * page_len, PAGES - 26), 0);
	if (attach.uffd.features & UFFD_FEATURE_EVENT_FORK) {
		EXPECT_EQ(status, 0);
		EXPECT_EQ(counted("forks"), 1);
	} else {
		/* without privilege a child does not get it at all */
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
	stop_pager(pager);
}

TEST(shared_and_moved)
{
	pid_t pager = sharing_pager(GOOD);
	unsigned char *at = share(new_file(PAGES, F_SEAL_SHRINK), PAGES, 0), *to = anon(PAGES);

	EXPECT_TRUE(is_page(at + page_len, 'B'));
	ASSERT_TRUE(mremap(at + 8 * page_len, 8 * page_len, 8 * page_len,
			   MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	EXPECT_TRUE(is_page(to, 'I'));
	EXPECT_TRUE(is_page(to + 7 * page_len, 'P'));
	EXPECT_EQ(wrong_pages(at, 8), 0);
	EXPECT_TRUE(is_page(at + 16 * page_len, 'Q'));
	EXPECT_EQ(copied(), 0);
	stop_pager(pager);
}

TEST(shared_and_detached)
{
	pid_t pager = sharing_pager(GOOD);
	unsigned char *at = share(new_file(PAGES, F_SEAL_SHRINK), PAGES, 0);

	memset(at + 5 * page_len, 'x', page_len);
	ASSERT_EQ(attach_detach(&attach), 0);
	stop_pager(pager);
	EXPECT_TRUE(is_page(at + 5 * page_len, 'x'));
	memset(at + 5 * page_len, 'F', page_len);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
}

/* A pager that is a thread of its client can move pages; to another process it can't. */
static pthread_barrier_t listening;

static void *be_pager(void *arg)
{
	struct pager_config config = {
		.resolver = has(UFFD_FEATURE_MOVE) ? "move" : "copy",
		.source = &letters.source,
		.region = give_letters,
		.socket = path,
	};
	struct pager *pager;
	int err;

	(void)arg;
	pager = pager_new(&config, &err);
	ASSERT_TRUE(pager);
	pthread_barrier_wait(&listening);
	pager_run(pager);
	return NULL;
}

TEST(moved_by_a_thread)
{
	unsigned char *at;
	pthread_t thread;

	pthread_barrier_init(&listening, NULL, 2);
	ASSERT_EQ(pthread_create(&thread, NULL, be_pager, NULL), 0);
	pthread_barrier_wait(&listening);
	at = paged(PAGES);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	at[3 * page_len] = '!';
	EXPECT_EQ(at[3 * page_len + 1], 'D');
	EXPECT_EQ(counted("pages"), PAGES);
	EXPECT_EQ(counted("fallbacks"), 0);
	/* shared memory can't be had so */
	at = map_file(new_file(PAGES, 0), PAGES, 0);
	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_shared(&attach, at, PAGES * page_len, -1, 0), 0);
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	EXPECT_EQ(counted("fallbacks"), has(UFFD_FEATURE_MOVE) ? PAGES : 0);
}

TEST(moved_to_another_process)
{
	const char *way = has(UFFD_FEATURE_MOVE) ? "move" : "copy";
	pid_t pager = plain_pager(way);
	unsigned char *at = paged(PAGES);

	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	EXPECT_EQ(counted("fallbacks"), has(UFFD_FEATURE_MOVE) ? PAGES : 0);
	stop_pager(pager);
}
