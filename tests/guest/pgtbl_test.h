/* SPDX-License-Identifier: GPL-2.0-only */
/* What every test program of /dev/pgtbl begins with. */
#ifndef PGTBL_TEST_H
#define PGTBL_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ktap.h"
#include "lib/tables.h"

BEFORE_EACH()
{
	open_dev();
}

#endif /* PGTBL_TEST_H */
