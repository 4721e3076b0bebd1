/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program that takes the faults, and that is tracked or not. It is started
 * by exec under a name of its own, fresh for every sample.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include <stdint.h>
#include <sys/types.h>

/* How many faults one sample is made of. */
#define FAULTS		4096

enum fault {
	FAULT_COPY,		/* a child writes what it shares with its parent */
	FAULT_REUSE,		/* the parent writes after the child has gone */
	FAULT_ZERO,		/* write where the zero page was read */
	FAULT_FILE,		/* first access, a write, to a private file page */
	FAULT_ANON,		/* first access, a write, to anonymous memory */
	FAULT_FILE_READ,	/* first read of a private file, 16 pages */
	FAULT_FILE_MISS,	/* the same, mapping that page alone */
	FAULT_SHARED,		/* first write to a shared file page */
	NR_FAULTS
};

/* Where struct subject is, in the subject and in who starts it. */
#define SUBJECT_SHARE_FD	100

#define FAULT_BIT(f)	(1u << (f))
#define FAULTS_COW	(FAULT_BIT(FAULT_COPY) | FAULT_BIT(FAULT_REUSE) | \
			 FAULT_BIT(FAULT_ZERO) | FAULT_BIT(FAULT_FILE))
#define FAULTS_ALL	(FAULT_BIT(NR_FAULTS) - 1)

extern const char *const fault_names[NR_FAULTS];

/**
 * struct subject - memory that it shares with who started it
 * @wanted: mask of FAULT_BIT()
 * @extra_vmas: more VMAs that it shall have
 * @cost: instructions per fault, by enum fault, in 1/256
 */
struct subject {
	uint32_t wanted;
	uint32_t extra_vmas;
	uint64_t cost[NR_FAULTS];
};

/* Where the faults of a kind happen; the same addresses in every sample. */
static inline unsigned long subject_region(enum fault fault)
{
	return 0x40000000ul + fault * 0x2000000ul;
}

int subject_main(void);
uint64_t subject_cost(enum fault fault, struct subject *subject);
struct subject *subject_install(void);
__attribute__((noreturn)) void subject_exec(const char *how);
pid_t subject_start(const char *how, void (*before_exec)(void));
void subject_stop(pid_t pid);
void subject_run(struct subject *subject, const char *how,
		 void (*before_exec)(void));

#endif /* SUBJECT_H */
