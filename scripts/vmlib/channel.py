# SPDX-License-Identifier: GPL-2.0-only
"""The host's end of the channel: takes vmrun's records apart (see initramfs/vmrun.c)."""
import os
import struct
import subprocess

from . import Failure


class Garbled(Exception):
	"""The channel carries something that is no record."""


class Receiver:
	"""What has been heard of a run; feed() it the bytes of the channel."""

	LIMIT = 1 << 20

	def __init__(self, nonce, stdout, stderr, wanted):
		self.hello = ("vmrun1 " + nonce).encode()
		self.nonce = nonce.encode()
		self.sinks = {b"O": stdout, b"E": stderr}
		self.wanted = wanted	# host paths, in the order of the guest's files
		self.buffer = bytearray()
		self.started = False	# the hello was heard
		self.alive = 0		# answers to "time is up"
		self.status = None	# exit status of the command
		self.taint = 0		# the kernel's taint bits
		self.done = False	# all was said, with the right nonce
		self.log = bytearray()	# the kernel log
		self.lost = []		# reasons that the guest gave
		self.failed = []	# files that could not be had
		self.file = None
		self.count = 0

	def feed(self, data):
		"""Take in bytes; calls the sinks."""
		self.buffer += data
		if not self.started:
			hello = b"H" + struct.pack("<I", len(self.hello)) + self.hello
			at = self.buffer.find(hello)
			if at < 0:
				return
			self.started = True
			del self.buffer[:at + len(hello)]
		at = 0
		while len(self.buffer) - at >= 5:
			kind = bytes(self.buffer[at:at + 1])
			length, = struct.unpack_from("<I", self.buffer, at + 1)
			if kind not in b"OESAFBNKLXD" or length > self.LIMIT:
				raise Garbled("no record begins with %r" % bytes(self.buffer[at:at + 16]))
			if len(self.buffer) - at - 5 < length:
				break
			self._record(kind, bytes(self.buffer[at + 5:at + 5 + length]))
			at += 5 + length
		del self.buffer[:at]

	def _record(self, kind, data):
		if kind in self.sinks:
			self.sinks[kind](data)
		elif kind == b"S":
			self.status = int(data)
		elif kind == b"K":
			self.taint = int(data)
		elif kind == b"A":
			self.alive += 1
		elif kind == b"L":
			self.log += data
		elif kind == b"X":
			self.lost.append(data.decode("utf-8", "replace"))
		elif kind == b"D":
			if data != self.nonce:
				raise Garbled("the last record has another run's nonce")
			self.done = True
		elif kind == b"F":
			if self.count >= len(self.wanted):
				raise Garbled("a file that nobody wanted")
			guest_path, host_path = self.wanted[self.count]
			self.count += 1
			self.file = _Tar(guest_path, host_path) if data == b"d" else _File(
				guest_path, host_path)
		elif self.file is None:
			raise Garbled("a file's bytes outside a file")
		elif kind == b"B":
			self.file.data(data)
		else:
			wrong = self.file.end(data.decode("utf-8", "replace"))
			if wrong:
				self.failed.append(wrong)
			self.file = None

	def abandon(self):
		"""Throw away a file that came only in part."""
		if self.file:
			self.failed.append(self.file.end("the guest was lost on the way"))
			self.file = None


class _File:
	"""A wanted file; appears under its name when it is whole."""

	def __init__(self, guest_path, host_path):
		self.guest_path = guest_path
		if os.path.isdir(host_path):
			host_path = os.path.join(host_path, os.path.basename(guest_path))
		self.path = self.temp = host_path
		if os.path.isfile(host_path) or not os.path.exists(host_path):
			self.temp = "%s.part%d" % (host_path, os.getpid())
		self.out, self.wrong = None, None
		try:
			self.out = open(self.temp, "wb")
		except OSError as err:
			self.wrong = "cannot write %s: %s" % (self.path, err.strerror)

	def data(self, data):
		"""Take in some of its bytes."""
		if self.out and not self.wrong:
			try:
				self.out.write(data)
			except OSError as err:
				self.wrong = "cannot write %s: %s" % (self.path, err.strerror)

	def end(self, wrong):
		"""All bytes came, or the guest says what went wrong; what to tell the user."""
		if wrong and not self.wrong:
			self.wrong = "cannot get %s from the guest: %s" % (self.guest_path, wrong)
		if self.out:
			try:
				self.out.close()
				if self.temp != self.path:
					if self.wrong:
						os.unlink(self.temp)
					else:
						os.rename(self.temp, self.path)
			except OSError as err:
				self.wrong = "cannot write %s: %s" % (self.path, err.strerror)
		return self.wrong


class _Tar:
	"""A wanted directory, that comes as a tar archive."""

	def __init__(self, guest_path, host_path):
		self.guest_path, self.path = guest_path, host_path
		self.tar, self.wrong = None, None
		try:
			os.makedirs(host_path, exist_ok=True)
			self.tar = subprocess.Popen(
				["tar", "-C", host_path, "-xf", "-", "--no-same-owner"],
				stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
				stderr=subprocess.PIPE, text=False)
		except OSError as err:
			self.wrong = "cannot write %s: %s" % (self.path, err.strerror)

	def data(self, data):
		"""Take in some of its bytes."""
		if self.tar and not self.wrong:
			try:
				self.tar.stdin.write(data)
			except OSError as err:
				self.wrong = "cannot write %s: %s" % (self.path, err.strerror)

	def end(self, wrong):
		"""All bytes came, or the guest says what went wrong; what to tell the user."""
		if self.tar:
			try:
				_out, said = self.tar.communicate()
			except OSError:
				said = b""
			if self.tar.returncode:
				self.wrong = "cannot unpack into %s: %s" % (
					self.path, said.decode("utf-8", "replace").strip())
		if wrong:
			return "cannot get %s from the guest: %s" % (self.guest_path, wrong)
		return self.wrong


def parse_log(raw):
	"""The kernel log as text lines "[    1.234567] ...", and whether it has gaps."""
	lines, last, gap = [], -1, False
	for line in bytes(raw).decode("utf-8", "replace").splitlines():
		head, semicolon, text = line.partition(";")
		try:
			seq, usec = head.split(">")[1].split(",")
			seq, usec = int(seq), int(usec)
		except (IndexError, ValueError) as err:
			raise Failure("the kernel log came garbled: %r" % line) from err
		gap = gap or seq != last + 1
		last = seq
		if semicolon:
			stamp = "[%5d.%06d] " % (usec // 1000000, usec % 1000000)
			lines += [stamp + part for part in text.split("\\x0a")]
	return lines, gap
