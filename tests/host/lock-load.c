// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is locked while there is too much of it.
 *
 * usage: lock-load some|all|fork|limit|moved PAGES LOCKED
 *
 * PAGES pages are written, of which LOCKED pages are locked then:
 *
 * some		by mlock(); other threads use the rest meanwhile
 * all		by mlockall()
 * fork		by mlock() in a child, of what it has from its parent
 * limit	LOCKED pages may be, one more is refused and not locked
 * moved	by mlock(), and moved by mremap() then
 *
 * Those must be in memory (mincore()), as long as they are locked and the rest is
 * used, and not all of them when they are not locked any more. Status 1 if not.
 */
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS	6
#define TRIES	3000

static size_t page;
static atomic_bool over;

static void fail(const char *what)
{
	fprintf(stderr, "lock-load: %s\n", what);
	exit(1);
}

static char *get_pages(size_t count)
{
	char *at = mmap(NULL, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	for (size_t i = 0; i < count; i++)
		snprintf(at + i * page, page, "page %zu", i);
	return at;
}

/* The first page may be any, the others are those that follow it. */
static void check(const char *at, size_t count)
{
	size_t first = 0, i;
	char want[32];

	if (sscanf(at, "page %zu", &first) != 1)
		fail("a page is none");
	for (i = 0; i < count; i++) {
		snprintf(want, sizeof(want), "page %zu", first + i);
		if (strcmp(at + i * page, want))
			fail("a page is not what was written");
	}
}

static size_t present(char *at, size_t count)
{
	unsigned char *in = malloc(count);
	size_t sum = 0;

	if (!in || mincore(at, count * page, in))
		fail("mincore");
	for (size_t i = 0; i < count; i++)
		sum += in[i] & 1;
	free(in);
	return sum;
}

/* Locked memory of this process, in pages, as the kernel says */
static size_t kernel_says(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmLck: %lu", &kib);
	if (file)
		fclose(file);
	return kib * 1024 / page;
}

struct rest {
	char *at;
	size_t count;
};

static void *use(void *arg)
{
	const struct rest *rest = arg;

	while (!over)
		check(rest->at, rest->count);
	return NULL;
}

/* All of the rest was used, more than once: who may go has gone. */
static void go_round(const struct rest *rest)
{
	for (int i = 0; i < 3; i++)
		check(rest->at, rest->count);
}

static void stays(char *at, size_t count, const struct rest *rest)
{
	if (present(at, count) != count)
		fail("a page that was just locked is not there");
	go_round(rest);
	if (present(at, count) != count)
		fail("a page that is locked has gone");
	check(at, count);
}

/* Not at once: if all was there, the rest is used faster than pages go. */
static void goes(char *at, size_t count, const struct rest *rest)
{
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		go_round(rest);
		if (present(at, count) < count)
			break;
		usleep(10000);
	}
	if (tries == TRIES)
		fail("what is not locked any more stays");
	check(at, count);
}

static void some(char *at, size_t count, struct rest *rest)
{
	pthread_t threads[2];
	size_t part = count / 4, at_page, i;

	if (pthread_create(&threads[0], NULL, use, rest) ||
	    pthread_create(&threads[1], NULL, use, rest))
		fail("threads");
	for (i = 0; i < ROUNDS; i++) {
		at_page = i % 4 * part;
		if (mlock(at + at_page * page, part * page))
			fail("mlock");
		stays(at + at_page * page, part, rest);
		if (kernel_says() != part)
			fail("the kernel has lost the lock");
		if (munlock(at + at_page * page, part * page))
			fail("munlock");
	}
	over = true;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	goes(at, count, rest);
}

static void all(char *at, size_t count, const struct rest *rest)
{
	char *later;

	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail("mlockall");
	later = get_pages(count);
	if (present(rest->at, rest->count) != rest->count)
		fail("not all is there");
	stays(at, count, rest);
	stays(later, count, rest);
	if (munlockall())
		fail("munlockall");
	goes(at, count, rest);
}

static void in_child(char *at, size_t count, const struct rest *rest)
{
	int status;
	pid_t pid = fork();

	if (pid) {
		if (waitpid(pid, &status, 0) != pid || status)
			fail("the child has failed");
		return;
	}
	if (mlock(at, count * page))
		fail("mlock");
	stays(at, count, rest);
	if (munlock(at, count * page))
		fail("munlock");
	goes(at, count, rest);
	_exit(0);
}

static void to_limit(char *at, size_t count, const struct rest *rest)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	struct rlimit most = {count * page, count * page};

	/* with that capability there is no limit */
	if (syscall(SYS_capget, &header, data))
		fail("capget");
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &header, data) || setrlimit(RLIMIT_MEMLOCK, &most))
		fail("capset, setrlimit");
	if (!mlock(at, (count + 1) * page) || kernel_says())
		fail("more is locked than allowed");
	goes(at, count + 1, rest);
	if (mlock(at, count * page))
		fail("mlock");
	stays(at, count, rest);
}

static void moved(char *at, size_t count, const struct rest *rest)
{
	char *to;

	if (mlock(at, count * page))
		fail("mlock");
	to = mmap(NULL, count * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mremap(at, count * page, count * page, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		fail("mremap");
	stays(to, count, rest);
	if (munlock(to, count * page))
		fail("munlock");
	goes(to, count, rest);
}

int main(int argc, char **argv)
{
	struct rest rest;
	size_t count;
	char *at;

	page = sysconf(_SC_PAGESIZE);
	if (argc != 4)
		return 2;
	count = atoi(argv[3]);
	/* one more, for who asks for too much */
	at = get_pages(count + 1);
	rest.count = atoi(argv[2]) - count;
	rest.at = get_pages(rest.count);
	if (!strcmp(argv[1], "some"))
		some(at, count, &rest);
	else if (!strcmp(argv[1], "all"))
		all(at, count, &rest);
	else if (!strcmp(argv[1], "fork"))
		in_child(at, count, &rest);
	else if (!strcmp(argv[1], "limit"))
		to_limit(at, count, &rest);
	else if (!strcmp(argv[1], "moved"))
		moved(at, count, &rest);
	else
		return 2;
	return 0;
}
