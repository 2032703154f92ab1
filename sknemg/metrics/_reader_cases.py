"""What goes into a study of readers: diagnoses, votes and models' answers, case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.divote.levels import class_columns
from sknemg.metrics._readers import check_spelling
from sknemg.metrics.votes import (
    CANNOT_SAY,
    USUAL_DIAGNOSES,
    VOTE_COLUMNS,
    read_votes,
    vote_table,
)
from sknemg.recordings._problems import capped, listed, shown
from sknemg.recordings._subjects import check_known

_SUBJECTS_A_CLASS = 2  # without one of which the metrics are still defined
_SUM_TO_ONE = 0.02  # how far probabilities may be off
_ANSWER = "prediction"
#: What else tables of predictions hold: columns that are no scores of a class, whatever they hold.
_ABOUT = frozenset(
    {_ANSWER, "subject", "recording", "diagnosis", "y_true", "method", "fold", "repeat", "run"}
    | {"muscle", "location"}
)


@dataclass(frozen=True)
class Cases:
    """Answers beside diagnoses: a row for each case, everything in one order."""

    level: str
    cannot_say: str
    classes: list[Any]
    others: list[Any]
    y: pd.Series
    subject: pd.Series
    readers: pd.DataFrame
    models: pd.DataFrame
    probabilities: dict[str, pd.DataFrame]
    unsure: pd.DataFrame  # where a reader could not say

    @classmethod
    def build(
        cls,
        diagnoses: pd.Series,
        votes: pd.DataFrame,
        model: Any,
        level: str,
        cannot_say: str,
        further: Sequence[str],
    ) -> Cases:
        classes = sorted(diagnoses.unique())
        usual = USUAL_DIAGNOSES if set(classes) & set(USUAL_DIAGNOSES) else ()
        known = {*classes, *usual, *further} - {CANNOT_SAY}
        table = vote_table(votes, level=level)
        if not len(table):
            raise ValueError(
                f"There are no blinded votes for a {level}: give some, or another level."
            )
        models, probabilities, scored = _models(model, classes, sorted(known), level)
        known |= scored
        index = diagnoses.index
        if level == "recording":
            index = table.index
            for one in models.values():
                index = index.union(one.index, sort=False)
        of_level = votes[votes["level"] == level].set_index("subject")[["vote"]]
        given: dict[str, Any] = {"votes": of_level, **models}
        for what, one in given.items():
            who = one.index.get_level_values(0)
            if len(unknown := who[~who.isin(diagnoses.index)].unique()):
                names = "votes name" if what == "votes" else f"model {shown(what)} names"
                raise ValueError(
                    f"The {names} {listed(unknown, 'subject')} without a diagnosis: give one in y, "
                    "or leave them out."
                )
        given_labels = [*classes, *of_level["vote"], *scored]
        for one in models.values():
            given_labels += one.dropna().tolist()
        check_spelling("Diagnoses of y, votes and models", given_labels)
        subject = pd.Series(index.get_level_values(0), index=index, name="subject")
        y = subject.map(diagnoses).rename("diagnosis")
        counts = diagnoses.value_counts()
        few = counts[counts < _SUBJECTS_A_CLASS]
        if len(classes) < 2:
            raise ValueError(f"y holds one class only, {shown(classes[0])}: give two or more.")
        if len(few):
            lonely = capped(list(few.index), spell=shown)
            raise ValueError(f"y has a single subject of {lonely}: give two or more of each class.")
        _check_classes("votes", of_level, [*sorted(known), CANNOT_SAY])
        table = table.reindex(index)
        unsure = table == CANNOT_SAY
        if cannot_say == "unread":
            table = table.mask(unsure)
        answers = pd.DataFrame({name: one.reindex(index) for name, one in models.items()}, index)
        _check_classes("answers of the model", answers, sorted(known))
        given_answers = {*of_level["vote"], *answers.stack().dropna()}
        others = sorted(given_answers - {*classes, CANNOT_SAY})
        clash = set(answers) & set(table)
        if clash:
            raise ValueError(
                f"The name {shown(sorted(clash))} is both a reader's and a model's: rename one."
            )
        return cls(
            level, cannot_say, classes, others, y, subject, table, answers, probabilities, unsure
        )

    @property
    def complete(self) -> pd.Series:
        """Where everybody has answered."""
        return self.readers.notna().all(axis=1) & self.models.notna().all(axis=1)

    @property
    def groups(self) -> pd.Series | None:
        return self.subject if self.level == "recording" else None

    @property
    def answers(self) -> list[Any]:
        """What was answered: the classes, diagnoses that no subject has, and none."""
        return [*self.classes, *self.others, CANNOT_SAY]

    def codes(self, answers: Any) -> NDArray[np.intp]:
        return pd.Index(self.answers).get_indexer(answers)

    def enough(self, kept: Any) -> bool:
        """Whether these cases have two subjects of each class, as comparisons need."""
        counts = self.y[kept].groupby(self.subject[kept]).first().value_counts()
        return bool((counts.reindex(self.classes, fill_value=0) >= _SUBJECTS_A_CLASS).all())

    def read(self, votes: pd.DataFrame, **which: Any) -> pd.DataFrame:
        """Lay out the votes of another arm or reading as those of the first."""
        table = vote_table(votes, level=self.level, **which).reindex(self.y.index)
        return table.mask(table == CANNOT_SAY) if self.cannot_say == "unread" else table


def read_diagnoses(y: Any) -> pd.Series:
    diagnoses = pd.Series(y)
    check_known(diagnoses, "y")
    diagnoses.index = pd.Index(diagnoses.index.map(str), name="subject")
    if diagnoses.index.has_duplicates:
        twice = diagnoses.index[diagnoses.index.duplicated()].unique()
        raise ValueError(f"y names {listed(twice, 'subject')} twice: give one row for each.")
    return diagnoses.map(str)


def votes_of(readers: pd.DataFrame) -> pd.DataFrame:
    if {"reader", "subject", "vote"} <= set(readers):
        checked = list(readers) == list(VOTE_COLUMNS) and "corrected" in readers.attrs
        return readers if checked else read_votes(readers)
    if not readers.shape[1]:
        raise ValueError("There are no readers: give a column for each, or a table of votes.")
    wide: Any = readers.rename_axis(index="subject", columns="reader")
    votes = wide.stack().rename("vote").reset_index()
    return read_votes(votes[votes["vote"].notna()])


def _models(
    model: Any, classes: list[Any], known: list[Any], level: str
) -> tuple[dict[str, pd.Series], dict[str, pd.DataFrame], set[Any]]:
    """Return the answers of each run, its scores of the subjects' diagnoses, and what it scores."""
    if model is None:
        return {}, {}, set()
    given: Mapping[Any, Any] = model if isinstance(model, Mapping) else {"model": model}
    answers: dict[str, pd.Series] = {}
    probabilities: dict[str, pd.DataFrame] = {}
    scored: set[Any] = set()
    for name, entry in given.items():
        if not isinstance(entry, (pd.Series, pd.DataFrame)):
            raise ValueError(
                f"The model {shown(name)} is a {type(entry).__name__}: give a DataFrame or Series "
                "indexed by subject."
            )
        one: Any = entry.copy()
        if one.index.nlevels != (2 if level == "recording" else 1) or one.index.has_duplicates:
            index = "subject and recording" if level == "recording" else "subject"
            raise ValueError(
                f"The rows of the model {shown(name)} are not named by {index}, each once: give "
                "it such an index."
            )
        levels = [one.index.get_level_values(i).map(str) for i in range(one.index.nlevels)]
        one.index = pd.MultiIndex.from_arrays(levels) if len(levels) > 1 else levels[0]
        if isinstance(entry, pd.DataFrame):
            one.columns = one.columns.map(str)
            scores = _scores_of(one, name, known)
            said = None
            if _ANSWER in one:
                said = one[_ANSWER][one[_ANSWER].notna() & (one[_ANSWER] != "")].map(str)
            lacking = [label for label in classes if label not in scores]
            if lacking and (said is None or scores.shape[1]):
                raise ValueError(
                    f"The model {shown(name)} has no scores for {shown(lacking)}: give a column "
                    "for each class."
                )
            # Of equal scores the first in the order of classes.
            ordered = class_columns(scores, sorted(map(str, scores)))
            highest = ordered.idxmax(axis=1) if scores.size else pd.Series(dtype=object)
            answers[str(name)] = highest if said is None else said.combine_first(highest)
            if scores.shape[1]:
                probabilities[str(name)] = class_columns(scores, classes)
            scored |= set(scores)
        else:
            answers[str(name)] = one.dropna().map(str)
    return answers, probabilities, scored


def _scores_of(one: pd.DataFrame, name: Any, known: list[Any]) -> pd.DataFrame:
    """Take the scores of all classes that a model knows, of the cases that have them.

    Of columns that are no known class, those that probabilities need to add up to 1 are classes,
    and those that they do without are none.
    """
    if one.columns.has_duplicates:
        twice = one.columns[one.columns.duplicated()].unique()
        raise ValueError(
            f"The model {shown(name)} has several columns {shown(twice)}: keep one of each."
        )
    numbers = one.apply(pd.to_numeric, errors="coerce").where(one.notna() & (one != ""))
    own = [label for label in one if label in known]
    wrong = (numbers[own].isna() & one[own].notna() & (one[own] != "")).any(axis=1)
    if wrong.any():
        who = one.index[wrong].get_level_values(0).unique()
        raise ValueError(
            f"The scores of the model {shown(name)} for {shown(own)} are no numbers for "
            f"{listed(who, 'subject')}: write digits with a decimal point."
        )
    others = [
        label
        for label in map(str, one)
        if label not in {*known, *_ABOUT}
        and not label.startswith("n_")
        and one[label].dtype != bool
        and numbers[label].notna().eq(one[label].notna() & (one[label] != "")).all()
        and numbers[label].notna().any()
    ]
    if others and own:
        whole = numbers[[*own, *others]].dropna()
        apart = [(whole[of].sum(axis=1) - 1).abs().max() for of in (own, [*own, *others])]
        if min(apart) > _SUM_TO_ONE:
            raise ValueError(
                f"The model {shown(name)} has columns {shown(others)} beside {shown(own)}, which "
                "may be classes or not, because the scores add up to 1 neither with nor without "
                "them: leave them out, or name the classes among them in `classes`."
            )
        own = own if apart[0] <= _SUM_TO_ONE else [*own, *others]
    return numbers[own].dropna()


def _check_classes(what: str, table: pd.DataFrame, known: list[Any]) -> None:
    entries: Any = table.stack().dropna()
    strange = entries[~entries.isin(known)]
    if len(strange):
        cases = strange.index.get_level_values(0).unique()
        raise ValueError(
            f"The {what} hold {shown(sorted(strange.unique()))} for {listed(cases, 'subject')}: "
            f"give labels of {shown(known)}, or name further diagnoses in `classes`."
        )
