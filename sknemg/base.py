"""What estimators share: their base classes, and a typed `fit_context`."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from inspect import unwrap
from numbers import Integral, Real
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    make_constraint,
)
from sklearn.utils.validation import validate_data

from sknemg.recordings import InvalidRecordingsError, Recordings, Windows
from sknemg.recordings._convert import is_ragged, unpack
from sknemg.recordings._plausible import frames_to_user, warn_if_unlike_emg
from sknemg.recordings._problems import raise_problems, refuse_masked, shown
from sknemg.recordings.windows import holding
from sknemg.signal import LARGEST_AMPLITUDE
from sknemg.versions import ModelVersionWarning, __version__

_VERSION = "_sknemg_version"
_Method = TypeVar("_Method", bound=Callable[..., Any])


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[_Method], _Method]:
    """Validate an estimator's parameters before a method runs; keep the type of the method.

    scikit-learn's own decorator has no types: a checker would lose the signature of `fit`.

    Parameters
    ----------
    prefer_skip_nested_validation : bool
        Whether estimators made inside the method may skip their own validation.

    Returns
    -------
    callable
        The decorator.
    """
    decorator: Callable[[_Method], _Method] = _fit_context(
        prefer_skip_nested_validation=prefer_skip_nested_validation
    )
    return decorator


def _arrays_only(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``set_output`` shape what becomes of arrays; recordings stay in their container."""
    without_set_output = unwrap(method)

    @wraps(method)
    def choose(self: Any, X: Any, *args: Any, **params: Any) -> Any:
        if is_ragged(X):
            return without_set_output(self, X, *args, **params)
        if hasattr(self, "set_output") and _asks_for_tables(self) and np.ndim(X) > 2:
            raise ValueError(
                f"{type(self).__name__} makes several rows of each row of an array of shape "
                f"{np.shape(X)}, which no table holds: give one segment per row, or set "
                "set_output(transform='default')."
            )
        return method(self, X, *args, **params)

    return choose


def _asks_for_tables(estimator: Any) -> bool:
    own = getattr(estimator, "_sklearn_output_config", {}).get("transform")
    asked = get_config()["transform_output"] if own is None else own
    return bool(asked != "default")


class VersionedEstimator(BaseEstimator):
    """An estimator that warns when it is unpickled by another version of sknemg.

    scikit-learn does so for its own estimators only. What was learned is kept as it is; whether it
    means the same to another version, nobody has tried. Truth values are refused as numbers.
    """

    def _validate_params(self) -> None:
        super()._validate_params()
        for name, value in self.get_params(deep=False).items():
            constraints = self._parameter_constraints.get(name, "no_validation")
            if isinstance(value, bool) and _asks_for_number(constraints, value):
                raise InvalidParameterError(
                    f"{name}={value} of {type(self).__name__} is no number: give one, since "
                    f"{value} would count as {int(value)}."
                )

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), _VERSION: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        saved = state.get(_VERSION, __version__)
        if saved != __version__:
            warnings.warn(
                f"{type(self).__name__} was pickled by sknemg {saved} (here "
                f"{__version__}): its "
                "predictions may differ, compare some with those of that version, or train anew.",
                ModelVersionWarning,
                stacklevel=2,
            )
        kept = {name: value for name, value in state.items() if name != _VERSION}
        super().__setstate__(kept)


class KeepsParameters:
    """An estimator some of whose parameters make sense of what was learned, and so stay with it.

    What is set after ``fit`` holds of the next one. A subclass names them in ``_keeps`` and has
    ``fit`` call `keep_parameters`; a model folder states those that were kept.
    """

    _keeps: ClassVar[tuple[str, ...]] = ()

    def keep_parameters(self) -> None:
        """Keep these parameters as they are now."""
        self._kept = {name: deepcopy(getattr(self, name)) for name in self._keeps}

    def kept_parameters(self) -> dict[str, Any]:
        """Give these parameters as they were in training."""
        return self._kept


def _asks_for_number(constraints: Any, value: bool) -> bool:
    """Tell whether a truth value passes the constraints of a parameter only as a number."""
    if constraints == "no_validation":
        return False
    passed = [c for c in constraints if make_constraint(c).is_satisfied_by(value)]
    return all(isinstance(c, (Interval, Options)) or c in (Real, Integral) for c in passed)


class NamesColumns:
    """A step each of whose columns has a name; a subclass writes `_column_names`."""

    def _column_names(self) -> list[str]:
        raise NotImplementedError

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Name the columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str, shape (n_features,)
        """
        return np.array(self._column_names(), dtype=object)


class RowTransformer(TransformerMixin, VersionedEstimator):
    """A stateless step that keeps the rows; subclasses say what becomes of the items.

    A subclass sets `_item_ndim`, has a parameter ``input_sfreq`` and writes `_transform`.
    """

    _item_ndim = 0
    input_sfreq: float | None

    #: Whether it takes the segments of recordings as windows, which it cuts piece by piece.
    cuts_windows: ClassVar[bool] = False

    #: Whether it makes something else of signals: such a step looks at them, those before do not.
    _leaves_signals: ClassVar[bool] = False

    @abstractmethod
    def _transform(self, X: Recordings) -> Recordings:
        """Return the same rows with new items."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters; nothing is learned.

        Parameters
        ----------
        X : Recordings, DataFrame, list of arrays or ndarray
        y : ignored

        Returns
        -------
        self
        """
        self._validate_params()
        self._check_array(X, reset=True)
        return self

    def transform(self, X: Any) -> Any:
        """Transform every row.

        Parameters
        ----------
        X : Recordings, DataFrame with a column ``signal``, list or Series of arrays, or ndarray

        Returns
        -------
        the kind of `X`
            One row for each row of `X`, in its order.

        Raises
        ------
        InvalidRecordingsError
            If rows hold samples that are NaN, infinite or beyond 1e6 mV, or lack a rate.
        ValueError
            If no rate is known, or the items are not those that the step works on.

        Warns
        -----
        ImplausibleWarning
            As `Recordings`, of signals in other containers: by the steps that make something else
            of them (`Segmenter`, `MuapFeatures`, `InterferenceFeatures`), not by those before.
        """
        self._validate_params()
        X = self._check_array(X, reset=False)
        try:
            recordings, give_back = unpack(
                X, item_ndim=self._item_ndim, input_sfreq=self.input_sfreq
            )
            if is_ragged(X) or isinstance(X, Windows):  # an array has been checked
                recordings.validate()
            _refuse_implausible(recordings)
            self._look_at(X, recordings)
            return give_back(self._transform(recordings))
        except InvalidRecordingsError as error:
            meta = X if isinstance(X, pd.DataFrame) else getattr(X, "meta", None)
            raise (error if meta is None else error.placed(meta)) from None

    def _look_at(self, X: Any, recordings: Recordings) -> None:
        """Warn of signals that no needle EMG looks like, unless `Recordings` have done so."""
        if self._leaves_signals and not isinstance(X, Recordings):
            warn_if_unlike_emg(
                recordings.meta,
                recordings.values,
                recordings.offsets,
                names=X.index if isinstance(X, (pd.DataFrame, pd.Series)) else None,
                made=True,
                stacklevel=frames_to_user(),
            )

    def _check_array(self, X: Any, reset: bool) -> Any:
        if is_ragged(X):
            return X
        if isinstance(X, Windows) and self.cuts_windows:
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        if isinstance(X, np.ndarray) and X.ndim == 1:
            raise ValueError(
                f"Reshape your data: an array of shape {X.shape} is one signal or segment. Give "
                "it as a row of an array, X[np.newaxis], or in a list, [X]."
            )
        refuse_masked(X)
        return validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            allow_nd=self._item_ndim > 0,
            reset=reset,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:  # of what a class does not have
        reason = f"{type(self).__name__!r} object has no attribute {name!r}"
        if name == "set_output":
            reason = (
                f"{type(self).__name__} has no set_output, since no table holds what it makes: "
                "call set_output of the steps that make tables, or set it for all by "
                "sklearn.set_config(transform_output=...), which leaves recordings as they are."
            )
        raise AttributeError(reason)


class MakesTables(NamesColumns, RowTransformer):
    """A step whose items may be read as a plain table, too."""

    def _as_features(self) -> Self:
        """Give the step that makes the columns of the table."""
        return self

    def to_frame(self, X: Any) -> pd.DataFrame:
        """Measure all recordings into a plain table, one row per item.

        Parameters
        ----------
        X : Recordings, DataFrame with a column ``signal``, list of arrays, or ndarray

        Returns
        -------
        DataFrame of n_items rows
            What is known of the recording (``subject``, ``muscle`` and so on), and a column for
            each feature. The index, named ``row``, is the row of `X`.

        Raises
        ------
        ValueError
            If `X` has a column that is named as a feature.

        Warns
        -----
        ImplausibleWarning
            As `transform`.
        """
        return self._as_features()._to_frame(X)

    def _to_frame(self, X: Any) -> pd.DataFrame:
        """Give one row per item: what is known of its recording, and its values by their names."""
        self._validate_params()
        recordings, _ = unpack(X, item_ndim=self._item_ndim, input_sfreq=self.input_sfreq)
        names = self.get_feature_names_out().tolist()
        known = recordings.meta.drop(columns="sfreq")
        if both := [name for name in names if name in known]:
            raise ValueError(f"X has columns named like features, {shown(both)}: rename them.")
        items = self.transform(recordings)
        self._look_at(X, recordings)  # whose samples have been validated
        columns = dict(zip(names, items.values.T.astype(np.float64), strict=True))
        rows = pd.Index(items.row_index, name="row")
        return known.iloc[items.row_index].set_axis(rows).assign(**columns)


def _refuse_implausible(recordings: Recordings) -> None:
    """Refuse amplitudes that no recording has, before their squares overflow."""
    found = recordings.items
    if found.dtype.kind != "f":
        return
    if len(items := holding(found, _beyond)):
        rows = np.unique(np.searchsorted(recordings.offsets, items, side="right") - 1)
        problems = [f"samples beyond {LARGEST_AMPLITUDE:g} mV"] * len(rows)
        raise_problems(rows, problems, "give signals in millivolts")


def _beyond(values: NDArray[Any]) -> NDArray[np.bool_]:
    return (values < -LARGEST_AMPLITUDE) | (values > LARGEST_AMPLITUDE)


for _name in ("transform", "fit_transform"):
    setattr(RowTransformer, _name, _arrays_only(getattr(RowTransformer, _name)))
