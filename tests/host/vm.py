#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests scripts/vm and what it is made of, from the outside; prints KTAP.

usage: tests/host/vm.py [--guests "GUEST..."] [PATTERN...]

Tests whose name contains a PATTERN are run (default: all). Those that boot a
guest are run in each of these guests; by default in arm64, and those that have
to do with its devices in i386 as well.

host: timeout=1800
"""
import contextlib
import hashlib
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "scripts"))
from vmlib import (  # noqa: E402
	Failure, boot, build, cache, channel, debian, guests, kernels, say, unhappy)

VM = os.path.join(TOP, "scripts", "vm")
LIMIT = 280

TESTS = []


class Skip(Exception):
	"""A test that cannot be run here."""


def test(function):
	"""A test that is run once."""
	TESTS.append((function.__name__, function, (None,)))
	return function


def boots(function):
	"""A test that is run once per guest, and gets its name and a directory."""
	TESTS.append((function.__name__, function, ("arm64",)))
	return function


def boots_both(function):
	"""The same; by default on x86 as well."""
	TESTS.append((function.__name__, function, ("arm64", "i386")))
	return function


def equal(have, want, what=""):
	"""Fail unless both are the same."""
	if have != want:
		raise AssertionError("%s: have %r, want %r" % (what or "value", have, want))


def contains(text, part):
	"""Fail unless text has the part."""
	if part not in text:
		raise AssertionError("no %r in %r" % (part, text[-2000:]))


def vm(*args, cwd=None, stdin=b"", **more):
	"""Run scripts/vm to its end."""
	return subprocess.run([VM, "-q", *args], cwd=cwd, input=stdin, stdout=subprocess.PIPE,
			      stderr=subprocess.PIPE, timeout=LIMIT, check=False, **more)


def status(done, want):
	"""Fail unless the run ended with this status; show its standard error."""
	if done.returncode != want:
		raise AssertionError("status %d, want %d; standard error:\n%s" % (
			done.returncode, want, done.stderr.decode("utf-8", "replace")[-3000:]))


def write(path, data, mode=0o644):
	"""Make a file."""
	with open(path, "wb") as file:
		file.write(data)
	os.chmod(path, mode)


def read(path):
	"""The content of a file."""
	with open(path, "rb") as file:
		return file.read()


def children(pid):
	"""The processes that a process started."""
	try:
		with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
			return [int(word) for word in file.read().split()]
	except OSError:
		return []


def wait_for(condition, seconds, what):
	"""Fail unless a condition becomes true in time; its value."""
	end = time.monotonic() + seconds
	while time.monotonic() < end:
		value = condition()
		if value:
			return value
		time.sleep(0.05)
	raise AssertionError("not within %d s: %s" % (seconds, what))


def qemu_of(pid):
	"""The QEMU that a scripts/vm has started, if it has."""
	for child in children(pid):
		with contextlib.suppress(OSError):
			if b"qemu-system" in read("/proc/%d/cmdline" % child):
				return child
	return None


def running(pid):
	"""Whether a process is there and no zombie."""
	try:
		with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
			return file.read().rsplit(")", 1)[1].split()[0] != "Z"
	except OSError:
		return False


# Without a guest


@test
def help_and_usage():
	done = vm("--help")
	status(done, 0)
	contains(done.stdout.decode(), "usage: scripts/vm GUEST")
	equal(done.stderr, b"", "standard error")
	for args, said in (
			((), "which guest"), (("nosuch", "--", "true"), "no guest 'nosuch'"),
			(("i386", "--bogus"), "unknown option --bogus"),
			(("i386", "--smp", "0"), "--smp wants a number"),
			(("i386", "--mem", "1G"), "--mem wants a number"),
			(("i386", "--timeout"), "--timeout wants an argument"),
			(("i386", "--timeout", "-1"), "--timeout wants a number"),
			(("i386", "arm64"), "one guest at a time"),
			(("i386", "--add", "/no/such/file"), "there is no /no/such/file"),
			(("i386", "--get", "/etc/passwd"), "wants GUESTPATH:HOSTPATH"),
			(("i386", "--get", "a:/no/such/b"), "no directory /no/such"),
			(("i386", "--icount", "--smp", "2"), "--icount is for one vCPU")):
		done = vm(*args)
		status(done, 2)
		contains(done.stderr.decode(), said)
		equal(done.stdout, b"", "standard output of %r" % (args,))


@test
def guest_files_are_complete():
	for name in guests.names():
		guest = guests.load(name)
		guests.pin(guest.series)
		int(guest.mem), int(guest.smp)
	equal([n for n in ("i386", "i386-pae", "arm64", "amd64") if n not in guests.names()], [],
	      "guests that lack")


@contextlib.contextmanager
def private_cache():
	"""An empty cache of our own."""
	old = os.environ.get("PFSTAT_CACHE")
	quiet, say.quiet = say.quiet, True
	with tempfile.TemporaryDirectory() as path:
		os.environ["PFSTAT_CACHE"] = path
		cache.forget()
		try:
			yield path
		finally:
			say.quiet = quiet
			if old is None:
				del os.environ["PFSTAT_CACHE"]
			else:
				os.environ["PFSTAT_CACHE"] = old


@test
def cache_finds_damage():
	made = []

	def make(tree):
		made.append(tree)
		write(os.path.join(tree, "file"), b"content")
		os.symlink("file", os.path.join(tree, "link"))
	with private_cache():
		path = cache.tree("thing", make)
		equal(cache.tree("thing", make), path)
		equal(len(made), 1, "makings of a whole tree")
		write(os.path.join(path, "file"), b"c0ntent")
		cache.forget()
		contains(cache.damage("thing"), "file has the wrong checksum")
		with open(os.devnull, "w", encoding="ascii") as null, \
		     contextlib.redirect_stderr(null):
			cache.tree("thing", make)
			equal(read(os.path.join(path, "file")), b"content", "repaired file")
			os.unlink(os.path.join(path, "link"))
			cache.forget()
			cache.tree("thing", make)
		equal(len(made), 3, "makings of a tree that was damaged twice")
		equal(cache.damage("thing"), None)


@test
def cache_survives_interruption():
	def broken(tree):
		write(os.path.join(tree, "file"), b"half")
		raise KeyboardInterrupt

	def make(tree):
		write(os.path.join(tree, "file"), b"whole")
	with private_cache() as path:
		try:
			cache.tree("thing", broken)
			raise AssertionError("the interruption got lost")
		except KeyboardInterrupt:
			pass
		equal(cache.damage("thing"), "it is not there")
		equal(read(os.path.join(cache.tree("thing", make), "file")), b"whole")
		# A crash between the two renames leaves a tree without checksums.
		os.unlink(os.path.join(path, "trees", "thing.sums"))
		write(os.path.join(path, "trees", "thing", "file"), b"doubtful")
		cache.forget()
		equal(read(os.path.join(cache.tree("thing", make), "file")), b"whole")


@test
def cache_is_made_once():
	with private_cache() as path:
		log = os.path.join(path, "log")
		maker = ("import sys, os, time\nsys.path.insert(0, %r)\nfrom vmlib import cache, say\n"
			 "say.quiet = True\ndef make(tree):\n"
			 "\tos.write(os.open(%r, os.O_WRONLY|os.O_APPEND|os.O_CREAT, 0o644), b'x')\n"
			 "\ttime.sleep(0.5)\n\topen(tree + '/file', 'w').write('data')\n"
			 "print(open(cache.tree('thing', make) + '/file').read())\n"
			 % (os.path.join(TOP, "scripts"), log))
		makers = [subprocess.Popen([sys.executable, "-c", maker], stdout=subprocess.PIPE)
			  for _ in range(4)]
		for process in makers:
			equal(process.communicate(timeout=60)[0], b"data\n", "what a maker saw")
		equal(read(log), b"x", "makings by four at once")


@test
def damaged_package_is_noticed():
	with private_cache() as path:
		deb = os.path.join(path, "thing.deb")
		write(deb, b"package")
		cache.write(os.path.join(path, "thing.sum"), "%s thing.deb\n" % cache.sha256(deb))
		equal(debian._recorded(os.path.join(path, "thing.sum")), deb)
		write(deb, b"packagf")
		with open(os.devnull, "w", encoding="ascii") as null, \
		     contextlib.redirect_stderr(null):
			equal(debian._recorded(os.path.join(path, "thing.sum")), None)


def hostdeps(directory, **commands):
	"""Run scripts/hostdeps with some commands replaced by scripts."""
	for name, script in commands.items():
		write(os.path.join(directory, name.replace("_", "-")),
		      b"#!/bin/sh\n" + script.encode() + b"\n", 0o755)
	return subprocess.run(
		[os.path.join(TOP, "scripts", "hostdeps")], check=False,
		stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
		env=dict(os.environ, PFSTAT_CACHE=directory + "/cache",
			 PATH="%s:%s" % (directory, os.environ["PATH"])))


@test
def host_packages_are_installed_or_named():
	lacks = "for p; do [ $p = kmod ] || echo ii $p; done"
	with tempfile.TemporaryDirectory() as directory:
		done = hostdeps(directory, dpkg_query=lacks, id="echo 1000", sudo="exit 1",
				apt_get="echo called >> %s/log; exit 0" % directory)
		status(done, 1)
		contains(done.stderr.decode(),
			 "sudo apt-get install --no-install-recommends kmod\n")
		equal(os.path.exists(directory + "/log"), False, "apt-get called")
	with tempfile.TemporaryDirectory() as directory:
		done = hostdeps(directory, dpkg_query=lacks, id="echo 0",
				apt_get='echo "$@" >> %s/log' % directory)
		status(done, 0)
		contains(read(directory + "/log").decode(), "install --no-install-recommends kmod\n")
		equal(hostdeps(directory, apt_get="exit 1", dpkg_query="exit 1").returncode, 0,
		      "status with a stamp")
	with tempfile.TemporaryDirectory() as directory:
		done = hostdeps(directory, dpkg_query=lacks, id="echo 0", apt_get="echo no; exit 100")
		status(done, 1)
		contains(done.stderr.decode(), "apt-get could not install: kmod")
		equal(os.path.exists(directory + "/cache"), False, "stamp after a failure")


class FakeApt:
	"""An index that offers what it is told to."""

	def __init__(self, arch, have):
		self.arch, self.dir, self.have = arch, cache.directory("apt/fake"), have

	def update(self):
		"""There is nothing to fetch."""

	def names(self, prefix):
		"""The packages for this architecture that begin so."""
		return [n for (a, n, _v) in self.have if a == self.arch and n.startswith(prefix)]

	def offered(self, *names):
		"""Their fields."""
		return [{"Package": n, "Version": v} for (a, n, v) in self.have
			if a == self.arch and n in names]


@test
def next_kernel_is_taken_if_the_pinned_is_gone():
	def offer(abi, version, flavours="686 686-pae arm64 amd64"):
		arch = {"arm64": "arm64", "amd64": "amd64"}
		return [(arch.get(f, "i386"), "linux-image-%s-%s-unsigned" % (abi, f), version)
			for f in flavours.split()]
	pinned = guests.pin("6.1")
	have = []
	users = [guests.load(n) for n in ("i386", "i386-pae", "arm64", "amd64")]
	real, names = debian.apt, guests.names
	debian.apt = lambda arch, suite="main": FakeApt(arch, have)
	guests.names = lambda: [g.name for g in users]
	try:
		with private_cache(), open(os.devnull, "w", encoding="ascii") as null, \
		     contextlib.redirect_stderr(null):
			have += offer(*pinned)
			equal(kernels.release(users[0]), pinned, "while it is offered")
			del have[:]
			have += offer("6.1.0-998", "6.1.998-1") + offer("6.1.0-997", "6.1.997-1")
			have += offer("6.1.0-999", "6.1.999-1", "686 arm64 amd64")
			for guest in users:
				equal(kernels.release(guest), ("6.1.0-998", "6.1.998-1"), guest.name)
		with private_cache():
			have[:] = offer("6.1.0-999", "6.1.999-1", "686 arm64")
			try:
				kernels.release(users[0])
				raise AssertionError("found a kernel that not all have")
			except Failure as failure:
				contains(str(failure), "scripts/pins")
	finally:
		debian.apt, guests.names = real, names


@test
def tests_are_built_only_for_those_who_add_one():
	"""Who wants to see a demo need not wait for sixty test programs."""
	guest = guests.load("i386")
	for paths, goal in (([], "programs"), (["/bin/sh"], "programs"), (["bin/pfstat"], "programs"),
			    (["examples/fork", "tests/example"], "all"), (["examples/fork"], "programs"),
			    (["tests/example"], "all"), (["plant/plant.ko"], "all")):
		equal(boot.goal_for(guest, [os.path.join(guest.build, path) for path in paths]), goal,
		      str(paths))


@test
def unhappy_kernels_are_told_from_happy():
	bad = ("BUG: kernel NULL pointer dereference, address: 00000008",
	       "kernel BUG at mm/slub.c:4363!",
	       "WARNING: CPU: 1 PID: 104 at mm/slub.c:1 f+0x70/0x1000 [pfstat]",
	       "Oops: 0002 [#1] PREEMPT SMP", "Internal error: Oops: 0000000096000044 [#1] SMP",
	       "Unable to handle kernel paging request at virtual address ffff0000",
	       "BUG: Bad page map in process a  pte:80000000 pmd:00000067",
	       "BUG: Bad page state in process a  pfn:00001",
	       "BUG: Bad rss-counter state mm:(ptrval) type:MM_ANONPAGES val:1",
	       "BUG: non-zero pgtables_bytes on freeing mm: 4096",
	       "BUG: KASAN: slab-out-of-bounds in f+0x1/0x2", "UBSAN: shift-out-of-bounds in a.c:1:2",
	       "WARNING: possible circular locking dependency detected",
	       "WARNING: possible recursive locking detected",
	       "WARNING: possible irq lock inversion dependency detected",
	       "INFO: possible circular locking dependency detected",
	       "INFO: lockdep is turned off.", "INFO: trying to register non-static key.",
	       "WARNING: inconsistent lock state", "WARNING: suspicious RCU usage",
	       "rcu: INFO: rcu_preempt self-detected stall on CPU",
	       "INFO: task sh:104 blocked for more than 120 seconds.",
	       "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [insmod:105]",
	       "BUG pfstat_run (Tainted: G           OE     ): Objects remaining in pfstat_run on "
	       "__kmem_cache_shutdown()",
	       "BUG kmalloc-64 (Not tainted): Right Redzone overwritten",
	       "kmemleak: 8 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
	       "BUG: sleeping function called from invalid context at mm/slab.h:1",
	       "BUG: scheduling while atomic: sh/104/0x00000002",
	       "general protection fault, probably for non-canonical address 0x1: 0000 [#1] SMP",
	       "list_add corruption. next->prev should be prev", "refcount_t: underflow; use-after-free.",
	       "Kernel panic - not syncing: planted", "int3: 0000 [#1] SMP",
	       "sh: page allocation failure: order:10, mode:0xcc0(GFP_KERNEL)")
	good = ("pfstat: loading out-of-tree module taints kernel.",
		"pfstat: module verification failed: signature and/or required key missing - "
		"tainting kernel",
		"Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks "
		"possible via Spectre v2 BHB attacks!",
		"Kernel command line: console=ttyS0 oops=panic panic_on_warn=1 slub_debug=FZPU,pfstat*",
		"sysctl: setting key \"kernel.panic_on_rcu_stall\"",
		"rcu: Hierarchical RCU implementation.", "rcu: \tRCU debug extended QS entry/exit.",
		"[INFO940][ERROR] pf_get_info: fork: not tracked",
		"pci 0000:00:01.0: BAR 0: assigned [mem 0x10000000-0x10003fff]",
		"debug: DEBUG something", "a.out[104]: segfault at 0 ip 08048000 sp bf8f1190 error 4")
	for line in bad:
		equal(unhappy.scan(["[    1.000000] " + line]), ["[    1.000000] " + line], "findings")
	equal(unhappy.scan(["[    1.000000] " + line for line in good]), [], "findings")
	# Tests in the guest use the same file with grep -E.
	with open(unhappy.PATTERNS, encoding="ascii") as file:
		lines = [p for p in file.read().splitlines() if p and p[0] not in "#!"]
	found = subprocess.run(["grep", "-cE", "\n".join(lines)], input="\n".join(bad),
			       stdout=subprocess.PIPE, text=True, check=False)
	equal(found.stdout.strip(), str(len(bad)), "lines that grep finds")


def record(kind, data):
	"""A record as a guest would write it."""
	return kind + struct.pack("<I", len(data)) + data


@test
def receiver_believes_only_whole_runs():
	out, err = [], []
	hello = record(b"H", b"vmrun1 abc")
	whole = (b"\0noise\xff" + hello + record(b"O", b"out") + record(b"E", b"err") +
		 record(b"S", b"3") + record(b"L", b"<6>0,1000000;text\n") + record(b"D", b"abc"))
	for step in (1, 3, 7, len(whole)):
		del out[:], err[:]
		heard = channel.Receiver("abc", out.append, err.append, [])
		for at in range(0, len(whole), step):
			heard.feed(whole[at:at + step])
		equal((b"".join(out), b"".join(err), heard.status, heard.done),
		      (b"out", b"err", 3, True), "in steps of %d" % step)
		equal(channel.parse_log(heard.log), (["[    1.000000] text"], False))
	for cut in range(len(whole)):
		heard = channel.Receiver("abc", out.append, err.append, [])
		heard.feed(whole[:cut])
		equal(heard.done, False, "done after %d bytes of %d" % (cut, len(whole)))
	for bad in (hello + b"?\0\0\0\0", hello + b"O\xff\xff\xff\x7f",
		    hello + record(b"D", b"abd"), hello + record(b"B", b"x"),
		    hello + record(b"F", b"f")):
		heard = channel.Receiver("abc", out.append, err.append, [])
		try:
			heard.feed(bad)
			raise AssertionError("believed %r" % bad)
		except channel.Garbled:
			pass
	heard = channel.Receiver("abc", out.append, err.append, [])
	heard.feed(record(b"H", b"vmrun1 abd") + record(b"D", b"abc"))
	equal((heard.started, heard.done), (False, False), "after another run's hello")
	equal(channel.parse_log(b"<6>0,1;a\n<6>2,2;b\n")[1], True, "gap")


@test
def kvm_is_never_believed_unproved():
	done = vm("arm64", "--timeout", "60", "--", "echo", "hi",
		  env=dict(os.environ, ACCEL="kvm"))
	status(done, 0)
	equal(done.stdout, b"hi\n", "standard output")
	if os.uname().machine != "aarch64":
		contains(done.stderr.decode(), "no KVM for arm64: this machine is")


# With a guest


@boots
def statuses(guest, _dir):
	for want, command in ((0, ["true"]), (1, ["false"]), (42, ["sh", "-c", "exit 42"]),
			      (143, ["sh", "-c", "kill -TERM $$"]), (127, ["/no/such/program"]),
			      (126, ["/etc/passwd"])):
		status(vm(guest, "--", *command), want)


@boots_both
def output_is_exact(guest, directory):
	data = random.Random(940).randbytes(1 << 20)
	write(directory + "/data", data)
	done = vm(guest, "--add", directory + "/data", "--", "sh", "-c",
		  "cat data; sha256sum < data >&2; exit 5")
	status(done, 5)
	equal(len(done.stdout), len(data), "length of standard output")
	if done.stdout != data:
		raise AssertionError("standard output differs")
	equal(done.stderr.split()[0].decode(), hashlib.sha256(data).hexdigest(), "standard error")


@boots
def output_is_live(guest, _dir):
	with subprocess.Popen([VM, "-q", guest, "--", "sh", "-c", "echo now; sleep 60"],
			      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
			      stdin=subprocess.DEVNULL) as process:
		begin = time.monotonic()
		line = process.stdout.readline()
		took = time.monotonic() - begin
		process.terminate()
		equal(line, b"now\n", "first line")
		if took > 50:
			raise AssertionError("the first line took %d s" % took)


@boots
def arguments_survive(guest, _dir):
	args = ["a b", "", "'\"\\", "new\nline", "$HOME `id` *", "\x01\x7f", "-x", "--",
		"\u00e9"]
	done = vm(guest, "--", "sh", "-c", "for a; do printf '%s\\0' \"$a\"; done", "sh", *args)
	status(done, 0)
	equal(done.stdout.decode().split("\0")[:-1], args, "arguments")


@boots
def standard_input_is_a_script(guest, _dir):
	done = vm(guest, stdin=b"echo from a script; exit 9\n")
	status(done, 9)
	equal(done.stdout, b"from a script\n", "standard output")


@boots
def surroundings(guest, _dir):
	done = vm(guest, "--no-module", "--smp", "3", "--mem", "700", "--append", "quux=1 plugh", "--",
		  "sh", "-c", "pwd; echo $HOME; nproc; cat /proc/cmdline; grep MemTotal /proc/meminfo; "
		  "cat /sys/fs/cgroup/cgroup.subtree_control; ls /sys/kernel/tracing/trace "
		  "/sys/kernel/debug/sched; grep -c . /proc/modules; wc -c < /proc/self/fd/0")
	lines = done.stdout.decode().splitlines()
	equal(lines[:3], ["/root", "/root", "3"], "place, home and CPUs")
	contains(lines[3], "quux=1 plugh")
	memory = int(lines[4].split()[1]) // 1024
	if not 500 < memory <= 700:
		raise AssertionError("memory is %d MiB" % memory)
	contains(lines[5], "memory")
	equal(lines[6], "/sys/kernel/tracing/trace", "tracefs")
	equal(lines[-2:], ["0", "0"], "modules, bytes of standard input")


@boots
def files_go_in(guest, directory):
	os.makedirs(directory + "/tree/sub")
	write(directory + "/tree/sub/tool", b"#!/bin/sh\necho tool $1\n", 0o755)
	write(directory + "/tree/secret", b"s", 0o600)
	os.symlink("secret", directory + "/tree/link")
	write(directory + "/plain", b"plain")
	done = vm(guest, "--add", "tree", "--add", "plain", "--add", "plain:/usr/share/x/",
		  "--add", "plain:/etc/renamed", "--add", "plain:other", "--", "sh", "-c",
		  "tree/sub/tool 1; stat -c '%a' tree/secret tree/sub/tool; readlink tree/link; "
		  "cat plain /usr/share/x/plain /etc/renamed other", cwd=directory)
	status(done, 0)
	equal(done.stdout, b"tool 1\n600\n755\nsecret\n" + b"plain" * 4, "standard output")


@boots
def files_come_out(guest, directory):
	os.mkdir(directory + "/into")
	done = vm(guest, "--get", "made:made", "--get", "/proc/version:into", "--get",
		  "tree:tree", "--", "sh", "-c",
		  "printf 'a\\0b' > made; mkdir -p tree/d; echo x > tree/d/f; exit 7", cwd=directory)
	status(done, 7)
	equal(read(directory + "/made"), b"a\0b", "file")
	contains(read(directory + "/into/version").decode(), "Linux version")
	equal(read(directory + "/tree/d/f"), b"x\n", "file of a directory")
	done = vm(guest, "--get", "none:none", "--", "true", cwd=directory)
	status(done, 1)
	contains(done.stderr.decode(), "cannot get none from the guest: No such file")
	equal(sorted(os.listdir(directory)), ["into", "made", "tree"], "files left behind")


@boots_both
def time_runs_out(guest, directory):
	begin = time.monotonic()
	done = vm(guest, "--timeout", "3", "--get", "made:%s/made" % directory, "--", "sh", "-c",
		  "echo said; echo kept > made; sleep 1000")
	status(done, 124)
	equal(done.stdout, b"said\n", "standard output")
	contains(done.stderr.decode(), "did not end within 3 s")
	equal(read(directory + "/made"), b"kept\n", "file")
	if time.monotonic() - begin > 100:
		raise AssertionError("that took %d s" % (time.monotonic() - begin))


@boots
def time_runs_out_for_the_talkative(guest, _dir):
	begin = time.monotonic()
	done = vm(guest, "--timeout", "3", "--", "yes")
	status(done, 124)
	contains(done.stdout[:100], b"y\ny\n")
	if time.monotonic() - begin > 100:
		raise AssertionError("that took %d s" % (time.monotonic() - begin))


@boots
def leftovers_are_ended(guest, _dir):
	begin = time.monotonic()
	done = vm(guest, "--", "sh", "-c", "(trap '' TERM HUP; sleep 1000) & echo done")
	status(done, 0)
	equal(done.stdout, b"done\n", "standard output")
	if time.monotonic() - begin > 100:
		raise AssertionError("that took %d s" % (time.monotonic() - begin))


def plant(name):
	"""Build the module that does wrong; its path."""
	guest = guests.load(name)
	into = os.path.join(guest.build, "plant")
	result = os.path.join(into, "plant.ko")
	with build.locked(name):
		os.makedirs(into, exist_ok=True)
		for file in ("Kbuild", "plant.c"):
			shutil.copyfile(os.path.join(TOP, "tests", "plant", file),
					os.path.join(into, file))
		build.run(build.module_make(guest, kernels.headers(guest), into),
			  "building plant.ko")
	return result


@boots
def planted_bugs_are_found(guest, directory):
	module = plant(guest)
	status(vm(guest, "--add", module, "--", "sh", "-c", "insmod plant.ko && rmmod plant"), 0)
	planted = "insmod plant.ko what=%s && rmmod plant"
	for command, said in ((planted % "warn", "WARNING: "), (planted % "oops", "NULL pointer"),
			      (planted % "cache", "Objects remaining in pfstat_plant"),
			      ("echo c > /proc/sysrq-trigger", "Kernel panic - not syncing: sysrq"),
			      ("echo BUG: planted text > /dev/kmsg", "BUG: planted text")):
		account = directory + "/report"
		# A panic takes along what is still on its way out of the guest: only
		# what was said well before it is promised to arrive.
		done = vm(guest, "--add", module, "--report", account, "--", "sh", "-c",
			  "echo before; sleep 2; %s; exit 0" % command)
		status(done, 125)
		contains(done.stderr.decode(), said)
		equal(done.stdout, b"before\n", "standard output")
		with open(account, encoding="utf-8") as file:
			report = json.load(file)
		equal((report["outcome"], report["status"]), ("lost", 125), "report on " + command)


@boots
def taint_without_a_word_is_found(guest, _dir):
	# 512: as if a warning had been given whose lines were lost
	done = vm(guest, "--", "sh", "-c", "echo 512 > /proc/sys/kernel/tainted")
	status(done, 125)
	contains(done.stderr.decode(), "the kernel is tainted")


@boots
def hang_is_found(guest, _dir):
	module = plant(guest)
	begin = time.monotonic()
	done = vm(guest, "--smp", "1", "--timeout", "5", "--add", module, "--", "insmod", "plant.ko",
		  "what=hang")
	status(done, 125)
	contains(done.stderr.decode(), "the guest hangs")
	if time.monotonic() - begin > 150:
		raise AssertionError("that took %d s" % (time.monotonic() - begin))


@boots
def guest_that_ends_is_lost(guest, _dir):
	for command in ("poweroff -f", "reboot -f"):
		done = vm(guest, "--", "sh", "-c", command)
		status(done, 125)
		contains(done.stderr.decode(), "ended before its last word")


@boots
def module_is_loaded_and_unloaded(guest, directory):
	if not os.path.exists(os.path.join(TOP, "Kbuild")):
		raise Skip("there is no module to load")
	done = vm(guest, "--", "sh", "-c", "grep -c '^pfstat ' /proc/modules")
	status(done, 0)
	equal(done.stdout, b"1\n", "pfstat among the modules")
	done = vm(guest, "--no-module", "--", "sh", "-c",
		  "grep -c '^pfstat ' /proc/modules; insmod $PFSTAT_KO && echo loaded")
	status(done, 0)
	equal(done.stdout, b"0\nloaded\n", "without, then by hand")
	done = vm(guest, "--module-args", "no_such_parameter=1", "--report", directory + "/report",
		  "--", "true")
	with open(directory + "/report", encoding="utf-8") as file:
		log = "\n".join(json.load(file)["kernel_log"])
	contains(log, "unknown parameter 'no_such_parameter' ignored")


def heed_interrupts():
	"""For a new process: SIGINT as it is in the foreground."""
	signal.signal(signal.SIGINT, signal.SIG_DFL)


@boots
def qemu_dies_with_the_script(guest, directory):
	for signum, want in ((signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, -signal.SIGTERM),
			     (signal.SIGKILL, -signal.SIGKILL)):
		# Whoever runs the tests in the background may have SIGINT ignored.
		with subprocess.Popen([VM, "-q", guest, "--", "sleep", "1000"],
				      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
				      stderr=subprocess.DEVNULL,
				      env=dict(os.environ, TMPDIR=directory),
				      preexec_fn=heed_interrupts) as process:
			try:
				qemu = wait_for(lambda: qemu_of(process.pid), 120, "QEMU starts")
				time.sleep(1)
				equal(running(qemu), True, "QEMU runs")
				process.send_signal(signum)
				equal(process.wait(timeout=20), want,
				      "status after signal %d" % signum)
			finally:
				process.kill()
		wait_for(lambda: not running(qemu), 10, "QEMU ends after signal %d" % signum)
		left = os.listdir(directory)
		if signum != signal.SIGKILL:
			equal(left, [], "temporary files left")
	equal(len(left), 1, "temporary directories left by a killed run")
	status(vm(guest, "--", "true", env=dict(os.environ, TMPDIR=directory)), 0)
	equal(os.listdir(directory), [], "temporary files left by the run after that")


@boots
def parallel_guests_are_apart(guest, directory):
	def one(word):
		results[word] = vm(guest, "--get", "made:%s/%s" % (directory, word), "--", "sh", "-c",
				   "echo %s; echo %s > made; echo e%s >&2; exit %d"
				   % (word, word, word, len(word)))
	results = {}
	words = ["a", "bb", "ccc", "dddd"]
	threads = [threading.Thread(target=one, args=(word,)) for word in words]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	for word in words:
		status(results[word], len(word))
		equal(results[word].stdout.decode(), word + "\n", "standard output of " + word)
		equal(results[word].stderr.decode(), "e%s\n" % word, "standard error of " + word)
		equal(read(os.path.join(directory, word)).decode(), word + "\n", "file of " + word)


#: the shell's prompt; busybox may ask the terminal where the cursor is
PROMPT = rb"# (\x1b\[6n)?$"


class Terminal:
	"""A scripts/vm on a pseudo terminal."""

	def __init__(self, *args):
		self.pid, self.fd = pty.fork()
		if not self.pid:
			os.execv(VM, [VM, "-q", *args])
		self.heard = b""

	def expect(self, pattern, seconds=120):
		"""Wait until the terminal shows something."""
		end = time.monotonic() + seconds
		while not re.search(pattern, self.heard):
			left = end - time.monotonic()
			if left <= 0 or not select.select([self.fd], [], [], left)[0]:
				raise AssertionError("no %r in %r" % (pattern, self.heard))
			try:
				data = os.read(self.fd, 4096)
			except OSError:
				data = b""
			if not data:
				raise AssertionError("it ended, no %r in %r" % (pattern, self.heard))
			self.heard += data

	def type(self, text):
		"""Type something; what was heard before is forgotten."""
		self.heard = b""
		os.write(self.fd, text)

	def end(self, seconds=60):
		"""Wait for the end; the status."""
		end = time.monotonic() + seconds
		while time.monotonic() < end:
			with contextlib.suppress(OSError):
				while select.select([self.fd], [], [], 0.1)[0]:
					if not os.read(self.fd, 4096):
						break
			pid, st = os.waitpid(self.pid, os.WNOHANG)
			if pid:
				return os.waitstatus_to_exitcode(st)
		os.kill(self.pid, signal.SIGKILL)
		os.waitpid(self.pid, 0)
		raise AssertionError("it did not end; heard %r" % self.heard)


@boots_both
def shell_on_a_terminal(guest, _dir):
	terminal = Terminal(guest)
	terminal.expect(PROMPT)
	terminal.type(b"echo $((40 + 2)) $PWD\r")
	terminal.expect(rb"42 /root\r+\n.*" + PROMPT)
	terminal.type(b"sleep 1000\r")
	terminal.expect(rb"sleep 1000\r+\n")
	time.sleep(1)
	terminal.type(b"\x03")
	terminal.expect(PROMPT, 20)
	terminal.type(b"echo status $?\r")
	terminal.expect(rb"status 130\r+\n.*" + PROMPT)
	terminal.type(b"exit 6\r")
	equal(terminal.end(), 6, "status")


@boots_both
def network_reaches_the_host(guest, _dir):
	with socket.socket() as server:
		server.bind(("127.0.0.1", 0))
		server.listen()
		server.settimeout(LIMIT)
		heard = []

		def serve():
			with server.accept()[0] as client:
				client.sendall(b"from the host\n")
				heard.append(client.makefile("rb").readline())
		thread = threading.Thread(target=serve, daemon=True)
		thread.start()
		done = vm(guest, "--net", "--", "sh", "-c",
			  "echo from the guest | nc 10.0.2.2 %d" % server.getsockname()[1])
		status(done, 0)
		thread.join(10)
		equal((done.stdout, heard), (b"from the host\n", [b"from the guest\n"]), "words")
	done = vm(guest, "--", "sh", "-c", "ls /sys/class/net")
	equal(done.stdout.split(), [b"lo"], "network cards without --net")


@boots_both
def icount_is_exact(guest, directory):
	logs = []
	for number in range(2):
		account = "%s/report%d" % (directory, number)
		status(vm(guest, "--icount", "--report", account, "--", "sh", "-c",
			  "i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; "
			  "echo end > /dev/kmsg; cat /proc/uptime"), 0)
		with open(account, encoding="utf-8") as file:
			logs.append(json.load(file)["kernel_log"])
	equal(len(logs[0]) > 100, True, "a long log")
	equal(any(line.endswith(" end") for line in logs[0]), True, "a line at the end")
	equal(logs[0], logs[1], "kernel logs of two runs")


def main(args):
	"""Run the tests; the exit status."""
	names = None
	if args[:1] == ["--guests"]:
		names, args = args[1].split(), args[2:]
	plan = []
	for name, function, usual in TESTS:
		for guest in names if names and usual[0] else usual:
			full = "%s %s" % (name, guest) if guest else name
			if not args or any(pattern in full for pattern in args):
				plan.append((full, function, guest))
	print("KTAP version 1\n1..%d" % len(plan), flush=True)
	failed = 0
	if any(guest for _n, _f, guest in plan):
		subprocess.run([os.path.join(TOP, "scripts", "build"), "--programs",
				*{guest for _n, _f, guest in plan if guest}], check=True,
			       stdout=subprocess.DEVNULL)
	for number, (full, function, guest) in enumerate(plan, 1):
		begin = time.monotonic()
		try:
			if guest:
				with tempfile.TemporaryDirectory() as directory:
					function(guest, directory)
			else:
				function()
			verdict = "ok %d %s" % (number, full)
		except Skip as skip:
			verdict = "ok %d %s # SKIP %s" % (number, full, skip)
		except Exception:	# a test fails however it fails
			failed += 1
			verdict = "not ok %d %s" % (number, full)
			for line in traceback.format_exc().splitlines():
				print("# " + line)
		print("%s\n# took %.1f s" % (verdict, time.monotonic() - begin), flush=True)
	return 1 if failed or not plan else 0


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
