#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests upager save, image, and run --from; prints KTAP.

usage: tests/host/upager-snapshot.py [PATTERN...]

Tests whose name contains a PATTERN are run (default: all).

host: timeout=120
"""
import functools
import json
import os
import signal
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from lib import cases  # noqa: E402
from lib.cases import equal  # noqa: E402

BIN = os.environ.get("BIN", os.path.join(TOP, "build", "host", "bin"))
UPAGER = os.path.join(BIN, "upager")
LOAD = os.path.join(TOP, "build", "host", "tests", "snapshot-load")
PATIENCE = 60

# Of the region in the tests: each eighth page is zeros.
PAGES = 512
ZEROS = PAGES // 8

TESTS = []
until = functools.partial(cases.until, seconds=PATIENCE)


def test(function):
	"""A test: runs in a directory of its own."""
	TESTS.append(cases.in_directory(function))
	return function


def upager(*words, status=0):
	"""Runs a command of upager; its output, and what it complains of."""
	done = subprocess.run([UPAGER, *words], capture_output=True, text=True, check=False,
			      timeout=PATIENCE, stdin=subprocess.DEVNULL)
	equal("status of upager %s (%s)" % (" ".join(words), done.stderr.strip()), status,
	      done.returncode)
	return done.stdout if not status else done.stderr


class Client:
	"""snapshot-load under upager run: each call is a line, and its answer."""
	def __init__(self, *options, command=(LOAD,)):
		self.process = subprocess.Popen([UPAGER, "run", *options, "--", *command],
						stdin=subprocess.PIPE, stdout=subprocess.PIPE,
						stderr=subprocess.PIPE, text=True)
		self.pid = self.process.pid

	def ask(self, line):
		"""What it answers, '' if it has ended."""
		try:
			self.process.stdin.write(line + "\n")
			self.process.stdin.flush()
		except BrokenPipeError:
			return ""
		return self.process.stdout.readline().strip()

	def map(self, pages=PAGES, name="data"):
		"""Whether it was saved."""
		answer = self.ask("map %s %d" % (name, pages)).split()
		if answer[0] == "-1":
			raise AssertionError("map: %s" % answer[1])
		return answer[0] == "1"

	def stat(self):
		"""What its pager tells."""
		return json.loads(upager("stat", "--json", str(self.pid)))["pagers"][0]

	def named(self):
		"""What it tells of the client that has named regions."""
		return [c for c in self.stat()["clients"] if c.get("names")]

	def end(self):
		"""Lets it end, which must go well; what it complained of."""
		_, errors = self.process.communicate(timeout=PATIENCE)
		equal("status", 0, self.process.returncode)
		return errors


def make_image(path="image", *options):
	"""A snapshot of PAGES pages."""
	maker = Client()
	equal("saved", False, maker.map())
	equal("fill", "ok", maker.ask("fill 0 %d" % PAGES))
	upager("save", *options, str(maker.pid), path)
	equal("wrong pages of who was saved", "0", maker.ask("read 0 %d" % PAGES))
	maker.end()


def make_damaged_image():
	"""An image with one bit wrong in a page that each client has"""
	make_image("image", "--compress", "none")
	with open("image", "r+b") as file:
		file.seek(4096 + 20 * 4096 + 77)
		byte = file.read(1)
		file.seek(-1, os.SEEK_CUR)
		file.write(bytes([byte[0] ^ 1]))


@test
def comes_back():
	"""What was saved is there again, at the same address, page by page as it is touched"""
	maker = Client()
	before = maker.ask("map data %d" % PAGES)
	maker.ask("fill 0 %d" % PAGES)
	told = json.loads(upager("save", "--json", str(maker.pid), "image"))
	equal("regions", 1, told["regions"])
	equal("pages", PAGES - ZEROS, told["pages"])
	equal("zeros", ZEROS, told["zeros"])
	equal("bytes", os.path.getsize("image"), told["bytes"])
	maker.end()

	client = Client("--from", "image")
	equal("answer", before.replace("0 ", "1 ", 1), client.ask("map data 0"))
	equal("faults before it is used", 0, client.named()[0]["faults"])
	equal("wrong", "0", client.ask("read 16 32"))
	stat = client.named()[0]
	equal("faults", 16, stat["faults"])
	equal("pages", 14, stat["pages"])
	equal("zeros", 2, stat["zeros"])
	equal("read from the file", 14, client.stat()["snapshot"]["read"])
	equal("wrong", "0", client.ask("read 0 %d" % PAGES))
	equal("complaints", "", client.end())


@test
def each_codec():
	"""Every way to compress gives the same; the file is its owner's alone."""
	sizes = {}
	for how in ("none", "lz4", "zstd"):
		make_image(how, "--compress", how)
		info = json.loads(upager("image", "--json", "--check", how))
		equal("damaged", 0, info["damaged"])
		equal("compress", how, info["compress"])
		equal("pages of the region", PAGES - ZEROS, info["regions"][0]["pages"])
		equal("mode", 0o600, os.stat(how).st_mode & 0o777)
		sizes[how] = os.path.getsize(how)
		client = Client("--from", how)
		equal("saved", True, client.map())
		equal("wrong", "0", client.ask("read 0 %d" % PAGES))
		client.end()
	if not max(sizes["lz4"], sizes["zstd"]) < sizes["none"]:
		raise AssertionError("not smaller: %r" % sizes)


@test
def each_its_own():
	"""Several clients of one pager: what one writes, the others don't see"""
	make_image()
	first = Client("--from", "image")
	equal("saved", True, first.map())
	others = [Client("--join", str(first.pid)) for _ in range(3)]
	for client in others:
		equal("saved", True, client.map())
	for client in (first, *others):
		equal("wrong", "0", client.ask("read 0 %d" % PAGES))
	for i, client in enumerate((first, *others)):
		client.ask("write 8 12 %s" % "abcd"[i])
	for i, client in enumerate((first, *others)):
		equal("other letters", "0", client.ask("letters 8 12 %s" % "abcd"[i]))
		equal("wrong", "0", client.ask("read 12 %d" % PAGES))
	equal("clients", 4, len(first.named()))
	for client in others:
		client.end()
	first.end()


@test
def forks():
	"""A child has what its parent has, and its own from then on"""
	make_image()
	client = Client("--from", "image")
	client.map()
	client.ask("read 0 %d" % (PAGES // 2))
	equal("wrong", "0", client.ask("fork"))
	client.end()


@test
def order_is_learned():
	"""What the first run wanted is there in the second before it is touched"""
	make_image()
	client = Client("--from", "image", "--record")
	client.map()
	client.ask("read 100 200")
	equal("faults", 100, client.named()[0]["faults"])
	client.end()
	equal("ordered", 100, json.loads(upager("image", "--json", "image"))["ordered"])

	client = Client("--from", "image")
	client.map()
	until("the pages to come", lambda: sum(
		client.named()[0][n] for n in ("pages", "zeros")) == 100)
	equal("wrong", "0", client.ask("read 100 200"))
	equal("faults", 0, client.named()[0]["faults"])
	equal("wrong", "0", client.ask("read 90 210"))
	equal("faults", 20, client.named()[0]["faults"])
	# one more region is no reason to fetch them again
	client.map(8, "other")
	equal("fetched", 100, client.named()[0]["ahead"])
	client.end()


@test
def order_of_another():
	"""An order that belongs to another image, or is damaged, is said and not used"""
	make_image()
	client = Client("--from", "image", "--record")
	client.map()
	client.ask("read 0 10")
	client.end()
	make_image()
	client = Client("--from", "image")
	client.map()
	equal("wrong", "0", client.ask("read 0 10"))
	equal("faults", 10, client.named()[0]["faults"])
	if "another snapshot" not in client.end():
		raise AssertionError("nothing was said")
	with open("image.order", "r+b") as file:
		file.truncate(60)
	client = Client("--from", "image")
	client.map()
	equal("wrong", "0", client.ask("read 0 10"))
	if "not used" not in client.end():
		raise AssertionError("nothing was said")


@test
def damaged_page():
	"""Who needs a page that is damaged gets SIGBUS, the others are not told a lie"""
	make_damaged_image()
	equal("status", 1, subprocess.run([UPAGER, "image", "--check", "image"], check=False,
					  capture_output=True, timeout=PATIENCE).returncode)
	client = Client("--from", "image")
	client.map()
	# page 22 is the 21st that is not zeros
	equal("wrong", "0", client.ask("read 0 22"))
	equal("wrong", "0", client.ask("read 23 %d" % PAGES))
	equal("answer", "", client.ask("read 22 23"))
	client.process.communicate(timeout=PATIENCE)
	equal("status", -signal.SIGBUS, client.process.returncode)


@test
def damaged_file():
	"""A file that is cut off, changed, or no snapshot is refused with words"""
	make_image()
	with open("image", "rb") as file:
		good = file.read()
	bad = {
		"cut off": good[:-1],
		"no snapshot": b"x" + good[1:],
		"too long": good + b"x",
		"its header is damaged": good[:40] + b"\x55" + good[41:],
		"its tables are damaged": good[:-5] + bytes([good[-5] ^ 1]) + good[-4:],
		"too short": good[:100],
		"version": good[:8] + b"\x09" + good[9:],
	}
	for words, content in bad.items():
		with open("bad", "wb") as file:
			file.write(content)
		for command in (("run", "--from", "bad", "--", "true"), ("image", "bad")):
			said = upager(*command, status=1)
			if words not in said:
				raise AssertionError("%s: said %r" % (words, said))
	if "No such file" not in upager("run", "--from", "nowhere", "--", "true", status=1):
		raise AssertionError("not said that it is not there")


@test
def beyond_the_limit():
	"""Of a program with a limit all is saved, from memory and store; it keeps its limit"""
	pages = 4096
	maker = Client("--limit", "4M", "--store", "mem:")
	maker.map(pages)
	maker.ask("fill 0 %d" % pages)
	until("it to be within its limit",
	      lambda: maker.stat()["run"]["memory"] <= 4 << 20)
	told = json.loads(upager("save", "--json", str(maker.pid), "image"))
	equal("pages", pages - pages // 8, told["pages"])
	if maker.stat()["run"]["memory"] > (4 << 20) + (64 << 12):
		raise AssertionError("it has more than it may: %r" % maker.stat()["run"])
	maker.end()

	# what is only read need not be kept: the snapshot has it
	client = Client("--limit", "4M", "--from", "image")
	equal("saved", True, client.map(pages))
	for _ in range(2):
		equal("wrong", "0", client.ask("read 0 %d" % pages))
	run = client.stat()["run"]
	if run["unchanged"] < pages or run["stored"] > 1 << 20:
		raise AssertionError("clean pages were kept: %r" % run)
	# what is written must be
	client.ask("write 0 %d x" % pages)
	equal("other letters", "0", client.ask("letters 0 %d x" % pages))
	equal("other letters", "0", client.ask("letters 0 %d x" % pages))
	client.end()


@test
def one_moment():
	"""Threads that write all the time are held: what is saved is that of one moment"""
	maker = Client()
	maker.map()
	maker.ask("race")
	upager("save", str(maker.pid), "image")
	upager("save", str(maker.pid), "image")
	maker.process.kill()
	maker.process.communicate(timeout=PATIENCE)
	client = Client("--from", "image")
	equal("saved", True, client.map())
	if client.ask("ahead") not in ("0", "1"):
		raise AssertionError("it was saved while it went on")
	client.end()


@test
def saved_again():
	"""Who came from a snapshot is saved with what it has changed, and what it never touched"""
	make_image()
	client = Client("--from", "image")
	client.map()
	client.ask("write 0 8 z")
	upager("save", str(client.pid), "image")
	equal("wrong", "0", client.ask("read 8 %d" % PAGES))
	client.end()
	client = Client("--from", "image")
	equal("saved", True, client.map())
	equal("other letters", "0", client.ask("letters 0 8 z"))
	equal("wrong", "0", client.ask("read 8 %d" % PAGES))
	client.end()


@test
def several_processes():
	"""Which of several is to be saved must be said"""
	first = Client()
	first.map()
	second = Client("--join", str(first.pid))
	second.map()
	second.ask("fill 0 %d" % PAGES)
	if "--process" not in upager("save", str(first.pid), "image", status=1):
		raise AssertionError("not said which")
	upager("save", "--process", str(second.pid), str(first.pid), "image")
	second.end()
	first.end()
	client = Client("--from", "image")
	equal("saved", True, client.map())
	equal("wrong", "0", client.ask("read 0 %d" % PAGES))
	client.end()


@test
def nothing_to_save():
	"""A program without named memory, and no pager at all, are errors; no file is left"""
	client = Client()
	client.ask("read 0 0")
	if "named" not in upager("save", str(client.pid), "image", status=1):
		raise AssertionError("not said why")
	upager("save", str(os.getpid()), "image", status=1)
	client.map()
	upager("save", str(client.pid), "nowhere/image", status=1)
	client.end()
	equal("files", [], sorted(n for n in os.listdir(".") if n.startswith("image")))


@test
def no_room_for_it():
	"""A file that can't be written leaves the old one as it was, and nothing behind"""
	make_image()
	with open("image", "rb") as file:
		before = file.read()
	client = Client("--from", "image")
	client.map()
	done = subprocess.run(["prlimit", "--fsize=100000", "env", "--ignore-signal=XFSZ", UPAGER,
			       "save", "--compress", "none", str(client.pid), "image"],
			      capture_output=True, text=True, check=False, timeout=PATIENCE)
	equal("status", 1, done.returncode)
	if "File too large" not in done.stderr or "nothing was saved" not in done.stderr:
		raise AssertionError("said %r" % done.stderr)
	with open("image", "rb") as file:
		equal("the file is as it was", True, file.read() == before)
	equal("files", ["image"], [n for n in os.listdir(".") if n.startswith("image")])
	equal("wrong", "0", client.ask("read 0 %d" % PAGES))
	client.end()


@test
def page_lost_while_saving():
	"""A page that can't be had is not left out of a new snapshot: there is none"""
	make_damaged_image()
	client = Client("--from", "image")
	client.map()
	if "nothing was saved" not in upager("save", str(client.pid), "other", status=1):
		raise AssertionError("not said")
	equal("files", [], [n for n in os.listdir(".") if n.startswith("other")])
	client.process.kill()
	client.process.communicate(timeout=PATIENCE)


@test
def names_are_checked():
	"""A name twice, a wrong length, no length: errors, and nothing is harmed"""
	make_image()
	client = Client("--from", "image")
	equal("other length", "-1 EINVAL", client.ask("map data 7"))
	equal("not saved, no length", "-1 ENOENT", client.ask("map other 0"))
	equal("too long", "-1 EINVAL", client.ask("map %s 1" % ("n" * 32)))
	client.map()
	equal("twice", "-1 EEXIST", client.ask("map data 0"))
	client.end()
	client = Client("--from", "image")
	client.map()
	client.ask("write 0 8 z")
	client.ask("unmap")
	equal("saved", True, client.map())
	equal("wrong", "0", client.ask("read 0 %d" % PAGES))
	client.end()


@test
def without_a_pager():
	"""The library makes plain memory where there is no pager"""
	done = subprocess.run([LOAD], input="map data 8\nfill 0 8\nread 0 8\n", text=True,
			      capture_output=True, check=True, timeout=PATIENCE)
	equal("answers", ["0", "ok", "0"], [l.split()[0] for l in done.stdout.splitlines()])


@test
def python_uses_it():
	"""An interpreter, by libupager.so: a table that is made once, and found again"""
	code = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1], use_errno=True)
at, length = ctypes.c_void_p(), ctypes.c_size_t(1 << 20)
saved = library.upager_map(b"table", ctypes.byref(at), ctypes.byref(length))
table = (ctypes.c_uint32 * (1 << 18)).from_address(at.value)
if not saved:
	for i in range(1 << 18):
		table[i] = i * i & 0xffffffff
print(saved, sum(table), flush=True)
sys.stdin.readline()
"""
	command = ("python3", "-c", code, os.path.join(BIN, "..", "lib", "libupager.so"))
	maker = Client(command=command)
	before = maker.process.stdout.readline().split()
	upager("save", str(maker.pid), "image")
	maker.end()
	client = Client("--from", "image", command=command)
	equal("after", ["1", before[1]], client.process.stdout.readline().split())
	client.end()


@test
def detached():
	"""After a detach all is there, without a pager"""
	make_image()
	client = Client("--from", "image")
	client.map()
	client.ask("write 0 8 z")
	upager("detach", str(client.pid))
	equal("other letters", "0", client.ask("letters 0 8 z"))
	equal("wrong", "0", client.ask("read 8 %d" % PAGES))
	client.end()


def main(patterns):
	"""Runs the tests; the exit status."""
	missing = [path for path in (UPAGER, LOAD) if not os.path.exists(path)]
	return cases.run_tests(TESTS, patterns, "not built: " + " ".join(missing) if missing else None)


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
