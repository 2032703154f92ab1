"""Image networks of timm, made for our classes and channels. timm is imported on first use."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn


def import_timm() -> ModuleType:
    """Import timm, or say what to install.

    Raises
    ------
    ImportError
        If timm, or the torchvision under it, cannot be imported.
    """
    try:
        import timm
    except (ImportError, RuntimeError, AttributeError) as error:
        # torchvision of another build than torch fails with "operator torchvision::nms does not
        # exist", a RuntimeError.
        raise ImportError(
            f"timm could not be imported ({error}): if the error names torchvision, it does not "
            f"match this torch ({torch.__version__}), so reinstall both together from one index."
        ) from error
    return timm


def image_model(
    model_name: str,
    *,
    n_outputs: int,
    in_chans: int = 3,
    image_size: tuple[int, int] | None = None,
    drop_rate: float = 0.0,
    pretrained: bool = False,
    checkpoint: str | Path | None = None,
    freeze: str | Sequence[str] | None = None,
) -> nn.Module:
    """Make a network of timm by its name.

    Parameters
    ----------
    model_name : str
        As timm names it, such as "resnet50", "vgg16" or "inception_v3".
    n_outputs : int
        Number of classes.
    in_chans : int, default=3
        Channels of the first convolution.
    image_size : (height, width) or None, default=None
        For networks of a fixed input size; None is the network's own.
    drop_rate : float, default=0.0
        Dropout before the classifier.
    pretrained : bool, default=False
        Load timm's weights from the Hugging Face hub, or from its cache.
    checkpoint : path or None, default=None
        A local file of weights under timm's names (safetensors or torch). A classifier of another
        number of classes in it is left out.
    freeze : "backbone", sequence of name patterns or None, default=None
        Parameters that do not learn: all but the classifier, or those that match a pattern.

    Raises
    ------
    ValueError
        If the name, a pattern or the checkpoint does not fit.
    OSError
        If pretrained weights cannot be had.

    References
    ----------
    R. Wightman, "PyTorch Image Models", 2019, doi:10.5281/zenodo.4414861.

    Examples
    --------
    >>> from sknemg.nn.image_models import image_model
    >>> network = image_model("test_resnet", n_outputs=3, in_chans=1, freeze="backbone")
    >>> sorted(name for name, p in network.named_parameters() if p.requires_grad)
    ['fc.bias', 'fc.weight']
    """
    timm = import_timm()
    check_model_name(model_name)
    if pretrained and checkpoint is not None:
        raise ValueError("pretrained=True and checkpoint are both given: choose one.")
    options: dict[str, Any] = {"num_classes": n_outputs, "in_chans": in_chans}
    if drop_rate:
        options["drop_rate"] = drop_rate
    if image_size is not None and _cfg(model_name).fixed_input_size:
        options["img_size"] = image_size
    try:
        model = timm.create_model(model_name, pretrained=pretrained, **options)
    except Exception as error:
        if not pretrained:
            raise
        raise OSError(
            f"The pretrained weights of {model_name!r} could not be loaded ({error}): run once "
            "with a connection to the Hugging Face hub, which fills its cache, give a local file "
            "as checkpoint, or set pretrained=False."
        ) from error
    if checkpoint is not None:
        _load_checkpoint(model, model_name, Path(checkpoint), in_chans)
    _freeze(model, model_name, freeze)
    return model


def check_model_name(model_name: str) -> None:
    """Raise if timm has no model of this name, with the nearest names."""
    timm = import_timm()
    if not timm.is_model(model_name):
        near = get_close_matches(model_name, timm.list_models(), n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "timm.list_models() lists all."
        raise ValueError(f"timm has no model {model_name!r}: {hint}")


def own_image_size(model_name: str) -> tuple[int, int]:
    """Give the (height, width) for which the network was made.

    Examples
    --------
    >>> own_image_size("inception_v3")
    (299, 299)
    """
    height, width = _cfg(model_name).input_size[1:]
    return height, width


def classifier_layers(model_name: str) -> tuple[str, ...]:
    """Give the names of the last layers, which score the classes.

    Examples
    --------
    >>> classifier_layers("resnet50")
    ('fc',)
    """
    names = _cfg(model_name).classifier
    return (names,) if isinstance(names, str) else tuple(names)


def matching_parameters(names: Iterable[str], model_name: str, pattern: str) -> list[str]:
    """Give the parameter names that match a pattern; "backbone" is all but the classifier.

    Raises
    ------
    ValueError
        If none does.
    """
    names = list(names)
    if pattern == "backbone":
        heads = tuple(f"{layer}." for layer in classifier_layers(model_name))
        return [name for name in names if not name.startswith(heads)]
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        raise ValueError(
            f"The pattern {pattern!r} matches no parameter of {model_name}: give one that matches "
            f"names such as {names[0]}, {names[len(names) // 2]} or {names[-1]}."
        )
    return found


def _cfg(model_name: str) -> Any:
    check_model_name(model_name)
    return import_timm().get_pretrained_cfg(model_name, allow_unregistered=False)


def _freeze(model: nn.Module, model_name: str, freeze: str | Sequence[str] | None) -> None:
    """Switch off learning for the parameters that match."""
    parameters = dict(model.named_parameters())
    for pattern in [freeze] if isinstance(freeze, str) else freeze or []:
        for name in matching_parameters(parameters, model_name, pattern):
            parameters[name].requires_grad_(False)


def _load_checkpoint(model: nn.Module, model_name: str, path: Path, in_chans: int) -> None:
    """Load local weights: the first convolution adapted, an unfitting classifier left out."""
    from timm.models import adapt_input_conv, load_state_dict

    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint={str(path)!r} does not exist: give the path of a file of weights."
        )
    state: dict[str, Tensor] = load_state_dict(str(path))
    own = model.state_dict()
    stems = _cfg(model_name).first_conv
    for stem in (stems,) if isinstance(stems, str) else stems or ():
        weight = state.get(f"{stem}.weight")
        if weight is not None and weight.shape != own[f"{stem}.weight"].shape:
            state[f"{stem}.weight"] = adapt_input_conv(in_chans, weight)
    heads = tuple(f"{layer}." for layer in classifier_layers(model_name))
    state = {
        name: tensor
        for name, tensor in state.items()
        if not (name.startswith(heads) and name in own and tensor.shape != own[name].shape)
    }
    missing = [name for name in own if name not in state and not name.startswith(heads)]
    foreign = [name for name in state if name not in own]
    unlike = [n for n, t in state.items() if n in own and t.shape != own[n].shape]
    if missing or foreign or unlike:
        raise ValueError(
            f"checkpoint={str(path)!r} does not fit {model_name} ({len(missing)} tensors missing "
            f"{missing[:3]}, {len(foreign)} unknown {foreign[:3]}, {len(unlike)} of another shape "
            f"{unlike[:3]}): give weights of this model."
        )
    model.load_state_dict(state, strict=False)
