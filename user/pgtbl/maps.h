/* SPDX-License-Identifier: GPL-2.0-only */
/* The mappings (VMAs) of a process, as /proc/PID/maps lists them. */
#ifndef MAPS_H
#define MAPS_H

#include "../cli/out.h"

/**
 * struct vma - a mapping
 * @start: first address
 * @end: first address behind it
 * @perm: such as "rw-p"
 * @path: file or label, "" for anonymous memory
 */
struct vma {
	__u64 start;
	__u64 end;
	char perm[5];
	char *path;
};

/**
 * struct maps - all mappings of a process
 * @vmas: sorted by address
 * @count: how many
 */
struct maps {
	struct vma *vmas;
	size_t count;
};

/**
 * maps_read - read the mappings of a process
 * @pid: which, 0: our own
 * @maps: filled in, to be given to maps_free() in any case
 *
 * Return: 0, or -1 and errno.
 */
int maps_read(pid_t pid, struct maps *maps);

/**
 * maps_free - free what maps_read() has read
 * @maps: what it has filled in
 */
void maps_free(struct maps *maps);

/**
 * maps_after - the mapping at an address, or the first above it
 * @maps: all mappings
 * @addr: the address
 *
 * Return: a mapping, NULL if there is none.
 */
const struct vma *maps_after(const struct maps *maps, __u64 addr);

/**
 * maps_at - the mapping at an address
 * @maps: all mappings
 * @addr: the address
 *
 * Return: a mapping, NULL if there is none.
 */
const struct vma *maps_at(const struct maps *maps, __u64 addr);

/**
 * maps_step - how far a range goes before it meets the edge of a mapping
 * @maps: all mappings
 * @start: first address of the range
 * @end: first address behind it
 * @vma: gets the mapping there, NULL for none
 *
 * Return: an address above @start, at most @end.
 */
__u64 maps_step(const struct maps *maps, __u64 start, __u64 end,
		const struct vma **vma);

/**
 * vma_base - the last component of a mapping's path
 * @vma: the mapping
 *
 * Return: a part of its path.
 */
const char *vma_base(const struct vma *vma);

/**
 * vma_add_json - add perm and path of a mapping to an object
 * @to: the object
 * @vma: the mapping, or NULL
 */
void vma_add_json(struct json_object *to, const struct vma *vma);

/**
 * proc_path - the name of a file about a process
 * @buf: where to
 * @pid: which, 0: ourselves
 * @file: which file
 *
 * Return: @buf.
 */
const char *proc_path(char buf[64], pid_t pid, const char *file);

/**
 * proc_name - the name of a process
 * @pid: which, 0: ourselves
 *
 * Return: its name, "" if it is gone; to be freed.
 */
char *proc_name(pid_t pid);

#endif /* MAPS_H */
