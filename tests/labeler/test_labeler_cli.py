"""``sknemg label``: make a study, go on with it, replace a link, dump the votes."""

import re
import shutil
import socket
import subprocess

import numpy as np
import pytest
from _study import Client, small_cohort

from sknemg import Recordings
from sknemg.cli import main
from sknemg.datasets import write_cohort
from sknemg.labeler import Address, Store, Vote, listen
from sknemg.metrics import read_votes


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort") / "cohort"
    X, y = small_cohort(sfreq=4_000.0)
    columns = {name: X[name].to_numpy() for name in ("sfreq", "subject", "location", "recording")}
    write_cohort(folder, Recordings(list(X), **columns), y)
    return folder


@pytest.fixture
def label(cohort, tmp_path, monkeypatch):
    """Run the command; what would be served is kept instead."""
    served = []
    monkeypatch.setattr("sknemg.labeler.serve", lambda *args: served.append(args), raising=False)
    monkeypatch.setattr("sknemg.labeler.listen", lambda address: socket.socket(), raising=False)

    def run(*options, folder=cohort):
        given = [] if folder is None else ["--cohort", str(folder)]
        code = main(["label", *given, "--study", str(tmp_path / "study.sqlite"), *options])
        return code, served[-1] if served else None

    return run


def links(printed):
    return re.findall(r"Reader (\d+)  (http\S+)/#(\S+)", printed)


def test_links_are_printed_once_and_the_study_goes_on(label, tmp_path, capsys):
    code, (_, address, _) = label("--readers", "3", "--port", "9000")
    assert code == 0
    printed = capsys.readouterr().out
    assert "Research only" in printed
    first = links(printed)
    assert [(number, url) for number, url, _ in first] == [
        (str(n), "http://127.0.0.1:9000") for n in (1, 2, 3)
    ]
    assert address.host == "127.0.0.1"
    assert label("--readers", "3")[0] == 0
    assert not links(capsys.readouterr().out)
    assert label("--new-link", "2")[0] == 0
    ((number, _, token),) = links(capsys.readouterr().out)
    assert number == "2"
    store = Store(tmp_path / "study.sqlite")
    assert store.enter(first[1][2]) is None
    assert store.reader_of(store.enter(token)) == 1
    assert store.reader_of(store.enter(first[0][2])) == 0
    store.close()


def test_no_link_is_replaced_where_another_one_is_wrong(label, tmp_path, capsys):
    assert label("--readers", "2")[0] == 0
    (_, _, token), _ = links(capsys.readouterr().out)
    assert label("--new-link", "1", "--new-link", "3")[0] == 2
    assert "--new-link 3 is not one of the 2 readers" in capsys.readouterr().err
    store = Store(tmp_path / "study.sqlite")
    assert store.enter(token)
    store.close()


def test_votes_for_parts_of_one_file_are_told_apart(label, tmp_path):
    """And not taken for one vote and its correction."""
    folder = tmp_path / "parts"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in "ab":
        np.save(folder / f"{name}.npy", rng.normal(scale=0.2, size=2000).astype(np.float32))
    (folder / "cohort.csv").write_text(
        "subject,diagnosis,file,sfreq,unit,start,stop\n"
        "S1,normal,a.npy,1000,mV,0,1\nS1,normal,a.npy,1000,mV,1,2\nS2,myopathy,b.npy,1000,mV,,\n"
    )
    assert label("--readers", "1", folder=folder)[0] == 0
    store = Store(tmp_path / "study.sqlite")
    (case,) = [case for case in store.cases(0) if case.subject == "S1"]
    for at, answer in enumerate(("normal", "myopathy")):
        store.vote(0, Vote(str(at), case.number, at, answer))
    store.dump(tmp_path / "votes")
    store.close()
    votes = read_votes(tmp_path / "votes" / "votes.csv")
    assert set(votes["recording"]) == {"a.npy, start 0", "a.npy, start 1"}
    assert set(votes["vote"]) == {"normal", "myopathy"}


def test_what_is_served_is_the_cohort(label, capsys, tmp_path, monkeypatch):
    heard = []

    def vote(app, address, listening):
        client = Client(app, host=address.hosts[0])
        assert client.enter(links(capsys.readouterr().out)[0][2]).status == 200
        client.read_everything("myopathy")
        heard.append(b"\n".join(client.heard))

    monkeypatch.setattr("sknemg.labeler.serve", vote, raising=False)
    assert label("--show", "location", "--gains", "100,200")[0] == 0
    assert b"proximal" in heard[0]
    assert b"KLINIK" not in heard[0]
    assert b'"gains":[100.0,200.0]' in heard[0]
    assert label("--dump", str(tmp_path / "votes"), folder=None)[0] == 0
    text = (tmp_path / "votes" / "votes.csv").read_text()
    assert text.startswith("reader,subject,recording,level,vote,confidence,seconds,arm,repeat,time")
    assert text.count("myopathy") == 12
    assert "R1,KLINIK0003,rec-" in text


def test_the_assisted_arm_shows_a_file(label, tmp_path, capsys):
    rows = [f"KLINIK{code},0.125,0.25,0.625" for code in ("0003", "0010", "0017", "0024")]
    file = tmp_path / "model.csv"
    file.write_text("\n".join(["subject,myopathy,neuropathy,normal", *rows]))
    assert label("--model", str(file))[0] == 0
    store = Store(tmp_path / "study.sqlite")
    assert store.study.arms == ("blinded", "assisted")
    case = next(case for case in store.cases(0) if case.arm == "assisted")
    assert store.assistance(case) == {"myopathy": 0.125, "neuropathy": 0.25, "normal": 0.625}
    store.close()


def test_one_of_several_methods_is_chosen_and_its_repeats_are_averaged(label, tmp_path):
    rows = [
        f"{method},{repeat},KLINIK{code},{0.25 + 0.5 * repeat if method == 'a' else 1},{rest},0"
        for code in ("0003", "0010", "0017", "0024")
        for method, repeat, rest in (("a", 0, 0.75), ("a", 1, 0.25), ("b", 0, 0))
    ]
    file = tmp_path / "model.csv"
    file.write_text("\n".join(["method,repeat,subject,myopathy,neuropathy,normal", *rows]))
    assert label("--model", str(file), "--method", "a")[0] == 0
    store = Store(tmp_path / "study.sqlite")
    case = next(case for case in store.cases(0) if case.arm == "assisted")
    assert store.assistance(case) == {"myopathy": 0.5, "neuropathy": 0.5, "normal": 0.0}
    store.close()


def test_a_vote_for_a_diagnosis_that_no_subject_has_can_be_analysed(label, tmp_path, capsys):
    X, _ = small_cohort(sfreq=4_000.0)
    columns = {name: X[name].to_numpy() for name in ("sfreq", "subject")}
    folder = tmp_path / "two"
    write_cohort(folder, Recordings(list(X), **columns), ["ALS"] * 4 + ["normal"] * 4)
    given = ["--diagnosis", "ALS=ALS"]
    assert label("--readers", "2", *given, folder=folder)[0] == 0
    store = Store(tmp_path / "study.sqlite")
    assert set(store.study.classes) == {"myopathy", "neuropathy", "normal", "ALS"}
    for reader in (0, 1):
        for patient in range(4):
            for at in (0, 1, None):
                store.vote(reader, Vote(f"{reader}{patient}{at}", patient, at, "neuropathy"))
    store.close()
    capsys.readouterr()
    argv = ["readers", str(tmp_path / "study.sqlite"), "--cohort", str(folder), *given]
    assert main([*argv, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "accuracy of R1: 0.00" in printed
    assert "no subject's diagnosis: neuropathy" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--readers", "0"], "--readers 0 must be an integer >= 1"),
        (["--repeats", "9"], "--repeats 9 is more than there are subjects (4)"),
        (["--show", "age"], "has no column age: leave it out of --show"),
        (["--show", "name"], "is unknown: give some of"),
        (["--arms", "assisted"], "give it in --model"),
        (["--deadline", "tomorrow"], "--deadline tomorrow must be a date and time"),
        (["--deadline", "2020-01-31T18:00+01:00"], "has passed, so that nobody could vote"),
        (["--host", "0.0.0.0"], "--host 0.0.0.0 can be reached from other machines: give "
                                "--tls-cert and --tls-key, or set --behind-proxy."),
        (["--behind-proxy"], "give --name"),
        (["--tls-cert", "none.pem"], "give both"),
        (["--port", "70000"], "--port 70000 must be"),
        (["--new-link", "1"], "study.sqlite' does not exist: leave it out, or correct --study"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused_before_a_study_is_made(
    label, tmp_path, capsys, options, message
):
    assert label(*options)[0] == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "study.sqlite").exists()


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """A certificate, its key, the same key under a passphrase, and another one."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("pem")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    for cert, key in (("cert", "key"), ("none", "other")):
        subprocess.run(
            ["openssl", "req", "-x509", *curve, "-nodes", "-days", "1", "-subj", "/CN=localhost",
             "-out", str(folder / cert), "-keyout", str(folder / key)],
            check=True, capture_output=True,
        )  # fmt: skip
    subprocess.run(
        ["openssl", "ec", "-in", str(folder / "key"), "-aes256", "-passout", "pass:secret",
         "-out", str(folder / "locked")],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "none").write_text("no certificate")
    return folder


@pytest.fixture
def listening_label(label, monkeypatch):
    """Run the command so that it takes its port, and serves nothing."""
    monkeypatch.setattr("sknemg.labeler.listen", listen)
    return label


def refused(capsys, tmp_path, message):
    said = capsys.readouterr()
    assert message in said.err and "file" not in said.err
    assert "Serving" not in said.out and not links(said.out)
    assert not (tmp_path / "study.sqlite").exists()


def test_an_address_that_cannot_be_had_is_refused_before_a_study_is_made(
    listening_label, tmp_path, capsys
):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert listening_label("--port", port)[0] == 2
    message = f"--port {port} is taken by another server: give another --port."
    refused(capsys, tmp_path, message)
    for host in ("emg.invalid", "a..b", "192.0.2.7"):
        options = ["--host", host, "--behind-proxy", "--name", "a.example"]
        assert listening_label(*options)[0] == 2
        refused(capsys, tmp_path, f"--host {host} is not an address of this machine")
    code, (_, address, listening) = listening_label("--port", port)  # now it is free
    assert (code, address.port, listening.fileno()) == (0, int(port), -1)  # and is so again


@pytest.mark.parametrize(
    ("cert", "key", "message"),
    [
        (
            "none",
            "key",
            "none' holds no certificate in PEM format: correct --tls-cert and --tls-key.",
        ),
        ("cert", "none", "none' holds no key in PEM format, or not that of the certificate"),
        ("cert", "other", "other' holds no key in PEM format, or not that"),
    ],
)
def test_what_is_no_certificate_is_refused_before_a_study_is_made(
    listening_label, pem, tmp_path, capsys, cert, key, message
):
    options = ["--tls-cert", str(pem / cert), "--tls-key", str(pem / key)]
    assert listening_label(*options, "--port", "1")[0] == 2
    refused(capsys, tmp_path, message)


def test_a_key_with_a_passphrase_is_asked_for_it_when_it_is_served(pem):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with listen(Address(port=port, tls=(pem / "cert", pem / "locked"))) as listening:
        assert listening.getsockname() == ("127.0.0.1", port)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject,myopathy\nKLINIK0003,1\n", "has no column neuropathy, normal"),
        ("subject,myopathy,neuropathy,normal\nS1,1,1,1\n", "row 2: the probabilities do not add"),
        ("subject,myopathy,neuropathy,normal\nS1,1,,0\n", "row 2: the probabilities do not add"),
        ("subject,myopathy,neuropathy,normal\nS1,1,0,0\n", "answer is missing for subjects"),
        (
            "method,subject,myopathy,neuropathy,normal\na,S1,1,0,0\nb,S1,1,0,0\n",
            "--model holds a, b: choose one by --method NAME.",
        ),
    ],
)
def test_a_wrong_file_of_a_model_is_refused(label, tmp_path, capsys, text, message):
    file = tmp_path / "model.csv"
    file.write_text(text)
    assert label("--model", str(file))[0] == 2
    assert message in capsys.readouterr().err


def test_another_study_or_cohort_is_refused(label, cohort, tmp_path, capsys):
    label("--readers", "3")
    assert label("--readers", "4")[0] == 2
    assert "was made with --readers 3" in capsys.readouterr().err
    other = tmp_path / "other"
    X, y = small_cohort(sfreq=5_000.0)
    write_cohort(other, Recordings(list(X), sfreq=5_000.0, subject=X["subject"].to_numpy()), y)
    assert label(folder=other)[0] == 2
    assert "is not that of the study" in capsys.readouterr().err
    assert label(folder=None)[0] == 2
    assert "give --cohort" in capsys.readouterr().err
    assert label("--dump", str(tmp_path), folder=None)[0] == 0
    assert label("--new-link", "9")[0] == 2
    assert "--new-link 9 is not one of the 3" in capsys.readouterr().err
