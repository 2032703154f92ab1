"""A rival: a plain loop of wfdb, scipy and torch over the same recordings."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.archive.files import SFREQ


def measure_rival(folder: Path, name: str, answers: str) -> dict[str, object]:
    """Do by hand what is asked of a network, with wfdb, scipy and torch.

    Its votes are compared with those that a command of the same commit left in the folder
    ``answers``.
    """
    import torch
    import wfdb
    from scipy.signal import resample_poly

    from sknemg import load_model

    torch.set_num_threads(1)
    network = load_model(folder / "model").estimator_[-1].estimator_.net_
    network.module_.eval()
    table = pd.read_parquet(folder / f"{name}.parquet")
    start, begun = time.process_time(), time.perf_counter()
    votes, diagnoses = {}, {}
    with torch.no_grad():
        for subject, rows in table.groupby("subject", sort=False):
            own = []
            for file in rows["file"]:
                signal = wfdb.rdrecord(str(folder / file).removesuffix(".hea")).p_signal[:, 0]
                signal = resample_poly(signal, 10_000, SFREQ).astype(np.float32)
                windows = np.lib.stride_tricks.sliding_window_view(signal, 4_000)[::1_000]
                logits = network.infer(torch.from_numpy(windows.copy()))
                own.append(torch.softmax(logits, 1).mean(0).numpy())
                votes[file] = own[-1]
            diagnoses[subject] = np.mean(own, axis=0).argmax()
    used, seconds = time.process_time() - start, time.perf_counter() - begun
    row = {"way": "rival", "archive": name, "n_jobs": 1, "recordings": len(table),
           "signal_s": table["seconds"].sum(), "wall_s": seconds, "cpu_s": used}  # fmt: skip
    kept = Path(answers) / "few-model-1"
    if kept.exists():  # that it does the same work
        from sknemg.archive import read_archive

        ours = read_archive(kept).recordings
        ours = ours[ours["used"] & ours["file"].isin([*votes])]
        theirs = np.stack([votes[file] for file in ours["file"]])
        classes = ["myopathy", "neuropathy", "normal"]
        off = np.abs(ours[classes].to_numpy() - theirs).max(axis=1)
        row["median_difference_of_votes"] = float(np.median(off))
    return row
