// SPDX-License-Identifier: GPL-2.0-only
/* Opening and closing stores on threads of their own. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "aside.h"
#include "store.h"

static void *work(void *arg)
{
	struct aside *aside = arg;

	if (aside->url)
		aside->status = store_open(aside->url, NULL, &aside->store);
	else
		aside->status = store_close(aside->store);
	/* the words are the thread's */
	if (aside->url && aside->status)
		snprintf(aside->why, sizeof(aside->why), "%s", store_open_error());
	eventfd_write(aside->watch.fd, 1);
	return NULL;
}

static void on_done(struct watch *watch, uint32_t events)
{
	struct aside *aside = watch->of;

	(void)events;
	aside_wait(aside);
	aside->done(aside);
}

int aside_begin(struct aside *aside)
{
	sigset_t all, before;
	int err;

	aside->watch = (struct watch){eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), on_done, aside};
	if (aside->watch.fd < 0)
		return -errno;
	err = pager_watch(aside->pager, &aside->watch, EPOLLIN);
	if (!err) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		err = -pthread_create(&aside->thread, NULL, work, aside);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (err)
		pager_unwatch(aside->pager, &aside->watch);
	return err;
}

void aside_wait(struct aside *aside)
{
	pthread_join(aside->thread, NULL);
	pager_unwatch(aside->pager, &aside->watch);
}
