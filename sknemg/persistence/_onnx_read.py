"""Read a model that is one ONNX file, and look at its graph before it is run."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from pathlib import Path

from sknemg.persistence._folder import CONFIG, GRAPH, LARGEST, WEIGHTS, parse_json, read_file
from sknemg.persistence._onnx_graph import check_graph
from sknemg.persistence._problems import InvalidModelError, need
from sknemg.recordings._problems import shown

MODEL, ARRAYS, CARD = "sknemg-model", "sknemg-arrays", "card"
_LARGEST_FILE = 2**32  # bytes, of which a card is read
KNOWN = ("classes", "unit", "sfreq", "window", "hop")  # for readers other than sknemg


def read_onnx(file: Path, *, max_bytes: int) -> tuple[dict[str, bytes], str]:
    """Read an ONNX file; what is done with its graph begins with `check_graph_of`.

    Parameters
    ----------
    file : Path
    max_bytes : int

    Returns
    -------
    files : dict of bytes
        What a folder holds as ``config.json`` and ``model.safetensors``, and the graph.
    fingerprint : str

    Raises
    ------
    InvalidModelError
        If it is no ONNX file of a model.
    """
    content = read_file(file.parent, file.name, max_bytes)
    values = _metadata(content, file.name)
    if lacking := [name for name in (MODEL, ARRAYS, *KNOWN) if name not in values]:
        raise InvalidModelError(
            f"{file.name} is an ONNX file without {shown(lacking[0])} in its metadata: give one "
            "that 'sknemg export' wrote."
        )
    if len(values[MODEL]) > LARGEST[CONFIG]:
        raise InvalidModelError(f"{file.name} has metadata beyond {LARGEST[CONFIG]} characters.")
    config = parse_json(values[MODEL].encode(), "The metadata")
    takes = config.get("input") if isinstance(config, dict) else None
    for name in KNOWN:
        if not isinstance(takes, dict) or values[name] != json.dumps(takes.get(name)):
            raise InvalidModelError(
                f"{file.name} states {shown(values[name])} as {name} in its metadata, which is not "
                "that of the model in it: do not trust the file."
            )
    try:
        arrays = base64.b64decode(values[ARRAYS], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidModelError(f"{file.name} has no valid arrays ({error}).") from error
    files = {CONFIG: values[MODEL].encode(), WEIGHTS: arrays, GRAPH: content}
    return files, hashlib.sha256(content).hexdigest()


def read_onnx_card(file: Path) -> str | None:
    """Read the card of a model that is one ONNX file; None where there is none.

    Parameters
    ----------
    file : Path

    Returns
    -------
    str or None

    Raises
    ------
    InvalidModelError
        If it is no ONNX file.
    """
    return _metadata(read_file(file.parent, file.name, _LARGEST_FILE), file.name).get(CARD)


def _metadata(content: bytes, name: str) -> dict[str, str]:
    """Read the metadata of an ONNX file, each given once."""
    onnx = need("onnx", "inference")
    try:
        graph = onnx.ModelProto.FromString(content)
    except Exception as error:  # of protobuf, whichever version
        raise InvalidModelError(
            f"{name} is no valid ONNX file, or is truncated: fetch it anew."
        ) from error
    values: dict[str, str] = {}
    for entry in graph.metadata_props:
        if not isinstance(entry.key, str) or not isinstance(entry.value, str):  # of no UTF-8
            raise InvalidModelError(f"{name} has metadata that are no text: fetch it anew.")
        if entry.key in values:
            raise InvalidModelError(f"{name} gives {shown(entry.key)} twice.")
        values[entry.key] = entry.value
    return values


def check_graph_of(graph: bytes, item_shape: tuple[int, ...], n_classes: int) -> None:
    """Look at a graph, and compare it with the items and classes that the model states.

    Parameters
    ----------
    graph : bytes
    item_shape : tuple of int
    n_classes : int

    Raises
    ------
    InvalidModelError
    """
    ends = check_graph(need("onnx", "inference").ModelProto.FromString(graph))
    if ends.item_shape != item_shape or ends.n_classes != n_classes:
        raise InvalidModelError(
            f"The graph maps items of {ends.item_shape} to {ends.n_classes} scores, the model "
            f"states {item_shape} and {n_classes} classes."
        )
