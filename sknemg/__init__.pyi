from . import (
    archive,
    augmentation,
    classifiers,
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
    recordings,
    signal,
    simulate,
)
from .augmentation import (
    SignalAugmenter,
    SpectrogramAugmenter,
)
from .classifiers import (
    NEMGNetClassifier,
    TimmClassifier,
)
from .diagnosis import Diagnostician
from .divote import DiVoteClassifier, JointVoteClassifier
from .evaluation import evaluate
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
from .simulate import make_cohort

__version__: str

__all__ = [
    "BandPass",
    "DiVoteClassifier",
    "Diagnostician",
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
    "classifiers",
    "datasets",
    "diagnosis",
    "divote",
    "evaluate",
    "evaluation",
    "export_onnx",
    "features",
    "images",
    "inspection",
    "labeler",
    "load_model",
    "make_cohort",
    "metrics",
    "model_selection",
    "muap",
    "nn",
    "persistence",
    "preprocessing",
    "pretrained",
    "recordings",
    "save_model",
    "signal",
    "simulate",
]
