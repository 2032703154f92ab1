"""PhysioNet's emgdb: three volitional recordings of tibialis anterior."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.datasets._public import PublicData, locate
from sknemg.datasets._quality import warn_if_implausible
from sknemg.datasets.files import read_recording
from sknemg.recordings import Recordings
from sknemg.recordings.recordings import stacked

#: Terms, citation and traps of the data of `load_emgdb`.
EMGDB = PublicData(
    name="emgdb",
    licence="Open Data Commons Attribution License v1.0",
    citation=(
        "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation "
        "2000;101(23):e215-e220."
    ),
    traps=(
        "one subject a class: whatever separates them separates three people",
        "the myopathy and neuropathy recordings repeat after 16.6 and 18.4 s: windows of one pass "
        "have near copies in the other",
        "4 kHz only, and the neuropathy recording reaches the limit of its format, 3.2767 mV",
    ),
    homepage="https://physionet.org/content/emgdb/1.0.0/",
    base_url="https://physionet.org/files/emgdb/1.0.0/",
    sha256={
        "emg_healthy.dat": "4990f34f0ffb314f6ce70c1d2089b7ce41fa96d19fcd9fb334815ca5033966fd",
        "emg_healthy.hea": "61221ce33e167d246ec2ea8984ce2f25882b32b4d90bd7ef785c7b56ef95bac5",
        "emg_myopathy.dat": "2c310a0f61843a5a5e906d413b6ff7f51370a91e516344af511c7fe6da9eaf7f",
        "emg_myopathy.hea": "752093a1e3af87cd87e39f553b8725133f57a75413661208e5d93c8d2c60e73b",
        "emg_neuropathy.dat": "108c6c71d3792f3dba645539bd9241119fb4c6a3a0f3e515399694b072375dd5",
        "emg_neuropathy.hea": "a424c80b6a5cc5733456f0848c2650321cac3658d9b02b845e08b619b2807ce0",
    },
)

# What the headers say in free text. The last entry is where the second pass of a loop begins,
# rounded down: the passes are not copies to the sample, since the joint was resampled.
_RECORDS = {
    "emg_healthy": ("normal", 44, "no history of neuromuscular disease", None),
    "emg_myopathy": ("myopathy", 57, "long history of polymyositis", 16.6),
    "emg_neuropathy": ("neuropathy", 62, "right L5 radiculopathy, chronic low back pain", 18.4),
}


def load_emgdb(
    folder: str | Path | None = None, *, unique: bool = True, base_url: str | None = None
) -> tuple[Recordings, NDArray[np.str_]]:
    """Load PhysioNet's "Examples of Electromyograms": one normal, one myopathy, one neuropathy.

    Tibialis anterior during gentle dorsiflexion, 25 mm concentric needle, 4 kHz, one recording
    each of three men. A smoke test with real signals, not a basis for a score. ``EMGDB`` holds
    licence (ODC-By 1.0), citation and traps.

    Parameters
    ----------
    folder : str or Path, default=None
        Folder with the ``.hea`` and ``.dat`` files. By default ``$SKNEMG_DATA/emgdb`` or a folder
        in the user's cache; what is missing there is fetched from PhysioNet (1 MB) after
        printing the licence. Every file is checked against PhysioNet's checksum.
    unique : bool, default=True
        Cut the myopathy and the neuropathy recording where they begin to repeat themselves
        (16.6 of 27.6 s and 18.4 of 37.0 s). With False, parts of one recording share signal.
    base_url : str, default=None
        A mirror to fetch from.

    Returns
    -------
    X : Recordings of 3 rows
        Columns ``recording``, ``subject``, ``muscle``, ``location``, ``side`` (not known),
        ``age``, ``sex``, ``needle``, ``diagnosis_detail``, ``clipped`` and ``sfreq``.
    y : ndarray of shape (3,), str
        ``"normal"``, ``"myopathy"``, ``"neuropathy"``.

    Raises
    ------
    FileNotFoundError, ConnectionError
        If the files are missing, or cannot be fetched.
    ValueError
        If a file differs from the published one.

    References
    ----------
    Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation
    2000;101(23):e215-e220.
    """
    folder = locate(EMGDB, folder, base_url=base_url)
    readings = [
        read_recording(folder / f"{name}.hea", stop=loop if unique else None)
        for name, (*_, loop) in _RECORDS.items()
    ]
    diagnoses, ages, details, _ = zip(*_RECORDS.values(), strict=True)
    columns = {
        "sfreq": [reading.sfreq for reading in readings],
        "subject": list(_RECORDS),
        "muscle": "tibialis anterior",
        "location": "distal",
        "recording": list(_RECORDS),
        "side": np.full(len(_RECORDS), None),
        "age": list(ages),
        "sex": "M",
        "needle": "concentric, 25 mm",
        "diagnosis_detail": list(details),
        "clipped": [reading.meta["clipped"] for reading in readings],
    }
    X = stacked([reading.signal for reading in readings], pd.DataFrame(columns))
    warn_if_implausible(X, ["flat"], stacklevel=2)
    return X, np.array(diagnoses)
