// SPDX-License-Identifier: GPL-2.0-only
/*
 * The classic calls. They behave like the system calls they once were: no
 * state, and no pointer is looked at on this side.
 */
#include <errno.h>
#include <unistd.h>

#include "internal.h"

/* An error of open() becomes that of a system call: missing, or refused. */
static void open_error(void)
{
	switch (errno) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		errno = ENOSYS;
		break;
	case EACCES:
		errno = EPERM;
		break;
	}
}

static long classic_call(enum pfstat_op op, struct pfstat_classic *classic)
{
	int fd = pfstat_device();
	int ret, err;

	if (fd < 0) {
		open_error();
		return -1;
	}
	ret = pfstat_call(fd, op, NULL, classic);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

long pf_set_param(const char *process_name, size_t name_len)
{
	struct pfstat_classic classic = {
		.size = sizeof(classic),
		.name = pfstat_pointer(process_name),
		.name_len = name_len,
	};

	return classic_call(PFSTAT_OP_SET_PARAM, &classic);
}

long pf_get_info(const char *process_name, size_t name_len, struct pf_stat *pf)
{
	struct pfstat_classic classic = {
		.size = sizeof(classic),
		.name = pfstat_pointer(process_name),
		.name_len = name_len,
		.stat = pfstat_pointer(pf),
		.stat_size = sizeof(*pf),
	};

	return classic_call(PFSTAT_OP_GET_INFO, &classic);
}

long pf_cleanup(void)
{
	struct pfstat_classic classic = {.size = sizeof(classic)};

	return classic_call(PFSTAT_OP_CLEANUP, &classic);
}
