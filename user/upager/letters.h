/* SPDX-License-Identifier: GPL-2.0-only */
/* A source of pages full of letters: A, B, C ... Z, and from A again. */
#ifndef LETTERS_H
#define LETTERS_H

#include "source.h"

/**
 * struct letters - the source
 * @source: ours
 * @page: bytes of a base page
 * @per_letter: base pages that have the same letter
 */
struct letters {
	struct source source;
	size_t page;
	unsigned int per_letter;
};

/**
 * letters_init - make a source of letters
 * @letters: filled in
 * @page: bytes of a base page
 * @unit: bytes of a page as the client has them
 */
void letters_init(struct letters *letters, size_t page, size_t unit);

/**
 * letter_of - the letter of a page
 * @number: of the page, from 0
 *
 * Return: the letter.
 */
static inline char letter_of(uint64_t number)
{
	return 'A' + number % 26;
}

#endif /* LETTERS_H */
