# SPDX-License-Identifier: GPL-2.0-only
"""Takes apart what tests/guest/run.c tells while it runs programs."""
import time


class Run:
	"""What is known of one program: its output and its end."""

	def __init__(self, name):
		self.name, self.lines, self.dirty = name, [], []
		self.how, self.number = None, 0		# exit, signal, timeout or flood
		self.begin = time.monotonic()
		self.seconds = 0.0

	@property
	def ended(self):
		"""Whether it came to an end that the driver saw."""
		return self.how is not None


class Stream:
	"""What has been heard of a boot."""

	def __init__(self):
		self.runs, self.finals, self.garbage = [], [], []
		self.done = False

	@property
	def open(self):
		"""The program that runs now, or None."""
		return self.runs[-1] if self.runs and not self.runs[-1].ended else None

	def feed(self, line):
		"""Take in one line."""
		now = self.open
		word, _, rest = line.partition(" ")
		if now and word == "|":
			now.lines.append(rest)
		elif now and word in ("@end", "@dirty") and rest.startswith(now.name + " "):
			self._end(now, word, rest[len(now.name) + 1:])
		elif not now and not self.done and word == "@begin":
			self.runs.append(Run(rest))
		elif not now and not self.done and word == "@final":
			self.finals.append(rest)
		elif not now and not self.done and line == "@done":
			self.done = True
		else:
			self.garbage.append(line)

	def _end(self, run, word, text):
		if word == "@dirty":
			run.dirty.append(text)
			return
		how, _, number = text.partition(" ")
		if how in ("exit", "signal", "timeout", "flood") and number.isdigit():
			run.how, run.number = how, int(number)
			run.seconds = time.monotonic() - run.begin
		else:
			self.garbage.append("%s %s" % (word, text))
