"""Opening fitted models: what is found inside, how answers combine, what is refused."""

import numpy as np
import pandas as pd
import pytest
from _toy import GroupedSpy, Spy, skorch_net, toy_segments, without
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import __version__ as sklearn_version
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.fixes import parse_version

from sknemg import DiVoteClassifier, Recordings, Segmenter, SubjectKFold, SubjectScorer
from sknemg.divote.fitted import open_model
from sknemg.divote.levels import class_columns
from sknemg.evaluation import Protocol, evaluate
from sknemg.evaluation.comparison import scores_of
from sknemg.inspection import (
    ConfusionMatrixDisplay,
    MispredictionDisplay,
    OneVsRestCurveDisplay,
    SimplexDisplay,
    SubjectSheetDisplay,
    TraceDisplay,
    VoteHeatmapDisplay,
    diagnosis_drivers,
)
from sknemg.metrics import level_scores
from sknemg.model_selection import FewerSubjects

#: Models are scored on the subjects that trained them: numbers are compared, not patients judged.
pytestmark = pytest.mark.filterwarnings("ignore::sknemg.model_selection.torn.TornSubjectsWarning")

CV = SubjectKFold(2)


def divote(**options):
    return DiVoteClassifier(Spy(), **options)


def searched(search=GridSearchCV, **options):
    name = "param_grid" if "Grid" in search.__name__ else "param_distributions"
    options = {"cv": CV, "scoring": SubjectScorer(), name: {"final_estimator": [None]}, **options}
    return search(divote(), **options)


def whole_subjects(X, y):
    """A search that halves its rows must not see one subject in parts: a recording of each."""
    _, first = np.unique(X["subject"], return_index=True)
    return X[np.sort(first)], y[np.sort(first)]


@pytest.fixture(scope="module")
def toy():
    return toy_segments(effect=0.6)


def first_rows(X):
    codes, _ = pd.factorize(X["subject"])
    return np.unique(codes, return_index=True)[1]


# -- searches ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "search", [GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV]
)
def test_every_search_is_opened(search, toy):
    X, y = whole_subjects(*toy)
    options = {"n_iter": 1} if search is RandomizedSearchCV else {}
    if "Halving" in search.__name__:
        options = {"min_resources": 12, "max_resources": 12, "random_state": 0}
    if search is HalvingRandomSearchCV:
        options |= {"n_candidates": 1}
    model = searched(search, **options).fit(X, y)
    opened = open_model(model)
    assert [part.path for part in opened.parts] == ["model.best_estimator_"]
    assert_array_equal(
        class_columns(opened.levels(X).subjects, opened.classes), model.predict_proba(X)
    )


def test_a_search_that_kept_no_model_is_refused(toy):
    X, y = toy
    model = searched(refit=False).fit(X, y)
    message = "GridSearchCV .model. has refit=False and kept no model: set refit=True"
    for opens in (
        open_model,
        lambda model: level_scores(model, X, y),
        lambda model: VoteHeatmapDisplay.from_estimator(model, X),
        lambda model: ConfusionMatrixDisplay.from_estimator(model, X, y),
    ):
        with pytest.raises(TypeError, match=message):
            opens(model)


@pytest.mark.parametrize(
    "model",
    [
        divote(),
        make_pipeline("passthrough", divote()),
        searched(),
        CalibratedClassifierCV(divote()),
        VotingClassifier([("a", divote())], voting="soft"),
        FixedThresholdClassifier(divote()),
        TunedThresholdClassifierCV(divote()),
        FrozenEstimator(divote()),
        FewerSubjects(divote(), 2),
        StackingClassifier([("a", divote())]),
    ],
    ids=lambda model: type(model).__name__,
)
def test_an_unfitted_model_says_so(model):
    with pytest.raises(NotFittedError):
        open_model(model)


# -- nested --------------------------------------------------------------------------------------


def nested():
    """Calibrated searches beside a pipeline in a pipeline, in a vote, in a pipeline."""
    vote = VotingClassifier(
        [
            ("deep", CalibratedClassifierCV(searched(), cv=CV)),
            ("plain", make_pipeline(make_pipeline("passthrough", divote(final_estimator=None)))),
        ],
        voting="soft",
        weights=[1, 3],
    )
    return Pipeline([("none", None), ("vote", vote)])


def test_models_inside_each_other(toy):
    X, y = toy
    model = nested().fit(X, y)
    opened = open_model(model)
    deep = "model[-1].named_estimators_['deep'].calibrated_classifiers_[{}].estimator"
    assert [part.path for part in opened.parts] == [
        f"{deep.format(0)}.best_estimator_",
        f"{deep.format(1)}.best_estimator_",
        "model[-1].named_estimators_['plain'][-1][-1]",
    ]
    for part in opened.parts:
        assert eval(part.path, {"model": model}) is part.classifier
        assert part.classes.tolist() == model.classes_.tolist()
        assert part.classifier.classes_.tolist() == [0, 1, 2]  # the vote has numbered them
    assert [part.weight for part in opened.parts] == [1 / 8, 1 / 8, 3 / 4]
    levels = opened.levels(X)
    first = first_rows(X)
    assert_allclose(
        class_columns(levels.subjects, opened.classes), model.predict_proba(X)[first], atol=1e-14
    )
    assert levels.subjects["prediction"].tolist() == model.predict(X)[first].tolist()
    scores = [part.classifier.levels(X).items[[0, 1, 2]].to_numpy() for part in opened.parts]
    by_hand = scores[0] / 8 + scores[1] / 8 + scores[2] * 3 / 4
    assert_allclose(class_columns(levels.items, opened.classes), by_hand, atol=1e-14)


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_answers_combine_as_the_model_does(ensemble, method, n_classes, toy):
    X, y = toy
    keep = y != "normal" if n_classes == 2 else np.ones(len(y), dtype=bool)
    X, y = X[keep], y[keep]
    model = CalibratedClassifierCV(divote(), cv=CV, ensemble=ensemble, method=method)
    if method == "temperature" and parse_version(sklearn_version) < parse_version("1.8"):
        pytest.skip("older than scikit-learn 1.8")
    model.fit(X, y)
    opened = open_model(model)
    assert len(opened.parts) == (2 if ensemble else 1)
    parts = [part.classifier.predict_proba(X) for part in opened.parts]
    assert_array_equal(opened.answer(parts), model.predict_proba(X))
    # with a part left out the final estimators and the calibration are asked again
    segments, _ = diagnosis_drivers(model, X, "S1")
    rest = X["subject"].to_numpy() == "S1"
    own, values = X[rest], np.delete(X[rest].values, 0, axis=0)
    left = own.with_values(values, np.maximum(own.offsets - 1, 0))
    whole, fewer = model.predict_proba(own)[0], model.predict_proba(left)[0]
    best = whole.argmax()
    assert segments["fall"][0] == pytest.approx(whole[best] - fewer[best], abs=1e-9)


@pytest.mark.parametrize("method", ["sigmoid", "temperature"])
def test_calibrated_members_that_lack_a_class(method, toy):
    X, y = toy
    number = X["subject"].str[1:].astype(int).to_numpy()
    one_class_less = [
        (np.flatnonzero(number % 3 != 0), np.flatnonzero(number % 3 == 0)),
        (np.flatnonzero(number > 5), np.flatnonzero(number <= 5)),
    ]
    model = CalibratedClassifierCV(divote(), cv=one_class_less, method=method)
    if method == "temperature" and parse_version(sklearn_version) < parse_version("1.8"):
        pytest.skip("older than scikit-learn 1.8")
    model.fit(X, y)
    opened = open_model(model)
    absent = sorted(set(y[number % 3 == 0]))[0]
    assert [len(part.classes) for part in opened.parts] == [2, 3]
    assert absent not in opened.parts[0].classes
    scores = class_columns(opened.levels(X).recordings, opened.classes).to_numpy()
    place = opened.classes.tolist().index(absent)
    whole = opened.parts[1].classifier
    own = class_columns(whole.levels(X).recordings, whole.classes_.tolist()).to_numpy()
    assert_allclose(scores[:, place], own[:, place] / 2)  # nothing from the one that never saw it
    assert_allclose(scores.sum(axis=1), 1)


# -- thresholds ----------------------------------------------------------------------------------


def sick(toy):
    X, y = toy
    return X, y == "normal"


def test_fewer_subjects_are_opened_to_their_votes(toy):
    X, y = toy
    model = FewerSubjects(divote(), 2).fit(X, y)
    (part,) = open_model(model).segment_parts
    assert part.path == "model.estimator_.estimator_"
    found = open_model(model).levels(X).subjects
    pd.testing.assert_frame_equal(found, model.estimator_.levels(X).subjects)


def test_a_threshold_decides_in_scores_displays_and_evaluations(toy):
    X, y = sick(toy)
    model = FixedThresholdClassifier(divote(), threshold=0.05).fit(X, y)
    first = first_rows(X)
    predicted, truth = model.predict(X)[first], y[first]
    argmax = model.predict_proba(X)[first].argmax(axis=1).astype(bool)
    assert (predicted != argmax).any()
    assert SubjectScorer()(model, X, y) == pytest.approx((predicted == truth).mean())
    area = SubjectScorer("roc_auc_macro")(model, X, y)
    assert area == SubjectScorer("roc_auc_macro")(model.estimator_, X, y)  # has no threshold
    shown = ConfusionMatrixDisplay.from_estimator(model, X, y).mean_
    assert shown[0, 1] == pytest.approx(100 * predicted[~truth].mean())
    levels = open_model(model).levels(X)
    assert levels.subjects["prediction"].tolist() == predicted.tolist()
    result = evaluate(
        FixedThresholdClassifier(divote(), threshold=0.05), X, y, protocol=Protocol("2", n_splits=2)
    )
    scores = class_columns(result.subjects, [False, True]).to_numpy()
    assert (result.subjects["prediction"] == (scores[:, 1] >= 0.05)).all()
    assert (result.recordings["prediction"] == (result.recordings[True] >= 0.05)).all()
    table = scores_of(result, n_resamples=9)
    table = table[table["metric"] == "accuracy"].set_index("level")["value"]
    for level in ("subject", "recording", "item"):
        rows = getattr(result, f"{level}s")
        right = rows["prediction"] == rows["y_true"]
        assert table[level] == pytest.approx(right.mean())
        assert (rows["prediction"] != (rows[True] > rows[False])).any()


def test_a_tuned_threshold_in_a_search_and_a_frozen_one(toy):
    X, y = sick(toy)
    tuned = TunedThresholdClassifierCV(divote(), cv=CV, thresholds=5)
    model = GridSearchCV(tuned, {"estimator__final_estimator": [None]}, cv=CV).fit(X, y)
    first = first_rows(X)
    levels = open_model(model).levels(X)
    assert levels.subjects["prediction"].tolist() == model.predict(X)[first].tolist()
    frozen = FixedThresholdClassifier(FrozenEstimator(divote().fit(X, y)), threshold=0.9)
    opened = open_model(frozen)  # was never fitted itself, as scikit-learn allows
    assert opened.parts[0].path == "model.estimator.estimator"
    assert opened.levels(X).subjects["prediction"].tolist() == frozen.predict(X)[first].tolist()


# -- members that differ -------------------------------------------------------------------------


def pair_of(*segmenters, **options):
    members = [(f"m{i}", make_pipeline(cut, divote())) for i, cut in enumerate(segmenters)]
    return VotingClassifier(members, voting="soft", **options)


@pytest.fixture(scope="module")
def signals():
    rng = np.random.default_rng(0)
    code = np.arange(12) % 3
    data = [rng.normal(scale=1 + code[s], size=20) + code[s] for s in np.repeat(np.arange(12), 2)]
    names = np.repeat([f"S{s}" for s in range(12)], 2)
    y = np.array(["myopathy", "neuropathy", "normal"])[np.repeat(code, 2)]
    return Recordings(data, sfreq=500, subject=names), y


@pytest.mark.parametrize(
    ("segmenters", "said"),
    [
        (
            [Segmenter(0.016, 0.008), Segmenter(0.016, 0.016)],
            "0.016 s every 0.008 s, .* 0.016 s every 0.016 s",
        ),
        (
            [Segmenter(0.02, 0.02), Segmenter(0.016, 0.02)],
            "0.02 s every 0.02 s, .* 0.016 s every 0.02 s",
        ),
    ],
)
def test_other_windows_have_no_common_segments(segmenters, said, signals):
    X, y = signals
    model = pair_of(*segmenters).fit(X, y)
    message = rf"VotingClassifier have no common scores, .*\['m0'\]\[-1\] cuts {said}: give"
    for asks in (
        lambda: level_scores(model, X, y, level="item"),
        lambda: diagnosis_drivers(model, X, "S1"),
        lambda: SubjectSheetDisplay.from_estimator(model, X, "S1"),
        lambda: TraceDisplay.from_estimator(model, X, 0),
    ):
        with pytest.raises(ValueError, match=message):
            asks()
    # recordings and subjects are the same whatever the windows
    members = [m[-1].levels(m[:-1].transform(X)).recordings for m in model.estimators_]
    by_hand = np.mean([own[[0, 1, 2]].to_numpy() for own in members], axis=0)
    assert_allclose(level_scores(model, X, y, level="recording").y_proba, by_hand)
    proba = model.predict_proba(X)
    assert_allclose(level_scores(model, X, y).y_proba, proba[first_rows(X)])
    display = VoteHeatmapDisplay.from_estimator(model, X, y)
    assert_allclose(display.recordings[model.classes_], by_hand)
    assert "n_items" not in display.recordings or segmenters[0].hop == segmenters[1].hop
    result = evaluate({"pair": pair_of(*segmenters)}, X, y, protocol=Protocol("2", n_splits=2))
    assert len(result.items) == 0
    assert len(result.recordings) == len(X)
    assert set(scores_of(result, n_resamples=9)["level"]) == {"subject", "recording"}


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")  # a low rate
def test_the_same_windows_at_two_rates_have(signals):
    from sknemg import Downsampler

    X, y = signals
    both = VotingClassifier(
        [
            ("fast", make_pipeline(Segmenter(0.016, 0.008), divote())),
            ("slow", make_pipeline(Downsampler(250), Segmenter(0.016, 0.008), divote())),
        ],
        voting="soft",
    ).fit(X, y)
    segments = open_model(both).levels(X).items
    fast = both.estimators_[0][-1].levels(both.estimators_[0][:-1].transform(X)).items
    slow = both.estimators_[1][-1].levels(both.estimators_[1][:-1].transform(X)).items
    assert_allclose(segments[both.classes_], (fast[[0, 1, 2]] + slow[[0, 1, 2]]) / 2)
    assert segments["start"].tolist() == fast["start"].tolist()


def test_a_member_without_weight_has_no_say_even_where_it_has_no_vote(signals):
    X, y = signals
    X = Recordings([X[0][:5], *X[1:]], sfreq=500, subject=X["subject"])  # the first is too short
    model = pair_of(
        *(Segmenter(0.016, 0.008, short=short) for short in ("pad", "drop")), weights=[1, 0]
    ).fit(X, y)
    pads = model.estimators_[0]
    only = pads[-1].levels(pads[:-1].transform(X)).recordings
    recordings = open_model(model).recordings(X)
    assert_allclose(recordings[model.classes_], only[[0, 1, 2]])
    assert "n_items" not in recordings  # one and none
    model.weights = [1, 1]
    scores = open_model(model).recordings(X)[model.classes_]
    assert scores.isna().any(axis=1).tolist() == [True] + [False] * 23


# -- what cannot be opened -----------------------------------------------------------------------


def test_a_stack_answers_for_subjects_and_for_nothing_below(toy):
    X, y = toy
    folds = list(CV.split(X, y, X["subject"]))
    stack = StackingClassifier([("a", divote()), ("b", divote(final_estimator=None))], cv=folds)
    model = stack.fit(X, y)
    proba = model.predict_proba(X)[first_rows(X)]
    assert_allclose(level_scores(model, X, y).y_proba, proba)
    assert OneVsRestCurveDisplay.from_estimator(model, X, y, n_bootstrap=2).curves
    message = (
        "StackingClassifier has no items that vote: give a DiVoteClassifier, or a Pipeline, "
        r"search, .* of them, such as model\.named_estimators_\['a'\]\."
    )
    for asks in (
        lambda: level_scores(model, X, y, level="recording"),
        lambda: level_scores(model, X, y, level="item"),
        lambda: VoteHeatmapDisplay.from_estimator(model, X),
        lambda: SimplexDisplay.from_estimator(model, X, y),
        lambda: diagnosis_drivers(model, X, "S1"),
    ):
        with pytest.raises(TypeError, match=message):
            asks()
    result = evaluate({"hidden": Hidden()}, X, y, protocol=Protocol("2", n_splits=2))
    assert len(result.subjects) == 12
    assert len(result.recordings) == len(result.items) == 0


class Hidden(ClassifierMixin, BaseEstimator):
    """Holds a DiVoteClassifier where nobody looks, and says so by its parameters."""

    def __init__(self, hidden=None):
        self.hidden = DiVoteClassifier(Spy()) if hidden is None else hidden

    def fit(self, X, y):
        self.inside_ = DiVoteClassifier(Spy()).fit(X, y)
        self.classes_ = self.inside_.classes_
        return self

    def predict_proba(self, X):
        return self.inside_.predict_proba(X)


def test_a_vote_without_scores_is_refused(toy):
    X, y = toy
    hard = VotingClassifier([("a", divote())], voting="hard").fit(X, y)
    message = r"VotingClassifier .model. has voting='hard' and gives no scores: set voting='soft'"
    with pytest.raises(TypeError, match=message):
        level_scores(hard, X, y)


def test_a_row_classifier_beside_a_divote_classifier_is_named(toy):
    X, y = toy
    features = FunctionTransformer(lambda X: np.stack([row.mean(axis=0) for row in X]))
    rows = make_pipeline(features, LogisticRegression())
    mixed = VotingClassifier([("vote", divote()), ("rows", rows)], voting="soft").fit(X, y)
    means = pd.DataFrame(mixed.predict_proba(X)).groupby(X["subject"].to_numpy(), sort=False).mean()
    assert_allclose(level_scores(mixed, X, y).y_proba, means)
    message = r"LogisticRegression \(model\.named_estimators_\['rows'\]\[-1\]\) has no items"
    with pytest.raises(TypeError, match=message):
        level_scores(mixed, X, y, level="recording")


def test_classifiers_of_rows_and_of_no_scores(toy):
    X, y = toy
    table = np.stack([row.mean(axis=0) for row in X])
    groups = X["subject"].to_numpy()
    calibrated = CalibratedClassifierCV(LogisticRegression(), cv=2).fit(table, y)
    assert_allclose(
        level_scores(calibrated, table, y, level="recording", groups=groups).y_proba,
        calibrated.predict_proba(table),
    )
    with pytest.raises(ValueError, match="The subjects are unknown"):
        VoteHeatmapDisplay.from_estimator(calibrated, table)
    ridge = RidgeClassifier().fit(table, y)
    by_row = ConfusionMatrixDisplay.from_estimator(ridge, table, y).mean_
    np.testing.assert_allclose(
        np.diag(by_row), [100 * (ridge.predict(table)[y == c] == c).mean() for c in ridge.classes_]
    )
    with pytest.raises(TypeError, match="RidgeClassifier has no predict_proba: give"):
        ConfusionMatrixDisplay.from_estimator(ridge, table, y, groups=groups)


def test_a_pipeline_without_a_classifier_and_a_transformer_are_refused(toy):
    X, y = toy
    with pytest.raises(TypeError, match="ends in 'passthrough': let it end in a classifier"):
        open_model(make_pipeline(divote().fit(X, y), "passthrough"))
    with pytest.raises(TypeError, match=r"FunctionTransformer \(model\) is no classifier"):
        open_model(FunctionTransformer().fit(np.eye(6)))
    bag = BaggingClassifier(LogisticRegression(), 2).fit(np.eye(6), list("ababab"))
    with pytest.raises(TypeError, match="BaggingClassifier has no items that vote"):
        open_model(bag).levels(X)


# -- subjects and labels -------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", ["vote", "calibrated", "search", "nested"])
def test_groups_reach_every_member(wrap, toy):
    X, y = toy
    model = {
        "vote": VotingClassifier([("a", divote()), ("b", divote())], voting="soft"),
        "calibrated": CalibratedClassifierCV(divote(), cv=CV),
        "search": searched(),
        "nested": nested(),
    }[wrap].fit(X, y)
    nameless, subjects = without(X, "subject"), X["subject"].to_numpy()
    opened = open_model(model)
    assert_allclose(opened.predict_proba(nameless, subjects), model.predict_proba(X), atol=1e-14)
    for level in ("subject", "recording", "item"):
        known = level_scores(model, X, y, level=level)
        given = level_scores(model, nameless, y, level=level, groups=subjects)
        assert_allclose(given.y_proba, known.y_proba, atol=1e-14)
        assert given.groups.tolist() == known.groups.tolist()
    with pytest.raises(ValueError, match="fit knew the subjects, this X does not"):
        opened.predict_proba(nameless)


def test_groups_in_place_of_those_of_x_reach_into_a_stack(toy):
    X, y = toy
    folds = list(CV.split(X, y, X["subject"]))
    model = StackingClassifier([("a", divote())], cv=folds).fit(X, y)
    alone = np.arange(len(X))
    given = level_scores(model, X, y, groups=alone)
    wanted = model.predict_proba(X.with_values(X.values, subject=alone))
    assert_array_equal(given.y_proba, wanted)
    assert np.abs(given.y_proba - model.predict_proba(X)).max() > 0.001


def test_a_frozen_segment_classifier_is_found_and_cannot_follow_the_numbers_of_a_vote(toy):
    X, y = toy
    frozen = FrozenEstimator(Spy().fit(X.values, y[X.row_index]))
    model = CalibratedClassifierCV(FrozenEstimator(DiVoteClassifier(frozen).fit(X, y))).fit(X, y)
    (part,) = open_model(model).segment_parts
    assert part.classes.tolist() == model.classes_.tolist()
    assert part.classifier is frozen.estimator
    vote = VotingClassifier([("a", DiVoteClassifier(frozen))], voting="soft")
    message = r"knows the classes \['myopathy', .* not among \[0, 1, 2\]: train it on these"
    with pytest.raises(ValueError, match=message):
        vote.fit(X, y)


def test_a_skorch_net_is_found_under_the_names_of_the_classes():
    X, y = toy_segments()
    model = DiVoteClassifier(skorch_net()).fit(X, y)
    part = open_model(model).network()
    assert part.classes.tolist() == model.classes_.tolist()
    assert part.classifier.classes_.tolist() == [0, 1, 2]


def test_segments_inside_are_scored_in_the_classes_of_the_model(toy):
    X, y = toy
    segment = make_pipeline(FunctionTransformer(), GroupedSpy())
    vote = VotingClassifier([("a", segment), ("b", Spy())], voting="soft", weights=[1, 2])
    model = DiVoteClassifier(vote).fit(X, y)
    opened = open_model(model)
    assert [part.path for part in opened.segment_parts] == [
        "model.estimator_.named_estimators_['a'][-1]",
        "model.estimator_.named_estimators_['b']",
    ]
    assert_array_equal(opened.score_items(X.values), model.estimator_.predict_proba(X.values))
    given = opened.segment_input(opened.segment_parts[0], X, y)
    assert_array_equal(given.labels, y[X.row_index])
    assert_array_equal(given.segments, X.values)
    with pytest.raises(ValueError, match="y has 3 labels for 48 recordings: give one for each"):
        opened.segment_input(opened.segment_parts[0], X, y[:3])


def test_mispredictions_are_sorted_by_the_score_of_the_decision(signals):
    X, y = signals
    y = y == "normal"
    cut = make_pipeline(Segmenter(0.016, 0.008), divote())
    model = FixedThresholdClassifier(cut, threshold=0.05).fit(X, y)
    display = MispredictionDisplay.from_estimator(model, X, ~y)
    score = level_scores(model, X, y, level="recording").y_proba[:, 1]
    for (true, predicted), rows in display.rows_.items():
        assert true != predicted
        assert ((score[rows] >= 0.05) == predicted).all()
        own = score[rows] if predicted else 1 - score[rows]
        assert (np.diff(own) <= 0).all()
