# SPDX-License-Identifier: GPL-2.0-only
"""The lines that guest programs print, and the figures that are made of them."""
from statistics import median


class Unknown(Exception):
	"""A figure that nothing was measured for."""


class Measured:
	"""What was measured in one guest."""

	def __init__(self):
		self.samples = {}	# series -> [value]
		self.pairs = {}		# (condition, kind) -> [(plain, with)]
		self.curves = {}	# name -> {x: [(plain, with)]}
		self.notes = {}

	def read(self, text):
		"""Take in a program's output; the lines that were none of it."""
		rest = []
		for line in text.splitlines():
			word = line.split()
			try:
				if word[0] == "sample" and len(word) == 3:
					self.samples.setdefault(word[1], []).append(float(word[2]))
				elif word[0] == "pair" and len(word) == 5:
					self.pairs.setdefault((word[1], word[2]), []).append(
						(float(word[3]), float(word[4])))
				elif word[0] == "curve" and len(word) == 5:
					self.curves.setdefault(word[1], {}).setdefault(
						int(word[2]), []).append(
						(float(word[3]), float(word[4])))
				elif word[0] == "note" and len(word) >= 3:
					self.notes[word[1]] = " ".join(word[2:])
				else:
					rest.append(line)
			except (IndexError, ValueError):
				rest.append(line)
		return rest

	def added(self, condition, kind):
		"""What a condition adds to a fault of a kind."""
		return median(w - p for p, w in self._pairs(condition, kind))

	def plain(self, kind):
		"""What a fault costs with nothing tracked."""
		values = [p for (c, k), pairs in self.pairs.items() if k == kind and
			  c not in ("tracked-vmas", "life") for p, _w in pairs]
		if not values:
			raise Unknown(kind)
		return median(values)

	def _pairs(self, condition, kind):
		try:
			return self.pairs[condition, kind]
		except KeyError:
			raise Unknown("%s %s" % (condition, kind)) from None

	def curve(self, name):
		"""[(x, what is added there)] of a curve."""
		return [(x, median(w - p for p, w in pairs))
			for x, pairs in sorted(self.curves.get(name, {}).items())]

	def ratios(self, name):
		"""[(x, how many times more it takes)] of a curve."""
		return [(x, median(w for _p, w in pairs) / median(p for p, _w in pairs))
			for x, pairs in sorted(self.curves.get(name, {}).items())]

	def figure(self, metric):
		"""(value, {kind: value}) of a metric of bench/targets."""
		how, *args = metric.split(":")
		if how == "value":
			if args[0] not in self.samples:
				raise Unknown(args[0])
			return median(self.samples[args[0]]), {}
		if how == "times":
			peer, ours = (self.figure("value:" + name)[0] for name in args)
			return peer / ours, {}
		if how == "ratio":
			at = dict(self.ratios(args[0]))
			if int(args[1]) not in at:
				raise Unknown(metric)
			return at[int(args[1])], {}
		kinds = args.pop().split(",")
		if how == "added":
			each = {k: self.added(args[0], k) for k in kinds}
		elif how == "removed":
			each = {k: -self.added(args[0], k) for k in kinds}
			worst = max(each.values(), key=abs)
			return worst, each
		elif how == "more":
			each = {k: self.added(args[0], k) - self.added(args[1], k) for k in kinds}
		elif how == "percent":
			each = {k: median((w - p) * 100 / p for p, w in self._pairs(args[0], k))
				for k in kinds}
		else:
			raise ValueError("bench/targets: no metric '%s'" % metric)
		return max(each.values()), each
