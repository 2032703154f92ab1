"""The levels of a model with one or several DiVoteClassifiers inside: their weighted mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.divote._votes import subject_votes
from sknemg.divote.levels import Levels, beside, class_columns
from sknemg.divote.pooling import weights_of
from sknemg.recordings import Recordings
from sknemg.recordings._convert import to_recordings


@dataclass(frozen=True)
class CombinedLevels:
    """Scores of items, recordings and subjects by all that is inside a model.

    Subjects get the model's own answer, whatever it makes of the answers inside. Below, where
    the model has none of its own, the scores are the weighted mean over its DiVoteClassifiers:
    calibration, for one, changes subjects only.

    Attributes
    ----------
    opened : Opened
    inputs : list
        The items that reach each of its parts.
    each : list of Levels
        Of each part.
    """

    opened: Any  # an Opened of `fitted`, which imports this module
    inputs: list[Any]
    each: list[Levels]

    @cached_property
    def items(self) -> pd.DataFrame:
        """A row for each item that votes, as in `Levels`.

        Raises
        ------
        ValueError
            If the parts do not cut the same windows: then there is no mean.
        """
        if self.differing:
            raise ValueError(
                f"The items of this {type(self.opened.model).__name__} have no common scores, "
                f"since {self.differing}: give the same Segmenter to all, or show one of them."
            )
        return self._combined("items")

    @cached_property
    def recordings(self) -> pd.DataFrame:
        """A row for each recording, as in `Levels`, without ``n_items`` if the parts differ."""
        table = self._combined("recordings")
        counts = [levels.recordings["n_items"] for levels in self.each]
        same = all(own.equals(counts[0]) for own in counts)
        return table if same else table.drop(columns="n_items")

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """A row for each subject, as in `Levels`: the answer of the model, and what it decides."""
        tables = [levels.subjects for levels in self.each]
        scores = self.opened.answer(self._scores(tables))
        names = self.opened.classes.tolist()
        known = {name: tables[0][name] for name in ("n_recordings", "n_items")}
        table = beside(known, scores, names, index=tables[0].index)
        if not all(own["n_items"].equals(table["n_items"]) for own in tables):
            table = table.drop(columns="n_items")
        table["prediction"] = self.opened.decide(scores)
        return table

    def votes(self, subject: NDArray[Any], n_subjects: int) -> NDArray[np.float64]:
        """Let all recordings of each subject vote, wherever they were made.

        Parameters
        ----------
        subject : ndarray of shape (n_recordings,), int
        n_subjects : int

        Returns
        -------
        ndarray of shape (n_subjects, n_classes)
            The weighted mean of what the parts, each by its own rule, make of its recordings.
        """
        tables = [levels.recordings for levels in self.each]
        votes = []
        for part, table, scores in zip(
            self.opened.parts, tables, self._scores(tables), strict=True
        ):
            rule = part.classifier
            weights = weights_of(rule.recording_weights, table["n_items"].to_numpy())
            votes.append(
                subject_votes(scores, subject, n_subjects, pooling=rule.pooling, weights=weights)
            )
        return self.opened.mean(votes)

    @cached_property
    def differing(self) -> str:
        """In which way the windows of two parts differ; empty if they do not."""
        first = self.opened.parts[0]
        for part, items in zip(self.opened.parts[1:], self.inputs[1:], strict=True):
            if not _same_windows(self.inputs[0], items):
                return (
                    f"{first.path} cuts {_windows(self.inputs[0])}, {part.path} {_windows(items)}"
                )
        return ""

    def window_and_hop(self) -> tuple[float, float]:
        """Length of a segment, and from one to the next, in seconds.

        Raises
        ------
        ValueError
            If no Segmenter has written them down.
        """
        found = _window_and_hop(self.inputs[0])
        if isinstance(self.inputs[0], Recordings) and "item" in self.inputs[0]:
            raise ValueError(
                f"What votes is a {self.inputs[0]['item'].iloc[0]}, which is no stretch of time: "
                "show the levels in a VoteHeatmapDisplay, or give a Pipeline with a Segmenter."
            )
        if isinstance(self.inputs[0], Recordings) and "activity_seconds" in self.inputs[0]:
            raise ValueError(
                "The Segmenter cuts windows of one activity alone, whose times are not kept: show "
                "the levels in a VoteHeatmapDisplay, or give a model whose activity is None."
            )
        if found is None:
            raise ValueError(
                "The times of the segments are unknown: give signals, and a Pipeline with a "
                "Segmenter."
            )
        return found

    def _combined(self, level: str) -> pd.DataFrame:
        tables = [getattr(levels, level) for levels in self.each]
        known = tables[0].iloc[:, : -len(self.opened.parts[0].classifier.classes_)]
        scores = self.opened.mean(self._scores(tables))
        names = self.opened.classes.tolist()
        return beside(known, scores, names, index=known.index)

    def _scores(self, tables: list[pd.DataFrame]) -> list[NDArray[Any]]:
        return [
            class_columns(table, part.classifier.classes_.tolist()).to_numpy(dtype=float)
            for part, table in zip(self.opened.parts, tables, strict=True)
        ]


def _window_and_hop(items: Any) -> tuple[float, float] | None:
    known = isinstance(items, Recordings) and len(items) and {"window", "hop"} <= set(items.meta)
    return (float(items["window"].iloc[0]), float(items["hop"].iloc[0])) if known else None


def _same_windows(one: Any, other: Any) -> bool:
    """Tell whether two inputs were cut alike, up to a sample if their rates differ."""
    one, other = to_recordings(one), to_recordings(other)
    if one is None or other is None:  # tables: a row is one item
        return one is other
    if not np.array_equal(one.lengths, other.lengths):
        return False
    times, others = _window_and_hop(one), _window_and_hop(other)
    if times is None or others is None:
        return times is others
    rates = [one["sfreq"].min(), other["sfreq"].min()]
    sample = 0 if rates[0] == rates[1] else 1 / min(rates)
    return bool(np.allclose(times, others, rtol=1e-9, atol=sample))


def _windows(items: Any) -> str:
    times = _window_and_hop(items)
    if times is None:
        return "other ones"
    return f"{times[0]:g} s every {times[1]:g} s"
