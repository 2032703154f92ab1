"""The metrics by scikit-learn and imbalanced-learn, one by one: what sknemg's must equal."""

import warnings

import numpy as np
import sklearn.metrics as sk
from imblearn.metrics import sensitivity_score, specificity_score
from sklearn.exceptions import UndefinedMetricWarning


def answers(n=60, n_classes=3, seed=0, sharpness=1.0):
    """True classes and scores, some of them tied."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    logits = rng.normal(size=(n, n_classes)) + sharpness * np.eye(n_classes)[y]
    proba = np.exp(logits).round(1) + 0.1
    return y, (proba / proba.sum(axis=1, keepdims=True)).round(12)  # to ties for everybody


def by_libraries(y, proba):
    """Every overall metric; NaN or 0 where the documentation of `score_table` says so."""
    guess, labels = proba.argmax(axis=1), np.arange(proba.shape[1])
    with warnings.catch_warnings():
        _tolerate_empty_ratios()
        # without weights: imbalanced-learn's specificity is wrong with sample_weight
        expected = {
            "accuracy": sk.accuracy_score(y, guess),
            "balanced_accuracy": sk.balanced_accuracy_score(y, guess),
            "mcc": sk.matthews_corrcoef(y, guess),
            "log_loss": sk.log_loss(y, proba / proba.sum(axis=1, keepdims=True), labels=labels),
            "sensitivity": sensitivity_score(y, guess, average="macro"),
            "specificity": specificity_score(y, guess, average="macro"),
        }
        for average in ["macro", "weighted"]:
            for name, function in [
                ("precision", sk.precision_score),
                ("recall", sk.recall_score),
                ("f1", sk.f1_score),
            ]:
                expected[f"{name}_{average}"] = function(y, guess, average=average, zero_division=0)
            expected[f"roc_auc_{average}"] = _area(y, proba, average)
    return expected


def _area(y, proba, average):
    occurs = np.isin(np.arange(proba.shape[1]), y)
    if occurs.sum() < 2 or (average == "macro" and not occurs.all()):
        return np.nan
    one_hot = np.eye(len(occurs))[y]  # an absent class has no weight in a weighted mean
    return sk.roc_auc_score(one_hot[:, occurs], proba[:, occurs], average=average)


def classes_by_libraries(y, proba):
    """Every metric of each class against the others."""
    guess, labels = proba.argmax(axis=1), np.arange(proba.shape[1])
    with warnings.catch_warnings():
        _tolerate_empty_ratios()
        precision, sensitivity, f1, support = sk.precision_recall_fscore_support(
            y, guess, zero_division=0, labels=labels, average=None
        )
        specificity = specificity_score(y, guess, labels=labels, average=None)
        # The negative predictive value is the precision of "not this class".
        npv = [
            sk.precision_score(y != k, guess != k, zero_division=0) if np.any(guess != k) else 0.0
            for k in labels
        ]
    area = [
        sk.roc_auc_score(y == k, proba[:, k]) if 0 < support[k] < len(y) else np.nan for k in labels
    ]
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": precision,
        "npv": np.array(npv),
        "f1": f1,
        "roc_auc": np.array(area),
    }


def _tolerate_empty_ratios():
    warnings.simplefilter("ignore", UndefinedMetricWarning)
    warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
    warnings.filterwarnings("ignore", message="A single label was found")
