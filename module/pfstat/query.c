// SPDX-License-Identifier: GPL-2.0
/*
 * The values of a run: its chunks, summed by the VMAs that are there now (or
 * were at the end). Every counter is read once, so that the sums by VMA, by
 * process and in total agree with each other even while faults go on.
 */
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "pfstat.h"

/* A chunk, and the index of its process. */
struct pf_piece {
	unsigned long base;
	const struct pf_chunk *chunk;
	u32 process;
};

struct pf_sum {
	struct pf_result *result;
	struct pf_areas areas;
	struct pfstat_vma *vmas;	/* one for each of @areas */
	struct pfstat_vma *gone;	/* ranges without a VMA, sorted */
	u32 nr_gone;
	u32 room_gone;
	u32 at;				/* area that the sum is about to reach */
	struct pf_piece *pieces;
	u32 nr_pieces;
};

/**
 * pf_cow_sum() - the number of CoW faults
 * @kinds: counts by enum pfstat_kind
 *
 * Return: the sum of the kinds that count as CoW.
 */
u64 pf_cow_sum(const u64 *kinds)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < PFSTAT_NR_COW_KINDS; i++)
		sum += kinds[i];
	return sum;
}

/* ---- the spaces of a run --------------------------------------------------- */

struct pf_spaces {
	struct pf_space **array;
	u32 nr;
	u64 run;
};

static void pf_spaces_put(struct pf_spaces *spaces)
{
	while (spaces->nr)
		pf_space_put(spaces->array[--spaces->nr]);
	kvfree(spaces->array);
	spaces->array = NULL;
}

/* pf_lock is held. */
static int pf_spaces_collect(const struct pf_key *key, struct pf_spaces *spaces,
			     u32 *room)
{
	struct pf_target *target = pf_target_find(key);
	struct pf_space *space;

	if (!target)
		return -ESRCH;
	if (!target->run)
		return -ENODATA;
	if (target->nr_spaces > *room) {
		*room = target->nr_spaces;
		return -EAGAIN;
	}
	spaces->run = target->run;
	list_for_each_entry(space, &target->spaces, link) {
		pf_space_get(space);
		spaces->array[spaces->nr++] = space;
	}
	return 0;
}

static int pf_spaces_get(const struct pf_key *key, struct pf_spaces *spaces)
{
	u32 room = 16;
	int err;

	do {
		spaces->nr = 0;
		spaces->array = kvmalloc_array(room, sizeof(*spaces->array),
					       GFP_KERNEL | __GFP_NOWARN);
		if (!spaces->array)
			return -ENOMEM;
		raw_spin_lock_irq(&pf_lock);
		err = pf_spaces_collect(key, spaces, &room);
		raw_spin_unlock_irq(&pf_lock);
		if (err)
			kvfree(spaces->array);
	} while (err == -EAGAIN);
	return err;
}

/* Keep only those of one process. */
static int pf_spaces_filter(struct pf_spaces *spaces, u32 process)
{
	u32 i, n = 0;

	for (i = 0; i < spaces->nr; i++) {
		if (pid_vnr(spaces->array[i]->pid) == process)
			spaces->array[n++] = spaces->array[i];
		else
			pf_space_put(spaces->array[i]);
	}
	spaces->nr = n;
	return n ? 0 : -ESRCH;
}

/* The VMAs now, or at the end; NULL: unknown. */
static struct pf_layout *pf_space_layout(struct pf_space *space, bool paths,
					 bool *alive)
{
	struct pf_layout *layout;

	*alive = space->mm && mmget_not_zero(space->mm);
	if (*alive) {
		layout = pf_layout_take(space->mm, paths);
		mmput(space->mm);
		raw_spin_lock_irq(&pf_lock);
		*alive = !(space->flags & PF_SPACE_ENDED);
		raw_spin_unlock_irq(&pf_lock);
		return layout;
	}
	return pf_space_last_layout(space);
}

/* ---- summing ----------------------------------------------------------------- */

/* There may be millions, and sort_r() goes on to its end: @compared counts. */
static int pf_piece_cmp(const void *a, const void *b, const void *compared)
{
	unsigned long x = ((const struct pf_piece *)a)->base;
	unsigned long y = ((const struct pf_piece *)b)->base;

	if (!(++*(u32 *)compared % 4096))
		cond_resched();
	return x < y ? -1 : x > y;
}

static u32 pf_space_pieces(const struct pf_space *space, u32 process,
			   struct pf_piece *pieces, u32 room)
{
	const struct pf_chunk *chunk;
	u32 n = 0;

	for (chunk = READ_ONCE(space->chunks); chunk; chunk = chunk->next) {
		if (chunk->base == PF_CHUNK_NO_BASE)
			continue;
		if (n < room)
			pieces[n] = (struct pf_piece){ chunk->base, chunk,
						       process };
		n++;
	}
	return n;
}

static int pf_sum_pieces(struct pf_sum *sum, const struct pf_spaces *spaces)
{
	u32 i, n = 0, compared = 0;

	for (i = 0; i < spaces->nr; i++) {
		n += pf_space_pieces(spaces->array[i], i, NULL, 0);
		cond_resched();
	}
	sum->pieces = kvmalloc_array(n + 1, sizeof(*sum->pieces),
				     GFP_KERNEL | __GFP_NOWARN);
	if (!sum->pieces)
		return -ENOMEM;
	/* Chunks that come into being meanwhile are left for the next query. */
	for (i = 0; i < spaces->nr; i++) {
		u32 left = n - sum->nr_pieces;
		u32 got = pf_space_pieces(spaces->array[i], i,
					  sum->pieces + sum->nr_pieces, left);

		sum->nr_pieces += min(got, left);
		cond_resched();
	}
	sort_r(sum->pieces, sum->nr_pieces, sizeof(*sum->pieces), pf_piece_cmp,
	       NULL, &compared);
	return 0;
}

/* The unmapped range that ends at @address, or a new one. */
static struct pfstat_vma *pf_sum_gone(struct pf_sum *sum, unsigned long address)
{
	struct pfstat_vma *gone, *array;
	u32 room;

	if (sum->nr_gone) {
		gone = &sum->gone[sum->nr_gone - 1];
		if (gone->end == address)
			return gone;
	}
	if (sum->nr_gone == sum->room_gone) {
		room = max(64U, 2 * sum->room_gone);
		array = kvmalloc_array(room, sizeof(*array),
				       GFP_KERNEL | __GFP_NOWARN);
		if (!array)
			return NULL;
		if (sum->nr_gone)
			memcpy(array, sum->gone,
			       sum->nr_gone * sizeof(*array));
		kvfree(sum->gone);
		sum->gone = array;
		sum->room_gone = room;
	}
	gone = &sum->gone[sum->nr_gone++];
	memset(gone, 0, sizeof(*gone));
	gone->start = address;
	gone->flags = PFSTAT_VMA_UNMAPPED;
	return gone;
}

/* Where to count a page; pages come in ascending order. */
static struct pfstat_vma *pf_sum_vma(struct pf_sum *sum, unsigned long address)
{
	const struct pf_area *areas = sum->areas.areas;
	struct pfstat_vma *gone;

	while (sum->at < sum->areas.nr && areas[sum->at].end <= address)
		sum->at++;
	if (sum->at < sum->areas.nr && areas[sum->at].start <= address)
		return &sum->vmas[sum->at];
	gone = pf_sum_gone(sum, address);
	if (gone)
		gone->end = address + PAGE_SIZE;
	return gone;
}

/*
 * Two counts at once, to see whether both are 0: most are. A count never goes
 * back to 0, so it is still there when it is read for the sums.
 */
static u64 pf_pair(const atomic_t *count)
{
	BUILD_BUG_ON(sizeof(atomic_t) * 2 != sizeof(u64));
	BUILD_BUG_ON(offsetof(struct pf_chunk, count) % sizeof(u64));
	return READ_ONCE(*(const u64 *)count);
}

static bool pf_sum_count(const atomic_t *count, unsigned int kind,
			 struct pfstat_vma *vma, struct pfstat_process *process)
{
	u32 c = atomic_read(&count[kind]);

	vma->kinds[kind] += c;
	process->kinds[kind] += c;
	return c && kind < PFSTAT_NR_COW_KINDS;
}

/*
 * Adds the counts of a page.
 *
 * Return: whether a CoW fault is among them.
 */
static bool pf_sum_counts(const atomic_t *count, struct pfstat_vma *vma,
			  struct pfstat_process *process)
{
	unsigned int kind;
	bool cow = false;

	for (kind = 0; kind < PFSTAT_KIND_SLOTS; kind += 2) {
		if (!pf_pair(&count[kind]))
			continue;
		cow |= pf_sum_count(count, kind, vma, process);
		cow |= pf_sum_count(count, kind + 1, vma, process);
	}
	return cow;
}

/* One page of all processes: @n pieces with the same base. */
static int pf_sum_page(struct pf_sum *sum, const struct pf_piece *piece, u32 n,
		       unsigned int page)
{
	struct pfstat_process *process;
	struct pfstat_vma *vma;
	bool any = false, cow;

	vma = pf_sum_vma(sum, ((piece->base << PF_CHUNK_SHIFT) + page)
			      << PAGE_SHIFT);
	if (!vma)
		return -ENOMEM;
	for (; n; n--, piece++) {
		process = &sum->result->processes[piece->process];
		cow = pf_sum_counts(piece->chunk->count[page], vma, process);
		process->pages += cow;
		any |= cow;
	}
	vma->pages += any;
	return 0;
}

/* Whether something was counted for a page. */
static bool pf_page_counted(const atomic_t *count)
{
	BUILD_BUG_ON(PFSTAT_KIND_SLOTS != 8);
	return pf_pair(count) | pf_pair(count + 2) | pf_pair(count + 4) |
	       pf_pair(count + 6);
}

/* Which pages of @n pieces with the same base have counts: often few. */
static unsigned long pf_pages_counted(const struct pf_piece *piece, u32 n)
{
	unsigned long pages = 0;
	unsigned int page;

	BUILD_BUG_ON(PF_CHUNK_PAGES > BITS_PER_LONG);
	for (; n; n--, piece++) {
		for (page = 0; page < PF_CHUNK_PAGES; page++) {
			if (pf_page_counted(piece->chunk->count[page]))
				pages |= BIT(page);
		}
	}
	return pages;
}

static int pf_sum_all(struct pf_sum *sum)
{
	const struct pf_piece *piece = sum->pieces;
	const struct pf_piece *end = piece + sum->nr_pieces;
	unsigned long pages;
	unsigned int page;
	u32 n;
	int err;

	for (; piece < end; piece += n) {
		for (n = 1; piece + n < end && piece[n].base == piece->base; n++)
			;
		pages = pf_pages_counted(piece, n);
		for_each_set_bit(page, &pages, PF_CHUNK_PAGES) {
			err = pf_sum_page(sum, piece, n, page);
			if (err)
				return err;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* ---- the answer ---------------------------------------------------------------- */

static int pf_sum_layouts(struct pf_sum *sum, const struct pf_spaces *spaces,
			  bool paths)
{
	struct pf_result *result = sum->result;
	struct pfstat_process *process = result->processes;
	struct pf_layout *layout;
	bool alive;
	int err;
	u32 i;

	for (i = 0; i < spaces->nr; i++, process++) {
		struct pf_space *space = spaces->array[i];
		u32 flags = READ_ONCE(space->flags);	/* it may end now */

		process->pid = pid_vnr(space->pid);
		process->parent = pid_vnr(space->parent);
		if (flags & PF_SPACE_FORKED)
			process->flags |= PFSTAT_PROCESS_FORKED;
		if (flags & PF_SPACE_FOLDED)
			process->flags |= PFSTAT_PROCESS_FOLDED;
		layout = pf_space_layout(space, paths, &alive);
		if (IS_ERR(layout))
			return PTR_ERR(layout);
		if (alive) {
			process->flags |= PFSTAT_PROCESS_ALIVE;
			result->alive++;
		}
		if (!layout)
			continue;
		process->nr_vmas = layout->nr;
		err = pf_areas_merge(&sum->areas, layout);
		pf_layout_put(layout);
		if (err)
			return err;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* The VMAs, without values as yet. */
static int pf_sum_vmas(struct pf_sum *sum)
{
	const struct pf_area *area = sum->areas.areas;
	struct pfstat_vma *vma, *end;

	sum->vmas = kvcalloc(sum->areas.nr + 1, sizeof(*sum->vmas),
			     GFP_KERNEL | __GFP_NOWARN);
	if (!sum->vmas)
		return -ENOMEM;
	end = sum->vmas + sum->areas.nr;
	for (vma = sum->vmas; vma < end; vma++, area++) {
		vma->start = area->start;
		vma->end = area->end;
		vma->offset = area->offset;
		vma->flags = area->flags;
		vma->path = area->path;
	}
	return 0;
}

/* VMAs and ranges without one, in one array sorted by address. */
static int pf_sum_merge(struct pf_sum *sum)
{
	const struct pfstat_vma *vma = sum->vmas, *end = vma + sum->areas.nr;
	const struct pfstat_vma *gone = sum->gone, *last = gone + sum->nr_gone;
	struct pfstat_vma *out;

	out = kvmalloc_array(sum->areas.nr + sum->nr_gone, sizeof(*out),
			     GFP_KERNEL | __GFP_NOWARN);
	if (!out)
		return -ENOMEM;
	sum->result->vmas = out;
	while (vma < end || gone < last) {
		if (vma == end || (gone < last && gone->start < vma->start))
			*out++ = *gone++;
		else
			*out++ = *vma++;
	}
	return 0;
}

static int pf_sum_finish(struct pf_sum *sum)
{
	struct pf_result *result = sum->result;
	unsigned int i;
	int err;
	u32 n;

	if (sum->nr_gone) {
		err = pf_sum_merge(sum);
		if (err)
			return err;
	} else {
		swap(result->vmas, sum->vmas);
	}
	result->nr_vmas = sum->areas.nr + sum->nr_gone;
	for (n = 0; n < result->nr_vmas; n++)
		result->pages += result->vmas[n].pages;
	for (n = 0; n < result->nr_processes; n++) {
		for (i = 0; i < PFSTAT_NR_KINDS; i++)
			result->kinds[i] += result->processes[n].kinds[i];
	}
	swap(result->paths, sum->areas.strings);
	return 0;
}

static int pf_sum_run(struct pf_sum *sum, const struct pf_spaces *spaces,
		      bool paths)
{
	struct pf_result *result = sum->result;
	int err;

	result->processes = kvcalloc(spaces->nr + 1,
				     sizeof(*result->processes), GFP_KERNEL);
	if (!result->processes)
		return -ENOMEM;
	result->nr_processes = spaces->nr;
	err = pf_sum_layouts(sum, spaces, paths);
	if (err)
		return err;
	err = pf_sum_vmas(sum);
	if (err)
		return err;
	err = pf_sum_pieces(sum, spaces);
	if (err)
		return err;
	err = pf_sum_all(sum);
	if (err)
		return err;
	return pf_sum_finish(sum);
}

/**
 * pf_query() - the values of a target's current run
 * @key: the target
 * @process: 0: all processes; else only that one, as the caller numbers it
 * @paths: also the VMAs' paths
 * @result: the answer, to be freed with pf_result_free()
 *
 * Context: may sleep, takes the processes' mmap_lock for read.
 * Return: 0, -ESRCH (not tracked; or no such process in the run), -ENODATA
 * (nothing has run), -ENOMEM, -EINTR for a fatal signal.
 */
int pf_query(const struct pf_key *key, u32 process, bool paths,
	     struct pf_result *result)
{
	struct pf_sum sum = { .result = result };
	struct pf_spaces spaces = {};
	int err;

	memset(result, 0, sizeof(*result));
	err = pf_spaces_get(key, &spaces);
	if (err)
		return err;
	pf_space_sweep_some(spaces.array, spaces.nr);
	pf_areas_init(&sum.areas);
	if (process)
		err = pf_spaces_filter(&spaces, process);
	if (!err)
		err = pf_sum_run(&sum, &spaces, paths);
	result->run = spaces.run;

	pf_spaces_put(&spaces);
	pf_areas_free(&sum.areas);
	kvfree(sum.vmas);
	kvfree(sum.gone);
	kvfree(sum.pieces);
	if (err)
		pf_result_free(result);
	return err;
}

/**
 * pf_result_free() - free what an answer holds
 * @result: of pf_query()
 */
void pf_result_free(struct pf_result *result)
{
	kvfree(result->vmas);
	kvfree(result->processes);
	kvfree(result->paths.buf);
	memset(result, 0, sizeof(*result));
}
