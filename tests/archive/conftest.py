"""A small model and a small archive."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, Recordings, Segmenter, SegmentFeatures, save_model
from sknemg.diagnosis import Diagnostician


@pytest.fixture(scope="package")
def model(tmp_path_factory):
    y = np.repeat(["myopathy", "neuropathy"], 24)
    size = np.where(y == "myopathy", 0.2, 1.0)
    signals = np.random.default_rng(0).normal(0, size[:, None], (48, 900))
    X = Recordings(signals, sfreq=1000, subject=np.repeat(np.arange(24), 2))
    votes = DiVoteClassifier(LogisticRegression(max_iter=1000))
    folder = tmp_path_factory.mktemp("model") / "model"
    save_model(
        Diagnostician(make_pipeline(Segmenter(), SegmentFeatures(), votes), cv=3).fit(X, y), folder
    )
    return folder


@pytest.fixture
def archive(tmp_path):
    """Twelve recordings of four subjects, whose rows do not stand together."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "archive"
    folder.mkdir()
    for row in range(12):
        n = 420 if row % 4 == 3 else int(rng.integers(600, 1200))  # one subject of single windows
        np.save(folder / f"{row}.npy", rng.normal(scale=0.2 + 0.8 * (row % 2), size=n))
    rows = {"subject": list("ABCD") * 3, "file": [f"{row}.npy" for row in range(12)]}
    pd.DataFrame(rows).to_csv(folder / "archive.csv", index=False)
    return folder / "archive.csv"
