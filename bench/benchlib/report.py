# SPDX-License-Identifier: GPL-2.0-only
"""Tables for people, results.json, charts."""
import json
import os

from . import RESULTS, svg, targets
from .measured import Unknown

#: conditions in charts and tables of faults: (name, label, is it ours)
CONDITIONS = (
	("other", "another program tracked", True),
	("tracked", "tracked", True),
	("tracked-kprobe", "tracked, hook=kprobe", True),
	("tracked-ftrace", "tracked, hook=ftrace", True),
	("tracked-event", "tracked, trace event enabled", True),
	("other-latency", "another program tracked, latency", True),
	("tracked-latency", "tracked, latency", True),
	("tracked-latency-event", "tracked, latency and event", True),
	("peer-perf-faults", "perf: page-faults counted", False),
	("peer-taskstats", "taskstats: delay of copies", False),
	("peer-perf-kprobe", "perf: kprobe counted", False),
	("peer-event", "ftrace: kprobe event", False),
	("peer-event-address", "ftrace: kprobe event, address", False),
	("peer-hist", "ftrace: histogram by address", False),
	("peer-perf-record", "perf: page-faults recorded", False),
)
#: curves: (name, what x is, what y is, as a ratio)
CURVES = (
	("pages", "pages counted before", "added to a fault", False),
	("processes", "processes in the run", "added to a fault", False),
	("page-bytes", "pages counted", "bytes for each", False),
	("process-bytes", "processes that live", "bytes for each", False),
	("ended-bytes", "processes that ended", "bytes for each", False),
	("cpus", "CPUs faulting at once", "time, tracked / untracked", True),
)
KINDS = ("copy", "reuse", "zero", "file", "anon", "file-read", "file-miss", "shared")


def number(value):
	"""A figure as text."""
	if value is None:
		return "-"
	if abs(value) < 2:
		return "%.2f" % value
	return "%.1f" % value if abs(value) < 100 else "{:,.0f}".format(value)


def verdict(met):
	"""A word for a comparison."""
	return {True: "met", False: "MISSED", None: "-"}[met]


def target_text(row):
	"""A limit as text."""
	return "< peer" if row["target"] == "<peer" else row["target"]


def show_targets(guest, rows):
	"""The table of a guest's targets."""
	print("\n%s (instructions)" % guest)
	print("%-52s %10s %10s %9s  %s" % ("", "ours", "peer", "target", ""))
	for row in rows:
		print("%-52s %10s %10s %9s  %s" % (row["what"][:52], number(row["ours"]),
						  number(row["peer"]), target_text(row),
						  verdict(row["met"])))


def fault_rows(measured):
	"""(label, [added by kind or None]) of each condition, after the plain costs."""
	rows = []
	for name, label, _ours in CONDITIONS:
		values = []
		for kind in KINDS:
			try:
				values.append(measured.added(name, kind))
			except Unknown:
				values.append(None)
		if any(v is not None for v in values):
			rows.append((label, values))
	return rows


def plain_row(measured):
	"""What each kind of fault costs with nothing tracked."""
	values = []
	for kind in KINDS:
		try:
			values.append(measured.plain(kind))
		except Unknown:
			values.append(None)
	return values


def show_faults(guest, measured):
	"""The table of faults by kind."""
	rows = fault_rows(measured)
	if not rows:
		return
	print("\n%s: a fault of each kind, and what is added to it (hook=auto is %s)" % (
		guest, measured.notes.get("hook", "unknown")))
	print("%-32s" % "" + "".join("%10s" % k for k in KINDS))
	print("%-32s" % "nothing tracked" + "".join("%10s" % (
		"-" if v is None else "%.0f" % v) for v in plain_row(measured)))
	for label, values in rows:
		print("%-32s" % label + "".join("%10s" % (
			"-" if v is None else "%+.0f" % v) for v in values))


def curves_of(measured):
	"""(name, x label, y label, points) of each curve there is."""
	for name, x, y, ratio in CURVES:
		points = measured.ratios(name) if ratio else measured.curve(name)
		if points:
			yield name, x, y, points


def show_curves(guest, measured):
	"""The curves as text."""
	for _name, x, y, points in curves_of(measured):
		print("\n%s: %s: %s" % (guest, x, y))
		print("  " + "   ".join("%s: %s" % ("{:,}".format(at), number(value))
					for at, value in points))


def charts(found):
	"""Write the SVG files."""
	for guest, measured in found.items():
		for name, x, y, points in curves_of(measured):
			write("%s-%s.svg" % (guest, name), svg.curve(
				"%s: %s, by %s" % (guest, y, x), points))
		bars = []
		for name, label, ours in CONDITIONS:
			try:
				bars.append((label, measured.added(name, "copy"), ours))
			except Unknown:
				pass
		if bars:
			write("%s-copy.svg" % guest, svg.bars(
				"%s: added to a copy-on-write fault (copy)" % guest, bars, ""))


def write(name, text):
	"""Write a file of results."""
	with open(os.path.join(RESULTS, name), "w", encoding="utf-8") as file:
		file.write(text)


def markdown(judged, found):
	"""The tables of docs/performance.md."""
	guests = list(judged)
	print("\n| what | " + " | ".join(guests) + " |")
	print("|---" * (len(guests) + 1) + "|")
	for i, row in enumerate(judged[guests[0]]):
		cells = []
		for guest in guests:
			cell = judged[guest][i]
			text = number(cell["ours"])
			if cell["met"] is False:
				text = "**%s**" % text
			limit = target_text(cell)
			if cell["peer"] is not None:
				text += " (peer %s)" % number(cell["peer"])
			cells.append("%s; %s" % (text, limit.replace("<=", "≤ ").replace(">=", "≥ ").replace("+-", "± ")))
		print("| %s | %s |" % (row["what"], " | ".join(cells)))
	for guest, measured in found.items():
		rows = fault_rows(measured)
		if not rows:
			continue
		print("\n| %s | " % guest + " | ".join(KINDS) + " |")
		print("|---" * (len(KINDS) + 1) + "|")
		print("| nothing tracked | " + " | ".join(
			"–" if v is None else "%.0f" % v for v in plain_row(measured)) + " |")
		for label, values in rows:
			print("| %s | " % label + " | ".join(
				"–" if v is None else "%+.0f" % v for v in values) + " |")


def markdown_curves(found):
	"""The tables of what grows."""
	for name, x, y, _ratio in CURVES:
		at = {guest: dict(points) for guest, measured in found.items()
		      for n, _x, _y, points in curves_of(measured) if n == name}
		places = sorted({place for points in at.values() for place in points})
		if not places:
			continue
		print("\n| %s: %s | " % (x, y) + " | ".join(
			"{:,}".format(place) for place in places) + " |")
		print("|---" * (len(places) + 1) + "|")
		for guest, points in at.items():
			print("| %s | " % guest + " | ".join(
				number(points[place]) if place in points else "–"
				for place in places) + " |")


def everything(found, as_markdown):
	"""Report what was measured; how many targets are missed."""
	rows = targets.load()
	judged = {g: [r.judge(g, m) for r in rows] for g, m in found.items()}
	for guest, measured in found.items():
		if not as_markdown:
			show_targets(guest, [r for r in judged[guest] if r["ours"] is not None])
			show_faults(guest, measured)
			show_curves(guest, measured)
	if as_markdown:
		markdown(judged, found)
		markdown_curves(found)
	charts(found)
	raw = {g: {"targets": judged[g], "samples": m.samples, "notes": m.notes,
		   "curves": m.curves,
		   "pairs": {" ".join(k): v for k, v in m.pairs.items()}} for g, m in found.items()}
	try:
		with open(os.path.join(RESULTS, "conditions.json"), encoding="utf-8") as file:
			raw["conditions"] = json.load(file)
	except FileNotFoundError:
		pass
	write("results.json", json.dumps(raw, indent=1))
	missed = sum(r["met"] is False for all_rows in judged.values() for r in all_rows)
	met = sum(r["met"] is True for all_rows in judged.values() for r in all_rows)
	print("\n%d targets met, %d missed; %s" % (met, missed, os.path.relpath(RESULTS)))
	return missed
