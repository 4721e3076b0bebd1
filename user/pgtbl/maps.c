// SPDX-License-Identifier: GPL-2.0-only
/* The mappings of a process: see maps.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maps.h"

const char *proc_path(char buf[64], pid_t pid, const char *file)
{
	if (pid)
		snprintf(buf, 64, "/proc/%d/%s", (int)pid, file);
	else
		snprintf(buf, 64, "/proc/self/%s", file);
	return buf;
}

char *proc_name(pid_t pid)
{
	char path[64], name[64] = "";
	FILE *file;

	file = fopen(proc_path(path, pid, "comm"), "re");
	if (file) {
		if (!fgets(name, sizeof(name), file))
			*name = '\0';
		fclose(file);
	}
	name[strcspn(name, "\n")] = '\0';
	return must(strdup(name));
}

/* A line such as "8048000-8049000 r-xp 00000000 08:01 123    /bin/busybox" */
static bool parse_line(char *line, struct vma *vma)
{
	unsigned long long start, end;
	int path = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%llx-%llx %4s %*s %*s %*s %n", &start, &end,
		   vma->perm, &path) < 3 || !path)
		return false;
	vma->start = start;
	vma->end = end;
	vma->path = must(strdup(line + path));
	return true;
}

int maps_read(pid_t pid, struct maps *maps)
{
	size_t room = 0, length = 0;
	char *line = NULL;
	char path[64];
	FILE *file;
	int err;

	*maps = (struct maps){};
	file = fopen(proc_path(path, pid, "maps"), "re");
	if (!file)
		return -1;
	errno = 0;
	while (getline(&line, &length, file) > 0) {
		if (maps->count == room) {
			room += room / 2 + 64;
			maps->vmas = must(reallocarray(maps->vmas, room,
						       sizeof(struct vma)));
		}
		if (parse_line(line, &maps->vmas[maps->count]))
			maps->count++;
	}
	err = ferror(file) ? errno : 0;
	free(line);
	fclose(file);
	errno = err;
	return err ? -1 : 0;
}

void maps_free(struct maps *maps)
{
	size_t i;

	for (i = 0; i < maps->count; i++)
		free(maps->vmas[i].path);
	free(maps->vmas);
	*maps = (struct maps){};
}

const struct vma *maps_after(const struct maps *maps, __u64 addr)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (maps->vmas[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < maps->count ? &maps->vmas[low] : NULL;
}

const struct vma *maps_at(const struct maps *maps, __u64 addr)
{
	const struct vma *vma = maps_after(maps, addr);

	return vma && vma->start <= addr ? vma : NULL;
}

__u64 maps_step(const struct maps *maps, __u64 start, __u64 end,
		const struct vma **vma)
{
	const struct vma *next = maps_after(maps, start);
	__u64 edge;

	*vma = next && next->start <= start ? next : NULL;
	if (!next)
		return end;
	edge = *vma ? next->end : next->start;
	return edge < end ? edge : end;
}

const char *vma_base(const struct vma *vma)
{
	const char *slash = strrchr(vma->path, '/');

	return slash && vma->path[0] == '/' ? slash + 1 : vma->path;
}

void vma_add_json(struct json_object *to, const struct vma *vma)
{
	json_add_text(to, "perm", vma ? vma->perm : "");
	json_add_text(to, "path", vma ? vma->path : "");
}
