/* SPDX-License-Identifier: GPL-2.0-only */
/* How entries, levels, categories and sizes are shown. */
#ifndef ENTRY_H
#define ENTRY_H

#include "../cli/out.h"

/* A set of an entry's flags: one bit for each name that the module has. */
typedef __u64 flagset;

/* Room for all names in a row: pgtbl_info.nr_flags times PGTBL_FLAG_NAME_MAX */
#define FLAGS_TEXT_MAX	(64 * PGTBL_FLAG_NAME_MAX)
#define SIZE_TEXT_MAX	24

/**
 * entry_flags - the flags that an entry has
 * @p: handle
 * @level: the entry's level
 * @entry: the entry
 *
 * Return: the set.
 */
flagset entry_flags(const struct pgtbl *p, unsigned int level, __u64 entry);

/**
 * flags_text - flags as words
 * @p: handle
 * @flags: the set
 * @prefix: in front of each word
 * @buf: where to
 *
 * Return: @buf.
 */
const char *flags_text(const struct pgtbl *p, flagset flags,
		       const char *prefix, char buf[FLAGS_TEXT_MAX]);

/**
 * flags_add_json - add flags to an object, as an array of words
 * @to: the object
 * @key: under which name
 * @p: handle
 * @flags: the set
 */
void flags_add_json(struct json_object *to, const char *key,
		    const struct pgtbl *p, flagset flags);

/**
 * level_name - name of a level
 * @level: enum pgtbl_level
 *
 * Return: a word such as "PTE".
 */
const char *level_name(unsigned int level);

/**
 * kind_name - name of a kind of entry
 * @kind: enum pgtbl_kind
 *
 * Return: a word such as "leaf".
 */
const char *kind_name(unsigned int kind);

/**
 * level_exists - is there such a level here?
 * @p: handle
 * @level: enum pgtbl_level
 *
 * Return: whether it is not folded.
 */
bool level_exists(const struct pgtbl *p, unsigned int level);

/**
 * entry_span - how many bytes an entry describes
 * @p: handle
 * @level: its level
 *
 * Return: bytes.
 */
__u64 entry_span(const struct pgtbl *p, unsigned int level);

/**
 * size_text - a number of bytes for people
 * @bytes: how many
 * @buf: where to
 *
 * Return: @buf, such as "4K" or "1.5G".
 */
const char *size_text(__u64 bytes, char buf[SIZE_TEXT_MAX]);

/* categories.c */
#define CATEGORIES_TEXT_MAX	128

/**
 * categories_text - categories as words
 * @categories: PGTBL_IS_*
 * @buf: where to
 *
 * Return: @buf, "-" for none.
 */
const char *categories_text(__u32 categories, char buf[CATEGORIES_TEXT_MAX]);

/**
 * categories_add_json - add categories to an object, as an array of words
 * @to: the object
 * @key: under which name
 * @categories: PGTBL_IS_*
 */
void categories_add_json(struct json_object *to, const char *key,
			 __u32 categories);

/**
 * set_categories - read a list of categories, for struct opt
 * @arg: words with commas between them
 * @to: __u32, to which they are added
 *
 * Return: NULL, or what is wrong with it.
 */
const char *set_categories(const char *arg, void *to);

#endif /* ENTRY_H */
