# SPDX-License-Identifier: GPL-2.0-only
"""What test programs ask for in comments near the top: "vm: smp=1 timeout=200".

A key that nobody knows is an error: it would otherwise not apply, in silence.
"""
import os
import re
import shlex

from . import TOP

#: lines of a program that are looked at
HEAD = 60
#: keys whose values are numbers
NUMBERS = ("smp", "mem", "timeout")


class Wrong(Exception):
	"""A test's file, or tests/skips, that says something impossible."""


def _pairs(line, word, known):
	keys = {}
	for pair in shlex.split(line):
		key, equal, value = pair.partition("=")
		if key not in known or not equal or not value:
			raise Wrong("'%s: %s': no key '%s'; there are: %s"
				    % (word, line, pair, " ".join(k + "=" for k in known)))
		if key in NUMBERS and not value.isdigit():
			raise Wrong("'%s: %s': %s wants a number" % (word, line, key))
		keys[key] = value
	return keys


def of(path, word, known, make=dict):
	"""What make() makes of each line "WORD: KEY=VALUE..." near the top of a program."""
	pattern = re.compile(r"^[\s/*#]*%s:(?:\s+(.*?))?\s*(?:\*/)?$" % word)
	with open(path, encoding="utf-8", errors="replace") as file:
		lines = [line for line, _ in zip(file, range(HEAD))]
	try:
		return [make(_pairs(match.group(1) or "", word, known))
			for match in map(pattern.match, lines) if match]
	except (Wrong, ValueError) as err:
		raise Wrong("%s: %s" % (os.path.relpath(path, TOP), err)) from err
