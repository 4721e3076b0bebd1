/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mappings by what they are called, not by where they lie: addresses differ
 * from run to run. All anonymous memory of the same permissions is one.
 */
#ifndef LABEL_H
#define LABEL_H

#include <stddef.h>

#include <pfstat.h>

/**
 * struct label - mappings of one path and permissions
 * @text: the path as /proc shows it, "anonymous", or "unmapped"
 * @perm: as in "rw-p"
 * @kinds: their counts
 * @pages: their distinct pages
 */
struct label {
	char *text;
	char perm[5];
	__u64 kinds[PFSTAT_KIND_SLOTS];
	__u64 pages;
};

/* struct labels - sorted by CoW faults, most first; zeros: empty */
struct labels {
	struct label *array;
	size_t nr;
};

/**
 * label_get - the label of a text and permissions
 * @labels: which; grows by one if it has none
 * @text: see struct label; what is empty is anonymous
 * @perm: see struct label
 *
 * Return: it, until the next call.
 */
struct label *label_get(struct labels *labels, const char *text,
			const char *perm);

/**
 * labels_sum - sum the mappings of a result
 * @labels: empty
 * @result: from pfstat_query()
 */
void labels_sum(struct labels *labels, const struct pfstat_result *result);

void labels_sort(struct labels *labels);
void labels_free(struct labels *labels);

#endif /* LABEL_H */
