"""`Windows`: overlapping windows of one flat signal, cut when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["Windows"]

#: Samples that are looked at together: 4 MB of float32.
_CHUNK = 1 << 20

#: What a step may be given as its items: an array, or windows that become one when they are needed.
Items = Any


class Windows:
    """Windows of a flat signal, as an array of shape (n_windows, n_times) that is never stored.

    Overlapping windows would store each sample several times. This stores where each begins, and
    makes an array only on request: ``numpy.asarray(windows)``, or ``numpy.asarray(windows[rows])``
    for some of them. It is a view: later changes to the signal show in its windows.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
    starts : array-like of shape (n_windows,), int
        The first sample of each window.
    n_times : int
        Samples in a window.
    sizes : array-like of shape (n_windows,), int, default=None
        Samples of the signal in each window, which is filled up with zeros; by default all
        `n_times`.

    Attributes
    ----------
    shape : (int, int)
        ``(n_windows, n_times)``.
    dtype : dtype
        That of the signal.

    Raises
    ------
    ValueError
        If a window reaches beyond the signal.

    See Also
    --------
    Recordings : Holds them as its ``items``.

    Examples
    --------
    >>> import numpy as np
    >>> windows = Windows(np.arange(6.0), starts=[0, 2, 4], n_times=3, sizes=[3, 3, 2])
    >>> windows
    Windows: 3 of 3 float64
    >>> np.asarray(windows[[0, 2]])
    array([[0., 1., 2.],
           [4., 5., 0.]])
    """

    def __init__(
        self,
        signal: NDArray[Any],
        starts: ArrayLike,
        n_times: int,
        sizes: ArrayLike | None = None,
    ):
        self.signal = signal
        self.starts = np.asarray(starts, dtype=np.int64).reshape(-1)
        self.n_times = int(n_times)
        self.sizes = (
            np.full(len(self.starts), self.n_times)
            if sizes is None
            else np.asarray(sizes, dtype=np.int64).reshape(-1)
        )
        stops = self.starts + self.sizes
        if signal.ndim != 1 or len(self.sizes) != len(self.starts):
            raise ValueError(
                f"A signal of shape {signal.shape}, {len(self.starts)} starts and "
                f"{len(self.sizes)} sizes do not fit: give a flat signal, and one size a start."
            )
        fit = (self.starts >= 0) & (stops <= len(signal))
        if not (fit & (self.sizes >= 0) & (self.sizes <= self.n_times)).all():
            raise ValueError(
                f"Windows of {self.n_times} samples reach beyond the {len(signal)} of the signal: "
                "let them start and end inside it."
            )

    #: Whether these were selected from others, so that samples between them may be others'.
    _is_part = False

    # -- what an array has ---------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_windows, n_times)``."""
        return len(self.starts), self.n_times

    @property
    def ndim(self) -> int:
        """2."""
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the signal."""
        return self.signal.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the array that is never stored."""
        return len(self) * self.n_times * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """Return the array of one window (int), or some of the windows as `Windows`."""
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # how scikit-learn indexes anything that has a shape
        if isinstance(key, (int, np.integer)) and not isinstance(key, (bool, np.bool_)):
            row = range(len(self))[key]
            return np.asarray(self[row : row + 1])[0]
        if key is None or isinstance(key, tuple):
            return np.asarray(self)[key]
        if not isinstance(key, slice) and key is not Ellipsis:
            key = np.asarray(key, dtype=None if np.size(key) else np.int64)
            if key.ndim != 1:
                return np.asarray(self)[key]
        part = Windows(self.signal, self.starts[key], self.n_times, self.sizes[key])
        part._is_part = True
        return part

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("Windows are cut into a new array: ask for one without copy=False.")
        whole = self.sizes == self.n_times
        if whole.any():
            views = np.lib.stride_tricks.sliding_window_view(self.signal, self.n_times)
        if whole.all() and len(whole):
            found = views[self.starts]
        else:
            found = np.zeros(self.shape, dtype=self.dtype)
            if whole.any():
                found[whole] = views[self.starts[whole]]
            for row in np.flatnonzero(~whole):
                start, size = self.starts[row], self.sizes[row]
                found[row, :size] = self.signal[start : start + size]
        return found if dtype is None else found.astype(dtype, copy=False)

    def astype(self, dtype: DTypeLike) -> Windows:
        """Return the windows of the signal in another type.

        Parameters
        ----------
        dtype : dtype

        Returns
        -------
        Windows
            Of the same signal if it has that type.
        """
        signal = self.signal.astype(dtype, copy=False)
        same = Windows(signal, self.starts, self.n_times, self.sizes)
        same._is_part = self._is_part
        return same

    # -- what an array does not have -----------------------------------------------------------

    def reach(self, test: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Tell which windows hold a sample of some kind, without cutting them.

        Parameters
        ----------
        test : callable
            From samples, of shape (n,), to whether each is of that kind.

        Returns
        -------
        ndarray of shape (n_windows,), bool

        Examples
        --------
        >>> import numpy as np
        >>> Windows(np.array([0, 1, np.nan, 3, 4]), [0, 1, 3], 2).reach(np.isnan)
        array([False,  True, False])
        """
        found = [np.empty(0, dtype=np.int64)]
        for start, stop in self._spans(0).tolist():
            for at in range(start, stop, _CHUNK):
                found.append(at + np.flatnonzero(test(self.signal[at : min(at + _CHUNK, stop)])))
        places = np.concatenate(found)
        first = np.searchsorted(places, self.starts)
        return first < np.searchsorted(places, self.starts + self.sizes)

    def trimmed(self) -> Windows:
        """Leave out samples that are farther from every window than a window is long.

        Returns
        -------
        Windows
            The same windows, of as much of the signal as they need: itself if they need all.
        """
        spans = self._spans(self.n_times)
        if len(spans):  # what is left over at the ends is less than a window
            spans[0, 0] = 0 if spans[0, 0] < self.n_times else spans[0, 0]
            rest = len(self.signal) - spans[-1, 1]
            spans[-1, 1] += rest if rest < self.n_times else 0
        return self._of(spans)

    def _own(self) -> Windows:
        """Leave out samples that no window needs; nothing is copied if all windows are kept."""
        return self._of(self._spans(0)) if self._is_part else self.trimmed()

    def _of(self, spans: NDArray[np.int64]) -> Windows:
        """Return the same windows with only these stretches of the signal."""
        if np.ptp(spans, axis=1).sum() == len(self.signal):
            return self
        parts = [self.signal[start:stop] for start, stop in spans.tolist()]
        kept = np.concatenate([self.signal[:0], *parts])
        into = np.concatenate([[0], np.cumsum(np.ptp(spans, axis=1))])
        span = np.searchsorted(spans[:, 0], self.starts, side="right") - 1
        starts = self.starts - spans[span, 0] + into[span]
        return Windows(kept, starts, self.n_times, self.sizes)

    def _spans(self, gap: int) -> NDArray[np.int64]:
        """First sample of each stretch in use, and the one after it; smaller gaps count as used."""
        order = np.argsort(self.starts, kind="stable")
        starts = self.starts[order]
        stops = np.maximum.accumulate(starts + self.sizes[order])
        if not len(starts):
            return np.empty((0, 2), dtype=np.int64)
        new = np.flatnonzero(starts[1:] - stops[:-1] > max(gap - 1, 0)) + 1
        return np.stack([starts[np.r_[0, new]], stops[np.r_[new - 1, len(stops) - 1]]], axis=1)

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle holds the signal of its own windows and no other.
        own = self._own()
        sizes = None if (own.sizes == own.n_times).all() else own.sizes
        return Windows, (np.ascontiguousarray(own.signal), own.starts, own.n_times, sizes)

    def __sizeof__(self) -> int:
        held = (self.signal, self.starts, self.sizes)
        return object.__sizeof__(self) + sum(array.nbytes for array in held)

    def __repr__(self) -> str:
        return f"Windows: {len(self)} of {self.n_times} {self.dtype}"


def concatenate(parts: Sequence[Items]) -> Items:
    """Join items: windows with as much signal as they need, if all are windows; else an array."""
    if not all(isinstance(part, Windows) for part in parts):
        return np.concatenate([np.asarray(part) for part in parts])
    own = [part._own() for part in parts]
    before = np.cumsum([0, *(len(part.signal) for part in own[:-1])])
    return Windows(
        np.concatenate([part.signal for part in own]),
        np.concatenate([part.starts + at for part, at in zip(own, before, strict=True)]),
        own[0].n_times,
        np.concatenate([part.sizes for part in own]),
    )


def in_chunks(items: Items, n: int = 256) -> Iterator[NDArray[Any]]:
    """Yield items as arrays of `n` each; the last one may be shorter."""
    for start in range(0, len(items), n):
        yield np.asarray(items[start : start + n])


def holding(items: Items, test: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Find the items that hold a number of some kind; `test` says which numbers are."""
    if isinstance(items, Windows):
        return np.flatnonzero(items.reach(test))
    axes = tuple(range(1, items.ndim))
    n = max(1, _CHUNK // max(1, int(np.prod(items.shape[1:]))))
    found = [np.empty(0, dtype=np.int64)]
    for number, part in enumerate(in_chunks(items, n)):  # no mask of the size of the items
        found.append(number * n + np.flatnonzero(np.any(test(part), axis=axes)))
    return np.concatenate(found)


def offsets_of(lengths: ArrayLike) -> NDArray[np.int64]:
    """Return where rows of these lengths begin in a flat buffer, and where it ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def same_items(one: Items, other: Items) -> bool:
    """Compare shapes and bits; windows are compared piece by piece."""
    if one.shape != other.shape:
        return False
    if not isinstance(one, Windows) and not isinstance(other, Windows):
        return np.array_equal(one, other)
    return all(map(np.array_equal, in_chunks(one), in_chunks(other)))
