// SPDX-License-Identifier: GPL-2.0-only
/* What a page fault costs here and now, see cost.h. */
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cost.h"

#define PAGES	256
#define ROUNDS	9

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

__u64 fault_cost(void)
{
	size_t page = sysconf(_SC_PAGESIZE), size = PAGES * page, i;
	__u64 least = ~0ULL, begin, time;
	int round;
	char *p;

	for (round = 0; round < ROUNDS; round++) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return 0;
		madvise(p, size, MADV_NOHUGEPAGE);
		begin = now();
		for (i = 0; i < size; i += page)
			*(volatile char *)(p + i) = 1;
		time = (now() - begin) / PAGES;
		munmap(p, size);
		if (time < least)
			least = time;
	}
	return least;
}
