// SPDX-License-Identifier: GPL-2.0-only
/* Paging in the thread that faults (UFFD_FEATURE_SIGBUS). */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inside.h"
#include "uffd.h"

#define REGIONS		16
/* Pages that are filled to be moved, at the same time; beyond that they are copied. */
#define STAGES		64
/* A buffer of each thread: what is in static TLS costs every thread */
#define PAGE_MAX	16384

struct inside {
	uintptr_t start;
	uintptr_t end;
	inside_fn fn;
	void *ctx;
};

static struct inside regions[REGIONS];
static unsigned int nr_regions;
static struct uffd uffd = {.fd = -1};
static size_t page_size;
static struct sigaction before;
static bool moving;
static unsigned char *stages;
static unsigned char taken[STAGES];

struct inside_counts inside_counts;

/* A page to fill that can be moved afterwards, NULL if there is none */
static void *stage_get(void)
{
	int i;

	for (i = 0; moving && i < STAGES; i++)
		if (!__atomic_exchange_n(&taken[i], 1, __ATOMIC_ACQUIRE))
			return stages + i * page_size;
	return NULL;
}

static void stage_put(void *stage)
{
	if (stage)
		__atomic_store_n(&taken[((unsigned char *)stage - stages) / page_size], 0,
				 __ATOMIC_RELEASE);
}

static const struct inside *find(uintptr_t addr)
{
	const struct inside *region;

	for (region = regions; region < regions + nr_regions; region++)
		if (region->start <= addr && addr < region->end)
			return region;
	return NULL;
}

static long move_page(uintptr_t addr, void *stage)
{
	long ret;

	do {
		ret = uffd_move(uffd.fd, addr, stage, page_size, false);
	} while (ret == -EAGAIN);
	if (ret > 0)
		__atomic_add_fetch(&inside_counts.moved, 1, __ATOMIC_RELAXED);
	return ret;
}

static long copy_page(uintptr_t addr, const void *page)
{
	long ret;

	do {
		ret = uffd_copy(uffd.fd, addr, page, page_size, false);
	} while (ret == -EAGAIN);
	if (ret > 0)
		__atomic_add_fetch(&inside_counts.copied, 1, __ATOMIC_RELAXED);
	return ret;
}

static bool fill(const struct inside *region, uintptr_t addr)
{
	static __thread unsigned char buffer[PAGE_MAX] __attribute__((aligned(64)));
	void *stage = stage_get(), *page = stage ?: buffer;
	long ret = -EIO;

	addr &= ~(page_size - 1);
	if (!region->fn(region->ctx, (addr - region->start) / page_size, page)) {
		ret = stage ? move_page(addr, stage) : copy_page(addr, page);
		/* shared or read-only memory */
		if (stage && ret < 0 && ret != -EEXIST)
			ret = copy_page(addr, page);
	}
	stage_put(stage);
	/* another thread may have been faster, which is as good */
	return ret > 0 || ret == -EEXIST;
}

/* Not ours: what would have happened without us */
static void pass_on(int signal, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(signal, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(signal);
	} else {
		/* on return it happens again, and ends the process */
		sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	}
}

static void on_bus(int signal, siginfo_t *info, void *context)
{
	uintptr_t addr = (uintptr_t)info->si_addr;
	const struct inside *region = find(addr);
	int saved = errno;

	if (!region || info->si_code <= 0 || !fill(region, addr))
		pass_on(signal, info, context);
	errno = saved;
}

static int open_uffd(void)
{
	int err = uffd_open(UFFD_FEATURE_SIGBUS | UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MOVE,
			    &uffd);

	if (err)
		return err;
	if (uffd.features & UFFD_FEATURE_SIGBUS)
		return 0;
	close(uffd.fd);
	uffd.fd = -1;
	return -EOPNOTSUPP;
}

/* The child's memory is registered with nothing: before it is touched, do so. */
static void after_fork(void)
{
	unsigned int i;

	/* of threads that are not here */
	memset(taken, 0, sizeof(taken));
	close(uffd.fd);
	if (open_uffd())
		abort();
	for (i = 0; i < nr_regions; i++)
		if (uffd_register(uffd.fd, regions[i].start, regions[i].end - regions[i].start))
			abort();
}

static int begin(void)
{
	struct sigaction action = {
		.sa_sigaction = on_bus,
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK,
	};
	int err;

	page_size = sysconf(_SC_PAGESIZE);
	if (page_size > PAGE_MAX)
		return -EOPNOTSUPP;
	err = open_uffd();
	if (err)
		return err;
	err = pthread_atfork(NULL, NULL, after_fork);
	if (!err)
		err = sigaction(SIGBUS, &action, &before) ? errno : 0;
	return -err;
}

static int make_stages(void)
{
	size_t size;

	page_size = sysconf(_SC_PAGESIZE);
	size = STAGES * page_size;
	stages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stages == MAP_FAILED)
		return -errno;
	/* a page that a child has as well can't be moved; nor half of a huge one */
	if (madvise(stages, size, MADV_WIPEONFORK))
		return -errno;
	madvise(stages, size, MADV_NOHUGEPAGE);
	moving = true;
	return 0;
}

int inside_way(const char *name)
{
	bool can = uffd_features() & UFFD_FEATURE_MOVE;

	if (uffd.fd >= 0 || (strcmp(name, "copy") && strcmp(name, "move") && strcmp(name, "auto")))
		return -EINVAL;
	if (strcmp(name, "move"))
		return 0;
	return can ? make_stages() : -EOPNOTSUPP;
}

const char *inside_how(void)
{
	return moving ? "move" : "copy";
}

int inside_region(void *at, size_t len, inside_fn fn, void *ctx)
{
	int err = 0;

	if (nr_regions == REGIONS)
		return -ENOSPC;
	if (uffd.fd < 0)
		err = begin();
	if (err)
		return err;
	regions[nr_regions] = (struct inside){(uintptr_t)at, (uintptr_t)at + len, fn, ctx};
	/* who finds the region must find all of it */
	__atomic_store_n(&nr_regions, nr_regions + 1, __ATOMIC_RELEASE);
	err = uffd_register(uffd.fd, (uintptr_t)at, len);
	if (err)
		__atomic_store_n(&nr_regions, nr_regions - 1, __ATOMIC_RELEASE);
	return err;
}
