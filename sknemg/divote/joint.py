"""Votes of several kinds, such as segments and motor units, joined to one diagnosis per subject."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import Bunch, Tags, get_tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from sknemg.base import VersionedEstimator, fit_context
from sknemg.divote._answers import SubjectClassifier
from sknemg.divote._votes import align_columns, subject_votes
from sknemg.divote.fitted import open_model
from sknemg.divote.levels import Levels, class_columns, votes_frame
from sknemg.divote.opened import Opened
from sknemg.model_selection.fewer import consumes_groups
from sknemg.model_selection.torn import forget_starts, knowing_parts, trained_on
from sknemg.recordings import label_subjects, read_subjects
from sknemg.recordings._carry import carries_subjects, with_subjects
from sknemg.recordings._problems import listed, rows_of, shown
from sknemg.recordings._subjects import check_known

_NO_VOTE = "Subjects without a single "  # how the warning of a member begins


class JointVoteClassifier(SubjectClassifier, _BaseComposition, VersionedEstimator):
    """Let several kinds of items vote for a recording together, and recordings for their subject.

    Each member is a pipeline that ends in a :class:`DiVoteClassifier`: one of segments, one of
    motor units, one of the interference pattern. A recording's score is the weighted geometric mean
    of the scores that its items of each kind give it, and a subject's the mean of its recordings'
    scores. **A kind that is missing is left out**: a recording in which no motor unit was found
    keeps the score that its segments give it, with the same confidence.

    Parameters
    ----------
    estimators : list of (name, estimator)
        Pipelines, or searches of them, that end in a DiVoteClassifier. Their `pooling` makes the
        scores of recordings. Their `recording_weights` and final estimators are not used, and
        recordings count equally: ``final_estimator=None`` saves the time of training them.
    weights : array-like of shape (n_estimators,), default=None
        Weights of the members; equal by default.
    floor : float, default=0.01
        Lower scores are raised to this, so that no single kind can rule out a class.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimators_ : list of the trained members
    named_estimators_ : Bunch
        The same by name.
    knows_subjects_ : bool
        Whether `fit` knew the subjects; if not, each row was taken for one.
    has_several_recordings_ : bool
        Whether any training subject had more than one recording.
    n_features_in_ : int
        Only after `fit` on an array of shape (n_recordings, n_features).

    See Also
    --------
    sklearn.ensemble.VotingClassifier : Means of the members' final answers, in which a kind that
        is missing in a subject votes for what is frequent.

    Notes
    -----
    A subject none of whose recordings has an item of any kind gets ``1 / n_classes`` for each
    class, with a warning.

    Displays and scorers accept it like a DiVoteClassifier. The score of a recording is not the mean
    of its items, so functions that explain single items
    (:func:`~sknemg.inspection.diagnosis_drivers`, traces with scores) take one of
    ``named_estimators_`` instead.

    Examples
    --------
    Two kinds: segments of 0.4 s, and one vector of each recording:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknemg import DiVoteClassifier, JointVoteClassifier, Recordings, Segmenter
    >>> y = np.repeat(["myopathy", "neuropathy"], 6)
    >>> size = np.where(y == "myopathy", 0.2, 2.0)
    >>> signals = np.random.default_rng(0).uniform(0, size[:, None], (12, 12))
    >>> X = Recordings(signals, sfreq=10, subject=np.repeat(list("abcdef"), 2))
    >>> def votes(window):
    ...     divote = DiVoteClassifier(LogisticRegression(), final_estimator=None)
    ...     return make_pipeline(Segmenter(window, window, short="drop"), divote)
    >>> model = JointVoteClassifier([("short", votes(0.4)), ("long", votes(1.2))]).fit(X, y)
    >>> model.predict(X[[0, 11]]).tolist()
    ['myopathy', 'neuropathy']
    >>> model.levels(X).items.groupby("kind").size().to_dict()
    {'long': 12, 'short': 36}
    """

    __metadata_request__fit: ClassVar = {"groups": True}

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimators": [list],
        "weights": ["array-like", None],
        "floor": [Interval(Real, 0, 1, closed="neither")],
    }
    #: Votes of a subject are over all its recordings, wherever they were made.
    subject_features_ = "all"
    final_estimator_ = None
    pooling = "mean"
    recording_weights = "uniform"

    def __init__(
        self,
        estimators: list[tuple[str, Any]],
        *,
        weights: ArrayLike | None = None,
        floor: float = 0.01,
    ):
        self.estimators = estimators
        self.weights = weights
        self.floor = floor

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, those of the members by ``name__parameter``.

        Parameters
        ----------
        deep : bool, default=True

        Returns
        -------
        dict
        """
        return dict(self._get_params("estimators", deep=deep))

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also of members, or members by their names.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self
        """
        self._set_params("estimators", **params)
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = [get_tags(estimator) for _, estimator in self.estimators]
        tags.input_tags.allow_nan = all(own.input_tags.allow_nan for own in inner)
        tags.input_tags.three_d_array = all(own.input_tags.three_d_array for own in inner)
        tags.classifier_tags.multi_class = all(own.classifier_tags.multi_class for own in inner)
        return tags

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Train every member on all recordings.

        Parameters
        ----------
        X : Recordings, DataFrame, list of arrays or ndarray
            What the members take, a row for each recording.
        y : array-like of shape (n_recordings,)
            Diagnoses, one to a subject.
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If names or weights are not one to a member, or no recording has an item of a kind.
        TypeError
            If a member does not end in a DiVoteClassifier.
        """
        self._check_members()
        if y is not None:  # of which scikit-learn says its own
            check_known(y)
        labels = validate_data(self, y=y)
        check_classification_targets(labels)
        check_consistent_length(X, labels)
        subjects = read_subjects(X, groups)
        if subjects is not None:
            label_subjects(labels, subjects)
            X = with_subjects(X, subjects)
        fitted = {}
        for name, estimator in self.estimators:
            with _silent_about_single_kinds():
                fitted[name] = _fit(clone(estimator), X, y, subjects)
            opened = _opened(name, fitted[name])
        self.classes_ = opened.classes
        self.knows_subjects_ = subjects is not None
        self.has_several_recordings_ = subjects is not None and len(
            pd.unique(pd.Series(subjects))
        ) < len(labels)
        self.named_estimators_ = Bunch(**fitted)
        for attribute in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(attribute, None)
            if hasattr(self.estimators_[0], attribute):
                setattr(self, attribute, getattr(self.estimators_[0], attribute))
        return self

    @property
    def estimators_(self) -> list[Any]:
        """The trained members, in the order of `estimators`."""
        return list(self.named_estimators_.values())

    def levels(self, X: Any, groups: ArrayLike | None = None) -> Levels:
        """Show the scores of items of every kind, of recordings and of subjects.

        Parameters
        ----------
        X : Recordings, DataFrame, list of arrays or ndarray
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.

        Returns
        -------
        Levels
            As of a DiVoteClassifier. ``items`` has a column ``kind``, the name of the member,
            and ``n_items`` counts the items of all kinds.
        """
        return self._levels(X, groups)

    def _levels(self, X: Any, groups: ArrayLike | None = None, scored: Any = None) -> Levels:
        """Show the levels of what `_score_ahead` may have scored before."""
        return self._score(X, groups, scored).levels

    def _score_ahead(self, inputs: Sequence[Any]) -> list[Any]:
        """Score the items of several inputs in one pass for each member."""
        check_is_fitted(self)
        each = [open_model(member).score_ahead(inputs) for member in self.estimators_]
        return list(zip(*each, strict=True))

    def trained_on(self, subjects: ArrayLike) -> NDArray[np.bool_]:
        """Tell which subjects were in training.

        Parameters
        ----------
        subjects : array-like of shape (n_subjects,)

        Returns
        -------
        ndarray of shape (n_subjects,), bool
            All False if `fit` knew no subjects, or after `forget_subjects`.
        """
        check_is_fitted(self)
        seen = [trained_on(member, subjects) for member in self.estimators_]
        return np.any(seen, axis=0)

    def forget_subjects(self) -> Self:
        """Drop what the members know of their training subjects, as a DiVoteClassifier does.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        forget_starts(self)
        for member in self.estimators_:
            for part in knowing_parts(member):
                part.forget_subjects()
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return "named_estimators_" in self.__dict__

    # -- steps ---------------------------------------------------------------------------------

    def _check_members(self) -> None:
        if not self.estimators:
            raise ValueError("estimators is empty: give a list of (name, estimator).")
        self._validate_names([name for name, _ in self.estimators])
        for name, estimator in self.estimators:
            if not hasattr(estimator, "fit"):
                raise TypeError(
                    f"The estimator {name!r} is {shown(estimator)}: give a pipeline that ends in a "
                    "DiVoteClassifier, or leave it out of the list."
                )
        self._member_weights(len(self.estimators))

    def _member_weights(self, n_members: int) -> NDArray[np.float64]:
        """Give a weight for each of so many members, whenever the weights were set."""
        if self.weights is None:
            return np.ones(n_members)
        weights = np.asarray(self.weights, dtype=float)
        right = weights.shape == (n_members,) and np.isfinite(weights).all()
        if not right or (weights < 0).any() or not weights.any():
            raise ValueError(
                f"weights={self.weights!r} must be {n_members} numbers >= 0, one for each "
                "estimator, not all 0."
            )
        return weights

    def _check_fitted_members(self) -> None:
        """Hold members that were not trained here to what `fit` asks of its own."""
        self._check_members()
        known = set(self.classes_.tolist())
        for name, member in self.named_estimators_.items():
            if not set(_opened(name, member).classes.tolist()) <= known:
                raise ValueError(f"The estimator {name!r} knows classes that the whole does not.")

    def _answer(self, votes: NDArray[Any]) -> NDArray[np.float64]:
        """Score the diagnoses of subjects by their features: the votes themselves."""
        return votes

    def _score(
        self, X: Any, groups: ArrayLike | None, scored: Sequence[Any] | None = None
    ) -> _JointScores:
        check_is_fitted(self)
        self._validate_params()  # which may have been set after fit
        weights = self._member_weights(len(self.estimators_))
        subjects = read_subjects(X, groups)
        opened = [open_model(member) for member in self.estimators_]
        with _silent_about_single_kinds():
            known = [None] * len(opened) if scored is None else scored
            each = [
                member.levels(X, subjects, own) for member, own in zip(opened, known, strict=True)
            ]
        tables = [levels.recordings for levels in each]
        kinds = [
            align_columns(
                class_columns(table, member.classes.tolist()).to_numpy(dtype=float),
                member.classes,
                self.classes_,
            )
            for table, member in zip(tables, opened, strict=True)
        ]
        recordings = joint_scores(kinds, weights=weights, floor=self.floor)
        subject, names = self._number_subjects(X, groups, len(recordings))
        votes = subject_votes(recordings, subject, len(names))
        voted = np.unique(subject[~np.isnan(recordings).any(axis=1)])
        voteless = np.flatnonzero(~np.isin(subject, voted))
        if len(voteless):
            meta = X if isinstance(X, pd.DataFrame) else getattr(X, "meta", None)
            rows = voteless if meta is None else rows_of(meta, voteless)
            warnings.warn(
                f"Subjects without an item of any kind have no vote, {listed(rows, 'row')}: "
                "leave them out, or record longer.",
                stacklevel=3,
            )
        kind_names = list(self.named_estimators_)
        return _JointScores(subject, names, votes, recordings, kind_names, each, self)


class _JointScores:
    """Scores of subjects, and the tables below them, made when they are asked for."""

    def __init__(
        self,
        subject: NDArray[Any],
        names: NDArray[Any],
        subjects: NDArray[np.float64],
        recordings: NDArray[np.float64],
        kinds: Sequence[str],
        each: Sequence[Any],
        model: JointVoteClassifier,
    ):
        self.subject, self.names, self.subjects = subject, names, subjects
        self.recordings, self.kinds, self.each, self.model = recordings, kinds, each, model

    @property
    def levels(self) -> Levels:
        labels = self.model.classes_.tolist()
        first = self.each[0].recordings
        known = [name for name in ("recording", "subject", "muscle", "location") if name in first]
        rows = first[known].copy()
        items = pd.concat(
            [
                levels.items.assign(kind=kind)
                for kind, levels in zip(self.kinds, self.each, strict=True)
            ]
        ).sort_values("recording", kind="stable", ignore_index=True)
        before = [*known, "kind", "item", *(["start"] if "start" in items else [])]
        rows["n_items"] = np.bincount(items["recording"].astype(int), minlength=len(rows))
        subjects = pd.DataFrame(index=pd.Index(self.names, name="subject"))
        subjects["n_recordings"] = np.bincount(self.subject, minlength=len(self.names))
        total = np.bincount(
            self.subject, weights=rows["n_items"].to_numpy(), minlength=len(self.names)
        )
        subjects["n_items"] = total.astype(np.int64)
        subjects = subjects.join(pd.DataFrame(self.subjects, columns=labels, index=subjects.index))
        subjects["prediction"] = self.model.classes_[self.subjects.argmax(axis=1)]
        return Levels(
            items[before].join(class_columns(items, labels)),
            rows.join(pd.DataFrame(self.recordings, columns=labels)),
            subjects,
            votes_frame(self.subjects, self.names, self.model.classes_),
        )


def joint_scores(
    kinds: Sequence[NDArray[np.float64]], *, weights: ArrayLike, floor: float
) -> NDArray[np.float64]:
    """Average scores of several kinds geometrically, leaving out those that are missing.

    Parameters
    ----------
    kinds : sequence of ndarrays of shape (n_recordings, n_classes)
        NaN in the rows of recordings without an item of the kind.
    weights : array-like of shape (n_kinds,)
    floor : float
        Scores below count as this.

    Returns
    -------
    ndarray of shape (n_recordings, n_classes)
        NaN where every kind is missing, or has no weight. A single kind is handed on unchanged
        but for the floor.

    Examples
    --------
    >>> nan = np.nan
    >>> segments = np.array([[0.5, 0.5], [0.8, 0.2], [nan, nan]])
    >>> units = np.array([[0.8, 0.2], [nan, nan], [nan, nan]])
    >>> joint_scores([segments, units], weights=[1, 1], floor=0.01).round(2)
    array([[0.67, 0.33],
           [0.8 , 0.2 ],
           [ nan,  nan]])
    """
    scores = np.stack(list(kinds))
    known = ~np.isnan(scores).any(axis=2, keepdims=True)
    share = np.asarray(weights, dtype=float)[:, None, None] * known
    total = share.sum(axis=0)
    logs = np.where(known, np.log(np.maximum(np.where(known, scores, 1.0), floor)), 0.0)
    with np.errstate(invalid="ignore"):
        mean = np.exp((share * logs).sum(axis=0) / total)  # NaN where the total is 0
    return mean / mean.sum(axis=1, keepdims=True)


def _opened(name: str, member: Any) -> Opened:
    """Open a fitted member, whose items vote."""
    if not (opened := open_model(member)).votes:
        raise TypeError(
            f"The estimator {name!r}, {type(member).__name__}, has no votes: let it end in a "
            "DiVoteClassifier."
        )
    return opened


def _fit(estimator: Any, X: Any, y: Any, subjects: NDArray[Any] | None) -> Any:
    if subjects is None or carries_subjects(X):
        return estimator.fit(X, y)
    if not consumes_groups(estimator):
        raise ValueError(
            f"{type(estimator).__name__} does not hand groups on: give Recordings, or a DataFrame "
            "with the columns 'signal' and 'subject'."
        )
    with config_context(enable_metadata_routing=True):
        return estimator.fit(X, y, groups=subjects)


@contextmanager
def _silent_about_single_kinds() -> Iterator[None]:
    """Let a member be silent about subjects that have no vote of its kind: others may vote."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_NO_VOTE)
        yield
