// SPDX-License-Identifier: GPL-2.0-only
/* The device: open, close, ask. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

static const unsigned int requests[] = {
	[PFSTAT_OP_INFO] = PFSTAT_IOC_INFO,
	[PFSTAT_OP_TRACK] = PFSTAT_IOC_TRACK,
	[PFSTAT_OP_TRACK_FLAGS] = PFSTAT_IOC_TRACK,
	[PFSTAT_OP_UNTRACK] = PFSTAT_IOC_UNTRACK,
	[PFSTAT_OP_RESET] = PFSTAT_IOC_RESET,
	[PFSTAT_OP_WATCH] = PFSTAT_IOC_WATCH,
	[PFSTAT_OP_LIST] = PFSTAT_IOC_LIST,
	[PFSTAT_OP_QUERY] = PFSTAT_IOC_QUERY,
	[PFSTAT_OP_QUERY_PROCESS] = PFSTAT_IOC_QUERY,
	[PFSTAT_OP_CLEANUP] = PFSTAT_IOC_CLEANUP,
	[PFSTAT_OP_SET_PARAM] = PFSTAT_IOC_SET_PARAM,
	[PFSTAT_OP_GET_INFO] = PFSTAT_IOC_GET_INFO,
};

int pfstat_call(int fd, enum pfstat_op op, const struct pfstat_id *id,
		void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, requests[op], arg);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return pfstat_fail(op, id, errno);
	return 0;
}

int pfstat_device(void)
{
	int fd = open(PFSTAT_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return pfstat_fail(PFSTAT_OP_OPEN, NULL, errno);
	return fd;
}

int pfstat_grow(void **buf, __u32 *room, __u32 need, size_t size)
{
	size_t more = (size_t)need + need / 4 + 1;
	void *grown;

	if (need <= *room)
		return 0;
	if (more > UINT32_MAX) {
		errno = ENOMEM;
		return -1;
	}
	grown = reallocarray(*buf, more, size);
	if (!grown)
		return -1;
	*buf = grown;
	*room = more;
	return 1;
}

static int check_abi(int fd)
{
	struct pfstat_info info = {.size = sizeof(info)};

	if (pfstat_call(fd, PFSTAT_OP_INFO, NULL, &info))
		return -1;
	if (info.abi < PFSTAT_ABI_VERSION)
		return pfstat_fail(PFSTAT_OP_OPEN, NULL, EPROTONOSUPPORT);
	return 0;
}

struct pfstat *pfstat_open(void)
{
	struct pfstat *p = calloc(1, sizeof(*p));
	int err;

	if (!p) {
		pfstat_fail(PFSTAT_OP_OPEN, NULL, ENOMEM);
		return NULL;
	}
	p->fd = pfstat_device();
	if (p->fd < 0 || check_abi(p->fd)) {
		err = errno;
		pfstat_close(p);
		errno = err;
		return NULL;
	}
	return p;
}

void pfstat_close(struct pfstat *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

int pfstat_fd(const struct pfstat *p)
{
	return p->fd;
}

int pfstat_get_info(struct pfstat *p, struct pfstat_info *info)
{
	*info = (struct pfstat_info){.size = sizeof(*info)};
	return pfstat_call(p->fd, PFSTAT_OP_INFO, NULL, info);
}
