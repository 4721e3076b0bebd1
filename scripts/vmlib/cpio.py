# SPDX-License-Identifier: GPL-2.0-only
"""Writes newc cpio archives, the kernel's initramfs format, without root or cpio(1)."""
import os
import stat


class Writer:
	"""An archive in the making; names are without a leading slash."""

	def __init__(self, out):
		self.out = out
		self.inode = 0
		self.known = set()

	def _entry(self, name, mode, data=b"", rdev=(0, 0)):
		self.inode += 1
		raw = os.fsencode(name) + b"\0"
		# Time 0 and our own inode numbers: equal content gives equal bytes.
		head = "070701" + "".join("%08X" % field for field in (
			self.inode, mode, 0, 0, 1, 0, len(data), 0, 0,
			rdev[0], rdev[1], len(raw), 0))
		head = head.encode() + raw
		self.out.write(head + b"\0" * (-len(head) % 4))
		self.out.write(data)
		self.out.write(b"\0" * (-len(data) % 4))

	def parents(self, name):
		"""Make the directories above a name that are not there yet."""
		parts = name.split("/")[:-1]
		for i in range(1, len(parts) + 1):
			self.directory("/".join(parts[:i]))

	def directory(self, name, mode=0o755):
		"""Add a directory, once."""
		if name and name not in self.known:
			self.parents(name)
			self.known.add(name)
			self._entry(name, stat.S_IFDIR | mode)

	def file(self, name, data, mode=0o644):
		"""Add a regular file with this content."""
		self.parents(name)
		self._entry(name, stat.S_IFREG | mode, data)

	def symlink(self, name, target):
		"""Add a symbolic link."""
		self.parents(name)
		self._entry(name, stat.S_IFLNK | 0o777, os.fsencode(target))

	def node(self, name, mode, major, minor):
		"""Add a device node; mode includes the type."""
		self.parents(name)
		self._entry(name, mode, rdev=(major, minor))

	def add(self, path, name, follow=False):
		"""Add a file, link or directory of the host, with all below it, modes kept."""
		info = os.stat(path) if follow else os.lstat(path)
		if stat.S_ISDIR(info.st_mode):
			self.directory(name, stat.S_IMODE(info.st_mode))
			for entry in sorted(os.listdir(path)):
				self.add(os.path.join(path, entry), name + "/" + entry)
		elif stat.S_ISLNK(info.st_mode):
			self.symlink(name, os.readlink(path))
		elif stat.S_ISREG(info.st_mode):
			with open(path, "rb") as file:
				self.file(name, file.read(), stat.S_IMODE(info.st_mode))
		# sockets, pipes and devices of the host mean nothing in a guest

	def close(self):
		"""End the archive."""
		self._entry("TRAILER!!!", 0)
