"""A network that comes with sknemg, adapted to recordings whose diagnoses are not known."""

from __future__ import annotations

from copy import copy
from typing import Any

from sklearn.pipeline import Pipeline

from sknemg.classifiers.adaptation import adapted_network
from sknemg.pretrained.loading import load
from sknemg.recordings import read_subjects
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
    X : Recordings, or list of arrays
        As for ``predict``, of as many subjects as there are; they may be those to be judged.
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
        If there is no such model, if it is no network, if `X` has recordings of one subject or
        fewer than two segments, or if `share` is no number from 0 to 1.

    See Also
    --------
    fine_tuning_pipeline : Train it further on subjects of known diagnosis.

    Examples
    --------
    >>> from sknemg.pretrained import adapted_pipeline
    >>> from sknemg.simulate import make_cohort
    >>> X, _ = make_cohort(3, sfreq=10_000, random_state=0)
    >>> adapted_pipeline(X).predict(X).shape == (len(X),)
    True
    """
    read_network(name)  # which says of any other model that it holds none
    subjects = read_subjects(X)
    if subjects is not None and len(set(subjects)) < 2:
        raise ValueError(
            f"X has {len(subjects)} recordings of one subject: what is usual is learned over "
            "subjects, so give recordings of several, some of each diagnosis."
        )
    pipeline = load(name).estimator_
    segments = pipeline[:-1].transform(X)
    votes = copy(pipeline[-1])
    votes.estimator_ = adapted_network(
        votes.estimator_, segments.items, share=share, random_state=random_state
    )
    return Pipeline([*pipeline.steps[:-1], (pipeline.steps[-1][0], votes)])
