"""The result of an evaluation: every prediction, saved and loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sknemg.divote.levels import LEVEL_TABLES, class_columns

_NAMES = ("method", "subject", "muscle", "location")  # columns of names, often but not always text


_ANSWERS = ("y_true", "prediction")


@dataclass(frozen=True)
class Evaluation:
    """Every prediction of an evaluation, from which all tables and pictures are computed.

    Attributes
    ----------
    items, recordings, subjects : DataFrame
        One row for each item (segment, motor unit), recording or subject of each test fold:
        ``method``, ``repeat``, ``fold``, ``subject``, ``y_true``, ``prediction``, a column of
        scores for each class, and where it is known ``row`` (of `X`), ``muscle``, ``location``,
        ``item``, ``start``.
        ``items`` is empty for a method in which nothing votes.
    cells : DataFrame
        One row for each fit: ``method``, ``repeat``, ``fold``, ``seed``, ``fit_seconds``,
        ``predict_seconds``, numbers of subjects and recordings on both sides, and of the weights
        of its networks and the updates of their training, NaN without one.
    settings : dict
        Protocol, seed, estimators, versions, device: what is needed to reproduce the result.
        ``groups`` tells whether the subjects were given as `groups`. ``lacking`` lists the classes
        that training folds lacked, with the repeat, the fold and the test subjects that have them.
    """

    items: pd.DataFrame
    recordings: pd.DataFrame
    subjects: pd.DataFrame
    cells: pd.DataFrame
    settings: dict[str, Any]

    @property
    def classes(self) -> list[Any]:
        """Labels of the classes, in the order of their columns."""
        return self.settings["classes"]

    @property
    def nuisance(self) -> str | None:
        """The method that sees no EMG; None if there is none, see :func:`nuisance_model`."""
        return self.settings.get("nuisance")

    @property
    def unscored(self) -> pd.DataFrame:
        """Recordings and subjects without any score, such as recordings without items.

        Columns ``level`` ("recording" or "subject"), ``method``, ``repeat``, ``fold``,
        ``subject`` and, for recordings, ``row`` of `X`.
        """
        columns = ["level", "method", "repeat", "fold", "subject", "row"]
        parts = [pd.DataFrame(columns=columns)]
        for level in ("recording", "subject"):
            table = getattr(self, f"{level}s")
            if len(table):
                none = class_columns(table, self.classes).isna().all(axis=1)
                parts.append(table[none].assign(level=level).reindex(columns=columns))
        parts = [part for part in parts if len(part)] or parts[:1]
        return pd.concat(parts, ignore_index=True).astype({"row": "Int64"})

    def save(
        self, folder: str | Path, levels: tuple[str, ...] = ("recordings", "subjects")
    ) -> None:
        """Write the predictions as CSV files and the settings as JSON.

        Parameters
        ----------
        folder : path
        levels : tuple of str, default=("recordings", "subjects")
            Items are left out by default: they are the bulk, and recordings are pooled from them.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        numbers: set[str] = set()
        for level in (*levels, "cells"):
            table: pd.DataFrame = getattr(self, level)
            numbers |= {name for name in _NAMES if name in table and not _is_text(table[name])}
            # as objects, numbers keep all their digits
            whole = dict.fromkeys(table.columns.intersection([*_NAMES, *_ANSWERS]), object)
            table.astype(whole).to_csv(folder / f"{level}.csv", index=False, float_format="%.6g")
        settings = self.settings | ({"numbers": sorted(numbers)} if numbers else {})
        text = json.dumps(settings, indent=2, default=str)
        (folder / "settings.json").write_text(text + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> Evaluation:
        """Read what `save` wrote; a level that was not saved is empty.

        Parameters
        ----------
        folder : path

        Returns
        -------
        Evaluation
        """
        folder = Path(folder)
        settings = json.loads((folder / "settings.json").read_text())
        labels = {str(label): label for label in settings["classes"]}
        numbers = settings.pop("numbers", [])
        text: Any = dict.fromkeys({*_NAMES, *_ANSWERS}.difference(numbers), str)
        tables = {}
        for level in (*LEVEL_TABLES, "cells"):
            file = folder / f"{level}.csv"
            table = pd.DataFrame()
            if file.exists():  # "NA" and "null" are names, only an empty field is missing
                table = pd.read_csv(file, dtype=text, keep_default_na=False, na_values=[""])
            for name in table.columns.intersection([*_ANSWERS]):
                table[name] = table[name].map(labels)
            tables[level] = table.rename(columns=labels)
        return cls(**tables, settings=settings)


def _is_text(column: pd.Series) -> bool:
    known = column.dropna().tolist()
    return not known or any(isinstance(value, str) for value in known)
