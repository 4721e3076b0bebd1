/* SPDX-License-Identifier: GPL-2.0-only */
/* An address of a process, and where it leads: for walk and translate. */
#ifndef PLACE_H
#define PLACE_H

#include "cmd.h"
#include "entry.h"

/**
 * struct place - an address of a process
 * @walk: what the module says of it
 * @maps: the process's mappings
 * @vma: the mapping there, or NULL
 * @physical: where it leads to, if it does
 * @why: or why it does not
 * @hint: and what to do about that
 */
struct place {
	struct pgtbl_walk walk;
	struct maps maps;
	const struct vma *vma;
	__u64 physical;
	const char *why;
	const char *hint;
};

/**
 * place_find - look at an address
 * @cmd: for error messages
 * @call: whose address
 * @addr: the address
 * @place: filled in, to be given to place_free() on success
 *
 * An address without memory is no error: see @why of @place.
 *
 * Return: 0, or the exit status, having said what went wrong.
 */
int place_find(const struct command *cmd, const struct call *call, __u64 addr,
	       struct place *place);

/**
 * place_free - free what place_find() has found
 * @place: what it has filled in
 */
void place_free(struct place *place);

/**
 * place_add_json - add the members that walk and translate have in common
 * @to: the object
 * @place: the address
 */
void place_add_json(struct json_object *to, const struct place *place);

#endif /* PLACE_H */
