"""Change the sampling rate of a signal while it is recorded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknemg.signal.ends import mirrored_after, mirrored_before, n_mirrored
from sknemg.signal.rates import ratio_of


class StreamResampler:
    """Change the sampling rate of a signal while it is recorded, as `resample` does afterwards.

    All that is pushed, in chunks of any size, comes out with the bits that
    ``resample(signal, sfreq, new_sfreq)`` gives for the whole signal.

    Parameters
    ----------
    sfreq, new_sfreq : float
        Rates before and after in hertz.

    Attributes
    ----------
    n_in, n_out : int
        Samples that went in and came out.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.signal import StreamResampler, resample
    >>> signal = np.random.default_rng(0).normal(size=48_000).astype("float32")
    >>> stream = StreamResampler(48_000, 10_000)
    >>> parts = [stream.push(chunk) for chunk in np.array_split(signal, 70)] + [stream.finish()]
    >>> bool(np.array_equal(np.concatenate(parts), resample(signal, 48_000, 10_000)))
    True
    """

    def __init__(self, sfreq: float, new_sfreq: float):
        self._ratio = ratio_of(sfreq, new_sfreq)
        self.sfreq, self.new_sfreq = float(sfreq), float(new_sfreq)
        self._n_lead, self._n_tail, self._skip = n_mirrored(self._ratio)
        self.n_in = self.n_out = 0
        self._first = np.float32(0)
        self._kept = np.empty(0, np.float32)  # the beginning, until it can be mirrored; the end
        self._stream: Any = None

    def push(self, chunk: NDArray[Any]) -> NDArray[np.float32]:
        """Take samples, and return those of the new rate that are ready.

        Parameters
        ----------
        chunk : ndarray of shape (n_times,), float32

        Returns
        -------
        ndarray of shape (n_new,), float32
        """
        chunk = np.asarray(chunk, dtype=np.float32)
        if not len(chunk):
            return np.empty(0, np.float32)
        if not self.n_in:
            self._first = chunk[0]
        self.n_in += len(chunk)
        flat = chunk - self._first
        if self._stream is None:
            self._kept = np.concatenate([self._kept, flat])
            return self._begin() if len(self._kept) > self._n_lead else np.empty(0, np.float32)
        self._kept = np.concatenate([self._kept, flat])[-self._n_tail - 1 :]
        return self._out(self._stream.resample_chunk(flat))

    def finish(self) -> NDArray[np.float32]:
        """Return the samples that are left; nothing can be pushed afterwards.

        Returns
        -------
        ndarray of shape (n_new,), float32
        """
        if not self.n_in:
            return np.empty(0, np.float32)
        begun = self._begin() if self._stream is None else np.empty(0, np.float32)
        rest = self._stream.resample_chunk(mirrored_after(self._kept, self._n_tail), last=True)
        n_new = max(1, math.floor(self.n_in * self._ratio)) - self.n_out
        return np.concatenate([begun, self._out(rest)[:n_new]])

    def _begin(self) -> NDArray[np.float32]:
        import soxr

        self._stream = soxr.ResampleStream(
            self.sfreq, self.new_sfreq, 1, dtype="float32", quality="HQ"
        )
        whole = np.concatenate([mirrored_before(self._kept, self._n_lead), self._kept])
        self._kept = self._kept[-self._n_tail - 1 :]
        return self._out(self._stream.resample_chunk(whole))

    def _out(self, new: NDArray[np.float32]) -> NDArray[np.float32]:
        skipped = min(self._skip, len(new))
        self._skip -= skipped
        self.n_out += len(new) - skipped
        return new[skipped:] + self._first
