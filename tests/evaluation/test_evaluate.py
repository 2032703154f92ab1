import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg import (
    DiVoteClassifier,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    SubjectKFold,
)
from sknemg.divote.levels import LEVEL_TABLES
from sknemg.evaluation import PROTOCOLS, Evaluation, Protocol, evaluate
from sknemg.evaluation._evaluate import _written
from sknemg.evaluation.comparison import scores_of
from sknemg.model_selection.leaks import LeakError

THREE = Protocol("three", n_splits=3, n_repeats=2)
TWO = Protocol("two", n_splits=2)
ONCE = Protocol("once", n_splits=3)


def test_settings_write_estimators_as_a_whole_and_without_places_in_memory():
    step = FunctionTransformer(np.sin, inverse_func=pipeline)
    text = _written(make_pipeline(*[step] * 20, pipeline()))
    assert text.count("func=<ufunc 'sin'>") == 20
    assert "<function pipeline>" in text and "0x" not in text
    assert "..." not in text and "n_estimators=5" in text


def pipeline(classifier=None, **divote):
    forest = RandomForestClassifier(n_estimators=5) if classifier is None else classifier
    inner = make_pipeline(SegmentFeatures(input_sfreq=1000), forest)
    return make_pipeline(
        Segmenter(), DiVoteClassifier(inner, **{"subject_features": "all"} | divote)
    )


class Interrupting(ClassifierMixin, BaseEstimator):
    """A nearest-class-size classifier that counts its fits in a folder and can stop a run."""

    def __init__(self, folder, stop_at=None, random_state=None):
        self.folder = folder
        self.stop_at = stop_at
        self.random_state = random_state

    def fit(self, X, y):
        n_fits = len(list(self.folder.glob("fit-*")))
        if n_fits == self.stop_at:
            raise KeyboardInterrupt
        (self.folder / f"fit-{n_fits}").touch()
        self.classes_ = np.unique(y)
        self.size_ = [np.std(X[y == label]) for label in self.classes_]
        return self

    def predict_proba(self, X):
        near = -np.abs(np.std(X, axis=1)[:, None] - self.size_)
        return np.exp(near) / np.exp(near).sum(axis=1, keepdims=True)


def tables(result):
    times = ["fit_seconds", "predict_seconds"]
    return [getattr(result, level) for level in LEVEL_TABLES] + [result.cells.drop(columns=times)]


def assert_same(one, two):
    for left, right in zip(tables(one), tables(two), strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_every_row_is_predicted_once_a_repeat(make_ragged):
    X, y = make_ragged()
    result = evaluate({"forest": pipeline()}, X, y, protocol=THREE)
    n_segments = Segmenter().fit_transform(X).lengths.sum()
    for _, rows in result.recordings.groupby("repeat"):
        assert sorted(rows["row"]) == list(range(len(X)))
        assert (rows["y_true"].to_numpy() == y[rows["row"]]).all()
        assert (rows["subject"].to_numpy() == X["subject"].to_numpy()[rows["row"]]).all()
    assert len(result.items) == 2 * n_segments
    assert len(result.subjects) == 2 * X["subject"].nunique()
    assert len(result.cells) == 6
    np.testing.assert_allclose(result.subjects[result.classes].sum(axis=1), 1)


def test_subjects_stand_on_one_side(make_ragged):
    X, y = make_ragged()
    result = evaluate(pipeline(), X, y, protocol=THREE)
    for _, rows in result.recordings.groupby("repeat"):
        assert (rows.groupby("subject")["fold"].nunique() == 1).all()


def test_all_methods_see_the_same_folds(make_ragged):
    X, y = make_ragged()
    methods = {"forest": pipeline(), "logistic": pipeline(LogisticRegression(max_iter=1000))}
    result = evaluate(methods, X, y, protocol=THREE)
    folds = result.recordings.pivot(index=["repeat", "row"], columns="method", values="fold")
    assert (folds["forest"] == folds["logistic"]).all()


@pytest.mark.slow
def test_repeats_of_the_published_protocol_keep_the_folds(make_ragged):
    X, y = make_ragged(n_subjects=15)
    for name, same in [("published", True), ("readers", False)]:
        protocol = replace(PROTOCOLS[name], n_splits=3, n_repeats=3)
        result = evaluate(pipeline(), X, y, protocol=protocol)
        folds = result.recordings.pivot(index="row", columns="repeat", values="fold")
        assert (folds.nunique(axis=1) == 1).all() == same
        assert result.cells["seed"].nunique() == len(result.cells)


def test_each_subject_can_be_a_fold_of_its_own(make_ragged):
    X, y = make_ragged()
    result = evaluate(pipeline(), X, y, protocol=Protocol("one out", "leave-one-out"))
    assert result.cells["n_test_subjects"].tolist() == [1] * X["subject"].nunique()
    assert len(result.cells) == X["subject"].nunique() == len(result.subjects)
    assert sorted(result.recordings["row"]) == list(range(len(X)))


@pytest.mark.parametrize("name", ["published", "nested"])
def test_published_weights_are_chosen_on_the_test_fold_and_nested_ones_are_not(
    make_ragged, monkeypatch, name
):
    seen = []

    def fit(self, X, y, groups=None):
        chosen_on = self.validation[0] if isinstance(self.validation, tuple) else X[:0]
        seen.append((set(X[:, 0]), set(chosen_on[:, 0]), set(groups), self.eval_every))
        if len(chosen_on):
            assert chosen_on.dtype == X.dtype
            assert set(self.validation[1]) <= set(y)
        return original(self, X, y, groups)

    original = NEMGNetClassifier.fit
    monkeypatch.setattr(NEMGNetClassifier, "fit", fit)
    X, y = make_ragged(n_subjects=18, sfreq=2600.0)  # 0.4 s are 1040 samples, enough for nEMGNet
    segments = Segmenter(hop=0.4).fit_transform(X)
    net = NEMGNetClassifier("A", width=1, max_epochs=1, eval_every=7)
    pipe = make_pipeline(Segmenter(hop=0.4), DiVoteClassifier(net, subject_features="all", cv=2))
    protocol = replace(PROTOCOLS[name], n_splits=3, n_repeats=1)
    result = evaluate({"net": pipe}, X, y, protocol=protocol)
    assert len(seen) == 3 * (1 + 2)  # each fold trains on all, then out of fold for the votes
    for fold, rows in result.recordings.groupby("fold"):
        test_samples = set(segments[rows["row"].to_numpy()].values[:, 0])
        for trained_on, chosen_on, subjects, eval_every in seen[3 * fold : 3 * fold + 3]:
            assert not trained_on & test_samples
            assert not subjects & set(rows["subject"])
            assert chosen_on == (test_samples if name == "published" else set())
            assert eval_every == (50 if name == "published" else 7)


def test_published_weights_cannot_be_chosen_on_what_has_no_segments(make_ragged):
    X, y = make_ragged()
    bare = DiVoteClassifier(NEMGNetClassifier("A", width=1))
    with pytest.raises(ValueError, match="give a Pipeline from recordings to a DiVoteClassifier"):
        evaluate(bare, X, y, protocol=replace(PROTOCOLS["published"], n_splits=3))


@pytest.mark.slow
def test_the_seed_decides_and_two_workers_equal_one(make_ragged):
    X, y = make_ragged()
    one = evaluate(pipeline(cv=2), X, y, protocol=ONCE, random_state=3)
    assert_same(one, evaluate(pipeline(cv=2), X, y, protocol=ONCE, random_state=3))
    assert_same(one, evaluate(pipeline(cv=2), X, y, protocol=ONCE, random_state=3, n_jobs=2))
    other = evaluate(pipeline(cv=2), X, y, protocol=ONCE, random_state=4)
    assert not one.subjects.equals(other.subjects)


def test_a_stopped_run_goes_on_to_the_same_numbers(make_ragged, tmp_path):
    X, y = make_ragged()
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    whole.mkdir()
    halves.mkdir()

    def run(folder, cache, stop_at=None):
        inner = Interrupting(folder, stop_at)
        pipe = make_pipeline(Segmenter(), DiVoteClassifier(inner, subject_features="all"))
        return evaluate({"size": pipe}, X, y, protocol=THREE, cache=cache)

    reference = run(whole, None)
    cache = tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        run(halves, cache, stop_at=3)
    finished = {file.name: file.stat().st_mtime_ns for file in cache.glob("*.joblib")}
    assert len(finished) == 3
    # the stop is a parameter, hence another setting: its three cells must not be mistaken
    assert_same(run(halves, cache), reference)
    assert len(list(halves.glob("fit-*"))) == 3 + 6
    assert_same(run(halves, cache), reference)
    assert len(list(halves.glob("fit-*"))) == 3 + 6
    for name, modified in finished.items():
        assert (cache / name).stat().st_mtime_ns == modified


@pytest.mark.slow
def test_finished_cells_are_kept_when_one_fails(make_ragged, tmp_path, monkeypatch):
    X, y = make_ragged()
    n_fits = []

    def fit(self, X, y):
        n_fits.append(len(X))
        if len(n_fits) == 4 and fail:
            raise KeyboardInterrupt
        return original(self, X, y)

    original = LogisticRegression.fit
    pipe = pipeline(LogisticRegression(max_iter=1000), final_estimator=None)
    reference = evaluate(pipe, X, y, protocol=THREE)
    monkeypatch.setattr(LogisticRegression, "fit", fit)
    fail = True
    with pytest.raises(KeyboardInterrupt):
        evaluate(pipe, X, y, protocol=THREE, cache=tmp_path)
    fail = False
    assert_same(evaluate(pipe, X, y, protocol=THREE, cache=tmp_path), reference)
    assert len(n_fits) == 4 + 3  # three of six were finished before the stop


KILLED = """
import sys, time
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sknemg import DiVoteClassifier, Recordings, Segmenter
from sknemg.evaluation import Protocol, evaluate

class Slow(LogisticRegression):
    def fit(self, X, y):
        time.sleep(float(sys.argv[2]))
        return super().fit(X, y)

X = Recordings(np.random.default_rng(0).normal(size=(12, 40)), sfreq=10, subject=list("abcdef") * 2)
y = np.resize(["myopathy", "normal"], 12)
pipe = make_pipeline(Segmenter(), DiVoteClassifier(Slow()))
result = evaluate(pipe, X, y, protocol=Protocol("p", 3, 4), cache=sys.argv[1] or None)
print(result.subjects.to_csv(), end="")
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_numbers(tmp_path):
    def start(cache, seconds):
        command = [sys.executable, "-c", KILLED, str(cache), str(seconds)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def finished():
        return {file: file.stat().st_mtime_ns for file in cache.glob("*.joblib")}

    reference = start("", 0).communicate()[0]
    assert len(reference.splitlines()) == 1 + 4 * 6
    cache = tmp_path / "cache"
    run = start(cache, 0.5)
    while len(finished()) < 3:
        assert run.poll() is None
        time.sleep(0.02)
    run.kill()
    run.communicate()
    before = finished()
    assert 3 <= len(before) < 12
    assert start(cache, 0).communicate()[0] == reference
    assert len(finished()) == 12
    assert before.items() <= finished().items()


@pytest.mark.parametrize("change", ["parameter", "data", "seed", "labels"])
def test_a_changed_setting_is_not_mistaken_for_an_old_one(make_ragged, tmp_path, change):
    X, y = make_ragged()
    pipe, seed = pipeline(), 0
    evaluate(pipe, X, y, protocol=TWO, cache=tmp_path)
    assert len(list(tmp_path.glob("*.joblib"))) == 2
    if change == "parameter":
        pipe = pipeline(RandomForestClassifier(n_estimators=6))
    elif change == "data":
        X = X.with_values(X.values + np.float32(1e-3))
    elif change == "seed":
        seed = 1
    else:
        y = np.where(y == "normal", "healthy", y)
    evaluate(pipe, X, y, protocol=TWO, random_state=seed, cache=tmp_path)
    assert len(list(tmp_path.glob("*.joblib"))) == 4


def test_a_new_method_leaves_the_finished_cells_alone(make_ragged, tmp_path):
    X, y = make_ragged()
    evaluate({"a": pipeline()}, X, y, protocol=ONCE, cache=tmp_path)
    evaluate({"b": pipeline(cv=2), "c": pipeline()}, X, y, protocol=ONCE, cache=tmp_path)
    assert len(list(tmp_path.glob("*.joblib"))) == 6


def test_a_planted_leak_is_caught(make_ragged):
    X, y = make_ragged()
    stolen = X[[0]].with_columns(subject="S99")
    segment = Recordings([X[0][50:]], sfreq=1000.0, subject=["S98"])
    both = Recordings.concat([X, stolen, segment])
    with pytest.raises(LeakError, match=rf"rows 0 and {len(X)}") as error:
        evaluate(pipeline(), both, [*y, y[0], y[0]], protocol=THREE)
    pairs = error.value.shared[["row", "other_row"]].to_numpy().tolist()
    assert [0, len(X)] in pairs
    evaluate(pipeline(), X, y, protocol=Protocol("three", 3))


def test_hyper_parameters_are_chosen_inside(make_ragged):
    X, y = make_ragged(n_subjects=12)
    X = X.with_columns(location=np.resize(["proximal", "distal"], len(X)))
    search = GridSearchCV(
        pipeline(), {"divoteclassifier__subject_features": ["all", "location"]}, cv=SubjectKFold(2)
    )
    result = evaluate({"search": search}, X, y, protocol=Protocol("three", 3))
    assert len(result.items) == Segmenter().fit_transform(X).lengths.sum()
    assert len(result.subjects) == 12


def test_a_classifier_of_recordings_has_no_segments(make_ragged):
    X, y = make_ragged()

    class Length(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):
            return np.full((len(X), 3), 1 / 3)

    result = evaluate(Length(), X, y, protocol=Protocol("three", 3))
    assert len(result.items) == 0
    assert len(result.recordings) == len(X)
    assert len(result.subjects) == X["subject"].nunique()


def test_round_trip(make_ragged, tmp_path):
    X, y = make_ragged()
    result = evaluate(pipeline(), X, y, protocol=THREE)
    result.save(tmp_path, levels=LEVEL_TABLES)
    again = Evaluation.load(tmp_path)
    for level in LEVEL_TABLES:
        kept, read = (getattr(of, level).copy() for of in (result, again))
        for table in (kept, read):
            if "location" in table:  # as categories None and NaN are one
                table["location"] = table["location"].astype("category")
        pd.testing.assert_frame_equal(
            read, kept, check_dtype=False, check_categorical=False, rtol=1e-4
        )
    assert again.settings["protocol"]["n_splits"] == 3
    assert again.settings["versions"]["scikit-learn"]
    assert again.classes == ["myopathy", "neuropathy", "normal"]


def test_without_subjects_nothing_is_evaluated():
    with pytest.raises(ValueError, match="splits by subject"):
        evaluate(pipeline(), np.zeros((4, 10)), [0, 0, 1, 1])


def test_labels_may_be_numbers(make_ragged, tmp_path):
    X, y = make_ragged()
    codes = np.unique(y, return_inverse=True)[1]
    result = evaluate(pipeline(), X, codes, protocol=Protocol("three", 3))
    result.save(tmp_path)
    for one in (result, Evaluation.load(tmp_path)):
        assert one.classes == [0, 1, 2]
        scores = one.subjects[one.classes].to_numpy()
        assert (scores.argmax(axis=1) == one.subjects["prediction"]).all()


def test_labels_may_be_true_and_false(make_ragged, tmp_path):
    X, y = make_ragged(n_subjects=12)
    sick = y != "normal"
    methods = {"forest": pipeline(), "rows": ByLength()}
    result = evaluate(methods, X, sick, protocol=Protocol("two", 2))
    result.save(tmp_path)
    for one in (result, Evaluation.load(tmp_path)):
        assert one.classes == [False, True]
        assert one.recordings["y_true"].tolist() == sick[one.recordings["row"]].tolist()
        voted = one.subjects[one.subjects["method"] == "forest"]
        assert (voted["prediction"].astype(bool) == (voted[True] > voted[False])).all()
        accuracy = scores_of(one, n_resamples=9).query("metric == 'accuracy'")
        assert set(accuracy["method"]) == set(methods)


class ByLength(ClassifierMixin, BaseEstimator):
    """A classifier of recordings that knows nothing."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def saved_and_loaded(result, folder):
    result.save(folder, levels=LEVEL_TABLES)
    return Evaluation.load(folder)


@pytest.mark.filterwarnings("ignore:Subjects that differ only in case")
def test_names_come_back_as_they_were(make_ragged, tmp_path):
    X, y = make_ragged()
    names = ["1", "01", "001", "NA", "null", "None", "nan", "1e3", "True"]
    subject = X["subject"].map(dict(zip(sorted(set(X["subject"])), names, strict=True)))
    muscle = X["muscle"].replace("deltoid", "NA").to_numpy(dtype=object)
    X = X.with_columns(subject=subject.to_numpy(dtype=object), muscle=muscle)
    diagnoses = pd.Series(y).map({"normal": "NA", "myopathy": "01", "neuropathy": "1"}).to_numpy()
    result = evaluate({"007": pipeline()}, X, diagnoses, protocol=Protocol("three", 3))
    again = saved_and_loaded(result, tmp_path)
    for level in LEVEL_TABLES:
        for name in ["method", "subject", "muscle", "y_true", "prediction"]:
            if name in (table := getattr(result, level)):
                assert getattr(again, level)[name].tolist() == table[name].tolist()
    assert again.recordings["location"].isna().sum() == result.recordings["location"].isna().sum()
    assert set(again.subjects["subject"]) == set(names)
    assert again.classes == result.classes == ["01", "1", "NA"]
    assert again.settings == result.settings


@pytest.mark.parametrize("first", [7, 20210001.0])
def test_subjects_with_numbers_come_back_as_numbers(make_ragged, tmp_path, first):
    X, y = make_ragged()
    X = X.with_columns(subject=pd.factorize(X["subject"])[0] + first)
    labels = np.unique(y, return_inverse=True)[1].astype(float)
    result = evaluate(pipeline(), X, labels, protocol=Protocol("three", 3))
    again = saved_and_loaded(result, tmp_path)
    for name in ["subject", "y_true", "prediction"]:
        assert again.recordings[name].tolist() == result.recordings[name].tolist()
    assert again.settings == result.settings


def test_subjects_may_be_numbers_and_text_as_a_workbook_gives_them(make_ragged):
    X, y = make_ragged()
    codes, names = pd.factorize(X["subject"])
    mixed = pd.Series([int(code) if code % 2 else names[code] for code in codes], dtype=object)
    protocol = Protocol("three", 3)
    expected = evaluate(pipeline(), X, y, protocol=protocol).recordings
    found = evaluate(pipeline(), X.with_columns(subject=mixed), y, protocol=protocol).recordings
    pd.testing.assert_frame_equal(found.drop(columns="subject"), expected.drop(columns="subject"))
    assert set(found["subject"].map(type)) == {int, str}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"n_splits": 1}, "n_splits=1 .* an integer >= 2 or 'leave-one-out'"),
        ({"n_splits": "loo"}, "n_splits='loo' .* or 'leave-one-out'"),
        ({"n_splits": 2.5}, "n_splits=2.5"),
        ({"n_repeats": 0}, "n_repeats=0 .* an integer >= 1"),
        ({"choose_on": "train"}, "choose_on='train' .* 'test' or 'validation'"),
        ({"eval_every": 0}, "eval_every=0 .* >= 1 or None"),
        ({"patience": -1}, "patience=-1"),
    ],
)
def test_a_protocol_says_what_is_wrong_with_it(change, message):
    with pytest.raises(ValueError, match=message):
        replace(THREE, **change)


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"protocol": "netsed"}, ValueError, "'netsed' is unknown: give one of 'published', "),
        ({"protocol": 5}, TypeError, "must be a Protocol or one of 'published', .*, not 5"),
        ({"random_state": None}, ValueError, "random_state=None must be an integer"),
        ({"random_state": -1}, ValueError, "random_state=-1 must be an integer >= 0"),
        ({"estimators": [ByLength()]}, TypeError, r"dict of estimators by name, not \[ByLength"),
        ({"estimators": ByLength}, TypeError, "dict of estimators by name, not <class"),
        ({"estimators": {}}, ValueError, "estimators is an empty dict"),
        ({"estimators": {"a": "forest"}}, TypeError, r"estimators\['a'\] must be an estimator"),
        ({"estimators": {1: ByLength()}}, TypeError, "named by strings, not by 1"),
    ],
)
def test_wrong_arguments_are_named(make_ragged, change, error, message):
    X, y = make_ragged()
    arguments = {"estimators": ByLength(), "protocol": THREE} | change
    with pytest.raises(error, match=message):
        evaluate(arguments.pop("estimators"), X, y, **arguments)


def test_diagnoses_that_are_missing_or_too_few_are_named(make_ragged):
    X, y = make_ragged()
    first = X["subject"] == X["subject"].iloc[0]
    with pytest.raises(ValueError, match=r"Diagnoses differ only in case or blanks, \[.*write"):
        evaluate(ByLength(), X, np.where(first, y[0].upper(), y), protocol=THREE)
    gaps = [None if row in (1, 3) else label for row, label in enumerate(y)]
    with pytest.raises(ValueError, match="y is missing in rows 1, 3"):
        evaluate(ByLength(), X, gaps, protocol=THREE)
    with pytest.raises(ValueError, match=f"y has {len(X) - 1} diagnoses for {len(X)} rows"):
        evaluate(ByLength(), X, y[:-1], protocol=THREE)


def test_cells_of_other_versions_are_not_taken(make_ragged, tmp_path, monkeypatch):
    X, y = make_ragged()
    protocol = Protocol("three", 3)
    evaluate(pipeline(), X, y, protocol=protocol, cache=tmp_path)
    evaluate(pipeline(), X, y, protocol=protocol, cache=tmp_path)
    assert len(list(tmp_path.glob("*.joblib"))) == 3
    monkeypatch.setattr("sknemg.provenance._device", lambda: "another device")
    evaluate(pipeline(), X, y, protocol=protocol, cache=tmp_path)
    assert len(list(tmp_path.glob("*.joblib"))) == 6


@pytest.mark.parametrize("name", ["row", "fold", "method", "prediction", "torn", "subject"])
def test_a_class_that_is_named_as_a_column_is_refused_before_anything_is_fitted(tmp_path, name):
    X = Recordings(np.zeros((8, 2000)), sfreq=1000, subject=np.arange(8))
    y = np.repeat([name, "well"], 4)
    with pytest.raises(ValueError, match=f"A class is named '{name}', as a column .*: rename it"):
        evaluate(pipeline(Interrupting(tmp_path)), X, y, protocol=TWO)
    assert not list(tmp_path.iterdir())
