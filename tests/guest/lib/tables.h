/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tables: what tests of /dev/pgtbl share: a handle, memory whose tables are
 * looked at, processes to look at, and the kernel's own word for all of it.
 *
 * What goes wrong in these functions fails the test and ends it.
 */
#ifndef TABLES_H
#define TABLES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <pfstat.h>

#include "cow.h"
#include "ktap.h"

extern struct pgtbl *dev;

/* The device, opened for the test */
void open_dev(void);
/* Closed, which undoes what was edited through it, and opened anew */
void reopen_dev(void);
/* Ends the test as skipped unless the module was loaded with unsafe_write=1 */
void need_unsafe(void);

/* Private anonymous pages */
unsigned char *anon(size_t pages);
/* The same; all bytes of page i are @byte + i */
unsigned char *filled(size_t pages, int byte);
/* A userfaultfd that has a range registered for missing pages */
int uffd_for(void *at, size_t pages);

/* A process that prepares and then does nothing until it is killed */
pid_t start_child(void (*prepare)(void *), void *arg);
void stop_child(pid_t pid);

/* The word of /proc/PID/pagemap for an address; pid 0: the caller */
uint64_t pagemap_of(pid_t pid, uint64_t addr);

#define PAGEMAP_PRESENT		(1ull << 63)
#define PAGEMAP_SWAP		(1ull << 62)
#define PAGEMAP_PFN(_word)	((_word) & ((1ull << 55) - 1))

/* Frame of the table at a level around an address, 0: none */
uint64_t table_of(pid_t pid, uint64_t addr, unsigned int level);
/* The entry of an address at PGTBL_PTE */
uint64_t entry_of(pid_t pid, const void *at);
/* Down to the entry of an address, by REMAP alone; pfn 0: no memory */
uint64_t entry_through_windows(pid_t pid, uint64_t addr, unsigned int *level,
			       uint64_t *pfn);

/* A window's page shows the PTE table of an address of ours, which has a page */
bool shows(const unsigned char *page, const void *at);
/* A store to the entry of an address in a mapped PTE table */
void write_entry(void *table, const void *at, uint64_t entry);

/* An entry of PGTBL_PTE with a property made true or false */
uint64_t with(uint64_t entry, const char *name, bool want);
/* The same entry without the right to write, as the kernel would write it */
uint64_t read_only(uint64_t entry);
/* The entry of an address of ours has a property */
bool has(const void *at, const char *name);
/* UPDATE of one entry: 1, or -1 and errno */
int edit(pid_t pid, const void *at, uint64_t old, uint64_t new);

#endif
