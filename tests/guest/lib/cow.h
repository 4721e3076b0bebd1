/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cow: memory whose faults are known, and what /dev/pfstat says about it.
 *
 * A workload makes memory with these functions, so that it has nothing in
 * common with its neighbours, and each fault in it is one that the workload
 * asked for. The test then compares the counts of exactly that memory:
 *
 *	EXPECT_COUNTS(&id, 0, address, PAGES, .copy = PAGES);
 *
 * Kinds that are not mentioned must be 0. The stack, the libraries' data and
 * the like take copy-on-write faults of their own, so whole-program totals are
 * never compared with numbers; that they are the sum of all VMAs is.
 */
#ifndef COW_H
#define COW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <pfstat.h>

#include "ktap.h"
#include "workload.h"

/* In the order of enum pfstat_kind. */
struct kinds {
	__u64 copy;
	__u64 reuse;
	__u64 zero;
	__u64 file;
	__u64 huge;
	__u64 kernel;
	__u64 unshare;
};

/*
 * In workloads. What fails says so and exits.
 */

size_t page_size(void);

/* No huge pages from here on: one page, one fault. Children inherit it. */
void only_small_pages(void);

/*
 * The kernel keeps a page that has one user left only if no other CPU holds a
 * reference to it in its list of new pages: stay on one CPU to know.
 */
void stay_on_cpu(int cpu);

/* @n pages that no other mapping is next to; @fd -1: anonymous. */
char *map_pages(size_t n, int prot, int flags, int fd);

/* Private and anonymous; every second page is read-only, so that each is a mapping. */
char *map_stripes(size_t n);

/* The same as map_pages(), private, anonymous and written. */
char *map_written(size_t n);

/*
 * FIXED - where no program here has anything. On 64 bits heaps begin at random within
 * 1 GiB behind the program (arch_randomize_brk()), which is mapped low.
 */
#define FIXED	0x60000000UL

/* The same as map_written(), of small pages, at FIXED. */
char *map_fixed(size_t n);

void write_pages(char *p, size_t n);

/* Of @n pages the first of each @every. */
void write_every(char *p, size_t n, size_t every);

void read_pages(const char *p, size_t n);

/* A file of @n pages that only its descriptor names. */
int file_of_pages(size_t n);

/* A child that shares all memory until it is ended. */
pid_t fork_sleeper(void);
void end_sleeper(pid_t pid);

/* Writes @n pages while a sleeper shares them: a copy of each, if they were written. */
void copy_pages(char *p, size_t n);

/* The same in a child, which ends. */
void copy_in_child(char *p, size_t n);

/* Waits for a child, that must succeed. */
void wait_for_child(pid_t pid);

/* Executes a program in a child that never has memory of its own before, and waits. */
void spawn_and_wait(const char *path);

/* Copies @n small pages, and makes a step that says where they are. */
void copy_and_step(size_t n);

/* Copies @n small pages after each step, which says where they are; for ever. */
void copy_at_each_step(size_t n) __attribute__((noreturn));

/*
 * In tests. What goes wrong here ends the test as failed.
 */

/* BEFORE_EACH() { cow_begin(); } opens this, and nothing is tracked then. */
extern struct pfstat *pf;
void cow_begin(void);

/* A step that says an address in hexadecimal. */
unsigned long address_in(const char *text);

/* The whole answer, whose sums were checked; valid until the next one. */
const struct pfstat_result *query(const struct pfstat_id *id, pid_t process);
const struct pfstat_result *query_name(const char *name);

/* The VMA (or unmapped range) at @address, or NULL. */
const struct pfstat_vma *vma_at(const struct pfstat_result *result, unsigned long address);

/* The element of the process, or NULL. */
const struct pfstat_process *process_of(const struct pfstat_result *result, pid_t pid);

/* Tracks, or fails the test. */
struct pfstat_id track_name(const char *name);
struct pfstat_id track_pid(pid_t pid);

/*
 * The counts of [start, start + pages) are these, and nothing was lost or
 * missed. No VMA may lie across an end of that range.
 */
#define EXPECT_COUNTS(id, process, start, pages, ...)			\
	cow_expect(__FILE__, __LINE__, id, process, start, pages,	\
		   &(const struct kinds){ __VA_ARGS__ })

void cow_expect(const char *file, int line, const struct pfstat_id *id,
		pid_t process, unsigned long start, size_t pages,
		const struct kinds *want);

/* All counts of a range, in an answer. Returns how many VMAs it has. */
unsigned int sum_range(const struct pfstat_result *result, unsigned long start,
		       unsigned long end, struct kinds *sum);

/* A number or a word in a file of the kernel's. */
long read_number(const char *path);
void write_text(const char *path, const char *text);

#endif
