"""The base of the segment classifiers: a scikit-learn classifier that owns a skorch net."""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from inspect import cleandoc
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data
from skorch.callbacks import EarlyStopping
from skorch.helper import predefined_split
from skorch.utils import noop
from torch import Tensor, nn

from sknemg.base import KeepsParameters, VersionedEstimator, fit_context
from sknemg.classifiers.data import Rows, TrainingRounds, resident
from sknemg.classifiers.net import SegmentNet, history_table
from sknemg.classifiers.repeatable import repeatable, seeded
from sknemg.classifiers.schedule import OneCycle
from sknemg.classifiers.undrawn import undrawn
from sknemg.classifiers.validation import (
    check_callbacks,
    check_finite_rows,
    class_weights,
    validation_split,
)
from sknemg.recordings import Recordings, Windows
from sknemg.recordings._problems import listed, refuse_masked, shown
from sknemg.recordings._subjects import check_known, check_labels

_MONITORS = {"accuracy": ("valid_acc", False), "loss": ("valid_loss", True)}
_OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
_CHECKS: dict[str, Any] = {"allow_nd": True, "ensure_all_finite": False}
_SEED_BOUND = np.iinfo(np.int32).max


#: Parameters of training, for the docstrings of the subclasses.
TRAINING_PARAMETERS = """\
max_epochs : int, default=100
    Passes through the training rows.
max_updates : int or None, default=None
    Updates after which training ends if ``max_epochs`` has not ended it before, however many rows
    there are. None leaves it to the epochs.
optimizer : {"adam", "adamw"}, default="adam"
    Adam, or Adam with a weight decay of its own.
lr : float, default=1e-3
    Learning rate; with a schedule, its highest.
weight_decay : float, default=0.0
    L2 penalty of Adam, or weight decay of AdamW.
schedule : {"one-cycle"} or None, default=None
    The course of the learning rate over all updates there are to be: "one-cycle" rises for three
    tenths of them and falls to nearly nothing. None keeps it.
batch_size : int, default=32
    Training rows per update.
epoch_fraction : float, default=1.0
    Share of the training rows, drawn anew, that an epoch takes. Where windows overlap much, an
    epoch of a quarter of them costs a quarter and sees nearly all of the signal.
class_weight : "balanced", dict {label: weight} or None, default="balanced"
    Weights of the classes in the loss; "balanced" weights them inversely to their number of
    training rows.
validation : "auto", float, (X, y) or None, default="auto"
    The fraction of the subjects of each class held out for validation; it needs ``groups`` in
    ``fit``. "auto" holds out 0.2 if ``groups`` are given and otherwise trains without
    validation, as None does: rows are never split without subjects, because segments of one
    recording overlap. A tuple holds validation rows of your own.
eval_every : int or None, default=50
    Updates between two evaluations; None evaluates once per epoch.
patience : int or None, default=100
    Evaluations without improvement after which training stops; None never stops early.
monitor : {"accuracy", "loss"}, default="accuracy"
    Score on the validation rows by which the best weights are chosen.
augment : callable or None, default=None
    ``augment(batch, generator) -> batch``, applied to training batches only: a tensor
    (n, ...) of rows as given to ``fit`` and a seeded ``torch.Generator`` on its device.
mixup : float, default=0.0
    Above 0, the network is trained on mixtures of two rows and of their labels; both parameters
    of the beta distribution from which the share of the first is drawn, once a batch.
label_smoothing : float, default=0.0
    Share of every label that is spread evenly over the classes in training.
weight_averaging : float or None, default=None
    Decay, such as 0.99, of an exponential average of the weights along the training, which is what
    is validated and kept. None keeps the weights themselves.
callbacks : list of skorch callbacks or None, default=None
    For example ``ProgressBar()`` or ``LRScheduler(...)``. What skorch calls an epoch is one
    round of ``eval_every`` updates.
device : str or torch.device, default="auto"
    "auto" uses CUDA if available.
compile : bool, default=False
    Train through ``torch.compile``.
amp : bool, default=False
    Compute in bfloat16 where autocast allows it.
verbose : int, default=0
    1 prints skorch's table of evaluations.
random_state : int, RandomState or None, default=None
    Seeds the split, the initial weights, the order of the rows, dropout and ``augment``. The
    same seed gives the same bits on one machine with the same number of torch threads. So it does
    on a GPU where all gradients but those of convolutions have one order, as nEMGNet's.
"""


class BaseSegmentClassifier(ClassifierMixin, KeepsParameters, VersionedEstimator):
    """Everything that segment classifiers share; a subclass says which network and which input.

    A subclass defines ``_module_factory``, ``_input_function`` and ``_keeps``, the parameters by
    which the network and its input are laid out: both go by ``_trained``, their values in training.
    It may extend ``_learn_input``, ``_parameter_groups``, ``_value``, ``_input_dtypes`` and
    ``_prediction_batch``.

    Training goes in updates, as in the papers: Adam on the class-weighted cross entropy; after
    every ``eval_every`` updates the validation subjects are scored; after ``patience`` scores
    without a better one training stops; the best weights are kept. Without validation subjects it
    runs for ``max_epochs`` or ``max_updates`` and keeps the last weights.

    The augmentation protocol: ``augment`` is called as ``augment(batch, generator)`` on every
    training batch, never on validation or test rows. ``batch`` is a tensor of rows as they were
    given to ``fit``, ``(n, ...)`` on the training device; ``generator`` is a seeded
    ``torch.Generator`` on that device, the only source of chance that it may use. It returns a
    tensor of the same shape, in which row i is still of the class of row i, and must leave its
    input unchanged.
    """

    # scikit-learn hands the subjects on when metadata routing is switched on.
    __metadata_request__fit: ClassVar = {"groups": True}

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "max_updates": [Interval(Integral, 1, None, closed="left"), None],
        "optimizer": [StrOptions(set(_OPTIMIZERS))],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions({"one-cycle"}), None],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "epoch_fraction": [Interval(Real, 0, 1, closed="right")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "validation": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="neither"), tuple, None],
        "eval_every": [Interval(Integral, 1, None, closed="left"), None],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "monitor": [StrOptions(set(_MONITORS))],
        "augment": [callable, None],
        "mixup": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "weight_averaging": [Interval(Real, 0, 1, closed="neither"), None],
        "callbacks": [list, None],
        "device": [str, torch.device],
        "compile": ["boolean"],
        "amp": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    #: Whether it takes `Windows`, of which it cuts those of a batch.
    cuts_windows: ClassVar[bool] = False
    _input_dtypes: ClassVar[list[Any]] = [np.float32]
    _prediction_batch: ClassVar[int] = 256
    #: Rows of the batches in which a `DiVoteClassifier` has segments scored, the last filled up.
    rows_at_once: ClassVar[int] = 64

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        doc = cleandoc(cls.__doc__ or "")  # from Python 3.13 on it is stored without indentation
        text = cls._training_parameters().rstrip()
        cls.__doc__ = doc.replace("{training_parameters}", text)

    @classmethod
    def _training_parameters(cls) -> str:
        """Describe the parameters of training as numpydoc does."""
        return TRAINING_PARAMETERS

    @abstractmethod
    def _module_factory(self, *, initial: bool) -> Callable[[], nn.Module]:
        """Give a function that makes the network, from the fitted sizes.

        ``initial`` tells a network to train from one whose weights will be replaced at once.
        """

    @abstractmethod
    def _input_function(self) -> Callable[[Tensor], Tensor]:
        """Give the function that makes a batch of rows the network's input, on its device."""

    def _value(self, name: str) -> Any:
        """Give the value of a parameter of training; a subclass may have it from elsewhere."""
        return getattr(self, name)

    def _trained(self, name: str) -> Any:
        """Give the value in training of a parameter by which the network is laid out."""
        return self._kept[name]

    def _fast_dtype(self) -> torch.dtype | None:
        """Give the type in which a rebuilt network predicts, or None: the network predicts."""
        return None

    def _learn_input(self, X: Any, train: np.ndarray) -> None:
        """Learn from the training rows what ``_input_function`` needs; nothing by default."""

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        """Give skorch's ``optimizer__param_groups``: (name pattern, options)."""
        return []

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, groups: Any = None) -> "BaseSegmentClassifier":
        """Train a new network.

        Parameters
        ----------
        X : array-like or Windows
            One row a segment: signals in millivolts (n_segments, n_times) or
            (n_segments, n_chans, n_times), or images (n_segments, n_chans, height, width).
        y : array-like (n_segments,)
            Class labels.
        groups : array-like (n_segments,) or None
            The subject of each segment. The validation split keeps subjects whole.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If rows hold NaN or infinite values, y has one class, ``validation`` is a number and
            no subjects are given, or its rows and labels do not fit X and y.
        """
        check_callbacks(self.callbacks)
        X, y = self._validated_in_fit(X, y)
        self.keep_parameters()
        rng = check_random_state(self.random_state)
        split_seed, *seeds = rng.randint(_SEED_BOUND, size=3).tolist()
        train, valid = validation_split(
            self.validation, y, groups, np.random.RandomState(split_seed)
        )
        self._learn_input(X, train)
        device = self._torch_device()
        with torch.inference_mode(False):
            data = resident(X, device)
            rows, held_out = (Rows(data, y, index, device) for index in (train, valid))
            if isinstance(self.validation, tuple):
                held_out = Rows(*self._given_validation(), device=device)
            net = self._train(rows, held_out if len(held_out) else None, seeds)
        self.weights_ = {
            name: tensor.to("cpu", copy=True, memory_format=torch.contiguous_format).numpy()
            for name, tensor in net.module_.state_dict().items()
        }
        if not all(np.isfinite(weights).all() for weights in self.weights_.values()):
            raise ValueError(
                f"Training diverged with lr={self._value('lr')} to weights that are not finite: "
                "lower `lr`."
            )
        self._net = self._restored_net(device)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the class probabilities of each segment.

        Rows do not influence each other. The batch in which a row happens to lie may change the
        last digits (below 1e-6), as the order of a sum does.

        Parameters
        ----------
        X : array-like
            As in ``fit``.

        Returns
        -------
        float32 ndarray (n_segments, n_classes)
            Columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            If the rows are not as in ``fit``, hold NaN or infinite values, or values so large that
            the network has no answer.
        """
        check_is_fitted(self)
        proba = self.net_.predict_proba(self._validated(X))
        if len(wrong := np.flatnonzero(~np.isfinite(proba).all(axis=1))):
            raise ValueError(
                f"The network scores NaN in {listed(wrong, 'row')}: the values there are too "
                "large, give signals in millivolts."
            )
        return proba

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class of each segment.

        Parameters
        ----------
        X : array-like
            As in ``fit``.

        Returns
        -------
        ndarray (n_segments,)
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def layer_outputs(self, X: Any, layers: list[str]) -> dict[str, np.ndarray]:
        """Give the outputs of named layers, in evaluation mode.

        Parameters
        ----------
        X : array-like
            As in ``fit``.
        layers : list of str
            Names as in ``module_.named_modules()``.

        Returns
        -------
        dict of float32 ndarray (n_segments, ...)

        Raises
        ------
        ValueError
            If the network has no such layer.
        """
        check_is_fitted(self)
        return self.net_.layer_outputs(self._validated(X), layers)

    @property
    def net_(self) -> SegmentNet:
        """The fitted skorch net, on ``device``; made from ``weights_`` where it is missing."""
        check_is_fitted(self)
        device = self._torch_device()
        net = self.__dict__.get("_net")
        asked = device, self.amp, self._fast_dtype()
        if net is None or (net.device, net.amp, net.fast_dtype) != asked:
            net = self._net = self._restored_net(device)
        return net

    @property
    def history_(self) -> pd.DataFrame:
        """One row per evaluation of the training."""
        check_is_fitted(self)
        return pd.DataFrame(self._history)  # kept as arrays, which skops can store

    @property
    def module_(self) -> nn.Module:
        """The fitted torch module, in evaluation mode; its input is ``module_input(X)``."""
        return self.net_.module_.eval()

    def module_input(self, X: Any) -> Tensor:
        """Make rows the input tensor of ``module_``, on its device."""
        check_is_fitted(self)
        rows = torch.tensor(np.asarray(self._validated(X)), device=self._torch_device())
        return self._input_function()(rows)

    def __getstate__(self) -> dict[str, Any]:
        # The net holds device memory and users' callbacks; the weights make it anew.
        return {key: value for key, value in super().__getstate__().items() if key != "_net"}

    @np.errstate(over="ignore")  # too large for float32 becomes infinite, and is refused as such
    def _validated(self, X: Any) -> Any:
        """Check the rows to predict."""
        X = self._checked(X, reset=False)
        if X.shape[1:] != self.input_shape_:
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}: give rows of {self.input_shape_}, as in fit."
            )
        check_finite_rows(X)
        return X

    def _check_container(self, X: Any) -> None:
        """Refuse what may hold several segments, or signals of several rates, and masks."""
        refuse_masked(X)
        if isinstance(X, Recordings):
            name, before = type(self).__name__, "" if X.item_shape else "a Segmenter and "
            raise ValueError(
                f"X is Recordings, {name} takes an array of segments, one per row: use {before}"
                f"DiVoteClassifier({name}(...)), which knows rates and subjects."
            )

    def _cuts(self, X: Any) -> bool:
        return isinstance(X, Windows) and self.cuts_windows

    def _checked(self, X: Any, reset: bool) -> Any:
        """Check the container; windows stay windows."""
        self._check_container(X)
        checks = {"dtype": self._input_dtypes, "reset": reset, **_CHECKS}
        if not self._cuts(X):
            return validate_data(self, X, **checks)
        validate_data(self, np.asarray(X[:1]), **checks)
        return X.astype(np.float32)

    @np.errstate(over="ignore")
    def _validated_in_fit(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        """Check rows and labels; set the fitted sizes; give the labels as indices."""
        self._check_container(X)
        if y is not None:  # which is refused below
            check_known(y)
        if self._cuts(X):
            y = validate_data(self, y=y)
            X = self._checked(X, reset=True)
            check_consistent_length(X, y)
        else:
            X, y = validate_data(self, X, y, dtype=self._input_dtypes, **_CHECKS)
        check_finite_rows(X)
        check_classification_targets(y)
        self.classes_, y = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds one class only, {shown(self.classes_[0])}: give rows of two or more."
            )
        self.input_shape_ = X.shape[1:]
        return X, y

    def _given_validation(self) -> tuple[np.ndarray, np.ndarray]:
        """Check the rows that the user set aside; give their labels as indices."""
        X = self.validation[0] if len(self.validation) == 2 else ()
        if not hasattr(X, "__len__") or not len(X):
            raise ValueError("validation must be (X, y), with at least one row, if it is a tuple.")
        X = self._validated(X)
        y = check_labels(self.validation[1], len(X), "y of validation")
        if len(unknown := np.setdiff1d(y, self.classes_)):
            raise ValueError(
                f"validation holds {shown(unknown)}, which y does not: give rows of the classes "
                f"{shown(self.classes_)}."
            )
        return X, np.searchsorted(self.classes_, y)

    def _train(self, rows: Rows, valid: Rows | None, seeds: list[int]) -> SegmentNet:
        """Train a net and keep its history; the seeds are of its weights and of its batches."""
        rounds = TrainingRounds(
            rows,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            max_updates=self.max_updates,
            eval_every=self.eval_every,
            seed=seeds[1],
            augment=self._value("augment"),
            epoch_fraction=self._value("epoch_fraction"),
            mixup=self._value("mixup"),
        )
        key, lower_is_better = _MONITORS[self.monitor]
        keep_best = EarlyStopping(
            key,
            patience=self.patience or np.inf,
            threshold=0,
            lower_is_better=lower_is_better,
            load_best=True,
            sink=noop,
        )
        weight = class_weights(self.class_weight, self.classes_, rows.y[rows.index].cpu().numpy())
        callbacks = [*(self.callbacks or []), *([] if valid is None else [keep_best])]
        if self._value("schedule") is not None:
            callbacks.append(OneCycle(rounds.updates_left))
        net = self._make_net(
            rows.device,
            initial=True,
            criterion__weight=torch.from_numpy(weight),
            criterion__label_smoothing=self._value("label_smoothing"),
            weight_averaging=self._value("weight_averaging"),
            held_out_weight=1.0 if valid is None else self._held_out_weight(weight, valid),
            max_epochs=rounds.n_rounds,
            callbacks=callbacks,
            train_split=None if valid is None else predefined_split(valid),
            verbose=self.verbose,
            warm_start=True,  # fit keeps the weights that initialize draws
        )
        with repeatable(rows.device):
            with seeded(seeds[0], rows.device):
                net.initialize()
                if draws := net.draws_in_training(rows):
                    net.fit(rounds, None)
            if not draws:  # other threads may train meanwhile
                net.fit(rounds, None)
        best = len(net.history) if valid is None else keep_best.best_epoch_
        table = history_table(net, rounds.updates_per_epoch, best)
        self._history = {str(name): column.to_numpy() for name, column in table.items()}
        return net

    def _held_out_weight(self, weight: np.ndarray, valid: Rows) -> float:
        """Give the mean weight of the rows to validate on; of 0, their loss is NaN."""
        mean = float(weight[valid.y[valid.index].cpu().numpy()].mean(dtype=np.float64))
        if not mean and self.monitor == "loss":
            raise ValueError(
                "class_weight gives all rows to validate on the weight 0, so that they have no "
                "loss: hold out rows of other classes, weigh theirs, or set monitor='accuracy'."
            )
        return mean

    def _make_net(
        self, device: torch.device, *, initial: bool, trains: bool = True, **options: Any
    ) -> SegmentNet:
        """Make an unfitted skorch net for the fitted sizes."""
        if trains:
            options |= {
                "optimizer": _OPTIMIZERS[self._value("optimizer")],
                "lr": self._value("lr"),
                "optimizer__fused": True,
                "optimizer__weight_decay": self._value("weight_decay"),
                "optimizer__param_groups": self._parameter_groups(),
            }
        make = self._module_factory(initial=initial)
        return SegmentNet(
            make if trains else partial(undrawn, make),
            prepare=self._input_function(),
            amp=self.amp,
            compile_training=self.compile,
            classes=np.arange(len(self.classes_)),
            batch_size=self.batch_size,
            iterator_valid__batch_size=self._prediction_batch,
            device=device,
            trains=trains,
            **options,
        )

    def _restored_net(self, device: torch.device) -> SegmentNet:
        """Make the net that predicts, from ``weights_`` alone."""
        with seeded(0, device):  # what is drawn is overwritten, the user's chance is not
            net = self._make_net(
                device,
                initial=False,
                trains=False,
                fast_dtype=self._fast_dtype(),
                train_split=None,
                verbose=0,
            )
            net.initialize()
        # Copied into the network's own: they keep its type and layout, and share nothing.
        net.module_.load_state_dict(
            {name: torch.tensor(w, device="cpu") for name, w in self.weights_.items()}
        )
        return net

    def _torch_device(self) -> torch.device:
        name = self.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            device = torch.device(name)
        except RuntimeError as error:
            raise ValueError(
                f"device={name!r} is unknown to torch: give 'auto', 'cpu', 'cuda' or 'cuda:1'."
            ) from error
        if device.type == "cuda" and not torch.cuda.is_available():
            raise ValueError(
                f"device={self.device!r} but CUDA is not available: set device='auto'."
            )
        return device
