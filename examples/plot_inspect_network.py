"""
What a network learned
======================

A small nEMGNet is trained on simulated recordings in some seconds and then inspected: its learning
curves, the signal that it likes best for each diagnosis (Yoo et al. 2022, Figure 7), and how the
classes separate with depth (Figure 4). The published network is eight times as wide and was trained
on 57 patients; nothing here is a result about patients.
"""

from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, NEMGNetClassifier, Segmenter
from sknemg.inspection import (
    AttributionDisplay,
    FeatureVisualizationDisplay,
    LayerMapDisplay,
    TrainingHistoryDisplay,
)
from sknemg.simulate import make_cohort

X, y = make_cohort(24, sfreq=10_000, random_state=0)
network = NEMGNetClassifier("A", width=8, max_epochs=10, eval_every=20, random_state=0)
model = make_pipeline(Segmenter(hop=0.2), DiVoteClassifier(network)).fit(X, y)

# %%
# Loss and accuracy on the validation subjects. The weights of the best evaluation are kept.

TrainingHistoryDisplay.from_estimator(model)

# %%
# Above, a typical segment of each class; below, noise that was optimised for the highest output of
# the network for that class. The published 1500 steps take a minute or two; 300 larger ones show
# where they lead: for neuropathy, to slow bursts of large waves. Adam moves each sample by about
# its learning rate in a step, however little the network cares: hence the fast ripple everywhere,
# and an amplitude that is limited by the number of steps. From noise of 1 mV, as published, most of
# the ripple is the noise itself.

FeatureVisualizationDisplay.from_estimator(
    model, X, y, n_seeds=2, n_steps=300, lr=0.03, noise=0.05, random_state=0
)

# %%
# Segments after some blocks of the network, on two principal components (``method="umap"`` with
# umap-learn). The probe is a linear classifier on the output of the block, tested on subjects that
# it was not trained on; chance is 33 %. The network itself was trained on these subjects, so the
# separation is that of training data.

some = X[::3]
LayerMapDisplay.from_estimator(
    model, some, y[::3], ["blocks.block1", "blocks.block5", "blocks.block11"], random_state=0
)

# %%
# What in one segment speaks for the class that the network gives it: by sample (integrated
# gradients, with captum), by the fall of the score when 20 ms are silenced, and by its fall when a
# band of frequencies is taken out. What speaks against it is grey.

segment = model[:-1].transform(X)[int((y == "myopathy").argmax())][0]
AttributionDisplay.from_estimator(model, segment, sfreq=10_000)
