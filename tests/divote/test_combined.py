"""Image networks and combined models through whole pipelines, from recordings to subjects."""

import pickle
from typing import ClassVar

import numpy as np
import pytest
from _toy import GroupedSpy, toy_segments
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline

from sknemg import (
    DiVoteClassifier,
    MelSpectrogram,
    NEMGNetClassifier,
    PlotImage,
    Recordings,
    Segmenter,
    SegmentFeatures,
    Spectrogram,
    SpectrogramAugmenter,
    SubjectKFold,
    SubjectScorer,
    TimmClassifier,
)

SFREQ = 1000.0
FRAMES = {"window": 0.064, "hop": 0.032}
STEPS = {
    "spectrogram": Spectrogram(**FRAMES),
    "mel": MelSpectrogram(16, **FRAMES),
    "plot": PlotImage((24, 32)),
}


def timm(model_name="test_resnet", **options):
    defaults = {"image_size": 32, "max_epochs": 1, "batch_size": 16, "validation": None}
    return TimmClassifier(model_name, **(defaults | {"random_state": 0, "device": "cpu"} | options))


def nemgnet(**options):
    defaults = {"width": 4, "short": "pad", "max_epochs": 1, "batch_size": 16, "validation": None}
    return NEMGNetClassifier("A", **(defaults | {"random_state": 0, "device": "cpu"} | options))


def branch(step, segment_classifier, **options):
    """A whole pipeline, from recordings to subjects."""
    steps = [] if step is None else [("image", step)]
    divote = DiVoteClassifier(segment_classifier, subject_features="all", **options)
    return Pipeline([("segment", Segmenter()), *steps, ("divote", divote)])


def branches():
    return [
        ("raw", branch(None, nemgnet())),
        ("spectrogram", branch(STEPS["spectrogram"], timm())),
        ("mel", branch(STEPS["mel"], timm())),
    ]


# -- soft voting over whole pipelines ------------------------------------------------------------


@pytest.mark.slow
def test_soft_voting_is_the_mean_of_its_branches(make_ragged):
    X, y = make_ragged()
    model = VotingClassifier(branches(), voting="soft").fit(X, y)
    alone = [clone(pipeline).fit(X, y).predict_proba(X) for _, pipeline in branches()]
    assert_array_equal(model.predict_proba(X), np.mean(alone, axis=0))
    assert_array_equal(model.classes_, ["myopathy", "neuropathy", "normal"])
    assert set(model.predict(X)) <= set(model.classes_)
    # Every recording of a subject gets that subject's answer, as from DiVote.
    subjects = X["subject"].to_numpy()
    first = np.unique(subjects, return_index=True)[1][np.unique(subjects, return_inverse=True)[1]]
    assert_array_equal(model.predict_proba(X), model.predict_proba(X)[first])


@pytest.mark.slow
def test_soft_voting_is_cross_validated_by_subject(make_ragged):
    X, y = make_ragged()
    model = VotingClassifier(
        [
            ("features", branch(SegmentFeatures(), LogisticRegression(max_iter=2000))),
            ("mel", branch(STEPS["mel"], timm())),
        ],
        voting="soft",
    )
    scores = cross_validate(
        model, X, y, cv=SubjectKFold(3), scoring=SubjectScorer(["accuracy", "roc_auc_macro"])
    )
    assert scores["test_accuracy"].shape == (3,)
    assert ((scores["test_roc_auc_macro"] >= 0) & (scores["test_roc_auc_macro"] <= 1)).all()
    # The amplitude tells these classes apart: by itself, that branch finds them all.
    weighted = clone(model).set_params(weights=[1, 0])
    sure = cross_validate(weighted, X, y, cv=SubjectKFold(3), scoring=SubjectScorer())
    assert_array_equal(sure["test_score"], 1)


@pytest.mark.slow  # each worker imports torch
@pytest.mark.usefixtures("one_thread")
def test_clones_pickles_and_two_workers_answer_alike(make_ragged):
    X, y = make_ragged(n_subjects=6)
    features = branch(SegmentFeatures(), LogisticRegression(max_iter=2000))
    model = VotingClassifier([("features", features), branches()[2]], voting="soft")
    expected = model.fit(X, y).predict_proba(X)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)
    again = clone(model).set_params(n_jobs=2)
    assert_array_equal(again.fit(X, y).predict_proba(X), expected)


class Witness(TransformerMixin, BaseEstimator):
    """A step that passes rows on and writes down which; ``row`` is a column of X."""

    seen: ClassVar[dict] = {}

    def __init__(self, name):
        self.name = name

    def fit(self, X, y=None):
        self.seen.setdefault((self.name, "fit"), []).append(X["row"].tolist())
        self.labels_ = y
        return self

    def transform(self, X):
        self.seen.setdefault((self.name, "transform"), []).append(X["row"].tolist())
        return X


def test_every_branch_sees_the_same_rows(make_ragged):
    X, y = make_ragged()
    X = X.with_columns(row=np.arange(len(X)))
    Witness.seen.clear()
    features = branch(SegmentFeatures(), LogisticRegression(max_iter=2000))
    pipelines = [(name, Pipeline([("w", Witness(name)), *features.steps])) for name in "ab"]
    model = VotingClassifier(pipelines, voting="soft")
    cv = list(SubjectKFold(3).split(X, y))
    cross_validate(model, X, y, cv=cv, scoring=SubjectScorer())
    for kind, place in (("fit", 0), ("transform", 1)):
        first, second = (Witness.seen[name, kind] for name in "ab")
        assert first == second
        wanted = [fold[place].tolist() for fold in cv]
        assert [rows for rows in first if rows in wanted] == wanted


# -- soft voting inside DiVote -------------------------------------------------------------------


def segment_vote(**options):
    """Branches that take arrays of segments; DiVote around them keeps its levels."""
    return VotingClassifier(
        [
            ("raw", nemgnet(**options)),
            ("mel", make_pipeline(clone(STEPS["mel"]).set_params(input_sfreq=SFREQ), timm())),
        ],
        voting="soft",
    )


@pytest.mark.slow
def test_segments_may_vote_before_divote(make_ragged):
    X, y = make_ragged()
    segments = Segmenter().fit_transform(X)
    model = DiVoteClassifier(segment_vote(), subject_features="all", cv=3).fit(segments, y)
    scores = model.levels(segments).items[model.classes_.tolist()].to_numpy()
    parts = [part.predict_proba(segments.values) for part in model.estimator_.estimators_]
    assert_allclose(scores, np.mean(parts, axis=0), atol=1e-6)


def test_subjects_reach_the_branches_inside_divote():
    X, y = toy_segments()
    vote = VotingClassifier([("a", GroupedSpy()), ("b", GroupedSpy())], voting="soft")
    model = DiVoteClassifier(vote).fit(X, y)
    for spy in model.estimator_.estimators_:
        assert_array_equal(spy.groups_, X["subject"].to_numpy()[X.row_index])


# -- traps of VotingClassifier -------------------------------------------------------------------


def test_branches_see_the_labels_as_numbers(make_ragged):
    """So class weights by label cannot be given inside; "balanced" can."""
    X, y = make_ragged()
    weights = {"myopathy": 2.0, "neuropathy": 1.0, "normal": 1.0}
    pipeline = branch(None, nemgnet(class_weight=weights))
    pipeline.fit(X, y)
    with pytest.raises(ValueError, match=r"class_weight names \[.*\], which y does not"):
        VotingClassifier([("raw", pipeline)], voting="soft").fit(X, y)


def test_groups_reach_fit_only_so_subjects_belong_into_x(make_ragged):
    X, y = make_ragged()
    subjects = X["subject"].to_numpy()
    nameless = Recordings.from_frame(X.to_frame().drop(columns="subject"))
    features = branch(SegmentFeatures(), LogisticRegression(max_iter=2000))
    model = VotingClassifier([("features", features)], voting="soft")
    expected = model.fit(X, y).predict_proba(X)
    with config_context(enable_metadata_routing=True):
        model.fit(nameless, y, groups=subjects)
    assert_array_equal(model.predict_proba(X), expected)
    with pytest.raises(ValueError, match="fit knew the subjects, this X does not"):
        model.predict_proba(nameless)


# -- image networks in a search ------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated():
    """A simulated cohort: two subjects of each diagnosis, 10 kHz."""
    from sknemg.simulate import make_cohort

    X, y = make_cohort(6, sfreq=10_000, random_state=0)
    subjects = X["subject"].to_numpy()
    first_two = np.concatenate([np.flatnonzero(subjects == s)[:2] for s in np.unique(subjects)])
    return X[first_two], y[first_two]


def search(model, parameters, hop=0.4):
    pipeline = Pipeline(
        [
            ("segment", Segmenter(hop=hop, short="pad")),
            ("mel", MelSpectrogram(dtype="uint8")),
            ("divote", DiVoteClassifier(model, subject_features="all")),
        ]
    )
    return GridSearchCV(pipeline, parameters, cv=SubjectKFold(2), scoring=SubjectScorer())


@pytest.mark.slow
def test_a_small_timm_model_through_a_grid_search(simulated):
    X, y = simulated
    model = timm(image_size=(32, 64), max_epochs=4)
    found = search(model, {"divote__estimator__lr": [1e-2, 1e-6]}).fit(X, y)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    fitted = found.best_estimator_[-1].estimator_
    assert fitted.model_name == "test_resnet"
    assert fitted.history_["epoch"].iloc[-1] == 4
    assert found.predict(X).shape == (len(X),)


@pytest.mark.slow
def test_a_paper_model_through_a_grid_search(simulated):
    X, y = simulated
    model = timm("resnet50", image_size=32, batch_size=64)
    found = search(model, {"mel__n_mels": [32, 64]}, hop=0.8).fit(X, y)
    fitted = found.best_estimator_[-1].estimator_
    assert sum(array.size for array in fitted.weights_.values()) == 23_567_352
    assert set(found.predict(X)) <= set(y)


# -- rows by themselves, augmentation in its place ------------------------------------------------


@pytest.mark.parametrize("name", STEPS)
def test_no_test_row_depends_on_another(name, make_ragged):
    X, y = make_ragged()
    train = X["subject"].isin([f"S{i:02d}" for i in range(6)]).to_numpy()
    model = branch(STEPS[name], timm()).fit(X[train], y[train])
    test = X[~train]
    together = model.predict_proba(test)
    for subject in test["subject"].unique():
        rows = np.flatnonzero(test["subject"] == subject)
        assert_allclose(model.predict_proba(test[rows]), together[rows], atol=1e-6)
    loud = test.values.copy()
    own = test.row_index == 0
    loud[~own] *= 1000
    changed = test.with_values(loud).with_columns(subject=np.arange(len(test)))
    alone = model.predict_proba(test.with_columns(subject=np.arange(len(test)))[[0]])
    assert_allclose(model.predict_proba(changed)[[0]], alone, atol=1e-6)


class Stamp(TransformerMixin, BaseEstimator):
    """Write the number of the subject into the first pixel of its images."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        number = X["subject"].str[1:].astype(int).to_numpy()
        X.values[:, 0, 0, 0] = number[X.row_index]
        return X


class Shown(SpectrogramAugmenter):
    """Write down whose images it varies, one set a fit."""

    shown: ClassVar[set] = set()

    def _vary(self, batch, generator):
        type(self).shown |= set(batch[:, 0, 0, 0].int().tolist())
        return super()._vary(batch, generator)


def test_augmentation_never_reaches_validation_or_test_images(make_ragged):
    X, y = make_ragged(n_subjects=12)
    numbers = X["subject"].str[1:].astype(int).to_numpy()
    model = timm(augment=Shown(), validation=0.34, eval_every=1, max_epochs=3)
    pipeline = branch(STEPS["mel"], model)
    pipeline.steps.insert(2, ("stamp", Stamp()))
    for train, test in SubjectKFold(3).split(X, y):
        Shown.shown = set()
        cross_validate(pipeline, X, y, cv=[(train, test)], scoring=SubjectScorer())
        assert not Shown.shown & set(numbers[test])
        held_out = set(numbers[train]) - Shown.shown
        assert {number % 3 for number in held_out} == {0, 1, 2}  # validation: one of each class
        assert {number % 3 for number in Shown.shown} == {0, 1, 2}
