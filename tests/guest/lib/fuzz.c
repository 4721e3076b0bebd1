// SPDX-License-Identifier: GPL-2.0-only
/* The fuzzer's world, its random numbers, and its processes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pfstat.h>

#include "fuzz.h"
#include "workload.h"

/* ---- random numbers ----------------------------------------------------------- */

/* splitmix64: any seed is a good one. */
uint64_t fuzz_random(struct fuzz *f)
{
	uint64_t z = f->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t fuzz_below(struct fuzz *f, uint32_t n)
{
	return (fuzz_random(f) >> 32) * n >> 32;
}

bool fuzz_one_in(struct fuzz *f, uint32_t n)
{
	return !fuzz_below(f, n);
}

/* A value that a check may be off by one at, or none. */
uint64_t fuzz_odd_value(struct fuzz *f)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 4, 8, 255, 256, 4095, 4096, 4097, 0x7fffffff, 0x80000000,
		0xc0000000, 0xfffff000, 0xfffffffe, 0xffffffff, 0x100000000,
		0x7ffffffff000, 0x800000000000, 0xffff000000000000, 0xffff888000000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffff000,
		0xffffffffffffffff,
	};

	char *at;

	switch (fuzz_below(f, 4)) {
	case 0:
		return fuzz_random(f);
	case 1:
		/* Of the arena: answers are written to it. */
		fuzz_range(f, &at);
		return (uintptr_t)at;
	case 2:
		return fuzz_random(f) >> fuzz_below(f, 64);
	default:
		return values[fuzz_below(f, KTAP_ARRAY_SIZE(values))];
	}
}

/* ---- addresses ------------------------------------------------------------------ */

/* A part of a slot, mostly of few pages; returns its size. */
size_t fuzz_range(struct fuzz *f, char **at)
{
	size_t page = sysconf(_SC_PAGESIZE), pages = FUZZ_SLOT_SIZE / page;
	size_t first, count;

	*at = f->world->arena + fuzz_below(f, FUZZ_SLOTS) * FUZZ_SLOT_SIZE;
	if (fuzz_one_in(f, 16))
		return FUZZ_SLOT_SIZE;
	first = fuzz_below(f, fuzz_one_in(f, 4) ? pages : 32);
	count = 1 + fuzz_below(f, fuzz_one_in(f, 8) ? pages : 16);
	*at += first * page;
	return (count < pages - first ? count : pages - first) * page;
}

/* Of a page; mostly in the arena. */
char *fuzz_address(struct fuzz *f)
{
	static const char constant[] = "read-only data";
	static char variable;
	char *at;

	switch (fuzz_below(f, 16)) {
	case 0:
		return (char *)((uintptr_t)&at & ~(uintptr_t)4095);
	case 1:
		return (char *)((uintptr_t)constant & ~(uintptr_t)4095);
	case 2:
		return (char *)((uintptr_t)&variable & ~(uintptr_t)4095);
	case 3:
		return (char *)((uintptr_t)fuzz_random(f) & ~(uintptr_t)4095);
	default:
		fuzz_range(f, &at);
		return at;
	}
}

/* ---- processes -------------------------------------------------------------------- */

const char *fuzz_name(uint32_t number)
{
	static const char * const names[FUZZ_NAMES] = {
		"/tmp/fuzz-a", "/tmp/fuzz-b", "/tmp/fuzz-c", "/tmp/fuzz-d", "/tmp/fuzz-e",
		"/tmp/fuzz-name-of-more-than-15-characters",
	};

	return names[number % FUZZ_NAMES];
}

pid_t fuzz_pid(struct fuzz *f)
{
	uint32_t i = fuzz_below(f, 2 * FUZZ_CHILDREN);

	return i < FUZZ_CHILDREN ? f->world->child[i] : i & 1 ? 0 : getpid();
}

/* ---- cgroups ------------------------------------------------------------------------ */

#define GROUPS	"/sys/fs/cgroup"

const char *fuzz_group(uint32_t number)
{
	static const char * const groups[FUZZ_GROUPS] = {
		"/fuzz-a", "/fuzz-a/b", "/fuzz-c",
	};

	return groups[number % FUZZ_GROUPS];
}

static void in_groups(char *path, size_t size, uint32_t number, const char *file)
{
	snprintf(path, size, GROUPS "%s%s", fuzz_group(number), file);
}

/* A cgroup comes or goes (if nobody is in it), or has a process moved to it. */
static void regroup(struct fuzz *f)
{
	uint32_t number = fuzz_below(f, FUZZ_GROUPS);
	char path[80];
	int fd;

	in_groups(path, sizeof(path), number, "");
	switch (fuzz_below(f, 4)) {
	case 0:
		rmdir(path);
		return;
	case 1:
		mkdir(path, 0755);
		return;
	}
	if (fuzz_one_in(f, 4))
		snprintf(path, sizeof(path), GROUPS "/cgroup.procs");
	else
		in_groups(path, sizeof(path), number, "/cgroup.procs");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	dprintf(fd, "%d", (int)fuzz_pid(f));
	close(fd);
}

static void leave_groups(void)
{
	int fd = open(GROUPS "/cgroup.procs", O_WRONLY | O_CLOEXEC);
	uint32_t i;
	char path[80];

	if (fd >= 0 && write(fd, "0", 1) == 1)
		for (i = FUZZ_GROUPS; i--;) {
			in_groups(path, sizeof(path), i, "");
			rmdir(path);
		}
	close(fd);
}

/* ---- their lives ----------------------------------------------------------------------- */

/* A child: writes to what it has got, now and then has children or execs. */
static void __attribute__((noreturn)) live(struct fuzz *f, int generation)
{
	char seed[24], *args[] = { "fuzz", seed, NULL };
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < 64; i++) {
		fuzz_memory(f);
		if (fuzz_one_in(f, 16))
			prctl(PR_SET_NAME, strrchr(fuzz_name(fuzz_below(f, FUZZ_NAMES)),
						   '/') + 1);
		if (generation < 3 && fuzz_one_in(f, 64) && !fork())
			live(f, generation + 1);
		if (generation < 3 && fuzz_one_in(f, 64)) {
			snprintf(seed, sizeof(seed), "%llu",
				 (unsigned long long)fuzz_random(f));
			workload_next("fuzz_target");
			execv(fuzz_name(fuzz_below(f, FUZZ_NAMES)), args);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	_exit(0);
}

/* What a child executes. */
WORKLOAD(fuzz_target)
{
	struct fuzz_world world = { .uffd = -1, .file = -1 };
	struct fuzz f = {
		.world = &world,
		.state = argc > 1 ? strtoull(argv[1], NULL, 10) : 0,
	};

	world.arena = mmap(NULL, FUZZ_SLOTS * FUZZ_SLOT_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (world.arena == MAP_FAILED)
		return 1;
	live(&f, 2);
}

static void have_child(struct fuzz *f)
{
	pid_t *child = &f->world->child[fuzz_below(f, FUZZ_CHILDREN)], pid = *child;

	/* Another thread may do the same; a zombie keeps its pid until it is waited for. */
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	pid = fork();
	if (!pid) {
		/* The parent goes on with other numbers. */
		f->state ^= 0x5bd1e995;
		live(f, 0);
	}
	*child = pid > 0 ? pid : 0;
}

/* ---- the world ---------------------------------------------------------------------- */

static int open_uffd(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		/* What nobody resolves is a signal, so that nobody waits for it. */
		.features = UFFD_FEATURE_SIGBUS,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool open_devices(struct fuzz_world *world)
{
	struct pgtbl_info info = { .size = sizeof(info) };
	int i;

	for (i = 0; i < FUZZ_FILES; i++) {
		world->pfstat[i] = open(PFSTAT_DEVICE, O_RDWR | O_CLOEXEC);
		world->pgtbl[i] = open(PGTBL_DEVICE, O_RDWR | O_CLOEXEC);
		if (world->pfstat[i] < 0 || world->pgtbl[i] < 0)
			return false;
	}
	if (ioctl(world->pgtbl[0], PGTBL_IOC_INFO, &info))
		return false;
	world->unsafe = info.features & PGTBL_FEATURE_UNSAFE_WRITE;
	return true;
}

struct fuzz_world *fuzz_world_open(void)
{
	struct fuzz_world *world = calloc(1, sizeof(*world));
	ssize_t len;
	uint32_t i;

	if (!world || !open_devices(world))
		return NULL;
	len = readlink("/proc/self/exe", world->program, sizeof(world->program) - 1);
	if (len <= 0)
		return NULL;
	for (i = 0; i < FUZZ_NAMES; i++) {
		if (symlink(world->program, fuzz_name(i)) && errno != EEXIST)
			return NULL;
	}
	world->uffd = open_uffd();
	world->file = memfd_create("fuzz", MFD_CLOEXEC);
	if (world->uffd < 0 || world->file < 0 || ftruncate(world->file, FUZZ_SLOT_SIZE))
		return NULL;
	world->arena = mmap(NULL, (FUZZ_SLOTS + 1) * FUZZ_SLOT_SIZE, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (world->arena == MAP_FAILED)
		return NULL;
	/* So that huge pages fit into a slot. */
	world->arena += -(uintptr_t)world->arena & (FUZZ_SLOT_SIZE - 1);
	return world;
}

void fuzz_world_close(struct fuzz_world *world)
{
	int i;

	for (i = 0; i < FUZZ_CHILDREN; i++) {
		if (world->child[i])
			kill(world->child[i], SIGKILL);
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
	leave_groups();
	for (i = 0; i < FUZZ_FILES; i++) {
		close(world->pfstat[i]);
		close(world->pgtbl[i]);
	}
}

bool fuzz_begin(struct fuzz *f, struct fuzz_world *world, uint64_t seed)
{
	*f = (struct fuzz){ .world = world, .state = seed };
	/*
	 * Some calls ask for more than there is room for, and get it: what is written
	 * behind the end must not be in another thread's answer.
	 */
	f->out = mmap(NULL, FUZZ_OUT + FUZZ_GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return f->out != MAP_FAILED && !mprotect(f->out, FUZZ_OUT, PROT_READ | PROT_WRITE);
}

bool fuzz_step(struct fuzz *f)
{
	uint32_t what = fuzz_below(f, 1024);

	f->done++;
	if (what < 3)
		have_child(f);
	else if (what < 5)
		prctl(PR_SET_NAME, strrchr(fuzz_name(fuzz_below(f, FUZZ_NAMES)), '/') + 1);
	else if (what < 9)
		regroup(f);
	else if (what < 300)
		fuzz_memory(f);
	else
		return fuzz_ioctl(f);
	return true;
}
