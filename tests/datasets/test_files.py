import numpy as np
import pytest

from sknemg.datasets import ReadError, read_recording

RAMP = np.linspace(-1, 1, 400, dtype=np.float32)


# -- what holds for all ------------------------------------------------------------------------


def test_part_of_a_file(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(1000))
    both = {"sfreq": 1000, "unit": "mV"}
    part = read_recording(tmp_path / "a.npy", start=0.1, stop=0.3, **both).signal
    assert np.array_equal(part, np.arange(100, 300))
    assert len(read_recording(tmp_path / "a.npy", start=0.9, **both).signal) == 100
    for start, stop in [(-0.1, 0.5), (0.5, 0.5), (0.5, 1.1), (2.0, None)]:
        with pytest.raises(ReadError, match=r"of a file of 1 s: 0 <= start < stop <= duration"):
            read_recording(tmp_path / "a.npy", start=start, stop=stop, **both)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sfreq": 0, "unit": "mV"}, "sampling rate of 0 Hz"),
        ({"sfreq": np.nan, "unit": "mV"}, "sampling rate of nan Hz"),
        ({"sfreq": 10, "unit": "MV"}, "unit 'MV' is unknown"),
        ({"sfreq": 10, "scale": 0}, "scale=0: give the millivolts"),
    ],
)
def test_rates_units_and_scales_that_make_no_sense(tmp_path, options, message):
    np.save(tmp_path / "a.npy", RAMP)
    with pytest.raises(ReadError, match=message):
        read_recording(tmp_path / "a.npy", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sfreq": "10000", "scale": "5"}, "sfreq='10000', scale='5': give a number"),
        ({"sfreq": 10, "unit": "mV", "start": "1"}, "start='1': give a number"),
        ({"sfreq": 10, "unit": "mV", "start": np.nan}, "start nan s to stop"),
        ({"sfreq": 10, "unit": "mV", "decimal": ","}, "`delimiter` and `decimal` are both ','"),
    ],
)
def test_arguments_that_make_no_sense(tmp_path, options, message):
    np.save(tmp_path / "a.npy", RAMP)
    with pytest.raises(ValueError, match=message):
        read_recording(tmp_path / "a.npy", **options)


def test_formats_that_are_not_read(tmp_path):
    for name in ("a.nic", "a"):
        with pytest.raises(ReadError, match="no reader for"):
            read_recording(tmp_path / name)
    with pytest.raises(ReadError, match=r"no file 'a\.wav'"):
        read_recording(tmp_path / "a.wav", scale=1)
    with pytest.raises(ValueError, match="give 'raise' or 'clip'"):
        read_recording(tmp_path / "a.wav", invalid="rail")


@pytest.mark.parametrize("suffix", [".npy", ".edf", ".csv", ".mat"])
def test_a_file_that_may_not_be_read_need_not_be_exported_again(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"0")

    def forbidden(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    with pytest.raises(ReadError, match=rf"no permission to read 'a{suffix}': ask for it$"):
        read_recording(path)
