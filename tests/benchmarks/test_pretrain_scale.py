"""The comparison of settings of the shipped network, on invented answers."""

import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from benchmarks.pretrain import few_shot, networks, patients, scale, training
from benchmarks.pretrain.answers import Answers
from benchmarks.pretrain.networks import CHOICES, LONG, Network
from benchmarks.pretrain.training import FOLDER
from sknemg import Recordings

COHORTS = [f"{part}: {kind}" for part in ("choose", "test") for kind in (*scale.CHOOSE, "c94f7fb")]


def rows(setting, a, b, seed=0, n_patients=1200, weights="", cpu_seconds=np.nan):
    """A network whose log-loss is `a` on patients of the present simulator, else `b`."""
    about = {"simulator": "abc", "setting": setting, "weights": weights, "patients": n_patients,
             "seed": seed, "cpu_seconds": cpu_seconds}  # fmt: skip
    return pd.DataFrame([
        about | {"cohort": name, "subjects": 30, "right": 20, "log_loss_votes": 1.0,
                 "log_loss": b if "c94f7fb" in name else a}
        for name in COHORTS
    ])  # fmt: skip


def test_names_of_settings_differ_and_say_what_differs():
    assert Network().name == "windows of 0.4 s, flat head"
    assert Network(width=16, n_updates=5).name == "windows of 0.4 s, flat head, width 16, 5 updates"
    assert LONG.name == "windows of 2 s, pooled head, windows every 0.5 s"
    assert all(name == own.name for name, own in CHOICES.items())


def test_means_are_over_cohorts_of_one_simulator_and_of_others():
    table = scale.summary(pd.concat([rows("new", 0.7, 0.9), rows("new", 0.6, 0.9, seed=1)]))
    assert_allclose(table["choose_a"], [0.7, 0.6])
    assert_allclose(table["choose_b"], 0.9)
    assert_allclose(table["choose_score"], [0.8, 0.75])
    assert_allclose(table["test_a_right"], 2 / 3)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0.7, 0.6), 0.95, True),
        ((0.7, 0.81), 0.95, False),  # one seed is no better
        ((0.7, 0.6), 1.01, False),  # older physics lose too much
    ],
)
def test_weights_ship_if_every_seed_is_better_and_older_physics_lose_little(a, b, expected):
    new = [rows("new", own, b, seed) for seed, own in enumerate(a)]
    now = rows(scale.SHIPPED, 0.8, 0.9, n_patients=0, weights="f00")
    before = rows(scale.SHIPPED, 0.1, 0.1, n_patients=0, weights="beef")
    table = scale.summary(pd.concat([*new, rows("new", 9.0, 9.0, n_patients=60), now, before]))
    assert scale.ships(table, "abc", "new", 1200, "f00") is expected
    assert not scale.ships(table, "abc", "new", 60, "f00")
    assert not scale.ships(table, "abc", "unknown", 1200, "f00")
    assert not scale.ships(table, "abc", "new", 1200, "beef")
    with pytest.raises(ValueError, match=r"^0 networks, and not one, are the weights c0de asked"):
        scale.ships(table, "abc", "new", 1200, "c0de")
    lines = scale.table_of(table).splitlines()
    assert [line.split(" | ")[3] for line in lines if "as shipped" in line] == ["1", "1"]


def test_the_cheapest_wins_of_those_that_seeds_do_not_tell_apart():
    own = [
        rows("best", 0.60, 0.60, cpu_seconds=300.0), rows("cheap", 0.64, 0.64, cpu_seconds=50.0),
        rows("seeds", 0.70, 0.70, cpu_seconds=10.0),
        rows("seeds", 0.75, 0.75, seed=1, cpu_seconds=10.0),
        rows(scale.SHIPPED, 0.62, 0.9, n_patients=0, weights="f00"),
    ]  # fmt: skip
    (found,) = scale.verdicts(scale.summary(pd.concat(own)))
    assert found["wins"] == {"setting": "cheap", "patients": 1200}
    assert [tuple(row.values()) for row in found["settings"]] == [
        ("best", 1200, 1, 0.6, True, True), ("cheap", 1200, 1, 0.64, True, False),
        ("seeds", 1200, 2, 0.725, False, False),
    ]  # fmt: skip
    assert found["seeds_differ_by"] == pytest.approx(0.05)
    said = scale.said(found)
    assert "against the weights f00" in said
    assert "best, 1,200 patients, 1 seed, 0.60: as good as the best, may ship" in said
    assert "cheap, 1,200 patients, 1 seed, 0.64: wins, may not ship" in said
    assert "seeds, 1,200 patients, 2 seeds, 0.72: worse, may not ship" in said
    assert scale.verdicts(scale.summary(pd.concat(own[-1:]))) == []


def test_nobody_who_decides_has_a_twin_who_does_something_else():
    """Plan and machine of a seed are the same ones in every simulator and kind of that seed."""
    parts = {
        "train": {patients.COHORTS["wide"].seed + k for k in patients.USED["wide"]},
        "fit": {patients.COHORTS["whole"].seed + k for k in patients.OTHERS["whole"]},
        "choose": {patients.COHORTS[kind].seed + k for kind, own in scale.CHOOSE.items()
                   for k in own}
        | {patients.COHORTS["whole"].seed + k for k in scale.CHOOSE_OTHER},
        "test": {patients.COHORTS[kind].seed + k for kind, own in scale.TEST.items() for k in own}
        | {patients.COHORTS["whole"].seed + k for k in scale.TEST_OTHER},
    }  # fmt: skip
    assert sum(map(len, parts.values())) == len(set().union(*parts.values()))


def test_votes_are_scored_as_they_are_and_at_the_temperature_that_suits_them():
    proba = np.array([[0.4, 0.3, 0.3]] * 3 + [[0.3, 0.4, 0.3]])
    classes = np.array(["myopathy", "neuropathy", "normal"])
    own = Answers(np.arange(4), classes[[0, 0, 0, 0]], proba, classes)
    found = scale.scored(own)
    assert (found["subjects"], found["right"]) == (4, 3)
    assert found["log_loss_votes"] == pytest.approx(-0.75 * np.log(0.4) - 0.25 * np.log(0.3))
    grid = np.linspace(0.05, 2, 400)
    scaled = [np.exp(np.log(proba) / one) for one in grid]
    losses = [-np.log((p / p.sum(axis=1, keepdims=True))[:, 0]).mean() for p in scaled]
    assert found["log_loss"] == pytest.approx(min(losses), abs=1e-4)
    assert found["temperature"] == pytest.approx(grid[np.argmin(losses)], abs=0.01)


def test_blocks_that_choose_decide_or_try_fine_tuning_are_among_those_that_are_used():
    wanted = [
        (kind, k) for part in (scale.CHOOSE, scale.TEST, few_shot.blocks_of_kinds())
        for kind, own in part.items() for k in own
    ]  # fmt: skip
    wanted += [("whole", k) for k in (*scale.CHOOSE_OTHER, *scale.TEST_OTHER)]
    assert not [one for one in wanted if one[1] not in patients.USED.get(one[0], ())]


@pytest.fixture
def store(monkeypatch):
    """A store of a simulator, others, and networks that need no training."""
    world = {"code": {"store": "1", "older": "2"}, "training": "3", "calls": []}
    world["commits"] = ["abc+changes", "abc+changes"]  # of all, and of those who train

    def simulator_of(folder, numbers, *, other=False):
        return patients.Simulator(world["code"][str(folder)], world["commits"]["wide" in numbers])

    def train_network(setting, train, seed, device):
        world["calls"].append((setting.name, train, seed, device))
        return f"network {len(world['calls'])}"

    for module in (networks, scale):
        monkeypatch.setattr(module, "simulator_of", simulator_of)
        monkeypatch.setattr(module, "code_of_training", lambda: world["training"])
    monkeypatch.setattr(networks, "waves_of", lambda store, kind, numbers, louder: list(numbers))
    monkeypatch.setattr(networks, "train_network", train_network)
    monkeypatch.setattr(networks, "device_of", lambda name: f"the {name}")
    return world


def test_a_network_is_kept_by_blocks_simulator_training_and_device(store, tmp_path):
    def network(numbers=range(10), device="cpu", setting=networks.MIDDLE):
        return networks.trained(Path("store"), setting, numbers, 0, device, tmp_path)

    first = network()
    assert network(list(range(10))).votes == first.votes == "network 1"
    assert network([0, 9]).votes == "network 2"  # as many names before: blocks 0 to 9
    assert network([*range(1, 10), 0]).votes == "network 3"
    assert network(device="cuda").votes == "network 4"
    store["code"]["store"] = "another, of the same commit with changes"
    assert network().votes == "network 5"
    store["code"]["store"], store["training"] = "1", "mended"
    assert network().votes == "network 6"
    store["training"] = "3"
    assert network() == first and len(store["calls"]) == 6


def test_what_is_said_of_a_kept_network_is_of_its_training(store, tmp_path, monkeypatch):
    def world(commit):
        return lambda: {"commit": commit, "versions": {"torch": commit}, "device": "this one"}

    args = (Path("store"), networks.MIDDLE, [0, 1], 0, "cuda", tmp_path)
    monkeypatch.setattr(networks, "provenance", world("then"))
    networks.trained(*args)
    monkeypatch.setattr(networks, "provenance", world("now"))
    monkeypatch.setattr(networks, "device_of", lambda name: "another card")
    own = networks.trained(*args)
    expected = {"device": "the cuda", "commit": "then", "versions": {"torch": "then"}}
    assert own.about() == expected

    raw = Recordings(np.ones((1, 20_000)), sfreq=10_000, subject=["whole-1-S1"])
    block = patients.Block(raw, raw, raw, np.array(["normal"]))
    kept = {}

    class Votes:
        estimator_ = Namespace(history_=pd.DataFrame({"update": [7]}))

    def trained(store, setting, numbers, seed, device, cache):
        kept["cache"] = cache
        return own._replace(votes=Votes())

    monkeypatch.setattr(training, "fill", lambda *_: None)
    monkeypatch.setattr(training, "block", lambda *_, **__: block)
    monkeypatch.setattr(training, "together", lambda blocks: blocks[0])
    monkeypatch.setattr(training, "simulator_of", lambda *_: patients.Simulator("1", "abc"))
    monkeypatch.setattr(training, "provenance", world("now"))
    monkeypatch.setattr(training, "trained", trained)
    monkeypatch.setattr(training, "answers", lambda *_: Namespace(scores=dict))
    monkeypatch.setattr(training, "keep", lambda *of: kept.update(about=of[5]))
    training.train(Namespace(
        store=tmp_path, numbers=None, blocks=2, calibrating=1, testing=1, models=["small"], jobs=1,
        other=None, only_patients=False, network=networks.MIDDLE.name, networks=None, seed=0,
        device="cpu", results=tmp_path / "results",
    ))  # fmt: skip
    assert {key: kept["about"][key] for key in expected} == expected
    assert kept["about"]["calibration_commit"] == "now"
    assert kept["cache"] == tmp_path / "networks"


@pytest.fixture
def args(store, tmp_path, monkeypatch):
    """A run of the comparison, in which every network answers the same."""
    mark = {"volitional-small": "f" * 64}
    monkeypatch.setattr(scale, "describe", lambda: {"sha256": mark})
    monkeypatch.setattr(
        scale, "load", lambda name: Namespace(estimator_=[None, mark["volitional-small"]])
    )
    monkeypatch.setattr(scale, "cohorts", lambda store, others: ["choose: whole", *others])

    about = ["simulator", "setting", "weights", "patients", "seed", "cpu_seconds"]
    found = rows("", 0.5, 0.6).drop(columns=about).to_dict("records")
    monkeypatch.setattr(scale, "asked", lambda *_: found)
    (tmp_path / "cache").mkdir()
    store["mark"] = mark
    return Namespace(
        store=Path("store"), others={"c94f7fb": Path("older")}, device="cpu", out=tmp_path,
        cache=tmp_path / "cache",
    )  # fmt: skip


def test_rows_are_those_of_who_is_asked_and_of_the_present_simulator(args, store, monkeypatch):
    def run():
        scale.run(args, networks.MIDDLE, 2, 0)
        scale.ask_shipped(args)
        found = scale.rows_of(args)
        table = scale.summary(found)
        assert len(found) == len(COHORTS) * len(table)
        return table[["simulator", "setting", "weights", "patients", "seed"]].values.tolist()

    once = run()
    middle = ["abc+changes", networks.MIDDLE.name, "", 120, 0]
    assert sorted(once) == sorted([middle, ["abc+changes", scale.SHIPPED, "f" * 12, 0, 0]])
    assert run() == once and len(list(args.cache.glob("*.csv"))) == 2

    def changed():
        before = len(list(args.cache.glob("*.csv")))
        assert run() == once
        return len(list(args.cache.glob("*.csv"))) - before

    store["commits"][1] = "later, of the same code"  # blocks that train, of the same store
    assert changed() == 0
    store["commits"][0] = "later, of the same code"
    next(args.cache.glob(f"{scale.SHIPPED}*")).unlink()
    assert {row[0] for row in run()} == {"later, of the same code"}
    assert len(scale.verdicts(scale.summary(scale.rows_of(args)))) == 1
    store["commits"][:] = ["abc+changes"] * 2
    args.others["add0767"] = Path("older")
    assert changed() == 2
    store["code"]["older"] = "mended"
    assert changed() == 2
    monkeypatch.setattr(scale, "TEST", scale.TEST | {"whole": (0,)})
    assert changed() == 2
    store["code"]["store"] = "mended, of the same commit"
    assert changed() == 2
    store["training"] = "mended"
    assert changed() == 2
    args.device = "cuda"
    assert changed() == 2
    store["mark"]["volitional-small"] = "e" * 64
    both = run()
    assert sorted(row[2] for row in both) == ["", "e" * 12, "f" * 12]
    (one, two) = scale.verdicts(scale.summary(scale.rows_of(args)))
    assert {one["shipped"], two["shipped"]} == {"e" * 12, "f" * 12}

    kept = pd.concat([rows("older", 1, 1), rows("again", 1, 1).assign(simulator="abc+changes")])
    kept.assign(commit="0").to_csv(args.out / "scale.csv", index=False)
    found = scale.rows_of(args)
    assert set(found[found["setting"] == "older"]["simulator"]) == {"abc"}
    assert "again" not in set(found["setting"])


def test_a_run_simulates_what_is_missing_and_prints_and_keeps_the_verdict(
    args, monkeypatch, tmp_path, capsys
):
    called = []
    monkeypatch.setattr(scale, "fill", lambda store, blocks, jobs: called.append((blocks, jobs)))
    monkeypatch.setattr(scale, "check_made", lambda store, blocks: called.append((store, blocks)))
    command = f"scale --store store --others c94f7fb=older --blocks 1 2 --cache {args.cache}"
    monkeypatch.setattr(sys, "argv", [
        *command.split(), "--out", str(tmp_path / "out"), "--jobs", "3", "--settings",
        networks.MIDDLE.name,
    ])  # fmt: skip
    scale.main()
    (blocks, jobs), other = called
    assert jobs == 3 and {("wide", 1, None), ("whole", 8, None), ("biceps", 0, None)} <= {*blocks}
    assert other == (Path("older"), {"whole": (5, 6, 4, 7)})
    (verdict,) = json.loads((tmp_path / "out" / "scale.json").read_text())["verdicts"]
    assert verdict["wins"]["setting"] == networks.MIDDLE.name
    assert scale.said(verdict) in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*command.split(), "--write"])
    with pytest.raises(SystemExit):
        scale.main()
    assert "--write needs --out" in capsys.readouterr().err


def test_code_of_training_is_that_of_the_package_and_of_the_benchmarks(monkeypatch):
    def of(*packages):
        return {"nn", "classifiers", "divote", "augmentation.py"} <= {*packages}

    before = networks.code_of_training()
    assert networks.code_of_training() == before
    monkeypatch.setattr(networks, "package_code", of)
    mended = networks.code_of_training()
    monkeypatch.setattr(networks, "package_code", lambda *packages: not of(*packages))
    assert len({before, mended, networks.code_of_training()}) == 3
    monkeypatch.undo()
    source = networks.getsource
    monkeypatch.setattr(networks, "getsource", lambda part: source(part) + "# mended")
    assert networks.code_of_training() != before


def test_the_guide_and_the_kept_verdicts_say_what_the_kept_comparison_does():
    table = scale.summary(scale.read(FOLDER / "scale.csv"))
    text = scale.table_of(table).strip()
    assert f"{scale.BEGINS}\n\n{text}\n\n{scale.ENDS}" in scale.HISTORY.read_text(encoding="utf-8")
    kept = json.loads((FOLDER / "scale.json").read_text())["verdicts"]
    assert kept == scale.verdicts(table)
    assert [(own["simulator"], own["shipped"]) for own in kept] == [
        ("281e54c", "42e19cb9fa44"), ("787baa6", "c20a7e69c213"), ("a66c73a", "42e19cb9fa44"),
        ("c6c4527", "d76f12b1378b"), ("ee7c008", "c20a7e69c213"),
    ]  # fmt: skip
    assert not any(own["may_ship"] for own in kept[-2]["settings"])  # so that they stayed
    (shipped,) = kept[-1]["settings"]
    assert shipped["setting"] == "windows of 0.4 s, flat head, 10000 updates"
    assert (shipped["patients"], shipped["may_ship"]) == (3600, True)
