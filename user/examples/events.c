// SPDX-License-Identifier: GPL-2.0-only
/*
 * All that a userfaultfd tells: a child does something with its memory, its parent
 * prints what it hears of it. docs/upager.md says what each event is for.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open	434
#define SYS_pidfd_getfd	438
#endif

#define PAGES	8
#define EVENTS \
	(UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)

static size_t page;

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* With those features, or -1; a descriptor can be asked once, so each has its own. */
static int open_uffd(uint64_t features)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	int flags = O_CLOEXEC | O_NONBLOCK;
	int uffd = syscall(SYS_userfaultfd, flags);

	if (uffd < 0)
		uffd = syscall(SYS_userfaultfd, flags | UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		die("userfaultfd");
	if (!ioctl(uffd, UFFDIO_API, &api))
		return uffd;
	close(uffd);
	return -1;
}

static void touch(const volatile char *byte)
{
	(void)*byte;
}

static void child(int report, int go)
{
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	/* to hear of forks takes privilege */
	int forks = open_uffd(EVENTS | UFFD_FEATURE_EVENT_FORK);
	int uffd = forks >= 0 ? forks : open_uffd(EVENTS);
	char *at, *to, byte;

	at = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	to = mmap(NULL, PAGES * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (uffd < 0 || at == MAP_FAILED || to == MAP_FAILED)
		die("child");
	range.range.start = (uintptr_t)at;
	range.range.len = PAGES * page;
	if (ioctl(uffd, UFFDIO_REGISTER, &range))
		die("UFFDIO_REGISTER");
	/* the parent takes it from us, see main() */
	if (write(report, &uffd, sizeof(uffd)) != sizeof(uffd) || read(go, &byte, 1) != 1)
		die("parent");

	touch(at);
	at[page] = 'x';
	madvise(at, page, MADV_DONTNEED);
	touch(at);
	if (mremap(at, PAGES * page, PAGES * page, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		die("mremap");
	touch(to + 2 * page);
	munmap(to + 4 * page, 4 * page);
	if (forks >= 0 && !fork()) {
		touch(to + 3 * page);
		_exit(0);
	}
	wait(NULL);
	_exit(0);
}

/* What to do about a fault; all else is only printed. */
static void fill(int uffd, const struct uffd_msg *message)
{
	static char *data;
	struct uffdio_copy copy = {.len = page};

	if (!data)
		data = malloc(page);
	if (!data)
		die("malloc");
	memset(data, 'A', page);
	copy.dst = message->arg.pagefault.address & ~(uint64_t)(page - 1);
	copy.src = (uintptr_t)data;
	if (ioctl(uffd, UFFDIO_COPY, &copy))
		perror("UFFDIO_COPY");
}

/* The descriptor of a child that was forked, else -1 */
static int hear(int number, int uffd)
{
	struct uffd_msg message;

	if (read(uffd, &message, sizeof(message)) != sizeof(message))
		return -1;
	printf("%d: ", number);
	switch (message.event) {
	case UFFD_EVENT_PAGEFAULT:
		printf("PAGEFAULT %llx by a %s\n", message.arg.pagefault.address,
		       message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE ? "write" : "read");
		fill(uffd, &message);
		break;
	case UFFD_EVENT_FORK:
		printf("FORK\n");
		return message.arg.fork.ufd;
	case UFFD_EVENT_REMAP:
		printf("REMAP %llx to %llx, %llu bytes\n", message.arg.remap.from,
		       message.arg.remap.to, message.arg.remap.len);
		break;
	case UFFD_EVENT_REMOVE:
		printf("REMOVE %llx to %llx\n", message.arg.remove.start,
		       message.arg.remove.end);
		break;
	case UFFD_EVENT_UNMAP:
		printf("UNMAP %llx to %llx\n", message.arg.remove.start, message.arg.remove.end);
		break;
	}
	return -1;
}

int main(void)
{
	struct pollfd uffds[2] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}};
	int to_us[2], to_child[2], theirs, i, forked;
	pid_t pid;

	page = sysconf(_SC_PAGESIZE);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (pipe(to_us) || pipe(to_child))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		child(to_us[1], to_child[0]);
	close(to_us[1]);
	if (read(to_us[0], &theirs, sizeof(theirs)) != sizeof(theirs))
		return EXIT_FAILURE;
	/* the other way to get it: no socket, but a right to trace the process */
	uffds[0].fd = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), theirs, 0);
	if (uffds[0].fd < 0)
		die("pidfd_getfd");
	if (write(to_child[1], "", 1) != 1)
		die("child");
	while (!waitpid(pid, NULL, WNOHANG)) {
		poll(uffds, 2, 10);
		for (i = 0; i < 2; i++) {
			if (!(uffds[i].revents & POLLIN))
				continue;
			forked = hear(i, uffds[i].fd);
			if (forked >= 0)
				uffds[1].fd = forked;
		}
	}
	return EXIT_SUCCESS;
}
