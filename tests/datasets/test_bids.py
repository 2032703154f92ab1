"""Data sets in EMG-BIDS: written, read back, and what is wrong with them."""

import contextlib
import json
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pyedflib
import pytest

from sknemg import Recordings
from sknemg.datasets import (
    InvalidCohortError,
    ReadError,
    bids,
    bids_writing,
    load_bids,
    write_bids,
)

Y = ["myopathy", "myopathy", "normal"]
NAMED = re.compile(r"sub-[0-9a-zA-Z]+_task-[0-9a-zA-Z]+_run-[0-9]+_(emg|channels)\.\w+")


def make(lengths=(4800, 2400, 600), sfreq=48_000.0, scale=0.2, **columns):
    rng = np.random.default_rng(0)
    signals = [rng.normal(scale=scale, size=n).astype(np.float32) for n in lengths]
    own = {"subject": ["01", "01", "B2"], "muscle": ["deltoid", "biceps, long head", None]}
    return Recordings(signals, sfreq=sfreq, **{**own, **columns})


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def folder(tmp_path):
    """A data set of two subjects and three recordings."""
    write_bids(tmp_path / "set", make(), Y, name="A set", task="rest")
    return tmp_path / "set"


def problems(folder, **how):
    with pytest.raises(InvalidCohortError) as caught:
        load_bids(folder, **how)
    return str(caught.value)


# -- there and back ----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
@pytest.mark.parametrize(("bits", "steps"), [(16, 32_700), (24, 8_370_000)])
@pytest.mark.parametrize("scale", [2e-6, 0.2, 3000.0])
def test_signals_come_back_within_half_a_step(tmp_path, bits, steps, scale):
    X = make(scale=scale, power_line_frequency=[50.0, np.nan, 60.0], side=["left", None, "right"])
    X = X.with_columns(age=[41, 41, 67], acq_time=["2026-01-31T09:30:00", None, None])
    with (
        pytest.warns(UserWarning, match="plausible|probably|hardly")
        if scale != 0.2
        else contextlib.nullcontext()
    ):
        write_bids(tmp_path, X, Y, name="A set", task="rest", bits=bits)
        Z, y = load_bids(tmp_path, diagnosis="diagnosis")
    assert y.tolist() == Y and Z["sfreq"].tolist() == X["sfreq"].tolist()
    for was, now in zip(X, Z, strict=True):
        step = np.abs(was).max() / steps
        assert np.abs(now.astype(float) - was).max() <= step / 2 + np.spacing(np.abs(was).max())
    for name in ("subject", "muscle", "power_line_frequency", "side", "age", "acq_time"):
        pd.testing.assert_series_equal(Z[name], X[name], check_dtype=False)
    assert Z["clipped"].tolist() == [0, 0, 0]
    assert Z["run"].tolist() == ["1", "2", "1"] and set(Z["channel"]) == {"EMG"}
    with pyedflib.EdfReader(str(tmp_path / Z["file"][0])) as reader:
        header = reader.getSignalHeader(0)
        seen = reader.readSignal(0) * {"nV": 1e-6, "uV": 1e-3, "mV": 1.0}[header["dimension"]]
        assert header["label"] == "EMG" and header["sample_frequency"] == 48_000
    assert np.abs(seen - next(iter(X))).max() <= 1.01 * np.abs(next(iter(X))).max() / steps / 2


def test_labels_and_rates_of_any_kind_come_back(tmp_path):
    columns = {"session": ["02", "10", None], "acquisition": ["a", "a", "b"], "run": ["01"] * 3}
    X = make((4690, 4691, 4689), sfreq=[23_437.5, 10_000.0, 10_000.0], **columns)
    write_bids(tmp_path, X.with_columns(task=["a", "b", "c"]), name="A")
    with pytest.warns(UserWarning, match="rates"):
        Z, y = load_bids(tmp_path)
    assert y is None
    assert Z["file"][1] == "sub-01/ses-10/emg/sub-01_ses-10_task-b_acq-a_run-01_emg.bdf"
    assert Z["session"].tolist() == ["02", "10", None] and Z["run"].tolist() == ["01"] * 3
    assert Z["sfreq"].tolist() == [23_437.5, 10_000.0, 10_000.0]
    assert Z.lengths.tolist() == [4690, 4691, 4689]
    with pyedflib.EdfReader(str(tmp_path / Z["file"][0])) as reader:
        seen = reader.readSignal(0)
    assert len(seen) == 4692 and set(seen[4690:]) == {seen[4689]}
    (table,) = tmp_path.rglob("*ses-02*_channels.tsv")
    edit(table, "4690", "4693")
    assert "stop 0.200235 s of a file of 0.200192 s" in problems(tmp_path)
    edit(table, "4693", "many")
    assert "n_samples 'many' in channels.tsv" in problems(tmp_path)


def test_what_was_read_is_written_again(tmp_path):
    kept = {"recording": ["r1", "r2", "r1"], "clipped": [3.0, np.nan, 0.0]}
    kept["location"] = ["distal", None, "proximal"]
    write_bids(tmp_path / "a", make((4801, 2400, 601), **kept), Y, name="A set", task="rest")
    X, y = load_bids(tmp_path / "a", diagnosis="diagnosis")
    write_bids(tmp_path / "b", X, y, name="A set")
    Z, again = load_bids(tmp_path / "b", diagnosis="diagnosis")
    for name, column in kept.items():
        pd.testing.assert_series_equal(Z[name], pd.Series(column, name=name), check_dtype=False)
    assert Z["file"].tolist() == X["file"].tolist() and again.tolist() == y.tolist()
    assert Z.lengths.tolist() == [4801, 2400, 601]
    np.testing.assert_allclose(Z.values, X.values, atol=np.abs(X.values).max() / 8e6)


def test_a_data_set_whose_writing_was_interrupted_is_refused(tmp_path, monkeypatch):
    def stop(file, *given):
        if "B2" in file.name:
            raise KeyboardInterrupt
        return write(file, *given)

    write = bids_writing.write_json
    monkeypatch.setattr(bids_writing, "write_json", stop)
    with pytest.raises(KeyboardInterrupt):
        write_bids(tmp_path, make(), Y, name="A set", task="rest")
    assert "there is no 'dataset_description.json'" in problems(tmp_path, diagnosis="diagnosis")


def test_writing_without_edfio_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "edfio", None)
    with pytest.raises(ReadError, match="pip install edfio"):
        write_bids(tmp_path / "new", make(), Y, name="A set", task="rest")
    assert not (tmp_path / "new").exists()


def test_what_the_specification_requires_is_written(folder):
    said = json.loads((folder / "dataset_description.json").read_text())
    assert said["Name"] == "A set" and re.fullmatch(r"1\.\d+\.\d+", said["BIDSVersion"])
    table = (folder / "participants.tsv").read_text().splitlines()
    assert table == ["participant_id\tdiagnosis", "sub-01\tmyopathy", "sub-B2\tnormal"]
    files = sorted(folder.glob("sub-*/emg/*"))
    assert len(files) == 9 and all(NAMED.fullmatch(path.name) for path in files)
    required = {"EMGPlacementScheme", "EMGReference", "SamplingFrequency", "PowerLineFrequency"}
    required |= {"SoftwareFilters", "TaskName"}
    for path in folder.glob("sub-*/emg/*_emg.json"):
        fields = json.loads(path.read_text())
        assert required <= set(fields) and fields["TaskName"] == "rest"
        assert fields["EMGPlacementScheme"] != "Other" or fields["EMGPlacementSchemeDescription"]
    for path in folder.glob("sub-*/emg/*_channels.tsv"):
        names, entries = (line.split("\t") for line in path.read_text().splitlines())
        assert names[:3] == ["name", "type", "units"] and len(entries) == len(names)
        assert entries[:2] == ["EMG", "EMG"] and "" not in entries


@pytest.mark.parametrize(
    ("columns", "how", "message"),
    [
        ({"subject": ["a-1", "a-1", "b"]}, {}, "rows? .*subject 'a-1'.*letters and digits"),
        ({"subject": ["s1", "s1", "S1"]}, {}, "row 2: subject 'S1' differs from 's1' only in case"),
        ({"run": ["1", "1", "1"]}, {}, "row 1: the name of its file, .* is that of row 0"),
        ({"run": [1, 2, 1]}, {}, "row 0: run 1 .*digits"),
        ({"name": "x"}, {}, r"Columns \['name'\] have a meaning in BIDS"),
        ({"code": ["1", "2", "3"]}, {}, r"Columns \['code'\] would not be read back"),
        ({"note": ["n/a", "b", "c"]}, {}, r"Columns \['note'\] would not be read back"),
        ({"note": ["a\tb", "b", "c"]}, {}, r"Columns \['note'\] would not be read back"),
        ({"profile": "old"}, {}, r"Columns \['profile'\] have a meaning"),
        ({"status": ["good", "poor", "bad"]}, {}, "row 1: status 'poor'"),
        ({"acq_time": ["soon", None, None]}, {}, "row 0: acq_time 'soon'"),
        ({"task": "rest"}, {}, "both given"),
        ({"diagnosis": Y}, {"y": None}, "y is None"),
        ({}, {"bits": 32}, "bits=32 is unknown"),
        ({}, {"task": "at rest"}, "^task='at rest' must be text of letters and digits"),
        ({"task": ["a", "at rest", "b"]}, {"task": None}, "^1 unusable recording:\n  row 1: task"),
        ({"task": ["a", None, "b"]}, {"task": None}, "row 1: no task"),
        ({}, {"sidecar": {"TaskName": "x"}}, "sidecar has .*'TaskName'"),
        ({}, {"y": ["myopathy", "normal", "normal"]}, "diagnos"),
        ({"sfreq": 48_000.123}, {}, "cannot be divided into data records"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_writing(tmp_path, columns, how, message):
    alike = columns.get("subject", [""])[0] == "s1"
    with pytest.warns(UserWarning, match="differ only") if alike else contextlib.nullcontext():
        X = make((4800, 2400, 601), **columns)
    with pytest.raises(ValueError, match=message):
        write_bids(tmp_path / "new", X, **{"y": Y, "name": "A", "task": "rest", **how})
    assert not (tmp_path / "new").exists()


# -- data sets of others -----------------------------------------------------------------------


def write_set(folder, channels, *, sidecars, tables, file="sub-01_task-rest_emg.edf"):
    """Write a data set with files of several channels through pyedflib."""
    place = folder / "sub-01" / "emg"
    place.mkdir(parents=True)
    (folder / "dataset_description.json").write_text('{"Name": "n", "BIDSVersion": "1.11.0"}')
    with pyedflib.EdfWriter(str(place / file), len(channels), pyedflib.FILETYPE_EDF) as writer:
        for at, name in enumerate(channels):
            writer.setSignalHeader(
                at,
                {"label": name, "dimension": "uV", "sample_frequency": 1000, "prefilter": ""}
                | {"physical_min": -3000, "physical_max": 3000, "transducer": ""}
                | {"digital_min": -32768, "digital_max": 32767},
            )
        rng = np.random.default_rng(0)
        writer.writeSamples([rng.normal(scale=300, size=2000) for _ in channels])
    for name, fields in sidecars.items():
        (folder / name).write_text(json.dumps(fields))
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(map("\t".join, lines)) + "\n")
    return folder


CHANNELS = [["name", "type", "units", TARGET := "target_muscle", "status"]]
CHANNELS += [["1", "EMG", "uV", "deltoid", "good"], ["0", "EMG", "uV", "NA", "bad"]]
CHANNELS += [["T", "TRIG", "V", "n/a", "n/a"]]
PEOPLE = [["participant_id", "group", "age"], ["sub-01", "ALS", "n/a"], ["sub-09", "n/a", "3"]]


@pytest.mark.filterwarnings("ignore:1 of 2 participants")
def test_each_emg_channel_is_a_recording_and_sidecars_are_inherited(tmp_path):
    write_set(
        tmp_path,
        ["0", "1", "T"],
        sidecars={
            "emg.json": {"SamplingFrequency": 500, "PowerLineFrequency": 60},
            "sub-01/sub-01_task-rest_emg.json": {"SamplingFrequency": 1000},
            "task-other_emg.json": {"PowerLineFrequency": 50},
        },
        tables={"task-rest_channels.tsv": CHANNELS, "participants.tsv": PEOPLE},
    )
    with pytest.warns(UserWarning, match=r"1 of 2 channels have the status bad.*_emg.edf \(0\)"):
        X, y = load_bids(tmp_path, diagnosis="group", diagnoses={"ALS": "neuropathy"})
    assert X["channel"].tolist() == ["1", "0"] and y.tolist() == ["neuropathy"] * 2
    assert X["muscle"].tolist() == ["deltoid", "NA"]
    assert X["power_line_frequency"].tolist() == [60, 60] and X["sfreq"].tolist() == [1000, 1000]
    with pyedflib.EdfReader(str(tmp_path / X["file"][0])) as reader:
        for signal, at in zip(X, (1, 0), strict=True):
            np.testing.assert_allclose(signal, reader.readSignal(at) / 1000, atol=1e-6)
    X, _ = with_bad(load_bids, tmp_path, locations="given")
    assert "diagnosis" not in X and X["group"].tolist() == ["ALS", "ALS"]


def with_bad(load, *args, **how):
    with pytest.warns(UserWarning, match="status bad"):
        return load(*args, **how)


def test_contradictions_are_all_named_at_once(tmp_path):
    channels = [line[:3] for line in CHANNELS]
    channels[0] = [*channels[0], "sampling_frequency"]
    channels[1:] = [["0", "EMG", "V", "1000"], ["1", "EMG", "uV", "2e3"], ["T", "EMG", "rel", "x"]]
    tables = {"channels.tsv": channels}
    write_set(tmp_path, ["0", "1", "T"], sidecars={"emg.json": {"A": 1}}, tables=tables)
    said = problems(tmp_path)
    assert "channel '0': the file says uV, channels.tsv V: correct one, or give units=" in said
    assert "channel '1': the file says 1000 Hz, channels.tsv 2000 Hz: correct one" in said
    assert "channel 'T': units 'rel' in channels.tsv are unknown" in said
    assert "channel 'T': sampling_frequency 'x' in channels.tsv" in said
    said = problems(tmp_path, units="file")
    assert "uV" not in said and "2000 Hz" in said
    with pytest.warns(UserWarning, match="2 of 3 recordings were left out"):
        X, _ = load_bids(tmp_path, units="file", on_error="skip")
    assert X["channel"].tolist() == ["0"] and 0.2 < np.std(X.values) < 0.4


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("dataset_description.json", '"Name"', '"name"', "description.json: no Name"),
        ("participants.tsv", "sub-B2", "sub-C", "'sub-B2' is not in participants.tsv"),
        ("participants.tsv", "sub-B2", "sub-01", "participant 'sub-01' is listed 2 times"),
        ("participants.tsv", "normal", "n/a", "subject 'B2' has no diagnosis"),
        ("participants.tsv", "normal", "ill", "diagnosis 'ill' is unknown"),
        ("participants.tsv", "diagnosis", "group", "no column 'diagnosis'"),
        ("*B2*_channels.tsv", "EMG\tEMG", "EMG2\tEMG", r"the file has the channels \['EMG'\]"),
        ("*B2*_channels.tsv", "EMG\tEMG", "EMG\temg", "no channel of the type EMG"),
        ("*B2*_channels.tsv", "\tunits", "\tunit", "no column 'units'"),
        ("*B2*_emg.json", "48000", "4800", "says 48000 Hz, emg.json 4800 Hz: correct one"),
        ("*B2*_emg.json", "{", "[", "not JSON"),
    ],
)
def test_each_fault_of_a_folder_is_named(folder, file, old, new, message):
    (path,) = folder.rglob(file)
    edit(path, old, new)
    if file.endswith("emg.json") and old == "48000":
        table = next(folder.rglob("*B2*_channels.tsv"))
        edit(table, "48000.0", "n/a")
    assert re.search(message, problems(folder, diagnosis="diagnosis"))


def test_what_a_copy_lacks_is_named(tmp_path):
    X = make().with_columns(acq_time="2026-01-31T09:30:00")
    write_bids(tmp_path, X, Y, name="A set", task="rest")
    shutil.rmtree(tmp_path / "sub-B2")
    said = r"1 of 2 participants in participants.tsv have no EMG recording: sub-B2\."
    with pytest.warns(UserWarning, match=said):
        assert len(load_bids(tmp_path, diagnosis="diagnosis")[0]) == 2
    for file in (tmp_path / "sub-01" / "emg").glob("*run-2*"):
        file.unlink()
    said = problems(tmp_path, diagnosis="diagnosis")
    assert "lists what is missing, emg/sub-01_task-rest_run-2_emg.bdf: copy" in said


@pytest.mark.parametrize("end", ["emg.bdf", "channels.tsv"])
def test_a_recording_of_which_only_a_sidecar_is_there_is_named(folder, end):
    lost = folder / "sub-01" / "emg" / "sub-01_task-rest_run-2_emg.bdf"
    lost.rename(lost.with_name(f"{lost.name}.gz"))
    lost.with_name(f"sub-01_task-rest_run-2_{end}").unlink(missing_ok=True)
    said = problems(folder)
    assert said.startswith("1 problem ") and "_run-2_" in said
    assert "it describes no .edf or .bdf that is there (copy the data set again, or" in said
    with pytest.warns(UserWarning, match="1 of 3 recordings were left out"):
        assert len(load_bids(folder, on_error="skip")[0]) == 2
    (folder / "sub-B2" / "emg" / "sub-B2_task-rest_run-1_emg.json").unlink()
    of_all_runs = folder / "sub-B2" / "emg" / "sub-B2_task-rest_emg.json"
    of_all_runs.write_text('{"SamplingFrequency": 48000}')
    assert "sub-B2" not in problems(folder)


def test_the_files_of_a_session_are_looked_for_once(tmp_path, monkeypatch):
    """And not again for each recording, which a session of hundreds made slow."""
    X = make().with_columns(acq_time="2026-01-31T09:30:00")
    write_bids(tmp_path, X, Y, name="A set", task="rest")
    read, seen = bids.read_tsv, []

    def counted(path, needed):
        seen.append(path.name)
        return read(path, needed)

    monkeypatch.setattr(bids, "read_tsv", counted)
    load_bids(tmp_path, diagnosis="diagnosis")
    assert seen.count("sub-01_scans.tsv") == seen.count("sub-B2_scans.tsv") == 1


def test_hidden_files_are_none(folder):
    files = [file for file in folder.rglob("*") if file.is_file()]
    for file in [*files, folder / "sub-01" / "sub-01_scans.tsv"]:
        (file.parent / f"._{file.name}").write_bytes(b"\0\5\x16\7Mac OS X")
    assert len(load_bids(folder, diagnosis="diagnosis")[0]) == 3


def test_a_quote_that_is_not_closed_is_named_where_it_stands(folder):
    edit(folder / "participants.tsv", "sub-01\t", 'sub-01\t"')
    said = problems(folder, diagnosis="diagnosis")
    assert "participants.tsv: in row 2 a quote is not closed" in said and "sub-B2" not in said


def test_links_names_and_missing_sidecars_are_refused(folder, tmp_path):
    place = folder / "sub-01" / "emg"
    outside = tmp_path / "outside.bdf"
    (place / "sub-01_task-rest_run-1_emg.bdf").rename(outside)
    (place / "sub-01_task-rest_run-1_emg.bdf").symlink_to(outside)
    (place / "sub-01_task-rest_run-2_channels.tsv").unlink()
    (place / "sub-02_task-rest_emg.bdf").write_bytes(b"")
    (place / "sub-01_rest_emg.bdf").write_bytes(b"")
    said = problems(folder)
    for part in (
        "a link leads out of the folder",
        "no channels.tsv, which says what is EMG, applies to it",
        "a name with sub-02 in the folder of sub-01",
        "sub-01_rest_emg.bdf: a name",
    ):
        assert part in said
    with pytest.raises(ValueError, match="`diagnosis`: name the column"):
        load_bids(folder, diagnoses={"a": "normal"})


def test_the_example_of_bids(data_dir, tmp_path):
    """A file of bids-examples, whose channels.tsv says V where the file says uV.

    Neither is likely, but 0.27 uV at 2 kHz, a bandwidth of 1 kHz, may be the noise of an amplifier.
    """
    source = data_dir / "formats" / "bids_emg_CustomBipolar_sub-01_task-holdWeight_emg.edf"
    place = tmp_path / "sub-01" / "emg"
    place.mkdir(parents=True)
    (place / "sub-01_task-holdWeight_emg.edf").write_bytes(source.read_bytes())
    (tmp_path / "dataset_description.json").write_text('{"Name": "n", "BIDSVersion": "1.11.0"}')
    (tmp_path / "emg.json").write_text('{"SamplingFrequency": 2000, "TaskName": "holdWeight"}')
    table = "name\ttype\tunits\ttarget_muscle\nEMG1\tEMG\tV\tFlexor carpi radialis, Brachioradialis"
    (tmp_path / "channels.tsv").write_text(table)
    assert "the file says uV, channels.tsv V" in problems(tmp_path)
    X, _ = load_bids(tmp_path, units="file")
    assert X.values.std() == pytest.approx(2.7e-4, rel=0.02)
    with pyedflib.EdfReader(str(source)) as reader:
        np.testing.assert_allclose(X.values, reader.readSignal(0) / 1000, atol=1e-9)
    assert X["muscle"].tolist() == ["Flexor carpi radialis, Brachioradialis"]
