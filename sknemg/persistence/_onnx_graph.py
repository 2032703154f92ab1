"""Graphs of ONNX: written for what classifies segments, and looked at before one is run."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sknemg.persistence._problems import InvalidModelError, need
from sknemg.persistence._values import UnsavableError
from sknemg.recordings._problems import capped, shown

#: All that a network of this library is made of. None of these calls code of the file's, loops,
#: reads files, or makes an output whose size depends on values.
OPERATORS = frozenset(
    (
        *(
            "Add",
            "Asinh",
            "BatchNormalization",
            "Cast",
            "Clip",
            "Concat",
            "Constant",
            "Conv",
            "Div",
        ),
        *("Flatten", "Gemm", "Identity", "LeakyRelu", "MatMul", "MaxPool", "Mul"),
        *("Pad", "ReduceMax", "ReduceMean", "Relu", "Reshape", "Sigmoid", "Softmax", "Sqrt"),
        *("Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze"),
    )
)
#: Most numbers that one value of a graph may hold for one segment: those of a first layer of 512
#: channels, 0.4 s long at 100 kHz.
MOST_NUMBERS = 2**25
_MOST_NODES = 20_000
_MOST_VALUES = 2**29  # of weights, 2 GB in float32
_INPUT, _OUTPUT, _ROWS = "segments", "scores", "n_segments"
_OPSET = 18
_FLOAT, _DOUBLE = 1, 11  # onnx.TensorProto
#: Types of arrays: where their values lie if they are not raw, and their bytes.
_STORED = {
    _FLOAT: ("float_data", 4),
    _DOUBLE: ("double_data", 8),
    6: ("int32_data", 4),
    7: ("int64_data", 8),
    9: ("int32_data", 1),  # bool
}

Affine = tuple[NDArray[np.float64], NDArray[np.float64]]


# -- writing -----------------------------------------------------------------------------------


def linear_graph(steps: Sequence[Any], path: str) -> Any | None:
    """Write scalers and a linear classifier as one product, one sum and a softmax.

    Parameters
    ----------
    steps : sequence of fitted estimators
        The last is the classifier.
    path : str
        For messages.

    Returns
    -------
    onnx.ModelProto or None
        None if the classifier is not linear. In float64; its input, float32, has as many columns as
        the first step saw.
    """
    last = steps[-1]
    if type(last).__name__ not in ("LinearDiscriminantAnalysis", "LogisticRegression"):
        return None
    weight, bias = last.coef_.T.astype(float), np.asarray(last.intercept_, dtype=float)
    if len(last.classes_) == 2:  # a softmax of (0, z) is (1 - s, s) with s the logistic of z
        weight = np.hstack([np.zeros_like(weight), weight])
        bias = np.concatenate([np.zeros_like(bias), bias])
    for step in reversed(steps[:-1]):
        inner = _affine(step)
        if inner is None:
            raise UnsavableError(
                f"{path} has a {type(step).__name__} before a {type(last).__name__}, for which no "
                "ONNX is written: use a StandardScaler, RobustScaler, MaxAbsScaler, MinMaxScaler "
                "without clip, or PCA, or share the model's folder."
            )
        bias, weight = inner[1] @ weight + bias, inner[0] @ weight
    return _affine_model(weight, bias)


def _affine(step: Any) -> Affine | None:
    """Give the matrix and the offset of a scaler or a PCA: ``x @ matrix + offset``."""
    name, n = type(step).__name__, getattr(step, "n_features_in_", 0)
    if name in ("StandardScaler", "RobustScaler"):
        center = getattr(step, "mean_" if name == "StandardScaler" else "center_", None)
        center = np.zeros(n) if center is None else center
        if name == "StandardScaler" and not step.with_mean:
            center = np.zeros(n)
        scale = np.ones(n) if step.scale_ is None else step.scale_
        return np.diag(1 / scale), -center / scale
    if name == "MaxAbsScaler":
        return np.diag(1 / step.scale_), np.zeros(n)
    if name == "MinMaxScaler" and not step.clip:
        return np.diag(step.scale_), np.array(step.min_)
    if name == "PCA":
        matrix = step.components_.T.astype(float)
        if step.whiten:
            scale = np.sqrt(step.explained_variance_)
            matrix = matrix / np.maximum(scale, np.finfo(scale.dtype).eps)  # as PCA does
        return matrix, -step.mean_ @ matrix
    return None


def _affine_model(weight: NDArray[np.float64], bias: NDArray[np.float64]) -> Any:
    onnx = need("onnx", "export")
    helper = onnx.helper
    nodes = [
        helper.make_node("Cast", [_INPUT], ["wide"], to=_DOUBLE),
        helper.make_node("MatMul", ["wide", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [_OUTPUT], axis=1),
    ]
    arrays = [
        onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        for name, array in (("weight", weight), ("bias", bias))
    ]
    ends = [
        [helper.make_tensor_value_info(name, kind, [_ROWS, size])]
        for name, kind, size in ((_INPUT, _FLOAT, len(weight)), (_OUTPUT, _DOUBLE, len(bias)))
    ]
    graph = helper.make_graph(nodes, "linear", *ends, arrays)
    opset = [helper.make_operatorsetid("", _OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10)


def network_graph(classifier: Any, path: str) -> Any | None:
    """Write a network with what comes before it and the softmax after it.

    Parameters
    ----------
    classifier : fitted NEMGNetClassifier or TimmClassifier
    path : str

    Returns
    -------
    onnx.ModelProto or None
        None if it is no network.
    """
    if not hasattr(type(classifier), "module_") or not hasattr(classifier, "_input_function"):
        return None
    import torch

    need("onnx", "export")
    need("onnxscript", "export")
    module, prepare = classifier.module_, classifier._input_function()

    class Scores(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return torch.softmax(self.module(prepare(rows)), dim=1)

    device = next(module.parameters()).device
    example = torch.zeros(2, *classifier.input_shape_, device=device)
    with warnings.catch_warnings():  # of the exporter's own making
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Scores().eval(),
            (example,),
            dynamo=True,
            input_names=[_INPUT],
            output_names=[_OUTPUT],
            dynamic_shapes={"rows": {0: torch.export.Dim(_ROWS)}},
            opset_version=_OPSET,
            verbose=False,
        )
    model: Any = program.model_proto  # type: ignore[union-attr]
    _strip(model)
    if strange := sorted({node.op_type for node in model.graph.node} - OPERATORS):
        raise UnsavableError(
            f"{path}, a {type(classifier).__name__}, needs the operators {capped(strange)}, which "
            "no ONNX file of a model holds: share the model's folder."
        )
    return model


def _strip(model: Any) -> None:
    """Take off what the exporter notes of this machine: source lines and paths of files."""
    graph = model.graph
    model.ClearField("doc_string")
    model.ClearField("metadata_props")
    for part in [graph, *graph.node, *graph.input, *graph.output, *graph.value_info,
                 *graph.initializer]:  # fmt: skip
        part.ClearField("doc_string")
        part.ClearField("metadata_props")


# -- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ends:
    """What goes into a graph and comes out of it.

    Attributes
    ----------
    item_shape : tuple of int
        Of one segment.
    n_classes : int
    """

    item_shape: tuple[int, ...]
    n_classes: int


def check_graph(model: Any) -> Ends:
    """Look at a graph before it is run.

    Parameters
    ----------
    model : onnx.ModelProto

    Returns
    -------
    Ends

    Raises
    ------
    InvalidModelError
        If it holds anything but `OPERATORS` on arrays of known, bounded size that lie in the file.
    """
    onnx = need("onnx", "inference")
    try:
        return _checked(onnx, model)
    except (TypeError, ValueError, AttributeError) as error:  # names that are no text, and the like
        if isinstance(error, InvalidModelError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise InvalidModelError(f"The graph of the ONNX file cannot be read ({reason}).") from error


def _checked(onnx: Any, model: Any) -> Ends:
    graph = model.graph
    if model.functions or model.training_info or graph.sparse_initializer:
        _refuse("holds functions, training or sparse arrays")
    if len(graph.node) > _MOST_NODES:
        _refuse(f"has {len(graph.node)} nodes, more than {_MOST_NODES}")
    kinds = {(node.domain, node.op_type) for node in graph.node}
    strange = [f"{domain}.{name}" if domain not in ("", "ai.onnx") else name
               for domain, name in sorted(kinds)
               if domain not in ("", "ai.onnx") or name not in OPERATORS]  # fmt: skip
    if strange:
        _refuse(f"has the operators {capped(strange)}")
    tensors = list(graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type in (5, 10):  # GRAPH, GRAPHS
                _refuse("holds graphs within graphs")
            tensors += [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]
    for tensor in tensors:
        _check_tensor(onnx, tensor)
    if sum(math.prod(tensor.dims) for tensor in tensors) > _MOST_VALUES:
        _refuse("holds more weights than any network has")
    given = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in given]
    if len(inputs) != 1 or len(graph.output) != 1:
        _refuse(f"has {len(inputs)} inputs and {len(graph.output)} outputs, expected one each")
    try:
        whole = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:  # several types, depending on what is wrong
        reason = " ".join(str(error).split())[:200]
        raise InvalidModelError(
            f"The shapes in the ONNX file cannot be inferred ({reason})."
        ) from error
    sizes = {
        value.name: _size(value)
        for value in [*whole.graph.value_info, *whole.graph.input, *whole.graph.output]
    }
    for node in graph.node:
        for name in filter(None, node.output):
            if sizes.get(name) is None:
                _refuse(f"has a value of unknown size, {shown(name)}")
            if math.prod(sizes[name]) > MOST_NUMBERS:  # type: ignore[arg-type]
                _refuse(f"has a value of the size {sizes[name]}, beyond {MOST_NUMBERS} a segment")
    (start,), (end,) = inputs, whole.graph.output
    shape, last = sizes[start.name], sizes[end.name]
    if start.name != _INPUT or end.name != _OUTPUT or start.type.tensor_type.elem_type != _FLOAT:
        _refuse(f"does not map {_INPUT} in float32 to {_OUTPUT}")
    if not shape or last is None or len(last) != 1 or end.type.tensor_type.elem_type not in (
        _FLOAT, _DOUBLE,
    ):  # fmt: skip
        _refuse(f"maps items of {shape} to {last}, expected a score for each class")
    return Ends(shape, last[0])


def _refuse(what: str) -> NoReturn:
    raise InvalidModelError(
        f"The graph of the ONNX file {what}: give a file that 'sknemg export' wrote."
    )


def _size(value: Any) -> tuple[int, ...] | None:
    """Give the sizes of a value for one segment; None if they are not all known."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    axes = list(kind.shape.dim)
    if not axes:
        return ()
    sizes = [axis.dim_value for axis in axes]
    per_segment = axes[0].dim_param == _ROWS
    own = sizes[1:] if per_segment else sizes
    return tuple(own) if all(size > 0 for size in own) else None


def _check_tensor(onnx: Any, tensor: Any) -> None:
    """Refuse arrays outside of the file, and sizes that their bytes do not bear out."""
    if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
        _refuse("keeps arrays in other files")
    dims = list(tensor.dims)
    if len(dims) > 8 or any(not 0 <= size < 2**40 for size in dims):
        _refuse(f"has an array of the size {shown(dims)}")
    if tensor.data_type not in _STORED:
        _refuse(f"has an array of the type {tensor.data_type}")
    field, width = _STORED[tensor.data_type]
    raw = tensor.HasField("raw_data")
    found = len(tensor.raw_data) / width if raw else len(getattr(tensor, field))
    if found != math.prod(dims):
        _refuse(f"has an array of the size {shown(dims)} with {found:g} values")
    if field in ("float_data", "double_data"):
        values = onnx.numpy_helper.to_array(tensor)
        if not np.isfinite(values).all():
            _refuse("has weights that are NaN or infinite")
