#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""pfstat report, given a recording whose contents are known; its page in a browser.

host: timeout=600

The browser is Chromium without a window. It is looked for as a program and, if
it lacks, installed like all that is needed (scripts/hostdeps browser).
"""
import csv
import html.parser
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from lib import cases  # noqa: E402

PFSTAT = os.path.join(os.environ.get("BIN", os.path.join(TOP, "build/host/bin")), "pfstat")
KINDS = ["copy", "reuse", "zero", "file", "huge", "kernel", "unshare"]
PAGE = 4096
HEAP, ANON, FILE = 0x100000, 0x7fff00000000, 0x400000
#: a name that would break the page, if it were not quoted
NAME = "</script><b>&\"evil"


def vma(start, pages, path, perm="rw-p"):
	"""A mapping as pfstat get --json shows it."""
	return {"start": hex(start), "end": hex(start + pages * PAGE), "perm": perm, "path": path,
		"offset": 0, "unmapped": False, "cow_faults": 0, "pages": 0, "kernel": 0,
		"unshare": 0, "kinds": {k: 0 for k in KINDS[:5]}}


def faults():
	"""(time in ms, pid, address, kind, ip, stack): 30 + 8 + 4 + 2 of them."""
	for i in range(30):
		yield i, 101, HEAP + i * PAGE, 0, 0x1000, [0x1000, 0x2000]
	for i in range(8):
		yield 100 + i, 100, HEAP + i * PAGE, 1, 0x1004, []
	for i in range(4):
		yield 200 + i, 101, ANON + 5 * PAGE, 0, 0x3000, []
	for i in range(2):
		yield 1000 + i, 100, FILE, 5, 0, []


def duration(kind, address):
	"""How long a fault took, in ns: one that copied, one that did not; 0: not known."""
	return {0: 3000 if address > ANON else 100, 1: 1}.get(kind, 0)


def recording(path, **more):
	"""Write the recording."""
	counts = {"cow_faults": 42, "pages": 31, "kernel": 2, "unshare": 0, "bytes_copied": 34 * PAGE,
		  "kinds": {"copy": 34, "reuse": 8, "zero": 0, "file": 0, "huge": 0}}
	processes = [dict(counts, pid=100, parent=0, cow_faults=8, forked=False),
		     dict(counts, pid=101, parent=100, cow_faults=34, forked=True)]
	meta = dict(counts, name=NAME, run=1, pid=100, page_size=PAGE, recorded=44, lost=0,
		    stacks=True, processes=processes,
		    vmas=[vma(HEAP, 64, "[heap]"), vma(FILE, 4, "/lib/a,b.so"), vma(ANON, 1024, "")],
		    symbols=[{"pid": 101, "ip": "0x1000", "symbol": "write page", "file": "/bin/x"},
			     {"pid": 101, "ip": "0x2000", "symbol": "main", "file": "/bin/x"},
			     {"pid": 100, "ip": "0x1004", "file": "/bin/x", "offset": 0x1004}])
	meta.update(more)
	measured = "latency_cost_ns" in meta
	rows, frames = [], []
	for ms, pid, address, kind, ip, stack in faults():
		where = 0
		if stack:
			where = len(frames) + 1
			frames += [len(stack)] + stack
		rows.append(struct.pack("<6Q2IQ", 5_000_000_000 + ms * 1_000_000, 1, address,
					address & ~0xfffff, ip,
					duration(kind, address) if measured else 0,
					pid, kind, where))
	text = json.dumps(meta).encode()
	with open(path, "wb") as out:
		out.write(b"pfstat-record 1\n" + struct.pack("<Q", len(text)) + text)
		out.write(struct.pack("<Q", len(rows)) + b"".join(rows))
		out.write(struct.pack("<Q%dQ" % len(frames), len(frames), *frames))


def run(*args):
	"""Run pfstat report; (status, standard output, standard error)."""
	done = subprocess.run([PFSTAT, "report", *args], stdout=subprocess.PIPE,
			      stderr=subprocess.PIPE, text=True, check=False)
	return done.returncode, done.stdout, done.stderr


def check_forms(test, path):
	"""Text, JSON, CSV, stacks."""
	data = json.loads(run(path, "--json")[1])
	heap, anon = data["by_vma"][0], data["by_vma"][1]
	test.equal("JSON: hottest mapping", ("[heap]", 38, 30, 30, 8),
		   (heap["path"], heap["cow_faults"], heap["distinct_pages"],
		    heap["kinds"]["copy"], heap["kinds"]["reuse"]))
	test.equal("JSON: a page that was copied four times", (4, 1),
		   (anon["cow_faults"], anon["distinct_pages"]))
	test.equal("JSON: pages", 32, len(data["by_page"]))
	test.equal("JSON: processes", [(100, 0, 8), (101, 100, 34)],
		   [(p["pid"], p["parent"], p["cow_faults"]) for p in data["by_process"]])
	test.equal("JSON: functions", [("write page", 30), ("x+0x1004", 8), ("0x3000", 4),
				       ("(kernel)", 0)],
		   [(f["function"], f["cow_faults"]) for f in data["by_ip"]])
	test.equal("JSON: time", [30, 8, 4, 0],
		   [s["cow_faults"] for s in merged(data["by_time"])])
	rows = list(csv.DictReader(io.StringIO(run(path, "--csv")[1])))
	test.equal("CSV: faults", 44, len(rows))
	test.equal("CSV: a fault", ("5000000000", "101", "0x100000", "copy", "write page"),
		   tuple(rows[0][k] for k in ("time_ns", "pid", "address", "kind", "function")))
	rows = list(csv.DictReader(io.StringIO(run(path, "--csv", "--by", "vma")[1])))
	test.equal("CSV: a path with a comma", "/lib/a,b.so", rows[2]["path"])
	test.equal("CSV: the kernel's faults stand apart", ("0", "2"),
		   (rows[2]["cow_faults"], rows[2]["kernel"]))
	stacks = dict(line.rsplit(" ", 1) for line in run(path, "--stacks")[1].splitlines())
	test.equal("stacks: outermost first", "30",
		   stacks.get(NAME + "-101;main;write_page;[copy]"))
	test.equal("stacks: sum", 44, sum(map(int, stacks.values())))
	text = run(path)[1]
	test.equal("text: head", "44 faults recorded in 1.001 s; 42 CoW faults counted",
		   text.splitlines()[0][len(NAME) + 2:])
	test.equal("text: rows are limited", "(2 more: --rows)",
		   run(path, "--by", "ip", "--rows", "2")[1].splitlines()[-1])


def check_latency(test, path):
	"""Histograms, by kind; and none of what was not measured."""
	recording(path, latency_cost_ns=17)
	latency = json.loads(run(path, "--json")[1])["latency"]
	test.equal("latency: what it costs", 17, latency["cost_ns"])
	test.equal("latency: JSON", {
		"count": 34, "sum_ns": 15000, "max_ns": 3000,
		"buckets": [{"from_ns": 64, "count": 30}, {"from_ns": 2048, "count": 4}]},
		   latency["copy"])
	test.equal("latency: JSON of the shortest", [{"from_ns": 1, "count": 8}],
		   latency["reuse"]["buckets"])
	test.equal("latency: JSON without durations", (0, []),
		   (latency["kernel"]["count"], latency["kernel"]["buckets"]))
	lines = run(path)[1].splitlines()
	at = lines.index("(measuring made each page fault of every process dearer by about 17 ns)")
	test.equal("latency: text", [
		"", "copy: 34 faults, 441 ns on average, 99 % below 4096 ns, the longest 3000 ns",
		"  from   64 ns         30  " + 40 * "#",
		"  from  128 ns          0  ", "  from  256 ns          0  ",
		"  from  512 ns          0  ", "  from 1024 ns          0  ",
		"  from 2048 ns          4  " + 6 * "#",
		"", "reuse: 8 faults, 1 ns on average, 99 % below    2 ns, the longest    1 ns",
		"  from    1 ns          8  " + 40 * "#"], lines[at + 1:])


def merged(spans):
	"""Spans of time that follow each other at once are one."""
	last = None
	for span in spans:
		if last and span["from_ns"] - last["to_ns"] < 50_000_000:
			last = dict(last, to_ns=span["to_ns"],
				    cow_faults=last["cow_faults"] + span["cow_faults"])
			continue
		if last:
			yield last
		last = span
	yield last


def check_refused(test, path, work):
	"""What is no recording, or a part of one."""
	with open(path, "rb") as file:
		whole = file.read()
	bad = os.path.join(work, "bad")
	# the last byte of each part, one that says more than there is, a wild stack
	for what, data in (("empty", b""), ("cut in the magic", whole[:10]),
			   ("cut in the head", whole[:100]), ("cut in the faults", whole[:-600]),
			   ("cut in the stacks", whole[:-1]),
			   ("says too much", whole[:16] + b"\xff" * 8 + whole[24:]),
			   ("other JSON", b"pfstat-record 1\n" + struct.pack("<Q", 2) + b"[]" +
			    bytes(16))):
		with open(bad, "wb") as file:
			file.write(data)
		status, out, err = run(bad)
		test.equal("refused: " + what,
			   (1, "", "pfstat: report: %s: not a recording, or a damaged one: make one "
			    "with: pfstat record\n" % bad), (status, out, err))


class Page(html.parser.HTMLParser):
	"""The page as the browser has made it: texts by id, rows of tables."""

	def __init__(self, text):
		super().__init__()
		self.path, self.attributes, self.texts = [], {}, {}
		self.rows, self.bars, self.tree, self.spans, self.tags = {}, [], [], 0, []
		self.feed(text)

	def handle_starttag(self, tag, attrs):
		attrs = dict(attrs)
		self.tags.append(tag)
		if tag not in ("meta", "rect", "br"):
			self.path.append((tag, attrs.get("id")))
		if tag == "body":
			self.attributes = attrs
		elif tag == "tr":
			self.rows.setdefault(self.inside(), []).append([])
		elif tag == "div" and attrs.get("class") == "bar":
			self.bars.append(tuple(int(attrs["data-" + k]) for k in ("total", "pages",
										   "hot")))
		elif tag == "li":
			self.tree.append((int(attrs["data-pid"]),
					  sum(t == "ul" for t, _ in self.path)))
		elif tag == "rect":
			self.spans += 1

	def handle_endtag(self, tag):
		while self.path and self.path.pop()[0] != tag:
			pass

	def inside(self):
		"""The id of the innermost element that has one."""
		return next((i for _, i in reversed(self.path) if i), None)

	def handle_data(self, data):
		self.texts[self.inside()] = self.texts.get(self.inside(), "") + data
		if self.path and self.path[-1][0] in ("td", "th"):
			self.rows[self.inside()][-1].append(data)


def browse(browser, work, path):
	"""What a browser makes of a page."""
	done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu",
			       "--disable-dev-shm-usage", "--no-first-run",
			       "--user-data-dir=" + os.path.join(work, "profile"),
			       "--virtual-time-budget=10000", "--dump-dom", "file://" + path],
			      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
			      timeout=300)
	if done.returncode or "<html" not in done.stdout:
		print("# %s: status %d: %s" % (browser, done.returncode, done.stderr[-2000:]
					       .replace("\n", "\n# ")))
	return Page(done.stdout)


def check_page(test, browser, path, work):
	"""The page, in a browser."""
	page = os.path.join(work, "page.html")
	test.equal("page: is written", (0, "", ""), run(path, "--html", page))
	with open(page, encoding="utf-8") as file:
		source = file.read()
	test.equal("page: needs nothing else", [],
		   [word for word in ("src=", "href=", "@import", "url(") if word in source])
	seen = browse(browser, work, page)
	test.equal("page: its script ran to the end", "yes", seen.attributes.get("data-ready"))
	test.equal("page: title", "Copy-on-write faults of " + NAME, seen.texts.get("title"))
	test.equal("page: no tag comes from a name", 0, seen.tags.count("b"))
	test.equal("page: summary", "44 faults recorded in 1.001 s; 42 CoW faults on 31 pages; "
		   "136 KiB copied", seen.texts.get("summary"))
	# by address: the heap, the library without CoW faults, anonymous memory
	test.equal("page: bars (pages, hot pages, hot pixels)",
		   [(64, 30, 30), (4, 0, 0), (1024, 1, 1)], seen.bars)
	test.equal("page: fork tree", [(100, 1), (101, 2)], seen.tree)
	test.equal("page: time line", True, seen.spans >= 4)
	test.equal("page: mappings, hottest first",
		   [["38", "30", "30", "8", "0", "100000-140000 rw-p [heap]"],
		    ["4", "1", "4", "0", "0", "7fff00000000-7fff00400000 rw-p anonymous"],
		    ["0", "0", "0", "0", "2", "400000-404000 rw-p /lib/a,b.so"]],
		   seen.rows["vmas"][1:])
	test.equal("page: headings", ["faults", "pages", "copy", "reuse", "kernel", "mapping"],
		   seen.rows["vmas"][0])
	# a click sorts: the page is given a script that clicks, as a user would
	clicks = ("<script>for (const [id, i] of [['vmas', 5], ['functions', 0], "
		  "['functions', 0]]) document.querySelectorAll('#' + id + ' th')[i].click();"
		  "</script></body>")
	with open(page, "w", encoding="utf-8") as file:
		file.write(source.replace("</body>", clicks))
	seen = browse(browser, work, page)
	test.equal("page: a click sorts by address, downwards",
		   ["7fff00000000", "400000", "100000"],
		   [row[-1].split("-")[0] for row in seen.rows["vmas"][1:]])
	test.equal("page: two clicks sort upwards, then downwards",
		   ["30", "8", "4", "0"], [row[0] for row in seen.rows["functions"][1:]])


def main():
	"""All tests."""
	print("KTAP version 1")
	browser = shutil.which("chromium")
	if not browser:
		done = subprocess.run([os.path.join(TOP, "scripts/hostdeps"), "browser"],
				      check=False, stdout=subprocess.PIPE,
				      stderr=subprocess.STDOUT, text=True)
		print("# " + done.stdout.replace("\n", "\n# "))
		browser = shutil.which("chromium")
	test = cases.Checks()
	with tempfile.TemporaryDirectory() as work:
		path = os.path.join(work, "pfstat.data")
		recording(path)
		check_forms(test, path)
		check_refused(test, path, work)
		recording(path + ".lost", lost=7)
		test.equal("text: what was lost is told",
			   "7 events were lost: what follows is incomplete",
			   run(path + ".lost")[1].splitlines()[1])
		check_latency(test, path + ".latency")
		if browser:
			check_page(test, browser, path, work)
		else:
			test.equal("page: there is a browser (scripts/hostdeps browser)", True, False)
	return test.end()


if __name__ == "__main__":
	sys.exit(main())
