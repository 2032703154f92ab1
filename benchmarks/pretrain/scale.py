"""Compare settings of the small network, and decide which weights ship: by simulated patients.

Run ``python -m benchmarks.pretrain.scale --store FOLDER --others COMMIT=FOLDER ... --settings NAME
... --blocks 20 60 --seeds 0 1 --cache FOLDER``; a stopped run goes on, and several may run at once.
Without ``--settings`` what is in the cache is put together. Nothing real is read here.

The rule, written down before any of these networks was trained:

1. A network is scored, cohort by cohort, by the log-loss of its votes (of subjects, means of their
   windows) at the temperature that suits the cohort best: how well it tells diagnoses apart, not
   how sure it is, which is learned of other patients in any case. (Until seven networks were
   compared this temperature was that of the 60 patients who calibrate the shipped models. It went
   from 0.46 to 0.82 and decided more than their answers did. Nothing real was asked between.)
2. Settings are compared by the patients of `CHOOSE`, who train nothing, calibrate nothing and are
   on no card. (a) is the mean over the cohorts of the present simulator, (b) that over the older
   ones, whose physics the model has not seen. The setting with the lowest mean of (a) and (b),
   averaged over seeds, wins; the smaller, cheaper one where settings differ by less than the
   seeds of one of them.
3. Weights of that setting with seed 0 (not the best seed) ship if, on the patients of `TEST`, who
   have chosen no setting that is compared here, every seed has a lower (a) than the weights that
   ship now, and none has a (b) that is higher than theirs by more than `WORSE_BY`, or votes there
   that are worse than thirds. Older physics weigh less here, since the acceptance list says that
   they are further from people.
4. Real cohorts are asked once, after that, whatever they answer.

Those of `TEST` are no strangers to what all networks share: twins of them, the same persons and
machines by earlier physics (``whole`` 0 and 1, and the 30 of ``biceps`` 0 twice), chose that slow
noise is added and lengths are redrawn in training.

Networks and what they answer are kept under all that they depend on: blocks, the code that
simulated them, the code that trains and answers, and the device. What is put together are those of
the present code; of what is kept in ``--out``, the rows of other simulators stay.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from benchmarks.machinery.reporting import markdown, write_between
from benchmarks.machinery.runner import write_json
from benchmarks.pretrain.answers import Answers, answers
from benchmarks.pretrain.models import shown
from benchmarks.pretrain.networks import CHOICES, Network, code_of_training, trained
from benchmarks.pretrain.pages import HISTORY, marks
from benchmarks.pretrain.patients import (
    COHORTS,
    Waves,
    block,
    check_made,
    fill,
    simulator_of,
    together,
    waves_of,
)
from benchmarks.pretrain.worth import ANSWERS
from sknemg import load_model
from sknemg.diagnosis import fit_temperature, scale_temperature
from sknemg.persistence.card import reliability
from sknemg.pretrained import describe, load
from sknemg.provenance import provenance
from sknemg.versions import package_code

#: Cohorts by which settings are compared, and those that then decide: blocks of each kind.
CHOOSE: Mapping[str, Iterable[int]] = {"whole": (5, 6, 8), "biceps": (1,), "default": (1,)}
TEST: Mapping[str, Iterable[int]] = {"whole": (0, 1), "biceps": (0,), "default": (0,)}
#: Blocks of ``whole`` of every other simulator that do the same. Blocks of one number are twins
#: whatever the simulator, and have the same part; 2 and 3 calibrate the shipped models.
CHOOSE_OTHER, TEST_OTHER = (5, 6), (4, 7)
#: Log-loss on older physics by which new weights may be worse than those that ship.
WORSE_BY = 0.10
THIRDS = float(np.log(3))
SHIPPED = "as shipped"
BEGINS, ENDS = marks("scale.py")


def cohorts(store: Path, others: Mapping[str, Path]) -> dict[str, Waves]:
    """Read all cohorts that are asked, by name: ``choose: whole``, ``test: c94f7fb``, ..."""
    own = {
        f"{part}: {kind}": waves_of(store, kind, numbers)
        for part, blocks in (("choose", CHOOSE), ("test", TEST))
        for kind, numbers in blocks.items()
    }
    older = {
        f"{part}: {name}": waves_of(folder, "whole", numbers, other=True)
        for part, numbers in (("choose", CHOOSE_OTHER), ("test", TEST_OTHER))
        for name, folder in others.items()
    }
    return own | older


def scored(found: Answers) -> dict[str, float]:
    """Score votes of subjects, as they are and at the temperature that suits them best."""
    codes = np.searchsorted(found.classes, found.y)
    votes = np.maximum(found.proba, 1e-6)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The (scores of|temperature of)")  # at its limit
        temperature = fit_temperature(votes, codes, smooth=False)
    best = np.maximum(scale_temperature(votes, temperature), 1e-6)
    return {
        "subjects": len(codes),
        "right": int((votes.argmax(axis=1) == codes).sum()),
        "temperature": temperature,
        "log_loss_votes": reliability(votes, codes)["log_loss"],
        "log_loss": reliability(best, codes)["log_loss"],
    }


def asked(votes: Any, segmenter: Any, those: Mapping[str, Waves]) -> list[dict[str, Any]]:
    """Ask a network about all cohorts; a row each."""
    return [
        {"cohort": name} | scored(answers(votes, segmenter.fit_transform(own.waves), own.y))
        for name, own in those.items()
    ]


def asked_by(args: argparse.Namespace) -> str:
    """Hash who is asked, by which simulators they were made, and the code that trains and asks."""
    own = {kind: [*CHOOSE.get(kind, ()), *TEST.get(kind, ())] for kind in {*CHOOSE, *TEST}}
    older = {"whole": [*CHOOSE_OTHER, *TEST_OTHER]}
    blocks = [{k: list(v) for k, v in part.items()} for part in (CHOOSE, TEST)]
    others = {
        name: simulator_of(folder, older, other=True).code for name, folder in args.others.items()
    }
    code = (code_of_training(), package_code(*ANSWERS), args.device)
    asked = (simulator_of(args.store, own).code, blocks, others, CHOOSE_OTHER, TEST_OTHER)
    return str(joblib.hash((*asked, *code)))[:12]


def run(args: argparse.Namespace, setting: Network, n_blocks: int, seed: int) -> None:
    """Train a network and ask it, if that is not kept."""
    found = trained(args.store, setting, range(n_blocks), seed, args.device, args.cache)
    file = args.cache / f"{found.file.stem}, {asked_by(args)}.csv"
    if file.exists():
        return
    about = {
        "setting": setting.name, "weights": "",
        "patients": COHORTS["wide"].n_subjects * n_blocks, "seed": seed,
        "cpu_seconds": round(found.cpu_seconds, 1),
        "simulator": simulator_of(args.store, TEST).commit, "commit": found.commit,
    }  # fmt: skip
    rows = asked(found.votes, setting.segmenter(), cohorts(args.store, args.others))
    keep(file, [about | row for row in rows])


def ask_shipped(args: argparse.Namespace) -> None:
    """Ask the weights that come with sknemg about the same patients."""
    mark = describe()["sha256"]["volitional-small"][:12]
    file = args.cache / f"{SHIPPED}, {mark}, {asked_by(args)}.csv"
    if file.exists():
        return
    segmenter, votes = load("volitional-small").estimator_[-2:]
    about = {
        "setting": SHIPPED, "weights": mark, "patients": 0, "seed": 0, "cpu_seconds": np.nan,
        "simulator": simulator_of(args.store, TEST).commit, "commit": provenance()["commit"],
    }  # fmt: skip
    rows = asked(votes, segmenter, cohorts(args.store, args.others))
    keep(file, [about | row for row in rows])


def rows_of(args: argparse.Namespace) -> pd.DataFrame:
    """Put together what the cache has of these patients, simulators, device and code.

    They are of one simulator, by its code, and have the commit of the store, whichever of those
    with this code they were made at. Rows of other simulators that are kept in the folder of
    results stay.
    """
    files = sorted(args.cache.glob(f"*, {asked_by(args)}.csv"))
    rows = pd.concat([read(file) for file in files], ignore_index=True)
    rows["simulator"] = simulator_of(args.store, TEST).commit
    known = args.out / "scale.csv" if args.out else None
    if known is not None and known.exists():
        kept = read(known)
        rows = pd.concat([kept[~kept["simulator"].isin(rows["simulator"])], rows])
    return rows.sort_values("simulator", kind="stable", ignore_index=True)


def read(file: Path) -> pd.DataFrame:
    """Read rows; networks that do not ship have no name of their weights."""
    texts = dict.fromkeys(("simulator", "commit", "weights"), str)
    return pd.read_csv(file, dtype=texts).fillna({"weights": ""})


def ask_units(args: argparse.Namespace) -> None:
    """Ask the classifier of motor units that ships, and a new one, about those who test."""
    models = {SHIPPED: load("volitional-muap"), "new": load_model(args.muap / "volitional-muap")}
    blocks = {f"test: {kind}": (args.store, kind, own, False) for kind, own in TEST.items()}
    blocks |= {
        f"test: {name}": (folder, "whole", TEST_OTHER, True) for name, folder in args.others.items()
    }
    rows = []
    for cohort, (store, kind, numbers, other) in blocks.items():
        own = together([block(store, kind, k, other=other) for k in numbers])
        for name, model in models.items():
            middle, votes = model.estimator_[-2:]
            found = answers(votes, shown(middle, own), own.y)
            rows.append({"setting": name, "cohort": cohort} | scored(found))
    keep(args.out / "scale_muap.csv", rows)
    print(pd.DataFrame(rows).round(3).to_string())


def keep(file: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows, all of them or none."""
    part = file.with_suffix(".part")
    pd.DataFrame(rows).to_csv(part, index=False, float_format="%.4f")
    part.replace(file)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Give (a), (b) and right answers of every network, of those who choose and those who test."""
    known = rows["cohort"].str.split(": ", expand=True)
    rows = rows.assign(part=known[0], older=~known[1].isin(list(CHOOSE)))
    names = ["simulator", "setting", "weights", "patients", "seed", "cpu_seconds"]
    found = []
    for key, own in rows.groupby(names, sort=False, dropna=False):
        row = dict(zip(names, key, strict=True))
        for part in ("choose", "test"):
            for what, older in (("a", False), ("b", True)):
                those = own[(own["part"] == part) & (own["older"] == older)]
                row[f"{part}_{what}"] = those["log_loss"].mean()
                row[f"{part}_{what}_votes"] = those["log_loss_votes"].mean()
                row[f"{part}_{what}_right"] = those["right"].sum() / those["subjects"].sum()
            row[f"{part}_score"] = (row[f"{part}_a"] + row[f"{part}_b"]) / 2
        found.append(row)
    return pd.DataFrame(found)


def ships(table: pd.DataFrame, simulator: str, setting: str, n_patients: int, weights: str) -> bool:
    """Hold the networks of a setting to the rule of what ships, against some that shipped.

    Raises
    ------
    ValueError
        If these weights were not asked about patients of this simulator, once.
    """
    table = table[table["simulator"] == simulator]
    new = table[(table["setting"] == setting) & (table["patients"] == n_patients)]
    known = list(table[(table["setting"] == SHIPPED) & (table["weights"] == weights)].itertuples())
    if len(known) != 1:
        raise ValueError(
            f"{len(known)} networks, and not one, are the weights {weights} asked about patients "
            f"of {simulator}: put together what one code was asked."
        )
    better = (new["test_a"] < known[0].test_a).all()
    bearable = (new["test_b"] < known[0].test_b + WORSE_BY).all()
    votes = (new["test_b_votes"] < THIRDS).all()
    return bool(len(new) > 0 and better and bearable and votes)


def verdicts(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Hold all settings to the rule, by every simulator and all weights that shipped.

    A setting is as good as the best if its mean differs from that by no more than the seeds of one
    setting do from each other; the cheapest of those (in CPU seconds) wins. Whether networks of a
    setting may ship is said of all.
    """
    found = []
    for now in table[table["setting"] == SHIPPED].itertuples():
        own = table[(table["simulator"] == now.simulator) & (table["setting"] != SHIPPED)]
        if own.empty:
            continue
        groups = own.groupby(["setting", "patients"])
        means = groups[["choose_score", "cpu_seconds"]].mean().sort_values("choose_score")
        reach = (groups["choose_score"].max() - groups["choose_score"].min()).max()
        good = means["choose_score"] <= means["choose_score"].iloc[0] + reach
        setting, n_patients = means.loc[good, "cpu_seconds"].idxmin()
        rows = [
            {
                "setting": key[0], "patients": int(key[1]), "seeds": len(groups.get_group(key)),
                "mean": round(float(means.loc[key, "choose_score"]), 4),
                "as_good": bool(good[key]),
                "may_ship": ships(table, now.simulator, *key, now.weights),
            }
            for key in means.index
        ]  # fmt: skip
        found.append({
            "simulator": now.simulator, "shipped": now.weights,
            "seeds_differ_by": round(float(reach), 4),
            "wins": {"setting": setting, "patients": int(n_patients)}, "settings": rows,
        })  # fmt: skip
    return found


def said(verdict: dict[str, Any]) -> str:
    """Say a verdict in words."""
    lines = [f"Patients of {verdict['simulator']}, against the weights {verdict['shipped']}:"]
    for row in verdict["settings"]:
        wins = all(row[key] == value for key, value in verdict["wins"].items())
        place = "wins" if wins else "as good as the best" if row["as_good"] else "worse"
        lines.append(
            f"  {row['setting']}, {row['patients']:,} patients, {row['seeds']} "
            f"seed{'s' * (row['seeds'] > 1)}, {row['mean']:.2f}: {place}, "
            f"{'may' if row['may_ship'] else 'may not'} ship"
        )
    return "\n".join(lines)


def table_of(table: pd.DataFrame) -> str:
    """Lay out means over seeds as Markdown, the best setting of each simulator first."""
    header = ["simulator", "setting", "patients", "seeds", "CPU s", "choose: (a)", "right, %",
              "(b)", "right, %", "mean", "test: (a)", "right, %", "(b)", "right, %"]  # fmt: skip
    lines = []
    grouped = list(table.groupby(["simulator", "setting", "patients", "weights"], sort=False))
    order = {name: k for k, name in enumerate(table["simulator"].unique())}
    ranks = [(order[key[0]], own["choose_score"].mean()) for key, own in grouped]
    for key, own in (grouped[k] for k in sorted(range(len(grouped)), key=ranks.__getitem__)):
        row = own.mean(numeric_only=True)
        spread = f" ({own['choose_score'].min():.2f} to {own['choose_score'].max():.2f})"
        scores = [
            cell for part in ("choose", "test") for what in "ab"
            for cell in (f"{row[f'{part}_{what}']:.2f}", f"{100 * row[f'{part}_{what}_right']:.0f}")
        ]  # fmt: skip
        lines.append([
            key[0], key[1] + (f", {key[3]}" if key[3] else ""),
            f"{key[2]:,}" if key[2] else "", str(len(own)),
            "" if np.isnan(row["cpu_seconds"]) else f"{row['cpu_seconds']:.0f}", *scores[:4],
            f"{row['choose_score']:.2f}" + (spread if len(own) > 1 else ""), *scores[4:],
        ])  # fmt: skip
    return markdown(header, lines)


def other_store(text: str) -> tuple[str, Path]:
    """Read another simulator as the command line names it."""
    commit, _, folder = text.partition("=")
    if not folder:
        raise argparse.ArgumentTypeError(f"{text!r}: give COMMIT=FOLDER.")
    return commit, Path(folder)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="where patients are kept")
    parser.add_argument(
        "--others",
        type=other_store,
        nargs="+",
        required=True,
        metavar="COMMIT=FOLDER",
        help="stores of other simulators, by the names of their rows",
    )
    parser.add_argument("--settings", nargs="+", choices=list(CHOICES), default=[], metavar="NAME")
    parser.add_argument("--blocks", type=int, nargs="+", default=[20], help="of sixty patients")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--device", default="cpu", help="that trains, as cuda")
    parser.add_argument("--jobs", type=int, default=1, help="processes that simulate patients")
    parser.add_argument("--cache", type=Path, required=True, help="of finished networks")
    parser.add_argument("--out", type=Path, help="where the table is kept")
    parser.add_argument("--muap", type=Path, help="folder of new weights: their motor units alone")
    parser.add_argument("--write", action="store_true", help="the table into the guide")
    args = parser.parse_args()
    if args.write and not args.out:
        parser.error("--write needs --out: the page is held to the rows that are kept.")
    args.others = dict(args.others)
    args.cache.mkdir(parents=True, exist_ok=True)
    import torch

    torch.set_num_threads(1)
    if args.muap:
        ask_units(args)
        return
    simulate(args)
    for seed in args.seeds:
        for n_blocks in args.blocks:
            for name in args.settings:
                run(args, CHOICES[name], n_blocks, seed)
    ask_shipped(args)
    rows = rows_of(args)
    table = summary(rows)
    found = verdicts(table)
    print(table_of(table), *map(said, found), sep="\n")
    if args.write:
        write_between(HISTORY, BEGINS, ENDS, table_of(table))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        rows.to_csv(args.out / "scale.csv", index=False)
        write_json(args.out / "scale.json", {
            "simulator": simulator_of(args.store, TEST).commit,
            "others": {
                name: simulator_of(folder, {"whole": TEST_OTHER}, other=True).commit
                for name, folder in args.others.items()
            },
            "settings": {own.name: asdict(own) for own in CHOICES.values()
                         if own.name in set(table["setting"])},
            "verdicts": found,
        } | provenance())  # fmt: skip


def simulate(args: argparse.Namespace) -> None:
    """Simulate what is missing of the store; patients of other simulators have to be there."""
    wanted = [("wide", k) for k in range(max(args.blocks)) if args.settings]
    wanted += [(kind, k) for part in (CHOOSE, TEST) for kind, own in part.items() for k in own]
    fill(args.store, [(*one, None) for one in wanted], args.jobs)
    older = {"whole": (*CHOOSE_OTHER, *TEST_OTHER)}
    for folder in args.others.values():
        check_made(folder, older)


if __name__ == "__main__":
    main()
