// SPDX-License-Identifier: GPL-2.0-only
/* An address of a process, and where it leads: see place.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "place.h"

static int too_high(const struct command *cmd, const struct call *call,
		    __u64 addr)
{
	char subject[32], why[80];
	const struct pfstat_error error = {
		.code = EINVAL,
		.what = cmd->name,
		.subject = subject,
		.why = why,
		.hint = "page tables of processes describe what is below",
	};

	snprintf(subject, sizeof(subject), "0x%llx", addr);
	snprintf(why, sizeof(why), "beyond user space, which ends at 0x%llx",
		 pgtbl_get_info(call->p)->user_end);
	return report(&error);
}

/* Why there is no memory, in words of someone who does not know the tables */
static void explain(struct place *place)
{
	if (place->walk.leaf != PGTBL_NO_LEVEL)
		return;
	if (place->walk.categories & PGTBL_IS_UNMAPPED) {
		place->why = "nothing is mapped at this address";
		place->hint = "see what is: pgtbl dump";
	} else if (place->walk.categories & PGTBL_IS_SWAP) {
		place->why = "the page is swapped out or on the move";
		place->hint = "it comes back when the process touches it";
	} else {
		place->why = "it is mapped, but no page is there";
		place->hint = "one comes when the process touches it";
	}
}

int place_find(const struct command *cmd, const struct call *call, __u64 addr,
	       struct place *place)
{
	*place = (struct place){};
	if (addr >= pgtbl_get_info(call->p)->user_end)
		return too_high(cmd, call, addr);
	if (pgtbl_walk_addr(call->p, call->pid, addr, &place->walk))
		return fail_pid(cmd->name, call->pid, errno);
	/* without the mappings we lack a name only */
	maps_read(call->pid, &place->maps);
	place->vma = maps_at(&place->maps, addr);
	place->physical = (place->walk.pfn << pgtbl_get_info(call->p)->page_shift) |
			  (addr & (page_size(call->p) - 1));
	explain(place);
	return 0;
}

void place_free(struct place *place)
{
	maps_free(&place->maps);
}

void place_add_json(struct json_object *to, const struct place *place)
{
	const struct pgtbl_walk *walk = &place->walk;
	struct json_object *vma;

	json_add_hex(to, "address", walk->addr);
	json_add_bool(to, "memory", walk->leaf != PGTBL_NO_LEVEL);
	if (walk->leaf != PGTBL_NO_LEVEL) {
		json_add_text(to, "leaf", level_name(walk->leaf));
		json_add_hex(to, "pfn", walk->pfn);
		json_add_hex(to, "physical", place->physical);
	} else {
		json_add_text(to, "why", place->why);
	}
	categories_add_json(to, "categories", walk->categories);
	if (!place->vma)
		return;
	vma = json_new_object();
	json_add(to, "mapping", vma);
	json_add_hex(vma, "start", place->vma->start);
	json_add_hex(vma, "end", place->vma->end);
	vma_add_json(vma, place->vma);
}
