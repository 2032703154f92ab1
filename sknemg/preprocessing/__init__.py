"""Steps from recordings to segments, and where in a recording the patient contracts."""

from sknemg.preprocessing.activity import ACTIVITIES, ActivityGate
from sknemg.preprocessing.steps import Downsampler, Segmenter

__all__ = ["ACTIVITIES", "ActivityGate", "Downsampler", "Segmenter"]
