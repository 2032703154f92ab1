"""Load a folder in EMG-BIDS: recordings with the tables and sidecars that describe them."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.datasets._bids import (
    ENTITIES,
    INDEX,
    N_SAMPLES,
    TARGET,
    Name,
    read_json,
    read_name,
    read_tsv,
)
from sknemg.datasets._entries import check_diagnoses, translate_diagnoses, translate_locations
from sknemg.datasets._findings import Findings
from sknemg.datasets._formats.edf import Channel, edf_channels
from sknemg.datasets._formats.limits import MAX_BYTES
from sknemg.datasets._formats.stored import ReadError
from sknemg.datasets._formats.units import UNITS, decode, millivolts
from sknemg.datasets._rows import Source, check_how, check_inside, load_rows
from sknemg.datasets._schema import encode, read_number
from sknemg.recordings import Recordings
from sknemg.recordings._problems import capped, check_choice, check_counts, shown

_PARTICIPANTS = "participants.tsv"
_DESCRIPTION = "dataset_description.json"
_NEEDED = ("name", "type", "units")  # columns of channels.tsv
_OWN = {"name": "channel", "units": "unit", "sampling_frequency": "sfreq", TARGET: "muscle"}
# Columns that say how a file is read, which a column of BIDS cannot mean.
_TAKEN = {*ENTITIES.values(), *_OWN.values(), "type", "file", "diagnosis"}
_TAKEN |= {
    "scale",
    "power_line_frequency",
    "start",
    "stop",
    "profile",
    "table_row",
    "file_unit",
}

# Columns with a meaning of their own, which only channels.tsv can give.
_OF_CHANNELS = ("location", "recording", "clipped")


def load_bids(
    folder: str | Path,
    *,
    diagnosis: str | None = None,
    diagnoses: Mapping[str, str] | None = None,
    units: Literal["agree", "file"] = "agree",
    locations: Literal["given", "muscle"] = "given",
    max_bytes: int = MAX_BYTES,
    on_error: Literal["raise", "skip"] = "raise",
) -> tuple[Recordings, NDArray[np.str_] | None]:
    """Load a data set in EMG-BIDS; each EMG channel of a file is a recording.

    Read are ``dataset_description.json``, ``participants.tsv``, and of each
    ``sub-*/[ses-*/]emg/*_emg.edf`` or ``.bdf`` its ``*_channels.tsv``, ``*_emg.json`` and the
    row of ``*_scans.tsv``. Sidecars in folders above a file apply to it, too, unless one nearer to
    it says otherwise (the inheritance principle). Channels of types other than EMG are left out.
    The rate of a channel is ``sampling_frequency`` of channels.tsv or, without one,
    ``SamplingFrequency`` of emg.json. Samples after ``n_samples`` of channels.tsv, with which
    `write_bids` fills the last data record of a file, are cut off. Rate, unit and names must agree
    with the EDF or BDF file.

    Parameters
    ----------
    folder : str or Path
        The folder of ``dataset_description.json``.
    diagnosis : str, default=None
        The column of participants.tsv that holds the diagnosis, such as "group". Without it, no
        diagnoses are known.
    diagnoses : dict, default=None
        Further words of that column and the classes they mean, as in `load_cohort`.
    units : {"agree", "file"}, default="agree"
        With "file", the unit in the EDF or BDF file is taken, and ``units`` of channels.tsv may say
        another: some programs write there the unit in which they hold signals in memory.
    locations : {"given", "muscle"}, default="given"
        With "muscle", a location that no column ``location`` of channels.tsv gives follows from
        ``target_muscle``, as in `load_cohort`.
    max_bytes : int, default=2**30
        Limit on the memory for the samples of one channel, as in `read_recording`.
    on_error : {"raise", "skip"}, default="raise"
        With "skip", recordings with a problem are left out, and one warning lists them.

    Returns
    -------
    X : Recordings
        Signals in millivolts, in the order of the files' names, with the columns ``subject``
        (without "sub-"), ``session``, ``task``, ``acquisition``, ``run`` and ``recording_label``
        as present, ``file``, ``channel``,
        ``muscle`` (``target_muscle``), ``power_line_frequency`` in hertz, ``clipped``, and all
        other columns of channels.tsv, participants.tsv and scans.tsv; those whose name is taken are
        called ``channel_*``, ``participant_*`` and ``scan_*``.
    y : ndarray of shape (n_recordings,), str, or None
        The diagnosis of each recording's subject; None without `diagnosis`.

    Raises
    ------
    InvalidCohortError
        One error with everything that is wrong: names that BIDS does not allow, missing or
        unreadable tables and sidecars, sidecars of no recording, channels that the file or
        channels.tsv lacks, rates and units that are unknown or contradict the file, subjects
        without a diagnosis, links that leave the folder.
    ValueError
        If an argument is invalid for any data set.

    Warns
    -----
    UserWarning
        If channels are marked as bad (they are kept, see the column ``status``), if participants
        have no recording, and as in `load_cohort`.

    References
    ----------
    .. [1] The Brain Imaging Data Structure, Electromyography.
       https://bids-specification.readthedocs.io

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.datasets import load_bids, write_bids
    >>> signals = np.random.default_rng(0).normal(size=(2, 4800)).astype("float32")
    >>> X = Recordings(signals, sfreq=48_000, subject=["01", "02"], muscle="deltoid")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bids(folder, X, ["myopathy", "normal"], name="Example", task="contraction")
    ...     X, y = load_bids(folder, diagnosis="diagnosis")
    >>> X["file"][0], y.tolist()
    ('sub-01/emg/sub-01_task-contraction_run-1_emg.bdf', ['myopathy', 'normal'])
    """
    check_how(on_error, locations, None)
    check_counts(max_bytes=max_bytes)
    check_choice(("agree", "file"), units=units)
    if diagnoses is not None and diagnosis is None:
        raise ValueError("`diagnoses` is given without `diagnosis`: name the column, too.")
    folder, findings = Path(folder), Findings("data set")
    _check_description(folder, findings)
    people = _participants(folder, diagnosis, findings)
    findings.stop_if_any()
    rows = _Rows(folder, units, findings).read()
    rows = _with_people(rows, people, diagnosis, findings)
    if diagnosis is not None:
        translate_diagnoses(rows, diagnoses, _PARTICIPANTS, findings)
        check_diagnoses(rows, _PARTICIPANTS, _PARTICIPANTS, findings)
    rows = translate_locations(rows, "channels.tsv", findings, from_muscles=locations == "muscle")
    for name in ("sfreq", "power_line_frequency", "stop"):
        if name in rows:
            rows[name] = rows[name].astype(float)
    texts = {column for column in ENTITIES.values() if column in rows}
    fields = {column: encode(pd.Series(["x"], name=column, dtype=object))[1] for column in texts}
    X = load_rows(
        Source(rows, "", folder, fields),
        findings,
        {},
        {"max_bytes": max_bytes},
        on_error=on_error,
        profiles=(),
        stacklevel=2,
    )
    X = X.with_columns(channel=[name.removeprefix("name=") for name in X["channel"]])
    _warn_of_bad(X)
    _warn_of_idle(people, rows)
    return X, None if diagnosis is None else X["diagnosis"].to_numpy(dtype=str)


# -- tables of the whole data set --------------------------------------------------------------


def _check_description(folder: Path, findings: Findings) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(f"Folder {str(folder)!r} does not exist: give an existing one.")
    try:
        fields = read_json(_inside(folder / _DESCRIPTION, folder))
        lacking = [name for name in ("Name", "BIDSVersion") if not fields.get(name)]
        if lacking:
            raise ReadError(f"no {' and no '.join(lacking)}: add it, as BIDS requires")
    except ReadError as error:
        findings.add(_DESCRIPTION, [None], str(error))


def _participants(folder: Path, diagnosis: str | None, findings: Findings) -> pd.DataFrame | None:
    path = folder / _PARTICIPANTS
    if diagnosis is None and not path.exists():
        return None
    try:
        people = read_tsv(_inside(path, folder), ["participant_id"])
    except ReadError as error:
        findings.add(_PARTICIPANTS, [None], str(error))
        return None
    if diagnosis is not None and diagnosis not in people:
        others = shown([name for name in people if name != "participant_id"])
        problem = f"no column {diagnosis!r} beside {others}"
        findings.add(_PARTICIPANTS, [None], problem, "give `diagnosis`, the one of the diagnoses")
        return None
    ids = people.pop("participant_id")
    wrong = ids.index[~ids.fillna("").str.fullmatch(r"sub-[0-9a-zA-Z]+")]
    remedy = "write sub-<label>, of letters and digits"
    findings.add(_PARTICIPANTS, wrong, "no valid participant_id", remedy, out=False)
    for who, at in ids.groupby(ids).groups.items():
        if len(at) > 1:
            problem = f"participant {who!r} is listed {len(at)} times"
            findings.add(_PARTICIPANTS, at, problem, "keep one row for each", out=False)
    return people.set_axis(ids.fillna("").str.removeprefix("sub-"))


def _with_people(
    rows: pd.DataFrame, people: pd.DataFrame | None, diagnosis: str | None, findings: Findings
) -> pd.DataFrame:
    if people is None:
        return rows
    unknown = rows.index[~rows["subject"].isin(people.index)]
    for key in unknown:
        problem = f"participant {'sub-' + rows['subject'][key]!r} is not in {_PARTICIPANTS}"
        findings.add("", [key], problem, "add a row for the participant")
    own = people.reindex(rows["subject"]).set_axis(rows.index)
    names = _free(own, {*rows, *_TAKEN, *_OF_CHANNELS}, "participant")
    own = own.rename(columns=names if diagnosis is None else {**names, diagnosis: "diagnosis"})
    joined = pd.concat([rows, own], axis=1)
    return joined.astype(object).where(joined.notna(), None)


def _free(names: Iterable[Any], taken: set[str], prefix: str) -> dict[Any, str]:
    return {name: f"{prefix}_{name}" for name in names if name in taken}


def _inside(path: Path, folder: Path) -> Path:
    """Return a path, or refuse one that is missing or that a link leads out of the folder."""
    check_inside([path], folder)
    return path


# -- recordings --------------------------------------------------------------------------------


class _Rows:
    """The rows of a data set, one for each EMG channel, and what is wrong with them."""

    def __init__(self, folder: Path, units: str, findings: Findings) -> None:
        self.folder, self.units, self.findings = folder, units, findings
        self._names: dict[Path, list[tuple[Path, Name]]] = {}  # of sidecars, by folder
        self._scans: dict[Path, tuple[pd.DataFrame, list[str]]] = {}  # and the files they lack

    def read(self) -> pd.DataFrame:
        found_there = (
            path
            for pattern in ("sub-*/emg/*", "sub-*/ses-*/emg/*")
            for path in self.folder.glob(pattern)
            if path.stem.endswith("_emg")
            and path.suffix.lower() in (".edf", ".bdf")
            and not path.name.startswith(".")
        )
        files = sorted(found_there, key=_numbered)
        if not files:
            what = "no sub-*/[ses-*/]emg/*_emg.edf or .bdf"
            self.findings.add(str(self.folder), [None], what, "give the folder of a data set")
            self.findings.stop_if_any()
        found = []
        for path in files:
            file = path.relative_to(self.folder).as_posix()
            try:
                found += self._read_file(path, file)
            except ReadError as error:
                self.findings.files[file] = file
                self.findings.add("", [file], str(error))
                found.append({"key": file, "subject": path.relative_to(self.folder).parts[0][4:]})
        for path in self._lost(files):
            file = path.relative_to(self.folder).as_posix()
            self.findings.files[file] = file
            problem = "it describes no .edf or .bdf that is there"
            self.findings.add("", [file], problem, "copy the data set again, or delete it")
            found.append({"key": file, "subject": path.relative_to(self.folder).parts[0][4:]})
        rows = pd.DataFrame(found, dtype=object).set_index("key").rename_axis(None)
        for name in ("file", "muscle"):
            rows[name] = rows.get(name)
        rows = rows.astype(object).where(rows.notna(), None)
        return rows.loc[
            :, [name for name in rows if rows[name].notna().any() or name in _NEEDED_ROWS]
        ]

    def _lost(self, files: Iterable[Path]) -> Iterator[Path]:
        """Find a sidecar of each recording of which nothing else is there."""
        folders = (*self.folder.glob("sub-*/emg"), *self.folder.glob("sub-*/ses-*/emg"))
        there: dict[Path, list[dict[str, str]]] = {one: [] for one in folders if one.is_dir()}
        for path in files:
            with suppress(ReadError):  # a name that BIDS does not allow, which is said of it
                there[path.parent].append(read_name(path.name).entities)
        for folder, known in there.items():
            with suppress(ReadError):
                for path, name in self._named(folder):
                    if not any(name.entities.items() <= own.items() for own in known):
                        known.append(name.entities)  # of its other sidecar it is not said again
                        yield path

    def _read_file(self, path: Path, file: str) -> list[dict[str, Any]]:
        _inside(path, self.folder)
        name = read_name(path.name)
        if path.suffix not in (".edf", ".bdf"):
            raise ReadError("a suffix in capitals, which BIDS forbids: rename the file")
        said = list(path.relative_to(self.folder).parts[:-2])
        own = [f"{key}-{name.entities[key]}" for key in ("sub", "ses") if key in name.entities]
        if own != said or "task" not in name.entities:
            parts = "_".join(own) or "no subject"
            raise ReadError(
                f"a name with {parts}{'' if 'task' in name.entities else ' and no task'} in the "
                f"folder of {'_'.join(said)}: call it sub-<label>[_ses-<label>]_task-<label>"
            )
        fields = self._fields(path, name)
        channels = self._channels(path, name)
        stored = edf_channels(path)
        there = [channel.name for channel in stored]
        listed = channels["name"].tolist()
        if sorted(listed, key=str) != sorted(there) or len(set(there)) < len(there):
            raise ReadError(
                f"the file has the channels {shown(there)}, channels.tsv {shown(listed)}: list "
                "each channel once, under the name that it has in the file"
            )
        shared: dict[str, Any] = {ENTITIES[key]: name.entities[key] for key in name.entities}
        shared |= {"file": file, "power_line_frequency": _hertz(fields, "PowerLineFrequency")}
        rate, scan = _hertz(fields, "SamplingFrequency"), self._scan(path)
        names = _free(scan, {*channels, *_TAKEN, *_OF_CHANNELS}, "scan")
        shared |= {names.get(column, column): entry for column, entry in scan.items()}
        needles = channels[channels["type"] == "EMG"]
        if needles.empty:
            raise ReadError(
                f"no channel of the type EMG in channels.tsv, {shown(channels['type'].unique())}: "
                "write EMG, in capitals, or take the file out"
            )
        return [
            self._row(
                _entries(needles, at), stored[there.index(needles["name"].iloc[at])], rate, shared
            )
            for at in range(len(needles))
        ]

    def _row(
        self,
        entries: Mapping[str, Any],
        stored: Channel,
        rate: float | None,
        shared: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return one channel's row; what contradicts the file is noted, and left out."""
        own: dict[str, Any] = {}
        for name, entry in entries.items():
            free = f"channel_{name}" if name in _TAKEN else name
            own[_OWN.get(name, free)] = entry
        del own["channel_type"]
        length = own.pop(N_SAMPLES, None)
        key = f"{shared['file']}, channel {stored.name!r}"
        self.findings.files[key] = key
        row = own | dict(shared) | {"key": key, "channel": f"name={stored.name}"}
        row["sfreq"], problem = _agreed_rate(own.get("sfreq"), rate, stored.sfreq)
        row["unit"], other = (
            (None, "") if self.units == "file" else _agreed_unit(own["unit"], stored.unit)
        )
        short = ""
        if length is not None and INDEX.fullmatch(length):
            row["stop"] = int(length) / stored.sfreq
        elif length is not None:
            short = f"{N_SAMPLES} {length!r} in channels.tsv: write a whole number of samples"
        for text in filter(None, (problem, other, short)):
            self.findings.add("", [key], text)
        return row

    def _fields(self, path: Path, name: Name) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for file in self._sidecars(path, name.entities, "emg", ".json"):
            fields |= self._read(file, read_json)
        if not fields:
            raise ReadError("no emg.json applies to it: add one")
        return fields

    def _channels(self, path: Path, name: Name) -> pd.DataFrame:
        files = self._sidecars(path, name.entities, "channels", ".tsv")
        if not files:
            raise ReadError("no channels.tsv, which says what is EMG, applies to it: add one")
        return self._read(files[-1], lambda file: read_tsv(file, _NEEDED))

    def _scan(self, path: Path) -> dict[str, Any]:
        """Return the file's row of scans.tsv, if there is one."""
        base = path.parents[1]
        files = sorted(base.glob("[!.]*_scans.tsv"))
        if not files:
            return {}
        if files[0] not in self._scans:  # which all recordings of a session share
            scans = self._read(files[0], lambda file: read_tsv(file, ("filename",)))
            named = filter(_is_emg, scans["filename"].dropna())
            self._scans[files[0]] = scans, [name for name in named if not (base / name).exists()]
        scans, lost = self._scans[files[0]]
        if lost:
            raise ReadError(
                f"{files[0].name} lists what is missing, {capped(lost)}: copy the data set again, "
                "or take the rows out"
            )
        own = scans[scans["filename"] == path.relative_to(base).as_posix()]
        if len(own) != 1:
            raise ReadError(f"{files[0].name} lists it {len(own)} times: keep one row for it")
        return _entries(own.drop(columns="filename"), 0)

    def _read(self, file: Path, read: Any) -> Any:
        try:
            return read(_inside(file, self.folder))
        except ReadError as error:
            raise ReadError(f"{file.relative_to(self.folder).as_posix()}: {error}") from error

    def _sidecars(
        self, path: Path, entities: Mapping[str, str], suffix: str, extension: str
    ) -> list[Path]:
        """List what applies to a file, from the data set's folder down to its own."""
        found = []
        for folder in reversed(path.parents):
            if folder != self.folder and self.folder not in folder.parents:
                continue
            here = [
                file
                for file, name in self._named(folder)
                if (name.suffix, name.extension) == (suffix, extension)
                and name.entities.items() <= entities.items()
            ]
            if len(here) > 1:
                raise ReadError(
                    f"{len(here)} files {suffix}{extension} in one folder apply to it "
                    f"({capped([file.name for file in here])}): keep one"
                )
            found += here
        return found

    def _named(self, folder: Path) -> list[tuple[Path, Name]]:
        if folder not in self._names:
            ends = ("emg.json", "channels.tsv")
            files = [
                path
                for path in sorted(folder.iterdir())
                if path.name.endswith(ends) and not path.name.startswith(".")
            ]
            self._names[folder] = [(path, self._read(path, _name_of)) for path in files]
        return self._names[folder]


_NEEDED_ROWS = ("subject", "file", "muscle", "power_line_frequency")


def _numbered(path: Path) -> list[Any]:
    """Order files by name, the numbers in it as numbers: run-2 is before run-10."""
    parts = re.split(r"([0-9]+)", path.as_posix())
    return [(int(part), part) if at % 2 else part for at, part in enumerate(parts)]


def _entries(table: pd.DataFrame, at: int) -> dict[str, Any]:
    """Return a row of a table; what is missing is None."""
    row = {str(name): column.iloc[at] for name, column in table.items()}
    return {name: None if pd.isna(entry) else entry for name, entry in row.items()}


def _name_of(path: Path) -> Name:
    return read_name(path.name)


def _is_emg(name: str) -> bool:
    return re.fullmatch(r"emg/.*_emg\.(edf|bdf)", name) is not None


def _hertz(fields: Mapping[str, Any], name: str) -> float | None:
    """Return a frequency of a sidecar; None where it is missing or n/a."""
    value = fields.get(name)
    if value is None or value == "n/a":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < np.inf:
        raise ReadError(f"{name} {shown(value)} in emg.json: write a number of hertz > 0")
    return float(value)


def _agreed_rate(text: str | None, main: float | None, stored: float) -> tuple[float | None, str]:
    """Return the rate of channels.tsv or else of emg.json, or what contradicts it."""
    where, rate = "emg.json", main
    if text is not None:
        where = "channels.tsv"
        try:
            rate = read_number(text)
        except ValueError:
            return None, f"sampling_frequency {text!r} in {where}: write a number of hertz"
    if rate is not None and not math.isclose(rate, stored, rel_tol=1e-6):
        return None, f"the file says {stored:g} Hz, {where} {rate:g} Hz: correct one"
    return rate, ""


def _agreed_unit(text: str | None, stored: bytes) -> tuple[str | None, str]:
    """Return the unit of channels.tsv, or what contradicts it."""
    if text is None:
        return None, ""
    if text not in UNITS:
        return None, f"units {text!r} in channels.tsv are unknown: write V, mV, uV or nV"
    factor = millivolts(stored)
    if factor is not None and factor != UNITS[text]:
        return None, (
            f"the file says {decode(stored)}, channels.tsv {text}: correct one, or give "
            "units='file' where the file is right"
        )
    return text, ""


def _warn_of_idle(people: pd.DataFrame | None, rows: pd.DataFrame) -> None:
    """Warn of participants without recordings: the copy of the data set may be incomplete."""
    if people is not None and len(idle := people.index[~people.index.isin(rows["subject"])]):
        names = [f"sub-{name}" for name in idle]
        warnings.warn(
            f"{len(idle)} of {len(people)} participants in {_PARTICIPANTS} have no EMG recording: "
            f"{capped(names)}. If they should have some, the copy of the data set is incomplete.",
            stacklevel=3,
        )


def _warn_of_bad(X: Recordings) -> None:
    if "status" in X and (bad := np.flatnonzero(X["status"] == "bad")).size:
        names = [f"{X['file'].iloc[row]} ({X['channel'].iloc[row]})" for row in bad]
        warnings.warn(
            f"{len(bad)} of {len(X)} channels have the status bad in channels.tsv and are kept: "
            f"{capped(names)}; X[X['status'] != 'bad'] is without them.",
            stacklevel=3,
        )
