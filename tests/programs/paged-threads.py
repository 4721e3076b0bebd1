# SPDX-License-Identifier: GPL-2.0-only
"""A program to be paged: threads that write and read each other's, and a child.

The child finds all as it was when it was forked, while its parent goes on writing.
"""
import os
import random
import threading

N = 20000


def value(i, x):
	"""208 bytes that tell whether they are whole."""
	return bytes([x]) * 200 + i.to_bytes(8, "little")


d, bad = [value(i, i & 255) for i in range(N)], []


def work(seed):
	"""A thread: reads all, writes a quarter."""
	r = random.Random(seed)
	for _ in range(8000):
		i = r.randrange(N)
		if d[i][200:] != i.to_bytes(8, "little") or d[i][:200].strip(d[i][:1]):
			bad.append(i)
		if i % 4 == seed:
			d[i] = value(i, r.randrange(256))


threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
for t in threads:
	t.start()
for t in threads:
	t.join()
copy = list(d)
pid = os.fork()
if not pid:
	os._exit(0 if all(d[i] == copy[i] for i in range(N)) else 3)
for i in range(0, N, 3):
	d[i] = value(i, 1)
assert not bad and os.waitpid(pid, 0)[1] == 0
assert all(d[i][200:] == i.to_bytes(8, "little") for i in range(N))
