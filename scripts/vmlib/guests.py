# SPDX-License-Identifier: GPL-2.0-only
"""The guests: one data file each in scripts/guests, and the pinned versions."""
import os
import re
import shlex

from . import TOP, Failure

GUESTS = os.path.join(TOP, "scripts", "guests")
PINS = os.path.join(TOP, "scripts", "pins")

#: keys that every guest file sets
REQUIRED = ("DESC", "SERIES", "FLAVOUR", "DEB_ARCH", "LIBDIR", "ARCH", "CROSS",
	    "QEMU", "QEMU_TCG", "QEMU_CHANNEL", "MEM", "SMP", "CONSOLE", "CHANNEL")
#: keys that a guest file may set, and what they are otherwise
OPTIONAL = {"QEMU_ICOUNT": "", "QEMU_KVM": "", "APPEND": "", "APPEND_ICOUNT": "",
	    "SUITE": "main", "DEBUG": "", "DEBUG_MAKE": "", "KERNEL": "vmlinuz",
	    "COMMON": "common", "KBUILD": "series", "ACCEL": "tcg", "USUAL": "yes",
	    "MODULE_MAKE": ""}


class Guest:
	"""One guest: the keys of its file as attributes in small letters."""

	def __init__(self, name, keys):
		self.name = name
		for key, value in keys.items():
			setattr(self, key.lower(), value)

	@property
	def build(self):
		"""Where everything that is built for this guest lies."""
		return os.path.join(TOP, "build", self.name)

	@property
	def cc(self):
		"""The compiler that Debian's kernels of this guest were built with."""
		return self.cross + "gcc-12"


def names():
	"""The names of all guests, sorted."""
	return sorted(n for n in os.listdir(GUESTS) if re.fullmatch(r"[a-z0-9][\w.-]*", n))


def usual():
	"""The names of the guests that are meant where none is named."""
	return [name for name in names() if not load(name).debug and load(name).usual == "yes"]


def parse(path):
	"""Read a file of KEY=value lines with shell quoting (no expansion)."""
	keys = {}
	with open(path, encoding="ascii") as file:
		for number, line in enumerate(file, 1):
			words = shlex.split(line, comments=True)
			if not words:
				continue
			key, equal, value = words[0].partition("=")
			if len(words) != 1 or not equal or not re.fullmatch(r"[A-Z][A-Z0-9_]*", key):
				raise Failure("%s:%d: want KEY=value or KEY=\"value\", have: %s"
					      % (path, number, line.rstrip()))
			keys[key] = value
	return keys


def load(name):
	"""The guest of that name."""
	path = os.path.join(GUESTS, name)
	if name not in names():
		raise Failure("no guest '%s' (no file %s); there are: %s"
			      % (name, os.path.relpath(path, TOP), " ".join(names())))
	keys = dict(OPTIONAL)
	keys.update(parse(path))
	for key in REQUIRED:
		if key not in keys:
			raise Failure("%s: %s is not set" % (path, key))
	for key in keys:
		if key not in REQUIRED and key not in OPTIONAL:
			raise Failure("%s: unknown key %s" % (path, key))
	return Guest(name, keys)


def pin(series):
	"""The pinned (abi, version) of a kernel series."""
	with open(PINS, encoding="ascii") as file:
		for line in file:
			words = line.split("#")[0].split()
			if len(words) == 3 and words[0] == series:
				return words[1], words[2]
	raise Failure("%s pins no version for the kernel series '%s'" % (PINS, series))
