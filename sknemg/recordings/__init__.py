"""Recordings, the one carrier of signals, segments and images, and the checks of them."""

from sknemg.recordings._given import MILLIVOLTS
from sknemg.recordings._plausible import ImplausibleWarning
from sknemg.recordings._problems import InvalidRecordingsError
from sknemg.recordings._subjects import label_subjects, read_subjects
from sknemg.recordings.muscles import location_from_muscle
from sknemg.recordings.recordings import Recordings
from sknemg.recordings.windows import Windows

__all__ = [
    "MILLIVOLTS",
    "ImplausibleWarning",
    "InvalidRecordingsError",
    "Recordings",
    "Windows",
    "label_subjects",
    "location_from_muscle",
    "read_subjects",
]
