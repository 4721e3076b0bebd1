// SPDX-License-Identifier: GPL-2.0-only
/*
 * pfstat get --openmetrics: for collectors such as the textfile collector of
 * Prometheus' node exporter. Addresses change from run to run, so mappings are
 * summed by path: a series must not be new each time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "get.h"
#include "label.h"

/* The value of a label, in quotes */
static void print_value(const char *text)
{
	putchar('"');
	while (*text) {
		int length = utf8_length(text);

		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if (*text == '\n')
			printf("\\n");
		else if (length)
			printf("%.*s", length, text);
		else
			printf("\xef\xbf\xbd");
		text += length ? length : 1;
	}
	putchar('"');
}

static void print_family(const char *name, const char *type, const char *help)
{
	printf("# TYPE pfstat_%s %s\n# HELP pfstat_%s %s\n", name, type, name,
	       help);
}

static void print_kinds(const char *metric, const char *name,
			const struct label *label, const __u64 *kinds,
			int from, int to)
{
	int kind;

	for (kind = from; kind < to; kind++) {
		if (label && !kinds[kind])
			continue;
		printf("pfstat_%s_total{name=", metric);
		print_value(name);
		if (label) {
			printf(",mapping=");
			print_value(label->text);
			printf(",perm=\"%s\"", label->perm);
		}
		printf(",kind=\"%s\"} %llu\n", pfstat_kind_name(kind),
		       kinds[kind]);
	}
}

static void print_gauge(const char *metric, const char *help, const char *name,
			__u64 value)
{
	print_family(metric, "gauge", help);
	printf("pfstat_%s{name=", metric);
	print_value(name);
	printf("} %llu\n", value);
}

void get_print_openmetrics(const struct report *r)
{
	const struct pfstat_result *result = r->result;
	struct labels labels = {};
	char *name = report_name(r);
	size_t i;

	labels_sum(&labels, result);
	print_family("cow_faults", "counter",
		     "Copy-on-write faults of the current run.");
	print_kinds("cow_faults", name, NULL, result->kinds, 0,
		    PFSTAT_NR_COW_KINDS);
	print_family("other_faults", "counter",
		     "Beside them: by the kernel, or for a pin.");
	print_kinds("other_faults", name, NULL, result->kinds,
		    PFSTAT_NR_COW_KINDS, PFSTAT_NR_KINDS);
	print_family("mapping_cow_faults", "counter",
		     "Copy-on-write faults by mapping.");
	for (i = 0; i < labels.nr; i++)
		print_kinds("mapping_cow_faults", name, &labels.array[i],
			    labels.array[i].kinds, 0, PFSTAT_NR_COW_KINDS);
	print_family("copied_bytes", "counter", "Bytes copied by them.");
	printf("pfstat_copied_bytes_total{name=");
	print_value(name);
	printf("} %llu\n", bytes_copied(result->kinds));
	print_gauge("pages", "Distinct pages that took them.", name,
		    result->pages);
	print_gauge("run", "Number of the run, counts start anew with each.",
		    name, result->run);
	print_gauge("processes", "Processes of the run that are alive.", name,
		    result->alive);
	printf("# EOF\n");
	labels_free(&labels);
	free(name);
}
