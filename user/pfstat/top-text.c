// SPDX-License-Identifier: GPL-2.0-only
/* The picture of "top" as lines of text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "get.h"
#include "top.h"

/**
 * struct hot - a mapping that took faults
 * @s: whose
 * @vma: it
 * @fresh: faults since the last look
 */
struct hot {
	const struct sample *s;
	const struct pfstat_vma *vma;
	__u64 fresh;
};

static int by_heat(const void *a, const void *b)
{
	const struct hot *x = a, *y = b;
	__u64 i = pfstat_cow_faults(x->vma->kinds);
	__u64 j = pfstat_cow_faults(y->vma->kinds);

	if (x->fresh != y->fresh)
		return x->fresh < y->fresh ? 1 : -1;
	if (i != j)
		return i < j ? 1 : -1;
	return x->vma->start < y->vma->start ? -1 :
	       x->vma->start > y->vma->start;
}

static struct hot *find_hot(const struct top *top, size_t *count)
{
	struct hot *hot = NULL;
	size_t room = 0, n = 0, i;
	__u32 v;

	for (i = 0; i < top->nr; i++) {
		const struct sample *s = &top->samples[i];

		for (v = 0; s->now && v < s->now->nr_vmas; v++) {
			const struct pfstat_vma *vma = &s->now->vmas[v];

			if (!pfstat_cow_faults(vma->kinds))
				continue;
			if (n == room) {
				room += room / 2 + 64;
				hot = must(reallocarray(hot, room,
							sizeof(*hot)));
			}
			hot[n++] = (struct hot){s, vma, sample_fresh(s, vma)};
		}
	}
	if (n)
		qsort(hot, n, sizeof(*hot), by_heat);
	*count = n;
	return hot;
}

static __u64 rate(const struct top *top, __u64 count)
{
	return top->elapsed > 0 ? count * 1000 / top->elapsed : 0;
}

static void put_head(const struct top *top, FILE *out)
{
	unsigned int alive = 0;
	char text[16];
	time_t now = time(NULL);
	struct tm tm;
	size_t i;

	for (i = 0; i < top->nr; i++)
		alive += top->samples[i].now ? top->samples[i].now->alive : 0;
	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&now, &tm));
	fprintf(out, "%s  pfstat top: %zu target%s, %u process%s alive, every %g s\n",
		text, top->nr, top->nr == 1 ? "" : "s", alive,
		alive == 1 ? "" : "es", top->delay / 1000.0);
}

/* How many are alive; "gone" is not tracked any more, "-" has not run yet. */
static void put_alive(const struct sample *s, FILE *out)
{
	if (s->now)
		fprintf(out, "%6u", s->now->alive);
	else
		fprintf(out, "%6s", s->error == ESRCH ? "gone" : "-");
}

static void put_targets(const struct top *top, FILE *out)
{
	size_t i;

	fprintf(out, "%9s%9s%8s%8s%8s%9s%9s%6s  %s\n", "FAULTS/s", "COPY/s",
		"REUSE/s", "ZERO/s", "FILE/s", "TOTAL", "PAGES", "ALIVE",
		"NAME");
	for (i = 0; i < top->nr; i++) {
		const struct sample *s = &top->samples[i];
		const struct pfstat_result *now = s->now;
		char *name = printable(s->name);

		fprintf(out, "%9llu%9llu%8llu%8llu%8llu%9llu%9llu",
			rate(top, pfstat_cow_faults(s->fresh)),
			rate(top, s->fresh[PFSTAT_COPY]),
			rate(top, s->fresh[PFSTAT_REUSE]),
			rate(top, s->fresh[PFSTAT_ZERO]),
			rate(top, s->fresh[PFSTAT_FILE]),
			now ? pfstat_cow_faults(now->kinds) : 0,
			now ? now->pages : 0);
		put_alive(s, out);
		fprintf(out, "  %s\n", name);
		free(name);
	}
}

static void put_mappings(const struct top *top, FILE *out)
{
	struct hot *hot;
	size_t count, i;

	hot = find_hot(top, &count);
	if (count)
		fprintf(out, "\n%9s%9s%9s %-4s %s\n", "FAULTS/s", "TOTAL",
			"PAGES", "PERM", "MAPPING");
	for (i = 0; i < count && i < (size_t)top->mappings; i++) {
		const struct pfstat_vma *vma = hot[i].vma;
		char *path = printable(pfstat_vma_path(hot[i].s->now, vma));
		char perm[5];

		fprintf(out, "%9llu%9llu%9llu %s %llx-%llx %s%s\n",
			rate(top, hot[i].fresh), pfstat_cow_faults(vma->kinds),
			vma->pages, pfstat_vma_perm(vma, perm), vma->start,
			vma->end, vma->flags & PFSTAT_VMA_UNMAPPED ?
			"(unmapped)" : "", path);
		free(path);
	}
	free(hot);
}

char *top_text(const struct top *top, int width)
{
	char *text = NULL;
	size_t size;
	FILE *out = must(open_memstream(&text, &size));

	put_head(top, out);
	put_targets(top, out);
	put_mappings(top, out);
	if (fclose(out))
		out_of_memory();
	cut_lines(text, width);
	return text;
}
