"""Tables of the study file, and how a file is made; what is written is never changed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from sknemg.labeler.study import Case, Study
from sknemg.recordings._problems import listed, shown
from sknemg.versions import __version__

#: Number in the header of the file, by which it is known.
APPLICATION = 0x734B4C31

_SCHEMA = """
CREATE TABLE study (settings TEXT NOT NULL, version TEXT NOT NULL, made REAL NOT NULL);
CREATE TABLE recording (number INTEGER PRIMARY KEY, subject TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE reading (
    reader INTEGER NOT NULL, number INTEGER NOT NULL, part INTEGER NOT NULL,
    subject TEXT NOT NULL, arm TEXT NOT NULL, repeat INTEGER NOT NULL, recordings TEXT NOT NULL,
    PRIMARY KEY (reader, number)
);
CREATE TABLE assistance (subject TEXT PRIMARY KEY, answer TEXT NOT NULL);
CREATE TABLE token (reader INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE);
CREATE TABLE session (hash BLOB PRIMARY KEY, reader INTEGER NOT NULL, opened REAL NOT NULL);
CREATE TABLE part (
    reader INTEGER NOT NULL, part INTEGER NOT NULL, opened REAL NOT NULL,
    PRIMARY KEY (reader, part)
);
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL, reader INTEGER NOT NULL, number INTEGER NOT NULL,
    position INTEGER, recording INTEGER, level TEXT NOT NULL, vote TEXT NOT NULL,
    confidence INTEGER, remark TEXT NOT NULL, seconds REAL NOT NULL, display TEXT NOT NULL,
    time REAL NOT NULL,
    UNIQUE (reader, uuid),
    FOREIGN KEY (reader, number) REFERENCES reading (reader, number)
);
CREATE INDEX event_of_reading ON event (reader, number, position);
CREATE VIEW votes AS
    SELECT 'R' || (event.reader + 1) AS reader, reading.subject AS subject,
        recording.name AS recording, event.level AS level, event.vote AS vote,
        event.confidence AS confidence, event.seconds AS seconds, reading.arm AS arm,
        reading.repeat AS repeat,
        strftime('%Y-%m-%dT%H:%M:%fZ', event.time, 'unixepoch') AS time
    FROM event
    JOIN reading ON reading.reader = event.reader AND reading.number = event.number
    LEFT JOIN recording ON recording.number = event.recording
    ORDER BY event.id;
"""
#: Tables that are only added to: triggers let nobody change them, not even this program.
_APPEND_ONLY = ("study", "recording", "reading", "assistance", "part", "event")


def make_file(
    path: Path,
    study: Study,
    cases: Sequence[Case],
    recordings: Sequence[tuple[str, str]],
    model: Mapping[str, Mapping[str, float]],
    tokens: Sequence[str],
) -> None:
    """Make a study file that only its owner can read; an existing file is left alone.

    Parameters
    ----------
    path : Path
    study : Study
    cases : sequence of Case
    recordings : sequence of tuple of str
        Subject and name of each recording.
    model : mapping of subject to mapping of class to float
    tokens : sequence of str
        Of each reader; their hashes are kept.
    """
    making = path.with_name(f".{path.name}-{uuid4().hex}")  # another one may be made meanwhile
    os.close(os.open(making, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = connect(making)
    try:
        connection.executescript("BEGIN;" + _SCHEMA)
        for table in _APPEND_ONLY:
            for action in ("UPDATE", "DELETE"):
                connection.execute(
                    f"CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'append-only'); END"
                )
        connection.execute(
            "INSERT INTO study VALUES (?, ?, ?)", (study.to_json(), __version__, time.time())
        )
        connection.executemany(
            "INSERT INTO recording VALUES (?, ?, ?)",
            [(row, *pair) for row, pair in enumerate(recordings)],
        )
        connection.executemany(
            "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (c.reader, c.number, c.part, c.subject, c.arm, c.repeat, json.dumps(c.rows))
                for c in cases
            ],
        )
        connection.executemany(
            "INSERT INTO assistance VALUES (?, ?)",
            [(name, json.dumps(shares)) for name, shares in model.items()],
        )
        connection.executemany(
            "INSERT INTO token VALUES (?, ?)",
            [(reader, hashed(token)) for reader, token in enumerate(tokens)],
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("COMMIT")
        connection.close()
        os.link(making, path)  # which refuses a file that is there
    finally:
        connection.close()
        making.unlink()


def connect(path: Path) -> sqlite3.Connection:
    """Open a file for several threads; transactions are begun by hand."""
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Sync every commit to the disk, and trust nothing that a file defines."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")


def hashed(secret: str) -> bytes:
    """Hash a random secret of 256 bits, which needs no salt and no slow function."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def check_assistance(
    study: Study, subjects: set[str], assistance: Mapping[str, Mapping[str, float]] | None
) -> dict[str, dict[str, float]]:
    """Return a model's probabilities for each subject, if an arm shows them; refuse gaps."""
    if "assisted" not in study.arms:
        if assistance is not None:
            raise ValueError(
                f"arms={shown(study.arms)} show no model: leave `assistance` out, or add the arm "
                "'assisted'."
            )
        return {}
    given = assistance or {}
    missing = sorted(subjects - set(given))
    if missing:
        raise ValueError(
            f"The model's answer is missing for {listed(missing, 'subject')}: give it in "
            "`assistance`."
        )
    answers = {
        name: {label: float(given[name].get(label, math.nan)) for label in study.classes}
        for name in sorted(subjects)
    }
    wrong = [n for n, shares in answers.items() if not all(0 <= p <= 1 for p in shares.values())]
    if wrong:
        raise ValueError(
            f"The model's answer for {listed(wrong, 'subject')} lacks a probability of a class: "
            "give one between 0 and 1 for each in `assistance`."
        )
    return answers
