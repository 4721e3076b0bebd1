/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the program pgtbl share. */
#ifndef PGTBL_CLI_H
#define PGTBL_CLI_H

#include "lib/shell.h"
#include "pgtbl_test.h"

#endif /* PGTBL_CLI_H */
