# SPDX-License-Identifier: GPL-2.0-only
"""Runs test programs in a guest: starts scripts/vm, listens, has the end judged."""
import json
import os
import selectors
import shutil
import subprocess
import time

from . import TOP, verdict
from .stream import Stream

#: what finds memory that the module keeps: its own caches with every check,
#: the allocators that it uses with the caller of each object
CHECKS = "slub_debug=FZPU,pf_*,pfstat*,pgtbl*;U,kmalloc-*,mm_struct,task_struct,pid"
#: seconds for build and boot, and after the last program
BOOT_LIMIT, END_LIMIT = 400, 150
#: where in a guest, and below the directory of results, tests/coverage finds its data
GCOV = "/tmp/gcov", "gcov"


class Job:
	"""The programs of one boot of one guest."""

	def __init__(self, guest, boot, entries, settings):
		self.guest, self.boot, self.entries = guest, boot, entries
		self.settings = settings
		self.results, self.times = [], []
		self.seconds, self.starts = 0.0, 0
		self.process, self.stopped = None, False
		self.limit = sum(seconds for _program, seconds, _pattern in entries)
		label = "".join(c if c.isalnum() else "-" for c in boot.label)
		self.name = guest + (" [%s]" % boot.label if boot.label else "")
		self.out = os.path.join(settings.out, guest + ("." + label if label else ""))

	def needs(self):
		"""The targets of scripts/build that it wants."""
		return {self.guest} | self.boot.needs()

	def go(self):
		"""Run them all, in a new guest after each that loses one."""
		begin = time.monotonic()
		shutil.rmtree(self.out, ignore_errors=True)
		os.makedirs(self.out)
		left = self.entries
		while left and not self.stopped:
			evidence = self._boot(left)
			results, rest = verdict.judge(left, evidence, self.settings.scan,
						      self.settings.skips, self.guest)
			self.results += results
			self.times += [(run.name, run.seconds) for run in evidence.stream.runs]
			if len(rest) == len(left):
				self.results += [verdict.Result(
					verdict.FAIL, entry[0].name, "(program)",
					"not run: the guest did not get as far") for entry in rest]
				break
			left = rest
		self.seconds = time.monotonic() - begin
		if not self.settings.keep and not self.failed:
			shutil.rmtree(self.out, ignore_errors=True)

	@property
	def failed(self):
		"""How many of its results are failures."""
		return sum(r.verdict == verdict.FAIL for r in self.results)

	def stop(self):
		"""End it now; its guest goes with it, and there is no other."""
		self.stopped = True
		process = self.process
		if process and process.poll() is None:
			process.terminate()

	def _gcov(self):
		"""A new directory for what the module of this guest has counted."""
		where = os.path.join(self.settings.out, GCOV[1], "%s-%d" % (
			os.path.basename(self.out), self.starts))
		shutil.rmtree(where, ignore_errors=True)
		os.makedirs(os.path.dirname(where), exist_ok=True)
		return where

	def _command(self, entries, report):
		settings = self.settings
		counts = self.boot.module and settings.counts(self.guest)
		driver = os.path.join(TOP, "build", self.guest, "tests", "run")
		command = [settings.vm, self.guest, "-q", "-v", "--timeout", "0",
			   "--report", report, "--append", CHECKS]
		command += self.boot.options(self.guest) + settings.vm_options
		command += ["--add", driver + ":/root/tests/"]
		for program, _, _ in entries:
			command += ["--add", program.built(self.guest) + ":/root/tests/"]
		if counts:
			command += ["--get", "%s:%s" % (GCOV[0], self._gcov())]
		command += ["--", "/root/tests/run", "--slow", str(settings.slow)]
		if counts:
			command += ["--gcov", GCOV[0]]
		if not self.boot.module:
			command.append("--no-module")
		return command + [":".join(filter(None, (program.name, str(seconds), pattern)))
				  for program, seconds, pattern in entries]

	def _boot(self, entries):
		"""One guest from start to end -> Evidence."""
		self.starts += 1
		base = os.path.join(self.out, "boot%d" % self.starts)
		limits = {program.name: seconds * self.settings.slow + self.settings.grace
			  for program, seconds, _ in entries}
		stream = Stream()
		with open(base + ".console", "wb") as console, \
				open(base + ".stream", "wb", buffering=0) as copy:
			self.process = subprocess.Popen(
				self._command(entries, base + ".report"), cwd=TOP,
				stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=console,
				preexec_fn=self.settings.dies_with_us())
			with self.process:
				lost = self._listen(stream, limits, copy)
		with open(base + ".console", encoding="utf-8", errors="replace") as file:
			complaints = file.read().replace("\r", "").splitlines()
		report = {}
		try:
			with open(base + ".report", encoding="utf-8") as file:
				report = json.load(file)
		except (OSError, ValueError):
			pass
		return verdict.Evidence(stream, self.process.returncode, report, lost, complaints)

	def _listen(self, stream, limits, copy):
		"""Feed the stream until the end, or until nothing comes; why we ended it."""
		process, lost, rest = self.process, "", b""
		with selectors.DefaultSelector() as selector:
			selector.register(process.stdout, selectors.EVENT_READ)
			limit = time.monotonic() + BOOT_LIMIT
			while True:
				left = limit - time.monotonic()
				if left <= 0:
					lost = "it hangs: no word within the time limit"
					process.terminate()
					break
				if not selector.select(left):
					continue
				data = os.read(process.stdout.fileno(), 65536)
				if not data:
					break
				copy.write(data)
				*lines, rest = (rest + data).split(b"\n")
				seen = len(stream.runs), bool(stream.open)
				for line in lines:
					stream.feed(line.decode("utf-8", "replace").rstrip("\r"))
				if (len(stream.runs), bool(stream.open)) != seen:
					limit = time.monotonic() + (
						limits.get(stream.open.name, BOOT_LIMIT)
						if stream.open else END_LIMIT)
			process.wait()
		if rest:
			stream.garbage.append(rest.decode("utf-8", "replace"))
		return lost
