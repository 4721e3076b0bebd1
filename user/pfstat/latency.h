/* SPDX-License-Identifier: GPL-2.0-only */
/* How long faults took: a histogram for each kind, in powers of two. */
#ifndef LATENCY_H
#define LATENCY_H

#include <stdbool.h>

#include "../cli/out.h"
#include "recording.h"

/**
 * struct histogram - durations
 * @counts: how many were from 2^n ns on, up to twice as much
 * @nr: how many there were
 * @sum: of all, in ns
 * @most: the longest, in ns
 */
struct histogram {
	__u64 counts[64];
	__u64 nr;
	__u64 sum;
	__u64 most;
};

/**
 * struct latency - how long faults took, by kind
 * @kinds: by enum pfstat_kind
 * @cost: what measuring added to each page fault, in ns
 * @lost: faults that are not in here
 */
struct latency {
	struct histogram kinds[PFSTAT_NR_KINDS];
	__u64 cost;
	__u64 lost;
};

/* latency_add() - add all faults of a recording whose duration is known */
void latency_add(struct latency *latency, const struct recording *rec);

/* latency_of() - those of a finished recording; false: nothing was measured */
bool latency_of(struct latency *latency, const struct recording *rec);

void latency_print(const struct latency *latency);

/* latency_add_json() - as the member "latency" */
void latency_add_json(struct json_object *to, const struct latency *latency);

#endif /* LATENCY_H */
