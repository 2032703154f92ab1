"""What a file says of itself: its form, the versions that wrote it, its arrays."""

from __future__ import annotations

import hmac
import warnings
from collections.abc import Mapping
from typing import Any

from sknemg.persistence._folder import CONFIG, WEIGHTS
from sknemg.persistence._problems import InvalidModelError, ModelVersionWarning
from sknemg.persistence._values import CAUTION, as_mapping, check_caution
from sknemg.recordings._problems import capped, shown
from sknemg.versions import versions_of

FORMAT = "sknemg-model"
#: The form of `config.json` and of the arrays. It gets the next number when a reader of the number
#: before would misread a model or miss a part of it: an estimator of the list gains, loses or
#: renames something that it has learned, an entry appears or means something else. A further
#: estimator in the list is no new form, since older versions refuse it by its name.
SCHEMA = 2
NOTE = (
    "schema numbers the form of this file and its arrays. A reader that does not know the number "
    "must refuse the model. sknemg reads the numbers that its guide lists; a model of another "
    "number is loaded by the version named under versions, or trained anew."
)
_ENTRIES = {"format", "schema", "note", "versions", "input", "left_out", "model"}


def check_fingerprint(found: str, expected: str | None) -> None:
    """Refuse another model than the one that is meant."""
    if expected is not None and not hmac.compare_digest(found, expected.lower()):
        raise InvalidModelError(
            f"The model has the fingerprint {found}, not fingerprint={expected!r}: it is "
            "another model; ask its maker."
        )


def checked_config(config: Any) -> dict[str, Any]:
    """Return ``config.json`` if it is that of a model, of the schema of this version."""
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise InvalidModelError(
            "config.json is not that of a model of sknemg: give another folder."
        )
    schema = config.get("schema")
    if type(schema) is not int or schema < 1:
        raise InvalidModelError(f"config.json has the schema {shown(schema)}: fetch it anew.")
    if schema > SCHEMA:
        raise InvalidModelError(
            f"config.json has the schema {schema}, and this version reads {SCHEMA}: update sknemg."
        )
    if schema < SCHEMA:
        raise InvalidModelError(
            f"config.json has the schema {schema}, and this version reads {SCHEMA}: load the model "
            f"by the version of sknemg that saved it{_saved_by(config)}, or train it anew."
        )
    config = as_mapping(config, CONFIG, _ENTRIES | ({CAUTION} & set(config)))
    check_caution(config.setdefault(CAUTION, ""), CONFIG)
    versions = as_mapping(config["versions"], "versions")
    if not all(isinstance(text, str) for text in versions.values()):
        raise InvalidModelError("The versions in config.json are not all text: fetch it anew.")
    return config


def _saved_by(config: Mapping[str, Any]) -> str:
    versions = config.get("versions")
    saved = versions.get("sknemg") if isinstance(versions, dict) else None
    return f" ({shown(saved)})" if isinstance(saved, str) else ""


def read_arrays(content: bytes) -> dict[str, Any]:
    """Read the arrays of a model."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidModelError(
            f"{WEIGHTS} is no valid file of arrays ({error}): fetch the model anew."
        ) from error


def check_all_used(arrays: Any) -> None:
    """Refuse arrays, or a graph, that nothing in the model has taken."""
    if unused := sorted(set(arrays.values) - arrays.taken):
        raise InvalidModelError(
            f"{WEIGHTS} holds {capped(unused)}, which no estimator uses: do not trust the file."
        )
    if arrays.graph is not None:
        raise InvalidModelError("The model in the ONNX file does not use its graph.")


def check_cautions(stated: str, found: list[str]) -> None:
    """Refuse a model that says something else than its estimators."""
    if bool(stated) != bool(found) or not all(one in stated for one in found):
        raise InvalidModelError(
            f"config.json has the caution {shown(stated)}, its estimators {shown(found)}: do not "
            "trust the file."
        )


def check_input(stated: Any, found: Mapping[str, Any]) -> None:
    """Refuse a model that takes something else than it says."""
    if found != stated:
        raise InvalidModelError(
            f"config.json describes the input as {shown(stated)}, the model in it takes "
            f"{shown(found)}: do not trust the file."
        )


# -- versions ----------------------------------------------------------------------------------


def versions_for(tree: Any) -> dict[str, str]:
    """Give the versions of the libraries that the estimators of a model need."""
    text = str(tree)
    names = ["sknemg", "scikit-learn", "numpy"]
    names += ["torch"] if "NEMGNetClassifier" in text or "TimmClassifier" in text else []
    names += ["timm"] if "TimmClassifier" in text else []
    names += ["soxr"] if "Downsampler" in text else []
    names += ["onnxruntime"] if "OnnxClassifier" in text else []
    return versions_of(names)


def warn_of_versions(saved: Mapping[str, str], here: Mapping[str, str], stacklevel: int) -> None:
    """Warn of libraries that are here in another version than where the model was saved."""
    others = [
        f"{name} {saved.get(name, 'of an unknown version')} (here {own})"
        for name, own in here.items()
        if saved.get(name) != own
    ]
    if others:
        warnings.warn(
            f"The model was saved with {capped(others)}: its predictions may differ, compare some "
            "with those of the version that saved it.",
            ModelVersionWarning,
            stacklevel=stacklevel,
        )
