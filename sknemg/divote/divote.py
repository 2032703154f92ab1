"""DiVote, divide and vote: from the scores of segments to one diagnosis per subject."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import MetaEstimatorMixin
from sklearn.model_selection import check_cv
from sklearn.utils import Tags, get_tags
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from sknemg.base import VersionedEstimator, fit_context
from sknemg.divote._answers import SubjectClassifier
from sknemg.divote._items import (
    fit_items,
    out_of_fold_scores,
    score_items,
    score_together,
)
from sknemg.divote._votes import align_columns, other_rate, read_locations, subject_votes
from sknemg.divote.final import FINALS, fit_final, resolve_final
from sknemg.divote.levels import Levels, Scores
from sknemg.divote.pooling import POOLINGS, RECORDING_WEIGHTS, pool_scores, weights_of
from sknemg.model_selection import SubjectKFold
from sknemg.model_selection.torn import (
    forget_starts,
    hash_subjects,
    knowing_parts,
    starts_of,
)
from sknemg.recordings import Recordings, label_subjects, read_subjects
from sknemg.recordings._convert import known_sfreq, to_recordings, wrap
from sknemg.recordings._problems import listed, refuse_masked, rows_of, shown
from sknemg.recordings._subjects import check_known
from sknemg.weights.files import names as shipped_names
from sknemg.weights.network import read_network

#: What to do where recordings hold none of these items.
_MORE_ITEMS = {
    "segment": "shorten the window of the Segmenter",
    "motor unit": "record longer, at lower effort and closer to a unit",
    "interference pattern": "record longer, or shorten the epoch",
    "epoch": "record longer, or shorten the epoch",
}


class DiVoteClassifier(SubjectClassifier, MetaEstimatorMixin, VersionedEstimator):
    """Classify segments, let them vote for their recording, and recordings for their subject.

    The segment classifier is trained on all segments, each with its subject's diagnosis. The
    mean of the segments' scores is the recording's score, the mean of the recordings' scores
    describes the subject, and a final classifier turns it into the diagnosis [1]_. Other means can
    be chosen by `pooling` and `recording_weights`.

    Parameters
    ----------
    estimator : classifier with ``predict_proba``
        The segment classifier; it sees an array of shape (n_segments, ...). Subjects are
        handed on as ``groups`` if it consumes them.
    final_estimator : classifier with ``predict_proba``, "balanced", "logistic", "regularized", \
"auto" or None, default="balanced"
        Trained on the subject features. ``"logistic"`` is a `LogisticRegression` with its defaults,
        as published. It leans towards the classes that are frequent in training, and so, where few
        subjects are left out one by one, away from the truth; ``"balanced"``, the same with
        ``class_weight="balanced"``, corrects for that and is identical if all classes have the same
        number of subjects; ``"regularized"`` is the balanced one with the regularisation (`C` from
        0.001 to 10) that gives held-out training subjects the lowest log-loss. None is the paper's
        simple averaging: the vote of all the subject's recordings is the answer, whatever
        `subject_features` says. ``"auto"`` is None where a class has fewer than 10
        training subjects with a vote, and ``"balanced"`` otherwise.
        ``python -m benchmarks.votes`` compares them.
    subject_features : {"auto", "location", "all"}, default="auto"
        ``"all"``: the mean over all recordings of the subject. ``"location"``: the mean over its
        proximal and over its distal recordings, side by side; each class gets
        ``1 / n_classes`` for a location that the subject lacks, and a recording without a
        location counts in neither mean. ``"auto"``: by location where the training data know any
        (a column ``location``), and all where not.
    pooling : {"mean", "geometric", "entropy", "trimmed"}, default="mean"
        How the scores of segments become one of their recording, and those of recordings one of
        their subject. ``"mean"`` is as published. ``"geometric"``: the mean of logarithms, scores
        below 0.01 counting as that; a vote against a class weighs more. ``"entropy"``: the mean
        weighted by how sure a vote is, 1 minus its entropy as a share of the largest there is.
        ``"trimmed"``: the mean of each class without the highest and the lowest fifth. All add up
        to 1. Fit again after a change of it or of `recording_weights`: the final classifier has
        learned from votes of the old rule.
    recording_weights : {"uniform", "length"}, default="uniform"
        Weight of a recording in the vote for its subject: equal for all, as published, or
        proportional to its number of segments (or other items), so that with the mean all segments
        count equally.
    cv : None, int, splitter or iterable of (train, test), default=None
        Where the training subjects' own features come from. None: from the segment classifier
        that was trained on them, as published; such features are optimistic, since the classifier
        has already seen those subjects. An integer (folds of a `SubjectKFold`) or another split by
        subject: from a classifier that never saw them (out of fold), which in small cohorts was
        less accurate than None, because the inner classifiers are trained on fewer subjects. The
        segment classifier that answers later is trained on all subjects in either case. `cv` has
        no effect without a final estimator; use it with ``"regularized"``, which would otherwise
        trust the votes too much.
    n_jobs : int, default=None
        Number of folds trained at once. The result is the same if a network has as many threads in
        the workers as here: start Python with ``OMP_NUM_THREADS=1`` for that.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : the segment classifier, trained on all segments
    final_estimator_ : the final classifier, or None
    subject_features_ : {"location", "all"}
    votes_ : ndarray of shape (n_subjects, n_features)
        The features that the final estimator was trained on, one row per training subject, without
        their names, since a model is more easily passed on than a cohort. Subjects without a single
        segment are left out. A model from `load_model` has none.
    sfreq_ : float or None
        Sampling rate of the training data in hertz, where it is known; data of another rate are
        refused later.
    knows_subjects_ : bool
        Whether `fit` knew the subjects; if not, each row was taken for one.
    has_several_recordings_ : bool
        Whether any training subject had more than one recording.
    n_features_in_ : int
        Only after `fit` on an array of shape (n_recordings, n_features).

    Notes
    -----
    `X` may be `Recordings` of segments or images, a DataFrame whose column ``signal`` holds an
    array (n_segments, ...) a row, a list of such arrays, an array of shape
    (n_recordings, n_segments, n_times), or an array of shape (n_recordings, n_features), where
    each row is one recording of one segment. Subjects are read from `groups`, else from the
    column ``subject`` of `X`, which is never a feature; where neither knows them, each row is
    its own subject.

    The items that vote are segments, images, or whatever a step has put into the rows, such as the
    motor units of :class:`~sknemg.muap.MuapFeatures`.

    A recording without segments has no vote: it neither speaks for a class nor against one, since
    a needle that met no motor unit says nothing of the disease. A subject none of whose recordings
    has one gets the features of an unknown, ``1 / n_classes`` for each class, as published for a
    location that was not examined, and a warning that names it; its answer is what the final
    estimator makes of that. In training such subjects are left out, and a class of which no
    recording has a segment is warned of, since it can never be answered.

    A bare skorch net takes no string labels; its labels are the positions in ``classes_``.

    A fitted model knows its training subjects as salted hashes, so that `trained_on`, `score` and
    `SubjectScorer` notice a subject that is scored by a model trained on it. The salt follows from
    the training data, since the same fit gives the same bits. Hashes are for checking, not for
    secrecy: whoever has the model can try out all short codes. The names themselves are kept
    nowhere. `save_model` writes neither hashes nor votes; `forget_subjects` drops them before a
    model leaves the house in another way, such as a pickle.

    References
    ----------
    .. [1] J. Yoo et al. (2022). Residual one-dimensional convolutional neural network for
       neuromuscular disorder classification from needle electromyography signals with
       explainability. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    Two recordings of three segments from each of six subjects; the classes differ in size:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknemg import DiVoteClassifier, Recordings, Segmenter
    >>> y = np.repeat(["myopathy", "neuropathy"], 6)
    >>> size = np.where(y == "myopathy", 0.2, 2.0)
    >>> signals = np.random.default_rng(0).uniform(0, size[:, None], (12, 12))
    >>> X = Recordings(signals, sfreq=10, subject=np.repeat(list("abcdef"), 2))
    >>> X = Segmenter(window=0.4, hop=0.4).fit_transform(X)
    >>> model = DiVoteClassifier(LogisticRegression(), cv=3).fit(X, y)
    >>> model.predict(X[[0, 11]]).tolist()
    ['myopathy', 'neuropathy']
    >>> model.levels(X).recordings.loc[[0], ["recording", "subject", "n_items"]]
       recording subject  n_items
    0          0       a           3
    """

    # With metadata routing enabled, subjects reach these methods without further ceremony.
    __metadata_request__fit: ClassVar = {"groups": True}

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit", "predict_proba"])],
        "final_estimator": [
            HasMethods(["fit", "predict_proba"]),
            StrOptions(set(FINALS)),
            None,
        ],
        "subject_features": [StrOptions({"auto", "location", "all"})],
        "pooling": [StrOptions(set(POOLINGS))],
        "recording_weights": [StrOptions(set(RECORDING_WEIGHTS))],
        "cv": ["cv_object"],
        "n_jobs": [None, Integral],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        final_estimator: Any = "balanced",
        subject_features: str = "auto",
        pooling: str = "mean",
        recording_weights: str = "uniform",
        cv: Any = None,
        n_jobs: int | None = None,
    ):
        self.estimator = estimator
        self.final_estimator = final_estimator
        self.subject_features = subject_features
        self.pooling = pooling
        self.recording_weights = recording_weights
        self.cv = cv
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.three_d_array = True
        tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
        return tags

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Train the segment classifier, then the final one on the votes.

        Parameters
        ----------
        X : Recordings, DataFrame, list of arrays or ndarray
            Segments or images, a row for each recording.
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
            If `X` holds signals instead of segments, if a subject has two diagnoses, if
            locations are asked for and unknown, or if `cv` splits a subject.
        """
        if y is not None:  # of which scikit-learn says its own
            check_known(y)
        labels = validate_data(self, y=y)
        check_classification_targets(labels)
        data = self._check_X(X, reset=True)
        if not len(data.items):
            raise ValueError(f"No recording has a {_item_of(data)}: {_MORE_ITEMS[_item_of(data)]}.")
        check_consistent_length(data, labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds one class only, {shown(self.classes_[0])}: give rows of two or more."
            )
        seen = np.unique(codes[data.lengths > 0])
        if len(seen) < len(self.classes_):
            unseen = np.delete(self.classes_, seen)
            warnings.warn(
                f"No recording with a diagnosis of {shown(unseen)} has a {_item_of(data)}, so that "
                f"it can never be the answer: {_MORE_ITEMS[_item_of(data)]}.",
                stacklevel=2,
            )
        subjects = read_subjects(X, groups)
        self.knows_subjects_ = subjects is not None
        self._subject_salt = _salt(data)
        self._subject_hashes = np.empty(0, dtype=np.uint64)
        self.has_several_recordings_ = False
        if subjects is not None:
            each = pd.Series(subjects).drop_duplicates().to_numpy()
            self._subject_hashes = np.sort(hash_subjects(each, self._subject_salt))
            self.has_several_recordings_ = len(each) < len(data)
        subjects = np.arange(len(data)) if subjects is None else subjects
        subject, names, first = label_subjects(labels, subjects)
        voted = np.unique(subject[data.lengths > 0])
        final = resolve_final(self.final_estimator, labels[first[voted]], self.classes_)
        self.subject_features_ = self._choose_features(data, final)
        self.item_shape_, self.sfreq_ = data.item_shape, known_sfreq(data)
        self._check_stated_rates()
        self._check_initial_rate()

        scores = self._train(data, codes, subjects, out_of_fold=final is not None)
        _, votes = self._vote(data, scores, subject, len(names))
        self.votes_ = votes[voted]
        self.final_estimator_ = None
        if final is not None:
            self.final_estimator_ = fit_final(final, votes[voted], labels[first[voted]])
        return self

    def levels(self, X: Any, groups: ArrayLike | None = None) -> Levels:
        """Show the scores of items, recordings and subjects.

        Parameters
        ----------
        X : Recordings, DataFrame, list of arrays or ndarray
        groups : array-like of shape (n_recordings,), default=None
            Subjects; by default the column ``subject`` of `X`.

        Returns
        -------
        Levels
            Four DataFrames: ``items``, ``recordings``, ``subjects`` and ``votes``.
        """
        return self._levels(X, groups)

    def _levels(
        self, X: Any, groups: ArrayLike | None = None, scored: NDArray[Any] | None = None
    ) -> Levels:
        """Show the levels of what `_score_ahead` may have scored before."""
        return self._score(X, groups, scored).levels(self.classes_)

    def _score_ahead(self, inputs: Sequence[Any]) -> list[NDArray[np.float64]]:
        """Score the items of several inputs in one pass; the scores are those of each alone."""
        check_is_fitted(self)
        parts = [self._check_X(X, reset=False) for X in inputs]
        return score_together(self.estimator_, parts, self.classes_)

    def trained_on(self, subjects: ArrayLike) -> NDArray[np.bool_]:
        """Tell which subjects were in training.

        Parameters
        ----------
        subjects : array-like of shape (n_subjects,)

        Returns
        -------
        ndarray of shape (n_subjects,), bool
            All False if `fit` knew no subjects, or after `forget_subjects`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import LogisticRegression
        >>> X, y = np.eye(4), ["normal", "normal", "myopathy", "myopathy"]
        >>> model = DiVoteClassifier(LogisticRegression()).fit(X, y, groups=list("abcd"))
        >>> model.trained_on(["a", "e"]).tolist()
        [True, False]
        """
        check_is_fitted(self)
        if not len(self._subject_hashes):
            return np.zeros(np.shape(subjects)[0], dtype=bool)
        return np.isin(hash_subjects(subjects, self._subject_salt), self._subject_hashes)

    def forget_subjects(self) -> Self:
        """Drop what the model knows of its training subjects: their hashes and their votes.

        Predictions stay as they are. Torn subjects are no longer noticed. A model in ``init`` of a
        network inside is replaced by a copy that forgets, too.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self._subject_salt, self._subject_hashes = "", np.empty(0, dtype=np.uint64)
        self.__dict__.pop("votes_", None)
        forget_starts(self, self.estimator_)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "final_estimator_")

    # -- steps ---------------------------------------------------------------------------------

    def _check_X(self, X: Any, reset: bool) -> Recordings:
        if reset:
            self.__dict__.pop("n_features_in_", None)  # of an earlier fit on another container
        refuse_masked(X)
        data = to_recordings(X)
        if data is None:
            finite = not get_tags(self).input_tags.allow_nan
            if isinstance(X, pd.DataFrame):
                X = X.drop(columns="subject", errors="ignore")  # a feature that tells who it is
            X = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite=finite)
            data = wrap(X, len(X), 1)
        if not len(data):
            raise ValueError("X holds no recordings.")
        if data.item_shape == ():
            raise ValueError(
                "X holds signals, not segments: put a Segmenter before the DiVoteClassifier."
            )
        if not reset and data.item_shape != self.item_shape_:
            raise ValueError(
                f"X holds items of shape {data.item_shape}, fit saw items of {self.item_shape_}: "
                "make them as for fit."
            )
        return data

    def _check_stated_rates(self) -> None:
        """Refuse a step on bare segments that was told another rate than theirs."""
        for name, rate in self.estimator.get_params().items():
            stated = name.endswith("input_sfreq") and None not in (rate, self.sfreq_)
            if stated and rate != self.sfreq_:
                raise ValueError(
                    f"estimator has {name}={rate:g}, but the segments are sampled at "
                    f"{self.sfreq_:g} Hz: set it to that, or put a Downsampler first."
                )

    def _check_initial_rate(self) -> None:
        """Refuse to start from a network that is known to have learned at another rate."""
        if self.sfreq_ is None:
            return
        for name, value in starts_of(self.estimator):
            if isinstance(value, str) and value in shipped_names():
                said, rates = repr(value), {read_network(value).sfreq}
            else:
                parts = knowing_parts(value)
                said = type(value).__name__
                rates = {part.sfreq_ for part in parts if hasattr(part, "sfreq_")}
            for learned in rates:
                if learned not in (None, self.sfreq_):
                    raise ValueError(
                        f"estimator has {name}={said}, which learned from segments sampled at "
                        f"{learned:.10g} Hz, but these are sampled at {self.sfreq_:.10g} Hz: put "
                        f"Downsampler({learned:.10g}) before the Segmenter."
                    )

    def _choose_features(self, data: Recordings, final: Any) -> str:
        known = "location" in data and bool(data["location"].notna().any())
        wanted = self.subject_features
        if wanted == "location" and not known:
            raise ValueError(
                "subject_features='location' needs locations: give X a column 'location' with "
                "'proximal' and 'distal', or set subject_features='all'."
            )
        if wanted == "all" or not known or final is None:
            return "all"
        return "location"

    def _train(
        self, data: Recordings, codes: NDArray[Any], subjects: NDArray[Any], *, out_of_fold: bool
    ) -> NDArray[np.float64]:
        """Train the segment classifier; return the scores that the votes are taken from."""
        self.estimator_ = fit_items(self.estimator, data, codes, self.classes_, subjects)
        if self.cv is None or not out_of_fold:
            return score_items(self.estimator_, data, self.classes_)
        cv = SubjectKFold(int(self.cv)) if isinstance(self.cv, Integral) else check_cv(self.cv)
        with warnings.catch_warnings():  # whether subjects are torn is looked at all the same
            warnings.filterwarnings("ignore", "The groups parameter is ignored by")
            folds = list(cv.split(np.zeros(len(data)), self.classes_[codes], subjects))
        return out_of_fold_scores(
            self.estimator, data, codes, self.classes_, subjects, folds, self.n_jobs
        )

    def _vote(
        self, data: Recordings, item_scores: NDArray[Any], subject: NDArray[Any], n_subjects: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rule = self.pooling
        recording_scores = pool_scores(item_scores, data.row_index, len(data), pooling=rule)
        location = None
        if self.subject_features_ == "location":
            location = read_locations(data)
        voteless = ~np.isin(subject, subject[data.lengths > 0])
        if voteless.any():
            rows = listed(rows_of(data.meta, np.flatnonzero(voteless)), "row")
            warnings.warn(
                f"Subjects without a single {_item_of(data)} have no vote, {rows}: leave them out, "
                f"or {_MORE_ITEMS[_item_of(data)]}.",
                stacklevel=3,
            )
        weights = weights_of(self.recording_weights, data.lengths)
        return recording_scores, subject_votes(
            recording_scores, subject, n_subjects, location, pooling=rule, weights=weights
        )

    def _score(
        self, X: Any, groups: ArrayLike | None, scored: NDArray[Any] | None = None
    ) -> Scores:
        check_is_fitted(self)
        data = self._check_X(X, reset=False)
        rate = known_sfreq(data)
        if rate is not None and self.sfreq_ is not None and rate != self.sfreq_:
            raise ValueError(other_rate(rate, self.sfreq_))
        subject, names = self._number_subjects(X, groups, len(data))
        if scored is None:
            (scored,) = score_together(self.estimator_, [data], self.classes_)
        recording_scores, votes = self._vote(data, scored, subject, len(names))
        proba = self._answer(votes)
        return Scores(data, subject, names, scored, recording_scores, votes, proba)

    def _answer(self, votes: NDArray[Any]) -> NDArray[np.float64]:
        """Score the diagnoses of subjects by their features."""
        if self.final_estimator_ is None:
            return votes
        proba = np.asarray(self.final_estimator_.predict_proba(votes))
        if len(wrong := np.flatnonzero(~np.isfinite(proba).all(axis=1))):
            raise ValueError(
                f"The final estimator, {type(self.final_estimator_).__name__}, scores NaN or "
                f"infinity for {len(wrong)} of {len(votes)} subjects, first with the votes "
                f"{shown(votes[wrong[0]])}: give another one."
            )
        return align_columns(proba, self.final_estimator_.classes_, self.classes_)


def _item_of(data: Recordings) -> str:
    """Name what votes, for messages."""
    named = data["item"].iloc[0] if "item" in data else "segment"
    return named if named in _MORE_ITEMS else "segment"


def _salt(data: Recordings) -> str:
    """Derive a salt from the training data: by chance, one fit would differ from the next."""
    salt = hashlib.blake2b(data.offsets.tobytes(), digest_size=16)
    step = max(1, len(data.items) // 1024)
    salt.update(np.ascontiguousarray(data.items[::step]).tobytes())
    return salt.hexdigest()
