"""Masked samples are refused by row, whatever they come in: numpy would give what is behind."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sknemg import (
    BandPass,
    DiVoteClassifier,
    Downsampler,
    InvalidRecordingsError,
    MelSpectrogram,
    NEMGNetClassifier,
    PlotImage,
    Segmenter,
    SegmentFeatures,
    SignalAugmenter,
    TimmClassifier,
)
from sknemg.divote._votes import check_weights
from sknemg.recordings._problems import refuse_masked

Y = ["myopathy", "normal"] * 2
SAID = "1 unusable recording:\n  row 2: masked samples"


def masked(*shape):
    """An array with a sample of its third row masked."""
    array = np.ma.masked_array(np.random.default_rng(0).normal(0, 0.1, shape), mask=False)
    array[(2, *(5 for _ in shape[1:-1]), 100)] = np.ma.masked
    array.data[2, ..., 100] = 30
    return array


STEPS = [
    BandPass(input_sfreq=1e4),
    Downsampler(5e3, input_sfreq=1e4),
    Segmenter(window=0.1, hop=0.1, input_sfreq=1e4),
    SegmentFeatures(input_sfreq=1e4),
    MelSpectrogram(input_sfreq=1e4),
    PlotImage(input_sfreq=1e4),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_steps_refuse_them_in_an_array(step):
    X = masked(4, 2000)
    with pytest.raises(InvalidRecordingsError, match=SAID):
        step.fit(X)
    step.fit(X.data)
    for given in (X, list(X)):
        with pytest.raises(InvalidRecordingsError, match=SAID):
            step.transform(given)
    assert len(step.transform(np.ma.masked_array(X.data))) == 4  # a mask that masks nothing


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (NEMGNetClassifier("A", width=2, max_epochs=1, random_state=0), (4, 1010)),
        (TimmClassifier("test_resnet", image_size=32, max_epochs=1, random_state=0), (4, 20, 110)),
        (DiVoteClassifier(LogisticRegression()), (4, 110)),
        (DiVoteClassifier(LogisticRegression()), (4, 6, 110)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_models_refuse_them_in_fit_and_in_predict(model, shape):
    X = masked(*shape)
    with pytest.raises(InvalidRecordingsError, match=SAID):
        model.fit(X, Y)
    model.fit(X.data, Y)
    for given in (X, list(X)):
        with pytest.raises(InvalidRecordingsError, match=SAID):
            model.predict(given)
    assert len(model.predict(np.ma.masked_array(X.data))) == 4


def test_augmenters_refuse_them():
    X = masked(4, 1010)
    for ask in (
        SignalAugmenter(input_sfreq=1e4).fit,
        SignalAugmenter(input_sfreq=1e4).fit_resample,
    ):
        with pytest.raises(InvalidRecordingsError, match=SAID):
            ask(X, Y)


def test_a_model_from_onnx_refuses_them():
    from sknemg.persistence._onnx_run import score_rows

    with pytest.raises(InvalidRecordingsError, match=SAID):
        score_rows(None, masked(4, 110), (110,), 2)


def test_a_masked_weight_is_no_weight():
    with pytest.raises(ValueError, match="holds None in row 1"):
        check_weights(np.ma.masked_equal([1.0, 7.0, 2.0], 7), 3)


def test_all_rows_are_named():
    X = masked(4, 10, 110)
    X[0] = np.ma.masked
    for given in (X, list(X), tuple(X)):
        with pytest.raises(InvalidRecordingsError) as raised:
            refuse_masked(given)
        assert raised.value.problems["row"].tolist() == [0, 2]
    refuse_masked([1.0, "text", None])
    refuse_masked(None)
