# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that watch themselves, built from Debian's source of the pinned version.

A guest whose file sets DEBUG to names of files in scripts/debug gets, instead
of Debian's kernel, one configured by these files on top of nothing at all
(allnoconfig). What is kept of a build is the image and the few generated
headers that a module needs; both lie in one tree of the cache whose name has a
hash of all that went into the build. DEBUG_MAKE has more words for make.
"""
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from . import TOP, Failure, cache, kernels, say

FRAGMENTS = os.path.join(TOP, "scripts", "debug")
KCONFIG = os.path.join(FRAGMENTS, "Kconfig")

#: raise it when the same source and configuration shall be built differently
RECIPE = 1

#: a Kconfig line: NAME=value, or NAME that "is not set"
LINE = re.compile(r"(?:(CONFIG_\w+)=(.+)|# (CONFIG_\w+) is not set)")

#: architectures of which nothing but Kconfig files is needed
FOREIGN = ("alpha arc arm csky hexagon ia64 loongarch m68k microblaze mips nios2 openrisc "
	   "parisc powerpc riscv s390 sh sparc um xtensa").split()
#: half of the source that no configuration of ours comes near
UNUSED = ("*/drivers/gpu/*.[ch]", "*/drivers/net/ethernet/*.[ch]",
	  "*/drivers/net/wireless/*.[ch]", "*/sound/*.c", "*/Documentation/*.rst",
	  "*/Documentation/*.yaml", "*/Documentation/*.txt", "*.dts", "*.dtsi")

#: What is changed in the source: (file, text, text instead). PROVE_RAW_LOCK_NESTING
#: wants no lock that sleeps on RT kernels where raw ones are held, and lockdep is off
#: after its first report. Two places in the kernel do so all the time: consoles, which
#: write wherever printk is called from, and the refill of DEBUG_OBJECTS' pool. One seldom:
#: a worker of io_uring that wakes another when work for it has just come.
EDITS = (
	("kernel/printk/printk.c",
	 "\tcall_console_driver(con, write_text, len, dropped_text);\n",
	 "\tlockdep_off();\n\tcall_console_driver(con, write_text, len, dropped_text);\n"
	 "\tlockdep_on();\n"),
	("lib/debugobjects.c",
	 "\tif (!IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible())\n\t\tfill_pool();\n",
	 "\tlockdep_off();\n\tfill_pool();\n\tlockdep_on();\n"),
	("io_uring/io-wq.c",
	 "\t\t\tif (wq_has_sleeper(&wqe->wq->hash->wait))\n"
	 "\t\t\t\twake_up(&wqe->wq->hash->wait);\n",
	 "\t\t\tlockdep_off();\n\t\t\tif (wq_has_sleeper(&wqe->wq->hash->wait))\n"
	 "\t\t\t\twake_up(&wqe->wq->hash->wait);\n\t\t\tlockdep_on();\n"),
)
#: The same for kernels with KASAN: when a cache is shrunk or destroyed, its objects in
#: quarantine are freed in an interrupt, with a lock of SLUB's that lockdep misses there.
#: On RT kernels interrupts only put them aside; later sources (6.1.192) do so on all.
KASAN_EDITS = tuple(
	("mm/kasan/quarantine.c", old, old.replace(*change)) for old, change in (
		("#ifdef CONFIG_PREEMPT_RT\nstruct cpu_shrink_qlist {\n",
		 ("ifdef CONFIG_PREEMPT_RT", "if 1")),
		("#ifndef CONFIG_PREEMPT_RT\nstatic void __per_cpu_remove_cache(",
		 ("ifndef CONFIG_PREEMPT_RT", "if 0")),
		("#ifdef CONFIG_PREEMPT_RT\n\t{\n\t\tint cpu;\n",
		 ("ifdef CONFIG_PREEMPT_RT", "if 1"))))

#: what a module is built with besides Debian's common headers
HEADERS = (".config", "Module.symvers", "include/config/auto.conf",
	   "include/config/kernel.release", "include/generated")


def _read(path):
	with open(path, encoding="ascii") as file:
		return file.read()


def fragments(guest):
	"""The guest's configuration as one text."""
	text = ""
	for name in guest.debug.split():
		path = os.path.join(FRAGMENTS, name)
		if not os.path.isfile(path):
			raise Failure("the guest %s wants the configuration '%s', but there is no %s"
				      % (guest.name, name, path))
		text += _read(path)
	return text


def _settings(text):
	"""Kconfig lines as a dictionary; None for what is not set."""
	found = {}
	for line in text.splitlines():
		match = LINE.fullmatch(line)
		if match:
			name, value, unset = match.groups()
			found[unset or name] = None if unset or value == "n" else value
	return found


def edits(guest):
	"""What is changed in the source of the guest's kernel."""
	kasan = _settings(fragments(guest)).get("CONFIG_KASAN")
	return EDITS + KASAN_EDITS if kasan else EDITS


def _compiler(guest):
	run = subprocess.run([guest.cc, "--version"], stdout=subprocess.PIPE,
			     stderr=subprocess.DEVNULL, text=True, check=False)
	return run.stdout.splitlines()[0] if run.stdout else ""


def tree_name(guest):
	"""The name of the guest's kernel in the cache."""
	_abi, version = kernels.release(guest)
	config = sorted(_settings(fragments(guest)).items(), key=lambda item: item[0])
	what = "\n".join(map(str, (RECIPE, version, guest.arch, _compiler(guest), config,
				   _read(KCONFIG), edits(guest)) +
			     tuple(guest.debug_make.split())))
	return "%s_%s-%s" % (guest.name, version, hashlib.sha256(what.encode()).hexdigest()[:12])


def image_file(guest):
	"""The make target that is the image, and where it is then."""
	name, where = {"arm64": ("Image.gz", "arm64"), "i386": ("bzImage", "x86"),
		       "x86_64": ("bzImage", "x86")}[guest.arch]
	return name, "arch/%s/boot/%s" % (where, name)


def tree(guest):
	"""The directory with vmlinuz, config, modules.list and headers; built if absent."""
	return cache.tree(tree_name(guest), lambda into: Build(guest).make(into))


def headers(guest):
	"""Directory to give to make -C for building a module."""
	return os.path.join(tree(guest), "headers")


class Build:
	"""One build: its directories are removed when it succeeds, kept when it fails."""

	def __init__(self, guest):
		self.guest = guest
		# ccache finds a file again only if the path is the same.
		self.base = os.path.join(cache.root(), "debug-kernel", guest.name)
		self.source = os.path.join(self.base, "source")
		self.out = os.path.join(self.base, "build")
		self.log = os.path.join(self.base, "log")
		_abi, self.version = kernels.release(guest)

	def make(self, into, keep=False):
		"""Build the kernel into a directory."""
		with cache.locked(self.base + ".lock", "the kernel of " + self.guest.name):
			begin = time.monotonic()
			self.configure()
			name, where = image_file(self.guest)
			say.step("KERNEL", "%s: building linux-source %s takes 6 to 10 minutes on "
				 "two processors" % (self.guest.name, self.version))
			self._run([name, "modules"])
			self._collect(into, where)
			say.step("KERNEL", "%s: built in %d s" % (self.guest.name,
								   time.monotonic() - begin))
			if not keep:
				shutil.rmtree(self.base)

	def configure(self):
		"""Unpack the source and make .config; its path."""
		if subprocess.run([os.path.join(TOP, "scripts", "hostdeps"), "kernel"],
				  stdin=subprocess.DEVNULL, check=False).returncode:
			raise Failure("what builds kernels is not installed: see above")
		self._unpack()
		os.makedirs(self.out, exist_ok=True)
		text = fragments(self.guest)
		wanted = os.path.join(self.base, "wanted")
		cache.write(wanted, text)
		self._run(["allnoconfig"], KCONFIG_ALLCONFIG=wanted)
		have = _settings(_read(os.path.join(self.out, ".config")))
		# Kconfig drops in silence what depends on something that is not there.
		lost = ["%s=%s, not %s" % (name, have.get(name) or "n", value or "n")
			for name, value in sorted(_settings(text).items())
			if have.get(name) != value]
		if lost:
			raise Failure("the configuration of %s does not come out as scripts/debug/{%s} "
				      "want it: %s" % (self.guest.name, ",".join(
					      self.guest.debug.split()), "; ".join(lost)))
		return os.path.join(self.out, ".config")

	def _unpack(self):
		stamp, kconfig = os.path.join(self.source, ".unpacked"), _read(KCONFIG)
		state = "%s\n%s\n%s" % (self.version, kconfig, edits(self.guest))
		try:
			if _read(stamp) == state:
				return
		except OSError:
			pass
		shutil.rmtree(self.base, ignore_errors=True)
		archive = kernels.source(self.guest)
		say.step("UNPACK", "linux-source %s" % self.version)
		os.makedirs(self.source)
		top = "linux-source-" + self.guest.series
		leave = list(UNUSED) + ["%s/arch/%s/*.[chS]" % (top, arch) for arch in FOREIGN]
		run = subprocess.run(["tar", "-C", self.source, "--strip-components=1", "-xJf",
				      archive] + ["--exclude=" + glob for glob in leave],
				     check=False, stderr=subprocess.PIPE, text=True)
		if run.returncode:
			raise Failure("cannot unpack %s: %s" % (archive, run.stderr.strip()))
		with open(os.path.join(self.source, "Kconfig"), "a", encoding="ascii") as file:
			file.write(kconfig)
		for name, old, new in edits(self.guest):
			text = _read(os.path.join(self.source, name))
			if text.count(old) != 1:
				raise Failure("linux-source %s has not once in %s:\n%s" % (
					self.version, name, old))
			cache.write(os.path.join(self.source, name), text.replace(old, new))
		cache.write(stamp, state)

	def _run(self, targets, **more):
		"""Run make in the kernel's source; progress is the number of compiled files."""
		guest = self.guest
		env = dict(os.environ, LC_ALL="C", **more)
		for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARCH", "CROSS_COMPILE",
			     "KBUILD_OUTPUT", "LOCALVERSION"):
			env.pop(name, None)
		# The same source and configuration shall give the same bytes.
		env.update(KBUILD_BUILD_TIMESTAMP="Thu Jan  1 00:00:00 UTC 2026",
			   KBUILD_BUILD_USER="pfstat",
			   KBUILD_BUILD_HOST="pfstat", KBUILD_BUILD_VERSION="1")
		compiler = guest.cc
		if shutil.which("ccache"):
			compiler = "ccache " + compiler
			env.update(CCACHE_DIR=os.path.join(cache.root(), "ccache"),
				   CCACHE_BASEDIR=self.base, CCACHE_NOHASHDIR="1",
				   CCACHE_COMPILERCHECK="content", CCACHE_MAXSIZE="2G")
		command = ["make", "-C", self.source, "O=" + self.out, "ARCH=" + guest.arch,
			   "CROSS_COMPILE=" + guest.cross, "CC=" + compiler, "LOCALVERSION=",
			   "-j%d" % (os.cpu_count() or 1)] + guest.debug_make.split() + targets
		with open(self.log, "a", buffering=1, encoding="utf-8") as log:
			with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
					      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
					      text=True, errors="replace",
					      start_new_session=True) as process:
				try:
					tail = _follow(process.stdout, log, self.guest.name)
				except BaseException:
					os.killpg(process.pid, signal.SIGKILL)
					raise
		if process.returncode:
			sys.stderr.write("".join(tail))
			raise Failure("building the kernel of %s failed (status %d); its log is %s; "
				      "the command was: %s" % (guest.name, process.returncode,
							       self.log, " ".join(command)))

	def _collect(self, into, image):
		"""Take what is needed out of the build directory."""
		abi, _version = kernels.release(self.guest)
		shutil.copy(os.path.join(self.out, image), os.path.join(into, "vmlinuz"))
		shutil.copy(os.path.join(self.out, ".config"), os.path.join(into, "config"))
		os.mkdir(os.path.join(into, "modules"))
		cache.write(os.path.join(into, "modules.list"), "")	# all is built in
		head = os.path.join(into, "headers")
		where = "arch/%s" % image.split("/")[1]
		for name in HEADERS + (where + "/include/generated",):
			source, copy = os.path.join(self.out, name), os.path.join(head, name)
			os.makedirs(os.path.dirname(copy), exist_ok=True)
			if os.path.isdir(source):
				shutil.copytree(source, copy)
			else:
				shutil.copy(source, copy)
		shutil.copy(os.path.join(self.out, "scripts/module.lds"),
			    os.path.join(head, where, "module.lds"))
		# The rest comes from Debian's packages, as for Debian's own kernels.
		common = os.path.basename(kernels.common(self.guest))
		cache.write(os.path.join(head, "Makefile"),
			    "include $(dir $(realpath $(lastword $(MAKEFILE_LIST))))../../%s/usr/src/"
			    "linux-headers-%s-common/Makefile\n" % (common, abi))
		for name in ("scripts", "tools"):
			os.symlink("../../%s/usr/lib/linux-kbuild-%s/%s" % (
				common, self.guest.series, name), os.path.join(head, name))


def _follow(stream, log, name):
	"""Copy make's output to the log, tell of progress; the last lines."""
	tail, count, told = [], 0, time.monotonic()
	for line in stream:
		log.write(line)
		tail = tail[-40:] + [line]
		count += line.startswith(("  CC  ", "  AS  "))
		if time.monotonic() - told > 30:
			told = time.monotonic()
			say.step("KERNEL", "%s: %d files compiled" % (name, count))
	return tail
