#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests stores on real Redis servers, alone and as a cluster; prints KTAP.

usage: tests/host/store-redis.py [PATTERN...]

Tests whose name contains a PATTERN are run (default: all). Each lets store-load
work on servers of its own, on loopback, while something happens to them. A page
that is wrong fails a test, and so does an error that need not have been.

host: timeout=600
"""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from lib import servers  # noqa: E402
from lib.cases import LIMIT, equal, until  # noqa: E402
from lib.servers import Cluster, Redis, move_slots  # noqa: E402

LOAD = os.path.join(TOP, "build", "host", "tests", "store-load")
KEYS = 300

TESTS = []


def test(function):
	"""A test: gets a directory of its own."""
	TESTS.append(function)
	return function


# A master that was silent, and was replaced meanwhile, may take pages until it is
# told. They are gone then: that is said, and they are never read as anything else.
TOLD = ("ENODATA", "EBADMSG")


class Load:
	"""store-load at work."""

	def __init__(self, url, keys=KEYS, depth=64, timeout_ms=0):
		# pylint: disable=consider-using-with
		self.process = subprocess.Popen([LOAD, url, str(keys), str(depth), str(timeout_ms)],
						stdin=subprocess.PIPE, stdout=subprocess.PIPE,
						text=True, preexec_fn=servers.dies_with_us())
		self.round = 0
		self.result = None
		self.reader = threading.Thread(target=self._read, daemon=True)
		self.reader.start()
		self.rounds(2)

	def _read(self):
		for line in self.process.stdout:
			if line.startswith("round "):
				self.round = int(line.split()[1])
			else:
				self.result = json.loads(line)

	def rounds(self, more):
		"""Waits until so many rounds more are done."""
		goal = self.round + more
		until("round %d of the load" % goal, lambda: self.round >= goal or
		      self.process.poll() is not None)
		if self.process.poll() is not None:
			raise AssertionError("the load ended with status %d"
					     % self.process.returncode)

	def end(self, errors=(), status=0):
		"""Lets it come to its end: no page was wrong, no other error occurred."""
		self.process.stdin.close()
		until("the end of the load", lambda: self.process.poll() is not None)
		self.reader.join(LIMIT)
		if not self.result:
			raise AssertionError("the load said nothing at its end, status %d"
					     % self.process.returncode)
		equal("wrong pages", 0, self.result["wrong"])
		equal("status", status, self.process.returncode)
		if not set(self.result["errors"]) <= set(errors):
			raise AssertionError("errors: %s" % self.result)
		return self.result


def refuses(url, words):
	"""A store that can't be opened, and says why."""
	done = subprocess.run([LOAD, url, "10"], stdin=subprocess.DEVNULL, text=True,
			      stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT,
			      check=False)
	equal("status", 2, done.returncode)
	if words not in done.stderr:
		raise AssertionError("'%s' does not say '%s'" % (done.stderr.strip(), words))


@test
def tcp(where):
	"""Pages come back, and none is left in the end."""
	server = Redis(where)
	load = Load(server.url)
	load.rounds(10)
	result = load.end()
	equal("left behind", 0, result["left"])
	equal("keys", "0", server.cli("DBSIZE"))


@test
def unix_socket(where):
	"""The same through a UNIX socket, in another database."""
	server = Redis(where)
	load = Load("redis+unix://%s?db=3" % server.socket)
	load.rounds(10)
	if "db3:keys=" not in server.cli("INFO", "keyspace"):
		raise AssertionError("not in database 3")
	load.end()
	equal("keyspace", "# Keyspace", server.cli("INFO", "keyspace"))


@test
def killed_and_back(where):
	"""A server that keeps a log is killed, and comes back with all pages."""
	server = Redis(where, "--appendonly", "yes", "--appendfsync", "no")
	load = Load(server.url)
	for _ in range(3):
		server.kill()
		server.start()
		load.rounds(3)
	result = load.end()
	if not result["reconnects"]:
		raise AssertionError("it did not reconnect")
	equal("keys", "0", server.cli("DBSIZE"))


@test
def back_without_pages(where):
	"""A server that keeps nothing is killed: pages are lost, and that is said."""
	server = Redis(where)
	load = Load(server.url)
	load.rounds(3)
	server.kill()
	server.start()
	load.rounds(5)
	result = load.end(errors=("ENODATA",))
	if not result["lost"]:
		raise AssertionError("nothing was lost")


@test
def back_with_old_pages(where):
	"""A server comes back with an old image: no page of before is taken for new."""
	server = Redis(where)
	load = Load(server.url)
	load.rounds(3)
	equal("SAVE", "OK", server.cli("SAVE"))
	load.rounds(5)
	server.kill()
	server.start()
	load.rounds(5)
	result = load.end(errors=("ENODATA", "EBADMSG"))
	if not result["corrupt"]:
		raise AssertionError("no old page was found out")


@test
def dropped_connections(where):
	"""Connections are closed again and again."""
	server = Redis(where)
	load = Load(server.url)
	for _ in range(20):
		server.cli("CLIENT", "KILL", "TYPE", "normal")
		load.rounds(1)
	result = load.end()
	if not result["reconnects"]:
		raise AssertionError("it did not reconnect")
	equal("keys", "0", server.cli("DBSIZE"))


@test
def full(where):
	"""A server that is full: puts are refused, the rest goes on."""
	server = Redis(where, "--maxmemory", "3mb")
	load = Load(server.url, keys=1000)
	load.rounds(5)
	result = load.end(errors=("ENOSPC",))
	if not result["errors"]:
		raise AssertionError("it was never full")
	equal("keys", "0", server.cli("DBSIZE"))


@test
def evicting_server(where):
	"""A server that may throw pages away is refused, unless allowed."""
	server = Redis(where, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-random")
	refuses(server.url, "noeviction")
	load = Load(server.url + "?evict=allow", keys=1000)
	load.rounds(5)
	result = load.end(errors=("ENODATA",))
	if not result["lost"]:
		raise AssertionError("nothing was thrown away")


@test
def silent_server(where):
	"""A server stops for a while: the program waits."""
	server = Redis(where)
	load = Load(server.url)
	server.process.send_signal(signal.SIGSTOP)
	time.sleep(1)
	server.process.send_signal(signal.SIGCONT)
	load.rounds(3)
	equal("retries", 0, load.end()["retries"])


@test
def silent_for_too_long(where):
	"""Longer than the time limit: that is said, and no late answer does harm."""
	server = Redis(where)
	load = Load(server.url, timeout_ms=200)
	for _ in range(3):
		server.process.send_signal(signal.SIGSTOP)
		time.sleep(0.6)
		server.process.send_signal(signal.SIGCONT)
		load.rounds(3)
	result = load.end(errors=("ETIMEDOUT",))
	if not result["errors"]:
		raise AssertionError("nothing took too long")


@test
def password(where):
	"""A password is wanted: none, a wrong one, the right one, one from a file."""
	server = Redis(where, "--requirepass", "se:c@ret")
	path = os.path.join(where, "password")
	with open(path, "w", encoding="ascii") as file:
		file.write("se:c@ret\n")
	refuses(server.url, "NOAUTH")
	refuses("redis://:wrong@127.0.0.1:%d" % server.port, "WRONGPASS")
	for url in ("redis://:se:c@ret@127.0.0.1:%d" % server.port,
		    "redis://default:se:c@ret@127.0.0.1:%d" % server.port,
		    server.url + "?password-file=" + path):
		Load(url).end()


@test
def access_list(where):
	"""A user who may do what a store needs, and on its keys alone; others may not."""
	server = Redis(where)
	may = "+auth +get +set +unlink +expire +wait +info".split()
	equal("ACL SETUSER", "OK", server.cli("ACL", "SETUSER", "pager", "on", ">se:c@ret",
					      "resetkeys", "~upager:*", "-@all", *may))
	equal("ACL SETUSER", "OK", server.cli("ACL", "SETUSER", "other", "on", ">x", "~other:*",
					      "+@all"))
	path = os.path.join(where, "password")
	with open(path, "w", encoding="ascii") as file:
		file.write("se:c@ret\n")
	at = "@127.0.0.1:%d" % server.port
	refuses("redis://pager:wrong" + at, "WRONGPASS")
	refuses("redis://nobody:se:c@ret" + at, "WRONGPASS")
	for url in ("redis://pager:se:c@ret" + at, "redis://pager%s?password-file=%s" % (at, path)):
		Load(url).end()
		equal("keys", "0", server.cli("DBSIZE"))


@test
def killed_run_expires(where):
	"""What a run that was killed leaves goes away; what is in use stays."""
	server = Redis(where)
	load = Load(server.url + "?ttl=2")
	begin = time.monotonic()
	while time.monotonic() < begin + 4:
		load.rounds(1)
	killed = Load(server.url + "/5?ttl=2", keys=100)
	killed.process.kill()
	until("the pages of the killed run are gone",
	      lambda: server.cli("-n", "5", "DBSIZE") == "0")
	load.end()
	equal("keys", "0", server.cli("DBSIZE"))


@test
def wrong_servers(where):
	"""Servers that are not what the URL says are refused, with the reason."""
	server = Redis(where)
	replica = Redis(where, "--replicaof", "127.0.0.1", str(server.port))
	member = Redis(where, "--cluster-enabled", "yes")
	until("the replica is one", lambda: "role:slave" in replica.cli("INFO", "replication"))
	refuses(replica.url, "replica")
	refuses(member.url, "redis+cluster")
	refuses("redis+cluster://127.0.0.1:%d" % server.port, "not part of a cluster")
	refuses("redis+cluster://127.0.0.1:%d?timeout=2" % member.port, "0 of 16384 slots")


@test
def replica_has_it(where):
	"""With wait=1 nothing that was put is lost with the master's memory."""
	server = Redis(where)
	replica = Redis(where, "--replicaof", "127.0.0.1", str(server.port))
	until("the replica is up", lambda: "master_link_status:up" in
	      replica.cli("INFO", "replication"))
	load = Load(server.url + "?wait=1")
	load.rounds(5)
	load.end()
	load = Load(server.url + "?wait=1", timeout_ms=1200)
	replica.kill()
	until("puts wait in vain", lambda: load.process.poll() is None and
	      "connected_slaves:0" in server.cli("INFO", "replication"))
	load.rounds(1)
	result = load.end(errors=("ETIMEDOUT",))
	if not result["errors"]:
		raise AssertionError("puts without a replica did not fail")


class Proxy:
	"""Between a load and its server, doing harm to what comes back."""

	def __init__(self, server, harm):
		self.server, self.harm = server, harm
		self.listener = socket.create_server(("127.0.0.1", 0))
		self.port = self.listener.getsockname()[1]
		self.passed = 0
		threading.Thread(target=self._accept, daemon=True).start()

	def _accept(self):
		while True:
			with contextlib.suppress(OSError):
				client, _ = self.listener.accept()
				server = socket.create_connection(("127.0.0.1", self.server.port))
				for source, to, harm in ((client, server, None),
							 (server, client, self.harm)):
					threading.Thread(target=self._pump, daemon=True,
							 args=(source, to, harm)).start()

	def _pump(self, source, to, harm):
		with contextlib.suppress(OSError):
			while True:
				data = source.recv(65536)
				if not data:
					break
				if harm:
					self.passed += len(data)
					data = harm(self, data)
				to.sendall(data)
		for end in (source, to):
			with contextlib.suppress(OSError):
				end.shutdown(socket.SHUT_RDWR)

	@property
	def url(self):
		"""For store-load."""
		return "redis://127.0.0.1:%d" % self.port


@test
def damaged_on_the_way(where):
	"""A byte of a page changes on its way: it is asked for again."""
	harmed = []

	def harm(_proxy, data):
		at = data.find(b"$4096\r\n")
		if at < 0 or len(data) < at + 3000 or len(harmed) > 20:
			return data
		harmed.append(at)
		return data[:at + 2000] + bytes([data[at + 2000] ^ 1]) + data[at + 2001:]

	server = Redis(where)
	load = Load(Proxy(server, harm).url)
	until("some pages are damaged", lambda: len(harmed) > 20)
	load.rounds(3)
	result = load.end(errors=("EBADMSG",))
	if not result["corrupt"]:
		raise AssertionError("nobody noticed")


@test
def cut_in_the_middle(where):
	"""Connections end in the middle of answers."""
	cuts = []

	def harm(proxy, data):
		if proxy.passed > 300000 and len(cuts) < 10:
			proxy.passed = 0
			cuts.append(True)
			raise OSError
		return data

	server = Redis(where)
	load = Load(Proxy(server, harm).url)
	until("connections are cut", lambda: len(cuts) >= 10)
	load.rounds(3)
	load.end()


@test
def junk(where):
	"""A server that talks nonsense now and then, or begins an answer without end."""
	words = (b"?nonsense\r\n", b"*2000000000\r\n")
	said = []

	def harm(proxy, data):
		if proxy.passed > 300000 and len(said) < 10:
			proxy.passed = 0
			said.append(True)
			return words[len(said) % 2] + data
		return data

	server = Redis(where)
	load = Load(Proxy(server, harm).url)
	until("it talks nonsense", lambda: len(said) >= 10)
	load.rounds(3)
	load.end()


@test
def cluster_works(where):
	"""Pages spread over a cluster, and none is left in the end."""
	cluster = Cluster(where)
	load = Load(cluster.url)
	load.rounds(5)
	for node in cluster.nodes[:3]:
		if node.cli("DBSIZE") == "0":
			raise AssertionError("a master has no pages")
	result = load.end()
	equal("left behind", 0, result["left"])
	cluster.empty()


@test
def cluster_master_killed(where):
	"""A master is killed, its replica takes over, it comes back, and once more."""
	cluster = Cluster(where)
	load = Load(cluster.url)
	cluster.nodes[1].kill()
	until("the replica is master", lambda: cluster.is_master(4))
	load.rounds(5)
	cluster.nodes[1].start()
	cluster.steady()
	load.rounds(5)
	until("the old master is a replica that is up", lambda: "master_link_status:up" in
	      cluster.nodes[1].cli("INFO", "replication"))
	cluster.nodes[4].kill()
	until("the old master is master", lambda: cluster.is_master(1))
	load.rounds(5)
	load.end()


@test
def cluster_master_silent(where):
	"""A master stops, loses its place, and goes on as if nothing had been."""
	cluster = Cluster(where)
	load = Load(cluster.url)
	cluster.nodes[0].process.send_signal(signal.SIGSTOP)
	until("the replica is master", lambda: cluster.is_master(3))
	cluster.nodes[0].process.send_signal(signal.SIGCONT)
	load.rounds(5)
	until("the old master is a replica", lambda: not cluster.is_master(0))
	load.rounds(5)
	load.end(errors=TOLD)


@test
def cluster_slots_move(where):
	"""Slots move from one master to another while pages are read and written."""
	cluster = Cluster(where)
	load = Load(cluster.url)
	used = [slot for slot in range(0, 5461, 7) if cluster.nodes[0].cli(
		"CLUSTER", "COUNTKEYSINSLOT", str(slot)) != "0"][:6]
	move_slots(cluster, 0, 2, used)
	load.rounds(5)
	move_slots(cluster, 2, 1, used)
	load.rounds(5)
	result = load.end()
	if not result["redirects"]:
		raise AssertionError("nothing was redirected")
	cluster.empty()


@test
def cluster_down(where):
	"""Too few masters are left: that is said in time; then they are back."""
	cluster = Cluster(where)
	load = Load(cluster.url, timeout_ms=1500)
	for i in (0, 3, 1, 4):
		cluster.nodes[i].kill()
	load.rounds(1)
	for i in (0, 3, 1, 4):
		cluster.nodes[i].start()
	cluster.steady(cluster.nodes[:3])
	load.rounds(3)
	result = load.end(errors=("ETIMEDOUT",))
	if not result["errors"]:
		raise AssertionError("nobody was told")


if __name__ == "__main__":
	sys.exit(servers.run_tests(TESTS, sys.argv[1:]))
