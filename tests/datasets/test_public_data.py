import hashlib
import os
import threading
import warnings
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, Downsampler, ImplausibleWarning, Segmenter, SegmentFeatures
from sknemg.datasets import (
    EMGDB,
    EMGLAB_N2001,
    ReadError,
    load_emgdb,
    load_emglab,
    quality,
    read_recording,
)
from sknemg.datasets._public import PublicData, locate

wfdb = pytest.importorskip("wfdb")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    """Factory: serve a folder on this machine, and return its address."""
    servers = []

    def start(folder):
        handler = partial(_Quiet, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def tiny(tmp_path):
    """A published data set of two small files, and the folder that it is published in."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name in ("a.hea", "a.dat"):
        (folder / name).write_bytes(name.encode())
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    data = PublicData("tiny", "Free Licence 1.0", "Somebody 2001", (), "example.org", "", sums)
    return data, folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder in the place of the user's data."""
    monkeypatch.setenv("SKNEMG_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def unused_address():
    """An address on this machine where nothing listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Quiet)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}/"


# -- fetching ----------------------------------------------------------------------------------


def test_fetch_prints_the_licence_and_keeps_the_files(tiny, home, serve, capsys):
    data, published = tiny
    folder = locate(data, None, base_url=serve(published))
    assert folder == home / "tiny"
    assert (folder / "a.dat").read_bytes() == b"a.dat"
    printed = capsys.readouterr().out
    assert "Licence: Free Licence 1.0" in printed
    assert "Cite: Somebody 2001" in printed
    # The second time all is there: no server is asked, nothing is printed.
    assert locate(data, None, base_url="http://127.0.0.1:9/") == folder
    assert capsys.readouterr().out == ""


def test_fetch_of_another_content_is_refused_and_not_kept(tiny, home, serve):
    data, published = tiny
    (published / "a.dat").write_bytes(b"tampered")
    with pytest.raises(ValueError, match=r"'a\.dat' from .* differs from the published file"):
        locate(data, None, base_url=serve(published))
    assert not (home / "tiny" / "a.dat").exists()


def test_without_a_network_the_error_says_what_to_do(tiny, home, unused_address):
    data, _ = tiny
    with pytest.raises(ConnectionError, match="could not be fetched") as caught:
        locate(data, None, base_url=unused_address)
    for text in ("without a network", "example.org", "'a.dat', 'a.hea'", "$SKNEMG_DATA/tiny"):
        assert text in str(caught.value)


def test_a_file_that_the_server_lacks(tiny, home, serve):
    data, published = tiny
    (published / "a.dat").unlink()
    with pytest.raises(ConnectionError, match=r"'a\.dat' could not be fetched.*404"):
        locate(data, None, base_url=serve(published))


def test_a_changed_file_on_disk_is_noticed(tiny, home, serve):
    data, published = tiny
    (home / "tiny").mkdir(parents=True)
    (home / "tiny" / "a.hea").write_bytes(b"edited")
    with pytest.raises(ValueError, match=r"a\.hea' differs from the published file"):
        locate(data, None, base_url=serve(published))


def test_a_given_folder_is_never_filled(tiny, tmp_path, serve):
    data, published = tiny
    assert locate(data, published, base_url="http://127.0.0.1:9/") == published
    (published / "a.dat").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks \['a\.dat'\] of tiny"):
        locate(data, published, base_url=serve(published))
    with pytest.raises(FileNotFoundError, match="does not exist: give an existing one"):
        locate(data, tmp_path / "nowhere")


def test_emglab_is_not_fetched_and_says_where_it_is(home):
    with pytest.raises(FileNotFoundError) as caught:
        load_emglab()
    for text in ("not fetched for you", "no licence", "emglab.net", "$SKNEMG_DATA/emglab_n2001"):
        assert text in str(caught.value)
    assert EMGLAB_N2001.base_url == ""


# -- N2001 without N2001 -----------------------------------------------------------------------


@pytest.fixture
def make_n2001(tmp_path):
    """Factory of recordings that are built like N2001's."""

    def make(name, digital, **said):
        header = {"gender": "M", "age": "56", "diagnosis": "ALS", "duration": ""}
        header |= {"muscle": "Biceps brachii (long head)", "side": "Left", "level": "low"} | said
        lines = "".join(f"#{key}: {value}\n" for key, value in header.items())
        digital = np.asarray(digital, dtype="<i2")
        (tmp_path / f"{name}.bin").write_bytes(bytes(range(20)) + digital.tobytes())
        (tmp_path / f"{name}.hea").write_text(
            f"{name} 1 23437.5 {len(digital)}\n{name}.bin 16+20 13.1070/uV\n{lines}"
        )
        return tmp_path

    return make


def test_n2001_header_and_rails(make_n2001):
    noise = np.random.default_rng(0).integers(-999, 999, 5000)
    make_n2001("N2001C01BB51", noise, diagnosis="healty controls", age="", gender="F")
    make_n2001("N2001M02BB03", noise[::-1], diagnosis="Myopathy unclassified", duration="1 year")
    folder = make_n2001("N2001A06BB07", np.r_[noise, -32768, -32768])
    (folder / "README.hea").write_text("not one of them")
    X, y = load_emglab(folder)
    assert X["recording"].tolist() == ["N2001A06BB07", "N2001C01BB51", "N2001M02BB03"]
    assert y.tolist() == ["neuropathy", "normal", "myopathy"]
    assert X["subject"].tolist() == ["N2001A06", "N2001C01", "N2001M02"]
    assert X["diagnosis_detail"].tolist() == ["ALS", "healty controls", "Myopathy unclassified"]
    assert X["sex"].tolist() == ["M", "F", "M"]
    assert set(X["location"]) == {"proximal"}
    assert set(X["side"]) == {"left"}
    assert X["clipped"].tolist() == [2, 0, 0]
    np.testing.assert_array_equal(X["age"], [56, np.nan, 56])
    assert X["disease_duration"].fillna("").tolist() == ["", "", "1 year"]
    np.testing.assert_allclose(X[0][-2:], 2.50004, rtol=1e-5)  # turned: a spike is negative
    np.testing.assert_allclose(X[1], -noise / 13107, atol=1e-6)


def test_n2001_of_other_muscles_and_without_a_header(make_n2001):
    noise = np.random.default_rng(0).integers(-999, 999, (3, 5000))
    make_n2001("N2001A02TA01", noise[0], muscle="Tibialis anterior")
    make_n2001("N2001A02XX01", noise[1], muscle="a muscle of its own")
    folder = make_n2001("N2001A11VM12", noise[2], muscle="Vastus medialis", level="medium")
    X, _ = load_emglab(folder)
    assert X["location"].fillna("").tolist() == ["distal", "", "proximal"]
    assert X["level"].tolist() == ["low", "low", "medium"]
    (folder / "N2001A02XX01.hea").unlink()
    with pytest.raises(ReadError, match=r"1 of 3 .*\n  N2001A02XX01: no header 'N2001A02XX01.hea'"):
        load_emglab(folder)


def test_n2001_names_a_dead_recording_once(make_n2001):
    make_n2001("N2001A06BB07", np.random.default_rng(0).integers(-999, 999, 20_000))
    folder = make_n2001("N2001A06BB08", np.zeros(20_000))
    with pytest.warns(ImplausibleWarning, match="flat for .*: N2001A06BB08 ") as caught:
        load_emglab(folder)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_n2001_that_cannot_be_read(make_n2001, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no recording of N2001"):
        load_emglab(tmp_path)
    for name in ("N2001A01BB01", "N2001A01BB02"):
        make_n2001(name, np.arange(100))
        (tmp_path / f"{name}.bin").write_bytes(bytes(50))
    make_n2001("N2001A01BB03", np.arange(100))
    with pytest.raises(ReadError, match=r"2 of 3 recordings:\n  N2001A01BB01.*\n  N2001A01BB02"):
        load_emglab(tmp_path)


# -- the real recordings -----------------------------------------------------------------------


def test_real_emgdb_is_fetched_checked_and_read(data_dir, home, serve, capsys):
    X, y = load_emgdb(base_url=serve(data_dir / "emgdb"))
    assert "Open Data Commons Attribution" in capsys.readouterr().out
    assert y.tolist() == ["normal", "myopathy", "neuropathy"]
    assert X["age"].tolist() == [44, 57, 62]
    assert set(X["sfreq"]) == {4000}
    np.testing.assert_allclose(X.durations, [12.715, 16.6, 18.4])
    for row, name in enumerate(X["recording"]):
        direct = wfdb.rdrecord(str(data_dir / "emgdb" / name)).p_signal[:, 0]
        np.testing.assert_allclose(X[row], direct[: len(X[row])], atol=1e-6)
    assert {path.name for path in (home / "emgdb").iterdir()} == set(EMGDB.sha256)


def _best_match(piece, signal):
    """Largest correlation of a piece with any equally long part of a signal."""
    windows = np.lib.stride_tricks.sliding_window_view(signal, len(piece))
    energy = np.sqrt(np.convolve(signal**2, np.ones(len(piece)), "valid"))
    return ((windows @ piece) / (energy * np.linalg.norm(piece) + 1e-9)).max()


def test_real_emgdb_loops_are_cut(data_dir):
    whole, _ = load_emgdb(data_dir / "emgdb", unique=False)
    np.testing.assert_allclose(whole.durations, [12.715, 27.58425, 36.9645])
    cut, _ = load_emgdb(data_dir / "emgdb")
    for row in (1, 2):
        piece = whole[row][20_000:22_000]
        rest_of_cut, second_pass = cut[row][24_000:], whole[row][len(cut[row]) :]
        assert _best_match(piece, second_pass) > 0.85
        assert _best_match(piece, rest_of_cut) < 0.6


@pytest.fixture(scope="module")
def n2001():
    """N2001, its labels and its warnings; read once for all tests."""
    folder = Path(os.environ.get("SKNEMG_DATA", "/nonexistent")) / "emglab_n2001"
    if not folder.is_dir():
        pytest.skip("REAL DATA NOT TESTED: SKNEMG_DATA holds no emglab_n2001")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        X, y = load_emglab(folder)
    return X, y, [str(warning.message) for warning in caught], folder


@pytest.mark.slow  # reads all of N2001
def test_real_n2001_counts_and_columns(n2001):
    X, y, _, _ = n2001
    assert (len(X), X["subject"].nunique()) == (80, 10)
    assert set(X["subject"].value_counts()) == {8}
    classes, counts = np.unique(y, return_counts=True)
    assert dict(zip(classes, counts, strict=True)) == {
        "myopathy": 24,
        "neuropathy": 24,
        "normal": 32,
    }
    assert set(X["sfreq"]) == {23437.5}
    np.testing.assert_allclose(X.durations, 262_124 / 23437.5)
    ages = X.meta.assign(y=y).groupby("y")["age"]
    assert ages.min().to_dict() == {"myopathy": 26, "neuropathy": 56, "normal": 23}
    assert ages.max().to_dict() == {"myopathy": 44, "neuropathy": 67, "normal": 37}


@pytest.mark.slow
def test_the_steep_phase_of_real_spikes_falls(n2001, data_dir):
    """A spike is negative: after its small positive start the signal falls steeply."""
    X, _, _, _ = n2001
    emgdb, _ = load_emgdb(data_dir / "emgdb")
    steepest = [np.diff(signal)[np.abs(np.diff(signal)).argmax()] for signal in [*X, *emgdb]]
    falls = np.array(steepest) < 0
    subject = np.array([*X["subject"], *emgdb["subject"]])
    majority = [falls[subject == name].mean() for name in np.unique(subject)]
    assert np.mean(np.array(majority) >= 0.5) > 0.9


@pytest.mark.slow  # reads all of N2001
def test_real_n2001_samples_are_those_of_wfdb_with_rails_filled(n2001):
    X, _, _, folder = n2001
    assert np.isfinite(X.values).all()
    assert X.values.max() == np.float32(32768 / 13107)
    assert -2.5 < X.values.min() < -2.4
    clipped = X.meta.set_index("recording")["clipped"]
    assert clipped[clipped > 0].to_dict() == {"N2001A06BB07": 3047, "N2001M02BB03": 3095}
    for name in ("N2001A01BB01", "N2001A06BB07", "N2001C05BB51"):
        direct = wfdb.rdrecord(str(folder / name)).p_signal[:, 0] * -1e-3
        read = X[int(np.flatnonzero(X["recording"] == name)[0])]
        known = np.isfinite(direct)
        np.testing.assert_allclose(read[known], direct[known], atol=1e-6)
        assert (read[~known] == np.float32(32768 / 13107)).all()
    with pytest.raises(ReadError, match="3047 of 262124 samples are NaN"):
        read_recording(folder / "N2001A06BB07.hea")


@pytest.mark.slow  # reads all of N2001
def test_real_n2001_dead_recording_is_named_and_survives(n2001):
    X, _, warned, _ = n2001
    assert len(warned) == 1
    assert "N2001A06BB08 (11.14 of 11.18 s)" in warned[0]
    assert "N2001A06BB07" not in warned[0]
    dead = X[(X["recording"] == "N2001A06BB08").to_numpy()]
    table = quality(dead)
    assert table["flat_fraction"][0] > 0.99
    segments = Segmenter().fit_transform(Downsampler().fit_transform(dead))
    features = SegmentFeatures(input_sfreq=10_000).fit_transform(segments.values)
    assert np.isfinite(features).all()


@pytest.mark.slow  # reads all of N2001
def test_real_n2001_scores_are_finite_with_a_dead_recording(n2001):
    X, y, _, _ = n2001
    rows = X["recording"].str.slice(-2).isin(["01", "08", "51", "53", "52"]).to_numpy()
    segment_classifier = make_pipeline(
        SegmentFeatures(input_sfreq=10_000), StandardScaler(), LinearDiscriminantAnalysis()
    )
    model = make_pipeline(Downsampler(), Segmenter(hop=0.4), DiVoteClassifier(segment_classifier))
    model.fit(X[rows], y[rows])
    dead = X[(X["recording"] == "N2001A06BB08").to_numpy()]
    for some in (X[rows], dead):
        scores = model.predict_proba(some)
        assert scores.shape == (len(some), 3)
        np.testing.assert_allclose(scores.sum(axis=1), 1)
