#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Real programs of Debian in guests: as oracles, under pfstat, and paged by upager.

host: timeout=900 guests=arm64,amd64,i386

What Redis says of a save (rdb_last_cow_size, the private memory of the child
that saves) and what pfstat counts meanwhile must agree; what gc.freeze() spares
a forked child must show in the mapping that has the objects. With a fifth of
their memory programs make what they make with all of it, also if the rest is on
a Redis server of this machine, which the guest reaches by its network. Programs
that start from the snapshot of another have what it had, and copy what they write.

Environment: GUESTS, those to boot; KEEP, a directory for what they say.
"""
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from lib import cases, servers  # noqa: E402

GUESTS = os.environ.get("GUESTS", "arm64 amd64 i386").split()
#: where programs are paged, and nothing else: 32 bits are another library to preload
PAGED_ONLY = ("i386",)
#: this machine, for a guest
HOST = "10.0.2.2"
PAGE = 4096
#: Redis counts what its child allocated for itself, too, and pfstat what was
#: copied before the child was there: a few pages of stack and data
MARGIN_PART, MARGIN_PAGES = 0.05, 32
#: 100,000 lists of 64 bytes, with the collector's head
OBJECT_PAGES = 100000 * 64 // PAGE

PAGED = ("paged", "paged.txt", "pool.json", "copy.json")
#: of the region that is saved; each eighth page is zeros
SAVED_PAGES = 512
FILES = ("before", "after", "before.json", "after.json", "gc.diff", "redis", "redis.txt") + PAGED
SCRIPTS = ("gc.py", "redis.sh", "both.sh", "paged.sh", "paged-dict.py", "paged-lines.py",
	   "saved.sh")


def boot(guest, work, port):
	"""Run everything in a guest; what it left, {name: text}."""
	done = subprocess.run([os.path.join(TOP, "scripts/kernels"), "path", guest, "programs"],
			      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
	tree = done.stdout.strip()
	if done.returncode:
		print("# " + done.stderr.replace("\n", "\n# "))
		return done.returncode, {}
	command = [os.path.join(TOP, "scripts/vm"), "-q", guest, "--mem", "1024", "--timeout", "600",
		   "--net", "--add", os.path.join(TOP, "build", guest, "lib", "libupager-run.so") +
		   ":/usr/lib/"]
	for name in sorted(os.listdir(tree)):
		command += ["--add", "%s/%s:/%s" % (tree, name, name)]
	for name in SCRIPTS:
		command += ["--add", os.path.join(TOP, "tests/programs", name)]
	for name in PAGED if guest in PAGED_ONLY else FILES:
		command += ["--get", "/tmp/%s:%s" % (name, os.path.join(work, name))]
	command += ["--add", os.path.join(TOP, "build", guest, "paged", "snapshot-load")]
	command += ["--", "sh", "-ec", ("" if guest in PAGED_ONLY else "/root/both.sh; ") +
		    "exec 2> /tmp/paged.txt; "
		    "/root/paged.sh mem: redis://%s:%d > /tmp/paged; " % (HOST, port) +
		    "for how in pool copy; do /root/saved.sh $how > /tmp/$how.json; done"]
	done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE,
			      stderr=subprocess.STDOUT)
	found = {}
	for name in FILES:
		if os.path.exists(os.path.join(work, name)):
			with open(os.path.join(work, name), encoding="utf-8") as file:
				found[name] = file.read()
	if done.returncode:
		said = done.stdout + "".join(found.get(name, "") for name in ("redis.txt",) + PAGED)
		print("# scripts/vm %s: status %d\n# %s" % (guest, done.returncode,
							   said.replace("\n", "\n# ")))
	return done.returncode, found


def check_redis(test, guest, text):
	"""What Redis and pfstat say of the same save."""
	head, report = text.split("\n", 1)
	_, status, cow = head.split()
	report = json.loads(report)
	cow, copied = int(cow), report["bytes_copied"]
	test.true(guest + ": redis: the save succeeded", status == "ok", status)
	test.true(guest + ": redis: rdb_last_cow_size and the bytes copied agree",
		  abs(cow - copied) <= MARGIN_PART * cow + MARGIN_PAGES * PAGE,
		  "redis: %d, pfstat: %d bytes" % (cow, copied))
	test.true(guest + ": redis: much was copied", copied > 200 * PAGE, "%d bytes" % copied)
	server, child = report["processes"]
	test.true(guest + ": redis: the server copied it, its child had the old pages",
		  server["kinds"]["copy"] > 3 * child["kinds"]["copy"] and
		  child["parent"] == server["pid"],
		  "server %d, child %d copies" % (server["kinds"]["copy"], child["kinds"]["copy"]))


def copies_at(report, line):
	"""Pages that a child copied in the mapping with the objects, which a line names."""
	address = int(line.split()[-1], 16)
	for vma in report["vmas"]:
		if int(vma["start"], 16) <= address < int(vma["end"], 16):
			return vma["path"], vma["perm"], vma["kinds"]["copy"]
	return None, None, 0


def check_python(test, guest, found):
	"""gc.freeze() spares the objects, and nothing else can."""
	before, after = json.loads(found["before.json"]), json.loads(found["after.json"])
	path, perm, hot = copies_at(before, found["before"])
	test.true(guest + ": python: the objects are in anonymous memory", (path, perm) == ("", "rw-p"),
		  "%r %s" % (path, perm))
	_, _, cold = copies_at(after, found["after"])
	total = sum(v["kinds"]["copy"] for v in before["vmas"] if not v["path"])
	test.true(guest + ": python: a collection copies the objects' pages",
		  total >= OBJECT_PAGES, "%d pages copied, %d pages of objects" % (total, OBJECT_PAGES))
	test.true(guest + ": python: gc.freeze() spares the mapping with the objects",
		  hot >= 100 and cold * 10 <= hot, "%d and %d pages copied there" % (hot, cold))
	test.true(guest + ": python: the difference is told",
		  after["bytes_copied"] * 3 <= before["bytes_copied"] and "bytes copied" in found["gc.diff"],
		  "%d and %d bytes" % (before["bytes_copied"], after["bytes_copied"]))


def check_paged(test, guest, text, server):
	"""Pages went to each store, came back, and were removed in the end."""
	stores = set()
	for line in text.splitlines():
		program, store, count = line.split()
		stores.add(store.partition(":")[0])
		test.true("%s: paged: %s on %s" % (guest, program, store.partition(":")[0]),
			  int(count) > 200, "%s pages came from %s" % (count, store))
	test.true(guest + ": paged: on every store", stores == {"mem", "redis"}, str(stores))
	sets = [line for line in server.cli("INFO", "commandstats").split()
		if line.startswith("cmdstat_set:")]
	test.true(guest + ": paged: the server had pages", bool(sets), str(sets))
	test.true(guest + ": paged: it has none any more", server.cli("DBSIZE") == "0",
		  server.cli("DBSIZE"))


def documents(text):
	"""The JSON documents that stand behind each other in a text."""
	found, at, decoder = [], 0, json.JSONDecoder()
	while at < len(text.rstrip()):
		at += len(text[at:]) - len(text[at:].lstrip())
		document, at = decoder.raw_decode(text, at)
		found.append(document)
	return found


def copies_in(report, start):
	"""How many pages of the mapping that begins there were copied."""
	return sum(v["kinds"]["copy"] for v in report["vmas"] if int(v["start"], 16) == start)


def check_saved(test, name, text, shared):
	"""Clients of one snapshot: what is in it, read once, and what each copied of it."""
	said = documents(text)
	saved, first, others, again, stat = said[0], said[1], said[2:8], said[8], said[9]
	clients, counts = [first] + others[::2], others[1::2]
	test.true(name + ": saved", (saved["pages"], saved["zeros"]) ==
		  (SAVED_PAGES - SAVED_PAGES // 8, SAVED_PAGES // 8), json.dumps(saved))
	test.true(name + ": each has it, and at the same address",
		  {c["client"].split()[0] for c in clients} == {"1"} and
		  len({c["client"] for c in clients}) == 1, str([c["client"] for c in clients]))
	wrong = [c["wrong"] for c in clients] + [again["wrong"]] + [c["letters"] for c in clients[1:]]
	test.true(name + ": right to the byte, and what one writes is its own", not any(wrong),
		  str(wrong))
	start = int(first["client"].split()[1], 16)
	copied = [copies_in(c, start) for c in counts]
	test.true(name + ": pfstat counts what each copied",
		  copied == ([1, 2, 3] if shared else [0, 0, 0]), str(copied))
	read = stat["pagers"][0]["snapshot"]["read"]
	test.true(name + ": read once for all, or by each", read ==
		  (1 if shared else len(clients)) * saved["pages"], "%d pages" % read)


def check_guest(test, guest, work):
	"""One guest; what it has left."""
	server = servers.Redis(work)
	status, found = boot(guest, work, server.port)
	test.true(guest + ": the programs ran", not status, "status %d" % status)
	if not status:
		check_paged(test, guest, found["paged"], server)
		check_saved(test, guest + ": snapshot, pool", found["pool.json"], True)
		check_saved(test, guest + ": snapshot, copy", found["copy.json"], False)
	if not status and guest not in PAGED_ONLY:
		check_redis(test, guest, found["redis"])
		check_python(test, guest, found)
	server.kill()
	return found


def main():
	"""All guests."""
	print("KTAP version 1")
	if not servers.install(["redis"]):
		print("Bail out! redis-server could not be installed")
		return 1
	test = cases.Checks()
	for guest in GUESTS:
		with tempfile.TemporaryDirectory() as work:
			found = check_guest(test, guest, work)
			keep = os.environ.get("KEEP")
			if keep:
				os.makedirs(os.path.join(keep, guest), exist_ok=True)
				for name, text in found.items():
					with open(os.path.join(keep, guest, name), "w",
						  encoding="utf-8") as file:
						file.write(text)
	return test.end()


if __name__ == "__main__":
	sys.exit(main())
