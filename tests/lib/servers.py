# SPDX-License-Identifier: GPL-2.0-only
"""Redis servers of Debian, alone and as a cluster, on loopback, for tests."""
import contextlib
import os
import socket
import subprocess
import sys

from . import TOP, cases
from .cases import LIMIT, until

sys.path.insert(0, os.path.join(TOP, "scripts"))
from vmlib import qemu  # noqa: E402

dies_with_us = qemu.dies_with_us

def free_port():
	"""A port that nobody has, whose cluster port (10000 above) is free as well."""
	while True:
		with socket.socket() as one, socket.socket() as other:
			one.bind(("127.0.0.1", 0))
			port = one.getsockname()[1]
			if port + 10000 > 65535:
				continue
			with contextlib.suppress(OSError):
				other.bind(("127.0.0.1", port + 10000))
				return port


class Redis:
	"""A server of our own."""

	def __init__(self, where, *options, port=None):
		self.port = port or free_port()
		self.dir = os.path.join(where, str(self.port))
		self.socket = os.path.join(self.dir, "socket")
		self.options = options
		self.process = None
		os.makedirs(self.dir, exist_ok=True)
		self.start()

	def start(self):
		"""Starts it, again perhaps, with what it has on disk."""
		command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
			   "--dir", self.dir, "--unixsocket", self.socket, "--save", "",
			   "--logfile", os.path.join(self.dir, "log"), *self.options]
		# pylint: disable=consider-using-with
		# Debian's redis-tools has the server under the name of its checker.
		self.process = subprocess.Popen(command, executable="/usr/bin/redis-check-rdb",
						stdin=subprocess.DEVNULL,
						preexec_fn=dies_with_us())
		until("redis-server answers", self.answers)

	def answers(self):
		"""Whether it is there."""
		if self.process.poll() is not None:
			raise AssertionError("redis-server ended with status %d"
					     % self.process.returncode)
		with contextlib.suppress(OSError), socket.create_connection(
				("127.0.0.1", self.port), 1) as conn:
			conn.sendall(b"PING\r\n")
			return conn.recv(100)[:5] in (b"+PONG", b"-NOAU")
		return False

	def cli(self, *words, said=""):
		"""What redis-cli says to a command, or to several in lines."""
		done = subprocess.run(["redis-cli", "-p", str(self.port), *words], input=said,
				      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
				      timeout=LIMIT, check=False)
		return done.stdout.strip()

	def kill(self):
		"""SIGKILL."""
		self.process.kill()
		self.process.wait()

	@property
	def url(self):
		"""Of a store on it."""
		return "redis://127.0.0.1:%d" % self.port


class Cluster:
	"""Three masters, three replicas."""

	def __init__(self, where):
		options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
			   "--appendonly", "yes", "--appendfsync", "no",
			   "--cluster-replica-validity-factor", "0",
			   "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
		self.nodes = [Redis(where, *options) for _ in range(6)]
		# Known to each other by one, masters of a third each, then replicas.
		ids = [node.cli("CLUSTER", "MYID") for node in self.nodes]
		for node in self.nodes[1:]:
			node.cli("CLUSTER", "MEET", "127.0.0.1", str(self.nodes[0].port))
		for i in range(3):
			self.nodes[i].cli("CLUSTER", "ADDSLOTSRANGE", str(i * 16384 // 3),
					  str((i + 1) * 16384 // 3 - 1))
			self.nodes[i].cli("CLUSTER", "SET-CONFIG-EPOCH", str(i + 1))
		for i in range(3, 6):
			until("node %d knows its master" % i, lambda i=i: "OK" == self.nodes[i].cli(
				"CLUSTER", "REPLICATE", ids[i - 3]))
		self.ids = ids
		self.steady()

	def steady(self, nodes=None):
		"""Waits until all agree that all is well, and replicas are up."""
		for node in nodes or self.nodes:
			until("the cluster is well", lambda node=node: "cluster_state:ok" in
			      node.cli("CLUSTER", "INFO"))
		if nodes is None:
			for node in self.nodes:
				until("replicas are up", lambda node=node: node.cli(
					"INFO", "replication").find("role:slave") < 0 or
				      "master_link_status:up" in node.cli("INFO", "replication"))
			for node in self.nodes[:3]:
				until("masters have replicas", lambda node=node: "role:slave" in
				      node.cli("INFO", "replication") or "connected_slaves:1" in
				      node.cli("INFO", "replication"))

	@property
	def url(self):
		"""Of a store on it."""
		return "redis+cluster://" + ",".join("127.0.0.1:%d" % node.port
						     for node in self.nodes[:2])

	def is_master(self, i):
		"""Whether a node is a master by now."""
		return "role:master" in self.nodes[i].cli("INFO", "replication")

	def used_slots(self, i):
		"""Slots of a node that have keys."""
		first, last = i * 16384 // 3, (i + 1) * 16384 // 3
		counts = self.nodes[i].cli(said="".join(
			"CLUSTER COUNTKEYSINSLOT %d\n" % slot for slot in range(first, last))).split()
		return [first + k for k, count in enumerate(counts) if count != "0"]

	def empty(self):
		"""Nothing is left on any of them."""
		for node in self.nodes:
			until("nothing is left", lambda node=node: node.cli("DBSIZE") == "0")


def move_slots(cluster, source, to, slots):
	"""Moves slots with their keys, as redis-cli --cluster reshard does."""
	for slot in slots:
		slot = str(slot)
		cluster.nodes[to].cli("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.ids[source])
		cluster.nodes[source].cli("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.ids[to])
		while True:
			keys = cluster.nodes[source].cli("CLUSTER", "GETKEYSINSLOT", slot,
							 "10").split()
			if not keys:
				break
			cluster.nodes[source].cli("MIGRATE", "127.0.0.1",
						  str(cluster.nodes[to].port), "", "0", "5000",
						  "KEYS", *keys)
		for i in (to, source, 3 - to - source):
			cluster.nodes[i].cli("CLUSTER", "SETSLOT", slot, "NODE", cluster.ids[to])


def install(groups):
	"""Makes sure that Debian's packages of some groups are there; whether they are."""
	return not subprocess.run([os.path.join(TOP, "scripts", "hostdeps"), *groups],
				  check=False).returncode


def run_tests(tests, patterns, groups=("redis",)):
	"""Runs those whose names contain one of the patterns; the exit status."""
	trouble = None if install(groups) else \
		"packages could not be installed: %s" % " ".join(groups)
	return cases.run_tests(tests, patterns, trouble)
