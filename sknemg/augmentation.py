"""Augmentation of training segments and images: SignalAugmenter, SpectrogramAugmenter.

One function on tensors makes the variants, and it can be used in two ways. A classifier that owns a
network takes the augmenter as ``augment=``: it then varies every training batch afresh, after the
classifier has set its validation subjects aside, so that neither they nor a test row can be
touched, no subject's copies cross the split, and no memory is taken. This composes with
``Pipeline``, ``DiVoteClassifier`` and ``GridSearchCV`` without further steps (``augment__noise`` is
a parameter to search over), and is the preferred way. For everything else, and for an exact
number of training images, the augmenter is a sampler in imbalanced-learn's sense, whose pipeline
calls `fit_resample` in ``fit`` only. A sampler cannot take the subjects along, so it does not go
before a classifier that splits by subject.
"""

from __future__ import annotations

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import validate_data
from torch import Generator, Tensor

from sknemg.base import VersionedEstimator, fit_context
from sknemg.recordings._problems import refuse_masked

_FRACTION = Interval(Real, 0, 1, closed="both")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SEAM = 0.001  # seconds in which the two ends of a segment are bent towards each other
_DTYPES = [np.float32, np.float64, np.uint8]
_DRAWN = torch.float32  # whatever the default of torch is
_CHUNK = 512  # rows varied at a time by `fit_resample`


class _Augmenter(VersionedEstimator):
    """Both uses of a function on tensors; a subclass defines `_vary`."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_augmented": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }
    n_augmented: int | None
    random_state: Any

    @abstractmethod
    def _vary(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return a new tensor with a variant of each row."""

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Vary every row of a training batch; what ``augment=`` of a classifier calls.

        Parameters
        ----------
        batch : Tensor of shape (n_rows, ...)
            Left unchanged.
        generator : torch.Generator
            On the device of `batch`; the only source of chance.

        Returns
        -------
        Tensor of the shape and dtype of `batch`
        """
        self._validate_params()
        return self._vary(batch, generator)

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
        y : ignored

        Returns
        -------
        self
        """
        refuse_masked(X)
        validate_data(self, X, dtype=_DTYPES, allow_nd=True)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Append variants of the rows, as many of each as of any other, give or take one.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Training rows only.
        y : array-like of shape (n_rows,)

        Returns
        -------
        X_augmented : ndarray of shape (n_augmented, ...)
            The rows of `X` in their order, then the variants.
        y_augmented : ndarray of shape (n_augmented,)

        Raises
        ------
        ValueError
            If `n_augmented` is below the number of rows.
        """
        refuse_masked(X)
        X, y = validate_data(self, X, y, dtype=_DTYPES, allow_nd=True)
        n_rows = len(X)
        n_new = n_rows if self.n_augmented is None else self.n_augmented - n_rows
        if n_new < 0:
            raise ValueError(
                f"n_augmented={self.n_augmented} must be an integer >= {n_rows}: it counts the "
                "given rows and their variants."
            )
        rng = check_random_state(self.random_state)
        generator = Generator().manual_seed(int(rng.randint(np.iinfo(np.int32).max)))
        rounds = [rng.permutation(n_rows) for _ in range(-(-n_new // n_rows))]
        sources = np.concatenate([np.arange(n_rows), *rounds])[: n_rows + n_new]
        augmented = np.empty((len(sources), *X.shape[1:]), dtype=X.dtype)
        augmented[:n_rows] = X
        for start in range(n_rows, len(sources), _CHUNK):
            rows = torch.from_numpy(X[sources[start : start + _CHUNK]])
            augmented[start : start + _CHUNK] = self._vary(rows, generator).numpy()
        self.sample_indices_ = sources
        return augmented, y[sources]


class SignalAugmenter(_Augmenter):
    """Vary segments within the bounds of physiology and of the recording machine.

    Every row is read at another place and pace, scaled, and given noise and mains of its own,
    each drawn anew. Set a range to 0 (a gain to 1) to leave a step out.

    Parameters
    ----------
    n_augmented : int, default=None
        Rows that `fit_resample` returns, the given ones included; Nodera et al. [1]_ went up to
        200,000. By default one variant of each row. In a classifier's ``augment=`` every row of
        every epoch is a variant of its own, ``max_epochs * n_rows`` in all, and this has no effect.
    input_sfreq : float, default=None
        Sampling rate of the segments in hertz; it must be given unless `mains`, `shift` and
        `warp` are 0.
    gain : float, default=1.25
        Amplitudes are multiplied by a factor between ``1 / gain`` and `gain`, uniform on a
        logarithmic scale. Amplitude tells diseases apart: keep it close to 1.
    noise : float, default=0.005
        White noise of up to this standard deviation, in mV.
    mains : float, default=0.005
        A hum of up to this amplitude, in mV, at any phase.
    mains_frequencies : tuple of float, default=(50, 60)
        Frequencies in hertz; the hum has one of these.
    shift : float, default=0.05
        Seconds by which the start is moved to either side. What leaves at one end comes back at
        the other; the ends are bent towards each other within 1 ms, so that the seam is no spike.
    warp : float, default=0.1
        Time runs faster or slower by up to this fraction, at most 0.2: muscle fibres conduct at
        3.2 to 5.0 m/s about a mean of 4.2 [2]_, and the durations of normal motor unit potentials
        have a standard deviation of a tenth.
    polarity : float, default=0
        Probability of a sign change. Off: the polarity of the first phase is a diagnostic sign
        (fibrillation potentials begin positive, end-plate spikes negative).
    random_state : int, RandomState instance or None, default=None
        Seed of `fit_resample`. A classifier hands its own generator over.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (n_augmented,)
        The row of ``X`` that each returned row comes from, after `fit_resample`.

    References
    ----------
    .. [1] H. Nodera et al. (2019). Deep learning for waveform identification of resting needle
       electromyography signals. Clinical Neurophysiology 130, 617-623.
    .. [2] Nishizono et al. (1990), as quoted in the documentation of the simulator MyoGen.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import SignalAugmenter
    >>> segments = np.random.default_rng(0).normal(size=(6, 4000)).astype("float32")
    >>> y = ["myopathy", "neuropathy", "normal"] * 2
    >>> augmenter = SignalAugmenter(n_augmented=20, input_sfreq=10_000, random_state=0)
    >>> X_augmented, y_augmented = augmenter.fit_resample(segments, y)
    >>> X_augmented.shape, len(y_augmented), bool((X_augmented[:6] == segments).all())
    ((20, 4000), 20, True)

    In a classifier, where validation and test rows stay as they are:

    >>> from sknemg import NEMGNetClassifier
    >>> classifier = NEMGNetClassifier(augment=SignalAugmenter(input_sfreq=10_000, warp=0.05))
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_Augmenter._parameter_constraints,
        "input_sfreq": [None, Interval(Real, 0, None, closed="neither")],
        "gain": [Interval(Real, 1, None, closed="left")],
        "noise": [_NOT_NEGATIVE],
        "mains": [_NOT_NEGATIVE],
        "mains_frequencies": [tuple, list],
        "shift": [_NOT_NEGATIVE],
        "warp": [Interval(Real, 0, 0.2, closed="both")],
        "polarity": [_FRACTION],
    }

    def __init__(
        self,
        n_augmented: int | None = None,
        *,
        input_sfreq: float | None = None,
        gain: float = 1.25,
        noise: float = 0.005,
        mains: float = 0.005,
        mains_frequencies: tuple[float, ...] = (50.0, 60.0),
        shift: float = 0.05,
        warp: float = 0.1,
        polarity: float = 0.0,
        random_state: Any = None,
    ):
        self.n_augmented = n_augmented
        self.input_sfreq = input_sfreq
        self.gain = gain
        self.noise = noise
        self.mains = mains
        self.mains_frequencies = mains_frequencies
        self.shift = shift
        self.warp = warp
        self.polarity = polarity
        self.random_state = random_state

    def _validate_params(self) -> None:
        super()._validate_params()
        found = self.mains_frequencies
        right = len(found) and all(isinstance(one, Real) and 0 < one < np.inf for one in found)
        if self.mains and not right:
            raise ValueError(
                f"mains_frequencies={found!r} must be one or more numbers > 0, in hertz; mains=0 "
                "leaves the hum out."
            )

    def _vary(self, batch: Tensor, generator: Generator) -> Tensor:
        sfreq = self.input_sfreq
        if sfreq is None:
            if self.warp or self.shift or self.mains:
                raise ValueError(
                    "The sampling rate of these segments is unknown: give `input_sfreq`, or set "
                    "warp=0, shift=0 and mains=0."
                )
            sfreq = 1.0  # of no consequence to what is left
        if not batch.is_floating_point():
            raise ValueError(
                f"Segments must be floats in millivolts, not {batch.dtype}: convert them."
            )
        draw = _Draw(batch, generator)
        new = batch
        if self.warp or self.shift:
            start = torch.round(draw.uniform(-self.shift, self.shift) * sfreq)
            new = retime(batch, start, draw.uniform(1 - self.warp, 1 + self.warp), _SEAM * sfreq)
        new = new * torch.exp(draw.uniform(-1, 1) * np.log(self.gain))
        if self.polarity:
            new = new * (1 - 2 * (draw.uniform(0, 1) < self.polarity).to(new.dtype))
        if self.noise:
            new = new + draw.uniform(0, self.noise) * draw.normal()
        if self.mains:
            rates = torch.tensor(self.mains_frequencies, dtype=_DRAWN, device=batch.device)
            rate = rates[draw.integer(len(rates))]
            cycles = rate * torch.arange(batch.shape[-1], device=batch.device) / sfreq
            hum = torch.sin(2 * torch.pi * (cycles + draw.uniform(0, 1)))
            new = new + draw.uniform(0, self.mains) * hum
        return new.to(batch.dtype)


class SpectrogramAugmenter(_Augmenter):
    """Shift spectrograms in time and mask a stretch of time and a band of frequencies.

    The masks are those of SpecAugment [1]_, filled with the image's lowest value: silence.

    Parameters
    ----------
    n_augmented : int, default=None
        Rows that `fit_resample` returns, as in `SignalAugmenter`.
    time_mask : float, default=0.1
        Longest masked stretch, as a fraction of the width.
    frequency_mask : float, default=0.1
        Widest masked band, as a fraction of the height.
    shift : float, default=0.1
        Largest shift in time to either side, as a fraction of the width; what leaves at one end
        comes back at the other.
    random_state : int, RandomState instance or None, default=None
        Seed of `fit_resample`.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (n_augmented,)
        The row of ``X`` that each returned row comes from, after `fit_resample`.

    References
    ----------
    .. [1] D. S. Park et al. (2019). SpecAugment: a simple data augmentation method for automatic
       speech recognition. Interspeech 2019, 2613-2617.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import SpectrogramAugmenter
    >>> images = np.random.default_rng(0).normal(size=(6, 1, 64, 126)).astype("float32")
    >>> augmenter = SpectrogramAugmenter(n_augmented=10, random_state=0)
    >>> augmenter.fit_resample(images, [0, 1] * 3)[0].shape
    (10, 1, 64, 126)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_Augmenter._parameter_constraints,
        "time_mask": [_FRACTION],
        "frequency_mask": [_FRACTION],
        "shift": [_FRACTION],
    }

    def __init__(
        self,
        n_augmented: int | None = None,
        *,
        time_mask: float = 0.1,
        frequency_mask: float = 0.1,
        shift: float = 0.1,
        random_state: Any = None,
    ):
        self.n_augmented = n_augmented
        self.time_mask = time_mask
        self.frequency_mask = frequency_mask
        self.shift = shift
        self.random_state = random_state

    def _vary(self, batch: Tensor, generator: Generator) -> Tensor:
        if batch.ndim != 4:
            raise ValueError(
                "Images must have the shape (n_segments, n_chans, height, width), not "
                f"{tuple(batch.shape)}: give them an axis of channels."
            )
        draw = _Draw(batch, generator)
        height, width = batch.shape[-2:]
        across = torch.arange(width, device=batch.device)
        down = torch.arange(height, device=batch.device)[:, None]
        start = torch.round(draw.uniform(-self.shift, self.shift) * width).long()
        new = batch.gather(-1, ((across + start) % width).expand(batch.shape))
        masked = draw.span(across, width, self.time_mask) | draw.span(
            down, height, self.frequency_mask
        )
        return torch.where(masked, batch.amin(dim=(1, 2, 3), keepdim=True), new)


def retime(batch: Tensor, start: Tensor, pace: Tensor, seam: float) -> Tensor:
    """Read each row cyclically, from another start and at another pace.

    Parameters
    ----------
    batch : Tensor of shape (n_rows, ..., n_times)
    start : Tensor of shape (n_rows, ..., 1)
        Where the reading starts, in samples.
    pace : Tensor of shape (n_rows, ..., 1)
        Samples read for each sample written; above 1 time runs faster.
    seam : float
        Samples over which the difference between the two ends fades out.

    Returns
    -------
    Tensor of the shape of `batch`
        Interpolated by cubic splines through the four nearest samples (Catmull-Rom).

    Examples
    --------
    >>> one = torch.ones(1, 1)
    >>> retime(torch.tensor([[0.0, 1, 2, 1, 0, 0]]), 2 * one, one, seam=0.1)
    tensor([[2., 1., 0., 0., 0., 1.]])
    """
    n_times = batch.shape[-1]
    times = torch.arange(n_times, device=batch.device, dtype=batch.dtype)
    fade = torch.exp(-times / seam)
    jump = (batch[..., :1] - batch[..., -1:]) / 2
    ring = batch + jump * (fade.flip(-1) - fade)
    position = start + pace * times
    below = position.floor()
    f = position - below
    weights = (
        ((2 - f) * f - 1) * f / 2,
        (3 * f - 5) * f * f / 2 + 1,
        ((4 - 3 * f) * f + 1) * f / 2,
        (f - 1) * f * f / 2,
    )
    index = (below.long() % n_times).expand(ring.shape)
    # Sample -1 is the last, samples n_times and n_times + 1 are the first two.
    ring = torch.cat(
        [ring[..., -1:], ring, ring[..., :1], ring[..., 1 % n_times :][..., :1]], dim=-1
    )
    new = weights[0] * ring.gather(-1, index)
    for tap, weight in enumerate(weights[1:], start=1):
        new += weight * ring.gather(-1, index + tap)
    return new


class _Draw:
    """Draw one number for each row of a batch, of a shape that broadcasts over the row."""

    def __init__(self, batch: Tensor, generator: Generator):
        self.shape = (len(batch), *[1] * (batch.ndim - 1))
        self.full_shape = batch.shape
        self.options: dict[str, Any] = {"generator": generator, "device": batch.device}

    def uniform(self, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(self.shape, dtype=_DRAWN, **self.options)

    def integer(self, n: int) -> Tensor:
        return torch.randint(n, self.shape, **self.options)

    def normal(self) -> Tensor:
        return torch.randn(self.full_shape, dtype=_DRAWN, **self.options)

    def span(self, axis: Tensor, length: int, largest: float) -> Tensor:
        """Mark a stretch of `axis` of up to the fraction `largest`, anywhere in it."""
        size = torch.floor(self.uniform(0, 1) * (largest * length + 1)).clamp(max=length)
        first = torch.floor(self.uniform(0, 1) * (length - size + 1))
        return (axis >= first) & (axis < first + size)
