"""A network that comes with sknemg, adapted to recordings whose diagnoses are not known."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from sknemg.classifiers.adaptation import adapted_network
from sknemg.diagnosis.examining import MOST_SHARES
from sknemg.diagnosis.plausibility import Plausibility
from sknemg.divote.divote import DiVoteClassifier
from sknemg.model_selection.origin import ADAPTED
from sknemg.pretrained.loading import load
from sknemg.recordings import Recordings, read_subjects
from sknemg.recordings._convert import to_recordings
from sknemg.recordings._problems import capped
from sknemg.weights.network import read_network


def adapted_pipeline(
    X: Any, name: str = "volitional-small", *, share: float = 0.5, random_state: Any = 0
) -> Pipeline:
    """Give the pipeline of a network that comes with sknemg, adapted to recordings of your own.

    Machines, muscles and efforts of a laboratory differ from the simulated ones. Mean and variance
    by which the network normalises its channels move towards those of `X`, for which no diagnosis
    is needed; all weights stay. It learns what is usual among `X`, so that these should be the
    recordings of many subjects, a good share of each diagnosis among them: where nearly all are ill
    alike, being ill becomes what is usual.

    Parameters
    ----------
    X : Recordings, or DataFrame with the columns signal and sfreq
        Recordings of as many subjects as possible, who may be those to be diagnosed. Hum does not
        matter, since it is filtered out.
    name : str, default="volitional-small"
        A model of `names` that is a network.
    share : float, default=0.5
        Weight of the means and variances of `X`, 0 to 1; those of the simulated patients have the
        rest.
    random_state : int, RandomState or None, default=0
        Order of the segments.

    Returns
    -------
    Pipeline
        Fitted, from recordings to scores. What the shipped model has learned about how sure it may
        be and whom to refuse does not hold for it: ``Diagnostician(FrozenEstimator(pipeline))``
        learns it anew, from subjects of known diagnosis.

    Raises
    ------
    ValueError
        If there is no such model, if it is no network, if `X` has no rates, holds a single subject,
        or holds recordings that are too short, flat, clipped or sampled below 10 kHz, or if `share`
        is no number from 0 to 1.

    See Also
    --------
    fine_tuning_pipeline : Train it further on subjects of known diagnosis.

    Examples
    --------
    >>> from sknemg.pretrained import adapted_pipeline
    >>> from sknemg.simulate import make_cohort
    >>> X, _ = make_cohort(3, sfreq=10_000, random_state=0)
    >>> before, after = (adapted_pipeline(X, share=k).predict_proba(X) for k in (0, 0.5))
    >>> bool(abs(after - before).max() > 0.01)
    True
    """
    read_network(name)  # which says of any other model that it holds none
    data = to_recordings(X)
    if data is None or (len(data) and data["sfreq"].isna().all()):  # a list knows no rate
        raise ValueError(
            f"X is a {type(X).__name__} without rates: give Recordings, or a DataFrame with the "
            "columns signal and sfreq."
        )
    model = load(name)
    _check(data, model.plausibility_)
    pipeline = model.estimator_
    segments = pipeline[:-1].transform(data)
    votes = adapted_votes(pipeline[-1], segments, share=share, random_state=random_state)
    return Pipeline([*pipeline.steps[:-1], (pipeline.steps[-1][0], votes)])


def adapted_votes(
    votes: DiVoteClassifier, segments: Recordings, *, share: float = 0.5, random_state: Any = 0
) -> DiVoteClassifier:
    """Copy the votes of a network that comes with sknemg, with the network adapted to segments.

    Parameters
    ----------
    votes : fitted DiVoteClassifier
        It stays as it is.
    segments : Recordings of segments
    share : float, default=0.5
    random_state : int, RandomState or None, default=0
        As in `adapted_pipeline`.

    Returns
    -------
    fitted DiVoteClassifier
    """
    adapted = copy(votes)
    adapted.estimator_ = adapted_network(
        votes.estimator_, segments.items, share=share, random_state=random_state
    )
    adapted.estimator_.caution_ = ADAPTED
    return adapted


def _check(X: Recordings, known: Plausibility) -> None:
    """Refuse recordings of one subject, and such that hold no signal."""
    subjects = read_subjects(X)
    if subjects is not None and len(set(subjects)) < 2:
        raise ValueError(
            f"X has {len(subjects)} recordings of one subject: what is usual is learned over "
            "subjects, so give recordings of several, some of each diagnosis."
        )
    found = known.examine(X)
    empty = found["flat"].isna()  # too short, flat or at a rate below that of the model
    for name in ("flat", "clipped"):
        empty |= found[name] > MOST_SHARES[name]
    if rows := np.flatnonzero(empty).tolist():
        why = [f"row {row} ({found['unusable'].iloc[row]})" for row in rows]
        raise ValueError(f"Nothing can be learned from {capped(why)}: leave these out.")
