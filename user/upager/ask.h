/* SPDX-License-Identifier: GPL-2.0-only */
/* Asking a pager that runs. */
#ifndef ASK_H
#define ASK_H

#include <sys/types.h>

#include "wire.h"

struct json_object;

/**
 * ask_stat - what a pager tells of itself
 * @path: of its socket
 *
 * Return: an object, NULL and errno.
 */
struct json_object *ask_stat(const char *path);

/**
 * ask_pagers - what pagers tell of themselves
 * @pid: this one; 0: all of this user
 *
 * Return: an array, NULL and errno if the one does not answer.
 */
struct json_object *ask_pagers(pid_t pid);

/**
 * ask_number - a number of what a pager has told
 * @object: may be NULL
 * @name: of the number
 *
 * Return: the number, 0 if there is none.
 */
uint64_t ask_number(struct json_object *object, const char *name);

/**
 * ask_control - have a pager do something
 * @pid: the pager
 * @wire: what; its type, and what belongs to it; gets the answer
 * @text: belongs to it as well, may be ""
 *
 * Return: 0 or a negative errno: what the pager says, or why it can't be asked.
 */
int ask_control(pid_t pid, struct wire *wire, const char *text);

/**
 * ask_failed - say that a pager did not do what it should
 * @what: the command
 * @pid: the pager
 * @err: why, a positive errno
 *
 * Return: EXIT_FAILURE
 */
int ask_failed(const char *what, pid_t pid, int err);

#endif /* ASK_H */
