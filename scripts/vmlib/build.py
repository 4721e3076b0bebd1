# SPDX-License-Identifier: GPL-2.0-only
"""Builds the module and the programs of a guest, or of this machine; fast if all is built."""
import os
import shutil
import subprocess
import sys

from . import TOP, Failure, cache, kernels, say

#: what the module is made from
MODULE_SOURCES = ("Kbuild", "module", "uapi")


def run(command, what):
	"""Run a build command; its output is shown only if it has something to say."""
	done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
			      stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
	if done.returncode:
		sys.stderr.write(done.stdout)
		raise Failure("%s failed (status %d); the command was: %s"
			      % (what, done.returncode, " ".join(command)))
	# Distribution headers come without vmlinux; every module hears of that.
	said = "".join(line for line in done.stdout.splitlines(True)
		       if not line.startswith("Skipping BTF generation"))
	if said:
		sys.stderr.write(said)


def locked(name):
	"""The lock under which build/NAME is changed, or read as a whole."""
	return cache.locked(os.path.join(TOP, "build", name, ".lock"), "build/" + name)


def _sources():
	"""Relative paths of all that the module is made from."""
	for top in MODULE_SOURCES:
		path = os.path.join(TOP, top)
		if os.path.isfile(path):
			yield top
		for where, dirs, files in os.walk(path):
			dirs.sort()
			for name in sorted(files):
				if name.endswith((".c", ".h", ".S", ".lds")) or name in (
						"Kbuild", "Makefile"):
					yield os.path.relpath(os.path.join(where, name), TOP)


def _copy(into):
	"""Bring a private copy of the module's sources up to date; whether it changed."""
	changed, wanted = False, set()
	for name in _sources():
		wanted.add(name)
		source, copy = os.path.join(TOP, name), os.path.join(into, name)
		with open(source, "rb") as file:
			data = file.read()
		try:
			with open(copy, "rb") as file:
				if file.read() == data:
					continue
		except OSError:
			os.makedirs(os.path.dirname(copy), exist_ok=True)
		with open(copy, "wb") as file:
			file.write(data)
		changed = True
	for where, _dirs, files in os.walk(into):
		for name in files:
			path = os.path.join(where, name)
			if name.endswith((".c", ".h")) and not name.endswith(".mod.c") and \
			   os.path.relpath(path, into) not in wanted:
				os.unlink(path)
				changed = True
	return changed


def module(guest):
	"""Build pfstat.ko for a guest; its path, or None if there is no module yet."""
	if not os.path.exists(os.path.join(TOP, "Kbuild")):
		return None
	into = os.path.join(guest.build, "module")
	result, stamp = os.path.join(into, "pfstat.ko"), os.path.join(into, ".built")
	changed = _copy(into)
	key = " ".join([guest.cc, kernels.identity(guest)] + guest.module_make.split()) + "\n"
	try:
		with open(stamp, encoding="ascii") as file:
			same = file.read() == key
	except OSError:
		same = False
	if same and not changed and os.path.exists(result):
		return result
	if not same:		# another kernel: no old object may survive
		shutil.rmtree(into, ignore_errors=True)
		_copy(into)
	elif os.path.exists(stamp):
		os.unlink(stamp)
	headers = kernels.headers(guest)
	say.step("MODULE", "pfstat.ko for %s" % guest.name)
	run(module_make(guest, headers, into), "building pfstat.ko for %s" % guest.name)
	if not os.path.exists(result):
		raise Failure("Kbuild made no pfstat.ko for %s" % guest.name)
	cache.write(stamp, key)
	return result


def module_make(guest, headers, into, *more):
	"""The command that builds the module in a private copy of its sources."""
	return ["make", "-s", "-C", headers, "M=" + into, "ARCH=" + guest.arch,
		"CROSS_COMPILE=" + guest.cross, "CC=" + guest.cc, "W=1",
		"-j%d" % (os.cpu_count() or 1), *guest.module_make.split(), *more, "modules"]


def running_module(headers):
	"""Build pfstat.ko with the headers of this machine's own kernel; its path."""
	if not os.path.exists(os.path.join(headers, "Makefile")):
		raise Failure("no kernel headers in %s: install linux-headers-%s, or name others "
			      "with KERNEL=DIR" % (headers, os.uname().release))
	if not os.path.exists(os.path.join(TOP, "Kbuild")):
		raise Failure("there is no %s/Kbuild: no module to build" % TOP)
	into = os.path.join(TOP, "build", "running", "module")
	_copy(into)
	say.step("MODULE", "pfstat.ko with %s" % headers)
	run(["make", "-s", "-C", headers, "M=" + into, "-j%d" % (os.cpu_count() or 1), "modules"],
	    "building pfstat.ko with %s" % headers)
	return os.path.join(into, "pfstat.ko")


def programs(guest=None, goal="all"):
	"""Build the programs and libraries of a guest, or those of this machine.

	goal: "all", or "programs", which leaves tests and benchmarks out.
	"""
	out = guest.build if guest else os.path.join(TOP, "build", "host")
	command = ["make", "--no-print-directory", "-s", "-j%d" % (os.cpu_count() or 1),
		   "-C", os.path.join(TOP, "user"), "O=" + out, "QUIET=" + "y" * say.quiet, goal]
	if guest:
		# Checked as a whole only when something was built with it before us.
		command += ["CC=" + guest.cc, "CROSS=" + guest.cross, "LIBDIR=" + guest.libdir,
			    "SYSROOT=" + kernels.sysroot(guest), "STATIC=1"]
	run(command, "building the programs for %s" % (guest.name if guest else "this machine"))


def supervisor(guest):
	"""Build vmrun, which runs the command inside the guest; its path."""
	source = os.path.join(TOP, "initramfs", "vmrun.c")
	result = os.path.join(guest.build, "initramfs", "vmrun")
	try:
		if os.path.getmtime(result) > os.path.getmtime(source):
			return result
	except OSError:
		pass
	os.makedirs(os.path.dirname(result), exist_ok=True)
	temp = "%s.%d" % (result, os.getpid())
	run([guest.cc, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s",
	     "-o", temp, source], "building vmrun for %s" % guest.name)
	os.rename(temp, result)
	return result
