"""The model that sees no EMG, and what methods gain over it."""

import numpy as np
import pandas as pd
import pytest
from _results import invented
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, Recordings, Segmenter
from sknemg.evaluation import Evaluation, Protocol, evaluate, gains_of, nuisance_table
from sknemg.evaluation.nuisance import MEASURES, NUISANCE

RATE = 20_000
TIME = np.arange(2 * RATE) / RATE


def recordings(*, gain=1.0, hum=0.0, mains=50, offset=0.0, drift=0.0, noise=0.01, hiss=0.0):
    """Two recordings of a subject: a tone of 330 Hz in place of EMG, and what is beside it."""
    rng = np.random.default_rng(0)
    row = gain * np.sin(2 * np.pi * 330 * TIME) + noise * rng.normal(size=(2, len(TIME))) + offset
    row += hum * np.sin(2 * np.pi * mains * TIME) + 0.5 * hum * np.sin(2 * np.pi * 3 * mains * TIME)
    row += drift * np.sin(2 * np.pi * 2 * TIME) + hiss * np.sin(2 * np.pi * 6000 * TIME)
    return Recordings(row.astype("float32"), sfreq=RATE, subject=["a", "a"])


def measures(**options):
    return nuisance_table(recordings(**options)).iloc[0]


def test_measures_are_what_they_say():
    table = nuisance_table(recordings(offset=3))
    assert list(table.columns) == [*MEASURES] and len(table) == 2
    row = table.iloc[0]
    assert row[["n_recordings", "length", "sfreq"]].tolist() == [2, 2, RATE]
    assert row["offset"] == pytest.approx(3, abs=0.01)
    density = np.log10(0.01**2 / (RATE / 2))
    assert row["noise_floor"] == pytest.approx(density, abs=0.4)
    assert row["above_band"] == pytest.approx(density, abs=0.4)


@pytest.mark.parametrize("mains", [50, 60])
def test_hum_is_measured_in_its_power(mains):
    row = measures(hum=0.1, mains=mains)
    assert row["mains"] == pytest.approx(np.log10(0.1**2 / 2), abs=0.1)
    assert row["harmonics"] == pytest.approx(np.log10(0.05**2 / 2), abs=0.1)


@pytest.mark.parametrize("seconds", [0.02, 0.41, 0.6, 0.63, 0.65, 0.7, 1.3])
def test_hum_of_a_short_recording_is_measured_or_missing_and_never_none(seconds):
    X = recordings(hum=0.1)
    row = nuisance_table(Recordings([X[0][: round(seconds * RATE)]], sfreq=RATE)).iloc[0]
    hum = row[["mains", "harmonics"]]
    assert (hum.isna() | (hum > -4)).all()
    assert hum.notna().all() == (seconds >= 0.7)


@pytest.mark.parametrize(
    "flaw, moved",
    [
        ({"drift": 1.0}, "drift"),
        ({"hiss": 0.1}, "above_band"),
        ({"noise": 0.1}, "noise_floor"),
    ],
)
def test_each_flaw_moves_its_measure(flaw, moved):
    change = measures(**flaw) - measures()
    assert change[moved] > 1.5
    assert change.drop([moved, "drift", "mains", "harmonics", "above_band"]).abs().max() < 0.1


def test_the_signal_itself_is_not_seen():
    """A tone twenty times as large stands for stronger EMG."""
    change = measures(gain=20.0) - measures()
    assert change.drop(["mains", "harmonics", "drift"]).abs().max() < 0.1
    assert measures(gain=20.0)[["mains", "drift"]].max() < -6  # no more than the leak of the noise


def test_clipping_is_seen():
    X = recordings()
    clipped = X.with_values(np.clip(X.values, -0.9, 0.9), X.offsets)
    assert nuisance_table(X)["clipped"].max() < 0.01
    assert nuisance_table(clipped)["clipped"].min() > 0.2


def test_what_cannot_be_measured_is_missing_or_refused():
    short = Recordings([np.zeros(5), np.zeros(5000)], sfreq=5000, subject=["a", "b"])
    table = nuisance_table(short)
    assert table["above_band"].isna().all()
    assert table.loc[1, "noise_floor"] == pytest.approx(-15)
    with pytest.raises(
        ValueError, match=r"ndarray and holds no signals to measure: give Recordings"
    ):
        nuisance_table(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="rates of the recordings are unknown: give `sfreq`"):
        nuisance_table([np.zeros(5), np.zeros(7)])


@pytest.fixture(scope="module")
def audited():
    """Classes that differ in their EMG not at all, but in the hum of their ward."""
    rng = np.random.default_rng(0)
    y = np.repeat(["ill", "well"], 12)
    hum = np.where(y == "ill", 1, 0.01)[:, None] * np.sin(2 * np.pi * 50 * np.arange(2000) / 1000)
    X = Recordings(rng.normal(size=(24, 2000)) + hum, sfreq=1000, subject=np.repeat(range(12), 2))
    pipe = make_pipeline(Segmenter(), DiVoteClassifier(DummyClassifier(), final_estimator=None))
    return evaluate({"votes": pipe}, X, y, protocol=Protocol("three", 3), nuisance=True), X, y


def test_a_difference_between_wards_is_found_without_emg(audited, tmp_path):
    result, X, _ = audited
    assert result.nuisance == NUISANCE
    assert list(result.subjects["method"].unique()) == ["votes", NUISANCE]
    own = result.subjects[result.subjects["method"] == NUISANCE]
    assert (own["prediction"] == own["y_true"]).all()
    folds = result.subjects.groupby("method")[["subject", "fold"]].apply(
        lambda rows: sorted(rows.itertuples(index=False, name=None))
    )
    assert folds["votes"] == folds[NUISANCE]  # the same folds
    recordings = result.recordings[result.recordings["method"] == NUISANCE]
    assert sorted(recordings["row"]) == list(range(len(X)))
    result.save(tmp_path)
    assert Evaluation.load(tmp_path).nuisance == NUISANCE


def test_gains_are_paired_by_subject(audited):
    result, _, _ = audited
    gains = gains_of(result, n_resamples=50)
    assert set(gains["method"]) == {"votes"} and set(gains["over"]) == {NUISANCE}
    accuracy = gains[gains["metric"] == "accuracy"].set_index("level")
    assert list(accuracy.index) == ["subject", "recording"]
    rows = result.subjects.assign(right=result.subjects["prediction"] == result.subjects["y_true"])
    share = rows.groupby("method")["right"].mean()
    assert accuracy.loc["subject", "value"] == pytest.approx(share["votes"] - share[NUISANCE])
    assert (accuracy["value"] == -0.5).all() and (accuracy["high"] < 0).all()
    # the order of the rows of one method does not matter
    table = result.subjects
    turned = pd.concat(
        [table[table["method"] == "votes"][::-1], table[table["method"] == NUISANCE]]
    )
    again = gains_of(Evaluation(result.items, result.recordings, turned, result.cells,
                                result.settings), n_resamples=50)  # fmt: skip
    first = gains[gains["level"] == "subject"]["value"]
    np.testing.assert_allclose(again[again["level"] == "subject"]["value"], first)


@pytest.mark.filterwarnings("ignore:'nEMGNet' gives no score")
def test_gains_over_any_method_leave_out_who_has_no_score():
    result, _, _ = invented(unscored=[0, 7])
    with pytest.raises(ValueError, match="no model that sees no EMG: evaluate with nuisance=True"):
        gains_of(result)
    with pytest.raises(ValueError, match="over='CNN' is no method of the result: give one of 'nE"):
        gains_of(result, "CNN")
    gains = gains_of(result, "LDA", n_resamples=9)
    assert set(gains["method"]) == {"nEMGNet"}
    assert set(gains["n_items"]) == {10}


def test_an_evaluation_without_signals_cannot_be_audited():
    X = np.random.default_rng(0).normal(size=(12, 3))
    y = np.tile(["ill", "well"], 6)
    with pytest.raises(ValueError, match="holds no signals to measure"):
        evaluate(LogisticRegression(), X, y, groups=range(12), nuisance=True)
    X = Recordings(np.random.default_rng(0).normal(size=(4, 9)), sfreq=9, subject=list("abcd"))
    with pytest.raises(ValueError, match="estimators names one 'no EMG"):
        evaluate({NUISANCE: LogisticRegression()}, X, list("ppqq"), nuisance=True)
