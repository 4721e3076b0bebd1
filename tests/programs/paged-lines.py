# SPDX-License-Identifier: GPL-2.0-only
"""Lines in no order, always the same: usage: paged-lines.py [LINES]"""
import random
import sys

random.seed(1)
for i in range(int(sys.argv[1]) if len(sys.argv) > 1 else 100000):
	print("%016x %d" % (random.getrandbits(64), i))
