// SPDX-License-Identifier: GPL-2.0-only
/*
 * The answer of the original interface in both of its layouts.
 *
 * vm: smp=4 mem=1024
 */
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/cow.h"

#define NAME	"pf-classic"
#define PAGES	5

BEFORE_EACH()
{
	cow_begin();
}

WORKLOAD(copies)
{
	copy_and_step(PAGES);
	return 0;
}

/* As callers whose long has 32 or 64 bits have it; either may ask any kernel. */
struct stat_32 {
	__s32 nb_vma, cow_page_faults, vma_fault[MAX_SIZE_PF];
	__u32 start[MAX_SIZE_PF], end[MAX_SIZE_PF];
};

struct stat_64 {
	__s32 nb_vma, pad;
	__s64 cow_page_faults, vma_fault[MAX_SIZE_PF];
	__u64 start[MAX_SIZE_PF], end[MAX_SIZE_PF];
};

static int ask(void *stat, size_t size)
{
	struct pfstat_classic c = {
		.size = sizeof(c), .name = (uintptr_t)NAME, .name_len = strlen(NAME),
		.stat = (uintptr_t)stat, .stat_size = size,
	};

	memset(stat, 0xff, size);
	return ioctl(pfstat_fd(pf), PFSTAT_IOC_GET_INFO, &c);
}

TEST(layouts_agree)
{
	struct pfstat_id id = track_name(NAME);
	const struct pfstat_result *r;
	struct stat_32 small;
	struct stat_64 large;
	struct workload w;
	unsigned long at;
	int i;

	w = workload_start("copies", NAME, NULL);
	at = address_in(workload_wait(&w));
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	ASSERT_OK(ask(&small, sizeof(small)));
	ASSERT_OK(ask(&large, sizeof(large)));
	r = query(&id, 0);
	EXPECT_EQ(small.nb_vma, r->nr_vmas);
	EXPECT_EQ(large.nb_vma, r->nr_vmas);
	EXPECT_EQ(large.pad, 0);
	EXPECT_EQ(small.cow_page_faults, pfstat_cow_faults(r->kinds));
	EXPECT_EQ(large.cow_page_faults, pfstat_cow_faults(r->kinds));
	for (i = 0; i < large.nb_vma; i++) {
		EXPECT_EQ(large.start[i], r->vmas[i].start);
		EXPECT_EQ(large.end[i], r->vmas[i].end);
		EXPECT_EQ(large.vma_fault[i], pfstat_cow_faults(r->vmas[i].kinds));
		EXPECT_EQ(small.start[i], (__u32)large.start[i]);
		EXPECT_EQ(small.end[i], (__u32)large.end[i]);
		EXPECT_EQ(small.vma_fault[i], large.vma_fault[i]);
	}
	for (; i < MAX_SIZE_PF; i++)
		EXPECT_EQ(large.start[i] | large.end[i] | large.vma_fault[i], 0);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
}
