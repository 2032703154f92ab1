"""A study of readers: every table that compares physicians with a model on the same cases."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from numpy.typing import NDArray

from sknemg.metrics._intervals import check_level
from sknemg.metrics._reader_answers import (
    answer_shares,
    confidence_table,
    confusion_table,
    missing_table,
    time_table,
    unanimous_table,
)
from sknemg.metrics._reader_cases import Cases, read_diagnoses, votes_of
from sknemg.metrics._reader_scores import (
    against_model_table,
    agreement_table,
    arm_table,
    comparison_table,
    pair_table,
    rater_scores,
    repeat_table,
)
from sknemg.metrics.votes import CANNOT_SAY
from sknemg.recordings._problems import check_choice, check_counts, shown


@dataclass(frozen=True)
class ReaderStudy:
    """All tables of a reader study; those that the votes do not allow are empty.

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
    check_counts(2, n_bootstrap=n_bootstrap)
    check_choice(("wrong", "unread"), cannot_say=cannot_say)
    diagnoses = read_diagnoses(y)
    votes = votes_of(readers)
    if isinstance(classes, str) or not all(isinstance(label, str) for label in classes):
        raise ValueError(f"classes={shown(classes)} must be a list of diagnoses, as text.")
    cases = Cases.build(diagnoses, votes, model, level, cannot_say, classes)
    options = {
        "confidence_level": confidence_level,
        "n_bootstrap": n_bootstrap,
        "random_state": random_state,
    }
    scores = rater_scores(cases, options)
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
        agreement=agreement_table(cases, options),
        pairs=pair_table(cases, options),
        repeated=repeat_table(cases, votes, options),
        against_model=against_model_table(cases, options),
        tests=comparison_table(cases),
        arms=arm_table(cases, votes, confidence_level),
        confusion=confusion_table(cases),
        unanimous=unanimous_table(cases),
        missing=missing_table(cases),
        seconds=time_table(cases, votes),
        confidence=confidence_table(cases, votes),
        settings={"level": level, "cannot_say": cannot_say, **options}
        | {"n_cases": len(cases.y), "n_subjects": int(cases.subject.nunique())}
        | {"n_complete": int(cases.complete.sum()), "corrected": votes.attrs.get("corrected", 0)}
        | {"others": cases.others},
    )


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
    return answer_shares(table, study.y, study.classes, [*study.classes, *study.others, CANNOT_SAY])
