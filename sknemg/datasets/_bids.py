"""Names, tables and sidecars of EMG-BIDS, as reader and writer share them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from sknemg.datasets._formats.stored import ReadError
from sknemg.datasets._splitting import split_rows

#: The parts of a file's name, in their order, and the columns that hold them.
ENTITIES = {
    "sub": "subject",
    "ses": "session",
    "task": "task",
    "acq": "acquisition",
    "run": "run",
    "recording": "recording_label",
}
LABEL = re.compile(r"[0-9a-zA-Z]+")
INDEX = re.compile(r"[0-9]+")
MISSING = "n/a"
TARGET = "target_muscle"
#: Our column of channels.tsv: the length without what fills the last data record.
N_SAMPLES = "n_samples"


class Name(NamedTuple):
    """A file's name in parts: ``sub-01_task-rest_emg.edf``."""

    entities: dict[str, str]
    suffix: str
    extension: str


def read_name(file: str) -> Name:
    """Split a file's name into its parts, or say why it is not one that BIDS allows.

    Examples
    --------
    >>> read_name("sub-01_task-rest_emg.edf")
    Name(entities={'sub': '01', 'task': 'rest'}, suffix='emg', extension='.edf')
    """
    stem, dot, extension = file.partition(".")
    *pairs, suffix = stem.split("_")
    entities = dict(pair.partition("-")[::2] for pair in pairs)
    known = [key for key in ENTITIES if key in entities]
    wrong = [
        f"{key}-{value}"
        for key, value in entities.items()
        if key not in ENTITIES or not (INDEX if key == "run" else LABEL).fullmatch(value)
    ]
    if wrong or len(entities) < len(pairs) or known != list(entities):
        what = f"with {', '.join(wrong)}" if wrong else "whose parts are not in the order of BIDS"
        raise ReadError(
            f"a name {what}: write sub-<label>[_ses-<label>]_task-<label>[_acq-<label>]"
            "[_run-<index>][_recording-<label>], labels of letters and digits"
        )
    return Name(entities, suffix, dot + extension)


def write_name(entities: Mapping[str, str], end: str) -> str:
    """Join parts of a name: the inverse of `read_name`."""
    parts = [f"{key}-{entities[key]}" for key in ENTITIES if key in entities]
    return "_".join([*parts, end])


def read_tsv(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """Read a table as text, rows numbered from 2; entries ``n/a`` are None."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = split_rows(
            lambda **how: csv.reader(StringIO(text, newline=""), delimiter="\t", **how)
        )
    except (UnicodeError, csv.Error) as error:
        raise ReadError(f"not readable ({error}): save it in UTF-8, separated by tabs") from error
    names = [name.strip() for name in lines[0]] if lines else []
    if lacking := [name for name in needed if name not in names]:
        raise ReadError(f"no column {', '.join(map(repr, lacking))}: add it, separated by tabs")
    if len(set(names)) < len(names) or "" in names:
        raise ReadError("columns without a name, or two of one name: rename them")
    rows = {at: line for at, line in enumerate(lines[1:], start=2) if any(line)}
    uneven = [at for at, line in rows.items() if len(line) != len(names)]
    if uneven:
        raise ReadError(
            f"row {uneven[0]} has {len(rows[uneven[0]])} entries for {len(names)} columns: write "
            "one for each, n/a where it is missing"
        )
    entries = [[read_entry(entry) for entry in line] for line in rows.values()]
    table = pd.DataFrame(entries, index=list(rows), columns=names, dtype=object)
    return table.where(table.notna(), None)


def read_entry(text: str) -> str | None:
    """Return an entry of a table; None stands for a missing one, which BIDS writes as n/a."""
    text = text.strip()
    return None if text in ("", MISSING) else text


def write_tsv(path: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Write columns of text, of which `read_tsv` makes the same entries."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(columns)
        table.writerows(zip(*columns.values(), strict=True))


def read_json(path: Path) -> dict[str, Any]:
    """Read a sidecar: one object."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ReadError(f"not JSON ({error}): correct it") from error
    if not isinstance(fields, dict):
        raise ReadError("not a JSON object: write {...}")
    return fields


def write_json(path: Path, fields: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
