// SPDX-License-Identifier: GPL-2.0-only
/* Text from elsewhere: names and paths may hold any bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"

/**
 * utf8_length - the length of the next character
 * @string: begins with it, ends with a NUL
 *
 * Return: its bytes, 0 if they are not valid UTF-8.
 */
int utf8_length(const char *string)
{
	static const unsigned int smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *text = (const unsigned char *)string;
	unsigned int code;
	int length, i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	length = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	code = text[0] & (0x7f >> length);
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < smallest[length] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

/* What a terminal would obey: C0, DEL, C1, and what is no character at all. */
static bool is_harmful(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;

	return byte[0] < ' ' || byte[0] == 0x7f || !utf8_length(text) ||
	       (byte[0] == 0xc2 && byte[1] < 0xa0);
}

/**
 * printable - a text that can be shown
 * @text: what may hold anything
 *
 * Return: a copy, to be freed, with \\ooo for bytes that a terminal would obey.
 */
char *printable(const char *text)
{
	char *copy = must(malloc(4 * strlen(text) + 1));
	char *end = copy;
	int length;

	while (*text) {
		if (is_harmful(text)) {
			end += sprintf(end, "\\%03o", (unsigned char)*text);
			text++;
			continue;
		}
		length = utf8_length(text);
		memcpy(end, text, length);
		end += length;
		text += length;
	}
	*end = '\0';
	return copy;
}

/**
 * cut_lines - cut lines that are wider than a screen, between two characters
 * @text: lines
 * @width: of the screen
 */
void cut_lines(char *text, int width)
{
	char *to = text;
	int column = 0;

	while (*text) {
		int length = utf8_length(text);

		if (!length)
			length = 1;
		if (*text == '\n')
			column = -1;
		if (column++ < width) {
			memmove(to, text, length);
			to += length;
		}
		text += length;
	}
	*to = '\0';
}
