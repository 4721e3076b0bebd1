# SPDX-License-Identifier: GPL-2.0-only
"""Progress for people: one tidy line per step, on standard error."""
import sys

quiet = False


def step(verb, what):
	"""Announce a step that takes time, in the style of the kernel's build."""
	if not quiet:
		sys.stderr.write("  %-8s%s\n" % (verb, what))
		sys.stderr.flush()


def note(text):
	"""Tell something that the user did not ask for but should know."""
	sys.stderr.write("note: %s\n" % text)
	sys.stderr.flush()


def error(program, text):
	"""Tell what went wrong."""
	sys.stderr.write("%s: %s\n" % (program, text))
	sys.stderr.flush()


def size(count):
	"""A size in bytes as people read it."""
	count = float(count)
	for unit in ("B", "kB", "MB"):
		if count < 1000:
			return "%.*f %s" % (0 if unit == "B" or count >= 10 else 1, count, unit)
		count /= 1000
	return "%.1f GB" % count
