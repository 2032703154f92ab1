"""Power and mel spectrograms of many segments at once, as pure functions on arrays.

The figures are librosa's (``librosa.feature.melspectrogram``, ``librosa.power_to_db``); the
difference is that thousands of segments are processed in chunks that stay in the cache, that the
mel filters are built once, and that every reference level is the segment's own.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from warnings import catch_warnings, filterwarnings

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal import get_window

FloatArray = NDArray[np.float32]

#: Power below which a bin counts as silent, in mV² (librosa's ``amin``).
SILENCE = 1e-10

# Samples of overlapping frames in one chunk: some 2 MB, so that frames and spectra stay in cache.
_CHUNK_SAMPLES = 1 << 17


def n_frames(n_times: int, hop_length: int) -> int:
    """Count the centred frames of a segment: one at every multiple of the hop, ends included.

    >>> n_frames(4000, 32)
    126
    """
    return 1 + n_times // hop_length


@lru_cache(maxsize=16)
def mel_filters(
    sfreq: float, n_fft: int, n_mels: int, fmin: float, fmax: float | None
) -> FloatArray:
    """Triangular mel filters (librosa's, Slaney scale and norm), built once for each setting.

    Returns
    -------
    filters : ndarray of shape (n_mels, 1 + n_fft // 2), float32, read-only

    Raises
    ------
    ValueError
        If a band is so narrow that no bin lies in it: its row would be silent whatever the signal.
    """
    from librosa.filters import mel

    with catch_warnings():
        filterwarnings("ignore", "Empty filters detected")  # an error below
        filters = mel(sr=sfreq, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    if n_empty := int((filters.max(axis=1) == 0).sum()):
        raise ValueError(
            f"{n_empty} of {n_mels} mel bands hold no bin of the spectrum, whose bins are "
            f"{sfreq / n_fft:.3g} Hz apart: use fewer bands or a longer window."
        )
    filters.flags.writeable = False
    return filters


def spectrogram_db(
    X: FloatArray,
    sfreq: float,
    *,
    n_fft: int,
    hop_length: int,
    fmin: float = 0.0,
    fmax: float | None = None,
    reference: float | None = None,
    limits: tuple[float, float] | None = (-80.0, 0.0),
    as_uint8: bool = False,
) -> NDArray[Any]:
    """Power spectrogram in dB; as :func:`mel_spectrogram_db`, with bins in place of mel bands.

    Only the bins from `fmin` to `fmax` (hertz, both included) are kept.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(3, 4000)).astype("float32")
    >>> spectrogram_db(X, 10_000, n_fft=256, hop_length=32, fmax=2_500).shape
    (3, 65, 126)
    """
    bins = np.flatnonzero(_in_band(np.fft.rfftfreq(n_fft, 1 / sfreq), fmin, fmax))
    if not bins.size:
        raise ValueError(
            f"No bin of a {n_fft}-sample window lies between {fmin} and {fmax} Hz: widen the band "
            "or lengthen the window."
        )
    finish = _decibels(reference, limits, as_uint8)
    return _spectrogram(X, n_fft, hop_length, slice(bins[0], bins[-1] + 1), finish)


def mel_spectrogram_db(
    X: FloatArray,
    sfreq: float,
    *,
    n_fft: int,
    hop_length: int,
    n_mels: int = 64,
    fmin: float = 0.0,
    fmax: float | None = None,
    reference: float | None = None,
    limits: tuple[float, float] | None = (-80.0, 0.0),
    as_uint8: bool = False,
) -> NDArray[Any]:
    """Mel spectrogram in dB, each segment by itself.

    Parameters
    ----------
    X : ndarray of shape (n_segments, n_times)
        Segments in mV; they are processed as float32.
    sfreq : float
        Sampling rate, in hertz.
    n_fft, hop_length : int
        Samples in a frame and from one frame to the next.
    n_mels : int, default=64
        Mel bands.
    fmin, fmax : float, float or None
        Band covered, in hertz; None means up to half the sampling rate.
    reference : float or None, default=None
        Power that is 0 dB, in mV²; None takes each segment's largest.
    limits : (float, float) or None, default=(-80, 0)
        Range that is kept, in dB; what lies outside is set to its ends.
    as_uint8 : bool, default=False
        Map `limits` to 0..255 (needs limits).

    Returns
    -------
    image : ndarray of shape (n_segments, n_mels, n_frames), float32 or uint8

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(3, 4000)).astype("float32")
    >>> mel_spectrogram_db(X, 10_000, n_fft=256, hop_length=32).shape
    (3, 64, 126)
    """
    bank = mel_filters(float(sfreq), n_fft, n_mels, float(fmin), fmax)
    return _spectrogram(X, n_fft, hop_length, bank, _decibels(reference, limits, as_uint8))


def _in_band(frequencies: NDArray[Any], fmin: float, fmax: float | None) -> NDArray[np.bool_]:
    return (frequencies >= fmin) & (frequencies <= (np.inf if fmax is None else fmax))


def _spectrogram(
    X: FloatArray,
    n_fft: int,
    hop_length: int,
    bands: FloatArray | slice,
    finish: Callable[[FloatArray], NDArray[Any]],
) -> NDArray[Any]:
    """Transform, reduce to `bands` (a filter bank or a range of bins) and `finish`, in chunks.

    The squared magnitude of the short-time Fourier transform by a Hann window, in librosa's scale
    (no division by the window): row 0 is 0 Hz, column k is centred on sample ``k * hop_length``;
    the segment is continued by zeros.
    """
    n_segments, n_times = X.shape
    frames_each, half = n_frames(n_times, hop_length), n_fft // 2
    # In double precision, as librosa: float32 loses a weak band 80 dB below a slow drift.
    window = get_window("hann", n_fft)
    chunk = min(max(1, _CHUNK_SAMPLES // (frames_each * n_fft)), max(1, n_segments))
    # An odd n_fft leaves the last frame one sample short of twice the half.
    padded = np.zeros((chunk, n_times + 2 * half + n_fft % 2), dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=1)
    frames = frames[:, ::hop_length][:, :frames_each]
    windowed = np.empty(frames.shape)
    out: NDArray[Any] | None = None
    for start in range(0, max(1, n_segments), chunk):
        n = min(chunk, n_segments - start)
        padded[:n, half : half + n_times] = X[start : start + n]
        spectrum = scipy.fft.rfft(np.multiply(frames[:n], window, out=windowed[:n]), axis=-1)
        parts = spectrum.view(np.float64).astype(np.float32)
        parts *= parts
        image = finish(_reduce((parts[..., ::2] + parts[..., 1::2]).transpose(0, 2, 1), bands))
        if out is None:
            out = np.empty((n_segments, *image.shape[1:]), dtype=image.dtype)
        out[start : start + n] = image
    assert out is not None
    return out


def _reduce(power: FloatArray, bands: FloatArray | slice) -> FloatArray:
    if isinstance(bands, slice):
        return power[:, bands]
    image = np.empty((len(power), len(bands), power.shape[2]), dtype=np.float32)
    # Filters are narrow: sixteen neighbours at a time leave out most of the bank's zeros. matmul
    # works segment by segment, so that a result cannot depend on the segments beside it.
    for first in range(0, len(bands), 16):
        rows = slice(first, first + 16)
        used = np.flatnonzero(bands[rows].any(axis=0))
        bins = slice(used[0], used[-1] + 1) if used.size else slice(0, 0)
        np.matmul(bands[rows, bins], power[:, bins], out=image[:, rows])
    return image


def _decibels(
    reference: float | None, limits: tuple[float, float] | None, as_uint8: bool
) -> Callable[[FloatArray], NDArray[Any]]:
    """Make the step from power to decibels, of shape (n_segments, n_bands, n_frames)."""
    if as_uint8 and limits is None:
        raise ValueError("uint8 images need limits: give the decibels that 0 and 255 stand for.")

    def finish(power: FloatArray) -> NDArray[Any]:
        image = np.log10(np.maximum(power, np.float32(SILENCE)))
        image *= np.float32(10)
        if reference is None:
            image -= image.max(axis=(1, 2), keepdims=True, initial=10 * np.log10(SILENCE))
        else:
            image -= np.float32(10 * np.log10(max(reference, SILENCE)))
        if limits is not None:
            np.clip(image, *limits, out=image)
        if as_uint8:
            low, high = limits  # type: ignore[misc]
            image -= np.float32(low)
            image *= np.float32(255 / (high - low))
            image = np.rint(image, out=image).astype(np.uint8)
        return image

    return finish
