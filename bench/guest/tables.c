// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to look at page tables, and to ask the kernel's own pagemap
 * the same?
 *
 *   sample window-read N		an entry read through a window, in a loop
 *   sample window-entry N		the same by the library's pgtbl_entry()
 *   sample walk|remap|pagemap-one N	one call
 *   sample scan|scan-all|pagemap-bulk|pagemap-scan N	per page of SIZE
 *
 * usage: tables [MIB]
 *        tables MIB again walk|remap	for bench/profile
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pfstat.h>

#include "lib/bench.h"
#include "lib/pagemap.h"

#define CALLS		31
#define SCANS		5
#define READS		256	/* entries */
#define EXTENTS		64
#define BULK		(64 * 1024)	/* pages per read of pagemap */

static struct pgtbl *p;
static size_t page;
static char *memory;
static size_t pages;
static volatile uint64_t sink;

static void sample(const char *name, double value)
{
	printf("sample %s %.2f\n", name, value);
}

static uint64_t table_of(const void *at)
{
	struct pgtbl_walk walk;

	if (pgtbl_walk_addr(p, 0, (uintptr_t)at, &walk))
		bench_die("walk");
	errno = 0;
	if (walk.leaf != PGTBL_PTE)
		bench_die("%p is not mapped by a PTE", at);
	return walk.level[PGTBL_PTE].table;
}

/*
 * The address as a program has it -> its entry, in its table's window: by a
 * reader that is made for this geometry, as INFO says it is.
 */
#define SHIFT		12
#define ENTRIES		512

static inline void barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

static __attribute__((noinline))
uint64_t sum_words(const unsigned long *table, uintptr_t at, uintptr_t end)
{
	uint64_t sum = 0;

	for (; at < end; at += 1 << SHIFT) {
		sum += table[at >> SHIFT & (ENTRIES - 1)];
		barrier();
	}
	return sum;
}

/* Two words: the low one tells whether they belong together. */
static __attribute__((noinline))
uint64_t sum_pairs(const uint32_t *table, uintptr_t at, uintptr_t end)
{
	const uint32_t *entry;
	uint32_t low, high, lows = 0, highs = 0;

	for (; at < end; at += 1 << SHIFT) {
		entry = table + 2 * (at >> SHIFT & (ENTRIES - 1));
		do {
			low = entry[0];
			barrier();
			high = entry[1];
			barrier();
		} while (entry[0] != low);
		lows += low;
		highs += high;
	}
	return ((uint64_t)highs << 32) + lows;
}

static uint64_t read_entry(const void *window, uintptr_t at)
{
	const struct pgtbl_info *info = pgtbl_get_info(p);
	uintptr_t end = at + READS * page;
	uint64_t begin;

	errno = 0;
	if (info->page_shift != SHIFT ||
	    info->geometry[PGTBL_PTE].entries != ENTRIES ||
	    info->geometry[PGTBL_PTE].entry_size != sizeof(uint64_t))
		bench_die("page tables are not as in this program");
	begin = bench_now();
	if (sizeof(uint64_t) == sizeof(unsigned long))
		sink = sum_words(window, at, end);
	else
		sink = sum_pairs(window, at, end);
	return bench_since(begin);
}

static uint64_t library_entry(const void *window, uintptr_t at)
{
	uintptr_t end = at + READS * page;
	uint64_t sum = 0, begin = bench_now();

	for (; at < end; at += page)
		sum += pgtbl_entry(p, window, pgtbl_index(p, PGTBL_PTE, at));
	begin = bench_since(begin);
	sink = sum;
	return begin;
}

static void measure_window(void)
{
	size_t span = page * pgtbl_get_info(p)->geometry[PGTBL_PTE].entries;
	char *window = pgtbl_window(p, 1, PROT_READ);
	char *at = (char *)(((uintptr_t)memory + span - 1) & ~(span - 1));
	uint64_t table[2], clock;
	int i;

	if (!window)
		bench_die("window");
	table[0] = table_of(at);
	table[1] = table_of(at + span);
	for (i = -2; i < CALLS; i++) {
		clock = bench_now();
		if (pgtbl_remap_table(p, 0, PGTBL_PTE, table[i & 1],
				      (uintptr_t)at + (i & 1) * span, window))
			bench_die("remap");
		clock = bench_since(clock);
		if (i >= 0)
			sample("remap", clock);
	}
	/* What is read there must be what a walk says. */
	at += (i & 1 ? 0 : span);
	for (i = -2; i < CALLS; i++) {
		clock = read_entry(window, (uintptr_t)at);
		if (i >= 0)
			sample("window-read", (double)clock / READS);
		clock = library_entry(window, (uintptr_t)at);
		if (i >= 0)
			sample("window-entry", (double)clock / READS);
	}
	munmap(window, page);
}

static void measure_walk(int pagemap)
{
	struct pgtbl_walk walk;
	uint64_t clock, entry;
	uintptr_t at;
	int i;

	for (i = -2; i < CALLS; i++) {
		at = (uintptr_t)memory + (i + 2) * 7 * page;
		clock = bench_now();
		if (pgtbl_walk_addr(p, 0, at, &walk))
			bench_die("walk");
		clock = bench_since(clock);
		if (i >= 0)
			sample("walk", clock);
		clock = bench_now();
		if (pread(pagemap, &entry, 8, at / page * 8) != 8)
			bench_die("pagemap");
		clock = bench_since(clock);
		if (i >= 0)
			sample("pagemap-one", clock);
		errno = 0;
		if ((entry & PAGEMAP_PFN) != walk.pfn)
			bench_die("pagemap says page %llx, walk %llx",
				  (unsigned long long)(entry & PAGEMAP_PFN),
				  (unsigned long long)walk.pfn);
	}
}

static void measure_scan(const char *name, uint32_t report)
{
	struct pgtbl_extent extents[EXTENTS];
	struct pgtbl_scan scan;
	uint64_t clock, found;
	uintptr_t at;
	int i;

	for (i = -1; i < SCANS; i++) {
		found = 0;
		at = (uintptr_t)memory;
		clock = bench_now();
		while (at < (uintptr_t)memory + pages * page) {
			scan = (struct pgtbl_scan){
				.report = report,
				.start = at,
				.end = (uintptr_t)memory + pages * page,
				.extents = (uintptr_t)extents,
				.count = EXTENTS,
				.mask = PGTBL_IS_PRESENT,
				.value = PGTBL_IS_PRESENT,
			};
			if (pgtbl_scan_range(p, 0, &scan))
				bench_die("scan");
			found += scan.pages;
			at = scan.next;
		}
		clock = bench_since(clock);
		if (found != pages)
			bench_die("scan found %llu pages of %zu",
				  (unsigned long long)found, pages);
		if (i >= 0)
			sample(name, (double)clock / pages);
	}
}

static void measure_bulk(int pagemap)
{
	uint64_t *entries = bench_map(NULL, BULK * 8, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS |
				      MAP_POPULATE, -1);
	uint64_t clock, found;
	size_t done, n;
	int i;

	for (i = -1; i < SCANS; i++) {
		found = 0;
		clock = bench_now();
		for (done = 0; done < pages; done += n) {
			n = pages - done < BULK ? pages - done : BULK;
			if (pread(pagemap, entries, n * 8,
				  ((uintptr_t)memory / page + done) * 8) !=
			    (ssize_t)(n * 8))
				bench_die("pagemap");
			found += entries[0] >> 63;
		}
		clock = bench_since(clock);
		if (found != (pages + BULK - 1) / BULK)
			bench_die("pagemap found no page");
		if (i >= 0)
			sample("pagemap-bulk", (double)clock / pages);
	}
	munmap(entries, BULK * 8);
}

/* The ioctl of newer kernels that SCAN takes after; not in 6.1. */
static void measure_pagemap_scan(int pagemap)
{
	struct page_region regions[EXTENTS];
	struct pm_scan_arg scan;
	uint64_t clock;
	int i;

	for (i = -1; i < SCANS; i++) {
		scan = (struct pm_scan_arg){
			.size = sizeof(scan),
			.start = (uintptr_t)memory,
			.end = (uintptr_t)memory + pages * page,
			.vec = (uintptr_t)regions,
			.vec_len = EXTENTS,
			.category_mask = PAGE_IS_PRESENT,
			.return_mask = PAGE_IS_PRESENT,
		};
		clock = bench_now();
		if (ioctl(pagemap, PAGEMAP_SCAN, &scan) < 0) {
			if (errno != ENOTTY)
				bench_die("PAGEMAP_SCAN");
			errno = 0;
			return;
		}
		clock = bench_since(clock);
		if (scan.walk_end != scan.end)
			bench_die("PAGEMAP_SCAN did not reach the end");
		if (i >= 0)
			sample("pagemap-scan", (double)clock / pages);
	}
}

/* Do one thing for ever, for somebody who looks at what is executed. */
static void again(const char *what)
{
	char *window = pgtbl_window(p, 1, PROT_READ);
	size_t span = page * pgtbl_get_info(p)->geometry[PGTBL_PTE].entries;
	uint64_t table[2] = { table_of(memory), table_of(memory + span) };
	struct pgtbl_walk walk;
	int i;

	puts("again");
	fflush(stdout);
	for (i = 0;; i++) {
		if (!strcmp(what, "walk")) {
			if (pgtbl_walk_addr(p, 0, (uintptr_t)memory, &walk))
				bench_die("walk");
		} else if (pgtbl_remap_table(p, 0, PGTBL_PTE, table[i & 1],
					     (uintptr_t)memory + (i & 1) * span,
					     window)) {
			bench_die("remap");
		}
	}
}

int main(int argc, char **argv)
{
	size_t mib = argc > 1 ? atoi(argv[1]) : 1024;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	bench_pin(0);
	p = pgtbl_open();
	if (!p || pagemap < 0)
		bench_die("cannot open " PGTBL_DEVICE " and pagemap");
	page = bench_page_size();
	pages = (mib << 20) / page;
	memory = bench_map(NULL, pages * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	bench_write(memory, pages);
	if (argc > 3 && !strcmp(argv[2], "again"))
		again(argv[3]);
	measure_window();
	measure_walk(pagemap);
	measure_scan("scan", PGTBL_IS_PRESENT);
	measure_scan("scan-all", PGTBL_IS_ALL);
	measure_bulk(pagemap);
	measure_pagemap_scan(pagemap);
	return EXIT_SUCCESS;
}
