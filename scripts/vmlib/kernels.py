# SPDX-License-Identifier: GPL-2.0-only
"""Kernel images, headers, libraries and the like of a guest, fetched when absent.

Each item is a tree in the cache. The version of the kernel is the pinned one
(scripts/pins); when Debian offers it no more, the newest that is offered for
all guests of the series.
"""
import glob
import hashlib
import lzma
import os
import re
import struct
import subprocess

from . import Failure, cache, debian, debugkernel, guests, say

#: modules that scripts/vm can put into a guest; what they depend on comes along
MODULES = ("virtio_pci virtio_net virtio_console virtio_blk virtio_balloon 9pnet_virtio 9p "
	   "overlay loop zram ext4 af_packet").split()

#: raise it when images shall be unpacked differently
RECIPE = "2"

#: static libraries and headers to link guest programs with
SYSROOT = ("linux-libc-dev libjson-c-dev zlib1g-dev liblz4-dev libzstd-dev libncurses-dev "
	   "libhiredis-dev liburing-dev libxxhash-dev libtraceevent-dev libtracefs-dev "
	   "libelf-dev libjemalloc-dev").split()

#: real programs to look at, with all the libraries that they load
PROGRAMS = ("redis-tools libatomic1 libc6 libcap2 libgcc-s1 libgcrypt20 libgpg-error0 libhiredis0.14 "
	    "libjemalloc2 liblua5.1-0 liblz4-1 liblzf1 liblzma5 libssl3 libstdc++6 libsystemd0 "
	    "libzstd1 lua-bitop lua-cjson libexpat1 libpython3.11-minimal python3.11-minimal "
	    "zlib1g").split()
#: one program of a package of many
SORT = ("coreutils", "./usr/bin/sort")

#: what the kernel's own tests of its memory management are linked with
SELFTEST_LIBS = "libnuma-dev libcap-dev".split()
#: stress-ng with all the libraries that it loads
STRESSORS = ("stress-ng libapparmor1 libbsd0 libc6 libcrypt1 libdrm2 libegl1 libexpat1 libffi8 "
	     "libgbm1 libgcc-s1 libgles2 libglvnd0 libjpeg62-turbo libjudydebian1 libkmod2 "
	     "liblzma5 libmd0 libsctp1 libssl3 libstdc++6 libwayland-server0 libx11-6 libxau6 "
	     "libxcb1 libxcb-randr0 libxdmcp6 libxxhash0 libzstd1 zlib1g").split()
#: and on this architecture alone
STRESSORS_X86 = ["libipsec-mb1"]

HOST_ARCH = "amd64"


def _fallback(series):
	"""The newest (abi, version) that Debian offers for every guest of a series."""
	users = [g for g in map(guests.load, guests.names()) if g.series == series]
	common = None
	for guest in users:
		source = debian.apt(guest.deb_arch, guest.suite)
		source.update()
		have = {}
		form = r"linux-image-(%s\.\S+)-%s-unsigned" % (re.escape(series),
							       re.escape(guest.flavour))
		for name in source.names("linux-image-" + series):
			match = re.fullmatch(form, name)
			if match:
				for fields in source.offered(name):
					have[(match.group(1), fields["Version"])] = True
		common = set(have) if common is None else common & set(have)
	best = None
	for entry in common or ():
		if best is None or subprocess.run(["dpkg", "--compare-versions", entry[1], "gt",
						   best[1]], check=False).returncode == 0:
			best = entry
	if best is None:
		raise Failure("Debian offers no kernel %s.* that %s have in common; put versions "
			      "that it offers into %s" % (series, ", ".join(
				      g.name for g in users), guests.PINS))
	return best


def release(guest):
	"""The (abi, version) of the guest's kernel: the pinned one if it is to be had."""
	abi, version = guests.pin(guest.series)
	# Once one guest had to take another version, all of them take that.
	record = os.path.join(cache.root(), "release-%s-%s" % (guest.series, version))
	try:
		with open(record, encoding="ascii") as file:
			abi, version = file.read().split()
			return abi, version
	except (OSError, ValueError):
		pass
	image = "linux-image-%s-%s-unsigned" % (abi, guest.flavour)
	if debian.known(image, guest.deb_arch, version) or os.path.exists(os.path.join(
			cache.root(), "trees", _image_name(guest, abi, version))):
		return abi, version
	source = debian.apt(guest.deb_arch, guest.suite)
	with cache.locked(os.path.join(source.dir, "lock")):
		source.update()
		if any(f["Version"] == version for f in source.offered(image)):
			return abi, version
	found = _fallback(guest.series)
	say.note("Debian offers the pinned kernel %s (%s) no more: taking %s (%s), the newest for "
		 "all guests; pin it in %s to silence this" % (abi, version, *found, guests.PINS))
	cache.write(record, "%s %s\n" % found)
	return found


def identity(guest):
	"""A word that is another one when a module for the guest must be built again."""
	if guest.debug:
		return debugkernel.tree_name(guest)
	return _image_name(guest, *release(guest))


def _image_name(guest, abi, version):
	return "image-%s-%s_%s-%s" % (abi, guest.flavour, version,
				      _tag(RECIPE, guest.kernel, *MODULES))


def _tag(*words):
	"""A short name for a list of words: a changed list makes a new tree."""
	return hashlib.sha256(" ".join(words).encode()).hexdigest()[:8]


def _package(guest, name, version=None, arch=None):
	return debian.package(name, arch or guest.deb_arch, version,
			      guest.suite if version else "main")


def image(guest):
	"""Directory with vmlinuz, config and modules/ with their modules.list."""
	if guest.debug:
		return debugkernel.tree(guest)
	abi, version = release(guest)
	kernel = "%s-%s" % (abi, guest.flavour)

	def make(tree):
		deb = _package(guest, "linux-image-%s-unsigned" % kernel, version)
		say.step("UNPACK", "kernel %s" % kernel)
		debian.unpack(deb, tree, ["./boot", "./lib/modules"])
		run = subprocess.run(["/sbin/depmod", "-b", tree, kernel], check=False,
				     stderr=subprocess.PIPE, text=True)
		if run.returncode:
			raise Failure("depmod on %s: %s" % (kernel, run.stderr.strip()))
		_prune(tree, kernel)
		if guest.kernel == "vmlinux":
			_decompress(tree)
	return cache.tree(_image_name(guest, abi, version), make)


def _prune(tree, kernel):
	"""Keep of 180 MB of modules the few that guests use, in the order of loading."""
	base = os.path.join(tree, "lib", "modules", kernel)
	needs = {}
	with open(os.path.join(base, "modules.dep"), encoding="ascii") as file:
		for line in file:
			path, deps = line.rstrip("\n").split(":")
			needs[path] = deps.split()
	by_name = {_module_name(p): p for p in needs}
	keep, lines = [], []
	os.mkdir(os.path.join(tree, "modules"))
	for name in MODULES:
		path = by_name.get(name)
		if not path:
			continue	# built in, or not in this flavour
		order = [path] + needs[path]
		names = [_module_name(p) + ".ko" for p in reversed(order)]
		lines.append("%s: %s\n" % (name, " ".join(names)))
		keep += [p for p in order if p not in keep]
	for path in keep:
		with (lzma.open if path.endswith(".xz") else open)(
				os.path.join(base, path), "rb") as source, \
		     open(os.path.join(tree, "modules", _module_name(path) + ".ko"), "wb") as copy:
			copy.write(source.read())
	with open(os.path.join(base, "modules.builtin"), encoding="ascii") as file:
		built_in = {_module_name(line.strip()) for line in file}
	lines += ["%s: \n" % name for name in MODULES if name in built_in]
	cache.write(os.path.join(tree, "modules.list"), "".join(lines))
	os.rename(os.path.join(tree, "boot", "vmlinuz-" + kernel), os.path.join(tree, "vmlinuz"))
	os.rename(os.path.join(tree, "boot", "config-" + kernel), os.path.join(tree, "config"))
	subprocess.run(["rm", "-rf", os.path.join(tree, "boot"), os.path.join(tree, "lib")],
		       check=True)


def _module_name(path):
	"""What the kernel calls the module in a file, compressed or not."""
	return os.path.basename(path).split(".ko")[0].replace("-", "_")


def _decompress(tree):
	"""Take vmlinux out of a bzImage: decompressing it in a guest takes seconds."""
	with open(os.path.join(tree, "vmlinuz"), "rb") as file:
		data = file.read()
	# Documentation/x86/boot.rst: the sectors of the setup part, then the payload
	start = (data[0x1f1] + 1) * 512
	offset, length = struct.unpack_from("<II", data, 0x248)
	payload = data[start + offset:start + offset + length]
	if not payload.startswith(b"\xfd7zXZ\0"):
		raise Failure("%s/vmlinuz is no bzImage compressed by xz: take KERNEL=vmlinux out "
			      "of the guest's file" % tree)
	with open(os.path.join(tree, "vmlinux"), "wb") as file:
		file.write(lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(payload))


def common(guest):
	"""The part of the headers that all flavours share, and the build tools."""
	abi, version = release(guest)

	def make(tree):
		for name, arch in (("linux-headers-%s-%s" % (abi, guest.common), guest.deb_arch),
				   (_kbuild(guest, abi), HOST_ARCH)):
			deb = _package(guest, name, version, arch)
			say.step("UNPACK", name)
			debian.unpack(deb, tree)
	return cache.tree("headers-%s-%s_%s" % (abi, guest.common, version), make)


def _kbuild(guest, abi):
	"""The package of build tools: one for a series, in newer ones one for an abi."""
	return "linux-kbuild-" + (abi if guest.kbuild == "abi" else guest.series)


def headers(guest):
	"""Directory to give to make -C for building a module."""
	if guest.debug:
		return debugkernel.headers(guest)
	abi, version = release(guest)
	kernel = "%s-%s" % (abi, guest.flavour)
	shared = common(guest)
	inside = "usr/src/linux-headers-" + kernel

	def make(tree):
		deb = _package(guest, "linux-headers-" + kernel, version)
		say.step("UNPACK", "linux-headers-" + kernel)
		debian.unpack(deb, tree)
		where = os.path.join(tree, inside)
		up = os.path.join("../../../..", os.path.basename(shared))
		# The packages name each other by absolute paths under /usr.
		makefile = os.path.join(where, "Makefile")
		with open(makefile, encoding="ascii") as file:
			text = file.read()
		want = "include /usr/src/linux-headers-%s-%s/Makefile" % (abi, guest.common)
		if want not in text:
			raise Failure("linux-headers-%s: its Makefile has no line '%s': don't know "
				      "how to use it outside /usr" % (kernel, want))
		here = "$(dir $(realpath $(lastword $(MAKEFILE_LIST))))"
		cache.write(makefile, text.replace(want, "include %s%s/usr/src/linux-headers-%s-"
						   "%s/Makefile" % (here, up, abi, guest.common)))
		for name in ("scripts", "tools"):
			link = os.path.join(where, name)
			os.unlink(link)
			os.symlink("%s/usr/lib/%s/%s" % (up, _kbuild(guest, abi), name), link)
	return os.path.join(cache.tree("headers-%s_%s" % (kernel, version), make), inside)


def busybox(guest):
	"""The guest's static busybox."""
	def make(tree):
		debian.unpack(_package(guest, "busybox-static"), tree, ["./bin/busybox"])
	return os.path.join(cache.tree("busybox-" + guest.deb_arch, make), "bin/busybox")


def sysroot(guest):
	"""Directory with static libraries and headers for programs of the guest."""
	def make(tree):
		for deb in debian.packages(SYSROOT, guest.deb_arch):
			debian.unpack(deb, tree)
	return cache.tree("sysroot-%s-%s" % (guest.deb_arch, _tag(*SYSROOT)), make)


def programs(guest):
	"""Directory with Redis and Python, to be added to a guest as /."""
	def make(tree):
		for deb in debian.packages(PROGRAMS, guest.deb_arch):
			debian.unpack(deb, tree)
		debian.unpack(debian.package(SORT[0], guest.deb_arch), tree, [SORT[1]])
		# what the package redis-server has besides is a service's
		os.symlink("redis-check-rdb", tree + "/usr/bin/redis-server")
		subprocess.run(["rm", "-rf", tree + "/usr/share", tree + "/etc", tree + "/var",
				*glob.glob(tree + "/usr/lib/*/gconv")], check=True)
	return cache.tree("programs-%s-%s" % (guest.deb_arch, _tag(*PROGRAMS, *SORT)), make)


def stressors(guest):
	"""Directory with stress-ng, to be added to a guest as /."""
	names = STRESSORS + (STRESSORS_X86 if guest.deb_arch == "amd64" else [])

	def make(tree):
		for deb in debian.packages(names, guest.deb_arch):
			debian.unpack(deb, tree)
		subprocess.run(["rm", "-rf", tree + "/usr/share", tree + "/etc", tree + "/var",
				*glob.glob(tree + "/usr/lib/*/gconv")], check=True)
	return cache.tree("stressors-%s-%s" % (guest.deb_arch, _tag(*names)), make)


def _source(guest):
	_abi, version = release(guest)
	return debian.package("linux-source-" + guest.series, HOST_ARCH, version, guest.suite)


def source(guest):
	"""The kernel's source as a .tar.xz."""
	_abi, version = release(guest)

	def make(tree):
		debian.unpack(_source(guest), tree, ["./usr/src"])
		found = glob.glob(tree + "/usr/src/*.tar.xz")
		os.rename(found[0], os.path.join(tree, "linux.tar.xz"))
	return os.path.join(cache.tree("source-%s_%s" % (guest.series, version), make),
			    "linux.tar.xz")


def _from_source(guest, tree, what, members):
	"""Unpack a part of the kernel's source."""
	archive = source(guest)
	say.step("UNPACK", what)
	prefix = "linux-source-%s/" % guest.series
	run = subprocess.run(["tar", "-C", tree, "--strip-components=1", "--wildcards",
			      "--no-wildcards-match-slash", "-xJf",
			      archive, *[prefix + member for member in members]],
			     check=False, stderr=subprocess.PIPE, text=True)
	if run.returncode:
		raise Failure("cannot unpack %s: %s" % (archive, run.stderr.strip()))


def selftests(guest):
	"""Directory with the source of the kernel's own tests, and libraries for them."""
	_abi, version = release(guest)

	def make(tree):
		_from_source(guest, tree, "the kernel's own tests",
			     ["include/vdso/*.h", "tools/testing/selftests/vm/*.[ch]",
			      "tools/testing/selftests/*.h"])
		for deb in debian.packages(SELFTEST_LIBS, guest.deb_arch):
			debian.unpack(deb, tree)
	return cache.tree("selftests-%s-%s_%s" % (guest.deb_arch, guest.series, version), make)


def checkers(guest):
	"""Directory with the source's scripts/: checkpatch.pl, kernel-doc, coccicheck."""
	_abi, version = release(guest)

	def make(tree):
		_from_source(guest, tree, "scripts of the kernel's source",
			     ["scripts", ".clang-format"])
	return cache.tree("checkers-%s_%s" % (guest.series, version), make)


#: what can be asked for by name
ITEMS = {"image": image, "headers": headers, "busybox": busybox, "sysroot": sysroot,
	 "source": source, "checkers": checkers, "programs": programs,
	 "stressors": stressors, "selftests": selftests}
