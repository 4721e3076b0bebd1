// SPDX-License-Identifier: GPL-2.0-only
/* Counters and latencies, and how they are told. */
#include <stddef.h>

#include "../cli/out.h"
#include "stats.h"

#define COUNTER(_name) {#_name, offsetof(struct stats, _name)}

static const struct {
	const char *name;
	size_t offset;
} counters[] = {
	COUNTER(faults),
	COUNTER(writes),
	COUNTER(doubled),
	COUNTER(batches),
	COUNTER(fills),
	COUNTER(pages),
	COUNTER(zeros),
	COUNTER(present),
	COUNTER(again),
	COUNTER(gone),
	COUNTER(stale),
	COUNTER(fallbacks),
	COUNTER(ahead),
	COUNTER(hits),
	COUNTER(forks),
	COUNTER(remaps),
	COUNTER(removes),
	COUNTER(unmaps),
	COUNTER(retries),
	COUNTER(failures),
	COUNTER(sampled),
	COUNTER(local),
	COUNTER(latency_ns),
};

#define COUNTERS (sizeof(counters) / sizeof(*counters))

static uint64_t *counter(const struct stats *stats, size_t i)
{
	return (uint64_t *)((char *)stats + counters[i].offset);
}

void stats_latency(struct stats *stats, uint64_t ns)
{
	uint64_t us = ns / 1000;
	unsigned int slot = 0;

	while (us && slot < STATS_LATENCIES - 1) {
		us >>= 1;
		slot++;
	}
	stats->latency[slot]++;
	stats->latency_ns += ns;
}

void stats_add(struct stats *to, const struct stats *from)
{
	size_t i;

	for (i = 0; i < STATS_LATENCIES; i++)
		to->latency[i] += from->latency[i];
	for (i = 0; i < COUNTERS; i++)
		*counter(to, i) += *counter(from, i);
}

uint64_t stats_quantile(const struct stats *stats, unsigned int percent)
{
	uint64_t sum = 0, all = 0;
	int i;

	for (i = 0; i < STATS_LATENCIES; i++)
		all += stats->latency[i];
	for (i = 0; all && i < STATS_LATENCIES; i++) {
		sum += stats->latency[i];
		if (sum * 100 >= all * percent)
			return 1ull << i;
	}
	return 0;
}

void stats_json(struct json_object *to, const struct stats *stats)
{
	struct json_object *histogram = json_new_array();
	struct json_object *slot;
	size_t i;

	for (i = 0; i < COUNTERS; i++)
		json_add_number(to, counters[i].name, *counter(stats, i));
	for (i = 0; i < STATS_LATENCIES; i++) {
		if (!stats->latency[i])
			continue;
		slot = json_append_object(histogram);
		json_add_number(slot, "below_us", 1ull << i);
		json_add_number(slot, "faults", stats->latency[i]);
	}
	json_add(to, "latency", histogram);
}
