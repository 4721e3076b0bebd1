# SPDX-License-Identifier: GPL-2.0-only
"""What in a kernel log means that the kernel is unhappy; the patterns are in a file."""
import functools
import os
import re

from . import TOP, Failure

PATTERNS = os.path.join(TOP, "scripts", "unhappy")


@functools.lru_cache(maxsize=None)
def _patterns():
	bad, fine = [], []
	with open(PATTERNS, encoding="ascii") as file:
		for number, line in enumerate(file, 1):
			line = line.rstrip("\n")
			if not line or line.startswith("#"):
				continue
			try:
				re.compile(line)
			except re.error as err:
				raise Failure("%s:%d: %s" % (PATTERNS, number, err)) from err
			(fine if line.startswith("!") else bad).append(line.lstrip("!"))
	return re.compile("|".join(bad)), re.compile("|".join(fine) or r"(?!)")


def scan(lines):
	"""The lines of a kernel log that say so."""
	bad, fine = _patterns()
	return [line for line in lines if bad.search(line) and not fine.search(line)]
