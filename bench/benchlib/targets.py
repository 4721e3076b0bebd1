# SPDX-License-Identifier: GPL-2.0-only
"""bench/targets, and who reaches them."""
import os

from . import TOP
from .measured import Unknown

GUESTS = ("i386-pae", "arm64", "amd64")


class Row:
	"""A line of bench/targets."""

	def __init__(self, line):
		parts = [p.strip() for p in line.split("|")]
		if len(parts) != 7:
			raise ValueError("bench/targets: not seven columns: %s" % line)
		self.name, self.metric = parts[0], parts[1]
		self.limits = dict(zip(GUESTS, parts[2:5]))
		self.peer = None if parts[5] == "-" else parts[5]
		self.what = parts[6]

	def judge(self, guest, measured):
		"""A dictionary: ours, peer, target, met (None: nothing to compare with)."""
		answer = {"name": self.name, "what": self.what, "ours": None, "each": {},
			  "peer": None, "peer_metric": self.peer, "met": None,
			  "target": self.limits.get(guest, "-")}
		try:
			answer["ours"], answer["each"] = measured.figure(self.metric)
		except Unknown:
			return answer
		if self.peer:
			try:
				answer["peer"] = measured.figure(self.peer)[0]
			except Unknown:
				pass
		answer["met"] = compare(answer["ours"], answer["target"], answer["peer"])
		return answer


def compare(ours, target, peer):
	"""Whether a limit is kept; None if there is none, or nothing to compare with."""
	if target == "-":
		return None
	if target == "<peer":
		return None if peer is None else ours < peer
	for sign, test in ((">=", lambda limit: ours >= limit), ("<=", lambda limit: ours <= limit), ("<", lambda limit: ours < limit),
			   ("+-", lambda limit: abs(ours) <= limit)):
		if target.startswith(sign):
			return test(float(target[len(sign):]))
	raise ValueError("bench/targets: no limit '%s'" % target)


def load():
	"""The rows."""
	with open(os.path.join(TOP, "bench", "targets"), encoding="ascii") as file:
		return [Row(line) for line in file if line.strip() and not line.startswith("#")]
