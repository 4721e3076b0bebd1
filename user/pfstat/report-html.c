// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording as one page that needs nothing else: report.html, in which the
 * data takes the place of a word.
 */
#include <stdlib.h>
#include <string.h>

#include "../cli/out.h"
#include "report.h"

#define PLACE	"@DATA@"

/* The page is put into the program as it is. */
__asm__(".pushsection .rodata\n"
	".global report_page\n"
	"report_page:\n"
	".incbin \"user/pfstat/report.html\"\n"
	".byte 0\n"
	".popsection");

/* JSON in a page: what begins a tag there is written otherwise. */
static void put_data(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("\\u003c", out);
		else
			putc(*text, out);
	}
}

int report_write_html(const struct recording *rec, struct names *names,
		      FILE *out)
{
	struct json_object *data = report_make_json(rec, names);
	const char *text = must((void *)json_object_to_json_string_ext(data,
						JSON_C_TO_STRING_PLAIN));
	const char *place = strstr(report_page, PLACE);

	fwrite(report_page, place - report_page, 1, out);
	put_data(out, text);
	fputs(place + strlen(PLACE), out);
	json_object_put(data);
	return fflush(out);
}
