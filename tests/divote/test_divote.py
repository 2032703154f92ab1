"""DiVote around any classifier: containers, subjects, locations, errors."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from _toy import CLASSES, GroupedSpy, Spy, renamed, skorch_net, toy_segments, without
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import (
    DiVoteClassifier,
    JointVoteClassifier,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    SubjectKFold,
)
from sknemg.weights import read_network


def with_lengths(X, keep):
    """The same rows, those outside `keep` without segments."""
    lengths = np.where(keep, X.lengths, 0)
    values = X.values[np.repeat(keep, X.lengths)]
    return X.with_values(values, np.concatenate([[0], np.cumsum(lengths)]))


class Secretive(LogisticRegression):
    """Refuses to say what it asks for, as aeon's estimators do."""

    def get_metadata_routing(self):
        raise NotImplementedError("aeon estimators do not have a get_metadata_routing method.")


# -- votes -------------------------------------------------------------------------------------


# -- around any classifier ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=1000),
        RandomForestClassifier(n_estimators=10, random_state=0),
        make_imblearn_pipeline(
            RandomOverSampler(random_state=0), RandomForestClassifier(5, random_state=0)
        ),
        make_pipeline(SegmentFeatures(input_sfreq=10_000), LinearDiscriminantAnalysis()),
        make_pipeline(StandardScaler(), GroupedSpy()),
        skorch_net(),
        NEMGNetClassifier("A", width=2, short="pad", max_epochs=2, random_state=0, device="cpu"),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("cv", [None, 3])
def test_any_classifier_with_probabilities(estimator, cv):
    X, y = toy_segments(n_times=64 if "features" in str(estimator).lower() else 8, effect=2.0)
    if "NeuralNet" in type(estimator).__name__:
        estimator.set_params(module__n_times=X.item_shape[0])
    model = DiVoteClassifier(estimator, cv=cv).fit(X, y)
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    assert proba.shape == (len(X), 3)
    assert_array_equal(model.classes_, CLASSES)
    assert model.predict(X).tolist() == [CLASSES[k] for k in proba.argmax(axis=1)]
    for _, rows in X.meta.groupby("subject").groups.items():
        assert (proba[rows] == proba[rows[0]]).all()
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), proba)


def test_a_skorch_net_sees_integers_and_the_user_strings():
    X, y = toy_segments()
    model = DiVoteClassifier(skorch_net(), final_estimator=None).fit(X, y)
    assert set(model.estimator_.classes_) == {0, 1, 2}
    assert set(model.predict(X)) <= set(CLASSES)


def test_the_segment_classifier_sees_the_labels_themselves():
    X, y = toy_segments()
    forest = RandomForestClassifier(2, class_weight=dict.fromkeys(CLASSES, 2.0), random_state=0)
    model = DiVoteClassifier(forest).fit(X, y)
    assert model.estimator_.classes_.tolist() == list(CLASSES)


def test_the_networks_own_validation_is_by_subject():
    X, y = toy_segments()
    net = NEMGNetClassifier("A", width=2, short="pad", max_epochs=1, validation=0.3, device="cpu")
    model = DiVoteClassifier(net).fit(X, y)  # a fraction is refused without subjects
    assert model.estimator_.classes_.tolist() == list(CLASSES)


def test_nothing_of_the_parameters_changes_and_a_clone_is_equal():
    X, y = toy_segments()
    inner, final = Spy(), LogisticRegression(C=0.5)
    model = DiVoteClassifier(inner, final_estimator=final).fit(X, y)
    assert not hasattr(inner, "classes_")
    assert not hasattr(final, "classes_")
    assert_array_equal(clone(model).fit(X, y).predict_proba(X), model.predict_proba(X))


# -- containers --------------------------------------------------------------------------------


def test_every_container_gives_the_same_answer():
    X, y = toy_segments(n_segments=(2, 2))
    groups = X["subject"].to_numpy()
    bare = without(X, "location")
    expected = DiVoteClassifier(Spy()).fit(bare, y).predict_proba(bare)
    array = X.values.reshape(len(X), 2, -1)
    frame = bare.to_frame()
    for same in [frame, frame.drop(columns=["sfreq", "hop"])]:
        assert_array_equal(DiVoteClassifier(Spy()).fit(same, y).predict_proba(same), expected)
    for same in [list(bare), tuple(bare), array]:
        model = DiVoteClassifier(Spy()).fit(same, y, groups=groups)
        assert_array_equal(model.predict_proba(same, groups=groups), expected)


def test_a_row_of_a_plain_table_is_a_recording_of_one_segment():
    X, y = toy_segments(n_segments=(1, 1))
    model = DiVoteClassifier(Spy()).fit(X.values, y)
    assert model.n_features_in_ == X.item_shape[0]
    assert len(model.votes_) == len(X)  # each row its own subject
    assert_array_equal(
        model.predict_proba(X.values), model.fit(X.values[:, None], y).predict_proba(X.values)
    )
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize("name", ["S{}".format, int], ids=["names", "numbers"])
def test_the_subjects_of_a_plain_table_are_no_feature(name):
    X, y = toy_segments(n_segments=(1, 1))
    who = [name(subject[1:]) for subject in X["subject"]]
    table = pd.DataFrame(X.values, index=np.arange(len(X))[::-1]).add_prefix("f")
    model = DiVoteClassifier(Spy()).fit(table.assign(subject=who), y)
    assert model.feature_names_in_.tolist() == table.columns.tolist()
    given = DiVoteClassifier(Spy()).fit(table, y, groups=who)
    assert_array_equal(
        model.predict_proba(table.assign(subject=who)), given.predict_proba(table, groups=who)
    )


def test_images_reach_the_classifier_as_they_are():
    X, y = toy_segments()
    images = X.with_values((X.values[:, None, :, None] * 10).astype(np.uint8))

    class OnImages(Spy):
        def fit(self, X, y):
            assert X.shape[1:] == (1, 8, 1)
            assert X.dtype == np.uint8
            return super().fit(X[:, 0, :, 0], y)

        def predict_proba(self, X):
            return super().predict_proba(X[:, 0, :, 0])

    assert DiVoteClassifier(OnImages()).fit(images, y).score(renamed(images), y) > 0.3


def test_signals_are_refused_with_advice():
    signals = [np.random.default_rng(0).normal(size=n) for n in (5, 6)]
    frame = pd.DataFrame({"signal": signals})
    for X in [Recordings(signals, sfreq=500), signals, frame]:
        with pytest.raises(ValueError, match="put a Segmenter before the DiVoteClassifier"):
            DiVoteClassifier(Spy()).fit(X, ["a", "b"])


def test_segments_of_another_shape_are_refused():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    with pytest.raises(ValueError, match=r"items of shape \(5,\), fit saw items of \(8,\)"):
        model.predict(X.with_values(X.values[:, :5]))


# -- subjects ----------------------------------------------------------------------------------


def test_groups_stand_in_for_the_column_and_overrule_it():
    X, y = toy_segments()
    groups = X["subject"].to_numpy()
    bare = without(X, "subject")
    expected = DiVoteClassifier(Spy()).fit(X, y).predict_proba(X)
    model = DiVoteClassifier(Spy()).fit(bare, y, groups=groups)
    assert_array_equal(model.predict_proba(bare, groups=groups), expected)
    wrong = X.with_columns(subject="one for all")
    model = DiVoteClassifier(Spy()).fit(wrong, y, groups=groups)
    assert_array_equal(model.predict_proba(wrong, groups=groups), expected)


def test_the_order_of_rows_plays_no_part_in_predict():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    order = np.random.default_rng(1).permutation(len(X))
    assert_allclose(model.predict_proba(X[order]), model.predict_proba(X)[order], rtol=1e-12)


def test_one_subject_alone_gets_the_answer_that_it_gets_in_company():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    alone = np.flatnonzero(X["subject"] == "S3")
    assert_allclose(model.predict_proba(X[alone]), model.predict_proba(X)[alone], rtol=1e-12)
    assert len(model.levels(X[alone]).subjects) == 1


def test_predict_without_subjects_is_an_error_if_fit_had_them():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    for call in [model.predict, model.predict_proba, model.levels]:
        with pytest.raises(ValueError, match="give groups or a column 'subject'"):
            call(without(X, "subject"))


def test_without_subjects_each_recording_is_its_own():
    X, y = toy_segments()
    bare = without(X, "subject")
    model = DiVoteClassifier(Spy()).fit(bare, y)
    assert_array_equal(model.levels(bare).subjects["n_recordings"], 1)


def test_two_diagnoses_of_a_subject_are_named_with_their_rows():
    X, y = toy_segments()
    rows = np.flatnonzero(X["subject"] == "S0")
    y = y.copy()
    y[rows[1]] = "normal"
    message = f"1 subject has more than one diagnosis, 'S0' .*normal in row {rows[1]}"
    with pytest.raises(ValueError, match=message):
        DiVoteClassifier(Spy()).fit(X, y)


def test_subjects_reach_an_estimator_that_asks_for_them_and_no_other():
    X, y = toy_segments()
    model = DiVoteClassifier(make_pipeline(StandardScaler(), GroupedSpy())).fit(X, y)
    assert_array_equal(model.estimator_[-1].groups_, X["subject"].to_numpy()[X.row_index])
    bare = without(X, "subject")
    model.fit(bare, y)  # recordings then are the unit that must not be torn
    assert_array_equal(model.estimator_[-1].groups_, X.row_index)
    DiVoteClassifier(Spy()).fit(X, y)  # its fit takes no groups


# -- empty rows --------------------------------------------------------------------------------


def test_an_empty_recording_has_no_vote():
    X, y = toy_segments()
    keep = np.ones(len(X), bool)
    keep[[0, 7, len(X) - 1]] = False
    hollow = with_lengths(X, keep)
    model = DiVoteClassifier(Spy(), cv=3).fit(X[keep], y[keep])
    again = DiVoteClassifier(Spy(), cv=SubjectKFold(3)).fit(X[keep], y[keep])
    assert_array_equal(model.predict_proba(hollow)[keep], again.predict_proba(X[keep]))
    levels = model.levels(hollow)
    assert levels.recordings.loc[~keep, list(CLASSES)].isna().all(axis=None)
    assert levels.recordings["n_items"].tolist() == hollow.lengths.tolist()
    fitted = DiVoteClassifier(Spy()).fit(hollow, y)
    kept = DiVoteClassifier(Spy()).fit(X[keep], y[keep])
    order = [np.argsort(pd.unique(rows["subject"])) for rows in (X, X[keep])]
    assert len(order[0]) == len(order[1])
    assert_array_equal(fitted.votes_[order[0]], kept.votes_[order[1]])


def test_a_subject_without_votes_is_unknown_and_warned_of_once():
    X, y = toy_segments()
    hollow = with_lengths(X, (X["subject"] != "S4").to_numpy())
    rows = np.flatnonzero(X["subject"] == "S4")
    model = DiVoteClassifier(Spy(), final_estimator=None).fit(X, y)
    with pytest.warns(UserWarning, match="without a single segment") as caught:
        proba = model.predict_proba(hollow)
    assert len(caught) == 1
    assert f"rows {', '.join(map(str, rows))}: leave them out" in str(caught[0].message)
    assert_allclose(proba[rows], 1 / 3)
    with pytest.warns(UserWarning, match="without a single segment"):
        trained = DiVoteClassifier(Spy(), cv=3).fit(hollow, y)
    assert len(trained.votes_) == X["subject"].nunique() - 1


def test_all_rows_may_be_empty_in_predict():
    X, y = toy_segments()
    model = DiVoteClassifier(Spy()).fit(X, y)
    with pytest.warns(UserWarning, match="without a single segment"):
        proba = model.predict_proba(with_lengths(X[:5], np.zeros(5, bool)))
    assert len(np.unique(proba, axis=0)) == 1


# -- locations ---------------------------------------------------------------------------------


def test_auto_takes_the_location_where_it_is_known():
    X, y = toy_segments()
    bare = without(X, "location")
    assert DiVoteClassifier(Spy()).fit(X, y).subject_features_ == "location"
    assert DiVoteClassifier(Spy()).fit(bare, y).subject_features_ == "all"
    assert DiVoteClassifier(Spy()).fit(X.with_columns(location=None), y).subject_features_ == "all"
    fitted = DiVoteClassifier(Spy(), subject_features="location").fit(X, y)
    assert fitted.levels(X).votes.columns.tolist() == [
        f"{location} {label}" for location in ["proximal", "distal"] for label in CLASSES
    ]
    assert fitted.votes_.shape == (12, 6)


def test_a_location_asked_for_and_unknown_is_an_error():
    X, y = toy_segments()
    bare = without(X, "location")
    model = DiVoteClassifier(Spy(), subject_features="location")
    for unknown in [bare, X.with_columns(location=np.nan)]:
        with pytest.raises(ValueError, match="or set subject_features='all'"):
            model.fit(unknown, y)
    with pytest.raises(ValueError, match="fit knew the locations, this X does not"):
        model.fit(X, y).predict(bare)


def test_missing_and_misspelt_locations_are_named():
    X, y = toy_segments()
    location = X["location"].astype(object)
    location[[2, 5]] = [None, np.nan]
    model = DiVoteClassifier(Spy()).fit(X, y)
    with pytest.warns(UserWarning, match=r"no vote, rows 2, 5: give"):
        model.predict(X.with_columns(location=location))
    location[[2, 5]] = "Proximal"
    with pytest.raises(ValueError, match=r"\['Proximal'\] in rows 2, 5: write"):
        model.predict(X.with_columns(location=location))


# -- in-sample and out-of-fold -----------------------------------------------------------------


# -- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name, weight", [(None, "balanced"), ("logistic", None)])
def test_the_final_classifier_is_a_logistic_regression(name, weight):
    X, y = toy_segments(n_subjects=11)  # of one class fewer than of the others
    options = {} if name is None else {"final_estimator": name}
    plain = DiVoteClassifier(Spy(), **options).fit(X, y)
    own = LogisticRegression(class_weight=weight)
    given = DiVoteClassifier(Spy(), final_estimator=own).fit(X, y)
    assert isinstance(plain.final_estimator_, LogisticRegression)
    assert_array_equal(plain.predict_proba(X), given.predict_proba(X))


def test_one_class_and_wrong_parameters_are_refused():
    X, y = toy_segments()
    with pytest.raises(ValueError, match="one class only"):
        DiVoteClassifier(Spy()).fit(X, np.full(len(X), "normal"))
    with pytest.raises(ValueError, match="'subject_features' parameter"):
        DiVoteClassifier(Spy(), subject_features="PD").fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        DiVoteClassifier(Spy()).fit(X, y[1:])
    for nothing in (X[[]], X.to_frame()[:0], np.empty((0, 2, 8))):
        with pytest.raises(ValueError, match="no recordings"):
            DiVoteClassifier(Spy()).fit(nothing, y[:0])


def test_nothing_is_warned_of_on_the_plain_path():
    X, y = toy_segments()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DiVoteClassifier(Spy(), cv=3).fit(X, y).levels(X)


def test_a_segment_classifier_that_does_not_say_what_it_asks_for_gets_no_groups():
    X, y = toy_segments()
    model = DiVoteClassifier(make_pipeline(Secretive(max_iter=1000)), cv=2).fit(X, y)
    plain = DiVoteClassifier(LogisticRegression(max_iter=1000), cv=2).fit(X, y)
    assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


def test_another_sampling_rate_is_refused():
    X, y = toy_segments()
    model = DiVoteClassifier(LogisticRegression(), subject_features="all").fit(X, y)
    assert model.sfreq_ == X["sfreq"].iloc[0]
    with pytest.raises(ValueError, match="fit saw"):
        model.predict(X.with_columns(sfreq=2 * X["sfreq"].to_numpy()))
    near = model.sfreq_ + 0.002
    with pytest.raises(ValueError, match=rf"X is sampled at {near:.10g} Hz, fit saw"):
        model.predict(X.with_columns(sfreq=near))
    mixed = X.with_columns(sfreq=np.where(np.arange(len(X)) % 2, 10.0, 20.0))
    with pytest.raises(ValueError, match="put a Downsampler first"):
        DiVoteClassifier(LogisticRegression(), subject_features="all").fit(mixed, y)
    bare = model.predict(X.to_frame().drop(columns="sfreq"))  # an unknown rate contradicts none
    np.testing.assert_array_equal(bare, model.predict(X))


def test_recordings_without_any_segment_are_refused(make_ragged):
    X, y = make_ragged(sfreq=500.0)
    empty = Segmenter(window=1000, hop=1, short="drop").fit_transform(X)
    with pytest.raises(ValueError, match="No recording has a segment"):
        DiVoteClassifier(LogisticRegression()).fit(empty, y)


def test_a_rate_told_to_a_step_must_be_that_of_the_segments(make_ragged):
    X, y = make_ragged(sfreq=3000.0)
    segments = Segmenter().fit_transform(X)
    steps = [SegmentFeatures(input_sfreq=10_000), StandardScaler(), LogisticRegression()]
    model = DiVoteClassifier(make_pipeline(*steps), subject_features="all")
    message = "segmentfeatures__input_sfreq=10000, but the segments are sampled at 3000 Hz"
    with pytest.raises(ValueError, match=message):
        model.fit(segments, y)
    model.set_params(estimator__segmentfeatures__input_sfreq=3000).fit(segments, y)


@pytest.mark.parametrize("around", [lambda network: network, make_pipeline])
def test_a_network_that_knows_another_rate_is_not_started_from(around):
    """The segments have as many samples as its own, so that only the rate tells."""
    shipped = read_network("volitional-small")
    n_times = shipped.input_shape[-1]
    rows = np.random.default_rng(0).normal(size=(4, n_times))
    X = Recordings(rows, sfreq=20_000, subject=list("abcd"))
    segments = Segmenter(n_times / 20_000, n_times / 20_000).fit_transform(X)
    layout = {name: shipped.parameters[name] for name in ("width", "companding", "head")}
    network = NEMGNetClassifier("A", init="volitional-small", **layout)
    message = (
        r"init='volitional-small', which learned from segments sampled at 10000 Hz, but these are "
        r"sampled at 20000 Hz: put Downsampler\(10000\) before"
    )
    y = ["myopathy", "normal"] * 2
    with pytest.raises(ValueError, match=message):
        DiVoteClassifier(around(network)).fit(segments, y)
    slower = segments.with_values(segments.items, sfreq=10_000.5)
    own = DiVoteClassifier(NEMGNetClassifier("A", width=1, max_updates=1)).fit(slower, y)
    network = NEMGNetClassifier("A", width=1, max_updates=1, init=make_pipeline(own))
    message = message.replace("'volitional-small'", "Pipeline").replace("10000", "10000.5")
    with pytest.raises(ValueError, match=message):
        DiVoteClassifier(around(network)).fit(segments, y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of a variance of 0
def test_a_final_classifier_without_an_answer_gives_no_diagnosis():
    X, y = np.repeat(np.eye(3), 2, axis=0), list("aabbcc")
    model = DiVoteClassifier(LogisticRegression(), final_estimator=GaussianNB(var_smoothing=0))
    model.fit(X, y, groups=list("uvwxyz"))
    with pytest.raises(ValueError, match=r"final estimator, GaussianNB, scores NaN .* 3 of 3 subj"):
        model.predict(np.eye(3), groups=list("abc"))


def test_the_balanced_final_classifier_does_not_lean_away_from_the_subject_left_out():
    """Votes that tell nothing: the plain one answers with the class that is not the subject's."""
    X = np.full((9, 1, 3), 1 / 3)
    y = np.repeat(["myopathy", "neuropathy", "normal"], 3)
    subjects = np.array([f"S{row}" for row in range(9)])
    own = {}
    for final in ("logistic", "balanced"):
        model = DiVoteClassifier(Spy(), final_estimator=final)
        model.fit(X[1:], y[1:], groups=subjects[1:])
        own[final] = model.predict_proba(X[:1], groups=subjects[:1])[0, 0]
    assert own["logistic"] < 0.28  # two of eight training subjects
    assert own["balanced"] == pytest.approx(1 / 3, abs=1e-3)


@pytest.mark.parametrize("joint", [False, True])
def test_a_score_of_diagnoses_in_another_coding_is_refused(joint):
    X = np.random.default_rng(0).normal(size=(24, 5))
    y, who = np.repeat([0, 1], 12), np.arange(24) // 2
    model = DiVoteClassifier(LogisticRegression())
    model = JointVoteClassifier([("one", model)]) if joint else model
    model.fit(X[:, None], y, groups=who)
    said = "of which the model knows none: it was trained on .*0, 1.* Write the diagnoses as in"
    new = who + 100
    for other in (y.astype(str), np.where(y, "yes", "no"), y + 2):
        with pytest.raises(ValueError, match=said):
            model.score(X[:, None], other, groups=new)
    assert model.score(X[:, None], y, groups=new) == model.score(X[:, None], y * 1.0, groups=new)
    assert model.score(X[:12, None], np.full(12, 7), groups=new[:12]) == 0  # a fold of one class
