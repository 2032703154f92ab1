"""Rivals among networks: two of braindecode's, made for EEG, trained as the tuned nEMGNet is."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from sknemg.classifiers.nemgnet import NEMGNetClassifier


class BraindecodeClassifier(NEMGNetClassifier):
    """A network of braindecode, trained as nEMGNet is; ``version``, ``width``, ``head`` idle."""

    #: Name in ``braindecode.models``, and the channels that the signal is repeated to.
    network: ClassVar[str]
    n_copies: ClassVar[int] = 1

    def _module_factory(self, *, initial: bool) -> Callable[[], nn.Module]:
        from braindecode import models

        sizes = {"n_chans": self.n_copies, "n_times": self.input_shape_[-1]}
        return partial(getattr(models, self.network), n_outputs=len(self.classes_), **sizes)

    def _input_function(self) -> Callable[[Tensor], Tensor]:
        companding = self._trained("companding")
        return partial(_copies, n_copies=self.n_copies, companding=companding)


class ShallowFBCSPClassifier(BraindecodeClassifier):
    """Schirrmeister et al. (2017): filters, log-power. The signal is given twice.

    Version 1.8.1 of braindecode fails for one channel (a squeeze too many).
    """

    network = "ShallowFBCSPNet"
    n_copies = 2


class EEGNeXClassifier(BraindecodeClassifier):
    """Chen et al. (2024): filters, then dilated convolutions."""

    network = "EEGNeX"

    def _module_factory(self, *, initial: bool) -> Callable[[], nn.Module]:
        _pad_an_even_kernel()
        return super()._module_factory(initial=initial)


def _pad_an_even_kernel() -> None:
    """Let torch say unheard, once a process, that it copies the input of even kernels."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel", UserWarning)
        signal, kernel = torch.zeros(1, 1, 4, device="cpu"), torch.zeros(1, 1, 2, device="cpu")
        nn.functional.conv1d(signal, kernel, padding="same")


def _copies(batch: Tensor, n_copies: int, companding: float | None) -> Tensor:
    """Compand signals (n, n_times), and give each as equal channels (n, n_copies, n_times)."""
    if companding is not None:
        batch = torch.asinh(batch / companding)
    return batch[:, None].expand(-1, n_copies, -1)


#: By their names in braindecode.
NETWORKS = {kind.network: kind for kind in (ShallowFBCSPClassifier, EEGNeXClassifier)}
