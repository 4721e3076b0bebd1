// SPDX-License-Identifier: GPL-2.0-only
/* Targets looked at again and again, see sample.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "sample.h"

/* 1 if it is tracked already, -1 for an error */
static int is_tracked(struct pfstat *p, const struct pfstat_id *id)
{
	struct pfstat_target *targets;
	size_t count, i;
	int found = 0;

	if (pfstat_list_targets(p, &targets, &count))
		return -1;
	for (i = 0; i < count && !found; i++) {
		if (targets[i].type != id->type)
			continue;
		if (id->type == PFSTAT_TARGET_PID)
			found = (pid_t)targets[i].pid == id->pid;
		else
			found = strlen(targets[i].name) == id->name_len &&
				!memcmp(targets[i].name, id->name,
					id->name_len);
	}
	free(targets);
	return found;
}

int sample_begin(struct sample *s, struct pfstat *p, const struct pfstat_id *id)
{
	int found = is_tracked(p, id);

	*s = (struct sample){.id = *id};
	if (found < 0 || (!found && pfstat_track(p, id)))
		return -1;
	s->added = !found;
	s->name = target_text(id);
	return 0;
}

int sample_take(struct sample *s, struct pfstat *p)
{
	struct pfstat_result *swap = s->before;
	bool again;
	int kind;

	s->before = s->now;
	s->now = swap;
	memset(s->fresh, 0, sizeof(s->fresh));
	s->error = 0;
	if (pfstat_query(p, &s->id, 0, &s->now)) {
		s->error = errno;
		pfstat_result_free(s->now);
		s->now = NULL;
		return s->error == ENODATA ? 0 : -1;
	}
	again = s->before && s->before->run == s->now->run;
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++) {
		__u64 old = again ? s->before->kinds[kind] : 0;

		/* they start from zero when somebody resets them */
		s->fresh[kind] = s->now->kinds[kind] -
				 (s->now->kinds[kind] < old ? 0 : old);
	}
	return 0;
}

__u64 sample_fresh(const struct sample *s, const struct pfstat_vma *vma)
{
	__u64 faults = pfstat_cow_faults(vma->kinds), old = 0;
	__u32 i;

	if (!s->before || s->before->run != s->now->run)
		return faults;
	/* it may have grown at either end, or be a part of what it was */
	for (i = 0; i < s->before->nr_vmas; i++)
		if (s->before->vmas[i].start < vma->end &&
		    s->before->vmas[i].end > vma->start)
			old += pfstat_cow_faults(s->before->vmas[i].kinds);
	return faults > old ? faults - old : 0;
}

void sample_end(struct sample *s, struct pfstat *p)
{
	if (s->added)
		pfstat_untrack(p, &s->id);
	pfstat_result_free(s->now);
	pfstat_result_free(s->before);
	free(s->name);
}
