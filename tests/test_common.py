"""scikit-learn's checks on every public estimator, and a floor under their number."""

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import sknemg
from sknemg import (
    BandPass,
    DiVoteClassifier,
    Downsampler,
    FewerSubjects,
    InterferenceFeatures,
    JointVoteClassifier,
    MelSpectrogram,
    MuapFeatures,
    NEMGNetClassifier,
    PatternFeatures,
    PlotImage,
    Segmenter,
    SegmentFeatures,
    SignalAugmenter,
    Spectrogram,
    SpectrogramAugmenter,
    TimmClassifier,
)

# One instance of every public estimator, small enough for the toy data of the checks.
ESTIMATORS = [
    BandPass(input_sfreq=10_000),
    DiVoteClassifier(LogisticRegression()),
    DiVoteClassifier(LogisticRegression(), cv=3),
    DiVoteClassifier(LogisticRegression(), final_estimator=None),
    Downsampler(sfreq=500, input_sfreq=1000),
    FewerSubjects(LogisticRegression(), n_subjects=1000),
    InterferenceFeatures(0.001, input_sfreq=10_000),
    JointVoteClassifier(
        [
            ("a", DiVoteClassifier(LogisticRegression(), final_estimator=None)),
            ("b", DiVoteClassifier(LogisticRegression(C=0.1), final_estimator=None)),
        ]
    ),
    MelSpectrogram(input_sfreq=10_000),
    MuapFeatures(input_sfreq=20_000),
    NEMGNetClassifier("A", width=4, short="pad", lr=1e-2, max_epochs=12),
    PatternFeatures(input_sfreq=1000),
    PlotImage((32, 32), input_sfreq=10_000),
    SegmentFeatures(input_sfreq=1000),
    Segmenter(window=0.4, hop=0.1, short="pad", input_sfreq=10),
    SignalAugmenter(input_sfreq=1000),
    Spectrogram(input_sfreq=10_000),
    SpectrogramAugmenter(),
    TimmClassifier("test_resnet", image_size=8, lr=3e-3, max_epochs=8),
]

# Fewer collected checks than this, and some tag has switched checks off. A sampler has neither
# transform nor predict to be checked.
LEAST_CHECKS, LEAST_CHECKS_OF_A_SAMPLER = 45, 41


# What a network must have learned something for; in all other checks it is trained for two epochs.
LEARNING = {
    "check_class_weight_classifiers",
    "check_classifiers_classes",
    "check_classifiers_one_label",
    "check_classifiers_train",
}


def cases():
    """Yield every check; that networks learn is a slow one, from whatever memory."""
    arguments = parametrize_with_checks(ESTIMATORS)
    (names, pairs), how = arguments.args, arguments.kwargs
    marked = []
    for estimator, check in pairs:
        network = isinstance(estimator, (NEMGNetClassifier, TimmClassifier))
        slow = network and check.func.__name__ == "check_classifiers_train"
        if network and check.func.__name__ not in LEARNING:
            estimator = clone(estimator).set_params(max_epochs=2)
        marked.append(pytest.param(estimator, check, marks=[pytest.mark.slow] if slow else []))
    assert sum(bool(case.marks) for case in marked) == 6
    return pytest.mark.parametrize(names, marked, **how)


# Some checks ask for 1e-7, also of float32: networks answer so in any order of rows in one thread.
@pytest.mark.usefixtures("one_thread")
@cases()
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_no_tag_shrinks_the_battery(estimator):
    is_sampler = hasattr(estimator, "fit_resample")
    least = LEAST_CHECKS_OF_A_SAMPLER if is_sampler else LEAST_CHECKS
    assert len(list(estimator_checks_generator(estimator))) >= least


#: Estimators by their parameters alone, and why the checks say nothing of them.
NO_PREDICTORS = {
    "Diagnostician": "takes `Recordings` only, and answers with a set or a refusal, not `predict`",
}


def test_every_public_estimator_is_checked():
    public = {name for name in sknemg.__all__ if _is_estimator(getattr(sknemg, name))}
    checked = {type(estimator).__name__ for estimator in ESTIMATORS}
    assert public == checked | set(NO_PREDICTORS)
    for name in NO_PREDICTORS:
        estimator = getattr(sknemg, name)
        assert [n for n in ("predict", "transform", "fit_resample") if hasattr(estimator, n)] == []


def _is_estimator(thing):
    return isinstance(thing, type) and issubclass(thing, BaseEstimator)
