/* SPDX-License-Identifier: GPL-2.0-only */
/* What "report" can make of a recording. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>

#include "group.h"

/* report-text.c */
void report_print_text(const struct recording *rec, struct names *names,
		       int rows);
void report_print_groups(const struct recording *rec, struct names *names,
			 enum group_by by, int rows);
void report_print_stacks(const struct recording *rec, struct names *names);

/* report-csv.c: the faults themselves, or groups of them */
void report_print_faults_csv(const struct recording *rec, struct names *names);
void report_print_groups_csv(const struct recording *rec, struct names *names,
			     enum group_by by);

/* report-json.c */
struct json_object *report_make_json(const struct recording *rec,
				     struct names *names);

/* report-html.c: the page, then a function that returns 0, or -1 and errno */
extern const char report_page[];
int report_write_html(const struct recording *rec, struct names *names,
		      FILE *out);

#endif /* REPORT_H */
