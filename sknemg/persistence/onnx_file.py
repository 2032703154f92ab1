"""Write a fitted model as one ONNX file, which is used without torch."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from sknemg.model_selection.origin import caution_of
from sknemg.persistence._describe import describe_model
from sknemg.persistence._folder import dump_json, umask
from sknemg.persistence._onnx_classifier import OnnxClassifier
from sknemg.persistence._onnx_graph import check_graph, linear_graph, network_graph
from sknemg.persistence._onnx_read import ARRAYS, CARD, KNOWN, MODEL
from sknemg.persistence._problems import need
from sknemg.persistence._values import UnsavableError

#: How far the scores of a graph may be from those of the model it was made of.
TOLERANCE = 1e-5


def export_onnx(
    model: Any, file: str | Path, *, card: str | None = None, overwrite: bool = False
) -> str:
    """Write a fitted model as one ONNX file, which is used without torch.

    The graph maps segments to scores. What comes before it (resampling, windows, features) and
    after it (votes, calibration, sets of diagnoses, what recordings are refused) needs numpy, scipy
    and scikit-learn alone; its few numbers lie in the metadata of the file. `load_model` gives the
    whole model back, so that ``diagnose`` and the page of a patient work as before.

    Features of segments are no part of the graph: the graph of a linear model takes the features
    that :class:`~sknemg.SegmentFeatures` measures. Turns are counted sample by sample, each
    depending on the last, for which ONNX has but slow loops.

    Parameters
    ----------
    model : fitted estimator
        A `Diagnostician`, a `DiVoteClassifier`, or a Pipeline that ends in one. Its segments are
        classified by a `NEMGNetClassifier`, or by a `LinearDiscriminantAnalysis` or
        `LogisticRegression`, after scalers and PCA. Networks of timm enlarge or shrink their images
        by operators that no file holds, and are refused; so are votes of several kinds.
    file : str or Path
        Its name ends in ``.onnx``.
    card : str, default=None
        The model card, which goes into the metadata; by default one that names all its gaps.
    overwrite : bool, default=False
        Whether a file that is there may be replaced.

    Returns
    -------
    str
        The fingerprint: the SHA-256 of the file, for ``load_model(..., fingerprint=...)``.

    Raises
    ------
    TypeError
        If a part of the model cannot be written.
    ValueError
        If the graph scores segments otherwise than the model, by more than 1e-5.
    FileExistsError
        If the file is there.
    ImportError
        If the extra ``sknemg[export]`` is not installed.

    See Also
    --------
    load_model : Load it.

    Notes
    -----
    The metadata hold ``classes``, ``unit``, ``sfreq``, ``window``, ``hop`` and ``card``, which
    other software reads as well; the rest of the model is in ``sknemg-model`` and
    ``sknemg-arrays``. As in a model folder, nothing of the training subjects is in it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknemg import DiVoteClassifier, export_onnx, load_model
    >>> X, y = np.eye(4), ["normal", "normal", "myopathy", "myopathy"]
    >>> model = DiVoteClassifier(LogisticRegression()).fit(X, y, groups=list("abcd"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "model.onnx"
    ...     fingerprint = export_onnx(model, file)
    ...     light = load_model(file, fingerprint=fingerprint)
    >>> light.predict(X, groups=list("abcd")).tolist()
    ['normal', 'normal', 'myopathy', 'myopathy']
    """
    from safetensors.numpy import save

    from sknemg.persistence.card import minimal_card

    file = Path(file)
    if file.suffix.lower() != ".onnx":
        raise ValueError(f"{str(file)!r} does not end in .onnx: give a name that does.")
    if file.exists() and not (overwrite and file.is_file()):
        raise FileExistsError(
            f"{str(file)!r} is there already: give a new name, or set overwrite=True."
        )
    light = _lightened(model, "model")
    config, arrays = describe_model(light, caution_of(model))
    onnx = need("onnx", "export")
    graph = onnx.ModelProto.FromString(arrays.graph)
    graph.producer_name = "sknemg"
    takes = config["input"]
    values = {name: json.dumps(takes[name]) for name in KNOWN} | {
        CARD: minimal_card(config) if card is None else card,
        MODEL: dump_json(config).decode(),
        ARRAYS: base64.b64encode(save(arrays.values)).decode(),
    }
    onnx.helper.set_model_props(graph, values)
    check_graph(graph)
    content = graph.SerializeToString(deterministic=True)
    _write(file, content)
    return hashlib.sha256(content).hexdigest()


def _write(file: Path, content: bytes) -> None:
    """Write a file whole, or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        Path(made).chmod(0o666 & ~umask())
        Path(made).replace(file)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def _lightened(model: Any, path: str) -> Any:
    """Copy a model with a graph in the place of its classifier of segments."""
    name = type(model).__name__
    new = copy(model)
    if name == "Diagnostician":
        new.estimator_ = _lightened(model.estimator_, f"{path}.estimator_")
        return new
    if isinstance(model, Pipeline):
        last, own = model.steps[-1]
        new.steps = [*model.steps[:-1], (last, _lightened(own, f"{path}.{last}"))]
        return new
    if name == "DiVoteClassifier":
        inside = f"{path}.estimator_"
        new.estimator_ = _light_classifier(model.estimator_, model.item_shape_, inside)
        return new
    if name == "JointVoteClassifier":
        raise UnsavableError(
            f"{path} is a {name}, whose kinds of votes need a graph each, and an ONNX file holds "
            "one: share the model's folder, or export one of its `named_estimators_`."
        )
    raise UnsavableError(
        f"{path} is a {name}, which has no segments that vote: give a Diagnostician, a "
        "DiVoteClassifier, or a Pipeline that ends in one (of a search, `best_estimator_`)."
    )


def _light_classifier(classifier: Any, item_shape: tuple[int, ...], path: str) -> Any:
    """Write the graph of a classifier of segments; what comes before it in a Pipeline stays."""
    if isinstance(classifier, OnnxClassifier):
        return classifier
    steps = list(classifier.steps) if isinstance(classifier, Pipeline) else [("last", classifier)]
    steps = [(name, step) for name, step in steps if step not in (None, "passthrough")]
    own = [step for _, step in steps]
    if isinstance(own[-1], OnnxClassifier):
        return classifier
    found, kept = network_graph(own[-1], path), len(own) - 1
    if found is None:
        kept = next((at for at, step in enumerate(own) if hasattr(step, "coef_")
                     or (hasattr(step, "n_features_in_") and _is_linear(step))), kept)  # fmt: skip
        found = linear_graph(own[kept:], path)
    if found is None:
        raise UnsavableError(
            f"{path} is a {type(own[-1]).__name__}, for which no ONNX is written: use a "
            "NEMGNetClassifier, LinearDiscriminantAnalysis or LogisticRegression, or share the "
            "model's folder."
        )
    light = OnnxClassifier()
    light.classes_ = own[-1].classes_
    light.graph_ = found.SerializeToString(deterministic=True)
    light.item_shape_ = check_graph(found).item_shape
    if said := caution_of(Pipeline(steps[kept:])):
        light.caution_ = said
    whole = light
    if kept:
        whole = Pipeline([*steps[:kept], ("scores", light)])
    _compare(classifier, whole, item_shape)
    return whole


def _is_linear(step: Any) -> bool:
    return type(step).__name__ in (
        "StandardScaler", "RobustScaler", "MaxAbsScaler", "MinMaxScaler", "PCA",
    )  # fmt: skip


def _compare(classifier: Any, light: Any, item_shape: tuple[int, ...]) -> None:
    """Hold the scores of the graph to those of the classifier, on items small and large."""
    rng = np.random.default_rng(0)
    items = rng.normal(size=(12, *item_shape)).astype(np.float32)
    size = np.tile(np.array([0.01, 0.1, 1, 10], dtype=np.float32), 3)
    items *= size.reshape(12, *(1 for _ in item_shape))
    difference = np.abs(light.predict_proba(items) - classifier.predict_proba(items)).max()
    if not difference <= TOLERANCE:
        raise ValueError(
            f"The graph scores up to {difference:.2g} away from the {type(classifier).__name__}: "
            "share the model's folder, and report this."
        )
