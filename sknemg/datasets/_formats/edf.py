"""EDF and EDF+ files."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np

from sknemg.datasets._formats.stored import (
    ReadError,
    Stored,
    need,
    pick,
)


def read_edf(path: Path, channel: str | int | None) -> Stored:
    """Read one channel of a continuous EDF or EDF+ file."""
    edfio = need("edfio")
    body = path.read_bytes()
    if body[192:197] == b"EDF+D":
        raise ReadError("an EDF+D file has gaps: export each continuous part as its own file")
    # Machines write Latin-1 (µV, names) where the standard wants ASCII.
    size = int(body[184:192])
    header = body[:size].decode("latin-1").replace("µ", "u").encode("ascii", "replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of lost records, which are counted here
        edf = edfio.read_edf(BytesIO(header + body[size:]))
    declared = int(body[236:244])
    if edf.num_data_records < declared:
        raise ReadError(
            f"the file ends after {edf.num_data_records} of {declared} data records: export it "
            "again"
        )
    signals = list(edf.signals)
    signal = signals[pick([signal.label for signal in signals], channel)]
    digital = np.asarray(signal.digital)
    return Stored(
        np.asarray(signal.data),
        sfreq=float(signal.sampling_frequency),
        unit=signal.physical_dimension.strip() or None,
        channel=signal.label,
        clipped=(digital == signal.digital_min) | (digital == signal.digital_max),
    )
