"""Load recordings without a diagnosis, such as those of a new patient."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from sknemg.datasets._entries import subjects_in
from sknemg.datasets._findings import Findings
from sknemg.datasets._formats.limits import MAX_BYTES
from sknemg.datasets._formats.stored import ReadError
from sknemg.datasets._formats.text import TextFormat
from sknemg.datasets._rows import Source, check_how, check_profiles, load_rows
from sknemg.datasets._tables import TABLES, other_tables, read_tables
from sknemg.datasets.files import (
    check_numbers,
    check_text,
    files_of,
    is_signal,
    is_text,
    suffixes,
)
from sknemg.datasets.profiles import TextProfile
from sknemg.recordings import Recordings
from sknemg.recordings._problems import capped, check_counts

Paths = str | Path | Sequence[str | Path]


def load_recordings(
    paths: Paths,
    *,
    subject: str | None = None,
    subject_pattern: str | None = None,
    unit: str | None = None,
    sfreq: float | None = None,
    scale: float | None = None,
    locations: Literal["given", "muscle"] = "given",
    delimiter: str = ",",
    decimal: str | None = None,
    skip_lines: int = 0,
    header: bool | None = None,
    encoding: str | None = None,
    profiles: Sequence[TextProfile] = (),
    invalid: Literal["raise", "clip"] = "raise",
    max_bytes: int = MAX_BYTES,
    on_error: Literal["raise", "skip"] = "raise",
) -> Recordings:
    r"""Load recordings without diagnoses: those of a new patient, or of several.

    The files are read and checked as `load_cohort` does it. The folder may hold its tables, in
    which ``subject`` and ``diagnosis`` are not needed, with or without ``subjects.csv``; a column
    ``diagnosis`` is kept as it is. Without a table, all signal files of the folder (not of folders
    in it, and no hidden ones) are taken by name.

    Parameters
    ----------
    paths : str, Path or sequence of them
        A folder, one file, or several files.
    subject : str, default=None
        The subject of all these recordings, if there is no column ``subject``. Without either, X
        has no subjects.
    subject_pattern : str, default=None
        A regular expression with one group that finds the subject in the name of a file, as in
        `load_cohort`.
    unit, sfreq, scale : default=None
        Values for every file whose row does not state them, as in `read_recording`. A file, its
        row and these arguments must not contradict each other.
    locations : {"given", "muscle"}, default="given"
        With "muscle", a location that is not given follows from the muscle.
    delimiter, decimal, skip_lines, header, encoding : default=",", None, 0, None, None
        Dialect of the text files, as in `read_recording`.
    profiles : sequence of TextProfile, default=()
        Dialects of text files, by the name in the column ``profile`` of a row. A single one is that
        of all text files.
    invalid : {"raise", "clip"}, default="raise"
        Meaning of WFDB's code for "no value", as in `read_recording`.
    max_bytes : int, default=2**30
        Limit on the memory for the samples of one file, as in `read_recording`.
    on_error : {"raise", "skip"}, default="raise"
        With "skip", rows with a problem are left out, and one warning lists them.

    Returns
    -------
    Recordings
        Signals in millivolts, with the columns that `load_cohort` gives.

    Raises
    ------
    InvalidCohortError
        One error with everything that is wrong.
    ValueError
        If an argument is invalid for any files.

    Warns
    -----
    UserWarning
        If files of the folder, or folders in it with signal files, were passed over, rows were
        left out, recordings are implausible, or subjects differ only in case, blanks, leading
        zeros or Unicode form.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sknemg.datasets import load_recordings
    >>> rng = np.random.default_rng(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("deltoid.npy", "tibialis.npy"):
    ...         np.save(Path(folder) / name, rng.normal(scale=200, size=48_000))
    ...     X = load_recordings(folder, subject="P1", sfreq=48_000, unit="uV")
    >>> X, X["file"].tolist()
    (Recordings: 2 recordings of 1 subject, 1.00 s at 48000 Hz, ['deltoid.npy', 'tibialis.npy'])
    """
    pattern = check_how(on_error, locations, subject_pattern)
    if subject is not None and not (isinstance(subject, str) and subject.strip()):
        raise ValueError(f"subject={subject!r} must be text.")
    if subject is not None and pattern is not None:
        raise ValueError("`subject` and `subject_pattern` are both given: keep one.")
    check_numbers(sfreq=sfreq, scale=scale)
    text = TextFormat(delimiter, decimal, skip_lines, header, encoding)
    check_text(text)
    check_profiles(profiles, text)
    check_counts(max_bytes=max_bytes)
    folder, names = _listed(paths)
    findings = Findings("recordings")
    if names is None:
        rows, table, fields = read_tables(
            folder,
            findings,
            labelled=False,
            subject_pattern=pattern,
            from_muscles=locations == "muscle",
        )
        source = Source(rows, table, folder, fields)
    else:
        if locations == "muscle":
            raise ValueError(
                "locations='muscle' needs a table with the muscles: write recordings.csv with the "
                "columns file and muscle into the folder."
            )
        findings.files = dict(enumerate(names))
        source = Source(pd.DataFrame({"file": names}, dtype=object), "", folder, {})
        if pattern is not None:
            found, wrong = subjects_in(names, pattern)
            for problem, at in wrong.items():
                findings.add("", at, problem, "correct the pattern, or rename the files")
            source.rows.insert(0, "subject", found)
    if subject is not None:
        if "subject" in source.rows:
            raise ValueError(
                f"subject={subject!r} is given, and {source.table} has a column 'subject': leave "
                "one out."
            )
        source.rows.insert(0, "subject", subject)
    return load_rows(
        source,
        findings,
        {"unit": unit, "sfreq": sfreq, "scale": scale},
        vars(text) | {"invalid": invalid, "max_bytes": max_bytes},
        on_error=on_error,
        profiles=profiles,
        stacklevel=2,
    )


def _listed(paths: Paths) -> tuple[Path, list[str] | None]:
    """Return the folder, and the files; None if the folder has tables that list them."""
    single = isinstance(paths, (str, os.PathLike))
    given = [Path(paths)] if single else [Path(path) for path in paths]  # type: ignore[arg-type, union-attr]
    folders = [path for path in given if path.is_dir()]
    if not given:
        raise ValueError("No path is given: give a folder, or signal files.")
    if folders and len(given) > 1:
        raise ValueError(
            f"{str(folders[0])!r} is a folder beside others: give one folder, or signal files."
        )
    if not folders:
        return Path(), [str(path) for path in given]
    (folder,) = folders
    if any((folder / name).exists() for name in TABLES) or other_tables(folder):
        return folder, None
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    # A link to nothing is a recording that was lost: it is listed, and refused when it is read.
    there = [path for path in shown if path.is_file() or (path.is_symlink() and not path.exists())]
    heads = [path for path in there if path.suffix.lower() == ".hea"]
    spoken_for = {file for head in heads for file in _signal_files(head)}  # .mat among them
    files = [path for path in there if is_signal(path) and path not in spoken_for]
    if not files:
        raise ValueError(
            f"{str(folder)!r} holds no table and no signal files: give one with files of "
            f"{', '.join(suffixes())}."
        )
    stems = {head.stem for head in heads}  # annotations lie beside them, too
    passed = [
        path.name
        for path in there
        if path not in spoken_for and not is_signal(path) and path.stem not in stems
    ]
    if passed:
        warnings.warn(
            f"No signal files, passed over in {str(folder)!r}: {capped(passed)}.", stacklevel=3
        )
    kinds = {path.suffix.lower() for path in files}
    inside = [path.name for path in shown if path.is_dir() and _holds_signals(path, kinds)]
    if inside:
        warnings.warn(
            f"Folders with signal files, passed over in {str(folder)!r}: {capped(inside)}: list "
            "their files in a table, recordings.csv, or give them one by one.",
            stacklevel=3,
        )
    return folder, [path.name for path in files]


def _holds_signals(folder: Path, kinds: set[str]) -> bool:
    """Whether recordings lie in a folder; text, which may be notes or results, where others are."""
    return any(
        is_signal(path)
        and not path.name.startswith(".")
        and (not is_text(path) or path.suffix.lower() in kinds)
        for path in folder.rglob("*")
    )


def _signal_files(head: Path) -> list[Path]:
    """List the files that a WFDB header names; one that cannot be read is refused later."""
    try:
        return files_of(head)[1:]
    except (ReadError, OSError):
        return []
