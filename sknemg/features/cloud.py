"""The cloud of turns and amplitude, and the cloud of normals that it is compared with."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.features.interference import InterferenceFeatures
from sknemg.recordings import Recordings
from sknemg.recordings._convert import table_of, with_only
from sknemg.recordings._problems import shown
from sknemg.recordings._subjects import require_columns

LEAST_NORMALS = 5  # subjects, in a muscle
LEAST_EPOCHS = 10  # for a verdict
MOST_OUTSIDE = 0.1  # of a normal muscle's epochs
LEAST_TURNS = 20.0  # a second: with fewer, an epoch holds hardly a contraction
WIDTH = 2.0  # standard deviations of the cloud to either side
COLUMNS = ("turns_stalberg_100", "turn_amplitude_stalberg_100")
MEASURED = ("turns", "amplitude")  # their names here


class Cloud(NamedTuple):
    """Where the epochs of healthy subjects lie, in the plane of log turns and log amplitude.

    Attributes
    ----------
    slope, intercept : float
        The line ``log10(amplitude in mV) = intercept + slope * log10(turns a second)``.
    low, high : float
        By how much the logarithm of a normal amplitude lies beside it.
    n_subjects, n_epochs : int
        Number of subjects and epochs that it was made from.
    """

    slope: float
    intercept: float
    low: float
    high: float
    n_subjects: int
    n_epochs: int

    def excess(self, turns: ArrayLike, amplitude: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of the amplitude beside the line."""
        line = self.intercept + self.slope * np.log10(np.asarray(turns, dtype=float))
        return np.log10(np.asarray(amplitude, dtype=float)) - line


class TurnsReference:
    """Turns-amplitude clouds of normals, by muscle, and epochs compared with them.

    An epoch is a point: turns a second against the mean amplitude of a turn, by Stålberg's rule
    at 0.1 mV [1]_. The cloud of normals is a line in the plane of their logarithms with a band of
    two standard deviations of the amplitude, each subject counting the same [2]_. A muscle is
    abnormal if more than 10 % of its epochs lie outside: amplitudes too high for their turns as in
    neuropathy, or too low as in myopathy. Epochs with fewer than 20 turns a second are left out, as
    hardly a contraction, and below 10 epochs there is no verdict.

    Norms depend on needle, amplifier and muscle, and no published cloud comes as numbers: make one
    of a lab's own normals with :meth:`from_normals`.

    Parameters
    ----------
    clouds : dict
        The `Cloud` of each muscle, by its name.
    epoch : float, default=0.5
        Seconds of an epoch.

    See Also
    --------
    sknemg.inspection.TurnsCloudDisplay : Its picture.

    References
    ----------
    .. [1] E. Stålberg, J. Chu, V. Bril, S. Nandedkar, S. Stålberg, M. Ericsson, "Automatic analysis
       of the EMG interference pattern", Electroencephalogr Clin Neurophysiol 56:672-681, 1983.
    .. [2] S. D. Nandedkar, D. B. Sanders, E. V. Stålberg, "Automatic analysis of the
       electromyographic interference pattern. Part II: Findings in control subjects and in some
       neuromuscular diseases", Muscle Nerve 9:491-500, 1986.

    Examples
    --------
    Noise of several sizes stands in for contractions of several strengths:

    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.features import TurnsReference
    >>> rng = np.random.default_rng(0)
    >>> sizes = np.linspace(0.1, 0.5, 24)[:, None]
    >>> signals = sizes * rng.normal(size=(24, 20_000))
    >>> X = Recordings(signals, sfreq=4000, subject=np.arange(24) % 6, muscle="deltoid")
    >>> reference = TurnsReference.from_normals(X)
    >>> reference.diagnose(X)["conclusion"].value_counts().to_dict()
    {'normal': 6}
    >>> high = X.with_values(X.values + np.sign(X.values))
    >>> reference.diagnose(high)["conclusion"].value_counts().to_dict()
    {'neuropathy': 6}
    """

    def __init__(self, clouds: Mapping[Any, Cloud], *, epoch: float = 0.5):
        self.clouds = clouds
        self.epoch = epoch

    @classmethod
    def from_normals(cls, X: Recordings | pd.DataFrame, *, epoch: float = 0.5) -> Self:
        """Make clouds of healthy subjects, muscle by muscle.

        Parameters
        ----------
        X : Recordings of signals, or DataFrame with the columns ``signal`` and ``sfreq``
            Of healthy subjects alone, with columns ``subject`` and ``muscle``.
        epoch : float, default=0.5
            Seconds of an epoch.

        Returns
        -------
        TurnsReference

        Raises
        ------
        ValueError
            If a column is missing or has gaps, or no muscle has 5 subjects with 10 epochs each.

        Warns
        -----
        UserWarning
            Naming the muscles with fewer than 5 such subjects, which are left out.
        """
        keys = ["subject", "muscle"]
        require_columns(known := table_of(X), keys)
        table = _epochs(with_only(X, keys), epoch)
        clouds: dict[Any, Cloud] = {}
        rare: list[str] = []
        for muscle in sorted(known["muscle"].unique(), key=str):  # also without an epoch
            own = table[table["muscle"] == muscle]
            sizes = own["subject"].map(own["subject"].value_counts())
            own, sizes = own[sizes >= LEAST_EPOCHS], sizes[sizes >= LEAST_EPOCHS]
            n_subjects = own["subject"].nunique()
            if n_subjects < LEAST_NORMALS:
                rare.append(f"{muscle} ({n_subjects})")
                continue
            clouds[muscle] = _cloud(own, 1 / sizes.to_numpy(dtype=float), n_subjects)
        if not clouds:
            raise ValueError(
                f"No muscle has {LEAST_NORMALS} subjects with {LEAST_EPOCHS} epochs each "
                f"({shown(rare)}): record more."
            )
        if rare:
            warnings.warn(
                f"Muscles with fewer than {LEAST_NORMALS} subjects of {LEAST_EPOCHS} epochs are "
                f"left out, {shown(rare)}: record more.",
                stacklevel=2,
            )
        return cls(clouds, epoch=epoch)

    def epochs(self, X: Recordings | pd.DataFrame) -> pd.DataFrame:
        """Compare every epoch with the cloud of its muscle.

        Parameters
        ----------
        X : Recordings of signals, or DataFrame with the columns ``signal`` and ``sfreq``
            With the column ``muscle``.

        Returns
        -------
        DataFrame, a row for each epoch with at least 20 turns a second
            What is known of the recording, ``turns`` a second, ``amplitude`` in mV, and ``side``:
            ``"in"``, ``"high"`` or ``"low"``. The index is the row of `X`.

        Raises
        ------
        ValueError
            If the column is missing or has gaps, there is no cloud of a muscle, or `X` has a
            column ``turns``, ``amplitude`` or ``side``.
        """
        require_columns(known := table_of(X), ["muscle"])
        if strange := sorted(set(known["muscle"]) - set(self.clouds), key=str):
            ours = shown(sorted(self.clouds, key=str))
            raise ValueError(
                f"There is no cloud of {shown(strange)}, only of {ours}: make one with "
                "from_normals, or leave these muscles out."
            )
        if both := [name for name in (*MEASURED, "side") if name in known]:
            raise ValueError(f"X has columns named as measures, {shown(both)}: rename them.")
        table = _epochs(X, self.epoch)
        side = np.full(len(table), "in", dtype=object)
        for muscle, cloud in self.clouds.items():
            own = (table["muscle"] == muscle).to_numpy()
            excess = cloud.excess(table["turns"][own], table["amplitude"][own])
            side[own] = np.select([excess < cloud.low, excess > cloud.high], ["low", "high"], "in")
        return table.assign(side=side)

    def diagnose(self, X: Recordings | pd.DataFrame) -> pd.DataFrame:
        """Judge muscles by the share of their epochs outside, without any training.

        Parameters
        ----------
        X : Recordings of signals, or DataFrame with the columns ``signal`` and ``sfreq``
            With the column ``muscle``; ``subject`` keeps subjects apart.

        Returns
        -------
        DataFrame, a row for each muscle (of each subject)
            ``n_epochs``, the shares ``low`` and ``high``, and ``conclusion``: ``"normal"``,
            ``"myopathy"`` (low), ``"neuropathy"`` (high), ``"mixed"``, or
            ``"fewer than 10 epochs"``.

        Raises
        ------
        ValueError
            If a column is missing or has gaps, or there is no cloud of a muscle.
        """
        known = table_of(X)
        keys = [*(["subject"] if "subject" in known else []), "muscle"]
        require_columns(known, keys)
        table = self.epochs(with_only(X, keys))
        found = dict(iter(table.groupby(keys, sort=False, observed=True)))
        rows = []
        each = known[keys].drop_duplicates().itertuples(index=False, name=None)
        for names in each:  # those without an epoch, too
            own = found.get(names, table[:0])
            low, high = (
                (own["side"] == side).mean() if len(own) else 0.0 for side in ("low", "high")
            )
            rows.append((*names, len(own), low, high, _conclusion(len(own), low, high)))
        return pd.DataFrame(rows, columns=[*keys, "n_epochs", "low", "high", "conclusion"])


def _conclusion(n_epochs: int, low: float, high: float) -> str:
    if n_epochs < LEAST_EPOCHS:
        return f"fewer than {LEAST_EPOCHS} epochs"
    if low + high <= MOST_OUTSIDE:
        return "normal"
    if min(low, high) > MOST_OUTSIDE:
        return "mixed"
    return "myopathy" if low > high else "neuropathy"


def _epochs(X: Recordings | pd.DataFrame, epoch: float) -> pd.DataFrame:
    """Find turns and amplitude of every epoch with a contraction in it."""
    measure = InterferenceFeatures(epoch, thresholds=(0.1,), items="epoch")
    others = [name for name in measure.get_feature_names_out() if name not in COLUMNS]
    table = measure.to_frame(X).drop(columns=others)
    table = table.rename(columns=dict(zip(COLUMNS, MEASURED, strict=True)))
    return table[(table["turns"] >= LEAST_TURNS) & (table["amplitude"] > 0)]


def _cloud(table: pd.DataFrame, weights: NDArray[np.float64], n_subjects: int) -> Cloud:
    """Line and band of epochs, of which each counts by its weight."""
    turns, amplitude = (np.log10(table[name].to_numpy()) for name in ("turns", "amplitude"))
    slope, intercept = np.polyfit(turns, amplitude, 1, w=np.sqrt(weights))
    excess = amplitude - intercept - slope * turns
    spread = WIDTH * np.sqrt(np.average(excess**2, weights=weights))
    numbers = (float(slope), float(intercept), -float(spread), float(spread))
    return Cloud(*numbers, n_subjects, len(table))
