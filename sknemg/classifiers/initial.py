"""Where a network starts from: the weights of another one, some of them kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from torch import nn

from sknemg.recordings._problems import shown

#: The blocks of nEMGNet, of which the first may be frozen.
N_BLOCKS = 12
#: What must be equal in the layouts of two networks.
_LAYOUT = ("version", "width", "activation", "head", "companding")


class Start(NamedTuple):
    """A network to start from.

    Parameters
    ----------
    said : str
        What messages call it.
    layout : mapping
        The arguments of its `NEMGNet`.
    classes : ndarray
    sfreq : float or None
        In hertz, where it is known.
    weights : mapping of str to ndarray
        Its state dict.
    """

    said: str
    layout: Mapping[str, Any]
    classes: np.ndarray
    sfreq: float | None
    weights: Mapping[str, np.ndarray]


def networks_in(model: Any, kind: type) -> list[Any]:
    """List the fitted networks in a fitted model: itself, a step of it, what it asks for votes.

    Parameters
    ----------
    model : fitted estimator
    kind : type
        Of a network.

    Returns
    -------
    list of fitted networks
    """
    if isinstance(model, kind):
        return [model] if hasattr(model, "weights_") else []
    if isinstance(model, FrozenEstimator):  # which has all attributes of what is in it
        return networks_in(model.estimator, kind)
    inner = [step for _, step in getattr(model, "steps", [])]
    inner += dict(getattr(model, "named_estimators_", {})).values()
    fitted = ("best_estimator_", "estimator_", "estimator")
    inner += [getattr(model, name) for name in fitted if hasattr(model, name)][:1]
    return [found for own in inner for found in networks_in(own, kind)]


def check_layout(start: Start, layout: Mapping[str, Any]) -> None:
    """Refuse a start whose network is laid out in another way.

    Parameters
    ----------
    start : Start
    layout : mapping
        The arguments of the `NEMGNet` that is to be trained.

    Raises
    ------
    ValueError
        Naming all that differs and the parameters that would fit.
    """
    if wrong := [name for name in _LAYOUT if start.layout[name] != layout[name]]:
        theirs = ", ".join(f"{name}={start.layout[name]!r}" for name in wrong)
        ours = ", ".join(f"{name}={layout[name]!r}" for name in wrong)
        raise ValueError(f"{start.said} has {theirs}, this network {ours}: set {theirs}.")
    sizes = [(own["n_chans"], own["n_times"]) for own in (start.layout, layout)]
    if sizes[0] != sizes[1]:
        n_chans, n_times = sizes[0]
        seconds = f" ({n_times / start.sfreq:g} s at {start.sfreq:g} Hz)" if start.sfreq else ""
        raise ValueError(
            f"{start.said} takes rows of {n_chans} x {n_times} samples{seconds}, X has rows of "
            f"{sizes[1][0]} x {sizes[1][1]}: cut windows of that length, at that rate."
        )


def keeps_output(start: Start, classes: np.ndarray) -> bool:
    """Tell whether the output layer of a start is that of these classes."""
    return start.classes.tolist() == classes.tolist()


def output_layer(module_names: list[str]) -> str:
    """Give the name of the last layer among those of a network's state dict.

    Examples
    --------
    >>> output_layer(["blocks.block1.0.weight", "head.2.weight", "head.14.weight", "head.14.bias"])
    'head.14'
    """
    heads = {name.rpartition(".")[0] for name in module_names if name.startswith("head.")}
    return max(heads, key=lambda name: int(name.split(".")[1]))


def started(
    make: Callable[[], nn.Module], start: Start, n_frozen: int, with_output: bool
) -> nn.Module:
    """Make a network that starts from the weights of another one.

    Parameters
    ----------
    make : callable
        Makes the network with weights of its own.
    start : Start
    n_frozen : int
        How many of the first blocks keep these weights, and their running statistics.
    with_output : bool
        Whether the output layer is taken, too.

    Returns
    -------
    torch module
    """
    module = make()
    left = "" if with_output else f"{output_layer(list(start.weights))}."
    taken = {
        name: torch.tensor(array)
        for name, array in start.weights.items()
        if with_output or not name.startswith(left)
    }
    missing, strange = module.load_state_dict(taken, strict=False)
    if strange or any(with_output or not name.startswith(left) for name in missing):
        raise ValueError(
            f"{start.said} holds other layers than nEMGNet has, {shown([*strange, *missing])}: "
            "train it anew."
        )
    for number in range(1, n_frozen + 1):
        module.get_submodule(f"blocks.block{number}").requires_grad_(False)
    return module
