"""The first steps of pipelines, which no fold repeats: equal to the bit, and run once."""

from typing import ClassVar

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Downsampler, Recordings, Segmenter, SegmentFeatures
from sknemg.evaluation import Protocol, evaluate, nuisance_model
from sknemg.evaluation._fit import _fit_and_predict
from sknemg.evaluation._plan import plan_cells
from sknemg.muap import features as muap_features

THREE = Protocol("three", 3)
N = 12
Y = np.repeat(["myopathy", "normal"], N // 2)


class Counting(Segmenter):
    """A Segmenter that notes how many rows it was given."""

    rows: ClassVar[list[int]] = []

    def _transform(self, X):
        self.rows.append(len(X))
        return super()._transform(X)


class Jittering(Counting):
    """A Segmenter that draws; its draws belong to the fold."""

    def __init__(
        self, window=0.4, hop=0.1, *, short="raise", activity=None, input_sfreq=None,
        random_state=None,
    ):  # fmt: skip
        super().__init__(window, hop, short=short, activity=activity, input_sfreq=input_sfreq)
        self.random_state = random_state


class Learning(SegmentFeatures):
    """A user's step that learns in `fit`, though the class it is made of does not."""

    seen: ClassVar[list[set[str]]] = []

    def fit(self, X, y=None):
        self.seen.append(set(X["subject"]))
        return super().fit(X, y)


def cohort():
    rng = np.random.default_rng(0)
    signals = [rng.normal(scale=0.1, size=n) for n in rng.integers(900, 2000, size=N)]
    return Recordings(signals, sfreq=1000.0, subject=[f"S{row // 2}" for row in range(N)])


def votes():
    return DiVoteClassifier(make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()))


def test_a_step_that_learns_nothing_runs_once_for_all_folds_and_methods():
    Counting.rows = []
    pipes = {
        "one": make_pipeline(Counting(), SegmentFeatures(), votes()),
        "other": Pipeline([("cut", Counting()), ("none", None), ("votes", votes())]),
    }
    result = evaluate(pipes, cohort(), Y, protocol=THREE)
    assert Counting.rows == [N]
    assert set(result.settings["shared_seconds"]) == {"one", "other"}
    assert (result.cells["n_train"] + result.cells["n_test"]).eq(N).all()


def test_a_step_that_draws_runs_in_every_fold():
    Counting.rows = []
    evaluate({"a": make_pipeline(Jittering(), votes())}, cohort(), Y, protocol=THREE)
    assert len(Counting.rows) == 1 + 2 * 3  # looked at beforehand, then train and test
    assert max(Counting.rows[1:]) < N


def test_a_subclass_that_learns_is_shown_training_subjects_only():
    Learning.seen = []
    evaluate({"a": make_pipeline(Segmenter(), Learning(), votes())}, cohort(), Y, protocol=THREE)
    assert len(Learning.seen) >= 3
    assert max(map(len, Learning.seen[-3:])) < N // 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["features", "nuisance"])
def test_scores_are_those_of_folds_that_run_every_step_themselves(kind):
    pipes = {
        "features": make_pipeline(Downsampler(500), Segmenter(), SegmentFeatures(), votes()),
        "nuisance": nuisance_model().set_params(forest__n_estimators=5),
    }
    X, pipe = cohort(), pipes[kind]
    result = evaluate({"a": pipe}, X, Y, protocol=THREE)
    subjects = X["subject"].to_numpy()
    for cell in plan_cells({"a": pipe}, X, Y, subjects, THREE, 0):
        own = _fit_and_predict(cell.fit, X, Y, subjects)["recordings"]
        ours = result.recordings[result.recordings["fold"] == cell.fold]
        for label in result.classes:
            assert own[label].to_numpy().tobytes() == ours[label].to_numpy().tobytes()


@pytest.mark.slow
def test_motor_units_of_a_finished_run_are_not_looked_for_again(tmp_path, monkeypatch):
    pipe = make_pipeline(muap_features.MuapFeatures(), votes())
    rng = np.random.default_rng(0)
    wave = np.interp(np.arange(41), [0, 10, 14, 18, 40], [0, 0.1, -0.5, 0.1, 0])
    signals = rng.normal(0, 0.002, size=(N, 20_000))
    for row, signal in enumerate(signals):
        for start in np.arange(500, 19_000, 1500) + rng.integers(-200, 200, size=13):
            signal[start : start + 41] += wave * (1 + row)
    X = Recordings(signals, sfreq=20_000, subject=[f"S{row // 2}" for row in range(N)])
    monkeypatch.setattr(muap_features, "_MEASURED", {})
    first = evaluate({"units": pipe}, X, Y, protocol=THREE, cache=tmp_path)
    monkeypatch.setattr(muap_features, "_MEASURED", {})
    monkeypatch.setattr(muap_features, "_measured", None)  # would fail if it were called
    again = evaluate({"units": pipe}, X, Y, protocol=THREE, cache=tmp_path)
    assert again.subjects.equals(first.subjects)
    assert not again.settings["shared_seconds"]
