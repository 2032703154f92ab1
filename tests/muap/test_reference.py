"""Norms, the outlier rule and the sheet of a muscle, on tables and recordings made by hand."""

import numpy as np
import pandas as pd
import pytest

from sknemg import Recordings
from sknemg.inspection import MuapSheetDisplay
from sknemg.muap import MuapReference, published_norms

WAVE = np.interp(np.arange(81), [0, 20, 30, 40, 80], [0, 0.1, -0.6, 0.15, 0])


def muscle(n, *, low=0, high=0, muscle="biceps brachii", **columns):
    """Potentials at the norm of the biceps, of which some are too small or too large."""
    amplitude = np.full(n, 0.436)
    amplitude[:low], amplitude[n - high :] = 0.1, 2.0
    table = {"amplitude": amplitude, "duration": 9.9e-3, "muscle": muscle}
    return pd.DataFrame(table | columns)


def test_every_published_norm_has_a_source_and_makes_sense():
    norms = published_norms()
    assert norms["source"].str.len().min() > 20
    assert not norms.duplicated(["muscle", "parameter"]).any()
    known = norms.dropna()
    assert (known["low"] < known["mean"] - known["sd"]).all()
    assert (known["high"] > known["mean"] + known["sd"]).all()
    milli = norms[norms["parameter"] == "duration"]
    assert milli["mean"].between(8e-3, 12e-3).all()


@pytest.mark.parametrize(
    ("n", "low", "high", "conclusion"),
    [
        (20, 0, 0, "normal"),
        (20, 2, 2, "normal"),  # two beyond one limit are not too many
        (20, 3, 0, "myopathy"),
        (20, 0, 3, "neuropathy"),
        (20, 3, 3, "mixed"),
        (19, 19, 0, "fewer than 20 potentials"),
        (40, 4, 0, "normal"),  # a tenth
        (40, 5, 0, "myopathy"),
    ],
)
def test_the_outlier_rule(n, low, high, conclusion):
    table = MuapReference().diagnose(muscle(n, low=low, high=high))
    assert table[["muscle", "n", "conclusion"]].to_numpy().tolist() == [
        ["biceps brachii", n, conclusion]
    ]


def test_the_summary_of_a_muscle():
    muaps = pd.concat(
        [muscle(20, high=3, subject="S1"), muscle(20, subject="S2", muscle="deltoid")]
    )
    summary = MuapReference().summary(muaps).set_index(["subject", "muscle", "parameter"])
    row = summary.loc[("S1", "biceps brachii", "amplitude")]
    assert row["mean"] == pytest.approx((17 * 0.436 + 3 * 2) / 20)
    assert row["z"] == pytest.approx(3 * (2 - 0.436) / 20 / 0.115)
    assert (row["n_low"], row["n_high"], row["conclusion"]) == (0, 3, "high")
    assert (row["low"], row["high"]) == (0.178, 1.414)
    assert summary.loc[("S2", "deltoid", "duration"), "z"] == pytest.approx(-0.5 / 1.3)
    head = MuapReference().summary(muscle(20, muscle="biceps brachii (long head)"))
    assert head["norm_mean"].tolist() == [0.436, 9.9e-3]
    tibialis = muscle(20, muscle="tibialis anterior", phases=3.0, turns=3.0)
    assert MuapReference().diagnose(tibialis)["conclusion"].tolist() == ["no limits"]


def normals(n_subjects, n=30, seed=0, muscle="deltoid"):
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 0.1, size=(n_subjects, 1))
    amplitude = np.exp(-0.7 + own + 0.5 * rng.standard_normal((n_subjects, n)))
    duration = 1e-3 * rng.normal(10 + 5 * own, 2.0, size=(n_subjects, n))
    return pd.DataFrame(
        {
            "subject": np.repeat([f"S{k}" for k in range(n_subjects)], n),
            "muscle": muscle,
            "amplitude": amplitude.ravel(),
            "duration": duration.ravel(),
        }
    )


def test_a_labs_own_norms_find_its_normals_normal():
    table = normals(20)
    reference = MuapReference.from_normals(table)
    norms = reference.norms.set_index("parameter")
    means = table.groupby("subject")["amplitude"].mean()
    assert norms.loc["amplitude", "mean"] == pytest.approx(means.mean())
    assert norms.loc["amplitude", "sd"] == pytest.approx(means.std())
    third = [np.log(np.quantile(own, 17 / 19)) for _, own in table.groupby("subject")["amplitude"]]
    expected = np.exp(np.mean(third) + 2 * np.std(third, ddof=1))
    assert norms.loc["amplitude", "high"] == pytest.approx(expected)
    assert norms.loc["amplitude", "low"] > 0
    others = reference.diagnose(normals(100, seed=1))["conclusion"]
    assert (others == "normal").mean() > 0.8
    sick = normals(20, seed=2).assign(amplitude=lambda t: 3 * t["amplitude"])
    assert (reference.diagnose(sick)["conclusion"] == "neuropathy").mean() > 0.9


def test_too_few_normals_are_named():
    table = pd.concat([normals(6), normals(4, muscle="vastus"), normals(1, n=10, muscle="deltoid")])
    table = table.reset_index(drop=True)
    table.loc[table.index[-10:], "subject"] = "S9"
    with pytest.warns(UserWarning, match=r"'S9 \(deltoid\)'.*'vastus \(4\)'"):
        reference = MuapReference.from_normals(table)
    assert reference.norms["muscle"].unique().tolist() == ["deltoid"]
    with pytest.raises(ValueError, match=r"No muscle has 5 subjects with 20 .*'deltoid \(4\)'"):
        MuapReference.from_normals(normals(4))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (muscle(20, muscle="tongue"), r"no norms of \['tongue'\], only of \['biceps brachii'"),
        (muscle(20).drop(columns="muscle"), r"lacks the columns \['muscle'\]"),
        (muscle(20).drop(columns="duration"), r"lacks the columns \['duration'\]"),
        (muscle(20, duration=[np.nan] + [0.01] * 19), r"\['duration'\] are missing in row 0"),
        (
            pd.concat(
                [
                    muscle(20, subject="S1"),
                    muscle(20, subject="S2", duration=[0.01] * 3 + [np.nan] + [0.01] * 16),
                ]
            ),
            r"\['duration'\] are missing in row 23:",  # of the table, not of the subject
        ),
        (
            muscle(20, subject=["a"] * 18 + [None, " "]),
            r"\['subject'\] are missing in rows 18, 19:",
        ),
        (muscle(20, subject=None), r"\['subject'\] are missing in rows 0, 1, .* and 10 more: fill"),
        (muscle(20, muscle=[None] + ["deltoid"] * 19), r"\['muscle'\] are missing in row 0"),
        (
            [np.zeros(20)],
            "X is of type list: give Recordings or a DataFrame",
        ),
    ],
)
def test_tables_that_cannot_be_judged_are_refused(table, message):
    with pytest.raises(ValueError, match=message):
        MuapReference().summary(table)


def test_recordings_without_a_unit_are_not_lost(biceps):
    names = {"subject": ["S1", "S2"], "muscle": "biceps brachii"}
    noise = np.random.default_rng(1).normal(0, 0.002, size=(2, 20_000))
    X = Recordings(noise, sfreq=20_000, **names)
    found = MuapReference().diagnose(X)
    assert found.to_numpy().tolist() == [
        [subject, "biceps brachii", 0, "fewer than 20 potentials"] for subject in ("S1", "S2")
    ]
    summary = MuapReference().summary(Recordings.concat([biceps, X[[1]]]))
    assert summary[["subject", "n"]].to_numpy().tolist() == [["S1", 21]] * 2 + [["S2", 0]] * 2
    assert summary[["mean", "sd", "z"]].isna().all(axis=1).tolist() == [False, False, True, True]
    frame = MuapReference().summary(Recordings.concat([biceps, X[[1]]]).to_frame())
    pd.testing.assert_frame_equal(frame, summary)
    with pytest.raises(ValueError, match=r"There are no norms of \['tongue'\]"):
        MuapReference().diagnose(X.with_columns(muscle="tongue"))
    with pytest.raises(ValueError, match=r"'S1 \(biceps brachii\)', 'S2 \(biceps brachii\)'"):
        MuapReference.from_normals(X)


def test_norms_without_amplitude_and_duration_give_no_verdict():
    norms = published_norms()
    reference = MuapReference(norms[norms["parameter"] == "phases"])
    table = muscle(25, muscle="tibialis anterior", phases=3.0)
    assert reference.diagnose(table)["conclusion"].tolist() == ["no limits"]
    assert reference.diagnose(table[:9])["conclusion"].tolist() == ["fewer than 20 potentials"]


def test_categories_of_no_row_are_no_muscles():
    table = pd.concat([normals(6), normals(1, muscle="vastus")], ignore_index=True)
    table["muscle"] = table["muscle"].astype("category")
    reference = MuapReference.from_normals(table[table["muscle"] == "deltoid"])
    assert reference.diagnose(table[:180])["muscle"].tolist() == ["deltoid"] * 6


def test_norms_that_are_none_are_refused():
    norms = published_norms()
    with pytest.raises(ValueError, match=r"lack the columns \['sd'\]"):
        MuapReference(norms.drop(columns="sd"))
    with pytest.raises(ValueError, match=r"more than one row for \['deltoid, duration'\]"):
        MuapReference(pd.concat([norms, norms.iloc[[3]]]))
    with pytest.raises(ValueError, match="not above 0 in row 0 of norms"):
        MuapReference(norms.assign(sd=[0.0, *norms["sd"][1:]]))

    turned = norms.rename(columns={"low": "high", "high": "low"})
    with pytest.raises(ValueError, match="low is above high in rows 0, 1, 2, 3, 4, 5 of norms"):
        MuapReference(turned)


@pytest.mark.parametrize(
    ("parameter", "unit"), [("amplitude", "in mV"), ("duration", "in s"), ("area", "in mV s")]
)
def test_microvolts_and_milliseconds_are_not_compared_with_norms_in_millivolts(parameter, unit):
    norms = published_norms().replace({"parameter": {"phases": "area"}})
    norms.loc[norms["parameter"] == "area", "mean"] = 7e-4
    reference = MuapReference(norms)
    table = muscle(25, muscle="tibialis anterior", area=7e-4, turns=3.0)
    reference.summary(table)
    for factor in (1000, 1 / 1000):
        table[parameter] = factor * muscle(25, area=7e-4)[parameter]
        with pytest.raises(ValueError, match=rf"median {parameter} .* 'tibialis.*give both {unit}"):
            reference.diagnose(table)
    giant = muscle(25, muscle="tibialis anterior", area=2e-2, turns=3.0).assign(amplitude=20.0)
    assert reference.summary(giant)["z"].max() > 100


@pytest.fixture(scope="module")
def biceps():
    """Recordings of 21 units, each of its own size."""
    rng = np.random.default_rng(0)
    signals = rng.normal(0, 0.003, size=(21, 20_000))
    for signal in signals:
        wave = rng.uniform(0.3, 2.5) * WAVE
        for start in np.arange(600, 19_000, 1600) + rng.integers(-160, 160, size=12):
            signal[start : start + 81] += wave
    return Recordings(signals, sfreq=20_000, subject="S1", muscle="biceps brachii")


def test_recordings_are_measured_and_drawn(biceps):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    assert MuapReference().summary(biceps[:3])["n"].tolist() == [3, 3]
    display = MuapSheetDisplay.from_recordings(biceps)
    summary = display.summary
    assert summary["n"].tolist() == [21, 21]
    assert len(display.axes_) == 4 * 6 + 2
    low, high = display.axes_[0].get_ylim()
    assert low > high  # negative up
    for axes, unit in zip(display.axes_, display.units, strict=False):
        curve, onset, end, turns = axes.lines[:4]
        assert onset.get_xdata()[0] == pytest.approx(1e3 * unit.measures["onset"])
        assert end.get_xdata()[0] == pytest.approx(1e3 * unit.measures["end"])
        assert len(turns.get_xdata()) == unit.measures["turns"]
        assert np.abs(curve.get_ydata()).max() in np.abs(turns.get_ydata())
    assert f"21 potentials, {summary['n_low'][0]} low" in display.axes_[24].get_title()
    plt.close("all")


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_a_sheet_is_of_one_muscle(biceps):
    with pytest.raises(ValueError, match="X holds the muscles"):
        MuapSheetDisplay.from_recordings(biceps[:2].with_columns(muscle=["deltoid", "tongue"]))
    silent = Recordings([np.zeros(30_000)], sfreq=20_000, muscle="deltoid")
    with pytest.raises(ValueError, match="No motor unit was found"):
        MuapSheetDisplay.from_recordings(silent)
