"""What fit makes of its arguments: checked rows, class weights, a split by subject."""

import warnings
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import compute_class_weight
from skorch.callbacks import Callback

from sknemg.model_selection.splits import subject_split
from sknemg.recordings import Windows
from sknemg.recordings._problems import listed, shown
from sknemg.recordings._subjects import check_subjects


def validation_split(
    validation: Any, y: np.ndarray, groups: Any, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the rows to train on and those to validate on, never without subjects.

    Parameters
    ----------
    validation : "auto", float, tuple or None
        As the classifiers take it; a tuple brings rows of its own.
    y : int64 ndarray (n_rows,)
        Class indices.
    groups : array-like (n_rows,) or None
        The subjects.
    rng : RandomState

    Returns
    -------
    train, valid : int64 ndarray
        Row numbers in ascending order.
    """
    subjects = None if groups is None else check_subjects(groups, len(y))
    everything = np.arange(len(y)), np.arange(0)
    if validation is None or isinstance(validation, tuple):
        return everything
    if subjects is None:
        if validation == "auto":
            return everything
        raise ValueError(
            f"validation={validation} splits by subject, but groups are missing: pass the subjects "
            "as groups, or set validation=None to train for max_epochs without validation."
        )
    train, valid = subject_split(y, subjects, 0.2 if validation == "auto" else validation, rng)
    if validation != "auto" and not len(valid):
        raise ValueError("No class has two subjects, so none can be held out: set validation=None.")
    if len(np.unique(y[train])) < len(np.unique(y)):
        raise ValueError("A class is left without a training subject: set validation=None.")
    if lacking := len(np.unique(y)) - len(np.unique(y[valid])):
        warnings.warn(
            f"{lacking} classes have a single subject and are not validated on"
            + ("; training runs without validation." if not len(valid) else "."),
            stacklevel=4,
        )
    return train, valid


def check_callbacks(callbacks: list[Any] | None) -> None:
    """Raise if something among the callbacks is none of skorch's, alone or as (name, callback)."""
    for at, given in enumerate(callbacks or []):
        named = isinstance(given, (tuple, list)) and len(given) == 2 and isinstance(given[0], str)
        one = given[1] if named else given
        if not isinstance(one, Callback) and not (
            isinstance(one, type) and issubclass(one, Callback)
        ):
            raise ValueError(
                f"callbacks[{at}] is {shown(given)}: give skorch callbacks such as ProgressBar(), "
                "alone or as (name, callback)."
            )


def check_finite_rows(X: Any) -> None:
    """Raise if rows hold NaN or infinite values, naming all such rows."""
    if X.dtype.kind != "f":
        return
    if isinstance(X, Windows):
        rows = np.flatnonzero(X.reach(lambda samples: ~np.isfinite(samples)))
    else:
        axes = tuple(range(1, X.ndim))
        bad = [
            start + np.flatnonzero(~np.isfinite(X[start : start + 4096]).all(axes))
            for start in range(0, len(X), 4096)  # in pieces: no mask of the size of X is made
        ]
        rows = np.concatenate(bad)
    if len(rows):
        raise ValueError(
            f"X holds NaN or infinite values (inf) in {listed(rows, 'row')}: drop or mend them."
        )


def class_weights(class_weight: Any, classes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the weight of each class in the loss.

    Parameters
    ----------
    class_weight : "balanced", dict {label: weight} or None
    classes : ndarray (n_classes,)
        The labels.
    y : int64 ndarray (n_rows,)
        Class indices of the training rows; each class occurs.

    Returns
    -------
    float32 ndarray (n_classes,)

    Raises
    ------
    ValueError
        If a dict names classes that `y` does not hold, or its weights are negative, missing, no
        numbers, or all 0.

    Examples
    --------
    >>> import numpy as np
    >>> class_weights("balanced", np.array(["a", "b"]), np.array([0, 0, 0, 1]))
    array([0.6666667, 2.       ], dtype=float32)
    """
    if isinstance(class_weight, dict):
        index = {label: i for i, label in enumerate(classes.tolist())}
        unknown = sorted(set(class_weight) - set(index), key=str)
        if unknown:
            raise ValueError(
                f"class_weight names {shown(unknown)}, which y does not hold: name classes of "
                f"{shown(classes)}."
            )
        bad = {label: weight for label, weight in class_weight.items() if not _is_weight(weight)}
        if bad:
            raise ValueError(
                "class_weight has weights that are not finite numbers >= 0, of "
                + ", ".join(f"{shown(label)}: {shown(weight)}" for label, weight in bad.items())
                + ": mend them, or leave these classes out (their weight is then 1)."
            )
        if not any(class_weight.get(label, 1) for label in classes.tolist()):
            raise ValueError(
                "class_weight gives all classes the weight 0: give one a weight above 0."
            )
        class_weight = {index[label]: weight for label, weight in class_weight.items()}
    weights = compute_class_weight(class_weight, classes=np.arange(len(classes)), y=y)
    return weights.astype(np.float32)


def _is_weight(weight: Any) -> bool:
    return isinstance(weight, Real) and 0 <= float(weight) < np.inf  # NaN is neither
