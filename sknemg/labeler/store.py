"""The study file: SQLite with append-only events, from which every answer and state is read."""

from __future__ import annotations

import json
import math
import secrets
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from sknemg.labeler.schema import (
    APPLICATION,
    check_assistance,
    connect,
    hashed,
    make_file,
    prepare,
)
from sknemg.labeler.study import Case, Study
from sknemg.metrics.votes import CANNOT_SAY, VOTE_COLUMNS
from sknemg.recordings._problems import shown

_DAY = 86_400.0
#: After which a browser and the study file forget that a reader was let in.
SESSION_SECONDS = 30 * 86_400
_MAX_REMARK, _MAX_DISPLAY = 2_000, 2_000  # characters


class NotOpenError(ValueError):
    """What a reader asked for is not open to this reader, now."""


@dataclass(frozen=True)
class Vote:
    """What a reader answers.

    Parameters
    ----------
    uuid : str
        Made by the sender: a vote that is sent twice is stored once.
    number : int
        Place of the patient in the reader's list.
    position : int or None
        Place of the recording among those of the patient; None for the patient's diagnosis.
    answer : str
        One of the study's classes, or `CANNOT_SAY`.
    confidence : int or None, default=None
        1 to 5.
    remark : str, default=""
    seconds : float, default=0.0
        How long the recording or the patient was looked at.
    display : dict, default={}
        Settings of the display at the time of the vote.
    """

    uuid: str
    number: int
    position: int | None
    answer: str
    confidence: int | None = None
    remark: str = ""
    seconds: float = 0.0
    display: dict[str, Any] = field(default_factory=dict)


class Store:
    """The study file.

    A vote is on the disk when `vote` returns: every call is a transaction that SQLite has synced
    (WAL, ``synchronous=FULL``). Triggers refuse changes and deletions of what was written; a
    correction is a further event. Tokens and sessions are kept as SHA-256 hashes.

    One object may be used by several threads, and a file by several processes.

    Parameters
    ----------
    path : str or Path
        A file that `Store.create` made.

    Attributes
    ----------
    study : Study

    Raises
    ------
    ValueError
        If the file is not that of a study.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sknemg.labeler import Store, Study, Vote, plan
    >>> study = Study(("myopathy", "normal"), "0" * 64, n_readers=1)
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "study.sqlite")
    ...     tokens = Store.create(file, study, plan(study, ["S1"]), ["S1"], ["a"])
    ...     store = Store(file)
    ...     _ = store.vote(0, Vote("first", 0, 0, "normal", confidence=4))
    ...     _ = store.vote(0, Vote("second", 0, 0, "myopathy", confidence=2))
    ...     votes = store.votes()
    ...     store.close()
    >>> votes[["reader", "subject", "recording", "level", "vote", "confidence"]]
      reader subject recording      level      vote  confidence
    0     R1      S1         a  recording    normal           4
    1     R1      S1         a  recording  myopathy           2
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if self.path.is_dir():
            raise IsADirectoryError(f"{str(path)!r} is a folder: give the file of a study.")
        if not self.path.is_file():
            raise FileNotFoundError(f"{str(path)!r} does not exist: make a study first.")
        self._lock = threading.RLock()
        self._connection = connect(self.path)
        try:
            found = self._connection.execute("PRAGMA application_id").fetchone()[0]
            if found != APPLICATION:
                raise sqlite3.DatabaseError
            (settings,) = self._connection.execute("SELECT settings FROM study").fetchone()
            prepare(self._connection)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError):  # locked, or the disk is full
                raise
            raise ValueError(f"{str(path)!r} is not a study file: give another one.") from error
        self.study = Study.from_json(settings)

    @classmethod
    def create(
        cls,
        path: str | Path,
        study: Study,
        cases: Sequence[Case],
        subjects: Sequence[str],
        names: Sequence[str],
        assistance: Mapping[str, Mapping[str, float]] | None = None,
    ) -> list[str]:
        """Make a study file that only its owner can read.

        Parameters
        ----------
        path : str or Path
            A new file.
        study : Study
        cases : sequence of Case
            From `plan`.
        subjects, names : sequence of str of shape (n_recordings,)
            Subject and name of each recording, for the dump: by both together it is known.
        assistance : mapping of subject to mapping of class to float, default=None
            Probabilities of a model, which the assisted arm shows; without that arm nothing of a
            model is kept.

        Returns
        -------
        list of str
            The token of each reader. It is not stored, only its hash.

        Raises
        ------
        FileExistsError
            If the file is there.
        ValueError
            If two recordings of a subject have one name, so that the votes for them would count as
            one; if the model's answers lack a subject of the assisted arm, or no arm shows them.
        """
        known = Counter(zip(subjects, map(str.strip, names), strict=True))
        if twice := [pair for pair, times in known.items() if times > 1]:
            raise ValueError(
                f"Several recordings of subject {shown(twice[0][0])} are called "
                f"{shown(twice[0][1])}, and the votes for them could not be told apart: give each "
                "a name of its own."
            )
        tokens = [secrets.token_urlsafe(32) for _ in range(study.n_readers)]
        model = check_assistance(study, set(subjects), assistance)
        make_file(Path(path), study, cases, list(zip(subjects, names, strict=True)), model, tokens)
        return tokens

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """Hold the file for writing; what was written is on the disk afterwards."""
        with self._lock:
            self._connection.execute(f"BEGIN {kind}")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    # -- who --------------------------------------------------------------------------------------

    def renew(self, reader: int) -> str:
        """Replace the token of a reader; the old link and its sessions end.

        Parameters
        ----------
        reader : int
            From 0.

        Returns
        -------
        str
            The new token.

        Raises
        ------
        ValueError
            If there is no such reader.
        """
        if not 0 <= reader < self.study.n_readers:
            raise ValueError(
                f"Reader {reader + 1} is not one of the {self.study.n_readers} of the study: give "
                "a number from 1."
            )
        token = secrets.token_urlsafe(32)
        with self._transaction() as connection:
            connection.execute(
                "UPDATE token SET hash = ? WHERE reader = ?", (hashed(token), reader)
            )
            connection.execute("DELETE FROM session WHERE reader = ?", (reader,))
        return token

    def enter(self, token: str) -> str | None:
        """Begin a session.

        Parameters
        ----------
        token : str

        Returns
        -------
        str or None
            The secret of the session; None for a token of nobody.
        """
        found = self._rows("SELECT reader FROM token WHERE hash = ?", hashed(token))
        if not found:
            return None
        secret = secrets.token_urlsafe(32)
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO session VALUES (?, ?, ?)", (hashed(secret), *found[0], time.time())
            )
        return secret

    def leave(self, secret: str) -> None:
        """End a session."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM session WHERE hash = ?", (hashed(secret),))

    def reader_of(self, secret: str) -> int | None:
        """Return whose session this is; None if nobody's, or if it is older than 30 days."""
        found = self._rows(
            "SELECT reader FROM session WHERE hash = ? AND opened > ?",
            *(hashed(secret), time.time() - SESSION_SECONDS),
        )
        return int(found[0][0]) if found else None

    # -- what a reader sees -----------------------------------------------------------------------

    def part(self, reader: int) -> int:
        """Return the part of the study that this reader is in."""
        query = "SELECT coalesce(max(part), 0) FROM part WHERE reader = ?"
        return int(self._rows(query, reader)[0][0])

    def cases(self, reader: int) -> list[Case]:
        """Return all readings of a reader, those of later parts included."""
        query = (
            "SELECT reader, number, part, subject, arm, repeat, recordings FROM reading "
            "WHERE reader = ? ORDER BY number"
        )
        return [_case(row) for row in self._rows(query, reader)]

    def case(self, reader: int, number: int) -> Case:
        """Return a reading that is open.

        Raises
        ------
        NotOpenError
            If it belongs to another part, or does not exist.
        """
        query = (
            "SELECT reader, number, part, subject, arm, repeat, recordings FROM reading "
            "WHERE reader = ? AND number = ?"
        )
        found = self._rows(query, reader, number) if number < 1 << 31 else []
        if not found or found[0][2] != self.part(reader):
            raise NotOpenError("This patient is not open.")
        return _case(found[0])

    def assistance(self, case: Case) -> dict[str, float] | None:
        """Return the model's probabilities for a patient of the assisted arm; else None."""
        if case.arm != "assisted":
            return None
        query = "SELECT answer FROM assistance WHERE subject = ?"
        return dict(json.loads(self._rows(query, case.subject)[0][0]))

    def answers(self, reader: int) -> list[dict[str, Any]]:
        """Return the latest answer to each question of the reader's part.

        Parameters
        ----------
        reader : int

        Returns
        -------
        list of dict
            With ``number``, ``position`` (None for the diagnosis), ``answer``, ``confidence``,
            ``remark`` and ``seconds``.
        """
        query = (
            "SELECT number, position, vote, confidence, remark, seconds FROM event WHERE id IN "
            "(SELECT max(event.id) FROM event JOIN reading USING (reader, number) "
            "WHERE reader = ? AND part = ? GROUP BY number, position) ORDER BY id"
        )
        names = ("number", "position", "answer", "confidence", "remark", "seconds")
        found = self._rows(query, reader, self.part(reader))
        return [dict(zip(names, row, strict=True)) for row in found]

    def next_part(self, reader: int) -> tuple[int, float] | None:
        """Return the next part and from when it may be opened; None after the last part.

        Parameters
        ----------
        reader : int

        Returns
        -------
        tuple of int and float, or None
            Seconds since 1970; infinite while patients of this part lack a diagnosis.
        """
        part = self.part(reader)
        if not self._rows("SELECT 1 FROM reading WHERE reader = ? AND part = ?", reader, part + 1):
            return None
        query = (
            "SELECT count(*), count(done), max(done) FROM (SELECT (SELECT max(time) FROM event "
            "WHERE event.reader = reading.reader AND event.number = reading.number "
            "AND level = 'subject') AS done FROM reading WHERE reader = ? AND part = ?)"
        )
        n_cases, n_done, last = self._rows(query, reader, part)[0]
        if n_done < n_cases:
            return part + 1, math.inf
        return part + 1, min(last, time.time()) + self.study.pause * _DAY

    # -- what a reader writes ---------------------------------------------------------------------

    def open_part(self, reader: int, part: int) -> None:
        """Open the next part of the study; the answers before it are final.

        Raises
        ------
        NotOpenError
            If it is not the next part, or too early.
        """
        with self._transaction() as connection:
            due = self.next_part(reader)
            if due is None or due[0] != part or time.time() < due[1]:
                raise NotOpenError("This part is not open yet.")
            connection.execute("INSERT INTO part VALUES (?, ?, ?)", (reader, part, time.time()))

    def vote(self, reader: int, vote: Vote) -> float:
        """Store an answer; it is on the disk when this returns.

        Parameters
        ----------
        reader : int
        vote : Vote

        Returns
        -------
        float
            When it was stored, in seconds since 1970. A vote that was stored before is not
            stored again.

        Raises
        ------
        NotOpenError
            After the deadline, for a patient who is not open, and for a diagnosis before all
            recordings have an answer.
        ValueError
            If the answer, its confidence or its uuid are invalid.
        """
        _check(vote, self.study)
        display = _as_json(vote.display)
        level = "subject" if vote.position is None else "recording"
        with self._transaction() as connection:
            sent = (vote.number, vote.position, vote.answer, vote.confidence, vote.remark)
            query = (
                "SELECT number, position, vote, confidence, remark, time FROM event "
                "WHERE reader = ? AND uuid = ?"
            )
            before = connection.execute(query, (reader, vote.uuid)).fetchone()
            if before:
                if before[:-1] != sent:
                    raise ValueError("Another vote has this uuid.")
                return float(before[-1])
            now = self._now(connection)
            if now > self.study.ends:
                raise NotOpenError("The study has ended.")
            case = self.case(reader, vote.number)
            recording = self._recording_of(case, vote)
            connection.execute(
                "INSERT INTO event (uuid, reader, number, position, recording, level, vote, "
                "confidence, remark, seconds, display, time) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (vote.uuid, reader, vote.number, vote.position, recording, level, vote.answer,
                 vote.confidence, vote.remark, float(vote.seconds), display, now),
            )  # fmt: skip
        return now

    @staticmethod
    def _now(connection: sqlite3.Connection) -> float:
        """Return a time later than that of every vote: it must be clear which is the last."""
        (last,) = connection.execute("SELECT max(time) FROM event").fetchone()
        return max(time.time(), 0.0 if last is None else last + 0.001)

    def _recording_of(self, case: Case, vote: Vote) -> int | None:
        """Return the row of the recording; for a diagnosis, all recordings need an answer."""
        if vote.position is not None:
            if not 0 <= vote.position < len(case.rows):
                raise NotOpenError("This recording is not open.")
            return case.rows[vote.position]
        query = (
            "SELECT count(DISTINCT position) FROM event "
            "WHERE reader = ? AND number = ? AND position IS NOT NULL"
        )
        if self._rows(query, case.reader, case.number)[0][0] < len(case.rows):
            raise NotOpenError("Annotate all recordings before the diagnosis.")
        return None

    # -- what comes out ---------------------------------------------------------------------------

    def votes(self) -> pd.DataFrame:
        """Return every answer that was stored.

        Returns
        -------
        DataFrame
            In the order in which they were stored: the last answer to a question counts.
            With the columns ``reader``, ``subject``, ``recording`` (missing for diagnoses),
            ``level`` (``recording`` or ``subject``), ``vote``, ``confidence``, ``seconds``,
            ``arm``, ``repeat`` and ``time``.
        """
        frame = pd.DataFrame(self._rows("SELECT * FROM votes"), columns=list(VOTE_COLUMNS))
        return frame.astype({"confidence": "Int64", "repeat": "int64", "seconds": "float64"})

    def dump(self, folder: str | Path) -> dict[str, Path]:
        """Write ``votes.csv``, and ``study.json`` with the settings and every event.

        Parameters
        ----------
        folder : str or Path

        Returns
        -------
        dict of str to Path
            The files by name. Remarks, which readers wrote freely, stand in the JSON only.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: folder / name for name in ("votes.csv", "study.json")}
        with self._transaction("DEFERRED"):  # both files as of one moment, whoever votes meanwhile
            version, made = self._rows("SELECT version, made FROM study")[0]
            names = ("id", "uuid", "reader", "number", "position", "recording", "level", "vote",
                     "confidence", "remark", "seconds", "display", "time")  # fmt: skip
            found = self._rows(f"SELECT {', '.join(names)} FROM event ORDER BY id")
            parts = self._rows("SELECT reader, part, opened FROM part ORDER BY opened")
            readings = [case for r in range(self.study.n_readers) for case in self.cases(r)]
            votes = self.votes()
        events = [dict(zip(names, row, strict=True)) for row in found]
        for event in events:
            # Of votes that older versions took; no event can be changed.
            event["display"] = json.loads(event["display"], parse_constant=lambda _: None)
        everything = {
            "settings": json.loads(self.study.to_json()),
            "version": version,
            "made": made,
            "readings": [vars(case) for case in readings],
            "parts": [dict(zip(("reader", "part", "opened"), row, strict=True)) for row in parts],
            "events": events,
        }
        contents = {
            "votes.csv": votes.to_csv(index=False),
            "study.json": json.dumps(everything, indent=1, allow_nan=False) + "\n",
        }
        for name, content in contents.items():  # each is there as a whole or not at all
            new = folder / f".{name}"
            new.write_bytes(content.encode())
            new.replace(files[name])
        return files


def _case(row: tuple[Any, ...]) -> Case:
    reader, number, part, subject, arm, repeat, recordings = row
    return Case(reader, number, part, subject, arm, repeat, tuple(json.loads(recordings)))


def _as_json(display: Mapping[str, Any]) -> str:
    """Write display settings as JSON that reads the same everywhere."""
    try:
        text = json.dumps(display, sort_keys=True, allow_nan=False)
        json.dumps(display, ensure_ascii=False).encode()  # no half of a pair of surrogates
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            "The display settings must be finite numbers, text and lists or tables of them."
        ) from error
    if len(text) > _MAX_DISPLAY:
        raise ValueError("The display settings are too long.")
    return text


def _check(vote: Vote, study: Study) -> None:
    answers = (*study.classes, CANNOT_SAY)
    if vote.answer not in answers:
        raise ValueError(f"The answer {shown(vote.answer)} is not one of {shown(answers)}.")
    if vote.confidence is not None and vote.confidence not in range(1, 6):
        raise ValueError(f"confidence={vote.confidence} must be 1 to 5.")
    if not 1 <= len(vote.uuid) <= 64 or not vote.uuid.isascii():
        raise ValueError("The uuid must be 1 to 64 ASCII characters.")
    if len(vote.remark) > _MAX_REMARK:
        raise ValueError(f"A remark has at most {_MAX_REMARK} characters.")
    if not (math.isfinite(vote.seconds) and 0 <= vote.seconds <= 1e7):
        raise ValueError(f"seconds={vote.seconds} must be a number >= 0.")
