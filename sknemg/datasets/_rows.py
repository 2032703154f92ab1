"""Recordings from rows that name files: their checks, reading, and putting together."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.datasets._columns import UNTYPED
from sknemg.datasets._entries import is_given, path_problem, typed
from sknemg.datasets._findings import Findings, describe
from sknemg.datasets._formats.stored import ReadError, TableEntry
from sknemg.datasets._formats.text import TextFormat
from sknemg.datasets._formats.units import UNITS
from sknemg.datasets._quality import warn_if_implausible
from sknemg.datasets._schema import PACKAGE, Field, decode
from sknemg.datasets.files import Reading, files_of, is_text, read_recording
from sknemg.datasets.profiles import TextProfile
from sknemg.recordings import Recordings
from sknemg.recordings._problems import check_choice, shown
from sknemg.recordings._subjects import warn_if_alike
from sknemg.recordings.recordings import stacked

_READ = ("sfreq", "unit", "scale", "channel", "start", "stop")


def check_profiles(profiles: Sequence[TextProfile], text: TextFormat) -> None:
    """Refuse what is not a profile, profiles of one name, and a dialect given beside profiles."""
    if not all(isinstance(profile, TextProfile) for profile in profiles):
        raise ValueError("`profiles` must be TextProfile: load them with TextProfile.load.")
    names = [profile.name for profile in profiles]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"`profiles` has several called {twice}: rename all but one.")
    if profiles and text != TextFormat():
        raise ValueError("`profiles` and a dialect such as `delimiter` are both given: keep one.")


def check_how(on_error: str, locations: str, subject_pattern: str | None) -> re.Pattern[str] | None:
    """Refuse options that make no sense for any recordings, and return the compiled pattern."""
    check_choice(("raise", "skip"), on_error=on_error)
    check_choice(("given", "muscle"), locations=locations)
    if subject_pattern is None:
        return None
    try:
        pattern = re.compile(subject_pattern)
    except (re.error, TypeError) as error:
        raise ValueError(
            f"subject_pattern={subject_pattern!r} is not a regular expression ({error}): correct "
            "it."
        ) from error
    if pattern.groups != 1:
        raise ValueError(
            f"subject_pattern={subject_pattern!r} has {pattern.groups} groups: put what names the "
            "subject, and nothing else, into parentheses; (?:...) stands for others."
        )
    return pattern


class LeftOutWarning(UserWarning):
    """Recordings that could not be read were left out.

    Parameters
    ----------
    message : str
    rows : DataFrame
        ``file`` (empty if none is named), ``subject`` if there are some, and ``problem``.
    """

    def __init__(self, message: str, rows: pd.DataFrame) -> None:
        super().__init__(message)
        self.rows = rows

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.rows)


@dataclass(frozen=True)
class Source:
    """Rows that name files, and their origin.

    ``table`` is their table's name, in which they are numbered as a spreadsheet does. Without a
    table (an empty name) they are files that were listed, and problems name the files.
    """

    rows: pd.DataFrame
    table: str
    folder: Path
    fields: Mapping[str, Field]


def load_rows(
    source: Source,
    findings: Findings,
    given: dict[str, Any],
    options: dict[str, Any],
    *,
    on_error: Literal["raise", "skip"],
    profiles: Sequence[TextProfile],
    stacklevel: int,
) -> Recordings:
    """Read all rows, and refuse or leave out those with a problem.

    Parameters
    ----------
    source : Source
    findings : Findings
        The problems found so far.
    given : dict
        Rate, unit and scale for the rows that do not state them.
    options : dict
        Further parameters of `read_recording`.
    on_error : {"raise", "skip"}
    profiles : sequence of TextProfile
    stacklevel : int
        Of warnings: the frames between the caller's user and here.

    Returns
    -------
    Recordings
    """
    rows, table, fields = source.rows, source.table, source.fields
    readable = check_paths(rows, table, source.folder, findings)
    check_repeated_rows(rows, table, findings)
    readings = read_all(
        rows.loc[readable], table, source.folder, given, options, profiles, findings
    )
    check_repeated_signals(rows, table, readings, findings)
    kept = [row for row in rows.index if row not in findings.out]
    problems = findings.table()
    if len(problems):
        if on_error == "raise" or not kept:
            findings.stop_if_any()
        out = rows.index.difference(kept, sort=False)
        said = findings.by_row()
        left_out = rows.loc[out, [name for name in ("subject", "file") if name in rows]]
        files = [findings.files.get(row) or name or "" for row, name in left_out["file"].items()]
        warnings.warn(
            LeftOutWarning(
                f"{len(out)} of {len(rows)} recordings were left out:\n{describe(problems)}",
                left_out.assign(file=files, problem=[said[row] for row in out]),
            ),
            stacklevel=stacklevel + 1,
        )
    if lacking := [name for name in fields if name not in rows]:
        warnings.warn(
            f"{PACKAGE} describes columns that the tables lack, {shown(lacking)}: take them out "
            "there, too.",
            stacklevel=stacklevel + 1,
        )
    X = assemble(rows.loc[kept], [readings[row] for row in kept], fields, numbered=bool(table))
    if "subject" in X:
        warn_if_alike(X["subject"], stacklevel=stacklevel + 1)
    warn_if_implausible(X, stacklevel=stacklevel + 1)
    return X


def assemble(
    rows: pd.DataFrame,
    readings: list[Reading],
    fields: Mapping[str, Field],
    *,
    numbered: bool,
) -> Recordings:
    """Put readings and the columns of their rows together."""
    meta = pd.DataFrame(
        {
            name: decode(rows[name], fields[name])[0]
            if name in fields and name not in UNTYPED
            else typed(rows[name]).tolist()
            for name in map(str, rows)
        }
    )
    meta = meta.rename(columns={"unit": "file_unit"})
    rates = pd.Series([reading.sfreq for reading in readings])
    meta["sfreq"] = rates.astype(fields["sfreq"]["dtype"] if "sfreq" in fields else float)
    if numbered:
        meta["table_row"] = rows.index.to_numpy(dtype=np.int64)
    if "clipped" not in meta:
        counts = pd.Series([reading.meta["clipped"] for reading in readings])
        meta["clipped"] = counts.astype(float)  # NaN where the format has no limits
    return stacked([reading.signal for reading in readings], meta)


# -- checks ------------------------------------------------------------------------------------


def check_paths(
    rows: pd.DataFrame, table: str, folder: Path, findings: Findings, *, links: bool = True
) -> list[int]:
    """Note what is wrong with the files, and return the rows whose files can be opened.

    Without `links`, a file of a table must not be a link: if the rows are not all seen together,
    one file under two names would go unnoticed.
    """
    owners: dict[Path, list[int]] = defaultdict(list)
    readable: list[int] = []
    for row, name in zip(rows.index, rows["file"], strict=True):
        if not is_given(name):
            continue
        try:
            files = _files_inside(name, folder, links) if table else files_of(folder / name)
        except (ValueError, OSError, RuntimeError) as error:  # null bytes, loops of links
            findings.add(table, [row], f"file {name!r}: {error}", "" if isinstance(error, ReadError)
                         else "write the name of a file")  # fmt: skip
            continue
        owners[files[0].resolve()].append(row)
        readable.append(row)
    for file, at in owners.items():
        if "subject" in rows and rows.loc[at, "subject"].nunique() > 1:
            who = ", ".join(sorted(rows.loc[at, "subject"].dropna().unique()))
            problem = f"file {file.name!r} is given for several subjects ({who})"
            findings.add(table, at, problem, "a recording is of one subject: correct it")
    return readable


def _files_inside(name: str, folder: Path, links: bool) -> list[Path]:
    if problem := path_problem(name):
        raise ReadError(problem)
    files = files_of(folder / name)
    check_inside(files, folder, links=links)
    return files


def check_inside(files: Sequence[Path], folder: Path, *, links: bool = True) -> None:
    """Refuse missing files and links that lead out of the folder, or any link at all."""
    root = folder.resolve()
    for file in files:
        real = file.resolve()
        if not real.is_relative_to(root):
            raise ReadError("a link leads out of the folder: put the file itself there")
        if not file.is_file():
            missing = file.relative_to(folder).as_posix()
            alike = _written_alike(file)
            but = f", but {alike}, which differs in capitals or the code of its letters" * bool(
                alike
            )
            raise ReadError(
                f"there is no {missing!r}{but}: correct the name, or put the file there"
            )
        if not links and real != Path(os.path.normpath(root / file.relative_to(folder))):
            raise ReadError(
                f"a link leads to {real.relative_to(root).as_posix()!r}: name that file instead, "
                "so that duplicates are noticed"
            )


def _written_alike(file: Path) -> str:
    """Quote the file beside a missing one that other systems would take for it; "" without one."""

    def read(name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold()

    there = file.parent.iterdir() if file.parent.is_dir() else ()
    return next((ascii(one.name) for one in there if read(one.name) == read(file.name)), "")


def check_repeated_rows(rows: pd.DataFrame, table: str, findings: Findings) -> None:
    again = _repeated(rows)
    for row in again:
        problem = f"the same part of file {rows.loc[row, 'file']!r} as in a row above"
        findings.add(table, [row], problem, "take one of the rows out")
    if "recording" in rows and "subject" in rows:
        named = rows[rows["recording"].notna()]
        for row in named.index[named.duplicated(["subject", "recording"])].difference(again):
            name = named.loc[row, "recording"]
            problem = f"recording {name!r} is the second of this name for its subject"
            findings.add(table, [row], problem, "name the recordings differently")


def _repeated(rows: pd.DataFrame) -> pd.Index:
    """Find the rows that name the part of a file that a row above names."""
    same = [name for name in ("file", "channel", "start", "stop") if name in rows]
    return rows.index[rows["file"].notna() & rows.duplicated(same)]


def check_repeated_signals(
    rows: pd.DataFrame, table: str, readings: Mapping[int, Reading], findings: Findings
) -> None:
    seen = defaultdict(list)
    again = set(_repeated(rows))  # which check_repeated_rows has noted
    for row, reading in readings.items():
        if row not in again and (own := digest(reading.signal)):
            seen[own].append(row)
    for at in seen.values():
        if len(at) < 2:
            continue
        who = sorted(rows.loc[at, "subject"].astype(str).unique()) if "subject" in rows else []
        files = ", ".join(sorted(rows.loc[at, "file"].unique()))
        problem = f"the same signal in {files}"
        if len(who) > 1:
            problem += f", of subjects {', '.join(who)}"
        findings.add(
            table,
            at if len(who) > 1 else at[1:],
            problem,
            "a copy would leak from training into test: take it out",
        )


def digest(signal: NDArray[np.float32]) -> bytes | None:
    """Hash a signal; None if it is constant: dead channels are alike without being copies."""
    return hashlib.sha256(signal.tobytes()).digest() if np.ptp(signal) > 0 else None


def read_all(
    rows: pd.DataFrame,
    table: str,
    folder: Path,
    given: dict[str, Any],
    options: dict[str, Any],
    profiles: Sequence[TextProfile],
    findings: Findings,
) -> dict[int, Reading]:
    """Read every row that can be read, and note why the others cannot."""
    given = {name: value for name, value in given.items() if value is not None}
    columns = [name for name in _READ if name in rows]
    readings = {}
    for row in rows.index:
        entries: dict[str, Any] = {name: rows.at[row, name] for name in columns}
        said = {name: entry for name, entry in entries.items() if is_given(entry)}
        path = folder / str(rows.at[row, "file"])
        try:
            profile = _profile_of(rows.loc[row], path, profiles)
        except ReadError as error:
            findings.add(table, [row], str(error))
            continue
        own = {} if profile is None else profile.options()
        for name in [name for name in _READ if is_given(own.get(name))]:
            stated = {**given, **said}.get(name, own[name])
            if _differ(stated, own[name]):
                problem = f"{name} {stated} for the file, {own[name]} in profile {profile.name!r}"  # type: ignore[union-attr]
                findings.add(table, [row], problem, "give it in one place")
        clash = [name for name in given if name in said and _differ(said[name], given[name])]
        for name in clash:
            problem = f"{name} {said[name]} in the row, {name}={given[name]!r} as argument"
            findings.add(table, [row], problem, "give it in one place")
        if "channel" in said:
            said["channel"] = TableEntry(said["channel"])
        own = {name: value for name, value in own.items() if name not in _READ or is_given(value)}
        try:
            readings[row] = read_recording(path, **(options | own | given | said))
        except ReadError as error:
            findings.add(table, [row], str(error))
    return readings


def _profile_of(row: pd.Series, path: Path, profiles: Sequence[TextProfile]) -> TextProfile | None:
    """Return the profile that a row names, or the only one, if its file is text."""
    named = row.get("profile")
    if is_given(named):
        if not is_text(path):
            raise ReadError(
                f"profile {named!r}, but only text files have one: clear the entry in the column "
                "profile"
            )
        known = {profile.name: profile for profile in profiles}
        if named not in known:
            raise ReadError(f"no profile {named!r} among `profiles`, {sorted(known)}: give it")
        return known[named]
    if not profiles or not is_text(path):
        return None
    if len(profiles) > 1:
        raise ReadError(
            f"several profiles, but the row names none: write one of "
            f"{sorted(profile.name for profile in profiles)} into the column profile"
        )
    return profiles[0]


def _differ(said: Any, given: Any) -> bool:
    """Whether two entries mean different things; units are spelled in several ways."""
    return UNITS.get(said, said) != UNITS.get(given, given)
