#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Programs of Debian, as they are, with a fifth of the memory that they use, on
every kind of store, and while servers are killed and slots move; prints KTAP.

usage: tests/host/upager-programs.py [--all] [PATTERN...]

Each program is a test of its result. By default a program is on some stores only,
and each store has some; --all takes every program on every store through every
failure, and prints a table in the end. PATTERN: those whose name, PROGRAM/STORE,
contains one.

host: timeout=900
"""
import filecmp
import functools
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from lib import servers  # noqa: E402
from lib.cases import equal, until  # noqa: E402
from lib.servers import Cluster, Redis, move_slots  # noqa: E402

UPAGER = os.path.join(os.environ.get("BIN") or os.path.join(TOP, "build/host/bin"), "upager")
PROGRAMS = os.path.join(TOP, "tests", "programs")
#: what programs need, and what they make without us
MADE = tempfile.TemporaryDirectory(prefix="programs-")	# pylint: disable=consider-using-with
#: seconds that a program may take, which is many times what it takes
SECONDS = 300
#: times that a program is run until something has happened to its servers before it ended
ATTEMPTS = 5
#: keys on the servers when something happens to them
KEYS = 200


def script(name, *args):
	"""The command for one of our scripts."""
	return ["python3", os.path.join(PROGRAMS, name), *args]


@functools.lru_cache(maxsize=None)
def made(name, *command):
	"""A file that a command makes, once for all tests; "{}" is its name."""
	path = os.path.join(MADE.name, name)
	with open(os.devnull if "{}" in command else path, "wb") as file:
		subprocess.run([path if word == "{}" else word for word in command], stdout=file,
			       check=True)
	return path


def same(what, path, right):
	"""Fails the test if two files differ."""
	if not filecmp.cmp(path, right, shallow=False):
		raise AssertionError("%s: not as without us" % what)


class Program:
	"""A program whose result is its exit status."""

	def __init__(self, limit, *command):
		self.limit, self.command = limit, list(command)

	def prepare(self, _where):
		"""Makes what it needs; the command."""
		return self.command

	def use(self, where):
		"""While it runs."""

	def check(self, where):
		"""What it has left, when it has ended well."""


class Sort(Program):
	"""sort of lines in no order"""

	@staticmethod
	def _lines():
		return made("lines", *script("paged-lines.py"))

	def prepare(self, where):
		return [*self.command, "-o", os.path.join(where, "sorted"), self._lines()]

	def check(self, where):
		same("the order", os.path.join(where, "sorted"), made("sorted", "sort", self._lines()))


class Compiler(Program):
	"""gcc on a large file"""

	@staticmethod
	def _source():
		return made("big.c", *script("paged-source.py"))

	def prepare(self, where):
		return [*self.command, "-o", os.path.join(where, "big.o"), self._source()]

	def check(self, where):
		same("the object file", os.path.join(where, "big.o"),
		     made("big.o", *self.command, "-o", "{}", self._source()))


class Server(Program):
	"""redis-server, which redis-benchmark works with"""

	def prepare(self, where):
		program = os.path.join(where, "redis-server-paged")
		if not os.path.exists(program):
			os.symlink("/usr/bin/redis-check-rdb", program)
		return [program, "--port", "0", "--save", "", "--unixsocket",
			os.path.join(where, "paged")]

	@staticmethod
	def _cli(where, *words):
		done = subprocess.run(["redis-cli", "-s", os.path.join(where, "paged"), *words],
				      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
				      stderr=subprocess.DEVNULL, text=True, timeout=SECONDS,
				      check=False)
		return done.stdout.split()

	def use(self, where):
		until("the paged server answers", lambda: self._cli(where, "ping") == ["PONG"])
		subprocess.run(["redis-benchmark", "-s", os.path.join(where, "paged"), "-q", "-t",
				"set,get", "-n", "20000", "-r", "20000", "-d", "1000", "-c", "10"],
			       stdout=subprocess.DEVNULL, timeout=SECONDS, check=True)
		for i in range(0, 100, 9):
			equal("set", ["OK"], self._cli(where, "set", "k%d" % i, "v%d" % i))
		equal("what was set", ["v%d" % i for i in range(0, 100, 9)],
		      self._cli(where, "mget", *["k%d" % i for i in range(0, 100, 9)]))
		self._cli(where, "shutdown", "nosave")


ALL = {
	"dict": Program("7M", *script("paged-dict.py")),
	"sort": Sort("2M", "sort", "-S", "100M", "--parallel=2"),
	"sqlite": Program("4M", *script("paged-database.py")),
	"threads": Program("3M", *script("paged-threads.py")),
	"gcc": Compiler("8M", "gcc", "-O1", "-c"),
	"redis-server": Server("6M"),
	"stress-ng": Program("3M", "stress-ng", "--vm", "2", "--vm-bytes", "16M", "--vm-method", "all",
			     "--verify", "--vm-ops", "800", "--no-rand-seed"),
}


class Store:
	"""Where pages go: what is asked for, and what happens to it meanwhile."""

	def __init__(self, url):
		self.url = url

	def start(self, where):
		"""What has to be there; the URL."""
		return self.url.format(where=where)

	def keys(self):
		"""How many there are."""
		return None

	def disturb(self):
		"""Does harm, while the program stands still."""

	def disturb_more(self):
		"""Does harm, while the program goes on."""

	def empty(self):
		"""Nothing is left."""


class Single(Store):
	"""One server, which keeps a log"""

	def __init__(self, by_socket, killed=False):
		super().__init__(None)
		self.by_socket, self.killed, self.server = by_socket, killed, None

	def start(self, where):
		self.server = Redis(where, "--appendonly", "yes", "--appendfsync", "no")
		return "redis+unix://" + self.server.socket if self.by_socket else self.server.url

	def keys(self):
		return int(self.server.cli("DBSIZE")) if self.killed else None

	def disturb(self):
		self.server.kill()

	def disturb_more(self):
		self.server.start()

	def empty(self):
		equal("keys left", "0", self.server.cli("DBSIZE"))


class Three(Store):
	"""Three masters, three replicas"""

	def __init__(self, happens=None):
		super().__init__(None)
		self.happens, self.cluster, self.slots = happens, None, []

	def start(self, where):
		self.cluster = Cluster(where)
		return self.cluster.url

	def keys(self):
		# of the master that something will happen to
		return int(self.cluster.nodes[1].cli("DBSIZE")) if self.happens else None

	def disturb(self):
		if self.happens == "killed":
			self.cluster.nodes[1].kill()
			return
		self.slots = self.cluster.used_slots(1)[:24]
		move_slots(self.cluster, 1, 2, self.slots[:8])

	def disturb_more(self):
		if self.happens == "killed":
			until("the replica is master", lambda: self.cluster.is_master(4))
			self.cluster.nodes[1].start()
			return
		move_slots(self.cluster, 1, 2, self.slots[8:])
		move_slots(self.cluster, 2, 0, self.slots[:8])

	def empty(self):
		# a node that comes back has what it has from its log, until it hears from its master
		if self.happens != "killed":
			self.cluster.empty()


STORES = {
	"mem": lambda: Store("mem:"),
	"lz4": lambda: Store("zmem:"),
	"zstd": lambda: Store("zmem:?algo=zstd"),
	"uring": lambda: Store("file:{where}?engine=uring"),
	"pread": lambda: Store("file:{where}?engine=threads"),
	"redis": lambda: Single(False),
	"redis-killed": lambda: Single(False, True),
	"unix": lambda: Single(True),
	"unix-killed": lambda: Single(True, True),
	"cluster": Three,
	"cluster-killed": lambda: Three("killed"),
	"cluster-moved": lambda: Three("moved"),
}

#: what a test by default is; each program, each store, each failure
SOME = """
	dict/mem dict/zstd dict/uring dict/pread dict/redis-killed dict/cluster-killed
	sort/mem sort/zstd sort/uring sort/pread sort/unix sort/cluster-moved
	sqlite/lz4 sqlite/cluster threads/lz4 gcc/lz4
	redis-server/redis redis-server/unix-killed
	stress-ng/lz4 stress-ng/pread stress-ng/cluster-killed
""".split()


def descendants(pid):
	"""The processes that a process has started, and those that these have started."""
	parents = {}
	for name in os.listdir("/proc"):
		if name.isdigit():
			try:
				with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as file:
					parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
			except OSError:
				pass
	found = [pid]
	for parent in found:
		found += [child for child, of in parents.items() if of == parent]
	return found[1:]


class Early(AssertionError):
	"""Nothing was tested: on a busy machine a program can be faster than we."""


def disturb(store, process):
	"""In the middle: pages are out, and the program stands still until something has happened."""
	until("pages are on the servers", lambda: store.keys() >= KEYS or process.poll() is not None)
	for number in (signal.SIGSTOP, signal.SIGCONT):
		for pid in descendants(process.pid):
			os.kill(pid, number)
		if number == signal.SIGSTOP:
			if process.poll() is not None:
				raise Early("it ended before anything had happened")
			store.disturb()
	store.disturb_more()


class Result:
	"""What upager run said of a run."""

	def __init__(self, text, seconds):
		self.seconds = seconds
		self.out, self.staged, self.read = map(int, re.search(
			r"(\d+) pages taken out, (\d+) came back from the stage, (\d+) from the store",
			text).groups())

	def __str__(self):
		return "%.1f s, %d pages out, %d back from the stage, %d from the store" % (
			self.seconds, self.out, self.staged, self.read)


def run(program, store, where):
	"""One program on one store; its Result."""
	url = store.start(where)
	command = program.prepare(where)
	os.environ["XDG_RUNTIME_DIR"] = where
	os.chmod(where, 0o700)
	begin = time.monotonic()
	said = os.path.join(where, "said")
	with open(said, "wb") as file:
		process = subprocess.Popen([UPAGER, "run", "--limit", program.limit, "--store", url,
					    "--stats", "--", *command], cwd=where,
					   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
					   stderr=file, preexec_fn=servers.dies_with_us())
	try:
		if store.keys() is None:
			program.use(where)
		else:
			both(lambda: program.use(where), lambda: disturb(store, process))
		status = process.wait(SECONDS)
	except BaseException:
		print("# " + read(said).replace("\n", "\n# "))
		raise
	text = read(said)
	if status or not quiet(text, store):
		raise AssertionError("status %d\n%s" % (status, text))
	result = Result(text, time.monotonic() - begin)
	program.check(where)
	if not result.read:
		raise AssertionError("nothing came from the store: %s" % result)
	store.empty()
	return result


def both(one, other):
	"""Two things at the same time; what either raises."""
	with ThreadPoolExecutor(1) as pool:
		future = pool.submit(one)
		other()
		future.result()


def read(path):
	"""A file's text."""
	with open(path, encoding="utf-8", errors="replace") as file:
		return file.read()


def quiet(text, store):
	"""Nothing was said but the statistics, and of a server that is away that it is."""
	return all(re.match(r"upager: (\d+ pages taken out|\d+ puts)", line) or
		   "successful run" in line or line.startswith("stress-ng: info:") or
		   (store.keys() is not None and line.startswith("upager: redis"))
		   for line in text.splitlines())


def table(results):
	"""The results of programs on stores, for people."""
	stores = [name for name in STORES if any(key[1] == name for key in results)]
	print("\n| program (limit) | " + " | ".join(stores) + " |")
	print("|---" * (len(stores) + 1) + "|")
	for name, program in ALL.items():
		cells = [results.get((name, store)) for store in stores]
		if any(cells):
			print("| `%s` (%s) | " % (name, program.limit) + " | ".join(
				"%.1f s, %d" % (c.seconds, c.read) if c else "-" for c in cells) + " |")


def main(args):
	"""Runs what the command line names; the exit status."""
	if "-h" in args or "--help" in args:
		print(__doc__.strip())
		return 0
	results = {}
	names = ["%s/%s" % (p, s) for p in ALL for s in STORES] if "--all" in args else SOME

	def test(name):
		program, _, store = name.partition("/")

		def function(where):
			for attempt in range(ATTEMPTS):
				place = os.path.join(where, str(attempt))
				os.mkdir(place)
				try:
					result = run(ALL[program], STORES[store](), place)
					break
				except Early:
					if attempt == ATTEMPTS - 1:
						raise
			results[program, store] = result
			print("# %s" % result)
		function.__name__ = name
		return function
	status = servers.run_tests([test(name) for name in names],
				   [arg for arg in args if arg != "--all"], groups=["redis", "stress"])
	if "--all" in args:
		table(results)
	return status


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
