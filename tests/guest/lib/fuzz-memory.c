// SPDX-License-Identifier: GPL-2.0-only
/* The fuzzer's calls that change what is mapped where, and what is in it. */
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pfstat.h>

#include "fuzz.h"
#include "ktap.h"

#ifndef MADV_COLD
#define MADV_COLD	20
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

static __thread sigjmp_buf no_access;
static __thread volatile sig_atomic_t touching;

/* Nobody else expects to fault: the second time it is the end. */
static void on_fault(int number)
{
	if (!touching)
		signal(number, SIG_DFL);
	else
		siglongjmp(no_access, number);
}

static void catch_faults(void)
{
	const struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

/* Reads, or writes what is there already: tables in windows survive that. */
static void touch(struct fuzz *f, bool write)
{
	char *start;
	size_t size = fuzz_range(f, &start), page = sysconf(_SC_PAGESIZE);
	volatile char *volatile at = start;
	volatile char *end;

	if (size > 4 * page)
		size = 4 * page;
	end = start + size;
	catch_faults();
	touching = 1;
	if (!sigsetjmp(no_access, 0)) {
		for (; at < end; at += page) {
			char byte = *at;

			if (write)
				*at = byte;
		}
	}
	touching = 0;
}

/* In a window it is an edit of a table, elsewhere it is nothing special. */
static void copy_entry(struct fuzz *f)
{
	volatile uint64_t *at;
	uint32_t to = fuzz_below(f, 512), from = fuzz_below(f, 512);
	char *start;

	fuzz_range(f, &start);
	at = (uint64_t *)start;
	catch_faults();
	touching = 1;
	if (!sigsetjmp(no_access, 0))
		at[to] = at[from];
	touching = 0;
}

/* A new mapping of any kind in a slot. */
static void map(struct fuzz *f)
{
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	int prot = prots[fuzz_below(f, KTAP_ARRAY_SIZE(prots))];
	int device = f->world->pgtbl[fuzz_below(f, FUZZ_FILES)];
	size_t page = sysconf(_SC_PAGESIZE), size;
	off_t offset = 0;
	char *at;

	size = fuzz_range(f, &at);
	switch (fuzz_below(f, 8)) {
	case 0:
		mmap(at, size, prot, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 1:
		offset = fuzz_below(f, 16) * page;
		mmap(at, size, prot, MAP_PRIVATE | MAP_FIXED, f->world->file, offset);
		break;
	case 2:
		mmap(at, size, prot, MAP_SHARED | MAP_FIXED, f->world->file, 0);
		break;
	case 3:
	case 4:
		if (fuzz_one_in(f, 16))
			offset = fuzz_odd_value(f) & 0x7ffff000;
		mmap(at, size, fuzz_one_in(f, 4) ? prot : PROT_READ,
		     (fuzz_one_in(f, 16) ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED, device,
		     PGTBL_WINDOW_OFFSET + offset);
		break;
	case 5:
		mmap(at, size, prot, MAP_SHARED | MAP_FIXED, device,
		     PGTBL_POOL_OFFSET + fuzz_below(f, FUZZ_POOL) * page);
		break;
	default:
		mmap(at, size, prot,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	}
}

static void advise(struct fuzz *f)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_COLLAPSE, MADV_DONTFORK, MADV_DOFORK, MADV_MERGEABLE, MADV_UNMERGEABLE,
		MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE,
		MADV_REMOVE, MADV_WILLNEED,
	};
	char *at;
	size_t size = fuzz_range(f, &at);

	madvise(at, size, advices[fuzz_below(f, KTAP_ARRAY_SIZE(advices))]);
}

static void move(struct fuzz *f)
{
	char *from, *to;
	size_t size = fuzz_range(f, &from), page = sysconf(_SC_PAGESIZE);

	fuzz_range(f, &to);
	/* Inside the arena, whatever is there. */
	if (to + size > f->world->arena + FUZZ_SLOTS * FUZZ_SLOT_SIZE)
		return;
	switch (fuzz_below(f, 4)) {
	case 0:
		mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
		       to);
		break;
	case 1:
		mremap(from, size, page * (1 + fuzz_below(f, 16)), 0);
		break;
	default:
		mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	}
}

static void protect(struct fuzz *f)
{
	char *at;
	size_t size = fuzz_range(f, &at);

	mprotect(at, size, fuzz_below(f, 8));
}

static void lock(struct fuzz *f)
{
	char *at;
	size_t size = fuzz_range(f, &at);

	if (fuzz_one_in(f, 2))
		munlock(at, size);
	else if (size <= 65536)
		mlock(at, size);
}

static void userfault(struct fuzz *f)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *at;

	if (f->world->uffd < 0)
		return;
	reg.range.len = fuzz_range(f, &at);
	reg.range.start = (uintptr_t)at;
	if (fuzz_one_in(f, 4))
		ioctl(f->world->uffd, UFFDIO_UNREGISTER, &reg.range);
	else
		ioctl(f->world->uffd, UFFDIO_REGISTER, &reg);
}

void fuzz_memory(struct fuzz *f)
{
	char *at;
	size_t size;

	switch (fuzz_below(f, 32)) {
	case 0 ... 5:
		/* Of a child that execed there are no files to map. */
		if (f->world->file >= 0)
			map(f);
		break;
	case 6:
		size = fuzz_range(f, &at);
		munmap(at, size);
		break;
	case 7 ... 8:
		advise(f);
		break;
	case 9:
		move(f);
		break;
	case 10 ... 11:
		protect(f);
		break;
	case 12:
		lock(f);
		break;
	case 13 ... 14:
		userfault(f);
		break;
	case 15:
		if (f->world->unsafe)
			copy_entry(f);
		break;
	default:
		touch(f, !fuzz_one_in(f, 3));
	}
}
