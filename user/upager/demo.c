// SPDX-License-Identifier: GPL-2.0-only
/* upager demo: a parent answers the page faults of its children, in view. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/progress.h"
#include "cmd.h"
#include "demo.h"
#include "letters.h"
#include "pager.h"
#include "resolver.h"
#include "runtime.h"
#include "source-store.h"

#define CHILDREN_MAX	1024
#define THREADS_MAX	1024
/* Where in a page of a store its number is: between bytes that are read */
#define MARK		0x20

/**
 * struct parent - the parent's side of a run
 * @demo: the run
 * @letters: where pages come from
 * @kept: where they come from with --store
 * @alive: children that have not ended
 * @failed: one of them did not end well
 */
struct parent {
	struct demo demo;
	struct letters letters;
	struct store_source kept;
	unsigned int alive;
	bool failed;
};

static unsigned int children = 1, threads = 1, prefetch;
static const char *strategy = "copy";
static enum memory_kind kind = MEMORY_ANON;
static const char *url;
static bool quiet, inside, show_progress;

static const char *set_children(const char *arg, void *to)
{
	return set_range(arg, to, 1, CHILDREN_MAX);
}

static const char *set_threads(const char *arg, void *to)
{
	return set_range(arg, to, 1, THREADS_MAX);
}

static const char *set_prefetch(const char *arg, void *to)
{
	return set_range(arg, to, 0, STREAM_WINDOW);
}

static const char *set_strategy(const char *arg, void *to)
{
	static const char *const names[] = {
		"copy", "zero", "pte", "pool", "continue", "move", "auto",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(arg, names[i]))
			continue;
		*(const char **)to = names[i];
		return NULL;
	}
	return "neither copy nor zero nor pte nor pool nor continue nor move nor auto";
}

static const char *set_memory(const char *arg, void *to)
{
	int found = memory_kind(arg);

	if (found < 0)
		return "neither anon nor shmem nor memfd nor hugetlb nor brk";
	*(enum memory_kind *)to = found;
	return NULL;
}

static const struct opt opts[] = {
	{.name = "children", .arg = "K", .set = set_children, .to = &children,
	 .help = "so many at once (default: 1)"},
	{.name = "threads", .arg = "T", .set = set_threads, .to = &threads,
	 .help = "of each child, who share its pages (default: 1)"},
	{.name = "strategy", .arg = "S", .set = set_strategy, .to = &strategy,
	 .help = "copy (default), zero, pte, pool, continue, move, auto"},
	{.name = "memory", .arg = "M", .set = set_memory, .to = &kind,
	 .help = "anon (default), shmem, memfd, hugetlb, brk"},
	{.name = "prefetch", .arg = "P", .set = set_prefetch, .to = &prefetch,
	 .help = "fetch up to P pages ahead (default: 0)"},
	{.name = "store", .arg = "URL", .set = set_text, .to = &url,
	 .help = "keep the pages in a store, such as mem: or file:PATH"},
	OPT_FLAG("in-process", &inside, "children fill their pages themselves, by SIGBUS"),
	OPT_FLAG("progress", &show_progress, "show how far long work is, also without a terminal"),
	OPT_FLAG("quiet", &quiet, "only say what goes wrong"),
	OPT_JSON,
	OPT_END
};

void demo_say(const struct demo *demo, const char *format, ...)
{
	char line[256];
	va_list args;

	if (demo->quiet)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	printf("<pid:%d> %s\n", (int)getpid(), line);
	fflush(stdout);
}

static int demo_region(void *ctx, struct client *client, struct region *region)
{
	const struct parent *parent = ctx;

	(void)client;
	if (!parent->demo.zeros)
		region->flags &= ~REGION_ZERO;
	region->key = 0;
	return 0;
}

static void demo_trace(void *ctx, const struct trace *trace)
{
	const struct parent *parent = ctx;

	if (!trace->how)
		demo_say(&parent->demo, "   %s { kind: Missing, rw: %s, addr: 0x%llx }",
			 "UFFD_EVENT_PAGEFAULT event: Pagefault", trace->write ? "Write" : "Read",
			 (unsigned long long)trace->addr);
	else
		demo_say(&parent->demo, "       (%s returned %ld)", trace->how, trace->result);
}

static void demo_child_ended(void *ctx, pid_t pid, int status)
{
	struct parent *parent = ctx;

	demo_say(&parent->demo, "got signal SIGCHLD from child %d", (int)pid);
	parent->alive--;
	if (status)
		parent->failed = true;
	if (WIFSIGNALED(status))
		fprintf(stderr, "upager: child %d was killed by SIG%s\n", (int)pid,
			sigabbrev_np(WTERMSIG(status)) ?: "?");
}

/* The children that wait at the gate end. */
static void give_up(int gate)
{
	int err = errno;

	close(gate);
	while (wait(NULL) > 0)
		;
	errno = err;
}

/* Fork all, to wait until the pager is there; the gate's other end, or -1 */
static int fork_children(struct parent *parent)
{
	int gate[2];
	pid_t pid;
	char byte;

	if (pipe(gate))
		return -1;
	fflush(NULL);
	for (parent->alive = 0; parent->alive < parent->demo.children; parent->alive++) {
		pid = fork();
		if (pid < 0)
			break;
		if (!pid) {
			close(gate[1]);
			/* nothing comes through: the parent has given up */
			if (read(gate[0], &byte, 1) != 1)
				_exit(EXIT_FAILURE);
			close(gate[0]);
			exit(demo_child(&parent->demo));
		}
	}
	close(gate[0]);
	if (parent->alive == parent->demo.children)
		return gate[1];
	give_up(gate[1]);
	return -1;
}

static int no_pager(int err)
{
	return resolver_failed("strategy", strategy, err);
}

static void begin(struct progress *progress, const char *what)
{
	progress_begin(progress, what, show_progress);
	progress->shown &= show_progress || !quiet;
}

/* All pages of a child, put where the pager shall find them */
static int fill_store(struct parent *parent)
{
	const struct demo *demo = &parent->demo;
	size_t page = parent->letters.page;
	uint64_t i, count = demo->pages * parent->letters.per_letter;
	struct store_req req = {.op = STORE_PUT};
	struct progress progress;
	void *buffer;
	int err = 0;

	if (posix_memalign(&buffer, page, page))
		return -ENOMEM;
	begin(&progress, "filling the store");
	for (i = 0; i < count && !err; i++) {
		progress_set(&progress, i, count);
		/* beside the letter a number, or there would be but 26 pages */
		memset(buffer, letter_of(i / parent->letters.per_letter), page);
		*(uint64_t *)((char *)buffer + MARK) = i;
		req.key = i;
		req.page = buffer;
		err = store_run(parent->kept.store, &req);
	}
	progress_set(&progress, i, count);
	progress_end(&progress);
	free(buffer);
	return err;
}

static int open_store(struct parent *parent)
{
	const struct store_options options = {.page_size = parent->letters.page};
	struct store *store;
	int err = store_open(url, &options, &store);

	if (err)
		return report(&(struct pfstat_error){
			.code = -err, .what = "store", .subject = url,
			.why = store_open_error(), .hint = "",
		});
	store_source_init(&parent->kept, store);
	err = fill_store(parent);
	if (!err)
		return 0;
	report(&(struct pfstat_error){
		.code = -err, .what = "store", .subject = url,
		.why = strerror(-err), .hint = store_why(store),
	});
	store_close(store);
	return EXIT_FAILURE;
}

/* After SIGTERM or SIGINT all is filled in, which may take its time. */
static void show_detach(struct progress *progress, const struct pager *pager)
{
	uint64_t done, total;

	if (!pager->stop)
		return;
	if (!progress->what)
		begin(progress, "letting go of children");
	done = pager_detaching(pager, &total);
	progress_set(progress, done / pager->page, total / pager->page);
}

static int serve(struct parent *parent, struct pager *pager, int gate)
{
	struct progress progress = {};
	unsigned int i;
	int err = 0;

	demo_say(&parent->demo, "forked");
	for (i = 0; i < parent->demo.children; i++)
		if (write(gate, "", 1) != 1)
			break;
	close(gate);
	while (!err && parent->alive) {
		err = pager_turn(pager, -1);
		show_detach(&progress, pager);
	}
	progress_end(&progress);
	if (err)
		return report(&(struct pfstat_error){
			.code = -err, .what = "wait", .subject = "events",
			.why = strerror(-err), .hint = "",
		});
	if (out_json)
		json_print(pager_json(pager));
	demo_say(&parent->demo, "parent is exiting...");
	return parent->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What N pages are too many for, before anybody touches them */
static int check_size(const struct demo *demo)
{
	static char subject[80], hint[160];
	uint64_t available = memory_available(demo->kind);
	uint64_t most = available / demo->unit / demo->children;

	if (demo->pages <= most && demo->pages <= SIZE_MAX / 2 / demo->unit)
		return 0;
	snprintf(subject, sizeof(subject), "%llu pages of %zu bytes for each of %u",
		 (unsigned long long)demo->pages, demo->unit, demo->children);
	snprintf(hint, sizeof(hint), "%llu MiB of %s memory are available: ask for at most %llu",
		 (unsigned long long)(available >> 20), memory_name(demo->kind),
		 (unsigned long long)most);
	return report(&(struct pfstat_error){
		.code = ENOMEM, .what = "demo", .subject = subject,
		.why = "too many for the memory of this machine", .hint = hint,
	});
}

/* Whose strategy is the pager's? */
static const char *resolver_name(void)
{
	return inside || !strcmp(strategy, "zero") ? "copy" : strategy;
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words))
		words++;
	return *words;
}

static int check_strategy(void)
{
	static const char *const insiders[] = {"copy", "zero", "move", "auto", NULL};

	if (inside && !is_one_of(strategy, insiders))
		return usage_error(&cmd_demo, "--strategy %s: not with --in-process", strategy);
	if (!inside && !strcmp(strategy, "move"))
		return usage_error(&cmd_demo, "--strategy move: only with --in-process: %s",
				   "pages can't be moved between processes");
	return EXIT_SUCCESS;
}

static int demo_run(const struct call *call)
{
	static struct parent parent;
	struct pager_config config = {
		.resolver = resolver_name(),
		.source = &parent.letters.source,
		.prefetch = prefetch,
		.keeper = true,
		.follow = true,
		.region = demo_region,
		.trace = quiet || out_json ? NULL : demo_trace,
		.child = demo_child_ended,
		.ctx = &parent,
	};
	struct pager *pager;
	int gate, err, status;

	status = check_strategy();
	if (status)
		return status;
	parent.demo = (struct demo){
		.pages = call->number,
		.children = children,
		.threads = threads,
		.kind = kind,
		.unit = memory_unit(kind),
		.strategy = strategy,
		.zeros = !strcmp(strategy, "zero"),
		.inside = inside,
		.quiet = quiet || out_json,
		.socket = runtime_socket(getpid()),
	};
	if (!parent.demo.unit)
		return no_pager(EOPNOTSUPP);
	if (check_size(&parent.demo))
		return EXIT_FAILURE;
	if (!parent.demo.socket)
		return report(&(struct pfstat_error){
			.code = errno, .what = "demo", .subject = "the directory of sockets",
			.why = strerror(errno), .hint = "set XDG_RUNTIME_DIR",
		});
	letters_init(&parent.letters, sysconf(_SC_PAGESIZE), parent.demo.unit);
	config.socket = parent.demo.socket;
	demo_say(&parent.demo, "parent is entering...");
	demo_say(&parent.demo, "PAGE_SIZE is %ld", sysconf(_SC_PAGESIZE));
	/* first, so that they have nothing of the pager's */
	gate = fork_children(&parent);
	if (gate < 0)
		return report(&(struct pfstat_error){
			.code = errno, .what = "fork", .subject = "children",
			.why = strerror(errno), .hint = "ask for fewer",
		});
	if (url && open_store(&parent)) {
		give_up(gate);
		return EXIT_FAILURE;
	}
	if (url)
		config.source = &parent.kept.source;
	pager = pager_new(&config, &err);
	if (pager) {
		status = serve(&parent, pager, gate);
	} else {
		give_up(gate);
		status = no_pager(-err);
	}
	pager_free(pager);
	if (parent.kept.store && store_close(parent.kept.store))
		fprintf(stderr, "upager: %s: something was left behind\n", url);
	return status;
}

const struct command cmd_demo = {
	.name = "demo",
	.synopsis = "[OPTION...] N",
	.summary = "Show how a parent answers the page faults of its children",
	.details =
	"Each child makes N pages of memory, hands a userfaultfd for it over to the\n"
	"parent, and reads four bytes of each page. The first of them is a page fault,\n"
	"which the parent answers with a page of letters. Strategies:\n"
	"  copy    the kernel copies a page of the parent's (UFFDIO_COPY)\n"
	"  zero    pages of zeros (UFFDIO_ZEROPAGE)\n"
	"  pool    a page of the module's pool is mapped, nothing is copied\n"
	"  pte     the child's page table is written to; the module must have been\n"
	"          loaded with unsafe_write=1\n"
	"  continue  the page is filled where it belongs, in the file that is the child's\n"
	"          memory (--memory memfd); Linux 5.14\n"
	"  move    with --in-process: a page is moved, nothing is copied; Linux 6.8\n"
	"  auto    the fastest that there is: pool with the module, else copy\n",
	.opts = opts,
	.operands = OPERANDS_NUMBER,
	.no_device = true,
	.run = demo_run,
};
