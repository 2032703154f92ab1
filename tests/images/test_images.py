"""Segments as images: equal to librosa and matplotlib, segment by segment, in little memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sknemg import (
    Downsampler,
    InvalidRecordingsError,
    MelSpectrogram,
    PlotImage,
    Recordings,
    Segmenter,
    Spectrogram,
)
from sknemg.images._raster import rasterise
from sknemg.images._spectral import mel_filters, n_frames, spectrogram_db
from sknemg.recordings._convert import unpack

SFREQ = 10_000.0
STEPS = [
    MelSpectrogram(),
    MelSpectrogram(reference=1.0, limits=(-60.0, 40.0), dtype="uint8"),
    Spectrogram(),
    Spectrogram(fmin=50, fmax=2500, dtype="uint8"),
    PlotImage(),
    PlotImage((64, 100), limits=None, dtype="float32"),
]
each_step = pytest.mark.parametrize("step", STEPS, ids=repr)


def emg_like(n, n_times=4000, seed=0):
    """Potentials over noise and a slow drift: some 80 dB from the loudest to the faintest band."""
    rng = np.random.default_rng(seed)
    X = rng.normal(scale=0.005, size=(n, n_times))
    X += 0.2 * np.sin(np.linspace(0, 9, n_times) + rng.uniform(0, 6, (n, 1)))
    spike = np.diff(np.exp(-(np.linspace(-3, 3, 61) ** 2)))
    for row in X:
        for start in rng.integers(0, max(1, n_times - 60), 12):
            row[start : start + 60] += rng.uniform(2, 20) * spike[: n_times - start]
    return X.astype(np.float32)


def with_rate(step):
    return clone(step).set_params(input_sfreq=SFREQ)


# -- any container in, the same out --------------------------------------------------------------


@each_step
def test_containers_agree(step):
    X = emg_like(5)
    rows = Recordings([X[:2].ravel(), X[2:].ravel()], sfreq=SFREQ, subject=["a", "b"])
    segments = Segmenter(window=0.4, hop=0.4).fit_transform(rows)
    images = with_rate(step).fit_transform(X)
    assert images.shape[:2] == (5, 1)
    assert images.dtype == step.dtype

    from_rows = step.fit_transform(segments)
    assert isinstance(from_rows, Recordings)
    assert from_rows["subject"].tolist() == ["a", "b"]
    np.testing.assert_array_equal(from_rows.offsets, [0, 2, 5])
    np.testing.assert_array_equal(from_rows.values, images)

    frame = step.fit_transform(segments.to_frame())
    assert isinstance(frame, pd.DataFrame)
    np.testing.assert_array_equal(frame["signal"][1], images[2:])

    listed = with_rate(step).fit_transform(list(segments))
    assert [row.shape[0] for row in listed] == [2, 3]
    np.testing.assert_array_equal(listed[0], images[:2])

    nested = with_rate(step).fit_transform(X[:4].reshape(2, 2, -1))
    np.testing.assert_array_equal(nested.reshape(4, *images.shape[1:]), images[:4])


@each_step
def test_rows_without_segments_are_carried_along(step):
    signal = emg_like(1)[0]
    X = Recordings([signal, signal[:200]], sfreq=SFREQ)
    images = step.fit_transform(Segmenter(short="drop").fit_transform(X))
    assert images.lengths.tolist() == [1, 0]
    nothing = step.fit_transform(images := Segmenter(short="drop").fit_transform(X)[[1]])
    assert len(nothing) == len(images) == 1
    assert nothing.values.shape[0] == 0
    assert nothing.values.ndim == 4


def test_an_array_of_no_rows_keeps_its_axes():
    data, give_back = unpack(np.empty((0, 3, 4000)), item_ndim=1, input_sfreq=SFREQ)
    assert give_back(data.with_values(np.empty((0, 1, 8, 9)))).shape == (0, 3, 1, 8, 9)


@each_step
def test_rate_is_never_guessed(step):
    with pytest.raises(ValueError, match="sampling rate of this input is unknown"):
        step.fit_transform(emg_like(2))
    mixed = Recordings(emg_like(2), sfreq=[10_000, 20_000])
    mixed = Recordings.from_ragged(emg_like(2), [0, 1, 2], mixed.meta)
    with pytest.raises(ValueError, match=r"rates 10000, 20000 Hz: put a Downsampler first"):
        step.fit_transform(mixed)


@each_step
def test_signals_need_a_segmenter(step):
    with pytest.raises(ValueError, match=r"works on segments, .*: put it behind the Segmenter"):
        step.fit_transform(Recordings(emg_like(2), sfreq=SFREQ))


# -- a segment by itself -------------------------------------------------------------------------


@each_step
def test_no_row_depends_on_another(step):
    step = with_rate(step)
    X = emg_like(300)
    others = X.copy()
    others[1:] *= 1000
    others[100:200] = 0
    alone = step.fit_transform(X[:1])
    np.testing.assert_array_equal(step.fit_transform(X)[:1], alone)
    np.testing.assert_array_equal(step.fit_transform(others)[:1], alone)
    shuffled = step.fit_transform(X[::-1])
    np.testing.assert_array_equal(shuffled[::-1], step.fit_transform(X))


@each_step
@pytest.mark.parametrize("level", [0.0, 0.3, -50.0])
def test_flat_segments_give_finite_images(step, level):
    images = with_rate(step).fit_transform(np.full((2, 4000), level))
    assert np.isfinite(images).all()
    np.testing.assert_array_equal(images[0], images[1])


@each_step
def test_peak_memory_is_under_twice_the_output(step):
    step = with_rate(step).fit(emg_like(1))
    X = emg_like(1).repeat(800, axis=0)
    step.transform(X[:1])  # filters are built and modules loaded
    tracemalloc.start()
    try:
        images = step.transform(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert images.nbytes < peak < 2 * images.nbytes


# -- spectra -------------------------------------------------------------------------------------


@pytest.mark.slow  # librosa compiles itself when it is first used
@pytest.mark.parametrize(("n_fft", "hop", "n_mels"), [(256, 32, 64), (512, 64, 128), (301, 77, 40)])
@pytest.mark.parametrize("reference", ["max", 1.0])
def test_mel_is_librosas(n_fft, hop, n_mels, reference):
    librosa = pytest.importorskip("librosa")
    X = emg_like(20)
    limits = (-80.0, 0.0) if reference == "max" else None
    step = MelSpectrogram(
        n_mels, window=n_fft / SFREQ, hop=hop / SFREQ, reference=reference, limits=limits
    )
    images = step.set_params(input_sfreq=SFREQ).fit_transform(X)
    for image, segment in zip(images, X, strict=True):
        power = librosa.feature.melspectrogram(
            y=segment, sr=SFREQ, n_fft=n_fft, hop_length=hop, n_mels=n_mels
        )
        expected = (
            librosa.power_to_db(power, ref=np.max, top_db=80)
            if reference == "max"
            else librosa.power_to_db(power, ref=1.0, top_db=None)
        )
        np.testing.assert_allclose(image[0], expected, atol=1e-3, rtol=0)


def test_a_mel_image_is_bands_of_the_power_of_windowed_frames():
    segment = emg_like(1)[0].astype(float)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    padded = np.pad(segment, 128)
    frames = np.stack([padded[at : at + 256] * window for at in range(0, 4001, 32)])
    power = np.abs(np.fft.rfft(frames, axis=1)).T ** 2
    bands = 10 * np.log10(np.maximum(mel_filters(SFREQ, 256, 64, 0.0, None) @ power, 1e-10))
    step = MelSpectrogram(64, window=256 / SFREQ, hop=32 / SFREQ, input_sfreq=SFREQ)
    image = step.fit_transform(segment[None].astype(np.float32))[0, 0]
    np.testing.assert_allclose(image, np.maximum(bands - bands.max(), -80), atol=1e-3, rtol=0)


@pytest.mark.slow  # librosa compiles itself when it is first used
def test_power_is_librosas():
    librosa = pytest.importorskip("librosa")
    X = emg_like(3)
    expected = np.abs(librosa.stft(X, n_fft=256, hop_length=32)) ** 2
    found = spectrogram_db(X, SFREQ, n_fft=256, hop_length=32, reference=1.0, limits=None)
    expected = 10 * np.log10(np.maximum(expected, 1e-10))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    assert found.shape[2] == n_frames(4000, 32)


def test_a_tone_lies_in_its_bin_and_frame():
    times = np.arange(4000) / SFREQ
    tone = np.sin(2 * np.pi * 1000 * times) * (times >= 0.2)
    step = Spectrogram(window=0.02, hop=0.01, fmin=500, fmax=1500, input_sfreq=SFREQ)
    image = step.fit_transform(tone[None])[0, 0]
    assert image.shape == (21, 41)  # bins of 50 Hz from 500 to 1500, frames of 10 ms
    assert image[:, 30].argmax() == 10
    assert image[:, :19].max() == -80
    assert image[10, 21:40].min() > -0.1  # the last frame is half beyond the end


@pytest.mark.parametrize("step", [MelSpectrogram(), Spectrogram(), PlotImage((8, 9))])
def test_what_is_no_segment_is_not_drawn(step):
    with_nan = emg_like(1)[0].copy()
    with_nan[3] = np.nan
    for wrong in (emg_like(2), with_nan, np.empty(0)):
        with pytest.raises(ValueError, match=r"segment, of shape .* must be one of shape"):
            step.plot(wrong, sfreq=SFREQ)
    with pytest.raises(ValueError, match="sfreq=0 is no rate"):
        step.plot(emg_like(1)[0], sfreq=0)


def test_a_reference_below_silence_is_refused():
    """It would count as silence does, 20 dB above what was asked for."""
    with pytest.raises(ValueError, match="'reference' parameter of MelSpectrogram must be"):
        MelSpectrogram(reference=1e-12, input_sfreq=SFREQ).fit_transform(np.ones((1, 4000)))


def test_reference_in_millivolts_keeps_the_amplitude():
    X = emg_like(1)
    step = MelSpectrogram(reference=1.0, limits=None, input_sfreq=SFREQ)
    louder = step.fit_transform(10 * X) - step.fit_transform(X)
    np.testing.assert_allclose(louder, 20, atol=1e-3)
    relative = MelSpectrogram(input_sfreq=SFREQ)
    np.testing.assert_allclose(relative.fit_transform(10 * X), relative.fit_transform(X), atol=1e-3)


def test_uint8_maps_the_limits():
    X = emg_like(4)
    exact = MelSpectrogram(input_sfreq=SFREQ).fit_transform(X)
    coarse = MelSpectrogram(dtype="uint8", input_sfreq=SFREQ).fit_transform(X)
    np.testing.assert_allclose(coarse / 255 * 80 - 80, exact, atol=80 / 255 / 2 + 1e-4)
    assert coarse.max() == 255


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (MelSpectrogram(limits=None, dtype="uint8"), "uint8 images need limits"),
        (MelSpectrogram(limits=(0, -80)), r"limits=\(0, -80\) must be \(low, high\)"),
        (MelSpectrogram(window=1e-5), "are 0 and 32 samples at 10000 Hz"),
        (MelSpectrogram(300), r"of 300 mel bands hold no bin .* 39\.1 Hz apart: use fewer"),
        (Spectrogram(fmax=6000), "at or below 5000 Hz"),
        (Spectrogram(fmin=3000, fmax=2000), "3000-2000 Hz: let fmin lie below fmax"),
        (Spectrogram(fmin=41, fmax=42), "No bin of a 256-sample window lies between 41 and 42 Hz"),
        (PlotImage(limits=(1, 1)), r"limits=\(1, 1\) must be"),
        (
            PlotImage(limits=(-np.inf, np.inf)),
            r"limits=\(-inf, inf\) must be .* two finite numbers",
        ),
        (PlotImage(limits=(-1, np.inf)), "two finite numbers"),
        (PlotImage(limits=(-1e39, 1)), "two finite numbers"),
        (PlotImage(limits=(1,)), r"limits=\(1,\) must be \(low, high\)"),
        (PlotImage(limits=("a", "b")), r"limits=\('a', 'b'\) must be"),
        (PlotImage(limits=(False, True)), r"limits=\(False, True\) must be"),
        (MelSpectrogram(limits=(-np.inf, 0), dtype="uint8"), "two finite numbers"),
        (MelSpectrogram(limits=(-80, 0, 3)), r"limits=\(-80, 0, 3\) must be .* two numbers"),
        (MelSpectrogram(limits=("a", "b")), r"limits=\('a', 'b'\) must be"),
        (Spectrogram(limits=(np.nan, 0)), r"limits=\(nan, 0\) must be"),
        (Spectrogram(limits=(None, 0)), r"limits=\(None, 0\) must be"),
        (PlotImage((64,)), r"size=\(64,\) must be \(height, width\), two integers >= 1"),
        (PlotImage((64, 64, 3)), r"size=\(64, 64, 3\) must be"),
        (PlotImage((64.5, 64)), r"size=\(64.5, 64\) must be"),
        (PlotImage((0, 64)), r"size=\(0, 64\) must be"),
        (PlotImage((-8, 8)), r"size=\(-8, 8\) must be"),
        (PlotImage((True, 8)), r"size=\(True, 8\) must be"),
        (PlotImage(("8", "8")), r"size=\('8', '8'\) must be"),
    ],
)
def test_errors_say_what_to_do(step, message):
    with pytest.raises(ValueError, match=message):
        with_rate(step).fit_transform(emg_like(1))
    if "limits=" in message or "size=" in message:  # said before there is anything to draw
        with pytest.raises(ValueError, match=message):
            with_rate(step).fit(emg_like(1))
        with pytest.raises(ValueError, match=message):
            step.plot(emg_like(1)[0], sfreq=SFREQ)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [MelSpectrogram, Spectrogram])
def test_decibels_may_have_no_limit_on_one_side(kind):
    from matplotlib.figure import Figure

    X = emg_like(2)
    every = kind(limits=None, input_sfreq=SFREQ).fit_transform(X)
    lowest, highest = kind(limits=(-np.inf, -20.0)), kind(limits=(-20.0, np.inf))
    np.testing.assert_array_equal(with_rate(lowest).fit_transform(X), np.minimum(every, -20))
    np.testing.assert_array_equal(with_rate(highest).fit_transform(X), np.maximum(every, -20))
    axes = lowest.plot(X[0], sfreq=SFREQ, ax=Figure().subplots())
    low, high = axes.images[-1].get_clim()
    assert low == pytest.approx(every[0].min())
    assert high == -20


# -- lines ---------------------------------------------------------------------------------------


def matplotlib_line(segment, limits, line_width, size):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = size
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.plot(segment, color="k", linewidth=line_width * 0.72)
    axes.set(xlim=(0, len(segment) - 1), ylim=limits)
    canvas.draw()
    return 255 - np.asarray(canvas.buffer_rgba())[..., 0].astype(float)


@pytest.mark.parametrize("line_width", [1.4, 2.0, 3.0])
@pytest.mark.parametrize(("n_times", "least", "at_worst"), [(4000, 0.98, 0.96), (100, 0.95, 0.9)])
def test_lines_are_matplotlibs(line_width, n_times, least, at_worst):
    X = emg_like(10, n_times)
    size, limits = (299, 299), (-3.0, 3.0)
    images = rasterise(X, size=size, limits=limits, line_width=line_width)
    likeness = [
        np.corrcoef(image.ravel(), matplotlib_line(x, limits, line_width, size).ravel())[0, 1]
        for image, x in zip(images, X, strict=True)
    ]
    assert np.mean(likeness) > least
    assert np.min(likeness) > at_worst


def test_fixed_scale_keeps_the_amplitude_and_clips():
    X = np.stack([np.full(4000, level) for level in (0, 2.5, 5, 100, -100)])
    images = rasterise(X, size=(100, 20), limits=(-5, 5), line_width=2)
    rows = [np.flatnonzero(image[:, 10]).mean() for image in images]
    np.testing.assert_allclose(rows[:2], [49.5, 24.5])  # up is positive
    assert images[2, 0].min() > 200  # at the limit the line is still seen
    np.testing.assert_array_equal(images[3], images[2])
    assert images[4, -1].min() > 200


def test_own_scale_fills_the_height_whatever_the_amplitude():
    X = emg_like(3)
    images = rasterise(X, limits=None)
    np.testing.assert_array_equal(images, rasterise(X * 8, limits=None))
    assert (images[:, 0].max(axis=1) > 0).all()
    assert (images[:, -1].max(axis=1) > 0).all()
    flat = rasterise(np.full((1, 4000), 7.0), size=(51, 10), limits=None, line_width=1)
    assert flat[0, 25].min() == 255
    assert np.delete(flat[0], 25, axis=0).max() == 0


@pytest.mark.parametrize("n_times", [1, 2, 3, 37, 298, 1495, 1496, 1497, 5001])
def test_the_line_is_never_interrupted(n_times):
    rng = np.random.default_rng(n_times)
    images = rasterise(rng.normal(size=(4, n_times)), limits=(-3, 3))
    assert (images.max(axis=1) > 0).all()
    inked = images > 0
    first = inked.argmax(axis=1)
    last = inked.shape[1] - 1 - inked[:, ::-1].argmax(axis=1)
    assert (np.maximum(first[:, 1:], first[:, :-1]) <= np.minimum(last[:, 1:], last[:, :-1])).all()


def test_every_extreme_is_seen():
    X = np.zeros((3, 4000))
    for row, at in enumerate((0, 1777, 3999)):
        X[row, at] = 4.0
    images = rasterise(X, limits=(-5, 5))
    assert (images[:, 30:35].max(axis=(1, 2)) > 0).all()  # 4 mV is the 30th row


# -- pictures ------------------------------------------------------------------------------------


@each_step
def test_plot_has_physical_axes(step):
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, axes = plt.subplots()
    try:
        drawn = step.plot(emg_like(1)[0], sfreq=SFREQ, ax=axes)
        assert drawn is axes
        assert axes.get_xlabel() == "time (s)"
        assert axes.get_ylabel() in {"frequency (Hz)", "mV", "own range"}
        left, right, low, high = axes.images[0].get_extent()
        assert left <= 0 < 0.4 <= right < 0.41
        if isinstance(step, PlotImage) and step.limits:
            assert (low, high) == step.limits
        if isinstance(step, Spectrogram):
            top = step.fmax or SFREQ / 2
            assert abs(low - step.fmin) < 40
            assert abs(high - top) < 40
        with pytest.raises(ValueError, match="give sfreq in hertz"):
            step.plot(emg_like(1)[0], ax=axes)
    finally:
        plt.close(figure)


@pytest.mark.slow  # librosa compiles itself when it is first used
def test_real_recordings_stay_within_librosa(data_dir):
    wfdb, librosa = pytest.importorskip("wfdb"), pytest.importorskip("librosa")
    record = wfdb.rdrecord(str(data_dir / "emgdb" / "emg_neuropathy"))
    X = Recordings([record.p_signal[:8000, 0]], sfreq=record.fs, subject=["a"])
    segments = Segmenter().fit_transform(Downsampler(upsample=True).fit_transform(X))
    images = MelSpectrogram().fit_transform(segments)
    for image, segment in zip(images[0], segments[0], strict=True):
        power = librosa.feature.melspectrogram(
            y=segment, sr=SFREQ, n_fft=256, hop_length=32, n_mels=64
        )
        np.testing.assert_allclose(
            image[0], librosa.power_to_db(power, ref=np.max), atol=1e-3, rtol=0
        )


@pytest.mark.parametrize("step", [MelSpectrogram(dtype="uint8"), PlotImage()])
def test_segments_that_are_not_finite_make_no_picture(step):
    X = Segmenter().fit_transform(Recordings(np.tile(emg_like(3), 2), sfreq=SFREQ))
    values = X.values.copy()
    values[[0, 5], 3] = np.nan
    with pytest.raises(InvalidRecordingsError) as caught:
        step.transform(X.with_values(values))
    assert caught.value.problems["row"].tolist() == [0, 1]


@pytest.mark.parametrize("make", [MelSpectrogram, Spectrogram, PlotImage])
def test_no_recordings_give_no_images(make):
    signals = np.random.default_rng(0).normal(size=(2, 5000)).astype("float32")
    segments = Segmenter().fit_transform(Recordings(signals, sfreq=SFREQ))
    step = make().fit(segments)
    full, none = step.transform(segments), step.transform(segments[[]])
    assert len(none) == 0 and len(full) == 2
    assert none.items.dtype == full.items.dtype and none.items.shape[:2] == (0, 1)
    known = make(input_sfreq=SFREQ).fit(segments).transform(segments[[]])
    assert known.items.shape[1:] == full.items.shape[1:]
