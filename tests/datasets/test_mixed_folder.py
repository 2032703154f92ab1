"""One folder of ten formats, each as an independent library writes it and reads it back."""

import wave

import h5py
import numpy as np
import openpyxl
import pandas as pd
import pyedflib
import pytest
import scipy.io
import soundfile

from sknemg.datasets import load_cohort

wfdb = pytest.importorskip("wfdb")  # which also spares us the deprecations of its import

FULL = 40.0  # mV at full scale of the integer formats


def write_edf(path, signal, rate, bits):
    kind = pyedflib.FILETYPE_EDF if bits == 16 else pyedflib.FILETYPE_BDF
    half = 2 ** (bits - 1)
    header = {
        "label": "EMG", "dimension": "mV", "sample_frequency": rate, "physical_min": -FULL,
        "physical_max": FULL, "digital_min": -half, "digital_max": half - 1, "prefilter": "",
        "transducer": "",
    }  # fmt: skip
    with pyedflib.EdfWriter(str(path), 1, file_type=kind) as writer:
        writer.setSignalHeaders([header])
        writer.writeSamples([signal.astype(np.float64)])


def read_edf(path):
    with pyedflib.EdfReader(str(path)) as reader:
        return reader.readSignal(0)


def write_wav(path, signal, rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(rate))
        file.writeframes(np.round(signal / FULL * 2**15).astype("<i2").tobytes())


def write_73(path, signal, rate):
    with h5py.File(path, "w") as file:
        file["signal"] = signal.astype(np.float64)[:, None].T
        file["fs"] = np.array([[float(rate)]])
        file["unit"] = np.array([[ord("m")], [ord("V")]], dtype="u2")
        file["unit"].attrs["MATLAB_class"] = np.bytes_("char")


def write_parquet(path, signal, rate):
    frame = pd.DataFrame({"emg": signal})
    frame.attrs = {"sfreq": float(rate), "unit": "mV"}
    frame.to_parquet(path)


def write_wfdb(path, signal, rate):
    wfdb.wrsamp(
        path.stem, fs=rate, units=["mV"], sig_name=["EMG"], p_signal=signal[:, None].astype(float),
        fmt=["24"], adc_gain=[2**23 / FULL], baseline=[0], write_dir=str(path.parent),
    )  # fmt: skip


#: Writer, an independent reader (mV), what the table must say, and the step of quantisation in mV.
FORMATS = {
    "npy": (lambda p, x, r: np.save(p, x), np.load, "all", 0),
    "npz": (
        lambda p, x, r: np.savez(p, signal=x, sfreq=r, unit="mV"),
        lambda p: np.load(p)["signal"],
        "",
        0,
    ),
    "csv": (
        lambda p, x, r: pd.DataFrame({"emg": x * 1000.0}).to_csv(p, index=False),
        lambda p: pd.read_csv(p)["emg"] / 1000,
        "uV",
        0,
    ),
    "edf": (lambda p, x, r: write_edf(p, x, r, 16), read_edf, "", 2 * FULL / 2**16),
    "bdf": (lambda p, x, r: write_edf(p, x, r, 24), read_edf, "", 2 * FULL / 2**24),
    "wav": (write_wav, lambda p: soundfile.read(p)[0] * FULL, "scale", 2 * FULL / 2**16),
    "flac": (
        lambda p, x, r: soundfile.write(p, x.astype(float) / FULL, int(r), subtype="PCM_24"),
        lambda p: soundfile.read(p)[0] * FULL,
        "scale",
        2 * FULL / 2**24,
    ),
    "mat": (
        lambda p, x, r: scipy.io.savemat(p, {"signal": x, "fs": float(r), "unit": "mV"}),
        lambda p: scipy.io.loadmat(p)["signal"].ravel(),
        "",
        0,
    ),
    "7.mat": (write_73, lambda p: h5py.File(p)["signal"][()].ravel(), "", 0),
    "parquet": (write_parquet, lambda p: pd.read_parquet(p)["emg"], "", 0),
    "hea": (
        write_wfdb,
        lambda p: wfdb.rdrecord(str(p.with_suffix(""))).p_signal[:, 0],
        "",
        2 * FULL / 2**24,
    ),
}


def write_mixed(folder, signals, rate, subjects, labels):
    """Write signals in all formats in turn, and their workbook."""
    book = openpyxl.Workbook()
    book.active.append(["subject", "diagnosis", "file", "sfreq", "unit", "scale"])
    used = []
    for row, signal in enumerate(signals):
        ending = list(FORMATS)[row % len(FORMATS)]
        write, _, said, _ = FORMATS[ending]
        name = f"r{row}.{ending}"
        write(folder / name, signal, rate)
        about = {
            "all": [rate, "mV", None], "uV": [rate, "uV", None], "scale": [None, None, FULL],
        }.get(said, [None, None, None])  # fmt: skip
        book.active.append([subjects[row], labels[row], name, *about])
        used.append((folder / name, ending))
    book.save(folder / "cohort.xlsx")
    return used


def differences(X, signals, used):
    """Return, for each row, how far it is from the independent reader and from what was written."""
    rows = []
    for row, (path, ending) in enumerate(used):
        _, read, _, step = FORMATS[ending]
        expected = np.asarray(read(path), dtype=np.float64)[: len(X[row])].astype(np.float32)
        n = len(signals[row])
        rows.append(
            {
                "format": ending,
                "reader": float(np.abs(X[row] - expected).max()),
                "written": float(np.abs(X[row][:n] - signals[row]).max()),
                "step": step,
            }
        )
    return pd.DataFrame(rows)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, in wfdb
def test_a_folder_of_all_formats_is_loaded_to_the_last_bit_or_step(tmp_path):
    rng = np.random.default_rng(0)
    signals = rng.normal(scale=0.3, size=(len(FORMATS), 2000)).astype(np.float32)
    subjects = [f"S{row // 2}" for row in range(len(signals))]
    used = write_mixed(tmp_path, signals, 2000, subjects, ["M"] * len(signals))
    X, y = load_cohort(tmp_path)
    assert X["sfreq"].tolist() == [2000] * len(signals)
    assert set(y) == {"myopathy"} and X["subject"].tolist() == subjects
    table = differences(X, signals, used)
    assert (table["reader"] <= 1e-7).all(), table  # one float32 of it
    exact = table["step"] == 0
    assert (table["written"][exact] <= 6e-8).all(), table
    assert (table["written"] <= table["step"] + 1.2e-7).all(), table  # pyedflib cuts digits off
    assert (table["written"][~exact] > 0).all()


@pytest.mark.parametrize("ending", ["wav", "flac", "npy", "csv"])
def test_what_a_format_does_not_state_is_asked_for(tmp_path, ending):
    from sknemg.datasets import ReadError, read_recording

    path = tmp_path / f"a.{ending}"
    FORMATS[ending][0](path, np.linspace(0, 1, 200, dtype=np.float32), 2000)
    with pytest.raises(ReadError, match=r"no amplitude scale|no sampling rate"):
        read_recording(path)
