// SPDX-License-Identifier: GPL-2.0-only
/*
 * CLEANUP, which takes the probes away, while every allocation and copy fails
 * once (see failing_calls.c, which has that of a user who may not do that). It
 * has done all, or nothing, and can be repeated.
 *
 * vm: guests=*-debug mem=1024 timeout=300
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/fail.h"

#define NAME	"pf-failing"
#define PAGES	16
#define MOST	5000	/* failures of one call; there are some tens */

BEFORE_EACH()
{
	fail_begin();
	cow_begin();
}

static struct pfstat_info info(void)
{
	struct pfstat_info info;

	ASSERT_OK(pfstat_get_info(pf, &info));
	return info;
}

static int cleanup(void)
{
	struct pfstat_classic c = { .size = sizeof(c) };

	return ioctl(pfstat_fd(pf), PFSTAT_IOC_CLEANUP, &c);
}

/* Nobody is tracked, no probe is in place, and nothing is kept. */
static void expect_nothing(const struct pfstat_id *id)
{
	EXPECT_EQ(info().targets, 0u);
	EXPECT_EQ(info().flags & PFSTAT_INFO_ARMED, 0u);
	EXPECT_ERRNO(pfstat_untrack(pf, id), ESRCH);
	while (info().processes || info().chunks)
		usleep(1000);
}

TEST_SECONDS(cleanup_fails_once, 60)
{
	struct pfstat_id self, name = pfstat_by_name(NAME);
	int n, ret, error, failures = 0, refused = 0;
	bool happened;
	char *area;

	only_small_pages();
	area = map_written(PAGES);
	FAIL_KINDS(kind) {
		happened = true;
		for (n = 1; n < MOST && happened; n = fail_next(n)) {
			self = track_pid(getpid());
			ASSERT_OK(pfstat_track(pf, &name));
			copy_pages(area, PAGES);
			fail_kind_nth(kind, n);
			ret = cleanup();
			error = errno;
			happened = fail_kind_happened(kind);
			failures += happened;
			if (ret) {
				refused++;
				EXPECT_TRUE(happened);
				EXPECT_EQ(error, EFAULT);
				EXPECT_EQ(info().targets, 2u);
				EXPECT_COUNTS(&self, 0, (unsigned long)area, PAGES,
					      .copy = PAGES);
				ASSERT_OK(cleanup());
			}
			expect_nothing(&self);
		}
		EXPECT_LT(n, MOST);
	}
	EXPECT_GT(failures, 0);
	EXPECT_GT(refused, 0);
	ktap_note("%d failures, %d refused", failures, refused);
}

TEST(counts_are_right_afterwards)
{
	struct pfstat_id self;
	char *area;

	only_small_pages();
	area = map_written(PAGES);
	self = track_pid(getpid());
	copy_pages(area, PAGES);
	EXPECT_COUNTS(&self, 0, (unsigned long)area, PAGES, .copy = PAGES);
}
