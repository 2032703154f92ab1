"""The classifier of segments of a model that was loaded from an ONNX file."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sknemg.base import VersionedEstimator
from sknemg.persistence._onnx_run import open_graph, score_rows


class OnnxClassifier(ClassifierMixin, VersionedEstimator):
    """Score segments by a graph of ONNX, without torch.

    Each segment passes by itself, so that its scores do not depend on those beside it: one at a
    time, as they are recorded, or a whole recording at once give the same bits.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    item_shape_ : tuple of int
    graph_ : bytes
        The ONNX file.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {}
    #: A `DiVoteClassifier` need not fill up batches: each row is scored by itself.
    rows_at_once: ClassVar[int] = 1

    classes_: NDArray[Any]
    item_shape_: tuple[int, ...]
    graph_: bytes

    def fit(self, X: Any, y: Any = None) -> NoReturn:
        """Refuse to be trained."""
        raise TypeError("A model from an ONNX file cannot be trained: train the one it came from.")

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Score segments.

        Parameters
        ----------
        X : array-like of shape (n_segments, ...)

        Returns
        -------
        ndarray of shape (n_segments, n_classes)
        """
        check_is_fitted(self)
        return score_rows(self._session(), X, self.item_shape_, len(self.classes_))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Give the most probable class of each segment."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _session(self) -> Any:
        session = self.__dict__.get("_run")
        if session is None:
            session = self._run = open_graph(self.graph_)
        return session

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key != "_run"}
