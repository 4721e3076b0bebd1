#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""upager top: on lines and on a terminal, and the columns of upager stat.

host: timeout=120
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from lib import cases  # noqa: E402

HOST = os.path.join(TOP, "build", "host")
UPAGER = os.path.join(HOST, "bin", "upager")
LOAD = os.path.join(HOST, "tests", "limit-load")
LONG = 60


class Load:
	"""A program with four times its limit; "work" uses all of it round and round."""

	def __init__(self, *options, kind="work"):
		self.process = subprocess.Popen(
			[UPAGER, "run", "--limit", "4M", *options, "--", LOAD, kind, "4096"],
			stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
		self.pager = self.process.pid
		self.worker = int(self.process.stdout.readline())

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.process.stdin.close()
		status = self.process.wait(LONG)
		self.process.stdout.close()
		assert status == 0, "the load ended with %d" % status


class Terminal:
	"""A command on a terminal."""

	def __init__(self, args, term="vt100", size=(24, 80)):
		self.text = ""
		self.pid, self.fd = pty.fork()
		if not self.pid:
			env = {k: v for k, v in os.environ.items() if k != "TERM"}
			if term:
				env["TERM"] = term
			fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
			try:
				os.execve(UPAGER, [UPAGER, *args], env)
			finally:
				os._exit(127)

	def shows(self, words):
		"""Reads until the words are there; False: it has ended before, or it takes too long."""
		end = time.monotonic() + LONG
		while words not in self.text:
			if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
				return False
			try:
				got = os.read(self.fd, 65536)
			except OSError:
				return False
			if not got:
				return False
			self.text += got.decode("utf-8", "replace")
		return True

	def close(self):
		"""Its status, when it has ended."""
		self.shows("\0never")
		status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
		os.close(self.fd)
		return status


def top(*args):
	"""What a run of it prints."""
	return subprocess.run([UPAGER, "top", *map(str, args)], capture_output=True, text=True,
			      stdin=subprocess.DEVNULL, timeout=LONG, check=False)


def tables(text):
	"""The rows of the last look: those of pagers, and those of processes, by heading."""
	found, heading = {}, None
	for line in text.splitlines():
		words = line.split()
		if words and words[0] in ("PAGER", "PID"):
			heading = words
			found[words[0]] = []
		elif heading and words and re.match(r"\d+$", words[0]):
			found[heading[0]].append(dict(zip(heading, words)))
	return found["PAGER"], found["PID"]


def batch_of_one():
	"""Numbers of a run, and of its process."""
	with Load("--stage", "0") as load:
		done = top("--batch", "-n", 2, "-d", 0.3, load.pager)
	assert done.returncode == 0 and not done.stderr, done
	assert done.stdout.count("upager top: 1 pager, every 0.3 s") == 2, done.stdout
	assert max(map(len, done.stdout.splitlines())) <= 79
	pagers, processes = tables(done.stdout)
	assert [p["PAGER"] for p in pagers] == [str(load.pager)], pagers
	pager = pagers[0]
	assert pager["LIMIT"] == "4.0M" and pager["STORE"] == "zmem:", pager
	assert 3 <= float(pager["MEMORY"].rstrip("M")) < 5 and pager["STAGE"] == "0K", pager
	assert float(pager["STORED"].rstrip("M")) > 8, pager
	for name in ("FAULTS/s", "OUT/s", "IN/s"):
		assert int(pager[name]) > 0, pager
	assert pager["US/GET"].isdigit(), pager
	assert [p["PID"] for p in processes] == [str(load.worker)], processes
	process = processes[0]
	assert process["PAGER"] == str(load.pager) and "limit-load".startswith(process["NAME"])
	assert int(process["PAGES/s"]) > 0 and process["ZEROS/s"] == process["AHEAD/s"] == "0"
	assert process["COVERED"].endswith("M") and process["US"].isdigit(), process


def batch_of_all():
	"""All pagers, each once; a process with two clients is one."""
	with Load() as one, Load("--store", "mem:", kind="family") as other:
		pagers, processes = tables(top("--batch", "-n", 1, "-d", 0.1).stdout)
	assert sorted(int(p["PAGER"]) for p in pagers) == sorted([one.pager, other.pager]), pagers
	assert {p["STORE"] for p in pagers} == {"mem:", "zmem:"}, pagers
	pids = [int(p["PID"]) for p in processes]
	assert len(pids) == len(set(pids)) == 3, processes
	assert one.worker in pids and other.worker in pids, processes


def nobody():
	"""Without pagers there is nothing to be seen, and without that pager an error."""
	done = top("--batch", "-n", 1, "-d", 0)
	assert done.returncode == 0 and "0 pagers" in done.stdout, done
	done = top("--batch", os.getpid())
	assert done.returncode == 1 and "upager stat" in done.stderr, done
	assert top("--batch", "-n", 0).returncode == 2


def ends_with_the_pager():
	"""There is nothing more to be seen then."""
	with Load(kind="hold") as load:
		watching = subprocess.Popen([UPAGER, "top", "--batch", "-d", "0.1", str(load.pager)],
					    stdout=subprocess.PIPE, text=True)
		first = watching.stdout.readline()
	watching.communicate(timeout=LONG)
	assert "1 pager, every 0.1 s" in first and watching.returncode == 0, first


def ends_by_signal():
	"""Which the status tells."""
	watching = subprocess.Popen([UPAGER, "top", "--batch", "-d", "0.1"],
				    stdout=subprocess.PIPE, text=True)
	watching.stdout.readline()
	watching.send_signal(signal.SIGTERM)
	watching.communicate(timeout=LONG)
	assert watching.returncode == -signal.SIGTERM


def on_a_terminal():
	"""A picture, until q."""
	with Load() as load:
		terminal = Terminal(["top", "-d", "0.2", str(load.pager)])
		assert terminal.shows("1 pager, every 0.2 s"), terminal.text
		assert terminal.shows("COVERED") and terminal.shows("limit-loa"), terminal.text
		assert terminal.shows("q: quit"), terminal.text
		os.write(terminal.fd, b"q")
		assert terminal.close() == 0


def interrupted_on_a_terminal():
	"""The terminal is as it was, and the status tells of the signal."""
	terminal = Terminal(["top", "-d", "5"])
	assert terminal.shows("q: quit"), terminal.text
	os.kill(terminal.pid, signal.SIGINT)
	assert terminal.close() == -signal.SIGINT


def no_terminal():
	"""Each kind of no terminal has its words."""
	for term, words in ((None, "TERM: it is not set: set TERM to your terminal's kind"),
			    ("nonsense", "nonsense: no such kind of terminal is known here")):
		terminal = Terminal(["top"], term)
		assert terminal.shows(words), terminal.text
		assert terminal.close() == 1
	os.environ["TERM"] = "vt100"
	done = top()
	assert done.returncode == 1 and "or use --batch" in done.stderr, done


def stat_has_headings():
	"""Each column of upager stat has a heading of its own, and each pager is there once."""
	with Load() as load:
		text = subprocess.run([UPAGER, "stat"], capture_output=True, text=True,
				      timeout=LONG, check=True).stdout
	lines = text.splitlines()
	assert lines[0].split() == ["PAGER", "CLIENT", "BY", "FAULTS", "BATCHES", "PAGES", "ZEROS",
				    "AHEAD", "HITS", "FORKS", "FAILURES", "LOCAL", "US/FAULT"], text
	assert [line.split()[:2] for line in lines[1:3]] == [
		[str(load.pager), str(load.worker)], [str(load.pager), "all"]], text
	assert text.count("MiB in memory") == 1, text


TESTS = (batch_of_one, batch_of_all, nobody, ends_with_the_pager, ends_by_signal, on_a_terminal,
	 interrupted_on_a_terminal, no_terminal, stat_has_headings)


if __name__ == "__main__":
	sys.exit(cases.run_tests([cases.in_directory(function) for function in TESTS]))
