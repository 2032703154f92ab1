"""Every display, scorer and table × every kind of fitted model × every kind of label.

What a cell shows is compared with numbers that this file computes itself, from the attributes in
which scikit-learn keeps what is inside a model; or the cell is refused, with a stated message.
"""

from functools import cache
from typing import ClassVar

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.metrics import accuracy_score, confusion_matrix, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SubjectKFold,
    SubjectScorer,
    inspection,
)
from sknemg.divote.fitted import open_model
from sknemg.divote.levels import class_columns
from sknemg.evaluation import Protocol, evaluate
from sknemg.metrics import level_scores, score_table

#: Models are scored on the subjects that trained them: numbers are compared, not patients judged.
pytestmark = pytest.mark.filterwarnings("ignore::sknemg.model_selection.torn.TornSubjectsWarning")

SFREQ, WINDOW, HOP = 1000, 0.2, 0.1
CODES = np.arange(12) % 3
LABELS = {
    "strings": np.array(["myopathy", "neuropathy", "normal"])[CODES],
    "integers": np.array([30, 10, 20])[CODES],  # neither positions nor in order
    "booleans": CODES == 0,
}


# -- models ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signals():
    """One to three recordings of twelve subjects; the classes differ in size, but not by much."""
    rng = np.random.default_rng(0)
    subject = np.r_[np.arange(12), 2, 5, 5]
    sizes = 0.3 + 0.08 * CODES[subject] + 0.05 * rng.normal(size=12)[subject]
    lengths = rng.integers(400, 600, len(subject))
    data = [rng.normal(scale=s, size=n) for s, n in zip(sizes, lengths, strict=True)]
    return Recordings(data, sfreq=SFREQ, subject=[f"S{s:02d}" for s in subject])


def segmenter(**options):
    return Segmenter(**{"window": WINDOW, "hop": HOP, **options})


def measure(segments):
    """Size, speed and peaks of segments, in float64."""
    x = np.asarray(segments, dtype=float)
    rms = np.sqrt((x**2).mean(axis=1)) + 1e-9
    speed = np.abs(np.diff(x, axis=1)).mean(axis=1) + 1e-9
    return np.column_stack([np.log(rms), np.log(speed), np.abs(x).max(axis=1) / rms])


def features():
    return make_pipeline(FunctionTransformer(measure), LinearDiscriminantAnalysis())


def pipeline(final="logistic", estimator=None, **options):
    divote = DiVoteClassifier(estimator or features(), final_estimator=final)
    return Pipeline([("cut", segmenter(**options)), ("nothing", "passthrough"), ("vote", divote)])


def search(model=None):
    return GridSearchCV(
        pipeline() if model is None else model,
        {"vote__final_estimator": ["logistic", None]},
        cv=SubjectKFold(2),
        scoring=SubjectScorer(),
    )


def voting(**options):
    parts = [("plain", pipeline()), ("out", "drop"), ("mean", pipeline(final=None))]
    return VotingClassifier(parts, **{"voting": "soft", "weights": [3, 7, 1], **options})


KINDS = {
    "DiVote": lambda: pipeline()[-1],
    "Pipeline": pipeline,
    "GridSearchCV": search,
    "CalibratedClassifierCV": lambda: CalibratedClassifierCV(pipeline(), cv=SubjectKFold(2)),
    "VotingClassifier": voting,
}


class Case:
    """A fitted model, the input of it, and its scores computed by hand."""

    def __init__(self, kind, model, X, y):
        self.kind, self.model, self.X, self.y = kind, model, X, y
        self.classes = sorted(set(y.tolist()))
        segments = X if kind == "DiVote" else segmenter().fit_transform(X)
        self.row = segments.row_index
        # the DiVoteClassifiers inside, as scikit-learn keeps them, and their weights
        if kind == "DiVote":
            self.inside, self.weights = [model], [1]
        elif kind == "Pipeline":
            self.inside, self.weights = [model.named_steps["vote"]], [1]
        elif kind == "GridSearchCV":
            self.inside, self.weights = [model.best_estimator_.named_steps["vote"]], [1]
        elif kind == "CalibratedClassifierCV":
            pairs = model.calibrated_classifiers_
            self.inside, self.weights = [p.estimator.named_steps["vote"] for p in pairs], [1, 1]
        else:
            self.inside = [member.named_steps["vote"] for member in model.estimators_]
            self.weights = [3, 1]
        self.values = segments.values
        self.items = segments
        self.segments = self.score(segments.values)
        mean = [self.segments[self.row == i].mean(axis=0) for i in range(len(X))]
        self.recordings = np.array(mean)
        self.who = X["subject"].to_numpy()
        self.names = list(dict.fromkeys(self.who))
        self.first = [int(np.flatnonzero(self.who == name)[0]) for name in self.names]
        self.subjects = model.predict_proba(X)[self.first]
        votes = [self.recordings[self.who == name].mean(axis=0) for name in self.names]
        self.votes = np.array(votes)

    def score(self, values):
        """Score segments: the weighted mean over the segment classifiers."""
        scores = [divote.estimator_.predict_proba(values) for divote in self.inside]
        return np.average(scores, axis=0, weights=self.weights)

    def combine(self, answers):
        """What the model makes of the answers inside, from scikit-learn's formulas."""
        if self.kind == "CalibratedClassifierCV":
            answers = [
                _platt(pair.calibrators, answer)
                for pair, answer in zip(self.model.calibrated_classifiers_, answers, strict=True)
            ]
        return np.average(answers, axis=0, weights=self.weights)

    def label(self, scores):
        """Name the class with the highest score."""
        return np.array(self.classes)[scores.argmax(axis=-1)]

    def ax(self):
        return Figure().subplots()


def _platt(calibrators, proba):
    """Scale scores by the sigmoids of a CalibratedClassifierCV."""
    columns = proba.T if proba.shape[1] > 2 else proba.T[1:]
    one = [1 / (1 + np.exp(c.a_ * p + c.b_)) for c, p in zip(calibrators, columns, strict=True)]
    if len(one) == 1:
        return np.column_stack([1 - one[0], one[0]])
    return np.column_stack(one) / np.sum(one, axis=0)[:, None]


@pytest.fixture(scope="module")
def fit(signals):
    """Factory of cases, each fitted once."""
    segments = segmenter().fit_transform(signals)
    who = signals["subject"].str[1:].astype(int).to_numpy()

    @cache
    def make(kind, labels):
        X, y = (segments if kind == "DiVote" else signals), LABELS[labels][who]
        return Case(kind, KINDS[kind]().fit(X, y), X, y)

    return make


# -- what a cell shows ---------------------------------------------------------------------------


def heatmap(case):
    display = inspection.VoteHeatmapDisplay.from_estimator(case.model, case.X, case.y, ax=case.ax())
    assert_allclose(class_columns(display.recordings, case.classes), case.recordings, atol=1e-12)
    order = sorted(case.names, key=lambda name: str(case.y[case.first[case.names.index(name)]]))
    rows = [row for name in order for row in np.flatnonzero(case.who == name)]
    short = {"myopathy": "M", "neuropathy": "N", "normal": "NL"}
    wanted = [short.get(str(label), str(label)) for label in case.label(case.recordings[rows])]
    assert [text.get_text() for text in display.text_] == wanted


def simplex(case):
    if len(case.classes) == 2:
        with pytest.raises(ValueError, match="There are 2 classes, and a triangle shows three"):
            inspection.SimplexDisplay.from_estimator(case.model, case.X, case.y)
        return
    display = inspection.SimplexDisplay.from_estimator(case.model, case.X, case.y, ax=case.ax())
    assert display.votes.columns.tolist() == case.classes
    assert_allclose(display.votes, case.votes, atol=1e-12)
    assert_array_equal(display.y_true, case.y[case.first])
    regions = display.ax_[0, -1].images[0]
    palette = [regions.cmap(place)[:3] for place in range(3)]
    assert len(set(palette)) == 3  # a colour for each class
    if len(display.ax_[0]) == 1:  # the search chose the mean: argmax is all there is
        assert case.inside[0].final_estimator_ is None
        return
    grid = regions.get_array()
    for corner, place in zip(range(3), [(0, 0), (0, -1), (-1, grid.shape[1] // 2)], strict=True):
        votes = np.eye(3)[[corner]]
        finals = [divote.final_estimator_ for divote in case.inside]
        answers = [votes if final is None else final.predict_proba(votes) for final in finals]
        near = grid[place if corner < 2 else (-3, place[1])]
        assert near == case.combine(answers).argmax()


def _without(case, name, drop):
    """Answer for a subject without some of its segments, by really leaving them out."""
    keep = np.ones(len(case.values), dtype=bool)
    keep[drop] = False
    own = case.who == name
    keep &= own[case.row]
    lengths = np.bincount(case.row[keep], minlength=len(case.X))[own]
    left = case.items[own].with_values(case.values[keep], np.r_[0, lengths.cumsum()])
    return case.combine([divote.predict_proba(left)[:1] for divote in case.inside])[0]


def drivers(case):
    name = "S05"
    segments, recordings = inspection.diagnosis_drivers(case.model, case.X, name)
    mine = np.flatnonzero(case.who[case.row] == name)
    assert len(segments) == len(mine)
    assert_allclose(class_columns(segments, case.classes), case.segments[mine], atol=1e-12)
    whole = case.subjects[case.names.index(name)]
    assert_allclose(_without(case, name, []), whole, atol=1e-9)
    diagnosis = whole.argmax()
    for place in (0, 4, len(mine) - 1):
        fall = whole[diagnosis] - _without(case, name, mine[[place]])[diagnosis]
        assert segments["fall"][place] == pytest.approx(fall, abs=1e-9)
    row = int(recordings["recording"][2])
    fall = whole[diagnosis] - _without(case, name, np.flatnonzero(case.row == row))[diagnosis]
    assert recordings["fall"][2] == pytest.approx(fall, abs=1e-9)


def _refuses_segments(case, display, *args):
    with pytest.raises(ValueError, match="X holds segments or images: give signals"):
        getattr(inspection, display).from_estimator(case.model, case.X, *args)


def sheet(case):
    if case.kind == "DiVote":
        return _refuses_segments(case, "SubjectSheetDisplay", "S05")
    display = inspection.SubjectSheetDisplay.from_estimator(case.model, case.X, "S02", ax=case.ax())
    whole = case.subjects[case.names.index("S02")]
    diagnosis = case.label(whole)
    assert display.text_.get_text() == f"Subject S02: {diagnosis}, score {whole.max():.2f}"
    rows = np.flatnonzero(case.who == "S02")
    for place, row in enumerate(rows):
        _bars_are(display.ax_[2 * place + 1, 0], case.segments[case.row == row])
        heights = [bar.get_width() for bar in display.ax_[2 * place, 1].patches]
        assert_allclose(heights, case.recordings[row], atol=1e-12)
    colors = inspection.class_colors(case.classes)
    (patch,) = {p.get_facecolor()[:3] for axes in display.ax_[:-1:2, 0] for p in axes.patches}
    from matplotlib.colors import to_rgb

    assert patch == to_rgb(colors[diagnosis])


def _bars_are(axes, scores):
    heights = np.array([bar.get_height() for bar in axes.patches]).reshape(scores.T.shape)
    assert_allclose(heights, scores.T, atol=1e-12)


def trace(case):
    if case.kind == "DiVote":
        return _refuses_segments(case, "TraceDisplay", 3)
    display = inspection.TraceDisplay.from_estimator(case.model, case.X, 3, ax=case.ax())
    own = case.segments[case.row == 3]
    _bars_are(display.score_axes_[1], own)
    assert_allclose(display.scores["start"], HOP * np.arange(len(own)))
    assert (display.window, display.hop) == (WINDOW, HOP)


def mispredictions(case):
    y = np.roll(case.y, 1)
    if case.kind == "DiVote":
        return _refuses_segments(case, "MispredictionDisplay", y)
    display = inspection.MispredictionDisplay.from_estimator(case.model, case.X, y, ax=case.ax())
    found = case.label(case.recordings)
    sure = case.recordings.max(axis=1)
    wanted = {}
    for row in np.argsort(-sure, kind="stable"):
        if found[row] != y[row]:
            wanted.setdefault((y[row], found[row]), []).append(row)
    assert {pair: rows.tolist() for pair, rows in display.rows_.items()} == wanted


def confusion(case):
    display = inspection.ConfusionMatrixDisplay.from_estimator(
        case.model, case.X, case.y, ax=case.ax()
    )
    found = case.model.predict(case.X)[case.first]
    shares = confusion_matrix(case.y[case.first], found, normalize="true", labels=case.classes)
    assert_allclose(display.mean_, 100 * shares)
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == list(
        map(str, case.classes)
    )


def curves(case):
    display = inspection.OneVsRestCurveDisplay.from_estimator(
        case.model, case.X, case.y, n_bootstrap=3, random_state=0, ax=case.ax()
    )
    assert list(display.curves) == case.classes
    for i, label in enumerate(case.classes):
        area = roc_auc_score(case.y[case.first] == label, case.subjects[:, i])
        assert display.curves[label].area == pytest.approx(area)
    assert "over subjects" in display.interval


def calibration(case):
    display = inspection.CalibrationDisplay.from_estimator(
        case.model, case.X, case.y, n_bins=4, ax=case.ax()
    )
    wanted = []
    for i, label in enumerate(case.classes):
        score, there = case.subjects[:, i], case.y[case.first] == label
        bins = [(score >= low) & (score < low + 0.25) for low in (0, 0.25, 0.5, 0.75)]
        gaps = [abs(score[own].mean() - there[own].mean()) * own.sum() for own in bins if own.any()]
        wanted.append(sum(gaps) / len(score))
    assert_allclose(display.error_, wanted, atol=1e-12)
    assert display.error_.index.tolist() == case.classes


def attribution(case):
    segment = case.values[7]
    display = inspection.AttributionDisplay.from_estimator(
        case.model, segment, sfreq=SFREQ, ax=case.ax()
    )
    scores = case.score(segment[None])[0]
    number = int(scores.argmax())
    assert display.target == case.classes[number]
    assert display.score == pytest.approx(scores.max())
    assert display.samples is None  # no network
    moments = inspection.occlude_time(case.score, segment, SFREQ)
    assert_allclose(display.moments["fall"], moments[number], atol=1e-9)
    bands = inspection.occlude_bands(case.score, segment, SFREQ)
    assert_allclose(display.bands["fall"], bands[number], atol=1e-9)
    with pytest.raises(ValueError, match="target='hiccups' is no class of the model: give "):
        inspection.AttributionDisplay.from_estimator(
            case.model, segment, sfreq=SFREQ, target="hiccups"
        )
    if all(hasattr(part.classifier, "sfreq_") for part in open_model(case.model).parts):
        for explain in (inspection.AttributionDisplay.from_estimator, inspection.occlude_bands):
            with pytest.raises(ValueError, match=f"learned from segments sampled at {SFREQ:g} Hz"):
                explain(case.model, segment, sfreq=4 * SFREQ)


def test_each_member_of_an_ensemble_has_its_own_rate():
    """Its own Downsampler brings what it sees to it: the rates of others do not count."""
    signals = np.random.default_rng(0).normal(size=(6, 1100))
    X = Recordings(list(signals), sfreq=SFREQ, subject=list("abcdef"))
    net = DiVoteClassifier(NEMGNetClassifier("A", width=1, max_updates=1))
    other = DiVoteClassifier(
        make_pipeline(FunctionTransformer(measure), LinearDiscriminantAnalysis())
    )
    members = [
        ("net", make_pipeline(segmenter(window=1.1), net)),
        ("other", make_pipeline(Downsampler(SFREQ / 2), segmenter(window=1.1), other)),
    ]
    model = VotingClassifier(members, voting="soft").fit(X, LABELS["strings"][:6])
    opened = open_model(model)
    assert opened.segment_input(opened.network(), X).sfreq == SFREQ
    with pytest.raises(ValueError, match=r"\['other'\].* at 500 Hz"):
        opened.check_same_rate(SFREQ)
    with pytest.raises(ValueError, match=r"\['net'\].* at 1000 Hz"):
        inspection.AttributionDisplay.from_estimator(model, signals[0], sfreq=SFREQ / 2)
    pytest.importorskip("captum")
    display = inspection.AttributionDisplay.from_estimator(model, signals[0], sfreq=SFREQ)
    assert display.samples.shape == (1100,)


def occlusion(case):
    segment = case.values[7]
    table = inspection.occlude_bands(case.model, segment, SFREQ, bands=[(50, 200), (200, 400)])
    assert table.columns.tolist() == ["low", "high", *case.classes]
    spectrum, at = np.fft.rfft(segment), np.fft.rfftfreq(len(segment), 1 / SFREQ)
    without = np.fft.irfft(np.where((at >= 50) & (at < 200), 0, spectrum), n=len(segment))
    fall = case.score(segment[None])[0] - case.score(without.astype(np.float32)[None])[0]
    assert_allclose(class_columns(table, case.classes).to_numpy()[0], fall, atol=1e-9)
    moments = inspection.occlude_time(case.model, segment, SFREQ, width=0.05, step=0.05)
    numbered = inspection.occlude_time(case.score, segment, SFREQ, width=0.05, step=0.05)
    assert_allclose(class_columns(moments, case.classes), numbered[range(len(case.classes))])


def scorer(case):
    truth = {
        "item": (case.segments, case.y[case.row]),
        "recording": (case.recordings, case.y),
        "subject": (case.subjects, case.y[case.first]),
    }
    for level, (scores, y) in truth.items():
        found = level_scores(case.model, case.X, case.y, level=level)
        assert_allclose(found.y_proba, scores, atol=1e-12)
        assert_array_equal(found.y_true, y)
        without = case.X.meta.drop(columns="subject")
        anonymous = Recordings.from_ragged(case.X.values, case.X.offsets, without)
        scorer = SubjectScorer(level=level)
        accuracy = scorer(case.model, anonymous, case.y, groups=case.who)
        assert accuracy == pytest.approx(accuracy_score(y, case.label(scores)))


def table(case):
    scores = level_scores(case.model, case.X, case.y)
    rows = score_table(*scores[:2], classes=case.classes, n_resamples=9).set_index("metric")
    found = case.label(case.subjects)
    assert rows.loc["accuracy", "value"] == pytest.approx((found == case.y[case.first]).mean())


def evaluation(case):
    two = Protocol("two", n_splits=2)
    result = evaluate(KINDS[case.kind](), case.X, case.y, protocol=two)
    assert result.classes == case.classes
    segments, recordings, subjects = (
        table[table["fold"] == 0] for table in (result.items, result.recordings, result.subjects)
    )
    test = recordings["row"].to_numpy()
    train = np.setdiff1d(np.arange(len(case.X)), test)
    model = KINDS[case.kind]().fit(case.X[train], case.y[train])
    own = Case(case.kind, model, case.X[test], case.y[test])
    assert subjects["subject"].tolist() == own.names
    assert_allclose(class_columns(subjects, own.classes), own.subjects, atol=1e-12)
    assert_array_equal(subjects["prediction"].tolist(), own.label(own.subjects))
    assert_array_equal(subjects["y_true"].tolist(), own.y[own.first])
    assert_allclose(class_columns(recordings, own.classes), own.recordings, atol=1e-12)
    assert_allclose(class_columns(segments, own.classes), own.segments, atol=1e-12)


SHOWS = {
    "VoteHeatmapDisplay": heatmap,
    "SimplexDisplay": simplex,
    "SubjectSheetDisplay": sheet,
    "diagnosis_drivers": drivers,
    "TraceDisplay": trace,
    "MispredictionDisplay": mispredictions,
    "ConfusionMatrixDisplay": confusion,
    "OneVsRestCurveDisplay": curves,
    "CalibrationDisplay": calibration,
    "AttributionDisplay": attribution,
    "occlude_time, occlude_bands": occlusion,
    "SubjectScorer, level_scores": scorer,
    "score_table": table,
    "evaluate": evaluation,
}


def _cells(kinds, thorough):
    """All kinds × labels; outside of the slow tests, most kinds have one kind of label only."""
    cells = []
    for number, kind in enumerate(kinds):
        for place, labels in enumerate(LABELS):
            fast = kind in thorough or place == number % 3
            cells.append(pytest.param(kind, labels, marks=[] if fast else pytest.mark.slow))
    return cells


@pytest.mark.parametrize(("kind", "labels"), _cells(KINDS, ["Pipeline", "VotingClassifier"]))
@pytest.mark.parametrize("show", SHOWS)
def test_shows_what_is_computed_by_hand(show, kind, labels, fit):
    SHOWS[show](fit(kind, labels))


# -- pictures of a network -----------------------------------------------------------------------

LAYERS = ["blocks.block11"]
TWO = {
    "strings": np.array(["neuropathy", "myopathy"]),
    "integers": np.array([30, 10]),
    "booleans": np.array([True, False]),
}


@pytest.fixture(scope="module")
def cohort():
    """Recordings of two segments of 1,100 samples; subjects differ in size."""
    rng = np.random.default_rng(1)
    size = 0.5 + (np.arange(12) % 2)
    data = [s * rng.normal(size=1650) for s in np.repeat(size, 2)]
    who = np.repeat([f"S{s:02d}" for s in range(12)], 2)
    return Recordings(data, sfreq=SFREQ, subject=who), np.repeat(np.arange(12) % 2, 2)


@pytest.fixture(scope="module")
def trained(cohort):
    """A network of width 2, trained once, with its segments."""
    X, code = cohort
    segments = segmenter(window=1.1, hop=0.55).fit_transform(X)
    network = NEMGNetClassifier("A", width=2, max_epochs=1, batch_size=16, random_state=0)
    network.fit(segments.values, code[segments.row_index])
    Ready.trained.append(network)
    return network, segments


class Ready(NEMGNetClassifier):
    """Has been trained, and takes over the names of the classes."""

    trained: ClassVar[list] = []

    def fit(self, X, y, groups=None):
        vars(self).update(vars(self.trained[-1]) | self.get_params())
        self.classes_ = np.unique(y)
        return self


def _with_network():
    """Models with one, two or no networks, by kind; nothing but final estimators is trained."""
    options = {"window": 1.1, "hop": 0.55}
    network = Ready("A", width=2)

    def net():
        return pipeline(estimator=network, **options)

    def linear():
        return pipeline(**options)

    def calibrated(**options):
        return CalibratedClassifierCV(net(), cv=SubjectKFold(2), **options)

    return {
        "network": lambda: network,
        "DiVote": lambda: net()[-1],
        "Pipeline": net,
        "Pipeline of pipelines": lambda: make_pipeline("passthrough", net()),
        "GridSearchCV": lambda: search(net()),
        "RandomizedSearchCV": lambda: RandomizedSearchCV(
            net(), {"vote__final_estimator": [None]}, n_iter=1, cv=SubjectKFold(2),
            scoring=SubjectScorer(),
        ),
        "FixedThresholdClassifier": lambda: FixedThresholdClassifier(net()),
        "one calibrated": lambda: calibrated(ensemble=False),
        "two calibrated": calibrated,
        "vote with one": lambda: VotingClassifier([("l", linear()), ("n", net())], voting="soft"),
        "vote of two": lambda: VotingClassifier([("m", net()), ("n", net())], voting="soft"),
        "vote of segments": lambda: pipeline(
            estimator=VotingClassifier([("l", features()), ("n", network)], voting="soft"),
            **options,
        ),
        "vote of none": lambda: VotingClassifier([("l", linear())], voting="soft"),
        "stack": lambda: StackingClassifier([("n", net())], cv="prefit"),
    }  # fmt: skip


NETWORK_KINDS = list(_with_network())
SEVERAL = {
    "two calibrated": [f"model.calibrated_classifiers_[{i}].estimator" for i in (0, 1)],
    "vote of two": ["model.named_estimators_['m']", "model.named_estimators_['n']"],
}


@pytest.fixture(scope="module")
def fit_network(cohort, trained):
    """Factory of (model, input of it, labels, network, names of its columns)."""
    X, code = cohort

    @cache
    def make(kind, labels):
        y = TWO[labels][code]
        model, network = _with_network()[kind](), trained[0]
        if kind == "stack":
            model.estimators = [(name, part.fit(X, y)) for name, part in model.estimators]
        given = trained[1] if kind == "DiVote" else X
        if kind == "network":
            given, y = trained[1].values, y[trained[1].row_index]
        return model.fit(given, y), given, y, network

    return make


def _call(picture, model, X, y, segment):
    figure = Figure().subplots()
    if picture == "AttributionDisplay":
        pytest.importorskip("captum")
        return inspection.AttributionDisplay.from_estimator(
            model, segment, sfreq=SFREQ, method="saliency", ax=figure
        )
    if picture == "FeatureVisualizationDisplay":
        return inspection.FeatureVisualizationDisplay.from_estimator(
            model, X, y, sfreq=SFREQ, n_steps=1, n_seeds=1, random_state=0, ax=figure
        )
    if picture == "LayerMapDisplay":
        return inspection.LayerMapDisplay.from_estimator(
            model, X, y, LAYERS, random_state=0, ax=figure
        )
    return inspection.TrainingHistoryDisplay.from_estimator(model, ax=figure)


@pytest.mark.parametrize(("kind", "labels"), _cells(NETWORK_KINDS, ["vote with one"]))
@pytest.mark.parametrize(
    "picture",
    [
        "AttributionDisplay",
        "FeatureVisualizationDisplay",
        "LayerMapDisplay",
        "TrainingHistoryDisplay",
    ],
)
def test_pictures_of_a_network(picture, kind, labels, fit_network, trained):
    model, X, y, network = fit_network(kind, labels)
    segments = trained[1]
    segment = segments.values[5]
    if kind in SEVERAL:
        with pytest.raises(
            TypeError, match="holds 2 networks, and this picture is of one"
        ) as error:
            _call(picture, model, X, y, segment)
        message = str(error.value)
        coded = "np.searchsorted(model.classes_, y)"
        assert (coded in message) == (kind == "vote of two")
        if coded in message:
            y = eval(coded, {"np": np, "model": model, "y": y})
        for path in SEVERAL[kind]:  # what the message says can be given
            assert path in message
        _call(picture, eval(path, {"model": model}), X, y, segment)
        return
    if kind == "stack":
        with pytest.raises(
            TypeError, match=r"StackingClassifier .*such as model\.named_estimators_"
        ):
            _call(picture, model, X, y, segment)
        return
    if kind == "vote of none" and picture != "AttributionDisplay":
        with pytest.raises(TypeError, match=r"holds no network with .*: give a model with"):
            _call(picture, model, X, y, segment)
        return
    display = _call(picture, model, X, y, segment)
    classes = sorted(set(y.tolist()))
    if picture == "TrainingHistoryDisplay":
        assert display.history.equals(network.history_)
    elif picture == "AttributionDisplay":
        scores = network.predict_proba(segment[None])[0]
        if kind == "vote of none":
            divote = model.estimators_[0].named_steps["vote"]
            scores = divote.estimator_.predict_proba(segment[None])[0]
        assert display.target == classes[scores.argmax()]
        assert display.score == pytest.approx(scores.max(), abs=1e-6)
        if kind == "vote of none":
            assert display.samples is None
            return
        inputs = network.module_input(segment[None])
        parts = inspection.attribute(
            network.module_, inputs, int(scores.argmax()), method="saliency"
        )
        assert_allclose(display.samples, parts.ravel(), atol=1e-6)
    elif picture == "FeatureVisualizationDisplay":
        truth = y if kind == "network" else y[segments.row_index]
        assert list(display.segments) == list(display.generated) == classes
        for label in classes:
            assert_array_equal(display.segments[label], segments.values[truth == label])
        waves = inspection.visualize_features(
            network.module_, [0, 1], (1, 1100), n_steps=1, n_seeds=1, random_state=0
        )
        assert_array_equal(np.stack(list(display.generated.values())), waves[:, :, 0])
    else:
        truth = y if kind == "network" else y[segments.row_index]
        outputs = network.layer_outputs(segments.values, LAYERS)
        assert_array_equal(display.y, truth)
        for layer, points in inspection.layers.principal_components(outputs, 0).items():
            assert_allclose(display.maps[layer], points[:, :2], atol=1e-4)
        if kind == "network":
            assert display.separation is None  # subjects are unknown
            return
        groups = segments["subject"].to_numpy()[segments.row_index]
        if kind == "Pipeline":
            components = inspection.layers.principal_components(outputs, 0)
            separation = inspection.class_separation(components, truth, groups, random_state=0)
            assert_allclose(display.separation, separation, atol=1e-6)
