"""The subjects given to `evaluate` hold for everything inside, whatever X is."""

import numpy as np
import pandas as pd
import pytest
from _toy import GroupedSpy, Spy
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg import (
    DiVoteClassifier,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SubjectKFold,
    SubjectScorer,
)
from sknemg.evaluation import Protocol, evaluate, scores_of
from sknemg.evaluation.figure import shared_panels
from sknemg.metrics import level_scores

TWO = Protocol("two", 2)
N_SUBJECTS, N_RECORDINGS = 20, 2


@pytest.fixture(scope="module")
def cohort():
    """Signals in a list, diagnoses, subjects; a subject is easier to know than its disease."""
    rng = np.random.default_rng(0)
    subject = rng.permutation(np.repeat(np.arange(N_SUBJECTS), N_RECORDINGS))
    person = rng.normal(size=(N_SUBJECTS, 4)) + 0.5 * (np.arange(N_SUBJECTS) % 2)[:, None]
    signals = np.tile(person[subject], 3) + 0.1 * rng.normal(size=(len(subject), 12))
    y = np.array(["myopathy", "normal"])[subject % 2]
    names = np.array([f"S{number:02d}" for number in subject], dtype=object)
    return signals.astype(np.float32), y, names


def recordings(signals, **columns):
    return Recordings(signals, sfreq=10.0, **columns)


#: Containers that say nothing of the subjects, or something else.
CONTAINERS = {
    "recordings": recordings,
    "others": lambda signals: recordings(signals, subject=np.arange(len(signals)) % 5),
    "frame": lambda signals: recordings(signals).to_frame(),
    "frame of others": lambda signals: recordings(signals, subject="one").to_frame(),
    "list": list,
    "array": lambda signals: signals,
}


def pipeline(inner=None, **divote):
    inner = LogisticRegression(C=100, max_iter=2000) if inner is None else inner
    return make_pipeline(Segmenter(hop=0.4), DiVoteClassifier(inner, **divote))


def for_container(estimator, name):
    """Bare arrays know no rate; containers that do refuse to be told another time."""
    rate = 10.0 if name in ("list", "array") else None
    known = {key: rate for key in estimator.get_params() if key.endswith("input_sfreq")}
    return clone(estimator).set_params(**known)


METHODS = {
    "out of fold": lambda: pipeline(cv=3),
    "search": lambda: GridSearchCV(
        pipeline(cv=2),
        {"divoteclassifier__final_estimator": [None, "logistic"]},
        cv=SubjectKFold(2),
        scoring=SubjectScorer("neg_log_loss"),
    ),
    "stripped": lambda: make_pipeline(
        Segmenter(hop=0.4),
        FunctionTransformer(stripped),
        DiVoteClassifier(LogisticRegression(max_iter=2000), cv=3),
    ),
}  # fmt: skip


def stripped(X):
    """A step after which nothing but numbers is left."""
    if isinstance(X, np.ndarray):
        return X
    rows = X["signal"] if isinstance(X, pd.DataFrame) else X
    return np.stack([np.asarray(row) for row in rows])


@pytest.fixture(scope="module")
def references(cohort):
    """Each method, evaluated with the subjects in X."""
    signals, y, names = cohort
    methods = {name: make() for name, make in METHODS.items()}
    return evaluate(methods, recordings(signals, subject=names), y, protocol=TWO)


@pytest.mark.parametrize("container", ["recordings", "others", "list"])
def test_groups_equal_the_column_bit_for_bit(cohort, references, container):
    signals, y, names = cohort
    methods = {name: for_container(make(), container) for name, make in METHODS.items()}
    result = evaluate(methods, CONTAINERS[container](signals), y, groups=names, protocol=TWO)
    for level in ("items", "recordings", "subjects"):
        got, expected = getattr(result, level), getattr(references, level)
        if container in ("list", "array", "frame", "frame of others"):
            expected = expected[[name for name in expected if name in got]]
        pd.testing.assert_frame_equal(got, expected)
    assert references.subjects.groupby("method")["myopathy"].std().min() > 0


def test_recordings_of_which_other_subjects_were_given_are_drawn(cohort):
    """Their own column of subjects was once taken for that of other recordings."""
    signals, y, names = cohort
    X = CONTAINERS["others"](signals)
    result = evaluate(pipeline(), X, y, groups=names, protocol=TWO)
    assert result.settings["groups"]
    scores = scores_of(result, n_resamples=9)
    assert [panel.name for panel in shared_panels(result, scores, X)] == ["examples", "accuracies"]
    own = recordings(signals, subject=names)
    result = evaluate(pipeline(), own, y, protocol=TWO)
    with pytest.raises(ValueError, match="give the recordings that were evaluated"):
        shared_panels(result, scores, own[::-1])


@pytest.mark.parametrize("container", CONTAINERS)
def test_groups_reach_the_segment_classifier(cohort, container):
    signals, y, names = cohort
    seen = []

    class Watcher(GroupedSpy):
        def fit(self, X, y, groups=None):
            seen.append((X, groups))
            return super().fit(X, y, groups)

    pipe = for_container(pipeline(Watcher()), container)
    evaluate(pipe, CONTAINERS[container](signals), y, groups=names, protocol=TWO)
    assert len(seen) == 2
    for X, groups in seen:
        of = {
            tuple(row[at : at + 4]): name
            for row, name in zip(signals, names, strict=True)
            for at in (0, 4, 8)
        }
        for segment, name in zip(X, groups, strict=True):
            assert of[tuple(segment)] == name


def test_the_validation_subjects_of_a_network_are_those_of_the_groups(monkeypatch):
    rng = np.random.default_rng(0)
    names = np.repeat(list("abcdefgh"), 2)
    signals = rng.normal(size=(16, 260))
    y = np.repeat(["myopathy", "normal"], 8)
    net = NEMGNetClassifier("A", width=1, short="pad", max_epochs=1, validation=0.3, device="cpu")
    pipe = make_pipeline(Segmenter(), DiVoteClassifier(net))
    column, given = (
        evaluate(pipe, Recordings(signals, sfreq=650.0, subject=subject), y, protocol=TWO, **groups)
        for subject, groups in [(names, {}), (np.arange(16), {"groups": names})]
    )
    pd.testing.assert_frame_equal(given.items, column.items)


def test_a_table_of_features_gains_none(cohort):
    signals, y, names = cohort
    codes = pd.factorize(names)[0] * 1000.0
    table = pd.DataFrame(signals).add_prefix("f")
    divote = DiVoteClassifier(LogisticRegression(max_iter=5000), cv=2)
    methods = {"divote": divote, "rows": LogisticRegression(max_iter=5000)}
    result = evaluate(methods, table, y, groups=codes, protocol=TWO)
    array = evaluate(methods, table.to_numpy(), y, groups=codes, protocol=TWO)
    pd.testing.assert_frame_equal(result.subjects, array.subjects)
    column = evaluate(divote, table.assign(subject=codes), y, protocol=TWO)
    own = result.subjects[result.subjects["method"] == "divote"].reset_index(drop=True)
    shared = ["subject", "prediction", *result.classes]
    pd.testing.assert_frame_equal(column.subjects[shared], own[shared])


class Wrapper(ClassifierMixin, BaseEstimator):
    """A classifier around another, which knows of no groups."""

    def __init__(self, inner):
        self.inner = inner

    def fit(self, X, y):
        self.inner_ = clone(self.inner).fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


@pytest.mark.parametrize(
    "wrap, message",
    [
        (Wrapper, "Wrapper does not hand groups on to the DiVoteClassifier inside"),
        (lambda pipe: GridSearchCV(Wrapper(pipe), {}), "does not hand groups on to the DiVote"),
        (
            lambda pipe: VotingClassifier([("a", pipe)], voting="soft"),
            "VotingClassifier takes groups in fit, but not in predict_proba",
        ),
        (
            lambda pipe: CalibratedClassifierCV(pipe, cv=SubjectKFold(2)),
            "CalibratedClassifierCV takes groups in fit, but not in predict_proba",
        ),
        (
            lambda pipe: pipe.set_params(
                divoteclassifier=pipe[-1].set_fit_request(groups=False)
            ),
            "Pipeline does not hand groups on to the DiVoteClassifier inside",
        ),
    ],
    ids=["wrapper", "search of a wrapper", "voting", "calibrated", "opted out"],
)  # fmt: skip
def test_what_the_subjects_do_not_reach_is_refused_before_a_fit(cohort, wrap, message):
    signals, y, names = cohort
    with config_context(enable_metadata_routing=True):  # which set_fit_request needs
        estimator = wrap(for_container(pipeline(Spy()), "list"))
    Spy.calls.clear()
    with pytest.raises(ValueError, match=rf"do not reach estimators\['a'\]: .*list.* {message}"):
        evaluate({"a": estimator}, list(signals), y, groups=names, protocol=TWO)
    assert not Spy.calls


@pytest.mark.parametrize("container", ["recordings", "others", "frame of others"])
def test_what_takes_no_groups_finds_the_subjects_in_x(cohort, container):
    signals, y, names = cohort
    methods = {
        "wrapper": Wrapper(pipeline(cv=3)),
        "voting": VotingClassifier([("a", pipeline(cv=3))], voting="soft"),
    }
    expected = evaluate(pipeline(cv=3), recordings(signals, subject=names), y, protocol=TWO)
    result = evaluate(methods, CONTAINERS[container](signals), y, groups=names, protocol=TWO)
    for _, rows in result.subjects.groupby("method"):
        np.testing.assert_allclose(
            rows[result.classes].to_numpy(), expected.subjects[result.classes].to_numpy()
        )


class Undecided(BaseEstimator):
    """A step whose fit takes groups without saying whether it wants them."""

    def fit(self, X, y=None, groups=None):
        return self

    def transform(self, X):
        return X


def test_a_step_that_does_not_say_whether_it_wants_groups_is_no_obstacle(cohort):
    signals, y, names = cohort
    pipe = pipeline(cv=3)
    undecided = make_pipeline(Undecided(), *pipe)
    expected = evaluate({"a": pipe}, recordings(signals, subject=names), y, protocol=TWO)
    result = evaluate({"a": undecided}, recordings(signals), y, groups=names, protocol=TWO)
    pd.testing.assert_frame_equal(result.subjects, expected.subjects)


@pytest.mark.slow
def test_weights_are_chosen_on_the_test_fold_of_any_container():
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(16, 260))
    names = np.repeat(list("abcdefgh"), 2)
    y = np.repeat(["myopathy", "normal"], 8)
    protocol = Protocol("p", 2, choose_on="test")
    net = NEMGNetClassifier("A", width=1, short="pad", max_epochs=1, device="cpu")
    results = []
    for X, rate in [
        (Recordings(signals, sfreq=650.0), None),
        (Recordings(signals, sfreq=650.0).to_frame(), None),
        (list(signals.astype(np.float32)), 650.0),
    ]:
        pipe = make_pipeline(Segmenter(input_sfreq=rate), DiVoteClassifier(net))
        results.append(evaluate(pipe, X, y, groups=names, protocol=protocol))
    for result in results[1:]:
        pd.testing.assert_frame_equal(result.subjects, results[0].subjects)


def test_levels_of_what_takes_no_groups_are_those_of_the_groups(cohort):
    signals, y, names = cohort
    model = VotingClassifier([("a", pipeline())], voting="soft")
    model.fit(recordings(signals, subject=names), y)
    expected = level_scores(model, recordings(signals, subject=names), y)
    others = recordings(signals, subject=np.arange(len(signals)))
    for X in (others, others.to_frame()):
        got = level_scores(model, X, y, groups=names)
        np.testing.assert_array_equal(got.y_proba, expected.y_proba)


def test_routed_groups_overrule_the_column(cohort):
    signals, y, names = cohort
    search = METHODS["search"]()
    plain = cross_validate(
        search, recordings(signals, subject=names), y, cv=SubjectKFold(2), scoring=SubjectScorer()
    )
    others = recordings(signals, subject=np.arange(len(signals)))
    with config_context(enable_metadata_routing=True):
        routed = cross_validate(
            search, others, y, cv=SubjectKFold(2), scoring=SubjectScorer(), params={"groups": names}
        )
    np.testing.assert_array_equal(routed["test_score"], plain["test_score"])
