"""What reporting guidelines ask of a study of readers: filled in here, or owed by its authors."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from sknemg.metrics import ReaderStudy

FILLED, PARTLY, OWED = "filled in", "in part", "owed"
STARD, TRIPOD = "STARD-AI", "TRIPOD+AI"


class Item(NamedTuple):
    """One item of a guideline, in short words of our own."""

    number: str
    about: str
    tables: tuple[str, ...] = ()  # which of them fill it in, all being there
    where: str = ""
    owed: str = ""  # what the page cannot know


#: STARD 2015 numbers its items so, which was checked against its published list. Its extension of
#: 2025 has 18 new or modified items by its abstract; their text was not at hand, so that those
#: marked AI are five topics of our own: data, bias and fairness are in that abstract, the analysis
#: of errors, the meeting of users and answers, and availability were not checked.
_STARD = (
    Item("1", "title says that it is a study of diagnostic accuracy", owed="the title"),
    Item("2", "structured abstract", owed="the abstract"),
    Item("3", "background, intended use and clinical role of the test", owed="the text"),
    Item("4", "objectives and hypotheses", owed="the text, with the comparison that counts"),
    Item("5", "whether data were collected before or after the tests", owed="the design"),
    Item("6", "eligibility", owed="criteria for subjects and recordings"),
    Item("7", "how eligible subjects were found", owed="the text"),
    Item("8", "where and when", owed="setting, places and dates"),
    Item("9", "consecutive, random or convenience series", owed="the text"),
    Item("10a", "the model and the readers, so that both can be repeated", ("scores",), "Settings",
         "the model's version and card; training and experience of the readers"),
    Item("10b", "the reference standard", owed="how and by whom diagnoses were made"),
    Item("11", "why this reference standard", owed="the text"),
    Item("12a", "definition of a positive answer, cut-offs", ("scores",), "Accuracy"),
    Item("12b", "cut-offs of the reference standard", owed="the text"),
    Item("13a", "what readers and model knew of clinical data and reference", (), "",
         "what was shown beside the signals"),
    Item("13b", "what assessors of the reference knew of the tests", owed="the text"),
    Item("14", "methods that estimate and compare accuracy", ("scores", "missing"), "Methods"),
    Item("15", "indeterminate answers", ("missing",), "Missing votes"),
    Item("16", "missing data", ("missing",), "Missing votes"),
    Item("17", "analyses of variability", ("agreement", "pairs"), "Agreement"),
    Item("18", "intended sample size", owed="how it was chosen"),
    Item("19", "flow of participants", ("missing",), "Missing votes",
         "who was eligible and did not enter"),
    Item("20", "baseline characteristics", ("subjects",), "Subjects"),
    Item("21a", "severity of disease", owed="the distribution"),
    Item("21b", "other diagnoses of those without the disease", owed="the distribution"),
    Item("22", "time and treatment between test and reference", owed="the text"),
    Item("23", "cross tabulation of answers and diagnoses", ("confusion",), "Pictures"),
    Item("24", "estimates of accuracy with their precision", ("scores",), "Accuracy"),
    Item("25", "adverse events", owed="the text"),
    Item("26", "limitations", owed="the text"),
    Item("27", "implications for practice", owed="the text"),
    Item("28", "registration", owed="number and registry"),
    Item("29", "where the protocol is", owed="its place"),
    Item("30", "funding", owed="sources, and the part of the funders"),
    Item("AI", "data: sources, preparation, splits, who is in training and test", owed="the text"),
    Item("AI", "how errors were analysed", ("unanimous",), "Mistakes of all",
         "why these cases are wrong"),
    Item("AI", "bias and fairness between groups of subjects",
         owed="accuracy by sex, age and site"),
    Item("AI", "how users meet the model's answer", ("arms",), "Arms"),
    Item("AI", "availability of code, model and data", owed="their places and licences"),
)  # fmt: skip

_TRIPOD = (
    Item("1", "title names model, population and outcome", owed="the title"),
    Item("2", "abstract by its own list", owed="the abstract"),
    Item("3", "context, rationale, known inequalities", owed="the text"),
    Item("4", "objectives, development or evaluation", owed="the text"),
    Item("5", "sources and dates of the data", owed="the text"),
    Item("6", "setting, eligibility, treatments", owed="the text"),
    Item("7", "preparation of the data", owed="the text"),
    Item("8", "outcome, who assessed it and how blinded", owed="the text"),
    Item("9", "predictors and how they were measured", owed="device, needle, filters, muscles"),
    Item("10", "sample size", owed="how it was chosen"),
    Item("11", "missing data", ("missing",), "Missing votes"),
    Item("12", "analysis, performance measures, comparisons", ("scores",), "Methods",
         "how the model was developed"),
    Item("13", "class imbalance", ("by_class",), "By diagnosis", "what training did about it"),
    Item("14", "fairness", owed="what was done for it"),
    Item("15", "output of the model and thresholds", ("scores",), "Accuracy"),
    Item("16", "differences between training and evaluation data", owed="the text"),
    Item("17", "ethical approval and consent", owed="the number, or the waiver"),
    Item("18", "funding, conflicts, protocol, registration, data, code", owed="the text"),
    Item("19", "patients and public", owed="how they took part, or that they did not"),
    Item("20", "flow and characteristics of participants", ("subjects", "missing"), "Subjects"),
    Item("21", "numbers of participants and outcomes in each analysis", ("scores", "missing"),
         "Accuracy"),
    Item("22", "the full model", owed="its folder or code, with a fingerprint"),
    Item("23", "performance with intervals, and its heterogeneity", ("scores", "by_class"),
         "Accuracy", "by subgroups and sites"),
    Item("24", "updating of the model", owed="whether any was done"),
    Item("25", "interpretation, with fairness", owed="the text"),
    Item("26", "limitations", owed="the text"),
    Item("27", "how usable it is in its setting", owed="inputs, users, next steps"),
)  # fmt: skip


def reporting_checklist(study: ReaderStudy, *, described: bool = False) -> pd.DataFrame:
    """Tell which items of STARD-AI and TRIPOD+AI a report fills in, and which are left to do.

    Parameters
    ----------
    study : ReaderStudy
    described : bool, default=False
        Whether the report describes the subjects.

    Returns
    -------
    DataFrame, columns ``guideline``, ``item``, ``about``, ``status``, ``where``, ``owed``
        ``status`` is "filled in", "in part" or "owed". Items are in short words of our own: the
        guidelines' own wording counts. The numbers of STARD-AI are those of STARD 2015; of its 18
        new or modified items, the rows "AI" stand for topics, unchecked against its text.

    References
    ----------
    P. M. Bossuyt et al., "STARD 2015", BMJ 351, 2015; V. Sounderajah et al., "The STARD-AI
    reporting guideline", Nature Medicine, 2025; G. S. Collins et al., "TRIPOD+AI statement",
    BMJ 385, 2024.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknemg.evaluation import reporting_checklist
    >>> from sknemg.metrics import reader_study
    >>> y = pd.Series(list("aabb"), index=list("1234"))
    >>> study = reader_study(y, pd.DataFrame({"A": y, "B": y}), n_bootstrap=2)
    >>> table = reporting_checklist(study).set_index(["guideline", "item"])
    >>> table.loc[("STARD-AI", ["16", "20"]), "status"].tolist()
    ['filled in', 'owed']
    """
    there = {*study.tables, *(["subjects"] if described else [])}
    rows = []
    for guideline, items in ((STARD, _STARD), (TRIPOD, _TRIPOD)):
        for item in items:
            filled = bool(item.tables) and there.issuperset(item.tables)
            status = (PARTLY if item.owed else FILLED) if filled else OWED
            owed = item.owed or ("" if filled else "the text, or the data for the table")
            where = item.where if filled else ""
            rows.append((guideline, item.number, item.about, status, where, owed))
    columns = ["guideline", "item", "about", "status", "where", "owed"]
    return pd.DataFrame(rows, columns=columns)
