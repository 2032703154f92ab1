"""Write recordings as a folder in EMG-BIDS."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.datasets._bids import (
    ENTITIES,
    INDEX,
    LABEL,
    MISSING,
    N_SAMPLES,
    TARGET,
    read_entry,
    write_json,
    write_name,
    write_tsv,
)
from sknemg.datasets._entries import typed
from sknemg.datasets._formats.named import need
from sknemg.datasets.writing import OF_SUBJECT, check_empty, check_signals, checked
from sknemg.recordings import Recordings
from sknemg.recordings._problems import PROBLEM_COLUMNS, InvalidRecordingsError, shown

_VERSION = "1.11.1"
_CHANNEL = "EMG"
_NAMES = (
    N_SAMPLES,
    "name",
    "type",
    "units",
    "sampling_frequency",
    TARGET,
    "unit",
    "participant_id",
    "profile",
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
_RECORD = 61_440  # bytes of a data record that EDF advises not to exceed
_NEAR = 1000  # samples: how far above its length a length that fits is looked for
_PLACEMENT = "A needle in the muscle that target_muscle of channels.tsv names."
_FILLED = "Samples of the recording. Those after them repeat the last, to fill a data record."
# What the specification requires of every emg.json.
_SIDECAR: dict[str, Any] = {
    "EMGPlacementScheme": "Other",
    "EMGPlacementSchemeDescription": _PLACEMENT,
    "EMGReference": MISSING,
    "PowerLineFrequency": MISSING,
    "SoftwareFilters": MISSING,
}
_OWN_FIELDS = ("SamplingFrequency", "TaskName", "RecordingDuration", "RecordingType")
_Problem = tuple[int, str, str]


def write_bids(
    folder: str | Path,
    X: Recordings,
    y: ArrayLike | None = None,
    *,
    name: str,
    task: str | None = None,
    sidecar: Mapping[str, Any] | None = None,
    bits: Literal[16, 24] = 24,
) -> None:
    """Save recordings as a data set in EMG-BIDS, which `load_bids` reads back.

    Each recording becomes a file of one channel, with its ``*_channels.tsv`` and ``*_emg.json``;
    diagnoses stand in the column ``diagnosis`` of ``participants.tsv``. Samples are quantised:
    with 16 bits (EDF) to steps of 1/32,700 of the recording's largest amplitude, with 24 bits (BDF,
    which BIDS recommends) to steps of 1/8,370,000, or finer; each is off by half a step at most.
    EDF and BDF hold whole data records: where a length does not fill them, the last sample is
    repeated a few times, and the column ``n_samples`` of channels.tsv tells `load_bids` the length.
    Whatever else would not be read back as it is is refused before anything is written, and
    `load_bids` refuses a folder whose writing was interrupted. Needs edfio:
    ``pip install 'sknemg[io]'``.

    Parameters
    ----------
    folder : str or Path
        A new or empty folder.
    X : Recordings
        Signals with a column ``subject``: text of letters and digits, without "sub-". The columns
        ``session``, ``task``, ``acquisition``, ``run`` and ``recording_label`` name the files;
        without ``run``, recordings are numbered. ``muscle`` becomes ``target_muscle``,
        ``power_line_frequency`` (hertz) ``PowerLineFrequency``; ``acq_time`` goes to scans.tsv,
        ``age``, ``sex`` and ``diagnosis_detail`` to participants.tsv, others to channels.tsv.
    y : array-like of shape (n_recordings,), default=None
        Diagnosis of each recording, one per subject. Classes beside myopathy, neuropathy and normal
        are read with ``diagnoses={name: name}``.
    name : str
        Name of the data set.
    task : str, default=None
        The patient's task, where X has no column ``task``: letters and digits.
    sidecar : dict, default=None
        Further fields of every emg.json, such as ``{"EMGReference": "concentric needle"}``. The
        required ``EMGReference``, ``PowerLineFrequency`` and ``SoftwareFilters`` are "n/a" (not
        known) unless they are given.
    bits : {16, 24}, default=24

    Raises
    ------
    InvalidRecordingsError
        Naming the rows: subjects or labels that BIDS does not allow, recordings that would have one
        name, rates that the data records of an EDF file cannot have, amplitudes
        beyond its header, and what `write_cohort` refuses.
    ValueError
        If `X` holds segments, if columns or `sidecar` cannot be written as they are.
    ReadError
        If edfio is not installed.
    FileExistsError
        If the folder holds anything.

    See Also
    --------
    write_cohort : Save recordings bit for bit.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.datasets import write_bids
    >>> signals = np.random.default_rng(0).normal(size=(2, 4800)).astype("float32")
    >>> X = Recordings(signals, sfreq=48_000, subject=["01", "02"], muscle="deltoid")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bids(folder, X, ["myopathy", "normal"], name="Example", task="contraction")
    ...     sorted(path.name for path in Path(folder).iterdir() if path.is_dir())
    ['sub-01', 'sub-02']
    """
    folder = Path(folder)
    fields = _check_arguments(X, y, name, task, sidecar, bits)
    meta, labels = checked(X, y)
    found: list[_Problem] = []
    names = _entities(meta, task, found)
    plans = [_plan(row, signal, X["sfreq"].iloc[row], bits, found) for row, signal in enumerate(X)]
    lines = _mains(meta, fields, found)
    texts = _texts(meta, found)
    if found:
        raise InvalidRecordingsError(pd.DataFrame(found, columns=PROBLEM_COLUMNS))
    edfio = need("edfio")
    check_empty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(f"# {name}\n\nNeedle electromyography.\n", encoding="utf-8")
    about = _write_participants(folder, names, texts, labels)
    extra = {key: texts[key] for key in texts if key not in (*about, "acq_time", "muscle")}
    scans: dict[Path, dict[str, list[str]]] = {}
    for row, (entities, signal, plan) in enumerate(zip(names, X, plans, strict=True)):
        parts = [f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities]
        base = folder.joinpath(*parts)
        (base / "emg").mkdir(parents=True, exist_ok=True)
        file = base / "emg" / write_name(entities, f"emg.{'edf' if bits == 16 else 'bdf'}")
        _write_signal(edfio, file, signal, plan, bits)
        own = {"TaskName": entities["task"], **fields, "SamplingFrequency": plan.sfreq}
        own |= {"RecordingDuration": len(signal) / plan.sfreq, "RecordingType": "continuous"}
        own |= {"EMGChannelCount": 1, "PowerLineFrequency": lines[row]}
        write_json(base / "emg" / write_name(entities, "emg.json"), own)
        columns = {"name": [_CHANNEL], "type": ["EMG"], "units": [plan.unit]}
        columns["sampling_frequency"] = [repr(plan.sfreq)]
        columns[TARGET] = [texts["muscle"][row] if "muscle" in texts else MISSING]
        columns |= {key: [entries[row]] for key, entries in extra.items()}
        said = {key: {"Description": f"Column {key} of the recordings."} for key in extra}
        if plan.n_stored > len(signal):
            columns[N_SAMPLES] = [str(len(signal))]
            said[N_SAMPLES] = {"Description": _FILLED}
        write_tsv(base / "emg" / write_name(entities, "channels.tsv"), columns)
        if said:
            write_json(base / "emg" / write_name(entities, "channels.json"), said)
        if "acq_time" in texts:
            scan = base / ("_".join(parts) + "_scans.tsv")
            table = scans.setdefault(scan, {"filename": [], "acq_time": []})
            table["filename"].append(f"emg/{file.name}")
            table["acq_time"].append(texts["acq_time"][row])
    for path, table in scans.items():
        write_tsv(path, table)
    # Last, since nothing is read without it: what was interrupted is refused.
    write_json(folder / "dataset_description.json", {"Name": name, "BIDSVersion": _VERSION})


# -- checks ------------------------------------------------------------------------------------


def _check_arguments(
    X: Recordings,
    y: ArrayLike | None,
    name: str,
    task: str | None,
    sidecar: Mapping[str, Any] | None,
    bits: int,
) -> dict[str, Any]:
    """Return the fields of all sidecars, or refuse what cannot be written for any rows."""
    check_signals("write_bids", X)
    if y is None and "diagnosis" in X:
        raise ValueError(
            "X has a column 'diagnosis' and y is None: give y=X['diagnosis'], or drop the column."
        )
    if bits not in (16, 24):
        raise ValueError(f"bits={bits!r} is unknown: give 16 (EDF) or 24 (BDF).")
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"name={name!r} must be text: the name of the data set.")
    if (task is None) == ("task" not in X):
        problem = (
            "No task is given" if task is None else "`task` and a column 'task' are both given"
        )
        raise ValueError(f"{problem}: give task='rest' or the like, or the column, one of them.")
    if task is not None and not (isinstance(task, str) and LABEL.fullmatch(task)):
        raise ValueError(f"task={task!r} must be text of letters and digits, as BIDS requires.")
    given = dict(sidecar or {})
    wrong = sorted(set(given) & {*_OWN_FIELDS, "EMGChannelCount"}, key=str)
    if wrong:
        raise ValueError(f"sidecar has {shown(wrong)}, which the recordings say: take them out.")
    if given.get("EMGPlacementScheme", "Other") != "Other":
        return {**_SIDECAR, "EMGPlacementSchemeDescription": MISSING, **given}
    return {**_SIDECAR, **given}


def _entities(meta: pd.DataFrame, task: str | None, found: list[_Problem]) -> list[dict[str, str]]:
    """Return the parts of each file's name; note those that BIDS does not allow."""
    names: list[dict[str, str]] = []
    for row in range(len(meta)):
        own: dict[str, str] = {} if task is None else {"task": task}
        for key, column in ENTITIES.items():
            value = meta[column].iloc[row] if column in meta else None
            if value is None or (not isinstance(value, str) and pd.isna(value)):
                continue
            pattern, what = (INDEX, "digits") if key == "run" else (LABEL, "letters and digits")
            if not isinstance(value, str) or not pattern.fullmatch(value):
                remedy = f"write text of {what}, as BIDS requires"
                found.append((row, f"{column} {shown(value)}", remedy))
            own[key] = str(value)
        if "task" not in own:
            found.append((row, "no task", "write text of letters and digits, as BIDS requires"))
            own["task"] = ""
        names.append({key: own[key] for key in ENTITIES if key in own})
    if "run" not in meta:
        counts: dict[str, int] = {}
        for own in names:
            counts[(key := write_name(own, ""))] = counts.get(write_name(own, ""), 0) + 1
            own["run"] = str(counts[key])
    seen: dict[str, int] = {}
    for row, own in enumerate(names):
        first = seen.setdefault(write_name(own, "").lower(), row)
        if first != row:
            problem = f"the name of its file, {write_name(own, 'emg')!r}, is that of row {first}"
            found.append((row, problem, "number the runs, or drop the column run"))
    spelled: dict[str, str] = {}
    for row, own in enumerate(names):
        other = spelled.setdefault(own["sub"].lower(), own["sub"])
        if other != own["sub"]:
            problem = f"subject {own['sub']!r} differs from {other!r} only in case"
            found.append((row, problem, "rename one: file systems confuse them"))
    return names


class _Plan(NamedTuple):
    """How a recording is stored."""

    sfreq: float
    n_stored: int  # samples with those that fill the last data record
    duration: float  # of a data record, in seconds
    unit: str
    per_millivolt: float
    limit: float  # of the physical range, in that unit


def _plan(row: int, signal: NDArray[Any], sfreq: Any, bits: int, found: list[_Problem]) -> _Plan:
    """Choose the data records and the range of a recording; note it if there are none."""
    rate = float(sfreq)
    n_stored, duration = len(signal), None
    while duration is None and n_stored < len(signal) + _NEAR:
        duration = _record(n_stored, rate, bits // 8)
        n_stored += duration is None
    if duration is None:
        what = f"{len(signal)} samples at {rate:g} Hz"
        problem = f"{what} cannot be divided into data records of an EDF file"
        found.append((row, problem, "resample it to a rate of few digits"))
    peak = float(np.abs(signal.astype(np.float64)).max())
    unit, factor = "uV", 1e3
    if peak < 1e-3:
        unit, factor = "nV", 1e6
    elif peak >= 900:
        unit, factor = "mV", 1.0
    limit = _limit(peak * factor)
    if limit > 999_999:
        problem = f"an amplitude of {peak:g} mV is beyond the header of an EDF file"
        found.append((row, problem, "correct its unit, or leave it out"))
    return _Plan(rate, n_stored, float(duration or 1), unit, factor, limit)


def _limit(peak: float) -> float:
    """Return a number of four digits at least 0.1 % above the peak, so that no sample clips.

    Examples
    --------
    >>> _limit(123.45), _limit(0.0)
    (123.6, 1.0)
    """
    if peak == 0:
        return 1.0
    digits = min(3 - math.floor(math.log10(peak)), 4)
    return round(math.ceil(peak * 1.001 * 10.0**digits) / 10.0**digits, max(digits, 0))


def _record(n_times: int, sfreq: float, width: int) -> Fraction | None:
    """Return the duration of data records that n_times samples fill, and that a header can hold.

    Examples
    --------
    >>> _record(24_000, 48_000.0, 3), _record(4801, 48_000.0, 3)
    (Fraction(1, 4), None)
    """
    divisors = {
        n for d in range(1, math.isqrt(n_times) + 1) if n_times % d == 0 for n in (d, n_times // d)
    }
    fitting = [n for n in sorted(divisors) if _in_header(n / Fraction(sfreq))]
    small = [n for n in fitting if n * width <= _RECORD]
    best = small[-1:] or fitting[:1]
    return best[0] / Fraction(sfreq) if best else None


def _in_header(duration: Fraction) -> bool:
    """Whether 8 characters hold a duration exactly."""
    text = f"{Decimal(duration.numerator) / Decimal(duration.denominator):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return len(text) <= 8 and Fraction(text) == duration


def _mains(meta: pd.DataFrame, fields: dict[str, Any], found: list[_Problem]) -> list[Any]:
    """Return PowerLineFrequency of each recording."""
    if "power_line_frequency" not in meta:
        return [fields["PowerLineFrequency"]] * len(meta)
    values = meta["power_line_frequency"].tolist()
    lines: list[Any] = []
    for row, value in enumerate(values):
        known = not pd.isna(value)
        if known and not (isinstance(value, (int, float)) and 0 < value < math.inf):
            problem = f"power_line_frequency {shown(value)}"
            found.append((row, problem, "write a number of hertz > 0"))
        if known and fields["PowerLineFrequency"] not in (MISSING, value):
            problem = f"power_line_frequency {shown(value)}, and another in `sidecar`"
            found.append((row, problem, "give it in one place"))
        lines.append(value if known else fields["PowerLineFrequency"])
    return lines


def _texts(meta: pd.DataFrame, found: list[_Problem]) -> dict[str, list[str]]:
    """Write the columns for the tables; refuse those that would not be read back."""
    own = [*ENTITIES.values(), "sfreq", "power_line_frequency"]
    rest = meta.drop(columns=own, errors="ignore")
    taken = [name for name in rest if name in _NAMES]
    if taken:
        raise ValueError(f"Columns {shown(taken)} have a meaning in BIDS: rename or drop them.")
    texts, wrong = {}, []
    for name, column in rest.items():
        values = [None if pd.isna(entry) else entry for entry in column]
        texts[str(name)] = [MISSING if value is None else str(value) for value in values]
        read = pd.Series([read_entry(t) for t in texts[str(name)]], name=name, dtype=object)
        back = [None if pd.isna(entry) else entry for entry in typed(read)]
        spaced = any(sign in text for text in [str(name), *texts[str(name)]] for sign in "\t\r\n")
        if spaced or not all(_same(*pair) for pair in zip(values, back, strict=True)):
            wrong.append(str(name))
    if wrong:
        raise ValueError(
            f"Columns {shown(wrong)} would not be read back as they are: convert them to text that "
            "is not a number and holds no tabs or line breaks, or to numbers, or drop them."
        )
    for row, text in enumerate(texts.get("acq_time", [])):
        if text != MISSING and not _TIME.fullmatch(text):
            found.append((row, f"acq_time {text!r}", "write text such as 2026-01-31T09:30:00"))
    for row, text in enumerate(texts.get("status", [])):
        if text not in ("good", "bad", MISSING):
            found.append((row, f"status {text!r}", "write good or bad"))
    return texts


def _same(a: Any, b: Any) -> bool:
    return bool(
        isinstance(a, (str, bool, np.bool_)) == isinstance(b, (str, bool, np.bool_)) and a == b
    )


# -- files -------------------------------------------------------------------------------------


def _write_participants(
    folder: Path,
    names: Sequence[Mapping[str, str]],
    texts: Mapping[str, Sequence[str]],
    labels: NDArray[Any] | None,
) -> list[str]:
    """Write a row for each subject, and return the columns that went there."""
    subjects = [own["sub"] for own in names]
    first = [subjects.index(who) for who in dict.fromkeys(subjects)]
    about = [
        name
        for name in OF_SUBJECT
        if name in texts and len(set(zip(subjects, texts[name], strict=True))) == len(first)
    ]
    columns = {"participant_id": [f"sub-{subjects[row]}" for row in first]}
    columns |= {name: [texts[name][row] for row in first] for name in about}
    if labels is not None:
        columns["diagnosis"] = [str(labels[row]) for row in first]
    write_tsv(folder / "participants.tsv", columns)
    said = {name: {"Description": f"The participant's {name}."} for name in columns}
    del said["participant_id"]
    if said:
        write_json(folder / "participants.json", said)
    return about


def _write_signal(edfio: Any, file: Path, signal: NDArray[Any], plan: _Plan, bits: int) -> None:
    most = 2 ** (bits - 1) - 1
    make, whole = (edfio.EdfSignal, edfio.Edf) if bits == 16 else (edfio.BdfSignal, edfio.Bdf)
    filled = np.pad(signal.astype(np.float64), (0, plan.n_stored - len(signal)), mode="edge")
    channel = make(
        filled * plan.per_millivolt,
        plan.sfreq,
        label=_CHANNEL,
        physical_dimension=plan.unit,
        physical_range=(-plan.limit, plan.limit),
        digital_range=(-most, most),
    )
    whole([channel], data_record_duration=plan.duration).write(file)
