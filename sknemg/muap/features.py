"""Features of motor units: the registry that users extend, and `MuapFeatures` over it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from sklearn.base import clone
from sklearn.utils._param_validation import Interval
from sklearn.utils.parallel import Parallel, delayed

from sknemg.base import MakesTables
from sknemg.muap.measure import FINE_SFREQ, FIRING, MotorUnit, find_units
from sknemg.muap.potential import BASELINE, HALF_SWEEP, QUIET, extent, measure_muap
from sknemg.recordings import Recordings
from sknemg.recordings._problems import listed, raise_problems, rows_of, shown
from sknemg.recordings._workers import kept_by_workers
from sknemg.recordings.windows import offsets_of
from sknemg.signal import LEAST_RATE

__all__ = ["MuapFeatures", "jiggle", "known_features", "muap_feature", "recruitment_ratio"]

Feature = Callable[[MotorUnit], float]
_Registered = TypeVar("_Registered", bound=Feature)

#: What MuapFeatures measures by default: shape, size, stability and firing of a unit. How well it
#: was averaged (``n_discharges``, ``noise``, ``consistency``) tells of the recording, not of it.
FEATURES = (
    "amplitude",
    "duration",
    "thickness",
    "size_index",
    "area",
    "rise_time",
    "spike_duration",
    "phases",
    "turns",
    "satellites",
    "irregularity",
    "jiggle",
    "rate",
    "isi_cv",
    "recruitment_ratio",
)

_REGISTRY: dict[str, Feature] = {}

_REMEMBERED = 5000  # recordings, of which a few numbers are kept
_MEASURED: dict[Any, NDArray[np.float64]] = {}


def muap_feature(function: _Registered) -> _Registered:
    """Register a feature under the name of its function, for :class:`MuapFeatures`.

    Parameters
    ----------
    function : callable
        From a :class:`MotorUnit` to a finite number. Whatever runs in parallel processes must
        import the module that registers it; a function given to :class:`MuapFeatures` itself needs
        no registration.

    Returns
    -------
    callable
        The same function, so that this is a decorator.

    Raises
    ------
    ValueError
        If another feature has the name.

    Examples
    --------
    >>> from sknemg.muap import MuapFeatures, known_features, muap_feature
    >>> @muap_feature
    ... def steepness(unit):
    ...     "Largest slope of the potential in mV/ms."
    ...     return abs(np.gradient(unit.template)).max() * unit.sfreq / 1000
    >>> "steepness" in known_features()
    True
    >>> MuapFeatures(features=["amplitude", "steepness"]).get_feature_names_out().tolist()
    ['amplitude', 'steepness']
    """
    name = function.__name__
    known = _REGISTRY.get(name)
    if known is not None and _origin(known) != _origin(function):
        raise ValueError(f"A feature {name!r} is registered already: give the function a new name.")
    _REGISTRY[name] = function
    return function


def registered_features() -> list[Feature]:
    """List the functions behind `known_features`.

    Returns
    -------
    list of callable
    """
    return list(_REGISTRY.values())


def known_features() -> list[str]:
    """Name the features that :class:`MuapFeatures` can compute by name.

    Returns
    -------
    list of str

    Examples
    --------
    >>> {"amplitude", "jiggle", "consistency"} <= set(known_features())
    True
    """
    return list(_REGISTRY)


def _origin(function: Feature) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def _register_measures() -> None:
    """Register every column of `measure_muaps`."""
    for name in [*measure_muap([0.0], FINE_SFREQ), *FIRING]:

        def measure(unit: MotorUnit, name: str = name) -> float:
            return unit.measures[name]

        measure.__name__ = measure.__qualname__ = name
        muap_feature(measure)


_register_measures()


@muap_feature
def jiggle(unit: MotorUnit) -> float:
    """Variability of shape from one discharge to the next: consecutive amplitude differences.

    The median difference of consecutive discharges at each time of the potential, summed and
    divided by the area of the averaged potential [1]_. Common delays are taken out first, and so is
    the difference that the baseline beside the potential shows.

    Parameters
    ----------
    unit : MotorUnit

    Returns
    -------
    float
        0 for a potential that is the same at every discharge; more where single fibres jitter or
        are blocked.

    References
    ----------
    .. [1] E. V. Stålberg, M. Sonoo, "Assessment of variability in the shape of the motor unit
       action potential, the 'jiggle', at consecutive discharges", Muscle Nerve 17:1135-1144, 1994
       (CAD).

    Examples
    --------
    >>> from sknemg.muap import MotorUnit, jiggle
    >>> wave = np.interp(np.arange(1001), [480, 500, 520], [0, -1, 0])
    >>> def unit(sizes):
    ...     sweeps = np.outer(sizes, wave)
    ...     return MotorUnit(wave, sweeps, np.arange(6) / 10, 20_000, {"noise": 0.0}, np.ones(1))
    >>> jiggle(unit([1, 1, 1, 1, 1, 1])), round(jiggle(unit([0.9, 1.1, 0.9, 1.1, 0.9, 1.1])), 2)
    (0.0, 0.2)
    """
    template = unit.template - np.median(unit.template)
    threshold = max(BASELINE, 3 * unit.measures["noise"])
    onset, end = extent(template, threshold, round(QUIET * unit.sfreq))
    slope = np.gradient(template)
    inside = slice(onset, end + 1)
    energy = (slope[inside] ** 2).sum()
    sweeps = unit.sweeps
    if energy > 0:
        delay = ((template - sweeps)[:, inside] * slope[inside]).sum(axis=1) / energy
        sweeps = sweeps + delay[:, None] * slope
    differences = np.median(np.abs(np.diff(sweeps, axis=0)), axis=0)
    beside = np.r_[differences[:onset], differences[end + 1 :]]
    floor = np.median(beside) if len(beside) else 0.0
    excess = np.sqrt(np.maximum(differences[inside] ** 2 - floor**2, 0))
    return float(excess.sum() / np.abs(template[inside]).sum())


@muap_feature
def recruitment_ratio(unit: MotorUnit) -> float:
    """Rate of the fastest unit over the number of units found: one value per recording.

    Textbooks expect less than 5 in a normal muscle. Units that were not found raise it.

    Parameters
    ----------
    unit : MotorUnit

    Returns
    -------
    float
        Hz.

    References
    ----------
    J. R. Daube, D. I. Rubin, "Needle electromyography", Muscle Nerve 39:244-270, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.muap import MotorUnit, recruitment_ratio
    >>> wave, sweeps, rates = np.zeros(1001), np.zeros((6, 1001)), np.array([8.0, 10.0, 12.0])
    >>> unit = MotorUnit(wave, sweeps, np.arange(6) / 10, 20_000, {"noise": 0.0}, rates)
    >>> float(recruitment_ratio(unit))
    4.0
    """
    return float(unit.rates.max() / len(unit.rates))


class MuapFeatures(MakesTables, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Turn every recording into its motor units, a vector of features each.

    The motor units near the needle are found, averaged and measured as :func:`measure_muaps` does.
    A row then holds as many items as units were found, **none where there is none**, which votes,
    scores, searches and displays carry along: such a recording has no vote, and a subject without
    any unit gets equal probabilities, with a warning
    (:class:`~sknemg.divote.DiVoteClassifier`).

    Parameters
    ----------
    features : sequence of str or callable, default=("amplitude", "duration", "thickness", \
"size_index", "area", "rise_time", "spike_duration", "phases", "turns", "satellites", \
"irregularity", "jiggle", "rate", "isi_cv", "recruitment_ratio")
        Names among :func:`known_features`, which :func:`muap_feature` extends, or functions from a
        :class:`MotorUnit` to a number.
    return_templates : bool, default=False
        Whether the items are the averaged potentials instead, 50 ms at 20 kHz in mV with the
        discharge in the middle, for a network or for pictures.
    min_discharges : int, default=8
        Fewest discharges of a unit.
    max_rise_time : float, default=0.8e-3
        Longest rise time, in s.
    min_amplitude : float, default=0.05
        Smallest amplitude, in mV. These three decide which trains count as units and which
        potentials are measured, see :func:`measure_muaps`.
    n_jobs : int, default=None
        Number of recordings measured at once.
    input_sfreq : float, default=None
        Sampling rate of plain arrays and lists, which carry none.

    Raises
    ------
    InvalidRecordingsError
        Naming the recordings sampled below 1500 Hz, which show no motor units.
    ValueError
        If a feature is unknown, is named twice, or returns anything but a finite number for a unit.

    See Also
    --------
    measure_muaps : The table of one recording.
    muap_feature : Register a feature.

    Notes
    -----
    Recordings may have different sampling rates: what is measured does not depend on them from
    10 kHz on, and the column ``sfreq`` becomes 20 kHz, the rate of the templates. An array of
    signals becomes an array of shape (n_recordings, n_units, n_features) if all rows have as many
    units, and an object array with an array of shape (n_units_i, n_features) a row if not.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import MuapFeatures, Recordings
    >>> rng = np.random.default_rng(0)
    >>> wave = np.interp(np.arange(41), [0, 10, 14, 18, 40], [0, 0.1, -0.5, 0.1, 0])
    >>> signals = rng.normal(0, 0.002, size=(2, 60_000))
    >>> for start in np.arange(1000, 59_000, 2000) + rng.integers(-200, 200, size=29):
    ...     signals[0, start : start + 41] += wave
    >>> X = Recordings(signals, sfreq=20_000, subject=["S1", "S2"])
    >>> units = MuapFeatures(features=["amplitude", "phases"]).fit_transform(X)
    >>> units
    Recordings: 2 recordings of 2 subjects, 1 motor unit of 2 values at 20000 Hz
    >>> units.lengths.tolist(), units[0].round(1).tolist()
    ([1, 0], [[0.6000000238418579, 3.0]])
    """

    _item_ndim = 0
    _leaves_signals = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "features": ["array-like"],
        "return_templates": ["boolean"],
        "min_discharges": [Interval(Integral, 3, None, closed="left")],
        "max_rise_time": [Interval(Real, 0, None, closed="neither")],
        "min_amplitude": [Interval(Real, 0, None, closed="left")],
        "n_jobs": [None, Integral],
        "input_sfreq": [None, Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        features: Sequence[str | Feature] = FEATURES,
        *,
        return_templates: bool = False,
        min_discharges: int = 8,
        max_rise_time: float = 0.8e-3,
        min_amplitude: float = 0.05,
        n_jobs: int | None = None,
        input_sfreq: float | None = None,
    ):
        self.features = features
        self.return_templates = return_templates
        self.min_discharges = min_discharges
        self.max_rise_time = max_rise_time
        self.min_amplitude = min_amplitude
        self.n_jobs = n_jobs
        self.input_sfreq = input_sfreq

    def _transform(self, X: Recordings) -> Recordings:
        functions = _resolved(self.features)
        rates = X["sfreq"].to_numpy(dtype=float)
        if len(low := np.flatnonzero(rates < LEAST_RATE)):
            raise_problems(
                low,
                [f"sampled at {rates[row]:.10g} Hz, too low to show motor units" for row in low],
                f"give recordings of {LEAST_RATE:g} Hz or more, and rates in hertz, not kilohertz",
            )
        limits = {
            "min_discharges": self.min_discharges,
            "max_rise_time": self.max_rise_time,
            "min_amplitude": self.min_amplitude,
        }
        what = None if self.return_templates else list(functions.values())
        rows = _measure_rows(X, rates, what, limits, self.n_jobs)
        width = _N_TEMPLATE if self.return_templates else len(functions)
        values = np.concatenate([np.empty((0, width)), *rows])
        offsets = offsets_of([len(row) for row in rows])
        dtype = np.result_type(X.values.dtype, np.float32)
        units = X.with_values(values.astype(dtype), offsets, sfreq=FINE_SFREQ, item="motor unit")
        if not self.return_templates:
            _refuse_unmeasured(units, list(functions))
        return units

    def _as_features(self) -> MuapFeatures:
        return clone(self).set_params(return_templates=False)

    def _column_names(self) -> list[str]:
        if self.return_templates:
            return [f"sample{k}" for k in range(_N_TEMPLATE)]
        return list(_resolved(self.features))


_N_TEMPLATE = 2 * round(HALF_SWEEP * FINE_SFREQ) + 1


def _resolved(features: Sequence[str | Feature]) -> dict[str, Feature]:
    """Look the features up, by name; all that are wrong are named at once."""
    names = [feature if isinstance(feature, str) else _name_of(feature) for feature in features]
    if unknown := sorted(
        {n for n, f in zip(names, features, strict=True) if n == f} - set(_REGISTRY)
    ):
        raise ValueError(
            f"features holds {shown(unknown)}, which no function is registered for: give some of "
            f"{', '.join(_REGISTRY)}, or a function."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"features holds {shown(twice)} more than once: name each feature once.")
    if not names:
        raise ValueError("features is empty: give at least one.")
    return {
        name: _REGISTRY[name] if isinstance(feature, str) else feature
        for name, feature in zip(names, features, strict=True)
    }


def _name_of(feature: Any) -> str:
    if not callable(feature):
        raise ValueError(f"features holds {shown(feature)}: give names or functions.")
    return getattr(feature, "__name__", type(feature).__name__)


def _measure_rows(
    X: Recordings,
    rates: NDArray[np.float64],
    features: list[Feature] | None,
    limits: dict[str, Any],
    n_jobs: int | None,
) -> list[NDArray[np.float64]]:
    """Features of the units of each recording, or (None) their templates at 20 kHz.

    A cross-validation comes back to the same recordings in every fold, and finding units takes
    longer than all that follows: what registered features measured last is remembered within the
    process.
    """
    registered = {id(feature) for feature in _REGISTRY.values()}
    remember = features is not None and {id(feature) for feature in features} <= registered
    asked = (tuple(features or ()), tuple(sorted(limits.items())))
    keys = [_key(X[at], rates[at], *asked) if remember else at for at in range(len(X))]
    rows = {key: _MEASURED.pop(key) for key in keys if key in _MEASURED}
    missing = {key: at for at, key in enumerate(keys) if key not in rows}
    measured: list[NDArray[np.float64]] = []
    if missing:
        with kept_by_workers(X):
            measured = Parallel(n_jobs=n_jobs)(
                delayed(_measured)(X, at, rates[at], features, limits) for at in missing.values()
            )
    rows.update(zip(missing, measured, strict=True))
    if remember:
        _MEASURED.update((key, rows[key]) for key in keys)  # the last to be forgotten
        while len(_MEASURED) > _REMEMBERED:
            _MEASURED.pop(next(iter(_MEASURED)), None)
    return [rows[key].copy() for key in keys]


def _key(signal: NDArray[Any], sfreq: float, *asked: Any) -> tuple[Any, ...]:
    content = hashlib.blake2b(signal.tobytes(), digest_size=16).digest()
    return (content, signal.dtype.str, sfreq, *asked)


def _measured(
    X: Recordings, row: int, sfreq: float, features: list[Feature] | None, limits: dict[str, Any]
) -> NDArray[np.float64]:
    units = find_units(X[row], sfreq, **limits)
    if features is None:
        rows = [_at_common_rate(unit) for unit in units]
        return np.array(rows).reshape(-1, _N_TEMPLATE)
    at = rows_of(X.meta, [row])[0]
    found = [[_number(feature, unit, at) for feature in features] for unit in units]
    return np.array(found, dtype=np.float64).reshape(-1, len(features))


def _number(feature: Feature, unit: MotorUnit, row: int) -> float:
    """Compute a feature of a unit, and refuse what is no number, as a user's own may give."""
    found: Any = feature(unit)
    value = found[()] if isinstance(found, np.ndarray) and not found.ndim else found
    if not isinstance(value, (Real, np.bool_)):
        raise ValueError(
            f"The feature {_name_of(feature)} returned {shown(found)} for a motor unit in row "
            f"{row}: let it return one number."
        )
    return float(value)


def _at_common_rate(unit: MotorUnit) -> NDArray[np.float64]:
    """Template of 50 ms at 20 kHz, the discharge in the middle."""
    own = (np.arange(len(unit.template)) - len(unit.template) // 2) / unit.sfreq
    times = (np.arange(_N_TEMPLATE) - _N_TEMPLATE // 2) / FINE_SFREQ
    return CubicSpline(own, unit.template)(np.clip(times, own[0], own[-1]))


def _refuse_unmeasured(units: Recordings, names: list[str]) -> None:
    """Refuse features that are no finite number, as a user's own may be; all are named."""
    bad = ~np.isfinite(units.values)
    if bad.any():
        which = [name for name, wrong in zip(names, bad.any(axis=0), strict=True) if wrong]
        rows = np.unique(units.row_index[bad.any(axis=1)])
        raise ValueError(
            f"The features {', '.join(which)} are NaN or infinite in "
            f"{listed(rows_of(units.meta, rows), 'row')}: let them return a number for every unit."
        )
