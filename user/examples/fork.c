// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program with a known number of copy-on-write faults: memory that parent
 * and child share after fork(), of which the child writes some pages. Each
 * write copies one page, so pfstat counts PAGES of the kind "copy" in the
 * mapping whose address is printed. (A few more happen in the stack and the
 * data of both, as in every program that forks.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES		32	/* that the child writes */
#define MAPPED		64	/* that are there */

static void write_pages(char *memory, int pages, char value)
{
	long page_size = sysconf(_SC_PAGESIZE);
	int i;

	for (i = 0; i < pages; i++)
		memory[i * page_size] = value;
}

/* Every page that the child wrote must still be the parent's here. */
static int untouched(const char *memory)
{
	long page_size = sysconf(_SC_PAGESIZE);
	int i;

	for (i = 0; i < MAPPED; i++)
		if (memory[i * page_size] != 'P')
			return 0;
	return 1;
}

int main(void)
{
	size_t size = MAPPED * sysconf(_SC_PAGESIZE);
	char *memory;
	int status;
	pid_t pid;

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("fork: mmap");
		return EXIT_FAILURE;
	}
	write_pages(memory, MAPPED, 'P');
	printf("fork: mapped %d pages at %p\n", MAPPED, (void *)memory);
	fflush(stdout);

	pid = fork();
	if (pid < 0) {
		perror("fork: fork");
		return EXIT_FAILURE;
	}
	if (!pid) {
		write_pages(memory, PAGES, 'C');
		_exit(EXIT_SUCCESS);
	}

	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "fork: child %d failed\n", (int)pid);
		return EXIT_FAILURE;
	}
	if (!untouched(memory)) {
		fprintf(stderr, "fork: the child's writes are seen here\n");
		return EXIT_FAILURE;
	}
	printf("fork: child wrote %d pages\n", PAGES);
	return EXIT_SUCCESS;
}
