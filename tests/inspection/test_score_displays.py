"""Displays of scores: confusion, curves, calibration, training history."""

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from sknemg import (
    inspection,
)

CLASSES = ["myopathy", "neuropathy", "normal"]


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
    texts = [text.get_text() for text in whole.text_.flat]
    assert texts == ["75.0\n3 of 4", "25.0\n1 of 4", "0.0\n0 of 2", "100.0\n2 of 2"]


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


def _separated(n=30):
    code = np.arange(n) % 3
    return np.array(CLASSES)[code], 0.7 * np.eye(3)[code] + 0.1


@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
@pytest.mark.parametrize("folds", [1, 3])
def test_curves_that_tell_all_apart_keep_a_band(kind, folds):
    y, scores = _separated()
    fold = None if folds == 1 else np.arange(30) // 3 % folds
    display = inspection.OneVsRestCurveDisplay.from_predictions(
        y, scores, classes=CLASSES, kind=kind, fold=fold, n_bootstrap=100, random_state=0
    )
    for curve in display.curves.values():
        assert curve.area == curve.area_high == 1
        assert 0.4 < curve.area_low < 0.9
        assert (curve.low[1:40] < 0.9).all()  # at its end a curve is 1 by what it is
        assert (curve.low <= curve.y).all()
    assert not any("[1.00, 1.00]" in text.get_text() for text in display.text_)


@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
def test_a_band_of_few_draws_has_a_width_where_none_of_them_differ(kind):
    y, scores = _separated()
    display = inspection.OneVsRestCurveDisplay.from_predictions(
        y, scores, classes=CLASSES, kind=kind, n_bootstrap=2, random_state=0
    )
    for curve in display.curves.values():
        assert (curve.low < curve.high)[1:-1].all()
        assert curve.low[0] == curve.high[0] == curve.y[0]  # where every such curve begins


def test_the_band_of_a_roc_curve_rises():
    y, scores = _noisy_scores(30)
    display = inspection.OneVsRestCurveDisplay.from_predictions(
        y, scores, classes=CLASSES, n_bootstrap=40, random_state=0
    )
    for curve in display.curves.values():
        assert (np.diff(curve.low) >= 0).all()
        assert (np.diff(curve.high) >= 0).all()
        assert (curve.low <= curve.y).all()
        assert (curve.y <= curve.high).all()


def test_the_area_of_a_curve_has_the_interval_of_the_table():
    from sknemg.metrics import one_vs_rest_table

    y, scores = _noisy_scores(60)
    options = {"classes": CLASSES, "groups": np.arange(60) // 6 * 3 + np.arange(60) % 3}
    table = one_vs_rest_table(y, scores, **options).set_index(["class", "metric"])
    display = inspection.OneVsRestCurveDisplay.from_predictions(
        y, scores, n_bootstrap=1000, random_state=1, **options
    )
    for label, curve in display.curves.items():
        expected = table.loc[(label, "roc_auc"), ["value", "low", "high"]].astype(float)
        np.testing.assert_allclose(
            [curve.area, curve.area_low, curve.area_high], expected, atol=0.015
        )


@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
def test_a_curve_of_drawn_rows_is_that_of_scikit_learn(kind):
    """Drawn rows enter as counts; scikit-learn is given the rows themselves."""
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    from sknemg.inspection.curves import _GRID, _mean_line, _Ranking

    rng = np.random.default_rng(0)
    score = rng.normal(size=40).round(1)  # with ties
    rows, positive = rng.integers(0, 40, 60), rng.random(60) < 0.4
    *line, area = _mean_line([_Ranking.of(np.arange(40), score)], rows, positive, kind)
    if kind == "roc":
        assert area == pytest.approx(roc_auc_score(positive, score[rows]))
        fpr, tpr, _ = roc_curve(positive, score[rows], drop_intermediate=False)
        np.testing.assert_allclose(line[1:], np.interp(_GRID, fpr, tpr)[1:])
    else:
        assert area == pytest.approx(average_precision_score(positive, score[rows]))


@pytest.mark.parametrize("n", [10, 20, 40, 50, 200])
def test_a_curve_has_the_precision_of_every_recall_that_is_reached(n):
    """Where a false answer follows each right one, the precision at i of n is i / (2 i - 1)."""
    y, score = np.tile([True, False], n), -np.arange(2.0 * n)
    scores = pd.DataFrame({True: score, False: -score})
    display = inspection.OneVsRestCurveDisplay.from_predictions(
        y, scores, kind="precision_recall", n_bootstrap=2
    )
    right = np.arange(1, n + 1)
    np.testing.assert_allclose(display.curves[True].y[right * 200 // n], right / (2 * right - 1))


@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
def test_scores_that_rounding_has_split_are_one_point_of_a_curve(kind):
    y = np.tile(["a", "b"], 20)
    score = np.where(y == "a", 0.1 + 0.2, 0.3)
    display = inspection.OneVsRestCurveDisplay.from_predictions(
        y, np.stack([score, 1 - score], axis=1), classes=["a", "b"], kind=kind, n_bootstrap=2
    )
    assert [curve.area for curve in display.curves.values()] == [0.5, 0.5]


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
    with pytest.raises(ValueError, match="NaN or infinite in rows 2, 5: leave these rows out"):
        _draw(name, y, gaps)
    with pytest.raises(ValueError, match=r"y_true holds 0, 1, 2 in rows 0, .*of 'myopathy', 'neur"):
        _draw(name, np.arange(9) % 3, scores)
    with pytest.raises(ValueError, match="y_true has 8 labels for 9 rows"):
        _draw(name, y[1:], scores)
    table = pd.DataFrame(scores, columns=CLASSES).assign(subject="S1")
    with pytest.raises(ValueError, match=r"Columns \['subject'\] hold no scores"):
        _draw(name, y, table)
    with pytest.raises(ValueError, match="The scores are 1-D: give a table with a row for each"):
        _draw(name, y, scores[:, 0])


def test_curves_say_what_cannot_be_drawn():
    y, scores = _noisy_scores(9)
    for options, message in [
        ({"n_bootstrap": 0}, "n_bootstrap=0 draws nothing"),
        ({"n_bootstrap": 1}, "n_bootstrap=1 draws nothing to compare: give at least 2"),
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
    with pytest.raises(ValueError, match="The votes do not add up to 1 in rows 0, 1, 2"):
        _draw("Simplex", y, scores / 2)
    display = _draw("Simplex", y, scores[:, ::-1], classes=CLASSES[::-1])
    image = display.ax_[0, 0].images[0].get_array()
    assert image[0, 0] == 0  # the corner of the first class given
    assert image[0, -1] == 1


def test_a_final_classifier_takes_votes_by_their_names():
    y, scores = _noisy_scores(60)
    frame = pd.DataFrame(scores, columns=CLASSES)
    final = LogisticRegression(C=10).fit(frame, y)
    images = []
    for order in (CLASSES, CLASSES[::-1]):
        display = inspection.SimplexDisplay.from_predictions(y, frame[order], final_estimator=final)
        argmax, regions = (axes.images[0].get_array() for axes in display.ax_[0])
        images.append((regions == argmax).mean())
    assert min(images) > 0.9  # the same regions, mirrored alike
    with pytest.raises(ValueError, match=r"was trained on the columns .*, votes has"):
        inspection.SimplexDisplay.from_predictions(
            y, frame, final_estimator=LogisticRegression().fit(frame.add_prefix("P "), y)
        )


@pytest.mark.parametrize("score", [0.1, 0.3, 0.6, 0.8])
def test_a_score_on_an_edge_is_in_one_bin_whatever_rounding_makes_of_it(score):
    """Means of one score over one to a hundred items, right as often as it says."""
    from sknemg.persistence.card import reliability

    scores = np.array([sum([score] * n) / n for n in range(1, 101)])
    assert len(np.unique(scores)) > 1
    right = np.random.default_rng(0).permutation(100) < 100 * score
    scores = np.stack([scores, 1 - scores], axis=1)
    display = inspection.CalibrationDisplay.from_predictions(
        np.where(right, "a", "b"), scores, classes=["a", "b"]
    )
    assert display.bins["n"].tolist() == [100, 100]
    assert display.error_.to_numpy() == pytest.approx(0, abs=1e-12)
    assert reliability(scores, 1 - right)["calibration_error"] == pytest.approx(0, abs=1e-12)


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


@pytest.mark.parametrize("name", ["OneVsRestCurve", "Calibration"])
def test_a_class_has_one_column_of_scores(name):
    display = getattr(inspection, f"{name}Display")
    with pytest.raises(ValueError, match=r"several columns \['a'\]: give one for each class"):
        display.from_predictions(["a", "b"], [[0.7, 0.2, 0.1]] * 2, classes=["a", "b", "a"])


@pytest.mark.parametrize("n_bins", [0, -1, 2.5, True])
def test_bins_that_cannot_be_counted_are_refused(n_bins):
    with pytest.raises(ValueError, match=f"n_bins={n_bins} must be an integer >= 1"):
        inspection.CalibrationDisplay.from_predictions(
            ["a", "b"], [[0.7, 0.3]] * 2, classes=["a", "b"], n_bins=n_bins
        )


def test_calibration_of_many_rows_of_few_subjects_is_as_wide_as_of_the_subjects():
    y, scores = _noisy_scores(30)
    options = {"classes": CLASSES, "n_bins": 2}
    once = inspection.CalibrationDisplay.from_predictions(y, scores, **options)
    who = np.repeat(np.arange(30), 20)
    often = inspection.CalibrationDisplay.from_predictions(
        y[who], scores[who], groups=who, **options
    )
    alone = inspection.CalibrationDisplay.from_predictions(y[who], scores[who], **options)
    np.testing.assert_allclose(once.bins[["low", "high"]], often.bins[["low", "high"]])
    width = [(d.bins["high"] - d.bins["low"]).mean() for d in (often, alone)]
    assert width[1] < 0.5 * width[0]
    assert (once.bins["low"] < once.bins["high"]).all()


def test_learning_curves_come_from_the_history(network):
    display = inspection.TrainingHistoryDisplay.from_estimator(network[0])
    line = display.ax_[0].lines[0]
    assert len(line.get_xdata()) == len(network[0].history_)
    assert display.ax_[-1].get_xlabel() == "updates"
    fitted = LinearDiscriminantAnalysis().fit([[0], [1], [2], [3]], list("aabb"))
    with pytest.raises(TypeError, match="Analysis holds no network with history_: give"):
        inspection.TrainingHistoryDisplay.from_estimator(fitted)
    with pytest.raises(NotFittedError, match="LinearDiscriminantAnalysis instance is not fitted"):
        inspection.TrainingHistoryDisplay.from_estimator(LinearDiscriminantAnalysis())
