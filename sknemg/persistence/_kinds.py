"""The estimators that a model folder holds: a fixed list, with all that each has learned.

Nothing else is ever imported or built for a file. An estimator belongs here if what it has learned
is a handful of arrays and numbers, and if no array, whatever it holds, can make it read or write
outside of its own memory. Trees do not: they follow the numbers in their arrays without looking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from sknemg.persistence._onnx_read import check_graph_of
from sknemg.persistence._problems import InvalidModelError
from sknemg.persistence._values import (
    COUNT,
    FLAG,
    N_FEATURES,
    Array,
    ArrayDict,
    Child,
    Graph,
    Labels,
    Members,
    Names,
    Plain,
    Shape,
    Steps,
    Value,
)
from sknemg.recordings._problems import shown


@dataclass(frozen=True)
class Kind:
    """An estimator that a model folder holds.

    Parameters
    ----------
    module : str
    state : mapping of attribute to `Value`
        What it has learned. Those in `optional` may be missing.
    optional : frozenset of str
    ignored : frozenset of str
        Attributes that are left out: caches, and what is known of training subjects.
    restored : mapping of attribute to value
        What stands in their place after loading.
    from_state : mapping of parameter to attribute
        Parameters that are estimators, and are cloned from the fitted one.
    neutral : mapping of parameter to value
        Parameters that matter in training alone, or name a place on a disk: written only if they
        are plain, and otherwise as this value.
    keeps_parameters : bool, default=False
        Whether it is one that `KeepsParameters`: those of the training stand in the file, not what
        was set since.
    check : callable, default=None
        ``check(estimator)`` looks at the whole, before anything is allocated for it.
    """

    module: str
    state: Mapping[str, Value] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    restored: Mapping[str, Any] = field(default_factory=dict)
    from_state: Mapping[str, str] = field(default_factory=dict)
    neutral: Mapping[str, Any] = field(default_factory=dict)
    keeps_parameters: bool = False
    check: Callable[[Any], None] | None = None

    @property
    def is_own(self) -> bool:
        """Whether the class is this library's."""
        return self.module.startswith("sknemg.")


# -- checks of a whole -------------------------------------------------------------------------


def _check_coefficients(model: Any) -> None:
    """Two classes share one row of coefficients, three or more have one each."""
    n_classes, n_rows = len(model.classes_), len(model.coef_)
    if n_rows != (1 if n_classes == 2 else n_classes) or len(model.intercept_) != n_rows:
        raise InvalidModelError(
            f"{type(model).__name__} has {n_rows} rows of coefficients and {n_classes} classes."
        )


def _check_network(model: Any) -> None:
    """Compare the weights with the network, which is laid out without any memory."""
    import torch

    with torch.device("meta"):
        module = model._module_factory(initial=False)()
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: array.shape for name, array in model.weights_.items()}
    wrong = [name for name in expected | found if expected.get(name) != found.get(name)]
    if wrong:
        raise InvalidModelError(
            f"{type(model).__name__} needs {wrong[0]} of shape {expected.get(wrong[0])}, the file "
            f"holds {found.get(wrong[0])} ({len(wrong)} weights do not fit)."
        )


def _check_seen_through(model: Any) -> None:
    """Refuse another network than nEMGNet."""
    if type(model.network_).__name__ != "NEMGNetClassifier":
        raise InvalidModelError(
            f"NetworkFeatures has a {type(model.network_).__name__} for its network."
        )


def _check_onnx(model: Any) -> None:
    """Look at the graph before it is run, and open it."""
    check_graph_of(model.graph_, model.item_shape_, len(model.classes_))
    model._session()


def _check_votes(model: Any) -> None:
    """Compare the classes of the classifiers inside with those of the whole."""
    for inner in (model.estimator_, model.final_estimator_):
        known = set(model.classes_.tolist())
        if inner is not None and not set(inner.classes_.tolist()) <= known:
            raise InvalidModelError(
                f"A classifier of DiVoteClassifier knows {shown(inner.classes_)}, not among "
                f"{shown(model.classes_)}."
            )


def _check_joint(model: Any) -> None:
    """Compare the members of a joint vote with the whole."""
    model._check_fitted_members()


def _check_diagnostician(model: Any) -> None:
    """Compare the parts of a Diagnostician with each other."""
    kinds = type(model.plausibility_).__name__, bool(hasattr(model.estimator_, "predict_proba"))
    known = set(model.classes_.tolist())
    if kinds != ("Plausibility", True) or not set(model.estimator_.classes_.tolist()) <= known:
        raise InvalidModelError("The parts of a Diagnostician do not fit each other.")
    if not (model.temperature_ > 0 and 0 <= model.quantile_ <= 1 and model.n_calibration_ > 0):
        raise InvalidModelError(
            f"A Diagnostician has the temperature {model.temperature_}, the quantile "
            f"{model.quantile_} and {model.n_calibration_} calibration subjects."
        )


# -- the list ----------------------------------------------------------------------------------

_SCALER = frozenset({"n_samples_seen_", "feature_names_in_"})
_NAMED: dict[str, Value] = {"n_features_in_": N_FEATURES, "feature_names_in_": Names()}
_FEATURES = Array(("features",))
_WHOLE = Plain((int,))
_NETWORK: dict[str, Value] = {
    "classes_": Labels(),
    "input_shape_": Shape(),
    "n_features_in_": _WHOLE,
    "weights_": ArrayDict(),
    "_history": ArrayDict("fib"),
}
_TRAINING = {"augment": None, "callbacks": None, "validation": "auto", "class_weight": "balanced",
             "random_state": None, "device": "auto"}  # fmt: skip
_CACHED = frozenset({"_net", "_kept", "_metadata_request"})
_SEEN = frozenset({"n_features_in_", "feature_names_in_"})
_STEP_STATE: dict[str, Value] = {"n_features_in_": _WHOLE, "feature_names_in_": Names("columns")}

KINDS: dict[str, Kind] = {
    # this library's
    "BandPass": Kind("sknemg.preprocessing.filtering", _STEP_STATE, _SEEN),
    "Downsampler": Kind("sknemg.preprocessing.steps", _STEP_STATE, _SEEN),
    "Segmenter": Kind("sknemg.preprocessing.steps", _STEP_STATE, _SEEN),
    "SegmentFeatures": Kind("sknemg.features.transformers", _STEP_STATE, _SEEN),
    "InterferenceFeatures": Kind("sknemg.features.interference", _STEP_STATE, _SEEN),
    "PatternFeatures": Kind("sknemg.features.pattern", _STEP_STATE, _SEEN),
    "MuapFeatures": Kind("sknemg.muap.features", _STEP_STATE, _SEEN, neutral={"n_jobs": None}),
    "MelSpectrogram": Kind("sknemg.images.transformers", _STEP_STATE, _SEEN),
    "Spectrogram": Kind("sknemg.images.transformers", _STEP_STATE, _SEEN),
    "PlotImage": Kind("sknemg.images.transformers", _STEP_STATE, _SEEN),
    "NEMGNetClassifier": Kind(
        "sknemg.classifiers.nemgnet",
        _NETWORK,
        ignored=_CACHED,
        restored={"caution_": ""},
        neutral=_TRAINING | {"init": None},
        keeps_parameters=True,
        check=_check_network,
    ),
    "NetworkFeatures": Kind(
        "sknemg.classifiers.network_features",
        _STEP_STATE | {"network_": Child(), "sfreq_": Plain((float,))},
        _SEEN,
        restored={"caution_": ""},
        check=_check_seen_through,
    ),
    "TimmClassifier": Kind(
        "sknemg.classifiers.timm",
        _NETWORK | {"mean_": Array(("chans", 1, 1)), "scale_": Array(("chans", 1, 1))},
        ignored=_CACHED,
        neutral=_TRAINING | {"checkpoint": None},
        keeps_parameters=True,
        check=_check_network,
    ),
    "OnnxClassifier": Kind(
        "sknemg.persistence._onnx_classifier",
        {"classes_": Labels(), "item_shape_": Shape(), "graph_": Graph()},
        ignored=frozenset({"_run"}),
        check=_check_onnx,
    ),
    "DiVoteClassifier": Kind(
        "sknemg.divote.divote",
        {
            "classes_": Labels(),
            "estimator_": Child(),
            "final_estimator_": Child(optional=True),
            "subject_features_": Plain((str,), ("location", "all")),
            "sfreq_": Plain((float, int, type(None))),
            "knows_subjects_": FLAG,
            "has_several_recordings_": FLAG,
            "item_shape_": Shape(),
            "n_features_in_": _WHOLE,
            "feature_names_in_": Names("columns"),
        },
        optional=_SEEN,
        ignored=frozenset({"votes_", "_subject_salt", "_subject_hashes", "_metadata_request"}),
        restored={"_subject_salt": "", "_subject_hashes": ()},
        from_state={"estimator": "estimator_", "final_estimator": "final_estimator_"},
        neutral={"cv": None, "n_jobs": None},
        check=_check_votes,
    ),
    "JointVoteClassifier": Kind(
        "sknemg.divote.joint",
        {
            "classes_": Labels(),
            "named_estimators_": Members(),
            "knows_subjects_": FLAG,
            "has_several_recordings_": FLAG,
            "n_features_in_": _WHOLE,
            "feature_names_in_": Names("columns"),
        },
        optional=_SEEN,
        ignored=frozenset({"_metadata_request"}),
        from_state={"estimators": "named_estimators_"},
        check=_check_joint,
    ),
    "Plausibility": Kind(
        "sknemg.diagnosis.plausibility",
        {
            "low_": Array((6,)),
            "high_": Array((6,)),
            "scale_": _FEATURES,
            "center_": _FEATURES,
            "precision_": Array(("features", "features")),
            "distance_": Plain((float,)),
            "subject_distance_": Plain((float,)),
            "refused_": Plain((float,)),
            "contracted_": Plain((float,)),
            "muscles_": Names("muscles"),
        },
    ),
    "Diagnostician": Kind(
        "sknemg.diagnosis.diagnostician",
        {
            "classes_": Labels(),
            "estimator_": Child(),
            "plausibility_": Child(),
            "temperature_": Plain((float,)),
            "quantile_": Plain((float,)),
            "n_calibration_": _WHOLE,
        },
        ignored=frozenset({"out_of_fold_proba_", "out_of_fold_codes_", "_kept"}),
        from_state={"estimator": "estimator_"},
        neutral={"n_jobs": None},
        keeps_parameters=True,
        check=_check_diagnostician,
    ),
    # scikit-learn's
    "Pipeline": Kind(
        "sklearn.pipeline",
        {"steps": Steps()},
        ignored=frozenset({"_metadata_request"}),
        neutral={"memory": None, "transform_input": None, "verbose": False},
    ),
    "StandardScaler": Kind(
        "sklearn.preprocessing",
        _NAMED
        | {
            "mean_": _FEATURES,
            "var_": _FEATURES,
            "scale_": _FEATURES,
            "n_samples_seen_": COUNT,
        },
        optional=_SCALER,
    ),
    "MinMaxScaler": Kind(
        "sklearn.preprocessing",
        _NAMED
        | dict[str, Value].fromkeys(
            ("scale_", "min_", "data_min_", "data_max_", "data_range_"), _FEATURES
        )
        | {"n_samples_seen_": COUNT},
        optional=_SCALER,
    ),
    "MaxAbsScaler": Kind(
        "sklearn.preprocessing",
        _NAMED | {"max_abs_": _FEATURES, "scale_": _FEATURES, "n_samples_seen_": COUNT},
        optional=_SCALER,
    ),
    "RobustScaler": Kind(
        "sklearn.preprocessing",
        _NAMED | {"center_": _FEATURES, "scale_": _FEATURES},
        optional=_SCALER,
    ),
    "PCA": Kind(
        "sklearn.decomposition",
        _NAMED
        | {
            "mean_": _FEATURES,
            "components_": Array(("components", "features")),
            "explained_variance_": Array(("components",)),
            "explained_variance_ratio_": Array(("components",)),
            "singular_values_": Array(("components",)),
            "noise_variance_": Plain((float,)),
            "n_samples_": _WHOLE,
            "n_components_": Plain((int,), axis="components"),
            "_fit_svd_solver": Plain((str,)),
        },
        optional=_SCALER,
    ),
    "LogisticRegression": Kind(
        "sklearn.linear_model",
        _NAMED
        | {
            "classes_": Labels(),
            "coef_": Array(("rows", "features")),
            "intercept_": Array(("rows",)),
            "n_iter_": Array(("*",), "i"),
        },
        optional=_SCALER,
        neutral={"random_state": None, "n_jobs": None},
        check=_check_coefficients,
    ),
    "LinearDiscriminantAnalysis": Kind(
        "sklearn.discriminant_analysis",
        _NAMED
        | {
            "classes_": Labels(),
            "coef_": Array(("rows", "features")),
            "intercept_": Array(("rows",)),
            "priors_": Array(("classes",)),
            "means_": Array(("classes", "features")),
            "xbar_": _FEATURES,
            "scalings_": Array(("features", "*")),
            "covariance_": Array(("features", "features")),
            "explained_variance_ratio_": Array(("*",)),
            "_max_components": _WHOLE,
            "_n_features_out": _WHOLE,
        },
        optional=_SCALER
        | {"xbar_", "scalings_", "covariance_", "explained_variance_ratio_", "_n_features_out"},
        neutral={"covariance_estimator": None},
        check=_check_coefficients,
    ),
    "GaussianNB": Kind(
        "sklearn.naive_bayes",
        _NAMED
        | {
            "classes_": Labels(),
            "theta_": Array(("classes", "features")),
            "var_": Array(("classes", "features")),
            "class_count_": Array(("classes",)),
            "class_prior_": Array(("classes",)),
            "epsilon_": Plain((float,)),
        },
        optional=_SCALER,
    ),
}

#: Largest value of a parameter; a larger one would ask for memory that no recording needs.
LIMITS: Mapping[str, float] = {
    "window": 60.0,
    "hop": 3600.0,
    "sfreq": 1e6,
    "input_sfreq": 1e6,
    "n_mels": 4096,
    "size": 4096,
    "image_size": 4096,
    "in_chans": 4096,
    "width": 4096,
    "bands": 1e6,
}


def class_of(name: str) -> type[Any]:
    """Import a class of the list by its name there."""
    return getattr(import_module(KINDS[name].module), name)


def kind_of(estimator: Any) -> tuple[str, Kind] | None:
    """Find an estimator in the list; None if it is not there, as subclasses are not."""
    name = type(estimator).__name__
    kind = KINDS.get(name)
    module = type(estimator).__module__
    if kind is None or not (module + ".").startswith(kind.module + "."):
        return None
    return (name, kind) if type(estimator) is class_of(name) else None
