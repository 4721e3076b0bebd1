# SPDX-License-Identifier: GPL-2.0-only
"""Starts QEMU for a guest, so that it dies with us, and proves KVM before using it."""
import ctypes
import fcntl
import os
import select
import shutil
import signal
import subprocess
import time

from . import Failure, say

#: exact instruction counts: one vCPU, virtual time only, nothing random
ICOUNT = ("-accel tcg,thread=single -icount shift=0,sleep=off "
	  "-rtc base=2026-01-01T00:00:00,clock=vm -seed 1").split()
#: what the kernel must be told for them
ICOUNT_APPEND = "nokaslr norandmaps random.trust_cpu=on"

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def dies_with_us():
	"""A preexec_fn: the child gets SIGKILL when we end, however we end."""
	parent = os.getpid()

	def ask():
		_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
		if os.getppid() != parent:	# we died before it could ask
			os._exit(1)
	return ask


class Pipe:
	"""A character device of QEMU as a pair of pipes in a directory of the run.

	Pipes, not sockets: a serial port writes byte by byte, of which a socket's
	buffer holds a few hundred. When that is full the guest is made to wait, and
	the time that passes there is no longer the same from run to run.
	"""

	ROOM = 1 << 20

	def __init__(self, directory, name):
		self.base = os.path.join(directory, name)
		for suffix in (".in", ".out"):
			os.mkfifo(self.base + suffix, 0o600)
		self.reader = os.open(self.base + ".out", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
		self.writer = os.open(self.base + ".in", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
		try:
			fcntl.fcntl(self.reader, fcntl.F_SETPIPE_SZ, self.ROOM)
		except OSError:
			pass		# over the user's quota of pipe memory: a small one works

	def fileno(self):
		"""What to poll for."""
		return self.reader

	def read(self):
		"""Bytes that came, b"" at the end, None if there are none now."""
		try:
			return os.read(self.reader, self.ROOM)
		except BlockingIOError:
			return None

	def write(self, data):
		"""Send a few bytes; if the guest takes none they are lost."""
		try:
			os.write(self.writer, data)
		except BlockingIOError:
			pass

	def close(self):
		"""Let go of both."""
		os.close(self.reader)
		os.close(self.writer)


class Machine:
	"""A running QEMU with its console and the channel."""

	def __init__(self, guest, options, directory, kernel, initrd, append):
		self.channel = Pipe(directory, "channel")
		self.console = None if options.terminal else Pipe(directory, "console")
		command = command_line(guest, options)
		if options.terminal:
			command += ["-chardev", "stdio,id=console,mux=on,signal=off",
				    "-mon", "chardev=console,mode=readline"]
		else:
			command += ["-monitor", "none",
				    "-chardev", "pipe,id=console,path=" + self.console.base]
		command += ["-serial", "chardev:console",
			    "-chardev", "pipe,id=channel,path=" + self.channel.base]
		command += guest.qemu_channel.split()
		command += ["-kernel", kernel, "-initrd", initrd, "-append", append]
		self.complaints = os.path.join(directory, "qemu")
		try:
			with open(self.complaints, "wb") as log:
				self.process = subprocess.Popen(
					command, stdin=None if options.terminal else subprocess.DEVNULL,
					stdout=None if options.terminal else log,
					stderr=None if options.terminal else log,
					preexec_fn=dies_with_us(),
					start_new_session=not options.terminal)
		except OSError as err:
			raise Failure("cannot run %s: %s; is it installed? scripts/hostdeps"
				      % (command[0], err.strerror)) from err

	def said(self):
		"""What QEMU itself said."""
		with open(self.complaints, encoding="utf-8", errors="replace") as file:
			return file.read().strip()

	def kill(self):
		"""End QEMU, if it still runs, and wait for that."""
		if self.process.poll() is None:
			self.process.kill()
		self.process.wait()

	def close(self):
		"""Let go of everything."""
		self.kill()
		self.channel.close()
		if self.console:
			self.console.close()


def command_line(guest, options):
	"""QEMU's arguments but for kernel and channels."""
	command = guest.qemu.split()
	if options.icount:
		command += (guest.qemu_icount or guest.qemu_tcg).split() + ICOUNT
	elif options.kvm:
		command += guest.qemu_kvm.split() + ["-accel", "kvm"]
	else:
		command += guest.qemu_tcg.split() + ["-accel", guest.accel]
	command += ["-m", str(options.mem), "-smp", str(options.smp),
		    "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
	if options.net:
		command += ["-netdev", "user,id=net", "-device",
			    "virtio-net-pci,netdev=net,romfile="]
	else:
		command += ["-nic", "none"]
	return command + options.qemu


def kvm_works(guest):
	"""Whether KVM really runs this guest here; says why not.

	A /dev/kvm that opens proves nothing: on some hosts the guest then dies or
	hangs. So a tiny machine is started whose firmware must say something.
	"""
	host = os.uname().machine
	fits = {"i386": "x86_64", "x86_64": "x86_64", "arm64": "aarch64"}.get(guest.arch) == host
	why = None
	if not fits:
		why = "this machine is %s, the guest %s" % (host, guest.arch)
	elif not os.access("/dev/kvm", os.R_OK | os.W_OK):
		why = "/dev/kvm is not there or not ours to open"
	elif not guest.qemu_kvm:
		why = "the guest's file has no QEMU_KVM"
	elif not _firmware_speaks(guest):
		why = "/dev/kvm opens, but a guest does not run on it"
	if why:
		say.note("no KVM for %s: %s; using TCG" % (guest.name, why))
	return not why


def _firmware_speaks(guest, limit=4):
	"""Start a machine without a disk on KVM: SeaBIOS must reach its boot prompt."""
	program = guest.qemu.split()[0]
	if not shutil.which(program):
		return False
	with subprocess.Popen(
			[program, "-M", "pc", "-accel", "kvm", "-cpu", "host", "-m", "64",
			 "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none",
			 "-chardev", "stdio,id=bios", "-device",
			 "isa-debugcon,iobase=0x402,chardev=bios"],
			stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
			preexec_fn=dies_with_us()) as probe:
		heard, end = b"", time.monotonic() + limit
		while b"Booting from" not in heard and b"No bootable device" not in heard:
			left = end - time.monotonic()
			if left <= 0 or not select.select([probe.stdout], [], [], left)[0]:
				break
			data = os.read(probe.stdout.fileno(), 4096)
			if not data:
				break
			heard += data
		probe.kill()
	return b"No bootable device" in heard or b"Booting from" in heard
