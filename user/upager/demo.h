/* SPDX-License-Identifier: GPL-2.0-only */
/* The demonstration: what parent and child agree on. */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"

/**
 * struct demo - one run
 * @pages: of each child
 * @children: how many
 * @threads: of each child
 * @kind: of memory
 * @unit: bytes of a page of it
 * @strategy: by its name
 * @zeros: pages are zeros, not letters
 * @inside: children fill their pages themselves
 * @quiet: print nothing on the way
 * @socket: of the pager
 */
struct demo {
	uint64_t pages;
	unsigned int children;
	unsigned int threads;
	enum memory_kind kind;
	size_t unit;
	const char *strategy;
	bool zeros;
	bool inside;
	bool quiet;
	const char *socket;
};

/**
 * demo_child - be a child: touch all pages, and look what is there
 * @demo: which run
 *
 * Return: the exit status; what went wrong was said.
 */
int demo_child(const struct demo *demo);

/**
 * demo_say - print a line, begun with our pid, at once
 * @demo: which run
 * @format: as for printf()
 */
void demo_say(const struct demo *demo, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* DEMO_H */
