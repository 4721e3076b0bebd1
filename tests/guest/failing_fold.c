// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory to fold the processes of a run that have ended: they stay apart, with
 * the counts that they had, until there is some (see pfstat_fold.c).
 *
 * vm: guests=*-debug smp=4 mem=1024 module-args=keep_ended=16
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/fail.h"

#define NAME	"pf-fold"
#define KEPT	16
#define FORKS	24
#define PAGES	4

BEFORE_EACH()
{
	fail_begin();
	cow_begin();
}

/* Each time FORKS children write all pages. */
WORKLOAD(forks)
{
	char *p;
	int i;

	only_small_pages();
	p = map_written(PAGES);
	workload_at(p);
	for (;;) {
		for (i = 0; i < FORKS; i++)
			copy_in_child(p, PAGES);
		workload_at(p);
	}
	return 0;
}

static const struct every {
	const char *name;
	int n;
} every[] = {
	{ "allocation", 1 }, { "second", 2 }, { "fifth", 5 },
};

TEST_EACH(without_every, const struct every *, every)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("forks", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	fail_below("pf_fold_all", each->n);
	workload_go(&w);
	workload_wait(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = FORKS * PAGES);
	if (each->n == 1)
		EXPECT_EQ(query(&id, 0)->nr_processes, 1 + FORKS);
	fail_below(NULL, 0);
	/* It is tried again when the next one ends. */
	workload_go(&w);
	workload_wait(&w);
	while (query(&id, 0)->nr_processes > 1 + KEPT + 1)
		usleep(10000);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = 2 * FORKS * PAGES);
}
