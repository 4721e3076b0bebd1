// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel log: a failed classic call leaves one line, which says which call,
 * which name, and why. A successful one leaves none, nor does anything else.
 *
 * vm: smp=4 mem=1024 timeout=300
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/cow.h"

#define NAME	"pf-log"
#define TAG	"[INFO940][ERROR]"

static int kmsg;

static struct message {
	int level;
	char text[512];
} last;

/* Reads what was logged since then; returns how many, the last one is kept. */
static int messages(void)
{
	char record[2048], *text, *end;
	int n = 0;
	ssize_t len;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		text = strchr(record, ';');
		ASSERT_TRUE(text);
		end = strchr(++text, '\n');
		if (end)
			*end = '\0';
		last.level = atoi(record) & 7;
		snprintf(last.text, sizeof(last.text), "%s", text);
		n++;
	}
	ASSERT_EQ(errno, EAGAIN);
	return n;
}

BEFORE_EACH()
{
	cow_begin();
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_OK(kmsg);
	ASSERT_OK(lseek(kmsg, 0, SEEK_END));
	/*
	 * The log's limit is a number of lines in five seconds. When another program
	 * has gone beyond it, the first line after that says how often.
	 */
	do {
		EXPECT_ERRNO(pf_set_param("", 0), EINVAL);
		usleep(1000);
	} while (!messages());
	ASSERT_EQ(messages(), 0);
}

WORKLOAD(runs)
{
	return 0;
}

static char too_long[256];
static struct pf_stat stat_buf;

static long set_nothing(void)
{
	return pf_set_param("", 0);
}

static long set_slash(void)
{
	return pf_set_param("a/b", 3);
}

static long set_too_long(void)
{
	memset(too_long, 'n', sizeof(too_long));
	return pf_set_param(too_long, sizeof(too_long));
}

static long set_bad_pointer(void)
{
	return pf_set_param((const char *)16, 3);
}

static long get_untracked(void)
{
	return pf_get_info(NAME, strlen(NAME), &stat_buf);
}

static long get_not_run(void)
{
	pf_set_param(NAME, strlen(NAME));
	return pf_get_info(NAME, strlen(NAME), &stat_buf);
}

static long get_bad_stat(void)
{
	pf_set_param(NAME, strlen(NAME));
	ASSERT_EQ(workload_run("runs", NAME, NULL), 0);
	return pf_get_info(NAME, strlen(NAME), (struct pf_stat *)16);
}

static long cleanup_with_name(void)
{
	struct pfstat_classic classic = {
		.size = sizeof(classic), .name = (uintptr_t)NAME,
		.name_len = strlen(NAME),
	};

	return ioctl(pfstat_fd(pf), PFSTAT_IOC_CLEANUP, &classic);
}

static long set_short_structure(void)
{
	struct pfstat_classic classic = { .size = 4 };

	return ioctl(pfstat_fd(pf), PFSTAT_IOC_SET_PARAM, &classic);
}

static long get_bad_structure(void)
{
	return ioctl(pfstat_fd(pf), PFSTAT_IOC_GET_INFO, (void *)16);
}

static const struct failure {
	const char *name;
	long (*call)(void);
	int error;
	const char *says;	/* the call */
	const char *about;	/* the name, if there is one to tell */
} failures[] = {
	{ "set_param_einval", set_nothing, EINVAL, "pf_set_param", "" },
	{ "set_param_slash", set_slash, EINVAL, "pf_set_param", "a/b" },
	{ "set_param_enametoolong", set_too_long, ENAMETOOLONG, "pf_set_param", "" },
	{ "set_param_efault", set_bad_pointer, EFAULT, "pf_set_param", "" },
	{ "get_info_esrch", get_untracked, ESRCH, "pf_get_info", NAME },
	{ "get_info_enodata", get_not_run, ENODATA, "pf_get_info", NAME },
	{ "get_info_efault", get_bad_stat, EFAULT, "pf_get_info", NAME },
	{ "cleanup_einval", cleanup_with_name, EINVAL, "pf_cleanup", "" },
	{ "set_param_short_structure", set_short_structure, EINVAL, "pf_set_param", "" },
	{ "get_info_bad_structure", get_bad_structure, EFAULT, "pf_get_info", "" },
};

TEST_EACH(failed_call_leaves_a_line, const struct failure *, failures)
{
	char number[16];

	EXPECT_ERRNO(each->call(), each->error);
	ASSERT_EQ(messages(), 1);
	EXPECT_EQ(last.level, 3);
	EXPECT_EQ(strncmp(last.text, TAG, strlen(TAG)), 0);
	EXPECT_TRUE(strstr(last.text, each->says));
	EXPECT_TRUE(strstr(last.text, each->about));
	snprintf(number, sizeof(number), "%d", each->error);
	EXPECT_TRUE(strstr(last.text, number));
}

TEST(successful_calls_leave_none)
{
	ASSERT_OK(pf_set_param(NAME, strlen(NAME)));
	ASSERT_EQ(workload_run("runs", NAME, NULL), 0);
	ASSERT_OK(pf_get_info(NAME, strlen(NAME), &stat_buf));
	ASSERT_OK(pf_cleanup());
	EXPECT_EQ(messages(), 0);
}

/* The extended calls have an error of their own to tell. */
TEST(extended_calls_leave_none)
{
	struct pfstat_id id = pfstat_by_name(NAME);
	struct pfstat_result *r = NULL;

	EXPECT_ERRNO(pfstat_untrack(pf, &id), ESRCH);
	EXPECT_ERRNO(pfstat_query(pf, &id, 0, &r), ESRCH);
	track_name(NAME);
	EXPECT_ERRNO(pfstat_query(pf, &id, 0, &r), ENODATA);
	EXPECT_EQ(messages(), 0);
}

/* What a terminal, or a reader of lines, would obey is not logged as it is. */
TEST(name_cannot_forge_a_line)
{
	static const char name[] = "x\n<0>panic\x1b[2J";

	EXPECT_ERRNO(pf_get_info(name, strlen(name), &stat_buf), ESRCH);
	EXPECT_EQ(messages(), 1);
	EXPECT_TRUE(strstr(last.text, "pf_get_info"));
	EXPECT_TRUE(strstr(last.text, "panic"));
	EXPECT_TRUE(!strchr(last.text, '\x1b'));
}

/* However many fail, the log is not flooded. Last: it uses up the limit. */
TEST(lines_are_limited)
{
	int i;

	for (i = 0; i < 1000; i++)
		EXPECT_ERRNO(get_untracked(), ESRCH);
	i = messages();
	EXPECT_GT(i, 0);
	EXPECT_LT(i, 500);
}
