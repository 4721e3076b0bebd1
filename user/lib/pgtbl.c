// SPDX-License-Identifier: GPL-2.0-only
/* Page tables: the device's commands, one function each. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/**
 * struct pgtbl - a handle
 * @fd: the open device
 * @info: INFO's answer
 * @flags: its table of names
 * @rules: its table of rules
 */
struct pgtbl {
	int fd;
	struct pgtbl_info info;
	struct pgtbl_flag *flags;
	struct pgtbl_rule *rules;
};

/* A signal that came before anything was done is not the caller's concern. */
static int call(const struct pgtbl *p, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(p->fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret;
}

static int learn(struct pgtbl *p)
{
	p->info = (struct pgtbl_info){.size = sizeof(p->info)};
	if (call(p, PGTBL_IOC_INFO, &p->info))
		return -1;
	if (p->info.abi < PGTBL_ABI_VERSION) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	p->flags = calloc(p->info.nr_flags, sizeof(*p->flags));
	p->rules = calloc(p->info.nr_rules, sizeof(*p->rules));
	if (!p->flags || !p->rules)
		return -1;
	p->info.flag_table = pfstat_pointer(p->flags);
	p->info.rule_table = pfstat_pointer(p->rules);
	p->info.flags = 0;
	return call(p, PGTBL_IOC_INFO, &p->info);
}

struct pgtbl *pgtbl_open(void)
{
	struct pgtbl *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return NULL;
	p->fd = open(PGTBL_DEVICE, O_RDWR | O_CLOEXEC);
	if (p->fd < 0 || learn(p)) {
		err = errno;
		pgtbl_close(p);
		errno = err;
		return NULL;
	}
	return p;
}

void pgtbl_close(struct pgtbl *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->flags);
	free(p->rules);
	free(p);
}

int pgtbl_fd(const struct pgtbl *p)
{
	return p->fd;
}

const struct pgtbl_info *pgtbl_get_info(const struct pgtbl *p)
{
	return &p->info;
}

const struct pgtbl_flag *pgtbl_get_flags(const struct pgtbl *p,
					 unsigned int *count)
{
	*count = p->info.nr_flags;
	return p->flags;
}

enum pgtbl_kind pgtbl_decode(const struct pgtbl *p, unsigned int level,
			     __u64 entry, __u64 *pfn)
{
	const struct pgtbl_rule *rule = p->rules;
	const struct pgtbl_rule *end = rule + p->info.nr_rules;

	while (rule < end && (!(rule->levels & 1u << level) ||
			      (entry & rule->mask) != rule->value))
		rule++;
	if (rule == end) {
		if (pfn)
			*pfn = 0;
		return PGTBL_KIND_NONE;
	}
	if (pfn)
		*pfn = ((entry ^ rule->pfn_xor) & rule->pfn_mask) >>
			p->info.page_shift;
	return rule->kind;
}

int pgtbl_has_flag(const struct pgtbl *p, unsigned int level, __u64 entry,
		   const char *name)
{
	enum pgtbl_kind kind = pgtbl_decode(p, level, entry, NULL);
	const struct pgtbl_flag *flag;
	int answer = -1;

	for (flag = p->flags; flag < p->flags + p->info.nr_flags; flag++) {
		if (!(flag->levels & 1u << level) || strcmp(flag->name, name))
			continue;
		if ((flag->kinds & 1u << kind) &&
		    (entry & flag->mask) == flag->value)
			return 1;
		answer = 0;
	}
	return answer;
}

unsigned int pgtbl_next_level(const struct pgtbl *p, unsigned int level)
{
	for (level++; level < PGTBL_NR_LEVELS; level++)
		if (p->info.levels & 1u << level)
			return level;
	return PGTBL_NO_LEVEL;
}

unsigned int pgtbl_index(const struct pgtbl *p, unsigned int level,
			 __u64 addr)
{
	const struct pgtbl_geometry *geometry = &p->info.geometry[level];

	return (addr >> geometry->shift) & (geometry->entries - 1);
}

__u64 pgtbl_entry(const struct pgtbl *p, const void *table,
		  unsigned int index)
{
	const __u32 *word = table;
	const unsigned long *whole = table;
	__u32 low, high;

	if (p->info.geometry[PGTBL_PTE].entry_size == sizeof(__u32))
		return __atomic_load_n(word + index, __ATOMIC_RELAXED);
	if (sizeof(*whole) == sizeof(__u64))
		return __atomic_load_n(whole + index, __ATOMIC_RELAXED);
	/* The kernel writes the low word last to make an entry valid. */
	word += 2 * index;
	do {
		low = __atomic_load_n(word, __ATOMIC_ACQUIRE);
		high = __atomic_load_n(word + 1, __ATOMIC_ACQUIRE);
	} while (low != __atomic_load_n(word, __ATOMIC_RELAXED));
	return (__u64)high << 32 | low;
}

static void *map(const struct pgtbl *p, size_t pages, int prot, off_t offset)
{
	void *at;

	if (pages > SIZE_MAX >> p->info.page_shift) {
		errno = EINVAL;
		return NULL;
	}
	at = mmap(NULL, pages << p->info.page_shift, prot, MAP_SHARED, p->fd,
		  offset);
	return at == MAP_FAILED ? NULL : at;
}

void *pgtbl_window(const struct pgtbl *p, size_t pages, int prot)
{
	return map(p, pages, prot, PGTBL_WINDOW_OFFSET);
}

int pgtbl_remap_table(const struct pgtbl *p, pid_t pid, unsigned int level,
		      __u64 pfn, __u64 addr, void *page)
{
	struct pgtbl_remap remap = {
		.size = sizeof(remap),
		.pid = pid,
		.level = level,
		.remap_vaddr = pfstat_pointer(page),
		.pfn = pfn,
		.addr = addr,
	};

	return call(p, PGTBL_IOC_REMAP, &remap);
}

int pgtbl_walk_addr(const struct pgtbl *p, pid_t pid, __u64 addr,
		    struct pgtbl_walk *walk)
{
	*walk = (struct pgtbl_walk){
		.size = sizeof(*walk),
		.pid = pid,
		.addr = addr,
	};
	return call(p, PGTBL_IOC_WALK, walk);
}

int pgtbl_scan_range(const struct pgtbl *p, pid_t pid,
		     struct pgtbl_scan *scan)
{
	scan->size = sizeof(*scan);
	scan->pid = pid;
	return call(p, PGTBL_IOC_SCAN, scan);
}

int pgtbl_update_entries(const struct pgtbl *p, pid_t pid,
			 struct pgtbl_edit *edits, unsigned int count)
{
	struct pgtbl_update update = {
		.size = sizeof(update),
		.pid = pid,
		.count = count,
		.edits = pfstat_pointer(edits),
	};

	if (call(p, PGTBL_IOC_UPDATE, &update) && !update.done)
		return -1;
	return update.done;
}

int pgtbl_flush_range(const struct pgtbl *p, pid_t pid, __u64 start,
		      __u64 end)
{
	struct pgtbl_flush flush = {
		.size = sizeof(flush),
		.pid = pid,
		.start = start,
		.end = end,
	};

	return call(p, PGTBL_IOC_FLUSH, &flush);
}

void *pgtbl_pool_create(const struct pgtbl *p, unsigned int pages)
{
	struct pgtbl_pool pool = {.size = sizeof(pool), .pages = pages};

	if (call(p, PGTBL_IOC_POOL, &pool))
		return NULL;
	return map(p, pages, PROT_READ | PROT_WRITE, PGTBL_POOL_OFFSET);
}

int pgtbl_install_runs(const struct pgtbl *p, pid_t pid,
		       const struct pgtbl_run *runs, unsigned int count,
		       unsigned int flags)
{
	struct pgtbl_install install = {
		.size = sizeof(install),
		.flags = flags,
		.pid = pid,
		.nr_runs = count,
		.runs = pfstat_pointer(runs),
	};

	if (call(p, PGTBL_IOC_INSTALL, &install) && !install.done)
		return -1;
	return install.done;
}

int pgtbl_take_runs(const struct pgtbl *p, pid_t pid,
		    const struct pgtbl_run *runs, unsigned int count,
		    unsigned char *result)
{
	struct pgtbl_take take = {
		.size = sizeof(take),
		.pid = pid,
		.nr_runs = count,
		.runs = pfstat_pointer(runs),
		.result = pfstat_pointer(result),
	};

	if (call(p, PGTBL_IOC_TAKE, &take) && !take.done)
		return -1;
	return take.done;
}

int pgtbl_pool_refs(const struct pgtbl *p, unsigned int page,
		    unsigned int count, __u32 *refs)
{
	struct pgtbl_refs ask = {
		.size = sizeof(ask),
		.page = page,
		.count = count,
		.refs = pfstat_pointer(refs),
	};

	return call(p, PGTBL_IOC_REFS, &ask);
}
