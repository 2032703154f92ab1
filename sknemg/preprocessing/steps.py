"""Transformers from recordings to segments: Downsampler, Segmenter."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from sknemg.base import RowTransformer
from sknemg.preprocessing.activity import ACTIVITIES
from sknemg.preprocessing.cutting import bring_to_rate, cut_windows
from sknemg.recordings import ImplausibleWarning, Recordings
from sknemg.recordings._plausible import LOWEST_RATE, frames_to_user

_POSITIVE = Interval(Real, 0, None, closed="neither")


class Downsampler(RowTransformer):
    """Bring every recording to one sampling rate.

    Parameters
    ----------
    sfreq : float, default=10_000
        The new rate in hertz; the default is that of the paper [1]_.
    method : {"soxr", "polyphase", "fft"}, default="soxr"
        See :func:`sknemg.signal.resample`.
    input_sfreq : float, default=None
        Sampling rate of plain arrays and lists, which carry none.
    upsample : bool, default=False
        Whether a recording below the new rate is brought up to it rather than refused. It
        gains no content above half its own rate: a hint by which a network can tell recording
        machines apart.

    Raises
    ------
    InvalidRecordingsError
        By `transform`, naming the recordings below the new rate, and those whose rate is more
        than a factor of 1000 away from it.

    Warns
    -----
    ImplausibleWarning
        If the new rate is below 500 Hz, which leaves next to nothing of needle EMG, as of kilohertz
        that were given for hertz.

    See Also
    --------
    Segmenter : The next step.

    References
    ----------
    .. [1] J. Yoo et al. (2022). Residual one-dimensional convolutional neural network for
       neuromuscular disorder classification from needle electromyography signals with
       explainability. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Downsampler, Recordings
    >>> X = Recordings([np.zeros(48_000), np.zeros(23_438)], sfreq=[48_000, 23_437.5])
    >>> Downsampler(sfreq=10_000).fit_transform(X)
    Recordings: 2 recordings, 1.00 s at 10000 Hz
    >>> Downsampler(input_sfreq=48_000).fit_transform(np.zeros((3, 4800))).shape
    (3, 1000)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "sfreq": [_POSITIVE],
        "method": [StrOptions({"soxr", "polyphase", "fft"})],
        "input_sfreq": [None, _POSITIVE],
        "upsample": ["boolean"],
    }

    def __init__(
        self,
        sfreq: float = 10_000,
        *,
        method: str = "soxr",
        input_sfreq: float | None = None,
        upsample: bool = False,
    ):
        self.sfreq = sfreq
        self.method = method
        self.input_sfreq = input_sfreq
        self.upsample = upsample

    def _transform(self, X: Recordings) -> Recordings:
        if self.sfreq < LOWEST_RATE:
            warnings.warn(
                f"sfreq={self.sfreq:g} keeps nothing above {self.sfreq / 2:g} Hz: give hertz, "
                "10000 for 10 kHz.",
                ImplausibleWarning,
                stacklevel=frames_to_user(),
            )
        return bring_to_rate(X, self.sfreq, method=self.method, upsample=self.upsample)


class Segmenter(RowTransformer):
    """Cut every recording into overlapping windows; a row stays one recording.

    Row ``i`` then holds ``floor((length - window) / hop) + 1`` segments [1]_, counted in exact
    arithmetic (see :func:`sknemg.signal.window_starts`). The table gains the columns ``window``
    and ``hop`` in seconds, from which the time of a segment follows.

    Segments of recordings are overlapping views of their signal: they are cut batch by batch, when
    a network or a step asks for them (see :class:`~sknemg.recordings.Windows`). A signal
    that is changed afterwards changes them.

    Parameters
    ----------
    window : float, default=0.4
        Length of a segment in seconds.
    hop : float, default=0.1
        Seconds from the start of a segment to that of the next.
    short : {"raise", "drop", "pad"}, default="raise"
        How to treat a recording that is shorter than one window: an error that names it; a
        row without segments, which every later step carries along; or one segment, filled up
        with zeros at its end.
    activity : {"contraction", "rest", "artefact"} or None, default=None
        Cut windows only where the recording holds this, as an :class:`ActivityGate` finds it; no
        window reaches beyond such a stretch. What `short` says then goes for a recording without a
        stretch of one window; with "pad" its longest stretch is filled up, and one without any
        becomes a row without segments. A warning names the recordings in which mains hum is larger
        than the EMG of such a contraction: their windows hold it. The table gains
        ``activity_seconds``, how much of it there is in each recording, in place of ``hop``:
        windows are no longer evenly spaced.
    input_sfreq : float, default=None
        Sampling rate of plain arrays and lists, which carry none.

    Raises
    ------
    InvalidRecordingsError
        By `transform` with ``short="raise"``, naming the short recordings.
    ValueError
        By `transform`, if the recordings have several sampling rates, or if `window` or `hop` is
        shorter than one sample.

    See Also
    --------
    Downsampler : The step before.
    BandPass : Takes mains hum out, before this step.
    sknemg.DiVoteClassifier : Votes segments into recordings and recordings into a diagnosis.

    References
    ----------
    .. [1] J. Yoo et al. (2022), section 2.2. Computer Methods and Programs in Biomedicine 226,
       107079.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings, Segmenter
    >>> X = Recordings([np.zeros(4000), np.zeros(7000)], sfreq=10_000, subject=["S1", "S2"])
    >>> segments = Segmenter(window=0.4, hop=0.1).fit_transform(X)
    >>> segments
    Recordings: 2 recordings of 2 subjects, 5 segments of 4000 at 10000 Hz
    >>> segments.lengths
    array([1, 4])
    """

    _leaves_signals = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "window": [_POSITIVE],
        "hop": [_POSITIVE],
        "short": [StrOptions({"raise", "drop", "pad"})],
        "activity": [StrOptions(set(ACTIVITIES)), None],
        "input_sfreq": [None, _POSITIVE],
    }

    def __init__(
        self,
        window: float = 0.4,
        hop: float = 0.1,
        *,
        short: str = "raise",
        activity: str | None = None,
        input_sfreq: float | None = None,
    ):
        self.window = window
        self.hop = hop
        self.short = short
        self.activity = activity
        self.input_sfreq = input_sfreq

    def _transform(self, X: Recordings) -> Recordings:
        return cut_windows(
            X, window=self.window, hop=self.hop, short=self.short, activity=self.activity
        )
