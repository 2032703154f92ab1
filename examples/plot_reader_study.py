"""
Physicians and a model: a rehearsal
===================================

In the papers, six physicians read the recordings that the network read. This page runs a whole
study of this kind, on simulated patients and with simulated readers whose accuracy and agreement
are set to the papers' figures: accuracy 0.537 ± 0.069, Fleiss' κ 0.26. The papers' results are
shown beside ours. Nobody on this page is real.

On the command line it is ``sknemg readers votes.csv --model predictions.csv --out report``; the
guide, :doc:`/guide/readers`, says what a table of votes looks like.
"""

# %%
# Patients, a model, readers
# --------------------------
# Each patient is diagnosed by a model that was not trained on that patient: simple features with a
# linear discriminant, and DiVote. The readers vote on each recording and on each patient, read a
# third of the patients twice, and sometimes cannot say.

import matplotlib.pyplot as plt
import pandas as pd

from sknemg.evaluation import Protocol, compared_methods, demographics_table, evaluate
from sknemg.inspection import ConfusionMatrixDisplay, OneVsRestCurveDisplay
from sknemg.metrics import confusion_shares, format_interval, reader_study
from sknemg.simulate import make_cohort, simulate_readers

X, y = make_cohort(24, sfreq=10_000, random_state=1)
(name,) = (name for name in compared_methods("smoke") if name.startswith("features"))
method = {name: compared_methods("smoke")[name]}
result = evaluate(method, X, y, protocol=Protocol("three folds", n_splits=3), random_state=0)
model = result.subjects.set_index("subject")[result.classes]

votes = simulate_readers(y, X, n=6, repeated=1 / 3, cannot_say=0.02, random_state=0)
votes.head()

# %%
# Everything in one call
# ----------------------

diagnoses = pd.Series(y, X["subject"]).groupby(level=0).first()
study = reader_study(diagnoses, votes, model)
list(study.tables)

# %%
# Table 1: who was read
# ---------------------

demographics_table(X, y, categorical=["sex"], continuous=["age"])

# %%
# Table 2: accuracy
# -----------------
# The papers' intervals for readers are ±1.645 standard deviations over the root of six: they allow
# for other readers. Ours allow for other readers *and* other patients, by the model of Obuchowski
# and Rockette. With two dozen patients, they are wide.

published = pd.DataFrame(
    {
        "papers: readers": ["0.54 [0.49, 0.58]", "0.53 [0.48, 0.57]", "0.77 [0.75, 0.79]",
                            "0.58 [0.53, 0.63]", "0.51 [0.46, 0.57]"],
        "papers: network": ["0.72 [0.68, 0.76]", "0.72 [0.67, 0.76]", "0.86 [0.84, 0.88]",
                            "0.73 [0.70, 0.76]", "0.72 [0.67, 0.76]"],
    },
    index=["accuracy", "sensitivity", "specificity", "ppv", "f1"],
)  # fmt: skip


def ours(rater):
    """Write one rater's scores with their intervals."""
    own = study.scores[study.scores["rater"] == rater].set_index("metric")
    return [
        format_interval(*own.loc[metric, ["value", "low", "high"]]) for metric in published.index
    ]


table2 = published.assign(
    **{"ours: readers": ours("mean of readers"), "ours: model": ours("model")}
)
table2

# %%
# Would the model also be better than other readers, on other patients?

table = study.against_model.set_index(["metric", "analysis"])
table[["readers", "model", "estimate", "low", "high", "df", "p"]].loc["accuracy"].round(3)

# %%
# Table S1: agreement
# -------------------

agreement = study.agreement[study.agreement["coefficient"] == "Fleiss' κ"]
text = [format_interval(*row) for row in agreement[["value", "low", "high"]].to_numpy(float)]
tableS1 = agreement.assign(text=text).pivot(index="class", columns="set", values="text")
tableS1.insert(0, "papers: readers", pd.Series(
    {"overall": "0.260", "myopathy": "0.360", "neuropathy": "0.256", "normal": "0.204"}
))  # fmt: skip
tableS1.insert(1, "papers: readers and network", pd.Series(
    {"overall": "0.256", "myopathy": "0.400", "neuropathy": "0.247", "normal": "0.165"}
))  # fmt: skip
tableS1.fillna("–")

# %%
# How far each reader's second reading agrees with the first. Eight patients were read twice, so the
# intervals are wide:

study.repeated[["reader", "n", "agreement", "kappa", "low", "high"]].round(2)

# %%
# Figures 1 and S3: readers as points beside the model's curves
# -------------------------------------------------------------

figure, axes = plt.subplots(1, 2, figsize=(10.5, 5.4), layout="constrained")
known = study.probabilities["model"]
about = {"readers": study.readers.loc[known.index], "random_state": 0}
for kind, ax in zip(["roc", "precision_recall"], axes, strict=True):
    OneVsRestCurveDisplay.from_predictions(
        study.y.loc[known.index], known, kind=kind, ax=ax, **about
    )
plt.show()

# %%
# Figure 2: confusion of the readers (mean ± SD) and of the model
# ---------------------------------------------------------------
# The papers' physicians diagnosed 49 ± 13 % of myopathies, 79 ± 3 % of neuropathies and 32 ± 12 %
# of normal subjects correctly.

figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.4), layout="constrained")
answers = [*study.classes, "cannot say"]
ConfusionMatrixDisplay(confusion_shares(study), study.classes, answers=answers).plot(axes[0])
shares = confusion_shares(study, of="model")[:, :, :-1]
ConfusionMatrixDisplay(shares, study.classes).plot(axes[1])
plt.show()

# %%
# What everybody got wrong, and what is missing
# ---------------------------------------------

study.unanimous

# %%

study.missing.drop(columns=["kind", "unread_cases"])

# %%
# Who is right about the same patients: McNemar's test of each reader and the model, adjusted by
# Holm's method, and Cochran's Q. :func:`~sknemg.evaluation.write_reader_report` writes all of this,
# and the checklists of STARD-AI and TRIPOD+AI, as one page.

columns = ["test", "first", "second", "only_first_right", "only_second_right", "p", "p_holm"]
study.tests[columns].round(3)
