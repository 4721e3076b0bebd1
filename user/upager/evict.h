/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pager and evictor say to each other. The evictor is a thread that the
 * preloaded library has in each client: only the client itself can move its
 * pages away (mremap()). It does what it is told, and nothing by itself.
 */
#ifndef EVICT_H
#define EVICT_H

#include <stdint.h>

/* Pages that go at once at most */
#define EVICT_PAGES	64

/* Behind the path of the pager's socket */
#define EVICT_SUFFIX	".evict"

/* What the thread is called */
#define EVICT_THREAD	"upager-evict"

/* What the preloaded library finds in the environment */
#define RUN_SOCKET_ENV	"UPAGER_SOCKET"
#define RUN_ABOVE_ENV	"UPAGER_ABOVE"
/* Names of programs, a pattern on each line */
#define RUN_INCLUDE_ENV	"UPAGER_INCLUDE"
#define RUN_EXCLUDE_ENV	"UPAGER_EXCLUDE"

/**
 * struct evict_order - move pages to where nobody touches them
 * @from: where they are
 * @len: bytes; 0: what was moved before is not needed any more
 */
struct evict_order {
	uint64_t from;
	uint64_t len;
};

/**
 * struct evict_answer - it is done
 * @to: where the pages are now, and where the next ones will be; in the first
 *	record, which nobody has asked for, the first ones
 * @status: 0 or a negative errno; then they are where they were
 */
struct evict_answer {
	uint64_t to;
	int64_t status;
};

#endif /* EVICT_H */
