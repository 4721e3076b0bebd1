/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of memory that a userfaultfd can be registered on. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>

/**
 * enum memory_kind - how memory is made
 * @MEMORY_ANON: mmap(), private and anonymous
 * @MEMORY_SHMEM: mmap(), shared and anonymous
 * @MEMORY_MEMFD: of a memfd, shared
 * @MEMORY_HUGETLB: mmap(), private, huge pages
 * @MEMORY_BRK: the heap, by sbrk()
 */
enum memory_kind {
	MEMORY_ANON,
	MEMORY_SHMEM,
	MEMORY_MEMFD,
	MEMORY_HUGETLB,
	MEMORY_BRK,
};

/**
 * memory_kind - the kind of a name
 * @name: such as "anon"
 *
 * Return: enum memory_kind, -1 if there is none of that name.
 */
int memory_kind(const char *name);

/**
 * memory_name - the name of a kind
 * @kind: which
 *
 * Return: a word.
 */
const char *memory_name(enum memory_kind kind);

/**
 * memory_unit - bytes of a page of that kind
 * @kind: which
 *
 * Return: bytes, 0 if this machine has none.
 */
size_t memory_unit(enum memory_kind kind);

/**
 * memory_available - what there is of a kind
 * @kind: which
 *
 * Return: bytes.
 */
uint64_t memory_available(enum memory_kind kind);

/**
 * memory_make - make some that nobody has touched
 * @kind: which
 * @len: bytes, a multiple of memory_unit()
 * @fd: gets the file of it, if it has one that can be handed over, else -1
 *
 * Return: its address, NULL and errno if that fails.
 */
void *memory_make(enum memory_kind kind, size_t len, int *fd);

#endif /* MEMORY_H */
