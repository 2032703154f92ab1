"""Networks as plain torch modules; nothing here knows scikit-learn."""

from sknemg.nn.fast import FastNEMGNet
from sknemg.nn.nemgnet import NEMGNet

__all__ = ["FastNEMGNet", "NEMGNet"]
