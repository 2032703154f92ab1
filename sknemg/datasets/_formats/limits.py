"""How much memory the samples of a file may take, which a file's header does not decide alone."""

from __future__ import annotations

from sknemg.datasets._formats.stored import ReadError

MAX_BYTES = 2**30  # samples at 8 bytes each: 3.7 hours at 10 kHz

_SAMPLE = 8  # bytes, whatever the file's own format: signals are computed with as float64


def check_size(n_samples: int, max_bytes: int, what: str = "the file") -> None:
    """Refuse more samples than the caller allows, before memory is taken for them."""
    if n_samples * _SAMPLE > max_bytes:
        raise ReadError(
            f"{n_samples} samples in {what} take {n_samples * _SAMPLE} bytes, more than "
            f"max_bytes={max_bytes}: raise `max_bytes`, or split the file"
        )
