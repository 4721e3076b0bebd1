# SPDX-License-Identifier: GPL-2.0-only
"""Judges the runs of a boot: what was not seen to pass has failed."""
import re
import signal

from . import ktap

PASS, FAIL, SKIP = "pass", "fail", "skip"
MARKER = re.compile(r"pfstat-test: (begin|end) (\S+)$")
EXCERPT = 40
NO_RESULT = "no result"


class Result:
	"""One test point, or a failure of a program or of a boot as a whole."""

	def __init__(self, verdict, program, name, reason="", notes=(), log=()):
		self.verdict, self.program, self.name = verdict, program, name
		self.reason, self.notes, self.log = reason, list(notes), list(log)


class Evidence:
	"""All that is known of a boot when it is over."""

	def __init__(self, stream, status, report, lost, complaints):
		self.stream = stream
		self.status = status		# of scripts/vm
		self.report = report		# its account, {} if it gave none
		self.lost = lost		# why we ended it, "" if we did not
		self.complaints = complaints	# its standard error

	@property
	def kernel_log(self):
		"""The kernel log, or the console if the guest could not send the log."""
		log = self.report.get("kernel_log")
		return log or self.report.get("console", "").splitlines()

	def reasons(self):
		"""Why the guest was lost, or its run is worth nothing."""
		if self.lost:
			return [self.lost]
		if self.status == 0:
			return []
		return self.report.get("reasons") or [
			"scripts/vm ended with status %s" % self.status] + self.complaints[-5:]


def slices(log):
	"""The kernel log between the markers of each program: {name: lines}."""
	found, name, ended = {}, None, set()
	for line in log:
		marker = MARKER.search(line.rstrip())
		if marker and marker.group(1) == "begin":
			name = marker.group(2)
			found[name] = []
		elif marker and marker.group(2) == name:
			ended.add(name)
			name = None
		elif name:
			found[name].append(line)
	return found, ended


def judge(entries, evidence, scan, skips, guest):
	"""Results of a boot's programs, and the entries that have not been run."""
	stream, results = evidence.stream, []
	logs, ended = slices(evidence.kernel_log)
	reasons = evidence.reasons()
	blamed = False
	for run in stream.runs:
		log = logs.get(run.name, [])
		problems = _problems(run, log, ended, evidence, scan)
		if not run.ended:
			problems = ["the guest was lost in it: %s" % "; ".join(
				reasons or ["the driver went silent"])] + problems
		blamed = blamed or any(p.startswith(("the guest", "kernel log")) for p in problems)
		results += _judge_run(run, problems, log, skips, guest)
	results += _judge_boot(evidence, reasons, blamed, bool(stream.runs))
	started = {run.name for run in stream.runs}
	return results, [entry for entry in entries if entry[0].name not in started]


def judge_run(run, evidence, skips, guest):
	"""Results of a program that has no kernel log of its own."""
	problems = _problems(run, [], (), evidence, lambda log: [])
	return _judge_run(run, problems, [], skips, guest)


def _problems(run, log, ended, evidence, scan):
	"""What is wrong with a program as a whole, its KTAP apart."""
	problems = ["it left %s" % text for text in run.dirty]
	if run.how == "signal":
		problems.append("it died by signal %d (%s)" % (
			run.number, signal.strsignal(run.number) or "unknown"))
	elif run.how == "timeout":
		problems.append("it did not end within %d s" % run.number)
	elif run.how == "flood":
		problems.append("it printed more than %d bytes" % run.number)
	problems += ["kernel log: %s" % line for line in scan(log)]
	if run.ended and evidence.report and run.name not in ended:
		problems.append("kernel log: it has not both marks of this program")
	return problems


def _judge_run(run, problems, log, skips, guest):
	"""Results of one program."""
	output, results = ktap.parse(run.lines), []
	for point in output.points:
		if not point.good:
			results.append(Result(FAIL, run.name, point.name, "not ok", point.notes, log))
		elif point.skip is None:
			results.append(Result(PASS, run.name, point.name))
		elif skips.allow(guest, run.name, point.name):
			results.append(Result(SKIP, run.name, point.name, point.skip))
		else:
			results.append(Result(FAIL, run.name, point.name,
					      "skipped, but tests/skips does not list it: "
					      + point.skip, point.notes))
	for number in output.missing():
		results.append(Result(FAIL, run.name, "test %d" % number, NO_RESULT))
	problems = problems + output.problems
	if run.how == "exit" and run.number and not problems and \
	   not any(r.verdict == FAIL for r in results):
		problems.append("exit status %d, though no test failed" % run.number)
	if problems:
		results.append(Result(FAIL, run.name, "(program)", "; ".join(problems),
				      output.rest, log))
	return results


def _judge_boot(evidence, reasons, blamed, started):
	"""Failures that are no single program's."""
	stream, log = evidence.stream, evidence.kernel_log
	results = [Result(FAIL, "(end)", "after all programs", text, (), log[-EXCERPT:])
		   for text in stream.finals]
	wrong = []
	if stream.garbage:
		wrong.append("the driver said what it never says: %r" % stream.garbage[0])
	if not stream.done and not blamed:
		wrong.append("the driver did not come to its end")
	if not evidence.status and not evidence.report.get("kernel_log"):
		wrong.append("there is no kernel log")
	if reasons and not blamed:
		wrong += reasons
	if wrong:
		results.append(Result(FAIL, "(boot)", "as a whole" if started else "before any test",
				      "; ".join(wrong), evidence.complaints[-EXCERPT:],
				      log[-EXCERPT:]))
	return results
