"""The skorch net that a segment classifier owns."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from difflib import get_close_matches
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from skorch import NeuralNetClassifier
from torch import Tensor, nn

from sknemg.classifiers.data import InOrder, Mixed, Rows, TrainingRounds
from sknemg.classifiers.schedule import AverageWeights
from sknemg.nn.fast import FastNEMGNet
from sknemg.nn.hooks import watched


class SegmentNet(NeuralNetClassifier):
    """skorch's classifier net, fed by our batches.

    What skorch calls an epoch is here one round of ``eval_every`` updates.

    Parameters
    ----------
    module : callable
        Makes the torch module.
    prepare : callable, Tensor → Tensor
        Makes a batch of rows, already on the device, the module's input.
    amp : bool
        Run the module under bfloat16 autocast.
    compile_training : bool
        Train through ``torch.compile``. The compiled function is a second handle on the same
        module, whose parameter names stay as they are.
    weight_averaging : float or None
        Decay of an exponential average of the weights, which stands in the module between rounds
        of training: when it is evaluated, when it is kept, and at the end.
    held_out_weight : float
        The mean weight, of their classes, of all rows that the net is validated on.
    fast_dtype : torch.dtype or None
        The type in which it predicts by a `FastNEMGNet` made of the module; None predicts by the
        module itself.
    trains : bool
        Whether it has an optimizer. For one, torch loads its compiler and sympy, which takes longer
        than to diagnose a patient.
    **kwargs
        skorch's own.
    """

    #: What skorch pickles together with the module, whose layers and weights these refer to: apart
    #: from it, they would come back with copies of their own.
    cuda_dependent_attributes_: ClassVar[list[str]] = ["average_", "frozen_parts_", "modes_"]

    def __init__(
        self,
        module: Callable[..., nn.Module],
        *,
        prepare: Callable[[Tensor], Tensor],
        amp: bool = False,
        compile_training: bool = False,
        weight_averaging: float | None = None,
        held_out_weight: float = 1.0,
        fast_dtype: torch.dtype | None = None,
        trains: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(module, criterion=nn.CrossEntropyLoss, **kwargs)
        self.weight_averaging = weight_averaging
        self.held_out_weight = held_out_weight
        self.fast_dtype = fast_dtype
        self.trains = trains
        self.prepare = prepare
        self.amp = amp
        self.compile_training = compile_training

    def initialize_module(self) -> "SegmentNet":
        """Make the module, note its frozen parts and, if asked, its compiled handle."""
        with torch.device("cpu"):  # whatever the program has set; skorch moves it
            super().initialize_module()
        self.frozen_parts_ = [part for part in self.module_.modules() if _is_frozen(part)]
        self.modes_: dict[bool, list[tuple[nn.Module, bool]]] = {}
        self._compile_forward()
        decay = self.weight_averaging
        self.average_ = None if decay is None else AverageWeights(self.module_, decay)
        return self

    def __getstate__(self) -> dict[str, Any]:
        # What is made of the module is made again of its copy.
        state = super().__getstate__()
        return {
            key: value for key, value in state.items() if key not in ("fast_", "train_forward_")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "module_" in self.__dict__:
            self._compile_forward()

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> "SegmentNet":
        """Make the optimizer, of a net that trains."""
        if self.trains:
            return super().initialize_optimizer(*args, **kwargs)
        self.optimizer_ = None
        return self

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Wrap an array; datasets pass."""
        if isinstance(X, Rows | TrainingRounds):
            return X
        return Rows(X, y, device=self.device)

    def get_iterator(self, dataset: Any, training: bool = False) -> Iterable[Any]:
        """Iterate over the next round of training, or over all rows in order."""
        if training:
            return dataset
        return InOrder(dataset, self.iterator_valid__batch_size)

    def infer(self, x: Tensor, *, plain: bool = False, **fit_params: Any) -> Tensor:
        """Give the logits of a batch, in float32; ``plain`` has the layers themselves run."""
        module = self.module_
        forward = self.train_forward_ if module.training and self.train_forward_ else module
        if self.fast_dtype is not None and not plain:
            forward = self._fast_module(self.fast_dtype)
        x = self.prepare(x)
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=self.amp):
            return forward(x).float()

    def get_loss(
        self, y_pred: Tensor, y_true: Any, X: Any = None, training: bool = False
    ) -> Tensor:
        """Give the weighted cross entropy; labels are smoothed in training alone.

        In validation, skorch averages the losses of batches by their numbers of rows. So that this
        is the weighted mean over all rows, however they fall into batches, a batch is divided by
        the mean weight of all of them, not of its own.
        """
        if not training:
            losses = nn.functional.cross_entropy(
                y_pred, y_true, weight=self.criterion_.weight, reduction="none"
            )
            return losses.mean() / self.held_out_weight
        if not isinstance(y_true, Mixed):
            return self.criterion_(y_pred, y_true)
        first, second, share = y_true
        loss = self.criterion_(y_pred, first)
        return share * loss + (1 - share) * self.criterion_(y_pred, second)

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Make an update, and take it into the average of the weights."""
        step = super().train_step(batch, **fit_params)
        if self.average_ is not None:
            self.average_.update()
        return step

    def draws_in_training(self, rows: Rows) -> bool:
        """Tell whether the module draws from torch's generator in training, as dropout does.

        Tried on two rows; the module's buffers and the generator are left as they were.
        """
        x, _ = rows.take(np.arange(min(2, len(rows))))
        buffers = {name: buffer.clone() for name, buffer in self.module_.named_buffers()}
        devices = [x.device] if x.device.type == "cuda" else []
        self._set_training(True)
        with torch.random.fork_rng(devices), torch.no_grad():
            before = _generator_states(devices)
            self.module_(self.prepare(x))
            drawn = not all(map(torch.equal, before, _generator_states(devices)))
        for name, buffer in self.module_.named_buffers():
            buffer.copy_(buffers[name])
        return drawn

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> "SegmentNet":
        """Train; a Ctrl-C ends the program's work as elsewhere, not only the training."""
        try:
            return super().fit(X, y, **fit_params)
        except _Interrupted:
            raise KeyboardInterrupt from None

    def run_single_epoch(self, *args: Any, **kwargs: Any) -> None:
        """Run a round, telling the user's Ctrl-C from the KeyboardInterrupt of a callback.

        skorch takes both for a wish to keep the network as it is: right for callbacks, which stop
        training between rounds, but a search over many fits must not go on with half a network.
        """
        average = self.average_ if kwargs["training"] else None
        try:
            if average is not None and average.n_updates:
                average.exchange()  # from the average to the weights that learn
            super().run_single_epoch(*args, **kwargs)
            if average is not None:
                average.exchange()
        except KeyboardInterrupt:
            raise _Interrupted from None

    def layer_outputs(self, X: Any, layers: list[str]) -> dict[str, np.ndarray]:
        """Give the outputs of named layers for all rows, in evaluation mode."""
        modules = dict(self.module_.named_modules())
        unknown = sorted(set(layers) - set(modules))
        if unknown:
            near = [match for name in unknown for match in get_close_matches(name, modules)]
            raise ValueError(
                f"The network has no layers {unknown}: choose from module_.named_modules(), as "
                f"{near or list(modules)[1:4]}."
            )
        parts: dict[str, list[np.ndarray]] = {name: [] for name in layers}

        def keep(name: str, output: Tensor) -> None:  # which the next layer may overwrite
            parts[name].append(output.float().cpu().numpy().copy())

        with ExitStack() as hooks:
            for name in layers:
                hooks.enter_context(watched(modules[name], partial(keep, name)))
            self._set_training(False)
            with torch.no_grad():
                for rows, _ in self.get_iterator(self.get_dataset(X)):
                    self.infer(rows, plain=True)
        return {name: np.concatenate(batches) for name, batches in parts.items()}

    def _compile_forward(self) -> None:
        forward = self.module_.forward
        self.train_forward_ = torch.compile(forward) if self.compile_training else None

    def _fast_module(self, dtype: torch.dtype) -> nn.Module:
        """Give the module rebuilt for prediction, anew where its weights have changed since."""
        weights = [*self.module_.parameters(), *self.module_.buffers()]
        state = [(weight.data_ptr(), weight._version) for weight in weights]
        made = self.__dict__.get("fast_")
        if made is None or made[0] != state:
            made = self.fast_ = state, FastNEMGNet(self.module_, dtype)
        return made[1]

    def _set_training(self, training: bool = True) -> None:
        """Set the mode of every part, before each batch; parts that have it are only looked at."""
        modes = self.modes_.get(training)
        if modes is not None and all(part.training is mode for part, mode in modes):
            return
        super()._set_training(training)
        for part in self.frozen_parts_:
            part.eval()
        self.modes_[training] = [(part, part.training) for part in self.module_.modules()]


def _generator_states(devices: list[torch.device]) -> list[Tensor]:
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]


def _is_frozen(part: nn.Module) -> bool:
    """Tell whether a layer has parameters and none of them learns.

    Such a layer stays in evaluation mode, so that its running statistics are frozen with it.
    """
    own = list(part.parameters(recurse=False))
    return bool(own) and not any(parameter.requires_grad for parameter in own)


class _Interrupted(BaseException):
    """A Ctrl-C on its way past skorch."""


def history_table(net: SegmentNet, updates_per_epoch: int, best: int) -> pd.DataFrame:
    """Make skorch's history a table with one row per evaluation; ``best`` counts from one."""
    rows = [{k: v for k, v in row.items() if k != "batches"} for row in list(net.history)]
    table = pd.DataFrame(rows)
    update = table["train_batch_count"].cumsum()
    table.insert(0, "update", update)
    table["epoch"] = update / updates_per_epoch
    table["best"] = np.arange(1, len(table) + 1) == best
    internal = [name for name in map(str, table) if name.endswith(("_best", "_batch_count"))]
    names = {"dur": "seconds", "valid_acc": "valid_accuracy"}
    return table.drop(columns=internal).rename(columns=names)
