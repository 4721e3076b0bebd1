// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer's ioctls: filled in rightly from what the world has, then, one
 * time in three, with one thing wrong, and looked at when they return.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <pfstat.h>

#include "fuzz.h"
#include "ktap.h"

/* What answers are filled with before, and behind their end to the last. */
#define FILL		0x11
#define EDGE		64

/* Where the second and the third array of an answer are. */
#define PART		4096

/* Room for the longest structure, and more than a page for too long ones. */
union args {
	uint8_t bytes[8192];
	uint32_t words[2048];
	struct pfstat_track track;
	struct pfstat_list list;
	struct pfstat_query query;
	struct pfstat_classic classic;
	struct pfstat_info pfstat_info;
	struct pgtbl_info info;
	struct pgtbl_remap remap;
	struct pgtbl_walk walk;
	struct pgtbl_scan scan;
	struct pgtbl_update update;
	struct pgtbl_flush flush;
	struct pgtbl_pool pool;
	struct pgtbl_install install;
	struct pgtbl_take take;
	struct pgtbl_refs refs;
};

/**
 * struct command - an ioctl
 * @cmd: its number
 * @size: of its structure
 * @weight: how often it is called; less if it takes long
 * @fill: makes a right one; returns how many bytes of f->out may be written
 * @check: looks at a good answer; returns what is wrong with it, or NULL
 */
struct command {
	unsigned int cmd;
	size_t size;
	unsigned int weight;
	size_t (*fill)(struct fuzz *f, union args *a);
	const char *(*check)(const struct fuzz *f, const union args *a, size_t room);
};

/* ---- /dev/pfstat ---------------------------------------------------------------- */

static size_t no_answer(struct fuzz *f, union args *a)
{
	(void)f;
	(void)a;
	return 0;
}

static void target(struct fuzz *f, uint32_t *type, uint32_t *pid, __u64 *name,
		   uint32_t *len)
{
	const char *base = strrchr(fuzz_name(fuzz_below(f, FUZZ_NAMES)), '/') + 1;

	if (fuzz_one_in(f, 4)) {
		*type = PFSTAT_TARGET_PID;
		*pid = fuzz_pid(f);
		return;
	}
	if (fuzz_one_in(f, 4)) {
		*type = PFSTAT_TARGET_CGROUP;
		base = fuzz_group(fuzz_below(f, FUZZ_GROUPS));
	}
	*name = (uintptr_t)base;
	*len = strlen(base);
}

static size_t fill_track(struct fuzz *f, union args *a)
{
	target(f, &a->track.type, &a->track.pid, &a->track.name, &a->track.name_len);
	return 0;
}

static size_t fill_list(struct fuzz *f, union args *a)
{
	a->list.targets = (uintptr_t)f->out;
	a->list.count = fuzz_below(f, 32);
	a->list.target_size = sizeof(struct pfstat_target);
	return a->list.count * sizeof(struct pfstat_target);
}

/* Three arrays. */
static size_t fill_query(struct fuzz *f, union args *a)
{
	struct pfstat_query *q = &a->query;

	target(f, &q->type, &q->pid, &q->name, &q->name_len);
	if (fuzz_one_in(f, 4))
		q->process = fuzz_pid(f);
	q->vma_size = sizeof(struct pfstat_vma);
	q->process_size = sizeof(struct pfstat_process);
	q->nr_vmas = fuzz_below(f, PART / q->vma_size);
	q->nr_processes = fuzz_below(f, PART / q->process_size);
	q->paths_len = fuzz_one_in(f, 2) ? fuzz_below(f, PART) : 0;
	q->vmas = (uintptr_t)f->out;
	q->processes = (uintptr_t)f->out + PART;
	q->paths = (uintptr_t)f->out + 2 * PART;
	return 3 * PART;
}

static const char *check_query(const struct fuzz *f, const union args *a, size_t room)
{
	const struct pfstat_vma *vma = (const struct pfstat_vma *)f->out;
	const struct pfstat_query *q = &a->query;
	uint64_t end = 0;
	uint32_t i;

	(void)room;
	/* How much room there was, the answer does not say: look at what is there. */
	for (i = 0; i < q->nr_vmas && i < PART / sizeof(*vma); i++, vma++) {
		if (vma->start == 0x1111111111111111u)
			return NULL;
		if (vma->start >= vma->end || vma->start < end)
			return "VMAs are not sorted";
		end = vma->end;
	}
	return NULL;
}

static size_t fill_classic(struct fuzz *f, union args *a)
{
	uint32_t type = 0, pid = 0, len = 0;

	target(f, &type, &pid, &a->classic.name, &len);
	a->classic.name_len = len;
	a->classic.stat = (uintptr_t)f->out;
	a->classic.stat_size = sizeof(struct pf_stat);
	return sizeof(struct pf_stat);
}

static const struct command pfstat_commands[] = {
	{ PFSTAT_IOC_INFO, sizeof(struct pfstat_info), 60, no_answer, NULL },
	{ PFSTAT_IOC_TRACK, sizeof(struct pfstat_track), 150, fill_track, NULL },
	{ PFSTAT_IOC_UNTRACK, sizeof(struct pfstat_track), 40, fill_track, NULL },
	{ PFSTAT_IOC_LIST, sizeof(struct pfstat_list), 150, fill_list, NULL },
	{ PFSTAT_IOC_QUERY, sizeof(struct pfstat_query), 800, fill_query, check_query },
	{ PFSTAT_IOC_RESET, sizeof(struct pfstat_track), 100, fill_track, NULL },
	{ PFSTAT_IOC_WATCH, sizeof(struct pfstat_track), 300, fill_track, NULL },
	{ PFSTAT_IOC_SET_PARAM, sizeof(struct pfstat_classic), 100, fill_classic, NULL },
	{ PFSTAT_IOC_GET_INFO, sizeof(struct pfstat_classic), 400, fill_classic, NULL },
	{ PFSTAT_IOC_CLEANUP, sizeof(struct pfstat_classic), 1, no_answer, NULL },
};

/* ---- /dev/pgtbl -------------------------------------------------------------------- */

static size_t fill_info(struct fuzz *f, union args *a)
{
	a->info.flag_table = (uintptr_t)f->out;
	a->info.rule_table = (uintptr_t)f->out + PART;
	a->info.nr_flags = fuzz_below(f, 40);
	a->info.nr_rules = fuzz_below(f, 20);
	return PART + a->info.nr_rules * sizeof(struct pgtbl_rule);
}

/* What is at an address of @pid, asked in the middle of another call. */
static bool walk(struct fuzz *f, pid_t pid, uint64_t addr, struct pgtbl_walk *w)
{
	*w = (struct pgtbl_walk){ .size = sizeof(*w), .pid = pid, .addr = addr };
	return !ioctl(f->world->pgtbl[0], PGTBL_IOC_WALK, w);
}

static size_t fill_remap(struct fuzz *f, union args *a)
{
	struct pgtbl_walk w;

	a->remap.pid = fuzz_pid(f);
	a->remap.level = fuzz_below(f, PGTBL_NR_LEVELS);
	a->remap.addr = (uintptr_t)fuzz_address(f);
	a->remap.remap_vaddr = (uintptr_t)fuzz_address(f);
	if (fuzz_one_in(f, 8))
		a->remap.flags = PGTBL_REMAP_CHECK;
	if (a->remap.level && walk(f, a->remap.pid, a->remap.addr, &w))
		a->remap.pfn = w.level[a->remap.level].table;
	return 0;
}

static size_t fill_walk(struct fuzz *f, union args *a)
{
	a->walk.pid = fuzz_pid(f);
	a->walk.addr = (uintptr_t)fuzz_address(f) + fuzz_below(f, 4096);
	return 0;
}

static const char *check_walk(const struct fuzz *f, const union args *a, size_t room)
{
	(void)f;
	(void)room;
	if (a->walk.categories & ~PGTBL_IS_ALL)
		return "unknown categories";
	if (a->walk.leaf != PGTBL_NO_LEVEL && a->walk.leaf >= PGTBL_NR_LEVELS)
		return "a leaf at no level";
	return NULL;
}

static size_t fill_scan(struct fuzz *f, union args *a)
{
	char *at;
	size_t size = fuzz_range(f, &at);

	a->scan.pid = fuzz_pid(f);
	a->scan.report = fuzz_random(f) & PGTBL_IS_ALL;
	a->scan.mask = fuzz_one_in(f, 2) ? fuzz_random(f) & PGTBL_IS_ALL : 0;
	a->scan.value = a->scan.mask & fuzz_random(f);
	a->scan.start = (uintptr_t)at;
	a->scan.end = (uintptr_t)at + size;
	if (fuzz_one_in(f, 16)) {
		a->scan.start = 0;
		a->scan.end = 0xfffffffffffff000;
	}
	a->scan.extents = (uintptr_t)f->out;
	a->scan.count = 1 + fuzz_below(f, 200);
	return a->scan.count * sizeof(struct pgtbl_extent);
}

static const char *check_scan(const struct fuzz *f, const union args *a, size_t room)
{
	const struct pgtbl_extent *e = (const struct pgtbl_extent *)f->out;
	uint64_t end = a->scan.start;
	uint32_t i;

	/* Another address or size of the array: not ours to look at. */
	if (a->scan.extents != (uintptr_t)f->out || a->scan.count * sizeof(*e) > room)
		return NULL;
	for (i = 0; i < a->scan.count; i++, e++) {
		if (e->start < end || e->start >= e->end || e->end > a->scan.end)
			return "extents are not sorted, or outside";
		if (e->categories & ~a->scan.report || e->reserved)
			return "unknown categories in an extent";
		end = e->end;
	}
	return a->scan.next < end ? "next is inside of an extent" : NULL;
}

static size_t fill_update(struct fuzz *f, union args *a)
{
	struct pgtbl_edit *edit = (struct pgtbl_edit *)f->out;
	uint32_t i, flip;

	a->update.pid = fuzz_pid(f);
	a->update.count = 1 + fuzz_below(f, 8);
	a->update.edits = (uintptr_t)f->out;
	for (i = 0; i < a->update.count; i++, edit++) {
		struct pgtbl_walk w;

		*edit = (struct pgtbl_edit){
			.addr = (uintptr_t)fuzz_address(f),
			.level = PGTBL_PTE,
		};
		if (!walk(f, a->update.pid, edit->addr, &w))
			continue;
		edit->old_entry = w.level[PGTBL_PTE].entry;
		edit->new_entry = edit->old_entry;
		for (flip = fuzz_below(f, 3); flip; flip--)
			edit->new_entry ^= 1ull << fuzz_below(f, 12);
		if (fuzz_one_in(f, 4) &&
		    walk(f, a->update.pid, (uintptr_t)fuzz_address(f), &w))
			edit->new_entry = w.level[PGTBL_PTE].entry;
		if (fuzz_one_in(f, 16))
			edit->new_entry ^= 1ull << fuzz_below(f, 64);
	}
	return a->update.count * sizeof(*edit);
}

static size_t fill_flush(struct fuzz *f, union args *a)
{
	char *at;
	size_t size = fuzz_range(f, &at);

	a->flush.pid = fuzz_pid(f);
	a->flush.start = (uintptr_t)at;
	a->flush.end = (uintptr_t)at + size;
	return 0;
}

static size_t fill_pool(struct fuzz *f, union args *a)
{
	a->pool.pages = 1 + fuzz_below(f, FUZZ_POOL);
	return 0;
}

/* Behind what TAKE and its like answer with. */
#define RUNS_AT		(FUZZ_OUT - 4096)

static size_t fill_runs(struct fuzz *f, __u64 *runs, uint32_t *count)
{
	struct pgtbl_run *run = (struct pgtbl_run *)(f->out + RUNS_AT);
	uint32_t i;
	size_t pages = 0;

	*runs = (uintptr_t)run;
	*count = 1 + (fuzz_one_in(f, 4) ? fuzz_below(f, 8) : 0);
	for (i = 0; i < *count; i++, run++) {
		run->addr = (uintptr_t)fuzz_address(f);
		run->page = fuzz_below(f, FUZZ_POOL);
		run->count = 1 + fuzz_below(f, 8);
		pages += run->count;
	}
	return pages;
}

static size_t fill_install(struct fuzz *f, union args *a)
{
	a->install.pid = fuzz_one_in(f, 4) ? fuzz_pid(f) : 0;
	if (fuzz_one_in(f, 3))
		a->install.flags = PGTBL_INSTALL_WRITE;
	fill_runs(f, &a->install.runs, &a->install.nr_runs);
	return 0;
}

static size_t fill_take(struct fuzz *f, union args *a)
{
	size_t room = fill_runs(f, &a->take.runs, &a->take.nr_runs);

	a->take.pid = fuzz_one_in(f, 4) ? fuzz_pid(f) : 0;
	if (fuzz_one_in(f, 2))
		return 0;
	a->take.result = (uintptr_t)f->out;
	return room;
}

static size_t fill_refs(struct fuzz *f, union args *a)
{
	a->refs.page = fuzz_below(f, FUZZ_POOL);
	a->refs.count = 1 + fuzz_below(f, FUZZ_POOL - a->refs.page);
	a->refs.refs = (uintptr_t)f->out;
	return a->refs.count * sizeof(uint32_t);
}

static const struct command pgtbl_commands[] = {
	{ PGTBL_IOC_INFO, sizeof(struct pgtbl_info), 3, fill_info, NULL },
	{ PGTBL_IOC_REMAP, sizeof(struct pgtbl_remap), 40, fill_remap, NULL },
	{ PGTBL_IOC_WALK, sizeof(struct pgtbl_walk), 25, fill_walk, check_walk },
	{ PGTBL_IOC_SCAN, sizeof(struct pgtbl_scan), 25, fill_scan, check_scan },
	{ PGTBL_IOC_UPDATE, sizeof(struct pgtbl_update), 40, fill_update, NULL },
	{ PGTBL_IOC_FLUSH, sizeof(struct pgtbl_flush), 4, fill_flush, NULL },
	{ PGTBL_IOC_POOL, sizeof(struct pgtbl_pool), 5, fill_pool, NULL },
	{ PGTBL_IOC_INSTALL, sizeof(struct pgtbl_install), 30, fill_install, NULL },
	{ PGTBL_IOC_TAKE, sizeof(struct pgtbl_take), 25, fill_take, NULL },
	{ PGTBL_IOC_REFS, sizeof(struct pgtbl_refs), 4, fill_refs, NULL },
};

/* ---- one thing wrong ------------------------------------------------------------------ */

static void spoil(struct fuzz *f, unsigned int *cmd, union args *a, size_t size)
{
	static const uint32_t sizes[] = { 0, 1, 4, 4095, 4096, 4097, 0x80000000, 0xffffffff };
	uint32_t word = fuzz_below(f, size / 4);
	uint64_t value = fuzz_odd_value(f);
	size_t i;

	switch (fuzz_below(f, 12)) {
	case 0:
		a->words[0] = sizes[fuzz_below(f, KTAP_ARRAY_SIZE(sizes))];
		break;
	case 1:
		a->words[0] = size - 8 + fuzz_below(f, 24);
		break;
	case 2:		/* a tail: of zeros, or not */
		a->words[0] = size + 8;
		a->bytes[size + fuzz_below(f, 8)] = fuzz_below(f, 2);
		break;
	case 3:
		*cmd ^= 1u << fuzz_below(f, 32);
		break;
	case 4:
		*cmd = fuzz_random(f);
		break;
	case 5:
		for (i = 4; i < size; i++)
			a->bytes[i] = fuzz_random(f);
		break;
	case 6 ... 8:
		if (word + 1 < size / 4) {
			word &= ~1u;
			memcpy(&a->words[word], &value, sizeof(value));
		}
		break;
	default:
		if (word)
			a->words[word] = value;
	}
}

/* ---- the call --------------------------------------------------------------------------- */

static const struct command *choose(struct fuzz *f, const struct command *table, size_t n)
{
	unsigned int sum = 0;
	uint32_t at;
	size_t i;

	for (i = 0; i < n; i++)
		sum += table[i].weight;
	at = fuzz_below(f, sum);
	while (at >= table->weight)
		at -= table++->weight;
	return table;
}

static bool documented(int error, bool pgtbl)
{
	switch (error) {
	case EFAULT:
	case EINVAL:
	case ESRCH:
	case E2BIG:
	case EOPNOTSUPP:
	case EPERM:
	case ENOTTY:
	case ENOMEM:
		return true;
	case ENAMETOOLONG:
	case ENODATA:
	case ENOSPC:
		return !pgtbl;
	case EAGAIN:
	case EBUSY:
	case ENXIO:
	case EINTR:
		return pgtbl;
	default:
		return false;
	}
}

/* What the kernel leaves where it forgot to write: patterns of debug kernels. */
static bool poisoned(const void *at, size_t size)
{
	const uint64_t *p = at;
	size_t i;

	for (i = 0; i < size / sizeof(*p); i++) {
		if (p[i] == 0x5a5a5a5a5a5a5a5au || p[i] == 0x6b6b6b6b6b6b6b6bu ||
		    p[i] == 0xaaaaaaaaaaaaaaaau || p[i] == 0xfefefefefefefefeu)
			return true;
	}
	return false;
}

static bool say(struct fuzz *f, const char *what, unsigned int cmd, long value)
{
	snprintf(f->wrong, sizeof(f->wrong), "call %lu, command %#x: %s (%ld)", f->done, cmd,
		 what, value);
	return false;
}

static bool look(struct fuzz *f, const struct command *c, const union args *a, size_t room,
		 bool spoilt, int ret, int error, bool pgtbl)
{
	const char *wrong;
	size_t i;

	if (ret && (ret != -1 || !documented(error, pgtbl)))
		return say(f, "an error that is none of its own", c->cmd, error);
	if (poisoned(a, c->size) || poisoned(f->out, room))
		return say(f, "memory that nobody filled in", c->cmd, error);
	if (spoilt)
		return true;
	for (i = 0; i < EDGE && room + i < RUNS_AT; i++) {
		if (f->out[room + i] != FILL)
			return say(f, "it wrote behind the answer's end", c->cmd, i);
	}
	wrong = !ret && c->check ? c->check(f, a, room) : NULL;
	return wrong ? say(f, wrong, c->cmd, 0) : true;
}

static void *bad_pointer(struct fuzz *f)
{
	char *at;

	switch (fuzz_below(f, 3)) {
	case 0:
		return NULL;
	case 1:
		fuzz_range(f, &at);
		return at + 4096 - fuzz_below(f, 64);
	default:
		return (void *)(uintptr_t)fuzz_odd_value(f);
	}
}

/* Of one thread's call at a time. */
static __thread union args args;

bool fuzz_ioctl(struct fuzz *f)
{
	bool pgtbl = fuzz_one_in(f, 2), spoilt = fuzz_one_in(f, 3);
	const struct command *c = pgtbl ?
		choose(f, pgtbl_commands, KTAP_ARRAY_SIZE(pgtbl_commands)) :
		choose(f, pfstat_commands, KTAP_ARRAY_SIZE(pfstat_commands));
	int *files = pgtbl ? f->world->pgtbl : f->world->pfstat;
	int fd = files[fuzz_below(f, FUZZ_FILES)], ret;
	unsigned int cmd = c->cmd;
	void *arg = &args;
	size_t room;

	memset(&args, 0, c->size + 16);
	args.words[0] = c->size;
	if (!pgtbl && fuzz_one_in(f, 32)) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

		poll(&poll_fd, 1, 0);
		return true;
	}
	room = c->fill(f, &args);
	/* An update's edits are there already. */
	if (c->fill != fill_update)
		memset(f->out, FILL, room);
	memset(f->out + room, FILL, EDGE);
	if (spoilt) {
		spoil(f, &cmd, &args, c->size);
		if (fuzz_one_in(f, 8))
			arg = bad_pointer(f);
		/* Half of the memory in a pool would be no test of ours. */
		if (c->fill == fill_pool && args.pool.pages > 512 && args.pool.pages <= 262144)
			args.pool.pages = 262145;
	}
	errno = 0;
	ret = ioctl(fd, cmd, arg);
	f->good += !ret;
	/* Other commands are other people's: FIONREAD, say. */
	if (cmd != c->cmd || arg != &args)
		return true;
	return look(f, c, &args, room, spoilt, ret, errno, pgtbl);
}
