"""Votes while a patient is recorded, held to those of the whole recordings."""

import re
import warnings

import numpy as np
import pytest
from _chunks import chunks
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    Recordings,
    Segmenter,
    SegmentFeatures,
    export_onnx,
    load_model,
)
from sknemg.diagnosis import Diagnostician, StreamingDiagnosis

SFREQ = 2400.0


def cohort(n_subjects=12, seed=0, location=True):
    """Bursts of noise whose size is the class's."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n_subjects), 3)
    size = np.exp(0.7 * (who % 3) + 0.3 * rng.normal(size=n_subjects)[who])
    lengths = rng.integers(1900, 3100, size=len(who))
    signals = [s * rng.normal(size=n) * (0.1 + rng.uniform(size=n)) + 0.2
               for s, n in zip(size, lengths, strict=True)]  # fmt: skip
    columns = {"location": np.tile(["proximal", "distal", "distal"], n_subjects)}
    names = np.array(["myopathy", "neuropathy", "normal"])
    X = Recordings(signals, sfreq=SFREQ, subject=who, **(columns if location else {}))
    return X, names[who % 3]


def pipeline(rate=1000, window=0.4, hop=0.1, short="raise", down=True):
    linear = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    steps = [Downsampler(rate)] if down else []
    return make_pipeline(
        *steps, Segmenter(window, hop, short=short), SegmentFeatures(), DiVoteClassifier(linear)
    )


@pytest.fixture(scope="module")
def trained():
    return Diagnostician(pipeline(), cv=2).fit(*cohort())


@pytest.fixture(scope="module")
def light(trained, tmp_path_factory):
    pytest.importorskip("onnxruntime", reason="the extra inference is not installed")
    pytest.importorskip("onnx", reason="the extra inference is not installed")
    file = tmp_path_factory.mktemp("light") / "model.onnx"
    export_onnx(trained, file)
    return load_model(file)


def play(stream, signal, largest):
    votes = [vote for chunk in chunks(signal, largest) for vote in stream.push(chunk)]
    return votes + stream.finish()


# -- votes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("largest", [60, 900, 10_000])
def test_votes_are_those_of_the_whole_recordings_bit_for_bit(light, largest):
    X, _ = cohort(3, seed=1)
    levels = light.estimator_[-1].levels(light.estimator_[:-1].transform(X))
    labels = light.classes_.tolist()
    stream = StreamingDiagnosis(light, SFREQ, location="proximal")
    for row in range(3):
        if row:
            stream.next_recording(location=X["location"][row])
        votes = play(stream, X[row], largest)
        own = levels.items[levels.items["recording"] == row]
        assert_array_equal([vote.scores for vote in votes], own[labels].to_numpy())
        assert_allclose([vote.start for vote in votes], own["start"].to_numpy(), atol=1e-9)
        assert [vote.recording for vote in votes] == [row] * len(own)
        assert_array_equal(stream.recording_scores, levels.recordings[labels].to_numpy()[row])
    (found,) = light.diagnose(X[:3])
    assert stream.probabilities == found.probabilities
    assert stream.answer == found.answer


def bad_recordings(X):
    """What cannot be judged, by the reason."""
    time = np.arange(3000) / SFREQ
    noise = 0.002 * np.random.default_rng(0).normal(size=3000)
    return {
        "flat": np.zeros(3000),
        "unit": 1000 * X[0],
        "mains hum": np.sin(2 * np.pi * 50 * time) + noise,
        "s long, shorter than": X[0][:500],
        "clipped": np.clip(X[0], -0.3, 0.5),
    }


@pytest.mark.parametrize("largest", [300, 10_000])
def test_a_whole_recording_is_judged_as_afterwards(light, largest):
    X, _ = cohort(3, seed=1)
    for reason, bad in bad_recordings(X).items():
        stream = StreamingDiagnosis(light, SFREQ, location="proximal")
        signals = [X[0], bad, X[2]]
        for row, signal in enumerate(signals):
            if row:
                stream.next_recording(location="distal")
            votes = play(stream, signal, largest)
            assert {vote.recording for vote in votes} <= {row}
            assert (reason in stream.unusable) == (row == 1), (reason, stream.unusable)
        whole = Recordings(signals, sfreq=SFREQ, subject="patient",
                           location=["proximal", "distal", "distal"])  # fmt: skip
        (found,) = light.diagnose(whole)
        streamed = stream.diagnosis()
        assert streamed.recordings.equals(found.recordings)
        assert streamed.probabilities == found.probabilities == stream.probabilities
        assert streamed.answer == found.answer == stream.answer
        assert streamed.reasons == found.reasons and reason in found.reasons[0]
        assert stream.reasons == ()


def test_a_patient_that_cannot_be_judged_is_told_while_recording(light):
    X, _ = cohort(3, seed=1)
    bad = bad_recordings(X)
    stream = StreamingDiagnosis(light, SFREQ, location="proximal")
    marks = [vote.remark for chunk in chunks(bad["mains hum"], 300) for vote in stream.push(chunk)]
    assert marks and all("mains hum" in mark for mark in marks)
    assert "mains hum" in stream.examine()["unusable"] and stream.answer  # it is not over yet
    stream.finish()
    assert stream.answer == () == tuple(stream.probabilities) and "mains hum" in stream.reasons[0]
    for row, signal in enumerate((X[1], bad["unit"])):
        stream.next_recording(location="distal")
        play(stream, signal, 300)
        assert (stream.answer == ()) == (row == 1)  # one of two is no majority, two of three is
    with warnings.catch_warnings():  # the stream's remarks have said it
        warnings.simplefilter("error")
        found = stream.diagnosis("S1")
    assert found.subject == "S1" and found.text == "cannot be judged"
    assert found.reasons == stream.reasons and len(found.reasons) == 2


def test_what_can_be_asked_only_of_a_diagnostician_and_when(light):
    X, _ = cohort(1)
    pipe = StreamingDiagnosis(light.estimator_, SFREQ, location="proximal")
    play(pipe, X[0], 900)
    assert pipe.reasons == () and pipe._chunks == [] == pipe._kept  # nothing is kept
    for ask in (pipe.examine, pipe.diagnosis):
        with pytest.raises(TypeError, match="give a Diagnostician"):
            ask()
    stream = StreamingDiagnosis(light, SFREQ, location="proximal")
    with pytest.raises(ValueError, match="push samples first"):
        stream.examine()
    buffer = np.array(X[0])
    stream.push(buffer)
    buffer[:] = 0  # as a machine that writes its next samples there
    with pytest.raises(ValueError, match="call finish first"):
        stream.diagnosis()
    stream.finish()
    assert stream.unusable == ""


def test_votes_of_a_folder_model_agree_up_to_rounding(trained):
    X, _ = cohort(3, seed=2)
    stream = StreamingDiagnosis(trained, SFREQ, location="proximal")
    for row in range(3):
        play(stream, X[row], 500)
        stream.next_recording(location=X["location"][min(row + 1, 2)])
    (found,) = trained.diagnose(X[:3])
    assert stream.answer == found.answer
    for label, probability in found.probabilities.items():
        assert stream.probabilities[label] == pytest.approx(probability, abs=1e-6)


@pytest.mark.parametrize("pooling", ["geometric", "entropy", "trimmed"])
def test_every_rule_of_votes_streams(pooling):
    X, y = cohort(9)
    y = np.sort(y)  # which have nothing to do with the signals: no vote is sure
    pipe = pipeline().set_params(
        divoteclassifier__pooling=pooling, divoteclassifier__recording_weights="length"
    )
    pipe.fit(X, y)
    stream = StreamingDiagnosis(pipe, SFREQ, location="proximal")
    for row in range(3):
        play(stream, X[row], 900)
        if row < 2:
            stream.next_recording(location=X["location"][row + 1])
    expected = pipe.predict_proba(X[:3])[0]
    assert_allclose([stream.probabilities[label] for label in pipe.classes_], expected, atol=1e-6)
    pipe.set_params(divoteclassifier__pooling="mean", divoteclassifier__recording_weights="uniform")
    assert np.abs(pipe.predict_proba(X[:3])[0] - expected).max() > 1e-4  # the rules differ here


def test_a_vote_comes_as_soon_as_its_window_is_full():
    X, y = cohort(location=False)
    stream = StreamingDiagnosis(pipeline(down=False).fit(X, y), SFREQ)
    for sample, value in enumerate(X[0]):
        for vote in stream.push([value]):
            assert sample == round(vote.stop * SFREQ) - 1
        assert len(stream._wave) <= 0.5 * SFREQ + 2
    assert len(stream.votes) + len(stream.finish()) == (X.durations[0] - 0.4) // 0.1 + 1


@pytest.mark.parametrize("rate", [1000.0, 937.5, 1111.0])
@pytest.mark.parametrize(("window", "hop"), [(0.4, 0.1), (0.333, 0.0777), (0.2, 0.3)])
def test_windows_of_no_whole_number_of_samples(rate, window, hop):
    X, y = cohort(6, location=False)
    pipe = pipeline(rate, window, hop).fit(X, y)
    segments = pipe[:2].transform(X[:2])
    for row in range(2):
        stream = StreamingDiagnosis(pipe, SFREQ)
        seen = []
        stream._vote = lambda k, window, start, seen=seen, stream=stream: (
            seen.append(window.copy()), stream.votes.append(None))  # fmt: skip
        play(stream, X[row], 90)
        assert_array_equal(seen, segments[row])


def test_the_answer_grows_with_the_windows(trained):
    X, _ = cohort(3, seed=1)
    stream = StreamingDiagnosis(trained, SFREQ, location="distal")
    assert (stream.probabilities, stream.answer, stream.votes) == ({}, (), [])
    assert np.isnan(stream.recording_scores).all()
    stream.push(X[0][:1500])
    assert stream.answer
    assert_allclose(sum(stream.probabilities.values()), 1)
    scores = [vote.scores for vote in stream.votes]
    assert_allclose(stream.recording_scores, np.mean(scores, axis=0))


def test_a_window_that_should_not_be_trusted_says_so(trained):
    X, _ = cohort(3, seed=1)
    stream = StreamingDiagnosis(trained, SFREQ, location="distal")
    stream.push(np.full(3000, 0.1))
    assert {vote.remark for vote in stream.votes} == {"flat"}
    stream = StreamingDiagnosis(trained, SFREQ, location="distal")
    stream.push(1000 * X[0])
    assert re.search(r"a peak \d+ times that of training \(unit\?\)", stream.votes[1].remark)
    right = StreamingDiagnosis(trained, SFREQ, location="distal", unit="uV")
    right.push(1000 * X[0])
    assert {vote.remark for vote in right.votes} == {""}


@pytest.mark.parametrize(("short", "n_votes"), [("drop", 0), ("pad", 1)])
def test_a_recording_shorter_than_a_window(short, n_votes):
    X, y = cohort(location=False)
    pipe = pipeline(short=short).fit(X, y)
    stream = StreamingDiagnosis(pipe, SFREQ)
    stream.push(X[0][:700])
    assert len(stream.finish()) == n_votes
    if n_votes:
        one = Recordings([X[0][:700]], sfreq=SFREQ, subject="a")
        assert_allclose(list(stream.probabilities.values()), pipe.predict_proba(one)[0], atol=1e-6)
    strict = StreamingDiagnosis(pipeline().fit(X, y), SFREQ)
    strict.push(X[0][:700])
    with pytest.raises(ValueError, match=r"has 0.29 s, one window has 0.4 s: record longer"):
        strict.finish()
    strict.next_recording()
    assert strict.push(X[0])


def test_what_is_wrong_is_said(trained):
    X, y = cohort(location=False)
    made = {"location": "distal"}
    with pytest.raises(ValueError, match="below the 1000 Hz of the model"):
        StreamingDiagnosis(trained, 900, **made)
    with pytest.raises(ValueError, match=r"sfreq=48 Hz \(kilohertz\?\) is below the 1000 Hz"):
        StreamingDiagnosis(trained, 48, **made)
    with pytest.raises(ValueError, match="give `location`"):
        StreamingDiagnosis(trained, SFREQ)
    with pytest.raises(ValueError, match="location='arm' must be one of"):
        StreamingDiagnosis(trained, SFREQ, location="arm")
    with pytest.raises(ValueError, match="unit='kV' is unknown"):
        StreamingDiagnosis(trained, SFREQ, unit="kV", **made)
    for none in (-1, True, "1000", np.nan):
        with pytest.raises(ValueError, match=r"sfreq=.* is no rate"):
            StreamingDiagnosis(trained, none, **made)
    other = make_pipeline(Downsampler(1000, method="fft"), *pipeline(down=False)).fit(X, y)
    with pytest.raises(TypeError, match="Downsampler by method='soxr'"):
        StreamingDiagnosis(other, SFREQ)
    plain = pipeline(down=False).fit(X, y)  # votes at another rate would mean nothing
    assert StreamingDiagnosis(plain, SFREQ).push(X[0])
    with pytest.raises(ValueError, match=f"has learned from {SFREQ:g} Hz: record at that rate"):
        StreamingDiagnosis(plain, 2 * SFREQ)
    with pytest.raises(TypeError, match="of no steps: give a Pipeline"):
        StreamingDiagnosis(LinearDiscriminantAnalysis().fit(np.eye(4), list("aabb")), SFREQ)
    stream = StreamingDiagnosis(trained, SFREQ, **made)
    for bad in (np.nan, np.inf, 1e9):
        with pytest.raises(ValueError, match="NaN, infinite or beyond 1e"):
            stream.push([0.0, bad])
    with pytest.raises(ValueError, match=r"shape \(2, 3\): give one signal"):
        stream.push(np.zeros((2, 3)))
    play(stream, X[0], 1000)
    assert stream.finish() == []
    with pytest.raises(ValueError, match="is finished: call next_recording"):
        stream.push([0.0])


def test_an_empty_chunk_is_no_recording(trained):
    stream = StreamingDiagnosis(trained, sfreq=SFREQ, location="distal")
    assert stream.push([]) == []
    stream.next_recording(location="distal")
    with pytest.raises(ValueError, match="Nothing is recorded"):
        stream.examine()
    assert stream.unusable == ""
