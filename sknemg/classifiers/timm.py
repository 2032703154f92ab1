"""`TimmClassifier`: image networks of timm as a scikit-learn classifier."""

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from sknemg.classifiers.base import BaseSegmentClassifier
from sknemg.nn.image_models import (
    check_model_name,
    classifier_layers,
    image_model,
    matching_parameters,
    own_image_size,
)
from sknemg.signal.rates import is_number


class TimmClassifier(BaseSegmentClassifier):
    """An image network of timm on pictures of segments.

    Rows keep the size, the type and the single channel in which they were made; a batch is
    standardised by the mean and the standard deviation of the training pictures, resized and its
    channel repeated on the device, one batch at a time.

    Parameters
    ----------
    model_name : str, default="resnet50"
        A name that timm knows. The source papers used "resnet50", "resnet152", "vgg16", "vgg19",
        "inception_v3" (mel-spectrograms) and "inception_v4" (plots).
    pretrained : bool, default=False
        Start from timm's weights, of the Hugging Face hub or of its cache.
    checkpoint : path or None, default=None
        Start from a local file of weights with timm's names, such as
        ``safetensors.numpy.save_file(fitted.weights_, path)`` makes. Its last layer is left out if
        it has another number of classes; if it has as many, they must be those of ``classes_`` in
        that order, which the file does not tell.
    image_size : int, (height, width) or None, default=None
        Pixels to which pictures are resized; None is the size the network was made for.
    in_chans : int, default=3
        Channels of the network's first layer. Pictures of one channel are repeated.
    drop_rate : float, default=0.0
        Dropout before the classifier.
    freeze : "backbone", list of name patterns or None, default=None
        Parameters that keep their initial values, with the running statistics of their layers:
        all but the classifier, or those whose names match a pattern such as "layer1.*".
    lr_groups : dict {name pattern: learning rate} or None, default=None
        Learning rates other than ``lr``; "backbone" stands for all but the classifier. A parameter
        belongs to the first pattern that matches.
    channels_last : bool, default=False
        Use the channels-last memory format, which is faster on most devices.
    {training_parameters}

    Attributes
    ----------
    classes_ : ndarray
        Class labels, sorted.
    history_ : DataFrame
        One row per evaluation: update, epoch, train_loss, seconds, best and, with validation,
        valid_loss and valid_accuracy.
    mean_, scale_ : float32 ndarray (n_chans, 1, 1)
        Mean and standard deviation of the training pictures, in their own units.
    weights_ : dict of ndarray
        The state dict of the network.
    net_ : skorch net
        Made from ``weights_`` after unpickling.
    module_ : torch module
        The network, in evaluation mode.
    input_shape_ : tuple
        Shape of one row.
    n_features_in_ : int
        Length of the second axis of X.

    Notes
    -----
    A fitted network stays as it was trained, whatever is set afterwards: other values of
    ``model_name``, ``image_size``, ``in_chans``, ``drop_rate``, ``freeze`` and ``channels_last``
    hold of the next ``fit``. Saved models state those of the training.

    X is (n, height, width), (n, 1, height, width) or (n, in_chans, height, width), float32 or
    uint8. Rows of a two-dimensional X count as pictures one pixel high.

    References
    ----------
    H. Nodera et al., "Deep learning for waveform identification of resting needle electromyography
    signals", Clinical Neurophysiology, 2019; S. Nam et al., Healthcare Informatics Research 25
    (2019) 131; R. Wightman, "PyTorch Image Models", 2019, doi:10.5281/zenodo.4414861.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import TimmClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.integers(0, 80, size=(32, 24, 24), dtype=np.uint8)
    >>> X[16:, :12] += 100  # pictures of the second class are bright above
    >>> y = np.repeat(["normal", "myopathy"], 16)
    >>> clf = TimmClassifier("test_resnet", image_size=32, batch_size=8, random_state=0)
    >>> float(clf.set_params(max_epochs=10).fit(X, y).score(X, y))
    1.0
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSegmentClassifier._parameter_constraints,
        "model_name": [str],
        "pretrained": ["boolean"],
        "checkpoint": [str, PathLike, None],
        "image_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "in_chans": [Interval(Integral, 1, None, closed="left")],
        "drop_rate": [Interval(Real, 0, 1, closed="left")],
        "freeze": [str, list, tuple, None],
        "lr_groups": [dict, None],
        "channels_last": ["boolean"],
    }

    _input_dtypes: ClassVar[list[Any]] = [np.float32, np.uint8]
    _prediction_batch: ClassVar[int] = 64
    _keeps = (
        "model_name", "image_size", "in_chans", "drop_rate", "freeze", "channels_last",
    )  # fmt: skip

    def __init__(
        self,
        model_name: str = "resnet50",
        *,
        pretrained: bool = False,
        checkpoint: Any = None,
        image_size: Any = None,
        in_chans: int = 3,
        drop_rate: float = 0.0,
        freeze: Any = None,
        lr_groups: dict[str, Any] | None = None,
        channels_last: bool = False,
        max_epochs: int = 100,
        max_updates: int | None = None,
        optimizer: str = "adam",
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        schedule: str | None = None,
        batch_size: int = 32,
        epoch_fraction: float = 1.0,
        class_weight: Any = "balanced",
        validation: Any = "auto",
        eval_every: int | None = 50,
        patience: int | None = 100,
        monitor: str = "accuracy",
        augment: Any = None,
        mixup: float = 0.0,
        label_smoothing: float = 0.0,
        weight_averaging: float | None = None,
        callbacks: list[Any] | None = None,
        device: Any = "auto",
        compile: bool = False,
        amp: bool = False,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.model_name = model_name
        self.pretrained = pretrained
        self.checkpoint = checkpoint
        self.image_size = image_size
        self.in_chans = in_chans
        self.drop_rate = drop_rate
        self.freeze = freeze
        self.lr_groups = lr_groups
        self.channels_last = channels_last
        self.max_epochs = max_epochs
        self.max_updates = max_updates
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.batch_size = batch_size
        self.epoch_fraction = epoch_fraction
        self.class_weight = class_weight
        self.validation = validation
        self.eval_every = eval_every
        self.patience = patience
        self.monitor = monitor
        self.augment = augment
        self.mixup = mixup
        self.label_smoothing = label_smoothing
        self.weight_averaging = weight_averaging
        self.callbacks = callbacks
        self.device = device
        self.compile = compile
        self.amp = amp
        self.verbose = verbose
        self.random_state = random_state

    def _size(self) -> tuple[int, int]:
        size = self._trained("image_size")
        if size is None:
            return own_image_size(self._trained("model_name"))
        height, width = np.broadcast_to(size, 2).tolist()
        return height, width

    def _check_parameters(self) -> None:
        """Refuse what timm and torch would stumble over, or take for something else."""
        check_model_name(self.model_name)
        size = self.image_size
        sizes = list(size) if isinstance(size, (tuple, list)) else [1, 1]
        if len(sizes) != 2 or not all(isinstance(one, Integral) and int(one) > 0 for one in sizes):
            raise ValueError(f"image_size={size!r} must be an integer > 0, or (height, width).")
        patterns = self.freeze if isinstance(self.freeze, (tuple, list)) else []
        if strange := [one for one in [*patterns, *(self.lr_groups or ())] if type(one) is not str]:
            raise ValueError(
                f"freeze and lr_groups name parameters by text, not by {strange[0]!r}: give "
                "'backbone' or patterns such as 'layer1.*'."
            )
        for pattern, lr in (self.lr_groups or {}).items():
            if not is_number(lr) or lr <= 0:
                raise ValueError(
                    f"lr_groups[{pattern!r}]={lr!r} must be a number > 0; `freeze` keeps "
                    "parameters as they are."
                )

    def _learn_input(self, X: np.ndarray, train: np.ndarray) -> None:
        self._check_parameters()
        n_chans = X.shape[1] if X.ndim == 4 else 1
        if X.ndim > 4 or n_chans not in (1, self.in_chans):
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}: give pictures of shape (height, width), "
                f"(1, height, width) or (in_chans={self.in_chans}, height, width)."
            )
        self.mean_, self.scale_ = _channel_moments(X, train, n_chans)

    def _module_factory(self, *, initial: bool) -> Callable[[], nn.Module]:
        options: dict[str, Any] = {
            "pretrained": self.pretrained,
            "checkpoint": self.checkpoint,
            "lr_patterns": tuple(self.lr_groups or ()),
        }
        return partial(
            _module,
            self._trained("model_name"),
            channels_last=self._trained("channels_last"),
            n_outputs=len(self.classes_),
            in_chans=self._trained("in_chans"),
            image_size=self._size(),
            drop_rate=self._trained("drop_rate"),
            freeze=self._trained("freeze"),
            **(options if initial else {}),
        )

    def _input_function(self) -> Callable[[Tensor], Tensor]:
        return partial(
            _to_pictures,
            mean=self.mean_,
            scale=self.scale_,
            size=self._size(),
            in_chans=self._trained("in_chans"),
            channels_last=self._trained("channels_last"),
        )

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        groups: list[tuple[str, dict[str, Any]]] = []
        for pattern, lr in (self.lr_groups or {}).items():
            if pattern == "backbone":  # what the classifier, first, leaves over
                heads = classifier_layers(self.model_name)
                groups += [(f"{layer}.*", {"lr": self.lr}) for layer in heads]
                pattern = "*"
            groups.append((pattern, {"lr": lr}))
        return groups


def _module(
    model_name: str, *, channels_last: bool, lr_patterns: tuple[str, ...] = (), **options: Any
) -> nn.Module:
    """Make the network; refuse patterns of learning rates that would pass unnoticed."""
    model = image_model(model_name, **options)
    names = [name for name, _ in model.named_parameters()]
    for pattern in lr_patterns:
        matching_parameters(names, model_name, pattern)
    return model.to(memory_format=torch.channels_last) if channels_last else model


def _channel_moments(
    X: np.ndarray, rows: np.ndarray, n_chans: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give mean and standard deviation of each channel over some rows, (n_chans, 1, 1)."""
    total, squares, n_pixels = np.zeros(n_chans), np.zeros(n_chans), 0
    for start in range(0, len(rows), 512):
        part = X[rows[start : start + 512]].astype(np.float64)
        part = part.reshape(len(part), n_chans, -1)
        total += part.sum(axis=(0, 2))
        squares += np.square(part).sum(axis=(0, 2))
        n_pixels += part.size // n_chans
    mean = total / n_pixels
    scale = np.sqrt(np.maximum(squares / n_pixels - mean**2, 0))
    scale[scale == 0] = 1
    return (
        mean.astype(np.float32).reshape(-1, 1, 1),
        scale.astype(np.float32).reshape(-1, 1, 1),
    )


def _to_pictures(
    batch: Tensor,
    mean: np.ndarray,
    scale: np.ndarray,
    size: tuple[int, int],
    in_chans: int,
    channels_last: bool,
) -> Tensor:
    """Make rows the network's input: standardised, resized, the channel repeated."""
    if batch.ndim < 4:
        batch = batch.reshape(len(batch), 1, -1, batch.shape[-1])
    x = (batch.float() - torch.tensor(mean, device=batch.device)) / torch.tensor(
        scale, device=batch.device
    )
    if x.shape[2:] != size:
        x = nn.functional.interpolate(x, size, mode="bilinear", antialias=True)
    x = x.expand(-1, in_chans, -1, -1)
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x
