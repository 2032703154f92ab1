"""Augmentation: what it does to a row, and that only training rows ever meet it."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier

from sknemg import DiVoteClassifier, NEMGNetClassifier, SignalAugmenter, SpectrogramAugmenter
from sknemg.augmentation import retime

SFREQ = 10_000.0
OFF = {"gain": 1.0, "noise": 0.0, "mains": 0.0, "shift": 0.0, "warp": 0.0}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def signal_step(**options):
    return SignalAugmenter(input_sfreq=SFREQ, **(OFF | options))


def segments(n=8, n_times=2000, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(n, n_times)).astype(np.float32))


def images(n=6, dtype=torch.float32):
    values = torch.randint(1, 255, (n, 1, 20, 40), generator=generator())
    return values.to(dtype)


# -- what a step does ----------------------------------------------------------------------------


def test_everything_off_changes_nothing():
    X = segments()
    torch.testing.assert_close(signal_step()(X, generator()), X, rtol=0, atol=0)
    still = SpectrogramAugmenter(time_mask=0, frequency_mask=0, shift=0)
    torch.testing.assert_close(still(images(), generator()), images(), rtol=0, atol=0)


def test_gain_is_one_factor_a_row_within_its_bounds():
    X = segments(200)
    factors = signal_step(gain=2.0)(X, generator()) / X
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors), rtol=1e-4, atol=1e-4)
    assert 0.5 <= factors.min() < 0.55
    assert 1.8 < factors.max() <= 2.0
    assert abs(torch.log(factors[:, 0]).mean()) < 0.1


def test_noise_is_in_millivolts():
    X = torch.zeros(400, 2000)
    sd = signal_step(noise=0.02)(X, generator()).std(dim=1)
    assert sd.max() < 0.021
    assert abs(sd.mean() - 0.01) < 0.001


def test_mains_hums_at_its_frequencies():
    X = torch.zeros(60, 4000)
    hum = signal_step(mains=0.01, mains_frequencies=(50.0, 60.0))(X, generator()).numpy()
    assert 0.008 < np.abs(hum).max() <= 0.01
    spectrum = np.abs(np.fft.rfft(hum, 10_000, axis=1))
    peaks = spectrum.argmax(axis=1)  # bins of 1 Hz
    assert set(np.round(peaks, -1)) == {50, 60}


def test_polarity_is_off_by_default_and_flips_whole_rows():
    assert SignalAugmenter().polarity == 0
    X = segments(400)
    signs = signal_step(polarity=0.25)(X, generator()) / X
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert 0.15 < (signs[:, 0] < 0).float().mean() < 0.35
    assert (signs == signs[:, :1]).all()


def test_shift_moves_what_lies_inside_unchanged():
    X = torch.zeros(50, 2000)
    X[:, 900:1100] = segments(1)[:, :200]
    moved = signal_step(shift=0.05)(X, generator())
    offsets = []
    for row, new in zip(X, moved, strict=True):
        first = int(torch.nonzero(new)[0])
        offsets.append(900 - first)
        torch.testing.assert_close(new, torch.roll(row, first - 900), rtol=0, atol=0)
    assert -500 <= min(offsets) < -300
    assert 300 < max(offsets) <= 500


def test_the_seam_of_a_shift_is_no_spike():
    ramp = torch.linspace(-1, 1, 2000)[None]
    start, pace = torch.full((1, 1), 1000.0), torch.ones(1, 1)
    moved = retime(ramp, start, pace, seam=10.0)
    assert torch.diff(moved).abs().max() < 0.15  # 2 mV in one sample without the bend
    torch.testing.assert_close(moved[:, :900], ramp[:, 1000:1900], atol=1e-3, rtol=0)


def test_warp_changes_the_pace():
    times = torch.arange(4000, dtype=torch.float64) / SFREQ
    tone = torch.sin(2 * torch.pi * 1000 * times).float().expand(60, -1)
    warped = signal_step(warp=0.1)(tone, generator()).numpy()
    middle = warped[:, 100:3500]
    rates = np.abs(np.fft.rfft(middle * np.hanning(3400), 40_000, axis=1)).argmax(axis=1) / 4
    assert 899 <= rates.min() < 930
    assert 1070 < rates.max() <= 1101
    # A tenth of the sampling rate: cubic interpolation keeps its amplitude.
    assert (np.abs(middle).max(axis=1) > 0.98).all()


def test_steps_keep_shape_dtype_and_input():
    for X in (segments(), segments().double(), segments(8, 600).reshape(4, 2, 600)):
        kept = X.clone()
        new = SignalAugmenter(input_sfreq=SFREQ)(X, generator())
        assert (new.shape, new.dtype) == (X.shape, X.dtype)
        assert torch.isfinite(new).all()
        torch.testing.assert_close(X, kept, rtol=0, atol=0)
    for dtype in (torch.float32, torch.uint8):
        kept = images(dtype=dtype)
        new = SpectrogramAugmenter()(X := images(dtype=dtype), generator())
        assert (new.shape, new.dtype) == (X.shape, X.dtype)
        torch.testing.assert_close(X, kept, rtol=0, atol=0)


def test_chance_comes_from_the_generator_alone():
    for step, X in (
        (SignalAugmenter(input_sfreq=SFREQ), segments()),
        (SpectrogramAugmenter(), images()),
    ):
        state = torch.get_rng_state()
        first, again = step(X, generator(1)), step(X, generator(1))
        torch.testing.assert_close(first, again, rtol=0, atol=0)
        assert not torch.equal(first, step(X, generator(2)))
        assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(("parameter", "axis"), [("time_mask", 3), ("frequency_mask", 2)])
def test_masks_are_silent_stretches_of_bounded_size(parameter, axis):
    X = images(300)
    options = {"time_mask": 0, "frequency_mask": 0, "shift": 0} | {parameter: 0.25}
    new = SpectrogramAugmenter(**options)(X, generator())
    length = X.shape[axis]
    others = [other for other in (1, 2, 3) if other != axis]
    silent = (new == X.amin(dim=(1, 2, 3), keepdim=True)).all(dim=others[1]).all(dim=others[0])
    widths = silent.sum(dim=1)
    assert widths.max() == length // 4
    assert widths.min() == 0
    unchanged = new == X
    assert unchanged.sum(dim=(1, 2, 3)).min() >= 0.75 * X[0].numel()
    edges = torch.diff(silent.int(), dim=1).abs().sum(dim=1)
    assert edges.max() <= 2  # one stretch a row


def test_spectrogram_shift_is_a_roll_in_time():
    X = images(100)
    new = SpectrogramAugmenter(time_mask=0, frequency_mask=0, shift=0.1)(X, generator())
    rolls = torch.stack([torch.roll(X, step, dims=3) for step in range(-4, 5)])
    matches = (rolls == new).all(dim=4).all(dim=3).all(dim=2)
    assert matches.any(dim=0).all()
    assert matches.any(dim=1).all()  # each of the nine shifts occurs


@pytest.mark.parametrize(
    ("step", "X", "message"),
    [
        (SignalAugmenter(), segments(), "sampling rate of these segments is unknown"),
        (signal_step(), images(dtype=torch.uint8), "must be floats in millivolts"),
        (SpectrogramAugmenter(), segments(), r"Images .* \(n_segments, n_chans, height, width\)"),
        (signal_step(warp=0.3), segments(), r"'warp' parameter .* range \[0.0, 0.2\]"),
    ],
)
def test_errors(step, X, message):
    with pytest.raises(ValueError, match=message):
        step(X, generator())


@pytest.mark.parametrize("given", [(), [], (50, "60"), (0,), (-50,), (np.nan,), (np.inf,)])
def test_frequencies_of_mains_are_numbers_above_zero(given):
    with pytest.raises(ValueError, match=r"mains_frequencies=.* must be one or more numbers > 0"):
        signal_step(mains=0.1, mains_frequencies=given)(segments(), generator())
    assert signal_step(mains=0, mains_frequencies=given)(segments(), generator()).shape


# -- the sampler ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "X"),
    [
        (SignalAugmenter(50, input_sfreq=SFREQ, random_state=3), segments(8).numpy()),
        (SpectrogramAugmenter(50, random_state=3), images(8, torch.uint8).numpy()),
    ],
)
def test_sampler_returns_exactly_n_augmented(step, X):
    y = np.array(list("aabbbbcc"))
    augmented, labels = step.fit_resample(X, y)
    assert augmented.shape == (50, *X.shape[1:])
    assert augmented.dtype == X.dtype
    np.testing.assert_array_equal(augmented[:8], X)
    np.testing.assert_array_equal(labels, y[step.sample_indices_])
    counts = np.bincount(step.sample_indices_)
    assert counts.max() - counts.min() <= 1
    assert len(np.unique(augmented.reshape(50, -1), axis=0)) > 45  # few masks are empty by chance
    again, _ = clone(step).fit_resample(X, y)
    np.testing.assert_array_equal(again, augmented)


def test_sampler_doubles_by_default_and_refuses_fewer():
    X, y = segments(8).numpy(), np.arange(8) % 2
    assert len(SignalAugmenter(input_sfreq=SFREQ).fit_resample(X, y)[0]) == 16
    with pytest.raises(ValueError, match="n_augmented=5 must be an integer >= 8"):
        SignalAugmenter(5, input_sfreq=SFREQ).fit_resample(X, y)


# -- never validation, never test ----------------------------------------------------------------


class Witness(SignalAugmenter):
    """An augmenter that writes down whose rows it is shown: their first sample names them."""

    shown: ClassVar[set] = set()

    def _vary(self, batch, generator):
        type(self).shown |= set(batch[:, 0].int().tolist())
        new = super()._vary(batch, generator)
        new[:, 0] = batch[:, 0] + 1000  # an augmented row can be told from a given one
        return new


class Recorder(KNeighborsClassifier):
    """A classifier that writes down what it was fitted on and asked about."""

    fitted: ClassVar[list] = []
    asked: ClassVar[list] = []

    def fit(self, X, y):
        type(self).fitted.append(X[:, 0].copy())
        return super().fit(X, y)

    def predict_proba(self, X):
        type(self).asked.append(X[:, 0].copy())
        return super().predict_proba(X)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def labelled_rows(n_subjects=9, n_each=4, n_times=256):
    """Rows whose first sample is the number of their subject."""
    subjects = np.repeat(np.arange(n_subjects), n_each)
    X = segments(len(subjects), n_times).numpy()
    X[:, 0] = subjects
    return X, np.array(["myopathy", "neuropathy", "normal"])[subjects % 3], subjects


@pytest.fixture
def clean_notes():
    Witness.shown, Recorder.fitted, Recorder.asked = set(), [], []


def test_classifier_augments_training_rows_only(clean_notes):
    X, y, subjects = labelled_rows()
    options = {"width": 4, "max_epochs": 4, "eval_every": 1, "short": "pad", "validation": 0.34}
    model = NEMGNetClassifier(
        "A", **options, augment=Witness(input_sfreq=SFREQ), random_state=0, device="cpu"
    )
    model.fit(X, y, groups=subjects)
    held_out = set(subjects) - Witness.shown
    assert len(held_out) == 3  # one validation subject of each class was never shown
    assert len({subject % 3 for subject in held_out}) == 3
    Witness.shown = set()
    plain = clone(model).set_params(augment=None).fit(X, y, groups=subjects)
    proba = model.predict_proba(X)
    assert Witness.shown == set()  # nor is any row that is predicted
    np.testing.assert_array_equal(proba, model.predict_proba(X))
    assert not np.array_equal(proba, plain.predict_proba(X))


def test_pipeline_augments_training_folds_only(clean_notes):
    X, y, subjects = labelled_rows()
    pipeline = make_pipeline(Witness(100, input_sfreq=SFREQ, random_state=0), Recorder(3))
    folds = list(GroupKFold(3).split(X, y, subjects))
    for train, test in folds:
        Witness.shown = set()
        cross_validate(pipeline, X, y, cv=[(train, test)])
        assert Witness.shown == set(subjects[train])
    for (train, test), fitted, asked in zip(folds, Recorder.fitted, Recorder.asked, strict=True):
        assert len(fitted) == 100
        assert set(fitted.astype(int) % 1000) == set(subjects[train])
        np.testing.assert_array_equal(asked, X[test, 0])


def test_divote_augments_training_recordings_only(clean_notes, make_ragged):
    from sknemg import Segmenter

    X, y = make_ragged()
    X = Segmenter().fit_transform(X)
    number = X["subject"].str[1:].astype(int).to_numpy()
    X.values[:, 0] = number[X.row_index]
    train = number < 6
    inner = make_pipeline(Witness(200, input_sfreq=1000, random_state=0), Recorder(3))
    model = DiVoteClassifier(inner, subject_features="all").fit(X[train], y[train])
    assert Witness.shown == set(range(6))
    assert len(Recorder.fitted[0]) == 200
    Recorder.asked = []
    model.predict(X[~train])
    assert Witness.shown == set(range(6))
    asked = X[~train].values[:, 0]  # the batch is filled up behind them
    np.testing.assert_array_equal(Recorder.asked[0][: len(asked)], asked)
