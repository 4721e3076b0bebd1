/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzzer that knows the ABI. It makes calls at random: ioctls of both devices
 * that are right, right but for one thing, or garbage, among calls that change
 * what they are about: mappings, processes, programs.
 *
 * What it does follows from a number, the seed, and (threads and processes
 * running beside it apart) so does what happens.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FUZZ_FILES	3	/* open files of each device */
#define FUZZ_CHILDREN	4
#define FUZZ_SLOTS	12	/* pieces of the arena, 4 MiB each */
#define FUZZ_SLOT_SIZE	((size_t)4 << 20)
#define FUZZ_NAMES	6	/* programs that are tracked and executed */
#define FUZZ_GROUPS	3	/* cgroups that come and go, and are tracked */
#define FUZZ_OUT	65536	/* room for answers */
#define FUZZ_GUARD	65536	/* behind it */
#define FUZZ_POOL	64	/* pages */
#define FUZZ_SEQUENCE	8	/* calls that are made again together */

/**
 * struct fuzz_world - what all threads of a process make calls about
 * @pfstat: open files of /dev/pfstat
 * @pgtbl: open files of /dev/pgtbl
 * @uffd: a userfaultfd, or -1
 * @file: a file with FUZZ_SLOT_SIZE bytes
 * @arena: FUZZ_SLOTS slots with mappings of all kinds, and holes
 * @child: processes, some of which have ended; 0: none yet
 * @program: path of the test program
 * @unsafe: the module has unsafe_write=1
 */
struct fuzz_world {
	int pfstat[FUZZ_FILES];
	int pgtbl[FUZZ_FILES];
	int uffd;
	int file;
	char *arena;
	pid_t child[FUZZ_CHILDREN];
	char program[256];
	bool unsafe;
};

/**
 * struct fuzz - a stream of calls
 * @world: about what
 * @state: of the generator of random numbers
 * @out: where answers go, FUZZ_OUT bytes
 * @done: calls made
 * @good: ioctls that succeeded
 * @wrong: what was found, or ""
 * @guide: what tells which code calls reach, or NULL
 * @code: the places that the last call reached, after their number
 * @choices: the generator's state for the guide's own choices
 * @again: calls that are being made again, by their seeds
 * @next: which of them is next; FUZZ_SEQUENCE: none
 * @last: the seeds of the last calls
 */
struct fuzz {
	struct fuzz_world *world;
	uint64_t state;
	unsigned char *out;
	unsigned long done;
	unsigned long good;
	char wrong[160];
	struct fuzz_guide *guide;
	unsigned long *code;
	uint64_t choices;
	uint64_t again[FUZZ_SEQUENCE];
	unsigned int next;
	uint64_t last[FUZZ_SEQUENCE];
};

/* fuzz_world_open() - a world, or NULL and errno */
struct fuzz_world *fuzz_world_open(void);

/* fuzz_world_close() - ends its processes */
void fuzz_world_close(struct fuzz_world *world);

/* fuzz_begin() - a stream of calls; false: no memory */
bool fuzz_begin(struct fuzz *f, struct fuzz_world *world, uint64_t seed);

/* fuzz_step() - make a call; false: something was wrong with its answer */
bool fuzz_step(struct fuzz *f);

/* fuzz_guide_new() - for streams of all processes; NULL: the kernel has none */
struct fuzz_guide *fuzz_guide_new(void);

/* How many places in the module's code were reached, and sequences kept for it. */
unsigned int fuzz_guide_reached(const struct fuzz_guide *guide);
unsigned int fuzz_guide_kept(const struct fuzz_guide *guide);

/* fuzz_guide_begin() - let it guide a stream of the calling thread; false: errno */
bool fuzz_guide_begin(struct fuzz *f, struct fuzz_guide *guide);

/* fuzz_guided_step() - fuzz_step() with calls that are worth it made again */
bool fuzz_guided_step(struct fuzz *f);

/* For the parts of the fuzzer. */
uint64_t fuzz_random(struct fuzz *f);
uint32_t fuzz_below(struct fuzz *f, uint32_t n);
bool fuzz_one_in(struct fuzz *f, uint32_t n);
uint64_t fuzz_odd_value(struct fuzz *f);
char *fuzz_address(struct fuzz *f);
size_t fuzz_range(struct fuzz *f, char **at);
pid_t fuzz_pid(struct fuzz *f);
const char *fuzz_name(uint32_t number);
/* Its path, as targets have it. */
const char *fuzz_group(uint32_t number);
bool fuzz_ioctl(struct fuzz *f);
void fuzz_memory(struct fuzz *f);

#endif
