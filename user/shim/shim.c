// SPDX-License-Identifier: GPL-2.0-only
/*
 * What upager run preloads into programs: private anonymous memory above a
 * threshold comes from the pager.
 *
 * mmap() of programs and libraries is caught by its name. malloc() of glibc
 * calls mmap() and brk() by names of its own, which nobody can catch; so
 * malloc() is replaced by jemalloc, which is linked into this library and whose
 * mmap() is the one here.
 *
 * Nothing here may call malloc(): jemalloc may be what has called us.
 */
/* mmap() and mmap64() are two names, both of which are needed here. */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../upager/attach.h"
#include "../upager/evict.h"
#include "../upager/wire.h"
#include "choice.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif
/* Descriptors of ours are where programs seldom have theirs. */
#define FIRST_FD		700
#define ABOVE_DEFAULT		65536
/* Milliseconds until pages that are on their way out have gone */
#define LOCK_TRIES		10000
#define EXPORT			__attribute__((visibility("default")))

enum state {
	NEW,
	TRYING,
	ATTACHED,
	ALONE,		/* no pager: memory is just memory */
};

/*
 * Mappings change one at a time, and not while pages are moved away: what the
 * pager is told is then in the order in which it happened.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum state state;
static struct attach pager;
static ino_t socket_inode;
static size_t above = ABOVE_DEFAULT;
static size_t page_size;
/* mlockall(): what is mapped from now on is locked */
static bool all_locked;
/* Where pages are moved to; and a page that tells the pager who a child is */
static char *place, *mark;
/* Posted when the pager can have the program's pages moved, or it is known that it can't */
static sem_t movable;

static void *real_mmap(void *at, size_t len, int prot, int flags, int fd, off64_t offset)
{
#ifdef SYS_mmap2
	/* 32 bits: in units of 4096 bytes, whatever the size of pages */
	if (offset & 4095) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap2, at, len, prot, flags, fd, (unsigned long)(offset >> 12));
#else
	return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset);
#endif
}

static int keep_high(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);

	if (high < 0)
		return fd;
	close(fd);
	return high;
}

/* Programs that close what they don't know close our socket, too. */
static bool still_ours(void)
{
	struct stat st;

	return !fstat(pager.sock, &st) && S_ISSOCK(st.st_mode) && st.st_ino == socket_inode;
}

static void attach(void)
{
	const char *path = getenv(RUN_SOCKET_ENV), *text = getenv(RUN_ABOVE_ENV);
	struct stat st;

	state = ALONE;
	page_size = sysconf(_SC_PAGESIZE);
	if (text)
		above = strtoul(text, NULL, 10);
	if (!path || !chosen() || attach_open(&pager, path))
		return;
	pager.sock = keep_high(pager.sock);
	pager.uffd.fd = keep_high(pager.uffd.fd);
	if (fstat(pager.sock, &st))
		return;
	socket_inode = st.st_ino;
	state = ATTACHED;
}

/* Whether there is a pager, which is looked for the first time. The lock is held. */
static bool has_pager(void)
{
	if (state == NEW) {
		state = TRYING;
		attach();
	}
	if (state == ATTACHED && !still_ours())
		state = ALONE;
	return state == ATTACHED;
}

/* Hands a new mapping over to the pager. If that fails, it stays what it is. */
static void hand_over(void *at, size_t len)
{
	int saved = errno;

	if (has_pager())
		attach_region(&pager, at, (len + page_size - 1) & ~(page_size - 1), 0, page_size);
	errno = saved;
}

EXPORT void *mmap64(void *at, size_t len, int prot, int flags, int fd, off64_t offset)
{
	/* what is locked from the beginning stays the kernel's */
	const int no = MAP_GROWSDOWN | MAP_STACK | MAP_HUGETLB | MAP_LOCKED;
	bool ours = (flags & (MAP_PRIVATE | MAP_ANONYMOUS)) == (MAP_PRIVATE | MAP_ANONYMOUS) &&
		    !(flags & no) && !all_locked && len >= above && state != TRYING &&
		    state != ALONE;
	void *got;

	pthread_mutex_lock(&lock);
	got = real_mmap(at, len, prot, ours ? flags & ~MAP_POPULATE : flags, fd, offset);
	if (ours && got != MAP_FAILED)
		hand_over(got, len);
	pthread_mutex_unlock(&lock);
	return got;
}

EXPORT void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap64(at, len, prot, flags, fd, offset);
}

EXPORT int munmap(void *at, size_t len)
{
	int status;

	pthread_mutex_lock(&lock);
	status = syscall(SYS_munmap, at, len);
	pthread_mutex_unlock(&lock);
	return status;
}

EXPORT void *mremap(void *at, size_t old_len, size_t new_len, int flags, ...)
{
	void *to = NULL, *got;
	va_list args;

	va_start(args, flags);
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		to = va_arg(args, void *);
	va_end(args);
	pthread_mutex_lock(&lock);
	got = (void *)syscall(SYS_mremap, at, old_len, new_len, flags, to);
	pthread_mutex_unlock(&lock);
	return got;
}

EXPORT int madvise(void *at, size_t len, int advice)
{
	int status;

	/* It waits for pages, for which others may have to be moved away: not under the lock */
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return syscall(SYS_madvise, at, len, advice);
	pthread_mutex_lock(&lock);
	status = syscall(SYS_madvise, at, len, advice);
	pthread_mutex_unlock(&lock);
	return status;
}

/* Tells the pager, unless there is none; waits until nothing of it is on its way out. */
static void tell_locked(uintptr_t start, uintptr_t end, bool locked)
{
	int tries, err = -EAGAIN, saved = errno;

	for (tries = 0; err == -EAGAIN && tries < LOCK_TRIES; tries++) {
		if (tries)
			usleep(1000);
		pthread_mutex_lock(&lock);
		err = has_pager() ? attach_lock(&pager, start, end, locked) : 0;
		pthread_mutex_unlock(&lock);
	}
	errno = saved;
}

/*
 * First without any page: is it allowed? Then the pager lets none of them go any
 * more, and the kernel fetches those that are out. It waits for them, for which
 * others may have to be moved away, so not under the lock. What was on its way out
 * when it was locked first, has lost that with its going, and is locked now.
 */
EXPORT int mlock2(const void *at, size_t len, unsigned int flags)
{
	int status;

	if (state == ALONE)
		return syscall(SYS_mlock2, at, len, flags);
	status = syscall(SYS_mlock2, at, len, flags | MLOCK_ONFAULT);
	if (status || !len)
		return status;
	tell_locked((uintptr_t)at, (uintptr_t)at + len, true);
	status = syscall(SYS_mlock2, at, len, flags);
	if (status)
		tell_locked((uintptr_t)at, (uintptr_t)at + len, false);
	return status;
}

EXPORT int mlock(const void *at, size_t len)
{
	return mlock2(at, len, 0);
}

EXPORT int munlock(const void *at, size_t len)
{
	int status = syscall(SYS_munlock, at, len);

	if (!status && len && state != ALONE)
		tell_locked((uintptr_t)at, (uintptr_t)at + len, false);
	return status;
}

EXPORT int mlockall(int flags)
{
	int status;

	if (state == ALONE)
		return syscall(SYS_mlockall, flags);
	status = syscall(SYS_mlockall, flags & MCL_CURRENT ? flags | MCL_ONFAULT : flags);
	if (status)
		return status;
	all_locked = flags & MCL_FUTURE;
	if (!(flags & MCL_CURRENT))
		return 0;
	tell_locked(0, UINTPTR_MAX, true);
	return syscall(SYS_mlockall, flags);
}

EXPORT int munlockall(void)
{
	int status = syscall(SYS_munlockall);

	if (status || state == ALONE)
		return status;
	all_locked = false;
	tell_locked(0, UINTPTR_MAX, false);
	return 0;
}

/* Memory that pages can be moved to; @fixed: MAP_FIXED, or 0 */
static void *map_place(void *at, int fixed)
{
	return real_mmap(at, EVICT_PAGES * page_size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
}

/*
 * The place, again: a mremap() that fails, as pages of two mappings can't be moved at
 * once, may have unmapped it already (mm/mremap.c:mremap_to()), and what the program
 * maps next would come to be there. The lock is held, and has been since.
 */
static bool renew_place(void)
{
	unsigned char there[EVICT_PAGES];
	void *got;

	if (!mincore(place, EVICT_PAGES * page_size, there))
		return true;
	/* without MAP_FIXED: threads' stacks are mapped by glibc without our lock */
	got = map_place(place, 0);
	if (got == MAP_FAILED)
		return false;
	place = got;
	return true;
}

/*
 * Moves pages away; afterwards who touches them waits for the pager. A negative errno
 * if they stay; ENXIO: none can be moved any more.
 */
static int64_t move(const struct evict_order *order)
{
	size_t len = order->len;
	void *got;
	int64_t status = 0;

	pthread_mutex_lock(&lock);
	got = (void *)syscall(SYS_mremap, (size_t)order->from, len, len,
			      MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, place);
	if (got == MAP_FAILED)
		status = -errno;
	if (status && !renew_place())
		status = -ENXIO;
	pthread_mutex_unlock(&lock);
	return status;
}

/* The place stays ours, empty. */
static void clear_place(void)
{
	map_place(place, MAP_FIXED);
}

/* A fault tells which process a child is: nothing else in its userfaultfd does. */
static void tell_process(void)
{
	pthread_mutex_lock(&lock);
	syscall(SYS_madvise, mark, page_size, MADV_DONTNEED);
	pthread_mutex_unlock(&lock);
	*(volatile char *)mark;
}

/* Offers the pager to move pages: a socket, or -1. */
static int offer(void)
{
	struct evict_answer answer = {.to = (uintptr_t)place};
	char path[128];
	int sock;

	snprintf(path, sizeof(path), "%s" EVICT_SUFFIX, getenv(RUN_SOCKET_ENV));
	sock = wire_connect(path);
	if (sock < 0)
		return -1;
	sock = keep_high(sock);
	return write(sock, &answer, sizeof(answer)) == sizeof(answer) ? sock : -1;
}

static void *evict(void *arg)
{
	struct evict_answer answer;
	struct evict_order order;
	int sock;

	prctl(PR_SET_NAME, EVICT_THREAD);
	if (arg)
		tell_process();
	sock = offer();
	sem_post(&movable);
	if (sock < 0)
		return NULL;
	while (read(sock, &order, sizeof(order)) == sizeof(order)) {
		if (!order.len) {
			clear_place();
			continue;
		}
		answer.status = move(&order);
		answer.to = (uintptr_t)place;
		if (answer.status == -ENXIO ||
		    write(sock, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	return NULL;
}

/* @child: of fork(). Return: whether there is one. */
static bool start_evictor(bool child)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	/* signals are for the program's own threads */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, evict, child ? mark : NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !err;
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

/*
 * The child's memory is known to the pager already, by an event; what we have
 * here is the parent's. What the child maps anew gets a connection of its own.
 * Threads are not inherited, so it needs one of its own to move its pages.
 */
static void in_child(void)
{
	bool paged = state != ALONE && mark;

	/* that is not inherited */
	all_locked = false;
	if (state == ATTACHED) {
		if (still_ours())
			close(pager.sock);
		if (uffd_is_one(pager.uffd.fd))
			close(pager.uffd.fd);
		state = NEW;
	}
	pthread_mutex_init(&lock, NULL);
	if (!paged)
		return;
	/* what the parent's thread was moving is not the child's */
	clear_place();
	start_evictor(true);
}

static __attribute__((constructor)) void start(void)
{
	if (state == NEW)
		attach();
	if (state != ATTACHED)
		return;
	/* malloc() has to be in order in a child before ours runs there */
	free(malloc(1));
	pthread_atfork(before_fork, after_fork, in_child);
	place = map_place(NULL, 0);
	if (place == MAP_FAILED)
		return;
	mark = real_mmap(NULL, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mark == MAP_FAILED || attach_region(&pager, mark, page_size, 0, page_size))
		mark = NULL;
	/* A short program may be over before that thread gets a turn: the limit is for it, too. */
	sem_init(&movable, 0, 0);
	if (start_evictor(false))
		while (sem_wait(&movable) && errno == EINTR)
			;
}
