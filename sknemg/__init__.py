"""Needle electromyography as scikit-learn estimators: from recordings to a subject's diagnosis.

Every public name loads on first use, so that ``import sknemg`` costs no torch, timm or matplotlib.
"""

from typing import Any

from sknemg._lazy import load

__version__ = "0.1.0"

#: Where each public name lives; the API reference is generated from this table.
_WHERE = {
    "DiVoteClassifier": "divote",
    "Downsampler": "preprocessing",
    "InvalidRecordingsError": "recordings",
    "MelSpectrogram": "images",
    "NEMGNet": "nn",
    "NEMGNetClassifier": "classifiers",
    "PlotImage": "images",
    "Recordings": "recordings",
    "SegmentFeatures": "features",
    "Segmenter": "preprocessing",
    "SignalAugmenter": "augmentation",
    "Spectrogram": "images",
    "SpectrogramAugmenter": "augmentation",
    "SubjectKFold": "model_selection",
    "SubjectScorer": "metrics",
    "TimmClassifier": "classifiers",
    "datasets": "datasets",
    "inspection": "inspection",
    "metrics": "metrics",
    "model_selection": "model_selection",
    "muap": "muap",
    "nn": "nn",
    "signal": "signal",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    return load(__name__, _WHERE, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
