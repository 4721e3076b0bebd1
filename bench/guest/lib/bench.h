/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the measuring programs share.
 *
 * With scripts/vm --icount a nanosecond of the guest's clock is one instruction
 * of its one CPU, so differences of bench_now() count instructions, those of
 * the kernel (with its timer ticks) included.
 *
 * Programs print one line per sample, "sample NAME VALUE...", and leave medians
 * and differences to the host (bench/run).
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Which names the tracker shall know the measured and another program by. */
#define SUBJECT		"subject"
#define OTHER		"other"

__attribute__((noreturn, format(printf, 1, 2)))
void bench_die(const char *format, ...);

uint64_t bench_now(void);
uint64_t bench_since(uint64_t begin);
void bench_pin(int cpu);
size_t bench_page_size(void);
void *bench_map(void *at, size_t size, int prot, int flags, int fd);
void *bench_shared(size_t size);
void bench_write(char *memory, size_t pages);
int bench_file(const char *path, size_t pages);
void bench_wait(pid_t pid);

/* median of @n values, which are sorted by this */
uint64_t bench_median(uint64_t *values, size_t n);

void bench_write_text(const char *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void bench_append_text(const char *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* module.c: the module and what it tracks */
void bench_insmod(const char *args);
void bench_rmmod(void);
void bench_track(const char *name);
/* with PFSTAT_TRACK_* */
void bench_track_flags(const char *name, unsigned int flags);
void bench_cleanup(void);
/* dies if the module missed or lost an event */
void bench_check_module(void);
void bench_check_counted(unsigned int kind, uint64_t faults);
const char *bench_hook(void);

#endif /* BENCH_H */
