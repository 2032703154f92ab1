"""A class that a training fold lacked: one rule for `evaluate`, `scores_of` and `SubjectScorer`."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from _toy import Spy
from sklearn.model_selection import LeaveOneGroupOut, cross_validate
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, Recordings, Segmenter, SubjectScorer
from sknemg.evaluation import Evaluation, Protocol, evaluate
from sknemg.evaluation.comparison import scores_of
from sknemg.metrics import METRICS, score_table


@pytest.fixture
def rare():
    """Twelve subjects of three classes, one of which has a single subject, S11."""
    y = np.repeat(["myopathy"] * 5 + ["neuropathy"] * 6 + ["rare"], 2)
    scale = pd.Series(y).map({"myopathy": 0.3, "neuropathy": 2.0, "rare": 6.0}).to_numpy()
    signals = np.random.default_rng(0).normal(size=(24, 12)) * scale[:, None]
    subject = np.repeat([f"S{number}" for number in range(12)], 2)
    return Recordings(signals, sfreq=10, subject=subject), y


def pipeline():
    return make_pipeline(Segmenter(), DiVoteClassifier(Spy(), final_estimator=None))


def test_every_subject_is_scored(rare):
    X, y = rare
    with pytest.warns(UserWarning, match="lack a class .'rare' in repeat 0, fold") as caught:
        result = evaluate(pipeline(), X, y, protocol=Protocol("three", 3))
    assert len(caught) == 1
    assert "counts as wrong for test subject 'S11': " in str(caught[0].message)
    (lacking,) = result.settings["lacking"]
    assert (lacking["class"], lacking["subjects"]) == ("rare", ["S11"])
    fold = result.subjects["fold"] == lacking["fold"]
    assert 1 < fold.sum() < 12
    assert (result.subjects.loc[fold, "rare"] == 0).all()
    scores = scores_of(result, n_resamples=9)
    subjects = scores[scores["level"] == "subject"].set_index("metric")
    assert (subjects["n_items"] == 12).all()
    assert (subjects["n_unscored"] == 0).all()
    right = result.subjects["prediction"] == result.subjects["y_true"]
    assert subjects.loc["accuracy", "value"] == pytest.approx(right.mean())
    assert not right[result.subjects["subject"] == "S11"].any()


def test_the_scorer_gives_the_numbers_of_the_table(rare):
    X, y = rare
    keep = np.isin(X["subject"], ["S0", "S1", "S5", "S6", "S11"])
    X, y = X[keep], y[keep]
    with pytest.warns(UserWarning, match="lack a class"):
        result = evaluate(pipeline(), X, y, protocol=Protocol("one out", "leave-one-out"))
    names = ["neg_log_loss" if name == "log_loss" else name for name in METRICS]
    names = [name for name in names if "roc" not in name]  # undefined for one subject
    by_scorer = cross_validate(
        pipeline(),
        X,
        y,
        cv=list(LeaveOneGroupOut().split(X, y, X["subject"])),
        scoring=SubjectScorer(names),
    )
    for fold, rows in result.subjects.groupby("fold"):
        one_fold = replace(
            result, items=result.items[:0], recordings=result.recordings[:0], subjects=rows
        )
        table = scores_of(one_fold, n_resamples=9).set_index("metric")["value"]
        table["neg_log_loss"] = -table["log_loss"]
        # macro means count the classes that are known, and only a scorer knows one class fewer
        for name in ["accuracy", "recall_weighted", "precision_weighted", "neg_log_loss"]:
            assert by_scorer[f"test_{name}"][fold] == pytest.approx(table[name]), name


def test_results_saved_before_have_gaps_and_are_scored_alike(rare, tmp_path):
    X, y = rare
    with pytest.warns(UserWarning, match="lack a class"):
        result = evaluate(pipeline(), X, y, protocol=Protocol("three", 3))
    gaps = result.subjects.assign(rare=result.subjects["rare"].replace(0.0, np.nan))
    assert gaps["rare"].isna().any()
    replace(result, subjects=gaps).save(tmp_path)
    old = Evaluation.load(tmp_path)
    own = result.subjects
    expected = score_table(own["y_true"], own[result.classes], classes=result.classes)["value"]
    got = scores_of(old, n_resamples=9)
    got = got[got["level"] == "subject"]["value"].reset_index(drop=True)
    pd.testing.assert_series_equal(got, expected, rtol=1e-4)


def test_whoever_has_no_score_is_counted_and_named(rare):
    X, y = rare
    with pytest.warns(UserWarning, match="lack a class"):
        result = evaluate(pipeline(), X, y, protocol=Protocol("three", 3))
    assert not len(result.unscored)
    columns = result.classes
    recordings, subjects = result.recordings.copy(), result.subjects.copy()
    recordings.loc[recordings["row"].isin([3, 8]), columns] = np.nan
    subjects.loc[subjects["subject"].isin(["S1", "S7"]), columns] = np.nan
    hollow = replace(result, recordings=recordings, subjects=subjects)
    named = hollow.unscored
    assert sorted(named.loc[named["level"] == "recording", "row"]) == [3, 8]
    assert sorted(named.loc[named["level"] == "subject", "subject"]) == ["S1", "S7"]
    with pytest.warns(UserWarning, match="'Pipeline' gives no score to subjects 'S") as caught:
        scores = scores_of(hollow, n_resamples=9)
    assert len(caught) == 1
    counts = scores.groupby("level")[["n_items", "n_unscored"]].first()
    assert counts.loc["recording"].tolist() == [22, 2]
    assert counts.loc["subject"].tolist() == [10, 2]
    assert counts.loc["item", "n_unscored"] == 0
