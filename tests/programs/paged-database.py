# SPDX-License-Identifier: GPL-2.0-only
"""A program to be paged: a SQLite database in memory, which is checked."""
import hashlib
import sqlite3


def text(i):
	"""What belongs to a number."""
	return hashlib.sha256(str(i).encode()).hexdigest() * 2


db = sqlite3.connect(":memory:")
db.execute("create table t(a integer, b text)")
db.executemany("insert into t values(?, ?)", ((i, text(i)) for i in range(50000)))
db.execute("create index i on t(a)")
assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
assert db.execute("select count(*), sum(a) from t").fetchone() == (50000, 1249975000)
for i in range(0, 50000, 11):
	assert db.execute("select b from t where a = ?", (i,)).fetchone()[0] == text(i)
