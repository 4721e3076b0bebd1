# SPDX-License-Identifier: GPL-2.0-only
"""Runs the test programs of this machine: executables that print KTAP."""
import os
import signal
import subprocess
import tempfile
import time

from . import TOP, asks, verdict
from .stream import Run

#: of "host: timeout=600 guests=arm64,i386" near the top
KEYS = ("timeout", "guests")
SECONDS = 300
#: executables that are no tests
HELPERS = ("fakevm",)


class NoSkips:
	"""For programs of this machine no skip is listed."""

	@staticmethod
	def allow(_guest, _program, _test):
		"""Never."""
		return False


class Job:
	"""One program of this machine."""

	def __init__(self, path, settings):
		self.path, self.settings = path, settings
		self.name = os.path.relpath(path, os.path.join(TOP, "tests"))
		self.program = os.path.basename(path)
		self.results, self.times = [], []
		self.seconds, self.starts = 0.0, 0
		self.process = None
		asked = (asks.of(path, "host", KEYS) or [{}])[0]
		self.limit = int(asked.get("timeout", SECONDS))
		self.guests = asked["guests"].split(",") if "guests" in asked else []

	def needs(self):
		"""The targets of scripts/build that it wants."""
		return set(self.guests)

	@property
	def failed(self):
		"""How many of its results are failures."""
		return sum(r.verdict == verdict.FAIL for r in self.results)

	def go(self):
		"""Run it and judge it."""
		run = Run(self.program)
		with tempfile.TemporaryFile() as out:
			self.process = subprocess.Popen(
				[self.path], cwd=TOP, stdin=subprocess.DEVNULL, stdout=out,
				stderr=subprocess.STDOUT, start_new_session=True,
				preexec_fn=self.settings.dies_with_us())
			try:
				status = self.process.wait(self.limit)
				run.how, run.number = ("exit", status) if status >= 0 else (
					"signal", -status)
			except subprocess.TimeoutExpired:
				run.how, run.number = "timeout", self.limit
			self._end_group()
			out.seek(0)
			text = out.read().decode("utf-8", "replace")
		run.lines = text.splitlines()
		self.seconds = run.seconds = time.monotonic() - run.begin
		self.times.append((self.program, self.seconds))
		evidence = verdict.Evidence(None, 0, {}, "", [])
		self.results = verdict.judge_run(run, evidence, NoSkips, "host")

	def _end_group(self):
		"""Kill what it left running."""
		try:
			os.killpg(self.process.pid, signal.SIGKILL)
		except ProcessLookupError:
			pass
		self.process.wait()

	def stop(self):
		"""End it now."""
		if self.process and self.process.poll() is None:
			os.killpg(self.process.pid, signal.SIGTERM)


def programs():
	"""The executables of tests/host and tests/self."""
	found = []
	for directory in ("host", "self"):
		where = os.path.join(TOP, "tests", directory)
		if os.path.isdir(where):
			found += [path for path in sorted(os.path.join(where, n) for n in os.listdir(where))
				  if os.path.isfile(path) and os.access(path, os.X_OK)
				  and os.path.basename(path) not in HELPERS]
	return found
