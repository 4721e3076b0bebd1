# SPDX-License-Identifier: GPL-2.0-only
"""Takes the output of one test program apart, and believes nothing that is not complete."""
import re

POINT = re.compile(r"(not )?ok (\d+)(?: -)?(?: (.*))?$")
PLAN = re.compile(r"1\.\.(\d+)(?: *#.*)?$")
SKIP = re.compile(r"(.*?)\s*#\s*SKIP\b:?\s*(.*)$", re.IGNORECASE)


class Point:
	"""One line "ok 3 name", with the lines of diagnostics before it."""

	def __init__(self, number, name, good, skip, notes):
		self.number, self.name = number, name
		self.good, self.skip, self.notes = good, skip, notes


class Output:
	"""All points of a program, and what is wrong with its output as a whole."""

	def __init__(self):
		self.points, self.problems = [], []
		self.plan = None
		self.rest = []		# lines after the last point

	def missing(self):
		"""The numbers of the plan that have no result."""
		have = {point.number for point in self.points}
		return [n for n in range(1, (self.plan or 0) + 1) if n not in have]


def parse(lines):
	"""The lines of a program -> Output."""
	output, notes = Output(), []
	for line in lines:
		plan, point = PLAN.match(line), POINT.match(line)
		if plan:
			if output.plan is not None:
				output.problems.append("a second plan: %s" % line)
			output.plan = int(plan.group(1))
		elif point:
			_add(output, point, notes)
			notes = []
		elif line.startswith("Bail out!"):
			output.problems.append(line)
		elif line and not re.match(r"K?TAP version \d+$", line):
			notes.append(line)
	output.rest = notes
	if output.plan is None:
		output.problems.append("it printed no plan (1..N)" if lines else "it printed nothing")
	elif not output.plan:
		output.problems.append("its plan has no tests")
	return output


def _add(output, match, notes):
	number, name = int(match.group(2)), (match.group(3) or "").strip()
	good, skip = not match.group(1), SKIP.match(name)
	if number != len(output.points) + 1:
		output.problems.append("test number %d where %d should be"
				       % (number, len(output.points) + 1))
	elif output.plan is not None and number > output.plan:
		output.problems.append("test number %d of %d" % (number, output.plan))
	reason = None
	if skip:
		name, reason = skip.group(1), skip.group(2) or "no reason given"
	output.points.append(Point(number, name or "test %d" % number, good, reason, notes))
