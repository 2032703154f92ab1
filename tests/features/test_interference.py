"""Turns, interference pattern and turns-amplitude cloud, on signals with values by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, ImplausibleWarning, InterferenceFeatures, Recordings
from sknemg.features import (
    TurnsReference,
    count_turns,
    envelope_amplitude,
    find_turns,
    interference_features,
    interference_names,
    small_segments,
)

SFREQ = 10_000


def triangle(freq, amplitude, seconds=0.5):
    """A signal that turns every ``1 / (2 * freq)`` seconds, by `amplitude` mV each time."""
    phase = freq * np.arange(round(seconds * SFREQ)) / SFREQ % 1
    return amplitude * np.abs(2 * phase - 1)


@pytest.mark.parametrize(
    ("signal", "positions", "change"),
    [
        ([0, 1, 0], [1], 0),  # the change to the first reversal began before the segment
        ([0, 1, 0, 1, 0], [1, 2, 3], 1),
        ([0, 1, 0.95, 1.2, 0, 0.5], [1, 3, 4], (0.25 + 1.2) / 2),  # the wiggle parts the rise
        ([0, 0.06, 0.02, 0.08, 0.04, 0.1], [], 0),  # the steps of a rise are too small
        ([0, 0.2, 0.2, 0.2, 0], [3], 0),  # a plateau is one reversal, at its end
        ([0, 1, 2, 3], [], 0),
    ],
)
def test_turns_by_willisons_rule(signal, positions, change):
    for sign in (1, -1):
        rows = [np.multiply(sign, signal)]
        assert find_turns(rows, rule="willison").position.tolist() == positions
        n_turns, amplitude = count_turns(rows, rule="willison")
        assert (n_turns[0], amplitude[0]) == (len(positions), pytest.approx(change))


@pytest.mark.parametrize("rule", ["stalberg", "willison"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0, 37, 1234])  # microvolts
def test_a_change_of_just_the_threshold_counts_whatever_the_rounding(rule, dtype, offset):
    microvolts = np.random.default_rng(0).integers(-150, 150, (5, 2000)) + offset
    for threshold in (20, 100):
        found = find_turns(
            (microvolts * 0.001).astype(dtype), threshold=threshold / 1000, rule=rule
        )
        expected = find_turns(microvolts, threshold=threshold, rule=rule)
        assert found.position.tolist() == expected.position.tolist()


def test_stalbergs_turns_are_where_the_signal_turns():
    rows = np.array([[0, 1, 0.95, 1.2, 0, 0.5, 0.5, 0.1], [0, 0, 2, 0, 0.09, 0, 0, 1]])
    turns = find_turns(rows)
    assert turns.row.tolist() == [0, 0, 0, 1, 1]
    assert turns.position.tolist() == [3, 4, 6, 2, 6]
    np.testing.assert_allclose(turns.change, [np.nan, 1.2, 0.5, np.nan, 2])


def test_a_threshold_of_20_microvolts_sees_what_100_does_not():
    small = triangle(100, 0.05)[None]
    assert count_turns(small)[0][0] == 0
    assert count_turns(small, threshold=0.02)[0][0] == 99


def test_segments_are_what_they_must_be():
    with pytest.raises(ValueError, match=r"rule='wilson' is unknown: give "):
        find_turns([[0.0, 1.0]], rule="wilson")
    with pytest.raises(ValueError, match=r"NaN or infinite in segment 1: leave them out\."):
        find_turns([[0.0, 1.0], [0.0, np.nan]])
    assert find_turns(np.empty((0, 9))).row.size == find_turns(np.zeros((2, 0))).row.size == 0


def test_every_measure_of_a_triangle():
    found = interference_features(triangle(100, 1.0)[None], SFREQ)[0]
    named = dict(zip(interference_names(), found, strict=True))
    for rule in ("stalberg", "willison"):
        for threshold in (20, 100):
            assert named[f"turns_{rule}_{threshold}"] == 2 * 99  # 99 in half a second
            assert named[f"turn_amplitude_{rule}_{threshold}"] == pytest.approx(1.0)
            assert named[f"ratio_{rule}_{threshold}"] == pytest.approx(198)
    assert named["small_segments"] == 0  # 5 ms from turn to turn
    assert named["envelope_amplitude"] == pytest.approx(1.0)
    assert len(named) == len(found) == 14


@pytest.mark.parametrize(("thresholds", "n_searches"), [((0.02, 0.1), 4), ((0.05,), 3)])
def test_the_same_turns_are_found_once(monkeypatch, thresholds, n_searches):
    epochs = np.random.default_rng(0).normal(0, 0.3, size=(3, 2000))
    expected = [small_segments(epochs, SFREQ), envelope_amplitude(epochs)]
    asked = []

    def counted(epochs, *, threshold, rule):
        asked.append((rule, threshold))
        return find_turns(epochs, threshold=threshold, rule=rule)

    monkeypatch.setattr("sknemg.features.interference.find_turns", counted)
    found = interference_features(epochs, SFREQ, thresholds=thresholds)
    assert len(asked) == len(set(asked)) == n_searches
    np.testing.assert_array_equal(found[:, -2:].T, expected)


def test_small_segments_are_small_and_short():
    fast, slow = triangle(250, 1.0), triangle(100, 1.0)  # 2 and 5 ms from turn to turn
    rows = np.array([fast, slow, 3 * fast, 0.01 * fast])
    assert small_segments(rows, SFREQ).tolist() == [2 * 248, 0, 0, 0]  # 249 turns
    assert small_segments(rows, SFREQ, max_duration=6e-3, max_amplitude=4)[1:].tolist() == [
        2 * 98,
        2 * 248,
        0,
    ]


def test_the_envelope_is_what_one_percent_exceeds():
    heights = np.zeros(204)  # 202 turns, 201 changes from turn to turn
    heights[1::2] = 1
    heights[101] = 9  # reached and left: 2 changes
    assert envelope_amplitude([heights])[0] == 1
    heights[51] = 9
    assert envelope_amplitude([heights])[0] == 9
    assert envelope_amplitude(np.zeros((2, 9))).tolist() == [0, 0]


def test_a_recording_is_the_mean_of_its_epochs_and_the_peaks_of_their_ratios():
    signal = np.concatenate([triangle(100, 1.0), triangle(200, 0.5), np.zeros(2000)])
    X = Recordings([signal, signal[:4000]], sfreq=SFREQ)
    features = InterferenceFeatures()
    found = features.fit_transform(X)
    assert found.lengths.tolist() == [1, 0]  # the second is shorter than an epoch
    named = dict(zip(features.get_feature_names_out(), found[0][0], strict=True))
    # The second half begins with a peak as the first did, and turns 199 times after it.
    assert named["turns_stalberg_100"] == pytest.approx((198 + 398) / 2)
    assert named["turn_amplitude_stalberg_100"] == pytest.approx(0.75)
    assert named["ratio_stalberg_100"] == pytest.approx((198 + 796) / 2)
    for name in ("stalberg_20", "stalberg_100", "willison_20", "willison_100"):
        assert named[f"peak_ratio_{name}"] == pytest.approx(796)

    epochs = InterferenceFeatures(items="epoch", thresholds=[0.1]).to_frame(X)
    assert epochs.index.tolist() == [0, 0]
    assert epochs["ratio_stalberg_100"].tolist() == pytest.approx([198, 796])


def test_features_vote_and_a_short_recording_does_not():
    small, large = triangle(150, 0.3), triangle(80, 1.5)
    rows = [np.tile(wave, 2) for wave in (small, large) for _ in range(4)]
    rows[3], rows[6] = rows[3][:100], rows[6][:100]
    X = Recordings(rows, sfreq=SFREQ, subject=list("abcdefgh"))
    y = np.repeat(["myopathy", "neuropathy"], 4)
    model = make_pipeline(InterferenceFeatures(), DiVoteClassifier(LogisticRegression()))
    with pytest.warns(UserWarning, match="without a single interference pattern .* rows 3, 6"):
        model.fit(X, y)
    answered = X.lengths > 100
    assert (model.predict(X[answered]) == y[answered]).all()


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_thresholds_must_be_changes():
    X = Recordings([np.zeros(6000)], sfreq=SFREQ)
    for wrong in ([0], [], [np.inf], [np.nan], [True], ["0.1"], 0.1):
        with pytest.raises(ValueError, match="must be one or more finite changes above 0 mV: give"):
            InterferenceFeatures(thresholds=wrong).get_feature_names_out()
        with pytest.raises(ValueError, match="thresholds"):
            InterferenceFeatures(thresholds=wrong).fit(X)
        with pytest.raises(ValueError, match="must be one or more finite changes above 0 mV: give"):
            interference_features(np.zeros((1, 900)), SFREQ, thresholds=wrong)
    with pytest.raises(ValueError, match=r"several that are named \['100'\]: give each once"):
        InterferenceFeatures(thresholds=[0.1, 0.1000001]).transform(X)
    for wrong in (0, -0.1, np.nan, np.inf, True, "0.1", None):
        with pytest.raises(ValueError, match=r"threshold=.* must be a finite number above 0: give"):
            find_turns([[0.0, 1.0, 0.0]], threshold=wrong)


def test_a_table_of_any_container_keeps_what_is_known():
    rng = np.random.default_rng(0)
    signals = list(rng.normal(0, 0.3, size=(2, 9000)))
    X = Recordings(signals, sfreq=SFREQ, subject=["a", "b"], side=["left", "right"])
    found = InterferenceFeatures().to_frame(X)
    assert found[["subject", "side"]].to_numpy().tolist() == [["a", "left"], ["b", "right"]]
    assert len(found.columns) == 20
    pd.testing.assert_frame_equal(InterferenceFeatures().to_frame(X.to_frame()), found)
    for bare in (signals, np.array(signals)):
        table = InterferenceFeatures(input_sfreq=SFREQ).to_frame(bare)
        np.testing.assert_allclose(table, found.drop(columns=["subject", "side"]), rtol=1e-5)
    with pytest.raises(
        ValueError, match=r"columns named like features, \['small_segments'\]: rename"
    ):
        InterferenceFeatures().to_frame(X.with_columns(small_segments=[7, 8]))
    with pytest.warns(ImplausibleWarning, match="a peak above 50 mV"):
        InterferenceFeatures(input_sfreq=SFREQ).to_frame([1000.5 * signals[0]])


def cohort(factor=1.0, n_subjects=6, muscle="deltoid"):
    """Amplitude 0.005 mV times the turns a second, 20 % more or less in neighbouring subjects."""
    rows, subjects = [], []
    for subject in range(n_subjects):
        own = factor * 1.2 ** (subject % 2 - 0.5)
        waves = [triangle(freq, 0.01 * own * freq) for freq in np.arange(40, 160, 10)]
        rows.append(np.concatenate(waves))
        subjects.append(f"S{subject}")
    return Recordings(rows, sfreq=SFREQ, subject=subjects, muscle=muscle)


def test_the_cloud_of_normals_and_what_lies_outside():
    reference = TurnsReference.from_normals(cohort())
    cloud = reference.clouds["deltoid"]
    assert cloud.n_subjects, cloud.n_epochs == (6, 72)
    assert cloud.slope == pytest.approx(1.0, abs=0.03)
    assert cloud.high == -cloud.low == pytest.approx(np.log10(1.2), abs=0.01)  # 2 SD of +-0.5
    for factor, conclusion in ((1, "normal"), (2, "neuropathy"), (0.5, "myopathy")):
        found = reference.diagnose(cohort(factor))
        assert found["conclusion"].tolist() == [conclusion] * 6
        assert found["n_epochs"].tolist() == [12] * 6

    both = Recordings(
        [np.concatenate([cohort(2)[0], cohort(0.5)[0]])], sfreq=SFREQ, muscle="deltoid"
    )
    assert reference.diagnose(both)["conclusion"].tolist() == ["mixed"]


def test_a_muscle_at_rest_gets_no_verdict_and_is_not_lost():
    X = cohort(n_subjects=2)
    quiet = X.with_values(np.concatenate([X[0], 0.001 * X[1]]))
    found = TurnsReference.from_normals(cohort()).diagnose(quiet)
    assert found["conclusion"].tolist() == ["normal", "fewer than 10 epochs"]
    assert found["n_epochs"].tolist() == [12, 0]


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_clouds_need_normals():
    with pytest.raises(ValueError, match=r"No muscle has 5 subjects .* \(\['deltoid \(4\)'\]\)"):
        TurnsReference.from_normals(cohort(n_subjects=4))
    with pytest.raises(ValueError, match=r"X lacks the columns \['subject', 'muscle'\]: add"):
        TurnsReference.from_normals(Recordings([np.zeros(6000)], sfreq=SFREQ))
    two = Recordings.concat([cohort(), cohort(n_subjects=2, muscle="biceps")])
    with pytest.warns(UserWarning, match=r"are left out, \['biceps \(2\)'\]: record more"):
        reference = TurnsReference.from_normals(two)
    with pytest.raises(ValueError, match=r"no cloud of \['biceps'\], only of \['deltoid'\]: make"):
        reference.diagnose(two)
    silent = two.with_columns(muscle=["deltoid"] * 6 + ["biceps"] * 2)
    silent = silent.with_values(np.concatenate([*silent[:6], 0 * silent[6], 0 * silent[7]]))
    with pytest.warns(UserWarning, match=r"are left out, \['biceps \(0\)'\]: record more"):
        TurnsReference.from_normals(silent)


@pytest.mark.parametrize("muscle", [7, 7.5, pd.Categorical(["deltoid"] * 6, ["biceps", "deltoid"])])
def test_a_muscle_may_have_any_name(muscle):
    X = cohort(muscle=muscle)
    reference = TurnsReference.from_normals(X)
    assert list(reference.clouds) == X["muscle"].unique().tolist()
    assert reference.diagnose(X)["conclusion"].tolist() == ["normal"] * 6
    with pytest.raises(ValueError, match=r"no cloud of \['tongue'\], only of \["):
        reference.diagnose(cohort(muscle="tongue"))


def test_clouds_of_tables_and_what_has_gaps():
    X = cohort()
    reference = TurnsReference.from_normals(X.to_frame())
    assert reference.clouds == TurnsReference.from_normals(X).clouds
    pd.testing.assert_frame_equal(reference.diagnose(X.to_frame()), reference.diagnose(X))
    names = [None, *X["subject"][1:]]
    for use in (TurnsReference.from_normals, reference.diagnose):
        with pytest.raises(
            ValueError, match=r"Entries of \['subject'\] are missing in row 0: fill"
        ):
            use(X.with_columns(subject=names))
        with pytest.raises(ValueError, match=r"Entries of \['muscle'\] are missing in row 0: fill"):
            use(X.with_columns(muscle=[None] + ["deltoid"] * 5))
        with pytest.raises(ValueError, match="X is of type list: give Recordings or a DataFrame"):
            use(list(X))
        with pytest.raises(ValueError, match="unit 'uV', taken as 'mV'"):
            use(X.to_frame().assign(unit="uV"))


def test_columns_of_the_recordings_are_not_taken_for_measures():
    X = cohort().with_columns(side="left", turns=0.0)
    reference = TurnsReference.from_normals(X)
    assert reference.clouds == TurnsReference.from_normals(cohort()).clouds
    assert reference.diagnose(X)["conclusion"].tolist() == ["normal"] * 6
    with pytest.raises(ValueError, match=r"columns named as measures, \['turns', 'side'\]: rename"):
        reference.epochs(X)
