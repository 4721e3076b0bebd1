/* SPDX-License-Identifier: GPL-2.0-only */
/* The faults of a recording, summed by one thing or another. */
#ifndef GROUP_H
#define GROUP_H

#include "recording.h"
#include "resolve.h"

enum group_by {
	BY_VMA,
	BY_PAGE,
	BY_IP,
	BY_PROCESS,
	BY_TIME,
	NR_GROUP_BY
};

/* What --by calls them, and what stands above their column */
extern const char *const group_names[NR_GROUP_BY];

/**
 * struct group - faults that have something in common
 * @key: start of a mapping, page, pid, begin of a span of time in nanoseconds
 * @end: of the mapping, or of the span of time
 * @label: path of a mapping or page, function, or ""
 * @perm: of a mapping
 * @parent: of a process
 * @faults: CoW faults
 * @pages: distinct pages that took them
 * @kinds: counts by kind
 */
struct group {
	__u64 key;
	__u64 end;
	char *label;
	char perm[5];
	__u32 parent;
	__u64 faults;
	__u64 pages;
	__u64 kinds[PFSTAT_KIND_SLOTS];
};

/**
 * struct groups - all groups of a recording
 * @array: most faults first; time and processes in their own order
 * @nr: how many
 */
struct groups {
	struct group *array;
	size_t nr;
};

#define GROUP_SPANS	60	/* of time */

/**
 * groups_make - sum a recording
 * @groups: filled in
 * @rec: the recording
 * @names: of its instructions
 * @by: by what
 */
void groups_make(struct groups *groups, const struct recording *rec,
		 struct names *names, enum group_by by);

void groups_free(struct groups *groups);

#endif /* GROUP_H */
