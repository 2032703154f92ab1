"""`Recordings`: signals of any length with a table of what is known about each, as one ``X``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._given import (
    MILLIVOLTS,
    as_column,
    as_items,
    as_meta,
    as_rows,
    as_signals,
    flatten,
    split_frame,
)
from sknemg.recordings._plausible import warn_if_unlike_emg
from sknemg.recordings._problems import (
    PROBLEM_COLUMNS,
    InvalidRecordingsError,
    check_choice,
    shown,
)
from sknemg.recordings._subjects import warn_if_alike
from sknemg.recordings._validation import find_problems
from sknemg.recordings.windows import Items, Windows, concatenate, offsets_of, same_items

__all__ = ["InvalidRecordingsError", "Recordings"]


class Recordings:
    """Recordings of unequal length, one per row, with a table of what is known about each.

    A recording is one signal from one muscle of one subject. All items (samples, segments or
    images) lie in one flat buffer, as in an Arrow list array, so that a step on segments works
    on ``values`` in one call and parallel workers share one memory map. Rows can be selected as
    scikit-learn does it, so that ``Pipeline``, ``GridSearchCV`` and every splitter work.

    Parameters
    ----------
    signals : list of array-like of shape (n_times_i,), array of shape (n_recordings, n_times) \
or DataFrame
        The signals. A DataFrame holds them in its column ``signal``; its other columns become
        ``meta``, and the arguments below overwrite them. A column ``unit`` must agree with `unit`.
    sfreq : float or array-like of shape (n_recordings,), default=None
        Sampling rate in hertz, one for all or one each. Never guessed: without it every row is
        refused.
    subject, muscle, location : array-like of shape (n_recordings,) or scalar, default=None
        Who, which muscle, and ``"proximal"``, ``"distal"`` or missing.
    unit : {"mV", "uV", "V", "nV"}, default="mV"
        Unit of `signals`; they are stored in millivolts.
    **columns : array-like of shape (n_recordings,) or scalar
        Any further column of ``meta``.

    Attributes
    ----------
    values : ndarray of shape (n_items, ...), float32 (images may be uint8)
        All items of all rows, one after the other. The item shape is ``()`` for signals,
        ``(n_times,)`` for segments, ``(n_chans, height, width)`` for images. `Windows`
        become an array as soon as this is asked for, and stay one.
    items : ndarray or Windows of shape (n_items, ...)
        The same, without making an array: the windows of the :class:`~sknemg.Segmenter`
        overlap, and as an array take several times the memory of their signal.
    offsets : ndarray of shape (n_recordings + 1,), int64
        Row ``i`` holds ``values[offsets[i]:offsets[i + 1]]``.
    meta : DataFrame of n_recordings rows
        Always with ``sfreq``; usually with ``subject``, ``muscle`` and ``location``.

    Raises
    ------
    InvalidRecordingsError
        Naming every row with NaN or infinite samples, no samples, an unknown rate, a rate that
        is not positive, or a location that is neither proximal nor distal.

    Warns
    -----
    UserWarning
        Naming subjects that differ only in case, blanks, leading zeros or Unicode form, such as
        ``"S1"`` and ``"s1"``: they count as different people.
    ImplausibleWarning
        Naming rows that cannot plausibly be needle EMG in millivolts: a peak above 50 mV, an rms
        below 0.3 µV (at 20 kHz; less at lower rates, with the square root of the rate), whole
        numbers only, one value throughout, a rate below 500 Hz, or less than 10 ms. Microvolts,
        volts and the counts of a converter usually show such a sign; microvolts of a muscle at rest
        may not.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> noise = np.random.default_rng(0).normal(scale=0.1, size=9600)
    >>> X = Recordings(
    ...     [noise[:4800], noise],
    ...     sfreq=48_000,
    ...     subject=["S1", "S2"],
    ...     muscle=["biceps brachii", "tibialis anterior"],
    ...     location=["proximal", "distal"],
    ... )
    >>> X
    Recordings: 2 recordings of 2 subjects, 0.10-0.20 s at 48000 Hz
    >>> X["subject"].tolist()
    ['S1', 'S2']
    >>> X[1].shape, len(X[[1]]), X[X["location"] == "distal"].durations
    ((9600,), 1, array([0.2]))
    """

    def __init__(
        self,
        signals: Iterable[ArrayLike] | pd.DataFrame,
        *,
        sfreq: ArrayLike | None = None,
        subject: ArrayLike | None = None,
        muscle: ArrayLike | None = None,
        location: ArrayLike | None = None,
        unit: str = "mV",
        **columns: ArrayLike,
    ):
        check_choice(MILLIVOLTS, unit=unit)
        if isinstance(signals, np.ndarray) and signals.ndim == 1 and signals.dtype != object:
            raise ValueError(f"An array of shape {signals.shape} is one signal: give it in a list.")
        table: dict[str, Any] = {}
        if isinstance(signals, pd.DataFrame):
            table, signals = split_frame(signals, unit)
        given = {"sfreq": sfreq, "subject": subject, "muscle": muscle, "location": location}
        table |= {name: value for name, value in given.items() if value is not None} | columns
        rows = as_signals(signals)
        self._set(*flatten(rows), as_meta(table, len(rows)))
        if unit != "mV":
            self.values *= np.float32(MILLIVOLTS[unit])
        self.validate()
        self._warn(stacklevel=3)

    def _warn(self, stacklevel: int) -> None:
        """Warn of what is usable but probably not intended."""
        if "subject" in self:
            warn_if_alike(self["subject"], stacklevel=stacklevel)
        if self.item_shape == ():
            warn_if_unlike_emg(self.meta, self.values, self.offsets, stacklevel=stacklevel)

    def _set(self, items: Items, offsets: NDArray[Any], meta: pd.DataFrame) -> None:
        self.items = items
        self.offsets = offsets
        self.meta = meta

    # -- other ways to make one ----------------------------------------------------------------

    @classmethod
    def from_ragged(
        cls, values: NDArray[Any] | Windows, offsets: ArrayLike, meta: pd.DataFrame
    ) -> Recordings:
        """Wrap a flat buffer without copying it or looking at its samples.

        Parameters
        ----------
        values : ndarray or Windows of shape (n_items, ...)
            All items, row after row.
        offsets : array-like of shape (n_recordings + 1,)
            Where each row begins, and the end.
        meta : DataFrame of n_recordings rows with a column ``sfreq``

        Returns
        -------
        Recordings

        Raises
        ------
        ValueError
            If the three do not match.
        """
        given, offsets = offsets, np.asarray(offsets, dtype=np.int64)
        bounds = offsets.ndim == 1 and len(offsets) > 0 and offsets[0] == 0
        bounds = bounds and np.array_equal(offsets, np.asarray(given))  # no fractions
        if not bounds or offsets[-1] != len(values) or np.any(np.diff(offsets) < 0):
            raise ValueError(
                f"offsets={shown(given)} must be integers that rise from 0 to the number of items, "
                f"{len(values)}."
            )
        if len(meta) != len(offsets) - 1:
            raise ValueError(
                f"meta has {len(meta)} rows for {len(offsets) - 1} recordings: give one for each."
            )
        if "sfreq" not in meta:
            raise ValueError("meta lacks the column 'sfreq': add the sampling rate in hertz.")
        new = cls.__new__(cls)
        new._set(values, offsets, meta.reset_index(drop=True))
        return new

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Recordings:
        """Build from a DataFrame whose column ``signal`` holds an array for each row.

        The arrays may be signals, segments or images, as `to_frame` writes them. Signals are
        validated; other items are not looked at. Columns keep their types. Parquet takes a frame
        of signals only, and no column of entries of several types.

        Parameters
        ----------
        frame : DataFrame with the columns ``signal`` and ``sfreq``

        Returns
        -------
        Recordings

        Raises
        ------
        InvalidRecordingsError
            As the constructor, and naming the rows without a signal.

        Warns
        -----
        UserWarning, ImplausibleWarning
            As the constructor.
        """
        new = cls._read_frame(frame)
        if new.item_shape == ():
            new.validate()
        new._warn(stacklevel=3)
        return new

    @classmethod
    def _read_frame(cls, frame: pd.DataFrame) -> Recordings:
        """Build from a DataFrame without looking at samples or names."""
        table, column = split_frame(frame, "mV")
        found = [as_items(items) for items in column]
        if wrong := [(row, *items) for row, items in enumerate(found) if isinstance(items, tuple)]:
            raise InvalidRecordingsError(pd.DataFrame(wrong, columns=PROBLEM_COLUMNS))
        rows = [items for items in found if not isinstance(items, tuple)]
        item = next((items[:0] for items in rows if len(items)), None)
        if item is not None:  # an empty nested list has lost the shape of its items
            rows = [items if len(items) else item for items in rows]
        values, offsets = flatten(rows)
        return cls.from_ragged(values, offsets, as_meta(table, len(rows)))

    @classmethod
    def concat(cls, parts: Sequence[Recordings]) -> Recordings:
        """Stack the rows of several `Recordings`; columns that a part lacks become missing.

        Parameters
        ----------
        parts : sequence of Recordings, all with the same item shape

        Returns
        -------
        Recordings

        Raises
        ------
        ValueError
            If the parts hold items of different shapes, such as signals and segments.
        """
        shapes = {part.item_shape for part in parts}
        if len(shapes) != 1:
            raise ValueError(
                f"Only parts with one item shape can be joined, got {shown(sorted(shapes))}: bring "
                "them to one."
            )
        lengths = np.concatenate([part.lengths for part in parts])
        meta = pd.concat([part.meta for part in parts], ignore_index=True)
        if "subject" in meta:
            warn_if_alike(meta["subject"])
        values = concatenate([part.items for part in parts])
        return cls.from_ragged(values, offsets_of(lengths), meta)

    def with_values(
        self,
        values: NDArray[Any] | Windows,
        offsets: ArrayLike | None = None,
        **columns: ArrayLike,
    ) -> Recordings:
        """Return the same rows with other items.

        Parameters
        ----------
        values : ndarray or Windows of shape (n_items, ...)
        offsets : array-like of shape (n_recordings + 1,), default=None
            By default those of this object: one new item for each old one.
        **columns : array-like of shape (n_recordings,) or scalar
            Columns of ``meta`` to set.

        Returns
        -------
        Recordings
        """
        offsets = self.offsets if offsets is None else offsets
        table = {name: as_column(column) for name, column in columns.items()}
        return self.from_ragged(values, offsets, self.meta.assign(**table))

    def with_columns(self, **columns: ArrayLike) -> Recordings:
        """Return the same recordings with columns of ``meta`` set.

        Parameters
        ----------
        **columns : array-like of shape (n_recordings,) or scalar

        Returns
        -------
        Recordings
        """
        new = self.with_values(self.items, **columns)
        if "subject" in columns:
            warn_if_alike(new["subject"])
        return new

    # -- items ---------------------------------------------------------------------------------

    @property
    def values(self) -> NDArray[Any]:
        """All items of all rows as one array, shape (n_items, ...)."""
        if isinstance(self.items, Windows):
            self.items = np.asarray(self.items)
        values: NDArray[Any] = self.items
        return values

    @values.setter
    def values(self, values: NDArray[Any] | Windows) -> None:
        self.items = values

    # -- sizes ---------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int]:
        """``(n_recordings,)``: what scikit-learn counts."""
        return (len(self),)

    @property
    def item_shape(self) -> tuple[int, ...]:
        """``()`` for signals, ``(n_times,)`` for segments, more for images."""
        shape: tuple[int, ...] = self.items.shape[1:]
        return shape

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of items in each row, shape (n_recordings,)."""
        return np.diff(self.offsets)

    @property
    def row_index(self) -> NDArray[np.int64]:
        """The row that each item belongs to, shape (n_items,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def durations(self) -> NDArray[np.float64]:
        """Length of each signal in seconds, shape (n_recordings,)."""
        if self.item_shape != ():
            raise AttributeError(
                "Only signals have durations, and these are segments or images: take them before "
                "the Segmenter."
            )
        return self.lengths / self.meta["sfreq"].to_numpy(dtype=float)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    # -- rows and columns ----------------------------------------------------------------------

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[row] for row in range(len(self)))

    def __contains__(self, column: str) -> bool:
        return column in self.meta

    def __getitem__(self, key: Any) -> Any:
        """Select a column (str), one row's array (int) or rows as new `Recordings`."""
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # how scikit-learn indexes anything that has a shape
        if isinstance(key, str) or (isinstance(key, list) and key and isinstance(key[0], str)):
            return self._columns(key)
        if isinstance(key, (int, np.integer)) and not isinstance(key, (bool, np.bool_)):
            row = range(len(self))[key]
            return np.asarray(self.items[self.offsets[row] : self.offsets[row + 1]])
        return self._take(as_rows(key, len(self)))

    def _columns(self, names: Any) -> Any:
        missing = (
            {names} - set(self.meta) if isinstance(names, str) else set(names) - set(self.meta)
        )
        if missing:
            raise KeyError(
                f"no column {shown(sorted(missing))}: name one of {shown(self.meta.columns)}"
            )
        return self.meta[names]

    def _take(self, rows: NDArray[np.int64]) -> Recordings:
        starts, lengths = self.offsets[rows], self.lengths[rows]
        offsets = offsets_of(lengths)
        if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
            values = self.items[starts[0] : starts[0] + offsets[-1]]  # neighbours: no copy
        elif isinstance(self.items, Windows):
            values = self.items[np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)]
        else:
            values = np.empty((offsets[-1], *self.item_shape), dtype=self.items.dtype)
            for start, length, at in zip(starts, lengths, offsets, strict=False):
                values[at : at + length] = self.items[start : start + length]
        return self.from_ragged(values, offsets, self.meta.iloc[rows])

    # -- validation ----------------------------------------------------------------------------

    def problems(self, y: ArrayLike | None = None) -> pd.DataFrame:
        """List everything that makes a row unusable.

        Parameters
        ----------
        y : array-like of shape (n_recordings,), default=None
            Diagnoses; with them (or a column ``diagnosis``) and a column ``subject``, subjects
            with two diagnoses are listed too.

        Returns
        -------
        DataFrame, columns ``row``, ``problem``, ``remedy``
            Empty if all is well; sorted by row.
        """
        return find_problems(self.meta, self.items, self.lengths, y)

    def validate(self, y: ArrayLike | None = None) -> Recordings:
        """Raise if `problems` finds any, and return self otherwise.

        Parameters
        ----------
        y : array-like of shape (n_recordings,), default=None
            Diagnoses, as in `problems`.

        Returns
        -------
        Recordings

        Raises
        ------
        InvalidRecordingsError
            With all problems of all rows.
        """
        problems = self.problems(y)
        if len(problems):
            raise InvalidRecordingsError(problems)
        return self

    # -- conversions ---------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame: the columns of ``meta`` and ``signal``, an array for each row.

        Returns
        -------
        DataFrame of n_recordings rows
        """
        signal = pd.Series(list(self), index=self.meta.index, dtype=object)
        return self.meta.assign(signal=signal)

    def equals(self, other: Recordings) -> bool:
        """Whether another object holds the same rows, bit for bit."""
        return (
            isinstance(other, Recordings)
            and np.array_equal(self.offsets, other.offsets)
            and same_items(self.items, other.items)
            and self.meta.equals(other.meta)
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        lengths = np.unique(self.lengths)
        if len(lengths) > 1:
            raise ValueError(
                f"Recordings of unequal length ({lengths[0]} to {lengths[-1]} items) do not make "
                "an array: put a Segmenter and a DiVoteClassifier around this step."
            )
        n_items = int(lengths[0]) if len(lengths) else 0
        array = np.asarray(self.items).reshape(len(self), n_items, *self.item_shape)
        return np.array(array, dtype=dtype, copy=copy)

    def __reduce__(self) -> tuple[Any, ...]:
        # Content only: two equal objects pickle and hash alike, however their frames came about
        # (windows by the signal that they are cut from).
        columns = {
            name: column.to_numpy()
            if isinstance(column.dtype, np.dtype) and column.dtype.kind != "O"
            else (column.to_numpy(dtype=object), column.dtype)
            for name, column in self.meta.items()
        }
        items = self.items
        items = items if isinstance(items, Windows) else np.ascontiguousarray(items)
        return _rebuild, (items, self.offsets, columns)

    def __sizeof__(self) -> int:
        # By which Dask, and joblib with it, tells what is large.
        items = self.items.__sizeof__() if isinstance(self.items, Windows) else self.items.nbytes
        table = int(self.meta.memory_usage(deep=True).sum())
        return object.__sizeof__(self) + int(items) + self.offsets.nbytes + table

    def __repr__(self) -> str:
        return f"Recordings: {_summary(self)}"

    def _repr_html_(self) -> str:
        from sknemg.pages import render

        table = self.meta.head(5).assign(**{_item_name(self): self.lengths[:5]})
        return render(
            "sknemg.recordings",
            "recordings.html",
            summary=_summary(self),
            table=table.to_html(na_rep="–"),  # which escapes its entries
            more=max(len(self) - 5, 0),
        )


def stacked(signals: Sequence[NDArray[Any]], meta: pd.DataFrame) -> Recordings:
    """Make recordings from usable signals; warning of implausible ones is left to the caller."""
    values = np.concatenate(signals).astype(np.float32, copy=False)
    offsets = offsets_of([len(signal) for signal in signals])
    return Recordings.from_ragged(values, offsets, meta).validate()


def _rebuild(values: Items, offsets: NDArray[Any], columns: dict[str, Any]) -> Recordings:
    table = {
        name: pd.Series(column[0], dtype=column[1]) if isinstance(column, tuple) else column
        for name, column in columns.items()
    }
    meta = pd.DataFrame(table, index=range(len(offsets) - 1))
    return Recordings.from_ragged(values, offsets, meta)


# -- words -------------------------------------------------------------------------------------


def _item_name(X: Recordings) -> str:
    if "item" in X and len(X):  # written by the step that made them
        return f"{X['item'].iloc[0]}s"
    return {0: "samples", 1: "segments"}.get(len(X.item_shape), "images")


def _span(values: NDArray[Any], template: str) -> str:
    low, high = template.format(values.min()), template.format(values.max())
    return low if low == high else f"{low}-{high}"


def _summary(X: Recordings) -> str:
    if not len(X):
        return "0 recordings"
    text = f"{len(X)} recording{'s' if len(X) > 1 else ''}"
    if "subject" in X:
        n_subjects = X["subject"].nunique()
        text += f" of {n_subjects} subject{'s' if n_subjects != 1 else ''}"
    if X.item_shape == ():
        text += f", {_span(X.durations, '{:.2f}')} s"
    else:
        shape = " x ".join(map(str, X.item_shape)) + (" values" if "item" in X else "")
        name = _item_name(X) if len(X.items) != 1 else _item_name(X)[:-1]
        text += f", {len(X.items)} {name} of {shape}"
    return text + f" at {_span(X['sfreq'].to_numpy(), '{:g}')} Hz"
