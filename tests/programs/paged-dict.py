# SPDX-License-Identifier: GPL-2.0-only
"""A program to be paged: a large dictionary, which is built and checked.

usage: paged-dict.py [ENTRIES]    (default: 150,000, which take 36 MiB)

Prints how much it has had in memory at most, in KiB.
"""
import hashlib
import sys


def digest(i):
	"""What belongs to a key."""
	return hashlib.md5(str(i).encode()).hexdigest()


N = int(sys.argv[1]) if len(sys.argv) > 1 else 150000
d = {i: digest(i) for i in range(N)}
assert len(d) == N and all(d[i] == digest(i) for i in range(0, N, 3))
with open("/proc/self/status", encoding="ascii") as file:
	print([int(line.split()[1]) for line in file if line.startswith("VmHWM")][0])
