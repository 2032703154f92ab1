"""What models answer for subjects, and scores of these answers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sknemg import Recordings
from sknemg.diagnosis import scale_temperature
from sknemg.persistence.card import reliability


class Answers(NamedTuple):
    """Scores of subjects: names, true classes, probabilities in the order of `classes`."""

    subjects: np.ndarray
    y: np.ndarray
    proba: np.ndarray
    classes: np.ndarray

    def scores(self) -> dict[str, float]:
        """Give balanced accuracy, log-loss and calibration error."""
        codes = np.searchsorted(self.classes, self.y)
        right = self.proba.argmax(axis=1) == codes
        balanced = np.mean([right[codes == code].mean() for code in np.unique(codes)])
        known = reliability(np.maximum(self.proba, 1e-6), codes)
        return {
            "balanced_accuracy": float(balanced),
            "log_loss": known["log_loss"],
            "calibration_error": known["calibration_error"],
            "subjects": len(self.y),
        }


def answers(model: Any, X: Recordings, y: np.ndarray, temperature: float = 1.0) -> Answers:
    """Ask a fitted DiVoteClassifier for its answer to every subject."""
    first = ~X["subject"].duplicated().to_numpy()
    proba = np.asarray(model.predict_proba(X), dtype=float)[first]
    proba = scale_temperature(proba, temperature)
    return Answers(X["subject"].to_numpy()[first], y[first], proba, model.classes_)
