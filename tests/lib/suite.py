# SPDX-License-Identifier: GPL-2.0-only
"""The test programs, the boots that they ask for, and the skips that are allowed."""
import fnmatch
import os

from . import TOP, asks
from .asks import Wrong

SECONDS = 60
#: what describes a boot, and what it is if nobody says
BOOT = {"smp": "4", "mem": "1024", "append": "", "module-args": "", "load": "", "add": "",
	"module": "yes", "net": "no"}
KEYS = tuple(BOOT) + ("guests", "timeout")
#: the driver in the guest is built like the programs, but is none
DRIVER = "run"


class Boot:
	"""How a guest is to be started. Programs with equal boots share one."""

	def __init__(self, keys):
		self.keys = tuple(sorted((key, keys[key]) for key in BOOT
					 if keys.get(key, BOOT[key]) != BOOT[key]))
		get = {**BOOT, **dict(self.keys)}
		self.smp, self.mem, self.append = get["smp"], get["mem"], get["append"]
		self.module_args = get["module-args"]
		self.load, self.add = get["load"].split(","), get["add"].split(",")
		self.module, self.net = get["module"] == "yes", get["net"] == "yes"
		for key in ("module", "net"):
			if get[key] not in ("yes", "no"):
				raise Wrong("%s=%s: want yes or no" % (key, get[key]))

	@property
	def label(self):
		"""What differs from the default boot, for people."""
		return " ".join("%s=%s" % pair for pair in self.keys)

	def options(self, guest):
		"""The options of scripts/vm for it."""
		options = ["--smp", self.smp, "--mem", self.mem]
		if self.append:
			options += ["--append", self.append]
		if self.module_args:
			options += ["--module-args", self.module_args]
		if not self.module:
			options.append("--no-module")
		if self.net:
			options.append("--net")
		for name in filter(None, self.load):
			options += ["--load", name]
		for path in filter(None, self.add):
			options += ["--add", os.path.join(TOP, path.replace("{guest}", guest))]
		return options

	def needs(self):
		"""Other targets of scripts/build whose results it adds."""
		return {path.split("/")[1] for path in self.add
			if path.startswith("build/") and not path.startswith("build/{guest}/")}


class Request:
	"""One "vm:" line: a boot, for some guests, with a limit of time."""

	def __init__(self, keys):
		self.guests = keys.get("guests", "*").split(",")
		self.seconds = int(keys.get("timeout", SECONDS))
		self.boot = Boot(keys)

	def wants(self, guest):
		"""Whether it is for that guest."""
		return any(fnmatch.fnmatchcase(guest, pattern) for pattern in self.guests)


class Program:
	"""A test program of the guests: NAME.c or NAME.sh."""

	def __init__(self, path):
		self.path = path
		base = os.path.basename(path)
		self.name = base[:-2] if base.endswith(".c") else base
		self.requests = asks.of(path, "vm", KEYS, Request) or [Request({})]

	def built(self, guest):
		"""Where the program that runs in the guest lies."""
		if self.path.endswith(".sh"):
			return self.path
		return os.path.join(TOP, "build", guest, "tests", self.name)


def programs(directory, known_guests):
	"""The programs of a directory, sorted."""
	found = []
	for base in sorted(os.listdir(directory)):
		if not base.endswith((".c", ".sh")) or base == DRIVER + ".c":
			continue
		program = Program(os.path.join(directory, base))
		for request in program.requests:
			for pattern in request.guests:
				if not fnmatch.filter(known_guests, pattern):
					raise Wrong("%s: guests=%s is no guest; there are: %s" % (
						base, pattern, " ".join(known_guests)))
		found.append(program)
	return found


def plan(all_programs, guest, filters):
	"""The boots of a guest: {boot keys: (Boot, [(program, seconds, pattern)])}."""
	boots = {}
	for program in all_programs:
		pattern = wanted(program.name, filters)
		if pattern is None:
			continue
		for request in program.requests:
			if request.wants(guest):
				_, entries = boots.setdefault(request.boot.keys, (request.boot, []))
				entries.append((program, request.seconds, pattern))
	return [boots[key] for key in sorted(boots)]


def wanted(name, filters):
	"""The pattern for the tests in the program ("": all), None: don't run it.

	A filter is PROGRAM or PROGRAM:TEST, both shell patterns.
	"""
	if not filters:
		return ""
	patterns = set()
	for text in filters:
		program, _, test = text.partition(":")
		if fnmatch.fnmatchcase(name, program):
			patterns.add(test)
	if not patterns:
		return None
	# Programs take one pattern here; with several the whole program is run.
	return patterns.pop() if len(patterns) == 1 else ""


class Skips:
	"""tests/skips: lines "GUEST PROGRAM:TEST REASON", the first two as patterns."""

	def __init__(self, path):
		self.path, self.entries = path, []
		if not os.path.exists(path):
			return
		with open(path, encoding="utf-8") as file:
			for number, line in enumerate(file, 1):
				words = line.split("#")[0].split(None, 2)
				if not words:
					continue
				if len(words) != 3 or ":" not in words[1]:
					raise Wrong("%s:%d: want GUEST PROGRAM:TEST REASON"
						    % (path, number))
				self.entries.append([number, words[0], words[1], False])

	def allow(self, guest, program, test):
		"""Whether this skip is listed."""
		for entry in self.entries:
			if fnmatch.fnmatchcase(guest, entry[1]) and \
			   fnmatch.fnmatchcase("%s:%s" % (program, test), entry[2]):
				entry[3] = True
				return True
		return False

	def unused(self, guests):
		"""Entries that none of these guests needed, as text."""
		return ["%s:%d: nothing skips as %s %s says" % (self.path, number, guest, test)
			for number, guest, test, used in self.entries
			if not used and fnmatch.filter(guests, guest)]
