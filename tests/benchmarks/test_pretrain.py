"""The benchmarks of pretrained models, on invented answers and no training."""

import argparse
import json
import shutil
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from benchmarks.machinery.kept_cohort import marked
from benchmarks.pretrain import calibration, cards, others, patients, real_scores, units, worth
from benchmarks.pretrain.networks import Network
from benchmarks.pretrain.real_scores import CLASSES
from benchmarks.pretrain.variation import GAIN
from sknemg import Recordings
from sknemg.diagnosis.answers import Answering
from sknemg.muap.features import FEATURES
from sknemg.pretrained import fine_tuning
from sknemg.versions import package_code
from sknemg.weights import CAUTION, folder_of

USUAL = {"window": 0.4, "hop": 0.2, "updates": 150}


class Few:
    """Nine subjects, as `draws` needs them of a cohort."""

    diagnoses = pd.Series(np.repeat(CLASSES, 3), index=[f"S{k}" for k in range(9)])


def answers(right, method="a", shots=1):
    """Answers of nine subjects, of which some are right."""
    y = np.repeat(CLASSES, 3)
    said = [
        own if ok else CLASSES[CLASSES.index(own) - 1] for own, ok in zip(y, right, strict=True)
    ]
    table = pd.DataFrame(np.eye(3)[[CLASSES.index(one) for one in said]], columns=CLASSES)
    return table.assign(subject=range(9), y_true=y, method=method, shots=shots, draw=0)


def test_draws_hold_as_many_of_each_class_and_differ():
    found = worth.draws(Few, 2, 4)
    for own in found:
        assert Few.diagnoses[own].value_counts().to_dict() == dict.fromkeys(CLASSES, 2)
    assert len({tuple(own) for own in found}) > 1
    assert found == worth.draws(Few, 2, 4)


def test_a_subject_counts_once_whatever_the_number_of_draws():
    right = np.array([1, 1, 0, 1, 1, 1, 0, 0, 0], dtype=bool)
    once = answers(right)
    again = answers(~right).iloc[:1].assign(draw=1)  # the first subject is wrong there
    assert real_scores.balanced(once) == pytest.approx((2 / 3 + 1 + 0) / 3)
    both = pd.concat([once, again])
    assert real_scores.balanced(both) == pytest.approx((0.5 + 1 + 0) / 9 + (1 + 0) / 3)
    drawn = real_scores.bootstrap([once, once])
    assert_allclose(drawn[:, 0], drawn[:, 1])  # paired
    assert abs(drawn[:, 0].mean() - real_scores.balanced(once)) < 0.02


def test_gains_are_over_the_best_from_scratch(tmp_path):
    rows = [
        answers([1] * 9, "nEMGNet, fine-tuned", 4), answers([1, 0, 0] * 3, "features + LDA", 4),
        answers([1, 1, 0] * 3, "features + forest", 4), answers([0] * 9, "no EMG", 4),
    ]  # fmt: skip
    (tmp_path / "n2001").mkdir()
    pd.concat(rows).to_csv(tmp_path / "n2001" / "subjects.csv", index=False)
    (gain,) = real_scores.gains(tmp_path, "n2001").itertuples()
    assert gain.best_from_scratch == "features + forest"
    assert gain.gain == pytest.approx(1 / 3)
    assert "+67 [+" in real_scores.table_of(tmp_path, "n2001")
    lines = real_scores.best_gains(real_scores.gains(tmp_path, "n2001")).splitlines()
    assert lines[0] == "| points over the best from scratch | 4: features + forest |"
    assert lines[2].startswith("| nEMGNet, fine-tuned | +33 [")


def kept(folder, rows, **calibrated):
    """Keep rows and the settings beside them, as a run does."""
    (folder / "n2001").mkdir()
    rows.to_csv(folder / "n2001" / "subjects.csv", index=False)
    own = {"temperature": 1.0, "quantile": 0.6, "recordings_refused": 1, "recordings": 80,
           "subjects_refused": 5, "subjects": 9}  # fmt: skip
    settings = {
        "plausibility": {"volitional-small": own | calibrated}, "draws": 5, "updates": 150,
        "models": {"volitional-small": {"sha256": "0" * 64}}, "device": "CPU", "commit": "abc",
    }  # fmt: skip
    (folder / "n2001" / "settings.json").write_text(json.dumps(settings))


def test_sets_are_made_after_the_temperature():
    own = answers([1] * 9)
    own[CLASSES] = [[0.5, 0.3, 0.2]] * 9  # one diagnosis, right of three of nine
    flat = {"temperature": 1.0, "quantile": 0.55}
    assert real_scores.sets_of(own, flat) == (3, 9, 1.0)
    assert str(real_scores.sets_of(own, flat)) == "3 of 9 (33 %, 1.0 diagnoses per set)"
    assert real_scores.sets_of(own, flat | {"quantile": 0.75}) == (6, 9, 2.0)
    assert real_scores.sets_of(own, {"temperature": 10.0, "quantile": 0.7}) == (9, 9, 3.0)


def test_what_was_not_trained_further_has_no_draws_nor_empty_columns(tmp_path):
    rows = answers([1] * 9, "nEMGNet, simulated alone", shots=0)
    kept(tmp_path, rows)
    text = real_scores.report(tmp_path, ["n2001"])
    assert "gain" not in text and "draws" not in text
    assert "9 of 9 (100 %, 1.0 diagnoses per set)" in text
    assert "(hum, amplitude, or unlike the simulated) volitional-small: 1 of 80 rec" in text
    more = [rows, answers([1] * 9, "no EMG"), answers([1] * 9, "features + LDA")]
    pd.concat(more).to_csv(tmp_path / "n2001" / "subjects.csv", index=False)
    text = real_scores.report(tmp_path, ["n2001"])
    assert "gain over no EMG" in text and "5 draws, 150 updates" in text


def test_rows_of_another_commit_say_so():
    settings = {"commit": "abc", "commits": {"no EMG": "abc", "a": "older", "b, c": "older"}}
    assert real_scores.made_by(settings) == "commit abc; a / b, c by older"
    assert real_scores.made_by({"commit": None}) == "commit unknown"


def test_subjects_are_refused_by_the_rules_of_the_model():
    """One of two subjects by its recordings, one by the distance of all; the third by nothing."""
    raw = Recordings(np.ones((6, 9)), sfreq=1000, subject=list("aabbcc"))

    class Model(Answering):
        class plausibility_:
            subject_distance_ = 2.0

            @staticmethod
            def examine(X):
                columns = {"distance": [1.0, 1, 3, 3, 1, 1]}
                return pd.DataFrame({"unusable": ["hum", "hum", "", "", "", "hum"]} | columns)

    model = Model()
    assert worth.refused(model, raw) == {
        "recordings_refused": 3, "recordings": 6, "subjects_refused": 2, "subjects": 3,
    }  # fmt: skip


def test_the_cards_say_what_the_kept_results_do():
    for name, method in real_scores.SHIPPED.items():
        text = (folder_of(name) / "README.md").read_text(encoding="utf-8")
        assert real_scores.on_card(real_scores.FOLDER, method) in text
        assert real_scores.promised(real_scores.FOLDER, method) in text
    assert real_scores.caution(real_scores.FOLDER) == CAUTION


def test_no_curve_is_drawn_of_models_that_were_not_trained_further(tmp_path):
    kept(tmp_path, answers([1] * 9, "nEMGNet, simulated alone", shots=0))
    assert not real_scores.draw_curve(tmp_path, ["n2001", "algiers"])
    assert not list(tmp_path.glob("*.png"))
    assert "learning_curve.png" not in real_scores.report(tmp_path, ["n2001"])


@pytest.fixture
def six_patients(tmp_path, monkeypatch):
    """A store with the raw recordings of six patients; a unit is the peak of a recording."""
    waves = np.tile(np.sin(np.arange(4000) * 0.3) * np.hanning(4000), (12, 1))
    subject = [f"S{k}" for k in range(6) for _ in range(2)]
    np.savez(
        tmp_path / "wide-50003.npz", values=waves.ravel().astype(np.float32),
        offsets=4000 * np.arange(13), y=np.repeat(CLASSES, 4), meta_subject=subject,
        meta_sfreq=np.full(12, 10_000), **marked(package_code(*patients.SIMULATES), "abc"),
    )  # fmt: skip

    class Peak:
        def fit_transform(self, X):
            peaks = np.array([[np.abs(row).max()] for row in X])
            return X.with_values(peaks, np.arange(len(X) + 1), sfreq=20_000, item="motor unit")

    monkeypatch.setattr(patients, "MuapFeatures", Peak)
    return tmp_path


def test_units_are_measured_at_the_gain_of_their_patient(six_patients):
    own = patients.block(six_patients, "wide", 3)
    new = patients.block(six_patients, "wide", 3, louder=True)
    gain = new.units.values[:, 0] / own.units.values[:, 0]
    assert_allclose(gain[::2], gain[1::2])  # one for each patient
    assert len(np.unique(gain.round(5))) == 6
    assert 1 / GAIN <= gain.min() < 0.8 and 1.2 < gain.max() <= GAIN
    each = np.repeat(gain, 4000)
    assert_allclose(new.waves.values, own.waves.values * each, rtol=1e-5)
    again = patients.block(six_patients, "wide", 3, louder=True)  # from the store
    assert_allclose(again.units.values, new.units.values)
    assert_allclose(again.waves.values, new.waves.values)


def test_a_block_is_simulated_once_and_its_time_kept(six_patients, monkeypatch):
    def made(kind, seed):
        return Recordings(np.ones((4, 4000)), sfreq=10_000, subject=list("aabb")), np.full(4, "x")

    monkeypatch.setattr(patients, "simulated", made)
    for number in (0, 1, 1, 3):  # the last one is in the store
        patients.block(six_patients, "wide", number)
    times = pd.read_csv(six_patients / patients.TIMES)
    assert times["seed"].tolist() == [50_000, 50_001]
    assert times["patients"].tolist() == [2, 2]
    assert (times["cpu_seconds"] >= 0).all()


def test_a_column_that_needs_a_known_machine_is_not_chosen(monkeypatch):
    """`amplitude` tells three classes apart within each needle, and misleads across needles."""
    rng = np.random.default_rng(0)
    y = np.tile(CLASSES, 40)
    code = np.tile([0, 1, 2], 40)
    machines = {name: rng.random(120) for name in units.MACHINES}
    machines["needle"] = np.repeat(["concentric", "monopolar"], 60)
    raw = Recordings(np.ones((120, 4)), sfreq=10_000, subject=np.arange(120), **machines)
    values = rng.normal(size=(360, len(FEATURES)))
    values[:, FEATURES.index("duration")] += 2 * np.repeat(code, 3)
    far = np.repeat(machines["needle"] == "monopolar", 3)
    values[:, FEATURES.index("amplitude")] += 3 * np.repeat(code, 3) + 9 * far
    found = raw.with_values(values, 3 * np.arange(121), item="motor unit")
    own = patients.Block(raw, raw, found, y)
    monkeypatch.setattr(units, "MACHINES", ("needle", "gain"))
    table = units.unknown_machines(own, ["amplitude"])
    assert table["machines"].tolist() == ["needle", "needle", "gain", "gain"]
    assert (table["subjects"] == 60).all()  # the other half trains
    assert (table["balanced_accuracy"][:2] < 0.5).all()
    monkeypatch.setattr(units, "FEATURES", FEATURES[:2])
    monkeypatch.setattr(units, "MOST_COLUMNS", 1)
    columns, _ = units.choose_columns(own)
    assert columns == ["duration"]


def test_a_network_has_as_many_updates_whatever_the_number_of_windows():
    setting = Network(n_updates=100, batch_seconds=12.8)
    for n_windows in (300, 2000, 50_000):
        own = setting.classifier(n_windows, seed=0)
        updates = own.max_epochs * own.epoch_fraction * n_windows / own.batch_size
        assert abs(updates - 100) < 5


def test_what_no_weights_change_is_taken_from_kept_results(tmp_path):
    names = [f"S{k}" for k in range(9)]
    rows = [
        answers([1] * 9, "nEMGNet, simulated alone", shots=0), answers([0] * 9, "no EMG"),
        answers([1, 0, 0] * 3, "nEMGNet, fine-tuned"),
        answers([1, 1, 0] * 3, "features + LDA").iloc[2:],
    ]  # fmt: skip
    kept(tmp_path, pd.concat(rows))
    settings = {"commits": {"no EMG": "abc", "features + LDA": "older"}}
    (tmp_path / "n2001" / "settings.json").write_text(json.dumps(settings))
    cache = tmp_path / "cache"
    worth.take_unmoved(tmp_path / "n2001", cache, names[::-1], USUAL, "0.4")
    found = sorted(file.name for file in cache.iterdir())
    assert found == ["n2001-1-0-features + LDA-0.4.csv", "n2001-1-0-no EMG-any.csv"]
    table = pd.read_csv(cache / "n2001-1-0-features + LDA-0.4.csv")
    assert table["subject"].tolist() == names[2:]
    assert set(table["commit"]) == {"older"}
    again = table[["subject", "y_true", *CLASSES]].assign(method="features + LDA", shots=1, draw=0)
    back = worth.anonymous([rows[0].assign(subject=names), again])
    back = back[back["method"] == "features + LDA"].reset_index(drop=True)
    pd.testing.assert_frame_equal(back[rows[3].columns], rows[3].reset_index(drop=True))
    with pytest.raises(ValueError, match="has 9 subjects and the cohort 8"):
        worth.take_unmoved(tmp_path / "n2001", cache, names[1:], USUAL, "0.4")


@pytest.mark.parametrize(
    ("kept_as", "said"),
    [
        ({}, "window 0.4 and not 1"),  # of before settings said it
        ({"window": 1, "hop": 0.5, "updates": 99}, "hop 0.5 and not 0.2, updates 99 and not 150"),
    ],
)
def test_what_other_windows_or_updates_made_is_not_taken(kept_as, said, tmp_path, capsys):
    rows = [answers([0] * 9, "no EMG"), answers([0] * 9, "features + LDA")]
    kept(tmp_path, pd.concat(rows))
    file = tmp_path / "n2001" / "settings.json"
    settings = {"commits": {"no EMG": "abc", "features + LDA": "abc"}} | kept_as
    file.write_text(json.dumps(settings))
    own = USUAL | {"window": 1}
    worth.take_unmoved(tmp_path / "n2001", tmp_path, list("abcdefghi"), own, "k")
    assert f"is of {said} as in this run: only 'no EMG' is taken" in capsys.readouterr().out
    assert [file.name for file in tmp_path.glob("*.csv")] == ["n2001-1-0-no EMG-any.csv"]


def test_kept_rows_are_those_of_the_weights_and_of_the_motor_units_that_trained(monkeypatch):
    rng = np.random.default_rng(0)
    raw = Recordings(np.ones((2, 4)), sfreq=10_000, subject=["a", "b"])

    def key(method, units=0.0, simulated=0.0, small="1" * 64, muap="2" * 64, window=0.4):
        hashes = pd.DataFrame({"sha256": {"volitional-small": small, "volitional-muap": muap}})
        monkeypatch.setattr(worth, "describe", lambda: hashes)
        columns = raw.with_values(np.full((4, 2), units), [0, 2, 4], item="motor unit")
        cohort = Namespace(columns=columns, settings=USUAL | {"window": window})
        own = Namespace(values=np.full((3, 2), simulated), labels=np.array(CLASSES))
        return worth.key_of(method, cohort, own)

    other = {
        "units": rng.random(), "simulated": rng.random(), "small": "3" * 64, "muap": "4" * 64,
        "window": 1.0,
    }  # fmt: skip
    moved = {
        method: {name for name, value in other.items() if key(method, **{name: value}) != before}
        for method in (real_scores.NO_EMG, *real_scores.STARTS, *real_scores.SCRATCH)
        for before in [key(method)]
    }
    assert moved == {method: {"window"} for method in real_scores.UNMOVED} | {
        real_scores.NO_EMG: set(),
        "nEMGNet, fine-tuned": {"window", "small"},
        "nEMGNet, head fine-tuned": {"window", "small"},
        real_scores.MAPS: {"window", "small"},
        real_scores.VARIED: {"window"},
        real_scores.LOGISTIC: {"window"},
        "motor units, from scratch": {"window", "muap", "units"},
        "motor units, simulated and own": {"window", "muap", "units", "simulated"},
    }
    assert "111111111111" in key("nEMGNet, fine-tuned")
    before = {method: key(method) for method in moved}
    monkeypatch.setitem(fine_tuning.DEFAULTS, "lr", 1.0)
    changed = {method for method in moved if key(method) != before[method]}
    tuned = {"nEMGNet, fine-tuned", "nEMGNet, head fine-tuned", real_scores.VARIED}
    assert changed == tuned
    before = {method: key(method) for method in moved}
    monkeypatch.setattr(fine_tuning, "C_OF_A_SECOND", 1.0)
    changed = {method for method in moved if key(method) != before[method]}
    assert changed == {real_scores.MAPS, real_scores.LOGISTIC}
    without = fine_tuning.few_shot_pipeline(measures=False)
    before = key(real_scores.MAPS)
    monkeypatch.setattr(worth, "few_shot_pipeline", lambda: without)
    assert key(real_scores.MAPS) != before  # of its columns as well


def test_blocks_are_filled_in_several_processes(six_patients):
    """The motor units of every block and gain; times have one header."""
    np.savez(six_patients / "wide-50004.npz", **np.load(six_patients / "wide-50003.npz"))
    wanted = [("wide", 3, False), ("wide", 4, True), ("wide", 4, True)]
    patients.fill(six_patients, wanted, jobs=1)
    made = {file.name.rsplit("-", 1)[0] for file in six_patients.glob("*-units*")}
    assert made == {"wide-50003-units", "wide-50004-units-louder"}
    assert pd.read_csv(six_patients / patients.TIMES).columns.tolist() == patients.TIMED


PACKAGE = """
import numpy as np, pandas as pd
class X:
    def __init__(self, subjects, seed):
        n = len(subjects)
        self.seed, self.meta = seed, pd.DataFrame({"sfreq": [1e4] * n, "subject": subjects})
        self.values, self.offsets = np.full(4 * n, float(seed)), 4 * np.arange(n + 1)
    def __len__(self):
        return len(self.meta)
    def __getitem__(self, rows):
        return X(self.meta["subject"].iloc[rows].tolist(), self.seed)
def make_cohort(n_subjects, *, confound, random_state, vary, n_jobs):
    assert not confound and vary == "all"
    subjects = [f"S{k}" for k in range(n_subjects) for _ in range(5)]
    return X(subjects, random_state), np.repeat(np.arange(n_subjects).astype(str), 5)
"""


@pytest.fixture
def package(tmp_path):
    """A folder with a simulator of another commit."""
    for name in ("simulate", "recordings"):
        (tmp_path / "sknemg" / name).mkdir(parents=True)
        (tmp_path / "sknemg" / name / "__init__.py").touch()
    (tmp_path / "sknemg" / "__init__.py").touch()
    (tmp_path / "sknemg" / "simulate" / "__init__.py").write_text(PACKAGE)
    return tmp_path


def test_the_package_of_another_commit_simulates_its_own_patients(package, monkeypatch):
    with pytest.raises(FileNotFoundError, match="holds no sknemg: unpack that of the older commit"):
        others.simulator_in(package / "sknemg", "abc")
    monkeypatch.setattr(others, "code_at", lambda commit: None)
    own = others.simulator_in(package, "abc")
    file = others.simulate(package, own, package, "whole", 2)
    assert file.name == "whole-10002.npz"
    monkeypatch.setattr(patients, "simulated", None)  # the present simulator has no part in it
    X, y = patients._raw(file, "whole", 10_002, other=True)
    assert X["subject"].nunique() == 30 and len(X) == 150
    assert set(X.values) == {10_002.0}
    wide = others.simulate(package, own, package, *others._block("wide:1"))
    few, y = patients._raw(wide, "wide", 50_001, other=True)
    assert few["subject"].value_counts().unique().tolist() == [3]
    assert [f"wide-50001-S{k}" for k in y] == few["subject"].tolist()
    with pytest.raises(argparse.ArgumentTypeError, match="'pattern' is no block: give KIND:NUMB"):
        others._block("pattern")
    assert patients.simulator_of(package, {"whole": [2]}, other=True) == own
    module = package / "sknemg" / "simulate" / "__init__.py"
    module.unlink()
    assert others.simulate(package, own, package, "whole", 2) == file  # not made again
    with pytest.raises(subprocess.CalledProcessError):
        others.simulate(package, own, package, "whole", 3)
    module.write_text(PACKAGE + "# mended")
    mended = others.simulator_in(package, "abd")
    with pytest.raises(ValueError, match=r"whole-10002.npz was not made by the simulator in .*abd"):
        others.simulate(package, mended, package, "whole", 2)
    others.simulate(package, mended, package, "whole", 3)
    with pytest.raises(ValueError, match=r"10002.npz and whole-10003.npz were made by different"):
        patients.others(package)


def test_a_package_is_held_against_its_commit(package, monkeypatch):
    own = others.code_in(package / "sknemg", *patients.SIMULATES)
    monkeypatch.setattr(others, "code_at", lambda commit: own)
    assert others.simulator_in(package, "abc") == (own, "abc")
    monkeypatch.setattr(others, "code_at", lambda commit: "0" * 64)
    with pytest.raises(ValueError, match="does not hold the simulator of abc: empty the folder"):
        others.simulator_in(package, "abc")
    with pytest.raises(ValueError, match="holds the present simulator"):
        others.simulator_in(others.ROOT, "abc")
    monkeypatch.undo()
    assert others.code_at("no such commit") is None


def test_patients_of_another_simulator_are_refused(six_patients, monkeypatch):
    """Whatever was measured of them, and those of the present one where another is asked for."""
    wide = {"wide": [3]}
    assert patients.simulator_of(six_patients, wide).commit == "abc"
    with pytest.raises(ValueError, match=r"wide-50003.npz was made by the present simulator"):
        patients.block(six_patients, "wide", 3, other=True)
    with pytest.raises(FileNotFoundError, match=r"holds no wide-50004.npz, patients of another"):
        patients.block(six_patients, "wide", 4, other=True)
    patients.block(six_patients, "wide", 3)
    monkeypatch.setattr(patients, "package_code", lambda *packages: "another" * 9)
    said = r"wide-50003.npz was made by another simulator \(commit abc, code .*: give an empty fold"
    for refuse in (
        lambda: patients.block(six_patients, "wide", 3),
        lambda: patients.fill(six_patients, [("wide", 3, False)], jobs=1),
        lambda: patients.simulator_of(six_patients, wide),
    ):
        with pytest.raises(ValueError, match=said):
            refuse()
    assert patients.simulator_of(six_patients, wide, other=True).commit == "abc"
    file = six_patients / "wide-50003.npz"
    arrays = {k: v for k, v in np.load(file).items() if not k.startswith("simulator")}
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match="does not say which simulator made it"):
        patients.block(six_patients, "wide", 3)


def test_units_are_measured_anew_by_other_code(six_patients, monkeypatch):
    first = patients.block(six_patients, "wide", 3)
    measured = list(six_patients.glob("*-units*"))
    code = package_code(*patients.MEASURES)
    monkeypatch.setattr(
        patients, "package_code",
        lambda *of: "another" if of == patients.MEASURES else package_code(*of),
    )  # fmt: skip
    monkeypatch.setattr(patients, "steps", lambda: pytest.fail("filtered again"))
    patients.block(six_patients, "wide", 3)
    assert len(list(six_patients.glob("*-units*"))) == 2
    monkeypatch.undo()
    assert code == package_code(*patients.MEASURES)
    monkeypatch.setattr(patients, "MuapFeatures", lambda: pytest.fail("measured again"))
    again = patients.block(six_patients, "wide", 3)
    assert_allclose(again.units.values, first.units.values)
    assert len(measured) == 1


def test_a_card_names_the_simulators_of_those_who_were_seen():
    """Also where a model is calibrated anew beside patients who are not those of its training."""
    about = {"other_simulator": "older", "simulator": "first", "seen_simulator": "present"}
    said = cards._seen(about | {"n_seen": 120, "n_calibration": 60})
    assert said.endswith("calibrate (commit older) and 60 of the simulator of commit present")
    assert "first" not in said


def test_rows_of_simulated_patients_and_of_real_ones_are_of_the_same_models(tmp_path):
    (tmp_path / "calibration.json").write_text(json.dumps({"models": {"volitional-small": "0"}}))
    with pytest.raises(ValueError, match="of other models than those that come with sknemg now"):
        calibration.kept_of_simulated(tmp_path)
    for name in real_scores.TITLES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.json").write_text(
            json.dumps({"models": {"volitional-small": {"sha256": "0"}}})
        )
    with pytest.raises(ValueError, match=r"The votes on EMGLAB N2001 .* are of other models"):
        calibration.real(tmp_path)
    rows = calibration.kept_of_simulated(real_scores.FOLDER)
    whole = pd.concat([rows, calibration.real(real_scores.FOLDER)], ignore_index=True)
    known = pd.read_csv(real_scores.FOLDER / "calibration.csv")
    pd.testing.assert_frame_equal(
        whole.drop(columns="commit").round(4), known.drop(columns="commit", errors="ignore")
    )


def test_rows_say_which_commit_made_them(tmp_path, monkeypatch):
    """Those that were kept before do as the settings beside them; later ones have their own."""
    for file in ("calibration.csv", "calibration.json"):
        shutil.copy(real_scores.FOLDER / file, tmp_path)
    for name in real_scores.TITLES:
        shutil.copytree(real_scores.FOLDER / name, tmp_path / name)
    table = pd.read_csv(tmp_path / "calibration.csv", dtype={"commit": str})
    table.drop(columns="commit", errors="ignore").to_csv(tmp_path / "calibration.csv", index=False)
    about = json.loads((tmp_path / "calibration.json").read_text())
    (tmp_path / "calibration.json").write_text(json.dumps(about | {"commit": "1e5"}))
    monkeypatch.setattr(calibration, "provenance", lambda: {"commit": "later"})
    monkeypatch.setattr(sys, "argv", ["x", "--part", "real", "--out", str(tmp_path)])
    for _ in range(2):  # the second time all rows have a commit, and the settings that of the run
        calibration.main()
        rows = pd.read_csv(tmp_path / "calibration.csv", dtype={"commit": str})
        simulated = rows["patients"].str.startswith("simulated, ")
        assert set(rows.loc[simulated, "commit"]) == {"1e5"}
        assert set(rows.loc[~simulated, "commit"]) == {"later"}
        assert json.loads((tmp_path / "calibration.json").read_text())["commit"] == "later"


def test_kept_rows_of_a_method_that_is_not_installed_stay(tmp_path, monkeypatch):
    """As those of MiniRocket, which needs aeon."""
    one = Recordings(np.ones((9, 4)), sfreq=10_000, subject=[f"S{k}" for k in range(9)])

    class Cohort:
        raw, y, subjects = one, np.repeat(CLASSES, 3), one["subject"].to_numpy()
        diagnoses, columns, windows, settings = Few.diagnoses, one, one, USUAL

    rows = [answers([1] * 9, "nEMGNet, simulated alone", shots=0)]
    rows += [answers([1] * 9, real_scores.MINIROCKET, shots).iloc[3:] for shots in (1, 2)]
    kept(tmp_path, pd.concat(rows))
    file = tmp_path / "n2001" / "settings.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"commits": {real_scores.MINIROCKET: "older"}}))
    votes = answers([1] * 9).drop(columns=["method", "shots", "draw"])
    votes["subject"] = Cohort.subjects
    monkeypatch.setattr(worth, "installed", lambda _: False)
    monkeypatch.setattr(worth, "real", lambda *_: Cohort)
    monkeypatch.setattr(worth, "adapted", lambda _: None)
    monkeypatch.setattr(worth, "ask", lambda *_: votes)
    monkeypatch.setattr(worth, "refused", lambda *_: {"subjects_refused": 0})
    args = Namespace(
        cache=tmp_path / "cache", label="new", out=tmp_path, keep_unmoved=True, draws=1, store=None,
        blocks=4, methods=["motor units, simulated and own", real_scores.MINIROCKET],
    )  # fmt: skip
    worth.run("n2001", args)
    found = pd.read_csv(tmp_path / "n2001" / "subjects.csv")
    assert found[found["shots"] > 0]["method"].unique().tolist() == [real_scores.MINIROCKET]
    assert found.groupby("shots").size().to_dict() == {0: 36, 1: 6, 2: 6}
    settings = json.loads(file.read_text())
    assert {name: settings[name] for name in USUAL} == USUAL
    present = settings["commit"] or "unknown"
    assert settings["commits"] == {
        "motor units, simulated alone": present, "nEMGNet, simulated alone": present,
        real_scores.ADAPTED: present, real_scores.MINIROCKET: "older",
    }  # fmt: skip
    monkeypatch.setattr(worth, "ask", lambda *_: pytest.fail("asked again"))
    worth.run("n2001", args)
    monkeypatch.setattr(worth, "package_code", lambda *_: "0" * 64)
    with pytest.raises(pytest.fail.Exception, match="asked again"):  # by other code
        worth.run("n2001", args)
