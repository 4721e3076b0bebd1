/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the sockets of running pagers are: DIR/PID */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <sys/types.h>

/**
 * runtime_dir - the directory of our user's pagers
 * @make: make it if it is not there
 *
 * $XDG_RUNTIME_DIR/upager, /run/upager for root, else /tmp/upager-UID. It is
 * ours alone, or not taken.
 *
 * Return: its path, NULL and errno if there is none.
 */
const char *runtime_dir(int make);

/**
 * runtime_socket - the socket of a pager
 * @pid: its process
 *
 * Return: a path, NULL and errno; valid until the next call.
 */
const char *runtime_socket(pid_t pid);

#endif /* RUNTIME_H */
