"""Factories that several test files share."""

import gc
import os
from pathlib import Path

# Several test processes share the cores; also, one and two threads differ in the last digits.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from sknemg import Recordings

#: Folders in which a test that works on what no needle EMG looks like says so by itself.
LOOKED_AT = {"datasets", "divote", "features", "images", "inspection", "metrics"}
LOOKED_AT |= {"model_selection", "muap", "nn", "persistence", "preprocessing", "recordings"}
LOOKED_AT |= {"simulate"}
