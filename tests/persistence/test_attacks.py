"""Folders that are no model, or pretend to be one: refused, readably, before they do harm."""

import hashlib
import json
import os
import pickle
import re
import shutil
import sys
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import (
    DiVoteClassifier,
    InvalidModelError,
    NEMGNetClassifier,
    Segmenter,
    load_model,
    save_model,
)

FILES = ("README.md", "SHA256SUMS", "config.json", "model.safetensors")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small model with a network that answers by its input, and its fingerprint."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 1, 40)), np.repeat(["a", "b"], 3)
    network = NEMGNetClassifier("A", width=2, short="pad", max_epochs=1, random_state=0)
    final = make_pipeline(StandardScaler(), LogisticRegression())
    model = make_pipeline(
        Segmenter(0.2, 0.2, input_sfreq=200, short="pad"),
        DiVoteClassifier(network, final_estimator=final),
    ).fit(X[:, 0], y)
    folder = tmp_path_factory.mktemp("models") / "model"
    return folder, save_model(model, folder)


@pytest.fixture
def folder(saved, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(saved[0], tmp_path / "model")


def sign(folder):
    """List the hashes anew, as an attacker would."""
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("config.json", "model.safetensors")
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))


def refused(folder, message, **options):
    with pytest.raises(InvalidModelError, match=message) as caught:
        load_model(folder, **options)
    text = str(caught.value)
    assert len(text) < 600 and text.endswith(".")


def nodes(tree):
    """Every estimator in a tree, the outer ones first."""
    if isinstance(tree, dict):
        if "estimator" in tree and "state" in tree:
            yield tree
        for value in tree.values():
            yield from nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value)


@pytest.fixture
def edit(folder):
    """Edit config.json and the arrays, and sign again."""

    def change(on_config=None, on_arrays=None):
        config = json.loads((folder / "config.json").read_bytes())
        arrays = load_file(folder / "model.safetensors")
        by_name = {node["estimator"]: node for node in nodes(config)}
        if on_config is not None:
            config = on_config(config, by_name) or config
        if on_arrays is not None:
            on_arrays(arrays)
        (folder / "config.json").write_text(json.dumps(config))
        save_file(arrays, folder / "model.safetensors")
        sign(folder)
        return folder

    return change


def test_a_folder_signed_anew_answers_as_the_first(saved, edit):
    """What the attacks below change is all that is wrong with their folders."""
    X = np.random.default_rng(1).normal(size=(4, 40))
    expected = load_model(saved[0]).predict_proba(X)
    assert np.ptp(expected[:, 0]) > 0
    np.testing.assert_array_equal(load_model(edit()).predict_proba(X), expected)


# -- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES[1:])
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    refused(folder, f"lacks {name}: give a folder that save_model wrote")


def test_no_folder(tmp_path):
    refused(tmp_path / "none", "is no folder")
    refused(tmp_path, "lacks SHA256SUMS")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("keep", [0, 1, 9, -1])
def test_a_truncated_file(folder, name, keep):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:keep])
    refused(folder, f"{name} was altered or truncated")
    sign(folder)  # and one that was truncated before it was signed
    if not (name == "config.json" and keep == -1):  # its last newline
        refused(folder, f"{re.escape(name)} is no valid|config.json is not that")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_every_altered_byte_is_noticed(folder, name):
    content = bytearray((folder / name).read_bytes())
    for at in np.random.default_rng(0).integers(len(content), size=40):
        content[at] ^= 1
        (folder / name).write_bytes(content)
        refused(folder, f"{name} was altered")
        content[at] ^= 1


@pytest.mark.filterwarnings("ignore::sknemg.persistence.ModelVersionWarning")
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_noise_in_a_signed_file_never_does_more_than_be_refused(folder, name):
    """Whatever a byte becomes: a model, or InvalidModelError; no other error, no crash."""
    whole = (folder / name).read_bytes()
    rng = np.random.default_rng(1)
    head = len(whole) if name == "config.json" else 8 + int.from_bytes(whole[:8], "little")
    n_refused = 0
    for at in rng.integers(head, size=60):
        content = bytearray(whole)
        content[at] = rng.integers(256)
        (folder / name).write_bytes(content)
        sign(folder)
        try:
            load_model(folder)
        except InvalidModelError:
            n_refused += 1
    assert n_refused > 30


def test_an_extra_file(folder):
    (folder / "weights.pkl").write_bytes(pickle.dumps([1]))
    refused(folder, "holds the file 'weights.pkl', which SHA256SUMS does not list")


def test_extra_files_of_an_evaluation(folder):
    (folder / "evaluation").mkdir()
    (folder / "evaluation" / "scores.csv").write_text("a")
    refused(folder, "'evaluation/scores.csv', which SHA256SUMS does not list")


def test_a_folder_of_very_many_files(folder):
    for number in range(120):
        (folder / f"{number}.txt").touch()
    refused(folder, "more than 100 files")


def test_what_a_hub_puts_beside_is_left_alone(folder):
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs")
    (folder / ".cache").mkdir()
    load_model(folder)


def test_an_edited_card_is_no_damage(folder):
    (folder / "README.md").write_text("The gaps, filled in.")
    load_model(folder)


@pytest.mark.parametrize(
    "name", ["../secret.json", "/etc/passwd", "evaluation/../../x.csv", "evaluation/a.pkl",
             "evaluation/x.csv/y.csv", "C:/x.json", "config.json\0", "README.md"]
)  # fmt: skip
def test_a_path_that_leads_out_of_the_folder(folder, name):
    (folder.parent / "secret.json").write_text("{}")
    with (folder / "SHA256SUMS").open("a") as file:
        file.write(f"{hashlib.sha256(b'{}').hexdigest()}  {name}\n")
    refused(folder, "Line 3 of SHA256SUMS is .*, not the hash of a file of a model")


def test_a_file_listed_twice(folder):
    sums = (folder / "SHA256SUMS").read_text()
    (folder / "SHA256SUMS").write_text(sums + sums)
    refused(folder, "lists config.json twice")
    (folder / "SHA256SUMS").write_text(sums.splitlines(keepends=True)[0])
    refused(folder, r"'model.safetensors', which SHA256SUMS does not list|not list model")
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe" + bytes(100))
    refused(folder, "Line 1 of SHA256SUMS")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("name", FILES[1:])
def test_a_link_is_not_followed(folder, tmp_path, name):
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    refused(folder, f"{name} cannot be opened .*no links")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_a_pipe_does_not_hang(folder):
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")
    refused(folder, "model.safetensors is no regular file")


def test_a_giant_file_is_not_read(folder):
    for name, size in {
        "model.safetensors": 2**42,
        "config.json": 2**30,
        "SHA256SUMS": 2**30,
    }.items():
        whole = (folder / name).read_bytes()
        with (folder / name).open("r+b") as file:
            try:
                file.truncate(size)  # sparse: it takes no space
            except OSError:
                pytest.skip("no sparse files here")
        tracemalloc.start()
        refused(folder, f"{name} has {size} bytes, more than")
        assert tracemalloc.get_traced_memory()[1] < 2**22
        tracemalloc.stop()
        (folder / name).write_bytes(whole)
    refused(folder, "set `max_bytes` if that is right", max_bytes=100)
    with pytest.raises(ValueError, match="max_bytes=0 must be an integer >= 1"):
        load_model(folder, max_bytes=0)


def test_the_fingerprint_tells_models_apart(folder, saved, edit):
    load_model(folder, fingerprint=saved[1].upper())
    edit(lambda config, by_name: config.update(left_out=["x"]))
    load_model(folder)
    refused(folder, "it is another model; ask its maker", fingerprint=saved[1])


# -- arrays ------------------------------------------------------------------------------------


def safetensors(folder, header, body=b"", length=None):
    """Write a file of arrays by hand."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    (folder / "model.safetensors").write_bytes(size.to_bytes(8, "little") + text + body)
    sign(folder)


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}, None),
        ({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, None),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**62]}}, None),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, None),
        ({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, None),
        ({"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}}, None),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
          "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, None),  # shared memory
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
         b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', None),
        ({}, 2**63), ({}, 2**30), (b"{" * 50_000, None), (b"", None),
    ],
)  # fmt: skip
def test_headers_that_lie(folder, header, length):
    safetensors(folder, header, bytes(4), length)
    tracemalloc.start()
    refused(folder, "no valid file of arrays|is missing in model.safetensors")
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()


def test_a_pickle_in_the_place_of_arrays(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "trapped"),))

    for name in ("model.safetensors", "config.json"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(pickle.dumps(Trap()))
        sign(folder)
        refused(folder, "no valid")
        (folder / name).write_bytes(whole)
    assert not (tmp_path / "trapped").exists()


def test_arrays_that_no_estimator_uses(edit):
    refused(edit(on_arrays=lambda a: a.update(more=np.zeros(3))), "holds more, which no estimator")


def test_arrays_that_are_missing_or_of_another_shape_or_type(folder, edit):
    def named(arrays, end):
        return next(name for name in arrays if name.endswith(end))

    spoilers = {
        "is missing in model.safetensors": lambda a, n: a.pop(n),
        r"has the shape \(\), expected": lambda a, n: a.update({n: np.array(1.0)}),
        r"has the shape \(1, 7\), expected": lambda a, n: a.update({n: np.zeros((1, 7))}),
        "holds NaN or infinity": lambda a, n: a.update({n: a[n] * np.nan}),
        "is of type float16": lambda a, n: a.update({n: a[n].astype("float16")}),
    }
    for message, spoil in spoilers.items():
        edit(on_arrays=lambda a, spoil=spoil: spoil(a, named(a, "logisticregression.coef_")))
        refused(folder, message)
        edit(on_arrays=lambda a: a.update({named(a, "coef_"): np.ones((1, 2))})
             if any(n.endswith("coef_") for n in a) else
             a.update({"model.divoteclassifier.final_estimator_.logisticregression.coef_":
                       np.ones((1, 2))}))  # fmt: skip
        load_model(folder)


def test_weights_that_do_not_fit_the_network(folder, edit):
    def grow(arrays):
        name = next(n for n in arrays if n.endswith("weight"))
        arrays[name] = np.zeros((3, *arrays[name].shape[1:]), np.float32)

    refused(edit(on_arrays=grow), r"NEMGNetClassifier needs .* of shape \(2, 1, 11\)")


# -- config ------------------------------------------------------------------------------------


def parameter(estimator, name, value):
    return lambda config, by_name: by_name[estimator]["parameters"].update({name: value})


def state(estimator, name, value):
    return lambda config, by_name: by_name[estimator]["state"].update({name: value})


def named(estimator, name):
    return lambda config, by_name: by_name[estimator].update(estimator=name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, n: c.update(schema=3), "has the schema 3, and this version reads 2: update"),
        (lambda c, n: c.update(schema=1), "the schema 1, and this version reads 2: load the model "
         r"by the version of sknemg that saved it \('0\.1\.0'\), or train it anew"),
        (lambda c, n: c.update(schema=1, versions=0), "of sknemg that saved it, or train it anew"),
        (lambda c, n: c.update(schema=True), "has the schema True"),
        (lambda c, n: c.update(schema="1"), "has the schema '1'"),
        (lambda c, n: c.update(format="other"), "is not that of a model"),
        (lambda c, n: [1], "is not that of a model"),
        (lambda c, n: c.update(more=1), "expected one with format"),
        (lambda c, n: c.pop("versions") and None, "expected one with format"),
        (lambda c, n: c.update(versions={"sknemg": 1}), "versions in config.json are not all text"),
        (lambda c, n: c["input"].update(sfreq=48000.0), "describes the input as"),
        (lambda c, n: c["input"].update(unit="uV"), "describes the input as"),
        # what has to be said of it
        (lambda c, n: c.update(caution=1), "caution of config.json is 1, not a line of text"),
        (lambda c, n: c.update(caution="Beware."), r"the caution .Beware.., its estimators \[\]"),
        (lambda c, n: n["Pipeline"].update(caution="Beware."), r"caution '', its estim.*Beware"),
        (lambda c, n: n["Pipeline"].update(caution="a\nb"), "caution of model.* not a line"),
        (lambda c, n: n["Pipeline"].update(caution=""), "has the caution '', as no Pipeline has"),
        # classes that are not on the list, whatever their name
        (named("Pipeline", "os.system"), "is said to be a 'os.system', which this version"),
        (named("StandardScaler", "sklearn.ensemble.RandomForestClassifier"), "is said to be a"),
        (named("StandardScaler", "RandomForestClassifier"), "is said to be a 'RandomForestClass"),
        (named("StandardScaler", ["StandardScaler"]), "is said to be a"),
        (named("StandardScaler", "__class__"), "is said to be a"),
        (named("NEMGNetClassifier", "StandardScaler"), "has "),
        (named("LogisticRegression", "GaussianNB"), "has "),
        # parameters
        (parameter("NEMGNetClassifier", "width", 10**6), "width is 1000000, beyond 4096"),
        (parameter("NEMGNetClassifier", "width", 4096), "needs .* of shape"),
        (parameter("NEMGNetClassifier", "version", "D"), "needs .* of shape"),
        (parameter("NEMGNetClassifier", "version", "Z"), "has wrong parameters"),
        (parameter("NEMGNetClassifier", "callbacks", []), "callbacks is .*, which no file states"),
        (parameter("NEMGNetClassifier", "augment", {"tuple": []}), "which no file states"),
        (parameter("NEMGNetClassifier", "device", "cuda:7"), "which no file states"),
        (parameter("NEMGNetClassifier", "__class__", "x"), "which the installed version does not"),
        (parameter("Segmenter", "window", 1e15), "window is 1000000000000000.0, beyond 60"),
        (parameter("Segmenter", "window", 1e300), "no parameter"),
        (parameter("Segmenter", "window", -1), "has wrong parameters"),
        (parameter("Segmenter", "window", {"object": "x"}), "no parameter"),
        (parameter("Segmenter", "window", None), "has wrong parameters"),
        (parameter("Pipeline", "memory", "/tmp/cache"), "which no file states"),
        (parameter("LogisticRegression", "C", {"mapping": [[[1], 2]]}), "keys of another kind"),
        (parameter("LogisticRegression", "C", {"mapping": [1]}), "without pairs"),
        # what was learned
        (state("NEMGNetClassifier", "input_shape_", [2**40]), "the shape of no item"),
        (state("NEMGNetClassifier", "input_shape_", [2**20, 2**20]), "the shape of no item"),
        (state("NEMGNetClassifier", "input_shape_", [2**30]), "needs .* of shape"),
        (state("NEMGNetClassifier", "input_shape_", [1, 1, 1]), "cannot be: X has rows of shape"),
        (state("NEMGNetClassifier", "classes_", {"labels": ["b", "a"], "dtype": "str"}), "sorted"),
        (state("NEMGNetClassifier", "classes_", {"labels": ["a", "a"], "dtype": "str"}), "sorted"),
        (state("NEMGNetClassifier", "classes_", {"labels": ["a", 1], "dtype": "str"}), "one known"),
        (state("NEMGNetClassifier", "classes_", {"labels": [1, 2**70], "dtype": "int64"}), "fit"),
        (state("NEMGNetClassifier", "classes_", {"labels": ["a", "z"], "dtype": "str"}), "not am"),
        (state("NEMGNetClassifier", "classes_", {"labels": ["a"], "dtype": "V8"}), "one known"),
        (state("NEMGNetClassifier", "_net", 1), r"has \['_net'\], as no "),
        (state("NEMGNetClassifier", "fit", 1), r"has \['fit'\], as no "),
        (state("DiVoteClassifier", "subject_features_", "eval"), "not possible there"),
        (state("DiVoteClassifier", "sfreq_", [1]), "not possible there"),
        (state("DiVoteClassifier", "estimator_", None), "expected a mapping"),
        (state("DiVoteClassifier", "votes_", [[1, 2]]), "as no "),
        (state("Pipeline", "steps", []), "has no steps"),
        (state("Pipeline", "steps", [["a", "passthrough"], ["a", None]]), "two of one name"),
        (state("Pipeline", "steps", [["../a", None]]), "a step without a name"),
        (state("StandardScaler", "n_features_in_", 10**9), "expected .features."),
        (state("StandardScaler", "n_features_in_", True), "not possible"),
        (lambda c, n: n["StandardScaler"]["state"].pop("mean_") and None, "lacks mean_"),
        (lambda c, n: n["DiVoteClassifier"]["state"].pop("estimator_") and None, "lacks estimat"),
        (lambda c, n: c.update(model=n["StandardScaler"]), "which no estimator uses|missing"),
    ],
)  # fmt: skip
def test_a_config_that_lies(edit, change, message):
    folder = edit(change)
    tracemalloc.start()
    refused(folder, message)
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": "sknemg-model", "format": "sknemg-model"}', "gives 'format' twice"),
        ('{"schema": NaN}', "not finite"),
        ('{"schema": 1e999}', "not finite"),
        ("[" * 100_000, "nested too deep|no valid JSON"),
        ('{"schema": ' + "1" * 5000 + "}", "no valid JSON"),
        ("\ufeff{}", "no valid JSON|not that of a model"),
        ("", "no valid JSON"),
    ],
)  # fmt: skip
def test_json_that_is_none(folder, text, message):
    (folder / "config.json").write_text(text)
    sign(folder)
    refused(folder, message)


def test_a_duplicate_key_far_inside(folder):
    text = (folder / "config.json").read_text()
    doubled = text.replace('"width": 2', '"width": 2, "width": 2', 1)
    assert doubled != text
    (folder / "config.json").write_text(doubled)
    sign(folder)
    refused(folder, "gives 'width' twice: do not trust the file")


def test_nesting_without_end(edit):
    def nest(config, by_name):
        tree = config["model"]
        for _ in range(60):
            tree = {"estimator": "Pipeline", "parameters": {}, "state": {"steps": [["s", tree]]}}
        config["model"] = tree

    refused(edit(nest), "nested more than 20 deep")
    refused(edit(parameter("LogisticRegression", "C", deep(80))), "more than 40 deep|no list|20")


def deep(n):
    value = 1
    for _ in range(n):
        value = [value]
    return value


def test_nothing_that_a_file_names_is_imported(edit, monkeypatch):
    asked = []
    from sknemg.persistence import _kinds

    own = _kinds.import_module
    monkeypatch.setattr(_kinds, "import_module", lambda n: asked.append(n) or own(n))
    folder = edit(named("StandardScaler", "antigravity.Anything"))
    before = set(sys.modules)
    with suppress(InvalidModelError):
        load_model(folder)
    assert "antigravity" not in set(sys.modules) - before
    assert set(asked) <= {kind.module for kind in _kinds.KINDS.values()}
