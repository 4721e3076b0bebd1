/* SPDX-License-Identifier: GPL-2.0-only */
/* Every counted fault, as the trace event pfstat:cow_fault tells it. */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>

#include <pfstat.h>

#include "recording.h"

/* A buffer of our own in tracefs, or with stacks perf's */
struct ring;

/**
 * ring_open - begin to record
 * @rec: where faults go
 * @name: of the target whose faults are wanted
 * @kib: size of the buffer for each CPU, 0: the kernel's default
 * @stacks: record user stacks, too
 *
 * Return: a ring, or NULL, having said why.
 */
struct ring *ring_open(struct recording *rec, const char *name, int kib,
		       bool stacks);

/**
 * ring_of_command - from now on take faults of a command only
 * @ring: from ring_open()
 * @p: from pfstat_open()
 * @id: of the child that has just executed it
 *
 * The command's run began when it was executed. What the child faulted until
 * then is in the ring as well, and not in the run's counts.
 */
void ring_of_command(struct ring *ring, struct pfstat *p,
		     const struct pfstat_id *id);

/**
 * ring_read - take what is in the buffer now
 * @ring: from ring_open()
 *
 * Return: 0, or -1 and errno.
 */
int ring_read(struct ring *ring);

/**
 * ring_close - end it, and note in the recording how many events were lost
 * @ring: from ring_open()
 */
void ring_close(struct ring *ring);

#endif /* RING_H */
