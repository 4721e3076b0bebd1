// SPDX-License-Identifier: GPL-2.0-only
/* Functions of ELF files, by libelf: see symbol.h. */
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cli/out.h"
#include "symbol.h"

/**
 * struct function - a function in a file
 * @start: its address, as the file is linked
 * @end: first address behind it
 * @name: its name
 */
struct function {
	__u64 start;
	__u64 end;
	char *name;
};

/**
 * struct symbol_file - a file
 * @path: where it is
 * @loads: its segments
 * @nr_loads: how many
 * @functions: sorted by address
 * @nr: how many
 */
struct symbol_file {
	char *path;
	GElf_Phdr *loads;
	size_t nr_loads;
	struct function *functions;
	size_t nr;
};

static int by_address(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static void read_loads(struct symbol_file *file, Elf *elf)
{
	GElf_Phdr phdr;
	size_t count, i;

	if (elf_getphdrnum(elf, &count))
		return;
	file->loads = must(calloc(count + 1, sizeof(*file->loads)));
	for (i = 0; i < count; i++)
		if (gelf_getphdr(elf, i, &phdr) && phdr.p_type == PT_LOAD)
			file->loads[file->nr_loads++] = phdr;
}

static void add_function(struct symbol_file *file, const GElf_Sym *symbol,
			 const char *name)
{
	struct function *function;

	/* grows by doubling: at the powers of two it is full */
	if (!(file->nr & (file->nr - 1)))
		file->functions = must(reallocarray(file->functions,
						    file->nr ? 2 * file->nr : 1,
						    sizeof(*function)));
	function = &file->functions[file->nr++];
	function->start = symbol->st_value;
	function->end = symbol->st_value +
			(symbol->st_size ? symbol->st_size : 1);
	function->name = must(strdup(name));
}

static void read_table(struct symbol_file *file, Elf *elf, Elf_Scn *section,
		       const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count, i;
	GElf_Sym symbol;

	if (!data || !header->sh_entsize)
		return;
	count = header->sh_size / header->sh_entsize;
	for (i = 0; i < count; i++) {
		const char *name;
		int type;

		if (!gelf_getsym(data, i, &symbol))
			break;
		type = GELF_ST_TYPE(symbol.st_info);
		if ((type != STT_FUNC && type != STT_GNU_IFUNC) ||
		    symbol.st_shndx == SHN_UNDEF)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name && *name)
			add_function(file, &symbol, name);
	}
}

/* A stripped file still has the names of what it exports. */
static void read_functions(struct symbol_file *file, Elf *elf)
{
	static const GElf_Word types[] = {SHT_SYMTAB, SHT_DYNSYM};
	Elf_Scn *section;
	GElf_Shdr header;
	size_t i;

	for (i = 0; i < 2 && !file->nr; i++) {
		section = NULL;
		while ((section = elf_nextscn(elf, section)))
			if (gelf_getshdr(section, &header) &&
			    header.sh_type == types[i])
				read_table(file, elf, section, &header);
	}
	if (file->nr)
		qsort(file->functions, file->nr, sizeof(*file->functions),
		      by_address);
}

/* The path is what a process once mapped, and may lead to a device or a pipe by now. */
static int open_regular(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC), file = -1;
	char again[40];
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
		file = open(again, O_RDONLY | O_CLOEXEC);
	}
	close(fd);
	return file;
}

/* Not mapped: whoever cut the file off would end us (SIGBUS). */
static void read_file(struct symbol_file *file)
{
	int fd = open_regular(file->path);
	Elf *elf;

	if (fd < 0)
		return;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF) {
		read_loads(file, elf);
		read_functions(file, elf);
	}
	elf_end(elf);
	close(fd);
}

static struct symbol_file *find_file(struct symbols *symbols, const char *path)
{
	struct symbol_file *file;
	size_t i;

	for (i = 0; i < symbols->nr; i++)
		if (!strcmp(symbols->files[i].path, path))
			return &symbols->files[i];
	symbols->files = must(reallocarray(symbols->files, symbols->nr + 1,
					   sizeof(*symbols->files)));
	file = &symbols->files[symbols->nr++];
	*file = (struct symbol_file){.path = must(strdup(path))};
	read_file(file);
	return file;
}

/* The address for which the file is linked; 0: it is in no segment */
static __u64 link_address(const struct symbol_file *file, __u64 offset)
{
	size_t i;

	for (i = 0; i < file->nr_loads; i++) {
		const GElf_Phdr *load = &file->loads[i];

		if (offset >= load->p_offset &&
		    offset - load->p_offset < load->p_filesz)
			return offset - load->p_offset + load->p_vaddr;
	}
	return 0;
}

const char *symbol_find(struct symbols *symbols, const char *path, __u64 offset)
{
	const struct symbol_file *file = find_file(symbols, path);
	__u64 address = link_address(file, offset);
	size_t low = 0, high = file->nr;

	if (!address)
		return NULL;
	/* the last that does not begin behind it */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->functions[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || file->functions[low - 1].end <= address)
		return NULL;
	return file->functions[low - 1].name;
}

void symbols_free(struct symbols *symbols)
{
	size_t i, j;

	for (i = 0; i < symbols->nr; i++) {
		struct symbol_file *file = &symbols->files[i];

		for (j = 0; j < file->nr; j++)
			free(file->functions[j].name);
		free(file->functions);
		free(file->loads);
		free(file->path);
	}
	free(symbols->files);
	*symbols = (struct symbols){};
}
