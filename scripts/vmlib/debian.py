# SPDX-License-Identifier: GPL-2.0-only
"""Debian packages of any architecture, without touching the machine's own apt.

Mirror and suites are taken from the user's apt sources; everything else of
apt's state lies in the cache. apt checks signatures and checksums; the checksum
is kept beside the package and checked again whenever the package is used.
"""
import functools
import os
import re
import shutil
import subprocess

from . import Failure, cache, say

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
#: what a guest file may call a suite, and how its name differs from the code name
SUITES = {"main": "", "security": "-security", "updates": "-updates"}


def _run(command, env=None, what=None):
	"""Run a command, return its standard output; say what failed otherwise."""
	try:
		done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL,
				      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
				      text=True, check=False, timeout=1800)
	except (OSError, subprocess.TimeoutExpired) as err:
		raise Failure("%s: %s" % (what or command[0], err)) from err
	if done.returncode:
		raise Failure("%s failed (%s):\n%s" % (what or "a command", " ".join(command),
						       (done.stderr or done.stdout).strip()))
	return done.stdout


@functools.lru_cache(maxsize=None)
def codename():
	"""The code name of the release that this machine runs."""
	with open("/etc/os-release", encoding="utf-8") as file:
		match = re.search(r'^VERSION_CODENAME="?(\w+)', file.read(), re.M)
	return match.group(1) if match else "bookworm"


def _targets(*options):
	"""Debian's own sources of this machine: {release: URI}."""
	out = _run(["apt-get", "indextargets", *options, "--format",
		    "$(CREATED_BY)|$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)|$(SITE)"],
		   what="asking apt for its sources")
	found = {}
	for line in out.splitlines():
		created, origin, release, component, repo, site = line.split("|")
		if created == "Packages" and component == "main" and (
				origin == "Debian" or origin.startswith("$(")):
			found.setdefault(release, site if repo.startswith("$(") else repo)
	return found


@functools.lru_cache(maxsize=None)
def mirror(suite):
	"""The (URI, release) of a suite of Debian in the user's apt sources."""
	release = codename() + SUITES[suite]
	# Before the first 'apt-get update' the origin of a source is not known;
	# then the signature, which must be Debian's, tells Debian from others.
	uri = _targets().get(release) or _targets("--no-release-info").get(release)
	if not uri:
		raise Failure("no suite '%s' of Debian (component main) among this machine's apt "
			      "sources; add it to /etc/apt/sources.list.d, then run 'apt-get update'"
			      % release)
	return uri, release


class Apt:
	"""apt with a state of its own in the cache, for one architecture and suite."""

	def __init__(self, arch, suite="main"):
		self.arch, self.suite = arch, suite
		self.dir = cache.directory("apt/%s-%s" % (arch, suite))
		self.env = dict(os.environ, APT_CONFIG=os.path.join(self.dir, "apt.conf"),
				LC_ALL="C.UTF-8")
		self.fresh = False

	def _setup(self):
		uri, release = mirror(self.suite)
		options = "arch=%s target=Packages" % self.arch
		if os.path.exists(KEYRING):
			options += " signed-by=" + KEYRING
		for sub in ("state/lists/partial", "cache/archives/partial"):
			os.makedirs(os.path.join(self.dir, sub), exist_ok=True)
		cache.write(self.dir + "/status", "")
		cache.write(self.dir + "/sources.list",
			    "deb [%s] %s %s main\n" % (options, uri, release))
		conf = 'APT::Architecture "%s";\nAPT::Architectures { "%s"; };\n' % (self.arch,
										     self.arch)
		for key, path in (("State", "state"), ("State::lists", "state/lists"),
				  ("State::status", "status"), ("Cache", "cache"),
				  ("Etc::sourcelist", "sources.list")):
			conf += 'Dir::%s "%s/%s";\n' % (key, self.dir, path)
		for key in ("sourceparts", "preferences", "preferencesparts"):
			conf += 'Dir::Etc::%s "/dev/null";\n' % key
		conf += 'Acquire::Languages "none";\nAcquire::Retries "3";\n'
		if os.geteuid() == 0:
			conf += 'APT::Sandbox::User "root";\n'
		cache.write(self.dir + "/apt.conf", conf)

	def update(self):
		"""Fetch the index, once per run of the program."""
		if self.fresh:
			return
		self._setup()
		say.step("INDEX", "of Debian's packages for %s (%s)" % (self.arch, self.suite))
		_run(["apt-get", "-q", "-o", "APT::Get::List-Cleanup=0", "update"], self.env,
		     "fetching the index of Debian's packages for %s" % self.arch)
		self.fresh = True

	def offered(self, *packages):
		"""The fields of all versions of packages in the index, newest first."""
		done = subprocess.run(["apt-cache", "show", "--all-versions", *packages],
				      env=self.env, stdin=subprocess.DEVNULL,
				      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
				      text=True, check=False)	# fails if one is unknown
		found = []
		for stanza in done.stdout.split("\n\n"):
			fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", stanza, re.M))
			if fields.get("Package") in packages:
				found.append(fields)
		return found

	def names(self, prefix):
		"""The names of packages that begin so."""
		return _run(["apt-cache", "pkgnames", prefix], self.env).split()


@functools.lru_cache(maxsize=None)
def apt(arch, suite="main"):
	"""The one Apt object per architecture and suite."""
	return Apt(arch, suite)


def _record(name, arch, version):
	"""The file that names a package in the cache, and its checksum."""
	return os.path.join(cache.directory("debs"), "%s_%s_%s.sum" % (
		name, version.replace(":", "%3a") if version else "any", arch))


def known(name, arch, version):
	"""Whether that package was fetched before."""
	return os.path.exists(_record(name, arch, version))


def packages(names, arch, version=None, suite="main"):
	"""The paths of package files in the cache; those that are not there are fetched.

	Without a version: the ones fetched before, or the newest that are offered.
	"""
	records = {name: _record(name, arch, version) for name in names}
	source = apt(arch, suite)
	with cache.locked(os.path.join(source.dir, "lock"), "packages for " + arch):
		paths = {name: _recorded(records[name]) for name in names}
		wanted = [name for name in names if not paths[name]]
		if wanted:
			source.update()
			paths.update(_fetch(source, wanted, version, records))
	return [paths[name] for name in names]


def package(name, arch, version=None, suite="main"):
	"""The path of one package file in the cache, fetched if it is not there."""
	return packages([name], arch, version, suite)[0]


def _fetch(source, names, version, records):
	"""Download packages and write down their checksums; {name: path}."""
	debs = cache.directory("debs")
	chosen = {}
	for fields in source.offered(*names):
		if version in (None, fields["Version"]):
			chosen.setdefault(fields["Package"], fields)
	for name in names:
		if name not in chosen:
			raise Failure("Debian's suite %s does not offer %s%s for %s" % (
				mirror(source.suite)[1], name, " " + version if version else "",
				source.arch))
	total = sum(int(fields["Size"]) for fields in chosen.values())
	say.step("FETCH", "%s (%s, %s)" % (
		" ".join(names) if len(names) < 4 else "%d packages: %s ..." % (
			len(names), " ".join(names[:3])), source.arch, say.size(total)))
	temp = os.path.join(debs, ".new-%s-%s" % (source.arch, source.suite))
	shutil.rmtree(temp, ignore_errors=True)		# of a run that was killed
	os.makedirs(temp)
	try:
		done = subprocess.run(
			["apt-get", "-q", "download"] +
			["%s=%s" % (name, chosen[name]["Version"]) for name in names],
			env=source.env, cwd=temp, stdin=subprocess.DEVNULL,
			stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
			check=False, timeout=3600)
		got = {file.split("_")[0]: file for file in os.listdir(temp)}
		if done.returncode or sorted(got) != sorted(names):
			raise Failure("cannot download %s for %s:\n%s" % (
				" ".join(names), source.arch, done.stdout.strip()))
		paths = {}
		for name in names:
			path = os.path.join(temp, got[name])
			want, have = chosen[name]["SHA256"], cache.sha256(path)
			if have != want:
				raise Failure("%s came with SHA-256 %s, the index says %s; try again"
					      % (got[name], have, want))
			paths[name] = os.path.join(debs, got[name])
			os.rename(path, paths[name])
			cache.write(records[name], "%s %s\n" % (want, got[name]))
		return paths
	finally:
		shutil.rmtree(temp, ignore_errors=True)


def _recorded(record):
	"""The package that a record names, if it is there and whole."""
	try:
		with open(record, encoding="utf-8") as file:
			want, name = file.read().split()
	except (OSError, ValueError):
		return None
	path = os.path.join(os.path.dirname(record), name)
	if not os.path.exists(path):
		return None
	if cache.sha256(path) != want:
		say.note("%s in the cache has the wrong checksum: fetching it again" % name)
		return None
	return path


def unpack(path, into, members=None):
	"""Unpack a package's files, or only those members, into a directory."""
	with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path],
			      stdout=subprocess.PIPE) as deb:
		done = subprocess.run(["tar", "-C", into, "-x", "--no-same-owner"] + (members or []),
				      stdin=deb.stdout, stderr=subprocess.PIPE, text=True,
				      check=False)
		deb.stdout.close()
	if done.returncode or deb.returncode not in (0, -13):
		raise Failure("cannot unpack %s: %s" % (path, done.stderr.strip()))
