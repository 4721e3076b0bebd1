// SPDX-License-Identifier: GPL-2.0-only
/*
 * A run that forks more often than ended processes are kept apart: the oldest
 * become one entry, and no count is lost or moved by that.
 *
 * vm: smp=4 mem=1024 module-args=keep_ended=16
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cow.h"

#define NAME	"pf-fold"
#define FORKS	200
#define PAGES	8

BEFORE_EACH()
{
	cow_begin();
}

/* Child i writes 1 + i % PAGES pages. */
WORKLOAD(forks)
{
	char *p;
	int i;

	only_small_pages();
	p = map_written(PAGES);
	for (i = 0; i < FORKS; i++)
		copy_in_child(p, 1 + i % PAGES);
	workload_at(p);
	return 0;
}

static void expect_all(const struct pfstat_id *id, unsigned long at)
{
	__u64 sum = 0;
	int i;

	for (i = 0; i < FORKS; i++)
		sum += 1 + i % PAGES;
	EXPECT_COUNTS(id, 0, at, PAGES, .copy = sum);
	EXPECT_EQ(vma_at(query(id, 0), at)->pages, PAGES);
}

TEST(counts_of_folded_processes)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	unsigned long at;
	int i;

	w = workload_start("forks", NAME, NULL);
	at = address_in(workload_wait(&w));
	for (i = 0; i < 3; i++) {
		expect_all(&id, at);
		usleep(200000);
	}
	EXPECT_LE(query(&id, 0)->nr_processes, 1 + 16 + 1);
	EXPECT_GT(query(&id, 0)->nr_processes, 1);
	EXPECT_EQ(query(&id, 0)->processes[0].pid, w.pid);
	EXPECT_EQ(query(&id, 0)->alive, 1);
	EXPECT_EQ(query(&id, 0)->run, 1);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	expect_all(&id, at);
	EXPECT_EQ(query(&id, 0)->alive, 0);
}
