// SPDX-License-Identifier: GPL-2.0-only
/* How long faults took: a histogram for each kind, in powers of two. */
#include <stdio.h>
#include <string.h>

#include "../cli/out.h"
#include "report.h"

#define BAR	40

/* Durations from 2^n ns on, up to twice as much */
struct histogram {
	__u64 counts[64];
	__u64 nr;
	__u64 sum;
	__u64 most;
};

static void add(struct histogram *h, __u64 ns)
{
	int bucket = 63 - __builtin_clzll(ns);

	h->nr++;
	h->sum += ns;
	h->counts[bucket]++;
	if (h->most < ns)
		h->most = ns;
}

static void collect(const struct recording *rec, struct histogram *h)
{
	size_t i;

	memset(h, 0, PFSTAT_NR_KINDS * sizeof(*h));
	for (i = 0; i < rec->nr_faults; i++)
		if (rec->faults[i].duration)
			add(&h[rec->faults[i].kind], rec->faults[i].duration);
}

static __u64 cost(const struct recording *rec)
{
	struct json_object *value;

	return json_object_object_get_ex(rec->meta, "latency_cost_ns", &value) ?
	       json_object_get_uint64(value) : 0;
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

bool report_has_latency(const struct recording *rec)
{
	struct json_object *value;

	return json_object_object_get_ex(rec->meta, "latency_cost_ns", &value);
}

void report_print_latency(const struct recording *rec)
{
	struct histogram h[PFSTAT_NR_KINDS];
	int kind;

	collect(rec, h);
	printf("Time from the kernel's page fault handler to the new page in its place\n"
	       "(measuring made each page fault of every process dearer by about %llu ns)\n",
	       cost(rec));
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		if (h[kind].nr)
			print_histogram(&h[kind], kind);
}

void report_add_latency(struct json_object *to, const struct recording *rec)
{
	struct json_object *object = json_new_object();
	struct histogram h[PFSTAT_NR_KINDS];
	int kind, i;

	json_add(to, "latency", object);
	json_add_number(object, "cost_ns", cost(rec));
	collect(rec, h);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++) {
		struct json_object *one = json_new_object();
		struct json_object *buckets = json_new_array();

		json_add(object, pfstat_kind_name(kind), one);
		json_add_number(one, "count", h[kind].nr);
		json_add_number(one, "sum_ns", h[kind].sum);
		json_add_number(one, "max_ns", h[kind].most);
		json_add(one, "buckets", buckets);
		for (i = 0; i < 64; i++) {
			struct json_object *bucket;

			if (!h[kind].counts[i])
				continue;
			bucket = json_append_object(buckets);
			json_add_number(bucket, "from_ns", 1ULL << i);
			json_add_number(bucket, "count", h[kind].counts[i]);
		}
	}
}
