// SPDX-License-Identifier: GPL-2.0-only
/* The event loop. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pager.h"
#include "resolver.h"
#include "snapshot.h"
#include "wire.h"

#define EVENTS		64
/* How long a client without a pidfd may be dead without our noticing */
#define PROBE_MS	500
/* How long a process may take to die of SIGKILL */
#define DEATH_MS	10000

uint64_t pager_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/**
 * pager_watch - put a descriptor into the epoll set
 * @pager: whose
 * @watch: the descriptor, and what to call
 * @events: EPOLL*
 *
 * Return: 0 or a negative errno.
 */
int pager_watch(struct pager *pager, struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(pager->epoll, EPOLL_CTL_ADD, watch->fd, &event) ? -errno : 0;
}

/**
 * pager_ignore - take a descriptor out of the epoll set, but leave it open
 * @pager: whose
 * @watch: the descriptor
 */
void pager_ignore(struct pager *pager, struct watch *watch)
{
	epoll_ctl(pager->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
}

/**
 * pager_unwatch - take a descriptor out again, and close it
 * @pager: whose
 * @watch: the descriptor, -1: nothing to do
 *
 * Closing it alone is not enough: others may have the same file open.
 */
void pager_unwatch(struct pager *pager, struct watch *watch)
{
	if (watch->fd < 0)
		return;
	epoll_ctl(pager->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	close(watch->fd);
	watch->fd = -1;
}

static void on_source(struct watch *watch, uint32_t events)
{
	struct pager *pager = watch->of;

	(void)events;
	pager->config.source->ops->dispatch(pager->config.source);
}

/* A child may be a client's process, the keeper, or whatever we were told of. */
static void reap(struct pager *pager)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == pager->keeper_pid) {
			pager->keeper_pid = 0;
			if (!pager->stop)
				keeper_start(pager);
		} else if (pager->config.child) {
			pager->config.child(pager->config.ctx, pid, status);
		}
	}
}

static void on_signal(struct watch *watch, uint32_t events)
{
	struct pager *pager = watch->of;
	const struct pager_config *config = &pager->config;
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(pager);
		else if (!config->signal ||
			 !config->signal(config->ctx, info.ssi_signo, info.ssi_code == SI_KERNEL))
			pager_stop(pager);
	}
}

static int watch_signals(struct pager *pager)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pager->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (pager->signals.fd < 0)
		return -errno;
	return pager_watch(pager, &pager->signals, EPOLLIN);
}

static int watch_socket(struct pager *pager)
{
	int sock;

	if (!pager->config.socket)
		return 0;
	sock = wire_listen(pager->config.socket);
	if (sock < 0)
		return sock;
	pager->listener.fd = sock;
	return pager_watch(pager, &pager->listener, EPOLLIN);
}

static int watch_source(struct pager *pager)
{
	struct source *source = pager->config.source;

	if (!source || !source->ops->fd)
		return 0;
	/* the source's own descriptor stays with it */
	pager->source.fd = dup(source->ops->fd(source));
	if (pager->source.fd < 0)
		return -errno;
	return pager_watch(pager, &pager->source, EPOLLIN);
}

/* Three for each client, and a client for each child that a client forks */
static void want_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int init(struct pager *pager)
{
	int err;

	want_descriptors();
	pager->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (pager->epoll < 0)
		return -errno;
	err = fault_init(pager);
	if (!err)
		pager->resolver = resolver_open(pager, pager->config.resolver ?: "auto", &err);
	if (!err)
		err = watch_signals(pager);
	if (!err && pager->config.keeper)
		err = keeper_start(pager);
	if (!err)
		err = watch_source(pager);
	if (!err)
		err = watch_socket(pager);
	return err;
}

struct pager *pager_new(const struct pager_config *config, int *err)
{
	struct pager *pager = calloc(1, sizeof(*pager));

	*err = -ENOMEM;
	if (!pager)
		return NULL;
	pager->config = *config;
	if (!pager->config.tries)
		pager->config.tries = 5;
	pager->page = sysconf(_SC_PAGESIZE);
	pager->cpu = -1;
	pager->epoll = -1;
	pager->keeper_fd = -1;
	TAILQ_INIT(&pager->clients);
	TAILQ_INIT(&pager->dead);
	LIST_INIT(&pager->files);
	pager->listener = (struct watch){-1, client_accept, pager};
	pager->signals = (struct watch){-1, on_signal, pager};
	pager->source = (struct watch){-1, on_source, pager};
	*err = init(pager);
	if (!*err)
		return pager;
	pager_free(pager);
	return NULL;
}

/* Clients without a pidfd have to be asked; poll() on a userfaultfd says nothing. */
static bool probe(struct pager *pager)
{
	struct client *client, *next;
	bool any = false;

	for (client = TAILQ_FIRST(&pager->clients); client; client = next) {
		next = TAILQ_NEXT(client, link);
		if (client->uffd.fd < 0 || client->pidfd.fd >= 0)
			continue;
		if (uffd_is_alive(client->uffd.fd))
			any = true;
		else
			client_end(client);
	}
	return any;
}

static int timeout_of(struct pager *pager, int timeout_ms)
{
	int ms = fault_timeout(pager);

	if (ms >= 0 && (timeout_ms < 0 || ms < timeout_ms))
		timeout_ms = ms;
	if (probe(pager) && (timeout_ms < 0 || timeout_ms > PROBE_MS))
		timeout_ms = PROBE_MS;
	return timeout_ms;
}

static void free_dead(struct pager *pager)
{
	struct client *client, *next;

	for (client = TAILQ_FIRST(&pager->dead); client; client = next) {
		next = TAILQ_NEXT(client, link);
		/* what it waits for from the source still points to it */
		if (!client->nr_pages)
			client_free(client);
	}
}

int pager_turn(struct pager *pager, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	struct client *client, *next;
	int i, count;

	count = epoll_wait(pager->epoll, events, EVENTS, timeout_of(pager, timeout_ms));
	if (count < 0 && errno != EINTR)
		return -errno;
	for (i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;

		if (watch->fd >= 0)
			watch->ready(watch, events[i].events);
	}
	for (client = TAILQ_FIRST(&pager->clients); client; client = next) {
		next = TAILQ_NEXT(client, link);
		if (client->readable && !client->ended)
			event_read(client);
		if (client->detach && !client->ended)
			client_detach_step(client);
		snapshot_step(client);
	}
	fault_begin(pager);
	fault_resolve(pager);
	free_dead(pager);
	return 0;
}

int pager_run(struct pager *pager)
{
	int err = 0;

	while (!err && !(pager->stop && TAILQ_EMPTY(&pager->clients)))
		err = pager_turn(pager, -1);
	return err;
}

static void stop_listening(struct pager *pager)
{
	if (pager->listener.fd >= 0)
		unlink(pager->config.socket);
	pager_unwatch(pager, &pager->listener);
}

void pager_stop(struct pager *pager)
{
	struct client *client, *next;

	pager->stop = true;
	stop_listening(pager);
	for (client = TAILQ_FIRST(&pager->clients); client; client = next) {
		next = TAILQ_NEXT(client, link);
		if (client->uffd.fd < 0)
			client_end(client);
		else
			client_detach(client);
	}
}

uint64_t pager_detaching(const struct pager *pager, uint64_t *total)
{
	const struct client *client;
	uint64_t done = pager->detached;

	*total = pager->detached;
	TAILQ_FOREACH(client, &pager->clients, link)
		if (client->detach)
			done += client_detach_done(client, total);
	return done;
}

/* Without us they would wait for ever, or read zeros. */
static void kill_clients(struct pager *pager)
{
	struct client *client, *next;
	struct pollfd poll_it = {.events = POLLIN};

	for (client = TAILQ_FIRST(&pager->clients); client; client = next) {
		next = TAILQ_NEXT(client, link);
		client_fail(client);
	}
	TAILQ_FOREACH(client, &pager->clients, link) {
		poll_it.fd = client->pidfd.fd;
		if (poll_it.fd >= 0)
			poll(&poll_it, 1, DEATH_MS);
	}
}

void pager_free(struct pager *pager)
{
	struct client *client;

	if (!pager)
		return;
	kill_clients(pager);
	while ((client = TAILQ_FIRST(&pager->clients)))
		client_end(client);
	if (pager->pages)
		fault_free(pager);
	while ((client = TAILQ_FIRST(&pager->dead)))
		client_free(client);
	keeper_stop(pager);
	stop_listening(pager);
	pager_unwatch(pager, &pager->signals);
	pager_unwatch(pager, &pager->source);
	if (pager->resolver)
		pager->resolver->ops->close(pager->resolver);
	if (pager->epoll >= 0)
		close(pager->epoll);
	free(pager);
}
