"""Confusion matrices: mean and standard deviation over folds, repeats or readers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_consistent_length

from sknemg.divote.fitted import open_model
from sknemg.inspection._checks import model_answers
from sknemg.inspection._style import new_axes, short_names
from sknemg.recordings import read_subjects

_LONG = 12  # characters of a name for which a column is too narrow


class ConfusionMatrixDisplay:
    r"""Confusion matrix in per cent of the true class, with counts, or mean ± SD over folds.

    Parameters
    ----------
    matrices : ndarray of shape (n_folds, n_classes, n_answers)
        Shares, with true classes in rows; NaN in the row of a class that a fold lacks.
    classes : sequence of labels
    answers : sequence of labels, default=None
        The columns: by default the classes. Readers may answer what is no class.
    counts : ndarray of shape (n_classes, n_answers), int, default=None
        Numbers of answers, which stand below the shares of a single fold.

    Attributes
    ----------
    mean_, sd_ : ndarray of shape (n_classes, n_answers)
        In per cent; the standard deviation of a single fold is NaN.
    figure_ : Figure
    ax_ : Axes
    text_ : ndarray of Text, shape (n_classes, n_answers)

    References
    ----------
    J. Yoo et al. (2022), Figure 5. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sknemg.inspection import ConfusionMatrixDisplay
    >>> display = ConfusionMatrixDisplay.from_predictions(
    ...     list("aabbaabb"), list("aabbabbb"), fold=[0] * 4 + [1] * 4, ax=Figure().subplots()
    ... )
    >>> [text.get_text() for text in display.text_[0]]
    ['75.0\n± 35.4', '25.0\n± 35.4']
    """

    def __init__(
        self,
        matrices: NDArray[Any],
        classes: ArrayLike,
        *,
        answers: ArrayLike | None = None,
        counts: NDArray[Any] | None = None,
    ):
        self.matrices = matrices
        self.classes = classes
        self.answers = answers
        self.counts = counts

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        level: str = "subject",
        groups: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Predict and compare, counting each subject once.

        Parameters
        ----------
        estimator : fitted classifier
        X : Recordings, DataFrame or array
            What the estimator predicts from.
        y : array-like of shape (n_rows,)
            True labels.
        level : {"subject", "recording", "item"}, default="subject"
            What is counted; see :func:`sknemg.metrics.level_scores`. Where the subjects are
            unknown, each row of `X` counts as a subject.
        groups : array-like of shape (n_rows,), default=None
            Subjects; by default the column ``subject`` of `X`.
        ax : Axes, default=None

        Returns
        -------
        ConfusionMatrixDisplay
        """
        opened = open_model(estimator)
        by_row = level == "recording" or read_subjects(X, groups) is None
        if by_row and not hasattr(estimator, "predict_proba"):  # nothing to average
            return cls.from_predictions(y, estimator.predict(X), ax=ax)
        answers, _ = model_answers(estimator, X, y, level, groups)
        return cls.from_predictions(answers.y_true, opened.decide(answers.y_proba), ax=ax)

    @classmethod
    def from_predictions(
        cls, y_true: ArrayLike, y_pred: ArrayLike, *, fold: ArrayLike | None = None, ax: Any = None
    ) -> Self:
        """Compare labels.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n,)
        fold : array-like of shape (n,), default=None
            The fold and repeat, or the reader, of each prediction. The mean is taken over them.
        ax : Axes, default=None

        Returns
        -------
        ConfusionMatrixDisplay
        """
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        fold = np.zeros(len(y_true)) if fold is None else np.asarray(fold)
        check_consistent_length(y_true, y_pred, fold)
        classes = unique_labels(y_true, y_pred)
        matrices = []
        for name in np.unique(fold):
            counts = confusion_matrix(y_true[fold == name], y_pred[fold == name], labels=classes)
            total = counts.sum(axis=1, keepdims=True).astype(float)
            matrices.append(counts / np.where(total, total, np.nan))
        return cls(
            np.array(matrices), classes, counts=confusion_matrix(y_true, y_pred, labels=classes)
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the matrix.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.

        Returns
        -------
        self
        """
        shares = np.ma.masked_invalid(self.matrices) * 100
        self.mean_ = shares.mean(axis=0).filled(np.nan)
        enough = shares.count(axis=0) > 1
        deviation = np.ma.masked_array(shares.std(axis=0, ddof=1), ~enough)
        self.sd_ = deviation.filled(np.nan)
        given = self.classes if self.answers is None else self.answers
        names, columns = (
            list(short_names(np.asarray(own).tolist()).values()) for own in (self.classes, given)
        )
        is_long = max(map(len, columns)) > _LONG
        more = 0.8 if is_long else 0.0  # inches
        ax = new_axes(ax, (1.8 + more + 1.1 * len(columns), 1.2 + more + 1.1 * len(names)))
        self.figure_, self.ax_ = ax.figure, ax
        ax.imshow(self.mean_, cmap="Greys", vmin=0, vmax=100)
        self.text_ = np.empty(self.mean_.shape, dtype=object)
        for place, mean in np.ndenumerate(self.mean_):
            sd = self.sd_[place]
            text = "–" if np.isnan(mean) else f"{mean:.1f}"
            if not np.isnan(sd):
                text += f"\n± {sd:.1f}"
            elif self.counts is not None and len(self.matrices) == 1 and not np.isnan(mean):
                text += f"\n{self.counts[place]} of {self.counts[place[0]].sum()}"
            look = {"ha": "center", "va": "center", "color": "white" if mean > 55 else "black"}
            self.text_[place] = ax.text(place[1], place[0], text, **look)
        aslant = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if is_long else {}
        ax.set_xticks(range(len(columns)), columns, **aslant)
        ax.set_yticks(range(len(names)), names)
        over = f", mean ± SD of {len(self.matrices)}" if len(self.matrices) > 1 else ""
        ax.set_title(f"% of the true class{over}", fontsize="small")
        ax.set(xlabel="predicted", ylabel="true")
        return self
