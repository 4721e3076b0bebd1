// SPDX-License-Identifier: GPL-2.0-only
/* Targets: what is tracked, and waiting for its end. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "internal.h"

static int target_call(struct pfstat *p, enum pfstat_op op,
		       const struct pfstat_id *id, __u32 flags)
{
	struct pfstat_track track = {
		.size = sizeof(track),
		.flags = flags,
		.type = id->type,
		.pid = id->pid,
		.name = pfstat_pointer(id->name),
		.name_len = id->name_len,
	};

	if (id->name_len > UINT32_MAX)
		return pfstat_fail(op, id, ENAMETOOLONG);
	return pfstat_call(p->fd, op, id, &track);
}

int pfstat_track(struct pfstat *p, const struct pfstat_id *id)
{
	return target_call(p, PFSTAT_OP_TRACK, id, 0);
}

int pfstat_track_flags(struct pfstat *p, const struct pfstat_id *id,
		       __u32 flags)
{
	return target_call(p, flags ? PFSTAT_OP_TRACK_FLAGS : PFSTAT_OP_TRACK,
			   id, flags);
}

int pfstat_untrack(struct pfstat *p, const struct pfstat_id *id)
{
	return target_call(p, PFSTAT_OP_UNTRACK, id, 0);
}

int pfstat_reset(struct pfstat *p, const struct pfstat_id *id)
{
	return target_call(p, PFSTAT_OP_RESET, id, 0);
}

int pfstat_cleanup(struct pfstat *p)
{
	struct pfstat_classic classic = {.size = sizeof(classic)};

	return pfstat_call(p->fd, PFSTAT_OP_CLEANUP, NULL, &classic);
}

int pfstat_list_targets(struct pfstat *p, struct pfstat_target **targets,
			size_t *count)
{
	struct pfstat_list list = {.size = sizeof(list)};
	void *buf = NULL;
	__u32 room = 0;
	int tries, grown;

	for (tries = 0; tries < PFSTAT_GROW_TRIES; tries++) {
		list.targets = pfstat_pointer(buf);
		list.count = room;
		list.target_size = sizeof(struct pfstat_target);
		if (pfstat_call(p->fd, PFSTAT_OP_LIST, NULL, &list))
			goto free;
		grown = pfstat_grow(&buf, &room, list.count,
				    sizeof(struct pfstat_target));
		if (grown < 0) {
			pfstat_fail(PFSTAT_OP_LIST, NULL, ENOMEM);
			goto free;
		}
		if (!grown) {
			*targets = buf;
			*count = list.count;
			return 0;
		}
	}
	pfstat_fail(PFSTAT_OP_LIST, NULL, EAGAIN);
free:
	free(buf);
	return -1;
}

int pfstat_watch(struct pfstat *p, const struct pfstat_id *id)
{
	if (target_call(p, PFSTAT_OP_WATCH, id, 0))
		return -1;
	p->watched = *id;
	if (id->type != PFSTAT_TARGET_PID) {
		/* the kernel took it, so it is no longer than this */
		memcpy(p->watched_name, id->name, id->name_len);
		p->watched.name = p->watched_name;
	}
	return 0;
}

int pfstat_wait(struct pfstat *p, int timeout)
{
	struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};
	int ret = poll(&poll_fd, 1, timeout);

	if (ret < 0)
		return pfstat_fail(PFSTAT_OP_WAIT, &p->watched, errno);
	if (poll_fd.revents & POLLIN)
		return 1;
	if (poll_fd.revents)
		return pfstat_fail(PFSTAT_OP_WAIT, &p->watched, ESRCH);
	return 0;
}
