"""Which channel is meant: text is a name, an integer a position, and what could be both."""

import numpy as np
import pandas as pd
import pytest
from _bytes import edf_file, pack
from scipy.io import wavfile

from sknemg.datasets import InvalidCohortError, ReadError, load_cohort, read_recording

BOTH = {"sfreq": 1000, "unit": "mV"}


def _samples(at):
    return [at * 1000, -at, 7]


def _edf(path, names):
    signals = [
        {"label": name, "digital": _samples(at), "unit": "mV", "physical_min": "-32768",
         "physical_max": "32767"}
        for at, name in enumerate(names)
    ]  # fmt: skip
    path.write_bytes(edf_file(signals, 1, duration="0.003"))


def _wfdb(path, names):
    lines = [f"{path.stem}.dat 16 1/mV 0 0 0 0 0 {name}" for name in names]
    path.write_text("\n".join([f"rec {len(names)} 1000 0", *lines]))
    frames = np.transpose([_samples(at) for at in range(len(names))])
    path.with_suffix(".dat").write_bytes(pack(16, frames.ravel()))


def _npz(path, names):
    np.savez(path, **{name: np.array(_samples(at)) for at, name in enumerate(names)})


WRITERS = {".edf": _edf, ".hea": _wfdb, ".npz": _npz}


def _which(path, channel):
    reading = read_recording(path, channel=channel, **BOTH)
    return int(reading.signal[0]) // 1000


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    """Factory of files whose channel at position i begins with i * 1000 mV."""

    def make(names):
        path = tmp_path / f"rec{request.param}"
        WRITERS[request.param](path, names)
        return path

    return make


def test_an_integer_is_a_position_and_text_a_name(write):
    path = write(["1", "2", "3"])
    assert [_which(path, name) for name in ("1", "2", "3")] == [0, 1, 2]
    assert _which(path, 0) == 0 and _which(path, np.int64(0)) == 0
    for at, called in ((1, "2"), (2, "3")):
        with pytest.raises(ReadError, match=f"channel={at} is the position of '{called}', but"):
            read_recording(path, channel=at, **BOTH)
    for at in (3, -1):
        with pytest.raises(ReadError, match=f"no channel at position {at}: give a name .* 0 to 2"):
            read_recording(path, channel=at, **BOTH)


def test_names_like_their_own_positions(write):
    path = write(["0", "1", "2"])
    assert [_which(path, at) for at in (0, 1, 2)] == [0, 1, 2]
    assert [_which(path, name) for name in ("0", "1", "2")] == [0, 1, 2]


def test_text_is_never_a_position(write):
    path = write(["EMG", "ref", "7"])
    assert [_which(path, at) for at in (0, 1, 2)] == [0, 1, 2]
    assert _which(path, "7") == 2
    for name in ("1", "0", "-1", "emg", "EMG ", "", "position=1"):
        with pytest.raises(ReadError, match=f"no channel '{name}': give one of 'EMG', 'ref', '7'"):
            read_recording(path, channel=name, **BOTH)


def test_channels_of_one_name(tmp_path):
    path = tmp_path / "a.edf"
    _edf(path, ["EMG", "EMG", "1"])
    with pytest.raises(ReadError, match="2 channels are called 'EMG': give its position, from 0"):
        read_recording(path, channel="EMG")
    assert _which(path, 0) == 0
    with pytest.raises(
        ReadError, match="channel=1 is the position of 'EMG', but a channel at position 2"
    ):
        read_recording(path, channel=1)
    _edf(path, ["1", "1"])
    assert _which(path, 1) == 1


def test_channels_without_names_are_their_positions(tmp_path):
    wavfile.write(tmp_path / "a.wav", 1000, np.array([[0, 16384], [0, 0]], dtype=np.int16))
    for channel in (1, "1"):
        signal = read_recording(tmp_path / "a.wav", channel=channel, scale=2).signal
        assert signal.tolist() == [1, 0]
    (tmp_path / "a.csv").write_text("0,1000\n0,-1\n")
    assert _which(tmp_path / "a.csv", 1) == _which(tmp_path / "a.csv", "1") == 1
    (tmp_path / "a.csv").write_text("EMG,ref\n0,1000\n0,-1\n")
    assert _which(tmp_path / "a.csv", 1) == _which(tmp_path / "a.csv", "ref") == 1
    with pytest.raises(ReadError, match="no channel '1'"):
        _which(tmp_path / "a.csv", "1")


@pytest.mark.parametrize("channel", [True, 1.0, 1.5, b"EMG", ["EMG"]])
def test_channels_that_are_neither(tmp_path, channel):
    _edf(tmp_path / "a.edf", ["EMG", "ref"])
    with pytest.raises(ValueError, match="must be a name, as text, or a position"):
        read_recording(tmp_path / "a.edf", channel=channel)


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
@pytest.mark.parametrize(
    ("names", "entry", "found"),
    [
        (["EMG", "ref"], "ref", 1),
        (["EMG", "ref"], "1", 1),
        (["EMG", "ref"], "2", "no channel at position 2"),
        (["EMG", "ref"], "Ref", "no channel 'Ref'"),
        (["EMG", "ref"], "position=0", 0),
        (["EMG", "ref"], "position=2", "no channel at position 2"),
        (["EMG", "ref"], "name=ref", 1),
        (["EMG", "ref"], "name=1", "no channel '1'"),
        (["EMG", "EMG"], "EMG", "2 channels are called 'EMG': give position= and its position"),
        (["EMG", "EMG"], "1", 1),
        (["0", "1"], "1", 1),
        (["1", "2", "3"], "3", 2),
        (["1", "2", "3"], "2", "'2' is the name of the channel at position 1 and the position of"),
        (["1", "2", "3"], "name=2", 1),
        (["1", "2", "3"], "position=2", 2),
        (["1", "1"], "1", "write name=1 or position=1"),
        (["name=1", "1"], "name=1", 0),
    ],
)
def test_channels_in_a_table(tmp_path, names, entry, found):
    _edf(tmp_path / "a.edf", names)
    table = {"subject": ["S1"], "diagnosis": ["normal"], "file": ["a.edf"], "channel": [entry]}
    pd.DataFrame(table).to_csv(tmp_path / "cohort.csv", index=False)
    if isinstance(found, int):
        assert load_cohort(tmp_path)[0].values[0] == found * 1000
    else:
        with pytest.raises(InvalidCohortError, match=found):
            load_cohort(tmp_path)
