/* SPDX-License-Identifier: GPL-2.0-only */
/* What a pager counts. */
#ifndef STATS_H
#define STATS_H

#include <stdint.h>

struct json_object;

/* Latencies by powers of two of microseconds: below 1, 2, 4 ... */
#define STATS_LATENCIES	24

/**
 * struct stats - of a client, or of all: sums since it came
 * @latency: faults by the time from reading to waking
 * @latency_ns: sum of these times
 * @faults: page faults read
 * @writes: of these, by a write
 * @doubled: of these, for a page that was on its way already
 * @batches: reads that brought faults
 * @fills: commands that filled pages
 * @pages: base pages filled with data
 * @zeros: base pages filled with zeros
 * @present: pages that were there already (EEXIST)
 * @again: fills to be repeated (EAGAIN)
 * @gone: pages unmapped meanwhile (ENOENT)
 * @stale: pages whose contents changed while they were fetched
 * @fallbacks: base pages that had to be copied after all
 * @ahead: pages fetched before they were asked for
 * @hits: of these, known to have been used
 * @forks: events of that kind
 * @remaps: the same
 * @removes: the same
 * @unmaps: the same
 * @retries: fetches begun again
 * @failures: pages given up, with SIGBUS
 * @sampled: faults of which was looked where their thread ran
 * @local: of these, where we ran, too
 */
struct stats {
	uint64_t latency[STATS_LATENCIES];
	uint64_t latency_ns;
	uint64_t faults;
	uint64_t writes;
	uint64_t doubled;
	uint64_t batches;
	uint64_t fills;
	uint64_t pages;
	uint64_t zeros;
	uint64_t present;
	uint64_t again;
	uint64_t gone;
	uint64_t stale;
	uint64_t fallbacks;
	uint64_t ahead;
	uint64_t hits;
	uint64_t forks;
	uint64_t remaps;
	uint64_t removes;
	uint64_t unmaps;
	uint64_t retries;
	uint64_t failures;
	uint64_t sampled;
	uint64_t local;
};

/**
 * stats_latency - count how long a fault took
 * @stats: whose
 * @ns: nanoseconds
 */
void stats_latency(struct stats *stats, uint64_t ns);

/**
 * stats_add - add up
 * @to: is increased
 * @from: by this
 */
void stats_add(struct stats *to, const struct stats *from);

/**
 * stats_quantile - the time within which a part of the faults was answered
 * @stats: whose
 * @percent: which part
 *
 * Return: microseconds, an upper bound; 0 without faults.
 */
uint64_t stats_quantile(const struct stats *stats, unsigned int percent);

/**
 * stats_json - as JSON
 * @to: object that gets members
 * @stats: which
 */
void stats_json(struct json_object *to, const struct stats *stats);

#endif /* STATS_H */
