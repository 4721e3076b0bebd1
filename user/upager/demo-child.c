// SPDX-License-Identifier: GPL-2.0-only
/* The child of the demonstration: its memory is filled by the parent. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "cmd.h"
#include "demo.h"
#include "inside.h"
#include "letters.h"
#include "region.h"

/* Not at the beginning of a page, so that faults are not either */
#define FIRST		0xf
#define STEP		0x400
#define STEPS		4

/**
 * struct reader - a thread that reads every so many pages
 * @demo: which run
 * @at: the memory
 * @number: of the thread: its first page
 * @wrong: pages that were not what they should be
 */
struct reader {
	const struct demo *demo;
	const unsigned char *at;
	unsigned int number;
	unsigned long wrong;
};

static void read_page(struct reader *reader, uint64_t page)
{
	const struct demo *demo = reader->demo;
	unsigned char letter = demo->zeros ? 0 : letter_of(page);
	const volatile unsigned char *at = reader->at + page * demo->unit;
	bool right = true;
	int i;

	for (i = 0; i < STEPS; i++) {
		const volatile unsigned char *byte = at + FIRST + i * STEP;
		unsigned char got = *byte;

		right &= got == letter;
		if (got >= ' ' && got <= '~')
			demo_say(demo, "read address %p: '%c'", byte, got);
		else if (got)
			demo_say(demo, "read address %p: '\\x%02x'", byte, got);
		else
			demo_say(demo, "read address %p: '\\0'", byte);
	}
	right &= at[0] == letter && at[demo->unit - 1] == letter;
	reader->wrong += !right;
}

static void *read_pages(void *arg)
{
	struct reader *reader = arg;
	uint64_t page;

	for (page = reader->number; page < reader->demo->pages; page += reader->demo->threads)
		read_page(reader, page);
	return NULL;
}

/* The number of pages that were wrong, or a negative errno */
static long read_all(const struct demo *demo, const unsigned char *at)
{
	struct reader *readers = must(calloc(demo->threads, sizeof(*readers)));
	pthread_t *threads = must(calloc(demo->threads, sizeof(*threads)));
	unsigned int i, started;
	long wrong = 0;
	int err = 0;

	for (i = 0; i < demo->threads; i++)
		readers[i] = (struct reader){.demo = demo, .at = at, .number = i};
	for (started = 1; started < demo->threads && !err; started++)
		err = pthread_create(&threads[started], NULL, read_pages, &readers[started]);
	if (!err)
		read_pages(&readers[0]);
	for (i = 1; i < started && !err; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < demo->threads; i++)
		wrong += readers[i].wrong;
	free(readers);
	free(threads);
	return err ? -err : wrong;
}

static int fail(const char *what, const char *on, int err, const char *hint)
{
	return report(&(struct pfstat_error){
		.code = err,
		.what = what,
		.subject = on,
		.why = strerror(err),
		.hint = hint,
	});
}

static const char *attach_hint(int err)
{
	if (err == EPERM || err == EACCES)
		return "run this as root, or have root give access to /dev/userfaultfd";
	if (err == ENOSYS)
		return "this kernel has no userfaultfd";
	return "";
}

/* In the handler of the thread that faults; printing there is for show. */
static int fill_inside(void *ctx, uint64_t number, void *page)
{
	const struct demo *demo = ctx;

	demo_say(demo, "   SIGBUS: page %llu is missing", (unsigned long long)number);
	memset(page, demo->zeros ? 0 : letter_of(number), demo->unit);
	return 0;
}

static int fill_ourselves(const struct demo *demo, void *at, size_t len)
{
	int err = inside_way(demo->zeros ? "copy" : demo->strategy);

	if (err)
		return fail("strategy", demo->strategy, -err, "this kernel can't move pages");
	demo_say(demo, "missing pages are filled here, way: %s", inside_how());
	return inside_region(at, len, fill_inside, (void *)demo);
}

static const char user_only[] =
	"upager: without privilege only faults in user mode are seen:\n"
	"upager: a system call that touches missing memory fails\n";

/* 0, a negative errno, or an exit status: said already */
static int hand_over(const struct demo *demo, void *at, size_t len, int fd)
{
	bool private = demo->kind == MEMORY_ANON || demo->kind == MEMORY_BRK;
	struct attach attach;
	int err;

	err = attach_open(&attach, demo->socket);
	if (err)
		return fail("attach", "the pager", -err, attach_hint(-err));
	if (attach.uffd.user_only && !demo->quiet)
		fputs(user_only, stderr);
	if (fd >= 0)
		return attach_shared(&attach, at, len, fd, 0);
	return attach_region(&attach, at, len, private ? 0 : REGION_FIXED, demo->unit);
}

int demo_child(const struct demo *demo)
{
	size_t len = demo->pages * demo->unit;
	long wrong;
	void *at;
	int fd, err;

	demo_say(demo, "child is entering...");
	at = memory_make(demo->kind, len, &fd);
	if (!at)
		return fail("mmap", memory_name(demo->kind), errno, "ask for fewer pages");
	demo_say(demo, "address returned by %s = %p",
		 demo->kind == MEMORY_BRK ? "sbrk()" : "mmap()", at);
	if (demo->inside)
		err = fill_ourselves(demo, at, len);
	else
		err = hand_over(demo, at, len, fd);
	if (fd >= 0)
		close(fd);
	if (err > 0)
		return err;
	if (err)
		return fail("register", memory_name(demo->kind), -err,
			    "this kernel can't have a userfaultfd there");
	wrong = read_all(demo, at);
	if (wrong < 0)
		return fail("thread", "child", -wrong, "ask for fewer threads");
	if (wrong) {
		fprintf(stderr, "upager: %ld of %llu pages are not what they should be\n",
			wrong, (unsigned long long)demo->pages);
		return EXIT_FAILURE;
	}
	demo_say(demo, "child is exiting...");
	return EXIT_SUCCESS;
}
