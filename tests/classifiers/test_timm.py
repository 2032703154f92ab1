import builtins
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sknemg import TimmClassifier
from sknemg.classifiers.timm import _to_pictures
from sknemg.nn.image_models import image_model


def pictures(n=24, size=(20, 24), seed=0):
    """uint8 pictures, bright above ("myopathy") or below ("normal")."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 80, size=(n, *size), dtype=np.uint8)
    upper = np.arange(n) % 2 == 0
    X[upper, : size[0] // 2] += 100
    X[~upper, size[0] // 2 :] += 100
    return X, np.where(upper, "myopathy", "normal")


def small(model_name="test_resnet", **kwargs):
    options = {"image_size": 32, "max_epochs": 2, "batch_size": 8, "random_state": 0}
    return TimmClassifier(model_name, **(options | kwargs))


def state(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "n_elements"),
    [
        ("resnet50", 23_567_352),
        ("resnet152", 58_301_534),
        ("vgg16", 134_272_835),
        ("vgg19", 139_582_531),
        ("inception_v3", 21_826_241),
        ("inception_v4", 41_210_744),
    ],
)
def test_published_element_counts(name, n_elements):
    with torch.device("meta"):
        model = image_model(name, n_outputs=3, in_chans=3)
    assert sum(tensor.numel() for tensor in model.state_dict().values()) == n_elements


# Pictures in


def test_learns():
    X, y = pictures()
    assert small(max_epochs=12).fit(X, y).score(X, y) == 1


def test_shapes_and_types_of_the_same_pictures_give_the_same_scores():
    X, y = pictures()
    expected = small().fit(X, y).predict_proba(X)
    for same in (X[:, None], X.astype(np.float32), X.astype(float)[:, None]):
        np.testing.assert_array_equal(small().fit(same, y).predict_proba(same), expected)
    repeated = np.repeat(X[:, None], 3, axis=1)
    p = small().fit(repeated, y).predict_proba(repeated)
    np.testing.assert_allclose(p, expected, atol=1e-3)


def test_units_cancel():
    X, y = pictures()
    decibels = X.astype(np.float32) / 4 - 80
    p = small().fit(decibels, y).predict_proba(decibels)
    np.testing.assert_allclose(p, small().fit(X, y).predict_proba(X), atol=5e-3)


@pytest.mark.parametrize("shape", [(2, 20, 24), (4, 20, 24), (1, 3, 20, 24)])
def test_other_channels_are_refused(shape):
    with pytest.raises(ValueError, match=r"of shape \(height, width\), \(1, height, width\) or"):
        small().fit(np.zeros((6, *shape), dtype=np.float32), np.arange(6) % 2)


def test_one_channel_network():
    X, y = pictures()
    clf = small(in_chans=1).fit(X, y)
    assert clf.module_input(X).shape == (len(X), 1, 32, 32)


def test_input_is_standardised_resized_and_repeated():
    X, y = pictures()
    clf = small(image_size=(32, 48)).fit(X, y)
    x = clf.module_input(X)
    assert x.shape == (len(X), 3, 32, 48)
    assert torch.equal(x[:, 0], x[:, 2])
    assert abs(float(x.mean())) < 0.01
    assert abs(float(x.std()) - 1) < 0.15  # resizing smooths
    np.testing.assert_allclose(clf.mean_.item(), X.mean(), rtol=1e-6)
    np.testing.assert_allclose(clf.scale_.item(), X.std(), rtol=1e-6)


def test_pictures_of_the_right_size_keep_their_pixels():
    X = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    one = np.ones((1, 1, 1), dtype=np.float32)
    x = _to_pictures(torch.tensor(X), one, 2 * one, (3, 4), 3, channels_last=True)
    assert x.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(x[:, 1], (X - 1.0) / 2)


def test_mean_and_scale_come_from_training_rows_alone():
    X, y = pictures(n=40)
    subjects = np.arange(40) // 4
    y = np.where(subjects % 2 == 0, "myopathy", "normal")
    trained = []

    def spy(batch, generator):
        trained.append(batch.numpy())
        return batch

    clf = small(augment=spy, max_epochs=1).fit(X, y, groups=subjects)
    seen = np.concatenate(trained)
    assert len(seen) == 32
    np.testing.assert_allclose(clf.mean_.item(), seen.mean(), rtol=1e-6)


def test_a_row_does_not_depend_on_its_neighbours():
    X, y = pictures()
    clf = small().fit(X, y)
    changed = X.copy()
    changed[1:] = 255
    p = clf.predict_proba(X)
    np.testing.assert_allclose(clf.predict_proba(changed)[0], p[0], atol=1e-6)
    np.testing.assert_allclose(clf.predict_proba(X[3:4])[0], p[3], atol=1e-5)


def test_black_pictures_have_finite_scores():
    X, y = pictures()
    assert np.isfinite(small().fit(np.zeros_like(X), y).predict_proba(np.zeros_like(X))).all()


def test_without_a_size_pictures_get_the_networks_own():
    X, y = pictures(n=4)
    clf = small(image_size=None, max_epochs=1).fit(X, y)
    assert clf.module_input(X).shape == (4, 3, 160, 160)


def test_a_network_of_fixed_input_size_takes_another():
    X, y = pictures(n=8)
    clf = small("test_vit", max_epochs=1).fit(X, y)
    assert clf.module_input(X).shape == (8, 3, 32, 32)
    assert np.isfinite(clf.predict_proba(X)).all()


# Weights


def test_frozen_backbone_keeps_weights_and_running_statistics(tmp_path):
    X, y = pictures()
    path = tmp_path / "start.pt"
    start = image_model("test_resnet", n_outputs=5)
    torch.save(start.state_dict(), path)
    clf = small(checkpoint=path, freeze="backbone").fit(X, y)
    for name, tensor in start.state_dict().items():
        if not name.startswith("fc."):
            np.testing.assert_array_equal(clf.weights_[name], tensor, err_msg=name)
    assert clf.weights_["fc.weight"].shape == (2, start.fc.in_features)


def test_patterns_freeze_what_they_name():
    model = image_model("test_resnet", n_outputs=2, freeze=["conv1.*", "layer1.*"])
    frozen = {n.split(".")[0] for n, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "layer1"}


def test_checkpoint_of_three_channels_serves_one(tmp_path):
    from safetensors.torch import save_file

    start = image_model("test_resnet", n_outputs=2)
    save_file(start.state_dict(), tmp_path / "start.safetensors")
    model = image_model(
        "test_resnet", n_outputs=2, in_chans=1, checkpoint=tmp_path / "start.safetensors"
    )
    name = next(n for n, t in start.state_dict().items() if t.ndim == 4)
    adapted = start.state_dict()[name].sum(dim=1, keepdim=True)
    np.testing.assert_allclose(model.state_dict()[name], adapted, rtol=1e-5)
    assert torch.equal(model.fc.weight, start.fc.weight)


def test_fitted_weights_serve_as_a_checkpoint(tmp_path):
    from safetensors.numpy import save_file

    X, y = pictures()
    weights = small().fit(X, y).weights_
    save_file(weights, tmp_path / "fitted.safetensors")
    model = image_model("test_resnet", n_outputs=2, checkpoint=tmp_path / "fitted.safetensors")
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor, weights[name], err_msg=name)


def test_unfit_checkpoints_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"checkpoint='.*none.pt' does not exist"):
        image_model("test_resnet", n_outputs=2, checkpoint=tmp_path / "none.pt")
    torch.save(image_model("test_vit", n_outputs=2).state_dict(), tmp_path / "vit.pt")
    with pytest.raises(ValueError, match=r"does not fit test_resnet .* missing .* unknown"):
        image_model("test_resnet", n_outputs=2, checkpoint=tmp_path / "vit.pt")
    with pytest.raises(ValueError, match="are both given: choose one"):
        image_model("test_resnet", n_outputs=2, pretrained=True, checkpoint=tmp_path / "vit.pt")


def test_pretrained_weights_offline_name_the_ways_out(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    X, y = pictures(n=4)
    with pytest.raises(OSError, match=r"'test_resnet' could not be loaded .* as checkpoint, or"):
        small(pretrained=True).fit(X, y)


def test_unpickling_needs_no_checkpoint(tmp_path):
    X, y = pictures()
    path = tmp_path / "start.pt"
    torch.save(image_model("test_resnet", n_outputs=2).state_dict(), path)
    clf = small(checkpoint=str(path), channels_last=True).fit(X, y)
    stored = pickle.dumps(clf)
    path.unlink()
    np.testing.assert_array_equal(pickle.loads(stored).predict_proba(X), clf.predict_proba(X))


def test_learning_rate_groups():
    X, y = pictures()
    still = small(lr_groups={"backbone": 1e-12}).fit(X, y).weights_
    start = small(lr=1e-12).fit(X, y).weights_
    moved = {
        n for n in start if "running" not in n and not np.allclose(still[n], start[n], atol=1e-6)
    }
    assert moved == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize("option", [{"freeze": ["conv9*"]}, {"lr_groups": {"conv9*": 1e-4}}])
def test_patterns_that_match_nothing_are_refused(option):
    X, y = pictures(n=4)
    with pytest.raises(ValueError, match=r"'conv9\*' matches no parameter of test_resnet: give"):
        small(**option).fit(X, y)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"image_size": (32, 32, 3)}, r"image_size=\(32, 32, 3\) must be an integer > 0, or"),
        ({"image_size": (0, 32)}, r"image_size=\(0, 32\) must be"),
        ({"image_size": (32.5, 32)}, r"image_size=\(32.5, 32\) must be"),
        ({"image_size": ()}, r"image_size=\(\) must be"),
        ({"freeze": [3]}, "name parameters by text, not by 3"),
        ({"lr_groups": {3: 1e-3}}, "name parameters by text, not by 3"),
        ({"lr_groups": {"backbone": -1}}, r"lr_groups\['backbone'\]=-1 must be a number > 0"),
        ({"lr_groups": {"backbone": "x"}}, r"lr_groups\['backbone'\]='x' must be a number > 0"),
        ({"lr_groups": {"backbone": np.nan}}, r"lr_groups\['backbone'\]=nan must be a number > 0"),
    ],
)
def test_sizes_names_and_rates_that_are_none_are_refused(option, said):
    with pytest.raises(ValueError, match=said):
        small(**option).fit(*pictures(n=4))


def test_channels_last_changes_no_score():
    X, y = pictures()
    clf = small().fit(X, y)
    other = pickle.loads(pickle.dumps(clf)).set_params(channels_last=True)
    other.keep_parameters()  # as if it had been trained so
    assert other.module_input(X).is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(other.predict_proba(X), clf.predict_proba(X), atol=1e-5)


def test_the_network_that_predicts_keeps_the_layout_of_its_weights():
    X, y = pictures()
    clf = small(channels_last=True, max_epochs=1).fit(X, y)
    weights = [w for w in clf.module_.parameters() if w.ndim == 4 and 1 not in w.shape]
    assert weights
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)


def test_dropout_reaches_the_network():
    assert image_model("test_resnet", n_outputs=2, drop_rate=0.3).drop_rate == 0.3


# Names and imports


def test_a_typing_error_gets_the_nearest_names():
    X, y = pictures(n=4)
    with pytest.raises(ValueError, match=r"no model 'resnet5O': did you mean .*resnet50"):
        small("resnet5O").fit(X, y)
    with pytest.raises(ValueError, match=r"no model '@@': timm.list_models\(\) lists all"):
        small("@@").fit(X, y)


def test_an_unfit_torchvision_is_explained(monkeypatch):
    real = builtins.__import__

    def broken(name, *args, **kwargs):
        if name == "timm":
            raise RuntimeError("operator torchvision::nms does not exist")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(ImportError, match=r"nms does not exist\).*torchvision, .* reinstall both"):
        image_model("test_resnet", n_outputs=2)


@pytest.mark.gpu
def test_gpu():
    X, y = pictures()
    clf = small(device="cuda", amp=True, channels_last=True, max_epochs=10).fit(X, y)
    assert clf.net_.device.type == "cuda"
    moved = pickle.loads(pickle.dumps(clf)).set_params(device="cpu", amp=False)
    np.testing.assert_allclose(moved.predict_proba(X), clf.predict_proba(X), atol=0.05)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn", "inception_v3", "efficientnet_b0"])
def test_a_seed_gives_the_same_bits_on_a_gpu(name):
    X = np.random.default_rng(0).integers(0, 255, size=(48, 1, 96, 96)).astype("uint8")
    made = TimmClassifier(name, device="cuda", max_epochs=2, batch_size=16, random_state=0)
    first, again = (clone(made).fit(X, np.arange(48) % 3).weights_ for _ in range(2))
    for layer, weights in first.items():
        np.testing.assert_array_equal(again[layer], weights, err_msg=layer)
