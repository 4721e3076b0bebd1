// SPDX-License-Identifier: GPL-2.0
/*
 * pfstat.ko: loads and unloads its parts, and nothing else.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "compat.h"
#include "pfstat/pfstat.h"
#include "pgtbl/pgtbl.h"

/* There is /dev/pgtbl: not every machine's page tables are known. */
static bool have_pgtbl;

static int __init pf_module_init(void)
{
	int err;

	err = pfstat_init();
	if (err)
		return err;
	err = pgtbl_init();
	if (err && err != -EOPNOTSUPP) {
		pfstat_exit();
		return err;
	}
	have_pgtbl = !err;
	return 0;
}

static void __exit pf_module_exit(void)
{
	if (have_pgtbl)
		pgtbl_exit();
	pfstat_exit();
}

module_init(pf_module_init);
module_exit(pf_module_exit);

MODULE_DESCRIPTION("Copy-on-write fault statistics and page-table access");
MODULE_AUTHOR("The pfstat developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
