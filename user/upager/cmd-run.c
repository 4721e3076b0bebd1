// SPDX-License-Identifier: GPL-2.0-only
/* upager run: a program as it is, whose memory is paged by us. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "cmd.h"
#include "order.h"
#include "resolver.h"
#include "run.h"
#include "runtime.h"
#include "snapshot.h"

#define LIBRARY		"libupager-run.so"
/* of the shell: the command can't be run, or is not there */
#define EXIT_CANT_RUN	126
#define EXIT_NOT_FOUND	127

static uint64_t limit, above = 65536;
static unsigned int stage = 12, prefetch;
static const char *url = "zmem:";
static char *include, *exclude;
static const char *resolver;
static const char *from;
static bool record, stats;
static pid_t join;

static struct run run;
static pid_t child;
static int child_status;
static bool child_ended;

static const char *set_size(const char *arg, void *to)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned long long number;
	unsigned int shift;
	char *end;

	errno = 0;
	number = strtoull(arg, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	shift = unit ? 10 * (unit - units + 1) : 0;
	if (*arg < '0' || *arg > '9' || errno || (*end && (!unit || end[1])) ||
	    number > UINT64_MAX >> shift)
		return "not a size, such as 512K, 64M or 2G";
	*(uint64_t *)to = number << shift;
	return NULL;
}

const char *parse_limit(const char *arg, void *to)
{
	const char *problem = set_size(arg, to);

	return problem ?: *(uint64_t *)to < RUN_LIMIT_MIN ? "must be at least 1M" : NULL;
}

static const char *set_stage(const char *arg, void *to)
{
	return set_range(arg, to, 0, 50);
}

_Static_assert(STREAM_WINDOW == 64, "it is said to be 64");

static const char *set_prefetch(const char *arg, void *to)
{
	return set_range(arg, to, 0, STREAM_WINDOW);
}

/* One more line */
static const char *add_pattern(const char *arg, void *to)
{
	char **list = to, *longer;

	if (!*arg || strchr(arg, '\n'))
		return "not a pattern of names";
	if (asprintf(&longer, "%s%s%s", *list ?: "", *list ? "\n" : "", arg) < 0)
		out_of_memory();
	free(*list);
	*list = longer;
	return NULL;
}

static const struct opt opts[] = {
	{.name = "limit", .arg = "SIZE", .set = parse_limit, .to = &limit,
	 .help = "have so much in memory at most (default: no limit)"},
	{.name = "store", .arg = "URL", .set = set_text, .to = &url,
	 .help = "where the rest goes (default: zmem:)"},
	{.name = "above", .arg = "SIZE", .set = set_size, .to = &above,
	 .help = "leave smaller mappings alone (default: 64K)"},
	{.name = "stage", .arg = "PERCENT", .set = set_stage, .to = &stage,
	 .help = "of the limit, for pages on their way out (default: 12)"},
	{.name = "prefetch", .arg = "P", .set = set_prefetch, .to = &prefetch,
	 .help = "fetch up to P pages ahead (default: 0)"},
	{.name = "resolver", .arg = "R", .set = resolver_for_run, .to = &resolver,
	 .help = "how a page comes: auto, copy (default), pool"},
	{.name = "include", .arg = "NAME", .set = add_pattern, .to = &include,
	 .help = "page only programs of that name, may be given again"},
	{.name = "exclude", .arg = "NAME", .set = add_pattern, .to = &exclude,
	 .help = "do not page programs of that name, may be given again"},
	{.name = "from", .arg = "FILE", .set = set_text, .to = &from,
	 .help = "fill memory that the program names from this snapshot"},
	OPT_FLAG("record", &record, "write down beside it in which order its pages are wanted"),
	{.name = "join", .arg = "PID", .set = set_pid, .to = &join,
	 .help = "have no pager, but that of another upager run"},
	OPT_FLAG("stats", &stats, "say in the end what was done"),
	OPT_END
};

static int fail(const char *what, const char *on, int err, const char *hint)
{
	return report(&(struct pfstat_error){
		.code = err, .what = what, .subject = on, .why = strerror(err), .hint = hint,
	});
}

/* The library is in ../lib, seen from us. */
static const char *find_library(void)
{
	static char path[PATH_MAX + 32];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return NULL;
	self[n] = '\0';
	dirname(self);
	snprintf(path, sizeof(path), "%s/../lib/%s", self, LIBRARY);
	return access(path, R_OK) ? NULL : path;
}

/* Where execvp() will find it */
static int open_command(const char *name, bool *found)
{
	const char *search = getenv("PATH") ?: "/usr/bin:/bin", *end;
	char path[PATH_MAX];
	int fd = -1;

	if (strchr(name, '/')) {
		fd = open(name, O_RDONLY | O_CLOEXEC);
	} else {
		for (; fd < 0 && *search; search = *end ? end + 1 : end) {
			end = strchrnul(search, ':');
			snprintf(path, sizeof(path), "%.*s/%s", (int)(end - search), search, name);
			fd = access(path, X_OK) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
		}
	}
	*found = fd >= 0;
	return fd;
}

/* Words for a program into which our library will not be loaded, NULL: it will be */
static const char *refusal(const char *name)
{
	ElfW(Ehdr) header;
	ElfW(Phdr) segment;
	bool found, dynamic = false;
	int fd = open_command(name, &found), i;
	const char *why = NULL;

	if (!found)
		return NULL;	/* exec() has the words for it */
	if (read(fd, &header, sizeof(header)) != sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG)) {
		dynamic = true;	/* a script: its interpreter counts */
	} else if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)) {
		why = "its words are not as long as ours: nothing of ours can be loaded into it";
	} else {
		for (i = 0; i < header.e_phnum && !dynamic; i++)
			dynamic = pread(fd, &segment, sizeof(segment), header.e_phoff +
					i * sizeof(segment)) == sizeof(segment) &&
				  segment.p_type == PT_INTERP;
	}
	close(fd);
	return why ?: dynamic ? NULL : "it is linked statically, so nothing can be loaded into it";
}

static void set_or_not(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void set_environment(const char *socket, const char *library)
{
	const char *before = getenv("LD_PRELOAD");
	char *preload = NULL, text[32];

	if (before && asprintf(&preload, "%s:%s", library, before) < 0)
		preload = NULL;
	setenv("LD_PRELOAD", preload ?: library, 1);
	setenv(RUN_SOCKET_ENV, socket, 1);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)above);
	setenv(RUN_ABOVE_ENV, text, 1);
	set_or_not(RUN_INCLUDE_ENV, include);
	set_or_not(RUN_EXCLUDE_ENV, exclude);
	free(preload);
}

/* Returns only if that fails. */
static int become(char **words)
{
	int err;

	execvp(words[0], words);
	err = errno;
	fprintf(stderr, "upager: %s: %s\n", words[0], strerror(err));
	return err == ENOENT ? EXIT_NOT_FOUND : EXIT_CANT_RUN;
}

/* Starts the command, which waits at the gate until the pager is there. */
static int start(char **words, const char *socket, const char *library)
{
	int gate[2];
	char byte;

	if (pipe2(gate, O_CLOEXEC))
		return -1;
	fflush(NULL);
	child = fork();
	if (child) {
		close(gate[0]);
		return child < 0 ? -1 : gate[1];
	}
	close(gate[1]);
	if (read(gate[0], &byte, 1) != 1)
		_exit(EXIT_FAILURE);
	set_environment(socket, library);
	_exit(become(words));
}

/* Who comes when all are let go is not paged. */
static bool on_welcome(void *ctx)
{
	const struct run *all = ctx;

	return !all->detaching && !all->detached;
}

static int on_region(void *ctx, struct client *client, struct region *region)
{
	struct run *all = ctx;

	if (all->detaching || all->detached)
		return -EPERM;
	/* zeros, until some of it is taken out */
	region->flags |= REGION_ZERO;
	region->key = 0;
	return locked_new(all, client, region);
}

static int on_lock(void *ctx, struct client *client, const struct wire *wire)
{
	return locked_change(ctx, client, wire);
}

static void on_child(void *ctx, pid_t pid, int status)
{
	(void)ctx;
	if (pid != child)
		return;
	child_ended = true;
	child_status = status;
}

static void on_ended(void *ctx, struct client *client)
{
	evict_forget(ctx, client);
}

static void on_filled(void *ctx, struct client *client, uint64_t addr, uint64_t len)
{
	struct run *all = ctx;

	uint64_t end = addr + len;

	resident_set(&all->residents, client, addr, len);
	for (; addr < end; addr += all->pager->page)
		stage_filled(all, client, addr);
}

static bool on_ahead(void *ctx, struct client *client, uint64_t addr)
{
	return run_is_out(ctx, client, addr);
}

static bool on_moved(void *ctx, struct client *client, uint64_t from, uint64_t to, uint64_t len)
{
	return evict_moved(ctx, client, from, to, len);
}

static void on_forked(void *ctx, struct client *parent, struct client *forked)
{
	size_t i;

	inherit_note(ctx, parent, forked);
	for (i = 0; i < parent->regions.count; i++)
		parent->regions.at[i].flags |= REGION_SHARED;
	for (i = 0; i < forked->regions.count; i++)
		forked->regions.at[i].flags |= REGION_SHARED;
}

static int on_control(void *ctx, struct wire *wire, const char *text)
{
	return run_control(ctx, wire, text);
}

static void on_json(void *ctx, struct json_object *top)
{
	run_json(ctx, top);
}

/* The terminal's is for all of its foreground; any other was meant for the program. */
static bool on_signal(void *ctx, int number, bool by_terminal)
{
	(void)ctx;
	if (!by_terminal && !child_ended)
		kill(child, number);
	return true;
}

static bool has_clients(const struct pager *pager)
{
	const struct client *client;

	TAILQ_FOREACH(client, &pager->clients, link)
		if (client->uffd.fd >= 0)
			return true;
	return false;
}

/* The sooner of two times in milliseconds; -1 is never */
static int soonest(int left, int right)
{
	return left < 0 || (right >= 0 && right < left) ? right : left;
}

static int serve(int gate)
{
	int err = 0, ms, due;

	if (write(gate, "", 1) != 1)
		return -errno;
	close(gate);
	while (!err && (!child_ended || has_clients(run.pager))) {
		run.pager->crowded = run.limit && run.residents.pages >= run.limit;
		due = inherit_step(&run);
		run_live_step(&run);
		evict_step(&run);
		ms = soonest(soonest(due, stage_retry(&run)), transfer_step(&run));
		err = pager_turn(run.pager, ms);
	}
	return err;
}

static void show_stats(void)
{
	struct store_stats now;
	struct stats pager;

	stores_stats(&run.stores, &now);
	fprintf(stderr, "upager: %llu pages taken out,", (unsigned long long)run.evicted);
	fprintf(stderr, " %llu came back from the stage, %llu from the store\n",
		(unsigned long long)run.rescued, (unsigned long long)run.fetched);
	fprintf(stderr, "upager: %llu puts,", (unsigned long long)now.puts);
	fprintf(stderr, " %llu of them of pages as they were; %llu pages of one word\n",
		(unsigned long long)now.clean,
		(unsigned long long)now.same);
	pager_stats(run.pager, &pager);
	if (prefetch)
		fprintf(stderr, "upager: %llu pages fetched ahead, %llu known to be of use\n",
			(unsigned long long)pager.ahead, (unsigned long long)pager.hits);
	if (run.snapshot)
		fprintf(stderr, "upager: %s: %llu pages read, %llu were taken out unchanged\n",
			from, (unsigned long long)run.snapshot->reads,
			(unsigned long long)run.unchanged);
	if (now.failed || now.retries)
		fprintf(stderr, "upager: %s: %llu requests failed, %llu retries, %llu reconnects\n",
			stores_url(&run.stores), (unsigned long long)now.failed,
			(unsigned long long)now.retries, (unsigned long long)now.reconnects);
}

/* What the program ended with is what we end with. */
static int pass_on(int status)
{
	const struct rlimit none = {};
	sigset_t set;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fflush(NULL);
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

/*
 * Pages of a snapshot are the same for all. With a limit pages go again, each
 * process' own, so there is nothing to be shared.
 */
static const char *resolver_name(void)
{
	return resolver ?: from && !limit ? "auto" : "copy";
}

static void close_snapshot(void)
{
	int err = snapshot_close(run.snapshot);

	if (err)
		fprintf(stderr, "upager: %s" ORDER_SUFFIX ": %s\n", from, strerror(-err));
}

static int run_with(const char *socket, int gate)
{
	const struct pager_config config = {
		.socket = socket,
		.resolver = resolver_name(),
		.source = &run.source,
		.prefetch = prefetch,
		.ahead = on_ahead,
		.snapshot = run.snapshot,
		.keeper = true,
		.follow = true,
		.welcome = on_welcome,
		.region = on_region,
		.child = on_child,
		.ended = on_ended,
		.filled = on_filled,
		.moved = on_moved,
		.forked = on_forked,
		.lock = on_lock,
		.control = on_control,
		.json = on_json,
		.signal = on_signal,
		.ctx = &run,
	};
	char path[PATH_MAX + 16];
	int err;

	run.pager = pager_new(&config, &err);
	if (!run.pager)
		return resolver_failed("resolver", config.resolver, -err);
	/* what goes out could not be let go, nor could the program */
	if (resolver && run.pager->resolver->holds) {
		pager_free(run.pager);
		return resolver_failed("resolver", resolver, EOPNOTSUPP);
	}
	snprintf(path, sizeof(path), "%s" EVICT_SUFFIX, socket);
	err = evict_listen(&run, path);
	if (!err)
		err = serve(gate);
	if (stats)
		show_stats();
	evict_free(&run);
	unlink(path);
	/* what is still asked for belongs to pages of the pager */
	if (transfer_end(&run))
		fprintf(stderr, "upager: %s: not all could be removed there; it expires\n", url);
	pager_free(run.pager);
	close_snapshot();
	return err ? fail("wait", "events", -err, "") : pass_on(child_status);
}

/* Becomes the command; returns if that fails. */
static int run_joined(char **words, const char *library)
{
	const char *socket = runtime_socket(join);
	struct json_object *top = socket ? ask_stat(socket) : NULL;
	bool is_run = json_object_object_get(top, "run");

	if (!socket || !is_run)
		return ask_failed("join", join, top ? EOPNOTSUPP : errno);
	json_object_put(top);
	set_environment(socket, library);
	return become(words);
}

static int open_snapshot(void)
{
	const struct image_header *header;

	if (snapshot_open(from, record, &run.snapshot)) {
		fprintf(stderr, "upager: %s\n", image_error());
		return EXIT_FAILURE;
	}
	header = &run.snapshot->image->header;
	if (header->page == (size_t)sysconf(_SC_PAGESIZE))
		return 0;
	fprintf(stderr, "upager: %s: it has pages of %u bytes, this machine has not\n", from,
		header->page);
	snapshot_close(run.snapshot);
	return EXIT_FAILURE;
}

static int run_run(const struct call *call)
{
	const char *socket = runtime_socket(getpid()), *library = find_library();
	size_t page = sysconf(_SC_PAGESIZE);
	const char *refused;
	struct store *store;
	int gate;

	if (record && !from)
		return usage_error(&cmd_run, "--record: of which snapshot? Say --from FILE");
	if (!socket)
		return fail("run", "the directory of sockets", errno, "set XDG_RUNTIME_DIR");
	if (!library)
		return fail("run", LIBRARY, ENOENT, "it belongs into ../lib, seen from upager");
	refused = refusal(call->words[0]);
	if (refused)
		return fail("run", call->words[0], ENOEXEC, refused);
	if (join)
		return run_joined(call->words, library);
	if (from && open_snapshot())
		return EXIT_FAILURE;
	if (store_open(url, NULL, &store)) {
		fprintf(stderr, "upager: %s\n", store_open_error());
		return EXIT_FAILURE;
	}
	if (stores_init(&run.stores) || stores_add(&run.stores, store))
		return fail("run", "descriptors for stores", errno, "");
	run.stage_percent = stage;
	run_set_limit(&run, limit / page);
	run.next_key = 1;
	resident_init(&run.residents, page);
	run_source_init(&run);
	gate = start(call->words, socket, library);
	if (gate < 0)
		return fail("fork", call->words[0], errno, "");
	return run_with(socket, gate);
}

const struct command cmd_run = {
	.name = "run",
	.synopsis = "[OPTION...] -- COMMAND [ARGUMENT...]",
	.summary = "Run a program whose memory is paged, beyond what it may have",
	.details =
	"The program, and what it starts, runs as it is; no more than --limit of its\n"
	"private anonymous memory is in memory at a time, the rest is in a store:\n"
	"  mem:                     this process's memory\n"
	"  zmem:[?algo=zstd]        the same, compressed\n"
	"  file:PATH                a new file, a directory or a block device\n"
	"  redis://HOST[:PORT]      a Redis server\n"
	"  redis+unix://PATH        the same, by its UNIX socket\n"
	"  redis+cluster://HOST,... a Redis Cluster\n"
	"NAME is a pattern as of the shell, for the name of a program or, with a slash in\n"
	"it, for its path; a script has its own name and that of its interpreter.\n",
	.opts = opts,
	.operands = OPERANDS_COMMAND,
	.no_device = true,
	.run = run_run,
};
