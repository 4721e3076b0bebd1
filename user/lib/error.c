// SPDX-License-Identifier: GPL-2.0-only
/*
 * What failed, on what, why, and what to do next. The last error is kept per
 * thread, so that threads need not know of each other.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static const char *const op_names[] = {
	[PFSTAT_OP_OPEN] = "open",
	[PFSTAT_OP_INFO] = "info",
	[PFSTAT_OP_TRACK] = "track",
	[PFSTAT_OP_TRACK_FLAGS] = "track",
	[PFSTAT_OP_UNTRACK] = "untrack",
	[PFSTAT_OP_RESET] = "reset",
	[PFSTAT_OP_WATCH] = "wait",
	[PFSTAT_OP_WAIT] = "wait",
	[PFSTAT_OP_LIST] = "list",
	[PFSTAT_OP_QUERY] = "get",
	[PFSTAT_OP_QUERY_PROCESS] = "get",
	[PFSTAT_OP_CLEANUP] = "cleanup",
	[PFSTAT_OP_SET_PARAM] = "pf_set_param",
	[PFSTAT_OP_GET_INFO] = "pf_get_info",
};

/* The first that fits counts; @op -1 is any. */
static const struct {
	int op;
	int code;
	const char *hint;
} hints[] = {
	{PFSTAT_OP_OPEN, ENOENT,
	 "is the module loaded? try: insmod pfstat.ko"},
	{PFSTAT_OP_OPEN, ENXIO,
	 "is the module loaded? try: insmod pfstat.ko"},
	{PFSTAT_OP_OPEN, ENODEV,
	 "is the module loaded? try: insmod pfstat.ko"},
	{PFSTAT_OP_OPEN, EACCES,
	 "run this as root, or let root give you the device: chgrp GROUP and chmod 660"},
	{PFSTAT_OP_OPEN, EPERM,
	 "run this as root"},
	{PFSTAT_OP_OPEN, EPROTONOSUPPORT,
	 "the module is too old: load the pfstat.ko built with this program"},
	{PFSTAT_OP_TRACK, ESRCH,
	 "there is no such process or cgroup to track"},
	{PFSTAT_OP_TRACK, ENOSPC,
	 "as many as possible are tracked: untrack some, or try: pfstat cleanup"},
	{PFSTAT_OP_TRACK_FLAGS, ESRCH,
	 "there is no such process or cgroup to track"},
	{PFSTAT_OP_TRACK_FLAGS, ENOSPC,
	 "as many as possible are tracked: untrack some, or try: pfstat cleanup"},
	{PFSTAT_OP_TRACK_FLAGS, EINVAL,
	 "is the name right? or the module is too old: load the pfstat.ko built with this program"},
	{PFSTAT_OP_QUERY, ESRCH,
	 "it is not tracked; try: pfstat track"},
	{PFSTAT_OP_QUERY_PROCESS, ESRCH,
	 "it is not tracked, or its run has no such process"},
	{-1, EAGAIN,
	 "it grows faster than it can be read: try again"},
	{-1, ENODATA,
	 "it is tracked, but nothing of that name has run yet: start it, then ask again"},
	{PFSTAT_OP_GET_INFO, ESRCH,
	 "it is not tracked: set_param comes first"},
	{-1, ESRCH,
	 "it is not tracked; see: pfstat list"},
	{-1, EPERM,
	 "other users' processes need CAP_PERFMON or CAP_SYS_ADMIN: run this as root"},
	{-1, EINVAL,
	 "a name is not empty and has no '/' nor NUL, a pid is positive"},
	{-1, ENAMETOOLONG,
	 "a name has at most 255 bytes"},
	{-1, ENOTTY,
	 "the module does not know this: load the pfstat.ko built with this program"},
	{-1, E2BIG,
	 "the module is too old: load the pfstat.ko built with this program"},
	{-1, EOPNOTSUPP,
	 "the module is too old: load the pfstat.ko built with this program"},
	{-1, ENODEV,
	 "the module is being unloaded: load it again"},
	{}
};

/* Room for a name as long as may be and for one that is too long. */
static __thread char subject[PFSTAT_NAME_MAX + 64];
static __thread struct pfstat_error last = {
	.what = "", .subject = "", .why = "", .hint = "",
};

static const char *find_hint(enum pfstat_op op, int code)
{
	int i;

	for (i = 0; hints[i].hint; i++)
		if (hints[i].code == code &&
		    (hints[i].op == -1 || hints[i].op == (int)op))
			return hints[i].hint;
	return "";
}

/* Their names are the caller's pointers, not to be touched here. */
static bool is_classic(enum pfstat_op op)
{
	return op == PFSTAT_OP_SET_PARAM || op == PFSTAT_OP_GET_INFO;
}

static void set_subject(enum pfstat_op op, const struct pfstat_id *id)
{
	size_t len;

	if (!id) {
		strcpy(subject, is_classic(op) ? "" : PFSTAT_DEVICE);
		return;
	}
	if (id->type == PFSTAT_TARGET_PID) {
		snprintf(subject, sizeof(subject), "pid %d", (int)id->pid);
		return;
	}
	if (!id->name_len) {
		strcpy(subject, "''");
		return;
	}
	/* cut where it is longer than any name can be */
	len = id->name_len < sizeof(subject) ? id->name_len : sizeof(subject);
	snprintf(subject, sizeof(subject), "%s%.*s",
		 id->type == PFSTAT_TARGET_CGROUP ? "cgroup " : "", (int)len,
		 id->name);
}

int pfstat_fail(enum pfstat_op op, const struct pfstat_id *id, int code)
{
	set_subject(op, id);
	last.code = code;
	last.what = op_names[op];
	last.subject = subject;
	last.why = strerror(code);
	last.hint = find_hint(op, code);
	errno = code;
	return -1;
}

const struct pfstat_error *pfstat_last_error(void)
{
	return &last;
}

int pfstat_error_text(const struct pfstat_error *error, char *buf, size_t len)
{
	/* "/dev/pfstat: No such file or directory" needs no verb */
	const char *what = strcmp(error->what, op_names[PFSTAT_OP_OPEN]) ?
			   error->what : "";

	return snprintf(buf, len, "%s%s%s%s%s%s%s",
			what, *what ? ": " : "",
			error->subject, *error->subject ? ": " : "",
			error->why, *error->hint ? ": " : "", error->hint);
}
