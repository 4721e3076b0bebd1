// SPDX-License-Identifier: GPL-2.0-only
/* How long faults took: see latency.h. */
#include <stdio.h>

#include "latency.h"

#define BAR	40

static void add(struct histogram *h, __u64 ns)
{
	int bucket = 63 - __builtin_clzll(ns);

	h->nr++;
	h->sum += ns;
	h->counts[bucket]++;
	if (h->most < ns)
		h->most = ns;
}

void latency_add(struct latency *latency, const struct recording *rec)
{
	size_t i;

	for (i = 0; i < rec->nr_faults; i++)
		if (rec->faults[i].duration)
			add(&latency->kinds[rec->faults[i].kind],
			    rec->faults[i].duration);
}

bool latency_of(struct latency *latency, const struct recording *rec)
{
	struct json_object *value;

	*latency = (struct latency){};
	if (!json_object_object_get_ex(rec->meta, "latency_cost_ns", &value))
		return false;
	latency->cost = json_object_get_uint64(value);
	latency_add(latency, rec);
	return true;
}

/* The bucket in which the fault lies that so many parts of all are faster than */
static __u64 quantile(const struct histogram *h, int percent)
{
	__u64 seen = 0;
	int i;

	for (i = 0; i < 64; i++) {
		seen += h->counts[i];
		if (seen * 100 >= h->nr * percent)
			break;
	}
	return i < 63 ? 2ULL << i : ~0ULL;
}

static void print_time(__u64 ns)
{
	if (ns < 10000)
		printf("%4llu ns", ns);
	else if (ns < 10000000)
		printf("%4llu us", ns / 1000);
	else
		printf("%4llu ms", ns / 1000000);
}

static void print_histogram(const struct histogram *h, int kind)
{
	static const char bar[BAR + 1] = "########################################";
	__u64 top = 0;
	int first, last, i;

	printf("\n%s: %llu faults, %llu ns on average, 99 %% below ",
	       pfstat_kind_name(kind), h->nr, h->sum / h->nr);
	print_time(quantile(h, 99));
	printf(", the longest ");
	print_time(h->most);
	printf("\n");
	for (first = 0; !h->counts[first]; first++)
		;
	for (last = 63; !h->counts[last]; last--)
		;
	for (i = first; i <= last; i++)
		if (top < h->counts[i])
			top = h->counts[i];
	for (i = first; i <= last; i++) {
		printf("  from ");
		print_time(1ULL << i);
		printf(" %10llu  %.*s\n", h->counts[i],
		       (int)((h->counts[i] * BAR + top - 1) / top), bar);
	}
}

void latency_print(const struct latency *latency)
{
	int kind;

	printf("Time from the kernel's page fault handler to the new page in its place\n"
	       "(measuring made each page fault of every process dearer by about %llu ns)\n",
	       latency->cost);
	if (latency->lost)
		printf("%llu events were lost, and are not in here\n",
		       latency->lost);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		if (latency->kinds[kind].nr)
			print_histogram(&latency->kinds[kind], kind);
}

static void add_kind(struct json_object *to, const struct histogram *h, int kind)
{
	struct json_object *one = json_new_object();
	struct json_object *buckets = json_new_array();
	struct json_object *bucket;
	int i;

	json_add(to, pfstat_kind_name(kind), one);
	json_add_number(one, "count", h->nr);
	json_add_number(one, "sum_ns", h->sum);
	json_add_number(one, "max_ns", h->most);
	json_add(one, "buckets", buckets);
	for (i = 0; i < 64; i++) {
		if (!h->counts[i])
			continue;
		bucket = json_append_object(buckets);
		json_add_number(bucket, "from_ns", 1ULL << i);
		json_add_number(bucket, "count", h->counts[i]);
	}
}

void latency_add_json(struct json_object *to, const struct latency *latency)
{
	struct json_object *object = json_new_object();
	int kind;

	json_add(to, "latency", object);
	json_add_number(object, "cost_ns", latency->cost);
	json_add_number(object, "lost", latency->lost);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		add_kind(object, &latency->kinds[kind], kind);
}
