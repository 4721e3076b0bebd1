/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernel versions, and nothing else. Known good: 6.1.
 */
#ifndef _PF_COMPAT_H
#define _PF_COMPAT_H

#include <linux/mm_types.h>

#ifndef VMA_ITERATOR
#error "pfstat needs Linux 6.1 or later (the VMA iterator)"
#endif

#endif /* _PF_COMPAT_H */
