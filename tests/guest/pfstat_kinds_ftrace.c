// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tests of pfstat_kinds.c with hook=ftrace: the same numbers. Where auto
 * is not ftrace already.
 *
 * vm: smp=4 mem=1024 timeout=300 module-args=hook=ftrace guests=i386*
 */
#include "pfstat_kinds.c"

TEST(hook_is_ftrace)
{
	struct pfstat_info info;

	ASSERT_OK(pfstat_get_info(pf, &info));
	EXPECT_EQ(info.hook, PFSTAT_HOOK_FTRACE);
}
