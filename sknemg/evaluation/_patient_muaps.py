"""The motor unit potentials of one patient beside norms, as a table of the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sknemg.diagnosis import Diagnosis
from sknemg.muap.features import MuapFeatures
from sknemg.muap.reference import UNITS, MuapReference
from sknemg.pages import Cell, Table
from sknemg.recordings import Recordings
from sknemg.recordings._problems import capped
from sknemg.recordings.muscles import named_muscle
from sknemg.signal import LEAST_RATE


def muap_comparison(
    X: Recordings, found: Diagnosis, reference: MuapReference
) -> tuple[pd.DataFrame, str]:
    """Measure the potentials of the used recordings and compare each muscle with its norms.

    Parameters
    ----------
    X : Recordings of signals
    found : Diagnosis
    reference : MuapReference

    Returns
    -------
    summary : DataFrame
        As of :meth:`MuapReference.summary`; empty where nothing can be compared.
    note : str
        What was not compared, and why.
    """
    own: Any = found.recordings[found.recordings["used"]]
    muscles = own["muscle"].tolist() if "muscle" in own else [None] * len(own)
    normed = [_norm_of(muscle, reference) for muscle in muscles]
    known = np.array([muscle is not None for muscle in normed], dtype=bool)
    without = sorted({str(m) for m, k in zip(muscles, known, strict=True)
                      if not k and isinstance(m, str)})  # fmt: skip
    notes = [f"no norms of {capped(without)}"] if without else []
    if any(not isinstance(muscle, str) for muscle in muscles):
        notes.append("recordings whose muscle is not stated")
    slow = X["sfreq"].to_numpy(dtype=float)[own["row"].to_numpy()] < LEAST_RATE
    if slow.any():
        notes.append(f"recordings sampled below {LEAST_RATE:g} Hz")
        known &= ~slow
    muaps = pd.DataFrame()
    if known.any():
        names = reference.norms["parameter"].unique().tolist()
        rows = own["row"].to_numpy()[known]
        measured = X[rows].with_columns(
            subject=str(found.subject),
            muscle=[one for one, k in zip(normed, known, strict=True) if k],
            _side=[named_muscle(str(m))[1] for m, k in zip(muscles, known, strict=True) if k],
        )
        muaps = MuapFeatures(names).to_frame(measured)
        silent = sorted({str(m) for m, k in zip(normed, known, strict=True) if k}
                        - set(muaps["muscle"].astype(str)))  # fmt: skip
        notes += [f"no potentials found in {capped(silent)}"] if silent else []
    sides = muaps.groupby("_side", sort=False) if len(muaps) else ()
    parts = [_beside(reference.summary(rows), str(side)) for side, rows in sides]
    summary = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return summary, "Not compared: " + "; ".join(notes) + "." if notes else ""


def _norm_of(muscle: Any, reference: MuapReference) -> str | None:
    """Name the norms of a muscle, whatever it is called; None if there are none."""
    if not isinstance(muscle, str) or reference.knows(muscle):
        return muscle if isinstance(muscle, str) else None
    usual, _ = named_muscle(muscle)
    own = [m for m in reference.norms["muscle"].unique() if usual and named_muscle(m)[0] == usual]
    return str(own[0]) if len(own) == 1 else None


def _beside(summary: pd.DataFrame, side: str) -> pd.DataFrame:
    """Tell the muscles of one side from those of the other, if their names do."""
    return summary.assign(muscle=summary["muscle"] + f", {side}") if side else summary


def muap_table(summary: pd.DataFrame, note: str) -> Table:
    """Lay out a comparison.

    Parameters
    ----------
    summary : DataFrame
        As of :meth:`MuapReference.summary`, not empty.
    note : str

    Returns
    -------
    Table
    """
    rows = []
    each: Any = summary.itertuples()
    for row in each:
        unit = UNITS.get(row.parameter, "")
        factor, unit = (1000, f"{unit[:-1]}ms") if unit.endswith("s") else (1, unit)

        def said(value: float, factor: int = factor) -> str:
            return "" if np.isnan(value) else f"{factor * value:.3g}"

        z = round(row.z, 1) + 0.0  # no minus zero
        limited = not np.isnan([row.low, row.high]).any()
        rows.append(
            {
                "muscle": row.muscle,
                "": row.parameter.replace("_", " ") + (f" ({unit})" if unit else ""),
                "potentials": row.n,
                "mean": Cell(said(row.mean), "number"),
                "norm": f"{said(row.norm_mean)} ± {said(row.norm_sd)}",
                "SD from it": None if np.isnan(z) else Cell(f"{z:+.1f}", "number"),
                "limits of one": f"{said(row.low)} to {said(row.high)}" if limited else "",
                "below, above": f"{row.n_low}, {row.n_high}",
                "by the outlier rule": row.conclusion,
            }
        )
    caption = "Motor unit potentials of each muscle, and norms"
    table = Table.from_frame(pd.DataFrame(rows), "muaps", caption, limit=len(rows))
    return Table(table.name, table.caption, table.columns, table.groups, note)
