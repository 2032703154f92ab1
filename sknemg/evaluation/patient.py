"""The page of one patient: the answer, how sure it is, and which recordings it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.diagnosis.percent import percent
from sknemg.divote.levels import class_columns
from sknemg.metrics._format import format_share
from sknemg.pages import RESEARCH_ONLY, Cell, Table, render
from sknemg.recordings import Recordings
from sknemg.versions import __version__

if TYPE_CHECKING:
    from sknemg.diagnosis.answers import Answering, Diagnosis
    from sknemg.muap.reference import MuapReference

#: By how much the probability of the answer must fall or rise without a segment to be marked.
EFFECT = 0.005
_WIDTH, _HEIGHT = 600, 90  # of a trace, in units of its picture
_LONGEST = 600  # points of a trace
_NO_VOTE = "does not vote: nothing that votes was found in it"
_STEPS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)  # s from line to line of a trace
_LINES = 10  # in the longest trace
_SCALES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)  # mV from the middle to the edge


@dataclass(frozen=True)
class Trace:
    """One recording as a picture.

    Attributes
    ----------
    title, note, alt : str
    path : str
        What an SVG draws.
    marks : list of (x, width, kind)
        Stretches that speak ``"for"`` or ``"against"`` the answer.
    """

    title: str
    note: str
    alt: str
    path: str
    marks: list[tuple[float, float, str]]


def patient_page(
    model: Answering,
    X: Recordings,
    found: Diagnosis,
    *,
    fingerprint: str = "",
    reference: MuapReference | Literal["published"] | None = None,
) -> str:
    """Return the page of one patient as HTML.

    One file without a script: it opens offline and prints on A4.

    Parameters
    ----------
    model : fitted Diagnostician
    X : Recordings of signals
        Those that were diagnosed.
    found : Diagnosis
        One of ``model.diagnose(X)``.
    fingerprint : str, default=""
        Fingerprint of the model, shown on the page.
    reference : MuapReference, "published" or None, default=None
        Norms with which the motor unit potentials of each muscle are compared. To find and measure
        them takes some seconds; None leaves the table out.

    Returns
    -------
    str
    """
    scale = _scale(X, found)
    first = found.answer[0] if found.answer else None
    traces = _traces(X, found, scale)
    step, grid = _grid(found.recordings["seconds"].max())
    return render(
        "sknemg.evaluation",
        "patient.html",
        title=f"Patient {found.subject}",
        version=__version__,
        found=found,
        answer=found.text[:1].upper() + found.text[1:],
        first=first,
        bars=[(str(k), p, k in found.answer) for k, p in found.probabilities.items()],
        percent=percent,
        coverage=format_share(found.coverage),
        rules_out=model.rules_out_,
        recordings=_recordings_table(X, found),
        traces=traces,
        marked=any(trace.marks for trace in traces),
        step=step,
        grid=grid,
        scale=f"{scale:g} mV" if scale >= 1 else f"{1000 * scale:g} µV",
        width=_WIDTH,
        height=_HEIGHT,
        effect=EFFECT,
        decisive=_decisive(found),
        n_calibration=model.n_calibration_,
        limits=[format_share(bound) for bound in found.coverage_range],
        fingerprint=fingerprint,
        **_muaps(X, found, reference),
    )


def _muaps(
    X: Recordings, found: Diagnosis, reference: MuapReference | Literal["published"] | None
) -> dict[str, Any]:
    """Give the page its table of potentials, and what it has to say of them."""
    if reference is None or not found.recordings["used"].any():
        return {"muaps": None, "muap_note": ""}
    from sknemg.evaluation._patient_muaps import muap_comparison, muap_table
    from sknemg.muap.reference import MuapReference

    norms = MuapReference() if reference == "published" else reference
    summary, note = muap_comparison(X, found, norms)
    table = muap_table(summary, note) if len(summary) else None
    return {"muaps": table, "muap_note": "" if len(summary) else note or "No potentials found."}


def write_patient(
    folder: str | Path,
    model: Answering,
    X: Recordings,
    found: Sequence[Diagnosis],
    *,
    fingerprint: str = "",
    reference: MuapReference | Literal["published"] | None = None,
) -> list[Path]:
    """Write a page, a JSON and a CSV file for each patient.

    Parameters
    ----------
    folder : path
    model : fitted Diagnostician
    X : Recordings of signals
    found : sequence of Diagnosis
        ``model.diagnose(X)``.
    fingerprint : str, default=""
    reference : MuapReference, "published" or None, default=None
        As for `patient_page`.

    Returns
    -------
    list of Path
        The files. They are named after the subject, as far as its name is that of a file, with a
        number where the folder holds files of another subject, as their JSON says, by that name.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for one in found:
        stem = _stem(one.subject, folder, {file.stem.casefold() for file in files})
        page = patient_page(model, X, one, fingerprint=fingerprint, reference=reference)
        values = summary(one, fingerprint)
        texts = {
            ".html": page,
            ".json": json.dumps(values, indent=1, ensure_ascii=False) + "\n",
            ".csv": _with_files(X, one.recordings).to_csv(index=False, float_format="%.6g"),
        }
        for suffix, text in texts.items():
            file = folder / f"{stem}{suffix}"
            file.write_text(text, encoding="utf-8")
            files.append(file)
    return files


def _with_files(X: Recordings, own: pd.DataFrame) -> pd.DataFrame:
    """Name the file of each recording behind its row, if files are known."""
    if "file" not in X:
        return own
    files = X["file"].to_numpy()[own["row"].to_numpy(dtype=int)]
    own = own.copy()
    own.insert(own.columns.tolist().index("row") + 1, "file", files, allow_duplicates=True)
    return own


def summary(found: Diagnosis, fingerprint: str = "") -> dict[str, Any]:
    """Return a diagnosis as plain values, for JSON.

    Parameters
    ----------
    found : Diagnosis
    fingerprint : str, default=""

    Returns
    -------
    dict
    """
    return {
        "subject": str(found.subject),
        "kind": found.kind,
        "text": found.text,
        "answer": [_plain(label) for label in found.answer],
        "probabilities": {str(k): round(p, 6) for k, p in found.probabilities.items()},
        "reasons": list(found.reasons),
        "coverage": found.coverage,
        "coverage_range": [round(bound, 4) for bound in found.coverage_range],
        "n_recordings": len(found.recordings) + len(found.unreadable),
        "n_unreadable": len(found.unreadable),
        "n_used": int(found.recordings["used"].sum()),
        "model": {"fingerprint": fingerprint, "sknemg": __version__, "caution": found.caution},
        "intended_use": RESEARCH_ONLY,
    }


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def _stem(subject: Any, folder: Path, taken: set[str]) -> str:
    name = re.sub(r"[^\w.-]+", "_", str(subject)).strip("._")[:80] or "patient"
    number = 1
    stem = name
    # As files are told apart on Windows and macOS.
    while stem.casefold() in taken or _is_of_another(folder / f"{stem}.json", subject):
        number += 1
        stem = f"{name}_{number}"
    return stem


def _is_of_another(file: Path, subject: Any) -> bool:
    """Tell whether a file is there that is not the summary of this subject."""
    try:
        return bool(json.loads(file.read_text(encoding="utf-8"))["subject"] != str(subject))
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):
        return True


# -- what the page shows -----------------------------------------------------------------------


def _recordings_table(X: Recordings, found: Diagnosis) -> Table:
    own: Any = found.recordings
    columns: dict[str, Any] = {"recording": np.arange(1, len(own) + 1)}
    if "file" in X:
        columns["file"] = X["file"].to_numpy()[own["row"].to_numpy()]
    known = [own[name] for name in ("muscle", "location") if name in own]
    if known:
        texts = pd.concat(known, axis=1).to_numpy()
        columns["muscle"] = [", ".join(t for t in row if isinstance(t, str)) for row in texts]
    columns["seconds"] = [Cell(f"{seconds:.2f}", "number") for seconds in own["seconds"]]
    columns["mV (RMS)"] = own["rms"].to_numpy()
    for label in found.probabilities:
        columns[f"{label}"] = _percents(own[label])
    if found.answer:
        columns[f"{found.answer[0]} without it"] = _percents(own["without"])
    parts = own[["unusable", "unusual"]].assign(silent=np.where(_silent(found), _NO_VOTE, ""))
    remarks = ["; ".join(text for text in row if text) for row in parts.to_numpy()]
    frame = pd.DataFrame(columns | ({"remarks": remarks} if any(remarks) else {}))
    caption = "Votes of the recordings, and what is unusual"
    return Table.from_frame(frame, "recordings", caption, limit=len(frame))


def _percents(shares: pd.Series) -> list[Cell | None]:
    numbers = shares.to_numpy(dtype=float)
    return [None if np.isnan(share) else Cell(percent(share), "number") for share in numbers]


def _silent(found: Diagnosis) -> NDArray[np.bool_]:
    """Tell which recordings could be used, but hold nothing that votes, such as a motor unit."""
    own: Any = found.recordings
    if not found.answer:
        return np.zeros(len(own), dtype=bool)
    votes = class_columns(own, found.probabilities).to_numpy(dtype=float)
    return np.asarray(own["used"].to_numpy(dtype=bool) & np.isnan(votes).all(axis=1))


def _decisive(found: Diagnosis) -> list[str]:
    """Say which recordings change the first answer, or what it is without the weightiest."""
    if not found.answer:
        return []
    own: Any = found.recordings
    first = found.answer[0]
    others = [p for label, p in found.probabilities.items() if label != first]
    probability = found.probabilities[first]
    fall = probability - own["without"].to_numpy(dtype=float)
    if np.isnan(fall).all():
        return ["One recording alone gives the answer: without it there is none."]
    at = int(np.nanargmax(np.abs(fall)))
    without = own["without"].iloc[at]
    muscle = own["muscle"].iloc[at] if "muscle" in own else None
    which = f"{at + 1}" + (f" ({muscle})" if isinstance(muscle, str) else "")
    # what the others would have, if they share the rest as now
    second = (1 - without) * max(others, default=0.0) / max(sum(others), 1e-12)
    changes = without < second
    if percent(without) == percent(probability) and not changes:
        return [
            f"No recording weighs much: without recording {which}, the weightiest, {first} would "
            f"still have {percent(without)}."
        ]
    text = (
        f"Recording {which} weighs most: without it, {first} would have {percent(without)} "
        f"instead of {percent(probability)}."
    )
    more = " The answer could then be another one." if changes else ""
    return [text + more]


def _scale(X: Recordings, found: Diagnosis) -> float:
    """Choose one scale for all traces of a patient, such that most of the largest fits."""
    used = found.recordings[found.recordings["used"]]
    peaks = used["peak"].to_numpy(dtype=float)
    peak = float(np.nanmax(peaks)) if len(peaks) else 1.0
    return next((scale for scale in _SCALES if scale >= 0.6 * peak), _SCALES[-1])


def _grid(longest: float) -> tuple[float, str]:
    """Choose the seconds from line to line of the longest trace, and draw the lines."""
    step = next((step for step in _STEPS if longest <= _LINES * step), _STEPS[-1])
    lines = np.arange(step, longest, step) * _WIDTH / longest if longest > 0 else ()
    return step, "".join(f"M{at:.1f},0V{_HEIGHT}" for at in lines)


def _traces(X: Recordings, found: Diagnosis, scale: float) -> list[Trace]:
    own: Any = found.recordings
    marks, silent = _marks(found), _silent(found)
    longest = float(own["seconds"].max())
    traces = []
    for at, row in enumerate(own["row"].tolist()):
        entry = own.iloc[at]
        muscle = entry["muscle"] if "muscle" in own and isinstance(entry["muscle"], str) else ""
        title = f"{at + 1}" + (f" · {muscle}" if muscle else "")
        note = entry["unusable"] or (_NO_VOTE if silent[at] else "")
        if not note and found.answer:
            vote = max(found.probabilities, key=lambda label: entry[label])
            note = f"{vote} {percent(entry[vote])}"
        n_for, n_against = (sum(kind == k for *_, kind in marks[at]) for k in ("for", "against"))
        alt = ", ".join(filter(None, (f"Recording {title}, {entry['seconds']:.2f} s", note)))
        if found.answer:
            alt += f"; stretches marked for the answer: {n_for}, against it: {n_against}"
        per_second = _WIDTH / longest
        placed = [(a * per_second, (b - a) * per_second, kind) for a, b, kind in marks[at]]
        path = _path(X[row], float(entry["seconds"]) * per_second, scale)
        traces.append(Trace(title, note, alt, path, placed))
    return traces


def _path(signal: NDArray[Any], width: float, scale: float) -> str:
    """Draw a signal as its smallest and largest value in each column, negative up."""
    n_columns = max(1, min(len(signal) // 2, int(_LONGEST * width / _WIDTH)))
    edges = np.linspace(0, len(signal), n_columns + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(signal, edges), np.maximum.reduceat(signal, edges)
    x = np.repeat(np.arange(n_columns) * width / n_columns, 2)
    y = np.column_stack([low, high]).ravel()
    y = np.nan_to_num(np.clip(y / scale, -1, 1))
    y = (1 + y) * _HEIGHT / 2
    return "M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _marks(found: Diagnosis) -> list[list[tuple[float, float, str]]]:
    """Find the stretches whose effect on the answer is beyond the threshold, per recording."""
    marks: list[list[tuple[float, float, str]]] = [[] for _ in range(len(found.recordings))]
    each: Any = found.segments[found.segments["fall"].abs() >= EFFECT].itertuples()
    for segment in each:
        kind = "for" if segment.fall > 0 else "against"
        marks[segment.recording].append((segment.start, segment.stop, kind))
    return [_merged(stretches) for stretches in marks]


def _merged(stretches: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Join stretches of one kind that overlap."""
    merged: list[tuple[float, float, str]] = []
    for kind in ("for", "against"):
        last: tuple[float, float] | None = None
        for start, stop, _ in sorted(s for s in stretches if s[2] == kind):
            if last is not None and start <= last[1]:
                last = (last[0], max(last[1], stop))
                continue
            if last is not None:
                merged.append((*last, kind))
            last = (start, stop)
        if last is not None:
            merged.append((*last, kind))
    return merged
