"""Load a cohort folder: tables that describe recordings and diagnoses, and the signal files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._findings import Findings
from sknemg.datasets._formats.limits import MAX_BYTES
from sknemg.datasets._formats.text import TextFormat
from sknemg.datasets._rows import Source, check_how, check_profiles, load_rows
from sknemg.datasets._tables import read_tables
from sknemg.datasets.files import check_numbers, check_text
from sknemg.datasets.profiles import TextProfile
from sknemg.recordings import Recordings
from sknemg.recordings._problems import check_counts


def load_cohort(
    folder: str | Path,
    *,
    unit: str | None = None,
    sfreq: float | None = None,
    scale: float | None = None,
    diagnoses: Mapping[str, str] | None = None,
    subject_pattern: str | None = None,
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
) -> tuple[Recordings, NDArray[np.str_]]:
    r"""Load a folder of recordings with the tables that describe them.

    The folder holds either

    - ``subjects.csv`` with the columns ``subject``, ``diagnosis``, and ``recordings.csv`` with
      ``subject``, ``file``, or
    - ``cohort.csv`` with ``subject``, ``diagnosis``, ``file``, one row per recording.

    ``datapackage.json`` beside them, which `write_cohort` makes, states the types of the columns;
    without it, numbers and booleans are recognised by their entries.

    The loader also understands ``muscle``, ``location``, ``recording`` and, to read the file,
    ``sfreq``, ``unit``, ``scale``, ``channel``, ``start`` and ``stop`` (the parameters of
    `read_recording`). Every other column is kept. ``label``, ``muscle_type``, ``filepath``,
    ``patient_id`` and ``fs`` are taken as ``diagnosis``, ``location``, ``file``, ``subject`` and
    ``sfreq``. Diagnoses are ``myopathy``, ``neuropathy`` and ``normal`` or the papers' ``M``,
    ``N`` and ``NL``; locations ``proximal`` and ``distal`` or ``P`` and ``D``. Files are given
    relative to the folder and lie inside it.

    Parameters
    ----------
    folder : str or Path
    unit, sfreq, scale : default=None
        Values for every file whose row does not state them, as in `read_recording`. A file, its
        row and these arguments must not contradict each other.
    diagnoses : dict, default=None
        Further words of the diagnosis column and the classes they mean, such as
        ``{"ALS": "neuropathy"}``; case and spacing do not count. A class beside myopathy,
        neuropathy and normal is stated by its own name: ``{"ALS": "ALS", "MND": "ALS"}``.
    subject_pattern : str, default=None
        A regular expression with one group, which finds the subject in the column ``file`` where
        the tables have no column ``subject``: ``r"patient(\d+)_"`` for ``M/patient12_3.npy``. Names
        that it does not match, or matches in several places, are problems.
    locations : {"given", "muscle"}, default="given"
        With "muscle", a location that is not given follows from the muscle, as
        :func:`~sknemg.recordings.location_from_muscle` tells it; unknown names are problems.
    delimiter, decimal, skip_lines, header, encoding : default=",", None, 0, None, None
        Dialect of the text files, as in `read_recording`. (In the tables themselves a comma, a
        semicolon or a tab separates the columns, whichever the first row holds most of.)
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
    X : Recordings
        Signals in millivolts. ``X.meta`` has all columns of the tables (the column ``unit`` as
        ``file_unit``, since the signals are in millivolts now), ``table_row``, the row of the
        table of recordings, counted as a spreadsheet does, and ``clipped``, the number of samples
        at the limits of the file's integer format (NaN for a format without limits).
    y : ndarray of shape (n_recordings,), str
        The diagnosis of each recording's subject.

    Raises
    ------
    InvalidCohortError
        One error with everything that is wrong: missing tables, columns and entries, words,
        rates and units that are unknown or contradict the file, subjects with two diagnoses or
        none, files that are missing, outside the folder, unreadable or used by two subjects,
        rows and signals that occur twice, samples that are not numbers, words in `diagnoses` that
        no row holds.
    ValueError
        If an argument is invalid for any cohort: a rate given as text, a word of `diagnoses`
        that means no known class.

    Warns
    -----
    UserWarning
        If recordings are implausible (`ImplausibleWarning`, see `find_flaws`), rows were left out,
        or subjects differ only in case, blanks, leading zeros or Unicode form.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.datasets import load_cohort, write_cohort
    >>> signals = np.random.default_rng(0).normal(size=(2, 4800))
    >>> X = Recordings(signals, sfreq=48_000, subject=["S1", "S2"], muscle="deltoid")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_cohort(folder, X, ["myopathy", "normal"])
    ...     X, y = load_cohort(folder)
    >>> X, y.tolist()
    (Recordings: 2 recordings of 2 subjects, 0.10 s at 48000 Hz, ['myopathy', 'normal'])
    """
    pattern = check_how(on_error, locations, subject_pattern)
    check_numbers(sfreq=sfreq, scale=scale)
    text = TextFormat(delimiter, decimal, skip_lines, header, encoding)
    check_text(text)
    check_profiles(profiles, text)
    check_counts(max_bytes=max_bytes)
    folder, findings = Path(folder), Findings()
    rows, table, fields = read_tables(
        folder,
        findings,
        diagnoses=diagnoses,
        subject_pattern=pattern,
        from_muscles=locations == "muscle",
    )
    X = load_rows(
        Source(rows, table, folder, fields),
        findings,
        {"unit": unit, "sfreq": sfreq, "scale": scale},
        vars(text) | {"invalid": invalid, "max_bytes": max_bytes},
        on_error=on_error,
        profiles=profiles,
        stacklevel=2,
    )
    return X, X["diagnosis"].to_numpy(dtype=str)
