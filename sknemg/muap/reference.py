"""Norms of motor unit action potentials, and the rules by which a muscle is compared with them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from sknemg.muap.features import MuapFeatures
from sknemg.recordings import Recordings
from sknemg.recordings._convert import table_of
from sknemg.recordings._problems import listed, shown
from sknemg.recordings._subjects import require_columns

__all__ = ["MuapReference", "published_norms"]

LEAST_MUAPS = 20  # the rule is for 20 potentials of a muscle
MOST_OUTLIERS = 2  # of 20 beyond one limit, in a normal muscle
LEAST_NORMALS = 5  # subjects: of fewer, a standard deviation means little
SKEWED = ("amplitude", "area")  # limits are found on the logarithm
UNITS = dict.fromkeys(["duration", "rise_time", "spike_duration", "thickness"], "s")
UNITS |= {"amplitude": "mV", "area": "mV s"}
OTHER_UNIT = 100.0  # times the norm, or a part of it, that no median of potentials is
COLUMNS = ["muscle", "parameter", "mean", "sd", "low", "high", "source"]

_NORWAY = (
    "Norwegian guideline for clinical neurophysiology, chapter 5, reference values of EMG, "
    "concentric needle: mean and SD of the means of muscles, outlier limits of single potentials "
    "(legeforeningen.no)"
)
_TIBIALIS = (
    "healthy subjects of a study in J Neurol Neurosurg Psychiatry, table 1, concentric needle: "
    "mean and SD of the means of muscles; no outlier limits (jnnp.bmj.com/highwire/markup/179731)"
)
_PUBLISHED = [  # mV and s
    ("biceps brachii", "amplitude", 0.436, 0.115, 0.178, 1.414, _NORWAY),
    ("biceps brachii", "duration", 9.9e-3, 1.4e-3, 4.2e-3, 16.4e-3, _NORWAY),
    ("deltoid", "amplitude", 0.550, 0.110, 0.162, 1.531, _NORWAY),
    ("deltoid", "duration", 10.4e-3, 1.3e-3, 4.2e-3, 18.4e-3, _NORWAY),
    ("first dorsal interosseous", "amplitude", 0.752, 0.247, 0.188, 2.301, _NORWAY),
    ("first dorsal interosseous", "duration", 9.4e-3, 1.3e-3, 4.0e-3, 18.0e-3, _NORWAY),
    ("tibialis anterior", "amplitude", 0.6615, 0.092, np.nan, np.nan, _TIBIALIS),
    ("tibialis anterior", "duration", 9.35e-3, 0.93e-3, np.nan, np.nan, _TIBIALIS),
    ("tibialis anterior", "phases", 3.47, 0.36, np.nan, np.nan, _TIBIALIS),
    ("tibialis anterior", "turns", 3.35, 0.52, np.nan, np.nan, _TIBIALIS),
]


def published_norms() -> pd.DataFrame:
    """Return published norms of adults, for the concentric needle.

    Returns
    -------
    DataFrame, columns ``muscle``, ``parameter``, ``mean``, ``sd``, ``low``, ``high``, ``source``
        ``mean`` and ``sd`` are those of the means of healthy muscles, ``low`` and ``high`` the
        outlier limits of single potentials (NaN where none are published); mV and s.

    Examples
    --------
    >>> norms = published_norms().set_index(["muscle", "parameter"])
    >>> norms.loc[("biceps brachii", "amplitude"), ["mean", "sd", "low", "high"]].tolist()
    [0.436, 0.115, 0.178, 1.414]
    """
    return pd.DataFrame(_PUBLISHED, columns=COLUMNS)


class MuapReference:
    """Norms, and a muscle's motor unit action potentials compared with them.

    **The outlier rule** [1]_: of at least 20 potentials of a muscle, more than 2 in 20 beyond one
    limit make it abnormal; of more potentials, more than a tenth. Below 20 there is no verdict.
    The mean of a muscle is compared with the means of healthy muscles (``z``): it tells how
    severe a change is, which outliers do not.

    Parameters
    ----------
    norms : DataFrame, default=None
        As of :func:`published_norms`, which is the default. A lab's own are better: norms depend
        on needle, amplifier, the way of measuring, muscle and age.

    See Also
    --------
    sknemg.inspection.MuapSheetDisplay : The picture of a muscle.

    References
    ----------
    .. [1] E. Stålberg, C. Bischoff, B. Falck, "Outliers, a way to detect abnormality in
       quantitative EMG", Muscle Nerve 17:392-399, 1994.

    Examples
    --------
    A biceps of 20 potentials, three of them too large:

    >>> import pandas as pd
    >>> from sknemg.muap import MuapReference
    >>> muaps = pd.DataFrame({"amplitude": [0.4] * 17 + [1.5, 2.0, 3.0], "duration": 0.010})
    >>> muaps["muscle"] = "biceps brachii"
    >>> reference = MuapReference()
    >>> summary = reference.summary(muaps)
    >>> summary[["parameter", "n", "n_low", "n_high", "conclusion"]]
       parameter   n  n_low  n_high conclusion
    0  amplitude  20      0       3       high
    1   duration  20      0       0     normal
    >>> reference.diagnose(muaps)["conclusion"].tolist()
    ['neuropathy']
    >>> reference.diagnose(muaps[:19])["conclusion"].tolist()
    ['fewer than 20 potentials']
    """

    def __init__(self, norms: pd.DataFrame | None = None):
        norms = published_norms() if norms is None else norms
        if missing := [column for column in COLUMNS[:-1] if column not in norms]:
            raise ValueError(f"norms lack the columns {shown(missing)}: see published_norms().")
        twice = norms[norms.duplicated(["muscle", "parameter"])]
        if len(twice):
            pairs = [f"{muscle}, {name}" for muscle, name in twice[COLUMNS[:2]].to_numpy()]
            raise ValueError(f"norms hold more than one row for {shown(pairs)}: give one for each.")
        if (sds := norms.index[~(norms["sd"] > 0)]).size:
            raise ValueError(f"The sd is not above 0 in {listed(sds, 'row')} of norms: correct it.")
        if (turned := norms.index[norms["low"] > norms["high"]]).size:
            raise ValueError(
                f"low is above high in {listed(turned, 'row')} of norms: correct the limits."
            )
        self.norms = norms.reset_index(drop=True)

    @classmethod
    def from_normals(
        cls,
        X: Recordings | pd.DataFrame,
        *,
        parameters: Sequence[str] = ("amplitude", "duration"),
        n_jobs: int | None = None,
    ) -> Self:
        """Make norms of healthy subjects, muscle by muscle.

        Mean and SD are those of the subjects' means. The outlier limits are made as those that
        are published: the mean of all subjects' third largest of 20 potentials plus 2 SD, and that
        of the third smallest minus 2 SD; on the logarithm for amplitude and area, which are skewed.
        For a subject with more than 20, the same quantile is used.

        Parameters
        ----------
        X : Recordings of signals, or DataFrame with one row per potential
            Healthy subjects alone, with columns ``subject`` and ``muscle``. A DataFrame is what
            :meth:`MuapFeatures.to_frame` makes.
        parameters : sequence of str, default=("amplitude", "duration")
            Names of features.
        n_jobs : int, default=None
            Number of recordings measured at once.

        Returns
        -------
        MuapReference

        Raises
        ------
        ValueError
            If columns are missing or have gaps, or no muscle has 5 subjects with 20 potentials.

        Warns
        -----
        UserWarning
            Naming the subjects with fewer than 20 potentials in a muscle, and the muscles with
            fewer than 5 subjects; both are left out.
        """
        known = table_of(X)
        require_columns(known, ["subject", "muscle"])
        muaps = _measured(X, parameters, n_jobs)
        require_columns(muaps, parameters)
        found = _grouped(muaps, ["muscle", "subject"])
        rows, few, rare = [], [], []
        for muscle, own in known.groupby("muscle", sort=True, observed=True):
            names = sorted(own["subject"].unique(), key=str)  # those without a potential, too
            parts = {name: found.get((muscle, name), muaps[:0]) for name in names}
            subjects = [part for part in parts.values() if len(part) >= LEAST_MUAPS]
            few += [f"{name} ({muscle})" for name in names if len(parts[name]) < LEAST_MUAPS]
            if len(subjects) < LEAST_NORMALS:
                rare.append(f"{muscle} ({len(subjects)})")
                continue
            source = f"{len(subjects)} subjects, {sum(map(len, subjects))} potentials"
            for name in parameters:
                values = [part[name].to_numpy(dtype=float) for part in subjects]
                rows.append((muscle, name, *_norm_of(values, name in SKEWED), source))
        left_out = "; ".join(
            f"{what} {shown(names)}"
            for what, names in (
                (f"subjects with fewer than {LEAST_MUAPS} potentials:", few),
                (f"muscles with fewer than {LEAST_NORMALS} such subjects:", rare),
            )
            if names
        )
        if not rows:
            raise ValueError(
                f"No muscle has {LEAST_NORMALS} subjects with {LEAST_MUAPS} potentials each "
                f"({left_out}): record more."
            )
        if left_out:
            warnings.warn(f"Left out of the norms are {left_out}: record more.", stacklevel=2)
        return cls(pd.DataFrame(rows, columns=COLUMNS))

    def summary(self, muaps: Recordings | pd.DataFrame) -> pd.DataFrame:
        """Compare muscles with the norms, as EMG machines do.

        Parameters
        ----------
        muaps : DataFrame with one row per potential, or Recordings of signals
            With the column ``muscle`` and a column for each parameter of the norms; ``subject``
            keeps subjects apart. "biceps brachii (long head)" counts as "biceps brachii" unless
            there are norms of that part.

        Returns
        -------
        DataFrame, a row for each muscle (of each subject) and parameter
            ``n``, ``mean``, ``sd`` of the potentials; ``norm_mean``, ``norm_sd``, and ``z`` of
            the mean; ``low``, ``high``, and the numbers beyond them, ``n_low`` and ``n_high``;
            where recordings of a muscle hold no unit, ``n`` is 0 and the mean is NaN;
            ``conclusion``: ``"normal"``, ``"low"``, ``"high"``, ``"low and high"``,
            ``"fewer than 20 potentials"``, or ``"no limits"`` where none are published.

        Raises
        ------
        ValueError
            If a column is missing, a subject or muscle is known of some rows alone, there are no
            norms of a muscle, or potentials and norms are in different units, as in µV and mV.
        """
        known = table_of(muaps)
        keys = [*(["subject"] if "subject" in known else []), "muscle"]
        require_columns(known, keys)
        known = self._by_norms(known)
        strange = sorted(set(known["muscle"]) - set(self.norms["muscle"]), key=str)
        if strange:
            ours = shown(sorted(set(self.norms["muscle"]), key=str))
            raise ValueError(
                f"There are no norms of {shown(strange)}, only of {ours}: make some with "
                "from_normals, or leave these muscles out."
            )
        muaps = self._by_norms(_measured(muaps, self.norms["parameter"].unique(), None))
        found = _grouped(muaps, keys)
        rows = []
        for names in known[keys].drop_duplicates().itertuples(index=False, name=None):
            own = found.get(names, muaps[:0])
            norms = self.norms[self.norms["muscle"] == names[-1]]
            require_columns(own, norms["parameter"])
            for norm in norms.itertuples():
                values = own[norm.parameter].to_numpy(dtype=float)
                _check_unit(values, norm)
                rows.append(dict(zip(keys, names, strict=True)) | _compared(values, norm))
        columns = ["parameter", "n", "mean", "sd", "norm_mean", "norm_sd", "z"]
        columns += ["low", "high", "n_low", "n_high", "conclusion"]
        return pd.DataFrame(rows, columns=[*keys, *columns])

    def knows(self, muscle: Any) -> bool:
        """Tell whether there are norms for a muscle, or for the one that it is a part of.

        Parameters
        ----------
        muscle : str, or missing

        Returns
        -------
        bool
        """
        return self._known(muscle) in set(self.norms["muscle"])

    def _by_norms(self, table: pd.DataFrame) -> pd.DataFrame:
        """Name the muscles of a table as the norms do."""
        return table.assign(muscle=[self._known(name) for name in table["muscle"]])

    def _known(self, muscle: Any) -> Any:
        """Name of the norms of a muscle, without its part unless there are norms of the part."""
        if isinstance(muscle, str) and muscle not in set(self.norms["muscle"]):
            return muscle.split(" (")[0]
        return muscle

    def diagnose(self, muaps: Recordings | pd.DataFrame) -> pd.DataFrame:
        """Judge muscles by the outlier rule alone, without any training.

        Parameters
        ----------
        muaps : DataFrame with one row per potential, or Recordings of signals
            As for :meth:`summary`.

        Returns
        -------
        DataFrame, a row for each muscle (of each subject)
            ``n``, and ``conclusion``: ``"neuropathy"`` where amplitude or duration are too high
            and neither is too low, ``"myopathy"`` where one is too low and neither too high,
            ``"mixed"``, ``"normal"``, or why there is no verdict.

        Raises
        ------
        ValueError
            As :meth:`summary`.
        """
        summary = self.summary(muaps)
        keys = [key for key in ("subject", "muscle") if key in summary]
        rows = [
            dict(zip(keys, names, strict=True))
            | {"n": own["n"].iloc[0], "conclusion": _diagnosis(own)}
            for names, own in summary.groupby(keys, sort=False)
        ]
        return pd.DataFrame(rows, columns=[*keys, "n", "conclusion"])


def _diagnosis(summary: pd.DataFrame) -> str:
    """Conclude from the parameters of one muscle, which all have the same number of potentials."""
    if summary["n"].iloc[0] < LEAST_MUAPS:
        return TOO_FEW
    conclusions = summary.loc[summary["parameter"].isin(["amplitude", "duration"]), "conclusion"]
    if NO_LIMITS in set(conclusions) or not len(conclusions):
        return NO_LIMITS
    low = any("low" in one for one in conclusions)
    high = any("high" in one for one in conclusions)
    return {(False, False): "normal", (True, False): "myopathy", (False, True): "neuropathy"}.get(
        (low, high), "mixed"
    )


TOO_FEW, NO_LIMITS = f"fewer than {LEAST_MUAPS} potentials", "no limits"


def _check_unit(values: Any, norm: Any) -> None:
    """Refuse potentials in another unit than their norms."""
    unit, middle = UNITS.get(norm.parameter), np.median(values) if len(values) else 0.0
    if unit is None or not middle > 0 or not norm.mean > 0:
        return
    if not 1 / OTHER_UNIT < middle / norm.mean < OTHER_UNIT:
        raise ValueError(
            f"The median {norm.parameter} of potentials of {shown(norm.muscle)} is {middle:.3g}, "
            f"and the mean of its norms {norm.mean:.3g}: give both in {unit}."
        )


def _compared(values: Any, norm: Any) -> dict[str, Any]:
    """Row of the summary for the potentials of one muscle and one parameter."""
    n_low, n_high = int((values < norm.low).sum()), int((values > norm.high).sum())
    most = MOST_OUTLIERS * len(values) / LEAST_MUAPS
    beyond = [name for name, n in (("low", n_low), ("high", n_high)) if n > most]
    conclusion = " and ".join(beyond) or "normal"
    if np.isnan([norm.low, norm.high]).any():
        conclusion = NO_LIMITS
    if len(values) < LEAST_MUAPS:
        conclusion = TOO_FEW
    mean = values.mean() if len(values) else np.nan
    return {
        "parameter": norm.parameter,
        "n": len(values),
        "mean": mean,
        "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
        "norm_mean": norm.mean,
        "norm_sd": norm.sd,
        "z": (mean - norm.mean) / norm.sd,
        "low": norm.low,
        "high": norm.high,
        "n_low": n_low,
        "n_high": n_high,
        "conclusion": conclusion,
    }


def _norm_of(values: list[Any], skewed: bool) -> tuple[float, float, float, float]:
    """Mean and SD of the subjects' means, and limits from their third smallest and largest."""
    means = [own.mean() for own in values]
    scale, back = (np.log, np.exp) if skewed else (np.asarray, float)
    share = MOST_OUTLIERS / (LEAST_MUAPS - 1)  # the third of 20 in order
    small = [scale(np.quantile(own, share)) for own in values]
    large = [scale(np.quantile(own, 1 - share)) for own in values]
    low = back(np.mean(small) - 2 * np.std(small, ddof=1))
    high = back(np.mean(large) + 2 * np.std(large, ddof=1))
    return float(np.mean(means)), float(np.std(means, ddof=1)), float(low), float(high)


def _measured(X: Any, parameters: Iterable[str], n_jobs: int | None) -> pd.DataFrame:
    """Give the potentials of X; the index is the row of X."""
    if isinstance(X, pd.DataFrame) and "signal" not in X:
        return X.reset_index(drop=True)
    return MuapFeatures(list(parameters), n_jobs=n_jobs).to_frame(X)


def _grouped(table: pd.DataFrame, keys: list[str]) -> dict[Any, pd.DataFrame]:
    return dict(iter(table.groupby(keys, sort=False, observed=True)))
