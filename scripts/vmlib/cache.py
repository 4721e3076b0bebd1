# SPDX-License-Identifier: GPL-2.0-only
"""The cache of downloaded things, shared by checkouts and safe to interrupt.

A tree is a directory under trees/ with a manifest of checksums beside it.
It is made under a temporary name and renamed when complete, so that what has
its final name is whole; what has been damaged later is found by the manifest
and made again. A lock file per tree keeps two makers apart.
"""
import contextlib
import fcntl
import hashlib
import os
import shutil

from . import Failure, say


def root():
	"""The cache directory, made if need be."""
	path = os.environ.get("PFSTAT_CACHE")
	if not path:
		base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
		path = os.path.join(base, "pfstat")
	path = os.path.abspath(path)
	try:
		os.makedirs(path, exist_ok=True)
	except OSError as err:
		raise Failure("cannot make the cache directory %s: %s; set PFSTAT_CACHE to a "
			      "directory that you may write to" % (path, err.strerror)) from err
	return path


def directory(name):
	"""A directory inside the cache, made if need be."""
	path = os.path.join(root(), name)
	os.makedirs(path, exist_ok=True)
	return path


@contextlib.contextmanager
def locked(path, waiting_for=None):
	"""Hold an exclusive lock on a file; the kernel drops it if we die."""
	os.makedirs(os.path.dirname(path), exist_ok=True)
	fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
	try:
		try:
			fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
		except BlockingIOError:
			if waiting_for:
				say.step("WAIT", "for another run that makes %s" % waiting_for)
			fcntl.flock(fd, fcntl.LOCK_EX)
		yield
	finally:
		os.close(fd)


def sha256(path):
	"""The SHA-256 of a file, in hexadecimal."""
	with open(path, "rb") as file:
		return hashlib.file_digest(file, "sha256").hexdigest()


def write(path, text):
	"""Replace a small file at once, so that no reader sees half of it."""
	temp = "%s.%d" % (path, os.getpid())
	with open(temp, "w", encoding="utf-8") as file:
		file.write(text)
	os.rename(temp, path)


#: what this program has found whole already
_checked = set()


def forget():
	"""Check again what was found whole before."""
	_checked.clear()


def _walk(tree):
	"""Every file and link below a directory: (relative name, path, is a link)."""
	for where, dirs, files in os.walk(tree):
		for name in files + [d for d in dirs if os.path.islink(os.path.join(where, d))]:
			path = os.path.join(where, name)
			yield os.path.relpath(path, tree), path, os.path.islink(path)


def _seal(tree, manifest):
	"""Write down the checksum of all that a tree holds."""
	lines = []
	for name, path, link in _walk(tree):
		what = "->" + os.readlink(path) if link else sha256(path)
		lines.append("%s %s\n" % (what, name))
	write(manifest, "".join(sorted(lines)))


def damage(name):
	"""What is wrong with a tree, or None."""
	tree = os.path.join(root(), "trees", name)
	manifest = tree + ".sums"
	try:
		with open(manifest, encoding="utf-8") as file:
			sums = dict(reversed(line.rstrip("\n").split(" ", 1)) for line in file)
	except OSError:
		return "it is not there"
	for entry, want in sums.items():
		path = os.path.join(tree, entry)
		try:
			have = "->" + os.readlink(path) if os.path.islink(path) else sha256(path)
		except OSError as err:
			return "%s: %s" % (entry, err.strerror)
		if have != want:
			return "%s has the wrong checksum" % entry
	return None


def tree(name, make):
	"""The path of a tree; make(directory) fills it if it is absent or damaged.

	A tree is checked once per run of the program.
	"""
	path = os.path.join(root(), "trees", name)
	if path in _checked:
		return path
	if damage(name) is None:
		_checked.add(path)
		return path
	with locked(os.path.join(root(), "locks", name), name):
		wrong = damage(name)
		if wrong is None:
			return path
		if os.path.exists(path + ".sums"):
			say.note("%s in the cache is damaged (%s): making it again" % (name, wrong))
			os.unlink(path + ".sums")
		shutil.rmtree(path, ignore_errors=True)
		temp = os.path.join(root(), "trees", ".new-" + name)
		shutil.rmtree(temp, ignore_errors=True)
		os.makedirs(temp)
		make(temp)
		_seal(temp, temp + ".sums")
		os.rename(temp, path)
		os.rename(temp + ".sums", path + ".sums")
	_checked.add(path)
	return path
