/* SPDX-License-Identifier: GPL-2.0-only */
/* What processes of a test are at, above all if it does not end. */
#ifndef STUCK_H
#define STUCK_H

#include <sys/types.h>

/**
 * stuck_tell() - say where each thread of a process group is, as notes of the test
 * @group: the group
 *
 * Two looks, a moment apart: a thread that runs is told by how much processor
 * time it took between them, one that waits by the kernel's functions it is in.
 */
void stuck_tell(pid_t group);

/* state_of() - of a thread, as in proc(5): 'S' if it waits; 0 if there is none */
char state_of(pid_t tid);

#endif
