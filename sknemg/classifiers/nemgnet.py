"""`NEMGNetClassifier`: nEMGNet as a scikit-learn classifier."""

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from sknemg.classifiers.base import BaseSegmentClassifier
from sknemg.nn.nemgnet import ACTIVATIONS, RESIDUAL_BLOCKS, NEMGNet, least_n_times


class NEMGNetClassifier(BaseSegmentClassifier):
    """nEMGNet on segments of raw signal.

    The defaults are the published ones: Adam at 1e-3, batches of 32, at most 100 epochs, cross
    entropy weighted inversely to the class counts, accuracy on validation subjects every 50
    updates.

    Parameters
    ----------
    version : {"A", "B", "C", "D"}, default="B"
        0, 2, 4 or 6 residual blocks per stage.
    width : int, default=64
        Channels of the first stage. The paper's 64 calls for a GPU; 8 trains on a CPU.
    activation : {"relu", "leaky_relu"}, default="relu"
        Between the fully connected layers.
    dropout : float, default=0.0
        Before each fully connected layer.
    short : {"raise", "pad"}, default="raise"
        Segments under 1003 samples, the least that the network can halve ten times, are refused or
        padded with zeros at their end.
    {training_parameters}

    Attributes
    ----------
    classes_ : ndarray
        Class labels, sorted.
    history_ : DataFrame
        One row per evaluation: update, epoch, train_loss, seconds, best and, with validation,
        valid_loss and valid_accuracy.
    weights_ : dict of ndarray
        The state dict of the network.
    net_ : skorch net
        Made from ``weights_`` after unpickling.
    module_ : NEMGNet
        The network, in evaluation mode.
    input_shape_ : tuple
        Shape of one row.
    n_features_in_ : int
        Length of the second axis of X.

    References
    ----------
    J. Yoo et al., "Residual one-dimensional convolutional neural network for neuromuscular
    disorder classification from needle electromyography signals with explainability", Computer
    Methods and Programs in Biomedicine 226 (2022) 107079.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import NEMGNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> slow = np.repeat(rng.normal(size=(32, 110)), 10, axis=1)
    >>> X = np.concatenate([slow, rng.normal(size=(32, 1100))])
    >>> y = np.repeat(["neuropathy", "normal"], 32)
    >>> clf = NEMGNetClassifier("A", width=8, max_epochs=8, lr=3e-3, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSegmentClassifier._parameter_constraints,
        "version": [StrOptions(set(RESIDUAL_BLOCKS))],
        "width": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "short": [StrOptions({"raise", "pad"})],
    }

    def __init__(
        self,
        version: str = "B",
        *,
        width: int = 64,
        activation: str = "relu",
        dropout: float = 0.0,
        short: str = "raise",
        max_epochs: int = 100,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        batch_size: int = 32,
        class_weight: Any = "balanced",
        validation: Any = "auto",
        eval_every: int | None = 50,
        patience: int | None = 100,
        monitor: str = "accuracy",
        augment: Any = None,
        callbacks: list[Any] | None = None,
        device: Any = "auto",
        compile: bool = False,
        amp: bool = False,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.version = version
        self.width = width
        self.activation = activation
        self.dropout = dropout
        self.short = short
        self.max_epochs = max_epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.class_weight = class_weight
        self.validation = validation
        self.eval_every = eval_every
        self.patience = patience
        self.monitor = monitor
        self.augment = augment
        self.callbacks = callbacks
        self.device = device
        self.compile = compile
        self.amp = amp
        self.verbose = verbose
        self.random_state = random_state

    def _n_times(self) -> int:
        n_times = self.input_shape_[-1]
        return max(n_times, least_n_times()) if self.short == "pad" else n_times

    def _module_factory(self, *, initial: bool) -> Callable[[], nn.Module]:
        if len(self.input_shape_) > 2:
            raise ValueError(
                f"X has rows of shape {self.input_shape_}: give signals of shape (n, n_times) or "
                "(n, n_chans, n_times)."
            )
        return partial(
            NEMGNet,
            n_outputs=len(self.classes_),
            n_chans=self.input_shape_[0] if len(self.input_shape_) == 2 else 1,
            n_times=self._n_times(),
            version=self.version,
            width=self.width,
            activation=self.activation,
            dropout=self.dropout,
        )

    def _input_function(self) -> Callable[[Tensor], Tensor]:
        return partial(_to_signals, n_times=self._n_times())


def _to_signals(batch: Tensor, n_times: int) -> Tensor:
    """Make rows (n, n_times) or (n, n_chans, n_times) the network's input, zeros at the end."""
    if batch.ndim == 2:
        batch = batch[:, None]
    return torch.nn.functional.pad(batch, (0, n_times - batch.shape[-1]))
