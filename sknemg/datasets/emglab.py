"""EMGLAB N2001: volitional recordings of biceps brachii in ALS, myopathy and health."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.datasets._formats.stored import ReadError
from sknemg.datasets._public import PublicData, locate
from sknemg.datasets._quality import warn_if_implausible
from sknemg.datasets.files import Reading, read_recording
from sknemg.recordings import Recordings
from sknemg.recordings.muscles import find_locations
from sknemg.recordings.recordings import stacked

#: Terms, citation and traps of the data of `load_emglab`.
EMGLAB_N2001 = PublicData(
    name="emglab_n2001",
    licence="no licence of this data is known; it was published for research.",
    citation=(
        "Nikolic M. Detailed analysis of clinical electromyography signals. PhD thesis, "
        "University of Copenhagen, 2001; McGill KC, Lateva ZC, Marateb HR. EMGLAB: an interactive "
        "EMG decomposition program. J Neurosci Methods 2005;149:121-133."
    ),
    traps=(
        "the groups differ in age and in the side recorded, so a model may learn those",
        "the files hold the signal negative-up; load_emglab turns it over",
        "some recordings touch the amplifier's rails, and one is dead after its first moment",
        "one muscle, low effort: no contrast of proximal and distal",
    ),
    homepage="emglab.net (data set N2001)",
)

_GROUPS = {"A": "neuropathy", "C": "normal", "M": "myopathy"}
_NAME = re.compile(r"(N2001([ACM])\d+)[A-Z]{2}\d+")
_COLUMNS = {
    "gender": "sex",
    "electrode": "needle",
    "diagnosis": "diagnosis_detail",
    "duration": "disease_duration",
}
_KEPT = ("age", "muscle", "side", "level", *_COLUMNS)


def load_emglab(folder: str | Path | None = None) -> tuple[Recordings, NDArray[np.str_]]:
    """Load EMGLAB's data set N2001, or the part of it that a folder holds.

    Concentric needle in biceps brachii, slight steady contraction, 23,437.5 Hz, 11.2 s each.
    ALS is given the class ``"neuropathy"`` (its motor units are neurogenic); the column
    ``diagnosis_detail`` keeps the header's words. The files hold the signal negative-up, which
    no header says but every spike does (its steep phase rises in all subjects); here it is
    inverted, so that a spike is negative, as everywhere in sknemg. Samples at the converter's
    lower rail, which WFDB readers take for gaps, are kept: they are clipped at 2.5 mV, and
    counted in the column ``clipped``. ``EMGLAB_N2001`` holds citation and traps; no licence of
    the data is known, so nothing is fetched.

    Parameters
    ----------
    folder : str or Path, default=None
        Folder with the ``.hea`` and ``.bin`` files, by default ``$SKNEMG_DATA/emglab_n2001``.

    Returns
    -------
    X : Recordings
        Columns ``recording``, ``subject`` (the data set's code, such as ``N2001A01``), ``muscle``,
        ``location``, ``side``, ``age``, ``sex``, ``needle``, ``level`` (of effort),
        ``disease_duration``, ``diagnosis_detail``, ``clipped`` and ``sfreq``; sorted by recording.
    y : ndarray of shape (n_recordings,), str
        ``"neuropathy"`` (ALS), ``"normal"`` or ``"myopathy"``, by the group in the code.

    Raises
    ------
    FileNotFoundError
        If the folder, or any recording in it, is missing; the message says where to get the data.
    ReadError
        Naming every recording that cannot be read.

    Warns
    -----
    UserWarning
        If recordings are flat for half a second or more; N2001A06BB08 is.

    References
    ----------
    Nikolic M. Detailed analysis of clinical electromyography signals. PhD thesis, University of
    Copenhagen, 2001.

    McGill KC, Lateva ZC, Marateb HR. EMGLAB: an interactive EMG decomposition program.
    J Neurosci Methods 2005;149:121-133.
    """
    folder = locate(EMGLAB_N2001, folder)
    files = [path for path in folder.iterdir() if path.suffix in (".hea", ".bin")]
    names = sorted({path.stem for path in files if _NAME.fullmatch(path.stem)})
    if not names:
        raise FileNotFoundError(
            f"{str(folder)!r} holds no recording of N2001 (such as N2001A01BB01.hea): get them "
            f"from {EMGLAB_N2001.homepage}."
        )
    readings = _read_all(folder, names)
    rows = [_describe(name, reading) for name, reading in zip(names, readings, strict=True)]
    first = ["sfreq", "subject", "muscle", "location"]
    meta = pd.DataFrame(rows, columns=[*first, *(key for key in rows[0] if key not in first)])
    meta["location"], _ = find_locations(meta["muscle"])
    X = stacked([-reading.signal for reading in readings], meta)  # stored negative-up
    warn_if_implausible(X, ["flat"], stacklevel=2)
    return X, np.array([_GROUPS[_NAME.fullmatch(name)[2]] for name in names])  # type: ignore[index]


def _read_all(folder: Path, names: list[str]) -> list[Reading]:
    readings, broken = [], []
    for name in names:
        try:
            readings.append(read_recording(folder / f"{name}.hea", invalid="clip"))
        except ReadError as error:
            broken.append(f"  {name}: {error}")
    if broken:
        raise ReadError(f"{len(broken)} of {len(names)} recordings:\n" + "\n".join(broken))
    return readings


def _describe(name: str, reading: Reading) -> dict[str, Any]:
    """Read what a header says in its lines ``#key: value``."""
    lines = (comment.partition(":") for comment in reading.meta["comments"])
    said = {key.strip(): value.strip() or None for key, _, value in lines}
    row = {_COLUMNS.get(key, key): said.get(key) for key in _KEPT}
    age = row["age"] or ""
    return row | {
        "recording": name,
        "subject": _NAME.fullmatch(name)[1],  # type: ignore[index]
        "sfreq": reading.sfreq,
        "location": None,
        "muscle": row["muscle"] and row["muscle"].lower(),
        "side": row["side"] and row["side"].lower(),
        "age": float(age) if age.isdecimal() else np.nan,
        "clipped": reading.meta["clipped"],
    }
