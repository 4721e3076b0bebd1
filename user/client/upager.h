/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libupager: regions of memory that have a name, so that a snapshot can have them.
 *
 *	void *at = NULL;
 *	size_t len = 1 << 30;
 *
 *	switch (upager_map("dictionary", &at, &len)) {
 *	case 0:			// nothing saved: zeros
 *		build(at, len);
 *		break;
 *	case 1:			// as it was saved, at the same address
 *		break;
 *	default:
 *		err(1, "dictionary");
 *	}
 *
 * A program that runs under upager run does this once, has built what it needs,
 * and is saved (upager save). From then on it is started with upager run --from,
 * as often as one likes: pages come when they are touched, those that are only
 * read are the same for all, those that are written to become each process's own.
 * Pointers from such a region into itself, and into other named ones, stay right.
 */
#ifndef UPAGER_H
#define UPAGER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * upager_map - map memory that has a name
 * @name: up to 31 printable characters without blanks; once in a process
 * @at: where it shall be; NULL in it: anywhere. Gets where it is. Nothing else
 *	may be mapped there
 * @len: bytes, rounded up to pages; 0: as many as were saved. Gets how many
 *
 * What was saved comes to where it was saved, and as long as it was: then @at and
 * @len must be the same, or NULL and 0. A program that no pager runs, or whose
 * pager has no snapshot, gets zeros.
 *
 * It is unmapped with munmap(), never moved. After fork() parent and child have
 * it, each its own; exec() ends it.
 *
 * Return: 1: it is as it was saved, 0: it is zeros, -1 and errno: EINVAL for a bad
 * name, or a length or place that is not that of the saved one; EEXIST if
 * something is mapped there, or that name is in use; ENOENT if no length is given,
 * and nothing saved; ENOEXEC if it was saved by a program whose pointers have
 * another size; ENOMEM; or what keeps the pager from serving it.
 */
int upager_map(const char *name, void **at, size_t *len);

#ifdef __cplusplus
}
#endif

#endif /* UPAGER_H */
