"""What the pictures show is right: numbers, edges and errors of sknemg.inspection."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    NEMGNet,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    evaluation,
    inspection,
    metrics,
)
from sknemg.inspection import _style

CLASSES = ["myopathy", "neuropathy", "normal"]


@pytest.fixture(autouse=True)
def _no_windows():
    import matplotlib as mpl

    mpl.use("Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def fitted(make_ragged):
    """Factory of a pipeline on recordings of any length, with its data."""

    def make(**kwargs):
        X, y = make_ragged(n_subjects=12)
        features = make_pipeline(SegmentFeatures(input_sfreq=1000), LinearDiscriminantAnalysis())
        divote = DiVoteClassifier(features, subject_features="all", **kwargs)
        return make_pipeline(Segmenter(window=0.2, hop=0.1), divote).fit(X, y), X, y

    return make


@pytest.fixture(scope="module")
def network():
    """A small network that tells slow, large segments from fast, small ones."""
    rng = np.random.default_rng(0)
    slow = 2 * np.repeat(rng.normal(size=(32, 55)), 20, axis=1)
    X = np.concatenate([slow, 0.5 * rng.normal(size=(32, 1100))]).astype("float32")
    y = np.repeat(["neuropathy", "myopathy"], 32)
    clf = NEMGNetClassifier("A", width=4, max_epochs=10, lr=3e-3, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.9
    return clf, X, y


# -- style -------------------------------------------------------------------------------------


def _seen_by(colors, matrix):
    """Colours as the colour-blind see them (Machado et al. 2009, severity 1), in CIELAB."""
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(matrix).T, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    f = np.cbrt(linear @ np.array(to_xyz).T / [0.9505, 1, 1.089])
    return np.column_stack([116 * f[:, 1], 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(3),
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
    ],
    ids=["trichromat", "deuteranope", "protanope", "tritanope"],
)
def test_class_colors_are_told_apart_by_all_eyes(matrix):
    lab = _seen_by(inspection.class_colors(CLASSES).values(), matrix)
    distances = np.linalg.norm(lab[[0, 0, 1]] - lab[[1, 2, 2]], axis=1)
    assert distances.min() > 15  # 2.3 is just noticeable


def test_a_class_keeps_its_color_in_any_company():
    alone = inspection.class_colors(["normal"])
    assert inspection.class_colors([*CLASSES, "fibrillation"])["normal"] == alone["normal"]
    six = [f"discharge {i}" for i in range(6)]
    assert len(set(inspection.class_colors(six).values())) == 6
    assert len(set(_style.class_markers(CLASSES).values())) == 3


def test_names_load_lazily_and_exist():
    assert all(getattr(inspection, name) is not None for name in inspection.__all__)
    with pytest.raises(AttributeError, match="No sknemg.inspection attribute nothing"):
        inspection.nothing  # noqa: B018


# -- feature visualisation ---------------------------------------------------------------------


def test_visualization_excites_what_was_asked_for(network):
    module = network[0].module_
    shape = (1, 1100)
    before, after = (
        inspection.visualize_features(module, [0, 1], shape, n_steps=n, lr=0.02, random_state=0)
        for n in (0, 60)
    )
    for target in (0, 1):
        gain = [module(torch.tensor(w[target]))[:, target].detach() for w in (before, after)]
        assert gain[1].mean() > gain[0].mean() + 0.05, (target, gain)


def test_visualization_of_channels_and_units_of_a_layer(network):
    module = network[0].module_
    options = {"layer": "blocks.block2", "n_seeds": 1, "lr": 0.02, "jitter": 0, "random_state": 0}
    (before,), (after,) = (
        inspection.visualize_features(module, [(1, 30)], (1, 1100), n_steps=n, **options)
        for n in (0, 30)
    )
    unit = [module.blocks[:2](torch.tensor(w))[0, 1, 30].item() for w in (before, after)]
    assert unit[1] > unit[0]
    changed = np.flatnonzero(before[0, 0] != after[0, 0])
    assert 0 < np.ptp(changed) < 100  # a unit sees no more than its receptive field
    channel = inspection.visualize_features(module, [1], (1, 1100), n_steps=3, **options)
    assert np.flatnonzero(before[0, 0] != channel[0, 0, 0]).size > 1000


def test_visualization_is_reproducible_and_a_seed_is_itself_in_any_batch(network):
    # In float64: in float32 the processor decides how far batches of other sizes agree.
    module = deepcopy(network[0].module_).double()
    options = {"n_steps": 3, "random_state": 3}
    two = inspection.visualize_features(module, [0], (1, 1100), n_seeds=2, **options)
    again = inspection.visualize_features(module, [0], (1, 1100), n_seeds=2, **options)
    three = inspection.visualize_features(module, [1, 0], (1, 1100), n_seeds=3, **options)
    np.testing.assert_array_equal(two, again)
    np.testing.assert_allclose(two[0], three[1, :2], rtol=0, atol=1e-9)


def test_visualization_leaves_the_network_as_it_was():
    network = NEMGNet(n_outputs=3, n_times=1003, version="A", width=2).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    inspection.visualize_features(network, [0], (1, 1003), n_seeds=2, n_steps=3)
    assert network.training
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(before[name], v) for name, v in network.state_dict().items())


def test_visualization_takes_image_networks_and_a_jitter_for_each_axis():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.AdaptiveAvgPool2d(1))
    before, after = (
        inspection.visualize_features(
            network, [2], (1, 16, 24), n_seeds=2, n_steps=n, jitter=(0, 0.25), random_state=0
        )
        for n in (0, 20)
    )
    assert after.shape == (1, 2, 1, 16, 24)
    gain = network(torch.tensor(after[0])) - network(torch.tensor(before[0]))
    assert (gain[:, 2] > 0.05).all()


@pytest.mark.parametrize("frequency", [50.0, 250.0])
def test_waveforms_are_measured_in_their_units(frequency):
    time = np.arange(4000) / 10_000
    waves = 0.5 * np.sin(2 * np.pi * frequency * time)[None] + 3  # an offset is no amplitude
    m = inspection.measure_waveforms(waves, 10_000).iloc[0]
    assert m["max_abs"] == pytest.approx(0.5, rel=1e-3)
    assert m["dominant_frequency"] == frequency
    assert m["duration"] == pytest.approx(1e3 / frequency / 3, rel=0.02)  # of a half-wave
    assert inspection.measure_waveforms(np.ones((1, 4000)), 10_000).iloc[0].eq(0).all()


def test_feature_display_measures_real_and_generated(network):
    clf, X, y = network
    display = inspection.FeatureVisualizationDisplay.from_estimator(
        clf, X, y, sfreq=1000, n_steps=2, n_seeds=2
    )
    assert display.ax_.shape == (2, 2)
    size = display.measures_["max_abs"]
    assert size["neuropathy", "segments"] > size["myopathy", "segments"]
    low, high = display.ax_[0, 0].get_ylim()
    assert (low, high) == (5, -5)  # negative up
    assert {axes.get_ylim() for axes in display.ax_.flat} == {(low, high)}  # one scale
    with pytest.raises(ValueError, match="give sfreq in hertz"):
        inspection.FeatureVisualizationDisplay.from_estimator(clf, X, y)
    with pytest.raises(ValueError, match="no segments of 'neuropathy'"):
        inspection.FeatureVisualizationDisplay.from_estimator(
            clf, X, np.repeat("myopathy", len(X)), sfreq=1000, n_steps=1
        )


# -- layers ------------------------------------------------------------------------------------


def test_classes_separate_with_depth(network):
    clf, X, y = network
    groups = np.arange(len(X)) // 4
    layers = ["blocks.block1", "blocks.block11"]
    display = inspection.LayerMapDisplay.from_estimator(clf, X, y, layers, groups=groups)
    separation = display.separation
    assert separation["silhouette"].is_monotonic_increasing
    assert separation.loc["blocks.block11", "probe"] > 0.8
    assert [axes.get_title() for axes in display.ax_[0]] == layers
    with pytest.raises(ValueError, match="no layers \\['nowhere'\\]"):
        inspection.LayerMapDisplay.from_estimator(clf, X, y, ["nowhere"])


def test_probe_is_not_fooled_by_subjects():
    """Classes that are nothing but their subjects: a split by segment would score near 1."""
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(20), 15)
    outputs = {"a": rng.normal(size=(20, 10))[subject] + 0.05 * rng.normal(size=(300, 10))}
    y = rng.permutation(np.repeat([0, 1], 10))[subject]
    probe = inspection.class_separation(outputs, y, subject, random_state=0).loc["a", "probe"]
    assert probe < 0.75


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # numba's and scikit-learn's, inside umap-learn
def test_umap_map():
    pytest.importorskip("umap")
    rng = np.random.default_rng(0)
    y = np.repeat(CLASSES[:2], 30)
    outputs = {"late": rng.normal(size=(60, 6)) + 9 * (y == "myopathy")[:, None]}
    display = inspection.LayerMapDisplay.from_outputs(outputs, y, method="umap", random_state=0)
    places = display.maps["late"]
    gap = np.linalg.norm(places[y == "myopathy"].mean(0) - places[y != "myopathy"].mean(0))
    assert gap > 2 * places[y == "myopathy"].std()


# -- attribution -------------------------------------------------------------------------------


def test_integrated_gradients_are_complete(network):
    pytest.importorskip("captum")
    clf, X, _ = network
    inputs = clf.module_input(X[:2])
    parts = inspection.attribute(clf.module_, inputs, target=1)
    with torch.no_grad():
        gain = (clf.module_(inputs) - clf.module_(torch.zeros_like(inputs)))[:, 1].numpy()
    np.testing.assert_allclose(parts.sum(axis=(1, 2)), gain, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("method", ["integrated_gradients", "saliency"])
def test_randomised_weights_give_another_map(network, method):
    """The sanity check of Adebayo et al. (2018): a map that ignores the weights shows nothing."""
    pytest.importorskip("captum")
    clf, X, _ = network
    inputs = clf.module_input(X[:2])
    torch.manual_seed(0)
    random = NEMGNet(n_outputs=2, n_times=1100, version="A", width=4)
    trained, untrained = (
        np.abs(inspection.attribute(module, inputs, 1, method=method)).reshape(2, -1)
        for module in (clf.module_, random)
    )
    for a, b in zip(trained, untrained, strict=True):
        rank_correlation = pd.Series(a).corr(pd.Series(b), method="spearman")
        assert rank_correlation < 0.6
    again = np.abs(inspection.attribute(clf.module_, inputs, 1, method=method)).reshape(2, -1)
    assert np.corrcoef(trained[0], again[0])[0, 1] > 0.99


def test_unknown_attribution_is_refused(network):
    with pytest.raises(ValueError, match="choose one of"):
        inspection.attribute(network[0].module_, torch.zeros(1, 1, 1100), 0, method="guess")


def test_occlusion_finds_the_moment_and_the_band():
    sfreq = 1000
    time = np.arange(1000) / sfreq
    burst = np.sin(2 * np.pi * 150 * time) * ((time > 0.6) & (time < 0.66))

    def predict(segments):  # the score is the largest value
        return np.abs(segments).max(axis=1, keepdims=True)

    moments = inspection.occlude_time(predict, burst, sfreq, width=0.1, step=0.05)
    best = moments.loc[moments[0].idxmax()]
    assert best["start"] <= 0.6 < 0.66 <= best["stop"] + 1e-9
    assert moments.loc[moments["stop"] < 0.6, 0].abs().max() == 0
    bands = inspection.occlude_bands(predict, burst, sfreq, bands=[(10, 100), (100, 200)])
    assert bands[0].idxmax() == 1
    with pytest.raises(ValueError, match="step <= width"):
        inspection.occlude_time(predict, burst, sfreq, width=2.0)
    for occlude in (inspection.occlude_time, inspection.occlude_bands):
        with pytest.raises(ValueError, match=r"segment has shape \(1, 1000\): give one"):
            occlude(predict, burst[None], sfreq)
    for bands, message in [
        ([(10, 100), (200, 100), (np.nan, 50)], r"not for \(200, 100\), \(nan, 50\)"),
        ([10, 100], "give pairs"),
    ]:
        with pytest.raises(ValueError, match=message):
            inspection.occlude_bands(predict, burst, sfreq, bands=bands)


def test_attribution_display_of_a_network(network):
    pytest.importorskip("captum")
    clf, X, _ = network
    display = inspection.AttributionDisplay.from_estimator(clf, X[0], sfreq=1000)
    assert list(display.ax_) == ["trace", "samples", "moments", "bands"]
    assert display.target == "neuropathy"
    assert "neuropathy" in display.text_.get_text()
    other = inspection.AttributionDisplay.from_estimator(clf, X[0], sfreq=1000, target="myopathy")
    np.testing.assert_allclose(other.moments["fall"], -display.moments["fall"], atol=1e-6)


# -- votes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("final", ["logistic", None])
def test_drivers_equal_a_prediction_without_the_part(fitted, final):
    pipe, X, _ = fitted(final_estimator=final)
    divote, segments = pipe[-1], pipe[:-1].transform(X)
    subject = X["subject"].value_counts().idxmax()
    parts, recordings = inspection.diagnosis_drivers(divote, segments, subject)
    whole = divote.levels(segments).subjects.loc[subject]
    part = parts.iloc[2]
    keep = np.ones(len(segments.values), dtype=bool)
    keep[segments.offsets[part["recording"]] + part["segment"]] = False
    lengths = np.bincount(segments.row_index[keep], minlength=len(segments))
    rest = segments.with_values(segments.values[keep], np.concatenate([[0], lengths.cumsum()]))
    without = divote.levels(rest).subjects.loc[subject]
    label = whole["prediction"]
    assert part["fall"] == pytest.approx(whole[label] - without[label], abs=1e-9)
    row = recordings["recording"].iloc[0]
    fewer = divote.levels(segments[np.arange(len(segments)) != row]).subjects.loc[subject]
    assert recordings["fall"].iloc[0] == pytest.approx(whole[label] - fewer[label], abs=1e-9)


def test_drivers_of_a_pipeline(fitted):
    pipe, X, y = fitted()
    divote, segments = pipe[-1], pipe[:-1].transform(X)
    of_pipe = inspection.diagnosis_drivers(pipe, X, "S00")
    for own, expected in zip(
        of_pipe, inspection.diagnosis_drivers(divote, segments, "S00"), strict=True
    ):
        pd.testing.assert_frame_equal(own, expected)
    bare = LinearDiscriminantAnalysis().fit(np.eye(len(y)), y)
    with pytest.raises(TypeError, match="LinearDiscriminantAnalysis has no levels of votes"):
        inspection.diagnosis_drivers(bare, np.eye(len(y)), "S00")


def test_drivers_by_location_and_unknown_subjects(make_ragged):
    X, y = make_ragged()
    X, y = X[X["location"].notna().to_numpy()], y[X["location"].notna().to_numpy()]
    segments = Segmenter(window=0.2, hop=0.1).fit_transform(X)
    features = make_pipeline(SegmentFeatures(input_sfreq=1000), LinearDiscriminantAnalysis())
    divote = DiVoteClassifier(features).fit(segments, y)
    assert divote.subject_features_ == "location"
    parts, recordings = inspection.diagnosis_drivers(divote, segments, "S00")
    assert np.isfinite(parts["fall"]).all()
    assert np.isfinite(recordings["fall"]).all()
    with pytest.raises(ValueError, match="no subject 'nobody'"):
        inspection.diagnosis_drivers(divote, segments, "nobody")


def test_heatmap_places_every_recording_and_leaves_gaps_white(fitted):
    pipe, X, y = fitted()
    display = inspection.VoteHeatmapDisplay.from_estimator(pipe, X, y)
    image = display.ax_.images[0].get_array()
    assert len(display.text_) == len(X)
    assert (image == 1).all(axis=-1).sum() == image.shape[0] * image.shape[1] - len(X)
    np.testing.assert_allclose(image[(image != 1).any(axis=-1)].sum(axis=-1), 1)
    names = [tick.get_text().split()[-1] for tick in display.ax_.get_yticklabels()]
    assert names == sorted(names)


def test_simplex_regions_of_argmax_and_classifier(fitted):
    pipe, X, y = fitted()
    display = inspection.SimplexDisplay.from_estimator(pipe, X, y)
    titles = [axes.get_title() for axes in display.ax_[0]]
    assert titles == ["argmax", "LogisticRegression"]
    regions = display.ax_[0, 0].images[0].get_array()
    shares = [np.mean(regions.compressed() == i) for i in range(3)]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.01)
    assert len(display.votes) == X["subject"].nunique()


def test_simplex_needs_three_named_classes():
    with pytest.raises(ValueError, match="not 2"):
        inspection.SimplexDisplay.from_predictions(["a"], [[0.5, 0.5]], classes=["a", "b"])
    with pytest.raises(ValueError, match="must name the 2 columns"):
        inspection.SimplexDisplay.from_predictions(["a"], [[0.5, 0.5]])


def test_sheet_shows_all_recordings_and_the_result(fitted):
    pipe, X, _ = fitted()
    subject = X["subject"].value_counts().idxmax()
    display = inspection.SubjectSheetDisplay.from_estimator(pipe, X, subject)
    n = int((X["subject"] == subject).sum())
    assert display.ax_.shape == (2 * n + 1, 2)
    prediction = pipe.predict(X[(X["subject"] == subject).to_numpy()])[0]
    assert f"{subject}: {prediction}" in display.text_.get_text()
    with pytest.raises(ValueError, match="no subject 'nobody'"):
        inspection.SubjectSheetDisplay.from_estimator(pipe, X, "nobody")
    with pytest.raises(ValueError, match="The sheet draws signals"):
        inspection.SubjectSheetDisplay.from_estimator(pipe[-1], pipe[:-1].transform(X), subject)


def test_errors_of_recordings_are_sorted_by_confidence(fitted):
    pipe, X, y = fitted()
    wrong = np.where(y == "normal", "myopathy", y)
    sure = np.linspace(0, 1, len(X))
    display = inspection.MispredictionDisplay.from_predictions(X, y, wrong, confidence=sure)
    ((pair, rows),) = display.rows_.items()
    assert pair == ("normal", "myopathy")
    assert rows.tolist() == np.flatnonzero(y == "normal")[::-1].tolist()
    with pytest.raises(ValueError, match="nothing to show"):
        inspection.MispredictionDisplay.from_predictions(X, y, y)
    own = inspection.MispredictionDisplay.from_estimator(pipe, X, np.roll(y, 1))
    assert sum(len(rows) for rows in own.rows_.values()) > 0


# -- scores ------------------------------------------------------------------------------------


def test_confusion_is_a_mean_over_folds():
    y_true = np.tile(["myopathy", "myopathy", "normal"], 2)
    y_pred = ["myopathy", "normal", "normal", "myopathy", "myopathy", "normal"]
    fold = np.repeat([0, 1], 3)
    display = inspection.ConfusionMatrixDisplay.from_predictions(y_true, y_pred, fold=fold)
    np.testing.assert_allclose(display.mean_, [[75, 25], [0, 100]])
    np.testing.assert_allclose(display.sd_[0], np.std([50, 100], ddof=1))
    whole = inspection.ConfusionMatrixDisplay.from_predictions(y_true, y_pred)
    assert np.isnan(whole.sd_).all()
    assert whole.text_[1, 1].get_text() == "100.0"


def test_confusion_skips_a_class_that_a_fold_lacks():
    display = inspection.ConfusionMatrixDisplay.from_predictions(
        ["a", "a", "b"], ["a", "b", "b"], fold=[0, 1, 1]
    )
    np.testing.assert_allclose(display.mean_, [[50, 50], [0, 100]])
    assert np.isnan(display.sd_[1]).all()


def _noisy_scores(n=90, seed=0):
    rng = np.random.default_rng(seed)
    y = np.array(CLASSES)[np.arange(n) % 3]
    scores = rng.dirichlet(np.ones(3), n) + 0.5 * np.eye(3)[np.arange(n) % 3]
    return y, scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
def test_curves_agree_with_scikit_learn(kind):
    from sklearn.metrics import average_precision_score, roc_auc_score

    y, scores = _noisy_scores()
    display = inspection.OneVsRestCurveDisplay.from_predictions(
        y, scores, classes=CLASSES, kind=kind, n_bootstrap=100, random_state=0
    )
    measure = roc_auc_score if kind == "roc" else average_precision_score
    for i, label in enumerate(CLASSES):
        curve = display.curves[label]
        assert curve.area == pytest.approx(measure(y == label, scores[:, i]))
        assert curve.area_low < curve.area < curve.area_high
        assert np.trapezoid(curve.y, dx=1 / 200) == pytest.approx(curve.area, abs=0.03)
        assert (curve.low <= curve.high).all()


def test_interval_is_wider_when_rows_belong_to_few_subjects():
    y, scores = _noisy_scores(30)
    y, scores, groups = (np.repeat(a, 10, axis=0) for a in (y, scores, np.arange(30)))
    width = []
    for unit in (None, groups):
        display = inspection.OneVsRestCurveDisplay.from_predictions(
            y, scores, classes=CLASSES, groups=unit, n_bootstrap=60, random_state=0
        )
        curve = display.curves["myopathy"]
        width.append(curve.area_high - curve.area_low)
    assert width[1] > 2 * width[0]
    assert "over subjects" in display.ax_.get_title()


def test_curves_over_folds_and_readers_as_points():
    y, scores = _noisy_scores()
    readers = {"A": y, "B": np.repeat("normal", len(y))}
    display = inspection.OneVsRestCurveDisplay.from_predictions(
        y, scores, classes=CLASSES, fold=np.arange(90) // 30, readers=readers
    )
    assert "3 folds" in display.interval
    points = display.readers.set_index(["reader", "class"])
    assert points.loc[("A", "myopathy"), ["sensitivity", "specificity"]].tolist() == [1, 1]
    assert points.loc[("B", "normal"), ["sensitivity", "specificity"]].tolist() == [1, 0]
    assert np.isnan(points.loc[("B", "myopathy"), "precision"])
    with pytest.raises(ValueError, match="2 labels for 90 rows"):
        inspection.OneVsRestCurveDisplay.from_predictions(
            y, scores, classes=CLASSES, fold=np.arange(90) // 30, readers={"C": ["a", "b"]}
        )


def _draw(name, y, scores, **options):
    options = {"classes": CLASSES} | options
    return getattr(inspection, f"{name}Display").from_predictions(y, scores, **options)


@pytest.mark.parametrize("name", ["OneVsRestCurve", "Calibration", "Simplex"])
def test_labels_and_scores_that_do_not_fit(name):
    y, scores = _noisy_scores(9)
    gaps = scores.copy()
    gaps[[2, 5], 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite in rows 2, 5: leave the rows out"):
        _draw(name, y, gaps)
    with pytest.raises(ValueError, match=r"y_true holds 0, 1, 2 in rows 0, .*of 'myopathy', 'neur"):
        _draw(name, np.arange(9) % 3, scores)
    with pytest.raises(ValueError, match="y_true has 8 labels for 9 rows"):
        _draw(name, y[1:], scores)
    table = pd.DataFrame(scores, columns=CLASSES).assign(subject="S1")
    with pytest.raises(ValueError, match=r"Columns \['subject'\] hold no scores"):
        _draw(name, y, table)
    with pytest.raises(ValueError, match="a row an item and a column a class, not 1-D"):
        _draw(name, y, scores[:, 0])


def test_curves_say_what_cannot_be_drawn():
    y, scores = _noisy_scores(9)
    for options, message in [
        ({"n_bootstrap": 0}, "n_bootstrap=0 draws nothing"),
        ({"groups": [1, 2]}, "groups has 2 entries for 9 rows"),
        ({"fold": [1, 2]}, "fold has 2 entries for 9 rows"),
        ({"groups": [None, *"abcdefgh"]}, "groups is missing in row 0"),
        ({"fold": y}, "No fold holds both 'myopathy' and the rest"),
    ]:
        with pytest.raises(ValueError, match=message):
            _draw("OneVsRestCurve", y, scores, **options)
    table = pd.DataFrame(scores, columns=CLASSES).assign(n_recordings=3)
    with pytest.raises(ValueError, match="No row of y_true is of 'n_recordings'"):
        _draw("OneVsRestCurve", y, table)
    with pytest.raises(ValueError, match="All rows of y_true are of 'normal'"):
        _draw("OneVsRestCurve", ["normal"] * 9, scores[:, 2:], classes=["normal"])


@pytest.mark.parametrize("name", ["Calibration", "Simplex"])
def test_logits_are_no_probabilities(name):
    y, scores = _noisy_scores(9)
    with pytest.raises(ValueError, match=r"not between 0 and 1 in rows 0, 1, 2, .*predict_proba"):
        _draw(name, y, np.log(scores))


def test_triangle_of_votes_that_do_not_add_up_and_of_classes_in_any_order():
    y, scores = _noisy_scores(9)
    with pytest.raises(ValueError, match="Votes do not add up to 1 in rows 0, 1, 2"):
        _draw("Simplex", y, scores / 2)
    display = _draw("Simplex", y, scores[:, ::-1], classes=CLASSES[::-1])
    image = display.ax_[0, 0].images[0].get_array()
    assert image[0, 0] == 0  # the corner of the first class given
    assert image[0, -1] == 1


def test_calibration_of_true_and_of_boastful_scores():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=4000)
    y = np.where(rng.uniform(size=4000) < p, "myopathy", "normal")
    good, boast = (
        inspection.CalibrationDisplay.from_predictions(
            y, np.column_stack([q, 1 - q]), classes=["myopathy", "normal"]
        )
        for q in (p, np.clip(3 * (p - 0.5) + 0.5, 0, 1))
    )
    assert good.error_.max() < 0.03
    assert boast.error_.min() > 0.1
    inside = good.bins["low"].le(good.bins["score"]) & good.bins["score"].le(good.bins["high"])
    assert inside.mean() > 0.8


def test_learning_curves_come_from_the_history(network):
    display = inspection.TrainingHistoryDisplay.from_estimator(network[0])
    line = display.ax_[0].lines[0]
    assert len(line.get_xdata()) == len(network[0].history_)
    assert display.ax_[-1].get_xlabel() == "updates"
    with pytest.raises(TypeError, match="no history_"):
        inspection.TrainingHistoryDisplay.from_estimator(LinearDiscriminantAnalysis())


# -- tables ------------------------------------------------------------------------------------


def test_fleiss_kappa_of_the_textbook():
    """Fleiss 1971's example as usually given: ten subjects, fourteen readers, kappa 0.210."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    ratings = pd.DataFrame([np.repeat(range(5), row) for row in counts])
    table = metrics.fleiss_agreement(ratings, n_bootstrap=50, random_state=0)
    assert table.loc[("all", "overall"), "kappa"] == pytest.approx(0.210, abs=5e-4)
    assert len(table) == 6
    assert (table["low"] <= table["kappa"]).all()


def test_agreement_of_sets_and_its_errors():
    ratings = pd.DataFrame({"A": list("mmnn"), "B": list("mmnn"), "model": list("mnmn")})
    sets = {"physicians": ["A", "B"], "with model": ["A", "B", "model"]}
    table = metrics.fleiss_agreement(ratings, sets, n_bootstrap=20)["kappa"]
    assert table["physicians", "overall"] == 1 > table["with model", "overall"]
    with pytest.raises(ValueError, match="κ needs two"):
        metrics.fleiss_agreement(ratings, {"one": ["A"]})
    ratings.loc[2, "B"] = None
    with pytest.raises(ValueError, match=r"rows \[2\]"):
        metrics.fleiss_agreement(ratings)


def test_demographics_are_tested_as_published():
    """Counts of the readers' Table 1: location of recordings, p < 0.001; sex, p = 0.761."""
    rng = np.random.default_rng(0)
    subject, y, location, sex = [], [], [], []
    plan = [(19, 14, 60, 64), (19, 12, 97, 64), (20, 13, 80, 17)]
    for label, (n, women, distal, proximal) in zip(CLASSES, plan, strict=True):
        own = [f"{label}{i % n}" for i in range(distal + proximal)]
        subject += own
        sex += ["female" if int(s.removeprefix(label)) < women else "male" for s in own]
        location += list(rng.permutation(["distal"] * distal + ["proximal"] * proximal))
        y += [label] * len(own)
    X = Recordings(np.zeros((len(y), 10)), sfreq=10, subject=subject, location=location, sex=sex)
    table = evaluation.demographics_table(X, y, categorical=["sex"])
    assert table.loc["subjects", CLASSES].tolist() == ["19", "19", "20"]
    assert table.loc["sex: female", "myopathy"] == "14 (73.7 %)"
    assert table.loc["sex: female", "p"] == pytest.approx(0.761, abs=2e-3)
    assert table.loc["location: distal", "normal"] == "80 (82.5 %)"
    assert table.loc["location: distal", "p"] < 0.001
    assert table.loc["recordings a subject", "test"] == "Kruskal-Wallis"
    with pytest.raises(ValueError, match="two diagnoses: \\['myopathy0'\\]"):
        evaluation.demographics_table(X, ["normal", *y[1:]])


def test_demographics_keep_the_columns_of_the_user():
    own = {"duration": [5.0, 5, 7, 9], "n": [1, 1, 2, 3], "diagnosis": list("aabb")}
    X = Recordings(np.zeros((4, 10)), sfreq=10, subject=list("aabc"), **own)
    y = ["myopathy", "myopathy", "myopathy", "normal"]
    table = evaluation.demographics_table(
        X, y, categorical=["diagnosis"], continuous=["duration", "n"]
    )
    assert table.loc["duration", "myopathy"] == "6.0 ± 1.4"
    assert table.loc["n", "normal"].startswith("3.0")
    assert table.loc["diagnosis: a", "myopathy"] == "1 (50.0 %)"
    assert table.loc["recordings a subject", "myopathy"].startswith("1.5")
    assert table.loc["total length (s)", "myopathy"] == "3.0"


def test_demographics_name_what_is_wrong():
    X = Recordings(
        np.zeros((4, 10)), sfreq=10, subject=list("aabb"), age=[30, 31, 40, 40], sex=list("fffm")
    )
    y = np.repeat(["myopathy", "normal"], 2)
    with pytest.warns(UserWarning, match=r"first entry counts: sex \(b\), age \(a\)") as caught:
        table = evaluation.demographics_table(X, y, categorical=["sex"], continuous=["age"])
    assert caught[0].filename == __file__
    assert table.loc["age", "myopathy"].startswith("30.0")
    for options, message in [
        ({"continuous": "age"}, r"continuous='age' is one text: give a list, \['age'\]"),
        ({"continuous": ["ages"], "categorical": ["six"]}, r"no columns \['six', 'ages'\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            evaluation.demographics_table(X, y, **options)
    with pytest.raises(ValueError, match=r"diagnosis is missing in rows \[1\]"):
        evaluation.demographics_table(X, ["normal", None, "normal", "normal"])
    with pytest.raises(ValueError, match="subject is missing in row 1"):
        evaluation.demographics_table(X.with_columns(subject=["a", None, "b", "b"]), y)


# -- trace -------------------------------------------------------------------------------------


def test_trace_is_negative_up_with_the_readers_scales():
    signal = np.zeros(3000)
    signal[1050] = -1.0
    X = Recordings([signal], sfreq=10_000, subject="S1", muscle="vastus")
    display = inspection.TraceDisplay.from_recording(X, 0, gain=0.5)
    ax = display.ax_
    assert ax.yaxis_inverted()
    second = ax.lines[1]
    assert second.get_xdata()[second.get_ydata().argmin()] == pytest.approx(5.0)  # ms
    assert second.get_ydata().min() == 2 - 1 / 0.5  # two divisions up from its line
    assert display.text_.get_text() == "10 ms/div, 500 µV/div, negative up"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0.00", "0.10", "0.20"]
    assert ax.get_title(loc="left") == "S1, vastus"
    with pytest.raises(ValueError, match="segments or images"):
        inspection.TraceDisplay.from_recording(Segmenter(window=0.1).transform(X), 0)


def test_trace_with_scores_of_its_segments(fitted):
    pipe, X, _ = fitted()
    display = inspection.TraceDisplay.from_estimator(pipe, X, -1, n_sweeps=4)
    bars = display.score_axes_[1].patches
    n_segments = pipe[:-1].transform(X).lengths[-1]
    assert len(bars) == 3 * n_segments
    first = display.scores.loc[0, CLASSES].to_numpy(dtype=float)
    np.testing.assert_allclose([bar.get_height() for bar in bars[::n_segments]], first)
    assert bars[0].get_x() == pytest.approx(0.05)  # a bar of one hop amid its window


def test_displays_that_divide_say_which_axes_they_need(fitted):
    from matplotlib.figure import Figure

    pipe, X, _ = fitted()
    with pytest.raises(ValueError, match=r"plt\.subplots"):
        inspection.TraceDisplay.from_estimator(pipe, X, 0, ax=Figure().add_axes((0, 0, 1, 1)))


def test_signals_in_place_of_segments_are_refused(network, make_ragged):
    X, y = make_ragged()
    with pytest.raises(ValueError, match="holds signals"):
        inspection.FeatureVisualizationDisplay.from_estimator(network[0], X, y)
    with pytest.raises(TypeError, match="no network"):
        segments = Segmenter(window=0.2).fit_transform(X)
        model = LinearDiscriminantAnalysis().fit(segments.values, y[segments.row_index])
        inspection.FeatureVisualizationDisplay.from_estimator(model, segments, y)
