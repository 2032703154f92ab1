"""Train on some subjects of each class only: learning curves and halving searches by subject."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, _safe_indexing, get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from sknemg.base import VersionedEstimator, fit_context
from sknemg.recordings._subjects import check_labels, label_subjects, read_subjects

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _inner_has(method: str) -> Callable[[_Method], _Method]:
    """Offer a method if the classifier inside has it."""

    def check(self: FewerSubjects) -> bool:
        inner = getattr(self, "estimator_", self.estimator)
        last = inner[-1] if method == "levels" and isinstance(inner, Pipeline) else inner
        return hasattr(last, method)

    decorator: Callable[[_Method], _Method] = available_if(check)
    return decorator


class FewerSubjects(ClassifierMixin, MetaEstimatorMixin, VersionedEstimator):
    """A classifier that is trained on some subjects of each class only.

    scikit-learn's ``learning_curve`` and halving searches make the training set smaller row by
    row, so that a small one holds a part of each subject's recordings, or none of a class. Here the
    number of subjects is a parameter: the resource of a halving search, or the axis of a learning
    curve.

    Parameters
    ----------
    estimator : classifier
    n_subjects : int, default=None
        Subjects of each class. A class that has fewer gives all of them; None takes everybody.
    random_state : int, default=0
        Draws the subjects. With one seed fewer subjects are part of more, and all candidates of a
        search see the same ones.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : the classifier, trained on the chosen subjects
    n_features_in_ : int
        Only if `estimator_` has it.

    See Also
    --------
    SubjectKFold : Splits that keep subjects together.

    Notes
    -----
    A learning curve: ``evaluate({f"{n}": FewerSubjects(model, n) for n in (2, 4, 8)}, X, y)``
    tests every size on the same folds, and `scores_of` gives the intervals. A halving search:
    ``HalvingGridSearchCV(FewerSubjects(model), grid, resource="n_subjects", max_resources=8,
    cv=SubjectKFold(5), return_train_score=False)``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknemg import DiVoteClassifier, FewerSubjects
    >>> X, y = np.eye(8), np.repeat(["myopathy", "normal"], 4)
    >>> names = np.repeat(list("abcd"), 2)
    >>> model = FewerSubjects(DiVoteClassifier(LogisticRegression()), n_subjects=1)
    >>> model.fit(X, y, groups=names).estimator_.trained_on(list("abcd")).sum()
    np.int64(2)
    """

    __metadata_request__fit: ClassVar = {"groups": True}
    __metadata_request__predict: ClassVar = {"groups": True}
    __metadata_request__predict_proba: ClassVar = {"groups": True}
    __metadata_request__score: ClassVar = {"groups": True}

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit", "predict"])],
        "n_subjects": [None, Interval(Integral, 1, None, closed="left")],
        "random_state": [None, Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self, estimator: Any, n_subjects: int | None = None, *, random_state: int | None = 0
    ):
        self.estimator = estimator
        self.n_subjects = n_subjects
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.classifier_tags = inner.classifier_tags
        return tags

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Choose subjects of each class and train the classifier on their rows.

        Parameters
        ----------
        X : Recordings, DataFrame or any other container of n_rows rows
        y : array-like of shape (n_rows,)
            Diagnoses, one to a subject.
        groups : array-like of shape (n_rows,), default=None
            Subjects; by default the column ``subject`` of `X`. Where neither knows them, each row
            is its own subject.

        Returns
        -------
        self
        """
        rows: Any = slice(None)
        subjects = read_subjects(X, groups)
        if self.n_subjects is not None:
            each = np.arange(_num_samples(X)) if subjects is None else subjects
            y = check_labels(y, len(each))
            rows = self._choose(y, each)
            if len(rows) < len(each):
                X, y = _safe_indexing(X, rows), y[rows]
        options = {} if subjects is None else {"groups": subjects[rows]}
        inner = clone(self.estimator)
        if options and consumes_groups(inner, "fit"):
            with config_context(enable_metadata_routing=True):
                self.estimator_ = inner.fit(X, y, **options)
        else:
            self.estimator_ = inner.fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X: Any, groups: ArrayLike | None = None) -> NDArray[Any]:
        """Predict the class of each row.

        Parameters
        ----------
        X : Recordings, DataFrame or any other container of n_rows rows
        groups : array-like of shape (n_rows,), default=None
            Subjects, handed on if the classifier takes them.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        return self._ask("predict", X, groups)

    @_inner_has("predict_proba")
    def predict_proba(self, X: Any, groups: ArrayLike | None = None) -> NDArray[np.float64]:
        """Score the classes of each row.

        Parameters
        ----------
        X : Recordings, DataFrame or any other container of n_rows rows
        groups : array-like of shape (n_rows,), default=None
            Subjects, handed on if the classifier takes them.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
        """
        return self._ask("predict_proba", X, groups)

    def score(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> float:
        """Return the score of the classifier itself.

        Parameters
        ----------
        X : Recordings, DataFrame or any other container of n_rows rows
        y : array-like of shape (n_rows,)
        groups : array-like of shape (n_rows,), default=None
            Subjects, handed on if the classifier takes them.

        Returns
        -------
        float
        """
        return float(self._ask("score", X, groups, y))

    @_inner_has("levels")
    def levels(self, X: Any, groups: ArrayLike | None = None) -> Any:
        """Show the scores of items, recordings and subjects, of a DiVoteClassifier inside.

        Parameters
        ----------
        X : Recordings, DataFrame or any other container of n_rows rows
        groups : array-like of shape (n_rows,), default=None
            Subjects.

        Returns
        -------
        Levels
        """
        check_is_fitted(self)
        inner = self.estimator_
        if isinstance(inner, Pipeline):
            X, inner = inner[:-1].transform(X) if len(inner) > 1 else X, inner[-1]
        return inner.levels(X, groups)

    def __getattr__(self, name: str) -> Any:
        if name in ("n_features_in_", "feature_names_in_") and "estimator_" in self.__dict__:
            return getattr(self.estimator_, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _choose(self, y: NDArray[Any], subjects: NDArray[Any]) -> NDArray[np.intp]:
        codes, names, first = label_subjects(y, subjects)
        rng = np.random.default_rng(self.random_state)
        labels = y[first]
        chosen: list[int] = []
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            spelled = [str(name) for name in names[own]]
            own = own[np.argsort(spelled, kind="stable")]  # whatever their order
            chosen.extend(rng.permutation(own)[: self.n_subjects])
        return np.flatnonzero(np.isin(codes, chosen))

    def _ask(self, method: str, X: Any, groups: ArrayLike | None, *given: Any) -> Any:
        check_is_fitted(self)
        ask = getattr(self.estimator_, method)
        if groups is None or not consumes_groups(self.estimator_, method):
            return ask(X, *given)
        with config_context(enable_metadata_routing=True):
            return ask(X, *given, groups=groups)


def consumes_groups(estimator: Any, method: str = "fit") -> bool:
    """Tell whether an estimator asks for ``groups`` in a method."""
    try:
        return bool(get_routing_for_object(estimator).consumes(method, ["groups"]))
    except NotImplementedError:  # aeon's estimators, and pipelines with one, refuse to say
        return False
