/* SPDX-License-Identifier: GPL-2.0-only */
/* A target that is looked at again and again: what is new each time. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <pfstat.h>

/**
 * struct sample - a target
 * @id: which
 * @name: what to call it
 * @added: it was not tracked before, and is not to be afterwards
 * @error: errno value of the last look, 0: it succeeded
 * @now: what the last look that succeeded found, NULL: none did
 * @before: the one before that
 * @fresh: counts since then, by kind
 */
struct sample {
	struct pfstat_id id;
	char *name;
	bool added;
	int error;
	struct pfstat_result *now;
	struct pfstat_result *before;
	__u64 fresh[PFSTAT_KIND_SLOTS];
};

/**
 * sample_begin - begin to look at a target; tracks it if nobody does
 * @s: filled in
 * @p: the open device
 * @id: which target; a name must outlive @s
 *
 * Return: 0, or -1 for an error of the library.
 */
int sample_begin(struct sample *s, struct pfstat *p,
		 const struct pfstat_id *id);

/**
 * sample_take - look at it
 * @s: from sample_begin()
 * @p: the open device
 *
 * That nothing has run yet is no error: then there are no counts.
 *
 * Return: 0, or -1 for an error of the library, which is in @s->error, too.
 */
int sample_take(struct sample *s, struct pfstat *p);

/**
 * sample_fresh - faults of a mapping since the look before
 * @s: after sample_take()
 * @vma: of @s->now
 *
 * Return: how many CoW faults.
 */
__u64 sample_fresh(const struct sample *s, const struct pfstat_vma *vma);

void sample_end(struct sample *s, struct pfstat *p);

#endif /* SAMPLE_H */
