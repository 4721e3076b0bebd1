# SPDX-License-Identifier: GPL-2.0-only
"""Tests in Python, as KTAP.

run_tests(): each is a function that gets a directory of its own. Checks: each is a
question about something that took long to make, such as what a guest has left.
"""
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import traceback

#: seconds until what is waited for has failed
LIMIT = 90

STARTED = []


def equal(what, expected, actual):
	"""Fails the test if they differ."""
	if expected != actual:
		raise AssertionError("%s: expected %r, it is %r" % (what, expected, actual))


def until(what, condition, seconds=LIMIT):
	"""Waits for a condition, and returns what it gave."""
	end = time.monotonic() + seconds
	while time.monotonic() < end:
		found = condition()
		if found:
			return found
		time.sleep(0.02)
	raise AssertionError("in vain for %d s: %s" % (seconds, what))


def in_directory(function):
	"""A test without arguments: it is in its directory, with the sockets of its pagers."""
	@functools.wraps(function)
	def test(where):
		os.environ["XDG_RUNTIME_DIR"] = where
		os.chdir(where)
		try:
			function()
		finally:
			os.chdir("/")
	return test


def stop_all():
	"""Ends every process that a test has started."""
	for process in STARTED:
		if process.poll() is None:
			process.send_signal(signal.SIGCONT)
			process.kill()
		process.wait()
	STARTED.clear()


def remember():
	"""Every process that is started is ended after its test."""
	popen = subprocess.Popen

	class Remembered(popen):
		"""A process that stop_all() knows."""
		def __init__(self, *args, **named):
			super().__init__(*args, **named)
			STARTED.append(self)
	subprocess.Popen = Remembered


def run_test(function, number):
	"""Runs one test, which gets a directory of its own; its line of KTAP."""
	where = tempfile.mkdtemp(prefix="test-")
	lines, begin = [], time.monotonic()
	try:
		function(where)
	except Exception:  # pylint: disable=broad-except
		lines = traceback.format_exc().splitlines()
	finally:
		stop_all()
		shutil.rmtree(where, ignore_errors=True)
	for line in lines:
		print("# " + line)
	print("# %.1f s" % (time.monotonic() - begin))
	print("%sok %d %s" % ("not " if lines else "", number, function.__name__), flush=True)
	return not lines


def run_tests(tests, patterns=(), trouble=None):
	"""Runs those whose names contain one of the patterns; the exit status.

	trouble: why none can run, if so.
	"""
	print("KTAP version 1")
	if trouble:
		print("Bail out! " + trouble)
		return 1
	remember()
	wanted = [function for function in tests
		  if not patterns or any(p in function.__name__ for p in patterns)]
	good = [run_test(function, i + 1) for i, function in enumerate(wanted)]
	print("1..%d" % len(good))
	return 0 if all(good) else 1


class Checks:
	"""A line of KTAP for each question."""

	def __init__(self):
		self.count = self.failed = 0

	def true(self, what, good, why):
		"""One test; why it is so, or not."""
		self.count += 1
		self.failed += not good
		print("# %s" % why)
		print("%sok %d %s" % ("" if good else "not ", self.count, what), flush=True)

	def equal(self, what, want, got):
		"""One test."""
		self.true(what, want == got, "expected %r, got %r" % (want, got))

	def end(self):
		"""After the last: the plan; the exit status."""
		print("1..%d" % self.count)
		return 1 if self.failed else 0
