"""The archive that is measured, and the model that diagnoses it: written once, named many times."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

SFREQ, COUNTS_PER_MV = 48_000, 3_000
SHORT = 0.6  # s, of every third recording
LONG = 10.0  # s, of the recordings whose windows are compared with those of short ones
EACH = 5  # recordings of a patient in the archives of short and long recordings alone


def write_record(file: Path, signal: np.ndarray) -> None:
    """Write a signal in millivolts as a WFDB record: a header and samples of 16 bits."""
    counts = np.clip(np.rint(signal * COUNTS_PER_MV), -32_767, 32_767).astype("<i2")
    checksum = int(counts.sum(dtype=np.int64)) & 0xFFFF
    checksum -= 0x10000 if checksum >= 0x8000 else 0
    line = f"{file.name}.dat 16 {COUNTS_PER_MV}/mV 16 0 {counts[0]} {checksum} 0 EMG"
    file.with_suffix(".hea").write_text(f"{file.name} 1 {SFREQ} {len(counts)}\n{line}\n")
    file.with_suffix(".dat").write_bytes(counts.tobytes())


def write_archive(folder: Path, n_patients: int, few: int, many: int, seed: int) -> None:
    """Simulate patients, write them once, and name them again until the archive is full."""
    from sknemg.simulate import make_cohort

    X, y = make_cohort(n_patients, sfreq=SFREQ, confound=False, random_state=seed)
    once = folder / "once"
    once.mkdir(parents=True)
    signals = [row[: round(SHORT * SFREQ)] if at % 3 == 2 else row for at, row in enumerate(X)]
    for at, signal in enumerate(signals):
        write_record(once / f"r{at}", signal)
    meta = X.meta[["subject", "muscle"]].assign(
        diagnosis=y, seconds=[len(signal) / SFREQ for signal in signals], of=np.arange(len(X))
    )
    meta.to_csv(once / "recordings.csv", index=False)
    repeats = -(-many // len(X))
    table = pd.concat([meta] * repeats, ignore_index=True)
    table["subject"] = np.repeat(np.arange(repeats), len(X)).astype(str) + table["subject"]
    _link(folder, table, few, many)
    # As many windows in short recordings as in long ones, both of the same signals.
    n_long = max(EACH, len(X) // 4 // EACH * EACH)
    n_short = round(n_long * _n_windows(LONG) / _n_windows(SHORT) / EACH) * EACH
    for name, seconds, n in (("short", SHORT, n_short), ("long", LONG, n_long)):
        rows = _pieces(folder, name, X, seconds, n)
        rows.to_parquet(folder / f"{name}.parquet")


def _link(folder: Path, table: pd.DataFrame, few: int, many: int) -> None:
    names = []
    for who, of in zip(table["subject"], table["of"], strict=True):
        (folder / "named" / who).mkdir(parents=True, exist_ok=True)
        for end in (".hea", ".dat"):
            os.link(folder / "once" / f"r{of}{end}", folder / "named" / who / f"r{of}{end}")
        names.append(f"named/{who}/r{of}.hea")
    table = table.assign(file=names)[["subject", "file", "muscle", "seconds"]]
    for name, n in (("fewer", max(1, few // 4)), ("few", few), ("many", many)):
        table.iloc[:n].to_parquet(folder / f"{name}.parquet")
    part = table.iloc[:few]
    second = pd.factorize(part["subject"])[0] % 2 == 1  # whole subjects
    for name, own in (("first", ~second), ("second", second)):
        part[own].to_parquet(folder / f"{name}.parquet")


def _n_windows(seconds: float) -> int:
    return round((seconds - 0.4) / 0.1) + 1


def _pieces(folder: Path, name: str, X: object, seconds: float, n: int) -> pd.DataFrame:
    """Write recordings of one length, cut from one signal that is all simulated ones in a row."""
    inside, size = folder / name, round(seconds * SFREQ)
    inside.mkdir()
    step = 977  # samples by which the pieces lie apart, so that no two are alike
    starts = np.arange(n) * step % (len(X.values) - size)
    for at, start in enumerate(starts):
        write_record(inside / f"r{at}", X.values[start : start + size])
    files = [f"{name}/r{at}.hea" for at in range(n)]
    return pd.DataFrame({"subject": [f"P{at // EACH}" for at in range(n)], "file": files,
                         "seconds": seconds})  # fmt: skip


def train(folder: Path, version: str, width: int, seed: int) -> None:
    """Train a network on a fifth of the windows; save it as a folder and as an ONNX file."""
    from sklearn.pipeline import make_pipeline

    from sknemg import (
        DiVoteClassifier,
        Downsampler,
        NEMGNetClassifier,
        Segmenter,
        export_onnx,
        save_model,
    )
    from sknemg.datasets import load_recordings
    from sknemg.diagnosis import Diagnostician

    meta = pd.read_csv(folder / "once" / "recordings.csv")
    X = load_recordings([folder / "once" / f"r{at}.hea" for at in meta["of"]])
    X = X.with_columns(subject=meta["subject"], muscle=meta["muscle"])
    network = NEMGNetClassifier(
        version,
        recipe="tuned",
        width=width,
        max_epochs=1,
        epoch_fraction=0.2,
        validation=None,
        random_state=seed,
    )
    pipe = make_pipeline(Downsampler(), Segmenter(), DiVoteClassifier(network))
    model = Diagnostician(pipe, cv=2).fit(X, meta["diagnosis"].to_numpy())
    save_model(model, folder / "model")
    export_onnx(model, folder / "model.onnx")
