/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must be true after a test program, and after all of them: nothing is
 * tracked, the module unloads, and nothing of it stays in memory.
 */
#ifndef AFTER_H
#define AFTER_H

#include <stddef.h>

/* before_all() - note what there is before the first program */
void before_all(void);

/**
 * after_program() - find what a program left behind, and put it away
 * @text: gets what it was
 * @len: bytes at @text
 *
 * To be called until it returns 0.
 *
 * Return: whether something was found.
 */
int after_program(char *text, size_t len);

/**
 * after_all() - unload the module and look for what it left behind
 * @text: gets what it was
 * @len: bytes at @text
 *
 * To be called until it returns 0.
 *
 * Return: whether something was found.
 */
int after_all(char *text, size_t len);

#endif
