"""Needle electromyography as scikit-learn estimators: from recordings to a subject's diagnosis.

Every public name loads on first use, so that ``import sknemg`` costs no torch, timm or matplotlib.
"""

import importlib
from typing import Any

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
    if name not in _WHERE:
        raise AttributeError(f"module 'sknemg' has no attribute {name!r}")
    module = importlib.import_module(f"sknemg.{_WHERE[name]}")
    value = module if _WHERE[name] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
