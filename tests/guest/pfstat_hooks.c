// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes are in place while something is tracked, and only then: by what INFO
 * says and by what the kernel lists.
 *
 * vm: smp=4 mem=1024 timeout=240
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/storm.h"

#define NAME	"pf-hooks"
#define KPROBES	"/sys/kernel/debug/kprobes/list"
#define FTRACE	"/sys/kernel/tracing/enabled_functions"

BEFORE_EACH()
{
	cow_begin();
}

/* Lines of a file with a word, not another; those with [DISABLED] apart. */
static int lines_but(const char *path, const char *word, const char *but,
		     int disabled)
{
	FILE *f = fopen(path, "re");
	char line[512];
	int n = 0;

	if (!f)
		ktap_fail(__FILE__, __LINE__, 1, "%s: %m", path);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, word) && !(but && strstr(line, but)) &&
		    !strstr(line, "[DISABLED]") == !disabled)
			n++;
	fclose(f);
	return n;
}

static int lines(const char *path, const char *word, int disabled)
{
	return lines_but(path, word, NULL, disabled);
}

static unsigned int armed(void)
{
	struct pfstat_info info;

	ASSERT_OK(pfstat_get_info(pf, &info));
	return info.flags & PFSTAT_INFO_ARMED;
}

/* On the functions of the fault path, and of the end of an mm. */
static void expect_in_place(int in_place)
{
	static const char * const functions[] = {
		"exit_mm_release", "exec_mm_release", "ptep_clear_flush",
		"_move_anon_rmap",	/* page_... in 6.1, folio_... in 6.12 */
	};
	char name[64];
	size_t i;

	EXPECT_EQ(!!armed(), in_place);
	for (i = 0; i < KTAP_ARRAY_SIZE(functions); i++) {
		snprintf(name, sizeof(name), "%s ", functions[i]);
		EXPECT_EQ(lines(KPROBES, functions[i], 0) || lines(FTRACE, name, 0),
			  in_place);
	}
	/* do_cow_fault() is part of do_fault(), or of what calls that. */
	EXPECT_EQ(lines_but(KPROBES, "_fault+0x", "hugetlb", 0), in_place);
	EXPECT_EQ(lines_but(KPROBES, "_fault+0x", "hugetlb", 1), !in_place);
	if (!in_place)
		EXPECT_EQ(lines(FTRACE, " (", 0), 0);
}

TEST(nothing_tracked)
{
	expect_in_place(0);
}

TEST(name_tracked)
{
	track_name(NAME);
	expect_in_place(1);
}

TEST(pid_tracked)
{
	track_pid(getpid());
	expect_in_place(1);
}

TEST(untracked)
{
	struct pfstat_id id = track_name(NAME);

	ASSERT_OK(pfstat_untrack(pf, &id));
	expect_in_place(0);
}

TEST(one_of_two_untracked)
{
	struct pfstat_id id = track_name(NAME);

	track_name("pf-other");
	ASSERT_OK(pfstat_untrack(pf, &id));
	expect_in_place(1);
	ASSERT_OK(pf_cleanup());
	expect_in_place(0);
}

TEST_SECONDS(tracked_many_times, 60)
{
	int i;

	for (i = 0; i < how_often(20, 5); i++) {
		struct pfstat_id id = track_name(NAME);

		ASSERT_OK(pfstat_untrack(pf, &id));
	}
	expect_in_place(0);
	track_name(NAME);
	expect_in_place(1);
}

/* Tracking by a failed call leaves nothing in place. */
TEST(failed_track)
{
	struct pfstat_id id = pfstat_by_pid(0x7fffffff);

	EXPECT_ERRNO(pfstat_track(pf, &id), ESRCH);
	expect_in_place(0);
}

TEST(all_kinds_can_be_told)
{
	struct pfstat_info info;

	ASSERT_OK(pfstat_get_info(pf, &info));
	EXPECT_EQ(info.kinds, (1U << PFSTAT_NR_KINDS) - 1);
	EXPECT_EQ(info.abi, PFSTAT_ABI_VERSION);
	EXPECT_EQ(info.page_size, page_size());
	EXPECT_TRUE(info.flags & PFSTAT_INFO_PRIVILEGED);
	EXPECT_TRUE(info.hook == PFSTAT_HOOK_KPROBE || info.hook == PFSTAT_HOOK_FTRACE);
}
