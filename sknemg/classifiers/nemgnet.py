"""`NEMGNetClassifier`: nEMGNet as a scikit-learn classifier."""

import re
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from torch import Tensor, nn

from sknemg.classifiers.base import BaseSegmentClassifier
from sknemg.classifiers.initial import (
    N_BLOCKS,
    Start,
    check_layout,
    keeps_output,
    networks_in,
    output_layer,
    started,
)
from sknemg.classifiers.recipes import RECIPE, RECIPES
from sknemg.model_selection.origin import caution_of_start
from sknemg.nn.fast import computes_in_bfloat16
from sknemg.nn.nemgnet import (
    ACTIVATIONS,
    HEADS,
    RESIDUAL_BLOCKS,
    NEMGNet,
    least_n_times,
    length_after_blocks,
)
from sknemg.weights.network import read_network

_POOLED = 8  # values of a channel from which "auto" pools them


class NEMGNetClassifier(BaseSegmentClassifier):
    """nEMGNet on segments of raw signal.

    How it is trained is a recipe. ``"published"``, the default, is the paper's: raw millivolts,
    Adam at 1e-3, batches of 32, at most 100 epochs, cross entropy weighted inversely to the class
    counts, accuracy on validation subjects every 50 updates. ``"tuned"`` compands the
    amplitudes, which span three decades, and pools the maps of long segments. In a small ablation
    (``python -m benchmarks.recipe``) companding seemed to gain on the ten subjects of N2001, by no
    more than chance may give among so many comparisons, and hardly on simulated patients; longer
    windows with a pooled head lost. A parameter that is given overrides the recipe.
    `recipe_params` tells what holds.

    Parameters
    ----------
    version : {"A", "B", "C", "D"}, default="B"
        0, 2, 4 or 6 residual blocks per stage.
    recipe : {"published", "tuned"}, default="published"
        The values of all parameters that are left at "recipe".
    width : int, default=64
        Channels of the first stage. The paper's 64 calls for a GPU; 8 trains on a CPU.
    activation : {"relu", "leaky_relu"}, default="relu"
        Between the fully connected layers.
    head : {"flat", "pooled", "auto"} or "recipe", default="recipe"
        Whether the fully connected layers see the whole last map or, of each channel, mean,
        maximum, standard deviation and share of positive values over time. "auto" pools maps of
        eight values or more, those of segments of 0.9 s at 10 kHz; the published 0.4 s leave
        three.
    companding : float, None or "recipe", default="recipe"
        The scale, in mV, of the inverse hyperbolic sine through which the signal enters the
        network: linear well below it, logarithmic above. None takes the signal as it is.
    dropout : float or "recipe", default="recipe"
        Before each fully connected layer.
    short : {"raise", "pad"}, default="raise"
        Segments under 1003 samples, the least that the network can halve ten times, are refused or
        padded with zeros at their end.
    fast : bool or "bfloat16", default=False
        Predict by a network rebuilt from the weights (:class:`~sknemg.nn.FastNEMGNet`): batch
        normalisation is folded into the convolutions, and those of short maps are matrix products.
        On a CPU the probabilities of a trained network are equal within 1e-5. It can be set after
        ``fit``, which it does not change, is made at the first prediction and needs at least as
        much memory again as the weights. Weights that are changed later are seen, except those
        written through ``.data``: use ``torch.no_grad()``. "bfloat16" computes in that type, on
        devices that have instructions for it, on a CPU with AVX-512 in two thirds of the time of
        True (nEMGNet-B) or five sixths (A): probabilities then differ by hundredths (by 0.012 at
        most for "volitional-small" on 335 simulated windows, of which four changed their class).
    init : str, fitted model or None, default=None
        Where training starts instead of random weights: the name of a network that comes with
        sknemg, such as "volitional-small" (see :func:`sknemg.pretrained.load`), or a fitted
        `NEMGNetClassifier`, or a model with one in it, such as a pipeline from `load_model`. It
        must be of the same version, width, activation, head and companding, and have seen rows of
        the same length, at a rate that an array cannot tell. If its classes are others, the output
        layer starts anew. Subjects on whom it was trained cannot test what comes of it. A search
        such as `GridSearchCV` clones the values that it tries: wrap a fitted model in
        `sklearn.frozen.FrozenEstimator` there.
    freeze : int, default=0
        How many of the 12 blocks, from the first on, keep the weights of `init` and the running
        statistics of their layers; 12 leaves the fully connected layers to be trained.
    init_lr : float, default=0.1
        Learning rate of all layers that come from `init`, as a share of ``lr``.
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
    caution_ : str
        A warning to give with the network's answers: not empty if it started from one
        that was trained on simulated patients alone. Saved models keep it.
    net_ : skorch net
        Made from ``weights_`` after unpickling.
    module_ : NEMGNet
        The network, in evaluation mode.
    input_shape_ : tuple
        Shape of one row.
    n_features_in_ : int
        Length of the second axis of X.

    Notes
    -----
    A fitted network stays as it was trained, whatever is set afterwards: other values of
    ``version``, ``recipe``, ``width``, ``activation``, ``head``, ``companding``, ``dropout`` and
    ``short`` hold of the next ``fit``. Saved models state those of the training.

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
    >>> tuned = NEMGNetClassifier(recipe="tuned", label_smoothing=0.1)
    >>> [tuned.recipe_params()[name] for name in ("companding", "label_smoothing")]
    [0.05, 0.1]
    """

    cuts_windows = True
    _keeps = (
        "version", "recipe", "width", "activation", "head", "companding", "dropout", "short",
    )  # fmt: skip
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSegmentClassifier._parameter_constraints,
        "version": [StrOptions(set(RESIDUAL_BLOCKS))],
        "recipe": [StrOptions(set(RECIPES))],
        "width": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "head": [StrOptions({*HEADS, "auto"})],
        "companding": [Interval(Real, 0, None, closed="neither"), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "short": [StrOptions({"raise", "pad"})],
        "fast": ["boolean", StrOptions({"bfloat16"})],
        "init": [str, HasMethods(["get_params"]), None],
        "freeze": [Interval(Integral, 0, N_BLOCKS, closed="both")],
        "init_lr": [Interval(Real, 0, None, closed="neither")],
    }
    for _name in RECIPES["published"]:
        _parameter_constraints[_name] = [*_parameter_constraints[_name], StrOptions({RECIPE})]
    del _name

    def __init__(
        self,
        version: str = "B",
        *,
        recipe: str = "published",
        width: int = 64,
        activation: str = "relu",
        head: str = RECIPE,
        companding: Any = RECIPE,
        dropout: Any = RECIPE,
        short: str = "raise",
        fast: Any = False,
        init: Any = None,
        freeze: int = 0,
        init_lr: float = 0.1,
        max_epochs: int = 100,
        max_updates: int | None = None,
        optimizer: str = RECIPE,
        lr: Any = RECIPE,
        weight_decay: Any = RECIPE,
        schedule: str | None = RECIPE,
        batch_size: int = 32,
        epoch_fraction: Any = RECIPE,
        class_weight: Any = "balanced",
        validation: Any = "auto",
        eval_every: int | None = 50,
        patience: int | None = 100,
        monitor: str = "accuracy",
        augment: Any = RECIPE,
        mixup: Any = RECIPE,
        label_smoothing: Any = RECIPE,
        weight_averaging: Any = RECIPE,
        callbacks: list[Any] | None = None,
        device: Any = "auto",
        compile: bool = False,
        amp: bool = False,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.version = version
        self.recipe = recipe
        self.width = width
        self.activation = activation
        self.head = head
        self.companding = companding
        self.dropout = dropout
        self.short = short
        self.fast = fast
        self.init = init
        self.freeze = freeze
        self.init_lr = init_lr
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

    @classmethod
    def _training_parameters(cls) -> str:
        names = "|".join(RECIPES["published"])
        line = re.compile(rf"^({names}) : (.*), default=\S+$", re.MULTILINE)
        left = rf'\1 : \2 or "{RECIPE}", default="{RECIPE}"'
        return line.sub(left, super()._training_parameters())

    def recipe_params(self) -> dict[str, Any]:
        """Return the values in force of all parameters that a recipe sets.

        Returns
        -------
        dict
            Those that were given, and those of the recipe where none was.

        Examples
        --------
        >>> from sknemg import NEMGNetClassifier
        >>> NEMGNetClassifier(lr=2e-3).recipe_params()["lr"]
        0.002
        """
        return {name: self._value(name) for name in RECIPES["published"]}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, without those of the fitted model in ``init``.

        Parameters
        ----------
        deep : bool, default=True
            Whether the parameters of `augment` are given as well.

        Returns
        -------
        dict
        """
        found = super().get_params(deep)
        return {name: value for name, value in found.items() if not name.startswith("init__")}

    def set_params(self, **params: Any) -> "NEMGNetClassifier":
        """Set parameters; those of the fitted model in ``init`` cannot be set.

        Parameters
        ----------
        **params
            Values by name.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is unknown, or is one of the model in ``init``.
        """
        for name, value in params.items():
            if name.startswith("init__"):
                raise ValueError(
                    f"{name}={value!r} would change the fitted model in init, which stays as it "
                    f"is: set {name.removeprefix('init__')} of this network, or another init."
                )
        return super().set_params(**params)

    def __sklearn_clone__(self) -> "NEMGNetClassifier":
        # What is started from stays fitted.
        copy = super().__sklearn_clone__()
        copy.init = self.init
        return copy

    def _start(self) -> Start | None:
        """Give what training starts from, None for random weights."""
        if self.init is None:
            if self.freeze:
                raise ValueError(
                    f"freeze={self.freeze} would keep random weights: give `init` as well (a model "
                    "folder keeps its name only, not a fitted model), or set freeze=0."
                )
            return None
        if isinstance(self.init, str):
            said, (network, sfreq) = f"init={self.init!r}", shipped_network(self.init)
            return Start(said, network._layout(), network.classes_, sfreq, network.weights_)
        found = networks_in(self.init, NEMGNetClassifier)
        if len(found) != 1:
            cloned = (
                " (what searches over init clones its candidates, which forgets what they learned: "
                "give it sklearn.frozen.FrozenEstimator(model))"
            )
            raise ValueError(
                f"init is a {type(self.init).__name__} with {len(found)} fitted nEMGNets in "
                "it: give the name of a network, or a fitted model with one"
                f"{'' if found else cloned}."
            )
        (network,) = found
        said = f"init, a {type(self.init).__name__},"
        return Start(said, network._layout(), network.classes_, None, network.weights_)

    def _value(self, name: str) -> Any:
        return _by_recipe(self.recipe, name, super()._value(name))

    def _trained(self, name: str) -> Any:
        return _by_recipe(self._kept["recipe"], name, super()._trained(name))

    def _fast_dtype(self) -> torch.dtype | None:
        if not isinstance(self.fast, (bool, np.bool_)) and self.fast != "bfloat16":
            raise ValueError(f"fast={self.fast!r} must be True, False or 'bfloat16'.")
        if not isinstance(self.fast, str):
            return torch.float32 if self.fast else None
        device = self._torch_device()
        if not computes_in_bfloat16(device):
            raise ValueError(
                f"fast={self.fast!r} but this {device.type.upper()} has no instructions for it: "
                "set fast=True, which computes in float32."
            )
        return torch.bfloat16

    def _learn_input(self, X: Any, train: np.ndarray) -> None:
        self._fast_dtype()  # a device without bfloat16 is refused before the training
        self.caution_ = caution_of_start(self.init)

    def _n_times(self) -> int:
        n_times = self.input_shape_[-1]
        return max(n_times, least_n_times()) if self._trained("short") == "pad" else n_times

    def _head(self) -> str:
        head = self._trained("head")
        if head != "auto":
            return head
        return "pooled" if length_after_blocks(self._n_times()) >= _POOLED else "flat"

    def _module_factory(self, *, initial: bool) -> Callable[[], nn.Module]:
        if len(self.input_shape_) > 2:
            raise ValueError(
                f"X has rows of shape {self.input_shape_}: give signals of shape (n, n_times) or "
                "(n, n_chans, n_times)."
            )
        make = partial(NEMGNet, **self._layout())
        start = self._start() if initial else None
        if start is None:
            return make
        check_layout(start, self._layout())
        with_output = keeps_output(start, self.classes_)
        return partial(started, make, start, self.freeze, with_output)

    def _layout(self) -> dict[str, Any]:
        """Give the arguments of the network, from the fitted sizes, as it was trained."""
        return {
            "n_outputs": len(self.classes_),
            "n_chans": self.input_shape_[0] if len(self.input_shape_) == 2 else 1,
            "n_times": self._n_times(),
            "version": self._trained("version"),
            "width": self._trained("width"),
            "activation": self._trained("activation"),
            "dropout": self._trained("dropout"),
            "head": self._head(),
            "companding": self._trained("companding"),
        }

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        start = self._start()
        if start is None:
            return []
        lr = self._value("lr")
        new = [] if keeps_output(start, self.classes_) else [output_layer(list(start.weights))]
        groups = [(f"{layer}.*", {"lr": lr}) for layer in new]
        return [*groups, ("*", {"lr": self.init_lr * lr})]

    def _input_function(self) -> Callable[[Tensor], Tensor]:
        return partial(_to_signals, n_times=self._n_times())


def shipped_network(name: str) -> tuple[NEMGNetClassifier, float]:
    """Build a network that comes with sknemg, with its weights.

    Parameters
    ----------
    name : str

    Returns
    -------
    network : fitted NEMGNetClassifier
    sfreq : float
        The rate in hertz that it was trained at.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    shipped = read_network(name)
    known = NEMGNetClassifier().get_params(deep=False)
    network = NEMGNetClassifier(**{k: v for k, v in shipped.parameters.items() if k in known})
    network.classes_ = np.array(shipped.classes)
    network.input_shape_, network.weights_ = shipped.input_shape, shipped.weights
    network.n_features_in_, network._history = shipped.input_shape[0], {}
    network.caution_ = caution_of_start(name)
    network.keep_parameters()
    return network, shipped.sfreq


def _by_recipe(recipe: str, name: str, given: Any) -> Any:
    """Give the value of a parameter: that of the recipe, if it is left to it."""
    left = isinstance(given, str) and given == RECIPE
    return RECIPES[recipe][name] if left else given


def _to_signals(batch: Tensor, n_times: int) -> Tensor:
    """Make rows (n, n_times) or (n, n_chans, n_times) the network's input, zeros at the end."""
    if batch.ndim == 2:
        batch = batch[:, None]
    return torch.nn.functional.pad(batch, (0, n_times - batch.shape[-1]))
