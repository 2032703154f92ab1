"""What speaks against recordings being needle EMG in millivolts."""

import numpy as np
import pytest

from sknemg import ImplausibleWarning, Recordings
from sknemg.datasets import find_flaws, load_cohort, load_recordings, quality
from sknemg.datasets._quality import FLAWS, warn_if_implausible

RATE = 10_000


def noise(seed=0, n=10_000):
    return np.random.default_rng(seed).normal(scale=0.2, size=n).astype(np.float32)


def hum(seed=0, mains=50):
    times = np.arange(10_000) / RATE
    return noise(seed) * 0.5 + 0.3 * np.sin(2 * np.pi * mains * times).astype(np.float32)


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
@pytest.mark.parametrize(
    ("signal", "flaw", "found"),
    [
        (1000 * noise(), "amplitude", "780 mV"),
        (np.rint(20 * noise()), "counts", "-16 to 14"),
        (noise(n=99), "short", "99 samples"),
        (1e-4 * noise(), "level", "0.02 µV"),
        (1e-3 * noise(), "level", "0.2 µV"),
        (np.zeros(900), "flat", "0.09 of 0.09 s"),
        (np.where(np.arange(10_000) < 4000, noise(), 0.1), "flat", "0.60 of 1.00 s"),
        (noise().clip(-0.3, 9), "clipped", "0.1%"),
        (hum(), "mains", "90%"),
        (hum(mains=60), "mains", "90%"),
        (noise() + 1, "offset", "1 mV"),
        (np.tile(noise(n=5000), 2), "repeated", "from 0.00 s and from 0.50 s"),
    ],
    ids=lambda entry: entry if isinstance(entry, str) else "",
)
def test_each_flaw_is_found_alone(signal, flaw, found):
    flaws = find_flaws(Recordings([noise(7), signal], sfreq=RATE))
    assert flaws["row"].tolist() == [1]
    assert flaws["flaw"].tolist() == [flaw]
    number = float(found.split()[0].rstrip("%")) if found[0].isdigit() else None
    text = flaws["found"].iloc[0]
    assert text.split()[1:] == found.split()[1:] or number is None
    if number is not None:
        assert float(text.split()[0].rstrip("%")) == pytest.approx(number, rel=0.3)
    else:
        assert text == found


def test_sound_recordings_have_no_flaw():
    X = Recordings([noise(0), noise(1, 500), 50 * noise(2)], sfreq=RATE, subject=["a", "a", "b"])
    assert find_flaws(X).empty
    assert quality(X)["mains_fraction"].max() < 0.2
    warn_if_implausible(X)


def test_a_stretch_of_another_recording_is_named_with_its_subject():
    stolen = np.concatenate([noise(1), noise(0)[2000:4000]])
    X = Recordings([noise(0), noise(3), stolen], sfreq=RATE, subject=["a", "a", "b"])
    (text,) = find_flaws(X)["found"]
    assert "in 2 of subject 'b' from 1.0" in text
    X = X.with_columns(subject="a")
    (text,) = find_flaws(X)["found"]
    assert "subject" not in text


def test_rates_that_differ_within_a_subject():
    X = Recordings([noise(i) for i in range(4)], sfreq=[1e4, 2e4, 5e3, 5e3], subject=[*"aabb"])
    flaws = find_flaws(X)
    assert flaws["flaw"].tolist() == ["rates"]
    assert flaws["found"].tolist() == ["10000, 20000 Hz of subject 'a'"]
    X = Recordings([noise(i) for i in range(2)], sfreq=[1e4, 2e4])
    assert find_flaws(X).empty


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_kilohertz_for_hertz_are_a_flaw():
    flaws = find_flaws(Recordings([noise(0), noise(1)], sfreq=[10_000, 48]))
    assert flaws[["row", "flaw", "found"]].values.tolist() == [[1, "rate", "48 Hz"]]


def test_one_warning_lists_all_with_their_rows(tmp_path):
    signals = [noise(0), 1000 * noise(1), noise(2) + 3, 1000 * noise(3)]
    for name, signal in zip("abcd", signals, strict=True):
        np.save(tmp_path / f"{name}.npy", signal)
    files = "".join(f"{name}.npy\n" for name in "abcd")
    (tmp_path / "recordings.csv").write_text("file\n" + files)
    with pytest.warns(ImplausibleWarning) as caught:
        load_recordings(tmp_path, sfreq=RATE, unit="mV")
    assert len(caught) == 1 and caught[0].filename == __file__
    lines = str(caught[0].message).splitlines()
    assert lines[0] == "3 of 4 recordings are implausible:"
    assert FLAWS["amplitude"] in lines[1] and FLAWS["offset"] in lines[2]
    (tmp_path / "recordings.csv").write_text("file\na.npy\nb.npy\n")
    with pytest.warns(ImplausibleWarning, match="^1 of 2 recordings is implausible:"):
        load_recordings(tmp_path, sfreq=RATE, unit="mV")
    assert "row 3, b.npy (" in lines[1] and "row 5, d.npy (" in lines[1]
    assert "row 4, c.npy (3 mV)" in lines[2]
    (tmp_path / "recordings.csv").unlink()
    with pytest.warns(ImplausibleWarning, match=r"scale: b\.npy \("):
        load_recordings(tmp_path, sfreq=RATE, unit="mV")


def test_small_counts_in_text_files_are_noticed(tmp_path):
    counts = np.rint(20 * noise()).astype(int)
    np.savetxt(tmp_path / "a.csv", counts, fmt="%d", header="emg", comments="")
    np.savetxt(tmp_path / "b.csv", noise(1), header="emg", comments="")
    table = "subject,diagnosis,file\nA,normal,data/a.csv\nB,myopathy,data/b.csv\n"
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).rename(tmp_path / "data" / name)
    (tmp_path / "cohort.csv").write_text(table)
    with pytest.warns(ImplausibleWarning, match=r"whole numbers only, .*: row 2, data/a.csv \(-"):
        load_cohort(tmp_path, sfreq=RATE, unit="mV")


def test_segments_have_no_flaws():
    with pytest.raises(ValueError, match="give what comes before the Segmenter"):
        find_flaws(Recordings([noise()], sfreq=RATE).with_values(np.ones((3, 5)), [0, 3]))
