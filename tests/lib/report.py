# SPDX-License-Identifier: GPL-2.0-only
"""What people and programs read of a run."""
import os
import sys

from .verdict import EXCERPT, FAIL, NO_RESULT, PASS, SKIP

SLOWEST = 8
MOST = 50


def _line(text=""):
	sys.stdout.write(text + "\n")
	sys.stdout.flush()


def job_done(job, verbose):
	"""One line for a boot or a program of this machine, and its failures in full."""
	count = {v: sum(r.verdict == v for r in job.results) for v in (PASS, FAIL, SKIP)}
	words = "%4d passed" % count[PASS]
	if count[SKIP]:
		words += ", %d skipped" % count[SKIP]
	if count[FAIL]:
		words += ", %d FAILED" % count[FAIL]
	_line("  %-34s %-34s %5.1f s" % (job.name, words, job.seconds))
	silent = [r for r in job.results if r.verdict == FAIL and r.reason == NO_RESULT]
	for result in job.results:
		if result in silent:
			if result is silent[0]:
				_line("FAILED %s %s: %s%s: %s" % (
					job.name, result.program, result.name,
					" and %d more" % (len(silent) - 1) if silent[1:] else "",
					NO_RESULT))
		elif result.verdict == FAIL:
			_failure(job, result)
		elif verbose:
			_line("    %s %s: %s" % ("ok  " if result.verdict == PASS else "skip",
					     result.program, result.name))


def _failure(job, result):
	_line("FAILED %s %s: %s" % (job.name, result.program, result.name))
	_line("    %s" % result.reason)
	for note in result.notes[-EXCERPT:]:
		_line("    %s" % note)
	if result.log:
		_line("    --- the kernel's log of it")
		for line in result.log[-EXCERPT:]:
			_line("    %s" % line)


def write_results(jobs, path):
	"""One line a result, for programs: verdict, where, program, name, reason; tabs between."""
	with open(path, "w", encoding="utf-8") as file:
		for job in jobs:
			for result in job.results:
				file.write("\t".join((result.verdict, job.name, result.program,
						      result.name, " ".join(result.reason.split())))
					   + "\n")


def summary(jobs, phases, out, started):
	"""Where the time went, what failed, and the line that ends it all; passed and failed."""
	_line()
	_line("time: %s" % ", ".join("%s %.0f s" % phase for phase in phases))
	slowest = sorted(((seconds, job.name, name) for job in jobs for name, seconds in job.times),
			 reverse=True)
	for seconds, where, name in slowest[:SLOWEST]:
		if seconds >= 1:
			_line("  %6.1f s  %s: %s" % (seconds, where, name))
	results = [(job, result) for job in jobs for result in job.results]
	failures = [(job, r) for job, r in results if r.verdict == FAIL]
	passed = sum(r.verdict == PASS for _, r in results)
	skipped = sum(r.verdict == SKIP for _, r in results)
	if skipped:
		_line("%d skipped, as tests/skips says" % skipped)
	if failures:
		_line()
		_line("failed (logs: %s):" % os.path.relpath(out))
		for job, r in failures[:MOST]:
			_line("  %s %s: %s" % (job.name, r.program, r.name))
		if failures[MOST:]:
			_line("  ... and %d more, see results there" % len(failures[MOST:]))
	if not started:
		_line("nothing was run")
	_line()
	_line("%d passed, %d failed" % (passed, len(failures)))
	return passed, len(failures)
