/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pager: one thread, one epoll loop, many clients.
 *
 *	client (client.c)	a process whose missing pages are ours to fill
 *	event (event.c)		what its userfaultfd tells: faults, fork, remap, ...
 *	fault (fault.c)		pages on their way, from fault to wake-up
 *	stream (stream.c)	what to fetch before it is asked for
 *	source (source.h)	where pages come from
 *	resolver (resolver.h)	how a page gets into the client
 *	keeper (keeper.c)	what happens when the pager dies
 */
#ifndef PAGER_H
#define PAGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "region.h"
#include "source.h"
#include "stats.h"
#include "stream.h"
#include "uffd.h"

struct client;
struct json_object;
struct name;
struct pager;
struct resolver;
struct snapshot;
struct wire;

/**
 * struct watch - a descriptor in the epoll set
 * @fd: the descriptor, -1: none
 * @ready: called with the watch and EPOLL* bits
 * @of: whose it is
 */
struct watch {
	int fd;
	void (*ready)(struct watch *watch, uint32_t events);
	void *of;
};

/**
 * struct trace - something to be shown
 * @client: whose
 * @addr: of the page
 * @write: a fault by a write; NULL @how
 * @how: which command filled it; NULL: this is a fault
 * @result: bytes that it gave, or a negative errno
 */
struct trace {
	const struct client *client;
	uint64_t addr;
	bool write;
	const char *how;
	long result;
};

/**
 * struct pager_config - how a pager shall be
 * @socket: path to listen on, NULL: none
 * @resolver: name of struct resolver_ops, or "auto"
 * @source: where pages come from, NULL: all are zeros
 * @snapshot: what named regions are filled from, NULL: zeros, as others
 * @prefetch: pages to fetch ahead at most, 0: none
 * @ahead: whether a page that nobody has asked for is worth it; NULL: yes
 * @keeper: have a keeper, so that our death is the clients' death
 * @follow: run on the CPU of the client's thread
 * @tries: how often a page is fetched until it is given up; 0: 5
 * @welcome: whether there may be one more client; NULL: yes
 * @region: a client has a new region: gives it keys (default: zeros); returns 0
 *	or a negative errno, for the client
 * @trace: is told of faults and fills; waking is then a step of its own
 * @child: a child of ours has ended (waitpid()), from SIGCHLD
 * @ended: a client has ended
 * @filled: a page of a client is there now
 * @moved: a client's pages go elsewhere (@to 0: they are gone), before the
 *	regions say so; true: they were taken away to be kept, and the regions
 *	stay as they are
 * @forked: both have the same keys now
 * @lock: pages of a process are to stay, or need not any more; returns 0 or a
 *	negative errno, EAGAIN: not yet. NULL: all pages stay
 * @control: somebody wants something that is not of the pager itself, with a text
 *	perhaps; returns 0 or a negative errno, for the answer, and may set @b of it
 * @json: adds to what is told of the pager
 * @signal: SIGTERM or SIGINT has come; true: that was all there is to it
 * @ctx: for all of these
 */
struct pager_config {
	const char *socket;
	const char *resolver;
	struct source *source;
	struct snapshot *snapshot;
	unsigned int prefetch;
	bool (*ahead)(void *ctx, struct client *client, uint64_t addr);
	bool keeper;
	bool follow;
	unsigned int tries;
	bool (*welcome)(void *ctx);
	int (*region)(void *ctx, struct client *client, struct region *region);
	void (*trace)(void *ctx, const struct trace *trace);
	void (*child)(void *ctx, pid_t pid, int status);
	void (*ended)(void *ctx, struct client *client);
	void (*filled)(void *ctx, struct client *client, uint64_t addr, uint64_t len);
	bool (*moved)(void *ctx, struct client *client, uint64_t from, uint64_t to, uint64_t len);
	void (*forked)(void *ctx, struct client *parent, struct client *child);
	int (*lock)(void *ctx, struct client *client, const struct wire *wire);
	int (*control)(void *ctx, struct wire *wire, const char *text);
	void (*json)(void *ctx, struct json_object *top);
	bool (*signal)(void *ctx, int number, bool by_terminal);
	void *ctx;
};

TAILQ_HEAD(client_list, client);
TAILQ_HEAD(page_list, page);
LIST_HEAD(shared_list, shared);
LIST_HEAD(page_bucket, page);

#define CLIENT_TIDS	4

/**
 * struct client - a process, by its memory: one for each userfaultfd
 * @link: in @clients or @dead of the pager
 * @pager: whose
 * @uffd: its userfaultfd, fd -1 until it was handed over
 * @uffd_watch: the same in the epoll set
 * @sock: its connection, fd -1 for a child that came by fork
 * @pidfd: its process; readable when it has ended
 * @pid: its process, 0 if not known (yet)
 * @uid: its user
 * @regions: what belongs where
 * @locked: addresses of its process whose pages are to stay
 * @stats: what was counted
 * @streams: its streams of faults
 * @batches: pages on their way together, which nobody has asked for
 * @nr_pages: pages of it on their way
 * @nr_ahead: of these, nobody has asked for
 * @readable: its userfaultfd has something to read
 * @ended: it is not to be touched any more
 * @doomed: it can't be served, and is to be killed
 * @detach: all is to be filled in
 * @detach_asked: by the client, who waits for an answer
 * @detach_failed: a page of it could not be fetched
 * @fill_at: detach has come so far
 * @seen_cpu: thread that faulted last, and how often in a row
 * @shared: files of its regions
 * @nr_shared: how many
 * @kept: what the resolver remembers of it
 * @names: its regions that have one
 * @follows: pages that the snapshot's order names are fetched for it
 * @followed: so many of these have been
 * @follow_at: only those from there on
 * @follow_len: bytes
 */
struct client {
	TAILQ_ENTRY(client) link;
	struct pager *pager;
	struct uffd uffd;
	struct watch uffd_watch;
	struct watch sock;
	struct watch pidfd;
	pid_t pid;
	uid_t uid;
	struct region_map regions;
	struct region_map locked;
	struct stats stats;
	struct stream_set streams;
	struct page_bucket batches;
	unsigned int nr_pages;
	unsigned int nr_ahead;
	bool readable;
	bool ended;
	bool doomed;
	bool detach;
	bool detach_asked;
	bool detach_failed;
	uint64_t fill_at;
	struct {
		pid_t tid;
		unsigned int count;
	} seen_cpu;
	struct shared **shared;
	unsigned int nr_shared;
	void *kept;
	struct name *names;
	bool follows;
	size_t followed;
	uint64_t follow_at;
	uint64_t follow_len;
};

/**
 * struct pager - all of it
 * @config: how it shall be
 * @epoll: the epoll set
 * @listener: for those who connect
 * @signals: SIGCHLD, SIGTERM and SIGINT
 * @source: has something for us
 * @keeper_fd: a pidfd of ours, for the keeper
 * @keeper_pid: the keeper's process, 0: none
 * @clients: who is here
 * @dead: who has ended, to be freed
 * @nr_clients: of both
 * @files: files that clients have handed over (shared.h)
 * @faults: read and not yet looked at (fault.c)
 * @pages: pages on their way (fault.c)
 * @resolver: how pages are filled
 * @past: counts of clients that have ended
 * @page: bytes of a base page
 * @detached: bytes of clients that were let go
 * @again: something is to be tried again, without being told when
 * @crowded: nothing is to be fetched that nobody has asked for
 * @stop: pager_stop() was called: detach all, then end
 * @cpu: where we were moved to, -1: anywhere
 */
struct pager {
	struct pager_config config;
	int epoll;
	struct watch listener;
	struct watch signals;
	struct watch source;
	int keeper_fd;
	pid_t keeper_pid;
	struct client_list clients;
	struct client_list dead;
	unsigned int nr_clients;
	struct shared_list files;
	struct fault_list *faults;
	struct page_table *pages;
	struct resolver *resolver;
	struct stats past;
	size_t page;
	uint64_t detached;
	bool again;
	bool crowded;
	bool stop;
	int cpu;
};

/* pager.c */

/**
 * pager_new - make a pager
 * @config: how it shall be; strings and source must stay
 * @err: gets a negative errno if there is none
 *
 * From here on SIGCHLD, SIGTERM and SIGINT are blocked and read by it.
 *
 * Return: the pager, or NULL.
 */
struct pager *pager_new(const struct pager_config *config, int *err);

/**
 * pager_turn - wait for something to happen, and see to it
 * @pager: which
 * @timeout_ms: how long to wait at most, -1: for ever
 *
 * Return: 0, or a negative errno if it can't go on.
 */
int pager_turn(struct pager *pager, int timeout_ms);

/**
 * pager_run - until pager_stop() and no client is left
 * @pager: which
 *
 * Return: 0 or a negative errno.
 */
int pager_run(struct pager *pager);

/**
 * pager_stop - fill in what is missing, let all clients go, then end pager_run()
 * @pager: which
 */
void pager_stop(struct pager *pager);

/**
 * pager_detaching - how far clients are that are let go
 * @pager: which
 * @total: gets the bytes of all of them, of those that have gone, too
 *
 * Return: bytes that they do not need us for any more.
 */
uint64_t pager_detaching(const struct pager *pager, uint64_t *total);

/**
 * pager_free - end it; clients that it still has are killed
 * @pager: which, or NULL
 */
void pager_free(struct pager *pager);

int pager_watch(struct pager *pager, struct watch *watch, uint32_t events);
void pager_ignore(struct pager *pager, struct watch *watch);
void pager_unwatch(struct pager *pager, struct watch *watch);
uint64_t pager_now(void);
void pager_stats(const struct pager *pager, struct stats *sum);
struct json_object *pager_json(const struct pager *pager);

/* client.c */
struct client *client_new(struct pager *pager);
int client_greet(struct client *client, int uffd, uint64_t features, bool user_only);
int client_know(struct client *client, pid_t pid);
struct client *client_fork(struct client *parent, int uffd);
void client_end(struct client *client);
void client_fail(struct client *client);
void client_detach(struct client *client);
void client_detach_step(struct client *client);
uint64_t client_detach_done(const struct client *client, uint64_t *total);
void client_free(struct client *client);
void client_accept(struct watch *watch, uint32_t events);

/* event.c */
void event_read(struct client *client);

/* fault.c */
int fault_init(struct pager *pager);
void fault_note(struct client *client, uint64_t addr, bool write, pid_t tid);
void fault_ahead(struct client *client, uint64_t addr);
void fault_begin(struct pager *pager);
void fault_resolve(struct pager *pager);
int fault_timeout(struct pager *pager);
bool fault_pending(struct client *client, uint64_t addr);
void fault_forget(struct client *client);
void fault_free(struct pager *pager);

/* bus.c */
void bus_error(struct client *client, uint64_t addr, uint64_t len, const pid_t *tids,
	       unsigned int nr_tids);

/* proc.c */
pid_t proc_of_thread(pid_t tid, uint64_t addr);
int proc_cpu(pid_t pid, pid_t tid);
int proc_each_map(pid_t pid, void (*fn)(void *ctx, uint64_t start, uint64_t end), void *ctx);
bool proc_takes_signal(pid_t pid, pid_t tid, int signal);
int pidfd_open_of(pid_t pid);
int pidfd_kill(int pidfd, int signal);

/* place.c */
void place_note(struct client *client, pid_t tid);

/* keeper.c */
int keeper_start(struct pager *pager);
void keeper_stop(struct pager *pager);

#endif /* PAGER_H */
