"""A study of readers: every table that compares physicians with a model on the same cases."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknemg.divote.levels import class_columns
from sknemg.metrics._bootstrap import check_draws
from sknemg.metrics._comparisons import cochran_q, holm, mcnemar
from sknemg.metrics._intervals import check_level
from sknemg.metrics._label_scores import (
    LABEL_METRICS,
    bootstrap_of_readers_and_cases,
    jackknife_values,
    label_estimates,
    tally,
)
from sknemg.metrics._readers import check_spelling
from sknemg.metrics.agreement import fleiss_agreement, gwet_agreement, pair_agreement
from sknemg.metrics.mrmc import analyse_against, analyse_arms
from sknemg.metrics.votes import (
    CANNOT_SAY,
    USUAL_DIAGNOSES,
    VOTE_COLUMNS,
    read_votes,
    vote_table,
)
from sknemg.recordings._problems import capped, listed, shown
from sknemg.recordings._subjects import check_known

MEAN_OF_READERS, MEAN_OF_MODELS = "mean of readers", "mean of models"
_SUBJECTS_A_CLASS = 2  # without one of which the metrics are still defined
_SUM_TO_ONE = 0.02  # how far probabilities may be off
_ANSWER = "prediction"
#: What else tables of predictions hold: columns that are no scores of a class, whatever they hold.
_ABOUT = frozenset(
    {_ANSWER, "subject", "recording", "diagnosis", "y_true", "method", "fold", "repeat", "run"}
    | {"muscle", "location"}
)
_NO_TABLE = pd.DataFrame()


@dataclass(frozen=True)
class ReaderStudy:
    """All tables of a study of readers; empty where the votes do not hold what one needs.

    Parameters
    ----------
    level : {"subject", "recording"}
    classes : list of str
    others : list of str
        Diagnoses that were answered and that no subject has. They count as wrong.
    y : Series of shape (n_cases,)
        Diagnoses; the index names the cases.
    readers : DataFrame of shape (n_cases, n_readers)
        Votes of the first, blinded reading; missing where a reader has not read a case.
    models : DataFrame of shape (n_cases, n_models)
        Answers of the model, a column for each run.
    probabilities : dict of name to DataFrame of shape (n_cases, n_classes)
        Scores of those models that have some, of the diagnoses of `y`.
    scores : DataFrame
        The papers' Table 2: ``rater``, ``kind`` (reader, model, or the mean of several),
        ``metric``, ``value``, ``sd`` (of a mean: over readers or runs), ``low``, ``high``,
        ``n_cases``, ``interval``.
    by_class : DataFrame
        The same, each class against the rest.
    agreement : DataFrame
        Table S1: Fleiss' κ of the readers, and of the readers with each model, overall and by
        class, and Gwet's AC1.
    pairs, repeated : DataFrame
        Cohen's κ of each two readers, and of a reader's first reading with each later one.
    against_model : DataFrame
        Multi-reader multi-case analysis of the model less the mean of readers, for each metric,
        and the bootstrap over readers and cases.
    tests : DataFrame
        McNemar's test of each reader and model with Holm's adjustment, and Cochran's Q.
    arms : DataFrame
        Multi-reader multi-case analysis of the arms, such as assisted and blinded reading.
    confusion : DataFrame
        Mean and standard deviation over readers, in per cent of the true class.
    unanimous : DataFrame
        Cases that all readers, or all models, got wrong, with every answer.
    missing : DataFrame
        Who has not read what, and who could not say.
    seconds, confidence : DataFrame
        Time for each case, and how sure readers were where they were right and wrong. Times are
        compared between readers on the cases that all have read, each subject once (Friedman's
        test, Wilcoxon's of two readers), and between diagnoses by the subjects' means
        (Kruskal-Wallis).
    settings : dict
    """

    level: str
    classes: list[Any]
    others: list[Any]
    y: pd.Series
    readers: pd.DataFrame
    models: pd.DataFrame
    probabilities: dict[str, pd.DataFrame]
    scores: pd.DataFrame
    by_class: pd.DataFrame
    agreement: pd.DataFrame
    pairs: pd.DataFrame
    repeated: pd.DataFrame
    against_model: pd.DataFrame
    tests: pd.DataFrame
    arms: pd.DataFrame
    confusion: pd.DataFrame
    unanimous: pd.DataFrame
    missing: pd.DataFrame
    seconds: pd.DataFrame
    confidence: pd.DataFrame
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that are not empty, by name."""
        names = (
            *("scores", "by_class", "agreement", "pairs", "repeated", "against_model", "tests"),
            *("arms", "confusion", "unanimous", "missing", "seconds", "confidence"),
        )
        return {name: getattr(self, name) for name in names if len(getattr(self, name))}


def reader_study(
    y: pd.Series | Mapping[Hashable, Any],
    readers: pd.DataFrame,
    model: Any = None,
    *,
    level: Literal["subject", "recording"] = "subject",
    cannot_say: Literal["wrong", "unread"] = "wrong",
    classes: Sequence[str] = (),
    confidence_level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int = 0,
) -> ReaderStudy:
    """Compare readers with each other and with a model: all tables of the papers' study, and more.

    Parameters
    ----------
    y : Series or mapping of subject to diagnosis
    readers : DataFrame
        A table of votes as `read_votes` takes it, or a table with a row for each subject and a
        column for each reader, missing where a reader has not read the subject.
    model : DataFrame, Series, or mapping of name to either, default=None
        Scores, with a column for each class that the model knows, or answers, indexed by subject
        (at the level of recordings, by subject and recording). The answer is the class of the
        highest score, or what a column ``prediction`` says. Several are runs of one model, such as
        the repeats of a cross-validation.
    level : {"subject", "recording"}, default="subject"
        The unit that is counted. Recordings have the diagnosis of their subject, and a subject
        with all its recordings is one piece of evidence.
    cannot_say : {"wrong", "unread"}, default="wrong"
        How the vote ``cannot say`` counts: as an answer that is not the diagnosis, or as a case
        that was not read.
    classes : sequence of str, default=()
        Further diagnoses that could be answered. Those of `y`, those that the model scores and,
        where `y` has one of them, myopathy, neuropathy and normal can always be; any other answer
        is taken for a typo.
    confidence_level : float, default=0.95
    n_bootstrap : int, default=1000
    random_state : int, default=0

    Returns
    -------
    ReaderStudy

    Raises
    ------
    ValueError
        If votes or answers are for cases without a diagnosis, name no class, or one in another
        spelling, a class has fewer than two subjects, a column of the model may or may not be a
        class, or there is nothing to compare, naming them.

    Notes
    -----
    An answer that is a diagnosis, but no subject's, is wrong, as that of a model that knows three
    diagnoses in a cohort of two of them. ``others`` names these answers.

    A reader's own scores are of the cases that the reader has read. Whatever averages or compares
    readers and models is of the cases that all of them have read; ``n_cases`` says how many, and
    ``missing`` names the others.

    The interval of a reader or of a run is that of :func:`~sknemg.metrics.score_table`. Those of
    the mean of readers and of its difference from the model are from Obuchowski and Rockette's
    model with random readers and cases: they hold for other readers and other cases, and that of
    the mean is cut at 0 and 1, which few readers or cases would take it beyond. McNemar's
    test, Cochran's Q and the test of confidence take cases as independent, and are left out at the
    level of recordings.

    References
    ----------
    I. Yoo et al., Deep learning model for needle electromyography electrodiagnosis in comparison
    with physician assessment.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sknemg.metrics import reader_study
    >>> subjects = [f"S{i}" for i in range(12)]
    >>> y = pd.Series(np.repeat(["myopathy", "neuropathy", "normal"], 4), index=subjects)
    >>> readers = pd.DataFrame({"A": y, "B": np.roll(y, 2), "C": np.roll(y, 1)}, index=subjects)
    >>> study = reader_study(y, readers, model=y, n_bootstrap=200)
    >>> accuracy = study.scores[study.scores["metric"] == "accuracy"]
    >>> accuracy.set_index("rater")["value"].round(2).to_dict()
    {'A': 1.0, 'B': 0.5, 'C': 0.75, 'mean of readers': 0.75, 'model': 1.0}
    """
    check_level(confidence_level)
    check_draws(n_bootstrap=n_bootstrap)
    if cannot_say not in ("wrong", "unread"):
        raise ValueError(f"cannot_say={shown(cannot_say)} is unknown: give 'wrong' or 'unread'.")
    diagnoses = _diagnoses(y)
    votes = _votes(readers)
    if isinstance(classes, str) or not all(isinstance(label, str) for label in classes):
        raise ValueError(f"classes={shown(classes)} must be a list of diagnoses, as text.")
    cases = _Cases.build(diagnoses, votes, model, level, cannot_say, classes)
    options = {
        "confidence_level": confidence_level,
        "n_bootstrap": n_bootstrap,
        "random_state": random_state,
    }
    scores = _scores(cases, options)
    whole, by_class = scores["class"].isna(), scores["class"].notna()
    return ReaderStudy(
        level=level,
        classes=cases.classes,
        others=cases.others,
        y=cases.y,
        readers=cases.readers,
        models=cases.models,
        probabilities=cases.probabilities,
        scores=scores[whole].drop(columns="class").reset_index(drop=True),
        by_class=scores[by_class].drop(columns=["sd"]).reset_index(drop=True),
        agreement=_agreement(cases, options),
        pairs=_pairs(cases, options),
        repeated=_repeated(cases, votes, options),
        against_model=_against_model(cases, options),
        tests=_tests(cases),
        arms=_arms(cases, votes, confidence_level),
        confusion=_confusion(cases),
        unanimous=_unanimous(cases),
        missing=_missing(cases),
        seconds=_seconds(cases, votes),
        confidence=_confidence(cases, votes),
        settings={"level": level, "cannot_say": cannot_say, **options}
        | {"n_cases": len(cases.y), "n_subjects": int(cases.subject.nunique())}
        | {"n_complete": int(cases.complete.sum()), "corrected": votes.attrs.get("corrected", 0)}
        | {"others": cases.others},
    )


# -- what goes in ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cases:
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
    ) -> _Cases:
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


def _diagnoses(y: Any) -> pd.Series:
    diagnoses = pd.Series(y)
    check_known(diagnoses, "y")
    diagnoses.index = pd.Index(diagnoses.index.map(str), name="subject")
    if diagnoses.index.has_duplicates:
        twice = diagnoses.index[diagnoses.index.duplicated()].unique()
        raise ValueError(f"y names {listed(twice, 'subject')} twice: give one row for each.")
    return diagnoses.map(str)


def _votes(readers: pd.DataFrame) -> pd.DataFrame:
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


# -- what comes out ----------------------------------------------------------------------------


def _scores(cases: _Cases, options: dict[str, Any]) -> pd.DataFrame:
    """Score each reader and model on what it has read, then the means."""
    rng = np.random.default_rng(options["random_state"])
    k = len(cases.classes)
    rows = []
    for kind, table in (("reader", cases.readers), ("model", cases.models)):
        for rater in table:
            read = table[rater].notna()
            if not read.any():
                continue
            labels, (counts,) = _tallies(cases, table[[rater]], read)
            estimates = label_estimates(
                labels,
                counts,
                k,
                confidence_level=options["confidence_level"],
                n_bootstrap=options["n_bootstrap"],
                rng=rng,
            )
            found: dict[Any, Any] = estimates.to_dict("index")
            for (label, metric), own in found.items():
                name = None if label < 0 else cases.classes[label]
                rows.append(
                    {"rater": rater, "kind": kind, "metric": metric, "class": name}
                    | {"value": own["value"], "sd": np.nan, "low": own["low"], "high": own["high"]}
                    | {"n_cases": int(read.sum()), "interval": own["interval"]}
                )
        if table.shape[1] > 1:
            rows += _means(cases, kind, table, options)
    return pd.DataFrame(rows)


def _means(
    cases: _Cases, kind: str, table: pd.DataFrame, options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Average the readers, or the runs of a model, over the cases that all have answered."""
    if not cases.enough(cases.complete):
        return []
    labels, counts = _tallies(cases, table, cases.complete)
    whole, without = jackknife_values(labels, counts, len(cases.classes))
    name = MEAN_OF_READERS if kind == "reader" else MEAN_OF_MODELS
    analysis = "random readers and cases" if kind == "reader" else "fixed readers"
    level = options["confidence_level"]
    rows: list[dict[str, Any]] = []
    for metric in LABEL_METRICS:
        theta, less = whole[metric][None], without[metric][:, None]
        _, _, _, arms, _, _ = analyse_arms(theta, less, list(table), ["blinded"], level)
        own: Any = arms.loc[(analysis, "blinded")]
        rows.append(
            {"rater": name, "kind": name, "metric": metric, "class": None}
            | {"value": own["estimate"], "sd": float(theta.std(ddof=1))}
            | {"low": max(own["low"], 0.0), "high": min(own["high"], 1.0)}  # no share is beyond
            | {"n_cases": int(cases.complete.sum())}
            | {"interval": f"Obuchowski-Rockette, {analysis.replace('readers', kind + 's')}"}
        )
    return rows


def _tallies(
    cases: _Cases, table: pd.DataFrame, kept: Any
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Count the answers of raters by subject: labels, and (n_raters, n_subjects, n_answers)."""
    y = pd.Index(cases.classes).get_indexer(cases.y[kept])
    subject = cases.subject[kept].to_numpy()
    own = [tally(y, cases.codes(table[r][kept]), subject, len(cases.answers)) for r in table]
    return own[0][0], np.stack([counts for _, counts in own])


def _agreement(cases: _Cases, options: dict[str, Any]) -> pd.DataFrame:
    """Give Fleiss' κ and Gwet's AC1 of the readers, and of the readers with each model."""
    ratings = pd.concat([cases.readers, cases.models], axis=1)[cases.complete]
    sets = {"readers": list(cases.readers)}
    sets |= {f"readers and {name}": [*cases.readers, name] for name in cases.models}
    sets = {name: columns for name, columns in sets.items() if len(columns) > 1}
    if not sets or not len(ratings):
        return _NO_TABLE
    about: dict[str, Any] = {**options, "y_true": cases.y[cases.complete]}
    if cases.groups is not None:
        about["groups"] = cases.groups[cases.complete]
    kappa = fleiss_agreement(ratings, sets, **about).reset_index()
    kappa = kappa.rename(columns={"kappa": "value"}).assign(coefficient="Fleiss' κ")
    gwet = gwet_agreement(ratings, sets, **about).reset_index()
    gwet = gwet.rename(columns={"ac1": "value"}).assign(coefficient="Gwet's AC1")
    gwet["class"] = "overall"
    columns = ["set", "coefficient", "class", "value", "low", "high", "n_effective"]
    return pd.concat([kappa[columns], gwet[columns]], ignore_index=True).assign(
        n_cases=len(ratings)
    )


def _pairs(cases: _Cases, options: dict[str, Any]) -> pd.DataFrame:
    ratings = pd.concat([cases.readers, cases.models], axis=1)
    if ratings.shape[1] < 2:
        return _NO_TABLE
    return pair_agreement(ratings, y_true=cases.y, groups=cases.groups, **options)


def _repeated(cases: _Cases, votes: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """Compare each reader's first reading with each later one."""
    first = cases.readers
    parts = []
    for repeat in sorted(set(votes["repeat"]) - {0}):
        again = cases.read(votes, repeat=repeat)
        for reader in again.columns.intersection(first.columns):
            both = pd.DataFrame({"first": first[reader], "second": again[reader]}).dropna()
            if not len(both):
                continue
            row = pair_agreement(
                both, y_true=cases.y[both.index], groups=_of(cases, both), **options
            )
            parts.append(
                row.drop(columns=["first", "second"]).assign(reader=reader, reading=repeat)
            )
    if not parts:
        return _NO_TABLE
    table = pd.concat(parts, ignore_index=True)
    return table[["reader", "reading", *table.columns.drop(["reader", "reading"])]]


def _of(cases: _Cases, rows: pd.DataFrame) -> pd.Series | None:
    return None if cases.groups is None else cases.groups[rows.index]


def _against_model(cases: _Cases, options: dict[str, Any]) -> pd.DataFrame:
    """Test the model less the mean of readers, for other readers and other cases."""
    if cases.readers.shape[1] < 2 or not cases.models.shape[1]:
        return _NO_TABLE
    if not cases.enough(cases.complete):
        return _NO_TABLE
    labels, readers = _tallies(cases, cases.readers, cases.complete)
    _, models = _tallies(cases, cases.models, cases.complete)
    level, k, m = options["confidence_level"], len(cases.classes), len(models)
    whole, without = jackknife_values(labels, np.concatenate([models, readers]), k)
    drawn = bootstrap_of_readers_and_cases(
        labels,
        readers,
        models,
        k,
        n_bootstrap=options["n_bootstrap"],
        rng=np.random.default_rng(options["random_state"]),
    )
    parts: list[pd.DataFrame] = []
    for metric in LABEL_METRICS:
        theta, less = (
            np.concatenate([x[..., :m].mean(axis=-1, keepdims=True), x[..., m:]], axis=-1)
            for x in (whole[metric], without[metric])
        )
        table = analyse_against(theta, less, list(cases.readers), level)
        table = table.reset_index().assign(metric=metric)
        low, high = np.quantile(drawn[metric], [(1 - level) / 2, (1 + level) / 2])
        boot = table.iloc[:1].assign(
            analysis="bootstrap of readers and cases",
            **dict.fromkeys(["df", "statistic", "p"], np.nan),
            se=drawn[metric].std(ddof=1),
            low=low,
            high=high,
        )
        parts += [table, boot]
    table = pd.concat(parts, ignore_index=True).assign(n_cases=int(cases.complete.sum()))
    return table[["metric", *table.columns.drop("metric")]]


def _tests(cases: _Cases) -> pd.DataFrame:
    """Compare who is right on the same cases, where cases are independent."""
    if cases.level == "recording":
        return _NO_TABLE
    right = pd.concat([cases.readers, cases.models], axis=1).eq(cases.y, axis=0)
    rows: list[dict[str, Any]] = []
    for model in cases.models:
        for reader in cases.readers:
            both = cases.readers[reader].notna() & cases.models[model].notna()
            only_reader, only_model, p = mcnemar(
                right[reader][both].to_numpy(), right[model][both].to_numpy()
            )
            counts = {"only_first_right": only_reader, "only_second_right": only_model}
            names = {"test": "McNemar, exact", "first": reader, "second": model}
            rows.append(names | counts | {"n_cases": int(both.sum()), "p": p})
    table = pd.DataFrame(rows)
    if len(table):
        table["p_holm"] = holm(table["p"])
    complete = right[cases.complete]
    for name, columns in (
        ("readers", list(cases.readers)),
        ("readers and model", [*cases.readers, *cases.models]),
    ):
        if len(columns) > 2 and len(complete) and (name == "readers" or cases.models.shape[1]):
            q, df, p = cochran_q(complete[columns].to_numpy())
            row = {"test": "Cochran's Q", "first": name, "statistic": q, "df": df, "p": p}
            table = pd.concat([table, pd.DataFrame([row | {"n_cases": len(complete)}])])
    return table.reset_index(drop=True)


def _arms(cases: _Cases, votes: pd.DataFrame, confidence_level: float) -> pd.DataFrame:
    """Compare arms read by the same readers, on the cases that all have read in each."""
    tables = {arm: cases.read(votes, arm=arm) for arm in sorted(set(votes["arm"]))}
    tables = {arm: table for arm, table in tables.items() if table.notna().any(axis=None)}
    if len(tables) < 2:
        return _NO_TABLE
    readers = [r for r in cases.readers if all(r in table for table in tables.values())]
    both = {arm: table[readers] for arm, table in tables.items()}
    kept = np.logical_and.reduce([table.notna().all(axis=1) for table in both.values()])
    if len(readers) < 2 or not cases.enough(kept):
        return _NO_TABLE
    own = [_tallies(cases, table, kept) for table in both.values()]
    counts = np.concatenate([part for _, part in own])
    whole, without = jackknife_values(own[0][0], counts, len(cases.classes))
    shape = len(both), len(readers)
    parts = []
    for metric in LABEL_METRICS:
        theta, less = whole[metric].reshape(shape), without[metric].reshape(-1, *shape)
        estimates, *_, differences, _ = analyse_arms(
            theta, less, readers, list(both), confidence_level
        )
        table = differences.reset_index()
        means = estimates.mean()
        table.insert(3, "mean", table["arm"].map(means))
        table.insert(4, "other_mean", table["other"].map(means))
        parts.append(table.assign(metric=metric))
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(n_cases=int(kept.sum()), n_readers=len(readers))
    return table[["metric", *table.columns.drop("metric")]]


def confusion_shares(study: ReaderStudy, of: str = "readers") -> NDArray[Any]:
    """Give the confusion matrix of each reader or run, in shares of the true class.

    Parameters
    ----------
    study : ReaderStudy
    of : {"readers", "model"}, default="readers"

    Returns
    -------
    ndarray of shape (n_raters, n_classes, n_classes + n_others + 1)
        The first columns are the classes, the next the diagnoses that no subject has,
        ``study.others``, and the last is ``cannot say``.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.metrics import confusion_shares, reader_study
    >>> y = pd.Series(list("aabb"), index=list("1234"))
    >>> study = reader_study(y, pd.DataFrame({"R": list("abbb")}, index=y.index), n_bootstrap=2)
    >>> confusion_shares(study)[0].tolist()
    [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]
    """
    table = study.readers if of == "readers" else study.models
    return _shares(table, study.y, study.classes, [*study.classes, *study.others, CANNOT_SAY])


def _shares(
    table: pd.DataFrame, y: pd.Series, classes: list[Any], given: list[Any]
) -> NDArray[Any]:
    matrices = []
    for rater in table:
        answers = table[rater].dropna()
        counts = pd.crosstab(y[answers.index], answers)
        counts = counts.reindex(index=classes, columns=given, fill_value=0)
        total = counts.sum(axis=1).to_numpy(dtype=float)[:, None]
        matrices.append(counts.to_numpy() / np.where(total > 0, total, np.nan))
    return np.array(matrices)


def _confusion(cases: _Cases) -> pd.DataFrame:
    """Give mean and standard deviation over raters, in per cent of the true class."""
    rows = []
    for kind, table in (("readers", cases.readers), ("model", cases.models)):
        if not table.shape[1]:
            continue
        shares = 100 * _shares(table, cases.y, cases.classes, cases.answers)
        for i, true in enumerate(cases.classes):
            for j, answer in enumerate(cases.answers):
                own = shares[:, i, j][~np.isnan(shares[:, i, j])]
                if answer not in cases.classes and not (shares[:, :, j] > 0).any():
                    continue
                sd = own.std(ddof=1) if len(own) > 1 else np.nan
                mean = own.mean() if len(own) else np.nan
                rows.append({"raters": kind, "true": true, "answer": answer, "percent": mean,
                             "sd": sd, "n_raters": len(own)})  # fmt: skip
    return pd.DataFrame(rows)


def _unanimous(cases: _Cases) -> pd.DataFrame:
    """Name the cases that nobody who answered got right: all readers, or all models."""
    marks = {}
    for name, table in (("readers", cases.readers), ("models", cases.models)):
        answered = table.notna().all(axis=1) & (table.shape[1] > 0)
        marks[f"all_{name}_wrong"] = answered & ~table.eq(cases.y, axis=0).any(axis=1)
    wrong = pd.DataFrame(marks)
    kept = wrong.any(axis=1)
    whole = pd.concat([cases.y.to_frame(), wrong, cases.readers, cases.models], axis=1)
    return whole[kept].reset_index()


def _missing(cases: _Cases) -> pd.DataFrame:
    """Count for each reader and model the cases without an answer, and name them."""
    rows = []
    for kind, table in (("reader", cases.readers), ("model", cases.models)):
        for rater in table:
            unsure = cases.unsure[rater] if kind == "reader" else pd.Series(False, cases.y.index)
            unread = table[rater].isna() & ~unsure
            rows.append(
                {"rater": rater, "kind": kind, "n_cases": len(cases.y)}
                | {"answered": int((~unread & ~unsure).sum())}
                | {"cannot_say": int(unsure.sum()), "unread": int(unread.sum())}
                | {"cannot_say_cases": _named(unsure), "unread_cases": _named(unread)}
            )
    return pd.DataFrame(rows)


def _named(where: pd.Series) -> str:
    names = where.index[where]
    return ", ".join(" ".join(n) if isinstance(n, tuple) else str(n) for n in names)


def _first_votes(cases: _Cases, votes: pd.DataFrame) -> pd.DataFrame:
    own = (votes["level"] == cases.level) & (votes["arm"] == "blinded") & (votes["repeat"] == 0)
    first = votes[own]
    diagnosis = cases.y.groupby(cases.subject).first()
    return first.assign(diagnosis=first["subject"].map(diagnosis))


def _seconds(cases: _Cases, votes: pd.DataFrame) -> pd.DataFrame:
    """Describe the time for a case, by reader and by diagnosis, with a test of each."""
    timed = _first_votes(cases, votes).dropna(subset="seconds")
    if not len(timed):
        return _NO_TABLE
    # Each subject counts once: by reader on what all have read, by diagnosis with all its votes.
    shared = timed.pivot(
        index=["subject", "recording"], columns="reader", values="seconds"
    ).dropna()
    subjects = timed.groupby(["diagnosis", "subject"])["seconds"].mean()
    tests = {
        "reader": _paired_test(shared.groupby(level="subject").mean()),
        "diagnosis": _test_of_samples([own for _, own in subjects.groupby(level="diagnosis")]),
    }
    rows = []
    for by, (test, p) in tests.items():
        for name, own in timed.groupby(by):
            low, median, high = own["seconds"].quantile([0.25, 0.5, 0.75])
            rows.append(
                {"by": by, "name": name, "n_cases": len(own), "median": median}
                | {"quartile_1": low, "quartile_3": high, "total": own["seconds"].sum()}
                | {"p": p, "test": test}
            )
    return pd.DataFrame(rows)


def _paired_test(table: pd.DataFrame) -> tuple[str, float]:
    """Compare the columns of a table whose rows belong together: name of the test, and p."""
    from scipy.stats import friedmanchisquare, wilcoxon

    if table.shape[1] < 2 or not (table.nunique(axis=1) > 1).any():
        return "", np.nan
    columns = [table[name] for name in table]
    if len(columns) == 2:
        return "Wilcoxon signed-rank", float(wilcoxon(*columns).pvalue)
    return "Friedman", float(friedmanchisquare(*columns).pvalue)


def _test_of_samples(samples: list[pd.Series]) -> tuple[str, float]:
    """Compare independent samples: name of the test, and p."""
    from scipy.stats import kruskal

    if len(samples) < 2 or pd.concat(samples).nunique() < 2:
        return "", np.nan
    return "Kruskal-Wallis", float(kruskal(*samples).pvalue)


def _confidence(cases: _Cases, votes: pd.DataFrame) -> pd.DataFrame:
    """Compare how sure a reader was where right and where wrong."""
    from scipy.stats import mannwhitneyu

    sure = _first_votes(cases, votes).dropna(subset="confidence")
    if cases.cannot_say == "unread":
        sure = sure[sure["vote"] != CANNOT_SAY]
    rows = []
    for reader, own in sure.groupby("reader"):
        right = own["vote"] == own["diagnosis"]
        parts = own.loc[right, "confidence"], own.loc[~right, "confidence"]
        tested = all(map(len, parts)) and own["confidence"].nunique() > 1
        tested &= cases.level == "subject"  # recordings of a subject are alike
        rows.append(
            {"reader": reader, "n_right": len(parts[0]), "mean_right": parts[0].mean()}
            | {"n_wrong": len(parts[1]), "mean_wrong": parts[1].mean()}
            | {"p_mann_whitney": float(mannwhitneyu(*parts).pvalue) if tested else np.nan}
        )
    return pd.DataFrame(rows)
