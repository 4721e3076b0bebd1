// SPDX-License-Identifier: GPL-2.0-only
/* Mappings by what they are called, see label.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "get.h"
#include "label.h"

struct label *label_get(struct labels *labels, const char *text,
			const char *perm)
{
	struct label *label;
	size_t i;

	if (!*text)
		text = "anonymous";
	for (i = 0; i < labels->nr; i++) {
		label = &labels->array[i];
		/* no more than there is room for: what a file has may be longer */
		if (!strcmp(label->text, text) &&
		    !strncmp(label->perm, perm, sizeof(label->perm) - 1))
			return label;
	}
	labels->array = must(reallocarray(labels->array, labels->nr + 1,
					  sizeof(*labels->array)));
	label = &labels->array[labels->nr++];
	*label = (struct label){.text = must(strdup(text))};
	snprintf(label->perm, sizeof(label->perm), "%s", perm);
	return label;
}

static int compare(const void *a, const void *b)
{
	const struct label *x = a, *y = b;
	__u64 i = pfstat_cow_faults(x->kinds), j = pfstat_cow_faults(y->kinds);
	int order;

	if (i != j)
		return i < j ? 1 : -1;
	order = strcmp(x->text, y->text);
	return order ? order : strcmp(x->perm, y->perm);
}

void labels_sort(struct labels *labels)
{
	if (labels->nr)
		qsort(labels->array, labels->nr, sizeof(*labels->array),
		      compare);
}

void labels_sum(struct labels *labels, const struct pfstat_result *result)
{
	const struct pfstat_vma *vma;
	struct label *label;
	char perm[5];
	__u32 i;
	int kind;

	for (i = 0; i < result->nr_vmas; i++) {
		vma = &result->vmas[i];
		if (!any_counts(vma->kinds))
			continue;
		label = label_get(labels, vma->flags & PFSTAT_VMA_UNMAPPED ?
				  "unmapped" : pfstat_vma_path(result, vma),
				  pfstat_vma_perm(vma, perm));
		for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
			label->kinds[kind] += vma->kinds[kind];
		label->pages += vma->pages;
	}
	labels_sort(labels);
}

void labels_free(struct labels *labels)
{
	size_t i;

	for (i = 0; i < labels->nr; i++)
		free(labels->array[i].text);
	free(labels->array);
	*labels = (struct labels){};
}
