from . import (
    archive,
    augmentation,
    base,
    classifiers,
    cli,
    datasets,
    diagnosis,
    divote,
    evaluation,
    features,
    images,
    inspection,
    labeler,
    metrics,
    model_selection,
    muap,
    nn,
    persistence,
    preprocessing,
    pretrained,
    provenance,
    recordings,
    signal,
    simulate,
    versions,
    weights,
)
from .augmentation import (
    SignalAugmenter,
    SpectrogramAugmenter,
)
from .classifiers import (
    NEMGNetClassifier,
    TimmClassifier,
)
from .divote import DiVoteClassifier, JointVoteClassifier
from .features import InterferenceFeatures, PatternFeatures, SegmentFeatures
from .images import (
    MelSpectrogram,
    PlotImage,
    Spectrogram,
)
from .metrics import SubjectScorer
from .model_selection import FewerSubjects, SubjectKFold
from .muap import MuapFeatures
from .nn import NEMGNet
from .persistence import (
    InvalidModelError,
    export_onnx,
    load_model,
    save_model,
)
from .preprocessing import (
    BandPass,
    Downsampler,
    Segmenter,
)
from .recordings import (
    ImplausibleWarning,
    InvalidRecordingsError,
    Recordings,
)

__version__: str

__all__ = [
    "BandPass",
    "DiVoteClassifier",
    "Downsampler",
    "FewerSubjects",
    "ImplausibleWarning",
    "InterferenceFeatures",
    "InvalidModelError",
    "InvalidRecordingsError",
    "JointVoteClassifier",
    "MelSpectrogram",
    "MuapFeatures",
    "NEMGNet",
    "NEMGNetClassifier",
    "PatternFeatures",
    "PlotImage",
    "Recordings",
    "SegmentFeatures",
    "Segmenter",
    "SignalAugmenter",
    "Spectrogram",
    "SpectrogramAugmenter",
    "SubjectKFold",
    "SubjectScorer",
    "TimmClassifier",
    "archive",
    "augmentation",
    "base",
    "classifiers",
    "cli",
    "datasets",
    "diagnosis",
    "divote",
    "evaluation",
    "export_onnx",
    "features",
    "images",
    "inspection",
    "labeler",
    "load_model",
    "metrics",
    "model_selection",
    "muap",
    "nn",
    "persistence",
    "preprocessing",
    "pretrained",
    "provenance",
    "recordings",
    "save_model",
    "signal",
    "simulate",
    "versions",
    "weights",
]
