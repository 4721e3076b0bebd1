// SPDX-License-Identifier: GPL-2.0-only
/*
 * libtraceevent frees the paths of its plugins in tep_free(), in the file that
 * loads them by dlopen(), which a static program cannot do and is warned of.
 * We load none: with this in its place that file stays out of the program.
 */
struct tep_handle;

void free_tep_plugin_paths(struct tep_handle *tep)
	__attribute__((visibility("hidden")));

void free_tep_plugin_paths(struct tep_handle *tep)
{
	(void)tep;
}
