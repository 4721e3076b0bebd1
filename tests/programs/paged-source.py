# SPDX-License-Identifier: GPL-2.0-only
"""A large C file, for a compiler to be paged."""
for i in range(250):
	print("int f%d(int a, int b) { int c[8] = {a, b}; for (int i = 0; i < b; i++)"
	      " c[i & 7] += a * %d ^ c[(i + 3) & 7]; return c[2] + c[5]; }" % (i, i))
