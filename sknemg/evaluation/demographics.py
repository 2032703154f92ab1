"""Table of demographics: subjects and recordings of each diagnosis, with tests."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sknemg.recordings import Recordings
from sknemg.recordings._problems import listed, shown
from sknemg.recordings._subjects import check_labels, check_subjects, label_subjects

_TESTS = ("p", "test")


def demographics_table(
    X: Recordings,
    y: ArrayLike,
    *,
    categorical: Sequence[str] = (),
    continuous: Sequence[str] = (),
) -> pd.DataFrame:
    """Describe the subjects and recordings of each diagnosis, with tests of difference.

    Pearson's χ² (without Yates' correction) compares counts, the Kruskal-Wallis test continuous
    variables, as in the readers' study [1]_.

    Parameters
    ----------
    X : Recordings of signals
        With the column ``subject``; with ``location``, the recordings are counted by it.
    y : array-like of shape (n_recordings,)
        Diagnoses; all recordings of a subject have the same.
    categorical, continuous : sequence of str, default=()
        Further columns of `X` that describe a subject, such as ``["sex"]`` and ``["age"]``. Where
        the recordings of a subject differ, its first entry counts, and a warning names it.

    Returns
    -------
    DataFrame, a column for each diagnosis, then ``p`` and ``test``
        Counts with percentages of what is known, or means ± standard deviations, as text; "–" where
        nothing is known. ``p`` is NaN where nothing is tested or the test is undefined. A diagnosis
        that is itself named ``p`` or ``test`` has the column ``"p (diagnosis)"``.

    Raises
    ------
    ValueError
        If subjects or diagnoses are missing, a subject has two diagnoses, or `X` lacks a column.

    Warns
    -----
    UserWarning
        Naming the columns that differ within a subject, and the subjects.

    References
    ----------
    .. [1] I. Yoo et al., Deep learning model for needle electromyography electrodiagnosis in
       comparison with physician assessment, Table 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.evaluation import demographics_table
    >>> X = Recordings(np.zeros((6, 100)), sfreq=100, subject=list("aabbcd"), age=[30] * 6)
    >>> table = demographics_table(X, ["myopathy"] * 3 + ["myopathy"] + ["normal"] * 2)
    >>> table[["myopathy", "normal"]]
                             myopathy     normal
    subjects                        2          2
    recordings                      4          2
    recordings per subject  2.0 ± 0.0  1.0 ± 0.0
    total length (s)              4.0        2.0
    """
    for name, columns in (("categorical", categorical), ("continuous", continuous)):
        if isinstance(columns, str):
            raise ValueError(f"{name}={columns!r} is one text: give a list, [{columns!r}].")
    described = [*categorical, *continuous]
    if lacking := [name for name in ["subject", *described] if name not in X]:
        raise ValueError(
            f"X has no columns {shown(lacking)}: name columns of X.meta, {shown(X.meta.columns)}."
        )
    subject = check_subjects(X["subject"], len(X))
    y = pd.Series(check_labels(y, len(X)))
    label_subjects(y, subject)
    by_subject = X.meta.groupby(subject, sort=False)
    _warn_if_differing(by_subject, described)
    diagnosis = y.groupby(subject, sort=False).first()
    labels = sorted(diagnosis.unique(), key=str)
    columns = diagnosis_columns(labels, _TESTS)
    rows: dict[str, dict[str, Any]] = {}

    def add(name: str, cells: list[str], p: float = np.nan, test: str = "") -> None:
        rows[name] = dict(zip(columns, cells, strict=True)) | {"p": p, "test": test}

    def split(values: pd.Series) -> list[pd.Series]:
        return [values[diagnosis == label] for label in labels]

    add("subjects", [str(len(own)) for own in split(diagnosis)])
    for name in categorical:
        _add_counts(add, name, by_subject[name].first(), diagnosis, labels)
    for name in continuous:
        _add_means(add, name, split(by_subject[name].first()))
    add("recordings", [str(np.sum(y == label)) for label in labels])
    if "location" in X:
        _add_counts(add, "location", X["location"], y, labels)
    _add_means(add, "recordings per subject", split(by_subject.size()))
    total = pd.Series(np.asarray(X.durations)).groupby(y).sum()
    add("total length (s)", [f"{total[label]:.1f}" for label in labels])
    return pd.DataFrame(rows).T[[*columns, *_TESTS]]


def diagnosis_columns(labels: Sequence[Any], others: Sequence[str]) -> list[Any]:
    """Name the columns of diagnoses so that none is taken for another column.

    Parameters
    ----------
    labels : sequence of diagnoses
    others : sequence of str
        The other columns of the table.

    Returns
    -------
    list of columns

    Examples
    --------
    >>> diagnosis_columns(["n", "p"], ["p", "test"])
    ['n', 'p (diagnosis)']
    """
    return [f"{label} (diagnosis)" if label in others else label for label in labels]


def _warn_if_differing(by_subject: Any, columns: Sequence[str]) -> None:
    differing = []
    for name in columns:
        several = by_subject[name].nunique() > 1
        if several.any():
            differing.append(f"{name} ({listed(several.index[several], 'subject')})")
    if differing:
        warnings.warn(
            f"Columns differ within subjects, {', '.join(differing)}, and the first entry of each "
            "counts: correct the entries.",
            stacklevel=3,
        )


def _add_counts(add: Any, name: str, values: pd.Series, by: pd.Series, labels: list[Any]) -> None:
    from scipy.stats import chi2_contingency

    counts = pd.crosstab(values, by).reindex(columns=labels, fill_value=0)
    share = counts / counts.sum() * 100
    tested = min(counts.shape) > 1 and (counts.sum() > 0).all()
    p = float(chi2_contingency(counts, correction=False).pvalue) if tested else np.nan
    for i, level in enumerate(counts.index):
        cells = [
            f"{counts.loc[level, c]} ({share.loc[level, c]:.1f} %)" if counts[c].any() else "–"
            for c in labels
        ]
        add(f"{name}: {level}", cells, *((p, "Pearson χ²") if i == 0 else ()))


def _add_means(add: Any, name: str, samples: list[pd.Series]) -> None:
    from scipy.stats import kruskal

    samples = [sample.dropna().astype(float) for sample in samples]
    spreads = [f" ± {s.std():.1f}" if len(s) > 1 else "" for s in samples]
    cells = [
        f"{s.mean():.1f}{spread}" if len(s) else "–"
        for s, spread in zip(samples, spreads, strict=True)
    ]
    tested = len(samples) > 1 and all(len(s) for s in samples) and pd.concat(samples).nunique() > 1
    p = float(kruskal(*samples).pvalue) if tested else np.nan
    add(name, cells, p, "Kruskal-Wallis")
