// SPDX-License-Identifier: GPL-2.0
/*
 * What is known of a task between two hooks: a table of places, each of one
 * task at a time, found by a hash and without a lock. Between the hooks the task
 * may sleep and move to another CPU.
 */
#include <linux/hash.h>
#include <linux/kprobes.h>
#include <linux/slab.h>

#include "pfstat.h"

#define PF_PLACE_BITS	12
#define PF_PLACE_PROBE	8	/* places looked at for a task */

static struct pf_place *pf_place_at(const struct pf_places *places,
				    const struct task_struct *task, int i)
{
	return places->array +
	       (hash_ptr(task, PF_PLACE_BITS) + i) * places->size;
}

NOKPROBE_SYMBOL(pf_place_at);

/**
 * pf_place_find() - the first place of a task
 * @places: the table
 * @task: whose
 *
 * Context: any.
 * Return: it, or NULL.
 */
struct pf_place *pf_place_find(const struct pf_places *places,
			       const struct task_struct *task)
{
	struct pf_place *place;
	int i;

	for (i = 0; i < PF_PLACE_PROBE; i++) {
		place = pf_place_at(places, task, i);
		if (READ_ONCE(place->task) == task)
			return place;
	}
	return NULL;
}

NOKPROBE_SYMBOL(pf_place_find);

/**
 * pf_place_claim() - the first place that is a task's or free
 * @places: the table
 * @task: current, whose place it is from now on
 *
 * A task may come to have several: what pf_place_find() finds is the newest.
 * Context: any.
 * Return: it, or NULL: the places that were looked at are all taken.
 */
struct pf_place *pf_place_claim(const struct pf_places *places,
				struct task_struct *task)
{
	struct task_struct *owner;
	struct pf_place *place;
	int i;

	for (i = 0; i < PF_PLACE_PROBE; i++) {
		place = pf_place_at(places, task, i);
		owner = READ_ONCE(place->task);
		if (owner == task)
			return place;
		if (!owner && !cmpxchg(&place->task, NULL, task))
			return place;
	}
	return NULL;
}

NOKPROBE_SYMBOL(pf_place_claim);

/**
 * pf_place_release() - let others have a place
 * @place: of the current task, which has cleared what is its own in it
 *
 * Context: any.
 */
void pf_place_release(struct pf_place *place)
{
	/* Whoever claims it next must not have its values overwritten. */
	smp_store_release(&place->task, NULL);
}

/**
 * pf_places_alloc() - make an empty table
 * @places: what to set up
 * @size: of a place with all that belongs to it
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int pf_places_alloc(struct pf_places *places, size_t size)
{
	/* The last places are looked at from those before them. */
	places->size = size;
	places->array = kvcalloc((1 << PF_PLACE_BITS) + PF_PLACE_PROBE, size,
				 GFP_KERNEL);
	return places->array ? 0 : -ENOMEM;
}

/**
 * pf_places_free() - undo pf_places_alloc()
 * @places: nobody looks at it any more
 */
void pf_places_free(struct pf_places *places)
{
	kvfree(places->array);
	places->array = NULL;
}
