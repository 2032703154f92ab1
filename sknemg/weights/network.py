"""The network in the files of a model, for another one to start from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknemg.weights.files import folder_of, names

_NETWORK = "NEMGNetClassifier"


class ShippedNetwork(NamedTuple):
    """A trained nEMGNet as plain values: see `read_network`."""

    parameters: dict[str, Any]
    classes: list[str]
    input_shape: tuple[int, ...]
    sfreq: float
    weights: dict[str, NDArray[Any]]


def read_network(name: str) -> ShippedNetwork:
    """Read the network of a model that comes with sknemg.

    Parameters
    ----------
    name : str
        One of `names` whose model is a network.

    Returns
    -------
    ShippedNetwork
        ``parameters`` of `NEMGNetClassifier`, ``classes``, ``input_shape`` of a row, its rate
        ``sfreq`` in hertz, and ``weights``, the state dict, read-only.

    Raises
    ------
    ValueError
        If there is no such model, if it has no network, or if its files were altered.

    Examples
    --------
    >>> from sknemg.weights import read_network
    >>> network = read_network("volitional-small")
    >>> network.classes, network.sfreq
    (['myopathy', 'neuropathy', 'normal'], 10000.0)
    """
    network = _read(name, folder_of(name))
    return network._replace(
        parameters=dict(network.parameters),
        classes=list(network.classes),
        weights=dict(network.weights),
    )


@cache
def _read(name: str, folder: Path) -> ShippedNetwork:
    """Read it once in a process; nobody may write into its weights."""
    from safetensors.numpy import load

    sums = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    files = {}
    for file in ("config.json", "model.safetensors"):
        files[file] = (folder / file).read_bytes()
        if hashlib.sha256(files[file]).hexdigest() != sums.get(file):
            raise ValueError(
                f"{file} of {name!r}, which comes with sknemg, was altered: reinstall sknemg."
            )
    config = json.loads(files["config.json"])
    found = [entry for entry in _estimators(config["model"]) if entry["estimator"] == _NETWORK]
    if len(found) != 1:
        others = [other for other in names() if other != name]
        raise ValueError(
            f"The model {name!r} holds {len(found)} networks: choose one of {', '.join(others)}."
        )
    (entry,) = found
    state = entry["state"]
    arrays = load(files["model.safetensors"])
    mark = ".weights_/"
    weights = {
        path.partition(mark)[2]: np.array(array) for path, array in arrays.items() if mark in path
    }
    for array in weights.values():
        array.flags.writeable = False
    return ShippedNetwork(
        parameters=entry["parameters"],
        classes=state["classes_"]["labels"],
        input_shape=tuple(state["input_shape_"]),
        sfreq=float(config["input"]["sfreq"]),
        weights={key: weights[key] for key in state["weights_"]["arrays"]},
    )


def _estimators(entry: Any) -> Iterator[dict[str, Any]]:
    """Walk through all estimators in a configuration."""
    if isinstance(entry, dict):
        if "estimator" in entry and "state" in entry:
            yield entry
        entry = list(entry.values())
    for inner in entry if isinstance(entry, list) else []:
        yield from _estimators(inner)
