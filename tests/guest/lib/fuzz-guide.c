// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer's guide: what the module's code says it went through (KCOV). Calls
 * that reached code that none before had reached are kept, with the few before
 * them, and made again with one of them exchanged.
 *
 * KCOV counts for the thread that asked for it, and only in what is built with
 * KCOV_INSTRUMENT=y, so that all that it tells of is the module.
 */
#include <fcntl.h>
#include <linux/kcov.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define KCOV	"/sys/kernel/debug/kcov"
#define ROOM	(64u << 10)	/* words: how many of the places of a call are told */

/* Instructions of the module are less than this many words apart. */
#define PLACES	(1u << 18)
#define KEPT	8192u

/**
 * struct fuzz_guide - what is known of the code; shared by all processes
 * @reached: by place, whether it was reached
 * @nr_reached: how many were
 * @nr_kept: how many sequences were found worth keeping; the last KEPT are
 * @kept: the seeds of their calls
 */
struct fuzz_guide {
	unsigned char reached[PLACES];
	unsigned int nr_reached;
	unsigned int nr_kept;
	uint64_t kept[KEPT][FUZZ_SEQUENCE];
};

struct fuzz_guide *fuzz_guide_new(void)
{
	struct fuzz_guide *guide;

	if (access(KCOV, F_OK))
		return NULL;
	guide = mmap(NULL, sizeof(*guide), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return guide == MAP_FAILED ? NULL : guide;
}

unsigned int fuzz_guide_reached(const struct fuzz_guide *guide)
{
	return guide->nr_reached;
}

unsigned int fuzz_guide_kept(const struct fuzz_guide *guide)
{
	return guide->nr_kept;
}

bool fuzz_guide_begin(struct fuzz *f, struct fuzz_guide *guide)
{
	int fd = open(KCOV, O_RDWR | O_CLOEXEC);
	void *at;

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, (unsigned long)ROOM))
		return false;
	at = mmap(NULL, ROOM * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		return false;
	f->guide = guide;
	f->code = at;
	/* Where its own choices come from, beside those of the calls. */
	f->choices = f->state;
	f->next = FUZZ_SEQUENCE;
	return true;
}

/* Numbers that no call uses. */
static uint64_t choice(struct fuzz *f, uint64_t n)
{
	uint64_t state = f->state, value;

	f->state = f->choices;
	value = fuzz_random(f);
	f->choices = f->state;
	f->state = state;
	return n ? value % n : value;
}

/* Which sequence comes next, if one: the newest often. */
static void choose_sequence(struct fuzz *f)
{
	struct fuzz_guide *guide = f->guide;
	unsigned int nr = guide->nr_kept, from = 0;

	if (!nr || choice(f, 2))
		return;
	if (nr > 32 && choice(f, 2))
		from = nr - 32;
	memcpy(f->again, guide->kept[(from + choice(f, nr - from)) % KEPT],
	       sizeof(f->again));
	f->again[choice(f, FUZZ_SEQUENCE)] = choice(f, 0);
	f->next = 0;
}

/* Whether the last call was somewhere for the first time. */
static bool reached_more(struct fuzz *f)
{
	struct fuzz_guide *guide = f->guide;
	unsigned long i, nr = __atomic_load_n(&f->code[0], __ATOMIC_RELAXED);
	bool more = false;

	for (i = 1; i <= nr && i < ROOM; i++) {
		unsigned char *place = &guide->reached[f->code[i] / 4 % PLACES];

		if (__atomic_exchange_n(place, 1, __ATOMIC_RELAXED))
			continue;
		__atomic_fetch_add(&guide->nr_reached, 1, __ATOMIC_RELAXED);
		more = true;
	}
	return more;
}

bool fuzz_guided_step(struct fuzz *f)
{
	struct fuzz_guide *guide = f->guide;
	bool good;

	if (f->next == FUZZ_SEQUENCE)
		choose_sequence(f);
	f->state = f->next < FUZZ_SEQUENCE ? f->again[f->next++] : choice(f, 0);
	memmove(f->last, f->last + 1, sizeof(f->last) - sizeof(*f->last));
	f->last[FUZZ_SEQUENCE - 1] = f->state;

	__atomic_store_n(&f->code[0], 0, __ATOMIC_RELAXED);
	good = fuzz_step(f);
	if (reached_more(f)) {
		unsigned int at = __atomic_fetch_add(&guide->nr_kept, 1, __ATOMIC_RELAXED);

		memcpy(guide->kept[at % KEPT], f->last, sizeof(f->last));
	}
	return good;
}
