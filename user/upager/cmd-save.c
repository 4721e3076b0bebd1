// SPDX-License-Identifier: GPL-2.0-only
/* upager save: the named regions of a program, into a snapshot. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../cli/progress.h"
#include "ask.h"
#include "cmd.h"
#include "freeze.h"
#include "image.h"
#include "runtime.h"
#include "wire.h"

/* Pages that the pager is asked for at once */
#define BATCH		64u

static int codec = IMAGE_ZSTD;
static pid_t process;
static bool quiet, forced;

static volatile sig_atomic_t stopped;

/**
 * struct save - one that goes on
 * @pid: the process
 * @sock: to its pager
 * @page: bytes of a page
 * @buffer: for BATCH pages
 * @writer: of the file
 * @progress: the bar
 * @done: bytes that were looked at
 * @total: of so many
 */
struct save {
	pid_t pid;
	int sock;
	size_t page;
	unsigned char *buffer;
	struct image_writer *writer;
	struct progress progress;
	uint64_t done;
	uint64_t total;
};

static const char *set_codec(const char *arg, void *to)
{
	int number = image_codec(arg);

	*(int *)to = number;
	return number < 0 ? "not one of none, lz4, zstd" : NULL;
}

static const struct opt opts[] = {
	{.name = "compress", .arg = "HOW", .set = set_codec, .to = &codec,
	 .help = "none, lz4 or zstd (default)"},
	{.name = "process", .arg = "PID", .set = set_pid, .to = &process,
	 .help = "which of its processes, if several have named regions"},
	OPT_FLAG("progress", &forced, "show how far it is, whatever standard error is"),
	OPT_FLAG("quiet", &quiet, "only say what goes wrong"),
	OPT_JSON,
	OPT_END
};

static void on_signal(int number)
{
	stopped = number;
}

static int fail(const char *on, int err, const char *hint)
{
	return report(&(struct pfstat_error){
		.code = err, .what = "save", .subject = on, .why = strerror(err), .hint = hint,
	});
}

/* The names of a process' regions, NULL: it has none, or is not there */
static struct json_object *names_of(struct json_object *pager, pid_t pid)
{
	struct json_object *clients = json_object_object_get(pager, "clients"), *client, *names;
	size_t i;

	for (i = 0; i < json_object_array_length(clients); i++) {
		client = json_object_array_get_idx(clients, i);
		names = json_object_object_get(client, "names");
		if ((pid_t)ask_number(client, "pid") == pid && names &&
		    json_object_array_length(names))
			return names;
	}
	return NULL;
}

/* The process that has named regions; how many have */
static unsigned int find_process(struct json_object *pager, pid_t *pid)
{
	struct json_object *clients = json_object_object_get(pager, "clients");
	unsigned int found = 0;
	size_t i;

	for (i = 0; i < json_object_array_length(clients); i++) {
		pid_t one = ask_number(json_object_array_get_idx(clients, i), "pid");

		if (!one || !names_of(pager, one) || (found && one == *pid))
			continue;
		*pid = one;
		found++;
	}
	return found;
}

/* Of a program: 8, but 4 if its executable says so */
static size_t pointer_of(pid_t pid)
{
	unsigned char ident[EI_NIDENT] = {};
	char path[32];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, ident, sizeof(ident));
	if (fd >= 0)
		close(fd);
	return got == sizeof(ident) && ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
}

/* Which of some pages are not just zeros */
static int ask_mask(const struct save *save, uint64_t at, unsigned int count, uint64_t *mask)
{
	struct wire wire = {
		.magic = WIRE_MAGIC, .type = WIRE_MASK, .a = at, .b = save->pid, .c = count,
	};
	int got = wire_send(save->sock, &wire, -1) ?: wire_receive(save->sock, &wire, NULL);

	if (got <= 0)
		return got ?: -ECONNRESET;
	*mask = wire.b;
	return (int)(int64_t)wire.a;
}

/* What is not in its memory comes there while we read it, as if it had been touched. */
static int save_pages(struct save *save, uint64_t at, unsigned int count)
{
	struct iovec ours = {save->buffer, count * save->page};
	struct iovec theirs = {(void *)(uintptr_t)at, count * save->page};
	ssize_t got = process_vm_readv(save->pid, &ours, 1, &theirs, 1, 0);
	unsigned int i;
	int err = 0;

	if (got != (ssize_t)(count * save->page))
		return got < 0 && errno != EFAULT ? -errno : -ENODATA;
	for (i = 0; i < count && !err; i++)
		err = image_put(save->writer, at + i * save->page, save->buffer + i * save->page);
	return err;
}

static int save_batch(struct save *save, uint64_t at, unsigned int count)
{
	uint64_t mask = 0;
	unsigned int first, end;
	int err = ask_mask(save, at, count, &mask);

	for (first = 0; first < count && !err; first = end) {
		end = first + 1;
		if (!(mask >> first & 1))
			continue;
		while (end < count && mask >> end & 1)
			end++;
		err = save_pages(save, at + first * save->page, end - first);
	}
	return err ?: stopped ? -EINTR : 0;
}

static int save_region(struct save *save, struct json_object *name)
{
	uint64_t at = ask_number(name, "start"), end = at + ask_number(name, "bytes");
	int err = image_add(save->writer, json_object_get_string(json_object_object_get(name,
								 "name")), at, end - at);

	while (!err && at < end) {
		uint64_t left = (end - at) / save->page;
		unsigned int count = left < BATCH ? left : BATCH;

		err = save_batch(save, at, count);
		at += count * save->page;
		save->done += count * save->page;
		progress_set(&save->progress, save->done, save->total);
	}
	return err;
}

static int save_all(struct save *save, struct json_object *names)
{
	size_t i, count = json_object_array_length(names);
	int err = 0;

	for (i = 0; i < count; i++)
		save->total += ask_number(json_object_array_get_idx(names, i), "bytes");
	if (!quiet)
		progress_begin(&save->progress, "save", forced);
	for (i = 0; i < count && !err; i++)
		err = save_region(save, json_object_array_get_idx(names, i));
	progress_end(&save->progress);
	return err;
}

/* While the process is held: what it has now is not what it had when we chose it. */
static int save_frozen(struct save *save, const char *socket)
{
	struct json_object *top = ask_stat(socket), *names = top ? names_of(top, save->pid) : NULL;
	int err = names ? 0 : top ? -ENOENT : -errno;

	if (names) {
		save->sock = wire_connect(socket);
		err = save->sock < 0 ? save->sock : save_all(save, names);
		if (save->sock >= 0)
			close(save->sock);
	}
	json_object_put(top);
	return err;
}

static void tell(const struct save *save, const char *file, const struct image_header *header)
{
	struct json_object *json;

	if (out_json) {
		json = json_new_object();
		json_add_text(json, "file", file);
		json_add_number(json, "process", save->pid);
		json_add_number(json, "regions", header->nr_regions);
		json_add_number(json, "pages", header->nr_pages);
		json_add_number(json, "zeros", header->total - header->nr_pages);
		json_add_number(json, "bytes", header->size);
		json_print(json);
	} else if (!quiet) {
		printf("%s: %llu regions, %llu pages and %llu of zeros, in %llu KiB\n", file,
		       (unsigned long long)header->nr_regions,
		       (unsigned long long)header->nr_pages,
		       (unsigned long long)(header->total - header->nr_pages),
		       (unsigned long long)(header->size + 1023) / 1024);
	}
}

static int failed(pid_t pid, const char *file, int err)
{
	static char subject[32];

	snprintf(subject, sizeof(subject), "process %d", (int)pid);
	switch (err) {
	case -EPERM:
		return fail(subject, EPERM, "a debugger has it, or it is not yours");
	case -ENODATA:
		return fail(subject, ENODATA, "a page of it is lost; nothing was saved");
	case -ESRCH:
	case -ENOENT:
	case -ECONNRESET:
		return fail(subject, -err, "it has ended; nothing was saved");
	}
	return fail(file, -err, "nothing was saved");
}

static int save_process(struct save *save, const char *socket, const char *file)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct image_header header;
	struct frozen frozen;
	int err;

	save->page = sysconf(_SC_PAGESIZE);
	err = image_create(file, save->page, pointer_of(save->pid), codec, &save->writer);
	if (err)
		return failed(save->pid, file, err);
	save->buffer = must(malloc(BATCH * save->page));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	err = freeze(save->pid, &frozen);
	if (!err) {
		err = save_frozen(save, socket);
		thaw(&frozen);
	}
	free(save->buffer);
	if (err)
		image_abandon(save->writer);
	else
		err = image_commit(save->writer, &header);
	if (stopped && err) {
		signal(stopped, SIG_DFL);
		raise(stopped);
	}
	if (err)
		return failed(save->pid, file, err);
	tell(save, file, &header);
	return EXIT_SUCCESS;
}

static int save_run(const struct call *call)
{
	const char *socket = runtime_socket(call->number);
	struct json_object *top = socket ? ask_stat(socket) : NULL;
	struct save save = {};
	unsigned int count;

	if (!top)
		return ask_failed("save", call->number, errno);
	count = find_process(top, &save.pid);
	if (process && names_of(top, process)) {
		save.pid = process;
		count = 1;
	} else if (process) {
		count = 0;
	}
	json_object_put(top);
	if (!count)
		return fail(call->words[0], ENOENT,
			    "no process there has named its memory: see upager_map() in upager(1)");
	if (count > 1)
		return fail(call->words[0], ENOTUNIQ,
			    "several processes have named regions: say which with --process");
	return save_process(&save, socket, call->words[0]);
}

const struct command cmd_save = {
	.name = "save",
	.synopsis = "[OPTION...] PID FILE",
	.summary = "Save the named memory of a program, for others to start from",
	.details =
	"PID is that of upager run, as upager stat shows it. What a program of it has named\n"
	"(upager_map() in libupager) goes into FILE, which replaces an older one when it is\n"
	"complete. The program is held meanwhile: what is saved is that of one moment. What is\n"
	"in the store comes from there, within the limit. Start others from it with\n"
	"upager run --from FILE.\n",
	.opts = opts,
	.operands = OPERANDS_PID_WORD,
	.no_device = true,
	.run = save_run,
};
