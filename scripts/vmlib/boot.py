# SPDX-License-Identifier: GPL-2.0-only
"""One run of a guest: what it boots with, what comes back, and the verdict."""
import os
import re
import secrets
import select
import shutil
import stat
import sys
import tempfile
import time

from . import TOP, Failure, build, cpio, kernels, qemu, say, unhappy
from .channel import Garbled, Receiver, parse_log

TIMED_OUT = 124
LOST = 125

#: seconds until the first word of a booting guest, and for the end of a run
BOOT_LIMIT = 180
#: the same for kernels that check all they do
DEBUG_BOOT_LIMIT = 360
#: the same with KVM, where it takes a second or does not work at all
KVM_BOOT_LIMIT = 30
END_LIMIT = 60
#: seconds in which a guest that lives answers that its time is up
ANSWER_LIMIT = 30

#: temporary directories are called so, with the process that owns them
TEMP_PREFIX = "pfstat-vm-"

#: taints that tell of trouble: machine check, bad page, oops, warning, soft lockup
TAINT_MASK = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14

#: modules that options need
NET_MODULES = ("virtio_pci", "virtio_net")
#: what is there without tests and benchmarks, below the guest's directory
PROGRAMS = ("bin", "lib", "include", "examples")
#: kinds of terminals that full-screen programs can be told of by TERM
TERMINALS = ("ansi dumb linux screen screen-256color tmux tmux-256color vt100 vt102 vt220 "
	     "xterm xterm-256color").split()

#: the kernel gives up quickly and loudly; its warnings go to the console
APPEND = "loglevel=5 cryptomgr.notests panic=-1 oops=panic panic_on_warn=1 log_buf_len=1M"
#: what finds bugs, but costs instructions: not with exact counting
APPEND_CHECK = "slub_debug=FZPU,pfstat* softlockup_panic=1 hung_task_panic=1 " \
	"sysctl.kernel.panic_on_rcu_stall=1"


class Options:
	"""What the command line of scripts/vm asks for."""

	def __init__(self, **values):
		self.smp = self.mem = None
		self.append, self.module_args = [], []
		self.icount = self.net = self.kvm = self.terminal = self.verbose = False
		self.module = True
		self.timeout = 300
		self.add, self.get, self.load, self.qemu = [], [], [], []
		self.command = None
		self.input = None
		self.report = None
		self.__dict__.update(values)


class Result:
	"""How a run ended: outcome is pass, fail, lost or timeout."""

	def __init__(self):
		self.outcome, self.status, self.reasons = "lost", LOST, []
		self.kernel_log, self.findings, self.console = [], [], ""
		self.boot_seconds = self.seconds = 0.0


def append_line(guest, options):
	"""The kernel command line."""
	words = ["console=" + guest.console, APPEND]
	if options.icount:
		words += ["quiet", qemu.ICOUNT_APPEND, guest.append_icount]
	else:
		words += [APPEND_CHECK]
	words += [guest.append] + options.append
	return " ".join(w for w in words if w)


def pack(guest, options, nonce, out):
	"""Write the initramfs: base system, tools, module, and what this run wants."""
	image = kernels.image(guest)
	archive = cpio.Writer(out)
	for name in ("bin", "sbin", "dev", "etc", "proc", "sys", "run", "vm", "usr/bin",
		     "usr/sbin", "lib/modules", "var"):
		archive.directory(name)
	archive.directory("tmp", 0o1777)
	archive.directory("root", 0o700)
	archive.node("dev/console", stat.S_IFCHR | 0o600, 5, 1)
	archive.add(kernels.busybox(guest), "bin/busybox")
	archive.symlink("bin/sh", "busybox")
	archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
		     b"nobody:x:65534:65534:nobody:/:/bin/sh\n")
	archive.file("etc/group", b"root:x:0:\nnogroup:x:65534:\n")
	archive.file("etc/hosts", b"127.0.0.1 localhost\n10.0.2.2 host\n")
	archive.file("etc/profile", b"PS1='%s:\\w\\$ '\n" % guest.name.encode())
	for name in TERMINALS:		# of Debian's essential package ncurses-base
		path = "lib/terminfo/%s/%s" % (name[0], name)
		if os.path.exists("/" + path):
			archive.add("/" + path, path)
	archive.add(os.path.join(TOP, "initramfs", "init"), "init")
	if guest.debug:
		archive.add(os.path.join(TOP, "scripts", "debug", "leaks.sh"), "usr/bin/leaks")

	archive.add(build.supervisor(guest), "vm/vmrun")
	archive.file("vm/nonce", nonce.encode())
	archive.file("vm/guest", guest.name.encode())
	archive.file("vm/channel", guest.channel.encode())
	archive.file("vm/modules", modules(image, options, archive).encode())
	archive.file("vm/get", b"".join(os.fsencode(g) + b"\0" for g, _ in options.get))
	if options.command is not None:
		archive.file("vm/argv", b"".join(os.fsencode(a) + b"\0" for a in options.command))
	if options.input is not None:
		archive.file("vm/input", options.input)
	if options.terminal:
		size = shutil.get_terminal_size()
		archive.file("vm/console", ("%s %d %d" % (guest.console, size.lines,
							  size.columns)).encode())
		archive.file("vm/term", os.environ.get("TERM", "vt100").encode())
	if options.net:
		archive.file("vm/net", b"")

	module = os.path.join(guest.build, "module", "pfstat.ko")
	if os.path.exists(module) and os.path.exists(os.path.join(TOP, "Kbuild")):
		archive.add(module, "lib/modules/pfstat.ko")
		if options.module:
			archive.file("vm/module-args", " ".join(options.module_args).encode())
	tools = os.path.join(guest.build, "bin")
	if os.path.isdir(tools):
		archive.add(tools, "usr/bin")
	for source, dest in options.add:
		archive.add(source, dest, follow=True)
	archive.close()


def modules(image, options, archive):
	"""Put the modules in that the options need; the list for the guest's init."""
	with open(os.path.join(image, "modules.list"), encoding="ascii") as file:
		order = dict(line.rstrip("\n").split(": ") for line in file)
	lines, packed = "", set()
	for name in (NET_MODULES if options.net else ()) + tuple(options.load):
		if not order:
			continue	# a kernel with everything built in
		if name not in order:
			raise Failure("%s has no module %s that guests can load: if Debian's kernel has "
				      "it, add it to MODULES in scripts/vmlib/kernels.py"
				      % (os.path.basename(image), name))
		lines += "%s %s\n" % (name, order[name])
		for file in order[name].split():
			if file not in packed:
				packed.add(file)
				archive.add(os.path.join(image, "modules", file),
					    "lib/modules/" + file)
	return lines


class Run:
	"""A guest from its start to the verdict."""

	def __init__(self, guest, options, stdout, stderr):
		self.guest, self.options = guest, options
		self.nonce = secrets.token_hex(16)
		self.console = bytearray()
		self.receiver = Receiver(self.nonce, stdout, stderr, options.get)
		self.result = Result()
		self.machine = None
		self.begin = 0.0
		self.asked = None	# when the guest was told that time is up
		self.ended = None	# when something was heard after the command's end

	def go(self):
		"""Build, boot, run, judge."""
		prepare(self.guest, self.options)
		sweep()
		self._boot()
		if self.options.kvm and not self.receiver.started:
			say.note("%s does not boot with KVM on this machine: using TCG"
				 % self.guest.name)
			self.options.kvm = False
			self.console, self.result = bytearray(), Result()
			self._boot()
		self._judge()
		return self.result

	def _boot(self):
		"""Run QEMU until the guest has said its last word."""
		temp = tempfile.mkdtemp(prefix="%s%d-" % (TEMP_PREFIX, os.getpid()))
		try:
			initrd = os.path.join(temp, "initrd")
			with build.locked(self.guest.name), open(initrd, "wb") as out:
				pack(self.guest, self.options, self.nonce, out)
			self.begin = time.monotonic()
			self.machine = qemu.Machine(
				self.guest, self.options, temp,
				os.path.join(kernels.image(self.guest), self.guest.kernel), initrd,
				append_line(self.guest, self.options))
			try:
				self._listen()
			finally:
				self.machine.close()
				self.receiver.abandon()
		finally:
			shutil.rmtree(temp, ignore_errors=True)

	def _limit(self):
		"""Until when the guest may stay silent, and what it means if it does."""
		receiver = self.receiver
		if not receiver.started:
			limit = DEBUG_BOOT_LIMIT if self.guest.debug else BOOT_LIMIT
			if self.options.kvm:
				limit = KVM_BOOT_LIMIT
			return self.begin + limit, "the guest did not boot within %d s" % limit
		if self.asked and not receiver.alive:
			return (self.asked + ANSWER_LIMIT,
				"the guest hangs: it did not react when its time was up")
		if self.asked:
			return self.asked + END_LIMIT, "the guest did not come to an end"
		if receiver.status is not None:
			return self.ended + END_LIMIT, "the guest did not come to an end"
		if not self.options.timeout:
			return None, None
		return self.begin + self.result.boot_seconds + self.options.timeout, None

	def _listen(self):
		"""Hear the guest out."""
		machine, receiver, result = self.machine, self.receiver, self.result
		poll = select.poll()
		pipes = {p.fileno(): p for p in (machine.channel, machine.console) if p}
		for fd in pipes:
			poll.register(fd, select.POLLIN)
		while pipes and not receiver.done:
			limit, meaning = self._limit()
			left = None if limit is None else max(0, limit - time.monotonic()) * 1000 + 1
			events = poll.poll(left)
			if limit is not None and time.monotonic() >= limit:
				if meaning:
					result.reasons.append(meaning)
					return
				self.asked = time.monotonic()
				machine.channel.write(b"T")
			for fd, _event in events:
				data = pipes[fd].read()
				if data is None:
					continue
				if not data:
					poll.unregister(fd)
					del pipes[fd]
				elif pipes[fd] is machine.console:
					self._console(data)
				elif not self._hear(data):
					return
		result.seconds = time.monotonic() - self.begin
		if not receiver.done:
			machine.kill()
			said = machine.said()
			result.reasons.append("the guest ended before its last word%s" % (
				": " + said if said else ""))

	def _hear(self, data):
		"""Give bytes of the channel to the receiver; false if they make no sense."""
		receiver = self.receiver
		try:
			receiver.feed(data)
		except Garbled as err:
			self.result.reasons.append("the channel is garbled: %s" % err)
			return False
		now = time.monotonic()
		if receiver.started and not self.result.boot_seconds:
			self.result.boot_seconds = now - self.begin
		if receiver.status is not None:
			self.ended = now
		return True

	def _console(self, data):
		self.console += data
		if self.options.verbose:
			sys.stderr.buffer.write(data)
			sys.stderr.buffer.flush()
		if len(self.console) > 1 << 22:
			del self.console[:1 << 21]

	def _judge(self):
		result, receiver = self.result, self.receiver
		result.console = bytes(self.console).decode("utf-8", "replace").replace("\r", "")
		result.reasons += receiver.lost
		lines, gap = parse_log(receiver.log)
		result.kernel_log = lines
		result.findings = unhappy.scan(lines or result.console.splitlines())
		if gap:
			result.reasons.append("the kernel log has gaps: it could not be checked; "
					      "try --append log_buf_len=16M")
		if receiver.taint & TAINT_MASK and not result.findings:
			result.reasons.append("the kernel is tainted (/proc/sys/kernel/tainted is %d), "
					      "but its log does not say why" % receiver.taint)
		if receiver.done and not lines:
			result.reasons.append("the guest sent no kernel log")
		if result.findings:
			result.reasons.append("the kernel is unhappy: %s" % result.findings[0])
		if receiver.done and receiver.status is None and not result.reasons:
			result.reasons.append("the command has no status")
		if result.reasons:
			result.outcome, result.status = "lost", LOST
		elif receiver.alive:
			result.outcome, result.status = "timeout", TIMED_OUT
		else:
			result.status = receiver.status
			if receiver.failed and not result.status:
				result.status = 1
			result.outcome = "fail" if result.status else "pass"


def sweep():
	"""Remove the temporary directories of runs that were killed."""
	where = tempfile.gettempdir()
	for name in os.listdir(where):
		match = re.match(re.escape(TEMP_PREFIX) + r"(\d+)-", name)
		if match and not os.path.exists("/proc/" + match.group(1)):
			shutil.rmtree(os.path.join(where, name), ignore_errors=True)


def goal_for(guest, paths):
	"""What is to be built: a test that goes in must not be an old one, else no tests."""
	made = [os.path.relpath(path, guest.build) for path in map(os.path.realpath, paths)
		if path.startswith(guest.build + os.sep)]
	return "programs" if all(path.split(os.sep)[0] in PROGRAMS for path in made) else "all"


def prepare(guest, options):
	"""Have everything built and fetched that a run of the guest needs."""
	with build.locked(guest.name):
		build.module(guest)
		build.programs(guest, goal_for(guest, [source for source, _dest in options.add]))
		build.supervisor(guest)
		kernels.busybox(guest)
		kernels.image(guest)
