// SPDX-License-Identifier: GPL-2.0-only
/* The commands of a userfaultfd. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uffd.h"

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW	_IO(0xAA, 0x00)
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY	1
#endif

struct poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};

#define IOC_POISON		_IOWR(UFFDIO, 0x08, struct poison)

struct move {
	__u64 dst;
	__u64 src;
	__u64 len;
	__u64 mode;
	__s64 move;
};

#define IOC_MOVE		_IOWR(UFFDIO, 0x05, struct move)
#define MOVE_DONTWAKE		1

static int open_by_device(int flags)
{
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	int fd;

	if (device < 0)
		return -1;
	fd = ioctl(device, USERFAULTFD_IOC_NEW, flags);
	close(device);
	return fd;
}

static int open_raw(bool *user_only)
{
	int flags = O_CLOEXEC | O_NONBLOCK;
	int fd;

	*user_only = false;
	fd = syscall(SYS_userfaultfd, flags);
	if (fd < 0 && errno == EPERM)
		fd = open_by_device(flags);
	if (fd < 0 && errno != ENOSYS) {
		*user_only = true;
		fd = syscall(SYS_userfaultfd, flags | UFFD_USER_MODE_ONLY);
	}
	return fd < 0 ? -errno : fd;
}

/* A descriptor can shake hands once, so each try has its own. */
static int open_with(uint64_t features, struct uffdio_api *api, bool *user_only)
{
	int fd = open_raw(user_only);
	int err;

	if (fd < 0)
		return fd;
	*api = (struct uffdio_api){.api = UFFD_API, .features = features};
	if (!ioctl(fd, UFFDIO_API, api))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int uffd_open(uint64_t wanted, struct uffd *uffd)
{
	struct uffdio_api api;
	uint64_t features;
	int fd;

	fd = open_with(0, &api, &uffd->user_only);
	if (fd < 0)
		return fd;
	close(fd);
	features = wanted & api.features;
	fd = open_with(features, &api, &uffd->user_only);
	if (fd == -EPERM) {
		/* a child's memory is for those with CAP_SYS_PTRACE only */
		features &= ~(uint64_t)UFFD_FEATURE_EVENT_FORK;
		fd = open_with(features, &api, &uffd->user_only);
	}
	if (fd < 0)
		return fd;
	uffd->fd = fd;
	uffd->features = features;
	return 0;
}

uint64_t uffd_features(void)
{
	struct uffdio_api api;
	bool user_only;
	int fd = open_with(0, &api, &user_only);

	if (fd < 0)
		return 0;
	close(fd);
	return api.features;
}

bool uffd_is_one(int fd)
{
	static const char name[] = "anon_inode:[userfaultfd]";
	char path[40], link[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, link, sizeof(link));
	return length == sizeof(name) - 1 && !memcmp(link, name, length);
}

int uffd_register(int fd, uint64_t start, uint64_t len)
{
	struct uffdio_register arg = {
		.range = {start, len},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(fd, UFFDIO_REGISTER, &arg) ? -errno : 0;
}

int uffd_register_shared(int fd, uint64_t start, uint64_t len)
{
	struct uffdio_register arg = {
		.range = {start, len},
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR,
	};

	return ioctl(fd, UFFDIO_REGISTER, &arg) ? -errno : 0;
}

int uffd_unregister(int fd, uint64_t start, uint64_t len)
{
	struct uffdio_range range = {start, len};

	return ioctl(fd, UFFDIO_UNREGISTER, &range) ? -errno : 0;
}

/* A command's result: part of the work done counts more than why it ended. */
static long outcome(int ret, int64_t done)
{
	if (done > 0)
		return done;
	if (!ret)
		return done ? (long)done : -EAGAIN;
	return done ? (long)done : -errno;
}

long uffd_copy(int fd, uint64_t to, const void *from, uint64_t len, bool wake)
{
	struct uffdio_copy arg = {
		.dst = to,
		.src = (uintptr_t)from,
		.len = len,
		.mode = wake ? 0 : UFFDIO_COPY_MODE_DONTWAKE,
	};
	int ret = ioctl(fd, UFFDIO_COPY, &arg);

	return outcome(ret, arg.copy);
}

long uffd_move(int fd, uint64_t to, void *from, uint64_t len, bool wake)
{
	struct move arg = {
		.dst = to,
		.src = (uintptr_t)from,
		.len = len,
		.mode = wake ? 0 : MOVE_DONTWAKE,
	};
	int ret = ioctl(fd, IOC_MOVE, &arg);

	return outcome(ret, arg.move);
}

long uffd_continue(int fd, uint64_t to, uint64_t len, bool wake)
{
	struct uffdio_continue arg = {
		.range = {to, len},
		.mode = wake ? 0 : UFFDIO_CONTINUE_MODE_DONTWAKE,
	};
	int ret = ioctl(fd, UFFDIO_CONTINUE, &arg);

	return outcome(ret, arg.mapped);
}

long uffd_zero(int fd, uint64_t to, uint64_t len, bool wake)
{
	struct uffdio_zeropage arg = {
		.range = {to, len},
		.mode = wake ? 0 : UFFDIO_ZEROPAGE_MODE_DONTWAKE,
	};
	int ret = ioctl(fd, UFFDIO_ZEROPAGE, &arg);

	return outcome(ret, arg.zeropage);
}

long uffd_poison(int fd, uint64_t to, uint64_t len)
{
	struct poison arg = {.range = {to, len}};
	int ret = ioctl(fd, IOC_POISON, &arg);

	return outcome(ret, arg.updated);
}

int uffd_wake(int fd, uint64_t start, uint64_t len)
{
	struct uffdio_range range = {start, len};

	return ioctl(fd, UFFDIO_WAKE, &range) ? -errno : 0;
}

/* Where the address space ends, the kernel says by refusing what is beyond. */
void uffd_wake_all(int fd)
{
	uint64_t start = 1 << 16;
	int shift;

	for (shift = 60; shift >= 16; shift--)
		while (!uffd_wake(fd, start, 1ull << shift))
			start += 1ull << shift;
}

/*
 * A copy from where nothing can be read changes nothing, whatever is at the
 * other end; but before it looks there, the kernel takes hold of the memory.
 */
bool uffd_is_alive(int fd)
{
	static void *nothing;
	size_t size = sysconf(_SC_PAGESIZE);

	if (!nothing) {
		nothing = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (nothing == MAP_FAILED) {
			nothing = NULL;
			return true;
		}
	}
	return uffd_copy(fd, (uintptr_t)1 << 20, nothing, size, false) != -ESRCH;
}
