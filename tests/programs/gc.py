# SPDX-License-Identifier: GPL-2.0-only
"""A server that forks: what does its child's garbage collection cost?

usage: gc.py [freeze]

The parent makes many objects, then forks. The child does not touch them, but
collects garbage: the collector writes to the head of every object that it looks
at, and so copies their pages; gc.freeze() puts them where it does not look.
"""
import gc
import os
import sys

objects = [[i] for i in range(100000)]
if "freeze" in sys.argv:
	gc.collect()
	gc.freeze()
pid = os.fork()
if not pid:
	gc.collect()
	os._exit(0)
if os.waitpid(pid, 0)[1]:
	sys.exit(1)
print("objects at %x" % id(objects[len(objects) // 2]), flush=True)
# To free all objects would write to them, too.
os._exit(0)
